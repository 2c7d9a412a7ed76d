/** What is known of each tasklet function besides its derivative: its cost and its algebra. */
import { isDifferentiable } from "../base/dtypes.js";
import { visitScalar, type OpName, type ScalarExpr } from "./expr.js";

const COSTS: Partial<Record<OpName, number>> = {
  div: 4, reciprocal: 4, sqrt: 5, cbrt: 20, exp: 12, exp2: 12, expm1: 14, log: 12, log2: 12, log10: 14, log1p: 14, sin: 14, cos: 14, tan: 20, asin: 20, acos: 20, atan: 20,
  atan2: 25, sinh: 20, cosh: 20, tanh: 18, asinh: 25, acosh: 25, atanh: 25, hypot: 10, pow: 30, erf: 25, erfc: 25, lgamma: 60, tgamma: 60, digamma: 60, floordiv: 8, mod: 10, rem: 20,
};
/** Rough flops of one evaluation, elementary functions as vector libraries compute them. */
export function costOf(op: OpName): number { return COSTS[op] ?? 1; }
/** As `costOf`, for one operation with its arguments: small constant powers are products. */
export function flopsOf(e: ScalarExpr & { readonly kind: "op" }): number {
  const k = e.op === "pow" && e.args[1]!.kind === "const" ? Math.abs(Number(e.args[1]!.value)) : NaN;
  return Number.isInteger(k) && k <= 16 ? 1 + Math.ceil(Math.log2(Math.max(k, 1))) : k === 0.5 ? costOf("sqrt") : costOf(e.op);
}

const COMPARISONS: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "isnan", "isinf", "isfinite"]);
/** Functions whose result is a boolean. */
export function isPredicate(op: OpName): boolean { return COMPARISONS.has(op); }

/** Functions whose result, or whose derivative, jumps: what goes into them decides a discrete fact. */
const JUMPS: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le", "gt", "ge", "min", "max", "abs", "sign", "floor", "ceil", "trunc", "round", "jsround", "floordiv", "mod", "rem", "copysign"]);

/** Indices of the inputs that decide a discrete fact of the expression (an arm, a tie, a rounding): an ulp in one of them can flip it. */
export function decidingInputs(root: ScalarExpr): Set<number> {
  const deciding = new Set<number>(), marked = new Set<ScalarExpr>(), seen = new Set<ScalarExpr>();
  const mark = (e: ScalarExpr): void => { visitScalar(e, (x) => { if (x.kind === "input") deciding.add(x.index); }, marked); };
  const visit = (e: ScalarExpr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === "cast") { if (!isDifferentiable(e.dtype) && isDifferentiable(e.arg.dtype)) mark(e.arg); else visit(e.arg); }
    if (e.kind !== "op") return;
    // The strong zero of the derivative table, `g == 0 and d != d`: an ulp makes no NaN.
    const [, nan] = e.args;
    if (e.op === "and" && nan!.kind === "op" && nan!.op === "ne" && nan!.args[0] === nan!.args[1]) return;
    if (JUMPS.has(e.op)) e.args.forEach(mark); else e.args.forEach(visit);
  };
  visit(root);
  return deciding;
}
