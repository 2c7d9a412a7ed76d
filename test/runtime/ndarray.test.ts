/** n-dimensional views: indexing, strides, complex elements, printing, and what is refused. */
import test from "ava";
import fc from "fast-check";
import { inspect } from "node:util";
import { DaceError } from "../../ts/base/errors.js";
import { ndarray, NDArray } from "../../ts/runtime/ndarray.js";

const code = (f: () => unknown): string => { try { f(); } catch (e) { if (e instanceof DaceError) return e.code; throw e; } return "none"; };

test("a view shares its data", (t) => {
  const data = Float64Array.of(1, 2, 3, 4, 5, 6), a = ndarray(data, [2, 3]);
  a.set(1, 2, 60);
  t.is(data[5], 60);
  t.is(a.get(0, 1), 2);
  t.deepEqual([a.size, a.dtype, a.shape, a.stride, a.offset], [6, "float64", [2, 3], [3, 1], 0]);
  t.deepEqual(a.toArray(), [[1, 2, 3], [4, 5, 60]]);
});

test("strides and offsets: a transpose, a reversed row, a scalar", (t) => {
  const data = Float64Array.from({ length: 6 }, (_, i) => i);
  t.deepEqual(ndarray(data, [3, 2], { stride: [1, 3] }).toArray(), [[0, 3], [1, 4], [2, 5]]);
  t.deepEqual(ndarray(data, [3], { stride: [-1], offset: 5 }).toArray(), [5, 4, 3]);
  t.is(ndarray(data, [], { offset: 4 }).get(), 4);
  t.deepEqual([...ndarray(data, [3, 2], { stride: [1, 3] }).contiguous()], [0, 3, 1, 4, 2, 5]);
});

test("nested arrays, zeros, and other dtypes", (t) => {
  t.deepEqual(ndarray([[1, 2], [3, 4]]).shape, [2, 2]);
  const z = ndarray.zeros([2, 2], { dtype: "complex64" });
  z.set(1, 1, { re: 2, im: -3 });
  t.true(z.data instanceof Float32Array);
  t.deepEqual(z.get(1, 1), { re: 2, im: -3 });
  t.deepEqual(z.get(0, 0), { re: 0, im: 0 });
  const b = ndarray(Uint8Array.of(0, 1), [2], { dtype: "bool" });
  t.deepEqual(b.toArray(), [false, true]);
  const i = ndarray.zeros([2], { dtype: "int64" });
  i.set(0, 7n);
  t.is(i.get(0), 7n);
});

test("what is refused, with its code", (t) => {
  const data = new Float64Array(6);
  t.is(code(() => ndarray(data, [2, 4])), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [2, -3])), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [2.5])), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [3, 2], { stride: [1] })), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [3], { stride: [-1] })), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [6], { offset: 1 })), "ERR_DACE_SHAPE");
  t.is(code(() => ndarray(data, [6], { dtype: "float32" })), "ERR_DACE_TYPE");
  t.is(code(() => ndarray([[1, 2], [3]])), "ERR_DACE_SHAPE");
  const a = ndarray(data, [2, 3]);
  t.is(code(() => a.get(2, 0)), "ERR_DACE_BOUNDS");
  t.is(code(() => a.get(0, -1)), "ERR_DACE_BOUNDS");
  t.is(code(() => a.get(0)), "ERR_DACE_BOUNDS");
  t.is(code(() => { a.set(0, 3, 1); }), "ERR_DACE_BOUNDS");
});

test("console.log shows dtype, shape and truncated rows", (t) => {
  const text = inspect(ndarray(Float64Array.from({ length: 20 }, (_, i) => i / 3), [2, 10]));
  t.is(text, "ndarray(float64, [2, 10])\n[[0, 0.333333333, 0.666666667, ..., 2.33333333, 2.66666667, 3],\n [3.33333333, 3.66666667, 4, ..., 5.66666667, 6, 6.33333333]]");
});

test("property: assign after contiguous is the identity for any view", (t) => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), fc.integer({ min: 0, max: 3 }), (shape, flip, lead) => {
    // Column-major strides, some reversed.
    let p = 1, offset = lead;
    const stride = shape.map((n, d) => { const s = p; p *= n; if (flip[d] && n > 1) { offset += s * (n - 1); return -s; } return s; });
    const data = Float64Array.from({ length: p + lead }, (_, i) => i + 1), before = data.slice();
    const a = new NDArray(data, shape, { stride, offset });
    const copy = a.contiguous().slice();
    t.deepEqual([...copy], (a.toArray() as number[]).flat(Infinity));
    a.assign(copy);
    t.deepEqual(data, before);
  }), { numRuns: 200 });
});
