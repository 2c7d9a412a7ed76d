/** Values that are sizes, axes and integers; and the question whether two sizes are equal. */
import { isFloat, isInteger } from "../../base/dtypes.js";
import type { SourceLoc } from "../../base/errors.js";
import { cast, op, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import { freshId } from "../../sdfg/sdfg.js";
import { addInt, type Expr, floordiv, int, load, loadedContainers, mod, neg, sub } from "../../symbolic/expr.js";
import { isEqual, nonNegative } from "../../symbolic/prove.js";
import { entryBound, knownOnEntry } from "./bounds.js";
import type { Lowering } from "./context.js";
import { entryInteger, exactEntryInteger } from "./entry.js";
import { holds } from "./library/integers.js";
import { type Value, constantOf, describe, integerOf } from "./value.js";

/** Two sizes must be equal. Proven: nothing happens; refuted: a SHAPE error; else a check on entry (or, for sizes read from data, where the program runs). */
export function sameSize(ctx: Lowering, a: Expr, b: Expr, loc: SourceLoc | undefined, message: string, hint?: string): void {
  // Of lengths that the run finds nothing is known but that they are the same one.
  const lengths = isLength(ctx, a) || isLength(ctx, b);
  switch (a.key === b.key ? "yes" : lengths ? "unknown" : isEqual(a, b, ctx.facts)) {
    case "yes": return;
    case "no": return ctx.fail("SHAPE", message, loc, hint);
    case "unknown": break;
  }
  const d = sub(a, b), at = loc ? { loc } : {};
  if (knownOnEntry(ctx, d)) {
    ctx.check({ kind: "shape", expr: d, message, ...at });
    ctx.assume(d); ctx.assume(neg(d));
    return;
  }
  // Equal for all iterations of the loops around if neither bound of the difference is off zero.
  const opaque = loadedContainers(d).size > 0, low = opaque ? undefined : entryBound(ctx, d, "lower"), high = opaque ? undefined : entryBound(ctx, neg(d), "lower");
  if (low && high) {
    for (const e of [low, high]) if (e.constant !== 0) { ctx.check({ kind: "shape", expr: e, message, ...at }); ctx.assume(e); ctx.assume(neg(e)); }
    return;
  }
  runCheck(ctx, op("ne", "bool", symbolic(a), symbolic(b)), message, loc);
}

function isLength(ctx: Lowering, e: Expr): boolean { return ctx.lengths.size > 0 && [...loadedContainers(e)].some((c) => ctx.lengths.has(c)); }

/** Emits an error that the program stops with where the condition holds. */
export function runCheck(ctx: Lowering, wrong: ScalarExpr, message: string, loc: SourceLoc | undefined): void {
  ctx.conditional(wrong, () => { ctx.emit({ kind: "raise", id: freshId(), code: "BOUNDS", message, ...(loc ? { loc } : {}) }); }, undefined, loc);
}

/** Operations whose result is a whole number whatever they are given. */
const INTEGRAL_OPS = new Set(["floor", "ceil", "trunc", "round", "jsround", "floordiv", "bitand", "bitor", "bitxor", "bitnot", "shl", "shr", "ushr"]);
function integral(e: ScalarExpr): boolean {
  switch (e.kind) {
    case "symbolic": return true;
    case "const": return typeof e.value !== "number" || Number.isInteger(e.value);
    case "cast": return isInteger(e.dtype) || e.arg.dtype === "bool" || integral(e.arg);
    case "input": return isInteger(e.dtype) || e.dtype === "bool";
    case "op":
      if (isInteger(e.dtype) || e.dtype === "bool" || INTEGRAL_OPS.has(e.op)) return true;
      if (e.op === "select") return integral(e.args[1]!) && integral(e.args[2]!);
      return ["add", "sub", "mul", "neg", "abs", "min", "max", "square", "sign", "mod", "rem"].includes(e.op) && e.args.every(integral);
  }
}

/** The value as a symbolic integer; one that only the run knows is stored and loaded. Undefined if it is not integral. */
export function toInteger(ctx: Lowering, v: Value, loc?: SourceLoc): Expr | undefined {
  const known = integerOf(v);
  if (known) return known;
  if (v.kind === "array" && v.dims.length === 0 && isInteger(v.dtype)) return load(v.data, v.base);
  if (v.kind !== "scalar") return undefined;
  if (ctx.language === "javascript") {
    const c = constantOf(v);
    if (typeof c === "number" && Number.isSafeInteger(c)) return int(c);
    if (!integral(v.code)) return undefined;
  } else if (!isInteger(v.dtype) && v.dtype !== "bool") return undefined;
  const entry = v.dtype === "bool" ? undefined : entryInteger(ctx, v.code);
  if (entry) return entry;
  return storedInteger(ctx, v.code, loc);
}
function storedInteger(ctx: Lowering, code: ScalarExpr, loc: SourceLoc | undefined): Expr {
  const c = ctx.addContainer({ dtype: "int64", shape: [], transient: true, label: "index", ...(loc ? { loc } : {}) });
  ctx.scopes.at(-1)?.locals.push(c.name);
  ctx.single.add(c.name);
  ctx.tasklet(c.name, [], cast(code, "int64"), loc ? { loc } : {});
  return load(c.name, []);
}

/** A quotient of integers that is taken to be whole where an integer is needed, which the entry checks: `new Float64Array(a.length / 2)`. */
export function exactQuotient(ctx: Lowering, v: Value, loc: SourceLoc | undefined): Expr | undefined {
  if (v.kind !== "scalar" || !v.ratio) return undefined;
  const { a, b } = v.ratio;
  if (nonNegative(addInt(b, -1), ctx.facts) !== "yes") return undefined;
  return holds(ctx, neg(mod(a, b)), `${b.key} divides ${a.key}`, loc) ? floordiv(a, b) : undefined;
}

/** A JavaScript number that nothing says to be an integer: it is checked, on entry or where the program runs. */
export function checkedInteger(ctx: Lowering, v: Value, loc: SourceLoc | undefined, what: string): Expr | undefined {
  if (ctx.language !== "javascript" || v.kind !== "scalar" || v.dtype !== "float64" || v.code.kind === "const") return undefined;
  const entry = exactEntryInteger(ctx, v.code, loc);
  if (entry) return entry;
  runCheck(ctx, op("ne", "bool", v.code, op("trunc", "float64", v.code)), `${what} must be an integer`, loc);
  return storedInteger(ctx, v.code, loc);
}

/** The value as a symbolic integer, or a TYPE error that says what it was needed for. */
export function requireInt(ctx: Lowering, v: Value, loc: SourceLoc | undefined, what: string): Expr {
  const e = toInteger(ctx, v, loc) ?? exactQuotient(ctx, v, loc) ?? checkedInteger(ctx, v, loc, what);
  if (e) return e;
  const c = constantOf(v);
  const hint = v.kind === "scalar" && isFloat(v.dtype) ? (ctx.language === "python" ? "use int(…), or // instead of /" : "use Math.floor(…), Math.trunc(…) or | 0") : undefined;
  return ctx.fail("TYPE", `${what} must be an integer, not ${typeof c === "number" ? String(c) : describe(v)}`, loc, hint);
}

/** A shape: one integer, or a tuple or list of them. */
export function shapeFromValue(ctx: Lowering, v: Value, loc: SourceLoc | undefined): Expr[] {
  const items = v.kind === "tuple" || v.kind === "list" ? v.items : [v];
  return items.map((x) => {
    const e = requireInt(ctx, x, loc, "a size");
    if (e.constant !== undefined && e.constant < 0) ctx.fail("SHAPE", `the size ${e.constant} is negative`, loc);
    // Where the array is certainly made, a negative size is an error of the call.
    if (ctx.body === ctx.top && ctx.scopes.length === 0 && knownOnEntry(ctx, e) && nonNegative(e, ctx.facts) !== "yes") {
      ctx.check({ kind: "bounds", expr: e, message: `the size ${e.key} is negative`, ...(loc ? { loc } : {}) });
      ctx.assume(e);
    }
    return e;
  });
}

/** An axis of an array of a rank; negative ones count from the end. */
export function axisOf(ctx: Lowering, v: Value, rank: number, loc: SourceLoc | undefined): number {
  const n = requireInt(ctx, v, loc, "an axis").constant;
  if (n === undefined) return ctx.unsupported("an axis that depends on an argument", loc, "write the axis as a number");
  if (n < -rank || n >= rank) return ctx.fail("SHAPE", `axis ${n} of an array with ${rank} ${rank === 1 ? "dimension" : "dimensions"}`, loc);
  return n < 0 ? n + rank : n;
}

