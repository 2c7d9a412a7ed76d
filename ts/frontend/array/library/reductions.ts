/** NumPy's reductions as functions and methods: sum, prod, mean, var, std, max, min, ptp, any, all, count_nonzero, average and the nan… forms. */
import { isComplex, isFloat, realOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, type ScalarExpr } from "../../../scalar/expr.js";
import type { Wcr } from "../../../sdfg/nodes.js";
import type { Expr } from "../../../symbolic/expr.js";
import { compressed } from "../compress.js";
import type { Lowering } from "../context.js";
import { define, defineMethod, type Keywords } from "../registry.js";
import { materialise } from "../store.js";
import { type Arrayish, describe, isArray, type LazyValue, type ScalarValue, shapeOf, type Value } from "../value.js";
import { bind, type Bound } from "./arguments.js";
import { build, codeAt, elementAt, isCheap, operandOf } from "./operands.js";
import { convert } from "./promote.js";
import { integerCode, pythonBinary } from "./python-operators.js";
import { countOf, finished, reduceTo, requireElements, rootOf, sumType, unmasked, type Reduction } from "./reduce.js";
import { writeOut } from "./ufuncs.js";
import { asArray } from "./convert.js";

type Where = ((index: readonly Expr[]) => ScalarExpr) | undefined;
/** What is reduced: an array, over which axes, and which of its elements count. */
interface Subject { readonly ctx: Lowering; readonly b: Bound; readonly v: Arrayish; readonly axes: readonly number[]; readonly keep: boolean; readonly where: Where; readonly loc: SourceLoc }
type Result = ScalarValue | Arrayish;

const SIGNATURES: Readonly<Record<string, string>> = {
  sum: "a axis? dtype? out? keepdims? initial? where?", prod: "a axis? dtype? out? keepdims? initial? where?",
  max: "a axis? out? keepdims? initial? where?", min: "a axis? out? keepdims? initial? where?", ptp: "a axis? out? keepdims?",
  any: "a axis? out? keepdims? * where?", all: "a axis? out? keepdims? * where?",
  mean: "a axis? dtype? out? keepdims? * where?", var: "a axis? dtype? out? ddof? keepdims? * where? correction?", std: "a axis? dtype? out? ddof? keepdims? * where? correction?",
  count_nonzero: "a axis? * keepdims?",
  nansum: "a axis? dtype? out? keepdims? initial? where?", nanprod: "a axis? dtype? out? keepdims? initial? where?", nanmean: "a axis? dtype? out? keepdims? * where?",
  nanmax: "a axis? out? keepdims? initial? where?", nanmin: "a axis? out? keepdims? initial? where?", nanstd: "a axis? dtype? out? ddof? keepdims? * where? correction?", nanvar: "a axis? dtype? out? ddof? keepdims? * where? correction?",
};
const METHODS = ["sum", "prod", "max", "min", "ptp", "any", "all", "mean", "var", "std"];

for (const name of Object.keys(SIGNATURES)) define(`np.${name}`, (ctx, args, keywords, loc) => reduceNamed(ctx, name, args, keywords, loc));
for (const [alias, name] of [["amax", "max"], ["amin", "min"], ["product", "prod"], ["alltrue", "all"], ["sometrue", "any"]] as const) define(`np.${alias}`, (ctx, args, keywords, loc) => reduceNamed(ctx, name, args, keywords, loc));
for (const name of METHODS) defineMethod("python", name, (ctx, args, keywords, loc) => {
  const self = args[0]!;
  if (self.kind !== "scalar" && self.kind !== "masked" && !isArray(self)) return ctx.unsupported(`${name} of ${describe(self)}`, loc);
  return reduceNamed(ctx, name, args, keywords, loc);
});

/** np.NAME(…). */
export function reduceNamed(ctx: Lowering, name: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Value {
  const b = bind(ctx, `np.${name}`, SIGNATURES[name]!, args, keywords, loc);
  const a = b.need("a");
  const nan = name.startsWith("nan"), base = nan ? name.slice(3) : name;
  let v: Arrayish, where: Where;
  if (a.kind === "masked" && (b.get("axis") ?? b.get("where"))) {
    // Some axes of what a mask has picked: of the picked elements as an array.
    return reduceNamed(ctx, name, [compressed(ctx, a, loc), ...args.slice(1)], new Map([...keywords].filter(([k]) => k !== "a")), loc);
  }
  if (a.kind === "masked") {
    ({ value: v, where } = unmasked(ctx, a));
  } else {
    const array = asArray(ctx, a, loc);
    v = array.kind === "scalar" ? { kind: "lazy", dtype: array.dtype, shape: [], at: () => array.code } : array;
    const mask = b.get("where");
    if (mask) { const m = operandOf(ctx, mask, loc), shape = shapeOf(v); where = (index) => convert(elementAt(ctx, m, index, shape), "bool"); }
  }
  if (nan && isFloat(v.dtype)) {
    if (!isCheap(ctx, v)) v = materialise(ctx, v, { loc });
    const given = where, whole = v;
    where = (index) => { const ok = op("not", "bool", op("isnan", "bool", codeAt(ctx, whole, index))); return given ? op("and", "bool", given(index), ok) : ok; };
  }
  const s: Subject = { ctx, b, v, axes: b.axes("axis", shapeOf(v).length), keep: b.flag("keepdims"), where, loc };
  const result = KINDS[base]!(s);
  const out = b.get("out");
  if (!out) return result;
  if (out.kind !== "array") return ctx.fail("TYPE", "out must be an array", loc);
  writeOut(ctx, out, result.kind === "array" ? { kind: "lazy", dtype: result.dtype, shape: shapeOf(result), at: (i) => codeAt(ctx, result, i) } : result, undefined, loc);
  return out;
}

const KINDS: Readonly<Record<string, (s: Subject) => Result>> = {
  sum: (s) => plain(s, "sum", s.b.dtype() ?? sumType(s.v.dtype), "sum"),
  prod: (s) => plain(s, "prod", s.b.dtype() ?? sumType(s.v.dtype), "prod"),
  max: (s) => extremum(s, "max"),
  min: (s) => extremum(s, "min"),
  ptp: (s) => pythonBinary(s.ctx, "-", operandOf(s.ctx, extremum(s, "max"), s.loc), operandOf(s.ctx, extremum(s, "min"), s.loc), s.loc),
  any: (s) => counted(s, (x) => x, (n) => op("ne", "bool", n, constant(0, "int64"))),
  all: (s) => counted(s, (x) => op("not", "bool", x), (n) => op("eq", "bool", n, constant(0, "int64"))),
  count_nonzero: (s) => counted(s, (x) => x, (n) => n),
  mean,
  var: (s) => variance(s),
  std: (s) => { const v = variance(s); return build(s.ctx, [v], ([x]) => rootOf(x!), false, s.loc); },
};

const reduce = (s: Subject, r: Reduction): Result => finished(s.ctx, reduceTo(s.ctx, s.v, s.axes, { ...r, ...(s.where ? { where: s.where } : {}) }, s.loc), s.axes, s.keep);

function initialOf(s: Subject, dtype: DType): ScalarExpr | undefined {
  const v = s.b.get("initial");
  if (!v) return undefined;
  const o = operandOf(s.ctx, v, s.loc);
  return o.kind === "scalar" ? convert(o.code, dtype) : s.ctx.fail("TYPE", "initial must be a number", s.loc);
}
function plain(s: Subject, wcr: Wcr, dtype: DType, label: string): Result {
  const initial = initialOf(s, dtype);
  return reduce(s, { wcr, dtype, label, ...(initial ? { initial } : {}) });
}

function extremum(s: Subject, wcr: "max" | "min"): Result {
  const d = s.v.dtype;
  if (isComplex(d)) return s.ctx.unsupported(`np.${wcr} of complex numbers`, s.loc);
  const initial = initialOf(s, d);
  if (!initial) requireElements(s.ctx, countOf(s.v, s.axes), wcr === "max" ? "maximum" : "minimum", s.loc);
  if (d === "bool") return wcr === "max" ? KINDS["any"]!(s) : KINDS["all"]!(s);
  return reduce(s, { wcr, dtype: d, label: wcr, ...(initial ? { initial } : {}) });
}

/** The number of elements for which `f` of their truth holds, as `then` reads it. */
function counted(s: Subject, f: (x: ScalarExpr) => ScalarExpr, then: (n: ScalarExpr) => ScalarExpr): Result {
  const n = reduce(s, { wcr: "sum", dtype: "int64", label: "count", of: (x) => convert(f(convert(x, "bool")), "int64") });
  return build(s.ctx, [n], ([x]) => then(x!), false, s.loc);
}

/** How many elements each result is of: an integer of sizes, or counted where only some elements count. */
function number(s: Subject): { readonly code: (index: readonly Expr[]) => ScalarExpr } {
  if (!s.where) { const e = countOf(s.v, s.axes); return { code: () => integerCode(e) }; }
  const where = s.where;
  const n = reduceTo(s.ctx, s.v, s.axes, { wcr: "sum", dtype: "int64", label: "count", of: (_x, index) => convert(where(index), "int64") }, s.loc);
  return { code: (index) => codeAt(s.ctx, n, index) };
}

function mean(s: Subject): Result {
  const d = s.v.dtype, dtype = s.b.dtype() ?? (isFloat(d) || isComplex(d) ? d : "float64");
  return finished(s.ctx, averaged(s, dtype, number(s)), s.axes, s.keep);
}
/** Σ / n with the axes gone. */
function averaged(s: Subject, dtype: DType, n: ReturnType<typeof number>): LazyValue {
  const sum = reduceTo(s.ctx, s.v, s.axes, { wcr: "sum", dtype, label: "sum", ...(s.where ? { where: s.where } : {}) }, s.loc);
  return { kind: "lazy", dtype, shape: shapeOf(sum), at: (i) => op("div", dtype, codeAt(s.ctx, sum, i), convert(n.code(i), dtype)) };
}

function variance(s: Subject): Result {
  const { ctx, loc, axes } = s, d = s.v.dtype, dtype = s.b.dtype() ?? (isFloat(d) || isComplex(d) ? d : "float64"), part = realOf(dtype);
  const v = isCheap(ctx, s.v) ? s.v : materialise(ctx, s.v, { loc });
  const whole: Subject = { ...s, v };
  const n = number(whole), average = materialise(ctx, averaged(whole, dtype, n), { loc, label: "mean" });
  const kept = shapeOf(v).map((_, k) => k).filter((k) => !axes.includes(k));
  const squares = reduceTo(ctx, v, axes, {
    wcr: "sum", dtype: part, label: "var", ...(s.where ? { where: s.where } : {}),
    of: (x, index) => {
      const diff = op("sub", dtype, convert(x, dtype), codeAt(ctx, average, kept.map((k) => index[k]!)));
      if (!isComplex(dtype)) return op("mul", dtype, diff, diff);
      const re = op("real", part, diff), im = op("imag", part, diff);
      return op("add", part, op("mul", part, re, re), op("mul", part, im, im));
    },
  }, loc);
  const given = s.b.get("ddof") ?? s.b.get("correction"), ddof = given ? operandOf(ctx, given, loc) : undefined;
  if (ddof && ddof.kind !== "scalar") return ctx.fail("TYPE", "ddof must be a number", loc);
  const divisor = (index: readonly Expr[]): ScalarExpr => {
    const count = convert(n.code(index), part);
    if (!ddof) return count;
    const less = op("sub", part, count, convert(ddof.code, part));
    // NumPy divides by 0 where there are not enough elements.
    return op("max", part, less, constant(0, part));
  };
  return finished(ctx, { kind: "lazy", dtype: part, shape: shapeOf(squares), at: (i) => op("div", part, codeAt(ctx, squares, i), divisor(i)) }, axes, s.keep);
}

define("np.average", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.average", "a axis? weights? returned? * keepdims?", args, keywords, loc);
  const a = b.array("a"), weights = b.get("weights");
  if (b.flag("returned")) return ctx.unsupported("returned=True of np.average", loc);
  const rest = new Map([...b.values].filter(([k]) => k === "axis" || k === "keepdims"));
  if (!weights) return reduceNamed(ctx, "mean", [a], rest, loc);
  let w = operandOf(ctx, weights, loc);
  if (!isArray(a) || !isArray(w)) return ctx.fail("TYPE", "np.average with weights needs arrays", loc);
  const rank = shapeOf(a).length, axis = b.axis("axis", rank);
  if (shapeOf(w).length === 1 && rank > 1) {
    if (axis === undefined) return ctx.fail("SHAPE", "axis must be given when the weights have another shape than a", loc);
    const row = w;
    w = { kind: "lazy", dtype: row.dtype, shape: shapeOf(a).map((e, d) => (d === axis ? shapeOf(row)[0]! : e)), at: (i) => codeAt(ctx, row, [i[axis]!]) };
  }
  const total = reduceNamed(ctx, "sum", [pythonBinary(ctx, "*", a, w, loc)], rest, loc), scale = reduceNamed(ctx, "sum", [w], rest, loc);
  return pythonBinary(ctx, "/", operandOf(ctx, total, loc), operandOf(ctx, scale, loc), loc);
});
