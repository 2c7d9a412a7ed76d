/** Constructors that fold constants and structural zeros and ones, for expressions that passes make (never applied to the user's own arithmetic with data). */
import { isComplex, isFloat, type DType } from "../base/dtypes.js";
import type { Expr } from "../symbolic/expr.js";
import { cast, constant, op, symbolic, type ScalarExpr } from "./expr.js";

export function isConst(e: ScalarExpr, value: number): boolean { return e.kind === "const" && Number(e.value) === value && (e.imag ?? 0) === 0; }
/** 0 (or another real number) of a dtype, with an imaginary part where the dtype has one. */
export function literal(value: number, dtype: DType): ScalarExpr { return isComplex(dtype) ? constant(value, dtype, 0) : constant(value, dtype); }

/** The condition that every expression is >= 0. */
export function allNonNegative(es: readonly Expr[]): ScalarExpr {
  return es.map((g) => op("ge", "bool", symbolic(g), constant(0, "int64"))).reduce((a, b) => op("and", "bool", a, b));
}

const folds = (a: ScalarExpr, b: ScalarExpr, d: DType): [number, number] | undefined =>
  a.kind === "const" && b.kind === "const" && d === "float64" ? [Number(a.value), Number(b.value)] : undefined;

export function addS(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (isConst(a, 0)) return b;
  if (isConst(b, 0)) return a;
  const f = folds(a, b, a.dtype);
  if (f) return constant(f[0] + f[1], a.dtype);
  if (b.kind === "op" && b.op === "neg") return op("sub", a.dtype, a, b.args[0]!);
  if (a.kind === "op" && a.op === "neg") return op("sub", a.dtype, b, a.args[0]!);
  return op("add", a.dtype, a, b);
}
export function subS(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (isConst(b, 0)) return a;
  if (isConst(a, 0)) return negS(b);
  return op("sub", a.dtype, a, b);
}
export function mulS(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (isConst(a, 1)) return b;
  if (isConst(b, 1)) return a;
  if (isConst(a, 0)) return a;
  if (isConst(b, 0)) return b;
  if (isConst(a, -1)) return negS(b);
  if (isConst(b, -1)) return negS(a);
  const f = folds(a, b, a.dtype);
  if (f) return constant(f[0] * f[1], a.dtype);
  if (a.kind === "op" && a.op === "neg") return negS(mulS(a.args[0]!, b));
  if (b.kind === "op" && b.op === "neg") return negS(mulS(a, b.args[0]!));
  return op("mul", a.dtype, a, b);
}
export function divS(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (isConst(b, 1) || isConst(a, 0)) return a;
  if (a.kind === "op" && a.op === "neg") return negS(divS(a.args[0]!, b));
  return op("div", a.dtype, a, b);
}
export function negS(a: ScalarExpr): ScalarExpr {
  if (a.kind === "op" && a.op === "neg") return a.args[0]!;
  if (a.kind === "const" && isFloat(a.dtype) && Number(a.value) !== 0) return constant(-Number(a.value), a.dtype);
  return isConst(a, 0) ? a : op("neg", a.dtype, a);
}
export function selectS(c: ScalarExpr, a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  if (c.kind === "const") return c.value ? a : b;
  return op("select", a.dtype, c, a, b);
}
/** A cast, of constants at once. */
export function convertS(e: ScalarExpr, dtype: DType): ScalarExpr {
  if (e.dtype === dtype) return e;
  if (e.kind === "const" && isFloat(e.dtype) && dtype === "float64") return constant(Math.fround(Number(e.value)), dtype);
  return cast(e, dtype);
}
