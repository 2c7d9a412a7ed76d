/**
 * Inequalities that hold for every plan and not for a solution of the relaxation: what is live at the steps inside of slots, where of several reasons for a value
 * to be live the one with the largest share counts; and covers, values that do not fit together (lifted as Balas 1975 does it).
 */
import type { Relaxation } from "./relaxation.js";

/** Σ factors·columns is at most `most`; about what is at hand at the slot's entry, or (`inside`) also what it computes again and what is at hand after it. */
export interface Cut { readonly slot: number; readonly inside: boolean; readonly columns: number[]; readonly factors: number[]; readonly most: number }

interface Item { readonly column: number; readonly size: number; readonly x: number }

/** A solution must miss an inequality by so much of its right side, or a cover by so much of 1; rows per round. */
const MISSED = 1e-4, UNCOVERED = 0.03, MOST = 120;

/** Those missed by most first. */
export function cuts(r: Relaxation, x: Float64Array): Cut[] {
  const { p, rooms, needs } = r, n = p.values.length, slots = p.slots.length, out: (Cut & { readonly by: number })[] = [];
  const least = (of: (l: (typeof p.loops)[number]) => "held" | "inside" | "both" | undefined): number => p.loops.reduce((s, l) => {
    const which = of(l);
    return which ? s + Math.min(...l.options.map((o) => which === "both" ? Math.min(o.held, o.inside) : o[which])) / rooms.unit : s;
  }, 0);
  const cover = (items: readonly Item[], room: number, slot: number, inside: boolean): void => {
    const found = lifted(items, room);
    if (found) out.push({ slot, inside, ...found });
  };
  for (let t = 0; t < slots; t++) {
    // The slot's own step.
    let room = rooms.step[t]! - least((l) => l.slot === t ? "inside" : l.slot > t ? "held" : undefined);
    const kept: Item[] = [];
    for (let v = 0; v < n; v++) {
      const s = t + 1 < slots ? r.atEntry[(t + 1) * n + v]! : -1;
      if (needs[v]!.has(t)) room -= rooms.size[v]!; else if (s >= 0 && rooms.size[v]! > 0) kept.push({ column: s, size: rooms.size[v]!, x: x[s]! });
    }
    cover(kept, room, t + 1, false);

    // Where `u` is computed again, or would be: what is at hand before that and read at it or after it, and what is at hand since the entry.
    const held = least((l) => l.slot === t ? "both" : l.slot > t ? "held" : undefined);
    for (let u = 0; u < n; u++) {
      if (r.again[t * n + u]! < 0) continue;
      let free = rooms.inside[t]! - held, sum = 0;
      const items: Item[] = [], workspace = rooms.workspace[u]!;
      const add = (size: number, columns: readonly number[]): void => {
        let best = -1;
        for (const c of columns) if (c >= 0 && (best < 0 || x[c]! > x[best]!)) best = c;
        if (best < 0 || size === 0 || x[best]! <= 0) return;
        items.push({ column: best, size, x: x[best]! });
        sum += size * x[best]!;
      };
      add(workspace, [r.again[t * n + u]!]);
      for (let v = 0; v < n; v++) {
        if (v > u) { add(rooms.size[v]!, [r.atEntry[t * n + v]!]); continue; }
        if (needs[v]!.has(t)) { free -= rooms.size[v]!; continue; }
        const reasons = r.children[v]!.filter((w) => w >= u).map((w) => r.again[t * n + w]!);
        if (t + 1 < slots) reasons.push(r.atEntry[(t + 1) * n + v]!);
        if (v === u) reasons.push(r.again[t * n + v]!);
        add(rooms.size[v]!, reasons);
      }
      if (sum > free + MISSED * Math.max(1, Math.abs(free))) {
        const factors = new Map<number, number>();
        for (const i of items) factors.set(i.column, (factors.get(i.column) ?? 0) + i.size);
        out.push({ slot: t, inside: true, columns: [...factors.keys()], factors: [...factors.values()], most: free, by: (sum - free) / Math.max(...items.map((i) => i.size)) });
      }
      if (new Set(items.map((i) => i.column)).size === items.length) cover(items, free, t, true);
    }
  }
  for (let step = 0; step < n; step++) {
    let room = rooms.forward[step]! - least((l) => l.step <= step ? "held" : undefined);
    const kept: Item[] = [];
    for (let v = 0; v <= step; v++) {
      const s = r.atEntry[v]!;
      if (rooms.lastForward[v]! >= step) room -= rooms.size[v]!; else if (s >= 0 && rooms.size[v]! > 0) kept.push({ column: s, size: rooms.size[v]!, x: x[s]! });
    }
    cover(kept, room, 0, false);
  }
  return out.sort((a, b) => b.by - a.by).slice(0, MOST);
}

/** The cover of those that are missing least of being there together, if the solution has more of it than all but one. */
function lifted(items: readonly Item[], room: number): { columns: number[]; factors: number[]; most: number; by: number } | undefined {
  let all = 0;
  for (const i of items) if (i.x > 0) all += i.size;
  if (all <= room) return undefined;
  const order = items.filter((i) => i.x > 0).sort((a, b) => (1 - a.x) / a.size - (1 - b.x) / b.size);
  let chosen: Item[] = [], sum = 0;
  for (const i of order) { if (sum > room) break; chosen.push(i); sum += i.size; }
  for (const i of [...chosen].sort((a, b) => a.x - b.x)) if (sum - i.size > room) { sum -= i.size; chosen = chosen.filter((c) => c !== i); }
  const missing = chosen.reduce((s, i) => s + 1 - i.x, 0), sizes = chosen.map((i) => i.size).sort((a, b) => b - a), inside = new Set(chosen);
  // The factor of what is as large as the h largest of the cover together.
  const columns = chosen.map((i) => i.column), factors = chosen.map(() => 1);
  let has = chosen.length - missing;
  for (const i of items) {
    if (inside.has(i)) continue;
    let h = 0;
    for (let m = 0; h < sizes.length && m + sizes[h]! <= i.size; h++) m += sizes[h]!;
    if (h > 0) { columns.push(i.column); factors.push(h); has += h * i.x; }
  }
  const by = has - (chosen.length - 1);
  return by > UNCOVERED ? { columns, factors, most: chosen.length - 1, by } : undefined;
}
