/** A loop's schedule as call data: two lists of actions, before and after the turn, with slots for snapshots and rows for tapes. */
import { InternalError } from "../../base/errors.js";
import type { Action } from "../plan/actions.js";

/** What a driver does, by number. */
export const OPS = ["advance", "save", "restore", "tape", "reverse", "send", "fetch", "wait"] as const;
export type Op = (typeof OPS)[number];
/** Numbers per action: operation, first step, steps, slot or row. */
export const WIDTH = 4;

export interface ActionLists {
  readonly forward: readonly number[];
  readonly backward: readonly number[];
  /** Snapshots and rows in use at most. */
  readonly slots: number;
  readonly rows: number;
  /** Are steps taped before the turn? */
  readonly held: boolean;
}

export function actionLists(actions: Iterable<Action>): ActionLists {
  const lists: [number[], number[]] = [[], []], where = new Map<number, number>(), free: number[] = [], tapes: number[] = [];
  let side: 0 | 1 = 0, slots = 0, rows = 0, held = false, stale = false;
  const slotOf = (at: number): number => { const s = where.get(at); if (s === undefined) throw new InternalError(`no snapshot of step ${at}`); return s; };
  const forget = (at: number): void => { free.push(slotOf(at)); where.delete(at); };
  for (const a of actions) {
    const out = lists[side], n = out.length, last = n > 0 ? { op: OPS[out[n - WIDTH]!]! } : undefined;
    const push = (op: Op, from: number, steps: number, place: number): void => { out.push(OPS.indexOf(op), from, steps, place); };
    switch (a.do) {
      case "advance":
        if (stale) throw new InternalError("a loop schedule goes on from the state at its turn");
        if (last?.op === "advance" && out[n - 3]! + out[n - 2]! === a.from) out[n - 2]! += a.to - a.from; else push("advance", a.from, a.to - a.from, 0);
        break;
      case "snapshot": { const s = free.pop() ?? slots++; where.set(a.at, s); push("save", a.at, 0, s); break; }
      case "restore": push("restore", a.at, 0, slotOf(a.at)); if (a.free) forget(a.at); stale = false; break;
      case "drop": forget(a.at); break;
      case "tape": {
        if (stale) throw new InternalError("a loop schedule goes on from the state at its turn");
        // Tapes are reversed in the opposite order: rows are a stack.
        const row = a.row ?? tapes.length;
        if (a.row === undefined) tapes.push(a.step);
        rows = Math.max(rows, row + 1);
        held ||= side === 0;
        if (last?.op === "tape" && out[n - 3]! + out[n - 2]! === a.step && out[n - 1]! + out[n - 2]! === row) out[n - 2]!++; else push("tape", a.step, 1, row);
        break;
      }
      case "reverse": {
        const row = a.row ?? tapes.length - 1;
        if (a.row === undefined && tapes.pop() !== a.step) throw new InternalError(`step ${a.step} is not the last one taped`);
        if (last?.op === "reverse" && out[n - 3] === a.step + 1 && out[n - 1] === row + 1) { out[n - 3]!--; out[n - 2]!++; out[n - 1]!--; } else push("reverse", a.step, 1, row);
        break;
      }
      case "send": case "fetch": case "wait": push(a.do, a.from, a.to - a.from, a.row); rows = Math.max(rows, a.row + a.to - a.from); break;
      case "turn": side = 1; stale = true; break;
    }
  }
  return { forward: lists[0], backward: lists[1], slots, rows, held };
}

/** An option's lists, made once: a search asks for them again and again, of what is made of it with other costs, too. */
const made = new WeakMap<() => Iterable<Action>, ActionLists>();
export function listsOf(o: { actions(): Iterable<Action> }): ActionLists {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- the key alone
  const key = o.actions;
  let lists = made.get(key);
  if (!lists) made.set(key, lists = actionLists(o.actions()));
  return lists;
}

const COPIES: ReadonlySet<Op> = new Set<Op>(["save", "restore", "send", "fetch"]);
/** Actions that copy the state, or tapes to the host and back. */
export function copiesIn({ forward, backward }: ActionLists): number {
  let n = 0;
  for (const list of [forward, backward]) for (let i = 0; i < list.length; i += WIDTH) if (COPIES.has(OPS[list[i]!]!)) n++;
  return n;
}
