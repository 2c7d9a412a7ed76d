/** Thousands of random programs with a new seed each time; a failure prints the seed and the smallest program found. */
import test from "ava";
import { fuzzGradients } from "../support/gradient-fuzz.js";

for (const [name, options] of [["plain", {}], ["with maps", { maps: true }], ["twice", { second: true }], ["twice, with maps", { second: true, maps: true }], ["with exits", { exits: true }], ["with exits and maps", { exits: true, maps: true }], ["twice, with exits", { exits: true, second: true }]] as const) {
  test(`random programs, ${name}`, (t) => {
    const runs = "second" in options ? 1000 : 2500, r = fuzzGradients({ runs, ...options });
    t.log(r);
    t.true(r.counts["checked"]! > 0);
  });
}
