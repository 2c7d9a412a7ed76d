/** What the library refuses: by name, at the place in the source, with a way round. */
import test from "ava";
import { DaceError, jit, ndarray, python } from "../../../../ts/index.js";

const A = (): unknown => ndarray(Float64Array.from({ length: 12 }, (_, i) => i - 4.5), [3, 4]);
const v = (): unknown => ndarray(Float64Array.of(1, 2, 3, 4), [4]);

function failure(body: string): DaceError {
  const source = `import numpy as np\nimport math\ndef f(A, v, x):\n${body.split("\n").map((l) => `    ${l}\n`).join("")}`;
  try { jit(python(source, { function: "f" }), { device: "js", cache: false })(A(), v(), 1.5); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error(`no error: ${body}`);
}

const CASES: readonly (readonly [body: string, code: string, message: RegExp, hint?: RegExp, column?: number])[] = [
  ["return np.sqart(A)", "UNSUPPORTED", /np\.sqart/, /np\.sqrt/, 12],
  ["return np.maximun(A, 0)", "UNSUPPORTED", /np\.maximun/, /np\.maximum/],
  ["return A + np.random.rand(3, 4)", "UNSUPPORTED", /np\.random\.rand/, /before the call/, 16],
  ["return np.linalg.eig(A)", "UNSUPPORTED", /np\.linalg\.eig/, /./],
  ["return np.partition(v, 2)", "UNSUPPORTED", /np\.partition/, /sort or bin/],
  ["return v.tolist()", "UNSUPPORTED", /the method tolist/, /index the array/],
  ["return math.sqt(x)", "UNSUPPORTED", /math\.sqt/, /math\.sqrt/],
  ["return np.sum(A, axis=2)", "SHAPE", /axis 2/],
  ["return np.sum(A, axes=0)", "UNSUPPORTED", /keyword axes of np\.sum/, /axis/],
  ["return np.sum()", "ARGUMENT", /np\.sum needs the argument a/],
  ["return np.zeros(3, 4, 5, 6)", "ARGUMENT", /at most 3 arguments/],
  ["return A + v[:3]", "SHAPE", /could not be broadcast.*\(/],
  ["return A @ A", "SHAPE", /do not fit/],
  ["return A @ 2", "TYPE", /scalar/],
  ["return A.reshape(5, 3)", "SHAPE", /cannot reshape array of shape/],
  ["return np.concatenate((A, v))", "SHAPE", /dimensions/],
  ["return A & 1", "TYPE", /bitwise_and/],
  ["return (A > 0) - (A < 0)", "TYPE", /subtract/, /logical_xor/],
  ["return -(A > 0)", "TYPE", /boolean negative/],
  ["return np.sqrt(A > 0)", "UNSUPPORTED", /float16/, /astype/],
  ["if A > 0:\n    return 1\nreturn 2", "TYPE", /ambiguous/, /np\.any/],
  ["return np.max(v[4:4])", "SHAPE", /zero-size array/],
  ["return np.where(A > 0, A)", "ARGUMENT", /both or neither/],
  ["return np.array([[1, 2], [3]])", "SHAPE", /different lengths/],
  ["return np.zeros(3, dtype=\"U8\")", "UNSUPPORTED", /dtype "U8"/],
  ["return np.zeros(3, order=\"F\")", "UNSUPPORTED", /order="F"/],
  ["return np.add(A, 1, out=v.astype(int))", "TYPE", /out must be an array|cannot store/],
  ["return None + x", "TYPE", /None in arithmetic/],
  ["return [1, 2] * A.shape[0]", "UNSUPPORTED", /repeating a list/, /np\.zeros/],
  ["return np.arange(0.0, v[0] * 1.0, 0.1)", "UNSUPPORTED", /np\.arange/, /linspace/],
  ["return math.factorial(int(x))", "UNSUPPORTED", /math\.factorial/],
  ["return len(x)", "TYPE", /no len/],
  ["s = 0.0\nfor i in range(9):\n    t = []\n    while x < v[0] + i:\n        t.append(x)\n        x += 1\n    s += sum(t)\nreturn s", "UNSUPPORTED", /the list t growing in a loop/, /range\(most\)/],
  ["v.append(x)\nreturn v", "UNSUPPORTED", /the method append of an array/, /final size/],
  ["q = []\nif x > v[0]:\n    q.append(x)\nreturn v", "UNSUPPORTED", /changing a list/],
  ["r = []\nreturn r.pop()", "BOUNDS", /empty list/],
  ["return 1 // 0", "RAISED", /division by zero/],
  ["return np.uint8(3) + 300", "TYPE", /out of bounds/],
];
for (const [body, code, message, hint, column] of CASES) test(`refused: ${body.split("\n")[0]}`, (t) => {
  const e = failure(body);
  t.is(e.code, `ERR_DACE_${code}` as typeof e.code, e.message);
  t.regex(e.summary, message);
  if (hint) t.regex(e.hint ?? "", hint);
  t.true((e.loc?.line ?? 0) >= 3, e.message);
  if (column !== undefined) t.is(e.loc?.column, column);
});

test("reductions of arrays that turn out empty", (t) => {
  const run = (body: string, ...args: unknown[]): unknown => jit(python(`import numpy as np\ndef f(v, n):\n${body.split("\n").map((l) => `    ${l}\n`).join("")}`, { function: "f" }), { device: "js", cache: false })(...args);
  const empty = new Float64Array(0), full = Float64Array.of(1, 2, 3, 4);
  t.deepEqual(run("return np.sum(v), np.prod(v), np.any(v), np.all(v)", empty, 1), [0, 1, false, true]);
  t.is(run("return np.mean(v)", empty, 1), NaN);
  t.throws(() => run("return np.max(v)", empty, 1), { code: "ERR_DACE_RAISED", message: /zero-size array to reduction operation maximum/ });
  t.throws(() => run("return np.argmin(v)", empty, 1), { code: "ERR_DACE_RAISED", message: /attempt to get argmin of an empty sequence/ });
  t.throws(() => run("s = 0.0\nfor i in range(n):\n    s += np.max(v[:i])\nreturn s", full, 4), { code: "ERR_DACE_RAISED", message: /<source>:5/ });
  t.is(run("s = 0.0\nfor i in range(1, n):\n    s += np.max(v[:i])\nreturn s", full, 4), 6);
  t.deepEqual(run("return np.cumsum(v)", empty, 1), empty);
  t.deepEqual(run("return np.roll(v, 1)", empty, 1), empty);
});

test("percentiles out of range", (t) => {
  const run = (q: string, n: number): unknown => jit(python(`import numpy as np\ndef f(v, n):\n    return np.percentile(v, ${q})\n`, { function: "f" }), { device: "js", cache: false })(Float64Array.of(1, 2, 3, 4), n);
  for (const q of ["n", "np.array([50.0, n])", "[n, 50]"]) {
    for (const n of [-1, 101]) t.throws(() => run(q, n), { code: "ERR_DACE_RAISED", message: /range \[0, 1\]/ }, `${q} = ${n}`);
    t.notThrows(() => run(q, 100));
  }
});
