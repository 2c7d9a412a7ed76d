/** Actual arguments: what kind each is, its contiguous data, and how a result of the same kind is made. */
import { isComplex, parseDType, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { TypedArray } from "./addon-types.js";
import { allocate, dtypeOf, isTypedArray, NDArray, ndarray, type Complex } from "./ndarray.js";

export type Given =
  | { readonly kind: "array"; readonly dtype: DType; readonly shape: readonly number[]; readonly data: TypedArray; readonly form: "typed" | "ndarray" | "nested"; readonly original: unknown; /** The caller's view, where `data` may be a part or a copy of it. */ readonly view?: NDArray; /** Puts changed elements back where `data` is a copy. */ readonly writeBack?: (data: TypedArray) => void }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "bigint"; readonly value: bigint }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "complex"; readonly value: Complex }
  | { readonly kind: "value"; readonly value: unknown };

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null;
const isComplexNumber = (x: unknown): x is Complex => isObject(x) && typeof x["re"] === "number" && typeof x["im"] === "number" && Object.keys(x).length === 2;

/** Throws TYPE or SHAPE naming the argument. */
export function classify(x: unknown, name: string): Given {
  if (isTypedArray(x)) {
    const buffer = x.buffer as ArrayBuffer & { detached?: boolean };
    if (buffer.detached || (x.length === 0 && x.byteLength === 0 && buffer.byteLength === 0 && isDetached(buffer))) throw new DaceError("TYPE", `argument ${name} is detached: its buffer was transferred`);
    return { kind: "array", dtype: dtypeOf(x), shape: [x.length], data: x, form: "typed", original: x };
  }
  if (x instanceof NDArray) return fromND(x, x, name);
  if (Array.isArray(x)) {
    if (x.length > 0 && !isNumeric(x)) return { kind: "value", value: x };
    const a = rethrow(() => ndarray(x), name);
    return { kind: "array", dtype: "float64", shape: a.shape, data: a.data, form: "nested", original: x, writeBack: (data) => { nestedBack(x, data, { at: 0 }); } };
  }
  if (isObject(x) && isTypedArray(x["data"])) {
    const shape = (x["shape"] ?? x["dims"]) as readonly number[] | undefined;
    if (Array.isArray(shape)) {
      const stride = (x["stride"] ?? x["strides"]) as readonly number[] | undefined, offset = x["offset"] as number | undefined;
      // scijs and stdlib name their dtype, ONNX Runtime its type; names of their own ("generic") say no more than the typed array does.
      const declared = x["dtype"] ?? x["type"], dtype = typeof declared === "string" ? parseDType(declared) : undefined;
      return fromND(rethrow(() => new NDArray(x["data"] as TypedArray, shape, { ...(dtype ? { dtype } : {}), ...(Array.isArray(stride) ? { stride } : {}), ...(offset !== undefined ? { offset } : {}) }), name), x, name);
    }
  }
  if (isComplexNumber(x)) return { kind: "complex", value: x };
  switch (typeof x) {
    case "number": return { kind: "number", value: x };
    case "bigint": return { kind: "bigint", value: x };
    case "boolean": return { kind: "boolean", value: x };
    case "symbol": case "function": throw new DaceError("TYPE", `argument ${name} is a ${typeof x}`, { hint: "pass arrays, numbers and booleans" });
    default: return { kind: "value", value: x };
  }
}
function isDetached(b: ArrayBuffer): boolean { try { new Uint8Array(b); return false; } catch { return true; } }
function isNumeric(x: readonly unknown[]): boolean { const y = x[0]; return Array.isArray(y) ? y.length === 0 || isNumeric(y) : typeof y === "number"; }
function rethrow<T>(f: () => T, name: string): T {
  try { return f(); } catch (e) {
    if (e instanceof DaceError) throw new DaceError(e.code.slice("ERR_DACE_".length) as "SHAPE", `argument ${name}: ${e.summary}`, { cause: e });
    throw e;
  }
}
function nestedBack(x: unknown[], data: TypedArray, n: { at: number }): void {
  for (let i = 0; i < x.length; i++) { const y = x[i]; if (Array.isArray(y)) nestedBack(y, data, n); else x[i] = data[n.at++]; }
}
function fromND(a: NDArray, original: unknown, name: string): Given {
  const buffer = a.data.buffer as ArrayBuffer & { detached?: boolean };
  if (buffer.detached || (a.size > 0 && a.data.length === 0)) throw new DaceError("TYPE", `argument ${name} is detached: its buffer was transferred`);
  const held = a.data.length / (isComplex(a.dtype) ? 2 : 1);
  if (a.offset + a.size > held && a.isContiguous) throw new DaceError("SHAPE", `argument ${name}: a buffer of ${held} elements is too short for shape (${a.shape.join(", ")})`);
  const data = a.contiguous();
  return { kind: "array", dtype: a.dtype, shape: a.shape, data, form: "ndarray", original, view: a, ...(a.isContiguous ? {} : { writeBack: (d: TypedArray) => { a.assign(d); } }) };
}

/** A fresh result in the form of the argument it belongs to. */
export function likeArgument(g: Given, data: TypedArray, shape: readonly number[], dtype: DType): unknown {
  switch (g.kind) {
    case "number": case "bigint": case "boolean": return scalarOf(data, dtype);
    case "complex": return { re: Number(data[0]), im: Number(data[1]) };
    case "array": return g.form === "typed" ? data : g.form === "nested" ? new NDArray(data, g.shape, { dtype }).toArray() : new NDArray(data, g.shape.length === shape.length || g.shape.length !== 1 ? g.shape : shape, { dtype });
    case "value": return freshValue(data, shape, dtype);
  }
}
export function scalarOf(data: TypedArray, dtype: DType): number | boolean | Complex {
  if (isComplex(dtype)) return { re: Number(data[0]), im: Number(data[1]) };
  return dtype === "bool" ? data[0] !== 0 : Number(data[0]);
}
/** A new value: scalar → number, boolean or complex; 1-D real → typed array; else ndarray. */
export function freshValue(data: TypedArray, shape: readonly number[], dtype: DType): unknown {
  if (shape.length === 0) return scalarOf(data, dtype);
  return shape.length === 1 && !isComplex(dtype) ? data : new NDArray(data, shape, { dtype });
}

/** A one-element buffer for a scalar argument. */
export function scalarBuffer(g: Given, dtype: DType): TypedArray {
  const a = allocate(dtype, 1) as unknown as Record<number, number | bigint>;
  if (g.kind === "complex") { a[0] = g.value.re; a[1] = g.value.im; }
  else if (g.kind === "number" || g.kind === "boolean" || g.kind === "bigint") a[0] = dtype === "int64" || dtype === "uint64" ? BigInt(g.value) : Number(g.value);
  return a as unknown as TypedArray;
}
