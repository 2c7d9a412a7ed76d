/**
 * Counted loops. A loop counts where one local variable starts somewhere, grows by a constant each iteration and is compared with a bound, and nothing else in
 * the loop (closures that it calls included) changes the variable or the bound: `for (let i = a; i < n; i += s)`, `for (i = n; i-- > 0;)`, `while (i < n) { …; i++; }`.
 */
import type * as t from "@babel/types";
import type { Expr, Stmt } from "../array/ast.js";
import type { Context, Target } from "./context.js";
import { disturbs, noEffect, readsOf } from "./effects.js";
import { effectOnly, expr } from "./expressions.js";
import { integral } from "./integral.js";
import { loopWrites, unchanging } from "./invariant.js";
import { breaksTo } from "./jumps.js";
import { inLoop, loopTarget } from "./loops.js";
import { children, isFunction } from "./nodes.js";
import type { Binding } from "./scope.js";
import { body as block, declaration, nested } from "./statements.js";
import type { Unit } from "./unit.js";

type Compare = "<" | "<=" | ">" | ">=";
type Loop = t.ForStatement | t.WhileStatement;

interface Counted {
  readonly variable: Binding;
  readonly id: t.Identifier;
  readonly step: number;
  readonly op: Compare;
  /** none: the test is the variable itself, which counts down to 0. */
  readonly bound: t.Node | undefined;
  /** What is added to the variable before the first iteration and to the bound, because the test itself changes the variable. */
  readonly startShift: number;
  readonly boundShift: number;
  /** Other parts of the update, in order. */
  readonly others: readonly t.Expression[];
  /** The body, where its last statement was the update. */
  readonly rest: readonly t.Statement[] | undefined;
}

const MIRRORED: Readonly<Record<string, Compare>> = { "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

interface Step { readonly binding: Binding; readonly step: number; readonly node: t.Node }

/** `i++`, `i -= 2`, `i = i + 1`: the variable and its step. */
function stepOf(unit: Unit, raw: t.Node): Step | undefined {
  const n = unit.unwrap(raw);
  const local = (x: t.Node): Binding | undefined => { const u = unit.unwrap(x); return u.type === "Identifier" ? unit.binding(u) : undefined; };
  const made = (b: Binding | undefined, step: number | undefined): Step | undefined => (b && step !== undefined && Number.isSafeInteger(step) && step !== 0 ? { binding: b, step, node: n } : undefined);
  if (n.type === "UpdateExpression") return made(local(n.argument), n.operator === "++" ? 1 : -1);
  if (n.type !== "AssignmentExpression") return undefined;
  const b = local(n.left), negate = (x: number | undefined): number | undefined => (x === undefined ? undefined : -x);
  if (n.operator === "+=") return made(b, unit.constant(n.right));
  if (n.operator === "-=") return made(b, negate(unit.constant(n.right)));
  const r = unit.unwrap(n.right);
  if (n.operator !== "=" || !b || r.type !== "BinaryExpression" || r.left.type === "PrivateName") return undefined;
  if (r.operator === "+" && local(r.left) === b) return made(b, unit.constant(r.right));
  if (r.operator === "+" && local(r.right) === b) return made(b, unit.constant(r.left));
  if (r.operator === "-" && local(r.left) === b) return made(b, negate(unit.constant(r.right)));
  return undefined;
}

/** The counted form of a loop, if it has one. */
export function canonical(c: Context, s: Loop): Counted | undefined {
  const unit = c.unit;
  if (!s.test) return undefined;
  const test = unit.unwrap(s.test);
  const update = s.type === "ForStatement" && s.update ? unit.unwrap(s.update) : undefined;
  const parts = !update ? [] : update.type === "SequenceExpression" ? update.expressions : [update as t.Expression];

  // The test changes the variable itself: `i--`, `i-- > 0`, `++i < n`.
  const inTest = test.type === "UpdateExpression" ? { update: test, op: undefined, bound: undefined }
    : test.type === "BinaryExpression" && MIRRORED[test.operator] && unit.unwrap(test.left).type === "UpdateExpression" ? { update: unit.unwrap(test.left) as t.UpdateExpression, op: test.operator as Compare, bound: test.right as t.Node } : undefined;
  if (inTest) {
    const step = stepOf(unit, inTest.update), id = unit.unwrap(inTest.update.argument);
    if (!step || id.type !== "Identifier" || (!inTest.op && (step.step > 0 || inTest.update.prefix))) return undefined;
    const shift = inTest.update.prefix ? 0 : step.step;
    return checked(c, s, { variable: step.binding, id, step: step.step, op: inTest.op ?? ">", bound: inTest.bound, startShift: step.step, boundShift: shift, others: parts, rest: undefined }, step.node);
  }
  if (test.type !== "BinaryExpression" || !MIRRORED[test.operator] || test.left.type === "PrivateName") return undefined;
  // The update is one part of the loop's own, or the body's last statement.
  let steps = parts.map((p) => stepOf(unit, p)).filter((x) => x !== undefined), rest: readonly t.Statement[] | undefined;
  if (steps.length === 0 && s.body.type === "BlockStatement") {
    const { last, before } = lastExpression(s.body.body);
    const step = last && stepOf(unit, last);
    if (step && !continues(s.body, true)) { steps = [step]; rest = before; }
  } else if (steps.length === 0 && s.body.type === "ExpressionStatement") {
    const { last, before } = lastExpression([s.body]), step = last && stepOf(unit, last);
    if (step) { steps = [step]; rest = before; }
  }
  for (const [side, other, op] of [[test.left, test.right, test.operator as Compare], [test.right, test.left, MIRRORED[test.operator]!]] as const) {
    const id = unit.unwrap(side), b = id.type === "Identifier" ? unit.binding(id) : undefined, step = b && steps.find((x) => x.binding === b);
    if (!b || !step || id.type !== "Identifier") continue;
    const others = parts.filter((p) => unit.unwrap(p) !== step.node);
    if (rest === undefined && others.length !== parts.length - 1) continue;
    return checked(c, s, { variable: b, id, step: step.step, op, bound: other, startShift: 0, boundShift: 0, others, rest }, step.node);
  }
  return undefined;
}

/** The expression that a body evaluates last, and the body without it; minifiers join statements by commas. */
function lastExpression(body: readonly t.Statement[]): { readonly last: t.Expression | undefined; readonly before: readonly t.Statement[] } {
  const s = body.at(-1), e = s?.type === "ExpressionStatement" ? s.expression : undefined, rest = body.slice(0, -1);
  if (s?.type !== "ExpressionStatement" || e?.type !== "SequenceExpression") return { last: e, before: rest };
  return { last: e.expressions.at(-1), before: [...rest, { ...s, expression: { ...e, expressions: e.expressions.slice(0, -1) } }] };
}

/** Does a `continue` in the body (`own`: of this loop) jump over the update at its end? Labelled ones might. */
function continues(n: t.Node, own: boolean): boolean {
  if (isFunction(n)) return false;
  if (n.type === "ContinueStatement") return own || n.label !== null;
  const inner = own && n.type !== "ForStatement" && n.type !== "WhileStatement" && n.type !== "DoWhileStatement" && n.type !== "ForOfStatement" && n.type !== "ForInStatement";
  return children(n).some((x) => continues(x, inner));
}

function checked(c: Context, s: Loop, l: Counted, update: t.Node): Counted | undefined {
  const { unit } = c, b = l.variable, start = s.start ?? 0, end = s.end ?? 0;
  if (b.fn !== c.fn || b.kind === "const" || b.kind === "function" || b.kind === "class" || b.kind === "self" || b.closureWritten) return undefined;
  if ((l.step > 0) !== (l.op === "<" || l.op === "<=")) return undefined;
  const init = s.type === "ForStatement" ? s.init : undefined;
  const within = (u: { start: number; end: number }, n: t.Node | null | undefined): boolean => !!n && u.start >= (n.start ?? 0) && u.end <= (n.end ?? 0);
  if (b.writes.some((w) => w.start >= start && w.end <= end && !within(w, init) && !within(w, update))) return undefined;
  if (l.others.some((x) => uses(unit, x, b))) return undefined;
  if (integral(unit, l.id) === "fraction") return undefined;
  const writes = loopWrites(unit, s, init ?? undefined);
  if (l.bound && (!unchanging(unit, l.bound, writes) || unit.constant(l.bound) === Infinity || unit.constant(l.bound) === -Infinity)) return undefined;
  return l;
}
function uses(unit: Unit, n: t.Node, b: Binding): boolean { return (n.type === "Identifier" && unit.binding(n) === b) || children(n).some((x) => uses(unit, x, b)); }

/** Emits the counted loop; false if that is not possible after all (then nothing is emitted). */
export function counted(c: Context, s: Loop, l: Counted, names: readonly string[]): boolean {
  const loc = c.loc(s), variable = c.unit.localName(l.variable), at = c.loc(l.id);
  if (l.bound && c.collect(() => expr(c, l.bound!)).stmts.length > 0) return false;
  const init = s.type === "ForStatement" ? s.init : undefined;
  if (init?.type === "VariableDeclaration") declaration(c, init); else if (init) effectOnly(c, init);
  const start = plus(takeStart(c, variable) ?? { kind: "name", name: variable, loc: at }, l.startShift);
  const bound: Expr = l.bound ? expr(c, l.bound) : { kind: "number", value: 0, integer: true, loc };
  const kind = l.bound ? integral(c.unit, l.bound) : "integral";
  const stop = plus(rounded(bound, kind, l.op), (l.op === "<=" ? 1 : l.op === ">=" ? -1 : 0) + l.boundShift);
  const target: Target = loopTarget(c, names);
  if (l.others.length > 0) target.continueLabel = c.label("next");
  let body = inLoop(c, target, () => (l.rest ? c.collect(() => block(c, l.rest!)).stmts : nested(c, s.body)));
  if (l.others.length > 0) {
    if (breaksTo(body, target.continueLabel!)) body = [{ kind: "block", label: target.continueLabel!, body, loc }];
    body = [...body, ...c.collect(() => { for (const x of l.others) effectOnly(c, x); }).stmts];
  }
  c.assigned(variable);
  const own = init?.type === "VariableDeclaration" && init.kind !== "var" && init.declarations.some((d) => d.id.type === "Identifier" && c.unit.binding(d.id) === l.variable);
  c.emit({ kind: "count", variable, start, stop, step: l.step, exitValue: !own, body, label: target.label, loc });
  return true;
}

/** Takes the assignment that gives the variable its first value out of the statements just written, if nothing after it would notice. */
function takeStart(c: Context, variable: string): Expr | undefined {
  const later = noEffect();
  for (let i = c.out.length - 1; i >= 0; i--) {
    const s: Stmt = c.out[i]!, t = s.kind === "assign" && s.targets.length === 1 ? s.targets[0]! : undefined;
    if (s.kind !== "assign" || t?.kind !== "name") return undefined;
    if (t.name === variable) {
      if (disturbs(later, s.value, c.unit) || s.value.kind === "function" || s.value.kind === "none") return undefined;
      c.out.splice(i, 1);
      return s.value;
    }
    if (readsOf(s.value).names.has(variable) || s.value.kind === "function") return undefined;
    // A call might change what the first value reads.
    if (s.value.kind === "call") { later.memory = true; later.unknown = true; }
    later.names.add(t.name);
  }
  return undefined;
}

/** The bound as an integer that gives the same comparisons with integers. */
function rounded(e: Expr, kind: ReturnType<typeof integral>, op: Compare): Expr {
  if (kind === "integral" || (kind === "unknown" && (op === "<" || op === ">"))) return e;
  const up = op === "<" || op === ">=";
  return { kind: "call", callee: { kind: "library", name: up ? "Math.ceil" : "Math.floor", loc: e.loc }, args: [{ value: e }], keywords: [], loc: e.loc };
}
function plus(e: Expr, n: number): Expr {
  if (n === 0) return e;
  if (e.kind === "number") return { ...e, value: e.value + n };
  if (e.kind === "binary" && e.op === (n > 0 ? "-" : "+") && e.right.kind === "number" && e.right.integer && e.right.value === Math.abs(n)) return e.left;
  return { kind: "binary", op: n > 0 ? "+" : "-", left: e, right: { kind: "number", value: Math.abs(n), integer: true, loc: e.loc }, loc: e.loc };
}
