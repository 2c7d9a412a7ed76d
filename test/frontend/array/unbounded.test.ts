/** Lists that grow in loops which end when the run says: the functions of fixtures/unbounded.py against NumPy and differences, and what is refused. */
import test from "ava";
import { DaceError, grad, gradcheck, javascript, jit, python } from "../../../ts/index.js";
import { register } from "./library/algorithms.js";

register("js", "frontend/array", "unbounded");

const OPTIONS = { device: "js", cache: false } as const;
const load = (...lines: readonly string[]): ReturnType<typeof python> => python(`import numpy as np\ndef f(x, n):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" });
const X = Float64Array.of(1, 2, 3);

test("an index beyond the elements is out of range", (t) => {
  const p = load("l = []", "k = 0", "while k < 4:", "    l.append(x[0] * k)", "    k += 1", "return l[n]");
  t.is(jit(p, OPTIONS)(X, 3), 3);
  t.is(jit(p, OPTIONS)(X, -4), 0);
  for (const n of [4, -5]) t.is(t.throws(() => jit(p, OPTIONS)(X, n), { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
});
test("no element at all", (t) => {
  t.is(jit(load("l = []", "while x[0] < n:", "    x[0] = x[0] + 1.0", "    l.append(x[0])", "return sum(l) + len(l)"), OPTIONS)(X.slice(), 0), 0);
});
test("a list holds references: arrays that are changed after they were put there are refused", (t) => {
  for (const lines of [
    ["l = [x]", "while np.sum(l[-1]) < 10:", "    x = x * 1.5", "    l.append(x)", "    x[0] = 0.5", "return np.sum(np.array(l)[:, 0])"],
    ["l = [x]", "while np.sum(l[-1]) < 10:", "    l.append(l[-1] * 1.5)", "    l[-1][0] = 0.5", "return np.sum(np.array(l)[:, 0])"],
  ]) t.regex(t.throws(() => jit(load(...lines), OPTIONS)(X.slice(), 4), { instanceOf: DaceError }).message, /changed in place/);
});
test("what is not there before the run has ended", (t) => {
  const nested = load("s = 0.0", "for j in range(n):", "    l = []", "    t = 0.0", "    while t < x[0]:", "        t += 0.3", "        l.append(t)", "    s += sum(l)", "return s");
  t.regex(t.throws(() => jit(nested, OPTIONS)(X, 4), { instanceOf: DaceError }).message, /the list l growing in a loop whose number of iterations only the run knows, inside of another loop/);
  const limited = load("l = [x[0]]", "while l[-1] < 100.0:", "    l.append(l[-1] * l[-1] + 1.0)", "return sum(l)");
  t.is(t.throws(() => grad(limited, { ...OPTIONS, memoryLimit: "1MiB" })(X, 4), { instanceOf: DaceError }).code, "ERR_DACE_UNSUPPORTED");
});
test("second derivatives, and JavaScript", (t) => {
  const p = load("l = [x[0]]", "while l[-1] < 100.0:", "    l.append(l[-1] * l[-1] + x[1])", "return sum(l)"), g = grad(p, OPTIONS);
  t.true(gradcheck(grad(python("def f(a, b):\n    l = [a]\n    while l[-1] < 100.0:\n        l.append(l[-1] * l[-1] + b)\n    return sum(l)\n", { function: "f" }), OPTIONS), [1.1, 0.7], OPTIONS).ok);
  t.is((g(X, 4) as Float64Array).length, 3);
  const js = javascript("export function f(x, y) {\n const l = [x]; while (l[l.length - 1] < 50) l.push(l[l.length - 1] * 1.5 + y); let s = 0; for (const v of l) s += v * v; return s / l.length; }", { function: "f" });
  t.true(gradcheck(js, [1.1, 0.3], OPTIONS).ok);
  let s = 0, n = 0;
  for (let v = 1.1; ; v = v * 1.5 + 0.3) { s += v * v; n++; if (!(v < 50)) break; }
  t.true(Math.abs((jit(js, OPTIONS)(1.1, 0.3) as number) - s / n) < 1e-12 * s);
});
test("indices from data are compared with the length that the run found", (t) => {
  const text = (...lines: readonly string[]): ReturnType<typeof python> => python(`import numpy as np\ndef f(x, k):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" });
  for (const p of [text("l = []", "t = 0.0", "while t < 1.0:", "    t += 0.3", "    l.append(t * x)", "return np.sum(np.array(l)[k])"), text("a = np.array([0.3, 9.0, 0.6, 0.9, 1.2]) * x", "return np.sum(a[a < 5.0][k])")]) {
    t.true(Math.abs((jit(p, OPTIONS)(1.5, BigInt64Array.of(0n, 3n, -1n)) as number) - 4.05) < 1e-13);
    for (const k of [4n, -5n, 1000000n]) t.is(t.throws(() => jit(p, OPTIONS)(1.5, BigInt64Array.of(0n, k)), { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
  }
});
