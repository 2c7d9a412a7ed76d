/**
 * Walks a scheduled graph and prints it through a `Language`. It decides nothing about parallelism or order; what it adds is the form of the code:
 * values used twice get a variable, reductions an accumulator, elements that a loop does not change a register, loops with an interior three parts.
 */
import type { SourceLoc } from "../base/errors.js";
import { InternalError } from "../base/errors.js";
import { accessesOf } from "../analysis/accesses.js";
import { loopFacts } from "../analysis/dependence.js";
import { insideShape } from "../analysis/inside.js";
import { bodiesOf } from "../analysis/paths.js";
import { isInteger } from "../base/dtypes.js";
import { gemmOperand } from "../schedule/library.js";
import { reductionsOf } from "../schedule/reductions.js";
import { isInnermost } from "../schedule/simd.js";
import { unitsIn } from "../schedule/work.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Condition, Container, LibraryNode, Loop, Node, Tasklet } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, mul, ONE, sub, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { carriedValue } from "./carried.js";
import { invariantReads, offsetsOf, sharedKeys } from "./invariants.js";
import { Integers } from "./integers.js";
import type { AccumulatorText, Failure, GemmText, Language, LoopText, Text } from "./language.js";
import type { Sites } from "./plan.js";
import { memletKey, Scope, type Accumulator, type Place } from "./scope.js";
import { checkIndices, checkLoads, printValue, type Printer } from "./values.js";

export interface EmitOptions {
  readonly precision: "default" | "strict" | "fast";
  /** Where each base container lives. */
  readonly place: (container: Container) => Place;
  readonly symbol: (name: string) => Text;
  readonly sites: Sites;
  /** Is the container (a base) touched at all? Loops may list private ones whose uses an interior has done away with. */
  readonly used?: (name: string) => boolean;
  /** Scalars that are nothing but indices: in JavaScript they are numbers, not big integers. */
  readonly indices?: ReadonlySet<string>;
  /** Units of work from which threads share a loop (tests lower it). */
  readonly threshold?: number;
}

/** Types of the preamble that look like our names. */
export const TYPE_NAMES: ReadonlySet<string> = new Set(["i32", "i64", "u32", "u64", "c64", "c128"]);

/** Units of work that are little beside a look at a flag. */
const SHORT = 2000;

export class Emitter implements Printer {
  readonly lines: string[] = [];
  readonly integers: Integers;
  readonly scope: Scope;
  protected depth = 1;
  /** Number of the next name. */
  protected next = 0;
  #sequential = 0;
  failure: Failure = "return";
  #carried: { readonly writer: Tasklet; readonly name: Text; value: Text } | undefined;
  protected facts: Assumptions;
  readonly #labels = new Map<string, Text>();

  constructor(readonly graph: Graph, readonly language: Language, readonly options: EmitOptions) {
    this.scope = new Scope(graph);
    this.facts = graph.facts;
    this.integers = new Integers(graph, language, options.symbol, (data) => this.place(data), (data) => this.#isIndex(data));
  }

  line(...texts: readonly Text[]): void { for (const t of texts) this.lines.push(`${"  ".repeat(this.depth)}${t}`); }
  fresh(prefix: string): Text {
    const name = `${prefix}${this.next++}`;
    return TYPE_NAMES.has(name) ? this.fresh(prefix) : name;
  }
  place(data: string): Place {
    const base = this.scope.base(data);
    return this.scope.locals.get(base) ?? this.options.place(this.graph.container(base));
  }
  #isIndex(data: string): boolean { return this.language.name === "js" && this.options.indices?.has(this.scope.base(data)) === true; }
  site(code: "BOUNDS" | "RAISED" | "NAN", message: string, loc: SourceLoc | undefined): number { return this.options.sites.add(code, message, loc); }
  protected indent(f: () => void): void { this.depth++; f(); this.depth--; }

  /** A body list in order; `after` is called behind each node. */
  list(body: readonly Node[], after?: () => void): void {
    const shared = sharedKeys(body);
    this.scope.nested(() => {
      for (const n of body) {
        if (n.kind === "tasklet") { this.#tasklet(n, shared); after?.(); continue; }
        const touched = n.kind === "exit" || n.kind === "raise" ? [] : accessesOf(this.graph, [n]).filter((a) => a.write);
        for (const a of touched) this.scope.written(a.data, undefined);
        this.scope.nested(() => { this.node(n); });
        after?.();
      }
    });
  }

  protected node(n: Node): void {
    switch (n.kind) {
      case "tasklet": this.#tasklet(n, new Set()); break;
      case "loop": this.loop(n); break;
      case "conditional": this.conditional(n.branches, n.loc, (body) => { this.list(body); }); break;
      case "while": {
        const counter = this.fresh("k");
        this.integers.variables.set(n.counter, counter);
        this.line(...this.language.whileOpen(counter));
        const facts = this.facts;
        this.indent(() => {
          if (this.failure === "return") this.line(...this.language.pollRound(counter, (unitsIn(n.body).constant ?? SHORT) < SHORT));
          // A condition may read what the body writes: nothing is known of it from before.
          if (!n.testAfter) this.scope.nested(() => { this.line(this.language.leaveUnless(this.condition(n.condition, n.loc))); });
          this.list(n.body);
          if (n.testAfter) this.scope.nested(() => { this.line(this.language.leaveUnless(this.condition(n.condition, n.loc))); });
        });
        this.facts = facts;
        this.line("}");
        break;
      }
      case "block": {
        const label = this.fresh("L");
        this.#labels.set(n.label, label);
        this.line(this.language.blockOpen(label));
        this.indent(() => { this.list(n.body); });
        this.line(...this.language.blockClose(label));
        break;
      }
      case "exit": {
        const label = this.#labels.get(n.label);
        if (!label) throw new InternalError(`exit from unknown block ${n.label}`);
        this.line(this.language.exit(label));
        break;
      }
      case "raise": this.line(this.language.raise(n.code === "RAISED" ? 3 : n.code === "NAN" ? 4 : 2, this.site(n.code, n.message, n.loc))); break;
      case "library": if (n.op === "grow") this.#grow(n); else this.#gemm(n); break;
    }
  }

  // ---- leaves

  protected condition(c: Condition, loc: SourceLoc | undefined): Text {
    for (const m of c.inputs) checkIndices(this, m.data, m.index, loc);
    return printValue(this, c.code, c.inputs, new Set());
  }

  #tasklet(t: Tasklet, shared: ReadonlySet<string>): void {
    if (this.#isIndex(t.output.data) && (t.code.kind === "symbolic" || t.code.kind === "const")) {
      if (t.code.kind === "symbolic") checkLoads(this, t.code.expr, t.loc);
      this.line(`${this.place(t.output.data).text} = ${t.code.kind === "const" ? String(t.code.value) : this.integers.print(t.code.expr)};`);
      this.scope.written(t.output.data, undefined);
      return;
    }
    for (const m of t.inputs) { checkIndices(this, m.data, m.index, t.loc); for (const g of m.guard ?? []) checkLoads(this, g, t.loc); }
    checkIndices(this, t.output.data, t.output.index, t.loc);
    const { language } = this, c = this.graph.container(t.output.data);
    let value = printValue(this, t.code, t.inputs, shared);
    if (t.code.dtype !== c.dtype) value = language.cast(value, t.code.dtype, c.dtype);
    const accumulator = t.wcr && this.scope.accumulators.get(memletKey(t.output));
    if (accumulator) { this.line(`${accumulator.name} = ${language.combine(t.wcr, accumulator.name, value, c.dtype)};`); return; }
    const at = this.place(t.output.data);
    if (at.kind === "variable") {
      this.line(`${at.text} = ${t.wcr ? language.combine(t.wcr, at.text, value, c.dtype) : value};`);
      this.scope.written(t.output.data, undefined);
      return;
    }
    const index = this.integers.offset(this.integers.flat(c, t.output.index));
    if (t.wcr) value = language.combine(t.wcr, this.scope.loaded(t.output) ?? language.read(at.text, index, c.dtype), value, c.dtype);
    const carried = this.#carried?.writer === t ? this.#carried : undefined;
    if (!carried && !shared.has(memletKey(t.output))) {
      this.line(language.store(at.text, index, value, c.dtype));
      this.scope.written(t.output.data, t.output.index, this.#apart);
      return;
    }
    const name = this.fresh("t");
    this.line(language.declare(name, c.dtype, value, false), language.store(at.text, index, name, c.dtype));
    this.scope.written(t.output.data, t.output.index, this.#apart);
    this.scope.keep(t.output, name);
    if (carried) carried.value = name;
  }
  readonly #apart = (a: Expr, b: Expr): boolean => { const d = sub(a, b); return !d.key.includes("[") && (nonNegative(addInt(d, -1), this.facts) === "yes" || nonNegative(addInt(sub(b, a), -1), this.facts) === "yes"); };

  #gemm(n: LibraryNode): void { this.line(...this.language.gemm(this.gemmText(n), this.failure === "continue")); }
  /** Is it printed as Cᵀ = Bᵀ·Aᵀ? */
  protected turned(n: LibraryNode): boolean { return gemmOperand(this.graph, n.outputs[0]!)!.transposed; }
  protected gemmText(n: LibraryNode): GemmText {
    let [a, b] = n.inputs;
    let [c] = n.outputs;
    if (n.op !== "matmul" || !a || !b || !c) throw new InternalError(`library node ${n.op} was not expanded`);
    const turn = (o: typeof a): NonNullable<typeof a> => ({ ...o!, axes: [o!.axes[1]!, o!.axes[0]!], sizes: [o!.sizes[1]!, o!.sizes[0]!] });
    // gemm's result is not transposed: Cᵀ = Bᵀ Aᵀ instead.
    const turned = this.turned(n), conjugates = (turned ? ["conjugateB", "conjugateA"] : ["conjugateA", "conjugateB"]).map((x) => n.attributes[x] === true);
    if (turned) [a, b, c] = [turn(b), turn(a), turn(c)];
    const forms = [a, b, c].map((o) => { const f = gemmOperand(this.graph, o)!; return { ...f, at: this.integers.offset(this.integers.flat(this.graph.container(o.data), o.base)), ld: this.integers.print(f.ld), text: this.place(o.data).text }; });
    const [fa, fb, fc] = forms as [typeof forms[0], typeof forms[0], typeof forms[0]];
    const alpha = n.attributes["alpha"];
    return {
      dtype: this.graph.container(c.data).dtype, transA: fa.transposed, transB: fb.transposed, m: this.integers.print(c.sizes[0]!), n: this.integers.print(c.sizes[1]!), k: this.integers.print(a.sizes[1]!),
      alpha: typeof alpha === "number" ? alpha : 1, a: fa.text, aAt: fa.at, lda: fa.ld, b: fb.text, bAt: fb.at, ldb: fb.ld, c: fc.text, cAt: fc.at, ldc: fc.ld, accumulate: n.accumulate, conjugateA: conjugates[0]!, conjugateB: conjugates[1]!,
    };
  }

  #grow(n: LibraryNode): void {
    const o = n.outputs[0]!, c = this.graph.container(o.data), { text, grows } = this.place(o.data);
    if (!grows || this.failure !== "return") throw new InternalError(`${o.data} grows where it cannot`);
    const row = this.integers.print(c.shape.slice(1).reduce((a, b) => mul(a, b), ONE));
    this.line(this.language.grow({ buffer: text, ...grows, dtype: c.dtype, rows: this.integers.print(o.sizes[0]!), row }));
  }

  protected conditional(branches: readonly { readonly condition?: Condition; readonly body: readonly Node[] }[], loc: SourceLoc | undefined, print: (body: readonly Node[]) => void): void {
    // Later conditions are evaluated only where the earlier ones failed: nest the chain, since a condition may need statements.
    const chain = (i: number): void => {
      const b = branches[i];
      if (!b) return;
      if (!b.condition) { print(b.body); return; }
      const condition = this.condition(b.condition, loc);
      this.line(`if (${condition}) {`);
      this.indent(() => { this.scope.nested(() => { print(b.body); }); });
      if (i + 1 < branches.length) { this.line("} else {"); this.indent(() => { this.scope.nested(() => { chain(i + 1); }); }); }
      this.line("}");
    };
    chain(0);
  }

  // ---- loops

  protected loop(l: Loop): void {
    for (const e of [l.begin, l.end]) checkLoads(this, e, l.loc);
    this.range(l, this.bound(l.begin), this.bound(l.end));
  }

  /** A loop's bound, evaluated once where it is more than a number or a symbol. */
  protected bound(e: Expr): Text {
    const text = this.integers.print(e);
    if (/^-?\w+$/.test(text)) return text;
    const name = this.fresh("e");
    this.line(this.language.declareInt(name, text));
    return name;
  }

  /** The loop over [begin, end), given as texts, with accumulators around it; `pragma` stands before the header of a loop that is not innermost. */
  protected range(l: Loop, begin: Text, end: Text, pragma: readonly Text[] = []): void {
    const accumulators = this.#enterReductions(l, begin, end);
    const variable = this.fresh("i"), innermost = isInnermost(l), outerFacts = this.facts;
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    const simd: { simd?: readonly AccumulatorText[] } = l.schedule?.simd && this.options.precision !== "strict" ? { simd: accumulators } : {};
    const steps = this.#steps(l, innermost);
    let stripped = false;
    const open = (from: Text, to: Text, down: boolean): void => {
      let text: LoopText = { variable, begin: from, end: to, down, ...simd };
      const strip = steps > 1 ? this.language.stripOpen(text, this.fresh("q"), steps) : undefined;
      stripped = strip !== undefined;
      if (strip) {
        this.line(...strip.lines);
        this.depth++;
        this.line(...this.language.poll(this.#sequential === 0 ? steps : 0));
        text = strip.inner;
      }
      this.line(...pragma, ...this.language.loopOpen(text));
    };
    const parts = (): void => {
      const interior = l.schedule?.interior;
      const finish = (body: readonly Node[]): void => { this.indent(() => { this.#iteration(l, body, steps); }); this.line("}"); };
      const close = (body: readonly Node[]): void => { finish(body); if (stripped) { this.depth--; this.line("}"); stripped = false; } };
      if (!interior) { open(begin, end, l.order === "down"); close(l.body); return; }
      const low = this.integers.print(interior.begin), high = this.integers.print(interior.end);
      const [lo, hi] = [this.fresh("e"), this.fresh("e")];
      this.line(this.language.declareInt(lo, this.language.maxInt([begin, this.language.minInt([end, low])])), this.language.declareInt(hi, this.language.maxInt([lo, this.language.minInt([end, high])])));
      if (!innermost) {
        open(begin, end, l.order === "down");
        this.indent(() => {
          this.line(`if (${variable} >= ${lo} && ${variable} < ${hi}) {`);
          finish(interior.body);
          this.lines[this.lines.length - 1] += " else {";
          finish(l.body);
        });
        this.line("}");
        if (stripped) { this.depth--; this.line("}"); }
      } else if (l.order === "any" && (accumulators.length === 0 || this.options.precision !== "strict")) {
        open(lo, hi, false);
        close(interior.body);
        this.line(this.language.outsideOpen(variable, this.fresh("q"), begin, lo, hi, end));
        close(l.body);
      } else {
        const three: [Text, Text, readonly Node[]][] = [[begin, lo, l.body], [lo, hi, interior.body], [hi, end, l.body]];
        for (const [from, to, body] of l.order === "down" ? three.reverse() : three) { open(from, to, l.order === "down"); close(body); }
      }
    };
    if (innermost) {
      this.scope.nested(() => {
        const names = (value: Text): Text => { const o = this.fresh("o"); this.line(this.language.declareInt(o, value)); return o; };
        const bodies = [l.body, ...(l.schedule?.interior ? [l.schedule.interior.body] : [])];
        this.integers.within(l.variable, offsetsOf(this.graph, bodies, this.integers), names, () => {
          for (const m of invariantReads(this.graph, l, bodies, this.facts)) {
            if (this.scope.locals.has(this.scope.base(m.data)) || this.scope.loaded(m) !== undefined || this.scope.accumulators.has(memletKey(m))) continue;
            this.#pin(m, begin, end, outerFacts);
          }
          this.#carry(l, begin, end, outerFacts);
          parts();
          this.#carried = undefined;
        });
      });
    } else parts();
    this.facts = outerFacts;
    this.#leaveReductions(accumulators);
  }

  /** A value that goes from iteration to iteration gets a register, which holds the element that the first iteration reads to begin with. */
  #carry(l: Loop, begin: Text, end: Text, facts: Assumptions): void {
    const found = carriedValue(this.graph, l, facts);
    if (!found || this.scope.locals.get(this.scope.base(found.read.data))?.kind === "variable") return;
    const c = this.graph.container(found.read.data), name = this.fresh("r");
    let value = this.language.read(this.place(found.read.data).text, this.integers.print(this.integers.flat(c, found.first.index)), c.dtype);
    if (!insideShape(c.shape, found.first.index, facts)) value = `(${begin} < ${end} ? ${value} : ${this.language.constant(0, undefined, c.dtype)})`;
    this.line(this.language.declare(name, c.dtype, value, true));
    this.scope.keep(found.read, name, true);
    this.#carried = { writer: found.writer, name, value: "" };
  }

  /** An element that the loop does not change, read once before it, if it runs at all. */
  #pin(m: Tasklet["inputs"][number], begin: Text, end: Text, facts: Assumptions): void {
    const c = this.graph.container(m.data), at = this.place(m.data), name = this.fresh("h");
    let value = at.kind === "variable" ? at.text : this.language.read(at.text, this.integers.offset(this.integers.flat(c, m.index)), c.dtype);
    if (at.kind === "buffer" && !insideShape(c.shape, m.index, facts)) value = `(${begin} < ${end} ? ${value} : ${this.language.constant(0, undefined, c.dtype)})`;
    this.line(this.language.declare(name, c.dtype, value, false));
    this.scope.keep(m, name, true);
  }

  /** How many iterations pass between looks at the cancel flag; 0: none is taken. Only outer sequential loops look; tiny iterations do it in strips. */
  #steps(l: Loop, innermost: boolean): number {
    if (l.order === "any" || this.failure !== "return" || this.#sequential >= (innermost ? 1 : 2)) return 0;
    const units = unitsIn(l.body).constant;
    return innermost ? 8192 : units !== undefined && units < SHORT ? 1024 : 1;
  }

  /** What stands between a loop's braces. */
  #iteration(l: Loop, body: readonly Node[], steps: number): void {
    const sequential = l.order !== "any";
    if (steps === 1) this.line(...this.language.poll(this.#sequential === 0 ? 1 : 0));
    if (sequential) this.#sequential++;
    const declared = this.privates(l);
    this.list(body);
    if (this.#carried) this.line(`${this.#carried.name} = ${this.#carried.value};`);
    for (const name of declared) this.scope.locals.delete(name);
    if (sequential) this.#sequential--;
  }

  /** Declares a loop's private containers; returns their names. */
  protected privates(l: Loop): string[] {
    const declared: string[] = [];
    for (const name of l.locals ?? []) {
      const c = this.graph.container(name);
      if (c.view || this.options.used?.(name) === false) continue;
      if (c.shape.length === 0) {
        const v = this.fresh("c");
        this.line(this.language.declare(v, c.dtype, this.#isIndex(name) ? "0" : this.language.constant(0, undefined, c.dtype), true));
        this.scope.locals.set(name, { kind: "variable", text: v });
        declared.push(name);
      } else this.privateBuffer(c, declared);
    }
    return declared;
  }
  protected privateBuffer(_c: Container, _declared: string[]): void { /* one thread: the buffer itself */ }

  // ---- reductions

  /** Containers that the loop only combines into, at one element: an accumulator each, if that element may be touched when the loop does not run. */
  #enterReductions(l: Loop, begin: Text, end: Text): Accumulator[] {
    const out: Accumulator[] = [];
    for (const [key, r] of reductionsOf(this.graph, l, { strict: this.options.precision === "strict" }, this.facts)) {
      // Around this loop there may be an accumulator already: vector lanes need one of their own.
      if (this.scope.accumulators.has(key) && (this.options.precision === "strict" || !l.schedule?.simd)) continue;
      const c = this.graph.container(r.data);
      if (isInteger(c.dtype) && r.wcr === "prod") continue;
      let only: { only?: Text } = {};
      if (r.index.length > 0 && !insideShape(c.shape, r.index, this.facts)) {
        if (!isInnermost(l) || l.body.some((n) => n.kind !== "tasklet")) continue;
        only = { only: `${begin} < ${end}` };
      }
      const name = this.fresh("a"), at = this.place(r.data);
      let start = this.language.identity(r.wcr, c.dtype);
      if (this.options.precision === "strict") {
        start = at.kind === "variable" ? at.text : this.language.read(at.text, this.integers.offset(this.integers.flat(c, r.index)), c.dtype);
        if (only.only) start = `(${only.only} ? ${start} : ${this.language.constant(0, undefined, c.dtype)})`;
      }
      this.line(this.language.declare(name, c.dtype, start, true));
      const outer = this.scope.accumulators.get(key);
      const a: Accumulator = { name, wcr: r.wcr, dtype: c.dtype, data: r.data, index: r.index, ...only, ...(outer ? { outer } : {}) };
      this.scope.accumulators.set(key, a);
      out.push(a);
    }
    return out;
  }

  #leaveReductions(accumulators: readonly Accumulator[]): void {
    for (const a of accumulators) {
      if (a.outer) this.scope.accumulators.set(memletKey(a), a.outer); else this.scope.accumulators.delete(memletKey(a));
      this.combineInto(a.data, a.index, a.wcr, a.name, this.options.precision === "strict", a.only);
    }
  }

  /** `data[index] = data[index] (wcr) value`, or just the value. */
  protected combineInto(data: string, index: readonly Expr[], wcr: Accumulator["wcr"], value: Text, replaces: boolean, only?: Text): void {
    const c = this.graph.container(data), at = this.place(data), { language } = this;
    const outer = this.scope.accumulators.get(memletKey({ data, index }));
    let text: Text;
    if (outer) text = `${outer.name} = ${language.combine(wcr, outer.name, value, c.dtype)};`;
    else if (at.kind === "variable") text = `${at.text} = ${replaces ? value : language.combine(wcr, at.text, value, c.dtype)};`;
    else {
      const i = this.integers.offset(this.integers.flat(c, index));
      text = language.store(at.text, i, replaces ? value : language.combine(wcr, language.read(at.text, i, c.dtype), value, c.dtype), c.dtype);
    }
    this.line(only ? `if (${only}) { ${text} }` : text);
    this.scope.written(data, index);
  }
}

/** Bases that a subtree reads and writes, apart from what is private to loops in it. */
export function touchedBy(graph: Graph, body: readonly Node[]): { readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string> } {
  const locals = new Set<string>(), reads = new Set<string>(), writes = new Set<string>();
  const scan = (n: Node): void => { if (n.kind === "loop") for (const x of n.locals ?? []) locals.add(x); for (const b of bodiesOf(n)) b.list.forEach(scan); };
  body.forEach(scan);
  for (const a of accessesOf(graph, body)) if (!locals.has(a.base)) { (a.write ? writes : reads).add(a.base); if (a.wcr) reads.add(a.base); }
  return { reads, writes };
}
