/**
 * Splits maps whose nodes want different grids: a sum along a row beside one along a column, maps inside a map. Each part becomes a nest, and a kernel, of its own.
 * Pre: a map of a valid graph. Post: maps that do the same one after the other. Safe because iterations of a map do not depend on one another, so that running all of one
 * node before the next keeps the order within each iteration. Private scalars are computed again in each part that wants them, where nothing in between changes what they are made of, or get
 * an element per iteration; what shares other private containers stays together, and so do, under strict precision, sums into one array.
 */
import { accessesOf, baseOf } from "../../analysis/accesses.js";
import { mayMeet } from "../../analysis/dependence.js";
import { exprsOf, rewriteNodes, visitNodes } from "../../analysis/walk.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Container, Loop, Node, Tasklet } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { freeSymbols, hasLoads, max, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { nonNegative, upperBound } from "../../symbolic/prove.js";
import { unitsIn } from "../work.js";
import { kernelOf } from "./kernel.js";
import { nestOf } from "./nests.js";

/** Units of a map inside another from which it is worth threads of its own. */
const INNER_UNITS = 256;

export interface Surroundings { readonly strict: boolean; readonly facts: Assumptions; /** Loops around, outermost first. */ readonly around: readonly Loop[]; /** Adds a container like the given one. */ readonly container: (like: Container, shape: readonly Expr[]) => { readonly name: string; readonly graph: Graph } }

/** The graph (with what was added to it) and the maps that take the map's place; undefined: it stays one. */
export function separate(graph: Graph, l: Loop, s: Surroundings): { readonly graph: Graph; readonly parts: readonly Loop[] } | undefined {
  const nest = nestOf(l), inner = nest.at(-1)!;
  if (l.order !== "any" || inner.body.length < 2 || nest.some((x) => exprsOf(x).some(hasLoads)) || inner.body.some((n) => n.kind !== "tasklet" && n.kind !== "loop" && n.kind !== "conditional")) return undefined;
  let control = false;
  visitNodes(inner.body, (n) => { if (n.kind === "raise" || n.kind === "exit" || n.kind === "library") control = true; });
  if (control) return undefined;
  const maps = inner.body.some(isLong), whole = signature(graph, l, s);
  // A grid of two dimensions is enough.
  if (maps && whole.dimensions >= 2) return undefined;
  const again = repeatable(graph, nest, s.facts), own = (inner.locals ?? []).filter((x) => !again.has(x));
  let body = inner.body, locals = own;
  if (maps) {
    const grown = expanded(graph, nest, own, s);
    if (grown) ({ graph, body, locals } = grown);
  }
  const rest = body.filter((n) => !(n.kind === "tasklet" && again.has(n.output.data)));
  const groups = joined(graph, rest, locals, s.strict);
  if (groups.length < 2) return undefined;
  const part = (nodes: readonly Node[]): Loop => {
    const wanted = new Set<string>(), use = (list: readonly Node[]): void => { for (const a of accessesOf(graph, list)) if (again.has(a.base) && !wanted.has(a.base)) { wanted.add(a.base); use([again.get(a.base)!]); } };
    use(nodes);
    const mine = locals.filter((x) => accessesOf(graph, nodes).some((a) => a.base === x)), all = [...mine, ...wanted];
    const content = [...inner.body.flatMap((n) => (n.kind === "tasklet" && wanted.has(n.output.data) ? [{ ...n, id: freshId() }] : [])), ...nodes];
    return nest.reduceRight<Loop | undefined>((made, x) => { const { locals: _, ...bare } = x; return made ? { ...bare, id: freshId(), body: [made] } : { ...bare, id: freshId(), body: content, ...(all.length > 0 ? { locals: all } : {}) }; }, undefined)!;
  };
  // Neighbours that want the same grid share it.
  const merged: { nodes: readonly Node[]; loop: Loop; kind: string; flat: boolean }[] = [];
  for (const g of groups) {
    const loop = part(g), kind = signature(graph, loop, s).text, flat = !g.some(isLong), last = merged.at(-1);
    if (last?.flat && flat) {
      const both = [...last.nodes, ...g], together = part(both), joint = signature(graph, together, s).text;
      if ((joint === kind || joint === last.kind) && (joint !== "none" || kind === last.kind)) { merged[merged.length - 1] = { nodes: both, loop: together, kind: joint, flat }; continue; }
    }
    merged.push({ nodes: g, loop, kind, flat });
  }
  if (merged.length < 2 || (!maps && merged.every((m) => signature(graph, m.loop, s).dimensions <= whole.dimensions))) return undefined;
  return { graph, parts: merged.map((m) => m.loop) };
}

function isLong(n: Node): boolean {
  if (n.kind !== "loop" || n.order !== "any") return false;
  const work = unitsIn([n]).constant;
  return work === undefined || work >= INNER_UNITS;
}

/** What kernel a nest makes by itself. */
function signature(graph: Graph, l: Loop, s: Surroundings): { readonly text: string; readonly dimensions: number } {
  const k = kernelOf(graph, l, s.facts, { strict: s.strict, partials: () => "" });
  if (!k) return { text: "none", dimensions: 0 };
  const axes: string[] = [];
  visitNodes([k], (n) => { const a = n.kind === "loop" ? n.schedule?.gpu?.axis : undefined; if (n.kind === "loop" && a) axes.push(`${n.variable}:${a.by}${a.dimension}${a.together ?? 1}`); });
  return { text: `${k.schedule!.gpu!.kernel} ${axes.join()}`, dimensions: axes.length };
}

/** Private scalars that any part of the body can compute for itself, with the tasklets that do: written once, of values that nothing in the iteration changes. */
function repeatable(graph: Graph, nest: readonly Loop[], facts: Assumptions): Map<string, Tasklet> {
  const inner = nest.at(-1)!, accesses = accessesOf(graph, [nest[0]!]), same = new Map(nest.map((l) => [l.variable, "="] as const)), out = new Map<string, Tasklet>();
  for (const name of inner.locals ?? []) {
    if (graph.container(name).shape.length > 0 || graph.container(name).view) continue;
    const writes = accesses.filter((a) => a.write && a.base === name), [w] = writes;
    if (writes.length !== 1 || !w || w.wcr || w.node.kind !== "tasklet" || !inner.body.includes(w.node)) continue;
    const reads = accesses.filter((a) => !a.write && a.node === w.node);
    const changed = reads.some((r) => (inner.locals?.includes(r.base) ? !out.has(r.base) : accesses.some((x) => x.write && x.base === r.base && mayMeet(graph, r, x, same, facts))));
    if (!changed) out.set(name, w.node);
  }
  return out;
}

/** Private scalars as arrays over the nest, where sizes can be told before the run. */
function expanded(graph: Graph, nest: readonly Loop[], own: readonly string[], s: Surroundings): { graph: Graph; body: readonly Node[]; locals: string[] } | undefined {
  const inner = nest.at(-1)!, sizes: Expr[] = [];
  for (const [i, l] of nest.entries()) {
    const bound = upperBound(sub(l.end, l.begin), [...s.around, ...nest.slice(0, i)].map((x) => ({ variable: x.variable, begin: x.begin, end: x.end })), s.facts);
    if (!bound || hasLoads(bound) || [...freeSymbols(bound)].some((v) => !graph.symbols.includes(v))) return undefined;
    sizes.push(nonNegative(bound, graph.facts) === "yes" ? bound : max(bound, ZERO));
  }
  const asIndex = (name: string): boolean => { let found = false; visitNodes(inner.body, (n) => { if (exprsOf(n).some((e) => e.key.includes(`${name}[`))) found = true; }); return found; };
  const scalars = own.filter((x) => graph.container(x).shape.length === 0 && !graph.container(x).view && !asIndex(x));
  if (scalars.length === 0) return undefined;
  let g = graph;
  const names = new Map<string, string>();
  for (const x of scalars) { const made = s.container(graph.container(x), sizes); names.set(x, made.name); g = made.graph; }
  const index = nest.map((l) => sub(sym(l.variable), l.begin));
  return { graph: g, body: rewriteNodes(inner.body, { memlet: (m) => (names.has(m.data) ? { ...m, data: names.get(m.data)!, index } : m) }), locals: own.filter((x) => !names.has(x)) };
}

/** Nodes in groups of neighbours: those from the first to the last use of a private container are one. */
function joined(graph: Graph, body: readonly Node[], locals: readonly string[], strict: boolean): (readonly Node[])[] {
  const keys = body.map((n) => new Set(accessesOf(graph, [n]).flatMap((a) => (locals.includes(a.base) ? [a.base] : strict && a.write && a.wcr ? [`sum ${baseOf(graph, a.data)}`] : []))));
  const last = new Map<string, number>();
  keys.forEach((k, i) => { for (const x of k) last.set(x, i); });
  const out: Node[][] = [];
  let until = -1;
  body.forEach((n, i) => {
    if (i > until) out.push([]);
    out.at(-1)!.push(n);
    for (const x of keys[i]!) until = Math.max(until, last.get(x)!);
  });
  return out;
}
