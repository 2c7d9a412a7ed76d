/**
 * What a memory planner's choices cost, in nanoseconds (a solver's tolerances are absolute): values that are computed again as the planned graph's nodes, one at a time; steps of a loop as the finished program
 * with drivers runs them, where there is one.
 */
import type { Rates } from "../../base/rates.js";
import type { Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { OPS, WIDTH, type Op } from "../apply/actions.js";
import type { ScheduledLoop } from "../apply/driver.js";
import { TimeModel, type Call } from "./time.js";

/** Of a second. */
export const NANOSECOND = 1e-9;

/** A step, without and with what its reversal reads, its reversal, and one copy of the state to a snapshot or back. */
export interface StepPrice { readonly forward: number; readonly taped: number; readonly reverse: number; readonly copy: number; /** Beyond storing everything, though every step runs once more only where a schedule says so: what the driver's form takes longer, or less. */ readonly form: number; /** Of each action, whatever it does: on a GPU the host reads what it is. */ readonly action: number }

export interface Prices {
  /** Of the whole run that stores everything. */
  readonly whole: number;
  nodes(body: readonly Node[]): number;
  /** Bytes from one place in memory to another, and from a device to its host or back. */
  copying(bytes: number): number;
  moving(bytes: number): number;
  /** By number of the loop; undefined where there is no program with its driver yet. */
  step(loop: number): StepPrice | undefined;
}

/** Rows and snapshots for which steps are priced. */
const FEW = 4, MORE = 12;

/** `planned`: the graph that is planned; `whole`: the run that stores everything. */
export function pricesOf(planned: Graph, whole: number, sizes: ReadonlyMap<string, number>, rates: Rates, loops?: readonly StepPrice[]): Prices {
  let model: TimeModel | undefined;
  return {
    copying: (bytes) => { const m = rates.memory.at(-1)!; return bytes * (m.read + m.write) / NANOSECOND; }, moving: (bytes) => (rates.launch + bytes * rates.transfer) / NANOSECOND,
    whole, step: (k) => loops?.[k],
    nodes: (body) => (model ??= new TimeModel(planned, rates, false)).of(body, { sizes }) / NANOSECOND,
  };
}

/** The loops of a finished program with drivers, in order: `steps` of each. */
export function stepPrices(program: TimeModel, loops: readonly ScheduledLoop[], steps: readonly number[], sizes: ReadonlyMap<string, number>, threads: number, whole: number): readonly StepPrice[] {
  const time = (k: number, actions: readonly (readonly [Op, number])[]): number => {
    const symbols = new Map(sizes), lists = new Map<string, readonly number[]>();
    loops.forEach((l, j) => {
      const from = Math.floor(steps[j]! / 2), list = j === k ? actions.flatMap(([op, n]) => [OPS.indexOf(op), from, n, 0]) : [];
      for (const [name, n] of [[l.forwardCount, 0], [l.backwardCount, list.length / WIDTH], [l.slots, FEW], [l.rows, FEW]] as const) symbols.set(name, n);
      lists.set(l.forwardList, []);
      lists.set(l.backwardList, list);
    });
    const call: Call = { sizes: symbols, lists };
    return program.seconds(call, threads) / NANOSECOND;
  };
  const nothing = time(-1, []), each = loops.map((_, k) => {
    const all = (op: Op, n: number): number => Math.max(0, time(k, [[op, n]]) - nothing), more = program.rates.launch > 0 ? MORE : 0;
    // Where reading an action takes time of its own, a step is what more of them take.
    const of = (op: Op): number => (more > 0 ? Math.max(0, all(op, FEW + more) - all(op, FEW)) / more : all(op, FEW) / FEW), action = more > 0 ? Math.max(0, all("advance", FEW) - FEW * of("advance")) : 0;
    return { forward: of("advance"), taped: of("tape"), reverse: of("reverse"), copy: Math.max(0, (all("save", 1) + all("restore", 1)) / 2 - action), action };
  });
  const once = each.map((e, k) => steps[k]! * (e.taped + e.reverse)), all = once.reduce((a, b) => a + b, 0), form = nothing + all - whole;
  return each.map(({ forward, taped, reverse, copy, action }, k) => ({ forward, taped, reverse, copy, action, form: all > 0 ? form * once[k]! / all : 0 }));
}
