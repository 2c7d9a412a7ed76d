/** What is known about symbols: half-open bounds of loop variables, non-negative sizes, and further facts `e >= 0`. */
import type { Expr } from "./expr.js";

/** The answer of an analysis. Unknown is always handled as the unsafe case. */
export type Tri = "yes" | "no" | "unknown";

/** So many lists of facts are told apart before all are forgotten. */
const MAX_KNOWN = 5_000;
let known = 0;

/**
 * Facts `e >= 0`, all holding at once. Immutable; `with…` adds. The same facts added in the same order are the same object, so that what was found out under them
 * serves every pass that stands in the same loops.
 */
export class Assumptions {
  readonly #before: Assumptions | undefined;
  readonly #last: Expr | undefined;
  #next: Map<number, Assumptions> | undefined;
  #facts: readonly Expr[] | undefined;
  #answers: Map<number | string, boolean> | undefined;
  private constructor(before?: Assumptions, last?: Expr) { this.#before = before; this.#last = last; }
  static readonly none = new Assumptions();

  get facts(): readonly Expr[] { return (this.#facts ??= this.#before ? [...this.#before.facts, this.#last!] : []); }
  /** Only for `ts/symbolic`: what was found out under these facts, by question. */
  get answers(): Map<number | string, boolean> { return (this.#answers ??= new Map()); }
  /** Adds `e >= 0` for each e. */
  with(...facts: readonly Expr[]): Assumptions { return facts.reduce<Assumptions>((all, e) => all.and(e), this); }
  private and(e: Expr): Assumptions {
    let next = this.#next?.get(e.id);
    if (!next) {
      if (known++ >= MAX_KNOWN) { known = 0; this.#first().#next = undefined; }
      (this.#next ??= new Map()).set(e.id, next = new Assumptions(this, e));
    }
    return next;
  }
  #first(): Assumptions { return this.#before ? this.#before.#first() : this; }
}

/** Integers begin, begin+step, … below end (step > 0). A single index i is [i, i+1). */
export interface Range { readonly begin: Expr; readonly end: Expr; readonly step: number }
export type Subset = readonly Range[];
