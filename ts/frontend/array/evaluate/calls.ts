/** Calls: program functions are inlined, library functions and methods are looked up in the registry. */
import type { SourceLoc } from "../../../base/errors.js";
import { freshId } from "../../../sdfg/sdfg.js";
import { int } from "../../../symbolic/expr.js";
import type * as ast from "../ast.js";
import { type Frame, type Lowering, NeedsExact } from "../context.js";
import { arrayOfGrown, decidedByRun, isIntegral, lengthOf, rowsOf } from "../grown.js";
import { asNumber, demanded } from "../optional.js";
import { hintFor } from "../library/suggest.js";
import { functionNamed, methodNamed } from "../registry.js";
import { type FunctionValue, type Value, NONE, describe, listValue, tupleValue, withItems } from "../value.js";
import { instantiate, superMethod, special } from "./classes.js";
import { isAssigned, optionalCell, pendingCell, readCell, writeCell } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { evaluate, evaluateAll } from "./expressions.js";
import { fieldValue } from "./mutables.js";
import { numbersAsArray } from "./globals.js";
import { prepareNames } from "./loop-variables.js";
import { sequenceOf } from "./sequences.js";
import { runList } from "./statements.js";
import { settle, unshared } from "./variables.js";

/** How deep a function may call itself, and how many such calls are written out. */
const DEPTH = 64, RECURSIONS = 1000;
const SPREADABLE = /^(Math\.(max|min|hypot)|(\w+)?Array\.of)$/;

export function call(ev: Evaluator, e: ast.Expr & { kind: "call" }): Value {
  const parent = superMethod(ev, e);
  const values = evaluateAll(ev, [parent ? { kind: "none", loc: e.loc } : e.callee, ...e.args.map((a) => a.value), ...e.keywords.map((k) => k.value)]);
  const args: Value[] = [], callee = parent ?? values[0]!;
  e.args.forEach((a, i) => {
    const given = values[i + 1]!, v = a.spread && given.kind === "grown" ? arrayOfGrown(ev.ctx, given, a.value.loc) : given;
    if (!a.spread) { args.push(v); return; }
    if (v.kind === "tuple" || v.kind === "list") { args.push(...v.items); return; }
    const seq = sequenceOf(ev.ctx, v, a.value.loc), n = seq.length.constant;
    // A function that takes any number of numbers gets the array itself, marked as spread.
    if (n === undefined && callee.kind === "library" && SPREADABLE.test(callee.name)) { args.push({ kind: "method", self: v, name: "..." }); return; }
    if (n === undefined) ev.ctx.unsupported("spreading an array of unknown length", a.value.loc);
    for (let k = 0; k < n; k++) args.push(seq.at(int(k)));
  });
  const keywords = new Map<string, Value>();
  e.keywords.forEach((k, i) => {
    const v = values[1 + e.args.length + i]!, given: (readonly [string, Value])[] = !k.spread ? [[k.name, v]] : v.kind === "object" ? [...v.entries.keys()].map((n) => [n, fieldValue(ev.ctx, v, n)!] as const) : ev.ctx.fail("TYPE", `${describe(v)} after ** where a dictionary is needed`, k.value.loc);
    for (const [n, x] of given) { if (keywords.has(n)) ev.ctx.fail("ARGUMENT", `the argument ${n} is given twice`, k.value.loc); keywords.set(n, x); }
  });
  return callValue(ev, callee, args, keywords, e.loc);
}

export function callValue(ev: Evaluator, callee: Value, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc): Value {
  const { ctx } = ev;
  if (callee.kind === "optional") return callValue(ev, demanded(ctx, callee, "calling", loc), args, keywords, loc);
  switch (callee.kind) {
    case "function": if (callee.def.elementwise) return callValue(ev, { kind: "method", self: tupleValue([{ ...callee, def: callee.def.elementwise }]), name: "%vectorized" }, args, keywords, loc); return inline(ev, callee, args, keywords, loc);
    case "class": return instantiate(ev, callee, args, keywords, loc);
    case "object": case "tuple": { const own = special(ev, callee, "__call__"); return own ? callValue(ev, own, args, keywords, loc) : ctx.fail("TYPE", `calling ${describe(callee)}`, loc); }
    case "library": {
      if (callee.name === "len" && args.length === 1 && args[0]!.kind === "grown") return ctx.int(lengthOf(ctx, args[0], loc));
      const f = functionNamed(callee.name), method = args[0] && MEANINGS[callee.name], own = method === undefined ? undefined : special(ev, args[0]!, method);
      if (own) return callValue(ev, own, [], keywords, loc);
      args = args.map((a) => plain(ctx, a, callee.name, loc)); keywords = new Map([...keywords].map(([k, a]) => [k, plain(ctx, a, callee.name, loc)])); const r = f ? f(ctx, args, keywords, loc) : undefined;
      if (r?.kind === "array" && TYPED.test(callee.name)) ctx.typed.add(ctx.container(ctx.bufferOf(r.data)));
      return r ?? ctx.unsupported(`calling ${callee.name}`, loc, hintFor(callee.name)); }
    case "method": {
      const f = methodNamed(ctx.language, callee.name), { self } = callee;
      if (self.kind === "grown") {
        if (!OF_LISTS.test(callee.name)) return callValue(ev, { ...callee, self: arrayOfGrown(ctx, self, loc) }, args, keywords, loc);
        // What may have been left before is not done in every iteration.
        if (ev.exits.some((x) => x.used) && self.state.counter === undefined) decidedByRun(ctx, self);
      } else args = args.map((a) => plain(ctx, a, callee.name, loc));
      const r = f ? f(ctx, [callee.self, ...args], keywords, loc) : ctx.unsupported(`the method ${callee.name}`, loc);
      if (self.kind === "array" && r.kind === "array" && ctx.typed.has(ctx.container(ctx.bufferOf(self.data))) && OF_TYPED.test(callee.name)) ctx.typed.add(ctx.container(ctx.bufferOf(r.data)));
      return r;
    }
    case "dtype": { const f = functionNamed(`np.${callee.dtype}`); return f ? f(ctx, args, keywords, loc) : ctx.unsupported(`calling the dtype ${callee.dtype}`, loc); }
    case "none": return ctx.fail("TYPE", `calling ${ctx.language === "python" ? "None" : "undefined or null"}`, loc);
    default: return ctx.fail("TYPE", `calling ${describe(callee)}`, loc);
  }
}

/** Functions that ask an instance's class. */
const MEANINGS: Readonly<Record<string, string>> = { len: "__len__", abs: "__abs__" };
/** What makes a typed array, and its methods that make others. */
const TYPED = /^(Big)?(Float|Int|Uint)\d+Array(\.from|\.of)?$/, OF_TYPED = /^(slice|subarray|map|filter|sort|toSorted|reverse|toReversed|fill|copyWithin)$/;
/** Methods that lists in containers have of their own, and functions that make something new of what they are given. */
const OF_LISTS = /^(append|extend|push|pop|shift|unshift|splice|insert|reverse|clear|sort|copy|index|count|remove)$/;
const COPIES = /^(np\.(array|stack|concatenate|concat|[vh]stack|column_stack|sum|mean|min|max|amin|amax|prod|std|var|median|cumsum|diff|dot|argmax|argmin|linalg\.norm)|len|sum|min|max)$/;
/** The argument of a library function: lists in containers are arrays. */
function plain(ctx: Lowering, v: Value, name: string, loc: SourceLoc): Value {
  if (v.kind === "optional" && name === "typeof") return ctx.unsupported("typeof a value that may be null or undefined", loc, "compare it with null or undefined");
  if (v.kind === "optional") return v.value.kind === "scalar" ? asNumber(ctx, v, loc) : demanded(ctx, v, "an argument that is", loc);
  if (v.kind === "grown") return COPIES.test(name) && !isIntegral(ctx, v) ? rowsOf(ctx, v, loc) : arrayOfGrown(ctx, v, loc);
  if ((v.kind === "tuple" || v.kind === "list") && v.items.some((x) => plain(ctx, x, name, loc) !== x)) return withItems(v, v.items.map((x) => plain(ctx, x, name, loc)));
  return v;
}
function inline(ev: Evaluator, f: FunctionValue, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc): Value {
  const { ctx } = ev, { def } = f;
  if (ev.calls.includes(def)) {
    // Where it ends must be known now: a recursion that the run's data steer never does.
    if (ev.recursions !== undefined && (++ev.recursions > RECURSIONS || ev.calls.filter((d) => d === def).length >= DEPTH)) ev.recursions = undefined;
    // With sizes as symbols nothing ends; the deeper, the larger its expressions.
    if (!ctx.signature.exact && (ev.recursions === undefined || ev.calls.filter((d) => d === def).length >= DEPTH / 4)) throw new NeedsExact();
    if (ev.recursions === undefined) return ctx.unsupported(`${def.name} calling itself, where its depth is not known when the program is compiled (or is above ${DEPTH} calls, or ${RECURSIONS} in all)`, loc, "write the recursion as a loop, or give its depth as a constant");
  }
  const scope = f.scope as Frame | undefined;
  const frame: Frame = { def, vars: new Map(), parent: scope, key: `${ev.frame.key}/${ev.unrolled.join(".")}>${loc.line}:${loc.column}` };
  bindParameters(ev, frame, f, f.self ? [f.self, ...args] : def.receiver ? [NONE, ...args] : args, keywords, loc);
  return runFunction(ev, frame, loc);
}

/** A function where its definition stands. */
export function closureOf(ev: Evaluator, def: ast.FunctionDef): FunctionValue {
  const scope = ev.frame, computed = ev.ctx.language === "python" ? def.params.filter((p) => p.default && !/^(number|bigint|boolean|none|string)$/.test(p.default.kind)) : [];
  if (computed.length === 0) return { kind: "function", def, scope };
  return { kind: "function", def, scope, defaults: new Map(computed.map((p) => [p.name, unshared(ev, settle(ev, evaluate(ev, p.default!), p.loc, p.name), p.loc, p.name)])) };
}

function bindParameters(ev: Evaluator, frame: Frame, f: FunctionValue, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc): void {
  const { ctx } = ev, def = f.def, python = ctx.language === "python";
  const positional = def.params.filter((p) => !p.keywordOnly), left = new Map(keywords), rest = def.params.find((p) => p.rest);
  if (python && !rest && args.length > positional.length) ctx.fail("ARGUMENT", `${def.name} takes ${positional.length} arguments, not ${args.length}`, loc);
  def.params.forEach((p) => {
    if (p.rest) { const left = [...args.slice(positional.length)]; frame.vars.set(p.name, { kind: "value", value: python ? settle(ev, tupleValue(left), loc, p.name) : (ev.isPushed(def, p.name) ? undefined : numbersAsArray(ev, listValue(left), p.name)) ?? settle(ev, listValue(left), loc, p.name) }); return; }
    if (p.restKeywords) { frame.vars.set(p.name, { kind: "value", value: settle(ev, { kind: "object", entries: new Map(left) }, loc, p.name) }); left.clear(); return; }
    const i = p.keywordOnly ? -1 : positional.indexOf(p);
    let v: Value | undefined = i >= 0 ? args[i] : undefined;
    if (left.has(p.name)) {
      if (v) ctx.fail("ARGUMENT", `${def.name} is given ${p.name} twice`, loc);
      v = left.get(p.name);
      left.delete(p.name);
    }
    if (!v || (!python && v.kind === "none" && !v.isNull && p.default)) {
      if (f.defaults?.has(p.name)) v = f.defaults.get(p.name);
      else if (p.default) v = inFrame(ev, python ? frame.parent ?? { def: undefined, vars: new Map(), parent: undefined, key: frame.key } : frame, () => evaluate(ev, p.default!));
      else if (python) ctx.fail("ARGUMENT", `${def.name} is not given ${p.name}`, loc);
      else v = NONE;
    }
    frame.vars.set(p.name, { kind: "value", value: settle(ev, v!, loc, p.name) });
  });
  for (const name of left.keys()) ctx.fail("ARGUMENT", `${def.name} has no argument ${name}`, loc);
}
function inFrame<T>(ev: Evaluator, frame: Frame, f: () => T): T {
  ev.ctx.frames.push(frame);
  try { return f(); } finally { ev.ctx.frames.pop(); }
}

/** The body of a function whose parameters are bound; gives what it returns. */
export function runFunction(ev: Evaluator, bound: Frame, loc: SourceLoc): Value {
  const { ctx } = ev, def = bound.def!, facts = ev.facts(def);
  ev.calls.push(def);
  try {
    if (!facts.leavesEarly) {
      return inFrame(ev, bound, () => {
        runList(ev, def.body, true);
        const r = bound.vars.get("%return");
        return r?.kind === "value" ? r.value : NONE;
      });
    }
    const key = `${bound.key}/function`;
    // Variables of functions around that this one assigns must be in one place wherever it returns.
    const outer = [...facts.assigned(def.body)].filter((n) => !def.locals.has(n));
    const label = ctx.unique(`return_${def.name}`);
    return inFrame(ev, bound, () => {
      const names = prepareNames(ev, key, outer, () => true, loc, [def.body]);
      return names.retrying(() => {
        const result = pendingCell(ev, key, "%return");
        optionalCell(ev, result, loc);
        const frame: Frame = { ...bound, exit: { label, result } };
        ctx.frames[ctx.frames.length - 1] = frame;
        ev.exits.push({ label: "%return", kind: "break", block: label, settle: () => { names.settle(loc); }, used: false, frame });
        const body = ctx.region(() => { try { if (runList(ev, def.body, true) === "normal") writeCell(ev, result, NONE, loc, true); names.settle(loc); } finally { ev.exits.pop(); } });
        ctx.emit({ kind: "block", id: freshId(), label, body });
        names.finish(() => true);
        return isAssigned(ev, result) ? readCell(ev, result)! : NONE;
      });
    });
  } finally { ev.calls.pop(); }
}
