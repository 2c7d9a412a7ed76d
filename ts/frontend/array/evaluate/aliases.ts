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
  const results = new Set(returnedContainers(graph.result).map((n) => ctx.bufferOf(n)));
  for (const c of ctx.aliasCopies) {
    const nodes = insideOf(graph.body, new Set(c.nodes));
    const own = placed.filter((p) => nodes.has(p.access.node.id) && p.access.write);
    if (own.length === 0) continue;
    for (const source of c.sources) {
      const outside = (name: string): boolean => !ctx.container(name).transient;
      if (c.row) {
        if (changesRows(ev, graph, placed, own, source, nodes, c.row.fresh) || changes(placed, own, c.copy, source, outside(source), ev, nodes)) refuse(ev, c);
        continue;
      }
      // Once the variable has been given another array, its container is no copy any more.
      const relevant = placed.filter((p) => p.access.base !== c.copy || !renewed(ev, graph, p, c.copy, own.at(-1)!.at, placed));
      if (changes(relevant, own, source, c.copy, false, ev, nodes, (w) => results.has(c.copy) && !renewed(ev, graph, w, c.copy, w.at, placed, "after")) || changes(relevant, own, c.copy, source, outside(source), ev, nodes)) refuse(ev, c);
    }
  }
}
function refuse(ev: Evaluator, c: AliasCopy): void {
  const { ctx } = ev, name = (n: string): string => ctx.container(n).label ?? n;
  if (c.part) ctx.unsupported(`${c.what} is a view of the .${c.part} of ${c.sources.map(name).join(", ")}, and one of them is changed in place afterwards`, c.loc, `write z.${c.part}[…] where it is meant, or copy the parts`);
  if (c.row) ctx.unsupported(`the list ${c.what} holds a reference to the array ${c.sources.map(name).join(", ")}, which is changed in place, so that earlier elements change too`, c.loc, "append a copy: a.copy()");
  ctx.unsupported(`${c.what} refers to the array ${c.sources.map(name).join(", ")} on some paths only, and one of them is changed in place afterwards`, c.loc, "copy the array where it is assigned");
}
/** Is `written` changed in place after the copy, and `looked` read after that? `seen`: the caller looks at it in the end; `returned`: it is a result, as this write leaves it. */
function changes(placed: readonly Placed[], own: readonly Placed[], written: string, looked: string, seen: boolean, ev: Evaluator, nodes: ReadonlySet<number>, returned: (w: Placed) => boolean = () => false): boolean {
  const first = own[0]!, last = own.at(-1)!;
  const writes = placed.filter((p) => p.access.write && p.access.base === written && !nodes.has(p.access.node.id) && !ev.rebindings.has(p.access.node.id) && !p.access.path.some((s) => ev.rebindings.has(s.node.id)));
  const reads = placed.filter((p) => !p.access.write && p.access.base === looked && !nodes.has(p.access.node.id));
  return writes.some((w) => {
    const shared = [...w.loops].filter((l) => own.some((o) => o.loops.has(l)));
    // The copy is made before the change: earlier in the program, or in an iteration before.
    if (w.at < first.at && shared.length === 0) return false;
    if (seen || (w.at > last.at && returned(w))) return true;
    return reads.some((r) => {
      if (w.at > last.at && r.at > w.at) return true;
      // In a later iteration, if the copy is not made again in between.
      return [...w.loops].some((l) => r.loops.has(l) && (!own.some((o) => o.loops.has(l)) || (r.at < first.at || w.at < first.at && r.at > w.at && r.at < first.at)));
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
/** Before every execution of the access, and after the copy, the variable's container is filled with another array. */
function renewed(ev: Evaluator, graph: Graph, p: Placed, copy: string, made: number, placed: readonly Placed[], side: "before" | "after" = "before"): boolean {
  const { path } = p.access;
  return path.some((step, i) => {
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
