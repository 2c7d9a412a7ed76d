/** np.linalg: factorisations and solves, as operations of ts/library over the last two dimensions. */
import type { DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { isComplex } from "../../../base/dtypes.js";
import { constant, op, select, type ScalarExpr } from "../../../scalar/expr.js";
import { freshId } from "../../../sdfg/sdfg.js";
import type { Operand as Part } from "../../../sdfg/nodes.js";
import { addInt, int, ONE, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, type Handler } from "../registry.js";
import { sameSize } from "../shapes.js";
import { element, materialise } from "../store.js";
import { type Arrayish, type ArrayValue, formatShape, indexOf, type LazyValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { asArray } from "./convert.js";
import { matmulValues, matrixAt, partOf } from "./matmul.js";
import { broadcastShapes, operandOf } from "./operands.js";
import { convert, floatType, resultType } from "./promote.js";
import { finished } from "./reduce.js";
import { expanded, permuted, squeezed } from "./views.js";

/** A matrix (or a stack of them) as rectangular parts of a container. */
export function matrices(ctx: Lowering, v: Arrayish, dtype: DType, loc: SourceLoc): ArrayValue {
  return v.kind === "array" && v.dtype === dtype && partOf(v) !== undefined ? v : materialise(ctx, v, { copy: true, dtype, loc });
}
function squareMatrices(ctx: Lowering, name: string, v: Arrayish | { readonly kind: "scalar" }, loc: SourceLoc): Arrayish {
  const shape = v.kind === "scalar" ? [] : shapeOf(v);
  if (v.kind === "scalar" || shape.length < 2) return ctx.fail("SHAPE", `${name}: ${shape.length}-dimensional array given, it must be at least two-dimensional`, loc);
  sameSize(ctx, shape.at(-1)!, shape.at(-2)!, loc, `${name}: the last two dimensions of ${formatShape(shape)} must be square`);
  return v;
}
/** The part with both sizes written the same way. */
function square(v: ArrayValue): Part { const p = partOf(v)!; return { ...p, sizes: [p.sizes[0]!, p.sizes[0]!] }; }
export const vector = (v: ArrayValue, lead: readonly Expr[]): Part => ({ data: v.data, base: [...lead, ZERO], axes: [lead.length], sizes: [shapeOf(v).at(-1)!] });

/** Goes through a stack in order: what one matrix needs on the way is used again for the next. */
export function stack(ctx: Lowering, batch: readonly Expr[], f: (index: readonly Expr[]) => void, loc: SourceLoc): void { ctx.map(batch, f, { order: "up", loc }); }
export function raise(ctx: Lowering, wrong: ScalarExpr, message: string, loc: SourceLoc): void {
  ctx.conditional(wrong, () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message, loc }); }, undefined, loc);
}
const realType = (d: DType): DType => (d === "complex128" ? "float64" : d === "complex64" ? "float32" : d);
const realOf = (e: ScalarExpr): ScalarExpr => (isComplex(e.dtype) ? op("real", e.dtype === "complex64" ? "float32" : "float64", e) : e);

interface Factors { readonly a: ArrayValue; readonly factors: ArrayValue; readonly pivots: ArrayValue; readonly rows: ArrayValue; readonly work: ArrayValue; readonly largest: ArrayValue; readonly n: Expr; readonly batch: readonly Expr[] }
function factorsOf(ctx: Lowering, v: Arrayish, dtype: DType, loc: SourceLoc): Factors {
  const a = matrices(ctx, v, dtype, loc), shape = shapeOf(a), batch = shape.slice(0, -2), n = shape.at(-2)!;
  return {
    a, n, batch, factors: ctx.allocate([...batch, n, n], dtype, "factors", loc), pivots: ctx.allocate([...batch, n], "int64", "pivots", loc),
    rows: ctx.allocate([...batch, n], "int64", "rows", loc), work: ctx.allocate([n], dtype, "row", loc), largest: ctx.allocate([ONE], realType(dtype), "largest", loc),
  };
}
/** Factors the matrix at an index of the stack. `singular`: an exactly singular one is NumPy's error. */
function factor(ctx: Lowering, f: Factors, index: readonly Expr[], singular: boolean, loc: SourceLoc): { readonly a: Part; readonly factors: Part; readonly pivots: Part; readonly rows: Part } {
  const lu = matrixAt(f.factors, index), parts = { a: square(matrixAt(f.a, index)), factors: square(lu), pivots: vector(f.pivots, index), rows: vector(f.rows, index) };
  ctx.library({ op: "lu", inputs: [parts.a], outputs: [parts.factors, parts.pivots, parts.rows, vector(f.work, []), vector(f.largest, [])], accumulate: false, attributes: {}, loc });
  if (singular) ctx.map([f.n], ([k]) => { raise(ctx, op("eq", "bool", ctx.read(lu.data, indexOf(lu, [k!, k!])), constant(0, f.factors.dtype, isComplex(f.factors.dtype) ? 0 : undefined)), "LinAlgError: Singular matrix", loc); }, { order: "up", loc });
  return parts;
}

const linalg = (name: string, signature: string, f: (ctx: Lowering, b: ReturnType<typeof bind>, loc: SourceLoc) => ReturnType<Handler>): void => {
  define(`np.linalg.${name}`, (ctx, args, keywords, loc) => f(ctx, bind(ctx, `np.linalg.${name}`, signature, args, keywords, loc), loc));
};

linalg("solve", "a b", (ctx, b, loc) => {
  const a = squareMatrices(ctx, b.name, asArray(ctx, b.need("a"), loc), loc), right = asArray(ctx, b.need("b"), loc);
  if (right.kind === "scalar" || shapeOf(right).length === 0) return ctx.fail("SHAPE", "np.linalg.solve: the right-hand side must be an array", loc);
  const dtype = floatType(resultType([{ dtype: a.dtype, weak: false }, { dtype: right.dtype, weak: false }]).dtype) ?? "float64";
  // One vector is a matrix of one column.
  const single = shapeOf(right).length === 1, y = single ? materialise(ctx, expanded(right, [1]), { copy: true, dtype, loc }) : matrices(ctx, right, dtype, loc), f = factorsOf(ctx, a, dtype, loc);
  const shape = shapeOf(y);
  sameSize(ctx, f.n, shape.at(-2)!, loc, `np.linalg.solve: operands of shapes ${formatShape(shapeOf(a))} and ${formatShape(shapeOf(right))} do not fit`);
  const batch = broadcastShapes(ctx, [f.batch, shape.slice(0, -2)], loc), columns = shape.at(-1)!;
  const x = ctx.allocate([...batch, f.n, columns], dtype, "solution", loc);
  const solved = (p: ReturnType<typeof factor>, index: readonly Expr[]): void => {
    const part = (v: ArrayValue): Part => ({ ...partOf(matrixAt(v, index))!, sizes: [f.n, columns] });
    ctx.library({ op: "solve", inputs: [p.a, p.factors, p.rows, part(y)], outputs: [part(x)], accumulate: false, attributes: {}, loc });
  };
  stack(ctx, batch, (index) => { solved(factor(ctx, f, index.slice(batch.length - f.batch.length).map((e, d) => (f.batch[d]!.constant === 1 ? ZERO : e)), true, loc), index); }, loc);
  return single ? finished(ctx, squeezed(x, [batch.length + 1]), [], false) : x;
});

linalg("inv", "a", (ctx, b, loc) => {
  const a = squareMatrices(ctx, b.name, asArray(ctx, b.need("a"), loc), loc), dtype = floatType(a.dtype) ?? "float64", f = factorsOf(ctx, a, dtype, loc);
  const x = ctx.allocate([...f.batch, f.n, f.n], dtype, "inverse", loc);
  stack(ctx, f.batch, (index) => { const p = factor(ctx, f, index, true, loc); ctx.library({ op: "inv", inputs: [p.a, p.factors, p.rows], outputs: [square(matrixAt(x, index))], accumulate: false, attributes: {}, loc }); }, loc);
  return x;
});

linalg("det", "a", (ctx, b, loc) => {
  const a = squareMatrices(ctx, b.name, asArray(ctx, b.need("a"), loc), loc), dtype = floatType(a.dtype) ?? "float64", f = factorsOf(ctx, a, dtype, loc);
  const x = ctx.allocate(f.batch, dtype, "det", loc);
  stack(ctx, f.batch, (index) => { const p = factor(ctx, f, index, false, loc); ctx.library({ op: "det", inputs: [p.a, p.factors, p.rows, p.pivots], outputs: [{ data: x.data, base: index, axes: [], sizes: [] }], accumulate: false, attributes: {}, loc }); }, loc);
  if (f.batch.length === 0) ctx.single.add(x.data);
  return finished(ctx, x, [], false);
});

linalg("cholesky", "a * upper?", (ctx, b, loc) => {
  const a = squareMatrices(ctx, b.name, operandOf(ctx, b.need("a"), loc), loc), dtype = floatType(a.dtype) ?? "float64";
  if (b.flag("upper")) return ctx.unsupported("upper=True of np.linalg.cholesky", loc, "use the conjugate transpose of the lower factor");
  const v = matrices(ctx, a, dtype, loc), shape = shapeOf(v), batch = shape.slice(0, -2), n = shape.at(-2)!, x = ctx.allocate([...batch, n, n], dtype, "cholesky", loc);
  stack(ctx, batch, (index) => {
    const l = matrixAt(x, index);
    ctx.library({ op: "cholesky", inputs: [square(matrixAt(v, index))], outputs: [square(l)], accumulate: false, attributes: {}, loc });
    ctx.map([n], ([k]) => { const e = realOf(ctx.read(l.data, indexOf(l, [k!, k!]))); raise(ctx, op("not", "bool", op("gt", "bool", e, constant(0, e.dtype))), "LinAlgError: Matrix is not positive definite", loc); }, { order: "up", loc });
  }, loc);
  return x;
});
/** Eigenvalues and vectors of Hermitian matrices. LAPACK's vectors of a complex matrix have a real first element (last, of an upper triangle): so have ours, up to a sign. */
function eigenOf(ctx: Lowering, b: ReturnType<typeof bind>, loc: SourceLoc): { readonly values: ArrayValue; readonly vectors: ArrayValue } {
  const given = squareMatrices(ctx, b.name, operandOf(ctx, b.need("a"), loc), loc), dtype = floatType(given.dtype) ?? "float64", triangle = (b.text("UPLO") ?? "L").toUpperCase();
  if (triangle !== "L" && triangle !== "U") return ctx.fail("ARGUMENT", "UPLO argument must be 'L' or 'U'", loc);
  const real = realType(dtype), rank = shapeOf(given).length;
  const flipped = (v: Arrayish): Arrayish => {
    const t = permuted(v, [...Array.from({ length: rank - 2 }, (_, d) => d), rank - 1, rank - 2]);
    return isComplex(dtype) ? { kind: "lazy", dtype, shape: shapeOf(t), at: (i) => op("conj", dtype, convert(element(ctx, t, i), dtype)) } : t;
  };
  const v = triangle === "L" ? matrices(ctx, given, dtype, loc) : materialise(ctx, flipped(given), { copy: true, dtype, loc });
  const shape = shapeOf(v), batch = shape.slice(0, -2), n = shape.at(-2)!;
  const w = ctx.allocate([...batch, n, ONE], real, "eigenvalues", loc), x = ctx.allocate([...batch, n, n], dtype, "eigenvectors", loc), work = ctx.allocate([n, n], dtype, "work", loc), state = ctx.allocate([int(4)], dtype, "rotation", loc);
  stack(ctx, batch, (index) => {
    ctx.library({ op: "eigh", inputs: [square(matrixAt(v, index))], outputs: [{ ...partOf(matrixAt(w, index))!, sizes: [n, ONE] }, square(matrixAt(x, index)), square(work), vector(state, [])], accumulate: false, attributes: {}, loc });
    const column = matrixAt(w, index);
    ctx.map([n], ([k]) => { raise(ctx, op("not", "bool", op("isfinite", "bool", ctx.read(column.data, indexOf(column, [k!, ZERO])))), "LinAlgError: Eigenvalues did not converge", loc); }, { order: "up", loc });
  }, loc);
  const values = squeezed(w, [batch.length + 1]) as ArrayValue;
  if (!isComplex(dtype)) return { values, vectors: x };
  // v · conj(v₀)/|v₀|
  const first = (i: readonly Expr[]): ScalarExpr => ctx.read(x.data, [...i.slice(0, -2), triangle === "L" ? ZERO : addInt(n, -1), i.at(-1)!]);
  const turned: LazyValue = {
    kind: "lazy", dtype, shape: shapeOf(x), at: (i) => {
      const f = first(i), size = op("abs", real, f), none = op("eq", "bool", size, constant(0, real)), z = ctx.read(x.data, i), zero = constant(0, real);
      return select(none, z, op("mul", dtype, z, op("div", dtype, op("conj", dtype, f), op("complex", dtype, select(none, constant(1, real), size), zero))));
    },
  };
  return { values, vectors: materialise(ctx, turned, { copy: true, loc, label: "eigenvectors" }) };
}
linalg("eigh", "a UPLO?", (ctx, b, loc) => { const e = eigenOf(ctx, b, loc); return tupleValue([e.values, e.vectors]); });
linalg("eigvalsh", "a UPLO?", (ctx, b, loc) => eigenOf(ctx, b, loc).values);
define("np.linalg.multi_dot", (ctx, args, keywords, loc) => {
  const list = bind(ctx, "np.linalg.multi_dot", "arrays", args, keywords, loc).need("arrays");
  if ((list.kind !== "list" && list.kind !== "tuple") || list.items.length < 2) return ctx.fail("ARGUMENT", "np.linalg.multi_dot expects at least two arrays", loc);
  return list.items.slice(1).reduce<Value>((x, y) => matmulValues(ctx, operandOf(ctx, x, loc), operandOf(ctx, y, loc), loc), list.items[0]!);
});
