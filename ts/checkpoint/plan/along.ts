/**
 * Programs with branches, one path at a time. What happens on one path is a program without branches, and costs no more than the whole: its optimum bounds that of the dearest path. A plan for
 * the dearest path becomes one for all by deciding each other arm beside it, everything else staying as it is; if another path is then dearest, it is its turn.
 */
import { costBound } from "./bounds.js";
import { search, type Candidate } from "./exact.js";
import { pruned } from "./greedy.js";
import { Pace } from "./pace.js";
import { takes, type Path } from "./paths.js";
import { storeAll, type Plan, type Problem } from "./problem.js";
import { relaxable } from "./relaxation.js";
import { simulate, withoutUnread } from "./simulate.js";
import { solveWhole } from "./whole.js";
import { fullWindows } from "./windows.js";

/** What happens on a path; values and slots keep their numbers, what does not happen on it is nothing. */
export function onPath(p: Problem, path: Path): Problem {
  const on = (v: number): boolean => takes(path, p.values[v]!.arm);
  return {
    ...p, branches: [], objective: "worst",
    values: p.values.map(({ arm: _, ...v }, i) => (on(i) ? { ...v, parents: v.parents.filter(on) } : { name: v.name, size: 0, cost: 0, parents: [], recompute: false })),
    slots: p.slots.map(({ arm, ...s }) => (takes(path, arm) ? { ...s, needs: s.needs.filter(on) } : { name: s.name, needs: [], extra: 0 })),
  };
}

/** Costs and bounds of a path decide which one is looked at first. */
function dearestByBound(p: Problem, limit: number): Path {
  let path = p.branches.map(() => 0);
  p.branches.forEach((arms, b) => {
    let most = -1, best = 0;
    for (let a = 0; a < arms; a++) { const x = costBound(onPath(p, path.with(b, a)), limit); if (x > most) { most = x; best = a; } }
    path = path.with(b, best);
  });
  return path;
}

/** Paths that were fine with one arm changed need not be with several: so many of them are looked at again, by number of branches. */
const AGAIN = 2;

/** Plans of all other arms beside that of a path; undefined where that leads to none that fits. */
async function besides(p: Problem, limit: number, path: Path, from: Plan, deadline: number, signal: AbortSignal | undefined): Promise<Candidate | undefined> {
  const sets = from.recompute.map((r) => new Set(r)), ascending = (s: Iterable<number>): number[] => [...s].sort((x, y) => x - y);
  /** What is done on another path, too, stays; what only arms of `mine` do is open, and if that is not enough what is done besides. */
  const decide = async (other: Path, mine: (v: number, t: number) => boolean): Promise<boolean> => {
    const q = onPath(p, other), plan: Plan = { ...from, recompute: sets.map((s, t) => ascending(s).filter((v) => q.values[v]!.recompute && takes(other, p.slots[t]!.arm))) };
    // Often nothing has to be done.
    if (simulate(q, plan).peak <= limit) return true;
    const again = fullWindows(q);
    for (const more of [false, true]) {
      const r = await search(q, limit, { again, deadline, signal, fixed: (v, t) => (mine(v, t) ? undefined : plan.recompute[t]!.includes(v) ? true : more ? undefined : false) });
      if (!r.best) continue;
      r.best.plan.recompute.forEach((list, t) => {
        for (const v of again.keys()) if (mine(v, t) && again[v]!.includes(t)) sets[t]!.delete(v);
        for (const v of list) sets[t]!.add(v);
      });
      return true;
    }
    return false;
  };
  for (let b = 0; b < p.branches.length; b++) {
    for (let a = 0; a < p.branches[b]!; a++) {
      if (a === path[b]) continue;
      if (performance.now() > deadline || !await decide(path.with(b, a), (v, t) => [p.values[v]!.arm, p.slots[t]!.arm].some((x) => x?.[0] === b && x[1] === a))) return undefined;
    }
  }
  for (let k = 0; k <= AGAIN * p.branches.length; k++) {
    const plan: Plan = withoutUnread(p, { ...from, recompute: sets.map(ascending) }), sim = simulate(p, plan);
    if (sim.peak <= limit) return sim.hostBytes <= p.hostLimit ? { plan, sim } : undefined;
    const worst = sim.pathAt(sim.worst), branch = (v: number, t: number): boolean => [p.values[v]!.arm, p.slots[t]!.arm].some((x) => x && x[1] !== path[x[0]]);
    if (performance.now() > deadline || !await decide(worst, branch)) return undefined;
  }
  return undefined;
}

/** The best plan found by `deadline`, and what no plan costs less than; nothing fits where the bound is infinite. */
export async function alongPaths(p: Problem, limit: number, start: Candidate | undefined, floor: number, deadline: number, signal: AbortSignal | undefined): Promise<{ readonly best: Candidate | undefined; readonly bound: number }> {
  let best = start, bound = floor, path = dearestByBound(p, limit);
  const seen = new Set<string>();
  while (performance.now() < deadline && !seen.has(path.join(" "))) {
    seen.add(path.join(" "));
    const q = onPath(p, path), windows = fullWindows(q), left = deadline - performance.now(), free = storeAll(q);
    let plan: Plan | undefined = simulate(q, free).peak <= limit ? free : undefined, least = plan ? simulate(q, free).cost : 0;
    if (!plan) {
      const o = { floor: simulate(q, free).cost, deadline, quick: 0.4 * left, signal };
      const r = relaxable(q) ? await solveWhole(q, limit, windows, undefined, o) : await search(q, limit, { again: windows, deadline: performance.now() + 0.4 * left, signal }).then((f) => ({ best: f.best, bound: f.status === "infeasible" ? Infinity : f.bound }));
      if (!r.best) { if (r.bound === Infinity) return { best: undefined, bound: Infinity }; break; }
      plan = r.best.plan; least = r.bound;
    }
    if (p.objective === "worst") bound = Math.max(bound, least);
    const whole = await besides(p, limit, path, plan, deadline, signal);
    if (!whole) break;
    const less = await pruned(p, limit, whole.plan, new Pace(deadline, signal)), sim = simulate(p, less);
    if (!best || sim.cost < best.sim.cost) best = { plan: less, sim };
    if (best.sim.cost <= bound) break;
    path = sim.dearest;
  }
  return { best, bound: best ? Math.min(bound, best.sim.cost) : bound };
}
