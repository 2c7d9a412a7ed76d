/** Lists that loops make longer: the functions of fixtures/grown.py against NumPy and differences, and what is refused because a list holds references. */
import test, { type ExecutionContext } from "ava";
import { DaceError, grad, gradcheck, javascript, jit, NDArray, python, vjp } from "../../../ts/index.js";
import { register } from "./library/algorithms.js";

register("js", "frontend/array", "grown");

const X = Float64Array.of(1, 2, 3);
const run = (lines: readonly string[]): unknown => jit(python(`import numpy as np\ndef f(x, n):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" }), { device: "js", cache: false })(X.slice(), 4);
const grow = (...body: readonly string[]): unknown => { const r = run(["h = []", "for i in range(n):", ...body.map((l) => `    ${l}`), "return np.array(h)"]); return r instanceof NDArray ? r.toArray() : r; };

test("a list holds references: arrays that are changed after they were put there are refused", (t) => {
  for (const body of [
    ["x[1:-1] += 0.5", "h.append(x)"], ["y = x * i", "h.append(y)", "y[0] = 5.0"], ["h.append(x)", "x[0] = i"], ["y = x * i", "h.append(y)", "h[-1][0] = 7.0", "x = x + y"],
  ]) {
    const e = t.throws(() => grow(...body), { instanceOf: DaceError }, body.join("; "));
    t.is(e.code, "ERR_DACE_UNSUPPORTED");
    t.regex(e.message, /the list h holds a reference to the array/);
    t.is(e.hint, "append a copy: a.copy()");
  }
  const outside = (...lines: readonly string[]): unknown => run(["h = []", ...lines, "return np.array(h)"]);
  for (const lines of [
    ["y = np.zeros(3)", "for i in range(n):", "    y[0] += 1.0", "    h.append(y)"], ["a = np.zeros((n, 3))", "for i in range(n):", "    a[i] = x * i", "    h.append(a[i])"],
    ["y = x * 2", "for i in range(n):", "    if i > 2:", "        y = y * 2", "    y[0] += 1.0", "    h.append(y)"],
  ]) t.regex(t.throws(() => outside(...lines), { instanceOf: DaceError }, lines.join("; ")).message, /the list h holds a reference/);
});
test("arrays that each iteration makes anew may be changed before they are put there", (t) => {
  t.deepEqual(grow("y = x * i", "y[0] = 5.0", "h.append(y)"), [[5, 0, 0], [5, 2, 3], [5, 4, 6], [5, 6, 9]]);
  t.deepEqual(grow("x = x * 2.0", "x[0] = 5.0", "h.append(x)"), [[5, 4, 6], [5, 8, 12], [5, 16, 24], [5, 32, 48]]);
  t.deepEqual(grow("h.append(x * i)", "h[-1][0] = 7.0"), [[7, 0, 0], [7, 2, 3], [7, 4, 6], [7, 6, 9]]);
  t.deepEqual(grow("if len(h) > 0: x = x + h[-1]", "h.append(x * 2)"), [[2, 4, 6], [6, 12, 18], [18, 36, 54], [54, 108, 162]]);
});
test("arrays that grow in a loop: what is refused, and what is not in their way", (t) => {
  for (const change of ["y[0] = 3.0", "y.sort()", "z = y\n        z[0] = 1.0; s = z[0]", "y[-1] += 1.0", "np.multiply(y, 2.0, out=y)"]) t.regex(t.throws(() => run(["y = np.array([])", "for i in range(n):", "    y = np.append(y, x[0])", `    ${change}`, "return y"]), { instanceOf: DaceError }, change).message, /ERR_DACE_UNSUPPORTED: changing elements of the array y in the loop that makes it longer/);
  for (const other of ["y = np.append(y * 2, x[0])", "y = np.append(x[0], y)", "y = np.append(y, x[0])\n        y = y + 1"]) t.regex(t.throws(() => run(["y = np.array([])", "for i in range(n):", `    ${other}`, "return y"]), { instanceOf: DaceError }, other).message, /changes its shape in a loop/);
  t.deepEqual(run(["y = np.array([])", "for i in range(3):", "    y = np.append(y, x[i])", "y[0] = 5.0", "return y"]), Float64Array.of(5, 2, 3));
  t.deepEqual(run(["y = np.array([7.0])", "z = y", "for i in range(n - 9):", "    y = np.append(y, x[0])", "z[0] = 5.0", "return y, z"]), [Float64Array.of(7), Float64Array.of(5)]);
});
test("names, types and lengths of lists", (t) => {
  t.deepEqual(run(["h = []", "g = h", "for i in range(n):", "    h.append(x[0] * i)", "return np.array(g)"]), Float64Array.of(0, 1, 2, 3));
  t.deepEqual(run(["t = 0.0", "for k in range(3):", "    h = []", "    for i in range(n):", "        h.append(x[0] * i * k)", "    t += sum(h)", "return t, np.array(h)"]), [18, Float64Array.of(0, 2, 4, 6)]);
  t.deepEqual(run(["h = []", "for i in range(n - 9):", "    h.append(x[0])", "return np.array(h), len(h)"]), [new Float64Array(0), 0]);
  t.deepEqual(run(["h = []", "for i in range(n):", "    h.append(0.5 * i)", "return x.astype(np.float32) * h[1]"]), Float32Array.of(0.5, 1, 1.5));
  t.is(run(["h = []", "for i in range(n):", "    h.append(i % 3)", "return x[h[2]] * sum(h) + x[h].sum()"]), 16);
  t.is(run(["for k in range(n):", "    h = []", "    h.append(x[0] * k)", "    h.append(2.0)", "return h[0] + h[1]"]), 5);
  t.deepEqual(run(["h = [1.0, 2.0]", "for k in range(n):", "    h[0] = h[1]", "    h[1] = h[0] + x[0] * k", "return h"]), Float64Array.of(5, 8));
});
const refused = (t: ExecutionContext, lines: readonly string[], message: RegExp, hint?: RegExp): void => {
  const e = t.throws(() => run(lines), { instanceOf: DaceError }, lines.join("; "));
  t.regex(e.message, message);
  if (hint) t.regex(e.hint ?? "", hint);
};
test("what a container cannot hold", (t) => {
  refused(t, ["h = []", "for i in range(n):", "    h.append(1)", "    h.append(x)", "return np.array(h)"], /holds arrays of shapes \(\) and \(3,\)/);
  refused(t, ["h = []", "for i in range(n):", "    h.append('a')", "return len(h)"], /holds a string/);
  refused(t, ["h = []", "while x[0] < n:", "    x[0] += 1", "    h.append(x[0])", "return np.array(h)"], /an array whose length only the run knows/, /for k in range\(most\)/);
  refused(t, ["h = [1.0]", "for k in range(n):", "    if k == 0: h = [5.0]", "    h.append(x[0])", "return h[0]"], /h is a list here and something else on another path/);
  refused(t, ["h = []", "for i in range(n):", "    h.append(x[0] * i)", "return h[n]"], /out of range/);
});
test("JavaScript's push, in loops of a number of iterations and under conditions", (t) => {
  const positives = javascript("\nfunction f(x, k) { const out = []; for (let i = 0; i < x.length; i++) { if (x[i] > 0) out.push(k * x[i] * x[i]); } let s = 0; for (const v of out) s += v; return s + out.length; }", { function: "f" });
  t.is(jit(positives, { device: "js", cache: false })(Float64Array.of(1, -2, 3), 2), 22);
  t.deepEqual(grad(positives, { device: "js", cache: false })(Float64Array.of(1, -2, 3), 2), Float64Array.of(4, 0, 12));
  const order = javascript("\nfunction f(x) { const p = []; for (let i = x.length - 1; i >= 0; i--) p.push(i); let s = 0; for (let k = 0; k < p.length; k++) s += (k + 1) * x[p[k]]; return s; }", { function: "f" });
  t.deepEqual(grad(order, { device: "js", cache: false })(Float64Array.of(5, 6, 7)), Float64Array.of(3, 2, 1));
});
const js = (source: string, ...args: unknown[]): unknown => jit(javascript({ source }, { function: "f" }), { device: "js", cache: false })(...args);
test("JavaScript's a[i] = v at the end, filter, lists of rows and through functions", (t) => {
  const x = Float64Array.of(1, -2, 3);
  t.deepEqual(js("function f(x) { const p = []; for (let i = 0; i < x.length; i++) { p[i] = x[i] * 2; p[i] += 1; } return p; }", x), Float64Array.of(3, -3, 7));
  t.deepEqual(js("function f(x) { const p = []; p[0] = 1; for (let i = 1; i < x.length; i++) p[i] = p[i - 1] * x[i]; return p; }", x), Float64Array.of(1, -2, -6));
  t.deepEqual(js("function f(x) { return x.filter((v) => v > 0); }", Float32Array.of(1, -2, 3)), Float32Array.of(1, 3));
  t.is(js("function f(x) { return x.filter((v, i) => v > 0 && i > 0).map((v) => v * 2).reduce((a, b) => a + b, 0); }", x), 6);
  t.is(js("function f(x) { const p = []; for (let i = 0; i < x.length; i++) { const r = []; for (let j = 0; j < 3; j++) r.push(x[i] * j); p.push(r); } return p[1][2]; }", x), -4);
  t.is(js("function f(x) { const p = []; for (let i = 0; i < x.length; i++) p.push([x[i], i]); let s = 0; for (const [a, b] of p) s += a * b; return s; }", x), 4);
  t.deepEqual(js("function rec(h, v) { h.push(v * v); }\nfunction f(x) { const p = [], q = p; for (let i = 0; i < x.length; i++) rec(q, x[i]); return p; }", x), Float64Array.of(1, 4, 9));
  t.deepEqual(js("function f(x) { const p = [x[0]]; for (let i = 1; i < x.length; i++) p.push(p[i - 1] + x[i]); return p; }", x), Float64Array.of(1, -1, 2));
  t.regex(t.throws(() => js("function f(x) { const p = [1, 2]; for (let i = 0; i < p.length; i++) { if (i < 3) p.push(p[i] + x[0]); } return p; }", x), { instanceOf: DaceError }).message, /pushes to the list whose length is its bound/);
});
test("results inside of results have names of their own", (t) => {
  const p = python("import numpy as np\ndef f(x):\n    return x * 2, (x * 3, np.sum(x))\n", { function: "f" });
  const { outputs, grads } = vjp(p, { device: "js", cache: false })([Float64Array.of(1, 2)], { "return[0]": Float64Array.of(1, 0), "return[1][0]": Float64Array.of(0, 1), "return[1][1]": 10 });
  t.deepEqual(Object.keys(outputs), ["return[0]", "return[1][0]", "return[1][1]"]);
  t.deepEqual(grads["x"], Float64Array.of(12, 13));
});
test("JavaScript's sort by a function of two elements", (t) => {
  const x = (): Float64Array => Float64Array.of(3, -2, 5, 1, 1);
  t.deepEqual(js("function f(x) { x.sort((a, b) => a - b); return x.slice(); }", x()), Float64Array.of(-2, 1, 1, 3, 5));
  t.deepEqual(js("function f(x) { return [...x].sort((a, b) => b - a); }", x()), Float64Array.of(5, 3, 1, 1, -2));
  t.deepEqual(js("function f(x) { return x.toSorted((a, b) => Math.abs(a) - Math.abs(b)); }", Float64Array.of(3, -2, 5, 1, -1)), Float64Array.of(1, -1, -2, 3, 5));
  t.is(js("function f(x) { const s = [x[0], x[1], x[2]]; s.sort((a, b) => a - b); return s[1]; }", x()), 3);
  t.is(js("function f(x) { const i = Array.from({ length: x.length }, (_, k) => k).sort((a, b) => x[a] - x[b]); let s = 0; for (let k = 0; k < i.length; k++) s += x[i[k]] * (k + 1); return s; }", x()), -2 + 2 + 3 + 12 + 25);
  t.regex(t.throws(() => js("function f(x) { return x.sort(); }", x()), { instanceOf: DaceError }).hint ?? "", /sort\(\(a, b\) => a - b\)/);
  t.true(gradcheck(javascript({ source: "function f(x) { const s = [...x].sort((a, b) => a - b); let r = 0; for (let i = 0; i < s.length; i++) r += s[i] * s[i] * (i + 1); return r; }" }, { function: "f" }), [Float64Array.of(3, -2, 5, 1, 1.5)], { device: "js", cache: false }).ok);
});
test("[x] * n is a list of a length that the call says", (t) => {
  t.deepEqual(run(["h = [0.0] * n", "c = [0] * (n - 1)", "for i in range(n):", "    h[i] += x[i % 3] ** 2", "    c[i % 3] += 1", "h.append(7.0)", "return h, c, len(h), sum(h), np.array(h + [1.0])"]), [Float64Array.of(1, 4, 9, 1, 7), BigInt64Array.of(2n, 1n, 1n), 5, 22, Float64Array.of(1, 4, 9, 1, 7, 1)]);
  t.is(run(["dp = [[0.0] * (n + 1) for _ in range(n + 1)]", "for i in range(1, n + 1):", "    for j in range(1, n + 1):", "        dp[i][j] = max(dp[i - 1][j], dp[i][j - 1]) + x[(i * j) % 3]", "return dp[n][n]"]), 14);
});

test("a check on entry that fails where a list is read makes no later index wrong", (t) => {
  const f = (u: Float64Array, n: number): number => { let s = 0; const l: number[] = []; for (let i = 0; i < n; i++) if (u[i]! < 0.5) l.push(u[i]!); for (let i = 0; i < l.length; i++) s += l[i]!; u[2] = u[n - 1]!; return s; };
  const u = Float64Array.of(0.1, 0.7, 0.3, 0.2), own = u.slice();
  t.is(jit(f, { device: "js", cache: false })(u, 4), f(own, 4));
  t.deepEqual(u, own);
  const g = (x: Float64Array, n: number): number => { let s = 0; const l: number[] = []; for (let i = 0; i < n; i++) { if (x[i]! > 0.5) continue; l.push(x[i]!); } for (let i = 0; i < l.length; i++) s += l[i]!; for (let i = 0; i < n; i++) s += x[(i * 3 + 1) % n]! * i; return s; };
  t.is(jit(g, { device: "js", cache: false })(own, 4), g(own, 4));
  t.is(t.throws(() => { jit((a: Float64Array) => a[a.length], { device: "js", cache: false })(u); }, { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
});
