/**
 * Sums into elements that data choose (histograms, gradients of gathers): every warp goes through all iterations, 32 at a time, and combines those whose element is its own, one after the other. So each element is
 * combined by one warp in the order of the iterations, whatever the number of warps, and there are no atomic additions.
 * Pre: a nest of maps that cannot be divided. Post: the same nest, annotated. Safe because nothing in the nest touches the arrays but to combine, each in one way, and iterations write nothing else. Several statements that
 * combine into one array take turns by 32 iterations, so not under strict precision.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { localsOf } from "../../analysis/dependence.js";
import { visitNodes } from "../../analysis/walk.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Loop, Node, Wcr } from "../../sdfg/nodes.js";
import { dependsOn, hasLoads } from "../../symbolic/expr.js";
import { nestOf, privatesFit, threadable } from "./nests.js";

export function scatter(graph: Graph, l: Loop, strict: boolean): Loop | undefined {
  const nest = nestOf(l), inner = nest.at(-1)!, locals = localsOf([l]), targets = new Map<string, Wcr>();
  if (!threadable([l]) || !privatesFit(graph, [l])) return undefined;
  // Statements of an iteration, under conditions or not.
  const statements = new Set<Node>(), collect = (list: readonly Node[]): void => { for (const n of list) if (n.kind === "conditional") n.branches.forEach((b) => { collect(b.body); }); else statements.add(n); };
  collect(inner.body);
  let plain = true, chosen = false;
  visitNodes(inner.body, (n) => { if (n.kind === "raise" || n.kind === "while") plain = false; });
  for (const a of accessesOf(graph, [l])) {
    if (!a.write || locals.has(a.base)) continue;
    // Whoever combines stands in the iteration itself, and its element is not the same one in all of them.
    if (!a.wcr || (targets.has(a.base) && (strict || targets.get(a.base) !== a.wcr)) || a.node.kind !== "tasklet" || !statements.has(a.node) || graph.container(a.base).dtype === "bool" || !a.index.some((e) => hasLoads(e) || nest.some((x) => dependsOn(e, x.variable)))) { plain = false; break; }
    targets.set(a.base, a.wcr);
    chosen ||= a.index.some(hasLoads);
  }
  if (!plain || !chosen || accessesOf(graph, [l]).some((a) => targets.has(a.base) && !a.write)) return undefined;
  const place = (i: number): Loop => {
    const x = nest[i]!, gpu = { ...(i === 0 ? { kernel: "scatter" as const } : {}), ...(x === inner ? { axis: { by: "owner" as const, dimension: "x" as const } } : {}) };
    return { ...x, ...(x === inner ? {} : { body: [place(i + 1)] }), ...(Object.keys(gpu).length > 0 ? { schedule: { ...x.schedule, gpu } } : {}) };
  };
  return place(0);
}
