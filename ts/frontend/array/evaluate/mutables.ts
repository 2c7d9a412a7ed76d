/**
 * Lists and objects live in the compiler: what changes them must happen the same number of times in every run. Numbers in fields of objects are the exception: where
 * the run decides, they move to containers.
 */
import { promote } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import type * as ast from "../ast.js";
import { isDynamic } from "../compress.js";
import { type Lowering, Restart } from "../context.js";
import { grownOf, rowsOf } from "../grown.js";
import { materialise, store } from "../store.js";
import { sameSize } from "../shapes.js";
import { type ObjectValue, type TupleValue, type Value, NONE, describe, formatShape, isArray, shapeOf } from "../value.js";
import { withGrowing } from "./appended.js";
import { elementValue } from "./expressions.js";
import { visitExpr, visitOwn, visitStatements } from "./names.js";
import { copyInto, sameFixed } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { referenced } from "./loop-variables.js";
import { allFrames, settle } from "./variables.js";

export type Contents = Map<TupleValue | ObjectValue, readonly Value[]>;

function itemsOf(v: TupleValue | ObjectValue): Value[] { return v.kind === "object" ? [...v.entries.values()] : v.items; }

/** Lists and objects that variables refer to, with what is in them now. */
export function mutables(ev: Evaluator): Contents {
  const out: Contents = new Map();
  const visit = (v: Value): void => {
    if (v.kind === "method") { visit(v.self); return; }
    if (v.kind === "function") { if (v.self) visit(v.self); return; }
    if ((v.kind !== "list" && v.kind !== "tuple" && v.kind !== "object") || out.has(v)) return;
    const items = [...itemsOf(v)];
    out.set(v, items);
    items.forEach(visit);
  };
  for (const f of allFrames(ev)) for (const b of f.vars.values()) if (b.kind === "value") visit(b.value);
  for (const v of ev.globals.values()) visit(v);
  return out;
}
/** Refuses a change made where the run decides whether, or how often, it happens. */
export function checkMutables(ev: Evaluator, before: Contents, loc: SourceLoc): void {
  const lists = [...before].flatMap(([v, old]) => (v.kind === "list" && (v.items.length !== old.length || v.items.some((x, i) => x !== old[i] && !sameFixed(x, old[i]!))) ? [v] : []));
  if (lists.length > 0) growsInLoop(ev, ...lists);
  for (const [v, old] of before) {
    const now = itemsOf(v);
    if (now.length !== old.length || now.some((x, i) => x !== old[i] && !sameFixed(x, old[i]!))) {
      ev.ctx.unsupported(`changing ${v.kind === "object" ? "an object" : "a list"} where the program's data decide whether or how often it happens`, loc, v.kind === "object" ? "give its fields their first values, of the same kind and shape, before the loop or the branch" : "fill an array of known length instead");
    }
  }
}

/** The lists change in a loop around: the outermost one before which a list was there starts again with the list in a container. */
export function growsInLoop(ev: Evaluator, ...lists: readonly TupleValue[]): void {
  const { growing } = ev.ctx.learnt, known = growing.size;
  for (const list of lists) for (const l of ev.growing) {
    const path = l.paths.get(list), key = `${l.key}|${path}`;
    if (path === undefined || growing.has(key)) continue;
    growing.add(key);
    break;
  }
  if (growing.size > known) throw new Restart();
}
/** The lists that variables refer to, with the names that lead there. */
function pathsOf(ev: Evaluator): Map<TupleValue, string> {
  const out = new Map<TupleValue, string>();
  const visit = (v: Value, path: string): void => {
    if (v.kind === "list") { if (out.has(v)) return; out.set(v, path); v.items.forEach((x, i) => { visit(x, `${path}.${i}`); }); } else if (v.kind === "tuple") v.items.forEach((x, i) => { visit(x, `${path}.${i}`); });
    else if (v.kind === "object") for (const [k, x] of v.entries) visit(x, `${path}.${k}`);
  };
  for (const f of allFrames(ev)) for (const [n, b] of f.vars) if (b.kind === "value") visit(b.value, `${f.key}|${n}`);
  return out;
}
/** Runs `f`, a loop; lists that are known to change in it are in containers from here on. */
export function withLists<T>(ev: Evaluator, key: string, loc: SourceLoc, f: () => T): T {
  const { growing, unroll } = ev.ctx.learnt;
  for (const [list, path] of pathsOf(ev)) {
    if (!growing.has(`${key}|${path}`) || unroll.has(key)) continue;
    const g = grownOf(ev.ctx, list, `${key}|${path}`, key, path.slice(path.lastIndexOf("|") + 1), loc);
    const put = (v: Value): Value => (v === list ? g : v);
    const visit = (v: Value): void => {
      if (v.kind === "list" || v.kind === "tuple") { if (v === list) return; v.items.forEach((x, i) => { v.items[i] = put(x); visit(x); }); } else if (v.kind === "object") for (const [k, x] of v.entries) { v.entries.set(k, put(x)); visit(x); }
    };
    for (const frame of allFrames(ev)) for (const [n, b] of frame.vars) if (b.kind === "value") { visit(b.value); if (b.value === list) frame.vars.set(n, { kind: "value", value: g }); }
  }
  return withGrowing(ev, allFrames(ev), key, loc, () => {
    ev.growing.push({ key, paths: pathsOf(ev) });
    try { return f(); } finally { ev.growing.pop(); }
  }, (g) => materialise(ev.ctx, rowsOf(ev.ctx, g, loc), { copy: true, label: g.label, loc }));
}

/** Puts lists and objects back to what they were when an attempt began. */
export function restoreMutables(before: Contents, fields: Fields): void {
  for (const [v, old] of before) if (v.kind !== "object") v.items.splice(0, v.items.length, ...old);
  for (const [o, old] of fields) { o.entries.clear(); for (const [k, x] of old.entries) o.entries.set(k, x); o.sealed = old.sealed; o.touched = old.touched; }
}
type Fields = ReadonlyMap<ObjectValue, { readonly entries: ReadonlyMap<string, Value>; readonly sealed: boolean; readonly touched: boolean }>;
export function fieldsOf(before: Contents): Fields {
  const out = new Map<ObjectValue, { readonly entries: ReadonlyMap<string, Value>; readonly sealed: boolean; readonly touched: boolean }>();
  for (const v of before.keys()) if (v.kind === "object") out.set(v, { entries: new Map(v.entries), sealed: v.sealed ?? false, touched: v.touched ?? false });
  return out;
}

/** Names of fields that statements may assign, in functions that they may call too; `anew`: not only in place. */
function assignedFields(ev: Evaluator, lists: readonly (readonly ast.Stmt[])[]): { readonly all: Set<string>; readonly anew: Set<string> } {
  const out = new Set<string>(), anew = new Set<string>(), seen = new Set<ast.FunctionDef>();
  const target = (t: ast.Target, inPlace = false): void => {
    const name = t.kind === "attribute" ? t.name : t.kind === "index" && t.items[0]?.kind === "expr" && t.items[0].value.kind === "string" ? t.items[0].value.value : undefined;
    if (name !== undefined) { out.add(name); if (!inPlace) anew.add(name); } else if (t.kind === "tuple") for (const x of t.elements) if (x) target(x);
  };
  let calls = false;
  const list = (body: readonly ast.Stmt[]): void => {
    visitStatements(body, (s) => {
      if (s.kind === "assign") for (const t of s.targets) target(t);
      else if (s.kind === "augmented") target(s.target, ev.ctx.language === "python");
      else if (s.kind === "for") target(s.target);
      else if (s.kind === "function") inside(s.def);
      visitOwn(s, (e) => { visitExpr(e, (x) => { if (x.kind === "function") inside(x.def); else if (x.kind === "call" && x.callee.kind !== "library") calls = true; }); });
    });
  };
  const inside = (d: ast.FunctionDef): void => { if (!seen.has(d)) { seen.add(d); list(d.body); } };
  lists.forEach(list);
  if (calls) {
    for (const f of allFrames(ev)) { if (f.def) inside(f.def); for (const b of f.vars.values()) if (b.kind === "value" && b.value.kind === "function") inside(b.value.def); }
    for (const g of ev.ctx.program.globals.values()) if (g.kind === "function") inside(g.def); else if (g.kind === "class") for (const m of g.def.methods.values()) inside(m.def);
  }
  return { all: out, anew };
}
/** Moves what the statements may assign in objects to containers, before control flow that the run decides: numbers, and arrays that they exchange for new ones. */
export function boxFields(ev: Evaluator, lists: readonly (readonly ast.Stmt[])[], loc: SourceLoc): void {
  const objects = [...mutables(ev).keys()].filter((v): v is ObjectValue => v.kind === "object");
  if (objects.length === 0) return;
  const names = assignedFields(ev, lists);
  for (const o of objects) for (const [k, v] of o.entries) {
    if (v.kind === "array" && v.dims.length > 0 && names.anew.has(k) && !ev.boxed.has(v) && !v.dims.some((d) => isDynamic(d.size))) {
      const box = ev.ctx.allocate(shapeOf(v), v.dtype, k, loc);
      copyInto(ev, box, v, loc, k, Infinity);
      ev.boxes.add(box.data);
      ev.boxed.set(box, ev.ctx.born);
      o.entries.set(k, box);
      continue;
    }
    if (!names.all.has(k) || v.kind !== "scalar") continue;
    const box = ev.ctx.allocate([], v.dtype, k, loc);
    store(ev.ctx, box, v, loc);
    o.entries.set(k, box);
  }
}
/** Something other than the field refers to the container. */
function namesOf(ev: Evaluator, buffer: string, o: ObjectValue, name: string): boolean {
  const own = o.entries.get(name)!;
  o.entries.set(name, NONE);
  try { return referenced(ev, buffer, undefined, ""); } finally { o.entries.set(name, own); }
}
/** What a field holds. */
export function fieldValue(ctx: Lowering, o: ObjectValue, name: string): Value | undefined {
  const v = o.entries.get(name);
  return v?.kind === "array" && v.dims.length === 0 ? elementValue(ctx, v) : v;
}
export function setField(ev: Evaluator, o: ObjectValue, name: string, v: Value, loc: SourceLoc): void {
  const old = o.entries.get(name), born = old?.kind === "array" ? ev.boxed.get(old) : undefined;
  if (o.shared) ev.ctx.unsupported(`assigning ${name} of the module's object`, loc, "make the object in the function, or pass it as an argument");
  if (o.snapshot || o.sealed) ev.ctx.unsupported(`assigning ${name} of an object that a loop or a branch gave to a variable`, loc, `make another object instead: { ...o, ${name}: … }`);
  if (ev.open.some((l) => l.objects.has(o))) o.touched = true;
  if (old?.kind === "array" && born !== undefined && ev.conditional > 0) {
    if (v.kind === "masked" || !isArray(v) || shapeOf(v).length !== old.dims.length || (v.dtype !== old.dtype && promote(v.dtype, old.dtype) !== old.dtype)) return ev.ctx.unsupported(`the field ${name} holding ${describe(old)} of ${old.dtype} on one path and ${describe(v)}${isArray(v) ? ` of ${v.dtype}` : ""} on another`, loc, "use two fields");
    shapeOf(v).forEach((e, d) => { sameSize(ev.ctx, e, shapeOf(old)[d]!, loc, `the field ${name} changes its shape, from ${formatShape(shapeOf(old))} to ${formatShape(shapeOf(v))}`); });
    if (namesOf(ev, old.data, o, name)) ev.ctx.unsupported(`the field ${name} taking another array in a loop or on one path, while a name stands for the one that it has`, loc, "copy it where it gets the other name");
    copyInto(ev, old, v, loc, name, born);
    return;
  }
  if (old?.kind === "array" && old.dims.length === 0) {
    if (v.kind !== "scalar") return ev.ctx.unsupported(`the field ${name} holding a number on one path and something else on another`, loc, "use two fields");
    store(ev.ctx, old, v, loc);
    return;
  }
  o.entries.set(name, settle(ev, v, loc, name));
}
