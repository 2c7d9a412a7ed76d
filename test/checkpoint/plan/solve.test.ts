/** Plans against optima by exhaustive search: chains and DAGs, static decisions with branches, loops and arrays in one budget, offloading; limits that cannot be met; aborts and budgets. */
import test from "ava";
import fc from "fast-check";
import { expand, MemoryInfeasible, problemOf, simulate, smallestLimit, solvePlan, storeAll, type Problem } from "../../../ts/checkpoint/plan/index.js";
import { solveMip } from "../../../ts/checkpoint/plan/mip.js";
import { checkProblem as checkOne, PATIENT } from "./check.js";
import { randomProblem, randomWithLoops, staticFrontier } from "./reference.js";

/** The backward step of i needs value i - 1. */
function chain(n: number, size = 1, cost = 1): Problem {
  return problemOf({
    values: Array.from({ length: n }, (_, i) => ({ name: `x${i}`, size, cost, parents: i > 0 ? [i - 1] : [], recompute: true })),
    slots: Array.from({ length: n }, (_, t) => ({ name: `back${n - 1 - t}`, needs: t < n - 1 ? [n - 2 - t] : [], extra: 0 })),
  });
}

test("a chain of unit steps with room for two values runs every prefix again", async (t) => {
  // Slot k from the end needs the value n - 2 - k: a root is kept and the steps after it run again.
  const s = await solvePlan(chain(6), 2, PATIENT);
  t.like(s, { status: "optimal", cost: 6, peak: 2 });
  t.is((await solvePlan(chain(6), 6, PATIENT)).cost, 0);
  const none = await solvePlan(chain(6), 1, PATIENT);
  t.like(none, { status: "infeasible", plan: undefined });
  t.like(none.smallest, { limit: 2, proven: true });
  t.is(none.smallest!.dominating.length, 2);
  const e = new MemoryInfeasible(1, none.smallest!);
  t.like(e, { code: "ERR_DACE_MEMORY_INFEASIBLE", smallest: 2, proven: true });
  t.regex(e.message, /within 1 bytes; the smallest limit that works is 2 bytes[^]*x\d \(1 bytes\), x\d \(1 bytes\)/);
});

test("plans are cheapest at every limit, limits without a plan name the smallest that has one", async (t) => {
  await fc.assert(fc.asyncProperty(randomProblem(7), (p) => checkOne(t, p)), { numRuns: 12 });
});

test("a value whose workspace fits only before others are at hand is made in a slot before the one that needs it", async (t) => {
  const value = (size: number, cost: number, parents: number[], workspace: number, recompute = true): Problem["values"][number] => ({ name: "v", size, cost, parents, recompute, workspace });
  const slot = (extra: number, ...needs: number[]): Problem["slots"][number] => ({ name: "b", needs, extra });
  const p = problemOf({
    base: 5, values: [value(3, 10, [], 12), value(13, 4, [0], 0), value(12, 5, [1], 0), value(13, 2, [], 0), value(10, 26, [0, 2], 18, false), value(16, 16, [4], 12)],
    slots: [slot(2, 4), slot(1, 0, 2, 4), slot(0), slot(8, 1), slot(25, 0), slot(11, 0)],
  });
  await checkOne(t, p);
});

test("with loops among the values too", async (t) => {
  await fc.assert(fc.asyncProperty(randomWithLoops(6), (p) => checkOne(t, p)), { numRuns: 8 });
});

test("bytes count one by one, whatever the unit", async (t) => {
  await fc.assert(fc.asyncProperty(randomProblem(6, 12_345_677), (p) => checkOne(t, p)), { numRuns: 4 });
});

function branches(size: readonly number[], cost: readonly number[], objective: "worst" | "expected"): Problem {
  const arm: ([number, number] | undefined)[] = [undefined, [0, 0], [0, 1], undefined, [1, 0], [1, 1], undefined], parents = [[], [0], [0], [1, 2], [3], [3], [4, 5]];
  return problemOf({
    branches: [2, 2], mode: "static", objective,
    values: size.map((s, i) => ({ name: `v${i}`, size: s, cost: cost[i]!, parents: parents[i]!, recompute: true, ...(arm[i] ? { arm: arm[i] } : {}) })),
    slots: size.map((_, k) => size.length - 1 - k).map((i) => ({ name: `back${i}`, needs: i % 2 === 0 ? [...parents[i]!, i] : parents[i]!, extra: size[i]! >> 1, ...(arm[i] ? { arm: arm[i] } : {}) })),
  });
}

for (const objective of ["worst", "expected"] as const) {
  test(`branches: limits hold on every path and the ${objective} cost is least`, async (t) => {
    const list = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 7, maxLength: 7 });
    await fc.assert(fc.asyncProperty(list, list, async (size, cost) => {
      const p = branches(size, cost, objective), frontier = staticFrontier(p);
      t.is(simulate(p, expand(p, p.values.map(() => "store"), [])).peak, frontier[frontier.length - 1]!.cost === 0 ? frontier[frontier.length - 1]!.limit : NaN);
      for (const f of frontier) {
        const s = await solvePlan(p, f.limit, PATIENT);
        t.is(s.status, "optimal");
        t.true(Math.abs(s.cost! - f.cost) < 1e-6 && s.peak! <= f.limit, JSON.stringify([f, s]));
      }
      const none = await solvePlan(p, frontier[0]!.limit - 1, PATIENT);
      t.is(none.status, "infeasible");
      t.like(none.smallest, { limit: frontier[0]!.limit, proven: true });
    }), { numRuns: 4 });
  });
}

test("decisions per slot are at least as good as one decision a value", async (t) => {
  const size = [9, 14, 8, 5, 12, 6, 7], cost = [4, 9, 2, 11, 3, 8, 5];
  for (const f of staticFrontier(branches(size, cost, "worst"))) {
    const s = await solvePlan({ ...branches(size, cost, "worst"), mode: "slot" }, f.limit, PATIENT);
    t.true(s.cost! <= f.cost && s.peak! <= f.limit, JSON.stringify([f, s]));
  }
});

test("loops and arrays share one budget", async (t) => {
  const options = [[{ held: 40, inside: 40, cost: 0 }, { held: 10, inside: 16, cost: 30 }, { held: 2, inside: 9, cost: 90 }], [{ held: 24, inside: 24, cost: 0 }, { held: 6, inside: 10, cost: 14 }]];
  const p = problemOf({
    values: [{ name: "a", size: 12, cost: 25, parents: [], recompute: true }, { name: "loop0", size: 0, cost: 0, parents: [], recompute: false }, { name: "b", size: 9, cost: 8, parents: [], recompute: true }, { name: "loop1", size: 0, cost: 0, parents: [], recompute: false }],
    slots: [{ name: "back loop1", needs: [], extra: 3 }, { name: "back b", needs: [2], extra: 1 }, { name: "back loop0", needs: [], extra: 2 }, { name: "back a", needs: [0], extra: 0 }],
    loops: [{ name: "loop0", step: 1, slot: 2, options: options[0]! }, { name: "loop1", step: 3, slot: 0, options: options[1]! }],
  });
  // Every combination, with the events of the program written out.
  const all = [0, 1].flatMap((a) => [0, 1].flatMap((b) => options[0]!.flatMap((o) => options[1]!.map((q) => ({
    cost: (a ? 0 : 25) + (b ? 0 : 8) + o.cost + q.cost,
    peak: Math.max(12, 12 * a + o.held, 12 * a + o.held + 9, 12 * a + o.held + 9 * b + q.held, 12 * a + o.held + 9 * b + q.inside + 3, 12 * a + o.held + 9 + 1, 12 * a + o.inside + 2, 12),
  })))));
  for (const limit of new Set(all.map((x) => x.peak))) {
    const s = await solvePlan(p, limit, PATIENT);
    t.is(s.status, "optimal");
    t.is(s.cost, Math.min(...all.filter((x) => x.peak <= limit).map((x) => x.cost)), `limit ${limit}`);
  }
  const least = Math.min(...all.map((x) => x.peak));
  t.like((await solvePlan(p, least - 1, PATIENT)).smallest, { limit: least, proven: true });
});

test("tapes of loops and arrays share the host's room", async (t) => {
  const options = [[{ held: 40, inside: 40, cost: 0 }, { held: 20, inside: 20, cost: 50 }, { held: 4, inside: 4, cost: 6, host: 40 }], [{ held: 24, inside: 24, cost: 0 }, { held: 12, inside: 14, cost: 30 }, { held: 2, inside: 2, cost: 5, host: 24 }]];
  const p = problemOf({
    values: [{ name: "a", size: 12, cost: 25, parents: [], recompute: true, offload: { out: 2, in: 1 } }, { name: "loop0", size: 0, cost: 0, parents: [], recompute: false }, { name: "b", size: 0, cost: 0, parents: [], recompute: false }, { name: "loop1", size: 0, cost: 0, parents: [], recompute: false }],
    slots: [{ name: "back loop1", needs: [], extra: 3 }, { name: "back b", needs: [], extra: 1 }, { name: "back loop0", needs: [], extra: 2 }, { name: "back a", needs: [0], extra: 0 }],
    loops: [{ name: "loop0", step: 1, slot: 2, options: options[0]! }, { name: "loop1", step: 3, slot: 0, options: options[1]! }],
  });
  // a is stored, computed again in its slot, or moved: then it is in flight while loop0 runs, and back one slot early.
  const ways = (["store", "again", "move"] as const).flatMap((way) => options[0]!.flatMap((o) => options[1]!.map((q) => {
    const kept = way === "store" ? 12 : 0, flight = way === "again" ? 0 : 12;
    return { cost: { store: 0, again: 25, move: 3 }[way] + o.cost + q.cost, host: (way === "move" ? 12 : 0) + ((o as { host?: number }).host ?? 0) + ((q as { host?: number }).host ?? 0), peak: Math.max(12, flight + o.held, kept + o.held, kept + o.held + q.held, kept + o.held + q.inside + 3, kept + o.held + 1, flight + o.inside + 2) };
  })));
  for (const hostLimit of [0, 12, 24, 36, 40, 64, 76, 1000]) {
    const able = ways.filter((x) => x.host <= hostLimit);
    for (const limit of new Set(ways.map((x) => x.peak))) {
      const s = await solvePlan({ ...p, hostLimit }, limit, PATIENT), best = Math.min(...able.filter((x) => x.peak <= limit).map((x) => x.cost));
      if (best < Infinity) t.is(s.cost, best, `limit ${limit}, host ${hostLimit}`); else t.is(s.status, "infeasible");
      if (s.plan) t.true(simulate({ ...p, hostLimit }, s.plan).hostBytes <= hostLimit);
    }
  }
});

test("what is offloaded leaves one event after its last reader and is back one slot before its first", async (t) => {
  const value = (i: number, size: number, parents: number[]): Problem["values"][number] => ({ name: `v${i}`, size, cost: 1000, parents, recompute: true, offload: { out: size, in: 0 } });
  const p = problemOf({
    mode: "static", values: [value(0, 10, []), value(1, 4, [0]), value(2, 4, [1]), value(3, 4, [2])],
    slots: [{ name: "b3", needs: [2], extra: 0 }, { name: "b2", needs: [1], extra: 0 }, { name: "b1", needs: [], extra: 0 }, { name: "b0", needs: [0], extra: 0 }],
  });
  const plan = { ...storeAll(p), offload: [{ value: 0, fetch: [3] }] }, s = simulate(p, plan);
  // Forward 0, 1, 2 (copy out in flight), 3; backward 3, 2, 1 (copy back in flight), 0.
  t.deepEqual(s.bytes, [10, 14, 18, 12, 8, 4, 10, 10]);
  t.is(s.cost, 10);
  t.like(await solvePlan(p, 18, PATIENT), { status: "optimal", cost: 10, peak: 18 });
  t.not((await solvePlan({ ...p, hostLimit: 9 }, 18, PATIENT)).cost, 10);
});

test("a cheaper plan that is known is kept, and cost falls as the limit grows", async (t) => {
  const p = chain(9, 3, 2);
  let before = Infinity, plan;
  for (let limit = 6; limit <= 27; limit += 3) {
    const s = await solvePlan(p, limit, plan ? { ...PATIENT, known: plan } : PATIENT);
    t.true(s.cost! <= before && s.peak! <= limit);
    before = s.cost!;
    plan = s.plan;
  }
  t.is(before, 0);
});

/** More than the solver gets as a whole. */
const LARGE = chain(90, 4096, 3);

test.serial("large problems get a plan within the limit, with a bound", async (t) => {
  const limit = 40 * 4096, s = await solvePlan(LARGE, limit, { budgetMs: 4000 });
  t.is(s.rung, "windows");
  t.true(s.status === "feasible" || s.status === "optimal");
  t.true(s.peak! <= limit && s.peak === simulate(LARGE, s.plan!).peak && s.cost === simulate(LARGE, s.plan!).cost);
  t.true(s.bound <= s.cost! && s.gap >= 0 && s.gap <= 1);
});

test("without time there is still an answer, and nothing is called proven", async (t) => {
  const s = await solvePlan(chain(20), 7, { budgetMs: 0 });
  t.true(s.status === "feasible" || s.status === "unknown", s.status);
  if (s.plan) t.true(simulate(chain(20), s.plan).peak <= 7); else t.false(s.smallest!.proven);
});

test("aborted before or in the middle, it rejects with the signal's reason, and the next one is solved", async (t) => {
  const reason = new Error("enough");
  t.is(await t.throwsAsync(solvePlan(chain(6), 2, { signal: AbortSignal.abort(reason) })), reason);
  const stop = new AbortController(), running = solvePlan(LARGE, 12 * 4096, { signal: stop.signal, budgetMs: 60_000 });
  setTimeout(() => { stop.abort(reason); }, 300);
  t.is(await t.throwsAsync(running), reason);
  t.is((await solvePlan(chain(6), 2, PATIENT)).cost, 6);
  // Also while it works on the caller's thread.
  const early = new AbortController(), greedy = solvePlan(chain(400, 8), 8 * 30, { signal: early.signal, budgetMs: 60_000 });
  setTimeout(() => { early.abort(reason); }, 50);
  t.is(await t.throwsAsync(greedy), reason);
});

test("models: the solver's answers, infeasible ones, and what it refuses", async (t) => {
  const mip = (rowUpper: number, cost = [-3, -4]): Parameters<typeof solveMip>[0] => ({
    cost: Float64Array.from(cost), lower: new Float64Array(2), upper: Float64Array.of(5, 5), integer: Int32Array.of(1, 1),
    rowLower: Float64Array.of(-Infinity), rowUpper: Float64Array.of(rowUpper), starts: Int32Array.of(0, 2), indices: Int32Array.of(0, 1), values: Float64Array.of(2, 3),
  });
  const o = { seconds: 10, gap: 1e-9 };
  t.like(await solveMip(mip(7), o), { status: "optimal", objective: -10 });
  t.is((await solveMip(mip(-1), o)).status, "infeasible");
  await t.throwsAsync(solveMip({ ...mip(7), indices: Int32Array.of(0, 9) }, o), { message: /the solver failed/ });
  t.like(await solveMip(mip(7), o), { status: "optimal", objective: -10 });
});

test("where nothing can be decided, what is kept decides", async (t) => {
  const value = { name: "v", size: 64, cost: 0, parents: [], recompute: false, forwardExtra: 8, workspace: 0 };
  const problem = problemOf({ base: 640, values: [value, { ...value, name: "w", size: 448, parents: [0] }], slots: [{ name: "s", needs: [1], extra: 16 }, { name: "r", needs: [0], extra: 0 }] }), { peak } = simulate(problem, storeAll(problem));
  t.is((await solvePlan(problem, peak, PATIENT)).status, "optimal");
  const none = await solvePlan(problem, peak - 1, PATIENT);
  t.is(none.status, "infeasible");
  t.is(none.smallest?.limit, peak);
  t.is((await smallestLimit(problem, PATIENT)).limit, peak);
  const empty = { cost: new Float64Array(0), lower: new Float64Array(0), upper: new Float64Array(0), integer: new Int32Array(0), starts: Int32Array.of(0, 0), indices: new Int32Array(0), values: new Float64Array(0) };
  t.is((await solveMip({ ...empty, rowLower: Float64Array.of(0), rowUpper: Float64Array.of(1) }, { seconds: 1, gap: 0 })).status, "optimal");
  t.is((await solveMip({ ...empty, rowLower: Float64Array.of(1), rowUpper: Float64Array.of(1) }, { seconds: 1, gap: 0 })).status, "infeasible");
});
test("what is no problem is refused", async (t) => {
  const v = { name: "v", size: 1, cost: 1, parents: [], recompute: true }, s = { name: "s", needs: [0], extra: 0 };
  for (const p of [problemOf({ values: [{ ...v, size: 1.5 }], slots: [s] }), problemOf({ values: [{ ...v, parents: [0] }], slots: [s] }), problemOf({ values: [v], slots: [{ ...s, needs: [1] }] }), problemOf({ values: [{ ...v, cost: NaN }], slots: [s] })]) {
    await t.throwsAsync(solvePlan(p, 10, PATIENT), { message: /memory planning/ });
  }
  t.is((await smallestLimit(problemOf({ values: [v], slots: [s] }))).limit, 1);
});
