/** Views by hand: slices, permutations and new axes of arrays, as views of containers or of lazy expressions. */
import type { SourceLoc } from "../../../base/errors.js";
import { add, addInt, divideExact, equals, floordiv, int, mul, neg, ONE, ZERO, type Expr } from "../../../symbolic/expr.js";
import { isEqual } from "../../../symbolic/prove.js";
import type { Lowering } from "../context.js";
import { sameSize } from "../shapes.js";
import { materialise, noteParts } from "../store.js";
import { type Arrayish, type ArrayValue, formatShape, shapeOf, type ViewDim } from "../value.js";

/** Dimension d of the result is dimension axes[d] of v. */
export function permuted(v: Arrayish, axes: readonly number[]): Arrayish {
  if (v.kind === "array") return { ...v, dims: axes.map((a) => v.dims[a]!) };
  return { ...v, shape: axes.map((a) => v.shape[a]!), at: (index) => { const own: Expr[] = []; axes.forEach((a, d) => { own[a] = index[d]!; }); return v.at(own); } };
}

/** The elements start + step·i of one dimension, `size` of them. */
export function sliced(v: Arrayish, axis: number, start: Expr, size: Expr, step: Expr = ONE): Arrayish {
  if (v.kind === "array") {
    const base = [...v.base];
    for (const s of v.dims[axis]!.steps) base[s.axis] = add(base[s.axis]!, mul(s.step, start));
    const dims = v.dims.map((d, k) => (k === axis ? { size, steps: d.steps.map((s) => ({ axis: s.axis, step: mul(s.step, step) })) } : d));
    return { ...v, base, dims };
  }
  return { ...v, shape: v.shape.map((s, k) => (k === axis ? size : s)), at: (index) => v.at(index.map((e, k) => (k === axis ? add(start, mul(step, e)) : e))) };
}

/** One dimension backwards. */
export function flipped(v: Arrayish, axis: number): Arrayish { const n = shapeOf(v)[axis]!; return sliced(v, axis, addInt(n, -1), n, int(-1)); }

/** One dimension fixed at an index. */
export function taken(v: Arrayish, axis: number, at: Expr): Arrayish { return squeezed(sliced(v, axis, at, ONE), [axis]); }

/** Without some dimensions of size 1. */
export function squeezed(v: Arrayish, axes: readonly number[]): Arrayish {
  if (v.kind === "array") return { ...v, dims: v.dims.filter((_, d) => !axes.includes(d)) };
  return { ...v, shape: v.shape.filter((_, d) => !axes.includes(d)), at: (index) => { const rest = [...index]; return v.at(v.shape.map((_, d) => (axes.includes(d) ? ZERO : rest.shift()!))); } };
}

/** With dimensions of size 1 at these places of the result (ascending). */
export function expanded(v: Arrayish, axes: readonly number[]): Arrayish {
  if (v.kind === "array") { const dims = [...v.dims]; for (const a of axes) dims.splice(a, 0, { size: ONE, steps: [] }); return { ...v, dims }; }
  const shape = [...v.shape];
  for (const a of axes) shape.splice(a, 0, ONE);
  return { ...v, shape, at: (index) => v.at(index.filter((_, d) => !axes.includes(d))) };
}

/** The number of elements. */
export function sizeOf(shape: readonly Expr[]): Expr { return shape.reduce((n, e) => mul(n, e), ONE); }

/** Along one axis of its container, by 1, from 0 to its end? */
function coversAxis(ctx: Lowering, v: ArrayValue, d: ViewDim): number | undefined {
  const s = d.steps[0];
  if (d.steps.length !== 1 || s!.step.constant !== 1) return undefined;
  const whole = ctx.container(v.data).shape[s!.axis]!;
  return v.base[s!.axis]!.constant === 0 && isEqual(d.size, whole, ctx.facts) === "yes" ? s!.axis : undefined;
}

/** The same elements in the same order in another shape: a view where the elements lie one after the other as the new shape needs, else a copy. */
export function reshaped(ctx: Lowering, v: Arrayish, shape: readonly Expr[], loc: SourceLoc): ArrayValue {
  const from = shapeOf(v);
  sameSize(ctx, sizeOf(from), sizeOf(shape), loc, `cannot reshape array of shape ${formatShape(from)} into shape ${formatShape(shape)}`);
  if (from.length === shape.length && from.every((e, d) => equals(e, shape[d]!)) && v.kind === "array") return v;
  if (v.kind === "array") {
    const view = viewAs(ctx, v, shape);
    if (view) return view;
  }
  const start = ctx.body.length, copy = materialise(ctx, v, { copy: true, loc });
  noteParts(ctx, v, copy, start, "what is reshaped", loc);
  const view = viewAs(ctx, copy, shape);
  return view ?? contiguous(ctx, copy, shape);
}

/** A container over the same buffer, from its start, with another shape. */
function contiguous(ctx: Lowering, v: ArrayValue, shape: readonly Expr[]): ArrayValue {
  const c = ctx.container(v.data);
  const made = ctx.addContainer({
    dtype: c.dtype, shape, transient: c.transient, view: { base: ctx.bufferOf(v.data), offset: c.view?.offset ?? ZERO }, label: c.label ?? c.name, ...(c.loc ? { loc: c.loc } : {}),
  });
  return ctx.whole(made.name);
}

function viewAs(ctx: Lowering, v: ArrayValue, shape: readonly Expr[]): ArrayValue | undefined {
  const old = v.dims.filter((d) => d.size.constant !== 1), next = shape.filter((e) => e.constant !== 1);
  // Groups of old and new dimensions with the same number of elements.
  const groups: { old: ViewDim[]; next: Expr[] }[] = [];
  let i = 0, j = 0;
  while (i < old.length && j < next.length) {
    const g = { old: [old[i++]!], next: [next[j++]!] };
    const product = (es: readonly Expr[]): Expr => sizeOf(es);
    for (;;) {
      const a = product(g.old.map((d) => d.size)), b = product(g.next);
      if (isEqual(a, b, ctx.facts) === "yes") break;
      // The side that divides the other is short of a dimension.
      const shortOld = divideExact(b, a) !== undefined, shortNext = divideExact(a, b) !== undefined;
      if (i < old.length && (shortOld || (!shortNext && j >= next.length))) g.old.push(old[i++]!);
      else if (j < next.length) g.next.push(next[j++]!);
      else if (i < old.length) g.old.push(old[i++]!);
      else break;
    }
    groups.push(g);
  }
  if (groups.length === 0) { if (old.length !== next.length) return undefined; return { ...v, dims: shape.map(() => ({ size: ONE, steps: [] })) }; }
  groups.at(-1)!.old.push(...old.slice(i));
  groups.at(-1)!.next.push(...next.slice(j));
  if (groups.some((g) => g.old.length > 1)) {
    // Joining dimensions needs a container whose rows lie that way: all of it, or a part of its leading axis.
    const merged = mergeAxes(ctx, v, groups.map((g) => g.old));
    return merged && viewAs(ctx, merged, shape);
  }
  const dims: ViewDim[] = [];
  for (const g of groups) {
    const only = g.old[0]!;
    let stride: Expr = ONE;
    const made: ViewDim[] = [];
    for (let k = g.next.length - 1; k >= 0; k--) { const factor = stride; made.unshift({ size: g.next[k]!, steps: only.steps.map((s) => ({ axis: s.axis, step: mul(s.step, factor) })) }); stride = mul(stride, g.next[k]!); }
    dims.push(...made);
  }
  return { ...v, dims: shape.map((e) => (e.constant === 1 ? { size: ONE, steps: [] } : dims.shift()!)) };
}

/** The view on a container in which each group of adjacent axes is one axis; undefined where the elements do not lie so. */
function mergeAxes(ctx: Lowering, v: ArrayValue, groups: readonly (readonly ViewDim[])[]): ArrayValue | undefined {
  const c = ctx.container(v.data);
  /** Container axes that become one, by their first. */
  const runs = new Map<number, number>();
  for (const g of groups) {
    if (g.length === 1) continue;
    const axes = g.map((d) => (d.steps.length === 1 && d.steps[0]!.step.constant === 1 ? d.steps[0]!.axis : -1));
    // Axes of size 1 between them do not separate elements.
    for (let k = 0; k < axes.length; k++) {
      if (axes[k]! < 0) return undefined;
      if (k > 0) {
        if (coversAxis(ctx, v, g[k]!) === undefined) return undefined;
        for (let x = axes[k - 1]! + 1; x < axes[k]!; x++) if (c.shape[x]!.constant !== 1) return undefined;
        if (axes[k]! <= axes[k - 1]!) return undefined;
      }
    }
    runs.set(axes[0]!, axes.at(-1)!);
  }
  const shape: Expr[] = [], base: Expr[] = [], place = new Map<number, number>(), scale = new Map<number, Expr>();
  for (let x = 0; x < c.shape.length; x++) {
    const end = runs.get(x) ?? x;
    let size: Expr = ONE, start: Expr = ZERO;
    for (let y = x; y <= end; y++) { size = mul(size, c.shape[y]!); start = add(mul(start, c.shape[y]!), v.base[y]!); place.set(y, shape.length); }
    for (let y = x; y <= end; y++) scale.set(y, sizeOf(c.shape.slice(y + 1, end + 1)));
    shape.push(size);
    base.push(start);
    x = end;
  }
  const whole = contiguous(ctx, v, shape);
  const dims = groups.map((g): ViewDim => (g.length === 1
    ? { size: g[0]!.size, steps: g[0]!.steps.map((s) => ({ axis: place.get(s.axis)!, step: mul(s.step, scale.get(s.axis)!) })) }
    : { size: sizeOf(g.map((d) => d.size)), steps: [{ axis: place.get(g[0]!.steps[0]!.axis)!, step: ONE }] }));
  return { ...whole, base, dims };
}

/** ceil(a / b) for b > 0. */
export function ceilDiv(a: Expr, b: Expr): Expr { return neg(floordiv(neg(a), b)); }
