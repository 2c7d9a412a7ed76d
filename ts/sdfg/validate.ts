/**
 * What every graph must satisfy after every pass. A violation is a mistake of ours: an InternalError that names the rule and the node (by its number in the
 * text form). Rules of single library operations are passed in, since they live a floor above.
 */
import { isComplex, isInteger, type DType } from "../base/dtypes.js";
import { InternalError } from "../base/errors.js";
import { visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { visitAtoms, type Expr } from "../symbolic/expr.js";
import type { Condition, LibraryNode, Memlet, Node, Operand, ReturnValue } from "./nodes.js";
import type { Graph } from "./sdfg.js";

export interface ValidateOptions {
  /** Reads of saved forward values are allowed: the joint graph, before planning. */
  readonly saved?: boolean;
  /** The operation's own rules; throws. */
  readonly library?: (node: LibraryNode) => void;
}

export type Rule =
  | "containers" | "views" | "parameters" | "node identities" | "loop variables" | "symbols in scope" | "known containers" | "index ranks" | "loads"
  | "code inputs" | "code types" | "condition types" | "exits" | "locals" | "conflict resolution" | "guards" | "saved reads" | "operands" | "library operation";

export function validate(graph: Graph, options: ValidateOptions = {}): void { new Validator(graph, options).run(); }

class Validator {
  readonly #numbers = new Map<number, number>();
  /** Loop variables, counters and symbols that are visible. */
  readonly #scope: Set<string>;
  readonly #labels: string[] = [];
  /** Local containers → the loops that each have one of their own. */
  readonly #homes = new Map<string, Set<number>>();
  readonly #open: number[] = [];
  #node: Node | undefined;

  constructor(readonly graph: Graph, readonly options: ValidateOptions) { this.#scope = new Set(graph.symbols); }

  #fail(rule: Rule, what: string): never {
    const n = this.#node, at = n ? ` at node ${this.#numbers.get(n.id) ?? "?"} (${n.kind}${n.kind === "loop" ? ` ${n.variable}` : n.kind === "tasklet" ? ` writing ${n.output.data}` : n.kind === "library" ? ` ${n.op}` : ""})` : "";
    throw new InternalError(`invalid graph ${this.graph.name}: ${rule}: ${what}${at}`, n?.loc ? { loc: n.loc } : {});
  }

  run(): void {
    this.#identities(this.graph.body);
    this.#containers();
    for (const p of this.graph.parameters) {
      if (p.kind === "container" ? !this.graph.containers.has(p.container) : !this.#scope.has(p.symbol)) this.#fail("parameters", `${p.name} stands for nothing`);
      if (p.kind === "container" && this.graph.containers.get(p.container)!.transient && !this.graph.containers.get(p.container)!.view) this.#fail("parameters", `${p.name} is a transient`);
    }
    if (new Set(this.graph.parameters.map((p) => p.name)).size !== this.graph.parameters.length) this.#fail("parameters", "two have the same name");
    this.#result(this.graph.result);
    for (const c of this.graph.checks) this.#expr(c.expr, "an entry check");
    this.#body(this.graph.body);
  }

  #identities(body: readonly Node[]): void {
    for (const n of body) {
      if (this.#numbers.has(n.id)) { this.#node = n; this.#fail("node identities", "two nodes have the same id"); }
      this.#numbers.set(n.id, this.#numbers.size + 1);
      for (const x of children(n)) this.#identities(x);
    }
  }
  #containers(): void {
    for (const [name, c] of this.graph.containers) {
      if (c.name !== name) this.#fail("containers", `${name} is called ${c.name}`);
      if (c.growable && (!c.transient || c.view || c.shape.length === 0)) this.#fail("containers", `${name} cannot grow`);
      // How many rows are in use is nobody's concern any more where no further derivative is to come.
      c.shape.forEach((e, d) => { if (c.growable && d === 0) return; this.#expr(e, `the shape of ${name}`); if (hasLoad(e)) this.#fail("containers", `the shape of ${name} depends on data`); });
      if (!c.view) continue;
      const base = this.graph.containers.get(c.view.base);
      if (!base) this.#fail("views", `${name} views ${c.view.base}, which does not exist`);
      if (base?.view) this.#fail("views", `${name} views ${c.view.base}, which is a view`);
      if (base && base.dtype !== c.dtype) this.#fail("views", `${name} views ${base.dtype} as ${c.dtype}`);
      this.#expr(c.view.offset, `the offset of ${name}`);
    }
  }
  #result(r: ReturnValue): void {
    if (r.kind === "container" && !this.graph.containers.has(r.name)) this.#fail("known containers", `the result ${r.name} does not exist`);
    if (r.kind === "container") for (const l of r.lengths ?? []) {
      const c = l === undefined ? undefined : this.graph.containers.get(l);
      if (l !== undefined && (c?.dtype !== "int64" || c.shape.length > 0)) this.#fail("known containers", `${l} is no int64 scalar`);
    }
    if (r.kind === "integer") this.#expr(r.expr, "the result");
    if (r.kind === "tuple") r.items.forEach((x) => { this.#result(x); });
  }

  #body(body: readonly Node[]): void { for (const n of body) { this.#node = n; this.#check(n); } }

  #check(n: Node): void {
    switch (n.kind) {
      case "tasklet": {
        n.inputs.forEach((m) => { this.#memlet(m, "read"); });
        this.#memlet(n.output, "write");
        this.#code(n.code, n.inputs);
        const d = this.#dtype(n.output.data);
        if (n.code.dtype !== d) this.#fail("code types", `${n.code.dtype} written to ${n.output.data}, which holds ${d}`);
        if (n.wcr !== undefined && (d === "bool" || ((n.wcr === "min" || n.wcr === "max") && isComplex(d)))) this.#fail("conflict resolution", `${n.wcr} of ${d}`);
        break;
      }
      case "loop": {
        if (this.#scope.has(n.variable)) this.#fail("loop variables", `${n.variable} is in scope already`);
        this.#expr(n.begin, "the begin of a loop");
        this.#expr(n.end, "the end of a loop");
        for (const x of n.locals ?? []) {
          const c = this.graph.containers.get(x);
          if (!c) this.#fail("locals", `${x} does not exist`);
          else if (!c.transient) this.#fail("locals", `${x} is not a transient`);
          const homes = this.#homes.get(x) ?? new Set<number>();
          if (this.#open.some((l) => homes.has(l))) this.#fail("locals", `${x} belongs to two loops, one inside the other`);
          this.#homes.set(x, homes.add(n.id));
          // Uses before its first loop were checked against no home.
          if (homes.size === 1 && this.#used.has(x)) this.#fail("locals", `${x} is used before the loop that it belongs to`);
        }
        this.#inside(n.variable, n.id, n.body);
        break;
      }
      case "while": {
        if (this.#scope.has(n.counter)) this.#fail("loop variables", `${n.counter} is in scope already`);
        this.#condition(n.condition);
        this.#inside(n.counter, n.id, n.body);
        break;
      }
      case "conditional": {
        n.branches.forEach((b, i) => {
          this.#node = n;
          if (b.condition) this.#condition(b.condition); else if (i !== n.branches.length - 1) this.#fail("condition types", "a branch without a condition that is not the last");
          this.#body(b.body);
        });
        break;
      }
      case "block":
        if (this.#labels.includes(n.label)) this.#fail("exits", `the block ${n.label} stands in a block of that label`);
        this.#labels.push(n.label);
        this.#body(n.body);
        this.#labels.pop();
        break;
      case "exit": if (!this.#labels.includes(n.label)) this.#fail("exits", `there is no block ${n.label} around it`); break;
      case "raise": break;
      case "library": {
        n.inputs.forEach((o) => { this.#operand(o, "read"); });
        n.outputs.forEach((o) => { this.#operand(o, "write"); });
        try { this.options.library?.(n); } catch (e) { this.#fail("library operation", e instanceof Error ? e.message : String(e)); }
        break;
      }
    }
  }
  readonly #used = new Set<string>();
  #inside(variable: string, id: number, body: readonly Node[]): void {
    this.#scope.add(variable);
    this.#open.push(id);
    this.#body(body);
    this.#open.pop();
    this.#scope.delete(variable);
  }

  // ---- parts of nodes ----
  #data(name: string, saved = false): void {
    const c = this.graph.containers.get(name);
    if (!c) this.#fail("known containers", `${name} does not exist`);
    for (const x of new Set([name, c?.view?.base ?? name])) {
      // A saved read means the private value of the iteration that it names.
      if (saved) continue;
      this.#used.add(x);
      const homes = this.#homes.get(x);
      if (homes && !this.#open.some((l) => homes.has(l))) this.#fail("locals", `${x} is used outside of the loop that it belongs to`);
    }
  }
  #dtype(name: string): DType { return this.graph.containers.get(name)!.dtype; }
  #expr(e: Expr, what: string): void {
    visitAtoms(e, (a) => {
      if (a.kind === "symbol" && !this.#scope.has(a.name)) this.#fail("symbols in scope", `${a.name} in ${what}`);
      if (a.kind !== "load") return;
      this.#data(a.data);
      const c = this.graph.containers.get(a.data)!;
      if (!isInteger(c.dtype) && c.dtype !== "bool") this.#fail("loads", `${a.data} in ${what} holds ${c.dtype}`);
      if (a.index.length !== c.shape.length) this.#fail("index ranks", `${a.data} with ${a.index.length} indices in ${what}`);
    });
  }
  #memlet(m: Memlet, role: "read" | "write"): void {
    this.#data(m.data, m.saved !== undefined);
    const c = this.graph.containers.get(m.data)!;
    if (m.index.length !== c.shape.length) this.#fail("index ranks", `${m.data} with ${m.index.length} indices, it has ${c.shape.length} dimensions`);
    m.index.forEach((e) => { this.#expr(e, `an index of ${m.data}`); });
    if (m.guard && role === "write") this.#fail("guards", `the write of ${m.data} has a guard`);
    m.guard?.forEach((e) => { this.#expr(e, `a guard of ${m.data}`); });
    this.#saved(m.data, m.saved, role);
  }
  #saved(data: string, saved: Memlet["saved"], role: "read" | "write"): void {
    if (!saved) return;
    if (!this.options.saved || role === "write") this.#fail("saved reads", `${role === "write" ? "a write" : "a read"} of ${data} is a saved one`);
    if (!this.#numbers.has(saved.node)) this.#fail("saved reads", `${data} as it was at a node that is not in the graph`);
  }
  #code(code: ScalarExpr, inputs: readonly Memlet[]): void {
    visitScalar(code, (e) => {
      if (e.kind === "symbolic") this.#expr(e.expr, "a value");
      if (e.kind === "op" && e.args.length === 0) this.#fail("code types", `${e.op} without arguments`);
      if (e.kind !== "input") return;
      const m = inputs[e.index];
      if (!m) this.#fail("code inputs", `input ${e.index} of ${inputs.length}`);
      else if (e.dtype !== this.#dtype(m.data)) this.#fail("code inputs", `input ${e.index} is read as ${e.dtype}, ${m.data} holds ${this.#dtype(m.data)}`);
    });
  }
  #condition(c: Condition): void {
    c.inputs.forEach((m) => { this.#memlet(m, "read"); });
    this.#code(c.code, c.inputs);
    if (c.code.dtype !== "bool") this.#fail("condition types", `a condition of ${c.code.dtype}`);
  }
  #operand(o: Operand, role: "read" | "write"): void {
    this.#data(o.data, o.saved !== undefined);
    const rank = this.graph.containers.get(o.data)!.shape.length;
    if (o.base.length !== rank) this.#fail("index ranks", `${o.data} with ${o.base.length} indices, it has ${rank} dimensions`);
    if (o.axes.length !== o.sizes.length || new Set(o.axes).size !== o.axes.length || o.axes.some((a) => a < 0 || a >= rank)) this.#fail("operands", `${o.data} along axes ${o.axes.join(", ")} with ${o.sizes.length} sizes`);
    [...o.base, ...o.sizes].forEach((e) => { this.#expr(e, `an operand of ${o.data}`); });
    this.#saved(o.data, o.saved, role);
  }
}

function children(n: Node): readonly (readonly Node[])[] { return n.kind === "conditional" ? n.branches.map((b) => b.body) : n.kind === "loop" || n.kind === "while" || n.kind === "block" ? [n.body] : []; }
function hasLoad(e: Expr): boolean { let f = false; visitAtoms(e, (a) => { if (a.kind === "load") f = true; }); return f; }
