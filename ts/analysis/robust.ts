/**
 * Signs that survive being computed again. A value that is compared with 0 alone decides by its sign, and a sum of squares (of numbers that are the same bits) is 0 in
 * one evaluation exactly if it is in another, whichever products and sums are fused: all terms are ≥ 0, so a sum c + d² is 0 exactly if c and the rounded d² are.
 * Fused, with c > 0 it rounds to at least c (rounding is monotone), and with c = 0 to what the product alone rounds to, underflow included; plain, the same. NaN
 * and infinity are what they are in both. A term that is only read may be negative (x² + y with y near −x²
 * has the sign that rounding gives it): it must be known to be a sum of squares itself.
 */
import { isComplex } from "../base/dtypes.js";
import { constant, mapScalar, visitScalar, type OpName, type ScalarExpr } from "../scalar/expr.js";
import { decidingInputs } from "../scalar/ops.js";

/** How much of a value must be what it was: nothing but what rounding leaves, its sign, or every bit. */
export type Exactness = "close" | "sign" | "bits";

const SIGNED: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le", "gt", "ge"]);
const isConstant = (e: ScalarExpr, value: number): boolean => e.kind === "const" && Number(e.value) === value && !e.imag;
/** What each input of the code must be, if the result need only be close. */
export function exactnessOf(code: ScalarExpr): (input: number) => Exactness {
  const deciding = decidingInputs(code);
  if (deciding.size === 0) return () => "close";
  const signs = decidingInputs(mapScalar(code, (e) => (e.kind === "op" && SIGNED.has(e.op) && e.args[0]!.kind === "input" && isConstant(e.args[1]!, 0) ? constant(false, "bool") : e)));
  return (k) => (signs.has(k) ? "bits" : deciding.has(k) ? "sign" : "close");
}

/** A sum of squares and constants ≥ 0. */
export function isSumOfSquares(code: ScalarExpr): boolean { return exactnessForSign(code, () => false, false) !== undefined; }
/** What each input must be for the result to have the sign it had; undefined if that cannot be said. `squares`: an input that is a sum of squares. */
export function exactnessForSign(code: ScalarExpr, squares: (input: number) => boolean = () => false, alone = true): ReadonlyMap<number, Exactness> | undefined {
  const needs = new Map<number, Exactness>();
  const bits = (e: ScalarExpr): boolean => { if (e.kind === "input") needs.set(e.index, "bits"); return e.kind === "input"; };
  // One correctly rounded operation on the same bits gives the same bits.
  const same = (e: ScalarExpr): boolean => bits(e) || (e.kind === "op" && (e.op === "add" || e.op === "sub") && e.args.every(bits));
  // `whole`: nothing but square roots around it.
  const visit = (e: ScalarExpr, whole: boolean): boolean => {
    if (e.kind === "const") return typeof e.value !== "boolean" && Number(e.value) >= 0 && !e.imag;
    if (e.kind === "input") { if (!whole && !squares(e.index)) return false; if (!needs.has(e.index)) needs.set(e.index, "sign"); return true; }
    if (e.kind !== "op") return false;
    const [a, b] = e.args;
    if (e.op === "add") return visit(a!, false) && visit(b!, false);
    if (e.op === "sqrt") return visit(a!, whole);
    return (e.op === "square" || (e.op === "mul" && a === b) || (e.op === "pow" && isConstant(b!, 2))) && same(a!);
  };
  return (code.dtype === "float64" || code.dtype === "float32") && visit(code, alone) ? needs : undefined;
}

/** Operations that decide and move, but do not compute. */
const DECIDING: readonly OpName[] = ["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "isnan", "isinf", "isfinite", "select"], COMPARISONS: ReadonlySet<OpName> = new Set(DECIDING);
/**
 * Operations that give the same bits wherever they are evaluated on the same bits: no contraction takes part in them (a sum may become part of a fused product, in one of the places and not in the
 * other), and no library computes them.
 */
const EXACT: ReadonlySet<OpName> = new Set<OpName>([...DECIDING, "neg", "abs", "div", "sqrt", "reciprocal"]);
export function isExact(code: ScalarExpr): boolean { return isOf(code, EXACT); }
export function isComparison(code: ScalarExpr): boolean { return isOf(code, COMPARISONS); }
function isOf(code: ScalarExpr, ops: ReadonlySet<OpName>): boolean {
  let all = true;
  visitScalar(code, (e) => { if (isComplex(e.dtype) || (e.kind === "op" && !ops.has(e.op))) all = false; });
  return all;
}
