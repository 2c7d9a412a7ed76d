/** Lists that lose elements, and those that grow by +: the functions of fixtures/lists.py against NumPy and differences, and what is refused. */
import test from "ava";
import { DaceError, grad, jit, python } from "../../../ts/index.js";
import { register } from "./library/algorithms.js";

register("js", "frontend/array", "lists");

const OPTIONS = { device: "js", cache: false } as const;
const run = (...lines: readonly string[]): unknown => jit(python(`import numpy as np\ndef f(x, n):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" }), OPTIONS)(Float64Array.of(1, 2, 3), 4);

test("a list with two names is not extended in place", (t) => {
  t.is(run("a = [x[0]]", "b = a", "a = a + [x[1]]", "return len(a) * 10 + len(b)"), 21);
  for (const lines of [["a = [x[0]]", "b = a", "for i in range(n):", "    a = a + [a[-1]]", "return len(b)"], ["a = [x[0]]", "for i in range(n):", "    a = a + [a[-1]]", "    b = a", "    b = b + [1.0]", "return len(a)"]]) {
    const e = t.throws(() => run(...lines), { instanceOf: DaceError });
    t.regex(e.message, /adding to the list (a|b), for which another name stands/);
  }
});
test("nothing is taken out of an empty list", (t) => {
  t.is(t.throws(() => run("l = [x[0]]", "for i in range(n):", "    x[0] += l.pop()", "return x[0]"), { instanceOf: DaceError }).code, "ERR_DACE_BOUNDS");
  t.is(run("l = [x[0]]", "while l:", "    x[1] += l.pop()", "    if x[1] < 10.0: l.append(x[1])", "return x[1]"), 12);
});
test("a number that np.arange alone takes is a float where its derivative is asked for", (t) => {
  const p = python("import numpy as np\ndef f(T, k):\n    t = np.arange(0, T, 0.5)\n    return np.sum(np.sin(k * t) * T)\n", { function: "f" }), want = [0, 0.5, 1, 1.5].reduce((s, v) => s + Math.sin(1.5 * v), 0);
  t.true(Math.abs((grad(p, { ...OPTIONS, wrt: "T" })(2, 1.5) as number) - want) < 1e-14);
  t.true(Math.abs((grad(p, { ...OPTIONS, wrt: [0] })(2, 1.5) as number[])[0]! - want) < 1e-14);
});
