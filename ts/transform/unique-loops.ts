/**
 * Gives every loop a variable of its own. The backward sweep reuses the names of the loops it reverses, so that saved reads mean the same iteration; once
 * those are resolved the names are in the way of moving loops into one another.
 * Pre: no `saved` reads. Post: same program, all loop variables and while counters distinct.
 */
import { substituteNodes } from "../analysis/walk.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { sym } from "../symbolic/expr.js";

export function uniqueLoops(graph: Graph): Graph {
  const used = new Set<string>(graph.symbols), reserved = new Set<string>(graph.symbols);
  const names = (list: readonly Node[]): void => { for (const n of list) { if (n.kind === "loop") reserved.add(n.variable); if (n.kind === "while") reserved.add(n.counter); for (const b of bodiesOf(n)) names(b.list); } };
  names(graph.body);
  const fresh = (prefix: string): string => {
    let name = prefix;
    for (let i = 2; reserved.has(name); i++) name = `${prefix.replace(/_\d+$/, "")}_${i}`;
    reserved.add(name);
    return name;
  };
  const visit = (list: readonly Node[]): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      let next: Node = n;
      if (next.kind === "loop") {
        if (used.has(next.variable)) { const variable = fresh(next.variable); next = { ...next, variable, body: substituteNodes(next.body, new Map([[next.variable, sym(variable)]])) }; }
        used.add(next.variable);
      } else if (next.kind === "while") {
        if (used.has(next.counter)) { const counter = fresh(next.counter); next = { ...next, counter, body: substituteNodes(next.body, new Map([[next.counter, sym(counter)]])) }; }
        used.add(next.counter);
      }
      const bs = bodiesOf(next), inner = bs.map((b) => visit(b.list));
      if (!inner.every((x, i) => x === bs[i]!.list)) next = withBodies(next, inner);
      if (next !== n) changed = true;
      return next;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body);
  return body === graph.body ? graph : graph.with({ body });
}
