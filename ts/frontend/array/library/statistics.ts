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
import { concatenated } from "./joining.js";
import { matmulValues } from "./matmul.js";
import { codeAt, type Operand } from "./operands.js";
import { convert } from "./promote.js";
import { integerCode } from "./python-operators.js";
import { finished, reduceTo } from "./reduce.js";
import { expanded, permuted, squeezed } from "./views.js";

/** An operand of np.cov as a matrix whose rows are variables. */
function variables(ctx: Lowering, name: string, v: Operand, byRow: boolean, loc: SourceLoc): Arrayish {
  if (!isArray(v) || shapeOf(v).length > 2) return ctx.fail("SHAPE", `${name} needs an array of one or two dimensions`, loc);
  if (isComplex(v.dtype)) return ctx.unsupported(`${name} of complex numbers`, loc);
  return shapeOf(v).length === 1 ? expanded(v, [0]) : byRow ? v : permuted(v, [1, 0]);
}

/** np.cov without weights: rows are variables, columns observations (the other way round with rowvar=False). The result is float64 whatever the operands are. */
function covariance(ctx: Lowering, name: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Arrayish {
  const b = bind(ctx, name, name === "np.cov" ? "m y? rowvar? bias? ddof?" : "x y? rowvar?", args, keywords, loc);
  const dtype = "float64", first = b.operand(name === "np.cov" ? "m" : "x"), second = b.get("y") && b.operand("y"), byRow = b.flag("rowvar", true);
  const one = variables(ctx, name, first, byRow, loc), flat = !second && isArray(first) && shapeOf(first).length === 1;
  // NumPy leaves a second operand of one row as it is.
  const rows = second ? concatenated(ctx, [one, variables(ctx, name, second, byRow || (isArray(second) && shapeOf(second)[0]?.constant === 1), loc)], 0, dtype, loc) : one;
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
