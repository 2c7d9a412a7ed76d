/** Tasklet expressions: a typed DAG over a tasklet's inputs, constants and symbolic integers. */
import type { DType } from "../base/dtypes.js";
import type { Expr } from "../symbolic/expr.js";

/** Functions of a tasklet. Semantics are NumPy's on the given dtypes unless noted. */
export type OpName =
  // arithmetic
  | "add" | "sub" | "mul" | "div" | "floordiv" | "mod" /* sign of divisor */ | "rem" /* sign of dividend, C and JavaScript % */ | "pow" | "neg" | "abs" | "sign" | "fma"
  | "min" | "max" /* NaN-propagating; two arguments */ | "square" | "reciprocal"
  // elementary
  | "sqrt" | "cbrt" | "exp" | "exp2" | "expm1" | "log" | "log2" | "log10" | "log1p"
  | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "atan2" | "sinh" | "cosh" | "tanh" | "asinh" | "acosh" | "atanh" | "hypot"
  | "erf" | "erfc" | "lgamma" | "tgamma" | "digamma"
  | "floor" | "ceil" | "trunc" | "round" /* half to even */ | "jsround" /* half up, Math.round */ | "copysign"
  // comparisons and logic (result bool)
  | "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "and" | "or" | "not" | "isnan" | "isinf" | "isfinite"
  // integers
  | "bitand" | "bitor" | "bitxor" | "bitnot" | "shl" | "shr" | "ushr"
  // choice: select(condition, then, else); both arms are values, the unused one never contributes to a gradient
  | "select"
  // complex
  | "complex" /* (re, im) */ | "real" | "imag" | "conj" | "arg";

export type ScalarExpr =
  /** A literal. For complex dtypes `value` is the real part and `imag` the imaginary part. int64 beyond 2^53 is a bigint. */
  | { readonly kind: "const"; readonly dtype: DType; readonly value: number | bigint | boolean; readonly imag?: number }
  /** The value read through the tasklet's `inputs[index]`. */
  | { readonly kind: "input"; readonly dtype: DType; readonly index: number }
  /** A symbolic integer (loop variable, size) as a value. */
  | { readonly kind: "symbolic"; readonly dtype: DType; readonly expr: Expr }
  | { readonly kind: "op"; readonly dtype: DType; readonly op: OpName; readonly args: readonly ScalarExpr[] }
  /** Conversion, as NumPy's astype: float to int truncates, anything to bool is `!= 0`, complex to real drops the imaginary part. */
  | { readonly kind: "cast"; readonly dtype: DType; readonly arg: ScalarExpr };

export const constant = (value: number | bigint | boolean, dtype: DType, imag?: number): ScalarExpr =>
  imag === undefined ? { kind: "const", dtype, value } : { kind: "const", dtype, value, imag };
export const input = (index: number, dtype: DType): ScalarExpr => ({ kind: "input", dtype, index });
export const symbolic = (expr: Expr, dtype: DType = "int64"): ScalarExpr => ({ kind: "symbolic", dtype, expr });
export const op = (name: OpName, dtype: DType, ...args: readonly ScalarExpr[]): ScalarExpr => ({ kind: "op", dtype, op: name, args });
export const cast = (arg: ScalarExpr, dtype: DType): ScalarExpr => (arg.dtype === dtype ? arg : { kind: "cast", dtype, arg });
export const select = (condition: ScalarExpr, then: ScalarExpr, otherwise: ScalarExpr): ScalarExpr => op("select", then.dtype, condition, then, otherwise);

/** Rebuilds bottom-up; `f` sees each node with mapped children. Shared nodes are visited once. */
export function mapScalar(e: ScalarExpr, f: (e: ScalarExpr) => ScalarExpr, memo: Map<ScalarExpr, ScalarExpr> = new Map()): ScalarExpr {
  const done = memo.get(e);
  if (done) return done;
  let next = e;
  if (e.kind === "op") {
    const args = e.args.map((a) => mapScalar(a, f, memo));
    if (args.some((a, i) => a !== e.args[i])) next = { ...e, args };
  } else if (e.kind === "cast") {
    const arg = mapScalar(e.arg, f, memo);
    if (arg !== e.arg) next = cast(arg, e.dtype);
  }
  const result = f(next);
  memo.set(e, result);
  return result;
}
/** Visits each distinct node once, children first. */
export function visitScalar(e: ScalarExpr, f: (e: ScalarExpr) => void, seen?: Set<ScalarExpr>): void {
  if (!seen && e.kind !== "op" && e.kind !== "cast") { f(e); return; }
  seen ??= new Set();
  if (seen.has(e)) return;
  seen.add(e);
  if (e.kind === "op") for (const a of e.args) visitScalar(a, f, seen);
  else if (e.kind === "cast") visitScalar(e.arg, f, seen);
  f(e);
}
/** Indices of the inputs an expression reads. */
export function inputsOf(e: ScalarExpr): Set<number> {
  const s = new Set<number>();
  visitScalar(e, (x) => { if (x.kind === "input") s.add(x.index); });
  return s;
}
const symbolics = new WeakMap<ScalarExpr, readonly Expr[]>(), NONE: readonly Expr[] = [];
/** The symbolic integers that an expression uses as values. */
export function symbolicsOf(e: ScalarExpr): readonly Expr[] {
  if (e.kind === "input" || e.kind === "const") return NONE;
  let known = symbolics.get(e);
  if (!known) {
    const out: Expr[] = [];
    visitScalar(e, (x) => { if (x.kind === "symbolic") out.push(x.expr); });
    symbolics.set(e, known = out.length === 0 ? NONE : out);
  }
  return known;
}
