/**
 * Matrix products that go to a transient and from there, whole, to another place (a row of a tape, a sum) go there at once: `T = A B; S += T` becomes `S += A B`,
 * `T = A B; S[k] = T; f(T)` becomes `S[k] = A B; f(S[k])`.
 * Pre: a valid graph. Post: same values, sums up to their order (`sums: false` leaves them). Safe because nothing between the product and the copy touches
 * the place, no later reader of T finds it changed, and nothing else knows T.
 */
import { definitionOf, isRectangular } from "../analysis/definition.js";
import { mayMeet } from "../analysis/dependence.js";
import { mayLeave } from "../analysis/live.js";
import { effectsOf } from "../analysis/order.js";
import { exprsOf, rewriteNodes, visitNodes } from "../analysis/walk.js";
import type { LibraryNode, Memlet, Node, Operand } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { add, loadedContainers, sub, ZERO, type Expr } from "../symbolic/expr.js";
import { dropUnused } from "./dead-code.js";
import { sharedOrPrivate } from "./loop-to-map.js";
import { hasLoads, mapLists } from "./nests.js";

export interface ProductOptions { readonly outputs?: Readonly<Record<string, string>>; readonly sums?: boolean }

export function retargetProducts(graph: Graph, { outputs = {}, sums = true }: ProductOptions = {}): Graph {
  const fixed = sharedOrPrivate(graph, outputs), counts = new Map<string, number>();
  for (const n of graph.body) for (const a of effectsOf(graph, n).accesses) counts.set(a.base, (counts.get(a.base) ?? 0) + 1);
  const result = mapLists(graph, (list, facts) => {
    let current = list;
    for (let k = 0; k < current.length; k++) {
      const n = current[k]!;
      if (n.kind === "library" && n.op === "matmul" && !n.accumulate) current = moved(graph, current, k, n, facts, fixed, counts, sums) ?? current;
    }
    return current;
  });
  return result === graph ? graph : dropUnused(result);
}

/** The operand is all of its container; the operand dimension along each of its axes. */
function wholeOf(graph: Graph, o: Operand): readonly number[] | undefined {
  const { shape } = graph.container(o.data), by = shape.map((_, axis) => o.axes.indexOf(axis));
  return o.axes.length === shape.length && shape.every((size, axis) => by[axis]! >= 0 && o.base[axis]!.constant === 0 && sub(o.sizes[by[axis]!]!, size).constant === 0) ? by : undefined;
}

function moved(graph: Graph, list: readonly Node[], k: number, product: LibraryNode, facts: Assumptions, fixed: ReadonlySet<string>, counts: ReadonlyMap<string, number>, sums: boolean): readonly Node[] | undefined {
  const out = product.outputs[0]!, t = out.data, by = wholeOf(graph, out), { shape, dtype } = graph.container(t);
  if (!by || fixed.has(t) || !graph.container(t).transient) return undefined;
  const readers = list.map((_, i) => i).filter((i) => i !== k && effectsOf(graph, list[i]!).of(t).length > 0);
  const inList = [k, ...readers].reduce((n, i) => n + effectsOf(graph, list[i]!).of(t).length, 0);
  if (readers.length === 0 || readers[0]! < k || inList !== counts.get(t) || readers.some((i) => effectsOf(graph, list[i]!).writes.has(t) || readsAsIndex(list[i]!, t))) return undefined;

  for (const c of readers) {
    const d = definitionOf(graph, list[c]!), from = d?.task.inputs[0];
    if (!d || d.task.inputs.length !== 1 || d.task.code.kind !== "input" || from!.data !== t || from!.guard?.length || !isRectangular(d.loops) || (d.task.wcr && (d.task.wcr !== "sum" || !sums || readers.length > 1))) continue;
    const target = d.task.output, a = graph.container(target.data), axisOf = new Map<number, number>();
    // T's axis → the place's; the copy runs over all of T.
    const whole = d.loops.every((l) => l.begin.constant === 0) && from!.index.length === d.loops.length && from!.index.every((e, axis) => {
      const loop = d.loops.findIndex((l) => l.variable === e.key), to = d.by.indexOf(loop);
      if (loop < 0 || to < 0 || axisOf.has(axis) || sub(d.loops[loop]!.end, shape[axis]!).constant !== 0) return false;
      axisOf.set(axis, to);
      return true;
    });
    if (!whole || a.dtype !== dtype || a.view || target.index.some(hasLoads) || new Set(axisOf.values()).size !== shape.length || ![...axisOf.values()].includes(a.shape.length - 1)) continue;
    const write = effectsOf(graph, list[c]!).accesses.find((x) => x.write)!, last = readers.at(-1)!, none = new Map<string, "any">();
    const clear = list.every((n, q) => {
      if (q < k || q > last || q === c) return true;
      if (q === k) return !effectsOf(graph, n).reads.has(target.data);
      if (q < c && mayLeave(n)) return false;
      return !effectsOf(graph, n).of(target.data).some((x) => (q < c || x.write) && mayMeet(graph, write, x, none, facts));
    });
    if (!clear) continue;
    const place = (index: readonly Expr[]): readonly Expr[] => d.shift.map((s, to) => { const axis = [...axisOf].find(([, x]) => x === to)?.[0]; return axis === undefined ? s : add(index[axis]!, s); });
    const memlet = (m: Memlet): Memlet => (m.data === t ? { ...m, data: target.data, index: place(m.index) } : m);
    const operand = (o: Operand): Operand => (o.data === t ? { ...o, data: target.data, base: place(o.base), axes: o.axes.map((axis) => axisOf.get(axis)!) } : o);
    const there: LibraryNode = { ...product, accumulate: d.task.wcr === "sum", outputs: [{ data: target.data, base: place(shape.map(() => ZERO)), axes: out.axes.map((axis) => axisOf.get(axis)!), sizes: out.sizes }] };
    return list.flatMap((n, q): readonly Node[] => (q === k ? [there] : q === c ? [] : readers.includes(q) ? rewriteNodes([n], { memlet, operand }) : [n]));
  }
  return undefined;
}

function readsAsIndex(n: Node, data: string): boolean {
  let found = false;
  visitNodes([n], (x) => { if (exprsOf(x).some((e) => loadedContainers(e).has(data))) found = true; });
  return found;
}
