/**
 * Large problems: the model around a plan that is at hand. Values may be computed again where the plan does so, where a slot needs them, and where a child within a
 * few generations may be; in stretches of slots if that is still too much, everything outside of the stretch staying as the plan has it. A stretch that finds
 * something is followed by one around the new plan; when none does, more generations are allowed.
 */
import { search, type Candidate } from "./exact.js";
import { together, type Problem } from "./problem.js";
import { needsOf, type Windows } from "./windows.js";

/** Pairs of value and slot that one model may decide. */
const OPEN = 2600, GENERATIONS = 4;

/** Where values may be computed again: by slot. */
function near(p: Problem, windows: Windows, best: Candidate, generations: number): Set<number>[] {
  const needs = needsOf(p), out = best.plan.recompute.map((r) => new Set(r)), within = windows.map((w) => new Set(w));
  needs.forEach((slots, v) => { if (p.values[v]!.recompute) for (const t of slots) out[t]!.add(v); });
  out.forEach((set, t) => {
    let last = [...set];
    for (let g = 0; g < generations; g++) {
      last = last.flatMap((v) => p.values[v]!.parents).filter((q) => p.values[q]!.recompute && within[q]!.has(t) && together(p.values[q]!.arm, p.slots[t]!.arm) && !set.has(q));
      for (const q of last) set.add(q);
    }
  });
  return out;
}

export async function improve(p: Problem, limit: number, windows: Windows, start: Candidate, floor: number, deadline: number, signal: AbortSignal | undefined): Promise<Candidate> {
  let best = start, most = OPEN;
  for (let generations = 0; generations <= GENERATIONS && best.sim.cost > floor;) {
    let found = false;
    for (let at = 0; at < p.slots.length;) {
      if (performance.now() >= deadline) return best;
      const open = near(p, windows, best, generations), sets = best.plan.recompute.map((r) => new Set(r));
      let to = at, pairs = 0;
      while (to < p.slots.length && (to === at || pairs + open[to]!.size <= most)) pairs += open[to++]!.size;
      const within = (t: number): boolean => t >= at && t < to, again: number[][] = p.values.map(() => []);
      open.forEach((set, t) => { for (const v of within(t) ? set : sets[t]!) again[v]!.push(t); });
      const left = deadline - performance.now();
      const r = await search(p, limit, { again, start: best, deadline: performance.now() + (left > 1000 ? Math.max(1000, left * 0.6) : left), signal, fixed: (v, t) => within(t) ? undefined : sets[t]!.has(v) });
      if (r.best && r.best.sim.cost < best.sim.cost - 1e-9) { best = r.best; found = true; } else if (r.status === "stopped") most = Math.max(200, most / 2);
      at = to;
    }
    if (!found) generations++;
  }
  return best;
}
