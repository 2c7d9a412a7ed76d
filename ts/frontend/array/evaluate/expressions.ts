/** Expressions → values. Nothing is stored unless a value is needed later or a call may change what it reads. */
import { insideShape } from "../../../analysis/inside.js";
import { isInteger } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, constant, op } from "../../../scalar/expr.js";
import { type Expr as Int, int, load, min, mul, sub, ZERO } from "../../../symbolic/expr.js";
import type * as ast from "../ast.js";
import { knownOnEntry } from "../bounds.js";
import type { Lowering } from "../context.js";
import { afterArm, arrayOfGrown, lengthOf, lengthsNow } from "../grown.js";
import { knownAttributes, knownMethods, attributeNamed, constantNamed, functionNamed, isImpure, methodNamed } from "../registry.js";
import { asNumber, demanded, isNone } from "../optional.js";
import { isSettled, materialise, pin, store } from "../store.js";
import { type ArrayValue, type ScalarValue, type Value, NONE, NULL, boolValue, describe, floatValue, intValue, isArray, listValue, shapeOf, sameNone, stringValue, tupleValue } from "../value.js";
import { binary, both, compare, negated, select, truth, unary } from "../library/elementwise.js";
import { closest, hintFor } from "../library/suggest.js";
import { reshaped } from "../library/views.js";
import { call, closureOf } from "./calls.js";
import { memberOf, overloaded } from "./classes.js";
import type { Evaluator } from "./evaluator.js";
import { fieldValue } from "./mutables.js";
import { sequenceOf } from "./sequences.js";
import { readIndex, type Item } from "./subscript.js";
import { assignTarget } from "./assign.js";
import { boundBy, visitExpr } from "./names.js";
import { requireInt } from "../shapes.js";
import { type Arm, lookup, ownerOf, mergeValues, saveVariables, setVariables, settle, withoutAssigning } from "./variables.js";

export function evaluate(ev: Evaluator, e: ast.Expr): Value {
  const { ctx } = ev;
  switch (e.kind) {
    case "number":
      if (ctx.language === "javascript" || !e.integer) return floatValue(e.value, ctx.language);
      if (!Number.isSafeInteger(e.value)) return { kind: "scalar", dtype: "int64", weak: true, code: constant(BigInt(e.value), "int64") };
      return intValue(int(e.value));
    case "bigint": return { kind: "scalar", dtype: "int64", weak: false, code: constant(e.value, "int64"), ...(e.value >= -9007199254740991n && e.value <= 9007199254740991n ? { int: int(Number(e.value)) } : {}) };
    case "imaginary": return { kind: "scalar", dtype: "complex128", weak: true, code: constant(0, "complex128", e.value) };
    case "boolean": return boolValue(e.value);
    case "string": return stringValue(e.value);
    case "none": return e.isNull ? NULL : NONE;
    case "name": return lookup(ev, e.name, e.loc);
    case "library": return libraryValue(ev, e.name, e.loc);
    case "function": return closureOf(ev, e.def);
    case "tuple": return tupleValue(evaluateAll(ev, e.elements));
    case "list": return listValue(evaluateAll(ev, e.elements));
    case "object": { const values = evaluateAll(ev, e.entries.map((x) => x.value)); return { kind: "object", entries: new Map(e.entries.map((x, i) => [x.key, settle(ev, values[i]!, e.loc, x.key)])) }; }
    case "unary": { const v = e.op === "not" ? evaluate(ev, e.operand) : number(ev, evaluate(ev, e.operand), e.loc); return overloaded(ev, e.op === "-" ? "__neg__" : e.op === "+" ? "__pos__" : "", [v], e.loc) ?? unary(ctx, e.op, v, e.loc); }
    case "binary": { const [a, b] = evaluateAll(ev, [e.left, e.right]).map((v) => number(ev, v, e.loc)); return overloaded(ev, e.op, [a!, b!], e.loc) ?? binary(ctx, e.op, a!, b!, e.loc); }
    case "compare": {
      const [a, b] = evaluateAll(ev, [e.left, e.right]), chosen = compareOptional(ev, e, a!, b!);
      if (chosen) return chosen;
      if (e.op === "in" && ctx.language === "javascript" && b!.kind !== "object") return ctx.unsupported(`the operator in of ${describe(b!)}`, e.loc, "in is for properties of plain objects");
      if (e.strict && a!.kind === "none" && b!.kind === "none") return boolValue(sameNone(a, b) === (e.op === "==" || e.op === "is"));
      return overloaded(ev, e.op, [a!, b!], e.loc) ?? compare(ctx, e.op, a!, b!, e.loc);
    }
    case "logical": return logical(ev, e);
    case "conditional": return conditional(ev, e);
    case "attribute": return attribute(ev, evaluate(ev, e.object), e.name, e.loc);
    case "index": {
      const { object, items } = indexParts(ev, e.object, e.items);
      // np.mgrid[0:n, 0:m] and the like.
      const grid = object.kind === "library" ? functionNamed(`${object.name}[]`) : undefined;
      if (grid) return grid(ctx, items.flatMap((i): Value[] => (i.kind === "slice" ? [i.slice] : i.kind !== "value" ? [NONE] : i.value.kind === "tuple" ? i.value.items : [i.value])), new Map(), e.loc);
      return overloaded(ev, "__getitem__", [object, ...items.map((i) => (i.kind === "value" ? i.value : NONE))], e.loc) ?? readIndex(ctx, object, items, e.loc);
    }
    case "call": return call(ev, e);
    case "comprehension": return comprehension(ev, e);
  }
}

/** Operands from left to right; what later ones may change is kept. */
export function evaluateAll(ev: Evaluator, list: readonly ast.Expr[]): Value[] {
  const out: Value[] = [];
  for (const e of list) {
    if (out.length > 0 && mayWrite(ev.ctx, e)) out.forEach((v, i) => { out[i] = protect(ev, v, list[i]!.loc); });
    out.push(evaluate(ev, e));
  }
  return out;
}
/** The value as it is now. Arrays are references and stay. */
export function protect(ev: Evaluator, v: Value, loc: SourceLoc): Value {
  if (v.kind === "scalar") return isSettled(ev.ctx, v) ? v : pin(ev.ctx, v, loc);
  // Parts of an array stay references, as the array itself does.
  return v.kind === "lazy" && !v.part ? materialise(ev.ctx, v, { loc }) : v;
}
export function mayWrite(ctx: Lowering, e: ast.Expr): boolean {
  let found = false;
  visitExpr(e, (x) => {
    if (x.kind !== "call") return;
    if (x.callee.kind === "library") { if (isImpure(x.callee.name)) found = true; }
    else if (x.callee.kind !== "attribute" || isImpure(`.${x.callee.name}`) || !methodNamed(ctx.language, x.callee.name)) found = true;
  });
  return found;
}

export function libraryValue(ev: Evaluator, name: string, loc: SourceLoc): Value {
  const c = constantNamed(name);
  if (c) return c;
  if (functionNamed(name)) return { kind: "library", name };
  return ev.ctx.unsupported(name, loc, hintFor(name));
}

export function attribute(ev: Evaluator, self: Value, name: string, loc: SourceLoc): Value {
  const { ctx } = ev;
  if (self.kind === "optional") return attribute(ev, demanded(ctx, self, `${name} of`, loc), name, loc);
  if (self.kind === "class") return memberOf(ev, self, name, undefined) ?? ctx.fail("TYPE", `${describe(self)} has no ${name}`, loc);
  if (self.kind === "object" || (self.kind === "tuple" && self.record)) {
    const v = self.kind === "object" ? fieldValue(ctx, self, name) : self.items[self.record!.names.indexOf(name)];
    if (v) return v.kind === "function" && v.def.receiver && !v.self ? { ...v, self } : v;
    const cls = self.kind === "object" ? self.cls : self.record!.cls, member = cls && memberOf(ev, cls, name, self, loc);
    if (member) return member;
    if (cls && ctx.language === "python") return ctx.fail("TYPE", `${describe(self)} has no ${name}`, loc);
    if (methodNamed(ctx.language, name)) return { kind: "method", self, name };
    return ctx.language === "javascript" ? NONE : ctx.fail("TYPE", `the object has no ${name}`, loc);
  }
  if (self.kind === "library") return libraryValue(ev, `${self.name}.${name}`, loc);
  const v = attributeNamed(ctx.language, name)?.(ctx, self, loc);
  if (v) return v;
  if (methodNamed(ctx.language, name)) return { kind: "method", self, name };
  if (self.kind === "none") return ctx.fail("TYPE", `${name} of ${ctx.language === "python" ? "None" : "undefined or null"}`, loc);
  const near = closest(name, [...knownAttributes(ctx.language), ...knownMethods(ctx.language)]);
  return ctx.unsupported(`.${name} of ${describe(self)}`, loc, near && `did you mean .${near}?`);
}

/** The object and the items of a subscript, in order of evaluation. */
export function indexParts(ev: Evaluator, object: ast.Expr, items: readonly ast.IndexItem[]): { object: Value; items: Item[] } {
  const parts = items.flatMap((i) => (i.kind === "expr" ? [i.value] : i.kind === "slice" ? [i.start, i.stop, i.step].filter((x): x is ast.Expr => x !== undefined) : []));
  const [target, ...values] = evaluateAll(ev, [object, ...parts]);
  let at = 0;
  const next = (): Value => { const v = number(ev, values[at++]!, object.loc); return v.kind === "grown" ? arrayOfGrown(ev.ctx, v, object.loc) : v; };
  return {
    object: demanded(ev.ctx, target!, "an element of", object.loc),
    items: items.map((i): Item => {
      switch (i.kind) {
        case "expr": return { kind: "value", value: next(), loc: i.value.loc };
        case "slice": {
          const s: { kind: "slice"; start?: Value; stop?: Value; step?: Value } = { kind: "slice" };
          if (i.start) s.start = next();
          if (i.stop) s.stop = next();
          if (i.step) s.step = next();
          return { kind: "slice", slice: s, loc: i.loc };
        }
        default: return i;
      }
    }),
  };
}

/** What may be null or undefined, as a number. */
function number(ev: Evaluator, v: Value, loc: SourceLoc): Value { return v.kind === "optional" ? asNumber(ev.ctx, v, loc) : v; }
/** Comparisons of what may be null or undefined. */
function compareOptional(ev: Evaluator, e: ast.Expr & { kind: "compare" }, a: Value, b: Value): Value | undefined {
  const { ctx } = ev, [x, y] = a.kind === "optional" ? [a, b] : [b, a];
  if (x.kind !== "optional") return undefined;
  const same = e.op === "==" || e.op === "is", equality = same || e.op === "!=" || e.op === "isnot";
  if (equality && y.kind === "none") { const is = isNone(x, y, e.strict ?? false); return same ? is : negated(is); }
  if (equality && y.kind !== "optional") { const equal = both(x.present, truth(ctx, compare(ctx, e.op === "!=" ? "==" : e.op === "isnot" ? "is" : e.op, x.value, y, e.loc), e.loc)); return same ? equal : negated(equal); }
  if (equality) return ctx.unsupported("comparing two values that may both be null or undefined", e.loc, "test one of them first");
  return compare(ctx, e.op, number(ev, a, e.loc), number(ev, b, e.loc), e.loc);
}

// ---- choice ----

/** Every element that the code reads exists under what is known outside the arm. */
function readsAnywhere(ctx: Lowering, v: ScalarValue): boolean {
  const { memlets, loads } = ctx.readsOf(v.code);
  return memlets.every((m) => insideShape(ctx.container(m.data).shape, m.index, ctx.facts)) && [...loads].every((c) => ctx.container(c).shape.length === 0);
}

/** Evaluates one arm apart, knowing that its condition holds. */
export function arm<T>(ev: Evaluator, facts: readonly Int[], f: () => T): { readonly arm: Arm; readonly value: T } {
  const { ctx } = ev, born = ctx.born, lists = lengthsNow(ctx);
  let value!: T;
  ev.conditional++;
  try {
    const body = ctx.region(() => { ctx.withFacts(facts, () => { value = f(); }); });
    afterArm(ctx, lists);
    return { arm: { variables: saveVariables(ev), body, born, facts }, value };
  } finally { ev.conditional--; }
}

function conditional(ev: Evaluator, e: ast.Expr & { kind: "conditional" }): Value {
  const test = truth(ev.ctx, evaluate(ev, e.test), e.test.loc);
  return choose(ev, test, () => evaluate(ev, e.then), () => evaluate(ev, e.otherwise), e.loc);
}

/** `then` where the condition holds, else `otherwise`; each is evaluated only where it is wanted. */
function choose(ev: Evaluator, condition: ScalarValue, then: () => Value, otherwise: () => Value, loc: SourceLoc): Value {
  const { ctx } = ev;
  if (condition.code.kind === "const") return condition.code.value ? then() : otherwise();
  const test = pinIfNeeded(ev, condition, loc);
  const before = saveVariables(ev);
  const a = arm(ev, test.facts?.whenTrue ?? [], then);
  setVariables(ev, before);
  const b = arm(ev, test.facts?.whenFalse ?? [], otherwise);
  setVariables(ev, before);
  const plain = a.arm.body.length === 0 && b.arm.body.length === 0;
  if (plain && a.value.kind === "scalar" && b.value.kind === "scalar" && readsAnywhere(ctx, a.value) && readsAnywhere(ctx, b.value)) return select(ctx, test, a.value, b.value, loc);
  // Pins of an arm belong to the arm.
  const values = ([a, b] as const).map((x): Value => {
    const outer = ctx.body;
    ctx.body = x.arm.body;
    try { return settle(ev, x.value, loc); } finally { ctx.body = outer; }
  });
  const v = mergeValues(ev, `${ev.key(loc)}?`, "%value", [a.arm, b.arm], [values[0]!, values[1]!], true, loc);
  if (v.kind === "poison") return ctx.unsupported(v.reason?.replace("the result", "this value") ?? "this choice", loc, "use an if statement with two names");
  ctx.emitConditional(test.code, a.arm.body, b.arm.body, loc);
  return v;
}
/** The condition's code is used after the arms were evaluated, before they run: nothing is written in between. */
function pinIfNeeded(_ev: Evaluator, condition: ScalarValue, _loc: SourceLoc): ScalarValue { return condition; }

/** JavaScript's `a[k] ?? x`: x where the array has no element k. Undefined if the left side is no element of an array of one dimension. */
function elementOr(ev: Evaluator, e: ast.Expr & { kind: "logical" }): Value | undefined {
  const { ctx } = ev, { left } = e, index = left.kind === "index" && left.items.length === 1 ? left.items[0] : undefined;
  if (left.kind !== "index" || index?.kind !== "expr" || left.object.kind !== "name") return undefined;
  const owner = ownerOf(ev.frame, left.object.name)?.vars.get(left.object.name);
  if (owner?.kind === "value" && owner.value.kind !== "array" && owner.value.kind !== "grown") return undefined;
  const a = evaluate(ev, left.object), size = a.kind === "array" && a.dims.length === 1 ? a.dims[0]!.size : a.kind === "grown" ? lengthOf(ctx, a, e.loc) : undefined;
  if (size === undefined) return undefined;
  const k = evaluate(ev, index.value);
  if (k.kind !== "scalar") return undefined;
  const i = protect(ev, k, e.loc), at = requireInt(ctx, i, index.value.loc, "an index");
  const low = compare(ctx, ">=", ctx.int(at), ctx.int(0), e.loc), high = compare(ctx, "<", ctx.int(at), ctx.int(size), e.loc);
  if (low.kind !== "scalar" || high.kind !== "scalar") return undefined;
  const read = (): Value => readIndex(ctx, a, [{ kind: "value", value: ctx.int(at), loc: index.value.loc }], left.loc);
  return choose(ev, both(low, high), read, () => evaluate(ev, e.right), e.loc);
}

function logical(ev: Evaluator, e: ast.Expr & { kind: "logical" }): Value {
  const { ctx } = ev, element = e.op === "nullish" ? elementOr(ev, e) : undefined;
  if (element) return element;
  let left = evaluate(ev, e.left);
  if (e.op === "nullish" && left.kind === "optional") { const { present, value } = left; return choose(ev, present, () => value, () => evaluate(ev, e.right), e.loc); }
  if (e.op === "nullish") return left.kind === "none" ? evaluate(ev, e.right) : left;
  const test = truth(ctx, left, e.left.loc), isAnd = e.op === "and";
  if (test.code.kind === "const") return Boolean(test.code.value) === isAnd ? evaluate(ev, e.right) : left;
  if (left.kind === "scalar" && mayWrite(ctx, e.right)) left = protect(ev, left, e.left.loc);
  const again = left.kind === "scalar" ? truth(ctx, left, e.left.loc) : test;
  if (left.kind !== "scalar" || left.dtype !== "bool") {
    const value = left.kind === "optional" && !isAnd ? left.value : left;
    return isAnd ? choose(ev, again, () => evaluate(ev, e.right), () => value, e.loc) : choose(ev, again, () => value, () => evaluate(ev, e.right), e.loc);
  }
  const known = again.facts, before = saveVariables(ev);
  const right = arm(ev, (isAnd ? known?.whenTrue : known?.whenFalse) ?? [], () => evaluate(ev, e.right));
  const r = right.value;
  if (right.arm.body.length === 0 && r.kind === "scalar" && r.dtype === "bool" && readsAnywhere(ctx, r)) {
    if (r.code.kind === "const") return Boolean(r.code.value) === isAnd ? again : { ...r, facts: { whenTrue: [], whenFalse: [] } };
    const whenTrue = isAnd ? [...(known?.whenTrue ?? []), ...(r.facts?.whenTrue ?? [])] : [], whenFalse = isAnd ? [] : [...(known?.whenFalse ?? []), ...(r.facts?.whenFalse ?? [])];
    return { kind: "scalar", dtype: "bool", weak: again.weak && r.weak, code: op(isAnd ? "and" : "or", "bool", again.code, r.code), facts: { whenTrue, whenFalse } };
  }
  setVariables(ev, before);
  const value = left;
  return isAnd ? choose(ev, again, () => evaluate(ev, e.right), () => value, e.loc) : choose(ev, again, () => value, () => evaluate(ev, e.right), e.loc);
}

// ---- comprehensions ----

function comprehension(ev: Evaluator, e: ast.Expr & { kind: "comprehension" }): Value {
  const { ctx } = ev, iterable = evaluate(ev, e.iterable);
  const scoped = <T>(f: () => T): T => {
    ctx.frames.push({ def: undefined, vars: new Map(), parent: ev.frame, key: ev.frame.key });
    try { return f(); } finally { ctx.frames.pop(); }
  };
  const items = iterable.kind === "tuple" || iterable.kind === "list" ? [...iterable.items] : undefined;
  const seq = items ? undefined : sequenceOf(ctx, iterable, e.iterable.loc), count = items?.length ?? seq!.length.constant;
  /** Undefined: the run decides. */
  const wanted = (): boolean | undefined => {
    if (!e.condition) return true;
    const t = truth(ctx, evaluate(ev, e.condition), e.condition.loc);
    return t.code.kind === "const" ? Boolean(t.code.value) : undefined;
  };
  const unrolled = count !== undefined && (items !== undefined || count <= 64), decided = unrolled && chosenNow(ev, count, (i, f) => scoped(() => { bindLocal(ev, e.target, items ? items[i]! : seq!.at(int(i))); return f(); }), wanted);
  if (unrolled && decided) {
    const out: Value[] = [];
    for (let i = 0; i < count; i++) scoped(() => { bindLocal(ev, e.target, items ? items[i]! : seq!.at(int(i))); if (decided[i]) out.push(settle(ev, evaluate(ev, e.element), e.loc)); });
    if (!e.flat) return listValue(out);
    if (out.every((v) => v.kind === "list")) return listValue(out.flatMap((v) => (v.kind === "list" ? v.items : [])));
    return functionNamed("np.concatenate")!(ctx, [tupleValue(out.filter((v) => v.kind !== "list" || v.items.length > 0).map((v) => (v.kind === "list" ? arrayFromList(ctx, v, e.loc) : v)))], new Map(), e.loc);
  }
  // One element is evaluated for its type and shape, then again in the loop that fills the array.
  const all = seq ?? sequenceOf(ctx, arrayFromList(ctx, listValue(items!), e.iterable.loc), e.iterable.loc), { length } = all;
  const element = (i: Int): Value => scoped(() => { bindLocal(ev, e.target, all.at(i)); return evaluate(ev, e.element); });
  const saved = ctx.snapshot();
  let probe: Value | undefined;
  withoutAssigning(ctx, () => { ctx.loop("i", ZERO, length, "up", (i) => { const v = element(i); probe = v.kind === "scalar" ? v : isArray(v) ? materialise(ctx, v) : v.kind === "list" ? arrayFromList(ctx, v, e.loc) : v.kind === "grown" ? arrayOfGrown(ctx, v, e.loc) : v; }); }, e.loc);
  ctx.restore(saved);
  if (!probe) return listValue([]);
  if (probe.kind !== "scalar" && probe.kind !== "array") return ctx.unsupported(`an array of ${describe(probe)}`, e.loc);
  if (e.flat && probe.kind === "array" && !knownOnEntry(ctx, shapeOf(probe)[0]!)) return ctx.call(written(ev, e), [], new Map(), e.loc);
  const out = ctx.allocate([length, ...(probe.kind === "array" ? shapeOf(probe) : [])], ctx.language === "javascript" ? "float64" : probe.dtype, "list", e.loc);
  if (e.flat && e.condition) return ctx.call(written(ev, e), [], new Map(), e.loc);
  if (e.condition) return filtered(ev, out, length, (i) => scoped(() => { bindLocal(ev, e.target, all.at(i)); return truth(ctx, evaluate(ev, e.condition!), e.condition!.loc); }), element, e.loc);
  ctx.loop("i", ZERO, length, "up", (i) => {
    const at: Item[] = [{ kind: "value", value: ctx.int(i), loc: e.loc }];
    const target = readIndexView(ctx, out, at, e.loc), v = element(i);
    store(ctx, target, v, e.loc);
  }, e.loc);
  if (e.flat) { const s = shapeOf(out); return reshaped(ctx, out, [mul(s[0]!, s[1]!), ...s.slice(2)], e.loc); }
  return out;
}
/** A comprehension as a function that appends to a list in loops: for one whose inner length changes from element to element. */
function written(ev: Evaluator, e: ast.Expr & { kind: "comprehension" }): Value {
  const { loc } = e, out = "list$", locals = new Set([out]), list: ast.Expr = { kind: "name", name: out, loc };
  let depth = 0;
  const loops = (c: ast.Expr & { kind: "comprehension" }): ast.Stmt => {
    boundBy(c.target, locals);
    const inner: ast.Stmt = c.flat && c.element.kind === "comprehension" ? loops(c.element)
      : { kind: "expression", value: { kind: "call", callee: { kind: "attribute", object: list, name: "append", loc }, args: [{ value: c.element }], keywords: [], loc }, loc: c.element.loc };
    return { kind: "for", target: c.target, iterable: c.iterable, body: c.condition ? [{ kind: "if", test: c.condition, then: [inner], otherwise: [], loc: c.condition.loc }] : [inner], label: `comprehension${depth++}`, loc: { ...c.target.loc } };
  };
  const body: ast.Stmt[] = [{ kind: "assign", targets: [{ kind: "name", name: out, loc }], value: { kind: "list", elements: [], loc }, loc }, loops(e), { kind: "return", value: list, loc }];
  return { kind: "function", def: { name: "comprehension", params: [], body, locals, loc }, scope: ev.frame };
}
/** Which elements a comprehension takes, if that is known now. */
function chosenNow(ev: Evaluator, count: number, at: (i: number, f: () => boolean | undefined) => boolean | undefined, wanted: () => boolean | undefined): boolean[] | undefined {
  const out: boolean[] = [], saved = ev.ctx.snapshot();
  for (let i = 0; i < count; i++) { const w = at(i, wanted); if (w === undefined) { ev.ctx.restore(saved); return undefined; } out.push(w); }
  return out;
}
/** The elements for which a condition holds, one after the other; the run finds how many there are. */
function filtered(ev: Evaluator, out: ArrayValue, length: Int, condition: (i: Int) => ScalarValue, element: (i: Int) => Value, loc: SourceLoc): Value {
  const { ctx } = ev, count = ctx.allocate([], "int64", "count", loc), n = load(count.data, []);
  ctx.tasklet(count.data, [], constant(0, "int64"), { loc });
  withoutAssigning(ctx, () => {
    ctx.loop("i", ZERO, length, "up", (i) => {
      const t = condition(i), body = ctx.region(() => {
        ctx.withFacts(t.facts?.whenTrue ?? [], () => { store(ctx, { ...out, base: [n, ...out.base.slice(1)], dims: out.dims.slice(1) }, element(i), loc); });
        ctx.tasklet(count.data, [], op("add", "int64", ctx.read(count.data, []), constant(1, "int64")), { loc });
      });
      ctx.emitConditional(t.code, body, [], loc);
    }, loc);
  }, loc);
  const room = ctx.container(out.data).shape[0]!;
  ctx.single.add(count.data);
  ctx.frozen.add(count.data);
  ctx.lengths.set(count.data, room);
  ctx.facts = ctx.facts.with(n, sub(room, n));
  return { ...out, dims: [{ ...out.dims[0]!, size: min(room, n) }, ...out.dims.slice(1)] };
}
function readIndexView(ctx: Lowering, v: ArrayValue, items: readonly Item[], loc: SourceLoc): ArrayValue {
  const [d, ...dims] = v.dims;
  const first = items[0];
  const i = first?.kind === "value" && first.value.kind === "scalar" ? first.value.int : undefined;
  if (!d || !i) return ctx.fail("TYPE", "an index into nothing", loc);
  return { ...v, base: [i, ...v.base.slice(1)], dims };
}
function bindLocal(ev: Evaluator, target: ast.Target, v: Value): void {
  if (target.kind === "name") { ev.frame.vars.set(target.name, { kind: "value", value: settle(ev, v, target.loc, target.name) }); return; }
  const names = new Set<string>();
  const collect = (t: ast.Target): void => { if (t.kind === "name") names.add(t.name); else if (t.kind === "tuple") for (const x of t.elements) if (x) collect(x); };
  collect(target);
  for (const n of names) ev.frame.vars.set(n, { kind: "value", value: NONE });
  assignTarget(ev, target, v);
}

/** A list of numbers and arrays as one array. */
export function arrayFromList(ctx: Lowering, v: Value & { kind: "list" | "tuple" }, loc: SourceLoc): ArrayValue {
  const shape: Int[] = [];
  let dtype = ctx.language === "javascript" ? "float64" as const : undefined;
  let first: Value | undefined = v;
  while (first && (first.kind === "list" || first.kind === "tuple")) { shape.push(int(first.items.length)); first = first.items[0]; }
  if (first && isArray(first)) shape.push(...shapeOf(first));
  const type = dtype ?? (first && (first.kind === "scalar" || isArray(first)) ? first.dtype : "float64");
  dtype = undefined;
  const out = ctx.allocate(shape, type, "list", loc);
  store(ctx, out, v, loc);
  return out;
}

/** One element of an array, as the language sees it. */
export function elementValue(ctx: Lowering, v: ArrayValue): ScalarValue {
  const read = ctx.read(v.data, v.base), whole = isInteger(v.dtype);
  if (ctx.language === "javascript") {
    if (v.dtype === "bool" || v.dtype.startsWith("complex") || v.dtype === "int64" || v.dtype === "uint64") return { kind: "scalar", dtype: v.dtype, weak: false, code: read, ...(whole ? { int: load(v.data, v.base) } : {}) };
    return { kind: "scalar", dtype: "float64", weak: true, code: cast(read, "float64"), ...(whole ? { int: load(v.data, v.base) } : {}) };
  }
  return { kind: "scalar", dtype: v.dtype, weak: false, code: read, ...(whole ? { int: load(v.data, v.base) } : {}) };
}
