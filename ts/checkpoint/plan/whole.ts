/**
 * Problems that are small enough to be looked at whole: the relaxation's prices, narrow beams for a good plan, then wider ones and neighbourhoods beside the
 * integer solver, which starts from that plan and decides only what the prices leave open. Whoever comes to an end first has the proof.
 */
import { Beam } from "./beam.js";
import { Neighbourhoods } from "./around.js";
import { leastStep, upToStep } from "./bounds.js";
import { search, type Candidate, type Found } from "./exact.js";
import { Pace } from "./pace.js";
import { Relaxation, type Prices } from "./relaxation.js";
import { simulate } from "./simulate.js";
import type { Problem } from "./problem.js";
import type { Windows } from "./windows.js";

export interface Closed { readonly best: Candidate | undefined; /** Proven; infinite where no plan fits. */ readonly bound: number }

/** Milliseconds: `deadline` as performance.now() tells them, `quick` from the relaxation on. `floor` is a bound that is known. */
export interface Effort { readonly floor: number; readonly deadline: number; readonly quick: number; readonly signal: AbortSignal | undefined }

/** States that go on from a slot: first, times each time, at most; before that all cuts are made. */
const NARROW = 64, WIDER = 3, WIDEST = 65_536;
/** Rounds of cuts, and what part of what is left between bound and plan one must win for another. */
const ROUNDS = 12, WON = 0.02;
/** Milliseconds that must be left for the integer solver to be worth its start. */
const SOLVER_MS = 100;
/** Where so much is unproven no cut helps; when a beam found nothing either, the next one takes the prices of what is to come for so much more than they say. */
const FAR = 0.3, CAUTION = 0.5;

export async function solveWhole(p: Problem, limit: number, windows: Windows, start: Candidate | undefined, o: Effort): Promise<Closed> {
  const { floor, signal } = o;
  let { deadline } = o;
  const began = performance.now(), left = (): number => deadline - performance.now(), relaxation = new Relaxation(p, windows, limit, start?.sim.cost ?? Infinity), step = leastStep(p);
  let solved = await relaxation.solve(Math.max(0.05, left() / 1000), signal);
  if (!solved) return { best: start, bound: floor };
  deadline = Math.min(deadline, performance.now() + o.quick);
  if (solved === "infeasible") return { best: start, bound: start ? start.sim.cost : Infinity };
  let best = start, bound = floor, width = NARROW, more = true, vain = false, prices = solved.prices;
  const cost = (): number => best?.sim.cost ?? Infinity, raise = (to: number): void => { bound = Math.max(bound, Math.min(cost(), upToStep(p, to))); };
  const away = (): number => cost() === Infinity ? Infinity : (cost() - bound) / cost();
  /** True when there is nothing left to look for. */
  const sweep = async (): Promise<boolean> => {
    const from = performance.now(), caution = vain && away() > FAR ? CAUTION : 0, r = await new Beam(relaxation, prices).sweep(cost() - step, width, new Pace(deadline, signal), caution);
    // The time of the next one is foreseen: about as much more as it is wider.
    const fits = width * 0.7 * left() / Math.max(1, performance.now() - from);
    more = fits >= 1.5 * width;
    width = Math.floor(Math.min(WIDER * width, fits));
    vain = !r.plan;
    if (r.plan) {
      const sim = simulate(p, r.plan);
      if (sim.peak <= limit && sim.cost < cost()) best = { plan: r.plan, sim };
    }
    if (r.bound !== undefined) raise(r.bound);
    if (r.complete) bound = cost();
    return r.complete || cost() - bound < step;
  };
  raise(prices.bound);
  if (await sweep()) return { best, bound: cost() };
  for (let round = 0; round < ROUNDS && away() < FAR && performance.now() - began < 0.4 * (deadline - began); round++) {
    if (relaxation.tighten(solved.x) === 0) break;
    const next = await relaxation.solve(Math.max(0.05, left() / 1000), signal);
    if (next === "infeasible") return { best, bound: cost() };
    if (!next) break;
    const won = next.prices.bound - prices.bound;
    solved = next;
    if (won > 0) ({ prices } = next);
    raise(prices.bound);
    if (cost() - bound < step) return { best, bound: cost() };
    if (won < WON * (cost() - prices.bound)) break;
  }

  // A second sweep gives the integer solver a better plan to begin with.
  let closed = await sweep(), found: Found | undefined;
  const stop = new Int32Array(new SharedArrayBuffer(4)), ended = new AbortController(), neighbourhoods = new Neighbourhoods(relaxation);
  const solver = closed || left() < SOLVER_MS ? undefined : search(p, limit, { again: windows, deadline, signal, stop, start: best, fixed: fixing(p, prices, cost()) }).finally(() => { ended.abort(); });
  const late = (): boolean => left() <= 0 || ended.signal.aborted;
  try {
    // Each sweep is followed by some time for looking around what it found, and what no sweep fits into goes there too.
    while (!closed && !late()) {
      const from = performance.now(), wide = more && width <= WIDEST;
      if (wide) closed = await sweep();
      if (!wide && !best) break;
      const until = wide ? Math.min(deadline, from + (vain && away() > FAR ? 5 : 2) * (performance.now() - from)) : deadline;
      while (!closed && best && performance.now() < until && !late()) {
        best = await neighbourhoods.look(best, step, limit, until, signal) ?? best;
        closed = cost() - bound < step;
      }
    }
  } finally {
    if (closed || signal?.aborted) Atomics.store(stop, 0, 1);
    found = await solver;
  }
  if (found?.best && found.best.sim.cost < cost()) best = found.best;
  if (closed || (found && found.status !== "stopped")) return { best, bound: cost() };
  if (found) raise(found.bound);
  return { best, bound: Math.min(cost(), bound) };
}

/** What is certain of every plan that is no dearer than `top`. */
function fixing(p: Problem, prices: Prices, top: number): (value: number, slot: number) => boolean | undefined {
  const left = top + 1e-6 * Math.max(1, Math.abs(top)) - prices.bound, n = p.values.length;
  return (v, t) => {
    const at = t * n + v;
    if (p.values[v]!.cost > top || prices.again[at]! > left) return false;
    return prices.resident[at]! > left && prices.absent[at]! > left ? true : undefined;
  };
}
