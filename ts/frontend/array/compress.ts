/**
 * `values[mask]` as an array of its own: the positions at which the mask holds, in order, in a buffer as large as the mask, and their number, a value that the run finds.
 * Needed where such an array gets a meaning apart from its mask; reductions, stores and elementwise expressions of it stay under the mask.
 */
import type { SourceLoc } from "../../base/errors.js";
import { constant, op, symbolic } from "../../scalar/expr.js";
import { load, loadedContainers, min, mul, ONE, sub, type Expr } from "../../symbolic/expr.js";
import { entryBound } from "./bounds.js";
import type { Lowering } from "./context.js";
import { element, materialise } from "./store.js";
import { type Arrayish, type ArrayValue, type LazyValue, type MaskedValue, shapeOf } from "./value.js";

export interface Positions { readonly count: Expr; /** Index k of a position along each dimension of the mask. */ readonly at: (k: Expr) => Expr[] }

/** Where a mask holds. */
export function positionsOf(ctx: Lowering, mask: Arrayish, loc: SourceLoc | undefined): Positions {
  const shape = shapeOf(mask), size = shape.reduce((n, e) => mul(n, e), ONE), room = entryBound(ctx, size, "upper"), at = loc ? { loc } : {};
  if (!room) return ctx.unsupported("a selection from an array whose size is known only while the program runs", loc, "allocate it with its largest size");
  const count = ctx.allocate([], "int64", "count", loc), places = shape.map(() => ctx.allocate([room], "int64", "place", loc)), length = load(count.data, []);
  ctx.tasklet(count.data, [], constant(0, "int64"), at);
  ctx.map(shape, (index) => {
    ctx.conditional(element(ctx, mask, index), () => {
      index.forEach((e, d) => { ctx.tasklet(places[d]!.data, [length], symbolic(e), at); });
      ctx.tasklet(count.data, [], op("add", "int64", ctx.read(count.data, []), constant(1, "int64")), at);
    }, undefined, loc);
  }, { order: "up", ...at });
  ctx.single.add(count.data);
  // Nothing writes it any more.
  ctx.frozen.add(count.data);
  ctx.lengths.set(count.data, room);
  ctx.facts = ctx.facts.with(length, sub(room, length));
  // Written so that its largest value is seen wherever it goes.
  return { count: min(room, length), at: (k) => places.map((p) => load(p.data, [k])) };
}

/** The selected elements (rows, …) as an array. */
export function compressed(ctx: Lowering, v: MaskedValue, loc: SourceLoc | undefined): ArrayValue {
  const rest = shapeOf(v.value).slice(shapeOf(v.mask).length), value = v.value.kind === "lazy" ? materialise(ctx, v.value, loc ? { loc } : {}) : v.value;
  const p = positionsOf(ctx, v.mask, loc);
  const lazy: LazyValue = { kind: "lazy", dtype: value.dtype, shape: [p.count, ...rest], at: ([k, ...index]) => element(ctx, value, [...p.at(k!), ...index]) };
  return materialise(ctx, lazy, { label: "selected", ...(loc ? { loc } : {}) });
}

/** The size is known only while the program runs. */
export function isDynamic(e: Expr): boolean { return loadedContainers(e).size > 0; }
