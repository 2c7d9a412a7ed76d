/** Thousands of random programs. FUZZ_SEED starts from another seed, FUZZ_RUNS sets the number; a failure prints the seed that repeats it, shrunk. */
import test from "ava";
import { fuzz } from "./run.js";

const runs = Number(process.env["FUZZ_RUNS"] ?? 2400);
test("random programs on the JavaScript backend", (t) => { t.timeout(3_600_000); fuzz(t, runs, { device: "js", cache: false }, 2000); });
test("random programs compiled", (t) => { t.timeout(3_600_000); fuzz(t, Math.ceil(runs / 16), { device: "cpu", cache: false }); });
