/** Questions about single expressions, answered yes, no or unknown by the constraint system; bounds over loop ranges. */
import { add, addInt, affine, mul, neg, sub, sym, freeSymbols, type Expr } from "./expr.js";
import type { Assumptions, Tri } from "./assumptions.js";
import { eq, ge, infeasible } from "./system.js";

/** Is e >= 0? */
export function nonNegative(e: Expr, facts: Assumptions): Tri {
  const c = e.constant;
  if (c !== undefined) return c >= 0 ? "yes" : "no";
  if (infeasible([ge(addInt(neg(e), -1))], facts)) return "yes";
  return infeasible([ge(e)], facts) ? "no" : "unknown";
}
export function isPositive(e: Expr, facts: Assumptions): Tri { return nonNegative(addInt(e, -1), facts); }
export function isLessEqual(a: Expr, b: Expr, facts: Assumptions): Tri { return nonNegative(sub(b, a), facts); }
export function isLess(a: Expr, b: Expr, facts: Assumptions): Tri { return nonNegative(addInt(sub(b, a), -1), facts); }
export function isEqual(a: Expr, b: Expr, facts: Assumptions): Tri {
  const d = sub(a, b), c = d.constant;
  if (c !== undefined) return c === 0 ? "yes" : "no";
  if (infeasible([ge(addInt(d, -1))], facts) && infeasible([ge(addInt(neg(d), -1))], facts)) return "yes";
  return infeasible([eq(d)], facts) ? "no" : "unknown";
}

/** A loop's range as data for bounds: variable in [begin, end). */
export interface LoopRange { readonly variable: string; readonly begin: Expr; readonly end: Expr }

/**
 * An expression without the loops' variables that bounds e from below (above) wherever all the loops run, by substituting corners from the
 * innermost loop outwards. Undefined where e is not affine in a variable or a coefficient's sign is unknown.
 */
export function upperBound(e: Expr, loops: readonly LoopRange[], facts: Assumptions): Expr | undefined {
  const l = lowerBound(neg(e), loops, facts);
  return l && neg(l);
}
export function lowerBound(e: Expr, loops: readonly LoopRange[], facts: Assumptions): Expr | undefined {
  let current = e;
  for (let i = loops.length - 1; i >= 0; i--) {
    const { variable, begin, end } = loops[i]!;
    if (!freeSymbols(current).has(variable)) continue;
    const a = affine(current, new Set([variable]));
    const k = a?.coefficients.get(variable);
    if (!a || !k) return undefined;
    const outer = facts.with(...loops.slice(0, i).flatMap((l) => rangeFacts(l)));
    const sign = nonNegative(k, outer);
    if (sign === "yes") current = add(a.rest, mul(k, begin));
    else if (nonNegative(neg(k), outer) === "yes") current = add(a.rest, mul(k, addInt(end, -1)));
    else return undefined;
  }
  return current;
}

/** `begin <= variable < end` as facts. */
export function rangeFacts(l: LoopRange): readonly Expr[] {
  const v = sym(l.variable);
  return [sub(v, l.begin), addInt(sub(l.end, v), -1)];
}
