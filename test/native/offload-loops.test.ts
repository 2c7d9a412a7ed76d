/**
 * Tapes of loops that leave the device, on the libcuda made of the processor: cuda:0 does the copies as late as can be, cuda:1 as soon as what they wait for allows, so that each edge between
 * the two streams shows where it is missing.
 */
import test from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { DaceError, grad, ndarray, python, type DerivativeOptions, type NDArray } from "../../ts/index.js";
import { randoms } from "../support/random-graph.js";
import { useProcessor } from "./processor.js";
import { effort } from "../support/effort.js";

const control = useProcessor({ PROCESSOR_DEVICES: "2" });
type Callable = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): Promise<unknown>; dispose(): void; readonly report: { readonly checkpoint?: CheckpointReport; readonly device: string } | undefined };
interface Case { readonly name: string; readonly source: string; readonly wrt: readonly string[]; args(): unknown[]; /** Bytes of a step's tape. */ readonly tape: number; readonly steps: number }
const array = (seed: number, ...shape: number[]): NDArray => ndarray(Float64Array.from(randoms(seed, shape.reduce((a, b) => a * b, 1)), (x) => x / 4), shape);
const N = 3000, T = 20, M = 40;
const CASES: readonly Case[] = [
  { name: "a stencil in place", wrt: ["u", "w"], tape: 8 * N, steps: T, args: () => [array(3, N), array(4, N), T], source: "def f(u, w, T):\n    for t in range(T):\n        u[1:-1] = u[1:-1] + 0.1 * np.sin(u[1:-1]) * (u[2:] - u[:-2])\n    return np.sum(w * u * u)\n" },
  // Rows of two dimensions, two tapes, an odd number of steps, the loop run backward.
  { name: "two fields", wrt: ["U", "V"], tape: 16 * M * M, steps: 13, args: () => [array(5, M, M), array(6, M, M), 13], source: "def f(U, V, T):\n    for t in range(T, 0, -1):\n        R = U * V * V\n        U += 0.1 * np.roll(U, 1, 0) - 0.2 * R + 0.001 * t\n        V += 0.1 * np.roll(V, 1, 1) + 0.3 * R\n    return np.sum(U * V)\n" },
];
const make = (c: Case, o: DerivativeOptions): Callable => grad(python({ source: `import numpy as np\n${c.source}`, name: "loop.py" }, { function: "f" }), { wrt: c.wrt, cache: false, ...o } as never) as unknown as Callable;
const bits = (g: unknown): number[] => (g as NDArray[]).flatMap((x) => Array.from(x.data, Number));

for (const c of CASES) for (const device of effort<readonly ("cuda:0" | "cuda:1")[]>(["cuda:1"], ["cuda:0", "cuda:1"])) for (const precision of effort<readonly ("default" | "strict")[]>(["strict"], ["default", "strict"])) {
  if (precision === "strict" && device === "cuda:0") continue;
  test.serial(`${c.name}: the tape waits on the host, the gradient is store-all's, and memory what was planned (${device}, ${precision})`, async (t) => {
    process.env["PROCESSOR_EAGER"] = device === "cuda:1" ? "1" : "0";
    const all = make(c, { device, precision, strategy: "store-all" }), want = bits(all(...c.args())), whole = all.report!.checkpoint!.storeAll;
    t.true(whole > c.steps * c.tape);
    const limit = Math.floor(0.5 * whole), f = make(c, { device, precision, memoryLimit: limit });
    for (const got of [f(...c.args()), f(...c.args()), await f.async(...c.args())]) {
      t.deepEqual(bits(got), want);
      const r = f.report!.checkpoint!;
      t.true(r.planned <= limit && r.storeAll === whole);
      t.like(r.loops[0], { schedule: "offload", snapshots: 0, extraSteps: 0, steps: c.steps });
      t.true(r.loops[0]!.copies > 4 && r.cost > 0);
      t.is(r.host!.planned, c.steps * c.tape);
      t.is(r.measured, r.planned);
      t.is(r.host!.measured, r.host!.planned);
    }
    f.dispose();
    all.dispose();
  });
}

test.serial("of the smallest limit that works one byte less is refused", (t) => {
  const c = CASES[0]!, device = "cuda:0", e = t.throws(() => make(c, { device, memoryLimit: 1000 })(...c.args()), { instanceOf: DaceError }) as DaceError & { smallest: number };
  t.is(e.code, "ERR_DACE_MEMORY_INFEASIBLE");
  const f = make(c, { device, memoryLimit: e.smallest });
  t.deepEqual(bits(f(...c.args())), bits(make(c, { device })(...c.args())));
  t.is(f.report!.checkpoint!.measured, e.smallest);
  t.true(e.smallest < 8 * c.tape && f.report!.checkpoint!.loops[0]!.schedule === "offload");
  t.is(t.throws(() => make(c, { device, memoryLimit: e.smallest - 1 })(...c.args()), { instanceOf: DaceError }).code, "ERR_DACE_MEMORY_INFEASIBLE");
});

test.serial("where the host has no room for the tape, steps run again", (t) => {
  const c = CASES[0]!, p = process as { availableMemory?: () => number }, before = p.availableMemory, whole = (() => { const f = make(c, { device: "cuda", strategy: "store-all" }); f(...c.args()); return f.report!.checkpoint!.storeAll; })();
  for (const [room, schedule] of [[2 * T * c.tape, "offload"], [2 * T * c.tape - 2, "again"]] as const) {
    p.availableMemory = () => room;
    try {
      const f = make(c, { device: "cuda", memoryLimit: Math.floor(0.5 * whole) });
      t.deepEqual(bits(f(...c.args())), bits(make(c, { device: "cuda" })(...c.args())));
      const [l] = f.report!.checkpoint!.loops;
      if (schedule === "offload") t.is(l!.schedule, "offload"); else t.true(l!.schedule !== "offload" && l!.extraSteps > 0);
      t.is(f.report!.checkpoint!.host!.limit, Math.floor(room / 2));
    } finally { if (before) p.availableMemory = before; else delete p.availableMemory; }
  }
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
