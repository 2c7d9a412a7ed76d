/** Arrays made of several: concatenate, stack and their kin. */
import type { DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { add, int, mul, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, type Keywords } from "../registry.js";
import { sameSize } from "../shapes.js";
import { type Arrayish, type ArrayValue, describe, formatShape, isArray, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { copied, fill, flattened } from "./arrays.js";
import { asArray } from "./convert.js";
import { resultType, type Typed } from "./promote.js";
import { writeOut } from "./ufuncs.js";
import { expanded, permuted, reshaped, sliced, taken } from "./views.js";

/** The arrays one after the other along an axis. */
export function concatenated(ctx: Lowering, parts: readonly Arrayish[], axis: number, dtype: DType, loc: SourceLoc): ArrayValue {
  const first = shapeOf(parts[0]!);
  for (const p of parts) {
    const s = shapeOf(p), message = `all the input array dimensions except for the concatenation axis must match exactly: ${formatShape(first)} and ${formatShape(s)}`;
    if (s.length !== first.length) ctx.fail("SHAPE", message, loc);
    s.forEach((e, d) => { if (d !== axis) sameSize(ctx, first[d]!, e, loc, message); });
  }
  const out = ctx.allocate(first.map((e, d) => (d === axis ? add(...parts.map((p) => shapeOf(p)[axis]!)) : e)), dtype, "joined", loc);
  let at: Expr = ZERO;
  for (const p of parts) {
    const size = shapeOf(p)[axis]!;
    fill(ctx, sliced(out, axis, at, size) as ArrayValue, p, loc);
    at = add(at, size);
  }
  return out;
}

interface Parts { readonly arrays: Arrayish[]; readonly dtype: DType }
function partsOf(ctx: Lowering, v: Value, name: string, dtype: DType | undefined, loc: SourceLoc): Parts {
  if (isArray(v)) {
    const n = shapeOf(v)[0]?.constant;
    if (n === undefined) return ctx.unsupported(`np.${name} of ${describe(v)}`, loc, "give a tuple or list of arrays");
    return partsOf(ctx, tupleValue(Array.from({ length: n }, (_, i) => taken(v, 0, int(i)))), name, dtype, loc);
  }
  if (v.kind !== "tuple" && v.kind !== "list") return ctx.unsupported(`np.${name} of ${describe(v)}`, loc, "give a tuple or list of arrays");
  if (v.items.length === 0) return ctx.fail("ARGUMENT", "need at least one array to concatenate", loc);
  const items = v.items.map((x) => asArray(ctx, x, loc));
  return {
    arrays: items.map((x) => (isArray(x) ? x : { kind: "lazy", dtype: x.dtype, shape: [], at: () => x.code })),
    dtype: dtype ?? resultType(items.map((x): Typed => ({ dtype: x.dtype, weak: x.kind === "scalar" && x.weak }))).dtype,
  };
}
const atLeast = (v: Arrayish, rank: number): Arrayish => (shapeOf(v).length >= rank ? v : expanded(v, Array.from({ length: rank - shapeOf(v).length }, (_, i) => i)));

function into(ctx: Lowering, v: ArrayValue, out: Value | undefined, loc: SourceLoc): ArrayValue {
  if (!out) return v;
  if (out.kind !== "array") return ctx.fail("TYPE", "out must be an array", loc);
  writeOut(ctx, out, v, undefined, loc);
  return out;
}
define(["np.concatenate", "np.concat"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.concatenate", "arrays axis? out? * dtype?", args, keywords, loc), given = b.need("arrays"), out = b.get("out");
  if (isArray(given) && shapeOf(given)[0]?.constant === undefined && shapeOf(given).length > 1) {
    // The parts lie along the first dimension: it is moved before the axis, and the two become one.
    const rank = shapeOf(given).length - 1, axis = b.has("axis") && !b.get("axis") ? undefined : b.axis("axis", rank) ?? 0;
    if (axis === undefined) return into(ctx, copied(ctx, flattened(ctx, given, loc), loc, b.dtype()), out, loc);
    const order = Array.from({ length: rank }, (_, d) => d + 1);
    order.splice(axis, 0, 0);
    const moved = copied(ctx, permuted(given, order), loc, b.dtype()), s = shapeOf(moved);
    return into(ctx, reshaped(ctx, moved, [...s.slice(0, axis), mul(s[axis]!, s[axis + 1]!), ...s.slice(axis + 2)], loc), out, loc);
  }
  const p = partsOf(ctx, given, "concatenate", b.dtype(), loc);
  if (b.has("axis") && !b.get("axis")) return into(ctx, concatenated(ctx, p.arrays.map((a) => flattened(ctx, a, loc)), 0, p.dtype, loc), out, loc);
  if (shapeOf(p.arrays[0]!).length === 0) return ctx.fail("SHAPE", "zero-dimensional arrays cannot be concatenated", loc, "use np.stack");
  return into(ctx, concatenated(ctx, p.arrays, b.axis("axis", shapeOf(p.arrays[0]!).length) ?? 0, p.dtype, loc), out, loc);
});
define("np.stack", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.stack", "arrays axis? out? * dtype?", args, keywords, loc), given = b.need("arrays"), out = b.get("out");
  if (isArray(given) && shapeOf(given)[0]?.constant === undefined && shapeOf(given).length > 0) {
    const order = Array.from({ length: shapeOf(given).length - 1 }, (_, d) => d + 1);
    order.splice(b.axis("axis", shapeOf(given).length) ?? 0, 0, 0);
    return into(ctx, copied(ctx, permuted(given, order), loc, b.dtype()), out, loc);
  }
  const p = partsOf(ctx, given, "stack", b.dtype(), loc), axis = b.axis("axis", shapeOf(p.arrays[0]!).length + 1) ?? 0;
  return into(ctx, concatenated(ctx, p.arrays.map((a) => expanded(a, [axis])), axis, p.dtype, loc), out, loc);
});
define("np.hstack", (ctx, args, keywords, loc) => joinAs(ctx, "hstack", args, keywords, loc, (p) => { const a = p.arrays.map((x) => atLeast(x, 1)); return [a, shapeOf(a[0]!).length === 1 ? 0 : 1]; }));
define(["np.vstack", "np.row_stack"], (ctx, args, keywords, loc) => joinAs(ctx, "vstack", args, keywords, loc, (p) => [p.arrays.map((x) => atLeast(x, 2)), 0]));
define("np.column_stack", (ctx, args, keywords, loc) => joinAs(ctx, "column_stack", args, keywords, loc, (p) => [p.arrays.map((x) => (shapeOf(x).length < 2 ? expanded(atLeast(x, 1), [1]) : x)), 1]));
define("np.dstack", (ctx, args, keywords, loc) => joinAs(ctx, "dstack", args, keywords, loc, (p) => [p.arrays.map((x) => { const a = atLeast(x, 2); return shapeOf(x).length < 3 ? expanded(a, [2]) : a; }), 2]));
/** The parts of an array along its first dimension, of which the run knows the number, joined. */
function joinedRows(ctx: Lowering, name: string, v: Arrayish, dtype: DType | undefined, loc: SourceLoc): ArrayValue | undefined {
  const s = shapeOf(v), rank = s.length - 1, copy = (x: Arrayish): ArrayValue => copied(ctx, x, loc, dtype), whole = (): ArrayValue => copy(v);
  if (name === "vstack") return rank === 0 ? copy(expanded(v, [1])) : rank === 1 ? whole() : reshaped(ctx, whole(), [mul(s[0]!, s[1]!), ...s.slice(2)], loc);
  if (name === "hstack") {
    if (rank === 0) return whole();
    if (rank === 1) return reshaped(ctx, whole(), [mul(s[0]!, s[1]!)], loc);
    return reshaped(ctx, copy(permuted(v, [1, 0, ...Array.from({ length: rank - 1 }, (_, d) => d + 2)])), [s[1]!, mul(s[0]!, s[2]!), ...s.slice(3)], loc);
  }
  if (name === "column_stack") return rank === 0 ? copy(expanded(v, [0])) : rank === 1 ? copy(permuted(v, [1, 0])) : undefined;
  return undefined;
}
function joinAs(ctx: Lowering, name: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc, f: (p: Parts) => readonly [readonly Arrayish[], number]): ArrayValue {
  const b = bind(ctx, `np.${name}`, "tup * dtype?", args, keywords, loc), all = b.need("tup");
  const rows = isArray(all) && shapeOf(all).length > 0 && shapeOf(all)[0]!.constant === undefined ? joinedRows(ctx, name, all, b.dtype(), loc) : undefined;
  if (rows) return rows;
  const p = partsOf(ctx, all, name, b.dtype(), loc), [arrays, axis] = f(p);
  return concatenated(ctx, arrays, axis, p.dtype, loc);
}
define("np.append", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.append", "arr values axis?", args, keywords, loc), p = partsOf(ctx, { kind: "tuple", items: [b.need("arr"), b.need("values")] }, "append", undefined, loc);
  if (!b.get("axis")) return concatenated(ctx, p.arrays.map((a) => flattened(ctx, a, loc)), 0, p.dtype, loc);
  return concatenated(ctx, p.arrays, b.axis("axis", shapeOf(p.arrays[0]!).length)!, p.dtype, loc);
});
/** Nested lists of blocks: the innermost lists are joined along the last axis, those around along the axes before. */
define("np.block", (ctx, args, keywords, loc) => {
  const given = bind(ctx, "np.block", "arrays", args, keywords, loc).need("arrays");
  const depthOf = (v: Value): number => (v.kind === "list" ? 1 + Math.max(...v.items.map(depthOf)) : 0), depth = depthOf(given);
  const join = (v: Value, level: number): Arrayish => {
    if (v.kind !== "list") { const a = asArray(ctx, v, loc); return atLeast(isArray(a) ? a : { kind: "lazy", dtype: a.dtype, shape: [], at: () => a.code }, Math.max(1, depth)); }
    const parts = v.items.map((x) => join(x, level + 1)), rank = Math.max(...parts.map((p) => shapeOf(p).length));
    return concatenated(ctx, parts.map((p) => atLeast(p, rank)), rank - depth + level, resultType(parts).dtype, loc);
  };
  return join(given, 0);
});
