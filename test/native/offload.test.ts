/**
 * Arrays that leave the device while a program runs, on the libcuda made of the processor: cuda:0 does the copies as late as can be, cuda:1 as soon as what they wait for allows, so that
 * each edge between the two streams shows where it is missing.
 */
import test from "ava";
import type { GpuStatus, NativeGpuProgram } from "../../ts/runtime/addon-types.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { DaceError, grad, ndarray, python, type DerivativeOptions, type NDArray } from "../../ts/index.js";
import { ABI, HELPERS, TYPES } from "../../ts/lower/cpp-preamble.js";
import { randoms } from "../support/random-graph.js";
import { useProcessor } from "./processor.js";
import { addon, Folder, symbols } from "./support.js";

const control = useProcessor({ PROCESSOR_DEVICES: "2" }), folder = new Folder(), a = addon();
test.after.always(() => { folder.remove(); });
/** A device's second stream is made when it is first used. */
const eagerly = (index: number): void => { process.env["PROCESSOR_EAGER"] = String(index); };

const TABLE = HELPERS.find(([name]) => name === "dace_gpu")![1];
const DEVICE = `typedef long long i64;
extern "C" __global__ void __launch_bounds__(256) k0(double* x, i64 n) { for (i64 i = i64(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += i64(gridDim.x) * blockDim.x) x[i] += 1; }
extern "C" __global__ void __launch_bounds__(256) k1(double* x, const double* y, i64 n, i64 k) { for (i64 i = i64(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += i64(gridDim.x) * blockDim.x) x[i] += double(k + 1) * y[i]; }
`;
/** x: n numbers, symbols: n, and how often. The arena holds two arrays of n. x goes to the host by way of the first one, whose place is used again, and comes back into the second one, whose place was in use. */
const BODY = `
  i64 n = symbols[0]; const i64 bytes = 8 * n; void *a = arena, *b = (char*)arena + (bytes + 63) / 64 * 64, *x = args[0];
  void* on_a[] = {&a, &n}; void* on_x[] = {&x, &n};
#define TRY(e) if (i32 status = (e)) return status
  for (i64 k = 0; k < symbols[1]; k++) {
    TRY(gpu->copy(gpu->state, a, x, bytes));
    TRY(gpu->launch(gpu->state, 0, 1, 1, 1, 32, 1, 1, 0, on_a));
    TRY(gpu->offload(gpu->state, i32(k), a, bytes));
    TRY(gpu->launch(gpu->state, 0, 1, 1, 1, 32, 1, 1, 0, on_x));
    TRY(gpu->settle(gpu->state, i32(k)));
    TRY(gpu->zero(gpu->state, a, bytes));
    if (*(volatile const i32*)rt->cancel) return 1;
    TRY(gpu->copy(gpu->state, b, a, bytes));
    TRY(gpu->copy(gpu->state, x, b, bytes));
    TRY(gpu->fetch(gpu->state, i32(k), b, bytes));
    TRY(gpu->launch(gpu->state, 0, 1, 1, 1, 32, 1, 1, 0, on_x));
    TRY(gpu->settle(gpu->state, i32(k)));
    TRY(gpu->copy(gpu->state, x, b, bytes));
  }`;
function load(index: number, body = BODY): NativeGpuProgram {
  const host = `${TYPES}${ABI}${TABLE}extern "C" i32 dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {\n  const dace_gpu* gpu = rt->gpu;\n${body}\n  return 0;\n}\n`;
  return a.gpu(index).load({ sources: [host], flags: ["-std=c++20", "-O1"], link: [], device: DEVICE, deviceFlags: ["--std=c++17"], kernels: ["k0", "k1"], cacheDir: folder.at("cache") });
}
const numbers = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i);
const arena = (n: number): number => 2 * Math.ceil(8 * n / 64) * 64;
const run = (p: NativeGpuProgram, x: Float64Array, times: number): GpuStatus => p.run([x], symbols(x.length, times), arena(x.length), [0]);

for (const index of [0, 1]) test.serial(`copies keep the order of the work (cuda:${index})`, (t) => {
  eagerly(index);
  const p = load(index), gpu = a.gpu(index), x = numbers(1000);
  t.is(run(p, x, 3).failure, "");
  t.deepEqual([...x], [...numbers(1000)].map((v) => v + 3));
  const m = gpu.memory();
  t.deepEqual([m.inUse, m.hostInUse, m.hostHighWater, m.hostPooled, m.offloaded, m.fetched], [0, 0, 24000, 24000, 24000, 24000]);
  // Another size, an empty array; what was kept is used again, and given back.
  t.is(run(p, new Float64Array(0), 2).code, 0);
  t.is(run(p, x, 1).code, 0);
  t.is(x[10], 14);
  gpu.resetHighWater();
  t.is(gpu.memory().hostHighWater, 0);
  gpu.trim();
  t.is(gpu.memory().hostPooled, 0);
  t.is(run(p, x, 1).code, 0);
  t.is(gpu.memory().hostHighWater, 8000);
});

test.serial("host code that fetches what never left, or too much of it, is refused", (t) => {
  t.is(load(0, "  return gpu->fetch(gpu->state, 3, arena, 8);").run([], symbols(), 64, []).code, 6);
  t.is(load(0, "  if (i32 s = gpu->offload(gpu->state, 0, arena, 8)) return s; return gpu->fetch(gpu->state, 0, arena, 16);").run([], symbols(), 64, []).code, 6);
  t.is(load(0, "  return gpu->offload(gpu->state, -1, arena, 8);").run([], symbols(), 64, []).code, 6);
  t.is(a.gpu(0).memory().hostInUse, 0);
});

/** x: n numbers, symbols: n, and how many steps. Each step adds one to x and sends it away from one of two rows in turn; then they come back, the last one first, and x becomes Σ k x_k, k from 1. */
const ROWS = `
  i64 n = symbols[0]; const i64 bytes = 8 * n, place = (bytes + 63) / 64 * 64, T = symbols[1]; void *x = args[0];
#define TRY(e) if (i32 status = (e)) return status
  const auto row = [&](i64 k) { return (char*)arena + (k % 2) * place; };
  for (i64 k = 0; k < T; k++) {
    void* on_x[] = {&x, &n};
    TRY(gpu->launch(gpu->state, 0, 1, 1, 1, 32, 1, 1, 0, on_x));
    TRY(gpu->settle_rows(gpu->state, 2, row(k)));
    TRY(gpu->copy(gpu->state, row(k), x, bytes));
    TRY(gpu->offload_rows(gpu->state, 2, row(k), bytes, k * bytes, T * bytes));
  }
  TRY(gpu->settle(gpu->state, 2));
  TRY(gpu->zero(gpu->state, row(0), bytes)); TRY(gpu->zero(gpu->state, row(1), bytes)); TRY(gpu->zero(gpu->state, x, bytes));
  if (T > 0) TRY(gpu->fetch_rows(gpu->state, 2, row(T - 1), bytes, (T - 1) * bytes));
  for (i64 k = T - 1; k >= 0; k--) {
    if (k > 0) TRY(gpu->fetch_rows(gpu->state, 2, row(k - 1), bytes, (k - 1) * bytes));
    TRY(gpu->settle_rows(gpu->state, 2, row(k)));
    void* at = row(k); void* sum[] = {&x, &at, &n, &k};
    TRY(gpu->launch(gpu->state, 1, 1, 1, 1, 32, 1, 1, 0, sum));
  }
  TRY(gpu->settle(gpu->state, 2));`;
for (const index of [0, 1]) test.serial(`rows keep the order of the work (cuda:${index})`, (t) => {
  eagerly(index);
  const gpu = a.gpu(index), p = load(index, ROWS), before = gpu.memory();
  for (const [n, T] of [[1000, 7], [1000, 1], [3, 20], [0, 4], [5, 0]] as const) {
    const x = numbers(n);
    t.is(run(p, x, T).failure, "");
    t.deepEqual([...x], [...numbers(n)].map((v) => { let s = 0; for (let k = 0; k < T; k++) s += (k + 1) * (v + k + 1); return s; }), `${n} numbers, ${T} steps`);
  }
  const m = gpu.memory();
  t.deepEqual([m.inUse, m.hostInUse, m.offloaded - before.offloaded, m.fetched - before.fetched], [0, 0, 8 * (7000 + 1000 + 60), 8 * (7000 + 1000 + 60)]);
  t.is(m.hostHighWater, Math.max(before.hostHighWater, 56_000));
});

test.serial("rows beyond the host's array are refused", (t) => {
  for (const body of [
    "  return gpu->offload_rows(gpu->state, 0, arena, 8, 8, 8);", "  return gpu->offload_rows(gpu->state, 0, arena, 8, -8, 16);", "  return gpu->fetch_rows(gpu->state, 0, arena, 8, 0);",
    "  if (i32 s = gpu->offload_rows(gpu->state, 0, arena, 8, 0, 16)) return s; return gpu->fetch_rows(gpu->state, 0, arena, 8, 16);", "  if (i32 s = gpu->offload_rows(gpu->state, 0, arena, 8, 0, 16)) return s; return gpu->offload_rows(gpu->state, 0, arena, 16, 8, 24);",
  ]) t.is(load(0, body).run([], symbols(), 64, []).code, 6, body);
  t.is(a.gpu(0).memory().hostInUse, 0);
});

test.serial("ten thousand runs leave both memories as they were", (t) => {
  const p = load(0), x = numbers(20), used = (): number[] => [control.get("used"), control.get("blocks"), a.gpu(0).memory().hostPooled, a.gpu(0).memory().inUse];
  t.is(run(p, x, 2).code, 0);
  const before = used();
  for (let k = 0; k < 10_000; k++) if (p.run([x], symbols(20, 1), arena(20), []).code !== 0) t.fail();
  t.deepEqual(used(), before);
});

test.serial("a run that is cancelled between the copies gives everything back", async (t) => {
  const p = load(1), x = numbers(500_000), gpu = a.gpu(1);
  for (let k = 0; k < 3; k++) {
    const started = p.runAsync([x], symbols(x.length, 400), arena(x.length), [0]);
    setTimeout(() => { started.cancel(); }, 5 * k);
    t.is((await started.promise).code, 1);
    const m = gpu.memory();
    t.deepEqual([m.inUse, m.hostInUse], [0, 0]);
  }
  t.is(x[1], 1);
  const y = numbers(10);
  t.is(run(p, y, 1).code, 0);
  t.is(y[9], 10);
});

test.serial("any call of the driver may fail: the run says so, and the next one is right", (t) => {
  for (const index of [0, 1]) for (const [result, sticky] of [[2, false], [1, false], [719, true]] as const) {
    const p = load(index), gpu = a.gpu(index);
    t.is(run(p, numbers(30), 2).code, 0);
    let failures = 0, last = 0;
    for (let n = 1; n < 200 && n - last < 30; n++) {
      // Memory of the host is asked for anew.
      if (!sticky) gpu.trim();
      control.fail(n, result, sticky);
      const x = numbers(30), s = run(p, x, 2);
      control.set("failAt", 0);
      if (s.code !== 0) { failures++; last = n; t.not(s.failure, ""); } else t.is(x[7], 9, `call ${n}`);
      t.is(gpu.memory().hostInUse, 0);
      const y = numbers(30);
      t.is(run(p, y, 1).failure, "", `after call ${n} failed with ${result}`);
      t.is(y[7], 8);
      t.is(gpu.memory().inUse, 0);
    }
    t.true(failures > 20, `${failures} failures`);
  }
});

test.serial("a driver that cannot pin memory moves arrays all the same", (t) => {
  const p = load(0), gpu = a.gpu(0);
  gpu.trim();
  control.set("unpinned", 1);
  const x = numbers(100);
  t.is(run(p, x, 2).failure, "");
  t.is(x[9], 11);
  gpu.trim();
  control.set("unpinned", 0);
});

// ---- programs

type Callable = ((...args: never[]) => unknown) & { async(...args: unknown[]): Promise<unknown>; dispose(): void; readonly report: { readonly checkpoint?: CheckpointReport; readonly device: string } | undefined };
const LAYERS = 3, SIZE = 24;
/** Larger ones of two arrays decide something, so outside of strict precision they are not computed again: they are stored, or moved. */
const SOURCE = `
import numpy as np
def f(x, W):
    h0 = x * 1.0
${Array.from({ length: LAYERS }, (_, k) => `    h${k + 1} = np.maximum(h${k} @ W, h${k})\n    g${k + 1} = np.sin(h${k + 1})\n`).join("")}    return np.sum(h${LAYERS} * g${LAYERS} * g2)
`;
const array = (seed: number): NDArray => ndarray(Float64Array.from(randoms(seed, SIZE * SIZE)), [SIZE, SIZE]);
const args = (): NDArray[] => [array(3), array(4)];
const make = (o: DerivativeOptions): Callable => grad(python({ source: SOURCE, name: "layers.py" }, { function: "f" }), { wrt: ["x", "W"], cache: false, ...o } as never) as unknown as Callable;
const bits = (g: unknown): number[] => (g as NDArray[]).flatMap((x) => Array.from(x.data, Number));

for (const device of ["cuda:0", "cuda:1"] as const) test.serial(`a limit moves what cannot be computed again to the host: same bits, and the memory that was planned (${device})`, async (t) => {
  eagerly(device === "cuda:1" ? 1 : 0);
  const all = make({ device, strategy: "store-all" }), want = bits(all(...args() as never[])), whole = all.report!.checkpoint!.storeAll;
  for (const part of [0.9, 0.75]) {
    const f = make({ device, memoryLimit: Math.floor(part * whole) }), limit = Math.floor(part * whole);
    for (const got of [f(...args() as never[]), f(...args() as never[]), await f.async(...args())]) {
      t.deepEqual(bits(got), want);
      const c = f.report!.checkpoint!;
      t.true(c.planned <= limit && c.planned > 0);
      t.is(c.storeAll, whole);
      t.true(c.arrays.some((x) => x.decision === "offload" && x.cost > 0));
      t.true(c.host!.planned > 0 && c.host!.planned <= c.host!.limit);
    }
    // The short way does not look at the pool.
    f(...args().map((x) => ndarray(x.data.slice() as Float64Array, [SIZE, SIZE])) as never[]);
    t.is(f.report!.checkpoint!.measured, f.report!.checkpoint!.planned);
    t.is(f.report!.checkpoint!.host!.measured, f.report!.checkpoint!.host!.planned);
    f.dispose();
  }
  const strict = make({ device, precision: "strict", memoryLimit: Math.floor(0.9 * whole) });
  t.deepEqual(bits(strict(...args() as never[])), bits(make({ device, precision: "strict" })(...args() as never[])));
  // The processor has nowhere to move anything to.
  const e = t.throws(() => make({ device: "cpu", memoryLimit: Math.floor(0.75 * whole) })(...args() as never[]), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_MEMORY_INFEASIBLE");
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
