/**
 * Where nothing keeps a limit, or only at a high price, loops that stand inside of others get schedules of their own, and the plans of that form are looked at, too. With one
 * schedule for the outer loop what a whole run of the inner one keeps must fit; with one for each, what a few steps of it keep.
 */
import { MemoryInfeasible, type Answer, type Question } from "../checkpoint/plan/index.js";
import type { Plan } from "../lower/plan.js";
import type { Graph } from "../sdfg/sdfg.js";
import { MemoryPlanner, type MemoryDecision, type Strategy } from "./memory.js";

/** Schedules in schedules run the forward sweep twice more at least, which is more than this part of the whole. */
const ENOUGH = 0.5;
const NESTED = "+";

export class LimitPlanner {
  readonly #outer: MemoryPlanner;
  #inner: MemoryPlanner | undefined | null;

  /** Throws UNSUPPORTED where what a loop of unknown length keeps cannot be bounded. */
  constructor(...args: ConstructorParameters<typeof MemoryPlanner>) {
    this.#outer = new MemoryPlanner(...args);
    this.args = args;
  }
  readonly args: ConstructorParameters<typeof MemoryPlanner>;

  /** The compiled form of an earlier decision; the graph of that form after each stage. */
  form(key: string): Plan { return this.#planner(key).form(plain(key)); }
  graphs(key: string): ReadonlyMap<string, Graph> { return this.#planner(key).graphs(plain(key)); }

  /** Throws MEMORY_INFEASIBLE. */
  *decide(sizes: ReadonlyMap<string, number>, threads: number, limit: number | undefined, strategy: Strategy, budgetMs?: number): Generator<Question, MemoryDecision, Answer> {
    let first: MemoryDecision | undefined, failed: MemoryInfeasible | undefined;
    try { first = yield* this.#outer.decide(sizes, threads, limit, strategy, budgetMs); } catch (e) { if (!(e instanceof MemoryInfeasible)) throw e; failed = e; }
    const inner = limit !== undefined && strategy === "auto" && (!first || first.report.smallest !== undefined) ? this.#nested() : undefined;
    // Nothing is proven of the form that is not looked at.
    const unproven = (d: MemoryDecision, smallest = Infinity): MemoryDecision => ({ ...d, report: { ...d.report, smallest: Math.min(d.report.smallest!, smallest), smallestProven: false } });
    if (first && (!inner || first.report.relativeCost <= ENOUGH)) return inner ? unproven(first) : first;
    if (!inner) throw failed!;
    try {
      const second = yield* inner.decide(sizes, threads, limit, strategy, budgetMs), { report } = second;
      if (first && first.report.cost <= report.cost) return unproven(first, report.smallest);
      return { ...second, key: `${NESTED}${second.key}`, report: { ...report, storeAll: this.#outer.storeAll(sizes, threads), ...(report.smallest === undefined ? {} : { smallestProven: false }) } };
    } catch (e) {
      if (!(e instanceof MemoryInfeasible)) throw e;
      if (first) return unproven(first);
      throw e.smallest < failed!.smallest ? e : failed!;
    }
  }

  #planner(key: string): MemoryPlanner { return key.startsWith(NESTED) ? this.#nested()! : this.#outer; }
  /** The planner of that form, where there is one. */
  #nested(): MemoryPlanner | undefined {
    if (this.#inner === undefined) {
      const [differentiated, options, trace, rates, grows] = this.args, made = new MemoryPlanner(differentiated, options, trace, rates, grows, true);
      this.#inner = made.scheduled > this.#outer.scheduled ? made : null;
    }
    return this.#inner ?? undefined;
  }
}
function plain(key: string): string { return key.startsWith(NESTED) ? key.slice(NESTED.length) : key; }
