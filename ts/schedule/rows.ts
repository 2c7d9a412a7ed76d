/**
 * Arrays of which each iteration of a loop uses a slice of its own (`e[i, j]` inside `for i`) and that nothing else uses lose that dimension and become private to the
 * iteration: a row instead of a matrix, one per thread. Pre: a valid graph. Post: same values.
 * Safe because the index of that dimension is the same expression everywhere and differs between iterations, so nothing flows from one to another; where a loop around
 * repeats the iteration, the slice must be overwritten whole before it is used.
 */
import { accessesOf, baseOf, type Access } from "../analysis/accesses.js";
import { localsOf } from "../analysis/dependence.js";
import { exprsOf, mapNodes, rewriteNodes, visitNodes } from "../analysis/walk.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Memlet, Node } from "../sdfg/nodes.js";
import { affine, dependsOn, loadedContainers } from "../symbolic/expr.js";
import { definedFirst } from "../analysis/fresh.js";
import { escapingBases } from "./scalars.js";

export function contractRows(graph: Graph, outputs: Readonly<Record<string, string>>): Graph {
  const escaping = escapingBases(graph, outputs);
  let g = graph;
  for (;;) {
    const found = find(g, escaping);
    if (!found) return g;
    g = contract(g, found.data, found.dimension, found.loop);
  }
}

function find(graph: Graph, escaping: ReadonlySet<string>): { readonly data: string; readonly dimension: number; readonly loop: Loop } | undefined {
  const byBase = new Map<string, Access[]>(), local = localsOf(graph.body), library = new Set<string>();
  for (const a of accessesOf(graph, graph.body)) { const l = byBase.get(a.base); if (l) l.push(a); else byBase.set(a.base, [a]); if (a.extra.length > 0) library.add(a.base); }
  // Elements that serve as indices are named inside expressions.
  visitNodes(graph.body, (n) => { for (const e of exprsOf(n)) for (const d of loadedContainers(e)) library.add(baseOf(graph, d)); });
  for (const [base, accesses] of byBase) {
    const c = graph.container(base);
    if (c.shape.length === 0 || escaping.has(base) || local.has(base) || library.has(base) || accesses.some((a) => a.data !== base)) continue;
    const first = accesses[0]!.path;
    for (let s = 0; s < first.length - 1; s++) {
      const l = first[s]!.node;
      if (!accesses.every((a) => a.path.length > s + 1 && a.path[s]!.node === l)) break;
      if (l.kind !== "loop") continue;
      const inner = new Set<string>();
      visitNodes(l.body, (n) => { if (n.kind === "loop") inner.add(n.variable); else if (n.kind === "while") inner.add(n.counter); });
      for (let d = 0; d < c.shape.length; d++) {
        const e = accesses[0]!.index[d]!, k = affine(e, new Set([l.variable]))?.coefficients.get(l.variable)?.constant;
        if (!k || e.key.includes("[") || [...inner].some((v) => dependsOn(e, v)) || accesses.some((a) => a.index[d]!.key !== e.key)) continue;
        const repeated = first.slice(0, s).some((x) => x.node.kind === "loop" || x.node.kind === "while");
        if (repeated) {
          const reduced = contract(graph, base, d, l);
          let body: readonly Node[] | undefined;
          visitNodes(reduced.body, (n) => { if (n.id === l.id && n.kind === "loop") body = n.body; });
          if (!body || !definedFirst(reduced, body, base, (n) => ({ has: (b) => accessesOf(reduced, [n]).some((a) => a.base === b) }))) continue;
        }
        return { data: base, dimension: d, loop: l };
      }
    }
  }
  return undefined;
}

function contract(graph: Graph, data: string, dimension: number, loop: Loop): Graph {
  const containers = new Map(graph.containers), c = graph.container(data);
  containers.set(data, { ...c, shape: c.shape.filter((_, d) => d !== dimension) });
  const memlet = (m: Memlet): Memlet => (m.data === data ? { ...m, index: m.index.filter((_, d) => d !== dimension) } : m);
  const body = mapNodes(rewriteNodes(graph.body, { memlet }), (n) => (n.kind === "loop" && n.id === loop.id ? { ...n, locals: [...(n.locals ?? []), data] } : n));
  return graph.with({ containers, body });
}
