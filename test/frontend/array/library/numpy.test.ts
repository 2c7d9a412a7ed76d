/** Every function of the NumPy side against what NumPy itself gives (fixtures/numpy_cases.json), on the JavaScript backend. */
import test from "ava";
import { FAMILIES, groups, runGroup } from "./cases.js";

for (const family of FAMILIES) {
  test(`as NumPy: ${family}`, (t) => {
    const all = groups(family, 12);
    t.true(all.length > 0);
    t.deepEqual(all.flatMap((g) => runGroup(g, "js")), []);
  });
}
