/** Names of C++ types, and how elements lie in memory. */
import type { DType } from "../base/dtypes.js";

const TYPES: Readonly<Record<DType, string>> = {
  float64: "double", float32: "float", int8: "int8", int16: "int16", int32: "i32", int64: "i64", uint8: "uint8", uint16: "uint16", uint32: "u32", uint64: "u64", bool: "bool",
  complex64: "c64", complex128: "c128",
};
export function cppType(d: DType): string { return TYPES[d]; }
/** How an element lies in memory: booleans are bytes. */
export function cppStorage(d: DType): string { return d === "bool" ? "uint8" : TYPES[d]; }
