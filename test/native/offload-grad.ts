/** Gradients with what leaves the device, called again and again, cancelled, and out of memory at each step: nothing stays behind, and the next call is right. On the libcuda made of the processor. */
import type { TestFn } from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { DaceError, grad, ndarray, python, type NDArray } from "../../ts/index.js";
import { randoms } from "../support/random-graph.js";
import { useProcessor } from "./processor.js";
import { addon } from "./support.js";

interface Options { readonly signal?: AbortSignal; onProgress?(n: number): void }
type Callable = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): Promise<unknown>; dispose(): void; readonly report: { readonly checkpoint?: CheckpointReport } | undefined };
interface Program { readonly name: string; readonly source: string; readonly wrt: readonly string[]; args(): unknown[]; readonly part: number; left(c: CheckpointReport): boolean }
const array = (seed: number, ...shape: number[]): NDArray => ndarray(Float64Array.from(randoms(seed, shape.reduce((a, b) => a * b, 1)), (x) => x / 4), shape);
const N = 4000, T = 12, SIZE = 24;
/** Arrays that are compared, so that they are stored or moved, and a loop's tape. */
const LAYERS: Program = {
  name: "arrays", wrt: ["x", "W"], args: () => [array(3, SIZE, SIZE), array(4, SIZE, SIZE)], part: 0.75, left: (c) => c.arrays.filter((a) => a.decision === "offload").length > 1,
  source: `def f(x, W):\n    h0 = x * 1.0\n${[0, 1, 2].map((k) => `    h${k + 1} = np.maximum(h${k} @ W, h${k})\n    g${k + 1} = np.sin(h${k + 1})\n`).join("")}    return np.sum(h3 * g3 * g2)\n`,
};
const loop = (steps: number): Program => ({
  name: "a loop's tape", wrt: ["u", "w"], args: () => [array(5, N), array(6, N), steps], part: 0.5, left: (c) => c.loops[0]!.schedule === "offload",
  source: "def f(u, w, T):\n    for t in range(T):\n        u[1:-1] = u[1:-1] + 0.1 * np.sin(u[1:-1]) * (u[2:] - u[:-2])\n    return np.sum(w * u * u)\n",
});
const make = (p: Program, more: object): Callable => grad(python({ source: `import numpy as np\n${p.source}`, name: "p.py" }, { function: "f" }), { wrt: p.wrt, device: "cuda", ...more } as never) as unknown as Callable;
const bits = (g: unknown): number[] => (g as NDArray[]).flatMap((x) => Array.from(x.data, Number));

/** `calls`: how often a gradient is called; with few of them, every tenth call of the driver fails. */
export function registerOffloadedGradients(test: TestFn, calls: number): void {
  const control = useProcessor(), gpu = addon().gpu(0);
  /** The gradient of everything stored, and a callable whose plan moves something and is made. */
  const prepared = (p: Program): { readonly want: readonly number[]; readonly f: Callable } => {
    const all = make(p, { strategy: "store-all" }), want = bits(all(...p.args())), f = make(p, { memoryLimit: Math.floor(p.part * all.report!.checkpoint!.storeAll) });
    all.dispose();
    if (JSON.stringify(bits(f(...p.args()))) !== JSON.stringify(want) || !p.left(f.report!.checkpoint!)) throw new Error(`${p.name}: nothing leaves the device, or another gradient`);
    return { want, f };
  };
  const empty = (): boolean => { const m = gpu.memory(); return m.inUse === 0 && m.hostInUse === 0; };

  for (const p of [LAYERS, loop(T)]) {
    test.serial(`${p.name}: ${calls} gradients leave both memories as they were`, async (t) => {
      const { want, f } = prepared(p), state = (): readonly number[] => { const m = gpu.memory(); return [control.get("used"), control.get("blocks"), m.inUse, m.hostInUse, m.hostPooled, m.blocks]; };
      for (let k = 0; k < 3; k++) { f(...p.args()); await f.async(...p.args()); }
      const before = state(), rss = process.memoryUsage.rss(), { hostHighWater, offloaded, fetched } = gpu.memory(), args = p.args();
      t.true(before[4]! > 0);
      for (let k = 0; k < calls; k++) {
        // New arrays take the long way, those of before the short one; some do not wait.
        const g = k % 100 === 7 ? await f.async(...args) : f(...(k % 10 === 3 ? p.args() : args));
        if (k % 50 === 0 || k === calls - 1) {
          t.deepEqual(bits(g), want, `call ${k}`);
          t.deepEqual(state(), before, `call ${k}`);
        }
      }
      const m = gpu.memory();
      t.is(m.hostHighWater, hostHighWater);
      t.is((m.offloaded - offloaded) % calls, 0);
      t.true(m.offloaded > offloaded && m.fetched - fetched === m.offloaded - offloaded);
      // If what each call takes of the host stayed, this would be gigabytes.
      if (calls >= 10_000) t.true(process.memoryUsage.rss() - rss < 2 ** 29, `${process.memoryUsage.rss() - rss} bytes more`);
      f.dispose();
    });

    test.serial(`${p.name}: a call of the driver that finds no memory, whichever it is, is ERR_DACE_OOM or made again, and the next call is right`, (t) => {
      const { want, f } = prepared(p), run = (): unknown => f(...p.args());
      gpu.trim();
      const from = control.get("calls");
      run();
      const count = control.get("calls") - from;
      t.true(count > 50);
      for (let n = 1; n <= count; n += calls < 1000 ? 10 : 1) {
        // All memory is asked for anew.
        gpu.trim();
        control.fail(n, 2);
        // A launch that cuBLAS itself makes is no allocation of ours.
        try { t.deepEqual(bits(run()), want, `call ${n}`); } catch (e) { t.true(e instanceof DaceError && (e.code === "ERR_DACE_OOM" || /libcublas.*: status/.test(e.message)), `call ${n}: ${String(e)}`); } finally { control.set("failAt", 0); }
        t.true(empty(), `after call ${n} of the driver`);
        if (n % 3 === 0) t.deepEqual(bits(run()), want, `after call ${n} of the driver`);
      }
      f.dispose();
    });

    test.serial(`${p.name}: where the device gives no more, whatever it has given before, it is ERR_DACE_OOM, and the next call is right`, (t) => {
      const { want, f } = prepared(p);
      gpu.resetHighWater();
      f(...p.args());
      const need = gpu.memory().highWater, keep = 2 ** 29, parts = calls < 1000 ? 5 : 12;
      for (let part = 0; part <= parts; part++) {
        gpu.trim();
        const most = part === parts ? need : Math.floor(part * need / parts);
        gpu.limit(keep, most);
        try { t.deepEqual(bits(f(...p.args())), want); t.is(most, need); } catch (e) {
          t.true(most < need && e instanceof DaceError && e.code === "ERR_DACE_OOM", String(e));
          t.regex((e as Error).message, /no device memory for \d+ bytes/);
        } finally { gpu.limit(keep, Number.MAX_SAFE_INTEGER); }
        t.true(empty());
        t.deepEqual(bits(f(...p.args())), want);
      }
      f.dispose();
    });

    test.serial(`${p.name}: where the host gives no more, whatever it has given before, it is ERR_DACE_OOM, and the next call is right`, (t) => {
      const { want, f } = prepared(p), { planned } = f.report!.checkpoint!.host!;
      let failures = 0;
      for (let part = 0; part <= 4; part++) {
        gpu.trim();
        const limit = part === 4 ? planned : Math.floor(part * planned / 4);
        process.env["DACE_AD_CUDA_HOST_LIMIT"] = String(limit);
        try { t.deepEqual(bits(f(...p.args())), want); t.is(limit, planned); } catch (e) {
          failures++;
          t.true(e instanceof DaceError && e.code === "ERR_DACE_OOM", String(e));
          t.regex((e as Error).message, /no memory on the host for \d+ bytes that leave the device/);
        } finally { delete process.env["DACE_AD_CUDA_HOST_LIMIT"]; }
        t.true(empty());
        t.deepEqual(bits(f(...p.args())), want);
      }
      t.is(failures, 4);
      f.dispose();
    });
  }

  test.serial("a gradient that is cancelled in the middle gives its arena and the host's memory back", async (t) => {
    const p = loop(100), { want, f } = prepared(p);
    let cancelled = 0;
    for (let k = 0; k < 8; k++) {
      const controller = new AbortController(), reason = new Error(`no longer wanted, ${k}`), args = p.args(), u = (args[0] as NDArray).data.slice();
      const options: Options = { signal: controller.signal, onProgress: (n) => { if (n > 40 * k) controller.abort(reason); } };
      const timer = setTimeout(() => { controller.abort(reason); }, 3 * k);
      try { t.deepEqual(bits(await f.async(...args, options)), want); } catch (e) { t.is(e, reason); cancelled++; } finally { clearTimeout(timer); }
      t.true(empty(), `run ${k}`);
      t.deepEqual((args[0] as NDArray).data, u);
    }
    t.true(cancelled > 2, `${cancelled} of them`);
    t.deepEqual(bits(await f.async(...p.args())), want);
    t.true(empty());
    f.dispose();
  });

  test.serial("a limit of the host's memory that is no number is a mistake", (t) => {
    process.env["DACE_AD_CUDA_HOST_LIMIT"] = "much";
    try { t.is(t.throws(() => make(LAYERS, { memoryLimit: 10_000, cache: false })(...LAYERS.args()), { instanceOf: DaceError }).code, "ERR_DACE_ARGUMENT"); } finally { delete process.env["DACE_AD_CUDA_HOST_LIMIT"]; }
  });

  test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
}
