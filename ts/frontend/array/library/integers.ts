/** Symbolic integers in the two languages' arithmetic: what is proven of them, and what is taken for granted under an entry check. */
import type { SourceLoc } from "../../../base/errors.js";
import { add, addInt, divideExact, floordiv, freeSymbols, int, loadedContainers, max, mod, mul, neg, sub, sym, ofTerm, ZERO, type Expr } from "../../../symbolic/expr.js";
import { nonNegative } from "../../../symbolic/prove.js";
import { entryBound } from "../bounds.js";
import type { Lowering } from "../context.js";

/** Is e >= 0 here for certain? */
export function proven(ctx: Lowering, e: Expr): boolean { return nonNegative(e, ctx.facts) === "yes"; }

/**
 * Is e >= 0 here, or may the program be lowered as if it were? The second only where an entry check can test the smallest value that e takes over
 * the loops around.
 */
export function holds(ctx: Lowering, e: Expr, message: string, loc?: SourceLoc): boolean {
  const known = nonNegative(e, ctx.facts);
  return known === "unknown" ? speculate(ctx, e, message, loc) : known === "yes";
}

/** Takes a fact as the ordinary case, if a check on entry can establish it. */
export function speculate(ctx: Lowering, e: Expr, message: string, loc?: SourceLoc): boolean {
  if (!ctx.signature.speculate || loadedContainers(e).size > 0) return false;
  const bound = entryBound(ctx, e, "lower");
  if (!bound) return false;
  if (bound.constant !== undefined) return bound.constant >= 0;
  if (nonNegative(bound, ctx.facts) === "no" || !plausible(ctx, bound)) return false;
  ctx.check({ kind: "speculation", expr: bound, message, ...(loc ? { loc } : {}) });
  ctx.assume(bound);
  return true;
}

/** May `bound` >= 0 be taken for granted under a check on entry? What asks for a size or a number of nothing at all would hardly ever hold, and what is lowered after it would be lowered for that. */
export function plausible(ctx: Lowering, bound: Expr): boolean {
  const then = ctx.facts.with(bound);
  return ![...freeSymbols(bound)].some((s) => nonNegative(neg(sym(s)), then) === "yes" && nonNegative(neg(sym(s)), ctx.facts) !== "yes");
}

/** Whether e is in [-2^31, 2^31), so that JavaScript's bit operators do not change it. */
export function fits32(ctx: Lowering, e: Expr, loc?: SourceLoc): boolean {
  return holds(ctx, addInt(e, 2 ** 31), "an integer in a bit operation is at least -2^31", loc) && holds(ctx, addInt(sub(int(2 ** 31), e), -1), "an integer in a bit operation is below 2^31", loc);
}

/** Whether b is known not to be 0. */
export function nonZero(ctx: Lowering, b: Expr): boolean {
  const c = b.constant;
  return c !== undefined ? c !== 0 : proven(ctx, addInt(b, -1)) || proven(ctx, addInt(neg(b), -1));
}

/** a / b rounded towards zero, for b != 0. Undefined where the sign of b is not known. */
export function truncatedDiv(ctx: Lowering, a: Expr, b: Expr): Expr | undefined {
  const exact = divideExact(a, b);
  if (exact) return exact;
  if (!proven(ctx, addInt(b, -1))) return proven(ctx, neg(b)) ? truncatedDiv(ctx, neg(a), neg(b)) : undefined;
  if (proven(ctx, a)) return floordiv(a, b);
  if (proven(ctx, neg(a))) return neg(floordiv(neg(a), b));
  return sub(floordiv(max(a, ZERO), b), floordiv(max(neg(a), ZERO), b));
}

/** JavaScript's a % b (sign of a) for b != 0. Undefined where the sign of b is not known. */
export function remainder(ctx: Lowering, a: Expr, b: Expr): Expr | undefined {
  // Where nothing can run everything is proven: one turn of the sign is enough.
  if (!proven(ctx, addInt(b, -1))) return proven(ctx, addInt(neg(b), -1)) ? remainder(ctx, a, neg(b)) : undefined;
  if (proven(ctx, a)) return modulo(ctx, withoutRemainders(a, b), b);
  if (proven(ctx, neg(a))) return neg(modulo(ctx, neg(a), b));
  return sub(mod(max(a, ZERO), b), mod(max(neg(a), ZERO), b));
}

/** a modulo b for b > 0, without whole multiples of b; a itself where it is already in [0, b). */
export function modulo(ctx: Lowering, a: Expr, b: Expr): Expr {
  if (proven(ctx, a) && proven(ctx, addInt(sub(b, a), -1))) return a;
  let rest = a;
  if (b.constant === undefined) for (const t of a.terms) { const e = ofTerm(t); if (divideExact(e, b)) rest = sub(rest, e); }
  if (rest !== a && proven(ctx, rest) && proven(ctx, addInt(sub(b, rest), -1))) return rest;
  return mod(rest, b);
}

/** Writes mod(max(u, 0), b) - mod(max(-u, 0), b), which is u % b, as u: the same modulo b. */
function withoutRemainders(e: Expr, b: Expr): Expr {
  let out = e;
  for (const t of e.terms) {
    const atom = t.atoms[0];
    if (t.atoms.length !== 1 || t.coefficient !== 1 || atom?.kind !== "mod" || atom.b.key !== b.key) continue;
    const m = atom.a.terms[0]?.atoms[0];
    if (atom.a.terms.length !== 1 || m?.kind !== "max" || m.args.length !== 2) continue;
    const u = m.args.find((x) => x.constant === undefined);
    if (!u || !m.args.some((x) => x.constant === 0)) continue;
    const other = mod(max(neg(u), ZERO), b);
    if (e.terms.some((x) => x.coefficient === -1 && x.atoms.length === 1 && x.key === other.terms[0]?.key)) out = add(sub(add(out, other), ofTerm(t)), u);
  }
  return out;
}

/** e**k by repeated multiplication, for small k. */
export function power(e: Expr, k: number): Expr | undefined {
  if (!Number.isInteger(k) || k < 0 || k > 16) return undefined;
  const c = e.constant;
  if (c !== undefined) { const v = c ** k; return Number.isSafeInteger(v) ? int(v) : undefined; }
  if (k > 6) return undefined;
  let out = int(1);
  for (let i = 0; i < k; i++) out = mul(out, e);
  return out;
}

/** a * b, or undefined where a coefficient leaves the safe integers. */
export function product(a: Expr, b: Expr): Expr | undefined {
  const largest = (e: Expr): number => e.terms.reduce((m, t) => Math.max(m, Math.abs(t.coefficient)), 0);
  return largest(a) * largest(b) * Math.min(a.terms.length, b.terms.length) <= Number.MAX_SAFE_INTEGER ? mul(a, b) : undefined;
}
