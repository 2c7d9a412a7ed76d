/**
 * np.histogram: how many elements (or how much weight) fall into each bin. Bins of equal width by NumPy's rule: the position is computed, then corrected by comparing
 * with the two edges; the last bin holds its right edge. Which bin an element falls into is a discrete fact: the result is differentiable in the weights, and the edges
 * in the smallest and the largest element.
 */
import { isComplex, isFloat, isInteger, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, type ScalarExpr } from "../../../scalar/expr.js";
import { freshId } from "../../../sdfg/sdfg.js";
import { addInt, load, ONE, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, functionNamed } from "../registry.js";
import { requireInt, sameSize } from "../shapes.js";
import { materialise, toScalarContainer } from "../store.js";
import { type Arrayish, type ArrayValue, formatShape, indexOf, isArray, type ScalarValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { filled, flattened } from "./arrays.js";
import { arrayOf, asArray } from "./convert.js";
import { proven } from "./integers.js";
import { codeAt, operandOf } from "./operands.js";
import { convert, floatType, resultType, zero } from "./promote.js";
import { integerCode } from "./python-operators.js";
import { reduceTo } from "./reduce.js";
import { sizeOf } from "./views.js";

interface Bins { readonly edges: ArrayValue; readonly count: Expr; /** The bin of element i. */ readonly of: ArrayValue; /** Element i falls into a bin. */ readonly keep: (i: Expr) => ScalarExpr | undefined }

function raise(ctx: Lowering, wrong: ScalarExpr, message: string, loc: SourceLoc): void {
  ctx.conditional(wrong, () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message, loc }); }, undefined, loc);
}
const and = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("and", "bool", a, b);
/** A scalar's code, computed once. */
function once(ctx: Lowering, code: ScalarExpr, loc: SourceLoc): ScalarExpr {
  return code.kind === "const" ? code : ctx.read(toScalarContainer(ctx, { kind: "scalar", dtype: code.dtype, weak: false, code }, loc).data, []);
}

/** Bins of equal width between the ends of the range. */
function equalBins(ctx: Lowering, a: ArrayValue, count: Expr, range: Value | undefined, loc: SourceLoc): Bins {
  if (!proven(ctx, addInt(count, -1))) raise(ctx, op("lt", "bool", integerCode(count), constant(1, "int64")), "`bins` must be positive, when an integer", loc);
  const n = shapeOf(a)[0]!, dtype: DType = isFloat(a.dtype) ? a.dtype : "float64";
  let low: ScalarExpr, high: ScalarExpr;
  if (range) {
    const ends = (range.kind === "tuple" || range.kind === "list" ? range.items : []).map((v) => operandOf(ctx, v, loc));
    if (ends.length !== 2 || ends.some((e) => e.kind !== "scalar")) return ctx.unsupported("this range of np.histogram", loc, "write two numbers");
    [low, high] = ends.map((e) => convert((e as ScalarValue).code, dtype)) as [ScalarExpr, ScalarExpr];
    raise(ctx, op("gt", "bool", low, high), "max must be larger than min in range parameter", loc);
  } else {
    // Of no elements, the range is that from 0 to 1.
    const some = op("gt", "bool", integerCode(n), constant(0, "int64"));
    [low, high] = (["min", "max"] as const).map((wcr) => {
      const e = convert(codeAt(ctx, reduceTo(ctx, a, [0], { wcr, dtype: a.dtype, label: wcr }, loc), []), dtype);
      return once(ctx, proven(ctx, addInt(n, -1)) ? e : select(some, e, constant(wcr === "min" ? 0 : 1, dtype)), loc);
    }) as [ScalarExpr, ScalarExpr];
  }
  const finite = and(op("isfinite", "bool", low), op("isfinite", "bool", high));
  raise(ctx, op("not", "bool", finite), "the range of np.histogram is not finite", loc);
  const single = op("eq", "bool", low, high), half = constant(0.5, dtype);
  const first = once(ctx, select(single, op("sub", dtype, low, half), low), loc), end = once(ctx, select(single, op("add", dtype, high, half), high), loc);
  const strong = (code: ScalarExpr): ScalarValue => ({ kind: "scalar", dtype, weak: false, code });
  const edges = materialise(ctx, functionNamed("np.linspace")!(ctx, [strong(first), strong(end), ctx.int(addInt(count, 1))], new Map([["dtype", { kind: "dtype", dtype }]]), loc) as Arrayish, { label: "edges", loc });

  const guess = ctx.allocate([n], "int64", "position", loc), bin = ctx.allocate([n], "int64", "bin", loc), last = addInt(count, -1), one = constant(1, "int64"), none = constant(0, "int64");
  const x = (i: Expr): ScalarExpr => convert(codeAt(ctx, a, [i]), dtype), width = op("sub", dtype, end, first);
  const inside = (i: Expr): ScalarExpr => and(op("ge", "bool", x(i), first), op("le", "bool", x(i), end));
  const keep = (i: Expr): ScalarExpr | undefined => (range ? inside(i) : undefined);
  ctx.map([n], ([i]) => {
    const position = convert(op("mul", dtype, op("div", dtype, op("sub", dtype, x(i!), first), width), convert(integerCode(count), dtype)), "int64");
    const bounded = op("min", "int64", op("max", "int64", position, none), integerCode(last));
    ctx.tasklet(guess.data, [i!], range ? select(inside(i!), bounded, none) : bounded, { loc });
  }, { loc });
  ctx.map([n], ([i]) => {
    const k = load(guess.data, [i!]), edge = (e: Expr): ScalarExpr => ctx.read(edges.data, indexOf(edges, [e])), at = ctx.read(guess.data, [i!]);
    const over = and(op("ge", "bool", x(i!), edge(addInt(k, 1))), op("ne", "bool", at, integerCode(last)));
    const moved = op("add", "int64", op("sub", "int64", at, select(op("lt", "bool", x(i!), edge(k)), one, none)), select(over, one, none));
    ctx.tasklet(bin.data, [i!], range ? select(inside(i!), moved, none) : moved, { loc });
  }, { loc });
  return { edges, count, of: bin, keep };
}

/** Bins between given edges: by counting the edges below each element. */
function givenBins(ctx: Lowering, a: ArrayValue, edges: ArrayValue, loc: SourceLoc): Bins {
  const n = shapeOf(a)[0]!, m = shapeOf(edges)[0]!, count = addInt(m, -1), dtype = resultType([{ dtype: a.dtype }, { dtype: edges.dtype }]).dtype;
  const x = (i: Expr): ScalarExpr => convert(codeAt(ctx, a, [i]), dtype), edge = (k: Expr): ScalarExpr => convert(codeAt(ctx, edges, [k]), dtype);
  ctx.loop("k", ONE, m, "up", (k) => { raise(ctx, op("gt", "bool", edge(addInt(k, -1)), edge(k)), "`bins` must increase monotonically, when an array", loc); }, loc);
  const bin = filled(ctx, [n], "int64", constant(-1, "int64"), "bin", loc), keep = (i: Expr): ScalarExpr => and(op("ge", "bool", x(i), edge(ZERO)), op("le", "bool", x(i), edge(count)));
  ctx.map([n], ([i]) => {
    ctx.loop("k", ZERO, count, "up", (k) => { ctx.tasklet(bin.data, [i!], select(op("le", "bool", edge(k), x(i!)), constant(1, "int64"), constant(0, "int64")), { wcr: "sum", loc }); }, loc);
  }, { loc });
  const place = ctx.allocate([n], "int64", "bin", loc);
  ctx.map([n], ([i]) => { ctx.tasklet(place.data, [i!], op("max", "int64", ctx.read(bin.data, [i!]), constant(0, "int64")), { loc }); }, { loc });
  return { edges, count, of: place, keep };
}

define("np.histogram", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.histogram", "a bins? range? density? weights?", args, keywords, loc), given = b.array("a"), bins = b.get("bins"), w = b.get("weights");
  const whole = given.kind === "scalar" ? { kind: "lazy" as const, dtype: given.dtype, shape: [ONE], at: () => given.code } : given;
  if (isComplex(whole.dtype)) return ctx.unsupported("np.histogram of complex numbers", loc);
  const shape = shapeOf(whole), flat = shape.length === 1 ? materialise(ctx, whole, { loc }) : flattened(ctx, whole, loc), n = sizeOf(shape);
  // Booleans are counted as small integers.
  const a = flat.dtype === "bool" ? materialise(ctx, flat, { dtype: "uint8", loc }) : flat;
  const weights = w && asArray(ctx, w, loc);
  if (weights && (weights.kind === "scalar" || shapeOf(weights).length !== shape.length)) return ctx.fail("SHAPE", "weights should have the same shape as a.", loc);
  if (weights?.kind === "array" || weights?.kind === "lazy") shapeOf(weights).forEach((e, d) => { sameSize(ctx, e, shape[d]!, loc, `weights should have the same shape as a: ${formatShape(shapeOf(weights))} and ${formatShape(shape)}`); });
  let parts: Bins;
  if (bins?.kind === "string") return ctx.unsupported(`bins="${bins.value}" of np.histogram`, loc, "give the number of bins");
  if (bins && (isArray(bins) || bins.kind === "list" || bins.kind === "tuple") && !(isArray(bins) && shapeOf(bins).length === 0)) {
    const edges = isArray(bins) ? bins : arrayOf(ctx, bins, loc);
    if (shapeOf(edges).length !== 1) return ctx.fail("SHAPE", "`bins` must be 1d, when an array", loc);
    parts = givenBins(ctx, a, materialise(ctx, edges, { loc }), loc);
  } else parts = equalBins(ctx, a, bins ? requireInt(ctx, bins, loc, "bins") : addInt(ZERO, 10), b.get("range"), loc);

  const kind: DType = weights ? weights.dtype : "int64", sum: DType = weights ? (isComplex(kind) ? "complex128" : isInteger(kind) || kind === "bool" ? "int64" : "float64") : "int64";
  const total = filled(ctx, [parts.count], sum, zero(sum), "histogram", loc), flatWeights = weights && (shape.length === 1 ? weights : flattened(ctx, weights, loc));
  ctx.map([n], ([i]) => {
    const value = flatWeights ? convert(codeAt(ctx, flatWeights, [i!]), sum) : constant(1, "int64"), keep = parts.keep(i!);
    ctx.tasklet(total.data, [load(parts.of.data, [i!])], keep ? select(keep, value, zero(sum)) : value, { wcr: "sum", loc });
  }, { order: "up", loc });
  const counts: Arrayish = sum === kind ? total : { kind: "lazy", dtype: kind, shape: [parts.count], at: (i) => convert(codeAt(ctx, total, i), kind) };
  if (!b.flag("density")) return tupleValue([counts, parts.edges]);
  const type = floatType(resultType([{ dtype: kind }, { dtype: parts.edges.dtype }]).dtype) ?? "float64", all = reduceTo(ctx, counts, [0], { wcr: "sum", dtype: sum, label: "sum" }, loc);
  const density: Arrayish = {
    kind: "lazy", dtype: type, shape: [parts.count],
    at: ([k]) => op("div", type, op("div", type, convert(codeAt(ctx, counts, [k!]), type), convert(op("sub", parts.edges.dtype, codeAt(ctx, parts.edges, [addInt(k!, 1)]), codeAt(ctx, parts.edges, [k!])), type)), convert(codeAt(ctx, all, []), type)),
  };
  return tupleValue([density, parts.edges]);
});
