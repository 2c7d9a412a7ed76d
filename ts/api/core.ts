/** What stands behind a callable: specialises to its arguments, compiles once per signature, keeps what it compiled. */
import { bytesOf } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { lazy } from "../base/lazy.js";
import type { Trace } from "../compile/pipeline.js";
import { ProgramCache } from "../compile/program-cache.js";
import type { Calibration } from "../compile/calibration.js";
import type { Rates } from "../base/rates.js";
import type { Program, ProgramFacts } from "../compile/program.js";
import type { ParameterType, Signature } from "../frontend/array/signature.js";
import type { Decision } from "../checkpoint/resolve.js";
import type { Plan } from "../lower/plan.js";
import { PLAN_VERSION } from "../lower/plan.js";
import { asDeclared, classify, type Given } from "../runtime/arguments.js";
import { Executable, locate, type Backend, type RunReport } from "../runtime/executable.js";
import { allocated, type Layout } from "../runtime/layout.js";
import { parseDeclared, specialise, type Declared, type Specialised } from "../runtime/specialise.js";
import type { Answer, Question } from "../checkpoint/plan/index.js";
import type { CheckpointReport, MemoryDecision } from "../compile/memory.js";
import type { LimitPlanner } from "../compile/memory-nested.js";
import { DeviceArray, type Bound } from "../runtime/device-array.js";
import { evaluateEntry } from "../scalar/entry.js";
import { makeVariant, type Variant } from "./bind.js";
import { compile, derive, factsKey, planKey, type BuildOptions, type Compiled, type Derivation, type Verb } from "./build.js";
import { backendFor, cacheOf, checkOptions, memoryLimit, type DerivativeOptions } from "./options.js";
import { evaluate } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import { positionsOf } from "./derive.js";
import { toProgram } from "./program.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const pipeline = lazy(() => require("../compile/pipeline.js") as typeof import("../compile/pipeline.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const planning = lazy(() => require("../compile/memory-nested.js") as typeof import("../compile/memory-nested.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const calibrating = lazy(() => require("../compile/calibration.js") as typeof import("../compile/calibration.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const notExact = lazy(() => (require("../frontend/array/context.js") as typeof import("../frontend/array/context.js")).inexact);
// eslint-disable-next-line @typescript-eslint/no-require-imports
const solver = lazy(() => require("../checkpoint/plan/index.js") as typeof import("../checkpoint/plan/index.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const texts = lazy(() => require("../sdfg/text.js") as typeof import("../sdfg/text.js"));

/** Of one run. */
export interface Report extends RunReport {
  readonly verb: Verb;
  /** Milliseconds per compiler stage, of the variants compiled so far; empty after a warm start. */
  readonly stages: Readonly<Record<string, number>>;
  /** True if the plan came from the program cache. */
  readonly planCached: boolean;
  /** What became of each forward value that the backward pass needs. */
  readonly saved: readonly Decision[];
  /** `bytes` of a buffer that grows: of one row; what all of them came to is `grownBytes`. */
  readonly buffers: readonly { readonly name: string; readonly bytes: number; readonly role?: string; readonly storage: string }[];
  /** Bytes of the arena, of the results and of what grew: what the run needs beside the caller's arrays. */
  readonly peakBytes: number;
  /** With device "auto": why it ran where it did. */
  readonly deviceReason?: string;
  /** What was decided about memory, and what came of it; where `memoryLimit` or `strategy` is given. */
  readonly checkpoint?: CheckpointReport;
}

export interface Lowered { readonly sdfg: string; readonly plan: Plan; readonly source: string; /** The graph after each stage. */ readonly stages: Readonly<Record<string, string>> }

/** What a call is, for the choice of a device. */
export interface Size {
  /** Units of work. */
  readonly work: number;
  /** Threads that share it. */
  readonly threads: number;
  /** Bytes of host memory that a device would be given, and give back. */
  readonly moved: number;
  /** Of a program for a GPU (PlanCuda.estimate). */
  readonly gpu?: { readonly launches: number; readonly serial: number; readonly block: number; readonly shared: number };
}

/** A signature compiled, at the sizes of a call. */
interface Sized { readonly variant: Variant; readonly layout: Layout; readonly key: string; readonly sizes: ReadonlyMap<string, number>; readonly sizesKey: string }

export class Core {
  readonly program: Program;
  readonly #variants = new Map<string, Variant>();
  readonly #stages: Record<string, number> = {};
  readonly #fromDisk = new WeakSet<Compiled>();
  /** Where a variant comes from: its signature, and the key under which the program as it is stands in #variants. */
  readonly #origins = new WeakMap<Variant, { readonly signature: Signature; readonly key: string }>();
  readonly #planners = new Map<string, { readonly planner: LimitPlanner; readonly derivation: Derivation }>();
  readonly #plans = new Map<string, Variant>();
  readonly #reports = new WeakMap<Layout, CheckpointReport>();
  #measured: { readonly bytes: number; readonly host?: number } | undefined;
  readonly #declared: ReadonlyMap<string, Declared> | undefined;
  readonly #limit: number | undefined;
  readonly cache: ProgramCache;
  #backend: Backend | undefined;
  #facts: ProgramFacts | undefined;
  #last: { readonly variant: Variant; readonly layout: Layout; readonly run: RunReport } | undefined;
  /** Milliseconds of the last run, if it took the short way. */
  #again: number | undefined;
  #disposed = false;
  readonly #known = new WeakMap<readonly Given[], Sized>();

  constructor(readonly verb: Verb, source: unknown, readonly options: DerivativeOptions, readonly warned = new Set<string>()) {
    checkOptions(options);
    this.program = toProgram(source, options);
    this.#limit = memoryLimit(options);
    this.#declared = options.args && new Map(Object.entries(options.args).map(([k, t]) => [k, parseDeclared(k, t)]));
    const { mode, dir } = cacheOf(options);
    this.cache = new ProgramCache(mode, dir);
  }

  dispose(): void { this.#disposed = true; this.#variants.clear(); this.#planners.clear(); this.#plans.clear(); this.#last = undefined; }
  get disposed(): boolean { return this.#disposed; }

  get facts(): ProgramFacts {
    if (this.#facts) return this.#facts;
    const key = this.cache.mode === "off" ? undefined : factsKey(this.program, this.cache);
    const stored = key === undefined ? undefined : this.cache.get(key) as (Omit<ProgramFacts, "integers" | "fixed" | "flexible"> & { integers: string[]; fixed?: string[]; flexible?: string[] }) | undefined;
    if (stored) this.program.recall({ ...stored, integers: new Set(stored.integers), fixed: new Set(stored.fixed), flexible: new Set(stored.flexible) });
    const facts = this.program.facts();
    if (key !== undefined && !stored) this.cache.put(key, { ...facts, integers: [...facts.integers], fixed: [...facts.fixed ?? []], flexible: [...facts.flexible ?? []] });
    for (const name of this.#declared?.keys() ?? []) if (!facts.parameters.includes(name)) throw new DaceError("ARGUMENT", `args: ${facts.name} has no argument ${name}`, { hint: `its arguments are ${facts.parameters.join(", ")}` });
    return (this.#facts = this.#withFloats(facts));
  }
  /** A number that np.arange alone takes is a float where a derivative with respect to it is asked for. */
  #withFloats(facts: ProgramFacts): ProgramFacts {
    const { wrt } = this.options, named = (Array.isArray(wrt) ? wrt : wrt === undefined ? [] : [wrt]).map((w: string | number) => (typeof w === "number" ? facts.parameters[w] : w)), floats = named.filter((n): n is string => n !== undefined && (facts.flexible?.has(n) ?? false));
    return floats.length === 0 ? facts : { ...facts, integers: new Set([...facts.integers].filter((n) => !floats.includes(n))) };
  }

  /** Actual arguments in call order; SDFG programs also take one plain object by name. */
  given(all: readonly unknown[]): Given[] {
    if (this.#disposed) throw new DaceError("DISPOSED", "this callable has been disposed", { hint: "make a new one" });
    const f = this.facts;
    let args = all;
    if (f.language === "sdfg" && args.length === 1 && isNamed(args[0], f.parameters)) args = byName(args[0], f);
    let n = args.length;
    while (n > f.required && args[n - 1] === undefined) n--;
    if (f.language !== "javascript") for (let i = 0; i < f.required && i < n; i++) if (args[i] === undefined) throw new DaceError("ARGUMENT", `${f.name} is not given ${f.parameters[i]!}: argument ${i} is undefined`);
    if (n < f.required || n > f.parameters.length) throw new DaceError("ARGUMENT", `${f.name} takes ${f.required === f.parameters.length ? f.required : `${f.required} to ${f.parameters.length}`} argument${f.parameters.length === 1 ? "" : "s"} (${f.parameters.join(", ")}), not ${n}`);
    return args.slice(0, n).map((a, i) => {
      const name = f.parameters[i]!, g = classify(a, name), d = this.#declared?.get(name);
      return d ? asDeclared(g, name, d.dtype, d.dims?.length) : g;
    });
  }

  /** Finds or makes the code for a call. A planner's questions are answered while the caller waits. */
  variant(given: readonly Given[]): { readonly variant: Variant; readonly layout: Layout } {
    const steps = this.#steps(given);
    let r = steps.next();
    while (!r.done) r = steps.next(solver().answerNow(r.value));
    return r.value;
  }
  /** As `variant`, without blocking the event loop while a planner's questions are answered: a promise only where there are any. */
  variantSoon(given: readonly Given[], signal?: AbortSignal): { readonly variant: Variant; readonly layout: Layout } | Promise<{ readonly variant: Variant; readonly layout: Layout }> {
    const steps = this.#steps(given), first = steps.next();
    if (first.done) return first.value;
    return (async (asked: Question) => {
      let r = steps.next(await solver().answer(asked, signal));
      while (!r.done) r = steps.next(await solver().answer(r.value, signal));
      return r.value;
    })(first.value);
  }

  *#steps(given: readonly Given[]): Generator<Question, { readonly variant: Variant; readonly layout: Layout }, Answer> {
    const { variant: v, layout, key, sizes, sizesKey } = this.#sized(given), limit = this.#limit ?? this.#room(v, layout, given);
    if (this.#fits(v, layout, limit)) return { variant: v, layout };
    try {
      return yield* this.#planned(v, key, sizes, sizesKey, limit);
    } catch (e) {
      if (this.#limit !== undefined || !(e instanceof solver().MemoryInfeasible)) throw e;
      throw new DaceError("OOM", `${this.facts.name} needs ${allocated(v.compiled.plan, layout)} bytes beside its arguments, and at least ${e.smallest} where it computes again or moves to the host what it can, but ${this.options.device} has ${limit} left`, { cause: e, hint: "dispose of device arrays that are no longer used, or use smaller ones" });
    }
  }
  /** Rates of its device, where they are not the built-in ones; known once a call has been sized. */
  measured(): Rates | undefined { const c = this.#backend && this.#calibration(); return c && c.origin !== "built in" ? c.rates : undefined; }
  /** What a call would do, if all of it fits. Nothing runs. */
  size(given: readonly Given[]): Size {
    const { variant: { executable, compiled: { plan } }, layout } = this.#sized(given), bytes = (b: number): number => layout.elements[b]! * bytesOf(plan.buffers[b]!.dtype);
    const host = plan.arguments.filter((b) => plan.buffers[b]!.shape.length > 0), value = (e: string): number => Math.max(0, executable.evaluate(e, layout));
    return {
      work: plan.effort === undefined ? layout.work : value(plan.effort), threads: this.#threads(), moved: host.reduce((n, b) => n + bytes(b) * (plan.buffers[b]!.writes ? 2 : 1), 0),
      ...(plan.cuda ? { gpu: { launches: value(plan.cuda.estimate.launches), serial: value(plan.cuda.estimate.serial), block: value(plan.cuda.estimate.block), shared: value(plan.cuda.estimate.shared) } } : {}),
    };
  }

  /** The program is compiled for the numbers of each call: it calls itself, as deep as they say. */
  #exact = false;
  /** The sizes decide between the ordinary variant, the general one and the one with checks inside. */
  #sized(given: readonly Given[]): Sized {
    // Asked twice of a call whose device is chosen.
    let s = this.#known.get(given);
    if (!s) this.#known.set(given, s = this.#sizeOf(given));
    return s;
  }
  #sizeOf(given: readonly Given[]): Sized {
    const f = this.facts;
    // `wrt` naming an integer is the user's first mistake to hear of.
    if (this.verb !== "jit" && this.options.wrt !== undefined) positionsOf(this.options.wrt, f, kindsOf(given, f), "first");
    const specialised = (): Specialised => specialise(given, { language: f.language, names: f.parameters, integers: f.integers, fixed: f.fixed, flexible: f.flexible, exact: this.#exact, ...(this.#declared ? { declared: this.#declared } : {}) });
    let spec = specialised();
    let speculate = true, checked = false, refused: DaceError | undefined;
    for (;;) {
      const key = `${spec.key}|${speculate}|${checked}`;
      let v = this.#variants.get(key);
      if (!v) {
        try { v = this.#build({ ...spec.signature, speculate, checked, precision: this.options.precision ?? "default", ...(this.#exact ? { exact: true } : {}) }, key); } catch (e) {
          if (!this.#exact && e instanceof DaceError && notExact().has(e)) { this.#exact = true; spec = specialised(); continue; }
          if (!(e instanceof DaceError)) throw e;
          refused ??= e;
          // What is taken for granted until the checks on entry fail may be wrong of these sizes: a mistake is certain where nothing is.
          if (/^ERR_DACE_(BOUNDS|SHAPE)$/.test(e.code) && (speculate || !checked)) { speculate = false; checked = true; continue; }
          throw withSizes(refused, numbersOf(spec.sizes, given, f), given, f);
        }
        this.#variants.set(key, v);
      }
      const sizes = new Map(spec.sizes);
      for (const s of v.symbolPositions) { const g = given[s.position]; sizes.set(s.symbol, g?.kind === "number" || g?.kind === "bigint" ? Number(g.value) : 0); }
      for (const e of v.entry) {
        const n = evaluateEntry(e.value, (name) => { const g = given[f.parameters.indexOf(name)]; return g?.kind === "number" ? g.value : NaN; }, sizes);
        if (!Number.isSafeInteger(n)) throw new DaceError("TYPE", `a size or bound that follows from the arguments is ${n}`);
        sizes.set(e.symbol, n);
      }
      const failed = v.executable.failedCheck(sizes);
      if (failed) {
        if (failed.kind === "speculation" && speculate) { speculate = false; continue; }
        if (failed.kind === "bounds" && !checked) { checked = true; continue; }
        throw withSizes(new DaceError(failed.kind === "bounds" ? "BOUNDS" : "SHAPE", failed.message, locate(failed, this.program.source())), sizes, given, f);
      }
      let sizesKey = "";
      for (const [k, n] of sizes) sizesKey += `${k}=${n};`;
      return { variant: v, layout: v.executable.layout(sizesKey, sizes), key, sizes, sizesKey };
    }
  }

  /** Bytes that a GPU has left for the run besides the arguments, where that is less than the program takes as it is: a limit, too. */
  #room(v: Variant, layout: Layout, given: readonly Given[]): number | undefined {
    const { gpu } = v.executable.backend, { plan } = v.compiled;
    if (!gpu || this.verb === "jit" || (this.options.strategy ?? "auto") !== "auto" || plan.buffers.some((b) => b.storage === "growable")) return undefined;
    const need = allocated(plan, layout), taken = new Set<number>();
    if (need < ASK_FROM) return undefined;
    for (const [k, binder] of v.binders.entries()) {
      const b = plan.arguments[k]!, g = binder.kind === "parameter" ? given[binder.position] : undefined;
      // What lies there already takes room only where it must not change.
      if (binder.kind !== "fresh" && binder.kind !== "schedule" && !(g?.kind === "array" && g.device && !plan.buffers[b]!.writes)) taken.add(b);
    }
    const left = gpu.room() - ERROR_WORDS - [...taken].reduce((n, b) => n + layout.elements[b]! * bytesOf(plan.buffers[b]!.dtype), 0);
    return need <= left ? undefined : Math.max(0, left);
  }
  /** Is a variant the one for all calls of these sizes, whatever else lies on the device? */
  lasts(v: Variant): boolean { return !v.decision || this.#limit !== undefined || (this.options.strategy ?? "auto") !== "auto"; }

  /** May the program run as it is? */
  #fits(v: Variant, layout: Layout, ask: number | undefined): boolean {
    const strategy = this.options.strategy ?? "auto";
    if (ask === undefined && (strategy === "auto" || strategy === "store-all")) return true;
    const need = allocated(v.compiled.plan, layout), limit = ask ?? Infinity;
    // What grows has no size before the run: a form without it is planned, or the program refused.
    if (this.verb !== "jit" && v.compiled.plan.buffers.some((b) => b.storage === "growable")) {
      if (strategy === "store-all") throw new DaceError("UNSUPPORTED", "strategy \"store-all\" cannot be promised for this program: what it keeps grows with the iterations of loops whose length only the run knows", { hint: "leave the strategy out, or give a memoryLimit" });
      return false;
    }
    if (need <= limit && (strategy === "auto" || strategy === "store-all" || this.verb === "jit")) return true;
    if (this.verb === "jit" || strategy === "store-all") throw new (solver().MemoryInfeasible)(limit, { limit: need, proven: true, dominating: [] }, strategy === "store-all" && this.verb !== "jit" ? "storing everything does not keep" : "the run does not keep");
    return false;
  }

  /** The program in the form that keeps the limit at these sizes: from memory, from disk, or decided now. */
  *#planned(v: Variant, key: string, sizes: ReadonlyMap<string, number>, sizesKey: string, limit: number | undefined): Generator<Question, { readonly variant: Variant; readonly layout: Layout }, Answer> {
    const id = `${key}|${sizesKey}`;
    let planned = this.#plans.get(id);
    // What a device has left is another number at every call.
    if (planned && this.#limit === undefined && limit !== undefined && planned.decision!.report.planned > limit) planned = undefined;
    if (!planned) {
      const disk = this.cache.mode === "off" || limit !== this.#limit ? undefined : planKey(this.program, this.verb, this.options, `${key}|memory|${sizesKey}|${this.#threads()}|${this.#limit ?? ""}|${JSON.stringify(this.options.strategy ?? "auto")}|${this.options.solve?.budget ?? ""}|${this.#calibration().id}`, this.cache);
      let found = disk === undefined ? undefined : this.cache.get(disk) as { readonly compiled: Compiled; readonly decision: MemoryDecision } | undefined;
      if (found?.compiled.plan.version !== PLAN_VERSION) {
        const decision = yield* this.#decide(v, key, sizes, limit);
        const { planner, derivation } = this.#planner(v, key);
        found = { decision, compiled: derivation.compiled(planner.form(decision.key)) };
        if (disk !== undefined) this.cache.put(disk, found);
      }
      planned = makeVariant(found.compiled, new Executable(found.compiled.plan, this.#backend!, this.program.source()), this.facts, this.program, found.decision);
      this.#origins.set(planned, this.#origins.get(v)!);
      this.#plans.set(id, planned);
    }
    const { symbols } = planned.decision!.call;
    return { variant: planned, layout: planned.executable.layout(id, new Map([...sizes, ...Object.entries(symbols)])) };
  }
  *#decide(v: Variant, key: string, sizes: ReadonlyMap<string, number>, limit: number | undefined): Generator<Question, MemoryDecision, Answer> {
    const { solve, strategy } = this.options;
    return yield* this.#planner(v, key).planner.decide(sizes, this.#threads(), limit, strategy ?? "auto", solve?.budget === undefined ? undefined : 1000 * solve.budget);
  }
  #threads(): number { return this.#backend!.threads; }
  #calibration(): Calibration { return calibrating().calibration(this.#backend!, this.cache); }
  #planner(v: Variant, key: string): { readonly planner: LimitPlanner; readonly derivation: Derivation } {
    let known = this.#planners.get(key);
    if (!known) {
      const trace: Trace = new (pipeline().Trace)(), derivation = derive(this.program, this.facts, this.verb as Exclude<Verb, "jit">, this.options, this.#origins.get(v)!.signature, trace);
      this.#planners.set(key, known = { derivation, planner: new (planning().LimitPlanner)([derivation.differentiated, derivation.options, trace, () => this.#calibration().rates, v.compiled.plan.buffers.some((b) => b.storage === "growable")], derivation.recorded) });
    }
    return known;
  }

  /** The options, and the one language that the backend takes. */
  get #printed(): BuildOptions {
    const device = this.options.device ?? "auto";
    if (device.startsWith("cuda")) return this.options;
    return { ...this.options, text: device === "js" || (device === "auto" && (this.#backend ??= backendFor(this.options)).device === "js") ? "js" : "cpp" };
  }

  #build(signature: Signature, key: string): Variant {
    const start = performance.now();
    const diskKey = this.cache.mode === "off" ? undefined : planKey(this.program, this.verb, this.#printed, key, this.cache);
    let compiled = diskKey === undefined ? undefined : this.cache.get(diskKey) as Compiled | undefined;
    if (compiled && compiled.plan.version === PLAN_VERSION) this.#fromDisk.add(compiled);
    else {
      const trace: Trace = new (pipeline().Trace)();
      compiled = compile(this.program, this.facts, this.verb, this.#printed, signature, trace);
      Object.assign(this.#stages, trace.timings);
      if (diskKey !== undefined) this.cache.put(diskKey, compiled);
    }
    this.#stages["total"] = performance.now() - start;
    for (const { name, at } of compiled.unaffected) {
      this.warn("DACE_NO_INFLUENCE", `${this.facts.name} does not depend on ${name} in a differentiable way: its gradient is zero${at === undefined ? "" : ` (it goes through a conversion to integers or a step function at ${at})`}`);
    }
    this.#backend ??= backendFor(this.options);
    const variant = makeVariant(compiled, new Executable(compiled.plan, this.#backend, this.program.source()), this.facts, this.program);
    this.#origins.set(variant, { signature, key });
    return variant;
  }

  warn(code: string, message: string): void {
    if (this.warned.has(message)) return;
    this.warned.add(message);
    process.emitWarning(message, { type: "DaceWarning", code });
  }

  /** Runs, and where a limit is to be kept, looks at what the allocator handed out meanwhile. */
  run(variant: Variant, layout: Layout, bound: readonly Bound[]): void {
    const seen = this.#watch(variant, bound), run = variant.executable.run(bound, layout);
    this.ran(variant, layout, run);
    this.#measured = seen?.(layout);
  }
  async runLater(variant: Variant, layout: Layout, bound: readonly Bound[], write: readonly number[], options: { readonly signal?: AbortSignal; readonly onProgress?: (steps: number) => void }): Promise<void> {
    const seen = this.#watch(variant, bound), run = await variant.executable.runAsync(bound, layout, write, options);
    this.ran(variant, layout, run);
    this.#measured = seen?.(layout);
  }
  #watch(variant: Variant, bound: readonly Bound[]): ((layout: Layout) => { readonly bytes: number; readonly host?: number }) | undefined {
    if (this.#limit === undefined && (this.options.strategy ?? "auto") === "auto" && !variant.decision) return undefined;
    const bytes = (x: Bound): number => (x instanceof DeviceArray ? x.bytes : x.byteLength), { addon, device, gpu } = variant.executable.backend, own = variant.binders.reduce((n, b, k) => n + (b.kind === "fresh" || b.kind === "schedule" ? bytes(bound[k]!) : 0), 0);
    if (gpu) {
      // In use already: what lies on the device. The run's own: the arena, and what it copies there, which are arguments but for results and lists.
      const copied = bound.reduce((n, x) => n + (x instanceof DeviceArray ? 0 : x.byteLength), 0), { inUse } = gpu.memory();
      gpu.resetHighWater();
      return () => { const after = gpu.memory(); return { bytes: own + after.highWater - inUse - copied - ERROR_WORDS, host: after.hostHighWater }; };
    }
    if (device === "js" || !addon) return (layout) => ({ bytes: own + layout.arenaBytes });
    addon.resetHighWater();
    const { inUse } = addon.memory();
    return () => ({ bytes: own + addon.memory().highWater - inUse });
  }

  ran(variant: Variant, layout: Layout, run: RunReport): void { this.#last = { variant, layout, run }; this.#again = undefined; }
  /** A run of the short way; costs next to nothing. */
  ranAgain(variant: Variant, layout: Layout, ms: number): void {
    if (this.#last?.variant !== variant || this.#last.layout !== layout) this.#last = { variant, layout, run: { device: variant.executable.backend.device, ms, arenaBytes: layout.arenaBytes, ...variant.executable.report } };
    this.#again = ms;
  }

  get report(): Report | undefined {
    if (!this.#last) return undefined;
    const { variant, layout, run } = this.#last;
    return {
      ...run, ...this.#checkpoint(variant, layout), ...(this.#again === undefined ? {} : { ms: this.#again }), ...variant.executable.report, verb: this.verb, stages: { ...this.#stages }, planCached: this.#fromDisk.has(variant.compiled), saved: variant.compiled.saved, peakBytes: allocated(variant.compiled.plan, layout) + variant.executable.report.grownBytes,
      buffers: variant.compiled.plan.buffers.map((b, i) => ({ name: b.label ?? b.name, bytes: layout.elements[i]! * bytesOf(b.dtype), storage: b.storage, ...(b.role ? { role: b.role } : {}) })),
    };
  }

  /** What a plan decided; of a program that fits as it is, the two extremes. */
  #checkpoint(variant: Variant, layout: Layout): { readonly checkpoint?: CheckpointReport } {
    if (this.verb === "jit" || (this.#limit === undefined && (this.options.strategy ?? "auto") === "auto" && !variant.decision)) return {};
    // What grows as the run goes was not decided before it.
    if (!variant.decision && variant.compiled.plan.buffers.some((b) => b.storage === "growable")) return {};
    let decided = variant.decision?.report ?? this.#reports.get(layout);
    if (!decided) {
      const { key } = this.#origins.get(variant)!, sizes = new Map(variant.compiled.plan.symbols.flatMap((s, i) => (s.startsWith("@") ? [] : [[s, layout.symbols[i]!] as const]))), r = this.#decide(variant, key, sizes, this.#limit).next();
      if (!r.done) return {};
      this.#reports.set(layout, decided = r.value.report);
    }
    const m = this.#measured, { decision } = variant;
    if (decision?.counted) decided = { ...decided, loops: decided.loops.map((l, k) => ({ ...l, ...countsOf(variant, decision.counted!.find((x) => x.loop === k)?.list) })) };
    return { checkpoint: { ...decided, ...(m ? { measured: m.bytes } : {}), ...(decided.host && m?.host !== undefined ? { host: { ...decided.host, measured: m.host } } : {}) } };
  }

  /** The text of every stage for these arguments; compiles to the last stage, runs nothing. */
  lowered(given: readonly Given[]): Lowered {
    const { variant } = this.variant(given);
    if (variant.decision) {
      const { planner } = this.#planner(variant, this.#origins.get(variant)!.key);
      const stages = Object.fromEntries([...planner.graphs(variant.decision.key)].map(([k, g]) => [k, texts().graphText(g)]));
      return { sdfg: stages["scheduled"]!, plan: variant.compiled.plan, source: sourceOf(variant.compiled.plan, variant.executable.backend), stages };
    }
    const trace: Trace = new (pipeline().Trace)();
    const { plan } = compile(this.program, this.facts, this.verb, this.options, this.#origins.get(variant)!.signature, trace);
    const stages = Object.fromEntries([...trace.graphs].map(([k, g]) => [k, texts().graphText(g)]));
    return { sdfg: stages["scheduled"]!, plan, source: sourceOf(plan, variant.executable.backend), stages };
  }
}

/** What the last run counted of a loop. */
function countsOf(v: Variant, list: string | undefined): Partial<CheckpointReport["loops"][number]> {
  const p = v.compiled.plan.parameters.find((x) => x.kind === "container" && x.name === `schedule:${list ?? ""}`), binder = p?.kind === "container" ? v.binders[v.placeOf.get(p.buffer)!] : undefined;
  if (binder?.kind !== "schedule") return {};
  const [steps, extraSteps, copies] = Array.from(binder.list, Number) as [number, number, number];
  return { steps, extraSteps, copies };
}

/** A GPU is asked what it has left for programs that take as many bytes. */
const ASK_FROM = 2 ** 20;
/** Bytes of a GPU run's error block. */
const ERROR_WORDS = 32;

/** The types of arguments as far as derivatives care. */
function kindsOf(given: readonly Given[], f: ProgramFacts): ParameterType[] {
  return given.map((g, i): ParameterType => {
    switch (g.kind) {
      case "array": return { kind: "array", dtype: g.dtype, dims: [] };
      case "number": return f.integers.has(f.parameters[i]!) && Number.isInteger(g.value) ? { kind: "int" } : { kind: "float", dtype: "float64" };
      case "bigint": return { kind: "int" };
      case "boolean": return { kind: "bool", dtype: "bool" };
      case "complex": return { kind: "complex", dtype: "complex128" };
      case "value": return { kind: "value", value: g.value };
    }
  });
}

function numbersOf(sizes: ReadonlyMap<string, number>, given: readonly Given[], f: ProgramFacts): Map<string, number> {
  const all = new Map(sizes);
  given.forEach((g, i) => { if ((g.kind === "number" && f.integers.has(f.parameters[i]!)) || g.kind === "bigint") all.set(f.parameters[i]!, Number(g.value)); });
  return all;
}
/** Shapes in an error's text are those of the call, not symbols; the arguments' own shapes follow. */
function withSizes(e: DaceError, sizes: ReadonlyMap<string, number>, given: readonly Given[], f: ProgramFacts): DaceError {
  const known = e.code === "ERR_DACE_SHAPE" ? sizes : new Map([...sizes].filter(([k]) => /^n\d+$/.test(k)));
  const value = (p: string): string | undefined => { if (p === "" || /^\d+$/.test(p)) return p; try { return String(evaluate(parseExpr(p), known)); } catch { return undefined; } };
  const summary = e.summary.replace(/\(([^()]*)\)/g, (whole, inner: string) => {
    const values = inner.split(",").map((p) => value(p.trim()));
    return values.includes(undefined) ? whole : `(${values.join(", ").replace(/, $/, ",")})`;
  }).replace(/\bof size (\S+(?: [-+*/] \S+)*)$/, (whole, size: string) => { const n = value(size); return n === undefined ? whole : `of size ${n}`; });
  if (e.code !== "ERR_DACE_SHAPE") return summary === e.summary ? e : e.withSummary(summary);
  const shapes = given.flatMap((g, i) => (g.kind === "array" ? [`${f.parameters[i]!} (${g.shape.join(", ")}${g.shape.length === 1 ? "," : ""})`] : []));
  return e.withSummary(summary).withNotes(shapes.length > 0 ? [{ message: `the arguments' shapes are ${shapes.join(", ")}` }] : []);
}

function isNamed(x: unknown, names: readonly string[]): x is Record<string, unknown> {
  if (typeof x !== "object" || x === null || Object.getPrototypeOf(x) !== Object.prototype) return false;
  const keys = Object.keys(x);
  return keys.length > 0 && (keys.some((k) => names.includes(k)) || !("data" in x));
}
function byName(x: Record<string, unknown>, f: ProgramFacts): unknown[] {
  for (const k of Object.keys(x)) if (!f.parameters.includes(k)) throw new DaceError("ARGUMENT", `${f.name} has no argument ${k}`, { hint: `its arguments are ${f.parameters.join(", ")}` });
  const missing = f.parameters.slice(0, f.required).filter((p) => x[p] === undefined);
  if (missing.length > 0) throw new DaceError("ARGUMENT", `${f.name} was not given ${missing.join(", ")}`);
  return f.parameters.map((p) => x[p]);
}

/** The text that runs on the backend. */
function sourceOf(plan: Plan, { device }: Backend): string {
  return plan.cuda ? [...plan.cuda.host.sources, plan.cuda.device].join("\n") : device === "js" ? plan.js : plan.cpp.sources.join("\n");
}
