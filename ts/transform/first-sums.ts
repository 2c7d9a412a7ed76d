/**
 * What is cleared and then summed into once is stored: `T = 0; for i: { …; T[i] += e; … }` becomes `for i: { …; T[i] = e; … }`, whatever else stands in the loops.
 * Pre: a valid graph. Post: same values (but for the sign of zeros). Safe because the sum comes to every element that was cleared, once, and to no other, and nothing
 * looks at them in between.
 */
import { definitionApart, definitionOf, instanceOf, nestFacts, type Definition } from "../analysis/definition.js";
import { mayLeave } from "../analysis/live.js";
import { effectsOf } from "../analysis/order.js";
import { mapNodes } from "../analysis/walk.js";
import { isConst } from "../scalar/build.js";
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { hasLoads, mapLists } from "./nests.js";

export function firstSums(graph: Graph): Graph {
  return mapLists(graph, (list, facts) => {
    let current = list;
    for (let p = 0; p < current.length; p++) {
      const next = storedAt(graph, current, p, facts);
      if (next) { current = next; p--; }
    }
    return current;
  });
}

function storedAt(graph: Graph, list: readonly Node[], p: number, facts: Assumptions): readonly Node[] | undefined {
  const cleared = definitionOf(graph, list[p]!);
  if (!cleared || cleared.task.wcr || !isConst(cleared.task.code, 0)) return undefined;
  const { data } = cleared.task.output, q = list.findIndex((n, i) => i > p && (effectsOf(graph, n).reads.has(data) || effectsOf(graph, n).writes.has(data)));
  if (q < 0 || list.slice(p + 1, q + 1).some(mayLeave)) return undefined;
  const touching = effectsOf(graph, list[q]!).of(data), [sum] = touching;
  if (touching.length !== 1 || sum!.wcr !== "sum" || sum!.node.kind !== "tasklet" || sum!.data !== data || sum!.conditional) return undefined;
  const { wcr: _, ...stored } = sum!.node, d = definitionApart(graph, sum!.path, stored);
  if (!d || !covers(cleared, d, facts) || !covers(d, cleared, facts)) return undefined;
  return list.flatMap((n, i) => (i === p ? [] : i === q ? mapNodes([n], (x) => (x === sum!.node ? stored : x)) : [n]));
}

/** Does the one write every element that the other does? */
function covers(a: Definition, b: Definition, facts: Assumptions): boolean {
  return instanceOf(a, b.task.output.index, facts.with(...nestFacts(b.loops).filter((e) => !hasLoads(e)))) !== undefined;
}
