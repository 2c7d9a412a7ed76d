/** What a plan needs for given sizes: buffer sizes, arena offsets, the symbols' values. Computed once per set of sizes. */
import { bytesOf } from "../base/dtypes.js";
import { packArena } from "../schedule/pack.js";
import { evaluate, type Expr } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import type { Plan } from "../lower/plan.js";

export interface Layout {
  /** Elements of each buffer. */
  readonly elements: readonly number[];
  readonly shapes: readonly (readonly number[])[];
  /** Values in the order of `plan.symbols`. */
  readonly symbols: readonly number[];
  readonly arenaBytes: number;
  /** Of the host's memory, for arrays that leave the device. */
  readonly hostBytes: number;
  readonly work: number;
}

/** Bytes that a run allocates beside the caller's arrays: the arena, results, and lists that the planner hands over. */
export function allocated(plan: Plan, layout: Layout): number {
  const given = new Set(plan.parameters.flatMap((p) => (p.kind === "container" && !p.name.startsWith("schedule:") ? [p.buffer] : [])));
  return plan.arguments.reduce((n, b) => n + (given.has(b) ? 0 : layout.elements[b]! * bytesOf(plan.buffers[b]!.dtype)), layout.arenaBytes);
}

const parsed = new WeakMap<Plan, { shapes: readonly (readonly Expr[])[]; work: Expr }>();

/** `sizes`: values of the plan's symbols that are not arena offsets. `threads`: how many a run may use. */
export function layoutOf(plan: Plan, sizes: ReadonlyMap<string, number>, threads = 1): Layout {
  let p = parsed.get(plan);
  if (!p) { p = { shapes: plan.buffers.map((b) => b.shape.map(parseExpr)), work: parseExpr(plan.work) }; parsed.set(plan, p); }
  const shapes = p.shapes.map((s) => s.map((e) => Math.max(0, evaluate(e, sizes))));
  const elements = shapes.map((s) => s.reduce((a, b) => a * b, 1));
  const arena = plan.buffers.map((b, i) => ({ b, i })).filter(({ b }) => b.storage === "arena");
  const packed = packArena(arena.map(({ b, i }) => ({ bytes: b.perThread ? threads * 64 * Math.ceil(elements[i]! * bytesOf(b.dtype) / 64) : elements[i]! * bytesOf(b.dtype), live: b.live ?? [0, Infinity] })));
  const offsets = new Map(arena.map(({ b }, k) => [b.offsetSymbol!, packed.offsets[k]!]));
  return { elements, shapes, symbols: plan.symbols.map((s) => offsets.get(s) ?? sizes.get(s) ?? 0), arenaBytes: packed.bytes, hostBytes: plan.buffers.reduce((n, b, i) => n + (b.storage === "host" ? elements[i]! * bytesOf(b.dtype) : 0), 0), work: evaluate(p.work, sizes) };
}
