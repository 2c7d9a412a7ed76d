/**
 * The best mixture of snapshots and tapes for a loop of equal steps within a memory of m units: from a state that only the working copy holds, either the next step
 * is recorded and its tape held until the rest has been reversed, or the state is copied, j steps are run plainly, the rest is reversed, and the j steps after it,
 * from the copy, which is freed with its last restore. Making a copy and going back to it cost something too; a copy that is there need not be made again.
 * Dynamic programming over steps and memory: quadratic in the steps.
 */
import type { Action, LoopShape } from "./actions.js";

/** Tables of more cells × splits than this are for fewer, longer steps. */
const WORK = 60_000_000, UNITS = 1500;

export class MixedTable {
  readonly #cost: Float64Array;
  readonly #choice: Int32Array;
  /** From a state that has been restored, of which there is still the copy. */
  readonly #kept: Float64Array;
  readonly #keptChoice: Int32Array;
  /** With `follows`: other code runs at the turn, from the last state; then nothing is recorded by being last. */
  readonly #turn: Float64Array;
  readonly #turnChoice: Int32Array;
  readonly #width: number;

  /** `snapshot` and `tape` in units of memory, of which there are `units`. */
  constructor(readonly steps: number, readonly snapshot: number, readonly tape: number, readonly forward: number, readonly taped: number, readonly units: number, readonly copy = 0) {
    const w = this.#width = units + 1;
    this.#cost = new Float64Array((steps + 1) * w).fill(Infinity);
    this.#choice = new Int32Array((steps + 1) * w);
    this.#kept = new Float64Array((steps + 1) * w).fill(Infinity);
    this.#keptChoice = new Int32Array((steps + 1) * w);
    this.#turn = new Float64Array((steps + 1) * w).fill(Infinity);
    this.#turnChoice = new Int32Array((steps + 1) * w);
    this.#cost.fill(0, 0, w);
    this.#turn.fill(0, 0, w);
    this.#kept.fill(0, 0, w);
    const kept = this.#kept, best = new Float64Array(w), split = new Int32Array(w);
    const fill = (table: Float64Array, choice: Int32Array, l: number, splits: number): void => {
      best.fill(Infinity);
      // Along the memory, which lies in a row.
      for (let j = 1; j <= splits; j++) {
        const work = j * forward + copy, rest = (l - j) * w - snapshot, part = j * w;
        for (let m = snapshot; m <= units; m++) {
          const c = work + table[rest + m]! + kept[part + m]!;
          if (c < best[m]!) { best[m] = c; split[m] = j; }
        }
      }
      for (let m = 0, row = l * w, before = (l - 1) * w - tape; m <= units; m++) {
        const recorded = m >= tape ? taped + table[before + m]! : Infinity, copied = best[m]! + copy;
        table[row + m] = Math.min(recorded, copied);
        choice[row + m] = copied < recorded ? split[m]! : 0;
        if (table === this.#turn) continue;
        kept[row + m] = Math.min(recorded, best[m]!);
        this.#keptChoice[row + m] = best[m]! < recorded ? split[m]! : 0;
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
    const choices = this.#choice, turns = this.#turnChoice, keeps = this.#keptChoice;
    function* record(l: number): Generator<Action> { for (let step = first(l); step < first(l + 1); step++) yield { do: "tape", step }; }
    function* back(l: number): Generator<Action> { for (let step = first(l + 1) - 1; step >= first(l); step--) yield { do: "reverse", step }; }
    /** Reverses [from, to); `turning`: the turn is at `to`; `copied`: there is a copy of `from`, which goes unless it is used again. */
    function* part(snapshot: number, tape: number, from: number, to: number, room: number, turning: boolean, copied: boolean): Generator<Action> {
      const taped: number[] = [];
      const choice = (): number => (turning ? turns : copied ? keeps : choices)[(to - from) * w + room]!;
      while (from < to) {
        if (choice() > 0) break;
        copied = false;
        yield* record(from);
        taped.push(from++); room -= tape;
      }
      if (from === to) { if (!turned) { turned = true; yield { do: "turn" }; } } else {
        const j = choice();
        if (!copied) yield { do: "snapshot", at: first(from) };
        yield { do: "advance", from: first(from), to: first(from + j) };
        yield* part(snapshot, tape, from + j, to, room - snapshot, turning, false);
        yield { do: "restore", at: first(from), free: keeps[j * w + room]! === 0 };
        yield* part(snapshot, tape, from, from + j, room, false, true);
      }
      for (const l of taped.reverse()) yield* back(l);
    }
    yield* part(this.snapshot, this.tape, 0, this.steps, Math.min(m, this.units), follows, false);
  }
}

/** A table that is small enough for the loop, up to `most` bytes: exact where units and steps allow it, else with steps in groups and sizes rounded up. */
export function mixedTable(shape: LoopShape, most = Infinity): { readonly table: MixedTable; readonly group: number; readonly unit: number } {
  let group = 1;
  for (;;) {
    const steps = Math.ceil(shape.steps / group), tape = shape.tape * group;
    let unit = Math.max(1, common(shape.snapshot, tape));
    const all = Math.min(steps * tape, most);
    if (all / unit > UNITS) unit = Math.max(1, Math.ceil(all / UNITS));
    const units = Math.min(Math.max(steps * Math.ceil(tape / unit), Math.ceil(shape.snapshot / unit) + Math.ceil(tape / unit)), Math.floor(most / unit));
    if (steps * steps * Math.max(units, 8) / 2 > WORK && steps > 8) { group *= 2; continue; }
    return { table: new MixedTable(steps, Math.ceil(shape.snapshot / unit), Math.ceil(tape / unit), shape.forward * group, shape.taped * group, units, shape.copy), group, unit };
  }
}

function common(a: number, b: number): number { while (b > 0) [a, b] = [b, a % b]; return a; }
