/** Functions and methods that give the same elements another shape or order: reshape, transpose, flip, roll, repeat, tile, pad. */
import type { SourceLoc } from "../../../base/errors.js";
import { add, addInt, divideExact, floordiv, int, mod, mul, ONE, sub, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, defineMethod, functionNamed, type Handler } from "../registry.js";
import { axisOf, requireInt, sameSize, shapeFromValue } from "../shapes.js";
import { type Arrayish, type ArrayValue, constantOf, formatShape, indexOf, isArray, listValue, shapeOf, type Value } from "../value.js";
import { bind, type Bound } from "./arguments.js";
import { copied, fill, filled, flattened } from "./arrays.js";
import { holds, proven } from "./integers.js";
import { concatenated } from "./joining.js";
import { broadcastShapes, codeAt, elementAt, operandOf } from "./operands.js";
import { convert, zero } from "./promote.js";
import { expanded, flipped, permuted, reshaped, sizeOf, sliced, squeezed } from "./views.js";

/** The array argument; numbers count as arrays of rank 0. */
function arrayArg(b: Bound, name = "a"): Arrayish {
  const v = b.array(name);
  return v.kind === "scalar" ? { kind: "lazy", dtype: v.dtype, shape: [], at: () => v.code } : v;
}
/** A function and a method of the same name; the method takes what follows the array. */
function both(name: string, signature: string, f: (ctx: Lowering, b: Bound, loc: SourceLoc) => Value): void {
  const handler: Handler = (ctx, args, keywords, loc) => f(ctx, bind(ctx, `np.${name}`, signature, args, keywords, loc), loc);
  define(`np.${name}`, handler);
  defineMethod("python", name, handler);
}

/** A new shape of which one size may be -1. */
function shapeWith(ctx: Lowering, v: Value, total: Expr, loc: SourceLoc): Expr[] {
  const items = v.kind === "tuple" || v.kind === "list" ? v.items : [v];
  const open = items.findIndex((x) => constantOf(x) === -1);
  if (open < 0) return shapeFromValue(ctx, v, loc);
  const rest = shapeFromValue(ctx, { kind: "tuple", items: items.filter((_, i) => i !== open) }, loc), known = sizeOf(rest);
  if (known.constant === 0) return ctx.fail("SHAPE", "cannot infer a size next to sizes of 0", loc);
  return [...rest.slice(0, open), divideExact(total, known) ?? floordiv(total, known), ...rest.slice(open)];
}
define("np.reshape", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.reshape", "a shape? order? newshape?", args, keywords, loc), a = arrayArg(b), shape = b.get("shape") ?? b.need("newshape");
  b.rowMajor();
  return reshaped(ctx, a, shapeWith(ctx, shape, sizeOf(shapeOf(a)), loc), loc);
});
defineMethod("python", "reshape", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "reshape", "a ...sizes * order?", args, keywords, loc), a = arrayArg(b), sizes = b.need("sizes");
  b.rowMajor();
  const only = sizes.kind === "tuple" && sizes.items.length === 1 ? sizes.items[0]! : sizes;
  return reshaped(ctx, a, shapeWith(ctx, only, sizeOf(shapeOf(a)), loc), loc);
});
both("ravel", "a order?", (ctx, b, loc) => { b.rowMajor(); return flattened(ctx, arrayArg(b), loc); });
defineMethod("python", "flatten", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "flatten", "a order?", args, keywords, loc);
  b.rowMajor();
  return flattened(ctx, copied(ctx, arrayArg(b), loc), loc);
});

function transposed(ctx: Lowering, a: Arrayish, axes: readonly Value[] | undefined, loc: SourceLoc): Arrayish {
  const rank = shapeOf(a).length;
  if (!axes || axes.length === 0) return permuted(a, Array.from({ length: rank }, (_, i) => rank - 1 - i));
  const order = axes.map((x) => axisOf(ctx, x, rank, loc));
  if (order.length !== rank || new Set(order).size !== rank) return ctx.fail("SHAPE", "axes don't match array", loc);
  return permuted(a, order);
}
define(["np.transpose", "np.permute_dims"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.transpose", "a axes?", args, keywords, loc), axes = b.get("axes");
  return transposed(ctx, arrayArg(b), axes?.kind === "tuple" || axes?.kind === "list" ? axes.items : axes ? [axes] : undefined, loc);
});
defineMethod("python", "transpose", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "transpose", "a ...axes", args, keywords, loc), axes = b.need("axes"), items = axes.kind === "tuple" ? axes.items : [], first = items[0];
  if (items.length === 1 && first?.kind === "none") return transposed(ctx, arrayArg(b), undefined, loc);
  return transposed(ctx, arrayArg(b), first && (first.kind === "tuple" || first.kind === "list") ? first.items : items, loc);
});
both("swapaxes", "a axis1 axis2", (_ctx, b) => {
  const a = arrayArg(b), rank = shapeOf(a).length, p = b.axis("axis1", rank)!, q = b.axis("axis2", rank)!;
  return permuted(a, shapeOf(a).map((_, d) => (d === p ? q : d === q ? p : d)));
});
define("np.rollaxis", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.rollaxis", "a axis start?", args, keywords, loc), a = arrayArg(b), rank = shapeOf(a).length, axis = b.axis("axis", rank)!, given = b.literal("start") ?? 0, start = given < 0 ? given + rank : given;
  if (start < 0 || start > rank) return ctx.fail("ARGUMENT", `'start' arg requires ${-rank} <= start < ${rank + 1}, but ${given} was passed in`, loc);
  const order = shapeOf(a).map((_, d) => d).filter((d) => d !== axis);
  order.splice(axis < start ? start - 1 : start, 0, axis);
  return permuted(a, order);
});
define("np.moveaxis", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.moveaxis", "a source destination", args, keywords, loc), a = arrayArg(b), rank = shapeOf(a).length, from = b.axes("source", rank), to = b.axes("destination", rank);
  if (from.length !== to.length) return ctx.fail("ARGUMENT", "`source` and `destination` arguments must have the same number of elements", loc);
  const order = shapeOf(a).map((_, d) => d).filter((d) => !from.includes(d));
  for (const [k, d] of [...to.entries()].sort((x, y) => x[1] - y[1])) order.splice(d, 0, from[k]!);
  return permuted(a, order);
});
define("np.expand_dims", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.expand_dims", "a axis", args, keywords, loc), a = arrayArg(b), axis = b.need("axis"), n = axis.kind === "tuple" || axis.kind === "list" ? axis.items.length : 1;
  return expanded(a, b.axes("axis", shapeOf(a).length + n).sort((x, y) => x - y));
});
both("squeeze", "a axis?", (ctx, b, loc) => {
  const a = arrayArg(b), shape = shapeOf(a);
  const axes = b.get("axis") ? b.axes("axis", shape.length) : shape.map((_, d) => d).filter((d) => shape[d]!.constant === 1);
  for (const d of axes) if (shape[d]!.constant !== 1) sameSize(ctx, shape[d]!, ONE, loc, "cannot select an axis to squeeze out which has size not equal to one");
  return squeezed(a, axes);
});
for (const [name, rank] of [["atleast_1d", 1], ["atleast_2d", 2]] as const) define(`np.${name}`, (ctx, args, keywords, loc) => {
  const a = arrayArg(bind(ctx, `np.${name}`, "a", args, keywords, loc));
  return expanded(a, Array.from({ length: Math.max(0, rank - shapeOf(a).length) }, (_, i) => i));
});

/** The array stretched to a shape, as a view where it is one. */
export function broadcastView(ctx: Lowering, a: Arrayish, shape: readonly Expr[], loc: SourceLoc): Arrayish {
  const own = shapeOf(a), skip = shape.length - own.length;
  if (skip < 0) return ctx.fail("SHAPE", `cannot broadcast ${formatShape(own)} to ${formatShape(shape)}`, loc);
  own.forEach((e, d) => { if (e.constant !== 1) sameSize(ctx, e, shape[skip + d]!, loc, `cannot broadcast ${formatShape(own)} to ${formatShape(shape)}`); });
  if (a.kind === "array") return { ...a, dims: shape.map((size, d) => { const dim = a.dims[d - skip]; return !dim || (dim.size.constant === 1 && size.constant !== 1) ? { size, steps: [] } : { size, steps: dim.steps }; }) };
  return { kind: "lazy", dtype: a.dtype, shape, at: (i) => elementAt(ctx, a, i, shape) };
}
define("np.broadcast_to", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.broadcast_to", "a shape subok?", args, keywords, loc);
  return broadcastView(ctx, arrayArg(b), shapeFromValue(ctx, b.need("shape"), loc), loc);
});
define("np.broadcast_arrays", (ctx, args, _keywords, loc) => {
  const items = args.map((v) => operandOf(ctx, v, loc)), shape = broadcastShapes(ctx, items.map((x) => (isArray(x) ? shapeOf(x) : [])), loc);
  return { kind: "tuple", items: items.map((x) => (isArray(x) ? broadcastView(ctx, x, shape, loc) : { kind: "lazy", dtype: x.dtype, shape, at: () => x.code })) };
});

// ---- order

define("np.flip", (ctx, args, keywords, loc) => { const b = bind(ctx, "np.flip", "m axis?", args, keywords, loc), a = arrayArg(b, "m"); return b.axes("axis", shapeOf(a).length).reduce((v, d) => flipped(v, d), a); });
for (const [name, axis] of [["flipud", 0], ["fliplr", 1]] as const) define(`np.${name}`, (ctx, args, keywords, loc) => {
  const a = arrayArg(bind(ctx, `np.${name}`, "m", args, keywords, loc), "m");
  return shapeOf(a).length > axis ? flipped(a, axis) : ctx.fail("SHAPE", `np.${name} needs an array of ${axis + 1} or more dimensions`, loc);
});
define("np.rot90", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.rot90", "m k? axes?", args, keywords, loc), a = arrayArg(b, "m"), rank = shapeOf(a).length, k = (((b.literal("k") ?? 1) % 4) + 4) % 4;
  const [p, q] = b.get("axes") ? b.axes("axes", rank) : [0, 1];
  if (p === undefined || q === undefined || rank < 2) return ctx.fail("SHAPE", "np.rot90 needs two axes", loc);
  const swap = (v: Arrayish): Arrayish => permuted(v, shapeOf(v).map((_, d) => (d === p ? q : d === q ? p : d)));
  return k === 0 ? a : k === 2 ? flipped(flipped(a, p), q) : k === 1 ? swap(flipped(a, q)) : flipped(swap(a), q);
});
define("np.roll", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.roll", "a shift axis?", args, keywords, loc);
  let a = arrayArg(b);
  const shift = b.need("shift"), axis = b.get("axis");
  if (!axis) {
    const flat = shapeOf(a).length === 1 ? a : flattened(ctx, a, loc), r = rolled(ctx, flat, 0, requireInt(ctx, shift, loc, "the shift"), loc);
    return shapeOf(a).length === 1 ? r : reshaped(ctx, r, shapeOf(a), loc);
  }
  const axes = b.axes("axis", shapeOf(a).length), shifts = shift.kind === "tuple" || shift.kind === "list" ? shift.items : axes.map(() => shift);
  if (shifts.length !== axes.length) return ctx.fail("ARGUMENT", "np.roll needs one shift per axis", loc);
  axes.forEach((d, i) => { a = rolled(ctx, a, d, requireInt(ctx, shifts[i]!, loc, "the shift"), loc); });
  return a;
});
/** out[(i + shift) mod n] = a[i]: the two parts are copied to where they go. */
function rolled(ctx: Lowering, a: Arrayish, axis: number, shift: Expr, loc: SourceLoc): ArrayValue {
  const shape = shapeOf(a), n = shape[axis]!, out = ctx.allocate(shape, a.dtype, "roll", loc);
  if (n.constant === 0) return out;
  const k = shift.constant;
  // A shift by less than the size is the ordinary case; otherwise the remainder.
  const inside = k !== undefined && holds(ctx, addInt(n, -Math.abs(k)), "a shift is not larger than the array", loc);
  const s = inside ? (k >= 0 ? shift : add(n, shift)) : mod(shift, n), rest = sub(n, s);
  const part = (from: Expr, to: Expr, size: Expr): void => { fill(ctx, sliced(out, axis, to, size) as ArrayValue, sliced(a, axis, from, size), loc); };
  part(ZERO, s, rest);
  part(rest, ZERO, s);
  return out;
}

// ---- repetition

both("repeat", "a repeats axis?", (ctx, b, loc) => {
  const given = b.get("axis"), whole = arrayArg(b), repeats = b.need("repeats");
  if (repeats.kind !== "scalar") return ctx.unsupported("np.repeat with a number of repetitions per element", loc);
  const a = given || shapeOf(whole).length === 1 ? whole : flattened(ctx, whole, loc), axis = b.axis("axis", shapeOf(a).length) ?? 0, r = requireInt(ctx, repeats, loc, "repeats"), shape = shapeOf(a);
  const out = ctx.allocate(shape.map((e, d) => (d === axis ? mul(e, r) : e)), a.dtype, "repeat", loc);
  ctx.map([...shape, r], (index) => {
    const i = index.slice(0, -1), k = index.at(-1)!;
    ctx.tasklet(out.data, indexOf(out, i.map((e, d) => (d === axis ? add(mul(e, r), k) : e))), codeAt(ctx, a, i), { loc });
  }, { loc });
  return out;
});
define("np.tile", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.tile", "A reps", args, keywords, loc);
  let reps = shapeFromValue(ctx, b.need("reps"), loc), a = arrayArg(b, "A");
  const rank = Math.max(reps.length, shapeOf(a).length);
  reps = [...Array.from({ length: rank - reps.length }, () => ONE), ...reps];
  a = expanded(a, Array.from({ length: rank - shapeOf(a).length }, (_, i) => i));
  const shape = shapeOf(a), out = ctx.allocate(shape.map((e, d) => mul(e, reps[d]!)), a.dtype, "tile", loc), from = a;
  ctx.map(reps.flatMap((r, d) => [r, shape[d]!]), (index) => {
    const i = shape.map((_, d) => index[2 * d + 1]!);
    ctx.tasklet(out.data, indexOf(out, i.map((e, d) => add(mul(index[2 * d]!, shape[d]!), e))), codeAt(ctx, from, i), { loc });
  }, { loc });
  return out;
});

define("np.pad", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.pad", "array pad_width mode? * constant_values?", args, keywords, loc);
  let a = arrayArg(b, "array");
  const rank = shapeOf(a).length, mode = b.text("mode") ?? "constant", width = b.need("pad_width");
  const pairs = (v: Value): readonly (readonly [Value, Value])[] => {
    const items = v.kind === "tuple" || v.kind === "list" ? v.items : [v], two = (x: Value): [Value, Value] => (x.kind === "tuple" || x.kind === "list" ? (x.items.length === 1 ? [x.items[0]!, x.items[0]!] : [x.items[0]!, x.items[1]!]) : [x, x]);
    const nested = items.some((x) => x.kind === "tuple" || x.kind === "list");
    const list = nested ? items.map(two) : [items.length === 2 ? [items[0]!, items[1]!] as [Value, Value] : two(items[0]!)];
    return Array.from({ length: rank }, (_, d) => list[list.length === 1 ? 0 : d]!);
  };
  const widths = pairs(width).map(([p, q]) => [requireInt(ctx, p, loc, "pad_width"), requireInt(ctx, q, loc, "pad_width")] as const);
  if (mode === "constant") {
    const shape = shapeOf(a), values = b.get("constant_values");
    const value = values ? operandOf(ctx, values, loc) : undefined;
    if (value && value.kind !== "scalar") return ctx.unsupported("constant_values per side", loc);
    const out = filled(ctx, shape.map((e, d) => add(e, ...widths[d]!)), a.dtype, value ? convert(value.code, a.dtype) : zero(a.dtype), "pad", loc);
    fill(ctx, { ...out, base: widths.map(([p]) => p), dims: out.dims.map((d, k) => ({ ...d, size: shape[k]! })) }, a, loc);
    return out;
  }
  for (let d = 0; d < rank; d++) {
    const [p, q] = widths[d]!, n = shapeOf(a)[d]!;
    if (p.constant === 0 && q.constant === 0) continue;
    const wide = (v: Arrayish, size: Expr): Arrayish => broadcastView(ctx, v, shapeOf(v).map((e, k) => (k === d ? size : e)), loc);
    const fits = mode === "reflect" ? addInt(n, -1) : n;
    if (mode !== "edge" && !(proven(ctx, sub(fits, p)) || holds(ctx, sub(fits, p), "the padding is not larger than the array", loc))) return ctx.unsupported(`mode="${mode}" with a padding that may be larger than the array`, loc);
    if (mode !== "edge" && !(proven(ctx, sub(fits, q)) || holds(ctx, sub(fits, q), "the padding is not larger than the array", loc))) return ctx.unsupported(`mode="${mode}" with a padding that may be larger than the array`, loc);
    let before: Arrayish, after: Arrayish;
    switch (mode) {
      case "edge": before = wide(sliced(a, d, ZERO, ONE), p); after = wide(sliced(a, d, addInt(n, -1), ONE), q); break;
      case "wrap": before = sliced(a, d, sub(n, p), p); after = sliced(a, d, ZERO, q); break;
      case "reflect": before = sliced(a, d, p, p, int(-1)); after = sliced(a, d, addInt(n, -2), q, int(-1)); break;
      case "symmetric": before = sliced(a, d, addInt(p, -1), p, int(-1)); after = sliced(a, d, addInt(n, -1), q, int(-1)); break;
      default: return ctx.unsupported(`mode="${mode}" of np.pad`, loc, "constant, edge, wrap, reflect, symmetric");
    }
    a = concatenated(ctx, [before, a, after], d, a.dtype, loc);
  }
  return a;
});

define(["np.split", "np.array_split"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.split", "ary indices_or_sections axis?", args, keywords, loc), a = arrayArg(b, "ary"), axis = b.axis("axis", shapeOf(a).length) ?? 0, at = b.need("indices_or_sections"), n = shapeOf(a)[axis]!;
  if (at.kind === "tuple" || at.kind === "list") {
    const cuts = [ZERO, ...at.items.map((x) => requireInt(ctx, x, loc, "a split index")), n];
    return listValue(cuts.slice(1).map((e, i) => sliced(a, axis, cuts[i]!, sub(e, cuts[i]!))));
  }
  const k = b.literal("indices_or_sections")!, size = divideExact(n, int(k)) ?? floordiv(n, int(k));
  sameSize(ctx, mul(size, int(k)), n, loc, "array split does not result in an equal division");
  return listValue(Array.from({ length: k }, (_, i) => sliced(a, axis, mul(int(i), size), size)));
});
for (const [name, axis] of [["hsplit", 1], ["vsplit", 0], ["dsplit", 2]] as const) define(`np.${name}`, (ctx, args, keywords, loc) => {
  const b = bind(ctx, `np.${name}`, "ary indices_or_sections", args, keywords, loc), a = arrayArg(b, "ary");
  return functionNamed("np.split")!(ctx, [a, b.need("indices_or_sections")], new Map([["axis", ctx.int(name === "hsplit" && shapeOf(a).length === 1 ? 0 : axis)]]), loc);
});
