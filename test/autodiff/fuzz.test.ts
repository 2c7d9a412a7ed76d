/** Some random programs, differentiated once and twice. See fuzz.slow.test.ts for thousands. */
import test from "ava";
import { fuzzGradients } from "../support/gradient-fuzz.js";

test("gradients of random programs", (t) => {
  const r = fuzzGradients({ runs: 120, seed: 2024 });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 100);
  t.true((r.counts["refused"] ?? 0) < 15);
});

test("gradients of random programs with maps and reductions", (t) => {
  const r = fuzzGradients({ runs: 80, seed: 7, maps: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 60);
});

test("second derivatives of random programs", (t) => {
  const r = fuzzGradients({ runs: 40, seed: 11, second: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 28);
});

test("gradients of random programs with while loops and exits", (t) => {
  const r = fuzzGradients({ runs: 60, seed: 31, exits: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 50);
  t.is(r.counts["refused"] ?? 0, 0);
});

test("maps, while loops and exits", (t) => {
  const r = fuzzGradients({ runs: 40, seed: 32, exits: true, maps: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 30);
});

test("second derivatives of random programs with while loops and exits", (t) => {
  const r = fuzzGradients({ runs: 20, seed: 33, exits: true, second: true });
  t.log(r.counts);
  t.true(r.counts["checked"]! > 14);
});
