/**
 * Prints the body of one kernel. Loops with an axis stride over the grid, over its blocks or over the threads of a block; all others are each thread's own, or, in a kernel of one block and outside its pieces, run by
 * all threads alike. What a block combines goes from lane to lane in each warp and then, a part per warp, through shared memory to the first: a tree that only the block's size decides.
 */
import { loopFacts } from "../analysis/dependence.js";
import { visitNodes } from "../analysis/walk.js";
import { bytesOf, type DType } from "../base/dtypes.js";
import { InternalError } from "../base/errors.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { hasLoads, visitAtoms, type Expr } from "../symbolic/expr.js";
import { isSmall } from "../schedule/scalars.js";
import { TILE_X, TILE_Y } from "../schedule/gpu/tiles.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Container, GpuAxis, GpuSchedule, LibraryNode, Loop, Node } from "../sdfg/nodes.js";
import { tilesHead, type CudaDevice } from "./cuda.js";
import { cppStorage, cppType } from "./cpp-types.js";
import { FormEmitter } from "./cuda-forms.js";
import type { EmitOptions } from "./emit.js";
import type { Text } from "./language.js";
import { checkLoads } from "./values.js";
import { memletKey } from "./scope.js";

/** Threads of a block that combines: a power of two, and of whole warps, at most a warp of them. */
export const ROW_THREADS = 128, REDUCE_THREADS = 256, FINISH_THREADS = 512, BLOCK_THREADS = 512;

/** Nothing is done after a mistake: indices behind it may be anything. Threads that meet at barriers leave together. */
const MEET = "__syncthreads();";
const STOP = "if (*(volatile i64*)error != 0) return;";
export const STOP_TOGETHER = "if (threadIdx.x == 0 && threadIdx.y == 0) *(i64*)shared = *(volatile i64*)error; __syncthreads(); if (*(i64*)shared != 0) return; __syncthreads();";

const CANCELLED_TOGETHER = "__syncthreads(); if (threadIdx.x == 0) *(i64*)shared = stopped(error, cancel); __syncthreads(); if (*(i64*)shared != 0) return; __syncthreads();";

/** Of a tile in shared memory. */
export const tileBytes = (height: number, width: number, dtype: DType): number => Math.ceil((height * width * bytesOf(dtype)) / 16) * 16;

type Into = NonNullable<GpuSchedule["into"]>;
/** `w`: width of a piece. */
const INDEX: Readonly<Record<GpuAxis["by"], (d: string, w: Text) => readonly [from: Text, step: Text]>> = {
  global: (d) => [`i64(blockIdx.${d}) * blockDim.${d} + threadIdx.${d}`, `i64(gridDim.${d}) * blockDim.${d}`],
  block: (d) => [`i64(blockIdx.${d})`, `i64(gridDim.${d})`],
  lane: (d) => [`i64(threadIdx.${d})`, `i64(blockDim.${d})`],
  part: (d, w) => (d === "x" ? [`i64(threadIdx.x % ${w})`, `i64(${w})`] : [`i64(threadIdx.x / ${w})`, `i64(blockDim.x / ${w})`]),
  warp: () => ["i64(threadIdx.x / 32)", "i64(blockDim.x / 32)"],
  "warp lane": () => ["i64(threadIdx.x % 32)", "i64(32)"],
  all: () => ["i64(0)", "i64(1)"],
  owner: () => ["i64(0)", "i64(32)"],
  tile: () => { throw new InternalError("a loop over a tile strides over the grid with it"); },
};

export class KernelEmitter extends FormEmitter {
  #gpu: GpuSchedule = {};
  /** All threads of the one block do what is printed now. */
  #alike = false;
  #width: Text = "";
  /** The tile's first iteration, and where the loops end. */
  #corner: Readonly<Record<"x" | "y", { readonly from: Text; readonly end: Text }>> | undefined;
  /** Loops that are numbered together with one around, and where their iteration comes from. */
  #together: { readonly number: Text; readonly rest: number }[] = [];

  /** `next`: number of the first name; `variables`: of loops around, on the host. */
  constructor(graph: Graph, language: CudaDevice, options: EmitOptions, readonly host: { readonly next: number; readonly facts: Assumptions; readonly variables: ReadonlyMap<string, Text>; /** Do nothing after a mistake. */ readonly stops: boolean }) {
    super(graph, language, options);
    this.next = host.next;
    this.facts = host.facts;
    for (const [k, v] of host.variables) this.integers.variables.set(k, v);
  }
  get names(): number { return this.next; }

  kernel(l: Loop): void {
    this.#gpu = l.schedule!.gpu!;
    let unsafe = false;
    visitNodes([l], (n) => { if (n.kind === "while" || (n.kind === "loop" && (hasLoads(n.begin) || hasLoads(n.end)))) unsafe = true; });
    // After a mistake, what bounds were computed from may be anything.
    const meets = this.#gpu.kernel !== "single" && this.#gpu.kernel !== "grid";
    if (unsafe || this.host.stops) this.line(meets ? STOP_TOGETHER : STOP);
    if (this.#gpu.kernel === "single") { const declared = this.privates(l); this.list(l.body); for (const name of declared) this.scope.locals.delete(name); return; }
    if (meets) this.failure = "continue";
    if (this.#gpu.kernel === "tiles") { this.loop(l); return; }
    if (this.#gpu.kernel === "product") { this.#product(l); return; }
    if (this.#gpu.kernel === "block") { this.#alike = true; this.#allRun(l); return; }
    // A mistake in the bounds themselves leaves the loop.
    const run = (): void => {
      if (!hasLoads(l.begin) && !hasLoads(l.end)) { this.loop(l); return; }
      this.line("do {");
      this.indent(() => { this.loop(l); });
      this.line("} while (false);");
    };
    if (this.#gpu.kernel === "reduce") this.#reducing(this.#gpu.into!, run, (r, value) => {
      this.line("if (gridDim.x == 1) {");
      this.indent(() => { this.combineInto(r.data, r.index, r.wcr, value, false); });
      this.line(`} else ${this.place(r.partials!).text}[blockIdx.x] = ${value};`);
    });
    else run();
  }

  // ---- stencils

  /** Blocks stride over the grid in tiles, whose elements their threads load between two barriers. */
  #tiled(y: Loop): void {
    const x = y.body[0] as Loop, [yb, ye, xb, xe] = [y.begin, y.end, x.begin, x.end].map((e) => this.bound(e)), [top, left, q] = [this.fresh("i"), this.fresh("i"), this.fresh("q")], facts = this.facts;
    const arrays = y.schedule!.gpu!.tiles!.map((t) => ({ ...t, name: this.fresh("b"), c: this.graph.container(t.data) }));
    let from = 0;
    for (const { name, c, height, width } of arrays) {
      this.line(`${cppStorage(c.dtype)}* const ${name} = (${cppStorage(c.dtype)}*)(shared + ${from});`);
      from += tileBytes(height, width, c.dtype);
    }
    this.line(`for (i64 ${top} = ${yb} + i64(blockIdx.y) * ${TILE_Y}; ${top} < ${ye}; ${top} += i64(gridDim.y) * ${TILE_Y}) for (i64 ${left} = ${xb} + i64(blockIdx.x) * ${TILE_X}; ${left} < ${xe}; ${left} += i64(gridDim.x) * ${TILE_X}) {`);
    this.indent(() => {
      this.line(MEET);
      const [row, column] = [this.fresh("i"), this.fresh("i")];
      this.integers.variables.set(y.variable, row); this.integers.variables.set(x.variable, column);
      for (const t of arrays) {
        this.line(`for (u32 ${q} = threadIdx.y * ${TILE_X} + threadIdx.x; ${q} < ${t.height * t.width}; ${q} += ${TILE_X * TILE_Y}) {`);
        this.indent(() => {
          this.line(`const i64 ${row} = ${top} + i64(${q} / ${t.width}), ${column} = ${left} + i64(${q} % ${t.width});`);
          // The row of what grows is one that is there (schedule/gpu/tiles.ts).
          const inside = t.index.flatMap((e, d) => t.c.growable && d === 0 ? [] : `u64(${this.integers.print(e)}) < u64(${this.integers.print(t.c.shape[d]!)})`).join(" && ");
          this.line(`if (${inside}) ${t.name}[${q}] = ${this.place(t.data).text}[${this.integers.print(this.integers.flat(t.c, t.index))}];`);
        });
        this.line("}");
      }
      this.line(MEET);
      this.scope.nested(() => {
        for (const t of arrays) for (const r of t.reads) this.scope.keep({ data: t.data, index: r.index }, this.language.read(t.name, `threadIdx.y * ${t.width} + threadIdx.x + ${r.at}`, t.c.dtype), true);
        this.#corner = { y: { from: top, end: ye! }, x: { from: left, end: xe! } };
        this.loop(y);
        this.#corner = undefined;
      });
    });
    this.line("}");
    this.facts = facts;
  }
  /** An iteration of a loop over a tile. */
  #inTile(l: Loop): void {
    const d = l.schedule!.gpu!.axis!.dimension as "x" | "y", { from, end } = this.#corner![d], variable = this.fresh("i"), facts = this.facts;
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    this.line(`const i64 ${variable} = ${from} + threadIdx.${d};`, `if (${variable} < ${end}) {`);
    this.indent(() => { this.#parts(l, variable); });
    this.line("}");
    this.facts = facts;
  }

  // ---- batches of products

  #product(l: Loop): void {
    let inner: Node = l;
    while (inner.kind === "loop") inner = inner.body[0]!;
    this.raw(tilesHead(this.graph.container((inner as LibraryNode).outputs[0]!.data).dtype));
    this.node(l);
  }
  protected override node(n: Node): void {
    if (this.#gpu.kernel === "product" && (n.kind === "library" || (n.kind === "loop" && n.schedule?.gpu?.axis?.by === "all"))) this.tiles(n); else super.node(n);
  }

  // ---- kernels of one block

  override list(body: readonly Node[], after?: () => void): void {
    if (!this.#alike) { super.list(body, after); return; }
    this.scope.nested(() => { for (const n of body) { this.scope.nested(() => { this.node(n); }); after?.(); } });
  }
  /** A loop that all threads run alike. */
  #allRun(l: Loop): void {
    const begin = this.bound(l.begin), end = this.bound(l.end), variable = this.fresh("i"), facts = this.facts;
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    this.line(...this.language.loopOpen({ variable, begin, end, down: l.order === "down" }));
    this.indent(() => {
      // As long as data say: the host cannot tell that it is long. All threads look at once.
      if ([l.begin, l.end].some((e) => this.#isFound(e))) this.line(`if ((${variable} & 1023) == 1023) { ${CANCELLED_TOGETHER} }`);
      this.list(l.body);
      if (l.schedule?.gpu?.after) this.line(MEET);
    });
    this.line("}");
    this.facts = facts;
  }
  /** Is there something in it that the host has not fetched? */
  #isFound(e: Expr): boolean {
    let found = false;
    visitAtoms(e, (a) => { if (a.kind === "load" && this.place(a.data).kind === "buffer") found = true; });
    return found;
  }
  #piece(l: Loop): void {
    const outer = this.#gpu, gpu = l.schedule!.gpu!, from = this.lines.length;
    if (gpu.before) this.line(MEET);
    this.#gpu = gpu;
    this.#alike = false;
    this.line("{");
    this.indent(() => {
      if (gpu.width) {
        this.#width = this.fresh("w");
        this.line(`const u32 ${this.#width} = wide(${this.integers.print(gpu.width)});`);
      }
      if (gpu.piece === "reduce") this.#reducing(gpu.into!, () => { this.loop(l); }, (r, value) => { this.combineInto(r.data, r.index, r.wcr, value, false); });
      else this.loop(l);
    });
    this.line("}");
    this.#alike = true;
    this.#gpu = outer;
    // All threads look for a mistake of the piece when all have finished it.
    if (this.lines.slice(from).some((x) => x.includes("note("))) this.line(MEET, STOP_TOGETHER); else if (gpu.after) this.line(MEET);
  }

  // ----

  /** The kernel that combines `parts` parts of every reduction. */
  finish(into: Into, parts: Text): void {
    if (this.host.stops) this.line(STOP_TOGETHER);
    this.#reducing(into, () => {
      for (const r of into) {
        const a = this.scope.accumulators.get(memletKey(r))!;
        this.line(`if (threadIdx.x < ${parts}) ${a.name} = ${this.place(r.partials!).text}[threadIdx.x];`);
      }
    }, (r, value) => { this.combineInto(r.data, r.index, r.wcr, value, false); });
  }

  /** Runs `f` with an accumulator per reduction in every thread, combines them over the block (rows of a kernel of one block: over the warp), and gives the results to its first thread. */
  #reducing(into: Into, f: () => void, then: (r: Into[number], value: Text) => void): void {
    const made = into.map((r) => {
      const key = memletKey(r), name = this.fresh("a"), { dtype } = this.graph.container(r.data), outer = this.scope.accumulators.get(key);
      this.line(this.language.declare(name, dtype, this.language.identity(r.wcr, dtype), true));
      this.scope.accumulators.set(key, { name, wcr: r.wcr, dtype, data: r.data, index: r.index });
      return { r, key, name, dtype, outer };
    });
    f();
    for (const { r, key, name, dtype, outer } of made) {
      if (outer) this.scope.accumulators.set(key, outer); else this.scope.accumulators.delete(key);
      const z = this.fresh("z"), type = cppType(dtype);
      this.line("{");
      this.indent(() => {
        const warp = `for (u32 d = 16; d > 0; d /= 2) { const ${type} y = across(${name}, d); ${name} = ${this.language.combine(r.wcr, name, "y", dtype)}; }`;
        if (this.#gpu.piece === "rows") {
          this.line(warp, "if (threadIdx.x % 32 == 0) {");
          this.indent(() => { then(r, name); });
          this.line("}");
          return;
        }
        this.line(warp, `${type}* const ${z} = (${type}*)shared;`, "__syncthreads();", `if (threadIdx.x % 32 == 0) ${z}[threadIdx.x / 32] = ${name};`, "__syncthreads();", "if (threadIdx.x < 32) {");
        this.indent(() => {
          this.line(`${name} = ${this.language.identity(r.wcr, dtype)};`, `if (threadIdx.x < blockDim.x / 32) ${name} = ${z}[threadIdx.x];`, warp, "if (threadIdx.x == 0) {");
          this.indent(() => { then(r, name); });
          this.line("}");
        });
        this.line("}");
      });
      this.line("}");
    }
  }

  protected override loop(l: Loop): void {
    if (this.#alike) { if (l.schedule?.gpu?.piece) this.#piece(l); else this.#allRun(l); return; }
    const axis = l.schedule?.gpu?.axis, joined = this.#together.at(-1);
    if (axis?.by === "owner") { this.owned(l); return; }
    if (axis?.by === "tile") { if (this.#corner) this.#inTile(l); else this.#tiled(l); return; }
    if (!axis && !(joined && joined.rest > 0)) { super.loop(l); return; }
    for (const e of [l.begin, l.end]) checkLoads(this, e, l.loc);
    const variable = this.fresh("i"), facts = this.facts, begin = this.bound(l.begin), end = this.bound(l.end);
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    const body = (): void => { this.indent(() => { this.#parts(l, variable); }); this.line("}"); };
    if (!axis) {
      const inner = this.#sizes(l, joined!.rest).slice(1);
      this.line(`{ const i64 ${variable} = ${begin} + ${joined!.number}${inner.length > 0 ? ` / (${inner.join(" * ")})` : ""} % ${this.#size(l)};`);
      this.#together.push({ number: joined!.number, rest: joined!.rest - 1 });
      body();
      this.#together.pop();
    } else if ((axis.together ?? 1) > 1) {
      const sizes = this.#sizes(l, axis.together!), q = this.fresh("q"), [from, step] = INDEX[axis.by](axis.dimension, this.#width);
      this.line(`for (i64 ${q} = ${from}; ${q} < ${sizes.join(" * ")}; ${q} += ${step}) { const i64 ${variable} = ${begin} + ${q} / (${sizes.slice(1).join(" * ")});`);
      this.#together.push({ number: q, rest: axis.together! - 1 });
      body();
      this.#together.pop();
    } else {
      const [from, step] = INDEX[axis.by](axis.dimension, this.#width);
      this.line(`for (i64 ${variable} = ${begin} + ${from}; ${variable} < ${end}; ${variable} += ${step}) {`);
      body();
    }
    this.facts = facts;
  }
  #size(l: Loop): Text { return `imax<i64>(${this.integers.print(l.end)} - ${this.integers.print(l.begin)}, 0)`; }
  /** Lengths of a loop and those inside that are numbered with it. */
  #sizes(l: Loop, count: number): Text[] {
    const out: Text[] = [];
    for (let x = l, n = count; ; x = x.body[0] as Loop, n--) { out.push(this.#size(x)); if (n <= 1) return out; }
  }

  #parts(l: Loop, variable: Text): void {
    const interior = l.schedule?.interior;
    if (!interior) { this.#iteration(l, l.body); return; }
    this.line(`if (${variable} >= ${this.integers.print(interior.begin)} && ${variable} < ${this.integers.print(interior.end)}) {`);
    const together = this.#together.map((x) => ({ ...x }));
    this.indent(() => { this.#iteration(l, interior.body); });
    this.#together = together;
    this.line("} else {");
    this.indent(() => { this.#iteration(l, l.body); });
    this.line("}");
  }
  #iteration(l: Loop, body: readonly Node[]): void {
    const isRow = (this.#gpu.kernel ?? this.#gpu.piece) === "rows" && l.schedule?.gpu?.row === true;
    const declared = this.privates(l);
    if (isRow) this.#reducing(this.#gpu.into!, () => { this.list(body); }, (r, value) => { this.combineInto(r.data, r.index, r.wcr, value, false); });
    else this.list(body);
    for (const name of declared) this.scope.locals.delete(name);
  }

  protected override privateBuffer(c: Container, declared: string[]): void {
    // A kernel of one thread uses the buffer itself.
    if (!isSmall(c)) return;
    const v = this.fresh("c");
    this.line(`${cppStorage(c.dtype)} ${v}[${Math.max(1, c.shape.reduce((n, e) => n * Number(e.constant), 1))}];`);
    this.scope.locals.set(c.name, { kind: "buffer", text: v });
    declared.push(c.name);
  }
}
