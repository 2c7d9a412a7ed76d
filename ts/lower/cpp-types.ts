/** Names of C++ types, and how elements lie in memory. */
import type { DType } from "../base/dtypes.js";

const TYPES: Readonly<Record<DType, string>> = {
  float64: "double", float32: "float", int8: "signed char", int16: "short", int32: "int", int64: "i64", uint8: "unsigned char", uint16: "unsigned short", uint32: "unsigned", uint64: "u64", bool: "bool",
  complex64: "c64", complex128: "c128",
};
export function cppType(d: DType): string { return TYPES[d]; }
/** How an element lies in memory: booleans are bytes. */
export function cppStorage(d: DType): string { return d === "bool" ? "unsigned char" : TYPES[d]; }
