/**
 * JavaScript's operators on numbers. All arithmetic is double; next to it an integer is carried along where the value is proven to be one, for indices
 * and bounds. The double code is used as it is wherever it could differ from the integer (a negative zero).
 */
import { isInteger } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, constant, op, symbolic, type OpName, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, divideExact, type Expr, floordiv, int, max, mod, neg, sub } from "../../../symbolic/expr.js";
import type * as ast from "../ast.js";
import type { Lowering } from "../context.js";
import { constantOf, describe, floatValue, intValue, isArray, type ScalarValue, type Value } from "../value.js";
import { fits32, holds, nonZero, power, product, proven, remainder } from "./integers.js";
import { boolAs } from "./promote.js";

export function numberValue(code: ScalarExpr, whole?: Expr): ScalarValue { return { kind: "scalar", dtype: "float64", weak: true, code, ...(whole ? { int: whole } : {}) }; }
const intOf = (e: Expr): ScalarValue => intValue(e, "javascript");
const f64 = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, "float64", ...args);

/** The value as a JavaScript number. */
export function toNumber(ctx: Lowering, v: Value, loc: SourceLoc): ScalarValue {
  if (v.kind === "scalar") {
    if (v.dtype === "float64") return v;
    if (v.dtype === "bool") { const c = constantOf(v); return typeof c === "boolean" ? intOf(int(c ? 1 : 0)) : numberValue(boolAs(v.code, "float64")); }
    if (v.dtype === "int64" || v.dtype === "uint64") return ctx.fail("TYPE", "mixing bigints and numbers, or arithmetic on bigints", loc, "convert with Number()");
    return numberValue(cast(v.code, "float64"), v.int);
  }
  if (isArray(v) || v.kind === "list") return ctx.unsupported(`arithmetic on ${describe(v)}`, loc, "JavaScript has no array arithmetic: use a loop, or map");
  if (v.kind === "masked" || v.kind === "poison") return ctx.unsupported(`arithmetic on ${describe(v)}`, loc);
  return ctx.fail("TYPE", `${v.kind === "none" ? "null or undefined" : describe(v)} in arithmetic`, loc);
}

/** Whether the code is the integer itself, so that it is never -0. */
function isPlain(v: ScalarValue): boolean {
  const { code } = v;
  return (code.kind === "const" && !Object.is(code.value, -0)) || (code.kind === "cast" && code.arg.kind === "symbolic");
}
/** The integer `e`, whose double code is `code` unless nothing can tell them apart. */
function whole(plain: boolean, e: Expr, code: ScalarExpr): ScalarValue { return plain || e.constant !== undefined && e.constant !== 0 ? intOf(e) : numberValue(code, e); }

export function javascriptBinary(ctx: Lowering, name: ast.BinaryOp, x: Value, y: Value, loc: SourceLoc): ScalarValue {
  if (name === "+" && (x.kind === "string" || y.kind === "string")) return ctx.unsupported("building a string", loc);
  const a = toNumber(ctx, x, loc), b = toNumber(ctx, y, loc);
  const c = constantOf(a), d = constantOf(b);
  if (typeof c === "number" && typeof d === "number") { const v = folded(name, c, d); if (v !== undefined) return floatValue(v, "javascript"); }
  switch (name) {
    case "+": case "-": {
      const code = f64(name === "+" ? "add" : "sub", a.code, b.code);
      return a.int && b.int ? whole(isPlain(a) && isPlain(b), name === "+" ? add(a.int, b.int) : sub(a.int, b.int), code) : numberValue(code);
    }
    case "*": {
      const code = f64("mul", a.code, b.code);
      const e = a.int && b.int && exactProduct(a.int, b.int);
      return e ? whole(isPlain(a) && isPlain(b) && proven(ctx, a.int) && proven(ctx, b.int), e, code) : numberValue(code);
    }
    case "/": {
      const code = f64("div", a.code, b.code);
      // A divisor whose sign is not known is taken to be positive, which the entry checks.
      if (!a.int || !b.int || !(nonZero(ctx, b.int) || holds(ctx, addInt(b.int, -1), `the divisor ${b.int.key} is positive`, loc))) return numberValue(code);
      const e = divideExact(a.int, b.int);
      if (e) return whole(isPlain(a) && isPlain(b) && proven(ctx, a.int) && proven(ctx, b.int), e, code);
      return { ...numberValue(code), ratio: { a: a.int, b: b.int } };
    }
    case "%": {
      const code = f64("rem", a.code, b.code);
      const e = a.int && b.int && nonZero(ctx, b.int) ? remainder(ctx, a.int, b.int) : undefined;
      return e ? whole(isPlain(a) && isPlain(b) && proven(ctx, a.int!), e, code) : numberValue(code);
    }
    case "**": return pow(a, b);
    case "&": case "|": case "^": return bitwise(ctx, name, a, b, loc);
    case "<<": case ">>": case ">>>": return shift(ctx, name, a, b, loc);
    case "//": case "@": return ctx.unsupported(`the operator ${name}`, loc);
  }
}

/** Doubles are exact on integers up to 2^53 only: products with a large constant are left to double arithmetic. */
function exactProduct(a: Expr, b: Expr): Expr | undefined {
  const large = (e: Expr): boolean => e.terms.some((t) => Math.abs(t.coefficient) > 2 ** 20);
  return (a.constant === undefined || b.constant === undefined) && (large(a) || large(b)) ? undefined : product(a, b);
}

function folded(name: ast.BinaryOp, a: number, b: number): number | undefined {
  switch (name) {
    case "+": return a + b;
    case "-": return a - b;
    case "*": return a * b;
    case "/": return a / b;
    case "%": return a % b;
    case "**": return Number.isInteger(a) && Number.isInteger(b) && b >= 0 && Math.abs(a ** b) <= Number.MAX_SAFE_INTEGER ? a ** b : undefined;
    case "&": return a & b;
    case "|": return a | b;
    case "^": return a ^ b;
    case "<<": return a << b;
    case ">>": return a >> b;
    case ">>>": return a >>> b;
    default: return undefined;
  }
}

export function pow(a: ScalarValue, b: ScalarValue): ScalarValue {
  const k = constantOf(b);
  if (k === 1) return a;
  const code = f64("pow", a.code, b.code);
  const e = a.int && typeof k === "number" && k >= 2 && k <= 3 ? power(a.int, k) : undefined;
  return e ? numberValue(code, e) : numberValue(code);
}

// ---- 32-bit integers

const NARROW = /^(u?int8|u?int16|int32)$/;
/** ToInt32. */
export function toInt32(v: ScalarValue): ScalarExpr {
  const { code } = v;
  if (code.kind === "const") return constant(Number(code.value) | 0, "int32");
  if (code.kind === "cast" && NARROW.test(code.arg.dtype)) return cast(code.arg, "int32");
  if (code.kind === "cast" && isInteger(code.arg.dtype)) return cast(code.arg, "int32");
  return cast(wrapped(code), "int32");
}
/** ToUint32. */
export function toUint32(v: ScalarValue): ScalarExpr {
  const { code } = v;
  if (code.kind === "const") return constant(Number(code.value) >>> 0, "uint32");
  if (code.kind === "cast" && isInteger(code.arg.dtype)) return cast(code.arg, "uint32");
  return cast(wrapped(code), "uint32");
}
/** The truncated value modulo 2^32, exactly; NaN and infinities give NaN, which converts to 0. */
function wrapped(code: ScalarExpr): ScalarExpr { return f64("mod", f64("trunc", code), constant(2 ** 32, "float64")); }
function fromInt(code: ScalarExpr): ScalarValue { return numberValue(cast(code, "float64")); }

function bitwise(ctx: Lowering, name: "&" | "|" | "^", a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue {
  const c = constantOf(a), d = constantOf(b);
  if (name !== "&" && (c === 0 || d === 0)) return truncated(ctx, d === 0 ? a : b, loc);
  if (name === "&") {
    const mask = typeof d === "number" ? d : c, v = typeof d === "number" ? a : b;
    if (typeof mask === "number" && mask >= 0 && mask < 2 ** 31 && Number.isInteger(Math.log2(mask + 1)) && v.int) return intOf(mod(v.int, int(mask + 1)));
  }
  return fromInt(op(name === "&" ? "bitand" : name === "|" ? "bitor" : "bitxor", "int32", toInt32(a), toInt32(b)));
}

/** `v | 0`. */
function truncated(ctx: Lowering, v: ScalarValue, loc: SourceLoc): ScalarValue {
  const e = wholePart(ctx, v);
  if (e && fits32(ctx, e, loc)) return intOf(e);
  return fromInt(toInt32(v));
}

/** The integer that a value is, or is truncated to, where that is known. */
export function wholePart(ctx: Lowering, v: ScalarValue): Expr | undefined {
  if (v.int) return v.int;
  if (!v.ratio) return undefined;
  const { a, b } = v.ratio;
  if (proven(ctx, neg(b))) return wholePart(ctx, { ...v, ratio: { a: neg(a), b: neg(b) } });
  return proven(ctx, addInt(b, -1)) ? sub(positivePart(ctx, a, b), positivePart(ctx, neg(a), b)) : undefined;
}
function positivePart(ctx: Lowering, a: Expr, b: Expr): Expr {
  if (proven(ctx, neg(a))) return int(0);
  return floordiv(proven(ctx, a) ? a : maxZero(a), b);
}
function maxZero(a: Expr): Expr { return max(a, int(0)); }

function shift(ctx: Lowering, name: "<<" | ">>" | ">>>", a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue {
  const d = constantOf(b), count = typeof d === "number" ? d & 31 : undefined, e = wholePart(ctx, a);
  if (count !== undefined && e) {
    if (name === "<<") { const p = product(e, int(2 ** count)); if (p && fits32(ctx, p, loc)) return intOf(p); }
    if (name === ">>" && fits32(ctx, e, loc)) return intOf(floordiv(e, int(2 ** count)));
    if (name === ">>>" && proven(ctx, e) && fits32(ctx, e, loc)) return intOf(floordiv(e, int(2 ** count)));
  }
  const by = count !== undefined ? constant(count, "int32") : op("bitand", "int32", toInt32(b), constant(31, "int32"));
  if (name === ">>>") return fromInt(count === 0 ? toUint32(a) : op("ushr", "uint32", toInt32(a), by));
  return fromInt(op(name === "<<" ? "shl" : "shr", "int32", toInt32(a), by));
}

export function javascriptUnary(ctx: Lowering, name: "-" | "+" | "~", x: Value, loc: SourceLoc): ScalarValue {
  const v = toNumber(ctx, x, loc), c = constantOf(v);
  if (name === "+") return v;
  if (name === "-") {
    if (typeof c === "number") return floatValue(-c, "javascript");
    const code = f64("neg", v.code);
    if (v.int) return whole(isPlain(v) && nonZero(ctx, v.int), neg(v.int), code);
    return v.ratio ? { ...numberValue(code), ratio: { a: neg(v.ratio.a), b: v.ratio.b } } : numberValue(code);
  }
  if (typeof c === "number") return floatValue(~c, "javascript");
  const e = wholePart(ctx, v);
  return e && fits32(ctx, e, loc) ? intOf(addInt(neg(e), -1)) : fromInt(op("bitnot", "int32", toInt32(v)));
}

/** Falsy: 0, NaN. */
export function numberTruth(code: ScalarExpr): ScalarExpr {
  if (code.kind === "const") return constant(Boolean(code.value), "bool");
  return op("and", "bool", op("ne", "bool", code, constant(0, "float64")), op("eq", "bool", code, code));
}

/** A symbolic integer as a double code. */
export function doubleCode(e: Expr): ScalarExpr { const c = e.constant; return c !== undefined ? constant(c, "float64") : cast(symbolic(e, "int64"), "float64"); }

