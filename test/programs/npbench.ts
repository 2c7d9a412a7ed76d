/** The programs of npbench.py: what NumPy made of the same inputs (fixtures/npbench_cases.json), and gradients in every float and complex input against differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestFn } from "ava";
import type { DType } from "../../ts/base/dtypes.js";
import type { ErrorCode } from "../../ts/base/errors.js";
import { DaceError, gradcheck, jit, ndarray, NDArray, python } from "../../ts/index.js";
import { packageRoot } from "../../ts/runtime/addon.js";
import { allocate } from "../../ts/runtime/ndarray.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly (number | boolean)[] }
interface Case { readonly name: string; /** "4n": a big integer. */ readonly args: readonly (number | string | Stored)[]; readonly results: readonly Stored[]; readonly changed: Readonly<Record<string, Stored>> }
const FOLDER = join(packageRoot(), "test", "programs");
export const SOURCE = readFileSync(join(FOLDER, "npbench.py"), "utf8");
export const CASES = JSON.parse(readFileSync(join(FOLDER, "fixtures", "npbench_cases.json"), "utf8")) as readonly Case[];

const isInteger = (x: number | string | Stored): boolean => (typeof x === "object" ? /int/.test(x.dtype) : typeof x === "string" || Number.isInteger(x));

export const value = (x: number | string | Stored): unknown => {
  if (typeof x === "number") return x;
  if (typeof x === "string") return BigInt(x.slice(0, -1));
  const a = allocate(x.dtype, x.shape.reduce((n, k) => n * k, 1)) as unknown as Record<number, number | bigint>;
  x.data.forEach((v, i) => { a[i] = x.dtype === "int64" ? BigInt(Number(v)) : Number(v); });
  return ndarray(a as unknown as Float64Array, x.shape, { dtype: x.dtype });
};
const numbers = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : []);
/** `single`: something on the way is in single precision, which rounds sums in any order. */
function far(got: unknown, want: Stored, single = false): string | undefined {
  const g = numbers(got), w = want.data.map(Number), largest = w.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-300), exact = /int/.test(want.dtype), tolerance = exact ? 0 : single || want.dtype === "float32" ? 1e-5 : 1e-12;
  if (g.length !== w.length) return `${g.length} numbers instead of ${w.length}`;
  const i = w.findIndex((v, k) => !(Math.abs(g[k]! - v) <= tolerance * largest));
  return i < 0 ? undefined : `element ${i} is ${g[i]} instead of ${w[i]}`;
}

export function register(test: TestFn, device: "js" | "cpu"): void { CASES.forEach((c, n) => {
  const single = c.args.some((a) => typeof a === "object" && a.dtype === "float32"), integral = c.args.every(isInteger) && c.args.some((a) => typeof a === "object");
  const program = (): ReturnType<typeof python> => python({ source: SOURCE, name: "npbench.py" }, { function: c.name });
  test(`${c.name} #${n}: as NumPy`, (t) => {
    const args = c.args.map(value), r = jit(program(), { device, cache: false })(...args);
    const results = c.results.length === 0 ? [] : c.results.length === 1 ? [r] : r as unknown[];
    for (const [i, want] of c.results.entries()) t.is(far(results[i], want, single), undefined, `result ${i}`);
    for (const [i, want] of Object.entries(c.changed)) t.is(far(args[Number(i)], want, single), undefined, `argument ${i}`);
    c.args.forEach((a, i) => { if (typeof a === "object" && !c.changed[i]) t.is(far(args[i], a), undefined, `argument ${i} is not changed`); });
  });
  const refused: ErrorCode | undefined = integral ? "NOT_DIFFERENTIABLE" : undefined;
  test(`${c.name} #${n}: gradient`, (t) => {
    const check = (): ReturnType<typeof gradcheck> => gradcheck(program(), c.args.map(value), { device, cache: false, rtol: single ? 1e-2 : 1e-7 });
    if (refused) { t.is(t.throws(check, { instanceOf: DaceError }).code, `ERR_DACE_${refused}`); return; }
    const r = check();
    t.true(r.ok, JSON.stringify(r));
  });
}); }
