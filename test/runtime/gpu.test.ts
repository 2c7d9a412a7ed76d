/** Programs on the libcuda made of the processor, through the public face: many calls, failures at every step, cancelled runs, several devices, graphs, workers. */
import { Worker } from "node:worker_threads";
import test from "ava";
import { DaceError, grad, jit, python, vjp } from "../../ts/index.js";
import { nativeAddon } from "../../ts/runtime/addon.js";
import type { GpuMemory } from "../../ts/runtime/addon-types.js";
import { processorEnvironment, useProcessor } from "../native/processor.js";

// These tests are about sections of launches; a loop as small as here would be one kernel.
process.env["DACE_AD_CUDA_BLOCKS"] = "off";
const control = useProcessor({ PROCESSOR_DEVICES: "2", PROCESSOR_QUIET: "1" });
const memory = (index = 0): GpuMemory => nativeAddon().addon!.gpu(index).memory();
const program = (source: string, name = "f"): ReturnType<typeof python> => python({ source, name: "p.py" }, { function: name });

const STEPS = program(`def f(x):
    s = 0.0
    y = x * 2.0
    for t in range(5):
        y[1:-1] = (y[:-2] + y[2:]) * 0.5
    for i in range(x.shape[0]):
        s += y[i] * y[i]
    return s
`);
const wave = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(i));
const near = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => a.length === b.length && Array.from(a).every((v, i) => Math.abs(v - b[i]!) <= 1e-12);
const errorOf = (f: () => unknown): DaceError | undefined => { try { f(); return undefined; } catch (e) { if (e instanceof DaceError) return e; throw e; } };

test.serial("gradients are the processor's, and the report says where", (t) => {
  const x = wave(300), g = grad(STEPS, { device: "cuda" });
  t.true(near(g(x) as Float64Array, grad(STEPS, { device: "cpu" })(x) as Float64Array));
  t.is(g.report!.device, "cuda");
  t.is(memory().inUse, 0);
});

test.serial("ten thousand calls take no memory", (t) => {
  const x = wave(16), g = grad(STEPS, { device: "cuda" }), want = g(x) as Float64Array;
  for (let k = 0; k < 5; k++) g(x);
  const before = [control.get("used"), control.get("blocks"), memory().pooled] as const, highWater = memory().highWater;
  for (let k = 0; k < 10_000; k++) g(x);
  t.deepEqual([control.get("used"), control.get("blocks"), memory().pooled], [...before]);
  t.is(memory().inUse, 0);
  t.is(memory().highWater, highWater);
  t.deepEqual(g(x), want);
});

test.serial("sections are replayed; other addresses and sizes are recorded again", (t) => {
  const g = grad(STEPS, { device: "cuda" }), want = grad(STEPS, { device: "cpu" }), right = (n: number): void => { t.true(near(g(wave(n)) as Float64Array, want(wave(n)) as Float64Array)); };
  for (let k = 0; k < 6; k++) right(77);
  const one = memory();
  right(77);
  const two = memory();
  t.true(two.graphsReplayed > one.graphsReplayed);
  t.is(two.graphsRecorded, one.graphsRecorded);
  // The next run's blocks lie elsewhere.
  const other = nativeAddon().addon!.gpu(0).allocate(77 * 8);
  right(77);
  t.true(memory().graphsUpdated > two.graphsUpdated);
  right(77);
  other.dispose();
  const three = memory();
  for (let k = 0; k < 3; k++) right(78);
  t.true(memory().graphsRecorded > three.graphsRecorded);
  right(77);
});

test.serial("a failure of any call leaves the process and the pool usable", (t) => {
  const x = wave(20), g = grad(STEPS, { device: "cuda" }), want = g(x) as Float64Array, calls = control.get("calls");
  g(x);
  const each = control.get("calls") - calls;
  t.true(each > 20);
  for (const [result, code, sticky] of [[2, "ERR_DACE_OOM", false], [700, "ERR_DACE_DEVICE", true], [719, "ERR_DACE_DEVICE", true]] as const) {
    let failed = 0;
    // A session that begins anew makes more calls than one that is warm.
    for (let n = 1; n <= each; n++) {
      if (result === 2) nativeAddon().addon!.gpu(0).trim();
      control.fail(n, result, sticky);
      const e = errorOf(() => { t.deepEqual(g(x), want); });
      control.set("failAt", 0);
      if (e) { failed++; t.is(e.code, code, `call ${n}: ${e.message}`); t.regex(e.message, result === 2 ? /OUT_OF_MEMORY/ : /ILLEGAL_ADDRESS|LAUNCH_FAILED/); }
      t.deepEqual(g(x), want, `after call ${n} failed with ${result}`);
      t.is(memory().inUse, 0);
      t.is(memory().blocks, 0);
    }
    // Memory that is missing once is asked for again.
    if (result !== 2) t.true(failed > each / 2, `${failed} of ${each}`);
  }
  t.is(control.get("mistakes"), 0);
});

test.serial("a device that is lost, and fails again while it starts anew", (t) => {
  const x = wave(20), g = grad(STEPS, { device: "cuda" }), want = g(x) as Float64Array;
  let failed = 0;
  for (const result of [2, 700]) for (let n = 1; n <= 60; n++) {
    control.fail(3, 719, true);
    t.is(errorOf(() => g(x))?.code, "ERR_DACE_DEVICE");
    control.fail(n, result);
    const e = errorOf(() => { t.deepEqual(g(x), want); });
    control.set("failAt", 0);
    if (e) { failed++; t.true(e.code === "ERR_DACE_DEVICE" || e.code === "ERR_DACE_OOM", e.message); }
    t.deepEqual(g(x), want, `after call ${n} failed with ${result}`);
    t.is(memory().inUse, 0);
  }
  t.true(failed > 40, String(failed));
  t.is(control.get("mistakes"), 0);
});

test.serial("a launch that fails names its kernel's line", (t) => {
  const f = program("def f(x):\n    y = x * 2.0\n    x[:] = y[::-1] + 1.0\n"), run = jit(f, { device: "cuda" }), x = wave(50), lines = new Set<number | undefined>();
  run(x);
  for (let n = 1; n < 60; n++) { control.fail(n, 1); const e = errorOf(() => { run(x); }); control.set("failAt", 0); if (e?.loc) lines.add(e.loc.line); }
  t.true([...lines].every((l) => l === 2 || l === 3) && lines.size > 0, [...lines].join());
});

test.serial("mistakes in kernels are errors at their line, and leave arrays alone", (t) => {
  const f = program("def f(x, k):\n    for i in range(x.shape[0]):\n        x[k[i]] = 1.0 + x[i]\n"), run = jit(f, { device: "cuda" }), x = wave(8), before = x.slice();
  const e = errorOf(() => run(x, Int32Array.from([0, 1, 2, 3, 9, 5, 6, 7])));
  t.is(e?.code, "ERR_DACE_BOUNDS");
  t.is(e?.loc?.line, 3);
  t.deepEqual(x, before);
  t.is(errorOf(() => { run(x, Int32Array.from([0, 1, 2, 3, 4, 5, 6, 7])); }), undefined);
});

test.serial("out of memory says how much was asked for and what there is", (t) => {
  const gpu = nativeAddon().addon!.gpu(0), g = grad(STEPS, { device: "cuda" });
  gpu.limit(2 ** 20, 100_000);
  const e = errorOf(() => g(wave(4000)));
  gpu.limit(2 ** 20, Number.MAX_SAFE_INTEGER);
  t.is(e?.code, "ERR_DACE_OOM");
  t.regex(e!.message, /no device memory for \d+ bytes \(in use by programs and arrays: \d+, kept for later: \d+, free: \d+, of the device: 1073741824\)/);
  t.is(memory().inUse, 0);
  g(wave(4000));
  gpu.trim();
  t.is(memory().pooled, 0);
});

const LONG = program("import numpy as np\ndef f(x, n):\n    while np.sum(x) < n:\n        x[:] = x + 1.0\n");
test.serial("a run that is cancelled gives its memory back, and writes nothing", async (t) => {
  const run = jit(LONG, { device: "cuda" }), x = new Float64Array(4), reason = new Error("enough"), abort = new AbortController();
  run(x, 9);
  t.is(x[0], 3);
  const seen: number[] = [], done = run.async(x, 1e9, { signal: abort.signal, onProgress: (n: number) => seen.push(n) });
  setTimeout(() => { abort.abort(reason); }, 150);
  t.is(await done.then(() => undefined, (e: unknown) => e), reason);
  t.is(x[0], 3);
  t.is(memory().inUse, 0);
  t.true(seen.length > 0);
  run(x, 19);
  t.is(x[0], 5);
});

test.serial("background runs: inputs as they were at the call, the event loop free", async (t) => {
  const v = vjp(STEPS, { device: "cuda" }), x = wave(64), want = v([x.slice()]).grads["x"] as Float64Array;
  const runs = Array.from({ length: 8 }, () => v.async([x]));
  x.fill(7);
  for (const r of await Promise.all(runs)) t.deepEqual((r as { grads: Record<string, unknown> }).grads["x"], want);
});

test.serial("two devices", (t) => {
  const x = wave(100), a = grad(STEPS, { device: "cuda:0" }), b = grad(STEPS, { device: "cuda:1" }), before = memory(0);
  t.deepEqual(b(x), a(x));
  t.true(memory(1).highWater > 0);
  t.is(memory(0).inUse, before.inUse);
  control.fail(30, 700, true);
  t.is(errorOf(() => b(x))?.code, "ERR_DACE_DEVICE");
  control.set("failAt", 0);
  t.deepEqual(a(x), b(x));
  t.is(errorOf(() => grad(STEPS, { device: "cuda:2" })(x))?.code, "ERR_DACE_DEVICE");
});

const WORKER = `const { parentPort, workerData } = require("node:worker_threads"); const { grad, jit, python } = require(workerData.index);
const g = grad(python({ source: workerData.source, name: "p.py" }, { function: "f" }), { device: "cuda" });
for (let k = 0; k < 50; k++) g(workerData.x);
parentPort.postMessage(g(workerData.x));
if (workerData.stay) jit(python({ source: workerData.long, name: "q.py" }, { function: "f" }), { device: "cuda" }).async(new Float64Array(2), 1e9);`;
test.serial("worker threads share a device; one may end in the middle of a run", async (t) => {
  const x = wave(40), index = require.resolve("../../ts/index.js"), source = "def f(x):\n    s = 0.0\n    for i in range(x.shape[0]):\n        s += x[i] * x[i] * x[i]\n    return s\n";
  const start = (stay: boolean): Worker => new Worker(WORKER, { eval: true, workerData: { index, source, x, stay, long: "import numpy as np\ndef f(x, n):\n    while np.sum(x) < n:\n        x[:] = x + 1.0\n" }, env: { ...process.env, ...processorEnvironment() } });
  const want = Float64Array.from(x, (v) => 3 * v * v), answer = (w: Worker): Promise<Float64Array> => new Promise((resolve, reject) => { w.once("message", resolve); w.once("error", reject); });
  const workers = [start(false), start(false)];
  for (const g of await Promise.all(workers.map(answer))) t.true(near(g, want));
  // Alone: a device does one thing after the other, and this one does not end by itself.
  workers.push(start(true));
  t.true(near(await answer(workers[2]!), want));
  await new Promise((r) => { setTimeout(r, 50); });
  await Promise.all(workers.map((w) => w.terminate()));
  t.true(near(grad(program(source), { device: "cuda" })(x) as Float64Array, want));
  t.is(memory().inUse, 0);
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
