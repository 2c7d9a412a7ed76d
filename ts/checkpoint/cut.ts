/**
 * The cheapest set of values to keep: each wanted value must be kept or made from others, those in turn likewise. That is a cut of least weight between
 * what is wanted and what cannot be made, through nodes that have a weight (a maximum flow finds it; of cuts of equal weight, the one nearest to what is wanted).
 */

export interface CutNode {
  /** What keeping it costs. */
  readonly weight: number;
  /** What it is made from; undefined if it cannot be made. */
  readonly from: readonly string[] | undefined;
}

/** Names of the nodes to keep. */
export function cheapestCut(nodes: ReadonlyMap<string, CutNode>, wanted: Iterable<string>): Set<string> {
  const names = [...nodes.keys()], place = new Map(names.map((n, i) => [n, i])), source = 2 * names.length, sink = source + 1;
  const edges: { readonly to: number; room: number }[] = [], out: number[][] = Array.from({ length: sink + 1 }, () => []);
  const edge = (a: number, b: number, room: number): void => { out[a]!.push(edges.length); edges.push({ to: b, room }); out[b]!.push(edges.length); edges.push({ to: a, room: 0 }); };
  for (const [name, n] of nodes) {
    const i = place.get(name)!;
    edge(2 * i, 2 * i + 1, n.weight);
    if (!n.from) edge(2 * i + 1, sink, Infinity); else for (const f of new Set(n.from)) edge(2 * i + 1, 2 * place.get(f)!, Infinity);
  }
  for (const w of new Set(wanted)) edge(source, 2 * place.get(w)!, Infinity);
  for (;;) {
    const by = reach(out, edges, source);
    if (by[sink] === undefined) return new Set(names.filter((_, i) => by[2 * i] !== undefined && by[2 * i + 1] === undefined));
    let room = Infinity;
    for (let at = sink; at !== source; at = edges[by[at]! ^ 1]!.to) room = Math.min(room, edges[by[at]!]!.room);
    for (let at = sink; at !== source;) { const e = by[at]!; edges[e]!.room -= room; edges[e ^ 1]!.room += room; at = edges[e ^ 1]!.to; }
  }
}

/** The edge by which each node is reached first; shortest paths first. */
function reach(out: readonly (readonly number[])[], edges: readonly { readonly to: number; room: number }[], source: number): (number | undefined)[] {
  const by = new Array<number | undefined>(out.length).fill(undefined), queue = [source];
  by[source] = -1;
  for (const at of queue) for (const e of out[at]!) {
    const { to, room } = edges[e]!;
    if (room > 0 && by[to] === undefined) { by[to] = e; queue.push(to); }
  }
  return by;
}
