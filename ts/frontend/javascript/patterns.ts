/** Destructuring: patterns to tuple targets; captured objects and namespaces are taken apart at once. */
import type * as t from "@babel/types";
import type { Expr, Target } from "../array/ast.js";
import { memberTarget, nameTarget, writable } from "./assignments.js";
import type { Context } from "./context.js";
import { expr, refuse, stable, staticExpr } from "./expressions.js";
import { propertyKey } from "./nodes.js";
import { isPlain } from "./closure.js";

type Declare = "const" | "let" | "var" | undefined;

/** `pattern = source`, as an assignment (`declare` undefined) or a declaration. `source` may be evaluated already. */
export function destructure(c: Context, pattern: t.ArrayPattern | t.ObjectPattern, source: t.Node | Expr, declare: Declare): void {
  const loc = c.loc(pattern), rest = pattern.type === "ObjectPattern" ? pattern.properties.at(-1) : undefined;
  if (pattern.type === "ObjectPattern" && rest?.type === "RestElement") {
    const names = pattern.properties.slice(0, -1).map((p) => (p.type === "RestElement" ? undefined : propertyKey(p)));
    if (names.includes(undefined)) { refuse(c, pattern, "a computed property name"); return; }
    const whole = stable(c, "kind" in source && "loc" in source && !("type" in source) ? source : expr(c, source), pattern);
    destructure(c, { ...pattern, properties: pattern.properties.slice(0, -1) }, whole, declare);
    const target = patternTarget(c, rest.argument, declare), args: Expr[] = [whole, ...names.map((n): Expr => ({ kind: "string", value: n!, loc }))];
    if (target) c.emit({ kind: "assign", targets: [target], value: { kind: "call", callee: { kind: "library", name: "Object.%without", loc }, args: args.map((value) => ({ value })), keywords: [], loc }, ...(declare ? { declare } : {}), loc });
    return;
  }
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
  if (stmts.length > 0) { oneByOne(c, pattern, value, declare); return; }
  if (target) c.emit({ kind: "assign", targets: [target], value, ...(declare ? { declare } : {}), loc });
}

/** A pattern whose places or defaults take statements to evaluate: each element is taken and stored on its own, in order. */
function oneByOne(c: Context, pattern: t.ArrayPattern | t.ObjectPattern, value: Expr, declare: Declare): void {
  const loc = c.loc(pattern);
  // Elements that are written out are evaluated before any is stored.
  const whole = value.kind === "tuple" ? undefined : value.kind === "name" ? c.save(value, loc) : stable(c, value, pattern);
  const given = value.kind === "tuple" ? value.elements.map((e) => c.save(e, e.loc)) : [];
  const one = (raw: t.Node, part: Expr): void => {
    let p = raw, v = part;
    if (p.type === "AssignmentPattern") {
      const right = p.right, loc = c.loc(p), name = c.temporary("t"), target: Target = { kind: "name", name, loc }, self: Expr = { kind: "name", name, loc };
      c.emit({ kind: "assign", targets: [target], value: v, loc });
      const d = c.collect(() => expr(c, right));
      c.emit({ kind: "if", test: { kind: "compare", op: "is", left: self, right: { kind: "none", loc }, loc }, then: [...d.stmts, { kind: "assign", targets: [target], value: d.value, loc }], otherwise: [], loc });
      v = self;
      p = p.left;
    }
    if (p.type === "ArrayPattern" || p.type === "ObjectPattern") { destructure(c, p, v, declare); return; }
    const target = patternTarget(c, p, declare);
    if (target) c.emit({ kind: "assign", targets: [target], value: v, ...(declare ? { declare } : {}), loc: c.loc(p) });
  };
  if (pattern.type === "ArrayPattern") {
    pattern.elements.forEach((e, i) => {
      if (!e) return;
      if (e.type === "RestElement") { refuse(c, e, "a rest element beside side effects", "compute the indices and defaults before"); return; }
      one(e, given[i] ?? { kind: "index", object: whole!, items: [{ kind: "expr", value: { kind: "number", value: i, integer: true, loc } }], loc: c.loc(e) });
    });
    return;
  }
  for (const q of pattern.properties) {
    const key = q.type === "RestElement" ? undefined : propertyKey(q);
    if (q.type === "RestElement" || key === undefined) { refuse(c, q, q.type === "RestElement" ? "the rest of an object" : "a computed property name"); continue; }
    one(q.value, { kind: "attribute", object: whole!, name: key, loc: c.loc(q) });
  }
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
