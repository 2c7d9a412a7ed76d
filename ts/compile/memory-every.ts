/** All plans of a problem, where there are few: what each takes once it is carried out tells the optimum and the smallest limit, beyond doubt. */
import { fullWindows, withoutUnread, type Plan, type Problem } from "../checkpoint/plan/index.js";

/** Pairs of value and slot, of which each may be chosen or not; plans, and forms of the program, which are compiled. */
const PAIRS = 10, PLANS = 5000, FORMS = 16;

/** Undefined where there are too many. `formOf`: what is compiled for a plan; plans of one form come one after the other. */
export function everyPlan(problem: Problem, formOf: (p: Plan) => string): readonly Plan[] | undefined {
  if (problem.values.some((v) => v.offload)) return undefined;
  const pairs = fullWindows(problem).flatMap((slots, value) => (problem.values[value]!.recompute ? slots.map((slot) => ({ value, slot })) : []));
  const loops = problem.loops.reduce((n, l) => n * l.options.length, 1);
  if (pairs.length > PAIRS || loops > PLANS) return undefined;
  const sets = new Map<string, Plan>(), first = problem.loops.map(() => 0);
  for (let k = 0; k < 1 << pairs.length; k++) {
    const recompute: number[][] = problem.slots.map(() => []);
    pairs.forEach(({ value, slot }, i) => { if (k >> i & 1) recompute[slot]!.push(value); });
    const plan = withoutUnread(problem, { recompute, offload: [], loops: first });
    sets.set(JSON.stringify(plan.recompute), plan);
  }
  if (sets.size * loops > PLANS) return undefined;
  const forms = new Map<string, Plan[]>();
  for (const set of sets.values()) {
    for (let k = 0; k < loops; k++) {
      let rest = k;
      const plan = { ...set, loops: problem.loops.map(({ options: { length } }) => { const o = rest % length; rest = Math.floor(rest / length); return o; }) }, key = formOf(plan), list = forms.get(key);
      if (list) list.push(plan); else if (forms.size === FORMS) return undefined; else forms.set(key, [plan]);
    }
  }
  return [...forms.values()].flat();
}
