/**
 * Sums over the paths of a program with branches. Branches that no term connects are independent, so a maximum over all paths takes the sum over the arms,
 * not their product; only branches that one term depends on together are enumerated.
 */
import { type Arm } from "./problem.js";

/** The arm taken in each branch; -1 where it does not matter. */
export type Path = readonly number[];

/** `weight` looks at the arms of `branches` only, and is at most `most`. */
export interface Term { readonly branches: readonly number[]; readonly most: number; readonly weight: (path: Path) => number }

/** More arms together than this are not enumerated: their terms count as if each were at its most. */
const ENUMERATED = 4096;

export function takes(path: Path, arm: Arm | undefined): boolean { return !arm || path[arm[0]] === arm[1]; }

/** The largest sum of the terms on a path through `fixed`, and such a path. It is an upper bound (and `exact` false) only where too many branches depend on each other. */
export function maxOverPaths(arms: readonly number[], fixed: readonly Arm[], terms: readonly Term[]): { readonly value: number; readonly path: Path; readonly exact: boolean } {
  const path = arms.map(() => -1);
  for (const [b, a] of fixed) path[b] = a;
  const open = path.map((a) => a < 0);
  const group = arms.map((_, b) => b);
  const root = (b: number): number => { while (group[b] !== b) b = group[b]!; return b; };
  let value = 0, exact = true;
  const free: Term[] = [];
  for (const t of terms) {
    const mine = t.branches.filter((b) => open[b]);
    if (mine.length === 0) { value += t.weight(path); continue; }
    free.push(t);
    for (const b of mine) group[root(b)] = root(mine[0]!);
  }
  const groups = new Map<number, { branches: number[]; terms: Term[] }>();
  arms.forEach((_, b) => { if (open[b]) { const r = root(b); const g = groups.get(r); if (g) g.branches.push(b); else groups.set(r, { branches: [b], terms: [] }); } });
  for (const t of free) groups.get(root(t.branches.find((b) => open[b])!))!.terms.push(t);
  for (const g of groups.values()) {
    if (g.terms.length === 0) continue;
    if (g.branches.reduce((n, b) => n * arms[b]!, 1) > ENUMERATED) {
      exact = false;
      for (const b of g.branches) path[b] = 0;
      for (const t of g.terms) value += t.most;
      continue;
    }
    let best = -Infinity, at: number[] = [];
    const visit = (k: number): void => {
      if (k === g.branches.length) {
        let sum = 0;
        for (const t of g.terms) sum += t.weight(path);
        if (sum > best) { best = sum; at = g.branches.map((b) => path[b]!); }
        return;
      }
      for (let a = 0; a < arms[g.branches[k]!]!; a++) { path[g.branches[k]!] = a; visit(k + 1); }
    };
    visit(0);
    g.branches.forEach((b, k) => { path[b] = at[k]!; });
    value += best;
  }
  return { value, path, exact };
}

/** All ways through these branches; the others are -1. */
export function pathsThrough(arms: readonly number[], branches: readonly number[]): Path[] {
  let out: number[][] = [arms.map(() => -1)];
  for (const b of branches) out = out.flatMap((path) => Array.from({ length: arms[b]! }, (_, a) => path.with(b, a)));
  return out;
}

/** The probability of what `branches` decide, every arm of a branch being equally likely. */
export function chance(arms: readonly number[], branches: readonly number[], holds: (path: Path) => boolean): number {
  const all = pathsThrough(arms, branches);
  return all.filter(holds).length / all.length;
}
