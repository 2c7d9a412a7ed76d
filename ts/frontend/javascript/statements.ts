/** Statements to statements of the array program: blocks with hoisted functions, declarations, branches, throw. */
import type * as t from "@babel/types";
import type { Expr, Stmt } from "../array/ast.js";
import { nameTarget } from "./assignments.js";
import type { Context } from "./context.js";
import { effectOnly, expr, value } from "./expressions.js";
import { refuseEscape } from "./escapes.js";
import { functionDef } from "./functions.js";
import { doWhile, forIn, forLoop, forOf, whileLoop } from "./loops.js";
import { isCoverageStatement } from "./nodes.js";
import { destructure } from "./patterns.js";
import { switchStatement } from "./switch.js";
import { jumpToCatch, tryStatement } from "./try.js";

const REFUSED: Readonly<Record<string, readonly [what: string, hint?: string]>> = {
  WithStatement: ["with", "name the object's properties"],
  ImportDeclaration: ["an import here"], ExportNamedDeclaration: ["an export here"], ExportDefaultDeclaration: ["an export here"],
  TSEnumDeclaration: ["an enum", "use constants"], TSModuleDeclaration: ["a namespace", "use plain functions and constants"],
};

/** Statements of a function body or block, its function declarations first. */
export function body(c: Context, stmts: readonly t.Statement[]): void {
  hoistFunctions(c, stmts);
  list(c, stmts);
}
export function list(c: Context, stmts: readonly t.Statement[]): void {
  for (const s of stmts) {
    statement(c, s, []);
    // What follows never runs, so it need not be supported.
    if (leaves(c.out.at(-1))) break;
  }
}
function leaves(s: Stmt | undefined): boolean { return s?.kind === "return" || s?.kind === "break" || s?.kind === "continue" || s?.kind === "raise"; }

export function hoistFunctions(c: Context, stmts: readonly t.Statement[]): void {
  for (const s of stmts) {
    if (s.type !== "FunctionDeclaration" || !s.id) continue;
    const b = c.unit.binding(s.id);
    if (!b || b.functionNode !== s || b.reads.length === 0) continue;
    const def = functionDef(c.unit, s, c.unit.localName(b));
    if (def) c.emit({ kind: "function", def, loc: c.loc(s) });
  }
}

/** A statement on its own, as a list. */
export function nested(c: Context, s: t.Statement | null | undefined): Stmt[] {
  return s ? c.collect(() => { if (s.type === "BlockStatement") body(c, s.body); else statement(c, s, []); }).stmts : [];
}

/** `names`: the labels written before it. */
export function statement(c: Context, s: t.Statement, names: readonly string[]): void {
  const loc = c.loc(s);
  switch (s.type) {
    case "EmptyStatement": case "DebuggerStatement": case "FunctionDeclaration": case "ClassDeclaration":
    case "TSTypeAliasDeclaration": case "TSInterfaceDeclaration": case "TSDeclareFunction": return;
    case "ExpressionStatement": if (!isCoverageStatement(s.expression)) effectOnly(c, s.expression); return;
    case "VariableDeclaration": declaration(c, s); return;
    case "BlockStatement": body(c, s.body); return;
    case "IfStatement": {
      const test = expr(c, s.test);
      c.emit({ kind: "if", test, then: nested(c, s.consequent), otherwise: nested(c, s.alternate), loc });
      return;
    }
    case "ForStatement": forLoop(c, s, names); return;
    case "WhileStatement": whileLoop(c, s, names); return;
    case "DoWhileStatement": doWhile(c, s, names); return;
    case "ForOfStatement": forOf(c, s, names); return;
    case "ForInStatement": forIn(c, s, names); return;
    case "SwitchStatement": switchStatement(c, s, names); return;
    case "LabeledStatement": labelled(c, s, names); return;
    case "BreakStatement": case "ContinueStatement": jump(c, s); return;
    case "ReturnStatement": {
      if (s.argument) refuseEscape(c, s.argument);
      c.emit(s.argument ? { kind: "return", value: value(c, s.argument), loc } : { kind: "return", loc });
      return;
    }
    case "TryStatement": tryStatement(c, s); return;
    case "ThrowStatement": if (c.caught !== undefined) { jumpToCatch(c, s, c.caught); return; } c.emit({ kind: "raise", message: thrown(c, s.argument), loc }); return;
    default: {
      const [what, hint] = REFUSED[s.type] ?? [`this statement (${s.type})`];
      c.unit.unsupported(what, s, hint);
    }
  }
}

export function declaration(c: Context, s: t.VariableDeclaration): void {
  if (s.declare) return;
  if (s.kind !== "var" && s.kind !== "let" && s.kind !== "const") { c.unit.unsupported(`${s.kind} declarations`, s, "use const"); return; }
  for (const d of s.declarations) {
    const id = d.id, loc = c.loc(d);
    if (id.type === "ArrayPattern" || id.type === "ObjectPattern") {
      if (d.init) destructure(c, id, d.init, s.kind);
      continue;
    }
    if (id.type !== "Identifier") { c.unit.unsupported("this declaration", d); continue; }
    const b = c.unit.binding(id)!;
    if (!d.init) {
      // Each time control gets here the variable is undefined again; where nobody can see it, the statement is removed afterwards.
      if (s.kind === "let" && b.reads.length > 0) c.emit({ kind: "assign", targets: [nameTarget(c, b, id)], value: { kind: "none", loc }, declare: "let", loc });
      continue;
    }
    // Another name for a library or program function, a namespace or a captured object: every use is resolved.
    const alias = c.unit.static(id);
    if (alias?.kind === "library" || alias?.kind === "function" || (alias?.kind === "value" && typeof alias.value === "object")) continue;
    if (s.kind === "var" || b.writes.length !== 1) refuseEscape(c, d.init);
    const v = value(c, d.init);
    const target = nameTarget(c, b, id);
    c.emit({ kind: "assign", targets: [target], value: v, declare: s.kind, loc });
    c.assigned(target.name);
  }
}

function labelled(c: Context, s: t.LabeledStatement, names: readonly string[]): void {
  const all = [...names, s.label.name], inner = s.body;
  switch (inner.type) {
    case "ForStatement": case "WhileStatement": case "DoWhileStatement": case "ForOfStatement": case "ForInStatement": case "SwitchStatement": case "LabeledStatement":
      statement(c, inner, all); return;
    default: break;
  }
  const label = c.label(s.label.name);
  c.targets.push({ label, kind: "block", names: all });
  const stmts = nested(c, inner);
  c.targets.pop();
  c.emit({ kind: "block", label, body: stmts, loc: c.loc(s) });
}

function jump(c: Context, s: t.BreakStatement | t.ContinueStatement): void {
  const loc = c.loc(s), name = s.label?.name, go = s.type === "ContinueStatement";
  const target = c.targets.findLast((x) => (name !== undefined ? x.names.includes(name) : go ? x.kind === "loop" : x.kind !== "block"));
  if (!target) { c.unit.unsupported(`${go ? "continue" : "break"} outside a loop`, s); return; }
  if (!go) { c.emit({ kind: "break", label: target.label, loc }); return; }
  if (target.continueLabel !== undefined) c.emit({ kind: "break", label: target.continueLabel, loc });
  else c.emit({ kind: "continue", label: target.label, loc });
}

/** The text of what is thrown, as far as it is known beforehand. */
function thrown(c: Context, raw: t.Node): string {
  const n = c.unit.unwrap(raw);
  if ((n.type === "NewExpression" || n.type === "CallExpression") && n.callee.type === "Identifier") {
    const text = n.arguments[0] ? message(c, n.arguments[0]) : "";
    return n.callee.name === "Error" && text !== "" ? text : text === "" ? n.callee.name : `${n.callee.name}: ${text}`;
  }
  return message(c, n);
}
function message(c: Context, raw: t.Node): string {
  const n = c.unit.unwrap(raw);
  switch (n.type) {
    case "StringLiteral": return n.value;
    case "TemplateLiteral": return n.quasis.map((q, i) => `${q.value.cooked ?? ""}${i < n.expressions.length ? `\${${c.unit.text.excerpt(n.expressions[i]!)}}` : ""}`).join("");
    case "BinaryExpression": if (n.operator === "+") return message(c, n.left) + message(c, n.right); break;
    default: break;
  }
  return `\${${c.unit.text.excerpt(n, 80)}}`;
}

/** A test whose evaluation may need statements first. */
export function condition(c: Context, n: t.Node): { readonly test: Expr; readonly before: Stmt[] } {
  const r = c.collect(() => expr(c, n));
  return { test: r.value, before: r.stmts };
}
