/** What a verb returns: a function with `async`, `lower`, `report` and `dispose`. */
import { DaceError, InternalError } from "../base/errors.js";
import type { Given } from "../runtime/arguments.js";
import { bind, Landing, readCotangents, release, results, ZERO_COTANGENTS } from "./bind.js";
import type { Verb } from "./build.js";
import type { Core } from "./core.js";
import { GradientProgram } from "./derive.js";
import { FastCall } from "./fast.js";
import type { DerivativeOptions } from "./options.js";
import { Placement } from "./placement.js";
import { copyArray, isTypedArray, NDArray } from "../runtime/ndarray.js";
import { PROGRAM } from "./program.js";

export interface RunOptions {
  /** Aborting rejects with the signal's reason; the arrays are not written. */
  readonly signal?: AbortSignal;
  /** Called now and then with the number of finished outer steps. */
  readonly onProgress?: (steps: number) => void;
}

/** A trailing plain object whose only keys are signal and onProgress. */
export function splitRunOptions(args: readonly unknown[]): { readonly args: readonly unknown[]; readonly options: RunOptions } {
  const last = args.at(-1);
  if (typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype) {
    const keys = Object.keys(last);
    if (keys.length > 0 && keys.every((k) => k === "signal" || k === "onProgress")) return { args: args.slice(0, -1), options: checkRunOptions(last) };
  }
  return { args, options: {} };
}
function checkRunOptions(o: RunOptions): RunOptions {
  const { signal, onProgress } = o as { signal?: unknown; onProgress?: unknown };
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new DaceError("ARGUMENT", "signal is not an AbortSignal", { hint: "pass { signal: controller.signal }" });
  if (onProgress !== undefined && typeof onProgress !== "function") throw new DaceError("ARGUMENT", "onProgress is not a function");
  return o;
}

/** Cotangents that do not change with the caller's arrays. What is none of them is left for the reader to refuse. */
function ofNow(ct: unknown): unknown {
  const still = (x: unknown): unknown => (isTypedArray(x) ? copyArray(x) : x instanceof NDArray ? new NDArray(copyArray(x.data), x.shape, { dtype: x.dtype, stride: x.stride, offset: x.offset }) : Array.isArray(x) ? x.map(still) : x);
  return typeof ct === "object" && ct !== null && ct !== ZERO_COTANGENTS && !Array.isArray(ct) && !ArrayBuffer.isView(ct) ? Object.fromEntries(Object.entries(ct).map(([k, x]) => [k, still(x)])) : ct;
}

/** Whatever goes wrong inside reaches the caller as a DaceError. */
function asDaceError(e: unknown): unknown {
  if (e instanceof DaceError) return e;
  if (e instanceof RangeError && /stack/i.test(e.message)) return new DaceError("UNSUPPORTED", "the program is nested too deeply", { cause: e });
  if (e instanceof RangeError && /allocation|length/i.test(e.message)) return new DaceError("OOM", e.message, { cause: e });
  return new InternalError(e instanceof Error ? e.message : String(e), { cause: e });
}
export function guarded<T>(f: () => T): T { try { return f(); } catch (e) { throw asDaceError(e); } }

export function makeCallable(verb: Verb, source: unknown, options: DerivativeOptions): unknown {
  const place = guarded(() => new Placement(verb, source, options)), { host } = place;
  const many = Array.isArray(options.wrt);
  const unpack = (args: readonly unknown[]): { given: Given[]; raw: readonly unknown[]; ct: unknown } => {
    if (verb !== "vjp") return { given: host.given(args), raw: args, ct: undefined };
    const [first, ct] = args;
    if (args.length > 2) throw new DaceError("ARGUMENT", "vjp(program) takes the arguments as one array, and the cotangents");
    if (Array.isArray(first)) return { given: host.given(first), raw: first, ct };
    if (typeof first === "object" && first !== null && host.facts.language === "sdfg") return { given: host.given([first]), raw: [first], ct };
    throw new DaceError("TYPE", "vjp(program)(args, cotangents): args is an array of the program's arguments");
  };
  let fast: { readonly call: FastCall; readonly core: Core } | undefined;
  const slow = (args: readonly unknown[]): unknown => {
    const { given, raw, ct } = unpack(args), core = place.pick(given);
    try { return runOn(core, given, raw, ct); } catch (e) { if (!place.giveUp(core, e, given)) throw e; return runOn(host, given, raw, ct); }
  };
  const runOn = (core: Core, given: Given[], raw: readonly unknown[], ct: unknown): unknown => {
    const { variant, layout } = core.variant(given);
    const cotangents = verb === "vjp" ? readCotangents(variant, layout, ct) : undefined, bound = bind(variant, verb, layout, given, cotangents);
    let result: unknown;
    try {
      core.run(variant, layout, bound);
      result = results(variant, verb, core.facts, many, layout, given, bound, cotangents);
    } finally { release(bound, given, cotangents, result); }
    const short = !core.lasts(variant) ? undefined : FastCall.of(variant, layout, verb, core.facts, many, raw, given);
    fast = short && { call: short, core };
    return result;
  };
  const call = (...args: unknown[]): unknown => {
    try {
      if (fast?.call.matches(args) && !host.disposed) {
        const { call: short, core } = fast;
        try {
          const start = performance.now(), result = short.run(args);
          core.ranAgain(short.variant, short.layout, performance.now() - start);
          place.again(core);
          return result;
        } catch (e) {
          // There may be a way that takes less, which only the long way looks for.
          if (!(e instanceof DaceError && e.code === "ERR_DACE_OOM") || short.variant.executable.backend.device !== "cuda") throw e;
          fast = undefined;
        }
      }
      return slow(args);
    } catch (e) { throw asDaceError(e); }
  };
  const asynchronous = async (...all: unknown[]): Promise<unknown> => {
    const { args, options: run } = splitRunOptions(all);
    run.signal?.throwIfAborted();
    try {
      const { given: now, ct } = unpack(args), core = place.pick(now), soon = core.variantSoon(now, run.signal);
      // Inputs are those of the call, however long the planner takes.
      const given = soon instanceof Promise ? now.map((g) => (g.kind === "array" && !g.device ? { ...g, data: copyArray(g.data) } : g)) : now, weights = soon instanceof Promise ? ofNow(ct) : ct;
      const { variant, layout } = soon instanceof Promise ? await soon : soon;
      const cotangents = verb === "vjp" ? readCotangents(variant, layout, weights) : undefined, bound = bind(variant, verb, layout, given, cotangents);
      const { plan } = variant.compiled;
      const write = plan.arguments.flatMap((b, k) => (plan.buffers[b]!.writes ? [k] : []));
      let result: unknown;
      try {
        const landing = verb === "jit" ? Landing.of(variant, given, bound) : undefined;
        await core.runLater(variant, layout, bound, write, run);
        landing?.write();
        return (result = results(variant, verb, core.facts, many, layout, given, bound, cotangents));
      } finally { release(bound, given, cotangents, result); }
    } catch (e) {
      if (run.signal?.aborted && e === run.signal.reason) throw e;
      throw asDaceError(e);
    }
  };
  Object.defineProperties(call, {
    async: { value: asynchronous },
    lower: { value: (...args: unknown[]) => guarded(() => { const { given } = unpack(args); return place.pick(given).lowered(given); }) },
    report: { get: () => place.report },
    dispose: { value: () => { fast = undefined; place.dispose(); } },
    name: { value: verb },
  });
  if (verb === "grad") Object.defineProperty(call, PROGRAM, { value: new GradientProgram(host.program, options) });
  else Object.defineProperty(call, PROGRAM, { value: verb === "jit" ? host.program : null });
  return call;
}
