/** What leaves the device, on the CUDA device made of the processor by the shim: arrays that are slices and transposes of others, and a loop's tape by rows. */
import test from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { grad, ndarray, python, type DerivativeOptions, type NDArray } from "../../ts/index.js";
import { randoms } from "../support/random-graph.js";

process.env["DACE_AD_CUDA"] = "shim";
type Callable = ((...args: unknown[]) => unknown) & { readonly report: { readonly checkpoint?: CheckpointReport } | undefined };
const make = (source: string, wrt: readonly string[], o: DerivativeOptions): Callable => grad(python({ source: `import numpy as np\n${source}`, name: "p.py" }, { function: "f" }), { wrt, device: "cuda", cache: false, ...o } as never) as unknown as Callable;
const array = (seed: number, ...shape: number[]): NDArray => ndarray(Float64Array.from(randoms(seed, shape.reduce((a, b) => a * b, 1)), (x) => x / 4), shape);
const bits = (g: unknown): number[] => (g as NDArray[]).flatMap((x) => Array.from(x.data, Number));
const S = 24;

test("a loop's tape moves by rows", (t) => {
  const source = "def f(u, w, T):\n    for t in range(T):\n        u[1:-1] = u[1:-1] + 0.1 * np.sin(u[1:-1]) * (u[2:] - u[:-2])\n    return np.sum(w * u * u)\n", args = (): unknown[] => [array(3, 3000), array(4, 3000), 15];
  const all = make(source, ["u", "w"], { strategy: "store-all" }), want = bits(all(...args())), f = make(source, ["u", "w"], { memoryLimit: Math.floor(all.report!.checkpoint!.storeAll / 2) });
  t.deepEqual(bits(f(...args())), want);
  t.is(f.report!.checkpoint!.loops[0]!.schedule, "offload");
  t.is(f.report!.checkpoint!.host!.planned, 8 * 3000 * 15);
});

for (const [name, copy] of [["slices", "x[1:, 1:].copy()"], ["transposes", "x.T.copy()"], ["rows", "x[1:].copy()"], ["columns", "x[:, 1:].copy()"]] as const) test(`copies of ${name} leave as what they are`, (t) => {
  // Compared with one another, so that they are not computed again; the copies are read in the backward sweep.
  const source = `def f(x, W):\n    h0 = ${copy}\n    x[:] = x * 2.0\n    h1 = np.maximum(h0 @ W, h0)\n    g1 = np.sin(h1) * h0\n    h2 = np.maximum(h1 @ W, g1)\n    x[:] = x + 1.0\n    g2 = np.sin(h2) * h0 * g1\n    h3 = np.maximum(h2 @ W, g2)\n    return np.sum(h3 * g2 * h0 * np.cos(h1))\n`;
  const size = name === "transposes" ? S : S - 1, args = (): unknown[] => [array(5, name === "columns" ? size : S, name === "rows" ? size : S), array(6, size, size)], all = make(source, ["x", "W"], { strategy: "store-all" }), want = bits(all(...args())), { storeAll } = all.report!.checkpoint!;
  let moved = 0;
  for (const part of [0.9, 0.76]) {
    const f = make(source, ["x", "W"], { memoryLimit: Math.floor(part * storeAll) });
    // What is computed again beside what moves may differ by an ulp.
    try { bits(f(...args())).forEach((x, i) => { if (!(Math.abs(x - want[i]!) <= 1e-12 * Math.max(1e-3, Math.abs(want[i]!)))) t.fail(`${part}: ${x} for ${want[i]}`); }); } catch (e) { if ((e as { code?: string }).code !== "ERR_DACE_MEMORY_INFEASIBLE") throw e; continue; }
    if (f.report!.checkpoint!.arrays.some((a) => a.decision === "offload")) moved++;
  }
  t.true(moved > 0);
});
