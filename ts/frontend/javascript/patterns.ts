/** Destructuring: patterns to tuple targets; captured objects and namespaces are taken apart at once. */
import type * as t from "@babel/types";
import type { Expr, Target } from "../array/ast.js";
import { memberTarget, nameTarget, writable } from "./assignments.js";
import type { Context } from "./context.js";
import { expr, refuse, staticExpr } from "./expressions.js";
import { propertyKey } from "./nodes.js";
import { isPlain } from "./unit.js";

type Declare = "const" | "let" | "var" | undefined;

/** `pattern = source`, as an assignment (`declare` undefined) or a declaration. `source` may be evaluated already. */
export function destructure(c: Context, pattern: t.ArrayPattern | t.ObjectPattern, source: t.Node | Expr, declare: Declare): void {
  const loc = c.loc(pattern);
  let value: Expr;
  if ("kind" in source && "loc" in source && !("type" in source)) value = source;
  else {
    const node = c.unit.unwrap(source);
    if (pattern.type === "ObjectPattern" && takeApart(c, pattern, node, declare)) return;
    if (pattern.type === "ArrayPattern" && node.type === "ArrayExpression" && isFlat(pattern) && node.elements.length >= pattern.elements.length
      && node.elements.every((e) => e !== null && e.type !== "SpreadElement")) {
      const all = c.sequence(node.elements.map((e) => () => expr(c, e)));
      value = { kind: "tuple", elements: all.slice(0, pattern.elements.length), loc: c.loc(node) };
    } else value = expr(c, node);
  }
  const { value: target, stmts } = c.collect(() => patternTarget(c, pattern, declare));
  if (stmts.length > 0) { c.unit.unsupported("side effects inside a destructuring pattern", pattern, "compute the index or default before"); return; }
  if (target) c.emit({ kind: "assign", targets: [target], value, ...(declare ? { declare } : {}), loc });
}

function isFlat(p: t.ArrayPattern): boolean { return p.elements.every((e) => e !== null && e.type !== "RestElement" && e.type !== "AssignmentPattern" && e.type !== "ArrayPattern"); }

/** `{ a, b: c } = captured`: each name is bound to the captured property itself. */
function takeApart(c: Context, pattern: t.ObjectPattern, node: t.Node, declare: Declare): boolean {
  const s = c.unit.static(node);
  if (!s || (s.kind !== "library" && !(s.kind === "value" && isPlain(s.value)))) return false;
  const simple = pattern.properties.every((p) => p.type === "ObjectProperty" && p.value.type === "Identifier" && propertyKey(p) !== undefined);
  if (!simple) return false;
  for (const p of pattern.properties) {
    if (p.type !== "ObjectProperty" || p.value.type !== "Identifier") continue;
    const b = declare ? c.unit.binding(p.value) : writable(c, p.value);
    if (!b) continue;
    // An alias of a library or program function needs no statement: every use is resolved.
    const alias = c.unit.static(p.value);
    if (alias && (alias.kind === "library" || alias.kind === "function" || alias.kind === "constant")) continue;
    const synthetic = { type: "MemberExpression", object: node, property: { type: "Identifier", name: propertyKey(p)! }, computed: false, start: p.start, end: p.end } as unknown as t.MemberExpression;
    const m = c.unit.static(synthetic);
    const target = nameTarget(c, b, p.value);
    c.emit({ kind: "assign", targets: [target], value: m ? staticExpr(c, m, p) : { kind: "none", loc: c.loc(p) }, ...(declare ? { declare } : {}), loc: c.loc(p) });
    c.assigned(target.name);
  }
  return true;
}

/** The target that a pattern means; parts with side effects are emitted as statements (which the caller refuses). */
export function patternTarget(c: Context, raw: t.Node, declare: Declare): Target | undefined {
  const p = raw.type === "TSAsExpression" || raw.type === "TSNonNullExpression" || raw.type === "ParenthesizedExpression" ? c.unit.unwrap(raw) : raw;
  const loc = c.loc(p);
  switch (p.type) {
    case "Identifier": {
      const b = declare ? c.unit.binding(p) : writable(c, p);
      if (!b) return undefined;
      const target = nameTarget(c, b, p);
      c.assigned(target.name);
      return target;
    }
    case "MemberExpression": {
      const m = memberTarget(c, p, []);
      c.effect.memory = true;
      return m?.target;
    }
    case "ArrayPattern": {
      const elements: (Target | undefined)[] = [], defaults: (Expr | undefined)[] = [];
      let rest = false;
      for (const e of p.elements) {
        if (e === null) { elements.push(undefined); defaults.push(undefined); continue; }
        if (e.type === "RestElement") { rest = true; elements.push(patternTarget(c, e.argument, declare)); defaults.push(undefined); continue; }
        const d = withDefault(c, e, declare);
        elements.push(d.target);
        defaults.push(d.value);
      }
      return { kind: "tuple", elements, ...(defaults.some((d) => d) ? { defaults } : {}), ...(rest ? { rest } : {}), loc };
    }
    case "ObjectPattern": {
      const elements: (Target | undefined)[] = [], defaults: (Expr | undefined)[] = [], keys: string[] = [];
      for (const q of p.properties) {
        if (q.type === "RestElement") { refuse(c, q, "the rest of an object", "name the properties that are used"); return undefined; }
        const key = propertyKey(q);
        if (key === undefined) { refuse(c, q, "a computed property name"); return undefined; }
        const d = withDefault(c, q.value, declare);
        keys.push(key);
        elements.push(d.target);
        defaults.push(d.value);
      }
      return { kind: "tuple", elements, keys, ...(defaults.some((d) => d) ? { defaults } : {}), loc };
    }
    default: refuse(c, p, "this assignment target"); return undefined;
  }
}
function withDefault(c: Context, p: t.Node, declare: Declare): { target: Target | undefined; value: Expr | undefined } {
  if (p.type !== "AssignmentPattern") return { target: patternTarget(c, p, declare), value: undefined };
  return { target: patternTarget(c, p.left, declare), value: expr(c, p.right) };
}
