/** np.dot, matmul, inner, vdot, outer, tensordot, kron, cross, trace, np.linalg.norm and einsum. */
import { isComplex, realOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, mul, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, defineMethod, type Handler, type Keywords } from "../registry.js";
import { axisOf, sameSize } from "../shapes.js";
import { materialise } from "../store.js";
import { type Arrayish, constantOf, formatShape, indexOf, isArray, shapeOf, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { diagonalOf, flattened } from "./arrays.js";
import { contract, dotValues, matmulValues, outerProduct } from "./matmul.js";
import { build, codeAt, isCheap, operandOf, type Operand } from "./operands.js";
import { convert, floatType, resultType, zero } from "./promote.js";
import { pythonBinary } from "./python-operators.js";
import { finished, reduceTo, rootOf, requireElements, countOf, sumType } from "./reduce.js";
import { singularValues } from "./singular.js";
import { strong, writeOut } from "./ufuncs.js";
import { expanded, permuted, taken } from "./views.js";

const typeOf = (list: readonly Operand[]): DType => resultType(list.map((o) => ({ dtype: o.dtype, weak: o.kind === "scalar" && o.weak }))).dtype;
const rankOf = (o: Operand): number => (isArray(o) ? shapeOf(o).length : 0);
const inOut = (ctx: Lowering, result: Value, out: Value | undefined, loc: SourceLoc): Value => {
  if (!out) return result;
  if (out.kind !== "array" || (result.kind !== "scalar" && !isArray(result))) return ctx.fail("TYPE", "out must be an array", loc);
  writeOut(ctx, out, result, undefined, loc);
  return out;
};

const dot: Handler = (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.dot", "a b out?", args, keywords, loc), x = b.operand("a"), y = b.operand("b");
  return inOut(ctx, isArray(x) && isArray(y) ? dotValues(ctx, x, y, loc) : strong(pythonBinary(ctx, "*", x, y, loc)), b.get("out"), loc);
};
define("np.dot", dot);
defineMethod("python", "dot", dot);
define("np.matmul", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.matmul", "x1 x2 out?", args, keywords, loc);
  return inOut(ctx, matmulValues(ctx, b.operand("x1"), b.operand("x2"), loc), b.get("out"), loc);
});
define("np.inner", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.inner", "a b", args, keywords, loc), x = b.operand("a"), y = b.operand("b");
  if (!isArray(x) || !isArray(y)) return strong(pythonBinary(ctx, "*", x, y, loc));
  const m = shapeOf(x), n = shapeOf(y);
  sameSize(ctx, m.at(-1)!, n.at(-1)!, loc, `shapes ${formatShape(m)} and ${formatShape(n)} not aligned`);
  return contract(ctx, x, y, m.length - 1, n.length - 1, typeOf([x, y]), loc);
});
define("np.vdot", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.vdot", "a b", args, keywords, loc);
  const [x, y] = [b.operand("a"), b.operand("b")].map((o) => (isArray(o) ? (shapeOf(o).length === 1 ? o : flattened(ctx, o, loc)) : o)) as [Operand, Operand];
  if (!isArray(x) || !isArray(y)) return strong(pythonBinary(ctx, "*", x, y, loc));
  sameSize(ctx, shapeOf(x)[0]!, shapeOf(y)[0]!, loc, "cannot reshape arguments of vdot to one size");
  return contract(ctx, x, y, 0, 0, typeOf([x, y]), loc, true);
});
define("np.outer", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.outer", "a b out?", args, keywords, loc), flat = (o: Operand): Operand => (isArray(o) && shapeOf(o).length !== 1 ? flattened(ctx, o, loc) : o);
  return inOut(ctx, outerProduct(ctx, flat(b.operand("a")), flat(b.operand("b")), loc), b.get("out"), loc);
});

define("np.tensordot", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.tensordot", "a b axes?", args, keywords, loc), x = b.operand("a"), y = b.operand("b"), axes = b.get("axes");
  if (!isArray(x) || !isArray(y)) return ctx.fail("TYPE", "np.tensordot of numbers", loc);
  const m = rankOf(x), n = rankOf(y);
  let p: number[], q: number[];
  if (axes?.kind === "tuple" || axes?.kind === "list") {
    const list = (v: Value, rank: number): number[] => (v.kind === "tuple" || v.kind === "list" ? v.items : [v]).map((e) => axisOf(ctx, e, rank, loc));
    p = list(axes.items[0]!, m); q = list(axes.items[1]!, n);
  } else {
    const k = b.literal("axes") ?? 2;
    p = Array.from({ length: k }, (_, i) => m - k + i); q = Array.from({ length: k }, (_, i) => i);
  }
  if (p.length !== q.length) return ctx.fail("SHAPE", "shape-mismatch for sum", loc);
  // As an einsum: one letter per axis, the contracted ones shared.
  const left = shapeOf(x).map((_, d) => letter(d)), right = shapeOf(y).map((_, d) => { const k = q.indexOf(d); return k < 0 ? letter(m + d) : left[p[k]!]!; });
  const out = [...left.filter((_, d) => !p.includes(d)), ...right.filter((_, d) => !q.includes(d))];
  return einsum(ctx, [left.join(""), right.join("")], out.join(""), [x, y], loc);
});
const letter = (i: number): string => String.fromCharCode(i < 26 ? 97 + i : 65 + i - 26);

define("np.einsum", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.einsum", "subscripts ...operands * optimize? out?", args, keywords, loc);
  const given = b.need("subscripts"), more = b.need("operands"), rest = more.kind === "tuple" ? more.items : [];
  const [text, values] = given.kind === "string" ? [given.value.replace(/\s/g, ""), rest] : sublists(ctx, [given, ...rest], loc);
  const list = values.map((v) => operandOf(ctx, v, loc));
  const [left, right] = withoutEllipsis(ctx, text, list, loc), inputs = left.split(",");
  if (!/^[A-Za-z,]*$/.test(left) || !/^[A-Za-z]*$/.test(right ?? "") || inputs.length !== list.length) return ctx.fail("ARGUMENT", `einsum subscripts "${text}" for ${list.length} operands`, loc);
  const all = inputs.join("");
  // Without an arrow: letters that occur once, in alphabetical order.
  const output = right ?? [...new Set(all)].filter((c) => all.split(c).length === 2).sort().join("");
  return inOut(ctx, einsum(ctx, inputs, output, list, loc), b.get("out"), loc);
});

/** Operands each followed by a list of numbers for its axes, and perhaps one for the output's. */
function sublists(ctx: Lowering, items: readonly Value[], loc: SourceLoc): readonly [string, readonly Value[]] {
  const letters = (v: Value | undefined): string => (v?.kind === "list" || v?.kind === "tuple" ? v.items : ctx.fail("TYPE", "np.einsum needs subscripts: a string, or a list of numbers behind each operand", loc)).map((x) => {
    const k = x.kind === "scalar" ? x.int?.constant : undefined;
    if (k === undefined || k < 0 || k >= 52) return ctx.fail("ARGUMENT", "np.einsum: subscripts are numbers from 0 to 51", loc);
    return String.fromCharCode(k < 26 ? 65 + k : 71 + k);
  }).join("");
  const count = items.length >> 1, inputs = Array.from({ length: count }, (_, i) => letters(items[2 * i + 1])).join(",");
  return [items.length % 2 === 1 ? `${inputs}->${letters(items.at(-1))}` : inputs, Array.from({ length: count }, (_, i) => items[2 * i]!)];
}

/** Letters of their own for the axes that an ellipsis stands for; they come first in an output that is not written. */
function withoutEllipsis(ctx: Lowering, text: string, operands: readonly Operand[], loc: SourceLoc): readonly [string, string | undefined] {
  const [left, right] = text.split("->") as [string, string | undefined];
  if (!text.includes("...")) return [left, right];
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((c) => !text.includes(c)), inputs = left.split(",");
  const ranks = inputs.map((s, k) => (s.includes("...") ? rankOf(operands[k]!) - s.replace("...", "").length : 0)), most = Math.max(...ranks);
  if (ranks.some((r) => r < 0) || most > free.length) return ctx.fail("SHAPE", `einsum subscripts "${text}" for these operands`, loc);
  if (ranks.some((r, k) => r !== most && inputs[k]!.includes("..."))) return ctx.unsupported("ellipses of different ranks in np.einsum", loc, "name the axes");
  const letters = free.slice(0, most).join(""), once = [...new Set(left.replace(/[^A-Za-z]/g, ""))].filter((c) => left.split(c).length === 2).sort().join("");
  return [left.replaceAll("...", letters), (right ?? `...${once}`).replace("...", letters)];
}

/** Σ over the letters that the output lacks of the product of the operands. */
function einsum(ctx: Lowering, inputs: readonly string[], output: string, operands: readonly Operand[], loc: SourceLoc): Value {
  const sizes = new Map<string, Expr>();
  operands.forEach((o, k) => {
    const shape = isArray(o) ? shapeOf(o) : [];
    if (shape.length !== inputs[k]!.length) ctx.fail("SHAPE", `einsum subscript "${inputs[k]}" for an operand of ${shape.length} dimensions`, loc);
    shape.forEach((e, d) => {
      const c = inputs[k]![d]!, known = sizes.get(c);
      if (!known) sizes.set(c, e); else sameSize(ctx, known, e, loc, `einsum: the sizes of ${c} differ`);
    });
  });
  if (new Set(output).size !== output.length || [...output].some((c) => !sizes.has(c))) ctx.fail("ARGUMENT", `einsum output "${output}"`, loc);
  const dtype = typeOf(operands), sums = [...sizes.keys()].filter((c) => !output.includes(c)), shape = [...output].map((c) => sizes.get(c)!);
  const product = asMatrices(ctx, inputs, output, operands, sums, dtype, loc);
  if (product) return product;
  const settled = operands.map((o) => (isArray(o) && !isCheap(ctx, o) ? materialise(ctx, o, { loc }) : o));
  const element = (at: ReadonlyMap<string, Expr>): ScalarExpr => settled.map((o, k) => convert(isArray(o) ? codeAt(ctx, o, [...inputs[k]!].map((c) => at.get(c)!)) : o.code, dtype)).reduce((a, b) => op("mul", dtype, a, b));
  if (sums.length === 0) {
    if (shape.length === 0) { const code = element(new Map()); return { kind: "scalar", dtype, weak: false, code }; }
    return { kind: "lazy", dtype, shape, at: (i) => element(new Map([...output].map((c, d) => [c, i[d]!]))) };
  }
  const type = sumTypeOf(dtype), out = ctx.allocate(shape, type, "einsum", loc);
  ctx.map(shape, (i) => { ctx.tasklet(out.data, indexOf(out, i), zero(type), { loc }); }, { loc });
  // The innermost loop runs along the last axis of the output where there is one to move along.
  const order = output.length > 0 ? [...output.slice(0, -1), ...sums, output.at(-1)!] : sums;
  ctx.map(order.map((c) => sizes.get(c)!), (index) => {
    const at = new Map(order.map((c, d) => [c, index[d]!]));
    ctx.tasklet(out.data, indexOf(out, [...output].map((c) => at.get(c)!)), element(at), { wcr: "sum", loc });
  }, { loc });
  if (shape.length === 0) ctx.single.add(out.data);
  return finished(ctx, out, [], false);
}
/** einsum keeps the operands' dtype. */
const sumTypeOf = (d: DType): DType => (d === "bool" ? sumType(d) : d);

/** A product of two matrices, up to transposes. */
function asMatrices(ctx: Lowering, inputs: readonly string[], output: string, operands: readonly Operand[], sums: readonly string[], dtype: DType, loc: SourceLoc): Value | undefined {
  const [p, q] = inputs, [x, y] = operands;
  if (operands.length !== 2 || sums.length !== 1 || output.length !== 2 || p!.length !== 2 || q!.length !== 2 || !isArray(x!) || !isArray(y!)) return undefined;
  const k = sums[0]!, i = output[0]!, j = output[1]!;
  const fits = (s: string, c: string): boolean => s.includes(c) && s.includes(k) && c !== k;
  const [a, sa, b, sb] = fits(p!, i) && fits(q!, j) ? [x, p!, y, q!] : fits(p!, j) && fits(q!, i) ? [y, q!, x, p!] : [undefined, "", undefined, ""];
  if (!a || !b || !isArray(b)) return undefined;
  void dtype;
  const left = sa === i + k ? a : permuted(a, [1, 0]), right = sb === k + j ? b : permuted(b, [1, 0]);
  return matmulValues(ctx, left, right, loc);
}

define("np.kron", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.kron", "a b", args, keywords, loc), x = b.operand("a"), y = b.operand("b");
  if (!isArray(x) || !isArray(y)) return strong(pythonBinary(ctx, "*", x, y, loc));
  const rank = Math.max(rankOf(x), rankOf(y)), lead = (v: Arrayish): Arrayish => expanded(v, Array.from({ length: rank - shapeOf(v).length }, (_, i) => i));
  const p = lead(x), q = lead(y), m = shapeOf(p), n = shapeOf(q), dtype = typeOf([x, y]);
  const out = ctx.allocate(m.map((e, d) => mul(e, n[d]!)), dtype, "kron", loc);
  ctx.map(m.flatMap((e, d) => [e, n[d]!]), (index) => {
    const i = m.map((_, d) => index[2 * d]!), j = m.map((_, d) => index[2 * d + 1]!);
    ctx.tasklet(out.data, indexOf(out, i.map((e, d) => add(mul(e, n[d]!), j[d]!))), op("mul", dtype, convert(codeAt(ctx, p, i), dtype), convert(codeAt(ctx, q, j), dtype)), { loc });
  }, { loc });
  return out;
});
define("np.cross", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.cross", "a b", args, keywords, loc), x = b.operand("a"), y = b.operand("b");
  if (!isArray(x) || !isArray(y) || shapeOf(x).at(-1)!.constant !== 3 || shapeOf(y).at(-1)!.constant !== 3) return ctx.unsupported("np.cross of vectors whose length is not known to be 3", loc, "write the components out");
  const part = (v: Arrayish, k: number): Operand => operandOf(ctx, taken(v, shapeOf(v).length - 1, ctx.int(k).int!), loc);
  const minor = (i: number, j: number): Value => pythonBinary(ctx, "-", pythonBinary(ctx, "*", part(x, i), part(y, j), loc), pythonBinary(ctx, "*", part(x, j), part(y, i), loc), loc);
  const parts = [minor(1, 2), minor(2, 0), minor(0, 1)].map((v) => operandOf(ctx, v, loc)), first = parts[0]!, shape = isArray(first) ? shapeOf(first) : [], dtype = first.dtype;
  const out = ctx.allocate([...shape, ctx.int(3).int!], dtype, "cross", loc);
  parts.forEach((v, k) => { ctx.map(shape, (i) => { ctx.tasklet(out.data, indexOf(out, [...i, ctx.int(k).int!]), isArray(v) ? codeAt(ctx, v, i) : v.code, { loc }); }, { loc }); });
  return out;
});
const trace: Handler = (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.trace", "a offset? axis1? axis2? dtype?", args, keywords, loc), a = b.operand("a"), rank = rankOf(a);
  if (!isArray(a) || rank < 2) return ctx.fail("SHAPE", "trace requires an array of at least two dimensions", loc);
  const d = diagonalOf(ctx, a, b.literal("offset") ?? 0, b.axis("axis1", rank) ?? 0, b.axis("axis2", rank) ?? 1, loc), axes = [shapeOf(d).length - 1];
  return finished(ctx, reduceTo(ctx, d, axes, { wcr: "sum", dtype: b.dtype() ?? sumType(a.dtype), label: "trace" }, loc), axes, false);
};
define("np.trace", trace);
defineMethod("python", "trace", trace);

define("np.linalg.norm", (ctx, args, keywords, loc) => norm(ctx, args, keywords, loc));
function norm(ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Value {
  const b = bind(ctx, "np.linalg.norm", "x ord? axis? keepdims?", args, keywords, loc), first = b.operand("x"), ord = b.get("ord"), keep = b.flag("keepdims");
  if (!isArray(first)) return strong(build(ctx, [first], ([e]) => op("abs", "float64", convert(e!, "float64")), false, loc));
  const dtype = floatType(first.dtype) ?? "float64", part = realOf(dtype), x: Arrayish = first;
  const rank = shapeOf(x).length, axes = b.axes("axis", rank), kind = ord === undefined ? undefined : ord.kind === "string" ? ord.value : constantOf(ord);
  if (kind !== undefined && typeof kind !== "number" && kind !== "fro" && kind !== "nuc") return ctx.unsupported("this order of np.linalg.norm", loc);
  const squares = (e: ScalarExpr): ScalarExpr => {
    const v = convert(e, dtype);
    if (!isComplex(dtype)) return op("mul", part, v, v);
    const re = op("real", part, v), im = op("imag", part, v);
    return op("add", part, op("mul", part, re, re), op("mul", part, im, im));
  };
  const size = (e: ScalarExpr): ScalarExpr => op("abs", part, convert(e, dtype));
  const result = (wcr: "sum" | "max" | "min", of: (e: ScalarExpr) => ScalarExpr, over: readonly number[] = axes, v: Arrayish = x): Arrayish => reduceTo(ctx, v, over, { wcr, dtype: part, of, label: "norm" }, loc);
  const done = (v: Arrayish, f?: (e: ScalarExpr) => ScalarExpr): Value => finished(ctx, f ? { kind: "lazy", dtype: part, shape: shapeOf(v), at: (i) => f(codeAt(ctx, v, i)) } : v, axes, keep);
  const matrix = axes.length === 2;
  if (kind === undefined || (kind === 2 && !matrix) || (kind === "fro" && matrix)) return done(result("sum", squares), rootOf);
  if (axes.length === 1 && typeof kind === "number") {
    if (kind === Infinity || kind === -Infinity) { requireElements(ctx, countOf(x, axes), "norm", loc); return done(result(kind > 0 ? "max" : "min", size)); }
    if (kind === 0) return done(result("sum", (e) => convert(convert(e, "bool"), part)));
    if (kind === 1) return done(result("sum", size));
    return done(result("sum", (e) => op("pow", part, size(e), constant(kind, part))), (e) => { const root = op("pow", part, e, constant(1 / kind, part)); return kind > 0 ? select(op("eq", "bool", e, zero(part)), zero(part), root) : root; });
  }
  if (matrix && !keep && (kind === 1 || kind === Infinity)) {
    const [p, q] = [Math.min(...axes), Math.max(...axes)], [inner, outer] = (kind === 1) === (axes[0] === p) ? [p, q] : [q, p];
    const sums = result("sum", size, [inner]), rest = outer > inner ? outer - 1 : outer;
    requireElements(ctx, shapeOf(sums)[rest]!, "norm", loc);
    return finished(ctx, reduceTo(ctx, sums, [rest], { wcr: "max", dtype: part, label: "norm" }, loc), [rest], false);
  }
  if (rank === 2 && matrix && !keep && (kind === 2 || kind === -2 || kind === "nuc")) {
    const s = singularValues(ctx, "np.linalg.norm", x, loc), k = shapeOf(s)[0]!;
    requireElements(ctx, k, "norm", loc);
    return finished(ctx, kind === "nuc" ? reduceTo(ctx, s, [0], { wcr: "sum", dtype: part, label: "norm" }, loc) : taken(s, 0, kind === 2 ? ZERO : addInt(k, -1)), [0], false);
  }
  return ctx.unsupported(`the order ${String(kind)} of np.linalg.norm of a matrix`, loc, "the Frobenius norm, 1 and inf are supported, and 2, -2 and 'nuc' of one matrix");
}
