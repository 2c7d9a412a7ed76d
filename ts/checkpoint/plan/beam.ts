/**
 * Plans from the last slot to the first. A state is what must be at hand when a slot begins, and costs what the slots from there on compute again; the slot before
 * it is decided value by value: what is wanted was at hand, or is computed again and wants its parents. The prices of the relaxation bound what is still to come.
 * States that cannot lead below the best plan known are dropped, and those that want more than another one at no less cost; of the others a fixed number goes on.
 * If it sufficed, the answer is the optimum, or the proof that there is no better plan; if not, the cheapest that was left out is a bound.
 */
import type { Pace } from "./pace.js";
import type { Prices, Relaxation } from "./relaxation.js";
import type { Plan } from "./problem.js";

export interface Swept {
  /** Cheaper than what was known; absent where there is none among what was looked at. */
  readonly plan?: Plan;
  /** No plan costs less, unless it is one that does not improve on what was known by `step`. Undefined where it ran out of time. */
  readonly bound: number | undefined;
  /** Was nothing left out? */
  readonly complete: boolean;
}

/** Arrays of states or of states in the making, by number. */
class Table {
  count = 0;
  /** At hand at the slot's entry; computed again in the slot; wanted of what is not decided yet. */
  have: Int32Array; again: Int32Array; want: Int32Array;
  cost: Float64Array; bound: Float64Array; bytes: Float64Array;
  parent: Int32Array;
  options: Int32Array;
  constructor(readonly words: number, readonly loops: number, public room = 256) {
    this.have = new Int32Array(room * words); this.again = new Int32Array(room * words); this.want = new Int32Array(room * words);
    this.cost = new Float64Array(room); this.bound = new Float64Array(room); this.bytes = new Float64Array(room);
    this.parent = new Int32Array(room); this.options = new Int32Array(room * loops);
  }
  #grow(): void {
    this.room *= 2;
    const ints = (a: Int32Array, per: number): Int32Array => { const b = new Int32Array(this.room * per); b.set(a); return b; };
    const floats = (a: Float64Array): Float64Array => { const b = new Float64Array(this.room); b.set(a); return b; };
    this.have = ints(this.have, this.words); this.again = ints(this.again, this.words); this.want = ints(this.want, this.words);
    this.cost = floats(this.cost); this.bound = floats(this.bound); this.bytes = floats(this.bytes);
    this.parent = ints(this.parent, 1); this.options = ints(this.options, this.loops);
  }
  add(): number { if (this.count === this.room) this.#grow(); return this.count++; }
  copy(from: Table, i: number, k: number): void {
    const { words, loops } = this;
    for (let w = 0; w < words; w++) { this.have[k * words + w] = from.have[i * words + w]!; this.again[k * words + w] = from.again[i * words + w]!; this.want[k * words + w] = from.want[i * words + w]!; }
    for (let l = 0; l < loops; l++) this.options[k * loops + l] = from.options[i * loops + l]!;
    this.cost[k] = from.cost[i]!; this.bound[k] = from.bound[i]!; this.bytes[k] = from.bytes[i]!; this.parent[k] = from.parent[i]!;
  }
  /** Keeps those of `stay`, ascending. */
  keep(stay: readonly number[] | Int32Array): void { let k = 0; for (const i of stay) { if (i !== k) this.copy(this, i, k); k++; } this.count = k; }
}

/** What of a slot's states is needed to tell the plan: whom they come from, and what they compute again. */
interface Step { readonly parent: Int32Array; readonly again: Int32Array; readonly options: Int32Array }

/** Of two states in the making so many times the width are kept, and cut back to half of that; each is compared with so many others; classes of bounds. */
const OPEN = 12, COMPARED = 400, CLASSES = 2048;

export class Beam {
  readonly #n: number;
  readonly #slots: number;
  readonly #words: number;
  readonly #needs: Int32Array;
  /** Bytes of what each slot needs. */
  readonly #needed: Float64Array;
  readonly #parents: readonly Int32Array[];
  readonly #ending: readonly (readonly number[])[];
  readonly #last: Int32Array;
  readonly #classes = new Int32Array(CLASSES);
  /** The cheapest that was left out. */
  #out = Infinity;
  #caution = 0;

  constructor(readonly relaxation: Relaxation, readonly prices: Prices) {
    const { p, rooms } = relaxation, n = this.#n = p.values.length, words = this.#words = Math.ceil(n / 32);
    this.#slots = p.slots.length;
    this.#needs = new Int32Array(this.#slots * words);
    p.slots.forEach((s, t) => { for (const v of s.needs) this.#needs[t * words + (v >> 5)]! |= 1 << (v & 31); });
    this.#needed = Float64Array.from(p.slots, (s) => [...new Set(s.needs)].reduce((sum, v) => sum + rooms.size[v]!, 0));
    this.#parents = p.values.map((v) => Int32Array.from(new Set(v.parents)));
    this.#ending = p.slots.map((_, t) => p.loops.flatMap((l, k) => l.slot === t ? [k] : []));
    this.#last = new Int32Array(n);
  }

  /** Plans that cost at most `top`, the most promising `width` at a time; with `caution` the prices of what is still to come count so much more. */
  async sweep(top: number, width: number, pace: Pace, caution = 0): Promise<Swept> {
    const { p } = this.relaxation, words = this.#words, loops = p.loops.length, steps: Step[] = [];
    this.#out = Infinity;
    this.#caution = caution;
    let states = new Table(words, loops, 1);
    states.add();
    states.bound[0] = this.prices.bound;
    states.options.fill(-1);
    states.bound[0] += this.#free(states, 0, this.#slots);
    for (let t = this.#slots - 1; t >= 0 && states.count > 0; t--) {
      const next = await this.#before(states, t, top, width, pace);
      if (!next) return { bound: undefined, complete: false };
      steps[t] = { parent: next.parent.slice(0, next.count), again: next.again.slice(0, next.count * words), options: next.options.slice(0, next.count * loops) };
      states = next;
    }
    let best = -1;
    for (let i = 0; i < states.count; i++) if (best < 0 || states.cost[i]! < states.cost[best]!) best = i;
    const complete = this.#out === Infinity, bound = Math.min(this.#out, best >= 0 ? states.cost[best]! : Infinity);
    if (best < 0) return { bound, complete };
    const recompute: number[][] = [], options = [...states.options.subarray(best * loops, (best + 1) * loops)];
    for (let t = 0, i = best; t < this.#slots; t++) {
      const { parent, again } = steps[t]!, list: number[] = [];
      for (let v = 0; v < this.#n; v++) if (again[i * words + (v >> 5)]! >> (v & 31) & 1) list.push(v);
      recompute.push(list);
      i = parent[i]!;
    }
    return { plan: { recompute, offload: [], loops: options }, bound, complete };
  }

  /** The regret of bytes that are free when the slot begins, as far as they are known: 0 while a loop that ends in the slot before it is undecided. */
  #free(s: Table, i: number, t: number): number {
    const { prices } = this, n = this.#n;
    let x = prices.room[t]!;
    if (x === 0) return 0;
    x -= this.#sum(s.have, i, prices.bytes, t * n);
    for (let l = 0; l < s.loops; l++) {
      const o = s.options[i * s.loops + l]!;
      if (o >= 0) x -= prices.held[l]![o]![t]!; else if (this.relaxation.p.loops[l]!.slot === t - 1) return 0;
    }
    return Math.max(x, 0);
  }

  /** The regret of bytes that are free inside the slot. */
  #spare(s: Table, i: number, t: number, states: Table): number {
    const { inside } = this.prices;
    const x = inside.room[t]!, at = t * this.#n;
    if (x === 0) return 0;
    return Math.max(0, x - this.#sum(s.have, i, inside.resident, at) - this.#sum(s.again, i, inside.again, at) - this.#sum(states.have, s.parent[i]!, inside.kept, at));
  }

  /** The sum over a set's members. */
  #sum(sets: Int32Array, i: number, of: Float64Array, at: number): number {
    let sum = 0;
    for (let w = 0; w < this.#words; w++) for (let x = sets[i * this.#words + w]!; x; x &= x - 1) sum += of[at + 32 * w + 31 - Math.clz32(x & -x)]!;
    return sum;
  }

  /** Units that the loops which end after the slot hold. */
  #held(s: Table, i: number, t: number): number {
    let sum = 0;
    this.relaxation.p.loops.forEach((l, k) => { if (l.slot > t) sum += l.options[s.options[i * s.loops + k]!]!.held; });
    return sum / this.relaxation.rooms.unit;
  }

  /** The states in which slot `t` may begin. */
  async #before(states: Table, t: number, top: number, width: number, pace: Pace): Promise<Table | undefined> {
    const { relaxation, prices } = this, { p, rooms } = relaxation, n = this.#n, words = this.#words, open = this.#begun(states, t, top);
    const { absent, resident, again, dropped, idle } = prices, most = OPEN * width;
    for (let v = n - 1; v >= 0 && open.count > 0; v--) {
      const at = t * n + v, word = v >> 5, bit = 1 << (v & 31), mayStay = resident[at]! < Infinity, mayAgain = again[at]! < Infinity, parents = this.#parents[v]!, kids = relaxation.children[v]!, unused = idle[at]!;
      // What the slot before needs is counted already.
      const size = t > 0 && this.#needs[(t - 1) * words + word]! & bit ? 0 : rooms.size[v]!, count = open.count, dead: number[] = [];
      for (let i = 0; i < count; i++) {
        if (!(open.want[i * words + word]! & bit)) {
          if (absent[at]! > 0 && (open.bound[i]! += absent[at]!) > top) dead.push(i);
          continue;
        }
        let x = open.bound[i]! + (states.have[open.parent[i]! * words + word]! & bit ? 0 : dropped[at]!);
        for (let k = 0; k < unused.length; k++) if (!(open.again[i * words + (kids[k]! >> 5)]! >> (kids[k]! & 31) & 1)) x += unused[k]!;
        const stays = mayStay && x + resident[at]! <= top && size <= open.bytes[i]!;
        if (mayAgain && x + again[at]! <= top) {
          const k = stays ? open.add() : i;
          if (k !== i) open.copy(open, i, k);
          open.bound[k] = x + again[at]!;
          open.cost[k]! += p.values[v]!.cost;
          open.again[k * words + word]! |= bit;
          for (const q of parents) open.want[k * words + (q >> 5)]! |= 1 << (q & 31);
        } else if (!stays) { dead.push(i); continue; }
        if (!stays) continue;
        open.bound[i] = x + resident[at]!;
        open.bytes[i]! -= size;
        open.have[i * words + word]! |= bit;
      }
      if (dead.length > 0) {
        // The last ones take the places of those that go.
        for (let d = dead.length - 1; d >= 0; d--) { const last = --open.count; if (dead[d] !== last) open.copy(open, last, dead[d]!); }
      }
      if (open.count > most) this.#cheapest(open, most / 2);
      if (open.count > 500) { await pace.breathe(); if (pace.late()) return undefined; }
    }
    const next = this.#distinct(open, t, states, top);
    this.#undominated(next);
    if (next.count > width) this.#cheapest(next, width);
    await pace.breathe();
    return pace.late() ? undefined : next;
  }

  /** States in the making: everything that slot `t` needs and what is kept is wanted, and loops that end in it have an option. `bytes` is what is still free at the step of the slot before. */
  #begun(states: Table, t: number, top: number): Table {
    const { prices } = this, { p, rooms } = this.relaxation, words = this.#words, open = new Table(words, states.loops, Math.max(256, states.count));
    const ending = this.#ending[t]!;
    for (let i = 0; i < states.count; i++) {
      let used = this.#needed[t]! + this.#held(states, i, t);
      for (let w = 0; w < words; w++) for (let x = states.have[i * words + w]! & ~this.#needs[t * words + w]!; x; x &= x - 1) used += rooms.size[32 * w + 31 - Math.clz32(x & -x)]!;
      const take = (k: number, inside: number, cost: number, regret: number, chosen: readonly number[]): void => {
        if (k < ending.length) {
          const l = ending[k]!;
          p.loops[l]!.options.forEach((o, x) => { take(k + 1, inside + o.inside / rooms.unit, cost + o.cost, regret + prices.option[l]![x]!, [...chosen, x]); });
          return;
        }
        if (used + inside > rooms.step[t]!) return;
        const j = open.add();
        for (let w = 0; w < words; w++) { open.have[j * words + w] = 0; open.again[j * words + w] = 0; open.want[j * words + w] = states.have[i * words + w]! | this.#needs[t * words + w]!; }
        for (let l = 0; l < states.loops; l++) open.options[j * states.loops + l] = states.options[i * states.loops + l]!;
        ending.forEach((l, x) => { open.options[j * states.loops + l] = chosen[x]!; });
        open.cost[j] = states.cost[i]! + cost;
        open.parent[j] = i;
        // Where loops end here, the free bytes of this step were not counted yet.
        open.bound[j] = states.bound[i]! + regret;
        if (ending.length > 0) {
          for (let w = 0; w < words; w++) open.have[j * words + w] = states.have[i * words + w]!;
          open.bound[j] += this.#free(open, j, t + 1);
          for (let w = 0; w < words; w++) open.have[j * words + w] = 0;
        }
        open.bytes[j] = t > 0 ? rooms.step[t - 1]! - this.#needed[t - 1]! - this.#held(open, j, t - 1) : Infinity;
        if (open.bound[j] > top || open.bytes[j] < 0) open.count--;
      };
      take(0, 0, 0, 0, []);
    }
    return open;
  }

  /** Those that have room for what they compute again; of equal ones the cheapest. */
  #distinct(open: Table, t: number, states: Table, top: number): Table {
    const words = this.#words, out = new Table(words, open.loops, Math.max(16, open.count)), mask = (1 << (32 - Math.clz32(2 * open.count))) - 1, slots = new Int32Array(mask + 1).fill(-1);
    for (let i = 0; i < open.count; i++) {
      if (!this.#fits(open, i, t, states)) continue;
      open.bound[i]! += this.#spare(open, i, t, states) + this.#free(open, i, t);
      if (open.bound[i]! > top) continue;
      let h = 0;
      for (let w = 0; w < words; w++) h = Math.imul(h ^ open.have[i * words + w]!, 0x9e3779b1) ^ h >>> 15;
      for (let l = 0; l < open.loops; l++) h = Math.imul(h ^ open.options[i * open.loops + l]!, 0x85ebca6b);
      h ^= h >>> 13;
      for (let at = h & mask; ; at = at + 1 & mask) {
        const k = slots[at]!;
        if (k < 0) { const j = slots[at] = out.add(); out.copy(open, i, j); break; }
        let same = true;
        for (let w = 0; w < words && same; w++) same = out.have[k * words + w] === open.have[i * words + w];
        for (let l = 0; l < open.loops && same; l++) same = out.options[k * open.loops + l] === open.options[i * open.loops + l];
        if (!same) continue;
        if (open.cost[i]! < out.cost[k]!) out.copy(open, i, k);
        break;
      }
    }
    return out;
  }

  /** Is there room at each step of what the slot computes again, and, for the first slot, in the forward pass? */
  #fits(open: Table, i: number, t: number, states: Table): boolean {
    const { p, rooms } = this.relaxation, n = this.#n, words = this.#words, last = this.#last, from = open.parent[i]!;
    let any = 0;
    for (let w = 0; w < words; w++) any |= open.again[i * words + w]!;
    if (any) {
      let live = 0, room = rooms.inside[t]! - this.#held(open, i, t);
      for (const l of this.#ending[t]!) room -= p.loops[l]!.options[open.options[i * open.loops + l]!]!.held / rooms.unit;
      last.fill(-1);
      for (let w = words - 1; w >= 0; w--) {
        const kept = this.#needs[t * words + w]! | states.have[from * words + w]!, have = open.have[i * words + w]!, again = open.again[i * words + w]!;
        for (let x = have | again; x;) {
          const k = 31 - Math.clz32(x), v = 32 * w + k;
          x ^= 1 << k;
          if (kept >> k & 1) last[v] = n;
          if (have >> k & 1) live += rooms.size[v]!; else { const ps = this.#parents[v]!; for (let j = 0; j < ps.length; j++) if (last[ps[j]!]! < v) last[ps[j]!] = v; }
        }
      }
      for (let w = 0; w < words; w++) {
        for (let x = open.again[i * words + w]!; x; x &= x - 1) {
          const u = 32 * w + 31 - Math.clz32(x & -x), ps = this.#parents[u]!;
          live += rooms.size[u]!;
          if (live + rooms.workspace[u]! > room) return false;
          for (let j = 0; j < ps.length; j++) if (last[ps[j]!] === u) live -= rooms.size[ps[j]!]!;
        }
      }
    }
    if (t > 0) return true;
    for (let step = 0; step < n; step++) {
      let live = 0;
      for (let v = 0; v <= step; v++) if (rooms.lastForward[v]! >= step || open.have[i * words + (v >> 5)]! & 1 << (v & 31)) live += rooms.size[v]!;
      p.loops.forEach((l, k) => { if (l.step <= step) live += l.options[open.options[i * open.loops + k]!]!.held / rooms.unit; });
      if (live > rooms.forward[step]!) return false;
    }
    return true;
  }

  /** Goes on with the most promising ones only: about so many, by ranks in equal classes. */
  #cheapest(s: Table, most: number): void {
    const { bound, cost, count } = s, caution = this.#caution, ranks = new Float64Array(count);
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < count; i++) {
      const x = ranks[i] = bound[i]! + caution * (bound[i]! - cost[i]!);
      if (x < low) low = x;
      if (x > high) high = x;
    }
    const classes = this.#classes.fill(0), scale = high > low ? (CLASSES - 1) / (high - low) : 0;
    for (let i = 0; i < count; i++) classes[Math.floor((ranks[i]! - low) * scale)]!++;
    let last = 0, places = most;
    while (classes[last]! <= places) places -= classes[last++]!;
    const stay: number[] = [];
    for (let i = 0; i < count; i++) {
      const c = Math.floor((ranks[i]! - low) * scale);
      if (c < last || (c === last && places-- > 0)) stay.push(i); else if (bound[i]! < this.#out) this.#out = bound[i]!;
    }
    s.keep(stay);
  }

  /** Without those that want all that another one wants, and cost as much. */
  #undominated(s: Table): void {
    const words = this.#words, { count, have, cost } = s, size = new Int32Array(count);
    for (let i = 0; i < count; i++) for (let w = 0; w < words; w++) for (let x = have[i * words + w]!; x; x &= x - 1) size[i]!++;
    const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => cost[a]! - cost[b]! || size[a]! - size[b]!), kept: number[] = [], most = Math.max(COMPARED, Math.floor(1e6 / Math.max(1, count)));
    const sets = new Int32Array(Math.min(most, count) * words), sizes = new Int32Array(Math.min(most, count));
    for (const i of order) {
      let beaten = false;
      const n = Math.min(kept.length, sizes.length);
      for (let k = 0; k < n; k++) {
        if (sizes[k]! > size[i]!) continue;
        let w = 0;
        while (w < words && (sets[k * words + w]! & ~have[i * words + w]!) === 0) w++;
        if (w < words) continue;
        let l = 0;
        while (l < s.loops && s.options[kept[k]! * s.loops + l] === s.options[i * s.loops + l]) l++;
        if (l === s.loops) { beaten = true; break; }
      }
      if (beaten) continue;
      if (kept.length < sizes.length) { sizes[kept.length] = size[i]!; for (let w = 0; w < words; w++) sets[kept.length * words + w] = have[i * words + w]!; }
      kept.push(i);
    }
    s.keep(kept.sort((a, b) => a - b));
  }
}
