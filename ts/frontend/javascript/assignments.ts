/** Assignment expressions: `=`, compound and logical forms, `++` and `--`, destructuring. */
import type * as t from "@babel/types";
import type { Expr, Stmt, Target } from "../array/ast.js";
import type { Context } from "./context.js";
import { disturbs } from "./effects.js";
import { refuseEscape } from "./escapes.js";
import { binaryOp, expr, numberLiteral, refuse, stable, takesRight, value } from "./expressions.js";
import { destructure } from "./patterns.js";
import type { Binding } from "./scope.js";

type Assignment = t.AssignmentExpression;

/** A local that may be assigned, or undefined after reporting why not. */
export function writable(c: Context, id: t.Identifier): Binding | undefined {
  const b = c.unit.binding(id);
  if (!b) {
    const s = c.unit.environment.lookup(id.name, c.loc(id));
    if (s.kind === "missing" && s.code !== "CAPTURE") c.unit.unsupported(`assigning ${id.name}`, id);
    else c.unit.problem("CAPTURE", `the captured variable ${id.name} is reassigned by the program`, id, "pass it as an argument and return the new value");
    return undefined;
  }
  if (b.kind === "const") { c.unit.unsupported(`assignment to the constant ${b.name}`, id); return undefined; }
  if (b.kind === "class" || b.kind === "self") { c.unit.unsupported(`assignment to ${b.name}`, id); return undefined; }
  return b;
}
export function nameTarget(c: Context, b: Binding, n: t.Node): Target & { kind: "name" } {
  const name = c.unit.localName(b);
  return { kind: "name", name, loc: c.loc(n) };
}

/** The expression's value if wanted, else undefined. */
export function assignment(c: Context, n: Assignment, wanted: boolean): Expr | undefined {
  const left = c.unit.unwrap(n.left);
  switch (left.type) {
    case "Identifier": return assignName(c, n, left, wanted);
    case "MemberExpression": return assignMember(c, n, left, wanted);
    case "ArrayPattern": case "ObjectPattern": {
      if (!wanted) { destructure(c, left, n.right, undefined); return undefined; }
      const v = stable(c, expr(c, n.right), n.right);
      destructure(c, left, v, undefined);
      return v;
    }
    default: return refuse(c, left, "this assignment target");
  }
}

const LOGICAL: Readonly<Record<string, "&&" | "||" | "??">> = { "&&=": "&&", "||=": "||", "??=": "??" };

function assignName(c: Context, n: Assignment, id: t.Identifier, wanted: boolean): Expr | undefined {
  const loc = c.loc(n), b = writable(c, id);
  if (!b) { expr(c, n.right); return { kind: "none", loc }; }
  const target = nameTarget(c, b, id), self: Expr = { kind: "name", name: target.name, loc: target.loc };
  const short = LOGICAL[n.operator];
  if (short) {
    const r = c.collect(() => value(c, n.right));
    c.emit({ kind: "if", test: takesRight(short, self), then: [...r.stmts, { kind: "assign", targets: [target], value: r.value, loc }], otherwise: [], loc });
  } else if (n.operator === "=") {
    refuseEscape(c, n.right);
    const v = value(c, n.right);
    c.emit({ kind: "assign", targets: [target], value: v, loc });
  } else {
    const op = binaryOp(n.operator.slice(0, -1));
    if (!op) return refuse(c, n, `the operator ${n.operator}`);
    const [old, right] = c.sequence([() => self, () => expr(c, n.right)]) as [Expr, Expr];
    if (old === self) c.emit({ kind: "augmented", op, target, value: right, loc });
    else c.emit({ kind: "assign", targets: [target], value: { kind: "binary", op, left: old, right, loc }, loc });
  }
  c.assigned(target.name);
  return wanted ? self : undefined;
}

/**
 * Reports a store into something captured by value: plain objects and nested arrays, whose elements the program would change for itself only. Typed arrays are
 * captured by reference. `object` is what the store goes to.
 */
export function changesCapture(c: Context, object: t.Node, attribute: boolean, at: t.Node): boolean {
  let n = c.unit.unwrap(object), depth = 0;
  for (;;) {
    const s = c.unit.static(n);
    if (s?.kind === "missing") return false;
    if (s?.kind === "value" || s?.kind === "expression") {
      if (s.kind === "value" && !attribute && heldByReference(s.value, depth)) return false;
      c.unit.problem("CAPTURE", `the captured ${attribute || s.kind === "value" && !Array.isArray(s.value) && !ArrayBuffer.isView(s.value) ? "object" : "array"} ${s.kind === "value" ? s.path : s.name} is changed by the program`, at, "pass it as an argument, or make it inside the function");
      return true;
    }
    if (n.type !== "MemberExpression" || n.object.type === "Super") return false;
    depth++;
    n = c.unit.unwrap(n.object);
  }
}
/** Are the elements `depth` levels down those of typed arrays? */
function heldByReference(v: unknown, depth: number): boolean {
  if (ArrayBuffer.isView(v) || (typeof v === "object" && v !== null && !Array.isArray(v) && "data" in v)) return true;
  return depth > 0 && Array.isArray(v) && v.length > 0 && v.every((x) => heldByReference(x, depth - 1));
}

/** Object and key of a member target, evaluated; `more` are evaluated after them. */
export function memberTarget(c: Context, left: t.MemberExpression, more: readonly (() => Expr)[]): { target: Target & { kind: "index" | "attribute" }; rest: Expr[] } | undefined {
  const loc = c.loc(left);
  const root = c.unit.static(left.object);
  if (root?.kind === "library" || root?.kind === "function") { c.unit.unsupported("assigning a property of a function or namespace", left); return undefined; }
  if (root?.kind === "missing") { c.unit.problem(root.code, root.message, left, root.hint); return undefined; }
  const attribute = !left.computed || left.property.type === "StringLiteral";
  if (root?.kind === "class") { c.unit.unsupported("assigning a static member of a class", left, "keep the value in a variable of the function"); return undefined; }
  if (changesCapture(c, left.object, attribute, left)) return undefined;
  if (left.object.type === "Super") { c.unit.unsupported("this assignment target", left); return undefined; }
  if (attribute) {
    const [object, ...rest] = c.sequence([() => expr(c, left.object), ...more]) as [Expr, ...Expr[]];
    const name = left.property.type === "StringLiteral" ? left.property.value : left.property.type === "Identifier" ? left.property.name : left.property.type === "PrivateName" ? `#${left.property.id.name}` : "";
    return { target: { kind: "attribute", object, name, loc }, rest };
  }
  const property = left.property;
  const [object, index, ...rest] = c.sequence([() => expr(c, left.object), () => expr(c, property), ...more]) as [Expr, Expr, ...Expr[]];
  return { target: { kind: "index", object, items: [{ kind: "expr", value: index }], loc }, rest };
}
function readTarget(target: Target & { kind: "index" | "attribute" }): Expr { return target; }

function assignMember(c: Context, n: Assignment, left: t.MemberExpression, wanted: boolean): Expr | undefined {
  const loc = c.loc(n), short = LOGICAL[n.operator];
  let result: Expr | undefined;
  if (n.operator === "=") {
    const m = memberTarget(c, left, [() => (wanted ? stable(c, expr(c, n.right), n.right) : value(c, n.right))]);
    if (!m) return { kind: "none", loc };
    const v = m.rest[0]!;
    c.emit({ kind: "assign", targets: [m.target], value: v, loc });
    result = v;
  } else if (short) {
    const m = memberTarget(c, left, []);
    if (!m) return { kind: "none", loc };
    const target = stableTarget(c, m.target, left);
    const name = c.temporary("t"), t: Target = { kind: "name", name, loc }, self: Expr = { kind: "name", name, loc };
    c.emit({ kind: "assign", targets: [t], value: readTarget(target), loc });
    const r = c.collect(() => expr(c, n.right));
    c.emit({ kind: "if", test: takesRight(short, self), then: [...r.stmts, { kind: "assign", targets: [t], value: r.value, loc }, { kind: "assign", targets: [target], value: self, loc }], otherwise: [], loc });
    result = self;
  } else {
    const op = binaryOp(n.operator.slice(0, -1));
    if (!op) return refuse(c, n, `the operator ${n.operator}`);
    const right = c.collect(() => expr(c, n.right));
    // The element is read before the right side runs; with side effects that could change it, it is read into a temporary first.
    const before = c.collect(() => memberTarget(c, left, []));
    if (!before.value) return { kind: "none", loc };
    const target = before.value.target;
    c.out.push(...before.stmts);
    const quiet = right.stmts.length === 0 || !disturbs(right.effect, readTarget(target), c.unit);
    if (quiet && !wanted) {
      c.out.push(...right.stmts);
      c.emit({ kind: "augmented", op, target, value: right.value, loc });
    } else {
      const object = disturbs(right.effect, target.object, c.unit) ? c.save(target.object, loc) : target.object;
      const fixed = stableTarget(c, { ...target, object }, left);
      const old = quiet ? readTarget(fixed) : c.save(readTarget(fixed), loc);
      c.out.push(...right.stmts);
      let v: Expr = { kind: "binary", op, left: old, right: right.value, loc };
      if (wanted) v = c.save(v, loc);
      c.emit({ kind: "assign", targets: [fixed], value: v, loc });
      result = v;
    }
  }
  c.effect.memory = true;
  return wanted ? result : undefined;
}

/** The same element with object and index as names and constants, so that it can be read and written. */
function stableTarget(c: Context, target: Target & { kind: "index" | "attribute" }, n: t.Node): Target & { kind: "index" | "attribute" } {
  const object = target.object.kind === "index" ? c.save(target.object, c.loc(n)) : stable(c, target.object, n);
  if (target.kind === "attribute") return { ...target, object };
  return { ...target, object, items: target.items.map((i) => (i.kind === "expr" ? { kind: "expr", value: fixed(c, i.value, n) } : i)) };
}
/** A copy of the value that later assignments cannot change. */
function fixed(c: Context, e: Expr, n: t.Node): Expr { return e.kind === "number" ? e : c.save(e, c.loc(n)); }

/** `x++`, `--a[i]`: the value before or after, if wanted. */
export function update(c: Context, n: t.UpdateExpression, wanted: boolean): Expr | undefined {
  const loc = c.loc(n), arg = c.unit.unwrap(n.argument), op = n.operator === "++" ? "+" : "-", one = numberLiteral(1, c, n);
  if (arg.type === "Identifier") {
    const b = writable(c, arg);
    if (!b) return { kind: "none", loc };
    const target = nameTarget(c, b, arg), self: Expr = { kind: "name", name: target.name, loc };
    const old = wanted && !n.prefix ? c.save(self, loc) : undefined;
    c.emit({ kind: "augmented", op, target, value: one, loc });
    c.assigned(target.name);
    return old ?? self;
  }
  if (arg.type !== "MemberExpression") return refuse(c, n, "this update");
  const m = memberTarget(c, arg, []);
  if (!m) return { kind: "none", loc };
  c.effect.memory = true;
  if (!wanted) { c.emit({ kind: "augmented", op, target: m.target, value: one, loc }); return undefined; }
  const target = stableTarget(c, m.target, arg);
  const old = c.save(readTarget(target), loc);
  const next: Expr = { kind: "binary", op, left: old, right: one, loc };
  const v = n.prefix ? c.save(next, loc) : old;
  const store: Stmt = { kind: "assign", targets: [target], value: n.prefix ? v : next, loc };
  c.emit(store);
  return v;
}
