/** np.linalg: what singular values tell of real matrices: svd, svdvals, pinv. */
import type { DType } from "../../../base/dtypes.js";
import { isComplex } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { op, symbolic } from "../../../scalar/expr.js";
import type { Operand as Part } from "../../../sdfg/nodes.js";
import { addInt, int, max, min, ONE, sub, type Expr } from "../../../symbolic/expr.js";
import { isEqual, nonNegative } from "../../../symbolic/prove.js";
import { transposed } from "../../../library/op.js";
import type { Lowering } from "../context.js";
import { define } from "../registry.js";
import { sameSize } from "../shapes.js";
import { type ArrayValue, constantOf, indexOf, isArray, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { matrices, raise, stack, vector } from "./linalg.js";
import { matrixAt, partOf } from "./matmul.js";
import { operandOf } from "./operands.js";
import { floatType } from "./promote.js";
import { squeezed } from "./views.js";

interface Given { readonly a: ArrayValue; readonly dtype: DType; readonly m: Expr; readonly n: Expr; readonly k: Expr; readonly batch: readonly Expr[] }
function given(ctx: Lowering, name: string, v: Value, loc: SourceLoc): Given {
  const x = operandOf(ctx, v, loc), shape = isArray(x) ? shapeOf(x) : [];
  if (!isArray(x) || shape.length < 2) return ctx.fail("SHAPE", `${name}: ${shape.length}-dimensional array given, it must be at least two-dimensional`, loc);
  if (isComplex(x.dtype)) return ctx.unsupported(`${name} of a complex matrix`, loc, "use np.linalg.eigh of the product with its conjugate transpose");
  const dtype = floatType(x.dtype) ?? "float64", a = matrices(ctx, x, dtype, loc), [m, n] = shape.slice(-2) as [Expr, Expr];
  return { a, dtype, m, n, k: min(m, n), batch: shape.slice(0, -2) };
}
/** The matrix, or its transpose, has no fewer rows than columns: sizes say which where they are known, else the run does. */
function byShape(ctx: Lowering, g: Given, f: (tall: boolean) => void, loc: SourceLoc): void {
  const tall = nonNegative(sub(g.m, g.n), ctx.facts);
  if (tall !== "unknown") { f(tall === "yes"); return; }
  ctx.conditional(op("ge", "bool", symbolic(g.m), symbolic(g.n)), () => { f(true); }, () => { f(false); }, loc);
}
const part = (v: ArrayValue, index: readonly Expr[], sizes: readonly Expr[]): Part => ({ ...partOf(matrixAt(v, index))!, sizes });
function finite(ctx: Lowering, s: ArrayValue, index: readonly Expr[], k: Expr, loc: SourceLoc): void {
  const column = matrixAt(s, index);
  ctx.map([k], ([i]) => { raise(ctx, op("not", "bool", op("isfinite", "bool", ctx.read(column.data, indexOf(column, [i!, int(0)])))), "LinAlgError: SVD did not converge", loc); }, { order: "up", loc });
}

function svd(ctx: Lowering, g: Given, loc: SourceLoc): { readonly u: ArrayValue; readonly s: ArrayValue; readonly vh: ArrayValue } {
  const { m, n, k, batch, dtype } = g, state = ctx.allocate([addInt(max(m, n), 4)], dtype, "rotation", loc);
  const u = ctx.allocate([...batch, m, k], dtype, "u", loc), s = ctx.allocate([...batch, k, ONE], dtype, "s", loc), vh = ctx.allocate([...batch, k, n], dtype, "vh", loc);
  stack(ctx, batch, (index) => {
    byShape(ctx, g, (tall) => {
      const q = tall ? n : m, a = part(g.a, index, [m, n]), left = part(u, index, [m, q]), right = transposed(part(vh, index, [q, n])), values = part(s, index, [q, ONE]);
      ctx.library({ op: "svd", inputs: [tall ? a : transposed(a)], outputs: tall ? [left, values, right, vector(state, [])] : [right, values, left, vector(state, [])], accumulate: false, attributes: {}, loc });
    }, loc);
    finite(ctx, s, index, k, loc);
  }, loc);
  return { u, s: squeezed(s, [batch.length + 1]) as ArrayValue, vh };
}
/** The singular values of a matrix (or a stack of them). */
export function singularValues(ctx: Lowering, name: string, v: Value, loc: SourceLoc): ArrayValue { return svd(ctx, given(ctx, name, v, loc), loc).s; }

/** Orthonormal columns, and others with which they are a basis. */
function completed(ctx: Lowering, u: ArrayValue, loc: SourceLoc): ArrayValue { return ctx.call({ kind: "library", name: "%np.completed" }, [u], new Map(), loc) as ArrayValue; }
function transposedValue(v: ArrayValue): ArrayValue { return { ...v, dims: [...v.dims].reverse() }; }

define("np.linalg.svd", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.linalg.svd", "a full_matrices? compute_uv? hermitian?", args, keywords, loc), g = given(ctx, b.name, b.need("a"), loc);
  if (b.flag("hermitian")) return ctx.unsupported("hermitian=True of np.linalg.svd", loc, "use np.linalg.eigh");
  const vectors = !b.has("compute_uv") || b.flag("compute_uv"), full = !b.has("full_matrices") || b.flag("full_matrices"), r = svd(ctx, g, loc);
  if (!vectors) return r.s;
  // Of a matrix that is not square, the other vectors of the larger side belong to no singular value: they are any basis of the rest.
  if (full && isEqual(g.m, g.n, ctx.facts) !== "yes") {
    if (g.batch.length > 0) sameSize(ctx, g.m, g.n, loc, "np.linalg.svd of a stack of matrices that are not square needs full_matrices=False here");
    else return tupleValue([completed(ctx, r.u, loc), r.s, { ...transposedValue(completed(ctx, transposedValue(r.vh), loc)) }]);
  }
  return tupleValue([r.u, r.s, r.vh]);
});
define("np.linalg.svdvals", (ctx, args, keywords, loc) => singularValues(ctx, "np.linalg.svdvals", bind(ctx, "np.linalg.svdvals", "x", args, keywords, loc).need("x"), loc));

define("np.linalg.pinv", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.linalg.pinv", "a rcond? hermitian? * rtol?", args, keywords, loc), g = given(ctx, b.name, b.need("a"), loc), limit = b.get("rcond") ?? b.get("rtol");
  const rcond = limit ? constantOf(limit) : 1e-15, { m, n, k, batch, dtype } = g;
  if (typeof rcond !== "number") return ctx.unsupported("a cutoff of np.linalg.pinv that is not known when the program is compiled", loc, "write it as a number");
  const x = ctx.allocate([...batch, n, m], dtype, "pinv", loc), u = ctx.allocate([m, k], dtype, "u", loc), s = ctx.allocate([k, ONE], dtype, "s", loc), v = ctx.allocate([k, n], dtype, "v", loc), state = ctx.allocate([addInt(max(m, n), 4)], dtype, "rotation", loc);
  stack(ctx, batch, (index) => {
    byShape(ctx, g, (tall) => {
      const q = tall ? n : m, a = part(g.a, index, [m, n]), out = part(x, index, [n, m]), left = part(u, [], [m, q]), right = transposed(part(v, [], [q, n])), values = part(s, [], [q, ONE]);
      const outputs = tall ? [out, left, values, right] : [transposed(out), right, values, left];
      ctx.library({ op: "pinv", inputs: [tall ? a : transposed(a)], outputs: [...outputs, vector(state, [])], accumulate: false, attributes: { rcond }, loc });
    }, loc);
    finite(ctx, s, [], k, loc);
  }, loc);
  return x;
});
