/** What code may change: assignments to locals, stores to memory. Decides when an operand must be saved before a later one runs. */
import type * as t from "@babel/types";
import type { Expr } from "../array/ast.js";
import { PURE_METHODS } from "./library-names.js";
import { children, isFunction, type FunctionNode } from "./nodes.js";
import type { Binding, FunctionScope } from "./scope.js";
import type { Unit } from "./unit.js";

export interface Effect {
  /** Names of locals that are assigned. */
  readonly names: Set<string>;
  /** Elements of arrays or properties of objects may change. */
  memory: boolean;
  /** A function that is not known is called: whatever closures assign may change. */
  unknown: boolean;
}
export function noEffect(): Effect { return { names: new Set(), memory: false, unknown: false }; }
export function addEffect(into: Effect, e: Effect): void {
  for (const n of e.names) into.names.add(n);
  into.memory ||= e.memory;
  into.unknown ||= e.unknown;
}

const SCALAR_LIBRARY = /^(Math|Number)\.|^(Number|Boolean|isNaN|isFinite|BigInt|typeof)$/;

/** Names an expression reads, and whether it reads memory. */
export function readsOf(e: Expr, into: { names: Set<string>; memory: boolean } = { names: new Set(), memory: false }): { names: Set<string>; memory: boolean } {
  switch (e.kind) {
    case "name": into.names.add(e.name); break;
    case "binary": case "compare": case "logical": readsOf(e.left, into); readsOf(e.right, into); break;
    case "unary": readsOf(e.operand, into); break;
    case "conditional": readsOf(e.test, into); readsOf(e.then, into); readsOf(e.otherwise, into); break;
    case "attribute": readsOf(e.object, into); if (e.name !== "length") into.memory = true; break;
    case "index":
      readsOf(e.object, into); into.memory = true;
      for (const i of e.items) if (i.kind === "expr") readsOf(i.value, into);
      break;
    case "call":
      readsOf(e.callee, into);
      if (!(e.callee.kind === "library" && SCALAR_LIBRARY.test(e.callee.name))) into.memory = true;
      for (const a of e.args) { readsOf(a.value, into); if (a.spread) into.memory = true; }
      break;
    case "tuple": case "list": for (const x of e.elements) readsOf(x, into); break;
    case "object": for (const x of e.entries) readsOf(x.value, into); break;
    // A function value reads what it captures when it is called; its calls are accounted for there.
    default: break;
  }
  return into;
}

/** Would the value of `e` be another one after the effect? */
export function disturbs(effect: Effect, e: Expr, unit: Unit): boolean {
  if (effect.names.size === 0 && !effect.memory && !effect.unknown) return false;
  const r = readsOf(e);
  if (r.memory && (effect.memory || effect.unknown)) return true;
  for (const n of r.names) if (effect.names.has(n) || (effect.unknown && unit.closureWritten(n))) return true;
  return false;
}

interface Summary { readonly writes: ReadonlySet<Binding>; readonly memory: boolean; readonly unknown: boolean }
const SUMMARIES = new WeakMap<FunctionNode, Summary | "running">();
const WORST: Summary = { writes: new Set(), memory: true, unknown: true };

/** What a call of the function may change outside it. */
export function summary(unit: Unit, fn: FunctionNode): Summary {
  const known = SUMMARIES.get(fn);
  if (known) return known === "running" ? WORST : known;
  SUMMARIES.set(fn, "running");
  const scope = unit.scope(fn);
  const s = { writes: new Set<Binding>(), memory: false, unknown: false };
  for (const part of [...fn.params, fn.body]) scan(unit, part, scope, s);
  SUMMARIES.set(fn, s);
  return s;
}

function scan(unit: Unit, n: t.Node, scope: FunctionScope, s: { writes: Set<Binding>; memory: boolean; unknown: boolean }): void {
  if (isFunction(n)) return;
  const target = (p: t.Node): void => {
    switch (p.type) {
      case "Identifier": { const b = unit.binding(p); if (b && !b.fn.within(scope)) s.writes.add(b); break; }
      case "MemberExpression": if (!isFreshLocal(unit, p.object, scope)) s.memory = true; break;
      case "AssignmentPattern": target(p.left); break;
      case "RestElement": target(p.argument); break;
      case "ArrayPattern": for (const e of p.elements) if (e) target(e); break;
      case "ObjectPattern": for (const q of p.properties) target(q.type === "RestElement" ? q.argument : q.value); break;
      default: s.memory = true;
    }
  };
  switch (n.type) {
    case "AssignmentExpression": target(n.left); break;
    case "UpdateExpression": target(n.argument); break;
    case "ForOfStatement": case "ForInStatement": if (n.left.type !== "VariableDeclaration") target(n.left); break;
    case "CallExpression": case "OptionalCallExpression": case "NewExpression": {
      const e = callSummary(unit, n, scope);
      for (const b of e.writes) if (!b.fn.within(scope)) s.writes.add(b);
      s.memory ||= e.memory;
      s.unknown ||= e.unknown;
      break;
    }
    default: break;
  }
  for (const c of children(n)) scan(unit, c, scope, s);
}

/** An array that the function itself made and that no other name can mean. */
function isFreshLocal(unit: Unit, object: t.Node, scope: FunctionScope): boolean {
  const o = unit.unwrap(object);
  if (o.type !== "Identifier") return false;
  const b = unit.binding(o);
  if (!b || b.fn !== scope || b.kind === "param" || b.writes.length !== 1 || !b.init || b.init.path.length > 0) return false;
  const v = unit.unwrap(b.init.node);
  if (v.type === "NewExpression") return true;
  return v.type === "ArrayExpression" && v.elements.every((e) => e?.type === "NumericLiteral");
}

/** What a call (or `new`) may change, its arguments' evaluation apart. */
export function callSummary(unit: Unit, n: t.CallExpression | t.OptionalCallExpression | t.NewExpression, scope?: FunctionScope): Summary {
  const callee = unit.unwrap(n.callee);
  const writes = new Set<Binding>();
  let memory = false, unknown = false;
  const add = (x: Summary): void => { for (const b of x.writes) writes.add(b); memory ||= x.memory; unknown ||= x.unknown; };
  /** Functions among the arguments may be called by the callee. */
  const callbacks = (): void => {
    for (const a of n.arguments) {
      const f = unit.functionOf(a);
      if (f) { const x = summary(f.unit, f.node); if (f.unit === unit) add(x); else add({ ...x, writes: new Set() }); }
      else if (a.type === "Identifier" && unit.binding(a)?.kind === "function") add(WORST);
    }
  };
  const s = unit.static(callee);
  if (s?.kind === "library") { callbacks(); return { writes, memory, unknown }; }
  const f = unit.functionOf(callee);
  if (f) {
    add(f.unit === unit ? summary(unit, f.node) : { ...summary(f.unit, f.node), writes: new Set() });
    callbacks();
    return { writes, memory, unknown };
  }
  if (s?.kind === "class") return WORST;
  if (n.type === "NewExpression") return { writes, memory, unknown };
  if (callee.type === "MemberExpression" || callee.type === "OptionalMemberExpression") {
    const key = !callee.computed && callee.property.type === "Identifier" ? callee.property.name : undefined;
    callbacks();
    if (key !== undefined && (PURE_METHODS.has(key) || key === "forEach")) return { writes, memory, unknown };
    if (key === "fill" || key === "set" || key === "copyWithin" || key === "reverse" || key === "sort" || key === "push") {
      if (!(scope && isFreshLocal(unit, callee.object, scope)) && callee.object.type !== "NewExpression") memory = true;
      return { writes, memory, unknown };
    }
  }
  return WORST;
}
