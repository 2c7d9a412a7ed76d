/**
 * Two transients that only ever hold the same become one: `T[i] = e; S[i] = e`, with nothing in between that changes what `e` reads, and both written nowhere else.
 * The backward sweep of a sum makes as many of them as the sum has terms.
 * Pre: a valid graph. Post: same values. Safe because each element of the one is written right before the same element of the other, with the same value.
 */
import { accessesOf, baseOf } from "../analysis/accesses.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { exprsOf, rewriteNodes } from "../analysis/walk.js";
import { input, mapScalar, op } from "../scalar/expr.js";
import { hashCons } from "../scalar/hashcons.js";
import type { Node, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { loadedContainers } from "../symbolic/expr.js";
import { dropUnused } from "./dead-code.js";
import { sharedOrPrivate } from "./loop-to-map.js";
import { hasLoads, Inputs } from "./nests.js";

export function mergeTwins(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), writers = new Map<string, number>();
  for (const a of accessesOf(graph, graph.body)) if (a.write) writers.set(a.base, (writers.get(a.base) ?? 0) + 1);
  const eligible = (n: Node): n is Tasklet => n.kind === "tasklet" && !n.wcr && !n.output.guard?.length && writers.get(n.output.data) === 1 && !fixed.has(n.output.data)
    && graph.container(n.output.data).transient && !graph.container(n.output.data).growable && n.inputs.every((m) => !m.saved) && !exprsOf(n).some(hasLoads);
  const into = new Map<string, string>(), doubles = new Set<Node>();
  const visit = (list: readonly Node[]): void => {
    list.forEach((n, i) => {
      for (const b of bodiesOf(n)) visit(b.list);
      if (!eligible(n) || into.has(n.output.data)) return;
      // As long as tasklets follow that change neither what the expression reads nor the copies.
      const read = new Set(n.inputs.map((m) => baseOf(graph, m.data))), seen = new Set<string>();
      for (const k of list.slice(i + 1)) {
        if (k.kind !== "tasklet") return;
        // What was read in between held what an earlier round gave it.
        if (eligible(k) && !read.has(k.output.data) && !seen.has(k.output.data) && equal(graph, n, k)) { into.set(k.output.data, n.output.data); doubles.add(k); continue; }
        if (read.has(baseOf(graph, k.output.data)) || [k.output, ...k.inputs].some((m) => m.data === n.output.data)) return;
        for (const m of k.inputs) seen.add(m.data);
        for (const e of exprsOf(k)) for (const d of loadedContainers(e)) seen.add(d);
      }
    });
  };
  visit(graph.body);
  if (doubles.size === 0) return graph;
  return dropUnused(graph.with({ body: rewriteNodes(without(graph.body, doubles), { name: (x) => into.get(x) ?? x }) }));
}

/** Do both give the same element of containers of one form the same value? */
function equal(graph: Graph, a: Tasklet, b: Tasklet): boolean {
  const x = graph.container(a.output.data), y = graph.container(b.output.data);
  if (x.dtype !== y.dtype || x.shape.length !== y.shape.length || x.shape.some((e, d) => e.key !== y.shape[d]!.key)) return false;
  if (a.output.index.some((e, d) => e.key !== b.output.index[d]!.key)) return false;
  const inputs = new Inputs(), codes = [a, b].map((t) => { const at = t.inputs.map(inputs.place); return mapScalar(t.code, (e) => (e.kind === "input" ? input(at[e.index]!, e.dtype) : e)); });
  if (codes[0]!.dtype !== codes[1]!.dtype) return false;
  const both = hashCons(op("add", codes[0]!.dtype, ...codes));
  return both.kind === "op" && both.args[0] === both.args[1];
}

function without(list: readonly Node[], doubles: ReadonlySet<Node>): readonly Node[] {
  return list.flatMap((n): Node[] => {
    if (doubles.has(n)) return [];
    const bs = bodiesOf(n);
    return [bs.length === 0 ? n : withBodies(n, bs.map((b) => without(b.list, doubles)))];
  });
}
