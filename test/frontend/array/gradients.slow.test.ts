/** Every differentiable program of semantics.py: its gradient against finite differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { DaceError, gradcheck, ndarray, python } from "../../../ts/index.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: string; readonly data: readonly number[] }
const FOLDER = join(process.cwd(), "test/frontend/array"), SOURCE = readFileSync(join(FOLDER, "semantics.py"), "utf8");
const cases = JSON.parse(readFileSync(join(FOLDER, "semantics.json"), "utf8")) as { name: string; args: (number | Stored)[] }[];
/** Refused by name, never wrong. */
const REFUSED: Readonly<Record<string, "NOT_DIFFERENTIABLE">> = {
  // Integer results.
  int_counter: "NOT_DIFFERENTIABLE", break_find: "NOT_DIFFERENTIABLE", loopvar_after_break: "NOT_DIFFERENTIABLE", binsearch: "NOT_DIFFERENTIABLE", helper_early: "NOT_DIFFERENTIABLE",
};
/** Differentiated at a kink (a tie of the maximum), or in single precision, where differences say little. */
const ROUGH = new Set(["nested_scalar", "f32", "dtype_mix"]);

cases.forEach((c, i) => {
  if (ROUGH.has(c.name) || !c.args.some((a) => typeof a === "object" && a.dtype === "float64")) return;
  test(`${c.name} #${i}`, (t) => {
    const args = c.args.map((a) => (typeof a !== "object" ? a : a.dtype === "int64" ? ndarray(BigInt64Array.from(a.data.map(BigInt)), a.shape, { dtype: "int64" }) : ndarray(Float64Array.from(a.data), a.shape)));
    const check = (): ReturnType<typeof gradcheck> => gradcheck(python({ source: SOURCE, name: "semantics.py" }, { function: c.name }), args, { device: "js", cache: false });
    const refused = REFUSED[c.name];
    if (refused) { t.is(t.throws(check, { instanceOf: DaceError }).code, `ERR_DACE_${refused}`); return; }
    const r = check();
    t.true(r.ok, JSON.stringify(r));
  });
});
