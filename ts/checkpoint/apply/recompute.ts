/**
 * Values of the forward sweep that are computed again in the backward sweep: a node of the program's body whose results nothing else writes is run a second time, into
 * containers of its own, before the backward node that wants them, and everything from there on reads those.
 * Pre: a planned graph; `again[t]` lists forward nodes for the backward node t, in order, for which `recomputable` holds and whose inputs are at hand. Post: the same gradients.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { exprsOf, rewriteNodes, visitNodes } from "../../analysis/walk.js";
import { isDifferentiable } from "../../base/dtypes.js";
import { Pool } from "../../autodiff/names.js";
import { constant, mapScalar, type ScalarExpr } from "../../scalar/expr.js";
import { decidingInputs } from "../../scalar/ops.js";
import { loadedContainers } from "../../symbolic/expr.js";
import type { Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Planned } from "./candidates.js";

/** Forward nodes that may run again. `exact`: they would give the same bits. `pinned`: containers that must stay what the first pass made them. */
export function recomputable({ graph, forward }: Planned, exact: boolean, pinned: ReadonlySet<string>): readonly boolean[] {
  const writers = new Map<string, Set<number>>();
  graph.body.forEach((n, i) => { for (const a of accessesOf(graph, [n])) if (a.write) { const s = writers.get(a.base); if (s) s.add(i); else writers.set(a.base, new Set([i])); } });
  const decides = exact ? new Set<string>() : deciding(graph);
  return graph.body.slice(0, forward).map((n, i) => {
    let ok = true, values = 0;
    const written = new Set(accessesOf(graph, [n]).flatMap((a) => (a.write ? [a.base] : [])));
    for (const a of accessesOf(graph, [n])) {
      const c = graph.container(a.base);
      if (a.write) {
        values++;
        // Integers are discrete facts where floats went into them.
        if (!c.transient || c.growable || c.role === "count" || pinned.has(a.base) || decides.has(a.base) || writers.get(a.base)!.size > 1 || (!isDifferentiable(c.dtype) && !exact)) ok = false;
      } else if (!written.has(a.base) && [...writers.get(a.base) ?? []].some((w) => w > i)) ok = false;
    }
    visitNodes([n], (x) => { if (x.kind === "exit" || x.kind === "raise" || x.kind === "block" || x.kind === "while") ok = false; });
    return ok && values > 0;
  });
}

/**
 * Containers that some comparison, rounding or extremum, condition or index looks at: a last bit may decide. Where a value is compared with a constant (a relu, a clip)
 * a bit matters only within an ulp of the kink, where the derivative on either side is one; two values that are compared may be equal by design.
 */
function deciding(graph: Graph): Set<string> {
  const out = new Set<string>();
  const add = (d: string): void => { out.add(graph.container(d).view?.base ?? d); };
  visitNodes(graph.body, (n) => {
    if (n.kind === "tasklet") for (const k of decidingInputs(mapScalar(n.code, withoutKinks))) add(n.inputs[k]!.data);
    else if (n.kind === "conditional") for (const b of n.branches) b.condition?.inputs.forEach((m) => { add(m.data); });
    else if (n.kind === "while") n.condition.inputs.forEach((m) => { add(m.data); });
    else if (n.kind === "library" && n.op !== "matmul") n.inputs.forEach((o) => { add(o.data); });
    for (const e of exprsOf(n)) for (const d of loadedContainers(e)) add(d);
  });
  return out;
}

function withoutKinks(e: ScalarExpr): ScalarExpr {
  if (e.kind !== "op" || !["lt", "le", "gt", "ge", "max", "min"].includes(e.op) || !e.args.some((a) => a.kind === "const")) return e;
  return e.args.every((a) => a.kind === "const" || a.kind === "input") ? constant(0, e.dtype === "bool" ? "int64" : e.dtype) : e;
}

export function recomputeValues({ graph, forward }: Planned, again: readonly (readonly number[])[]): Planned {
  const pool = new Pool(graph.containers), current = new Map<string, string>(), body: Node[] = [...graph.body.slice(0, forward)];
  const name = (d: string): string => current.get(d) ?? d;
  graph.body.slice(forward).forEach((n, t) => {
    for (const v of again[t] ?? []) {
      const node = graph.body[v]!, written = new Set(accessesOf(graph, [node]).flatMap((a) => (a.write ? [a.base] : []))), fresh = new Map<string, string>();
      for (const d of written) { const { name: _, ...fields } = graph.container(d); fresh.set(d, pool.add(`${d}_again`, { ...fields, role: "workspace" })); }
      for (const c of graph.containers.values()) if (c.view && fresh.has(c.view.base)) fresh.set(c.name, pool.add(`${c.name}_again`, { ...c, view: { ...c.view, base: fresh.get(c.view.base)! } }));
      body.push(...rewriteNodes([node], { name: (d) => fresh.get(d) ?? name(d), fresh: true }));
      for (const [from, to] of fresh) current.set(from, to);
    }
    body.push(current.size === 0 ? n : rewriteNodes([n], { name })[0]!);
  });
  return { graph: graph.with({ containers: pool.containers, body }), forward };
}
