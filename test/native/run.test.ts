/** Synchronous and bound runs: what a kernel is given, what comes back, and that no argument can crash the process. */
import test from "ava";
import type { TypedArray } from "../../ts/runtime/addon-types.js";
import { addon, child, kernel, NO_SYMBOLS, PARALLEL, SERIAL, symbols, thrown, INCREMENT } from "./support.js";

const a = addon();
/** Newer than the compiler's library: resizable buffers and transfer. */
type Buffer20 = ArrayBuffer & { resize(bytes: number): void; transfer?(): ArrayBuffer };
const resizable = (bytes: number, max: number): Buffer20 => new (ArrayBuffer as unknown as new (n: number, o: { maxByteLength: number }) => Buffer20)(bytes, { maxByteLength: max });
const detach = (x: ArrayBuffer): void => { structuredClone(x, { transfer: [x] }); };

test("zero copy: the kernel works on the caller's memory, offsets included", (t) => {
  const all = Float64Array.from({ length: 10 }, (_, i) => i), k = kernel(INCREMENT);
  const s = a.run(k, [all.subarray(2, 5), all.subarray(6, 9)], symbols(3), 0, SERIAL);
  t.is(s.code, 0);
  t.true(s.ns >= 0 && s.ns < 1e12);
  t.deepEqual([...all], [0, 1, 2, 3, 4, 5, 3, 4, 5, 9]);
});

test("every typed array, shared memory too", (t) => {
  const k = kernel("  unsigned char* p = (unsigned char*)args[0]; for (i64 i = 0; i < symbols[0]; i++) p[i] = 1;");
  const kinds = [Float64Array, Float32Array, Int8Array, Int16Array, Int32Array, BigInt64Array, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigUint64Array];
  for (const K of kinds) for (const buffer of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
    const x = new K(buffer as ArrayBuffer) as TypedArray;
    t.is(a.run(k, [x], symbols(16), 0, SERIAL).code, 0);
    t.deepEqual([...new Uint8Array(buffer as ArrayBuffer)], Array<number>(16).fill(1), K.name);
  }
});

test("empty and absent arrays are NULL", (t) => {
  const k = kernel("  for (i64 i = 0; i < symbols[0]; i++) if (args[i] != 0) { rt->error[1] = i; return 2; }");
  t.is(a.run(k, [undefined, new Float64Array(0), new Uint8Array(new ArrayBuffer(8), 8)], symbols(3), 0, SERIAL).code, 0);
});

test("the status carries the error slot", (t) => {
  const k = kernel("  rt->error[0] = 2; rt->error[1] = 7; rt->error[2] = -5; rt->error[3] = 1ll << 40; return 2;");
  const { ns, ...rest } = a.run(k, [], NO_SYMBOLS, 0, SERIAL);
  t.true(ns >= 0);
  t.deepEqual(rest, { code: 2, site: 7, value: -5, extent: 2 ** 40 });
  const b = a.bind(k, [], NO_SYMBOLS, 0, SERIAL);
  t.is(b.run(), 2);
  t.deepEqual({ ...b.status(), ns: 0 }, { code: 2, site: 7, value: -5, extent: 2 ** 40, ns: 0 });
  // The slot of one run is not the next one's.
  t.is(a.run(kernel(""), [], NO_SYMBOLS, 0, SERIAL).value, 0);
});

test("the table holds what abi.h promises", (t) => {
  const k = kernel("  double* y = (double*)args[0]; y[0] = rt->abi_version; y[1] = rt->struct_bytes == sizeof(dace_rt); y[2] = rt->threads; y[3] = *rt->cancel; y[4] = rt->progress != 0; y[5] = rt->gemm_f64 != 0 && rt->gemm_f32 != 0; y[6] = u64(arena) % 64; y[7] = arena != 0;");
  for (const [arena, o] of [[0, SERIAL], [100, SERIAL], [5e6, { threads: 3, parallel: true }]] as const) {
    const y = new Float64Array(8);
    t.is(a.run(k, [y], NO_SYMBOLS, arena, o).code, 0);
    t.deepEqual([...y], [2, 1, o.threads, 0, 1, 1, 0, 1]);
  }
});

test("many arguments and large arenas", (t) => {
  const k = kernel("  for (i64 i = 1; i < symbols[0]; i++) ((double*)args[0])[0] += ((double*)args[i])[0]; char* p = (char*)arena; for (i64 i = 0; i < symbols[1]; i += 4096) p[i] = 1; if (symbols[1]) p[symbols[1] - 1] = 1;");
  for (const n of [1, 23, 24, 25, 26, 300]) {
    const args = Array.from({ length: n }, () => Float64Array.of(1));
    t.is(a.run(k, args, symbols(n, 10_000_019), 10_000_019, SERIAL).code, 0);
    t.is(args[0]![0], n);
    const b = a.bind(k, args, symbols(n, 77), 77, SERIAL);
    t.is(b.run(), 0);
    t.is(args[0]![0], 2 * n - 1);
  }
});

test("parallel runs happen on one other thread, whose team computes the same", (t) => {
  const body = "  double* y = (double*)args[0]; const i32 nt = rt->threads;\n#pragma omp parallel for schedule(static) num_threads(nt)\n  for (i64 i = 0; i < symbols[0]; i++) y[i] = double(i) * i;";
  const k = kernel(body, { flags: ["-std=c++20", "-O2", "-fopenmp"] });
  const one = new Float64Array(100_000), two = new Float64Array(100_000);
  t.is(a.run(k, [one], symbols(100_000), 0, { threads: 1, parallel: true }).code, 0);
  for (let i = 0; i < 50; i++) t.is(a.run(k, [two], symbols(100_000), 0, PARALLEL).code, 0);
  t.deepEqual(two, one);
  const b = a.bind(k, [two.fill(0)], symbols(100_000), 0, PARALLEL);
  t.is(b.run(), 0);
  t.deepEqual(two, one);
});

test("a detached array is a TypeError, in every kind of run", (t) => {
  const k = kernel(INCREMENT), gone = new Float64Array(4), y = new Float64Array(4);
  detach(gone.buffer);
  t.true(a.isDetached(gone));
  t.false(a.isDetached(y) || a.isDetached(new Float64Array(0)));
  for (const f of [() => a.run(k, [gone, y], symbols(4), 0, SERIAL), () => a.bind(k, [gone, y], symbols(4), 0, SERIAL), () => a.runAsync(k, [gone, y], symbols(4), 0, { threads: 1, write: [1] })]) {
    const e = thrown(f);
    t.is(e.name, "TypeError");
    t.regex(e.message, /argument 0 is detached/);
  }
  const s = symbols(4);
  detach(s.buffer as ArrayBuffer);
  t.is(thrown(() => a.run(k, [y, y], s, 0, SERIAL)).name, "TypeError");
});

test("a view that its shrunken buffer no longer holds is a TypeError; one that it still holds is fine", (t) => {
  const k = kernel(INCREMENT), buffer = resizable(64, 128), fixed = new Float64Array(buffer, 8, 4), tracking = new Float64Array(buffer), tail = new Float64Array(buffer, 32), y = new Float64Array(8);
  t.is(a.run(k, [tracking, y], symbols(8), 0, SERIAL).code, 0);
  buffer.resize(128);
  t.is(tracking.length, 16);
  t.is(a.run(k, [tracking, y], symbols(8), 0, SERIAL).code, 0);
  buffer.resize(16);
  for (const view of [fixed, tail]) for (const f of [() => a.run(k, [view, y], symbols(0), 0, SERIAL), () => a.runAsync(k, [view, y], symbols(0), 0, { threads: 1, write: [] })]) t.regex(thrown(f).message, /out of the bounds/);
  buffer.resize(0);
  t.is(a.run(k, [tracking, y], symbols(0), 0, SERIAL).code, 0);
});

test("a bound run notices that its memory is gone", (t) => {
  const k = kernel(INCREMENT), x = Float64Array.of(1, 2), y = new Float64Array(2), b = a.bind(k, [x, y], symbols(2), 0, SERIAL);
  t.is(b.run(), 0);
  t.deepEqual([...y], [2, 3]);
  x[0] = 10;
  t.is(b.run(), 0);
  t.is(y[0], 11);
  detach(x.buffer);
  t.is(thrown(() => b.run()).name, "TypeError");
  t.is(thrown(() => a.bind(k, [new Float64Array(resizable(16, 32)), y], symbols(2), 0, SERIAL)).name, "TypeError");
  const c = a.bind(k, [new Float64Array(2), y], symbols(2), 0, SERIAL);
  c.dispose();
  c.dispose();
  t.is(thrown(() => c.run()).name, "TypeError");
  t.is(c.status().code, 0);
});

test("symbols are copied when bound, arrays are kept alive", async (t) => {
  const r = await child(`const s = symbols(2), b = (() => addon.bind(kernel(INCREMENT), [Float64Array.of(1, 2), new Float64Array(2)], s, 64, SERIAL))();
    s[0] = 1000000000000n; for (let i = 0; i < 20; i++) { gc(); new Float64Array(1e5); assert.equal(b.run(), 0); }
    const many = Array.from({ length: 2000 }, () => addon.bind(kernel(INCREMENT), [new Float64Array(2), new Float64Array(2)], symbols(2), 0, SERIAL)); many.length = 0; gc(); gc();`, { args: ["--expose-gc"] });
  t.is(r.status, 0, r.err);
});

test("an arena that the machine cannot hold is OOM", (t) => {
  const k = kernel("");
  for (const bytes of [2 ** 52, 2 ** 46]) for (const o of [SERIAL, PARALLEL]) t.is(thrown(() => a.run(k, [], NO_SYMBOLS, bytes, o)).code, "OOM");
  t.is(thrown(() => a.bind(k, [], NO_SYMBOLS, 2 ** 46, SERIAL).run()).code, "OOM");
  t.is(a.run(k, [], NO_SYMBOLS, 1000, SERIAL).code, 0);
});

test("whatever is passed instead of an argument is a TypeError, never a crash", (t) => {
  const k = kernel(""), rubbish: unknown[] = [undefined, null, 1, -1, 1.5, NaN, Infinity, 2 ** 60, "x", "", true, 7n, Symbol("s"), {}, [], [1], () => 1, new Date(), new Map(), new Proxy([], {}), new Proxy({}, {}), new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), new Float64Array(2), k, Object.create(k), { ...k }];
  const good: Record<string, unknown[]> = {
    run: [k, [], NO_SYMBOLS, 0, SERIAL], bind: [k, [], NO_SYMBOLS, 0, SERIAL], runAsync: [k, [], NO_SYMBOLS, 0, { threads: 1, write: [] }],
    load: [{ sources: ["extern \"C\" int dace_run() { return 0; }"], flags: [], link: [] }], isDetached: [new Float64Array(1)], cacheLimit: [2 ** 50, "/no/such"], cacheEntries: ["/no/such"], cacheClear: ["/no/such"], discoverToolchain: ["/no/such"],
  };
  const api = a as unknown as Record<string, (...args: unknown[]) => unknown>;
  let refused = 0;
  for (const [name, args] of Object.entries(good)) for (let at = 0; at < args.length; at++) for (const r of rubbish) {
    // These are legitimate there, and slow.
    if (name === "load" || ((name === "cacheClear" || name === "cacheEntries") && r === undefined) || (name === "cacheLimit" && at === 1)) continue;
    try {
      const out = api[name]!(...args.map((x, i) => (i === at ? r : x)));
      if (name === "runAsync") void (out as { promise: Promise<unknown> }).promise.catch(() => undefined);
    } catch (e) { refused++; t.true(e instanceof TypeError || (e as { code?: string }).code === "OOM", `${name} ${at} ${String(e)}`); }
  }
  t.true(refused > 200);
  const base = good["load"]![0] as object;
  for (const field of ["sources", "flags", "link", "cacheDir", "cacheMode", "timeoutMs", "compiler"]) for (const r of [null, 1.5, "x\0y", [1], {}, -1, Symbol("s")]) t.throws(() => api["load"]!({ ...base, [field]: r }), undefined, `${field} ${typeof r}`);
  for (const o of [{ threads: 0, parallel: false }, { threads: 1.5, parallel: false }, { threads: 1, parallel: 1 }, {}, { threads: 1e9, parallel: true }]) t.is(thrown(() => a.run(k, [], NO_SYMBOLS, 0, o as never)).name, "TypeError");
  for (const args of [[1], [null], ["x"], [{}], [[]], [new DataView(new ArrayBuffer(8))], [new ArrayBuffer(8)]]) t.is(thrown(() => a.run(k, args as never, NO_SYMBOLS, 0, SERIAL)).name, "TypeError");
  for (const write of [[1], [-1], [0.5], ["0"], [NaN]]) t.is(thrown(() => a.runAsync(k, [new Float64Array(1)], NO_SYMBOLS, 0, { threads: 1, write: write as never })).name, "TypeError");
});

test("handles cannot be forged, and getters may throw", (t) => {
  const k = kernel(""), Kernel = k.constructor as new (...args: unknown[]) => unknown;
  t.throws(() => new Kernel(), { instanceOf: TypeError });
  t.throws(() => new Kernel({}, [1, 2, 3, 4, 5]), { instanceOf: TypeError });
  t.throws(() => a.run(k, [], NO_SYMBOLS, 0, { get threads(): number { throw new RangeError("mine"); }, parallel: false }), { instanceOf: RangeError });
  const b = a.bind(k, [], NO_SYMBOLS, 0, SERIAL);
  t.throws(() => b.run.call(k as never), { instanceOf: TypeError });
  const args = [new Float64Array(1)];
  Object.defineProperty(args, 0, { get() { throw new RangeError("mine"); } });
  t.throws(() => a.run(k, args, NO_SYMBOLS, 0, SERIAL), { instanceOf: RangeError });
});

test("two workers and the main thread share one process-wide state and do not disturb each other", async (t) => {
  const r = await child(`const { Worker } = require("node:worker_threads");
    const text = \`const s = require(\${JSON.stringify(process.argv[1] ?? "")} || require("node:worker_threads").workerData); const k = s.kernel(s.INCREMENT); const y = new Float64Array(2);
      for (let i = 0; i < 2000; i++) { if (s.addon().run(k, [Float64Array.of(i, 2), y], s.symbols(2), 128, i % 50 ? s.SERIAL : s.PARALLEL).code !== 0 || y[0] !== i + 1) throw new Error("wrong"); }\`;
    const ends = [0, 1].map(() => new Promise((resolve, reject) => { const w = new Worker(text, { eval: true, workerData: ${JSON.stringify(require.resolve("./support.js"))} }); w.on("error", reject); w.on("exit", resolve); }));
    const k = kernel(INCREMENT), y = new Float64Array(2);
    for (let i = 0; i < 2000; i++) { assert.equal(addon.run(k, [Float64Array.of(i, 2), y], symbols(2), 128, i % 50 ? SERIAL : PARALLEL).code, 0); assert.equal(y[0], i + 1); }
    assert.deepEqual(await Promise.all(ends), [0, 0]); assert.equal(addon.memory().inUse, 0);`);
  t.is(r.status, 0, r.err);
});
