/** How far a loop's variable can go, in sizes alone: what an array that keeps a value per iteration must hold. */
import type { Loop, Memlet, Node } from "../sdfg/nodes.js";
import { nameOf, type Around } from "./paths.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, freeSymbols, loadedContainers, mapAtoms, max, min, neg, sub, ZERO, type Expr } from "../symbolic/expr.js";
import { lowerBound, nonNegative, upperBound, type LoopRange } from "../symbolic/prove.js";

/** The variable stays in [begin, begin + size). */
export interface Extent { readonly begin: Expr; readonly size: Expr }

export const rangesOf = (loops: readonly Loop[]): LoopRange[] => loops.map((l) => ({ variable: l.variable, begin: l.begin, end: l.end }));

/**
 * Bounds of a loop's variable over all iterations of the loops around it, without loop variables and loaded values (both are known only as the program
 * runs). Where the loop's own bounds do not give them, the indices that every iteration uses do: an access outside its container is an error of the program.
 */
export function loopExtent(outer: readonly Around[], l: Loop, shapeOf: (data: string) => readonly Expr[], facts: Assumptions): Extent | undefined {
  const around = rangesOf(outer.filter((x) => x.kind === "loop")), hidden = new Set([...outer, l].map(nameOf));
  const known = (e: Expr | undefined): e is Expr => e !== undefined && loadedContainers(e).size === 0 && ![...freeSymbols(e)].some((s) => hidden.has(s));
  let begin = lowerBound(withoutLoads(l.begin, "max"), around, facts), end = upperBound(withoutLoads(l.end, "min"), around, facts);
  if (!known(begin) || !known(end)) {
    for (const { m, d } of indices(l.body)) {
      const a = affine(m.index[d]!, new Set([l.variable])), k = a?.coefficients.get(l.variable)?.constant;
      if (!a || (k !== 1 && k !== -1)) continue;
      // 0 <= k·v + rest < n
      const low = k === 1 ? neg(a.rest) : addInt(sub(a.rest, shapeOf(m.data)[d]!), 1), high = k === 1 ? sub(shapeOf(m.data)[d]!, a.rest) : addInt(a.rest, 1);
      if (!known(begin)) { const b = lowerBound(low, around, facts); if (known(b)) begin = b; }
      if (!known(end)) { const e = upperBound(high, around, facts); if (known(e)) end = e; }
    }
  }
  return known(begin) && known(end) ? { begin, size: sub(end, begin) } : undefined;
}

/** Loaded arguments of a minimum (maximum) left out, which bounds it from above (below). */
function withoutLoads(e: Expr, kind: "min" | "max"): Expr {
  if (loadedContainers(e).size === 0 || !e.terms.every((t) => t.atoms.length <= 1 && (t.atoms[0]?.kind !== kind || t.coefficient > 0))) return e;
  return mapAtoms(e, (a) => {
    if (a.kind !== kind) return undefined;
    const rest = a.args.filter((x) => loadedContainers(x).size === 0);
    return rest.length > 0 ? (kind === "min" ? min : max)(...rest) : undefined;
  });
}

/** Memlets that every iteration of the list executes. */
function indices(body: readonly Node[]): { readonly m: Memlet; readonly d: number }[] {
  return body.flatMap((n) => (n.kind === "tasklet" ? [...n.inputs, n.output] : [])).filter((m) => !m.guard?.length).flatMap((m) => m.index.map((_, d) => ({ m, d })));
}

/** The expression, but at least 0. */
export function clamped(e: Expr, facts: Assumptions): Expr { return nonNegative(e, facts) === "yes" ? e : max(e, ZERO); }
