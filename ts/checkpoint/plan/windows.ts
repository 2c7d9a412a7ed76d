/**
 * In which slots it can make sense to compute a value again, or to have it: where a slot needs it, where a child may be computed again, and, earlier than both,
 * where a parent is at hand anyway, or anywhere if it takes workspace. Nothing outside of these slots is ever better, so a search over them is complete.
 */
import { together, type Problem } from "./problem.js";

/** Slots of each value, ascending. */
export type Windows = readonly (readonly number[])[];

/** Slots that need each value. */
export function needsOf(p: Problem): readonly (ReadonlySet<number>)[] {
  const out = p.values.map(() => new Set<number>());
  p.slots.forEach((s, t) => { for (const v of s.needs) if (together(p.values[v]!.arm, s.arm)) out[v]!.add(t); });
  return out;
}

export function childrenOf(p: Problem): readonly (readonly number[])[] {
  const out: number[][] = p.values.map(() => []);
  p.values.forEach((v, i) => { for (const q of new Set(v.parents)) if (together(p.values[q]!.arm, v.arm)) out[q]!.push(i); });
  return out;
}

/** The least sets that are closed under the three reasons. */
export function fullWindows(p: Problem): Windows {
  const needs = needsOf(p), children = childrenOf(p), at = needs.map((s) => new Set(s));
  for (let changed = true; changed;) {
    changed = false;
    const include = (v: number, t: number): void => { if (!at[v]!.has(t) && together(p.values[v]!.arm, p.slots[t]!.arm)) { at[v]!.add(t); changed = true; } };
    for (let v = p.values.length - 1; v >= 0; v--) for (const u of children[v]!) if (p.values[u]!.recompute) for (const t of at[u]!) include(v, t);
    if (p.mode === "static") continue;
    for (let v = 0; v < p.values.length; v++) {
      if (!p.values[v]!.recompute) continue;
      let last = Math.max(-1, ...needs[v]!);
      for (const u of children[v]!) if (p.values[u]!.recompute) for (const t of at[u]!) last = Math.max(last, t);
      for (const q of p.values[v]!.parents) for (const t of at[q]!) if (t < last) include(v, t);
      // Its workspace may have room only before others are made, which may be in any slot.
      if ((p.values[v]!.workspace ?? 0) > 0) for (let t = 0; t < last; t++) include(v, t);
    }
  }
  return at.map((s) => [...s].sort((a, b) => a - b));
}
