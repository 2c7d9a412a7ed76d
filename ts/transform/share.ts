/**
 * An element that several tasklets of one iteration read is loaded once, into a private scalar, where writes to the same container stand between the
 * reads: the C++ compiler cannot see that those do not touch it.
 * Pre: a valid graph. Post: same values. Safe because none of the writes between the first and the last read can touch the element.
 */
import { loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { input } from "../scalar/expr.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { freshContainer, hasLoads, memletKey } from "./nests.js";

const NONE: ReadonlyMap<string, Relation> = new Map();

export function shareLoads(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers);
  const visit = (list: readonly Node[], facts: Assumptions): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      const bs = bodiesOf(n);
      if (bs.length === 0) return n;
      const inner = bs.map((b) => visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : facts));
      let next = inner.every((x, i) => x === bs[i]!.list) ? n : withBodies(n, inner);
      if (next.kind === "loop") next = share(graph, next, containers, facts.with(...loopFacts(next)));
      if (next !== n) changed = true;
      return next;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts);
  return body === graph.body ? graph : graph.with({ body, containers });
}

/** The loop with its repeated loads shared; new scalars go into `containers`. `facts` hold inside. */
export function share(graph: Graph, l: Loop, containers: Map<string, Container>, facts: Assumptions): Loop {
  if (l.body.length < 2 || !l.body.every((n) => n.kind === "tasklet")) return l;
  let body = l.body;
  const locals: string[] = [], own = new Set(l.locals ?? []);
  const uses = new Map<string, { memlet: Memlet; at: number[] }>();
  body.forEach((t, i) => {
    for (const m of t.inputs) {
      if (m.index.length === 0 || own.has(m.data) || m.index.some(hasLoads) || m.guard?.some(hasLoads)) continue;
      const key = memletKey(m), u = uses.get(key);
      if (!u) uses.set(key, { memlet: m, at: [i] }); else if (u.at.at(-1) !== i) u.at.push(i);
    }
  });
  const names = new Map<string, { name: string; first: number; last: number; memlet: Memlet }>();
  for (const [key, { memlet, at }] of uses) {
    const first = at[0]!, last = at.at(-1)!;
    if (first === last) continue;
    const read = effectsOf(graph, body[first]!).accesses.find((a) => !a.write && a.data === memlet.data && a.index.every((e, d) => e.key === memlet.index[d]!.key))!;
    let crossed = false, touched = false;
    for (let i = first; i < last; i++) for (const w of effectsOf(graph, body[i]!).of(read.base)) {
      if (!w.write) continue;
      crossed = true;
      if (mayMeet(graph, w, read, NONE, facts)) touched = true;
    }
    if (!crossed || touched) continue;
    const name = freshContainer(containers, `${memlet.data}_here`), c = graph.container(memlet.data);
    containers.set(name, { name, dtype: c.dtype, shape: [], transient: true, ...(c.role && c.role !== "tape" ? { role: c.role } : {}) });
    locals.push(name);
    names.set(key, { name, first, last, memlet });
  }
  if (names.size === 0) return l;
  body = body.flatMap((t, i): Tasklet[] => {
    const loads: Tasklet[] = [];
    for (const s of names.values()) if (s.first === i) loads.push({ kind: "tasklet", id: freshId(), inputs: [s.memlet], output: { data: s.name, index: [] }, code: input(0, graph.container(s.memlet.data).dtype) });
    const inputs = t.inputs.map((m) => { const s = names.get(memletKey(m)); return s && s.first <= i && i <= s.last ? { data: s.name, index: [] } : m; });
    return [...loads, { ...t, inputs }];
  });
  return { ...l, body, locals: [...(l.locals ?? []), ...locals] };
}
