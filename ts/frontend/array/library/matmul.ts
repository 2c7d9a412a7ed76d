/** Products of vectors and matrices in all combinations of ranks: dot, matmul (@), inner, vdot, outer, tensordot. */
import { isComplex, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { op, type ScalarExpr } from "../../../scalar/expr.js";
import type { Operand as Part } from "../../../sdfg/nodes.js";
import { ONE, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { sameSize } from "../shapes.js";
import { materialise } from "../store.js";
import { type Arrayish, type ArrayValue, formatShape, indexOf, isArray, type LazyValue, type ScalarValue, shapeOf } from "../value.js";
import { broadcastShapes, codeAt, elementAt, isCheap, type Operand } from "./operands.js";
import { convert, resultType, zero } from "./promote.js";
import { finished } from "./reduce.js";
import { expanded, squeezed } from "./views.js";

const typeOf = (a: Operand, b: Operand): DType => resultType([{ dtype: a.dtype, weak: a.kind === "scalar" && a.weak }, { dtype: b.dtype, weak: b.kind === "scalar" && b.weak }]).dtype;

/** a @ b. */
export function matmulValues(ctx: Lowering, a: Operand, b: Operand, loc: SourceLoc): ScalarValue | Arrayish {
  if (!isArray(a) || !isArray(b)) return ctx.fail("TYPE", "matmul with a scalar operand", loc, "use * with scalars");
  const x = a.kind === "lazy" && shapeOf(a).length > 1 ? materialise(ctx, a, { loc }) : a, y = b.kind === "lazy" && shapeOf(b).length > 1 ? materialise(ctx, b, { loc }) : b;
  const m = shapeOf(x), n = shapeOf(y), dtype = typeOf(a, b);
  const inner = n[Math.max(0, n.length - 2)]!;
  sameSize(ctx, m.at(-1)!, inner, loc, `matmul: operands of shapes ${formatShape(m)} and ${formatShape(n)} do not fit`);
  if (m.length <= 2 && n.length <= 2) {
    if (m.length === 2 && n.length === 2) return matrices(ctx, x, y, dtype, loc);
    return contract(ctx, x, y, m.length - 1, Math.max(0, n.length - 2), dtype, loc);
  }
  // Stacks of matrices: vectors count as one row or column.
  const p = m.length === 1 ? expanded(x, [0]) : x, q = n.length === 1 ? expanded(y, [1]) : y;
  const s = shapeOf(p), t = shapeOf(q);
  const batch = broadcastShapes(ctx, [s.slice(0, -2), t.slice(0, -2)], loc);
  const out = ctx.allocate([...batch, s.at(-2)!, t.at(-1)!], dtype, "product", loc);
  const A = asPart(ctx, p, dtype, loc), B = asPart(ctx, q, dtype, loc);
  ctx.map(batch, (index) => { multiply(ctx, matrixAt(A, index), matrixAt(B, index), matrixAt(out, index), loc); }, { loc });
  const drop = [...(m.length === 1 ? [batch.length] : []), ...(n.length === 1 ? [batch.length + 1] : [])];
  return finished(ctx, squeezed(out, drop), [], false);
}

/** np.dot: as matmul up to rank 2; otherwise the sum over the last axis of a and the last but one of b. */
export function dotValues(ctx: Lowering, a: Operand, b: Operand, loc: SourceLoc): ScalarValue | Arrayish {
  if (!isArray(a) || !isArray(b)) throw new TypeError("dot of scalars is a product");
  const m = shapeOf(a).length, n = shapeOf(b).length;
  if (m <= 2 && n <= 2) return matmulValues(ctx, a, b, loc);
  sameSize(ctx, shapeOf(a).at(-1)!, shapeOf(b)[Math.max(0, n - 2)]!, loc, `shapes ${formatShape(shapeOf(a))} and ${formatShape(shapeOf(b))} not aligned`);
  return contract(ctx, a, b, m - 1, Math.max(0, n - 2), typeOf(a, b), loc);
}

/** The sum of products over one axis of each; the other axes of a come first. One operand of 1 dimension (or none): loops with a combining write. */
export function contract(ctx: Lowering, a: Arrayish, b: Arrayish, p: number, q: number, dtype: DType, loc: SourceLoc, conjugate = false): ScalarValue | Arrayish {
  const restA = shapeOf(a).filter((_, d) => d !== p), restB = shapeOf(b).filter((_, d) => d !== q), length = shapeOf(a)[p]!;
  // What every element of the result would compute again is computed once.
  const x = restB.length > 0 && !isCheap(ctx, a) ? materialise(ctx, a, { loc }) : a, y = restA.length > 0 && !isCheap(ctx, b) ? materialise(ctx, b, { loc }) : b;
  const shape = [...restA, ...restB];
  const out = ctx.allocate(shape, dtype, "product", loc);
  ctx.map(shape, (i) => { ctx.tasklet(out.data, indexOf(out, i), zero(dtype), { loc }); }, { loc });
  const full = [...restA, length, ...restB];
  ctx.map(full, (index) => {
    const left = index.slice(0, restA.length), k = index[restA.length]!, right = index.slice(restA.length + 1);
    const l = codeAt(ctx, x, [...left.slice(0, p), k, ...left.slice(p)]), r = codeAt(ctx, y, [...right.slice(0, q), k, ...right.slice(q)]);
    const f = convert(l, dtype);
    ctx.tasklet(out.data, indexOf(out, [...left, ...right]), op("mul", dtype, conjugate && isComplex(dtype) ? op("conj", dtype, f) : f, convert(r, dtype)), { wcr: "sum", loc });
  }, { loc });
  if (shape.length === 0) ctx.single.add(out.data);
  return finished(ctx, out, [], false);
}

function matrices(ctx: Lowering, a: Arrayish, b: Arrayish, dtype: DType, loc: SourceLoc): ArrayValue {
  const out = ctx.allocate([shapeOf(a)[0]!, shapeOf(b)[1]!], dtype, "product", loc);
  multiply(ctx, asPart(ctx, a, dtype, loc), asPart(ctx, b, dtype, loc), out, loc);
  return out;
}

/** A view whose last two dimensions are a rectangular part of its container, in the product's dtype: itself or a copy. */
function asPart(ctx: Lowering, v: Arrayish, dtype: DType, loc: SourceLoc): ArrayValue {
  const part = v.kind === "array" && v.dtype === dtype && partOf(v) !== undefined ? v : materialise(ctx, v, { copy: true, dtype, loc });
  return part;
}

/** The last two dimensions of a view as an operand: along two axes of its container, by single steps. */
export function partOf(v: ArrayValue): Part | undefined {
  const dims = v.dims.slice(-2);
  const used = new Set(v.dims.slice(0, -2).flatMap((d) => d.steps.map((s) => s.axis)));
  if (!dims.every((d) => d.steps.length === 1 && d.steps[0]!.step.constant === 1) || dims[0]!.steps[0]!.axis === dims[1]!.steps[0]!.axis) return undefined;
  if (dims.some((d) => used.has(d.steps[0]!.axis))) return undefined;
  return { data: v.data, base: v.base, axes: dims.map((d) => d.steps[0]!.axis), sizes: dims.map((d) => d.size) };
}

/** The matrix of a stack at an index of the (broadcast) leading dimensions. */
export function matrixAt(v: ArrayValue, index: readonly Expr[]): ArrayValue {
  const lead = v.dims.slice(0, -2), base = [...v.base], skip = index.length - lead.length;
  const at = lead.map((d, k) => (d.size.constant === 1 ? undefined : index[skip + k]!));
  const fixed: ArrayValue = { ...v, dims: lead.filter((_, k) => at[k] !== undefined) };
  const start = indexOf(fixed, at.filter((e): e is Expr => e !== undefined));
  start.forEach((e, k) => { base[k] = e; });
  return { ...v, base, dims: v.dims.slice(-2) };
}

/** c = a @ b for matrices that lie as rectangular parts. */
function multiply(ctx: Lowering, a: ArrayValue, b: ArrayValue, c: ArrayValue, loc: SourceLoc): void {
  const A = partOf(a)!, B = partOf(b)!, C = partOf(c)!;
  // The sizes are known to be equal: they are written the same way.
  const inner = A.sizes[1]!;
  ctx.library({ op: "matmul", inputs: [A, { ...B, sizes: [inner, B.sizes[1]!] }], outputs: [{ ...C, sizes: [A.sizes[0]!, B.sizes[1]!] }], accumulate: false, attributes: {}, loc });
}

/** np.outer of flattened vectors. */
export function outerProduct(ctx: Lowering, a: Operand, b: Operand, loc: SourceLoc): LazyValue {
  const dtype = typeOf(a, b);
  const x = isArray(a) && !isCheap(ctx, a) ? materialise(ctx, a, { loc }) : a, y = isArray(b) && !isCheap(ctx, b) ? materialise(ctx, b, { loc }) : b;
  const shape = [isArray(x) ? shapeOf(x)[0]! : undefined, isArray(y) ? shapeOf(y)[0]! : undefined].map((e) => e ?? ONE);
  const at = ([i, j]: readonly Expr[]): ScalarExpr => op("mul", dtype, convert(elementAt(ctx, x, [i!], [shape[0]!]), dtype), convert(elementAt(ctx, y, [j!], [shape[1]!]), dtype));
  return { kind: "lazy", dtype, shape, at };
}
