/** What a verb returns: specialises to its arguments, compiles once per signature, runs. */
import { DaceError, type SourceFile } from "../base/errors.js";
import { isDifferentiable } from "../base/dtypes.js";
import { differentiate, finish, type Differentiated } from "../compile/pipeline.js";
import { PROGRAM, toProgram } from "./program.js";
import { ArraySource } from "../compile/array-source.js";
import type { Program } from "../compile/program.js";
import type { Signature } from "../frontend/array/signature.js";
import type { Plan, PlanResult } from "../lower/plan.js";
import type { TypedArray } from "../runtime/addon-types.js";
import { classify, freshValue, likeArgument, scalarBuffer, specialise, type Given } from "../runtime/arguments.js";
import { Executable, type Backend, type RunReport } from "../runtime/executable.js";
import type { Layout } from "../runtime/layout.js";
import { allocate } from "../runtime/ndarray.js";
import { graphText } from "../sdfg/text.js";
import type { Graph } from "../sdfg/sdfg.js";
import { containerOfParameter, GradientProgram, positionsOf, scalarOutput, selectOutputs } from "./derive.js";
import { backendFor, checkOptions, warnOnce, type DerivativeOptions } from "./options.js";

export type Verb = "jit" | "grad" | "valueAndGrad" | "vjp";

type Binder = { readonly kind: "parameter"; readonly position: number } | { readonly kind: "cotangent"; readonly name: string } | { readonly kind: "fresh" };

interface Variant {
  readonly executable: Executable;
  readonly binders: readonly Binder[];
  /** Buffer index → position in `args`. */
  readonly placeOf: ReadonlyMap<number, number>;
  /** Symbols that are integer parameters: name → position. */
  readonly symbolPositions: readonly { readonly symbol: string; readonly position: number }[];
  readonly positions: readonly number[];
  /** Position → container, for gradients. */
  readonly gradientBuffers: readonly number[];
  readonly outputs: readonly { readonly name: string; readonly buffer: number; readonly shape?: readonly number[] }[];
  readonly graph: Graph;
  readonly decisions: Differentiated["decisions"];
}

export interface Report extends RunReport {
  readonly verb: Verb;
  readonly stages: Readonly<Record<string, number>>;
  /** What became of each forward value that the backward pass needs. */
  readonly saved: readonly { readonly name: string; readonly how: string }[];
  readonly buffers: readonly { readonly name: string; readonly bytes: number; readonly role?: string }[];
}

export class Core {
  readonly program: Program;
  readonly #variants = new Map<string, Variant>();
  readonly #stages: Record<string, number> = {};
  #backend: Backend | undefined;
  #disposed = false;
  report: Report | undefined;

  constructor(readonly verb: Verb, source: unknown, readonly options: DerivativeOptions) {
    checkOptions(options);
    this.program = toProgram(source, options);
  }

  dispose(): void { this.#disposed = true; this.#variants.clear(); }

  get #source(): SourceFile | undefined { return this.program instanceof ArraySource ? this.program.program.source : undefined; }

  given(args: readonly unknown[]): Given[] {
    if (this.#disposed) throw new DaceError("DISPOSED", "this callable has been disposed");
    const f = this.program.facts();
    let n = args.length;
    while (n > f.required && args[n - 1] === undefined) n--;
    if (n < f.required || n > f.parameters.length) throw new DaceError("ARGUMENT", `${f.name} takes ${f.required === f.parameters.length ? f.required : `${f.required} to ${f.parameters.length}`} arguments (${f.parameters.join(", ")}), not ${n}`);
    return args.slice(0, n).map((a, i) => classify(a, f.parameters[i]!));
  }

  /** Finds or makes the code for a call; sizes decide between the ordinary and the general variant. */
  variant(given: readonly Given[]): { variant: Variant; layout: Layout } {
    const f = this.program.facts();
    const spec = specialise(given, { language: f.language, names: f.parameters, integers: f.integers });
    let speculate = true, checked = false;
    for (;;) {
      const key = `${spec.key}|${speculate}|${checked}`;
      let v = this.#variants.get(key);
      if (!v) { v = this.#build({ ...spec.signature, speculate, checked, precision: this.options.precision ?? "default" }); this.#variants.set(key, v); }
      const sizes = new Map(spec.sizes);
      for (const s of v.symbolPositions) { const g = given[s.position]!; sizes.set(s.symbol, g.kind === "number" || g.kind === "bigint" ? Number(g.value) : 0); }
      const failed = v.executable.failedCheck(sizes);
      if (failed) {
        const at = failed.line !== undefined && failed.column !== undefined ? { loc: { file: this.#source ?? { name: failed.file ?? "<source>", text: "" }, line: failed.line, column: failed.column } } : {};
        if (failed.kind === "speculation" && speculate) { speculate = false; continue; }
        if (failed.kind === "bounds" && !checked) { checked = true; continue; }
        if (failed.kind !== "bounds") throw new DaceError("SHAPE", failed.message, at);
        throw new DaceError("BOUNDS", failed.message, at);
      }
      let sizesKey = "";
      for (const [k, n] of sizes) sizesKey += `${k}=${n};`;
      return { variant: v, layout: v.executable.layout(sizesKey, sizes) };
    }
  }

  #build(signature: Signature): Variant {
    const f = this.program.facts(), start = performance.now();
    const positions = this.verb === "jit" ? [] : positionsOf(this.options.wrt, f, signature.parameters, this.verb === "vjp" ? "all" : "first");
    const primal = this.program.graph(signature);
    this.#stages["frontend"] = performance.now() - start;
    let graph = primal, outputs: Readonly<Record<string, string>> = {}, decisions: Differentiated["decisions"] = [];
    const named = new Map<string, string>();
    if (this.verb !== "jit") {
      const t = performance.now();
      const wrt = positions.map((i) => containerOfParameter(primal, f, i));
      if (this.verb === "vjp") for (const [k, c] of selectOutputs(primal, f, this.options.of)) named.set(k, c);
      else named.set("return", scalarOutput(primal, f, this.options.of));
      const of = [...new Set(named.values())];
      if (of.length === 0) throw new DaceError("NOT_DIFFERENTIABLE", `${f.name} has no float output`);
      const d = differentiate(primal, { wrt: [...new Set(wrt)], of, seeds: this.verb === "vjp" ? "arguments" : "unit", keep: this.verb === "grad" ? [] : of });
      for (const u of d.unaffected) { const name = f.parameters[positions[wrt.indexOf(u)]!]!; warnOnce("DACE_NO_INFLUENCE", `${f.name} does not depend on ${name} in a differentiable way: its gradient is zero`, `${f.name}:${name}:${this.program.cacheKey() ?? ""}`); }
      graph = d.graph; outputs = d.outputs; decisions = d.decisions;
      this.#stages["differentiate"] = performance.now() - t;
    }
    this.#backend ??= backendFor(this.options);
    const done = finish(graph, { precision: this.options.precision ?? "default", vectorMath: true, outputs });
    Object.assign(this.#stages, done.timings);
    const plan = done.plan;
    const parameterBuffers = new Map<number, number>();
    const symbolPositions: { symbol: string; position: number }[] = [];
    const cotangents = new Map<number, string>();
    for (const p of plan.parameters) {
      const position = f.parameters.indexOf(p.name);
      if (p.kind === "symbol") { symbolPositions.push({ symbol: p.symbol, position }); continue; }
      if (p.name.startsWith("cotangent:")) cotangents.set(p.buffer, p.name.slice("cotangent:".length));
      else if (position >= 0 && !parameterBuffers.has(p.buffer)) parameterBuffers.set(p.buffer, position);
    }
    const binders = plan.arguments.map((b): Binder => {
      const position = parameterBuffers.get(b), ct = cotangents.get(b);
      return position !== undefined ? { kind: "parameter", position } : ct !== undefined ? { kind: "cotangent", name: ct } : { kind: "fresh" };
    });
    return {
      executable: new Executable(plan, this.#backend, this.#source), binders, placeOf: new Map(plan.arguments.map((b, i) => [b, i])), symbolPositions, positions,
      gradientBuffers: positions.map((i) => plan.outputs[`grad:${containerOfParameter(primal, f, i)}`]!),
      outputs: [...named].map(([name, c]) => ({ name, buffer: plan.outputs[`out:${c}`] ?? -1 })), graph: done.scheduled, decisions,
    };
  }

  /** The arrays of a run, in the plan's order. */
  bind(v: Variant, layout: Layout, given: readonly Given[], cotangents?: ReadonlyMap<string, Given | number>): TypedArray[] {
    const plan = v.executable.plan;
    return v.binders.map((binder, k) => {
      const b = plan.arguments[k]!, buffer = plan.buffers[b]!, n = layout.elements[b]!;
      if (binder.kind === "fresh") return allocate(buffer.dtype, n);
      if (binder.kind === "parameter") {
        const g = given[binder.position]!;
        return g.kind === "array" ? g.data : scalarBuffer(g, buffer.dtype);
      }
      return cotangentBuffer(binder.name, cotangents?.get(binder.name) ?? 0, buffer.dtype, layout.shapes[b]!, n);
    });
  }

  finishReport(v: Variant, run: RunReport, layout: Layout): void {
    const core = this.#stages;
    this.report = {
      ...run, verb: this.verb, stages: core, saved: v.decisions,
      buffers: v.executable.plan.buffers.map((b, i) => ({ name: b.label ?? b.name, bytes: layout.elements[i]! * (b.dtype === "complex128" ? 16 : b.dtype.endsWith("64") ? 8 : b.dtype.endsWith("32") ? 4 : b.dtype.endsWith("16") ? 2 : 1), ...(b.role ? { role: b.role } : {}) })),
    };
  }

  /** What the caller gets from a finished run. */
  results(v: Variant, layout: Layout, given: readonly Given[], args: readonly TypedArray[]): unknown {
    const plan = v.executable.plan;
    const at = (buffer: number): TypedArray => args[v.placeOf.get(buffer)!]!;
    if (this.verb === "jit") {
      plan.arguments.forEach((b, k) => {
        const binder = v.binders[k]!;
        if (binder.kind !== "parameter" || !plan.buffers[b]!.writes) return;
        const g = given[binder.position]!;
        if (g.kind === "array") g.writeBack?.(args[k]!);
      });
      return this.#returned(plan, plan.result, v, layout, given, args);
    }
    const gradients = v.positions.map((p, i) => { const b = v.gradientBuffers[i]!; return likeArgument(given[p]!, at(b), layout.shapes[b]!, plan.buffers[b]!.dtype); });
    const output = (b: number): unknown => freshValue(at(b), layout.shapes[b]!, plan.buffers[b]!.dtype);
    if (this.verb === "vjp") {
      const f = this.program.facts(), grads: Record<string, unknown> = {}, outputs: Record<string, unknown> = {};
      v.positions.forEach((p, i) => { grads[f.parameters[p]!] = gradients[i]; });
      for (const o of v.outputs) {
        const p = f.parameters.indexOf(o.name);
        outputs[o.name] = p >= 0 && given[p] ? likeArgument(given[p], at(o.buffer), layout.shapes[o.buffer]!, plan.buffers[o.buffer]!.dtype) : output(o.buffer);
      }
      return { outputs, grads };
    }
    const grad = Array.isArray(this.options.wrt) ? gradients : gradients[0];
    return this.verb === "grad" ? grad : { value: output(v.outputs[0]!.buffer), grad };
  }

  #returned(plan: Plan, r: PlanResult, v: Variant, layout: Layout, given: readonly Given[], args: readonly TypedArray[]): unknown {
    switch (r.kind) {
      case "none": return undefined;
      case "integer": { const i = plan.symbols.indexOf(r.expr); return i >= 0 ? layout.symbols[i] : v.executable.evaluate(r.expr, layout); }
      case "tuple": return r.items.map((x) => this.#returned(plan, x, v, layout, given, args));
      case "buffer": {
        const k = v.placeOf.get(r.buffer)!, binder = v.binders[k]!;
        if (binder.kind === "parameter") { const g = given[binder.position]!; if (g.kind === "array") return g.original; }
        return freshValue(args[k]!, layout.shapes[r.buffer]!, plan.buffers[r.buffer]!.dtype);
      }
    }
  }

  /** Cotangents by container name; a number is broadcast. */
  cotangents(v: Variant, layout: Layout, given: unknown): Map<string, Given | number> {
    const out = new Map<string, Given | number>();
    const plan = v.executable.plan;
    if (given === undefined || given === null) {
      const only = v.outputs[0];
      if (v.outputs.length !== 1 || layout.shapes[only!.buffer]!.length > 0) throw new DaceError("TYPE", "vjp needs cotangents unless the program has a single scalar output", { hint: `pass { ${v.outputs.map((o) => `${JSON.stringify(o.name)}: …`).join(", ")} }` });
      out.set(plan.buffers[only!.buffer]!.name, 1);
      return out;
    }
    if (typeof given !== "object" || Array.isArray(given) || ArrayBuffer.isView(given)) throw new DaceError("TYPE", "cotangents are an object by output name", { hint: `outputs are ${v.outputs.map((o) => o.name).join(", ")}` });
    for (const [name, x] of Object.entries(given as Record<string, unknown>)) {
      const o = v.outputs.find((y) => y.name === name);
      if (!o) throw new DaceError("ARGUMENT", `cotangents: there is no output ${name}`, { hint: `outputs are ${v.outputs.map((y) => y.name).join(", ")}` });
      const container = plan.buffers[o.buffer]!.name;
      out.set(container, typeof x === "number" ? x : classify(x, `cotangent of ${name}`));
    }
    return out;
  }

  lowered(given: readonly Given[]): { readonly sdfg: string; readonly plan: Plan; readonly source: string } {
    const { variant } = this.variant(given);
    const plan = variant.executable.plan;
    return { sdfg: graphText(variant.graph), plan, source: variant.executable.backend.device === "js" ? plan.js : plan.cpp.sources.join("\n") };
  }
}

function cotangentBuffer(name: string, value: Given | number, dtype: Plan["buffers"][number]["dtype"], shape: readonly number[], n: number): TypedArray {
  if (typeof value === "number") { const a = allocate(dtype, n); if (value !== 0) (a as Float64Array).fill(value); return a; }
  if (value.kind === "array") {
    const size = value.shape.reduce((p, q) => p * q, 1);
    if (size !== n || (value.shape.length !== 1 && value.shape.join() !== shape.join())) throw new DaceError("SHAPE", `the cotangent of ${name} has shape (${value.shape.join(", ")}), the output (${shape.join(", ")})`);
    if (value.dtype === dtype) return value.data;
    if (!isDifferentiable(value.dtype)) throw new DaceError("TYPE", `the cotangent of ${name} holds ${value.dtype}, the output ${dtype}`);
    const a = allocate(dtype, n) as Float64Array;
    a.set(value.data as Float64Array);
    return a;
  }
  if (value.kind === "number" || value.kind === "boolean") return cotangentBuffer(name, Number(value.value), dtype, shape, n);
  throw new DaceError("TYPE", `the cotangent of ${name} is not an array or a number`);
}

export interface RunOptions { readonly signal?: AbortSignal; readonly onProgress?: (steps: number) => void }

/** A trailing plain object whose only keys are signal and onProgress. */
export function splitRunOptions(args: readonly unknown[]): { readonly args: readonly unknown[]; readonly options: RunOptions } {
  const last = args.at(-1);
  if (typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype) {
    const keys = Object.keys(last);
    if (keys.length > 0 && keys.every((k) => k === "signal" || k === "onProgress")) return { args: args.slice(0, -1), options: last as RunOptions };
  }
  return { args, options: {} };
}

export function makeCallable(verb: Verb, source: unknown, options: DerivativeOptions): unknown {
  const core = new Core(verb, source, options);
  const unpack = (args: readonly unknown[]): { given: Given[]; ct: unknown } => {
    if (verb !== "vjp") return { given: core.given(args), ct: undefined };
    if (!Array.isArray(args[0])) throw new DaceError("TYPE", "vjp(program)(args, cotangents): args is an array of the program's arguments");
    if (args.length > 2) throw new DaceError("ARGUMENT", "vjp(program) takes the arguments as one array, and the cotangents");
    return { given: core.given(args[0]), ct: args[1] };
  };
  const call = (...args: unknown[]): unknown => {
    const { given, ct } = unpack(args);
    const { variant, layout } = core.variant(given);
    const bound = core.bind(variant, layout, given, verb === "vjp" ? core.cotangents(variant, layout, ct) : undefined);
    core.finishReport(variant, variant.executable.run(bound, layout), layout);
    return core.results(variant, layout, given, bound);
  };
  const asynchronous = async (...all: unknown[]): Promise<unknown> => {
    const { args, options: run } = splitRunOptions(all);
    run.signal?.throwIfAborted();
    const { given, ct } = unpack(args);
    const { variant, layout } = core.variant(given);
    const bound = core.bind(variant, layout, given, verb === "vjp" ? core.cotangents(variant, layout, ct) : undefined);
    const write = variant.executable.plan.arguments.flatMap((b, k) => (variant.executable.plan.buffers[b]!.writes ? [k] : []));
    core.finishReport(variant, await variant.executable.runAsync(bound, layout, write, run), layout);
    return core.results(variant, layout, given, bound);
  };
  Object.defineProperties(call, {
    async: { value: asynchronous },
    lower: { value: (...args: unknown[]) => core.lowered(unpack(args).given) },
    report: { get: () => core.report },
    dispose: { value: () => { core.dispose(); } },
    name: { value: verb },
  });
  if (verb === "grad") Object.defineProperty(call, PROGRAM, { value: new GradientProgram(core.program, options) });
  if (verb === "jit") Object.defineProperty(call, PROGRAM, { value: core.program });
  return call;
}
