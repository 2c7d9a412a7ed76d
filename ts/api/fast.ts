/**
 * The short way for a call like the last one: same number, kinds, dtypes and sizes of arguments, same integers, no shared memory. Such a call has the same signature,
 * the same checks and the same layout, so nothing is looked up; it costs a few comparisons, the result's allocation and the run.
 */
import { isComplex, type DType } from "../base/dtypes.js";
import type { ProgramFacts } from "../compile/program.js";
import type { NativeGpu, TypedArray } from "../runtime/addon-types.js";
import { likeArgument, scalarOf, type Given } from "../runtime/arguments.js";
import { DeviceArray, type Bound } from "../runtime/device-array.js";
import type { Layout } from "../runtime/layout.js";
import { allocate, lengthOf, NDArray, tagOf } from "../runtime/ndarray.js";
import { argumentsOf } from "../scalar/entry.js";
import { freshOn, type Variant } from "./bind.js";
import type { Verb } from "./build.js";

type Guard =
  | { readonly kind: "typed"; readonly tag: string | undefined; readonly length: number }
  | { readonly kind: "ndarray"; readonly dtype: DType; readonly tag: string | undefined; readonly shape: readonly number[]; readonly length: number }
  | { readonly kind: "device"; readonly dtype: DType; readonly gpu: NativeGpu | undefined; readonly shape: readonly number[] }
  /** An integer parameter, or any other value that the layout depends on. */
  | { readonly kind: "same"; readonly value: unknown }
  | { readonly kind: "float" };

type Source = { readonly kind: "argument" | "inner"; readonly position: number } | { readonly kind: "fresh on device"; readonly dtype: DType; readonly shape: readonly number[] } | { readonly kind: "scalar"; readonly position: number; readonly buffer: TypedArray } | { readonly kind: "fresh"; readonly dtype: DType; readonly n: number } | { readonly kind: "scratch" | "constant"; readonly buffer: TypedArray };

export class FastCall {
  readonly #args: Bound[];
  private constructor(readonly variant: Variant, readonly layout: Layout, readonly guards: readonly Guard[], readonly sources: readonly Source[], readonly result: (args: readonly Bound[]) => unknown) {
    this.#args = new Array<Bound>(sources.length);
  }

  /** The short way for calls like this one, if there is one; for `grad` and `valueAndGrad` only. */
  static of(variant: Variant, layout: Layout, verb: Verb, facts: ProgramFacts, many: boolean, raw: readonly unknown[], given: readonly Given[]): FastCall | undefined {
    if (verb !== "grad" && verb !== "valueAndGrad") return undefined;
    // Arguments that are one array make a signature of their own, which the guards cannot tell.
    if (new Set(variant.compiled.gradients).size !== variant.compiled.gradients.length || anyShared(raw)) return undefined;
    const { plan, positions, gradients, outputs } = variant.compiled;
    const guards: Guard[] = [], decisive = new Set(variant.entry.flatMap((e) => argumentsOf(e.value)));
    for (const [i, g] of given.entries()) {
      // Any other number may be a symbol of the plan, or part of the signature.
      const inPlan = variant.binders.some((b) => b.kind === "parameter" && b.position === i) && !facts.integers.has(facts.parameters[i]!) && !decisive.has(facts.parameters[i]!);
      const guard = guardOf(raw[i], g, inPlan);
      if (!guard) return undefined;
      guards.push(guard);
    }
    if (raw.length !== given.length) return undefined;
    // Results that the caller gets as plain numbers need no memory of their own.
    const scalars = new Set([...positions.flatMap((p, k) => (given[p]!.kind === "array" ? [] : [gradients[k]!])), ...(verb === "valueAndGrad" ? [outputs[0]!.buffer] : [])]);
    const sources: Source[] = [], onDevice = freshOn(variant, given);
    for (const [k, binder] of variant.binders.entries()) {
      const b = plan.arguments[k]!, buffer = plan.buffers[b]!, n = layout.elements[b]!;
      if (binder.kind === "cotangent" || binder.kind === "captured") return undefined;
      if (binder.kind === "fresh" && onDevice?.(b)) { sources.push({ kind: "fresh on device", dtype: buffer.dtype, shape: layout.shapes[b]! }); continue; }
      if (binder.kind === "fresh") { sources.push(layout.shapes[b]!.length === 0 && scalars.has(b) ? { kind: "scratch", buffer: allocate(buffer.dtype, n) } : { kind: "fresh", dtype: buffer.dtype, n }); continue; }
      if (binder.kind === "schedule") { sources.push({ kind: "constant", buffer: binder.list }); continue; }
      if (buffer.writes) return undefined;
      const g = given[binder.position]!;
      if (g.kind === "array") sources.push({ kind: g.form === "typed" || g.form === "device" ? "argument" : "inner", position: binder.position });
      else if (g.kind === "number" && !isComplex(buffer.dtype) && buffer.dtype !== "int64" && buffer.dtype !== "uint64") sources.push({ kind: "scalar", position: binder.position, buffer: allocate(buffer.dtype, 1) });
      else return undefined;
    }
    const makers = positions.map((position, k) => {
      const p = withoutData(given[position]!), b = gradients[k]!, place = variant.placeOf.get(b)!, dtype = plan.buffers[b]!.dtype, shape = layout.shapes[b]!, source = sources[place];
      if (source?.kind === "fresh on device") return (args: readonly Bound[]): unknown => args[place];
      if (source?.kind !== "fresh" && source?.kind !== "scratch") return undefined;
      return p.kind === "array" && p.form === "typed" ? (args: readonly Bound[]): unknown => args[place] : (args: readonly Bound[]): unknown => likeArgument(p, args[place] as TypedArray, shape, dtype);
    });
    // What lies on the device and is nobody's gradient would be left there.
    if (sources.some((x, k) => x.kind === "fresh on device" && !gradients.includes(plan.arguments[k]!))) return undefined;
    const [one] = makers;
    if (!one || makers.includes(undefined)) return undefined;
    const gradient = many ? (args: readonly Bound[]): unknown => makers.map((m) => m!(args)) : one;
    if (verb === "grad") return new FastCall(variant, layout, guards, sources, gradient);
    const out = outputs[0]!, at = variant.placeOf.get(out.buffer);
    if (at === undefined || layout.shapes[out.buffer]!.length !== 0) return undefined;
    const type = plan.buffers[out.buffer]!.dtype;
    return new FastCall(variant, layout, guards, sources, (args) => ({ value: scalarOf(args[at] as TypedArray, type), grad: gradient(args) }));
  }

  matches(args: readonly unknown[]): boolean {
    const { guards } = this;
    if (args.length !== guards.length) return false;
    for (let i = 0; i < guards.length; i++) {
      const g = guards[i]!, a = args[i];
      switch (g.kind) {
        case "float": if (typeof a !== "number") return false; break;
        case "same": if (!Object.is(a, g.value)) return false; break;
        case "typed": {
          if (!ArrayBuffer.isView(a) || tagOf(a) !== g.tag || lengthOf(a) !== g.length) return false;
          if (shared(args, i, (a as TypedArray).buffer)) return false;
          break;
        }
        case "device":
          if (!(a instanceof DeviceArray) || a.disposed || a.dtype !== g.dtype || a.gpu !== g.gpu || a.shape.length !== g.shape.length || a.shape.some((n, d) => n !== g.shape[d]) || args.indexOf(a) !== i) return false;
          break;
        case "ndarray": {
          if (!(a instanceof NDArray) || a.dtype !== g.dtype || a.offset !== 0 || tagOf(a.data) !== g.tag || lengthOf(a.data) !== g.length || a.shape.length !== g.shape.length || !a.isContiguous) return false;
          for (let d = 0; d < g.shape.length; d++) if (a.shape[d] !== g.shape[d]) return false;
          if (shared(args, i, a.data.buffer)) return false;
          break;
        }
      }
    }
    return true;
  }

  run(args: readonly unknown[]): unknown {
    const { sources } = this, bound = this.#args;
    let done = false;
    try {
      for (let k = 0; k < sources.length; k++) {
        const s = sources[k]!;
        switch (s.kind) {
          case "argument": bound[k] = args[s.position] as Bound; break;
          case "inner": bound[k] = (args[s.position] as NDArray).data; break;
          case "scalar": (s.buffer as Float64Array)[0] = args[s.position] as number; bound[k] = s.buffer; break;
          case "fresh": bound[k] = allocate(s.dtype, s.n); break;
          case "fresh on device": bound[k] = DeviceArray.zeros(this.variant.executable.backend.gpu, s.dtype, s.shape); break;
          case "constant": bound[k] = s.buffer; break;
          case "scratch": (s.buffer as Float64Array).fill(0); bound[k] = s.buffer; break;
        }
      }
      this.variant.executable.runQuick(bound, this.layout);
      const result = this.result(bound);
      done = true;
      return result;
    } finally {
      for (let k = 0; k < bound.length; k++) {
        const made = bound[k];
        // Every new array of a device is a gradient, which the caller gets.
        if (!done && sources[k]!.kind === "fresh on device" && made instanceof DeviceArray) made.dispose();
        bound[k] = EMPTY;
      }
    }
  }
}
/** Takes the place of the last call's arrays, which must not be kept alive. */
const EMPTY = new Uint8Array(0);

function anyShared(args: readonly unknown[]): boolean { return args.some((a, i) => (a instanceof DeviceArray ? args.indexOf(a) !== i : a instanceof NDArray ? shared(args, i, a.data.buffer) : ArrayBuffer.isView(a) && shared(args, i, a.buffer))); }

/** What a gradient's form depends on, without the array itself, which must not be kept alive. */
function withoutData(g: Given): Given { return g.kind === "array" ? { kind: "array", form: g.form, dtype: g.dtype, shape: g.shape, data: EMPTY, original: undefined } : g; }

/** Does an earlier argument lie in the same buffer? */
function shared(args: readonly unknown[], i: number, buffer: ArrayBufferLike): boolean {
  for (let j = 0; j < i; j++) {
    const b = args[j];
    if (b instanceof NDArray ? b.data.buffer === buffer : typeof b === "object" && b !== null && (b as TypedArray).buffer === buffer) return true;
  }
  return false;
}

function guardOf(raw: unknown, g: Given, float: boolean): Guard | undefined {
  switch (g.kind) {
    case "array":
      if (g.device) return g.device.size === 0 ? undefined : { kind: "device", dtype: g.dtype, gpu: g.device.gpu, shape: g.shape };
      if (lengthOf(g.data) === 0) return undefined;
      if (g.form === "typed") return { kind: "typed", tag: tagOf(g.data), length: lengthOf(g.data) };
      if (raw instanceof NDArray && raw.data === g.data) return { kind: "ndarray", dtype: g.dtype, tag: tagOf(g.data), shape: g.shape, length: lengthOf(g.data) };
      return undefined;
    case "number": return float ? { kind: "float" } : { kind: "same", value: raw };
    case "boolean": case "bigint": return { kind: "same", value: raw };
    default: return undefined;
  }
}
