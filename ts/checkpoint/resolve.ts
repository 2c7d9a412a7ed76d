/**
 * Turns every `saved` read of a joint graph into something that exists: a live read, a recomputation, or a tape.
 * Pre: a joint graph. Post: no `saved` left; tapes are transients of role "tape", captured in the forward sweep at the outermost point at which the
 * needed slice has the wanted value. Safe because a live read is proven not to be overwritten, and a tape is a copy made while the value is there.
 */
import { Availability, operandAccess, type Access } from "../analysis/availability.js";
import { loopFacts } from "../analysis/dependence.js";
import { loadedBy } from "../analysis/walk.js";
import { bodiesOf, loopsOf, withBodies, type Path } from "../analysis/paths.js";
import { isDifferentiable } from "../base/dtypes.js";
import { literal } from "../scalar/build.js";
import { cast, constant, input, mapScalar, op, select, symbolic, visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { costOf, decidingInputs } from "../scalar/ops.js";
import type { Joint } from "../autodiff/reverse.js";
import type { Condition, Loop, Memlet, Node, Operand, Saved, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { addInt, affine, loadedContainers, sub, substitute, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { Tapes, type Tape } from "./tapes.js";

/** Recomputing at most this many flops (with elementary functions weighed) is taken to be cheaper than a tape's write and read. */
const CHEAP_FLOPS = 48;
/** … from at most this many loaded values. */
const CHEAP_LOADS = 8;

export interface Decision { readonly name: string; readonly how: "live" | "recompute" | "initial" | "tape"; readonly tape?: string }

type Resolution =
  | { readonly kind: "live"; readonly memlet: Memlet; readonly how: "live" | "initial" }
  | { readonly kind: "recompute"; readonly code: ScalarExpr; readonly inputs: readonly Resolution[]; readonly flops: number; readonly loads: number }
  | { readonly kind: "tape"; readonly tape: Tape; readonly index: readonly Access["index"][number][] };

/** A tasklet, and the values of the loop variables of its own at the instance that is meant. */
interface Definition { readonly tasklet: Tasklet; readonly at: ReadonlyMap<string, Expr> }

/** The resolution at other values of loop variables. */
function placed(r: Resolution, at: ReadonlyMap<string, Expr>): Resolution {
  if (at.size === 0) return r;
  switch (r.kind) {
    case "live": return { ...r, memlet: { ...r.memlet, index: r.memlet.index.map((e) => substitute(e, at)) } };
    case "recompute": return { ...r, code: mapScalar(r.code, (e) => (e.kind === "symbolic" ? { ...e, expr: substitute(e.expr, at) } : e)), inputs: r.inputs.map((x) => placed(x, at)) };
    case "tape": return { ...r, index: r.index.map((e) => substitute(e, at)) };
  }
}

/** `forward`: number of leading nodes of the body that are the forward sweep. */
export interface Resolved { readonly graph: Graph; readonly forward: number; readonly decisions: readonly Decision[] }

export function resolveSaved(joint: Joint): Resolved {
  return new Resolver(joint).run();
}

class Resolver {
  readonly #forward: readonly Node[];
  readonly #available: Availability;
  readonly #tapes: Tapes;
  readonly #memo = new Map<string, Resolution>();
  readonly #copies: ReadonlySet<number>;
  readonly #decisions = new Map<string, Decision>();

  constructor(readonly joint: Joint) {
    this.#forward = joint.graph.body.slice(0, joint.forward);
    const forward = joint.graph.with({ body: this.#forward });
    this.#available = new Availability(forward);
    this.#tapes = new Tapes(forward, this.#available, joint.numbers);
    // The first nodes of the body are the copies of changed arguments.
    this.#copies = new Set(this.#forward.slice(0, joint.initial.size).map((n) => n.id));
  }

  run(): Resolved {
    const backward = this.joint.graph.body.slice(this.joint.forward);
    // Twice: the first round finds out which slices each tape must hold, the second rewrites with their final shapes.
    this.#list(backward);
    this.#tapes.finish();
    const rewritten = this.#list(backward);
    const forward = this.#tapes.insert(this.#forward);
    return {
      graph: this.joint.graph.with({ containers: this.#tapes.containers(), body: [...forward, ...rewritten] }), forward: forward.length,
      decisions: [...this.#decisions.values()],
    };
  }

  #list(body: readonly Node[]): readonly Node[] { return body.map((n) => this.#node(n)); }

  #node(n: Node): Node {
    if (n.kind === "tasklet") return this.#tasklet(n);
    if (n.kind === "library") return { ...n, inputs: n.inputs.map((o, k) => this.#operand(o, n.id, k)) };
    const next = withBodies(n, bodiesOf(n).map((b) => this.#list(b.list)));
    if (next.kind === "conditional") return { ...next, branches: next.branches.map((b) => (b.condition ? { ...b, condition: this.#condition(b.condition) } : b)) };
    return next;
  }

  #tasklet(t: Tasklet): Tasklet {
    if (!t.inputs.some((m) => m.saved)) return t;
    const { code, inputs } = this.#rewrite(t.code, t.inputs);
    return { ...t, code, inputs };
  }

  #condition(c: Condition): Condition {
    const { code, inputs } = this.#rewrite(c.code, c.inputs);
    return { code, inputs };
  }

  /** Replaces each saved input of an expression; equal loads share an input. */
  #rewrite(code: ScalarExpr, inputs: readonly Memlet[]): { readonly code: ScalarExpr; readonly inputs: readonly Memlet[] } {
    const out: Memlet[] = [], places = new Map<string, number>();
    const place = (m: Memlet): number => {
      const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]${m.guard ? m.guard.map((g) => g.key).join(";") : ""}`;
      let at = places.get(key);
      if (at === undefined) { at = out.length; out.push(m); places.set(key, at); }
      return at;
    };
    const expand = (r: Resolution, guard: Memlet["guard"]): ScalarExpr => {
      if (r.kind === "recompute") {
        const parts = r.inputs.map((x) => expand(x, guard));
        const value = mapScalar(r.code, (e) => (e.kind === "input" ? cast(parts[e.index]!, e.dtype) : e));
        // A guarded read is 0 where a guard fails, which the recomputed expression of zeros need not be.
        return guard?.length ? select(guard.map((g) => op("ge", "bool", symbolic(g), constant(0, "int64"))).reduce((a, b) => op("and", "bool", a, b)), value, literal(0, value.dtype)) : value;
      }
      const m: Memlet = r.kind === "live" ? r.memlet : { data: this.#tapes.name(r.tape), index: this.#tapes.index(r.tape, r.index) };
      return input(place(guard ? { ...m, guard } : m), this.joint.graph.container(r.kind === "live" ? m.data : r.tape.data).dtype);
    };
    const parts = inputs.map((m) => {
      if (m.saved) { const { saved, guard, ...plain } = m; return expand(this.#resolve(plain, saved, saved.exact ?? false), guard); }
      return input(place(m), this.joint.graph.container(m.data).dtype);
    });
    return { code: mapScalar(code, (e) => (e.kind === "input" ? cast(parts[e.index]!, e.dtype) : e)), inputs: out };
  }

  #resolve(m: Memlet, saved: Saved, exact: boolean): Resolution {
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]@${saved.node}${saved.when}${exact ? "!" : ""}`;
    let r = this.#memo.get(key);
    if (!r) {
      r = this.#atHand(m, saved) ?? this.#recompute(m, saved, exact, 0) ?? this.#tape(m, saved);
      this.#memo.set(key, r);
      const c = this.joint.graph.container(m.data);
      this.#decisions.set(key, { name: c.label ?? c.name, how: r.kind === "live" ? r.how : r.kind });
    }
    return r;
  }

  /** A read that needs nothing: the element is still there, or it still has its value on entry. */
  #atHand(m: Access, saved: Saved): Resolution | undefined {
    if (this.#available.available(m, saved)) return { kind: "live", memlet: { data: m.data, index: m.index }, how: "live" };
    const base = this.#available.baseOf(m.data), first = this.joint.initial.get(base);
    if (first !== undefined && m.data === base && !this.#available.changedSinceStart(m, saved, this.#copies)) {
      return { kind: "live", memlet: { data: first, index: m.index }, how: "initial" };
    }
    return undefined;
  }

  #tape(m: Access, saved: Saved): Resolution { return { kind: "tape", tape: this.#tapes.request(m, saved), index: m.index }; }

  /** The element's value from the tasklet that gave it, if that is unique and cheap. What must be exact is only moved: constants and copies. */
  #recompute(m: Memlet, saved: Saved, exact: boolean, depth: number): (Resolution & { kind: "recompute" }) | undefined {
    if (depth > 6) return undefined;
    const found = this.#definition(m, saved);
    if (!found) return undefined;
    const d = found.tasklet;
    // An integer that an expression loads by name may have another value by now.
    if (loadedBy(d).length > 0) return undefined;
    let flops = 0, loads = 0, moved = true;
    visitScalar(d.code, (e) => { if (e.kind === "op") { flops += costOf(e.op); moved = false; } });
    if (exact && !moved) return undefined;
    const inputs: Resolution[] = [], deciding = decidingInputs(d.code);
    for (const [k, i] of d.inputs.entries()) {
      if (i.guard) return undefined;
      const s: Saved = { node: d.id, when: "before" };
      const r = this.#atHand(i, s) ?? this.#recompute(i, s, exact || deciding.has(k), depth + 1);
      if (!r) return undefined;
      if (r.kind === "recompute") { flops += r.flops; loads += r.loads; } else loads += 1;
      inputs.push(r);
    }
    if (flops > CHEAP_FLOPS || loads > CHEAP_LOADS) return undefined;
    const dtype = this.joint.graph.container(m.data).dtype;
    // Integers are discrete facts if floats went into them: those are kept, not computed again.
    if (!isDifferentiable(dtype) && d.inputs.some((i) => isDifferentiable(this.joint.graph.container(i.data).dtype))) return undefined;
    return placed({ kind: "recompute", code: cast(d.code, dtype), inputs, flops, loads }, found.at) as Resolution & { kind: "recompute" };
  }

  /** The unique tasklet that gave the element its value, in the same iteration of the loops they share, and in which iteration of its own loops. */
  #definition(m: Memlet, saved: Saved): Definition | undefined {
    const path: Path = this.#available.path(saved.node);
    const base = this.#available.baseOf(m.data);
    const last = path.at(-1)!.node;
    const same = (n: Node): Definition | undefined => (n.kind === "tasklet" && !n.wcr && !n.output.guard && n.output.data === m.data && n.output.index.every((e, d) => e.key === m.index[d]!.key) ? { tasklet: n, at: new Map() } : undefined);
    if (saved.when === "after") return same(last);
    for (let s = path.length - 1; s >= 0; s--) {
      const { list, index } = path[s]!;
      for (let i = index - 1; i >= 0; i--) {
        const n = list[i]!;
        if (this.#tapes.writesTo(n, base)) return n.kind === "loop" ? this.#inNest(n, m, path) : same(n);
      }
      const owner = s > 0 ? path[s - 1]!.node : undefined;
      // Leaving a branch or a loop: its body has run only in part, which does not matter if it does not write the element before N.
      if (owner && owner.kind !== "conditional" && owner.kind !== "block" && list.some((n) => this.#tapes.writesTo(n, base)) && this.#available.changedWithin(m, saved, s - 1, "before")) return undefined;
    }
    return undefined;
  }

  /** The tasklet of a perfect nest that writes every element at most once, each at an index that its loop variables give by shifts; if the element is among them. */
  #inNest(nest: Loop, m: Memlet, path: Path): Definition | undefined {
    const loops: Loop[] = [nest];
    let leaf: Node | undefined = nest.body[0];
    for (; leaf?.kind === "loop" && loops.at(-1)!.body.length === 1; leaf = leaf.body[0]) loops.push(leaf);
    if (leaf?.kind !== "tasklet" || loops.at(-1)!.body.length !== 1 || leaf.wcr || leaf.output.guard || leaf.output.data !== m.data) return undefined;
    const variables = new Set(loops.map((l) => l.variable)), at = new Map<string, Expr>();
    for (const [d, e] of leaf.output.index.entries()) {
      const a = affine(e, variables);
      if (!a || a.coefficients.size > 1) return undefined;
      const [term] = a.coefficients;
      if (!term) { if (a.rest.key !== m.index[d]!.key) return undefined; continue; }
      if (term[1].constant !== 1 || at.has(term[0])) return undefined;
      at.set(term[0], sub(m.index[d]!, a.rest));
    }
    if (at.size !== loops.length || [...at.values()].some((e) => loadedContainers(e).size > 0)) return undefined;
    const facts = this.joint.graph.facts.with(...loopsOf(path).flatMap(loopFacts));
    const inside = loops.every((l) => {
      const v = at.get(l.variable)!;
      return nonNegative(sub(v, substitute(l.begin, at)), facts) === "yes" && nonNegative(addInt(sub(substitute(l.end, at), v), -1), facts) === "yes";
    });
    return inside ? { tasklet: leaf, at } : undefined;
  }

  #operand(o: Operand, node: number, k: number): Operand {
    if (!o.saved) return o;
    const { saved, ...plain } = o;
    const access = operandAccess(o, `r${node}_${k}`);
    const r = this.#atHand(access, saved) ?? this.#tape(access, saved);
    if (r.kind === "live") return { ...plain, data: r.memlet.data };
    if (r.kind !== "tape") return plain;
    return this.#tapes.operand(r.tape, plain);
  }
}

