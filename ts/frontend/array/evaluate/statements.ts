/** Statements in order, conditionals, and leaving: break, continue, return, raise. */
import { DaceError, InternalError, type SourceLoc } from "../../../base/errors.js";
import { freshId } from "../../../sdfg/sdfg.js";
import type * as ast from "../ast.js";
import { type Frame, Poisoned } from "../context.js";
import { NONE } from "../value.js";
import { truth } from "../library/elementwise.js";
import { negated } from "../library/elementwise.js";
import { assignStatement, augmentedStatement } from "./assign.js";
import { closureOf } from "./calls.js";
import { writeCell } from "./cells.js";
import type { Evaluator, Exit } from "./evaluator.js";
import { arm, evaluate } from "./expressions.js";
import { blockStatement, countStatement, forStatement, whileStatement } from "./loops.js";
import { alwaysLeaves, boundBy } from "./names.js";
import { boxFields, checkMutables, mutables } from "./mutables.js";
import { assignName, mergeArms, saveVariables, settle, setVariables, type Variables } from "./variables.js";

/** Whether control reaches the end of a list: `returned` by a return in tail position, `left` by a jump or an error. */
export type Completion = "normal" | "returned" | "left";

/** `tail`: the function ends where the list ends. */
export function runList(ev: Evaluator, list: readonly ast.Stmt[], tail: boolean): Completion {
  for (let i = 0; i < list.length; i++) {
    const s = list[i]!, rest = list.slice(i + 1);
    if (s.kind === "if" && rest.length > 0 && (alwaysLeaves(s.then) || alwaysLeaves(s.otherwise))) {
      // What follows an arm that always leaves belongs to the other arm: control flow stays structured.
      const then = alwaysLeaves(s.then) ? s.then : [...s.then, ...rest], otherwise = alwaysLeaves(s.otherwise) ? s.otherwise : [...s.otherwise, ...rest];
      return guarded(ev, s, () => ifStatement(ev, s, then, otherwise, tail, rest.at(-1)!));
    }
    const c = guarded(ev, s, () => statement(ev, s, tail && rest.length === 0));
    if (c !== "normal") return c;
  }
  return "normal";
}

/** Collects the statement's error and goes on; what it would have bound is poisoned. */
function guarded(ev: Evaluator, s: ast.Stmt, f: () => Completion): Completion {
  try { return f(); } catch (e) {
    if (e instanceof InternalError || !(e instanceof DaceError || e instanceof Poisoned)) throw e;
    if (e instanceof DaceError && !ev.ctx.errors.some((x) => x.message === e.message)) ev.ctx.errors.push(e);
    const names = new Set<string>();
    if (s.kind === "assign") for (const t of s.targets) boundBy(t, names);
    for (const n of names) { const b = ev.frame.vars.get(n); if (b?.kind !== "cell") ev.frame.vars.set(n, { kind: "value", value: { kind: "poison" } }); }
    if (s.kind === "return") { ev.frame.vars.set("%return", { kind: "value", value: { kind: "poison" } }); return "returned"; }
    return "normal";
  }
}

function statement(ev: Evaluator, s: ast.Stmt, tail: boolean): Completion {
  const { ctx } = ev;
  switch (s.kind) {
    case "assign": assignStatement(ev, s); return "normal";
    case "augmented": augmentedStatement(ev, s); return "normal";
    case "expression": evaluate(ev, s.value); return "normal";
    case "if": return ifStatement(ev, s, s.then, s.otherwise, tail, s);
    case "for": return forStatement(ev, s);
    case "count": return countStatement(ev, s);
    case "while": return whileStatement(ev, s);
    case "block": return blockStatement(ev, s);
    case "break": case "continue": return jump(ev, findExit(ev, s.label, s.kind, s.loc), s.loc);
    case "return": return returnStatement(ev, s, tail);
    case "function": assignName(ev, s.def.name, closureOf(ev, s.def), s.loc); return "normal";
    case "raise": ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message: s.message, loc: s.loc }); return "left";
    case "assert": {
      const t = truth(ctx, evaluate(ev, s.test), s.test.loc);
      if (t.code.kind === "const" && t.code.value) return "normal";
      ctx.conditional(negated(t).code, () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message: s.message, loc: s.loc }); }, undefined, s.loc);
      ctx.facts = ctx.facts.with(...(t.facts?.whenTrue ?? []).filter((e) => ctx.stable(e)));
      return "normal";
    }
    case "pass": return "normal";
  }
}

function findExit(ev: Evaluator, label: string, kind: Exit["kind"], loc: SourceLoc): Exit {
  for (let i = ev.exits.length - 1; i >= 0; i--) { const x = ev.exits[i]!; if (x.label === label && x.kind === kind && x.frame.vars === ev.frame.vars) return x; }
  return ev.ctx.fail("PARSE", `${kind} outside of a loop`, loc);
}
function jump(ev: Evaluator, x: Exit, loc: SourceLoc): Completion {
  // Inner loops' variables that live on after the target are in cells; array variables must be where the target expects them.
  for (let i = ev.exits.length - 1; ev.exits[i] !== x; i--) ev.exits[i]!.settle();
  x.settle();
  x.used = true;
  ev.ctx.emit({ kind: "exit", id: freshId(), label: x.block, loc });
  return "left";
}

function returnStatement(ev: Evaluator, s: ast.Stmt & { kind: "return" }, tail: boolean): Completion {
  const value = s.value ? evaluate(ev, s.value) : NONE, { exit } = ev.frame;
  if (!exit) { ev.frame.vars.set("%return", { kind: "value", value: settle(ev, value, s.loc, "result") }); return "returned"; }
  writeCell(ev, exit.result, settle(ev, value, s.loc, "result"), s.loc, true);
  if (tail) return "left";
  for (let i = ev.exits.length - 1; i >= 0; i--) if (ev.exits[i]!.label === "%return" && ev.exits[i]!.frame.vars === ev.frame.vars) return jump(ev, ev.exits[i]!, s.loc);
  throw new InternalError("a return without a block around it");
}

function ifStatement(ev: Evaluator, s: ast.Stmt & { kind: "if" }, then: readonly ast.Stmt[], otherwise: readonly ast.Stmt[], tail: boolean, last: ast.Stmt): Completion {
  const { ctx } = ev, test = truth(ctx, evaluate(ev, s.test), s.test.loc);
  if (test.code.kind === "const") return runList(ev, test.code.value ? then : otherwise, tail);
  boxFields(ev, [then, otherwise], s.loc);
  const before = saveVariables(ev), objects = mutables(ev);
  const a = arm(ev, test.facts?.whenTrue ?? [], () => runList(ev, then, tail));
  checkMutables(ev, objects, s.loc);
  setVariables(ev, before);
  const b = arm(ev, test.facts?.whenFalse ?? [], () => runList(ev, otherwise, tail));
  checkMutables(ev, objects, s.loc);
  const facts = ev.frame.def && ev.facts(ev.frame.def);
  const isLive = (frame: Frame, name: string): boolean => name === "%return" || frame.vars !== ev.frame.vars || !facts || facts.isLiveAfter(last, name);
  const arms = [a.arm, b.arm] as const, key = `${ev.key(s.loc)}&`;
  let result: Completion;
  if (a.value === "normal" && b.value === "normal") { mergeArms(ev, key, arms, isLive, s.loc); result = "normal"; }
  else if (a.value !== "normal" && b.value !== "normal") {
    if (a.value === "returned" && b.value === "returned") mergeArms(ev, key, arms, (_, name) => name === "%return", s.loc);
    else setVariables(ev, (a.value === "returned" ? a.arm : b.arm).variables);
    result = a.value === "returned" || b.value === "returned" ? "returned" : "left";
  } else {
    const [gone, stays] = a.value === "normal" ? [b, a] : [a, b];
    if (gone.value === "returned") {
      mergeArms(ev, key, arms, (_, name) => name === "%return", s.loc);
      overlay(stays.arm.variables);
    } else setVariables(ev, stays.arm.variables);
    result = "normal";
  }
  ctx.emitConditional(test.code, a.arm.body, b.arm.body, s.loc);
  return result;
}
/** The variables of one arm, but for the result. */
function overlay(from: Variables): void {
  for (const [now, { vars }] of from) for (const [k, v] of vars) if (k !== "%return" || !now.has(k)) now.set(k, v);
}
