/** The one lowering of array programs: specialised to a signature, a program becomes a graph. */
import { DaceError, InternalError, type SourceLoc } from "../../base/errors.js";
import { Graph } from "../../sdfg/sdfg.js";
import { symbolic } from "../../scalar/expr.js";
import type { Parameter, ReturnValue } from "../../sdfg/nodes.js";
import { type Expr, freeSymbols, loadedContainers, sym } from "../../symbolic/expr.js";
import type { ArrayProgram } from "./ast.js";
import { entryBound, knownOnEntry } from "./bounds.js";
import { compressed } from "./compress.js";
import { type Frame, type Learnt, Lowering, inexact, NeedsExact, nothingLearnt, Restart } from "./context.js";
import type { ParameterType, Signature } from "./signature.js";
import { arrayOfGrown, checkLists } from "./grown.js";
import { demanded } from "./optional.js";
import { materialise } from "./store.js";
import { type ArrayValue, type Value, describe, scalarValue } from "./value.js";
import { checkAliases } from "./evaluate/aliases.js";
import { callValue, runFunction } from "./evaluate/calls.js";
import { noteAppended } from "./evaluate/cells.js";
import { Evaluator } from "./evaluate/evaluator.js";
import { evaluate } from "./evaluate/expressions.js";
import { fromJavaScript, prepareGlobals } from "./evaluate/globals.js";
import { growsInLoop } from "./evaluate/mutables.js";
import { settle } from "./evaluate/variables.js";
import "./library/index.js";

/** More than enough: each restart learns something, and there are not that many things to learn. */
const MAX_RESTARTS = 200;

export function lowerProgram(program: ArrayProgram, signature: Signature): Graph {
  const learnt: Learnt = nothingLearnt();
  for (let n = 0; n < MAX_RESTARTS; n++) {
    try { return lowerOnce(program, signature, learnt); } catch (e) {
      if (e instanceof NeedsExact) throw notExact(program);
      if (!(e instanceof Restart)) throw e;
    }
  }
  throw new InternalError(`lowering ${program.entry.name} does not come to an end`);
}

function notExact(program: ArrayProgram): DaceError {
  const e = new DaceError("UNSUPPORTED", `${program.entry.name} calls a function that calls itself, where the depth is not known when the program is compiled`, { loc: program.entry.loc, hint: "write the recursion as a loop, or give its depth as a constant" });
  inexact.add(e);
  return e;
}

function lowerOnce(program: ArrayProgram, signature: Signature, learnt: Learnt): Graph {
  const ctx = new Lowering(program, signature, learnt), ev = new Evaluator(ctx), { entry } = program;
  ctx.listChanges = (list) => { growsInLoop(ev, list); };
  ctx.appended = (row, x, from, label, loc) => { noteAppended(ev, row, x, from, label, loc); };
  ctx.call = (callee, args, keywords, loc) => callValue(ev, callee, args, keywords, loc);
  const sizes = new Set<string>();
  for (const p of signature.parameters) if (p.kind === "array") for (const d of p.dims) freeSymbols(d, sizes);
  for (const s of sizes) { ctx.names.add(s); ctx.symbols.push(s); ctx.assume(sym(s)); }

  const frame: Frame = { def: entry, vars: new Map(), parent: undefined, key: entry.name };
  const parameters: Parameter[] = [], bound: (string | undefined)[] = [];
  const given = entry.params.filter((p) => !p.keywordOnly);
  signature.parameters.forEach((type, i) => {
    const param = given[i];
    if (!param) throw new InternalError(`${entry.name} has no parameter ${i}`);
    const first = signature.aliases?.find((g) => g.includes(i))?.find((k) => k < i);
    if (type.kind === "value" && type.value === undefined && param.default) { bound.push(undefined); return; }
    const v = parameter(ev, param.name, type, first === undefined ? undefined : bound[first], parameters, param.loc);
    bound.push(v.kind === "array" ? v.data : undefined);
    frame.vars.set(param.name, { kind: "value", value: v });
  });
  ctx.frames.push({ def: undefined, vars: new Map(), parent: undefined, key: "" });
  prepareGlobals(ev);
  for (const c of ev.captures) parameters.push({ kind: "container", name: c.name, container: c.container });
  for (const p of entry.params) {
    if (frame.vars.has(p.name)) continue;
    if (p.restKeywords) { frame.vars.set(p.name, { kind: "value", value: { kind: "object", entries: new Map() } }); continue; }
    if (p.rest) ctx.unsupported("a differentiated function with * parameters", p.loc, "name the parameters");
    if (!p.default) { if (program.language === "python") ctx.fail("ARGUMENT", `${entry.name} is not given ${p.name}`, p.loc); continue; }
    // A JavaScript default sees the parameters before it.
    if (program.language === "javascript") ctx.frames.push(frame);
    const v = settle(ev, evaluate(ev, p.default), p.loc, p.name);
    if (program.language === "javascript") ctx.frames.pop();
    frame.vars.set(p.name, { kind: "value", value: v });
  }
  let result: ReturnValue = { kind: "none" };
  const value = runFunction(ev, frame, entry.loc);
  if (value.kind !== "poison") {
    try { result = returned(ev, value, new Set()); } catch (e) { if (!(e instanceof DaceError) || e instanceof InternalError) throw e; ctx.errors.push(e); }
  } else if (value.reason) ctx.errors.push(new DaceError("UNSUPPORTED", value.reason, { loc: entry.loc }));
  if (ctx.errors.length === 0) checkLists(ctx);
  if (ctx.errors.length > 0) throw together(ctx.errors);
  for (const [e, symbol] of ctx.entryIntegers) if (ctx.symbols.includes(symbol)) parameters.push({ kind: "symbol", name: `entry:${e}`, symbol });
  const graph = new Graph({
    name: entry.name, containers: new Map(ctx.containers), symbols: [...ctx.symbols], assumptions: [...ctx.entryFacts], parameters, result, checks: [...ctx.checks], body: ctx.body,
  });
  checkAliases(ev, graph);
  return graph;
}

function parameter(ev: Evaluator, name: string, type: ParameterType, shared: string | undefined, parameters: Parameter[], loc: SourceLoc): Value {
  const { ctx } = ev;
  switch (type.kind) {
    case "array": {
      const container = shared ?? ctx.addContainer({ name: ctx.unique(name), dtype: type.dtype, shape: type.dims, transient: false, label: name, loc }).name;
      parameters.push({ kind: "container", name, container });
      return ctx.whole(container);
    }
    case "float": case "bool": case "complex": {
      const container = ctx.addContainer({ name: ctx.unique(name), dtype: type.dtype, shape: [], transient: false, label: name, loc }).name;
      parameters.push({ kind: "container", name, container });
      ctx.single.add(container);
      if (type.dtype === "float64") ctx.numbers.set(container, name);
      return scalarValue(ctx.read(container, []), !type.strong);
    }
    case "int": {
      if (type.value !== undefined) return ctx.int(type.value);
      const e: Expr = ctx.addSymbol(name);
      parameters.push({ kind: "symbol", name, symbol: [...freeSymbols(e)][0]! });
      return ctx.int(e);
    }
    case "value": return fromJavaScript(ev, type.value, name, loc);
  }
}

/** What the program returns, in containers that the caller reads: each its own. */
function returned(ev: Evaluator, v: Value, taken: Set<string>): ReturnValue {
  const { ctx } = ev, loc = ctx.program.entry.loc;
  switch (v.kind) {
    case "none": return { kind: "none" };
    case "optional": return returned(ev, demanded(ctx, v, "the result is", loc), taken);
    case "masked": return returned(ev, compressed(ctx, v, loc), taken);
    case "grown": return returned(ev, arrayOfGrown(ctx, v, loc), taken);
    case "tuple": case "list": return { kind: "tuple", items: v.items.map((x) => returned(ev, x, taken)) };
    case "scalar":
      if (v.int && v.dtype !== "bool" && knownOnEntry(ctx, v.int)) return { kind: "integer", expr: v.int };
      return output(ev, materialise(ctx, v, { label: "result", loc }), taken);
    case "array": case "lazy": {
      if (ev.ctx.containers.get(v.kind === "array" ? ctx.bufferOf(v.data) : "")?.growable || (v.kind === "lazy" && v.shape.some((e) => loadedContainers(e).size > 0 && !entryBound(ctx, e, "upper")))) return ctx.unsupported("returning an array whose length only the run knows, of a loop that ends when the run says", loc, "return what is computed from it, or write for k in range(most) and leave the loop with break");
      const sizes = v.kind === "array" ? v.dims.map((d) => d.size) : v.shape;
      if (sizes.some((e) => loadedContainers(e).size > 0)) {
        // In a buffer for the largest, with the lengths beside it; what lies behind them is nobody's.
        const lengths = sizes.map((e) => (loadedContainers(e).size > 0 ? output(ev, materialise(ctx, scalarValue(symbolic(e)), { label: "length", loc }), taken).name : undefined));
        return { ...output(ev, materialise(ctx, v, { copy: true, label: "result", loc }), taken), lengths };
      }
      const c = v.kind === "array" && isWhole(ctx, v) ? ctx.container(v.data) : undefined;
      // An argument is returned as itself, a new array in its container, anything else as a copy.
      if (c && !c.transient && !c.view && c.shape.length > 0) return { kind: "container", name: c.name };
      return output(ev, v.kind === "array" && c?.transient && !c.view && !taken.has(c.name) && !ctx.constants.has(c.name) ? v : materialise(ctx, v, { copy: true, label: "result", loc }), taken);
    }
    default: return ctx.unsupported(`returning ${describe(v)}`, loc, "return numbers, arrays, or tuples of them");
  }
}
function isWhole(ctx: Lowering, v: ArrayValue): boolean {
  const shape = ctx.container(v.data).shape;
  return v.base.every((e) => e.constant === 0) && v.dims.length === shape.length && v.dims.every((d, k) => d.size.key === shape[k]!.key && d.steps.length === 1 && d.steps[0]!.axis === k && d.steps[0]!.step.constant === 1);
}
function output(ev: Evaluator, v: ArrayValue, taken: Set<string>): ReturnValue & { kind: "container" } {
  const { ctx } = ev;
  taken.add(v.data);
  ctx.containers.set(v.data, { ...ctx.container(v.data), transient: false });
  return { kind: "container", name: v.data };
}

/** All problems in one error: the first in its place, the others as notes. */
function together(errors: readonly DaceError[]): DaceError {
  const [first, ...rest] = errors as [DaceError, ...DaceError[]];
  if (rest.length === 0) return first;
  return first.withNotes(rest.map((e) => e.asNote()));
}
