/**
 * Compares gradients with Richardson-extrapolated central differences of the compiled program, and runs a dot-product test. Complex numbers count as pairs of
 * real ones, as the convention for gradients has it: the weighting is Re Σ conj(w)·y, and an input's real and imaginary parts are moved separately.
 */
import { isComplex } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { classify, type Given } from "../runtime/arguments.js";
import { NDArray } from "../runtime/ndarray.js";
import { ZERO_COTANGENTS } from "./bind.js";
import { guarded } from "./callable.js";
import { checkOptions, type DerivativeOptions } from "./options.js";
import { toProgram } from "./program.js";
import { vjp, type Value } from "./verbs.js";

export interface GradcheckResult {
  readonly ok: boolean;
  /**
   * The element that differs most, by the measure |ad − reference| / max(|reference|, largest |reference|·1e-3, 1e-12). Of a complex input, `index` counts
   * real and imaginary parts: that of element k is 2k (real part) or 2k + 1.
   */
  readonly worst: { readonly input: string; readonly index: number; readonly ad: number; readonly reference: number };
  /** Relative difference of ⟨Jv, w⟩ (differences along a random v) and ⟨v, Jᵀw⟩ (the gradient). */
  readonly dotTest: number;
}
export interface GradcheckOptions extends DerivativeOptions {
  /** Relative tolerance (default 1e-6, 1e-3 where anything is in single precision). */
  readonly rtol?: number;
  readonly seed?: number;
}

/** A small deterministic generator of numbers in [0, 1). */
export function random(seed: number): () => number {
  let s = (seed >>> 0) || 1;
  return () => { s = (s + 0x6d2b79f5) | 0; let t = Math.imul(s ^ (s >>> 15), 1 | s); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296; };
}

/** Every element up to this many float inputs; above, a random sample of them. The dot-product test covers all elements at once in either case. */
const ELEMENTWISE = 200, SAMPLES = 60;

/** Extrapolated derivative of f at 0 along a line by Ridders' scheme, which keeps the estimate of least error. `unit`: the relative error of f's values by rounding. */
function ridders(f: (h: number) => number, start: number, unit: number): { readonly value: number; readonly error: number } {
  const table: number[][] = [];
  let h = start, value = NaN, error = Infinity;
  for (let i = 0; i < 10; i++) {
    const up = f(h), down = f(-h), row = [(up - down) / (2 * h)], noise = unit * Math.max(Math.abs(up), Math.abs(down)) / h;
    let k = 1.96;
    for (let j = 1; j <= i; j++) {
      row.push((row[j - 1]! * k - table[i - 1]![j - 1]!) / (k - 1));
      k *= 1.96;
      const e = Math.max(Math.abs(row[j]! - row[j - 1]!), Math.abs(row[j]! - table[i - 1]![j - 1]!)) + noise;
      if (e <= error) { error = e; value = row[j]!; }
    }
    table.push(row);
    if (i > 0 && Math.abs(row[i]! - table[i - 1]![i - 1]!) >= 4 * error) break;
    h /= 1.4;
  }
  return { value, error };
}
/** Smaller steps are tried where larger ones do not agree among themselves: they cross a kink, a branch or a pole. */
export function differentiateLine(f: (h: number) => number, start: number, unit = 2 ** -52): number {
  let best = ridders(f, start, unit);
  for (let h = start / 30; h > start * 1e-6 && !(best.error <= 1e-9 * Math.abs(best.value)); h /= 30) { const next = ridders(f, h, unit); if (next.error < best.error || Number.isNaN(best.value)) best = next; }
  return best.value;
}

/** The real numbers in a value; two for each complex one. */
const numbers = (x: unknown): Float64Array => {
  if (typeof x === "number") return Float64Array.of(x);
  if (isPair(x)) return Float64Array.of(x.re, x.im);
  if (x instanceof NDArray) return Float64Array.from(x.contiguous() as Float64Array, Number);
  if (ArrayBuffer.isView(x)) return Float64Array.from(x as unknown as Float64Array, Number);
  if (Array.isArray(x)) return Float64Array.from((x as unknown[]).flat(Infinity) as number[], Number);
  throw new DaceError("TYPE", "gradcheck can check arrays and numbers only");
};
function isPair(x: unknown): x is { readonly re: number; readonly im: number } { return typeof x === "object" && x !== null && "re" in x && "im" in x; }
/** Weights of an output, in its own form. */
function cotangent(output: unknown, w: Float64Array): Value {
  if (typeof output === "number") return w[0]!;
  if (isPair(output)) return { re: w[0]!, im: w[1]! };
  if (!(output instanceof NDArray)) return w;
  return new NDArray(!isComplex(output.dtype) ? w : output.dtype === "complex64" ? Float32Array.from(w) : w, output.shape, { dtype: isComplex(output.dtype) ? output.dtype : "float64" });
}

/**
 * Compares the gradient of a random weighting of the outputs with extrapolated central differences. The program runs a few dozen times per element that is checked.
 */
export function gradcheck<A extends unknown[]>(program: Parameters<typeof vjp<A>>[0], args: A, options: GradcheckOptions = {}): GradcheckResult {
  return guarded(() => check(program, args, options));
}

function check<A extends unknown[]>(program: Parameters<typeof vjp<A>>[0], args: A, options: GradcheckOptions): GradcheckResult {
  checkOptions(options, ["rtol", "seed"]);
  const { rtol: tolerance, seed = 1, ...verb } = options;
  if (!Array.isArray(args)) throw new DaceError("ARGUMENT", "gradcheck(program, args): args is an array of the program's arguments");
  if (tolerance !== undefined && (typeof tolerance !== "number" || !(tolerance > 0))) throw new DaceError("ARGUMENT", `rtol is ${String(tolerance)}: a positive number is needed`);
  const rnd = random(seed), facts = toProgram(program, options).facts();
  const run = vjp(program, verb);
  // A first run with zero cotangents tells the outputs' sizes.
  const zero = run(args, ZERO_COTANGENTS);
  // Rounded values have differences that small steps drown.
  const single = [...Object.values(zero.outputs), ...args].some((v) => v instanceof Float32Array || (v instanceof NDArray && /^(float32|complex64)$/.test(v.dtype)));
  const rtol = tolerance ?? (single ? 1e-3 : 1e-6), unit = single ? 2 ** -23 : 2 ** -52;
  const weights: Record<string, Float64Array> = {}, cotangents: Record<string, Value> = {};
  for (const [k, v] of Object.entries(zero.outputs)) {
    // Rounded as the output's own type would.
    const w = numbers(v).map(() => (typeof v === "number" ? rnd() + 0.5 : rnd() - 0.3)).map(v instanceof NDArray && v.dtype === "complex64" ? Math.fround : (x) => x);
    weights[k] = w;
    cotangents[k] = cotangent(v, w);
  }
  const loss = (a: A): number => {
    let r: ReturnType<typeof run>;
    // Where a step leads out of what the program accepts, there is no value; smaller steps are tried.
    try { r = run(a, ZERO_COTANGENTS); } catch (e) { if (e instanceof DaceError && e.code === "ERR_DACE_RAISED") return NaN; throw e; }
    let s = 0;
    for (const [k, w] of Object.entries(weights)) { const y = numbers(r.outputs[k]); for (let i = 0; i < y.length; i++) s += w[i]! * y[i]!; }
    return s;
  };
  const { grads } = run(args, cotangents);
  const given = args.map((x, i) => classify(x, facts.parameters[i] ?? String(i)));
  const inputs = Object.keys(grads).map((name) => ({ name, position: facts.parameters.indexOf(name), ad: numbers(grads[name]) }));
  const at = (moves: readonly { position: number; direction: Float64Array }[], h: number): A => args.map((x, i) => { const m = moves.find((y) => y.position === i); return m ? moved(x, given[i]!, m.direction, h) : x; }) as A;
  const scale = (position: number): number => { const largest = numbersOf(given[position]!).reduce((m, x) => Math.max(m, Math.abs(x)), 0); return 0.02 * (largest === 0 ? 1 : Math.max(1e-3, largest)); };

  let worst = { input: inputs[0]?.name ?? "", index: 0, ad: 0, reference: 0 }, measure = -1;
  const total = inputs.reduce((n, x) => n + x.ad.length, 0);
  const compare = (list: readonly { input: string; index: number; ad: number; reference: number }[]): void => {
    const largest = list.reduce((m, x) => Math.max(m, Math.abs(x.reference)), 0);
    for (const x of list) { const d = Math.abs(x.ad - x.reference) / Math.max(Math.abs(x.reference), largest * 1e-3, 1e-12); if (!(d <= measure)) { measure = Number.isNaN(d) ? Infinity : d; worst = x; } }
  };
  if (total <= ELEMENTWISE) {
    compare(inputs.flatMap((x) => [...x.ad.keys()].map((i) => {
      const direction = new Float64Array(x.ad.length);
      direction[i] = 1;
      return { input: x.name, index: i, ad: x.ad[i]!, reference: differentiateLine((h) => loss(at([{ position: x.position, direction }], h)), scale(x.position), unit) };
    })));
  } else {
    compare(inputs.flatMap((x) => Array.from({ length: Math.min(x.ad.length, Math.ceil(SAMPLES / inputs.length)) }, () => {
      const direction = new Float64Array(x.ad.length), i = Math.floor(rnd() * x.ad.length);
      direction[i] = 1;
      return { input: x.name, index: i, ad: x.ad[i]!, reference: differentiateLine((h) => loss(at([{ position: x.position, direction }], h)), scale(x.position), unit) };
    })));
  }
  const moves = inputs.map((x) => ({ position: x.position, direction: x.ad.map(() => rnd() - 0.5) }));
  const forward = differentiateLine((h) => loss(at(moves, h)), Math.min(...inputs.map((x) => scale(x.position))), unit);
  const backward = inputs.reduce((s, x, k) => s + x.ad.reduce((t, g, i) => t + g * moves[k]!.direction[i]!, 0), 0);
  const dotTest = Math.abs(forward - backward) / Math.max(Math.abs(forward), Math.abs(backward), 1e-300);
  // Differences of a sum over many elements lose digits that those of one element keep.
  return { ok: measure <= rtol && dotTest <= Math.max(1e-5, 10 * rtol), worst, dotTest };
}

function numbersOf(g: Given): number[] { return g.kind === "array" ? Array.from(g.data as Float64Array, Number) : g.kind === "number" ? [g.value] : g.kind === "complex" ? [g.value.re, g.value.im] : [1]; }
function moved(x: unknown, g: Given, direction: Float64Array, h: number): unknown {
  if (g.kind === "number") return g.value + h * direction[0]!;
  if (g.kind === "complex") return { re: g.value.re + h * direction[0]!, im: g.value.im + h * direction[1]! };
  if (g.kind !== "array") return x;
  const data = (g.data as Float64Array).slice() as Float64Array;
  for (let i = 0; i < data.length; i++) data[i]! += h * direction[i]!;
  return g.form === "typed" ? data : new NDArray(data, g.shape, { dtype: g.dtype });
}
