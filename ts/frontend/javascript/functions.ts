/** Functions: parameters with defaults and patterns, and the body. */
import type * as t from "@babel/types";
import type { Expr, FunctionDef, Param, Stmt } from "../array/ast.js";
import { Context } from "./context.js";
import { expr } from "./expressions.js";
import type { FunctionNode } from "./nodes.js";
import { tidy } from "./live.js";
import { destructure } from "./patterns.js";
import { body } from "./statements.js";
import type { Unit } from "./unit.js";

/** `receiver`: the function's first parameter is what it is called on, its `this`; `self`: the `this` of the function around; `before`, `made`: see classes.ts. */
export interface Own { readonly receiver?: boolean; readonly self?: string | undefined; readonly before?: (c: Context) => void; readonly made?: (c: Context) => void }

/** The definition of a function of the unit under a name; undefined (and a problem) if it is of a kind that is not supported. */
export function functionDef(unit: Unit, fn: FunctionNode, name: string, own: Own = {}): FunctionDef | undefined {
  if (fn.async) { unit.unsupported("an async function", fn, "a program is an ordinary function; use .async on the result"); return undefined; }
  if (fn.generator) { unit.unsupported("a generator", fn, "write the loop out"); return undefined; }
  const locals = new Set<string>();
  const scope = unit.scope(fn);
  const c = new Context(unit, scope, locals);
  const params: Param[] = [];
  if (own.receiver) { c.self = c.temporary("self"); params.push({ name: c.self, loc: unit.loc(fn) }); } else if (own.self !== undefined) c.self = own.self;
  if (own.made) c.made = own.made;
  const patterns: { pattern: t.ArrayPattern | t.ObjectPattern; value: Expr }[] = [];
  fn.params.forEach((raw, i) => {
    let p: t.Node = raw, initial: Expr | undefined;
    const loc = unit.loc(raw);
    if (p.type === "Identifier" && p.name === "this") return;
    if (p.type === "TSParameterProperty") { unit.unsupported("a parameter property", p); return; }
    if (p.type === "AssignmentPattern") {
      const right = p.right;
      const r = c.collect(() => expr(c, right));
      if (r.stmts.length > 0) unit.unsupported("a default value with side effects", p, "compute it in the body");
      initial = r.value;
      p = p.left;
    }
    const rest = p.type === "RestElement";
    if (p.type === "RestElement") p = p.argument;
    let out: string;
    if (p.type === "Identifier") out = unit.localName(unit.binding(p)!);
    else {
      out = c.temporary(`arg${i}`);
      if (p.type === "ArrayPattern" || p.type === "ObjectPattern") patterns.push({ pattern: p, value: { kind: "name", name: out, loc } });
      else unit.unsupported("this parameter", p);
    }
    locals.add(out);
    params.push({ name: out, ...(rest ? { rest, keywordOnly: true } : {}), ...(initial ? { default: initial } : {}), loc });
  });
  for (const { pattern, value } of patterns) destructure(c, pattern, value, "let");
  own.before?.(c);
  const prologue: Stmt[] = c.out;
  c.out = [];
  if (fn.body.type === "BlockStatement") body(c, fn.body.body);
  else {
    const loc = unit.loc(fn.body);
    const { value, stmts } = c.collect(() => expr(c, fn.body));
    c.out.push(...stmts, { kind: "return", value, loc });
  }
  for (const b of scope.bindings) if (b.kind !== "self" || b.reads.length > 0) locals.add(unit.localName(b));
  return tidy({ name, params, body: [...prologue, ...c.out], locals, loc: unit.loc(fn), ...(own.receiver ? { receiver: true } : {}) });
}
