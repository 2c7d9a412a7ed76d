/** Plans that were found are there for the next search, in its own terms. */
import test from "ava";
import { knownPlan, knownPlans, planIn, rememberPlans } from "../../ts/compile/known-plans.js";

const plan = { recompute: [[1]], offload: [], loops: [0] }, option = { kind: "revolve", parameter: 3, held: 10, inside: 20 };

test("those that no other beats in peak and cost, the cheapest first, the smallest always", (t) => {
  rememberPlans("a", [knownPlan(plan, [], 100, 5), knownPlan(plan, [], 50, 9), knownPlan(plan, [], 120, 6)]);
  rememberPlans("a", [knownPlan(plan, [], 80, 5)]);
  t.deepEqual(knownPlans("a").map((p) => [p.peak, p.cost]), [[80, 5], [50, 9]]);
  rememberPlans("a", Array.from({ length: 200 }, (_, k) => knownPlan(plan, [], 1000 - k, k / 100)));
  t.is(knownPlans("a").at(-1)!.peak, 50);
  t.deepEqual(knownPlans("b"), []);
});
test("programs that were not asked for lately go", (t) => {
  for (let k = 0; k < 100; k++) rememberPlans(`p${k}`, [knownPlan(plan, [], 1, 1)]);
  t.deepEqual(knownPlans("p0"), []);
  t.is(knownPlans("p99").length, 1);
});
test("a loop's option is found by what it is, and a plan without it is of no use", (t) => {
  const known = knownPlan(plan, [option], 1, 1);
  t.deepEqual(planIn(known, [[{ ...option, parameter: 2 }, option]])?.loops, [1]);
  t.is(planIn(known, [[{ ...option, inside: 21 }]]), undefined);
  t.is(planIn(known, [[option], [option]]), undefined);
});
