/**
 * Schedules of a loop as actions, and the machine that carries them out on paper: it checks that every step is reversed from the right state, in order, and counts
 * what that takes. A schedule's bytes and costs in a plan are those of the machine.
 */
import { InternalError } from "../../base/errors.js";

/**
 * `advance`: the working copy goes forward, keeping nothing. `snapshot`: it is copied. `restore`: it is the snapshot of that state again (which goes, if `free`).
 * `drop`: the snapshot goes. `tape`: one step forward, recording what its reversal reads. `reverse`: that step backward; its tape goes. `turn`: what follows the loop runs, forward and backward.
 */
export type Action =
  | { readonly do: "advance"; readonly from: number; readonly to: number }
  | { readonly do: "snapshot"; readonly at: number }
  | { readonly do: "restore"; readonly at: number; readonly free: boolean }
  | { readonly do: "drop"; readonly at: number }
  | { readonly do: "tape"; readonly step: number }
  | { readonly do: "reverse"; readonly step: number }
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
  /** What the schedule costs beyond running each step once, recorded. */
  readonly extra: number;
}

export function carryOut(shape: LoopShape, actions: Iterable<Action>): Tally {
  const bad = (what: string): never => { throw new InternalError(`loop schedule: ${what}`); };
  const snapshots = new Set<number>(), tapes = new Set<number>();
  let state = 0, next = shape.steps - 1, turned = false, bytes = 0, held = 0, inside = 0, peak = 0, advanced = 0, taped = 0, copies = 0, slots = 0, rows = 0, early = false;
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
        tapes.add(a.step); bytes += shape.tape; taped++; state = a.step + 1; rows = Math.max(rows, tapes.size); early ||= !turned;
        break;
      case "reverse":
        if (!turned || a.step !== next || !tapes.has(a.step)) bad(`step ${a.step} cannot be reversed`);
        at(shape.reverse ?? 0);
        tapes.delete(a.step); bytes -= shape.tape; next--;
        break;
      case "turn":
        if (turned || state !== shape.steps) bad("turns before its end");
        turned = true; held = bytes;
        break;
    }
    at();
  }
  if (next !== -1) bad(`ends with step ${next} still to be reversed`);
  if (snapshots.size > 0) bad("leaves snapshots behind");
  const forwardCost = advanced * shape.forward + copies * (shape.copy ?? 0) + taped * shape.taped;
  const room = slots * shape.snapshot, all = room + rows * shape.tape;
  return { heldApart: early ? all : room, insideApart: all + (shape.reverse ?? 0), held, inside, peak, advanced, copies, forwardCost, extra: forwardCost - shape.steps * shape.taped + shape.steps * (shape.reverseCost ?? 0) };
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
