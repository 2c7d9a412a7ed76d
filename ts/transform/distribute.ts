/**
 * Splits maps with several nodes in their body into one map per node, so that perfect nests arise (fusion joins again what should be together).
 * Pre: a valid graph. Post: same values. Safe because the iterations of a map do not depend on one another: running all of one node before the
 * next keeps the order within each iteration. Private scalars get an element per iteration first (fusion and contraction make them scalars again); nodes that
 * share another private container stay together.
 */
import { accessesOf } from "../analysis/accesses.js";
import { exprsOf, renameLoop, rewriteNodes } from "../analysis/walk.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import type { Container, Loop, Node } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import { dependsOn, max, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { freshContainer, hasLoads, Names } from "./nests.js";

export function distribute(graph: Graph): Graph {
  const expanded = expandScalars(graph), names = new Names(expanded);
  const visit = (list: readonly Node[]): readonly Node[] => {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      const bs = bodiesOf(n), inner = bs.map((b) => visit(b.list));
      const next = inner.every((x, i) => x === bs[i]!.list) ? n : withBodies(n, inner);
      const parts = next.kind === "loop" && splittable(next) ? split(expanded, next, names) : [next];
      if (parts.length > 1 || parts[0] !== n) changed = true;
      return parts;
    });
    return changed ? out : list;
  };
  const body = visit(expanded.body);
  return body === graph.body ? graph : expanded.with({ body });
}

function splittable(l: Loop): boolean {
  return l.order === "any" && l.body.length > 1 && l.body.some((x) => x.kind === "loop")
    // A loaded bound may change between the copies of the loop.
    && !exprsOf(l).some(hasLoads) && !l.body.some((n) => n.kind === "exit" || n.kind === "raise" || n.kind === "block" || n.kind === "while");
}

/** Private scalars of the maps that will be split: an array over the map and all maps around it, whose iterations may run at once. */
function expandScalars(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers);
  const visit = (list: readonly Node[], around: readonly Loop[]): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      if (n.kind !== "loop") {
        const bs = bodiesOf(n), inner = bs.map((b) => visit(b.list, around));
        if (inner.every((x, i) => x === bs[i]!.list)) return n;
        changed = true;
        return withBodies(n, inner);
      }
      const maps = n.order === "any" ? [...around, n] : around;
      const body = visit(n.body, maps);
      let l: Loop = body === n.body ? n : { ...n, body };
      const scalars = (n.locals ?? []).filter((x) => graph.container(x).shape.length === 0 && splittable(n));
      // Bounds of inner maps may move with outer ones: then a rectangle would have to be made.
      if (scalars.length > 0 && !maps.some((m) => maps.some((o) => dependsOn(m.begin, o.variable) || dependsOn(m.end, o.variable))) && !usedAsIndex(n, scalars)) {
        const index = maps.map((m) => sub(sym(m.variable), m.begin)), size = (m: Loop): Expr => { const d = sub(m.end, m.begin); return nonNegative(d, graph.facts) === "yes" ? d : max(d, ZERO); };
        const bound = maps.flatMap((m) => [m.begin, m.end]);
        if (!bound.some((e) => hasLoads(e)) && bound.every((e) => freeOf(graph, e))) {
          const names = new Map(scalars.map((x) => {
            const name = freshContainer(containers, x);
            containers.set(name, { ...containers.get(x)!, name, shape: maps.map(size) });
            return [x, name];
          }));
          const rest = (l.locals ?? []).filter((x) => !names.has(x));
          const { locals: _, ...bare } = l;
          l = { ...bare, ...(rest.length > 0 ? { locals: rest } : {}), body: rewriteNodes(l.body, { memlet: (m) => (names.has(m.data) ? { ...m, data: names.get(m.data)!, index } : m) }) };
        }
      }
      if (l !== n) changed = true;
      return l;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, []);
  return body === graph.body ? graph : graph.with({ body, containers });
}

/** Sizes only: the array is allocated once per call. */
function freeOf(graph: Graph, e: Expr): boolean {
  return e.terms.every((t) => t.atoms.every((a) => (a.kind === "symbol" ? graph.symbols.includes(a.name) : a.kind !== "load" && ("args" in a ? a.args : "a" in a ? [a.a, a.b] : []).every((x) => freeOf(graph, x)))));
}
function usedAsIndex(l: Loop, scalars: readonly string[]): boolean {
  let found = false;
  const scan = (n: Node): void => { for (const e of exprsOf(n)) if (scalars.some((s) => e.key.includes(`${s}[`))) found = true; for (const b of bodiesOf(n)) b.list.forEach(scan); };
  l.body.forEach(scan);
  return found;
}

function split(graph: Graph, l: Loop, names: Names): readonly Node[] {
  const locals = new Set(l.locals ?? []);
  const last = new Map<string, number>();
  l.body.forEach((n, i) => { for (const a of accessesOf(graph, [n])) if (locals.has(a.base)) last.set(a.base, i); });
  const parts: Loop[] = [];
  for (let i = 0; i < l.body.length;) {
    let end = i;
    const mine = new Set<string>();
    for (let k = i; k <= end; k++) for (const a of accessesOf(graph, [l.body[k]!])) if (locals.has(a.base)) { mine.add(a.base); end = Math.max(end, last.get(a.base)!); }
    // Tasklets that follow one another stay together.
    while (end + 1 < l.body.length && l.body.slice(i, end + 1).every((n) => n.kind === "tasklet") && l.body[end + 1]!.kind === "tasklet" && !accessesOf(graph, [l.body[end + 1]!]).some((a) => locals.has(a.base))) end++;
    const { locals: _, ...rest } = l;
    const part: Loop = { ...rest, id: freshId(), body: l.body.slice(i, end + 1), ...(mine.size > 0 ? { locals: [...mine] } : {}) };
    const variable = parts.length === 0 ? l.variable : names.fresh(l.variable);
    parts.push(renameLoop(part, variable, sym(variable)));
    i = end + 1;
  }
  return parts;
}
