/**
 * A plan without a solver: drop what idles over events that are above the limit, cheapest per byte and event first, until the simulator finds none; then take
 * back what turned out not to be needed. It gives the solver its first plan, and large problems the one to improve on.
 */
import type { Pace } from "./pace.js";
import { expand } from "./expand.js";
import { simulate, withoutUnread, type Simulation } from "./simulate.js";
import { storeAll, together, type Plan, type Problem } from "./problem.js";

/** What a plan does, open to change. */
interface Draft { recompute: Set<number>[]; loops: number[]; offload: Map<number, number[]> }

function planOf(d: Draft): Plan {
  return { recompute: d.recompute.map((r) => [...r].sort((a, b) => a - b)), loops: d.loops, offload: [...d.offload].map(([value, fetch]) => ({ value, fetch })) };
}

/** Undefined where it finds none, or not in time. */
export async function greedyPlan(p: Problem, limit: number, pace: Pace): Promise<{ readonly plan: Plan; readonly sim: Simulation } | undefined> {
  let best: { plan: Plan; sim: Simulation } | undefined;
  for (const power of p.mode === "static" ? [1] : [1, 0.5]) {
    if (best && pace.late()) break;
    const found = p.mode === "static" ? await staticPlan(p, limit, pace) : await slotPlan(p, limit, power, pace);
    const thin = found && (p.mode === "static" ? found : await pruned(p, limit, found, pace));
    if (!thin) continue;
    const sim = simulate(p, thin);
    if (!best || sim.cost < best.sim.cost) best = { plan: thin, sim };
  }
  return best;
}

const overload = (sim: Simulation, limit: number): number => sim.bytes.reduce((s, b) => s + Math.max(0, b - limit), 0);

/** The loop option that saves most above the limit for its cost. */
function loopMove(p: Problem, draft: Draft, sim: Simulation, limit: number): { loop: number; option: number; score: number } | undefined {
  let best: { loop: number; option: number; score: number } | undefined;
  p.loops.forEach((l, k) => {
    const now = l.options[draft.loops[k]!]!;
    let held = 0, inside = 0, most = 0;
    sim.events.forEach((e, i) => {
      const over = sim.bytes[i]! - limit;
      if (over <= 0) return;
      if (e.slot === l.slot && e.value < 0) { inside++; most = Math.max(most, over); } else if (e.slot < 0 ? e.value >= l.step : e.slot <= l.slot) { held++; most = Math.max(most, over); }
    });
    l.options.forEach((o, option) => {
      if (sim.hostBytes - (now.host ?? 0) + (o.host ?? 0) > p.hostLimit) return;
      const gain = held * Math.min(most, now.held - o.held) + inside * Math.min(most, now.inside - o.inside);
      if (gain <= 0) return;
      const score = Math.max(0, o.cost - now.cost) / gain;
      if (!best || score < best.score) best = { loop: k, option, score };
    });
  });
  return best;
}

async function slotPlan(p: Problem, limit: number, power: number, pace: Pace): Promise<Plan | undefined> {
  const start = storeAll(p), draft: Draft = { recompute: start.recompute.map(() => new Set()), loops: [...start.loops], offload: new Map() };
  let left = Infinity, worse = 0;
  for (;;) {
    const plan = withoutUnread(p, planOf(draft)), sim = simulate(p, plan);
    let host = sim.hostBytes;
    draft.recompute = plan.recompute.map((r) => new Set(r));
    if (sim.peak <= limit) return plan;
    const now = overload(sim, limit);
    worse = now < left ? 0 : worse + 1;
    left = Math.min(left, now);
    if (pace.late() || worse > 50) return undefined;
    await pace.breathe();

    const over = [0];
    for (const b of sim.bytes) over.push(over[over.length - 1]! + (b > limit ? 1 : 0));
    /** Events above the limit strictly between two. */
    const above = (from: number, to: number): number => to <= from + 1 ? 0 : over[to]! - over[from + 1]!;
    const gaps = sim.gaps();
    const spans: [number, number][][] = p.values.map(() => []);
    for (const g of gaps) { const list = spans[g.value]!, last = list[list.length - 1]; if (last && last[1] === g.from) last[1] = g.to; else list.push([g.from, g.to]); }

    /** What computing `v` again at `to` takes besides; undefined if it cannot be had. */
    const chain = (v: number, slot: number, to: number, into: Set<number>): { cost: number; harm: number } | undefined => {
      let cost = p.values[v]!.cost, harm = 0;
      into.add(v);
      for (const q of p.values[v]!.parents) {
        const w = p.values[q]!;
        if (into.has(q) || draft.recompute[slot]!.has(q) || !together(w.arm, p.slots[slot]!.arm)) continue;
        let end = q;
        for (const [a, b] of spans[q]!) if (a <= to) end = Math.max(end, b);
        const longer = above(end, to) * w.size;
        if (longer === 0) continue;
        const again = w.recompute ? chain(q, slot, to, into) : undefined;
        if (!again) { harm += longer; continue; }
        cost += again.cost; harm += again.harm;
      }
      return { cost, harm };
    };
    const moves: { score: number; slot: number; value: number; add: Set<number>; moved: boolean }[] = [];
    for (const g of gaps) {
      const slot = sim.events[g.to]!.slot, v = p.values[g.value]!, events = above(g.from, g.to);
      if (slot < 0 || events === 0 || v.size === 0 || !together(v.arm, p.slots[slot]!.arm)) continue;
      if (v.recompute && sim.events[g.from]!.slot !== slot && !draft.recompute[slot]!.has(g.value)) {
        const add = new Set<number>(), c = chain(g.value, slot, g.to, add), gain = c ? events * v.size - c.harm : 0;
        if (c && gain > 0) moves.push({ score: c.cost / gain ** power, slot, value: g.value, add, moved: false });
      }
      if (v.offload && !v.arm && host + v.size <= p.hostLimit && !draft.offload.has(g.value) && sim.events[g.from]!.slot < 0) {
        moves.push({ score: (v.offload.out + v.offload.in) / (events * v.size) ** power, slot, value: g.value, add: new Set(), moved: true });
      }
    }
    moves.sort((x, y) => x.score - y.score);
    const loop = loopMove(p, draft, sim, limit);
    if (loop && (moves.length === 0 || loop.score < moves[0]!.score)) { draft.loops[loop.loop] = loop.option; continue; }
    if (moves.length === 0) return undefined;
    // One at a time where it is close, some at a time while far above the limit.
    let room = (sim.peak - limit) / 8;
    for (const m of moves) {
      if (m !== moves[0] && (room -= p.values[m.value]!.size) < 0) break;
      if (m.moved) {
        if (draft.offload.has(m.value) || host + p.values[m.value]!.size > p.hostLimit) continue;
        draft.offload.set(m.value, [m.slot]);
        host += p.values[m.value]!.size;
      }
      for (const v of m.add) draft.recompute[m.slot]!.add(v);
    }
  }
}

/** Takes back what can be kept after all, dearest first; with branches, where a look takes longer, first values in all slots at once. */
export async function pruned(p: Problem, limit: number, plan: Plan, pace: Pace): Promise<Plan> {
  if (p.branches.length > 0) {
    const again = [...new Set(plan.recompute.flat())].sort((a, b) => p.values[b]!.cost - p.values[a]!.cost);
    for (const v of again) {
      if (pace.late()) break;
      await pace.breathe();
      const less = withoutUnread(p, { ...plan, recompute: plan.recompute.map((r) => r.filter((u) => u !== v)) }), sim = simulate(p, less);
      if (sim.peak <= limit && sim.cost <= simulate(p, plan).cost) plan = less;
    }
  }
  const all = plan.recompute.flatMap((r, slot) => r.map((value) => ({ slot, value }))).sort((a, b) => p.values[b.value]!.cost - p.values[a.value]!.cost);
  let cost = simulate(p, plan).cost;
  for (const { slot, value } of all) {
    if (pace.late()) break;
    await pace.breathe();
    if (!plan.recompute[slot]!.includes(value)) continue;
    const less = withoutUnread(p, { ...plan, recompute: plan.recompute.map((r, t) => t === slot ? r.filter((v) => v !== value) : r) }), sim = simulate(p, less);
    if (sim.peak > limit || sim.cost > cost) continue;
    plan = less; cost = sim.cost;
  }
  return plan;
}

async function staticPlan(p: Problem, limit: number, pace: Pace): Promise<Plan | undefined> {
  const mode: ("store" | "recompute" | "offload")[] = p.values.map(() => "store"), loops = [...storeAll(p).loops];
  for (;;) {
    const plan = expand(p, mode, loops), sim = simulate(p, plan), now = overload(sim, limit);
    if (now === 0) return withMoreStored(p, limit, mode, loops, plan, sim);
    await pace.breathe();
    let best: { score: number; v: number; as: "recompute" | "offload" } | undefined;
    p.values.forEach((v, i) => {
      for (const as of ["recompute", "offload"] as const) {
        if (mode[i] !== "store" || pace.late() || (as === "recompute" ? !v.recompute : !v.offload || v.arm !== undefined || sim.hostBytes + v.size > p.hostLimit)) continue;
        mode[i] = as;
        const then = simulate(p, expand(p, mode, loops)), gain = now - overload(then, limit);
        mode[i] = "store";
        if (gain <= 0) continue;
        const score = (then.cost - sim.cost) / gain;
        if (!best || score < best.score) best = { score, v: i, as };
      }
    });
    const loop = loopMove(p, { recompute: [], loops, offload: new Map() }, sim, limit);
    if (loop && (!best || loop.score < best.score)) { loops[loop.loop] = loop.option; continue; }
    if (!best || pace.late()) return undefined;
    mode[best.v] = best.as;
  }
}

/** The same with what can be kept after all, as long as something can. */
function withMoreStored(p: Problem, limit: number, mode: ("store" | "recompute" | "offload")[], loops: readonly number[], plan: Plan, sim: Simulation): Plan {
  for (let changed = true; changed;) {
    changed = false;
    mode.forEach((m, v) => {
      if (m === "store") return;
      mode[v] = "store";
      const more = expand(p, mode, loops), then = simulate(p, more);
      if (then.peak <= limit && then.cost <= sim.cost) { plan = more; sim = then; changed = true; } else mode[v] = m;
    });
  }
  return plan;
}
