/** `memoryLimit` and `strategy`: gradients are those of storing everything, what the allocator hands out is what was planned, and it is within the limit. */
import test, { type ExecutionContext } from "ava";
import { DaceError, grad, jit, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { randoms } from "../support/random-graph.js";
import { slowly } from "../support/effort.js";

type Callable = ((...args: never[]) => unknown) & { readonly report: { readonly checkpoint?: CheckpointReport } | undefined };
const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : (x as unknown[]).flatMap(flat));
const array = (seed: number, ...shape: number[]): NDArray => ndarray(Float64Array.from(randoms(seed, shape.reduce((a, b) => a * b, 1))), shape);

interface Case { readonly name: string; readonly source: string; readonly wrt: readonly string[]; readonly args: () => unknown[]; /** Is there less than storing everything? */ readonly scheduled: boolean; readonly options?: DerivativeOptions }
const chain = (n: number): string => Array.from({ length: n }, (_, k) => `    h${k + 1} = np.tanh(h${k} @ W + ${k}.0 * b)\n    g${k + 1} = np.sin(h${k + 1})\n`).join("");
const CASES: readonly Case[] = [
  {
    name: "reaction and diffusion, in place", scheduled: true, wrt: ["u", "v"], args: () => [array(1, 12, 14), array(2, 12, 14), array(3, 12, 14), 40],
    source: `
import numpy as np
def f(u, v, w, steps):
    for t in range(steps):
        lu = u[:-2, 1:-1] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1] + u[1:-1, 2:] + u[2:, 1:-1]
        lv = v[:-2, 1:-1] + v[1:-1, :-2] - 4 * v[1:-1, 1:-1] + v[1:-1, 2:] + v[2:, 1:-1]
        uvv = u[1:-1, 1:-1] * v[1:-1, 1:-1] * v[1:-1, 1:-1]
        u[1:-1, 1:-1] += 0.016 * lu - uvv * 0.1 + 0.006 * (1 - u[1:-1, 1:-1])
        v[1:-1, 1:-1] += 0.008 * lv + uvv * 0.1 - 0.012 * v[1:-1, 1:-1]
    return np.sum(w * v)
`,
  },
  {
    name: "backwards in time, an array that changes before it is needed again, another loop behind", scheduled: true, wrt: ["u", "a"], args: () => [array(4, 200), array(5, 200), 25],
    source: `
import numpy as np
def f(u, a, steps):
    for t in range(steps, 2, -1):
        u[1:-1] = u[1:-1] + 0.01 * t * a[1:-1] * np.sin(u[2:]) * u[:-2]
    a[:] = a * a * u
    for k in range(12):
        a[:] = np.cos(a) + 0.1 * u * a
    return np.sum(a * u)
`,
  },
  { name: "layers in a loop", scheduled: true, wrt: ["x", "b"], args: () => [array(6, 40, 10), array(7, 30, 10, 10), array(8, 30, 10)], source: `
import numpy as np
def f(x, W, b):
    h = x * 1.0
    for l in range(W.shape[0]):
        h = h + np.tanh(h @ W[l] + b[l])
    return np.sum(h ** 2)
` },
  { name: "layers one after another", scheduled: true, wrt: ["x"], args: () => [array(9, 16, 16), array(10, 16, 16), array(11, 16)], source: `
import numpy as np
def f(x, W, b):
    h0 = x * 1.0
${chain(8)}    return np.sum(h8 * g8 * g7 * g3)
` },
];

function check(t: ExecutionContext, c: Case, options: DerivativeOptions, tolerance: number): void {
  const make = (o: DerivativeOptions): Callable => grad(python({ source: c.source, name: "m.py" }, { function: "f" }), { wrt: c.wrt, cache: false, ...options, ...o } as never) as unknown as Callable;
  const call = (f: Callable): number[] => flat(f(...c.args() as never[]));
  const all = make({ strategy: "store-all" }), want = call(all), largest = Math.max(...want.map(Math.abs)), whole = all.report!.checkpoint!.storeAll;
  const same = (got: readonly number[], what: string): void => {
    t.is(got.length, want.length);
    t.true(got.every((x, i) => Math.abs(x - want[i]!) <= tolerance * largest), `${what}: ${Math.max(...got.map((x, i) => Math.abs(x - want[i]!) / largest))}`);
  };
  t.is(all.report!.checkpoint!.planned, whole);
  t.is(all.report!.checkpoint!.measured, whole);
  const e = t.throws(() => call(make({ memoryLimit: 64 })), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
  t.is(e.code, "ERR_DACE_MEMORY_INFEASIBLE");
  t.true(e.message.includes(String(e.smallest)));
  if (c.scheduled) t.true(e.smallest < 0.8 * whole, `${e.smallest} of ${whole}`);
  let cost = Infinity;
  for (const k of [1, 2]) {
    const limit = k === 2 ? whole : Math.floor(e.smallest + (whole - e.smallest) / 4), f = make({ memoryLimit: limit });
    same(call(f), `limit ${limit}`);
    same(call(f), `limit ${limit}, again`);
    const r = f.report!.checkpoint!;
    t.true(r.planned <= limit, `${r.planned} within ${limit}`);
    t.is(r.measured, r.planned);
    t.is(r.limit, limit);
    t.true(r.cost <= cost * (1 + 1e-9), `${r.cost} after ${cost}`);
    cost = r.cost;
    if (k === 2) t.is(cost, 0); else t.true(cost > 0);
  }
  if (c !== CASES[3]) return;
  const least = make({ strategy: "recompute-all" });
  same(call(least), "recompute-all");
  t.is(least.report!.checkpoint!.measured, least.report!.checkpoint!.planned);
}

for (const [k, c] of CASES.entries()) (k % 3 === 0 ? test : slowly)(c.name, (t) => { check(t, c, { device: k === 0 ? "cpu" : "js" }, 1e-12); });

test("asynchronously: the inputs are those of the call, and the limit is kept", async (t) => {
  const c = CASES[3]!, p = (): ReturnType<typeof python> => python({ source: c.source, name: "m.py" }, { function: "f" });
  const want = flat(grad(p(), { wrt: "x", device: "js", cache: false })(...c.args())), f = grad(p(), { wrt: "x", device: "js", cache: false, memoryLimit: 20_000 }), args = c.args() as [NDArray];
  const running = f.async(...args);
  (args[0].data as Float64Array).fill(9);
  const got = flat(await running);
  t.true(got.every((x, i) => Math.abs(x - want[i]!) < 1e-12 * Math.max(...want.map(Math.abs))));
  t.true((f as unknown as Callable).report!.checkpoint!.planned <= 20_000);
});

test("asynchronously: cotangents are those of the call", async (t) => {
  const c = CASES[3]!, source = c.source.replace(/return .*/, "return h8 * g8, g7 * g3"), f = (o: DerivativeOptions): ReturnType<typeof vjp> => vjp(python({ source, name: "m.py" }, { function: "f" }), { wrt: "x", device: "js", cache: false, ...o });
  const probe = f({})(c.args() as never, ZERO_COTANGENTS) as { outputs: Record<string, NDArray> }, ct = Object.fromEntries(Object.entries(probe.outputs).map(([k, x], i) => [k, array(40 + i, ...x.shape)]));
  const want = flat((f({ strategy: "store-all" })(c.args() as never, ct as never) as unknown as { grads: { x: unknown } }).grads.x), g = f({ memoryLimit: 26_000 }), running = g.async(c.args() as never, ct as never);
  for (const x of Object.values(ct)) (x.data as Float64Array).fill(7);
  const got = flat((await running as unknown as { grads: { x: unknown } }).grads.x);
  t.true((g as unknown as Callable).report!.checkpoint!.cost > 0);
  t.true(got.every((x, i) => Math.abs(x - want[i]!) < 1e-12 * Math.max(...want.map(Math.abs))));
});

test("arrays to store, by name", (t) => {
  const c = CASES[3]!, f = grad(python({ source: c.source, name: "m.py" }, { function: "f" }), { wrt: "x", device: "js", cache: false, strategy: { store: ["h4"] } });
  f(...c.args());
  const arrays = (f as unknown as Callable).report!.checkpoint!.arrays;
  t.is(arrays.find((a) => a.name.split(", ").includes("h4"))?.decision, "store");
  t.true(arrays.some((a) => a.decision === "recompute"));
  // Where nothing is to be decided, the error says what it takes.
  const need = (f as unknown as Callable).report!.checkpoint!.storeAll, p = python({ source: c.source, name: "m.py" }, { function: "f" });
  t.like(t.throws(() => grad(p, { wrt: "x", device: "js", cache: false, strategy: "store-all", memoryLimit: need - 1 })(...c.args()), { instanceOf: DaceError }), { code: "ERR_DACE_MEMORY_INFEASIBLE", smallest: need, proven: true });
  const forward = t.throws(() => jit(p, { device: "js", cache: false, memoryLimit: 64 })(...c.args()), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
  t.notThrows(() => jit(p, { device: "js", cache: false, memoryLimit: forward.smallest })(...c.args()));
  t.is(t.throws(() => grad((x: number) => x, { strategy: "sometimes" as never }), { instanceOf: DaceError })!.code, "ERR_DACE_ARGUMENT");
});

test("an array and a loop: every plan is looked at, so the smallest limit is proven, and a budget for more is taken", (t) => {
  const source = `
import numpy as np
def f(u, steps):
    g = np.exp(u) * 0.5
    h = np.sin(g)
    for t in range(steps):
        u[1:-1] = u[1:-1] + 0.01 * t * np.sin(u[2:]) * u[:-2]
    return np.sum(g * h * u * np.cos(h))
`;
  const run = (o: DerivativeOptions): { values: number[]; report: CheckpointReport } => {
    const f = grad(python({ source, name: "m.py" }, { function: "f" }), { wrt: ["u"], cache: false, device: "js", ...o } as never) as unknown as Callable, values = flat(f(...[array(21, 60), 12] as never[]));
    return { values, report: f.report!.checkpoint! };
  };
  const all = run({ strategy: "store-all" }), again = run({ strategy: "recompute-all" }).report, { report } = run({ memoryLimit: Math.floor(0.6 * all.report.storeAll), solve: { budget: 600 } });
  t.like(report, { smallestProven: true, recomputeAll: again.planned });
  t.like(report.solver, { proven: true, status: "optimal", gap: 0 });
  t.is(all.report.recomputeAll, again.planned);
  t.true(report.smallest! <= again.planned);
  const least = run({ memoryLimit: report.smallest!, solve: { budget: 600 } });
  t.deepEqual([least.report.planned, least.values], [report.smallest!, all.values]);
  const e = t.throws<DaceError & { smallest?: number; proven?: boolean }>(() => run({ memoryLimit: report.smallest! - 1, solve: { budget: 600 } }), { instanceOf: DaceError });
  t.like(e, { code: "ERR_DACE_MEMORY_INFEASIBLE", smallest: report.smallest!, proven: true });
});
