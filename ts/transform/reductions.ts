/**
 * Recognises `s = s + e` as a combining write `s sum= e` (also s - e, s * e, min, max).
 * Pre: a valid graph. Post: the same values up to the order of combination within one element.
 * Safe because the element read is the very one written (equal index expressions, evaluated together), once, and combining reads it in the same way.
 * Minima and maxima only where the element stays the same over a whole loop: elementwise ones keep their own rule for ties.
 */
import { loopsOf, type Path, visitPaths } from "../analysis/paths.js";
import { mapNodes } from "../analysis/walk.js";
import { isFloat, isInteger } from "../base/dtypes.js";
import { input, inputsOf, mapScalar, op, type ScalarExpr } from "../scalar/expr.js";
import type { Memlet, Tasklet, Wcr } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { dependsOn } from "../symbolic/expr.js";

export function recogniseReductions(graph: Graph): Graph {
  const changed = new Map<number, Tasklet>();
  visitPaths(graph.body, (n, path) => {
    if (n.kind !== "tasklet") return;
    const t = reduction(graph, n, path);
    if (t) changed.set(n.id, t);
  });
  if (changed.size === 0) return graph;
  return graph.with({ body: mapNodes(graph.body, (n) => changed.get(n.id) ?? n) });
}

const same = (a: Memlet, b: Memlet): boolean => a.data === b.data && !a.guard?.length && !a.saved && a.index.every((e, d) => e.key === b.index[d]!.key);

function reduction(graph: Graph, t: Tasklet, path: Path): Tasklet | undefined {
  if (t.wcr || t.output.guard || t.code.kind !== "op") return undefined;
  const dtype = graph.container(t.output.data).dtype;
  if (t.code.dtype !== dtype || !(isFloat(dtype) || isInteger(dtype) || dtype.startsWith("complex"))) return undefined;
  const own = t.inputs.findIndex((m) => same(m, t.output));
  if (own < 0 || t.inputs.filter((m) => same(m, t.output)).length !== 1) return undefined;
  const found = split(t.code, own);
  if (!found || inputsOf(found.rest).has(own)) return undefined;
  if (found.wcr === "min" || found.wcr === "max") {
    if (!isFloat(dtype) && !isInteger(dtype)) return undefined;
    const inner = path.at(-2)?.node;
    if (inner?.kind !== "loop" || inner.body.length !== 1 || t.output.index.some((e) => dependsOn(e, inner.variable))) return undefined;
  }
  if (found.wcr === "prod" && !loopsOf(path).some((l) => !t.output.index.some((e) => dependsOn(e, l.variable)))) return undefined;
  const inputs = t.inputs.filter((_, i) => i !== own);
  const code = mapScalar(found.rest, (e) => (e.kind === "input" && e.index > own ? input(e.index - 1, e.dtype) : e));
  return { ...t, inputs, code, wcr: found.wcr };
}

const COMBINE: Partial<Record<string, Wcr>> = { add: "sum", mul: "prod", min: "min", max: "max" };

/** e = own (op) rest, looking through chains of additions. */
function split(e: ScalarExpr, own: number): { readonly rest: ScalarExpr; readonly wcr: Wcr } | undefined {
  if (e.kind !== "op") return undefined;
  const isOwn = (x: ScalarExpr): boolean => x.kind === "input" && x.index === own;
  const [a, b] = e.args;
  if (!a || !b) return undefined;
  const wcr = COMBINE[e.op];
  if (wcr && isOwn(a)) return { rest: b, wcr };
  if (wcr && isOwn(b)) return { rest: a, wcr };
  if (e.op === "sub" && isOwn(a)) return { rest: op("neg", e.dtype, b), wcr: "sum" };
  // (own + x) ± y; floats are reassociated, which a combining write allows.
  if ((e.op === "add" || e.op === "sub") && a.dtype === e.dtype && inputsOf(a).has(own)) {
    const inner = split(a, own);
    if (inner?.wcr === "sum") return { rest: op(e.op, e.dtype, inner.rest, b), wcr: "sum" };
  }
  return undefined;
}
