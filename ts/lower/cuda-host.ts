/** Prints the host's part of a program for a GPU: control flow and launches. Every kernel that it meets goes to the program's list, with the values it uses as parameters. */
import { accessesOf, flatIndex } from "../analysis/accesses.js";
import { loopFacts } from "../analysis/dependence.js";
import { InternalError } from "../base/errors.js";
import { bytesOf, type DType } from "../base/dtypes.js";
import { isRows, movesToHost, offloadPair } from "../library/offload.js";
import { isSolver } from "../library/solvers.js";
import { visitNodes } from "../analysis/walk.js";
import { PARTIALS } from "../schedule/gpu/kernel.js";
import { TILE_X, TILE_Y } from "../schedule/gpu/tiles.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { GpuSchedule, LibraryNode, Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { mul, ONE, ZERO, type Expr } from "../symbolic/expr.js";
import { CudaDevice, CudaHost, libraryOp, productKernel, tilesShared } from "./cuda.js";
import { BLOCK_THREADS, FINISH_THREADS, KernelEmitter, REDUCE_THREADS, ROW_THREADS, tileBytes } from "./cuda-kernel.js";
import { Emitter, type EmitOptions } from "./emit.js";
import type { Text } from "./language.js";
import { MATRIX_TYPES, solverCall, STEADY } from "./cuda-solvers.js";
import { cppType } from "./cpp-types.js";
import type { PlanCuda } from "./plan.js";

/** Launches that a recorded section may hold. */
const SECTION_LAUNCHES = 4096;
/** Iterations of a reduction that each thread of a block takes, before there are more blocks. */
const EACH = 8;
/** A range that cannot be told on the host gets a grid for this many iterations. */
const UNKNOWN = "4096";

/** The host's own array of an argument, by the name of the device's. */
export function hostCopy(text: Text): Text { return `${text}h`; }

export interface Kernel { readonly name: string; readonly text: Text; readonly maxThreads: number; readonly loc?: NonNullable<PlanCuda["kernels"][number]["loc"]> }

export class HostEmitter extends Emitter {
  readonly kernels: Kernel[] = [];
  readonly device: CudaDevice;
  /** Names that kernels may use, with their types: pointers to elements, or values. */
  readonly #known: ReadonlyMap<Text, { readonly type: Text; readonly base?: string }>;
  readonly #products = new Map<DType, number>();
  #sections = 0;
  #recording = false;
  #rounds = 0;

  constructor(graph: Graph, options: EmitOptions, known: readonly (readonly [name: Text, value: { readonly type: Text; readonly base?: string }])[], readonly stops: boolean) {
    // The language asks back for a kernel of this program.
    const products: { ask?: (dtype: DType) => number } = {};
    super(graph, new CudaHost(options.precision, (dtype) => products.ask!(dtype), stops), options);
    products.ask = (dtype) => this.#product(dtype);
    this.device = new CudaDevice(options.precision);
    this.#known = new Map(known);
  }

  #product(dtype: DType): number {
    let n = this.#products.get(dtype);
    if (n === undefined) {
      n = this.kernels.length;
      this.kernels.push({ name: `k${n}`, text: productKernel(`k${n}`, dtype, this.stops), maxThreads: 256 });
      this.#products.set(dtype, n);
    }
    return n;
  }

  override list(body: readonly Node[], after?: () => void): void {
    this.scope.nested(() => {
      for (const n of body) {
        if (n.kind === "tasklet") this.#fetch(n);
        else this.node(n);
        after?.();
      }
    });
  }

  /** `host[] = device[]`, or `host[] = list[i, k]` of a list that the host has as well. */
  #fetch(t: Tasklet): void {
    const [m] = t.inputs, to = this.place(t.output.data), from = m && this.place(m.data);
    if (m && m.index.length > 0 && from?.kind === "buffer" && to.kind === "variable" && t.code.kind === "input") {
      this.line(`${to.text} = ${hostCopy(from.text)}[${this.integers.print(flatIndex(this.graph, m.data, m.index))}];`);
      return;
    }
    if (!from || from.kind !== "buffer" || to.kind !== "variable" || t.code.kind !== "input") throw new InternalError("a statement was left to the host");
    this.line(`if (i32 status = gpu->read(gpu->state, &${to.text}, ${from.text}, i64(sizeof(${to.text})))) return status;`);
    // Behind a mistake the value may be anything.
    if (this.stops) this.line("if (i32 status = halted(rt)) return status;");
  }

  protected override node(n: Node): void {
    if (n.kind === "library" && movesToHost(n)) this.#move(n); else if (isSolver(n)) this.line(...solverCall(n, this.graph, this.integers, (data) => this.place(data).text, this.stops)); else super.node(n);
  }
  /** Starts a copy between device and host, or makes what follows wait for it. */
  #move(n: LibraryNode): void {
    const { array, host } = offloadPair(n), slot = this.place(host.data).host, [a, h] = [array, host].map((o) => this.graph.container(o.data)), product = (list: readonly Expr[]): Expr => list.reduce((x, y) => mul(x, y), ONE);
    if (slot === undefined || this.#recording || !isRows(array, a!.shape) || !isRows(host, h!.shape)) throw new InternalError(`${host.data} is no array of the host, or not moved by rows`);
    const elements = product(host.sizes), row = product(host.sizes.slice(1)), size = bytesOf(h!.dtype), bytes = (e: Expr): Text => `i64(${this.integers.print(e)}) * ${size}`;
    const whole = elements.key === product(h!.shape).key && host.base.every((e) => e.constant === 0), first = array.base[0] ?? ZERO, text = this.place(array.data).text, from = first.constant === 0 ? text : `${text} + ${this.integers.print(mul(first, row))}`;
    const given = whole ? [from, bytes(elements)] : [from, bytes(elements), bytes(mul(host.base[0]!, row)), bytes(product(h!.shape))];
    const used = n.op === "settle" ? (whole ? [] : [from]) : n.op === "fetch" ? given.slice(0, 3) : given;
    this.line(`if (i32 status = gpu->${n.op}${whole ? "" : "_rows"}(${["gpu->state", String(slot), ...used].join(", ")})) return status;`);
  }

  protected override loop(l: Loop): void {
    const gpu = l.schedule?.gpu;
    if (gpu?.kernel) { this.#launch(l); return; }
    if (!gpu?.section) { this.#loop(l); return; }
    const number = this.#sections++, z = this.fresh("z"), few = this.fresh("z"), recording = this.#recording;
    this.line(`const bool ${few} = ${this.integers.print(gpu.section.launches)} <= ${SECTION_LAUNCHES};`);
    this.line(`const i32 ${z} = ${few} ? gpu->section_begin(gpu->state, ${number}, nullptr, 0) : 1;`, `if (${z} == 1) {`);
    this.indent(() => {
      this.#recording = true;
      this.#loop(l, `if (!${few}) `);
      this.#recording = recording;
      this.line(`if (${few}) if (i32 status = gpu->section_end(gpu->state, ${number})) return status;`);
    });
    this.line(`} else if (${z} != 0) return ${z};`);
  }
  /** `unless`: where the loop is a section, it is looked at the cancel flag only if it is not being recorded. */
  #loop(l: Loop, unless = ""): void {
    const begin = this.bound(l.begin), end = this.bound(l.end), variable = this.fresh("i"), facts = this.facts;
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    this.line(...this.language.loopOpen({ variable, begin, end, down: l.order === "down" }));
    this.indent(() => {
      if (!this.#recording || unless) this.line(...this.language.poll(this.#rounds === 0 ? 1 : 0).map((x) => (unless ? `${unless}{ ${x} }` : x)));
      this.#rounds++;
      this.list(l.body);
      this.#rounds--;
    });
    this.line("}");
    this.facts = facts;
  }

  // ---- launches

  #printer(): KernelEmitter { return new KernelEmitter(this.graph, this.device, this.options, { next: this.next, facts: this.facts, variables: this.integers.variables, stops: this.stops }); }
  /** Adds a kernel; gives the statements that launch it, with `shape` as the six numbers of grid and block. `distinct`: its buffers lie apart. */
  #kernel(k: KernelEmitter, maxThreads: number, written: ReadonlySet<string>, distinct: boolean, loc: Loop["loc"], values: readonly Text[] = []): (shape: Text, sharedBytes: number) => readonly Text[] {
    this.next = k.names;
    const lines = k.lines.join("\n"), words = [...new Set(lines.match(/\b[a-z]\d+s?\b|\b(?:error|cancel)\b/g))], number = this.kernels.length;
    const parameters: Text[] = [], given: Text[] = [];
    const variables = new Set(this.integers.variables.values());
    for (const w of words) {
      if (w === "error") { parameters.push("i64* error"); given.push("&gpu->error"); continue; }
      if (w === "cancel") { parameters.push("const i32* cancel"); given.push("&gpu->cancel"); continue; }
      const known = this.#known.get(w) ?? (variables.has(w) || values.includes(w) ? { type: "i64" } : undefined);
      if (!known) continue;
      const restrict = distinct && known.base !== undefined ? " __restrict__" : "";
      parameters.push(known.base === undefined ? `const ${known.type} ${w}` : `${written.has(known.base) ? "" : "const "}${known.type}*${restrict} ${w}`);
      given.push(`&${w}`);
    }
    const { file, line, column } = loc ? { file: loc.file.name, line: loc.line, column: loc.column } : { file: "", line: 0, column: 0 };
    this.kernels.push({ name: `k${number}`, maxThreads, text: `extern "C" __global__ void __launch_bounds__(${maxThreads}) k${number}(${parameters.join(", ")}) {\n${lines}\n}\n`, ...(loc ? { loc: { file, line, column } } : {}) });
    return (shape, sharedBytes) => [
      `void* p[] = {${given.length > 0 ? given.map((g) => `(void*)${g}`).join(", ") : "nullptr"}};`,
      `if (i32 status = gpu->launch(gpu->state, ${number}, ${shape}, ${sharedBytes}, p)) return status;`,
    ];
  }

  #launch(l: Loop): void {
    const gpu = l.schedule!.gpu!, k = this.#printer(), writes = new Set(accessesOf(this.graph, [l]).flatMap((a) => (a.write ? [a.base] : [])));
    const extent = (i: number): Text => { const e = gpu.extents?.[i]; return i >= (gpu.extents?.length ?? 0) ? "1" : e ? this.integers.print(e) : UNKNOWN; };
    const widest = Math.max(8, ...(gpu.into ?? []).map((r) => (this.graph.container(r.data).dtype === "complex128" ? 16 : 8)));
    k.kernel(l);
    switch (gpu.kernel) {
      case "single": this.#block(this.#kernel(k, 1, writes, false, l.loc)("1, 1, 1, 1, 1, 1", 0)); return;
      case "scatter": this.#block(this.#kernel(k, 256, writes, true, l.loc)("scan(gpu), 1, 1, 256, 1, 1", 16)); return;
      case "block": this.#block(this.#kernel(k, BLOCK_THREADS, writes, false, l.loc)(`1, 1, 1, ${BLOCK_THREADS}, 1, 1`, 32 * 16)); return;
      case "grid": {
        const launch = this.#kernel(k, 256, writes, true, l.loc);
        this.#block([`const dace_shape g = spread(gpu, ${[0, 1, 2].map(extent).join(", ")});`, "if (g.gx > 0) {", ...launch("g.gx, g.gy, g.gz, g.bx, g.by, 1", 0).map((x) => `  ${x}`), "}"]);
        return;
      }
      case "tiles": {
        const launch = this.#kernel(k, TILE_X * TILE_Y, writes, true, l.loc);
        let bytes = 0;
        visitNodes([l], (n) => { if (n.kind === "loop") for (const x of n.schedule?.gpu?.tiles ?? []) bytes += tileBytes(x.height, x.width, this.graph.container(x.data).dtype); });
        this.#block([
          `const u32 gx = blocks((${extent(0)} + ${TILE_X - 1}) / ${TILE_X}, 1 << 30), gy = blocks((${extent(1)} + ${TILE_Y - 1}) / ${TILE_Y}, 65535), gz = blocks(${extent(2)}, 65535);`, "if (gx > 0 && gy > 0 && gz > 0) {",
          ...launch(`gx, gy, gz, ${TILE_X}, ${TILE_Y}, 1`, bytes).map((x) => `  ${x}`), "}",
        ]);
        return;
      }
      case "product": {
        let inner: Node = l;
        while (inner.kind === "loop") inner = inner.body[0]!;
        const launch = this.#kernel(k, 256, writes, false, l.loc), bytes = tilesShared(this.graph.container((inner as LibraryNode).outputs[0]!.data).dtype);
        const library = gpu.strided ? this.#batch(l, inner as LibraryNode, gpu.strided) : [];
        this.#block([
          ...library, `const u32 gx = tiles(${extent(0)}, 1 << 20), gy = tiles(${extent(1)}, 65535), gz = blocks(${extent(2)}, 65535);`, `if (${library.length > 0 ? "status != 0 && " : ""}gx > 0 && gy > 0 && gz > 0) {`,
          ...launch("gx, gy, gz, 16, 16, 1", bytes).map((x) => `  ${x}`), "}",
        ]);
        return;
      }
      case "rows": {
        const launch = this.#kernel(k, ROW_THREADS, writes, true, l.loc);
        this.#block([`const u32 gx = blocks(${extent(0)}, 1 << 20), gy = blocks(${extent(1)}, 65535);`, "if (gx > 0 && gy > 0) {", ...launch(`gx, gy, 1, ${ROW_THREADS}, 1, 1`, ROW_THREADS * widest).map((x) => `  ${x}`), "}"]);
        return;
      }
      case "reduce": {
        const into = gpu.into!, partials = new Set([...writes, ...into.map((r) => r.partials!)]);
        const first = this.#kernel(k, REDUCE_THREADS, partials, true, l.loc), parts = this.fresh("n"), f = this.#printer();
        f.finish(into, parts);
        const second = this.#kernel(f, FINISH_THREADS, writes, true, l.loc, [parts]);
        // How many parts there are depends on sizes alone: so does the order in which they are combined.
        const e = gpu.extents?.[0], count = e ? (gpu.axis!.by === "block" ? this.integers.print(e) : `(${this.integers.print(e)} + ${REDUCE_THREADS * EACH - 1}) / ${REDUCE_THREADS * EACH}`) : String(PARTIALS);
        this.#block([
          `const i64 ${parts} = blocks(${count}, ${PARTIALS});`,
          `if (${parts} > 0) {`, ...first(`u32(${parts}), 1, 1, ${REDUCE_THREADS}, 1, 1`, REDUCE_THREADS * widest).map((x) => `  ${x}`), "}",
          `if (${parts} > 1) {`, ...second(`1, 1, 1, ${FINISH_THREADS}, 1, 1`, FINISH_THREADS * widest).map((x) => `  ${x}`), "}",
        ]);
        return;
      }
      default: throw new InternalError("a loop is no kernel");
    }
  }
  /** Asks the library for a batch of products: `status` is not 0 where it has none. */
  #batch(l: Loop, product: LibraryNode, { count, a, b, c }: NonNullable<GpuSchedule["strided"]>): readonly Text[] {
    const firsts: Text[] = [];
    for (let x: Node = l; x.kind === "loop"; x = x.body[0]!) { const v = this.fresh("i"); firsts.push(`const i64 ${v} = ${this.integers.print(x.begin)};`); this.integers.variables.set(x.variable, v); }
    const g = this.gemmText(product), [first, second] = this.turned(product) ? [b, a] : [a, b], ops = [libraryOp(g.transA, g.conjugateA), libraryOp(g.transB, g.conjugateB)], t = cppType(g.dtype);
    if (ops.includes(undefined) || (this.stops && ![g.aAt, g.bAt, g.cAt].every((x) => STEADY.test(x)))) return [];
    const scalar = (value: number): Text => this.language.constant(value, undefined, g.dtype), stride = (e: Expr): Text => this.integers.print(e);
    return [
      "i32 status;", "{", ...firsts.map((x) => `  ${x}`), `  const ${t} alpha = ${scalar(g.alpha)}, beta = ${scalar(g.accumulate ? 1 : 0)};`,
      `  status = gpu->linear->gemm_batch(gpu->linear->state, ${MATRIX_TYPES.indexOf(g.dtype)}, ${ops.join(", ")}, ${g.m}, ${g.n}, ${g.k}, &alpha, ${g.a} + ${g.aAt}, ${g.lda}, ${stride(first)}, ${g.b} + ${g.bAt}, ${g.ldb}, ${stride(second)}, &beta, ${g.c} + ${g.cAt}, ${g.ldc}, ${stride(c)}, ${stride(count)});`,
      "  if (status > 0) return status;", "}",
    ];
  }
  #block(lines: readonly Text[]): void { this.line("{", ...lines.map((x) => `  ${x}`), "}"); }
}
