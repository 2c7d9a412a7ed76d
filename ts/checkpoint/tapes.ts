/**
 * Tapes: where a value is captured, which slice of it, and how the tape is laid out. Requests that capture the same version of a container at the
 * same point share a tape, whose slice is the hull of what they read.
 */
import { add, addInt, dependsOn, equals, evaluate, freeSymbols, hasLoads, loadedContainers, max, min, mul, sub, substitute, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { clamped, rangesOf } from "../analysis/extent.js";
import { lowerBound, nonNegative, upperBound } from "../symbolic/prove.js";
import { sumOver } from "../symbolic/sum.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { constant, input, op, symbolic } from "../scalar/expr.js";
import { aroundOf, bodiesOf, exitsOf, nameOf, ROOT, visitPaths, withBodies, type Around, type Path } from "../analysis/paths.js";
import type { Access, Availability } from "../analysis/availability.js";
import { Invariants } from "../analysis/invariant.js";
import { taken } from "./arms.js";
import { bytesOf } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { Iterations, type Numbering, type Place } from "../autodiff/iterations.js";
import { mapOver, Pool, tasklet } from "../autodiff/names.js";
import type { Container, Memlet, Node, Operand, Saved } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";

/** Where a value would be captured. */
export interface Spot {
  readonly id: string;
  readonly data: string;
  /** The body list and the position in it before which the copy is made. */
  readonly listKey: string;
  readonly list: readonly Node[];
  readonly position: number;
  /** Loops around that point, outermost first. */
  readonly loops: readonly Around[];
  /** Those of them whose iterations have values of their own; in the others it is the same each time, and one copy does. */
  readonly rows: readonly Around[];
  /** Per dimension of the container: the slice kept, in terms of the loops around the point. */
  readonly slice: readonly { readonly lo: Expr; readonly hi: Expr }[];
}

export interface Tape extends Spot {
  slice: { lo: Expr; hi: Expr }[];
  /** An operand reads it: the layout must be rectangular. */
  rectangular: boolean;
  /** Not captured: made again in the backward sweep, for one iteration of the loops at a time. */
  again?: boolean;
  layout?: Layout;
}

/** `leading`: dimensions before those of the container. */
interface Layout { readonly name: string; readonly leading: number; readonly index: (x: readonly Expr[]) => readonly Expr[] }

/** Every size is taken for this one where tapes are compared. */
const SIZE = 64;
export class Nominal extends Map<string, number> {
  constructor(readonly usual: number = SIZE) { super(); }
  override get(name: string): number { return super.get(name) ?? this.usual; }
}

export class Tapes {
  readonly #tapes = new Map<string, Tape>();
  readonly #pool: Pool;
  readonly #writers = new WeakMap<Node, Set<string>>();
  readonly #iterations: Iterations;
  readonly #invariants: Invariants;
  /** By body list: the path to the node that it belongs to. */
  readonly #owners = new Map<string, Path>();

  constructor(readonly graph: Graph, readonly available: Availability, numbers: ReadonlyMap<number, Numbering>) {
    this.#pool = new Pool(graph.containers);
    this.#pool.reserveAll(graph);
    visitPaths(graph.body, (n, path) => { for (const b of bodiesOf(n)) this.#owners.set(b.key, path); });
    this.#invariants = new Invariants(graph, available);
    this.#iterations = new Iterations(this.#pool, graph.facts, numbers);
  }

  containers(): ReadonlyMap<string, Container> { return this.#pool.containers; }

  drop(t: Tape): void { this.#tapes.delete(t.id); }
  workspace(prefix: string, dtype: Container["dtype"], shape: readonly Expr[]): string { return this.#pool.add(prefix, { dtype, shape, transient: true, role: "workspace" }); }
  map(begins: readonly Expr[], ends: readonly Expr[], body: (index: readonly Expr[]) => Node): Node { return mapOver(this.#pool, begins, ends, body); }

  /** Does the subtree write the container? */
  writesTo(n: Node, base: string): boolean {
    let set = this.#writers.get(n);
    if (!set) {
      set = new Set();
      if (n.kind === "tasklet") set.add(this.available.baseOf(n.output.data));
      else if (n.kind === "library") for (const o of n.outputs) set.add(this.available.baseOf(o.data));
      else for (const b of bodiesOf(n)) for (const x of b.list) { this.writesTo(x, base); for (const w of this.#writers.get(x)!) set.add(w); }
      this.#writers.set(n, set);
    }
    return set.has(base);
  }

  /** The outermost point at which the element has the value, and the slice that is wanted there. */
  locate(m: Access, saved: Saved): Spot {
    const path = this.available.path(saved.node);
    const base = this.available.baseOf(m.data);
    const { step, side } = this.#point(m, saved, path);
    const { key, list, index } = path[step]!;
    let position = side === "before" ? index : index + 1;
    const loops = aroundOf(path.slice(0, step + 1));
    const slice = this.#slice(m, path, step, loops);
    const loaded = new Set(slice.flatMap((s) => [...loadedContainers(s.lo), ...loadedContainers(s.hi)]).map((d) => this.available.baseOf(d)));
    // The same version is there as long as the nodes before do not write the container at all (nor what the slice is computed from).
    while (position > 0 && ![base, ...loaded].some((x) => this.writesTo(list[position - 1]!, x))) position--;
    const same = new Set(loaded.size > 0 ? [] : loops.filter((l) => !slice.some((s) => dependsOn(s.lo, nameOf(l)) || dependsOn(s.hi, nameOf(l))) && this.#invariants.holds(m, saved, path.findIndex((x) => x.node === l))));
    const id = `${key}:${position}:${m.data}${loaded.size > 0 ? `:${slice.map((s) => s.lo.key).join(",")}` : ""}${[...same].map((l) => `=${nameOf(l)}`).join("")}`;
    return { id, data: m.data, listKey: key, list, position, loops, rows: loops.filter((l) => !same.has(l)), slice };
  }

  /** The tape that is captured there, with room for the slice too. */
  request(spot: Spot): Tape {
    const { id, slice } = spot;
    let tape = this.#tapes.get(id);
    if (!tape) { tape = { ...spot, slice: [...slice], rectangular: false }; this.#tapes.set(id, tape); return tape; }
    const facts = this.#facts(tape.loops);
    tape.slice = tape.slice.map((s, d) => ({ lo: this.#least(s.lo, slice[d]!.lo, facts), hi: this.#greatest(s.hi, slice[d]!.hi, facts) }));
    return tape;
  }

  /** The outermost legal point: before (after) the node on N's path, with no write to the element between it and N. */
  #point(m: Access, saved: Saved, path: Path): { step: number; side: "before" | "after" } {
    const owners = this.available.localTo(m.data);
    let step = owners ? path.findIndex((s) => owners.has(s.node.id)) + 1 : 0, side: "before" | "after" | undefined;
    for (; step < path.length - 1; step++) {
      // Behind a node that may be left there is no coming by for sure.
      side = (["before", "after"] as const).find((x) => (x === "before" || exitsOf(path[step]!.node).size === 0) && !this.available.changedWithin(m, saved, step, x));
      if (side) break;
    }
    side ??= saved.when;
    // Nothing is gained by capturing outside a condition but in the same loops: what it guards need not be copied where it does not hold. Not behind a loop that may be left, though.
    while (step < path.length - 1 && (path[step]!.node.kind === "conditional" || path[step]!.node.kind === "block") && (side === "before" || exitsOf(path[step + 1]!.node).size === 0)) step++;
    return { step, side: step === path.length - 1 ? saved.when : side };
  }

  #facts(loops: readonly Around[]): Assumptions {
    return this.graph.facts.with(...loops.flatMap((l) => (l.kind === "while" ? [sym(l.counter)] : [sub(sym(l.variable), l.begin), addInt(sub(l.end, sym(l.variable)), -1)])));
  }
  #least(a: Expr, b: Expr, f: Assumptions): Expr { return nonNegative(sub(b, a), f) === "yes" ? a : nonNegative(sub(a, b), f) === "yes" ? b : min(a, b); }
  #greatest(a: Expr, b: Expr, f: Assumptions): Expr { return nonNegative(sub(a, b), f) === "yes" ? a : nonNegative(sub(b, a), f) === "yes" ? b : max(a, b); }

  /** The box that the access covers while the loops inside the point run; the whole dimension where it cannot be told. */
  #slice(m: Access, path: Path, step: number, outer: readonly Around[]): { lo: Expr; hi: Expr }[] {
    const inside = aroundOf(path).slice(outer.length), counters = inside.filter((l) => l.kind === "while").map(nameOf);
    const inner = rangesOf(inside.filter((l) => l.kind === "loop"));
    const ranges = [...inner, ...(m.extra ?? []).map((x) => ({ variable: x.variable, begin: ZERO, end: x.size }))];
    const facts = this.#facts(outer);
    const shape = this.graph.container(m.data).shape;
    return m.index.map((e, d) => {
      const lo = lowerBound(e, ranges, facts), hi = upperBound(addInt(e, 1), ranges, facts);
      if (!lo || !hi || counters.some((c) => dependsOn(lo, c) || dependsOn(hi, c))) return { lo: ZERO, hi: shape[d]! };
      // Loaded integers are looked at only where the node itself is about to do so.
      if (loadedContainers(lo).size + loadedContainers(hi).size > 0) return step === path.length - 1 && inside.length === 0 ? { lo, hi } : { lo: ZERO, hi: shape[d]! };
      // Loops that do not run at all, and conditions around the access, may leave its formal range outside the container.
      return { lo: this.#greatest(lo, ZERO, facts), hi: this.#least(hi, shape[d]!, facts) };
    });
  }

  /** Bytes that a capture would take, at sizes that are like any others. */
  weight(s: Spot): number {
    const env = new Nominal(), size = (lo: Expr, hi: Expr): number => Math.max(1, evaluate(sub(hi, lo), env, () => SIZE / 2));
    let n = bytesOf(this.graph.container(s.data).dtype);
    for (const l of s.loops) {
      if (s.rows.includes(l)) n *= l.kind === "while" ? SIZE : size(l.begin, l.end);
      env.set(nameOf(l), l.kind === "while" ? SIZE / 2 : (evaluate(l.begin, env, () => SIZE / 2) + evaluate(l.end, env, () => SIZE / 2)) / 2);
    }
    return s.slice.reduce((p, x) => p * size(x.lo, x.hi), n);
  }

  memlet(t: Tape, x: readonly Expr[]): Memlet { return { data: t.layout!.name, index: t.layout!.index(x) }; }

  operand(t: Tape, o: Operand): Operand {
    const { leading, name, index } = t.layout!;
    return { ...o, data: name, base: index(o.base), axes: o.axes.map((a) => a + leading) };
  }

  /** Fixes the layouts and makes the containers. */
  finish(): void { for (const t of this.#tapes.values()) t.layout = (t.rectangular || t.again ? undefined : this.#packed(t)) ?? this.#box(t); }
  #fields(t: Tape): Omit<Container, "name" | "shape" | "transient"> {
    const c = this.graph.container(t.data);
    return { dtype: c.dtype, role: "tape", ...(c.label ? { label: c.label } : {}), ...(c.loc ? { loc: c.loc } : {}) };
  }

  /** Dimensions for the loops, then the slice's bounding box. */
  #box(t: Tape): Layout {
    const free = this.graph.facts, { shape, loc, dtype } = this.graph.container(t.data), place: Place = t.again ? { shape: [], index: [] } : this.#iterations.place(t.rows), ranges = rangesOf(t.loops.filter((l) => l.kind === "loop"));
    // A slice whose size cannot be bounded keeps the whole dimension.
    const dims = t.slice.map((s, d) => {
      const size: Expr | undefined = upperBound(sub(s.hi, s.lo), ranges, free);
      return size !== undefined && this.#known(size, t.loops) ? { lo: s.lo, size: clamped(size, free) } : { lo: ZERO, size: shape[d]! };
    });
    if (dims.some((x) => hasLoads(x.size))) throw new DaceError("UNSUPPORTED", "the derivative of this program once more: the length of what must be kept per iteration is known only as it runs", loc ? { loc } : {});
    t.slice = t.slice.map((s, d) => (dims[d]!.size === shape[d] && equals(dims[d]!.lo, ZERO) ? { lo: ZERO, hi: dims[d]!.size } : s));
    const sizes = dims.map((d) => d.size), whole = [...place.shape, ...sizes], room = place.numbered === undefined ? this.#roomFor(t, whole) : whole, rows = { ...place, shape: room.slice(0, place.shape.length) };
    return {
      name: t.again ? this.workspace(`${t.data}_again`, dtype, sizes) : this.#iterations.add(`tape_${t.data}`, rows, this.#fields(t), room.slice(place.shape.length)), leading: place.index.length,
      index: (x) => [...place.index, ...x.map((e, d) => sub(e, dims[d]!.lo))],
    };
  }
  /** The shape, empty where sizes say that the tape's arm is not taken. Offsets do not depend on the leading dimension. */
  #roomFor(t: Tape, shape: readonly Expr[]): readonly Expr[] {
    const owners = this.#owners.get(t.listKey);
    if (t.again || !owners || shape.length === 0 || hasLoads(shape[0]!)) return shape;
    const arm = taken(owners, t.listKey, this.graph.symbols);
    return [mul(arm, shape[0]!), ...shape.slice(1)];
  }
  #known(e: Expr, loops: readonly Around[]): boolean { const s = freeSymbols(e); return loadedContainers(e).size === 0 && !loops.some((l) => s.has(nameOf(l))); }

  /** Where iterations keep slices of different sizes: one after the other, at offsets given by counting polynomials. */
  #packed(t: Tape): Layout | undefined {
    const loops = t.rows.filter((l) => l.kind === "loop");
    if (loops.length === 0 || loops.length < t.rows.length || loops.some((l) => exitsOf(l).size > 0)) return undefined;
    const vars = new Set(loops.map((l) => l.variable));
    const varies = (e: Expr): boolean => loops.some((l) => !equals(substitute(e, new Map([[l.variable, addInt(sym(l.variable), 1)]])), e));
    const sizes = t.slice.map((s) => sub(s.hi, s.lo));
    // Loaded bounds do not add up to a size that is known on entry.
    if ([...sizes, ...loops.flatMap((l) => [l.begin, l.end])].some((e) => loadedContainers(e).size > 0)) return undefined;
    if (!sizes.some(varies) && !loops.some((l) => varies(l.begin) || varies(l.end))) return undefined;
    const facts = this.#facts(loops);
    if (sizes.some((s) => nonNegative(s, facts) !== "yes")) return undefined;
    let count: Expr = sizes.reduce((a, b) => mul(a, b), addInt(ZERO, 1));
    let offset: Expr = ZERO;
    for (let i = loops.length - 1; i >= 0; i--) {
      const l = loops[i]!;
      if (nonNegative(sub(l.end, l.begin), this.#facts(loops.slice(0, i))) !== "yes") return undefined;
      const before = sumOver(count, l.variable, l.begin, sym(l.variable)), total = sumOver(count, l.variable, l.begin, l.end);
      if (!before || !total) return undefined;
      offset = add(offset, before);
      count = total;
    }
    if ([...vars].some((v) => !equals(substitute(count, new Map([[v, ZERO]])), count))) return undefined;
    return {
      name: this.#pool.add(`tape_${t.data}`, { ...this.#fields(t), shape: this.#roomFor(t, [count]), transient: true }), leading: 1,
      index: (x) => [x.reduce<Expr>((sum, e, d) => add(sum, sizes.slice(d + 1).reduce((p, s) => mul(p, s), sub(e, t.slice[d]!.lo))), offset)],
    };
  }

  /** The forward body with the copies in place. */
  insert(body: readonly Node[]): readonly Node[] {
    const byList = new Map<string, Tape[]>();
    for (const t of this.#tapes.values()) if (!t.again) { const l = byList.get(t.listKey); if (l) l.push(t); else byList.set(t.listKey, [t]); }
    const visit = (key: string, list: readonly Node[]): readonly Node[] => {
      const here = byList.get(key) ?? [];
      const out: Node[] = [];
      for (let i = 0; i <= list.length; i++) {
        for (const t of here) if (t.position === i) out.push(this.#capture(t));
        if (i < list.length) { const n = list[i]!; out.push(withBodies(n, bodiesOf(n).map((b) => visit(b.key, b.list)))); }
      }
      return out;
    };
    return this.#iterations.insert(visit(ROOT, body));
  }

  #capture(t: Tape): Node {
    const dtype = this.graph.container(t.data).dtype, same = t.loops.filter((l) => !t.rows.includes(l));
    const copy = mapOver(this.#pool, t.slice.map((s) => s.lo), t.slice.map((s) => s.hi), (x) => tasklet({ data: t.layout!.name, index: t.layout!.index(x) }, input(0, dtype), [{ data: t.data, index: x }]));
    if (same.length === 0 || !same.every((l) => this.#firstComesBy(t, l))) return copy;
    // The first time is enough.
    const tests = same.map((l) => op("eq", "bool", symbolic(sub(sym(nameOf(l)), l.kind === "while" ? ZERO : l.order === "up" ? l.begin : addInt(l.end, -1))), constant(0, "int64")));
    return { kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: tests.reduce((a, b) => op("and", "bool", a, b)) }, body: [copy] }] };
  }

  /** Is every capture of a later iteration of the loop made in the first one too? */
  #firstComesBy(t: Tape, l: Around): boolean {
    const path = this.#owners.get(t.listKey)!, inside = path.slice(path.findIndex((s) => s.node === l) + 1).map((s) => s.node);
    return exitsOf(l).size === 0 && l.body.every((n) => exitsOf(n).size === 0) && inside.every((n) => n.kind === "loop" && [n.begin, n.end].every((e) => !dependsOn(e, nameOf(l)) && loadedContainers(e).size === 0));
  }
}
