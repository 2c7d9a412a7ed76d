/** Which values have a sign that survives being computed again. */
import test from "ava";
import { exactnessForSign, isSumOfSquares } from "../../ts/analysis/robust.js";
import { constant, input, op, type ScalarExpr } from "../../ts/scalar/expr.js";

const D = "float64", x = input(0, D), y = input(1, D), sum = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("add", D, a, b), square = (a: ScalarExpr): ScalarExpr => op("square", D, a);

test("sums of squares of unchanged bits have their sign", (t) => {
  t.deepEqual([...exactnessForSign(sum(square(op("sub", D, x, y)), constant(0.5, D)))!], [[0, "bits"], [1, "bits"]]);
  t.deepEqual([...exactnessForSign(op("sqrt", D, x))!], [[0, "sign"]]);
  t.true(isSumOfSquares(sum(square(x), square(y))));
});
test("a term that may be negative takes the sign from rounding: x² + y at y = −x² is 0 or what a fused product leaves", (t) => {
  const v = 1 + 2 ** -30, residue = Number(BigInt(2 ** 30 + 1) ** 2n - BigInt(v * v * 2 ** 60));
  t.not(residue, 0);
  t.is(v * v + -(v * v), 0);
  t.is(exactnessForSign(sum(square(x), y)), undefined);
  t.deepEqual([...exactnessForSign(sum(square(x), y), (k) => k === 1)!], [[0, "bits"], [1, "sign"]]);
  t.false(isSumOfSquares(x));
  t.is(exactnessForSign(sum(square(x), constant(-1, D))), undefined);
});
