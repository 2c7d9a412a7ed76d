/** The state of one lowering: containers, symbols, facts, the region being filled, and how nodes are emitted into it. */
import { type DType, isFloat, isInteger } from "../../base/dtypes.js";
import { DaceError, InternalError, type ErrorCode, type SourceLoc } from "../../base/errors.js";
import { growNode } from "../../library/grow.js";
import { type ScalarExpr, cast, constant, input, mapScalar, op, symbolic, visitScalar } from "../../scalar/expr.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Condition, Container, EntryCheck, LibraryNode, Memlet, Node, Wcr } from "../../sdfg/nodes.js";
import { type Expr, ONE, ZERO, addInt, load, sub, sym, loadedContainers } from "../../symbolic/expr.js";
import { Assumptions } from "../../symbolic/assumptions.js";
import type * as ast from "./ast.js";
import { entryBound, knownOnEntry } from "./bounds.js";
import { reachableFrames } from "./frames.js";
import type { Signature } from "./signature.js";
import type { LearntList } from "./grown.js";
import { type Arrayish, type ArrayValue, type ClassValue, type Fields, type GrownValue, type NoneValue, type TupleValue, type Value, boolValue, intValue, type ScalarValue } from "./value.js";

/** Thrown to abandon this lowering and start again with what was learnt; never leaves lowerProgram. */
export class Restart extends Error {}
/** Thrown to abandon this lowering where a program can only be compiled for known sizes and integers. */
export class NeedsExact extends Error {}
/** Errors of programs that would do, or may, if they were compiled for the call's sizes and integers. */
export const inexact = new WeakSet<DaceError>();
/** Thrown for a statement that uses the result of a statement already reported. */
export class Poisoned extends Error {}

/** Facts learnt by earlier tries of the same lowering. */
export interface Learnt {
  /** Integer containers that are written somewhere after having been used in loop bounds or indices. */
  readonly unstable: Set<string>;
  /** Types that the assignments to a variable kept in a cell turned out to need. */
  readonly types: Map<string, CellType>;
  /** Variables that start as numbers and become arrays of this shape in a loop. */
  readonly shapes: Map<string, { readonly shape: readonly Expr[]; readonly dtype: DType }>;
  /** Variables that are null or undefined at times, and what they are otherwise. */
  readonly optional: Map<string, { readonly value: Value; readonly none: NoneValue }>;
  /** Iterations after which a loop's array variables name the same arrays again. */
  readonly periods: Map<string, number>;
  /** Array variables that get a container of their own for a loop. */
  readonly slots: Set<string>;
  /** By loop: variables of functions outside the loop's own that a function called in it assigns, as "frame key|name". */
  readonly outer: Map<string, Set<string>>;
  /** Array variables whose lengths a loop changes, as "loop key|name", and along which dimensions. */
  readonly lengths: Map<string, Set<number>>;
  /** Lists that a loop changes, as "loop key|path of names". */
  readonly growing: Set<string>;
  /** What is known of such lists. */
  readonly lists: Map<string, LearntList>;
  /** Loops whose iterations can be written out, and those for which that is the way. */
  readonly unrollable: Set<string>;
  readonly unroll: Set<string>;
}
export function nothingLearnt(): Learnt { return { unstable: new Set(), types: new Map(), shapes: new Map(), periods: new Map(), slots: new Set(), optional: new Map(), outer: new Map(), lengths: new Map(), growing: new Set(), lists: new Map(), unrollable: new Set(), unroll: new Set() }; }
/** Thrown to evaluate a loop (or block) again with what was learnt. */
export class Retry extends Restart { constructor(readonly key: string) { super(); } }

/** A loop that is being filled. */
export interface LoopScope { /** `Lowering.born` where it begins. */ readonly born: number; readonly variable: string; readonly begin: Expr; readonly end: Expr; readonly locals: string[] }

/** What a scalar variable holds when it is kept in a container because several assignments reach a use. */
export interface CellType { readonly dtype: DType; readonly weak: boolean; readonly integral: boolean }
/**
 * A variable that several assignments reach, kept in containers of its own from before the loop or block that needs it. `pending`: nothing was assigned yet.
 * `fixed`: every assignment gives the same value that no container holds (a function, a string).
 */
export type Cell = { readonly key: string; readonly loop: string; readonly depth: number; readonly name: string; /** `Lowering.born` when it was made. */ readonly born: number } & (
  | { readonly kind: "pending" }
  | { readonly kind: "scalar"; readonly container: string; readonly type: CellType }
  | { readonly kind: "array"; readonly value: ArrayValue }
  | { readonly kind: "tuple"; readonly tuple: "tuple" | "list"; readonly items: readonly number[]; readonly record?: Fields }
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, number>; readonly cls?: ClassValue }
  /** `present`: the cell of whether there is a value. */
  | { readonly kind: "optional"; readonly present: number; readonly value: number; readonly none: NoneValue }
  | { readonly kind: "fixed"; readonly value: Value });
export type Binding =
  | { readonly kind: "value"; readonly value: Value }
  /** By number in `Lowering.cells`. */
  | { readonly kind: "cell"; readonly id: number };

/** A container that holds a copy of an array which the source calls by reference: right as long as neither is changed in place. */
export interface AliasCopy { readonly copy: string; readonly sources: readonly string[]; readonly nodes: readonly number[]; readonly loc: SourceLoc | undefined; readonly what: string; /** It holds these parts of the source. */ readonly part?: "real" | "imag"; /** It is a row of a list, which keeps what earlier iterations put there. `fresh`: the source was made in the same iteration. */ readonly row?: { readonly fresh: boolean } }

/** The variables of one call in progress. */
export interface Frame {
  readonly def: ast.FunctionDef | undefined;
  readonly vars: Map<string, Binding>;
  readonly parent: Frame | undefined;
  /** Identifies the call in what is learnt. */
  readonly key: string;
  /** Where an early return goes. */
  readonly exit?: { readonly label: string; readonly result: number };
}

export interface Snapshot {
  readonly containers: Map<string, Container>; readonly names: Set<string>; readonly body: Node[]; readonly length: number; readonly checks: number;
  readonly facts: Assumptions; readonly scopes: readonly [LoopScope, number][]; readonly frames: readonly [Frame, Map<string, Binding>][]; readonly calls: number;
  readonly errors: number; readonly written: Set<string>; readonly symbols: number; readonly frozen: Set<string>; readonly entryFacts: number;
  readonly single: Set<string>; readonly cells: Map<number, Cell>; readonly aliases: number; readonly grown: readonly (readonly [GrownValue, GrownValue["state"]])[];
}

/** Array elements up to which a transient made in a loop is private to the iteration. */
const SMALL = 64;

export class Lowering {
  readonly containers = new Map<string, Container>();
  readonly names = new Set<string>();
  readonly symbols: string[] = [];
  readonly checks: EntryCheck[] = [];
  /** Facts that hold from entry on: sizes are not negative, and what entry checks established. */
  readonly entryFacts: Expr[] = [];
  facts: Assumptions = Assumptions.none;
  body: Node[] = [];
  /** The program's outermost list of nodes. */
  readonly top: readonly Node[] = this.body;
  readonly scopes: LoopScope[] = [];
  readonly frames: Frame[] = [];
  readonly errors: DaceError[] = [];
  /** Containers written by nodes emitted so far. */
  written = new Set<string>();
  /** Containers of JavaScript's typed arrays, as far as the program makes them. */
  readonly typed = new WeakSet<Container>();
  /** Integer containers that indices or bounds rely on not being written. */
  frozen = new Set<string>();
  /** Scalar containers that are written once, before any use in their scope: a value that reads only them does not change. */
  single = new Set<string>();
  /** Integer scalars that are lengths of arrays, and the sizes of the buffers that those lie in. */
  readonly lengths = new Map<string, Expr>();
  cells = new Map<number, Cell>();
  /** The call's numbers: parameters by container. */
  readonly numbers = new Map<string, string>();
  /** Symbols for integers that follow from them, by what they are. */
  readonly entryIntegers = new Map<string, string>();
  /** When each container was made, by a count of containers made. */
  readonly births = new Map<string, number>();
  /** By variable (counter) of a loop: `born` where it began. */
  readonly loopBirths = new Map<string, number>();
  born = 0;
  readonly aliasCopies: AliasCopy[] = [];
  /** Lists that loops make longer. */
  readonly grown = new Set<GrownValue>();
  /** Notes that an array was put into a list; set by the evaluator. */
  appended: (row: ArrayValue, x: Arrayish | ScalarValue, from: number, label: string, loc: SourceLoc) => void = () => { throw new InternalError("no evaluator"); };
  /** Containers of module constants and captured values, which the program must not change. */
  readonly constants = new Set<string>();
  /** A list changes in a way that it cannot where it is; set by the evaluator. Returns only if that is so everywhere. */
  listChanges: (list: TupleValue) => void = () => undefined;
  /** Calls a program or library function; set by the evaluator. */
  call: (callee: Value, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc) => Value =
    () => { throw new InternalError("no evaluator"); };
  private readonly memlets: { data: string; index: readonly Expr[] }[] = [];
  private readonly readIds = new Map<string, number>();

  constructor(readonly program: ast.ArrayProgram, readonly signature: Signature, readonly learnt: Learnt) {}

  get language(): "python" | "javascript" { return this.program.language; }

  // ---- errors ----
  /** Before a list is changed. */
  changing(list: TupleValue, loc: SourceLoc | undefined): void {
    if (list.snapshot) this.unsupported("changing a list that a loop around has changed before, or made", loc, "make the list in the iteration that changes it, or fill an array");
  }
  fail(code: ErrorCode, message: string, loc: SourceLoc | undefined, hint?: string): never {
    throw new DaceError(code, message, { ...(loc ? { loc } : {}), ...(hint ? { hint } : {}) });
  }
  unsupported(what: string, loc: SourceLoc | undefined, hint?: string): never { return this.fail("UNSUPPORTED", what, loc, hint); }

  // ---- names, containers, symbols ----
  /** A name that no container or symbol of this graph has yet, like `base`. */
  unique(base: string): string {
    const clean = base.replace(/[^A-Za-z0-9_[\]]/g, "_") || "tmp";
    let name = clean;
    for (let n = 1; this.names.has(name); n++) name = `${clean}_${n}`;
    this.names.add(name);
    return name;
  }
  addSymbol(name: string): Expr {
    const s = this.unique(name);
    this.symbols.push(s);
    return sym(s);
  }
  /** A size or an integer parameter: has one value per call. */
  isEntrySymbol(name: string): boolean { return this.symbols.includes(name); }
  addContainer(c: Omit<Container, "name"> & { readonly name?: string }): Container {
    const made = { ...c, name: c.name ?? this.unique(c.label ?? "tmp") };
    this.containers.set(made.name, made);
    this.births.set(made.name, ++this.born);
    return made;
  }
  container(name: string): Container {
    const c = this.containers.get(name);
    if (!c) throw new InternalError(`no container ${name}`);
    return c;
  }
  /** A new uninitialised transient as a whole-array view. `shape` in elements, row-major. */
  /** An array with as many rows as a list has that grew in a loop which the run ended. */
  #growing(rows: Expr, rest: readonly Expr[], dtype: DType, label: string, loc: SourceLoc | undefined): ArrayValue {
    const count = this.allocate([], "int64", `${label}_length`, loc);
    this.tasklet(count.data, [], symbolic(rows), loc ? { loc } : {});
    this.single.add(count.data);
    this.frozen.add(count.data);
    const c = this.addContainer({ dtype, shape: [load(count.data, []), ...rest], transient: true, growable: true, label, ...(loc ? { loc } : {}) });
    this.emit(growNode(c.name, c, load(count.data, [])));
    return { ...this.whole(c.name), dims: [rows, ...rest].map((e, axis) => ({ size: e, steps: [{ axis, step: ONE }] })) };
  }
  allocate(shape: readonly Expr[], dtype: DType, label = "tmp", loc?: SourceLoc): ArrayValue {
    // A size that changes with the loops around needs a buffer for the largest.
    const [first, ...rest] = shape;
    if (first && loadedContainers(first).size > 0 && this.body === this.top && !entryBound(this, first, "upper") && rest.every((e) => knownOnEntry(this, e))) return this.#growing(first, rest, dtype, label, loc);
    const room = shape.map((e) => entryBound(this, e, "upper") ?? this.unsupported(`an array whose size ${e.key} is known only while the program runs`, loc, "allocate it with its largest size"));
    const c = this.addContainer({ dtype, shape: room, transient: true, label, ...(loc ? { loc } : {}) });
    let size = 1;
    for (const e of room) size *= e.constant ?? Infinity;
    const scope = this.scopes.at(-1);
    if (scope && size <= SMALL) scope.locals.push(c.name);
    return { ...this.whole(c.name), dims: shape.map((e, axis) => ({ size: e, steps: [{ axis, step: ONE }] })) };
  }
  /** The view of all of a container. */
  whole(name: string): ArrayValue {
    const c = this.container(name);
    return {
      kind: "array", data: name, dtype: c.dtype, base: c.shape.map(() => ZERO),
      dims: c.shape.map((size, axis) => ({ size, steps: [{ axis, step: ONE }] })),
    };
  }
  /** The container whose buffer a container is (itself unless it is a view). */
  bufferOf(name: string): string { return this.containers.get(name)?.view?.base ?? name; }

  // ---- facts and checks ----
  /** Runs `f` with more facts; entry facts found inside hold afterwards too. */
  withFacts<T>(facts: readonly Expr[], f: () => T): T {
    const old = this.facts, known = this.entryFacts.length;
    this.facts = old.with(...facts.filter((e) => this.stable(e)));
    try { return f(); } finally { this.facts = old.with(...this.entryFacts.slice(known)); }
  }
  /** Records `e >= 0` as holding for the whole program. */
  assume(e: Expr): void { this.entryFacts.push(e); this.facts = this.facts.with(e); }
  /** No part of the expression can change while the facts of a region hold. */
  stable(e: Expr): boolean {
    for (const c of loadedContainers(e)) if (!this.frozen.has(c)) return false;
    return true;
  }
  check(check: EntryCheck): void {
    if (!this.checks.some((c) => c.kind === check.kind && c.expr.key === check.expr.key)) this.checks.push(check);
  }

  // ---- reading ----
  /** The element of a container as a scalar expression; `index` is a container index. */
  read(data: string, index: readonly Expr[]): ScalarExpr {
    const key = `${data}[${index.map((e) => e.key).join(", ")}]`;
    let id = this.readIds.get(key);
    if (id === undefined) { id = this.memlets.push({ data, index }) - 1; this.readIds.set(key, id); }
    return input(id, this.container(data).dtype);
  }
  /** The element that a read number stands for. */
  memlet(id: number): Memlet { return this.memlets[id]!; }
  /** The elements that an expression reads, each once, with the containers that its indices and symbolic integers load. */
  readsOf(code: ScalarExpr): { readonly memlets: Memlet[]; readonly loads: Set<string> } {
    const memlets: Memlet[] = [], loads = new Set<string>();
    visitScalar(code, (x) => {
      if (x.kind === "input") { const m = this.memlet(x.index); memlets.push(m); for (const e of m.index) loadedContainers(e, loads); }
      else if (x.kind === "symbolic") loadedContainers(x.expr, loads);
    });
    return { memlets, loads };
  }
  /** Numbers the inputs from 0 for a node of their own. */
  private compact(code: ScalarExpr): { inputs: Memlet[]; code: ScalarExpr } {
    const inputs: Memlet[] = [], ids = new Map<number, number>(), seen = new Map<number, ScalarExpr>();
    const next = mapScalar(code, (x) => {
      if (x.kind !== "input") return x;
      let local = ids.get(x.index);
      if (local === undefined) { local = inputs.push(this.memlet(x.index)) - 1; ids.set(x.index, local); }
      const key = x.index;
      let made = seen.get(key);
      if (!made) { made = input(local, x.dtype); seen.set(key, made); }
      return made;
    });
    return { inputs, code: next };
  }
  condition(code: ScalarExpr): Condition { return this.compact(code); }

  // ---- emission ----
  private note(data: string): void {
    const buffer = this.bufferOf(data);
    if (this.frozen.has(buffer)) { this.learnt.unstable.add(buffer); throw new Restart(); }
    this.written.add(buffer);
  }
  emit(node: Node): void {
    if (node.kind === "tasklet") this.note(node.output.data);
    else if (node.kind === "library") for (const o of node.outputs) this.note(o.data);
    this.body.push(node);
  }
  /** `data[index] (=|wcr)= code`. The code is converted to the container's dtype. */
  tasklet(data: string, index: readonly Expr[], code: ScalarExpr, options: { readonly wcr?: Wcr; readonly loc?: SourceLoc } = {}): void {
    const dtype = this.container(data).dtype;
    // JavaScript stores numbers modulo the size of a typed array's elements, and 0 for what is not finite.
    const wraps = this.language === "javascript" && isInteger(dtype) && dtype !== "int64" && dtype !== "uint64" && isFloat(code.dtype) && !(code.kind === "cast" && isInteger(code.arg.dtype)) && code.kind !== "const";
    const whole = wraps ? op("mod", "float64", op("trunc", "float64", cast(code, "float64")), constant(2 ** 32, "float64")) : code;
    const converted: ScalarExpr = code.dtype === dtype ? code : { kind: "cast", dtype, arg: whole };
    const c = this.compact(converted);
    this.emit({ kind: "tasklet", id: freshId(), inputs: c.inputs, output: { data, index }, code: c.code, ...(options.wcr ? { wcr: options.wcr } : {}), ...(options.loc ? { loc: options.loc } : {}) });
  }
  library(node: Omit<LibraryNode, "kind" | "id">): void { this.emit({ kind: "library", id: freshId(), ...node }); }
  /** What `f` emits, as a list of its own. */
  region(f: () => void): Node[] {
    const outer = this.body, mine: Node[] = [];
    this.body = mine;
    try { f(); } finally { this.body = outer; }
    return mine;
  }
  /**
   * Emits `for variable in [begin, end)`; `f` fills the body. No loop is made for a single iteration of a map. The variable is named
   * like `label` and is unique.
   */
  loop(label: string, begin: Expr, end: Expr, order: "up" | "down" | "any", f: (v: Expr) => void, loc?: SourceLoc): void {
    const trip = sub(end, begin).constant;
    if (trip !== undefined && trip <= 0) return;
    if (trip === 1) { f(begin); return; }
    const variable = this.unique(label), v = sym(variable);
    const scope: LoopScope = { born: this.born, variable, begin, end, locals: [] };
    this.scopes.push(scope);
    this.loopBirths.set(variable, this.born);
    let body: Node[] = [];
    try {
      body = this.region(() => { this.withFacts([sub(v, begin), addInt(sub(end, v), -1)], () => f(v)); });
    } finally { this.scopes.pop(); }
    if (body.length > 0) this.emit({ kind: "loop", id: freshId(), variable, begin, end, order, body, ...(scope.locals.length > 0 ? { locals: scope.locals } : {}), ...(loc ? { loc } : {}) });
  }
  /** A map over an index space; `f` gets one index per size. `permutation`: the order of nesting, outermost first. */
  map(shape: readonly Expr[], f: (index: readonly Expr[]) => void, options: { readonly order?: "any" | "up" | "down"; readonly loc?: SourceLoc; readonly permutation?: readonly number[]; readonly label?: string } = {}): void {
    const order = options.permutation ?? shape.map((_, i) => i);
    const index: Expr[] = shape.map(() => ZERO);
    const nest = (k: number): void => {
      if (k === order.length) { f(index); return; }
      const d = order[k]!;
      this.loop(options.label ?? "i", ZERO, shape[d]!, options.order ?? "any", (v) => { index[d] = v; nest(k + 1); }, options.loc);
    };
    nest(0);
  }
  /** Emits `if code: then [else: otherwise]`. */
  conditional(code: ScalarExpr, then: () => void, otherwise?: () => void, loc?: SourceLoc): void {
    const first = this.region(then), second = otherwise ? this.region(otherwise) : [];
    this.emitConditional(code, first, second, loc);
  }
  emitConditional(code: ScalarExpr, then: readonly Node[], otherwise: readonly Node[], loc?: SourceLoc): void {
    if (then.length === 0 && otherwise.length === 0) return;
    const branches = [{ condition: this.condition(code), body: then }, ...(otherwise.length > 0 ? [{ body: otherwise }] : [])];
    this.emit({ kind: "conditional", id: freshId(), branches, ...(loc ? { loc } : {}) });
  }

  // ---- values ----
  int(e: Expr | number): ScalarValue { return intValue(typeof e === "number" ? addInt(ZERO, e) : e, this.language); }
  bool(b: boolean): ScalarValue { return boolValue(b); }
  /** Declares that a container's contents will not change (or the lowering starts again without that belief). */
  freeze(data: string): boolean {
    const buffer = this.bufferOf(data);
    if (this.learnt.unstable.has(buffer) || this.written.has(buffer) || !isInteger(this.container(data).dtype)) return false;
    this.frozen.add(buffer);
    return true;
  }

  // ---- trying ----
  snapshot(): Snapshot {
    return {
      containers: new Map(this.containers), names: new Set(this.names), body: this.body, length: this.body.length, checks: this.checks.length, facts: this.facts,
      scopes: this.scopes.map((s) => [s, s.locals.length]), frames: reachableFrames(this.frames).map((f) => [f, new Map(f.vars)]), calls: this.frames.length, errors: this.errors.length,
      written: new Set(this.written), symbols: this.symbols.length, frozen: new Set(this.frozen), entryFacts: this.entryFacts.length,
      single: new Set(this.single), cells: new Map(this.cells), aliases: this.aliasCopies.length,
      grown: [...this.grown].map((g) => [g, { ...g.state }]),
    };
  }
  /** Undoes everything since the snapshot. */
  restore(s: Snapshot): void {
    this.containers.clear();
    for (const [k, v] of s.containers) this.containers.set(k, v);
    this.names.clear();
    for (const n of s.names) this.names.add(n);
    this.body = s.body;
    this.body.length = s.length;
    this.checks.length = s.checks;
    this.facts = s.facts;
    this.scopes.length = s.scopes.length;
    for (const [scope, n] of s.scopes) scope.locals.length = n;
    this.frames.length = s.calls;
    for (const [frame, vars] of s.frames) { frame.vars.clear(); for (const [k, v] of vars) frame.vars.set(k, v); }
    this.errors.length = s.errors;
    this.written = new Set(s.written);
    this.symbols.length = s.symbols;
    this.frozen = new Set(s.frozen);
    this.entryFacts.length = s.entryFacts;
    this.single = new Set(s.single);
    this.cells = new Map(s.cells);
    this.aliasCopies.length = s.aliases;
    this.grown.clear();
    for (const [g, state] of s.grown) { this.grown.add(g); delete g.state.data; delete g.state.counter; delete g.state.asked; delete g.state.skipped; Object.assign(g.state, state); }
    this.readIds.clear();
  }
}
