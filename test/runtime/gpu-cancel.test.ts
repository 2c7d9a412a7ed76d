/** Loops that do not end, inside of kernels, are cancelled: on the libcuda made of the processor, and on the shim. */
import { Worker } from "node:worker_threads";
import test from "ava";
import { DaceError, grad, jit, ndarray } from "../../ts/index.js";
import { nativeAddon } from "../../ts/runtime/addon.js";
import { processorEnvironment, useProcessor } from "../native/processor.js";
import { array, CASES, memory, numpy, registerCancelled } from "./gpu-cancel.js";

const control = useProcessor({ PROCESSOR_QUIET: "1" });
// A kernel of many rounds takes seconds here: in the slow suite.
registerCancelled(test, (name) => name !== "rounds of one block", [1, 60]);

test.serial("a kernel that is cancelled leaves device arrays as they are, and the next run uses them", async (t) => {
  const f = jit(numpy(CASES[0]!.source), { device: "cuda" }), x = ndarray(array(300), [300], { device: "cuda" }), held = memory().inUse, abort = new AbortController();
  const other = jit(numpy("def f(x):\n    return np.sum(x * x)\n"), { device: "cuda" }), sum = array(300).reduce((s, v) => s + v * v, 0);
  t.true(Math.abs(Number(other(x)) - sum) < 1e-9);
  const done = f.async(array(300), Infinity, { signal: abort.signal } as never) as Promise<unknown>;
  setTimeout(() => { abort.abort(); }, 50);
  t.is(await done.then(() => "", (e: unknown) => (e as Error).name), "AbortError");
  t.is(memory().inUse, held);
  t.true(Math.abs(Number(other(x)) - sum) < 1e-9);
  x[Symbol.dispose]();
  t.is(memory().inUse, 0);
});

test.serial("a gradient whose forward loop does not end; one whose onProgress throws", async (t) => {
  const g = grad(numpy("def f(x, limit):\n    s = 0.0\n    for i in range(x.shape[0]):\n        y = x[i]\n        while y < limit:\n            y = min(y * 1.5, 1e6)\n        s += y * y\n    return s\n"), { wrt: ["x"], device: "cuda" }), x = array(40);
  const ends = g(x, 50), abort = new AbortController(), reason = new Error("enough");
  for (let k = 0; k < 2; k++) {
    const done = g.async(x, Infinity, k === 0 ? { signal: abort.signal } : { onProgress: () => { throw reason; } } as never) as Promise<unknown>;
    if (k === 0) setTimeout(() => { abort.abort(reason); }, 80);
    const e = await done.then(() => undefined, (why: unknown) => why);
    if (k === 0) t.is(e, reason); else { t.true(e instanceof DaceError); t.regex((e as Error).message, /enough/); }
    t.is(memory().inUse, 0);
    t.deepEqual(g(x, 50), ends);
  }
});

test.serial("a flag of one run is not one of the next: many runs, some of which are cancelled as they end", async (t) => {
  const f = jit(numpy(CASES[1]!.source), { device: "cuda" });
  let ended = 0;
  for (let k = 0; k < 60; k++) {
    const abort = new AbortController(), x = array(4), done = f.async(x, 50, { signal: abort.signal } as never) as Promise<unknown>;
    if (k % 2 === 0) setImmediate(() => { abort.abort(); });
    try { await done; ended++; t.true(x[0]! >= 50); } catch (e) { t.is((e as Error).name, "AbortError"); t.is(x[0], 1); }
    t.true(Number(f(array(4), 50)) >= 50);
  }
  t.true(ended >= 30, String(ended));
});

test.serial("a worker ends while its kernel does not", async (t) => {
  const script = `const { parentPort, workerData } = require("node:worker_threads"); const { jit, python } = require(workerData.index);
const f = jit(python({ source: workerData.source, name: "p.py" }, { function: "f" }), { device: "cuda" });
f(new Float64Array(4).fill(1), 50);
f.async(new Float64Array(4).fill(1), Infinity);
parentPort.postMessage("started");`;
  const w = new Worker(script, { eval: true, workerData: { index: require.resolve("../../ts/index.js"), source: `import numpy as np\n${CASES[1]!.source}` }, env: { ...process.env, ...processorEnvironment() } });
  await new Promise((resolve, reject) => { w.once("message", resolve); w.once("error", reject); });
  await new Promise((r) => { setTimeout(r, 30); });
  await w.terminate();
  t.true(Number(jit(numpy(CASES[1]!.source), { device: "cuda" })(array(4), 50)) >= 50);
  t.is(memory().inUse, 0);
});

test.serial("where the driver pins no memory kernels run to their end, and are right", (t) => {
  const f = jit(numpy(CASES[1]!.source), { device: "cuda" }), want = f(array(4), 50);
  control.set("unpinned", 1);
  control.fail(1, 719, true);
  t.is(t.throws(() => f(array(4), 50), { instanceOf: DaceError }).code, "ERR_DACE_DEVICE");
  control.set("failAt", 0);
  t.is(f(array(4), 50), want);
  t.false(nativeAddon().addon!.gpu(0).memory().pinned);
  t.is(control.get("mistakes"), 0);
});
