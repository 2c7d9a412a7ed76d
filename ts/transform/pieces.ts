/**
 * Arrays that are put together from slices of others (np.roll, concatenate) are read where the slices came from: `T[0] = S[n-1]; T[i+1] = S[i]; … T[x] …` becomes
 * `… x >= 1 ? S[x-1] : S[n-1] …`; where loops are scheduled the interior is set apart, in which one of the slices is meant. Where `S` is overwritten before the reading ends, as by
 * `u = f(u, roll(u), …)` in place, a copy of it is read: one that the program makes anyway (a tape's row), or one of our own if it replaces at least two arrays.
 * Pre: a valid graph. Post: same values. Safe because the slices are disjoint and cover the array, nothing else writes it or sees it outside its list, and nothing writes what is
 * read between the making of the slice (of the copy) and the reading.
 */
import type { Access } from "../analysis/accesses.js";
import { definitionOf, type Definition } from "../analysis/definition.js";
import { loopFacts } from "../analysis/dependence.js";
import { definingParts } from "../analysis/fresh.js";
import { instanceWhere } from "../analysis/instance.js";
import { mayLeave } from "../analysis/live.js";
import { effectsOf } from "../analysis/order.js";
import { exprsOf, mapNodes } from "../analysis/walk.js";
import { allNonNegative } from "../scalar/build.js";
import { input, mapScalar, select, type ScalarExpr } from "../scalar/expr.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { asSymbol, dependsOn, loadedContainers, sub, substitute, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { dropUnused } from "./dead-code.js";
import { sharedOrPrivate } from "./loop-to-map.js";
import { freshContainer, hasLoads, Inputs, mapLists, Names } from "./nests.js";

const MAX_INPUTS = 24;

/** One array put together: its slices by place in the list, and the reads of it. */
interface Assembled { readonly data: string; readonly parts: readonly { readonly at: number; readonly d: Definition }[]; readonly reads: readonly { readonly at: number; readonly access: Access }[] }

export function forwardPieces(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), counts = new Map<string, number>(), containers = new Map<string, Container>(graph.containers), names = new Names(graph);
  // Copies that are made appear in the graph at once: lists further out hold nodes that read them.
  const work = graph.with({ containers });
  const tally = (nodes: readonly Node[], by: 1 | -1): void => { for (const n of nodes) for (const x of effectsOf(work, n).accesses) counts.set(x.base, (counts.get(x.base) ?? 0) + by); };
  tally(graph.body, 1);
  const result = mapLists(work, (list, facts) => {
    for (let current = list; ;) {
      if (current.length < 3) return current;
      const found = assembledIn(work, current, fixed, counts);
      // What others are made up of comes after them.
      const inner = new Set(found.flatMap((t) => t.parts.map((p) => p.d.task.inputs[0]!.data))), outer = found.filter((t) => !inner.has(t.data));
      const next = outer.length > 0 ? new Pieces(work, current, facts, containers, names).replace(outer) : current;
      if (next === current) return current;
      tally(current, -1);
      tally(next, 1);
      current = next;
    }
  });
  return result === work ? graph : dropUnused(result);
}

/** Arrays that slices of others make up, and that nothing outside the list sees. */
function assembledIn(graph: Graph, list: readonly Node[], fixed: ReadonlySet<string>, counts: ReadonlyMap<string, number>): Assembled[] {
  const out: Assembled[] = [], seen = new Set<string>();
  for (const n of list) {
    const d = sliceOf(graph, n), data = d?.task.output.data;
    if (data === undefined || seen.has(data)) continue;
    seen.add(data);
    const c = graph.container(data);
    if (fixed.has(data) || !c.transient || c.role === "tape" || c.growable || c.shape.length === 0) continue;
    const touching = list.flatMap((x, at) => { const accesses = effectsOf(graph, x).of(data); return accesses.length > 0 ? [{ at, accesses }] : []; });
    if (touching.reduce((s, x) => s + x.accesses.length, 0) !== counts.get(data)) continue;
    const defined = definingParts(graph, list, data, (x) => ({ has: () => { const e = effectsOf(graph, x); return e.reads.has(data) || e.writes.has(data); } }));
    if (!defined?.once || defined.tasks.length < 2) continue;
    const parts = touching.slice(0, defined.tasks.length).map(({ at }) => ({ at, d: sliceOf(graph, list[at]!) })), reads = touching.slice(parts.length).flatMap(({ at, accesses }) => accesses.map((access) => ({ at, access })));
    if (reads.length === 0 || !parts.every((p): p is Assembled["parts"][number] => p.d !== undefined) || !reads.every(({ access: a }) => isElementwise(a))) continue;
    out.push({ data, parts, reads });
  }
  return out;
}

/** A nest that does nothing but move elements of another container of the type. */
function sliceOf(graph: Graph, n: Node): Definition | undefined {
  const d = definitionOf(graph, n);
  if (!d || d.task.wcr || d.task.code.kind !== "input" || d.task.inputs.length !== 1) return undefined;
  const [from] = d.task.inputs, c = graph.container(from!.data);
  return from!.saved || from!.guard?.length || c.view || c.growable || from!.data === d.task.output.data || c.dtype !== graph.container(d.task.output.data).dtype || from!.index.some(hasLoads) ? undefined : d;
}

/** A read by a tasklet, of an element that moves with every loop around: otherwise each element would be looked for again and again. */
function isElementwise(a: Access): boolean {
  if (a.write || a.node.kind !== "tasklet" || a.extra.length > 0 || a.guard.some(hasLoads) || a.node.inputs.some((m) => m.data === a.data && (m.saved || m.index.some(hasLoads))) || exprsOf(a.node).some((e) => loadedContainers(e).has(a.data))) return false;
  return a.path.slice(0, -1).every(({ node: n }) => n.kind === "conditional" || (n.kind === "loop" && !hasLoads(n.begin) && !hasLoads(n.end) && a.index.some((e) => dependsOn(e, n.variable))));
}

/** Containers that are read in a copy, as what becomes of an index. */
type Copies = ReadonlyMap<string, (index: readonly Expr[]) => Memlet>;

class Pieces {
  /** What is put in before a place of the list. */
  readonly #before = new Map<number, Node[]>();
  constructor(readonly graph: Graph, readonly list: readonly Node[], readonly facts: Assumptions, readonly containers: Map<string, Container>, readonly names: Names) {}

  replace(all: readonly Assembled[]): readonly Node[] {
    const sources = new Map<Assembled, Copies>(), lost = new Map<string, Assembled[]>();
    for (const t of all) {
      const gone = [...new Set(t.parts.map((p) => p.d.task.inputs[0]!.data))].filter((s) => this.#changes(s, t));
      if (gone.length === 0) sources.set(t, new Map()); else for (const s of gone) { const l = lost.get(s); if (l) l.push(t); else lost.set(s, [t]); }
    }
    for (const [s, users] of lost) {
      // One source alone, otherwise half of the array would be there and half not.
      const mine = users.filter((t) => t.parts.every((p) => p.d.task.inputs[0]!.data === s));
      const copy = this.#copyOf(s, mine);
      if (copy) for (const t of mine) sources.set(t, new Map([[s, copy]]));
    }
    if (sources.size === 0) return this.list;
    const done = new Set<number>(), sites = new Map<number, { readonly facts: Assumptions; readonly read: ReadonlyMap<string, Assembled> }>();
    const grown = new Map<number, number>();
    for (const t of sources.keys()) {
      const sizes = t.reads.map(({ access: { node } }) => [node.id, (grown.get(node.id) ?? (node as Tasklet).inputs.length) + t.parts.length - 1] as const);
      if (sizes.some(([, size]) => size > MAX_INPUTS)) continue;
      for (const [id, size] of sizes) grown.set(id, size);
      for (const { access: a } of t.reads) {
        const facts = this.facts.with(...a.path.slice(0, -1).flatMap((s) => (s.node.kind === "loop" ? loopFacts(s.node) : [])));
        sites.set(a.node.id, { facts, read: new Map([...(sites.get(a.node.id)?.read ?? []), [t.data, t]]) });
      }
      for (const p of t.parts) done.add(p.at);
    }
    if (done.size === 0) return this.list;
    const rewrite = (n: Node): Node => {
      const site = n.kind === "tasklet" ? sites.get(n.id) : undefined;
      if (n.kind !== "tasklet" || !site) return n;
      const inputs = new Inputs(), values = n.inputs.map((m): ScalarExpr => {
        const t = site.read.get(m.data);
        return t ? this.#value(t, m, site.facts, sources.get(t)!, inputs) : input(inputs.place(m), this.graph.container(m.data).dtype);
      });
      return { ...n, inputs: inputs.list, code: mapScalar(n.code, (e) => (e.kind === "input" ? values[e.index]! : e)) };
    };
    return this.list.flatMap((n, i) => [...(this.#before.get(i) ?? []), ...(done.has(i) ? [] : mapNodes([n], rewrite))]);
  }

  /** Is the container written between a slice of it and the end of the reading? */
  #changes(source: string, t: Assembled): boolean {
    const first = Math.min(...t.parts.filter((p) => p.d.task.inputs[0]!.data === source).map((p) => p.at)), last = Math.max(...t.reads.map((r) => r.at));
    return this.#written(source, first + 1, last);
  }
  #written(data: string, from: number, to: number): boolean { return this.list.slice(from, to + 1).some((n) => effectsOf(this.graph, n).writes.has(data) || mayLeave(n)); }

  /** Where the elements of a container that is overwritten can be read until the last of the arrays has been. */
  #copyOf(source: string, users: readonly Assembled[]): ((index: readonly Expr[]) => Memlet) | undefined {
    if (users.length === 0) return undefined;
    const parts = users.flatMap((t) => t.parts.map((p) => p.at)), first = Math.min(...parts), made = Math.max(...parts), last = Math.max(...users.flatMap((t) => t.reads.map((r) => r.at)));
    if (this.#written(source, first, made)) return undefined;
    for (let c = 0; c < made; c++) {
      const d = sliceOf(this.graph, this.list[c]!), from = d?.task.inputs[0];
      if (from?.data !== source || this.#written(source, Math.min(c, first), made) || this.#written(d!.task.output.data, c + 1, last)) continue;
      const at = wholeCopy(this.graph, d!);
      if (at) return at;
    }
    const c = this.graph.container(source);
    if (users.length < 2 || c.shape.length === 0 || c.shape.some(hasLoads)) return undefined;
    const name = freshContainer(this.containers, "kept"), variables = c.shape.map(() => this.names.fresh("x")), index = variables.map((v) => sym(v));
    this.containers.set(name, { name, dtype: c.dtype, shape: c.shape, transient: true, role: "workspace" });
    const copy = variables.reduceRight<Node>((body, variable, d): Loop => ({ kind: "loop", id: freshId(), variable, begin: ZERO, end: c.shape[d]!, order: "any", body: [body] }), { kind: "tasklet", id: freshId(), inputs: [{ data: source, index }], output: { data: name, index }, code: input(0, c.dtype) });
    const before = this.#before.get(first);
    if (before) before.push(copy); else this.#before.set(first, [copy]);
    return (i) => ({ data: name, index: i });
  }

  /** What an element of the array is: the slice it lies in. */
  #value(t: Assembled, m: Memlet, facts: Assumptions, moved: Copies, inputs: Inputs): ScalarExpr {
    const own = m.guard ?? [], known = facts.with(...own), dtype = this.graph.container(m.data).dtype;
    const arms = t.parts.flatMap(({ d }) => {
      const place = instanceWhere(d.loops, d.task.output.index, m.index, known);
      if (!place) return [];
      const { at, guard: inside } = place, from = d.task.inputs[0]!, index = from.index.map((e) => substitute(e, at));
      const guard = [...own, ...inside], read = moved.get(from.data)?.(index) ?? { data: from.data, index };
      return [{ inside, value: input(inputs.place(guard.length > 0 ? { ...read, guard } : read), dtype) }];
    });
    return arms.slice(0, -1).reduceRight((rest, arm) => select(allNonNegative(arm.inside), arm.value, rest), arms.at(-1)!.value);
  }
}

/** Reads of the copied container as reads of the copy; undefined unless all of it was copied, element by element. */
function wholeCopy(graph: Graph, d: Definition): ((index: readonly Expr[]) => Memlet) | undefined {
  const from = d.task.inputs[0]!, c = graph.container(from.data), axisOf = new Map<string, number>();
  for (const [axis, e] of from.index.entries()) {
    const v = asSymbol(e), l = v === undefined ? undefined : d.loops.find((x) => x.variable === v);
    if (!l || axisOf.has(v!) || l.begin.constant !== 0 || sub(l.end, c.shape[axis]!).constant !== 0) return undefined;
    axisOf.set(v!, axis);
  }
  if (axisOf.size !== d.loops.length) return undefined;
  return (index) => { const at = new Map([...axisOf].map(([v, axis]) => [v, index[axis]!])); return { data: d.task.output.data, index: d.task.output.index.map((e) => substitute(e, at)) }; };
}
