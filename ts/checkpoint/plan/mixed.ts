/**
 * The best mixture of snapshots and tapes for a loop of equal steps within a memory of m units: from a state that only the working copy holds, either the next step
 * is recorded and its tape held until the rest has been reversed, or the state is copied, j steps are run plainly, the rest is reversed, and the j steps after it,
 * from the copy, which is freed with its last restore. Dynamic programming over steps and memory: quadratic in the steps.
 */
import type { Action, LoopShape } from "./actions.js";

/** Tables of more cells × splits than this are for fewer, longer steps. */
const WORK = 60_000_000, UNITS = 1500;

export class MixedTable {
  readonly #cost: Float64Array;
  readonly #choice: Int32Array;
  /** With `follows`: other code runs at the turn, from the last state; then nothing is recorded by being last. */
  readonly #turn: Float64Array;
  readonly #turnChoice: Int32Array;
  readonly #width: number;

  /** `snapshot` and `tape` in units of memory, of which there are `units`. */
  constructor(readonly steps: number, readonly snapshot: number, readonly tape: number, readonly forward: number, readonly taped: number, readonly units: number) {
    const w = this.#width = units + 1;
    this.#cost = new Float64Array((steps + 1) * w).fill(Infinity);
    this.#choice = new Int32Array((steps + 1) * w);
    this.#turn = new Float64Array((steps + 1) * w).fill(Infinity);
    this.#turnChoice = new Int32Array((steps + 1) * w);
    this.#cost.fill(0, 0, w);
    this.#turn.fill(0, 0, w);
    const alone = this.#cost;
    const fill = (table: Float64Array, choice: Int32Array, l: number, splits: number): void => {
      const row = l * w, before = (l - 1) * w - tape;
      for (let m = tape; m <= units; m++) table[row + m] = taped + table[before + m]!;
      // Along the memory, which lies in a row.
      for (let j = 1; j <= splits; j++) {
        const work = j * forward, rest = (l - j) * w - snapshot, part = j * w;
        for (let m = snapshot; m <= units; m++) {
          const c = work + table[rest + m]! + alone[part + m]!;
          if (c < table[row + m]!) { table[row + m] = c; choice[row + m] = j; }
        }
      }
    };
    for (let l = 1; l <= steps; l++) { fill(this.#cost, this.#choice, l, l - 1); fill(this.#turn, this.#turnChoice, l, l); }
  }

  /** All forward work with `m` units; Infinity where they do not suffice. */
  cost(m: number, follows = false): number { return (follows ? this.#turn : this.#cost)[this.steps * this.#width + Math.min(m, this.units)]!; }

  /** The memories at which it gets cheaper. */
  breakpoints(follows = false): readonly number[] {
    const out: number[] = [];
    let last = Infinity;
    for (let m = 0; m <= this.units; m++) { const c = this.cost(m, follows); if (c < last) { out.push(m); last = c; } }
    return out;
  }

  /** The schedule with `m` units; each step of the table stands for `group` steps of the loop, which has `steps`. */
  *actions(m: number, follows: boolean, group: number, steps: number): Generator<Action> {
    const w = this.#width, first = (l: number): number => Math.min(l * group, steps);
    let turned = false;
    const choices = this.#choice, turns = this.#turnChoice;
    function* record(l: number): Generator<Action> { for (let step = first(l); step < first(l + 1); step++) yield { do: "tape", step }; }
    function* back(l: number): Generator<Action> { for (let step = first(l + 1) - 1; step >= first(l); step--) yield { do: "reverse", step }; }
    /** Reverses [from, to); `turning`: the turn is at `to`. */
    function* part(snapshot: number, tape: number, from: number, to: number, room: number, turning: boolean): Generator<Action> {
      const taped: number[] = [];
      while (from < to) {
        const j = (turning ? turns : choices)[(to - from) * w + room]!;
        if (j > 0) break;
        yield* record(from);
        taped.push(from++); room -= tape;
      }
      if (from === to) { if (!turned) { turned = true; yield { do: "turn" }; } } else {
        const j = (turning ? turns : choices)[(to - from) * w + room]!;
        yield { do: "snapshot", at: first(from) };
        yield { do: "advance", from: first(from), to: first(from + j) };
        yield* part(snapshot, tape, from + j, to, room - snapshot, turning);
        yield { do: "restore", at: first(from), free: true };
        yield* part(snapshot, tape, from, from + j, room, false);
      }
      for (const l of taped.reverse()) yield* back(l);
    }
    yield* part(this.snapshot, this.tape, 0, this.steps, Math.min(m, this.units), follows);
  }
}

/** A table that is small enough for the loop: exact where units and steps allow it, else with steps in groups and sizes rounded up. */
export function mixedTable(shape: LoopShape): { readonly table: MixedTable; readonly group: number; readonly unit: number } {
  let group = 1;
  for (;;) {
    const steps = Math.ceil(shape.steps / group), tape = shape.tape * group;
    let unit = Math.max(1, common(shape.snapshot, tape));
    if (steps * tape / unit > UNITS) unit = Math.max(1, Math.ceil(steps * tape / UNITS));
    const units = Math.max(Math.ceil(steps * Math.ceil(tape / unit)), Math.ceil(shape.snapshot / unit) + Math.ceil(tape / unit));
    if (steps * steps * units / 2 > WORK && steps > 8) { group *= 2; continue; }
    return { table: new MixedTable(steps, Math.ceil(shape.snapshot / unit), Math.ceil(tape / unit), shape.forward * group, shape.taped * group, units), group, unit };
  }
}

function common(a: number, b: number): number { while (b > 0) [a, b] = [b, a % b]; return a; }
