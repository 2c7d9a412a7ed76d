/** Arrays that a function captures: by reference, as they are at each call. */
import test from "ava";
import { DaceError, grad, jit, ndarray } from "../../../ts/index.js";

const OPTIONS = { device: "js", cache: false } as const;

test("a captured typed array is read as it is at the call", (t) => {
  const w = Float64Array.from([1, 2, 3]), nested = { k: { w: Float64Array.from([5, 6, 7]) }, n: 2 };
  const f = (a: Float64Array): number => { let s = 0; for (let i = 0; i < a.length; i++) s += a[i]! * w[i]! + nested.k.w[i]! * nested.n; return s; };
  const g = jit(f, OPTIONS), a = Float64Array.from([1, 1, 2]);
  t.is(g(a), f(a));
  w[0] = 10;
  t.is(g(a), f(a));
  t.deepEqual(grad(f, OPTIONS)(a), Float64Array.from([10, 2, 3]));
});

test("a captured array that the program changes", (t) => {
  const w = Float64Array.from([1, 2, 3]);
  const f = (a: Float64Array): Float64Array => { for (let i = 0; i < 3; i++) w[i]! += a[i]!; return a; };
  const a = Float64Array.from([1, 0, 2]);
  t.is(jit(f, OPTIONS)(a) as unknown, a);
  t.deepEqual(w, Float64Array.from([2, 2, 5]));
  const e = t.throws(() => jit(f, OPTIONS)(w), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_CAPTURE");
});

test("a captured ndarray keeps its shape", (t) => {
  const m = ndarray(Float64Array.from([1, 2, 3, 4, 5, 6]), [2, 3]) as unknown as number[][];
  const f = (a: Float64Array): number => { let s = 0; for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) s += m[i]![j]! * a[j]!; return s; };
  t.is(jit(f, OPTIONS)(Float64Array.from([1, 10, 100])), 5 + 70 + 900);
});
