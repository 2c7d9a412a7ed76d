/** The addon's GPU half, below plans: hand-written programs on the libcuda made of the processor. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { GpuArgument, GpuRequest, NativeGpuProgram } from "../../ts/runtime/addon-types.js";
import { ABI, HELPERS, TYPES } from "../../ts/lower/cpp-preamble.js";
import { useProcessor } from "./processor.js";
import { addon, Folder, symbols, thrown } from "./support.js";

const control = useProcessor({ PROCESSOR_DEVICES: "2" }), folder = new Folder(), a = addon();
test.after.always(() => { folder.remove(); });

const TABLE = HELPERS.find(([name]) => name === "dace_gpu")![1];
const host = (body: string): string => `${TYPES}${ABI}${TABLE}extern "C" i32 dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {\n  const dace_gpu* gpu = rt->gpu;\n${body}\n  return 0;\n}\n`;
const DEVICE = `typedef long long i64; typedef unsigned long long u64;
extern "C" __global__ void __launch_bounds__(256) k0(double* x, i64 n) {
  for (i64 i = i64(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += i64(gridDim.x) * blockDim.x) x[i] += 1;
}
`;
function load(body: string, extra: Partial<GpuRequest> = {}, index = 0): NativeGpuProgram {
  return a.gpu(index).load({ sources: [host(body)], flags: ["-std=c++20", "-O1"], link: [], device: DEVICE, deviceFlags: ["--std=c++17"], kernels: ["k0"], cacheDir: folder.at("cache"), ...extra });
}
const LAUNCH = "void* x = args[0]; i64 n = symbols[0]; void* p[] = {&x, &n}; if (i32 status = gpu->launch(gpu->state, 0, 2, 1, 1, 128, 1, 1, 0, p)) return status;";
const numbers = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => i);

test.serial("arrays go to the device and back, in pieces", (t) => {
  const program = load(LAUNCH);
  // More than the slots of pinned memory hold together.
  for (const n of [1, 1000, 3_000_000]) {
    const x = numbers(n), s = program.run([x], symbols(n), 0, [0]);
    t.is(s.code, 0);
    t.is(s.failure, "");
    t.true(x.every((v, i) => v === i + 1));
    program.run([x], symbols(n), 0, []);
    t.is(x[0], 1);
  }
  t.is(a.gpu(0).memory().inUse, 0);
  t.true(a.gpu(0).memory().pinned);
});

test.serial("arrays that overlap share memory on the device", (t) => {
  const program = load(`${LAUNCH} { void* x = args[1]; void* p[] = {&x, &n}; return gpu->launch(gpu->state, 0, 1, 1, 1, 32, 1, 1, 0, p); }`), x = numbers(8);
  t.is(program.run([x.subarray(0, 4), x.subarray(2, 6)], symbols(4), 0, [0, 1]).code, 0);
  t.deepEqual([...x], [1, 2, 4, 5, 5, 6, 6, 7]);
});

test.serial("device memory: copies, arguments, and what is refused", (t) => {
  const gpu = a.gpu(0), program = load(LAUNCH), before = gpu.memory().inUse, b = gpu.allocate(800), c = gpu.allocate(800), x = numbers(100), y = new Float64Array(100);
  t.is(gpu.memory().inUse, before + 1600);
  b.upload(x);
  t.is(program.run([b], symbols(100), 0, []).code, 0);
  c.clear();
  c.copyFrom(b, 80, 160, 8);
  c.download(y);
  t.deepEqual([...y.subarray(0, 12)], [0, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 0]);
  b.download(y.subarray(0, 2), 8);
  t.deepEqual([...y.subarray(0, 2)], [2, 3]);
  for (const f of [() => { b.upload(x, 8); }, () => { b.download(y, -8); }, () => { b.copyFrom(c, 800, 8); }, () => { b.copyFrom(a.gpu(1).allocate(800)); }]) t.is(thrown(f).name, "TypeError");
  const other = a.gpu(1).allocate(800);
  t.regex(program.run([other], symbols(100), 0, []).failure, /lies on another device/);
  other.dispose();
  b.dispose();
  b.dispose();
  t.regex(thrown(() => { b.download(y); }).message, /disposed/);
  t.regex(thrown(() => program.run([b], symbols(1), 0, [])).message, /disposed/);
  c.dispose();
  t.is(gpu.memory().inUse, before);
  t.is(thrown(() => gpu.allocate(2 ** 40)).code, "OOM");
});

test.serial("a run in the background holds its device memory", async (t) => {
  const gpu = a.gpu(0), program = load(LAUNCH), b = gpu.allocate(80), y = new Float64Array(10);
  b.upload(numbers(10));
  const c = gpu.allocate(80), args: GpuArgument[] = [b], run = program.runAsync(args, symbols(10), 0, []);
  b.dispose();
  t.is((await run.promise).code, 0);
  t.is(gpu.memory().inUse, 80);
  c.dispose();
  const z = numbers(10), later = program.runAsync([z], symbols(10), 0, [0]);
  z.fill(-1);
  t.is((await later.promise).code, 0);
  t.deepEqual([...z], [...numbers(10)].map((v) => v + 1));
  t.is(y.length, 10);
});

test.serial("matrix products of all types go to cuBLAS", (t) => {
  const count = control.get("products");
  const program = load(`double alpha[2] = {2, 0}, beta[2] = {1, 0}; float alpha32[2] = {2, 0}, beta32[2] = {1, 0}; const bool single = symbols[0] & 1;
  return gpu->gemm(gpu->state, i32(symbols[0]), i32(symbols[1]), i32(symbols[2]), 3, 4, 5, single ? (void*)alpha32 : (void*)alpha, args[0], symbols[1] ? 3 : 5, args[1], symbols[2] ? 5 : 4, single ? (void*)beta32 : (void*)beta, args[2], 4);`);
  for (const type of [0, 1, 2, 3]) for (const ta of [0, 1]) for (const tb of [0, 1]) {
    const words = type < 2 ? 1 : 2, make = (n: number, f: (i: number) => number): Float64Array | Float32Array => { const a = Array.from({ length: n * words }, (_, i) => f(i)); return type & 1 ? Float32Array.from(a) : Float64Array.from(a); };
    const x = make(15, (i) => Math.round(5 * Math.sin(i))), y = make(20, (i) => Math.round(5 * Math.cos(2 * i))), z = make(12, (i) => i), want = z.slice();
    for (let i = 0; i < 3; i++) for (let j = 0; j < 4; j++) for (let p = 0; p < 5; p++) {
      const u = words * (ta ? p * 3 + i : i * 5 + p), v = words * (tb ? j * 5 + p : p * 4 + j), w = words * (i * 4 + j);
      if (words === 1) want[w] = want[w]! + 2 * x[u]! * y[v]!;
      else { want[w] = want[w]! + 2 * (x[u]! * y[v]! - x[u + 1]! * y[v + 1]!); want[w + 1] = want[w + 1]! + 2 * (x[u]! * y[v + 1]! + x[u + 1]! * y[v]!); }
    }
    t.is(program.run([x, y, z], symbols(type, ta, tb), 0, [2]).code, 0);
    t.deepEqual([...z], [...want], `type ${type}, ${ta} ${tb}`);
  }
  t.is(control.get("products"), count + 16);
  t.regex(a.gpu(0).memory().blas, /libcublas/);
});

test.serial("batches of products, in strides, of all types", (t) => {
  // C_i = 2 op(A_i) op(B) for two matrices, B the same one.
  const program = load(`double alpha[2] = {2, 0}, beta[2] = {0, 0}; float alpha32[2] = {2, 0}, beta32[2] = {0, 0}; const bool single = symbols[0] & 1;
  return gpu->linear->gemm_batch(gpu->linear->state, i32(symbols[0]), i32(symbols[1]), i32(symbols[2]), 3, 4, 5, single ? (void*)alpha32 : (void*)alpha, args[0], symbols[1] ? 3 : 5, 20, args[1], symbols[2] ? 5 : 4, 0,
    single ? (void*)beta32 : (void*)beta, args[2], 4, 14, 2);`);
  for (const type of [0, 1, 2, 3]) for (const ta of [0, 1, 2]) for (const tb of [0, 1, 2]) {
    const words = type < 2 ? 1 : 2, make = (n: number, f: (i: number) => number): Float64Array | Float32Array => { const v = Array.from({ length: n * words }, (_, i) => f(i)); return type & 1 ? Float32Array.from(v) : Float64Array.from(v); };
    const x = make(35, (i) => Math.round(5 * Math.sin(i))), y = make(20, (i) => Math.round(5 * Math.cos(2 * i))), z = make(26, (i) => i), want = z.slice();
    for (let q = 0; q < 2; q++) for (let i = 0; i < 3; i++) for (let j = 0; j < 4; j++) {
      let re = 0, im = 0;
      for (let p = 0; p < 5; p++) {
        const u = words * (20 * q + (ta ? p * 3 + i : i * 5 + p)), v = words * (tb ? j * 5 + p : p * 4 + j), [xi, yi] = [words === 1 ? 0 : x[u + 1]! * (ta === 2 ? -1 : 1), words === 1 ? 0 : y[v + 1]! * (tb === 2 ? -1 : 1)];
        re += 2 * (x[u]! * y[v]! - xi * yi); im += 2 * (x[u]! * yi + xi * y[v]!);
      }
      const w = words * (14 * q + i * 4 + j);
      want[w] = re;
      if (words === 2) want[w + 1] = im;
    }
    t.is(program.run([x, y, z], symbols(type, ta, tb), 0, [2]).code, 0);
    t.deepEqual([...z], [...want], `type ${type}, ${ta} ${tb}`);
  }
});

test.serial("a factorisation's work space comes from the pool, is counted, and goes back; without room for it there is no factorisation", (t) => {
  const gpu = a.gpu(0), program = load("const i32 status = gpu->linear->cholesky(gpu->linear->state, 0, 0, symbols[0], args[0], symbols[0]); return status == -1 ? i32(3) : status;"), n = 40;
  const make = (): Float64Array => { const v = new Float64Array(n * n); for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) v[i * n + j] = i === j ? n : 1 / (1 + i + j); return v; };
  gpu.resetHighWater();
  const x = make(), before = gpu.memory().inUse;
  t.is(program.run([x], symbols(n), 0, [0]).code, 0);
  const { highWater, inUse, solver } = gpu.memory();
  t.is(inUse, before);
  // The matrix, error words, what the library asked for and its answer.
  t.is(highWater, before + 8 * n * n + 32 + 8 * (8 * n) + 24 + 256);
  t.regex(solver, /libcusolver/);
  // L·Lᵀ, column by column.
  const a0 = make();
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) { let s = 0; for (let k = 0; k <= j; k++) s += x[k * n + i]! * x[k * n + j]!; t.true(Math.abs(s - a0[i * n + j]!) < 1e-12); }
  gpu.limit(2 ** 30, before + 8 * n * n + 1000);
  const y = make();
  t.is(program.run([y], symbols(n), 0, [0]).code, 3);
  t.deepEqual([...y], [...make()]);
  gpu.limit(2 ** 30, 2 ** 50);
});

test.serial("images are kept, and verified before they are loaded", (t) => {
  const device = DEVICE.replace("+= 1", "+= 2"), body = `${LAUNCH} /* 2 */`, first = load(body, { device });
  t.false(first.cached);
  t.true(load(body, { device }).cached);
  const entries = a.cacheEntries(folder.at("cache")).map((e) => e.key);
  // The other process: what is in this one's memory does not count.
  const third = load(`${LAUNCH} /* 3 */`, { device });
  t.is(a.cacheEntries(folder.at("cache")).length, entries.length + 1, "host code alone is new");
  t.is(third.run([numbers(4)], symbols(4), 0, []).code, 0);
  for (const key of a.cacheEntries(folder.at("cache")).map((e) => e.key)) {
    const file = join(folder.at("cache"), "kernels", `${key}.so`), bytes = readFileSync(file);
    if (!bytes.includes("processor_entries")) continue;
    bytes[1000]! ^= 1;
    writeFileSync(file, bytes);
  }
  const fourth = load(`${LAUNCH} /* 4 */`, { device }), x = numbers(4);
  t.is(fourth.run([x], symbols(4), 0, [0]).code, 0);
  t.deepEqual([...x], [2, 3, 4, 5]);
});

test.serial("device code that does not compile says what its compiler said", async (t) => {
  const e = thrown(() => load(LAUNCH, { device: "extern \"C\" __global__ void k0(double* x) { nonsense; }\n" }));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.output!, /nonsense/);
  const f = await a.gpu(0).loadAsync({ sources: [host(LAUNCH)], flags: ["-std=c++20"], link: [], device: DEVICE, deviceFlags: ["-lazy"], kernels: ["k0"], cacheMode: "off" }).promise.then(() => undefined, (x: { code?: string; output?: string }) => x);
  t.is(f?.code, "TOOLCHAIN");
  t.regex(f!.output!, /not an option: -lazy/);
  t.regex(load(LAUNCH, { kernels: ["k7"] }).run([numbers(1)], symbols(1), 0, []).failure, /kernel k7: CUDA_ERROR_NOT_FOUND/);
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });

test.serial("what a kernel writes beyond its memory is found", (t) => {
  // Guards are huge numbers: adding one would change nothing.
  const s = load(LAUNCH, { device: DEVICE.replace("+= 1", "= 1") }).run([numbers(10)], symbols(11), 0, [0]);
  t.is(s.code, 6);
  t.regex(s.failure, /CUDA_ERROR_ILLEGAL_ADDRESS; the device starts anew/);
  t.true(control.get("mistakes") > 0);
  const x = numbers(10);
  t.is(load(LAUNCH).run([x], symbols(10), 0, [0]).code, 0);
  t.is(x[9], 10);
});
