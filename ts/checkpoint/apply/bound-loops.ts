/**
 * Every loop whose tapes grow gets a schedule of its own (`online.ts`), from the inside out: a loop that holds one that has its schedule gets one, too. What the inner one keeps is
 * there for one step of the outer one at a time: it is made when that step is taped, and used up when the step is reversed, right after.
 * Pre: a planned graph (no `saved` reads), forward nodes first. Post: the same gradients, and nothing grows; forward nodes first.
 */
import { accessesOf, ownAccesses } from "../../analysis/accesses.js";
import { bodiesOf, exitsOf, nameOf, visitPaths, withBodies, type Around, type Path } from "../../analysis/paths.js";
import { mapNodes, visitNodes } from "../../analysis/walk.js";
import { Pool } from "../../autodiff/names.js";
import { DaceError, InternalError } from "../../base/errors.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { addInt, dependsOn, loadedContainers, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import type { Planned } from "./candidates.js";
import { countersOf, Online, type OnlineLoop } from "./online.js";
import { around, growingLoops, stepsOf, without } from "./steps.js";

/** A planned graph in which loops are scheduled, one after the other, from the inside out. */
class Bound {
  readonly loops: OnlineLoop[] = [];
  /** By counter of while loops: how far they came. And loops as they run again inside of others. */
  readonly #ends = new Map<string, Expr>();
  readonly #again = new Map<number, Loop>();
  /** By loop: what loops inside of it use for one of its steps at a time. */
  readonly #inner = new Map<number, Set<string>>();

  constructor(public planned: Planned, readonly exact: boolean) {
    visitNodes(planned.graph.body.slice(planned.forward), (n) => { if (n.kind === "loop") this.#ends.set(n.variable, n.end); });
  }

  /** Schedules the loop and those around it; `tapes`: what its steps keep, if that is known. */
  schedule(id: number, tapes?: readonly string[]): void {
    const { graph, forward } = this.planned, path = pathTo(graph.body.slice(0, forward), id), loop = path.at(-1)!.node as Around, outer = around(path).at(-1), inner = this.#inner.get(id) ?? new Set<string>();
    const keeps = new Set(tapes);
    // Any other tape with a row per step is this loop's, too.
    for (const a of accessesOf(graph, loop.body)) if (a.write && graph.container(a.base).role === "tape" && !inner.has(a.base) && a.index.some((e) => dependsOn(e, nameOf(loop)))) keeps.add(a.base);
    const found = stepsOf(this.planned, { path, tapes: [...keeps], inner }, this.exact, (l) => this.#runsAgain(l));
    const pool = new Pool(graph.containers), before = new Set(pool.containers.keys());
    pool.reserveAll(graph);
    const o = new Online(graph, pool, found, this.loops.length, outer !== undefined), { start, nodes } = o.forward(), back = o.backward(), instead = new Map([[loop.id, nodes], [found.reversal.id, back]]);
    const put = (list: readonly Node[]): readonly Node[] => list.flatMap((n) => instead.get(n.id) ?? [withBodies(n, bodiesOf(n).map((b) => put(b.list)))]);
    // Nothing numbers its iterations any more.
    const grown = new Set(found.tapes), ticks = countersOf(graph, found.tapes);
    const unGrown = (list: readonly Node[]): readonly Node[] => mapNodes(list, (n) => ((n.kind === "library" && n.op === "grow" && grown.has(n.outputs[0]!.data)) || (n.kind === "tasklet" && ticks.has(n.output.data)) ? [] : n));
    const first = [...start, ...unGrown(put(graph.body.slice(0, forward)))], symbols = [o.names.slots, ...(o.names.rows === undefined ? [] : [o.names.rows])];
    this.planned = withoutUnread({
      forward: first.length,
      graph: graph.with({
        containers: pool.containers, body: [...first, ...put(graph.body.slice(forward))], symbols: [...graph.symbols, ...symbols], assumptions: [...graph.assumptions, ...symbols.map((s) => addInt(sym(s), -1))],
        parameters: [...graph.parameters, { kind: "container", name: `schedule:${o.names.run}`, container: o.names.run }],
      }),
    });
    if (o.again) this.#again.set(loop.id, o.again);
    const { containers } = this.planned.graph;
    // Loops inside make their snapshots only where a step of this one is taped, which loops around see nothing of.
    const gone = (d: string): boolean => !containers.has(d) || inner.has(d);
    for (const [l, again] of this.#again) if (l !== loop.id) this.#again.set(l, { ...again, body: without(again.body, (n) => (n.kind === "tasklet" ? gone(n.output.data) : n.kind === "library" && n.outputs.every((x) => gone(x.data)))) });
    const sized = loop.kind === "loop" && exitsOf(loop).size === 0 && loadedContainers(loop.begin).size + loadedContainers(loop.end).size === 0;
    this.loops.push({ ...o.names, id: loop.id, ...(loop.loc ? { loc: loop.loc } : {}), step: [], forward: loop.id, backward: back.at(-1)!.id, ...(outer ? { within: outer.id } : {}), ...(sized ? { length: sub(loop.end, loop.begin) } : {}) });
    // What this one made, the loops around have for a step at a time; but steps that nobody tapes go on as they did.
    if (!outer) return;
    const mine = this.#inner.get(outer.id) ?? new Set<string>();
    for (const d of [...pool.containers.keys()].filter((d) => !before.has(d) && !o.always.has(d)).concat(found.tapes, [...inner])) mine.add(d);
    this.#inner.set(outer.id, mine);
  }

  /** Loops of known length inside of others, of one outermost loop after the other. */
  nest(): void {
    const { graph, forward } = this.planned, groups = new Map<number, { readonly id: number; readonly depth: number }[]>();
    visitPaths(graph.body.slice(0, forward), (n, path) => {
      const outer = around(path);
      if (n.kind !== "loop" || n.order === "any" || outer.length === 0 || outer.some((l) => l.kind === "loop" && l.order === "any")) return;
      if (!accessesOf(graph, n.body).some((a) => a.write && graph.container(a.base).role === "tape" && a.index.some((e) => dependsOn(e, n.variable)))) return;
      const top = outer[0]!.id, list = groups.get(top), found = { id: n.id, depth: outer.length };
      if (list) list.push(found); else groups.set(top, [found]);
    });
    for (const [top, list] of groups) {
      if (this.loops.some((l) => l.id === top)) continue;
      this.#attempt(() => {
        // What cannot be done for one of them stays as it is.
        for (const { id } of list.sort((a, b) => b.depth - a.depth)) if (!this.loops.some((l) => l.id === id)) this.#attempt(() => { this.schedule(id); });
        this.around();
      });
    }
  }
  #attempt(f: () => void): void {
    const { planned } = this, loops = [...this.loops], inner = [...this.#inner].map(([k, s]) => [k, new Set(s)] as const), again = [...this.#again];
    try { f(); } catch (e) {
      if (!(e instanceof DaceError) || e.code !== "ERR_DACE_UNSUPPORTED") throw e;
      this.planned = planned;
      this.loops.splice(0, Infinity, ...loops);
      this.#inner.clear(); for (const [k, s] of inner) this.#inner.set(k, s);
      this.#again.clear(); for (const [k, l] of again) this.#again.set(k, l);
    }
  }

  #runsAgain(l: Around): Loop | undefined {
    const known = this.#again.get(l.id), end = l.kind === "while" && exitsOf(l).size === 0 ? this.#ends.get(l.counter) : undefined;
    return known ?? (end && l.kind === "while" ? { kind: "loop", id: l.id, variable: l.counter, begin: ZERO, end, order: "up", body: l.body, ...(l.loc ? { loc: l.loc } : {}) } : undefined);
  }

  /** Those that hold loops which were scheduled must be, too. */
  around(): void {
    for (;;) {
      const waiting = [...this.#inner.keys()].filter((id) => !this.loops.some((l) => l.id === id)).map((id) => pathTo(this.planned.graph.body.slice(0, this.planned.forward), id)).sort((a, b) => around(b).length - around(a).length)[0];
      if (!waiting) break;
      this.schedule(waiting.at(-1)!.node.id);
    }
    // Loops inside of others stand where those do.
    const { graph, forward } = this.planned;
    for (const [k, l] of this.loops.entries()) {
      const path = pathTo(graph.body.slice(0, forward), l.id), top = around(path)[0], owner = top ? this.loops.find((x) => x.id === top.id)! : l;
      this.loops[k] = { ...l, forward: owner.forward, backward: owner.backward, tapes: l.tapes.filter((t) => graph.containers.has(t)), step: (path.at(-1)!.node as Around).body };
    }
  }
}
/** Where the iterations of a loop are no longer numbered, nobody asks for the number that they began with. */
function withoutUnread({ graph, forward }: Planned): Planned {
  const read = new Set<string>(), isGrow = (n: Node): boolean => n.kind === "library" && n.op === "grow";
  visitNodes(graph.body, (n) => { if (!isGrow(n)) for (const a of ownAccesses(graph, n)) if (!a.write) read.add(a.base); });
  const gone = new Set([...graph.containers.values()].flatMap((c) => (c.role === "count" && c.transient && !read.has(c.name) && (c.growable || c.shape.length > 0) ? [c.name] : [])));
  if (gone.size === 0) return { graph, forward };
  const clean = (list: readonly Node[]): readonly Node[] => mapNodes(list, (n) => ((n.kind === "tasklet" && gone.has(n.output.data)) || (n.kind === "library" && isGrow(n) && gone.has(n.outputs[0]!.data)) ? [] : n)), first = clean(graph.body.slice(0, forward));
  return { forward: first.length, graph: graph.with({ containers: new Map([...graph.containers].filter(([d]) => !gone.has(d))), body: [...first, ...clean(graph.body.slice(forward))] }) };
}
function pathTo(body: readonly Node[], id: number): Path {
  let found: Path | undefined;
  visitPaths(body, (n, path) => { if (n.id === id) found = path; });
  if (!found) throw new InternalError("a loop that was scheduled is not there");
  return found;
}

/**
 * Every loop whose tapes grow gets a schedule, and every one around it; `nested`: so do loops in order, of known length too, that stand inside of others and have rows of their own,
 * where that can be done. Throws UNSUPPORTED where what grows cannot be bounded.
 */
export function boundLoops(given: Planned, exact: boolean, nested = false): { readonly planned: Planned; readonly loops: readonly OnlineLoop[] } {
  const found = growingLoops(given), bound = new Bound(given, exact);
  for (const { path, tapes } of found) {
    const left = tapes.filter((t) => bound.planned.graph.containers.get(t)?.growable);
    if (left.length > 0) bound.schedule(path.at(-1)!.node.id, left);
  }
  if (nested) bound.nest();
  bound.around();
  return bound;
}
