/**
 * What a loop offers to the planner: schedules that none of the others beats in all of bytes between the passes, bytes in the backward slot and cost. The numbers
 * are those of the schedule carried out on paper, closed forms where a loop is too long for that.
 */
import { carryOut, storeAllActions, uniformActions, type Action, type LoopShape } from "./actions.js";
import { mixedTable } from "./mixed.js";
import type { LoopOption } from "./problem.js";
import { revolveActions, revolveExtra } from "./revolve.js";

export type ScheduleKind = "store-all" | "revolve" | "uniform" | "mixed";

/** `parameter`: snapshots, steps a segment, or bytes. */
export interface ScheduleOption extends LoopOption {
  readonly kind: ScheduleKind;
  readonly parameter: number;
  /** Steps that run again. */
  readonly extraSteps: number;
  /** Snapshots made and restored; of binomial schedules of long loops at most so many. */
  readonly copies: number;
  /** Which option the loop inside of each step takes. */
  readonly inner?: number;
  actions(): Generator<Action>;
}

export const MOST_OPTIONS = 64;
/** Schedules of loops up to this length are carried out step by step to be measured. */
const MEASURED = 1000;

/** Options none of which is at least as good as another in everything, by bytes. */
export function paretoOptions<O extends LoopOption>(options: readonly O[]): O[] {
  const out: O[] = [];
  const order = [...options].sort((a, b) => a.cost - b.cost || a.inside - b.inside || a.held - b.held);
  for (const o of order) if (!out.some((q) => q.held <= o.held && q.inside <= o.inside && q.cost <= o.cost)) out.push(o);
  return out.sort((a, b) => a.inside - b.inside || a.held - b.held || a.cost - b.cost);
}

/** At most `most` of them: the smallest, the cheapest, and those between that are spread evenly over the logarithm of their bytes. */
export function thinned<O extends LoopOption>(options: readonly O[], most: number): O[] {
  if (options.length <= most) return [...options];
  const first = options[0]!, cheapest = options.reduce((a, b) => b.cost < a.cost ? b : a), low = Math.log(1 + first.inside), high = Math.log(1 + options[options.length - 1]!.inside);
  const kept = new Set<O>([first, cheapest, options.reduce((a, b) => b.held < a.held ? b : a)]);
  for (let k = 0, at = 0; k < most && kept.size < most; k++) {
    const target = low + (high - low) * k / (most - 1);
    while (at < options.length - 1 && Math.log(1 + options[at]!.inside) < target) at++;
    kept.add(options[at]!);
  }
  return options.filter((o) => kept.has(o));
}

/** `follows`: other code runs between the loop's forward and its backward sweep, as it always does but for a loop at the very end. `most`: bytes that there are at most. */
export function loopOptions(shape: LoopShape, follows: boolean, most = Infinity): ScheduleOption[] {
  const { steps, copy = 0 } = shape, all: ScheduleOption[] = [];
  if (steps === 0) return [{ kind: "store-all", parameter: 0, held: 0, inside: 0, cost: 0, extraSteps: 0, copies: 0, actions: () => storeAllActions(0) }];
  const measured = (kind: ScheduleKind, parameter: number, actions: () => Generator<Action>): void => {
    const t = carryOut(shape, actions());
    all.push({ kind, parameter, held: t.held, inside: t.inside, cost: Math.max(0, t.extra), extraSteps: t.advanced, copies: t.copies, actions });
  };
  const given = (kind: ScheduleKind, parameter: number, held: number, inside: number, advanced: number, copies: number, actions: () => Generator<Action>): void => {
    all.push({ kind, parameter, held, inside: inside + (shape.reverse ?? 0), cost: advanced * shape.forward + copies * copy + steps * (shape.reverseCost ?? 0), extraSteps: advanced, copies, actions });
  };
  const short = steps <= MEASURED;
  if (short) measured("store-all", 0, () => storeAllActions(steps)); else given("store-all", 0, steps * shape.tape, steps * shape.tape, 0, 0, () => storeAllActions(steps));

  for (let c = 1; c < steps + (follows ? 1 : 0); c = Math.max(c + 1, Math.floor(c * (c < 24 ? 1 : 1.2)))) {
    const actions = (): Generator<Action> => revolveActions(steps, c, follows), l = steps + (follows ? 1 : 0);
    if (short && steps * c < 2_000_000) measured("revolve", c, actions);
    else given("revolve", c, c * shape.snapshot + (follows ? 0 : shape.tape), c * shape.snapshot + shape.tape, revolveExtra(l, c), 2 * (l - 1), actions);
    if (c >= 24 && revolveExtra(l, c) < 2 * steps) break;
  }
  for (let segments = 1; segments <= steps; segments = Math.max(segments + 1, Math.floor(segments * 1.25))) {
    const length = Math.ceil(steps / segments), k = Math.ceil(steps / length), actions = (): Generator<Action> => uniformActions(steps, length, follows);
    if (segments === 1 && !follows) continue;
    if (short) measured("uniform", length, actions);
    else { const last = steps - (k - 1) * length, seg = (n: number): number => n * shape.snapshot; given("uniform", length, follows ? seg(k) : seg(k - 1) + last * shape.tape, Math.max(seg(k - 1) + last * shape.tape, k > 1 ? seg(k - 2) + length * shape.tape : 0, follows ? seg(k) : 0), follows ? steps : steps - last, 2 * (follows ? k : k - 1), actions); }
  }
  const mixed = (most: number): number => {
    const { table, group } = mixedTable(shape, most);
    // Group by group, the last one taken to be as long as the others.
    const groups: LoopShape = { ...shape, steps: table.steps, tape: shape.tape * group, forward: shape.forward * group, taped: shape.taped * group }, real = (l: number): number => Math.min(l * group, steps);
    for (const m of thinnedNumbers(table.breakpoints(follows), 96)) {
      let advanced = 0;
      const t = carryOut(groups, counted(table.actions(m, follows, 1, table.steps), (from, to) => { advanced += real(to) - real(from); }));
      all.push({ kind: "mixed", parameter: m, held: t.held, inside: t.inside, cost: advanced * shape.forward + t.copies * copy + steps * (shape.reverseCost ?? 0), extraSteps: advanced, copies: t.copies, actions: () => table.actions(m, follows, group, steps) });
    }
    return group;
  };
  // Where groups would be large, smaller ones for what the limit leaves.
  if (mixed(Infinity) > 1 && most < steps * shape.tape) mixed(most);
  return thinned(paretoOptions(all), MOST_OPTIONS);
}

function* counted(actions: Iterable<Action>, advance: (from: number, to: number) => void): Generator<Action> {
  for (const a of actions) { if (a.do === "advance") advance(a.from, a.to); yield a; }
}

function thinnedNumbers(list: readonly number[], most: number): readonly number[] {
  if (list.length <= most) return list;
  const out = new Set<number>();
  for (let k = 0; k < most; k++) out.add(list[Math.round(((k / (most - 1)) ** 2) * (list.length - 1))]!);
  return [...out];
}

/**
 * A loop each step of which runs another loop: whatever that one holds between its passes is part of the step's tape, what more it needs in its backward slot is
 * there while a step is reversed, and its extra cost arises once a step. Composed from the inside out.
 */
export function nestedOptions(outer: LoopShape, inner: readonly LoopOption[], follows: boolean): ScheduleOption[] {
  const all = thinned([...inner], 16).flatMap((o) => loopOptions({
    ...outer, tape: outer.tape + o.held, reverse: (outer.reverse ?? 0) + Math.max(0, o.inside - o.held), reverseCost: (outer.reverseCost ?? 0) + o.cost,
  }, follows).map((s): ScheduleOption => ({ ...s, inner: inner.indexOf(o) })));
  return thinned(paretoOptions(all), MOST_OPTIONS);
}
