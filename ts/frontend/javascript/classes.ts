/** Classes: what makes an instance, its fields and private names, methods, getters and static members. A class is a unit of its own, whose tree is a function that gives the class. */
import type * as t from "@babel/types";
import type { ClassDef, Expr, FunctionDef, Method } from "../array/ast.js";
import { Context } from "./context.js";
import { expr } from "./expressions.js";
import { functionDef } from "./functions.js";
import { propertyKey, type FunctionNode } from "./nodes.js";
import type { Unit } from "./unit.js";

/** The name of a member; of private ones with its #. Undefined where it is computed. */
export function memberName(m: { readonly key: t.Node; readonly computed?: boolean | null }): string | undefined {
  return m.key.type === "PrivateName" ? `#${m.key.id.name}` : propertyKey(m);
}
/** `super.name(…)`, `super(…)` as the call of a method of the class that is extended. */
export function superMember(name: string, loc: Expr["loc"]): Expr {
  return { kind: "attribute", object: { kind: "call", callee: { kind: "library", name: "super", loc }, args: [], keywords: [], loc }, name, loc };
}

export function classDef(unit: Unit, name: string): ClassDef | undefined {
  const cls = (unit.node as t.ArrowFunctionExpression).body as t.ClassExpression, loc = unit.loc(cls);
  const methods = new Map<string, Method>(), constants = new Map<string, Expr>(), fields: { readonly name: string; readonly value: t.Expression | null | undefined; readonly at: t.Node }[] = [];
  const extended = cls.superClass ? unit.environment.extended?.(unit.text.excerpt(cls.superClass)) ?? unit.static(cls.superClass) : undefined;
  if (cls.superClass && extended?.kind !== "class") { unit.unsupported(`a class that extends ${unit.text.excerpt(cls.superClass)}`, cls.superClass, "extend a class of the program"); return undefined; }
  let made: t.ClassMethod | undefined;
  for (const m of cls.body.body) {
    if (m.type === "TSDeclareMethod" || m.type === "TSIndexSignature") continue;
    if (m.type === "StaticBlock") { unit.unsupported("a static block", m, "give static members their values"); continue; }
    const key = memberName(m);
    if (key === undefined) { unit.unsupported("a computed member name", m, "name the member"); continue; }
    if (m.type === "ClassMethod" || m.type === "ClassPrivateMethod") {
      if (m.kind === "constructor") { made = m; continue; }
      if (m.kind === "set") { unit.unsupported("a setter", m, "use a method"); continue; }
      if (m.static && m.kind === "get") { unit.unsupported("a static getter", m, "use a static method"); continue; }
      const def = functionDef(unit, m as FunctionNode, key, m.static ? {} : { receiver: true });
      if (def) methods.set(key, { def, kind: m.static ? "static" : m.kind === "get" ? "property" : "method" });
    } else if (m.type === "ClassProperty" || m.type === "ClassPrivateProperty") {
      if (!m.static) { if (!(m.type === "ClassProperty" && m.declare)) fields.push({ name: key, value: m.value, at: m }); continue; }
      const c = new Context(unit, unit.scope(unit.node), new Set()), { value } = m, r = c.collect((): Expr => (value ? expr(c, value) : { kind: "none", loc: unit.loc(m) }));
      if (r.stmts.length > 0) { unit.unsupported("a static member that takes statements to compute", m, "compute it outside the class"); continue; }
      constants.set(key, r.value);
    } else unit.unsupported("this member of a class", m);
  }
  /** Gives the fields their first values: in a class that extends another, when that has made the instance. */
  const initialise = (c: Context): void => {
    for (const f of fields) {
      const at = unit.loc(f.at), value: Expr = f.value ? expr(c, f.value) : { kind: "none", loc: at };
      c.emit({ kind: "assign", targets: [{ kind: "attribute", object: { kind: "name", name: c.self!, loc: at }, name: f.name, loc: at }], value, loc: at });
    }
  };
  const derived = extended?.kind === "class";
  if (made) {
    const def = functionDef(unit, made, "__init__", { receiver: true, ...(derived ? { made: initialise } : { before: initialise }) });
    if (def) methods.set("__init__", { def, kind: "method" });
  } else if (fields.length > 0 || !derived) methods.set("__init__", { def: implicit(unit, cls, derived, initialise), kind: "method" });
  const base: Expr | undefined = derived ? { kind: "name", name: unit.host.nameClass(extended.unit), loc } : undefined;
  return { name, fields: [], fixed: false, methods, constants, loc, ...(base ? { base } : {}) };
}

/** The constructor of a class that has none. */
function implicit(unit: Unit, cls: t.Node, derived: boolean, initialise: (c: Context) => void): FunctionDef {
  const loc = unit.loc(cls), locals = new Set<string>(), c = new Context(unit, unit.scope(unit.node), locals), self = c.temporary("self"), rest = c.temporary("args");
  c.self = self;
  if (derived) c.emit({ kind: "expression", value: { kind: "call", callee: superMember("__init__", loc), args: [{ value: { kind: "name", name: rest, loc }, spread: true }], keywords: [], loc }, loc });
  initialise(c);
  return { name: "__init__", params: [{ name: self, loc }, { name: rest, rest: true, keywordOnly: true, loc }], body: c.out, locals, loc };
}

export function isClass(unit: Unit): boolean { const { node } = unit; return node.type === "ArrowFunctionExpression" && node.body.type === "ClassExpression" && node.body.start === node.start; }
