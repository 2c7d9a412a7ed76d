/** Runs a program that is written in NumPy and in JavaScript, with random cotangents, against the plain JavaScript function and its extrapolated differences. */
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import { javascript, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { derivative, numbers } from "./check.js";
import type { OtherProgram } from "./others.js";

const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : Array.from((x instanceof NDArray ? x.contiguous() : x) as Float64Array));
type Args = unknown[];

/** Largest differences of values, and of gradients relative to their scale, of one of the two against the plain JavaScript function. */
export function checkTwin(p: OtherProgram, language: "python" | "javascript", options: DerivativeOptions): { value: number; gradient: number } {
  const plain = p.javascript as (...args: unknown[]) => unknown;
  /** The same array twice stays the same array. */
  const copy = (args: Args, change?: (i: number, k: number) => number): Args => {
    const made = new Map<unknown, unknown>();
    return args.map((x, i) => {
      if (typeof x === "number") return x + (change?.(i, 0) ?? 0);
      const known = made.get(x);
      if (known) return known;
      const y = x instanceof Float64Array ? x.map((v, k) => v + (change?.(i, k) ?? 0)) : (x as Int32Array).slice();
      made.set(x, y);
      return y;
    });
  };
  const args = p.args(), given = copy(args).map((x, i) => (language === "python" && p.shapes?.[i] ? ndarray(x as Float64Array, p.shapes[i]) : x));
  const program = language === "python" ? python({ source: p.python }, { function: "f" }) : javascript(p.javascript as (...a: unknown[]) => unknown);
  const names = program.facts().parameters, verb = vjp(program, options), next = numbers(99);
  const trial = verb(given as never, ZERO_COTANGENTS);
  // One weight vector per piece of memory, under the first of its names.
  const owner = (i: number): number => args.indexOf(args[i]);
  const weights = new Map<string, number[]>(), cotangents: Record<string, unknown> = {};
  for (const [name, v] of Object.entries(trial.outputs)) {
    const i = names.indexOf(name);
    if (i >= 0 && owner(i) !== i) continue;
    const w = flat(v).map(() => next() - 0.3);
    weights.set(name, w);
    cotangents[name] = typeof v === "number" ? w[0] : v instanceof NDArray ? ndarray(Float64Array.from(w), v.shape) : Float64Array.from(w);
  }
  const { outputs, grads } = verb(given as never, cotangents as never);
  const run = (change?: (i: number, k: number) => number): { result: unknown; after: Args } => { const a = copy(args, change); return { result: plain(...a), after: a }; };
  const base = run();
  let value = 0;
  for (const [name, v] of Object.entries(outputs)) { const i = names.indexOf(name); flat(v).forEach((x, k) => { value = Math.max(value, Math.abs(x - flat(i < 0 ? base.result : base.after[i])[k]!)); }); }
  base.after.forEach((x, i) => { if (x instanceof Float64Array && x.some((v, k) => v !== (args[i] as Float64Array)[k]) && !(names[i]! in outputs)) value = Infinity; });
  if (base.result !== undefined && !("return" in outputs)) value = Infinity;
  const loss = (change: (i: number, k: number) => number): number => {
    const r = run(change);
    let s = 0;
    for (const [name, w] of weights) { const i = names.indexOf(name); flat(i < 0 ? r.result : r.after[i]).forEach((x, k) => { s += w[k]! * x; }); }
    return s;
  };
  let gradient = 0;
  for (const [name, g] of Object.entries(grads)) {
    const i = names.indexOf(name);
    const ours = flat(g), reference = ours.map((_, k) => derivative((h) => loss((j, m) => (owner(j) === owner(i) && m === k ? h : 0)), 0.01));
    const scale = Math.max(1, ...reference.map(Math.abs));
    ours.forEach((x, k) => { gradient = Math.max(gradient, Number.isNaN(x) ? Infinity : Math.abs(x - reference[k]!) / scale); });
    if (ours.length !== flat(args[i]).length) gradient = Infinity;
  }
  return { value, gradient };
}
