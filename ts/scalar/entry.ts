/**
 * Integers that follow from a call's numbers and sizes by floating-point arithmetic, such as int(T / dt) or Math.sqrt(a.length): found once per call, before the run, so that they can be sizes and
 * bounds like any other. As data, since they are part of a plan.
 */
import { evaluate } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import type { OpName } from "./expr.js";

/** A number; the value of a parameter; an integer expression of sizes; an operation. */
export type EntryExpr = number | { readonly arg: string } | { readonly int: string } | { readonly op: EntryOp; readonly args: readonly EntryExpr[] };

const OPS = {
  add: (a: number, b: number) => a + b, sub: (a: number, b: number) => a - b, mul: (a: number, b: number) => a * b, div: (a: number, b: number) => a / b, neg: (a: number) => -a, abs: Math.abs,
  pow: (a: number, b: number) => a ** b, square: (a: number) => a * a, reciprocal: (a: number) => 1 / a, min: (a: number, b: number) => Math.min(a, b), max: (a: number, b: number) => Math.max(a, b),
  sqrt: Math.sqrt, cbrt: Math.cbrt, exp: Math.exp, log: Math.log, log2: Math.log2, log10: Math.log10, floor: Math.floor, ceil: Math.ceil, trunc: Math.trunc, jsround: Math.round,
  round: (a: number) => { const r = Math.round(a); return Math.abs(a - Math.trunc(a)) === 0.5 && r % 2 !== 0 ? r - 1 : r; }, floordiv: (a: number, b: number) => Math.floor(a / b), mod: (a: number, b: number) => a - b * Math.floor(a / b), rem: (a: number, b: number) => a % b,
  ne: (a: number, b: number) => Number(a !== b),
} as const;
export type EntryOp = keyof typeof OPS;
export function isEntryOp(name: OpName): name is EntryOp & OpName { return name in OPS; }

/** The parameters that it reads. */
export function argumentsOf(e: EntryExpr): string[] { return typeof e === "number" || "int" in e ? [] : "arg" in e ? [e.arg] : e.args.flatMap(argumentsOf); }

/** Its value at a call; not a safe integer where the arithmetic leads there. */
export function evaluateEntry(e: EntryExpr, arg: (name: string) => number, symbols: ReadonlyMap<string, number>): number {
  if (typeof e === "number") return e;
  if ("arg" in e) return arg(e.arg);
  if ("int" in e) return evaluate(parseExpr(e.int), symbols);
  const [a, b] = e.args.map((x) => evaluateEntry(x, arg, symbols));
  return (OPS[e.op])(a!, b!);
}
