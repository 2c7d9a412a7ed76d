/** Containers that a loop only combines into, always at the same element: what an accumulator can stand for while the loop runs. */
import { accessesOf, type Access } from "../analysis/accesses.js";
import { localsOf } from "../analysis/dependence.js";
import { bodiesOf } from "../analysis/paths.js";
import { isComplex } from "../base/dtypes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node, Wcr } from "../sdfg/nodes.js";
import { dependsOn, type Expr } from "../symbolic/expr.js";

export interface Reduction { readonly data: string; readonly wcr: Wcr; readonly index: readonly Expr[] }

/** By container; empty where an iteration can leave the loop. `accesses`: of the loop, if they are at hand. */
export function reductionsOf(graph: Graph, l: Loop, accesses: readonly Access[] = accessesOf(graph, [l])): Map<string, Reduction> {
  const out = new Map<string, Reduction>();
  if (leaves(l.body, new Set())) return out;
  const variables = new Set<string>(), bad = new Set<string>(), data = new Map<string, Reduction>();
  const collect = (n: Node): void => { if (n.kind === "loop") variables.add(n.variable); else if (n.kind === "while") variables.add(n.counter); for (const b of bodiesOf(n)) b.list.forEach(collect); };
  collect(l);
  const locals = localsOf([l]);
  for (const a of accesses) {
    const known = data.get(a.base), dtype = graph.container(a.data).dtype;
    const fits = a.write && a.wcr !== undefined && a.data === a.base && a.extra.length === 0 && a.node.kind === "tasklet" && !locals.has(a.base) && dtype !== "bool" && !(isComplex(dtype) && (a.wcr === "min" || a.wcr === "max"))
      && a.index.every((e) => !e.key.includes("[") && ![...variables].some((v) => dependsOn(e, v)));
    if (!fits || (known && (known.wcr !== a.wcr || known.index.some((e, d) => e.key !== a.index[d]!.key)))) bad.add(a.base);
    else if (!known) data.set(a.base, { data: a.data, wcr: a.wcr!, index: a.index });
  }
  for (const [base, r] of data) if (!bad.has(base)) out.set(base, r);
  return out;
}

/** Can control leave the body other than at its end? */
export function leaves(body: readonly Node[], labels: ReadonlySet<string>): boolean {
  return body.some((n) => {
    if (n.kind === "raise") return true;
    if (n.kind === "exit") return !labels.has(n.label);
    const inner = n.kind === "block" ? new Set([...labels, n.label]) : labels;
    return bodiesOf(n).some((b) => leaves(b.list, inner));
  });
}
