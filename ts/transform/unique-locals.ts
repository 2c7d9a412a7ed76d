/**
 * Gives every loop private containers of its own. Copies of a loop (its pieces, say) have the same ones, which is right as long as nobody asks to which loop a
 * container belongs; differentiation does: that is where a local's cotangent begins at zero, and what a tape has to stay inside of.
 * Pre: a valid graph. Post: same program; no container is private to two loops.
 */
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { rewriteNodes } from "../analysis/walk.js";
import type { Container, Loop, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { freshContainer } from "./nests.js";

export function uniqueLocals(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers), taken = new Set<string>();
  const own = (l: Loop): Loop => {
    const again = (l.locals ?? []).filter((x) => taken.has(x) && !containers.get(x)!.view);
    for (const x of l.locals ?? []) taken.add(x);
    if (again.length === 0) return l;
    const names = new Map<string, string>();
    const copy = (name: string, c: Container): string => {
      const to = freshContainer(containers, name);
      containers.set(to, { ...c, name: to });
      names.set(name, to);
      return to;
    };
    for (const x of again) {
      const base = copy(x, containers.get(x)!);
      taken.add(base);
      for (const [name, c] of [...containers]) if (c.view?.base === x) copy(name, { ...c, view: { ...c.view, base } });
    }
    return rewriteNodes([l], { name: (x) => names.get(x) ?? x })[0] as Loop;
  };
  const visit = (list: readonly Node[]): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      const mine = n.kind === "loop" ? own(n) : n, bs = bodiesOf(mine), inner = bs.map((b) => visit(b.list));
      const next = inner.every((x, i) => x === bs[i]!.list) ? mine : withBodies(mine, inner);
      if (next !== n) changed = true;
      return next;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body);
  return body === graph.body ? graph : graph.with({ body, containers });
}
