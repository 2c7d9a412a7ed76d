/** The state of one lowering of a DaCe SDFG: containers, symbols, the region being filled, and how nodes are emitted into it. */
import { isFloat, isInteger, type DType } from "../../base/dtypes.js";
import { DaceError, InternalError, type SourceLoc } from "../../base/errors.js";
import { cast, constant, input, mapScalar, visitScalar, type ScalarExpr } from "../../scalar/expr.js";
import type { DaceSDFG, DataflowNode, Descriptor } from "../../sdfg/dace/model.js";
import { integerOf, integerText, type IntegerScope } from "../../sdfg/dace/integers.js";
import type { PyNode } from "../../sdfg/dace/python.js";
import { intValue, type ScalarScope, type Value } from "../../sdfg/dace/scalars.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Condition, Container, Memlet, Node, Wcr } from "../../sdfg/nodes.js";
import { Assumptions } from "../../symbolic/assumptions.js";
import { addInt, freeSymbols, load, loadedContainers, mul, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { upperBound, type LoopRange } from "../../symbolic/prove.js";
import { elementOf, whole, type Ref } from "./references.js";

/** Thrown to abandon this lowering and start again with what was learnt; never leaves `lowerDace`. */
export class Restart extends Error {}

export interface Learnt {
  /** Symbols (with the path of their SDFG) that must be kept in a scalar, because several assignments reach a use. */
  readonly cells: Set<string>;
  /** Containers that are written somewhere although their loaded values or the caller's value were relied on. */
  readonly unstable: Set<string>;
}

export type Binding =
  | { readonly kind: "int"; readonly expr: Expr }
  | { readonly kind: "cell"; readonly container: string }
  /** Assigned in a region whose end is not this point: using it makes it a cell. */
  | { readonly kind: "stale" };

/** A loop that is being filled. */
export interface Frame { readonly variable: string; readonly begin: Expr; readonly end: Expr; readonly locals: string[] }

/** One SDFG being inlined. */
export class Instance {
  env = new Map<string, Binding>();
  readonly refs = new Map<string, Ref>();
  constructor(readonly sdfg: DaceSDFG, readonly path: string, readonly parent: Instance | undefined, readonly home: Frame | undefined, readonly returnLabel: string) {}
}

export class Lowering {
  readonly containers = new Map<string, Container>();
  readonly names = new Set<string>();
  /** Free symbols of the program. */
  readonly free = new Set<string>();
  readonly checks: { readonly kind: "shape" | "bounds"; readonly expr: Expr; readonly message: string }[] = [];
  /** Loops that come from maps. */
  readonly maps = new Set<number>();
  /** Containers whose memory in DaCe is row-major and contiguous, so that views may reinterpret it. */
  readonly rowMajor = new Set<string>();
  /** Containers that belong to a loop's iteration already. */
  readonly homed = new Set<string>();
  /** Scalar arguments: the caller's value never changes. */
  readonly byValue = new Set<string>();
  facts: Assumptions = Assumptions.none;
  body: Node[] = [];
  /** What runs before the program: constants. */
  readonly prologue: Node[] = [];
  readonly frames: Frame[] = [];
  /** Integer scalars whose present value is known. */
  known = new Map<string, Expr>();
  /** Where break and continue go, innermost last. */
  labels: { readonly exit: string; readonly next: string }[] = [];
  /** Scalars that hold symbols, by path and name. */
  readonly cells = new Map<string, string>();
  readonly #written = new Set<string>();
  readonly #frozen = new Set<string>();
  readonly #memlets: Memlet[] = [];
  readonly #readIds = new Map<string, number>();
  readonly usedLabels = new Set<string>();
  /** Nested SDFGs inlined so far: labels alone do not tell them apart. */
  instances = 0;

  /** `aliases`: arguments that are the same memory as another one. */
  constructor(readonly learnt: Learnt, readonly aliases: ReadonlyMap<string, string>) {}

  refuse(what: string, n?: DataflowNode | { readonly where: string }): never {
    const at = n && "line" in n && n.line ? locOf(n) : undefined;
    throw new DaceError("UNSUPPORTED", n ? `${what} (${n.where})` : what, at ? { loc: at } : {});
  }

  // ---- names and containers ----
  unique(base: string): string {
    // n0, n1, … are the sizes of a call.
    const clean = base.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(n\d+)$/, "$1_") || "tmp";
    let name = clean;
    for (let n = 1; this.names.has(name); n++) name = `${clean}_${n}`;
    this.names.add(name);
    return name;
  }
  addContainer(c: Container): Container { this.containers.set(c.name, c); this.names.add(c.name); return c; }
  container(name: string): Container { const c = this.containers.get(name); if (!c) throw new InternalError(`no container ${name}`); return c; }
  bufferOf(name: string): string { return this.containers.get(name)?.view?.base ?? name; }
  /** A scalar that belongs to the innermost loop around it. */
  local(label: string, dtype: DType): string {
    const c = this.addContainer({ name: this.unique(label), dtype, shape: [], transient: true });
    this.homed.add(c.name);
    this.frames.at(-1)?.locals.push(c.name);
    return c.name;
  }
  /** The container of a descriptor of an SDFG being inlined, made at its first use. */
  ref(inst: Instance, name: string): Ref {
    const known = inst.refs.get(name);
    if (known) return known;
    const d = inst.sdfg.arrays.get(name);
    if (!d) throw new DaceError("PARSE", `the SDFG ${inst.sdfg.name} uses ${name}, which it does not declare`);
    if (d.kind === "view") this.refuse(`the view ${name} is used where nothing says what it views (SDFG ${inst.sdfg.name})`);
    if (!d.transient && inst.parent) this.refuse(`${name} of the nested SDFG ${inst.sdfg.name} is not connected to anything`);
    const r = this.declare(inst, d, this.unique(name), true);
    inst.refs.set(name, r);
    return r;
  }
  declare(inst: Instance, d: Descriptor, name: string, transient: boolean): Ref {
    const ints = this.integers(inst), shape = d.shape.map((e) => this.extent(integerText(e, ints, `the shape of ${d.name}`), d.name));
    this.addContainer({ name, dtype: d.dtype, shape, transient, label: d.name });
    const strides = d.strides.map((e) => integerText(e, ints, `the strides of ${d.name}`)), dense = denseStrides(d.shape.map((e) => integerText(e, ints, d.name)));
    if (strides.length === 0 || strides.every((e, i) => e.key === dense[i]!.key || shape[i]!.constant === 1)) this.rowMajor.add(name);
    if (transient && inst.home && !d.persistent) { inst.home.locals.push(name); this.homed.add(name); }
    return whole(name, shape, strides.length === 0 ? dense : strides);
  }
  /** A size without loop variables: the largest that the loops around it give. */
  extent(e: Expr, what: string): Expr {
    if (loadedContainers(e).size > 0) this.refuse(`${what} has a size that is read from data`);
    const own = freeSymbols(e);
    if (!this.frames.some((f) => own.has(f.variable))) return e;
    return upperBound(e, this.loops, this.facts) ?? this.refuse(`${what} has a size that is not affine in the loops around it`);
  }
  /** A fact about the arguments that is checked once per call; false where it is not about the arguments alone. */
  entryCheck(kind: "shape" | "bounds", expr: Expr, message: string): boolean {
    if (loadedContainers(expr).size > 0 || [...freeSymbols(expr)].some((s) => !this.free.has(s))) return false;
    this.checks.push({ kind, expr, message });
    return true;
  }
  get loops(): LoopRange[] { return this.frames.map((f) => ({ variable: f.variable, begin: f.begin, end: f.end })); }

  // ---- symbols ----
  /** The value of a name that is not a connector: a symbol, a constant, a scalar. */
  nameValue(inst: Instance, name: string): Value | undefined {
    const b = inst.env.get(name);
    if (b) {
      if (b.kind === "int") return intValue(b.expr);
      if (b.kind === "stale") { this.learnt.cells.add(`${inst.path}:${name}`); throw new Restart(); }
      return this.readMemlet({ data: b.container, index: [] });
    }
    const c = inst.sdfg.constants.get(name);
    if (c && c.shape.length === 0) return isInteger(c.dtype) ? intValue(addInt(ZERO, Number(c.values[0]))) : { code: constant(c.values[0]!, c.dtype) };
    const d = inst.sdfg.arrays.get(name);
    if (d && (d.kind === "scalar" || d.shape.every((e) => e === "1"))) { const r = this.ref(inst, name); return this.readRef(r, r.dims.map(() => ZERO)); }
    if (d) return undefined;
    if (inst.parent) return this.nameValue(inst.parent, name);
    const dtype = inst.sdfg.symbols.get(name);
    if (dtype === undefined) return undefined;
    if (isFloat(dtype as DType)) this.refuse(`the free symbol ${name} of dtype ${dtype}`);
    const known = this.names.has(name) ? name : this.unique(name);
    this.free.add(known);
    inst.env.set(name, { kind: "int", expr: sym(known) });
    return intValue(sym(known));
  }
  integers(inst: Instance): IntegerScope {
    return {
      name: (n) => this.nameValue(inst, n)?.int,
      element: (n, index) => {
        if (!inst.sdfg.arrays.has(n)) return undefined;
        const r = this.ref(inst, n);
        if (r.symbol || !isInteger(this.container(r.container).dtype) || index.length !== r.dims.length) return undefined;
        return elementOf(r, index);
      },
    };
  }
  /** For conditions and assignments between states. */
  scalars(inst: Instance, where: string): ScalarScope {
    const ints = this.integers(inst);
    return {
      where,
      name: (n) => this.nameValue(inst, n),
      element: (n, index: readonly PyNode[]) => {
        if (!inst.sdfg.arrays.has(n)) return undefined;
        const r = this.ref(inst, n), at = index.map((i) => integerOf(i, ints) ?? this.refuse(`an index of ${n} that is not an integer expression (${where})`));
        if (at.length !== r.dims.length && !(r.dims.length === 0 && at.every((e) => e.constant === 0))) this.refuse(`${n} with ${at.length} indices (${where})`);
        return this.readRef(r, r.dims.map((_, d) => at[d]!));
      },
    };
  }

  /** The container of a constant array, filled before the program starts; undefined: there is no such constant. */
  constantArray(inst: Instance, name: string): string | undefined {
    const c = inst.sdfg.constants.get(name);
    if (!c) return inst.parent && !inst.sdfg.arrays.has(name) ? this.constantArray(inst.parent, name) : undefined;
    const key = `constant:${inst.path}:${name}`, known = this.cells.get(key);
    if (known !== undefined) return known;
    if (c.values.length > 4096) this.refuse(`the constant ${name} of ${c.values.length} elements`);
    const made = this.addContainer({ name: this.unique(name), dtype: c.dtype, shape: c.shape.map((k) => addInt(ZERO, k)), transient: true, label: name });
    c.values.forEach((value, flat) => {
      let rest = flat;
      const index = c.shape.map(() => ZERO);
      for (let d = c.shape.length - 1; d >= 0; d--) { index[d] = addInt(ZERO, rest % c.shape[d]!); rest = Math.floor(rest / c.shape[d]!); }
      this.prologue.push({ kind: "tasklet", id: freshId(), inputs: [], output: { data: made.name, index }, code: constant(value, c.dtype) });
    });
    this.cells.set(key, made.name);
    return made.name;
  }

  // ---- reading ----
  readRef(r: Ref, index: readonly Expr[]): Value { return r.symbol ? intValue(r.symbol) : this.readMemlet(elementOf(r, index)); }
  readMemlet(m: Memlet): Value {
    const key = `${m.data}[${m.index.map((e) => e.key).join(", ")}]?${(m.guard ?? []).map((e) => e.key).join(";")}`;
    let id = this.#readIds.get(key);
    if (id === undefined) { id = this.#memlets.push(m) - 1; this.#readIds.set(key, id); }
    const dtype = this.container(m.data).dtype, code = input(id, dtype);
    return isInteger(dtype) && !m.guard ? { code, int: this.known.get(m.data) ?? load(m.data, m.index) } : { code };
  }
  /** An element as the target of a write; arguments passed by value are copied first (after a new start). */
  target(r: Ref, index: readonly Expr[]): Memlet {
    const value = r.symbol ? r.symbol.key : this.byValue.has(r.container) ? r.container : undefined;
    if (value !== undefined) { this.learnt.unstable.add(value); throw new Restart(); }
    return elementOf(r, index);
  }
  memlet(id: number): Memlet { return this.#memlets[id]!; }
  /** Containers (bases) that an expression reads. */
  readsOf(code: ScalarExpr): Set<string> {
    const out = new Set<string>(), loads = (e: Expr): void => { for (const d of loadedContainers(e)) out.add(this.bufferOf(d)); };
    visitScalar(code, (x) => {
      if (x.kind === "input") { const m = this.memlet(x.index); out.add(this.bufferOf(m.data)); m.index.forEach(loads); } else if (x.kind === "symbolic") loads(x.expr);
    });
    return out;
  }
  condition(code: ScalarExpr): Condition {
    const inputs: Memlet[] = [], ids = new Map<number, number>();
    const next = mapScalar(code, (x) => {
      if (x.kind !== "input") return x;
      let at = ids.get(x.index);
      if (at === undefined) { at = inputs.push(this.memlet(x.index)) - 1; ids.set(x.index, at); }
      return input(at, x.dtype);
    });
    return { inputs, code: next };
  }

  // ---- writing ----
  /** Declares that a container will not be written (or the lowering starts again without that belief). */
  freeze(data: string): boolean {
    const base = this.bufferOf(data);
    if (this.learnt.unstable.has(base) || this.#written.has(base)) return false;
    this.#frozen.add(base);
    return true;
  }
  note(data: string): void {
    const base = this.bufferOf(data);
    if (this.#frozen.has(base)) { this.learnt.unstable.add(base); throw new Restart(); }
    this.#written.add(base);
    this.known.delete(base);
  }
  emit(n: Node): void {
    if (n.kind === "tasklet") this.note(n.output.data);
    else if (n.kind === "library") for (const o of n.outputs) this.note(o.data);
    this.body.push(n);
  }
  /** `memlet (=|wcr)= code`, converted to the container's dtype. */
  store(output: Memlet, value: ScalarExpr, options: { readonly wcr?: Wcr | undefined; readonly loc?: SourceLoc | undefined } = {}): void {
    const c = this.condition(cast(value, this.container(output.data).dtype));
    this.emit({ kind: "tasklet", id: freshId(), inputs: c.inputs, output, code: c.code, ...(options.wcr ? { wcr: options.wcr } : {}), ...(options.loc ? { loc: options.loc } : {}) });
  }
  /** What `f` emits, as a list of its own. */
  region(f: () => void): Node[] {
    const outer = this.body, mine: Node[] = [];
    this.body = mine;
    try { f(); } finally { this.body = outer; }
    return mine;
  }
  /** Emits `for variable in [begin, end)`; a single iteration needs no loop. */
  loop(label: string, begin: Expr, end: Expr, order: "up" | "down" | "any", f: (v: Expr) => void, options: { readonly loc?: SourceLoc | undefined; readonly map?: boolean; readonly keepKnown?: boolean } = {}): void {
    const trip = sub(end, begin).constant;
    if (trip !== undefined && trip <= 0) return;
    if (trip === 1 && options.map) { f(begin); return; }
    const variable = this.unique(label), v = sym(variable), frame: Frame = { variable, begin, end, locals: [] };
    const facts = this.facts;
    this.facts = facts.with(...[sub(v, begin), addInt(sub(end, v), -1)].filter((e) => loadedContainers(e).size === 0));
    this.frames.push(frame);
    if (!options.keepKnown) this.known = new Map();
    let body: Node[];
    try { body = this.region(() => f(v)); } finally { this.frames.pop(); this.facts = facts; }
    if (!options.keepKnown) this.known = new Map();
    if (body.length === 0) return;
    const id = freshId();
    if (options.map) this.maps.add(id);
    this.emit({ kind: "loop", id, variable, begin, end, order, body, ...(frame.locals.length > 0 ? { locals: frame.locals } : {}), ...(options.loc ? { loc: options.loc } : {}) });
  }
  /** A map over a box. */
  map(sizes: readonly Expr[], f: (index: readonly Expr[]) => void, loc?: SourceLoc): void {
    const index: Expr[] = [];
    const nest = (d: number): void => {
      if (d === sizes.length) { f([...index]); return; }
      this.loop("i", ZERO, sizes[d]!, "any", (v) => { index[d] = v; nest(d + 1); }, { loc, map: true, keepKnown: true });
    };
    nest(0);
  }
  /** The value as an integer that can stand in an index: computed into a scalar first where it is no symbolic expression. */
  indexOf(v: Value): Expr {
    if (v.int) return v.int;
    const name = this.local("index", "int64");
    this.store({ data: name, index: [] }, v.code);
    return load(name, []);
  }
}

export function denseStrides(shape: readonly Expr[]): Expr[] {
  const out: Expr[] = [];
  let s: Expr = addInt(ZERO, 1);
  for (let d = shape.length - 1; d >= 0; d--) { out[d] = s; s = mul(s, shape[d]!); }
  return out;
}

export function locOf(n: { readonly line?: { readonly file: string; readonly line: number; readonly column: number } }): SourceLoc | undefined {
  return n.line && { file: { name: n.line.file, text: "" }, line: n.line.line, column: n.line.column };
}
