/** Results of programs as plain numbers with their shapes, and their comparison with expected ones. */
import { NDArray } from "../../../../ts/index.js";

/** As fixtures/numpy_cases.py writes them. */
export type Expected = null | { readonly tuple: readonly Expected[] } | { readonly shape: readonly number[]; readonly dtype: string; readonly data: readonly Plain[] } | { readonly value: Plain; readonly dtype: string };
/** Complex numbers as pairs. */
type Plain = number | boolean | string | readonly [number, number];

const numbers = (x: unknown): number[] => (x && typeof x === "object" && "re" in x ? [Number(x.re), Number((x as unknown as { im: number }).im)] : Array.isArray(x) ? x.flatMap(numbers) : [number(x)]);
const number = (x: unknown): number => (typeof x === "string" ? ({ inf: Infinity, "-inf": -Infinity, nan: NaN })[x] ?? NaN : Number(x));

interface Found { readonly shape: readonly number[]; readonly data: readonly number[]; readonly dtype: string | undefined }
const DTYPES: Readonly<Record<string, string>> = { Float64Array: "float64", Float32Array: "float32", Int8Array: "int8", Int16Array: "int16", Int32Array: "int32", BigInt64Array: "int64", Uint8Array: "uint8", Uint16Array: "uint16", Uint32Array: "uint32", BigUint64Array: "uint64" };
function found(x: unknown): Found {
  if (x instanceof NDArray) return { shape: x.shape, data: numbers(x.shape.length === 0 ? x.get() : x.toArray()), dtype: x.dtype };
  if (ArrayBuffer.isView(x)) return { shape: [(x as Float64Array).length], data: Array.from(x as Float64Array, number), dtype: DTYPES[x.constructor.name] };
  return { shape: [], data: numbers(x), dtype: typeof x === "boolean" ? "bool" : undefined };
}

const close = (a: number, b: number, tolerance: number): boolean => Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

/** What is wrong with a result; undefined: nothing. */
export function difference(result: unknown, expected: Expected, path = "result"): string | undefined {
  if (expected === null) return result === undefined ? undefined : `${path}: expected nothing`;
  if ("tuple" in expected) {
    if (!Array.isArray(result)) return `${path}: expected a tuple of ${expected.tuple.length}, got ${typeof result}`;
    if (result.length !== expected.tuple.length) return `${path}: ${result.length} items instead of ${expected.tuple.length}`;
    for (const [i, e] of expected.tuple.entries()) { const d = difference(result[i], e, `${path}[${i}]`); if (d) return d; }
    return undefined;
  }
  const f = found(result), scalar = "value" in expected;
  const shape = scalar ? [] : expected.shape, data = numbers(scalar ? [expected.value] : expected.data);
  if (f.shape.join() !== shape.join()) return `${path}: shape (${f.shape.join()}) instead of (${shape.join()})`;
  // One-dimensional booleans come back as bytes; a 0-d array is a number.
  if (!scalar && shape.length > 0 && f.dtype !== expected.dtype && !(expected.dtype === "bool" && shape.length === 1 && f.dtype === "uint8")) return `${path}: dtype ${f.dtype} instead of ${expected.dtype}`;
  if (scalar && (expected.dtype === "bool" || typeof expected.value === "boolean") !== (f.dtype === "bool")) return `${path}: ${f.dtype === "bool" ? "a" : "no"} boolean`;
  if (f.data.length !== data.length) return `${path}: ${f.data.length} numbers instead of ${data.length}`;
  const tolerance = expected.dtype === "float32" || expected.dtype === "complex64" ? 1e-5 : 1e-13;
  const wrong = data.findIndex((e, i) => !close(f.data[i]!, e, tolerance));
  return wrong < 0 ? undefined : `${path}: element ${wrong} is ${f.data[wrong]} instead of ${data[wrong]}`;
}
