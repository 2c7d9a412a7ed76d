/**
 * A source text as a module: which functions and constants it declares and exports under which names. Only what the named function reaches is looked at. A module-level
 * constant counts as its initialiser; one that module code changes afterwards is refused where it is used, because module code is not run.
 */
import type * as t from "@babel/types";
import { type SourceFile, type SourceLoc } from "../../base/errors.js";
import type { Expr } from "../array/ast.js";
import { functionDef } from "./functions.js";
import { globalName, PURE_METHODS } from "./library-names.js";
import { children, classWrapper, isFunction, isNameHelper, propertyKey, unwrapWith, type FunctionNode } from "./nodes.js";
import { parseFile } from "./parse.js";
import type { ProgramBuilder } from "./program.js";
import { analyseScopes, patternNames, type Binding, type Scopes } from "./scope.js";
import { SourceText } from "./source.js";
import { isPlain } from "./closure.js";
import { fromLibrary, Unit, type Environment, type Static } from "./unit.js";

const missing = (message: string, hint?: string, code: "UNSUPPORTED" | "CAPTURE" = "UNSUPPORTED"): Static => ({ kind: "missing", code, message, ...(hint !== undefined ? { hint } : {}) });

interface Import { readonly from: string }

export class ModuleSource implements Environment {
  private readonly text: SourceText;
  /** Top-level statements, with declarations taken out of exports. */
  private readonly body: t.Statement[] = [];
  private readonly scopes: Scopes;
  private readonly top = new Map<string, Binding>();
  private readonly imports = new Map<string, Import>();
  /** Exported name → what it names. */
  private readonly exports = new Map<string, t.Node>();
  private readonly units = new Map<t.Node, Unit>();
  /** Names whose object module code changes or passes on. */
  private readonly changed = new Set<string>();
  /** Module code calls functions of the module. */
  private calls = false;
  private readonly resolving = new Set<string>();

  constructor(readonly file: SourceFile, readonly builder: ProgramBuilder) {
    this.text = new SourceText(file, 0);
    for (const s of parseFile(file).body) this.statement(s);
    const wrapper = { type: "ArrowFunctionExpression", params: [], body: { type: "BlockStatement", body: this.body, directives: [] }, async: false, expression: false } as unknown as t.ArrowFunctionExpression;
    this.scopes = analyseScopes(wrapper);
    for (const b of this.scopes.root.bindings) this.top.set(b.name, b);
    for (const s of this.body) this.moduleCode(s);
  }

  // ---- what there is ----
  private statement(s: t.Statement): void {
    switch (s.type) {
      case "ImportDeclaration":
        if (s.importKind !== "type" && s.importKind !== "typeof") for (const x of s.specifiers) this.imports.set(x.local.name, { from: s.source.value });
        return;
      case "ExportNamedDeclaration":
        if (s.declaration) {
          this.body.push(s.declaration);
          if (s.declaration.type === "VariableDeclaration") for (const d of s.declaration.declarations) for (const { id } of patternNames(d.id)) this.exports.set(id.name, id);
          else if ((s.declaration.type === "FunctionDeclaration" || s.declaration.type === "ClassDeclaration") && s.declaration.id) this.exports.set(s.declaration.id.name, s.declaration.id);
        }
        for (const x of s.specifiers) if (x.type === "ExportSpecifier" && !s.source) this.exports.set(x.exported.type === "Identifier" ? x.exported.name : x.exported.value, x.local);
        return;
      case "ExportDefaultDeclaration":
        if (s.declaration.type === "FunctionDeclaration") {
          if (s.declaration.id) this.body.push(s.declaration);
          this.exports.set("default", s.declaration);
        } else this.exports.set("default", s.declaration);
        return;
      case "ExportAllDeclaration": return;
      case "ExpressionStatement": this.commonExports(s.expression); this.body.push(s); return;
      default: this.body.push(s);
    }
  }
  /** `module.exports = { f }`, `exports.f = …`, `module.exports = f`, and the `__export(exports, { f: () => f })` of esbuild. */
  private commonExports(e: t.Node): void {
    if (e.type === "SequenceExpression") { for (const x of e.expressions) this.commonExports(x); return; }
    if (e.type === "AssignmentExpression" && e.operator === "=") {
      const left = e.left;
      if (isExports(left)) {
        if (e.right.type === "ObjectExpression") {
          for (const p of e.right.properties) {
            const key = p.type === "SpreadElement" ? undefined : propertyKey(p);
            if (key !== undefined && p.type === "ObjectProperty") this.exports.set(key, p.value);
            else if (key !== undefined && p.type === "ObjectMethod" && p.kind === "method") this.exports.set(key, p);
          }
        } else this.exports.set("default", assignedValue(e));
      } else if (left.type === "MemberExpression" && isExports(left.object)) {
        const key = propertyKey({ key: left.property, computed: left.computed });
        if (key !== undefined) this.exports.set(key, assignedValue(e));
      }
      if (e.right.type === "AssignmentExpression") this.commonExports(e.right);
      return;
    }
    if (e.type === "CallExpression" && e.arguments[1]?.type === "ObjectExpression") {
      for (const p of e.arguments[1].properties) {
        if (p.type === "ObjectProperty" && p.value.type === "ArrowFunctionExpression" && p.value.params.length === 0 && p.value.body.type === "Identifier") {
          const key = propertyKey(p);
          if (key !== undefined) this.exports.set(key, p.value.body);
        }
      }
    }
  }

  /** Notes what module code outside functions does to the module's variables. */
  private moduleCode(n: t.Node): void {
    if (isFunction(n) || n.type === "ClassDeclaration" || n.type === "ClassExpression") return;
    const name = (x: t.Node): string | undefined => {
      let o = x;
      while (o.type === "MemberExpression" || o.type === "OptionalMemberExpression") o = o.object;
      return o.type === "Identifier" ? o.name : undefined;
    };
    const note = (x: t.Node | null | undefined): void => { const k = x ? name(x) : undefined; if (k !== undefined) this.changed.add(k); };
    switch (n.type) {
      case "AssignmentExpression":
        if (n.left.type === "MemberExpression") note(n.left);
        if (n.right.type === "Identifier" && !(n.left.type === "MemberExpression" && isExports(n.left.object)) && !isExports(n.left)) note(n.right);
        if (isExports(n.left) || (n.left.type === "MemberExpression" && isExports(n.left.object))) return;
        break;
      case "UpdateExpression": if (n.argument.type === "MemberExpression") note(n.argument); break;
      case "VariableDeclarator":
        if (n.init?.type === "Identifier") note(n.init);
        if (n.init) this.moduleCode(n.init);
        return;
      case "ArrayExpression": for (const e of n.elements) if (e?.type === "Identifier") note(e); break;
      case "ObjectProperty": if (n.value.type === "Identifier") note(n.value); break;
      case "CallExpression": case "NewExpression": case "OptionalCallExpression": {
        const callee = n.callee;
        if (callee.type === "Identifier" && this.top.has(callee.name) && !/^(__|cov_)/.test(callee.name)) this.calls = true;
        for (const a of n.arguments) if (a.type === "Identifier") note(a);
        if (callee.type === "MemberExpression" && !(callee.property.type === "Identifier" && PURE_METHODS.has(callee.property.name))) note(callee.object);
        break;
      }
      default: break;
    }
    for (const c of children(n)) this.moduleCode(c);
  }

  functions(): string[] {
    const names = new Set<string>();
    for (const [name, b] of this.top) if (this.functionOf(b)) names.add(name);
    for (const name of this.exports.keys()) if (this.functionAt(this.exports.get(name)!)) names.add(name);
    return [...names];
  }
  /** The unit of an exported or top-level function. */
  function(name: string): Unit | undefined {
    const exported = this.exports.get(name), b = this.top.get(name);
    const node = (exported && this.functionAt(exported)) ?? (b && this.functionOf(b));
    return node && this.unit(node, name === "default" && node.type === "FunctionDeclaration" && node.id ? node.id.name : name);
  }
  private unit(node: FunctionNode, name: string): Unit {
    let u = this.units.get(node);
    if (!u) {
      this.units.set(node, u = new Unit(this.builder, this.text, node, this, name));
      this.builder.register(u);
    }
    return u;
  }

  // ---- what names mean ----
  private unwrap(n: t.Node): t.Node { return unwrapWith(n, (callee) => /^__name\d*$/.test(callee.name) || this.isNamer(callee.name)); }
  private isNamer(name: string): boolean { const s = this.lookup(name); return s.kind === "function" && isNameHelper(s.unit.node); }

  private functionAt(raw: t.Node, depth = 0): FunctionNode | undefined {
    const n = depth < 20 ? this.unwrap(raw) : raw;
    if (n.type === "FunctionDeclaration" || n.type === "FunctionExpression" || n.type === "ArrowFunctionExpression" || n.type === "ObjectMethod") return n;
    if (n.type !== "Identifier") return undefined;
    const b = this.top.get(n.name);
    return b && depth < 20 ? this.functionOf(b, depth + 1) : undefined;
  }
  private functionOf(b: Binding, depth = 0): FunctionNode | undefined {
    if (b.kind === "function") return b.writes.length === 0 ? b.functionNode : undefined;
    const init = this.initOf(b);
    return init && init.path.length === 0 ? this.functionAt(init.node, depth) : undefined;
  }
  /** The only value that module code gives a variable, if there is one. */
  private initOf(b: Binding): { readonly node: t.Node; readonly path: readonly string[] } | undefined {
    const outside = b.writes.filter((w) => w.fn === this.scopes.root);
    if (outside.length !== 1) return undefined;
    const at = (n: t.Node): boolean => (n.start ?? 0) <= outside[0]!.start && (n.end ?? 0) >= outside[0]!.end;
    for (const s of this.body) {
      if (!at(s)) continue;
      if (s.type === "VariableDeclaration") return b.init;
      const parts = s.type !== "ExpressionStatement" ? [] : s.expression.type === "SequenceExpression" ? s.expression.expressions : [s.expression];
      const a = parts.find((p) => p.type === "AssignmentExpression" && p.operator === "=" && at(p.left));
      return a?.type === "AssignmentExpression" && a.left.type === "Identifier" ? { node: a.right, path: [] } : undefined;
    }
    return undefined;
  }

  lookup(name: string, _at?: SourceLoc): Static {
    const b = this.top.get(name);
    if (!b) {
      const from = this.imports.get(name);
      if (from) return missing(`${name} is imported from ${from.from}; only the file itself is read`, "pass the function itself, or write the helper into this file");
      const g = globalName(name);
      return g ? fromLibrary(g) : missing(`the name ${name}, which the file does not define`);
    }
    if (b.classNode) {
      let u = this.units.get(b.classNode);
      if (!u) { this.units.set(b.classNode, u = new Unit(this.builder, this.text, classWrapper(b.classNode), this, name)); this.builder.register(u); }
      return { kind: "class", unit: u };
    }
    const f = this.functionOf(b);
    if (f) return { kind: "function", unit: this.unit(f, name) };
    const init = this.initOf(b);
    if (!init) return missing(`${name}, whose value module code decides`, "make it a const with a value, or pass it as an argument");
    if (b.closureWritten && this.calls) return missing(`${name}, which a function may have changed while the module was loaded`, "make it a const");
    if (this.resolving.has(name)) return missing(`${name}, which is used in its own definition`);
    this.resolving.add(name);
    try { return this.constant(name, init, this.moduleUnit(init.node)); } finally { this.resolving.delete(name); }
  }
  private constant(name: string, init: { readonly node: t.Node; readonly path: readonly string[] }, unit: Unit): Static {
    const root = this.unwrap(init.node);
    if (root.type === "CallExpression" && root.callee.type === "Identifier" && root.callee.name === "require" && !this.top.has("require")) {
      const from = root.arguments[0]?.type === "StringLiteral" ? root.arguments[0].value : "another module";
      return missing(`${name} is imported from ${from}; only the file itself is read`, "pass the function itself, or write the helper into this file");
    }
    let s: Static | undefined = unit.static(root), node: t.Node = root;
    for (const key of init.path) {
      node = { type: "MemberExpression", object: node, property: { type: "Identifier", name: key }, computed: false, start: root.start, end: root.end } as unknown as t.Node;
      s = unit.static(node);
    }
    if (s && s.kind !== "expression") return s;
    if (this.changed.has(name) && !isScalar(root)) return missing(`${name}, which module code changes or passes on`, "make it inside the function, or pass it as an argument");
    const constant = unit.constant(node);
    return { kind: "expression", name, ...(constant !== undefined ? { constant } : {}) };
  }
  private readonly moduleUnits = new Map<t.Node, Unit>();
  /** A module-level expression as the body of a function without parameters. */
  private moduleUnit(n: t.Node): Unit {
    let u = this.moduleUnits.get(n);
    if (!u) {
      const fn = { type: "ArrowFunctionExpression", params: [], body: n, async: false, expression: true, start: n.start, end: n.end } as unknown as t.ArrowFunctionExpression;
      this.moduleUnits.set(n, u = new Unit(this.builder, this.text, fn, this, "module"));
    }
    return u;
  }
  /** The initialiser of a module-level constant as an expression. */
  initialiser(name: string): Expr | undefined {
    const init = this.initOf(this.top.get(name)!)!;
    const def = functionDef(this.moduleUnit(init.node), this.moduleUnit(init.node).node, name), only = def?.body[0];
    if (!def || !only) return undefined;
    if (def.body.length !== 1 || only.kind !== "return" || !only.value || def.locals.size > 0) {
      this.builder.problems.add("UNSUPPORTED", `the value of ${name} takes statements to compute`, this.text.loc(init.node), "make it inside the function");
      return undefined;
    }
    return init.path.reduce((object: Expr, key): Expr => ({ kind: "attribute", object, name: key, loc: object.loc }), only.value);
  }

  member(value: unknown, key: string, path: string): Static {
    return isPlain(value) && Object.hasOwn(value, key) ? { kind: "value", value: value[key], path } : missing(`${path}`);
  }
}

function isScalar(n: t.Node): boolean { return n.type === "NumericLiteral" || n.type === "BooleanLiteral" || n.type === "UnaryExpression" || n.type === "BinaryExpression" || n.type === "StringLiteral"; }

/** The value of `a = b = value`. */
function assignedValue(e: t.AssignmentExpression): t.Node { return e.right.type === "AssignmentExpression" ? assignedValue(e.right) : e.right; }

/** `exports` or `module.exports`. */
function isExports(n: t.Node): boolean {
  if (n.type === "Identifier") return n.name === "exports";
  return n.type === "MemberExpression" && !n.computed && n.object.type === "Identifier" && n.object.name === "module" && n.property.type === "Identifier" && n.property.name === "exports";
}
