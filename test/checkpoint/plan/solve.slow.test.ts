/** A thousand random programs of up to ten values against the exhaustive search. */
import test from "ava";
import fc from "fast-check";
import { checkProblem } from "./check.js";
import { randomProblem, randomWithLoops } from "./reference.js";

test("1,000 random programs: cheapest at every limit, smallest limits exact", async (t) => {
  t.timeout(60 * 60_000);
  await fc.assert(fc.asyncProperty(randomProblem(10), (p) => checkProblem(t, p)), { numRuns: 1000 });
});

test("300 random programs with loops: cheapest at every limit, smallest limits exact", async (t) => {
  t.timeout(60 * 60_000);
  await fc.assert(fc.asyncProperty(randomWithLoops(8), (p) => checkProblem(t, p)), { numRuns: 300 });
});
