/**
 * Makes transient scalars and arrays of a few elements private to the innermost loop that holds all their uses and writes them first in every iteration,
 * so that they become registers. Pre: a valid graph. Post: same values. Safe because the first access in the body, an unconditional plain write of all of
 * it at the body's own level, hides whatever earlier iterations left, and nothing outside the loop looks.
 */
import { accessesOf, baseOf, type Access } from "../analysis/accesses.js";
import { localsOf } from "../analysis/dependence.js";
import { exprsOf, mapNodes, visitNodes } from "../analysis/walk.js";
import type { Graph } from "../sdfg/sdfg.js";
import { returnedContainers, type Container } from "../sdfg/nodes.js";
import { loadedContainers } from "../symbolic/expr.js";
import { definedFirst } from "../analysis/fresh.js";

const FEW = 32;
/** May the array lie on the stack? */
export function isSmall(c: Container): boolean { return !c.growable && c.shape.every((e) => e.constant !== undefined) && c.shape.reduce((n, e) => n * Number(e.constant), 1) <= FEW; }

/** Bases whose contents or layout are seen from outside: arguments, results, and whatever has views. */
export function escapingBases(graph: Graph, outputs: Readonly<Record<string, string>>): Set<string> {
  const escaping = new Set<string>();
  for (const c of graph.containers.values()) { if (!c.transient) escaping.add(baseOf(graph, c.name)); if (c.view) escaping.add(c.view.base); }
  for (const name of Object.values(outputs)) escaping.add(baseOf(graph, name));
  for (const name of returnedContainers(graph.result)) escaping.add(baseOf(graph, name));
  return escaping;
}

export function privatiseScalars(graph: Graph, outputs: Readonly<Record<string, string>>): Graph {
  const escaping = escapingBases(graph, outputs);
  const local = localsOf(graph.body), byBase = new Map<string, Access[]>();
  for (const a of accessesOf(graph, graph.body)) { const l = byBase.get(a.base); if (l) l.push(a); else byBase.set(a.base, [a]); }
  // Elements that serve as indices are named inside expressions, and library nodes want memory.
  const pinned = new Set<string>();
  visitNodes(graph.body, (n) => { for (const e of exprsOf(n)) for (const d of loadedContainers(e)) pinned.add(baseOf(graph, d)); });
  const owner = new Map<number, string[]>();
  for (const [base, accesses] of byBase) {
    const array = graph.container(base).shape.length > 0;
    if (escaping.has(base) || local.has(base)) continue;
    if (array && (!isSmall(graph.container(base)) || pinned.has(base) || accesses.some((a) => a.extra.length > 0 || a.data !== base))) continue;
    // The deepest loop on the common part of all paths.
    const first = accesses[0]!.path;
    let common = 0;
    while (common < first.length && accesses.every((a) => a.path[common]?.node === first[common]!.node)) common++;
    for (let s = common - 1; s >= 0; s--) {
      const n = first[s]!.node;
      if (n.kind === "while") break;
      if (n.kind !== "loop") continue;
      const a = accesses[0]!;
      const whole = array ? definedFirst(graph, n.body, base, (x) => ({ has: (b) => accessesOf(graph, [x]).some((y) => y.base === b) }))
        : a.write && !a.wcr && a.node.kind === "tasklet" && a.path.length === s + 2;
      if (whole) { const l = owner.get(n.id); if (l) l.push(base); else owner.set(n.id, [base]); }
      break;
    }
  }
  if (owner.size === 0) return graph;
  return graph.with({ body: mapNodes(graph.body, (n) => { const mine = n.kind === "loop" ? owner.get(n.id) : undefined; return n.kind === "loop" && mine ? { ...n, locals: [...(n.locals ?? []), ...mine] } : n; }) });
}
