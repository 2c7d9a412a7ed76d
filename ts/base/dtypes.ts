/** Element types: names, sizes, kinds, NumPy promotion, and the typed array that holds each. */

export type DType =
  | "float64" | "float32" | "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "bool"
  | "complex64" | "complex128";

export type DTypeKind = "float" | "int" | "uint" | "bool" | "complex";

interface DTypeInfo { readonly kind: DTypeKind; readonly bytes: number; readonly short: string }

const TABLE: Readonly<Record<DType, DTypeInfo>> = {
  float64: { kind: "float", bytes: 8, short: "f64" },
  float32: { kind: "float", bytes: 4, short: "f32" },
  int8: { kind: "int", bytes: 1, short: "i8" },
  int16: { kind: "int", bytes: 2, short: "i16" },
  int32: { kind: "int", bytes: 4, short: "i32" },
  int64: { kind: "int", bytes: 8, short: "i64" },
  uint8: { kind: "uint", bytes: 1, short: "u8" },
  uint16: { kind: "uint", bytes: 2, short: "u16" },
  uint32: { kind: "uint", bytes: 4, short: "u32" },
  uint64: { kind: "uint", bytes: 8, short: "u64" },
  bool: { kind: "bool", bytes: 1, short: "b1" },
  complex64: { kind: "complex", bytes: 8, short: "c64" },
  complex128: { kind: "complex", bytes: 16, short: "c128" },
};

export const DTYPES = Object.keys(TABLE) as readonly DType[];

const ALIASES = new Map<string, DType>(DTYPES.flatMap((d) => [[d, d], [TABLE[d].short, d]] as [string, DType][]));
for (const [alias, d] of [["float", "float64"], ["double", "float64"], ["int", "int64"], ["complex", "complex128"], ["bool_", "bool"], ["boolean", "bool"], ["b8", "bool"]] as [string, DType][]) ALIASES.set(alias, d);

/** The dtype with a given name or short form (`f64`, `i32`, `c128`), or undefined. */
export function parseDType(text: string): DType | undefined { return ALIASES.get(text); }

export function isDType(text: string): text is DType { return Object.hasOwn(TABLE, text); }
/** Bytes of one element. */
export function bytesOf(d: DType): number { return TABLE[d].bytes; }
export function kindOf(d: DType): DTypeKind { return TABLE[d].kind; }
export function shortName(d: DType): string { return TABLE[d].short; }
export function isFloat(d: DType): boolean { return TABLE[d].kind === "float"; }
export function isComplex(d: DType): boolean { return TABLE[d].kind === "complex"; }
export function isInteger(d: DType): boolean { const k = TABLE[d].kind; return k === "int" || k === "uint"; }
/** Float or complex: what a derivative can flow through. */
export function isDifferentiable(d: DType): boolean { const k = TABLE[d].kind; return k === "float" || k === "complex"; }
/** The real type of a complex type's parts; real types map to themselves. */
export function realOf(d: DType): DType { return d === "complex64" ? "float32" : d === "complex128" ? "float64" : d; }
export function complexOf(d: DType): DType { return d === "float32" || d === "complex64" ? "complex64" : "complex128"; }

const INT_BY_BYTES: Readonly<Record<number, DType>> = { 1: "int8", 2: "int16", 4: "int32", 8: "int64" };

/** NumPy's promotion of two array dtypes (`numpy.promote_types`). */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  const x = TABLE[a], y = TABLE[b];
  if (x.kind === "bool") return b;
  if (y.kind === "bool") return a;
  if (x.kind === "complex" || y.kind === "complex") {
    return floatFor(a) === "float32" && floatFor(b) === "float32" ? "complex64" : "complex128";
  }
  if (x.kind === "float" || y.kind === "float") {
    return floatFor(a) === "float32" && floatFor(b) === "float32" ? "float32" : "float64";
  }
  if (x.kind === y.kind) return x.bytes >= y.bytes ? a : b;
  const [signed, unsigned] = x.kind === "int" ? [x, y] : [y, x];
  if (signed.bytes > unsigned.bytes) return INT_BY_BYTES[signed.bytes]!;
  return unsigned.bytes >= 8 ? "float64" : INT_BY_BYTES[unsigned.bytes * 2]!;
}

/** The smallest float type that NumPy promotes to for a dtype next to floats: 8- and 16-bit integers fit in float32. */
function floatFor(d: DType): DType {
  const i = TABLE[d];
  if (i.kind === "complex") return realOf(d);
  if (i.kind === "float") return d;
  return i.bytes <= 2 ? "float32" : "float64";
}
