/**
 * Lists that loops make longer. Such a list lies in a container with a row per element, as many as the loops around its appends can make; its length is an integer expression
 * where every iteration adds equally many, else a number that the run counts. What kind of element, how long and how many are found by trying: the lowering starts again
 * with what it learnt. The elements are copies: where the source keeps references, `evaluate/aliases.ts` proves that the difference is not seen.
 */
import { isInteger, promote, type DType } from "../../base/dtypes.js";
import type { SourceLoc } from "../../base/errors.js";
import { cast, constant, op, symbolic } from "../../scalar/expr.js";
import { type Expr, ONE, ZERO, add, addInt, int, load, max, min, mul, sub } from "../../symbolic/expr.js";
import { nonNegative } from "../../symbolic/prove.js";
import { growNode } from "../../library/grow.js";
import { entryBound, knownOnEntry } from "./bounds.js";
import { type Lowering, Poisoned, Restart } from "./context.js";
import { runCheck, sameSize } from "./shapes.js";
import { materialise, store, toScalarContainer } from "./store.js";
import { type Arrayish, type ArrayValue, type GrownValue, type ScalarValue, type TupleValue, type Value, describe, formatShape, indexOf, isArray, shapeOf } from "./value.js";

/** What is known of a list from earlier tries, by where it starts to grow. */
export interface LearntList {
  element?: { readonly shape: readonly Expr[]; readonly dtype: DType; readonly weak: boolean; readonly integral: boolean };
  /** Elements that an iteration of a loop adds: exactly, and at most. */
  readonly by: Map<string, Expr>;
  readonly most: Map<string, Expr>;
  /** The run counts. */
  counted: boolean;
  /** It grows in a loop that ends when the run says: its container grows with it. */
  unbounded?: boolean;
  /** Elements are taken out of it. */
  shorter?: boolean;
  capacity?: Expr;
}
function learntOf(ctx: Lowering, g: GrownValue): LearntList {
  let l = ctx.learnt.lists.get(g.key);
  if (!l) ctx.learnt.lists.set(g.key, l = { by: new Map(), most: new Map(), counted: false });
  return l;
}

/** The list, from here on in a container. `key`: where it starts to grow; `loop`: the loop in which. */
export function grownOf(ctx: Lowering, list: TupleValue, key: string, loop: string, label: string, loc: SourceLoc, array = false): GrownValue {
  const l = ctx.learnt.lists.get(key), g: GrownValue = { kind: "grown", key, loop, label, items: list.items.length, ...(array ? { array } : {}), state: { length: ZERO, most: ZERO, sealed: false, atTop: ctx.body === ctx.top } };
  ctx.grown.add(g);
  if (l?.element && l.unbounded) growing(ctx, g, l.element, label, loc);
  else if (l?.element) {
    const room = l.capacity ?? ONE;
    g.state.data = ctx.allocate([room, ...l.element.shape], l.element.dtype, label, loc);
    if (l.counted) {
      const c = ctx.allocate([], "int64", `${label}_length`, loc);
      ctx.tasklet(c.data, [], constant(0, "int64"), { loc });
      ctx.lengths.set(c.data, room);
      g.state.counter = c.data;
    }
  }
  for (const x of list.items) append(ctx, g, x, loc);
  return g;
}

/** An array that a loop makes longer, from here on in such a container. */
export function grownArray(ctx: Lowering, v: ArrayValue, key: string, loop: string, label: string, loc: SourceLoc): GrownValue {
  if (!ctx.learnt.lists.has(key)) ctx.learnt.lists.set(key, { by: new Map(), most: new Map(), counted: false, element: { shape: shapeOf(v).slice(1), dtype: v.dtype, weak: false, integral: false } });
  const g = grownOf(ctx, { kind: "list", items: [] }, key, loop, label, loc, true);
  extendBy(ctx, g, v, `${key}+`, loc);
  return g;
}
/** Appends the parts of an array along its first dimension. `key`: where. */
export function extendBy(ctx: Lowering, g: GrownValue, v: Arrayish, key: string, loc: SourceLoc): void {
  const n = shapeOf(v)[0]!, rank = shapeOf(v).length - 1, whole = v.kind === "lazy" ? materialise(ctx, v, { loc }) : v;
  const row = (i: Expr): ScalarValue | ArrayValue => {
    const at: ArrayValue = { ...whole, base: indexOf({ ...whole, dims: whole.dims.slice(0, 1) }, [i]), dims: whole.dims.slice(1) };
    return rank === 0 ? { kind: "scalar", dtype: v.dtype, weak: false, code: ctx.read(at.data, at.base) } : at;
  };
  if (n.constant !== undefined && n.constant <= 4) { for (let i = 0; i < n.constant; i++) append(ctx, g, row(int(i)), loc); return; }
  const lists = new GrowingIn(ctx, key, false);
  ctx.loop("i", ZERO, n, "up", (i) => { lists.iteration(i, () => { append(ctx, g, row(i), loc); }); }, loc);
  lists.done(n);
}

/** A container that has as many rows as were appended. */
function growing(ctx: Lowering, g: GrownValue, element: Element, label: string, loc: SourceLoc): void {
  const c = ctx.allocate([], "int64", `${label}_length`, loc), shape = [load(c.data, []), ...element.shape];
  ctx.tasklet(c.data, [], constant(0, "int64"), { loc });
  g.state.counter = c.data;
  g.state.data = ctx.whole(ctx.addContainer({ dtype: element.dtype, shape, transient: true, growable: true, label, loc }).name);
}

/** A list of a number of equal numbers: [x] * n. */
export function repeated(ctx: Lowering, x: ScalarValue, n: Expr, loc: SourceLoc): GrownValue | undefined {
  const room = entryBound(ctx, n, "upper"), key = `${loc.line}:${loc.column}|*${room?.key}`;
  if (!room) return undefined;
  const count = nonNegative(n, ctx.facts) === "yes" ? n : max(ZERO, n), g: GrownValue = { kind: "grown", key, loop: key, label: "list", items: 0, state: { length: count, most: count, sealed: false } };
  const l = learntOf(ctx, g);
  l.element ??= typeOfElement(ctx, x);
  if (!l.capacity) l.capacity = nonNegative(room, ctx.facts) === "yes" ? room : max(ZERO, room);
  const data = g.state.data = ctx.allocate([l.capacity], l.element.dtype, "list", loc), from = storedAs(x, l.element) as ScalarValue;
  ctx.grown.add(g);
  ctx.map([count], ([i]) => { ctx.tasklet(data.data, [i!], cast(from.code, data.dtype), { loc }); }, { loc });
  return g;
}

/** An element as it is stored: a number, or an array. */
function elementOf(ctx: Lowering, g: GrownValue, v: Value, loc: SourceLoc): ScalarValue | Arrayish {
  switch (v.kind) {
    case "scalar": case "array": case "lazy": return v;
    case "grown": v.state.sealed = true; return rowsOf(ctx, v, loc);
    case "tuple": case "list": case "sequence": case "masked": {
      const a = ctx.call({ kind: "library", name: ctx.language === "python" ? "np.array" : "Float64Array" }, [v], new Map(), loc);
      if (isArray(a)) return a;
      break;
    }
    default:
  }
  return misfit(ctx, g, describe(v), loc);
}

/** What the loop does with the list does not fit one container: if its iterations can be written out, they are. */
function misfit(ctx: Lowering, g: GrownValue, what: string, loc: SourceLoc): never {
  if (ctx.learnt.unrollable.has(g.loop) && !ctx.learnt.unroll.has(g.loop)) { ctx.learnt.unroll.add(g.loop); throw new Restart(); }
  return ctx.unsupported(`a list that grows in a loop and holds ${what}`, loc, "use lists of numbers or of arrays of one shape, or a list for each kind");
}

export function append(ctx: Lowering, g: GrownValue, v: Value, loc: SourceLoc): void {
  const l = learntOf(ctx, g), s = g.state, x = elementOf(ctx, g, v, loc), shape = x.kind === "scalar" ? [] : shapeOf(x);
  if (s.sealed) ctx.unsupported("appending to a list that another list holds", loc, "append it when it is complete");
  const own = typeOfElement(ctx, x);
  if (!l.element) {
    if (shape.some((e) => !knownOnEntry(ctx, e))) misfit(ctx, g, "arrays whose size changes from iteration to iteration", loc);
    l.element = own;
    throw new Restart();
  }
  const e = l.element;
  if (e.shape.length !== shape.length) misfit(ctx, g, `arrays of shapes ${formatShape(e.shape)} and ${formatShape(shape)}`, loc);
  const dtype = joined(e, own);
  if (dtype !== e.dtype || (e.weak && !own.weak) || (e.integral && !own.integral)) { l.element = { ...e, dtype, weak: e.weak && own.weak, integral: e.integral && own.integral }; throw new Restart(); }
  shape.forEach((size, d) => {
    if (size.key !== e.shape[d]!.key && sub(size, e.shape[d]!).constant !== undefined) misfit(ctx, g, `arrays of shapes ${formatShape(e.shape)} and ${formatShape(shape)}`, loc);
    sameSize(ctx, e.shape[d]!, size, loc, `a list that grows in a loop holds arrays of shapes ${formatShape(e.shape)} and ${formatShape(shape)}`);
  });
  s.most = addInt(s.most, 1);
  if (l.unbounded) {
    const more = load(s.counter!, []);
    ctx.tasklet(s.counter!, [], op("add", "int64", ctx.read(s.counter!, []), constant(1, "int64")), { loc });
    ctx.emit(growNode(s.data!.data, ctx.container(s.data!.data), more));
    storeRow(ctx, g, addInt(more, -1), x, e, loc);
    return;
  }
  const at = s.counter === undefined ? s.length : load(s.counter, []);
  const needed = entryBound(ctx, s.most, "upper");
  if (!needed) return ctx.unsupported("a list that grows in a loop whose number of iterations only the run knows", loc, "give the loop a bound, for k in range(most), and leave it with break");
  if (!l.capacity || nonNegative(sub(l.capacity, needed), ctx.facts) !== "yes") {
    const both = l.capacity && nonNegative(sub(needed, l.capacity), ctx.facts) !== "yes" ? max(l.capacity, needed) : needed;
    if (both.key !== l.capacity?.key) { l.capacity = both; throw new Restart(); }
  }
  storeRow(ctx, g, at, x, e, loc);
  if (s.counter !== undefined) ctx.tasklet(s.counter, [], op("add", "int64", ctx.read(s.counter, []), constant(1, "int64")), { loc });
  else s.length = addInt(s.length, 1);
}

function storeRow(ctx: Lowering, g: GrownValue, at: Expr, x: ScalarValue | Arrayish, e: Element, loc: SourceLoc): void {
  const data = g.state.data!, row: ArrayValue = { ...data, base: [at, ...data.base.slice(1)], dims: data.dims.slice(1) }, from = ctx.body.length;
  store(ctx, row, storedAs(x, e), loc);
  ctx.appended(row, g.array ? numberZero : x, from, g.label, loc);
}

/**
 * JavaScript's a[i] = v, which adds an element where i is a.length. As long as nothing is known of the list, what is stored first beyond its elements is taken for that;
 * the next try, which knows how the list grows, compares.
 */
export function storeElement(ctx: Lowering, g: GrownValue, at: Expr, v: Value, loc: SourceLoc, inside: () => Expr): void {
  const l = learntOf(ctx, g), s = g.state;
  if (s.counter === undefined && at.key === s.length.key) { append(ctx, g, v, loc); return; }
  if (s.counter === undefined && l.most.size === 0 && ctx.scopes.length > 0 && nonNegative(addInt(sub(s.length, at), -1), ctx.facts) !== "yes") {
    if (s.most.constant === g.items) append(ctx, g, v, loc); else s.skipped = loc;
    return;
  }
  setElement(ctx, g, inside(), v, loc);
}
/** At the end of a try: what was put off until more was known of a list has been done. */
export function checkLists(ctx: Lowering): void {
  for (const g of ctx.grown) if (g.state.skipped) ctx.unsupported(`storing to a place of the list ${g.label} that may not be there`, g.state.skipped, "use push, or a typed array");
}
/** Puts another element in a place that is there. */
export function setElement(ctx: Lowering, g: GrownValue, at: Expr, v: Value, loc: SourceLoc): void {
  const l = learntOf(ctx, g), x = elementOf(ctx, g, v, loc), e = l.element!, shape = x.kind === "scalar" ? [] : shapeOf(x);
  if (shape.length !== e.shape.length) misfit(ctx, g, `arrays of shapes ${formatShape(e.shape)} and ${formatShape(shape)}`, loc);
  shape.forEach((size, d) => { sameSize(ctx, e.shape[d]!, size, loc, `a list holds arrays of shapes ${formatShape(e.shape)} and ${formatShape(shape)}`); });
  const own = typeOfElement(ctx, x), dtype = joined(e, own);
  if (dtype !== e.dtype || (e.weak && !own.weak) || (e.integral && !own.integral)) { l.element = { ...e, dtype, weak: e.weak && own.weak, integral: e.integral && own.integral }; throw new Restart(); }
  storeRow(ctx, g, at, x, e, loc);
}
type Element = NonNullable<LearntList["element"]>;
function typeOfElement(ctx: Lowering, x: ScalarValue | Arrayish): Element {
  // A JavaScript number that is known to be an integer stays one: it may be an index.
  const integral = ctx.language === "javascript" && x.kind === "scalar" && x.dtype === "float64" && x.int !== undefined;
  return { shape: x.kind === "scalar" ? [] : shapeOf(x), dtype: integral ? "int64" : x.dtype, weak: x.kind === "scalar" && x.weak, integral };
}
function joined(a: Element, b: Element): DType { return a.integral === b.integral ? promote(a.dtype, b.dtype) : "float64"; }
function storedAs(x: ScalarValue | Arrayish, e: Element): ScalarValue | Arrayish { return x.kind === "scalar" && e.integral ? { ...x, dtype: "int64", code: symbolic(x.int!) } : x; }

/** Stands for what moves from row to row: no new reference. */
const numberZero: ScalarValue = { kind: "scalar", dtype: "float64", weak: true, code: constant(0, "float64") };
/** Takes the last element, or the first one, out of the list, and gives it. */
export function taken(ctx: Lowering, g: GrownValue, first: boolean, loc: SourceLoc): Value {
  const s = g.state;
  const l = learntOf(ctx, g);
  if (!l.shorter) { l.shorter = true; throw new Restart(); }
  if (s.sealed) ctx.unsupported("taking an element out of a list that another list holds", loc, "take it out before");
  if (s.data && s.counter === undefined) decidedByRun(ctx, g);
  const rows = rowsOf(ctx, g, loc), n = shapeOf(rows)[0]!, last = addInt(n, -1), { counter } = s;
  if (nonNegative(last, ctx.facts) !== "yes") runCheck(ctx, op("lt", "bool", symbolic(n), constant(1, "int64")), `an element of the list ${g.label}, which is empty`, loc);
  const at = (i: Expr): ArrayValue => ({ ...rows, base: [i, ...rows.base.slice(1)], dims: rows.dims.slice(1) });
  let v: Value;
  if (rows.dims.length === 1) {
    const c = toScalarContainer(ctx, { kind: "scalar", dtype: rows.dtype, weak: false, code: ctx.read(rows.data, [first ? ZERO : last]) }, loc, g.label);
    v = elementRead(ctx, g, { kind: "scalar", dtype: rows.dtype, weak: false, code: ctx.read(c.data, []), ...(isInteger(rows.dtype) ? { int: load(c.data, []) } : {}) });
  } else v = materialise(ctx, at(first ? ZERO : last), { copy: true, label: g.label, loc });
  // The others move up.
  const next = (i: Expr): ScalarValue | ArrayValue => (rows.dims.length === 1 ? { kind: "scalar", dtype: rows.dtype, weak: false, code: ctx.read(rows.data, [addInt(i, 1)]) } : at(addInt(i, 1)));
  if (first) ctx.loop("i", ZERO, last, "up", (i) => { const from = ctx.body.length; store(ctx, at(i), next(i), loc); ctx.appended(at(i), numberZero, from, g.label, loc); }, loc);
  ctx.tasklet(counter!, [], op("sub", "int64", ctx.read(counter!, []), constant(1, "int64")), { loc });
  return v;
}

/** How many elements there are now. */
export function lengthOf(ctx: Lowering, g: GrownValue, loc: SourceLoc | undefined): Expr {
  const { counter, length } = g.state;
  if (counter === undefined) return length;
  const room = ctx.lengths.get(counter), c = ctx.allocate([], "int64", "length", loc);
  ctx.tasklet(c.data, [], symbolic(load(counter, [])), loc ? { loc } : {});
  ctx.single.add(c.data);
  ctx.frozen.add(c.data);
  const now = load(c.data, []);
  if (!room) { ctx.facts = ctx.facts.with(learntOf(ctx, g).shorter ? now : addInt(now, -g.items)); return now; }
  ctx.lengths.set(c.data, room);
  ctx.facts = ctx.facts.with(now, sub(room, now));
  return min(room, now);
}
/** The elements as they lie in the container. */
export function rowsOf(ctx: Lowering, g: GrownValue, loc: SourceLoc | undefined): ArrayValue {
  const { data } = g.state;
  if (!data) return unknownYet(ctx, g, loc);
  return { ...data, dims: [{ ...data.dims[0]!, size: lengthOf(ctx, g, loc) }, ...data.dims.slice(1)] };
}
function unknownYet(ctx: Lowering, g: GrownValue, loc: SourceLoc | undefined): never {
  // Before anything was appended in this try; what is appended later in the loop may tell.
  if (ctx.scopes.length === 0 && ctx.body === ctx.top) return ctx.unsupported(`reading from the list ${g.label}, to which nothing was appended`, loc);
  g.state.asked = loc;
  throw new Poisoned();
}
/** It holds JavaScript numbers that are integers. */
export function isIntegral(ctx: Lowering, g: GrownValue): boolean { return ctx.learnt.lists.get(g.key)?.element?.integral ?? false; }
/** A copy of the elements, as np.array makes one. */
export function arrayOfGrown(ctx: Lowering, g: GrownValue, loc: SourceLoc | undefined): Arrayish {
  const rows = rowsOf(ctx, g, loc), at = loc ? { loc } : {};
  if (isIntegral(ctx, g)) return materialise(ctx, { kind: "lazy", dtype: "float64", shape: shapeOf(rows), at: (i) => cast(ctx.read(rows.data, [...i]), "float64") }, { label: g.label, ...at });
  return materialise(ctx, rows, { copy: true, label: g.label, ...at });
}
/** An element that was read, as the language sees it. */
export function elementRead(ctx: Lowering, g: GrownValue, v: Value): Value {
  const e = ctx.learnt.lists.get(g.key)?.element;
  if (v.kind !== "scalar" || !e) return v;
  if (e.integral && v.int) return { kind: "scalar", dtype: "float64", weak: true, code: cast(symbolic(v.int), "float64"), int: v.int };
  return isInteger(v.dtype) || !e.weak ? { ...v, weak: e.weak } : { ...v, weak: true };
}

/** An append where the run decides whether it happens: the run counts. */
export function decidedByRun(ctx: Lowering, g: GrownValue): void {
  const l = learntOf(ctx, g);
  if (!l.counted) { l.counted = true; throw new Restart(); }
}

interface Before { readonly g: GrownValue; readonly length: Expr; readonly most: Expr }
/** The lists that there are before an arm or a loop. */
export function lengthsNow(ctx: Lowering): readonly Before[] { return [...ctx.grown].map((g) => ({ g, length: g.state.length, most: g.state.most })); }
/** After an arm: what it appended, the run counts. */
export function afterArm(ctx: Lowering, before: readonly Before[]): void {
  for (const b of before) if (b.g.state.counter === undefined && b.g.state.length.key !== b.length.key) decidedByRun(ctx, b.g);
}
/** After a function that is evaluated once for all of a number of elements. */
export function unchangedLists(ctx: Lowering, before: readonly Before[], loc: SourceLoc): void {
  for (const b of before) if (b.g.state.most.key !== b.most.key) ctx.unsupported("a function that appends to a list around it, called for each of a number of elements", loc, "write a loop");
}

/** Lists in a loop of a number of iterations. `left`: it may be left early. */
export class GrowingIn {
  readonly #before: readonly Before[];
  constructor(readonly ctx: Lowering, readonly key: string, readonly left: boolean) { this.#before = lengthsNow(ctx); }
  /** Runs iteration t. */
  iteration<T>(t: Expr, f: () => T): T {
    const { ctx, key } = this;
    for (const { g, length, most } of this.#before) {
      const l = learntOf(ctx, g);
      if (l.unbounded) continue;
      g.state.length = add(length, mul(l.by.get(key) ?? ZERO, t));
      g.state.most = add(most, mul(l.most.get(key) ?? ZERO, t));
    }
    const start = this.#before.map(({ g }) => ({ ...g.state })), errors = ctx.errors.length, r = f(), whole = ctx.errors.length === errors && this.#before.every(({ g }) => g.state.asked === undefined);
    this.#before.forEach(({ g, length, most }, i) => {
      const l = learntOf(ctx, g);
      if (l.unbounded) return;
      const by = l.by.get(key) ?? ZERO, upTo = l.most.get(key) ?? ZERO, added = sub(g.state.length, start[i]!.length), more = sub(g.state.most, start[i]!.most);
      // What went wrong in the body may have been an append, or something before one.
      if (g.state.counter === undefined && added.key !== by.key && (whole || !l.by.has(key))) {
        if (this.left || !knownOnEntry(ctx, added) || l.by.has(key)) l.counted = true; else l.by.set(key, added);
        throw new Restart();
      }
      if (more.key !== upTo.key && nonNegative(sub(upTo, more), ctx.facts) !== "yes") {
        const most = entryBound(ctx, more, "upper");
        if (!most) ctx.unsupported(`the list ${g.label}, which grows by a number of elements that only the run knows`, undefined, "fill an array of the largest length instead");
        l.most.set(key, l.most.has(key) ? max(upTo, most!) : most!);
        throw new Restart();
      }
      g.state.length = length;
      g.state.most = most;
    });
    return r;
  }
  /** After the loop. */
  done(trip: Expr): void {
    for (const { g, length, most } of this.#before) {
      const l = learntOf(this.ctx, g);
      if (l.unbounded) continue;
      if (!l.element && g.state.asked && g.loop === this.key) this.ctx.unsupported(`reading from the list ${g.label} before anything is appended to it`, g.state.asked, "start it with a first element, or fill an array");
      g.state.length = add(length, mul(l.by.get(this.key) ?? ZERO, trip));
      g.state.most = add(most, mul(l.most.get(this.key) ?? ZERO, trip));
    }
  }
  /** Some list grows in the loop. */
  get any(): boolean { return this.#before.some(({ g }) => learntOf(this.ctx, g).most.has(this.key)); }
}
/** Lists in a loop that ends when the run says. */
export function growingInWhile(ctx: Lowering, key: string, loc: SourceLoc, f: () => void): void {
  const before = lengthsNow(ctx);
  f();
  for (const b of before) {
    const l = learntOf(ctx, b.g);
    if (l.unbounded && b.g.loop === key && !l.element && b.g.state.asked) ctx.unsupported(`reading from the list ${b.g.label} before anything is appended to it`, b.g.state.asked, "start it with a first element, or fill an array");
    if (b.g.state.most.key === b.most.key || l.unbounded) continue;
    if (!b.g.state.atTop) ctx.unsupported(`the list ${b.g.label} growing in a loop whose number of iterations only the run knows, inside of another loop, a branch, or a function that returns early`, loc, "write for k in range(most), with the largest number that may be needed, and leave it with break");
    l.unbounded = l.counted = true;
    throw new Restart();
  }
}
