/**
 * Plans near one that is at hand: some values, or some slots, are open, everything else stays as it is. The relaxation of what is open has prices of its own,
 * nearer to the truth than those of the whole, and a narrow beam under them is quick.
 */
import { Beam } from "./beam.js";
import { Pace } from "./pace.js";
import { simulate } from "./simulate.js";
import type { Candidate } from "./exact.js";
import type { Relaxation } from "./relaxation.js";

/** States that go on from a slot. */
const WIDTH = 48;

/** What a plan has at hand, and computes again, by slot and value. */
function decisions(r: Relaxation, plan: Candidate["plan"]): { readonly resident: Uint8Array; readonly again: Uint8Array } {
  const { p } = r, n = p.values.length, resident = new Uint8Array(p.slots.length * n), again = new Uint8Array(p.slots.length * n);
  for (let t = p.slots.length - 1; t >= 0; t--) {
    for (const u of plan.recompute[t]!) { again[t * n + u] = 1; for (const q of p.values[u]!.parents) resident[t * n + q] = 1; }
    for (let v = 0; v < n; v++) {
      if (r.needs[v]!.has(t) || (t + 1 < p.slots.length && resident[(t + 1) * n + v])) resident[t * n + v] = 1;
      if (again[t * n + v]) resident[t * n + v] = 0;
    }
  }
  return { resident, again };
}

export class Neighbourhoods {
  #seed = 1;
  /** How much is open: a share of the values, or slots. */
  #share = 0.4;
  constructor(readonly relaxation: Relaxation) {}

  #random(below: number): number { this.#seed = Math.imul(this.#seed, 48271) % 2147483647; return Math.floor(((this.#seed >>> 0) / 4294967296) * below); }

  /** A cheaper plan in one neighbourhood, or undefined. */
  async look(best: Candidate, step: number, limit: number, deadline: number, signal: AbortSignal | undefined): Promise<Candidate | undefined> {
    const { relaxation } = this, { p } = relaxation, n = p.values.length, slots = p.slots.length, now = decisions(relaxation, best.plan), closed = new Uint8Array(relaxation.columns);
    const values = new Uint8Array(n), size = Math.max(2, Math.round(this.#share * n)), kind = this.#random(6) === 0 ? 0 : 1 + this.#random(2);
    let from = 0, to = slots;
    if (kind === 0) { to = Math.max(3, Math.round(this.#share * slots)); from = this.#random(Math.max(1, slots - to + 1)); to += from; values.fill(1); }
    if (kind === 1) for (let k = 0; k < size; k++) values[this.#random(n)] = 1;
    if (kind === 2) { const first = this.#random(n); for (let k = 0; k < size; k++) values[(first + k) % n] = 1; }
    for (let t = 0; t < slots; t++) {
      for (let v = 0; v < n; v++) {
        if (values[v] && t >= from && t < to) continue;
        const at = t * n + v, s = relaxation.atEntry[at]!, r = relaxation.again[at]!;
        if (s >= 0 && !now.resident[at]) closed[s] = 1;
        if (r >= 0 && !now.again[at]) closed[r] = 1;
      }
    }
    const solved = await relaxation.solve(Math.max(0.02, (deadline - performance.now()) / 1000), signal, closed);
    if (!solved || solved === "infeasible") return undefined;
    const level = this.#random(2) === 0, top = best.sim.cost - (level ? 0 : step);
    if (solved.prices.bound > top) { this.#share = Math.min(0.8, this.#share * 1.1); return undefined; }
    const r = await new Beam(relaxation, solved.prices).sweep(top, WIDTH, new Pace(deadline, signal));
    this.#share = r.complete ? Math.min(0.8, this.#share * 1.05) : Math.max(0.1, this.#share * 0.95);
    if (!r.plan) return undefined;
    const sim = simulate(p, r.plan);
    return sim.peak <= limit && (level || sim.cost < best.sim.cost) ? { plan: r.plan, sim } : undefined;
  }
}
