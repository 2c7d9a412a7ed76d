/** The functions of fixtures/idioms.py against NumPy and differences, and what of exceptions is refused. */
import test from "ava";
import { DaceError, jit, python } from "../../../ts/index.js";
import { register } from "../array/library/algorithms.js";

register("js", "frontend/python", "idioms");

const call = (lines: readonly string[], ...args: unknown[]): unknown => jit(python(`import numpy as np\nimport math\ndef g(x): return x\ndef f(x, y):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" }), { device: "js", cache: false })(...args);
test("try around what Python may raise for and the program goes on with", (t) => {
  for (const risky of ["z = x / y", "z = math.sqrt(x)", "z = np.linalg.inv(np.eye(2)) * x", "z = g(x)", "z = x ** y", "x %= y"]) {
    const e = t.throws(() => call(["z = 0.0", "try:", `    ${risky}`, "except Exception:", "    z = 1.0", "return z"], 1.5, 2.5), { instanceOf: DaceError }, risky);
    t.regex(e.message, /try around what may raise/);
    t.is(e.loc?.line, 7);
  }
  t.is(call(["try:", "    z = x / y", "finally:", "    y = 3.0", "return z * y"], 1.5, 2.5), 1.5 / 2.5 * 3);
  t.is(call(["try:", "    z = x / y", "except ZeroDivisionError as e:", "    raise ValueError('no') from e", "else:", "    z += 1", "return z"], 1.5, 2.5), 1.6);
  t.is(call(["try:", "    z = np.sqrt(x)", "except ValueError:", "    z = 0.0", "return z"], 6.25, 2.5), 2.5);
  t.regex(t.throws(() => call(["for i in range(3):", "    try:", "        if x > 1: break", "    finally:", "        y += 1", "return y"], 1.5, 2.5), { instanceOf: DaceError }).message, /leaving a block that has a finally/);
  t.regex(t.throws(() => call(["try:", "    raise ValueError('x')", "except ValueError:", "    z = 1.0", "return z"], 1.5, 2.5), { instanceOf: DaceError }).message, /try around what may raise/);
});
test("what is None where a value is needed raises", (t) => {
  const run = (...lines: readonly string[]): unknown => call(["best = None", "for v in x:", "    if v > y:", "        best = v", ...lines], Float64Array.of(1, 2), 5.0);
  t.is(run("return 0.5 if best is None else best"), 0.5);
  for (const lines of ["return best * y", "z = y\n    z += best\n    return z", "return np.sin(best)", "x[0] = best\n    return x", "return best < y"]) t.regex(t.throws(() => run(lines), { instanceOf: DaceError }, lines).message, /ERR_DACE_RAISED: .* None/);
  t.regex(t.throws(() => run("return best"), { instanceOf: DaceError }).message, /ERR_DACE_RAISED: the result is None/);
});
test("dictionaries of arguments", (t) => {
  const p = (body: string): unknown => jit(python(`def h(a, b=2.0, *, c=1.0, **rest):\n    return a * b * c + rest.get('d', 0.0)\ndef f(x, y):\n    o = {'b': x, 'd': 3.0}\n    return ${body}\n`, { function: "f" }), { device: "js", cache: false })(1.5, 2.5);
  t.is(p("h(y, **o)"), 2.5 * 1.5 + 3);
  t.is(p("h(y, c=2.0, **{'b': 3.0})"), 15);
  t.regex(t.throws(() => p("h(y, b=1.0, **o)"), { instanceOf: DaceError }).message, /b is given twice/);
  t.regex(t.throws(() => p("h(y, **x)"), { instanceOf: DaceError }).message, /after \*\* where a dictionary is needed/);
  t.regex(t.throws(() => p("max(x, **o)"), { instanceOf: DaceError }).code, /ERR_DACE_/);
});
