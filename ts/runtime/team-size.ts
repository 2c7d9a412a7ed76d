/**
 * How many threads a run gets where the caller leaves it open: all, or one, whichever was faster lately. Results do not depend on it. Threads that wait for each
 * other at barriers lose far more than they gain where other processes use the machine's cores, and no estimate of work can know that: 700 steps of cavity_flow, 101 x 101,
 * take 0.5 s on one thread, and 20 to 50 s on two where five processes want the two cores. So all threads are not tried while half the cores are taken.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** A share of the time that trying the slower way again may cost. */
const TRIAL = 1 / 20;

export class TeamSize {
  /** Nanoseconds of the last run with one thread and with all; 0: not yet. */
  readonly #last = { one: 0, all: 0 };
  /** Nanoseconds since the way not taken was tried last. */
  #since = 0;
  #runs = 0;
  /** `crowded`: do other processes run on half of the cores or more? */
  constructor(readonly most: number, readonly crowded: () => boolean = machineCrowded) {}

  next(): number {
    const { one, all } = this.#last;
    // The first run touches new memory and starts the threads: it says nothing.
    if (all === 0) return this.crowded() ? 1 : this.most;
    if (one === 0) return 1;
    const [better, other] = one < all ? [1, all] as const : [this.most, one] as const;
    if (this.#since * TRIAL <= other) return better;
    return better === 1 && !this.crowded() ? this.most : 1;
  }

  ran(threads: number, ns: number): void {
    if (this.#runs++ === 0) return;
    const usual = this.#last.one < this.#last.all ? 1 : this.most;
    if (this.#last.one === 0 || this.#last.all === 0 || threads !== usual) this.#since = 0; else this.#since += ns;
    this.#last[threads === 1 ? "one" : "all"] = ns;
  }
}

const FRESH_MS = 100;
let seen = { at: -Infinity, crowded: false };
/** By the number of processes that run just now, where the system tells; it is asked a few times a second. */
function machineCrowded(): boolean {
  const now = performance.now();
  if (now - seen.at > FRESH_MS) seen = { at: now, crowded: (othersRunning() ?? 0) * 2 >= availableParallelism() };
  return seen.crowded;
}
function othersRunning(): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const running = /(\d+)\/\d+ \d+\s*$/.exec(readFileSync("/proc/loadavg", "latin1"))?.[1];
    return running === undefined ? undefined : Number(running) - 1;
  } catch { return undefined; }
}
