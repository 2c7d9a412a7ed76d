/** Optima by exhaustive search, written without the planner's own notions: a table over all sets of resident values; modes on each path one by one; a shortest path for loops. */
import fc from "fast-check";
import { problemOf, type LoopShape, type Problem } from "../../../ts/checkpoint/plan/index.js";

/** The least cost of running forward and backward within `limit`; Infinity where there is no way. Each slot may compute each value once, in the order of their indices; every choice of options is tried. */
export function slotOptimum(p: Problem, limit: number): number {
  const choices = p.loops.reduce<number[][]>((all, l) => all.flatMap((c) => l.options.map((_, o) => [...c, o])), [[]]);
  return Math.min(...choices.map((c) => optimumWith(p, limit, c)));
}

function optimumWith(p: Problem, limit: number, choice: readonly number[]): number {
  const n = p.values.length, full = 1 << n, size = Array.from({ length: full }, (_, m) => p.values.reduce((s, v, i) => s + (m >> i & 1 ? v.size : 0), 0));
  const bits = (list: readonly number[]): number => list.reduce((m, v) => m | 1 << v, 0);
  const loops = (bytes: (l: Problem["loops"][number], o: Problem["loops"][number]["options"][number]) => number): number => p.loops.reduce((s, l, k) => s + bytes(l, l.options[choice[k]!]!), 0);
  let cost = new Float64Array(full).fill(Infinity);
  cost[0] = loops((_, o) => o.cost);
  const drop = (): void => { for (let m = full - 1; m > 0; m--) for (let v = 0; v < n; v++) if (m >> v & 1) cost[m & ~(1 << v)] = Math.min(cost[m & ~(1 << v)]!, cost[m]!); };
  const compute = (v: number, extra: number, price: number, must: boolean): void => {
    drop();
    const next = must ? new Float64Array(full).fill(Infinity) : cost.slice(), parents = bits(p.values[v]!.parents);
    for (let m = 0; m < full; m++) if (!(m >> v & 1) && (m & parents) === parents && p.base + size[m | 1 << v]! + extra <= limit) next[m | 1 << v] = Math.min(next[m | 1 << v]!, cost[m]! + price);
    cost = next;
  };
  p.values.forEach((v, i) => { compute(i, (v.forwardExtra ?? 0) + loops((l, o) => i >= l.step ? o.held : 0), 0, true); });
  p.slots.forEach((s, t) => {
    p.values.forEach((v, i) => { if (v.recompute) compute(i, (v.workspace ?? 0) + loops((l, o) => t <= l.slot ? o.held : 0), v.cost, false); });
    drop();
    const needs = bits(s.needs), extra = s.extra + loops((l, o) => t < l.slot ? o.held : t === l.slot ? o.inside : 0);
    for (let m = 0; m < full; m++) if ((m & needs) !== needs || p.base + size[m]! + extra > limit) cost[m] = Infinity;
  });
  return Math.min(...cost);
}

export function smallest(works: (limit: number) => boolean, most: number): number {
  let low = -1, high = most;
  while (high - low > 1) { const mid = (low + high) >> 1; if (works(mid)) high = mid; else low = mid; }
  return high;
}

/** One decision a value on all paths, by trying all: the cheapest for each peak. */
export function staticFrontier(p: Problem): { limit: number; cost: number }[] {
  const n = p.values.length, paths = p.branches.reduce<number[][]>((all, arms) => all.flatMap((x) => Array.from({ length: arms }, (_, a) => [...x, a])), [[]]);
  const points: { limit: number; cost: number }[] = [];
  for (let mode = 0; mode < 1 << n; mode++) {
    if (p.values.some((v, i) => (mode >> i & 1) === 1 && !v.recompute)) continue;
    let peak = 0, worst = 0, sum = 0;
    for (const path of paths) {
      const on = (arm: readonly [number, number] | undefined): boolean => !arm || path[arm[0]] === arm[1];
      const steps = p.values.map((_, i) => i).filter((i) => on(p.values[i]!.arm)), slots = p.slots.filter((s) => on(s.arm));
      const parents = (v: number): number[] => p.values[v]!.parents.filter((q) => on(p.values[q]!.arm));
      const again = slots.map((s) => {
        const set = new Set<number>(), ask = (v: number): void => { if (on(p.values[v]!.arm) && (mode >> v & 1) === 1 && !set.has(v)) { set.add(v); parents(v).forEach(ask); } };
        s.needs.forEach(ask);
        return [...set].sort((a, b) => a - b);
      });
      const asks = (v: number, t: number): boolean => slots[t]!.needs.includes(v) || again[t]!.some((u) => parents(u).includes(v));
      const last = (v: number): number => { let t = -1; slots.forEach((_, k) => { if (asks(v, k)) t = k; }); return t; };
      const forward = (v: number): number => Math.max(v, ...steps.filter((u) => parents(u).includes(v)));
      const stored = steps.filter((v) => (mode >> v & 1) === 0);
      const sizes = (list: Iterable<number>): number => [...new Set(list)].reduce((s, v) => s + p.values[v]!.size, 0);
      for (const i of steps) peak = Math.max(peak, p.base + sizes(steps.filter((v) => v <= i && (forward(v) >= i || (stored.includes(v) && last(v) >= 0)))));
      let cost = 0;
      slots.forEach((s, t) => {
        const resident = (later: (v: number) => boolean): number[] => stored.filter((v) => last(v) > t || (last(v) === t && later(v)));
        again[t]!.forEach((u, k) => {
          cost += p.values[u]!.cost;
          const then = again[t]!.slice(k), read = (v: number): boolean => s.needs.includes(v) || then.some((x) => parents(x).includes(v));
          peak = Math.max(peak, p.base + sizes([...resident(read), ...again[t]!.slice(0, k).filter(read), u]));
        });
        peak = Math.max(peak, p.base + s.extra + sizes([...resident((v) => s.needs.includes(v)), ...again[t]!.filter((v) => s.needs.includes(v))]));
      });
      worst = Math.max(worst, cost);
      sum += cost;
    }
    points.push({ limit: peak, cost: p.objective === "worst" ? worst : sum / paths.length });
  }
  points.sort((a, b) => a.limit - b.limit || a.cost - b.cost);
  return points.filter((x, i) => points.slice(0, i).every((y) => y.cost > x.cost + 1e-9));
}

/** The least forward work for a loop whose snapshots and tapes may take `memory`, as a shortest path over everything one can do. */
export function loopOptimum(shape: LoopShape, memory: number): number {
  const l = shape.steps, best = new Map<string, number>(), queue: { cost: number; state: number; snaps: number; tapes: number; left: number }[] = [{ cost: 0, state: 0, snaps: 0, tapes: 0, left: l }];
  const count = (m: number): number => { let c = 0; for (; m; m &= m - 1) c++; return c; };
  while (queue.length > 0) {
    let at = 0;
    queue.forEach((q, i) => { if (q.cost < queue[at]!.cost) at = i; });
    const q = queue.splice(at, 1)[0]!, key = `${q.state} ${q.snaps} ${q.tapes} ${q.left}`;
    if (q.left === 0) return q.cost;
    if (best.has(key)) continue;
    best.set(key, q.cost);
    const go = (more: number, change: Partial<typeof q>): void => { const x = { ...q, ...change, cost: q.cost + more }; if (count(x.snaps) * shape.snapshot + count(x.tapes) * shape.tape <= memory && !best.has(`${x.state} ${x.snaps} ${x.tapes} ${x.left}`)) queue.push(x); };
    if (q.state < q.left) { go(shape.forward, { state: q.state + 1 }); go(shape.taped, { state: q.state + 1, tapes: q.tapes | 1 << q.state }); go(shape.copy ?? 0, { snaps: q.snaps | 1 << q.state }); }
    for (let k = 0; k < l; k++) if (q.snaps >> k & 1) { go(shape.copy ?? 0, { state: k }); go(0, { snaps: q.snaps & ~(1 << k) }); }
    if (q.tapes >> (q.left - 1) & 1) go(0, { tapes: q.tapes & ~(1 << (q.left - 1)), left: q.left - 1 });
  }
  return Infinity;
}

/** Programs of up to `most` values; `unit` scales all bytes. */
export function randomProblem(most: number, unit = 1): fc.Arbitrary<Problem> {
  return fc.integer({ min: 2, max: most }).chain((n) => fc.record({
    size: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: n, maxLength: n }),
    cost: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: n, maxLength: n }),
    parents: fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }), { minLength: n, maxLength: n }),
    self: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
    extra: fc.array(fc.integer({ min: 0, max: 25 }), { minLength: n, maxLength: n }),
    workspace: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: n, maxLength: n }),
    stored: fc.option(fc.integer({ min: 0, max: n - 1 })),
    base: fc.integer({ min: 0, max: 5 }),
  }).map((r) => {
    const parents = r.parents.map((list, i) => [...new Set(list.map((d) => i - d).filter((q) => q >= 0))]);
    return problemOf({
      base: r.base * unit,
      values: r.size.map((size, i) => ({ name: `v${i}`, size: size * unit, cost: r.cost[i]!, parents: parents[i]!, recompute: r.stored !== i, forwardExtra: r.workspace[i]! * unit, workspace: r.workspace[i]! * unit })),
      slots: r.size.map((_, t) => n - 1 - t).map((i) => ({ name: `back${i}`, needs: [...parents[i]!, ...(r.self[i] ? [i] : [])], extra: r.extra[i]! * unit })),
    });
  }));
}

/** The same with loops among them. */
export function randomWithLoops(most: number): fc.Arbitrary<Problem> {
  const option = fc.record({ held: fc.integer({ min: 0, max: 25 }), inside: fc.integer({ min: 0, max: 25 }), cost: fc.integer({ min: 0, max: 40 }) });
  return fc.tuple(randomProblem(most), fc.array(fc.record({ at: fc.double({ min: 0, max: 0.99, noNaN: true }), options: fc.array(option, { minLength: 1, maxLength: 3 }) }), { minLength: 1, maxLength: 2 })).map(([p, loops]) => {
    const n = p.values.length;
    return problemOf({ ...p, loops: loops.map((l, k) => ({ name: `loop${k}`, step: Math.floor(l.at * n), slot: n - 1 - Math.floor(l.at * n), options: l.options })) });
  });
}

/** A sequence of conditionals with two arms of one or two values each, joined and with values between them. */
export function randomBranches(most: number): fc.Arbitrary<Problem> {
  const arm = fc.array(fc.record({ size: fc.integer({ min: 1, max: 20 }), cost: fc.integer({ min: 1, max: 30 }) }), { minLength: 1, maxLength: 2 });
  return fc.array(fc.record({ arms: fc.tuple(arm, arm), join: arm, own: fc.boolean(), extra: fc.integer({ min: 0, max: 12 }) }), { minLength: 1, maxLength: most }).map((list) => {
    const values: Problem["values"][number][] = [], slots: Problem["slots"][number][] = [];
    const add = (v: { size: number; cost: number }, parents: number[], own: boolean, extra: number, at?: readonly [number, number]): number => {
      const i = values.push({ name: `v${values.length}`, ...v, parents, recompute: true, ...(at ? { arm: at } : {}) }) - 1;
      slots.unshift({ name: `back${i}`, needs: own ? [...parents, i] : parents, extra, ...(at ? { arm: at } : {}) });
      return i;
    };
    let last = add({ size: 5, cost: 4 }, [], false, 0);
    list.forEach(({ arms, join, own, extra }, b) => {
      const from = last, ends = arms.map((values, a) => values.reduce((at, v) => add(v, [at], own, extra, [b, a]), from));
      last = join.reduce<number[]>((at, v) => [add(v, at, !own, extra)], ends)[0]!;
    });
    return problemOf({ values, slots, branches: list.map(() => 2) });
  });
}
