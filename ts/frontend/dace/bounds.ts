/**
 * Bounds of accesses. What is proven inside needs nothing; what is affine becomes one entry check on the corners of its loops; the rest, and everything
 * once an entry check has failed, is checked where it happens. Indices loaded from data are checked by the kernel anyway.
 * Post: no access of the graph can leave its container.
 */
import { accessesOf, type Access } from "../../analysis/accesses.js";
import { loopFacts } from "../../analysis/dependence.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import { constant, op, symbolic } from "../../scalar/expr.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import type { EntryCheck, Node } from "../../sdfg/nodes.js";
import { addInt, freeSymbols, loadedContainers, sub, type Expr } from "../../symbolic/expr.js";
import { lowerBound, nonNegative, type LoopRange } from "../../symbolic/prove.js";

interface Inside { readonly expr: Expr; readonly message: string }

export function checkBounds(graph: Graph, inKernel: boolean): Graph {
  const checks = new Map<string, EntryCheck>(), before = new Map<number, Map<string, Inside>>(), symbols = new Set(graph.symbols);
  for (const a of accessesOf(graph, graph.body)) {
    const c = graph.container(a.data), loops = around(a), facts = graph.facts.with(...loops.flatMap((l) => loopFacts(l)), ...a.guard.filter((g) => loadedContainers(g).size === 0));
    a.index.forEach((e, d) => {
      const loads = loadedContainers(e).size > 0;
      // The kernel checks such indices of tasklets itself, those of conditions and loop bounds it does not.
      if (loads && (a.node.kind === "tasklet" || a.node.kind === "library")) return;
      for (const wanted of [e, addInt(sub(c.shape[d]!, e), -1)]) {
        if (!loads && nonNegative(wanted, facts) === "yes") continue;
        const message = `index out of range for axis ${d} of ${c.label ?? c.name}`, corner = inKernel || loads ? undefined : lowerBound(wanted, loops, graph.facts);
        if (corner && [...freeSymbols(corner)].every((s) => symbols.has(s)) && loadedContainers(corner).size === 0) { checks.set(corner.key, { kind: "bounds", expr: corner, message, ...(a.node.loc ? { loc: a.node.loc } : {}) }); continue; }
        const extra = a.extra.length === 0 ? wanted : lowerBound(wanted, a.extra.map((x) => ({ variable: x.variable, begin: sub(x.size, x.size), end: x.size })), facts);
        const list = before.get(a.node.id) ?? new Map<string, Inside>();
        before.set(a.node.id, list);
        const expr = extra ?? wanted;
        list.set(expr.key, { expr, message });
      }
    });
  }
  const known = new Set(graph.checks.map((c) => c.expr.key));
  const next = checks.size === 0 ? graph : graph.with({ checks: [...graph.checks, ...[...checks.values()].filter((c) => !known.has(c.expr.key))] });
  return before.size === 0 ? next : next.with({ body: insert(next.body, before) });
}

function around(a: Access): LoopRange[] {
  const loops: LoopRange[] = a.path.slice(0, -1).flatMap((s) => (s.node.kind === "loop" ? [s.node] : []));
  return [...loops, ...a.extra.map((x) => ({ variable: x.variable, begin: sub(x.size, x.size), end: x.size }))];
}

/** Checks before the nodes that need them; loops around an error run in order. */
function insert(body: readonly Node[], before: ReadonlyMap<number, ReadonlyMap<string, Inside>>): readonly Node[] {
  return body.flatMap((n): Node[] => {
    const bs = bodiesOf(n), inner = bs.map((b) => insert(b.list, before));
    let next = inner.some((x, i) => x !== bs[i]!.list && x.length !== bs[i]!.list.length) || inner.some((x, i) => x.some((y, k) => y !== bs[i]!.list[k])) ? withBodies(n, inner) : n;
    if (next !== n && next.kind === "loop" && next.order === "any" && raises(next.body)) next = { ...next, order: "up" };
    const own = before.get(n.id);
    if (!own) return [next];
    const tests = (): Node[] => [...own.values()].map((i): Node => ({
      kind: "conditional", id: freshId(),
      branches: [{ condition: { inputs: [], code: op("lt", "bool", symbolic(i.expr), constant(0, "int64")) }, body: [{ kind: "raise", id: freshId(), code: "BOUNDS", message: i.message, ...(n.loc ? { loc: n.loc } : {}) }] }],
      ...(n.loc ? { loc: n.loc } : {}),
    }));
    // A while loop reads its condition again after every iteration.
    if (next.kind === "while") return [...(next.testAfter ? [] : tests()), { ...next, body: [...next.body, ...tests()] }];
    return [...tests(), next];
  });
}
function raises(body: readonly Node[]): boolean { return body.some((n) => n.kind === "raise" || bodiesOf(n).some((b) => raises(b.list))); }
