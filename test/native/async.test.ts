/** Runs in the background: what they copy, when they write, how they end, and what keeps the process alive. */
import test from "ava";
import { addon, child, kernel, NO_SYMBOLS, rejected, sleep, symbols, INCREMENT, UNTIL_CANCELLED } from "./support.js";

const a = addon(), forever = kernel(UNTIL_CANCELLED), increment = kernel(INCREMENT);
const write = (...indices: number[]): { threads: number; write: number[] } => ({ threads: 2, write: indices });
type Resizable = ArrayBuffer & { resize(bytes: number): void };
const resizable = (bytes: number, max: number): Resizable => new (ArrayBuffer as unknown as new (n: number, o: { maxByteLength: number }) => Resizable)(bytes, { maxByteLength: max });
const detach = (x: ArrayBufferLike): void => { structuredClone(x, { transfer: [x as ArrayBuffer] }); };
/** Occupies the executor until `cancel`. */
const busy = (): { stop(): Promise<number> } => {
  const r = a.runAsync(forever, [new Float64Array(1)], symbols(1e9), 0, write());
  return { async stop() { r.cancel(); return (await r.promise).code; } };
};

test.serial("inputs are read at the call, outputs written when it resolves", async (t) => {
  const hold = busy(), x = Float64Array.of(1, 2), y = new Float64Array(2), untouched = new Float64Array(2), s = symbols(2);
  const r = a.runAsync(increment, [x, y], s, 64, write(1)), other = a.runAsync(increment, [x, untouched], s, 64, write());
  x.fill(100);
  s[0] = 0n;
  t.deepEqual([...y], [0, 0]);
  t.is(await hold.stop(), 1);
  const status = await r.promise;
  t.is(status.code, 0);
  t.true(status.ns >= 0);
  t.deepEqual([...y], [2, 3]);
  await other.promise;
  t.deepEqual([...untouched], [0, 0]);
});

test.serial("shared memory is not copied", async (t) => {
  const y = new Float64Array(new SharedArrayBuffer(8)), r = a.runAsync(forever, [y], symbols(1e9), 0, write());
  while (y[0]! < 10_000) await sleep(2);
  r.cancel();
  t.is((await r.promise).code, 1);
});

test.serial("runs resolve in the order in which they were started", async (t) => {
  const order: number[] = [], y = new Float64Array(2);
  await Promise.all(Array.from({ length: 20 }, async (_, i) => { await a.runAsync(increment, [Float64Array.of(i, i), y], symbols(2), 0, write(1)).promise; order.push(i); t.is(y[0], i + 1); }));
  t.deepEqual(order, Array.from({ length: 20 }, (_, i) => i));
});

test.serial("transfer and resize of every buffer during a run do no harm; nothing is written", async (t) => {
  for (const spoil of ["input", "output", "shrink", "grow"] as const) {
    const hold = busy(), buffer = resizable(32, 4096), x = new Float64Array(4).fill(1), fixed = new Float64Array(buffer, 0, 4), first = new Float64Array(4), k = increment;
    const r = a.runAsync(k, [x, spoil === "output" ? first : fixed], symbols(4), 0, write(1));
    const two = a.runAsync(kernel("  for (int o = 0; o < 2; o++) ((double*)args[o])[0] = 7;"), [first, fixed], NO_SYMBOLS, 0, write(0, 1));
    if (spoil === "input") detach(x.buffer);
    if (spoil === "output") detach(first.buffer);
    if (spoil === "shrink") buffer.resize(8);
    if (spoil === "grow") buffer.resize(4096);
    await hold.stop();
    if (spoil === "input" || spoil === "grow") {
      t.is((await r.promise).code, 0);
      t.is((await two.promise).code, 0);
      // The second run's copy was taken before the first wrote: whole arrays come back.
      t.deepEqual([...fixed], [7, 0, 0, 0]);
    } else {
      for (const p of [r.promise, two.promise]) t.is((await rejected(p)).name, "TypeError", spoil);
      // Of two targets one was sound: it was not written either.
      if (spoil === "shrink") t.deepEqual([...first], [0, 0, 0, 0]);
      else t.deepEqual([...fixed], [0, 0, 0, 0]);
    }
  }
});

test.serial("a length-tracking target that still is long enough is written", async (t) => {
  const hold = busy(), buffer = resizable(32, 64), y = new Float64Array(buffer), r = a.runAsync(increment, [new Float64Array(4), y], symbols(4), 0, write(1));
  buffer.resize(64);
  await hold.stop();
  await r.promise;
  t.deepEqual([...y], [1, 1, 1, 1, 0, 0, 0, 0]);
});

test.serial("cancel reaches a running kernel and one that waits; progress is seen on the way", async (t) => {
  const y = new Float64Array(1), r = a.runAsync(forever, [y], symbols(1e9), 0, write(0)), waiting = a.runAsync(forever, [y], symbols(1e9), 0, write(0));
  while (r.progress() < 3) await sleep(2);
  t.is(waiting.progress(), 0);
  waiting.cancel();
  r.cancel();
  t.is((await r.promise).code, 1);
  t.is((await waiting.promise).code, 1);
  t.is(waiting.progress(), 0);
  t.is(y[0], 0, "a cancelled run writes nothing back");
  r.cancel();
});

test.serial("a finished run's progress is complete", async (t) => {
  const r = a.runAsync(forever, [new Float64Array(1)], symbols(5), 0, write());
  t.is((await r.promise).code, 0);
  t.is(r.progress(), 5);
});

test.serial("an arena that cannot be had rejects with OOM, and the next run works", async (t) => {
  t.is((await rejected(a.runAsync(increment, [new Float64Array(1), new Float64Array(1)], symbols(1), 2 ** 46, write()).promise)).code, "OOM");
  t.is((await a.runAsync(increment, [new Float64Array(1), new Float64Array(1)], symbols(1), 10, write()).promise).code, 0);
  t.is(a.memory().inUse, 0);
});

test.serial("the event loop turns while a run goes on", async (t) => {
  const hold = busy();
  let turns = 0;
  for (const end = performance.now() + 50; performance.now() < end; turns++) await new Promise((r) => { setImmediate(r); });
  t.true(turns > 10);
  await hold.stop();
});

test.serial("a synchronous parallel run waits its turn behind those in the background", async (t) => {
  const y = new Float64Array(1), r = a.runAsync(forever, [new Float64Array(1)], symbols(20), 0, write());
  t.is(a.run(kernel("  ((double*)args[0])[0] = 5;"), [y], NO_SYMBOLS, 0, { threads: 2, parallel: true }).code, 0);
  t.is(r.progress(), 20);
  t.is(y[0], 5);
  await r.promise;
});

test("work that is pending keeps the process alive; an idle executor does not", async (t) => {
  const r = await child("addon.runAsync(kernel(UNTIL_CANCELLED), [new Float64Array(1)], symbols(2000), 0, { threads: 1, write: [] }).promise.then((s) => console.log('done', s.code)); addon.loadAsync(request('  ((double*)args[0])[0] = 9;')).promise.then(() => console.log('loaded'));");
  t.is(r.status, 0, r.err);
  t.deepEqual(r.out.split("\n").sort(), ["done 0", "loaded"]);
  const idle = await child("await addon.runAsync(kernel(INCREMENT), [new Float64Array(1), new Float64Array(1)], symbols(1), 0, { threads: 1, write: [] }).promise; addon.run(kernel(INCREMENT), [new Float64Array(1), new Float64Array(1)], symbols(1), 0, PARALLEL);");
  t.is(idle.status, 0, idle.err);
});

test("process.exit in the middle of runs and of a compilation ends the process", async (t) => {
  const r = await child("const k = kernel(UNTIL_CANCELLED); for (let i = 0; i < 5; i++) addon.runAsync(k, [new Float64Array(1)], symbols(1e9), 1000, { threads: 1, write: [0] }); addon.loadAsync({ ...request(' ((double*)args[0])[0] = ' + process.pid + ';'), cacheMode: 'off' }); setTimeout(() => process.exit(7), 30);");
  t.is(r.status, 7, r.err);
});

const WORKER = `const { Worker } = require("node:worker_threads");
  const start = (body) => new Promise((resolve, reject) => { const w = new Worker("const { addon: load, kernel, request, symbols, UNTIL_CANCELLED, INCREMENT } = require(require('node:worker_threads').workerData); const addon = load(); const { parentPort } = require('node:worker_threads');" + body, { eval: true, workerData: ${JSON.stringify(require.resolve("./support.js"))} }); w.on("error", reject); w.once("message", () => resolve(w)); });`;

test("a worker terminated in the middle of its runs takes nobody along", async (t) => {
  const r = await child(`${WORKER}
    const k = kernel(UNTIL_CANCELLED), mine = new Float64Array(1);
    for (let i = 0; i < 5; i++) {
      const w = await start("const k = kernel(UNTIL_CANCELLED), shared = new Float64Array(new SharedArrayBuffer(64)); for (let i = 0; i < 4; i++) addon.runAsync(k, [i % 2 ? shared : new Float64Array(1e5)], symbols(1e9), 1 << 20, { threads: 2, write: [0] }); setTimeout(() => parentPort.postMessage(1), 5);");
      const waiting = addon.runAsync(k, [mine], symbols(2), 0, { threads: 1, write: [0] });
      await w.terminate();
      assert.equal((await waiting.promise).code, 0);
    }
    assert.equal(addon.memory().inUse, 0); console.log("fine");`);
  t.is(r.status, 0, r.err);
  t.is(r.out, "fine");
});

test("a worker terminated while it compiles or holds bound runs takes nobody along", async (t) => {
  const r = await child(`${WORKER}
    for (let i = 0; i < 3; i++) {
      const w = await start("globalThis.b = addon.bind(kernel(INCREMENT), [new Float64Array(1), new Float64Array(1)], symbols(1), 0, { threads: 1, parallel: false }); b.run(); addon.loadAsync({ ...request('  ((double*)args[0])[0] = " + i + "' + process.pid + ';'), cacheMode: 'off' }); parentPort.postMessage(1);");
      await w.terminate();
    }
    console.log("fine");`);
  t.is(r.status, 0, r.err);
  t.is(r.out, "fine");
});

test("an addon and an OpenMP runtime that only workers load outlive them", async (t) => {
  const script = `const { Worker } = require("node:worker_threads");
    const once = () => new Promise((resolve, reject) => { const w = new Worker("const s = require(require('node:worker_threads').workerData); const y = new Float64Array(100); const k = s.addon().load(s.TEAM); s.addon().run(k, [y], s.symbols(100), 0, s.PARALLEL); s.addon().runAsync(k, [y], s.symbols(100), 0, { threads: 2, write: [0] }).promise.then((r) => { if (r.code) throw new Error('code'); });", { eval: true, workerData: ${JSON.stringify(require.resolve("./support.js"))} }); w.on("error", reject); w.on("exit", resolve); });
    (async () => { for (let i = 0; i < 3; i++) await once(); setTimeout(() => console.log("fine"), 30); })();`;
  const { spawnSync } = await import("node:child_process");
  const r = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: process.env });
  t.is(r.status, 0, r.stderr);
  t.is(r.stdout.trim(), "fine");
});

test("aborting early and late, and dropping promises, does no harm", async (t) => {
  const r = await child(`for (let i = 0; i < 10; i++) { const l = addon.loadAsync({ ...request('  ((double*)args[0])[0] = ' + i + ';'), cacheMode: 'off' }); l.promise.catch(() => {}); setTimeout(() => l.abort(), i * 5); }
    for (let i = 0; i < 100; i++) { addon.runAsync(kernel(INCREMENT), [new Float64Array(100), new Float64Array(100)], symbols(100), 100, { threads: 1, write: [1] }); if (i % 10 === 0) gc(); }`, { args: ["--expose-gc"] });
  t.is(r.status, 0, r.err);
});
