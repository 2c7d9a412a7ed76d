/**
 * Walks a scheduled graph and prints it through a `Language`. It decides nothing about parallelism or order; what it adds is the form of the code:
 * values used twice get a variable, reductions over an innermost loop an accumulator, guards a conditional read.
 */
import type { DType } from "../base/dtypes.js";
import { isInteger } from "../base/dtypes.js";
import { InternalError, DaceError } from "../base/errors.js";
import { bodiesOf } from "../analysis/paths.js";
import type { ScalarExpr } from "../scalar/expr.js";
import { hashCons } from "../scalar/hashcons.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Condition, Container, Loop, Memlet, Node, Tasklet, Wcr } from "../sdfg/nodes.js";
import { add, affine, dependsOn, mul, visitAtoms, ZERO, type Atom, type Expr } from "../symbolic/expr.js";
import type { PlanSite } from "./plan.js";
import type { Language, Text } from "./language.js";

export interface EmitOptions {
  readonly precision: "default" | "strict" | "fast";
  /** Name of each container's base pointer or scalar variable. */
  readonly place: (container: Container) => { readonly kind: "buffer" | "variable"; readonly text: Text };
  readonly symbol: (name: string) => Text;
  readonly parallel: boolean;
}

interface Accumulator { readonly name: Text; readonly wcr: Wcr; readonly dtype: DType }

export class Emitter {
  readonly lines: string[] = [];
  readonly sites: PlanSite[] = [];
  #depth = 1;
  #next = 0;
  #inParallel = false;
  readonly #variables = new Map<string, Text>();
  readonly #labels = new Map<string, Text>();
  readonly #accumulators = new Map<string, Accumulator>();
  readonly #placeOfLocal = new Map<string, Text>();

  constructor(readonly graph: Graph, readonly language: Language, readonly options: EmitOptions) {}

  line(...texts: readonly Text[]): void { for (const t of texts) this.lines.push(`${"  ".repeat(this.#depth)}${t}`); }
  fresh(prefix: string): Text { return `${prefix}${this.#next++}`; }

  block(body: readonly Node[]): void { for (const n of body) this.node(n); }

  node(n: Node): void {
    switch (n.kind) {
      case "tasklet": this.#tasklet(n); break;
      case "loop": this.#loop(n); break;
      case "conditional": this.#conditional(n.branches); break;
      case "while": {
        const counter = this.fresh("k");
        this.#variables.set(n.counter, counter);
        this.line(...this.language.whileOpen(counter));
        this.#indent(() => {
          this.line(...this.language.poll());
          if (!n.testAfter) this.line(this.language.leaveUnless(this.#condition(n.condition)));
          this.block(n.body);
          if (n.testAfter) this.line(this.language.leaveUnless(this.#condition(n.condition)));
        });
        this.line("}");
        break;
      }
      case "block": {
        const label = this.fresh("L");
        this.#labels.set(n.label, label);
        this.line(this.language.blockOpen(label));
        this.#indent(() => { this.block(n.body); });
        this.line(...this.language.blockClose(label));
        break;
      }
      case "exit": this.line(this.language.exit(this.#label(n.label))); break;
      case "raise": this.line(this.language.raise(n.code === "RAISED" ? 3 : 2, this.#site(n.code, n.message, n))); break;
      case "library": throw new InternalError(`library node ${n.op} was not expanded`);
    }
  }

  #indent(f: () => void): void { this.#depth++; f(); this.#depth--; }
  #label(name: string): Text { const l = this.#labels.get(name); if (!l) throw new InternalError(`exit from unknown block ${name}`); return l; }
  #site(code: PlanSite["code"], message: string, at: { loc?: Tasklet["loc"] }): number {
    this.sites.push({ code, message, ...(at.loc ? { file: at.loc.file.name, line: at.loc.line, column: at.loc.column } : {}) });
    return this.sites.length - 1;
  }

  // ---- integers

  int(e: Expr): Text {
    if (e.terms.length === 0) return this.language.int(0);
    const parts = e.terms.map((t): { text: Text; negative: boolean } => {
      const factors = t.atoms.map((a) => this.#atom(a));
      const k = Math.abs(t.coefficient);
      if (k !== 1 || factors.length === 0) factors.unshift(this.language.int(k));
      return { text: factors.join(" * "), negative: t.coefficient < 0 };
    });
    parts.sort((a, b) => Number(a.negative) - Number(b.negative));
    const text = parts.map((p, i) => (i === 0 ? `${p.negative ? "-" : ""}${p.text}` : `${p.negative ? " - " : " + "}${p.text}`)).join("");
    return e.terms.length === 1 && e.terms[0]!.coefficient > 0 && e.terms[0]!.atoms.length <= 1 && (e.terms[0]!.coefficient === 1 || e.terms[0]!.atoms.length === 0) ? text : `(${text})`;
  }
  #atom(a: Atom): Text {
    switch (a.kind) {
      case "symbol": return this.#variables.get(a.name) ?? this.options.symbol(a.name);
      case "floordiv": return this.language.floordiv(this.int(a.a), this.int(a.b));
      case "mod": return this.language.mod(this.int(a.a), this.int(a.b));
      case "min": return this.language.minInt(a.args.map((x) => this.int(x)));
      case "max": return this.language.maxInt(a.args.map((x) => this.int(x)));
      case "load": {
        const c = this.graph.container(a.data);
        const local = this.#placeOfLocal.get(a.data);
        if (local) return local;
        const at = this.#place(c);
        return at.kind === "variable" ? at.text : this.language.readIndex(at.text, this.flat(c, a.index), c.dtype);
      }
    }
  }
  /** Row-major offset in elements from the base buffer's start. */
  flat(c: Container, index: readonly Expr[]): Text {
    let e = index.reduce<Expr>((sum, x, d) => add(d === 0 ? ZERO : mul(sum, c.shape[d]!), x), ZERO);
    if (c.view) e = add(e, c.view.offset);
    return this.int(e);
  }
  #place(c: Container): { kind: "buffer" | "variable"; text: Text } {
    const base = c.view ? this.graph.container(c.view.base) : c;
    return this.options.place(base);
  }

  // ---- values

  #checkIndices(index: readonly Expr[], data: string, at: { loc?: Tasklet["loc"] }): void {
    const c = this.graph.container(data);
    index.forEach((e, d) => {
      let loads = false;
      visitAtoms(e, (a) => { if (a.kind === "load") { loads = true; this.#checkIndices(a.index, a.data, at); } });
      if (loads) this.line(this.language.check(this.int(e), this.int(c.shape[d]!), this.#site("BOUNDS", `index out of range for axis ${d} of ${c.label ?? c.name}`, at)));
    });
  }

  #read(m: Memlet): Text {
    const c = this.graph.container(m.data);
    const local = this.#placeOfLocal.get(m.data);
    if (local) return local;
    const at = this.#place(c);
    const value = at.kind === "variable" ? at.text : this.language.read(at.text, this.flat(c, m.index), c.dtype);
    if (!m.guard || m.guard.length === 0) return value;
    return `(${m.guard.map((g) => `${this.int(g)} >= 0`).join(" && ")} ? ${value} : ${this.language.constant(0, undefined, c.dtype)})`;
  }

  /** Prints an expression; shared parts become variables first. Returns the text of the value. */
  value(root: ScalarExpr, inputs: readonly Memlet[]): Text {
    const code = hashCons(root);
    const uses = new Map<ScalarExpr, number>();
    const count = (e: ScalarExpr): void => {
      const n = uses.get(e) ?? 0;
      uses.set(e, n + 1);
      if (n > 0) return;
      if (e.kind === "op") for (const a of e.args) count(a); else if (e.kind === "cast") count(e.arg);
    };
    count(code);
    const texts = new Map<ScalarExpr, Text>();
    const print = (e: ScalarExpr): Text => {
      const known = texts.get(e);
      if (known) return known;
      let text: Text;
      switch (e.kind) {
        case "const": text = this.language.constant(e.value, e.imag, e.dtype); break;
        case "symbolic": text = this.language.fromInt(this.int(e.expr), e.dtype); break;
        case "input": text = this.#read(inputs[e.index]!); break;
        case "cast": text = this.language.cast(print(e.arg), e.arg.dtype, e.dtype); break;
        case "op": text = this.language.op(e.op, e.dtype, e.args.map(print), e.args.map((a) => a.dtype)); break;
      }
      if ((e.kind === "op" || e.kind === "cast" || e.kind === "input") && (uses.get(e) ?? 0) > 1) {
        const name = this.fresh("t");
        this.line(this.language.declare(name, e.dtype, text, false));
        text = name;
      }
      texts.set(e, text);
      return text;
    };
    return print(code);
  }

  #condition(c: Condition): Text { return this.value(c.code, c.inputs); }

  // ---- nodes

  #tasklet(t: Tasklet): void {
    for (const m of t.inputs) this.#checkIndices(m.index, m.data, t);
    this.#checkIndices(t.output.index, t.output.data, t);
    const c = this.graph.container(t.output.data);
    let value = this.value(t.code, t.inputs);
    if (t.code.dtype !== c.dtype) value = this.language.cast(value, t.code.dtype, c.dtype);
    const accumulator = this.#accumulators.get(t.output.data);
    if (accumulator && t.wcr) { this.line(`${accumulator.name} = ${this.language.combine(t.wcr, accumulator.name, value, c.dtype)};`); return; }
    const local = this.#placeOfLocal.get(t.output.data);
    const at = local ? { kind: "variable" as const, text: local } : this.#place(c);
    if (at.kind === "variable") {
      this.line(`${at.text} = ${t.wcr ? this.language.combine(t.wcr, at.text, value, c.dtype) : value};`);
      return;
    }
    const index = this.flat(c, t.output.index);
    this.line(this.language.store(at.text, index, t.wcr ? this.language.combine(t.wcr, this.language.read(at.text, index, c.dtype), value, c.dtype) : value, c.dtype));
  }

  #conditional(branches: readonly { readonly condition?: Condition; readonly body: readonly Node[] }[]): void {
    // Later conditions are evaluated only where the earlier ones failed: nest the chain, since a condition may need statements.
    const chain = (i: number): void => {
      const b = branches[i];
      if (!b) return;
      if (!b.condition) { this.block(b.body); return; }
      this.line(`if (${this.#condition(b.condition)}) {`);
      this.#indent(() => { this.block(b.body); });
      if (i + 1 < branches.length) { this.line("} else {"); this.#indent(() => { chain(i + 1); }); }
      this.line("}");
    };
    chain(0);
  }

  #loop(l: Loop): void {
    const accumulators = this.#enterReductions(l);
    const variable = this.fresh("i");
    const innermost = l.body.every((n) => n.kind === "tasklet" || n.kind === "conditional");
    const parallel = this.options.parallel && !this.#inParallel && l.schedule?.parallel === true;
    const begin = this.int(l.begin), end = this.int(l.end);
    const old = this.#variables.get(l.variable);
    this.#variables.set(l.variable, variable);
    const work = l.schedule?.region?.work;
    this.line(...this.language.loopOpen({
      variable, begin, end, down: l.order === "down", independent: l.order === "any" && innermost && this.#independent(l), innermost,
      accumulators: innermost ? [...accumulators.values()].map((a) => ({ name: a.name, wcr: a.wcr })) : [],
      ...(parallel && work ? { parallel: { work: this.int(work) } } : {}),
    }));
    if (parallel) this.#inParallel = true;
    this.#indent(() => {
      if (!innermost && l.order !== "any" && !this.#inParallel) this.line(...this.language.poll());
      const declared: string[] = [];
      for (const name of l.locals ?? []) {
        const c = this.graph.container(name);
        if (c.shape.length > 0 || c.view) continue;
        const v = this.fresh("c");
        this.line(this.language.declare(v, c.dtype, this.language.constant(0, undefined, c.dtype), true));
        this.#placeOfLocal.set(name, v);
        declared.push(name);
      }
      this.block(l.body);
      for (const name of declared) this.#placeOfLocal.delete(name);
    });
    this.line("}");
    if (parallel) this.#inParallel = false;
    if (old) this.#variables.set(l.variable, old); else this.#variables.delete(l.variable);
    this.#leaveReductions(accumulators);
  }

  /** Containers that the loop only reduces into, at one element: an accumulator each. */
  #enterReductions(l: Loop): Map<string, Accumulator & { memlet: Memlet }> {
    const found = new Map<string, { wcr: Wcr; memlet: Memlet } | undefined>();
    const variables = new Set<string>();
    const loads = (e: Expr): void => visitAtoms(e, (a) => { if (a.kind === "load") found.set(a.data, undefined); });
    const scan = (n: Node): void => {
      if (n.kind === "loop") { variables.add(n.variable); loads(n.begin); loads(n.end); for (const x of n.locals ?? []) found.set(x, undefined); }
      if (n.kind === "tasklet") {
        for (const m of n.inputs) { found.set(m.data, undefined); m.index.forEach(loads); m.guard?.forEach(loads); }
        n.output.index.forEach(loads);
        const known = found.get(n.output.data);
        if (!found.has(n.output.data) && n.wcr) found.set(n.output.data, { wcr: n.wcr, memlet: n.output });
        else if (!(known && known.wcr === n.wcr && sameIndex(known.memlet, n.output))) found.set(n.output.data, undefined);
      } else if (n.kind === "conditional") for (const b of n.branches) for (const m of b.condition?.inputs ?? []) { found.set(m.data, undefined); m.index.forEach(loads); }
      else if (n.kind === "while") for (const m of n.condition.inputs) found.set(m.data, undefined);
      else if (n.kind === "exit" || n.kind === "raise") exits = true;
      for (const b of bodiesOf(n)) for (const x of b.list) scan(x);
    };
    let exits = false;
    scan(l);
    const out = new Map<string, Accumulator & { memlet: Memlet }>();
    if (exits) return out;
    for (const [data, f] of found) {
      if (!f || this.#accumulators.has(data)) continue;
      const c = this.graph.container(data);
      if (c.view || [...this.graph.containers.values()].some((x) => x.view?.base === data && found.has(x.name))) continue;
      if (f.memlet.index.some((e) => [...variables].some((v) => dependsOn(e, v)) || hasLoad(e)) || isInteger(c.dtype) && f.wcr === "prod") continue;
      if (c.dtype.startsWith("complex") || c.dtype === "bool") continue;
      const name = this.fresh("a");
      const identity = f.wcr === "sum" ? 0 : f.wcr === "prod" ? 1 : undefined;
      const local = this.#placeOfLocal.get(data);
      const at = local ? { kind: "variable" as const, text: local } : this.#place(c);
      const start = identity === undefined || this.options.precision === "strict" ? (at.kind === "variable" ? at.text : this.language.read(at.text, this.flat(c, f.memlet.index), c.dtype)) : this.language.constant(identity, undefined, c.dtype);
      this.line(this.language.declare(name, c.dtype, start, true));
      const a = { name, wcr: f.wcr, dtype: c.dtype, memlet: f.memlet };
      this.#accumulators.set(data, a);
      out.set(data, a);
    }
    return out;
  }

  #leaveReductions(accumulators: ReadonlyMap<string, Accumulator & { memlet: Memlet }>): void {
    for (const [data, a] of accumulators) {
      this.#accumulators.delete(data);
      const c = this.graph.container(data);
      const local = this.#placeOfLocal.get(data);
      const at = local ? { kind: "variable" as const, text: local } : this.#place(c);
      const replaces = a.wcr === "min" || a.wcr === "max" || this.options.precision === "strict";
      if (at.kind === "variable") { this.line(`${at.text} = ${replaces ? a.name : this.language.combine(a.wcr, at.text, a.name, c.dtype)};`); continue; }
      const index = this.flat(c, a.memlet.index);
      this.line(this.language.store(at.text, index, replaces ? a.name : this.language.combine(a.wcr, this.language.read(at.text, index, c.dtype), a.name, c.dtype), c.dtype));
    }
  }

  /** May the compiler vectorise a map's innermost loop without looking? Not where two iterations combine into one element. */
  #independent(l: Loop): boolean {
    const written = new Map<string, string>();
    let ok = true;
    const scan = (n: Node): void => {
      if (n.kind === "tasklet" && n.wcr && !this.#accumulators.has(n.output.data) && !(l.locals ?? []).includes(n.output.data)) {
        const key = n.output.index.map((e) => e.key).join(",");
        const moves = n.output.index.some((e) => { const a = affine(e, new Set([l.variable])); const k = a?.coefficients.get(l.variable)?.constant; return k !== undefined && k !== 0; });
        if (!moves || (written.has(n.output.data) && written.get(n.output.data) !== key)) ok = false;
        written.set(n.output.data, key);
      }
      for (const b of bodiesOf(n)) b.list.forEach(scan);
    };
    l.body.forEach(scan);
    const reads = (n: Node): void => {
      if (n.kind === "tasklet") for (const m of n.inputs) { const w = written.get(m.data); if (w !== undefined && w !== m.index.map((e) => e.key).join(",")) ok = false; }
      for (const b of bodiesOf(n)) b.list.forEach(reads);
    };
    l.body.forEach(reads);
    return ok;
  }
}

function sameIndex(a: Memlet, b: Memlet): boolean { return a.index.every((e, d) => e.key === b.index[d]!.key); }
function hasLoad(e: Expr): boolean { let f = false; visitAtoms(e, (a) => { if (a.kind === "load") f = true; }); return f; }
export function unsupportedDtype(d: DType): never { throw new DaceError("UNSUPPORTED", `${d} in generated code`); }
