/**
 * Splits maps with several nodes in their body into one map per node, so that perfect nests arise (fusion joins again what should be together).
 * Pre: a valid graph. Post: same values. Safe because the iterations of a map do not depend on one another: running all of one node before the
 * next keeps the order within each iteration. Nodes that share a private container stay together.
 */
import { accessesOf } from "../analysis/accesses.js";
import { exprsOf, renameLoop } from "../analysis/walk.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import { sym } from "../symbolic/expr.js";
import { hasLoads, mapLists, Names } from "./nests.js";

export function distribute(graph: Graph): Graph {
  const names = new Names(graph);
  return mapLists(graph, (list) => {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      if (n.kind !== "loop" || n.order !== "any" || n.body.length < 2 || !n.body.some((x) => x.kind === "loop")) return [n];
      const parts = split(graph, n, names);
      if (parts.length > 1) changed = true;
      return parts;
    });
    return changed ? out : list;
  });
}

function split(graph: Graph, l: Loop, names: Names): readonly Node[] {
  // A loaded bound may change between the copies of the loop.
  if (exprsOf(l).some(hasLoads) || l.body.some((n) => n.kind === "exit" || n.kind === "raise" || n.kind === "block" || n.kind === "while")) return [l];
  const locals = new Set(l.locals ?? []);
  const last = new Map<string, number>();
  l.body.forEach((n, i) => { for (const a of accessesOf(graph, [n])) if (locals.has(a.base)) last.set(a.base, i); });
  const parts: Loop[] = [];
  for (let i = 0; i < l.body.length;) {
    let end = i;
    const mine = new Set<string>();
    for (let k = i; k <= end; k++) for (const a of accessesOf(graph, [l.body[k]!])) if (locals.has(a.base)) { mine.add(a.base); end = Math.max(end, last.get(a.base)!); }
    // Tasklets that follow one another stay together.
    while (end + 1 < l.body.length && l.body.slice(i, end + 1).every((n) => n.kind === "tasklet") && l.body[end + 1]!.kind === "tasklet" && !accessesOf(graph, [l.body[end + 1]!]).some((a) => locals.has(a.base))) end++;
    const { locals: _, ...rest } = l;
    const part: Loop = { ...rest, id: freshId(), body: l.body.slice(i, end + 1), ...(mine.size > 0 ? { locals: [...mine] } : {}) };
    const variable = parts.length === 0 ? l.variable : names.fresh(l.variable);
    parts.push(renameLoop(part, variable, sym(variable)));
    i = end + 1;
  }
  return parts;
}
