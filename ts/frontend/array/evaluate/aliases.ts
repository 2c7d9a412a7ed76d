/**
 * Where a variable's array was copied to a container of the variable's own although the source only made a second reference to it, the program is the same only as long as
 * neither of the two is changed in place while the other is still looked at. Proves that, or refuses the program.
 */
import { accessesOf, type Access } from "../../../analysis/accesses.js";
import { bodiesOf, loopsOf } from "../../../analysis/paths.js";
import { returnedContainers, type Node } from "../../../sdfg/nodes.js";
import type { Graph } from "../../../sdfg/sdfg.js";
import type { AliasCopy } from "../context.js";
import type { Evaluator } from "./evaluator.js";

interface Placed { readonly access: Access; readonly at: number; readonly loops: ReadonlySet<Node> }

export function checkAliases(ev: Evaluator, graph: Graph): void {
  const { ctx } = ev;
  if (ctx.aliasCopies.length === 0) return;
  // Making room in a list changes none of its elements.
  const placed = accessesOf(graph, graph.body).filter(({ node: n }) => n.kind !== "library" || n.op !== "grow").map((access, at): Placed => ({ access, at, loops: new Set<Node>([...loopsOf(access.path), ...access.path.flatMap((s) => (s.node.kind === "while" ? [s.node] : []))]) }));
  const results = new Set(returnedContainers(graph.result).map((n) => ctx.bufferOf(n))), links: Link[] = [];
  for (const c of ctx.aliasCopies) {
    const nodes = insideOf(graph.body, new Set(c.nodes)), inside = placed.filter((p) => nodes.has(p.access.node.id)), own = inside.filter((p) => p.access.write);
    if (own.length === 0) continue;
    for (const source of c.sources) {
      const again = (loop: Node): boolean => bornIn(ev, loop, source) && !placed.some((p) => p.access.write && p.access.base === source && p.access.path.some((s) => ev.rebindings.has(s.node.id)));
      // What is not a variable's own container is filled where it is used.
      if (!c.row && c.nodes.some((n) => ev.rebindings.has(n))) { links.push({ of: c, copy: c.copy, source, first: own[0]!.at, last: own.at(-1)!.at, own, taken: inside.filter((p) => !p.access.write && p.access.base === source) }); continue; }
      if ((c.row ? changesRows(ev, graph, placed, own, source, nodes, c.row.fresh) : changes(placed, own, source, c.copy, results.has(c.copy), ev, nodes, again)) || changes(placed, own, c.copy, source, !ctx.container(source).transient, ev, nodes, again)) refuse(ev, c);
    }
  }
  new References(ev, graph, placed, links, results).check();
}

/** `copy` was filled with the array that `source` holds: at `own`, which read `taken`. */
interface Link { readonly of: AliasCopy; readonly copy: string; readonly source: string; readonly own: readonly Placed[]; readonly taken: readonly Placed[]; /** Places of the first and the last of `own`. */ readonly first: number; readonly last: number }

/** Containers that hold copies of one array of the source: by one copy, or by several that follow one another. */
class References {
  readonly #rebound = new Set<string>();
  constructor(readonly ev: Evaluator, readonly graph: Graph, readonly placed: readonly Placed[], readonly links: readonly Link[], readonly results: ReadonlySet<string>) {
    for (const p of placed) if (p.access.write && this.#rebinds(p)) this.#rebound.add(p.access.base);
  }

  check(): void {
    for (const link of this.links) for (const written of this.#lost(link) ? [link.copy] : [link.copy, link.source]) {
      const seen = new Set<string>(), visit = (looked: string, by: Link): void => {
        const key = `${looked} ${this.links.indexOf(by)}`;
        if (looked === written || seen.has(key)) return;
        seen.add(key);
        if (!(looked === by.source && this.#lost(by)) && this.#differs(written, link, looked, by)) refuse(this.ev, by.of);
        for (const next of this.links) if (next !== by && (this.#follows(by, next, looked) || this.#follows(next, by, looked))) visit(next.copy === looked ? next.source : next.copy, next);
      };
      visit(written === link.copy ? link.source : link.copy, link);
    }
  }

  /** Is the source itself given another array at once, as where variables are exchanged? */
  #lost(link: Link): boolean {
    const { path } = link.own.at(-1)!.access, step = path.find((s) => link.of.nodes.includes(s.node.id));
    if (!step) return false;
    for (let k = step.list.findIndex((n) => link.of.nodes.includes(n.id)); k < step.list.length; k++) {
      const n = step.list[k]!, rebinds = this.ev.rebindings.has(n.id);
      if (k > step.index && !rebinds) return false;
      if (rebinds && accessesOf(this.graph, [n]).some((x) => x.write && x.base === link.source)) return true;
    }
    return false;
  }
  /** Does the second copy take from the container the array that it held when the first one was made? */
  #follows(first: Link, second: Link, shared: string): boolean {
    if (second.source !== shared || (first.copy !== shared && first.source !== shared)) return false;
    return second.taken.some((t) => (t.at > first.first && !this.#renewed(t, shared, first.last)) || this.#later(first.own, t).some((l) => this.#stale(l, t, shared)));
  }

  /** Is the one changed in place while it is the array that the other is, too, and the other looked at after that? */
  #differs(written: string, from: Link, looked: string, to: Link): boolean {
    const seen = this.graph.parameters.some((p) => p.kind === "container" && this.ev.ctx.bufferOf(p.container) === looked), reads = this.placed.filter((p) => !p.access.write && p.access.base === looked && !(p.at > to.last && this.#renewed(p, looked, to.last)));
    return this.placed.some((w) => {
      if (!w.access.write || w.access.base !== written || this.#rebinds(w) || this.#renewed(w, written, from.last)) return false;
      if (!this.#comesAfter(w, from, written) || !this.#comesAfter(w, to, written)) return false;
      if (seen || (this.results.has(looked) && !this.#renewed(w, looked, w.at, "after"))) return true;
      const again = this.#refilled(w, looked);
      return reads.some((r) => (r.at > w.at && r.at < again && !this.#renewed(r, looked, w.at))
        || this.#later([w], r).some((l) => this.#stale(l, r, looked) && this.#refilled(w, looked, w.access.path.findIndex((s) => s.node === l)) === Infinity));
    });
  }
  /** The place of what fills the container with another array for sure, behind the access in the lists around it; `within`: inside the loop at that step of its path. */
  #refilled(p: Placed, data: string, within = -1): number {
    let at = Infinity;
    p.access.path.forEach(({ list, index }, i) => {
      if (i > within) for (const n of list.slice(index + 1)) if (this.ev.rebindings.has(n.id)) for (const x of this.placed) if (x.access.write && x.access.base === data && x.access.path.some((y) => y.node === n)) at = Math.min(at, x.at);
    });
    return at;
  }
  /** Behind the copy, or in a later iteration in which the container still holds the array. */
  #comesAfter(w: Placed, link: Link, written: string): boolean { return w.at > link.last || this.#later(link.own, w).some((l) => this.#stale(l, w, written)); }

  /** Loops in whose later iterations the access comes after one of the others. */
  #later(before: readonly Placed[], p: Placed): readonly Node[] { return [...p.loops].filter((l) => before.some((o) => o.loops.has(l))); }
  /** May the access find in the container what an earlier iteration of the loop left there? */
  #stale(loop: Node, p: Placed, data: string): boolean {
    if (!this.#rebound.has(data) && bornIn(this.ev, loop, data)) return false;
    return !this.#renewed(p, data, -1, "before", p.access.path.findIndex((s) => s.node === loop));
  }
  /** Is the write part of what fills a variable's container with another array? */
  #rebinds(w: Placed): boolean { return w.access.path.some((s) => this.ev.rebindings.has(s.node.id)); }
  #renewed(p: Placed, data: string, made: number, side: "before" | "after" = "before", within = -1): boolean { return renewed(this.ev, this.graph, p, data, made, this.placed, side, within); }
}
/** Every iteration of the loop makes the container anew, unless it is a variable's own. */
function bornIn({ ctx }: Evaluator, loop: Node, data: string): boolean {
  const born = loop.kind === "loop" ? ctx.loopBirths.get(loop.variable) : loop.kind === "while" ? ctx.loopBirths.get(loop.counter) : undefined;
  return born !== undefined && (ctx.births.get(data) ?? 0) > born;
}
function refuse(ev: Evaluator, c: AliasCopy): void {
  const { ctx } = ev, name = (n: string): string => ctx.container(n).label ?? n;
  if (c.part) ctx.unsupported(`${c.row ? "an element of " : ""}${c.what} is a view of the .${c.part} of ${c.sources.map(name).join(", ")}, and one of them is changed in place afterwards`, c.loc, `write z.${c.part}[…] where it is meant, or copy the parts`);
  if (c.row) ctx.unsupported(`the list ${c.what} holds a reference to the array ${c.sources.map(name).join(", ")}, which is changed in place, so that earlier elements change too`, c.loc, "append a copy: a.copy()");
  ctx.unsupported(`${c.what} refers to the array ${c.sources.map(name).join(", ")} on some paths only, and one of them is changed in place afterwards`, c.loc, "copy the array where it is assigned");
}
/** Is `written` changed in place after the copy, and `looked` read after that? `seen`: the caller looks at it in the end. */
function changes(placed: readonly Placed[], own: readonly Placed[], written: string, looked: string, seen: boolean, ev: Evaluator, nodes: ReadonlySet<number>, again: (loop: Node) => boolean): boolean {
  const first = own[0]!, last = own.at(-1)!;
  const writes = placed.filter((p) => p.access.write && p.access.base === written && !nodes.has(p.access.node.id) && !ev.rebindings.has(p.access.node.id) && !p.access.path.some((s) => ev.rebindings.has(s.node.id)));
  const reads = placed.filter((p) => !p.access.write && p.access.base === looked && !nodes.has(p.access.node.id));
  return writes.some((w) => {
    // What another iteration does, it does to the array that it made itself.
    const loops = [...w.loops].filter((l) => !again(l)), shared = loops.filter((l) => own.some((o) => o.loops.has(l)));
    // The copy is made before the change: earlier in the program, or in an iteration before.
    if (w.at < first.at && shared.length === 0) return false;
    if (seen) return true;
    return reads.some((r) => {
      if (w.at > last.at && r.at > w.at) return true;
      // In a later iteration, if the copy is not made again in between.
      return loops.some((l) => r.loops.has(l) && (!own.some((o) => o.loops.has(l)) || (r.at < first.at || w.at < first.at && r.at > w.at && r.at < first.at)));
    });
  });
}
/** Is the array of which a list holds a row changed in place after it was put there? `fresh`: every iteration makes another one. */
function changesRows(ev: Evaluator, graph: Graph, placed: readonly Placed[], own: readonly Placed[], source: string, nodes: ReadonlySet<number>, fresh: boolean): boolean {
  const first = own[0]!, last = own.at(-1)!;
  const writes = placed.filter((p) => p.access.write && p.access.base === source && !nodes.has(p.access.node.id) && !ev.rebindings.has(p.access.node.id) && !p.access.path.some((s) => ev.rebindings.has(s.node.id)));
  return writes.some((w) => {
    if (w.at > last.at) return !renewed(ev, graph, w, source, last.at, placed);
    const shared = [...w.loops].filter((l) => first.loops.has(l));
    if (shared.length === 0 || fresh) return false;
    // In an iteration after: harmless if that has given the variable another array before.
    const { path } = w.access, inner = path.findLastIndex((s) => shared.includes(s.node));
    return !path.some((step, i) => {
      if (i <= inner) return false;
      const list = bodiesOf(path[i - 1]!.node).map((b) => b.list).find((l) => l.includes(step.node)) ?? [];
      return list.slice(0, list.indexOf(step.node)).some((n) => ev.rebindings.has(n.id) && placed.some((x) => x.access.write && x.access.base === source && x.access.path.some((y) => y.node === n)));
    });
  });
}
/** Before every execution of the access, and after the copy, the variable's container is filled with another array; `within`: in the same iteration of the loop at that step of the path. */
function renewed(ev: Evaluator, graph: Graph, p: Placed, copy: string, made: number, placed: readonly Placed[], side: "before" | "after" = "before", within = -1): boolean {
  const { path } = p.access;
  return path.some((step, i) => {
    if (i <= within) return false;
    const lists = i === 0 ? [graph.body] : bodiesOf(path[i - 1]!.node).map((b) => b.list);
    const list = lists.find((l) => l.includes(step.node)), k = list?.indexOf(step.node) ?? 0;
    return (side === "before" ? list?.slice(0, k) : list?.slice(k + 1))?.some((n) => ev.rebindings.has(n.id) && placed.some((w) => w.access.write && w.access.base === copy && w.at > made && w.access.path.some((x) => x.node === n))) ?? false;
  });
}
function insideOf(body: readonly Node[], ids: ReadonlySet<number>): Set<number> {
  const out = new Set<number>();
  const visit = (n: Node, inside: boolean): void => {
    const here = inside || ids.has(n.id);
    if (here) out.add(n.id);
    if (n.kind === "loop" || n.kind === "while" || n.kind === "block") n.body.forEach((x) => { visit(x, here); });
    else if (n.kind === "conditional") n.branches.forEach((b) => { b.body.forEach((x) => { visit(x, here); }); });
  };
  body.forEach((n) => { visit(n, false); });
  return out;
}
