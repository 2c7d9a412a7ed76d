/** Covariance and correlation matrices. */
import { isComplex } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op } from "../../../scalar/expr.js";
import { addInt, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, type Keywords } from "../registry.js";
import { materialise } from "../store.js";
import { type Arrayish, isArray, shapeOf, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { matmulValues } from "./matmul.js";
import { codeAt } from "./operands.js";
import { convert, floatType } from "./promote.js";
import { integerCode } from "./python-operators.js";
import { finished, reduceTo } from "./reduce.js";
import { expanded, permuted, squeezed } from "./views.js";

/** np.cov without weights: rows are variables, columns observations (the other way round with rowvar=False). */
function covariance(ctx: Lowering, name: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Arrayish {
  const b = bind(ctx, name, name === "np.cov" ? "m y? rowvar? bias? ddof?" : "x y? rowvar?", args, keywords, loc);
  const first = b.operand(name === "np.cov" ? "m" : "x");
  if (b.get("y")) return ctx.unsupported(`${name} of two arguments`, loc, "stack them with np.vstack");
  if (!isArray(first) || shapeOf(first).length > 2) return ctx.fail("SHAPE", `${name} needs an array of one or two dimensions`, loc);
  const dtype = floatType(first.dtype) ?? "float64";
  if (isComplex(dtype)) return ctx.unsupported(`${name} of complex numbers`, loc);
  const flat = shapeOf(first).length === 1, rows = flat ? expanded(first, [0]) : b.flag("rowvar", true) ? first : permuted(first, [1, 0]);
  const x = rows.kind === "lazy" ? materialise(ctx, rows, { loc }) : rows, n = shapeOf(x)[1]!;
  const sums = reduceTo(ctx, x, [1], { wcr: "sum", dtype, label: "sum" }, loc), count = convert(integerCode(n), dtype);
  const centred = materialise(ctx, { kind: "lazy", dtype, shape: shapeOf(x), at: (i: readonly Expr[]) => op("sub", dtype, convert(codeAt(ctx, x, i), dtype), op("div", dtype, codeAt(ctx, sums, [i[0]!]), count)) }, { loc });
  const product = matmulValues(ctx, centred, permuted(centred, [1, 0]), loc) as Arrayish;
  const ddof = b.get("ddof") ? b.literal("ddof")! : b.flag("bias") ? 0 : 1;
  const divisor = op("max", dtype, convert(integerCode(addInt(n, -ddof)), dtype), constant(0, dtype));
  const out: Arrayish = { kind: "lazy", dtype, shape: shapeOf(product), at: (i) => op("div", dtype, codeAt(ctx, product, i), divisor) };
  return flat ? squeezed(out, [0, 1]) : out;
}
define("np.cov", (ctx, args, keywords, loc) => finished(ctx, covariance(ctx, "np.cov", args, keywords, loc), [], false));
define("np.corrcoef", (ctx, args, keywords, loc) => {
  const lazy = covariance(ctx, "np.corrcoef", args, keywords, loc);
  if (shapeOf(lazy).length < 2) return ctx.unsupported("np.corrcoef of one variable", loc, "it is 1");
  const c = materialise(ctx, lazy, { loc }), d = c.dtype;
  return { kind: "lazy", dtype: d, shape: shapeOf(c), at: ([i, j]) => op("div", d, op("div", d, codeAt(ctx, c, [i!, j!]), op("sqrt", d, codeAt(ctx, c, [i!, i!]))), op("sqrt", d, codeAt(ctx, c, [j!, j!]))) };
});
