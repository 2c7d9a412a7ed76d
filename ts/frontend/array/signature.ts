/** What a program is specialised to: kinds, dtypes, ranks, which sizes are 1 or equal, which arguments share memory. */
import type { DType } from "../../base/dtypes.js";
import type { Expr } from "../../symbolic/expr.js";

export type ParameterType =
  /** `dims`: a symbol per size (equal sizes share one) or the constant 1. `nested`: a JavaScript array of arrays. */
  | { readonly kind: "array"; readonly dtype: DType; readonly dims: readonly Expr[]; readonly label?: string; readonly nested?: boolean }
  /** A scalar passed by value, held by a container of shape []. `strong`: a NumPy scalar or BigInt rather than a Python number. */
  | { readonly kind: "float" | "bool" | "complex"; readonly dtype: DType; readonly strong?: boolean }
  /** An integer passed by value: a symbol of the parameter's name, or the value that the program is specialised to. */
  | { readonly kind: "int"; readonly value?: number }
  /** Known when the program is specialised: strings, null, undefined, plain objects, nested plain values. */
  | { readonly kind: "value"; readonly value: unknown };

export interface Signature {
  /** One per parameter that is given, in order; parameters beyond take their defaults. */
  readonly parameters: readonly ParameterType[];
  /** Groups of parameter positions that are the very same memory: they share the first one's container. */
  readonly aliases?: readonly (readonly number[])[];
  /** Take the ordinary case of slice bounds and signs, guarded by entry checks; else clamp with min and max. */
  readonly speculate: boolean;
  /** Emit bounds checks before accesses that are affine but not proven; else they become entry checks. */
  readonly checked: boolean;
  readonly precision?: "default" | "strict" | "fast";
  /** Sizes and integers are the numbers of the call: the program needs to know them when it is compiled. */
  readonly exact?: boolean;
}
