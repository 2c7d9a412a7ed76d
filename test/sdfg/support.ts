/** Runs .sdfg files against their references: outputs, gradients by vjp, and differences of the forward run. */
import { jit, vjp, ndarray, type SDFG, type Value } from "../../ts/index.js";
import type { NDArray } from "../../ts/runtime/ndarray.js";
import { readNpz } from "../../ts/runtime/npy.js";
import { join } from "node:path";

/** Fixtures are copied beside the compiled tests, or stand in the source tree. */
export const FIXTURES = join(__dirname.replace(/([\\/])\.build([\\/]agents[\\/][^\\/]+)?[\\/]test/, "$1test"), "fixtures");
export const OPTIONS = { device: "js", cache: false } as const;

export function valueOf(a: NDArray): Value { return a.shape.length === 0 ? (a.dtype === "bool" ? a.data[0] !== 0 : Number(a.data[0])) : a.shape.length === 1 ? a.data : a; }
export function flat(x: unknown): number[] {
  if (typeof x === "number" || typeof x === "boolean") return [Number(x)];
  if (ArrayBuffer.isView(x)) return Array.from(x as unknown as ArrayLike<number>, Number);
  if (typeof x === "object" && x !== null && "data" in x) return Array.from((x as NDArray).data as unknown as ArrayLike<number>, Number);
  throw new Error(`no numbers in ${String(x)}`);
}
export function copyOf(x: Value): Value {
  if (ArrayBuffer.isView(x)) return (x as Float64Array).slice();
  return typeof x === "object" && "data" in x ? ndarray((x as NDArray).data.slice() as Float64Array, (x as NDArray).shape, { dtype: (x as NDArray).dtype }) : x;
}
/** max |a − b| / max(1, max |b|) */
export function distance(a: unknown, b: unknown): number {
  const x = flat(a), y = flat(b);
  if (x.length !== y.length) return Infinity;
  let worst = 0, scale = 1;
  x.forEach((v, i) => { const d = Math.abs(v - y[i]!); worst = Math.max(worst, Number.isNaN(d) ? Infinity : d); scale = Math.max(scale, Math.abs(y[i]!)); });
  return worst / scale;
}

export interface Case { readonly sdfg: SDFG; readonly names: readonly string[]; readonly args: readonly Value[]; readonly expected: ReadonlyMap<string, NDArray> }
export function openCase(sdfg: SDFG, npz: string): Case {
  const z = readNpz(npz), names = sdfg.facts().parameters;
  return { sdfg, names, expected: z, args: names.map((n) => { const a = z.get(`in/${n}`); if (!a) throw new Error(`no input ${n}`); return valueOf(a); }) };
}
const returnIndex = (name: string): number | undefined => (/^__return_(\d+)$/.exec(name) ? Number(/\d+$/.exec(name)![0]) : undefined);
export function publicName(name: string): string { const k = returnIndex(name); return name === "__return" ? "return" : k === undefined ? name : `return[${k}]`; }

/** Largest distance of the outputs from the expected ones. */
export function forwardError(c: Case): number {
  const args = c.args.map(copyOf), result = jit(c.sdfg, OPTIONS)(...args) as unknown;
  let worst = 0;
  for (const [k, want] of c.expected) {
    if (!k.startsWith("out/")) continue;
    const name = k.slice(4), at = returnIndex(name);
    const got = name === "__return" ? result : at !== undefined ? (result as unknown[])[at] : args[c.names.indexOf(name)];
    worst = Math.max(worst, distance(got, valueOf(want)));
  }
  return worst;
}
/** Cotangents of the file, in the dtype of their outputs. */
export function cotangents(c: Case): Record<string, Value> {
  const out: Record<string, Value> = {};
  for (const [k, a] of c.expected) {
    if (!k.startsWith("cotangent/")) continue;
    const name = k.slice(10), own = c.args[c.names.indexOf(name)], value = valueOf(a);
    const single = own instanceof Float32Array || (typeof own === "object" && "data" in own && (own as NDArray).data instanceof Float32Array);
    out[publicName(name)] = !single || typeof value === "number" ? value : ArrayBuffer.isView(value) ? Float32Array.from(value as Float64Array) : ndarray(Float32Array.from((value as NDArray).data as Float64Array), (value as NDArray).shape);
  }
  return out;
}
export function gradients(c: Case, weights: Readonly<Record<string, Value>>): Record<string, Value> { return vjp(c.sdfg, OPTIONS)(c.args.map(copyOf), weights).grads; }
