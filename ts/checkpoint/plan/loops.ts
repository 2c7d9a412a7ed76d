/**
 * What a loop offers to the planner: schedules that none of the others beats in all of bytes between the passes, bytes in the backward slot and cost. The numbers
 * are those of the schedule carried out on paper, closed forms where a loop is too long for that; snapshots and tapes have rooms of their own.
 */
import { InternalError } from "../../base/errors.js";
import { awayActions, carryOut, storeAllActions, uniformActions, type Action, type LoopShape } from "./actions.js";
import { mixedTable } from "./mixed.js";
import type { LoopOption } from "./problem.js";
import { revolveActions, revolveExtra } from "./revolve.js";

export type ScheduleKind = "store-all" | "revolve" | "uniform" | "mixed" | "online" | "offload";

/** `parameter`: snapshots, steps a segment or a copy, or bytes. */
export interface ScheduleOption extends LoopOption {
  readonly kind: ScheduleKind;
  readonly parameter: number;
  /** Steps that run again. */
  readonly extraSteps: number;
  /** Snapshots made and restored; of binomial schedules of long loops at most so many. */
  readonly copies: number;
  /** Which option the loop inside of each step takes. */
  readonly inner?: number;
  /** There are more between these, which are not offered. */
  readonly some?: true;
  actions(): Generator<Action>;
}

export const MOST_OPTIONS = 64;
/** Schedules of loops up to this length are carried out step by step to be measured. */
const MEASURED = 1000;

/** Options none of which is at least as good as another in everything, by bytes. */
export function paretoOptions<O extends LoopOption>(options: readonly O[]): O[] {
  const out: O[] = [];
  const order = [...options].sort((a, b) => a.cost - b.cost || a.inside - b.inside || a.held - b.held);
  for (const o of order) if (!out.some((q) => q.held <= o.held && q.inside <= o.inside && q.cost <= o.cost && (q.host ?? 0) <= (o.host ?? 0))) out.push(o);
  return byBytes(out);
}
function byBytes<O extends LoopOption>(list: O[]): O[] { return list.sort((a, b) => a.inside - b.inside || a.held - b.held || a.cost - b.cost); }

/** The first one, which is offered in any case, and those that need less of something. */
export function besides<O extends LoopOption>(first: O, others: readonly O[]): O[] { return byBytes([first, ...others.filter((o) => paretoOptions([first, o]).includes(o))]); }

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

/** `follows`: other code runs between the loop's forward and its backward sweep, as it always does but for a loop at the very end. `most`: bytes that there are at most; what is offered without it is offered always. */
export function loopOptions(shape: LoopShape, follows: boolean, most = Infinity, wanted: (o: ScheduleOption) => boolean = () => false): ScheduleOption[] {
  const { steps, copy = 0 } = shape, all: ScheduleOption[] = [];
  if (steps === 0) return [{ kind: "store-all", parameter: 0, held: 0, inside: 0, cost: 0, extraSteps: 0, copies: 0, actions: () => storeAllActions(0) }];
  const measured = (kind: ScheduleKind, parameter: number, actions: () => Generator<Action>): void => {
    const t = carryOut(shape, actions());
    all.push({ kind, parameter, held: t.heldApart, inside: t.insideApart, cost: Math.max(0, t.extra), extraSteps: t.advanced, copies: t.copies, actions });
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
  // Binomial over groups of steps, each of which is taped as a whole: fewer copies for a few more rows.
  for (let group = 2; group * 4 <= steps; group = group % 3 === 0 ? group * 4 / 3 : group === 2 ? 3 : group * 3 / 2) {
    const n = Math.ceil(steps / group), l = n + (follows ? 1 : 0);
    for (let c = 1; c < l; c = Math.max(c + 1, Math.floor(c * (c < 24 ? 1 : 1.2)))) {
      given("revolve", c, c * shape.snapshot + (follows ? 0 : group * shape.tape), c * shape.snapshot + group * shape.tape, Math.min(revolveExtra(l, c) * group, Number.MAX_SAFE_INTEGER), 2 * (l - 1), () => grouped(revolveActions(n, c, follows), group, steps));
      if (c >= 24 && revolveExtra(l, c) < 2 * n) break;
    }
  }
  for (let segments = 1; segments <= steps; segments = Math.max(segments + 1, Math.floor(segments * 1.25))) {
    const length = Math.ceil(steps / segments), k = Math.ceil(steps / length), actions = (): Generator<Action> => uniformActions(steps, length, follows);
    if (segments === 1 && !follows) continue;
    if (short) measured("uniform", length, actions);
    else { const n = follows ? k : k - 1, all = n * shape.snapshot + length * shape.tape; given("uniform", length, follows ? n * shape.snapshot : all, all, follows ? steps : (k - 1) * length, 2 * n, actions); }
  }
  const mixed = (most: number): number => {
    const { table, group } = mixedTable(shape, most);
    // Group by group, the last one taken to be as long as the others.
    const groups: LoopShape = { ...shape, steps: table.steps, tape: shape.tape * group, forward: shape.forward * group, taped: shape.taped * group }, real = (l: number): number => Math.min(l * group, steps);
    for (const m of thinnedNumbers(table.breakpoints(follows), 96)) {
      let advanced = 0;
      const t = carryOut(groups, counted(table.actions(m, follows, 1, table.steps), (from, to) => { advanced += real(to) - real(from); }));
      all.push({ kind: "mixed", parameter: m, held: t.heldApart, inside: t.insideApart, cost: advanced * shape.forward + t.copies * copy + steps * (shape.reverseCost ?? 0), extraSteps: advanced, copies: t.copies, actions: () => table.actions(m, follows, group, steps) });
    }
    return group;
  };
  // Where groups would be large, smaller ones for what the limit leaves.
  const grouping = mixed(Infinity), always = nearLimit(paretoOptions(all), most, wanted);
  if (grouping === 1 || most >= steps * shape.tape) return always;
  all.length = 0;
  mixed(most);
  return byBytes([...always, ...all.filter((o) => o.inside <= most || wanted(o))]);
}

/**
 * Tapes that wait in the host's memory, of at most `host` bytes: by steps that move together. A copy costs what the steps that run beside it do not cover; nothing runs beside the last one out and the
 * first one back. `reversal`: cost of a step's; `moving`: of a copy of the tapes of so many steps.
 */
export function awayOptions(shape: LoopShape, reversal: number, moving: (steps: number) => number, host: number): ScheduleOption[] {
  const { steps, tape, taped } = shape, out: ScheduleOption[] = [];
  if (steps * tape > host) return out;
  // Of two groups both would be there all along.
  for (let group = 1; 2 * group < steps; group *= 2) {
    const groups = Math.ceil(steps / group), copy = moving(group), late = (work: number): number => (groups - 1) * Math.max(0, copy - group * work);
    out.push({ kind: "offload", parameter: group, held: 2 * group * tape, inside: 2 * group * tape, host: steps * tape, cost: 2 * copy + late(taped) + late(reversal), extraSteps: 0, copies: 2 * groups, actions: () => awayActions(steps, group) });
  }
  return out;
}

/** Not more than there may be, the same ones whatever the limit; beside them some where the choice will be, if that is known, and what is `wanted`. */
export function nearLimit<O extends ScheduleOption>(options: readonly O[], most: number, wanted: (o: O) => boolean = () => false): O[] {
  if (options.length <= MOST_OPTIONS) return [...options];
  const always = thinned(options, MOST_OPTIONS), near = options.filter((o) => o.inside <= most && o.inside > most / 3), half = MOST_OPTIONS / 2;
  const close = new Set([...always, ...(near.length <= half ? near : Array.from({ length: half }, (_, k) => near[Math.round(k * (near.length - 1) / (half - 1))]!))]);
  return options.flatMap((o) => (close.has(o) || wanted(o) ? [{ ...o, some: true as const }] : []));
}

/** Actions of a loop of groups as those of its steps. */
function* grouped(actions: Iterable<Action>, group: number, steps: number): Generator<Action> {
  const first = (g: number): number => Math.min(g * group, steps);
  for (const a of actions) switch (a.do) {
    case "advance": yield { do: "advance", from: first(a.from), to: first(a.to) }; break;
    case "tape": for (let s = first(a.step); s < first(a.step + 1); s++) yield { do: "tape", step: s }; break;
    case "reverse": for (let s = first(a.step + 1) - 1; s >= first(a.step); s--) yield { do: "reverse", step: s }; break;
    case "turn": yield a; break;
    case "send": case "fetch": case "wait": throw new InternalError("groups of steps do not leave the device");
    default: yield { ...a, at: first(a.at) };
  }
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
