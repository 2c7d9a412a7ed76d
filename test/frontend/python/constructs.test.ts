/** The functions of fixtures/constructs.py on the JavaScript backend, and what would need a view that there is not. */
import test from "ava";
import { DaceError, gradcheck, jit, ndarray, python } from "../../../ts/index.js";
import { register } from "../array/library/algorithms.js";

register("js", "frontend/python", "constructs");

const call = (lines: readonly string[], ...args: unknown[]): unknown => jit(python(`import numpy as np\ndef g(r): r[0] = 3.0\ndef f(z, n):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" }), { device: "js", cache: false })(...args);
test("parts of a complex array under a name of their own, changed afterwards", (t) => {
  for (const lines of [
    ["v = z.real", "v[0] = 5.0", "return z"], ["v = z.real", "z[0] = 1.0", "return v"], ["v = z.real", "z[0] = 1.0", "return v * 2"], ["g(z.real)", "return z"], ["v = z.imag.T", "v *= 4.0", "return z"],
    ["v = z.real[1:3]", "v[0] = 4.0", "return z"], ["v = z.real.reshape(2, 2)", "v[0, 1] = 4.0", "return z"], ["v, w = z.real, z.imag", "v[0] = 2.0", "return z"], ["z.real.sort()", "return z"],
    ["x = z.real * 1.0", "for i in range(n):", "    x = z.real", "    z[i] = 1.0", "return x"],
    ["h = []", "for i in range(n):", "    z *= 2.0", "    h.append(z.real)", "return np.array(h)"], ["h = []", "for i in range(n):", "    h.append(z.imag)", "    z[i] = 1.0j", "return np.array(h)"],
  ]) {
    const e = t.throws(() => call(lines, ndarray(new Float64Array(8), [4], { dtype: "complex128" }), 2), { instanceOf: DaceError }, lines.join("; "));
    t.regex(e.message, /is a view of the \.(real|imag) of z/, lines.join("; "));
  }
});
test("parts of arrays that each iteration makes anew may be changed", (t) => {
  const run = (...lines: readonly string[]): unknown => call(["for i in range(n):", "    y = np.exp(1j * z) * (1 + 2j)", ...lines.map((l) => `    ${l}`), "    z = z + a + b", "return z"], Float64Array.of(0, 0.5), 3), want = new Float64Array([0, 0.5]);
  for (let i = 0; i < 3; i++) want.forEach((v, k) => { want[k] = v + (k === 0 ? 7 : Math.cos(v) - 2 * Math.sin(v)) + Math.sin(v) + 2 * Math.cos(v); });
  for (const lines of [["b = y.imag", "a = y.real", "a[0] = 7.0"], ["b = np.imag(y)", "s = np.max(np.abs(y))", "a = np.real(y)", "a[0] = 7.0 * s / s"], ["b = y.imag", "a = y.real", "if i >= 0: a[0] = 7.0"]]) t.true((run(...lines) as Float64Array).every((v, k) => Math.abs(v - want[k]!) < 1e-12), lines.join("; "));
  t.deepEqual(call(["h = []", "for i in range(n):", "    y = z * i + 1j", "    h.append(y.real)", "    z = y.real + y.imag", "return np.array(h)"], Float64Array.of(1, 2), 3), ndarray(Float64Array.of(0, 0, 1, 1, 4, 4), [3, 2]));
});
test("an array under two names, changed through one of them in a loop and returned under the other", (t) => {
  const run = (n: number, ...last: string[]): unknown => call(["x = z * 2", "y = z * 3", "for i in range(n):", "    x = y", "    y[i] = 1.0", ...last, "return x, y"], Float64Array.of(5, 6, 7, 8), n);
  t.deepEqual(run(0), [Float64Array.of(10, 12, 14, 16), Float64Array.of(15, 18, 21, 24)]);
  t.deepEqual(run(1), [Float64Array.of(1, 18, 21, 24), Float64Array.of(1, 18, 21, 24)]);
  t.deepEqual(run(3), [Float64Array.of(1, 1, 1, 24), Float64Array.of(1, 1, 1, 24)]);
  for (const change of ["x[0] = 2.0", "y[0] = 2.0"]) t.is((t.throws(() => run(2, change), { instanceOf: DaceError })).code, "ERR_DACE_UNSUPPORTED", change);
});
test("a step that turns out not to be positive", (t) => {
  const run = (k: number): unknown => call(["return z[::n]"], Float64Array.of(1, 2, 3, 4, 5), k);
  t.deepEqual(run(2), Float64Array.of(1, 3, 5));
  for (const k of [0, -1]) t.regex(t.throws(() => run(k), { instanceOf: DaceError }).message, /the slice's step n is not positive/);
});
test("a recursion whose depth the run decides, and one that never ends", (t) => {
  for (const body of ["n - 1", "n"]) {
    const p = python(`def h(z, n):\n    return z if n == 0 else h(z * z, ${body}) + h(z, ${body})\ndef f(z, n):\n    return h(z, n)\n`, { function: "f" });
    t.regex(t.throws(() => jit(p, { device: "js", cache: false })(1.5, 3), { instanceOf: DaceError }).message, /h calling itself, where its depth is not known/);
  }
});
test("a function that is called for each element and assigns a variable around it", (t) => {
  for (const made of ["np.array([add(v) for v in z])", "np.vectorize(add, otypes=[float])(z)"]) {
    const e = t.throws(() => call(["total = 0.0", "def add(v):", "    nonlocal total", "    total += v", "    return total", `r = ${made}`, "return total, r"], Float64Array.of(1, 2, 3), 1), { instanceOf: DaceError });
    t.regex(e.message, /assigns total, a variable around it/);
  }
});
test("Python's integers divided by zero raise, NumPy's give 0", (t) => {
  for (const device of ["js", "cpu"] as const) {
    const run = (body: string, ...args: unknown[]): unknown => jit(python(`import numpy as np\ndef f(a, n, m):\n    x = np.zeros(n)\n    y = np.zeros(m)\n    return ${body}\n`, { function: "f" }), { device, cache: false })(...args);
    const a = BigInt64Array.of(5n, -3n);
    for (const body of ["n // m", "n % m", "n / m", "len(x) // len(y)"]) {
      const e = t.throws(() => run(body, a, 5, 0), { instanceOf: DaceError }, body);
      t.is(e.code, "ERR_DACE_RAISED");
      t.regex(e.message, /ZeroDivisionError/);
    }
    t.is(run("n // m + n % m", a, 5, 3), 3);
    t.is(run("n // m if m != 0 else -1", a, 5, 0), -1);
    t.deepEqual(run("a // (a - a)", a, 1, 1), BigInt64Array.of(0n, 0n));
  }
});
test("a recursion whose depth sizes decide is compiled for each size", (t) => {
  const p = python("import numpy as np\ndef go(x):\n    if len(x) == 1:\n        return x[0]\n    m = len(x) // 2\n    return np.tanh(go(x[:m]) + 0.5 * go(x[m:]))\ndef f(x, n):\n    def P(k):\n        return x[k] if k == 0 else x[k] * P(k - 1)\n    return go(x) + P(n) * x[n]\n", { function: "f" });
  const go = (x: readonly number[]): number => (x.length === 1 ? x[0]! : Math.tanh(go(x.slice(0, x.length >> 1)) + 0.5 * go(x.slice(x.length >> 1)))), run = jit(p, { device: "js", cache: false });
  for (const [x, n] of [[[0.3, -0.5, 0.8, 0.1, 0.4], 2], [[0.3, -0.5, 0.8], 2], [[0.3, -0.5, 0.8], 1], [[0.3, -0.5, 0.8, 0.1, 0.4], 3]] as const) {
    t.true(Math.abs((run(Float64Array.from(x), n) as number) - go(x) - x.slice(0, n + 1).reduce<number>((a, b) => a * b, 1) * x[n]!) < 1e-14);
    t.true(gradcheck(p, [Float64Array.from(x), n], { device: "js", cache: false }).ok);
  }
});
