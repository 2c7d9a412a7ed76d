/** Bounds, cuts and beams against the optimum by exhaustive search, and neighbourhoods of a plan. */
import test from "ava";
import fc from "fast-check";
import { recomputeAll, simulate, storeAll, type Plan, type Problem } from "../../../ts/checkpoint/plan/index.js";
import { Neighbourhoods } from "../../../ts/checkpoint/plan/around.js";
import { Beam } from "../../../ts/checkpoint/plan/beam.js";
import { leastStep, upToStep } from "../../../ts/checkpoint/plan/bounds.js";
import { Pace } from "../../../ts/checkpoint/plan/pace.js";
import { Relaxation, type Prices } from "../../../ts/checkpoint/plan/relaxation.js";
import { fullWindows } from "../../../ts/checkpoint/plan/windows.js";
import { randomWithLoops, slotOptimum } from "./reference.js";

const pace = (): Pace => new Pace(Infinity, undefined);

/** Limits between what recomputing everything and what storing everything takes. */
const limits = (p: Problem): readonly number[] => {
  const all = simulate(p, storeAll(p)).peak, least = simulate(p, recomputeAll(p)).peak;
  return [0.2, 0.5, 0.8].map((x) => Math.floor(least + x * (all - least)));
};

test("bounds are below the optimum, with any cuts; beams that leave nothing out find it, and others say what they cannot exclude", async (t) => {
  await fc.assert(fc.asyncProperty(randomWithLoops(6), async (p) => {
    for (const limit of limits(p)) {
      const optimum = slotOptimum(p, limit), relaxation = new Relaxation(p, fullWindows(p), limit, Infinity);
      let solved = await relaxation.solve(60, undefined), prices: Prices | undefined;
      for (let round = 0; round < 4 && solved; round++) {
        if (solved === "infeasible") { t.is(optimum, Infinity); break; }
        ({ prices } = solved);
        t.true(prices.bound <= optimum + 1e-6, `round ${round}: ${prices.bound} > ${optimum}`);
        for (const width of [1, 4, 100_000]) {
          const s = await new Beam(relaxation, prices).sweep(Infinity, width, pace());
          const cost = s.plan ? simulate(p, s.plan).cost : Infinity;
          if (s.plan) t.true(simulate(p, s.plan).peak <= limit);
          t.true(s.bound! <= optimum + 1e-6 && cost >= optimum, `width ${width}: ${s.bound} ${cost} ${optimum}`);
          if (s.complete) t.is(cost, optimum);
          if (width > 10_000) t.true(s.complete);
        }
        if (optimum < Infinity) t.deepEqual(await new Beam(relaxation, prices).sweep(optimum - leastStep(p), 100_000, pace()), { bound: Infinity, complete: true });
        if (relaxation.tighten(solved.x) === 0) break;
        solved = await relaxation.solve(60, undefined);
      }
    }
  }), { numRuns: 12 });
});

test("neighbourhoods lead to plans that fit, and not to dearer ones", async (t) => {
  await fc.assert(fc.asyncProperty(randomWithLoops(8), async (p) => {
    const [limit] = limits(p), plan: Plan = recomputeAll(p), relaxation = new Relaxation(p, fullWindows(p), limit!, Infinity), around = new Neighbourhoods(relaxation);
    let best = { plan, sim: simulate(p, plan) };
    if (best.sim.peak > limit!) return;
    for (let looks = 0; looks < 25; looks++) {
      const found = await around.look(best, leastStep(p), limit!, Infinity, undefined);
      if (!found) continue;
      t.true(found.sim.cost <= best.sim.cost && found.sim.peak <= limit!);
      best = found;
    }
    t.true(best.sim.cost >= slotOptimum(p, limit!));
  }), { numRuns: 6 });
});

test("bounds of whole costs are rounded up to the next cost there can be", (t) => {
  const p = { base: 0, branches: [], loops: [], hostLimit: Infinity, mode: "slot", objective: "worst", slots: [], values: [6, 9].map((cost) => ({ name: "v", size: 1, cost, parents: [], recompute: true })) } as const;
  t.is(upToStep(p, 6.1), 9);
  t.is(upToStep(p, 6 + 1e-8), 6);
  t.true(leastStep(p) < 3 && leastStep(p) > 2.9);
  t.is(upToStep({ ...p, objective: "expected" }, 6.1), 6.1);
});
