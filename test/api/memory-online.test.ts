/** \`memoryLimit\` and loops whose length only the run knows: gradients are right, what is handed out is what was planned, within the limit, however long the loop turns out to be. */
import test from "ava";
import { DaceError, grad, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { nativeAddon } from "../../ts/runtime/addon.js";
import { EXITS } from "../autodiff/exits-programs.js";
import { checkTwin } from "../programs/twins.js";
import { randoms } from "../support/random-graph.js";
import { slowly } from "../support/effort.js";

type Callable = ((...args: never[]) => unknown) & { readonly report: { readonly checkpoint?: CheckpointReport } | undefined };
const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : (x as unknown[]).flatMap(flat));
const array = (seed: number, ...shape: number[]): NDArray => ndarray(Float64Array.from(randoms(seed, shape.reduce((a, b) => a * b, 1))), shape);
const smallestOf = (run: () => unknown): number => {
  try { run(); } catch (e) { if (e instanceof DaceError && e.code === "ERR_DACE_MEMORY_INFEASIBLE") return (e as DaceError & { readonly smallest: number }).smallest; throw e; }
  throw new Error("64 bytes were enough");
};

interface Case { readonly name: string; readonly source: string; readonly wrt: readonly string[]; readonly args: () => unknown[] }
const CASES: readonly Case[] = [
  {
    name: "relaxation to a tolerance, with a residual that nothing else wants", wrt: ["u", "w"], args: () => [array(1, 12, 14), array(2, 12, 14), array(3, 12, 14), 1e-4],
    source: `
import numpy as np
def f(u, w, c, tol):
    err = 1.0
    while err > tol:
        un = 0.23 * np.sin(u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]) + 0.05 * np.cos(w[1:-1, 1:-1]) * u[1:-1, 1:-1]
        err = np.max(np.abs(un - u[1:-1, 1:-1]))
        u[1:-1, 1:-1] = un
    return np.sum(c * u * u)
`,
  },
  {
    name: "conjugate gradients", wrt: ["A", "b"],
    args: () => { const n = 8, r = randoms(4, n * n); return [ndarray(Float64Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? n : 0) + r[k]! * r[(k % n) * n + Math.floor(k / n)]!), [n, n]), array(5, n), array(6, n), 1e-9]; },
    source: `
import numpy as np
def f(A, b, c, tol):
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    while np.sqrt(rs) > tol:
        q = A @ p
        alpha = rs / (p @ q)
        x = x + alpha * p
        r = r - alpha * q
        new = r @ r
        p = r + (new / rs) * p
        rs = new
    return np.sum(c * x * x)
`,
  },
  {
    name: "a loop of known length between two that are left, under a condition", wrt: ["u", "w"], args: () => [array(7, 30), array(8, 30), array(9, 30), 1],
    source: `
import numpy as np
def f(u, w, c, flag):
    x = u * w
    if flag > 0.5:
        while np.sum(x * x) > 0.4:
            x = 0.95 * np.sin(x) * w
    for t in range(9):
        x = x + 0.1 * np.cos(x) * u
    for k in range(200):
        y = np.tanh(x)
        if np.sum(y * y) < 1.0:
            break
        x[1:-1] = 0.5 * y[:-2] * w[2:] + 0.4 * x[1:-1]
        x[0] *= 0.8
        x[-1] *= 0.7
    return np.sum(c * x * y * w)
`,
  },
];

for (const [k, c] of CASES.entries()) (k === 0 ? test : slowly)(c.name, (t) => {
  const make = (o: DerivativeOptions): Callable => grad(python({ source: c.source, name: "m.py" }, { function: "f" }), { wrt: c.wrt, cache: false, device: k === 0 && nativeAddon().addon ? "cpu" : "js", ...o } as never) as unknown as Callable;
  const call = (f: Callable): number[] => flat(f(...c.args() as never[])), want = call(make({})), largest = Math.max(...want.map(Math.abs)), smallest = smallestOf(() => call(make({ memoryLimit: 64 })));
  if (k === 0) t.is(smallestOf(() => call(make({ memoryLimit: smallest - 1 }))), smallest);
  let again = Infinity;
  for (const limit of [smallest, Math.floor(1.7 * smallest), 8 * smallest]) {
    const f = make({ memoryLimit: limit });
    for (const got of [call(f), call(f)]) t.true(got.every((x, i) => Math.abs(x - want[i]!) <= 1e-12 * largest), `limit ${limit}: ${Math.max(...got.map((x, i) => Math.abs(x - want[i]!) / largest))}`);
    const r = f.report!.checkpoint!, online = r.loops.filter((l) => l.schedule === "online");
    t.true(r.planned <= limit, `${r.planned} within ${limit}`);
    t.is(r.measured, r.planned);
    t.is(r.storeAll, Infinity);
    t.true(online.length > 0 && online.every((l) => l.snapshots >= 1 && l.steps >= 3 && l.extraSteps >= l.steps && l.copies >= 2), JSON.stringify(online));
    // More room, fewer steps that run again.
    const sum = online.reduce((s, l) => s + l.extraSteps, 0);
    t.true(sum <= again);
    again = sum;
  }
  if (k > 0) return;
  t.true(call(make({ strategy: "recompute-all" })).every((x, i) => Math.abs(x - want[i]!) <= 1e-12 * largest));
  t.is(t.throws(() => call(make({ strategy: "store-all", memoryLimit: 1e9 })), { instanceOf: DaceError })!.code, "ERR_DACE_UNSUPPORTED");
  const all = make({ strategy: "store-all" });
  t.deepEqual(call(all), want);
  t.is(all.report!.checkpoint, undefined);
});

test("asynchronously, with cotangents, and longer loops within the same bytes", async (t) => {
  const source = "import numpy as np\ndef f(u, w, limit):\n    s = 0.0\n    while s < limit:\n        u[1:] = np.sin(u[:-1]) * w[1:] + 0.2 * u[1:]\n        s += 1.0\n    return u * w, s\n", args = (limit: number): unknown[] => [array(11, 50), array(12, 50), limit];
  const p = (o: DerivativeOptions): ReturnType<typeof vjp> => vjp(python({ source }, { function: "f" }), { wrt: ["u", "w"], of: ["return[0]", "u"], device: "js", cache: false, ...o }), ct = { "return[0]": array(13, 50), u: array(14, 50) };
  const run = async (f: ReturnType<typeof vjp>, limit: number): Promise<number[]> => flat(Object.values((await f.async(args(limit) as never, ct as never) as unknown as { grads: Record<string, unknown> }).grads));
  const limited = p({ memoryLimit: 6000 }), free = p({});
  let planned = 0;
  for (const limit of [3.5, 40.5, 200.5]) {
    const want = await run(free, limit), got = await run(limited, limit), r = (limited as unknown as Callable).report!.checkpoint!;
    t.true(got.every((x, i) => Math.abs(x - want[i]!) <= 1e-12 * Math.max(...want.map(Math.abs))));
    t.is(r.loops[0]!.steps, Math.ceil(limit));
    t.true(r.planned <= 6000 && (planned === 0 || planned === r.planned));
    planned = r.planned;
  }
});

/** One of each kind; the slow run takes all. */
const SOME = new Set(["Newton's iteration to convergence, per element", "early return from nested loops in a helper", "while, for and while inside one another, triangular", "a break in a loop over overwritten slices"]);
for (const p of EXITS) (SOME.has(p.name) ? test : slowly)(`${p.name}, within a limit`, (t) => {
  const check = (memoryLimit: number): ReturnType<typeof checkTwin> => checkTwin(p, "python", { device: "js", cache: false, memoryLimit });
  let limit = 64;
  try { check(limit); } catch (e) { if (!(e instanceof DaceError) || e.code !== "ERR_DACE_MEMORY_INFEASIBLE") throw e; limit = (e as DaceError & { readonly smallest: number }).smallest; }
  for (const more of [1, 1.5]) {
    const r = check(Math.floor(limit * more));
    t.true(r.value <= 1e-13, `values differ by ${r.value}`);
    t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
  }
});

test("what keeps nothing per iteration needs no schedule", (t) => {
  t.is(grad((x: number) => { let s = x; while (s < 100) s = s * 2; return s; }, { device: "js", cache: false, memoryLimit: "1MiB" })(2), 64);
  t.is(grad((x: number) => { let s = x; while (s < 100) s = s * s; return s; }, { device: "js", cache: false, memoryLimit: "1MiB" })(2), 8 * 2 ** 7);
});

test("sweeps inside of steps: a limit below what one step's sweeps keep, and no more work for more room", (t) => {
  const source = `
import numpy as np
def f(u, w, c, steps, sweeps):
    x = u * 1.0
    for t in range(steps):
        z = x * w
        for k in range(sweeps):
            x[1:] = np.sin(x[:-1]) * z[1:] + 0.3 * x[1:] * c[1:]
            x[0] = 0.9 * x[0] * x[3]
        w = w * 0.9 + 0.1 * np.cos(x)
    return np.sum(c * x * w)
`, n = 40, sweeps = 60, args = (): unknown[] => [array(21, n), array(22, n), array(23, n), 4, sweeps];
  const make = (o: DerivativeOptions): Callable => grad(python({ source, name: "m.py" }, { function: "f" }), { wrt: ["u", "w"], cache: false, device: "js", ...o } as never) as unknown as Callable;
  const call = (f: Callable): number[] => flat(f(...args() as never[])), all = make({ strategy: "store-all" }), want = call(all), largest = Math.max(...want.map(Math.abs)), whole = all.report!.checkpoint!.storeAll, smallest = smallestOf(() => call(make({ memoryLimit: 64 })));
  t.true(smallest < 8 * n * sweeps, `${smallest}`);
  let cost = Infinity, nested = 0;
  for (const limit of [smallest, 2 * smallest, 8 * n * sweeps, Math.floor(1.5 * 8 * n * sweeps), Math.floor(0.8 * whole), whole]) {
    const f = make({ memoryLimit: limit });
    for (const got of [call(f), call(f)]) t.true(got.every((x, i) => Math.abs(x - want[i]!) <= 1e-12 * largest), `limit ${limit}`);
    const r = f.report!.checkpoint!;
    t.true(r.planned <= limit);
    t.is(r.measured, r.planned);
    t.is(r.storeAll, whole);
    t.true(r.cost <= cost * (1 + 1e-9), `${r.cost} after ${cost}`);
    cost = r.cost;
    if (r.loops.filter((l) => l.schedule === "online").length === 2) { nested++; t.deepEqual(r.loops.map((l) => l.steps).sort((a, b) => a - b), [4, 4 * sweeps]); }
  }
  t.true(nested >= 2);
  t.is(cost, 0);
});
