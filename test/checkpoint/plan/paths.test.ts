/** Programs with branches: one path at a time against the whole. */
import test from "ava";
import fc from "fast-check";
import { recomputeAll, simulate, solvePlan, storeAll, type Plan, type Problem } from "../../../ts/checkpoint/plan/index.js";
import { alongPaths, onPath } from "../../../ts/checkpoint/plan/along.js";
import { pathsThrough, takes, type Path } from "../../../ts/checkpoint/plan/paths.js";
import { PathSets } from "../../../ts/checkpoint/plan/path-sets.js";
import { withoutUnread } from "../../../ts/checkpoint/plan/simulate.js";
import { PATIENT } from "./check.js";
import { randomBranches, slotOptimum } from "./reference.js";

const all = (p: Problem): Path[] => pathsThrough(p.branches, p.branches.map((_, b) => b));
/** What of a plan is read on a path. */
function along(p: Problem, plan: Plan, path: Path): { peak: number; cost: number } {
  const q = onPath(p, path), { peak, cost } = simulate(q, withoutUnread(q, { ...plan, recompute: plan.recompute.map((r, t) => (takes(path, p.slots[t]!.arm) ? r.filter((v) => q.values[v]!.recompute) : [])) }));
  return { peak, cost };
}

test("sets of paths: an arm's share, and which path has which number", (t) => {
  const sets = PathSets.of([2, 3, 2])!;
  t.is(sets.count, 12);
  const seen = new Set(Array.from({ length: 12 }, (_, i) => sets.path(i).join("")));
  t.is(seen.size, 12);
  for (let i = 0; i < 12; i++) {
    const path = sets.path(i), only = sets.taking(path.map((a, b) => [b, a] as const));
    t.is(sets.first(only), i);
    t.is(sets.share(only), 1 / 12);
    t.true(sets.has(only, path) && sets.has(sets.taking([[1, path[1]!]]), path) && !sets.has(sets.taking([[1, (path[1]! + 1) % 3]]), path));
  }
  t.is(sets.share(sets.taking([[1, 2]])), 1 / 3);
  t.true(sets.full(sets.union([sets.taking([[0, 0]]), sets.taking([[0, 1]])])));
  t.is(PathSets.of(Array.from({ length: 13 }, () => 2)), undefined);
});

test("no path of a plan takes more than the plan, and of plans in which nothing is in vain the worst takes as much", (t) => {
  fc.assert(fc.property(randomBranches(4), fc.array(fc.boolean(), { minLength: 600, maxLength: 600 }), (p, coins) => {
    const slot = (v: number, s: number): boolean => { const a = p.values[v]!.arm, b = p.slots[s]!.arm; return !a || !b || a[0] !== b[0] || a[1] === b[1]; };
    const some: Plan = { ...storeAll(p), recompute: p.slots.map((_, s) => [...p.values.keys()].filter((v) => slot(v, s) && coins[(31 * s + 7 * v) % coins.length])) };
    for (const plan of [storeAll(p), recomputeAll(p), withoutUnread(p, some)]) {
      const whole = simulate(p, plan), each = all(p).map((path) => along(p, plan, path));
      t.true(Math.max(...each.map((x) => x.peak)) <= whole.peak && Math.max(...each.map((x) => x.cost)) <= whole.cost);
      if (plan.recompute.every((r) => r.length === 0)) t.is(Math.max(...each.map((x) => x.peak)), whole.peak);
      const at = simulate(p, plan).pathAt(whole.worst);
      t.is(whole.liveAt(whole.worst).reduce((s, v) => s + p.values[v]!.size, 0) + (whole.events[whole.worst]!.value < 0 ? p.slots[whole.events[whole.worst]!.slot]!.extra : 0), whole.peak, at.join(""));
    }
  }), { numRuns: 60 });
});

test("the dearest path's optimum is a bound, and a plan for it with the other arms decided beside it fits", async (t) => {
  await fc.assert(fc.asyncProperty(randomBranches(2), fc.double({ min: 0.1, max: 0.9, noNaN: true }), async (p, part) => {
    const least = simulate(p, recomputeAll(p)).peak, limit = Math.floor(least + part * (simulate(p, storeAll(p)).peak - least)), { best, bound } = await alongPaths(p, limit, undefined, 0, performance.now() + 20_000, undefined);
    if (best) { const s = simulate(p, best.plan); t.true(s.peak <= limit && s.cost === best.sim.cost); }
    // By exhaustive search on each path.
    const dearest = Math.max(...all(p).map((path) => slotOptimum(onPath(p, path), limit)));
    t.true(bound <= (best?.sim.cost ?? Infinity));
    const whole = await solvePlan(p, limit, PATIENT);
    t.true(whole.peak! <= limit);
    if (whole.status === "optimal") t.true(bound <= whole.cost! && dearest <= whole.cost!, `${bound} ${dearest} ${whole.cost}`);
    t.true(bound <= dearest);
  }), { numRuns: 8 });
});
