/**
 * Values of the forward sweep that are computed again in the backward sweep: a node of the program's body whose results nothing else writes is run a second time, into
 * containers of its own, before the backward node that wants them, and everything from there on reads those.
 * Pre: a planned graph; `again[t]` lists forward nodes for the backward node t, in order, for which `recomputable` holds and whose inputs are at hand; `moved` values for which `offloadable` holds. Post: the same gradients.
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
import { Mover, type Moved } from "./offload.js";

/** The containers of the forward sweep, by the step at which they have their value: that of the last node that writes them. */
export interface Values {
  /** Transient container → step. */
  readonly owner: ReadonlyMap<string, number>;
  /** Per step: the nodes that give the step's containers their values, in order; empty where the step owns nothing. */
  readonly makers: readonly (readonly number[])[];
}

/** Nodes that write one container one after the other, nobody looking in between, make one value. Any other container belongs to the first node that touches it. */
export function valuesOf({ graph, forward }: Planned): Values {
  const touched = new Map<string, { readonly at: number; readonly write: boolean }[]>();
  graph.body.slice(0, forward).forEach((n, i) => {
    const mine = new Map<string, boolean>();
    for (const a of accessesOf(graph, [n])) mine.set(a.base, (mine.get(a.base) ?? false) || a.write);
    for (const [d, write] of mine) { const l = touched.get(d); if (l) l.push({ at: i, write }); else touched.set(d, [{ at: i, write }]); }
  });
  const owner = new Map<string, number>(), makers: number[][] = Array.from({ length: forward }, () => []);
  // Nodes that write into one value belong together with all that they write.
  const group = makers.map((_, i) => i), root = (i: number): number => (group[i] === i ? i : root(group[i]!));
  const made: [string, number[]][] = [];
  for (const [d, list] of touched) {
    if (!graph.container(d).transient) continue;
    const last = list.findLastIndex((x) => x.write), writers = list.slice(0, last + 1);
    if (last < 0 || !writers.every((x) => x.write)) { owner.set(d, list[0]!.at); continue; }
    made.push([d, writers.map((x) => x.at)]);
    for (const x of writers) { const a = root(x.at), b = root(writers[0]!.at); if (a !== b) group[Math.min(a, b)] = Math.max(a, b); }
  }
  for (const [d, writers] of made) owner.set(d, root(writers[0]!));
  group.forEach((_, i) => { makers[root(i)]!.push(i); });
  return { owner, makers };
}

/** Steps whose makers may run again. `exact`: they would give the same bits. `pinned`: containers that must stay what the first pass made them. */
export function recomputable({ graph, forward }: Planned, { owner, makers }: Values, exact: boolean, pinned: ReadonlySet<string>): readonly boolean[] {
  const lastWrite = new Map<string, number>();
  graph.body.forEach((n, i) => { for (const a of accessesOf(graph, [n])) if (a.write) lastWrite.set(a.base, i); });
  const decides = exact ? new Set<string>() : deciding(graph);
  return makers.map((nodes, step) => {
    let ok = nodes.length > 0, values = 0;
    const accesses = nodes.flatMap((i) => accessesOf(graph, [graph.body[i]!])), written = new Set(accesses.flatMap((a) => (a.write ? [a.base] : [])));
    for (const a of accesses) {
      const c = graph.container(a.base);
      if (a.write) {
        values++;
        // Integers are discrete facts where floats went into them.
        if (!c.transient || c.growable || c.role === "count" || c.role === "snapshot" || owner.get(a.base) !== step || pinned.has(a.base) || decides.has(a.base) || lastWrite.get(a.base)! > step || (!isDifferentiable(c.dtype) && !exact)) ok = false;
      } else if (!written.has(a.base) && (lastWrite.get(a.base) ?? -1) > nodes[0]!) ok = false;
    }
    // What a maker reads of its own value it must have made before.
    const first = new Set<string>();
    for (const a of accesses) if (written.has(a.base) && !first.has(a.base)) { first.add(a.base); if (!a.write || a.wcr) ok = false; }
    for (const i of nodes) visitNodes([graph.body[i]!], (x) => { if (x.kind === "exit" || x.kind === "raise" || x.kind === "block" || x.kind === "while") ok = false; });
    return ok && values > 0 && step < forward;
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

export function recomputeValues(planned: Planned, again: readonly (readonly number[])[], moved: readonly Moved[] = []): Planned {
  const { graph, forward } = planned, values = valuesOf(planned), { makers } = values;
  const pool = new Pool(graph.containers), current = new Map<string, string>(), body: Node[] = [];
  const name = (d: string): string => current.get(d) ?? d, mover = new Mover(planned, values, pool, moved);
  graph.body.slice(0, forward).forEach((n, i) => { body.push(...mover.before(i), n, ...mover.after(i)); });
  body.push(...mover.before(forward));
  const passed = body.length;
  graph.body.slice(forward).forEach((n, t) => {
    if (t > 0) body.push(...mover.before(forward + t));
    for (const [nodes, fresh] of mover.fetched(t)) { body.push(...nodes); for (const [from, to] of fresh) current.set(from, to); }
    for (const v of again[t] ?? []) {
      const nodes = makers[v]!.map((i) => graph.body[i]!), fresh = new Map<string, string>();
      for (const d of new Set(accessesOf(graph, nodes).flatMap((a) => (a.write ? [a.base] : [])))) { const { name: _, ...fields } = graph.container(d); fresh.set(d, pool.add(`${d}_again`, { ...fields, role: "workspace" })); }
      for (const c of graph.containers.values()) if (c.view && fresh.has(c.view.base)) fresh.set(c.name, pool.add(`${c.name}_again`, { ...c, view: { ...c.view, base: fresh.get(c.view.base)! } }));
      body.push(...rewriteNodes(nodes, { name: (d) => fresh.get(d) ?? name(d), fresh: true }));
      for (const [from, to] of fresh) current.set(from, to);
    }
    body.push(current.size === 0 ? n : rewriteNodes([n], { name })[0]!, ...mover.after(forward + t));
  });
  return { graph: graph.with({ containers: pool.containers, body }), forward: passed };
}
