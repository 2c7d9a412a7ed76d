/** n-dimensional arrays over typed arrays. */
import { inspect } from "node:util";
import { bytesOf, isComplex, parseDType, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { TypedArray } from "./addon-types.js";

type Constructor = new (n: number) => TypedArray;
const ARRAYS: Readonly<Record<DType, Constructor>> = {
  float64: Float64Array, float32: Float32Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array,
  uint64: BigUint64Array, bool: Uint8Array, complex64: Float32Array, complex128: Float64Array,
};

/** A zeroed typed array for `n` elements (two numbers each for complex dtypes). */
export function allocate(dtype: DType, n: number): TypedArray { return new ARRAYS[dtype](isComplex(dtype) ? 2 * n : n); }

/** The dtype a typed array holds by itself. */
export function dtypeOf(a: TypedArray): DType {
  const tag = tagOf(a);
  switch (tag) {
    case "Float64Array": return "float64";
    case "Float32Array": return "float32";
    case "Int8Array": return "int8";
    case "Int16Array": return "int16";
    case "Int32Array": return "int32";
    case "BigInt64Array": return "int64";
    case "Uint8Array": case "Uint8ClampedArray": return "uint8";
    case "Uint16Array": return "uint16";
    case "Uint32Array": return "uint32";
    case "BigUint64Array": return "uint64";
    default: throw new DaceError("TYPE", `${tag ?? "DataView"} is not a supported typed array`);
  }
}
export function isTypedArray(x: unknown): x is TypedArray { return ArrayBuffer.isView(x) && tagOf(x) !== undefined; }

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string | symbol): ((this: unknown) => unknown) => (Object.getOwnPropertyDescriptor(TypedArrayPrototype, name) as { get: (this: unknown) => unknown }).get;
const lengthGetter = getter("length"), tagGetter = getter(Symbol.toStringTag);
/** "Float64Array", …: true also of subclasses, such as Buffer, and of arrays of other realms; undefined for a DataView. */
export function tagOf(a: ArrayBufferView): string | undefined { return Reflect.apply(tagGetter, a, []) as string | undefined; }
/** How many elements a view holds right now, whatever its properties claim: native code reads by what it was told. */
export function lengthOf(a: ArrayBufferView): number { return Reflect.apply(lengthGetter, a, []) as number; }

/** Does it hold `n` elements of a dtype? */
export function holds(a: TypedArray, dtype: DType, n: number): boolean { return lengthOf(a) * bytesOf(dtypeOf(a)) >= n * bytesOf(dtype); }

/** A copy in memory of its own. (`slice` of a Buffer is a view.) */
export function copyArray(a: TypedArray): TypedArray {
  const out = allocate(dtypeOf(a), lengthOf(a));
  (out as Float64Array).set(a as Float64Array);
  return out;
}
/** A dtype given by name or short form; throws TYPE. */
export function dtypeNamed(name: unknown): DType {
  const d = typeof name === "string" ? parseDType(name) : undefined;
  if (!d) throw new DaceError("TYPE", `${typeof name === "string" ? JSON.stringify(name) : typeof name} is no dtype`, { hint: "such as \"float64\", \"f32\", \"i64\", \"bool\" or \"complex128\"" });
  return d;
}

export function rowMajor(shape: readonly number[]): number[] {
  const s = new Array<number>(shape.length);
  let p = 1;
  for (let d = shape.length - 1; d >= 0; d--) { s[d] = p; p *= shape[d]!; }
  return s;
}
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export type Complex = { readonly re: number; readonly im: number };
export type Element = number | bigint | boolean | Complex;
/** `dtype`: a name (`"float64"`) or a short form (`"f64"`). */
export interface NDArrayOptions { readonly dtype?: DType | (string & {}); readonly stride?: readonly number[]; readonly offset?: number }

/** A view of a typed array. Shape, stride and offset count elements; a complex element is two numbers of `data`. */
export class NDArray {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;

  constructor(data: TypedArray, shape: readonly number[], options: NDArrayOptions = {}) {
    if (!isTypedArray(data)) throw new DaceError("TYPE", "an ndarray is a view of a typed array");
    const own = checkShape(shape);
    this.dtype = options.dtype === undefined ? dtypeOf(data) : dtypeNamed(options.dtype);
    if (bytesOf(this.dtype) !== data.BYTES_PER_ELEMENT * (isComplex(this.dtype) ? 2 : 1)) throw new DaceError("TYPE", `${data.constructor.name} cannot hold ${this.dtype}`);
    this.data = data;
    this.shape = own;
    this.stride = Object.freeze(options.stride ? [...options.stride] : rowMajor(shape));
    this.offset = options.offset ?? 0;
    this.size = sizeOf(shape);
    if (!Number.isInteger(this.offset) || this.stride.some((x) => !Number.isInteger(x))) throw new DaceError("SHAPE", `strides (${this.stride.join(", ")}) and offset ${this.offset} must be integers`);
    if (this.stride.length !== this.shape.length) throw new DaceError("SHAPE", `${this.stride.length} strides for ${this.shape.length} dimensions`);
    if (this.size > 0) {
      let low = this.offset, high = this.offset;
      this.shape.forEach((n, d) => { const reach = (n - 1) * this.stride[d]!; if (reach < 0) low += reach; else high += reach; });
      const held = lengthOf(data) / (isComplex(this.dtype) ? 2 : 1);
      if (low < 0 || high >= held) throw new DaceError("SHAPE", `a buffer of ${held} elements is too short for shape (${shape.join(", ")})`);
    }
  }
  #at(index: readonly number[]): number {
    if (index.length !== this.shape.length) throw new DaceError("BOUNDS", `${index.length} indices for ${this.shape.length} dimensions`);
    let at = this.offset;
    for (let d = 0; d < index.length; d++) {
      const i = index[d]!;
      if (!Number.isInteger(i) || i < 0 || i >= this.shape[d]!) throw new DaceError("BOUNDS", `index ${i} is out of range for axis ${d} of size ${this.shape[d]}`);
      at += i * this.stride[d]!;
    }
    return at;
  }
  #read(at: number): Element {
    if (isComplex(this.dtype)) return { re: Number(this.data[2 * at]), im: Number(this.data[2 * at + 1]) };
    const v = this.data[at]!;
    return this.dtype === "bool" ? v !== 0 : v;
  }
  get(...index: number[]): Element { return this.#read(this.#at(index)); }
  set(...args: [...index: number[], value: Element] | Element[]): void {
    const value = args.at(-1)!, at = this.#at(args.slice(0, -1) as number[]), data = this.data as unknown as Record<number, number | bigint>;
    const wrong = (): never => { throw new DaceError("TYPE", `${typeof value === "object" ? "a complex number" : `${typeof value} ${String(value)}`} does not go into an array of ${this.dtype}`); };
    if (!/^(number|bigint|boolean)$/.test(typeof value) && !(isComplex(this.dtype) && typeof value === "object" && value !== null && typeof value.re === "number" && typeof value.im === "number")) wrong();
    if (isComplex(this.dtype)) {
      const z = typeof value === "object" ? value : { re: Number(value), im: 0 };
      data[2 * at] = z.re; data[2 * at + 1] = z.im;
    } else if (this.dtype === "int64" || this.dtype === "uint64") data[at] = typeof value === "number" && !Number.isInteger(value) ? wrong() : BigInt(value as number | bigint);
    else data[at] = Number(value);
  }
  /** Row-major elements in a typed array of their own (or `data` itself where it is just that). */
  contiguous(): TypedArray {
    if (this.isContiguous && this.offset === 0 && this.data.length === this.size * (isComplex(this.dtype) ? 2 : 1)) return this.data;
    const k = isComplex(this.dtype) ? 2 : 1;
    if (this.isContiguous) return this.data.subarray(this.offset * k, (this.offset + this.size) * k);
    const out = allocate(this.dtype, this.size) as unknown as Record<number, number | bigint>, data = this.data;
    let n = 0;
    this.#walk((at) => { for (let j = 0; j < k; j++) out[n++] = data[at * k + j]!; });
    return out as unknown as TypedArray;
  }
  /** Writes row-major elements back through the strides. */
  assign(from: TypedArray): void {
    const k = isComplex(this.dtype) ? 2 : 1, data = this.data as unknown as Record<number, number | bigint>;
    let n = 0;
    this.#walk((at) => { for (let j = 0; j < k; j++) data[at * k + j] = from[n++]!; });
  }
  get isContiguous(): boolean { const s = rowMajor(this.shape); return this.size <= 1 || this.shape.every((n, d) => n === 1 || this.stride[d] === s[d]); }
  #walk(f: (at: number) => void): void {
    if (this.size === 0) return;
    const index = new Array<number>(this.shape.length).fill(0);
    for (;;) {
      let at = this.offset;
      for (let d = 0; d < index.length; d++) at += index[d]! * this.stride[d]!;
      f(at);
      let d = index.length - 1;
      while (d >= 0 && ++index[d]! >= this.shape[d]!) index[d--] = 0;
      if (d < 0) return;
    }
  }
  toArray(): unknown {
    const level = (d: number, at: number): unknown => (d === this.shape.length ? this.#read(at) : Array.from({ length: this.shape[d]! }, (_, i) => level(d + 1, at + i * this.stride[d]!)));
    return level(0, this.offset);
  }
  [inspect.custom](): string {
    const one = (v: Element): string => (typeof v === "object" ? `${v.re}${v.im < 0 ? "-" : "+"}${Math.abs(v.im)}j` : typeof v === "number" && !Number.isInteger(v) ? String(Number(v.toPrecision(9))) : String(v));
    const rows = (d: number, at: number, indent: string): string => {
      if (d === this.shape.length) return one(this.#read(at));
      const n = this.shape[d]!, ids = n > 6 ? [0, 1, 2, -1, n - 3, n - 2, n - 1] : Array.from({ length: n }, (_, i) => i);
      const parts = ids.map((i) => (i < 0 ? "..." : rows(d + 1, at + i * this.stride[d]!, `${indent} `)));
      return `[${parts.join(d === this.shape.length - 1 ? ", " : `,\n${indent} `)}]`;
    };
    return `ndarray(${this.dtype}, [${this.shape.join(", ")}])\n${rows(0, this.offset, "")}`;
  }
}

function fromNested(nested: unknown): NDArray {
  const shape: number[] = [];
  for (let x = nested; Array.isArray(x); x = x[0] as unknown) shape.push(x.length);
  const data = new Float64Array(sizeOf(shape));
  let n = 0;
  const visit = (x: unknown, d: number): void => {
    if (d === shape.length) {
      if (typeof x !== "number" && typeof x !== "boolean") throw new DaceError("TYPE", `a nested array holds ${typeof x} where a number belongs`);
      data[n++] = Number(x);
      return;
    }
    if (!Array.isArray(x) || x.length !== shape[d]) throw new DaceError("SHAPE", "a nested array has rows of different lengths");
    for (const y of x) visit(y, d + 1);
  };
  visit(nested, 0);
  return new NDArray(data, shape);
}

export function checkShape(shape: unknown): readonly number[] {
  if (!Array.isArray(shape)) throw new DaceError("SHAPE", `a shape is an array of sizes, not ${typeof shape}`);
  for (const n of shape as unknown[]) if (!Number.isSafeInteger(n) || (n as number) < 0) throw new DaceError("SHAPE", `(${shape.join(", ")}) is not a shape: sizes are non-negative integers`);
  return Object.freeze([...shape as number[]]);
}

interface NDArrayFactory {
  (data: TypedArray, shape: readonly number[], options?: NDArrayOptions): NDArray;
  (nested: readonly unknown[] | number): NDArray;
  zeros(shape: readonly number[], options?: { readonly dtype?: DType | (string & {}) }): NDArray;
}

/** A view of `data` (shared, row-major unless strides are given), or a new float64 array from nested arrays. */
export const ndarray: NDArrayFactory = Object.assign(
  (data: TypedArray | readonly unknown[] | number, shape?: readonly number[], options?: NDArrayOptions): NDArray => {
    if (isTypedArray(data)) return new NDArray(data, shape ?? [lengthOf(data)], options);
    if (typeof data === "number") return new NDArray(Float64Array.of(data), []);
    if (Array.isArray(data)) { const a = fromNested(data); return shape ? new NDArray(a.data, shape, options) : a; }
    throw new DaceError("TYPE", "ndarray() takes a typed array and a shape, or nested arrays of numbers");
  },
  { zeros: (shape: readonly number[], options: { readonly dtype?: DType | (string & {}) } = {}): NDArray => {
    const sizes = checkShape(shape), dtype = dtypeNamed(options.dtype ?? "float64");
    let data: TypedArray;
    try { data = allocate(dtype, sizeOf(sizes)); } catch (e) { throw new DaceError("OOM", `no memory for an array of shape (${sizes.join(", ")})`, { cause: e }); }
    return new NDArray(data, sizes, { dtype });
  } },
);
