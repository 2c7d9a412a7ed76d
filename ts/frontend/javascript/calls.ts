/** Calls and `new`: of library functions, program functions, array methods; calls with effects become statements of their own. */
import type * as t from "@babel/types";
import type { Argument, Expr } from "../array/ast.js";
import { changesCapture } from "./assignments.js";
import { memberName, superMember } from "./classes.js";
import type { Context } from "./context.js";
import { callSummary } from "./effects.js";
import { expr, guardedByNull, refuse, stable } from "./expressions.js";
import { TYPED_ARRAYS, WRITING_METHODS } from "./library-names.js";
import { isFunction } from "./nodes.js";

type Call = t.CallExpression | t.OptionalCallExpression | t.NewExpression;

/** The call's value. `direct`: the caller makes a statement of it at once, so a call with effects need not go to a temporary. */
export function call(c: Context, n: Call, direct: boolean): Expr {
  const loc = c.loc(n);
  const callee = c.unit.unwrap(n.callee);
  if (callee.type === "Super") return superCall(c, n, superMember("__init__", loc), true);
  if (callee.type === "MemberExpression" && callee.object.type === "Super" && !callee.computed && callee.property.type === "Identifier") return superCall(c, n, superMember(callee.property.name, loc), false);
  if (callee.type === "Import" || callee.type === "V8IntrinsicIdentifier") return refuse(c, n, "this call");
  const s = c.unit.static(callee);
  if (n.type === "OptionalCallExpression" && !s && (n.optional || (callee.type === "OptionalMemberExpression" && !callee.optional))) return refuse(c, n, "an optional call", "test with if what may be missing");
  if (n.type === "NewExpression" && s?.kind !== "library" && s?.kind !== "missing" && s?.kind !== "class") {
    return refuse(c, n, `new ${c.unit.text.excerpt(callee)}`, "typed arrays, Array and the program's own classes can be made with new");
  }
  if (s?.kind === "library") {
    const typed = (TYPED_ARRAYS as readonly string[]).includes(s.name);
    if (typed && n.type !== "NewExpression") return refuse(c, n, `calling ${s.name} without new`, `write new ${s.name}(…)`);
    if (n.type === "NewExpression" && !typed && s.name !== "Array") return refuse(c, n, `new ${s.name}`);
  }
  if (callee.type === "MemberExpression" && !s && callee.object.type !== "Super" && callee.property.type === "Identifier" && !callee.computed && (callee.property.name === "call" || callee.property.name === "apply" || callee.property.name === "bind")) {
    return refuse(c, n, `Function.prototype.${callee.property.name}`, "call the function directly");
  }
  const summary = callSummary(c.unit, n);
  const hasEffect = summary.memory || summary.unknown || summary.writes.size > 0;
  if (s?.kind === "class" && n.type !== "NewExpression") return refuse(c, n, `calling the class ${c.unit.text.excerpt(callee)} without new`, "write new");
  const isProgram = s?.kind === "function" || s?.kind === "class" || (s?.kind !== "library" && !(callee.type === "MemberExpression" || callee.type === "OptionalMemberExpression"));

  const argument = (a: t.Node): t.Node => (a.type === "SpreadElement" ? a.argument : a);
  const args = n.arguments as readonly t.Node[];
  const parts: (() => Expr)[] = [];
  let build: (values: readonly Expr[]) => Expr;
  let optional: Expr | undefined;
  if (!s && (callee.type === "MemberExpression" || callee.type === "OptionalMemberExpression")) {
    const key = callee.computed && callee.property.type !== "StringLiteral" ? undefined : memberName({ key: callee.property });
    if (key === undefined) return refuse(c, n, "calling a function chosen at run time", "branch on the choice and call each function by its name");
    if (WRITING_METHODS.has(key) && changesCapture(c, callee.object, false, n)) return { kind: "none", loc };
    if (callee.type === "OptionalMemberExpression" && callee.optional) {
      optional = stable(c, expr(c, callee.object), callee);
      parts.push(() => optional!);
    } else parts.push(() => expr(c, callee.object));
    build = ([object]) => ({ kind: "attribute", object: object!, name: key, loc: c.loc(callee) });
  } else {
    if (callee.type !== "Identifier" && !isFunction(callee) && !s) {
      if (callee.type === "CallExpression" || callee.type === "ConditionalExpression") { /* a function made by a call, or one of two: the lowering decides */ }
      else return refuse(c, n, "calling a function chosen at run time", "branch on the choice and call each function by its name");
    }
    parts.push(() => expr(c, callee));
    build = ([f]) => f!;
  }
  const evaluate = (): Expr => {
    const values = c.sequence([...parts, ...args.map((a) => () => expr(c, argument(a)))]);
    const list: Argument[] = values.slice(1).map((v, i) => (args[i]!.type === "SpreadElement" ? { value: v, spread: true } : { value: v }));
    return { kind: "call", callee: build(values), args: list, keywords: [], loc };
  };
  const finish = (e: Expr): Expr => {
    for (const b of summary.writes) c.assigned(c.unit.localName(b));
    c.effect.memory ||= summary.memory;
    c.effect.unknown ||= summary.unknown;
    return (hasEffect || isProgram) && !direct ? c.save(e, loc) : e;
  };
  if (optional) {
    const r = c.collect(() => { const e = evaluate(); direct = false; return finish(e); });
    return guardedByNull(c, optional, r.value, r.stmts, n);
  }
  return finish(evaluate());
}

/** A call of a method of the class that is extended; `constructs`: of what makes its instances, after which the fields of this class get their values. */
function superCall(c: Context, n: Call, callee: Expr, constructs: boolean): Expr {
  const loc = c.loc(n), args = n.arguments as readonly t.Node[];
  const values = c.sequence(args.map((a) => () => expr(c, a.type === "SpreadElement" ? a.argument : a)));
  const e: Expr = { kind: "call", callee, args: values.map((value, i) => (args[i]!.type === "SpreadElement" ? { value, spread: true } : { value })), keywords: [], loc };
  c.effect.memory = true;
  c.effect.unknown = true;
  if (!constructs) return c.save(e, loc);
  c.emit({ kind: "expression", value: e, loc });
  c.made?.(c);
  return { kind: "none", loc };
}
