/** From actual arguments to a signature: kinds, dtypes, ranks, which sizes are 1 or equal, which arguments share memory. */
import { bytesOf, isComplex, isInteger, parseDType, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { ParameterType, Signature } from "../frontend/array/signature.js";
import { int, sym, type Expr } from "../symbolic/expr.js";
import type { Given } from "./arguments.js";
import { NDArray, rowMajor } from "./ndarray.js";

export interface Specialised {
  readonly signature: Omit<Signature, "speculate" | "checked">;
  readonly key: string;
  /** Values of the size symbols. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** A declared type of an argument: `f64[N,M]`, `i64`. */
export interface Declared { readonly dtype: DType; /** Absent: a number. */ readonly dims?: readonly (number | string)[] }

export interface SpecialiseOptions {
  readonly language: "python" | "javascript" | "sdfg";
  readonly names: readonly string[];
  /** Parameters that the program uses as indices, bounds or sizes. */
  readonly integers: ReadonlySet<string>;
  /** Integer parameters whose values belong to the signature. */
  readonly fixed?: ReadonlySet<string> | undefined;
  /** All sizes and integers are numbers of the signature. */
  readonly exact?: boolean;
  /** Integer parameters that are floats where they have fractions. */
  readonly flexible?: ReadonlySet<string> | undefined;
  readonly declared?: ReadonlyMap<string, Declared>;
}

/** `f64[N, 3]`, `f32[]`, `i64`; throws ARGUMENT. */
export function parseDeclared(name: string, text: unknown): Declared {
  const m = typeof text === "string" ? /^\s*([a-z_]\w*)\s*(?:\[([^\]]*)\])?\s*$/i.exec(text) : null;
  const dtype = m && parseDType(m[1]!);
  if (!m || !dtype) throw new DaceError("ARGUMENT", `args: ${name} is declared as ${JSON.stringify(text)}, which is no type`, { hint: "types look like \"f64[N,M]\", \"f32[8]\" or \"i64\"" });
  if (m[2] === undefined) return { dtype };
  const dims = m[2].trim() === "" ? [] : m[2].split(",").map((d) => d.trim());
  for (const d of dims) if (!/^(\d+|[A-Za-z_]\w*)$/.test(d)) throw new DaceError("ARGUMENT", `args: ${name} has the size ${JSON.stringify(d)}`, { hint: "a size is a number or a name" });
  return { dtype, dims: dims.map((d) => (/^\d+$/.test(d) ? Number(d) : d)) };
}

/** The signature of a call, and the sizes it brings. Equal sizes share a symbol, size 1 is a constant. */
export function specialise(given: readonly Given[], o: SpecialiseOptions): Specialised {
  const sizes = new Map<string, number>(), symbolOf = new Map<number, string>(), names = new Map<string, number>();
  const dim = (n: number): Expr => {
    if (n === 1 || o.exact) return int(n);
    let s = symbolOf.get(n);
    if (s === undefined) { s = `n${symbolOf.size}`; symbolOf.set(n, s); sizes.set(s, n); }
    return sym(s);
  };
  const whole = (name: string, value: number): ParameterType => (o.exact || o.fixed?.has(name) ? { kind: "int", value } : { kind: "int" });
  const parameters = given.map((g, i): ParameterType => {
    const name = o.names[i] ?? `#${i}`, declared = o.declared?.get(name);
    if (declared) checkDeclared(name, g, declared, names);
    switch (g.kind) {
      case "array": return { kind: "array", dtype: g.dtype, dims: g.shape.map(dim), label: name, ...(g.form === "nested" ? { nested: true } : {}) };
      case "number": {
        const integer = declared ? isInteger(declared.dtype) : o.integers.has(name);
        if (integer) {
          if (Number.isInteger(g.value)) { if (!Number.isSafeInteger(g.value)) throw new DaceError("TYPE", `argument ${name} is ${g.value}, beyond the integers that can be represented`); return whole(name, g.value); }
          if ((o.language !== "javascript" && !o.flexible?.has(name)) || declared) throw new DaceError("TYPE", `argument ${name} is ${g.value} where the program needs an integer`, { hint: `${name} is used as an index, a bound or a size` });
          if (Number.isNaN(g.value)) throw new DaceError("TYPE", `argument ${name} is NaN where the program needs an integer`, { hint: `${name} is used as an index, a bound or a size` });
        }
        return declared?.dtype === "float32" ? { kind: "float", dtype: "float32", strong: true } : { kind: "float", dtype: "float64" };
      }
      case "bigint": if (g.value > 9007199254740991n || g.value < -9007199254740991n) throw new DaceError("TYPE", `argument ${name} is beyond the integers that can be represented`); return whole(name, Number(g.value));
      case "boolean": return { kind: "bool", dtype: "bool" };
      case "complex": return { kind: "complex", dtype: "complex128" };
      case "value": return { kind: "value", value: g.value };
    }
  });
  const aliases = aliasGroups(given, o.names);
  const key = `${parameters.map((p) => (p.kind === "array" ? `${p.dtype}[${p.dims.map((d) => d.key).join(",")}]${p.nested ? "n" : ""}` : p.kind === "value" ? `v${valueText(p.value)}` : p.kind === "float" && p.strong ? p.dtype : p.kind === "int" && p.value !== undefined ? `int=${p.value}` : p.kind)).join(";")}|${aliases.map((g) => g.join("=")).join(";")}`;
  return { signature: { parameters, ...(aliases.length > 0 ? { aliases } : {}) }, key, sizes };
}
/** A text that differs where the values do. */
function valueText(v: unknown): string {
  if (Array.isArray(v)) return `[${v.map(valueText).join(",")}]`;
  if (typeof v === "object" && v !== null) return `{${Object.entries(v).map(([k, x]) => `${JSON.stringify(k)}:${valueText(x)}`).join(",")}}`;
  return typeof v === "string" ? JSON.stringify(v) : typeof v === "bigint" ? `${v}n` : Object.is(v, -0) ? "-0" : String(v);
}

function checkDeclared(name: string, g: Given, d: Declared, names: Map<string, number>): void {
  if (d.dims === undefined) {
    if (g.kind === "array" || g.kind === "value") throw new DaceError("TYPE", `argument ${name} is declared as ${d.dtype}, but is ${g.kind === "array" ? `an array of shape (${g.shape.join(", ")})` : "not a number"}`);
    return;
  }
  if (g.kind !== "array") throw new DaceError("TYPE", `argument ${name} is declared as an array of ${d.dtype}, but is not an array`);
  if (g.dtype !== d.dtype) throw new DaceError("TYPE", `argument ${name} holds ${g.dtype}, but is declared as ${d.dtype}`);
  if (g.shape.length !== d.dims.length) throw new DaceError("SHAPE", `argument ${name} has shape (${g.shape.join(", ")}), but is declared as [${d.dims.join(", ")}]`);
  d.dims.forEach((want, k) => {
    const n = g.shape[k]!, expected = typeof want === "number" ? want : names.get(want);
    if (expected === undefined) names.set(want as string, n);
    else if (expected !== n) throw new DaceError("SHAPE", `argument ${name} has shape (${g.shape.join(", ")}), but size ${k} is declared as ${want}${typeof want === "string" ? `, which is ${expected}` : ""}`);
  });
}

/** The memory that an argument is a view of. Offsets, strides and extents count elements of the dtype. */
interface Region { readonly position: number; readonly buffer: ArrayBufferLike; readonly dtype: DType; /** Bytes. */ readonly from: number; readonly to: number; readonly strides: readonly number[]; readonly shape: readonly number[]; readonly key: string }

function regionOf(g: Given, position: number): Region | undefined {
  if (g.kind !== "array" || g.shape.some((n) => n === 0)) return undefined;
  if (g.device) return { position, buffer: g.data.buffer, dtype: g.dtype, from: 0, to: g.device.bytes, strides: rowMajor(g.shape).filter((_, d) => g.shape[d]! > 1), shape: g.shape, key: `0:${g.dtype}:${g.shape.join()}` };
  const view = g.view ?? new NDArray(g.data, g.shape, { dtype: g.dtype });
  const width = bytesOf(g.dtype);
  let low = view.offset, high = view.offset;
  view.shape.forEach((n, d) => { const reach = (n - 1) * view.stride[d]!; if (reach < 0) low += reach; else high += reach; });
  const strides = view.shape.flatMap((n, d) => (n > 1 ? [view.stride[d]!] : []));
  const start = view.data.byteOffset;
  return {
    position, buffer: view.data.buffer, dtype: g.dtype, from: start + low * width, to: start + (high + 1) * width, strides, shape: view.shape,
    key: `${start + view.offset * width}:${g.dtype}:${view.shape.join()}:${strides.join()}`,
  };
}

/** Groups of arguments that are the very same memory; a partial overlap is an error. */
function aliasGroups(given: readonly Given[], names: readonly string[]): number[][] {
  const groups: number[][] = [], taken = new Set<number>();
  const regions = given.map(regionOf);
  for (let a = 0; a < regions.length; a++) {
    const x = regions[a];
    if (!x || taken.has(a)) continue;
    const group = [a];
    for (let b = a + 1; b < regions.length; b++) {
      const y = regions[b];
      if (!y || taken.has(b)) continue;
      const gx = given[a], gy = given[b];
      if (gx?.kind === "array" && gy?.kind === "array" && gx.form === "nested" && gx.original === gy.original) { group.push(b); taken.add(b); continue; }
      if (x.buffer !== y.buffer || x.to <= y.from || y.to <= x.from) continue;
      if (x.key === y.key) { group.push(b); taken.add(b); continue; }
      if (interleaved(x, y)) continue;
      throw new DaceError("SHAPE", `arguments ${names[a] ?? a} and ${names[b] ?? b} overlap in memory, but are not the same array`, { hint: "pass the whole array once and slice it in the program, or pass copies" });
    }
    if (group.length > 1) groups.push(group);
  }
  return groups;
}
/** Views whose elements lie on different residues, such as two columns of a matrix, do not meet. */
function interleaved(x: Region, y: Region): boolean {
  if (x.dtype !== y.dtype) return false;
  const width = bytesOf(x.dtype);
  let g = 0;
  for (const s of [...x.strides, ...y.strides]) { let a = Math.abs(s), b = g; while (b) [a, b] = [b, a % b]; g = a; }
  const distance = (first(x) - first(y)) / width;
  return g > 1 && Number.isInteger(distance) && distance % g !== 0;
}
function first(r: Region): number { return Number(r.key.slice(0, r.key.indexOf(":"))); }

/** Bytes that an element takes in the caller's typed arrays. */
export function elementBytes(d: DType): number { return isComplex(d) ? bytesOf(d) / 2 : bytesOf(d); }
