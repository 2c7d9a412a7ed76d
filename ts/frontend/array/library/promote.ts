/** Result types: NumPy 2's promotion with weak Python scalars, and conversion of codes between dtypes. */
import { complexOf, isComplex, isFloat, isInteger, kindOf, bytesOf, promote, realOf, type DType } from "../../../base/dtypes.js";
import { cast, constant, op, select, type ScalarExpr } from "../../../scalar/expr.js";

export interface Typed { readonly dtype: DType; readonly weak?: boolean }

/** Python's numeric tower, for operands that are all Python scalars. */
const TOWER = ["bool", "int", "float", "complex"] as const;
const rank = (d: DType): number => { const k = kindOf(d); return TOWER.indexOf(k === "uint" ? "int" : k); };

/** NumPy's result type (`np.result_type`); all weak: Python's, and weak again. */
export function resultType(operands: readonly Typed[]): { readonly dtype: DType; readonly weak: boolean } {
  if (operands.every((o) => o.weak)) {
    const top = Math.max(...operands.map((o) => rank(o.dtype)));
    return { dtype: (["bool", "int64", "float64", "complex128"] as const)[top]!, weak: true };
  }
  let dtype: DType | undefined;
  let weakest = 0;
  for (const o of operands) {
    // A Python bool is an np.bool.
    if (o.weak && o.dtype !== "bool") weakest = Math.max(weakest, rank(o.dtype));
    else dtype = dtype === undefined ? o.dtype : promote(dtype, o.dtype);
  }
  const d = dtype!;
  if (weakest === 1) return { dtype: d === "bool" ? "int64" : d, weak: false };
  if (weakest === 2) return { dtype: isFloat(d) || isComplex(d) ? d : "float64", weak: false };
  if (weakest === 3) return { dtype: isComplex(d) ? d : isFloat(d) ? complexOf(d) : "complex128", weak: false };
  return { dtype: d, weak: false };
}

/** The float type in which NumPy computes an elementary function of a dtype; undefined: float16, which does not exist here. */
export function floatType(d: DType, weak = false): DType | undefined {
  if (isFloat(d) || isComplex(d)) return d;
  if (weak && d !== "bool") return "float64";
  const bytes = bytesOf(d);
  return bytes === 1 ? undefined : bytes === 2 ? "float32" : "float64";
}

/** Smallest and largest integer of an integer dtype. */
export function integerRange(d: DType): readonly [bigint, bigint] {
  const bits = BigInt(8 * bytesOf(d));
  return kindOf(d) === "uint" ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}
export function fitsInteger(value: number | bigint, d: DType): boolean {
  const [low, high] = integerRange(d), v = BigInt(value);
  return v >= low && v <= high;
}

/** The code in another dtype, as astype does. Constants are converted now. */
export function convert(code: ScalarExpr, dtype: DType): ScalarExpr {
  if (code.dtype === dtype) return code;
  if (code.kind === "const") {
    const { value } = code, n = Number(value);
    if (isComplex(dtype)) return constant(n, dtype, code.imag ?? 0);
    if (isFloat(dtype)) return constant(dtype === "float32" ? Math.fround(n) : n, dtype);
    if (dtype === "bool") return constant(n !== 0 || (code.imag ?? 0) !== 0, "bool");
    if (isInteger(dtype) && (typeof value !== "number" || Number.isFinite(value))) {
      const whole = typeof value === "bigint" ? value : BigInt(Math.trunc(n));
      if (fitsInteger(whole, dtype)) return constant(Number.isSafeInteger(Number(whole)) ? Number(whole) : whole, dtype);
    }
  }
  if (code.kind === "symbolic" && dtype === "int64") return { ...code, dtype };
  if (isComplex(dtype) && !isComplex(code.dtype)) {
    const part = realOf(dtype);
    return op("complex", dtype, convert(code, part), constant(0, part));
  }
  return cast(code, dtype);
}

/** 0 or 1 of a boolean, in a dtype. */
export function boolAs(code: ScalarExpr, dtype: DType): ScalarExpr {
  return code.kind === "const" ? constant(code.value ? 1 : 0, dtype) : select(code, constant(1, dtype), constant(0, dtype));
}

export function zero(dtype: DType): ScalarExpr { return dtype === "bool" ? constant(false, "bool") : isComplex(dtype) ? constant(0, dtype, 0) : constant(0, dtype); }
export function one(dtype: DType): ScalarExpr { return dtype === "bool" ? constant(true, "bool") : isComplex(dtype) ? constant(1, dtype, 0) : constant(1, dtype); }
