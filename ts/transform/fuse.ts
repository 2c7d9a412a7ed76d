/**
 * Joins loops of the same list that run over the same range and share data, outermost first, then the lists inside.
 * Pre: a valid graph with distinct loop variables. Post: same values (combining writes may combine in another order, `strict` excepted: there the plans of one program, which join what they make
 * again or do not, agree to the last bit); maps stay maps.
 * Safe because the later loop commutes with everything between the two, and because no two iterations that conflict change their order: for maps no two
 * different iterations may meet, for sequential loops none of the second that would now run before one of the first.
 */
import { conflicts, loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { commute, effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { exprsOf, renameLoop } from "../analysis/walk.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { sym } from "../symbolic/expr.js";
import { isEqual } from "../symbolic/prove.js";
import { hasLoads } from "./nests.js";

/** More containers than this in one loop body strain the prefetchers and the registers. */
const MAX_CONTAINERS = 24;

export function fuseLoops(graph: Graph, strict = false): Graph {
  const visit = (list: readonly Node[], facts: Assumptions): readonly Node[] => {
    const joined = fuseList(graph, list, facts, strict);
    let changed = joined !== list;
    const out = joined.map((n): Node => {
      const bs = bodiesOf(n);
      if (bs.length === 0) return n;
      const inner = bs.map((b) => visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : facts));
      if (inner.every((x, i) => x === bs[i]!.list)) return n;
      changed = true;
      return withBodies(n, inner);
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts);
  return body === graph.body ? graph : graph.with({ body });
}

function fuseList(graph: Graph, list: readonly Node[], facts: Assumptions, strict: boolean): readonly Node[] {
  let current = list;
  // A pair is the same after another pair has been joined.
  const commuting = pairwise((a, b) => commute(graph, a, b, facts, strict)), joined = pairwise((a, b) => fuse(graph, a as Loop, b as Loop, facts, strict));
  for (;;) {
    const next = fuseOnce(current, commuting, joined);
    if (!next) return current;
    current = next;
  }
}

function pairwise<T>(f: (a: Node, b: Node) => T): (a: Node, b: Node) => T {
  const known = new Map<Node, Map<Node, T>>();
  return (a, b) => {
    let of = known.get(a);
    if (!of) known.set(a, of = new Map<Node, T>());
    if (!of.has(b)) of.set(b, f(a, b));
    return of.get(b)!;
  };
}

/** Joins one pair: the later loop moves up to the earlier one, or the earlier down to the later. */
function fuseOnce(list: readonly Node[], commuting: (a: Node, b: Node) => boolean, joined: (a: Node, b: Node) => Loop | undefined): readonly Node[] | undefined {
  for (let i = 1; i < list.length; i++) {
    const n = list[i]!;
    if (n.kind !== "loop" || !fusible(n)) continue;
    let up = true;
    for (let c = i - 1; c >= 0; c--) {
      const m = list[c]!;
      if (m.kind === "loop" && fusible(m)) {
        const down = up || list.slice(c + 1, i).every((x) => commuting(m, x));
        const f = down ? joined(m, n) : undefined;
        if (f) return up ? [...list.slice(0, c), f, ...list.slice(c + 1, i), ...list.slice(i + 1)] : [...list.slice(0, c), ...list.slice(c + 1, i), f, ...list.slice(i + 1)];
      }
      up = up && commuting(m, n);
    }
  }
  return undefined;
}

const fusibleCache = new WeakMap<Loop, boolean>();
function fusible(l: Loop): boolean {
  let known = fusibleCache.get(l);
  if (known === undefined) {
    const ok = (n: Node): boolean => n.kind !== "exit" && n.kind !== "raise" && n.kind !== "while" && n.kind !== "block" && n.kind !== "library" && bodiesOf(n).every((b) => b.list.every(ok));
    fusibleCache.set(l, known = !exprsOf(l).some(hasLoads) && ok(l));
  }
  return known;
}

/** The order of the joined loop; undefined where joining would cost parallelism for nothing. */
function commonOrder(a: Loop, b: Loop): Loop["order"] | undefined {
  if (a.order === b.order) return a.order;
  if (a.order !== "any" && b.order !== "any") return undefined;
  // A map joins a sequential loop only if both have maps inside, and where its work is of the same order: the reuse has to pay for the lost parallelism.
  const inner = (l: Loop): boolean => l.body.some((n) => n.kind === "loop" && n.order === "any");
  const [map, sequence] = a.order === "any" ? [a, b] : [b, a];
  return inner(a) && inner(b) && depth(map) >= depth(sequence) ? sequence.order : undefined;
}

/** Loops within one another, at most. */
function depth(n: Node): number {
  const inner = Math.max(0, ...bodiesOf(n).flatMap((b) => b.list.map(depth)));
  return n.kind === "loop" ? inner + 1 : inner;
}

function fuse(graph: Graph, a: Loop, b: Loop, facts: Assumptions, strict: boolean): Loop | undefined {
  if (!fusible(a)) return undefined;
  const order = commonOrder(a, b);
  if (!order || isEqual(a.begin, b.begin, facts) !== "yes" || isEqual(a.end, b.end, facts) !== "yes") return undefined;
  const ea = effectsOf(graph, a), eb = effectsOf(graph, b);
  const touched = new Set([...ea.reads, ...ea.writes]);
  const others = [...new Set([...eb.reads, ...eb.writes])];
  const arrays = (names: Iterable<string>): number => [...names].filter((x) => graph.container(x).shape.length > 0).length;
  if (!others.some((x) => touched.has(x) && graph.container(x).shape.length > 0) || arrays(new Set([...touched, ...others])) > MAX_CONTAINERS) return undefined;
  const moved = renameLoop(b, a.variable, sym(a.variable));
  const em = effectsOf(graph, moved);
  const wrong: Relation[] = order === "any" ? ["<", ">"] : order === "up" ? [">"] : ["<"];
  for (const x of ea.accesses) for (const y of em.of(x.base)) {
    if (!conflicts(x, y, strict)) continue;
    for (const r of wrong) if (mayMeet(graph, x, y, new Map([[a.variable, r]]), facts)) return undefined;
  }
  const locals = [...new Set([...(a.locals ?? []), ...(b.locals ?? [])])];
  return { ...a, id: freshId(), order, body: [...a.body, ...moved.body], ...(locals.length > 0 ? { locals } : {}) };
}
