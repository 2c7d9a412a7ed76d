/** All plans of small problems: none is missing, and large ones are not begun. */
import test from "ava";
import { problemOf, simulate, type Plan } from "../../ts/checkpoint/plan/index.js";
import { everyPlan } from "../../ts/compile/memory-every.js";
import { slotOptimum } from "../checkpoint/plan/reference.js";

const form = (p: Plan): string => JSON.stringify(p.recompute);
const values = (n: number): Parameters<typeof problemOf>[0] => ({
  values: Array.from({ length: n }, (_, i) => ({ name: `v${i}`, size: 3 + i, cost: 2 + i % 3, parents: i > 0 ? [i - 1] : [], recompute: true })),
  slots: Array.from({ length: n }, (_, t) => ({ name: `b${t}`, needs: t < n - 1 ? [n - 2 - t] : [], extra: t % 2 })),
});

test("the cheapest of them at every limit is the optimum", (t) => {
  const options = [{ held: 9, inside: 9, cost: 0 }, { held: 4, inside: 5, cost: 3 }, { held: 1, inside: 4, cost: 7 }], p = { ...problemOf(values(4)), loops: [{ name: "l", step: 1, slot: 2, options }] };
  const all = everyPlan(p, () => "one")!.map((x) => simulate(p, x));
  t.true(all.length >= 3);
  for (let limit = 0; limit < 50; limit++) t.is(all.reduce((c, s) => (s.peak <= limit ? Math.min(c, s.cost) : c), Infinity), slotOptimum(p, limit), `limit ${limit}`);
});

test("plans of one form stand together, and there is a limit to forms, plans and pairs", (t) => {
  const many = (n: number): { name: string; step: number; slot: number; options: { held: number; inside: number; cost: number }[] } => ({ name: "l", step: 0, slot: 1, options: Array.from({ length: n }, (_, i) => ({ held: n - i, inside: n - i, cost: i })) });
  const p = { ...problemOf(values(3)), loops: [many(30)] }, forms = everyPlan(p, form)!.map(form);
  t.is(forms.filter((f, i) => f !== forms[i - 1]).length, new Set(forms).size);
  t.is(everyPlan(p, (x) => String(x.loops[0])), undefined);
  t.is(everyPlan({ ...p, loops: [many(100), many(100)] }, form), undefined);
  t.is(everyPlan(problemOf(values(12)), form), undefined);
  t.is(everyPlan(problemOf({ ...values(3), values: values(3).values.map((v) => ({ ...v, offload: { out: 1, in: 1 } })) }), form), undefined);
});
