/** A gradient against differences, as NPBench's programs need it: element by element up to 200 inputs, else along 8 random directions; errors relative to the largest derivative. */
import { isComplex } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { ZERO_COTANGENTS } from "../../api/bind.js";
import { differentiateLine, random } from "../../api/gradcheck.js";
import type { Callable, Value, VjpResult } from "../../api/verbs.js";
import { isTypedArray, NDArray } from "../../runtime/ndarray.js";

/** Arrays of their own, for a run that changes them. */
export function copied(args: readonly unknown[]): unknown[] {
  return args.map((a) => (a instanceof NDArray ? new NDArray(a.contiguous().slice(), a.shape, { dtype: a.dtype }) : isTypedArray(a) ? a.slice() : a));
}
export interface Checked { readonly error: number; readonly worst: string; readonly elements: number; readonly directions: number }
const ELEMENTWISE = 200, DIRECTIONS = 8;

const isSingle = (x: unknown): boolean => x instanceof Float32Array || (x instanceof NDArray && /^(float32|complex64)$/.test(x.dtype));
/** The real numbers in a value: two for a complex one. */
export function numbersIn(x: unknown): Float64Array {
  if (typeof x === "number" || typeof x === "bigint" || typeof x === "boolean") return Float64Array.of(Number(x));
  if (x instanceof NDArray) return Float64Array.from(x.contiguous() as Float64Array, Number);
  if (isTypedArray(x)) return Float64Array.from(x as Float64Array, Number);
  if (typeof x === "object" && x !== null && "re" in x && "im" in x) return Float64Array.of(Number(x.re), Number(x.im));
  return new Float64Array(0);
}
/** Numbers in the form of a value. */
export function inFormOf(like: unknown, numbers: Float64Array): Value {
  if (like instanceof NDArray) return new NDArray(isSingle(like) ? Float32Array.from(numbers) : numbers, like.shape, { dtype: isSingle(like) ? (isComplex(like.dtype) ? "complex64" : "float32") : isComplex(like.dtype) ? "complex128" : "float64" });
  if (isTypedArray(like)) return isSingle(like) ? Float32Array.from(numbers) : numbers;
  return typeof like === "number" ? numbers[0]! : { re: numbers[0]!, im: numbers[1]! };
}
/** Random weights for every output. */
export function randomCotangents(outputs: Readonly<Record<string, Value>>, seed: number): Record<string, Value> {
  const next = random(seed);
  return Object.fromEntries(Object.entries(outputs).map(([k, v]) => [k, inFormOf(v, numbersIn(v).map(() => next() - 0.3))]));
}

/** `run`: the gradient under test; `forward`: the program alone, for the differences. */
export function checkGradient(run: Callable<[args: unknown[], cotangents?: Readonly<Record<string, Value>>], VjpResult>, forward: (...args: unknown[]) => unknown, parameters: readonly string[], args: readonly unknown[]): Checked {
  const { outputs } = run([...args], ZERO_COTANGENTS), cotangents = randomCotangents(outputs, 5), { grads } = run([...args], cotangents);
  const weights = Object.entries(cotangents).map(([k, v]) => [k, numbersIn(v)] as const);
  const loss = (given: unknown[]): number => {
    const mine = copied(given);
    let result: unknown;
    // A step may lead out of what the program accepts; smaller ones are tried.
    try { result = forward(...mine); } catch (e) { if (e instanceof DaceError && e.code === "ERR_DACE_RAISED") return NaN; throw e; }
    let s = 0;
    for (const [k, w] of weights) {
      const item = /^return\[(\d+)\]$/.exec(k), y = numbersIn(k === "return" ? result : item ? (result as unknown[])[Number(item[1])] : mine[parameters.indexOf(k)]);
      for (let i = 0; i < w.length; i++) s += w[i]! * y[i]!;
    }
    return s;
  };
  const inputs = Object.entries(grads).map(([name, g]) => { const at = parameters.indexOf(name), values = numbersIn(args[at]); return { name, at, values, gradient: numbersIn(g), scale: 0.02 * Math.max(1e-3, values.reduce((m, x) => Math.max(m, Math.abs(x)), 0) || 1) }; });
  const unit = [...Object.values(outputs), ...args].some(isSingle) ? 2 ** -23 : 2 ** -52, next = random(11);
  type Move = ReadonlyMap<number, (i: number) => number>;
  const along = (move: Move, step: number): number => differentiateLine((h) => loss(args.map((x, k) => { const m = move.get(k); return m ? inFormOf(x, numbersIn(x).map((v, i) => v + h * m(i))) : x; })), step, unit);
  const found: { where: string; input: string; ad: number; reference: number }[] = [], total = inputs.reduce((n, x) => n + x.gradient.length, 0);
  if (total <= ELEMENTWISE) {
    for (const x of inputs) for (let i = 0; i < x.gradient.length; i++) found.push({ where: `${x.name}[${i}]`, input: x.name, ad: x.gradient[i]!, reference: along(new Map([[x.at, (k) => (k === i ? 1 : 0)]]), x.scale) });
  } else {
    for (let d = 0; d < DIRECTIONS; d++) {
      // Every input moves by its own measure.
      const moves = inputs.map((x) => ({ x, v: x.gradient.map(() => (next() - 0.5) * x.scale) }));
      found.push({ where: `direction ${d}`, input: "", ad: moves.reduce((s, { x, v }) => s + v.reduce((t, m, i) => t + m * x.gradient[i]!, 0), 0), reference: along(new Map(moves.map(({ x, v }) => [x.at, (i: number) => v[i]!])), 1) });
    }
  }
  let error = 0, worst = "";
  for (const f of found) {
    const largest = found.reduce((m, g) => (g.input === f.input ? Math.max(m, Math.abs(g.reference)) : m), 1e-300), e = f.ad === f.reference ? 0 : Math.abs(f.ad - f.reference) / largest;
    if (!(e <= error)) { error = Number.isNaN(e) ? Infinity : e; worst = `${f.where}: ${f.ad}, difference ${f.reference}`; }
  }
  return { error, worst, elements: total, directions: total <= ELEMENTWISE ? 0 : DIRECTIONS };
}
/** Gradients of the same cotangents by name, relative to the largest element of each. */
export function gradientDifference(a: Readonly<Record<string, Value>>, b: Readonly<Record<string, Value>>): number {
  return Object.keys(b).reduce((worst, k) => {
    const x = numbersIn(a[k]), y = numbersIn(b[k]), scale = y.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-300);
    return x.length !== y.length ? Infinity : y.reduce((w, v, i) => { const d = Math.abs(x[i]! - v) / scale; return Number.isNaN(d) ? Infinity : Math.max(w, d); }, worst);
  }, 0);
}
/** Single-precision arrays in double precision. */
export function doubled(values: readonly unknown[]): unknown[] {
  return values.map((v) => (v instanceof NDArray && isSingle(v) ? new NDArray(Float64Array.from(v.contiguous() as Float32Array), v.shape, { dtype: isComplex(v.dtype) ? "complex128" : "float64" }) : v));
}
export function singlePrecision(values: readonly unknown[]): boolean { return values.some(isSingle); }
