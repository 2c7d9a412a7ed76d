/**
 * Sets of paths through a program's branches, a bit for each path. Where there are few enough, an event happens, and a value is live, on a set of paths; one walk from the last event to the
 * first has what is live on every path, without asking each value about each path anew.
 */
import type { Arm } from "./problem.js";
import type { Path } from "./paths.js";

export type PathSet = Uint32Array;

/** More paths than this are looked at through the branches that depend on each other (`paths.ts`). */
const MOST = 4096;

export class PathSets {
  readonly #arms: readonly (readonly PathSet[])[];
  readonly all: PathSet;
  readonly none: PathSet;

  private constructor(readonly branches: readonly number[], readonly count: number) {
    const words = Math.ceil(count / 32);
    this.none = new Uint32Array(words);
    this.all = new Uint32Array(words);
    for (let i = 0; i < count; i++) this.all[i >> 5]! |= 1 << (i & 31);
    let stride = 1;
    this.#arms = branches.map((arms) => {
      const sets = Array.from({ length: arms }, () => new Uint32Array(words));
      for (let i = 0; i < count; i++) sets[Math.floor(i / stride) % arms]![i >> 5]! |= 1 << (i & 31);
      stride *= arms;
      return sets;
    });
  }

  /** Undefined where there are too many. */
  static of(branches: readonly number[]): PathSets | undefined {
    const count = branches.reduce((n, a) => n * a, 1);
    return count <= MOST ? new PathSets(branches, count) : undefined;
  }

  /** Those on which all these arms are taken. */
  taking(when: readonly (Arm | undefined)[]): PathSet {
    let out: PathSet | undefined;
    for (const a of when) if (a) { const s = this.#arms[a[0]]![a[1]]!; out = out ? out.map((x, w) => x & s[w]!) : s; }
    return out ?? this.all;
  }

  and(a: PathSet, b: PathSet): PathSet { return a === this.all ? b : b === this.all ? a : a.map((x, w) => x & b[w]!); }
  union(list: readonly PathSet[]): PathSet {
    const out = this.none.slice();
    for (const s of list) for (let w = 0; w < out.length; w++) out[w]! |= s[w]!;
    return this.full(out) ? this.all : out;
  }
  full(s: PathSet): boolean { return s === this.all || s.every((x, w) => x === this.all[w]!); }

  /** How large a part of all paths. */
  share(s: PathSet): number {
    let n = 0;
    for (let x of s) for (; x; x &= x - 1) n++;
    return n / this.count;
  }

  has(s: PathSet, path: Path): boolean {
    let i = 0;
    for (let b = this.branches.length - 1; b >= 0; b--) i = i * this.branches[b]! + Math.max(0, path[b]!);
    return (s[i >> 5]! >> (i & 31) & 1) === 1;
  }

  /** The first of them. */
  first(s: PathSet): number { const w = s.findIndex((x) => x !== 0); return w < 0 ? 0 : 32 * w + 31 - Math.clz32(s[w]! & -s[w]!); }

  /** The arm that path number `i` takes in each branch. */
  path(i: number): Path { return this.branches.map((arms) => { const a = i % arms; i = Math.floor(i / arms); return a; }); }
}

/** A number for each path. */
export class PathSums {
  readonly #of: Float64Array;
  constructor(readonly sets: PathSets) { this.#of = new Float64Array(sets.count); }

  add(on: PathSet, x: number): void {
    for (let w = 0; w < on.length; w++) for (let bits = on[w]!; bits; bits &= bits - 1) this.#of[32 * w + 31 - Math.clz32(bits & -bits)]! += x;
  }
  /** The paths of `more` come into the set, or leave it; each that does counts. */
  join(set: PathSet, more: PathSet, x: number): void {
    for (let w = 0; w < set.length; w++) {
      for (let bits = more[w]! & ~set[w]!; bits; bits &= bits - 1) this.#of[32 * w + 31 - Math.clz32(bits & -bits)]! += x;
      set[w]! |= more[w]!;
    }
  }
  leave(set: PathSet, less: PathSet, x: number): void {
    for (let w = 0; w < set.length; w++) {
      for (let bits = set[w]! & less[w]!; bits; bits &= bits - 1) this.#of[32 * w + 31 - Math.clz32(bits & -bits)]! -= x;
      set[w]! &= ~less[w]!;
    }
  }

  /** The largest, and the path that has it. */
  most(on: PathSet): { readonly value: number; readonly at: number } {
    let value = -Infinity, at = 0;
    if (on === this.sets.all) { const of = this.#of; for (let i = 0; i < of.length; i++) if (of[i]! > value) { value = of[i]!; at = i; } return { value, at }; }
    for (let w = 0; w < on.length; w++) for (let bits = on[w]!; bits; bits &= bits - 1) { const i = 32 * w + 31 - Math.clz32(bits & -bits); if (this.#of[i]! > value) { value = this.#of[i]!; at = i; } }
    return { value, at };
  }
}

/** A value that is live on some paths only: its arm's paths, and where it is made and read, in the order of events. */
export interface Conditional { readonly size: number; readonly arm: PathSet; readonly touches: readonly { readonly at: number; readonly defines: boolean; readonly on: PathSet }[] }

/** The most bytes of such values that are live at each event on a path that has it, and that path. A value is live from where it is made on to its last reader before it is made anew. */
export function mostLive(sets: PathSets, when: readonly PathSet[], values: readonly Conditional[]): readonly { readonly value: number; readonly at: number }[] {
  const sums = new PathSums(sets), live = values.map(() => sets.none.slice()), touched: { readonly value: number; readonly defines: boolean; readonly on: PathSet }[][] = when.map(() => []);
  values.forEach((v, i) => { for (const t of v.touches) touched[t.at]!.push({ value: i, defines: t.defines, on: sets.and(t.on, v.arm) }); });
  const out: { value: number; at: number }[] = [];
  for (let e = when.length - 1; e >= 0; e--) {
    for (const { value, on } of touched[e]!) sums.join(live[value]!, on, values[value]!.size);
    out[e] = sums.most(when[e]!);
    for (const { value, defines, on } of touched[e]!) if (defines) sums.leave(live[value]!, on, values[value]!.size);
  }
  return out;
}
