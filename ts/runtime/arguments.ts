/** Actual arguments: what kind each is, its contiguous data, and how a result of the same kind is made. */
import { isComplex, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { int, sym, type Expr } from "../symbolic/expr.js";
import type { ParameterType, Signature } from "../frontend/array/signature.js";
import type { TypedArray } from "./addon-types.js";
import { allocate, dtypeOf, isTypedArray, NDArray, ndarray, type Complex } from "./ndarray.js";

export type Given =
  | { readonly kind: "array"; readonly dtype: DType; readonly shape: readonly number[]; readonly data: TypedArray; readonly form: "typed" | "ndarray" | "nested"; readonly original: unknown; /** Puts changed elements back where `data` is a copy. */ readonly writeBack?: (data: TypedArray) => void }
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
      return fromND(rethrow(() => new NDArray(x["data"] as TypedArray, shape, { ...(Array.isArray(stride) ? { stride } : {}), ...(typeof offset === "number" ? { offset } : {}) }), name), x, name);
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
  return { kind: "array", dtype: a.dtype, shape: a.shape, data, form: "ndarray", original, ...(a.isContiguous ? {} : { writeBack: (d: TypedArray) => { a.assign(d); } }) };
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

export interface Specialised {
  readonly signature: Omit<Signature, "speculate" | "checked">;
  readonly key: string;
  /** Values of size symbols and integer parameters, by the parameter's position or the size symbol's name. */
  readonly sizes: ReadonlyMap<string, number>;
}

export interface SpecialiseOptions {
  readonly language: "python" | "javascript" | "sdfg";
  readonly names: readonly string[];
  /** Parameters that the program uses as indices, bounds or sizes. */
  readonly integers: ReadonlySet<string>;
}

/** The signature of a call, and the sizes it brings. Equal sizes share a symbol, size 1 is a constant. */
export function specialise(given: readonly Given[], o: SpecialiseOptions): Specialised {
  const sizes = new Map<string, number>(), symbolOf = new Map<number, string>();
  const dim = (n: number): Expr => {
    if (n === 1) return int(1);
    let s = symbolOf.get(n);
    if (s === undefined) { s = `n${symbolOf.size}`; symbolOf.set(n, s); sizes.set(s, n); }
    return sym(s);
  };
  const parameters = given.map((g, i): ParameterType => {
    const name = o.names[i] ?? `#${i}`;
    switch (g.kind) {
      case "array": return { kind: "array", dtype: g.dtype, dims: g.shape.map(dim), label: name, ...(g.form === "nested" ? { nested: true } : {}) };
      case "number":
        if (o.integers.has(name)) {
          if (Number.isInteger(g.value)) { if (!Number.isSafeInteger(g.value)) throw new DaceError("TYPE", `argument ${name} is ${g.value}, beyond the integers that can be represented`); return { kind: "int" }; }
          if (o.language !== "javascript") throw new DaceError("TYPE", `argument ${name} is ${g.value} where the program needs an integer`, { hint: `${name} is used as an index, a bound or a size` });
          if (Number.isNaN(g.value)) throw new DaceError("TYPE", `argument ${name} is NaN where the program needs an integer`, { hint: `${name} is used as an index, a bound or a size` });
        }
        return { kind: "float", dtype: "float64" };
      case "bigint": if (g.value > 9007199254740991n || g.value < -9007199254740991n) throw new DaceError("TYPE", `argument ${name} is beyond the integers that can be represented`); return { kind: "int" };
      case "boolean": return { kind: "bool", dtype: "bool" };
      case "complex": return { kind: "complex", dtype: "complex128" };
      case "value": return { kind: "value", value: g.value };
    }
  });
  const aliases = aliasGroups(given, o.names);
  const key = `${parameters.map((p) => (p.kind === "array" ? `${p.dtype}[${p.dims.map((d) => d.key).join(",")}]${p.nested ? "n" : ""}` : p.kind === "value" ? `v${JSON.stringify(p.value) ?? "undefined"}` : p.kind)).join(";")}|${aliases.map((g) => g.join("=")).join(";")}`;
  return { signature: { parameters, ...(aliases.length > 0 ? { aliases } : {}) }, key, sizes };
}

/** Groups of arguments that are the very same memory; a partial overlap is an error. */
function aliasGroups(given: readonly Given[], names: readonly string[]): number[][] {
  const groups: number[][] = [];
  const arrays = given.flatMap((g, i) => (g.kind === "array" && g.data.byteLength > 0 ? [{ g, i }] : []));
  const taken = new Set<number>();
  for (let a = 0; a < arrays.length; a++) {
    const x = arrays[a]!;
    if (taken.has(x.i)) continue;
    const group = [x.i];
    for (let b = a + 1; b < arrays.length; b++) {
      const y = arrays[b]!;
      if (x.g.data.buffer !== y.g.data.buffer) { if (x.g.form === "nested" && x.g.original === y.g.original) { group.push(y.i); taken.add(y.i); } continue; }
      const x0 = x.g.data.byteOffset, x1 = x0 + x.g.data.byteLength, y0 = y.g.data.byteOffset, y1 = y0 + y.g.data.byteLength;
      if (x1 <= y0 || y1 <= x0) continue;
      if (x0 === y0 && x1 === y1 && x.g.dtype === y.g.dtype && x.g.shape.join() === y.g.shape.join()) { group.push(y.i); taken.add(y.i); continue; }
      throw new DaceError("SHAPE", `arguments ${names[x.i] ?? x.i} and ${names[y.i] ?? y.i} overlap in memory, but are not the same array`, { hint: "pass the whole array once and slice it in the program, or pass copies" });
    }
    if (group.length > 1) groups.push(group);
  }
  return groups;
}

/** A one-element buffer for a scalar argument. */
export function scalarBuffer(g: Given, dtype: DType): TypedArray {
  const a = allocate(dtype, 1) as unknown as Record<number, number | bigint>;
  if (g.kind === "complex") { a[0] = g.value.re; a[1] = g.value.im; }
  else if (g.kind === "number" || g.kind === "boolean" || g.kind === "bigint") a[0] = dtype === "int64" || dtype === "uint64" ? BigInt(g.value) : Number(g.value);
  return a as unknown as TypedArray;
}
