/**
 * From a byte limit to a program that keeps it: questions to the solver, answers carried out, and the arena of what comes out as the judge. The model of the planned graph
 * only proposes; a proposal counts if the finished program's peak is within the limit, and the limit given to the model moves by what it was wrong.
 * A search is a generator that asks, so that callers who wait and callers who do not share it.
 */
import { freemem } from "node:os";
import { copiesIn, listsOf, WIDTH } from "../checkpoint/apply/actions.js";
import { loopCandidates, type Planned } from "../checkpoint/apply/candidates.js";
import { scheduleLoops, type ScheduledLoop } from "../checkpoint/apply/driver.js";
import { NANOSECOND, pricesOf, stepPrices, type Prices } from "../checkpoint/cost/prices.js";
import { TimeModel } from "../checkpoint/cost/time.js";
import { boundLoops } from "../checkpoint/apply/bound-loops.js";
import type { OnlineLoop } from "../checkpoint/apply/online.js";
import { memoryModel, type MemoryModel, type ScheduledOption } from "../checkpoint/apply/problem.js";
import { recomputeValues } from "../checkpoint/apply/recompute.js";
import { BUDGET_MS, MemoryInfeasible, recomputeAll, recomputeOnce, simulate, storeAll, type Answer, type Plan as MemoryPlan, type Problem, type Question, type Solution } from "../checkpoint/plan/index.js";
import { DaceError, formatLoc } from "../base/errors.js";
import { CPU_RATES, type Rates } from "../base/rates.js";
import type { Plan } from "../lower/plan.js";
import type { Graph } from "../sdfg/sdfg.js";
import { allocated, layoutOf } from "../runtime/layout.js";
import { evaluate, sub } from "../symbolic/expr.js";
import { knownPlan, knownPlans, planIn, plansKey, rememberPlans } from "./known-plans.js";
import { everyPlan } from "./memory-every.js";
import { movedChoice, plainChoice } from "./memory-choices.js";
import { finish, type Differentiated, type FinishOptions, type Trace } from "./pipeline.js";

/** Sizes and lists that a call gives to a planned program besides the caller's. */
export interface CallData { readonly symbols: Readonly<Record<string, number>>; readonly lists: Readonly<Record<string, readonly number[]>> }

/** What was decided for one set of sizes; plain data. */
export interface MemoryDecision {
  /** Identifies the program's form: which loops are scheduled, which values computed again. */
  readonly key: string;
  readonly call: CallData;
  readonly report: CheckpointReport;
  /** Estimated seconds of storing everything. */
  readonly whole: number;
  /** Loops of the report whose steps the run counts, and the names of the lists where it does: steps, steps that ran again, copies. */
  readonly counted?: readonly { readonly loop: number; readonly list: string }[];
}

/** Bytes are those of everything that a run allocates beside the caller's arrays. */
export interface CheckpointReport {
  readonly limit?: number;
  /** The smallest limit for which a plan was found, where it was looked for; `smallestProven`: that none is smaller. */
  readonly smallest?: number;
  readonly smallestProven?: boolean;
  readonly planned: number;
  /** The allocator's high-water mark of the last run. */
  readonly measured?: number;
  /** Infinity where only the run could tell: what a loop of unknown length keeps has no bound. */
  readonly storeAll: number;
  /** Of computing everything again in every slot that asks for it; of large programs, which that would make many times as large, of computing everything again once. */
  readonly recomputeAll: number;
  /** Of the host's memory, for arrays that leave the device meanwhile: what there is, and what the plan takes of it. On a device only. */
  readonly host?: { readonly limit: number; readonly planned: number; /** The most that the last run took. */ readonly measured?: number };
  /** Estimated seconds beyond those of storing everything, and as a part of those. */
  readonly cost: number;
  readonly relativeCost: number;
  /** Strict arithmetic, though it was not asked for: steps that run again decide by floats, and what they decided cannot all be recorded. */
  readonly arithmetic?: "strict";
  readonly solver: { readonly rung: string; readonly status: string; readonly gap: number; readonly ms: number; readonly proven: boolean };
  readonly arrays: readonly { readonly name: string; readonly source?: string; readonly bytes: number; readonly decision: "store" | "recompute" | "offload"; readonly cost: number }[];
  readonly loops: readonly { readonly source?: string; readonly steps: number; readonly schedule: string; readonly snapshots: number; readonly extraSteps: number; /** Snapshots made and restored, or copies of tapes to the host and back. */ readonly copies: number }[];
  readonly timeline: readonly { readonly event: string; readonly bytes: number }[];
}

export type Strategy = "auto" | "store-all" | "recompute-all" | { readonly store: readonly string[] };

/** A program in one of its forms, for one set of sizes. */
interface Form { readonly key: string; readonly plan: Plan; readonly loops: readonly ScheduledLoop[]; readonly graphs: ReadonlyMap<string, Graph>; /** Of the model's loops. */ readonly scheduled: readonly number[]; time?: TimeModel }
interface Trial { readonly form: Form; readonly call: CallData; readonly peak: number; readonly hostBytes: number; readonly cost: number; readonly memory: MemoryPlan }

/** Bytes of the host that may hold what leaves a device: half of what there is, since they are pinned, and no more than the user says. */
function hostMemory(): number {
  const available = (process as { availableMemory?: () => number }).availableMemory?.() ?? freemem(), given = process.env["DACE_AD_CUDA_HOST_LIMIT"] ?? "";
  if (!/^\d*$/.test(given)) throw new DaceError("ARGUMENT", `DACE_AD_CUDA_HOST_LIMIT is not a number of bytes: ${given}`);
  return Math.min(Math.floor(available / 2), given === "" ? Infinity : Number(given));
}

/** The form that stores everything. */
const PLAIN = JSON.stringify({ again: [], loops: [] });
/** Of a scheduled loop: steps are taped before the turn, or their tapes leave the device; neither is 0. */
const HELD = 1, AWAY = 2;
/** Rounds of asking with a moved limit. */
const ROUNDS = 6;
/** What a program may have computed again, by its values, for its extreme to be carried out; what part of the time trying every plan may take. */
const MORE = 400, EVERY = 0.5;

export class MemoryPlanner {
  readonly #forms = new Map<string, Form>();
  readonly #exact: boolean;
  readonly #device: boolean;
  readonly #planned: Planned;
  /** Loops of `#planned` that have their schedule already: those whose length only the run knows, and nested ones. */
  readonly #online: readonly OnlineLoop[];

  /** `rates`: asked for where plans are compared. `grows`: does what the program keeps grow, once it is finished? `nested`: loops inside of others have schedules of their own. Throws UNSUPPORTED where what such a loop keeps cannot be bounded. */
  constructor(readonly differentiated: Differentiated, readonly options: FinishOptions, readonly trace: Trace, readonly rates: () => Rates = () => CPU_RATES, grows = true, nested = false) {
    this.#exact = options.precision === "strict";
    const given: Planned = { graph: differentiated.graph, forward: differentiated.forward }, asIs = !grows && (!nested || [...given.graph.containers.values()].some((c) => c.growable)), { planned, loops } = asIs ? { planned: given, loops: [] } : boundLoops(given, this.#exact, nested);
    this.#planned = planned;
    this.#online = loops;
    this.#device = options.device === "cuda";
  }

  /** How many loops have their schedule whatever is decided. */
  get scheduled(): number { return this.#online.length; }
  /** And how many there are to decide about. */
  get choices(): number { return this.scheduled + loopCandidates(this.#planned, this.#exact).length; }
  /** Bytes of storing everything; Infinity where only the run could tell. */
  storeAll(sizes: ReadonlyMap<string, number>, threads: number): number {
    if (this.#online.length > 0) return Infinity;
    const { plan } = this.#form(PLAIN);
    return allocated(plan, layoutOf(plan, sizes, threads));
  }

  /** The compiled form of an earlier decision. */
  form(key: string): Plan { return this.#form(key).plan; }

  /** The graph of that form after each stage. */
  graphs(key: string): ReadonlyMap<string, Graph> { return this.#form(key).graphs; }

  *decide(sizes: ReadonlyMap<string, number>, threads: number, limit: number | undefined, strategy: Strategy, given?: number): Generator<Question, MemoryDecision, Answer> {
    const budgetMs = given ?? BUDGET_MS, patient = given !== undefined;
    const start = performance.now(), key = plansKey(this.#planned.graph, [[...sizes], threads, this.options, this.differentiated.outputs]), earlier = limit === undefined ? [] : [knownPlans(key).find((x) => x.peak <= limit), knownPlans(key).at(-1)].filter((p) => p !== undefined);
    const model = memoryModel(this.#planned, sizes, this.#exact, this.#prices(sizes, threads, limit, strategy), limit, this.#device && strategy === "auto" ? hostMemory() : undefined, this.#online, earlier.map((p) => p.options)), problem = restricted(model, strategy);
    const trial = (memory: MemoryPlan): Trial => this.#trial(model, memory, sizes, threads);
    const all = trial(storeAll(problem)), gap = all.peak - simulate(problem, all.memory).peak, extreme = recomputeAll(problem);
    // Every value again in every slot is a program that grows with the square of the original: of a large one, only who asks for it gets it.
    const least = trial(strategy === "recompute-all" || extreme.recompute.flat().length <= Math.max(MORE, 4 * problem.values.length) ? extreme : recomputeOnce(problem));
    if (strategy === "store-all" || (strategy === "auto" && limit === undefined)) return this.#decision(model, all, all.peak, least.peak, { limit, rung: "store-all", status: "optimal", gap: 0, proven: true, start });
    if (strategy !== "auto") {
      const least = trial(extreme);
      if (limit !== undefined && least.peak > limit) throw infeasible(limit, least.peak, false, model, least);
      return this.#decision(model, least, all.peak, least.peak, { limit, rung: "strategy", status: "optimal", gap: 0, proven: true, start });
    }
    if (all.peak <= limit!) return this.#decision(model, all, all.peak, least.peak, { limit, rung: "store-all", status: "optimal", gap: 0, proven: true, start });

    // Where there are few plans every one is tried, so the cheapest and the smallest are known.
    const lists = model.loops.map((l) => l.options), remember = (): void => { rememberPlans(key, known.map((t) => knownPlan(t.memory, lists.map((l, k) => l[t.memory.loops[k]!]!), t.peak, t.cost))); };
    const known: Trial[] = [least], tryOut = (memory: MemoryPlan): Trial => { const t = trial(memory); known.push(t); return t; };
    for (const p of earlier) { const plan = planIn(p, lists), t = plan && trial(plan); if (t && t.hostBytes <= problem.hostLimit) known.push(t); }
    const every = everyPlan(problem, (memory) => formKey(model, memory)), late = (): boolean => performance.now() - start > EVERY * budgetMs;
    if (every && every.every((memory) => !late() && tryOut(memory))) {
      const fits = known.filter((t) => t.peak <= limit! && t.hostBytes <= problem.hostLimit), low = known.reduce((a, b) => (b.peak < a.peak ? b : a));
      remember();
      if (fits.length === 0) throw infeasible(limit!, low.peak, model.complete, model, low);
      return this.#decision(model, cheapest(fits)!, all.peak, least.peak, { limit, smallest: low.peak, rung: "exact", status: "optimal", gap: 0, proven: model.complete, start });
    }
    // Between a target that was too low, or whose plan fits, and one whose plan was too large the next one is in the middle.
    let best = cheapest(known.filter((t) => t.peak <= limit!)), target = limit! - gap, low = -Infinity, high = Infinity, last: Solution | undefined;
    for (let round = 0; round < ROUNDS; round++) {
      const left = budgetMs - (performance.now() - start);
      if (round > 0 && left < budgetMs / 10) break;
      const solution = last = (yield { kind: "solve", problem, limit: Math.max(0, Math.floor(target)), budgetMs: Math.max(200, patient ? left / 2 : left), patient }).solution!, proposal = solution.plan ?? solution.smallest?.plan;
      if (!proposal) break;
      const t = this.#refine(model, trial(proposal), sizes, threads, limit!), fits = t.peak <= limit!;
      known.push(t);
      if (fits && (!best || t.cost < best.cost)) best = t;
      if (fits && (t.cost === 0 || (solution.plan && limit! - t.peak < 0.02 * limit!))) break;
      if (fits || !solution.plan) low = Math.max(low, target); else high = Math.min(high, target);
      if (high - low < 64) break;
      target = low > -Infinity && high < Infinity ? (low + high) / 2 : fits || !solution.plan ? target + Math.max(64, limit! - t.peak) : target - Math.max(64, t.peak - limit!);
    }
    if (!best && this.#device) {
      for (const loops of new Set([all.memory.loops, extreme.loops])) {
        const t = movedChoice(problem, loops, limit!, tryOut);
        if (t && t.peak <= limit! && (!best || t.cost < best.cost)) best = t;
      }
    }
    if (!best) {
      const { smallest: found } = yield { kind: "smallest", problem, budgetMs: Math.max(500, budgetMs - (performance.now() - start)) }, from = found!.limit, to = simulate(problem, all.memory).peak;
      known.push(this.#refine(model, trial(found!.plan), sizes, threads, limit!));
      // What is smallest in the model need not be so when it is carried out: a few more between it and storing everything.
      for (const part of [0.15, 0.35, 0.6]) {
        const { solution } = yield { kind: "solve", problem, limit: Math.floor(from + part * (to - from)), budgetMs: Math.max(200, budgetMs / 10) };
        if (solution!.plan) known.push(this.#refine(model, trial(solution!.plan), sizes, threads, limit!));
      }
      best = cheapest(known.filter((t) => t.peak <= limit!));
    }
    if (!best || best.cost > 0) {
      const base = best ? tryOut({ ...all.memory, loops: best.memory.loops }) : all;
      best = plainChoice(problem, base, best, limit!, Math.max(performance.now() + budgetMs / 10, start + budgetMs), tryOut) ?? best;
    }
    if (best && model.loops.length > 0) known.push(trial({ ...storeAll(problem), loops: recomputeAll(problem).loops }));
    remember();
    const smallest = known.reduce((a, b) => (b.peak < a.peak ? b : a), all);
    if (!best) throw infeasible(limit!, smallest.peak, false, model, smallest);
    return this.#decision(model, best, all.peak, least.peak, { limit, smallest: smallest.peak, rung: last?.rung ?? "windows", status: last?.status ?? "feasible", gap: last?.gap ?? 0, proven: false, start });
  }

  /** Within the form: the cheapest options of its loops whose peak is within the limit, or the smallest peak. One loop after the other, until nothing changes. */
  #refine(model: MemoryModel, from: Trial, sizes: ReadonlyMap<string, number>, threads: number, limit: number): Trial {
    let best = from;
    const better = (t: Trial): boolean => (t.peak <= limit ? best.peak > limit || t.cost < best.cost || (t.cost === best.cost && t.peak < best.peak) : best.peak > limit && t.peak < best.peak);
    for (let changed = true, rounds = 0; changed && rounds < 4; rounds++) {
      changed = false;
      model.loops.forEach((l, k) => {
        const now = l.options[best.memory.loops[k]!]!;
        if (now.plain) return;
        l.options.forEach((o, i) => {
          if (o.plain || i === best.memory.loops[k]) return;
          const memory = { ...best.memory, loops: best.memory.loops.map((x, j) => (j === k ? i : x)) };
          if (formKey(model, memory) !== best.form.key) return;
          const t = this.#trial(model, memory, sizes, threads);
          if (better(t)) { best = t; changed = true; }
        });
      });
    }
    return best;
  }

  #trial(model: MemoryModel, memory: MemoryPlan, sizes: ReadonlyMap<string, number>, threads: number): Trial {
    const form = this.#form(formKey(model, memory)), symbols: Record<string, number> = {}, lists: Record<string, readonly number[]> = {};
    form.loops.forEach((l, j) => {
      const k = form.scheduled[j]!, a = listsOf(optionOf(model, memory, k));
      Object.assign(symbols, { [l.forwardCount]: a.forward.length / WIDTH, [l.backwardCount]: a.backward.length / WIDTH, [l.slots]: a.slots, [l.rows]: a.rows });
      Object.assign(lists, { [l.forwardList]: a.forward, [l.backwardList]: a.backward });
    });
    model.loops.forEach((l, k) => {
      if (!l.online) return;
      const o = optionOf(model, memory, k);
      Object.assign(symbols, { [l.online.slots]: o.parameter, ...(l.online.rows === undefined ? {} : { [l.online.rows]: o.rows! }) });
      lists[l.online.run] = [0, 0, 0];
    });
    const layout = layoutOf(form.plan, new Map([...sizes, ...Object.entries(symbols)]), threads);
    return { form, call: { symbols, lists }, peak: form.plan.buffers.some((b) => b.storage === "growable") ? Infinity : allocated(form.plan, layout), hostBytes: layout.hostBytes, cost: simulate(model.problem, memory).cost, memory };
  }

  /** What choices cost. Where there is one to make, loops by what their steps take in the finished program with drivers, which is made in any case. */
  #prices(sizes: ReadonlyMap<string, number>, threads: number, limit: number | undefined, strategy: Strategy): Prices {
    const form = this.#form(PLAIN), fits = strategy === "store-all" || (strategy === "auto" && (limit === undefined || (this.#online.length === 0 && allocated(form.plan, layoutOf(form.plan, sizes, threads)) <= limit))), rates = fits ? CPU_RATES : this.rates();
    // Of loops whose length only the run knows, there is no program that stores everything.
    const whole = (this.#online.length > 0 ? new TimeModel(this.differentiated.graph, rates, false).seconds({ sizes }) : this.#time(form, rates).seconds({ sizes }, threads)) / NANOSECOND, candidates = fits ? [] : loopCandidates(this.#planned, this.#exact);
    if (candidates.length === 0) return pricesOf(this.#planned.graph, whole, sizes, rates);
    const driven = this.#form(JSON.stringify({ again: [], loops: candidates.map((_, k) => [k, 0]) })), steps = candidates.map((c) => evaluate(sub(c.loop.end, c.loop.begin), sizes));
    return pricesOf(this.#planned.graph, whole, sizes, rates, stepPrices(this.#time(driven, rates), driven.loops, steps, sizes, threads, whole));
  }
  #time(form: Form, rates: Rates): TimeModel {
    if (form.time?.rates !== rates) form.time = new TimeModel(form.graphs.get("scheduled")!, rates);
    return form.time;
  }

  /** `recompute` and the scheduled loops, as the key says, carried out. */
  #form(key: string): Form {
    let form = this.#forms.get(key);
    if (form) return form;
    const { again, loops, moved } = JSON.parse(key) as FormKey;
    const base = again.length > 0 || moved ? recomputeValues(this.#planned, again, moved?.map(([value, ...fetch]) => ({ value, fetch }))) : this.#planned;
    const originals = loopCandidates(this.#planned, this.#exact), candidates = base === this.#planned ? originals : loopCandidates(base, this.#exact), chosen = loops.flatMap(([k, held]) => {
      const { variable } = originals[k]!.loop, candidate = candidates.find((c) => c.loop.variable === variable);
      return candidate ? [{ candidate, held: held === HELD, away: held === AWAY, k }] : [];
    });
    const scheduled = scheduleLoops(base, chosen);
    const plan = finish(scheduled.planned.graph, { ...this.options, outputs: this.differentiated.outputs, solvers: false }, this.trace);
    form = { key, plan, graphs: new Map([...this.trace.graphs, ["planned", scheduled.planned.graph]]), loops: scheduled.loops, scheduled: chosen.map((c) => c.k) };
    this.#forms.set(key, form);
    return form;
  }

  #decision(model: MemoryModel, t: Trial, all: number, least: number, s: { readonly limit: number | undefined; readonly smallest?: number; readonly rung: string; readonly status: string; readonly gap: number; readonly proven: boolean; readonly start: number }): MemoryDecision {
    const { graph, forward } = this.#planned, p = model.problem, sim = simulate(p, t.memory), again = new Set(t.memory.recompute.flat()), fetches = new Map(t.memory.offload.map((o) => [o.value, o.fetch.length]));
    const source = (loc: Parameters<typeof formatLoc>[0] | undefined): { source?: string } => (loc ? { source: formatLoc(loc) } : {});
    return {
      key: t.form.key, call: t.call, whole: model.whole * NANOSECOND, ...(this.#online.length > 0 ? { counted: model.loops.flatMap((l, loop) => (l.online ? [{ loop, list: l.online.run }] : [])) } : {}),
      report: {
        ...(s.limit === undefined ? {} : { limit: s.limit }), ...(s.smallest === undefined ? {} : { smallest: s.smallest, smallestProven: s.proven }),
        planned: t.peak, ...(this.#device ? { host: { limit: Number.isFinite(p.hostLimit) ? p.hostLimit : 0, planned: t.hostBytes } } : {}), storeAll: this.#online.length > 0 ? Infinity : all, recomputeAll: least, cost: t.cost * NANOSECOND, relativeCost: model.whole > 0 ? t.cost / model.whole : 0,
        solver: { rung: s.rung, status: s.status, gap: s.gap, ms: performance.now() - s.start, proven: s.proven },
        arrays: p.values.flatMap((v, i) => (v.size > 0 && p.slots.some((x) => x.needs.includes(i)) ? [{ name: v.name, ...source(graph.body[i]!.loc ?? model.containers[i]!.map((d) => graph.container(d).loc).find((x) => x)), bytes: v.size, ...decided(v, again.has(i), fetches.get(i)) }] : [])),
        loops: model.loops.map((l, k) => {
          const o = optionOf(model, t.memory, k), lists = o.plain || l.online ? undefined : listsOf(o);
          return { ...source(l.loc), steps: l.steps, schedule: o.kind, snapshots: l.online ? o.parameter : lists?.slots ?? 0, extraSteps: l.online ? 0 : o.extraSteps, copies: lists ? copiesIn(lists) : 0 };
        }),
        timeline: sim.events.map((e, i) => ({ event: e.slot < 0 ? `forward ${p.values[e.value]!.name}` : e.value < 0 ? `backward ${graph.body[forward + e.slot]!.kind}` : `again ${p.values[e.value]!.name}`, bytes: sim.bytes[i]! })),
      },
    };
  }
}

function cheapest(list: readonly Trial[]): Trial | undefined { return list.reduce<Trial | undefined>((a, b) => (a && a.cost <= b.cost ? a : b), undefined); }

/** What became of an array. */
function decided(v: Problem["values"][number], again: boolean, fetches: number | undefined): Pick<CheckpointReport["arrays"][number], "decision" | "cost"> {
  if (fetches !== undefined && v.offload) return { decision: "offload", cost: NANOSECOND * (v.offload.out + fetches * v.offload.in + (again ? v.cost : 0)) };
  return again ? { decision: "recompute", cost: v.cost * NANOSECOND } : { decision: "store", cost: 0 };
}

/** `loops`: each by its number, and how its tapes are kept. `moved`: values that leave the device, each with the slots before which it is fetched. */
interface FormKey { readonly again: readonly (readonly number[])[]; readonly loops: readonly (readonly [number, number])[]; readonly moved?: readonly (readonly [number, ...number[]])[] }
function formKey(model: MemoryModel, memory: MemoryPlan): string {
  const key: FormKey = {
    again: memory.recompute.some((l) => l.length > 0) ? memory.recompute : [],
    loops: model.loops.flatMap((_, k): (readonly [number, number])[] => { const o = optionOf(model, memory, k); return o.plain || o.kind === "online" ? [] : [[k, o.kind === "offload" ? AWAY : listsOf(o).held ? HELD : 0]]; }),
    ...(memory.offload.length > 0 ? { moved: memory.offload.map((o): readonly [number, ...number[]] => [o.value, ...o.fetch]) } : {}),
  };
  return JSON.stringify(key);
}
function optionOf(model: MemoryModel, memory: MemoryPlan, k: number): ScheduledOption { return model.loops[k]!.options[memory.loops[k]!]!; }

/** A strategy as a smaller problem: what it says is stored cannot be computed again. */
function restricted(model: MemoryModel, strategy: Strategy): Problem {
  if (typeof strategy === "string") return model.problem;
  const named = new Set(strategy.store);
  return { ...model.problem, values: model.problem.values.map((v) => (v.name.split(", ").some((n) => named.has(n)) ? { ...v, recompute: false } : v)) };
}

function infeasible(limit: number, smallest: number, proven: boolean, model: MemoryModel, at: Trial): MemoryInfeasible {
  const sim = simulate(model.problem, at.memory), dominating = sim.liveAt(sim.worst).map((v) => model.problem.values[v]!).filter((v) => v.size > 0).map((v) => ({ name: v.name, bytes: v.size }));
  return new MemoryInfeasible(limit, { limit: smallest, proven, plan: at.memory, dominating });
}
