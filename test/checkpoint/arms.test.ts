/** Conditions of integers as 0 and 1. */
import test from "ava";
import { indicator } from "../../ts/checkpoint/arms.js";
import { constant, input, op, symbolic, type OpName, type ScalarExpr } from "../../ts/scalar/expr.js";
import { evaluate, load, sym } from "../../ts/symbolic/expr.js";

const n = symbolic(sym("n"), "int64"), m = symbolic(sym("m"), "int64"), f = (name: OpName, ...x: ScalarExpr[]): ScalarExpr => op(name, "bool", ...x);

test("comparisons, and what is made of them, for all pairs of small numbers", (t) => {
  const conditions: [ScalarExpr, (n: number, m: number) => boolean][] = [
    [f("eq", n, m), (x, y) => x === y], [f("ne", n, m), (x, y) => x !== y], [f("lt", n, m), (x, y) => x < y], [f("le", n, m), (x, y) => x <= y], [f("gt", n, m), (x, y) => x > y], [f("ge", n, constant(1, "int64")), (x) => x >= 1],
    [f("not", f("lt", n, m)), (x, y) => x >= y], [f("and", f("lt", n, m), f("ne", m, constant(2, "int64"))), (x, y) => x < y && y !== 2], [f("or", f("eq", n, constant(0, "int64")), f("gt", n, m)), (x, y) => x === 0 || x > y],
  ];
  for (const [code, want] of conditions) for (let x = -2; x <= 3; x++) for (let y = -2; y <= 3; y++) t.is(evaluate(indicator(code)!, new Map([["n", x], ["m", y]])), Number(want(x, y)));
});

test("floats and loaded integers decide nothing on entry", (t) => {
  t.is(indicator(f("lt", input(0, "float64"), constant(1, "float64"))), undefined);
  t.is(indicator(f("lt", symbolic(load("k", []), "int64"), n)), undefined);
  t.is(indicator(f("and", f("lt", n, m), f("lt", input(0, "int64"), m))), undefined);
});
