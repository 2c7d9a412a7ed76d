/** Every function of the NumPy side against what NumPy itself gives (fixtures/numpy_cases.json). */
import test from "ava";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jit, ndarray, python } from "../../../../ts/index.js";
import type { DType } from "../../../../ts/base/dtypes.js";
import { allocate } from "../../../../ts/runtime/ndarray.js";
import { packageRoot } from "../../../../ts/runtime/addon.js";
import { difference, type Expected } from "./compare.js";

interface Case { readonly family: string; readonly name: string; readonly source: string; readonly args: readonly string[]; readonly expected: Expected }
const FILE = JSON.parse(readFileSync(join(packageRoot(), "test", "frontend", "array", "library", "fixtures", "numpy_cases.json"), "utf8")) as { readonly data: Readonly<Record<string, Expected>>; readonly cases: readonly Case[] };

const number = (x: unknown): number => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : Number(x));
function argument(name: string): unknown {
  const e = FILE.data[name];
  if (!e || "tuple" in e) throw new Error(`no data ${name}`);
  if ("value" in e) return e.value;
  const dtype = e.dtype as DType, buffer = allocate(dtype, e.data.length);
  e.data.forEach((x, i) => { (buffer as unknown as unknown[])[i] = dtype === "int64" ? BigInt(number(x)) : number(x); });
  return ndarray(buffer, e.shape, { dtype });
}

/** Runs one case; gives what is wrong with it. */
function run(c: Case): string | undefined {
  try {
    return difference(jit(python(c.source, { function: "f" }), { device: "js", cache: false })(...c.args.map(argument)), c.expected);
  } catch (e) { return e instanceof Error ? (process.env["CASES_STACK"] ? e.stack : e.message.split("\n")[0]) : String(e); }
}

for (const family of new Set(FILE.cases.map((c) => c.family))) {
  test(`as NumPy: ${family}`, (t) => {
    const cases = FILE.cases.filter((c) => c.family === family);
    const wrong = cases.flatMap((c) => { const problem = run(c); return problem ? [`${c.name}: ${problem}`] : []; });
    t.deepEqual(wrong, []);
    t.true(cases.length > 0);
  });
}
