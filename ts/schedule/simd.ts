/**
 * Marks innermost maps whose iterations the compiler may interleave without looking: no two of them combine into one element, reductions into a single
 * element aside. Pre and post: a valid graph. Safe because plain writes of a map are distinct by definition and combining ones are proven apart here.
 */
import { accessesOf } from "../analysis/accesses.js";
import { localsOf, loopFacts, mayMeet } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { elementKey, leaves, reductionsOf } from "./reductions.js";

export function markSimd(graph: Graph): Graph { return graph.with({ body: visit(graph, graph.body, graph.facts) }); }

function visit(graph: Graph, body: readonly Node[], facts: Assumptions): readonly Node[] {
  return body.map((n): Node => {
    if (n.kind !== "loop") return withBodies(n, bodiesOf(n).map((b) => visit(graph, b.list, facts)));
    if (isInnermost(n)) return independent(graph, n, facts) ? { ...n, schedule: { ...n.schedule, simd: true } } : n;
    return { ...n, body: visit(graph, n.body, facts.with(...loopFacts(n))) };
  });
}

export function isInnermost(l: Loop): boolean {
  const flat = (body: readonly Node[]): boolean => body.every((n) => n.kind === "tasklet" || (n.kind === "conditional" && n.branches.every((b) => flat(b.body))));
  return flat(l.body);
}

function independent(graph: Graph, l: Loop, facts: Assumptions): boolean {
  if (l.order !== "any" || leaves(l.body, new Set())) return false;
  const accesses = accessesOf(graph, [l]), locals = localsOf([l]), reductions = reductionsOf(graph, l, { strict: false }, facts, accesses);
  // Loaded indices are checked one by one.
  if (accesses.some((a) => a.index.some((e) => e.key.includes("[")))) return false;
  const known = facts.with(...loopFacts(l));
  return accesses.every((a) => {
    if (!a.write || !a.wcr || locals.has(a.base) || reductions.has(elementKey(a))) return true;
    return accesses.every((b) => b.base !== a.base || (b.wcr === a.wcr && reductions.has(elementKey(b))) || !(mayMeet(graph, a, b, new Map([[l.variable, "<"]]), known) || (a !== b && mayMeet(graph, a, b, new Map([[l.variable, ">"]]), known))));
  });
}
