/** A problem solved at limits between its smallest and store-all, against the exhaustive search. */
import type { ExecutionContext } from "ava";
import { simulate, solvePlan, storeAll, type Problem } from "../../../ts/checkpoint/plan/index.js";
import { slotOptimum, smallest } from "./reference.js";

/** What is asked for is the optimum, however busy the machine is. */
export const PATIENT = { budgetMs: 300_000, patient: true } as const;

export async function checkProblem(t: ExecutionContext, p: Problem): Promise<void> {
  const top = simulate(p, storeAll(p)).peak, least = smallest((limit) => slotOptimum(p, limit) < Infinity, top);
  const none = await solvePlan(p, least - 1, PATIENT);
  t.is(none.status, "infeasible");
  t.like(none.smallest, { limit: least, proven: true });
  t.is(simulate(p, none.smallest!.plan).peak, least);
  t.is(slotOptimum(p, top), simulate(p, storeAll(p)).cost);
  for (const limit of new Set([least, Math.floor((2 * least + top) / 3), Math.floor((least + 2 * top) / 3), top - 1, top])) {
    if (limit < least) continue;
    const s = await solvePlan(p, limit, PATIENT);
    t.is(s.status, "optimal");
    t.true(s.peak! <= limit);
    t.is(s.cost, slotOptimum(p, limit), `limit ${limit}`);
    const again = simulate(p, s.plan!);
    t.deepEqual([again.peak, again.cost], [s.peak, s.cost]);
  }
}
