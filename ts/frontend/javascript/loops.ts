/** Loops: `for`, `while`, `do…while`, `for…of`. Counted ones are recognised in count.ts. */
import type * as t from "@babel/types";
import type { Expr, Stmt, Target as OutTarget } from "../array/ast.js";
import type { Context, Target } from "./context.js";
import { canonical, counted } from "./count.js";
import { effectOnly, expr } from "./expressions.js";
import { patternTarget } from "./patterns.js";
import { condition, declaration, nested } from "./statements.js";

/** Runs `f` with the loop as a target of break and continue. */
export function inLoop<T>(c: Context, target: Target, f: () => T): T {
  c.targets.push(target);
  try { return f(); } finally { c.targets.pop(); }
}
export function loopTarget(c: Context, names: readonly string[]): Target { return { label: c.label(names.at(-1) ?? "loop"), kind: "loop", names }; }

export function forLoop(c: Context, s: t.ForStatement, names: readonly string[]): void {
  const loop = canonical(c, s);
  if (loop && counted(c, s, loop, names)) return;
  if (s.init?.type === "VariableDeclaration") declaration(c, s.init); else if (s.init) effectOnly(c, s.init);
  const target = loopTarget(c, names);
  const test = s.test ? condition(c, s.test) : undefined;
  const body = inLoop(c, target, () => nested(c, s.body));
  const update = s.update ? c.collect(() => effectOnly(c, s.update!)).stmts : [];
  whileStatement(c, s, target, test, body, update);
}

export function whileLoop(c: Context, s: t.WhileStatement, names: readonly string[]): void {
  const loop = canonical(c, s);
  if (loop && counted(c, s, loop, names)) return;
  const target = loopTarget(c, names), test = condition(c, s.test);
  whileStatement(c, s, target, test, inLoop(c, target, () => nested(c, s.body)), []);
}

function whileStatement(c: Context, s: t.Node, target: Target, test: ReturnType<typeof condition> | undefined, body: readonly Stmt[], update: readonly Stmt[]): void {
  const loc = c.loc(s), label = target.label, always: Expr = { kind: "boolean", value: true, loc };
  if (!test) c.emit({ kind: "while", test: always, body, update, testAfter: false, label, loc });
  else if (test.before.length === 0) c.emit({ kind: "while", test: test.test, body, update, testAfter: false, label, loc });
  else {
    // Evaluating the test takes statements: they open the body.
    const leave: Stmt = { kind: "if", test: test.test, then: [], otherwise: [{ kind: "break", label, loc }], loc: test.test.loc };
    c.emit({ kind: "while", test: always, body: [...test.before, leave, ...body], update, testAfter: false, label, loc });
  }
}

export function doWhile(c: Context, s: t.DoWhileStatement, names: readonly string[]): void {
  const target = loopTarget(c, names), body = inLoop(c, target, () => nested(c, s.body));
  const { test, before } = condition(c, s.test);
  // `continue` goes to the test, so what the test does is the update.
  c.emit({ kind: "while", test, body, update: before, testAfter: true, label: target.label, loc: c.loc(s) });
}

/** `for (k in o)` runs over the names of an object's properties. */
export function forIn(c: Context, s: t.ForInStatement, names: readonly string[]): void { forOf(c, { ...s, type: "ForOfStatement", await: false } as unknown as t.ForOfStatement, names, (o) => ({ kind: "call", callee: { kind: "library", name: "Object.keys", loc: o.loc }, args: [{ value: o }], keywords: [], loc: o.loc })); }
export function forOf(c: Context, s: t.ForOfStatement, names: readonly string[], over: (e: Expr) => Expr = (e) => e): void {
  const loc = c.loc(s);
  if (s.await) { c.unit.unsupported("for await", s, "a program is an ordinary function"); return; }
  const iterable = over(expr(c, s.right)), target = loopTarget(c, names);
  const left = s.left;
  let pattern: t.Node = left, declare: "const" | "let" | "var" | undefined;
  if (left.type === "VariableDeclaration") {
    if (left.kind !== "const" && left.kind !== "let" && left.kind !== "var") { c.unit.unsupported(`${left.kind} declarations`, left, "use const"); return; }
    pattern = left.declarations[0]!.id;
    declare = left.kind;
  }
  const made = c.collect((): OutTarget | undefined => patternTarget(c, pattern, declare));
  if (made.stmts.length > 0) { c.unit.unsupported("side effects inside a loop's target", pattern, "assign in the body"); return; }
  const body = inLoop(c, target, () => nested(c, s.body));
  if (made.value) c.emit({ kind: "for", target: made.value, iterable, body, label: target.label, loc });
}
