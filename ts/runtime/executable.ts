/** A plan ready to run, on the compiled or on the JavaScript backend. */
import { readFileSync } from "node:fs";
import { DaceError, InternalError, type SourceFile, type SourceLoc } from "../base/errors.js";
import { shimProgram } from "../lower/cuda-shim.js";
import type { Plan, PlanCheck } from "../lower/plan.js";
import { PARALLEL_UNITS } from "../schedule/threshold.js";
import { evaluate, type Expr } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import type { AsyncRun, CompileRequest, GpuArgument, GpuRun, GpuStatus, NativeAddon, NativeGpu, NativeGpuProgram, NativeKernel, RunStatus, TypedArray } from "./addon-types.js";
import { argumentOf, DeviceArray, type Bound } from "./device-array.js";
import { gpuFailure, gpuRequest, writtenArguments } from "./gpu-program.js";
import { copyArray, lengthOf } from "./ndarray.js";
import { jsKernel, type JsKernel } from "./js-backend.js";
import { runInWorker, threadsAllowed } from "./js-worker.js";
import { layoutOf, type Layout } from "./layout.js";
import { TeamSize } from "./team-size.js";

export interface Backend { readonly device: "cpu" | "js" | "cuda"; /** The device is made of the processor (lower/cuda-shim.ts). */ readonly shim?: boolean; /** A real one. */ readonly gpu?: NativeGpu; readonly addon?: NativeAddon; readonly threads: number; /** `threads` is a limit, not an order. */ readonly anyTeam?: boolean; readonly cache: CompileRequest["cacheMode"]; readonly cacheDir?: string }

export interface RunReport { readonly device: Backend["device"]; readonly ms: number; readonly arenaBytes: number; readonly compileMs: number; readonly cached: boolean; /** Bytes that buffers of a length known only to the run came to. */ readonly grownBytes: number }

export function compileRequest(plan: Plan, backend: Backend): CompileRequest {
  const program = backend.shim && plan.cuda ? shimProgram(plan.cuda) : plan.cpp;
  const link = program.link.flatMap((l) => (l === "libm" ? ["-lm"] : l === "libmvec" ? ["-lmvec"] : []));
  return { sources: program.sources, flags: program.flags, link, ...cacheOf(backend) };
}
function cacheOf({ cache, cacheDir }: Backend): Pick<CompileRequest, "cacheMode" | "cacheDir"> { return { ...(cache ? { cacheMode: cache } : {}), ...(cacheDir ? { cacheDir } : {}) }; }

export class Executable {
  #kernel: NativeKernel | undefined;
  #gpu: NativeGpuProgram | undefined;
  readonly #written: readonly number[];
  #js: JsKernel | undefined;
  #lastKey: string | undefined;
  #lastLayout: Layout | undefined;
  #lastSymbols: BigInt64Array | undefined;
  #arena: ArrayBuffer | undefined;
  #options: { threads: number; readonly parallel: boolean } | undefined;
  #optionsFor: Layout | undefined;
  #team: TeamSize | undefined;
  readonly #grows: boolean;
  #grownBytes = 0;
  readonly #checks: readonly { readonly check: PlanCheck; readonly expr: Expr }[];

  constructor(readonly plan: Plan, readonly backend: Backend, readonly source: SourceFile | undefined) {
    this.#checks = plan.checks.map((check) => ({ check, expr: parseExpr(check.expr) }));
    this.#written = writtenArguments(plan);
    this.#grows = plan.buffers.some((b) => b.storage === "growable");
  }

  /** The first entry check that does not hold, if any. */
  failedCheck(sizes: ReadonlyMap<string, number>): PlanCheck | undefined {
    for (const { check, expr } of this.#checks) {
      const v = evaluate(expr, sizes);
      if (check.kind === "shape" ? v !== 0 : v < 0) return check;
    }
    return undefined;
  }

  layout(key: string, sizes: ReadonlyMap<string, number>): Layout {
    if (key === this.#lastKey && this.#lastLayout) return this.#lastLayout;
    this.#lastLayout = layoutOf(this.plan, sizes, this.backend.threads);
    this.#lastSymbols = BigInt64Array.from(this.#lastLayout.symbols, (x) => BigInt(Math.trunc(x)));
    this.#lastKey = key;
    return this.#lastLayout;
  }

  /** An integer result, from the call's sizes. */
  evaluate(text: string, layout: Layout): number {
    return evaluate(parseExpr(text), new Map(this.plan.symbols.map((s, i) => [s, layout.symbols[i]!])));
  }

  /** Compiles or finds the kernel; throws TOOLCHAIN or CACHE. */
  prepare(): void {
    if (this.backend.device === "js") { this.#js ??= jsKernel(this.plan); return; }
    if (this.#kernel) return;
    try {
      if (this.backend.gpu) this.#kernel = this.#gpu = this.backend.gpu.load(gpuRequest(this.plan, cacheOf(this.backend)));
      else this.#kernel = this.backend.addon!.load(compileRequest(this.plan, this.backend));
    } catch (e) {
      throw toolchainError(e);
    }
  }

  get report(): { compileMs: number; cached: boolean; grownBytes: number } { return { compileMs: this.#kernel?.compileMs ?? 0, cached: this.#kernel?.cached ?? true, grownBytes: this.#grownBytes }; }
  #ended(extent: number): void { if (this.#grows) this.#grownBytes = extent; }

  /** Runs on the calling thread (or waits for the executor). `args` in the order of `plan.arguments`. */
  run(args: readonly Bound[], layout: Layout): RunReport {
    const start = performance.now();
    this.runQuick(args, layout);
    return { device: this.backend.device, ms: performance.now() - start, arenaBytes: layout.arenaBytes, ...this.report };
  }

  /** As `run`, without a report. `layout` must be the last one that `layout()` gave. */
  runQuick(bound: readonly Bound[], layout: Layout): void {
    // Only a program for a GPU is given arrays that lie on one.
    const args = (this.backend.device === "cuda" ? onDevice(bound) : bound) as readonly TypedArray[];
    if (this.#js) { this.#runJs(args, layout); return; }
    if (!this.#kernel) { this.prepare(); if (this.#js) { this.#runJs(args, layout); return; } }
    if (this.#gpu) {
      let s;
      try { s = this.#gpu.run(args, this.#symbols(layout), layout.arenaBytes, hostOnly(bound, this.#written)); } catch (e) { throw runError(e, layout); }
      this.#verify(s, layout);
      return;
    }
    let status;
    try {
      if (this.#optionsFor !== layout) this.#decide(layout);
      if (this.#team) this.#options!.threads = this.#team.next();
      status = this.backend.addon!.run(this.#kernel!, args, this.#symbols(layout), layout.arenaBytes, this.#options!);
      this.#team?.ran(this.#options!.threads, status.ns);
    } catch (e) { throw runError(e, layout); }
    if (status.code !== 0) this.#raise(layout, status.code, status.site, status.value, status.extent);
    this.#ended(status.extent);
  }
  #verify(s: RunStatus | GpuStatus, layout: Layout): void {
    if ("failure" in s && s.failure !== "") throw gpuFailure(this.plan, s, layout.arenaBytes, (at) => locate(at, this.source));
    if (s.code !== 0) this.#raise(layout, s.code, s.site, s.value, s.extent);
    this.#ended(s.extent);
  }
  #runJs(args: readonly TypedArray[], layout: Layout): void {
    if (!this.#arena || this.#arena.byteLength < layout.arenaBytes) this.#arena = allocateArena(layout.arenaBytes);
    const js = this.#js!;
    let code: number;
    try { code = js.run(args, layout.symbols, this.#arena); } catch (e) { throw runError(e, layout); }
    if (code !== 0) this.#raise(layout, code, js.error[1]!, js.error[2]!, js.error[3]!);
    this.#ended(js.error[3]!);
  }
  #symbols(layout: Layout): BigInt64Array {
    if (layout === this.#lastLayout && this.#lastSymbols) return this.#lastSymbols;
    return BigInt64Array.from(layout.symbols, (x) => BigInt(Math.trunc(x)));
  }

  #decide(layout: Layout): void {
    const parallel = this.#parallel(layout);
    this.#options = { threads: parallel ? this.backend.threads : 1, parallel };
    this.#team = parallel && this.backend.anyTeam ? new TeamSize(this.backend.threads) : undefined;
    this.#optionsFor = layout;
  }
  /** Below this amount of work no region of the plan would share it: the run stays on the calling thread. */
  #parallel(layout: Layout): boolean { return this.plan.parallel && this.backend.threads > 1 && layout.work > PARALLEL_UNITS; }

  /** Starts a run on the executor thread; `write`: indices into `args` that are copied back when it resolves. Inputs are read at the call. */
  async runAsync(args: readonly Bound[], layout: Layout, write: readonly number[], options: { readonly signal?: AbortSignal; readonly onProgress?: (steps: number) => void }): Promise<RunReport> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const start = performance.now();
    if (this.backend.device === "js" || !this.backend.addon) return this.#runLater(args as readonly TypedArray[], layout, write, signal, onProgress, start);
    if (!this.#kernel) {
      const copies = args.map((a) => (a instanceof DeviceArray ? a : copyArray(a)));
      const gpu = this.backend.gpu, loading = gpu ? gpu.loadAsync(gpuRequest(this.plan, cacheOf(this.backend))) : this.backend.addon.loadAsync(compileRequest(this.plan, this.backend));
      const abort = (): void => { loading.abort(); };
      signal?.addEventListener("abort", abort, { once: true });
      try { const kernel = await loading.promise; this.#kernel ??= kernel; if (gpu) this.#gpu ??= kernel as NativeGpuProgram; } catch (e) { signal?.throwIfAborted(); throw toolchainError(e); } finally { signal?.removeEventListener("abort", abort); }
      signal?.throwIfAborted();
      // The inputs as they were at the call, not as they are after compiling.
      const report = await this.#start(copies, layout, copies.map((_, k) => k).filter((k) => write.includes(k)), signal, onProgress, start);
      copyBack(args as readonly TypedArray[], copies as readonly TypedArray[], hostOnly(args, write));
      return report;
    }
    return this.#start(args, layout, write, signal, onProgress, start);
  }
  async #start(bound: readonly Bound[], layout: Layout, write: readonly number[], signal: AbortSignal | undefined, onProgress: ((steps: number) => void) | undefined, start: number): Promise<RunReport> {
    let running: AsyncRun | GpuRun;
    const args = onDevice(bound);
    if (this.#optionsFor !== layout) this.#decide(layout);
    const team = this.#team, threads = team?.next() ?? this.#options!.threads;
    try { running = this.#gpu ? this.#gpu.runAsync(args, this.#symbols(layout), layout.arenaBytes, hostOnly(bound, write)) : this.backend.addon!.runAsync(this.#kernel!, args as readonly TypedArray[], this.#symbols(layout), layout.arenaBytes, { threads, write }); } catch (e) { throw runError(e, layout); }
    const cancel = (): void => { running.cancel(); };
    signal?.addEventListener("abort", cancel, { once: true });
    const progress = Progress.of(onProgress, () => running.progress(), cancel);
    try {
      const status = await running.promise;
      progress?.stop();
      if (status.code === 1) { signal?.throwIfAborted(); throw new InternalError("a run was cancelled without a signal"); }
      this.#verify(status, layout);
      team?.ran(threads, status.ns);
      progress?.report();
    } catch (e) { if (signal?.aborted && e === signal.reason) throw e; throw runError(e, layout); } finally { signal?.removeEventListener("abort", cancel); progress?.stop(false); }
    return { device: this.backend.device, ms: performance.now() - start, arenaBytes: layout.arenaBytes, ...this.report };
  }
  /** Copies are made now, run by a worker thread (or, where none may be started, in a later turn of the event loop), and written back. */
  async #runLater(args: readonly TypedArray[], layout: Layout, write: readonly number[], signal: AbortSignal | undefined, onProgress: ((steps: number) => void) | undefined, start: number): Promise<RunReport> {
    let copies: readonly TypedArray[] = args.map(copyArray);
    let failed: Error | undefined;
    const stop = new AbortController(), progress = Progress.of(onProgress, () => 0, () => { stop.abort(); });
    try {
      if (threadsAllowed()) {
        const done = await runInWorker({ text: this.plan.js, args: copies, symbols: layout.symbols, arenaBytes: layout.arenaBytes }, onProgress ? AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]) : signal);
        copies = done.args;
        if (done.code !== 0) this.#raise(layout, done.code, done.error[1]!, done.error[2]!, done.error[3]!);
        this.#ended(done.error[3]!);
      } else {
        await new Promise<void>((resolve) => { setImmediate(resolve); });
        signal?.throwIfAborted();
        this.prepare();
        this.#runJs(copies, layout);
      }
      progress?.stop();
      progress?.report();
    } catch (e) {
      if (signal?.aborted && e === signal.reason) throw e;
      progress?.stop();
      failed = runError(e, layout) as Error;
    } finally { progress?.stop(false); }
    if (failed) throw failed;
    signal?.throwIfAborted();
    copyBack(args, copies, write);
    return { device: "js", ms: performance.now() - start, arenaBytes: layout.arenaBytes, ...this.report };
  }

  /** A message's size as the call has it. */
  #inNumbers(message: string, layout: Layout): string {
    return message.replace(/\bof size (\S+(?: [-+*/] \S+)*)$/, (whole, size: string) => { try { return `of size ${this.evaluate(size, layout)}`; } catch { return whole; } });
  }
  #raise(layout: Layout, code: number, site: number, value: number, extent: number): never {
    const s = this.plan.sites[site];
    const loc = s && { ...locate(s, this.source) };
    switch (code) {
      case 2: throw new DaceError("BOUNDS", `${this.#inNumbers(s?.message ?? "index out of range", layout)}${value === 0 && extent === 0 ? "" : `: index ${value}, size ${extent}`}`, loc);
      case 3: throw new DaceError("RAISED", s?.message ?? "the program raised an error", loc);
      case 4: throw new DaceError("NAN", s?.message ?? "a value is not a number", loc);
      case 5: throw new DaceError("OOM", "the run ran out of memory");
      default: throw new DaceError("PLAN", `the kernel refused to run (status ${code}): it was built for another version of the runtime`);
    }
  }
}

/** The place in the user's source that a plan names; its text, for the frame, comes from the program or from the file. */
export function locate(at: { readonly file?: string; readonly line?: number; readonly column?: number }, source: SourceFile | undefined): { readonly loc?: SourceLoc } {
  if (at.line === undefined || at.column === undefined) return {};
  const name = at.file ?? "<source>";
  let file: SourceFile = { name, text: "" };
  if (source?.name === name) file = source;
  else if (name !== "<source>") try { file = { name, text: readFileSync(name, "utf8") }; } catch { /* the place is enough */ }
  return { loc: { file, line: at.line, column: at.column } };
}

/** Calls the user's function now and then. What it throws stops the run, and is what the call rejects with. */
class Progress {
  #thrown: { readonly error: unknown } | undefined;
  readonly #timer: NodeJS.Timeout;
  private constructor(readonly callback: (steps: number) => void, readonly steps: () => number, readonly cancel: () => void) { this.#timer = setInterval(() => { this.#call(); }, 50); }
  static of(callback: ((steps: number) => void) | undefined, steps: () => number, cancel: () => void): Progress | undefined { return callback && new Progress(callback, steps, cancel); }
  #call(): void {
    if (this.#thrown) return;
    try { this.callback(this.steps()); } catch (error) { this.#thrown = { error }; this.cancel(); }
  }
  report(): void { this.#call(); this.stop(); }
  stop(rethrow = true): void {
    clearInterval(this.#timer);
    if (rethrow && this.#thrown) throw new DaceError("ARGUMENT", `onProgress threw: ${this.#thrown.error instanceof Error ? this.#thrown.error.message : String(this.#thrown.error)}`, { cause: this.#thrown.error });
  }
}

function onDevice(bound: readonly Bound[]): readonly GpuArgument[] { return bound.some((a) => a instanceof DeviceArray) ? bound.map(argumentOf) : bound as readonly TypedArray[]; }
/** Of indices of arguments, those that lie on the host. */
function hostOnly(bound: readonly Bound[], indices: readonly number[]): readonly number[] { return bound.some((a) => a instanceof DeviceArray) ? indices.filter((k) => !(bound[k] instanceof DeviceArray)) : indices; }

/** Puts results into the caller's arrays; if one of them is gone or too short, nothing is written. */
function copyBack(targets: readonly TypedArray[], copies: readonly TypedArray[], write: readonly number[]): void {
  for (const k of write) if (lengthOf(targets[k]!) < lengthOf(copies[k]!)) throw new DaceError("TYPE", "an array that the program changes was detached or shrunk while it ran", { hint: "keep the arrays as they are until the promise resolves" });
  for (const k of write) (targets[k] as Float64Array).set(copies[k] as Float64Array);
}

function allocateArena(bytes: number): ArrayBuffer {
  try { return new ArrayBuffer(bytes); } catch (e) { throw new DaceError("OOM", `no memory for ${bytes} bytes of intermediate arrays`, { cause: e }); }
}
function toolchainError(e: unknown): DaceError {
  if (e instanceof DaceError) return e;
  const x = e as { code?: string; message?: string; output?: string };
  const code = x.code === "CACHE" || x.code === "OOM" || x.code === "DEVICE" ? x.code : "TOOLCHAIN";
  return new DaceError(code, x.message ?? String(e), { cause: e, ...(x.output ? { notes: [{ message: x.output.slice(0, 2000) }] } : {}), hint: code === "DEVICE" ? "install NVRTC or nvcc (the CUDA toolkit), set DACE_AD_LIBNVRTC or DACE_AD_NVCC, or use { device: \"cpu\" }" : code === "TOOLCHAIN" ? "install g++ or clang (Debian: apt-get install g++), or use { device: \"js\" }" : "see `dace-ad-native doctor`" });
}
function runError(e: unknown, layout: Layout): unknown {
  if (e instanceof DaceError || !(e instanceof Error)) return e;
  if ((e as { code?: string }).code === "OOM") return new DaceError("OOM", `no memory for ${layout.arenaBytes} bytes of intermediate arrays`, { cause: e });
  if (e instanceof RangeError) return new DaceError("OOM", e.message, { cause: e });
  if (e instanceof TypeError) return new DaceError("TYPE", e.message, { cause: e });
  return e;
}
