/**
 * A loop whose steps are counted only by running it. On the way forward, snapshots at the multiples of a stride, which doubles whenever there is no room for another: what
 * comes before the turn does not depend on how many steps there will be. On the way back the count is known: what lies behind the last snapshot is reversed
 * binomially, in groups of as many steps as there are rows, with the room that later snapshots have left. `apply/online.ts` is the same rule as code of the program.
 * After M. Hinze, J. Sternberg: A-Revolve, Optim. Methods Softw. 20 (2005), for a rule that knows no count; the binomial part is revolve's.
 */
import type { Action, LoopShape } from "./actions.js";
import { nearLimit, paretoOptions, type ScheduleOption } from "./loops.js";
import { revolveExtra } from "./revolve.js";

/** How many groups to advance from a snapshot before making the next one: an optimal split of `groups` with `room` snapshots, that one included. */
export function splitGroups(groups: number, room: number): number {
  if (room === 1) return groups - 1;
  if (room >= groups - 1) return 1;
  let r = 0, reach = 1;
  while (reach < groups) { r++; reach = Math.floor(reach * (room + r) / r); }
  const left = Math.floor(reach * r / (room + r)), right = Math.floor(Math.floor(reach * room / (room + r)) * r / (room + r - 1));
  return Math.min(left, groups - right);
}

/** With all snapshots in use at the turn and `last` groups behind the last one: is one of them better given up? `stride`: groups between two. */
export function givesUp(last: number, stride: number, slots: number): boolean { return slots >= 2 && last * last > 8 * stride; }

/** What the forward sweep of `steps` steps leaves: snapshots at multiples of a stride. */
function held(steps: number, slots: number): { readonly stride: number; readonly count: number } {
  let stride = 1, count = 0;
  // The step at which the next one would be made is count · stride.
  while (count * stride < steps) { if (count < slots) count++; else { count = Math.ceil(count / 2); stride *= 2; } }
  return { stride, count };
}

export function* onlineActions(steps: number, slots: number, rows = 1): Generator<Action> {
  let at: number[] = [], stride = 1;
  for (let step = 0; step < steps; step++) {
    if (step === at.length * stride) {
      if (at.length === slots) {
        stride *= 2;
        for (const s of at.filter((x) => x % stride !== 0)) yield { do: "drop", at: s };
        at = at.filter((x) => x % stride === 0);
      }
      if (step === at.length * stride) { yield { do: "snapshot", at: step }; at.push(step); }
    }
    yield { do: "advance", from: step, to: step + 1 };
  }
  yield { do: "turn" };
  const groups = (n: number): number => Math.ceil(n / rows);
  if (at.length === slots && givesUp(groups(steps - at.at(-1)!), groups(stride), slots)) yield { do: "drop", at: at.splice(slots >= 3 ? -2 : -1, 1)[0]! };
  for (let to = steps; to > 0;) {
    let from = at.at(-1)!;
    yield { do: "restore", at: from, free: to - from <= rows };
    if (to - from <= rows) at.pop();
    while (to - from > rows) {
      const next = from + splitGroups(groups(to - from), slots - at.length + 1) * rows;
      yield { do: "advance", from, to: next };
      from = next;
      if (at.length < slots && to - from > rows) { yield { do: "snapshot", at: from }; at.push(from); }
    }
    for (let step = from; step < to; step++) yield { do: "tape", step };
    for (let step = to - 1; step >= from; step--) yield { do: "reverse", step };
    to = from;
  }
}

/** Steps advanced beside the first pass, and snapshots made and restored, of so many steps; groups are taken to be full. */
export function onlineWork(steps: number, slots: number, rows = 1): { readonly advanced: number; readonly copies: number } {
  const { stride, count } = held(steps, slots), groups = (n: number): number => Math.ceil(n / rows), drops = count === slots && givesUp(groups(steps - (count - 1) * stride), groups(stride), slots);
  let advanced = 0, restored = 0, to = steps;
  for (let k = count; k > 0; k--) {
    if (drops && k === (slots >= 3 ? count - 1 : count)) continue;
    // What lies before this one: the dropped one is not there.
    const from = (k - 1) * stride, before = k - 1 - (drops && k === count && slots >= 3 ? 1 : 0), l = groups(to - from);
    advanced += Math.min(revolveExtra(l, slots - before) * rows, Number.MAX_SAFE_INTEGER);
    restored += l;
    to = from;
  }
  return { advanced, copies: count + restored * 2 };
}

/** Lengths that a loop of unknown length is planned for, and what costs are the costs of: as many steps as the estimates of whole programs take it to have. */
const LENGTHS = [30, 300, 3000], NOMINAL = 16;

export interface OnlineOption extends ScheduleOption { readonly rows: number }

/**
 * What it may do with so many bytes at most: snapshots and rows. Costs are a mean over lengths, unless there is but one: `steps`. `single`: one row. `times`: how often it is run.
 */
export function onlineOptions(shape: Omit<LoopShape, "steps">, most = Infinity, { steps, single = false, times = 1, wanted }: { readonly steps?: number; readonly single?: boolean; readonly times?: number; /** Offered, if it may be. */ readonly wanted?: (o: ScheduleOption) => boolean } = {}): OnlineOption[] {
  const lengths = steps === undefined ? LENGTHS : [Math.max(1, steps)], all: OnlineOption[] = [], { snapshot, tape, copy = 0 } = shape, longest = lengths.at(-1)!;
  const series = (room: number): number[] => { const out: number[] = []; for (let k = 1; k <= Math.max(1, Math.min(longest, room)); k = Math.max(k + 1, Math.floor(k * (k < 24 ? 1 : 1.12)))) out.push(k); return out; };
  for (const rows of single ? [1] : series(most / Math.max(1, tape)).filter((r) => r < 5 || r % 2 === 0)) for (const slots of series((most - rows * tape) / Math.max(1, snapshot))) {
    let cost = 0, again = 0, copies = 0;
    for (const n of lengths) {
      const w = onlineWork(n, slots, rows);
      again += (n + w.advanced) / n; copies += w.copies / n;
      cost += ((n + w.advanced) * shape.forward + w.copies * copy) / n;
    }
    const per = times * (steps ?? NOMINAL) / lengths.length;
    all.push({ kind: "online", parameter: slots, rows, held: slots * snapshot, inside: slots * snapshot + rows * tape, cost: cost * per, extraSteps: Math.round(again * per), copies: Math.round(copies * per), actions: () => onlineActions(NOMINAL, slots, rows) });
  }
  return nearLimit(paretoOptions(all), most, wanted);
}
