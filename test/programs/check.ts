/** Runs a named program in NumPy and in JavaScript and compares values and gradients with the plain JavaScript function and its differences. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import { javascript, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { packageRoot } from "../../ts/runtime/addon.js";
import { PROGRAMS, type Input, type NamedProgram } from "./table.js";

export const FOLDER = join(packageRoot(), "test", "programs");
export const SOURCE = readFileSync(join(FOLDER, "programs.py"), "utf8");
export const FUNCTIONS = createRequire(__filename)(join(FOLDER, "programs.js")) as Record<string, (...args: unknown[]) => unknown>;

/** Deterministic numbers in [0, 1). */
export function numbers(seed: number): () => number {
  let s = seed >>> 0;
  return () => { s = (Math.imul(s, 1664525) + 1013904223) >>> 0; const x = Math.imul(s ^ (s >>> 15), 0x2c1b3c6d); return ((x ^ (x >>> 12)) >>> 0) / 4294967296; };
}

interface Data { readonly shape: readonly number[] | undefined; readonly values: Float64Array }
export function inputData(input: Input, next: () => number): Data {
  if (typeof input === "number") return { shape: undefined, values: Float64Array.of(input) };
  const { shape, scale = 1, shift = 0, diagonal = 0, symmetric = false } = input, n = shape.reduce((a, b) => a * b, 1);
  const values = Float64Array.from({ length: n }, () => scale * next() + shift), width = shape.at(-1) ?? 1;
  if (symmetric) for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) values[i * width + j] = values[j * width + i]!;
  if (diagonal !== 0) for (let i = 0; i < Math.min(width, shape[0]!); i++) values[i * width + i]! += diagonal;
  return { shape, values };
}

const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? (x.toArray() as number[]).flat(Infinity) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : Array.isArray(x) ? x.flatMap(flat) : []);

/** Derivative at 0 by central differences of halved steps, extrapolated to the eighth order. */
export function derivative(f: (h: number) => number, step = 0.02): number {
  const d = [1, 2, 4, 8].map((k) => (f(step / k) - f(-step / k)) / (2 * step / k));
  for (let p = 4, n = 3; n > 0; n--, p *= 4) for (let i = 0; i < n; i++) d[i] = (p * d[i + 1]! - d[i]!) / (p - 1);
  return d[0]!;
}

const worst = (a: readonly number[], b: readonly number[]): number => {
  const largest = Math.max(1e-300, ...b.map(Math.abs));
  return a.length !== b.length ? Infinity : a.reduce((w, x, i) => { const d = Math.abs(x - b[i]!) / largest; return Number.isNaN(d) ? Infinity : Math.max(w, d); }, 0);
};

export interface Checked { readonly value: number; readonly gradient: number; readonly twins: number; readonly jsGrads: readonly number[][]; readonly pyGrads: readonly number[][] }

/** Element by element up to this many inputs, else random directions. */
const ELEMENTS = 200;

export function checkProgram(t: ExecutionContext, p: NamedProgram, options: DerivativeOptions, rtol = 1e-8): Checked {
  const next = numbers(1234), data = p.numpy.map((x) => inputData(x, next)), f = FUNCTIONS[p.name]!;
  const jsArgs = (values: readonly Float64Array[]): unknown[] => p.js.map((a) => (typeof a === "number" ? a : data[a.use]!.shape ? values[a.use]!.slice() : values[a.use]![0]!));
  const pyArgs = (): unknown[] => data.map((d) => (d.shape ? (d.shape.length === 1 ? d.values.slice() : ndarray(d.values.slice(), d.shape)) : d.values[0]!));

  // The plain function: what it returns and what it makes of its arrays.
  const plain = (values: readonly Float64Array[]): { readonly result: readonly number[]; readonly arrays: ReadonlyMap<number, readonly number[]> } => {
    const args = jsArgs(values), result = flat(f(...args));
    return { result, arrays: new Map(p.js.flatMap((a, k) => (typeof a === "number" || !data[a.use]!.shape ? [] : [[a.use, Array.from(args[k] as Float64Array)] as const]))) };
  };
  const base = data.map((d) => d.values), before = plain(base);
  const changed = new Set([...before.arrays].filter(([i, x]) => x.some((v, k) => v !== base[i]![k])).map(([i]) => i));
  const weights = new Map([...changed].map((i) => [i, Float64Array.from(base[i]!, () => next() - 0.3)]));
  const returnWeights = before.result.map(() => next() - 0.3);
  const loss = (values: readonly Float64Array[]): number => {
    const r = plain(values);
    let s = r.result.reduce((sum, x, k) => sum + x * returnWeights[k]!, 0);
    for (const [i, w] of weights) for (let k = 0; k < w.length; k++) s += w[k]! * r.arrays.get(i)![k]!;
    return s;
  };

  // Both programs, with the same weights.
  const run = (program: Parameters<typeof vjp>[0], args: unknown[], names: readonly string[], use: (k: number) => number | undefined): { grads: Map<number, number[]>; outputs: Record<string, unknown> } => {
    const verb = vjp(program, options);
    const trial = verb(args as never, ZERO_COTANGENTS);
    let at = 0;
    const cotangents: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(trial.outputs).sort(([a], [b]) => (a < b ? -1 : 1))) {
      const k = names.indexOf(name), i = k < 0 ? undefined : use(k), n = flat(value).length;
      const w = i === undefined ? Float64Array.from(returnWeights.slice(at, at + n)) : weights.get(i) ?? new Float64Array(n);
      if (i === undefined) at += n;
      cotangents[name] = typeof value === "number" ? w[0] : value instanceof NDArray ? ndarray(w, value.shape) : w;
    }
    t.is(at, returnWeights.length, `${p.name}: all returned values are outputs`);
    const r = verb(args as never, cotangents as never);
    const grads = new Map<number, number[]>();
    for (const [name, g] of Object.entries(r.grads)) { const i = use(names.indexOf(name)); if (i !== undefined) grads.set(i, flat(g)); }
    return { grads, outputs: r.outputs };
  };
  const js = javascript(f), py = python({ source: SOURCE, name: "programs.py" }, { function: p.name });
  const jsRun = run(js, jsArgs(base), js.facts().parameters, (k) => { const a = p.js[k]; return typeof a === "object" ? a.use : undefined; });
  const pyRun = run(py, pyArgs(), py.facts().parameters, (k) => k);

  const outputs = (r: { outputs: Record<string, unknown> }, names: readonly string[], use: (k: number) => number | undefined): { array: Map<number, number[]>; result: number[] } => {
    const array = new Map<number, number[]>(), result: number[] = [];
    for (const [name, v] of Object.entries(r.outputs).sort(([a], [b]) => (a < b ? -1 : 1))) { const k = names.indexOf(name), i = k < 0 ? undefined : use(k); if (i === undefined) result.push(...flat(v)); else array.set(i, flat(v)); }
    return { array, result };
  };
  let value = 0;
  for (const o of [outputs(jsRun, js.facts().parameters, (k) => { const a = p.js[k]; return typeof a === "object" ? a.use : undefined; }), outputs(pyRun, py.facts().parameters, (k) => k)]) {
    if (before.result.length > 0) value = Math.max(value, worst(o.result, before.result));
    for (const i of changed) value = Math.max(value, worst(o.array.get(i) ?? [], before.arrays.get(i)!.slice()));
  }

  const inputs = [...jsRun.grads.keys()];
  t.true(inputs.length > 0);
  const total = inputs.reduce((n, i) => n + base[i]!.length, 0);
  let gradient = 0;
  const along = (moves: ReadonlyMap<number, Float64Array>): number => derivative((h) => loss(base.map((x, i) => { const m = moves.get(i); return m ? x.map((v, k) => v + h * m[k]!) : x; })), p.step);
  for (const grads of [jsRun.grads, pyRun.grads]) {
    if (total <= ELEMENTS) {
      for (const i of inputs) {
        const reference = Array.from(base[i]!, (_, k) => { const m = new Float64Array(base[i]!.length); m[k] = 1; return along(new Map([[i, m]])); });
        const g = grads.get(i);
        // An input that changes nothing has a gradient of zero, not of some tiny number.
        if (reference.every((x) => Math.abs(x) < 1e-12)) { if (g?.some((x) => Math.abs(x) > 1e-10)) gradient = Infinity; continue; }
        gradient = Math.max(gradient, worst(g ?? [], reference));
      }
    } else {
      for (let n = 0; n < 8; n++) {
        const moves = new Map(inputs.map((i) => [i, base[i]!.map(() => next() - 0.5)]));
        const reference = along(moves), ours = inputs.reduce((s, i) => s + grads.get(i)!.reduce((q, x, k) => q + x * moves.get(i)![k]!, 0), 0);
        gradient = Math.max(gradient, Math.abs(ours - reference) / Math.max(Math.abs(reference), 1));
      }
    }
  }
  const twins = Math.max(...inputs.map((i) => { const a = jsRun.grads.get(i)!, b = pyRun.grads.get(i); return b && Math.max(...a.map(Math.abs)) > 1e-12 ? worst(b, a) : 0; }));
  t.true(value <= 1e-12, `${p.name}: values differ by ${value}`);
  t.true(gradient <= rtol, `${p.name}: gradients differ by ${gradient}`);
  t.true(twins <= 1e-11, `${p.name}: the NumPy and the JavaScript gradients differ by ${twins}`);
  return { value, gradient, twins, jsGrads: inputs.map((i) => jsRun.grads.get(i)!), pyGrads: inputs.map((i) => pyRun.grads.get(i) ?? []) };
}

export { PROGRAMS };
