/**
 * The ladder: nothing to do → the whole problem → greedy and windows around what it found; always with a proven bound, within a time budget. Every answer has been through
 * the simulator. Where no plan fits, the smallest limit that works is looked for, and the values that are live at its peak.
 */
import { alongPaths } from "./along.js";
import { costBound, peakBound, upToStep } from "./bounds.js";
import { allStatic, cheapestOf } from "./enumerate.js";
import { greedyPlan, pruned } from "./greedy.js";
import { warmSolver } from "./mip.js";
import { recomputeAll } from "./expand.js";
import { Pace } from "./pace.js";
import { search, type Candidate } from "./exact.js";
import { simulate, type Simulation } from "./simulate.js";
import { checkProblem, storeAll, type Plan, type Problem } from "./problem.js";
import { fullWindows, type Windows } from "./windows.js";
import { improve } from "./improve.js";
import { relaxable, Relaxation } from "./relaxation.js";
import { solveWhole } from "./whole.js";

/** `budgetMs` at most; a problem that is looked at whole takes less if it is small, unless the caller is `patient`. */
export interface SolveOptions { readonly budgetMs?: number; readonly patient?: boolean; readonly signal?: AbortSignal; /** A plan for a smaller limit, say. */ readonly known?: Plan }

export interface Smallest { readonly limit: number; readonly proven: boolean; readonly plan: Plan; /** What is live at its peak, largest first. */ readonly dominating: readonly { readonly name: string; readonly bytes: number }[] }

/** `feasible`: a plan, without proof that it is the cheapest. `unknown`: none was found in time, and none was proven impossible. */
export type Status = "optimal" | "feasible" | "infeasible" | "unknown";

export interface Solution {
  readonly status: Status;
  /** Absent where there is no plan. */
  readonly plan?: Plan; readonly cost?: number; readonly peak?: number;
  /** No plan within the limit costs less. */
  readonly bound: number;
  /** (cost - bound) / cost. */
  readonly gap: number;
  readonly rung: "store-all" | "exact" | "windows";
  /** Given where there is no plan. */
  readonly smallest?: Smallest;
  readonly ms: number;
}

export const BUDGET_MS = 10_000;
/** Problems whose windows hold more pairs of value and slot than this are not given to the solver whole. */
const WHOLE = 2600;
/** The same for the relaxation. */
const RELAXED = 12_000;
/** Milliseconds for a problem of so many values that may be computed again or moved: more than these rarely lead to a better plan. They grow with the cube; so many of them are for what begins with the relaxation. */
const QUICK_MS = 900, RELAXED_MS = 650, QUICK = 50, FEW = 12, GREEDY_MS = 200;

/** Below this many, the whole model is solved at once. */
const EASY = 400;

/** How long a problem is looked at, of `budget`: of a few values all is soon known, however busy the machine is. */
function quickly(p: Problem, budget: number, patient: boolean | undefined, ms = QUICK_MS): number {
  const candidates = p.values.filter((v) => v.recompute || v.offload).length;
  return patient || (candidates <= FEW && p.branches.length === 0) ? budget : Math.min(budget, ms * Math.max(1, candidates / QUICK) ** 3);
}

const pairs = (w: Windows): number => w.reduce((s, x) => s + x.length, 0);

/** The smallest limit for which there is a plan. */
export async function smallestLimit(p: Problem, o: SolveOptions = {}): Promise<Smallest> {
  const budget = o.budgetMs ?? BUDGET_MS, deadline = performance.now() + budget, late = (): boolean => performance.now() > deadline;
  const windows = fullWindows(p), whole = pairs(windows) <= WHOLE, lower = peakBound(p);
  const every = p.mode === "static" ? allStatic(p) : undefined;
  let best = candidate(p, storeAll(p));
  if (every) for (const c of every) if (c.sim.peak < best.sim.peak) best = c;
  const all = candidate(p, recomputeAll(p));
  if (all.sim.peak < best.sim.peak) best = all;
  const pace = new Pace(deadline - (whole ? 0.8 : 0.2) * budget, o.signal);
  // The greedy plan by bisection: it need not be monotone, and every plan counts.
  for (let low = lower - 1, steps = 0; !every && low < best.sim.peak - 1 && steps < 40 && !pace.late(); steps++) {
    const limit = Math.floor((low + best.sim.peak) / 2), found = await greedyPlan(p, limit, pace);
    if (found && found.sim.peak < best.sim.peak) best = found; else low = limit;
  }
  let proven = best.sim.peak === lower || every !== undefined;
  if (whole && !proven) {
    const s = { again: windows, deadline, signal: o.signal };
    const found = await search(p, undefined, { ...s, start: best }, [lower, best.sim.peak]);
    if (found.best) best = found.best;
    proven = found.status === "optimal";
    // Where tolerances kept the solver from an answer to the byte, plans one byte below are looked for.
    while (!proven && !late()) {
      const below = await search(p, best.sim.peak - 1, s);
      if (below.best) best = below.best; else { proven = below.status === "infeasible"; break; }
    }
  }
  o.signal?.throwIfAborted();
  return { limit: best.sim.peak, proven, plan: best.plan, dominating: best.sim.liveAt(best.sim.worst).map((v) => ({ name: p.values[v]!.name, bytes: p.values[v]!.size })) };
}

function candidate(p: Problem, plan: Plan): Candidate & { sim: Simulation } { return { plan, sim: simulate(p, plan) }; }

/** The cheapest plan whose peak is at most `limit` bytes. Rejects with the signal's reason when aborted. */
export async function solvePlan(p: Problem, limit: number, o: SolveOptions = {}): Promise<Solution> {
  const began = performance.now(), budget = o.budgetMs ?? BUDGET_MS, deadline = began + budget, ms = (): number => performance.now() - began;
  o.signal?.throwIfAborted();
  checkProblem(p);
  const answer = (c: Candidate, bound: number, rung: Solution["rung"]): Solution => {
    const low = Math.min(bound, c.sim.cost), gap = c.sim.cost > 0 ? (c.sim.cost - low) / c.sim.cost : 0;
    return { status: gap <= 1e-9 ? "optimal" : "feasible", plan: c.plan, cost: c.sim.cost, peak: c.sim.peak, bound: low, gap, rung, ms: ms() };
  };
  const free = candidate(p, storeAll(p));
  if (free.sim.peak <= limit) return answer(free, free.sim.cost, "store-all");
  const none = async (status: "infeasible" | "unknown", rung: Solution["rung"]): Promise<Solution> => {
    const smallest = await smallestLimit(p, { ...o, budgetMs: Math.max(budget / 2, deadline - performance.now()) });
    if (smallest.limit <= limit) return answer(candidate(p, smallest.plan), free.sim.cost, rung);
    return { status: smallest.proven ? "infeasible" : status, bound: Infinity, gap: 0, rung, smallest, ms: ms() };
  };
  if (limit < peakBound(p)) return none("infeasible", "exact");
  const every = p.mode === "static" ? allStatic(p) : undefined;
  if (every) {
    const least = cheapestOf(every, limit);
    return least ? answer(least, least.sim.cost, "exact") : none("infeasible", "exact");
  }

  const floor = free.sim.cost + costBound(p, limit);
  const windows = fullWindows(p), whole = pairs(windows) <= WHOLE;
  warmSolver(whole && pairs(windows) > EASY);
  const known = o.known && candidate(p, o.known);
  let best: Candidate | undefined = known && known.sim.peak <= limit && known.sim.hostBytes <= p.hostLimit ? known : undefined;
  const beams = whole && relaxable(p), share = whole ? 0.2 : 0.4, found = await greedyPlan(p, limit, new Pace(began + (beams ? Math.min(GREEDY_MS, share * budget) : share * budget), o.signal));
  if (found && (!best || found.sim.cost < best.sim.cost)) best = found;
  if (!best) {
    const all = candidate(p, recomputeAll(p));
    if (all.sim.peak <= limit) best = all;
  }
  if (beams) {
    const r = await solveWhole(p, limit, windows, best, { floor, deadline, quick: quickly(p, budget, o.patient, RELAXED_MS), signal: o.signal });
    if (!r.best) return none(r.bound === Infinity ? "infeasible" : "unknown", "exact");
    return answer(r.best, r.bound, "exact");
  }
  if (whole) {
    const until = Math.min(deadline, began + quickly(p, budget, o.patient)), part = (x: number): number => performance.now() + x * (until - performance.now());
    let low = floor;
    if (p.branches.length > 0 && p.mode === "slot") {
      const few = allStatic(p), fixed = few && cheapestOf(few, limit);
      if (fixed && !(best && best.sim.cost <= fixed.sim.cost)) best = fixed;
      const all = candidate(p, recomputeAll(p)), less = all.sim.peak <= limit ? candidate(p, await pruned(p, limit, all.plan, new Pace(part(0.3), o.signal))) : undefined;
      if (less && !(best && best.sim.cost <= less.sim.cost)) best = less;
      const along = await alongPaths(p, limit, best, floor, part(0.8), o.signal);
      if (along.bound === Infinity) return none("infeasible", "exact");
      ({ best } = along);
      low = along.bound;
      if (best && best.sim.cost <= low) return answer(best, low, "exact");
    // A good plan spares the solver most of its search.
    } else if (best && pairs(windows) > EASY) best = await improve(p, limit, windows, best, floor, part(0.3), o.signal);
    const { start, top } = { start: best, top: best?.sim.cost ?? Infinity };
    const r = await search(p, limit, { again: windows, deadline: until, signal: o.signal, start, fixed: (v) => p.objective === "worst" && p.values[v]!.cost > top ? false : undefined });
    if (r.status === "infeasible" && !best) return none("infeasible", "exact");
    best = r.best ?? best;
    return best ? answer(best, r.status === "optimal" ? best.sim.cost : r.status === "infeasible" ? low : Math.max(low, r.bound), "exact") : none("unknown", "exact");
  }
  best ??= await rescue(p, limit, deadline, o);
  if (!best) return none("unknown", "windows");
  // Too large to be decided whole, but not to be relaxed whole: a better bound than the knapsack's.
  let low = floor;
  if (relaxable(p) && pairs(windows) <= RELAXED) {
    const relaxed = await new Relaxation(p, windows, limit, best.sim.cost).solve(Math.max(0.02, 0.2 * (deadline - performance.now()) / 1000), o.signal);
    if (relaxed && relaxed !== "infeasible") low = Math.max(floor, Math.min(best.sim.cost, upToStep(p, relaxed.prices.bound)));
  }
  return answer(await improve(p, limit, windows, best, low, deadline, o.signal), low, "windows");
}

/** Large and greedily infeasible: the plan of the smallest limit found may still fit. */
async function rescue(p: Problem, limit: number, deadline: number, o: SolveOptions): Promise<Candidate | undefined> {
  const s = await smallestLimit(p, { ...o, budgetMs: (deadline - performance.now()) / 2 });
  return s.limit <= limit ? candidate(p, s.plan) : undefined;
}
