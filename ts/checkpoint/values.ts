/**
 * Values of the forward sweep that the backward sweep wants, and how each can be had again: it is still there, or the tasklet that gave it can be evaluated
 * once more from other values. Pre: a forward sweep. An answer is proven; "not there" and "cannot be made" are also said where nothing is known.
 */
import { operandAccess, type Access, type Availability } from "../analysis/availability.js";
import type { Copies } from "../analysis/copies.js";
import { loopFacts } from "../analysis/dependence.js";
import { instanceWhere, perfectNest } from "../analysis/instance.js";
import { loadedBy, visitNodes } from "../analysis/walk.js";
import { exitsOf, loopsOf, nameOf, type Path } from "../analysis/paths.js";
import { exactnessForSign, exactnessOf, isComparison, isExact, isSumOfSquares, type Exactness } from "../analysis/robust.js";
import { isDifferentiable, type DType } from "../base/dtypes.js";
import { cast, input, op, visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { flopsOf } from "../scalar/ops.js";
import type { Loop, Memlet, Node, Operand, Saved, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { add, addInt, dependsOn, loadedContainers, neg, sub, sym, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { Replays, type Replay } from "./replay.js";
import type { Spot, Tapes } from "./tapes.js";

export interface Value {
  readonly key: string;
  readonly access: Access;
  readonly saved: Saved;
  readonly exact: Exactness;
  /** A read that needs nothing: the element is still there, it still has its value on entry, or a copy of it is there. */
  readonly live?: { readonly memlet: Memlet; readonly how: "live" | "initial" };
  /** Where it would be copied to a tape. */
  readonly spot?: Spot;
  readonly made?: Made;
  /** The nodes that made it, to be run again; where `made` is not known. */
  readonly replay?: Replayed;
}
export interface Replayed extends Replay { readonly inputs: readonly Value[] }

/** What a value is made from, if it can be made. */
export function sourcesOf(v: Value): readonly Value[] | undefined { return v.made?.inputs ?? v.replay?.inputs; }

/** The value as a function of others: the first arm whose guards hold. */
export interface Made { readonly arms: readonly Arm[]; /** Of all arms. */ readonly inputs: readonly Value[]; readonly flops: number }
/** What a tasklet gave, at `at` of its loop variables. `guard`: what must be >= 0 for it to have come to the element (that of the last arm follows where no other one's holds). */
export interface Arm { readonly code: ScalarExpr; readonly inputs: readonly Value[]; readonly at: ReadonlyMap<string, Expr>; readonly guard: readonly Expr[] }

/** A value as another one of the iteration before, or, in the first iteration of the loop, as one from before the loop. */
export interface Carried { readonly loop: Loop; readonly entry: Value; readonly before: Value }

/** A tasklet, and the values of the loop variables of its own at the instance that is meant; it is one of its nest's where the guards are >= 0. */
interface Definition { readonly tasklet: Tasklet; readonly at: ReadonlyMap<string, Expr>; readonly guard: readonly Expr[] }

/** Does it give an element its value, or add to it? */
const isSum = (t: Tasklet): boolean => t.wcr === undefined || t.wcr === "sum";
/** What it adds to is one more input. */
function plainly(t: Tasklet, dtype: DType): Tasklet {
  if (!t.wcr) return t;
  const { wcr: _, ...plain } = t;
  return { ...plain, inputs: [...t.inputs, t.output], code: op("add", dtype, input(t.inputs.length, dtype), cast(t.code, dtype)) };
}

/** How much of a saved input must be what it was, where the code that reads it needs so much. What is marked for what it decides in the forward sweep may decide less here. */
export function neededOf(saved: Saved, own: Exactness): Exactness { return saved.exact ? (own === "sign" ? "sign" : "bits") : "close"; }
function withoutSaved(m: Memlet): Memlet { const { saved: _, ...rest } = m; return rest; }

/** How many definitions back a value is followed, and how many may have given it, depending on where it stands. */
const DEPTH = 12, ARMS = 4;

export class Values {
  readonly #memo = new Map<string, Value>();
  readonly #replays: Replays;
  readonly #replayed = new Map<Replay, Replayed>();

  /** `entry`: the nodes that copy changed arguments; `initial`: their containers → those of the initial values. */
  constructor(readonly forward: Graph, readonly available: Availability, readonly tapes: Tapes, readonly initial: ReadonlyMap<string, string>, readonly entry: ReadonlySet<number>, readonly copies: Copies) {
    this.#replays = new Replays(forward, available, tapes);
  }

  /** The operand's elements as one value, at indices of its own. */
  ofOperand(o: Operand, saved: Saved, tag: string): Value { return this.of(operandAccess(o, tag), saved, saved.exact ? "bits" : "close"); }

  /** The same value, to be kept if it is not at hand. */
  kept(v: Value): Value {
    const key = `${v.key}kept`, known = this.#memo.get(key);
    if (known) return known;
    const { made: _, replay: __, ...rest } = v;
    this.#memo.set(key, rest);
    return rest;
  }

  /** The same version of a box of elements as one value, if it can be made. */
  box(v: Value, slice: readonly { readonly lo: Expr; readonly hi: Expr }[]): Value & { readonly made: Made } | undefined {
    const extra = slice.map((s, d) => ({ variable: `_box${v.saved.node}_${d}`, size: sub(s.hi, s.lo) }));
    const b = this.of({ data: v.access.data, index: slice.map((s, d) => add(s.lo, sym(extra[d]!.variable))), extra }, v.saved, v.exact), { made } = b;
    return made && b.spot!.id === v.spot!.id ? { ...b, made } : undefined;
  }

  of(m: Access, saved: Saved, exact: Exactness, depth = 0): Value {
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]@${saved.node}${saved.when}`, known = this.#memo.get(`${key}${exact}`);
    if (known) return known;
    const first = this.#live(m, saved), place = first ? undefined : this.tapes.locate(m, saved), live = first ?? this.#lastly(m, saved, place!);
    const made = live || depth > DEPTH ? undefined : this.#made(m, saved, exact, depth);
    const spot = live ? undefined : place, replay = !spot || made || exact !== "close" || depth > DEPTH ? undefined : this.#replay(spot, depth);
    const value: Value = { key, access: m, saved, exact, ...(live ? { live } : {}), ...(spot ? { spot } : {}), ...(made ? { made } : {}), ...(replay ? { replay } : {}) };
    if (depth === 0 || live || made || replay) this.#memo.set(`${key}${exact}`, value);
    return value;
  }

  /** What is the same in every iteration of a loop is what the last one left. */
  #lastly(m: Access, saved: Saved, spot: Spot): Value["live"] {
    const same = spot.loops.filter((l) => !spot.rows.includes(l));
    if (same.length === 0 || same.some((l) => l.kind !== "loop" || exitsOf(l).size > 0)) return undefined;
    return this.available.available(m, saved, new Set(same.map(nameOf))) ? { memlet: { data: m.data, index: m.index }, how: "live" } : undefined;
  }

  #replay(spot: Spot, depth: number): Replayed | undefined {
    const found = this.#replays.of(spot);
    if (!found) return undefined;
    let known = this.#replayed.get(found);
    if (!known) {
      const inputs: Value[] = [], close = (code: ScalarExpr, list: readonly Memlet[]): void => {
        const needs = exactnessOf(code);
        list.forEach((m, k) => { if (m.saved) inputs.push(this.of(withoutSaved(m), m.saved, neededOf(m.saved, needs(k)), depth + 1)); });
      };
      visitNodes(found.nodes, (n) => {
        if (n.kind === "tasklet") close(n.code, n.inputs);
        else if (n.kind === "conditional") { for (const b of n.branches) if (b.condition) close(b.condition.code, b.condition.inputs); }
        else if (n.kind === "library") n.inputs.forEach((o, k) => { inputs.push(this.of(operandAccess(o, `r${n.id}_${k}`), o.saved!, "close", depth + 1)); });
      });
      this.#replayed.set(found, known = { ...found, inputs });
    }
    return known;
  }

  #live(m: Access, saved: Saved): Value["live"] {
    if (this.available.available(m, saved)) return { memlet: { data: m.data, index: m.index }, how: "live" };
    const base = this.available.baseOf(m.data), first = this.initial.get(base);
    if (first !== undefined && m.data === base && !this.available.changedSinceStart(m, saved, this.entry)) return { memlet: { data: first, index: m.index }, how: "initial" };
    const copy = this.copies.find(m, saved);
    return copy && { memlet: copy, how: "live" };
  }

  /** The element from the tasklets that may have given it. What must be the same bits is moved, or decided by operations that are exact, from the same bits. */
  #made(m: Access, saved: Saved, exact: Exactness, depth: number): Made | undefined {
    const arms: Arm[] = [];
    let flops = 0;
    for (const d of this.#definitions(m, saved)) {
      const arm = this.#arm(d, m, exact, depth);
      if (!arm) return undefined;
      visitScalar(arm.code, (e) => { if (e.kind === "op") flops += flopsOf(e); });
      arms.push(arm);
    }
    return arms.length > 0 ? { arms, inputs: arms.flatMap((a) => a.inputs), flops } : undefined;
  }
  #arm({ tasklet, at, guard }: Definition, m: Access, exact: Exactness, depth: number): Arm | undefined {
    const { dtype } = this.forward.container(m.data), d = plainly(tasklet, dtype);
    // An integer that an expression loads by name may have another value by now.
    if (loadedBy(d).length > 0 || d.inputs.some((i) => i.guard)) return undefined;
    const exactly = isExact(cast(d.code, dtype)), discrete = !isDifferentiable(dtype) && d.inputs.some((i) => isDifferentiable(this.forward.container(i.data).dtype));
    // Integers are discrete facts if floats went into them: those are kept, not computed again from anything but the same bits.
    if (discrete && !exactly) return undefined;
    let moved = true;
    visitScalar(d.code, (e) => { if (e.kind === "op") moved = false; });
    const squares = (k: number): boolean => {
      const i = d.inputs[k]!, from = this.#definitions(i, { node: d.id, when: "before" });
      return from.length > 0 && from.every((x) => !x.tasklet.wcr && isSumOfSquares(cast(x.tasklet.code, this.forward.container(i.data).dtype)));
    };
    const close = exactnessOf(d.code), bits = !moved && exactly && (exact !== "close" || discrete), signs = exact === "sign" && !moved && !bits ? exactnessForSign(cast(d.code, dtype), squares) : undefined;
    if (!moved && !bits && (exact === "bits" || (exact === "sign" && !signs))) return undefined;
    // The optimiser may put an elementwise input into arithmetic, where it is contracted in other ways than where it is stored; into comparisons it does not.
    const settled = (i: Memlet): boolean => this.#definitions(i, { node: d.id, when: "before" }).every((x) => !x.tasklet.wcr && isExact(x.tasklet.code));
    if (bits && !isComparison(d.code) && !d.inputs.every(settled)) return undefined;
    const needs = (k: number): Exactness => (bits ? "bits" : exact === "close" ? close(k) : moved ? exact : signs!.get(k)!);
    return { code: cast(d.code, dtype), inputs: d.inputs.map((i, k) => this.of(i, { node: d.id, when: "before" }, needs(k), depth + 1)), at, guard };
  }

  /**
   * What stands in an element at the head of an iteration is what the iteration before left there, given that the body's last write of the container is a tasklet
   * that writes this very element in every iteration; in the first one, what stood there before the loop.
   */
  carried({ access: m, saved, exact }: Value): Carried | undefined {
    if (saved.when !== "before" || m.extra?.length || m.index.some((e) => loadedContainers(e).size > 0)) return undefined;
    const path = this.available.path(saved.node), base = this.available.baseOf(m.data);
    for (let s = path.length - 1; s > 0; s--) {
      const { list, index } = path[s]!, owner = path[s - 1]!.node;
      if (list.slice(0, index).some((n) => this.tapes.writesTo(n, base) && this.available.changedBy(m, saved, s, n))) return undefined;
      if (!this.available.changedWithin(m, saved, s - 1, "before")) continue;
      if (owner.kind !== "loop" || owner.order !== "up" || list.some((n) => exitsOf(n).size > 0) || m.index.some((e) => dependsOn(e, owner.variable)) || loadedContainers(owner.begin).size > 0) return undefined;
      const last = list.findLast((n) => this.tapes.writesTo(n, base));
      if (last?.kind !== "tasklet" || last.output.guard || last.output.data !== m.data || !last.output.index.every((e, d) => e.key === m.index[d]!.key)) return undefined;
      const entry = this.of(m, { node: owner.id, when: "before" }, exact);
      return { loop: owner, entry: entry.live ? entry : this.kept(entry), before: this.kept(this.of(m, { node: last.id, when: "after" }, exact)) };
    }
    return undefined;
  }

  /** The tasklets that may have given the element its value, in the same iteration of the loops they share, latest first, up to one that certainly has if none of the others did; none where that cannot be told. */
  #definitions(m: Access, saved: Saved): readonly Definition[] {
    const path: Path = this.available.path(saved.node), base = this.available.baseOf(m.data);
    const found: Definition[] = [], { node: own } = path.at(-1)!;
    const facts = this.forward.facts.with(...loopsOf(path).flatMap(loopFacts), ...(m.extra ?? []).flatMap((x) => [sym(x.variable), addInt(sub(x.size, sym(x.variable)), -1)]));
    // What holds where none of those found so far gave it.
    let left = facts;
    if (saved.when === "after") return own.kind === "tasklet" ? this.#inNest(own, m, facts).filter((d) => d.guard.length === 0) : [];
    for (let s = path.length - 1; s >= 0; s--) {
      const { list, index } = path[s]!;
      for (let i = index - 1; i >= 0; i--) {
        const n = list[i]!;
        if (!this.tapes.writesTo(n, base)) continue;
        const [d] = n.kind === "loop" || n.kind === "tasklet" ? this.#inNest(n, m, facts) : [];
        if (d && d.guard.every((e) => nonNegative(e, left) === "yes")) return [...found, d];
        if (!this.available.changedBy(m, saved, s, n)) continue;
        if (!d || found.length + 1 >= ARMS) return [];
        found.push(d);
        // Where one condition decides, the others hold that it does not.
        if (d.guard.length === 1) left = left.with(addInt(neg(d.guard[0]!), -1));
      }
      const owner = s > 0 ? path[s - 1]!.node : undefined;
      // Leaving a branch or a loop: its body has run only in part, which does not matter if it does not write the element before N.
      if (owner && (found.length > 0 || owner.kind !== "conditional" && owner.kind !== "block" && list.some((n) => this.tapes.writesTo(n, base)) && this.available.changedWithin(m, saved, s - 1, "before"))) return [];
    }
    return [];
  }

  /** The tasklet of a perfect nest that writes every element at most once, each at an index that its loop variables give by shifts; where the element is among them. */
  #inNest(nest: Node, m: Access, facts: Assumptions): readonly Definition[] {
    const found = perfectNest(nest);
    if (!found) return [];
    const { leaf, loops } = found;
    if (!isSum(leaf) || leaf.output.guard || leaf.output.data !== m.data) return [];
    const i = instanceWhere(loops, leaf.output.index, m.index, facts);
    return i ? [{ tasklet: leaf, ...i }] : [];
  }
}
