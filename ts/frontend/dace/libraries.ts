/** DaCe's library nodes: products of matrices and vectors, reductions, transpositions. Others are refused by class. */
import { isComplex, type DType } from "../../base/dtypes.js";
import { cast, constant, op, type ScalarExpr } from "../../scalar/expr.js";
import type { LibraryNode } from "../../sdfg/dace/model.js";
import { parseExpression } from "../../sdfg/dace/python.js";
import { common, ScalarReader } from "../../sdfg/dace/scalars.js";
import type { Operand } from "../../sdfg/nodes.js";
import { matmulNode } from "../../library/matmul.js";
import { add, mul, ONE, sub, ZERO, type Expr } from "../../symbolic/expr.js";
import { isEqual } from "../../symbolic/prove.js";
import { locOf } from "./context.js";
import type { Dim, Ref } from "./references.js";
import type { StateLowering } from "./state.js";
import { combination, combine, effective } from "./wcr.js";

export function lowerLibrary(s: StateLowering, n: LibraryNode): void {
  switch (n.className) {
    case "MatMul": case "Gemm": case "BatchedMatMul": product(s, n); break;
    case "Gemv": gemv(s, n); break;
    case "Dot": dot(s, n); break;
    case "Ger": ger(s, n); break;
    case "Axpy": axpy(s, n); break;
    case "Reduce": reduce(s, n); break;
    case "Transpose": transpose(s, n, undefined); break;
    case "TensorTranspose": transpose(s, n, n.attributes["axes"]); break;
    default: s.l.refuse(`the library node ${n.className}`, n);
  }
}

// ---- operands ----
function find(s: StateLowering, n: LibraryNode, name: string, out: boolean): { readonly ref: Ref; readonly wcr: string | undefined } | undefined {
  const e = (out ? s.out : s.in).get(n.id)!.find((x) => (out ? x.from : x.to) === name);
  if (!e?.memlet) return undefined;
  const ref = s.memlet(e.memlet, n.where);
  return { ref, wcr: out ? effective(s.l, s.wcr(e), ref, n.where) : undefined };
}
function input(s: StateLowering, n: LibraryNode, name: string): Ref { return find(s, n, name, false)?.ref ?? s.l.refuse(`the operand ${name} is missing`, n); }
function output(s: StateLowering, n: LibraryNode, name: string): { readonly ref: Ref; readonly wcr: string | undefined } { return find(s, n, name, true) ?? s.l.refuse(`the result ${name} is missing`, n); }
/** The only edge of a node without named connectors. */
function only(s: StateLowering, n: LibraryNode, out: boolean): { readonly ref: Ref; readonly wcr: string | undefined } {
  const edges = (out ? s.out : s.in).get(n.id)!.filter((e) => e.memlet);
  if (edges.length !== 1) s.l.refuse(`${edges.length} ${out ? "results" : "operands"} of a node with one`, n);
  const ref = s.memlet(edges[0]!.memlet!, n.where);
  return { ref, wcr: out ? effective(s.l, s.wcr(edges[0]!), ref, n.where) : undefined };
}
const dtypeOf = (s: StateLowering, r: Ref): DType => (r.symbol ? "int64" : s.l.container(r.container).dtype);
const large = (r: Ref): Ref => ({ ...r, dims: r.dims.filter((d) => d.size.constant !== 1) });
const flipped = (r: Ref): Ref => ({ ...r, dims: [...r.dims.slice(0, -2), r.dims.at(-1)!, r.dims.at(-2)!] });
function read(s: StateLowering, r: Ref, index: readonly Expr[], dtype: DType): ScalarExpr { return cast(s.l.readRef(r, index).code, dtype); }
const zero = (d: DType): ScalarExpr => constant(0, d, isComplex(d) ? 0 : undefined);
/** Sizes that must agree: checked at the call where it is not known. */
function same(s: StateLowering, a: Expr, b: Expr, what: string): void {
  const t = isEqual(a, b, s.l.facts);
  if (t === "yes") return;
  if (t === "no" || !s.l.entryCheck("shape", sub(a, b), `${what}: sizes ${a.key} and ${b.key} differ`)) s.l.refuse(`${what}: sizes ${a.key} and ${b.key}`);
}
/** A number or an expression of symbols, as an attribute says it. */
function factor(s: StateLowering, n: LibraryNode, key: string, fallback: number): { readonly number: number | undefined; value(d: DType): ScalarExpr } {
  const raw = n.attributes[key] ?? fallback;
  if (typeof raw === "number" || typeof raw === "boolean") { const k = Number(raw); return { number: k, value: (d) => constant(k, d, isComplex(d) ? 0 : undefined) }; }
  if (typeof raw === "string") {
    const k = Number(raw);
    if (!Number.isNaN(k)) return { number: k, value: (d) => constant(k, d, isComplex(d) ? 0 : undefined) };
    const v = new ScalarReader(s.l.scalars(s.inst, n.where)).value(parseExpression(raw));
    return { number: undefined, value: (d) => cast(v.code, d) };
  }
  return s.l.refuse(`${key} of a library node`, n);
}
/** An operand of a library operation: unit steps along axes of its own; undefined where it is none. */
function operand(r: Ref): Operand | undefined {
  const axes = r.dims.map((d) => d.axis);
  if (r.symbol || r.dims.some((d) => d.axis === undefined || d.step.constant !== 1) || new Set(axes).size !== axes.length) return undefined;
  return { data: r.container, base: r.base, axes: axes as number[], sizes: r.dims.map((d) => d.size) };
}
/** The reference with its leading dimensions at an index. */
function at(r: Ref, lead: readonly Expr[]): Ref {
  const base = [...r.base];
  lead.forEach((e, k) => { const d = r.dims[k]!; if (d.axis !== undefined) base[d.axis] = plus(base[d.axis]!, e, d.step); });
  return { ...r, base, dims: r.dims.slice(lead.length) };
}
const plus = (a: Expr, e: Expr, step: Expr): Expr => add(a, mul(e, step));

// ---- products ----

/** alpha·A·B + beta·C over matrices, vectors and batches, with NumPy's rules for ranks. */
function product(s: StateLowering, n: LibraryNode): void {
  const { l } = s, c = output(s, n, "_c");
  let a = input(s, n, "_a"), b = input(s, n, "_b");
  if (n.className !== "MatMul" || a.dims.length > 2 || b.dims.length > 2) {
    if (n.attributes["transA"] === true) a = flipped(a);
    if (n.attributes["transB"] === true) b = flipped(b);
  }
  // Vectors come with the rank of their memlet; where that does not fit the result, dimensions of size 1 are no dimensions.
  if (a.dims.length + b.dims.length > 2 && c.ref.dims.length <= 2) { if (a.dims.length > 2) a = large(a); if (b.dims.length > 2) b = large(b); }
  const alpha = factor(s, n, "alpha", 1), beta = factor(s, n, "beta", 0), d = dtypeOf(s, c.ref), work = [a, b].map((r) => dtypeOf(s, r)).reduce(common);
  const p: Ref = a.dims.length === 1 ? { ...a, dims: [none, a.dims[0]!] } : a, q: Ref = b.dims.length === 1 ? { ...b, dims: [b.dims[0]!, none] } : b;
  const [m, k] = p.dims.slice(-2), [k2, w] = q.dims.slice(-2);
  if (!m || !k || !k2 || !w) return l.refuse("a product of numbers", n);
  same(s, k.size, k2.size, `the product ${n.label}`);
  const lead = Math.max(p.dims.length, q.dims.length) - 2;
  const batch = (r: Ref): readonly (Dim | undefined)[] => Array.from({ length: lead }, (_, i) => r.dims[i - (lead - (r.dims.length - 2))]);
  const sizes = batch(p).map((x, i) => { const y = batch(q)[i]; if (x && y && x.size.constant !== 1 && y.size.constant !== 1) same(s, x.size, y.size, `the product ${n.label}`); return x && x.size.constant !== 1 ? x.size : y?.size ?? x!.size; });
  const shape = [...sizes, ...(a.dims.length === 1 ? [] : [m.size]), ...(b.dims.length === 1 ? [] : [w.size])];
  let target = c.ref;
  if (target.dims.length !== shape.length) target = large(target);
  const wanted = target.dims.length === shape.length ? shape : shape.filter((e) => e.constant !== 1);
  if (target.dims.length !== wanted.length) l.refuse(`a result of rank ${c.ref.dims.length}`, n);
  wanted.forEach((e, i) => { same(s, e, target.dims[i]!.size, `the result of ${n.label}`); });
  const pick = (full: readonly Expr[]): Expr[] => (wanted === shape ? [...full] : full.filter((_, i) => shape[i]!.constant !== 1));
  const cin = find(s, n, "_c", false) ?? find(s, n, "_cin", false), loc = locOf(n);
  const start = (index: readonly Expr[]): ScalarExpr => {
    if (beta.number === 0) return zero(d);
    const old = read(s, cin?.ref.dims.length === target.dims.length ? cin.ref : target, index, d);
    return beta.number === 1 ? old : op("mul", d, beta.value(d), old);
  };
  const inPlace = beta.number === 1 && (!cin || sameRef(cin.ref, c.ref));
  const plain = c.wcr === undefined && work === d && dtypeOf(s, a) === d && dtypeOf(s, b) === d && shape.length - lead === 2 && wanted === shape && alpha.number !== undefined && !overlaps(s, [a, b], c.ref);
  const x = overlaps(s, [a, b], c.ref) || c.wcr !== undefined ? temporary(s, target, d, n) : target;
  // beta·C first, then the product is added.
  if (x !== target || !inPlace) l.map(x.dims.map((e) => e.size), (index) => { l.store(l.target(x, index), x === target ? start(index) : c.wcr !== undefined ? zero(d) : start(index), { loc }); }, loc);
  l.map(sizes, (index) => {
    const of = (r: Ref): Ref => at(r, batch(r).flatMap((y, i) => (y ? [y.size.constant === 1 ? ZERO : index[i]!] : [])));
    const pa = of(p), qb = of(q);
    if (plain) {
      const t = at(target, index), oa = operand(pa), ob = operand(qb), oc = operand(t);
      // One name for each size, whichever operand says it.
      if (oa && ob && oc) { l.emit({ ...matmulNode({ ...oa, sizes: [m.size, k.size] }, { ...ob, sizes: [k.size, w.size] }, { ...oc, sizes: [m.size, w.size] }, true, alpha.number), ...(loc ? { loc } : {}) }); return; }
    }
    l.map([m.size, k.size, w.size], ([i, r, j]) => {
      const value = op("mul", work, read(s, pa, [i!, r!], work), read(s, qb, [r!, j!], work));
      const scaled = alpha.number === 1 ? value : op("mul", common(work, d), alpha.value(common(work, d)), cast(value, common(work, d)));
      const full = [...index, ...(a.dims.length === 1 ? [] : [i!]), ...(b.dims.length === 1 ? [] : [j!])];
      l.store(l.target(x, pick(full)), cast(scaled, d), { wcr: "sum", loc });
    }, loc);
  }, loc);
  if (x !== target) l.map(target.dims.map((e) => e.size), (index) => { combine(l, l.target(target, index), l.readRef(x, index).code, c.wcr, { loc }); }, loc);
}
const none: Dim = { axis: undefined, step: ZERO, size: ONE, stride: ONE };
function sameRef(a: Ref, b: Ref): boolean { return a.container === b.container && a.base.every((e, i) => e.key === b.base[i]!.key) && a.dims.length === b.dims.length && a.dims.every((d, i) => d.axis === b.dims[i]!.axis && d.step.key === b.dims[i]!.step.key); }
/** May the result share memory with an operand? */
function overlaps(s: StateLowering, ins: readonly Ref[], out: Ref): boolean { return ins.some((r) => !r.symbol && s.l.bufferOf(r.container) === s.l.bufferOf(out.container)); }
function temporary(s: StateLowering, like: Ref, dtype: DType, n: LibraryNode): Ref {
  const { l } = s, name = l.unique("product"), frame = l.frames.at(-1);
  const shape = like.dims.map((d) => l.extent(d.size, n.where));
  l.addContainer({ name, dtype, shape, transient: true });
  if (frame) { frame.locals.push(name); l.homed.add(name); }
  return { container: name, base: shape.map(() => ZERO), dims: like.dims.map((d, axis) => ({ axis, step: ONE, size: d.size, stride: ONE })) };
}

/** y = alpha·A·x + beta·y, as a product of loops. `terms`: the product's factors for (output index, reduction index). */
function contract(s: StateLowering, n: LibraryNode, c: { readonly ref: Ref; readonly wcr: string | undefined }, inputs: readonly Ref[], reduced: readonly Expr[], start: ((index: readonly Expr[], d: DType) => ScalarExpr) | undefined, term: (index: readonly Expr[], r: readonly Expr[], d: DType) => ScalarExpr): void {
  const { l } = s, loc = locOf(n), target = c.ref, d = dtypeOf(s, target), x = overlaps(s, inputs, target) || c.wcr !== undefined ? temporary(s, target, d, n) : target;
  const sizes = target.dims.map((e) => e.size);
  if (start) l.map(sizes, (index) => { l.store(l.target(x, index), start(index, d), { loc }); }, loc);
  else if (x !== target) l.refuse("a result that is also an operand", n);
  l.map([...sizes, ...reduced], (v) => { l.store(l.target(x, v.slice(0, sizes.length)), term(v.slice(0, sizes.length), v.slice(sizes.length), d), { wcr: "sum", loc }); }, loc);
  if (x !== target) l.map(sizes, (index) => { combine(l, l.target(target, index), l.readRef(x, index).code, c.wcr, { loc }); }, loc);
}
function gemv(s: StateLowering, n: LibraryNode): void {
  const y = output(s, n, "_y"), x = large(input(s, n, "_x")), alpha = factor(s, n, "alpha", 1), beta = factor(s, n, "beta", 0);
  let a = input(s, n, "_A");
  if (n.attributes["transA"] === true) a = flipped(a);
  const target = large(y.ref), old = find(s, n, "_y", false)?.ref;
  if (a.dims.length !== 2 || x.dims.length !== 1 || target.dims.length !== 1) s.l.refuse("a matrix-vector product of other ranks", n);
  same(s, a.dims[1]!.size, x.dims[0]!.size, `the product ${n.label}`);
  same(s, a.dims[0]!.size, target.dims[0]!.size, `the result of ${n.label}`);
  contract(s, n, { ref: target, wcr: y.wcr }, [a, x], [a.dims[1]!.size],
    (i, d) => (beta.number === 0 ? zero(d) : op("mul", d, beta.value(d), read(s, old ? large(old) : target, i, d))),
    (i, r, d) => { const v = op("mul", d, read(s, a, [i[0]!, r[0]!], d), read(s, x, r, d)); return alpha.number === 1 ? v : op("mul", d, alpha.value(d), v); });
}
function dot(s: StateLowering, n: LibraryNode): void {
  const x = large(input(s, n, "_x")), y = large(input(s, n, "_y")), r = output(s, n, "_result"), target = large(r.ref);
  if (x.dims.length > 1 || y.dims.length !== x.dims.length || target.dims.length > 0) s.l.refuse("a dot product of other ranks", n);
  if (x.dims[0]) same(s, x.dims[0].size, y.dims[0]!.size, `the product ${n.label}`);
  contract(s, n, { ref: target, wcr: r.wcr }, [x, y], x.dims.map((d) => d.size), (_, d) => zero(d), (_, k, d) => op("mul", d, read(s, x, k, d), read(s, y, k, d)));
}
/** res = A + alpha·x·yᵀ */
function ger(s: StateLowering, n: LibraryNode): void {
  const x = large(input(s, n, "_x")), y = large(input(s, n, "_y")), a = input(s, n, "_A"), r = output(s, n, "_res"), alpha = factor(s, n, "alpha", 1), { l } = s;
  if (x.dims.length !== 1 || y.dims.length !== 1 || a.dims.length !== 2 || r.ref.dims.length !== 2) l.refuse("an outer product of other ranks", n);
  if (overlaps(s, [x, y], r.ref)) l.refuse("a result that is also an operand", n);
  const d = dtypeOf(s, r.ref);
  l.map(r.ref.dims.map((e) => e.size), (index) => {
    const [i, j] = index, v = op("mul", d, read(s, x, [i!], d), read(s, y, [j!], d));
    combine(l, l.target(r.ref, index), op("add", d, read(s, a, index, d), alpha.number === 1 ? v : op("mul", d, alpha.value(d), v)), r.wcr, { loc: locOf(n) });
  }, locOf(n));
}
/** res = a·x + y */
function axpy(s: StateLowering, n: LibraryNode): void {
  const x = large(input(s, n, "_x")), y = large(input(s, n, "_y")), r = output(s, n, "_res"), target = large(r.ref), a = factor(s, n, "a", 1), { l } = s, d = dtypeOf(s, target);
  if (x.dims.length !== target.dims.length || y.dims.length !== target.dims.length) l.refuse("operands of different ranks", n);
  l.map(target.dims.map((e) => e.size), (index) => { combine(l, l.target(target, index), op("add", d, op("mul", d, a.value(d), read(s, x, index, d)), read(s, y, index, d)), r.wcr, { loc: locOf(n) }); }, locOf(n));
}

// ---- reductions and transpositions ----

function reduce(s: StateLowering, n: LibraryNode): void {
  const { l } = s, a = only(s, n, false).ref, r = only(s, n, true), loc = locOf(n), rank = a.dims.length;
  const text = textOf(n.attributes["wcr"]) ?? l.refuse("a reduction without a function", n), identity = n.attributes["identity"];
  const raw = n.attributes["axes"], axes = new Set(Array.isArray(raw) ? (raw as number[]).map((x) => (x < 0 ? x + rank : x)) : a.dims.map((_, i) => i));
  const kept = a.dims.flatMap((_, i) => (axes.has(i) ? [] : [i])), d = dtypeOf(s, r.ref);
  // The result has the kept dimensions, or all of them with the reduced ones of size 1.
  let target = r.ref, place: (index: readonly Expr[]) => Expr[] = (index) => kept.map((i) => index[i]!);
  if (target.dims.length === rank && kept.length < rank && target.dims.every((x, i) => !axes.has(i) || x.size.constant === 1)) place = (index) => index.map((e, i) => (axes.has(i) ? ZERO : e));
  else if (target.dims.length !== kept.length) {
    target = large(target);
    const big = kept.filter((i) => a.dims[i]!.size.constant !== 1);
    if (target.dims.length !== big.length) l.refuse(`a reduction of ${rank} dimensions over ${axes.size} into ${r.ref.dims.length}`, n);
    place = (index) => big.map((i) => index[i]!);
  }
  const named = place(a.dims.map((x) => x.size));
  target.dims.forEach((x, i) => { if (x.size.constant !== 1 || named[i]!.constant !== undefined) { if (named[i] !== ZERO) same(s, named[i]!, x.size, `the result of ${n.label}`); } });
  if (overlaps(s, [a], target)) l.refuse("a reduction into its own operand", n);
  const sizes = target.dims.map((x) => x.size);
  if (identity !== undefined && identity !== null && identity !== "None") {
    const k = identityValue(identity) ?? l.refuse(`the identity ${JSON.stringify(identity)} of a reduction`, n);
    l.map(sizes, (index) => { l.store(l.target(target, index), constant(k, d, isComplex(d) ? 0 : undefined), { loc }); }, loc);
  }
  void combination(l, text, d);
  // Kept dimensions outside, reduced ones inside.
  const order = [...kept, ...axes];
  l.map(order.map((i) => a.dims[i]!.size), (v) => {
    const index = a.dims.map((_, i) => v[order.indexOf(i)]!);
    combine(l, l.target(target, place(index)), l.readRef(a, index).code, text, { loc });
  }, loc);
}
const textOf = (x: unknown): string | undefined => (typeof x === "string" ? x : undefined);
function identityValue(x: unknown): number | boolean | undefined {
  if (typeof x === "number" || typeof x === "boolean") return x;
  if (typeof x !== "string") return undefined;
  const t = x.trim();
  if (t === "True" || t === "False") return t === "True";
  const k = t === "inf" ? Infinity : t === "-inf" ? -Infinity : Number(t.replace(/^(dace\.)?(float64|float32|int64|int32)\((.*)\)$/, "$3"));
  return Number.isNaN(k) ? undefined : k;
}

function transpose(s: StateLowering, n: LibraryNode, axes: unknown): void {
  const { l } = s, named = (find(s, n, "_inp", false) ?? find(s, n, "_inp_tensor", false))?.ref ?? only(s, n, false).ref, r = find(s, n, "_out", true) ?? find(s, n, "_out_tensor", true) ?? only(s, n, true);
  const order = Array.isArray(axes) && axes.length > 0 ? (axes as number[]) : named.dims.map((_, i) => named.dims.length - 1 - i);
  const alpha = factor(s, n, "alpha", 1), beta = factor(s, n, "beta", 0), d = dtypeOf(s, r.ref), loc = locOf(n);
  if (r.ref.dims.length !== order.length || named.dims.length !== order.length) l.refuse(`a transposition of ${named.dims.length} dimensions into ${r.ref.dims.length}`, n);
  order.forEach((axis, i) => { same(s, named.dims[axis]!.size, r.ref.dims[i]!.size, `the result of ${n.label}`); });
  if (overlaps(s, [named], r.ref)) l.refuse("a transposition in place", n);
  l.map(r.ref.dims.map((x) => x.size), (index) => {
    const source = named.dims.map((_, axis) => index[order.indexOf(axis)]!);
    let v = l.readRef(named, source).code;
    if (alpha.number !== 1) v = op("mul", d, alpha.value(d), cast(v, d));
    if (beta.number !== 0) v = op("add", d, cast(v, d), op("mul", d, beta.value(d), read(s, r.ref, index, d)));
    combine(l, l.target(r.ref, index), v, r.wcr, { loc });
  }, loc);
}
