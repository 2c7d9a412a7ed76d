/**
 * The plainest plans, carried out: some arrays are made again wherever they are wanted, the others kept. The solver's answers are better in the model; where the arena of the
 * finished program is other than the model's, one of these may be what fits with the least work. Nothing that a user could choose by hand should be.
 */
import { expand, simulate, type Plan, type Problem } from "../checkpoint/plan/index.js";

/** A plan carried out. */
interface Tried { readonly peak: number; readonly cost: number }

/** Up to this many arrays every set is looked at. */
const ALL_SETS = 10;
/** Sets that are carried out, besides those of one array. */
const MOST = 24;
/** What two arrays save together is not the sum: how far above the limit the sum may be. */
const SLACK = 1.05;

/**
 * Of the arrays that may leave a device, the largest ones do, as few as make it fit; where all of them do not, the plan that moves all. What the solver proposes is made of these and
 * of what is computed again; this is what is left where its proposals turn out larger than they were in the model.
 */
export function movedChoice<T extends Tried>(problem: Problem, loops: Plan["loops"], limit: number, tryOut: (p: Plan) => T): T | undefined {
  const wanted = problem.values.flatMap((v, i) => (v.offload && v.size > 0 && problem.slots.some((s) => s.needs.includes(i)) ? [i] : [])).sort((a, b) => problem.values[b]!.size - problem.values[a]!.size);
  let host = 0;
  const able = wanted.filter((i) => (host += problem.values[i]!.size) <= problem.hostLimit);
  if (able.length === 0) return undefined;
  const of = (n: number): T => tryOut(expand(problem, problem.values.map((_, i) => (able.indexOf(i) >= 0 && able.indexOf(i) < n ? "offload" : "store")), loops));
  let found = of(able.length);
  for (let low = 0, high = able.length; found.peak <= limit && high - low > 1;) {
    const n = (low + high) >> 1, t = of(n);
    if (t.peak <= limit) { high = n; found = t; } else low = n;
  }
  return found;
}

/**
 * The plans of the cheapest set that fits, if it takes less work than `best`. `tryOut` carries a plan out; `base`: what is kept is kept as there (its loops stay), with its peak.
 * `limit`: bytes. Stops at `until` (performance.now()).
 */
export function plainChoice<T extends Tried>(problem: Problem, base: T & { readonly memory: Plan }, best: T | undefined, limit: number, until: number, tryOut: (p: Plan) => T): T | undefined {
  const wanted = problem.values.flatMap((v, i) => (v.recompute && v.size > 0 && problem.slots.some((s) => s.needs.includes(i)) ? [i] : []));
  const planOf = (set: ReadonlySet<number>): { readonly set: ReadonlySet<number>; readonly plan: Plan; readonly cost: number } => {
    const plan = expand(problem, problem.values.map((_, i) => (set.has(i) ? "recompute" : "store")), base.memory.loops);
    return { set, plan, cost: simulate(problem, plan).cost };
  };
  let found: T | undefined;
  const bound = (): number => (found ?? best)?.cost ?? Infinity, done = (): boolean => performance.now() > until;
  const consider = (t: T): boolean => { const better = t.peak <= limit && t.cost < bound(); if (better) found = t; return better; };
  const saving = new Map<number, number>();
  for (const { set, plan, cost } of wanted.map((i) => planOf(new Set([i]))).sort((a, b) => a.cost - b.cost)) {
    if (cost >= bound() || done()) break;
    const t = tryOut(plan);
    saving.set([...set][0]!, base.peak - t.peak);
    consider(t);
  }
  const gain = (set: ReadonlySet<number>): number => [...set].reduce((s, i) => s + Math.max(0, saving.get(i) ?? 0), 0);
  const useful = [...saving].sort((a, b) => b[1] / problem.values[b[0]]!.cost - a[1] / problem.values[a[0]]!.cost).map(([i]) => i);
  // The ones that save most for their work, one more each time, until it fits.
  for (let n = 2; n <= useful.length && !done(); n++) {
    const next = planOf(new Set(useful.slice(0, n)));
    // Where nothing fits yet, what comes closest is of use: the smallest limit that works is named after it.
    if (next.cost >= bound() || (bound() < Infinity && gain(next.set) * SLACK < base.peak - limit)) continue;
    if (consider(tryOut(next.plan))) break;
  }
  const few = useful.slice(0, ALL_SETS), sets = Array.from({ length: 2 ** few.length }, (_, m) => new Set(few.filter((_, i) => m & (1 << i)))).filter((s) => s.size > 1 && gain(s) * SLACK >= base.peak - limit);
  let tries = 0;
  for (const { plan, cost } of sets.map(planOf).sort((a, b) => a.cost - b.cost)) {
    if (cost >= bound() || tries++ >= MOST || done()) break;
    if (consider(tryOut(plan))) break;
  }
  return found;
}
