/**
 * The last steps of a lowering, on the graph: transients that a map's iteration alone uses become private to it, and maps whose iterations are not provably
 * independent run in order. DaCe leaves the result of such a map open; in order, every run and its gradient agree.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { carriedBy, loopFacts } from "../../analysis/dependence.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Assumptions } from "../../symbolic/assumptions.js";

/** `maps`: ids of the loops that come from maps; `taken`: transients that have a place already. */
export function privatise(graph: Graph, maps: ReadonlySet<number>, taken: ReadonlySet<string>): Graph {
  const deepest = new Map<string, readonly Loop[]>();
  for (const a of accessesOf(graph, graph.body)) {
    const c = graph.container(a.base);
    if (!c.transient || taken.has(a.base)) continue;
    const around = a.path.slice(0, -1).flatMap((s) => (s.node.kind === "loop" ? [s.node] : []));
    const old = deepest.get(a.base);
    deepest.set(a.base, old ? old.filter((l, i) => around[i] === l) : around);
  }
  const locals = new Map<number, string[]>();
  for (const [name, around] of deepest) {
    const home = around.filter((l) => maps.has(l.id)).at(-1);
    if (!home) continue;
    const list = locals.get(home.id);
    if (list) list.push(name); else locals.set(home.id, [name]);
  }
  if (locals.size === 0) return graph;
  const visit = (n: Node): Node => {
    const bs = bodiesOf(n), next = bs.length === 0 ? n : withBodies(n, bs.map((b) => b.list.map(visit)));
    const own = next.kind === "loop" ? locals.get(next.id) : undefined;
    return next.kind === "loop" && own ? { ...next, locals: [...(next.locals ?? []), ...own] } : next;
  };
  return graph.with({ body: graph.body.map(visit) });
}

/** Maps that carry a dependence (or may) run upwards. */
export function orderMaps(graph: Graph): Graph {
  const visit = (n: Node, facts: Assumptions): Node => {
    const bs = bodiesOf(n);
    if (bs.length === 0) return n;
    const inner = n.kind === "loop" ? facts.with(...loopFacts(n)) : facts;
    const next = withBodies(n, bs.map((b) => b.list.map((x) => visit(x, inner))));
    return next.kind === "loop" && next.order === "any" && carriedBy(graph, next, facts) ? { ...next, order: "up" } : next;
  };
  return graph.with({ body: graph.body.map((n) => visit(n, graph.facts)) });
}

/** Containers that nothing accesses go; views and what they view stay together. */
export function dropUnused(graph: Graph): Graph {
  const used = new Set<string>();
  for (const a of accessesOf(graph, graph.body)) { used.add(a.data); used.add(a.base); }
  for (const p of graph.parameters) if (p.kind === "container") used.add(p.container);
  const containers = new Map([...graph.containers].filter(([name, c]) => used.has(name) || !c.transient));
  return containers.size === graph.containers.size ? graph : graph.with({ containers });
}
