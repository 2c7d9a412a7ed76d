/**
 * Sequential loops whose iterations do not depend on one another become maps (order "any").
 * Pre: a valid graph. Post: same values (combining writes may combine in another order; under `strict` they keep it: a map runs upwards, and what runs
 * downwards may do so step by step in another plan of the same program). Scalars that every iteration writes before it reads, and that nothing
 * outside the loop looks at, become private to the iteration.
 * Safe because a proof is needed that no two iterations touch an element that one of them writes (combining writes of one kind aside), and that no
 * iteration can leave the loop.
 */
import { accessesOf, baseOf, type Access } from "../analysis/accesses.js";
import { carriedAmong, localsOf, loopFacts } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { returnedContainers, type Loop, type Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { hasLoads, sub } from "../symbolic/expr.js";

/** Containers whose contents are seen from outside: arguments and results (bases). */
export function escaping(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Set<string> {
  const s = new Set<string>();
  for (const c of graph.containers.values()) if (!c.transient) s.add(baseOf(graph, c.name));
  for (const p of graph.parameters) if (p.kind === "container") s.add(baseOf(graph, p.container));
  for (const name of Object.values(outputs)) s.add(baseOf(graph, name));
  for (const name of returnedContainers(graph.result)) s.add(baseOf(graph, name));
  return s;
}

/** The same with what is private to a loop or has views: everything that is not a transient of the program as a whole under its own name alone. */
export function sharedOrPrivate(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Set<string> {
  const s = escaping(graph, outputs);
  for (const x of localsOf(graph.body).keys()) s.add(x);
  for (const c of graph.containers.values()) if (c.view) { s.add(c.view.base); s.add(c.name); }
  return s;
}

/** How many nodes access each base (reads by loads included). */
function useCounts(graph: Graph, body: readonly Node[]): Map<string, number> {
  const m = new Map<string, number>();
  for (const a of accessesOf(graph, body)) m.set(a.base, (m.get(a.base) ?? 0) + 1);
  return m;
}

export function loopToMap(graph: Graph, outputs: Readonly<Record<string, string>> = {}, strict = false): Graph {
  const outside = escaping(graph, outputs), total = useCounts(graph, graph.body);
  const visit = (list: readonly Node[], facts: Assumptions): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      if (n.kind !== "loop") {
        const bs = bodiesOf(n);
        if (bs.length === 0) return n;
        const inner = bs.map((b) => visit(b.list, facts));
        if (inner.every((x, i) => x === bs[i]!.list)) return n;
        changed = true;
        return withBodies(n, inner);
      }
      const body = visit(n.body, facts.with(...loopFacts(n)));
      let l: Loop = body === n.body ? n : { ...n, body };
      if (l.order !== "any" && !binds(l) && staysInside(l.body)) {
        const accesses = accessesOf(graph, [l]);
        const own = privateScalars(graph, l, accesses, outside, total);
        if (!carriedAmong(graph, l, accesses, facts, own, strict && l.order === "down")) l = { ...l, order: "any", ...(own.size > 0 ? { locals: [...new Set([...(l.locals ?? []), ...own])] } : {}) };
      }
      if (l !== n) changed = true;
      return l;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts);
  return body === graph.body ? graph : graph.with({ body });
}

/** A loop that gives a name to one loaded integer: as a map it would be what threads share. */
function binds(l: Loop): boolean { return hasLoads(l.begin) && sub(l.end, l.begin).constant === 1; }

/** No exit to a block outside, no error of the user's, no while loop that may not end. */
function staysInside(body: readonly Node[], labels: ReadonlySet<string> = new Set()): boolean {
  return body.every((n) => {
    if (n.kind === "raise") return false;
    if (n.kind === "exit") return labels.has(n.label);
    const inner = n.kind === "block" ? new Set([...labels, n.label]) : labels;
    return bodiesOf(n).every((b) => staysInside(b.list, inner));
  });
}

/** Scalars used in this loop only, whose first access in the body is an unconditional plain write. */
export function privateScalars(graph: Graph, l: Loop, accesses: readonly Access[], outside: ReadonlySet<string>, total: ReadonlyMap<string, number>): Set<string> {
  const first = new Map<string, Access>(), count = new Map<string, number>();
  for (const a of accesses) { if (!first.has(a.base)) first.set(a.base, a); count.set(a.base, (count.get(a.base) ?? 0) + 1); }
  const already = localsOf([l]), out = new Set<string>();
  for (const [base, a] of first) {
    const c = graph.container(base);
    if (c.shape.length > 0 || outside.has(base) || already.has(base) || !c.transient || count.get(base) !== total.get(base)) continue;
    // Path: the loop, then a node of its body.
    if (a.write && !a.wcr && !a.conditional && a.path.length === 2 && a.data === base) out.add(base);
  }
  return out;
}
