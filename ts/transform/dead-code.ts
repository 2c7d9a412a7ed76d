/**
 * Removes what nothing needs: writes to transients that no needed node reads, and regions that become empty.
 * Pre: a valid graph. Post: arguments, results and outputs get the same values. What can end the program with an error of the user's stays: raises, exits,
 * indices loaded from data (they are checked where they are used) and while loops (they may not end).
 * Safe because a container's contents matter only through nodes that read it, followed to a fixpoint.
 */
import { baseOf } from "../analysis/accesses.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { loadedBy } from "../analysis/walk.js";
import { isConst } from "../scalar/build.js";
import type { Memlet, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { escaping } from "./loop-to-map.js";

export function removeDeadCode(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const needed = escaping(graph, outputs);
  const base = (d: string): string => baseOf(graph, d);
  const need = (d: string): boolean => { const b = base(d); if (needed.has(b)) return false; needed.add(b); return true; };
  /** Loads at an index, which is checked where it is used; a scalar has none. */
  const checked = (n: Node): boolean => loadedBy(n).some((d) => graph.container(d).shape.length > 0);
  /** Marks what a subtree reads if it is needed; returns whether anything in it is. `grew` is set when the set of needed containers grew. */
  let grew = true;
  const mark = (n: Node): boolean => {
    let used: boolean;
    switch (n.kind) {
      // Adding nothing is nothing.
      case "tasklet": used = !(n.wcr === "sum" && isConst(n.code, 0)) && needed.has(base(n.output.data)) || checked(n); break;
      case "library": used = n.outputs.some((o) => needed.has(base(o.data))) || checked(n); break;
      case "exit": case "raise": case "while": used = true; break;
      // A condition on an element whose index is loaded checks that index.
      case "conditional": used = checked(n); break;
      case "loop": case "block": used = false; break;
    }
    for (const b of bodiesOf(n)) for (const x of b.list) used = mark(x) || used;
    if (!used) return false;
    const reads = [...loadedBy(n)];
    const memlets = (ms: readonly Memlet[]): void => { for (const m of ms) reads.push(m.data); };
    if (n.kind === "tasklet") memlets(n.inputs);
    else if (n.kind === "library") for (const o of n.inputs) reads.push(o.data);
    else if (n.kind === "conditional") for (const b of n.branches) memlets(b.condition?.inputs ?? []);
    else if (n.kind === "while") memlets(n.condition.inputs);
    // A write that stays, for whatever reason, needs the room that its container grows by.
    for (const o of n.kind === "tasklet" ? [n.output] : n.kind === "library" ? n.outputs : []) if (graph.container(base(o.data)).growable) reads.push(o.data);
    for (const d of reads) if (need(d)) grew = true;
    return true;
  };
  while (grew) { grew = false; graph.body.forEach(mark); }

  const sweep = (list: readonly Node[]): readonly Node[] => {
    let changed = false;
    const out: Node[] = [];
    for (const n of list) {
      if (!mark(n)) { changed = true; continue; }
      const bs = bodiesOf(n);
      if (bs.length === 0) { out.push(n); continue; }
      const inner = bs.map((b) => sweep(b.list));
      if (inner.every((x, i) => x === bs[i]!.list)) { out.push(n); continue; }
      changed = true;
      out.push(withBodies(n, inner));
    }
    return changed ? out : list;
  };
  const body = sweep(graph.body);
  return body === graph.body ? graph : dropUnused(graph.with({ body }));
}

/** Forgets transients that nothing mentions any more, in the list of containers and in loops' lists of private ones. */
export function dropUnused(graph: Graph): Graph {
  const used = new Set<string>();
  const scan = (n: Node): void => {
    for (const d of loadedBy(n)) used.add(d);
    if (n.kind === "tasklet") { used.add(n.output.data); for (const m of n.inputs) used.add(m.data); }
    else if (n.kind === "library") for (const o of [...n.inputs, ...n.outputs]) used.add(o.data);
    else if (n.kind === "conditional") for (const b of n.branches) for (const m of b.condition?.inputs ?? []) used.add(m.data);
    else if (n.kind === "while") for (const m of n.condition.inputs) used.add(m.data);
    for (const b of bodiesOf(n)) b.list.forEach(scan);
  };
  graph.body.forEach(scan);
  for (const u of [...used]) used.add(baseOf(graph, u));
  const strip = (list: readonly Node[]): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      const bs = bodiesOf(n), inner = bs.map((b) => strip(b.list));
      let next: Node = inner.every((x, i) => x === bs[i]!.list) ? n : withBodies(n, inner);
      if (next.kind === "loop" && next.locals?.some((x) => !used.has(x))) {
        const { locals, ...rest } = next, kept = locals.filter((x) => used.has(x));
        next = kept.length > 0 ? { ...rest, locals: kept } : rest;
      }
      if (next !== n) changed = true;
      return next;
    });
    return changed ? out : list;
  };
  return graph.with({ body: strip(graph.body), containers: graph.containers });
}
