/**
 * A planned graph, at given sizes, as a problem of memory planning: a value and a step per forward node of the body, a slot per backward node, an option list per loop that
 * can be scheduled. A container belongs to the step at which it has its value. What the model says of bytes is an estimate, since the optimiser still works on the
 * graph; what counts is the arena of the finished program.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { bytesOf } from "../../base/dtypes.js";
import type { Container, Node } from "../../sdfg/nodes.js";
import { evaluate, freeSymbols, sub, type Expr } from "../../symbolic/expr.js";
import type { SourceLoc } from "../../base/errors.js";
import { visitNodes } from "../../analysis/walk.js";
import { awayOptions, besides, loopOptions, onlineOptions, problemOf, type Problem, type ScheduleOption, type Slot, type Value } from "../plan/index.js";
import type { Prices, StepPrice } from "../cost/prices.js";
import { listsOf, WIDTH } from "./actions.js";
import { loopCandidates, type Planned } from "./candidates.js";
import type { OnlineLoop } from "./online.js";
import { offloadable } from "./offload.js";
import { recomputable, valuesOf } from "./recompute.js";

export interface ScheduledOption extends ScheduleOption {
  /** The loop as it is: everything taped, nothing of a driver. */
  readonly plain?: boolean;
  /** Rows of the tapes of a loop whose length only the run knows; `parameter`: snapshots. */
  readonly rows?: number;
}

export interface MemoryModel {
  readonly problem: Problem;
  /** Those of `loopCandidates`, in that order, then those whose length only the run knows. */
  readonly loops: readonly { readonly loc?: SourceLoc; /** Position of the loop and of its reversal in the program's body. */ readonly at: number; readonly back: number; readonly steps: number; readonly options: readonly ScheduledOption[]; readonly online?: OnlineLoop }[];
  /** Of the whole run that stores everything, in nanoseconds like all costs. */
  readonly whole: number;
  /** Per step of the forward sweep: the containers that are its value. */
  readonly containers: readonly (readonly string[])[];
  /** All that the loops could do is offered. */
  readonly complete: boolean;
}

/** What one of a loop's options is told by. */
type Wanted = { readonly kind: string; readonly parameter: number };

const ALIGN = 64, SOME = 16;
/** Nothing that is done again costs nothing, and twice as much of it costs twice as much, though tapes that stay in a cache may save more. */
const LEAST = 1e-3, FREE = 0.01;

const actionsIn = (o: ScheduledOption): number => { const { forward, backward } = listsOf(o); return (forward.length + backward.length) / WIDTH; };

/** `online`: loops whose length only the run knows, which have their schedules already. `host`: bytes of the host's memory for what leaves the device; undefined: there is no device to leave. `wanted`: options of plans that are known, by loop. */
export function memoryModel(planned: Planned, env: ReadonlyMap<string, number>, exact: boolean, prices: Prices, limit = Infinity, host?: number, online: readonly OnlineLoop[] = [], wanted: readonly (readonly Wanted[])[] = []): MemoryModel {
  const { graph, forward } = planned, n = graph.body.length;
  // What only the run knows (a loaded bound, the variable of a loop around) counts as SOME.
  const number = (e: Expr): number => { const known = new Map(env); for (const s of freeSymbols(e)) if (!known.has(s)) known.set(s, SOME); return Math.max(0, evaluate(e, known, () => SOME)); };
  const bytes = (c: Container, from = 0): number => ALIGN * Math.ceil(c.shape.slice(from).reduce((p, e) => p * number(e), bytesOf(c.dtype)) / ALIGN);
  const sizeOf = (d: string): number => bytes(graph.container(d));
  const time = (body: readonly Node[]): number => Math.max(LEAST, prices.nodes(body));

  const candidates = loopCandidates(planned, exact);
  const taped = new Set([...candidates.flatMap((c) => c.tapes), ...online.flatMap((l) => [...l.snapshots, ...l.tapes])]);
  const users = new Map<string, number[]>();
  graph.body.forEach((node, i) => { for (const b of new Set(accessesOf(graph, [node]).map((a) => a.base))) { const l = users.get(b); if (l) l.push(i); else users.set(b, [i]); } });

  // What a loop that runs again reads must stay what it was.
  const pinned = new Set<string>();
  for (const c of candidates) for (const a of accessesOf(graph, [c.loop])) pinned.add(a.base);
  const made = valuesOf(planned), again = recomputable(planned, made, exact, pinned), moves = host === undefined ? [] : offloadable(planned, made, pinned);

  const size = new Array<number>(forward).fill(0), extra = new Array<number>(n).fill(0), parents = Array.from({ length: forward }, () => new Set<number>()), needs = Array.from({ length: n - forward }, () => new Set<number>());
  const containers: string[][] = Array.from({ length: forward }, () => []);
  let base = 0;
  for (const [d, at] of users) {
    const c = graph.container(d);
    if (c.view || c.growable || taped.has(d)) continue;
    if (!c.transient) continue;
    const first = at[0]!, last = at.at(-1)!, b = sizeOf(d);
    if (first === last) { extra[first]! += b; continue; }
    if (first >= forward) { for (let i = first; i <= last; i++) extra[i]! += b; continue; }
    const step = made.owner.get(d) ?? first;
    for (let i = first; i < step; i++) extra[i]! += b;
    size[step]! += b;
    containers[step]!.push(d);
    for (const i of at) if (i >= forward) needs[i - forward]!.add(step); else if (i > step) parents[i]!.add(step);
    // What a maker reads is read for the value that it makes.
    for (const i of at) if (i < forward && i > step) { const target = made.makers.findIndex((m) => m.includes(i)); if (target > step) parents[target]!.add(step); }
  }
  for (const c of graph.containers.values()) if (!c.transient && c.role === "gradient") base += bytes(c);

  const isWanted = (k: number) => (o: Wanted): boolean => wanted.some((list) => list[k]?.kind === o.kind && list[k].parameter === o.parameter);
  const loops = candidates.map((candidate, k) => {
    const { loop, state, scratch, kept, tapes, at, back } = candidate, steps = number(sub(loop.end, loop.begin)), sum = (list: readonly string[], from = 0): number => list.reduce((s, d) => s + bytes(graph.container(d), from), 0);
    // What the loop reads and does not write must be there when its steps run again.
    for (const a of accessesOf(graph, [loop])) { const owner = containers.findIndex((l) => l.includes(a.base)); if (owner >= 0 && owner < at) needs[back - forward]!.add(owner); }
    const again = sum(state) + sum(scratch) + sum(kept), tape = sum(tapes, 1);
    const { forward: step, taped, reverse, copy, form, action } = prices.step(k) ?? roughly(loop.body, tape, sum(state)), per = Math.max(LEAST, step), shape = { steps, snapshot: sum(state), tape, forward: per, taped: Math.max(per, taped), copy };
    const priced = (o: ScheduledOption): ScheduledOption => ({ ...o, cost: Math.max(LEAST, o.cost + form + (action > 0 ? action * actionsIn(o) : 0), FREE * o.cost) });
    const away = host === undefined ? [] : awayOptions(shape, reverse, (n) => tapes.reduce((s, d) => s + prices.moving(n * bytes(graph.container(d), 1)), 0), host).map(priced);
    const scheduled = [...loopOptions(shape, true, limit, isWanted(k)).map((o): ScheduledOption => (o.kind === "store-all" ? { ...o, plain: true } : priced({ ...o, held: o.held + sum(kept), inside: o.inside + again }))), ...away];
    const plain: ScheduledOption = scheduled.find((o) => o.plain) ?? { kind: "store-all", parameter: 0, held: steps * tape, inside: steps * tape, cost: 0, extraSteps: 0, copies: 0, plain: true, actions: function* () { /* taped as it is */ } };
    return { ...(loop.loc ? { loc: loop.loc } : {}), at, back, steps, options: besides(plain, scheduled.filter((o) => !o.plain)) };
  });
  // A step as the planned graph has it.
  function roughly(body: readonly Node[], tape: number, state: number): StepPrice { const forward = time(body); return { forward, taped: forward + prices.copying(tape), reverse: 0, copy: prices.copying(state), form: 0, action: 0 }; }
  const holder = (id: number): number => graph.body.findIndex((node) => { let found = false; visitNodes([node], (x) => { if (x.id === id) found = true; }); return found; });
  const stepsIn = (l: OnlineLoop): number | undefined => (l.length ? number(l.length) : undefined);
  const runs = (l: OnlineLoop): number => { const outer = online.find((x) => x.id === l.within); return outer ? Math.max(1, stepsIn(outer) ?? SOME) * runs(outer) : 1; };
  const unknown = online.map((l, k) => {
    const sum = (list: readonly string[]): number => list.reduce((s, d) => s + bytes(graph.container(d), 1), 0), tape = sum(l.tapes), state = l.state.reduce((s, d) => s + sizeOf(d), 0);
    return { ...(l.loc ? { loc: l.loc } : {}), at: holder(l.forward), back: holder(l.backward), steps: stepsIn(l) ?? 0, online: l, options: onlineOptions({ snapshot: sum(l.snapshots), tape, ...roughly(l.step, tape, state) }, limit, { single: l.rows === undefined, times: runs(l), wanted: isWanted(candidates.length + k), ...(l.length ? { steps: number(l.length) } : {}) }) };
  });
  const scheduled = [...loops, ...unknown];

  const name = (node: Node, list: readonly string[]): string => list.map((d) => graph.container(d).label ?? d).join(", ") || node.kind;
  const values = graph.body.slice(0, forward).map((node, i): Value => ({
    name: name(node, containers[i]!), size: size[i]!, cost: again[i] ? time(made.makers[i]!.map((k) => graph.body[k]!)) : 0, parents: [...parents[i]!].sort((a, b) => a - b), recompute: again[i]! && size[i]! > 0, forwardExtra: extra[i]!, workspace: extra[i]!,
    ...(moves[i]?.length ? { offload: { out: prices.moving(size[i]!), in: prices.moving(size[i]!) } } : {}),
  }));
  const slots = graph.body.slice(forward).map((node, t): Slot => ({ name: node.kind, needs: [...needs[t]!].sort((a, b) => a - b), extra: extra[forward + t]! }));
  return {
    containers, loops: scheduled, whole: prices.whole, complete: !scheduled.some((l) => l.options.some((o) => o.some)),
    problem: problemOf({
      base, values, slots, mode: "slot", ...(host === undefined ? {} : { hostLimit: host }),
      loops: scheduled.map(({ at, back, options }, k) => ({ name: `loop ${k}`, step: at, slot: back - forward, options: options.map((o) => ({ held: Math.round(o.held), inside: Math.round(o.inside), cost: o.cost, ...(o.host ? { host: o.host } : {}) })) })),
    }),
  };
}
