/**
 * The value that a sequential innermost loop carries from one iteration to the next through memory, `x[i-1]` of `x[i] = …`, so that it can stay in a register.
 * Found only where it is certain: the element read was written by the iteration before, by a tasklet that always runs, and nothing else in the loop writes it.
 */
import { accessesOf } from "../analysis/accesses.js";
import { localsOf, loopFacts, mayMeet } from "../analysis/dependence.js";
import { elementKey } from "../schedule/reductions.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Memlet, Tasklet } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, substitute, sym } from "../symbolic/expr.js";

export interface Carried { readonly read: Memlet; readonly writer: Tasklet; /** The element read in the first iteration. */ readonly first: Memlet }

export function carriedValue(graph: Graph, l: Loop, facts: Assumptions): Carried | undefined {
  if (l.order === "any" || l.schedule?.interior || !l.body.every((n) => n.kind === "tasklet")) return undefined;
  const body = l.body, accesses = accessesOf(graph, [l]), locals = localsOf([l]), known = facts.with(...loopFacts(l));
  const previous = new Map([[l.variable, addInt(sym(l.variable), l.order === "up" ? -1 : 1)]]);
  const start = new Map([[l.variable, l.order === "up" ? l.begin : addInt(l.end, -1)]]);
  if (accesses.some((a) => a.index.some((e) => e.key.includes("[")))) return undefined;
  for (const writer of body) {
    if (graph.container(writer.output.data).shape.length === 0 || locals.has(writer.output.data)) continue;
    const key = elementKey({ data: writer.output.data, index: writer.output.index.map((e) => substitute(e, previous)) });
    // An element that stays is not carried; only in a loop that never runs could it look so.
    if (key === elementKey(writer.output)) continue;
    for (const t of body) for (const read of t.inputs) {
      if (read.guard?.length || elementKey(read) !== key) continue;
      const access = accesses.find((a) => !a.write && elementKey(a) === key)!;
      const own = accesses.find((a) => a.write && a.node === writer)!;
      if (mayMeet(graph, access, own, new Map([[l.variable, "="]]), known)) continue;
      const others = accesses.filter((a) => a.write && a.base === access.base && a.node !== writer);
      if (others.some((w) => mayMeet(graph, access, w, new Map(), known))) continue;
      return { read, writer, first: { data: read.data, index: read.index.map((e) => substitute(e, start)) } };
    }
  }
  return undefined;
}
