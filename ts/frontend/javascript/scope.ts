/** Scope analysis of one function nest: which binding each identifier means, and where each binding is read and written. */
import type * as t from "@babel/types";
import { children, isFunction, propertyKey, type FunctionNode } from "./nodes.js";

export interface Use { readonly start: number; readonly end: number; readonly fn: FunctionScope }

export class Binding {
  readonly reads: Use[] = [];
  /** Assignments, declarations with a value among them. */
  readonly writes: Use[] = [];
  /** The initialiser of its declaration and, for object patterns, the path of keys into it. */
  init?: { readonly node: t.Node; readonly path: readonly string[] };
  /** Set for function declarations. */
  functionNode?: FunctionNode;
  /** Set for class declarations. */
  classNode?: t.ClassDeclaration;
  /** Declared inside a loop of its function: every iteration has a variable of its own. */
  perIteration = false;
  constructor(readonly name: string, public kind: "param" | "var" | "let" | "const" | "function" | "self" | "class", readonly fn: FunctionScope) {}
  /** Assigned by a function other than the one that declares it. */
  get closureWritten(): boolean { return this.writes.some((w) => w.fn !== this.fn); }
  writtenIn(start: number, end: number): boolean { return this.writes.some((w) => w.start >= start && w.end <= end); }
}

export class FunctionScope {
  readonly bindings: Binding[] = [];
  constructor(readonly node: FunctionNode, readonly parent: FunctionScope | undefined) {}
  /** Is this function `other` or inside it? */
  within(other: FunctionScope): boolean { return this === other || (this.parent?.within(other) ?? false); }
}

export interface Scopes {
  readonly root: FunctionScope;
  /** The binding of an identifier node; none: free. */
  readonly of: ReadonlyMap<t.Node, Binding>;
  readonly functions: ReadonlyMap<FunctionNode, FunctionScope>;
  /** Every identifier text in the source (for choosing names that collide with none). */
  readonly identifiers: ReadonlySet<string>;
}

class Env {
  private readonly map = new Map<string, Binding>();
  constructor(readonly parent: Env | undefined) {}
  find(name: string): Binding | undefined { return this.map.get(name) ?? this.parent?.find(name); }
  declare(b: Binding): Binding {
    const old = this.map.get(b.name);
    if (old) {
      if (b.kind === "function") { old.kind = "function"; old.functionNode = b.functionNode!; }
      return old;
    }
    this.map.set(b.name, b);
    b.fn.bindings.push(b);
    return b;
  }
}

/** Identifiers that a pattern binds, each with the path of object keys that leads to it (undefined where the path is not constant). */
export function patternNames(p: t.Node, path: readonly string[] | undefined = [], out: { id: t.Identifier; path: readonly string[] | undefined }[] = []): typeof out {
  switch (p.type) {
    case "Identifier": if (p.name !== "this") out.push({ id: p, path }); break;
    case "AssignmentPattern": patternNames(p.left, undefined, out); break;
    case "RestElement": patternNames(p.argument, undefined, out); break;
    case "ArrayPattern": for (const e of p.elements) if (e) patternNames(e, undefined, out); break;
    case "ObjectPattern":
      for (const q of p.properties) {
        if (q.type === "RestElement") { patternNames(q.argument, undefined, out); continue; }
        const key = propertyKey(q);
        patternNames(q.value, path && key !== undefined ? [...path, key] : undefined, out);
      }
      break;
    case "TSParameterProperty": patternNames(p.parameter, undefined, out); break;
    default: break;
  }
  return out;
}

class Analyser {
  readonly of = new Map<t.Node, Binding>();
  readonly functions = new Map<FunctionNode, FunctionScope>();
  readonly identifiers = new Set<string>();
  private fn!: FunctionScope;
  /** Loops of the current function around the current node. */
  private loops = 0;

  enterFunction(node: FunctionNode, outer: Env | undefined): FunctionScope {
    const saved = this.fn as FunctionScope | undefined, loops = this.loops;
    this.loops = 0;
    const scope = new FunctionScope(node, saved);
    this.functions.set(node, scope);
    this.fn = scope;
    let env = new Env(outer);
    // The root's own name is looked up like any free name: whether the function was declared or is an expression cannot be told from its text.
    if (node.type === "FunctionExpression" && node.id && saved) {
      const self = env.declare(new Binding(node.id.name, "self", scope));
      self.functionNode = node;
      this.of.set(node.id, self);
      env = new Env(env);
    }
    for (const p of node.params) for (const { id } of patternNames(p)) this.of.set(id, env.declare(new Binding(id.name, "param", scope)));
    this.hoistVars(node.body, env);
    for (const p of node.params) this.pattern(p, env, false);
    if (node.body.type === "BlockStatement") this.block(node.body.body, env); else this.visit(node.body, env);
    if (saved) this.fn = saved;
    this.loops = loops;
    return scope;
  }

  private hoistVars(n: t.Node, env: Env): void {
    if (isFunction(n) || n.type.startsWith("Class")) return;
    if (n.type === "VariableDeclaration" && n.kind === "var") this.declarePatterns(n, env);
    for (const c of children(n)) this.hoistVars(c, env);
  }
  private declarePatterns(n: t.VariableDeclaration, env: Env): void {
    for (const d of n.declarations) for (const { id, path } of patternNames(d.id)) {
      const b = env.declare(new Binding(id.name, n.kind === "var" || n.kind === "let" ? n.kind : "const", this.fn));
      this.of.set(id, b);
      b.perIteration ||= n.kind !== "var" && this.loops > 0;
      if (d.init && path && !b.init) b.init = { node: d.init, path };
    }
  }
  /** Declarations that belong to a block itself. */
  private declareBlock(body: readonly t.Node[], env: Env): void {
    for (const s of body) {
      if (s.type === "VariableDeclaration" && s.kind !== "var") this.declarePatterns(s, env);
      else if (s.type === "FunctionDeclaration" && s.id) {
        const b = new Binding(s.id.name, "function", this.fn);
        b.functionNode = s;
        b.perIteration = this.loops > 0;
        this.of.set(s.id, env.declare(b));
      } else if (s.type === "ClassDeclaration" && s.id) { const b = new Binding(s.id.name, "class", this.fn); b.classNode = s; this.of.set(s.id, env.declare(b)); }
    }
  }
  private block(body: readonly t.Node[], env: Env): void {
    this.declareBlock(body, env);
    for (const s of body) this.visit(s, env);
  }

  private use(id: t.Identifier, env: Env, read: boolean, write: boolean): void {
    this.identifiers.add(id.name);
    const b = env.find(id.name);
    if (!b) return;
    this.of.set(id, b);
    const u: Use = { start: id.start ?? 0, end: id.end ?? 0, fn: this.fn };
    if (read) b.reads.push(u);
    if (write) b.writes.push(u);
  }

  /** A pattern that is assigned (`write`), or only declared. */
  private pattern(p: t.Node, env: Env, write: boolean): void {
    switch (p.type) {
      case "Identifier": if (write) this.use(p, env, false, true); else this.identifiers.add(p.name); break;
      case "AssignmentPattern": this.pattern(p.left, env, write); this.visit(p.right, env); break;
      case "RestElement": this.pattern(p.argument, env, write); break;
      case "ArrayPattern": for (const e of p.elements) if (e) this.pattern(e, env, write); break;
      case "ObjectPattern":
        for (const q of p.properties) {
          if (q.type === "RestElement") { this.pattern(q.argument, env, write); continue; }
          if (q.computed) this.visit(q.key, env);
          this.pattern(q.value, env, write);
        }
        break;
      case "TSAsExpression": case "TSNonNullExpression": case "TSSatisfiesExpression": case "TSTypeAssertion": case "ParenthesizedExpression": this.pattern(p.expression, env, write); break;
      default: this.visit(p, env);
    }
  }

  private visit(n: t.Node, env: Env): void {
    switch (n.type) {
      case "Identifier": this.use(n, env, true, false); return;
      case "FunctionDeclaration": case "FunctionExpression": case "ArrowFunctionExpression": case "ObjectMethod": case "ClassMethod":
        if (n.type === "ObjectMethod" && n.computed) this.visit(n.key, env);
        this.enterFunction(n, env); return;
      case "VariableDeclaration":
        for (const d of n.declarations) {
          if (d.init) this.visit(d.init, env);
          this.pattern(d.id, env, d.init !== null && d.init !== undefined);
        }
        return;
      case "AssignmentExpression":
        if (n.operator === "=") this.pattern(n.left, env, true);
        else if (n.left.type === "Identifier") this.use(n.left, env, true, true);
        else this.pattern(n.left, env, true);
        this.visit(n.right, env); return;
      case "UpdateExpression":
        if (n.argument.type === "Identifier") this.use(n.argument, env, true, true); else this.visit(n.argument, env);
        return;
      case "ForOfStatement": case "ForInStatement": {
        const inner = new Env(env);
        this.visit(n.right, env);
        this.loops++;
        if (n.left.type === "VariableDeclaration") {
          if (n.left.kind !== "var") this.declarePatterns(n.left, inner);
          for (const d of n.left.declarations) this.pattern(d.id, inner, true);
        } else this.pattern(n.left, env, true);
        this.visit(n.body, inner);
        this.loops--;
        return;
      }
      case "ForStatement": {
        const inner = new Env(env);
        this.loops++;
        if (n.init?.type === "VariableDeclaration" && n.init.kind !== "var") this.declarePatterns(n.init, inner);
        for (const part of [n.init, n.test, n.update, n.body]) if (part) this.visit(part, inner);
        this.loops--;
        return;
      }
      case "WhileStatement": case "DoWhileStatement":
        this.loops++;
        for (const c of children(n)) this.visit(c, env);
        this.loops--;
        return;
      case "BlockStatement": this.block(n.body, new Env(env)); return;
      case "SwitchStatement": {
        this.visit(n.discriminant, env);
        const inner = new Env(env);
        for (const c of n.cases) this.declareBlock(c.consequent, inner);
        for (const c of n.cases) { if (c.test) this.visit(c.test, inner); for (const s of c.consequent) this.visit(s, inner); }
        return;
      }
      case "MemberExpression": case "OptionalMemberExpression":
        this.visit(n.object, env);
        if (n.computed) this.visit(n.property, env);
        return;
      case "ObjectProperty":
        if (n.computed) this.visit(n.key, env);
        this.visit(n.value, env); return;
      case "LabeledStatement": this.visit(n.body, env); return;
      case "BreakStatement": case "ContinueStatement": return;
      case "ClassDeclaration": case "ClassExpression": {
        if (n.superClass) this.visit(n.superClass, env);
        const inner = new Env(env);
        for (const m of n.body.body) {
          if ("computed" in m && m.computed) this.visit(m.key, inner);
          if (m.type === "ClassMethod" || m.type === "ClassPrivateMethod") this.enterFunction(m as FunctionNode, inner);
          else if ((m.type === "ClassProperty" || m.type === "ClassPrivateProperty") && m.value) this.visit(m.value, inner);
        }
        return;
      }
      case "CatchClause": {
        const inner = new Env(env);
        if (n.param) for (const { id } of patternNames(n.param)) this.of.set(id, inner.declare(new Binding(id.name, "let", this.fn)));
        this.visit(n.body, inner); return;
      }
      default: for (const c of children(n)) this.visit(c, env);
    }
  }
}

export function analyseScopes(node: FunctionNode): Scopes {
  const a = new Analyser();
  const root = a.enterFunction(node, undefined);
  return { root, of: a.of, functions: a.functions, identifiers: a.identifiers };
}
