/**
 * One loop for every private container: where several loops list the same name (bodies that were copied: a step that is taken and the one that runs again), each but the first gets containers of its own. The host runs some
 * loops and kernels others; what belongs to an iteration in one place would else be shared in another under the same name.
 * Post: the same values; no name is listed by two loops. Safe because a private container is touched in its loop only, where every iteration writes it before it reads it.
 */
import { rewriteNode } from "../../analysis/walk.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Container, Node } from "../../sdfg/nodes.js";

export function ownLocals(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers), seen = new Set<string>();
  let changed = false;
  const visit = (given: Node): Node => {
    let n = given;
    if (n.kind === "loop" && n.locals?.length) {
      const again = new Set(n.locals.filter((x) => seen.has(x))), names = new Map<string, string>();
      // What looks at one of them in another shape goes with it.
      for (const c of graph.containers.values()) if (again.has(c.name) || (c.view && (again.has(c.view.base) || names.has(c.view.base)))) names.set(c.name, fresh(c.name));
      if (names.size > 0) {
        changed = true;
        for (const [old, name] of names) { const c = containers.get(old)!; containers.set(name, { ...c, name, ...(c.view ? { view: { ...c.view, base: names.get(c.view.base) ?? c.view.base } } : {}) }); }
        n = rewriteNode(n, { name: (x) => names.get(x) ?? x });
      }
      for (const x of (n as typeof given & { kind: "loop" }).locals!) seen.add(x);
    }
    return withBodies(n, bodiesOf(n).map((b) => b.list.map(visit)));
  };
  const fresh = (base: string): string => { let k = 2; while (containers.has(`${base}_own${k}`)) k++; return `${base}_own${k}`; };
  const body = graph.body.map(visit);
  return changed ? graph.with({ containers, body }) : graph;
}
