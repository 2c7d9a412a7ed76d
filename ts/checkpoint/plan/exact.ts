/**
 * The model solved with lazy memory rows: solve, let the simulator name the events that are above the limit, add their rows, repeat. Rows only take plans away
 * that the simulator refuses, so every solver's bound on the way is one for the problem (as far as `again` allows it), and a plan that holds is its optimum.
 */
import { MemoryModel, type RowKey } from "./model.js";
import { pruned } from "./greedy.js";
import { pathsThrough, takes } from "./paths.js";
import { Pace } from "./pace.js";
import { solveMip } from "./mip.js";
import { simulate, withoutUnread, type Simulation } from "./simulate.js";
import type { Plan, Problem } from "./problem.js";
import type { Windows } from "./windows.js";

export interface Candidate { readonly plan: Plan; readonly sim: Simulation }

export interface Search {
  readonly again: Windows;
  readonly fixed?: (value: number, slot: number) => boolean | undefined;
  /** Milliseconds of performance.now(). */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
  readonly start?: Candidate | undefined;
  /** Shared memory: from the time it is 1, the solver stops. */
  readonly stop?: Int32Array<SharedArrayBuffer>;
}

/** `bound` is proven for the model: of the cost, or of the peak in bytes. */
export interface Found { readonly status: "optimal" | "infeasible" | "stopped"; readonly best?: Candidate; readonly bound: number; readonly rounds: number }

/** Rows are dense: where there are many values, few at a time; those of neighbouring events are nearly the same. */
const ENTRIES_A_ROUND = 20_000, SEEDED = 130;

function rowsAtOnce(p: Problem): number { return Math.max(12, Math.floor(ENTRIES_A_ROUND / p.values.length)); }

function keyOf(p: Problem, sim: Simulation, e: number): RowKey { return { value: sim.events[e]!.value, slot: sim.events[e]!.slot, path: p.branches.length > 0 ? sim.pathAt(e) : [] }; }

/** Events above `top`, at most so many: the highest, then the highest away from those, and so on. */
function peaks(sim: Simulation, top: number, most: number): number[] {
  const above = sim.bytes.map((bytes, e) => ({ bytes, e })).filter((x) => x.bytes > top).sort((a, b) => b.bytes - a.bytes);
  if (above.length <= most) return above.map((x) => x.e);
  const out: number[] = [], near = new Set<number>(), apart = Math.ceil(above.length / most / 2);
  for (const { e } of above) {
    if (near.has(e)) continue;
    out.push(e);
    if (out.length === most) break;
    for (let d = -apart; d <= apart; d++) near.add(e + d);
  }
  return out;
}

/** The cheapest plan within `limit`; without one, the plan of the smallest peak (between `range`, where that is known). */
export async function search(p: Problem, limit: number | undefined, s: Search, range?: readonly [number, number]): Promise<Found> {
  const model = new MemoryModel(p, s.again, limit, range, s.fixed);
  const paths = p.branches.reduce((n, a) => n * a, 1);
  if (paths * (p.slots.length + p.values.length) <= SEEDED) {
    for (const path of pathsThrough(p.branches, p.branches.map((_, b) => b))) {
      p.values.forEach((v, value) => { if (takes(path, v.arm)) model.addMemory({ value, slot: -1, path }); });
      p.slots.forEach((s, slot) => { if (takes(path, s.arm)) model.addMemory({ value: -1, slot, path }); });
      if (p.branches.length > 0 && p.objective === "worst" && limit !== undefined) model.addPath(path);
    }
  } else if (limit !== undefined && s.start) {
    for (const e of peaks(s.start.sim, limit * 0.98, rowsAtOnce(p))) model.addMemory(keyOf(p, s.start.sim, e));
  }
  const merit = (c: Candidate): number => limit === undefined ? c.sim.peak : c.sim.cost;
  const valid = (c: Candidate): boolean => (limit === undefined || c.sim.peak <= limit) && c.sim.hostBytes <= p.hostLimit;
  let best = s.start && valid(s.start) ? s.start : undefined, bound = limit === undefined ? range?.[0] ?? 0 : 0;
  for (let rounds = 1; ; rounds++) {
    const left = (s.deadline - performance.now()) / 1000, seconds = rounds === 1 && left > 1 ? left * 0.85 : left;
    if (seconds <= 0.005 || (s.stop && Atomics.load(s.stop, 0) === 1)) return { status: "stopped", ...(best ? { best } : {}), bound, rounds };
    const gap = model.gap();
    const r = await solveMip(model.mip(), { seconds, gap, ...(s.stop ? { stop: s.stop } : {}), ...(best ? { start: model.start(best.plan) } : {}) }, s.signal);
    if (r.status === "infeasible") return { status: "infeasible", bound: Infinity, rounds };
    if (Number.isFinite(r.bound)) bound = Math.max(bound, model.worth(r.bound));
    let next: Candidate | undefined;
    if (r.x) {
      const plan = withoutUnread(p, model.plan(r.x));
      next = { plan, sim: simulate(p, plan) };
      // Paths that are not the dearest cost nothing, so the solver may have done there what nobody needs.
      if (p.branches.length > 0 && p.mode === "slot" && limit !== undefined && valid(next)) {
        const less = await pruned(p, limit, plan, new Pace(s.deadline, s.signal));
        next = { plan: less, sim: simulate(p, less) };
      }
      if (valid(next) && (!best || merit(next) < merit(best))) best = next;
    }
    // The solver may have been stopped with a plan that other rows forbid: with the time that is left, those are added.
    if (!next || (r.status === "stopped" && (valid(next) || s.deadline - performance.now() < 100))) return { status: "stopped", ...(best ? { best } : {}), bound, rounds };
    const found = model.worth(r.objective), slack = Math.max(1e-6, 1e-9 * Math.abs(found));
    if (r.status === "optimal" && best && merit(best) <= found + slack) return { status: model.exact ? "optimal" : "stopped", best, bound: model.exact ? Math.min(bound, merit(best)) : 0, rounds };

    const { sim } = next, top = limit ?? found + slack;
    let added = 0;
    const keys = peaks(sim, top, rowsAtOnce(p)).map((e) => keyOf(p, sim, e));
    for (const k of keys) if (!model.has(k)) { model.addMemory(k); added++; }
    if (valid(next) && sim.cost > found + slack && limit !== undefined && p.branches.length > 0) added += model.addPath(sim.dearest) ? 1 : 0;
    if (added > 0) continue;
    // Only the solver's tolerance should be left between the model and the simulator. What else there may be costs the proof, not the plan.
    const covered = limit !== undefined && r.x ? keys.filter((k) => model.addCover(k, r.x!)).length : 0;
    if (covered === 0) return { status: "stopped", ...(best ? { best } : {}), bound, rounds };
  }
}
