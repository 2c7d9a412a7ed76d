/** What an innermost loop can have computed before it starts: offsets, and elements that it reads but does not change. */
import { accessesOf } from "../analysis/accesses.js";
import { localsOf, mayMeet } from "../analysis/dependence.js";
import { bodiesOf } from "../analysis/paths.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Memlet, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { dependsOn, type Expr } from "../symbolic/expr.js";
import type { Integers } from "./integers.js";
import { memletKey } from "./scope.js";

/** Flat offsets of all accesses in the bodies. */
export function offsetsOf(graph: Graph, bodies: readonly (readonly Node[])[], integers: Integers): Expr[] {
  const out: Expr[] = [];
  const memlet = (m: Memlet): void => { const c = graph.container(m.data); if (c.shape.length > 0) out.push(integers.flat(c, m.index)); };
  const scan = (n: Node): void => {
    if (n.kind === "tasklet") { n.inputs.forEach(memlet); memlet(n.output); }
    else if (n.kind === "conditional") for (const b of n.branches) b.condition?.inputs.forEach(memlet);
    for (const b of bodiesOf(n)) b.list.forEach(scan);
  };
  for (const b of bodies) b.forEach(scan);
  return out;
}

/** Elements that the tasklets of an innermost loop read in every iteration and that nothing in the loop writes. */
export function invariantReads(graph: Graph, l: Loop, bodies: readonly (readonly Node[])[], facts: Assumptions): Memlet[] {
  const found = new Map<string, Memlet>(), locals = localsOf([l]);
  for (const body of bodies) for (const n of body) {
    if (n.kind !== "tasklet") continue;
    for (const m of n.inputs) if (!m.guard?.length && !locals.has(m.data) && !m.index.some((e) => dependsOn(e, l.variable) || e.key.includes("["))) found.set(memletKey(m), m);
  }
  if (found.size === 0) return [];
  const accesses = accessesOf(graph, [l]), out: Memlet[] = [];
  for (const [key, m] of found) {
    const reads = accesses.filter((a) => !a.write && memletKey(a) === key);
    const base = graph.container(m.data).view?.base ?? m.data;
    const changed = accesses.some((w) => w.write && w.base === base && reads.some((r) => mayMeet(graph, r, w, new Map(), facts)));
    if (!changed && reads.length > 0) out.push(m);
  }
  return out;
}

/** Keys of elements that the tasklets of a list read after they have been read or written there. */
export function sharedKeys(body: readonly Node[]): Set<string> {
  const seen = new Set<string>(), shared = new Set<string>();
  for (const n of body) {
    if (n.kind !== "tasklet") continue;
    for (const key of new Set(n.inputs.filter((m) => !m.guard?.length).map(memletKey))) { if (seen.has(key)) shared.add(key); seen.add(key); }
    if (n.wcr) { const key = memletKey(n.output); if (seen.has(key)) shared.add(key); }
    seen.add(memletKey(n.output));
  }
  return shared;
}
