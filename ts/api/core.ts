/** What stands behind a callable: specialises to its arguments, compiles once per signature, keeps what it compiled. */
import { bytesOf } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { lazy } from "../base/lazy.js";
import type { Trace } from "../compile/pipeline.js";
import { ProgramCache } from "../compile/program-cache.js";
import type { Program, ProgramFacts } from "../compile/program.js";
import type { ParameterType, Signature } from "../frontend/array/signature.js";
import type { Decision } from "../checkpoint/resolve.js";
import type { Plan } from "../lower/plan.js";
import { PLAN_VERSION } from "../lower/plan.js";
import { asDeclared, classify, type Given } from "../runtime/arguments.js";
import { Executable, locate, type Backend, type RunReport } from "../runtime/executable.js";
import type { Layout } from "../runtime/layout.js";
import { parseDeclared, specialise, type Declared } from "../runtime/specialise.js";
import { makeVariant, type Variant } from "./bind.js";
import { compile, factsKey, planKey, type Compiled, type Verb } from "./build.js";
import { backendFor, cacheOf, checkOptions, memoryLimit, type DerivativeOptions } from "./options.js";
import { evaluate } from "../symbolic/expr.js";
import { parseExpr } from "../symbolic/parse.js";
import { positionsOf } from "./derive.js";
import { toProgram } from "./program.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const pipeline = lazy(() => require("../compile/pipeline.js") as typeof import("../compile/pipeline.js"));
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
  /** `bytes` of a buffer that grows: of one row. */
  readonly buffers: readonly { readonly name: string; readonly bytes: number; readonly role?: string; readonly storage: string }[];
  /** Bytes of the arena and of the results: what the run needs beside the caller's arrays. */
  readonly peakBytes: number;
}

export interface Lowered { readonly sdfg: string; readonly plan: Plan; readonly source: string; /** The graph after each stage. */ readonly stages: Readonly<Record<string, string>> }

export class Core {
  readonly program: Program;
  readonly #variants = new Map<string, Variant>();
  readonly #stages: Record<string, number> = {};
  readonly #fromDisk = new WeakSet<Compiled>();
  readonly #signatures = new WeakMap<Variant, Signature>();
  readonly #warned = new Set<string>();
  readonly #declared: ReadonlyMap<string, Declared> | undefined;
  readonly #limit: number | undefined;
  readonly cache: ProgramCache;
  #backend: Backend | undefined;
  #facts: ProgramFacts | undefined;
  #last: { readonly variant: Variant; readonly layout: Layout; readonly run: RunReport } | undefined;
  /** Milliseconds of the last run, if it took the short way. */
  #again: number | undefined;
  #disposed = false;

  constructor(readonly verb: Verb, source: unknown, readonly options: DerivativeOptions) {
    checkOptions(options);
    this.program = toProgram(source, options);
    this.#limit = memoryLimit(options);
    this.#declared = options.args && new Map(Object.entries(options.args).map(([k, t]) => [k, parseDeclared(k, t)]));
    const { mode, dir } = cacheOf(options);
    this.cache = new ProgramCache(mode, dir);
  }

  dispose(): void { this.#disposed = true; this.#variants.clear(); this.#last = undefined; }
  get disposed(): boolean { return this.#disposed; }

  get facts(): ProgramFacts {
    if (this.#facts) return this.#facts;
    const key = this.cache.mode === "off" ? undefined : factsKey(this.program, this.cache);
    const stored = key === undefined ? undefined : this.cache.get(key) as (Omit<ProgramFacts, "integers" | "fixed"> & { integers: string[]; fixed?: string[] }) | undefined;
    if (stored) this.program.recall({ ...stored, integers: new Set(stored.integers), fixed: new Set(stored.fixed) });
    const facts = this.program.facts();
    if (key !== undefined && !stored) this.cache.put(key, { ...facts, integers: [...facts.integers], fixed: [...facts.fixed ?? []] });
    for (const name of this.#declared?.keys() ?? []) if (!facts.parameters.includes(name)) throw new DaceError("ARGUMENT", `args: ${facts.name} has no argument ${name}`, { hint: `its arguments are ${facts.parameters.join(", ")}` });
    return (this.#facts = facts);
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

  /** Finds or makes the code for a call; the sizes decide between the ordinary variant, the general one and the one with checks inside. */
  variant(given: readonly Given[]): { readonly variant: Variant; readonly layout: Layout } {
    const f = this.facts;
    // `wrt` naming an integer is the user's first mistake to hear of.
    if (this.verb !== "jit" && this.options.wrt !== undefined) positionsOf(this.options.wrt, f, kindsOf(given, f), "first");
    const spec = specialise(given, { language: f.language, names: f.parameters, integers: f.integers, fixed: f.fixed, ...(this.#declared ? { declared: this.#declared } : {}) });
    let speculate = true, checked = false;
    for (;;) {
      const key = `${spec.key}|${speculate}|${checked}`;
      let v = this.#variants.get(key);
      if (!v) {
        try { v = this.#build({ ...spec.signature, speculate, checked, precision: this.options.precision ?? "default" }, key); } catch (e) { throw e instanceof DaceError ? withSizes(e, numbersOf(spec.sizes, given, f), given, f) : e; }
        this.#variants.set(key, v);
      }
      const sizes = new Map(spec.sizes);
      for (const s of v.symbolPositions) { const g = given[s.position]; sizes.set(s.symbol, g?.kind === "number" || g?.kind === "bigint" ? Number(g.value) : 0); }
      const failed = v.executable.failedCheck(sizes);
      if (failed) {
        if (failed.kind === "speculation" && speculate) { speculate = false; continue; }
        if (failed.kind === "bounds" && !checked) { checked = true; continue; }
        throw withSizes(new DaceError(failed.kind === "bounds" ? "BOUNDS" : "SHAPE", failed.message, locate(failed, this.program.source())), sizes, given, f);
      }
      let sizesKey = "";
      for (const [k, n] of sizes) sizesKey += `${k}=${n};`;
      const layout = v.executable.layout(sizesKey, sizes);
      this.#checkMemory(v, layout);
      return { variant: v, layout };
    }
  }

  #build(signature: Signature, key: string): Variant {
    const start = performance.now();
    const diskKey = this.cache.mode === "off" ? undefined : planKey(this.program, this.verb, this.options, key, this.cache);
    let compiled = diskKey === undefined ? undefined : this.cache.get(diskKey) as Compiled | undefined;
    if (compiled && compiled.plan.version === PLAN_VERSION) this.#fromDisk.add(compiled);
    else {
      const trace: Trace = new (pipeline().Trace)();
      compiled = compile(this.program, this.facts, this.verb, this.options, signature, trace);
      Object.assign(this.#stages, trace.timings);
      if (diskKey !== undefined) this.cache.put(diskKey, compiled);
    }
    this.#stages["total"] = performance.now() - start;
    for (const { name, at } of compiled.unaffected) {
      this.warn("DACE_NO_INFLUENCE", `${this.facts.name} does not depend on ${name} in a differentiable way: its gradient is zero${at === undefined ? "" : ` (it goes through a conversion to integers or a step function at ${at})`}`);
    }
    this.#backend ??= backendFor(this.options);
    const variant = makeVariant(compiled, new Executable(compiled.plan, this.#backend, this.program.source()), this.facts, this.program);
    this.#signatures.set(variant, signature);
    return variant;
  }

  warn(code: string, message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    process.emitWarning(message, { type: "DaceWarning", code });
  }

  #checkMemory(v: Variant, layout: Layout): void {
    if (this.#limit === undefined) return;
    if (v.compiled.plan.buffers.some((b) => b.storage === "growable")) throw new DaceError("UNSUPPORTED", "memoryLimit cannot be promised for this program: what it keeps grows with the iterations of loops whose length only the run knows", { hint: "leave memoryLimit out, or give the loops a bound that sizes give and do not leave them early" });
    const need = peakBytes(v, layout);
    if (need > this.#limit) throw new DaceError("MEMORY_INFEASIBLE", `the run needs ${need} bytes beside its arguments, the limit is ${this.#limit}`, { hint: `the smallest limit that works is ${need} bytes` });
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
      ...run, ...(this.#again === undefined ? {} : { ms: this.#again }), ...variant.executable.report, verb: this.verb, stages: { ...this.#stages }, planCached: this.#fromDisk.has(variant.compiled), saved: variant.compiled.saved, peakBytes: peakBytes(variant, layout),
      buffers: variant.compiled.plan.buffers.map((b, i) => ({ name: b.label ?? b.name, bytes: layout.elements[i]! * bytesOf(b.dtype), storage: b.storage, ...(b.role ? { role: b.role } : {}) })),
    };
  }

  /** The text of every stage for these arguments; compiles to the last stage, runs nothing. */
  lowered(given: readonly Given[]): Lowered {
    const { variant } = this.variant(given);
    const trace: Trace = new (pipeline().Trace)();
    const { plan } = compile(this.program, this.facts, this.verb, this.options, this.#signatures.get(variant)!, trace);
    const stages = Object.fromEntries([...trace.graphs].map(([k, g]) => [k, texts().graphText(g)]));
    return { sdfg: stages["scheduled"]!, plan, source: variant.executable.backend.device === "js" ? plan.js : plan.cpp.sources.join("\n"), stages };
  }
}

function peakBytes(v: Variant, layout: Layout): number {
  let n = layout.arenaBytes;
  v.binders.forEach((b, k) => { if (b.kind === "fresh") { const i = v.compiled.plan.arguments[k]!; n += layout.elements[i]! * bytesOf(v.compiled.plan.buffers[i]!.dtype); } });
  return n;
}

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
