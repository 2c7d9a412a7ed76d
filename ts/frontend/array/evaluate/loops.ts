/** Loops: over ranges, arrays and lists; counted; while; labelled blocks. */
import { bodiesOf } from "../../../analysis/paths.js";
import type { SourceLoc } from "../../../base/errors.js";
import { op, symbolic } from "../../../scalar/expr.js";
import { freshId } from "../../../sdfg/sdfg.js";
import type { Node } from "../../../sdfg/nodes.js";
import { type Expr as Int, ONE, ZERO, add, addInt, floordiv, int, max, min, mul, neg, sub, sym } from "../../../symbolic/expr.js";
import { nonNegative } from "../../../symbolic/prove.js";
import { constant } from "../../../scalar/expr.js";
import type * as ast from "../ast.js";
import type { Binding, Frame } from "../context.js";
import { requireInt } from "../shapes.js";
import { type Value, integerOf } from "../value.js";
import { negated, truth } from "../library/elementwise.js";
import { assignTarget } from "./assign.js";
import { pendingCell, writeCell } from "./cells.js";
import type { Evaluator, Exit } from "./evaluator.js";
import { arm, evaluate } from "./expressions.js";
import { type LoopNames, prepareNames } from "./loop-variables.js";
import { GrowingIn, growingInWhile } from "../grown.js";
import { boxFields, checkMutables, mutables, withLists } from "./mutables.js";
import { alwaysLeaves, assignsAlways, boundBy, leaves, visitExpr, visitOwn, visitStatements } from "./names.js";
import { sequenceOf } from "./sequences.js";
import { speculate } from "../library/integers.js";
import { type Completion, runList } from "./statements.js";
import { assignName, mergeArms, ownerOf, saveVariables, setVariables } from "./variables.js";

/** Iterations of a loop that is unrolled because its variable is an exponent of sizes, or because it makes a list. */
const MOST_UNROLLED = 64;

type Loop = ast.Stmt & { kind: "for" | "count" | "while" | "block" };

function liveness(ev: Evaluator, s: Loop): { needed: (frame: Frame, name: string) => boolean; after: (frame: Frame, name: string) => boolean } {
  const { frame } = ev, facts = frame.def && ev.facts(frame.def);
  const foreign = (f: Frame): boolean => f.vars !== frame.vars || !facts;
  return {
    needed: (f, name) => foreign(f) || facts!.isLiveAtHead(s, name) || facts!.isLiveAfter(s, name),
    after: (f, name) => foreign(f) || facts!.isLiveAfter(s, name),
  };
}
function assignedIn(ev: Evaluator, ...lists: readonly (readonly ast.Stmt[])[]): Set<string> {
  const facts = ev.frame.def && ev.facts(ev.frame.def), out = new Set<string>();
  for (const l of lists) for (const n of facts?.assigned(l) ?? []) out.add(n);
  return out;
}

/** Runs `f` as the content of a graph block if something jumps out of it. */
function inBlock(ev: Evaluator, prefix: string, f: (label: string) => void): void {
  const { ctx } = ev, label = ctx.unique(prefix);
  const body = ctx.region(() => { f(label); });
  if (jumpsTo(body, label)) ctx.emit({ kind: "block", id: freshId(), label, body });
  else for (const n of body) ctx.body.push(n);
}
function jumpsTo(body: readonly Node[], label: string): boolean {
  return body.some((n) => (n.kind === "exit" ? n.label === label : n.kind === "conditional" ? n.branches.some((b) => jumpsTo(b.body, label)) : n.kind === "loop" || n.kind === "while" || n.kind === "block" ? jumpsTo(n.body, label) : false));
}
function withExit<T>(ev: Evaluator, x: Omit<Exit, "used" | "frame">, f: () => T): T {
  ev.exits.push({ ...x, used: false, frame: ev.frame });
  try { return f(); } finally { ev.exits.pop(); }
}

/** Something in the body leaves or continues a loop or block around this one. */
function jumpsFurther(body: readonly ast.Stmt[], label: string): boolean {
  const inside = new Set([label]);
  let found = false;
  visitStatements(body, (x) => { if ("label" in x && x.kind !== "break" && x.kind !== "continue") inside.add(x.label); });
  visitStatements(body, (x) => { if ((x.kind === "break" || x.kind === "continue") && !inside.has(x.label)) found = true; });
  return found;
}

/** One iteration's statements, as a block that `continue` leaves. */
function iteration(ev: Evaluator, label: string, body: readonly ast.Stmt[], settle: () => void): Completion {
  if (!leaves(body, "continue", label)) return runList(ev, body, false);
  const c: { value: Completion } = { value: "normal" };
  inBlock(ev, "next", (block) => { c.value = withExit(ev, { label, kind: "continue", block, settle }, () => runList(ev, trimmed(ev, body, label), false)); });
  return c.value;
}
/** The body with each `continue` that can be had by structure alone taken out: what follows an arm that always leaves moves into the other arm, and a `continue` at the end is nothing. */
function trimmed(ev: Evaluator, body: readonly ast.Stmt[], label: string): readonly ast.Stmt[] {
  if (!leaves(body, "continue", label)) return body;
  for (const [i, s] of body.entries()) {
    const rest = body.slice(i + 1);
    if (s.kind !== "if" || rest.length === 0 || !(alwaysLeaves(s.then) || alwaysLeaves(s.otherwise))) continue;
    const then = alwaysLeaves(s.then) ? s.then : [...s.then, ...rest], otherwise = alwaysLeaves(s.otherwise) ? s.otherwise : [...s.otherwise, ...rest];
    return withoutLast(ev, [...body.slice(0, i), rewritten(ev, { ...s, then, otherwise }, rest.at(-1)!)], label);
  }
  return withoutLast(ev, body, label);
}
function withoutLast(ev: Evaluator, body: readonly ast.Stmt[], label: string): readonly ast.Stmt[] {
  const last = body.at(-1);
  if (last?.kind === "continue" && last.label === label) return body.slice(0, -1);
  if (last?.kind !== "if") return body;
  const then = trimmed(ev, last.then, label), otherwise = trimmed(ev, last.otherwise, label);
  return then === last.then && otherwise === last.otherwise ? body : [...body.slice(0, -1), rewritten(ev, { ...last, then, otherwise }, last)];
}
/** A conditional in another form: the same variables are live after it as after the statement that ends it. */
function rewritten(ev: Evaluator, s: ast.Stmt & { kind: "if" }, end: ast.Stmt): ast.Stmt {
  const after = ev.frame.def && ev.facts(ev.frame.def).after, live = after?.get(end);
  if (live) after!.set(s, live);
  return s;
}

/** Every run of the statements assigns the name before anything reads it, or control leaves. */
function assignedFirst(body: readonly ast.Stmt[], name: string): boolean {
  for (const s of body) {
    let used = false;
    visitStatements([s], (x) => { if (/^(break|continue|return|raise)$/.test(x.kind)) used = true; visitOwn(x, (e) => { visitExpr(e, (y) => { if ((y.kind === "name" && y.name === name) || y.kind === "function") used = true; }); }); });
    if (used) return false;
    if (s.kind === "assign" && s.targets.some((t) => boundBy(t).has(name))) return true;
  }
  return false;
}

// ---- for ----

export function forStatement(ev: Evaluator, s: ast.Stmt & { kind: "for" }): Completion {
  const key = ev.key(s.loc);
  const { ctx } = ev, iterable = evaluate(ev, s.iterable);
  if (iterable.kind === "tuple" || iterable.kind === "list") return unrolled(ev, s, [...iterable.items]);
  const seq = sequenceOf(ctx, iterable, s.iterable.loc);
  const names = boundBy(s.target), simple = s.target.kind === "name" ? s.target.name : undefined;
  const step = seq.range?.step ?? 1, first = seq.range?.start ?? ZERO, count = seq.range && tripOf(seq.range.start, seq.range.stop, step).constant;
  if (simple !== undefined && count !== undefined && count <= MOST_UNROLLED && (ev.isExponent(ev.frame.def, simple) || ev.ctx.learnt.unroll.has(key) || (growsList(ev, s.body) && (count <= FEW || unfit(s.body))))) return unrolled(ev, s, Array.from({ length: Math.max(0, count) }, (_, i) => seq.at(int(i))));
  if (simple !== undefined && count !== undefined && count <= MOST_UNROLLED) ev.ctx.learnt.unrollable.add(key);
  return countedLoop(ev, s, {
    target: names, label: s.label, body: s.body, trip: seq.range ? tripOf(seq.range.start, seq.range.stop, step) : seq.length, otherwise: s.otherwise,
    variable: simple ?? [...names][0] ?? "i",
    bind: (t) => { bindTarget(ev, s.target, seq.at(t)); },
    ...(simple !== undefined && seq.range ? { last: (t: Int) => ctx.int(add(first, mul(int(step), addInt(t, -1)))), name: simple } : {}),
  });
}
/** Iterations that are written out for a list that grows in them, rather than that the list goes to a container. */
const FEW = 8;
const GROWING = /^(append|extend|insert|pop)$/;
/** It changes lists otherwise than by appending. */
function unfit(body: readonly ast.Stmt[]): boolean {
  let found = false;
  visitStatements(body, (s) => { visitOwn(s, (e) => { visitExpr(e, (x) => { if (x.kind === "call" && x.callee.kind === "attribute" && /^(insert|pop)$/.test(x.callee.name)) found = true; }); }); });
  return found;
}
/** The body calls a method that changes a list's length. */
function growsList(ev: Evaluator, body: readonly ast.Stmt[]): boolean {
  let found = false;
  visitStatements(body, (s) => { visitOwn(s, (e) => { visitExpr(e, (x) => {
    if (x.kind !== "call" || x.callee.kind !== "attribute" || !GROWING.test(x.callee.name) || x.callee.object.kind !== "name") return;
    const b = (ownerOf(ev.frame, x.callee.object.name) ?? ev.frame).vars.get(x.callee.object.name);
    if (b?.kind === "value" && b.value.kind === "list") found = true;
  }); }); });
  return found;
}
/** Iterations of a counted loop; what is negative means none. */
function tripOf(start: Int, stop: Int, step: number): Int {
  const span = step > 0 ? sub(stop, start) : sub(start, stop), k = Math.abs(step);
  return k === 1 ? span : floordiv(addInt(span, k - 1), int(k));
}
function bindTarget(ev: Evaluator, t: ast.Target, v: Value): void { assignTarget(ev, t, v); }

/** Lists whose length a bound reads: a loop that pushes to them has no number of iterations. */
function listsMeasured(ev: Evaluator, bound: ast.Expr): (() => void) {
  const found: (() => boolean)[] = [];
  visitExpr(bound, (x) => {
    if (x.kind !== "attribute" || x.name !== "length" || x.object.kind !== "name") return;
    const b = ownerOf(ev.frame, x.object.name)?.vars.get(x.object.name), v = b?.kind === "value" ? b.value : undefined;
    if (v?.kind === "list") {
      const n = v.items.length, { name } = x.object;
      found.push(() => { const now = ownerOf(ev.frame, name)?.vars.get(name); return now?.kind === "value" && now.value.kind === "grown" ? now.value.state.most.key !== int(n).key : v.items.length !== n; });
    } else if (v?.kind === "grown") { const { most } = v.state; found.push(() => v.state.most.key !== most.key); }
  });
  return () => { if (found.some((f) => f())) ev.ctx.unsupported("a loop that pushes to the list whose length is its bound", bound.loc, "keep the length in a variable, if the loop is over what was there before"); };
}

export function countStatement(ev: Evaluator, s: ast.Stmt & { kind: "count" }): Completion {
  const measured = listsMeasured(ev, s.stop);
  const { ctx } = ev, start = requireInt(ctx, evaluate(ev, s.start), s.start.loc, "the start of a counted loop");
  const limit = evaluate(ev, s.stop), stop = integerOf(limit) ?? boundOf(ev, limit, s.stop.loc, s.step);
  const trip = tripOf(start, stop, s.step), body = ctx.body, from = body.length, key = ev.key(s.loc), few = trip.constant !== undefined && trip.constant <= MOST_UNROLLED && !(s.exitValue && leaves(s.body, "break", s.label));
  if (few && ctx.learnt.unroll.has(key)) {
    const done = unrolled(ev, s, Array.from({ length: Math.max(0, trip.constant) }, (_, i) => ctx.int(add(start, int(s.step * i)))), { kind: "name", name: s.variable, loc: s.loc });
    if (s.exitValue && done === "normal") assignName(ev, s.variable, ctx.int(add(start, int(s.step * Math.max(0, trip.constant)))), s.loc);
    return done;
  }
  if (few) ctx.learnt.unrollable.add(key);
  const done = countedLoop(ev, s, {
    target: new Set([s.variable]), label: s.label, body: s.body, trip, variable: s.variable, name: s.variable,
    bind: (t) => { assignName(ev, s.variable, ctx.int(add(start, mul(int(s.step), t))), s.loc); },
    last: (t, exit) => ctx.int(add(start, mul(int(s.step), exit ? t : addInt(t, -1)))),
    exitValue: s.exitValue,
  });
  boundStays(ev, limit, body.slice(from), s.stop.loc);
  measured();
  return done;
}
/** The frontend knows the names through which the body stores; only here it is known that two arguments are one array. */
function boundStays(ev: Evaluator, limit: Value, loop: readonly Node[], loc: SourceLoc): void {
  const { ctx } = ev;
  if (limit.kind !== "scalar") return;
  const { memlets, loads } = ctx.readsOf(limit.code), read = new Set([...memlets.map((m) => m.data), ...loads].map((d) => ctx.bufferOf(d)));
  for (const d of read) if (ctx.container(d).transient) read.delete(d);
  if (read.size > 0 && writes(loop, (d) => read.has(ctx.bufferOf(d)))) ctx.unsupported("a loop whose body stores into the array that its bound is read from", loc, "keep the bound in a variable");
}
function writes(body: readonly Node[], to: (data: string) => boolean): boolean {
  return body.some((n) => (n.kind === "tasklet" ? to(n.output.data) : n.kind === "library" ? n.outputs.some((o) => to(o.data)) : bodiesOf(n).some((b) => writes(b.list, to))));
}
/** A bound that is no integer: the loop runs while the counter is below it, as below its ceiling. */
function boundOf(ev: Evaluator, v: Value, loc: SourceLoc, step: number): Int {
  const { ctx } = ev;
  if (v.kind !== "scalar" || ctx.language === "python") return requireInt(ctx, v, loc, "the end of a counted loop");
  const e = requireIntegerPart(ev, { ...v, code: op(step > 0 ? "ceil" : "floor", "float64", v.code) }, loc);
  return e;
}
function requireIntegerPart(ev: Evaluator, v: Value, loc: SourceLoc): Int { return requireInt(ev.ctx, v, loc, "the end of a counted loop"); }

interface Counted {
  readonly target: ReadonlySet<string>;
  readonly label: string;
  readonly body: readonly ast.Stmt[];
  readonly otherwise?: readonly ast.Stmt[] | undefined;
  readonly trip: Int;
  readonly variable: string;
  /** Binds the loop's names for iteration t. */
  readonly bind: (t: Int) => void;
  /** The name and value after a number of iterations > 0. `exit`: the first value that failed the test. */
  readonly name?: string;
  readonly last?: (iterations: Int, exit: boolean) => Value;
  readonly exitValue?: boolean;
}

function countedLoop(ev: Evaluator, s: ast.Stmt & { kind: "for" | "count" }, l: Counted): Completion { return withLists(ev, ev.key(s.loc), s.loc, () => loopOfLists(ev, s, l)); }
function loopOfLists(ev: Evaluator, s: ast.Stmt & { kind: "for" | "count" }, l: Counted): Completion {
  const key = ev.key(s.loc), live = liveness(ev, s), trip = l.trip, fixed = trip.constant;
  if (fixed !== undefined && fixed <= 0) { afterNone(ev, l); return l.otherwise ? runList(ev, l.otherwise, false) : "normal"; }
  const hasBreak = leaves(l.body, "break", l.label) || leaves(l.body, "return") || jumpsFurther(l.body, l.label);
  const own = [...l.target].filter((n) => assignedIn(ev, l.body).has(n));
  // Names that the loop itself binds stay symbolic in the body; where they are used afterwards and cannot be computed, they go through a cell.
  const outlive = [...l.target].filter((n) => { const f = ownerOf(ev.frame, n) ?? ev.frame; return live.after(f, n) && (own.includes(n) || hasBreak || l.name !== n); });
  const names = prepareNames(ev, key, assignedIn(ev, l.body), (f, n) => (!l.target.has(n) || own.includes(n)) && live.needed(f, n), s.loc, [l.body], true, (n) => (l.trip.constant ?? 0) > 0 && assignedFirst(l.body, n));
  const before = [...l.target].map((n) => [n, (ownerOf(ev.frame, n) ?? ev.frame).vars.get(n)] as const);
  if (fixed === undefined || fixed > 1) boxFields(ev, [l.body], s.loc);
  const objects = mutables(ev);
  if (fixed === 1 && !hasBreak && !leaves(l.body, "continue", l.label)) {
    l.bind(ZERO);
    const c = runList(ev, l.body, false);
    if (c !== "normal") return c;
    afterOne(ev, l);
    return l.otherwise ? runList(ev, l.otherwise, false) : "normal";
  }
  names.retrying(() => {
    const lists = new GrowingIn(ev.ctx, key, hasBreak);
    const cells = new Map<string, number>();
    for (const n of outlive) if (!own.includes(n)) {
      const b = ev.frame.vars.get(n);
      if (b?.kind === "cell") cells.set(n, b.id);
      else { const id = pendingCell(ev, key, n); cells.set(n, id); if (b && b.value.kind !== "none" && b.value.kind !== "poison") writeCell(ev, id, b.value, s.loc, true); }
    }
    const one = (t: Int): Completion => {
      const { vars } = ev.frame;
      for (const n of l.target) if (!own.includes(n)) vars.delete(n);
      l.bind(t);
      for (const [n, id] of cells) { const b = vars.get(n); if (b?.kind === "value") writeCell(ev, id, b.value, s.loc, true); }
      return lists.iteration(t, () => iteration(ev, l.label, l.body, () => { names.settle(s.loc); }));
    };
    inBlock(ev, "loop", (block) => {
      withExit(ev, { label: l.label, kind: "break", block, settle: () => { names.settle(s.loc); } }, () => {
        repeat(ev, names, l, trip, one, key, s.loc, live.after);
        lists.done(lists.any ? iterations(ev, trip, s.loc) : trip);
        after(ev, l, cells, before);
        names.finish(live.after);
        if (l.otherwise) runList(ev, l.otherwise, false);
      });
    });
  });
  checkMutables(ev, objects, s.loc);
  return "normal";
}

/** A number of iterations that is not negative. */
function iterations(ev: Evaluator, trip: Int, loc: SourceLoc): Int { return nonNegative(trip, ev.ctx.facts) === "yes" || speculate(ev.ctx, trip, "a loop's number of iterations is not negative", loc) ? trip : max(ZERO, trip); }

/** The loop in the graph: `period` iterations at a time where array variables name the same arrays again only after so many. */
function repeat(ev: Evaluator, names: LoopNames, l: Counted, trip: Int, one: (t: Int) => Completion, key: string, loc: SourceLoc, live: (f: Frame, n: string) => boolean): void {
  // Period 0: the names do not come back; what they stand for is copied in every iteration.
  const { ctx } = ev, learnt = ctx.learnt.periods.get(key) ?? 1, period = Math.max(1, learnt);
  const total = period === 1 ? trip : max(ZERO, trip), rounds = period === 1 ? trip : floordiv(total, int(period));
  ev.conditional++;
  try {
    ctx.loop(l.variable, ZERO, rounds, "up", (t) => {
      for (let r = 0; r < period; r++) { one(add(mul(int(period), t), int(r))); names.settle(loc, learnt > 0); }
    }, loc);
  } finally { ev.conditional--; }
  if (!names.atStart) {
    ctx.learnt.periods.set(key, period >= 4 || leaves(l.body, "break", l.label) || leaves(l.body, "return") ? 0 : period + 1);
    throw names.again();
  }
  if (period === 1) return;
  const done = mul(int(period), rounds), rest = sub(total, done);
  const tail = (r: number): void => {
    if (r >= period - 1) return;
    const enough = addInt(rest, -(r + 1)), sign = nonNegative(enough, ctx.facts);
    const run = (): void => { one(add(done, int(r))); names.settle(loc, true); tail(r + 1); };
    if (sign === "no") return;
    if (sign === "yes") { run(); return; }
    const start = saveVariables(ev);
    const a = arm(ev, [enough], run);
    setVariables(ev, start);
    const b = arm(ev, [addInt(neg(enough), -1)], () => undefined);
    mergeArms(ev, `${key}%${r}`, [a.arm, b.arm], (f, n) => live(f, n) && !l.target.has(n), loc);
    ctx.emitConditional(op("ge", "bool", symbolic(rest), constant(r + 1, "int64")), a.arm.body, b.arm.body, loc);
  };
  tail(0);
}
/** The loop's own names afterwards. */
function after(ev: Evaluator, l: Counted, cells: ReadonlyMap<string, number>, before: readonly (readonly [string, Binding | undefined])[]): void {
  const { ctx } = ev, { vars } = ev.frame;
  for (const [n, old] of before) {
    const cell = cells.get(n) ?? (old?.kind === "cell" ? old.id : undefined), known = n === l.name && l.last !== undefined;
    if (known && l.exitValue) {
      // Left by break, the variable keeps its value: only the loop's own end comes here.
      const v = l.last(max(l.trip, ZERO), true);
      if (cell !== undefined) writeCell(ev, cell, v, undefined, true);
      vars.set(n, cell !== undefined ? { kind: "cell", id: cell } : { kind: "value", value: v });
    } else if (cells.has(n)) vars.set(n, { kind: "cell", id: cell! });
    else if (known) {
      const some = nonNegative(addInt(l.trip, -1), ctx.facts), value = l.last(l.trip, false);
      if (cell !== undefined) {
        // After no iteration at all the name is what it was.
        const write = (): void => { writeCell(ev, cell, value, undefined, true); };
        if (some === "yes") write(); else ctx.conditional(op("gt", "bool", symbolic(l.trip), constant(0, "int64")), write);
        vars.set(n, { kind: "cell", id: cell });
        continue;
      }
      const was = old?.kind === "value" ? integerOf(old.value) : undefined, now = integerOf(value);
      if (some !== "yes" && was && now) vars.set(n, { kind: "value", value: ctx.int(add(was, mul(min(ONE, max(ZERO, l.trip)), sub(now, was)))) });
      else vars.set(n, { kind: "value", value });
    } else if (old?.kind === "cell") vars.set(n, old);
  }
}
/** A loop of exactly one iteration, without jumps. */
function afterOne(ev: Evaluator, l: Counted): void {
  if (l.exitValue && l.name !== undefined && l.last) assignName(ev, l.name, l.last(ONE, true), undefined);
}
/** A loop that runs no iteration. */
function afterNone(ev: Evaluator, l: Counted): void {
  if (l.exitValue && l.name !== undefined && l.last) assignName(ev, l.name, l.last(ZERO, true), undefined);
}

/** A loop over a list: its body once per element. */
function unrolled(ev: Evaluator, s: ast.Stmt & { kind: "for" | "count" }, items: readonly Value[], target: ast.Target = (s as ast.Stmt & { kind: "for" }).target): Completion {
  const jumps = leaves(s.body, "break", s.label) || leaves(s.body, "continue", s.label) || leaves(s.body, "return");
  const live = liveness(ev, s), key = ev.key(s.loc);
  const run = (names: LoopNames | undefined): Completion => {
    const done: { value: Completion } = { value: "normal" };
    const inside = jumps ? (f: (block: string) => void): void => { inBlock(ev, "loop", f); } : (f: (block: string) => void): void => { f("loop"); };
    inside((block) => {
      done.value = withExit(ev, { label: s.label, kind: "break", block, settle: () => { names?.settle(s.loc); } }, () => {
        let c: Completion = "normal";
        for (let i = 0; i < items.length && c === "normal"; i++) {
          ev.unrolled.push(i);
          try { bindTarget(ev, target, items[i]!); c = iteration(ev, s.label, s.body, () => { names?.settle(s.loc); }); names?.settle(s.loc); } finally { ev.unrolled.pop(); }
          if (c === "left" && leaves(s.body, "continue", s.label)) c = "normal";
        }
        return c === "normal" && s.kind === "for" && s.otherwise ? runList(ev, s.otherwise, false) : c;
      });
    });
    names?.finish(live.after);
    return done.value === "left" && leaves(s.body, "break", s.label) ? "normal" : done.value;
  };
  if (!jumps) return run(undefined);
  const all = assignedIn(ev, s.body);
  boundBy(target, all);
  const names = prepareNames(ev, key, all, live.needed, s.loc, [s.body]);
  return names.retrying(() => run(names));
}

// ---- while ----

export function whileStatement(ev: Evaluator, s: ast.Stmt & { kind: "while" }): Completion { return withLists(ev, ev.key(s.loc), s.loc, () => whileOfLists(ev, s)); }
function whileOfLists(ev: Evaluator, s: ast.Stmt & { kind: "while" }): Completion {
  const live = liveness(ev, s), key = ev.key(s.loc);
  boxFields(ev, [s.body, s.update], s.loc);
  const objects = mutables(ev);
  const names = prepareNames(ev, key, assignedIn(ev, s.body, s.update), live.needed, s.loc, [s.body, s.update], true, (n) => s.testAfter && assignedFirst(s.body, n));
  names.retrying(() => {
    inBlock(ev, "loop", (block) => {
      withExit(ev, { label: s.label, kind: "break", block, settle: () => { names.settle(s.loc); } }, () => {
        ev.conditional++;
        try { growingInWhile(ev.ctx, key, s.loc, () => { loopWhile(ev, s, names); }); } finally { ev.conditional--; }
        names.finish(live.after);
        if (s.otherwise) runList(ev, s.otherwise, false);
      });
    });
  });
  checkMutables(ev, objects, s.loc);
  return "normal";
}

function loopWhile(ev: Evaluator, s: ast.Stmt & { kind: "while" }, names: LoopNames): void {
  const { ctx } = ev, counter = ctx.unique("k");
  ctx.loopBirths.set(counter, ctx.born);
  const settle = (): void => { names.settle(s.loc); };
  const rounds = (): void => {
    ev.rounds.push(ctx.born);
    try { iteration(ev, s.label, s.body, settle); runList(ev, s.update, false); settle(); } finally { ev.rounds.pop(); }
  };
  if (s.testAfter) {
    let code = constant(true, "bool");
    const body = ctx.region(() => { ctx.withFacts([sym(counter)], () => { rounds(); code = truth(ctx, evaluate(ev, s.test), s.test.loc).code; }); });
    ctx.emit({ kind: "while", id: freshId(), condition: ctx.condition(code), testAfter: true, counter, body, loc: s.loc });
    return;
  }
  let test: ReturnType<typeof truth> | undefined;
  const tests = ctx.region(() => { test = truth(ctx, evaluate(ev, s.test), s.test.loc); });
  const t = test!;
  if (t.code.kind === "const" && !t.code.value) { for (const n of tests) ctx.body.push(n); return; }
  const facts = [sym(counter), ...(t.facts?.whenTrue ?? [])];
  if (tests.length === 0) {
    const body = ctx.region(() => { ctx.withFacts(facts, rounds); });
    ctx.emit({ kind: "while", id: freshId(), condition: ctx.condition(t.code), testAfter: false, counter, body, loc: s.loc });
    return;
  }
  // What the test needs is computed at the start of each iteration.
  inBlock(ev, "while", (block) => {
    const body = ctx.region(() => {
      for (const n of tests) ctx.body.push(n);
      ctx.conditional(negated(t).code, () => { ctx.emit({ kind: "exit", id: freshId(), label: block, loc: s.loc }); }, undefined, s.loc);
      ctx.withFacts(facts, rounds);
    });
    ctx.emit({ kind: "while", id: freshId(), condition: { inputs: [], code: constant(true, "bool") }, testAfter: false, counter, body, loc: s.loc });
  });
}

// ---- blocks ----

export function blockStatement(ev: Evaluator, s: ast.Stmt & { kind: "block" }): Completion {
  const live = liveness(ev, s), key = ev.key(s.loc);
  let c: Completion = "normal";
  const names = prepareNames(ev, key, assignedIn(ev, s.body), live.after, s.loc, [s.body], false, (n) => assignsAlways(s.body, n));
  names.retrying(() => {
    inBlock(ev, "block", (block) => {
      c = withExit(ev, { label: s.label, kind: "break", block, settle: () => { names.settle(s.loc); } }, () => runList(ev, s.body, false));
      if (c === "normal") names.settle(s.loc);
    });
    names.finish(live.after);
  });
  return leaves(s.body, "break", s.label) ? "normal" : c;
}
