/**
 * Sums into an element that stays the same over a loop are collected in a private scalar: `for j: … A[i, k] += e(j)` becomes
 * `s = 0; for j: … s += e(j); A[i, k] += s`. The loop then has an accumulator in a register and writes nothing else to A there.
 * Pre: a valid graph. Post: same values up to the order of summation (so not under strict precision: what else the loop holds depends on the plan). Only where the loop also touches A elsewhere (a container that a loop does nothing
 * but sum into gets its accumulator when it is printed). Safe because no other access in the loop can touch the element.
 */
import { dependsOn } from "../symbolic/expr.js";
import { loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { insideShape } from "../analysis/inside.js";
import { effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { isComplex, isFloat } from "../base/dtypes.js";
import { literal } from "../scalar/build.js";
import { input } from "../scalar/expr.js";
import type { Container, Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { mayLeave } from "../analysis/live.js";
import { freshContainer, hasLoads } from "./nests.js";

const NONE: ReadonlyMap<string, Relation> = new Map();

export function accumulate(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers);
  /** Rewrites the loops of a list that stands in a loop (whose locals grow). */
  const visit = (list: readonly Node[], facts: Assumptions, locals: string[] | undefined): readonly Node[] => {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      const bs = bodiesOf(n);
      if (bs.length === 0) return [n];
      if (n.kind !== "loop") {
        const inner = bs.map((b) => visit(b.list, facts, undefined));
        if (inner.every((x, i) => x === bs[i]!.list)) return [n];
        changed = true;
        return [withBodies(n, inner)];
      }
      const own: string[] = [], body = visit(n.body, facts.with(...loopFacts(n)), own);
      let l: Loop = body === n.body ? n : { ...n, body, ...(own.length > 0 ? { locals: [...(n.locals ?? []), ...own] } : {}) };
      const before: Node[] = [], after: Node[] = [];
      if (locals && l.body.every((x) => x.kind === "tasklet") && !mayLeave(l)) {
        for (const t of sums(graph, l, facts)) {
          const c = graph.container(t.output.data), name = freshContainer(containers, `${t.output.data}_sum`);
          containers.set(name, { name, dtype: c.dtype, shape: [], transient: true, ...(c.role ? { role: c.role } : {}) });
          locals.push(name);
          const s = { data: name, index: [] };
          before.push({ kind: "tasklet", id: freshId(), inputs: [], output: s, code: literal(0, c.dtype) });
          after.push({ kind: "tasklet", id: freshId(), inputs: [s], output: t.output, wcr: "sum", code: input(0, c.dtype), ...(t.loc ? { loc: t.loc } : {}) });
          l = { ...l, body: l.body.map((x) => (x === t ? { ...t, output: s } : x)) };
        }
      }
      if (l !== n) changed = true;
      return [...before, l, ...after];
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts, undefined);
  return body === graph.body ? graph : graph.with({ body, containers });
}

function sums(graph: Graph, l: Loop, facts: Assumptions): Tasklet[] {
  const e = effectsOf(graph, l), out: Tasklet[] = [];
  for (const n of l.body) {
    if (n.kind !== "tasklet" || n.wcr !== "sum" || n.output.guard?.length || l.locals?.includes(n.output.data)) continue;
    const dtype = graph.container(n.output.data).dtype;
    if (!isFloat(dtype) && !isComplex(dtype)) continue;
    if (n.output.index.some((x) => dependsOn(x, l.variable) || hasLoads(x))) continue;
    // The sum touches the element even where the loop does not run: it must be there, and the loop's range proves nothing for it.
    if (!insideShape(graph.container(n.output.data).shape, n.output.index, facts)) continue;
    const mine = e.accesses.find((a) => a.node === n && a.write)!;
    const others = e.of(mine.base).filter((a) => a !== mine);
    if (others.length === 0 || others.some((a) => mayMeet(graph, mine, a, NONE, facts))) continue;
    out.push(n);
  }
  return out;
}
