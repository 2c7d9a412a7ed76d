/**
 * Prints parallel regions (C++ only). In a region every thread runs the sequential loops around the shared ones; shared loops are divided among the threads, and
 * all else is left to the first thread. A barrier stands wherever a piece touches what another piece since the last barrier has written (or writes what
 * it has read), and at the end of every iteration of a sequential loop.
 */
import { visitNodes } from "../analysis/walk.js";
import { exprsOf } from "../analysis/walk.js";
import { bodiesOf } from "../analysis/paths.js";
import { loopFacts } from "../analysis/dependence.js";
import { isInnermost } from "../schedule/simd.js";
import { isSmall } from "../schedule/scalars.js";
import { PARALLEL_UNITS } from "../schedule/work.js";
import type { Container, Loop, Node } from "../sdfg/nodes.js";
import { cppStorage, cppType } from "./cpp-types.js";
import { Emitter, touchedBy } from "./emit.js";
import type { Text } from "./language.js";
import { memletKey, type Accumulator } from "./scope.js";

/** Iterations of a shared innermost loop that stay together, and parts of a reduction. */
const CHUNK = 4096, PARTS = 64;

export class TeamEmitter extends Emitter {
  #mode: "serial" | "team" | "worker" = "serial";
  #reads = new Set<string>();
  #writes = new Set<string>();
  readonly #parts = new Map<string, Text>();
  #stop = "";
  #regions = 0;
  /** Private buffers that each thread needs a copy of. */
  readonly perThread = new Set<string>();

  get #threshold(): number { return this.options.threshold ?? PARALLEL_UNITS; }
  get hasRegions(): boolean { return this.#regions > 0; }

  protected override loop(l: Loop): void {
    if (this.#mode === "serial" && l.schedule?.region) this.#region(l); else super.loop(l);
  }

  #region(l: Loop): void {
    this.#regions++;
    const declared: string[] = [];
    let checked = false;
    visitNodes([l], (n) => {
      if (exprsOf(n).some((e) => e.key.includes("["))) checked = true;
      if (n.kind !== "loop") return;
      for (const r of n.schedule?.blocks?.into ?? []) {
        const p = this.fresh("p"), dtype = this.graph.container(r.data).dtype;
        this.line(`${cppType(dtype)} ${p}[${PARTS}];`);
        this.#parts.set(`${n.id}:${memletKey(r)}`, p);
      }
      // What is private to an iteration of a loop that all threads run is shared among the threads.
      if (n.schedule?.team) for (const name of n.locals ?? []) {
        const c = this.graph.container(name);
        if (c.shape.length > 0 || c.view) continue;
        const v = this.fresh("c");
        this.line(this.language.declare(v, c.dtype, this.language.constant(0, undefined, c.dtype), true));
        this.scope.locals.set(name, { kind: "variable", text: v });
        declared.push(name);
      }
    });
    const sequential = l.schedule?.team === true, failure = this.failure;
    this.#stop = this.fresh("z");
    if (sequential) this.line(`i32 ${this.#stop}[2] = {0, 0};`);
    if (checked) this.line("rt->error[0] = 0;");
    this.line(`#pragma omp parallel num_threads(nt) if (nt > 1 && ${this.integers.print(l.schedule!.region!.work)} > ${this.#threshold})`, "{");
    this.#mode = "team"; this.failure = "continue";
    this.#clear();
    this.indent(() => {
      this.line("const i64 team = omp_get_num_threads(), me = omp_get_thread_num();");
      this.scope.nested(() => { this.#teamList([l], true); });
    });
    this.#mode = "serial"; this.failure = failure;
    this.line("}");
    if (sequential) this.line(`if (${this.#stop}[0] | ${this.#stop}[1]) return 1;`);
    if (checked) this.line("if (rt->error[0] != 0) return i32(rt->error[0]);");
    for (const name of declared) this.scope.locals.delete(name);
  }

  #clear(): void { this.#reads = new Set(); this.#writes = new Set(); }
  // A team of one has nothing to wait for.
  #barrier(): void { this.line("if (team > 1) {", "#pragma omp barrier", "}"); this.#clear(); }
  /** A piece that touches these is about to run. */
  #meet(reads: Iterable<string>, writes: Iterable<string>): void {
    const r = [...reads], w = [...writes];
    if (r.some((x) => this.#writes.has(x)) || w.some((x) => this.#writes.has(x) || this.#reads.has(x))) this.#barrier();
    for (const x of r) this.#reads.add(x);
    for (const x of w) this.#writes.add(x);
  }

  #teamList(body: readonly Node[], outermost = false): void {
    for (let i = 0; i < body.length;) {
      const n = body[i]!;
      if (n.kind === "loop" && n.schedule?.parallel) { this.#shared(n); i++; continue; }
      if (n.kind === "loop" && n.schedule?.team) { this.#teamLoop(n, outermost); i++; continue; }
      if (n.kind === "conditional" && hasShared(n)) {
        const before = [new Set(this.#reads), new Set(this.#writes)] as const, after: [Set<string>, Set<string>][] = [[new Set(before[0]), new Set(before[1])]];
        this.conditional(n.branches, n.loc, (b) => {
          this.#reads = new Set(before[0]); this.#writes = new Set(before[1]);
          this.#teamList(b);
          after.push([this.#reads, this.#writes]);
        });
        this.#reads = new Set(after.flatMap((x) => [...x[0]]));
        this.#writes = new Set(after.flatMap((x) => [...x[1]]));
        i++;
        continue;
      }
      let end = i + 1;
      while (end < body.length && !hasShared(body[end]!)) end++;
      const piece = body.slice(i, end), touched = touchedBy(this.graph, piece);
      this.#meet(touched.reads, touched.writes);
      this.#master(() => { this.list(piece); });
      i = end;
    }
  }

  #master(f: () => void): void {
    this.line("if (me == 0) {");
    this.#mode = "worker";
    this.indent(f);
    this.#mode = "team";
    this.line("}");
  }

  #teamLoop(l: Loop, outermost: boolean): void {
    const begin = this.bound(l.begin), end = this.bound(l.end), variable = this.fresh("i"), facts = this.facts;
    const before = [new Set(this.#reads), new Set(this.#writes)] as const;
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    const interior = l.schedule?.interior;
    this.line(...this.language.loopOpen({ variable, begin, end, down: l.order === "down" }));
    this.indent(() => {
      if (outermost) this.line(`if (me == 0) { ${this.#stop}[${variable} & 1] = cancelled(rt); progress(rt, 1); }`);
      if (interior) {
        const start = [new Set(this.#reads), new Set(this.#writes)] as const;
        this.line(`if (${variable} >= ${this.integers.print(interior.begin)} && ${variable} < ${this.integers.print(interior.end)}) {`);
        this.indent(() => { this.#teamList(interior.body); });
        const [r, w] = [this.#reads, this.#writes];
        this.#reads = new Set(start[0]); this.#writes = new Set(start[1]);
        this.line("} else {");
        this.indent(() => { this.#teamList(l.body); });
        this.line("}");
        for (const x of r) this.#reads.add(x);
        for (const x of w) this.#writes.add(x);
      } else this.#teamList(l.body);
      this.#barrier();
      if (outermost) this.line(`if (${this.#stop}[${variable} & 1]) break;`);
    });
    this.line("}");
    this.facts = facts;
    // If it ran no iteration, what was open before still is.
    [this.#reads, this.#writes] = [new Set(before[0]), new Set(before[1])];
  }

  /** A loop whose iterations the threads share. */
  #shared(l: Loop): void {
    const { reads, writes } = touchedBy(this.graph, [l]), blocks = l.schedule?.blocks;
    const into = new Set((blocks?.into ?? []).map((r) => this.scope.base(r.data)));
    const key = (r: { readonly data: string; readonly index: Accumulator["index"] }): string => `${l.id}:${memletKey(r)}`;
    const parts = (blocks?.into ?? []).map((r) => ({ ...r, text: this.#parts.get(key(r))! }));
    this.#meet(reads, [...writes, ...parts.map((p) => p.text)]);
    const begin = this.bound(l.begin), end = this.bound(l.end), cyclic = l.schedule!.parallel === "cyclic";
    this.#mode = "worker";
    this.scope.nested(() => {
      if (parts.length > 0) this.#blocked(l, begin, end, parts);
      else if (isInnermost(l)) {
        // Chunks do not depend on the number of threads, since the vector variant of a function may round differently from the one for a loop's last elements.
        const b = this.fresh("b"), lo = this.fresh("e"), hi = this.fresh("e"), n = this.fresh("e");
        this.line(`const i64 ${n} = (imax<i64>(${end} - ${begin}, 0) + ${CHUNK - 1}) / ${CHUNK};`);
        this.line(cyclic ? `for (i64 ${b} = me; ${b} < ${n}; ${b} += team) {` : `for (i64 ${b} = share(${n}, me, team); ${b} < share(${n}, me + 1, team); ${b}++) {`);
        this.indent(() => {
          this.line(`const i64 ${lo} = ${begin} + ${b} * ${CHUNK}, ${hi} = imin<i64>(${end}, ${lo} + ${CHUNK});`);
          this.range(l, lo, hi);
        });
        this.line("}");
      } else if (cyclic) this.range(l, begin, end, ["#pragma omp for schedule(static, 4) nowait"]);
      else {
        const n = this.fresh("e"), lo = this.fresh("e"), hi = this.fresh("e");
        this.line(`const i64 ${n} = imax<i64>(${end} - ${begin}, 0), ${lo} = ${begin} + share(${n}, me, team), ${hi} = ${begin} + share(${n}, me + 1, team);`);
        this.range(l, lo, hi);
      }
    });
    this.#mode = "team";
    if (parts.length === 0) return;
    this.#meet([...parts.map((p) => p.text), ...into], into);
    this.#master(() => {
      for (const p of parts) {
        const b = this.fresh("b");
        this.line(`for (i64 ${b} = 0; ${b} < ${this.#count(l)}; ${b}++) {`);
        this.indent(() => { this.combineInto(p.data, p.index, p.wcr, `${p.text}[${b}]`, false); });
        this.line("}");
      }
    });
  }
  /** One part for little work: a number that depends on sizes alone. */
  #count(l: Loop): Text { return `(${this.integers.print(l.schedule!.blocks!.work)} > ${this.#threshold} ? ${PARTS} : 1)`; }

  #blocked(l: Loop, begin: Text, end: Text, parts: readonly { readonly data: string; readonly wcr: Accumulator["wcr"]; readonly index: Accumulator["index"]; readonly text: Text }[]): void {
    const b = this.fresh("b"), q = this.fresh("q"), n = this.fresh("e"), lo = this.fresh("e"), hi = this.fresh("e");
    this.line(`const i64 ${q} = ${this.#count(l)}, ${n} = imax<i64>(${end} - ${begin}, 0);`);
    this.line(`for (i64 ${b} = me; ${b} < ${q}; ${b} += team) {`);
    this.indent(() => {
      this.line(`const i64 ${lo} = ${begin} + ${n} * ${b} / ${q}, ${hi} = ${begin} + ${n} * (${b} + 1) / ${q};`);
      const outer = new Map<string, Accumulator | undefined>();
      for (const p of parts) {
        const base = memletKey(p), name = this.fresh("a"), { dtype } = this.graph.container(p.data);
        outer.set(base, this.scope.accumulators.get(base));
        this.line(this.language.declare(name, dtype, this.language.identity(p.wcr, dtype), true));
        this.scope.accumulators.set(base, { name, wcr: p.wcr, dtype, data: p.data, index: p.index });
      }
      this.range(l, lo, hi);
      for (const p of parts) {
        const base = memletKey(p), old = outer.get(base);
        this.line(`${p.text}[${b}] = ${this.scope.accumulators.get(base)!.name};`);
        if (old) this.scope.accumulators.set(base, old); else this.scope.accumulators.delete(base);
      }
    });
    this.line("}");
  }

  protected override privateBuffer(c: Container, declared: string[]): void {
    // What is private to an iteration that all threads run together is theirs together.
    if (this.#mode === "team") return;
    if (isSmall(c)) {
      const v = this.fresh("c");
      this.line(`alignas(64) ${cppStorage(c.dtype)} ${v}[${Math.max(1, c.shape.reduce((n, e) => n * Number(e.constant), 1))}];`);
      this.scope.locals.set(c.name, { kind: "buffer", text: v });
      declared.push(c.name);
      return;
    }
    if (this.#mode !== "worker") return;
    this.perThread.add(c.name);
    const v = this.fresh("c"), size = c.shape.length === 0 ? "1" : c.shape.map((e) => this.integers.print(e)).join(" * ");
    const shared = this.options.place(c).text;
    this.line(`${cppStorage(c.dtype)}* const ${v} = (${cppStorage(c.dtype)}*)((char*)${shared} + me * ((${size} * i64(sizeof(${cppStorage(c.dtype)})) + 63) / 64 * 64));`);
    this.scope.locals.set(c.name, { kind: "buffer", text: v });
    declared.push(c.name);
  }
}

const hasShared = (n: Node): boolean => (n.kind === "loop" && (n.schedule?.parallel !== undefined || n.schedule?.team === true)) || bodiesOf(n).some((b) => b.list.some(hasShared));
