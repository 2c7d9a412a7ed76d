/** Assignments: plain, to several targets, by parts, and in place. */
import { isComplex, isFloat, isInteger, kindOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { addInt, type Expr as Int, int } from "../../../symbolic/expr.js";
import { nonNegative } from "../../../symbolic/prove.js";
import type * as ast from "../ast.js";
import { entryBound } from "../bounds.js";
import type { Lowering } from "../context.js";
import { asNumber, demanded } from "../optional.js";
import { materialise, store } from "../store.js";
import { sameSize, shapeFromValue } from "../shapes.js";
import { type ArrayValue, type Value, NONE, describe, isArray, shapeOf, withItems } from "../value.js";
import { binary } from "../library/elementwise.js";
import { reshaped, sliced } from "../library/views.js";
import { appendsToOwn } from "./appended.js";
import { callValue } from "./calls.js";
import { overloaded, special } from "./classes.js";
import type { Evaluator } from "./evaluator.js";
import { evaluate, elementValue, indexParts, mayWrite, protect } from "./expressions.js";
import { numbersAsArray } from "./globals.js";
import { fieldValue, setField } from "./mutables.js";
import { partNamed } from "./parts.js";
import { sequenceOf } from "./sequences.js";
import { type Place, placeOf, readIndex, writable, writeIndex, writePlace } from "./subscript.js";
import { allFrames, assignName, lookup, ownerOf, settle } from "./variables.js";
import { storeInPlace } from "./slots.js";

export function assignStatement(ev: Evaluator, s: ast.Stmt & { kind: "assign" }): void {
  const { ctx } = ev, only = s.targets.length === 1 ? s.targets[0]! : undefined;
  // a, b = x, y: both sides by parts, without a tuple in between.
  if (only?.kind === "name" && extendsOwn(ev, only.name, s.value)) { augmentedStatement(ev, { kind: "augmented", op: "+", target: only, value: s.value.right, loc: s.loc }); return; }
  if (only?.kind === "name" && appendsToOwn(ev, only.name, s.value, s.loc)) return;
  let v = evaluate(ev, s.value);
  if (v.kind === "optional" && only?.kind !== "name") v = v.value.kind === "scalar" ? asNumber(ctx, v, s.loc) : demanded(ctx, v, "taking apart", s.loc);
  if (only?.kind === "name") {
    if (ctx.language === "javascript") v = (ev.isPushed(ev.frame.def, only.name) ? undefined : numbersAsArray(ev, v, only.name)) ?? v;
    if (storeInPlace(ev, only.name, v, s.loc)) return;
    assignName(ev, only.name, v, s.loc);
    return;
  }
  // Several stores from one value: what earlier ones may change is kept first.
  if (s.targets.length > 1 || s.targets.some((t) => t.kind === "tuple")) v = keep(ev, v, s.loc, s.targets.some((t) => t.kind === "index" || t.kind === "attribute" || t.kind === "tuple"));
  for (const t of s.targets) assignTarget(ev, t, v);
}

/** The value with everything that a store may change evaluated. Arrays stay references, unless they are stored element by element afterwards. */
function keep(ev: Evaluator, v: Value, loc: SourceLoc, deep: boolean): Value {
  if (v.kind === "tuple" || v.kind === "list") return withItems(v, v.items.map((x) => keep(ev, x, loc, deep)));
  return protect(ev, v, loc);
}

/** Something other than the variable refers to the list. */
function namedTwice(ev: Evaluator, list: Value, name: string): boolean {
  const refers = (v: Value): boolean => v === list || ((v.kind === "list" || v.kind === "tuple") && v.items.some(refers)) || (v.kind === "object" && [...v.entries.values()].some(refers)) || ((v.kind === "method" || v.kind === "function") && v.self !== undefined && refers(v.self));
  return allFrames(ev).some((f) => [...f.vars].some(([n, b]) => b.kind === "value" && !(f === ev.frame && n === name) && refers(b.value))) || [...ev.globals.values()].some(refers);
}

export function assignTarget(ev: Evaluator, t: ast.Target, v: Value): void {
  const { ctx } = ev;
  switch (t.kind) {
    case "name": assignName(ev, t.name, v, t.loc); return;
    case "index": {
      const { object, items } = indexParts(ev, t.object, t.items);
      const key = object.kind === "object" && items.length === 1 && items[0]?.kind === "value" ? items[0].value : undefined;
      if (object.kind === "object" && key?.kind === "string") setField(ev, object, key.value, v, t.loc);
      else writeIndex(ctx, object, items, object.kind === "array" ? v : settle(ev, v, t.loc), t.loc);
      return;
    }
    case "attribute": assignAttribute(ev, t, v); return;
    case "tuple": destructure(ev, t, v); return;
  }
}

function assignAttribute(ev: Evaluator, t: ast.Target & { kind: "attribute" }, v: Value): void {
  const { ctx } = ev, object = evaluate(ev, t.object);
  if (object.kind === "object") { setField(ev, object, t.name, v, t.loc); return; }
  if (object.kind === "array" && t.name === "shape" && t.object.kind === "name") {
    assignName(ev, t.object.name, reshaped(ctx, object, shapeFromValue(ctx, v, t.loc), t.loc), t.loc);
    return;
  }
  if (isArray(object) && t.name === "T" && object.kind === "array") { writable(ctx, object, t.loc); store(ctx, { ...object, dims: [...object.dims].reverse() }, v, t.loc); return; }
  const part = ctx.language === "python" ? partNamed(object, t.name, ctx) : undefined;
  if (part) { writeIndex(ctx, part, [{ kind: "ellipsis", loc: t.loc }], v, t.loc); return; }
  ctx.unsupported(`assigning .${t.name} of ${describe(object)}`, t.loc);
}

function destructure(ev: Evaluator, t: ast.Target & { kind: "tuple" }, v: Value): void {
  const { ctx } = ev;
  const give = (i: number, x: Value): void => {
    const target = t.elements[i], d = t.defaults?.[i];
    if (target) assignTarget(ev, target, x.kind === "none" && !x.isNull && d ? evaluate(ev, d) : x);
  };
  if (t.keys) {
    if (v.kind === "none") ctx.fail("TYPE", "destructuring of undefined or null", t.loc);
    t.keys.forEach((k, i) => {
      let x: Value = NONE;
      if (v.kind === "object") x = fieldValue(ctx, v, k) ?? NONE;
      else if (v.kind === "list" && k === "length") x = ctx.int(v.items.length);
      else if (isArray(v) && k === "length") { const a = v.kind === "array" ? v.dims[0]?.size : v.shape[0]; if (a) x = ctx.int(a); }
      else ctx.unsupported(`the property ${k} of ${describe(v)}`, t.loc);
      give(i, x);
    });
    return;
  }
  if (t.rest && ctx.language === "javascript" && isArray(v) && shapeOf(v)[0]?.constant === undefined && t.elements.length > 0) {
    // The rest of an array: a copy of what follows the others, of which there must be as many.
    const n = t.elements.length - 1, { rest: _, ...others } = t, last = t.elements[n], size = shapeOf(v)[0]!;
    destructure(ev, { ...others, elements: t.elements.slice(0, n) }, v);
    if (last) { const length = addInt(size, -n); checkLength(ctx, length, t.loc); assignTarget(ev, last, materialise(ctx, sliced(v, 0, int(n), length), { copy: true, loc: t.loc })); }
    return;
  }
  const items = itemsOf(ev, v, t, t.loc);
  // An array that is stored to part by part while it is taken apart.
  const fixed = t.rest ? t.elements.length - 1 : t.elements.length;
  for (let i = 0; i < fixed; i++) give(i, items[i] ?? NONE);
  if (t.rest) { const last = t.elements[fixed]; if (last) assignTarget(ev, last, { kind: "list", items: items.slice(fixed) }); }
}

/** There are so many elements: otherwise the rest would be no part of the array. */
function checkLength(ctx: Lowering, length: Int, loc: SourceLoc): void {
  if (nonNegative(length, ctx.facts) === "yes") return;
  const bound = entryBound(ctx, length, "lower");
  if (!bound) return ctx.unsupported("taking the rest of an array whose length the run finds", loc, "use slice");
  ctx.check({ kind: "bounds", expr: bound, message: "an array with fewer elements than are taken from it", loc });
  ctx.assume(length);
}
function itemsOf(ev: Evaluator, v: Value, t: ast.Target & { kind: "tuple" }, loc: SourceLoc): readonly Value[] {
  const { ctx } = ev, want = t.rest ? t.elements.length - 1 : t.elements.length, python = ctx.language === "python";
  if (v.kind === "tuple" || v.kind === "list") {
    if (python && (t.rest ? v.items.length < want : v.items.length !== want)) ctx.fail("TYPE", `${v.items.length} values for ${want} targets`, loc);
    return v.items;
  }
  const seq = sequenceOf(ctx, v, loc);
  const n = seq.length.constant;
  if (t.rest) {
    if (n === undefined) return ctx.unsupported("taking the rest of an array of unknown length", loc, "use a slice");
    return Array.from({ length: n }, (_, i) => seq.at(int(i)));
  }
  if (python) sameSize(ctx, seq.length, int(want), loc, `an array of length ${seq.length.key} for ${want} targets`);
  return Array.from({ length: want }, (_, i) => { const x = seq.at(int(i)); return x.kind === "scalar" ? protect(ev, x, loc) : x; });
}

/** NumPy's rule for results of in-place operations: the kind may not shrink. */
function castable(from: DType, to: DType): boolean {
  const rank = (d: DType): number => (d === "bool" ? 0 : isInteger(d) ? (kindOf(d) === "uint" ? 1 : 2) : isFloat(d) ? 3 : isComplex(d) ? 4 : 5);
  return rank(from) <= rank(to);
}

/** l = l + […] makes a new list; where no other name stands for the old one, that is l += […]. */
function extendsOwn(ev: Evaluator, name: string, e: ast.Expr): e is ast.Expr & { kind: "binary" } {
  if (ev.ctx.language !== "python" || e.kind !== "binary" || e.op !== "+" || e.left.kind !== "name" || e.left.name !== name || ownerOf(ev.frame, name) !== ev.frame) return false;
  const b = ev.frame.vars.get(name), list = b?.kind === "value" ? b.value : undefined;
  if (list?.kind !== "list" && list?.kind !== "grown") return false;
  if (!namedTwice(ev, list, name)) return true;
  return ev.conditional > 0 ? ev.ctx.unsupported(`adding to the list ${name}, for which another name stands, in a loop or on one path`, e.loc, `copy it first, or write ${name}.append(…) if the other name is to see it`) : false;
}
/** l += […] of Python changes the list itself. */
function listExtended(ev: Evaluator, old: Value, s: ast.Stmt & { kind: "augmented" }): boolean {
  const { ctx } = ev;
  if (ctx.language !== "python" || s.op !== "+" || (old.kind !== "list" && old.kind !== "grown")) return false;
  const more = evaluate(ev, s.value);
  if (old.kind === "grown" || (more.kind !== "list" && more.kind !== "tuple")) { ctx.call({ kind: "method", self: old, name: "extend" }, [more], new Map(), s.loc); return true; }
  const items = [...more.items];
  ctx.changing(old, s.loc);
  old.items.push(...items.map((x) => settle(ev, x, s.loc)));
  return true;
}

function number(ev: Evaluator, s: ast.Stmt, v: Value): Value { return v.kind === "optional" ? asNumber(ev.ctx, v, s.loc) : v; }
/** The new value of what an in-place operation changes, where that is no array. */
function changed(ev: Evaluator, s: ast.Stmt & { kind: "augmented" }, old: Value): Value {
  const value = number(ev, s, evaluate(ev, s.value)), own = special(ev, old, IN_PLACE[s.op] ?? "");
  return own ? callValue(ev, own, [value], new Map(), s.loc) : overloaded(ev, s.op, [old, value], s.loc) ?? binary(ev.ctx, s.op, number(ev, s, old), value, s.loc);
}
const IN_PLACE: Readonly<Record<string, string>> = { "+": "__iadd__", "-": "__isub__", "*": "__imul__", "/": "__itruediv__" };

export function augmentedStatement(ev: Evaluator, s: ast.Stmt & { kind: "augmented" }): void {
  const { ctx } = ev, t = s.target;
  const inPlace = (target: ArrayValue, old: Value, value: Value, put: (v: Value) => void): void => {
    const v = binary(ctx, s.op, old, value, s.loc);
    const dtype = v.kind === "scalar" || isArray(v) ? v.dtype : v.kind === "masked" ? v.value.dtype : target.dtype;
    if (ctx.language === "python" && old.kind !== "scalar" && !castable(dtype, target.dtype)) ctx.fail("TYPE", `the result of ${s.op}= is ${dtype}, which an array of ${target.dtype} does not hold`, s.loc, "write the assignment out, or convert with astype");
    // A product that has lost a dimension is not spread over the array that it would replace.
    if (s.op === "@" && old.kind === "array" && (!isArray(v) || shapeOf(v).length !== old.dims.length || old.dims.length < 2)) ctx.fail("SHAPE", "@= needs a product of the same shape as the array", s.loc, "write the assignment out");
    put(v);
  };
  switch (t.kind) {
    case "name": {
      let old = lookup(ev, t.name, t.loc);
      if (old.kind === "array" && ctx.language === "python") {
        const target = old, value = evaluate(ev, s.value);
        writable(ctx, target, s.loc);
        inPlace(target, old, value, (v) => { store(ctx, target, v, s.loc); });
        return;
      }
      if (listExtended(ev, old, s)) return;
      if (mayWrite(ctx, s.value)) old = protect(ev, old, s.loc);
      const v = changed(ev, s, old);
      if (!storeInPlace(ev, t.name, v, s.loc)) assignName(ev, t.name, v, s.loc);
      return;
    }
    case "index": {
      const { object, items } = indexParts(ev, t.object, t.items);
      if (object.kind !== "array") {
        const now = readIndex(ctx, object, items, t.loc);
        if (now.kind === "array" && ctx.language === "python") { const value = evaluate(ev, s.value); writable(ctx, now, s.loc); inPlace(now, now, value, (v) => { store(ctx, now, v, s.loc); }); return; }
        if (listExtended(ev, now, s)) return;
        const old = protect(ev, now, t.loc);
        const v = changed(ev, s, old), key = object.kind === "object" && items[0]?.kind === "value" ? items[0].value : undefined;
        if (object.kind === "object" && key?.kind === "string") setField(ev, object, key.value, v, s.loc);
        else writeIndex(ctx, object, items, settle(ev, v, s.loc), s.loc);
        return;
      }
      const place: Place = placeOf(ctx, object, items, t.loc);
      let old: Value;
      if (place.kind === "view") old = place.view.dims.length === 0 ? elementValue(ctx, place.view) : place.view;
      else old = readIndex(ctx, object, items, t.loc);
      if (old.kind === "scalar" && mayWrite(ctx, s.value)) old = protect(ev, old, s.loc);
      const value = number(ev, s, evaluate(ev, s.value));
      if (place.kind === "gather" && old.kind === "lazy") old = materialise(ctx, old, { loc: s.loc });
      writable(ctx, place.view, s.loc);
      inPlace(place.view, old, value, (v) => { writePlace(ctx, place, v, s.loc); });
      return;
    }
    case "attribute": {
      const object = evaluate(ev, t.object), part = ctx.language === "python" ? partNamed(object, t.name, ctx) : undefined;
      if (part) { const v = binary(ctx, s.op, materialise(ctx, part, { copy: true, loc: s.loc }), evaluate(ev, s.value), s.loc); writeIndex(ctx, part, [{ kind: "ellipsis", loc: t.loc }], v, s.loc); return; }
      if (object.kind !== "object") return ctx.unsupported(`changing .${t.name} of ${describe(object)}`, t.loc);
      const old = fieldValue(ctx, object, t.name) ?? ctx.fail("TYPE", `the object has no ${t.name}`, t.loc);
      if (old.kind === "array" && ctx.language === "python") { const value = evaluate(ev, s.value); writable(ctx, old, s.loc); inPlace(old, old, value, (v) => { store(ctx, old, v, s.loc); }); return; }
      const added = listExtended(ev, old, s);
      if (added) return;
      setField(ev, object, t.name, changed(ev, s, mayWrite(ctx, s.value) ? protect(ev, old, s.loc) : old), s.loc);
      return;
    }
    case "tuple": ctx.unsupported("an in-place operation on several targets", t.loc);
  }
}
