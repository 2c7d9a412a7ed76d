/** Static decisions as plans. */
import { together, type Plan, type Problem } from "./problem.js";
import { childrenOf, needsOf } from "./windows.js";

/** One decision a value, carried out: what is not stored is computed again in every slot that asks for it. */
export function expand(p: Problem, mode: readonly ("store" | "recompute" | "offload")[], loops: readonly number[]): Plan {
  const needs = needsOf(p), children = childrenOf(p), recompute: number[][] = p.slots.map(() => []), first = new Map<number, number>();
  p.slots.forEach((s, t) => {
    const again = new Set<number>();
    for (let v = p.values.length - 1; v >= 0; v--) {
      if (!together(p.values[v]!.arm, s.arm) || !(needs[v]!.has(t) || children[v]!.some((u) => again.has(u)))) continue;
      if (mode[v] === "recompute") { again.add(v); recompute[t]!.unshift(v); } else if (mode[v] === "offload" && !first.has(v)) first.set(v, t);
    }
  });
  return { recompute, offload: [...first].map(([value, t]) => ({ value, fetch: [t] })), loops };
}

/** The other extreme to store-all: what can be computed again is, in every slot that asks for it; loops take their smallest option, on the device. */
export function recomputeAll(p: Problem): Plan {
  return expand(p, p.values.map((v) => v.recompute ? "recompute" : "store"), p.loops.map((l) => l.options.reduce((best, o, i) => !o.host && (best < 0 || o.inside < l.options[best]!.inside) ? i : best, -1)).map((o) => Math.max(0, o)));
}

/** Computing everything again, but each value once, for the first slot that asks for it: it is kept as long as it is asked for. Loops as above. */
export function recomputeOnce(p: Problem): Plan {
  const all = recomputeAll(p), made = new Set<number>();
  return { ...all, recompute: all.recompute.map((r) => r.filter((v) => !made.has(v) && made.add(v))) };
}
