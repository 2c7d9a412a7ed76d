/**
 * Library nodes become loops; large real matrix products become calls of the runtime's gemm, whose result does not depend on the number of threads. Pre: valid library nodes. Post: remaining library nodes are matmuls that gemm can do (on a GPU, complex ones as well).
 * Under strict precision there are loops only: a library's order of summation is its own.
 */
import { isComplex } from "../base/dtypes.js";
import { InternalError } from "../base/errors.js";
import { bodiesOf } from "../analysis/paths.js";
import { mapNodes, symbolsOf } from "../analysis/walk.js";
import { LIBRARY } from "../library/index.js";
import { constant, op, symbolic } from "../scalar/expr.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { hasLoads, mul, ONE, type Expr } from "../symbolic/expr.js";

/** Flops from which a call pays. */
const CALL_FLOPS = 100_000;

/** `always`: products are called whatever their size, unless it is known to be small or they stand in a map beside other things (a kernel calls nothing). `keep`: leaves a node, that stands in no map, to somebody else. `loops`: what becomes of expansions. */
export function expandLibrary(graph: Graph, options: { readonly strict: boolean; readonly always?: boolean; readonly keep?: (n: LibraryNode) => boolean; readonly loops?: (body: readonly Node[]) => readonly Node[] }): Graph {
  const used = symbolsOf(graph.body);
  let next = 0;
  const variable = (): string => { for (;;) { const v = `l${next++}`; if (!used.has(v)) { used.add(v); return v; } } };
  const inMaps = new Set<number>(), batches = new Set<number>();
  // What is alone in its maps is a batch.
  const walk = (list: readonly Node[], map: boolean, alone: boolean): void => {
    for (const n of list) {
      if (n.kind === "library" && map && !(alone && list.length === 1)) inMaps.add(n.id); else if (n.kind === "library" && map) batches.add(n.id);
      const isMap = n.kind === "loop" && n.order === "any";
      for (const b of bodiesOf(n)) walk(b.list, map || isMap, isMap && !n.locals?.length && (!map || (alone && list.length === 1)));
    }
  };
  if (options.always) walk(graph.body, false, false);
  const body = mapNodes(graph.body, (n) => {
    if (n.kind !== "library") return n;
    const rule = LIBRARY.get(n.op);
    if (!rule) throw new InternalError(`no library operation ${n.op}`);
    if (!options.strict && !inMaps.has(n.id) && !batches.has(n.id) && options.keep?.(n)) return n;
    const expanded = rule.expand(n, (d) => graph.container(d).dtype, variable), loops = options.loops?.(expanded) ?? expanded;
    if (options.strict || !isCallable(graph, n, options.always === true) || inMaps.has(n.id)) return loops;
    if (batches.has(n.id)) return [n];
    const flops = rule.flops(n), big = flops.constant;
    if (big !== undefined) return big >= CALL_FLOPS ? [n] : loops;
    if (options.always) return [n];
    return [{ kind: "conditional", id: freshId(), branches: [
      { condition: { inputs: [], code: op("ge", "bool", symbolic(flops), constant(CALL_FLOPS, "int64")) }, body: [n] },
      { body: loops },
    ] }];
  });
  return body === graph.body ? graph : graph.with({ body });
}

/** gemm's form of an operand: rows `ld` elements apart, transposed where the operand's rows are the contiguous dimension. */
export function gemmOperand(graph: Graph, o: Operand): { readonly transposed: boolean; readonly ld: Expr } | undefined {
  const { shape } = graph.container(o.data), last = shape.length - 1;
  const stride = (axis: number): Expr => shape.slice(axis + 1).reduce((a, b) => mul(a, b), ONE);
  if (o.axes.length !== 2) return undefined;
  if (o.axes[1] === last) return { transposed: false, ld: stride(o.axes[0]!) };
  if (o.axes[0] === last) return { transposed: true, ld: stride(o.axes[1]!) };
  return undefined;
}

/** Is it a product that the runtime's library can do? `complex`: products of complex matrices, too. */
export function isCallable(graph: Graph, n: LibraryNode, complex: boolean): boolean {
  if (n.op !== "matmul") return false;
  const all = [...n.inputs, ...n.outputs], dtype = graph.container(n.outputs[0]!.data).dtype;
  if (dtype !== "float64" && dtype !== "float32" && !(complex && isComplex(dtype))) return false;
  return !hasLoadsInside(all) && all.every((o) => graph.container(o.data).dtype === dtype && gemmOperand(graph, o) !== undefined);
}

/** Do places or sizes of operands depend on data? */
export function hasLoadsInside(operands: readonly Operand[]): boolean { return operands.some((o) => [...o.base, ...o.sizes].some(hasLoads)); }
