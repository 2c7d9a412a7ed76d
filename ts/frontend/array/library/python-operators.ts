/** Arithmetic, bit and comparison operators of Python and NumPy on scalars and arrays. */
import { bytesOf, isComplex, isFloat, isInteger, kindOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, symbolic, type OpName, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, floordiv, int, mod, neg, sub, type Expr } from "../../../symbolic/expr.js";
import { freshId } from "../../../sdfg/sdfg.js";
import type * as ast from "../ast.js";
import type { Lowering } from "../context.js";
import { boolValue, constantOf, floatValue, intValue, type LazyValue, type ScalarValue } from "../value.js";
import { boolAs, convert, fitsInteger, resultType } from "./promote.js";
import { holds, nonZero, power, product } from "./integers.js";
import { build, type Operand } from "./operands.js";

type Result = ScalarValue | LazyValue;
const NAMES: Readonly<Record<ast.BinaryOp, string>> = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder", "**": "power", "@": "matmul", "&": "bitwise_and", "|": "bitwise_or", "^": "bitwise_xor", "<<": "left_shift", ">>": "right_shift", ">>>": ">>>" };

const weakOf = (o: Operand): boolean => o.kind === "scalar" && o.weak;
/** A Python bool in arithmetic is an integer. */
function asNumber(v: Operand): Operand {
  if (v.kind !== "scalar" || !v.weak || v.dtype !== "bool") return v;
  const c = constantOf(v);
  return typeof c === "boolean" ? intValue(int(c ? 1 : 0)) : { kind: "scalar", dtype: "int64", weak: true, code: boolAs(v.code, "int64") };
}

export function pythonBinary(ctx: Lowering, name: ast.BinaryOp, x: Operand, y: Operand, loc: SourceLoc): Result {
  const logical = weakOf(x) && weakOf(y) && x.dtype === "bool" && y.dtype === "bool" && (name === "&" || name === "|" || name === "^");
  const bothWeak = weakOf(x) && weakOf(y);
  const a = logical || !bothWeak ? x : asNumber(x), b = logical || !bothWeak ? y : asNumber(y);
  if (a.kind === "scalar" && b.kind === "scalar") {
    const known = integers(ctx, name, a, b, loc) ?? constants(ctx, name, a, b, loc);
    if (known) return known;
  }
  const t = resultType([{ dtype: a.dtype, weak: weakOf(a) }, { dtype: b.dtype, weak: weakOf(b) }]);
  const rule = binaryRule(ctx, name, a, b, t.dtype, loc);
  const result = build(ctx, [a, b], ([p, q]) => rule.code(convert(p!, rule.type), convert(q!, rule.type)), t.weak, loc);
  if (result.kind === "lazy") return result;
  const whole = a.kind === "scalar" && b.kind === "scalar" ? strongInteger(name, a, b, result.dtype) : undefined;
  return whole ? { ...result, int: whole } : result;
}

/** The symbolic integer that a sum, difference or product of NumPy integers is. Only where it cannot have wrapped for valid indices: int64, or ±constant. */
function strongInteger(name: ast.BinaryOp, a: ScalarValue, b: ScalarValue, dtype: DType): Expr | undefined {
  if (!a.int || !b.int || !isInteger(dtype)) return undefined;
  if (dtype !== "int64" && !(dtype === "int32" && (a.int.constant ?? b.int.constant) !== undefined && name !== "*")) return undefined;
  return name === "+" ? add(a.int, b.int) : name === "-" ? sub(a.int, b.int) : name === "*" ? product(a.int, b.int) : undefined;
}

/** Both are Python integers known as symbolic expressions. */
function integers(ctx: Lowering, name: ast.BinaryOp, a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue | undefined {
  if (!a.weak || !b.weak || a.dtype !== "int64" || b.dtype !== "int64" || !a.int || !b.int) return undefined;
  const m = a.int, n = b.int, c = m.constant, d = n.constant;
  const zeroDivision = (): never => ctx.fail("RAISED", "division by zero", loc);
  // Python's integers raise where NumPy's give 0: a divisor is taken to be positive, which the entry checks, or looked at where it divides.
  if ((name === "//" || name === "%" || name === "/") && d === undefined && !nonZero(ctx, n) && !holds(ctx, addInt(n, -1), `the divisor ${n.key} is positive`, loc)) {
    ctx.conditional(op("eq", "bool", symbolic(n), symbolic(int(0))), () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message: "ZeroDivisionError: division by zero", loc }); }, undefined, loc);
  }
  const value = (e: Expr | undefined): ScalarValue | undefined => e && intValue(e);
  const exact = (v: bigint): ScalarValue => (v >= BigInt(Number.MIN_SAFE_INTEGER) && v <= BigInt(Number.MAX_SAFE_INTEGER) ? intValue(int(Number(v))) : { kind: "scalar", dtype: "int64", weak: true, code: constant(v, "int64") });
  switch (name) {
    case "+": return value(add(m, n));
    case "-": return value(sub(m, n));
    case "*": return value(product(m, n));
    case "//": return d === 0 ? zeroDivision() : value(floordiv(m, n));
    case "%": return d === 0 ? zeroDivision() : value(mod(m, n));
    case "/": {
      if (d === 0) return zeroDivision();
      if (c !== undefined && d !== undefined) return floatValue(c / d);
      const code = op("div", "float64", convert(a.code, "float64"), convert(b.code, "float64"));
      return { kind: "scalar", dtype: "float64", weak: true, code, ...(nonZero(ctx, n) ? { ratio: { a: m, b: n } } : {}) };
    }
    case "**":
      if (d === undefined) return undefined;
      if (d < 0) return { kind: "scalar", dtype: "float64", weak: true, code: op("pow", "float64", convert(a.code, "float64"), constant(d, "float64")) };
      if (c !== undefined && d < 64 && Math.abs(c) ** d < 2 ** 62) return exact(BigInt(c) ** BigInt(d));
      return value(power(m, d));
    case "<<": return d !== undefined && d >= 0 && d < 53 ? value(product(m, int(2 ** d))) : undefined;
    case ">>": return d !== undefined && d >= 0 && d < 53 ? value(floordiv(m, int(2 ** d))) : undefined;
    case "&": {
      if (c !== undefined && d !== undefined) return exact(BigInt(c) & BigInt(d));
      // The low bits in two's complement are a modulo.
      const mask = d ?? c, other = d !== undefined ? m : n;
      return mask !== undefined && mask >= 0 && Number.isInteger(Math.log2(mask + 1)) ? value(mod(other, int(mask + 1))) : undefined;
    }
    case "|": return c !== undefined && d !== undefined ? exact(BigInt(c) | BigInt(d)) : undefined;
    case "^": return c !== undefined && d !== undefined ? exact(BigInt(c) ^ BigInt(d)) : undefined;
    default: return undefined;
  }
}

/** Both are Python floats (or one an integer) known now: IEEE arithmetic gives the same at any time. */
function constants(ctx: Lowering, name: ast.BinaryOp, a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue | undefined {
  if (!a.weak || !b.weak || (a.dtype !== "float64" && b.dtype !== "float64")) return undefined;
  const m = constantOf(a), n = constantOf(b);
  if (typeof m !== "number" || typeof n !== "number") return undefined;
  switch (name) {
    case "+": return floatValue(m + n);
    case "-": return floatValue(m - n);
    case "*": return floatValue(m * n);
    case "/": case "//": case "%":
      if (n === 0) return ctx.fail("RAISED", "float division by zero", loc);
      return name === "/" ? floatValue(m / n) : undefined;
    default: return undefined;
  }
}

interface BinaryRule { /** In which the operands are taken. */ readonly type: DType; readonly code: (a: ScalarExpr, b: ScalarExpr) => ScalarExpr }

/** The elementwise rule of an operator for operands of a common type `dtype`. */
export function binaryRule(ctx: Lowering, name: ast.BinaryOp, a: Operand, b: Operand, dtype: DType, loc: SourceLoc): BinaryRule {
  const refuse = (): never => ctx.fail("TYPE", `ufunc '${NAMES[name]}' not supported for ${a.dtype} and ${b.dtype}`, loc, dtype === "bool" ? "use the ^ operator, np.logical_xor or np.logical_not on booleans" : "convert with astype");
  const simple = (o: OpName, type: DType = dtype): BinaryRule => ({ type, code: (p, q) => op(o, type, p, q) });
  checkWeak(ctx, a, b, dtype, loc);
  checkWeak(ctx, b, a, dtype, loc);
  const bool = dtype === "bool";
  switch (name) {
    case "+": return bool ? simple("or") : simple("add");
    case "*": return bool ? simple("and") : simple("mul");
    case "-": return bool ? refuse() : simple("sub");
    case "/": return isFloat(dtype) || isComplex(dtype) ? simple("div") : simple("div", "float64");
    case "//": {
      if (isComplex(dtype)) return refuse();
      if (isFloat(dtype)) return { type: dtype, code: floorDivide };
      return simple("floordiv", bool ? "int8" : dtype);
    }
    case "%":
      if (isComplex(dtype)) return refuse();
      return simple("mod", bool ? "int8" : dtype);
    case "**": {
      if (isInteger(dtype) || bool) {
        const e = b.kind === "scalar" ? constantOf(b) : undefined;
        if (typeof e === "number" && e < 0) return ctx.fail("TYPE", "Integers to negative integer powers are not allowed.", loc, "make the base a float");
        return { type: bool ? "int8" : dtype, code: integerPower };
      }
      return { type: dtype, code: (p, q) => (q.kind === "const" && Number(q.value) === 1 && (q.imag ?? 0) === 0 ? p : op("pow", dtype, p, q)) };
    }
    case "&": return bool ? simple("and") : isInteger(dtype) ? simple("bitand") : refuse();
    case "|": return bool ? simple("or") : isInteger(dtype) ? simple("bitor") : refuse();
    case "^": return bool ? simple("ne") : isInteger(dtype) ? simple("bitxor") : refuse();
    case "<<": case ">>": {
      const type = bool ? "int8" : dtype;
      if (!isInteger(type)) return refuse();
      return { type, code: (p, q) => shift(name, p, q, type) };
    }
    default: return refuse();
  }
}

/** A Python integer that its partner's dtype cannot hold is an error in NumPy 2. */
function checkWeak(ctx: Lowering, a: Operand, other: Operand, dtype: DType, loc: SourceLoc): void {
  if (!weakOf(a) || a.dtype !== "int64" || weakOf(other) || !isInteger(dtype)) return;
  const c = constantOf(a);
  if ((typeof c === "number" || typeof c === "bigint") && !fitsInteger(c, dtype)) ctx.fail("TYPE", `Python integer ${c} out of bounds for ${dtype}`, loc, "convert the array with astype");
}

function integerPower(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  const k = b.kind === "const" ? Number(b.value) : undefined;
  if (k === 1) return a;
  if (k !== undefined && k >= 2 && k <= 4) { let p = a; for (let i = 1; i < k; i++) p = op("mul", a.dtype, p, a); return p; }
  return op("pow", a.dtype, a, b);
}

/** NumPy's floor division of floats: exact through the remainder, so that 1 // 0.1 is 9. */
export function floorDivide(a: ScalarExpr, b: ScalarExpr): ScalarExpr {
  const d = a.dtype, quotient = op("div", d, op("sub", d, a, op("mod", d, a, b)), b), whole = op("floor", d, quotient);
  const rounded = select(op("gt", "bool", op("sub", d, quotient, whole), constant(0.5, d)), op("add", d, whole, constant(1, d)), whole);
  return b.kind === "const" && Number(b.value) !== 0 ? rounded : select(op("eq", "bool", b, constant(0, d)), op("div", d, a, b), rounded);
}

/** NumPy's shifts: by the width or more gives 0, or -1 for negative numbers shifted right. */
function shift(name: "<<" | ">>", a: ScalarExpr, b: ScalarExpr, d: DType): ScalarExpr {
  const bits = 8 * bytesOf(d), o: OpName = name === "<<" ? "shl" : "shr";
  if (b.kind === "const") { const k = Number(b.value); if (k >= 0 && k < bits) return op(o, d, a, b); }
  const inside = op("and", "bool", op("ge", "bool", b, constant(0, d)), op("lt", "bool", b, constant(bits, d)));
  const beyond = name === "<<" || kindOf(d) === "uint" ? constant(0, d) : select(op("lt", "bool", a, constant(0, d)), constant(-1, d), constant(0, d));
  return select(inside, op(o, d, a, op("bitand", d, b, constant(bits - 1, d))), beyond);
}

export function pythonUnary(ctx: Lowering, name: "-" | "+" | "~", x: Operand, loc: SourceLoc): Result {
  const a = asNumber(x);
  if (a.kind === "scalar" && a.weak && a.int && a.dtype === "int64") return intValue(name === "-" ? neg(a.int) : name === "~" ? addInt(neg(a.int), -1) : a.int);
  const c = constantOf(a), d = a.dtype, weak = weakOf(a);
  if (name === "-" && typeof c === "number" && isFloat(d) && weak) return floatValue(-c);
  if (name === "~" && !isInteger(d) && d !== "bool") return ctx.fail("TYPE", `bad operand type for unary ~: ${d}`, loc);
  if (name === "-" && d === "bool") return ctx.fail("TYPE", "the numpy boolean negative, the - operator, is not supported", loc, "use ~ or np.logical_not");
  const result = build(ctx, [a], ([p]) => (name === "+" ? p! : name === "-" ? op("neg", d, p!) : d === "bool" ? op("not", "bool", p!) : op("bitnot", d, p!)), weak, loc);
  return name !== "~" && result.kind === "scalar" && a.kind === "scalar" && a.int && d === "int64" ? { ...result, int: name === "-" ? neg(a.int) : a.int } : result;
}

const COMPARE: Readonly<Record<"==" | "!=" | "<" | "<=" | ">" | ">=", OpName>> = { "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };

/** Comparison of numbers and arrays by value; symbolic integers are compared in compare.ts. */
export function compareValues(ctx: Lowering, name: keyof typeof COMPARE, a: Operand, b: Operand, loc: SourceLoc): Result {
  const t = resultType([{ dtype: a.dtype, weak: weakOf(a) }, { dtype: b.dtype, weak: weakOf(b) }]);
  let type = t.dtype;
  // A Python integer beyond the dtype of its partner compares by value all the same.
  if (isInteger(type) && type !== "uint64" && weakOf(a) !== weakOf(b)) type = "int64";
  if (isComplex(type) && name !== "==" && name !== "!=") return ctx.unsupported("ordering complex numbers", loc, "compare their absolute values");
  if (type === "bool" && name !== "==" && name !== "!=") type = "int8";
  const result = build(ctx, [a, b], ([p, q]) => op(COMPARE[name], "bool", convert(p!, type), convert(q!, type)), t.weak, loc);
  if (result.kind === "scalar" && t.weak && result.code.kind === "op") {
    const c = a.kind === "scalar" && b.kind === "scalar" ? folded(name, constantOf(a), constantOf(b)) : undefined;
    if (c !== undefined) return boolValue(c);
  }
  return result;
}
function folded(name: keyof typeof COMPARE, a: number | boolean | bigint | undefined, b: number | boolean | bigint | undefined): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  const x = typeof a === "bigint" ? a : Number(a), y = typeof b === "bigint" ? b : Number(b);
  switch (name) {
    // eslint-disable-next-line eqeqeq -- a bigint and a number compare by value
    case "==": return x == y;
    // eslint-disable-next-line eqeqeq -- a bigint and a number compare by value
    case "!=": return x != y;
    case "<": return x < y;
    case "<=": return x <= y;
    case ">": return x > y;
    case ">=": return x >= y;
  }
}

/** A symbolic integer as an int64 code. */
export function integerCode(e: Expr): ScalarExpr { const c = e.constant; return c !== undefined ? constant(c, "int64") : symbolic(e, "int64"); }
