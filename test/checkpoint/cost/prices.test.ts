/** Prices of a planner's choices, and that plans follow them. */
import test from "ava";
import { CPU_RATES, type Rates } from "../../../ts/base/rates.js";
import { answerNow } from "../../../ts/checkpoint/plan/index.js";
import { loopCandidates } from "../../../ts/checkpoint/apply/candidates.js";
import { scheduleLoops } from "../../../ts/checkpoint/apply/driver.js";
import { NANOSECOND, pricesOf, stepPrices } from "../../../ts/checkpoint/cost/prices.js";
import { TimeModel } from "../../../ts/checkpoint/cost/time.js";
import { MemoryPlanner, type MemoryDecision } from "../../../ts/compile/memory.js";
import { differentiate, finish, Trace } from "../../../ts/compile/pipeline.js";
import { walkThrough } from "../../support/walk-through.js";

const N = 50_000, T = 60, sizes = new Map([["N", N], ["T", T]]);
const slower = (k: number): Rates => JSON.parse(JSON.stringify(CPU_RATES), (key, v: unknown) => (typeof v === "number" && !["bytes", "size", "beside", "scalarFunction", "memoryThreads", "productTransposed"].includes(key) ? v * k : v)) as Rates;
const gradient = () => differentiate(walkThrough(), { wrt: ["u"], of: ["loss"], seeds: "unit", keep: ["loss"] });

function decide(limit: number | undefined, rates: () => Rates): MemoryDecision {
  const d = gradient(), steps = new MemoryPlanner(d, { precision: "strict", vectorMath: true, outputs: d.outputs }, new Trace(), rates).decide(sizes, 1, limit, "auto");
  let r = steps.next();
  while (!r.done) r = steps.next(answerNow(r.value));
  return r.value;
}

test("a step runs again for what the finished driver takes: more with its tape, and a copy of the state takes no more than a step", (t) => {
  const d = gradient(), [candidate] = loopCandidates(d, true), trace = new Trace(), { planned, loops } = scheduleLoops(d, [{ candidate: candidate!, held: false }]);
  finish(planned.graph, { precision: "strict", vectorMath: true, outputs: d.outputs }, trace);
  const driven = new TimeModel(trace.graphs.get("scheduled")!, CPU_RATES);
  const [p, ...more] = stepPrices(driven, loops, [T], sizes, 1, 1e6);
  t.deepEqual(more, []);
  t.true(p!.forward > 0 && p!.taped >= p!.forward && p!.copy > 0 && p!.copy < p!.forward);
  // All of it in nanoseconds: fifty thousand elements take microseconds.
  t.true(p!.forward * NANOSECOND > 1e-6 && p!.forward * NANOSECOND < 1e-3, `${p!.forward}`);
  const prices = pricesOf(d.graph, 1e6, sizes, CPU_RATES, [p!]);
  t.is(prices.step(0), p);
  t.is(prices.step(1), undefined);
  t.is(prices.whole, 1e6);
  const [a, b] = [d.graph.body[0]!, d.graph.body[1]!];
  t.true(Math.abs(prices.nodes([a, b]) - prices.nodes([a]) - prices.nodes([b])) < 1e-6 * prices.nodes([a, b]));
  t.true(prices.copying(2e6) === 2 * prices.copying(1e6));
});

test("plans follow the rates: a machine that takes twice as long has the same plan, which takes twice as long", (t) => {
  let asked = 0;
  const all = decide(undefined, () => { asked++; return CPU_RATES; });
  t.is(asked, 0);
  t.is(all.report.cost, 0);
  const limit = Math.floor(0.3 * all.report.storeAll), one = decide(limit, () => CPU_RATES), two = decide(limit, () => slower(2));
  t.deepEqual(two.call, one.call);
  t.true(one.report.cost > 0 && Math.abs(two.report.cost / one.report.cost - 2) < 1e-6);
  t.true(Math.abs(two.report.relativeCost - one.report.relativeCost) < 1e-6);
  // The same question has the same answer.
  t.deepEqual(decide(limit, () => CPU_RATES).report.cost, one.report.cost);
  // Where memory takes no time but steps do, copies are made rather than steps run again.
  const copies = (r: Rates): number => decide(limit, () => r).report.loops[0]!.extraSteps;
  t.true(copies({ ...CPU_RATES, memory: CPU_RATES.memory.map((m) => ({ ...m, read: m.read / 1000, write: m.write / 1000 })), load: 1e-15, store: 1e-15 }) <= copies({ ...CPU_RATES, memory: CPU_RATES.memory.map((m) => ({ ...m, read: 20 * m.read, write: 20 * m.write })) }));
});

test("less room takes more time", (t) => {
  const all = decide(undefined, () => CPU_RATES).report.storeAll;
  let last = Infinity;
  for (const part of [0.2, 0.3, 0.4, 0.6, 0.8, 1]) { const { cost, planned } = decide(Math.floor(part * all), () => CPU_RATES).report; t.true(planned <= part * all && cost <= last, `${cost} at ${part} after ${last}`); last = cost; }
  t.is(last, 0);
});
