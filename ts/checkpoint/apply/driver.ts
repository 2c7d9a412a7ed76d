/**
 * Carries out loop schedules: a loop of the forward sweep and its reversal become two drivers, loops over a list of actions (advance, save, restore, tape, reverse)
 * with a body for each. The lists, the number of snapshots and the rows of the tapes are call data, so one compiled program runs any schedule.
 * Pre: candidates of the same graph. Post: the same gradients; forward nodes first. Safe because what a step reads is what it read in the first pass: the
 * state comes from a snapshot, the rest has not changed or was kept; it works on copies, so what the reversal reads live stays; recorded integers are not written again.
 * Where tapes leave the device no step runs again: rows move (send, fetch, wait) between the device and an array of the host that has all of them, and come back into a container of their own.
 */
import { rewriteNodes } from "../../analysis/walk.js";
import { Pool } from "../../autodiff/names.js";
import { fetchNode, offloadNode, settleNode } from "../../library/offload.js";
import { constant, input, op } from "../../scalar/expr.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import { add, addInt, int, load, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { OPS, WIDTH, type Op } from "./actions.js";
import type { LoopCandidate, Planned } from "./candidates.js";
import { without } from "./steps.js";
import { WorkingCopies } from "./working-copies.js";

/** Names of what a call gives to a scheduled loop: two lists of actions and four numbers. */
export interface ScheduledLoop {
  readonly forwardList: string;
  readonly backwardList: string;
  /** Symbols: lengths of the lists, snapshots, rows of the tapes. */
  readonly forwardCount: string;
  readonly backwardCount: string;
  readonly slots: string;
  readonly rows: string;
}

export interface LoopChoice {
  readonly candidate: LoopCandidate;
  /** Steps may be taped before the turn. */
  readonly held: boolean;
  /** Tapes wait in the host's memory: the schedule is one of those. */
  readonly away?: boolean;
}

export function scheduleLoops({ graph, forward }: Planned, chosen: readonly LoopChoice[]): { readonly planned: Planned; readonly loops: readonly ScheduledLoop[] } {
  const pool = new Pool(graph.containers), out: Node[][] = graph.body.map((n) => [n]);
  pool.reserveAll(graph);
  const drivers = chosen.map((c, k) => new Driver(graph, pool, c, k)), loops = drivers.map((d) => d.names);
  for (const d of drivers) { out[d.choice.candidate.at] = d.forward(); out[d.choice.candidate.back] = [d.backward()]; }
  // The last copies have until the next node is done.
  for (const d of drivers) { const { at, back } = d.choice.candidate; out[at + 1 < back ? at + 1 : at]!.push(...d.settled()); }
  const symbols = loops.flatMap((l) => [l.forwardCount, l.backwardCount, l.slots, l.rows]);
  return {
    loops,
    planned: {
      forward: out.slice(0, forward).flat().length,
      graph: graph.with({
        containers: pool.containers, body: out.flat(), symbols: [...graph.symbols, ...symbols], assumptions: [...graph.assumptions, ...symbols.map(sym)],
        parameters: [...graph.parameters, ...loops.flatMap((l) => [l.forwardList, l.backwardList]).map((name) => ({ kind: "container" as const, name: `schedule:${name}`, container: name }))],
      }),
    },
  };
}

/** The numbers of an action: its first step, how many, and the slot or the row of the first. */
interface Step { readonly from: Expr; readonly steps: Expr; readonly place: Expr }

class Driver {
  readonly names: ScheduledLoop;
  readonly #copies: WorkingCopies;
  /** Of tapes that leave the device: where they wait, and where they come back to. */
  readonly #away = new Map<string, { readonly host: string; readonly back: string }>();

  constructor(readonly graph: Graph, readonly pool: Pool, readonly choice: LoopChoice, k: number) {
    const { tapes } = choice.candidate, p = `plan${k}`;
    const forwardCount = `${p}_forward`, backwardCount = `${p}_backward`;
    const list = (count: string): string => pool.add(`${p}_actions`, { dtype: "int64", shape: [sym(count), int(WIDTH)], transient: false, role: "workspace" });
    this.names = { forwardCount, backwardCount, slots: `${p}_slots`, rows: `${p}_rows`, forwardList: list(forwardCount), backwardList: list(backwardCount) };
    this.#copies = new WorkingCopies(graph, pool, choice.candidate, sym(this.names.slots));
    for (const t of tapes) {
      const c = graph.container(t), { name: _, label: __, ...fields } = c, few = { shape: [sym(this.names.rows), ...c.shape.slice(1)] };
      pool.containers.set(t, { ...c, ...few });
      if (choice.away) this.#away.set(t, { host: pool.add(`${t}_host`, { ...fields, role: "workspace", host: true }), back: pool.add(`${t}_back`, { ...fields, ...few }) });
    }
  }

  forward(): Node[] {
    const { loop, tapes } = this.choice.candidate, { forwardList, forwardCount } = this.names;
    if (this.choice.away) return [this.#driver(forwardList, forwardCount, {
      tape: (x) => this.#segment(loop, this.#rows(loop.body, x), x), send: (x) => this.#moves(offloadNode, x, (t) => t), wait: (x) => this.#moves(settleNode, x, (t) => t),
    })];
    return [...this.#copies.keep(), this.#driver(forwardList, forwardCount, {
      advance: (x) => this.#segment(loop, this.#without(loop.body, new Set(tapes)), x),
      save: (x) => this.#copies.save(x.place, false),
      ...(this.choice.held ? { tape: (x: Step) => this.#segment(loop, this.#rows(loop.body, x), x) } : {}),
    })];
  }

  backward(): Node {
    const { loop, reversal, tapes, recorded } = this.choice.candidate, { backwardList, backwardCount } = this.names, again = (body: readonly Node[]): readonly Node[] => this.#copies.again(body);
    if (this.choice.away) {
      const back = (t: string): string => this.#away.get(t)?.back ?? t;
      return this.#driver(backwardList, backwardCount, {
        reverse: (x) => this.#segment(reversal, rewriteNodes(this.#rows(reversal.body, x), { name: back }), x), fetch: (x) => this.#moves(fetchNode, x, back), wait: (x) => this.#moves(settleNode, x, back),
      });
    }
    return this.#driver(backwardList, backwardCount, {
      advance: (x) => this.#segment(loop, again(this.#without(loop.body, new Set([...tapes, ...recorded]))), x),
      save: (x) => this.#copies.save(x.place, true),
      restore: (x) => this.#copies.restore(x.place),
      tape: (x) => this.#segment(loop, again(this.#rows(this.#without(loop.body, new Set(recorded)), x)), x),
      reverse: (x) => this.#segment(reversal, this.#rows(reversal.body, x), x),
    });
  }

  /** What makes the node behind wait for the copies that the last actions of the forward sweep began. */
  settled(): readonly Node[] { return [...this.#away].map(([t, { host }]) => settleNode(this.pool.containers.get(t)!, this.pool.containers.get(host)!)); }
  #moves(make: typeof settleNode, { from, steps, place }: Step, name: (tape: string) => string): readonly Node[] {
    return [...this.#away].map(([t, { host }]) => make(this.pool.containers.get(name(t))!, this.pool.containers.get(host)!, { array: place, host: from, count: steps }));
  }

  /** An action's numbers are bound by loops of one iteration each: inside they are symbols like any other, so that every pass understands the indices. */
  #driver(list: string, count: string, bodies: Partial<Record<Op, (x: Step) => readonly Node[]>>): Loop {
    const variable = this.pool.variable("act"), a = sym(variable);
    const arm = (make: (x: Step) => readonly Node[]): readonly Node[] => {
      const [from, steps, place] = ["from", "steps", "place"].map((n) => this.pool.variable(n)) as [string, string, string];
      return [from, steps, place].reduceRight<readonly Node[]>((body, v, k) => {
        const begin = load(list, [a, int(k + 1)]);
        return [{ kind: "loop", id: freshId(), variable: v, begin, end: addInt(begin, 1), order: "up", body }];
      }, rewriteNodes(make({ from: sym(from), steps: sym(steps), place: sym(place) }), { fresh: true }));
    };
    const branches = OPS.flatMap((o, k) => {
      const make = bodies[o];
      return make ? [{ condition: { inputs: [{ data: list, index: [a, ZERO] }], code: op("eq", "bool", input(0, "int64"), constant(k, "int64")) }, body: arm(make) }] : [];
    });
    return { kind: "loop", id: freshId(), variable, begin: ZERO, end: sym(count), order: "up", body: [{ kind: "conditional", id: freshId(), branches }] };
  }

  /** The steps of an action. */
  #segment(l: Loop, body: readonly Node[], { from, steps }: Step): readonly Node[] {
    const up = this.choice.candidate.loop.order === "up", to = add(from, steps);
    return [{ ...l, body, begin: up ? add(l.begin, from) : sub(l.end, to), end: up ? add(l.begin, to) : sub(l.end, from) }];
  }

  /** Rows of the tapes counted from that of the action's first step. */
  #rows(body: readonly Node[], { from, place }: Step): readonly Node[] {
    const { tapes, loop } = this.choice.candidate, set = new Set(tapes), last = addInt(sub(loop.end, loop.begin), -1);
    const row = (r: Expr): Expr => add(loop.order === "up" ? r : sub(last, r), sub(place, from));
    return rewriteNodes(body, { memlet: (m) => (set.has(m.data) ? { ...m, index: [row(m.index[0]!), ...m.index.slice(1)] } : m), operand: (o) => (set.has(o.data) ? { ...o, base: [row(o.base[0]!), ...o.base.slice(1)] } : o) });
  }

  #without(body: readonly Node[], data: ReadonlySet<string>): readonly Node[] { return without(body, (n) => n.kind === "tasklet" && data.has(n.output.data)); }
}
