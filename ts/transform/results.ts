/**
 * A transient that becomes a result as a whole, at the end, is the result from the start: `…; result = T` has one array less.
 * Pre: a valid graph. Post: same values. Safe because the result is the run's own (no argument), nothing else touches it, and it has T's elements one to one.
 */
import { coversContainer, definitionOf } from "../analysis/definition.js";
import { mayLeave } from "../analysis/live.js";
import { effectsOf } from "../analysis/order.js";
import { rewriteNodes } from "../analysis/walk.js";
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { sub } from "../symbolic/expr.js";
import { dropUnused } from "./dead-code.js";
import { sharedOrPrivate } from "./loop-to-map.js";

export function resultsInPlace(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), given = new Set(graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
  for (const c of graph.containers.values()) if (c.view) given.add(c.view.base);
  if (graph.body.some(mayLeave)) return graph;
  const names = new Map<string, string>(), gone = new Set<Node>();
  for (const n of graph.body) {
    const d = definitionOf(graph, n), from = d?.task.inputs[0];
    if (!d || d.task.wcr || d.task.inputs.length !== 1 || d.task.code.kind !== "input" || from!.guard?.length) continue;
    const { data } = d.task.output, to = graph.container(data), t = graph.container(from!.data);
    if (given.has(data) || to.transient || to.view || fixed.has(t.name) || names.has(t.name) || !t.transient || t.view || t.growable || t.dtype !== to.dtype || t.shape.length !== to.shape.length) continue;
    const whole = coversContainer(graph, d) && to.shape.every((size, axis) => {
      const by = d.by[axis];
      return by !== undefined && sub(t.shape[axis]!, size).constant === 0 && from!.index[axis]!.key === d.loops[by]!.variable;
    });
    if (!whole || graph.body.some((x) => x !== n && (effectsOf(graph, x).reads.has(data) || effectsOf(graph, x).writes.has(data)))) continue;
    // What is done to T after it became the result must not reach the result.
    if (graph.body.slice(graph.body.indexOf(n) + 1).some((x) => effectsOf(graph, x).writes.has(t.name))) continue;
    names.set(t.name, data);
    gone.add(n);
  }
  return gone.size === 0 ? graph : dropUnused(graph.with({ body: rewriteNodes(graph.body.filter((n) => !gone.has(n)), { name: (x) => names.get(x) ?? x }) }));
}
