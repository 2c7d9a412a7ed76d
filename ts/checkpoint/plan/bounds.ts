/** Bounds that hold for every plan and cost next to nothing: what large problems are measured by. */
import { gcd, type Problem } from "./problem.js";

/** No plan's peak is below it: what each event reads and makes must be there. */
export function peakBound(p: Problem): number {
  let most = p.base;
  const sum = (list: readonly number[]): number => [...new Set(list)].filter((v) => !p.values[v]!.arm).reduce((s, v) => s + p.values[v]!.size, 0);
  const least = (slot: number): number => p.loops.reduce((s, l) => s + (l.slot === slot ? Math.min(...l.options.map((o) => o.inside)) : 0), 0);
  p.values.forEach((v, i) => { most = Math.max(most, p.base + (v.forwardExtra ?? 0) + sum([...v.parents, i])); });
  p.slots.forEach((s, t) => { most = Math.max(most, p.base + s.extra + sum(s.needs) + least(t)); });
  return most;
}

/**
 * What every plan costs at least beyond its loops: whatever is read after an event and not live at it is computed again, or fetched, at least once. So at each
 * event the cheapest values whose bytes are too many are paid for, by fractions; the dearest event counts.
 */
export function costBound(p: Problem, limit: number): number {
  const last = p.values.map(() => -1), n = p.values.length;
  p.slots.forEach((s, t) => { if (!s.arm) for (const v of s.needs) if (!p.values[v]!.arm) last[v] = t; });
  const price = p.values.map((v) => Math.min(v.recompute ? v.cost : Infinity, v.offload ? v.offload.out + v.offload.in : Infinity));
  const order = p.values.map((_, v) => v).filter((v) => last[v]! >= 0 && p.values[v]!.size > 0).sort((a, b) => price[a]! / p.values[a]!.size - price[b]! / p.values[b]!.size);
  const least = (pick: (o: Problem["loops"][number]["options"][number]) => number, l: Problem["loops"][number]): number => Math.min(...l.options.map(pick));
  let most = 0;
  const event = (extra: number, kept: (v: number) => boolean, read: ReadonlySet<number>): void => {
    let excess = p.base + extra - limit, cost = 0;
    for (const v of order) if (kept(v)) excess += p.values[v]!.size;
    for (const v of read) if (!kept(v) || last[v]! < 0) excess += p.values[v]!.size;
    for (const v of order) {
      if (excess <= 0) break;
      if (!kept(v) || read.has(v)) continue;
      cost += price[v]! * Math.min(1, excess / p.values[v]!.size);
      excess -= p.values[v]!.size;
    }
    if (cost < Infinity) most = Math.max(most, cost);
  };
  p.values.forEach((v, i) => {
    if (v.arm) return;
    const held = p.loops.reduce((s, l) => s + (l.step <= i ? least((o) => o.held, l) : 0), 0);
    event((v.forwardExtra ?? 0) + held, (x) => x <= i, new Set([...v.parents.filter((q) => !p.values[q]!.arm), i]));
  });
  p.slots.forEach((s, t) => {
    if (s.arm) return;
    const loops = p.loops.reduce((sum, l) => sum + (l.slot === t ? least((o) => o.inside, l) : l.slot > t ? least((o) => o.held, l) : 0), 0);
    event(s.extra + loops, (x) => x < n && last[x]! >= t, new Set(s.needs.filter((q) => !p.values[q]!.arm)));
  });
  return most;
}

/** The costs that plans add up, where all are whole numbers: what divides them; else undefined. */
function quantum(p: Problem): number | undefined {
  if (p.objective !== "worst") return undefined;
  const prices = [...p.values.flatMap((v) => [v.cost, ...(v.offload ? [v.offload.in, v.offload.out] : [])]), ...p.loops.flatMap((l) => l.options.map((o) => o.cost))];
  return prices.every((c) => Number.isSafeInteger(c)) ? Math.max(prices.reduce(gcd, 0), 1) : undefined;
}

/** Where the costs of two plans must differ if they differ at all: a little less than they do. */
export function leastStep(p: Problem): number {
  const whole = quantum(p);
  if (whole !== undefined) return 0.99 * whole;
  const prices = [...p.values.flatMap((v) => [v.cost, ...(v.offload ? [v.offload.in, v.offload.out] : [])]), ...p.loops.flatMap((l) => l.options.map((o) => o.cost))];
  return 1e-7 * Math.max(1, Math.min(...prices.filter((c) => c > 0)));
}

/** The least cost a plan can have that costs at least so much, rounding errors of the bound apart. */
export function upToStep(p: Problem, bound: number): number {
  const whole = quantum(p);
  return whole === undefined || !Number.isFinite(bound) ? bound : Math.ceil(bound / whole - 1e-6) * whole;
}
