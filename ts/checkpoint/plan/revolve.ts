/**
 * Binomial checkpointing (revolve): the fewest steps run again with c snapshots, state 0's included, and one step's tape at a time.
 * A. Griewank, A. Walther: Algorithm 799, ACM TOMS 26 (2000).
 */
import { InternalError } from "../../base/errors.js";
import type { Action } from "./actions.js";

/** C(n, k), exact while it is a safe integer, else Infinity. */
export function binomial(n: number, k: number): number {
  let out = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) { out = out * (n - Math.min(k, n - k) + i) / i; if (out > Number.MAX_SAFE_INTEGER) return Infinity; }
  return Math.round(out);
}

/** The least r with C(c + r, c) >= l: how often a step is run at most. */
export function repetitions(l: number, c: number): number {
  let r = 0;
  while (binomial(c + r, c) < l) r++;
  return r;
}

/** t(l, c): the fewest advances that reverse l steps; Infinity without a snapshot. */
export function revolveExtra(l: number, c: number): number {
  if (l <= 1) return 0;
  if (c < 1) return Infinity;
  if (c === 1) return l * (l - 1) / 2;
  const s = Math.min(c, l - 1), r = repetitions(l, s);
  return r * l - binomial(s + r, s + 1);
}

/** How far to advance from a snapshot before making the next one: the split for which t(l, c) = j + t(l - j, c - 1) + t(j, c). */
function split(l: number, c: number): number {
  if (c <= 1) return l - 1;
  const best = revolveExtra(l, c), cost = (j: number): number => j + revolveExtra(l - j, c - 1) + revolveExtra(j, c);
  // The minimum lies where neither part needs more repetitions than it must.
  const r = repetitions(l, c), from = Math.max(1, l - binomial(c - 1 + r, c - 1), binomial(c + r - 2, c)), to = Math.min(l - 1, binomial(c + r - 1, c));
  for (const j of [to, from, Math.max(1, to - 1), Math.min(l - 1, from + 1)]) if (j >= 1 && j < l && cost(j) === best) return j;
  for (let j = 1; j < l; j++) if (cost(j) === best) return j;
  throw new InternalError(`no split of ${l} steps with ${c} snapshots`);
}

/** Reverses [from, to), two steps or more, in state `from`, whose snapshot there is (it goes), with room for `free` others; `one` runs a single step from its state. */
export function* reversePart(from: number, to: number, free: number, one: (step: number) => Iterable<Action>): Generator<Action> {
  // The left parts are followed in a loop, so the recursion is only as deep as there are snapshots.
  while (to - from > 1) {
    const at = from + split(to - from, free + 1);
    yield { do: "advance", from, to: at };
    if (to - at > 1) { yield { do: "snapshot", at }; yield* reversePart(at, to, free - 1, one); } else yield* one(at);
    to = at;
    yield { do: "restore", at: from, free: to - from === 1 };
  }
  yield* one(from);
}

/** The schedule. `follows`: other code runs at the turn; it counts as one more step, which has no tape. */
export function* revolveActions(steps: number, c: number, follows: boolean): Generator<Action> {
  const total = follows ? steps + 1 : steps;
  let turned = false;
  function* one(step: number): Generator<Action> {
    if (step < steps) yield { do: "tape", step };
    if (!turned) { turned = true; yield { do: "turn" }; }
    if (step < steps) yield { do: "reverse", step };
  }
  if (total < 2) { yield* one(0); return; }
  yield { do: "snapshot", at: 0 };
  yield* reversePart(0, total, Math.min(c, total - 1) - 1, one);
}
