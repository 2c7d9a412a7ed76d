/** The cases of fixtures/numpy_cases.json, and running them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jit, ndarray, python } from "../../../../ts/index.js";
import type { DType } from "../../../../ts/base/dtypes.js";
import { allocate } from "../../../../ts/runtime/ndarray.js";
import { packageRoot } from "../../../../ts/runtime/addon.js";
import { difference, type Expected } from "./compare.js";

export interface Case { readonly family: string; readonly name: string; readonly source: string; readonly args: readonly string[]; readonly expected: Expected }
const FILE = JSON.parse(readFileSync(join(packageRoot(), "test", "frontend", "array", "library", "fixtures", "numpy_cases.json"), "utf8")) as { readonly data: Readonly<Record<string, Expected>>; readonly cases: readonly Case[] };
export const CASES = FILE.cases;
export const FAMILIES = [...new Set(CASES.map((c) => c.family))];

const number = (x: unknown): number => (typeof x === "string" ? Number(x.replace("inf", "Infinity")) : Number(x));
function argument(name: string): unknown {
  const e = FILE.data[name];
  if (!e || "tuple" in e) throw new Error(`no data ${name}`);
  if ("value" in e) return e.value;
  const dtype = e.dtype as DType, buffer = allocate(dtype, e.data.length);
  if (dtype.startsWith("complex")) e.data.flat().forEach((x, i) => { (buffer as Float64Array)[i] = Number(x); });
  else e.data.forEach((x, i) => { (buffer as unknown as unknown[])[i] = dtype === "int64" ? BigInt(number(x)) : number(x); });
  return ndarray(buffer, e.shape, { dtype });
}

/** What is wrong with one case. */
export function run(c: Case, device: "js" | "cpu"): string[] {
  try {
    const d = difference(jit(python(c.source, { function: "f" }), { device, cache: false })(...c.args.map(argument)), c.expected);
    return d ? [`${c.name}: ${d}`] : [];
  } catch (e) { return [`${c.name}: ${e instanceof Error ? e.message.split("\n").slice(0, 12).join(" ") : String(e)}`]; }
}

/** Cases that are one expression are put together in programs of several, which compile in one go. */
export function groups(family: string, size: number): readonly (readonly Case[])[] {
  const all = CASES.filter((c) => c.family === family), single = all.filter((c) => c.source.split("\n").length === 5 && c.source.includes("\n    return "));
  const out: Case[][] = all.filter((c) => !single.includes(c)).map((c) => [c]);
  for (let i = 0; i < single.length; i += size) out.push(single.slice(i, i + size));
  return out;
}
export function runGroup(list: readonly Case[], device: "js" | "cpu"): string[] {
  if (list.length === 1) return run(list[0]!, device);
  const args = [...new Set(list.flatMap((c) => c.args))];
  const source = `import math\nimport numpy as np\ndef f(${args.join(", ")}):\n    return (${list.map((c) => c.name).join(",\n        ")},)\n`;
  try {
    const results = jit(python(source, { function: "f" }), { device, cache: false })(...args.map(argument)) as unknown[];
    return list.flatMap((c, i) => { const d = difference(results[i], c.expected); return d ? [`${c.name}: ${d}`] : []; });
  } catch {
    // One of them is refused: which one?
    const alone = list.flatMap((c) => run(c, device));
    return alone.length > 0 ? alone : [`only together: ${list.map((c) => c.name).join("; ")}`];
  }
}
