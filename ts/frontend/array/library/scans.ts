/** Functions that go through an axis in order: cumulative sums and products, positions of extrema, differences. */
import { isComplex, isFloat, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, max, min, mul, ONE, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, defineMethod, type Keywords } from "../registry.js";
import { materialise } from "../store.js";
import { type Arrayish, type ArrayValue, indexOf, isArray, shapeOf, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { proven } from "./integers.js";
import { codeAt } from "./operands.js";
import { convert } from "./promote.js";
import { pythonBinary } from "./python-operators.js";
import { finished, requireElements, sumType } from "./reduce.js";
import { flattened } from "./arrays.js";
import { sizeOf, sliced } from "./views.js";

/** out[k] = out[k-1] (op) a[k] along an axis. */
export function scanAxis(ctx: Lowering, a: Arrayish, axis: number, fn: "add" | "mul", dtype: DType | undefined, loc: SourceLoc): ArrayValue {
  const shape = shapeOf(a), type = dtype ?? sumType(a.dtype), n = shape[axis]!;
  const out = ctx.allocate(shape, type, fn === "add" ? "cumsum" : "cumprod", loc);
  const others = shape.filter((_, d) => d !== axis);
  const full = (i: readonly Expr[], k: Expr): Expr[] => [...i.slice(0, axis), k, ...i.slice(axis)];
  const element = (i: readonly Expr[], k: Expr): ScalarExpr => convert(codeAt(ctx, a, full(i, k)), type);
  ctx.map(others, (i) => {
    ctx.loop("k", ZERO, proven(ctx, addInt(n, -1)) ? ONE : min(ONE, n), "any", (k) => { ctx.tasklet(out.data, indexOf(out, full(i, k)), element(i, k), { loc }); }, loc);
    ctx.loop("k", ONE, n, "up", (k) => {
      const before = ctx.read(out.data, indexOf(out, full(i, addInt(k, -1))));
      ctx.tasklet(out.data, indexOf(out, full(i, k)), op(fn, type, before, element(i, k)), { loc });
    }, loc);
  }, { loc });
  return out;
}

function cumulative(name: "cumsum" | "cumprod"): (ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc) => Value {
  return (ctx, args, keywords, loc) => {
    const b = bind(ctx, `np.${name}`, "a axis? dtype?", args, keywords, loc);
    let a = b.operand("a");
    if (!isArray(a)) return ctx.unsupported(`np.${name} of a number`, loc);
    let axis = b.axis("axis", shapeOf(a).length);
    if (axis === undefined) { a = shapeOf(a).length === 1 ? a : flattened(ctx, a, loc); axis = 0; }
    return scanAxis(ctx, a, axis, name === "cumsum" ? "add" : "mul", b.dtype(), loc);
  };
}
for (const name of ["cumsum", "cumprod"] as const) { define(`np.${name}`, cumulative(name)); defineMethod("python", name, cumulative(name)); }

/** The position of the first largest (smallest) element along an axis, or in the flattened array; the first NaN if there is one. */
export function argExtremum(ctx: Lowering, v: Arrayish, axis: number | undefined, name: "argmax" | "argmin", keepdims: boolean, loc: SourceLoc): Value {
  const a = v.kind === "lazy" ? materialise(ctx, v, { loc }) : v;
  if (isComplex(a.dtype)) return ctx.unsupported(`np.${name} of complex numbers`, loc);
  const shape = shapeOf(a), axes = axis === undefined ? shape.map((_, d) => d) : [axis], kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  requireElements(ctx, sizeOf(axes.map((d) => shape[d]!)), `attempt to get ${name} of an empty sequence`, loc);
  const out = ctx.allocate(kept.map((d) => shape[d]!), "int64", name, loc), d = a.dtype;
  const at = (i: readonly Expr[], k: readonly Expr[]): Expr[] => { const e: Expr[] = []; kept.forEach((x, n) => { e[x] = i[n]!; }); axes.forEach((x, n) => { e[x] = k[n]!; }); return e; };
  ctx.map(kept.map((x) => shape[x]!), (i) => {
    const best = ctx.allocate([], d, "best", loc);
    ctx.tasklet(best.data, [], codeAt(ctx, a, at(i, axes.map(() => ZERO))), { loc });
    ctx.tasklet(out.data, indexOf(out, i), constant(0, "int64"), { loc });
    ctx.map(axes.map((x) => shape[x]!), (k) => {
      const x = codeAt(ctx, a, at(i, k)), old = ctx.read(best.data, []);
      const beats = d === "bool" ? (name === "argmax" ? op("and", "bool", x, op("not", "bool", old)) : op("and", "bool", old, op("not", "bool", x))) : op(name === "argmax" ? "gt" : "lt", "bool", x, old);
      const first = isFloat(d) ? op("or", "bool", beats, op("and", "bool", op("isnan", "bool", x), op("not", "bool", op("isnan", "bool", old)))) : beats;
      const position = axes.reduce<Expr>((e, x2, n) => add(mul(e, shape[x2]!), k[n]!), ZERO);
      ctx.conditional(first, () => {
        ctx.tasklet(out.data, indexOf(out, i), symbolic(position), { loc });
        ctx.tasklet(best.data, [], x, { loc });
      }, undefined, loc);
    }, { order: "up", loc });
  }, { loc });
  if (kept.length === 0) ctx.single.add(out.data);
  return finished(ctx, out, axes, keepdims);
}
for (const name of ["argmax", "argmin"] as const) {
  const handler = (ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Value => {
    const b = bind(ctx, `np.${name}`, "a axis? out? * keepdims?", args, keywords, loc), a = b.operand("a");
    if (b.get("out")) return ctx.unsupported(`out= of np.${name}`, loc);
    if (!isArray(a)) return ctx.int(0);
    return argExtremum(ctx, a, b.axis("axis", shapeOf(a).length), name, b.flag("keepdims"), loc);
  };
  define(`np.${name}`, handler);
  defineMethod("python", name, handler);
}

define("np.diff", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.diff", "a n? axis?", args, keywords, loc), first = b.operand("a"), times = b.literal("n") ?? 1;
  if (!isArray(first)) return ctx.fail("TYPE", "diff requires input that is at least one dimensional", loc);
  let a: Arrayish = first;
  const axis = b.axis("axis", shapeOf(a).length) ?? shapeOf(a).length - 1;
  if (times < 0) return ctx.fail("ARGUMENT", "order must be non-negative", loc);
  for (let k = 0; k < times; k++) {
    if (k > 0) a = materialise(ctx, a, { loc });
    const n = addInt(shapeOf(a)[axis]!, -1);
    if (n.constant !== undefined && n.constant < 0) return ctx.unsupported("np.diff of an empty array", loc);
    const length = n.constant !== undefined || proven(ctx, n) ? n : max(n, ZERO);
    const later = sliced(a, axis, ONE, length), earlier = sliced(a, axis, ZERO, length);
    a = (a.dtype === "bool" ? pythonBinary(ctx, "^", later, earlier, loc) : pythonBinary(ctx, "-", later, earlier, loc)) as Arrayish;
  }
  return a;
});
