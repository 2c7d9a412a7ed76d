/** `try`: what is thrown in it by name is a jump to the catch clause; numbers, array methods and Math throw nothing. */
import type * as t from "@babel/types";
import type { Context } from "./context.js";
import { PURE_METHODS, WRITING_METHODS } from "./library-names.js";
import { children, isFunction, type FunctionNode } from "./nodes.js";
import { nested } from "./statements.js";
import type { Unit } from "./unit.js";

export function tryStatement(c: Context, s: t.TryStatement): void {
  const loc = c.loc(s), { handler, finalizer } = s;
  if (finalizer && (leavesIt(s.block, handler !== null && handler !== undefined) || (handler && leavesIt(handler.body)) || leavesIt(finalizer))) { c.unit.unsupported("leaving a try that has a finally", s, "write what finally does before each way out"); return; }
  if (!handler) {
    // What stops the program stops it here, too.
    c.out.push(...nested(c, s.block));
  } else {
    const call = callThatThrows(c.unit, s.block, new Set());
    if (call) { c.unit.unsupported("catching what a function throws", call, "let the function return what tells (null, say), and test it"); return; }
    if (handler.param && (handler.param.type !== "Identifier" || (c.unit.binding(handler.param)?.reads.length ?? 0) > 0)) { c.unit.unsupported("using what is caught", handler.param, "set a variable before what is thrown"); return; }
    const done = c.label("try"), thrown = c.label("catch"), around = c.caught;
    c.caught = thrown;
    const body = nested(c, s.block);
    c.caught = around;
    const after = nested(c, handler.body);
    if (body.length > 0) c.emit({ kind: "block", label: done, loc, body: [{ kind: "block", label: thrown, body: [...body, { kind: "break", label: done, loc }], loc }, ...after] });
  }
  if (finalizer) c.out.push(...nested(c, finalizer));
}

/** A `throw` in a try: what is thrown is lost, so making it must do nothing else. */
export function jumpToCatch(c: Context, s: t.ThrowStatement, label: string): void {
  const n = c.unit.unwrap(s.argument), plain = (x: t.Node): boolean => x.type === "Identifier" || x.type === "StringLiteral" || x.type === "NumericLiteral" || (x.type === "TemplateLiteral" && x.expressions.every((e) => e.type === "Identifier"));
  const error = (n.type === "NewExpression" || n.type === "CallExpression") && n.callee.type === "Identifier" && /Error$/.test(n.callee.name) && n.arguments.every(plain);
  if (!error && !plain(n)) c.unit.unsupported("throwing what has to be computed, in a try", s, "throw new Error with a text");
  c.emit({ kind: "break", label, loc: c.loc(s) });
}

/** Something in the statement goes elsewhere. */
function leavesIt(n: t.Node, caught = false, loops = 0): boolean {
  if (isFunction(n)) return false;
  if (n.type === "ReturnStatement" || (n.type === "ThrowStatement" && !caught)) return true;
  if (n.type === "BreakStatement" || n.type === "ContinueStatement") return loops === 0 || n.label !== null;
  const inner = loops + (/^(For|ForOf|ForIn|While|DoWhile)Statement$/.test(n.type) ? 1 : 0);
  return children(n).some((x) => leavesIt(x, caught, inner));
}

/** A call that may throw: of a function with a throw, or of one that is not known. */
function callThatThrows(unit: Unit, n: t.Node, seen: Set<FunctionNode>): t.Node | undefined {
  if (isFunction(n)) return throwsIn(unit, n, seen) ? n : undefined;
  if (n.type === "ThrowStatement") return undefined;
  if (n.type === "CallExpression" || n.type === "OptionalCallExpression" || n.type === "NewExpression") {
    const callee = unit.unwrap(n.callee), s = unit.static(callee), f = unit.functionOf(callee);
    const method = callee.type === "MemberExpression" && callee.property.type === "Identifier" && !callee.computed ? callee.property.name : undefined;
    const known = s?.kind === "library" ? true : f ? !throwsIn(f.unit, f.node, seen) : method !== undefined && (PURE_METHODS.has(method) || WRITING_METHODS.has(method) || method === "forEach") && !ownMethods(unit).has(method);
    if (!known) return n;
    for (const a of n.arguments) { const g = unit.functionOf(a); if (g && throwsIn(g.unit, g.node, seen)) return n; }
  }
  for (const x of children(n)) { const found = callThatThrows(unit, x, seen); if (found) return found; }
  return undefined;
}
function throwsIn(unit: Unit, fn: FunctionNode, seen: Set<FunctionNode>): boolean {
  if (seen.has(fn)) return false;
  seen.add(fn);
  const has = (n: t.Node): boolean => n.type === "ThrowStatement" || (!isFunction(n) && children(n).some(has));
  return has(fn.body) || callThatThrows(unit, fn.body, seen) !== undefined;
}
const OWN = new WeakMap<Unit, Set<string>>();
/** Names of methods that objects of the function give. */
function ownMethods(unit: Unit): Set<string> {
  let names = OWN.get(unit);
  if (!names) {
    const found = names = new Set<string>(), visit = (n: t.Node): void => {
      if ((n.type === "ObjectMethod" || n.type === "ObjectProperty" || n.type === "ClassMethod") && n.key.type === "Identifier") found.add(n.key.name);
      children(n).forEach(visit);
    };
    visit(unit.node);
    OWN.set(unit, names);
  }
  return names;
}
