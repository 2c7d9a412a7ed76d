/** One function as the frontend sees it: its tree, where it stands in a file, its scopes, and what its free names mean. */
import type * as t from "@babel/types";
import type { ErrorCode, SourceLoc } from "../../base/errors.js";
import type { Expr } from "../array/ast.js";
import { isPlain } from "./closure.js";
import { globalName, libraryMember } from "./library-names.js";
import { classWrapper, isNameHelper, propertyKey, unwrapWith, type FunctionNode } from "./nodes.js";
import { Names } from "./names.js";
import type { Problems } from "./problems.js";
import { analyseScopes, type Binding, type FunctionScope, type Scopes } from "./scope.js";
import type { SourceText, Span } from "./source.js";

/** What a name means without running the program. */
export type Static =
  | { readonly kind: "library"; readonly name: string }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "function"; readonly unit: Unit }
  | { readonly kind: "class"; readonly unit: Unit }
  /** A captured value; `path` is how the source wrote it (for names and messages). */
  | { readonly kind: "value"; readonly value: unknown; readonly path: string }
  /** A module-level constant of a source text: evaluated once. `member` extends it. */
  | { readonly kind: "expression"; readonly name: string; readonly constant?: number }
  | { readonly kind: "missing"; readonly code: ErrorCode; readonly message: string; readonly hint?: string };

/** The meaning of names that are free in a unit. */
export interface Environment {
  lookup(name: string, at: SourceLoc): Static;
  /** Property of a captured value. */
  member(value: unknown, key: string, path: string): Static;
  /** For a class that is captured: what it extends. */
  extended?(name: string): Static;
  /** The value of a module-level constant, converted. */
  initialiser(name: string): Expr | undefined;
}

/** What the units of one program share. */
export interface Host {
  readonly problems: Problems;
  readonly globals: Names;
  register(unit: Unit): void;
  nameFunction(unit: Unit): string;
  nameClass(unit: Unit): string;
  nameValue(value: unknown, path: string, loc: SourceLoc): string;
  nameExpression(name: string, unit: Unit, loc: SourceLoc): Expr;
  localTaken(name: string): boolean;
}

export class Unit {
  readonly scopes: Scopes;
  readonly names = new Names();
  private readonly labels = new Names();
  private readonly outNames = new Map<Binding, string>();
  private readonly byName = new Map<string, Binding>();
  /** The program's own function, as opposed to those it calls. */
  entry = false;
  private readonly resolving = new Set<t.Node>();

  constructor(readonly host: Host, readonly text: SourceText, readonly node: FunctionNode, readonly environment: Environment, readonly name: string) {
    this.scopes = analyseScopes(node);
  }

  loc(n: Span): SourceLoc { return this.text.loc(n); }
  problem(code: ErrorCode, message: string, at: Span, hint?: string): void { this.host.problems.add(code, message, this.loc(at), hint); }
  unsupported(message: string, at: Span, hint?: string): void { this.problem("UNSUPPORTED", message, at, hint); }

  binding(id: t.Node): Binding | undefined { return this.scopes.of.get(id); }
  scope(fn: FunctionNode): FunctionScope { return this.scopes.functions.get(fn)!; }

  /** The unique name of a binding in this nest. */
  localName(b: Binding): string {
    let name = this.outNames.get(b);
    if (name === undefined) {
      const base = b.name;
      name = this.names.fresh(base, (n) => (n !== base && this.scopes.identifiers.has(n)) || this.host.globals.has(n));
      this.outNames.set(b, name);
      this.byName.set(name, b);
    }
    return name;
  }
  label(base: string): string { return this.labels.fresh(base); }
  temporary(base: string): string { return this.names.fresh(base, (n) => this.scopes.identifiers.has(n) || this.host.globals.has(n)); }
  /** Can a call of an unknown function assign this local? */
  closureWritten(name: string): boolean { return this.byName.get(name)?.closureWritten ?? false; }

  unwrap(n: t.Node): t.Node { return unwrapWith(n, (callee) => this.isNamer(callee)); }
  private isNamer(callee: t.Identifier): boolean {
    if (/^__name\d*$/.test(callee.name)) return true;
    const b = this.binding(callee);
    if (b) return false;
    const s = this.environment.lookup(callee.name, this.loc(callee));
    return s.kind === "function" && isNameHelper(s.unit.node);
  }

  /** What an identifier or a constant member chain means, if it is not a plain variable. */
  static(raw: t.Node): Static | undefined {
    const n = this.unwrap(raw);
    if (n.type === "Identifier") {
      const b = this.binding(n);
      if (b?.classNode) return { kind: "class", unit: this.classUnit(b, b.classNode) };
      if (b) return this.aliasOf(b);
      if (n.name === "undefined" || n.name === "arguments") return undefined;
      return this.environment.lookup(n.name, this.loc(n));
    }
    if (n.type === "MemberExpression" || n.type === "OptionalMemberExpression") {
      const object = this.static(n.object);
      if (!object || object.kind === "missing" || object.kind === "expression") return object?.kind === "missing" ? object : undefined;
      const key = n.computed ? (n.property.type === "StringLiteral" ? n.property.value : undefined) : propertyKey({ key: n.property });
      return key === undefined ? undefined : this.memberOf(object, key);
    }
    return undefined;
  }
  private readonly classes = new Map<Binding, Unit>();
  /** A class of a block: of what is around it, it may use other classes of blocks. */
  private classUnit(b: Binding, node: t.ClassDeclaration): Unit {
    let u = this.classes.get(b);
    if (!u) {
      const around = this.scopes.functions, { environment } = this;
      const lookup = (name: string, at: SourceLoc): Static => {
        for (const f of around.values()) for (const x of f.bindings) {
          if (x.name !== name) continue;
          return x.classNode ? { kind: "class", unit: this.classUnit(x, x.classNode) } : { kind: "missing", code: "UNSUPPORTED", message: `${name}, a variable of the function around, in a class`, hint: "give it to the constructor" };
        }
        return environment.lookup(name, at);
      };
      u = new Unit(this.host, this.text, classWrapper(node), { lookup, member: (v, k, p) => environment.member(v, k, p), initialiser: (name) => environment.initialiser(name) }, b.name);
      this.classes.set(b, u);
      this.host.register(u);
    }
    return u;
  }
  private memberOf(object: Static, key: string): Static | undefined {
    if (object.kind === "library") {
      if (object.name === "globalThis") return fromLibrary(globalName(key) ?? { kind: "refused", name: key, hint: undefined });
      return fromLibrary(libraryMember(object.name, key));
    }
    if (object.kind === "value" && isPlain(object.value)) return this.environment.member(object.value, key, `${object.path}.${key}`);
    return undefined;
  }
  /** A local that is only another name for a library function, a captured function or a plain captured object. */
  private aliasOf(b: Binding): Static | undefined {
    if (b.kind === "param" || b.writes.length !== 1 || !b.init || this.resolving.has(b.init.node)) return undefined;
    this.resolving.add(b.init.node);
    try {
      let s = this.static(b.init.node);
      for (const key of b.init.path) s = s && this.memberOf(s, key);
      if (s?.kind === "library" || s?.kind === "function" || s?.kind === "constant" || (s?.kind === "value" && isPlain(s.value))) return s;
      return undefined;
    } finally { this.resolving.delete(b.init.node); }
  }
  /** The function that a callee always is: an inner function (its node) or a captured one (its unit). */
  functionOf(raw: t.Node): { readonly node: FunctionNode; readonly unit: Unit } | undefined {
    const n = this.unwrap(raw);
    if (n.type === "FunctionExpression" || n.type === "ArrowFunctionExpression") return { node: n, unit: this };
    if (n.type === "Identifier") {
      const b = this.binding(n);
      if (b) {
        const node = this.functionNodeOf(b);
        if (node) return { node, unit: this };
      }
    }
    const s = this.static(n);
    return s?.kind === "function" ? { node: s.unit.node, unit: s.unit } : undefined;
  }
  /** The function that a local binding always holds. */
  functionNodeOf(b: Binding): FunctionNode | undefined {
    if ((b.kind === "function" || b.kind === "self") && b.writes.length === 0) return b.functionNode;
    if (b.kind === "param" || b.writes.length !== 1 || !b.init || b.init.path.length > 0) return undefined;
    const v = this.unwrap(b.init.node);
    return v.type === "FunctionExpression" || v.type === "ArrowFunctionExpression" ? v : undefined;
  }
  /** The number that an expression always is (literals, captured constants, locals that only hold one). */
  constant(raw: t.Node): number | undefined {
    const n = this.unwrap(raw);
    if (n.type === "NumericLiteral") return n.value;
    if (n.type === "UnaryExpression" && (n.operator === "-" || n.operator === "+")) {
      const v = this.constant(n.argument);
      return v === undefined ? undefined : n.operator === "-" ? -v : v;
    }
    if (n.type === "Identifier") {
      const b = this.binding(n);
      if (b) {
        if (b.kind !== "const" || !b.init || b.init.path.length > 0 || this.resolving.has(b.init.node)) return undefined;
        this.resolving.add(b.init.node);
        try { return this.constant(b.init.node); } finally { this.resolving.delete(b.init.node); }
      }
    }
    const s = this.static(n);
    if (s?.kind === "constant") return s.value;
    if (s?.kind === "expression") return s.constant;
    return s?.kind === "value" && typeof s.value === "number" ? s.value : undefined;
  }
}

export function fromLibrary(l: import("./library-names.js").LibraryName): Static {
  if (l.kind !== "refused") return l;
  return { kind: "missing", code: "UNSUPPORTED", message: `${l.name} is not supported`, ...(l.hint ? { hint: l.hint } : {}) };
}
