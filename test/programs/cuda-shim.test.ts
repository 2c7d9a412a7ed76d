/** Some of the named programs on the CUDA device made of the processor (all: cuda-shim.slow.test.ts), and that it notices what a real device would do wrong. */
import test from "ava";
import { jit, ndarray, python } from "../../ts/index.js";
import type { Plan } from "../../ts/lower/plan.js";
import { runCuda } from "../lower/cuda-program.js";
import { registerNamed } from "./cuda-shim.js";
import { effort, slowly } from "../support/effort.js";

process.env["DACE_AD_CUDA"] = "shim";
const SOME: ReadonlySet<string> = new Set(effort(["lu", "softmax"], ["jacobi_2d", "lu", "softmax"]));
registerNamed(test, (name) => SOME.has(name));

const plan = (source: string, ...args: unknown[]): Plan => jit(python({ source, name: "p.py" }, { function: "f" }), { device: "cuda" }).lower(...args).plan;
const SUM = "def f(x):\n    s = 0.0\n    for i in range(x.shape[0]):\n        s += x[i] * x[i]\n    return s\n";
const x = Float64Array.from({ length: 300_000 }, (_, i) => Math.sin(i));

test("a missing barrier shows", (t) => {
  const p = plan(SUM, x), given = { x: [...x] }, sizes = { n0: x.length }, total = (r: ReturnType<typeof runCuda>): number => Number(r.values.get(p.buffers[p.result.kind === "buffer" ? p.result.buffer : -1]!.name)![0]);
  const right = runCuda(p, sizes, given);
  t.is(right.code, 0);
  t.true(Math.abs(total(right) - x.reduce((s, v) => s + v * v, 0)) < 1e-6);
  const places = [...p.cuda!.device.matchAll(/__syncthreads\(\);/g)].map((m) => m.index);
  t.true(places.length >= 4);
  let needed = 0;
  for (const at of places) {
    const broken = runCuda(p, sizes, given, (c) => ({ ...c, device: `${c.device.slice(0, at)}${" ".repeat(16)}${c.device.slice(at + 16)}` }));
    if (broken.code !== 0 || !(Math.abs(total(broken) - total(right)) < 1e-6)) needed++;
  }
  // In each of the two kernels the first one keeps reductions apart that follow one another; here there is one.
  t.is(needed, places.length - 2);
});

slowly("a missing barrier in a kernel of one block shows", (t) => {
  // Sums over all threads, and neighbours: each piece reads what other threads have written, and writes what others have read.
  const n = 700, source = "def f(x, y, T):\n    for t in range(T):\n        y[1:-1] = 0.5 * x[:-2] + 0.4 * x[2:]\n        s = 0.0\n        for i in range(x.shape[0]):\n            s += y[i] * y[i]\n        x[:] = y[::-1] + 0.001 * s\n";
  const y = Float64Array.from({ length: n }, (_, i) => Math.cos(i)), p = plan(source, x.subarray(0, n), y, 5);
  const given = { x: [...x.subarray(0, n)], y: [...y] }, sizes = { n0: n, T: 5 };
  const right = runCuda(p, sizes, given), kernel = p.cuda!.device.search(/__launch_bounds__\(512\) k\d+/), device = p.cuda!.device.slice(0, p.cuda!.device.indexOf("extern", kernel));
  t.is(right.code, 0);
  const places = [...device.matchAll(/__syncthreads\(\);/g)].map((m) => m.index).filter((at) => at > kernel);
  const unnoticed = places.filter((at) => {
    const broken = runCuda(p, sizes, given, (c) => ({ ...c, device: `${c.device.slice(0, at)}${" ".repeat(16)}${c.device.slice(at + 16)}` }));
    return broken.code === 0 && [...right.values].every(([name, v]) => v.every((e, k) => Math.abs(Number(e) - Number(broken.values.get(name)![k])) < 1e-9));
  });
  t.true(places.length >= 5);
  // The one that keeps reductions apart that follow one another: here there is one a round.
  t.is(unnoticed.length, 1);
  t.regex(device.slice(unnoticed[0]), /^__syncthreads\(\);\s+if \(threadIdx\.x % 32 == 0\)/);
});

slowly("a missing barrier around a tile shows", (t) => {
  const n = 40, m = 70, source = "def f(A, B):\n    B[1:-1, 1:-1] = A[:-2, 1:-1] + 2.0 * A[2:, 1:-1] + 3.0 * A[1:-1, :-2] + 4.0 * A[1:-1, 2:]\n", a = x.subarray(0, n * m);
  const p = plan(source, ndarray(a, [n, m]), ndarray(new Float64Array(n * m), [n, m])), given = { A: [...a], B: Array<number>(n * m).fill(0) }, sizes = { n0: n, n1: m };
  // One block does all tiles.
  const once = (s: readonly string[]): readonly string[] => s.map((text) => text.replace("1 << 30", "1").replace("/ 8, 65535", "/ 8, 1"));
  const right = runCuda(p, sizes, given, (c) => c, once), places = [...p.cuda!.device.matchAll(/__syncthreads\(\);/g)].map((k) => k.index);
  t.is(right.code, 0);
  t.is(places.length, 2);
  const b = right.values.get("B")!;
  for (const i of [1, 8, 9, 38]) for (const j of [1, 32, 33, 68]) t.is(Number(b[i * m + j]).toFixed(12), (a[(i - 1) * m + j]! + 2 * a[(i + 1) * m + j]! + 3 * a[i * m + j - 1]! + 4 * a[i * m + j + 1]!).toFixed(12));
  for (const at of places) {
    const broken = runCuda(p, sizes, given, (c) => ({ ...c, device: `${c.device.slice(0, at)}${" ".repeat(16)}${c.device.slice(at + 16)}` }), once);
    t.true(broken.code !== 0 || broken.values.get("B")!.some((e, k) => !Object.is(Number(e), Number(b[k]))));
  }
});

test("threads that part at a barrier are an error, and so is memory beyond what the launch gives", (t) => {
  const p = plan(SUM, x), given = { x: [...x] }, sizes = { n0: x.length };
  const change = (from: RegExp, to: string) => runCuda(p, sizes, given, (c) => ({ ...c, device: c.device.replace(from, to) })).code;
  t.is(change(/__syncthreads\(\);/, "if (threadIdx.x < 3) return; __syncthreads();"), 6);
  t.is(change(/__syncthreads\(\);/, "shared[2048] = 1; __syncthreads();"), 6);
});

test("lanes that part at an exchange are an error, and lanes of other warps take no part in it", (t) => {
  const p = plan(SUM, x), given = { x: [...x] }, sizes = { n0: x.length };
  const change = (from: string, to: string) => runCuda(p, sizes, given, (c) => ({ ...c, device: c.device.replace(from, to) })).code;
  t.is(change("for (u32 d = 16;", "if (threadIdx.x % 7 != 3) for (u32 d = 16;"), 6);
  t.is(change("for (u32 d = 16;", "if (threadIdx.x / 32 != 3) for (u32 d = 16;"), 0);
});

test("results do not depend on the device", (t) => {
  const p = plan(SUM, x), given = { x: [...x] }, sizes = { n0: x.length };
  const other = runCuda(p, sizes, given, (c) => c, ([device, ...host]) => [device!.replace("nullptr, 2, 1024, 32", "nullptr, 132, 1024, 32"), ...host]);
  t.is(other.code, 0);
  t.deepEqual(other.values, runCuda(p, sizes, given).values);
});
