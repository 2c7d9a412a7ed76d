/** Programs about single rules of the two languages, against NumPy's results and against JavaScript itself; with `speculate: false` paths taken where sizes are odd. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "ava";
import { javascript, jit, ndarray, python, type DType } from "../../../ts/index.js";

const FOLDER = join(process.cwd(), "test/frontend/array");
interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly number[] }
type Plain = number | boolean | null | string | Stored | readonly Plain[];
interface Case { readonly name: string; readonly args: readonly Plain[]; readonly after?: readonly Plain[]; readonly result: Plain }

const PYTHON = readFileSync(join(FOLDER, "semantics.py"), "utf8");
const isStored = (v: Plain): v is Stored => typeof v === "object" && v !== null && "shape" in v;
const TYPED = { float64: Float64Array, float32: Float32Array, bool: Uint8Array } as const;

function argument(v: Plain): unknown {
  if (!isStored(v)) return v;
  if (v.dtype === "int64") return ndarray(BigInt64Array.from(v.data.map(BigInt)), v.shape, { dtype: "int64" });
  return ndarray(TYPED[v.dtype as keyof typeof TYPED].from(v.data.map(Number)), v.shape, { dtype: v.dtype });
}
/** All numbers of a value, in order. */
function numbers(v: unknown): number[] {
  if (v === null || v === undefined || typeof v === "string") return [];
  if (typeof v === "number" || typeof v === "boolean" || typeof v === "bigint") return [Number(v)];
  if (Array.isArray(v)) return (v as unknown[]).flatMap(numbers);
  if (ArrayBuffer.isView(v)) return Array.from(v as unknown as Iterable<number | bigint>, Number);
  if (typeof v === "object" && "data" in v) return Array.from(v.data as Iterable<number | bigint>, Number);
  return Object.values(v as object).flatMap(numbers);
}
function difference(got: readonly number[], want: readonly number[]): number {
  if (got.length !== want.length) return Infinity;
  return got.reduce((worst, x, i) => { const y = want[i]!; return Object.is(x, y) || x === y ? worst : Math.max(worst, Number.isNaN(x - y) ? Infinity : Math.abs(x - y) / Math.max(1, Math.abs(y))); }, 0);
}

const cases = JSON.parse(readFileSync(join(FOLDER, "semantics.json"), "utf8")) as Case[];
const byName = new Map<string, Case[]>();
for (const c of cases) byName.set(c.name, [...(byName.get(c.name) ?? []), c]);

for (const [name, list] of byName) {
  test(`python: ${name}`, (t) => {
    const f = jit(python({ source: PYTHON, name: "semantics.py" }, { function: name }), { device: "js", cache: false });
    for (const c of list) {
      const args = c.args.map(argument), result = f(...args);
      const tolerance = JSON.stringify(c).includes("float32") ? 1e-6 : 1e-12;
      t.true(difference(numbers(result), numbers(c.result)) <= tolerance, `result ${JSON.stringify(numbers(result))}, NumPy ${JSON.stringify(numbers(c.result))}`);
      t.true(difference(args.flatMap(numbers), (c.after ?? c.args).flatMap(numbers)) <= tolerance, `arguments afterwards ${JSON.stringify(args.map(numbers))}`);
    }
  });
}

const load = createRequire(join(FOLDER, "semantics.js"));
const { CASES, functions } = load(join(FOLDER, "semantics.js")) as { CASES: Record<string, unknown[][]>; functions: Record<string, (...a: unknown[]) => unknown> };
const JAVASCRIPT = readFileSync(join(FOLDER, "semantics.js"), "utf8");
for (const [name, lists] of Object.entries(CASES)) {
  test(`javascript: ${name}`, (t) => {
    const f = jit(javascript({ source: JAVASCRIPT, name: "semantics.js" }, { function: name }), { device: "js", cache: false });
    for (const given of lists) {
      const mine = structuredClone(given), theirs = structuredClone(given);
      const got = f(...mine), want = functions[name]!(...theirs);
      t.is(typeof got, typeof want);
      t.true(difference(numbers(got), numbers(want)) <= 1e-12, `result ${JSON.stringify(numbers(got))}, JavaScript ${JSON.stringify(numbers(want))}`);
      t.true(difference(mine.flatMap(numbers), theirs.flatMap(numbers)) <= 1e-12, `arguments afterwards ${JSON.stringify(mine.map(numbers))}`);
    }
  });
}
