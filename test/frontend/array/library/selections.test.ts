/** The programs of fixtures/selections.py on the JavaScript backend, and what is refused. */
import test from "ava";
import { DaceError, jit, python } from "../../../../ts/index.js";
import { program, register } from "./selections.js";

const OPTIONS = { device: "js", cache: false } as const;
register("js");

test("one program for every size, one for every exponent", (t) => {
  const f = jit(program("powers"), OPTIONS);
  t.deepEqual([...f(2, 3) as Float64Array], [7, 0]);
  t.deepEqual([...f(3, 2) as Float64Array], [4, 0, 0]);
  t.deepEqual([...f(2, 3) as Float64Array], [7, 0]);
});

test("what NumPy would refuse, and what would have no length", (t) => {
  const code = (source: string, ...args: unknown[]): string => t.throws(() => { jit(python(`import numpy as np\ndef f(a, b):\n${source.split("\n").map((l) => `    ${l}`).join("\n")}\n`, { function: "f" }), OPTIONS)(...args); }, { instanceOf: DaceError }).code;
  const a = Float64Array.of(1, 2, 3, 4), one = Float64Array.of(1);
  t.is(code("return a[a > b[0]]", a, one), "ERR_DACE_UNSUPPORTED");
  t.is(code("x = a[a > 1]\ny = a[a > 2]\nreturn np.sum(x + y)", a, one), "ERR_DACE_BOUNDS");
  t.is(code("a[a > 2] = a[a > 1]", a, one), "ERR_DACE_BOUNDS");
  t.is(code("return np.histogram(a, b)[0]", a, Float64Array.of(2, 1)), "ERR_DACE_RAISED");
  t.is(code("return np.histogram(a, int(b[0]))[0]", a, Float64Array.of(0)), "ERR_DACE_UNSUPPORTED");
  t.is(code("return np.histogram(a / b, 3)[0]", Float64Array.of(1, NaN), one), "ERR_DACE_RAISED");
  t.is(code("return np.histogram(a, 3, weights=b)[0]", a, Float64Array.of(1, 2)), "ERR_DACE_SHAPE");
  t.is(code("return np.histogram(a, 'auto')[0]", a, one), "ERR_DACE_UNSUPPORTED");
});
