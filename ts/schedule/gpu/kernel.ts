/**
 * One kernel from one nest of maps: which loops become dimensions of the grid, which are summed by the threads of a block together, and which each thread
 * runs by itself. Pre: a nest that `nests.ts` has looked at. Post: the same nest, annotated (`schedule.gpu`); loops may change places, since all are maps.
 */
import { insideShape } from "../../analysis/inside.js";
import { accessesOf } from "../../analysis/accesses.js";
import { localsOf, loopFacts } from "../../analysis/dependence.js";
import { visitNodes } from "../../analysis/walk.js";
import { isComplex } from "../../base/dtypes.js";
import { constant, op, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { GpuAxis, GpuSchedule, Loop, Node } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { addInt, dependsOn, hasLoads, max, mul, sub, ZERO, type Expr } from "../../symbolic/expr.js";
import { nonNegative, upperBound } from "../../symbolic/prove.js";
import { elementKey, reductionsOf, type Reduction } from "../reductions.js";
import { unitsIn } from "../work.js";
import { apartAlong, contiguity, nestOf, privatesFit, reordered, sharedLoops, threadable } from "./nests.js";
import { scatter } from "./scatter.js";
import { tiled, TILE_X, TILE_Y } from "./tiles.js";

/** Blocks of a reduction into single elements, at most: a number that depends on sizes alone. */
export const PARTIALS = 512;
/** Iterations from which a block sums together what one thread could. */
const TOGETHER = 32;
/** Sums of which a thread each would leave most of a device idle. */
const FEW_SUMS = 8192;

export interface KernelOptions { readonly strict: boolean; /** Makes a container for `PARTIALS` parts of a reduction. */ readonly partials: (r: Reduction) => string }

/** One kernel, or one of two by a condition of sizes: the first whose condition holds. */
export interface Choice { readonly kernel: Loop; readonly when?: ScalarExpr }

/** The nest as kernels, or undefined where it is none. A block per sum pays where memory is contiguous along it, or where there are too few sums for a thread each. */
export function kernelsOf(graph: Graph, l: Loop, facts: Assumptions, o: KernelOptions): readonly Choice[] | undefined {
  if (l.order !== "any") return undefined;
  const nest = nestOf(l), shared = [...sharedLoops(graph, nest, facts)];
  if (shared.length === 0) { const kernel = reduction(graph, l, facts, o) ?? scatter(graph, l, o.strict); return kernel && [{ kernel }]; }
  const grid = gridKernel(graph, nest, shared, facts), r = rows(graph, nest, shared, facts, o);
  if (!r || !grid) return r ? [{ kernel: r.kernel }] : grid && stencil(graph, grid, facts);
  const long = r.length && op("ge", "bool", symbolic(r.length), constant(TOGETHER, "int64"));
  if (r.contiguous) return !long || r.length.constant !== undefined ? [{ kernel: r.kernel }] : [{ kernel: r.kernel, when: long }, { kernel: grid }];
  return long && r.sums ? [{ kernel: r.kernel, when: op("and", "bool", long, op("lt", "bool", symbolic(r.sums), constant(FEW_SUMS, "int64"))) }, { kernel: grid }] : [{ kernel: grid }];
}

/** Tiles where they are filled. */
function stencil(graph: Graph, grid: Loop, facts: Assumptions): readonly Choice[] {
  const kernel = tiled(graph, grid), [nx, ny] = grid.schedule!.gpu!.extents!;
  if (!kernel || !nx || !ny) return [{ kernel: grid }];
  const wide = addInt(nx, -TILE_X), high = addInt(ny, -TILE_Y), filled = [wide, high].map((e) => nonNegative(e, facts));
  if (filled.includes("no")) return [{ kernel: grid }];
  if (filled.every((x) => x === "yes")) return [{ kernel }];
  const least = (e: Expr, n: number): ScalarExpr => op("ge", "bool", symbolic(e), constant(n, "int64"));
  return [{ kernel, when: op("and", "bool", least(nx, TILE_X), least(ny, TILE_Y)) }, { kernel: grid }];
}

/** The kernel that large sizes get. */
export function kernelOf(graph: Graph, l: Loop, facts: Assumptions, o: KernelOptions): Loop | undefined {
  const all = kernelsOf(graph, l, facts, o), [first] = all ?? [];
  return first && (all!.length > 1 && first.when?.kind === "op" && first.when.op === "and" ? all![1]!.kernel : first.kernel);
}

const lengthOf = (l: Loop): Expr => sub(l.end, l.begin);
const isLong = (l: Loop): boolean => { const n = lengthOf(l).constant; return n === undefined || n >= TOGETHER; };

/** Loops `order` from the outside in, with what is said of them; the innermost keeps the body. */
function rebuilt(order: readonly Loop[], body: readonly Node[], locals: readonly string[] | undefined, say: (l: Loop, index: number) => GpuSchedule): Loop {
  let inner: readonly Node[] = body, made: Loop | undefined;
  for (let i = order.length - 1; i >= 0; i--) {
    const { locals: _, ...bare } = order[i]!;
    made = { ...bare, body: inner, ...(i === order.length - 1 && locals?.length ? { locals } : {}), schedule: { ...bare.schedule, gpu: say(order[i]!, i) } };
    inner = [made];
  }
  return made!;
}

/** Do the loops' bounds depend on none of them, nor on data? */
function isBox(loops: readonly Loop[]): boolean { return loops.every((l) => !hasLoads(l.begin) && !hasLoads(l.end) && loops.every((o) => !dependsOn(l.begin, o.variable) && !dependsOn(l.end, o.variable))); }

/** How many iterations a loop has at most, in terms of what the host knows. */
function extentOf(l: Loop, around: readonly Loop[], facts: Assumptions): Expr | undefined {
  if (hasLoads(l.begin) || hasLoads(l.end)) return undefined;
  const e = lengthOf(l);
  if (!around.some((x) => dependsOn(e, x.variable))) return e;
  const bound = upperBound(e, around.map((x) => ({ variable: x.variable, begin: x.begin, end: x.end })), facts);
  return bound && !hasLoads(bound) && !around.some((x) => dependsOn(bound, x.variable)) ? bound : undefined;
}

function gridKernel(graph: Graph, nest: readonly Loop[], shared: readonly Loop[], facts: Assumptions): Loop | undefined {
  const innermost = nest.at(-1)!;
  let order: readonly Loop[] | undefined, outside = nest.filter((l) => shared.includes(l));
  // What cannot move out stays where it is, and so does everything inside it.
  while (!(order = reordered(nest, outside))) outside = outside.slice(0, -1);
  if (outside.length === 0) return undefined;
  // Along x goes the dimension that memory is contiguous in.
  let x = outside.at(-1)!;
  if (outside.length > 1) for (const l of outside) if (contiguity(graph, innermost.body, l.variable) > contiguity(graph, innermost.body, x.variable)) x = l;
  const moved = reordered(order, [...outside.filter((l) => l !== x), x]);
  if (moved) { order = moved; outside = [...outside.filter((l) => l !== x), x]; } else x = outside.at(-1)!;
  const others = outside.slice(0, -1), axes = new Map<Loop, GpuAxis>([[x, { by: "global", dimension: "x" }]]);
  const extents: (Expr | undefined)[] = [extentOf(x, others, facts)];
  const y = others.at(-1);
  if (y) { axes.set(y, { by: "global", dimension: "y" }); extents.push(extentOf(y, others.slice(0, -1), facts)); }
  // The rest is numbered together along z where it is a box; otherwise the outermost loops are each thread's own.
  let rest = others.slice(0, -1);
  while (rest.length > 1 && !isBox(rest)) rest = rest.slice(1);
  const [z] = rest;
  if (z) {
    axes.set(z, { by: "global", dimension: "z", together: rest.length });
    const sizes = rest.map((l) => extentOf(l, outside.filter((o) => o !== l), facts));
    extents.push(sizes.every((e) => e !== undefined) ? sizes.map((e) => (rest.length > 1 ? max(e, ZERO) : e)).reduce((a, b) => mul(a, b)) : undefined);
  }
  return rebuilt(order, innermost.body, innermost.locals, (l, i) => ({ ...(i === 0 ? { kernel: "grid" as const, extents } : {}), ...(axes.has(l) ? { axis: axes.get(l)! } : {}) }));
}

/** The elements that a nest combines into and that do not change in it, if its iterations along the loops `divided` write apart otherwise. */
function reductionsAlong(graph: Graph, outer: Loop, divided: readonly Loop[], facts: Assumptions, strict: boolean): readonly Reduction[] | undefined {
  const accesses = accessesOf(graph, [outer]), found = reductionsOf(graph, outer, { strict }, facts, accesses), locals = localsOf([outer]), used = new Map<string, Reduction>();
  for (const a of accesses) {
    const r = a.write && a.wcr && !locals.has(a.base) ? found.get(elementKey(a)) : undefined, { dtype } = graph.container(a.data);
    if (r && dtype !== "bool" && (!isComplex(dtype) || r.wcr === "sum" || r.wcr === "prod")) used.set(elementKey(a), r);
  }
  const apart = apartAlong(graph, outer, facts, new Set(used.keys()));
  return used.size > 0 && [...used.values()].every((r) => insideShape(graph.container(r.data).shape, r.index, facts)) && apart && divided.every(apart) ? [...used.values()] : undefined;
}

/** A loop of unknown length goes on for ever where a mistake skips an iteration, as it does in kernels whose threads meet: none there. */
function mayWait(l: Loop): boolean { let found = false; visitNodes(l.body, (n) => { if (n.kind === "while") found = true; }); return found; }

interface Rows { readonly kernel: Loop; readonly contiguous: boolean; /** Iterations along a sum, and sums, where the host can tell. */ readonly length: Expr | undefined; readonly sums: Expr | undefined }

/** Sums, a block each: its threads take the iterations of the innermost loop. */
function rows(graph: Graph, nest: readonly Loop[], shared: readonly Loop[], facts: Assumptions, o: KernelOptions): Rows | undefined {
  if (o.strict || mayWait(nest[0]!)) return undefined;
  const outside = nest.filter((l) => shared.includes(l)), inner = nest.filter((l) => !shared.includes(l)), order = reordered(nest, outside);
  const innermost = nest.at(-1)!, lane = inner.at(-1);
  if (!order || !lane || lane !== order.at(-1) || !isLong(lane) || (outside.length > 2 && !isBox(outside))) return undefined;
  const known = facts.with(...outside.flatMap(loopFacts)), into = reductionsAlong(graph, rebuilt(inner, innermost.body, innermost.locals, () => ({})), [lane], known, o.strict);
  if (!into) return undefined;
  const last = outside.at(-1)!, sizes = outside.map((l) => extentOf(l, outside.slice(0, outside.indexOf(l)), facts));
  const sums = sizes.every((e) => e !== undefined) ? sizes.reduce((a, b) => mul(a, b)) : undefined, many = outside.length > 2;
  const axis = (l: Loop): GpuAxis | undefined => {
    if (l === lane) return { by: "lane", dimension: "x" };
    if (many) return l === outside[0] ? { by: "block", dimension: "x", together: outside.length } : undefined;
    return outside.includes(l) ? { by: "block", dimension: l === last ? "x" : "y" } : undefined;
  };
  const kernel = rebuilt(order, innermost.body, innermost.locals, (l, i) => {
    const a = axis(l);
    return { ...(i === 0 ? { kernel: "rows" as const, extents: many ? [sums] : [...sizes].reverse(), into } : {}), ...(a ? { axis: a } : {}), ...(l === last ? { row: true } : {}) };
  });
  const contiguous = contiguity(graph, innermost.body, lane.variable, false) > contiguity(graph, innermost.body, last.variable, false);
  return { kernel, contiguous, length: extentOf(lane, order.slice(0, -1), facts), sums };
}

/** Everything is combined into single elements: blocks make parts, which are combined in order. */
function reduction(graph: Graph, l: Loop, facts: Assumptions, o: KernelOptions): Loop | undefined {
  const nest = nestOf(l);
  if (o.strict || mayWait(l) || !threadable([l]) || !privatesFit(graph, [l])) return undefined;
  const both = nest.length > 1 && isLong(nest.at(-1)!);
  // Blocks take the outer loops, numbered together where they are a box, and lanes the innermost.
  let outside = both ? nest.slice(0, -1) : [], into: readonly Reduction[] | undefined;
  if (outside.length > 1 && isBox(outside)) into = reductionsAlong(graph, l, nest, facts, o.strict);
  if (!into) { outside = outside.slice(0, 1); into = reductionsAlong(graph, l, both ? [nest[0]!, nest.at(-1)!] : [nest[0]!], facts, o.strict); }
  if (!into) return undefined;
  const work = unitsIn([l]).constant;
  if (work !== undefined && work < 512) return undefined;
  const [outer, inner] = [nest[0]!, nest.at(-1)!];
  const parts = into.map((r) => ({ data: r.data, wcr: r.wcr, index: r.index, partials: o.partials(r) }));
  if (both) {
    const sizes = outside.map((x) => extentOf(x, [], facts)), blocks = sizes.every((e) => e !== undefined) ? sizes.map((e) => (sizes.length > 1 ? max(e, ZERO) : e)).reduce((a, b) => mul(a, b)) : undefined;
    return rebuilt(nest, inner.body, inner.locals, (x, i) => ({
      ...(i === 0 ? { kernel: "reduce" as const, extents: [blocks], into: parts, axis: { by: "block" as const, dimension: "x" as const, ...(outside.length > 1 ? { together: outside.length } : {}) } } : {}),
      ...(x === inner ? { axis: { by: "lane" as const, dimension: "x" as const } } : {}),
    }));
  }
  return rebuilt(nest, inner.body, inner.locals, (_, i) => (i === 0 ? { kernel: "reduce" as const, extents: [extentOf(outer, [], facts)], into: parts, axis: { by: "global" as const, dimension: "x" as const } } : {}));
}
