/**
 * Large problems: the model around a plan that is at hand. A stretch of slots is opened (there, values may be computed again wherever their full windows allow it),
 * everything else stays as the plan has it; the stretch moves over the backward sweep and grows while that finds something.
 */
import { search, type Candidate } from "./exact.js";
import type { Problem } from "./problem.js";
import type { Windows } from "./windows.js";

/** Pairs of value and slot that one model may decide. */
const OPEN = 500;

export async function improve(p: Problem, limit: number, windows: Windows, start: Candidate, deadline: number, signal: AbortSignal | undefined): Promise<Candidate> {
  const bySlot: number[][] = p.slots.map(() => []);
  windows.forEach((w, v) => { if (p.values[v]!.recompute) for (const t of w) bySlot[t]!.push(v); });
  let best = start, idle = 0;
  for (let at = 0, size = OPEN; performance.now() < deadline && idle < p.slots.length;) {
    // Most of what is computed again is dear where the plan does most of it: slots with much of it come with their neighbours.
    let to = at, open = 0;
    while (to < p.slots.length && (to === at || open + bySlot[to]!.length <= size)) open += bySlot[to++]!.length;
    const sets = best.plan.recompute.map((r) => new Set(r)), within = (t: number): boolean => t >= at && t < to;
    const again = p.values.map((v, i) => v.recompute ? [...new Set([...windows[i]!.filter(within), ...sets.flatMap((s, t) => s.has(i) ? [t] : [])])].sort((a, b) => a - b) : []);
    const r = await search(p, limit, { again, start: best, deadline: Math.min(deadline, performance.now() + 4000), signal, fixed: (v, t) => within(t) ? undefined : sets[t]!.has(v) });
    const better = r.best !== undefined && r.best.sim.cost < best.sim.cost - 1e-9;
    if (better) { best = r.best!; idle = 0; } else idle += to - at;
    if (r.status === "stopped" && !better) size = Math.max(50, size / 2);
    at = to >= p.slots.length ? 0 : better ? at + Math.max(1, (to - at) >> 1) : to;
  }
  return best;
}
