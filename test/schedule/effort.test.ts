/** What a run takes of conditionals: the arm that sizes choose, else the mean; on a processor and on a GPU. */
import test from "ava";
import { jit, python } from "../../ts/index.js";
import type { Plan } from "../../ts/lower/plan.js";
import { op, symbolic, constant, input } from "../../ts/scalar/expr.js";
import { unitsIn, weighted } from "../../ts/schedule/work.js";
import type { Branch, Condition } from "../../ts/sdfg/nodes.js";
import { evaluate, int, sym } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";

process.env["DACE_AD_CUDA"] = "shim";
const n = symbolic(sym("n")), number = (v: number): ReturnType<typeof constant> => constant(v, "int64");
const when = (code: Condition["code"], inputs: Condition["inputs"] = []): Branch => ({ condition: { inputs, code }, body: [] }), otherwise: Branch = { body: [] };
const at = (branches: readonly Branch[], v: number): number => evaluate(weighted(branches, branches.map((_, k) => int(100 * (k + 1)))), new Map([["n", v]]));

test("sizes choose an arm, and no other counts", (t) => {
  const chain = [when(op("lt", "bool", n, number(5))), when(op("and", "bool", op("ge", "bool", n, number(5)), op("le", "bool", n, number(7)))), when(op("eq", "bool", n, number(9))), otherwise];
  t.deepEqual([4, 5, 7, 8, 9, 10].map((v) => at(chain, v)), [100, 200, 200, 400, 300, 400]);
  // Where none holds nothing is done.
  t.deepEqual([4, 5, 9].map((v) => at(chain.slice(0, 1), v)), [100, 0, 0]);
  t.is(at([otherwise], 3), 100);
});

test("where data choose, the mean of the arms, doing nothing among them", (t) => {
  const data = when(input(0, "bool"), [{ data: "c", index: [] }]), unclear = when(op("not", "bool", op("lt", "bool", n, number(5)))), either = when(op("or", "bool", op("lt", "bool", n, number(5)), op("gt", "bool", n, number(9))));
  t.is(at([data, otherwise], 3), 150);
  t.is(at([data], 3), 50);
  t.is(at([data, when(op("lt", "bool", n, number(5))), otherwise], 3), 200);
  t.is(at([either, otherwise], 3), 150);
  t.true([100, 150].includes(at([unclear, otherwise], 7)));
});

const SOURCE = "def f(x, c):\n    n = x.shape[0]\n    if n > 5000:\n        for i in range(1, n):\n            x[i] = x[i - 1] * x[i] + 0.5\n    else:\n        for i in range(n):\n            x[i] = x[i] * 2.0\n    if c > 0.5:\n        for i in range(1, n):\n            x[i] = x[i - 1] * x[i] + 0.5\n    return x[0]\n";
const lowered = (device: "cpu" | "cuda"): Plan => jit(python({ source: SOURCE, name: "p.py" }, { function: "f" }), { device }).lower(new Float64Array(1000), 0.1).plan;
test("a program's amounts: what sizes leave out is not there, what data choose is half", (t) => {
  const each = (e: string, n: number): number => evaluate(parseExpr(e), new Map([["n0", n]])) / n, { estimate } = lowered("cuda").cuda!, cpu = lowered("cpu"), near = (a: number, b: number): boolean => Math.abs(a - b) < 0.01 * b;
  // One thread does both recurrences: the first where there are many elements, the second half of the time.
  t.true(near(each(estimate.serial, 100_000), 3 * each(estimate.serial, 4000)), `${each(estimate.serial, 100_000)} and ${each(estimate.serial, 4000)}`);
  t.is(each(estimate.shared, 100_000), 0);
  t.true(each(estimate.shared, 4000) >= 2);
  // Thresholds go by all of it.
  t.true(near(each(cpu.work, 100_000), each(cpu.work, 4000)) && each(cpu.effort!, 100_000) < 0.8 * each(cpu.work, 100_000) && each(cpu.effort!, 4000) < each(cpu.effort!, 100_000));
  t.is(jit(python({ source: "def f(x):\n    return x[0] * 2\n", name: "p.py" }, { function: "f" }), { device: "cpu" }).lower(new Float64Array(3)).plan.effort, undefined);
  t.is(unitsIn([]).key, "0");
});
