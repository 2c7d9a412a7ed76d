/**
 * Orders the loops of perfect nests of maps so that memory is walked contiguously: innermost the loop along which the accesses have unit stride or stay
 * put, outermost the one along which they jump most.
 * Pre: a valid graph. Post: same values (combining writes may combine in another order, `strict` excepted: there they keep it, whatever else the nest holds in another form of the program). Safe because
 * the iterations of maps are independent; where an inner bound depends on the outer variable (a triangle) both bounds are solved for the other variable, else the loops stay.
 */
import { accessesOf } from "../analysis/accesses.js";
import { bodiesOf } from "../analysis/paths.js";
import { loopFacts } from "../analysis/dependence.js";
import { isDifferentiable } from "../base/dtypes.js";
import type { Loop, Memlet, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { add, addInt, affine, dependsOn, max, min, sub, sym, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { hasLoads, mapLists, mapNest, rebuild } from "./nests.js";

export function interchange(graph: Graph, strict = false): Graph {
  // Outer lists come after inner ones, so a whole nest is seen once from its top; its inner parts were in order already.
  return mapLists(graph, (list, facts) => {
    let changed = false;
    const out = list.map((n): Node => {
      if (n.kind !== "loop" || n.order !== "any") return n;
      const r = reorder(graph, n, facts, strict);
      if (r !== n) changed = true;
      return r;
    });
    return changed ? out : list;
  });
}

function reorder(graph: Graph, top: Loop, facts: Assumptions, strict: boolean): Loop {
  const loops = mapNest(top);
  if (loops.length < 2) return top;
  const leaf = loops.at(-1)!;
  if (loops.some((l) => hasLoads(l.begin) || hasLoads(l.end))) return top;
  const cost = new Map(loops.map((l) => [l.variable, costAlong(leaf.body, l.variable)]));
  const { locals, ...plain } = leaf;
  let order: Loop[] = [...loops.slice(0, -1), plain];
  const wanted = order.map((l, i) => ({ l, i })).sort((a, b) => cost.get(b.l.variable)! - cost.get(a.l.variable)! || a.i - b.i).map((x) => x.l.variable);
  // From the inside out: what belongs innermost is moved there first, as far as the bounds allow.
  let done = order.length;
  for (let w = wanted.length - 1; w >= 0; w--) {
    const from = order.findIndex((l) => l.variable === wanted[w]);
    if (from >= done) continue;
    let next: Loop[] | undefined = order;
    for (let i = from; i < done - 1 && next; i++) next = !strict || keepsOrder(graph, next, i, leaf.body) ? swap(next, i, facts) : undefined;
    if (!next) continue;
    order = next;
    done--;
  }
  if (order.every((l, i) => l.variable === loops[i]!.variable)) return top;
  if (locals) order = [...order.slice(0, -1), { ...order.at(-1)!, locals }];
  return rebuild(order, leaf.body);
}

/** Does every element get what is combined into it in the same order, if the loops at i and i + 1 change places? Where its index tells the iteration of one of them, that one is the same for all it gets. */
function keepsOrder(graph: Graph, loops: readonly Loop[], i: number, body: readonly Node[]): boolean {
  const moving = loops.slice(i).map((l) => l.variable), [a, b] = moving as [string, string], elements = new Map<string, string>();
  return accessesOf(graph, body).every((x) => {
    if (!x.write || x.wcr === undefined || !isDifferentiable(graph.container(x.base).dtype)) return true;
    const key = `${x.data}[${x.index.map((e) => e.key).join(",")}]`;
    if ((elements.get(x.base) ?? key) !== key) return false;
    elements.set(x.base, key);
    return x.index.some((e) => {
      const own = moving.filter((v) => dependsOn(e, v));
      return own.length === 1 && (own[0] === a || own[0] === b) && !hasLoads(e) && (affine(e, new Set(own))?.coefficients.get(own[0])?.constant ?? 0) !== 0;
    });
  });
}

/** Exchanges the loops at i and i + 1. */
function swap(loops: readonly Loop[], i: number, facts: Assumptions): Loop[] | undefined {
  const a = loops[i]!, b = loops[i + 1]!, v = a.variable;
  const put = (x: Loop, y: Loop): Loop[] => [...loops.slice(0, i), x, y, ...loops.slice(i + 2)];
  const low = dependsOn(b.begin, v), high = dependsOn(b.end, v);
  if (!low && !high) return put(b, a);
  if (low && high) return undefined;
  const w = sym(b.variable), around = facts.with(...loops.slice(0, i).flatMap((l) => [...loopFacts(l)]));
  const bound = affine(low ? b.begin : b.end, new Set([v]));
  if (!bound || bound.coefficients.get(v)?.constant !== 1) return undefined;
  const c = bound.rest;
  if (low) {
    // a.begin <= v < a.end, v + c <= w < b.end
    const begin = add(a.begin, c), known = around.with(sub(w, begin), addInt(sub(b.end, w), -1));
    return put({ ...b, begin }, { ...a, end: least(a.end, addInt(sub(w, c), 1), known) });
  }
  // a.begin <= v < a.end, b.begin <= w < v + c
  const end = addInt(add(a.end, c), -1), known = around.with(sub(w, b.begin), addInt(sub(end, w), -1));
  return put({ ...b, end }, { ...a, begin: greatest(a.begin, addInt(sub(w, c), 1), known) });
}
function least(a: Expr, b: Expr, facts: Assumptions): Expr { return nonNegative(sub(b, a), facts) === "yes" ? a : nonNegative(sub(a, b), facts) === "yes" ? b : min(a, b); }
function greatest(a: Expr, b: Expr, facts: Assumptions): Expr { return nonNegative(sub(a, b), facts) === "yes" ? a : nonNegative(sub(b, a), facts) === "yes" ? b : max(a, b); }

const STRIDED = 8, UNIT = 1, GATHERED = 12;

/** What a step along the variable costs in memory traffic, summed over the accesses of a body. */
export function costAlong(body: readonly Node[], variable: string): number {
  let sum = 0;
  const seen = new Set<string>();
  const access = (m: Memlet, weight: number, combining: boolean): void => {
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]${weight}`;
    if (seen.has(key)) return;
    seen.add(key);
    let kind = 0;
    m.index.forEach((e, d) => {
      if (!dependsOn(e, variable)) return;
      const k = affine(e, new Set([variable]))?.coefficients.get(variable)?.constant;
      kind = Math.max(kind, k === undefined ? GATHERED : d === m.index.length - 1 && Math.abs(k) === 1 ? UNIT : STRIDED);
    });
    sum += kind === 0 && combining ? 0.5 : kind * weight;
  };
  const scan = (n: Node): void => {
    if (n.kind === "tasklet") { for (const m of n.inputs) access(m, 1, false); access(n.output, 2, n.wcr !== undefined); }
    else if (n.kind === "conditional") for (const b of n.branches) for (const m of b.condition?.inputs ?? []) access(m, 1, false);
    for (const b of bodiesOf(n)) b.list.forEach(scan);
  };
  body.forEach(scan);
  return sum;
}
