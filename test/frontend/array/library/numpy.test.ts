/** Every function of the NumPy side against what NumPy itself gives (fixtures/numpy_cases.json), on the JavaScript backend. */
import test from "ava";
import { CASES, FAMILIES, run } from "./cases.js";

for (const family of FAMILIES) {
  test(`as NumPy: ${family}`, (t) => {
    const cases = CASES.filter((c) => c.family === family);
    t.true(cases.length > 0);
    t.deepEqual(cases.flatMap((c) => run(c, "js")), []);
  });
}
