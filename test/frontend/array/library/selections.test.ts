/** The programs of fixtures/selections.py on the JavaScript backend, and what is refused. */
import test from "ava";
import { DaceError, grad, gradcheck, jit, ndarray, NDArray, python, vjp } from "../../../../ts/index.js";
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
  t.is(code("x = a[a > 1]\ny = a[a > 2]\nreturn np.sum(x + y)", a, one), "ERR_DACE_BOUNDS");
  t.is(code("a[a > 2] = a[a > 1]", a, one), "ERR_DACE_BOUNDS");
  t.is(code("return np.histogram(a, b)[0]", a, Float64Array.of(2, 1)), "ERR_DACE_RAISED");
  t.is(code("return np.histogram(a, int(b[0]))[0]", a, Float64Array.of(0)), "ERR_DACE_UNSUPPORTED");
  t.is(code("return np.histogram(a / b, 3)[0]", Float64Array.of(1, NaN), one), "ERR_DACE_RAISED");
  t.is(code("return np.histogram(a, 3, weights=b)[0]", a, Float64Array.of(1, 2)), "ERR_DACE_SHAPE");
  t.is(code("return np.histogram(a, 'auto')[0]", a, one), "ERR_DACE_UNSUPPORTED");
});

const made = (source: string): ReturnType<typeof python> => python(`import numpy as np\ndef f(a, b):\n${source.split("\n").map((l) => `    ${l}`).join("\n")}\n`, { function: "f" });
const A = Float64Array.of(3, -1, 4, 1, -5, 9), B = Float64Array.of(0.5, -0.2, 0.1, 0.3, -0.7, 0.45);

test("results whose length the run finds", (t) => {
  const run = (source: string): unknown => jit(made(source), OPTIONS)(A.slice(), B.slice());
  const list = (x: unknown): unknown => (Array.isArray(x) ? x.map(list) : x instanceof NDArray ? x.toArray() : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : x);
  t.deepEqual(list(run("return a[a > 0] * 2")), [6, 8, 2, 18]);
  t.deepEqual(list(run("x = a[a > 0]\nreturn x, b[b < 0], np.sum(x), x[1:]")), [[3, 4, 1, 9], [-0.2, -0.7], 17, [4, 1, 9]]);
  t.deepEqual(list(run("return a[a > 100]")), []);
  t.deepEqual(list(run("return a[a > -100]")), [...A]);
  t.deepEqual(list(run("return np.nonzero(a > 0)")), [[0, 2, 3, 5]]);
  t.deepEqual(list(run("return np.where(a > 2)[0], np.flatnonzero(b < 0)")), [[0, 2, 5], [1, 4]]);
  t.deepEqual(list(run("return np.argwhere(np.reshape(a, (2, 3)) > 3)")), [[0n, 2n], [1n, 2n]]);
  t.deepEqual(list(run("return np.unique(np.round(b))")), [-1, 0]);
  t.deepEqual(list(run("return np.concatenate((a[a > 3], b[b < 0]))")), [4, 9, -0.2, -0.7]);
  t.deepEqual(list(run("return np.setdiff1d(a, b * 2), np.intersect1d(a, a[a > 2]), np.union1d(a[a > 3], np.round(b)), np.extract(a > 3, b)")), [[-5, -1, 3, 4, 9], [3, 4, 9], [-1, 0, 4, 9], [0.1, 0.45]]);
  t.deepEqual(list(run("k = np.abs(a).astype(int)\nreturn np.bincount(k, minlength=10), np.bincount(k, b, 11)")), [[0, 2, 0, 1, 1, 1, 0, 0, 0, 1], [0, -0.2 + 0.3, 0, 0.5, 0.1, -0.7, 0, 0, 0, 0.45, 0]]);
  for (const source of ["return np.bincount(np.abs(a).astype(int), minlength=9)", "return np.bincount(np.abs(a).astype(int))", "return np.bincount(a.astype(int), minlength=10)"]) t.is(t.throws(() => run(source), { instanceOf: DaceError }).code, "ERR_DACE_RAISED");
  // Rows, and columns, which are not the beginning of the buffer.
  t.deepEqual(list(run("x = np.reshape(a, (2, 3))\nreturn x[x[:, 0] < 2]")), [[1, -5, 9]]);
  t.deepEqual(list(run("x = np.reshape(a, (2, 3))\nreturn x[:, x[0] > 0]")), [[3, 4], [1, 9]]);
  t.deepEqual(list(run("x = np.reshape(a, (2, 3))\nreturn x[:, x[0] > 0] + 0j")), [[{ re: 3, im: 0 }, { re: 4, im: 0 }], [{ re: 1, im: 0 }, { re: 9, im: 0 }]]);
});

test("their gradients", (t) => {
  for (const source of ["return a[a > 0] * b[a > 0]", "x = a[a > 0]\nreturn x * x, b[b < 0]", "return np.concatenate((a[a > 0], b[b > 0]))", "x = np.outer(a, b)\nreturn x[:, a > 0]", "x = np.outer(a, b)\nreturn x[a > 0] * 1j", "return np.sort(a[a > 0]) * b[1]", "return np.bincount((np.abs(a) + 0.5).astype(int), b * b, 10) * a[0]", "return np.union1d(a, b * b)"]) {
    const g = gradcheck(made(source), [A, B], OPTIONS);
    t.true(g.ok, `${source}: ${JSON.stringify(g)}`);
  }
  const f = vjp(made("return a[a > 0] * b[0]"), OPTIONS), of = (c: unknown): unknown => f([A, B], { return: c as Float64Array });
  t.deepEqual(of(Float64Array.of(1, 2, 3, 4)), { outputs: { return: Float64Array.of(1.5, 2, 0.5, 4.5) }, grads: { a: Float64Array.of(0.5, 0, 1, 1.5, 0, 2), b: Float64Array.of(3 + 8 + 3 + 36, 0, 0, 0, 0, 0) } });
  t.deepEqual((of(2) as { grads: unknown }).grads, { a: Float64Array.of(1, 0, 1, 1, 0, 1), b: Float64Array.of(34, 0, 0, 0, 0, 0) });
  for (const c of [new Float64Array(3), new Float64Array(6), new Float64Array(7), ndarray(new Float64Array(4), [2, 2])]) t.is(t.throws(() => of(c), { instanceOf: DaceError }).code, "ERR_DACE_SHAPE");
  t.is(t.throws(() => grad(made("return a[a > 0]"), OPTIONS)(A, B), { instanceOf: DaceError }).code, "ERR_DACE_NOT_SCALAR");
});
