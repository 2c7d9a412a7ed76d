/** The functions of a fixture in Python: what NumPy gives, and gradients against differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { DType } from "../../../../ts/base/dtypes.js";
import { DaceError, gradcheck, jit, ndarray, NDArray, python } from "../../../../ts/index.js";
import { packageRoot } from "../../../../ts/runtime/addon.js";
import { allocate } from "../../../../ts/runtime/ndarray.js";
import { slowly } from "../../../support/effort.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly number[] }
interface Case { readonly name: string; readonly args: readonly (number | Stored)[]; readonly results: readonly Stored[]; readonly changed: Readonly<Record<string, Stored>> }

const value = (x: number | Stored): unknown => {
  if (typeof x === "number") return x;
  const a = allocate(x.dtype, x.shape.reduce((n, k) => n * k, 1)) as unknown as Record<number, number | bigint>;
  x.data.forEach((v, i) => { a[i] = x.dtype === "int64" ? BigInt(v) : v; });
  return ndarray(a as unknown as Float64Array, x.shape, { dtype: x.dtype });
};
const isDifferentiable = (d: DType): boolean => d === "float64" || d === "complex128";
const numbers = (x: unknown): number[] => (typeof x === "number" || typeof x === "boolean" ? [Number(x)] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : x && typeof x === "object" && "re" in x ? [Number(x.re), Number((x as unknown as { im: number }).im)] : []);
const far = (got: readonly number[], { data: want, dtype }: Stored): string | undefined => {
  const tolerance = dtype === "float32" || dtype === "complex64" ? 1e-6 : 1e-13;
  if (got.length !== want.length) return `${got.length} numbers instead of ${want.length}`;
  const k = want.findIndex((v, i) => !(Math.abs(got[i]! - v) <= tolerance * Math.max(1, Math.abs(v))));
  return k < 0 ? undefined : `element ${k} is ${got[k]} instead of ${want[k]}`;
};

/** test/`folder`/fixtures holds `name`.py and `name`.json. The fast run takes one case of `every`. */
export function register(device: "js" | "cpu", folder: string, name: string, every = 1): void {
  const at = join(packageRoot(), "test", folder, "fixtures", name), source = readFileSync(`${at}.py`, "utf8"), cases = JSON.parse(readFileSync(`${at}.json`, "utf8")) as readonly Case[];
  const program = (f: string): ReturnType<typeof python> => python({ source, name: `${name}.py` }, { function: f });
  for (const [k, c] of cases.entries()) (k % every === 0 ? test : slowly)(c.name, (t) => { check(t, c, program, device); });
}
function check(t: ExecutionContext, c: Case, program: (f: string) => ReturnType<typeof python>, device: "js" | "cpu"): void {
  const args = c.args.map(value), r = jit(program(c.name), { device, cache: false })(...args), flat = (x: unknown): unknown[] => (Array.isArray(x) ? x.flatMap(flat) : [x]), results = c.results.length === 0 ? [] : flat(r);
  t.is(results.length, c.results.length);
  for (const [i, want] of c.results.entries()) {
    t.is(far(numbers(results[i]), want), undefined, `result ${i}`);
    if (results[i] instanceof NDArray) t.deepEqual([[...results[i].shape], results[i].dtype], [[...want.shape], want.dtype], `result ${i}`);
  }
  for (const [i, want] of Object.entries(c.changed)) t.is(far(numbers(args[Number(i)]), want), undefined, `argument ${i}`);
  c.args.forEach((a, i) => { if (typeof a === "object" && !c.changed[i]) t.is(far(numbers(args[i]), a), undefined, `argument ${i} is not changed`); });
  const gradients = (): ReturnType<typeof gradcheck> => gradcheck(program(c.name), c.args.map(value), { device, cache: false });
  // Positions and counts have no derivative.
  const floats = c.args.some((a) => (typeof a === "object" ? isDifferentiable(a.dtype) : !Number.isInteger(a))) && [...c.results, ...Object.values(c.changed)].some((x) => isDifferentiable(x.dtype));
  if (!floats) { t.is(t.throws(gradients, { instanceOf: DaceError }).code, "ERR_DACE_NOT_DIFFERENTIABLE"); return; }
  const g = gradients();
  t.true(g.ok, JSON.stringify(g));
}
