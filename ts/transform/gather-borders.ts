/**
 * Sums into one array that a nest over its inside and others over its borders make (what a periodic shift leaves behind: `B[i+1] += e(i)` and `B[0] += e(n-1)`) become one
 * nest over all elements, in which each takes what comes to it; the interior, where every border is out of reach, is split off again when loops are scheduled.
 * Pre: a valid graph. Post: same values up to the order of summation. Only for perfect rectangular nests of maps over the same containers. Safe because additions into one
 * element commute, and each nest moves only past what it commutes with.
 */
import { commute } from "../analysis/order.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, dependsOn, sub } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { hasLoads, mapLists, Names } from "./nests.js";
import { gather, reachOf, scatter, type Scatter } from "./scatter-to-gather.js";

const NONE: ReadonlySet<string> = new Set();

export function gatherBorders(graph: Graph): Graph {
  const names = new Names(graph);
  return mapLists(graph, (list, facts) => {
    let current = list;
    for (let at = 0; at < current.length; at++) current = joined(graph, current, at, facts, names) ?? current;
    return current;
  });
}

/** The scatter that a perfect nest of maps (or a tasklet alone) is. */
function nestScatter(graph: Graph, n: Node, at: number): Scatter | undefined {
  const loops: Loop[] = [];
  let x = n;
  for (; x.kind === "loop"; x = x.body[0]!) {
    if (x.order !== "any" || x.body.length !== 1 || x.locals?.length) return undefined;
    loops.push(x);
  }
  if (x.kind !== "tasklet" || x.inputs.some((m) => m.guard?.some(hasLoads))) return undefined;
  const variables = loops.map((l) => l.variable);
  if (loops.some((l) => [l.begin, l.end].some((e) => hasLoads(e) || variables.some((v) => dependsOn(e, v))))) return undefined;
  return scatter(graph, x, at, loops, NONE);
}

/** The list with the nest at the given place joined with those behind it that add to the same array. */
function joined(graph: Graph, list: readonly Node[], at: number, facts: Assumptions, names: Names): readonly Node[] | undefined {
  const first = nestScatter(graph, list[at]!, at);
  if (!first) return undefined;
  const group = [first], passed: Node[] = [];
  for (let q = at + 1; q < list.length; q++) {
    const n = list[q]!, s = nestScatter(graph, n, q);
    if (s && s.node.output.data === first.node.output.data && sameSources(first, s) && passed.every((x) => commute(graph, x, n, facts))) group.push(s); else passed.push(n);
  }
  const main = group.reduce((a, s) => (s.loops.length > a.loops.length ? s : a)), dims = main.by.flatMap((k, d) => (k === undefined ? [] : [d]));
  // What stays in place where the inside does is a border; without one the nests are better off as they are.
  const fits = group.filter((s) => s.by.every((k, d) => (dims.includes(d) ? reachesAsFar(main, s, d, facts) : k === undefined && sub(s.shift[d]!, main.shift[d]!).constant === 0)));
  if (fits.length < 2 || !fits.includes(first) || !fits.some((s) => s.loops.length < main.loops.length)) return undefined;
  const nest = gather([main, ...fits.filter((s) => s !== main)], facts, names), mine = new Set(fits.map((s) => s.at));
  return list.flatMap((n, q) => (q === at ? [nest] : mine.has(q) ? [] : [n]));
}

function sameSources(a: Scatter, b: Scatter): boolean {
  const names = (s: Scatter): string => [...new Set(s.node.inputs.filter((m) => m.index.length > 0).map((m) => m.data))].sort().join();
  return names(a) === names(b);
}

/** Elements beyond what the inside reaches that a nest may have to look at for nothing. */
const BEYOND = 8;
/** Does the scatter reach no further than a few elements beyond what the main one reaches? */
function reachesAsFar(main: Scatter, s: Scatter, d: number, facts: Assumptions): boolean {
  const m = reachOf(main, d), r = reachOf(s, d), near = (x: ReturnType<typeof sub>): boolean => nonNegative(addInt(x, BEYOND), facts) === "yes";
  return near(sub(r.begin, m.begin)) && near(sub(m.end, r.end));
}
