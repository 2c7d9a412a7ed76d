/**
 * Liveness of a function's variables, backwards over its statements. It settles two things that depend on what follows: whether a counted loop's variable is
 * used after the loop, and whether a declaration without a value (undefined until assigned) can be seen. Variables that closures share are always live.
 */
import type { Expr, FunctionDef, Stmt, Target } from "../array/ast.js";
import { readsOf } from "./effects.js";

type Live = ReadonlySet<string>;
interface Jumps { readonly breaks: ReadonlyMap<string, Live>; readonly continues: ReadonlyMap<string, Live> }

export function tidy(def: FunctionDef): FunctionDef {
  const shared = new Set<string>();
  for (const s of def.body) closures(s, shared);
  for (const p of def.params) if (p.default) closureReads(p.default, shared);
  const out = new Liveness(shared).list(def.body, shared, { breaks: new Map(), continues: new Map() }, true);
  return { ...def, body: out.stmts };
}

/** Names that functions inside mention: they may be used whenever such a function is called. */
function closures(s: Stmt, into: Set<string>): void {
  if (s.kind === "function") mentions(s.def, into);
  for (const e of expressions(s)) closureReads(e, into);
  for (const list of bodies(s)) for (const x of list) closures(x, into);
}
function mentions(def: FunctionDef, into: Set<string>): void {
  const seen = new Set<string>();
  const stmt = (s: Stmt): void => {
    if (s.kind === "function") mentions(s.def, seen);
    for (const e of expressions(s)) { readsOf(e, { names: seen, memory: false }); closureReads(e, seen); }
    for (const t of targets(s)) for (const n of assignedNames(t)) seen.add(n);
    for (const list of bodies(s)) list.forEach(stmt);
  };
  def.body.forEach(stmt);
  for (const p of def.params) if (p.default) { readsOf(p.default, { names: seen, memory: false }); closureReads(p.default, seen); }
  for (const n of seen) if (!def.locals.has(n)) into.add(n);
}
/** Function expressions anywhere in an expression. */
function closureReads(e: Expr, into: Set<string>): void {
  if (e.kind === "function") { mentions(e.def, into); return; }
  for (const x of parts(e)) closureReads(x, into);
}
function parts(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case "binary": case "compare": case "logical": return [e.left, e.right];
    case "unary": return [e.operand];
    case "conditional": return [e.test, e.then, e.otherwise];
    case "attribute": return [e.object];
    case "index": return [e.object, ...e.items.flatMap((i) => (i.kind === "expr" ? [i.value] : []))];
    case "call": return [e.callee, ...e.args.map((a) => a.value)];
    case "tuple": case "list": return e.elements;
    case "object": return e.entries.map((x) => x.value);
    default: return [];
  }
}

function targets(s: Stmt): readonly Target[] {
  switch (s.kind) {
    case "assign": return s.targets;
    case "augmented": case "for": return [s.target];
    case "count": return [{ kind: "name", name: s.variable, loc: s.loc }];
    default: return [];
  }
}
export function assignedNames(t: Target): string[] {
  if (t.kind === "name") return [t.name];
  return t.kind === "tuple" ? t.elements.flatMap((x) => (x ? assignedNames(x) : [])) : [];
}
/** Expressions that evaluating a target reads. */
function targetReads(t: Target): readonly Expr[] {
  switch (t.kind) {
    case "name": return [];
    case "index": return [t.object, ...t.items.flatMap((i) => (i.kind === "expr" ? [i.value] : []))];
    case "attribute": return [t.object];
    case "tuple": return [...t.elements.flatMap((x) => (x ? targetReads(x) : [])), ...(t.defaults ?? []).flatMap((d) => (d ? [d] : []))];
  }
}
/** Expressions of the statement itself, not of the statements beneath it. */
function expressions(s: Stmt): readonly Expr[] {
  switch (s.kind) {
    case "assign": return [s.value, ...s.targets.flatMap(targetReads)];
    case "augmented": return [s.value, ...targetReads(s.target), ...(s.target.kind === "name" ? [s.target] : [])];
    case "expression": return [s.value];
    case "if": case "while": case "assert": return [s.test];
    case "for": return [s.iterable, ...targetReads(s.target)];
    case "count": return [s.start, s.stop];
    case "return": return s.value ? [s.value] : [];
    default: return [];
  }
}
function bodies(s: Stmt): readonly (readonly Stmt[])[] {
  switch (s.kind) {
    case "if": return [s.then, s.otherwise];
    case "for": case "count": case "block": return [s.body];
    case "while": return [s.body, s.update];
    default: return [];
  }
}

class Liveness {
  constructor(readonly shared: Live) {}

  /** What is live before the list, and with `final` the list with its facts settled. */
  list(stmts: readonly Stmt[], after: Live, jumps: Jumps, final: boolean): { readonly live: Live; readonly stmts: readonly Stmt[] } {
    let live = after;
    const out: Stmt[] = [];
    for (const s of [...stmts].reverse()) {
      const r = this.stmt(s, live, jumps, final);
      live = r.live;
      if (r.stmt) out.push(r.stmt);
    }
    return { live, stmts: final ? out.reverse() : stmts };
  }

  private stmt(s: Stmt, after: Live, jumps: Jumps, final: boolean): { readonly live: Live; readonly stmt?: Stmt } {
    switch (s.kind) {
      case "assign": {
        const t = s.targets[0]!;
        if (s.declare === "let" && s.value.kind === "none" && s.targets.length === 1 && t.kind === "name" && !after.has(t.name)) return { live: after };
        return { live: this.use(this.without(after, s.targets.flatMap(assignedNames)), expressions(s)), stmt: s };
      }
      case "augmented": case "expression": case "assert": return { live: this.use(after, expressions(s)), stmt: s };
      case "if": {
        const a = this.list(s.then, after, jumps, final), b = this.list(s.otherwise, after, jumps, final);
        return { live: this.use(union(a.live, b.live), [s.test]), stmt: { ...s, then: a.stmts, otherwise: b.stmts } };
      }
      case "for": {
        const names = assignedNames(s.target), once = (head: Live): Live => this.use(this.without(head, names), targetReads(s.target));
        const r = this.loop(s.label, s.body, after, jumps, final, (head) => head, once);
        return { live: this.use(r.head, [s.iterable]), stmt: { ...s, body: r.stmts } };
      }
      case "count": {
        const r = this.loop(s.label, s.body, after, jumps, final, (head) => this.use(head, [{ kind: "name", name: s.variable, loc: s.loc }]), (head) => head);
        const head = this.without(r.head, [s.variable]);
        return { live: this.use(head, [s.start, s.stop]), stmt: { ...s, exitValue: s.exitValue && after.has(s.variable), body: r.stmts } };
      }
      case "while": return this.whileLoop(s, after, jumps, final);
      case "block": {
        const r = this.list(s.body, after, { ...jumps, breaks: new Map([...jumps.breaks, [s.label, after]]) }, final);
        return { live: r.live, stmt: { ...s, body: r.stmts } };
      }
      case "break": return { live: jumps.breaks.get(s.label) ?? after, stmt: s };
      case "continue": return { live: jumps.continues.get(s.label) ?? after, stmt: s };
      case "return": return { live: this.use(this.shared, s.value ? [s.value] : []), stmt: s };
      case "raise": return { live: this.shared, stmt: s };
      case "function": return { live: this.without(after, [s.def.name]), stmt: s };
      case "pass": return { live: after, stmt: s };
    }
  }

  /** A loop tested before each iteration. `next` and `first` are applied to what is live at the head: at the end of an iteration, and before one. */
  private loop(label: string, body: readonly Stmt[], after: Live, jumps: Jumps, final: boolean, next: (head: Live) => Live, first: (inner: Live) => Live): { head: Live; stmts: readonly Stmt[] } {
    let head = after;
    for (;;) {
      const end = next(head);
      const inner: Jumps = { breaks: new Map([...jumps.breaks, [label, after]]), continues: new Map([...jumps.continues, [label, end]]) };
      const r = this.list(body, end, inner, false), grown = union(head, first(r.live));
      if (grown.size === head.size) return { head, stmts: final ? this.list(body, end, inner, true).stmts : body };
      head = grown;
    }
  }
  private whileLoop(s: Stmt & { kind: "while" }, after: Live, jumps: Jumps, final: boolean): { readonly live: Live; readonly stmt: Stmt } {
    // `head`: live where the test is evaluated.
    let head = this.use(after, [s.test]);
    for (;;) {
      const breaks = new Map([...jumps.breaks, [s.label, after]]);
      const update = this.list(s.update, head, { ...jumps, breaks }, false);
      const inner: Jumps = { breaks, continues: new Map([...jumps.continues, [s.label, update.live]]) };
      const r = this.list(s.body, update.live, inner, false), grown = union(head, r.live);
      if (grown.size === head.size) {
        const stmt: Stmt = final ? { ...s, body: this.list(s.body, update.live, inner, true).stmts, update: this.list(s.update, head, { ...jumps, breaks }, true).stmts } : s;
        return { live: s.testAfter ? r.live : head, stmt };
      }
      head = grown;
    }
  }

  private use(live: Live, list: readonly Expr[]): Live {
    const names = new Set(live);
    for (const e of list) readsOf(e, { names, memory: false });
    return names.size === live.size ? live : names;
  }
  private without(live: Live, names: readonly string[]): Live {
    const gone = names.filter((n) => live.has(n) && !this.shared.has(n));
    if (gone.length === 0) return live;
    const out = new Set(live);
    for (const n of gone) out.delete(n);
    return out;
  }
}
function union(a: Live, b: Live): Live { return a === b ? a : new Set([...a, ...b]); }
