/** Python's math and cmath modules. Results are Python floats; where Python raises a domain error, the result is NaN or infinite. */
import { isComplex, isFloat } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, constant, op, type OpName, type ScalarExpr } from "../../../scalar/expr.js";
import { floordiv, int, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, defineConstant } from "../registry.js";
import { constantOf, floatValue, integerOf, intValue, isArray, type ScalarValue, shapeOf, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { operandOf, scalarOf } from "./operands.js";
import { boolAs, convert } from "./promote.js";
import { pythonBinary } from "./python-operators.js";
import { rootOf } from "./reduce.js";
import { reduceNamed } from "./reductions.js";
import { truncatedDiv } from "./integers.js";
import { ceilDiv } from "./views.js";

const D = "float64";
function scalar(ctx: Lowering, v: Value, name: string, loc: SourceLoc): ScalarValue {
  const o = operandOf(ctx, v, loc);
  if (o.kind === "scalar") return o;
  for (const e of shapeOf(o)) if (e.constant !== 1) ctx.fail("TYPE", `math.${name} of an array`, loc, `use np.${name}`);
  return scalarOf(ctx, o);
}
const double = (v: ScalarValue): ScalarExpr => (v.dtype === "bool" ? boolAs(v.code, D) : convert(v.code, D));
const result = (code: ScalarExpr): ScalarValue => ({ kind: "scalar", dtype: code.dtype, weak: true, code });

function fn(names: string, count: number, f: (ctx: Lowering, x: readonly ScalarExpr[], values: readonly ScalarValue[], loc: SourceLoc) => ScalarExpr | ScalarValue): void {
  for (const name of names.split(" ")) define(`math.${name}`, (ctx, args, keywords, loc) => {
    for (const k of keywords.keys()) return ctx.unsupported(`the keyword ${k} of math.${name}`, loc);
    if (args.length !== count) return ctx.fail("ARGUMENT", `math.${name} takes ${count} ${count === 1 ? "argument" : "arguments"}, not ${args.length}`, loc);
    const values = args.map((v) => scalar(ctx, v, name, loc));
    if (values.some((v) => isComplex(v.dtype))) return ctx.fail("TYPE", `math.${name} of a complex number`, loc, `use np.${name}`);
    const r = f(ctx, values.map(double), values, loc);
    return r.kind === "scalar" ? r : result(r);
  });
}
const PLAIN: readonly OpName[] = ["sqrt", "cbrt", "exp", "exp2", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma"];
for (const name of PLAIN) fn(name, 1, (_ctx, [x]) => op(name, D, x!));
fn("gamma", 1, (_ctx, [x]) => op("tgamma", D, x!));
fn("fabs", 1, (_ctx, [x]) => op("abs", D, x!));
fn("degrees", 1, (_ctx, [x]) => op("mul", D, x!, constant(180 / Math.PI, D)));
fn("radians", 1, (_ctx, [x]) => op("mul", D, x!, constant(Math.PI / 180, D)));
fn("atan2", 2, (_ctx, [x, y]) => op("atan2", D, x!, y!));
fn("copysign", 2, (_ctx, [x, y]) => op("copysign", D, x!, y!));
fn("fmod", 2, (_ctx, [x, y]) => op("rem", D, x!, y!));
fn("pow", 2, (_ctx, [x, y]) => op("pow", D, x!, y!));
fn("ldexp", 2, (_ctx, [x, y]) => op("mul", D, x!, op("exp2", D, y!)));
for (const name of ["isnan", "isinf", "isfinite"] as const) fn(name, 1, (_ctx, [x], [v]) => (isFloat(v!.dtype) ? op(name, "bool", x!) : constant(name === "isfinite", "bool")));

define("math.log", (ctx, args, _keywords, loc) => {
  const [x, base] = args.map((v) => double(scalar(ctx, v, "log", loc)));
  if (!x) return ctx.fail("ARGUMENT", "math.log needs an argument", loc);
  return result(base ? op("div", D, op("log", D, x), op("log", D, base)) : op("log", D, x));
});
define("math.hypot", (ctx, args, _keywords, loc) => result(args.map((v) => double(scalar(ctx, v, "hypot", loc))).reduce((a, b) => op("hypot", D, a, b), constant(0, D))));
define("math.dist", (ctx, args, _keywords, loc) => {
  const [p, q] = args.map((v) => operandOf(ctx, v, loc));
  if (!p || !q) return ctx.fail("ARGUMENT", "math.dist needs two points", loc);
  const d = pythonBinary(ctx, "-", p, q, loc), total = reduceNamed(ctx, "sum", [pythonBinary(ctx, "*", operandOf(ctx, d, loc), operandOf(ctx, d, loc), loc)], new Map(), loc);
  return result(rootOf(double(scalar(ctx, total, "dist", loc))));
});

/** Rounding to an integer, symbolic where the value is a quotient of integers. */
function rounding(name: "floor" | "ceil" | "trunc", exact: (ctx: Lowering, a: Expr, b: Expr) => Expr | undefined): void {
  fn(name, 1, (ctx, [x], [v]) => {
    if (v!.int) return intValue(v!.int);
    const c = constantOf(v!);
    if (typeof c === "number" && Number.isSafeInteger(Math[name](c))) return intValue(int(Math[name](c)));
    const e = v!.ratio && exact(ctx, v!.ratio.a, v!.ratio.b);
    return e ? intValue(e) : { kind: "scalar", dtype: "int64", weak: true, code: isFloat(v!.dtype) ? cast(op(name, D, x!), "int64") : convert(v!.code, "int64") };
  });
}
rounding("floor", (_ctx, a, b) => floordiv(a, b));
rounding("ceil", (_ctx, a, b) => ceilDiv(a, b));
rounding("trunc", truncatedDiv);

// ---- integers known when the program is compiled

function literal(ctx: Lowering, v: Value, name: string, loc: SourceLoc): number {
  const c = integerOf(v)?.constant;
  return c ?? ctx.unsupported(`math.${name} of a number that is not known when the program is compiled`, loc);
}
const whole = (v: bigint): ScalarValue => (v <= BigInt(Number.MAX_SAFE_INTEGER) ? intValue(int(Number(v))) : { kind: "scalar", dtype: "int64", weak: true, code: constant(v, "int64") });
const factorial = (n: number): bigint => { let r = 1n; for (let k = 2n; k <= BigInt(n); k++) r *= k; return r; };
const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
define("math.factorial", (ctx, args, _keywords, loc) => { const n = literal(ctx, args[0]!, "factorial", loc); return n >= 0 && n <= 20 ? whole(factorial(n)) : ctx.unsupported(`math.factorial(${n})`, loc, "use math.gamma(n + 1)"); });
define("math.comb", (ctx, args, _keywords, loc) => { const n = literal(ctx, args[0]!, "comb", loc), k = literal(ctx, args[1]!, "comb", loc); return k > n ? intValue(int(0)) : whole(factorial(n) / factorial(k) / factorial(n - k)); });
define("math.perm", (ctx, args, _keywords, loc) => { const n = literal(ctx, args[0]!, "perm", loc), k = args[1] ? literal(ctx, args[1], "perm", loc) : n; return k > n ? intValue(int(0)) : whole(factorial(n) / factorial(n - k)); });
define("math.gcd", (ctx, args, _keywords, loc) => intValue(int(args.map((v) => literal(ctx, v, "gcd", loc)).reduce(gcd, 0))));
define("math.lcm", (ctx, args, _keywords, loc) => intValue(int(args.map((v) => literal(ctx, v, "lcm", loc)).reduce((a, b) => (a === 0 || b === 0 ? 0 : Math.abs(a * b) / gcd(a, b)), 1))));
define("math.isqrt", (ctx, args, _keywords, loc) => intValue(int(Math.floor(Math.sqrt(literal(ctx, args[0]!, "isqrt", loc))))));
for (const [name, as] of [["fsum", "sum"], ["prod", "prod"]] as const) define(`math.${name}`, (ctx, args, _keywords, loc) => {
  const v = args[0]!, r = reduceNamed(ctx, as, [v], new Map(), loc);
  return r.kind === "scalar" && !isArray(v) ? { ...r, weak: true, ...(name === "fsum" ? { dtype: D, code: convert(r.code, D) } : {}) } : r;
});
define("math.isclose", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "math.isclose", "a b * rel_tol? abs_tol?", args, keywords, loc);
  const x = double(scalar(ctx, b.need("a"), "isclose", loc)), y = double(scalar(ctx, b.need("b"), "isclose", loc)), tolerance = (name: string, v: number): ScalarExpr => (b.get(name) ? double(scalar(ctx, b.get(name)!, "isclose", loc)) : constant(v, D));
  const size = (e: ScalarExpr): ScalarExpr => op("abs", D, e), limit = op("max", D, op("mul", D, tolerance("rel_tol", 1e-9), op("max", D, size(x), size(y))), tolerance("abs_tol", 0));
  const finite = op("and", "bool", op("isfinite", "bool", x), op("isfinite", "bool", y));
  return result(op("or", "bool", op("eq", "bool", x, y), op("and", "bool", finite, op("le", "bool", size(op("sub", D, x, y)), limit))));
});
fn("remainder", 2, (_ctx, [x, y]) => op("sub", D, x!, op("mul", D, y!, op("round", D, op("div", D, x!, y!)))));
for (const [name, value] of [["pi", Math.PI], ["e", Math.E], ["tau", 2 * Math.PI], ["inf", Infinity], ["nan", NaN]] as const) defineConstant(`math.${name}`, floatValue(value));

for (const [name, fnName] of [["sqrt", "sqrt"], ["exp", "exp"], ["log", "log"], ["sin", "sin"], ["cos", "cos"], ["tan", "tan"], ["sinh", "sinh"], ["cosh", "cosh"], ["tanh", "tanh"]] as const) define(`cmath.${name}`, (ctx, args, _keywords, loc) => {
  const v = scalar(ctx, args[0]!, name, loc);
  return result(op(fnName, "complex128", convert(v.code, "complex128")));
});
define("cmath.phase", (ctx, args, _keywords, loc) => { const v = scalar(ctx, args[0]!, "phase", loc); return result(op("arg", D, convert(v.code, "complex128"))); });
for (const [name, value] of [["pi", Math.PI], ["e", Math.E]] as const) defineConstant(`cmath.${name}`, floatValue(value));
