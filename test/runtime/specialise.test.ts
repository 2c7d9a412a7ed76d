/** Signatures: which sizes are 1 or equal, aliasing, declared types, integers. */
import test from "ava";
import { DaceError } from "../../ts/base/errors.js";
import { classify } from "../../ts/runtime/arguments.js";
import { ndarray } from "../../ts/runtime/ndarray.js";
import { parseDeclared, specialise } from "../../ts/runtime/specialise.js";

const code = (f: () => unknown): string => { try { f(); } catch (e) { if (e instanceof DaceError) return e.code; throw e; } return "none"; };
const names = ["a", "b", "c"];
const of = (args: unknown[], o: { integers?: string[]; declared?: Record<string, string>; language?: "python" | "javascript" } = {}): ReturnType<typeof specialise> => specialise(
  args.map((x, i) => classify(x, names[i]!)),
  { language: o.language ?? "python", names, integers: new Set(o.integers ?? []), ...(o.declared ? { declared: new Map(Object.entries(o.declared).map(([k, v]) => [k, parseDeclared(k, v)])) } : {}) },
);

test("equal sizes share a symbol, size 1 is a constant, other sizes do not change the key", (t) => {
  const x = of([ndarray.zeros([3, 4]), ndarray.zeros([4, 1]), 2.5]);
  const y = of([ndarray.zeros([7, 5]), ndarray.zeros([5, 1]), 8]);
  t.is(x.key, y.key);
  t.deepEqual([...x.sizes.values()], [3, 4]);
  t.not(of([ndarray.zeros([3, 3]), ndarray.zeros([4, 1]), 2.5]).key, x.key);
  t.not(of([ndarray.zeros([3, 4]), ndarray.zeros([4, 2]), 2.5]).key, x.key);
  t.not(of([ndarray.zeros([3, 4], { dtype: "float32" }), ndarray.zeros([4, 1]), 2.5]).key, x.key);
});

test("numbers are integers only where the program uses them so", (t) => {
  t.is(of([3, 1, 2], { integers: ["a"] }).signature.parameters[0]!.kind, "int");
  t.is(of([3, 1, 2]).signature.parameters[0]!.kind, "float");
  t.is(code(() => of([3.5, 1, 2], { integers: ["a"] })), "ERR_DACE_TYPE");
  t.is(code(() => of([NaN, 1, 2], { integers: ["a"] })), "ERR_DACE_TYPE");
  t.is(code(() => of([2 ** 60, 1, 2], { integers: ["a"] })), "ERR_DACE_TYPE");
  t.is(code(() => of([2n ** 62n, 1, 2])), "ERR_DACE_TYPE");
});

test("the same memory is one group; a partial overlap is an error; interleaved columns are neither", (t) => {
  const data = new Float64Array(12);
  t.deepEqual(of([data, data, 1]).signature.aliases, [[0, 1]]);
  t.deepEqual(of([data, new Float64Array(data.buffer), 1]).signature.aliases, [[0, 1]]);
  t.is(of([data.subarray(0, 6), data.subarray(6), 1]).signature.aliases, undefined);
  t.is(code(() => of([data.subarray(0, 7), data.subarray(6), 1])), "ERR_DACE_SHAPE");
  t.is(of([ndarray(data, [6], { stride: [2] }), ndarray(data, [6], { stride: [2], offset: 1 }), 1]).signature.aliases, undefined);
  t.is(code(() => of([ndarray(data, [6], { stride: [2] }), ndarray(data, [4], { stride: [3], offset: 1 }), 1])), "ERR_DACE_SHAPE");
});

test("declared types are held against the arguments", (t) => {
  const declared = { a: "f64[N,M]", b: "f64[M]", c: "i64" };
  t.is(of([ndarray.zeros([2, 3]), ndarray.zeros([3]), 4], { declared }).signature.parameters[2]!.kind, "int");
  t.is(code(() => of([ndarray.zeros([2, 3]), ndarray.zeros([2]), 4], { declared })), "ERR_DACE_SHAPE");
  t.is(code(() => of([ndarray.zeros([2, 3], { dtype: "float32" }), ndarray.zeros([3]), 4], { declared })), "ERR_DACE_TYPE");
  t.is(code(() => of([3, ndarray.zeros([3]), 4], { declared })), "ERR_DACE_TYPE");
  t.is(code(() => parseDeclared("a", "f63[N]")), "ERR_DACE_ARGUMENT");
  t.is(code(() => parseDeclared("a", "f64[N,]x")), "ERR_DACE_ARGUMENT");
});

test("detached buffers and things that are no data are TYPE errors", (t) => {
  const gone = new Float64Array(4);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  t.is(code(() => classify(gone, "a")), "ERR_DACE_TYPE");
  const inner = ndarray(new Float64Array(4), [2, 2]);
  structuredClone(inner.data.buffer, { transfer: [inner.data.buffer as ArrayBuffer] });
  t.is(code(() => classify(inner, "a")), "ERR_DACE_TYPE");
  t.is(code(() => classify(() => 1, "a")), "ERR_DACE_TYPE");
  t.is(code(() => classify({ data: new Float64Array(3), shape: [2, 2] }, "a")), "ERR_DACE_SHAPE");
});

test("arrays of other libraries: scijs, stdlib, ONNX Runtime", (t) => {
  const data = Float64Array.of(1, 2, 3, 4);
  for (const x of [{ data, shape: [2, 2], stride: [1, 2], offset: 0 }, { data, shape: [2, 2], strides: [1, 2] }, { data, dims: [2, 2], type: "float64" }]) {
    const g = classify(x, "a");
    t.is(g.kind, "array");
    if (g.kind === "array") t.deepEqual([...g.data], "dims" in x ? [1, 2, 3, 4] : [1, 3, 2, 4]);
  }
});
