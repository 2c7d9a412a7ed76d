/**
 * The forms of a program among which a limit chooses, beyond the planned graph as it is.
 * - Where nothing keeps a limit, or only at a high price, loops that stand inside of others get schedules of their own, and the plans of that form are looked at, too. With one
 *   schedule for the outer loop what a whole run of the inner one keeps must fit; with one for each, what a few steps of it keep.
 * - A step that decides by floats may round otherwise when it runs again. Its decisions are recorded (`checkpoint/decisions.ts`) where sizes bound how many there are. Where only the run
 *   knows, or there is no room for them, or they cost too much, the arithmetic is that of strict precision: then a step that runs again gives the same bits, so it decides as it did.
 * A form is left out only where none of its plans could be cheaper, so a larger limit never costs more.
 */
import { DaceError } from "../base/errors.js";
import { MemoryInfeasible, type Answer, type Question } from "../checkpoint/plan/index.js";
import type { Plan } from "../lower/plan.js";
import type { Graph } from "../sdfg/sdfg.js";
import { MemoryPlanner, type MemoryDecision, type Strategy } from "./memory.js";
import type { Differentiated } from "./pipeline.js";

/** Schedules in schedules run the forward sweep twice more at least, which is more than this part of the whole. */
const ENOUGH = 0.5;
/** What strict arithmetic takes longer, as a part of the whole: it is in no estimate. */
const STRICT = 1;
type Arguments = ConstructorParameters<typeof MemoryPlanner>;

/** Loops as they are, or those in others with schedules, too; and what floats decide in steps: as it is, recorded, or decided again in strict arithmetic. */
interface Kind { readonly nested: boolean; readonly facts: "" | "recorded" | "strict" }
const prefixOf = (k: Kind): string => `${k.nested ? "+" : ""}${k.facts === "" ? "" : `${k.facts}:`}`;

export class LimitPlanner {
  readonly #first: Kind;
  readonly #made = new Map<string, MemoryPlanner | DaceError | undefined>();
  #recorded: Differentiated | undefined | null;

  /** `recorded`: the same program with its decisions recorded, where there are any. Throws UNSUPPORTED where what a loop of unknown length keeps cannot be bounded. */
  constructor(readonly args: Arguments, readonly recorded: () => Differentiated | undefined = () => undefined) {
    const kinds = (["", "recorded", "strict"] as const).map((facts): Kind => ({ nested: false, facts })), first = kinds.find((k) => this.#planner(k) instanceof MemoryPlanner), asIs = this.#planner(kinds[0]!);
    if (asIs instanceof DaceError && !first) throw asIs;
    this.#first = first!;
  }

  /** The compiled form of an earlier decision; the graph of that form after each stage. */
  form(key: string): Plan { const [planner, rest] = this.#of(key); return planner.form(rest); }
  graphs(key: string): ReadonlyMap<string, Graph> { const [planner, rest] = this.#of(key); return planner.graphs(rest); }

  /** Throws MEMORY_INFEASIBLE. */
  *decide(sizes: ReadonlyMap<string, number>, threads: number, limit: number | undefined, strategy: Strategy, budgetMs?: number): Generator<Question, MemoryDecision, Answer> {
    const outer = this.#planner(this.#first) as MemoryPlanner;
    let best: MemoryDecision | undefined, failed: MemoryInfeasible | undefined, smallest = Infinity, more = false;
    for (const kind of [this.#first, ...(limit !== undefined && strategy === "auto" ? this.#others() : [])]) {
      if (kind !== this.#first) {
        more = true;
        if (best && (best.report.smallest === undefined || best.report.relativeCost <= (kind.nested ? ENOUGH : 0) + (kind.facts !== this.#first.facts && kind.facts === "strict" ? STRICT : 0))) continue;
      }
      try {
        const d = yield* this.#decided(kind, outer, sizes, threads, limit, strategy, budgetMs);
        smallest = Math.min(smallest, d.report.smallest ?? Infinity);
        if (!best || d.report.cost < best.report.cost) best = d;
      } catch (e) {
        if (!(e instanceof MemoryInfeasible)) throw e;
        smallest = Math.min(smallest, e.smallest);
        if (!failed || e.smallest < failed.smallest) failed = e;
      }
    }
    if (!best) throw failed!;
    // Nothing is proven of forms that were not looked at.
    return more && best.report.smallest !== undefined ? { ...best, report: { ...best.report, smallest: Math.min(best.report.smallest, smallest), smallestProven: false } } : best;
  }
  *#decided(kind: Kind, outer: MemoryPlanner, ...args: Parameters<MemoryPlanner["decide"]>): Generator<Question, MemoryDecision, Answer> {
    const d = yield* (this.#planner(kind) as MemoryPlanner).decide(...args), own = kind.facts === "strict" && this.args[1].precision !== "strict", slower = own && kind !== this.#first ? STRICT : 0, { cost, relativeCost } = d.report;
    return { ...d, key: `${prefixOf(kind)}${d.key}`, report: { ...d.report, cost: cost + slower * d.whole, relativeCost: relativeCost + slower, ...(kind === this.#first ? {} : { storeAll: outer.storeAll(args[0], args[1]) }), ...(own ? { arithmetic: "strict" as const } : {}) } };
  }

  /** Forms in which more can be decided than in the first one. */
  *#others(): Generator<Kind> {
    const { facts } = this.#first;
    let most = this.#planner(this.#first) as MemoryPlanner;
    const nested: readonly Kind[] = [{ nested: true, facts }, ...(facts === "" ? [{ nested: true, facts: "recorded" } as const] : [])], strict: readonly Kind[] = facts === "strict" || !this.#alternative() ? [] : [{ nested: false, facts: "strict" }, { nested: true, facts: "strict" }];
    for (const kind of [...nested, ...strict]) {
      const p = this.#planner(kind);
      if (!(p instanceof MemoryPlanner) || (p.choices <= most.choices && (kind.facts !== "strict" || kind.nested))) continue;
      most = p;
      yield kind;
    }
  }

  /** An error: what such a form cannot do. Undefined: there is no such form. */
  #planner(kind: Kind): MemoryPlanner | DaceError | undefined {
    const key = prefixOf(kind);
    if (this.#made.has(key)) return this.#made.get(key);
    const [differentiated, options, ...rest] = this.args, given = kind.facts === "recorded" ? this.#alternative() : differentiated;
    let made: MemoryPlanner | DaceError | undefined;
    if (given && !(kind.facts === "strict" && options.precision === "strict")) {
      const [trace, rates, grows] = rest;
      try { made = new MemoryPlanner(given, kind.facts === "strict" ? { ...options, precision: "strict" } : options, trace, rates, grows, kind.nested); } catch (e) {
        if (!(e instanceof DaceError) || e.code !== "ERR_DACE_UNSUPPORTED") throw e;
        made = e;
      }
    }
    this.#made.set(key, made);
    return made;
  }
  #alternative(): Differentiated | undefined {
    if (this.#recorded === undefined) this.#recorded = this.args[1].precision === "strict" ? null : this.recorded() ?? null;
    return this.#recorded ?? undefined;
  }
  #of(key: string): readonly [MemoryPlanner, string] {
    const at = key.indexOf("{"), prefix = key.slice(0, at);
    return [this.#planner({ nested: prefix.startsWith("+"), facts: prefix.includes("recorded") ? "recorded" : prefix.includes("strict") ? "strict" : "" }) as MemoryPlanner, key.slice(at)];
  }
}
