/**
 * One dataflow state: nodes in the depth-first topological order in which DaCe executes them, scopes as loops, copies at the access node they leave.
 */
import type { SourceLoc } from "../../base/errors.js";
import type { AccessNode, DaceMemlet, DataflowNode, Dimension, Edge, MapEntry, NestedNode, State } from "../../sdfg/dace/model.js";
import { count, integerText } from "../../sdfg/dace/integers.js";
import { constant } from "../../scalar/expr.js";
import { isComplex } from "../../base/dtypes.js";
import { addInt, add, mul, sub, ONE, ZERO, type Expr } from "../../symbolic/expr.js";
import { isPositive } from "../../symbolic/prove.js";
import { denseStrides, Instance, locOf, type Lowering } from "./context.js";
import { assign, block, evaluateText, lowerRegion } from "./control.js";
import { copy } from "./copies.js";
import { lowerLibrary } from "./libraries.js";
import { part, pointer, type Ref, type Span } from "./references.js";
import { lowerTasklet } from "./tasklets.js";

export class StateLowering {
  readonly out = new Map<number, Edge[]>();
  readonly in = new Map<number, Edge[]>();
  /** Values that pass from code to code without an access node: edge → scalar. */
  readonly registers = new Map<Edge, string>();
  constructor(readonly l: Lowering, readonly inst: Instance, readonly state: State) {
    for (const n of state.nodes.keys()) { this.out.set(n, []); this.in.set(n, []); }
    for (const e of state.edges) { this.out.get(e.src)!.push(e); this.in.get(e.dst)!.push(e); }
  }
  node(id: number): DataflowNode { return this.state.nodes.get(id)!; }

  run(): void { this.scope(undefined); }

  /** All nodes directly in a scope. */
  scope(entry: number | undefined): void {
    const inside = [...this.state.nodes.values()].filter((n) => n.scope === entry && n.kind !== "exit");
    for (const n of inside) if (n.kind === "access") this.bindView(n);
    for (const n of this.order(inside)) this.lower(n);
  }

  /** DaCe's order: depth first, a node once all its predecessors are done; a map's entry stands for the whole map. */
  order(inside: readonly DataflowNode[]): DataflowNode[] {
    const members = new Set(inside.map((n) => n.id)), entryOf = new Map<number, number>();
    for (const n of inside) if (n.kind === "entry") { entryOf.set(n.exit, n.id); members.add(n.exit); }
    const representative = (id: number): number => entryOf.get(id) ?? id;
    const next = new Map<number, number[]>(), previous = new Map<number, Set<number>>();
    for (const n of inside) { next.set(n.id, []); previous.set(n.id, new Set()); }
    for (const e of this.state.edges) {
      if (!members.has(e.src) || !members.has(e.dst)) continue;
      const a = representative(e.src), b = representative(e.dst);
      if (a === b) continue;
      next.get(a)!.push(b);
      previous.get(b)!.add(a);
    }
    const visited = new Set<number>(), out: DataflowNode[] = [];
    const visit = (id: number): void => {
      visited.add(id);
      out.push(this.node(id));
      for (const c of next.get(id)!) if (!visited.has(c) && [...previous.get(c)!].every((p) => visited.has(p))) visit(c);
    };
    for (const n of inside) if (!visited.has(n.id) && previous.get(n.id)!.size === 0) visit(n.id);
    if (out.length !== inside.length) this.l.refuse(`the dataflow of state ${this.state.label} has a cycle`);
    return out;
  }

  lower(n: DataflowNode): void {
    switch (n.kind) {
      case "access": this.access(n); break;
      case "tasklet": lowerTasklet(this, n); break;
      case "entry": this.map(n); break;
      case "nested": this.nested(n); break;
      case "library": lowerLibrary(this, n); break;
      case "exit": break;
    }
  }

  // ---- data ----
  ref(name: string): Ref { return this.l.ref(this.inst, name); }
  integer(text: string, what: string): Expr { return integerText(text, this.l.integers(this.inst), what); }
  spans(subset: readonly Dimension[] | undefined, r: Ref, what: string): Span[] {
    if (!subset) return r.dims.map((d) => ({ begin: ZERO, step: ONE, count: d.size }));
    const spans = subset.map((d): Span => {
      const begin = this.integer(d.begin, what);
      if (d.begin === d.end) return { begin, step: ONE, count: ONE };
      const step = this.integer(d.step, what);
      return { begin, step, count: count(begin, this.integer(d.end, what), step) };
    });
    // A scalar's subset is [0]; ours has no dimensions.
    if (r.dims.length === 0) return [];
    if (spans.length !== r.dims.length) this.l.refuse(`${what} has ${spans.length} dimensions, its data ${r.dims.length}`);
    return spans;
  }
  /** The part of its data that a memlet names. */
  memlet(m: DaceMemlet, what: string): Ref { const r = this.ref(m.data); return part(r, this.spans(m.subset, r, what)); }

  /** The edge at the other end of a memlet path, through map entries and exits. */
  root(e: Edge): Edge {
    const n = this.node(e.src);
    if ((n.kind !== "entry" && n.kind !== "exit") || !e.from?.startsWith("OUT_")) return e;
    const before = this.in.get(n.id)!.find((x) => x.to === `IN_${e.from!.slice(4)}`);
    return before ? this.root(before) : e;
  }
  leaf(e: Edge): Edge {
    const n = this.node(e.dst);
    if ((n.kind !== "entry" && n.kind !== "exit") || !e.to?.startsWith("IN_")) return e;
    const after = this.out.get(n.id)!.find((x) => x.from === `OUT_${e.to!.slice(3)}`);
    return after ? this.leaf(after) : e;
  }
  /** Conflict resolution of a write: it may stand on any edge of the path. */
  wcr(e: Edge): string | undefined {
    for (let x = e; ;) {
      if (x.memlet?.wcr !== undefined) return x.memlet.wcr;
      const n = this.node(x.dst);
      const after = (n.kind === "exit" || n.kind === "entry") && x.to?.startsWith("IN_") ? this.out.get(n.id)!.find((y) => y.from === `OUT_${x.to!.slice(3)}`) : undefined;
      if (!after) return undefined;
      x = after;
    }
  }

  // ---- views ----
  /** The edge that says what a view node views (the rules of `dace.sdfg.utils.get_view_edge`). */
  viewEdge(n: AccessNode): Edge | undefined {
    const ins = this.in.get(n.id)!.filter((e) => e.memlet), outs = this.out.get(n.id)!.filter((e) => e.memlet);
    const marked = ins.find((e) => e.to === "views") ?? outs.find((e) => e.from === "views");
    if (marked) return marked;
    const fromData = (e: Edge): boolean => this.node(this.root(e).src).kind === "access", toData = (e: Edge): boolean => this.node(this.leaf(e).dst).kind === "access";
    if (ins.length === 1 && outs.length !== 1) return fromData(ins[0]!) ? ins[0] : undefined;
    if (outs.length === 1 && ins.length !== 1) return toData(outs[0]!) ? outs[0] : undefined;
    if (ins.length !== 1 || outs.length !== 1) return undefined;
    const a = fromData(ins[0]!), b = toData(outs[0]!);
    if (a !== b) return a ? ins[0] : outs[0];
    if (!a) return undefined;
    const own = (e: Edge): boolean => e.memlet!.data === n.data;
    return own(ins[0]!) && !own(outs[0]!) ? outs[0] : !own(ins[0]!) && own(outs[0]!) ? ins[0] : undefined;
  }
  isViewEdge(e: Edge): boolean {
    for (const id of [e.src, e.dst]) {
      const n = this.node(id);
      if (n.kind === "access" && this.inst.sdfg.arrays.get(n.data)?.kind === "view" && this.viewEdge(n) === e) return true;
    }
    return false;
  }
  bindView(n: AccessNode, seen: ReadonlySet<number> = new Set()): void {
    const d = this.inst.sdfg.arrays.get(n.data);
    if (d?.kind !== "view") return;
    if (seen.has(n.id)) this.l.refuse(`the view ${n.data} views itself`, n);
    const e = this.viewEdge(n) ?? this.l.refuse(`nothing says what the view ${n.data} views`, n);
    const other = this.node(this.in.get(n.id)!.includes(e) ? this.root(e).src : this.leaf(e).dst);
    if (other.kind !== "access") this.l.refuse(`the view ${n.data} of something that is no data`, n);
    this.bindView(other, new Set([...seen, n.id]));
    const m = e.memlet!, r = this.ref(other.data), what = `the view ${n.data}`;
    // The subset of the viewed data, wherever the memlet says it.
    const subset = m.data === other.data ? m.subset : m.other;
    const ints = this.l.integers(this.inst), shape = d.shape.map((x) => integerText(x, ints, what)), strides = d.strides.length > 0 ? d.strides.map((x) => integerText(x, ints, what)) : denseStrides(shape);
    this.inst.refs.set(n.data, pointer(this.l, r, this.spans(subset, r, what), shape, strides, d.dtype, what));
  }

  // ---- nodes ----
  access(n: AccessNode): void {
    const inTransit = this.in.get(n.id)!.filter((e) => e.memlet && this.node(e.src).kind === "entry" && !this.isViewEdge(e));
    for (const e of inTransit) {
      const from = this.node(this.root(e).src);
      if (from.kind === "access") copy(this, e, from, n);
    }
    for (const e of this.out.get(n.id)!) {
      if (!e.memlet || this.isViewEdge(e)) continue;
      const to = this.node(e.dst);
      if (to.kind === "access") copy(this, e, n, to);
      else if (to.kind === "exit") { const end = this.node(this.leaf(e).dst); if (end.kind === "access") copy(this, e, n, end); }
    }
  }

  map(n: MapEntry): void {
    const { l, inst } = this, loc = locOf(n), outer = inst.env;
    inst.env = new Map(outer);
    for (const e of this.in.get(n.id)!) {
      // Dynamic map ranges: integers read from data when the map starts.
      if (!e.memlet || e.to === undefined || e.to.startsWith("IN_")) continue;
      const r = this.memlet(e.memlet, n.where), v = l.readRef(r, r.dims.map(() => ZERO));
      if (!v.int) l.refuse(`the range of a map read from ${e.memlet.data}, which holds no integers`, n);
      assign(l, inst, e.to, v);
    }
    mapOver(l, inst, n, loc, () => { this.scope(n.id); });
    inst.env = outer;
  }

  /** A nested SDFG is inlined: its arrays are pointers into ours, its symbols expressions of ours. */
  nested(n: NestedNode): void {
    const { l, inst } = this;
    const inner = new Instance(n.sdfg, `${inst.path}/${this.state.label}.${n.id}#${l.instances++}`, inst, l.frames.at(-1), l.unique("return"));
    for (const [symbol, text] of n.mapping) {
      assign(l, inner, symbol, evaluateText(l, inst, text, `the symbol ${symbol} of ${n.where}`));
    }
    const connections = new Map<string, { readonly e: Edge; readonly out: boolean }[]>();
    for (const [edges, out] of [[this.in.get(n.id)!, false], [this.out.get(n.id)!, true]] as const) for (const e of edges) {
      const name = out ? e.from : e.to;
      if (name === undefined) continue;
      const list = connections.get(name);
      if (list) list.push({ e, out }); else connections.set(name, [{ e, out }]);
    }
    const ints = l.integers(inner);
    for (const [name, edges] of connections) {
      const d = n.sdfg.arrays.get(name) ?? l.refuse(`the connector ${name}, which the nested SDFG does not declare`, n);
      const refs = edges.map(({ e, out }): Ref => {
        if (!e.memlet) {
          const register = out ? l.local(name, d.dtype) : this.registers.get(e) ?? l.refuse(`nothing is passed to ${name}`, n);
          if (out) this.registers.set(e, register);
          return { container: register, base: [], dims: [] };
        }
        const r = this.ref(e.memlet.data), spans = this.spans(e.memlet.subset, r, n.where), wcr = out ? this.wcr(e) : undefined;
        const shape = d.shape.map((x) => integerText(x, ints, `the shape of ${name}`)), strides = d.strides.length > 0 ? d.strides.map((x) => integerText(x, ints, `the strides of ${name}`)) : denseStrides(shape);
        const p = pointer(l, r, spans, shape, strides, d.dtype, `${name} of the nested SDFG ${n.sdfg.name}`);
        return wcr === undefined ? p : { ...p, wcr };
      });
      const [first] = refs;
      if (refs.some((r) => refKey(r) !== refKey(first!))) l.refuse(`the connector ${name} of a nested SDFG, which comes in from one place and goes out to another`, n);
      // By reference, scalars too: DaCe passes `const double&`.
      inner.refs.set(name, refs.find((x) => x.wcr !== undefined) ?? first!);
    }
    const labels = l.labels;
    l.labels = [];
    block(l, inner.returnLabel, () => { zeroFill(l, inner); lowerRegion(l, inner, n.sdfg.region); });
    l.labels = labels;
  }
}
/** A map's loops: unit steps, from 0 where the range is strided. */
export function mapOver(l: Lowering, inst: Instance, n: { readonly label: string; readonly params: readonly string[]; readonly ranges: readonly Dimension[] }, loc: SourceLoc | undefined, f: () => void): void {
  const outer = inst.env, ints = l.integers(inst), what = `the range of ${n.label}`;
  inst.env = new Map(outer);
  const nest = (d: number): void => {
    if (d === n.params.length) { f(); return; }
    const range = n.ranges[d]!, param = n.params[d]!;
    const begin = integerText(range.begin, ints, what), end = integerText(range.end, ints, what), step = integerText(range.step, ints, what);
    if (step.constant === undefined) { if (isPositive(step, l.facts) !== "yes" && !l.entryCheck("bounds", addInt(step, -1), `the step ${step.key} of the map ${n.label} is not positive`)) l.refuse(`the map ${n.label}, whose step ${step.key} may not be positive`); }
    else if (step.constant === 0) l.refuse(`a map with step 0 (${n.label})`);
    const run = (value: Expr): void => { inst.env.set(param, { kind: "int", expr: value }); nest(d + 1); };
    if (step.constant === 1) l.loop(param, begin, addInt(end, 1), "any", run, { loc, map: true });
    else if (step.constant === -1) l.loop(param, ZERO, addInt(sub(begin, end), 1), "any", (v) => { run(sub(begin, v)); }, { loc, map: true });
    else l.loop(param, ZERO, count(begin, end, step), "any", (v) => { run(add(begin, mul(step, v))); }, { loc, map: true });
  };
  nest(0);
  inst.env = outer;
}

function refKey(r: Ref): string { return `${r.container}[${r.base.map((e) => e.key).join()}]${r.dims.map((d) => `${d.axis}:${d.step.key}`).join()}${r.symbol?.key ?? ""}`; }

/** Containers that DaCe clears when it allocates them. */
export function zeroFill(l: Lowering, inst: Instance): void {
  const names = new Set<string>();
  const visit = (r: typeof inst.sdfg.region): void => {
    for (const b of r.blocks) {
      if (b.kind === "region") visit(b);
      else if (b.kind === "loop") visit(b.body);
      else if (b.kind === "conditional") for (const x of b.branches) visit(x.body);
      else if (b.kind === "state") for (const n of b.nodes.values()) if (n.kind === "access" && n.setzero) names.add(n.data);
    }
  };
  visit(inst.sdfg.region);
  for (const name of names) {
    if (!inst.sdfg.arrays.get(name)?.transient) continue;
    const r = l.ref(inst, name), dtype = l.container(r.container).dtype;
    l.map(r.dims.map((d) => d.size), (index) => { l.store(l.target(r, index), constant(0, dtype, isComplex(dtype) ? 0 : undefined)); });
  }
}

export function lowerState(l: Lowering, inst: Instance, state: State): void { new StateLowering(l, inst, state).run(); }
