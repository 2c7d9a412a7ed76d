/** What a loop may change, and whether an expression has the same value in all its iterations. */
import type * as t from "@babel/types";
import { callSummary } from "./effects.js";
import { children, isFunction } from "./nodes.js";
import type { Binding } from "./scope.js";
import type { Unit } from "./unit.js";

interface Store {
  /** The variable at the root of what is stored to; none: not known. */
  readonly root: Binding | string | undefined;
  /** How many indices lead from the root to the stored element. */
  readonly depth: number;
  /** What is stored is certainly a number. */
  readonly number: boolean;
}
export interface LoopWrites {
  readonly names: ReadonlySet<Binding>;
  readonly stores: readonly Store[];
  /** A function or method that is not known is called. */
  readonly unknown: boolean;
}

/** What the loop's parts (all but the initialiser) may change. */
export function loopWrites(unit: Unit, loop: t.Node, init: t.Node | undefined): LoopWrites {
  const names = new Set<Binding>(), stores: Store[] = [];
  let unknown = false;
  const target = (p: t.Node, number: boolean): void => {
    switch (p.type) {
      case "Identifier": { const b = unit.binding(p); if (b) names.add(b); break; }
      case "MemberExpression": {
        if (!p.computed && p.property.type === "Identifier" && p.property.name === "length") unknown = true;
        stores.push({ ...rootOf(unit, p), number });
        break;
      }
      case "AssignmentPattern": target(p.left, false); break;
      case "RestElement": target(p.argument, false); break;
      case "ArrayPattern": for (const e of p.elements) if (e) target(e, false); break;
      case "ObjectPattern": for (const q of p.properties) target(q.type === "RestElement" ? q.argument : q.value, false); break;
      case "VariableDeclaration": for (const d of p.declarations) target(d.id, false); break;
      default: break;
    }
  };
  const visit = (n: t.Node): void => {
    if (n === init || isFunction(n)) return;
    switch (n.type) {
      case "AssignmentExpression": target(unit.unwrap(n.left), n.operator === "=" ? isNumber(unit, n.right) : true); break;
      case "UpdateExpression": target(unit.unwrap(n.argument), true); break;
      case "VariableDeclarator": target(n.id, false); break;
      case "ForOfStatement": case "ForInStatement": target(n.left, false); break;
      case "CallExpression": case "OptionalCallExpression": case "NewExpression": {
        const e = callSummary(unit, n), callee = unit.unwrap(n.callee);
        for (const b of e.writes) names.add(b);
        if (e.unknown) unknown = true;
        else if (e.memory) {
          const numeric = callee.type === "MemberExpression" && !callee.computed && callee.property.type === "Identifier" && /^(fill|set|copyWithin|reverse|sort)$/.test(callee.property.name);
          const pushed = callee.type === "MemberExpression" && !callee.computed && callee.property.type === "Identifier" && callee.property.name === "push";
          stores.push(pushed ? { ...rootOf(unit, callee), number: n.arguments.every((a) => isNumber(unit, a)) } : numeric ? { ...rootOf(unit, callee), number: true } : { root: undefined, depth: 0, number: false });
        }
        break;
      }
      default: break;
    }
    for (const c of children(n)) visit(c);
  };
  visit(loop);
  if (unknown) for (const f of unit.scopes.functions.values()) for (const b of f.bindings) if (b.closureWritten) names.add(b);
  return { names, stores, unknown };
}

function isNumber(unit: Unit, raw: t.Node): boolean {
  const n = unit.unwrap(raw);
  switch (n.type) {
    case "NumericLiteral": case "UnaryExpression": case "UpdateExpression": case "BinaryExpression": return true;
    case "AssignmentExpression": return n.operator !== "=" || isNumber(unit, n.right);
    case "ConditionalExpression": return isNumber(unit, n.consequent) && isNumber(unit, n.alternate);
    case "CallExpression": { const s = unit.static(n.callee); return s?.kind === "library" && /^(Math\.|Number$)/.test(s.name); }
    default: return unit.constant(n) !== undefined;
  }
}

/** The variable that a chain of members starts from, through locals that are only names for parts of other arrays. */
function rootOf(unit: Unit, raw: t.Node): { root: Binding | string | undefined; depth: number } {
  let n = unit.unwrap(raw), depth = 0;
  for (let guard = 0; guard < 100; guard++) {
    if (n.type === "MemberExpression" || n.type === "OptionalMemberExpression") { depth++; n = unit.unwrap(n.object); continue; }
    if (n.type === "CallExpression" && n.callee.type === "MemberExpression" && !n.callee.computed && n.callee.property.type === "Identifier" && n.callee.property.name === "subarray") { n = unit.unwrap(n.callee.object); continue; }
    if (n.type !== "Identifier") return { root: n.type === "NewExpression" || n.type === "ArrayExpression" ? "fresh" : undefined, depth };
    const b = unit.binding(n);
    if (!b) return { root: n.name, depth };
    if (b.kind === "param") return { root: b.writes.length > 0 ? undefined : b, depth };
    if (b.writes.length !== 1 || !b.init || b.init.path.length > 0) return { root: undefined, depth };
    const v = unit.unwrap(b.init.node);
    if (v.type === "NewExpression" || v.type === "ArrayExpression") return { root: b, depth };
    n = v;
  }
  return { root: undefined, depth };
}

/** The value is the same whenever the loop evaluates it, and evaluating it does nothing. */
export function unchanging(unit: Unit, raw: t.Node, w: LoopWrites): boolean {
  const n = unit.unwrap(raw), of = (x: t.Node): boolean => unchanging(unit, x, w);
  switch (n.type) {
    case "NumericLiteral": return true;
    case "Identifier": {
      const b = unit.binding(n);
      return !b || !w.names.has(b);
    }
    case "UnaryExpression": return n.operator !== "delete" && n.operator !== "throw" && of(n.argument);
    case "BinaryExpression": return n.left.type !== "PrivateName" && of(n.left) && of(n.right);
    case "LogicalExpression": return of(n.left) && of(n.right);
    case "ConditionalExpression": return of(n.test) && of(n.consequent) && of(n.alternate);
    case "CallExpression": {
      const s = unit.static(n.callee);
      return s?.kind === "library" && /^(Math\.|Number$)/.test(s.name) && n.arguments.every((a) => a.type !== "SpreadElement" && of(a));
    }
    case "MemberExpression": {
      if (unit.static(n)) return true;
      if (n.object.type === "Super" || !of(n.object) || w.unknown) return false;
      // The length of a typed array never changes; that of a list only through methods that are not known here, and `push`, for which the evaluator looks.
      if (!n.computed && n.property.type === "Identifier" && n.property.name === "length") return true;
      if (n.computed && !of(n.property)) return false;
      const r = rootOf(unit, n);
      return r.root !== undefined && w.stores.every((x) => x.root !== undefined && (x.root !== r.root || x.depth !== r.depth));
    }
    default: return false;
  }
}
