/** NumPy's elementwise functions: their rules by dtype, `out`, `where`, `dtype`, and `.outer`, `.reduce`, `.accumulate`. */
import { bytesOf, isComplex, isFloat, isInteger, kindOf, realOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, type OpName, type ScalarExpr } from "../../../scalar/expr.js";
import { max, min } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { isPart, writePart } from "../evaluate/parts.js";
import { define, functionNamed, type Keywords } from "../registry.js";
import { store } from "../store.js";
import { type ArrayValue, isArray, type LazyValue, type ScalarValue, shapeOf, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { castTo } from "./elementwise.js";
import { build, elementAt, operandOf, throughMasks, type Operand } from "./operands.js";
import { convert, floatType, one, resultType, zero } from "./promote.js";
import { compareValues, pythonBinary, pythonUnary } from "./python-operators.js";
import { scanAxis } from "./scans.js";
import { reduceNamed } from "./reductions.js";
import { expanded } from "./views.js";
import type * as ast from "../ast.js";

type Result = ScalarValue | LazyValue;
export type UnaryRule = (ctx: Lowering, a: Operand, loc: SourceLoc) => Result;
export type BinaryRule = (ctx: Lowering, a: Operand, b: Operand, loc: SourceLoc) => Result;
interface Ufunc { readonly name: string; readonly inputs: 1 | 2; readonly run: (ctx: Lowering, args: readonly Operand[], loc: SourceLoc) => Result }

const UFUNCS = new Map<string, Ufunc>();

/** A NumPy scalar: what a NumPy function makes of Python scalars. */
export function strong<T extends Value>(v: T): T { return v.kind === "scalar" && v.weak ? { ...v, weak: false } : v; }
const weakOf = (o: Operand): boolean => o.kind === "scalar" && o.weak;

function call(ctx: Lowering, u: Ufunc, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Value {
  const b = bind(ctx, `np.${u.name}`, `${u.inputs === 1 ? "x" : "x1 x2"} out? * where? dtype? casting?`, args, keywords, loc);
  const raw = u.inputs === 1 ? [b.need("x")] : [b.need("x1"), b.need("x2")];
  const dtype = b.dtype();
  let out = b.get("out");
  if (out?.kind === "tuple" && out.items.length === 1) out = out.items[0];
  const result = throughMasks(ctx, raw, loc, (inner) => strong(applyUfunc(ctx, u, inner.map((v) => operandOf(ctx, dtype && !PREDICATES.has(u.name) ? castTo(ctx, v, dtype, loc) : v, loc)), loc)));
  const where = b.get("where");
  if (!out) {
    if (where && !(where.kind === "scalar" && where.code.kind === "const" && where.code.value === true)) return ctx.unsupported(`where= of np.${u.name} without out=`, loc, "use np.where");
    return result;
  }
  if (isPart(out) && result.kind !== "masked" && !where) { writePart(ctx, out, [{ kind: "ellipsis", loc }], result, loc); return out; }
  if (out.kind !== "array") return ctx.fail("TYPE", "out must be an array", loc);
  if (result.kind === "masked") return ctx.unsupported("out= with an array of data-dependent length", loc);
  writeOut(ctx, out, result as Result, where, loc);
  return out;
}

/** Stores a result in `out`, where a mask says so. */
export function writeOut(ctx: Lowering, out: ArrayValue, result: Result | ArrayValue, where: Value | undefined, loc: SourceLoc): void {
  const order = (d: DType): number => ({ bool: 0, uint: 1, int: 1, float: 2, complex: 3 })[kindOf(d)];
  if (order(result.dtype) > order(out.dtype)) ctx.fail("TYPE", `cannot store a ${result.dtype} result in out of ${out.dtype}`, loc, "make out an array of the result's dtype");
  if (!where) { store(ctx, out, result, loc); return; }
  const mask = operandOf(ctx, where, loc), shape = shapeOf(out);
  if (mask.dtype !== "bool") ctx.fail("TYPE", "where must be a boolean array", loc);
  store(ctx, out, { kind: "lazy", dtype: out.dtype, shape, at: (i) => select(elementAt(ctx, mask, i, shape), convert(elementAt(ctx, result, i, shape), out.dtype), elementAt(ctx, out, i, shape)) }, loc);
}

export function applyUfunc(ctx: Lowering, u: Ufunc, args: readonly Operand[], loc: SourceLoc): Result {
  // Python scalars alone are NumPy scalars of their default dtype.
  const strongArgs = args.every(weakOf) ? args.map((a) => strong(a)) : args;
  return u.run(ctx, strongArgs, loc);
}
export function ufunc(name: string): Ufunc | undefined { return UFUNCS.get(name); }

function register(names: string, inputs: 1 | 2, run: Ufunc["run"]): void {
  for (const name of names.split(" ")) {
    const u: Ufunc = { name, inputs, run };
    UFUNCS.set(name, u);
    define(`np.${name}`, (ctx, args, keywords, loc) => call(ctx, u, args, keywords, loc));
    if (inputs === 2) define(`np.${name}.outer`, (ctx, args, keywords, loc) => {
      const b = bind(ctx, `np.${name}.outer`, "A B", args, keywords, loc), x = b.operand("A"), y = b.operand("B");
      const rank = isArray(y) ? shapeOf(y).length : 0, own = isArray(x) ? shapeOf(x).length : 0;
      const wide = isArray(x) && rank > 0 ? expanded(x, Array.from({ length: rank }, (_, i) => own + i)) : x;
      return strong(applyUfunc(ctx, u, [wide, y], loc));
    });
  }
}
const unary = (names: string, f: UnaryRule): void => register(names, 1, (ctx, [a], loc) => f(ctx, a!, loc));
const binary = (names: string, f: BinaryRule): void => register(names, 2, (ctx, [a, b], loc) => f(ctx, a!, b!, loc));

// ---- helpers by kind of rule

/** The float dtype in which an elementary function is computed. */
export function computeType(ctx: Lowering, name: string, operands: readonly Operand[], loc: SourceLoc): DType {
  const t = resultType(operands.map((o) => ({ dtype: o.dtype, weak: weakOf(o) })));
  return floatType(t.dtype, t.weak) ?? ctx.unsupported(`${name} of ${t.dtype}, which NumPy computes in float16`, loc, "convert with astype(np.float64) first");
}
const map1 = (ctx: Lowering, a: Operand, f: (x: ScalarExpr) => ScalarExpr, loc: SourceLoc): Result => build(ctx, [a], ([x]) => f(x!), false, loc);
const map2 = (ctx: Lowering, a: Operand, b: Operand, type: DType, f: (x: ScalarExpr, y: ScalarExpr) => ScalarExpr, loc: SourceLoc): Result => build(ctx, [a, b], ([x, y]) => f(convert(x!, type), convert(y!, type)), false, loc);
const real = (ctx: Lowering, name: string, d: DType, loc: SourceLoc): void => { if (isComplex(d)) ctx.fail("TYPE", `np.${name} is not defined for complex numbers`, loc); };

// ---- elementary functions

const ELEMENTARY: Readonly<Record<string, OpName>> = {
  sqrt: "sqrt", exp: "exp", exp2: "exp2", expm1: "expm1", log: "log", log2: "log2", log10: "log10", log1p: "log1p", sin: "sin", cos: "cos", tan: "tan", arcsin: "asin", asin: "asin", arccos: "acos", acos: "acos",
  arctan: "atan", atan: "atan", sinh: "sinh", cosh: "cosh", tanh: "tanh", arcsinh: "asinh", asinh: "asinh", arccosh: "acosh", acosh: "acosh", arctanh: "atanh", atanh: "atanh",
};
for (const [name, fn] of Object.entries(ELEMENTARY)) unary(name, (ctx, a, loc) => { const t = computeType(ctx, `np.${name}`, [a], loc); return map1(ctx, a, (x) => op(fn, t, convert(x, t)), loc); });
const realElementary = (names: string, f: (x: ScalarExpr, t: DType) => ScalarExpr): void => unary(names, (ctx, a, loc) => {
  const name = names.split(" ")[0]!, t = computeType(ctx, `np.${name}`, [a], loc);
  real(ctx, name, t, loc);
  return map1(ctx, a, (x) => f(convert(x, t), t), loc);
});
realElementary("cbrt", (x, t) => op("cbrt", t, x));
realElementary("fabs", (x, t) => op("abs", t, x));
realElementary("rint", (x, t) => op("round", t, x));
realElementary("deg2rad radians", (x, t) => op("mul", t, x, constant(Math.PI / 180, t)));
realElementary("rad2deg degrees", (x, t) => op("mul", t, x, constant(180 / Math.PI, t)));

for (const name of ["floor", "ceil", "trunc"] as const) unary(name === "trunc" ? "trunc fix" : name, (ctx, a, loc) => {
  real(ctx, name, a.dtype, loc);
  return isFloat(a.dtype) ? map1(ctx, a, (x) => op(name, a.dtype, x), loc) : map1(ctx, a, (x) => x, loc);
});

// ---- arithmetic

unary("negative", (ctx, a, loc) => pythonUnary(ctx, "-", a, loc));
unary("positive", (ctx, a, loc) => map1(ctx, a, (x) => x, loc));
unary("abs absolute", (ctx, a, loc) => absolute(ctx, a, loc));
export function absolute(ctx: Lowering, a: Operand, loc: SourceLoc): Result {
  const d = a.dtype;
  if (d === "bool" || kindOf(d) === "uint") return map1(ctx, a, (x) => x, loc);
  return map1(ctx, a, (x) => op("abs", realOf(d), x), loc);
}
unary("sign", (ctx, a, loc) => {
  if (a.dtype === "bool") return ctx.unsupported(`np.sign of ${a.dtype}`, loc);
  if (isComplex(a.dtype)) {
    // z/|z|, as NumPy 2 has it.
    const real = realOf(a.dtype), none = constant(0, a.dtype, 0);
    return map1(ctx, a, (x) => select(op("eq", "bool", x, none), none, op("div", a.dtype, x, op("complex", a.dtype, op("abs", real, x), constant(0, real)))), loc);
  }
  return map1(ctx, a, (x) => op("sign", a.dtype, x), loc);
});
unary("square", (ctx, a, loc) => (a.dtype === "bool" ? pythonBinary(ctx, "*", a, a, loc) : map1(ctx, a, (x) => (isInteger(a.dtype) ? op("mul", a.dtype, x, x) : op("square", a.dtype, x)), loc)));
unary("reciprocal", (ctx, a, loc) => (isFloat(a.dtype) || isComplex(a.dtype) ? map1(ctx, a, (x) => op("reciprocal", a.dtype, x), loc) : ctx.unsupported(`np.reciprocal of ${a.dtype}`, loc, "use 1 / x, or 1 // x")));
unary("conj conjugate", (ctx, a, loc) => map1(ctx, a, (x) => (isComplex(a.dtype) ? op("conj", a.dtype, x) : x), loc));
unary("invert bitwise_not bitwise_invert", (ctx, a, loc) => pythonUnary(ctx, "~", a, loc));

const OPERATORS: Readonly<Record<string, ast.BinaryOp>> = {
  add: "+", subtract: "-", multiply: "*", divide: "/", true_divide: "/", floor_divide: "//", remainder: "%", mod: "%", power: "**", pow: "**", bitwise_and: "&", bitwise_or: "|", bitwise_xor: "^",
  left_shift: "<<", right_shift: ">>", bitwise_left_shift: "<<", bitwise_right_shift: ">>",
};
for (const [name, o] of Object.entries(OPERATORS)) binary(name, (ctx, a, b, loc) => pythonBinary(ctx, o, a, b, loc));
for (const [name, o] of Object.entries({ equal: "==", not_equal: "!=", less: "<", less_equal: "<=", greater: ">", greater_equal: ">=" } as const)) binary(name, (ctx, a, b, loc) => compareValues(ctx, o, a, b, loc));

for (const [name, fn, nan] of [["maximum", "max", false], ["minimum", "min", false], ["fmax", "max", true], ["fmin", "min", true]] as const) binary(name, (ctx, a, b, loc) => {
  const t = resultType([{ dtype: a.dtype, weak: weakOf(a) }, { dtype: b.dtype, weak: weakOf(b) }]).dtype;
  if (isComplex(t)) return ctx.unsupported(`np.${name} of complex numbers`, loc);
  const r = map2(ctx, a, b, t, (x, y) => {
    if (t === "bool") return op(fn === "max" ? "or" : "and", "bool", x, y);
    const m = op(fn, t, x, y);
    return nan && isFloat(t) ? select(op("isnan", "bool", x), y, select(op("isnan", "bool", y), x, m)) : m;
  }, loc);
  return r.kind === "scalar" && a.kind === "scalar" && b.kind === "scalar" && a.int && b.int && t === "int64" ? { ...r, int: fn === "max" ? max(a.int, b.int) : min(a.int, b.int) } : r;
});

const realBinary = (names: string, f: (x: ScalarExpr, y: ScalarExpr, t: DType) => ScalarExpr): void => binary(names, (ctx, a, b, loc) => {
  const name = names.split(" ")[0]!, t = computeType(ctx, `np.${name}`, [a, b], loc);
  real(ctx, name, t, loc);
  return map2(ctx, a, b, t, (x, y) => f(x, y, t), loc);
});
realBinary("arctan2 atan2", (x, y, t) => op("atan2", t, x, y));
realBinary("hypot", (x, y, t) => op("hypot", t, x, y));
realBinary("copysign", (x, y, t) => op("copysign", t, x, y));
realBinary("heaviside", (x, h, t) => {
  const c = (o: OpName): ScalarExpr => op(o, "bool", x, constant(0, t));
  return select(c("lt"), zero(t), select(c("gt"), one(t), select(c("eq"), h, x)));
});
realBinary("logaddexp", (x, y, t) => {
  // max + log1p(exp(-|x - y|)); equal infinities have no difference.
  const d = op("sub", t, x, y);
  return select(op("eq", "bool", x, y), op("add", t, x, constant(Math.LN2, t)), op("add", t, op("max", t, x, y), op("log1p", t, op("exp", t, op("neg", t, op("abs", t, d))))));
});
realBinary("float_power", (x, y) => op("pow", "float64", convert(x, "float64"), convert(y, "float64")));
binary("fmod", (ctx, a, b, loc) => {
  const t = resultType([{ dtype: a.dtype, weak: weakOf(a) }, { dtype: b.dtype, weak: weakOf(b) }]).dtype;
  real(ctx, "fmod", t, loc);
  const type = t === "bool" ? "int8" : t;
  return map2(ctx, a, b, type, (x, y) => op("rem", type, x, y), loc);
});

// ---- predicates and logic

const PREDICATES = new Set(["isnan", "isinf", "isfinite", "signbit", "logical_not", "logical_and", "logical_or", "logical_xor", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]);
for (const name of ["isnan", "isinf", "isfinite"] as const) unary(name, (ctx, a, loc) => {
  const d = a.dtype;
  if (isComplex(d)) {
    const r = realOf(d);
    return map1(ctx, a, (x) => { const [p, q] = [op(name, "bool", op("real", r, x)), op(name, "bool", op("imag", r, x))]; return op(name === "isfinite" ? "and" : "or", "bool", p, q); }, loc);
  }
  return map1(ctx, a, (x) => (isFloat(d) ? op(name, "bool", x) : constant(name === "isfinite", "bool")), loc);
});
unary("signbit", (ctx, a, loc) => {
  real(ctx, "signbit", a.dtype, loc);
  return map1(ctx, a, (x) => (isFloat(a.dtype) ? op("lt", "bool", op("copysign", a.dtype, constant(1, a.dtype), x), constant(0, a.dtype)) : a.dtype === "bool" ? constant(false, "bool") : op("lt", "bool", x, constant(0, a.dtype))), loc);
});
const asBool = (x: ScalarExpr): ScalarExpr => convert(x, "bool");
unary("logical_not", (ctx, a, loc) => map1(ctx, a, (x) => op("not", "bool", asBool(x)), loc));
for (const [name, fn] of [["logical_and", "and"], ["logical_or", "or"], ["logical_xor", "ne"]] as const) binary(name, (ctx, a, b, loc) => build(ctx, [a, b], ([x, y]) => op(fn, "bool", asBool(x!), asBool(y!)), false, loc));

// ---- methods of ufuncs

/** np.add.reduce and the like: the reduction, over the first axis unless told otherwise. */
const REDUCTIONS: Readonly<Record<string, string>> = { add: "sum", multiply: "prod", maximum: "max", minimum: "min", logical_and: "all", logical_or: "any" };
for (const [name, as] of Object.entries(REDUCTIONS)) define(`np.${name}.reduce`, (ctx, args, keywords, loc) => {
  const b = bind(ctx, `np.${name}.reduce`, "a axis? dtype? out? keepdims? initial? where?", args, keywords, loc);
  const values = new Map(b.values);
  if (!values.has("axis")) values.set("axis", ctx.int(0));
  const a = values.get("a")!;
  values.delete("a");
  return reduceNamed(ctx, as, [a], values, loc);
});
for (const [name, fn] of [["add", "add"], ["multiply", "mul"]] as const) define(`np.${name}.accumulate`, (ctx, args, keywords, loc) => {
  const b = bind(ctx, `np.${name}.accumulate`, "array axis? dtype?", args, keywords, loc), a = b.operand("array");
  if (!isArray(a)) return ctx.fail("TYPE", `np.${name}.accumulate of a scalar`, loc);
  return scanAxis(ctx, a, b.axis("axis", shapeOf(a).length) ?? 0, fn, b.dtype(), loc);
});

// ---- composed functions of one array

/** round(x, decimals): scaled, rounded half to even, scaled back, as NumPy does. */
export function rounded(ctx: Lowering, a: Operand, decimals: number, loc: SourceLoc): Result {
  const d = a.dtype;
  real(ctx, "round", d, loc);
  if (!isFloat(d)) return decimals >= 0 && d !== "bool" ? map1(ctx, a, (x) => x, loc) : ctx.unsupported(`rounding ${d} to ${decimals} decimals`, loc);
  if (decimals === 0) return map1(ctx, a, (x) => op("round", d, x), loc);
  const scale = constant(10 ** Math.abs(decimals), d), [up, down]: [OpName, OpName] = decimals > 0 ? ["mul", "div"] : ["div", "mul"];
  return map1(ctx, a, (x) => op(down, d, op("round", d, op(up, d, x, scale)), scale), loc);
}
define(["np.round", "np.around"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.round", "a decimals? out?", args, keywords, loc);
  const r = strong(rounded(ctx, b.operand("a"), b.literal("decimals") ?? 0, loc));
  const out = b.get("out");
  if (out?.kind !== "array") return r;
  writeOut(ctx, out, r, undefined, loc);
  return out;
});
define("np.nan_to_num", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.nan_to_num", "x copy? nan? posinf? neginf?", args, keywords, loc), a = b.operand("x"), d = a.dtype;
  if (!isFloat(d)) return isComplex(d) ? ctx.unsupported("np.nan_to_num of complex numbers", loc) : map1(ctx, a, (x) => x, loc);
  if (b.has("copy") && !b.flag("copy", true)) return ctx.unsupported("copy=False of np.nan_to_num", loc);
  const largest = bytesOf(d) === 4 ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const part = (name: string, v: number): ScalarExpr => { const o = b.get(name) ? b.operand(name) : undefined; return o ? (o.kind === "scalar" ? convert(o.code, d) : ctx.unsupported(`an array for ${name}`, loc)) : constant(v, d); };
  const nan = part("nan", 0), high = part("posinf", largest), low = part("neginf", -largest);
  return map1(ctx, a, (x) => select(op("isnan", "bool", x), nan, select(op("eq", "bool", x, constant(Infinity, d)), high, select(op("eq", "bool", x, constant(-Infinity, d)), low, x))), loc);
});
define("np.clip", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.clip", "a a_min? a_max? out? min? max?", args, keywords, loc);
  const r = clipped(ctx, b.need("a"), b.get("a_min") ?? b.get("min"), b.get("a_max") ?? b.get("max"), loc), out = b.get("out");
  if (out?.kind !== "array") return r;
  writeOut(ctx, out, r, undefined, loc);
  return out;
});
/** min(max(a, low), high), in the common dtype. */
export function clipped(ctx: Lowering, a: Value, low: Value | undefined, high: Value | undefined, loc: SourceLoc): Result {
  let r: Operand = operandOf(ctx, a, loc);
  if (low) r = applyUfunc(ctx, UFUNCS.get("maximum")!, [r, operandOf(ctx, low, loc)], loc);
  if (high) r = applyUfunc(ctx, UFUNCS.get("minimum")!, [r, operandOf(ctx, high, loc)], loc);
  return low || high ? strong(r as Result) : ctx.fail("ARGUMENT", "clip needs a lower or an upper bound", loc);
}
define("np.where", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.where", "condition x? y?", args, keywords, loc);
  if (!b.has("x") && !b.has("y")) return functionNamed("np.nonzero")!(ctx, args, keywords, loc);
  if (!b.has("x") || !b.has("y")) return ctx.fail("ARGUMENT", "either both or neither of x and y should be given", loc);
  return whereValues(ctx, b.operand("condition"), b.operand("x"), b.operand("y"), loc);
});
export function whereValues(ctx: Lowering, c: Operand, x: Operand, y: Operand, loc: SourceLoc): Result {
  const t = resultType([{ dtype: x.dtype, weak: weakOf(x) }, { dtype: y.dtype, weak: weakOf(y) }]).dtype;
  return build(ctx, [c, x, y], ([k, p, q]) => select(asBool(k!), convert(p!, t), convert(q!, t)), false, loc);
}
define("np.select", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.select", "condlist choicelist default?", args, keywords, loc), list = (name: string): readonly Value[] => { const v = b.need(name); return v.kind === "list" || v.kind === "tuple" ? v.items : ctx.unsupported(`${name} of np.select that is no list`, loc); };
  const conditions = list("condlist"), choices = list("choicelist");
  if (conditions.length !== choices.length || conditions.length === 0) return ctx.fail("ARGUMENT", "list of cases must be same length as list of conditions", loc);
  return conditions.reduceRight<Operand>((rest, c, k) => whereValues(ctx, operandOf(ctx, c, loc), operandOf(ctx, choices[k]!, loc), rest, loc), b.has("default") ? b.operand("default") : ctx.int(0));
});
for (const name of ["real", "imag"] as const) define(`np.${name}`, (ctx, args, keywords, loc) => partOf(ctx, bind(ctx, `np.${name}`, "val", args, keywords, loc).operand("val"), name, loc));
define("np.angle", (ctx, args, keywords, loc) => {
  const a = bind(ctx, "np.angle", "z", args, keywords, loc).operand("z");
  if (isComplex(a.dtype)) return map1(ctx, a, (x) => op("arg", realOf(a.dtype), x), loc);
  const t = computeType(ctx, "np.angle", [a], loc);
  return map1(ctx, a, (x) => op("atan2", t, constant(0, t), convert(x, t)), loc);
});
export function partOf(ctx: Lowering, a: Operand, part: "real" | "imag", loc: SourceLoc): Operand {
  const d = a.dtype;
  if (isComplex(d)) { const v = map1(ctx, a, (x) => op(part, realOf(d), x), loc); return a.kind === "array" && v.kind === "lazy" ? { ...v, part: { source: a, name: part } } : v; }
  return part === "real" ? a : map1(ctx, a, () => zero(d), loc);
}
define("np.isclose", (ctx, args, keywords, loc) => closeness(ctx, args, keywords, loc));
/** |a - b| <= atol + rtol·|b|, or both the same infinity. */
export function closeness(ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Result {
  const b = bind(ctx, "np.isclose", "a b rtol? atol?", args, keywords, loc);
  const x = b.operand("a"), y = b.operand("b"), t = computeType(ctx, "np.isclose", [x, y], loc);
  if (isComplex(t)) return ctx.unsupported("np.isclose of complex numbers", loc);
  const tolerance = (name: string, v: number): ScalarExpr => { const o = b.get(name) ? b.operand(name) : undefined; return o?.kind === "scalar" ? convert(o.code, t) : constant(v, t); };
  const rtol = tolerance("rtol", 1e-5), atol = tolerance("atol", 1e-8);
  return map2(ctx, x, y, t, (p, q) => {
    const within = op("le", "bool", op("abs", t, op("sub", t, p, q)), op("add", t, atol, op("mul", t, rtol, op("abs", t, q))));
    const finite = op("and", "bool", op("isfinite", "bool", p), op("isfinite", "bool", q));
    return op("or", "bool", op("eq", "bool", p, q), op("and", "bool", finite, within));
  }, loc);
}
