/**
 * Where a variable's array was copied to a container of the variable's own although the source only made a second reference to it, the program is the same only as long as nobody looks
 * at one of the two after the other was changed in place. Proves that, or refuses the program: one walk over the program in its order, loops until nothing is new, with what may be the
 * case at each place: which containers hold copies of one array of the source, and which of them that array has left behind.
 */
import { accessesOf, ownAccesses, type Access } from "../../../analysis/accesses.js";
import { bodiesOf } from "../../../analysis/paths.js";
import { returnedContainers, type Node } from "../../../sdfg/nodes.js";
import type { Graph } from "../../../sdfg/sdfg.js";
import type { AliasCopy } from "../context.js";
import type { Evaluator } from "./evaluator.js";

export function checkAliases(ev: Evaluator, graph: Graph): void {
  unchangedRows(ev, graph);
  if (ev.ctx.aliasCopies.length > 0) new References(ev, graph).check();
}

/** Making room in a list changes none of its elements. */
function makesRoom({ node }: Access): boolean { return node.kind === "library" && node.op === "grow"; }

/** Names for an array that a loop makes longer are views of its rows: none of them changes. */
function unchangedRows({ ctx, rebindings }: Evaluator, graph: Graph): void {
  const longer = new Map([...ctx.grown].flatMap((g) => (g.array && g.state.data ? [[ctx.bufferOf(g.state.data.data), g.label] as const] : [])));
  if (longer.size === 0) return;
  for (const a of accessesOf(graph, graph.body)) {
    const label = a.write && !makesRoom(a) ? longer.get(a.base) : undefined;
    if (label !== undefined && !a.path.some((s) => rebindings.has(s.node.id))) ctx.unsupported(`changing elements of the array ${label} in the loop that makes it longer`, a.node.loc, "change them after the loop, or keep a list");
  }
}

/** What a node (with all that is in it, where it fills a container with another array) reads and writes of the containers in question, each once. */
interface Touched { readonly reads: readonly string[]; readonly writes: readonly string[] }

/** What may be the case. Both only grow where ways meet. */
class State {
  /** Containers with the same array, and the copy by which they are. Both ways round. */
  readonly same: Map<string, Map<string, AliasCopy>>;
  /** Containers whose array was changed in another container. */
  readonly stale: Map<string, AliasCopy>;
  constructor(from?: State) {
    this.same = new Map([...from?.same ?? []].map(([k, m]) => [k, new Map(m)]));
    this.stale = new Map(from?.stale);
  }
  join(a: string, b: string, by: AliasCopy): void {
    if (a === b) return;
    for (const [x, y] of [[a, b], [b, a]] as const) { const m = this.same.get(x); if (!m) this.same.set(x, new Map([[y, by]])); else if (!m.has(y)) m.set(y, by); }
  }
  /** The container holds an array of its own. */
  forget(a: string): void {
    for (const b of this.same.get(a)?.keys() ?? []) this.same.get(b)!.delete(a);
    this.same.delete(a);
    this.stale.delete(a);
  }
  /** True if something is new. */
  add(other: State): boolean {
    let more = false;
    for (const [a, m] of other.same) for (const [b, by] of m) if (!this.same.get(a)?.has(b)) { this.join(a, b, by); more = true; }
    for (const [a, by] of other.stale) if (!this.stale.has(a)) { this.stale.set(a, by); more = true; }
    return more;
  }
}

class References {
  readonly #copies = new Map<number, AliasCopy[]>();
  /** Lists keep what they have where they get another row. */
  readonly #lists = new Set<string>();
  /** Containers in question; those that are filled with other arrays where a variable gets them. */
  readonly #asked = new Set<string>();
  readonly #rebound = new Set<string>();
  readonly #touched = new Map<Node, Touched>();
  readonly #labels = new Map<string, State>();

  constructor(readonly ev: Evaluator, readonly graph: Graph) {
    for (const c of ev.ctx.aliasCopies) {
      for (const n of c.nodes) { const l = this.#copies.get(n); if (l) l.push(c); else this.#copies.set(n, [c]); }
      for (const x of [c.copy, ...c.sources]) this.#asked.add(x);
      if (c.row) this.#lists.add(c.copy);
    }
    const visit = (n: Node): void => {
      if (this.#fills(n)) for (const a of accessesOf(graph, [n])) { if (a.write) this.#asked.add(a.base); if (a.write && ev.rebindings.has(n.id)) this.#rebound.add(a.base); } else for (const b of bodiesOf(n)) b.list.forEach(visit);
    };
    graph.body.forEach(visit);
  }

  check(): void {
    const end = this.#list(this.graph.body, new State());
    if (!end) return;
    const { ctx } = this.ev, seen = [...this.graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])), ...returnedContainers(this.graph.result)];
    for (const x of seen) this.#look(end, ctx.bufferOf(x));
  }

  /** The node is one of those that fill a container with an array, all of which are one event. */
  #fills(n: Node): boolean { return this.ev.rebindings.has(n.id) || this.#copies.has(n.id); }
  #touches(n: Node): Touched {
    let t = this.#touched.get(n);
    if (!t) {
      const all = (this.#fills(n) ? accessesOf(this.graph, [n]) : ownAccesses(this.graph, n)).filter((a) => this.#asked.has(a.base) && !makesRoom(a));
      this.#touched.set(n, t = { reads: [...new Set(all.filter((a) => !a.write || a.wcr).map((a) => a.base))], writes: [...new Set(all.filter((a) => a.write).map((a) => a.base))] });
    }
    return t;
  }
  #look(s: State, data: string): void { const by = s.stale.get(data); if (by) refuse(this.ev, by); }

  /** What is the case behind the nodes; undefined where nothing gets there. */
  #list(body: readonly Node[], from: State): State | undefined {
    let s: State | undefined = from;
    for (const n of body) { if (!s) return undefined; s = this.#node(n, s); }
    return s;
  }
  #node(n: Node, s: State): State | undefined {
    const { reads, writes } = this.#touches(n), fills = this.#fills(n);
    if (!(n.kind === "while" && n.testAfter)) for (const x of reads) this.#look(s, x);
    if (fills) { this.#fill(n, reads, writes, s); return s; }
    switch (n.kind) {
      case "loop": case "while": return this.#loop(n, s);
      case "conditional": {
        let out: State | undefined = n.branches.some((b) => !b.condition) ? undefined : new State(s);
        for (const b of n.branches) out = meet(out, this.#list(b.body, new State(s)));
        return out;
      }
      case "block": {
        const out = this.#list(n.body, s), left = this.#labels.get(n.label);
        this.#labels.delete(n.label);
        return meet(out, left);
      }
      case "exit": { const to = this.#labels.get(n.label); if (to) to.add(s); else this.#labels.set(n.label, new State(s)); return undefined; }
      case "raise": return undefined;
      default:
        for (const x of writes) for (const [y, by] of s.same.get(x) ?? []) if (!s.stale.has(y)) s.stale.set(y, by);
        return s;
    }
  }
  #loop(n: Node & { readonly kind: "loop" | "while" }, s: State): State {
    const after = n.kind === "while" && n.testAfter, born = this.ev.ctx.loopBirths.get(n.kind === "loop" ? n.variable : n.counter), head = new State(s), fresh = this.#freshIn(n), asks = n.kind === "while" ? this.#touches(n).reads : [];
    for (;;) {
      const end = this.#list(n.body, new State(head));
      if (!end) return head;
      for (const x of asks) this.#look(end, x);
      const next = new State(end);
      // What an iteration makes anew is not what the one before made, unless it is a variable's own.
      for (const x of this.#asked) if (fresh.has(x) || (!this.#rebound.has(x) && born !== undefined && (this.ev.ctx.births.get(x) ?? 0) > born)) next.forget(x);
      if (head.add(next)) continue;
      if (!after) end.add(s);
      return end;
    }
  }
  /** Arrays that every iteration makes before it puts them into a list. */
  readonly #fresh = new Map<Node, ReadonlySet<string>>();
  #freshIn(n: Node): ReadonlySet<string> {
    let known = this.#fresh.get(n);
    if (!known) {
      const found = new Set<string>(), visit = (x: Node): void => { for (const c of this.#copies.get(x.id) ?? []) if (c.row?.fresh) for (const d of c.sources) found.add(d); for (const b of bodiesOf(x)) b.list.forEach(visit); };
      for (const b of bodiesOf(n)) b.list.forEach(visit);
      this.#fresh.set(n, known = found);
    }
    return known;
  }

  /** Containers get other arrays: of their own, or those that what is copied holds. */
  #fill(n: Node, reads: readonly string[], writes: readonly string[], s: State): void {
    const copies = this.#copies.get(n.id) ?? [];
    for (const x of writes) {
      const by = copies.find((c) => c.copy === x) ?? copies[0], held = new Map<string, AliasCopy>();
      // What was put aside first is read instead of the source itself.
      if (by) for (const y of reads) if (y !== x) {
        held.set(y, by);
        // The real and the imaginary parts of one array have nothing in common.
        for (const [z, c] of s.same.get(y) ?? []) if (z !== x && !(by.part && c.part && by.part !== c.part)) held.set(z, by.part ? by : c);
      }
      if (!this.#lists.has(x)) s.forget(x);
      for (const [y, c] of held) s.join(x, y, c);
    }
  }
}

function meet(a: State | undefined, b: State | undefined): State | undefined {
  if (!a || !b) return a ?? b;
  a.add(b);
  return a;
}

function refuse(ev: Evaluator, c: AliasCopy): void {
  const { ctx } = ev, name = (n: string): string => ctx.container(n).label ?? n;
  if (c.part) ctx.unsupported(`${c.row ? "an element of " : ""}${c.what} is a view of the .${c.part} of ${c.sources.map(name).join(", ")}, and one of them is changed in place afterwards`, c.loc, `write z.${c.part}[…] where it is meant, or copy the parts`);
  if (c.row) ctx.unsupported(`the list ${c.what} holds a reference to the array ${c.sources.map(name).join(", ")}, which is changed in place, so that earlier elements change too`, c.loc, "append a copy: a.copy()");
  ctx.unsupported(`${c.what} refers to the array ${c.sources.map(name).join(", ")} on some paths only, and one of them is changed in place afterwards`, c.loc, "copy the array where it is assigned");
}
