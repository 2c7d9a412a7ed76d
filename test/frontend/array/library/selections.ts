/** Masks, index arrays, histograms and sizes that are powers (fixtures/selections.py): NumPy's own results, and gradients against differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DType } from "../../../../ts/base/dtypes.js";
import { DaceError, gradcheck, jit, ndarray, NDArray, python } from "../../../../ts/index.js";
import { packageRoot } from "../../../../ts/runtime/addon.js";
import { allocate } from "../../../../ts/runtime/ndarray.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly number[] }
interface Case { readonly name: string; readonly args: readonly (number | Stored)[]; readonly results: readonly Stored[] }
const FOLDER = join(packageRoot(), "test", "frontend", "array", "library", "fixtures"), SOURCE = readFileSync(join(FOLDER, "selections.py"), "utf8");
const CASES = JSON.parse(readFileSync(join(FOLDER, "selections.json"), "utf8")) as readonly Case[];
/** Integers and single precision only. */
const NOT_DIFFERENTIATED: Readonly<Record<string, "ERR_DACE_NOT_DIFFERENTIABLE">> = { histogram_counts: "ERR_DACE_NOT_DIFFERENTIABLE", powers: "ERR_DACE_NOT_DIFFERENTIABLE" };

const value = (x: number | Stored): unknown => {
  if (typeof x === "number") return x;
  const a = allocate(x.dtype, x.data.length) as unknown as Record<number, number | bigint>;
  x.data.forEach((v, i) => { a[i] = x.dtype === "int64" ? BigInt(v) : v; });
  return ndarray(a as unknown as Float64Array, x.shape, { dtype: x.dtype });
};
const numbers = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : []);
export const program = (name: string): ReturnType<typeof python> => python({ source: SOURCE, name: "selections.py" }, { function: name });

export function register(device: "js" | "cpu"): void { CASES.forEach((c, n) => {
  test(`${c.name} #${n}`, (t) => {
    const r = jit(program(c.name), { device, cache: false })(...c.args.map(value)), results = c.results.length === 1 ? [r] : r as unknown[];
    for (const [i, want] of c.results.entries()) {
      const got = numbers(results[i]);
      t.is(got.length, want.data.length);
      want.data.forEach((v, k) => { t.true(Math.abs(got[k]! - v) <= 1e-13 * Math.max(1, Math.abs(v)), `result ${i}: element ${k} is ${got[k]} instead of ${v}`); });
    }
    // Differences say little in single precision, and nothing of elements that lie on an edge.
    if (c.args.some((a) => typeof a === "object" && (a.dtype === "float32" || a.data.includes(0.9)) && c.name.startsWith("histogram"))) return;
    const refused = NOT_DIFFERENTIATED[c.name];
    const check = (): ReturnType<typeof gradcheck> => gradcheck(program(c.name), c.args.map(value), { device, cache: false });
    if (refused) { t.is(t.throws(check, { instanceOf: DaceError }).code, refused); return; }
    const g = check();
    t.true(g.ok, JSON.stringify(g));
  });
}); }
