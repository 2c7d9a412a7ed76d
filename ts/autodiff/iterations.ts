/**
 * Where a value of every iteration is kept. Loops whose length sizes bound give a dimension each. Of the others (while loops, loops that are left, bounds that the data
 * decide) every iteration of the whole run gets a number: a scalar counts them, the count at each entry of the loop is recorded, and the number is that plus the
 * iteration's place. So a value is found again at an index of recorded integers, in any order, and containers indexed by numbers grow at the head of an iteration.
 * Pre: loops around that are maps lose their order only where an iteration inside must be numbered. Nodes are known by identity: insertions are collected and made at once.
 */
import { clamped, loopExtent } from "../analysis/extent.js";
import { bodiesOf, exitsOf, nameOf, withBodies, type Around } from "../analysis/paths.js";
import { growNode } from "../library/grow.js";
import { constant, symbolic } from "../scalar/expr.js";
import type { Container, Memlet, Node } from "../sdfg/nodes.js";
import { addInt, add, load, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { tasklet, type Pool } from "./names.js";

/** Dimensions, one index per dimension for the iteration at hand, and the numbered loop that makes the first one grow. */
export interface Place { readonly shape: readonly Expr[]; readonly index: readonly Expr[]; readonly numbered?: number }

/** Of a numbered loop: the counter, and the number of its first iteration. */
export interface Numbering { readonly tick: string; readonly first: Expr }

export class Iterations {
  readonly #before = new Map<number, Node[]>();
  readonly #after = new Map<number, Node[]>();
  readonly #privates = new Map<number, string[]>();
  readonly #heads = new Map<number, { count?: Node; room: Node[]; rest: Node[] }>();
  readonly #start: Node[] = [];
  readonly #ordered = new Set<number>();
  readonly numbers: Map<number, Numbering>;

  constructor(readonly pool: Pool, readonly facts: Assumptions, known: ReadonlyMap<number, Numbering> = new Map()) { this.numbers = new Map(known); }

  /** Around iterations of these loops, outermost first. */
  place(loops: readonly Around[]): Place {
    const open = loops.findLastIndex((l, i) => !this.#bounded(loops.slice(0, i), l));
    const shape: Expr[] = [], index: Expr[] = [];
    if (open >= 0) {
      const l = loops[open]!, { tick, first } = this.#number(loops.slice(0, open), l);
      shape.push(load(tick, []));
      index.push(add(first, ordinal(l)));
    }
    for (let i = open + 1; i < loops.length; i++) {
      const l = loops[i]!, e = l.kind === "loop" ? this.#extent(loops.slice(0, i), l) : undefined;
      shape.push(clamped(e!.size, this.facts));
      index.push(sub(sym(nameOf(l)), e!.begin));
    }
    return { shape, index, ...(open >= 0 ? { numbered: loops[open]!.id } : {}) };
  }

  /** A container of one element per iteration (and more dimensions, if any). */
  add(prefix: string, place: Place, fields: Omit<Container, "name" | "shape" | "transient">, inner: readonly Expr[] = []): string {
    const shape = [...place.shape, ...inner], data = this.pool.add(prefix, { ...fields, shape, transient: true, ...(place.numbered === undefined ? {} : { growable: true }) });
    if (place.numbered !== undefined) this.#head(place.numbered).room.push(growNode(data, { shape }, addInt(place.index[0]!, 1)));
    return data;
  }

  /** An integer for use between the loops given, private to an iteration of the innermost one that can have private containers. */
  scalar(prefix: string, loops: readonly Around[]): string {
    const data = this.pool.add(prefix, { dtype: "int64", shape: [], transient: true, role: "workspace" }), owner = loops.findLast((l) => l.kind === "loop")?.id;
    if (owner !== undefined) this.#privates.set(owner, [...(this.#privates.get(owner) ?? []), data]);
    return data;
  }

  before(node: number, n: Node): void { const l = this.#before.get(node); if (l) l.push(n); else this.#before.set(node, [n]); }
  after(node: number, n: Node): void { const l = this.#after.get(node); if (l) l.push(n); else this.#after.set(node, [n]); }
  /** At the head of every iteration of a loop. */
  head(loop: number, n: Node): void { this.#head(loop).rest.push(n); }
  #head(loop: number): { count?: Node; room: Node[]; rest: Node[] } {
    let h = this.#heads.get(loop);
    if (!h) this.#heads.set(loop, h = { room: [], rest: [] });
    return h;
  }

  /** Inside a map a bound is preferred, even that of a loop which may be left: numbering would put the map in order. */
  #bounded(outer: readonly Around[], l: Around): boolean {
    if (l.kind === "while" || this.numbers.has(l.id)) return false;
    if (exitsOf(l).size > 0 && !outer.some((x) => x.kind === "loop" && x.order === "any" && !this.#ordered.has(x.id))) return false;
    return this.#extent(outer, l) !== undefined;
  }
  #extent(outer: readonly Around[], l: Around & { kind: "loop" }): ReturnType<typeof loopExtent> { return loopExtent(outer, l, (d) => this.pool.containers.get(d)!.shape, this.facts); }

  #number(outer: readonly Around[], l: Around): Numbering {
    const known = this.numbers.get(l.id);
    if (known) return known;
    for (const x of [...outer, l]) if (x.kind === "loop" && x.order === "any") this.#ordered.add(x.id);
    const tick: Memlet = { data: this.pool.add("iterations", { dtype: "int64", shape: [], transient: true, role: "workspace" }), index: [] };
    this.#start.push(tasklet(tick, constant(0, "int64"), []));
    let first: Expr = ZERO;
    if (outer.length > 0) {
      const at = this.place(outer), data = this.add("first", at, { dtype: "int64", role: "count" });
      first = load(data, at.index);
      this.before(l.id, tasklet({ data, index: at.index }, symbolic(load(tick.data, [])), []));
    }
    this.#head(l.id).count = tasklet(tick, symbolic(addInt(add(first, ordinal(l)), 1)), []);
    const n: Numbering = { tick: tick.data, first };
    this.numbers.set(l.id, n);
    return n;
  }

  /** The body with all that was asked for; `at`: leading nodes that stay first. */
  insert(body: readonly Node[], at = 0): readonly Node[] {
    if (this.#start.length + this.#before.size + this.#heads.size === 0) return body;
    const visit = (list: readonly Node[]): readonly Node[] => list.flatMap((n): readonly Node[] => {
      const h = this.#heads.get(n.id), head = h ? [...(h.count ? [h.count] : []), ...h.room, ...h.rest] : [];
      let next = withBodies(n, bodiesOf(n).map((b) => [...head, ...visit(b.list)]));
      if (next.kind === "loop" && this.#ordered.has(n.id)) next = { ...next, order: "up" };
      const own = this.#privates.get(n.id);
      if (next.kind === "loop" && own) next = { ...next, locals: [...(next.locals ?? []), ...own] };
      return [...(this.#before.get(n.id) ?? []), next, ...(this.#after.get(n.id) ?? [])];
    });
    const out = [...body.slice(0, at), ...this.#start, ...visit(body.slice(at))];
    this.#before.clear(); this.#after.clear(); this.#privates.clear(); this.#heads.clear(); this.#start.length = 0; this.#ordered.clear();
    return out;
  }
}

/** Which iteration of its loop this is, from 0. */
function ordinal(l: Around): Expr {
  if (l.kind === "while") return sym(l.counter);
  return l.order === "down" ? addInt(sub(l.end, sym(l.variable)), -1) : sub(sym(l.variable), l.begin);
}
