/**
 * Schedules of a loop as actions, and the machine that carries them out on paper: it checks that every step is reversed from the right state, in order, and counts
 * what that takes. A schedule's bytes and costs in a plan are those of the machine.
 */
import { InternalError } from "../../base/errors.js";

/**
 * `advance`: the working copy goes forward, keeping nothing. `snapshot`: it is copied. `restore`: it is the snapshot of that state again (which goes, if `free`).
 * `drop`: the snapshot goes. `tape`: one step forward, recording what its reversal reads. `reverse`: that step backward; its tape goes. `turn`: what follows the loop runs, forward and backward.
 * On a device, of steps recorded in the rows from `row` on: `send` starts copying their tapes to the host's memory, `fetch` back to the device, and `wait` ends the last copy of theirs: of sent ones the rows are
 * free from then on, fetched ones are there. What is still on its way at the turn is waited for behind it.
 */
export type Action =
  | { readonly do: "advance"; readonly from: number; readonly to: number }
  | { readonly do: "snapshot"; readonly at: number }
  | { readonly do: "restore"; readonly at: number; readonly free: boolean }
  | { readonly do: "drop"; readonly at: number }
  | { readonly do: "tape"; readonly step: number; /** Where tapes are not a stack. */ readonly row?: number }
  | { readonly do: "reverse"; readonly step: number; readonly row?: number }
  | { readonly do: "send" | "fetch" | "wait"; readonly from: number; readonly to: number; readonly row: number }
  | { readonly do: "turn" };

/** A loop's steps and what they take, bytes and costs. */
export interface LoopShape {
  readonly steps: number;
  /** Of a state between two steps. */
  readonly snapshot: number;
  /** Of what reversing one step reads. */
  readonly tape: number;
  /** Cost of a step, plain and recorded. */
  readonly forward: number;
  readonly taped: number;
  /** Of copying the state into a snapshot or back. */
  readonly copy?: number;
  /** Bytes that a reversal needs while it runs, and what it costs beyond recording: a loop inside of the step. */
  readonly reverse?: number;
  readonly reverseCost?: number;
}

export interface Tally {
  /** Snapshots and tapes at the turn, and at most in the backward part; all of it at most. */
  readonly held: number; readonly inside: number; readonly peak: number;
  /** The same where snapshots and tapes have rooms of their own, each for the most that there are of them; tapes are there before the turn only if some are made there. */
  readonly heldApart: number; readonly insideApart: number;
  /** Steps advanced, snapshots made and restored, and all forward work. */
  readonly advanced: number; readonly copies: number; readonly forwardCost: number;
  /** Tapes in the host's memory at most. */
  readonly away: number;
  /** What the schedule costs beyond running each step once, recorded. */
  readonly extra: number;
}

export function carryOut(shape: LoopShape, actions: Iterable<Action>): Tally {
  const bad = (what: string): never => { throw new InternalError(`loop schedule: ${what}`); };
  const snapshots = new Set<number>(), tapes = new Set<number>();
  let state = 0, next = shape.steps - 1, turned = false, bytes = 0, held = 0, inside = 0, peak = 0, advanced = 0, taped = 0, copies = 0, slots = 0, rows = 0, early = false;
  // Steps by the row that holds their tape, where rows are named; tapes on their way; and those that the host has.
  const inRow = new Map<number, number>(), moving = new Map<number, "send" | "fetch">(), host = new Set<number>();
  let away = 0;
  const place = (row: number | undefined, step: number): void => { if (row !== undefined && inRow.has(row)) bad(`row ${row} is in use`); if (row !== undefined) inRow.set(row, step); };
  const leave = (step: number, row: number | undefined): void => { if (row !== undefined && inRow.get(row) !== step) bad(`row ${row} does not hold step ${step}`); if (row !== undefined) inRow.delete(row); tapes.delete(step); bytes -= shape.tape; };
  const sent = (step: number, row: number): void => { leave(step, row); host.add(step); moving.delete(step); };
  const at = (more = 0): void => { peak = Math.max(peak, bytes + more); if (turned) inside = Math.max(inside, bytes + more); };
  for (const a of actions) {
    switch (a.do) {
      case "advance":
        if (a.from !== state || a.to <= a.from || a.to > shape.steps) bad(`advances from ${a.from} to ${a.to} in state ${state}`);
        advanced += a.to - a.from; state = a.to;
        break;
      case "snapshot":
        if (a.at !== state || snapshots.has(a.at)) bad(`no snapshot ${a.at} can be made in state ${state}`);
        snapshots.add(a.at); bytes += shape.snapshot; copies++; slots = Math.max(slots, snapshots.size);
        break;
      case "restore":
        if (!snapshots.has(a.at)) bad(`there is no snapshot ${a.at}`);
        state = a.at; copies++;
        if (a.free) { snapshots.delete(a.at); bytes -= shape.snapshot; }
        break;
      case "drop":
        if (!snapshots.delete(a.at)) bad(`there is no snapshot ${a.at}`);
        bytes -= shape.snapshot;
        break;
      case "tape":
        if (a.step !== state || tapes.has(a.step)) bad(`no tape of step ${a.step} in state ${state}`);
        place(a.row, a.step);
        tapes.add(a.step); bytes += shape.tape; taped++; state = a.step + 1; rows = Math.max(rows, tapes.size); early ||= !turned;
        break;
      case "reverse":
        if (!turned || a.step !== next || !tapes.has(a.step) || moving.has(a.step)) bad(`step ${a.step} cannot be reversed`);
        at(shape.reverse ?? 0);
        leave(a.step, a.row); next--;
        break;
      case "send": case "fetch": case "wait":
        for (let step = a.from; step < a.to; step++) {
          const row = a.row + step - a.from, way = moving.get(step);
          if (a.do === "wait") {
            if (way === "send") sent(step, row); else if (way === "fetch") moving.delete(step); else bad(`step ${step} is not on its way`);
          } else if (a.do === "send") {
            if (turned || !tapes.has(step) || way || inRow.get(row) !== step) bad(`step ${step} cannot leave`);
            moving.set(step, "send"); away++;
          } else {
            if (!turned || !host.has(step) || tapes.has(step)) bad(`step ${step} cannot come back`);
            place(row, step); tapes.add(step); bytes += shape.tape; rows = Math.max(rows, tapes.size); moving.set(step, "fetch");
          }
        }
        break;
      case "turn":
        if (turned || state !== shape.steps) bad("turns before its end");
        turned = true; held = bytes;
        for (const [row, step] of [...inRow]) if (moving.get(step) === "send") sent(step, row);
        break;
    }
    at();
  }
  if (next !== -1) bad(`ends with step ${next} still to be reversed`);
  if (snapshots.size > 0) bad("leaves snapshots behind");
  const forwardCost = advanced * shape.forward + copies * (shape.copy ?? 0) + taped * shape.taped;
  const room = slots * shape.snapshot, all = room + rows * shape.tape;
  if (inRow.size > 0 || moving.size > 0) bad("leaves tapes behind");
  return { away, heldApart: early ? all : room, insideApart: all + (shape.reverse ?? 0), held, inside, peak, advanced, copies, forwardCost, extra: forwardCost - shape.steps * shape.taped + shape.steps * (shape.reverseCost ?? 0) };
}

/** Every step is recorded in the forward pass. */
export function* storeAllActions(steps: number): Generator<Action> {
  for (let step = 0; step < steps; step++) yield { do: "tape", step };
  yield { do: "turn" };
  for (let step = steps - 1; step >= 0; step--) yield { do: "reverse", step };
}

/**
 * Segments of `length` steps (the last one may be shorter), a snapshot at the start of each but for the last, which is recorded at once and held;
 * `follows`: other code runs at the turn, and the last one has a snapshot like the others.
 */
export function* uniformActions(steps: number, length: number, follows: boolean): Generator<Action> {
  const starts: number[] = [];
  for (let at = 0; at < steps; at += length) starts.push(at);
  const end = (k: number): number => starts[k + 1] ?? steps;
  function* record(k: number): Generator<Action> { for (let step = starts[k]!; step < end(k); step++) yield { do: "tape", step }; }
  function* back(k: number): Generator<Action> { for (let step = end(k) - 1; step >= starts[k]!; step--) yield { do: "reverse", step }; }
  for (let k = 0; k < starts.length; k++) {
    if (k === starts.length - 1 && !follows) { yield* record(k); break; }
    yield { do: "snapshot", at: starts[k]! };
    yield { do: "advance", from: starts[k]!, to: end(k) };
  }
  yield { do: "turn" };
  for (let k = starts.length - 1; k >= 0; k--) {
    if (k < starts.length - 1 || follows) { yield { do: "restore", at: starts[k]!, free: true }; yield* record(k); }
    yield* back(k);
  }
}

/**
 * Everything is recorded in the forward pass, `group` steps at a time in one half of the rows, and leaves for the host while the next ones are recorded in the other half; each group comes
 * back while the one behind it is reversed.
 */
export function* awayActions(steps: number, group: number): Generator<Action> {
  const groups = Math.ceil(steps / group), of = (g: number): { readonly from: number; readonly to: number; readonly row: number } => ({ from: g * group, to: Math.min(steps, (g + 1) * group), row: g % 2 * group });
  for (let g = 0; g < groups; g++) {
    const { from, to, row } = of(g);
    if (g > 1) yield { do: "wait", ...of(g - 2) };
    for (let step = from; step < to; step++) yield { do: "tape", step, row: row + step - from };
    yield { do: "send", from, to, row };
  }
  yield { do: "turn" };
  yield { do: "fetch", ...of(groups - 1) };
  for (let g = groups - 1; g >= 0; g--) {
    const { from, to, row } = of(g);
    if (g > 0) yield { do: "fetch", ...of(g - 1) };
    yield { do: "wait", from, to, row };
    for (let step = to - 1; step >= from; step--) yield { do: "reverse", step, row: row + step - from };
  }
}
