/** Integers that follow from floats and sizes before the run: int(T / dt), np.arange(0, T, dt), Math.sqrt(a.length); and JavaScript numbers that are indices although nothing says that they are integers. */
import test from "ava";
import { DaceError, grad, gradcheck, javascript, jit, python, valueAndGrad, vjp } from "../../../ts/index.js";

const near = (t: { true(x: boolean, m?: string): void }, a: number, b: number): void => { t.true(Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b)), `${a} ${b}`); };
const STEPS = python("import numpy as np\ndef f(y, T, dt):\n    n = int(T / dt)\n    h = np.zeros(n + 1)\n    for k in range(n):\n        y = y + dt * np.sin(y)\n        h[k + 1] = y\n    return np.sum(h)\n", { function: "f" });
const steps = (y: number, T: number, dt: number): number => { let s = 0; for (let k = 0; k < Math.trunc(T / dt); k++) { y += dt * Math.sin(y); s += y; } return s; };

test("a number of steps that is a quotient of floats, in calls with other quotients", (t) => {
  for (const device of ["js", "cpu"] as const) {
    const run = jit(STEPS, { device, cache: false }), both = valueAndGrad(STEPS, { device, cache: false, wrt: ["y", "dt"] });
    for (const [T, dt] of [[1.05, 0.25], [1.05, 0.25], [1.05, 0.1], [2.55, 0.1], [1.05, 0.25]] as const) {
      near(t, run(0.5, T, dt) as number, steps(0.5, T, dt));
      const { value, grad: g } = both(0.5, T, dt) as unknown as { value: number; grad: number[] }, h = 1e-6;
      near(t, value, steps(0.5, T, dt));
      t.true(Math.abs(g[0]! - (steps(0.5 + h, T, dt) - steps(0.5 - h, T, dt)) / (2 * h)) < 1e-7 * Math.abs(g[0]!) + 1e-8);
      t.true(Math.abs(g[1]! - (steps(0.5, T, dt + h) - steps(0.5, T, dt - h)) / (2 * h)) < 1e-6 * Math.abs(g[1]!) + 1e-8);
    }
    t.is(t.throws(() => run(0.5, 1.5, 0), { instanceOf: DaceError }).code, "ERR_DACE_TYPE");
    t.is(t.throws(() => run(0.5, -1.5, 0.1), { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
  }
  const first = grad(STEPS, { device: "js", cache: false }), second = grad(grad(STEPS, { device: "js", cache: false }), { device: "js", cache: false }), h = 1e-5;
  t.true(Math.abs((second(0.5, 1.05, 0.25) as number) - ((first(0.5 + h, 1.05, 0.25) as number) - (first(0.5 - h, 1.05, 0.25) as number)) / (2 * h)) < 1e-8);
  t.deepEqual(vjp(STEPS, { device: "js", cache: false, memoryLimit: 400, wrt: ["y"] })([0.5, 1.05, 0.1], { return: 1 }).grads["y"], (first(0.5, 1.05, 0.1) as number));
});
test("np.arange of floats; a bound that is used as a float as well", (t) => {
  const p = python("import numpy as np\ndef f(x0, T, dt, k):\n    t = np.arange(0, T, dt)\n    x = np.empty(len(t))\n    x[0] = x0\n    for i in range(1, len(t)):\n        x[i] = x[i - 1] - k * dt * x[i - 1] * np.cos(t[i])\n    return np.sum(x), t\n", { function: "f" });
  const run = (T: number, dt: number): [number, Float64Array] => jit(p, { device: "js", cache: false })(1.3, T, dt, 0.7) as [number, Float64Array];
  t.deepEqual(run(1.05, 0.25)[1], Float64Array.of(0, 0.25, 0.5, 0.75, 1));
  t.is(run(2, 0.5)[1].length, 4);
  t.true(gradcheck(p, [1.3, 1.05, 0.25, 0.7], { device: "js", cache: false, wrt: ["x0", "k", "dt"] }).ok);
});
test("only what certainly runs is found before the run", (t) => {
  const p = python("def f(a, x, y):\n    s = 0.0\n    if y != 0.0:\n        for k in range(int(x / y)):\n            s += a[k] * y\n    return s\n", { function: "f" });
  t.is(jit(p, { device: "js", cache: false })(Float64Array.of(1, 2, 3), 1.25, 0), 0);
  t.is(jit(p, { device: "js", cache: false })(Float64Array.of(1, 2, 3), 1.25, 0.5), 1.5);
});
const js = (source: string, ...args: unknown[]): unknown => jit(javascript({ source }, { function: "f" }), { device: "js", cache: false })(...args);
test("JavaScript: the root of a length, halves, and positions that are looked for", (t) => {
  const x = Float64Array.of(1, -2, 3, 4);
  t.is(js("function f(x) { const n = Math.sqrt(x.length), y = new Float64Array(n); for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) y[i] += x[i * n + j]; return y[0] * y[1]; }", x), -7);
  t.is(js("function f(x) { const n = x.length / 2; let s = 0; for (let i = 0; i < n; i++) s += x[i] * x[i + n]; return s; }", x), -5);
  t.is(js("function f(x) { let i = x.findIndex((v) => v > 2) - 1; if (i < 0) i = 0; return x[i] + x[i + 1]; }", x), 1);
  t.is(js("function f(x) { let s = 0; for (let len = 2; len <= x.length; len <<= 1) for (let i = 0; i < x.length; i += len) s += x[i + len / 2] * len; return s; }", x), 16);
  for (const call of [() => js("function f(x, h) { return x[h * 2]; }", x, 0.7), () => js("function f(x) { const n = Math.sqrt(x.length); return x[n]; }", Float64Array.of(1, 2, 3))]) t.is(t.throws(call, { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
});
test("JavaScript: a[k] ?? x where there is no element k", (t) => {
  const x = Float64Array.of(1, -2, 3);
  t.is(js("function f(x) { let s = 0; for (let i = -2; i < x.length + 2; i++) s += x[i] ?? 10; return s; }", x), 42);
  t.is(js("function f(x, k) { return x[k] ?? -1; }", x, 7), -1);
  const p = javascript({ source: "function f(x) { let s = 0; for (let i = 0; i < x.length; i++) s += x[i] * (x[i + 1] ?? x[0] * 2); return s; }" }, { function: "f" });
  t.true(gradcheck(p, [x], { device: "js", cache: false }).ok);
});
test("Python: a range whose step the run finds", (t) => {
  const p = python("import numpy as np\ndef f(x, a):\n    n = len(x)\n    step = 1\n    while step < n:\n        for i in range(0, n, 2 * step):\n            for j in range(i, i + step):\n                u, v = x[j], x[j + step]\n                x[j] = u + a * v\n                x[j + step] = u - a * v\n        step *= 2\n    return np.sum(x * np.arange(n))\n", { function: "f" });
  t.true(gradcheck(p, [Float64Array.of(1, 2, -1, 0.5, 0.3, 1.7, -0.4, 0.9), 0.8], { device: "js", cache: false }).ok);
  const down = python("def f(x, n):\n    s = 0.0\n    k = 3\n    while k > n:\n        for i in range(0, 3, k):\n            s += x[i]\n        k -= 1\n    return s\n", { function: "f" });
  t.is(jit(down, { device: "js", cache: false })(Float64Array.of(1, 2, 4), 0), 1 + 5 + 7);
  t.regex(t.throws(() => jit(down, { device: "js", cache: false })(Float64Array.of(1, 2, 4), -1), { instanceOf: DaceError }).message, /step of this range is not positive/);
});
