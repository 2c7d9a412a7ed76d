/**
 * What the backward sweep must know of loops that the run ends and of exits: how far each loop came, and by which exit a block was left. Both are recorded by the
 * forward sweep, once per entry of the loop or block and only where somebody asks; they are integers, so no decision is taken again from floats.
 * An iteration that was left in the middle is the last one of every loop between the exit and its block, so nothing is kept per iteration unless the block stands inside.
 */
import { InternalError } from "../base/errors.js";
import { aroundOf, bodiesOf, exitsOf, nameOf, visitPaths, type Around } from "../analysis/paths.js";
import { constant, op, symbolic, type ScalarExpr } from "../scalar/expr.js";
import type { Block, Node } from "../sdfg/nodes.js";
import { addInt, load, min, sub, sym, loadedContainers, ZERO, type Expr } from "../symbolic/expr.js";
import type { Iterations } from "./iterations.js";
import { tasklet } from "./names.js";

interface Target { readonly block: Block; readonly around: readonly Around[]; /** Its exits' nodes, in program order. */ readonly exits: number[]; kind?: Expr }

export class Exits {
  readonly #targets = new Map<number, Target>();
  /** Exit → its block, and its number among the block's exits, from 1. */
  readonly #numbers = new Map<number, { readonly target: Target; readonly number: number }>();
  readonly #last = new Map<number, Expr>();

  constructor(body: readonly Node[], readonly iterations: Iterations) {
    visitPaths(body, (n, path) => {
      if (n.kind === "block") this.#targets.set(n.id, { block: n, around: aroundOf(path), exits: [] });
      if (n.kind !== "exit") return;
      const owner = path.findLast((s) => s.node.kind === "block" && s.node.label === n.label)?.node;
      const target = owner && this.#targets.get(owner.id);
      if (!target) throw new InternalError(`exit from unknown block ${n.label}`);
      target.exits.push(n.id);
      this.#numbers.set(n.id, { target, number: target.exits.length });
    });
  }

  /** May the node be left before its end? */
  leaves(n: Node): boolean { return exitsOf(n).size > 0; }

  /** Does the list never come to its end? */
  always(list: readonly Node[]): boolean {
    return list.some((n) => n.kind === "exit" || n.kind === "raise" || (n.kind === "conditional" && n.branches.length > 0 && n.branches.at(-1)!.condition === undefined && n.branches.every((b) => this.always(b.body))));
  }

  /** Was the list left from inside these nodes, in the iteration (of the loops `here` around them) that the loop variables name? */
  left(nodes: readonly Node[], here: readonly Around[]): ScalarExpr {
    const found = new Map<Target, number[]>();
    const scan = (n: Node, inside: readonly string[]): void => {
      if (n.kind === "exit" && !inside.includes(n.label)) {
        const { target, number } = this.#numbers.get(n.id)!, l = found.get(target);
        if (l) l.push(number); else found.set(target, [number]);
      }
      const next = n.kind === "block" ? [...inside, n.label] : inside;
      for (const b of bodiesOf(n)) for (const x of b.list) scan(x, next);
    };
    for (const n of nodes) scan(n, []);
    const ways = [...found].map(([target, numbers]): ScalarExpr => {
      const kind = symbolic(this.#kind(target)), low = Math.min(...numbers), high = Math.max(...numbers), number = (n: number): ScalarExpr => constant(n, "int64");
      const all = numbers.length === target.exits.length;
      const tests = all ? [op("ne", "bool", kind, number(0))] : low === high ? [op("eq", "bool", kind, number(low))] : [op("ge", "bool", kind, number(low)), op("le", "bool", kind, number(high))];
      for (let j = target.around.length; j < here.length; j++) tests.unshift(op("eq", "bool", symbolic(this.#isLast(here[j]!, here.slice(0, j))), number(0)));
      return tests.reduce((a, b) => op("and", "bool", a, b));
    });
    if (ways.length === 0) throw new InternalError("nodes without an exit were left");
    return ways.reduce((a, b) => op("or", "bool", a, b));
  }

  /** The iterations that were entered, as a loop to run backwards. Loops that always run to their end are as they were. */
  entered(l: Around, outer: readonly Around[]): { readonly begin: Expr; readonly end: Expr } {
    if (l.kind === "while") return { begin: ZERO, end: this.#reached(l, outer) };
    if (!this.leaves(l)) return l;
    const reached = this.#reached(l, outer);
    if (l.order === "down") return { begin: reached, end: l.end };
    // Inside maps a loop keeps its bound, so that a further derivative can keep the map.
    const inMap = outer.some((x) => x.kind === "loop" && x.order === "any") && loadedContainers(l.end).size === 0;
    return { begin: l.begin, end: inMap ? min(reached, l.end) : reached };
  }

  /** 0 in the last iteration that was entered. */
  #isLast(l: Around, outer: readonly Around[]): Expr {
    const reached = this.#reached(l, outer);
    return l.kind === "loop" && l.order === "down" ? sub(sym(l.variable), reached) : addInt(sub(sym(nameOf(l)), reached), 1);
  }

  /** One beyond the last iteration entered; of a loop that goes down, the last one. */
  #reached(l: Around, outer: readonly Around[]): Expr {
    const known = this.#last.get(l.id);
    if (known) return known;
    const at = this.iterations.place(outer), data = this.iterations.add("reached", at, { dtype: "int64", role: "count" });
    const down = l.kind === "loop" && l.order === "down", e = load(data, at.index), store = (to: string, index: readonly Expr[], x: Expr): Node => tasklet({ data: to, index }, symbolic(x), []);
    // Inside other loops a scalar counts, and is stored where the loop ends, by an exit too.
    const count = outer.length === 0 ? data : this.iterations.scalar("steps", outer);
    this.iterations.before(l.id, store(count, [], l.kind === "while" ? ZERO : down ? l.end : l.begin));
    this.iterations.head(l.id, store(count, [], down ? sym(nameOf(l)) : addInt(sym(nameOf(l)), 1)));
    if (outer.length > 0) {
      const record = (): Node => store(data, at.index, load(count, []));
      this.iterations.after(l.id, record());
      const leaving = (n: Node, inside: readonly string[]): void => {
        if (n.kind === "exit" && !inside.includes(n.label)) this.iterations.before(n.id, record());
        const next = n.kind === "block" ? [...inside, n.label] : inside;
        for (const b of bodiesOf(n)) for (const x of b.list) leaving(x, next);
      };
      leaving(l, []);
    }
    this.#last.set(l.id, e);
    return e;
  }

  #kind(t: Target): Expr {
    if (t.kind) return t.kind;
    const at = this.iterations.place(t.around), data = this.iterations.add("exit", at, { dtype: "int32", role: "count" });
    const store = (k: number): Node => tasklet({ data, index: at.index }, constant(k, "int32"), []);
    this.iterations.before(t.block.id, store(0));
    t.exits.forEach((id, i) => { this.iterations.before(id, store(i + 1)); });
    return (t.kind = load(data, at.index));
  }
}
