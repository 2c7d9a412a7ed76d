/** The parts of docs/ that are made from the code are what the code makes. */
import test from "ava";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { functionsTable } from "../../ts/report/functions.js";
import { withTrace } from "../../ts/report/trace.js";
import { packageRoot } from "../../ts/runtime/addon.js";

test("the table in the docs is the compiler's (else: npm run docs)", (t) => {
  const text = functionsTable();
  t.is(readFileSync(join(packageRoot(), "docs", "functions.md"), "utf8"), text);
  for (const name of ["np.sum", "np.einsum", "math.sqrt", "Math.hypot", "range"]) t.true(text.includes(`\`${name}\``), name);
});

test("the traced program in docs/architecture.md is what the stages print (else: npm run docs)", (t) => {
  const text = readFileSync(join(packageRoot(), "docs", "architecture.md"), "utf8");
  t.is(withTrace(text), text);
});
