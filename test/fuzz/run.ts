/** One fuzzing run: random choice lists, checked, shrunk on failure. */
import type { ExecutionContext } from "ava";
import fc from "fast-check";
import type { DerivativeOptions } from "../../ts/index.js";
import { checkFuzz } from "./check.js";

/** `atLeast`: programs that must really have been checked, beside those that were skipped as too near a kink. */
export function fuzz(t: ExecutionContext, runs: number, options: DerivativeOptions, atLeast = Math.floor(runs / 3)): void {
  const seed = Number(process.env["FUZZ_SEED"] ?? 20261125);
  let checked = 0, batch = 0;
  while (checked < Math.max(runs, atLeast) && batch < 8) {
    const r = fc.check(fc.property(fc.array(fc.nat(1000), { maxLength: 120, size: "max" }), fc.nat(1_000_000), (choices, data) => {
      const v = checkFuzz(choices, data, options);
      if (v.kind === "wrong") throw new Error(v.message);
      if (v.kind === "fine") checked++;
    }), { numRuns: runs, seed: seed + batch++ });
    if (r.failed) { t.fail(`FUZZ_SEED=${seed + batch - 1}, after ${r.numRuns} runs, shrunk ${r.numShrinks} times: ${JSON.stringify(r.counterexample)}\n${r.errorInstance instanceof Error ? r.errorInstance.message : ""}`); return; }
    if (checked >= atLeast) break;
  }
  t.log(`${checked} programs checked, seed ${seed}`);
  t.true(checked >= atLeast, `only ${checked} of the programs could be checked`);
}
