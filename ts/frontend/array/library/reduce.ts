/** Reductions as map nests with combining writes, the result initialised first. */
import { isComplex, isFloat, kindOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { freshId } from "../../../sdfg/sdfg.js";
import type { Wcr } from "../../../sdfg/nodes.js";
import { addInt, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { type Arrayish, type ArrayValue, indexOf, type MaskedValue, type ScalarValue, shapeOf } from "../value.js";
import { holds, proven } from "./integers.js";
import { codeAt, elementAt } from "./operands.js";
import { convert, integerRange, one, zero } from "./promote.js";
import { expanded, sizeOf } from "./views.js";

export interface Reduction {
  readonly wcr: Wcr;
  readonly dtype: DType;
  /** What is combined, from the element in its own dtype (default: the element, converted). */
  readonly of?: (element: ScalarExpr, index: readonly Expr[]) => ScalarExpr;
  /** Name of the result's container. */
  readonly label: string;
  /** Overrides the neutral element. */
  readonly initial?: ScalarExpr;
  /** Only elements where this holds. */
  readonly where?: (index: readonly Expr[]) => ScalarExpr;
}

/** The root of a sum of squares. At 0, where a norm or a deviation has no derivative, ours is 0: the arm that is not taken contributes nothing. */
export function rootOf(squares: ScalarExpr): ScalarExpr {
  const d = squares.dtype;
  return select(op("eq", "bool", squares, zero(d)), zero(d), op("sqrt", d, squares));
}

/** What a combining write starts from. */
export function neutral(wcr: Wcr, dtype: DType): ScalarExpr {
  if (wcr === "sum") return zero(dtype);
  if (wcr === "prod") return one(dtype);
  if (isFloat(dtype)) return constant(wcr === "max" ? -Infinity : Infinity, dtype);
  if (dtype === "bool") return constant(wcr === "min", "bool");
  const bound = integerRange(dtype)[wcr === "max" ? 0 : 1];
  return constant(Number.isSafeInteger(Number(bound)) ? Number(bound) : bound, dtype);
}

/** An array with `axes` reduced away (all of them: a scalar container). */
export function reduceTo(ctx: Lowering, v: Arrayish, axes: readonly number[], r: Reduction, loc: SourceLoc): ArrayValue {
  const shape = shapeOf(v), kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const out = ctx.allocate(kept.map((d) => shape[d]!), r.dtype, r.label, loc);
  const start = r.initial ?? neutral(r.wcr, r.dtype);
  ctx.map(kept.map((d) => shape[d]!), (i) => { ctx.tasklet(out.data, indexOf(out, i), start, { loc }); }, { loc });
  accumulate(ctx, out, v, axes, r, loc);
  if (kept.length === 0) ctx.single.add(out.data);
  return out;
}

/** `out[kept] wcr= f(v[...])` over all elements. */
export function accumulate(ctx: Lowering, out: ArrayValue, v: Arrayish, axes: readonly number[], r: Reduction, loc: SourceLoc): void {
  const shape = shapeOf(v), kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  // Extrema reduce in their innermost loops (their reverse counts ties there); sums run over memory in its order.
  const permutation = r.wcr === "sum" ? shape.map((_, d) => d) : [...kept, ...axes];
  ctx.map(shape, (index) => {
    const raw = codeAt(ctx, v, index);
    let code = convert(r.of ? r.of(raw, index) : raw, r.dtype);
    if (r.where) code = select(r.where(index), code, neutral(r.wcr, r.dtype));
    ctx.tasklet(out.data, indexOf(out, kept.map((d) => index[d]!)), code, { wcr: r.wcr, loc });
  }, { permutation, loc });
}

/** The result as NumPy gives it: a scalar where all axes are gone, with the axes as 1 if they are kept. */
export function finished(ctx: Lowering, out: Arrayish, axes: readonly number[], keepdims: boolean): ScalarValue | Arrayish {
  if (keepdims) return expanded(out, [...axes].sort((a, b) => a - b));
  if (shapeOf(out).length > 0) return out;
  const code = codeAt(ctx, out, []);
  return { kind: "scalar", dtype: code.dtype, weak: ctx.language === "javascript", code };
}

/** An extremum of nothing is an error, at entry or when it happens. `name`: NumPy's name of the reduction, or the whole message. */
export function requireElements(ctx: Lowering, count: Expr, name: string, loc: SourceLoc): void {
  const message = name.includes(" ") ? name : `zero-size array to reduction operation ${name} which has no identity`;
  if (count.constant === 0) ctx.fail("SHAPE", message, loc);
  const e = addInt(count, -1);
  if (proven(ctx, e) || holds(ctx, e, "a reduced array is not empty", loc)) return;
  ctx.conditional(op("le", "bool", symbolic(count), constant(0, "int64")), () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message, loc }); }, undefined, loc);
}

/** The product of the sizes of some axes. */
export function countOf(v: Arrayish, axes: readonly number[]): Expr { const s = shapeOf(v); return sizeOf(axes.map((a) => s[a]!)); }

/** NumPy's accumulator type of sums and products. */
export function sumType(d: DType): DType {
  if (isFloat(d) || isComplex(d)) return d;
  return kindOf(d) === "uint" ? "uint64" : "int64";
}

/** A masked array as the whole array and the condition under which an element counts. The mask may have fewer dimensions than the values. */
export function unmasked(ctx: Lowering, m: MaskedValue): { readonly value: Arrayish; readonly where: (index: readonly Expr[]) => ScalarExpr } {
  const rank = shapeOf(m.mask).length;
  return { value: m.value, where: (index) => elementAt(ctx, m.mask, index.slice(0, rank), shapeOf(m.mask)) };
}

