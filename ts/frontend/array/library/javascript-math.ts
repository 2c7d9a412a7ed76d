/** JavaScript's Math, Number and global number functions. */
import type { SourceLoc } from "../../../base/errors.js";
import { cast, constant, op, type OpName, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, floordiv, int, max, min, mul, neg, sub, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define } from "../registry.js";
import { type Arrayish, boolValue, constantOf, describe, floatValue, intValue, isArray, NONE, type ScalarValue, shapeOf, stringValue, type Value } from "../value.js";
import { arrayOf } from "./convert.js";
import { truth } from "./elementwise.js";
import { proven } from "./integers.js";
import { numberValue, pow, toInt32, toNumber, toUint32, wholePart } from "./javascript-operators.js";
import { codeAt } from "./operands.js";
import { reduceTo, rootOf } from "./reduce.js";
import { ceilDiv } from "./views.js";

const D = "float64";
const num = (ctx: Lowering, args: readonly Value[], i: number, loc: SourceLoc): ScalarValue => (i < args.length ? toNumber(ctx, args[i]!, loc) : floatValue(NaN, "javascript"));
const whole = (e: Expr): ScalarValue => intValue(e, "javascript");
function fn(name: string, count: number, f: (x: readonly ScalarExpr[]) => ScalarExpr): void {
  define(`Math.${name}`, (ctx, args, _keywords, loc) => numberValue(f(Array.from({ length: count }, (_, i) => num(ctx, args, i, loc).code))));
}
const PLAIN: readonly OpName[] = ["acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "exp", "expm1", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh"];
for (const name of PLAIN) fn(name, 1, ([x]) => op(name, D, x!));
fn("atan2", 2, ([y, x]) => op("atan2", D, y!, x!));
fn("fround", 1, ([x]) => cast(cast(x!, "float32"), D));
define("Math.pow", (ctx, args, _keywords, loc) => pow(num(ctx, args, 0, loc), num(ctx, args, 1, loc)));
define("Math.abs", (ctx, args, _keywords, loc) => {
  const v = num(ctx, args, 0, loc), c = constantOf(v);
  if (typeof c === "number") return floatValue(Math.abs(c), "javascript");
  if (v.int) return whole(proven(ctx, v.int) ? v.int : proven(ctx, neg(v.int)) ? neg(v.int) : max(v.int, neg(v.int)));
  return numberValue(op("abs", D, v.code));
});
define("Math.sign", (ctx, args, _keywords, loc) => {
  const v = num(ctx, args, 0, loc), c = constantOf(v);
  return typeof c === "number" ? floatValue(Math.sign(c), "javascript") : numberValue(op("sign", D, v.code), v.int && max(int(-1), min(int(1), v.int)));
});

/** Rounding: integers stay, quotients of integers become integer divisions, all else is rounded as a double (a whole number all the same). */
function rounding(name: "floor" | "ceil" | "trunc" | "round", o: OpName, exact: (ctx: Lowering, a: Expr, b: Expr, v: ScalarValue) => Expr | undefined): void {
  define(`Math.${name}`, (ctx, args, _keywords, loc) => {
    const v = num(ctx, args, 0, loc), c = constantOf(v);
    if (v.int) return v;
    if (typeof c === "number") return floatValue(Math[name](c), "javascript");
    const code = op(o, D, v.code);
    if (!v.ratio) return numberValue(code);
    const positive = proven(ctx, addInt(v.ratio.b, -1)), { a, b } = positive ? v.ratio : { a: neg(v.ratio.a), b: neg(v.ratio.b) };
    const e = proven(ctx, addInt(b, -1)) ? exact(ctx, a, b, v) : undefined;
    // A quotient that rounds to zero from below is -0.
    return e ? (positive && proven(ctx, a) ? whole(e) : numberValue(code, e)) : numberValue(code);
  });
}
rounding("floor", "floor", (_ctx, a, b) => floordiv(a, b));
rounding("ceil", "ceil", (_ctx, a, b) => ceilDiv(a, b));
rounding("trunc", "trunc", (ctx, _a, _b, v) => wholePart(ctx, v));
rounding("round", "jsround", (_ctx, a, b) => floordiv(add(mul(int(2), a), b), mul(int(2), b)));

// ---- extrema

/** The array behind `...array` in a call, as the evaluator hands it on where its length is not known. */
export function spreadOf(v: Value): Value | undefined { return v.kind === "method" && v.name === "..." ? v.self : undefined; }
function spreadArray(ctx: Lowering, v: Value, loc: SourceLoc): Arrayish {
  const a = isArray(v) ? v : arrayOf(ctx, v, loc);
  if (shapeOf(a).length !== 1) ctx.fail("TYPE", `${describe(a)} where numbers are needed`, loc);
  return a;
}
for (const name of ["max", "min"] as const) define(`Math.${name}`, (ctx, args, _keywords, loc) => {
  const start = name === "max" ? -Infinity : Infinity;
  let best: ScalarValue | undefined;
  for (const arg of args) {
    const spread = spreadOf(arg);
    const v = spread ? extremumOf(ctx, spreadArray(ctx, spread, loc), name, loc) : toNumber(ctx, arg, loc);
    best = best ? better(ctx, name, best, v) : v;
  }
  return best ?? floatValue(start, "javascript");
});
function extremumOf(ctx: Lowering, v: Arrayish, wcr: "max" | "min", loc: SourceLoc): ScalarValue {
  return numberValue(codeAt(ctx, reduceTo(ctx, v, [0], { wcr, dtype: D, label: wcr }, loc), []));
}
function better(ctx: Lowering, name: "max" | "min", a: ScalarValue, b: ScalarValue): ScalarValue {
  const c = constantOf(a), d = constantOf(b);
  if (typeof c === "number" && typeof d === "number") return floatValue(Math[name](c, d), "javascript");
  if (!a.int || !b.int) return numberValue(op(name, D, a.code, b.code));
  const first = proven(ctx, sub(a.int, b.int)), second = proven(ctx, sub(b.int, a.int));
  if (first || second) return first === (name === "max") ? a : b;
  return whole(name === "max" ? max(a.int, b.int) : min(a.int, b.int));
}
define("Math.hypot", (ctx, args, _keywords, loc) => {
  const parts = args.map((arg): ScalarExpr => {
    const spread = spreadOf(arg);
    if (!spread) return toNumber(ctx, arg, loc).code;
    const squares = reduceTo(ctx, spreadArray(ctx, spread, loc), [0], { wcr: "sum", dtype: D, label: "hypot", of: (x) => { const v = cast(x, D); return op("mul", D, v, v); } }, loc);
    return rootOf(codeAt(ctx, squares, []));
  });
  if (parts.length === 0) return floatValue(0, "javascript");
  return numberValue(parts.length === 1 ? op("abs", D, parts[0]!) : parts.reduce((a, b) => op("hypot", D, a, b)));
});

// ---- 32-bit integers

define("Math.imul", (ctx, args, _keywords, loc) => numberValue(cast(op("mul", "int32", toInt32(num(ctx, args, 0, loc)), toInt32(num(ctx, args, 1, loc))), D)));
define("Math.clz32", (ctx, args, _keywords, loc) => {
  const v = num(ctx, args, 0, loc), c = constantOf(v);
  if (typeof c === "number") return floatValue(Math.clz32(c), "javascript");
  const x = cast(toUint32(v), D);
  const below = Array.from({ length: 32 }, (_, k) => op("select", D, op("lt", "bool", x, constant(2 ** k, D)), constant(1, D), constant(0, D)));
  return numberValue(below.reduce((a, b) => op("add", D, a, b)));
});

// ---- Number and globals

const isNumber = (v: Value | undefined): v is ScalarValue => v?.kind === "scalar" && v.dtype !== "bool";
const test = (code: ScalarExpr): ScalarValue => ({ kind: "scalar", dtype: "bool", weak: true, code });
for (const [name, o] of [["isNaN", "isnan"], ["isFinite", "isfinite"]] as const) {
  const check = (v: ScalarValue): ScalarValue => {
    const c = constantOf(v);
    if (v.int || typeof c === "number") return boolValue(Number[name](typeof c === "number" ? c : 0));
    return test(op(o, "bool", v.code));
  };
  define(`Number.${name}`, (_ctx, args) => (isNumber(args[0]) ? check(args[0]) : boolValue(false)));
  define(name, (ctx, args, _keywords, loc) => check(num(ctx, args, 0, loc)));
}
for (const name of ["isInteger", "isSafeInteger"] as const) define(`Number.${name}`, (_ctx, args) => {
  const v = args[0];
  if (!isNumber(v)) return boolValue(false);
  const c = constantOf(v);
  if (typeof c === "number") return boolValue(Number[name](c));
  if (v.int) return boolValue(true);
  const exact = op("and", "bool", op("isfinite", "bool", v.code), op("eq", "bool", op("trunc", D, v.code), v.code));
  return test(name === "isInteger" ? exact : op("and", "bool", exact, op("le", "bool", op("abs", D, v.code), constant(Number.MAX_SAFE_INTEGER, D))));
});
define("Number", (ctx, args, _keywords, loc) => {
  const v = args[0];
  if (!v) return floatValue(0, "javascript");
  if (v.kind === "scalar" && (v.dtype === "int64" || v.dtype === "uint64")) return v.int ? whole(v.int) : numberValue(cast(v.code, D));
  return toNumber(ctx, v, loc);
});
define("Boolean", (ctx, args, _keywords, loc) => (args[0] ? truth(ctx, args[0], loc) : boolValue(false)));
define("BigInt", (ctx, args, _keywords, loc) => {
  const v = args[0] ?? NONE;
  if (v.kind === "scalar" && v.dtype === "int64") return v;
  const x = toNumber(ctx, v, loc);
  if (!x.int) return ctx.unsupported("BigInt of a number that is not known to be an integer", loc, "use Math.trunc on numbers instead of bigints");
  return { kind: "scalar", dtype: "int64", weak: false, code: x.int.constant !== undefined ? constant(x.int.constant, "int64") : { kind: "symbolic", dtype: "int64", expr: x.int }, int: x.int };
});
define("typeof", (_ctx, args) => {
  const v = args[0] ?? NONE;
  switch (v.kind) {
    case "scalar": return stringValue(v.dtype === "bool" ? "boolean" : v.dtype === "int64" || v.dtype === "uint64" ? "bigint" : "number");
    case "string": return stringValue("string");
    case "none": return stringValue(v.isNull ? "object" : "undefined");
    case "function": case "method": return stringValue("function");
    case "library": return stringValue(/^(Math|Number)$/.test(v.name) ? "object" : "function");
    default: return stringValue("object");
  }
});
