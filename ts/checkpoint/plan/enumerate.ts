/** Static decisions of small problems, one after the other: an optimum, and the smallest limit, without a solver. */
import type { Candidate } from "./exact.js";
import { expand } from "./expand.js";
import type { Problem } from "./problem.js";
import { simulate } from "./simulate.js";
import { fullWindows } from "./windows.js";

type Decision = "store" | "recompute" | "offload";

const MOST = 2048;

/** Every static plan; undefined where there are too many. What nothing asks for is stored: it is not kept. */
export function allStatic(p: Problem): Iterable<Candidate> | undefined {
  const windows = fullWindows(p), choices = p.values.map((v, i): readonly Decision[] => windows[i]!.length === 0 ? ["store"] : [
    "store", ...(v.recompute ? ["recompute" as const] : []), ...(v.offload && !(v.arm && p.branches.length > 0) ? ["offload" as const] : []),
  ]);
  let count = 1;
  for (const c of [...choices, ...p.loops.map((l) => l.options)]) if ((count *= c.length) > MOST) return undefined;
  return plans(p, choices, count);
}

function* plans(p: Problem, choices: readonly (readonly Decision[])[], count: number): Generator<Candidate> {
  for (let k = 0; k < count; k++) {
    let rest = k;
    const next = (n: number): number => { const i = rest % n; rest = Math.floor(rest / n); return i; };
    const plan = expand(p, choices.map((c) => c[next(c.length)]!), p.loops.map((l) => next(l.options.length)));
    const sim = simulate(p, plan);
    if (sim.hostBytes <= p.hostLimit) yield { plan, sim };
  }
}

/** The cheapest of them within the limit. */
export function cheapestOf(plans: Iterable<Candidate>, limit: number): Candidate | undefined {
  let least: Candidate | undefined;
  for (const c of plans) if (c.sim.peak <= limit && !(least && least.sim.cost <= c.sim.cost)) least = c;
  return least;
}
