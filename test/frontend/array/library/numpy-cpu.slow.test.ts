/** The cases of numpy.test.ts through the C++ backend. */
import test from "ava";
import { FAMILIES, groups, runGroup } from "./cases.js";

for (const family of FAMILIES) {
  test.serial(`as NumPy, in C++: ${family}`, (t) => { t.deepEqual(groups(family, 30).flatMap((g) => runGroup(g, "cpu")), []); });
}
