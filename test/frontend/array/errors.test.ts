/** What is refused, with which code and where. */
import test from "ava";
import { DaceError, jit, ndarray, python } from "../../../ts/index.js";

const A = (...shape: number[]): unknown => ndarray(Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) / 11 + 0.1), shape);
const I = (...v: number[]): unknown => ndarray(BigInt64Array.from(v.map(BigInt)), [v.length], { dtype: "int64" });
const run = (body: string, args: unknown[], head = ""): unknown => jit(python({ source: `import numpy as np\n${head}def f(${args.map((_, i) => "xyz"[i]).join(", ")}):\n${body.split("\n").map((l) => `    ${l}`).join("\n")}\n`, name: "e.py" }, { function: "f" }), { device: "js", cache: false })(...args);

/** name, body, arguments, code, line of the body (from 1). */
const REFUSED: [string, string, unknown[], string, number][] = [
  ["a constant index beyond the end", "return x[10]", [A(5)], "BOUNDS", 1],
  ["a negative index beyond the start", "return x[-6]", [A(5)], "BOUNDS", 1],
  ["a loop beyond the end", "s = 0.0\nfor i in range(y):\n    s += x[i]\nreturn s", [A(5), 7], "BOUNDS", 3],
  ["a loop beyond the end behind a condition on data", "s = 0.0\nfor i in range(y):\n    if x[i % 5] < 5:\n        s += x[i]\nreturn s", [A(5), 7], "BOUNDS", 4],
  ["a gather beyond the end", "return x[y].sum()", [A(5), I(1, 7)], "BOUNDS", 1],
  ["a gather before the start", "return x[y].sum()", [A(5), I(1, -7)], "BOUNDS", 1],
  ["an index read from data", "s = 0.0\nfor i in range(y.shape[0]):\n    s += x[y[i]]\nreturn s", [A(5), I(1, 5)], "BOUNDS", 3],
  ["a store of another shape", "x[:] = y", [A(5), A(4)], "SHAPE", 1],
  ["operands of different shapes", "return x + y", [A(5), A(4)], "SHAPE", 1],
  ["slices of different lengths", "return x[1:y] + x[:-1]", [A(5), 3], "SHAPE", 1],
  ["too many indices", "return x[1, 2]", [A(5)], "SHAPE", 1],
  ["a float as index", "return x[y * 0.5]", [A(5), 3], "TYPE", 1],
  ["a size below zero", "return np.zeros(x - 5)", [3], "BOUNDS", 1],
  ["raise", "if x < 0:\n    raise ValueError('negative')\nreturn x", [-1], "RAISED", 2],
  ["assert", "assert x > 0, 'must be positive'\nreturn x", [-1], "RAISED", 1],
  ["a float result in place in integers", "x /= 2", [I(1, 2)], "TYPE", 1],
  ["recursion", "def g(a):\n    return g(a)\nreturn g(x)", [1], "UNSUPPORTED", 2],
  ["one of two arrays, then changed", "if z > 0:\n    w = x\nelse:\n    w = y\nw[0] = 5.0\nreturn x[0] + y[0]", [A(5), A(5), 1], "UNSUPPORTED", 1],
  ["one of two arrays, one of them changed", "if z > 0:\n    w = x\nelse:\n    w = y\nx[0] = 5.0\nreturn w[0]", [A(5), A(5), 1], "UNSUPPORTED", 1],
  ["the caller's array in the first iteration only", "u = x\nfor t in range(y):\n    u[0] = 3.0\n    u = u * 2.0\nreturn u", [A(5), 2], "UNSUPPORTED", 2],
  ["an array or a number", "if y > 0:\n    w = x\nelse:\n    w = 1.0\nreturn w", [A(5), 1], "UNSUPPORTED", 5],
  ["an array that grows in a loop", "u = x\nfor t in range(y):\n    u = u[1:]\nreturn u", [A(5), 2], "SHAPE", 2],
  ["an unbound name", "if y > 9:\n    pass\nreturn w\nw = 1", [A(5), 1], "TYPE", 3],
];
for (const [name, body, args, code, line] of REFUSED) {
  test(name, (t) => {
    const e = t.throws(() => run(body, args), { instanceOf: DaceError });
    t.is(e.code, `ERR_DACE_${code}` as DaceError["code"], e.message);
    t.is(e.loc?.line, line + 2, e.message);
    t.is(e.loc?.file, "e.py");
  });
}

test("all problems are reported at once", (t) => {
  const e = t.throws(() => run("a = np.foo(x)\nb = x.bar()\nc = a + 1\nx[7.5] = 1\nreturn a + b", [A(3)]), { instanceOf: DaceError });
  t.is(e.loc?.line, 3);
  t.is(e.notes.length, 2, e.message);
  t.regex(e.message, /bar/);
  t.regex(e.message, /7\.5/);
});

test("what is not reached is not refused", (t) => {
  t.is(run("s = 0.0\nfor i in range(y):\n    s += x[i + 100]\nreturn s", [A(5), 0]), 0);
  t.is(run("if False:\n    return np.foo(x)\nreturn x[0]", [A(5)]), 0.1);
  const guarded = run("s = 0.0\nfor i in range(y):\n    if i < 5:\n        s += x[i]\nreturn s", [A(5), 7]) as number;
  t.true(Math.abs(guarded - [0, 1, 2, 3, 4].reduce((s, i) => s + ((i * 7) % 11) / 11 + 0.1, 0)) < 1e-12);
});
