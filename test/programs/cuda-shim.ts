/** Programs on the CUDA device made of the processor: right, and as C++ computes them. Sums may be taken in another order. */
import type { TestFn } from "ava";
import { checkProgram, PROGRAMS } from "./check.js";
import { checkTwin } from "./twins.js";
import { OTHERS } from "./others.js";

const largest = (a: readonly number[]): number => a.reduce((w, x) => Math.max(w, Math.abs(x)), 1e-300);

/** The named programs that `wanted` takes, in NumPy and in JavaScript, against differences and against C++. */
export function registerNamed(test: TestFn, wanted: (name: string) => boolean): void {
  for (const p of PROGRAMS.filter((x) => wanted(x.name))) {
    test(p.name, (t) => {
      const gpu = checkProgram(t, p, { device: "cuda" }), cpu = checkProgram(t, p, { device: "cpu", threads: 1 });
      for (const [mine, theirs] of [[gpu.jsGrads, cpu.jsGrads], [gpu.pyGrads, cpu.pyGrads]] as const) {
        t.is(mine.length, theirs.length);
        mine.forEach((g, i) => { const scale = largest(theirs[i]!); for (const [k, x] of g.entries()) t.true(Math.abs(x - theirs[i]![k]!) <= 1e-12 * scale, `gradient ${i}, element ${k}`); });
      }
    });
  }
}

/** Programs others get wrong, in both languages. */
export function registerOthers(test: TestFn, wanted: (name: string) => boolean): void {
  for (const language of ["python", "javascript"] as const) for (const p of OTHERS.filter((x) => wanted(x.name))) {
    test(`${p.name} (${language})`, (t) => {
      const r = checkTwin(p, language, { device: "cuda" });
      t.true(r.value <= 1e-13, `values differ by ${r.value}`);
      t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
    });
  }
}
