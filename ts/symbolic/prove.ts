/** Questions about single expressions, answered yes, no or unknown by the constraint system; bounds over loop ranges. */
import { add, addInt, affine, dependsOn, floordiv, freeSymbols, int, max, min, mul, neg, ofAtom, scale, sub, sym, type Atom, type Expr } from "./expr.js";
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
 * innermost loop outwards. Minima, maxima, floor divisions and remainders are bounded part by part. Undefined where that is not possible or a coefficient's sign
 * is unknown.
 */
export function upperBound(e: Expr, loops: readonly LoopRange[], facts: Assumptions): Expr | undefined {
  const l = lowerBound(neg(e), loops, facts);
  return l && neg(l);
}
export function lowerBound(e: Expr, loops: readonly LoopRange[], facts: Assumptions): Expr | undefined {
  let current: Expr | undefined = e;
  for (let i = loops.length - 1; i >= 0 && current; i--) {
    if (!freeSymbols(current).has(loops[i]!.variable)) continue;
    current = eliminate(current, loops[i]!, facts.with(...loops.slice(0, i).flatMap((l) => rangeFacts(l))));
  }
  return current;
}

/** A lower bound without the loop's variable. */
function eliminate(e: Expr, l: LoopRange, facts: Assumptions): Expr | undefined {
  const only = new Set([l.variable]), a = affine(e, only);
  if (a) {
    const k = a.coefficients.get(l.variable);
    if (!k) return a.rest;
    if (nonNegative(k, facts) === "yes") return add(a.rest, mul(k, l.begin));
    return nonNegative(neg(k), facts) === "yes" ? add(a.rest, mul(k, addInt(l.end, -1))) : undefined;
  }
  let plain: Expr = e;
  const parts: Expr[] = [];
  for (const t of e.terms) {
    const atom = t.atoms[0];
    if (!atom || atom.kind === "symbol" || t.atoms.length !== 1) continue;
    const whole = ofAtom(atom);
    if (!dependsOn(whole, l.variable)) continue;
    const b = extreme(atom, l, facts, t.coefficient > 0);
    if (!b) return undefined;
    parts.push(scale(b, t.coefficient));
    plain = sub(plain, scale(whole, t.coefficient));
  }
  if (parts.length === 0) return undefined;
  const rest = eliminate(plain, l, facts);
  return rest && add(rest, ...parts);
}

/** A lower (or upper) bound of one atom. */
function extreme(a: Atom, l: LoopRange, facts: Assumptions, lower: boolean): Expr | undefined {
  const bound = (x: Expr): Expr | undefined => { if (lower) return eliminate(x, l, facts); const b = eliminate(neg(x), l, facts); return b && neg(b); };
  switch (a.kind) {
    case "min": case "max": {
      // One argument bounds a minimum from above and a maximum from below; the other way all are needed.
      const bs = a.args.map(bound), found = bs.filter((b) => b !== undefined), loose = (a.kind === "min") !== lower;
      return found.length === bs.length || (loose && found.length > 0) ? (a.kind === "min" ? min : max)(...found) : undefined;
    }
    case "floordiv": {
      const k = a.b.constant, b = k !== undefined && k > 0 ? bound(a.a) : undefined;
      return b && floordiv(b, a.b);
    }
    case "mod": { const k = a.b.constant; return k !== undefined && k > 0 ? int(lower ? 0 : k - 1) : undefined; }
    default: return undefined;
  }
}

const ranges = new WeakMap<object, readonly [Expr, Expr]>();
/** `begin <= variable < end` as facts. Remembered: they are asked for at every visit of a loop. */
export function rangeFacts(l: LoopRange): readonly [Expr, Expr] {
  let known = ranges.get(l);
  if (!known) {
    const v = sym(l.variable);
    ranges.set(l, known = [sub(v, l.begin), addInt(sub(l.end, v), -1)]);
  }
  return known;
}
