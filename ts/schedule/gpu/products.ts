/**
 * Products of matrices in maps: loops over rows, columns or terms of products that are one element wide there become part of the product, and what is left is a batch, a nest of maps around one product.
 * Pre: valid library nodes. Post: the same products; sums over terms in another order. Safe because iterations of a map do not depend on one another.
 */
import { mapNodes } from "../../analysis/walk.js";
import { LIBRARY } from "../../library/index.js";
import { constant, op, symbolic } from "../../scalar/expr.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import type { Branch, GpuSchedule, LibraryNode, Loop, Node, Operand } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { add, addInt, affine, dependsOn, equals, hasLoads, max, mul, ONE, sub, ZERO, type Expr } from "../../symbolic/expr.js";
import { nonNegative } from "../../symbolic/prove.js";
import { isCallable } from "../library.js";
import { apartAlong, nestOf } from "./nests.js";

/** Multiplications from which a call of the runtime's library for each product pays. */
const CALL = 2 ** 26;
/** Elements of a product, and terms of each, from which a tile of our kernel has something to do. */
const TILE = 256, TERMS = 8;

/** A product alone in a nest of maps. */
function alone(graph: Graph, l: Loop): { readonly nest: readonly Loop[]; readonly product: LibraryNode } | undefined {
  const nest = nestOf(l), inner = nest.at(-1)!, [product] = inner.body;
  return l.order === "any" && inner.body.length === 1 && !inner.locals?.length && product?.kind === "library" && isCallable(graph, product, true) ? { nest, product } : undefined;
}

/**
 * The nodes in place of a nest of maps around a product: calls one by one where each product is large, a kernel for all where tiles are filled, else loops. `few`: there is too little to do for that.
 * Undefined: it is no such nest.
 */
export function batchForms(graph: Graph, l: Loop, facts: Assumptions, c: { readonly few: boolean; readonly variable: (prefix: string) => string; readonly place: (l: Loop) => readonly Node[] }): readonly Node[] | undefined {
  const found = alone(graph, l);
  if (!found) return undefined;
  const { nest, product } = found, loops = (): readonly Node[] => c.place(around(nest, LIBRARY.get(product.op)!.expand(product, (d) => graph.container(d).dtype, () => c.variable("along"))));
  const kernel = c.few ? undefined : kernelOf(graph, l, nest, product, facts);
  if (!kernel) return loops();
  const [rows, columns] = product.outputs[0]!.sizes as [Expr, Expr], terms = product.inputs[0]!.sizes[1]!, branches: Branch[] = [];
  /** Adds a form; true if it is for all other sizes. */
  const form = (least: readonly (readonly [Expr, number])[], body: () => readonly Node[]): boolean => {
    const open = least.map(([e, n]) => [e, n, nonNegative(addInt(e, -n), facts)] as const).filter(([, , holds]) => holds !== "yes");
    if (open.some(([, , holds]) => holds === "no")) return false;
    const code = open.map(([e, n]) => op("ge", "bool", symbolic(e), constant(n, "int64")));
    branches.push({ ...(code.length > 0 ? { condition: { inputs: [], code: code.reduce((x, y) => op("and", "bool", x, y)) } } : {}), body: body() });
    return code.length === 0;
  };
  if (!form([[mul(mul(rows, columns), terms), CALL]], () => [l]) && !form([[mul(rows, columns), TILE], [terms, TERMS]], () => [kernel])) form([], loops);
  return branches.length === 1 ? branches[0]!.body : [{ kind: "conditional", id: freshId(), branches, ...(l.loc ? { loc: l.loc } : {}) }];
}

const around = (loops: readonly Loop[], body: readonly Node[], schedule?: (l: Loop, index: number) => GpuSchedule): Loop =>
  loops.reduceRight<readonly Node[]>((made, x, i) => [{ ...x, id: freshId(), body: made, ...(schedule ? { schedule: { gpu: schedule(x, i) } } : {}) }], body)[0] as Loop;

/** The nest as one kernel: sizes are the same for all products, and loops whose products do not write apart sum into the same elements. */
function kernelOf(graph: Graph, l: Loop, nest: readonly Loop[], product: LibraryNode, facts: Assumptions): Loop | undefined {
  const [a, b] = product.inputs as [Operand, Operand], [c] = product.outputs as [Operand];
  if ([...a.sizes, ...b.sizes, ...nest.flatMap((x) => [x.begin, x.end])].some((e) => hasLoads(e) || nest.some((x) => dependsOn(e, x.variable)))) return undefined;
  const isApart = product.accumulate ? apartAlong(graph, l, facts, new Set()) : (): boolean => true;
  if (!isApart) return undefined;
  const apart = nest.filter(isApart), terms = nest.filter((x) => !isApart(x));
  if (terms.some((x) => c.base.some((e) => dependsOn(e, x.variable)))) return undefined;
  const count = apart.map((x) => max(sub(x.end, x.begin), ZERO)).reduce((x, y) => mul(x, y), ONE), steps = terms.length > 0 ? [undefined] : [a, b, c].map((o) => strideOf(graph, o, apart));
  // A library sums nothing into one product from two.
  const strided = steps.every((e) => e !== undefined) && steps[2]!.constant !== 0 ? { count, a: steps[0]!, b: steps[1]!, c: steps[2]! } : undefined;
  return around([...apart, ...terms], [{ ...product, id: freshId() }], (x, i) => ({
    ...(i === 0 ? { kernel: "product", extents: [c.sizes[1], c.sizes[0], count], ...(strided ? { strided } : {}) } : {}),
    ...(terms.includes(x) ? { axis: { by: "all", dimension: "x" } } : i === 0 ? { axis: { by: "block", dimension: "z", ...(apart.length > 1 ? { together: apart.length } : {}) } } : {}),
  }));
}

/** From one iteration of a nest to the next in elements; undefined: that differs. */
function strideOf(graph: Graph, o: Operand, nest: readonly Loop[]): Expr | undefined {
  const { shape } = graph.container(o.data), variables = new Set(nest.map((l) => l.variable)), bases = o.base.map((e) => affine(e, variables));
  if (!bases.every((x) => x !== undefined)) return undefined;
  const along = (l: Loop): Expr => bases.map((x, d) => mul(x.coefficients.get(l.variable) ?? ZERO, shape.slice(d + 1).reduce((p, e) => mul(p, e), ONE))).reduce((p, e) => add(p, e), ZERO);
  const steps = nest.map(along);
  // Outer loops step over all of the inner ones.
  const even = nest.every((l, i) => i === 0 || equals(steps[i - 1]!, mul(steps[i]!, sub(l.end, l.begin))));
  return even && !steps.some((e) => nest.some((l) => dependsOn(e, l.variable))) ? steps.at(-1) : undefined;
}

/** Loops around products that are one wide in them, taken in. */
export function widenProducts(graph: Graph): Graph {
  // Inner loops come first: what is left of a nest is one loop less.
  const body = mapNodes(graph.body, (n): Node => (n.kind === "loop" ? widened(graph, n) ?? n : n));
  return body === graph.body ? graph : graph.with({ body });
}
function widened(graph: Graph, l: Loop): Node | undefined {
  const found = alone(graph, l);
  if (!found || found.nest.length !== 1 || hasLoads(l.begin) || hasLoads(l.end)) return undefined;
  const n = found.product, [a, b] = n.inputs as [Operand, Operand], [c] = n.outputs as [Operand], free = (o: Operand): boolean => [...o.base, ...o.sizes].every((e) => !dependsOn(e, l.variable));
  const made = (inputs: readonly (Operand | undefined)[], output: Operand | undefined): Node | undefined => {
    if (!output || !inputs.every((o) => o !== undefined)) return undefined;
    const node: LibraryNode = { ...n, id: freshId(), inputs, outputs: [output] };
    return isCallable(graph, node, true) ? node : undefined;
  };
  const one = (o: Operand, d: number): boolean => o.sizes[d]!.constant === 1;
  return (one(a, 0) && one(c, 0) && free(b) ? made([along(a, 0, l), b], along(c, 0, l)) : undefined)
    ?? (one(b, 1) && one(c, 1) && free(a) ? made([a, along(b, 1, l)], along(c, 1, l)) : undefined)
    ?? (one(a, 1) && one(b, 0) && free(c) && n.accumulate ? made([along(a, 1, l), along(b, 0, l)], c) : undefined);
}
/** The operand with the loop as its dimension `d`, if the loop goes along one axis of it, step by step. */
function along(o: Operand, d: number, l: Loop): Operand | undefined {
  const axes = o.base.flatMap((e, axis) => (dependsOn(e, l.variable) ? [axis] : [])), [axis] = axes, other = o.axes[1 - d];
  if (axis === undefined || axes.length !== 1 || axis === other || o.sizes.some((e) => dependsOn(e, l.variable))) return undefined;
  const x = affine(o.base[axis]!, new Set([l.variable]));
  if (x?.coefficients.get(l.variable)?.constant !== 1) return undefined;
  const replaced = <T>(list: readonly T[], value: T): T[] => list.map((v, k) => (k === d ? value : v));
  return { ...o, base: o.base.map((e, k) => (k === axis ? add(x.rest, l.begin) : e)), axes: replaced(o.axes, axis), sizes: replaced(o.sizes, sub(l.end, l.begin)) };
}
