/** Where a condition holds, as arrays of indices: nonzero and its kin. Their length is what the run finds. And index grids for rows and columns (ix_). */
import type { SourceLoc } from "../../../base/errors.js";
import { op, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { int } from "../../../symbolic/expr.js";
import { positionsOf } from "../compress.js";
import type { Lowering } from "../context.js";
import { define, defineMethod } from "../registry.js";
import { materialise } from "../store.js";
import { type Arrayish, isArray, type LazyValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { flattened } from "./arrays.js";
import { arrayOf } from "./convert.js";
import { codeAt, operandOf } from "./operands.js";
import { convert } from "./promote.js";
import { expanded } from "./views.js";

function condition(ctx: Lowering, v: Value, name: string, loc: SourceLoc): Arrayish {
  const a = operandOf(ctx, v, loc);
  if (!isArray(a)) return ctx.fail("TYPE", `${name} of a number`, loc);
  return materialise(ctx, a.dtype === "bool" ? a : { kind: "lazy", dtype: "bool", shape: shapeOf(a), at: (i) => convert(codeAt(ctx, a, i), "bool") }, { loc });
}
/** One array of indices per dimension. */
export function nonzero(ctx: Lowering, v: Value, name: string, loc: SourceLoc): LazyValue[] {
  const mask = condition(ctx, v, name, loc), p = positionsOf(ctx, mask, loc);
  return shapeOf(mask).map((_, d) => ({ kind: "lazy", dtype: "int64", shape: [p.count], at: ([k]) => symbolic(p.at(k!)[d]!) }));
}
const indices = (list: readonly LazyValue[], ctx: Lowering, loc: SourceLoc): Value => tupleValue(list.map((x) => materialise(ctx, x, { label: "places", loc })));
define("np.nonzero", (ctx, args, keywords, loc) => indices(nonzero(ctx, bind(ctx, "np.nonzero", "a", args, keywords, loc).need("a"), "np.nonzero", loc), ctx, loc));
defineMethod("python", "nonzero", (ctx, args, _keywords, loc) => indices(nonzero(ctx, args[0]!, "nonzero", loc), ctx, loc));
define("np.flatnonzero", (ctx, args, keywords, loc) => {
  const a = operandOf(ctx, bind(ctx, "np.flatnonzero", "a", args, keywords, loc).need("a"), loc);
  return materialise(ctx, nonzero(ctx, isArray(a) ? flattened(ctx, a, loc) : a, "np.flatnonzero", loc)[0]!, { label: "places", loc });
});
define("np.argwhere", (ctx, args, keywords, loc) => {
  const list = nonzero(ctx, bind(ctx, "np.argwhere", "a", args, keywords, loc).need("a"), "np.argwhere", loc);
  const at = (i: Parameters<LazyValue["at"]>[0]): ScalarExpr => list.slice(1).reduce<ScalarExpr>((rest, x, d) => op("select", "int64", op("eq", "bool", symbolic(i[1]!), symbolic(int(d + 1))), x.at([i[0]!]), rest), list[0]!.at([i[0]!]));
  return materialise(ctx, { kind: "lazy", dtype: "int64", shape: [list[0]!.shape[0]!, int(list.length)], at }, { label: "places", loc });
});
define("np.ix_", (ctx, args, _keywords, loc) => tupleValue(args.map((v, k) => {
  const a = isArray(v) ? v : arrayOf(ctx, v, loc);
  if (shapeOf(a).length !== 1) return ctx.fail("SHAPE", "cross index must be 1 dimensional", loc);
  const line = a.dtype === "bool" ? nonzero(ctx, a, "np.ix_", loc)[0]! : a;
  return expanded(line, args.flatMap((_, d) => (d === k ? [] : [d])));
})));
