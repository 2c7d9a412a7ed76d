/** Looking names up, binding them, and merging what two arms made of them. */
import { DaceError, type SourceLoc } from "../../../base/errors.js";
import { symbolic } from "../../../scalar/expr.js";
import type { Node } from "../../../sdfg/nodes.js";
import { equals, neg, type Expr } from "../../../symbolic/expr.js";
import type { Binding, Frame, Lowering } from "../context.js";
import { Poisoned, Retry } from "../context.js";
import { lengthsNow, rowsOf, unchangedLists } from "../grown.js";
import { entryInteger, exactEntryInteger } from "../entry.js";
import { exactQuotient, toInteger } from "../shapes.js";
import { optional, placeholder } from "../optional.js";
import { materialise, pin, settleView } from "../store.js";
import { type ObjectValue, type Value, NONE, boolValue, describe, isArray, sameNone, shapeOf, withItems } from "../value.js";
import { copyInto, pendingCell, readCell, sameFixed, sealObject, writeCell } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { reachableFrames } from "../frames.js";
import { globalValue } from "./globals.js";
import { fieldValue } from "./mutables.js";

/** The frame that holds a name seen from a frame: the innermost function around that binds it. */
export function ownerOf(frame: Frame, name: string): Frame | undefined {
  for (let f: Frame | undefined = frame; f; f = f.parent) if (f.def?.locals.has(name) || f.vars.has(name)) return f;
  return undefined;
}

export function lookup(ev: Evaluator, name: string, loc: SourceLoc): Value {
  const frame = ownerOf(ev.frame, name);
  if (!frame) return globalValue(ev, name, loc);
  const b = frame.vars.get(name);
  const v = b && bound(ev, b);
  if (v?.kind === "poison") { if (v.reason) return ev.ctx.unsupported(v.reason, loc, "use two names"); throw new Poisoned(); }
  if (v?.kind === "grown" && v.array) return rowsOf(ev.ctx, v, loc);
  if (v) return v;
  const nothing = (b?.kind === "cell" ? ev.nothing.get(b.id) : undefined) ?? (ev.ctx.language === "javascript" ? NONE : undefined);
  if (nothing) {
    // What is assigned later may come from an earlier iteration.
    if (b?.kind === "cell" && ev.repeated.has(b.id)) { ev.asked.add(b.id); ev.nothing.set(b.id, nothing); ev.passedBy.add(b.id); }
    return nothing;
  }
  return ev.ctx.fail("TYPE", `${name} is used before anything is assigned to it`, loc);
}
function bound(ev: Evaluator, b: Binding): Value | undefined { return b.kind === "value" ? b.value : readCell(ev, b.id); }

/** A value that keeps its meaning whatever is written later: what a name can be bound to. */
export function settle(ev: Evaluator, v: Value, loc: SourceLoc | undefined, label?: string): Value {
  const { ctx } = ev;
  switch (v.kind) {
    case "scalar": return pin(ctx, v, loc, label);
    case "lazy": return settleView(ctx, materialise(ctx, v, { ...(label ? { label } : {}), ...(loc ? { loc } : {}) }), loc);
    case "array": return settleView(ctx, v, loc);
    // A copy of the elements: what is changed later is not theirs.
    case "masked": return { ...v, value: materialise(ctx, v.value, { copy: true, ...(loc ? { loc } : {}) }), mask: materialise(ctx, v.mask, { copy: true, ...(loc ? { loc } : {}) }) };
    case "optional": return { ...v, present: pin(ctx, v.present, loc, label), value: settle(ev, v.value, loc, label) };
    case "tuple": case "list": {
      const items = v.items.map((x) => settle(ev, x, loc, label));
      // A list keeps its identity: others may hold it and change it.
      if (items.every((x, i) => x === v.items[i])) return v;
      if (v.kind === "list") { v.items.splice(0, v.items.length, ...items); return v; }
      return withItems(v, items);
    }
    case "object": for (const [k, x] of v.entries) v.entries.set(k, settle(ev, x, loc, k)); return v;
    default: return v;
  }
}

/** Binds a name of the current function (or, in a closure, of one around). */
export function assignName(ev: Evaluator, name: string, v: Value, loc: SourceLoc | undefined): void {
  const frame = ownerOf(ev.frame, name) ?? ev.frame, b = frame.vars.get(name);
  // `const k = x | 0; a[k]`: what is certainly integral stays an integer under its name.
  if (ev.ctx.language === "javascript" && v.kind === "scalar" && v.dtype === "float64" && !v.int && ev.needsInteger(frame.def, name)) {
    const e = toInteger(ev.ctx, v, loc) ?? exactQuotient(ev.ctx, v, loc) ?? exactEntryInteger(ev.ctx, v.code, loc);
    if (e) v = { ...v, int: e };
  }
  // `n = int(T / dt)`: an integer that the call alone decides can be a size.
  if (ev.ctx.language === "python" && v.kind === "scalar" && v.dtype === "int64" && !v.int) {
    const e = entryInteger(ev.ctx, v.code);
    if (e) v = { ...v, int: e, code: symbolic(e) };
  }
  // A list or an object keeps its identity, for what is done to it in this iteration.
  if (b?.kind === "cell" && (v.kind === "list" || v.kind === "grown" || v.kind === "object") && frame === ev.frame && ev.repeated.has(b.id)) { frame.vars.set(name, { kind: "value", value: settle(ev, v, loc, name) }); return; }
  if (b?.kind === "cell") { writeCell(ev, b.id, v, loc, ev.needsInteger(frame.def, name)); return; }
  if (frame !== ev.frame) for (const l of ev.open) if (l.frames.has(frame)) l.missed(frame, name);
  frame.vars.set(name, { kind: "value", value: unshared(ev, settle(ev, v, loc, name.startsWith("%") ? "result" : name), loc, name) });
}

/** A variable kept in a container is overwritten when it is assigned again: another name for its array gets a copy. */
export function unshared(ev: Evaluator, v: Value, loc: SourceLoc | undefined, name: string): Value {
  if (v.kind === "tuple") return withItems(v, v.items.map((x) => unshared(ev, x, loc, name)));
  if (v.kind !== "array") return v;
  const { ctx } = ev, buffer = ctx.bufferOf(v.data);
  if (!ev.boxes.has(buffer) && ![...ctx.cells.values()].some((c) => c.kind === "array" && ctx.bufferOf(c.value.data) === buffer)) return v;
  const copy = ctx.allocate(shapeOf(v), v.dtype, name, loc);
  copyInto(ev, copy, v, loc, name, Infinity);
  return copy;
}

/** The variables of all frames, to go back to: by the map that holds them. */
export type Variables = ReadonlyMap<Frame["vars"], { readonly frame: Frame; readonly vars: ReadonlyMap<string, Binding> }>;
export function saveVariables(ev: Evaluator): Variables { return new Map(allFrames(ev).map((frame) => [frame.vars, { frame, vars: new Map(frame.vars) }])); }
export function setVariables(_ev: Evaluator, saved: Variables): void {
  for (const [now, { vars }] of saved) { now.clear(); for (const [k, v] of vars) now.set(k, v); }
}
/** The frames of calls in progress and those that closures see. */
export function allFrames(ev: Evaluator): Frame[] { return reachableFrames(ev.ctx.frames); }

/** Runs `f`, which makes a loop of one evaluation of a function: what it assigns around itself would be carried from one iteration to the next. */
export function withoutAssigning(ctx: Lowering, f: () => void, loc: SourceLoc): void {
  const frames = new Set<Frame>();
  for (const x of reachableFrames(ctx.frames)) frames.add(x);
  const before = [...frames].map((x) => ({ x, vars: new Map(x.vars) }));
  const lists = lengthsNow(ctx);
  f();
  unchangedLists(ctx, lists, loc);
  for (const { x, vars } of before) for (const [name, b] of x.vars) if (vars.get(name) !== b) ctx.unsupported(`a function that assigns ${name}, a variable around it, called for each of a number of elements that is not known when the program is compiled`, loc, "write a loop");
}

/** An arm of a conditional that control may come out of. */
export interface Arm { readonly variables: Variables; readonly body: Node[]; readonly born: number; /** What is known in it. */ readonly facts: readonly Expr[] }

/**
 * Merges the variables of two arms, in place: where both have the same value it stays; where they differ and `live` says that the value may be used, a container
 * is made that each arm stores to at its end.
 */
export function mergeArms(ev: Evaluator, key: string, arms: readonly [Arm, Arm], live: (frame: Frame, name: string) => boolean, loc: SourceLoc | undefined): void {
  for (const [, { frame }] of new Map([...arms[0].variables, ...arms[1].variables])) {
    const [x, y] = arms.map((arm) => arm.variables.get(frame.vars)?.vars), a = x ?? y!, b = y ?? x!;
    frame.vars.clear();
    for (const name of new Set([...a.keys(), ...b.keys()])) {
      const x = a.get(name), y = b.get(name);
      if (x && y && sameBinding(x, y)) { frame.vars.set(name, x); continue; }
      if (!live(frame, name)) continue;
      // A container that a loop in one arm made for the name: what it holds at the arm's end.
      const values = [x, y].map((q) => q && bound(ev, q));
      // Unbound on one path: the program that uses it there is wrong (Python), or undefined is what the name holds.
      const [p, q] = values.map((v) => v ?? (ev.ctx.language === "javascript" || name.startsWith("%") ? NONE : undefined));
      if (!p || !q) { frame.vars.set(name, { kind: "value", value: (p ?? q)! }); continue; }
      frame.vars.set(name, { kind: "value", value: mergeValues(ev, `${key}|${name}`, name, arms, [p, q], ev.needsInteger(frame.def, name), loc) });
    }
  }
}
function sameBinding(a: Binding, b: Binding): boolean { return a.kind === "cell" ? b.kind === "cell" && a.id === b.id : b.kind === "value" && sameFixed(a.value, b.value); }

export function mergeValues(ev: Evaluator, key: string, name: string, arms: readonly [Arm, Arm], values: readonly [Value, Value], integer: boolean, loc: SourceLoc | undefined): Value {
  const { ctx } = ev;
  if (sameFixed(values[0], values[1])) return values[0];
  if ((values[0].kind === "tuple" || values[0].kind === "list") && values[0].kind === values[1].kind && values[0].record?.cls.def === (values[1]).record?.cls.def && values[0].items.length === (values[1] as { items: readonly Value[] }).items.length) {
    const other = (values[1] as { items: Value[] }).items;
    return withItems(values[0], values[0].items.map((x, i) => mergeValues(ev, `${key}.${i}`, name, arms, [x, other[i]!], integer, loc)));
  }
  if (values[0].kind === "object" && values[1].kind === "object" && values[0].cls?.def === values[1].cls?.def && values[0].entries.size === values[1].entries.size) {
    const [p, q] = [values[0], values[1]];
    if (![...p.entries.keys()].every((k) => q.entries.has(k))) return conflict(name, values);
    for (const o of [p, q]) sealObject(ctx, o, loc);
    const field = (o: ObjectValue, i: 0 | 1, k: string): Value => { let v!: Value; within(ev, arms[i].body, () => { v = settle(ev, fieldValue(ctx, o, k)!, loc, k); }); return v; };
    return { kind: "object", entries: new Map([...p.entries.keys()].map((k) => [k, mergeValues(ev, `${key}.${k}`, name, arms, [field(p, 0, k), field(q, 1, k)], integer, loc)])), snapshot: true, ...(p.cls ? { cls: p.cls } : {}) };
  }
  const merged = mergeOptional(ev, key, name, arms, values, integer, loc);
  if (merged) return merged;
  const mergeable = (v: Value): boolean => v.kind === "scalar" || isArray(v);
  if (!mergeable(values[0]) || !mergeable(values[1])) return conflict(name, values);
  const id = pendingCell(ev, key, name, Math.min(arms[0].born, arms[1].born));
  const lengths = arms.map((a) => a.body.length);
  try {
    for (let done = false; !done;) {
      const saved = ctx.snapshot();
      try {
        // An arm that knows two sizes to be equal writes them as it likes: the other one's way of writing them holds for both.
        const order = arms[0].facts.some((e) => arms[0].facts.some((f) => equals(f, neg(e)))) ? [1, 0] : [0, 1];
        for (const i of order) within(ev, arms[i]!.body, () => { ctx.withFacts(arms[i]!.facts, () => { writeCell(ev, id, values[i]!, loc, integer, true); }); });
        done = true;
      } catch (e) {
        arms.forEach((arm, i) => { arm.body.length = lengths[i]!; });
        ctx.restore(saved);
        if (!(e instanceof Retry) || e.key !== key) throw e;
      }
    }
  } catch (e) {
    if (e instanceof DaceError) return conflict(name, values);
    throw e;
  }
  const v = readCell(ev, id)!;
  // Written once on each path: as good as a value.
  const c = ctx.cells.get(id)!;
  if (c.kind === "scalar") ctx.single.add(c.container);
  ctx.cells.delete(id);
  return v;
}
/** None, null or undefined on one path, and something else on the other. */
function mergeOptional(ev: Evaluator, key: string, name: string, arms: readonly [Arm, Arm], values: readonly [Value, Value], integer: boolean, loc: SourceLoc | undefined): Value | undefined {
  const none = values.map((v) => (v.kind === "none" ? v : v.kind === "optional" ? v.none : undefined)), some = values.map((v) => (v.kind === "optional" ? v.value : v.kind === "none" ? undefined : v));
  if ((!none[0] && !none[1]) || (!some[0] && !some[1])) return undefined;
  if (none[0] && none[1] && !sameNone(none[0], none[1])) return undefined;
  const value = some.map((v, i) => v ?? placeholder(ev.ctx, some[1 - i]!));
  if (!value[0] || !value[1]) return undefined;
  const given = value.map((v, i) => { let out!: Value; within(ev, arms[i]!.body, () => { out = settle(ev, v!, loc, name); }); return out; });
  const present = values.map((v) => (v.kind === "optional" ? v.present : boolValue(v.kind !== "none")));
  const both = mergeValues(ev, `${key}.?`, name, arms, [present[0]!, present[1]!], false, loc), what = mergeValues(ev, `${key}.!`, name, arms, [given[0]!, given[1]!], integer, loc);
  return both.kind !== "scalar" || what.kind === "poison" ? undefined : optional(both, what, (none[0] ?? none[1])!);
}
function conflict(name: string, values: readonly [Value, Value]): Value {
  return { kind: "poison", reason: `${name.startsWith("%") ? "the result" : name} is ${describe(values[0])} on one path and ${describe(values[1])} on another` };
}
/** Emits at the end of a list of nodes. */
export function within(ev: Evaluator, body: Node[], f: () => void): void {
  const outer = ev.ctx.body;
  ev.ctx.body = body;
  try { f(); } finally { ev.ctx.body = outer; }
}
