/** The functions of fixtures/algorithms.py: what NumPy gives, and gradients against differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DType } from "../../../../ts/base/dtypes.js";
import { DaceError, gradcheck, jit, ndarray, NDArray, python } from "../../../../ts/index.js";
import { packageRoot } from "../../../../ts/runtime/addon.js";
import { allocate } from "../../../../ts/runtime/ndarray.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly number[] }
interface Case { readonly name: string; readonly args: readonly (number | Stored)[]; readonly results: readonly Stored[]; readonly changed: Readonly<Record<string, Stored>> }
const FOLDER = join(packageRoot(), "test", "frontend", "array", "library", "fixtures"), SOURCE = readFileSync(join(FOLDER, "algorithms.py"), "utf8");
const CASES = JSON.parse(readFileSync(join(FOLDER, "algorithms.json"), "utf8")) as readonly Case[];

const value = (x: number | Stored): unknown => {
  if (typeof x === "number") return x;
  const a = allocate(x.dtype, x.data.length) as unknown as Record<number, number | bigint>;
  x.data.forEach((v, i) => { a[i] = x.dtype === "int64" ? BigInt(v) : v; });
  return ndarray(a as unknown as Float64Array, x.shape, { dtype: x.dtype });
};
const numbers = (x: unknown): number[] => (typeof x === "number" || typeof x === "boolean" ? [Number(x)] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : []);
const far = (got: readonly number[], want: readonly number[]): string | undefined => {
  if (got.length !== want.length) return `${got.length} numbers instead of ${want.length}`;
  const k = want.findIndex((v, i) => !(Math.abs(got[i]! - v) <= 1e-13 * Math.max(1, Math.abs(v))));
  return k < 0 ? undefined : `element ${k} is ${got[k]} instead of ${want[k]}`;
};
const program = (name: string): ReturnType<typeof python> => python({ source: SOURCE, name: "algorithms.py" }, { function: name });

export function register(device: "js" | "cpu"): void { for (const c of CASES) test(c.name, (t) => {
  const args = c.args.map(value), r = jit(program(c.name), { device, cache: false })(...args), results = c.results.length === 1 ? [r] : r as unknown[];
  for (const [i, want] of c.results.entries()) {
    t.is(far(numbers(results[i]), want.data), undefined, `result ${i}`);
    if (results[i] instanceof NDArray) t.deepEqual([[...results[i].shape], results[i].dtype], [[...want.shape], want.dtype], `result ${i}`);
  }
  for (const [i, want] of Object.entries(c.changed)) t.is(far(numbers(args[Number(i)]), want.data), undefined, `argument ${i}`);
  c.args.forEach((a, i) => { if (typeof a === "object" && !c.changed[i]) t.is(far(numbers(args[i]), a.data), undefined, `argument ${i} is not changed`); });
  const check = (): ReturnType<typeof gradcheck> => gradcheck(program(c.name), c.args.map(value), { device, cache: false });
  // Positions and counts have no derivative.
  const floats = c.args.some((a) => (typeof a === "object" ? a.dtype === "float64" : !Number.isInteger(a))) && (c.results.some((x) => x.dtype === "float64") || Object.values(c.changed).some((x) => x.dtype === "float64"));
  if (!floats) { t.is(t.throws(check, { instanceOf: DaceError }).code, "ERR_DACE_NOT_DIFFERENTIABLE"); return; }
  const g = check();
  t.true(g.ok, JSON.stringify(g));
}); }
