/**
 * Transients that live within one iteration become private scalars: all accesses name one and the same element per iteration of the innermost loop
 * around them, and the first of them is a plain write.
 * Pre: a valid graph. Post: same values; the container is a scalar among the loop's locals.
 * Safe because every access in an iteration is to the one element, written in that iteration before it is read, and nothing else sees the container.
 */
import { accessesOf, type Access } from "../analysis/accesses.js";
import { localsOf } from "../analysis/dependence.js";
import { mapNodes, rewriteNodes } from "../analysis/walk.js";
import type { Loop } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { dependsOn, load, mapAtoms, type Expr } from "../symbolic/expr.js";
import { escaping } from "./loop-to-map.js";
import { hasLoads } from "./nests.js";

export function contract(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = escaping(graph, outputs), locals = localsOf(graph.body);
  for (const c of graph.containers.values()) if (c.view) { fixed.add(c.view.base); fixed.add(c.name); }
  const byBase = new Map<string, Access[]>();
  for (const a of accessesOf(graph, graph.body)) { const l = byBase.get(a.base); if (l) l.push(a); else byBase.set(a.base, [a]); }
  const homes = new Map<number, string[]>(), scalars = new Set<string>();
  for (const [base, accesses] of byBase) {
    const c = graph.container(base);
    if (fixed.has(base) || !c.transient || locals.has(base) || c.role === "tape" && accesses.length < 2) continue;
    const home = homeOf(accesses);
    if (!home) continue;
    scalars.add(base);
    const l = homes.get(home.id);
    if (l) l.push(base); else homes.set(home.id, [base]);
  }
  if (scalars.size === 0) return graph;
  const containers = new Map(graph.containers);
  for (const s of scalars) containers.set(s, { ...containers.get(s)!, shape: [], ...(containers.get(s)!.role === "tape" ? { role: "value" as const } : {}) });
  const body = mapNodes(graph.body, (n) => (n.kind === "loop" && homes.has(n.id) ? { ...n, locals: [...(n.locals ?? []), ...homes.get(n.id)!] } : n));
  const expr = (e: Expr): Expr => mapAtoms(e, (a) => (a.kind === "load" && scalars.has(a.data) ? load(a.data, []) : undefined));
  return graph.with({ containers, body: rewriteNodes(body, { expr, memlet: (m) => (scalars.has(m.data) ? { ...m, index: [] } : m) }) });
}

/** The innermost loop around all accesses, if they are to one element per iteration, first written. */
function homeOf(accesses: readonly Access[]): Loop | undefined {
  const first = accesses.find((a) => a.write) ?? accesses[0]!;
  let step = -1;
  for (let s = 0; accesses.every((a) => s < a.path.length - 1 && a.path[s]!.node === first.path[s]!.node); s++) if (first.path[s]!.node.kind === "loop") step = s;
  if (step < 0) return undefined;
  const home = first.path[step]!.node as Loop;
  // In program order the first access comes first in every iteration if it stands in the loop's own list.
  const earliest = accesses[0]!;
  const write = earliest.node.kind === "tasklet" ? accesses.find((a) => a.node === earliest.node && a.write) : undefined;
  if (!write || write.wcr || accesses.some((a) => a.node === write.node && !a.write) || write.path.length !== step + 2) return undefined;
  const key = write.index.map((e) => e.key).join(",");
  const inner = new Set<string>();
  for (const a of accesses) {
    if (a.node.kind !== "tasklet" && a.node.kind !== "conditional" || a.extra.length > 0 || a.index.some(hasLoads) || a.index.map((e) => e.key).join(",") !== key) return undefined;
    if (a.node.kind === "tasklet" && !a.write && a.node.inputs.some((m) => m.data === a.data && m.guard?.length)) return undefined;
    for (const s of a.path.slice(step + 1)) if (s.node.kind === "loop") inner.add(s.node.variable);
  }
  return write.index.some((e) => [...inner].some((v) => dependsOn(e, v))) ? undefined : home;
}
