/** A plan ready to run, on the compiled or on the JavaScript backend. */
import { DaceError, type SourceFile } from "../base/errors.js";
import type { Plan, PlanCheck } from "../lower/plan.js";
import { evaluate, type Expr } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import type { AsyncRun, CompileRequest, NativeAddon, NativeKernel, TypedArray } from "./addon-types.js";
import { jsKernel, type JsKernel } from "./js-backend.js";
import { layoutOf, type Layout } from "./layout.js";

export interface Backend { readonly device: "cpu" | "js"; readonly addon?: NativeAddon; readonly threads: number; readonly cache: CompileRequest["cacheMode"]; readonly cacheDir?: string }

export interface RunReport { readonly device: "cpu" | "js"; readonly ms: number; readonly arenaBytes: number; readonly compileMs: number; readonly cached: boolean }

/** Element operations below which a run with parallel regions stays on the calling thread. */
const SERIAL_WORK = 20_000;

export function compileRequest(plan: Plan, backend: Backend): CompileRequest {
  const link = plan.cpp.link.flatMap((l) => (l === "libm" ? ["-lm"] : l === "libmvec" ? ["-lmvec"] : []));
  return { sources: plan.cpp.sources, flags: plan.cpp.flags, link, ...(backend.cache ? { cacheMode: backend.cache } : {}), ...(backend.cacheDir ? { cacheDir: backend.cacheDir } : {}) };
}

export class Executable {
  #kernel: NativeKernel | undefined;
  #js: JsKernel | undefined;
  #lastKey: string | undefined;
  #lastLayout: Layout | undefined;
  #lastSymbols: BigInt64Array | undefined;
  #arena: ArrayBuffer | undefined;
  readonly #checks: readonly { readonly check: PlanCheck; readonly expr: Expr }[];

  constructor(readonly plan: Plan, readonly backend: Backend, readonly source: SourceFile | undefined) {
    this.#checks = plan.checks.map((check) => ({ check, expr: parseExpr(check.expr) }));
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
    this.#lastLayout = layoutOf(this.plan, sizes);
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
      this.#kernel = this.backend.addon!.load(compileRequest(this.plan, this.backend));
    } catch (e) {
      throw toolchainError(e);
    }
  }

  get report(): { compileMs: number; cached: boolean } { return { compileMs: this.#kernel?.compileMs ?? 0, cached: this.#kernel?.cached ?? true }; }

  /** Runs on the calling thread (or waits for the executor). `args` in the order of `plan.arguments`. */
  run(args: readonly TypedArray[], layout: Layout): RunReport {
    this.prepare();
    const start = performance.now();
    if (this.#js) {
      if (!this.#arena || this.#arena.byteLength < layout.arenaBytes) this.#arena = allocateArena(layout.arenaBytes);
      const code = this.#js.run(args, layout.symbols, this.#arena);
      if (code !== 0) this.#raise(code, this.#js.error[1]!, this.#js.error[2]!, this.#js.error[3]!);
    } else {
      let status;
      try {
        status = this.backend.addon!.run(this.#kernel!, args, this.#lastSymbols!, layout.arenaBytes, { threads: this.backend.threads, parallel: this.#parallel(layout) });
      } catch (e) { throw runError(e, layout); }
      if (status.code !== 0) this.#raise(status.code, status.site, status.value, status.extent);
    }
    return { device: this.backend.device, ms: performance.now() - start, arenaBytes: layout.arenaBytes, ...this.report };
  }

  #parallel(layout: Layout): boolean { return this.plan.parallel && this.backend.threads > 1 && layout.work > SERIAL_WORK; }

  /** Starts a run on the executor thread; `write`: indices into `args` that are copied back when it resolves. */
  async runAsync(args: readonly TypedArray[], layout: Layout, write: readonly number[], options: { readonly signal?: AbortSignal; readonly onProgress?: (steps: number) => void }): Promise<RunReport> {
    const { signal } = options;
    signal?.throwIfAborted();
    const start = performance.now();
    if (this.backend.device === "js" || !this.backend.addon) {
      // Without the addon there is no thread to run on: the inputs are read now and the result arrives as a promise.
      const report = this.run(args, layout);
      await Promise.resolve();
      signal?.throwIfAborted();
      return report;
    }
    if (!this.#kernel) {
      const loading = this.backend.addon.loadAsync(compileRequest(this.plan, this.backend));
      const abort = (): void => { loading.abort(); };
      signal?.addEventListener("abort", abort, { once: true });
      try { this.#kernel = await loading.promise; } catch (e) { signal?.throwIfAborted(); throw toolchainError(e); } finally { signal?.removeEventListener("abort", abort); }
    }
    const symbols = BigInt64Array.from(layout.symbols, (x) => BigInt(Math.trunc(x)));
    const running: AsyncRun = this.backend.addon.runAsync(this.#kernel, args, symbols, layout.arenaBytes, { threads: this.backend.threads, write });
    const cancel = (): void => { running.cancel(); };
    signal?.addEventListener("abort", cancel, { once: true });
    const { onProgress } = options;
    const timer = onProgress ? setInterval(() => { onProgress(running.progress()); }, 50) : undefined;
    try {
      const status = await running.promise;
      if (status.code === 1) { signal?.throwIfAborted(); throw new DaceError("INTERNAL", "a run was cancelled without a signal"); }
      if (status.code !== 0) this.#raise(status.code, status.site, status.value, status.extent);
      onProgress?.(running.progress());
    } catch (e) { throw runError(e, layout); } finally { signal?.removeEventListener("abort", cancel); clearInterval(timer); }
    return { device: "cpu", ms: performance.now() - start, arenaBytes: layout.arenaBytes, ...this.report };
  }

  #raise(code: number, site: number, value: number, extent: number): never {
    const s = this.plan.sites[site];
    const loc = s?.line !== undefined && s.column !== undefined ? { file: this.source && s.file === this.source.name ? this.source : { name: s.file ?? "<source>", text: "" }, line: s.line, column: s.column } : undefined;
    if (code === 2) throw new DaceError("BOUNDS", `${s?.message ?? "index out of range"}: index ${value}, size ${extent}`, loc ? { loc } : {});
    if (code === 3) throw new DaceError("RAISED", s?.message ?? "the program raised an error", loc ? { loc } : {});
    if (code === 4) throw new DaceError("NAN", s?.message ?? "a value is not a number", loc ? { loc } : {});
    if (code === 5) throw new DaceError("OOM", "the run ran out of memory");
    throw new DaceError("PLAN", `the kernel refused to run (status ${code}): it was built for another version of the runtime`);
  }
}

function allocateArena(bytes: number): ArrayBuffer {
  try { return new ArrayBuffer(bytes); } catch (e) { throw new DaceError("OOM", `no memory for ${bytes} bytes of intermediate arrays`, { cause: e }); }
}
function toolchainError(e: unknown): DaceError {
  if (e instanceof DaceError) return e;
  const x = e as { code?: string; message?: string; output?: string };
  const code = x.code === "CACHE" ? "CACHE" : x.code === "OOM" ? "OOM" : "TOOLCHAIN";
  return new DaceError(code, x.message ?? String(e), { cause: e, ...(x.output ? { notes: [{ message: x.output.slice(0, 2000) }] } : {}), hint: code === "TOOLCHAIN" ? "install g++ or clang (Debian: apt-get install g++), or use { device: \"js\" }" : "see `dace-ad-native doctor`" });
}
function runError(e: unknown, layout: Layout): unknown {
  if (e instanceof DaceError || !(e instanceof Error)) return e;
  if ((e as { code?: string }).code === "OOM") return new DaceError("OOM", `no memory for ${layout.arenaBytes} bytes of intermediate arrays`, { cause: e });
  if (e instanceof TypeError) return new DaceError("TYPE", e.message, { cause: e });
  return e;
}
