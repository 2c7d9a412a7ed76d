/** Elements that a loop only combines into: what an accumulator can stand for while the loop runs. */
import { accessesOf, type Access } from "../analysis/accesses.js";
import { localsOf, loopFacts, mayMeet } from "../analysis/dependence.js";
import { bodiesOf } from "../analysis/paths.js";
import { isComplex } from "../base/dtypes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node, Wcr } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { dependsOn, type Expr } from "../symbolic/expr.js";

export interface Reduction { readonly data: string; readonly wcr: Wcr; readonly index: readonly Expr[] }

/** `data[index]` as a key. */
export function elementKey(m: { readonly data: string; readonly index: readonly Expr[] }): string { return `${m.data}[${m.index.map((e) => e.key).join(",")}]`; }

/**
 * The elements, by key, whose only accesses in the loop combine into them in one way, at an index that is the same in all iterations; nothing else in the
 * loop touches them, provably, but writes that combine in the same way (not under strict precision, where the order of combination counts).
 * Empty where an iteration can leave the loop. `facts`: what holds around the loop; `accesses`: of the loop.
 */
export function reductionsOf(graph: Graph, l: Loop, options: { readonly strict: boolean }, facts: Assumptions = graph.facts, accesses: readonly Access[] = accessesOf(graph, [l])): Map<string, Reduction> {
  const out = new Map<string, Reduction>();
  const candidates = accesses.filter((a) => a.write && a.wcr !== undefined);
  if (candidates.length === 0 || leaves(l.body, new Set())) return out;
  const variables = new Set<string>();
  const collect = (n: Node): void => { if (n.kind === "loop") variables.add(n.variable); else if (n.kind === "while") variables.add(n.counter); for (const b of bodiesOf(n)) b.list.forEach(collect); };
  collect(l);
  const locals = localsOf([l]), known = facts.with(...loopFacts(l));
  // Every access that combines into the element must be alone: one of them may stand in a loop that never runs, which proves nothing for the others.
  const refused = new Set<string>();
  for (const a of candidates) {
    const key = elementKey(a), dtype = graph.container(a.data).dtype;
    if (refused.has(key) || a.extra.length > 0 || a.node.kind !== "tasklet" || locals.has(a.base) || dtype === "bool" || (isComplex(dtype) && (a.wcr === "min" || a.wcr === "max"))) continue;
    if (a.index.some((e) => e.key.includes("[") || [...variables].some((v) => dependsOn(e, v)))) continue;
    // An accumulator touches the element whether or not the loops between it and the write run: their ranges prove nothing.
    const here: Access = { ...a, path: a.path.filter((_, i) => i === 0 || i === a.path.length - 1), guard: [] };
    const alone = accesses.every((b) => b.base !== a.base || (b.write && b.wcr === a.wcr && (!options.strict || elementKey(b) === key)) || !mayMeet(graph, here, b, new Map(), known));
    if (alone) out.set(key, { data: a.data, wcr: a.wcr!, index: a.index }); else { refused.add(key); out.delete(key); }
  }
  return out;
}

/** Can control leave the body other than at its end? */
export function leaves(body: readonly Node[], labels: ReadonlySet<string>): boolean {
  return body.some((n) => {
    if (n.kind === "raise") return true;
    if (n.kind === "exit") return !labels.has(n.label);
    const inner = n.kind === "block" ? new Set([...labels, n.label]) : labels;
    return bodiesOf(n).some((b) => leaves(b.list, inner));
  });
}
