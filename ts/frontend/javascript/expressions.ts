/** JavaScript expressions to pure expressions of the array program; side effects become statements before, in evaluation order. */
import type * as t from "@babel/types";
import type { BinaryOp, CompareOp, Expr } from "../array/ast.js";
import { assignment, update } from "./assignments.js";
import { call } from "./calls.js";
import type { Context } from "./context.js";
import { refuseEscape } from "./escapes.js";
import { functionDef } from "./functions.js";
import { isCoverageStatement, propertyKey } from "./nodes.js";
import type { Static } from "./unit.js";

const BINARY: Readonly<Record<string, BinaryOp>> = { "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "**": "**", "&": "&", "|": "|", "^": "^", "<<": "<<", ">>": ">>", ">>>": ">>>" };
const COMPARE: Readonly<Record<string, CompareOp>> = { "==": "==", "===": "==", "!=": "!=", "!==": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=" };
export function binaryOp(op: string): BinaryOp | undefined { return BINARY[op]; }

/** The value of an expression; calls of program functions and other effects are emitted as statements before it. */
export function expr(c: Context, raw: t.Node): Expr {
  const n = c.unit.unwrap(raw);
  return n.type === "CallExpression" || n.type === "OptionalCallExpression" || n.type === "NewExpression" ? call(c, n, false) : plain(c, n);
}
/** As `expr`, but the value may be a call that the statement made from it carries out at once. */
export function value(c: Context, raw: t.Node): Expr {
  const n = c.unit.unwrap(raw);
  return n.type === "CallExpression" || n.type === "OptionalCallExpression" || n.type === "NewExpression" ? call(c, n, true) : plain(c, n);
}

export function refuse(c: Context, n: t.Node, message: string, hint?: string): Expr {
  c.unit.unsupported(message, n, hint);
  return { kind: "none", loc: c.loc(n) };
}

export function numberLiteral(v: number, c: Context, n: t.Node): Expr {
  return { kind: "number", value: v, integer: Number.isSafeInteger(v) && !Object.is(v, -0), loc: c.loc(n) };
}

function plain(c: Context, n: t.Node): Expr {
  const loc = c.loc(n);
  switch (n.type) {
    case "NumericLiteral": return numberLiteral(n.value, c, n);
    case "BigIntLiteral": return { kind: "bigint", value: BigInt(n.value), loc };
    case "BooleanLiteral": return { kind: "boolean", value: n.value, loc };
    case "StringLiteral": return { kind: "string", value: n.value, loc };
    case "NullLiteral": return { kind: "none", loc, isNull: true };
    case "TemplateLiteral":
      if (n.expressions.length === 0) return { kind: "string", value: n.quasis[0]!.value.cooked ?? "", loc };
      return refuse(c, n, "building a string", "strings may only be built inside throw");
    case "Identifier": return identifier(c, n);
    case "MemberExpression": case "OptionalMemberExpression": return member(c, n);
    case "UnaryExpression": return unary(c, n);
    case "BinaryExpression": return binary(c, n);
    case "LogicalExpression": return logical(c, n);
    case "ConditionalExpression": return conditional(c, n);
    case "AssignmentExpression": return assignment(c, n, true)!;
    case "UpdateExpression": return update(c, n, true)!;
    case "SequenceExpression": {
      const last = n.expressions.length - 1;
      n.expressions.forEach((e, i) => { if (i < last) effectOnly(c, e); });
      return expr(c, n.expressions[last]!);
    }
    case "ArrayExpression": return arrayLiteral(c, n);
    case "ObjectExpression": return objectLiteral(c, n);
    case "FunctionExpression": case "ArrowFunctionExpression": {
      const def = functionDef(c.unit, n, n.type === "FunctionExpression" && n.id ? n.id.name : "anonymous", n.type === "ArrowFunctionExpression" ? { self: c.self } : {});
      return def ? { kind: "function", def, loc } : { kind: "none", loc };
    }
    case "ThisExpression": return c.self !== undefined ? { kind: "name", name: c.self, loc } : refuse(c, n, "this", "pass the object's arrays and numbers as arguments");
    case "RegExpLiteral": return refuse(c, n, "a regular expression");
    case "AwaitExpression": case "YieldExpression": return refuse(c, n, "asynchronous or generator code", "a program is an ordinary function");
    case "ClassExpression": return refuse(c, n, "a class", "use functions and plain objects");
    case "TaggedTemplateExpression": return refuse(c, n, "a tagged template");
    case "Import": case "ImportExpression": return refuse(c, n, "a dynamic import", "import at the top of the module");
    default: return refuse(c, n, `this expression (${n.type})`);
  }
}

function identifier(c: Context, n: t.Identifier): Expr {
  const loc = c.loc(n), b = c.unit.binding(n);
  if (b) {
    const alias = c.unit.static(n);
    if (alias && alias.kind !== "expression") return staticExpr(c, alias, n);
    if (b.kind === "class") return refuse(c, n, `the class ${b.name}`, "declare it outside the function");
    if (b.kind === "self") return refuse(c, n, "a function expression that uses its own name", "declare it as a function");
    return { kind: "name", name: c.unit.localName(b), loc };
  }
  if (n.name === "undefined") return { kind: "none", loc };
  if (n.name === "arguments") return refuse(c, n, "arguments", "name the parameters");
  return staticExpr(c, c.unit.environment.lookup(n.name, loc), n);
}

export function staticExpr(c: Context, s: Static, n: t.Node): Expr {
  const loc = c.loc(n);
  switch (s.kind) {
    case "library": return { kind: "library", name: s.name, loc };
    case "constant": return numberLiteral(s.value, c, n);
    case "function": return { kind: "name", name: c.unit.host.nameFunction(s.unit), loc };
    case "class": return { kind: "name", name: c.unit.host.nameClass(s.unit), loc };
    case "value":
      if (s.value === undefined || s.value === null) return { kind: "none", loc };
      return { kind: "name", name: c.unit.host.nameValue(s.value, s.path, loc), loc };
    case "expression": return c.unit.host.nameExpression(s.name, c.unit, loc);
    case "missing":
      c.unit.problem(s.code, s.message, n, s.hint);
      return { kind: "none", loc };
  }
}

function member(c: Context, n: t.MemberExpression | t.OptionalMemberExpression): Expr {
  const s = c.unit.static(n);
  if (s) return staticExpr(c, s, n);
  if (n.object.type === "Super") return refuse(c, n, "super");
  if (n.type === "OptionalMemberExpression") return chain(c, n, (v) => v);
  const key = n.computed && n.property.type !== "StringLiteral" ? n.property : undefined;
  if (!key) return access(c, expr(c, n.object), n);
  const [object, index] = c.sequence([() => expr(c, n.object), () => expr(c, key)]) as [Expr, Expr];
  return { kind: "index", object, items: [{ kind: "expr", value: index }], loc: c.loc(n) };
}
/** A chain such as `a?.b.c`: where an object before `?.` is none, so is the whole chain. `rest` continues with the value of this link. */
function chain(c: Context, n: t.OptionalMemberExpression, rest: (value: Expr) => Expr): Expr {
  const link = (object: Expr): Expr => {
    if (!n.optional) return rest(access(c, object, n));
    const fixed = stable(c, object, n);
    const r = c.collect(() => rest(access(c, fixed, n)));
    return guardedByNull(c, fixed, r.value, r.stmts, n);
  };
  const object = c.unit.unwrap(n.object);
  if (object.type === "OptionalMemberExpression" && !c.unit.static(object)) return chain(c, object, link);
  if (object.type === "OptionalCallExpression" && !n.optional) return refuse(c, n, "the result of an optional call", "test the object with if");
  const value = expr(c, object);
  // The index may have effects on what the object is read from.
  if (!n.optional && n.computed && n.property.type !== "StringLiteral") {
    const [o, index] = c.sequence([() => value, () => expr(c, n.property)]) as [Expr, Expr];
    return rest({ kind: "index", object: o, items: [{ kind: "expr", value: index }], loc: c.loc(n) });
  }
  return link(value);
}
/** `object.name`, `object["name"]` or `object[index]` for an object that is already evaluated. */
function access(c: Context, object: Expr, n: t.MemberExpression | t.OptionalMemberExpression): Expr {
  const loc = c.loc(n);
  if (n.property.type === "PrivateName") return { kind: "attribute", object, name: `#${n.property.id.name}`, loc };
  if (n.computed && n.property.type !== "StringLiteral") return { kind: "index", object, items: [{ kind: "expr", value: expr(c, n.property) }], loc };
  return { kind: "attribute", object, name: propertyKey({ key: n.property })!, loc };
}

/** A form of the value that can be written twice: names and constants stay, all else goes to a temporary. */
export function stable(c: Context, e: Expr, n: t.Node): Expr {
  return e.kind === "name" || e.kind === "number" || e.kind === "none" || e.kind === "boolean" ? e : c.save(e, c.loc(n));
}
/** `a?.b`: none where the object is none. */
export function guardedByNull(c: Context, object: Expr, result: Expr, stmts: readonly import("../array/ast.js").Stmt[], n: t.Node): Expr {
  const loc = c.loc(n), none: Expr = { kind: "none", loc };
  const test: Expr = { kind: "compare", op: "is", left: object, right: none, loc };
  if (stmts.length === 0) return { kind: "conditional", test, then: none, otherwise: result, loc };
  const name = c.temporary("t");
  const target = { kind: "name" as const, name, loc };
  c.emit({ kind: "if", test, then: [{ kind: "assign", targets: [target], value: none, loc }], otherwise: [...stmts, { kind: "assign", targets: [target], value: result, loc }], loc });
  return { kind: "name", name, loc };
}

function unary(c: Context, n: t.UnaryExpression): Expr {
  const loc = c.loc(n);
  switch (n.operator) {
    case "-": {
      const operand = expr(c, n.argument);
      if (operand.kind === "number") return numberLiteral(-operand.value, c, n);
      return { kind: "unary", op: "-", operand, loc };
    }
    case "+": return { kind: "unary", op: "+", operand: expr(c, n.argument), loc };
    case "~": return { kind: "unary", op: "~", operand: expr(c, n.argument), loc };
    case "!": {
      const arg = c.unit.unwrap(n.argument);
      if (arg.type === "NumericLiteral") return { kind: "boolean", value: arg.value === 0, loc };
      return { kind: "unary", op: "not", operand: expr(c, arg), loc };
    }
    case "void": effectOnly(c, n.argument); return { kind: "none", loc };
    case "typeof": return { kind: "call", callee: { kind: "library", name: "typeof", loc }, args: [{ value: expr(c, n.argument) }], keywords: [], loc };
    default: return refuse(c, n, `the operator ${n.operator}`);
  }
}

function isNull(c: Context, n: t.Node): boolean { return n.type === "NullLiteral" || isUndefined(c, n); }
function isUndefined(c: Context, n: t.Node): boolean {
  return (n.type === "Identifier" && n.name === "undefined" && !c.unit.binding(n)) || (n.type === "UnaryExpression" && n.operator === "void" && n.argument.type === "NumericLiteral");
}

function binary(c: Context, n: t.BinaryExpression): Expr {
  const loc = c.loc(n);
  if (n.left.type === "PrivateName") return refuse(c, n, "a private name");
  const left = n.left, op = n.operator, cmp = COMPARE[op];
  if (cmp === "==" || cmp === "!=") {
    const l = c.unit.unwrap(left), r = c.unit.unwrap(n.right);
    const other = isNull(c, r) ? left : isNull(c, l) ? n.right : undefined;
    if (other) {
      const nul = other === left ? r : l;
      return { kind: "compare", op: cmp === "==" ? "is" : "isnot", left: expr(c, other), right: { kind: "none", loc, ...(nul.type === "NullLiteral" ? { isNull: true } : {}) }, loc, ...(op.length === 3 ? { strict: true } : {}) };
    }
  }
  const bin = BINARY[op];
  if (op === "+" && [left, n.right].some((x) => x.type === "StringLiteral" || x.type === "TemplateLiteral")) return refuse(c, n, "building a string", "strings may only be built inside throw");
  if (op === "in" && left.type === "StringLiteral") return { kind: "compare", op: "in", left: expr(c, left), right: expr(c, n.right), loc };
  if (op === "instanceof") {
    const cls = c.unit.static(n.right);
    if (cls?.kind !== "class") return refuse(c, n, "the operator instanceof", "the program is compiled for the kinds of its arguments: leave the test out");
    return { kind: "call", callee: { kind: "library", name: "isinstance", loc }, args: [{ value: expr(c, left) }, { value: staticExpr(c, cls, n.right) }], keywords: [], loc };
  }
  if (!cmp && !bin) return refuse(c, n, `the operator ${op}`);
  const [a, b] = c.sequence([() => expr(c, left), () => expr(c, n.right)]) as [Expr, Expr];
  // A number is not strictly equal to a boolean: such comparisons are of identity.
  if ((op === "===" || op === "!==") && (a.kind === "boolean" || b.kind === "boolean")) return { kind: "compare", op: op === "===" ? "is" : "isnot", left: a, right: b, loc };
  return cmp ? { kind: "compare", op: cmp, left: a, right: b, loc, ...(op === "===" || op === "!==" ? { strict: true } : {}) } : { kind: "binary", op: bin!, left: a, right: b, loc };
}

/** A condition that is true when the right side of a logical operator is evaluated. */
export function takesRight(op: "&&" | "||" | "??", left: Expr): Expr {
  const loc = left.loc;
  if (op === "&&") return left;
  if (op === "||") return left.kind === "unary" && left.op === "not" ? left.operand : { kind: "unary", op: "not", operand: left, loc };
  return { kind: "compare", op: "is", left, right: { kind: "none", loc }, loc };
}

function logical(c: Context, n: t.LogicalExpression): Expr {
  const loc = c.loc(n);
  const left = expr(c, n.left);
  const right = c.collect(() => expr(c, n.right));
  if (right.stmts.length === 0) return { kind: "logical", op: n.operator === "&&" ? "and" : n.operator === "||" ? "or" : "nullish", left, right: right.value, loc };
  const name = c.temporary("t"), target = { kind: "name" as const, name, loc };
  c.emit({ kind: "assign", targets: [target], value: left, loc });
  c.emit({ kind: "if", test: takesRight(n.operator, { kind: "name", name, loc }), then: [...right.stmts, { kind: "assign", targets: [target], value: right.value, loc }], otherwise: [], loc });
  return { kind: "name", name, loc };
}

function conditional(c: Context, n: t.ConditionalExpression): Expr {
  const loc = c.loc(n), test = expr(c, n.test);
  const a = c.collect(() => expr(c, n.consequent)), b = c.collect(() => expr(c, n.alternate));
  if (a.stmts.length === 0 && b.stmts.length === 0) return { kind: "conditional", test, then: a.value, otherwise: b.value, loc };
  const name = c.temporary("t"), target = { kind: "name" as const, name, loc };
  c.emit({
    kind: "if", test, loc,
    then: [...a.stmts, { kind: "assign", targets: [target], value: a.value, loc }],
    otherwise: [...b.stmts, { kind: "assign", targets: [target], value: b.value, loc }],
  });
  return { kind: "name", name, loc };
}

function arrayLiteral(c: Context, n: t.ArrayExpression): Expr {
  const loc = c.loc(n);
  if (n.elements.some((e) => e === null)) return refuse(c, n, "an array with holes");
  const elements = n.elements as (t.Expression | t.SpreadElement)[];
  for (const e of elements) refuseEscape(c, e);
  const values = c.sequence(elements.map((e) => () => expr(c, e.type === "SpreadElement" ? e.argument : e)));
  if (!elements.some((e) => e.type === "SpreadElement")) return { kind: "list", elements: values, loc };
  return {
    kind: "call", callee: { kind: "library", name: "Array.of", loc }, keywords: [], loc,
    args: values.map((v, i) => (elements[i]!.type === "SpreadElement" ? { value: v, spread: true } : { value: v })),
  };
}

function objectLiteral(c: Context, n: t.ObjectExpression): Expr {
  const loc = c.loc(n);
  const keys: (string | undefined)[] = [], parts: (() => Expr)[] = [];
  for (const p of n.properties) {
    if (p.type === "SpreadElement") { refuseEscape(c, p.argument); parts.push(() => expr(c, p.argument)); keys.push(undefined); continue; }
    const key = propertyKey(p) ?? (p.computed ? textOf(c, p.key) : undefined);
    if (key === undefined) return refuse(c, p, "a computed property name");
    if (p.type === "ObjectMethod") {
      if (p.kind !== "method") return refuse(c, p, `a ${p.kind}ter`);
      parts.push(() => {
        const def = functionDef(c.unit, p, key, { receiver: true });
        return def ? { kind: "function", def, loc: c.loc(p) } : { kind: "none", loc: c.loc(p) };
      });
    } else {
      refuseEscape(c, p.value);
      // A function of the language has what it is called on as its `this`.
      const { value } = p;
      parts.push(value.type === "FunctionExpression" ? () => { const def = functionDef(c.unit, value, key, { receiver: true }); return def ? { kind: "function", def, loc: c.loc(p) } : { kind: "none", loc: c.loc(p) }; } : () => expr(c, p.value));
    }
    keys.push(key);
  }
  const values = c.sequence(parts);
  const own = (from: number, to: number): Expr => ({ kind: "object", entries: values.slice(from, to).map((v, i) => ({ key: keys[from + i]!, value: v })), loc });
  if (!keys.includes(undefined)) return own(0, values.length);
  // What is spread, and what is written between: later properties replace earlier ones.
  const pieces: Expr[] = [];
  let from = 0;
  keys.forEach((k, i) => { if (k !== undefined) return; pieces.push(own(from, i), values[i]!); from = i + 1; });
  pieces.push(own(from, values.length));
  return { kind: "call", callee: { kind: "library", name: "Object.%merged", loc }, args: pieces.map((value) => ({ value })), keywords: [], loc };
}

/** The text that a constant of the function is. */
function textOf(c: Context, n: t.Node): string | undefined {
  const b = n.type === "Identifier" ? c.unit.binding(n) : undefined, init = b?.kind === "const" && b.init?.path.length === 0 ? b.init.node : n;
  return init.type === "StringLiteral" ? init.value : undefined;
}

/** Evaluates an expression whose value nobody reads. */
export function effectOnly(c: Context, raw: t.Node): void {
  const n = c.unit.unwrap(raw), loc = c.loc(n);
  if (isCoverageStatement(n)) return;
  switch (n.type) {
    case "AssignmentExpression": assignment(c, n, false); return;
    case "UpdateExpression": update(c, n, false); return;
    case "SequenceExpression": for (const e of n.expressions) effectOnly(c, e); return;
    case "LogicalExpression": {
      const left = expr(c, n.left), right = c.collect(() => effectOnly(c, n.right));
      if (right.stmts.length > 0) c.emit({ kind: "if", test: takesRight(n.operator, left), then: right.stmts, otherwise: [], loc });
      return;
    }
    case "ConditionalExpression": {
      const test = expr(c, n.test);
      const a = c.collect(() => effectOnly(c, n.consequent)), b = c.collect(() => effectOnly(c, n.alternate));
      if (a.stmts.length + b.stmts.length > 0) c.emit({ kind: "if", test, then: a.stmts, otherwise: b.stmts, loc });
      return;
    }
    case "UnaryExpression": if (n.operator !== "delete") { effectOnly(c, n.argument); return; } break;
    case "CallExpression": case "OptionalCallExpression": case "NewExpression": {
      const v = call(c, n, true);
      if (v.kind === "call") c.emit({ kind: "expression", value: v, loc });
      return;
    }
    default: break;
  }
  expr(c, n);
}
