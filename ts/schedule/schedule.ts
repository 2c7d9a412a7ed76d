/** Decides how loops are carried out: which are shared among threads, and from what amount of work on. */
import { workOf } from "../analysis/cost.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import { affine, dependsOn } from "../symbolic/expr.js";

export function schedule(graph: Graph): Graph {
  const visit = (list: readonly Node[]): readonly Node[] => list.map((n): Node => {
    if (n.kind === "loop" && n.order === "any" && isShareable(graph, n)) return { ...n, schedule: { parallel: true, region: { work: workOf([n]) } } };
    return withBodies(n, bodiesOf(n).map((b) => visit(b.list)));
  });
  return graph.with({ body: visit(graph.body) });
}

/**
 * May different threads run different iterations? Plain writes of a map are distinct by definition; a combining write must move with the loop's
 * variable so that no two iterations meet; scalars of the program must not be written inside.
 */
function isShareable(graph: Graph, l: Loop): boolean {
  const locals = new Set<string>();
  let ok = true;
  const scan = (n: Node): void => {
    if (n.kind === "loop") for (const x of n.locals ?? []) locals.add(x);
    if (n.kind === "exit" || n.kind === "raise" || n.kind === "while" || n.kind === "library") ok = false;
    if (n.kind === "tasklet" && !locals.has(n.output.data)) {
      const c = graph.container(n.output.data);
      if (c.shape.length === 0) ok = false;
      const moves = n.output.index.some((e) => {
        const others = innerVariables(l).filter((v) => dependsOn(e, v));
        const k = affine(e, new Set([l.variable]))?.coefficients.get(l.variable)?.constant;
        return others.length === 0 && k !== undefined && k !== 0;
      });
      if (!moves) ok = false;
      const indices = [...n.inputs.flatMap((m) => m.index), ...n.output.index];
      if (indices.some((e) => e.key.includes("["))) ok = false;
    }
    for (const b of bodiesOf(n)) b.list.forEach(scan);
  };
  scan(l);
  // Buffers that are private to an iteration exist once: such loops stay on one thread.
  for (const x of locals) if (graph.container(x).shape.length > 0) ok = false;
  return ok;
}

function innerVariables(l: Loop): string[] {
  const out: string[] = [];
  const scan = (n: Node): void => { if (n.kind === "loop") out.push(n.variable); for (const b of bodiesOf(n)) b.list.forEach(scan); };
  l.body.forEach(scan);
  return out;
}
