/**
 * Stencils: the threads of a block load what they and their neighbours read of a plane into shared memory, each element once. Pre: a kernel of a grid, from `kernel.ts`. Post: the same, in tiles of 32 × 8 iterations.
 * Safe because what is loaded is not written in the kernel; elements outside of the array are not loaded, and no iteration reads them.
 */
import { accessesOf, type Access } from "../../analysis/accesses.js";
import { bytesOf } from "../../base/dtypes.js";
import { visitNodes } from "../../analysis/walk.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { GpuSchedule, Loop } from "../../sdfg/nodes.js";
import { addInt, affine, dependsOn, freeSymbols, hasLoads, sub, type Expr } from "../../symbolic/expr.js";
import { nestOf } from "./nests.js";

/** Iterations of a tile along x and y. */
export const TILE_X = 32, TILE_Y = 8;
/** Elements of a plane that an iteration reads, in more than one row, from which a tile is made; how far apart; and bytes of all tiles. */
const READS = 3, REACH = 32, BYTES = 24576;

type Tile = NonNullable<GpuSchedule["tiles"]>[number];
interface Read { readonly access: Access; readonly axis: number; readonly y: Expr; readonly x: Expr; readonly plane: string }

/** The kernel with tiles, or undefined where nothing is read often enough. */
export function tiled(graph: Graph, kernel: Loop): Loop | undefined {
  const nest = nestOf(kernel), x = nest.at(-1)!, y = nest.at(-2), axis = (l: Loop | undefined): string | undefined => l?.schedule?.gpu?.axis?.dimension;
  if (!y || axis(x) !== "x" || axis(y) !== "y" || [x.begin, x.end, y.begin, y.end].some(hasLoads) || dependsOn(x.begin, y.variable) || dependsOn(x.end, y.variable)) return undefined;
  const inner = new Set<string>();
  let waits = false;
  visitNodes(x.body, (n) => { if (n.kind === "loop") inner.add(n.variable); if (n.kind === "while") waits = true; });
  // A loop of unknown length goes on for ever where a mistake skips an iteration.
  if (waits) return undefined;
  const accesses = accessesOf(graph, [kernel]), written = new Set(accesses.flatMap((a) => (a.write ? [a.base] : []))), planes = new Map<string, Read[]>();
  for (const a of accesses) {
    const r = a.write || written.has(a.base) || a.extra.length > 0 ? undefined : readOf(a, x, y, inner);
    if (r) { const list = planes.get(r.plane); if (list) list.push(r); else planes.set(r.plane, [r]); }
  }
  const tiles: Tile[] = [];
  let bytes = 0;
  for (const reads of planes.values()) {
    // How many rows a tape has that grows only the run knows: a row is there if every iteration reads it, whatever happens and however often loops inside run.
    if (graph.container(reads[0]!.access.data).growable && (reads[0]!.axis === 0 || reads.every((r) => r.access.conditional || r.access.path.at(-2)?.node !== x))) continue;
    const t = tileOf(reads), size = t && Math.ceil((t.height * t.width * bytesOf(graph.container(t.data).dtype)) / 16) * 16;
    if (t && bytes + size! <= BYTES) { tiles.push(t); bytes += size!; }
  }
  if (tiles.length === 0) return undefined;
  const visit = (l: Loop): Loop => {
    const gpu = l.schedule?.gpu, mine: GpuSchedule = { ...gpu, ...(l === kernel ? { kernel: "tiles" } : {}), ...(l === y ? { tiles } : {}), ...(l === x || l === y ? { axis: { by: "tile", dimension: l === x ? "x" : "y" } } : {}) };
    return { ...l, ...(Object.keys(mine).length > 0 ? { schedule: { ...l.schedule, gpu: mine } } : {}), body: l === x ? l.body : [visit(l.body[0] as Loop)] };
  };
  return visit(kernel);
}

/** A read at (…, y + r, …, x + s): what the block's threads read together. */
function readOf(a: Access, x: Loop, y: Loop, inner: ReadonlySet<string>): Read | undefined {
  const last = a.index.length - 1, rows = a.index.flatMap((e, d) => (dependsOn(e, y.variable) ? [d] : [])), [axis] = rows;
  if (last < 1 || rows.length !== 1 || axis === undefined || axis === last || a.index.some((e, d) => hasLoads(e) || (d !== last && dependsOn(e, x.variable)) || [...freeSymbols(e)].some((s) => inner.has(s)))) return undefined;
  const rest = (e: Expr, variable: string): Expr | undefined => { const f = affine(e, new Set([variable])); return f?.coefficients.get(variable)?.constant === 1 ? f.rest : undefined; };
  const r = rest(a.index[axis]!, y.variable), s = rest(a.index[last]!, x.variable);
  if (!r || !s) return undefined;
  const shift = (e: Expr): Expr => addInt(e, -constantOf(e));
  return { access: a, axis, y: r, x: s, plane: [a.data, axis, ...a.index.map((e, d) => (d === axis ? shift(r) : d === last ? shift(s) : e).key)].join("|") };
}
/** The constant term. */
function constantOf(e: Expr): number { return e.terms.find((t) => t.atoms.length === 0)?.coefficient ?? 0; }

function tileOf(reads: readonly Read[]): Tile | undefined {
  const [first] = reads, at = reads.map((r) => [sub(r.y, first!.y).constant, sub(r.x, first!.x).constant] as const);
  if (!first || at.some(([p, q]) => p === undefined || q === undefined)) return undefined;
  const rows = at.map(([p]) => Number(p)), columns = at.map(([, q]) => Number(q)), top = Math.min(...rows), left = Math.min(...columns), up = Math.max(...rows) - top, across = Math.max(...columns) - left;
  if (new Set(at.map((p) => p.join())).size < READS || up === 0 || up > REACH || across > REACH) return undefined;
  const { index, data } = first.access, width = TILE_X + across, corner = index.map((e, d) => (d === first.axis ? addInt(e, top) : d === index.length - 1 ? addInt(e, left) : e));
  return { data, index: corner, height: TILE_Y + up, width, reads: reads.map((r, k) => ({ index: r.access.index, at: (rows[k]! - top) * width + columns[k]! - left })) };
}
