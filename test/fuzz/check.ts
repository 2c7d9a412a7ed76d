/** Holds a random program's gradients, in NumPy and in JavaScript, against differences of the interpreter. */
import { javascript, python, ndarray, valueAndGrad, NDArray, type DerivativeOptions, DaceError } from "../../ts/index.js";
import { derivative, numbers } from "../programs/check.js";
import { interpret, type State } from "./interpret.js";
import { javascriptSource, pythonSource } from "./print.js";
import { makeProgram } from "./program.js";

const N = 7;
export type Verdict = { readonly kind: "fine" | "skipped" } | { readonly kind: "wrong"; readonly message: string };

/** Skipped: a decision sits too near its threshold for differences to mean anything, or values explode. */
export function checkFuzz(choices: readonly number[], seed: number, options: DerivativeOptions, languages: readonly ("python" | "javascript")[] = ["python", "javascript"]): Verdict {
  const p = makeProgram(choices), next = numbers(seed);
  const state: State = {
    n: N, arrays: new Map([["v", Float64Array.from({ length: N }, () => 2 * next() - 1)], ["w", Float64Array.from({ length: N }, () => 2 * next() - 1)], ["a", Float64Array.from({ length: N * N }, () => 2 * next() - 1)]]),
    scalars: new Map([["s", 0.3 + next()]]),
  };
  const run = (change?: (s: State) => void): ReturnType<typeof interpret> => {
    const s: State = { n: N, arrays: new Map([...state.arrays].map(([k, x]) => [k, x.slice()])), scalars: new Map(state.scalars) };
    change?.(s);
    return interpret(p, s);
  };
  const plain = run();
  if (!(plain.largest < 50) || !Number.isFinite(plain.value)) return { kind: "skipped" };
  const step = 0.004;
  let nearest = plain.margin;
  const reference = (change: (s: State, h: number) => void): number => derivative((h) => { const r = run((s) => { change(s, h); }); nearest = Math.min(nearest, r.margin); return r.value; }, step);
  const expected = new Map<string, number[]>([...state.arrays].map(([name, x]) => [name, Array.from(x, (_, k) => reference((s, h) => { s.arrays.get(name)![k]! += h; }))]));
  expected.set("s", [reference((s, h) => { s.scalars.set("s", s.scalars.get("s")! + h); })]);
  const slope = Math.max(1, ...[...expected.values()].flat().map(Math.abs));
  // No decision may flip within the steps taken.
  if (nearest < 1e-9 || plain.margin < 4 * step * slope || slope > 1e3) return { kind: "skipped" };

  const wrt = ["v", "w", "a", "s"];
  for (const language of languages) {
    const source = language === "python" ? pythonSource(p) : javascriptSource(p);
    const program = language === "python" ? python({ source }, { function: "f" }) : javascript({ source }, { function: "f" });
    const array = (name: string): unknown => (name === "a" && language === "python" ? ndarray(state.arrays.get(name)!.slice(), [N, N]) : state.arrays.get(name)!.slice());
    let got: { value: number; grad: unknown };
    try { got = valueAndGrad(program, { ...options, wrt })(N as never, array("v") as never, array("w") as never, array("a") as never, state.scalars.get("s") as never) as { value: number; grad: unknown }; } catch (e) {
      if (e instanceof DaceError && e.code === "ERR_DACE_NOT_DIFFERENTIABLE") continue;
      // Which array a name refers to depends on the path taken: refused, as the README says.
      if (e instanceof DaceError && e.code === "ERR_DACE_UNSUPPORTED" && /on some paths only/.test(e.summary)) return { kind: "skipped" };
      return { kind: "wrong", message: `${language}: ${e instanceof Error ? e.stack ?? e.message : String(e)}\n${source}` };
    }
    const bad = (what: string): Verdict => ({ kind: "wrong", message: `${language}: ${what}\n${source}` });
    if (!(Math.abs(got.value - plain.value) <= 1e-12 * Math.max(1, Math.abs(plain.value), plain.largest))) return bad(`value ${got.value}, expected ${plain.value}`);
    for (const [i, name] of wrt.entries()) {
      const g = (got.grad as unknown[])[i], flat = typeof g === "number" ? [g] : Array.from((g instanceof NDArray ? g.contiguous() : g) as Float64Array);
      for (const [k, e] of expected.get(name)!.entries()) if (!(Math.abs(flat[k]! - e) <= 1e-6 * slope)) return bad(`d/d${name}[${k}] = ${flat[k]}, expected ${e}`);
    }
  }
  return { kind: "fine" };
}
