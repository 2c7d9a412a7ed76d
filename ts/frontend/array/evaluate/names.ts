/** Which names statements and expressions use and bind, and which variables are live where: what a join or a loop has to merge. */
import type { Expr, FunctionDef, IndexItem, Stmt, Target } from "../ast.js";

/** The statement lists directly inside a statement. */
export function innerLists(s: Stmt): readonly (readonly Stmt[])[] {
  switch (s.kind) {
    case "if": return [s.then, s.otherwise];
    case "for": return s.otherwise ? [s.body, s.otherwise] : [s.body];
    case "while": return s.otherwise ? [s.body, s.update, s.otherwise] : [s.body, s.update];
    case "count": case "block": return [s.body];
    default: return [];
  }
}

export function visitExpr(e: Expr, f: (e: Expr) => void): void {
  f(e);
  const go = (x: Expr): void => { visitExpr(x, f); };
  switch (e.kind) {
    case "binary": case "compare": case "logical": go(e.left); go(e.right); break;
    case "unary": go(e.operand); break;
    case "conditional": go(e.test); go(e.then); go(e.otherwise); break;
    case "attribute": go(e.object); break;
    case "index": go(e.object); visitItems(e.items, f); break;
    case "call": go(e.callee); for (const a of e.args) go(a.value); for (const k of e.keywords) go(k.value); break;
    case "tuple": case "list": e.elements.forEach(go); break;
    case "object": for (const x of e.entries) go(x.value); break;
    case "comprehension": go(e.element); go(e.iterable); if (e.condition) go(e.condition); break;
    case "function": for (const p of e.def.params) if (p.default) go(p.default); break;
    default: break;
  }
}
function visitItems(items: readonly IndexItem[], f: (e: Expr) => void): void {
  for (const i of items) {
    if (i.kind === "expr") visitExpr(i.value, f);
    else if (i.kind === "slice") for (const x of [i.start, i.stop, i.step]) if (x) visitExpr(x, f);
  }
}
function visitTarget(t: Target, f: (e: Expr) => void): void {
  if (t.kind === "index") { visitExpr(t.object, f); visitItems(t.items, f); }
  else if (t.kind === "attribute") visitExpr(t.object, f);
  else if (t.kind === "tuple") { for (const x of t.elements) if (x) visitTarget(x, f); for (const d of t.defaults ?? []) if (d) visitExpr(d, f); }
}
/** Names that a target binds. */
export function boundBy(t: Target, into: Set<string> = new Set()): Set<string> {
  if (t.kind === "name") into.add(t.name);
  else if (t.kind === "tuple") for (const x of t.elements) if (x) boundBy(x, into);
  return into;
}
/** The expressions that a statement evaluates itself (not those of the statements inside). */
export function visitOwn(s: Stmt, f: (e: Expr) => void): void {
  switch (s.kind) {
    case "assign": for (const t of s.targets) visitTarget(t, f); visitExpr(s.value, f); break;
    case "augmented": visitTarget(s.target, f); visitExpr(s.value, f); break;
    case "expression": visitExpr(s.value, f); break;
    case "if": case "while": case "assert": visitExpr(s.test, f); break;
    case "for": visitTarget(s.target, f); visitExpr(s.iterable, f); break;
    case "count": visitExpr(s.start, f); visitExpr(s.stop, f); break;
    case "return": if (s.value) visitExpr(s.value, f); break;
    case "function": for (const p of s.def.params) if (p.default) visitExpr(p.default, f); break;
    default: break;
  }
}
export function visitStatements(list: readonly Stmt[], f: (s: Stmt) => void): void {
  for (const s of list) { f(s); for (const b of innerLists(s)) visitStatements(b, f); }
}

/** Names that one statement binds itself. */
function bindsOf(s: Stmt, into: Set<string>): void {
  switch (s.kind) {
    case "assign": for (const t of s.targets) boundBy(t, into); break;
    case "augmented": case "for": boundBy(s.target, into); break;
    case "count": into.add(s.variable); break;
    case "function": into.add(s.def.name); break;
    default: break;
  }
}

const EMPTY: ReadonlySet<string> = new Set();

/** What is known of one function's variables. */
export class FunctionFacts {
  /** Variables whose value may be used after a statement (of this run of the function). */
  readonly after = new Map<Stmt, ReadonlySet<string>>();
  /** For loops and blocks: variables whose value at the start of an iteration may be used in it or later. */
  readonly head = new Map<Stmt, ReadonlySet<string>>();
  /** Variables that functions inside this one use: always taken as live. */
  readonly captured = new Set<string>();
  /** Variables that functions inside this one assign. */
  readonly assignedInside = new Set<string>();
  /** A `return` stands where more of the function could follow (in a loop, a block, or an arm that does not always return). */
  readonly leavesEarly: boolean;

  constructor(readonly def: FunctionDef) {
    const inside = (d: FunctionDef): void => {
      // JavaScript evaluates defaults where the function is called.
      for (const p of d.params) if (p.default) visitExpr(p.default, (e) => { if (e.kind === "name") this.captured.add(e.name); });
      visitStatements(d.body, (s) => {
        const b = new Set<string>();
        bindsOf(s, b);
        for (const n of b) if (!d.locals.has(n)) this.assignedInside.add(n);
        if (s.kind === "augmented" && s.target.kind === "name" && !d.locals.has(s.target.name)) this.captured.add(s.target.name);
        visitOwn(s, (e) => { if (e.kind === "name" && !d.locals.has(e.name)) this.captured.add(e.name); else if (e.kind === "function") inside(e.def); });
        if (s.kind === "function") inside(s.def);
      });
      for (const n of this.assignedInside) this.captured.add(n);
    };
    visitStatements(def.body, (s) => {
      if (s.kind === "function") inside(s.def);
      visitOwn(s, (e) => { if (e.kind === "function") inside(e.def); });
    });
    this.leavesEarly = returnsEarly(def.body, true);
    this.#list(def.body, EMPTY, new Map(), new Map());
  }

  isLiveAfter(s: Stmt, name: string): boolean { return !this.def.locals.has(name) || this.captured.has(name) || (this.after.get(s)?.has(name) ?? true); }
  isLiveAtHead(s: Stmt, name: string): boolean { return !this.def.locals.has(name) || this.captured.has(name) || (this.head.get(s)?.has(name) ?? true); }

  /** Names that a list of statements may assign, through calls of functions inside too. */
  assigned(list: readonly Stmt[]): Set<string> {
    const out = new Set<string>();
    let calls = false;
    visitStatements(list, (s) => { bindsOf(s, out); visitOwn(s, (e) => { if (e.kind === "call" && e.callee.kind !== "library") calls = true; }); });
    if (calls) for (const n of this.assignedInside) out.add(n);
    return out;
  }

  #list(list: readonly Stmt[], out: ReadonlySet<string>, breaks: ReadonlyMap<string, ReadonlySet<string>>, continues: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
    let live = out;
    for (let i = list.length - 1; i >= 0; i--) live = this.#statement(list[i]!, live, breaks, continues);
    return live;
  }
  #statement(s: Stmt, out: ReadonlySet<string>, breaks: ReadonlyMap<string, ReadonlySet<string>>, continues: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
    const old = this.after.get(s), beyond = union(out, jumpsOut(s, breaks, continues));
    this.after.set(s, old ? union(old, beyond) : beyond);
    const uses = (base: ReadonlySet<string>): Set<string> => { const u = new Set(base); visitOwn(s, (e) => { if (e.kind === "name") u.add(e.name); }); return u; };
    switch (s.kind) {
      case "assign": { const kill = new Set<string>(); for (const t of s.targets) boundBy(t, kill); return uses(minus(out, kill)); }
      case "augmented": { const u = uses(out); boundBy(s.target, u); return u; }
      case "function": return uses(minus(out, new Set([s.def.name])));
      case "if": return uses(union(this.#list(s.then, out, breaks, continues), this.#list(s.otherwise, out, breaks, continues)));
      case "for": case "count": {
        const own = s.kind === "for" ? boundBy(s.target) : new Set([s.variable]);
        const exit = s.kind === "for" && s.otherwise ? this.#list(s.otherwise, out, breaks, continues) : out;
        const b = new Map(breaks).set(s.label, out);
        let head: ReadonlySet<string> = exit;
        for (;;) {
          const next = union(exit, minus(this.#list(s.body, head, b, new Map(continues).set(s.label, head)), own));
          if (next.size === head.size) break;
          head = next;
        }
        this.head.set(s, head);
        return uses(head);
      }
      case "while": {
        const exit = s.otherwise ? this.#list(s.otherwise, out, breaks, continues) : out;
        const b = new Map(breaks).set(s.label, out);
        let head: ReadonlySet<string> = uses(exit);
        for (;;) {
          const update = this.#list(s.update, head, b, continues);
          const next = union(head, this.#list(s.body, update, b, new Map(continues).set(s.label, update)));
          if (next.size === head.size) break;
          head = next;
        }
        this.head.set(s, head);
        return head;
      }
      case "block": { const live = this.#list(s.body, out, new Map(breaks).set(s.label, out), continues); this.head.set(s, live); return live; }
      case "break": return breaks.get(s.label) ?? out;
      case "continue": return continues.get(s.label) ?? out;
      case "return": return uses(EMPTY);
      case "raise": return EMPTY;
      default: return uses(out);
    }
  }
}

/** What is live where jumps out of a loop or block to an outer one lead: control comes out of the statement there too. */
function jumpsOut(s: Stmt, breaks: ReadonlyMap<string, ReadonlySet<string>>, continues: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  let live = EMPTY;
  if (s.kind === "for" || s.kind === "count" || s.kind === "while" || s.kind === "block") {
    visitStatements(innerLists(s).flat(), (x) => {
      if ((x.kind === "break" || x.kind === "continue") && x.label !== s.label) live = union(live, (x.kind === "break" ? breaks : continues).get(x.label) ?? EMPTY);
    });
  }
  return live;
}
function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> { if (b.size === 0) return a; const s = new Set(a); for (const x of b) s.add(x); return s; }
function minus(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> { const s = new Set(a); for (const x of b) s.delete(x); return s; }

/** Every path through the list ends in return, raise, break or continue. */
export function alwaysLeaves(list: readonly Stmt[]): boolean {
  return list.some((s) => {
    switch (s.kind) {
      case "return": case "raise": case "break": case "continue": return true;
      case "if": return alwaysLeaves(s.then) && alwaysLeaves(s.otherwise);
      default: return false;
    }
  });
}
/** Every way out of the list but a return or an error has assigned the name. */
export function assignsAlways(list: readonly Stmt[], name: string): boolean { const { jumps, end } = waysOut(list, name, false); return jumps && (end ?? true); }
/** Whether the name is assigned at all breaks and continues, and at the end, if that is reached. `known`: it has been before. */
function waysOut(list: readonly Stmt[], name: string, known: boolean): { readonly jumps: boolean; readonly end?: boolean } {
  let jumps = true;
  for (const s of list) {
    switch (s.kind) {
      case "return": case "raise": return { jumps };
      case "break": case "continue": return { jumps: jumps && known };
      case "assign": known ||= s.targets.some((t) => boundBy(t).has(name)); break;
      case "if": {
        const a = waysOut(s.then, name, known), b = waysOut(s.otherwise, name, known);
        jumps &&= a.jumps && b.jumps;
        if (a.end === undefined && b.end === undefined) return { jumps };
        known = (a.end ?? true) && (b.end ?? true);
        break;
      }
      default: if (!known && innerLists(s).some((l) => leaves(l, "break") || leaves(l, "continue"))) jumps = false;
    }
  }
  return { jumps, end: known };
}
/** Contains a statement of the kind, for a label if given. */
export function leaves(list: readonly Stmt[], kind: "break" | "continue" | "return", label?: string): boolean {
  let found = false;
  visitStatements(list, (s) => { if (s.kind === kind && (label === undefined || (s.kind !== "return" && "label" in s && s.label === label))) found = true; });
  return found;
}
/** The statements after an arm that always leaves move into the other arm; what then still returns before the end does so early. */
function returnsEarly(list: readonly Stmt[], tail: boolean): boolean {
  for (let i = 0; i < list.length; i++) {
    const s = list[i]!, rest = list.slice(i + 1);
    if (s.kind === "if") {
      if (rest.length > 0 && alwaysLeaves(s.then)) return returnsEarly(s.then, tail) || returnsEarly([...s.otherwise, ...rest], tail);
      if (rest.length > 0 && alwaysLeaves(s.otherwise)) return returnsEarly(s.otherwise, tail) || returnsEarly([...s.then, ...rest], tail);
      if (returnsEarly(s.then, tail && rest.length === 0) || returnsEarly(s.otherwise, tail && rest.length === 0)) return true;
    } else if (s.kind === "return") { if (!tail) return true; break; } else if (innerLists(s).some((b) => leaves(b, "return"))) return true;
  }
  return false;
}
