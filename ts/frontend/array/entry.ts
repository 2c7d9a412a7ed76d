/** Integers of floats: what follows from the call's numbers and sizes alone is a symbol of its own, found before the run (scalar/entry.ts). */
import { isComplex, isInteger } from "../../base/dtypes.js";
import type { SourceLoc } from "../../base/errors.js";
import type { EntryExpr } from "../../scalar/entry.js";
import { isEntryOp } from "../../scalar/entry.js";
import type { ScalarExpr } from "../../scalar/expr.js";
import { type Expr, neg, sym } from "../../symbolic/expr.js";
import { knownOnEntry } from "./bounds.js";
import type { Lowering } from "./context.js";

function entryExpr(ctx: Lowering, e: ScalarExpr): EntryExpr | undefined {
  switch (e.kind) {
    case "const": return typeof e.value === "number" && e.imag === undefined ? e.value : undefined;
    case "symbolic": return knownOnEntry(ctx, e.expr) ? { int: e.expr.key } : undefined;
    case "input": {
      const { data } = ctx.memlet(e.index), name = ctx.numbers.get(data);
      return name === undefined ? undefined : { arg: name };
    }
    case "cast": {
      if (e.dtype !== "float64" && e.dtype !== "int64") return undefined;
      const x = entryExpr(ctx, e.arg);
      return x === undefined || e.dtype === "float64" || isInteger(e.arg.dtype) ? x : { op: "trunc", args: [x] };
    }
    case "op": {
      if (!isEntryOp(e.op) || isComplex(e.dtype) || (e.dtype !== "float64" && e.dtype !== "int64" && e.dtype !== "bool")) return undefined;
      const args = e.args.map((a) => entryExpr(ctx, a));
      return args.some((a) => a === undefined) ? undefined : { op: e.op, args: args as EntryExpr[] };
    }
  }
}
function readsNumbers(e: EntryExpr): boolean { return typeof e === "object" && ("arg" in e || ("op" in e && (e.args.some(readsNumbers) || /^(sqrt|cbrt|exp|log|log2|log10|pow|div)$/.test(e.op)))); }
/** Found before the run whatever the run does: only what it certainly asks for, or has asked for. */
function certain(ctx: Lowering, e: EntryExpr): boolean { return (ctx.scopes.length === 0 && ctx.body === ctx.top) || ctx.symbols.includes(ctx.entryIntegers.get(JSON.stringify({ op: "trunc", args: [e] })) ?? ""); }
function symbolFor(ctx: Lowering, e: EntryExpr, label: string): Expr {
  const key = JSON.stringify(e), known = ctx.entryIntegers.get(key);
  if (known !== undefined && ctx.symbols.includes(known)) return sym(known);
  const s = ctx.addSymbol(label);
  ctx.entryIntegers.set(key, s.key);
  return s;
}

/** The integer part of a number that follows from the call's numbers and sizes. */
export function entryInteger(ctx: Lowering, code: ScalarExpr): Expr | undefined {
  const e = entryExpr(ctx, code);
  return e === undefined || !readsNumbers(e) || !certain(ctx, e) ? undefined : symbolFor(ctx, { op: "trunc", args: [e] }, "whole");
}
/** The same for a number that must be an integer: the entry checks it. */
export function exactEntryInteger(ctx: Lowering, code: ScalarExpr, loc: SourceLoc | undefined): Expr | undefined {
  if (ctx.signature.checked) return undefined;
  const e = entryExpr(ctx, code);
  if (e === undefined || !readsNumbers(e) || !certain(ctx, e)) return undefined;
  const off = symbolFor(ctx, { op: "ne", args: [e, { op: "trunc", args: [e] }] }, "fraction");
  ctx.check({ kind: "bounds", expr: neg(off), message: "a number that is needed as an integer has a fraction", ...(loc ? { loc } : {}) });
  return symbolFor(ctx, { op: "trunc", args: [e] }, "whole");
}
