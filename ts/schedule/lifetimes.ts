/**
 * When each buffer holds something that is wanted, as a range of positions in program order (the basis of arena packing). A buffer that is overwritten whole before
 * anything else touches it in every iteration of a loop lives only between its uses there; otherwise a loop that uses it keeps it throughout.
 * Everything inside one loop that is shared among threads counts as one position, since its iterations run in no order; loops that fuse into one
 * region keep theirs, because pieces that touch the same container are apart by a barrier, but pieces that do not may overlap: so a region counts as one, too.
 */
import { accessesOf } from "../analysis/accesses.js";
import { fresh, readsItself } from "../analysis/fresh.js";
import { bodiesOf } from "../analysis/paths.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Node } from "../sdfg/nodes.js";

export interface Lifetime { first: number; last: number; reads: boolean; writes: boolean }

export function lifetimes(graph: Graph): Map<string, Lifetime> {
  const positions = new Map<Node, readonly [number, number]>();
  let next = 0;
  const count = (n: Node, frozen: boolean): void => {
    const from = next;
    const still = frozen || (n.kind === "loop" && (n.order === "any" || n.schedule?.region !== undefined || n.schedule?.parallel !== undefined));
    // Of the arms of a conditional one runs: side by side they stand well for buffers that several of them use, one after the other for buffers that each has of its own.
    let end = from;
    const beside = n.kind === "conditional" && shareBuffers(graph, n);
    if (!still) for (const b of bodiesOf(n)) { if (beside) next = from; for (const x of b.list) { count(x, false); next++; } end = Math.max(end, next); }
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
        if (!readsItself(graph, only!, base) && (arms.length === 1 || arms.every((b) => fresh(graph, b.body, base, bases)))) {
          const ranges = arms.map((b) => within(b.body, base));
          return [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))];
        }
      }
    }
    const all = users.map((n) => positions.get(n)!);
    return [Math.min(...all.map((r) => r[0])), Math.max(...all.map((r) => r[1]))];
  }
}

/** Do more buffers occur in several arms than in one? */
function shareBuffers(graph: Graph, n: Node): boolean {
  const arms = new Map<string, number>();
  for (const b of bodiesOf(n)) for (const base of new Set(accessesOf(graph, b.list).map((a) => a.base))) { const { transient, shape } = graph.container(base); if (transient && shape.length > 0) arms.set(base, (arms.get(base) ?? 0) + 1); }
  const several = [...arms.values()].filter((k) => k > 1).length;
  return several > arms.size - several;
}
