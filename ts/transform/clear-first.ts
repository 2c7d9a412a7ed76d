/**
 * A transient that every iteration of a loop leaves cleared (a cotangent, cleared after it was read) is cleared when an iteration begins instead: then nothing
 * of it lives from one iteration to the next, its room is free in between, and clearing melts into the first sum: `T = 0; for { T += e; …; T = 0 }` becomes
 * `for { T = e; … }`.
 * Pre: a valid graph. Post: same values. Safe because outside these loops nothing but clearing touches the transient, it is cleared before the first of them,
 * and each iteration ends with clearing it whole; so it is clear when an iteration begins, before and after the change.
 */
import { ownAccesses } from "../analysis/accesses.js";
import { coversContainer, definitionOf } from "../analysis/definition.js";
import { mayLeave } from "../analysis/live.js";
import { effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { rewriteNodes } from "../analysis/walk.js";
import { isConst } from "../scalar/build.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { dropUnused } from "./dead-code.js";
import { sharedOrPrivate } from "./loop-to-map.js";

export function clearFirst(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), cleared = new Map<string, number>();
  const count = (n: Node): void => {
    const data = clears(graph, n);
    if (data !== undefined) cleared.set(data, (cleared.get(data) ?? 0) + 1);
    else for (const b of bodiesOf(n)) b.list.forEach(count);
  };
  graph.body.forEach(count);
  let body = graph.body;
  for (const [data, times] of cleared) if (times > 1 && !fixed.has(data) && !graph.container(data).growable) body = turned(graph, body, data) ?? body;
  return body === graph.body ? graph : dropUnused(graph.with({ body }));
}

/** The container that the node, and nothing else, sets to zero from end to end. */
function clears(graph: Graph, n: Node): string | undefined {
  const d = definitionOf(graph, n);
  if (!d || d.task.wcr || !isConst(d.task.code, 0)) return undefined;
  return coversContainer(graph, d) ? d.task.output.data : undefined;
}

/** The body with the clearing of one transient moved; undefined if not everything is as it has to be. */
function turned(graph: Graph, body: readonly Node[], data: string): readonly Node[] | undefined {
  const touches = (n: Node): boolean => { const e = effectsOf(graph, n); return e.reads.has(data) || e.writes.has(data); };
  const loops = new Set<Node>();
  /** Does every use follow a clearing and stand in a loop that ends its iterations with one? */
  const fits = (list: readonly Node[], clear: boolean): boolean => {
    for (const n of list) {
      if (!touches(n)) continue;
      if (clears(graph, n) === data) { clear = true; continue; }
      const bs = bodiesOf(n).filter((b) => b.list.some(touches));
      if (bs.length === 0 || ownAccesses(graph, n).some((a) => a.base === data)) return false;
      if (n.kind === "loop" && !mayLeave(n)) {
        const users = n.body.filter(touches);
        if (users.length > 1 && clears(graph, users.at(-1)!) === data) {
          if (!clear) return false;
          loops.add(n);
          continue;
        }
      }
      if (!bs.every((b) => fits(b.list, clear))) return false;
    }
    return true;
  };
  if (!fits(body, false) || loops.size === 0) return undefined;
  const first = (l: Loop): Loop => {
    const users = l.body.filter(touches), last = users.at(-1)!;
    return { ...l, body: l.body.flatMap((n) => (n === last ? [] : n === users[0] && clears(graph, n) !== data ? [...rewriteNodes([last], { fresh: true }), n] : [n])) };
  };
  const visit = (list: readonly Node[]): readonly Node[] => list.flatMap((n): Node[] => {
    if (!touches(n)) return [n];
    if (loops.has(n)) return [first(n as Loop)];
    const bs = bodiesOf(n);
    return bs.length === 0 || clears(graph, n) === data ? [] : [withBodies(n, bs.map((b) => visit(b.list)))];
  });
  return visit(body);
}
