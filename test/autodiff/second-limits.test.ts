/** Second and third derivatives under limits, of loops whose length is known: schedules keep what store-all gives, under strict precision to the bit; differences of the derivative before. */
import test from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { DaceError, grad, NDArray, python, valueAndGrad, vjp, type DerivativeOptions } from "../../ts/index.js";
import { derivative } from "../programs/check.js";
import { slowly } from "../support/effort.js";
import { randoms } from "../support/random-graph.js";

const N = 6, STEPS = 40, C = 0.05, LIMITS = 2;
const PROGRAMS: Record<string, string> = {
  "a stencil in place": `
def f(u, w, c, m):
    for t in range(m):
        u[1:-1] = u[1:-1] + 0.1 * u[1:-1] * (u[2:] - u[:-2]) + c * np.sin(u[1:-1] * w[2:])
    return np.sum(u * w * u)
`,
  "two periodic fields, one scattered": `
def f(u, w, c, m):
    v = w * 0.5
    for t in range(m):
        q = u * v * v
        u = u + 0.1 * (np.roll(u, 1) + np.roll(u, -1) - 2 * u) - 0.2 * q + c * (1 - u)
        v = v + 0.2 * q - 0.1 * v
        v[t % 6] += u[0] * u[1]
    return np.sum(v * v) + np.sum(u * u * u)
`,
};
type Derived = ((...args: unknown[]) => unknown) & { readonly report: { readonly checkpoint?: CheckpointReport } };
const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : Object.values(x as object).flatMap(flat));
const far = (x: readonly number[], y: readonly number[]): number => Math.max(...x.map((a, i) => Math.abs(a - y[i]!)));
const given = (u: readonly number[]): unknown[] => [Float64Array.from(u), Float64Array.from(randoms(62, N)), C, STEPS];

for (const [name, source] of Object.entries(PROGRAMS)) for (const precision of ["default", "strict"] as const) ((name === "a stencil in place") === (precision === "strict") ? test : slowly)(`${name}, ${precision}`, (t) => {
  const common = { device: "js", cache: false, precision } as const, u = randoms(61, N), v = randoms(63, N);
  const first = grad(python({ source: `import numpy as np\n${source}`, name: "m.py" }, { function: "f" }), common) as unknown as Derived;
  const run = (o: DerivativeOptions): { readonly numbers: readonly number[]; readonly checkpoint?: CheckpointReport | undefined } => {
    const f = vjp(first as never, { ...common, wrt: ["u", "w", "c"], ...o }) as unknown as Derived, r = f(given(u), { return: Float64Array.from(v) }) as { readonly outputs: unknown; readonly grads: unknown };
    return { numbers: [...flat(r.grads), ...flat(r.outputs)], checkpoint: f.report.checkpoint };
  };
  const want = run({}).numbers, largest = Math.max(...want.map(Math.abs));
  for (const k of [0, 3]) t.true(Math.abs(want[k]! - derivative((h) => flat(first(...given(u.map((x, i) => (i === k ? x + h : x))))).reduce((s, g, i) => s + g * v[i]!, 0), 1e-3)) <= 1e-7 * largest);
  const { smallest } = t.throws(() => run({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest: number }, { storeAll } = run({ memoryLimit: 1e9 }).checkpoint!;
  t.true(2 * smallest < 1.2 * storeAll);
  let last = Infinity;
  for (let k = 0; k < LIMITS; k++) {
    const limit = Math.floor(smallest + (storeAll - smallest) * k / LIMITS), { numbers, checkpoint } = run({ memoryLimit: limit }), { planned, measured, cost, loops } = checkpoint!;
    t.true(far(numbers, want) <= (precision === "strict" ? 0 : 1e-12 * largest), `within ${limit}`);
    t.true(planned <= limit && measured === planned && cost > 0 && cost <= last);
    t.true(loops.some((l) => l.extraSteps > 0));
    last = cost;
  }
});

test("the value and second derivatives by some arguments; third derivatives", (t) => {
  const source = "def f(x, c, m):\n    y = x\n    for t in range(m):\n        y = y + 0.1 * y * (1 - c * y * x)\n    return y * y\n", X = 0.4, LONG = 250;
  for (const precision of ["default", "strict"] as const) {
    const common = { device: "js", cache: false, precision } as const, p = python({ source }, { function: "f" }), once = grad(p, common), twice = grad(once as never, common), thrice = grad(twice as never, common);
    const call = (f: unknown, x = X): unknown => (f as Derived)(x, 0.7, LONG);
    const under = (make: (o: DerivativeOptions) => unknown): unknown => {
      const { smallest } = t.throws(() => call(make({ memoryLimit: 8 })), { instanceOf: DaceError }) as DaceError & { readonly smallest: number }, f = make({ memoryLimit: smallest }) as Derived, r = call(f), { planned, measured, loops } = f.report.checkpoint!;
      t.true(planned === smallest && measured === planned && loops.some((l) => l.extraSteps > 0));
      return r;
    };
    const close = (x: number, y: number, part: number): void => { t.true(Math.abs(x - y) <= part * Math.abs(y), `${x}, ${y}`); };
    const second = call(twice) as number, third = call(thrice) as number;
    close(second, derivative((h) => call(once, X + h) as number, 1e-3), 1e-7);
    close(third, derivative((h) => call(twice, X + h) as number, 1e-3), 1e-7);
    const both = under((o) => valueAndGrad(once as never, { ...common, wrt: ["x", "c"], ...o })) as { readonly value: number; readonly grad: readonly number[] };
    close(both.value, call(once) as number, 1e-12);
    close(both.grad[0]!, second, 1e-12);
    close(both.grad[1]!, derivative((h) => (once as unknown as (x: number, c: number, m: number) => number)(X, 0.7 + h, LONG), 1e-3), 1e-7);
    close(under((o) => grad(twice as never, { ...common, ...o })) as number, third, 1e-12);
    if (precision === "strict") t.is(under((o) => grad(once as never, { ...common, ...o })), second);
  }
});

test("one of several gradients is differentiated again", (t) => {
  const source = "def f(x, c, m):\n    for t in range(m):\n        x = x + 0.1 * x * (1 - c * x * x)\n    return x * x\n", common = { device: "js", cache: false } as const;
  const first = grad(python({ source }, { function: "f" }), { ...common, wrt: ["x", "c"] }), of = "return[1]", args = [0.4, 0.7, 60];
  const at = (o: DerivativeOptions): number => (grad(first as never, { ...common, of, ...o }) as unknown as Derived)(...args) as number;
  const want = derivative((h) => (first as unknown as (x: number, c: number, m: number) => number[])(0.4 + h, 0.7, 60)[1]!, 1e-3), { smallest } = t.throws(() => at({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
  t.true(Math.abs(at({}) - want) <= 1e-7 * Math.abs(want) && Math.abs(at({ memoryLimit: smallest }) - want) <= 1e-7 * Math.abs(want));
});
