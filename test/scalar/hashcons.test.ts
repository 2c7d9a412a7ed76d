/** Structural sharing: equal parts become one node and nothing else does; the value stays. */
import test from "ava";
import fc from "fast-check";
import { hashCons } from "../../ts/scalar/hashcons.js";
import { constant, input, op, visitScalar, type OpName, type ScalarExpr } from "../../ts/scalar/expr.js";
import { addS, divS, mulS, negS, selectS, subS, convertS } from "../../ts/scalar/build.js";
import { scalarText } from "../../ts/sdfg/text.js";
import { evalScalar } from "../support/scalar.js";

const f = "float64" as const;
const { e: expr } = fc.letrec<{ e: ScalarExpr }>((tie) => ({
  e: fc.oneof({ maxDepth: 5 }, fc.constantFrom(0, 1, -1, 2.5, -0).map((v) => constant(v, f)), fc.nat({ max: 2 }).map((i) => input(i, f)),
    fc.tuple(fc.constantFrom<OpName>("add", "sub", "mul", "min", "atan2"), tie("e"), tie("e")).map(([o, a, b]) => op(o, f, a, b)),
    fc.tuple(fc.constantFrom<OpName>("neg", "sin", "abs"), tie("e")).map(([o, a]) => op(o, f, a))),
}));
const values = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 3, maxLength: 3 });
const value = (e: ScalarExpr, v: readonly number[]): number => evalScalar(e, (i) => ({ v: v[i]!, d: 0 }), () => 0).v;

test("the shared form has the same text and value, and no two equal nodes", (t) => {
  fc.assert(fc.property(expr, values, (e, v) => {
    const h = hashCons(e), text = (x: ScalarExpr): string => scalarText(x, (i) => `x${i}`);
    t.is(text(h), text(e));
    t.is(value(h, v), value(e, v));
    const seen = new Map<string, ScalarExpr>();
    const key = (x: ScalarExpr): string => (x.kind === "const" && Object.is(x.value, -0) ? "-0" : x.kind === "op" ? `${x.op}(${x.args.map(key).join()})` : text(x));
    visitScalar(h, (x) => { const k = key(x), old = seen.get(k); t.true(old === undefined || old === x, k); seen.set(k, x); });
  }), { numRuns: 500 });
});

test("-0 and 0, and dtypes, stay apart", (t) => {
  const e = op("add", f, op("atan2", f, constant(0, f), constant(-1, f)), op("atan2", f, constant(-0, f), constant(-1, f)));
  t.is(value(hashCons(e), []), 0);
  const g = op("add", f, constant(1, "float32"), constant(1, f)), h = hashCons(g);
  t.true(h.kind === "op" && h.args[0] !== h.args[1]);
});

test("folding constructors keep the value", (t) => {
  fc.assert(fc.property(expr, expr, values, (a, b, v) => {
    const x = value(a, v), y = value(b, v);
    const close = (got: number, want: number): boolean => Object.is(got, want) || Math.abs(got - want) <= 1e-12 * Math.abs(want) || got === want || Number.isNaN(want);
    t.true(close(value(addS(a, b), v), x + y)); t.true(close(value(subS(a, b), v), x - y)); t.true(close(value(mulS(a, b), v), x * y)); t.true(close(value(negS(a), v), -x));
    if (y !== 0) t.true(close(value(divS(a, b), v), x / y));
    t.true(close(value(selectS(op("lt", "bool", a, b), a, b), v), Math.min(x, y)));
  }), { numRuns: 500 });
  t.is((convertS(constant(0.1, "float32"), f) as { value: number }).value, Math.fround(0.1));
});
