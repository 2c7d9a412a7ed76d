/**
 * When each buffer holds something that is wanted, as a range of positions in program order (the basis of arena packing). A buffer that is overwritten whole before
 * anything else touches it in every iteration of a loop lives only between its uses there; otherwise a loop that uses it keeps it throughout.
 * Everything inside one loop that is shared among threads counts as one position, since its iterations run in no order; loops that fuse into one
 * region keep theirs, because pieces that touch the same container are apart by a barrier, but pieces that do not may overlap: so a region counts as one, too.
 */
import { accessesOf, baseOf, ownAccesses } from "../analysis/accesses.js";
import { bodiesOf } from "../analysis/paths.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import { asSymbol, sub } from "../symbolic/expr.js";

export interface Lifetime { first: number; last: number; reads: boolean; writes: boolean }

export function lifetimes(graph: Graph): Map<string, Lifetime> {
  const positions = new Map<Node, readonly [number, number]>();
  let next = 0;
  const count = (n: Node, frozen: boolean): void => {
    const from = next;
    const still = frozen || (n.kind === "loop" && (n.order === "any" || n.schedule?.region !== undefined || n.schedule?.parallel !== undefined));
    // Of the arms of a conditional one runs: they stand side by side.
    let end = from;
    if (!still) for (const b of bodiesOf(n)) { next = from; for (const x of b.list) { count(x, false); next++; } end = Math.max(end, next); }
    next = end;
    positions.set(n, [from, next]);
  };
  for (const n of graph.body) { count(n, false); next++; }

  const touched = new Map<Node, Map<string, boolean>>();
  const bases = (n: Node): Map<string, boolean> => {
    let m = touched.get(n);
    if (!m) { m = new Map(); for (const a of accessesOf(graph, [n])) m.set(a.base, (m.get(a.base) ?? false) || a.write); touched.set(n, m); }
    return m;
  };

  const out = new Map<string, Lifetime>();
  for (const n of graph.body) for (const a of accessesOf(graph, [n])) {
    const l = out.get(a.base) ?? { first: Infinity, last: -1, reads: false, writes: false };
    if (a.write) l.writes = true; else l.reads = true;
    if (a.wcr) l.reads = true;
    out.set(a.base, l);
  }
  for (const [base, l] of out) {
    const range = within(graph.body, base);
    l.first = range[0]; l.last = range[1];
  }
  return out;

  /** First and last position in a body list, given that nothing outside it uses the buffer. */
  function within(list: readonly Node[], base: string): [number, number] {
    const users = list.filter((n) => bases(n).has(base));
    const [only] = users;
    if (users.length === 1 && positions.get(only!)![0] !== positions.get(only!)![1]) {
      if (only!.kind === "loop" && fresh(graph, only!.body, base, bases)) return within(only!.body, base);
      if (only!.kind === "conditional") {
        const arms = only!.branches.filter((b) => b.body.some((n) => bases(n).has(base)));
        // Nothing passes from an arm to another where all start fresh.
        if (!accessesOfOwn(graph, only!, base) && (arms.length === 1 || arms.every((b) => fresh(graph, b.body, base, bases)))) {
          const ranges = arms.map((b) => within(b.body, base));
          return [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))];
        }
      }
    }
    const all = users.map((n) => positions.get(n)!);
    return [Math.min(...all.map((r) => r[0])), Math.max(...all.map((r) => r[1]))];
  }
}

/** Does nothing that was in the buffer before reach into the list? Yes also where one loop or conditional alone touches it, whose bodies all start fresh. */
export function startsFresh(graph: Graph, list: readonly Node[], base: string): boolean {
  return fresh(graph, list, base, (n) => ({ has: (b) => accessesOf(graph, [n]).some((a) => a.base === b) }));
}
function fresh(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): boolean {
  if (definedFirst(graph, list, base, bases)) return true;
  const users = list.filter((n) => bases(n).has(base)), [only] = users;
  if (users.length !== 1 || accessesOfOwn(graph, only!, base)) return false;
  const bodies = bodiesOf(only!).filter((b) => b.list.some((n) => bases(n).has(base)));
  return (only!.kind === "loop" || only!.kind === "conditional") && bodies.length > 0 && bodies.every((b) => fresh(graph, b.list, base, bases));
}
/** Bounds and conditions. */
function accessesOfOwn(graph: Graph, n: Node, base: string): boolean { return ownAccesses(graph, n).some((a) => a.base === base); }

/** Does the first node of the list that touches the buffer overwrite all of it? */
export function definedFirst(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): boolean {
  const first = list.find((n) => bases(n).has(base));
  if (!first) return false;
  // One of the arms runs, and each of them overwrites it.
  if (first.kind === "conditional") return first.branches.some((b) => !b.condition) && !accessesOfOwn(graph, first, base) && first.branches.every((b) => definedFirst(graph, b.body, base, bases));
  const shape = graph.container(base).shape, loops: Loop[] = [];
  let n: Node = first;
  if (n.kind === "library") {
    const o = n.outputs.filter((x) => baseOf(graph, x.data) === base);
    return !n.accumulate && o.length === 1 && o[0]!.data === base && !n.inputs.some((x) => baseOf(graph, x.data) === base) && !ownAccesses(graph, n).some((a) => a.base === base && !a.write)
      && o[0]!.axes.length === shape.length && new Set(o[0]!.axes).size === shape.length && o[0]!.base.every((e) => e.constant === 0) && o[0]!.axes.every((axis, d) => sub(o[0]!.sizes[d]!, shape[axis]!).constant === 0);
  }
  while (n.kind === "loop") {
    const body: readonly Node[] = n.body, users = body.filter((x) => bases(x).has(base)), writer: Node | undefined = users[0];
    loops.push(n);
    if (!writer) return false;
    // Several nodes in one iteration: the others look at the element that was just written.
    if (body.length > 1) {
      if (writer.kind !== "tasklet") return false;
      const element = writer.output.index.map((e) => e.key).join();
      if (!users.slice(1).every((x) => accessesOf(graph, [x]).every((y) => y.base !== base || (y.data === base && y.extra.length === 0 && y.index.map((e) => e.key).join() === element)))) return false;
    }
    n = writer;
  }
  if (n.kind !== "tasklet" || n.wcr || n.output.guard?.length || n.output.data !== base || n.inputs.some((m) => baseOf(graph, m.data) === base)) return false;
  const free = new Map(loops.map((l) => [l.variable, l]));
  return loops.length === shape.length && n.output.index.every((e, d) => {
    const v = asSymbol(e), l = v === undefined ? undefined : free.get(v);
    if (!l) return false;
    free.delete(v!);
    return l.begin.constant === 0 && sub(l.end, shape[d]!).constant === 0;
  });
}
