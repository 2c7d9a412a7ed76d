/**
 * JavaScript's array methods that call a function per element. Each is a small function of the array program over the array and the callback, so that the
 * evaluator treats its loop and what the callback changes exactly as if the user had written them.
 */
import type { SourceLoc } from "../../../base/errors.js";
import { addInt, int, ZERO, type Expr as Int } from "../../../symbolic/expr.js";
import type * as ast from "../ast.js";
import type { Lowering } from "../context.js";
import { rowsOf } from "../grown.js";
import { define, defineMethod } from "../registry.js";
import { requireInt } from "../shapes.js";
import { materialise, settled, store } from "../store.js";
import { type Arrayish, type ArrayValue, describe, integerOf, isArray, listValue, NONE, shapeOf, type TupleValue, type Value } from "../value.js";
import { copied } from "./arrays.js";
import { rowOf } from "./builtins.js";
import { arrayOf } from "./convert.js";
import { truth } from "./elementwise.js";
import { toNumber } from "./javascript-operators.js";
import { TYPED } from "./javascript-arrays.js";
import { requireElements } from "./reduce.js";
import { taken } from "./views.js";

// ---- writing functions of the array program

/** Builds nodes that all stand at one place of the user's source. */
class Writer {
  constructor(readonly loc: SourceLoc) {}
  name(name: string): ast.Expr { return { kind: "name", name, loc: this.loc }; }
  number(value: number): ast.Expr { return { kind: "number", value, integer: true, loc: this.loc }; }
  length(name: string): ast.Expr { return { kind: "attribute", object: this.name(name), name: "length", loc: this.loc }; }
  item(array: string, index: string): ast.Expr { return { kind: "index", object: this.name(array), items: [{ kind: "expr", value: this.name(index) }], loc: this.loc }; }
  call(callee: ast.Expr, ...args: readonly ast.Expr[]): ast.Expr { return { kind: "call", callee, args: args.map((value) => ({ value })), keywords: [], loc: this.loc }; }
  /** f(a[i], i, a) */
  callback(): ast.Expr { return this.call(this.name("f"), this.item("a", "i"), this.name("i"), this.name("a")); }
  assign(name: string, value: ast.Expr): ast.Stmt { return { kind: "assign", targets: [{ kind: "name", name, loc: this.loc }], value, loc: this.loc }; }
  run(value: ast.Expr): ast.Stmt { return { kind: "expression", value, loc: this.loc }; }
  give(value: ast.Expr): ast.Stmt { return { kind: "return", value, loc: this.loc }; }
  /** for (i = start; i < stop; i++) */
  loop(start: ast.Expr, stop: ast.Expr, ...body: readonly ast.Stmt[]): ast.Stmt { return { kind: "count", variable: "i", start, stop, step: 1, exitValue: false, body, label: "elements", loc: this.loc }; }
  when(test: ast.Expr, ...then: readonly ast.Stmt[]): ast.Stmt { return { kind: "if", test, then, otherwise: [], loc: this.loc }; }
  leave(): ast.Stmt { return { kind: "break", label: "elements", loc: this.loc }; }
  define(name: string, params: readonly string[], ...body: readonly ast.Stmt[]): Value {
    const locals = new Set(params);
    const bind = (list: readonly ast.Stmt[]): void => {
      for (const s of list) {
        if (s.kind === "assign") for (const t of s.targets) { if (t.kind === "name") locals.add(t.name); }
        if (s.kind === "count") { locals.add(s.variable); bind(s.body); }
        if (s.kind === "if") bind(s.then);
      }
    };
    bind(body);
    return { kind: "function", def: { name, params: params.map((p) => ({ name: p, loc: this.loc })), body, locals, loc: this.loc }, scope: undefined };
  }
}
const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

function array(ctx: Lowering, v: Arrayish, loc: SourceLoc): ArrayValue { return v.kind === "array" ? v : materialise(ctx, v, { loc }); }
function callable(ctx: Lowering, v: Value | undefined, loc: SourceLoc): Value {
  if (v?.kind === "function" || v?.kind === "library" || v?.kind === "method") return v;
  return ctx.fail("TYPE", `${describe(v ?? NONE)} is not a function`, loc);
}

type OnArray = (ctx: Lowering, self: ArrayValue, f: Value, args: readonly Value[], loc: SourceLoc) => Value;
type OnList = (ctx: Lowering, self: TupleValue, call: (i: number) => Value, args: readonly Value[], loc: SourceLoc) => Value;
function method(name: string, f: OnArray, list: OnList): void {
  defineMethod("javascript", name, (ctx, [self, callback, ...args], _keywords, loc) => {
    const v = self ?? NONE, fn = callable(ctx, callback, loc);
    if (isArray(v)) return f(ctx, array(ctx, v, loc), fn, args, loc);
    if (v.kind !== "list" && v.kind !== "tuple") return ctx.fail("TYPE", `${describe(v)} has no method ${name}`, loc);
    return list(ctx, v, (i) => ctx.call(fn, [v.items[i]!, ctx.int(i), v], NO_KEYWORDS, loc), args, loc);
  }, { impure: true });
}

// ---- map

/** Puts a row (or element) into a new array; only functions written here call it. */
define("%put", (ctx, [out, index, value], _keywords, loc) => {
  const i = integerOf(index!), a = out as ArrayValue;
  const row = taken(a, 0, i!) as ArrayValue, v = value!;
  if (v.kind === "list") { store(ctx, row, arrayOf(ctx, v, loc, a.dtype), loc); return NONE; }
  store(ctx, row, v.kind === "scalar" ? (a.dtype === "int64" || a.dtype === "uint64" ? v : toNumber(ctx, v, loc)) : v, loc);
  return NONE;
}, { impure: true });

/** What the callback gives for one element, found by trying. Undefined: there is none. */
function probe(ctx: Lowering, length: Int, call: (i: Int) => Value, loc: SourceLoc): Value | undefined {
  const saved = ctx.snapshot();
  let v: Value | undefined;
  try {
    ctx.loop("i", ZERO, length, "up", (i) => { const r = call(i); v = r.kind === "list" ? arrayOf(ctx, r, loc) : isArray(r) ? array(ctx, r, loc) : r; });
  } finally { ctx.restore(saved); }
  return v;
}
/** An array of what the callback gives: numbers, or rows of one shape. */
function collect(ctx: Lowering, w: Writer, length: Int, first: Value | undefined, dtype: ArrayValue["dtype"], prologue: { readonly params: readonly string[]; readonly values: readonly Value[]; readonly call: ast.Expr; readonly stop: ast.Expr }, loc: SourceLoc): Value {
  if (first && first.kind !== "scalar" && !isArray(first)) return ctx.unsupported(`an array of ${describe(first)}`, loc, "use numbers or typed arrays of one length");
  const rows = first && isArray(first) ? first : undefined;
  const out = ctx.allocate([length, ...(rows ? shapeOf(rows) : [])], rows ? rows.dtype : dtype, "map", loc);
  const body = w.loop(w.number(0), prologue.stop, w.run(w.call({ kind: "library", name: "%put", loc }, w.name("out"), w.name("i"), prologue.call)));
  ctx.call(w.define("map", [...prologue.params, "out"], body), [...prologue.values, out], NO_KEYWORDS, loc);
  return out;
}
method("map", (ctx, a, f, _args, loc) => {
  const w = new Writer(loc), n = shapeOf(a)[0]!;
  const first = shapeOf(a).length === 1 && a.dtype !== "float64" ? ctx.int(0) : probe(ctx, n, (i) => ctx.call(f, [element(ctx, a, i, loc), ctx.int(i), a], NO_KEYWORDS, loc), loc);
  return collect(ctx, w, n, first, shapeOf(a).length === 1 ? a.dtype : "float64", { params: ["a", "f"], values: [a, f], call: w.callback(), stop: w.length("a") }, loc);
}, (_ctx, self, call) => listValue(self.items.map((_, i) => call(i))));
/** The elements that the callback wants, one after the other; the run finds how many there are. */
method("filter", (ctx, a, f, _args, loc) => {
  const w = new Writer(loc), push = w.call({ kind: "attribute", object: w.name("out"), name: "push", loc }, w.item("a", "i"));
  const kept = ctx.call(w.define("filter", ["a", "f"], w.assign("out", { kind: "list", elements: [], loc }), w.loop(w.number(0), w.length("a"), w.when(w.callback(), w.run(push))), w.give(w.name("out"))), [a, f], NO_KEYWORDS, loc);
  if (kept.kind === "list") return kept.items.length === 0 ? ctx.allocate([ZERO, ...shapeOf(a).slice(1)], a.dtype, "filter", loc) : copied(ctx, arrayOf(ctx, kept, loc), loc, a.dtype);
  return kept.kind === "grown" ? copied(ctx, rowsOf(ctx, kept, loc), loc, a.dtype) : kept;
}, (ctx, self, call, _args, loc) => {
  const wanted = self.items.map((_, i) => truth(ctx, call(i), loc));
  if (wanted.some((t) => t.code.kind !== "const")) return ctx.unsupported("filter of a list where the run decides", loc, "use a typed array");
  return listValue(self.items.filter((_, i) => { const { code } = wanted[i]!; return code.kind === "const" && Boolean(code.value); }));
});
for (const name of ["indexOf", "lastIndexOf"] as const) defineMethod("javascript", name, (ctx, [self, wanted, ...more], _keywords, loc) => {
  const v = self ?? NONE, w = new Writer(loc);
  if (more.length > 0) return ctx.unsupported(`${name} from an index`, loc, "search in a loop");
  const a = isArray(v) ? array(ctx, v, loc) : v.kind === "list" ? array(ctx, arrayOf(ctx, v, loc, "float64"), loc) : ctx.unsupported(`the method ${name} of ${describe(v)}`, loc, "search in a loop");
  const found: ast.Expr = { kind: "compare", op: "==", left: w.item("a", "i"), right: w.name("v"), strict: true, loc };
  return ctx.call(w.define(name, ["a", "v"], w.assign("at", w.number(-1)), w.loop(w.number(0), w.length("a"), w.when(found, w.assign("at", w.name("i")), ...(name === "indexOf" ? [w.leave()] : []))), w.give(w.name("at"))), [a, wanted ?? NONE], NO_KEYWORDS, loc);
});
// ---- sort

/** Each element goes where as many others come before it: those that the callback says (without one: smaller numbers, what is no number last), and equal ones that stand before it. */
function sortInPlace(ctx: Lowering, a: ArrayValue, f: Value, loc: SourceLoc): Value {
  if (a.dims.length !== 1) return ctx.unsupported("sorting an array of rows", loc, "sort numbers");
  const w = new Writer(loc), zero = w.number(0), name = (n: string): ast.Expr => w.name(n);
  const each = (variable: string, ...body: readonly ast.Stmt[]): ast.Stmt => ({ kind: "count", variable, start: zero, stop: w.length("a"), step: 1, exitValue: false, body, label: `sort ${variable}`, loc });
  const compared = (op: "<" | "==", left: ast.Expr, right: ast.Expr): ast.Expr => ({ kind: "compare", op, left, right, loc });
  const before: ast.Expr = { kind: "logical", op: "or", left: compared("<", name("c"), zero), right: { kind: "logical", op: "and", left: compared("==", name("c"), zero), right: compared("<", name("j"), name("i")), loc }, loc };
  const count = each("j", w.assign("c", w.call(name("f"), w.item("a", "j"), w.item("a", "i"))), w.when(before, w.assign("p", { kind: "binary", op: "+", left: name("p"), right: w.number(1), loc })));
  const place: ast.Stmt = { kind: "assign", targets: [{ kind: "index", object: name("out"), items: [{ kind: "expr", value: name("p") }], loc }], value: w.item("a", "i"), loc };
  const sorted = ctx.call(w.define("sort", ["a", "f", "out"], each("i", w.assign("p", zero), count, place), w.give(name("out"))), [a, f, copied(ctx, a, loc)], NO_KEYWORDS, loc);
  store(ctx, a, sorted, loc);
  return a;
}
function signed(zeros: ast.Expr, test: ast.Expr, w: Writer, loc: SourceLoc): ast.Expr { return { kind: "conditional", test, then: zeros, otherwise: w.number(0), loc }; }
for (const [method, copy] of [["sort", false], ["toSorted", true]] as const) defineMethod("javascript", method, (ctx, [self, callback], _keywords, loc) => {
  const v = self ?? NONE;
  if ((!callback || callback.kind === "none") && v.kind === "array" && ctx.typed.has(ctx.container(ctx.bufferOf(v.data)))) {
    const w = new Writer(loc), p = w.name("p"), q = w.name("q"), test = (op: "==" | "!=" | "<", left: ast.Expr, right: ast.Expr): ast.Expr => ({ kind: "compare", op, left, right, loc });
    // A number before what is none, and -0 before 0.
    const nans: ast.Expr = { kind: "binary", op: "-", left: { kind: "conditional", test: test("!=", p, p), then: w.number(1), otherwise: w.number(0), loc }, right: { kind: "conditional", test: test("!=", q, q), then: w.number(1), otherwise: w.number(0), loc }, loc };
    const sign = (x: ast.Expr): ast.Expr => ({ kind: "binary", op: "/", left: w.number(1), right: x, loc });
    const zeros: ast.Expr = { kind: "conditional", test: test("<", sign(p), sign(q)), then: w.number(-1), otherwise: { kind: "conditional", test: test("<", sign(q), sign(p)), then: w.number(1), otherwise: w.number(0), loc }, loc };
    const order: ast.Expr = { kind: "conditional", test: test("<", p, q), then: w.number(-1), otherwise: { kind: "conditional", test: test("<", q, p), then: w.number(1), otherwise: { kind: "conditional", test: test("==", p, q), then: signed(zeros, test("==", p, w.number(0)), w, loc), otherwise: nans, loc }, loc }, loc };
    return sortInPlace(ctx, copy ? copied(ctx, v, loc) : v, w.define("order", ["p", "q"], w.give(order)), loc);
  }
  if (!callback || callback.kind === "none") return ctx.unsupported(`${method} without a function`, loc, `which order is meant depends on the kind of array: ${method}((a, b) => a - b)`);
  const fn = callable(ctx, callback, loc);
  if (v.kind === "list" && (copy || !v.snapshot)) {
    const a = sortInPlace(ctx, copied(ctx, arrayOf(ctx, v, loc, "float64"), loc), fn, loc) as ArrayValue;
    // The list itself holds the sorted numbers afterwards.
    if (!copy) v.items.splice(0, v.items.length, ...v.items.map((_, i) => settled(ctx, element(ctx, a, int(i), loc), loc)));
    return copy ? a : v;
  }
  if (!isArray(v)) return ctx.fail("TYPE", `${describe(v)} has no method ${method}`, loc);
  if (!copy && v.kind !== "array") return sortInPlace(ctx, copied(ctx, v, loc), fn, loc);
  return sortInPlace(ctx, copy ? copied(ctx, v, loc) : v as ArrayValue, fn, loc);
}, { impure: true });

function element(ctx: Lowering, a: ArrayValue, i: Int, loc: SourceLoc): Value { const v = rowOf(ctx, a, i); return v.kind === "scalar" && a.dtype !== "int64" && a.dtype !== "uint64" ? toNumber(ctx, v, loc) : v; }

/** Array.from(source, f), and {length: n} as a source. */
for (const name of ["Array", ...Object.keys(TYPED)]) define(`${name}.from`, (ctx, [source, callback], _keywords, loc) => {
  const dtype = TYPED[name] ?? "float64", w = new Writer(loc), v = source ?? NONE;
  const f = callback && callback.kind !== "none" ? callable(ctx, callback, loc) : undefined;
  if (v.kind === "object") {
    const length = v.entries.get("length"), n = requireInt(ctx, length ?? ctx.int(0), loc, "length");
    if (!f) return ctx.unsupported(`${name}.from({ length }) without a function`, loc, "give the function that makes the elements");
    const call = (i: Int): Value => ctx.call(f, [NONE, ctx.int(i)], NO_KEYWORDS, loc), first = probe(ctx, n, call, loc);
    // Elements that no array can hold: a list, of a length known now.
    if (name === "Array" && n.constant !== undefined && first && first.kind !== "scalar" && !isArray(first)) return listValue(Array.from({ length: n.constant }, (_, i) => call(int(i))));
    return collect(ctx, w, n, first, dtype, { params: ["f", "n"], values: [f, ctx.int(n)], call: w.call(w.name("f"), { kind: "none", loc }, w.name("i")), stop: w.name("n") }, loc);
  }
  if ((v.kind === "list" || v.kind === "tuple") && name === "Array") return listValue(f ? v.items.map((x, i) => ctx.call(f, [x, ctx.int(i)], NO_KEYWORDS, loc)) : [...v.items]);
  const a = isArray(v) ? array(ctx, v, loc) : array(ctx, arrayOf(ctx, v, loc), loc);
  if (!f) return copied(ctx, a, loc, dtype);
  const first = probe(ctx, shapeOf(a)[0]!, (i) => ctx.call(f, [element(ctx, a, i, loc), ctx.int(i)], NO_KEYWORDS, loc), loc);
  return collect(ctx, w, shapeOf(a)[0]!, first, dtype, { params: ["a", "f"], values: [a, f], call: w.call(w.name("f"), w.item("a", "i"), w.name("i")), stop: w.length("a") }, loc);
});

// ---- forEach, reduce, tests

method("forEach", (ctx, a, f, _args, loc) => {
  const w = new Writer(loc);
  ctx.call(w.define("forEach", ["a", "f"], w.loop(w.number(0), w.length("a"), w.run(w.callback()))), [a, f], NO_KEYWORDS, loc);
  return NONE;
}, (_ctx, self, call) => { self.items.forEach((_, i) => { call(i); }); return NONE; });

for (const name of ["reduce", "reduceRight"] as const) defineMethod("javascript", name, (ctx, [self, callback, ...init], _keywords, loc) => {
  const v = self ?? NONE, f = callable(ctx, callback, loc), w = new Writer(loc);
  if (v.kind === "list" || v.kind === "tuple") {
    const order = name === "reduce" ? [...v.items.entries()] : [...v.items.entries()].reverse();
    let acc = init[0];
    for (const [i, x] of order) acc = acc === undefined ? x : ctx.call(f, [acc, x, ctx.int(i), v], NO_KEYWORDS, loc);
    return acc ?? ctx.fail("RAISED", "Reduce of empty array with no initial value", loc);
  }
  if (!isArray(v)) return ctx.fail("TYPE", `${describe(v)} has no method ${name}`, loc);
  const whole = array(ctx, v, loc);
  const step = w.assign("acc", w.call(w.name("f"), w.name("acc"), w.item("a", "i"), w.name("i"), w.name("a")));
  if (name === "reduceRight") {
    const last = (k: number): ast.Expr => ({ kind: "binary", op: "-", left: w.length("a"), right: w.number(k), loc }), down = (from: ast.Expr): ast.Stmt => ({ kind: "count", variable: "i", start: from, stop: w.number(-1), step: -1, exitValue: false, body: [step], label: "elements", loc });
    if (init.length > 0) return ctx.call(w.define(name, ["a", "f", "acc"], down(last(1)), w.give(w.name("acc"))), [whole, f, init[0]!], NO_KEYWORDS, loc);
    requireElements(ctx, shapeOf(whole)[0]!, "Reduce of empty array with no initial value", loc);
    return ctx.call(w.define(name, ["a", "f"], w.assign("acc", { kind: "index", object: w.name("a"), items: [{ kind: "expr", value: last(1) }], loc }), down(last(2)), w.give(w.name("acc"))), [whole, f], NO_KEYWORDS, loc);
  }
  if (init.length > 0) return ctx.call(w.define("reduce", ["a", "f", "acc"], w.loop(w.number(0), w.length("a"), step), w.give(w.name("acc"))), [whole, f, init[0]!], NO_KEYWORDS, loc);
  requireElements(ctx, shapeOf(whole)[0]!, "Reduce of empty array with no initial value", loc);
  const first = w.assign("acc", { kind: "index", object: w.name("a"), items: [{ kind: "expr", value: w.number(0) }], loc });
  return ctx.call(w.define("reduce", ["a", "f"], first, w.loop(w.number(1), w.length("a"), step), w.give(w.name("acc"))), [whole, f], NO_KEYWORDS, loc);
}, { impure: true });

for (const [name, all] of [["every", true], ["some", false]] as const) method(name, (ctx, a, f, _args, loc) => {
  const w = new Writer(loc), flag = (value: boolean): ast.Expr => ({ kind: "boolean", value, loc }), test = w.callback();
  const fails: ast.Expr = all ? { kind: "unary", op: "not", operand: test, loc } : test;
  return ctx.call(w.define(name, ["a", "f"], w.assign("ok", flag(all)), w.loop(w.number(0), w.length("a"), w.when(fails, w.assign("ok", flag(!all)), w.leave())), w.give(w.name("ok"))), [a, f], NO_KEYWORDS, loc);
}, (ctx, self, call, _args, loc) => {
  for (let i = 0; i < self.items.length; i++) {
    const t = truth(ctx, call(i), loc);
    if (t.code.kind !== "const") return ctx.unsupported(`${name} over a list with a condition that is known only when the program runs`, loc, "use a typed array");
    if (Boolean(t.code.value) !== all) return { kind: "scalar", dtype: "bool", weak: true, code: t.code };
  }
  return ctx.bool(all);
});
for (const name of ["find", "findIndex", "findLast", "findLastIndex"] as const) {
  const gives = (ctx: Lowering, a: ArrayValue, f: Value, loc: SourceLoc): Value => {
    const w = new Writer(loc), isIndex = name.endsWith("Index"), none: ast.Expr = isIndex ? w.number(-1) : { kind: "none", loc };
    const body = w.when(w.callback(), w.assign("at", isIndex ? w.name("i") : w.item("a", "i")), w.leave());
    const last: ast.Expr = { kind: "binary", op: "-", left: w.length("a"), right: w.number(1), loc };
    const loop: ast.Stmt = name.startsWith("findLast") ? { kind: "count", variable: "i", start: last, stop: w.number(-1), step: -1, exitValue: false, body: [body], label: "elements", loc } : w.loop(w.number(0), w.length("a"), body);
    return ctx.call(w.define(name, ["a", "f"], w.assign("at", none), loop, w.give(w.name("at"))), [a, f], NO_KEYWORDS, loc);
  };
  defineMethod("javascript", name, (ctx, [self, callback], _keywords, loc) => {
    const v = self ?? NONE, f = callable(ctx, callback, loc);
    if (isArray(v)) return gives(ctx, array(ctx, v, loc), f, loc);
    if (v.kind !== "list" && v.kind !== "tuple") return ctx.fail("TYPE", `${describe(v)} has no method ${name}`, loc);
    if (v.items.every((x) => x.kind === "scalar" && x.dtype === "float64") && v.items.length > 0) return gives(ctx, copied(ctx, arrayOf(ctx, v, loc, "float64"), loc), f, loc);
    const order = v.items.map((_, i) => i);
    if (name.startsWith("findLast")) order.reverse();
    for (const i of order) {
      const t = truth(ctx, ctx.call(f, [v.items[i]!, ctx.int(i), v], NO_KEYWORDS, loc), loc);
      if (t.code.kind !== "const") return ctx.unsupported(`${name} of a list with a condition that is known only when the program runs`, loc, "use an array of numbers and find the index");
      if (t.code.value) return name.endsWith("Index") ? ctx.int(i) : v.items[i]!;
    }
    return name.endsWith("Index") ? ctx.int(-1) : NONE;
  }, { impure: true });
}

/** What the callback gives for each element, one after the other. */
method("flatMap", (ctx, a, f, _args, loc) => {
  const w = new Writer(loc), push = w.run(w.call({ kind: "attribute", object: w.name("out"), name: "push", loc }, w.item("r", "k")));
  const inner: ast.Stmt = { kind: "count", variable: "k", start: w.number(0), stop: w.length("r"), step: 1, exitValue: false, body: [push], label: "parts", loc };
  // In a function of its own: what is learnt of loops goes by the call and the place, and all here stand at one.
  const each = w.define("parts", ["out", "r"], inner), body = w.run(w.call(w.name("g"), w.name("out"), w.callback()));
  const all = ctx.call(w.define("flatMap", ["a", "f", "g"], w.assign("out", { kind: "list", elements: [], loc }), w.loop(w.number(0), w.length("a"), body), w.give(w.name("out"))), [a, f, each], NO_KEYWORDS, loc);
  return all.kind === "grown" ? copied(ctx, rowsOf(ctx, all, loc), loc, "float64") : all.kind === "list" && all.items.length === 0 ? ctx.allocate([ZERO], "float64", "flatMap", loc) : all;
}, (_ctx, self, call) => listValue(self.items.flatMap((_, i) => { const r = call(i); return r.kind === "list" ? r.items : [r]; })));
/** A copy with another element. */
defineMethod("javascript", "with", (ctx, [self, at, value], _keywords, loc) => {
  const v = self ?? NONE, i = integerOf(at ?? NONE), w = new Writer(loc);
  if (!isArray(v) || shapeOf(v).length !== 1) return ctx.unsupported(`the method with of ${describe(v)}`, loc, "copy the array and assign to an element");
  const index = i?.constant !== undefined && i.constant < 0 ? ctx.int(addInt(shapeOf(v)[0]!, i.constant)) : at ?? NONE;
  const store: ast.Stmt = { kind: "assign", targets: [{ kind: "index", object: w.name("a"), items: [{ kind: "expr", value: w.name("k") }], loc }], value: w.name("v"), loc };
  return ctx.call(w.define("with", ["a", "k", "v"], store, w.give(w.name("a"))), [copied(ctx, v, loc), index, value ?? NONE], NO_KEYWORDS, loc);
}, { impure: true });
