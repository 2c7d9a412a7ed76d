/**
 * The names of a module, in the order in which it binds them. A function sees a name's last binding; a module-level expression sees the
 * binding before it, so that `N = 10; M = 2 * N; N = 20` gives M = 20. Only what is asked for is converted.
 */
import type { SourceLoc } from "../../base/errors.js";
import type { BinaryOp, Expr, GlobalValue } from "../array/ast.js";
import { BINARY } from "./expressions.js";
import { BUILTINS, MATH_STAR, NUMPY_STAR, importedNames, isWritingFunction, isWritingMethod, libraryName } from "./imports.js";
import { targetNames, type Globals } from "./scope.js";
import type { Converter } from "./statements.js";
import { node, nodes, text, walk, type Problems, type PyNode, type Source } from "./tree.js";

interface Event {
  /** Position of the top-level statement. */
  readonly at: number;
  readonly statement: PyNode;
  readonly kind: "function" | "value" | "import" | "augmented" | "conditional" | "class" | "deleted" | "changed";
  readonly path?: string;
  /** Key in the array program's globals. */
  key: string;
}

export class ModuleNames implements Globals {
  readonly values = new Map<string, GlobalValue>();
  readonly #events = new Map<string, Event[]>();
  readonly #pending: { readonly name: string; readonly event: Event; readonly loc: SourceLoc }[] = [];
  readonly #stars: string[] = [];
  /** What each converted global uses, and which functions module-level expressions call: they run before the module is complete. */
  readonly #uses = new Map<string, Set<string>>();
  readonly #early: { readonly name: string; readonly at: number; readonly loc: SourceLoc }[] = [];
  /** The global being converted, and where it stands: Infinity in functions. */
  #current = "";
  #at = Infinity;
  #converter: Converter | undefined;

  constructor(readonly source: Source, readonly problems: Problems, readonly body: readonly PyNode[]) {
    body.forEach((s, at) => { this.#collect(s, at, false); });
    for (const list of this.#events.values()) list.forEach((e, i) => { if (i < list.length - 1) e.key += `@${i + 1}`; });
  }

  // ---- binding ----
  #bind(name: string, event: Omit<Event, "key">): void {
    const list = this.#events.get(name) ?? [];
    this.#events.set(name, list);
    list.push({ ...event, key: name });
  }
  #collect(s: PyNode, at: number, conditional: boolean): void {
    const value = (kind: Event["kind"]): Event["kind"] => (conditional ? "conditional" : kind);
    switch (s.nodeType) {
      case "Import": case "ImportFrom":
        for (const [name, path] of importedNames(s)) { if (name === "*") this.#stars.push(path.slice(0, -2)); else this.#bind(name, { at, statement: s, kind: "import", path }); }
        break;
      case "FunctionDef": this.#bind(text(s["name"]), { at, statement: s, kind: value("function") }); break;
      case "ClassDef": this.#bind(text(s["name"]), { at, statement: s, kind: value("class") }); break;
      case "AsyncFunctionDef": this.#bind(text(s["name"]), { at, statement: s, kind: "class" }); break;
      case "Assign": for (const t of nodes(s["targets"])) for (const n of targetNames(t)) this.#bind(n, { at, statement: s, kind: value("value") }); break;
      case "AnnAssign": if (s["value"]) for (const n of targetNames(node(s["target"]))) this.#bind(n, { at, statement: s, kind: value("value") }); break;
      case "AugAssign": for (const n of targetNames(node(s["target"]))) this.#bind(n, { at, statement: s, kind: value("augmented") }); break;
      case "Delete": for (const t of nodes(s["targets"])) for (const n of targetNames(t)) this.#bind(n, { at, statement: s, kind: "deleted" }); break;
      case "If": {
        const test = this.source.slice(node(s["test"]));
        // A module that is read as a program is not the main one; type checkers' branches do not run.
        const never = /^__name__\s*==/.test(test) || /^(typing\.)?TYPE_CHECKING$/.test(test);
        if (!never) for (const x of nodes(s["body"])) this.#collect(x, at, true);
        for (const x of nodes(s["orelse"])) this.#collect(x, at, conditional || !never);
        return;
      }
      case "Try": {
        const known = new Set<string>();
        for (const x of nodes(s["body"])) { this.#collect(x, at, conditional); for (const [n, path] of importedNames(x)) if (libraryName(path) !== undefined) known.add(n); }
        // Where an import that we know succeeds, what stands in for it is not used.
        for (const h of nodes(s["handlers"])) for (const x of nodes(h["body"])) if (known.size === 0) this.#collect(x, at, true);
        for (const x of [...nodes(s["orelse"]), ...nodes(s["finalbody"])]) this.#collect(x, at, conditional);
        return;
      }
      case "For": case "While": case "With":
        if (s["target"]) for (const n of targetNames(node(s["target"]))) this.#bind(n, { at, statement: s, kind: "conditional" });
        for (const x of [...nodes(s["body"]), ...nodes(s["orelse"])]) this.#collect(x, at, true);
        return;
      default: break;
    }
    this.#changes(s, at);
  }
  /** Notes the names whose arrays a statement may write to. */
  #changes(s: PyNode, at: number): void {
    const change = (n: PyNode): void => {
      let base = n;
      while (base.nodeType === "Subscript" || base.nodeType === "Attribute") base = node(base["value"]);
      const name = text(base["id"]), last = this.#events.get(name)?.at(-1);
      if (base.nodeType !== "Name" || !last || last.kind !== "value") return;
      const value = node(last.statement["value"]);
      if (this.#immutable(value)) return;
      this.#bind(name, { at, statement: s, kind: "changed" });
      if (value.nodeType === "Name") change(value);
    };
    walk(s, (n) => {
      if (n.nodeType === "FunctionDef" || n.nodeType === "Lambda" || n.nodeType === "ClassDef") return false;
      if (n.nodeType === "Assign") { for (const t of nodes(n["targets"])) if (t.nodeType === "Subscript" || t.nodeType === "Attribute") change(t); }
      else if (n.nodeType === "AugAssign" && node(n["target"]).nodeType !== "Name") change(node(n["target"]));
      else if (n.nodeType === "Call") {
        const func = node(n["func"]), own = func.nodeType === "Name" && this.#events.get(text(func["id"]))?.at(-1)?.kind === "function";
        const library = this.#library(func);
        if (func.nodeType === "Attribute" && isWritingMethod(text(func["attr"])) && library === undefined) change(func);
        if (own || (library !== undefined && isWritingFunction(library))) for (const a of nodes(n["args"])) change(a);
        for (const k of nodes(n["keywords"])) if (k["arg"] === "out" || own) change(node(k["value"]));
      }
      return true;
    });
  }
  #library(n: PyNode): string | undefined {
    if (n.nodeType === "Attribute") { const l = this.#library(node(n["value"])); return l === undefined ? undefined : `${l}.${text(n["attr"])}`; }
    const path = n.nodeType === "Name" ? this.importPath(text(n["id"])) : undefined;
    return path === undefined ? undefined : libraryName(path);
  }
  /** Certainly a number, string or tuple of such. */
  #immutable(n: PyNode): boolean {
    switch (n.nodeType) {
      case "Constant": return true;
      case "UnaryOp": return this.#immutable(node(n["operand"]));
      case "BinOp": return this.#immutable(node(n["left"])) && this.#immutable(node(n["right"]));
      case "Tuple": return nodes(n["elts"]).every((e) => this.#immutable(e));
      case "Call": return /^(math\.\w+|int|float|len|np\.(float|int)\d+)$/.test(this.#library(node(n["func"])) ?? text(node(n["func"])["id"]));
      default: return false;
    }
  }

  // ---- looking up ----
  functions(): readonly string[] { return [...this.#events].filter(([, l]) => l.at(-1)!.kind === "function").map(([n]) => n); }
  function(name: string): PyNode | undefined { const e = this.#events.get(name)?.at(-1); return e?.kind === "function" ? e.statement : undefined; }

  #event(name: string): Event | undefined {
    const list = this.#events.get(name);
    return this.#at === Infinity ? list?.at(-1) : list?.findLast((e) => e.at < this.#at || (e.at === this.#at && e.kind === "function"));
  }
  has(name: string): boolean { const e = this.#events.get(name)?.at(-1); return e !== undefined && e.kind !== "import"; }
  importPath(name: string): string | undefined {
    const e = this.#event(name);
    if (e) return e.kind === "import" ? e.path : undefined;
    if (this.#events.has(name)) return undefined;
    for (const module of [...this.#stars].reverse()) {
      if ((module === "math" && MATH_STAR.has(name)) || (module === "numpy" && (NUMPY_STAR.has(name) || !BUILTINS.has(name)) && /^[a-z]\w*$/.test(name))) return `${module}.${name}`;
    }
    return undefined;
  }
  resolve(name: string, n: PyNode): Expr | undefined {
    const loc = this.source.loc(n), event = this.#event(name);
    if (!event) {
      if (this.#events.has(name)) { this.problems.add(`the module-level name ${name}, used before it is bound`, loc, "bind it first"); return { kind: "none", loc }; }
      return undefined;
    }
    const uses = this.#uses.get(this.#current) ?? new Set();
    this.#uses.set(this.#current, uses.add(event.key));
    if ((event.kind === "function" || event.kind === "class") && this.#at !== Infinity) this.#early.push({ name: event.key, at: this.#at, loc });
    if (!this.values.has(event.key) && !this.#pending.some((p) => p.event === event)) this.#pending.push({ name, event, loc });
    return { kind: "name", name: event.key, loc };
  }

  // ---- converting ----
  /** Converts what has been asked for, and what that asks for in turn. */
  convertPending(converter: Converter): void {
    this.#converter = converter;
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      if (this.values.has(next.event.key)) continue;
      this.#current = next.event.key;
      this.#at = next.event.kind === "function" ? Infinity : next.event.at;
      const value = this.#convert(next.name, next.event, next.loc);
      if (value) this.values.set(next.event.key, value);
      this.#at = Infinity;
    }
    this.#checkEarly();
  }
  #convert(name: string, event: Event, use: SourceLoc): GlobalValue | undefined {
    const s = event.statement, c = this.#converter!, loc = this.source.loc(s);
    const refuse = (what: string, hint: string, at = loc): GlobalValue | undefined => { this.problems.add(what, at, hint); return undefined; };
    switch (event.kind) {
      case "function": return { kind: "function", def: c.functionDef(s) };
      case "value": {
        const named = c.namedTuple(node(s["value"]));
        if (named) return { kind: "class", def: named };
        const value = c.moduleExpression(node(s["value"]));
        for (const t of s.nodeType === "Assign" ? nodes(s["targets"]) : [node(s["target"])]) { const v = part(t, value, name); if (v) return { kind: "expression", value: v }; }
        return refuse(`the module-level name ${name}, bound by a starred target`, "bind it by itself");
      }
      case "augmented": {
        const before = this.resolve(name, node(s["target"])), op: BinaryOp | undefined = BINARY[node(s["op"]).nodeType];
        if (!before || !op) return refuse(`the module-level name ${name}, changed by this statement`, "pass it as an argument");
        return { kind: "expression", value: { kind: "binary", op, left: before, right: c.moduleExpression(node(s["value"])), loc } };
      }
      case "conditional": return refuse(`the module-level name ${name}, which is bound under a condition or in a loop`, "bind it once at the top level, or pass it as an argument");
      case "class": {
        if (s.nodeType !== "ClassDef") return refuse(`the async function ${name}`, "use ordinary functions", use);
        const def = c.classDef(s, { late: (f) => { const at = this.#at; this.#at = Infinity; try { return f(); } finally { this.#at = at; } }, classNamed: (n) => { const e = this.#event(n); return e?.kind === "class" ? e.statement : undefined; }, body: this.body });
        return { kind: "class", def };
      }
      case "deleted": return refuse(`the module-level name ${name}, which is deleted`, "keep it, or pass it as an argument");
      case "changed": return refuse(`the module-level ${name}, which this statement may change`, "make its final value in one expression, or pass it as an argument");
      default: return undefined;
    }
  }
  /** A function that a module-level expression calls must not depend on what is bound anew afterwards. */
  #checkEarly(): void {
    for (const { name, at, loc } of this.#early) {
      const seen = new Set<string>(), stack = [name];
      while (stack.length > 0) {
        const k = stack.pop()!;
        if (seen.has(k)) continue;
        seen.add(k);
        const events = this.#events.get(k.replace(/@.*/, ""));
        if (events && events.length > 1 && events.at(-1)!.key === k && events.at(-1)!.at > at) this.problems.add(`calling ${name} while ${k} does not have its final value`, loc, `bind ${k} once`);
        stack.push(...(this.#uses.get(k) ?? []));
      }
    }
  }
}

/** The part of a value that a target gives to a name. */
function part(t: PyNode, value: Expr, name: string): Expr | undefined {
  if (t.nodeType === "Name") return text(t["id"]) === name ? value : undefined;
  if (t.nodeType !== "Tuple" && t.nodeType !== "List") return undefined;
  const elements = nodes(t["elts"]);
  if (elements.some((e) => e.nodeType === "Starred")) return undefined;
  for (const [i, e] of elements.entries()) {
    const own: Expr = (value.kind === "tuple" || value.kind === "list") && value.elements[i]
      ? value.elements[i] : { kind: "index", object: value, items: [{ kind: "expr", value: { kind: "number", value: i, integer: true, loc: value.loc } }], loc: value.loc };
    const found = part(e, own, name);
    if (found) return found;
  }
  return undefined;
}
