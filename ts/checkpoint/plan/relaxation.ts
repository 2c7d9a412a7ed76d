/**
 * The linear relaxation of a problem without branches and copies to the host, over what is at hand at the entry of every slot, and its dual as prices of single
 * decisions. For any multipliers the Lagrangian is a bound, and a plan costs exactly the bound plus what its decisions are away from the bound's own: their
 * *regrets*, none of them negative. So a plan that is known in some slots only costs at least the bound and the regrets of those slots.
 */
import { cuts } from "./cuts.js";
import { solveMip, type Basis, type Mip } from "./mip.js";
import { gcd, type Problem } from "./problem.js";
import { childrenOf, needsOf, type Windows } from "./windows.js";

/** Regrets, by slot and value (index slot * values + value). */
export interface Prices {
  /** No plan costs less. */
  readonly bound: number;
  /** Of a value that is not at hand in the slot, is at hand at its entry, is computed again in it; infinite where that may not be. */
  readonly absent: Float64Array; readonly resident: Float64Array; readonly again: Float64Array;
  /** Of a value that is at hand in the slot and not in the next; of one that is at hand while the child of that number is not computed again. */
  readonly dropped: Float64Array; readonly idle: readonly Float64Array[];
  /** Of bytes that are free when the slot begins: `room` less `bytes` for each value at hand, and less `held` by loop and option for the loops that end in it or after it. */
  readonly room: Float64Array; readonly bytes: Float64Array; readonly held: readonly (readonly Float64Array[])[];
  /** Of bytes that are free inside the slot: `room` less what is at hand at its entry, computed again in it, at hand at the next one's entry. */
  readonly inside: { readonly room: Float64Array; readonly resident: Float64Array; readonly again: Float64Array; readonly kept: Float64Array };
  /** Of a loop's option. */
  readonly option: readonly Float64Array[];
}

/** Sizes and rooms in units that divide every size. */
export interface Rooms {
  readonly unit: number;
  readonly size: Float64Array; readonly workspace: Float64Array;
  /** At the slot's own step, at what it computes again, and at forward steps; loops not counted. */
  readonly step: Float64Array; readonly inside: Float64Array; readonly forward: Float64Array;
  /** The last forward step that reads each value, or makes it. */
  readonly lastForward: Int32Array;
}

type Entries = readonly (readonly [number, number])[];

interface Row { readonly lower: number; readonly upper: number; readonly columns: number[]; readonly factors: number[] }

/** Can it be relaxed like this? */
export function relaxable(p: Problem): boolean { return p.mode === "slot" && p.branches.length === 0 && p.values.every((v) => !v.offload) && p.loops.every((l) => l.options.every((o) => !o.host)); }

export function roomsOf(p: Problem, limit: number): Rooms {
  let unit = 0;
  for (const v of p.values) unit = gcd(gcd(unit, v.size), v.workspace ?? 0);
  for (const l of p.loops) for (const o of l.options) unit = gcd(gcd(unit, o.held), o.inside);
  unit = Math.max(unit, 1);
  const room = (extra: number): number => Math.floor((limit - p.base - extra) / unit);
  const lastForward = Int32Array.from(p.values, (_, i) => i);
  p.values.forEach((v, i) => { for (const q of v.parents) lastForward[q] = Math.max(lastForward[q]!, i); });
  return {
    unit, size: Float64Array.from(p.values, (v) => v.size / unit), workspace: Float64Array.from(p.values, (v) => (v.workspace ?? 0) / unit),
    step: Float64Array.from(p.slots, (s) => room(s.extra)), inside: new Float64Array(p.slots.length).fill(room(0)), forward: Float64Array.from(p.values, (v) => room(v.forwardExtra ?? 0)), lastForward,
  };
}

const NONE = new Float64Array(0);

export class Relaxation {
  readonly children: readonly (readonly number[])[];
  readonly needs: readonly ReadonlySet<number>[];
  readonly rooms: Rooms;
  /** Columns by slot and value, -1 where there is none: at hand at the slot's entry, computed again in it. */
  readonly atEntry: Int32Array;
  readonly again: Int32Array;
  readonly #option: number[][] = [];
  readonly #cost: number[] = [];
  readonly #rows: Row[] = [];
  /** What rows are about: value and slot, child (-1: it is kept for the next slot). */
  readonly #links: { readonly row: number; readonly at: number; readonly child: number }[] = [];
  /** Rows about what is at hand when a slot begins. */
  readonly #memory: { readonly row: number; readonly slot: number }[] = [];
  /** Rows about what is at hand inside a slot. */
  readonly #inside: { readonly row: number; readonly slot: number }[] = [];
  readonly #cuts = new Set<string>();
  #basis: Basis | undefined;

  /** Values dearer than `most` are not computed again. */
  constructor(readonly p: Problem, windows: Windows, limit: number, most: number) {
    const n = p.values.length, slots = p.slots.length, rooms = this.rooms = roomsOf(p, limit), needs = this.needs = needsOf(p), children = this.children = childrenOf(p);
    const column = (cost: number): number => this.#cost.push(cost) - 1, row = (lower: number, upper: number, entries: Entries): number => this.#row(lower, upper, entries);
    this.atEntry = new Int32Array(slots * n).fill(-1);
    this.again = new Int32Array(slots * n).fill(-1);
    for (let v = n - 1; v >= 0; v--) {
      let last = slots - 1;
      while (last >= 0 && !needs[v]!.has(last) && !children[v]!.some((u) => this.again[last * n + u]! >= 0)) last--;
      for (let t = 0; t <= last; t++) this.atEntry[t * n + v] = column(0);
      if (p.values[v]!.recompute && p.values[v]!.cost <= most) for (const t of windows[v]!) if (t <= last) this.again[t * n + v] = column(p.values[v]!.cost);
    }
    for (const l of p.loops) this.#option.push(l.options.map((o) => column(o.cost)));
    const held = (of: (l: Problem["loops"][number]) => "held" | "inside" | undefined): [number, number][] => p.loops.flatMap((l, k) => {
      const which = of(l);
      return which ? l.options.map((o, i): [number, number] => [this.#option[k]![i]!, -o[which] / rooms.unit]) : [];
    });
    for (let t = 0; t < slots; t++) {
      let room = rooms.step[t]!;
      const kept: [number, number][] = [];
      for (let v = 0; v < n; v++) {
        const at = t * n + v, s = this.atEntry[at]!, r = this.again[at]!, next = t + 1 < slots ? this.atEntry[at + n]! : -1;
        if (s < 0) continue;
        const ways: [number, number][] = r >= 0 ? [[s, 1], [r, 1]] : [[s, 1]];
        if (needs[v]!.has(t)) { row(1, 1, ways); room -= rooms.size[v]!; } else if (next >= 0 && rooms.size[v]! > 0) kept.push([next, -rooms.size[v]!]);
        for (const u of children[v]!) if (this.again[t * n + u]! >= 0) this.#links.push({ row: row(0, Infinity, [[this.again[t * n + u]!, -1], ...ways]), at, child: u });
        if (next >= 0) this.#links.push({ row: row(0, Infinity, [[next, -1], ...ways]), at, child: -1 });
      }
      this.#memory.push({ row: row(-room, Infinity, [...kept, ...held((l) => l.slot === t ? "inside" : l.slot > t ? "held" : undefined)]), slot: t + 1 });
    }
    for (let i = 0; i < n; i++) {
      let room = rooms.forward[i]!;
      const kept: [number, number][] = [];
      for (let v = 0; v <= i; v++) if (rooms.lastForward[v]! >= i) room -= rooms.size[v]!; else if (this.atEntry[v]! >= 0 && rooms.size[v]! > 0) kept.push([this.atEntry[v]!, -rooms.size[v]!]);
      this.#memory.push({ row: row(-room, Infinity, [...kept, ...held((l) => l.step <= i ? "held" : undefined)]), slot: 0 });
    }
    for (const options of this.#option) row(1, 1, options.map((c) => [c, 1]));
  }

  #row(lower: number, upper: number, entries: Entries): number { return this.#rows.push({ lower, upper, columns: entries.map((e) => e[0]), factors: entries.map((e) => e[1]) }) - 1; }

  get columns(): number { return this.#cost.length; }

  /** Adds what the solution of the relaxation violates and every plan keeps; how many rows that is. */
  tighten(x: Float64Array): number {
    let added = 0;
    for (const c of cuts(this, x)) {
      const id = `${c.slot} ${c.inside} ${c.most} ${c.columns.join(" ")} ${c.factors.join(" ")}`;
      if (this.#cuts.has(id)) continue;
      this.#cuts.add(id);
      (c.inside ? this.#inside : this.#memory).push({ row: this.#rows.push({ lower: -c.most, upper: Infinity, columns: c.columns, factors: c.factors.map((f) => -f) }) - 1, slot: c.slot });
      added++;
    }
    return added;
  }

  /** `closed`: columns that must be 0. */
  #mip(closed: Uint8Array | undefined): Mip {
    const rows = this.#rows, columns = this.#cost.length, starts = new Int32Array(rows.length + 1);
    rows.forEach((r, i) => { starts[i + 1] = starts[i]! + r.columns.length; });
    const indices = new Int32Array(starts[rows.length]!), values = new Float64Array(indices.length);
    rows.forEach((r, i) => { indices.set(r.columns, starts[i]); values.set(r.factors, starts[i]); });
    return {
      cost: Float64Array.from(this.#cost), lower: new Float64Array(columns), upper: closed ? Float64Array.from(closed, (c) => 1 - c) : new Float64Array(columns).fill(1), integer: new Int32Array(columns),
      rowLower: Float64Array.from(rows, (r) => r.lower), rowUpper: Float64Array.from(rows, (r) => r.upper), starts, indices, values,
    };
  }

  /** Undefined where the relaxation has no solution (`infeasible`), or the time was not enough. */
  async solve(seconds: number, signal: AbortSignal | undefined, closed?: Uint8Array): Promise<{ readonly prices: Prices; readonly x: Float64Array } | "infeasible" | undefined> {
    const r = await solveMip(this.#mip(closed), { seconds, gap: 0, ...(closed ? {} : { basis: this.#basis }) }, signal);
    if (!closed && r.basis) this.#basis = r.basis;
    if (r.status === "infeasible") return "infeasible";
    return r.status === "optimal" && r.x && r.duals ? { prices: this.#regrets(r.duals, closed), x: r.x } : undefined;
  }

  /** Valid for any multipliers: those of the wrong sign count as 0. */
  #regrets(duals: Float64Array, closed: Uint8Array | undefined): Prices {
    const { p } = this, n = p.values.length, slots = p.slots.length, y = duals.slice(), reduced = Float64Array.from(this.#cost);
    let bound = 0;
    this.#rows.forEach((r, i) => {
      if (r.upper === Infinity && !(y[i]! > 0)) y[i] = 0;
      bound += y[i]! * r.lower;
      r.columns.forEach((c, k) => { reduced[c]! -= y[i]! * r.factors[k]!; });
    });
    const absent = new Float64Array(slots * n), resident = new Float64Array(slots * n), again = new Float64Array(slots * n), dropped = new Float64Array(slots * n);
    const open = (c: number): boolean => c >= 0 && closed?.[c] !== 1;
    for (let at = 0; at < slots * n; at++) {
      const mayStay = open(this.atEntry[at]!), mayAgain = open(this.again[at]!), s = mayStay ? reduced[this.atEntry[at]!]! : 0, r = mayAgain ? reduced[this.again[at]!]! : 0;
      bound += Math.min(s, 0) + Math.min(r, 0);
      absent[at] = -Math.min(s, 0) - Math.min(r, 0);
      resident[at] = mayStay ? Math.max(s, 0) - Math.min(r, 0) : Infinity;
      again[at] = mayAgain ? Math.max(r, 0) - Math.min(s, 0) : Infinity;
    }
    const idle = Array.from(absent, () => NONE);
    for (const { row, at, child } of this.#links) {
      if (child < 0) { dropped[at] = y[row]!; continue; }
      const kids = this.children[at % n]!;
      if (idle[at] === NONE) idle[at] = new Float64Array(kids.length);
      idle[at]![kids.indexOf(child)] = y[row]!;
    }
    const room = new Float64Array(slots + 1), bytes = new Float64Array((slots + 1) * n), held = p.loops.map((l) => l.options.map(() => new Float64Array(slots + 1)));
    for (const { row, slot } of this.#memory) {
      const r = this.#rows[row]!;
      room[slot]! -= y[row]! * r.lower;
      const of = new Map(r.columns.map((c, k) => [c, -r.factors[k]!]));
      if (slot < slots) for (let v = 0; v < n; v++) bytes[slot * n + v]! += y[row]! * (of.get(this.atEntry[slot * n + v]!) ?? 0);
      this.#option.forEach((options, k) => { options.forEach((c, o) => { held[k]![o]![slot]! += y[row]! * (of.get(c) ?? 0); }); });
    }
    const inside = { room: new Float64Array(slots), resident: new Float64Array(slots * n), again: new Float64Array(slots * n), kept: new Float64Array(slots * n) };
    for (const { row, slot } of this.#inside) {
      const r = this.#rows[row]!;
      inside.room[slot]! -= y[row]! * r.lower;
      const of = new Map(r.columns.map((c, k) => [c, -r.factors[k]!]));
      for (let v = 0, at = slot * n; v < n; v++, at++) {
        inside.resident[at]! += y[row]! * (of.get(this.atEntry[at]!) ?? 0);
        inside.again[at]! += y[row]! * (of.get(this.again[at]!) ?? 0);
        if (slot + 1 < slots) inside.kept[at]! += y[row]! * (of.get(this.atEntry[at + n]!) ?? 0);
      }
    }
    const option = this.#option.map((options) => {
      const least = Math.min(...options.map((c) => reduced[c]!));
      bound += least;
      return Float64Array.from(options, (c) => reduced[c]! - least);
    });
    return { bound, absent, resident, again, dropped, idle, room, bytes, held, inside, option };
  }
}
