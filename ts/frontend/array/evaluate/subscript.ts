/** Subscripts: views by integers and slices, gathers by integer arrays, restriction by masks; and stores through each. */
import { isInteger } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, op, type ScalarExpr } from "../../../scalar/expr.js";
import { type Expr, ONE, ZERO, add, addInt, floordiv, int, load, loadedContainers, max, min, mod, mul, neg, scale, sub } from "../../../symbolic/expr.js";
import { nonNegative } from "../../../symbolic/prove.js";
import { symbolic } from "../../../scalar/expr.js";
import { entryBound, knownOnEntry } from "../bounds.js";
import { compressed, positionsOf } from "../compress.js";
import type { Lowering } from "../context.js";
import { elementRead, rowsOf, setElement, storeElement } from "../grown.js";
import { broadcastTo, element, materialise, store } from "../store.js";
import { requireInt, runCheck, toInteger } from "../shapes.js";
import { type Arrayish, type ArrayValue, type LazyValue, type ScalarValue, type SliceValue, type Value, type ViewDim, describe, formatShape, indexOf, isArray, NONE, shapeOf } from "../value.js";
import { broadcastShapes, castTo, elementAt } from "../library/elementwise.js";
import { holds, plausible, speculate } from "../library/integers.js";
import { arrayFromList, elementValue } from "./expressions.js";
import { fieldValue } from "./mutables.js";
import { isPart, readPart, writePart } from "./parts.js";

/** An evaluated part of a subscript. */
export type Item =
  | { readonly kind: "value"; readonly value: Value; readonly loc: SourceLoc }
  | { readonly kind: "slice"; readonly slice: SliceValue; readonly loc: SourceLoc }
  | { readonly kind: "newaxis"; readonly loc: SourceLoc }
  | { readonly kind: "ellipsis"; readonly loc: SourceLoc };

// ---- integers ----

function labelOf(ctx: Lowering, v: ArrayValue): string { const c = ctx.container(v.data); return c.label ?? c.name; }

/** 0 <= e < size, proven, checked on entry, or checked where it runs. */
export function checkIndex(ctx: Lowering, e: Expr, size: Expr, loc: SourceLoc | undefined, what: string, message = `index ${e.key} is out of range for ${what} of size ${size.key}`): void {
  const high = addInt(sub(size, e), -1);
  for (const side of [e, high]) {
    const known = nonNegative(side, ctx.facts);
    if (known === "yes") continue;
    if (known === "no" && knownOnEntry(ctx, side) && ctx.scopes.length === 0 && ctx.body === ctx.top) ctx.fail("BOUNDS", message, loc);
    // The printers check indices that are loaded from data themselves.
    if (loadedContainers(e).size > 0) { if (loadedContainers(size).size === 0) return; runCheck(ctx, op("lt", "bool", symbolic(side), symbolic(ZERO)), message, loc); continue; }
    const corner = entryBound(ctx, side, "lower");
    if (!corner || ctx.signature.checked || (corner.constant === undefined && !plausible(ctx, corner))) { runCheck(ctx, op("lt", "bool", symbolic(side), symbolic(ZERO)), message, loc); continue; }
    if (nonNegative(corner, ctx.facts) === "yes") continue;
    ctx.check({ kind: "bounds", expr: corner, message, ...(loc ? { loc } : {}) });
    if (corner.constant === undefined) ctx.assume(corner);
  }
}

const isNegated = (e: Expr): boolean => e.terms.length > 0 && e.terms.every((t) => t.coefficient < 0);
/** The sign that is known, or taken as the ordinary case: that of -k is minus. */
function signOf(ctx: Lowering, e: Expr, what: string, loc: SourceLoc | undefined): "yes" | "no" | "unknown" {
  const sign = nonNegative(e, ctx.facts);
  if (sign !== "unknown") return sign;
  if (isNegated(e)) return speculate(ctx, addInt(neg(e), -1), `${what} ${e.key} is negative`, loc) ? "no" : "unknown";
  return speculate(ctx, e, `${what} ${e.key} is not negative`, loc) ? "yes" : "unknown";
}
/** size where e < 0, else 0. */
function sizeIfNegative(e: Expr, size: Expr): Expr { return neg(mul(size, max(int(-1), min(ZERO, e)))); }

/** The position that an integer index names: in Python, negative ones (by value) count from the end. Checked to exist. */
export function position(ctx: Lowering, e: Expr, size: Expr, loc: SourceLoc | undefined, what: string): Expr {
  if (ctx.language === "javascript") { checkIndex(ctx, e, size, loc, what); return e; }
  const sign = signOf(ctx, e, "index", loc);
  let at: Expr;
  if (sign === "yes") at = e;
  else if (sign === "no") at = add(e, size);
  else if (loadedContainers(e).size > 0) at = add(e, sizeIfNegative(e, size));
  else {
    // Both signs occur: from the end where negative.
    checkIndex(ctx, add(e, size), scale(size, 2), loc, what, `index ${e.key} is out of range for ${what} of size ${size.key}`);
    return mod(e, size);
  }
  checkIndex(ctx, at, size, loc, what);
  return at;
}

export interface SliceRange { readonly start: Expr; readonly length: Expr; readonly step: Expr }

/** A step that is known on entry is checked there: which way a slice goes must be known when the program is compiled. */
function positiveStep(ctx: Lowering, pace: Expr, step: Expr, loc: SourceLoc | undefined): void {
  const below = addInt(pace, -1), sign = nonNegative(below, ctx.facts);
  if (sign === "yes") return;
  const corner = loadedContainers(pace).size === 0 ? entryBound(ctx, below, "lower") : undefined;
  if (sign === "no" || !corner || nonNegative(corner, ctx.facts) === "no") return ctx.unsupported("a slice whose step may be negative or positive when the program runs", loc, "write the step as a number");
  ctx.check({ kind: "bounds", expr: corner, message: `the slice's step ${step.key} is ${pace === step ? "not positive" : "not negative"}: which way a slice goes must not depend on the run`, ...(loc ? { loc } : {}) });
  if (corner.constant === undefined) ctx.assume(corner);
}

/** Python's slice of an axis of a size: clamped, negative values from the end. */
export function sliceRange(ctx: Lowering, s: SliceValue, size: Expr, loc: SourceLoc | undefined): SliceRange {
  const given = (v: Value | undefined, what: string): Expr | undefined => (v === undefined || v.kind === "none" ? undefined : requireInt(ctx, v, loc, what));
  const step = given(s.step, "a slice's step") ?? ONE, k = step.constant;
  if (k === 0) ctx.fail("TYPE", "a slice with step 0", loc);
  const down = k === undefined ? isNegated(step) : k < 0, pace = down ? neg(step) : step;
  if (k === undefined) positiveStep(ctx, pace, step, loc);
  const first = given(s.start, "a slice's start"), last = given(s.stop, "a slice's end");
  if (!down) {
    const clamp = (x: Expr): Expr => {
      const sign = signOf(ctx, x, "the slice bound", loc);
      if (sign === "yes") return holds(ctx, sub(size, x), `the slice bound ${x.key} is not beyond the size ${size.key}`, loc) ? x : min(x, size);
      if (sign === "no") { const y = add(x, size); return holds(ctx, y, `the slice bound ${x.key} reaches not beyond the start of size ${size.key}`, loc) ? y : max(y, ZERO); }
      return min(max(add(x, sizeIfNegative(x, size)), ZERO), size);
    };
    const start = first ? clamp(first) : ZERO, stop = last ? clamp(last) : size;
    const span = sub(stop, start);
    const whole = holds(ctx, span, `the slice ${start.key}:${stop.key} is not reversed`, loc) ? span : max(span, ZERO);
    return { start, length: k === 1 ? whole : floordiv(addInt(add(whole, step), -1), step), step };
  }
  const top = addInt(size, -1);
  const clamp = (x: Expr): Expr => {
    const sign = nonNegative(x, ctx.facts);
    if (sign === "yes") return holds(ctx, sub(top, x), `the slice bound ${x.key} is not beyond the size ${size.key}`, loc) ? x : min(x, top);
    if (sign === "no") { const y = add(x, size); return holds(ctx, addInt(y, 1), `the slice bound ${x.key} reaches not beyond the start`, loc) ? y : max(y, int(-1)); }
    return min(max(add(x, sizeIfNegative(x, size)), int(-1)), top);
  };
  const start = first ? clamp(first) : top, stop = last ? clamp(last) : int(-1);
  const span = sub(start, stop);
  const whole = holds(ctx, span, `the slice from ${start.key} down to ${stop.key} is not reversed`, loc) ? span : max(span, ZERO);
  return { start, length: k === -1 ? whole : floordiv(addInt(add(whole, pace), -1), pace), step };
}

// ---- resolved subscripts ----

/** What a subscript of an array denotes. `advanced`: index arrays that pick elements along some dimensions of the view. */
export type Place =
  | { readonly kind: "view"; readonly view: ArrayValue }
  /** `at`: the view's first dimension that the mask is about. */
  | { readonly kind: "masked"; readonly view: ArrayValue; readonly mask: Arrayish; readonly at: number }
  | { readonly kind: "gather"; readonly view: ArrayValue; readonly picks: readonly { readonly dim: number; readonly index: Arrayish | ScalarValue }[]; readonly picked: readonly Expr[]; readonly at: number };

function isMask(v: Value): v is Arrayish & { dtype: "bool" } { return isArray(v) && v.dtype === "bool"; }

/** Steps along a dimension of a view, moved to a start. */
function moved(base: Expr[], d: ViewDim, by: Expr): void { for (const s of d.steps) base[s.axis] = add(base[s.axis]!, mul(s.step, by)); }

export function placeOf(ctx: Lowering, v: ArrayValue, given: readonly Item[], loc: SourceLoc): Place {
  const items = given.flatMap((i): Item[] => (i.kind === "value" && i.value.kind === "tuple" ? i.value.items.map((x) => ({ kind: "value", value: x, loc: i.loc })) : [i]))
    .map((i): Item => (i.kind !== "value" ? i : i.value.kind === "slice" ? { kind: "slice", slice: i.value, loc: i.loc } : i.value.kind === "none" && ctx.language === "python" ? { kind: "newaxis", loc: i.loc }
      : i.value.kind === "list" ? { ...i, value: indexList(ctx, i.value, i.loc) } : i.value.kind === "masked" ? { ...i, value: compressed(ctx, i.value, i.loc) } : i));
  const consumes = (i: Item): number => (i.kind === "newaxis" || i.kind === "ellipsis" ? 0 : i.kind === "value" && isMask(i.value) ? shapeOf(i.value).length : 1);
  const used = items.reduce((n, i) => n + consumes(i), 0), rank = v.dims.length;
  if (used > rank) ctx.fail(ctx.language === "python" ? "SHAPE" : "TYPE", `${used} indices for an array with ${rank} ${rank === 1 ? "dimension" : "dimensions"}`, loc);
  const fill = (n: number): Item[] => Array.from({ length: n }, () => ({ kind: "slice", slice: { kind: "slice" }, loc }));
  const dots = items.findIndex((i) => i.kind === "ellipsis");
  const full = dots >= 0 ? [...items.slice(0, dots), ...fill(rank - used), ...items.slice(dots + 1)] : [...items, ...fill(rank - used)];

  const base = [...v.base], dims: ViewDim[] = [];
  const picks: { dim: number; index: Arrayish | ScalarValue }[] = [];
  const integers: { item: number; index: Expr; dim: ViewDim }[] = [];
  const pickedAt: number[] = [];
  let mask: { value: Arrayish; at: number } | undefined;
  let d = 0;
  full.forEach((i, n) => {
    if (i.kind === "newaxis") { dims.push({ size: ONE, steps: [] }); return; }
    if (i.kind === "ellipsis") return ctx.fail("TYPE", "more than one ellipsis in a subscript", i.loc);
    const dim = v.dims[d]!;
    if (i.kind === "slice") {
      d++;
      const r = sliceRange(ctx, i.slice, dim.size, i.loc);
      moved(base, dim, r.start);
      dims.push({ size: r.length, steps: dim.steps.map((s) => ({ axis: s.axis, step: mul(s.step, r.step) })) });
      return;
    }
    const x = i.value;
    if (isMask(x)) {
      if (mask) ctx.unsupported("two masks in one subscript", i.loc);
      mask = { value: x, at: dims.length };
      for (const size of shapeOf(x)) {
        const own = v.dims[d++]!;
        if (nonNegative(sub(own.size, size), ctx.facts) !== "yes" || nonNegative(sub(size, own.size), ctx.facts) !== "yes") broadcastShapes(ctx, [[own.size], [size]], i.loc);
        dims.push(own);
      }
      return;
    }
    d++;
    if (isArray(x) && shapeOf(x).length > 0) {
      if (!isInteger((x).dtype)) ctx.fail("TYPE", `an index array of ${(x).dtype}`, i.loc, "index arrays hold integers or booleans");
      picks.push({ dim: dims.length, index: x });
      pickedAt.push(n);
      dims.push(dim);
      return;
    }
    const what = `axis ${d - 1} of ${labelOf(ctx, v)}`;
    const e = toInteger(ctx, isArray(x) ? elementScalar(ctx, x) : x, i.loc) ?? requireInt(ctx, x, i.loc, "an index");
    integers.push({ item: n, index: e, dim });
    moved(base, dim, position(ctx, e, dim.size, i.loc, what));
  });
  const view: ArrayValue = { ...v, base, dims };
  if (mask) {
    if (picks.length > 0) ctx.unsupported("a mask and an index array in one subscript", loc);
    return { kind: "masked", view, mask: mask.value, at: mask.at };
  }
  if (picks.length === 0) return { kind: "view", view };
  const picked = broadcastShapes(ctx, picks.map((p) => (p.index.kind === "scalar" ? [] : shapeOf(p.index))), loc);
  // Index arrays side by side leave their dimensions where they stand, else these come first. A plain integer counts as one of them.
  const positions = [...pickedAt, ...integers.map((x) => x.item)].sort((a, b) => a - b);
  const together = positions.every((p, k) => k === 0 || full.slice(positions[k - 1]! + 1, p).length === 0);
  return { kind: "gather", view, picks, picked, at: together ? picks[0]!.dim : 0 };
}
function elementScalar(ctx: Lowering, x: Arrayish): ScalarValue {
  if (x.kind === "array") return elementValue(ctx, x);
  return { kind: "scalar", dtype: x.dtype, weak: false, code: x.at([]) };
}
function indexList(ctx: Lowering, v: Value & { kind: "tuple" | "list" }, loc: SourceLoc): Value {
  return castIfEmpty(ctx, arrayFromList(ctx, v, loc), v, loc);
}
function castIfEmpty(ctx: Lowering, a: ArrayValue, v: Value & { kind: "tuple" | "list" }, loc: SourceLoc): Value { return v.items.length === 0 ? castTo(ctx, a, "int64", loc) : a; }

/** The index of the view's element for an index of the gather's result, and the result's shape. */
function gatherParts(ctx: Lowering, p: Place & { kind: "gather" }, loc: SourceLoc): { shape: Expr[]; source: (index: readonly Expr[]) => Expr[] } {
  const picked = new Map<number, ArrayValue>();
  for (const x of p.picks) {
    // Loads need a container to load from.
    const a = x.index.kind === "array" ? x.index : materialise(ctx, x.index, { dtype: "int64", loc });
    picked.set(x.dim, a);
    const { size } = p.view.dims[x.dim]!;
    // The container may be larger than what counts of it, and one that grows is not checked at all: each index is compared with the length that the run found.
    if (loadedContainers(size).size === 0) continue;
    ctx.map(shapeOf(a), (index) => {
      const e = load(a.data, indexOf(a, index)), at = ctx.language === "python" ? add(e, sizeIfNegative(e, size)) : e;
      runCheck(ctx, op("or", "bool", op("lt", "bool", symbolic(at), symbolic(ZERO)), op("ge", "bool", symbolic(at), symbolic(size))), "an index is out of range for an array whose length the run found", loc);
    }, { order: "up", loc });
  }
  const n = p.picked.length, shape: Expr[] = [], kept: number[] = [];
  p.view.dims.forEach((_, k) => { if (!picked.has(k)) kept.push(k); });
  const before = p.at === 0 && p.picks[0]!.dim !== 0 ? 0 : kept.filter((k) => k < p.picks[0]!.dim).length;
  kept.slice(0, before).forEach((k) => shape.push(p.view.dims[k]!.size));
  shape.push(...p.picked);
  kept.slice(before).forEach((k) => shape.push(p.view.dims[k]!.size));
  const source = (index: readonly Expr[]): Expr[] => {
    const out: Expr[] = p.view.dims.map(() => ZERO);
    kept.forEach((k, i) => { out[k] = index[i < before ? i : i + n]!; });
    const pick = index.slice(before, before + n);
    for (const [k, a] of picked) {
      const own = shapeOf(a), size = p.view.dims[k]!.size;
      const e = load(a.data, indexOf(a, own.map((s, d) => (s.constant === 1 ? ZERO : pick[d + n - own.length]!))));
      out[k] = ctx.language === "python" ? add(e, sizeIfNegative(e, size)) : e;
    }
    return out;
  };
  return { shape, source };
}

// ---- reading ----

export function readIndex(ctx: Lowering, object: Value, items: readonly Item[], loc: SourceLoc): Value {
  switch (object.kind) {
    case "tuple": case "list": return readItem(ctx, object, items, loc);
    case "grown": {
      const rows = rowsOf(ctx, object, loc);
      if (items.length !== 1) return ctx.fail("TYPE", "a list takes one index", loc, "make an array of it with np.array");
      const v = readIndex(ctx, rows, items, loc);
      // Where the run ends the loop, a copy of the row is what is kept for the backward sweep.
      if (v.kind === "array" && v.dims.length > 0 && items[0]!.kind !== "slice" && ctx.body !== ctx.top && ctx.container(rows.data).growable) {
        const from = ctx.body.length, copy = materialise(ctx, v, { copy: true, label: object.label, loc });
        ctx.aliasCopies.push({ copy: copy.data, sources: [rows.data], nodes: ctx.body.slice(from).map((n) => n.id), loc, what: `an element of ${object.label}` });
        return copy;
      }
      return isArray(v) && items[0]!.kind === "slice" ? materialise(ctx, v, { copy: true, loc }) : elementRead(ctx, object, v);
    }
    case "object": {
      const key = items.length === 1 && items[0]?.kind === "value" ? items[0].value : undefined;
      if (key?.kind !== "string") return ctx.unsupported("a property whose name is known only when the program runs", loc);
      return fieldValue(ctx, object, key.value) ?? (ctx.language === "javascript" ? NONE : ctx.fail("TYPE", `no key ${key.value}`, loc));
    }
    case "sequence": {
      const i = items.length === 1 && items[0]?.kind === "value" ? requireInt(ctx, items[0].value, loc, "an index") : undefined;
      if (!i) return ctx.unsupported("this subscript of a sequence", loc);
      return object.at(position(ctx, i, object.length, loc, "the sequence"));
    }
    case "scalar": if (items.every((i) => i.kind === "newaxis" || i.kind === "ellipsis")) { return readIndex(ctx, materialise(ctx, object, { loc }), items, loc); } break;
    case "lazy": return isPart(object) ? readPart(ctx, object, items, loc) : readIndex(ctx, materialise(ctx, object, { loc }), items, loc);
    case "masked": return readIndex(ctx, compressed(ctx, object, loc), items, loc);
    case "array": {
      const p = placeOf(ctx, object, items, loc);
      switch (p.kind) {
        case "view": return p.view.dims.length === 0 && !items.some((i) => i.kind === "ellipsis") ? elementValue(ctx, p.view) : p.view;
        case "masked": return p.at === 0 ? { kind: "masked", mask: p.mask, value: p.view } : selected(ctx, p.view, p.mask, p.at, loc);
        case "gather": {
          const { shape, source } = gatherParts(ctx, p, loc), { view } = p;
          return { kind: "lazy", dtype: view.dtype, shape, at: (index) => ctx.read(view.data, indexOf(view, source(index))) };
        }
      }
    }
    default: break;
  }
  return ctx.fail("TYPE", `a subscript of ${describe(object)}`, loc, object.kind === "scalar" && ctx.language === "javascript" ? "typed arrays have one dimension: x[i * columns + j]" : undefined);
}

function readItem(ctx: Lowering, list: Value & { kind: "tuple" | "list" }, items: readonly Item[], loc: SourceLoc): Value {
  const n = list.items.length, i = items[0];
  // What a loop reads from an empty list, it has put there before.
  if (n === 0 && list.kind === "list" && ctx.scopes.length > 0) ctx.listChanges(list);
  if (items.length === 1 && i?.kind === "slice") {
    const r = sliceRange(ctx, i.slice, int(n), loc), start = r.start.constant, count = r.length.constant, step = r.step.constant;
    if (start === undefined || count === undefined || step === undefined) return ctx.unsupported("a part of a list whose bounds are known only when the program runs", loc, "make an array of it");
    return { kind: list.kind, items: Array.from({ length: count }, (_, k) => list.items[start + k * step]!) };
  }
  if (items.length !== 1 || i?.kind !== "value") {
    if (list.kind === "list" && ctx.language === "python") return ctx.fail("TYPE", "a list takes one index", loc, "make an array of it with np.array");
    return ctx.unsupported("this subscript of a list", loc);
  }
  if (i.value.kind === "string") return ctx.fail("TYPE", "a list has no named parts", loc);
  const e = requireInt(ctx, i.value, loc, "an index"), c = e.constant;
  if (c === undefined) return readIndex(ctx, arrayFromList(ctx, list, loc), items, loc);
  const at = c < 0 && ctx.language === "python" ? c + n : c;
  if (at < 0 || at >= n) return ctx.language === "javascript" ? NONE : ctx.fail("BOUNDS", `index ${c} is out of range for a ${list.kind} of ${n}`, loc);
  return list.items[at]!;
}

// ---- writing ----

export function writeIndex(ctx: Lowering, object: Value, items: readonly Item[], value: Value, loc: SourceLoc): void {
  switch (object.kind) {
    case "array": writePlace(ctx, placeOf(ctx, object, items, loc), value, loc); return;
    case "lazy": if (isPart(object)) { writePart(ctx, object, items, value, loc); return; } return ctx.fail("TYPE", `storing into ${describe(object)}`, loc);
    case "grown": {
      const i = items.length === 1 && items[0]?.kind === "value" ? requireInt(ctx, items[0].value, loc, "an index") : ctx.unsupported("storing into this part of a list", loc, "store its elements one by one");
      const inside = (): Expr => position(ctx, i, rowsOf(ctx, object, loc).dims[0]!.size, loc, object.label);
      if (ctx.language === "javascript") storeElement(ctx, object, i, value, loc, inside); else setElement(ctx, object, inside(), value, loc);
      return;
    }
    case "list": {
      const i = items.length === 1 && items[0]?.kind === "value" ? requireInt(ctx, items[0].value, loc, "an index").constant : undefined;
      if (i === undefined) ctx.listChanges(object);
      if (i === undefined) ctx.unsupported("storing into a list at a place known only when the program runs", loc, ctx.language === "python" ? "make an array of it with np.array" : "use a typed array");
      ctx.changing(object, loc);
      const n = object.items.length, at = i < 0 && ctx.language === "python" ? i + n : i;
      if (at === n && ctx.language === "javascript") object.items.push(value);
      else if (at < 0 || at >= n) ctx.fail("BOUNDS", `index ${i} is out of range for a list of ${n}`, loc);
      else object.items[at] = value;
      return;
    }
    case "object": {
      const key = items.length === 1 && items[0]?.kind === "value" ? items[0].value : undefined;
      if (key?.kind !== "string") return ctx.unsupported("a property whose name is known only when the program runs", loc);
      object.entries.set(key.value, value);
      return;
    }
    default: ctx.fail("TYPE", `storing into ${describe(object)}`, loc);
  }
}

export function writePlace(ctx: Lowering, p: Place, value: Value, loc: SourceLoc): void {
  writable(ctx, p.view, loc);
  switch (p.kind) {
    case "view": store(ctx, p.view, value, loc); return;
    case "masked": writeMasked(ctx, p.view, p.mask, p.at, value, loc); return;
    case "gather": {
      const { shape, source } = gatherParts(ctx, p, loc);
      const v = value.kind === "list" || value.kind === "tuple" ? arrayFromList(ctx, value, loc) : value.kind === "masked" ? compressed(ctx, value, loc) : value;
      if (v.kind !== "scalar" && !isArray(v)) ctx.fail("TYPE", `${describe(v)} cannot be stored in an array`, loc);
      // Evaluated first, then stored in order: of equal indices the last one counts.
      const kept: ScalarValue | ArrayValue = v.kind === "scalar" ? v : materialise(ctx, v, { loc, copy: v.kind === "array" && ctx.bufferOf(v.data) === ctx.bufferOf(p.view.data) });
      const right = kept.kind === "scalar" ? undefined : broadcastTo(ctx, kept, shape, loc);
      const code = kept.kind === "scalar" && ctx.readsOf(kept.code).memlets.some((m) => ctx.bufferOf(m.data) === ctx.bufferOf(p.view.data)) ? element(ctx, materialise(ctx, kept, { loc }), []) : kept.kind === "scalar" ? kept.code : undefined;
      ctx.map(shape, (index) => { ctx.tasklet(p.view.data, indexOf(p.view, source(index)), code ?? right!(index), { loc }); }, { order: "up", loc });
      return;
    }
  }
}

/** Refuses a store to what must not change: module constants, broadcast views. */
export function writable(ctx: Lowering, v: ArrayValue, loc: SourceLoc): void {
  if (ctx.constants.has(ctx.bufferOf(v.data))) ctx.unsupported("changing an array that is defined outside the function", loc, "copy it first, or pass it as an argument");
  if (v.dims.some((d) => d.steps.length === 0 && d.size.constant !== 1)) ctx.fail("TYPE", "a broadcast array cannot be stored to", loc, "copy it first");
}

function writeMasked(ctx: Lowering, view: ArrayValue, mask: Arrayish, at: number, value: Value, loc: SourceLoc): void {
  const shape = shapeOf(view), n = shapeOf(mask).length;
  let right: (index: readonly Expr[]) => ScalarExpr;
  if (value.kind === "masked") {
    if (at > 0 || !sameMask(ctx, mask, value.mask)) { scatterMasked(ctx, view, mask, at, compressed(ctx, value, loc), loc); return; }
    const v = value.value;
    right = (index) => elementAt(ctx, v, index, shape);
  } else if (value.kind === "scalar") right = () => value.code;
  else if (isArray(value) && (shapeOf(value).length === 0 || shapeOf(value).every((e) => e.constant === 1))) right = () => element(ctx, value, shapeOf(value).map(() => ZERO));
  else if (isArray(value)) { scatterMasked(ctx, view, mask, at, value, loc); return; }
  else return ctx.fail("TYPE", `${describe(value)} cannot be stored in an array`, loc);
  const chosen: LazyValue = {
    kind: "lazy", dtype: view.dtype, shape,
    at: (index) => op("select", view.dtype, element(ctx, mask, index.slice(at, at + n)), cast(right(index), view.dtype), ctx.read(view.data, indexOf(view, index))),
  };
  store(ctx, view, chosen, loc);
}
/** One element (row, …) after the other to the places that the mask picks. */
function scatterMasked(ctx: Lowering, view: ArrayValue, mask: Arrayish, at: number, value: Arrayish, loc: SourceLoc): void {
  const kept = materialise(ctx, value, { loc, copy: value.kind === "array" && ctx.bufferOf(value.data) === ctx.bufferOf(view.data) }), p = positionsOf(ctx, mask, loc), own = shapeOf(view);
  const shape = [...own.slice(0, at), p.count, ...own.slice(at + shapeOf(mask).length)], right = broadcastTo(ctx, kept, shape, loc);
  ctx.map(shape, (index) => { ctx.tasklet(view.data, indexOf(view, [...index.slice(0, at), ...p.at(index[at]!), ...index.slice(at + 1)]), right(index), { loc }); }, { order: "up", loc });
}
/** What a mask picks along inner dimensions. */
function selected(ctx: Lowering, view: ArrayValue, mask: Arrayish, at: number, loc: SourceLoc): ArrayValue {
  const p = positionsOf(ctx, mask, loc), own = shapeOf(view);
  const lazy: LazyValue = { kind: "lazy", dtype: view.dtype, shape: [...own.slice(0, at), p.count, ...own.slice(at + shapeOf(mask).length)], at: (index) => element(ctx, view, [...index.slice(0, at), ...p.at(index[at]!), ...index.slice(at + 1)]) };
  return materialise(ctx, lazy, { label: "selected", loc });
}
function sameMask(ctx: Lowering, a: Arrayish, b: Arrayish): boolean {
  if (a === b) return true;
  const s = shapeOf(a), t = shapeOf(b);
  if (s.length !== t.length || formatShape(s) !== formatShape(t)) return false;
  const probe = s.map((_, d) => int(d * 7919 + 13));
  let same = false;
  ctx.region(() => { same = JSON.stringify(element(ctx, a, probe), text) === JSON.stringify(element(ctx, b, probe), text); });
  return same;
}
function text(_: string, v: unknown): unknown { return typeof v === "bigint" ? `${v}n` : v !== null && typeof v === "object" && "key" in v && "terms" in v ? (v as { key: unknown }).key : v; }
