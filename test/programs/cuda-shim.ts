/** Programs on the CUDA device made of the processor: right, and as C++ computes them. Sums may be taken in another order. */
import type { ExecutionContext, TestFn } from "ava";
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import { jit, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { checkProgram, PROGRAMS } from "./check.js";
import { checkTwin } from "./twins.js";
import { OTHERS } from "./others.js";
import { CASES, SOURCE, value } from "./npbench.js";
import { PERIODIC, PERIODIC_SOURCE, values } from "./periodic.js";

export const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : typeof x === "bigint" ? [Number(x)] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : Array.isArray(x) ? x.flatMap(flat) : typeof x === "object" && x !== null ? Object.values(x).flatMap(flat) : typeof x === "boolean" ? [Number(x)] : []);
const weights = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(1 + 0.9 * i) + 0.1 * Math.cos(i));
const like = <T extends ArrayLike<number>>(a: T): T => { const w = weights(a.length); return (a instanceof Float32Array ? Float32Array.from(w) : w) as unknown as T; };
const cotangent = (v: unknown): unknown => (typeof v === "number" ? 0.7 : v instanceof NDArray ? ndarray(like(v.contiguous() as Float64Array), v.shape, { dtype: v.dtype }) : ArrayBuffer.isView(v) ? like(v as Float64Array) : { re: 0.7, im: 0.3 });
const copy = (x: unknown): unknown => (x instanceof NDArray ? ndarray(x.contiguous().slice(), x.shape, { dtype: x.dtype }) : ArrayBuffer.isView(x) ? (x as Float64Array).slice() : x);

/** Values, and gradients of all float inputs, on both devices: differences relative to the largest magnitude of each array. */
export function compareDevices(t: ExecutionContext, program: Parameters<typeof vjp>[0], args: readonly unknown[], options: DerivativeOptions & { readonly gradient?: boolean } = {}, tolerance = 1e-12): void {
  const { gradient = true, ...rest } = options;
  const run = (device: "cpu" | "cuda"): unknown[][] => {
    if (!gradient) { const a = args.map(copy), r = jit(program, { ...rest, device })(...a); return [[r], a]; }
    const verb = vjp(program, { ...rest, device }), trial = verb(args.map(copy) as never, ZERO_COTANGENTS) as { outputs: Record<string, unknown> };
    const cotangents = Object.fromEntries(Object.entries(trial.outputs).map(([k, v]) => [k, cotangent(v)]));
    const g = verb(args.map(copy) as never, cotangents as never) as { outputs: Record<string, unknown>; grads: Record<string, unknown> };
    t.true(Object.keys(g.grads).length > 0);
    return [Object.values(g.outputs), Object.values(g.grads)];
  };
  const cpu = run("cpu"), gpu = run("cuda");
  cpu.forEach((group, g) => group.forEach((x, k) => {
    const a = flat(x), b = flat(gpu[g]![k]), scale = a.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-300);
    t.is(b.length, a.length);
    const i = a.findIndex((v, j) => !(Object.is(v, b[j]) || Math.abs(v - b[j]!) <= tolerance * scale));
    t.is(i, -1, `group ${g}, value ${k}, element ${i}: ${b[i]} instead of ${a[i]}`);
  }));
}

/** The same tests with a launch for each map of a small loop, where otherwise the loop is one kernel. */
export function asLaunches(test: TestFn): TestFn {
  return ((name: string, body: (t: ExecutionContext) => unknown) => {
    test(`${name}, as launches`, (t) => {
      process.env["DACE_AD_CUDA_BLOCKS"] = "off";
      try { body(t); } finally { delete process.env["DACE_AD_CUDA_BLOCKS"]; }
    });
  }) as TestFn;
}

const largest = (a: readonly number[]): number => a.reduce((w, x) => Math.max(w, Math.abs(x)), 1e-300);

/** The named programs that `wanted` takes, in NumPy and in JavaScript, against differences and against C++. */
export function registerNamed(test: TestFn, wanted: (name: string) => boolean): void {
  for (const p of PROGRAMS.filter((x) => wanted(x.name))) {
    test(p.name, (t) => {
      const gpu = checkProgram(t, p, { device: "cuda" }), cpu = checkProgram(t, p, { device: "cpu", threads: 1 });
      for (const [mine, theirs] of [[gpu.jsGrads, cpu.jsGrads], [gpu.pyGrads, cpu.pyGrads]] as const) {
        t.is(mine.length, theirs.length);
        mine.forEach((g, i) => { const scale = largest(theirs[i]!); for (const [k, x] of g.entries()) t.true(Math.abs(x - theirs[i]![k]!) <= 1e-12 * scale, `gradient ${i}, element ${k}`); });
      }
    });
  }
}

/** Programs others get wrong, in both languages. */
export function registerOthers(test: TestFn, wanted: (name: string) => boolean): void {
  for (const language of ["python", "javascript"] as const) for (const p of OTHERS.filter((x) => wanted(x.name))) {
    test(`${p.name} (${language})`, (t) => {
      const r = checkTwin(p, language, { device: "cuda" });
      t.true(r.value <= 1e-13, `values differ by ${r.value}`);
      t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
    });
  }
}

/** Periodic stencils: borders and insides, in fields that fill blocks and in some that hardly have an inside. */
export function registerPeriodic(test: TestFn): void {
  for (const name of PERIODIC) test(`periodic: ${name}`, (t) => {
    const program = python({ source: PERIODIC_SOURCE, name: "periodic.py" }, { function: name });
    for (const [n, m] of [[1, 4], [3, 2], [9, 37]] as const) for (const precision of ["default", "strict"] as const) compareDevices(t, program, [1, 2, 3].map((k) => ndarray(values(n * m, k), [n, m])).concat(4 as never) as readonly unknown[], { precision });
  });
}

/** The programs of npbench.py on their stored inputs. */
export function registerNpbench(test: TestFn): void {
  CASES.forEach((c, n) => {
    const integral = c.args.every((a) => (typeof a === "object" ? /int/.test(a.dtype) : typeof a === "string" || Number.isInteger(a))), single = c.args.some((a) => typeof a === "object" && a.dtype === "float32");
    test(`${c.name} #${n}`, (t) => { compareDevices(t, python({ source: SOURCE, name: "npbench.py" }, { function: c.name }), c.args.map(value), { gradient: !integral }, single ? 1e-5 : 1e-12); });
  });
}
