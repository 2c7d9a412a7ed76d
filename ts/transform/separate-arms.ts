/**
 * A buffer that only the arms of one conditional use, each of which overwrites it first, becomes one buffer per arm: then each lives in its own arm, and the arena
 * gives all of them the same room.
 * Pre: a valid graph. Post: same values. Safe because nothing of it passes from one run of an arm to another.
 */
import { readsItself, startsFresh } from "../analysis/fresh.js";
import { effectsOf } from "../analysis/order.js";
import { mapNodes, rewriteNodes, visitNodes } from "../analysis/walk.js";
import type { Container, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { sharedOrPrivate } from "./loop-to-map.js";
import { freshContainer } from "./nests.js";

export function separateArms(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), counts = new Map<string, number>();
  for (const n of graph.body) for (const a of effectsOf(graph, n).accesses) counts.set(a.base, (counts.get(a.base) ?? 0) + 1);
  const containers = new Map<string, Container>(graph.containers), touches = (n: Node, data: string): boolean => effectsOf(graph, n).reads.has(data) || effectsOf(graph, n).writes.has(data);
  const renamed = new Map<number, readonly Map<string, string>[]>();
  visitNodes(graph.body, (n) => {
    if (n.kind !== "conditional") return;
    const seen = new Set<string>(), mine = n.branches.map(() => new Map<string, string>());
    for (const [k, b] of n.branches.entries()) for (const data of new Set(b.body.flatMap((x) => [...effectsOf(graph, x).writes]))) {
      if (!seen.has(data)) { seen.add(data); continue; }
      const c = graph.container(data);
      if (fixed.has(data) || !c.transient || c.shape.length === 0 || c.growable || effectsOf(graph, n).of(data).length !== counts.get(data)) continue;
      if (readsItself(graph, n, data) || !n.branches.every((x) => !x.body.some((y) => touches(y, data)) || startsFresh(graph, x.body, data))) continue;
      const name = freshContainer(containers, data);
      containers.set(name, { ...c, name });
      mine[k]!.set(data, name);
    }
    renamed.set(n.id, mine);
  });
  const body = mapNodes(graph.body, (n) => {
    const mine = renamed.get(n.id);
    return n.kind === "conditional" && mine?.some((m) => m.size > 0) ? { ...n, branches: n.branches.map((b, k) => ({ ...b, body: rewriteNodes(b.body, { name: (x) => mine[k]!.get(x) ?? x }) })) } : n;
  });
  return containers.size === graph.containers.size ? graph : graph.with({ body, containers });
}
