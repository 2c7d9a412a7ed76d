/** Sets of arrays that are made again, against all sets, where the peaks of what is carried out are other than the model's. */
import test from "ava";
import fc from "fast-check";
import { problemOf, simulate, storeAll, type Plan, type Problem } from "../../ts/checkpoint/plan/index.js";
import { plainChoice } from "../../ts/compile/memory-choices.js";

interface Tried { readonly peak: number; readonly cost: number; readonly memory: Plan }
const again = (p: Plan): Set<number> => new Set(p.recompute.flat());

/** Values that each backward slot wants one of; `saves`: bytes that the finished program loses with each. */
function setting(costs: readonly number[], saves: readonly number[]): { readonly problem: Problem; readonly tryOut: (p: Plan) => Tried; readonly tries: Plan[] } {
  const problem = problemOf({
    values: costs.map((cost, i) => ({ name: `v${i}`, size: 8, cost, parents: [], recompute: true })),
    slots: costs.map((_, t) => ({ name: `s${t}`, needs: [costs.length - 1 - t], extra: 0 })),
  });
  const tries: Plan[] = [], peak = (p: Plan): number => 1000 - [...again(p)].reduce((s, i) => s + saves[i]!, 0);
  return { problem, tries, tryOut: (memory) => { tries.push(memory); return { memory, peak: peak(memory), cost: simulate(problem, memory).cost }; } };
}

test("the cheapest set that fits, of up to five arrays, whatever each saves", (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: -20, max: 100 })), { minLength: 1, maxLength: 5 }), fc.integer({ min: 500, max: 999 }), (arrays, limit) => {
    const costs = arrays.map((a) => a[0]), saves = arrays.map((a) => a[1]), s = setting(costs, saves), base = s.tryOut(storeAll(s.problem));
    const found = plainChoice(s.problem, base, undefined, limit, Infinity, s.tryOut);
    let least = Infinity;
    for (let m = 1; m < 2 ** costs.length; m++) {
      const set = costs.map((_, i) => i).filter((i) => m & (1 << i));
      if (1000 - set.reduce((x, i) => x + saves[i]!, 0) <= limit) least = Math.min(least, set.reduce((x, i) => x + costs[i]!, 0));
    }
    return (found?.cost ?? Infinity) === least;
  }), { numRuns: 500 });
  t.pass();
});
test("nothing dearer than what is at hand is tried, nor anything when the time is over", (t) => {
  const s = setting([5, 7, 9], [10, 100, 1]), base = s.tryOut(storeAll(s.problem)), best = { ...base, peak: 900, cost: 6 };
  s.tries.length = 0;
  t.is(plainChoice(s.problem, base, best, 950, Infinity, s.tryOut), undefined);
  t.deepEqual(s.tries.map((p) => [...again(p)]), [[0]]);
  s.tries.length = 0;
  t.is(plainChoice(s.problem, base, undefined, 950, -Infinity, s.tryOut), undefined);
  t.is(s.tries.length, 0);
});
test("where nothing fits, more and more are made again", (t) => {
  const s = setting([5, 7, 9], [10, 100, 50]), base = s.tryOut(storeAll(s.problem));
  t.is(plainChoice(s.problem, base, undefined, 1, Infinity, s.tryOut), undefined);
  t.true(s.tries.some((p) => again(p).size === 3));
});
