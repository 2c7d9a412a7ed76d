/** The functions of fixtures/constructs.py on the JavaScript backend, and what would need a view that there is not. */
import test from "ava";
import { DaceError, jit, ndarray, python } from "../../../ts/index.js";
import { register } from "../array/library/algorithms.js";

register("js", "frontend/python", "constructs");

const call = (lines: readonly string[], ...args: unknown[]): unknown => jit(python(`import numpy as np\ndef g(r): r[0] = 3.0\ndef f(z, n):\n${lines.map((l) => `    ${l}\n`).join("")}`, { function: "f" }), { device: "js", cache: false })(...args);
test("parts of a complex array under a name of their own, changed afterwards", (t) => {
  for (const lines of [
    ["v = z.real", "v[0] = 5.0", "return z"], ["v = z.real", "z[0] = 1.0", "return v"], ["v = z.real", "z[0] = 1.0", "return v * 2"], ["g(z.real)", "return z"], ["v = z.imag.T", "v *= 4.0", "return z"],
    ["v = z.real[1:3]", "v[0] = 4.0", "return z"], ["v = z.real.reshape(2, 2)", "v[0, 1] = 4.0", "return z"], ["v, w = z.real, z.imag", "v[0] = 2.0", "return z"], ["z.real.sort()", "return z"],
    ["x = z.real * 1.0", "for i in range(n):", "    x = z.real", "    z[i] = 1.0", "return x"],
  ]) {
    const e = t.throws(() => call(lines, ndarray(new Float64Array(8), [4], { dtype: "complex128" }), 2), { instanceOf: DaceError }, lines.join("; "));
    t.regex(e.message, /is a view of the \.(real|imag) of z/, lines.join("; "));
  }
});
test("an array under two names, changed through one of them in a loop and returned under the other", (t) => {
  const e = t.throws(() => call(["x = z * 2", "y = z * 3", "for i in range(n):", "    x = y", "    y[i] = 1.0", "return x, y"], new Float64Array(4), 2), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_UNSUPPORTED");
});
test("a step that turns out not to be positive", (t) => {
  const run = (k: number): unknown => call(["return z[::n]"], Float64Array.of(1, 2, 3, 4, 5), k);
  t.deepEqual(run(2), Float64Array.of(1, 3, 5));
  for (const k of [0, -1]) t.regex(t.throws(() => run(k), { instanceOf: DaceError }).message, /the slice's step n is not positive/);
});
