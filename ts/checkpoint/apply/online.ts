/**
 * The schedule of a loop that the run counts (`plan/online.ts`), as code of the program itself: at the head of each step of the forward sweep a
 * snapshot, if it is time for one, and in place of the reversal a loop of rounds: restore, advance and save until as many steps are left as there are rows, tape, reverse.
 * The numbers of snapshots and rows are call data, so what the run takes is known before it begins, however long the loop turns out to be.
 * Pre: a loop of `stepsOf`. Post: the same gradients, and nothing of the loop grows. Safe for the reasons of `driver.ts`, and because which steps there were, and by which exit
 * the last one was left, are taken from the first pass.
 */
import { nameOf, withBodies } from "../../analysis/paths.js";
import { mapNodes, rewriteNodes } from "../../analysis/walk.js";
import { tasklet, type Pool } from "../../autodiff/names.js";
import type { SourceLoc } from "../../base/errors.js";
import { constant, mapScalar, op, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Condition, Loop, Node } from "../../sdfg/nodes.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import { add, addInt, floordiv, int, load, loadedContainers, min, mul, ONE, scale, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { inRows, LEFT, leftAt, settled, stepOf, without, type GrowingLoop } from "./steps.js";
import { WorkingCopies } from "./working-copies.js";

export interface OnlineLoop {
  readonly loc?: SourceLoc;
  /** Symbols: snapshots and rows of the tapes, one or more each. Loops that hold others of these have one row. */
  readonly slots: string;
  readonly rows?: string;
  /** The name of what a call gives it for its counts: steps, steps that ran again, snapshots made and restored. */
  readonly run: string;
  /** The loop in the new graph, and nodes that hold it and its reversal. */
  readonly id: number;
  readonly forward: number;
  readonly backward: number;
  /** Containers with an element per snapshot, and with one per row. */
  readonly snapshots: readonly string[];
  readonly tapes: readonly string[];
  readonly state: readonly string[];
  /** A step, as nodes of the new graph. */
  readonly step: readonly Node[];
  /** The number of steps, of a loop whose bounds give it. */
  readonly length?: Expr;
  /** The loop around it, scheduled like this one. */
  readonly within?: number;
}

/** Integers that the program computes as it runs. */
class Numbers {
  constructor(readonly pool: Pool) {}
  make(prefix: string): Expr { return load(this.pool.add(prefix, { dtype: "int64", shape: [], transient: true, role: "workspace" }), []); }
  set(to: Expr, value: Expr): Node {
    const a = to.atoms[0]!;
    if (a.kind !== "load") throw new TypeError("only what is stored is set");
    return tasklet({ data: a.data, index: a.index }, symbolic(value), []);
  }
}
const compare = (how: "eq" | "gt" | "lt" | "le", a: Expr, b: Expr): Condition => ({ inputs: [], code: op(how, "bool", symbolic(a), symbolic(b)) });
const when = (condition: Condition, body: readonly Node[]): Node => ({ kind: "conditional", id: freshId(), branches: [{ condition, body }] });

export class Online {
  readonly names: Pick<OnlineLoop, "slots" | "rows" | "run" | "snapshots" | "tapes" | "state">;
  readonly #copies: WorkingCopies;
  readonly #numbers: Numbers;
  /** Snapshots in use, steps between two, the step of the next, the exit that the last step was left by, and how many steps there were. */
  readonly #held: Expr; readonly #stride: Expr; readonly #next: Expr; readonly #steps: Expr;
  readonly #left: Expr;
  /** Of loops inside that the last step was left from: in which of their iterations, by their variables. */
  readonly #leftAt = new Map<string, Expr>();
  /** One row for what a step that is not taped keeps for itself. */
  readonly #now = new Map<string, string>();
  /** What steps use that are not taped, too. */
  get always(): ReadonlySet<string> { return new Set([...this.#now.values(), ...this.#lefts]); }
  /** Inside of another loop: by which exit it was left in each of its steps, and where, recorded once, like how far it came. */
  readonly #lefts: string[] = [];
  again: Loop | undefined;
  readonly #slots: Expr; readonly #rows: Expr;
  /** The step of each snapshot, as an integer per slot. */
  readonly #starts: string;

  constructor(readonly graph: Graph, readonly pool: Pool, readonly loop: GrowingLoop, k: number, inside: boolean) {
    // What loops inside keep is there for one step at a time.
    const slots = `online${k}_slots`, rows = loop.inner.size > 0 ? undefined : `online${k}_rows`, n = this.#numbers = new Numbers(pool);
    this.#slots = sym(slots); this.#rows = rows === undefined ? ONE : sym(rows);
    this.#copies = new WorkingCopies(graph, pool, loop, this.#slots);
    for (const t of loop.tapes) {
      const { growable: _, ...c } = graph.container(t), rest = c.shape.slice(loop.dimensions.get(t));
      pool.containers.set(t, { ...c, shape: [this.#rows, ...rest] });
      if (loop.read.has(t)) { const { name: __, ...fields } = c; this.#now.set(t, pool.add(`${t}_now`, { ...fields, shape: [ONE, ...rest], role: "workspace" })); }
    }
    this.#held = n.make("held"); this.#stride = n.make("stride"); this.#next = n.make("next"); this.#steps = n.make("steps");
    const reached = inside ? recordOf(graph, loop) : undefined;
    const fact = (prefix: string): Expr => {
      if (!reached) return n.make(prefix);
      const data = pool.add(`${prefix}s`, { ...graph.container(reached.data), dtype: "int64" });
      this.#lefts.push(data);
      return load(data, reached.index);
    };
    this.#left = loop.exits.size > 0 ? fact("left") : ZERO;
    for (const v of new Set([...loop.exits.values()].flatMap((x) => x.inside))) this.#leftAt.set(v, fact(`left_${v}`));
    this.#starts = pool.add("starts", { dtype: "int64", shape: [this.#slots], transient: true, role: "workspace" });
    const run = pool.add(`online${k}_run`, { dtype: "int64", shape: [int(3)], transient: false, role: "workspace" });
    this.names = { slots, ...(rows === undefined ? {} : { rows }), run, snapshots: [...this.#copies.snapshots, this.#starts], tapes: loop.tapes, state: loop.state };
  }

  /** A step that keeps nothing, nor anything for loops inside of it. */
  #untaped(body: readonly Node[]): readonly Node[] {
    const { tapes, read, inner } = this.loop, own = new Set(tapes), counters = countersOf(this.graph, tapes);
    return without(body, (x) => (x.kind === "tasklet" ? counters.has(x.output.data) || (own.has(x.output.data) && !read.has(x.output.data)) || inner.has(x.output.data) : x.kind === "library" && x.outputs.every((d) => inner.has(d.data) || (x.op === "grow" && own.has(d.data)))));
  }

  /** The loop as it is, but for what it kept. */
  forward(): { readonly start: readonly Node[]; readonly nodes: readonly Node[] } {
    const { loop, exits } = this.loop, n = this.#numbers, [held, stride, next, slots] = [this.#held, this.#stride, this.#next, this.#slots];
    const body = mapNodes(this.#untaped(loop.body), (x) => {
      const way = exits.get(x.id);
      return way ? [n.set(this.#left, int(way.number)), ...way.inside.map((v) => n.set(this.#leftAt.get(v)!, sym(v))), x] : x;
    });
    const at = stepOf(loop, loop.kind === "loop" ? loop : { begin: ZERO, end: ZERO }), half = floordiv(addInt(held, 1), int(2));
    const head = when(compare("eq", at, next), [
      // Every other one makes room: slot j holds the state of step j · stride.
      when(compare("eq", held, slots), [
        this.#each("kept", ONE, half, (j) => this.#copies.move(j, scale(j, 2))),
        n.set(held, half), n.set(stride, scale(stride, 2)), n.set(next, mul(held, stride)),
      ]),
      when(compare("eq", at, next), [this.#one("slot", held, (j) => this.#copies.save(j, false)), n.set(held, addInt(held, 1)), n.set(next, mul(held, stride)), this.#count(2, ONE)]),
    ]);
    const counts = [0, 1, 2].map((i) => n.set(load(this.names.run, [int(i)]), ZERO));
    const before = [...this.#copies.keep(), n.set(held, ZERO), n.set(stride, ONE), n.set(next, ZERO), ...(exits.size > 0 ? [this.#left, ...this.#leftAt.values()].map((e) => n.set(e, ZERO)) : [])];
    if (this.#lefts.length > 0 || (exits.size === 0 && (loop.kind === "while"))) {
      const { begin, end } = this.loop.reversal, name = `again_${this.names.slots}`;
      this.again = { kind: "loop", id: loop.id, variable: nameOf(loop), order: loop.kind === "loop" ? loop.order : "up", begin, end, ...(loop.kind === "loop" && loop.locals ? { locals: loop.locals } : {}), ...(loop.loc ? { loc: loop.loc } : {}), body: this.#leaving(settled([head, ...this.#tapedNow(loop.body)], exits, true), name, addInt(sub(end, begin), -1)) };
    }
    return { start: counts, nodes: [...before, withBodies(loop, [[head, ...this.#singly(body)]])] };
  }

  /** One more of the counts. */
  #count(which: number, by: Expr): Node { const e = load(this.names.run, [int(which)]); return this.#numbers.set(e, add(e, by)); }

  backward(): Node[] {
    const { reversal } = this.loop, n = this.#numbers, c = this.#copies, [held, slots, rows] = [this.#held, this.#slots, this.#rows];
    const start = (j: Expr): Expr => load(this.#starts, [j]), last = addInt(held, -1);
    const [to, from, groups, part] = ["to", "from", "groups", "part"].map((x) => n.make(x)) as [Expr, Expr, Expr, Expr], inGroups = (e: Expr): Expr => floordiv(add(e, rows, int(-1)), rows);
    const behind = n.make("behind"), between = n.make("between");
    return [
      n.set(this.#steps, sub(reversal.end, reversal.begin)),
      n.set(to, this.#steps), this.#count(0, this.#steps), this.#count(1, this.#steps),
      this.#each("j", ZERO, slots, (j) => [n.set(start(j), mul(j, this.#stride))]),
      // With none to spare, one is given up if that is worth it.
      when({ inputs: [], code: op("and", "bool", compare("eq", held, slots).code, compare("gt", slots, ONE).code) }, [
        n.set(behind, inGroups(sub(to, start(last)))), n.set(between, inGroups(this.#stride)),
        when(compare("gt", mul(behind, behind), scale(between, 8)), [
          when(compare("gt", slots, int(2)), [this.#one("slot", last, (j) => [...c.move(addInt(j, -1), j), n.set(start(addInt(j, -1)), start(j))])]),
          n.set(held, last),
        ]),
      ]),
      this.#repeat("round", compare("gt", to, ZERO), [
        n.set(from, start(last)),
        this.#one("slot", last, (j) => c.restore(j)), this.#count(2, ONE),
        this.#repeat("split", compare("gt", sub(to, from), rows), [
          n.set(groups, inGroups(sub(to, from))),
          ...this.#split(part, groups, addInt(sub(slots, held), 1)),
          this.#one("first", from, (f) => [this.#one("count", mul(part, rows), (m) => [this.#segment(this.loop.loop, this.#again(this.#singly(this.loop.advance)), f, add(f, m))])]),
          n.set(from, add(from, mul(part, rows))), this.#count(1, mul(part, rows)),
          when({ inputs: [], code: op("and", "bool", compare("lt", held, slots).code, compare("gt", sub(to, from), rows).code) }, [
            this.#one("slot", held, (j) => [...c.save(j, true), n.set(start(j), from)]),
            n.set(held, addInt(held, 1)), this.#count(2, ONE),
          ]),
        ]),
        this.#one("first", from, (f) => [this.#one("end", to, (e) => [
          this.#segment(this.loop.loop, this.#taped(f), f, e),
          this.#segment(reversal, this.#inRows(reversal.body, f), f, e),
        ])]),
        n.set(to, from),
        when(compare("eq", start(last), from), [n.set(held, last)]),
      ]),
    ];
  }

  /** `splitGroups` of the plan. */
  #split(part: Expr, groups: Expr, room: Expr): Node[] {
    const n = this.#numbers, r = n.make("repeats"), reach = n.make("reach"), left = floordiv(mul(reach, r), add(room, r)), before = floordiv(mul(reach, room), add(room, r));
    return [{
      kind: "conditional", id: freshId(), branches: [
        { condition: compare("eq", room, ONE), body: [n.set(part, addInt(groups, -1))] },
        { condition: compare("le", addInt(groups, -1), room), body: [n.set(part, ONE)] },
        { body: [
          n.set(r, ZERO), n.set(reach, ONE),
          this.#repeat("reaching", compare("lt", reach, groups), [n.set(r, addInt(r, 1)), n.set(reach, floordiv(mul(reach, add(room, r)), r))]),
          n.set(part, min(left, sub(groups, floordiv(mul(before, r), add(room, r, int(-1)))))),
        ] },
      ],
    }];
  }

  #repeat(name: string, condition: Condition, body: readonly Node[]): Node { return { kind: "while", id: freshId(), condition, testAfter: false, counter: this.pool.variable(name), body }; }
  #each(name: string, begin: Expr, end: Expr, body: (v: Expr) => readonly Node[]): Node {
    const variable = this.pool.variable(name);
    return { kind: "loop", id: freshId(), variable, begin, end, order: "up", body: body(sym(variable)) };
  }
  /** A number as a symbol: inside, every pass understands the indices. */
  #one(name: string, value: Expr, body: (v: Expr) => readonly Node[]): Node { return this.#each(name, value, addInt(value, 1), body); }

  #again(body: readonly Node[]): readonly Node[] { return this.#copies.again(body); }

  /** Steps [from, to) of the loop or of its reversal. */
  #segment(l: GrowingLoop["loop"], body: readonly Node[], from: Expr, to: Expr): Loop {
    const { begin, end } = this.loop.reversal, down = this.loop.loop.kind === "loop" && this.loop.loop.order === "down";
    const locals = l.kind === "loop" && l !== this.loop.loop ? { locals: l.locals ?? [] } : {};
    return {
      kind: "loop", id: freshId(), variable: nameOf(l), order: l.kind === "while" ? "up" : l.order, ...locals, ...(l.loc ? { loc: l.loc } : {}),
      begin: down ? sub(end, to) : add(begin, from), end: down ? sub(end, from) : add(begin, to), body: rewriteNodes(body, { fresh: true }),
    };
  }

  /** A step with its tapes, from row 0 for step `from` on. */
  #taped(from: Expr): readonly Node[] { return this.#leaving(this.#inRows(this.#again(this.loop.tape), from), `step_${this.names.slots}`, addInt(this.#steps, -1)); }
  /** What leaves a step goes to its end; `last`: the step that may be left. */
  #leaving(body: readonly Node[], label: string, last: Expr): readonly Node[] {
    const { exits, loop, reversal } = this.loop;
    if (exits.size === 0) return body;
    const is = op("eq", "bool", symbolic(sub(stepOf(loop, reversal), last)), constant(0, "int64"));
    const is_ = (e: ScalarExpr, name: string): boolean => e.kind === "symbolic" && e.expr.key === sym(name).key;
    const fact = (c: ScalarExpr): ScalarExpr => mapScalar(c, (e) => {
      if (e.kind !== "op" || e.op !== "eq") return e;
      if (is_(e.args[0]!, LEFT)) return op("and", "bool", is, op("eq", "bool", symbolic(this.#left), e.args[1]!));
      for (const [v, at] of this.#leftAt) if (is_(e.args[0]!, leftAt(v))) return op("eq", "bool", symbolic(at), e.args[1]!);
      return e;
    });
    let left = false;
    const inside = mapNodes(body, (n) => {
      if (n.kind === "exit" && exits.has(n.id)) { left = true; return { ...n, label }; }
      return n.kind === "conditional" ? { ...n, branches: n.branches.map((b) => (b.condition ? { ...b, condition: { ...b.condition, code: fact(b.condition.code) } } : b)) } : n;
    });
    return left ? [{ kind: "block", id: freshId(), label, body: inside }] : inside;
  }

  /** Rows of the tapes counted from that of the step `from`. */
  #inRows(body: readonly Node[], from: Expr): readonly Node[] { const row = sub(stepOf(this.loop.loop, this.loop.reversal), from); return inRows(body, (data) => (this.loop.tapes.includes(data) ? { data, row, dimensions: 1 } : undefined)); }
  /** What steps that are not taped keep for themselves has one row. */
  #singly(body: readonly Node[]): readonly Node[] { return inRows(body, (data) => { const now = this.#now.get(data); return now === undefined ? undefined : { data: now, row: ZERO, dimensions: 1 }; }); }
  /** As the loop itself, where it runs again inside of another one: nothing but its snapshots is new. */
  #tapedNow(body: readonly Node[]): readonly Node[] { return this.#singly(this.#untaped(body)); }
}

/** What counted the rows of containers that grew. */
export function countersOf(graph: Graph, tapes: readonly string[]): ReadonlySet<string> { return new Set(tapes.flatMap((t) => (graph.container(t).growable ? [...loadedContainers(graph.container(t).shape[0]!)] : []))); }

/** Where it is recorded how far a loop inside of others came: in an element per step of those. */
function recordOf(graph: Graph, { loop, reversal }: GrowingLoop): { readonly data: string; readonly index: readonly Expr[] } | undefined {
  const e = loop.kind === "loop" && loop.order === "down" ? reversal.begin : reversal.end, [a] = e.atoms;
  return e.key === a?.key && a.kind === "load" && graph.container(a.data).role === "count" && !graph.container(a.data).growable ? { data: a.data, index: a.index } : undefined;
}
