/** Does what a buffer held before reach into a list of nodes, or is all of it overwritten first? */
import type { Graph } from "../sdfg/sdfg.js";
import type { Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { add, addInt, asSymbol, sub, ZERO, type Expr } from "../symbolic/expr.js";
import { accessesOf, baseOf, ownAccesses } from "./accesses.js";
import { definitionApart, isRectangular } from "./definition.js";
import { bodiesOf } from "./paths.js";

/** Does nothing that was in the buffer before reach into the list? Yes also where one loop or conditional alone touches it, whose bodies all start fresh. */
export function startsFresh(graph: Graph, list: readonly Node[], base: string): boolean {
  return fresh(graph, list, base, (n) => ({ has: (b) => accessesOf(graph, [n]).some((a) => a.base === b) }));
}
/** The same, where what each node touches is known. */
export function fresh(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): boolean {
  if (definedFirst(graph, list, base, bases) || definedInParts(graph, list, base, bases)) return true;
  const users = list.filter((n) => bases(n).has(base)), [only] = users;
  if (users.length !== 1 || readsItself(graph, only!, base)) return false;
  const bodies = bodiesOf(only!).filter((b) => b.list.some((n) => bases(n).has(base)));
  return (only!.kind === "loop" || only!.kind === "conditional") && bodies.length > 0 && bodies.every((b) => fresh(graph, b.list, base, bases));
}
/** Do the first nodes that touch the buffer overwrite it slice by slice along one axis (a row, then the others), reading none of it? */
function definedInParts(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): boolean { return definingParts(graph, list, base, bases) !== undefined; }
/** The tasklets that do so; `once`: none of them writes an element of another one's. */
export function definingParts(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): { readonly tasks: readonly Tasklet[]; readonly once: boolean } | undefined {
  const { shape } = graph.container(base), parts: { readonly axis: number; readonly from: Expr; readonly to: Expr }[] = [], tasks: Tasklet[] = [];
  for (const n of list) {
    if (!bases(n).has(base)) continue;
    let all = false;
    for (const a of accessesOf(graph, [n])) {
      if (a.base !== base) continue;
      if (!a.write || a.wcr || a.data !== base || a.conditional || a.node.kind !== "tasklet") return undefined;
      const d = definitionApart(graph, a.path, a.node);
      if (!d || !isRectangular(d.loops)) return undefined;
      const range = shape.map((size, axis) => {
        const l = d.by[axis] === undefined ? undefined : d.loops[d.by[axis]], from = l ? add(l.begin, d.shift[axis]!) : d.shift[axis]!, to = l ? add(l.end, d.shift[axis]!) : addInt(from, 1);
        return { axis, from, to, whole: from.constant === 0 && sub(to, size).constant === 0 };
      });
      const partial = range.filter((r) => !r.whole);
      if (partial.length > 1 || (parts.length > 0 && partial.length === 1 && parts[0]!.axis !== partial[0]!.axis)) return undefined;
      tasks.push(a.node);
      if (partial.length === 1) parts.push(partial[0]!); else all = true;
    }
    if (all) return { tasks, once: tasks.length === 1 };
    // From 0 on, each slice begins where another ended.
    let at: Expr = ZERO, used = 0;
    for (; used < parts.length; used++) { const next = parts.find((x) => sub(x.from, at).constant === 0 && sub(x.to, x.from).constant !== 0); if (!next) break; at = next.to; }
    if (sub(at, shape[parts[0]!.axis]!).constant === 0) return { tasks, once: used === parts.length };
  }
  return undefined;
}
/** In its bounds or conditions. */
export function readsItself(graph: Graph, n: Node, base: string): boolean { return ownAccesses(graph, n).some((a) => a.base === base); }

/** Does the first node of the list that touches the buffer overwrite all of it? */
export function definedFirst(graph: Graph, list: readonly Node[], base: string, bases: (n: Node) => { has(base: string): boolean }): boolean {
  const first = list.find((n) => bases(n).has(base));
  if (!first) return false;
  // One of the arms runs, and each of them overwrites it.
  if (first.kind === "conditional") return first.branches.some((b) => !b.condition) && !readsItself(graph, first, base) && first.branches.every((b) => definedFirst(graph, b.body, base, bases));
  const shape = graph.container(base).shape, loops: Loop[] = [];
  let n: Node = first;
  if (n.kind === "library") {
    const o = n.outputs.filter((x) => baseOf(graph, x.data) === base);
    return !n.accumulate && o.length === 1 && o[0]!.data === base && !n.inputs.some((x) => baseOf(graph, x.data) === base) && !ownAccesses(graph, n).some((a) => a.base === base && !a.write)
      && o[0]!.axes.length === shape.length && new Set(o[0]!.axes).size === shape.length && o[0]!.base.every((e) => e.constant === 0) && o[0]!.axes.every((axis, d) => sub(o[0]!.sizes[d]!, shape[axis]!).constant === 0);
  }
  while (n.kind === "loop") {
    const body: readonly Node[] = n.body, users = body.filter((x) => bases(x).has(base)), writer: Node | undefined = users[0];
    loops.push(n);
    if (!writer || readsItself(graph, n, base)) return false;
    // Several nodes in one iteration: the others look at the element that was just written.
    if (body.length > 1) {
      if (writer.kind !== "tasklet") return false;
      const element = writer.output.index.map((e) => e.key).join();
      if (!users.slice(1).every((x) => accessesOf(graph, [x]).every((y) => y.base !== base || (y.data === base && y.extra.length === 0 && y.index.map((e) => e.key).join() === element)))) return false;
    }
    n = writer;
  }
  if (n.kind !== "tasklet" || n.wcr || n.output.guard?.length || n.output.data !== base || ownAccesses(graph, n).some((a) => a.base === base && !a.write)) return false;
  const free = new Map(loops.map((l) => [l.variable, l]));
  return loops.length === shape.length && n.output.index.every((e, d) => {
    const v = asSymbol(e), l = v === undefined ? undefined : free.get(v);
    if (!l) return false;
    free.delete(v!);
    return l.begin.constant === 0 && sub(l.end, shape[d]!).constant === 0;
  });
}
