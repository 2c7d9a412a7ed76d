/** One program, in a process of its own: its crash is nobody else's. Every stage's findings are sent as they come. */
import { readFileSync } from "node:fs";
import { bytesOf, isComplex, isFloat } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { ZERO_COTANGENTS } from "../../api/bind.js";
import type { DerivativeOptions } from "../../api/options.js";
import { python } from "../../api/program.js";
import { jit, vjp, type Value } from "../../api/verbs.js";
import { Core, type Report } from "../../api/core.js";
import { isTypedArray, NDArray } from "../../runtime/ndarray.js";
import { checkGradient, copied, doubled, gradientDifference, randomCotangents, singlePrecision, type Checked } from "./check.js";
import type { BenchProgram, Sizes } from "./checkout.js";
import { inFloats, ownInputs, withNoise } from "./inputs.js";
import { NumpyRun } from "./numpy.js";

export interface Job {
  readonly root: string; readonly program: BenchProgram; readonly sizes: Sizes; readonly tiny: Sizes; readonly python: string | undefined; readonly options: DerivativeOptions;
  /** Milliseconds that repeated runs may take. */
  readonly budget: number;
  /** Tapes of the gradient in each input alone, too. */
  readonly byInput: boolean;
}
export interface Found {
  /** Where the inputs came from. */
  readonly inputs?: "NPBench" | "own";
  /** Largest difference to NumPy's results, relative to the largest of each: at the preset, and at tiny sizes. "skipped": there is no NumPy to compare with. */
  readonly error?: number | "skipped"; readonly tinyError?: number | "skipped";
  readonly agrees?: boolean;
  /** Where values do not agree: how far NumPy is from itself when every other float input moves by its last bit, or on an older processor. */
  readonly spread?: number;
  readonly numpyMs?: number; readonly forwardMs?: number; readonly gradientMs?: number;
  /** Frontend, differentiation and lowering; the C++ compiler. */
  readonly buildMs?: { readonly forward: number; readonly gradient?: number }; readonly compileMs?: { readonly forward: number; readonly gradient?: number };
  readonly stages?: Readonly<Record<string, number>>;
  readonly gradcheck?: Checked & { readonly ok: boolean; /** Integers were given as floats. */ readonly floats: boolean; /** Of single precision against double. */ readonly single?: number };
  /** Why there is no gradient, of a program whose values are integers. */
  readonly notDifferentiable?: string;
  readonly tapeBytes?: number; readonly tapes?: readonly string[]; readonly tapesByInput?: Readonly<Record<string, number>>; readonly arenaBytes?: { readonly forward: number; readonly gradient?: number };
  /** Of the whole process. */
  readonly residentBytes?: number;
  readonly errors?: Readonly<Record<string, string>>;
}

const numbersOf = (x: unknown): ArrayLike<number | bigint> => {
  if (typeof x === "number" || typeof x === "bigint") return [x];
  if (typeof x === "boolean") return [Number(x)];
  if (x instanceof NDArray) return x.contiguous();
  if (isTypedArray(x)) return x;
  return typeof x === "object" && x !== null && "re" in x ? [Number((x as { re: number }).re), Number((x as unknown as { im: number }).im)] : [];
};
/** Largest difference relative to the largest value; Infinity where the shapes differ. */
export function difference(got: unknown, want: unknown): number {
  const a = numbersOf(got), b = numbersOf(want);
  if (a.length !== b.length) return Infinity;
  let scale = 0, worst = 0;
  for (let i = 0; i < b.length; i++) { const v = Math.abs(Number(b[i])); if (v > scale && v < Infinity) scale = v; }
  for (let i = 0; i < b.length; i++) {
    const x = Number(a[i]), y = Number(b[i]), d = Object.is(x, y) || x === y ? 0 : Math.abs(x - y);
    if (!(d <= worst)) worst = Number.isNaN(d) ? Infinity : d;
  }
  return scale === 0 ? worst : worst / scale;
}
/** Integers exactly, double precision to 1e-10, single to 1e-4. */
const tolerance = (want: unknown, single: boolean): number => (want instanceof NDArray && !isFloat(want.dtype) && !isComplex(want.dtype) || typeof want === "bigint" || typeof want === "boolean" ? 0 : single ? 1e-4 : 1e-10);
const isSingle = (x: unknown): boolean => x instanceof NDArray && /^(float32|complex64)$/.test(x.dtype);

function compare(run: NumpyRun, args: readonly unknown[], result: unknown): { error: number; agrees: boolean; exact: boolean } {
  let error = 0, agrees = true, exact = true;
  const results = run.results(), got = run.meta.tuple ? result as unknown[] : results.length === 0 ? [] : [result], single = args.some(isSingle);
  const one = (x: unknown, y: unknown): void => { const d = difference(x, y); error = Math.max(error, d); agrees &&= d <= tolerance(y, single); exact &&= tolerance(y, single) > 0 || d === 0; };
  results.forEach((want, i) => { one(got[i], want); });
  args.forEach((a, i) => { const want = run.changed(i); if (want !== undefined) one(a, want); });
  return { error, agrees, exact };
}

/** The spread is the largest of two samples: an error within a few of them is no larger than NumPy's own. */
const WITHIN = 10;
/** How far two runs of NumPy are from each other. */
function apart(a: NumpyRun, b: NumpyRun, args: number): number {
  const x = a.results(), floats = (v: unknown): boolean => !(v instanceof NDArray) || isFloat(v.dtype) || isComplex(v.dtype);
  let worst = 0;
  const one = (got: unknown, want: unknown): void => { if (floats(want)) worst = Math.max(worst, difference(got, want)); };
  b.results().forEach((want, i) => { one(x[i], want); });
  for (let i = 0; i < args; i++) { const want = b.changed(i); if (want !== undefined) one(a.changed(i), want); }
  return worst;
}
/** Every other float one unit in the last place away. */
function lastBits(args: readonly unknown[]): unknown[] {
  return copied(args).map((a) => {
    if (typeof a === "number") return Number.isInteger(a) ? a : a * (1 + 2 ** -52);
    if (!(a instanceof NDArray) || !(isFloat(a.dtype) || isComplex(a.dtype))) return a;
    const unit = isSingle(a) ? 2 ** -23 : 2 ** -52;
    for (let i = 0; i < a.data.length; i += 2) a.data[i] = Number(a.data[i]) * (1 + unit);
    return a;
  });
}

const message = (e: unknown): string => (e instanceof DaceError ? e.message : e instanceof Error ? `${e.message}` : String(e)).split("\n").slice(0, 6).join("\n");
const built = (r: Report): number => Object.entries(r.stages).reduce((s, [k, ms]) => (k === "total" ? s : s + ms), 0);

/** Milliseconds of the fastest run. */
function fastest(budget: number, prepare: () => unknown[], run: (args: unknown[]) => void): number {
  let best = Infinity;
  for (let spent = 0, n = 0; n < 2 || (spent < budget && n < 50); n++) {
    const args = prepare(), t = performance.now();
    run(args);
    const ms = performance.now() - t;
    best = Math.min(best, ms);
    spent += ms;
    if (spent > 4 * budget) break;
  }
  return best;
}

/** Inputs of NPBench's making where Python makes them, else our own; and NumPy's results on them, where there is a NumPy. */
function inputs(job: Job, sizes: Sizes, timed: boolean): { args: unknown[]; from: "NPBench" | "own"; run: NumpyRun | undefined } {
  if (job.python === undefined) return { args: ownInputs(job.program, sizes), from: "own", run: undefined };
  const run = NumpyRun.of(job.python, job.root, job.program, sizes, undefined, timed);
  if (run.meta.noInputs === undefined) return { args: run.inputs(), from: "NPBench", run };
  const why = run.meta.noInputs;
  run.dispose();
  let args: unknown[];
  try { args = ownInputs(job.program, sizes); } catch { throw new DaceError("ARGUMENT", `${job.program.name}: NPBench's initialiser failed: ${why}`); }
  return { args, from: "own", run: NumpyRun.of(job.python, job.root, job.program, sizes, args, timed) };
}

type Verb = ReturnType<typeof vjp>;
function programOf(p: BenchProgram): ReturnType<typeof python> { return python({ file: p.file }, { function: p.function }); }

export function measure(job: Job, send: (found: Found) => void): void {
  const { program: p, options } = job, errors: Record<string, string> = {};
  const stage = (name: string, f: () => Found): boolean => { try { send(f()); return true; } catch (e) { errors[name] = message(e); send({ errors: { ...errors } }); return false; } };

  // One callable of each kind for all sizes, so that build and compile times are those of the first run.
  const forwards = jit(programOf(p), options), gradients = vjp(programOf(p), options);
  const builds: { forward?: Report; gradient?: Report } = {};
  // At tiny sizes: values, and the gradient in every float input with random weights of the outputs.
  let tiny: unknown[] | undefined;
  stage("tiny", () => {
    const { args, run } = inputs(job, job.tiny, false);
    tiny = copied(args);
    try {
      const result = forwards(...args);
      builds.forward = forwards.report!;
      if (!run) return { tinyError: "skipped" };
      if (run.meta.failed !== undefined) throw new DaceError("ARGUMENT", `NumPy fails: ${run.meta.failed}`);
      const { error, agrees } = compare(run, args, result);
      if (!agrees) throw new DaceError("ARGUMENT", `values differ from NumPy's by ${error.toExponential(1)}`);
      return { tinyError: error };
    } finally { run?.dispose(); }
  });
  if (tiny) stage("gradcheck", () => checked(job, forwards, gradients, tiny!, (r) => { builds.gradient = r; }));

  // At the preset's.
  const preset: { args?: unknown[]; from?: "NPBench" | "own"; run?: NumpyRun | undefined } = {};
  if (!stage("inputs", () => { Object.assign(preset, inputs(job, job.sizes, true)); return { inputs: preset.from!, ...(preset.run?.meta.seconds !== undefined ? { numpyMs: 1000 * preset.run.meta.seconds } : {}) }; })) return;
  const args = preset.args!, { run } = preset;
  let values: { result: unknown; args: unknown[] } | undefined;
  const forward = stage("forward", () => {
    const mine = copied(args), result = forwards(...mine), report = forwards.report!, first = builds.forward ?? report;
    values = { result, args: mine };
    const ms = fastest(job.budget, () => copied(args), (a) => { forwards(...a); });
    return { forwardMs: ms, buildMs: { forward: built(first) }, compileMs: { forward: first.compileMs }, arenaBytes: { forward: report.peakBytes } };
  });
  let inputsOf: string[] = [];
  if (forward) stage("gradient", () => {
    let outputs: Record<string, Value>;
    try { outputs = gradients(args, ZERO_COTANGENTS).outputs; } catch (e) { if (e instanceof DaceError && e.code === "ERR_DACE_NOT_DIFFERENTIABLE") return { notDifferentiable: message(e) }; throw e; }
    inputsOf = Object.keys(gradients(args, ZERO_COTANGENTS).grads);
    const report = gradients.report!, first = builds.gradient ?? report, cotangents = randomCotangents(outputs, 3), ms = fastest(job.budget, () => [], () => { gradients(args, cotangents); });
    const tapes = report.buffers.filter((b) => b.role === "tape");
    return {
      gradientMs: ms, buildMs: { forward: 0, gradient: built(first) }, compileMs: { forward: 0, gradient: first.compileMs }, arenaBytes: { forward: 0, gradient: report.peakBytes }, stages: first.stages,
      tapeBytes: tapes.reduce((s, b) => s + (b.storage === "growable" ? 0 : b.bytes), 0) + report.grownBytes, tapes: tapes.map((b) => `${b.name}: ${b.bytes}`),
    };
  });
  send({ residentBytes: 1024 * process.resourceUsage().maxRSS });
  if (job.byInput && inputsOf.length > 0) stage("tapes", () => ({
    tapesByInput: Object.fromEntries(inputsOf.map((name) => {
      // Planned for the preset's sizes, not run.
      const core = new Core("vjp", programOf(p), { ...options, device: "js", wrt: [name] }), { variant, layout } = core.variant(core.given(args));
      return [name, variant.compiled.plan.buffers.reduce((s, b, i) => (b.role === "tape" ? s + layout.elements[i]! * bytesOf(b.dtype) : s), 0)];
    })),
  }));
  if (values) stage("NumPy", () => {
    if (!run) return { error: "skipped" };
    if (run.meta.failed !== undefined) throw new DaceError("ARGUMENT", `NumPy fails: ${run.meta.failed}`);
    const far = compare(run, values!.args, values!.result);
    if (far.agrees) return far;
    // A chaotic program amplifies the last bits: what NumPy does not agree with itself about, nobody can compute.
    const spread = Math.max(...[[lastBits(args), false] as const, [args, true] as const].map(([given, reduced]) => {
      const again = NumpyRun.of(job.python!, job.root, p, job.sizes, given, false, reduced);
      try { return again.meta.results ? apart(again, run, given.length) : 0; } finally { again.dispose(); }
    }));
    return { ...far, spread, agrees: far.exact && far.error <= WITHIN * spread };
  });
  run?.dispose();
}

/**
 * The gradient at tiny sizes. Differences of single-precision values are too coarse to judge by: there the program's twin in double precision is compared with differences,
 * and the gradient with the twin's. Integer programs are tried in floats, if they take them.
 */
function checked(job: Job, forwards: (...args: unknown[]) => unknown, gradients: Verb, args: readonly unknown[], built: (r: Report) => void): Found {
  const { program: p, options } = job, { parameters } = programOf(p).facts();
  const check = (verb: Verb, forward: (...args: unknown[]) => unknown, given: readonly unknown[], floats: boolean): Found => {
    const noisy = withNoise(p.name, given);
    if (!singlePrecision(noisy)) { const c = checkGradient(verb, forward, parameters, noisy); if (!floats) built(verb.report!); return { gradcheck: { ok: c.error <= 1e-7, floats, ...c } }; }
    const cotangents = randomCotangents(verb(noisy, ZERO_COTANGENTS).outputs, 5), { grads } = verb(noisy, cotangents);
    built(verb.report!);
    const source = python({ source: readFileSync(p.file, "utf8").replace(/\bfloat32\b/g, "float64").replace(/\bcomplex64\b/g, "complex128"), name: p.file }, { function: p.function }), twin = vjp(source, options), wide = doubled(noisy);
    const c = checkGradient(twin, jit(source, options), parameters, wide), single = gradientDifference(grads, twin(wide, Object.fromEntries(Object.entries(cotangents).map(([k, v]) => [k, doubled([v])[0] as Value]))).grads);
    return { gradcheck: { ok: c.error <= 1e-7 && single <= 1e-3, floats, ...c, single } };
  };
  try { return check(gradients, forwards, args, false); } catch (e) {
    if (!(e instanceof DaceError) || e.code !== "ERR_DACE_NOT_DIFFERENTIABLE") throw e;
    try { return check(vjp(programOf(p), options), jit(programOf(p), options), inFloats(args), true); } catch (second) { if (second instanceof DaceError) return { notDifferentiable: message(e) }; throw second; }
  }
}

if (require.main === module) {
  process.once("message", (job: Job) => {
    measure(job, (found) => { process.send!(found); });
    process.send!("done", undefined, undefined, () => { process.disconnect(); });
  });
}
