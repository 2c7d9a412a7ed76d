/** Variables kept in containers: made at loops, blocks and joins, written by every assignment, read by every use. */
import { isInteger, promote, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, op, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { int, load, sub, type Expr } from "../../../symbolic/expr.js";
import { isEqual } from "../../../symbolic/prove.js";
import { type Cell, type CellType, type Lowering, Poisoned, Retry } from "../context.js";
import { compressed, isDynamic } from "../compress.js";
import { arrayOfGrown } from "../grown.js";
import { optional, placeholder } from "../optional.js";
import { materialise, noteParts, store } from "../store.js";
import { runCheck, sameSize } from "../shapes.js";
import { knownOnEntry } from "../bounds.js";
import { type ArrayValue, type Arrayish, type ObjectValue, type ScalarValue, type Value, describe, formatShape, isArray, boolValue, indexOf, listValue, type NoneValue, sameNone, shapeOf } from "../value.js";
import type { Evaluator } from "./evaluator.js";
import { fieldValue } from "./mutables.js";

let nextCell = 1;

/** The type of a scalar as a variable. `integer`: a JavaScript number that is needed as an integer and known to be one. */
export function typeOf(ev: Evaluator, v: ScalarValue, integer: boolean): CellType {
  if (ev.ctx.language === "javascript" && v.dtype === "float64") return v.int && integer ? { dtype: "int64", weak: true, integral: true } : { dtype: "float64", weak: true, integral: false };
  return { dtype: v.dtype, weak: v.weak, integral: isInteger(v.dtype) };
}
/** A type that holds the values of both. */
export function joinTypes(ev: Evaluator, a: CellType, b: CellType): CellType {
  if (a.dtype === b.dtype && a.weak === b.weak && a.integral === b.integral) return a;
  const js = ev.ctx.language === "javascript";
  let dtype: DType;
  if (js) dtype = a.dtype === b.dtype ? a.dtype : "float64";
  else dtype = promote(a.dtype, b.dtype);
  return { dtype, weak: a.weak && b.weak, integral: a.integral && b.integral && isInteger(dtype) };
}
function sameType(a: CellType, b: CellType): boolean { return a.dtype === b.dtype && a.weak === b.weak && a.integral === b.integral; }

/** The code that a scalar is stored with in a container of a type. */
export function storedCode(v: ScalarValue, type: CellType): ScalarExpr {
  return type.integral && v.int && v.dtype !== type.dtype ? cast(symbolic(v.int), type.dtype) : cast(v.code, type.dtype);
}
/** The value that a container of a type holds. */
export function heldValue(ev: Evaluator, container: string, type: CellType): ScalarValue {
  const read = ev.ctx.read(container, []);
  if (ev.ctx.language === "javascript" && type.integral) return { kind: "scalar", dtype: "float64", weak: true, code: cast(read, "float64"), int: load(container, []) };
  return { kind: "scalar", dtype: type.dtype, weak: type.weak, code: read, ...(type.integral ? { int: load(container, []) } : {}) };
}

/** A container that lives outside the loops beyond a depth. */
function outerContainer(ev: Evaluator, depth: number, dtype: DType, label: string, loc: SourceLoc | undefined): string {
  const c = ev.ctx.addContainer({ dtype, shape: [], transient: true, label, ...(loc ? { loc } : {}) });
  if (depth > 0) ev.ctx.scopes[depth - 1]?.locals.push(c.name);
  return c.name;
}
function outerArray(ev: Evaluator, depth: number, v: Arrayish, dtype: DType, label: string, loc: SourceLoc | undefined): ArrayValue | undefined {
  // Its size must be known outside the loops it outlives.
  if (shapeOf(v).some(isDynamic)) return undefined;
  const inner = new Set(ev.ctx.scopes.slice(depth).map((s) => s.variable));
  for (const e of shapeOf(v)) for (const t of e.key.match(/[A-Za-z_][\w]*/g) ?? []) if (inner.has(t)) return undefined;
  const scopes = ev.ctx.scopes.splice(depth);
  try { return ev.ctx.allocate(shapeOf(v), dtype, label, loc); } finally { ev.ctx.scopes.push(...scopes); }
}

/** A new variable cell for the loop or block `loop`, without a value. */
export function pendingCell(ev: Evaluator, loop: string, name: string, born = ev.ctx.born): number {
  const id = nextCell++;
  ev.ctx.cells.set(id, { kind: "pending", key: `${loop}|${name}`, loop, depth: ev.ctx.scopes.length, name, born });
  return id;
}

export function isAssigned(ev: Evaluator, id: number): boolean { return ev.ctx.cells.get(id)!.kind !== "pending"; }

export function readCell(ev: Evaluator, id: number): Value | undefined {
  const c = ev.ctx.cells.get(id)!;
  switch (c.kind) {
    case "pending": return undefined;
    case "scalar": return heldValue(ev, c.container, c.type);
    case "array": return c.value;
    case "tuple": return { kind: c.tuple, items: c.items.map((i) => readCell(ev, i) ?? { kind: "none" }), ...(c.tuple === "list" ? { snapshot: true } : {}), ...(c.record ? { record: c.record } : {}) };
    case "object": return { kind: "object", entries: new Map([...c.fields].map(([k, i]) => [k, readCell(ev, i) ?? { kind: "none" }])), snapshot: true, ...(c.cls ? { cls: c.cls } : {}) };
    case "optional": { const value = readCell(ev, c.value)!, present = readCell(ev, c.present)!; return present.kind === "scalar" ? optional(present, value, c.none) : value; }
    case "fixed": return c.value;
  }
}
/** A variable that is known to be null or undefined at times, and something else at others: it starts as the former. */
export function optionalCell(ev: Evaluator, id: number, loc: SourceLoc | undefined): boolean {
  const c = ev.ctx.cells.get(id)!, known = c.kind === "pending" ? ev.ctx.learnt.optional.get(c.key) : undefined;
  if (!known) return false;
  const { value, none } = known;
  const part = (name: string): number => { const item = nextCell++; ev.ctx.cells.set(item, { kind: "pending", key: `${c.key}.${name}`, loop: c.loop, depth: c.depth, name: c.name, born: c.born }); return item; };
  const present = part("?"), inner = part("!");
  writeCell(ev, present, boolValue(false), loc, false);
  writeCell(ev, inner, value, loc, true);
  ev.ctx.cells.set(id, { key: c.key, loop: c.loop, depth: c.depth, name: c.name, born: c.born, kind: "optional", present, value: inner, none });
  return true;
}

/** Stores to the variable. The value must not be changed by the store itself (see `assign` for simultaneous ones). */
export function writeCell(ev: Evaluator, id: number, v: Value, loc: SourceLoc | undefined, integer: boolean, onPath = false): void {
  const { ctx } = ev, c = ctx.cells.get(id)!;
  if (v.kind === "poison") throw new Poisoned();
  if (v.kind === "masked") v = compressed(ctx, v, loc);
  if (v.kind === "grown") v = arrayOfGrown(ctx, v, loc);
  if (c.kind !== "optional") {
    const learn = (some: Value, none: NoneValue): void => {
      const value = placeholder(ctx, some.kind === "optional" ? some.value : some);
      if (!value || ctx.learnt.optional.has(c.key)) return;
      ctx.learnt.optional.set(c.key, { value, none });
      throw new Retry(c.loop);
    };
    // Where it starts, or what an earlier iteration left, is nothing.
    const nothing = ev.nothing.get(id);
    if (c.kind === "pending" && v.kind !== "none" && nothing && ev.passedBy.has(id)) learn(v, nothing);
    if (c.kind === "pending" && v.kind === "optional") learn(v, v.none);
    if (c.kind === "fixed" && c.value.kind === "none" && v.kind !== "none") learn(v, c.value);
    if (c.kind !== "fixed" && c.kind !== "pending" && (v.kind === "none" || v.kind === "optional")) learn(readCell(ev, id)!, v.kind === "none" ? v : v.none);
    if (c.kind === "pending" && v.kind !== "none" && ev.asked.has(id)) ctx.unsupported(`${c.name}, which is ${describe(v)} in later iterations and nothing in the first`, loc, "give it a first value of the same kind");
  }
  const conflict = (what: string): never => ctx.unsupported(`${c.name.startsWith("%") ? "the result" : `the variable ${c.name}`} is ${what} here and something else on another path`, loc, v.kind === "object" ? "give the object the same fields on all paths" : "use two names");
  switch (c.kind) {
    case "pending": resolve(ev, id, c, v, loc, integer); return;
    case "scalar": {
      if (v.kind === "scalar") {
        const own = typeOf(ev, v, integer), joined = joinTypes(ev, c.type, own);
        if (!sameType(joined, c.type)) { learnType(ev, c, joined); throw new Retry(c.loop); }
        ctx.tasklet(c.container, [], storedCode(v, c.type), loc ? { loc } : {});
        return;
      }
      if (isArray(v) && shapeOf(v).every((e) => knownOnEntry(ctx, e))) {
        ctx.learnt.shapes.set(c.key, { shape: shapeOf(v), dtype: v.dtype });
        throw new Retry(c.loop);
      }
      return conflict(describe(v));
    }
    case "array": {
      if (v.kind === "scalar" && c.value.dims.length > 0) return conflict("a number");
      if (v.kind !== "scalar" && !isArray(v)) return conflict(describe(v));
      const dtype = joinTypes(ev, { dtype: c.value.dtype, weak: false, integral: false }, { dtype: v.dtype, weak: false, integral: false }).dtype;
      if (dtype !== c.value.dtype) { learnType(ev, c, { dtype, weak: false, integral: false }); throw new Retry(c.loop); }
      const own = v.kind === "scalar" ? [] : shapeOf(v), want = shapeOf(c.value);
      if (own.length !== want.length) return conflict(describe(v));
      const equal: Expr[] = [];
      own.forEach((e, d) => {
        const message = `the variable ${c.name} has shape ${formatShape(want)} on one path and ${formatShape(own)} on another`;
        // What holds on one path only is checked there.
        if (!onPath || isEqual(e, want[d]!, ctx.facts) === "no") sameSize(ctx, e, want[d]!, loc, message);
        else if (isEqual(e, want[d]!, ctx.facts) !== "yes") {
          runCheck(ctx, op("ne", "bool", symbolic(e), symbolic(want[d]!)), message, loc);
          equal.push(sub(e, want[d]!), sub(want[d]!, e));
        }
      });
      ctx.withFacts(equal, () => { copyInto(ev, c.value, v, loc, c.name, c.born); });
      return;
    }
    case "tuple":
      if (c.tuple === "list" && ctx.language === "javascript" && isArray(v) && v.dtype === "float64" && shapeOf(v).length === 1 && shapeOf(v)[0]!.constant === c.items.length) {
        const a = materialise(ctx, v, loc ? { loc } : {});
        writeCell(ev, id, listValue(c.items.map((_, i) => ({ kind: "scalar", dtype: "float64", weak: true, code: ctx.read(a.data, indexOf(a, [int(i)])) }))), loc, integer, onPath);
        return;
      }
      if ((v.kind !== "tuple" && v.kind !== "list") || v.items.length !== c.items.length || v.record?.cls.def !== c.record?.cls.def) return conflict(describe(v));
      v.items.forEach((x, i) => { writeCell(ev, c.items[i]!, x, loc, integer, onPath); });
      return;
    case "object":
      if (v.kind !== "object" || v.cls?.def !== c.cls?.def || v.entries.size !== c.fields.size || ![...c.fields.keys()].every((k) => v.entries.has(k))) return conflict(v.kind === "object" ? "an object with other fields" : describe(v));
      sealObject(ctx, v, loc);
      for (const [k, i] of c.fields) writeCell(ev, i, fieldValue(ctx, v, k)!, loc, integer, onPath);
      return;
    case "optional":
      if (v.kind === "none") {
        if (!sameNone(v, c.none)) return ctx.unsupported(`${c.name} being null on one path and undefined on another`, loc, "use one of them");
        writeCell(ev, c.present, boolValue(false), loc, false);
        return;
      }
      if (v.kind === "optional" && !sameNone(v.none, c.none)) return ctx.unsupported(`${c.name} being null on one path and undefined on another`, loc, "use one of them");
      writeCell(ev, c.value, v.kind === "optional" ? v.value : v, loc, integer, onPath);
      writeCell(ev, c.present, v.kind === "optional" ? v.present : boolValue(true), loc, false, onPath);
      return;
    case "fixed": if (!sameFixed(c.value, v)) conflict(describe(v)); return;
  }
}

function learnType(ev: Evaluator, c: Cell, type: CellType): void {
  const old = ev.ctx.learnt.types.get(c.key);
  ev.ctx.learnt.types.set(c.key, old ? joinTypes(ev, old, type) : type);
}

function resolve(ev: Evaluator, id: number, c: Cell, v: Value, loc: SourceLoc | undefined, integer: boolean): void {
  const { ctx } = ev, base = { key: c.key, loop: c.loop, depth: c.depth, name: c.name, born: c.born };
  const label = c.name.startsWith("%") ? "result" : c.name, learnt = ctx.learnt.types.get(c.key);
  switch (v.kind) {
    case "scalar": {
      const grown = ctx.learnt.shapes.get(c.key);
      if (grown) {
        const dtype = joinTypes(ev, { dtype: grown.dtype, weak: false, integral: false }, learnt ?? { dtype: grown.dtype, weak: false, integral: false }).dtype;
        const value = outerArray(ev, c.depth, { kind: "lazy", dtype, shape: grown.shape, at: () => v.code }, dtype, label, loc)!;
        ctx.cells.set(id, { ...base, kind: "array", value });
        store(ctx, value, v, loc);
        return;
      }
      const own = typeOf(ev, v, integer), type = learnt ? joinTypes(ev, learnt, own) : own;
      const container = outerContainer(ev, c.depth, type.dtype, label, loc);
      ctx.cells.set(id, { ...base, kind: "scalar", container, type });
      ctx.tasklet(container, [], storedCode(v, type), loc ? { loc } : {});
      return;
    }
    case "array": case "lazy": {
      const dtype = learnt ? joinTypes(ev, learnt, { dtype: v.dtype, weak: false, integral: false }).dtype : v.dtype;
      const value = outerArray(ev, c.depth, v, dtype, label, loc);
      if (!value) return ctx.unsupported(`the array ${c.name}, whose size changes from iteration to iteration, used after its loop`, loc, "allocate it with its largest size before the loop");
      ctx.cells.set(id, { ...base, kind: "array", value });
      copyInto(ev, value, v, loc, c.name, c.born);
      return;
    }
    case "tuple": case "list": {
      const items = v.items.map((x, i) => { const item = nextCell++; ctx.cells.set(item, { kind: "pending", key: `${c.key}.${i}`, loop: c.loop, depth: c.depth, name: c.name, born: c.born }); writeCell(ev, item, x, loc, integer); return item; });
      ctx.cells.set(id, { ...base, kind: "tuple", tuple: v.kind, items, ...(v.record ? { record: v.record } : {}) });
      return;
    }
    case "object": {
      sealObject(ctx, v, loc);
      const fields = new Map<string, number>();
      for (const k of v.entries.keys()) { const item = nextCell++; ctx.cells.set(item, { kind: "pending", key: `${c.key}.${k}`, loop: c.loop, depth: c.depth, name: c.name, born: c.born }); writeCell(ev, item, fieldValue(ctx, v, k)!, loc, integer); fields.set(k, item); }
      ctx.cells.set(id, { ...base, kind: "object", fields, ...(v.cls ? { cls: v.cls } : {}) });
      return;
    }
    default:
      // What its defaults were computed from may not be there beyond the iteration or the arm.
      if (v.kind === "function" && v.defaults) return ctx.unsupported(`the function ${c.name}, whose defaults are computed, made in a loop or on one path and used beyond it`, loc, "define it where it is used, or pass what it needs as an argument");
      ctx.cells.set(id, { ...base, kind: "fixed", value: v });
  }
}

/** A variable takes the object's fields: who changes the object afterwards, by another name, would not change the variable's. */
export function sealObject(ctx: Lowering, o: ObjectValue, loc: SourceLoc | undefined): void {
  if (o.snapshot) return;
  if (o.touched) ctx.unsupported("an object that a loop changes, given to a variable that stands for different objects", loc, "copy it: { ...o }");
  o.sealed = true;
}

/** Values without containers that are the same. */
export function sameFixed(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case "none": return b.kind === "none" && sameNone(a, b);
    case "string": return b.kind === "string" && a.value === b.value;
    case "library": return b.kind === "library" && a.name === b.name;
    case "class": return b.kind === "class" && a.def === b.def;
    case "dtype": return b.kind === "dtype" && a.dtype === b.dtype;
    case "function": return b.kind === "function" && a.def === b.def && a.scope === b.scope && a.self === b.self && [...a.defaults ?? []].every(([k, v]) => b.defaults?.has(k) && sameFixed(v, b.defaults.get(k)!));
    case "array": return b.kind === "array" && sameView(a, b);
    case "scalar": return b.kind === "scalar" && a.dtype === b.dtype && a.weak === b.weak && ((a.int !== undefined && a.int.key === b.int?.key && a.code === b.code) || sameCode(a.code, b.code));
    case "tuple": case "list": return (b.kind === "tuple" || b.kind === "list") && a.items.length === b.items.length && a.record?.cls.def === b.record?.cls.def && a.items.every((x, i) => sameFixed(x, b.items[i]!));
    default: return false;
  }
}
function sameCode(a: ScalarExpr, b: ScalarExpr): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.dtype !== b.dtype) return false;
  switch (a.kind) {
    case "const": return b.kind === "const" && Object.is(a.value, b.value) && a.imag === b.imag;
    case "input": return b.kind === "input" && a.index === b.index;
    case "symbolic": return b.kind === "symbolic" && a.expr.key === b.expr.key;
    case "cast": return b.kind === "cast" && sameCode(a.arg, b.arg);
    case "op": return b.kind === "op" && a.op === b.op && a.args.length === b.args.length && a.args.every((x, i) => sameCode(x, b.args[i]!));
  }
}
export function sameView(a: ArrayValue, b: ArrayValue): boolean {
  return a.data === b.data && a.base.every((e, d) => e.key === b.base[d]!.key) && a.dims.length === b.dims.length
    && a.dims.every((d, k) => { const o = b.dims[k]!; return d.size.key === o.size.key && d.steps.length === o.steps.length && d.steps.every((s, i) => s.axis === o.steps[i]!.axis && s.step.key === o.steps[i]!.step.key); });
}

/** Copies an array into a variable's own container, and notes that there are two copies now of one array of the source, unless it was made after `born` for this variable alone. `by`: what was put aside first, and the nodes that did. */
export function copyInto(ev: Evaluator, target: ArrayValue, v: Arrayish | ScalarValue, loc: SourceLoc | undefined, name: string, born: number, by?: { readonly of: ArrayValue; readonly nodes: readonly number[] }): void {
  const { ctx } = ev, from = ctx.body.length, of = by?.of ?? v;
  if (v.kind === "array" && sameView(v, target)) return;
  store(ctx, target, v, loc);
  for (const n of ctx.body.slice(from)) ev.rebindings.add(n.id);
  noteParts(ctx, v, target, from, name, loc);
  if (of.kind !== "array") return;
  const source = ctx.bufferOf(of.data);
  // What was made for this variable may have got an array that others have since.
  if (isFresh(ev, of, born) && !ctx.aliasCopies.some((c) => c.copy === source || c.sources.includes(source))) return;
  ctx.aliasCopies.push({ copy: ctx.bufferOf(target.data), sources: [source], nodes: [...by?.nodes ?? [], ...ctx.body.slice(from).map((n) => n.id)], loc, what: name });
}
/** Notes that an array was put into a row of a list: the source keeps a reference there. */
export function noteAppended(ev: Evaluator, row: ArrayValue, x: Arrayish | ScalarValue, from: number, label: string, loc: SourceLoc): void {
  const { ctx } = ev, nodes = ctx.body.slice(from).map((n) => n.id);
  for (const n of nodes) ev.rebindings.add(n);
  // The real or imaginary parts of an array are a view of it.
  const part = x.kind === "lazy" ? x.part : undefined, of = part ? part.source : x;
  if (of.kind !== "array" || of.dims.length === 0) return;
  const source = ctx.bufferOf(of.data), begins = Math.max(ctx.scopes.at(-1)?.born ?? -1, ev.rounds.at(-1) ?? -1);
  ctx.aliasCopies.push({ copy: ctx.bufferOf(row.data), sources: [source], nodes, loc, what: label, ...(part ? { part: part.name } : {}), row: { fresh: begins >= 0 && !ev.slots.has(source) && isFresh(ev, of, begins) } });
}
/** The array lies in a container made after a moment, which is not a variable's own. */
export function isFresh(ev: Evaluator, v: ArrayValue, born: number): boolean {
  const buffer = ev.ctx.bufferOf(v.data);
  if ((ev.ctx.births.get(buffer) ?? 0) <= born) return false;
  for (const c of ev.ctx.cells.values()) if (c.kind === "array" && ev.ctx.bufferOf(c.value.data) === buffer) return false;
  return true;
}
