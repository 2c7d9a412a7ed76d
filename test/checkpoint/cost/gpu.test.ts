/** Prices on a GPU: launches and what the host waits for count, a driver's actions are read from the planner's lists, and plans follow the rates of copies. */
import test from "ava";
import { CPU_RATES, GPU_RATES, type Rates } from "../../../ts/base/rates.js";
import { loopCandidates } from "../../../ts/checkpoint/apply/candidates.js";
import { scheduleLoops } from "../../../ts/checkpoint/apply/driver.js";
import { NANOSECOND, stepPrices } from "../../../ts/checkpoint/cost/prices.js";
import { TimeModel } from "../../../ts/checkpoint/cost/time.js";
import { answerNow } from "../../../ts/checkpoint/plan/index.js";
import { MemoryPlanner, type MemoryDecision } from "../../../ts/compile/memory.js";
import { differentiate, finish, Trace } from "../../../ts/compile/pipeline.js";
import { walkThrough } from "../../support/walk-through.js";

const N = 20_000, T = 40, sizes = new Map([["N", N], ["T", T]]), options = { precision: "strict", vectorMath: true, device: "cuda" } as const;
const gradient = () => differentiate(walkThrough(), { wrt: ["u"], of: ["loss"], seeds: "unit", keep: ["loss"] });
function decide(part: number, rates: Rates): MemoryDecision {
  const d = gradient(), planner = new MemoryPlanner(d, { ...options, outputs: d.outputs }, new Trace(), () => rates), steps = planner.decide(sizes, 1, Math.floor(part * planner.storeAll(sizes, 1)), "auto");
  let r = steps.next();
  while (!r.done) r = steps.next(answerNow(r.value));
  return r.value;
}

test("a step takes its launches, and more of them take as many times as long; an action takes none that waits", (t) => {
  const d = gradient(), [candidate] = loopCandidates(d, true), trace = new Trace(), { planned, loops } = scheduleLoops(d, [{ candidate: candidate!, held: false }]);
  const plan = finish(planned.graph, { ...options, outputs: d.outputs }, trace), prices = (r: Rates) => stepPrices(new TimeModel(trace.graphs.get("scheduled")!, r), loops, [T], sizes, 1, 1e6)[0]!;
  const p = prices(GPU_RATES), slow = prices({ ...GPU_RATES, launch: 10 * GPU_RATES.launch });
  // Two kernels a step, and one more for its tape.
  t.true(p.forward * NANOSECOND >= 2 * GPU_RATES.launch && p.forward * NANOSECOND < 4 * GPU_RATES.launch, `${p.forward}`);
  t.true(p.taped > p.forward && p.reverse > p.forward && p.copy > 0);
  t.true(Math.abs((slow.forward - p.forward) * NANOSECOND - 2 * 9 * GPU_RATES.launch) < 0.1 * GPU_RATES.launch, `${slow.forward - p.forward}`);
  t.true(p.action * NANOSECOND < GPU_RATES.launch, `${p.action}`);
  // The host reads the lists in its own memory: there is nothing that it waits for.
  t.regex(plan.cuda!.host.sources.join("\n"), /gpu->host_args\[\d+\]/);
  t.notRegex(plan.cuda!.host.sources.join("\n"), /gpu->read/);
});

test("where copies are fast the tape leaves, where they are slow steps run again", (t) => {
  for (const part of [0.6, 0.3]) {
    const fast = decide(part, GPU_RATES), slow = decide(part, { ...GPU_RATES, transfer: 100 * GPU_RATES.transfer }), [a] = fast.report.loops, [b] = slow.report.loops;
    t.is(a!.schedule, "offload");
    t.is(a!.extraSteps, 0);
    t.is(fast.report.host!.planned, T * N * 8);
    t.true(b!.schedule !== "offload" && b!.extraSteps > 0);
    t.is(slow.report.host!.planned, 0);
    t.true(fast.report.cost > 0 && fast.report.cost < slow.report.cost);
    for (const r of [fast, slow]) t.true(r.report.planned <= r.report.limit!);
  }
});

test("on a processor there is nowhere to go", (t) => {
  const d = gradient(), planner = new MemoryPlanner(d, { precision: "strict", vectorMath: true, outputs: d.outputs }, new Trace(), () => ({ ...CPU_RATES, transfer: 0 })), steps = planner.decide(sizes, 1, Math.floor(0.5 * planner.storeAll(sizes, 1)), "auto");
  let r = steps.next();
  while (!r.done) r = steps.next(answerNow(r.value));
  t.not(r.value.report.loops[0]!.schedule, "offload");
  t.is(r.value.report.host, undefined);
});
