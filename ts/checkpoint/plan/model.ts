/**
 * A memory problem as a mixed-integer model. For each value and each slot of its window: S, it is at hand when the slot begins; R, the slot computes it again;
 * P, it is fetched for the slot. Memory rows are added one by one, for the events and paths that the simulator finds violated: few of them matter.
 * `again` restricts where values may be computed again; with full windows the model's optimum is the problem's.
 */
import { leastStep } from "./bounds.js";
import { expand } from "./expand.js";
import type { Mip } from "./mip.js";
import { pathsThrough, takes, type Path } from "./paths.js";
import { gcd, together, type Plan, type Problem } from "./problem.js";
import { childrenOf, needsOf, type Windows } from "./windows.js";

interface Entry { readonly column: number; value: number }

/** An event by what happens: value -1 is the slot's own step, slot -1 a forward step. */
export interface RowKey { readonly value: number; readonly slot: number; readonly path: Path }

/** Ways through the branches that meet in one slot. */
const MOST_PATHS = 256;

const key = (k: RowKey): string => `${k.value} ${k.slot} ${k.path.join(" ")}`;

export class MemoryModel {
  readonly #cost: number[] = [];
  readonly #upper: number[] = [];
  readonly #lower: number[] = [];
  readonly #integer: number[] = [];
  readonly #rows: { lower: number; upper: number; entries: readonly Entry[] }[] = [];
  readonly #s: Map<number, number>[] = [];
  readonly #r: Map<number, number>[] = [];
  readonly #p: Map<number, number>[] = [];
  readonly #o: (number | undefined)[] = [];
  readonly #store: (number | undefined)[] = [];
  readonly #paths = new Set<string>();
  readonly #loops: number[][] = [];
  readonly #window: number[][] = [];
  readonly #needs: ReturnType<typeof needsOf>;
  readonly #children: ReturnType<typeof childrenOf>;
  readonly #memory = new Map<string, { entries: readonly Entry[]; upper: number }>();
  readonly #maxima = new Map<string, number>();
  readonly #demand = new Map<string, number>();
  readonly #read = new Map<string, number>();
  readonly #later = new Map<number, readonly number[]>();
  readonly #deciding: (readonly number[])[] = [];
  readonly #unit: number;
  /** False where too many branches meet in one slot to be told apart: the model's costs are then too high. */
  exact = true;
  /** Column of the peak, where that is minimised; of the dearest path's cost, where that is more than a sum. */
  readonly #peak: number | undefined;
  readonly #dearest: number | undefined;

  /** `limit` undefined: minimise the peak, which lies in `range`. */
  constructor(readonly p: Problem, again: Windows, readonly limit: number | undefined, range: readonly [number, number] = [0, Infinity], fixed?: (value: number, slot: number) => boolean | undefined) {
    this.#needs = needsOf(p);
    this.#children = childrenOf(p);
    let unit = 0;
    for (const v of p.values) unit = gcd(gcd(unit, v.size), v.workspace ?? 0);
    for (const l of p.loops) for (const o of l.options) unit = gcd(gcd(unit, o.held), o.inside);
    this.#unit = Math.max(unit, 1);
    const cheap = limit !== undefined, paths = p.branches.length > 0 && p.objective === "worst";
    this.#peak = cheap ? undefined : this.#column(1, range[0] / this.#unit, range[1] / this.#unit, false);
    this.#dearest = cheap && paths ? this.#column(1, 0, Infinity, false) : undefined;
    p.values.forEach((v, i) => {
      const own = again[i]!.filter((t) => v.recompute && together(v.arm, p.slots[t]!.arm));
      this.#r.push(new Map(own.map((t) => {
        const f = fixed?.(i, t);
        return [t, this.#column(cheap && p.branches.length === 0 ? v.cost : 0, f === true ? 1 : 0, f === false ? 0 : 1)];
      })));
    });
    p.values.forEach((v, i) => {
      const at = new Set([...this.#needs[i]!, ...this.#r[i]!.keys()]);
      for (const u of this.#children[i]!) for (const t of this.#r[u]!.keys()) if (together(v.arm, p.slots[t]!.arm)) at.add(t);
      const window = [...at].sort((a, b) => a - b);
      this.#window.push(window);
      this.#s.push(new Map(window.map((t) => [t, this.#column(0, 0, 1)])));
      const moves = v.offload && !(v.arm && p.branches.length > 0) && window.length > 0;
      this.#o.push(moves ? this.#column(cheap ? v.offload.out : 0, 0, 1) : undefined);
      this.#p.push(new Map(moves ? window.map((t) => [t, this.#column(cheap ? v.offload!.in : 0, 0, 1)]) : []));
    });
    for (const l of p.loops) this.#loops.push(l.options.map((o) => this.#column(cheap ? o.cost : 0, 0, 1)));
    for (const options of this.#loops) this.#row(1, 1, options.map((column) => ({ column, value: 1 })));
    p.values.forEach((_, i) => { this.#decisions(i); });
    if (p.branches.length > 0) this.#relate();
    if (cheap && p.branches.length > 0 && !paths) this.#expect();
    const host = [...p.values.flatMap((v, i) => this.#o[i] === undefined ? [] : [{ column: this.#o[i], value: v.size }]), ...p.loops.flatMap((l, k) => l.options.flatMap((o, i) => o.host ? [{ column: this.#loops[k]![i]!, value: o.host }] : []))];
    if (host.length > 0 && p.hostLimit < Infinity) this.#row(-Infinity, p.hostLimit, host);
  }

  get size(): number { return this.#cost.length; }

  /** Where two objective values must differ if they differ at all. */
  gap(): number {
    if (this.limit === undefined) return this.p.base % this.#unit === 0 ? 0.5 / this.#unit : 1e-6;
    return leastStep(this.p);
  }

  #column(cost: number, lower: number, upper: number, integer = true): number {
    this.#cost.push(cost); this.#lower.push(lower); this.#upper.push(upper); this.#integer.push(integer ? 1 : 0);
    return this.#cost.length - 1;
  }
  #row(lower: number, upper: number, entries: readonly Entry[]): void {
    const sums = new Map<number, number>();
    for (const e of entries) sums.set(e.column, (sums.get(e.column) ?? 0) + e.value);
    this.#rows.push({ lower, upper, entries: [...sums].map(([column, value]) => ({ column, value })) });
  }
  /** Σ left ≤ Σ right + constant */
  #atMost(left: readonly number[], right: readonly (number | undefined)[], constant = 0): void {
    this.#row(-Infinity, constant, [...left.map((column) => ({ column, value: 1 })), ...right.flatMap((column) => column === undefined ? [] : [{ column, value: -1 }])]);
  }
  #atHand(v: number, t: number): readonly (number | undefined)[] { return [this.#s[v]!.get(t), this.#r[v]!.get(t), this.#p[v]!.get(t)]; }

  #decisions(v: number): void {
    const { p } = this, value = p.values[v]!, fixed = p.mode === "static", o = this.#o[v];
    const store = fixed && this.#window[v]!.length > 0 ? this.#column(0, 0, 1) : undefined;
    this.#store.push(store);
    if (store !== undefined && o !== undefined) this.#atMost([store, o], [], 1);
    if (fixed && o !== undefined) this.#atMost([...this.#p[v]!.values()], [o]);
    for (const t of this.#window[v]!) {
      const s = this.#s[v]!.get(t)!, r = this.#r[v]!.get(t), fetch = this.#p[v]!.get(t);
      // At hand in one way only: the others would be in vain.
      const ways = this.#atHand(v, t).flatMap((column) => column === undefined ? [] : [{ column, value: 1 }]);
      if (this.#needs[v]!.has(t) || ways.length > 1) this.#row(this.#needs[v]!.has(t) ? 1 : 0, 1, ways);
      const { before, first } = this.#before(v, t);
      for (const k of before) this.#atMost([s], fixed ? [this.#s[v]!.get(k), this.#p[v]!.get(k)] : this.#atHand(v, k));
      if (first && store !== undefined) this.#atMost([s], [store]);
      if (fetch !== undefined && !fixed) this.#atMost([fetch], [o]);
      if (r === undefined) continue;
      if (store !== undefined) this.#atMost([r, store, ...(o === undefined ? [] : [o])], [], 1);
      for (const q of new Set(value.parents)) if (together(p.values[q]!.arm, value.arm) && together(p.values[q]!.arm, p.slots[t]!.arm)) this.#atMost([r], this.#atHand(q, t));
    }
  }

  /** Which branches decide whether something is computed again in a slot. */
  #relate(): void {
    const { p } = this;
    p.slots.forEach((s, t) => {
      const branches = new Set<number>(s.arm ? [s.arm[0]] : []);
      p.values.forEach((v, i) => { if (v.arm && this.#r[i]!.has(t)) branches.add(v.arm[0]); });
      const list = [...branches], many = list.reduce((n, b) => n * p.branches[b]!, 1) > MOST_PATHS;
      if (many) this.exact = false;
      this.#deciding.push(many ? [] : list);
    });
  }

  /** The column that says that the slot computes the value again on the path: where it does so at all, and keeps it, needs it, or computes a child again that reads it. */
  #happens(v: number, t: number, path: Path): number | undefined {
    const { p } = this, r = this.#r[v]!.get(t), deciding = this.#deciding[t];
    if (r === undefined || !deciding?.length || this.#needs[v]!.has(t)) return r;
    const id = `${v} ${t} ${deciding.map((b) => path[b]).join(" ")}`;
    let column = this.#demand.get(id);
    if (column !== undefined) return column;
    this.#demand.set(id, column = this.#column(0, 0, 1, false));
    const kept = p.mode === "static" ? [] : this.#window[v]!.filter((k) => k > t && this.#before(v, k).before.includes(t)).map((k) => this.#s[v]!.get(k)!);
    const read = this.#children[v]!.flatMap((u) => takes(path, p.values[u]!.arm) ? this.#happens(u, t, path) ?? [] : []);
    // What is kept or read is at hand somehow, and in one way only: it is computed here unless it was there. (R + c - 1 says the same of whole numbers, and next to nothing of others.)
    for (const c of new Set([...kept, ...read])) this.#atMost([c], [column, this.#s[v]!.get(t), this.#p[v]!.get(t)]);
    return column;
  }

  /** The objective is the mean over the paths of each slot. */
  #expect(): void {
    const { p } = this;
    p.slots.forEach((s, t) => {
      const all = pathsThrough(p.branches, this.#deciding[t]!);
      for (const path of all) p.values.forEach((v, i) => { if (takes(path, s.arm) && takes(path, v.arm) && this.#r[i]!.has(t)) this.#cost[this.#happens(i, t, path)!]! += v.cost / all.length; });
    });
  }

  /** The slots of the window that come just before `t` on some path, and whether on some path none does. */
  #before(v: number, t: number): { readonly before: readonly number[]; readonly first: boolean } {
    const { p } = this, mine = p.slots[t]!.arm, window = this.#window[v]!, seen = new Map<number, Set<number>>(), before: number[] = [];
    for (let i = window.indexOf(t) - 1; i >= 0; i--) {
      const arm = p.slots[window[i]!]!.arm;
      if (!together(arm, mine)) continue;
      if (!arm || (mine && arm[0] === mine[0]) || (p.values[v]!.arm?.[0] === arm[0])) { before.push(window[i]!); return { before, first: false }; }
      const arms = seen.get(arm[0]) ?? new Set<number>();
      if (arms.has(arm[1])) continue;
      seen.set(arm[0], arms.add(arm[1]));
      before.push(window[i]!);
      if (arms.size === p.branches[arm[0]]) return { before, first: false };
    }
    return { before, first: true };
  }

  /** S of the first slot after `t` that has the value in its window on the path. */
  #next(v: number, t: number, path: Path): number[] {
    const k = this.#window[v]!.find((x) => x > t && takes(path, this.p.slots[x]!.arm));
    return k === undefined ? [] : [this.#entering(v, k, path)];
  }

  /** S, or with branches the column that says that the value is at hand when the slot begins and is read from there on, before it is made anew, on this path. */
  #entering(v: number, t: number, path: Path): number {
    const { p } = this, s = this.#s[v]!.get(t)!, deciding = this.#after(v, t);
    if (deciding.length === 0) return s;
    const id = `${v} ${t} ${deciding.map((b) => path[b]).join(" ")}`;
    let column = this.#read.get(id);
    if (column !== undefined) return column;
    if (this.#needs[v]!.has(t)) { this.#read.set(id, s); return s; }
    this.#read.set(id, column = this.#column(0, 0, 1, false));
    const read = this.#children[v]!.flatMap((u) => takes(path, p.values[u]!.arm) ? this.#happens(u, t, path) ?? [] : []);
    for (const c of new Set([...read, ...this.#next(v, t, path)])) this.#atMost([c], [column, this.#r[v]!.get(t), this.#p[v]!.get(t)]);
    return column;
  }

  /** The branches that decide whether the value is read in the slot or after it. */
  #after(v: number, t: number): readonly number[] {
    if (this.p.branches.length === 0) return [];
    const id = v * this.p.slots.length + t;
    let out = this.#later.get(id);
    if (!out) {
      const set = new Set<number>();
      for (const k of this.#window[v]!) {
        if (k < t) continue;
        const arm = this.p.slots[k]!.arm;
        if (arm && k > t) set.add(arm[0]);
        for (const b of this.#deciding[k] ?? []) set.add(b);
      }
      this.#later.set(id, out = [...set]);
    }
    return out;
  }

  /** Columns of which one makes the value live at the event, or true if it always is. */
  #live(v: number, e: RowKey): true | number[] {
    const { p } = this, { value: w, slot: t, path } = e, n = p.values.length;
    if (!takes(path, p.values[v]!.arm)) return [];
    const some = (...c: (number | undefined)[]): number[] => c.filter((x) => x !== undefined);
    let last = v;
    for (const u of this.#children[v]!) if (takes(path, p.values[u]!.arm)) last = Math.max(last, u);
    if (t < 0) {
      if (v > w) return [];
      if (last >= w) return true;
      return [...this.#next(v, -1, path), ...some(w === last + 1 ? this.#o[v] : undefined, w === n - 1 ? this.#p[v]!.get(0) : undefined)];
    }
    const around = some(this.#p[v]!.get(t + 1), t === 0 && last === n - 1 ? this.#o[v] : undefined);
    if (w >= 0 && v > w) return [...(this.#s[v]!.has(t) ? some(this.#entering(v, t, path), this.#p[v]!.get(t)) : this.#next(v, t, path)), ...around];
    if (this.#needs[v]!.has(t)) return true;
    const kept = [...this.#next(v, t, path), ...around];
    if (w < 0) return kept;
    return [...kept, ...some(v === w ? this.#happens(v, t, path) : undefined), ...this.#children[v]!.flatMap((u) => u >= w && takes(path, p.values[u]!.arm) ? some(this.#happens(u, t, path)) : [])];
  }

  /** A column that is at least each of these. */
  #maximum(columns: readonly number[]): number {
    const set = [...new Set(columns)].sort((a, b) => a - b), id = set.join(" ");
    let max = set.length === 1 ? set[0] : this.#maxima.get(id);
    if (max === undefined) {
      this.#maxima.set(id, max = this.#column(0, 0, 1, false));
      for (const c of set) this.#atMost([c], [max]);
    }
    return max;
  }

  has(e: RowKey): boolean { return this.#memory.has(key(e)); }

  /** What is live at the event, on the path, is at most the limit. */
  addMemory(e: RowKey): void {
    if (this.has(e)) return;
    const { p } = this, op = e.slot >= 0 && e.value < 0;
    let constant = p.base + (e.slot < 0 ? p.values[e.value]!.forwardExtra ?? 0 : op ? p.slots[e.slot]!.extra : 0);
    const entries: Entry[] = [];
    if (e.slot >= 0 && e.value >= 0) entries.push({ column: this.#happens(e.value, e.slot, e.path)!, value: (p.values[e.value]!.workspace ?? 0) / this.#unit });
    p.values.forEach((v, i) => {
      if (v.size === 0) return;
      const live = this.#live(i, e);
      if (live === true) constant += v.size;
      else if (live.length > 0) entries.push({ column: this.#maximum(live), value: v.size / this.#unit });
    });
    p.loops.forEach((l, k) => {
      const held = e.slot < 0 ? e.value >= l.step : e.slot < l.slot || (e.slot === l.slot && !op), inside = op && e.slot === l.slot;
      if (held || inside) l.options.forEach((o, i) => entries.push({ column: this.#loops[k]![i]!, value: (inside ? o.inside : o.held) / this.#unit }));
    });
    if (this.#peak !== undefined) entries.push({ column: this.#peak, value: -1 });
    const upper = this.limit === undefined ? -constant / this.#unit : Math.floor((this.limit - constant) / this.#unit);
    const sums = new Map<number, number>();
    for (const x of entries) if (x.value !== 0) sums.set(x.column, (sums.get(x.column) ?? 0) + x.value);
    const row = { entries: [...sums].map(([column, value]) => ({ column, value })), upper };
    this.#memory.set(key(e), row);
    this.#rows.push({ lower: -Infinity, upper, entries: row.entries });
  }

  /** The row was within the solver's tolerance of holding, and did not hold: not all that made it so together. False if that is not what happened. */
  addCover(e: RowKey, x: Float64Array): boolean {
    const row = this.#memory.get(key(e))!;
    const on = row.entries.filter((t) => t.value > 0 && x[t.column]! > 0.5).sort((a, b) => b.value - a.value);
    const cover: Entry[] = [];
    for (let sum = 0, k = 0; k < on.length && sum <= row.upper; k++) { sum += on[k]!.value; cover.push({ column: on[k]!.column, value: 1 }); }
    if (this.limit === undefined || cover.reduce((s, c) => s + row.entries.find((t) => t.column === c.column)!.value, 0) <= row.upper) return false;
    this.#row(-Infinity, cover.length - 1, cover);
    return true;
  }

  /** The cost on the path is at most the objective. False if that has been said. */
  addPath(path: Path): boolean {
    const { p } = this;
    if (this.#paths.has(path.join(" "))) return false;
    this.#paths.add(path.join(" "));
    const entries: Entry[] = [{ column: this.#dearest!, value: -1 }];
    p.values.forEach((v, i) => {
      if (!takes(path, v.arm)) return;
      for (const t of this.#r[i]!.keys()) if (takes(path, p.slots[t]!.arm)) entries.push({ column: this.#happens(i, t, path)!, value: v.cost });
    });
    this.#row(-Infinity, 0, entries);
    return true;
  }

  mip(): Mip {
    const starts = new Int32Array(this.#rows.length + 1);
    this.#rows.forEach((r, i) => { starts[i + 1] = starts[i]! + r.entries.length; });
    const indices = new Int32Array(starts[this.#rows.length]!), values = new Float64Array(indices.length);
    this.#rows.forEach((r, i) => { r.entries.forEach((e, k) => { indices[starts[i]! + k] = e.column; values[starts[i]! + k] = e.value; }); });
    return {
      cost: Float64Array.from(this.#cost), lower: Float64Array.from(this.#lower), upper: Float64Array.from(this.#upper), integer: Int32Array.from(this.#integer),
      rowLower: Float64Array.from(this.#rows, (r) => r.lower), rowUpper: Float64Array.from(this.#rows, (r) => r.upper), starts, indices, values,
    };
  }

  /** The bytes, or the cost, that an objective value stands for. */
  worth(objective: number): number { return this.limit === undefined ? objective * this.#unit : objective; }

  plan(x: Float64Array): Plan {
    const { p } = this, on = (c: number): boolean => x[c]! > 0.5;
    const loops = this.#loops.map((o) => Math.max(0, o.findIndex(on)));
    if (p.mode === "static") return expand(p, p.values.map((_, v) => this.#store[v] !== undefined && on(this.#store[v]) ? "store" : this.#o[v] !== undefined && on(this.#o[v]) ? "offload" : "recompute"), loops);
    const recompute: number[][] = p.slots.map(() => []);
    p.values.forEach((_, v) => { for (const [t, c] of this.#r[v]!) if (on(c)) recompute[t]!.push(v); });
    return {
      recompute,
      offload: p.values.flatMap((_, v) => {
        const fetch = this.#o[v] !== undefined && on(this.#o[v]) ? [...this.#p[v]!].filter(([, c]) => on(c)).map(([t]) => t) : [];
        return fetch.length > 0 ? [{ value: v, fetch }] : [];
      }),
      loops,
    };
  }

  /** Columns of the decisions of a plan, for the solver to begin with. */
  start(plan: Plan): { indices: Int32Array; values: Float64Array } {
    const indices: number[] = [], values: number[] = [], set = (c: number | undefined, v: boolean): void => { if (c !== undefined) { indices.push(c); values.push(v ? 1 : 0); } };
    const slots = plan.recompute.map((r) => new Set(r)), moved = new Map(plan.offload.map((o) => [o.value, new Set(o.fetch)]));
    this.p.values.forEach((_, v) => {
      for (const [t, c] of this.#r[v]!) set(c, slots[t]!.has(v));
      set(this.#o[v], moved.has(v));
      for (const [t, c] of this.#p[v]!) set(c, moved.get(v)?.has(t) ?? false);
    });
    this.#loops.forEach((o, l) => { o.forEach((c, i) => { set(c, plan.loops[l] === i); }); });
    return { indices: Int32Array.from(indices), values: Float64Array.from(values) };
  }
}

