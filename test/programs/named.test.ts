/** The named programs on both backends, compiled with the product's flags: right, the same as each other, and the same for 1 and 2 threads. */
import test from "ava";
import { checkProgram, PROGRAMS } from "./check.js";
import { effort } from "../support/effort.js";

const largest = (a: readonly number[]): number => a.reduce((w, x) => Math.max(w, Math.abs(x)), 1e-300);
for (const [k, p] of PROGRAMS.entries()) {
  test(p.name, (t) => {
    const one = checkProgram(t, p, { device: "cpu", threads: 1 }), two = checkProgram(t, p, { device: "cpu", threads: 2 }), js = k % effort(2, 1) === 0 ? checkProgram(t, p, { device: "js", cache: false }) : one;
    t.deepEqual(two.jsGrads, one.jsGrads, "bit for bit with 1 and 2 threads");
    t.deepEqual(two.pyGrads, one.pyGrads, "bit for bit with 1 and 2 threads");
    one.jsGrads.forEach((g, i) => { const scale = largest(js.jsGrads[i]!); for (const [k, x] of g.entries()) t.true(Math.abs(x - js.jsGrads[i]![k]!) <= 1e-12 * scale); });
    one.pyGrads.forEach((g, i) => { const scale = largest(js.pyGrads[i]!); for (const [k, x] of g.entries()) t.true(Math.abs(x - js.pyGrads[i]![k]!) <= 1e-12 * scale); });
  });
}
