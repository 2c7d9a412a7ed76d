/** Is a number always an integer? Decided from all that is ever assigned, without running anything. */
import type * as t from "@babel/types";
import { children } from "./nodes.js";
import type { Binding } from "./scope.js";
import type { Unit } from "./unit.js";

export type Integral = "integral" | "fraction" | "unknown";
/** What is assigned to a binding: an expression, or what is known of the value. */
type Source = t.Node | Integral;

const SOURCES = new WeakMap<Unit, Map<Binding, Source[]>>();

function sources(unit: Unit): Map<Binding, Source[]> {
  const known = SOURCES.get(unit);
  if (known) return known;
  const map = new Map<Binding, Source[]>();
  SOURCES.set(unit, map);
  const note = (id: t.Node, s: Source): void => {
    const b = unit.binding(id);
    if (b) { const list = map.get(b) ?? []; list.push(s); map.set(b, list); }
  };
  const names = (p: t.Node): void => { if (p.type === "Identifier") note(p, "unknown"); else for (const c of children(p)) names(c); };
  const visit = (n: t.Node): void => {
    switch (n.type) {
      case "VariableDeclarator": if (n.id.type !== "Identifier") names(n.id); else if (n.init) note(n.id, n.init); break;
      case "AssignmentExpression":
        if (n.left.type !== "Identifier") { if (n.left.type !== "MemberExpression") names(n.left); } else note(n.left, assigned(n));
        break;
      case "ForOfStatement": case "ForInStatement":
        if (n.left.type === "VariableDeclaration") for (const d of n.left.declarations) names(d.id); else names(n.left);
        break;
      default: break;
    }
    for (const c of children(n)) visit(c);
  };
  visit(unit.node);
  return map;
}
function assigned(n: t.AssignmentExpression): Source {
  switch (n.operator) {
    case "=": case "+=": case "-=": case "*=": return n.right;
    case "|=": case "&=": case "^=": case "<<=": case ">>=": case ">>>=": return "integral";
    default: return "unknown";
  }
}

/** `entry`: parameters of the program itself count as integers, because one that bounds a loop is passed as an integer. */
export function integral(unit: Unit, raw: t.Node, seen: ReadonlySet<Binding> = new Set()): Integral {
  const n = unit.unwrap(raw), of = (x: t.Node): Integral => integral(unit, x, seen);
  switch (n.type) {
    case "NumericLiteral": return Number.isInteger(n.value) ? "integral" : "fraction";
    case "UnaryExpression": return n.operator === "-" || n.operator === "+" ? of(n.argument) : n.operator === "~" ? "integral" : "unknown";
    case "UpdateExpression": return of(n.argument);
    case "BinaryExpression": {
      if (/^(\||&|\^|<<|>>|>>>)$/.test(n.operator)) return "integral";
      if (n.operator === "/") return "fraction";
      if (!/^[-+*]$/.test(n.operator) || n.left.type === "PrivateName") return "unknown";
      return both(of(n.left), of(n.right));
    }
    case "ConditionalExpression": return both(of(n.consequent), of(n.alternate));
    case "AssignmentExpression": return n.operator === "=" ? of(n.right) : "unknown";
    case "CallExpression": {
      const s = unit.static(n.callee);
      if (s?.kind !== "library") return "unknown";
      if (/^Math\.(floor|ceil|round|trunc|clz32|imul|sign)$/.test(s.name)) return "integral";
      if (/^Math\.(min|max|abs)$/.test(s.name)) return n.arguments.map(of).reduce(both, "integral");
      return /^Math\./.test(s.name) ? "fraction" : "unknown";
    }
    case "MemberExpression":
      if (!n.computed && n.property.type === "Identifier" && n.property.name === "length" && !unit.static(n)) return "integral";
      break;
    case "Identifier": {
      const b = unit.binding(n);
      if (!b) break;
      if (seen.has(b)) return "integral";
      const own: Integral = b.kind === "param" ? (unit.entry && b.fn === unit.scopes.root ? "integral" : "unknown") : b.kind === "function" || b.kind === "class" || b.kind === "self" ? "unknown" : "integral";
      const inner = new Set([...seen, b]);
      return (sources(unit).get(b) ?? []).map((s) => (typeof s === "string" ? s : integral(unit, s, inner))).reduce(both, own);
    }
    default: return "unknown";
  }
  const v = unit.constant(n);
  return v === undefined ? "unknown" : Number.isInteger(v) ? "integral" : "fraction";
}

function both(a: Integral, b: Integral): Integral { return a === b ? a : a === "fraction" || b === "fraction" ? "fraction" : "unknown"; }
