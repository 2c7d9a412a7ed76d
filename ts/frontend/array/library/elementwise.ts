/** Operators, comparisons, choice, truth and conversion of values in both languages: what the evaluator calls. */
import { isInteger, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { op, type ScalarExpr } from "../../../scalar/expr.js";
import { selectS } from "../../../scalar/build.js";
import { addInt, equals, int, max, min, sub, type Expr } from "../../../symbolic/expr.js";
import { isEqual, isLess, isLessEqual, nonNegative } from "../../../symbolic/prove.js";
import type * as ast from "../ast.js";
import type { Lowering } from "../context.js";
import { boolValue, constantOf, describe, type Facts, type FunctionValue, integerOf, isArray, type LazyValue, listValue, type ScalarValue, shapeOf, sameNone, tupleValue, type Value } from "../value.js";
import { fitsInteger, resultType, convert } from "./promote.js";
import { lengthOf, repeated } from "../grown.js";
import { build, elementAt, operandOf, scalarOf, throughMasks, type Operand } from "./operands.js";
import { compareValues, integerCode, pythonBinary, pythonUnary } from "./python-operators.js";
import { doubleCode, javascriptBinary, javascriptUnary, numberTruth, toNumber } from "./javascript-operators.js";
import { matmulValues } from "./matmul.js";

export { broadcastShapes, elementAt } from "./operands.js";

export function binary(ctx: Lowering, name: ast.BinaryOp, a: Value, b: Value, loc: SourceLoc): Value {
  if (ctx.language === "javascript") return javascriptBinary(ctx, name, a, b, loc);
  const joined = grownArithmetic(ctx, name, a, b, loc) ?? sequenceArithmetic(ctx, name, a, b, loc);
  if (joined) return joined;
  if (name === "@") return matmulValues(ctx, operandOf(ctx, a, loc), operandOf(ctx, b, loc), loc);
  return throughMasks(ctx, [a, b], loc, ([x, y]) => pythonBinary(ctx, name, operandOf(ctx, x!, loc), operandOf(ctx, y!, loc), loc));
}

/** + and * of lists that loops made longer; undefined where neither is one, or the other operand is an array. */
function grownArithmetic(ctx: Lowering, name: ast.BinaryOp, a: Value, b: Value, loc: SourceLoc): Value | undefined {
  const isList = (v: Value): boolean => v.kind === "grown" || v.kind === "list";
  if (a.kind !== "grown" && b.kind !== "grown") return undefined;
  if (isArray(a) || isArray(b)) return undefined;
  if (name === "+" && isList(a) && isList(b)) return ctx.call({ kind: "library", name: "np.concatenate" }, [tupleValue([a, b].filter((v) => v.kind !== "list" || v.items.length > 0))], new Map(), loc);
  return ctx.unsupported(`${name} of a list that grows in a loop`, loc, "make an array of it with np.array");
}
/** + and * of lists and tuples; undefined where the other operand is an array. */
function sequenceArithmetic(ctx: Lowering, name: ast.BinaryOp, a: Value, b: Value, loc: SourceLoc): Value | undefined {
  const isSequence = (v: Value): v is Extract<Value, { kind: "list" | "tuple" }> => v.kind === "list" || v.kind === "tuple";
  if (!isSequence(a) && !isSequence(b)) return undefined;
  if (isSequence(a) && isSequence(b)) {
    if (name === "+" && a.kind === b.kind) return a.kind === "list" ? listValue([...a.items, ...b.items]) : tupleValue([...a.items, ...b.items]);
    return ctx.fail("TYPE", `${name} between ${describe(a)} and ${describe(b)}`, loc, "make arrays of them with np.array");
  }
  const list = isSequence(a) ? a : isSequence(b) ? b : undefined, other = isSequence(a) ? b : a;
  if (!list || isArray(other) || (other.kind === "scalar" && !other.weak)) return undefined;
  const n = integerOf(other);
  if (name === "*" && n && other.kind === "scalar" && other.dtype !== "bool") {
    const [only] = list.items, equal = n.constant === undefined && list.kind === "list" && list.items.length === 1 && only!.kind === "scalar" ? repeated(ctx, only, n, loc) : undefined;
    if (equal) return equal;
    if (n.constant === undefined) return ctx.unsupported("repeating a list a number of times that is not known when the program is compiled", loc, "use np.zeros, np.full or np.tile");
    return { kind: list.kind, items: Array.from({ length: Math.max(0, n.constant) }, () => list.items).flat() };
  }
  return ctx.fail("TYPE", `${name} between ${describe(a)} and ${describe(b)}`, loc, "make an array of the list with np.array");
}

export function unary(ctx: Lowering, name: "-" | "+" | "not" | "~", a: Value, loc: SourceLoc): Value {
  if (name === "not") return negated(truth(ctx, a, loc));
  if (ctx.language === "javascript") return javascriptUnary(ctx, name, a, loc);
  return throughMasks(ctx, [a], loc, ([x]) => pythonUnary(ctx, name, operandOf(ctx, x!, loc), loc));
}

/** Logical negation of a boolean scalar. */
export function negated(v: ScalarValue): ScalarValue {
  if (v.code.kind === "const") return boolValue(!v.code.value);
  const code = v.code.kind === "op" && v.code.op === "not" ? v.code.args[0]! : op("not", "bool", v.code);
  return { kind: "scalar", dtype: "bool", weak: true, code, ...(v.facts ? { facts: { whenTrue: v.facts.whenFalse, whenFalse: v.facts.whenTrue } } : {}) };
}

// ---- comparison

type Order = "==" | "!=" | "<" | "<=" | ">" | ">=";

export function compare(ctx: Lowering, name: ast.CompareOp, a: Value, b: Value, loc: SourceLoc): Value {
  if (name === "is" || name === "isnot") return identity(ctx, name === "is", a, b, loc);
  if (name === "in" || name === "notin") { const found = contains(ctx, a, b, loc); return name === "in" ? found : negated(found); }
  if (name === "==" || name === "!=") {
    const known = staticEquality(ctx, a, b, loc);
    if (known) return name === "==" ? known : negated(known);
  }
  if (a.kind === "scalar" && b.kind === "scalar") {
    const x = comparable(a), y = comparable(b);
    if (x && y) return compareIntegers(ctx, name, x, y, a.weak && b.weak);
  }
  if (ctx.language === "javascript") {
    if ((name === "==" || name === "!=") && (isArray(a) || isArray(b) || a.kind === "list" || b.kind === "list")) return ctx.unsupported("comparing arrays by identity", loc, "compare their elements");
    if (a.kind === "scalar" && b.kind === "scalar" && a.dtype === "bool" && b.dtype === "bool" && (name === "==" || name === "!=")) {
      return { kind: "scalar", dtype: "bool", weak: true, code: op(name === "==" ? "eq" : "ne", "bool", a.code, b.code) };
    }
    return compareValues(ctx, name, toNumber(ctx, a, loc), toNumber(ctx, b, loc), loc);
  }
  return throughMasks(ctx, [a, b], loc, ([x, y]) => compareValues(ctx, name, operandOf(ctx, x!, loc), operandOf(ctx, y!, loc), loc));
}

const comparable = (v: ScalarValue): Expr | undefined => (v.dtype === "bool" ? undefined : v.int);

/** Symbolic integers: decided now where possible, and with what follows either way. */
function compareIntegers(ctx: Lowering, name: Order, a: Expr, b: Expr, weak: boolean): ScalarValue {
  const f = ctx.facts;
  const decide = (): boolean | undefined => {
    const t = name === "==" || name === "!=" ? isEqual(a, b, f) : name === "<" ? isLess(a, b, f) : name === "<=" ? isLessEqual(a, b, f) : name === ">" ? isLess(b, a, f) : isLessEqual(b, a, f);
    return t === "unknown" ? undefined : (t === "yes") === (name !== "!=");
  };
  const known = stableNow(ctx, a, b) ? decide() : undefined;
  if (known !== undefined) return boolValue(known);
  const NAMES = { "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" } as const;
  const code = op(NAMES[name], "bool", integerCode(a), integerCode(b));
  const below = addInt(sub(b, a), -1), above = addInt(sub(a, b), -1), atMost = sub(b, a), atLeast = sub(a, b);
  const facts: Facts = name === "<" ? { whenTrue: [below], whenFalse: [atLeast] } : name === "<=" ? { whenTrue: [atMost], whenFalse: [above] }
    : name === ">" ? { whenTrue: [above], whenFalse: [atMost] } : name === ">=" ? { whenTrue: [atLeast], whenFalse: [below] }
      : name === "==" ? { whenTrue: [atMost, atLeast], whenFalse: distinct(ctx, a, b) } : { whenTrue: distinct(ctx, a, b), whenFalse: [atMost, atLeast] };
  return { kind: "scalar", dtype: "bool", weak, code, facts };
}
/** What a != b says where one of the orders is known already. */
function distinct(ctx: Lowering, a: Expr, b: Expr): readonly Expr[] {
  if (nonNegative(sub(a, b), ctx.facts) === "yes") return [addInt(sub(a, b), -1)];
  if (nonNegative(sub(b, a), ctx.facts) === "yes") return [addInt(sub(b, a), -1)];
  return [];
}
function stableNow(ctx: Lowering, a: Expr, b: Expr): boolean { return ctx.stable(a) && ctx.stable(b); }

function identity(ctx: Lowering, positive: boolean, a: Value, b: Value, loc: SourceLoc): ScalarValue {
  if (a.kind === "none" || b.kind === "none") return boolValue((a.kind === b.kind) === positive);
  const x = constantOf(a), y = constantOf(b);
  // `x is True` and the like.
  if (a.kind === "scalar" && b.kind === "scalar" && (typeof x === "boolean" || typeof y === "boolean") && a.weak && b.weak) {
    if (typeof x === "boolean" && typeof y === "boolean") return boolValue((x === y) === positive);
    if (a.dtype !== b.dtype) return boolValue(!positive);
    return { kind: "scalar", dtype: "bool", weak: true, code: op(positive ? "eq" : "ne", "bool", a.code, b.code) };
  }
  if (a.kind === "array" && b.kind === "array") return boolValue((a === b) === positive);
  if (a.kind === "dtype" || b.kind === "dtype") return boolValue((a.kind === "dtype" && b.kind === "dtype" && a.dtype === b.dtype) === positive);
  return ctx.unsupported("is between these values", loc, "use ==");
}

/** Equality of what is not a number or an array: None, strings, dtypes, functions, tuples. */
function staticEquality(ctx: Lowering, a: Value, b: Value, loc: SourceLoc): ScalarValue | undefined {
  if (a.kind === "none" || b.kind === "none") return isArray(a) || isArray(b) ? (ctx.language === "javascript" ? boolValue(false) : ctx.unsupported("comparing an array with None by ==", loc, "use is None")) : boolValue(a.kind === b.kind);
  if (a.kind === "string" || b.kind === "string") {
    const x = dtypeName(a), y = dtypeName(b);
    if (x !== undefined && y !== undefined) return boolValue(x === y);
    return boolValue(false);
  }
  if (a.kind === "dtype" || b.kind === "dtype") return boolValue(dtypeName(a) === dtypeName(b));
  if (a.kind === "function" || b.kind === "function") return boolValue(a.kind === b.kind && (a as FunctionValue).def === (b as FunctionValue).def && (a as FunctionValue).scope === (b as FunctionValue).scope);
  // JavaScript's objects and lists are equal to themselves alone.
  if (a.kind === "object" && b.kind === "object" && a !== b && (a.snapshot || b.snapshot)) return ctx.unsupported("comparing objects of which a loop or a branch chose one", loc, "compare a number that each of them has");
  if (ctx.language === "javascript" && (a.kind === "object" || b.kind === "object" || (a.kind === "list" && b.kind === "list"))) return boolValue(a === b);
  if (a.kind === "library" || b.kind === "library") return boolValue(a.kind === "library" && b.kind === "library" && a.name === b.name);
  if (ctx.language === "python" && (a.kind === "tuple" || a.kind === "list") && a.kind === b.kind) {
    const y = b;
    if (a.items.length !== y.items.length) return boolValue(false);
    return a.items.map((x, i) => truth(ctx, compare(ctx, "==", x, y.items[i]!, loc), loc)).reduce(both, boolValue(true));
  }
  return undefined;
}
function dtypeName(v: Value): string | undefined {
  if (v.kind === "string") return v.value;
  if (v.kind === "dtype") return v.dtype;
  if (v.kind === "library") return ({ float: "float64", int: "int64", bool: "bool", complex: "complex128" } as Record<string, string>)[v.name];
  return undefined;
}

/** Conjunction of two booleans, with the facts of both when true. */
export function both(a: ScalarValue, b: ScalarValue): ScalarValue {
  if (a.code.kind === "const") return a.code.value ? b : a;
  if (b.code.kind === "const") return b.code.value ? a : b;
  const whenTrue = [...(a.facts?.whenTrue ?? []), ...(b.facts?.whenTrue ?? [])];
  return { kind: "scalar", dtype: "bool", weak: a.weak && b.weak, code: op("and", "bool", a.code, b.code), facts: { whenTrue, whenFalse: [] } };
}

function contains(ctx: Lowering, a: Value, b: Value, loc: SourceLoc): ScalarValue {
  if (b.kind === "tuple" || b.kind === "list") {
    return negated(b.items.map((x) => negated(truth(ctx, compare(ctx, "==", a, x, loc), loc))).reduce(both, boolValue(true)));
  }
  if (b.kind === "string" && a.kind === "string") return boolValue(b.value.includes(a.value));
  if (b.kind === "object" && a.kind === "string") return boolValue(b.entries.has(a.value));
  const x = integerOf(a);
  if (b.kind === "sequence" && b.range && x && Math.abs(b.range.step) === 1) {
    const up = b.range.step > 0, w = ctx.language === "python";
    return up ? both(compareIntegers(ctx, ">=", x, b.range.start, w), compareIntegers(ctx, "<", x, b.range.stop, w)) : both(compareIntegers(ctx, "<=", x, b.range.start, w), compareIntegers(ctx, ">", x, b.range.stop, w));
  }
  return ctx.unsupported(`membership in ${describe(b)}`, loc, "use np.any(array == value)");
}

// ---- truth and choice

/** The value as a condition. */
export function truth(ctx: Lowering, v: Value, loc: SourceLoc): ScalarValue {
  const js = ctx.language === "javascript";
  switch (v.kind) {
    case "scalar": {
      if (v.dtype === "bool") return v;
      if (v.int) return compareIntegers(ctx, "!=", v.int, int(0), true);
      if (v.code.kind === "const") return boolValue(Boolean(v.code.value) || (v.code.imag ?? 0) !== 0);
      if (js) return { kind: "scalar", dtype: "bool", weak: true, code: numberTruth(v.code) };
      return { kind: "scalar", dtype: "bool", weak: true, code: convert(v.code, "bool") };
    }
    case "none": return boolValue(false);
    case "optional": return both(v.present, truth(ctx, v.value, loc));
    case "string": return boolValue(v.value.length > 0);
    case "list": case "tuple": return boolValue(js || v.items.length > 0);
    case "sequence": return compareIntegers(ctx, ">", v.length, int(0), true);
    case "grown": return js ? boolValue(true) : compareIntegers(ctx, ">", lengthOf(ctx, v, loc), int(0), true);
    case "object": return boolValue(js || v.cls !== undefined || v.entries.size > 0);
    case "array": case "lazy": {
      if (js) return boolValue(true);
      if (shapeOf(v).every((s) => s.constant === 1)) return truth(ctx, scalarOf(ctx, v), loc);
      return ctx.fail("TYPE", "the truth value of an array with more than one element is ambiguous", loc, "use np.any or np.all");
    }
    case "masked": return ctx.fail("TYPE", "the truth value of an array is ambiguous", loc, "use np.any or np.all");
    default: return boolValue(true);
  }
}

/** `a if cond else b`. */
export function select(ctx: Lowering, cond: ScalarValue, a: Value, b: Value, loc: SourceLoc): Value {
  if (cond.code.kind === "const") return cond.code.value ? a : b;
  if (a.kind === "scalar" && b.kind === "scalar") return selectScalars(ctx, cond, a, b, loc);
  if (a === b || (a.kind === "none" && b.kind === "none" && sameNone(a, b))) return a;
  if ((a.kind === "tuple" || a.kind === "list") && b.kind === a.kind && b.items.length === a.items.length) {
    const y = b.items;
    return { kind: a.kind, items: a.items.map((x, i) => select(ctx, cond, x, y[i]!, loc)) };
  }
  if (isArray(a) && isArray(b)) {
    if (a.kind === "array" || b.kind === "array") return ctx.unsupported("a conditional expression that gives one of two arrays", loc, "use an if statement, or np.where(condition, a, b) for a new array");
    if (a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((s, d) => equals(s, b.shape[d]!))) {
      return build(ctx, [a, b], ([x, y]) => selectS(cond.code, x!, y!), false, loc);
    }
  }
  return ctx.unsupported(`a conditional expression that gives ${describe(a)} or ${describe(b)}`, loc, "use an if statement");
}

function selectScalars(ctx: Lowering, cond: ScalarValue, a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue {
  const js = ctx.language === "javascript";
  if (a.code === b.code) return a;
  const bools = a.dtype === "bool" && b.dtype === "bool";
  if (js && a.dtype !== b.dtype && (a.dtype === "bool" || b.dtype === "bool")) return ctx.unsupported("a value that is a number or a boolean, depending on a condition", loc, "convert it with Number()");
  const weak = a.weak && b.weak;
  const dtype = bools ? "bool" : js && weak ? "float64" : resultType([a, b]).dtype;
  const x = convertValue(ctx, a, dtype), y = convertValue(ctx, b, dtype);
  const code = selectS(cond.code, x.code, y.code);
  const whole = a.int && b.int && !bools ? chosen(ctx, cond, a.int, b.int) : undefined;
  if (whole) return js ? { kind: "scalar", dtype, weak, code: doubleCode(whole), int: whole } : { kind: "scalar", dtype, weak, code: dtype === "int64" ? integerCode(whole) : code, ...(isInteger(dtype) ? { int: whole } : {}) };
  return { kind: "scalar", dtype, weak, code };
}
/** The integer chosen, where the choice is a minimum or a maximum. */
function chosen(ctx: Lowering, cond: ScalarValue, a: Expr, b: Expr): Expr | undefined {
  if (equals(a, b)) return a;
  if (!cond.facts) return undefined;
  const yes = ctx.facts.with(...cond.facts.whenTrue), no = ctx.facts.with(...cond.facts.whenFalse);
  if (isLessEqual(a, b, yes) === "yes" && isLessEqual(b, a, no) === "yes") return min(a, b);
  if (isLessEqual(b, a, yes) === "yes" && isLessEqual(a, b, no) === "yes") return max(a, b);
  return undefined;
}

// ---- conversion

/** The value with another dtype, as astype: an array becomes a new (lazy) array. */
export function castTo(ctx: Lowering, v: Value, dtype: DType, loc: SourceLoc): Value {
  return throughMasks(ctx, [v], loc, ([x]) => {
    const o = operandOf(ctx, x!, loc);
    return o.kind === "scalar" ? convertValue(ctx, o, dtype) : build(ctx, [o], ([c]) => convert(c!, dtype), false, loc);
  });
}

/** A scalar in another dtype; weak stays weak in JavaScript, where there is nothing else. */
export function convertValue(ctx: Lowering, v: ScalarValue, dtype: DType): ScalarValue {
  const weak = ctx.language === "javascript" || (v.weak && v.dtype === dtype);
  const code = convert(v.code, dtype);
  if (!v.int) return v.dtype === dtype ? { ...v, weak } : { kind: "scalar", dtype, weak, code };
  const c = v.int.constant;
  // A double is the same integer; a narrow integer only where it cannot wrap.
  const keeps = dtype === "int64" || (dtype === "float64" && ctx.language === "javascript") || (isInteger(dtype) && (v.dtype === dtype || (c !== undefined && fitsInteger(c, dtype))));
  return { kind: "scalar", dtype, weak, code: dtype === "int64" ? integerCode(v.int) : code, ...(keeps ? { int: v.int } : {}) };
}

/** The value as codes per element; nested lists become arrays. */
export function asLazy(ctx: Lowering, v: Value, loc: SourceLoc): LazyValue | ScalarValue {
  const o: Operand = operandOf(ctx, v, loc);
  if (o.kind === "scalar" || o.kind === "lazy") return o;
  const shape = shapeOf(o);
  return { kind: "lazy", dtype: o.dtype, shape, at: (index): ScalarExpr => elementAt(ctx, o, index, shape) };
}
