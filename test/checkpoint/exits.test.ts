/** What is kept where loops are left early: integers that steer, and slices that are captured behind a loop that a break leaves. */
import test from "ava";
import { grad } from "../../ts/index.js";
import { derivative } from "../programs/check.js";

type F = (x: Float64Array) => number;
const PROGRAMS: Record<string, F> = {
  "an integer that is changed before it is used as a value": (x) => { let s = 0, k = 0; while (k < x.length) { k++; s += x[k - 1]! * k; } return s; },
  "the same behind a break": (x) => { let s = 0, k = 0; while (k < x.length) { if (x[k]! > 2) break; k++; s += x[k - 1]! * x[k - 1]! * k; } return s; },
  "a slice that a break leaves half done, in a loop": (x) => { let s = 0; for (let i = 0; i < 2; i++) { for (let j = 0; j < x.length; j++) { if (x[j]! > 0.8) break; x[j]! *= 1.1; s += x[j]! * x[j]!; } } return s; },
  "a break that depends on both loops": (x) => { let s = 0; for (const xi of x) { for (let j = 0; j < x.length; j++) { if (x[j]! * xi > 0.8) break; x[j]! *= 1.1; s += x[j]! * x[j]! * xi; } } return s; },
  "a label over two loops": (x) => { let s = 0; outer: for (let t = 0; t < 4; t++) { for (let j = 1; j < x.length; j++) { x[j] = x[j]! * x[j - 1]! + 0.3; if (x[j]! > 1.1) continue outer; s += x[j]! * x[j]! * (t + 1); } } return s; },
};
const input = Float64Array.of(0.5, 0.7, 0.3, 0.95);
for (const device of ["js", "cpu"] as const) {
  for (const [name, f] of Object.entries(PROGRAMS)) {
    test(`${name}, ${device}`, (t) => {
      const ours = grad(f, { device })(input);
      const reference = Array.from(input, (_, k) => derivative((h) => f(input.map((v, i) => (i === k ? v + h : v))), 1e-3));
      const largest = Math.max(...reference.map(Math.abs));
      reference.forEach((r, k) => { t.true(Math.abs(ours[k]! - r) <= 1e-7 * largest, `${k}: ${ours[k]!} instead of ${r}`); });
    });
  }
}
