/**
 * The integer simulator: what a plan costs and how many bytes are live at each of its events. It is the only source of a peak. Every value lives from where
 * it is computed (or fetched) to its last reader before it is computed again, on each path; so every plan is carried out with the least memory it can be.
 * What is computed again for its own slot alone is computed on the paths on which something in that slot reads it.
 */
import { InternalError } from "../../base/errors.js";
import { chance, maxOverPaths, takes, type Path, type Term } from "./paths.js";
import { mostLive, PathSets, PathSums, type PathSet } from "./path-sets.js";
import { together, type Arm, type Plan, type Problem } from "./problem.js";

/** Forward step `value`; or `value` computed again in `slot`; or the backward step of `slot` (`value` is -1). It happens in these arms only. */
export interface Event { readonly value: number; readonly slot: number; readonly when: readonly Arm[] }

/** A definition or a use of a value at an event; `event` is -1 for copies, which always happen. */
interface Touch { readonly at: number; readonly defines: boolean; readonly event: number }

/** What is live between two uses of a value: it could be dropped in between. */
export interface Gap { readonly value: number; readonly from: number; readonly to: number }

export interface Simulation {
  readonly peak: number;
  readonly cost: number;
  /** Event of the peak. */
  readonly worst: number;
  readonly events: readonly Event[];
  readonly bytes: readonly number[];
  readonly hostBytes: number;
  /** A path on which `bytes[event]` are live. */
  pathAt(event: number): Path;
  /** Values that are live at an event on its path, largest first. */
  liveAt(event: number): readonly number[];
  /** Where values idle; of programs without branches only. */
  gaps(): readonly Gap[];
  /** A path of the largest cost. */
  readonly dearest: Path;
  /** Computed again and never read. */
  readonly unread: readonly { readonly slot: number; readonly value: number }[];
}

const NEVER: readonly Arm[] = [];

export function simulate(p: Problem, plan: Plan): Simulation {
  const n = p.values.length, events: Event[] = [];
  const touches: Touch[][] = p.values.map(() => []);
  const when = (...arms: (Arm | undefined)[]): readonly Arm[] => {
    const out = arms.filter((a) => a !== undefined);
    return out.length === 0 ? NEVER : out;
  };
  const touch = (v: number, defines: boolean): void => { touches[v]!.push({ at: events.length - 1, defines, event: events.length - 1 }); };
  p.values.forEach((v, i) => {
    events.push({ value: i, slot: -1, when: when(v.arm) });
    for (const q of v.parents) if (together(p.values[q]!.arm, v.arm)) touch(q, false);
    touch(i, true);
  });
  const lastForward = touches.map((t) => t[t.length - 1]!.at);
  const starts: number[] = [], opAt: number[] = [];
  p.slots.forEach((s, t) => {
    starts.push(events.length);
    for (const u of plan.recompute[t]!) {
      const v = p.values[u]!;
      if (!v.recompute || !together(v.arm, s.arm)) throw new InternalError(`memory planning: ${v.name} cannot be computed again in ${s.name}`);
      events.push({ value: u, slot: t, when: when(v.arm, s.arm) });
      for (const q of v.parents) if (together(p.values[q]!.arm, v.arm) && together(p.values[q]!.arm, s.arm)) touch(q, false);
      touch(u, true);
    }
    events.push({ value: -1, slot: t, when: when(s.arm) });
    opAt.push(events.length - 1);
    for (const q of s.needs) if (together(p.values[q]!.arm, s.arm)) touch(q, false);
  });

  const bytes = new Array<number>(events.length).fill(p.base);
  events.forEach((e, i) => { bytes[i]! += e.slot < 0 ? p.values[e.value]!.forwardExtra ?? 0 : e.value < 0 ? p.slots[e.slot]!.extra : p.values[e.value]!.workspace ?? 0; });
  const change = new Array<number>(events.length + 1).fill(0);
  const span = (from: number, to: number, size: number): void => { change[from]! += size; change[Math.min(to, events.length - 1) + 1]! -= size; };
  let loopCost = 0, hostBytes = 0;
  p.loops.forEach((l, k) => {
    const o = l.options[plan.loops[k]!]!;
    loopCost += o.cost;
    hostBytes += o.host ?? 0;
    span(l.step, opAt[l.slot]! - 1, o.held);
    bytes[opAt[l.slot]!]! += o.inside;
  });

  // What the device holds of an offloaded value beside its uses: the copy out is in flight one event longer, the copy back one slot earlier.
  const inFlight: (Touch[] | undefined)[] = [];
  let moved = 0;
  for (const o of plan.offload) {
    const v = p.values[o.value]!, list = touches[o.value]!;
    if (!v.offload || (v.arm && p.branches.length > 0)) throw new InternalError(`memory planning: ${v.name} cannot be offloaded`);
    hostBytes += v.size;
    moved += v.offload.out + o.fetch.length * v.offload.in;
    list.push({ at: lastForward[o.value]! + 1, defines: false, event: -1 });
    for (const t of o.fetch) list.push({ at: t === 0 ? n - 1 : starts[t - 1]!, defines: true, event: -1 }, { at: starts[t]!, defines: false, event: -1 });
    list.sort((a, b) => a.at - b.at || Number(b.defines) - Number(a.defines));
    inFlight[o.value] = list;
  }

  // Where there are branches: on which paths does each event happen, and which branches decide that?
  const branching = p.branches.length > 0, readers: (readonly number[] | undefined)[] = [], deciding: (readonly number[])[] = [];
  // With few paths, as sets; with many, by the branches that decide together.
  const sets = branching ? PathSets.of(p.branches) : undefined, on: PathSet[] = [];
  if (branching) {
    for (let e = events.length - 1; e >= 0; e--) {
      const { value: v, slot: t, when: w } = events[e]!;
      readers[e] = v >= 0 && t >= 0 ? readersOf(v, e, opAt[t]!) : undefined;
      if (sets) on[e] = sets.and(sets.taking(w), readers[e] ? sets.union(readers[e]!.map((r) => on[r]!)) : sets.all);
      else deciding[e] = [...new Set([...w.map((a) => a[0]), ...readers[e]?.flatMap((r) => deciding[r]!) ?? []])];
    }
  }
  const happens = (e: number, path: Path): boolean => e < 0 || (sets ? sets.has(on[e]!, path) : events[e]!.when.every((a) => takes(path, a)) && (readers[e]?.some((r) => happens(r, path)) ?? true));

  const conditional: number[] = [];
  const versions = (v: number, f: (from: number, to: number) => void): void => {
    let from = -1, to = -1;
    for (const t of touches[v]!) {
      if (t.defines) { if (from >= 0) f(from, to); from = to = t.at; } else to = Math.max(to, t.at);
    }
    if (from >= 0) f(from, to);
  };
  const sometimes = (e: number): boolean => sets ? !sets.full(on[e]!) : deciding[e]!.length > 0;
  p.values.forEach((v, i) => {
    if (branching && (v.arm || touches[i]!.some((t) => t.event >= 0 && sometimes(t.event)))) conditional.push(i);
    else versions(i, (from, to) => { span(from, to, v.size); });
  });
  for (let i = 0, sum = 0; i < events.length; i++) { sum += change[i]!; bytes[i]! += sum; }

  /** Is it live at `e` on the path? The next touch on the path decides: a use, or a definition at `e` itself. */
  const alive = (v: number, e: number, path: Path): boolean => {
    if (v > e || !takes(path, p.values[v]!.arm)) return false;
    for (const t of touches[v]!) if (t.at >= e && happens(t.event, path)) return !t.defines || t.at === e;
    return false;
  };
  const termsAt = (e: number): Term[] => {
    const out: Term[] = [];
    for (const v of conditional) {
      const list = touches[v]!, branches = new Set<number>();
      if (v > e || list[list.length - 1]!.at < e) continue;
      for (const t of list) if (t.at >= e && t.event >= 0) for (const b of deciding[t.event]!) branches.add(b);
      if (p.values[v]!.arm) branches.add(p.values[v]!.arm[0]);
      out.push({ branches: [...branches], most: p.values[v]!.size, weight: (path) => alive(v, e, path) ? p.values[v]!.size : 0 });
    }
    return out;
  };
  const most = sets && conditional.length > 0 ? mostLive(sets, events.map((e) => sets.taking(e.when)), conditional.map((v) => ({
    size: p.values[v]!.size, arm: sets.taking([p.values[v]!.arm]), touches: touches[v]!.map((t) => ({ at: t.at, defines: t.defines, on: t.event < 0 ? sets.all : on[t.event]! })),
  }))) : undefined;
  if (conditional.length > 0) events.forEach((e, i) => { bytes[i]! += most ? most[i]!.value : maxOverPaths(p.branches, e.when, termsAt(i)).value; });

  let always = moved + loopCost, dearest: Path = p.branches.map(() => 0);
  const some: Term[] = [], costs = sets && new PathSums(sets);
  events.forEach((e, i) => {
    if (e.slot < 0 || e.value < 0) return;
    const c = p.values[e.value]!.cost, branches = deciding[i] ?? [];
    if (!branching || !sometimes(i)) always += c;
    else if (sets) { if (p.objective === "expected") always += c * sets.share(on[i]!); else costs!.add(on[i]!, c); }
    else if (p.objective === "expected") always += c * chance(p.branches, branches, (path) => happens(i, path));
    else some.push({ branches, most: c, weight: (path) => happens(i, path) ? c : 0 });
  });
  if (sets && costs) { const m = costs.most(sets.all); always += m.value; dearest = sets.path(m.at); }
  if (some.length > 0) { const m = maxOverPaths(p.branches, [], some); always += m.value; dearest = m.path.map((a) => Math.max(a, 0)); }

  let worst = 0;
  bytes.forEach((b, i) => { if (b > bytes[worst]!) worst = i; });
  const pathAt = (e: number): Path => sets ? sets.path(most ? most[e]!.at : sets.first(sets.taking(events[e]!.when))) : maxOverPaths(p.branches, events[e]!.when, termsAt(e)).path.map((a) => Math.max(a, 0));
  const unread: { slot: number; value: number }[] = [];
  p.values.forEach((_, v) => {
    const list = touches[v]!;
    list.forEach((t, k) => {
      const next = list[k + 1];
      if (t.defines && t.event >= n && (!next || (next.defines && (next.event < 0 || events[next.event]!.when.length === 0)))) unread.push({ slot: events[t.at]!.slot, value: v });
    });
  });
  return {
    peak: bytes[worst] ?? p.base, cost: always, worst, events, bytes, hostBytes, dearest, unread, pathAt,
    liveAt: (e) => {
      const path = pathAt(e);
      return p.values.map((_, v) => v).filter((v) => aliveSomehow(v, e, path)).sort((a, b) => p.values[b]!.size - p.values[a]!.size || a - b);
    },
    gaps: () => {
      const out: Gap[] = [];
      p.values.forEach((_, v) => { for (let k = 1, list = touches[v]!; k < list.length; k++) if (!list[k]!.defines && list[k]!.at > list[k - 1]!.at) out.push({ value: v, from: list[k - 1]!.at, to: list[k]!.at }); });
      return out;
    },
  };

  /** Events of its slot that read what `e` makes; undefined where that is kept for later, or the slot itself needs it. */
  function readersOf(v: number, e: number, op: number): readonly number[] | undefined {
    const out: number[] = [], own = events[e]!.when, past = new Map<number, Set<number>>();
    for (const t of touches[v]!) {
      if (t.at <= e) continue;
      const more = (t.event < 0 ? [] : events[t.event]!.when).filter((a) => !own.some((b) => a[0] === b[0] && a[1] === b[1]));
      if (more.some((a) => own.some((b) => a[0] === b[0])) || more.some((a) => past.get(a[0])?.has(a[1]))) continue;
      if (!t.defines) { if (t.at >= op) return undefined; out.push(t.event); continue; }
      // Made anew: on all paths from here, or in one arm.
      if (more.length === 0) break;
      if (more.length > 1) continue;
      const [branch, arm] = more[0]!, arms = past.get(branch) ?? new Set();
      past.set(branch, arms.add(arm));
      if (arms.size === p.branches[branch]) break;
    }
    return out;
  }

  function aliveSomehow(v: number, e: number, path: Path): boolean {
    if (!inFlight[v]) return alive(v, e, path);
    let is = false;
    versions(v, (from, to) => { is ||= from <= e && e <= to; });
    return is;
  }
}

/** The plan without what is computed again for no reader. */
export function withoutUnread(p: Problem, plan: Plan): Plan {
  for (;;) {
    const { unread } = simulate(p, plan);
    if (unread.length === 0) return plan;
    const drop = plan.recompute.map(() => new Set<number>());
    for (const u of unread) drop[u.slot]!.add(u.value);
    plan = { ...plan, recompute: plan.recompute.map((r, t) => r.filter((v) => !drop[t]!.has(v))) };
  }
}
