/**
 * What a data name of a DaCe SDFG stands for: a rectangular, possibly strided or permuted part of one of our containers. DaCe's views and the arrays of
 * nested SDFGs are pointers with shape and strides of their own; where these are a slice of the container they become indices of it, otherwise a flat
 * view of the container's memory, which is exact for every layout.
 */
import type { Memlet } from "../../sdfg/nodes.js";
import type { DType } from "../../base/dtypes.js";
import { add, dependsOn, divideExact, mul, ONE, sub, ZERO, type Expr } from "../../symbolic/expr.js";
import { isLessEqual, isPositive } from "../../symbolic/prove.js";
import { denseStrides, type Lowering } from "./context.js";

export interface Dim {
  /** Container axis along which the dimension runs; undefined for dimensions of size 1 that run along none. */
  readonly axis: number | undefined;
  /** Container elements along that axis per index. */
  readonly step: Expr;
  readonly size: Expr;
  /** Elements of DaCe's memory per index. */
  readonly stride: Expr;
}
export interface Ref {
  readonly container: string;
  /** Container index of the first element. */
  readonly base: readonly Expr[];
  readonly dims: readonly Dim[];
  /** An integer argument passed by value and never written: its symbol. */
  readonly symbol?: Expr;
  /** Conflict resolution that the surrounding memlet asks of every write. */
  readonly wcr?: string;
}

export function whole(container: string, shape: readonly Expr[], strides: readonly Expr[]): Ref {
  return { container, base: shape.map(() => ZERO), dims: shape.map((size, axis) => ({ axis, step: ONE, size, stride: strides[axis]! })) };
}
export function elementOf(r: Ref, index: readonly Expr[]): Memlet {
  const at = [...r.base];
  r.dims.forEach((d, k) => { if (d.axis !== undefined) at[d.axis] = add(at[d.axis]!, mul(d.step, index[k]!)); });
  return { data: r.container, index: at };
}

/** One dimension of a subset, evaluated: `count` elements begin, begin + step, … */
export interface Span { readonly begin: Expr; readonly step: Expr; readonly count: Expr }

/** The part of a reference that a subset names, one dimension per subset dimension. */
export function part(r: Ref, spans: readonly Span[]): Ref {
  return { ...r, base: elementOf(r, spans.map((s) => s.begin)).index, dims: r.dims.map((d, k) => ({ axis: d.axis, step: mul(d.step, spans[k]!.step), size: spans[k]!.count, stride: mul(d.stride, spans[k]!.step) })) };
}

/**
 * A pointer to the element at `spans`' begin, with a shape and strides of its own (strides count elements of DaCe's memory).
 * `label` names it in errors.
 */
export function pointer(l: Lowering, r: Ref, spans: readonly Span[], shape: readonly Expr[], strides: readonly Expr[], dtype: DType, label: string): Ref {
  if (r.symbol) return r;
  const container = l.container(r.container), base = elementOf(r, spans.map((s) => s.begin)).index;
  if (dtype !== container.dtype) l.refuse(`${label} views ${container.label ?? container.name}, which holds ${container.dtype}, as ${dtype}`);
  const carry = r.wcr === undefined ? {} : { wcr: r.wcr };
  const sliced = slice(l, r, spans, shape, strides);
  if (sliced) return { container: r.container, base, dims: sliced, ...carry };
  if (!l.rowMajor.has(l.bufferOf(r.container))) l.refuse(`${label} reinterprets the memory of ${container.label ?? container.name}, which is not row-major and contiguous`);
  // Offset in elements from the start of the buffer.
  const dense = denseStrides(container.shape);
  const offset = base.reduce<Expr>((sum, e, d) => add(sum, mul(e, dense[d]!)), ZERO);
  const own = denseStrides(shape), buffer = l.bufferOf(r.container), start = container.view ? add(container.view.offset, offset) : offset;
  const natural = strides.every((s, d) => s.key === own[d]!.key || shape[d]!.constant === 1);
  // Sizes that change with a loop would change the strides of a fixed container.
  if (natural && start.constant !== undefined && !shape.some((e) => l.frames.some((f) => dependsOn(e, f.variable)))) {
    const name = viewOf(l, buffer, start, shape);
    return { container: name, base: shape.map(() => ZERO), dims: shape.map((size, axis) => ({ axis, step: ONE, size, stride: own[axis]! })), ...carry };
  }
  const flat = viewOf(l, buffer, ZERO, [l.container(buffer).shape.reduce<Expr>((p, e) => mul(p, e), ONE)]);
  return { container: flat, base: [start], dims: shape.map((size, d) => ({ axis: 0, step: strides[d]!, size, stride: strides[d]! })), ...carry };
}

/** The dimensions as a slice: each runs along a dimension of the reference of its own and provably stays inside it. */
function slice(l: Lowering, r: Ref, spans: readonly Span[], shape: readonly Expr[], strides: readonly Expr[]): Dim[] | undefined {
  const taken = new Set<number>(), out: Dim[] = [];
  for (let d = 0; d < shape.length; d++) {
    const size = shape[d]!, stride = strides[d]!;
    if (size.constant === 1) { out.push({ axis: undefined, step: ZERO, size, stride }); continue; }
    const candidates = r.dims.flatMap((x, k) => {
      if (taken.has(k) || x.axis === undefined || x.size.constant === 1) return [];
      const times = stride.key === x.stride.key ? ONE : divideExact(stride, x.stride);
      return times && (times.constant === 1 || isPositive(times, l.facts) === "yes") ? [{ k, times, x }] : [];
    });
    // (size − 1)·times < what is left of the dimension
    const fits = candidates.find(({ k, times, x }) => isLessEqual(add(mul(sub(size, ONE), times), ONE), sub(x.size, spans[k]!.begin), l.facts) === "yes");
    if (!fits) return undefined;
    taken.add(fits.k);
    out.push({ axis: fits.x.axis, step: mul(fits.x.step, fits.times), size, stride });
  }
  return out;
}

/** A container that reinterprets a buffer, contiguous from an offset; equal ones are shared. */
function viewOf(l: Lowering, buffer: string, offset: Expr, shape: readonly Expr[]): string {
  const c = l.container(buffer);
  if (offset.constant === 0 && c.shape.length === shape.length && c.shape.every((e, d) => e.key === shape[d]!.key)) return buffer;
  const fixed = shape.map((e) => l.extent(e, `a view of ${c.label ?? buffer}`));
  for (const v of l.containers.values()) if (v.view?.base === buffer && v.view.offset.key === offset.key && v.shape.length === fixed.length && v.shape.every((e, d) => e.key === fixed[d]!.key)) return v.name;
  const name = l.unique(`${buffer}_view`);
  l.addContainer({ name, dtype: c.dtype, shape: fixed, transient: true, view: { base: buffer, offset } });
  return name;
}
