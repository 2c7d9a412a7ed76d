/** The functions of fixtures/algorithms.py on the JavaScript backend, larger sorts, and what goes wrong at the caller's place. */
import test from "ava";
import fc from "fast-check";
import { DaceError, gradcheck, jit, python } from "../../../../ts/index.js";
import { register } from "./algorithms.js";

const OPTIONS = { device: "js", cache: false } as const;
register("js", "frontend/array/library", "algorithms");

const sorted = jit(python("import numpy as np\ndef f(a):\n    return np.sort(a), np.argsort(a), np.median(a)\n", { function: "f" }), OPTIONS);
test("sorting arrays of any length, equal elements in their order, NaN last", (t) => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: false })), { minLength: 2, maxLength: 70 }), (list) => {
    const a = Float64Array.from(list), [values, places] = sorted(a) as [Float64Array, BigInt64Array];
    const order = [...a.keys()].sort((i, j) => (Number.isNaN(a[i]!) || Number.isNaN(a[j]!) ? Number(Number.isNaN(a[i]!)) - Number(Number.isNaN(a[j]!)) : a[i]! - a[j]! || 0) || i - j);
    t.deepEqual(Array.from(places, Number), order);
    t.deepEqual(Array.from(values), order.map((i) => a[i]!));
  }), { numRuns: 40 });
});

test("mistakes inside of such a function are at the user's call", (t) => {
  const run = (line: string, ...args: unknown[]): DaceError => t.throws(() => { jit(python(`import numpy as np\ndef f(a, i):\n    ${line}\n`, { function: "f" }), OPTIONS)(...args); }, { instanceOf: DaceError });
  const a = Float64Array.of(3, 1, 2), bounds = run("np.add.at(a, i, 1.0)", a, BigInt64Array.of(0n, 5n)), raised = run("return np.digitize(a, i)", a, Float64Array.of(2, 1)), shape = run("return np.sort(a, axis=1)", a, a);
  t.is(bounds.code, "ERR_DACE_BOUNDS");
  t.is(raised.code, "ERR_DACE_RAISED");
  t.is(shape.code, "ERR_DACE_SHAPE");
  for (const e of [bounds, raised, shape]) t.deepEqual([e.loc?.file, e.loc?.line], ["<source>", 3], e.message);
});

test("what is scattered is read before the array changes", (t) => {
  const i = BigInt64Array.of(1n, 0n, 2n, 1n, 3n), v = Float64Array.of(1, 2, 3, 4, 5);
  for (const [line, want] of [
    ["np.add.at(v, i, v)", [3, 7, 6, 9, 5]], ["np.subtract.at(v, i, b=v[::-1])", [-3, -5, 0, 3, 5]], ["np.multiply.at(v, i, v * 2)", [4, 32, 18, 40, 5]], ["np.add.at(v, (i,), v[1])", [3, 6, 5, 6, 5]], ["np.put(v, i, v[::-1])", [4, 2, 3, 1, 5]],
    ["np.add.at(v, v.astype(int) - 1, v)", [2, 4, 6, 8, 10]], ["m = v[:4].reshape(2, 2)\n    np.add.at(m, (i[:2], i[:2]), m[0])", [3, 2, 3, 5, 5]],
  ] as const) {
    const program = python(`import numpy as np\ndef f(v, i):\n    ${line}\n`, { function: "f" }), a = v.slice();
    jit(program, OPTIONS)(a, i);
    t.deepEqual([...a], [...want], line);
    if (line.includes("astype")) continue;
    const g = gradcheck(program, [v, i], OPTIONS);
    t.true(g.ok, `${line}: ${JSON.stringify(g.worst)}`);
  }
});

test("unknown functions are reported beside what the parser refuses", (t) => {
  const e = t.throws(() => { jit(python("import numpy as np\ndef f(a):\n    b = np.linalg.eig(a)\n    with a:\n        b = np.sum(a)\n    return np.sqart(b)\n", { function: "f" }), OPTIONS)(new Float64Array(2)); }, { instanceOf: DaceError });
  t.deepEqual([e.loc?.line, ...e.notes.map((n) => n.loc?.line)], [3, 4, 6], e.message);
});
