/**
 * Finds, per loop, the range of its variable in which the guards and symbolic comparisons inside hold, and a body without them for that range.
 * Pre: a valid graph. Post: loops carry `schedule.interior`; same values, since in [begin, end) every dropped guard is proven, or proven to fail, and the other
 * iterations keep the loop's own body. A guard that holds in a few iterations at one end alone is one that fails in the interior. A guard counts at the innermost loop whose variable it depends on, the outer ones being fixed there.
 */
import { conditionFacts } from "../analysis/accesses.js";
import { loopFacts } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { visitScalar, type ScalarExpr } from "../scalar/expr.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, dependsOn, floordiv, int, max, min, neg, sub, sym, visitAtoms, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { comparisonOf, fold } from "./fold.js";

export function splitInteriors(graph: Graph): Graph {
  return graph.with({ body: visit(fold(graph.body, graph.facts), graph.facts, true) });
}

/** `deep`: split every loop; otherwise the innermost ones only, for the rare outer iterations at a boundary. */
function visit(body: readonly Node[], facts: Assumptions, deep: boolean): readonly Node[] {
  return body.map((n): Node => {
    if (n.kind !== "loop") return withBodies(n, bodiesOf(n).map((b, i) => {
      const c = n.kind === "conditional" ? n.branches[i]!.condition : undefined;
      return visit(b.list, c ? facts.with(...conditionFacts(c.code)) : facts, deep);
    }));
    const inside = facts.with(...loopFacts(n));
    if (!deep && hasLoop(n.body)) return { ...n, body: visit(n.body, inside, false) };
    const bounds = isShort(n) ? undefined : interiorOf(n, inside);
    if (!bounds) return { ...n, body: visit(n.body, inside, deep) };
    const v = sym(n.variable);
    const known = inside.with(...bounds.lower.map((e) => sub(v, e)), ...bounds.upper.map((e) => addInt(sub(e, v), -1)));
    return {
      ...n, body: visit(n.body, inside, false),
      schedule: { ...n.schedule, interior: { begin: max(n.begin, ...bounds.lower), end: min(n.end, ...bounds.upper), body: visit(fold(n.body, known), known, deep) } },
    };
  });
}

/** Loops that the compiler unrolls decide their guards by themselves. */
const SHORT = 8;
function isShort(l: Loop): boolean { const n = sub(l.end, l.begin).constant; return n !== undefined && Number(n) <= SHORT && !hasLoop(l.body); }
const hasLoop = (body: readonly Node[]): boolean => body.some((n) => n.kind === "loop" || n.kind === "while" || bodiesOf(n).some((b) => hasLoop(b.list)));

/** Bounds on the variable under which more of what is inside is decided; undefined if there are none. */
function interiorOf(l: Loop, facts: Assumptions): { readonly lower: readonly Expr[]; readonly upper: readonly Expr[] } | undefined {
  const lower = new Map<string, Expr>(), upper = new Map<string, Expr>();
  const inner = new Set<string>();
  const consider = (e: Expr): void => {
    if (!dependsOn(e, l.variable) || [...inner].some((v) => dependsOn(e, v))) return;
    const a = affine(e, new Set([l.variable])), c = a?.coefficients.get(l.variable)?.constant;
    if (!a || !c) return;
    let loads = false;
    visitAtoms(a.rest, (x) => { if (x.kind === "load") loads = true; });
    if (loads || nonNegative(e, facts) !== "unknown") return;
    // From b on (up to b) it holds; where that is hardly ever, up to b (from b on) it fails.
    const b = c === 1 ? neg(a.rest) : c > 0 ? floordiv(addInt(neg(a.rest), c - 1), int(c)) : addInt(c === -1 ? a.rest : floordiv(a.rest, int(-c)), 1);
    const first = sub(b, l.begin).constant !== undefined, last = sub(l.end, b).constant !== undefined;
    if (c > 0 ? !last || first : first && !last) lower.set(b.key, b); else upper.set(b.key, b);
  };
  const code = (e: ScalarExpr): void => visitScalar(e, (x) => { const c = comparisonOf(x); if (c) consider(c); });
  const scan = (n: Node): void => {
    if (n.kind === "tasklet") { for (const m of n.inputs) m.guard?.forEach(consider); code(n.code); }
    else if (n.kind === "conditional") for (const b of n.branches) { if (b.condition) { for (const m of b.condition.inputs) m.guard?.forEach(consider); code(b.condition.code); } }
    else if (n.kind === "loop") inner.add(n.variable);
    else if (n.kind === "while") inner.add(n.counter);
    for (const b of bodiesOf(n)) b.list.forEach(scan);
    if (n.kind === "loop") inner.delete(n.variable);
  };
  l.body.forEach(scan);
  if (lower.size + upper.size === 0) return undefined;
  // Many different bounds would leave hardly any interior, at the price of long headers.
  if (lower.size + upper.size > 12) return undefined;
  return { lower: [...lower.values()], upper: [...upper.values()] };
}
