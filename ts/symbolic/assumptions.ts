/** What is known about symbols: half-open bounds of loop variables, non-negative sizes, and further facts `e >= 0`. */
import type { Expr } from "./expr.js";

/** The answer of an analysis. Unknown is always handled as the unsafe case. */
export type Tri = "yes" | "no" | "unknown";

/** Facts `e >= 0`, all holding at once. Immutable; `with…` adds. */
export class Assumptions {
  private constructor(readonly facts: readonly Expr[]) {}
  #answers: Map<string, boolean> | undefined;
  /** Only for `ts/symbolic`: what was found out under these facts, by question. */
  get answers(): Map<string, boolean> { return (this.#answers ??= new Map()); }
  static readonly none = new Assumptions([]);
  /** Adds `e >= 0` for each e. */
  with(...facts: readonly Expr[]): Assumptions { return facts.length === 0 ? this : new Assumptions([...this.facts, ...facts]); }
}

/** Integers begin, begin+step, … below end (step > 0). A single index i is [i, i+1). */
export interface Range { readonly begin: Expr; readonly end: Expr; readonly step: number }
export type Subset = readonly Range[];
