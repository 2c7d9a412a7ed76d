/**
 * Moves stores of constants down their list, past everything that does not touch the elements: the backward sweep clears a cotangent right after
 * reading it, and the store would stand between the reading and the use of what was read.
 * Pre: a valid graph. Post: same values. Safe because the store commutes with every node that it passes.
 */
import { mayLeave } from "../analysis/live.js";
import { commute } from "../analysis/order.js";
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { mapLists } from "./nests.js";

export function sinkConstants(graph: Graph): Graph {
  return mapLists(graph, (list, facts) => {
    if (list.length < 2 || !list.some(isStore)) return list;
    const out = [...list];
    let moved = false;
    for (let i = out.length - 2; i >= 0; i--) {
      const n = out[i]!;
      if (!isStore(n)) continue;
      let to = i;
      while (to + 1 < out.length && !isStore(out[to + 1]!) && !mayLeave(out[to + 1]!) && commute(graph, n, out[to + 1]!, facts)) to++;
      if (to === i) continue;
      out.splice(i, 1);
      out.splice(to, 0, n);
      moved = true;
    }
    return moved ? out : list;
  });
}

/** A tasklet, alone or in a perfect nest of maps, that stores a constant. */
function isStore(n: Node): boolean {
  let x = n;
  while (x.kind === "loop" && x.order === "any" && x.body.length === 1) x = x.body[0]!;
  return x.kind === "tasklet" && !x.wcr && x.code.kind === "const";
}
