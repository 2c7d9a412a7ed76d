/** Every function of the scalar language on every dtype that it takes: C++ and JavaScript against plain JavaScript written here. */
import everywhere from "ava";
const test = everywhere;
import { isComplex, isFloat, isInteger, type DType } from "../../ts/base/dtypes.js";
import { lowerToCuda } from "../../ts/lower/cuda-plan.js";
import { lowerToPlan } from "../../ts/lower/lower.js";
import type { Plan } from "../../ts/lower/plan.js";
import { cast, constant, input, op, type OpName, type ScalarExpr } from "../../ts/scalar/expr.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import type { Container, Node } from "../../ts/sdfg/nodes.js";
import { scheduleGpu } from "../../ts/schedule/gpu/schedule.js";
import { schedule } from "../../ts/schedule/schedule.js";
import { sym, ZERO } from "../../ts/symbolic/expr.js";
import { runCuda } from "./cuda-program.js";
import { addon, Batch, runJs, same, type Values } from "./native.js";
import { complexReference, integerReference, realReference, type Z } from "./reference.js";
import { effort, slowly } from "../support/effort.js";

interface Item { readonly op: OpName; readonly inputs: readonly DType[]; readonly output: DType; readonly code: ScalarExpr }

/** One graph with a map per item: `out_k[i] = op(a_k[i], …)`. */
function graphOf(items: readonly Item[]): Graph {
  const containers = new Map<string, Container>(), body: Node[] = [];
  const add = (name: string, dtype: DType): void => { containers.set(name, { name, dtype, shape: [sym("n")], transient: false }); };
  items.forEach((it, k) => {
    it.inputs.forEach((d, j) => { add(`in${k}_${j}`, d); });
    add(`out${k}`, it.output);
    body.push({ kind: "loop", id: freshId(), variable: `i${k}`, begin: ZERO, end: sym("n"), order: "any", body: [{ kind: "tasklet", id: freshId(), inputs: it.inputs.map((_, j) => ({ data: `in${k}_${j}`, index: [sym(`i${k}`)] })), output: { data: `out${k}`, index: [sym(`i${k}`)] }, code: it.code }] });
  });
  return new Graph({ name: "ops", containers, symbols: ["n"], assumptions: [sym("n")], parameters: [...containers.keys()].map((c) => ({ kind: "container", name: c, container: c })), result: { kind: "none" }, checks: [], body });
}
const plan = (items: readonly Item[], precision: "default" | "strict"): Plan => lowerToPlan(schedule(graphOf(items), { precision }), { precision, threads: false, vectorMath: true });

/** Also on the CUDA device made of the processor, if the environment asks for it (cuda-ops.slow.test.ts). */
const onShim = (): boolean => process.env["DACE_AD_CUDA"] === "shim" && addon() !== undefined;
/** Device code of what has run there. */
export const deviceTexts: { readonly text: string; readonly flags: readonly string[] }[] = [];
function onCuda(items: readonly Item[], precision: "default" | "strict", n: number, given: Record<string, Values>): ReadonlyMap<string, Values> {
  const p = lowerToCuda(scheduleGpu(graphOf(items), { precision }), { precision }), r = runCuda(p, { n }, given);
  if (r.code !== 0) throw new Error(`status ${r.code}`);
  deviceTexts.push({ text: p.cuda!.device, flags: p.cuda!.deviceFlags });
  return r.values;
}

const item = (name: OpName, inputs: readonly DType[], output: DType): Item => ({ op: name, inputs, output, code: op(name, output, ...inputs.map((d, j) => input(j, d))) });

const UNARY_REAL: OpName[] = ["neg", "abs", "sign", "square", "reciprocal", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma", "tgamma", "digamma", "floor", "ceil", "trunc", "round", "jsround"];
const BINARY_REAL: OpName[] = ["add", "sub", "mul", "div", "floordiv", "mod", "rem", "pow", "min", "max", "atan2", "hypot", "copysign"];
const PREDICATES: OpName[] = ["eq", "ne", "lt", "le", "gt", "ge"];
const UNARY_INT: OpName[] = ["neg", "abs", "sign", "square", "bitnot"];
const BINARY_INT: OpName[] = ["add", "sub", "mul", "floordiv", "mod", "rem", "pow", "min", "max", "bitand", "bitor", "bitxor", "shl", "shr"];
const UNARY_COMPLEX: OpName[] = ["neg", "square", "reciprocal", "conj", "sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "log1p", "expm1", "log2", "log10", "exp2", "sign"];
const BINARY_COMPLEX: OpName[] = ["add", "sub", "mul", "div", "pow"];
const INTS: DType[] = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"];

const REALS = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 3.7, -7.3, 1e-8, 20.25, -20.25, 100, 1e5, Infinity, -Infinity, NaN];
const PAIRS = REALS.flatMap((a) => REALS.map((b) => [a, b] as const));
const bounds = (d: DType): [bigint, bigint] => { const bits = BigInt(d.replace(/\D/g, "")); return d.startsWith("u") ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]; };
function integers(d: DType): bigint[] { const [lo, hi] = bounds(d); return [...new Set([0n, 1n, 2n, 3n, 5n, 7n, 31n, 33n, 100n, hi, hi - 1n, hi / 2n, lo, lo + 1n, -1n, -2n, -7n, -100n].filter((x) => x >= lo && x <= hi))]; }

const close = (a: number, b: number, tolerance: number): boolean => Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)) || a === b || Math.abs(a - b) <= tolerance * Math.max(1e-300, Math.abs(a), Math.abs(b)) || Math.abs(a - b) < 1e-300;

function check(t: import("ava").ExecutionContext, items: readonly Item[], data: (it: Item) => Values[], expected: (it: Item, row: readonly (number | bigint)[]) => readonly (number | bigint)[], tolerance: number): void {
  const given: Record<string, Values> = {};
  let n = 0;
  items.forEach((it, k) => { const columns = data(it); columns.forEach((c, j) => { given[`in${k}_${j}`] = c; n = Math.max(n, c.length / (isComplex(it.inputs[j]!) ? 2 : 1)); }); });
  // All columns have one length: repeat from the start.
  items.forEach((it, k) => { it.inputs.forEach((d, j) => { const w = isComplex(d) ? 2 : 1, c = given[`in${k}_${j}`]!; given[`in${k}_${j}`] = Array.from({ length: n * w }, (_, i) => c[i % c.length]!); }); });
  for (const precision of ["default", "strict"] as const) {
    const p = plan(items, precision), js = runJs(p, { n }, given), native = addon() ? new Batch([p]).run(0, { n }, given, 1) : undefined;
    if (!native) t.log("C++ skipped: no native addon");
    const gpu = onShim() ? onCuda(items, precision, n, given) : undefined;
    items.forEach((it, k) => {
      for (let i = 0; i < n; i++) {
        const row = it.inputs.flatMap((d, j) => { const w = isComplex(d) ? 2 : 1; return given[`in${k}_${j}`]!.slice(i * w, (i + 1) * w); });
        const want = expected(it, row), w = isComplex(it.output) ? 2 : 1;
        for (const [backend, result] of [["js", js], ["C++", native], ["CUDA", gpu]] as const) {
          if (!result) continue;
          const got = result.get(`out${k}`)!.slice(i * w, (i + 1) * w);
          const fine = got.every((g, c) => (typeof g === "bigint" || typeof want[c] === "bigint" ? BigInt(g) === BigInt(want[c]!) : close(g, Number(want[c]), (it.op === "lgamma" || it.op === "digamma" ? Math.max(tolerance, 4e-15 / Math.max(1e-300, Math.abs(Number(want[c])))) : tolerance) * (w === 2 ? 1 + Math.abs(Number(want[1 - c])) / Math.max(1e-300, Math.abs(Number(want[c]))) : 1))));
          if (!fine) t.fail(`${backend} ${precision}: ${it.op}(${it.inputs.join(", ")}) of ${row.join(", ")} is ${got.join(", ")}, not ${want.join(", ")}`);
        }
        if (gpu && native && precision === "strict" && !same(new Map([["", gpu.get(`out${k}`)!]]), new Map([["", native.get(`out${k}`)!]]))) t.fail(`strict: ${it.op}(${it.inputs.join(", ")}) differs between CUDA and C++`);
        if (native && precision === "strict" && !js.get(`out${k}`)!.slice(i * w, (i + 1) * w).every((x, c) => Object.is(x, native.get(`out${k}`)![i * w + c]))) t.fail(`strict: ${it.op}(${it.inputs.join(", ")}) of ${row.join(", ")} is ${js.get(`out${k}`)!.slice(i * w, (i + 1) * w).join(", ")} in JavaScript and ${native.get(`out${k}`)!.slice(i * w, (i + 1) * w).join(", ")} in C++`);
      }
    });
  }
  t.pass();
}

for (const dtype of ["float64", "float32"] as const) {
  const test = dtype === "float64" ? everywhere : slowly;
  const fit = (x: number): number => (dtype === "float32" ? Math.fround(x) : x), tolerance = dtype === "float64" ? 4e-13 : 4e-6;
  test(`${dtype}: functions of one argument`, (t) => {
    check(t, UNARY_REAL.map((o) => item(o, [dtype], dtype)), () => [REALS.map(fit)], (it, [x]) => [fit(realReference(it.op, Number(x)))], tolerance);
  });
  test(`${dtype}: functions of two arguments`, (t) => {
    check(t, BINARY_REAL.map((o) => item(o, [dtype, dtype], dtype)), () => [PAIRS.map((p) => fit(p[0])), PAIRS.map((p) => fit(p[1]))], (it, [x, y]) => [fit(realReference(it.op, Number(x), Number(y)))], tolerance);
  });
  test(`${dtype}: powers with constant exponents`, (t) => {
    const exponents = [0, 1, 2, 3, 4, 7, 0.5, -1, -2, -3, 1.5, 17];
    check(t, exponents.map((k): Item => ({ op: "pow", inputs: [dtype], output: dtype, code: op("pow", dtype, input(0, dtype), constant(k, dtype)) })), () => [[0, 1, -1, 0.5, 2, -3, 1.25, 10].map(fit)],
      (it, [x]) => { const k = Number((it.code as unknown as { args: { value: number }[] }).args[1]!.value); return [fit(Math.pow(Number(x), k))]; }, dtype === "float64" ? 1e-14 : 1e-5);
  });
  test(`${dtype}: comparisons, select, fma`, (t) => {
    check(t, [...PREDICATES.map((o) => item(o, [dtype, dtype], "bool")), ...(["isnan", "isinf", "isfinite"] as const).map((o) => item(o, [dtype], "bool"))], (it) => [PAIRS.map((p) => fit(p[0])), PAIRS.map((p) => fit(p[1]))].slice(0, it.inputs.length), (it, [x, y]) => [Number(realReference(it.op, Number(x), Number(y)))], 0);
    check(t, [{ op: "select", inputs: ["bool", dtype, dtype], output: dtype, code: op("select", dtype, input(0, "bool"), input(1, dtype), input(2, dtype)) }], () => [[0, 1], [3, 4].map(fit), [5, 6].map(fit)], (_, [c, a, b]) => [c ? a! : b!], 0);
    check(t, [{ op: "fma", inputs: [dtype, dtype, dtype], output: dtype, code: op("fma", dtype, input(0, dtype), input(1, dtype), input(2, dtype)) }], () => [[1.5, 2, -3].map(fit), [0.5, 4, 7].map(fit), [1, -8, 0.25].map(fit)], (_, [a, b, c]) => [fit(Number(a) * Number(b) + Number(c))], tolerance);
  });
}

for (const dtype of effort<readonly DType[]>(["int8", "int64", "uint32"], INTS)) {
  test(`${dtype}: arithmetic wraps`, (t) => {
    const all = integers(dtype), pairs = all.flatMap((a) => all.map((b) => [a, b] as const));
    check(t, [...UNARY_INT.map((o) => item(o, [dtype], dtype)), ...BINARY_INT.map((o) => item(o, [dtype, dtype], dtype)), ...PREDICATES.map((o) => item(o, [dtype, dtype], "bool"))],
      (it) => [pairs.map((p) => p[0]), pairs.map((p) => p[1])].slice(0, it.inputs.length), (it, [a, b]) => [integerReference(it.op, dtype, BigInt(a!), BigInt(b ?? 0))], 0);
  });
}
test("ushr is JavaScript's", (t) => {
  check(t, [item("ushr", ["int32", "int32"], "int64")], () => [[-1, 5, -2147483648, 7], [0, 1, 31, 33]], (_, [a, b]) => [BigInt(Number(a) >>> Number(b))], 0);
});
test("booleans", (t) => {
  check(t, (["and", "or", "bitand", "bitor", "bitxor", "eq", "ne"] as const).map((o) => item(o, ["bool", "bool"], "bool")), () => [[0, 0, 1, 1], [0, 1, 0, 1]],
    (it, [a, b]) => [{ and: a && b, or: a || b, bitand: a && b, bitor: a || b, bitxor: Number(a !== b), eq: Number(a === b), ne: Number(a !== b) }[it.op as "and"]!], 0);
  check(t, (["not", "bitnot"] as const).map((o) => item(o, ["bool"], "bool")), () => [[0, 1]], (_, [a]) => [1 - Number(a)], 0);
});

for (const dtype of effort<readonly ("complex128" | "complex64")[]>(["complex128"], ["complex128", "complex64"])) {
  const real: DType = dtype === "complex64" ? "float32" : "float64", fit = (x: number): number => (real === "float32" ? Math.fround(x) : x), tolerance = real === "float64" ? 1e-12 : 2e-6;
  const points: [number, number][] = [[1.2, 0.1], [0.1, 1.2], [-1, 0.5], [2, -3], [0.3, 0.4], [-0.7, -1.1], [0.01, 2], [3, 1e-3], [-2, 0.25]];
  const flat = (f: (i: number) => [number, number], n: number): number[] => Array.from({ length: n }, (_, i) => f(i).map(fit)).flat();
  test(`${dtype}: functions`, (t) => {
    check(t, UNARY_COMPLEX.map((o) => item(o, [dtype], dtype)), () => [flat((i) => points[i]!, points.length)], (it, [re, im]) => { const z = complexReference(it.op, [Number(re), Number(im)]); return [fit(z[0]), fit(z[1])]; }, tolerance);
    check(t, BINARY_COMPLEX.map((o) => item(o, [dtype, dtype], dtype)), () => [flat((i) => points[i % 9]!, 81), flat((i) => points[Math.floor(i / 9)]!, 81)], (it, [a, b, c, d]) => { const z = complexReference(it.op, [Number(a), Number(b)], [Number(c), Number(d)]); return [fit(z[0]), fit(z[1])]; }, tolerance);
    check(t, (["real", "imag", "abs", "arg"] as const).map((o) => item(o, [dtype], real)), () => [flat((i) => points[i]!, points.length)], (it, [re, im]) => [fit(complexReference(it.op, [Number(re), Number(im)])[0])], tolerance);
    check(t, (["eq", "ne"] as const).map((o) => item(o, [dtype, dtype], "bool")), () => [flat((i) => points[i % 9]!, 81), flat((i) => points[Math.floor(i / 9)]!, 81)], (it, [a, b, c, d]) => [Number((a === c && b === d) === (it.op === "eq"))], 0);
    check(t, [item("complex", [real, real], dtype)], () => [[1, 2], [3, 4]], (_, [a, b]) => [a!, b!], 0);
  });
}

test("casts between all dtypes", (t) => {
  const all: DType[] = [...INTS, "float64", "float32", "bool"];
  const items = all.flatMap((from) => all.filter((to) => to !== from).map((to): Item => ({ op: "add", inputs: [from], output: to, code: cast(input(0, from), to) })));
  check(t, items, (it) => {
    const from = it.inputs[0]!;
    return [from === "bool" ? [0, 1] : isInteger(from) ? integers(from) : [0, 1, -1, 2.7, -2.7, 100.5, 40000, -40000, 3e9, -3e9, 1e15, NaN].map((x) => (from === "float32" ? Math.fround(x) : x))];
  }, (it, [x]) => {
    if (it.output === "bool") return [Number(x) !== 0 ? 1 : 0];
    if (isFloat(it.output)) return [it.output === "float32" ? Math.fround(Number(x)) : Number(x)];
    const n = typeof x === "bigint" ? x : Number.isNaN(x) ? 0n : BigInt(Math.trunc(x!)), [lo, hi] = bounds(it.output), size = hi - lo + 1n;
    return [((n - lo) % size + size) % size + lo];
  }, 0);
  const complex: Item[] = [
    { op: "add", inputs: ["complex128"], output: "float64", code: cast(input(0, "complex128"), "float64") }, { op: "add", inputs: ["complex128"], output: "complex64", code: cast(input(0, "complex128"), "complex64") },
    { op: "add", inputs: ["complex128"], output: "bool", code: cast(input(0, "complex128"), "bool") },
  ];
  const points = [1.25, -2.5, 0, 0, 0, 3.1, 1e-3, 7];
  check(t, complex, () => [points], (it, [re, im]): Z | number[] => (it.output === "float64" ? [Number(re)] : it.output === "bool" ? [Number(re !== 0 || im !== 0)] : [Math.fround(Number(re)), Math.fround(Number(im))]), 0);
  check(t, [{ op: "add", inputs: ["int32"], output: "complex128", code: cast(input(0, "int32"), "complex128") }], () => [[3, -4]], (_, [x]) => [x!, 0], 0);
});
