/** Arguments of a program from the command line: files and random numbers. */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { isComplex, kindOf, parseDType, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { ProgramFacts } from "../compile/program.js";
import { random } from "../api/gradcheck.js";
import { allocate, dtypeOf, isTypedArray, NDArray, ndarray, sizeOf } from "../runtime/ndarray.js";
import { readNpy, readNpz } from "../runtime/npy.js";

const wrong = (message: string, hint?: string): DaceError => new DaceError("ARGUMENT", message, hint ? { hint } : {});

/** Values in call order. JavaScript programs get arrays of any shape as flat typed arrays, as their source indexes them. */
export function readArguments(facts: ProgramFacts, o: { readonly args?: string; readonly random?: string; readonly seed?: number }): unknown[] {
  const values = new Map<string, unknown>();
  if (o.args !== undefined) for (const [k, v] of fromFile(o.args, facts)) values.set(k, v);
  if (o.random !== undefined) for (const [k, v] of fromRandom(o.random, o.seed ?? 1)) values.set(k, v);
  for (const k of values.keys()) if (!facts.parameters.includes(k)) throw wrong(`${facts.name} has no argument ${k}`, `its arguments are ${facts.parameters.join(", ")}`);
  const last = facts.parameters.reduce((n, p, i) => (values.has(p) ? i + 1 : n), 0);
  const missing = facts.parameters.slice(0, Math.max(facts.required, last)).filter((p, i) => !values.has(p) && i < facts.required);
  if (missing.length > 0) throw wrong(`${facts.name} needs ${missing.join(", ")}`, "give them with --args FILE or --random u=f64[64,64],steps=10");
  return facts.parameters.slice(0, Math.max(facts.required, last)).map((p) => { const v = values.get(p); return facts.language === "javascript" && v instanceof NDArray ? v.contiguous() : v; });
}

function fromFile(path: string, facts: ProgramFacts): Map<string, unknown> {
  switch (extname(path).toLowerCase()) {
    case ".npz": return new Map([...readNpz(path)].map(([k, a]) => [k, unboxed(a)]));
    case ".npy": return new Map([[facts.parameters[0] ?? "", unboxed(readNpy(path))]]);
    case ".json": return fromJson(path, facts);
    default: throw wrong(`--args ${path}: .npz, .npy or .json is needed`);
  }
}
/** Arrays without dimensions are numbers. */
function unboxed(a: NDArray): unknown {
  if (a.shape.length > 0) return a;
  return a.get();
}

function fromJson(path: string, facts: ProgramFacts): Map<string, unknown> {
  let text: string, json: unknown;
  try { text = readFileSync(path, "utf8"); } catch (e) { throw new DaceError("SOURCE_UNAVAILABLE", `no file ${path}`, { cause: e }); }
  try { json = JSON.parse(text); } catch (e) { throw new DaceError("ARGUMENT", `${path} is not JSON: ${(e as Error).message}`, { cause: e }); }
  if (Array.isArray(json)) {
    if (json.length > facts.parameters.length) throw wrong(`${path} has ${json.length} arguments, ${facts.name} takes ${facts.parameters.length}`);
    return new Map(json.map((v, i) => [facts.parameters[i]!, fromJsonValue(facts.parameters[i]!, v)]));
  }
  if (typeof json !== "object" || json === null) throw wrong(`${path} holds neither an array nor an object`);
  return new Map(Object.entries(json).map(([k, v]) => [k, fromJsonValue(k, v)]));
}
/** Numbers and booleans; lists, nested or not; `{ data, shape?, dtype? }`. */
function fromJsonValue(name: string, v: unknown): unknown {
  if (Array.isArray(v)) return ndarray(v);
  if (typeof v === "object" && v !== null && "data" in v) {
    const { data, shape, dtype = "float64" } = v as { data: unknown; shape?: number[]; dtype?: string };
    const d = parseDType(dtype);
    if (!d || !Array.isArray(data)) throw wrong(`argument ${name}: { data, shape, dtype } needs a list of numbers and a known dtype`);
    const flat = data.flat(Infinity) as number[], sizes = shape ?? ndarray(data).shape;
    const a = allocate(d, flat.length / (isComplex(d) ? 2 : 1)) as unknown as Record<number, number | bigint>;
    flat.forEach((x, i) => { a[i] = d === "int64" || d === "uint64" ? BigInt(x) : x; });
    return new NDArray(a as unknown as Float64Array, sizes, { dtype: d });
  }
  if (typeof v === "number" || typeof v === "boolean" || typeof v === "string" || v === null) return v;
  throw wrong(`argument ${name} is neither a number nor an array`);
}

/** `u=f64[64,N],N=64,steps=10,flag=true,x=f64` */
export function fromRandom(text: string, seed: number): Map<string, unknown> {
  const parts = text.split(/,(?![^[]*\])/).map((s) => s.trim()).filter((s) => s !== "");
  const pairs = parts.map((p) => { const m = /^([A-Za-z_$][\w$]*)\s*=\s*(.+)$/.exec(p); if (!m) throw wrong(`--random: ${p} is not NAME=VALUE`); return [m[1]!, m[2]!.trim()] as const; });
  const numbers = new Map(pairs.flatMap(([k, v]) => (/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(v) ? [[k, Number(v)] as const] : [])));
  const next = random(seed), out = new Map<string, unknown>();
  for (const [name, value] of pairs) {
    const n = numbers.get(name);
    if (n !== undefined) { out.set(name, n); continue; }
    if (value === "true" || value === "false") { out.set(name, value === "true"); continue; }
    const m = /^([a-z_]\w*)(?:\[([^\]]*)\])?$/i.exec(value), dtype = m ? parseDType(m[1]!) : undefined;
    if (!m || !dtype) throw wrong(`--random: ${name}=${value} is neither a number nor a type`, "such as u=f64[64,64],steps=10");
    const shape = m[2] === undefined ? [] : m[2].split(",").filter((s) => s.trim() !== "").map((s) => (numbers.has(s.trim()) ? numbers.get(s.trim())! : Number(s)));
    if (shape.some((x) => !Number.isInteger(x) || x < 0)) throw wrong(`--random: ${name}=${value} has a size that is no whole number`);
    const a = filled(dtype, sizeOf(shape), next);
    out.set(name, m[2] === undefined ? new NDArray(a, [], { dtype }).get() : new NDArray(a, shape, { dtype }));
  }
  return out;
}
/** Uniform in [0, 1); integers from 0 to 9. */
function filled(dtype: DType, n: number, next: () => number): NDArray["data"] {
  const a = allocate(dtype, n), kind = kindOf(dtype), into = a as unknown as Record<number, number | bigint>;
  for (let i = 0; i < a.length; i++) {
    const x = next();
    into[i] = kind === "float" || kind === "complex" ? x : kind === "bool" ? Number(x < 0.5) : dtype === "int64" || dtype === "uint64" ? BigInt(Math.floor(10 * x)) : Math.floor(10 * x);
  }
  return a;
}

/** A result as an array, for .npz files. */
export function asArray(v: unknown): NDArray | undefined {
  if (v instanceof NDArray) return v;
  if (isTypedArray(v)) return new NDArray(v, [v.length], { dtype: dtypeOf(v) });
  if (typeof v === "number") return new NDArray(Float64Array.of(v), []);
  if (typeof v === "boolean") return new NDArray(Uint8Array.of(Number(v)), [], { dtype: "bool" });
  if (typeof v === "object" && v !== null && "re" in v && "im" in v) return new NDArray(Float64Array.of(Number(v.re), Number(v.im)), [], { dtype: "complex128" });
  return Array.isArray(v) && typeof v.flat(Infinity)[0] === "number" ? ndarray(v) : undefined;
}
