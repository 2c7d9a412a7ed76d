/** Putting values into containers: materialising expressions, stores with broadcasting and casts, and the overlap test before each. */
import type { DType } from "../../base/dtypes.js";
import type { SourceLoc } from "../../base/errors.js";
import { InternalError } from "../../base/errors.js";
import { cast, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Memlet, Wcr } from "../../sdfg/nodes.js";
import { type Expr, ONE, ZERO, add, addInt, int, load, loadedContainers, mapAtoms, mul, sub, sym } from "../../symbolic/expr.js";
import { rangeFacts } from "../../symbolic/prove.js";
import { eq, ge, infeasible } from "../../symbolic/system.js";
import type { Lowering } from "./context.js";
import { rowsOf } from "./grown.js";
import { sameSize } from "./shapes.js";
import { type Arrayish, type ArrayValue, type LazyValue, type ScalarValue, type Value, describe, formatShape, indexOf, isArray, shapeOf } from "./value.js";

export interface MaterialiseOptions { readonly label?: string; readonly dtype?: DType; readonly loc?: SourceLoc; readonly copy?: boolean }

/** A container (or a view of one) that holds the value. An array is itself unless a copy or another dtype is asked for. */
export function materialise(ctx: Lowering, v: Arrayish | ScalarValue, options: MaterialiseOptions = {}): ArrayValue {
  const dtype = options.dtype ?? v.dtype, at = options.loc ? { loc: options.loc } : {};
  if (v.kind === "array" && !options.copy && dtype === v.dtype) return v;
  const shape = v.kind === "scalar" ? [] : shapeOf(v);
  const out = ctx.allocate(shape, dtype, options.label ?? "tmp", options.loc), from = ctx.body.length;
  ctx.map(shape, (index) => { ctx.tasklet(out.data, indexOf(out, index), element(ctx, v, index), at); }, at);
  if (!options.copy) noteParts(ctx, v, out, from, options.label ?? "what is made of it", options.loc);
  return out;
}

/** A copy of the real or imaginary parts of an array is a view in NumPy. */
export function noteParts(ctx: Lowering, v: Value, copy: ArrayValue, from: number, name: string, loc: SourceLoc | undefined): void {
  if (v.kind === "lazy" && v.part) ctx.aliasCopies.push({ copy: ctx.bufferOf(copy.data), sources: [ctx.bufferOf(v.part.source.data)], nodes: ctx.body.slice(from).map((n) => n.id), loc, what: name, part: v.part.name });
}
/** A fresh scalar container that holds the value now. */
export function toScalarContainer(ctx: Lowering, v: ScalarValue, loc?: SourceLoc, label = "s"): ArrayValue {
  const out = ctx.allocate([], v.dtype, label, loc);
  ctx.single.add(out.data);
  ctx.tasklet(out.data, [], v.code, loc ? { loc } : {});
  return out;
}

/** One element, by an index of the value's own shape. */
export function element(ctx: Lowering, v: Arrayish | ScalarValue, index: readonly Expr[]): ScalarExpr {
  return v.kind === "scalar" ? v.code : v.kind === "array" ? ctx.read(v.data, indexOf(v, index)) : v.at(index);
}

/** What a scalar reads can no longer change: constants, symbols, and scalars that are written once. */
export function isSettled(ctx: Lowering, v: ScalarValue): boolean {
  const settled = (data: string): boolean => ctx.single.has(data);
  const { memlets, loads } = ctx.readsOf(v.code);
  if (!memlets.every((m) => settled(m.data)) || ![...loads].every(settled)) return false;
  return !v.int || [...loadedContainers(v.int)].every(settled);
}

/** The scalar as a value that later writes cannot change, cheap to use more than once. */
export function pin(ctx: Lowering, v: ScalarValue, loc?: SourceLoc, label?: string): ScalarValue {
  const { code } = v;
  if (v.int) {
    const loads = loadedContainers(v.int);
    if (loads.size === 0) return v;
    if ([...loads].every((c) => ctx.single.has(c) || ctx.freeze(c)) && ctx.readsOf(code).memlets.every((m) => ctx.single.has(m.data) || ctx.freeze(m.data))) return v;
    const c = ctx.allocate([], "int64", label ?? "n", loc);
    ctx.single.add(c.data);
    ctx.tasklet(c.data, [], v.dtype === "int64" ? code : symbolic(v.int), loc ? { loc } : {});
    return { ...v, code: cast(ctx.read(c.data, []), v.dtype), int: load(c.data, []) };
  }
  const leaf = code.kind === "cast" ? code.arg : code;
  if (leaf.kind !== "op" && isSettled(ctx, v)) return v;
  const { data } = toScalarContainer(ctx, v, loc, label);
  const { facts, ratio, ...rest } = v;
  void facts; void ratio;
  return { ...rest, code: ctx.read(data, []) };
}

/** An expression of arrays as a view or container whose position later writes to integers cannot change. */
export function settleView(ctx: Lowering, v: ArrayValue, loc?: SourceLoc): ArrayValue {
  const fix = (e: Expr): Expr => mapAtoms(e, (a) => {
    if (a.kind !== "load" || ctx.single.has(a.data) || ctx.freeze(a.data)) return undefined;
    const c = ctx.allocate([], "int64", "n", loc), room = a.index.length === 0 ? ctx.lengths.get(a.data) : undefined;
    ctx.single.add(c.data);
    if (room) ctx.lengths.set(c.data, room);
    ctx.tasklet(c.data, [], symbolic(load(a.data, a.index)), loc ? { loc } : {});
    return load(c.data, []);
  });
  if ([...v.base, ...v.dims.flatMap((d) => [d.size, ...d.steps.map((s) => s.step)])].every((e) => loadedContainers(e).size === 0)) return v;
  return { ...v, base: v.base.map(fix), dims: v.dims.map((d) => ({ size: fix(d.size), steps: d.steps.map((s) => ({ axis: s.axis, step: fix(s.step) })) })) };
}

export interface StoreOptions { readonly wcr?: Wcr }

/** `target[...] (=|wcr)= value`, broadcast and converted, as if the whole right side were evaluated first. */
export function store(ctx: Lowering, target: ArrayValue, value: Value, loc: SourceLoc | undefined, options: StoreOptions = {}): void {
  const at = { ...(loc ? { loc } : {}), ...(options.wcr ? { wcr: options.wcr } : {}) };
  if (value.kind === "grown") value = rowsOf(ctx, value, loc);
  if (value.kind === "tuple" || value.kind === "list") { storeItems(ctx, target, value.items, loc, options); return; }
  if (value.kind !== "scalar" && !isArray(value)) ctx.fail("TYPE", `${describe(value)} cannot be stored in an array`, loc);
  const shape = shapeOf(target);
  const right = value.kind === "scalar" ? undefined : broadcastTo(ctx, value, shape, loc);
  const code = (index: readonly Expr[]): ScalarExpr => (right ? right(index) : (value as ScalarValue).code);
  if (mayOverlap(ctx, target, code)) {
    const whole: LazyValue = { kind: "lazy", dtype: value.dtype, shape, at: code };
    const temporary = materialise(ctx, shape.length === 0 ? { kind: "scalar", dtype: value.dtype, weak: false, code: code([]) } : whole, loc ? { loc } : {});
    ctx.map(shape, (index) => { ctx.tasklet(target.data, indexOf(target, index), element(ctx, temporary, index), at); }, loc ? { loc } : {});
    return;
  }
  ctx.map(shape, (index) => { ctx.tasklet(target.data, indexOf(target, index), code(index), at); }, loc ? { loc } : {});
}

/** A list on the right: one element (row, …) after the other; all are evaluated first. */
function storeItems(ctx: Lowering, target: ArrayValue, items: readonly Value[], loc: SourceLoc | undefined, options: StoreOptions): void {
  const [first, ...rest] = target.dims;
  if (!first) ctx.fail("SHAPE", "a list cannot be stored in a single element", loc);
  sameSize(ctx, first.size, int(items.length), loc, `a list of ${items.length} cannot be stored in an array of shape ${formatShape(shapeOf(target))}`);
  const evaluated = items.map((x) => (x.kind === "scalar" ? (isSettled(ctx, x) ? x : pin(ctx, x, loc)) : isArray(x) ? materialise(ctx, x, { copy: true, ...(loc ? { loc } : {}) }) : x));
  evaluated.forEach((x, i) => { store(ctx, { ...target, base: indexOf({ ...target, dims: [first] }, [int(i)]), dims: rest }, x, loc, options); });
}

/** The value's element for an index of a larger shape that it is broadcast to. Leading dimensions of size 1 that the shape has not are dropped. */
export function broadcastTo(ctx: Lowering, v: Arrayish, shape: readonly Expr[], loc: SourceLoc | undefined): (index: readonly Expr[]) => ScalarExpr {
  const own = shapeOf(v), extra = own.length - shape.length;
  const message = (): string => `an array of shape ${formatShape(own)} does not fit into one of shape ${formatShape(shape)}`;
  for (let d = 0; d < extra; d++) if (own[d]!.constant !== 1) sameSize(ctx, own[d]!, ONE, loc, message());
  const from: (number | undefined)[] = own.map((size, d) => {
    const k = d - extra;
    if (k < 0 || size.constant === 1) return undefined;
    sameSize(ctx, size, shape[k]!, loc, message());
    return k;
  });
  return (index) => element(ctx, v, from.map((k) => (k === undefined ? ZERO : index[k]!)));
}

let probes = 0;

/** May an element that one iteration of the store reads be written by another one? */
function mayOverlap(ctx: Lowering, target: ArrayValue, code: (index: readonly Expr[]) => ScalarExpr): boolean {
  const shape = shapeOf(target);
  const names = shape.map(() => `?i${probes++}`), twins = names.map((n) => `${n}'`);
  const index = names.map(sym), other = new Map(names.map((n, d) => [n, sym(twins[d]!)]));
  const { memlets, loads } = ctx.readsOf(code(index));
  const buffer = ctx.bufferOf(target.data);
  if ([...loads].some((c) => ctx.bufferOf(c) === buffer)) return true;
  const reads = memlets.filter((m) => ctx.bufferOf(m.data) === buffer);
  if (reads.length === 0) return false;
  const write: Memlet = { data: target.data, index: indexOf(target, index) };
  const range = (vars: readonly string[]): Expr[] => shape.flatMap((size, d) => rangeFacts({ variable: vars[d]!, begin: ZERO, end: size }));
  const facts = ctx.facts.with(...range(names), ...range(twins));
  return reads.some((r) => {
    // The element that is written, read by the same iteration: before the write.
    if (r.data === write.data && r.index.every((e, d) => e.key === write.index[d]!.key)) return false;
    if (shape.length === 0) return false;
    const moved: Memlet = { data: r.data, index: r.index.map((e) => replace(e, other)) };
    const same = meeting(ctx, write, moved);
    if (!same) return false;
    if (infeasible(same, facts)) return false;
    return index.some((i, d) => {
      const j = sym(twins[d]!);
      return !infeasible([...same, ge(addInt(sub(j, i), -1))], facts) || !infeasible([...same, ge(addInt(sub(i, j), -1))], facts);
    });
  });
}
function replace(e: Expr, map: ReadonlyMap<string, Expr>): Expr {
  return mapAtoms(e, (a) => (a.kind === "symbol" ? map.get(a.name) : undefined));
}
/** Constraints that hold where two elements are one; undefined if they never are. */
function meeting(ctx: Lowering, a: Memlet, b: Memlet): ReturnType<typeof eq>[] | undefined {
  if (a.data !== b.data) return [eq(sub(flat(ctx, a), flat(ctx, b)))];
  const out: ReturnType<typeof eq>[] = [];
  for (let d = 0; d < a.index.length; d++) {
    const e = sub(a.index[d]!, b.index[d]!), k = e.constant;
    if (k !== undefined && k !== 0) return undefined;
    if (k === undefined) out.push(eq(e));
  }
  return out;
}
function flat(ctx: Lowering, m: Memlet): Expr {
  const c = ctx.container(m.data);
  const e = m.index.reduce<Expr>((sum, x, d) => add(d === 0 ? ZERO : mul(sum, c.shape[d]!), x), ZERO);
  return c.view ? add(e, c.view.offset) : e;
}

/** A value that later writes cannot change. */
export function settled(ctx: Lowering, v: Value, loc: SourceLoc): Value {
  if (v.kind === "scalar") return pin(ctx, v, loc);
  if (v.kind === "lazy") return settleView(ctx, materialise(ctx, v, { loc }), loc);
  return v.kind === "array" ? settleView(ctx, v, loc) : v;
}
/** A copy of an array in a container of its own, or an InternalError for what is no array. */
export function copyOf(ctx: Lowering, v: Value, loc?: SourceLoc, label?: string): ArrayValue {
  if (v.kind !== "scalar" && !isArray(v)) throw new InternalError(`a copy of ${describe(v)}`);
  return materialise(ctx, v, { copy: true, ...(loc ? { loc } : {}), ...(label ? { label } : {}) });
}
