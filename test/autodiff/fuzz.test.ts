/** Some random programs, differentiated once and twice. See fuzz.slow.test.ts for thousands. */
import test from "ava";
import { fuzzGradients } from "../support/gradient-fuzz.js";
import { effort } from "../support/effort.js";

test("gradients of random programs", (t) => {
  const r = fuzzGradients({ runs: effort(50, 120), seed: 2024 });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(40, 100));
  t.true((r.counts["refused"] ?? 0) < 15);
});

test("gradients of random programs with maps and reductions", (t) => {
  const r = fuzzGradients({ runs: effort(30, 80), seed: 7, maps: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(20, 60));
});

test("second derivatives of random programs", (t) => {
  const r = fuzzGradients({ runs: effort(15, 40), seed: 11, second: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(8, 28));
});

test("gradients of random programs with while loops and exits", (t) => {
  const r = fuzzGradients({ runs: effort(25, 60), seed: 31, exits: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(20, 50));
  t.is(r.counts["refused"] ?? 0, 0);
});

test("maps, while loops and exits", (t) => {
  const r = fuzzGradients({ runs: effort(15, 40), seed: 32, exits: true, maps: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(10, 30));
});

test("second derivatives of random programs with while loops and exits", (t) => {
  const r = fuzzGradients({ runs: effort(8, 20), seed: 33, exits: true, second: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > effort(4, 14));
});
