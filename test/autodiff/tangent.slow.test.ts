/**
 * Second derivatives of programs with loops that the run counts, under limits: those of reversing the backward sweep, and differences of the gradient; under strict precision the same bits
 * whatever the limit. Without a limit the usual form is the other one, which shares no rule for sweeps with this one.
 */
import test from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { DaceError, grad, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { derivative } from "../programs/check.js";
import { randoms } from "../support/random-graph.js";

const N = 6, LIMITS = 2;
const PROGRAMS: Record<string, { readonly source: string; readonly wrt?: readonly string[] }> = {
  "while": { source: `
def f(u, w, c):
    s = 0.0
    while s < 12.0:
        u[1:-1] = 0.5 * np.sin(u[:-2]) * w[2:] + 0.4 * u[2:] * u[1:-1]
        u[0] = 0.9 * u[0] * w[0]
        s = s + 1.0
    return np.sum(u * w * u)
` },
  "left, with arms, of two arguments": { wrt: ["u", "w"], source: `
def f(u, w, c):
    s = 0.0
    for k in range(100):
        s = s + 0.5 + np.abs(u[0])
        if s > 9.0:
            w[:] = w * u
            break
        if u[1] > c:
            u[:] = np.sin(u) * w + 0.1 * u
        else:
            u[:] = 0.4 * u * u + 0.2 * w
    return np.sum(u * w * w)
` },
  "products of matrices, and an array that another one goes into": { source: `
def f(u, w, c):
    A = np.outer(w, u) * 0.3
    x = u * 1.0
    s = 0.0
    while s < 5.0:
        A = A @ A * 0.5 + 0.1 * np.outer(x, x)
        x = np.tanh(A @ x) + 0.3 * w
        w[1:] = 0.9 * w[:-1] + 0.1 * x[1:]
        s = s + 1.0
    return np.sum(x * x) + np.sum(A * A)
` },
  "while in while, out of both": { source: `
def f(u, w, c):
    s = 0.0
    while True:
        r = 0.0
        while r < 2.0:
            u[:] = u * np.cos(w * u)
            r = r + c
            s = s + 1.0
            if s > 11.5:
                return np.sum(u * u * w)
        u[1:] = u[1:] + 0.1 * u[:-1] * u[:-1]
` },
};

type Derived = ((args: unknown[], cotangents: Record<string, unknown>) => { readonly outputs: Record<string, unknown>; readonly grads: Record<string, unknown> }) & { readonly report: { readonly checkpoint?: CheckpointReport } };
const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : Object.values(x as object).flatMap(flat));

for (const [name, { source, wrt = ["u"] }] of Object.entries(PROGRAMS)) for (const precision of ["default", "strict"] as const) test(`${name}, ${precision}`, (t) => {
  const u = randoms(61, N), w = randoms(62, N), c = 0.7, directions = wrt.map((_, i) => Float64Array.from(randoms(63 + i, N)));
  const first = (): ReturnType<typeof grad> => grad(python({ source: `import numpy as np\n${source}`, name: "m.py" }, { function: "f" }), { device: "js", cache: false, precision, wrt });
  const run = (o: DerivativeOptions): { readonly numbers: readonly number[]; readonly outputs: readonly number[]; readonly checkpoint?: CheckpointReport | undefined } => {
    const f = vjp(first() as never, { device: "js", cache: false, precision, wrt: ["u", "w"], ...o }) as unknown as Derived;
    const r = f([Float64Array.from(u), Float64Array.from(w), c], Object.fromEntries(directions.map((d, i) => [`return[${i}]`, d])));
    return { numbers: flat(r.grads), outputs: flat(r.outputs), checkpoint: f.report.checkpoint };
  };
  const gradient = (x: readonly number[], y: readonly number[]): number[] => flat((first() as unknown as (...args: unknown[]) => unknown)(Float64Array.from(x), Float64Array.from(y), c));
  const want = run({}), largest = Math.max(...want.numbers.map(Math.abs)), plain = gradient(u, w), v = directions.flatMap((d) => [...d]);
  want.outputs.forEach((x, i) => { t.true(Math.abs(x - plain[i]!) <= 1e-12 * Math.max(...plain.map(Math.abs))); });
  const moved = (list: readonly number[], k: number, h: number): number[] => list.map((x, i) => (i === k ? x + h : x)), along = (x: readonly number[], y: readonly number[]): number => gradient(x, y).reduce((s, g, i) => s + g * v[i]!, 0);
  for (const k of [0, 3]) {
    t.true(Math.abs(want.numbers[k]! - derivative((h) => along(moved(u, k, h), w), 1e-3)) <= 1e-7 * largest);
    t.true(Math.abs(want.numbers[N + k]! - derivative((h) => along(u, moved(w, k, h)), 1e-3)) <= 1e-7 * largest);
  }
  const { smallest } = t.throws(() => run({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
  for (let k = 1; k <= LIMITS; k++) {
    const got = run({ memoryLimit: k * smallest }), { planned, measured, loops } = got.checkpoint!;
    t.true([...got.numbers, ...got.outputs].every((x, i) => Math.abs(x - [...want.numbers, ...want.outputs][i]!) <= (precision === "strict" ? 0 : 1e-12 * Math.max(largest, ...plain.map(Math.abs)))), `within ${k * smallest}`);
    t.true(planned <= k * smallest && measured === planned);
    t.true(loops.some((l) => l.schedule === "online"));
  }
  t.is(t.throws(() => run({ memoryLimit: smallest - 1 }), { instanceOf: DaceError })!.code, "ERR_DACE_MEMORY_INFEASIBLE");
});

test("the second derivative by a number", (t) => {
  const source = "import math\ndef f(x, n):\n    s = 0.0\n    while s < n:\n        x = math.sin(x) * x + 0.3\n        s = s + 1.0\n    return x * x\n";
  const once = (x: number): number => (grad(python({ source }, { function: "f" }), { device: "js", cache: false }) as unknown as (x: number, n: number) => number)(x, 9.5);
  const twice = (o: DerivativeOptions): number => (grad(grad(python({ source }, { function: "f" }), { device: "js", cache: false }) as never, { device: "js", cache: false, ...o }) as unknown as (x: number, n: number) => number)(1.1, 9.5);
  const want = twice({});
  t.true(Math.abs(want - derivative((h) => once(1.1 + h), 1e-3)) <= 1e-7 * Math.abs(want));
  t.true(Math.abs(twice({ memoryLimit: 2000 }) - want) <= 1e-12 * Math.abs(want));
});
