/**
 * May different threads run different iterations of a map? Plain writes of a map are distinct by definition. Combining writes must be proven apart, or be
 * reductions into one element, which are done in blocks. Under strict precision float reductions keep their order, so they are not shared.
 */
import { accessesOf } from "../analysis/accesses.js";
import { localsOf, loopFacts, mayMeet } from "../analysis/dependence.js";
import { insideShape } from "../analysis/inside.js";
import { bodiesOf } from "../analysis/paths.js";
import { isInteger } from "../base/dtypes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { elementKey, leaves, reductionsOf, type Reduction } from "./reductions.js";

export function shareable(graph: Graph, l: Loop, options: { readonly strict: boolean }, around: Assumptions = graph.facts): { readonly reductions: readonly Reduction[] } | undefined {
  if (l.order !== "any" || leaves(l.body, new Set()) || hasWhile(l.body)) return undefined;
  if (l.schedule?.parallel) return { reductions: [] };
  const accesses = accessesOf(graph, [l]), locals = localsOf([l]), reductions = reductionsOf(graph, l, options, around, accesses);
  const facts = around.with(...loopFacts(l));
  const used: Reduction[] = [];
  for (const a of accesses) {
    if (!a.write || locals.has(a.base)) continue;
    const r = a.wcr && reductions.get(elementKey(a));
    if (r) {
      if (options.strict && !isInteger(graph.container(r.data).dtype)) return undefined;
      // The parts are combined even where the loop does not run: the element must be there.
      if (!insideShape(graph.container(r.data).shape, r.index, around)) return undefined;
      if (!used.includes(r)) used.push(r);
      continue;
    }
    if (!a.wcr) { if (graph.container(a.base).shape.length === 0) return undefined; continue; }
    for (const b of accesses) {
      // What is combined into single elements is added after the loop.
      if (b.base !== a.base || (b.wcr === a.wcr && reductions.has(elementKey(b)))) continue;
      if (mayMeet(graph, a, b, new Map([[l.variable, "<"]]), facts) || (a !== b && mayMeet(graph, a, b, new Map([[l.variable, ">"]]), facts))) return undefined;
    }
  }
  return { reductions: used };
}

/** Loops of unknown length; room is made by one thread, outside of regions. */
const hasWhile = (body: readonly Node[]): boolean => body.some((n) => n.kind === "while" || (n.kind === "library" && n.op === "grow") || bodiesOf(n).some((b) => hasWhile(b.list)));
