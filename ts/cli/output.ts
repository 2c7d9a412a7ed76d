/** Results on standard output: as a person reads them, or as JSON. */
import { inspect } from "node:util";
import { isTypedArray, NDArray } from "../runtime/ndarray.js";
import { writeNpz } from "../runtime/npy.js";
import { asArray } from "./arguments.js";
import { DaceError } from "../base/errors.js";

/** Plain JSON: arrays nested by their shape; NaN and infinities as strings, since JSON has none; complex as { re, im }. */
export function jsonOf(v: unknown): unknown {
  if (typeof v === "number") return Number.isFinite(v) ? v : String(v);
  if (typeof v === "bigint") return Number.isSafeInteger(Number(v)) ? Number(v) : String(v);
  if (v instanceof NDArray) return jsonOf(v.toArray());
  if (isTypedArray(v)) return Array.from(v as Float64Array, (x) => jsonOf(x));
  if (Array.isArray(v)) return v.map(jsonOf);
  if (v === undefined) return null;
  if (typeof v === "object" && v !== null) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, jsonOf(x)]));
  return v;
}

/** Prints named results. */
export function print(results: Readonly<Record<string, unknown>>, json: boolean): void {
  if (json) { process.stdout.write(`${JSON.stringify(jsonOf(results))}\n`); return; }
  for (const [name, v] of Object.entries(results)) process.stdout.write(`${name} = ${textOf(v)}\n`);
}
function textOf(v: unknown): string {
  return isTypedArray(v) ? inspect(new NDArray(v, [v.length])) : inspect(v, { depth: 6 });
}

/** Writes named results to an .npz file; tuples as name[0], name[1]. */
export function save(path: string, results: Readonly<Record<string, unknown>>): void {
  if (!path.endsWith(".npz")) throw new DaceError("ARGUMENT", `--out ${path}: results are written as .npz`);
  const arrays = new Map<string, NDArray>();
  const add = (name: string, v: unknown): void => {
    const a = asArray(v);
    if (a) arrays.set(name, a);
    else if (Array.isArray(v)) v.forEach((x, i) => { add(`${name}[${i}]`, x); });
  };
  for (const [k, v] of Object.entries(results)) add(k, v);
  writeNpz(path, arrays);
}
