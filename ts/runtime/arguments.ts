/** Actual arguments: what kind each is, its contiguous data, and how a result of the same kind is made. */
import { isComplex, isFloat, parseDType, realOf, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { TypedArray } from "./addon-types.js";
import { DeviceArray } from "./device-array.js";
import { allocate, dtypeOf, isTypedArray, lengthOf, NDArray, ndarray, type Complex } from "./ndarray.js";

export type Given =
  | { readonly kind: "array"; readonly dtype: DType; readonly shape: readonly number[]; readonly data: TypedArray; readonly form: "typed" | "ndarray" | "nested" | "device"; readonly original: unknown; /** Where the elements are instead of in `data`, which is empty. */ readonly device?: DeviceArray; /** The caller's view, where `data` may be a part or a copy of it. */ readonly view?: NDArray; /** Puts changed elements back where `data` is a copy. */ readonly writeBack?: (data: TypedArray) => void }
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
    const n = lengthOf(x);
    if (n === 0 && isGone(x)) throw gone(name);
    return { kind: "array", dtype: dtypeOf(x), shape: [n], data: x, form: "typed", original: x };
  }
  if (x instanceof NDArray) return fromND(x, x, name);
  if (x instanceof DeviceArray) {
    if (x.disposed) throw new DaceError("DISPOSED", `argument ${name} is a device array that has been disposed of`, { hint: "keep it until its last use" });
    return { kind: "array", dtype: x.dtype, shape: x.shape, data: new Uint8Array(x.identity), form: "device", original: x, device: x };
  }
  if (Array.isArray(x)) {
    if (x.length > 0 && !isNumeric(x)) { checkPlain(x, name, 0); return { kind: "value", value: x }; }
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
    default: checkPlain(x, name, 0); return { kind: "value", value: x };
  }
}
/** Strings, null, and plain containers of these and of numbers are constants of the program; anything else is refused here, where it has a name. */
function checkPlain(x: unknown, name: string, depth: number): void {
  if (typeof x === "function" || typeof x === "symbol") throw new DaceError("TYPE", `${depth === 0 ? "argument " : ""}${name} is a ${typeof x}`, { hint: "pass arrays, numbers and booleans" });
  if (!isObject(x)) return;
  if (depth > 0 && (ArrayBuffer.isView(x) || x instanceof NDArray || x instanceof DeviceArray)) throw new DaceError("TYPE", `argument ${name.replace(/[.[].*$/, "")} holds an array at ${name}`, { hint: "pass every array as an argument of its own" });
  if (depth > 64) throw new DaceError("TYPE", `argument ${name.replace(/[.[].*$/, "")} is nested too deeply, or in itself`);
  if (Array.isArray(x)) { x.forEach((y, i) => { checkPlain(y, `${name}[${i}]`, depth + 1); }); return; }
  const proto = Object.getPrototypeOf(x) as { constructor?: { name?: string } } | null;
  if (proto !== null && Object.getPrototypeOf(proto) !== null) throw new DaceError("TYPE", `${depth === 0 ? "argument " : ""}${name} is a ${proto.constructor?.name ?? "class instance"}`, { hint: "pass arrays, numbers and booleans" });
  for (const [k, y] of Object.entries(x)) checkPlain(y, `${name}.${k}`, depth + 1);
}

const gone = (name: string): DaceError => new DaceError("TYPE", `argument ${name} is detached, or its buffer has become too short for it`, { hint: "a buffer that was transferred or shrunk has no data any more" });
/** Was an empty view's memory transferred or shrunk away? Methods of typed arrays refuse such a view. */
const keys = Reflect.get(Float64Array.prototype, "keys") as (this: unknown) => unknown;
function isGone(x: TypedArray): boolean { try { Reflect.apply(keys, x, []); return false; } catch { return true; } }

/** Before results are written after an asynchronous run: is the memory of an argument still there? */
export function stillThere(g: Given & { kind: "array" }): boolean {
  if (g.device) return !g.device.disposed;
  if (g.form === "nested") { try { return ndarray(g.original as unknown[]).shape.join() === g.shape.join(); } catch { return false; } }
  if (!g.view || g.writeBack === undefined) return lengthOf(g.data) >= g.shape.reduce((a, b) => a * b, isComplex(g.dtype) ? 2 : 1);
  const { data, shape, stride, offset, dtype } = g.view;
  try { return new NDArray(data, shape, { stride, offset, dtype }).size === g.view.size; } catch { return false; }
}
function isNumeric(x: readonly unknown[]): boolean { const y = x[0]; return Array.isArray(y) ? y.length === 0 || isNumeric(y) : typeof y === "number"; }
function rethrow<T>(f: () => T, name: string): T {
  try { return f(); } catch (e) {
    if (e instanceof DaceError) throw new DaceError(e.code.slice("ERR_DACE_".length) as "SHAPE", `argument ${name}: ${e.summary}`, { cause: e });
    throw e;
  }
}
function nestedBack(x: unknown[], data: TypedArray, n: { at: number }): void {
  if (Object.isFrozen(x) && x.length > 0 && !Array.isArray(x[0])) throw new DaceError("TYPE", "the program changes a nested array that is frozen");
  for (let i = 0; i < x.length; i++) { const y = x[i]; if (Array.isArray(y)) nestedBack(y, data, n); else x[i] = data[n.at++]; }
}
function fromND(a: NDArray, original: unknown, name: string): Given {
  if (a.size > 0 && lengthOf(a.data) === 0) throw gone(name);
  // The buffer may have been resized since the view was made.
  if (a === original) rethrow(() => new NDArray(a.data, a.shape, { dtype: a.dtype, stride: a.stride, offset: a.offset }), name);
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

/**
 * What `{ args }` says of an argument overrides what it would be by itself: Uint8Arrays may hold booleans, floats in pairs complex numbers, and a number may be
 * of any dtype.
 */
export function asDeclared(g: Given, name: string, dtype: DType, rank: number | undefined): Given {
  if (g.kind === "array" && g.form === "typed" && g.dtype !== dtype && rank === 1) {
    if (dtype === "bool" && g.dtype === "uint8") return { ...g, dtype };
    if (isComplex(dtype) && g.dtype === realOf(dtype)) {
      if (g.shape[0]! % 2 !== 0) throw new DaceError("SHAPE", `argument ${name} holds ${g.shape[0]} numbers, which are no pairs`, { hint: `it is declared as ${dtype}: real and imaginary parts in turn` });
      return { ...g, dtype, shape: [g.shape[0]! / 2] };
    }
  }
  if (rank !== undefined) return g;
  if (g.kind === "number" && isComplex(dtype)) return { kind: "complex", value: { re: g.value, im: 0 } };
  if (g.kind === "number" && dtype === "bool") throw new DaceError("TYPE", `argument ${name} is ${g.value}, but is declared as bool`, { hint: "pass true or false" });
  if (g.kind === "bigint" && isFloat(dtype)) return { kind: "number", value: Number(g.value) };
  return g;
}
