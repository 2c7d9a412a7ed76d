/** Variables that name one array on some paths, through several names or iterations: changed in place they are refused; programs that cannot tell are what NumPy makes of them. */
import test from "ava";
import { DaceError, jit, python } from "../../../../ts/index.js";

const given = (): Float64Array[] => [Float64Array.of(1, 2, 3), Float64Array.of(4, 5, 6), Float64Array.of(7, 8, 9)];
function run(lines: string): { readonly value: unknown; readonly arrays: readonly Float64Array[] } {
  const source = `import numpy as np\ndef f(u, v, w, m):\n${lines.split("\n").map((l) => `    ${l}`).join("\n")}\n`, arrays = given();
  return { value: jit(python({ source }, { function: "f" }), { device: "js", cache: false })(...arrays as never[], 4 as never), arrays };
}

for (const [name, lines] of [
  ["taken again from an array that was changed by the other name", "x = u * 2.0\ny = u * 3.0\ns = 0.0\nfor i in range(m):\n    if i % 2 == 0:\n        y = x\n    else:\n        y = u * 1.0\n    y += 1.0\n    s += np.sum(y)\nreturn s"],
  ["taken in the first iteration only", "x = u * 1.0\ny = u * 2.0\ns = 0.0\nfor i in range(m):\n    if i == 0:\n        y = x\n    s += np.sum(y)\n    x += 1.0\nreturn s"],
  ["changed before it is taken again", "x = u * 1.0\ny = u * 2.0\nfor i in range(m):\n    y[0] += 1.0\n    if i != 1:\n        y = x\nreturn np.sum(y)"],
  ["an argument, by a variable chosen by a branch and one chosen in a loop", "n = u.shape[0]\nif n > 2:\n    w, v = v, w\nfor i in range(m):\n    if i > 1:\n        v = -0.4 * u\n    v[:] = w"],
  ["an argument, through an exchange in an inner loop", "for i in range(2):\n    u = 0.5 * w\n    for j in range(m - 1):\n        v, u = u, v\n        v += 1.0"],
  ["an argument, by two branches", "x = u\nif m > 2:\n    x = v\ny = x\nfor i in range(m):\n    if i > 2:\n        y = u * 2.0\n    y[0] += 1.0"],
  ["an array of the program's own, by two branches", "x = u * 1.0\nz = u * 2.0\nif np.sum(u) > 2:\n    x = z\ny = w * 1.0\nif np.sum(v) > 2:\n    y = x\ny[0] += 1.0\nreturn np.sum(z)"],
  ["two variables that took the same third one", "x = u * 1.0\ny = u * 2.0\nz = u * 3.0\nif m > 1:\n    y = x\nif m > 2:\n    z = x\ny[0] += 1.0\nreturn np.sum(z)"],
  ["the same array in a loop within a branch", "n = u.shape[0]\nif n > 2:\n    for i in range(m):\n        v = u[:]\n        u = v[0:n]\nu[1] = 7.0\nreturn u + v"],
  ["an argument, where a loop that gives its name away may not run", "if v[0] > 4.5:\n    for i in range(m):\n        u = v + w\nelse:\n    u = v\nu += 1.0\nu = v * 2.0\nreturn u"],
] as const) test(`refused: ${name}`, (t) => {
  const e = t.throws(() => run(lines), { instanceOf: DaceError });
  t.is(e?.code, "ERR_DACE_UNSUPPORTED");
  t.regex(e?.message ?? "", /on some paths only/);
});

for (const [name, lines, value] of [
  ["a copy in between", "x = u * 1.0\nz = u * 2.0\nif np.sum(u) > 2:\n    x = z\nx = x * 1.0\ny = w * 1.0\nif np.sum(v) > 2:\n    y = x\ny[0] += 1.0\nreturn np.sum(z)", 12],
  ["a new array in every iteration", "y = u * 2.0\nfor i in range(m):\n    x = u * 1.0\n    if i != 1:\n        y = x\n    y = y * 2.0\n    y[0] += 1.0\nreturn np.sum(y)", 13],
  ["names that move on", "x = u * 1.0\ny = v * 1.0\nfor i in range(m):\n    z = x + y\n    z[0] = 2.0\n    x = y\n    y = z\nreturn np.sum(y * x)", 1529],
  ["exchanged in every iteration", "a = u * 1.0\nb = u * 0.0\nfor i in range(m):\n    b[1:] = a[:-1] * 0.5\n    b[0] = 1.0\n    a, b = b, a\nreturn np.sum(a * w)", 13.25],
  ["an argument's name given away", "for i in range(2):\n    u = 0.5 * w\n    v, u = u, v\n    v += 1.0\nreturn np.sum(v)", 15],
] as const) test(`as in NumPy: ${name}`, (t) => {
  const r = run(lines);
  t.is(Number(r.value), value);
  t.deepEqual(r.arrays, given());
});

test("a name that is given to another array in every iteration keeps its own where there is none", (t) => {
  const source = "import numpy as np\ndef f(u, v, m):\n    s = 0.0\n    for i in range(m):\n        s += np.sum(u)\n        u = v\n    return s + 100.0 * np.sum(u)\n", f = jit(python({ source }, { function: "f" }), { device: "js", cache: false });
  for (const [m, value] of [[0, 300], [1, 703], [2, 710], [5, 731]]) t.is(Number(f(Float64Array.of(1, 2) as never, Float64Array.of(3, 4) as never, m as never)), value!);
});
