/** Derivatives where there is none: the choices of docs/derivatives.md. */
import test from "ava";
import { DaceError, grad, python } from "../../../../ts/index.js";

const F = (...x: number[]): Float64Array => Float64Array.of(...x);
function gradient(body: string, ...args: (number | Float64Array)[]): unknown[] {
  const p = python(`import numpy as np\ndef f(${["a", "b"].slice(0, args.length).join(", ")}):\n    return ${body}\n`, { function: "f" });
  return (grad(p, { device: "js", cache: false, wrt: args.map((_, i) => i) })(...args) as unknown[]).map((g) => (ArrayBuffer.isView(g) ? [...g as Float64Array] : g));
}
const CASES: readonly (readonly [body: string, args: readonly (number | Float64Array)[], want: readonly unknown[]])[] = [
  ["abs(a)", [0], [0]], ["np.abs(a[0] + 0j)", [F(0)], [[0]]],
  ["np.maximum(a, b)", [1, 1], [0.5, 0.5]], ["np.fmin(a, b)", [1, 1], [0.5, 0.5]], ["np.sum(np.maximum(a, 0))", [F(0, 1)], [[0.5, 1]]],
  ["np.clip(a, 0, 1)", [0], [0.5]], ["np.clip(a, 0, 1)", [1], [0.5]],
  ["np.max(a)", [F(1, 1, 0)], [[0.5, 0.5, 0]]], ["max(a)", [F(1, 1, 0)], [[0.5, 0.5, 0]]], ["np.ptp(a)", [F(1, 1)], [[0, 0]]],
  ["max(a, b)", [1, 1], [1, 0]], ["min(a, b)", [1, 1], [1, 0]],
  ["a[np.argmax(a)]", [F(1, 1)], [[1, 0]]], ["np.sum(np.sort(a) * np.arange(3))", [F(1, 1, 0)], [[1, 2, 0]]],
  ["np.linalg.norm(a)", [F(0, 0)], [[0, 0]]], ["np.linalg.norm(a, 3)", [F(0, 0)], [[0, 0]]], ["np.linalg.norm(a)", [F(3, 4)], [[0.6, 0.8]]], ["np.std(a)", [F(2, 2)], [[0, 0]]], ["np.hypot(a, b)", [0, 0], [0, 0]],
  ["np.prod(a)", [F(0, 2, 3)], [[6, 0, 0]]], ["np.prod(a)", [F(0, 0, 3)], [[0, 0, 0]]],
  ["a ** b", [0, 2], [0, 0]], ["a ** b", [0, 1], [1, 0]], ["a ** b", [0, 0.5], [Infinity, 0]], ["np.sqrt(a)", [0], [Infinity]],
  ["np.where(a > 0, np.sqrt(a), 0.0)", [0], [0]], ["np.sum(np.where(a > 0, a, 0.0) ** 0.5)", [F(0, 4)], [[0, 0.25]]],
  ["np.floor(a) * a", [1], [1]], ["np.sign(a) * a", [0], [0]], ["int(a) * a", [2.5], [2]], ["a % b", [4, 2], [1, -2]], ["a // b * a", [4, 2], [2, 0]],
  ["np.sum(np.histogram(a, 2, weights=b)[0] * np.array([1.0, 3.0]))", [F(0, 1), F(2, 5)], [[0, 0], [1, 3]]],
];
for (const [body, args, want] of CASES) test(`${body} at ${args.map((a) => (typeof a === "number" ? a : `[${a.join(", ")}]`)).join(", ")}`, (t) => {
  const got = gradient(body, ...args);
  t.deepEqual(got.flat().map((x) => Number((x as number).toPrecision(12)) + 0), want.flat() as number[]);
});

test("integer programs", (t) => {
  const p = (body: string): ReturnType<typeof python> => python(`def f(a):\n    return ${body}\n`, { function: "f" });
  t.is(t.throws(() => grad(p("a[0] * 2"), { device: "js", cache: false })(Int32Array.of(1)), { instanceOf: DaceError }).code, "ERR_DACE_NOT_DIFFERENTIABLE");
  t.deepEqual([...grad(p("a[0] * 2"), { device: "js", cache: false })(F(1)) as Float64Array], [2]);
});
