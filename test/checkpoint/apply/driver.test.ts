/** Loops carried out by any schedule: the gradient is that of taping all, bit for bit under strict precision. */
import test from "ava";
import { differentiate, finish } from "../../../ts/compile/pipeline.js";
import { actionLists, type ActionLists } from "../../../ts/checkpoint/apply/actions.js";
import { loopCandidates } from "../../../ts/checkpoint/apply/candidates.js";
import { scheduleLoops } from "../../../ts/checkpoint/apply/driver.js";
import { loopOptions, revolveActions, storeAllActions, uniformActions, type Action } from "../../../ts/checkpoint/plan/index.js";
import { layoutOf } from "../../../ts/runtime/layout.js";
import { validate } from "../../../ts/sdfg/validate.js";
import { graphText } from "../../../ts/sdfg/text.js";
import { runPlan } from "../../support/check-gradient.js";
import { golden } from "../../support/golden.js";
import { randoms } from "../../support/random-graph.js";
import { walkThrough } from "../../support/walk-through.js";

const N = 60, u = randoms(8, N), w = randoms(9, N), call = { u_in: u, w, dt: [0.03], loss_in: [0] };
const all = () => differentiate(walkThrough(), { wrt: ["u"], of: ["loss"], seeds: "unit", keep: ["loss"] });

/** The call data of a schedule. */
function data(lists: ActionLists, k = 0): { sizes: Record<string, number>; arrays: Record<string, readonly number[]> } {
  return {
    sizes: { [`plan${k}_forward`]: lists.forward.length / 4, [`plan${k}_backward`]: lists.backward.length / 4, [`plan${k}_slots`]: lists.slots, [`plan${k}_rows`]: lists.rows },
    arrays: { [`plan${k}_actions`]: lists.forward, [`plan${k}_actions_2`]: lists.backward },
  };
}

test("the walk-through program's time loop is a candidate: its state is u, and the temporary is not", (t) => {
  const d = all(), [c, ...more] = loopCandidates(d, false);
  t.deepEqual(more, []);
  t.deepEqual({ state: c!.state, scratch: c!.scratch, kept: c!.kept, tapes: c!.tapes }, { state: ["u"], scratch: ["rhs"], kept: [], tapes: ["tape_u"] });
});

for (const steps of [1, 2, 3, 10, 17]) {
  test(`every schedule of ${steps} steps gives the gradient of store-all, bit for bit`, (t) => {
    const d = all(), store = finish(d.graph, { precision: "strict", vectorMath: false, outputs: d.outputs }), want = runPlan(store, { N, T: steps }, call);
    const [candidate] = loopCandidates(d, false), plans = [false, true].map((held) => {
      const { planned } = scheduleLoops(d, [{ candidate: candidate!, held }]);
      validate(planned.graph);
      if (steps === 10 && !held) golden(t, "walk-through.scheduled-loop", graphText(planned.graph));
      return finish(planned.graph, { precision: "strict", vectorMath: false, outputs: d.outputs });
    });
    const kinds: (() => Iterable<Action>)[] = [() => storeAllActions(steps)];
    for (let c = 1; c <= 4; c++) kinds.push(() => revolveActions(steps, c, true), () => revolveActions(steps, c, false));
    for (let l = 1; l <= steps; l += 2) kinds.push(() => uniformActions(steps, l, true), () => uniformActions(steps, l, false));
    for (const follows of [true, false]) for (const o of loopOptions({ steps, snapshot: 8 * N, tape: 8 * N, forward: 1, taped: 1 }, follows)) kinds.push(() => o.actions());
    for (const actions of kinds) {
      const lists = actionLists(actions()), { sizes, arrays } = data(lists), plan = plans[lists.held ? 1 : 0]!;
      const got = runPlan(plan, { N, T: steps, ...sizes }, { ...call, ...arrays });
      t.deepEqual(got.get("g_u"), want.get("g_u"));
      t.deepEqual(got.get("loss"), want.get("loss"));
    }
  });
}

test("a schedule takes what its snapshots and rows take", (t) => {
  const d = all(), [candidate] = loopCandidates(d, false), plan = finish(scheduleLoops(d, [{ candidate: candidate!, held: false }]).planned.graph, { precision: "default", vectorMath: true, outputs: d.outputs });
  const bytes = (actions: Iterable<Action>): number => layoutOf(plan, new Map(Object.entries({ N: 4096, T: 100, ...data(actionLists(actions)).sizes }))).arenaBytes;
  const few = bytes(revolveActions(100, 3, true)), more = bytes(revolveActions(100, 9, true));
  t.true(Math.abs(more - few - 6 * 4096 * 8) <= 8 * 4096, `${few} and ${more}`);
});
