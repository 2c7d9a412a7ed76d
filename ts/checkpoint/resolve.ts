/**
 * Turns every `saved` read of a joint graph into something that exists: a live read, a recomputation, or a tape.
 * Pre: a joint graph. Post: no `saved` left; tapes are transients of role "tape", captured in the forward sweep at the outermost point at which the
 * needed slice has the wanted value. Safe because a live read is proven not to be overwritten, and a tape is a copy made while the value is there.
 */
import { Availability } from "../analysis/availability.js";
import { Copies } from "../analysis/copies.js";
import { bodiesOf, nameOf, withBodies, type Around } from "../analysis/paths.js";
import { rewriteNodes, visitNodes } from "../analysis/walk.js";
import { exactnessOf } from "../analysis/robust.js";
import { allNonNegative, literal } from "../scalar/build.js";
import { cast, constant, input, mapScalar, op, select, symbolic, type ScalarExpr } from "../scalar/expr.js";
import { upperBound } from "../symbolic/prove.js";
import type { Joint } from "../autodiff/reverse.js";
import { tasklet } from "../autodiff/names.js";
import type { Condition, Loop, Memlet, Node, Operand, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { addInt, freeSymbols, hasLoads, sub, substitute, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { rangesOf } from "../analysis/extent.js";
import { chooseTapes, sharedValues, type Kept } from "./choose.js";
import { carriedTapes, type Carries } from "./carried.js";
import { Tapes, type Spot, type Tape } from "./tapes.js";
import { neededOf, sourcesOf, Values, type Made, type Value } from "./values.js";

export interface Decision { readonly name: string; readonly how: "live" | "recompute" | "initial" | "tape"; readonly tape?: string }

/** `at`: values of loop variables, to be put in one after the other. */
type At = readonly ReadonlyMap<string, Expr>[];
type Resolution =
  | { readonly kind: "live"; readonly memlet: Memlet }
  | { readonly kind: "recompute"; readonly arms: readonly { readonly code: ScalarExpr; readonly inputs: readonly Resolution[]; readonly at: ReadonlyMap<string, Expr>; readonly guard: readonly Expr[] }[] }
  | { readonly kind: "tape"; readonly tape: Tape; readonly index: readonly Expr[] }
  | { readonly kind: "carried"; readonly loop: Loop; readonly entry: Resolution; readonly before: Resolution };

/** A box of values that is made again once per iteration of the loops around: `box` has an index of its own; or the nodes that fill it. */
type Again = { readonly tape: Tape; readonly nodes: readonly Node[]; readonly box?: never }
  | { readonly tape: Tape; readonly box: Value & { readonly made: Made }; readonly slice: readonly { readonly lo: Expr; readonly hi: Expr }[] };
/** Where the nodes stand: the loops around, and what has been made again for the iteration at hand. */
interface Here { readonly loops: readonly Loop[]; readonly ready: ReadonlySet<Tape> }

/** Are these the outermost of the loops, reversed? */
const within = (outer: readonly Around[], loops: readonly Loop[]): boolean => outer.length <= loops.length && outer.every((l, i) => nameOf(l) === loops[i]!.variable);
const put = (e: Expr, at: At): Expr => at.reduce((x, m) => substitute(x, m), e);

/** `forward`: number of leading nodes of the body that are the forward sweep. */
export interface Resolved { readonly graph: Graph; readonly forward: number; readonly decisions: readonly Decision[] }

export function resolveSaved(joint: Joint): Resolved {
  return new Resolver(joint).run();
}

/** So many choices between operands and results are looked at. */
const ALTERNATIVES = 12;

class Resolver {
  readonly #forward: readonly Node[];
  readonly #tapes: Tapes;
  readonly #values: Values;
  readonly #memo = new Map<Value, Resolution>();
  #kept: Kept = new Set<string>();
  #carried: Carries["byValue"] = new Map();
  /** Tasklets of the forward sweep whose results are kept instead of operands. */
  readonly #results = new Set<number>();
  readonly #again = new Map<string, Again>();
  readonly #around = new Map<number, readonly Loop[]>();
  readonly #users = new Map<Node, Set<Tape>>();

  constructor(readonly joint: Joint) {
    this.#forward = joint.graph.body.slice(0, joint.forward);
    const forward = joint.graph.with({ body: this.#forward }), available = new Availability(forward);
    this.#tapes = new Tapes(forward, available, joint.numbers);
    // The first nodes of the body are the copies of changed arguments.
    this.#values = new Values(forward, available, this.#tapes, joint.initial, new Set(this.#forward.slice(0, joint.initial.size).map((n) => n.id)), new Copies(available));
  }

  run(): Resolved {
    const backward = this.joint.graph.body.slice(this.joint.forward), decisions = new Map<string, Decision>(), wanted = this.#choose(backward);
    this.#share(wanted);
    for (const v of wanted.keys()) {
      const r = this.#resolve(v), c = this.joint.graph.container(v.access.data);
      if (r.kind === "tape" && v.access.extra) r.tape.rectangular = true;
      decisions.set(v.key, { name: c.label ?? c.name, how: v.live ? v.live.how : r.kind === "carried" ? "tape" : r.kind === "tape" && r.tape.again ? "recompute" : r.kind });
    }
    this.#tapes.finish();
    const rewritten = this.#list(backward, { loops: [], ready: new Set() }).nodes, forward = this.#tapes.insert(this.#forward);
    return {
      graph: this.joint.graph.with({ containers: this.#tapes.containers(), body: [...forward, ...rewritten] }), forward: forward.length,
      decisions: [...decisions.values()],
    };
  }

  /** What is kept, and for whom: with the fewest bytes of the choices between operands and results, looked at one after the other. */
  #choose(backward: readonly Node[]): ReadonlyMap<Value, ReadonlySet<number>> {
    const weight = (s: Spot): number => this.#tapes.weight(s), alternatives = new Set<number>();
    visitNodes(backward, (n) => { if (n.kind === "tasklet" && n.instead) alternatives.add(n.instead.of); });
    const choice = (): { wanted: Map<Value, Set<number>>; kept: ReadonlyMap<string, number>; carries: Carries; bytes: number } => {
      const wanted = new Map<Value, Set<number>>();
      this.#collect(backward, [], wanted);
      const kept = chooseTapes([...wanted.keys()], weight), carries = carriedTapes(wanted.keys(), kept, this.#values, weight);
      return { wanted, kept, carries, bytes: [...kept.values()].reduce((a, b) => a + b, 0) - carries.saved };
    };
    let best = choice();
    for (const of of [...alternatives].slice(0, ALTERNATIVES)) {
      if (best.bytes === 0) break;
      this.#results.add(of);
      const other = choice();
      if (other.bytes < best.bytes) best = other; else this.#results.delete(of);
    }
    this.#kept = best.kept;
    this.#carried = best.carries.byValue;
    return best.wanted;
  }

  /** What the tasklet evaluates: from operands, or from a result. */
  #form(t: Tasklet): Pick<Tasklet, "code" | "inputs"> { return t.instead && this.#results.has(t.instead.of) ? t.instead : t; }

  /** Every value that the nodes want, and which nodes do. */
  #collect(body: readonly Node[], loops: readonly Loop[], into: Map<Value, Set<number>>): void {
    for (const n of body) {
      this.#around.set(n.id, loops);
      for (const v of this.#wantedBy(n, loops)) { const s = into.get(v); if (s) s.add(n.id); else into.set(v, new Set([n.id])); }
      for (const b of bodiesOf(n)) this.#collect(b.list, n.kind === "loop" ? [...loops, n] : loops, into);
    }
  }
  #wantedBy(n: Node, loops: readonly Loop[]): readonly Value[] {
    const form = n.kind === "tasklet" ? this.#form(n) : undefined;
    const found = form ? this.#inputs(form.code, form.inputs) : n.kind === "library" ? n.inputs.map((o, k) => this.#operandValue(o, n.id, k, loops))
      : n.kind === "conditional" ? n.branches.flatMap((b) => (b.condition ? this.#inputs(b.condition.code, b.condition.inputs) : [])) : [];
    return found.filter((v) => v !== undefined);
  }

  /** Decides what is made once per iteration, and shared. */
  #share(wanted: ReadonlyMap<Value, ReadonlySet<number>>): void {
    const versions = new Map<string, Set<Value>>(), shared = new Set(sharedValues(wanted, this.#kept));
    const visit = (v: Value, around: readonly Loop[]): void => {
      const sources = sourcesOf(v);
      if (v.live || !sources || this.#kept.has(v.spot!.id)) return;
      // A place for it must come by on the way to every use.
      if (!within(v.spot!.loops, around)) shared.delete(v.spot!.id);
      const s = versions.get(v.spot!.id);
      if (s) s.add(v); else versions.set(v.spot!.id, new Set([v]));
      for (const i of sources) visit(i, around);
    };
    for (const [v, nodes] of wanted) for (const n of nodes) visit(v, this.#around.get(n)!);
    for (const id of shared) {
      const list = [...versions.get(id)!], replay = list.find((v) => v.replay)?.replay;
      let tape: Tape | undefined;
      if (replay) {
        // The nodes write all of the container.
        const { spot } = list[0]!;
        tape = this.#tapes.request({ ...spot!, slice: this.joint.graph.container(spot!.data).shape.map((hi) => ({ lo: ZERO, hi })) });
        tape.again = true;
        this.#again.set(id, { tape, nodes: replay.nodes });
        continue;
      }
      for (const v of list) tape = this.#tapes.request(v.spot!);
      const slice = [...tape!.slice], box = this.joint.graph.container(tape!.data).growable ? undefined : list.map((v) => this.#values.box(v, slice)).find((x) => x !== undefined);
      if (!box) { this.#tapes.drop(tape!); continue; }
      tape!.again = true;
      this.#again.set(id, { tape: tape!, box, slice });
    }
    // What they are made from is asked for while tapes are not laid out yet. Where that makes one of them larger, its box is no longer all of it: nothing is shared.
    const all = [...this.#again.values()], extent = (): string => all.map((a) => a.tape.slice.map((s) => `${s.lo.key}:${s.hi.key}`).join()).join(";"), before = extent();
    for (const a of all) this.#made(a, true);
    if (extent() === before) return;
    for (const { tape } of all) this.#tapes.drop(tape);
    this.#again.clear();
    this.#memo.clear();
  }

  #inputs(code: ScalarExpr, inputs: readonly Memlet[]): readonly (Value | undefined)[] {
    if (!inputs.some((m) => m.saved)) return [];
    const exactness = exactnessOf(code);
    return inputs.map((m, k) => {
      if (!m.saved) return undefined;
      const { saved, guard: _, ...plain } = m;
      return this.#values.of(plain, saved, neededOf(saved, exactness(k)));
    });
  }
  /** An operand that would have to be computed again into an array whose size cannot be told is not followed further back. */
  #operandValue(o: Operand, node: number, k: number, loops: readonly Loop[]): Value | undefined {
    if (!o.saved) return undefined;
    const v = this.#values.ofOperand(o, o.saved, `r${node}_${k}`);
    return v.made && !this.#room(o, loops) ? this.#values.kept(v) : v;
  }
  /** The largest that the operand gets in the loops around. */
  #room(o: Operand, loops: readonly Loop[]): readonly Expr[] | undefined {
    const ranges = rangesOf(loops), sizes = o.sizes.map((e) => upperBound(e, ranges, this.joint.graph.facts));
    return sizes.every((e) => e !== undefined && !hasLoads(e) && !loops.some((l) => freeSymbols(e).has(l.variable))) ? sizes as Expr[] : undefined;
  }

  #resolve(v: Value): Resolution {
    let r = this.#memo.get(v);
    if (!r) {
      const carried = this.#carried.get(v), again = v.live ? undefined : this.#again.get(v.spot!.id);
      if (v.live) r = { kind: "live", memlet: v.live.memlet };
      else if (carried) r = { kind: "carried", loop: carried.loop, entry: this.#resolve(carried.entry), before: this.#resolve(carried.before) };
      else if (again && !again.box) r = { kind: "tape", tape: again.tape, index: v.access.index };
      else if (!v.made || this.#kept.has(v.spot!.id) || again) r = { kind: "tape", tape: this.#tapes.request(v.spot!), index: v.access.index };
      else r = this.#remake(v.made);
      this.#memo.set(v, r);
    }
    return r;
  }
  /** What the box is made from. `arms`: what only arms of conditionals look at, too. */
  #made(a: Again, arms = false): readonly Resolution[] {
    if (a.box) return [this.#remake(a.box.made)];
    const out: Resolution[] = [], visit = (nodes: readonly Node[], loops: readonly Loop[]): void => {
      for (const n of nodes) {
        for (const v of this.#wantedBy(n, loops)) {
          const r = this.#resolve(v);
          if (r.kind === "tape" && v.access.extra) r.tape.rectangular = true;
          out.push(r);
        }
        if (n.kind !== "conditional" || arms) for (const b of bodiesOf(n)) visit(b.list, n.kind === "loop" ? [...loops, n] : loops);
      }
    };
    visit(a.nodes, a.tape.loops.filter((l) => l.kind === "loop"));
    return out;
  }
  #remake(m: Made): Resolution { return { kind: "recompute", arms: m.arms.map((a) => ({ ...a, inputs: a.inputs.map((i) => this.#resolve(i)) })) }; }

  /** `locals`: what the nodes keep in an iteration around. */
  #list(body: readonly Node[], { loops, ready }: Here): { readonly nodes: readonly Node[]; readonly locals: readonly string[] } {
    const nodes: Node[] = [], locals: string[] = [], here = new Set(ready);
    const make = (t: Tape): void => {
      if (here.has(t) || t.loops.length !== loops.length || !within(t.loops, loops)) return;
      here.add(t);
      const again = this.#again.get(t.id)!;
      for (const r of this.#made(again)) for (const x of this.#sharedIn(r)) make(x);
      locals.push(t.layout!.name);
      if (!again.box) {
        for (const n of rewriteNodes(again.nodes, { name: (d) => (d === t.data ? t.layout!.name : d) })) {
          const p = this.#node(n, { loops, ready: here });
          nodes.push(...rewriteNodes(p.nodes, { fresh: true }));
          locals.push(...p.locals);
        }
        return;
      }
      const { box, slice } = again, r = this.#remake(box.made);
      nodes.push(this.#tapes.map(slice.map((s) => s.lo), slice.map((s) => s.hi), (x) => {
        const load = new Loads(this.joint.graph, this.#tapes), own = new Map((box.access.extra ?? []).map((e, d) => [e.variable, sub(x[d]!, slice[d]!.lo)]));
        return tasklet(this.#tapes.memlet(t, x), cast(load.value(r, [own], undefined), this.joint.graph.container(t.data).dtype), load.memlets);
      }));
    };
    // What only arms of conditionals use is made in them: elsewhere it may have nothing to be made from.
    const outside = new Set<Tape>();
    for (const n of body) for (const t of n.kind === "conditional" ? this.#sharedByNode(n, loops) : this.#sharedBy(n, loops)) outside.add(t);
    for (const n of body) {
      for (const t of this.#sharedBy(n, loops)) if (outside.has(t)) make(t);
      const p = this.#node(n, { loops, ready: here });
      nodes.push(...p.nodes);
      locals.push(...p.locals);
    }
    return { nodes, locals };
  }

  /** What a node and those inside it read of what is made once per iteration, and what that is made from. */
  #sharedBy(n: Node, loops: readonly Loop[]): ReadonlySet<Tape> {
    let known = this.#users.get(n);
    if (!known) {
      known = new Set();
      if (this.#again.size > 0) {
        this.#sharedByNode(n, loops, known);
        for (const b of bodiesOf(n)) for (const x of b.list) for (const t of this.#sharedBy(x, n.kind === "loop" ? [...loops, n] : loops)) known.add(t);
      }
      this.#users.set(n, known);
    }
    return known;
  }
  #sharedByNode(n: Node, loops: readonly Loop[], into: Set<Tape> = new Set()): ReadonlySet<Tape> {
    for (const v of this.#wantedBy(n, loops)) this.#sharedIn(this.#resolve(v), into);
    return into;
  }
  #sharedIn(r: Resolution, into: Set<Tape> = new Set()): Set<Tape> {
    if (r.kind === "recompute") for (const a of r.arms) for (const x of a.inputs) this.#sharedIn(x, into);
    else if (r.kind === "carried") { this.#sharedIn(r.entry, into); this.#sharedIn(r.before, into); }
    else if (r.kind === "tape" && r.tape.again && !into.has(r.tape)) {
      for (const x of this.#made(this.#again.get(r.tape.id)!)) this.#sharedIn(x, into);
      into.add(r.tape);
    }
    return into;
  }

  #node(n: Node, here: Here): { readonly nodes: readonly Node[]; readonly locals: readonly string[] } {
    const { loops } = here;
    if (n.kind === "tasklet") return { nodes: [this.#tasklet(n)], locals: [] };
    if (n.kind === "library") {
      const before: Node[] = [], locals: string[] = [], inputs = n.inputs.map((o, k) => this.#operand(o, n.id, k, loops, before, locals));
      return { nodes: [...before, { ...n, inputs }], locals };
    }
    const lists = bodiesOf(n).map((b) => this.#list(b.list, n.kind === "loop" ? { ...here, loops: [...loops, n] } : here)), locals = lists.flatMap((l) => l.locals);
    const next = withBodies(n, lists.map((l) => l.nodes));
    if (next.kind === "conditional") return { nodes: [{ ...next, branches: next.branches.map((b) => (b.condition ? { ...b, condition: this.#condition(b.condition) } : b)) }], locals };
    return next.kind === "loop" && locals.length > 0 ? { nodes: [{ ...next, locals: [...new Set([...next.locals ?? [], ...locals])] }], locals: [] } : { nodes: [next], locals };
  }

  #tasklet(t: Tasklet): Tasklet {
    const { instead: _, ...plain } = t, form = this.#form(t);
    return form.inputs.some((m) => m.saved) ? { ...plain, ...this.#rewrite(form.code, form.inputs) } : { ...plain, code: form.code, inputs: form.inputs };
  }

  #condition(c: Condition): Condition {
    const { code, inputs } = this.#rewrite(c.code, c.inputs);
    return { code, inputs };
  }

  /** Replaces each saved input of an expression; equal loads share an input. */
  #rewrite(code: ScalarExpr, inputs: readonly Memlet[]): { readonly code: ScalarExpr; readonly inputs: readonly Memlet[] } {
    const load = new Loads(this.joint.graph, this.#tapes), values = this.#inputs(code, inputs);
    const parts = inputs.map((m, k) => (values[k] ? load.value(this.#resolve(values[k]), [], m.guard) : load.memlet(m)));
    return { code: mapScalar(code, (e) => (e.kind === "input" ? cast(parts[e.index]!, e.dtype) : e)), inputs: load.memlets };
  }

  #operand(o: Operand, node: number, k: number, loops: readonly Loop[], before: Node[], locals: string[]): Operand {
    const v = this.#operandValue(o, node, k, loops);
    if (!v) return o;
    const { saved: _, ...plain } = o, r = this.#resolve(v);
    if (r.kind === "live") return { ...plain, data: r.memlet.data };
    if (r.kind === "tape") return this.#tapes.operand(r.tape, plain);
    // Computed again into an array of its own.
    const { dtype } = this.joint.graph.container(o.data), data = this.#tapes.workspace(`${o.data}_again`, dtype, this.#room(o, loops)!);
    locals.push(data);
    before.push(this.#tapes.map(o.sizes.map(() => ZERO), o.sizes, (x) => {
      const load = new Loads(this.joint.graph, this.#tapes), own = new Map((v.access.extra ?? []).map((e, d) => [e.variable, x[d]!]));
      return tasklet({ data, index: x }, cast(load.value(r, [own], undefined), dtype), load.memlets);
    }));
    return { data, base: o.sizes.map(() => ZERO), axes: o.sizes.map((_, d) => d), sizes: o.sizes };
  }
}

/** The inputs of an expression that is put together from resolved values. */
class Loads {
  readonly memlets: Memlet[] = [];
  readonly #places = new Map<string, number>();
  constructor(readonly graph: Graph, readonly tapes: Tapes) {}

  memlet(m: Memlet): ScalarExpr {
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]${m.guard ? m.guard.map((g) => g.key).join(";") : ""}`;
    let at = this.#places.get(key);
    if (at === undefined) { at = this.memlets.length; this.memlets.push(m); this.#places.set(key, at); }
    return input(at, this.tapes.containers().get(m.data)!.dtype);
  }

  value(r: Resolution, at: At, guard: Memlet["guard"]): ScalarExpr {
    if (r.kind === "recompute") {
      const arms = r.arms.map((a) => {
        const inner = [a.at, ...at], own = a.guard.map((g) => put(g, at)), under = [...guard ?? [], ...own], parts = a.inputs.map((x) => this.value(x, inner, under.length > 0 ? under : undefined));
        return { own, value: mapScalar(a.code, (e) => (e.kind === "input" ? cast(parts[e.index]!, e.dtype) : e.kind === "symbolic" ? { ...e, expr: put(e.expr, inner) } : e)) };
      });
      // The last arm is what is left.
      const value = arms.slice(0, -1).reduceRight((rest, arm) => select(allNonNegative(arm.own), arm.value, rest), arms.at(-1)!.value);
      // A guarded read is 0 where a guard fails, which the recomputed expression of zeros need not be.
      return guard?.length ? select(allNonNegative(guard), value, literal(0, value.dtype)) : value;
    }
    if (r.kind === "carried") {
      const { variable, begin } = r.loop, behind = put(sub(sym(variable), begin), at), past: At = [new Map([[variable, addInt(sym(variable), -1)]]), ...at];
      const first = op("eq", "bool", symbolic(behind), constant(0, "int64")), entry = this.value(r.entry, at, guard);
      return select(first, entry, this.value(r.before, past, [...guard ?? [], addInt(behind, -1)]));
    }
    const m = r.kind === "live" ? r.memlet : this.tapes.memlet(r.tape, r.index);
    return this.memlet({ data: m.data, index: m.index.map((e) => put(e, at)), ...(guard ? { guard } : {}) });
  }
}
