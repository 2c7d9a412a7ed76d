/**
 * How many threads a run gets where the caller leaves it open: all, or one, whichever was faster lately. Results do not depend on it. Threads that wait for each
 * other at barriers lose far more than they gain where other processes use the machine's cores, and no estimate of work can know that.
 */

/** A share of the time that trying the slower way again may cost. */
const TRIAL = 1 / 20;

export class TeamSize {
  /** Nanoseconds of the last run with one thread and with all; 0: not yet. */
  readonly #last = { one: 0, all: 0 };
  /** Nanoseconds since the way not taken was tried last. */
  #since = 0;
  #runs = 0;
  constructor(readonly most: number) {}

  next(): number {
    const { one, all } = this.#last;
    // The first run touches new memory and starts the threads: it says nothing.
    if (all === 0) return this.most;
    if (one === 0) return 1;
    const [better, other] = one < all ? [1, all] as const : [this.most, one] as const;
    return this.#since * TRIAL > other ? (better === 1 ? this.most : 1) : better;
  }

  ran(threads: number, ns: number): void {
    if (this.#runs++ === 0) return;
    const usual = this.#last.one < this.#last.all ? 1 : this.most;
    if (this.#last.one === 0 || this.#last.all === 0 || threads !== usual) this.#since = 0; else this.#since += ns;
    this.#last[threads === 1 ? "one" : "all"] = ns;
  }
}
