/** np.mgrid, np.ogrid, np.r_ and np.c_: library objects that are subscripted. The evaluator hands the parts of the subscript to "NAME[]". */
import { isFloat, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { add, int, mul, ONE, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define } from "../registry.js";
import { type Arrayish, constantOf, describe, type LazyValue, type ScalarValue, shapeOf, type Value } from "../value.js";
import { rangeLength } from "./arrays.js";
import { asArray } from "./convert.js";
import { concatenated } from "./joining.js";
import { operandOf } from "./operands.js";
import { convert, resultType } from "./promote.js";
import { expanded } from "./views.js";

/** The numbers along one axis of a grid. */
interface Axis { readonly length: Expr; readonly dtype: DType; readonly at: (i: Expr) => ScalarExpr }

function axisOf(ctx: Lowering, v: Value, name: string, loc: SourceLoc): Axis {
  if (v.kind !== "slice") return ctx.unsupported(`${name} with ${describe(v)}`, loc, `write slices, as in ${name}[0:n, 0:m]`);
  const part = (x: Value | undefined): ScalarValue | undefined => { if (!x || x.kind === "none") return undefined; const o = operandOf(ctx, x, loc); return o.kind === "scalar" ? o : ctx.fail("TYPE", `a bound of ${name} must be a number`, loc); };
  const start = part(v.start) ?? ctx.int(0), stop = part(v.stop) ?? ctx.fail("ARGUMENT", `${name} needs the end of each slice`, loc), step = part(v.step) ?? ctx.int(1);
  if (step.dtype === "complex128" && step.code.kind === "const") {
    // A number of points, the last one included.
    const n = Math.trunc(Math.abs(step.code.imag ?? 0)), gap = op("div", "float64", op("sub", "float64", convert(stop.code, "float64"), convert(start.code, "float64")), constant(Math.max(1, n - 1), "float64"));
    return { length: int(n), dtype: "float64", at: (i) => op("add", "float64", convert(start.code, "float64"), op("mul", "float64", convert(symbolic(i), "float64"), gap)) };
  }
  const p = start.int, q = stop.int, k = step.int?.constant;
  if (p && q && k !== undefined && k !== 0) return { length: rangeLength(ctx, p, q, k), dtype: "int64", at: (i) => symbolic(add(p, mul(int(k), i))) };
  const known = [start, stop, step].map((x) => constantOf(x));
  if (known.every((x): x is number => typeof x === "number") && known[2] !== 0) {
    const [a, b, c] = known as [number, number, number];
    return { length: int(Math.max(0, Math.ceil((b - a) / c))), dtype: "float64", at: (i) => op("add", "float64", constant(a, "float64"), op("mul", "float64", convert(symbolic(i), "float64"), constant(c, "float64"))) };
  }
  return ctx.unsupported(`${name} whose size depends on floats that are known only when the program runs`, loc, "use np.linspace and np.meshgrid");
}

for (const name of ["mgrid", "ogrid"] as const) {
  define(`np.${name}`, (ctx, _args, _keywords, loc) => ctx.fail("TYPE", `np.${name} is not callable`, loc, `write np.${name}[0:n, 0:m]`));
  define(`np.${name}[]`, (ctx, args, _keywords, loc) => {
    const axes = args.map((v) => axisOf(ctx, v, `np.${name}`, loc)), dtype: DType = axes.some((a) => isFloat(a.dtype)) ? "float64" : "int64";
    const shape = axes.map((a) => a.length), value = (k: number, i: Expr): ScalarExpr => convert(axes[k]!.at(i), dtype);
    if (axes.length === 1) return { kind: "lazy", dtype, shape, at: ([i]) => value(0, i!) };
    if (name === "ogrid") return { kind: "tuple", items: axes.map((_, k): LazyValue => ({ kind: "lazy", dtype, shape: shape.map((e, d) => (d === k ? e : ONE)), at: (i) => value(k, i[k]!) })) };
    return {
      kind: "lazy", dtype, shape: [int(axes.length), ...shape],
      at: ([k, ...i]) => {
        const which = k!.constant;
        if (which !== undefined) return value(which, i[which]!);
        return axes.slice(0, -1).reduceRight<ScalarExpr>((rest, _, d) => select(op("eq", "bool", symbolic(k!), constant(d, "int64")), value(d, i[d]!), rest), value(axes.length - 1, i.at(-1)!));
      },
    };
  });
}

/** One-dimensional pieces (numbers and arrays) next to each other; as columns for np.c_. */
function joined(ctx: Lowering, name: string, args: readonly Value[], columns: boolean, loc: SourceLoc): Value {
  const parts = args.map((v): Arrayish | ScalarValue => {
    if (v.kind === "slice") { const a = axisOf(ctx, v, name, loc); return { kind: "lazy", dtype: a.dtype, shape: [a.length], at: ([i]) => a.at(i!) }; }
    return asArray(ctx, v, loc);
  });
  const dtype = resultType(parts.map((p) => ({ dtype: p.dtype, weak: p.kind === "scalar" && p.weak }))).dtype;
  const arrays = parts.map((p): Arrayish => {
    const a: Arrayish = p.kind === "scalar" ? { kind: "lazy", dtype: p.dtype, shape: [ONE], at: () => p.code } : p;
    return columns && shapeOf(a).length === 1 ? expanded(a, [1]) : a;
  });
  return concatenated(ctx, arrays, columns ? 1 : 0, dtype, loc);
}
for (const [name, columns] of [["r_", false], ["c_", true]] as const) {
  define(`np.${name}`, (ctx, _args, _keywords, loc) => ctx.fail("TYPE", `np.${name} is not callable`, loc));
  define(`np.${name}[]`, (ctx, args, _keywords, loc) => joined(ctx, `np.${name}`, args, columns, loc));
}
