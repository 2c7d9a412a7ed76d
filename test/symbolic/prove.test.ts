/** The decision procedure: no proof may be refuted by small integers; and how often it knows. */
import test from "ava";
import fc from "fast-check";
import { Assumptions, type Tri } from "../../ts/symbolic/assumptions.js";
import { add, evaluate, floordiv, int, max, min, mod, mul, scale, sub, sym, type Expr } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { isEqual, isLess, isLessEqual, nonNegative } from "../../ts/symbolic/prove.js";
import { eq, ge, infeasible, type Constraint } from "../../ts/symbolic/system.js";

const NAMES = ["a", "b", "c"];
const linear = fc.tuple(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 }), fc.integer({ min: -5, max: 5 })).map(([ks, k]): Expr => add(int(k), ...ks.map((c, i) => scale(sym(NAMES[i]!), c))));
const { expr } = fc.letrec<{ expr: Expr }>((tie) => ({
  expr: fc.oneof({ maxDepth: 2 }, { weight: 4, arbitrary: linear },
    fc.tuple(tie("expr"), tie("expr")).map(([x, y]) => min(x, y)), fc.tuple(tie("expr"), tie("expr")).map(([x, y]) => max(x, y)),
    fc.tuple(tie("expr"), fc.integer({ min: 1, max: 4 })).map(([x, k]) => floordiv(x, int(k))), fc.tuple(tie("expr"), fc.integer({ min: 1, max: 4 })).map(([x, k]) => mod(x, int(k))),
    fc.tuple(tie("expr"), fc.constantFrom(...NAMES)).map(([x, v]) => floordiv(x, sym(v))), fc.tuple(tie("expr"), fc.constantFrom(...NAMES)).map(([x, v]) => mod(x, sym(v))),
    fc.tuple(tie("expr"), tie("expr")).map(([x, y]) => mul(x, y)), fc.tuple(tie("expr"), tie("expr")).map(([x, y]) => sub(x, y))),
}));

const BOX = 5;
/** All points of the box at which every fact holds and nothing divides by zero. */
function* points(facts: readonly Expr[], others: readonly Expr[]): Generator<Map<string, number>> {
  for (let a = -BOX; a <= BOX; a++) for (let b = -BOX; b <= BOX; b++) for (let c = -BOX; c <= BOX; c++) {
    const env = new Map([["a", a], ["b", b], ["c", c]]);
    const ok = [...facts, ...others].every((e) => Number.isFinite(evaluate(e, env)));
    if (ok && facts.every((e) => evaluate(e, env) >= 0)) yield env;
  }
}

test("a proof of infeasibility has no counterexample", (t) => {
  let proofs = 0, empty = 0;
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), expr), { minLength: 1, maxLength: 3 }), fc.array(fc.oneof(linear, expr), { maxLength: 3 }), (cs, facts) => {
    const constraints = cs.map(([e, x]): Constraint => (e ? eq(x) : ge(x)));
    const proven = infeasible(constraints, Assumptions.none.with(...facts));
    let holds: Map<string, number> | undefined;
    for (const env of points(facts, constraints.map((c) => c.expr))) if (constraints.every((c) => { const v = evaluate(c.expr, env); return c.kind === "eq" ? v === 0 : v >= 0; })) { holds = env; break; }
    if (!holds) empty++;
    if (proven) { proofs++; t.is(holds, undefined, `${constraints.map((c) => `${c.expr.key} ${c.kind}`).join("; ")} under ${facts.map((x) => x.key).join("; ")}`); }
  }), { numRuns: 2000 });
  t.log(`${proofs} proofs; ${empty} systems have no solution with |values| <= ${BOX}`);
  t.true(proofs > 100);
});

test("yes and no of the questions hold at every point", (t) => {
  const count = { yes: 0, no: 0, unknown: 0 };
  fc.assert(fc.property(expr, expr, fc.array(linear, { maxLength: 3 }), (x, y, facts) => {
    const f = Assumptions.none.with(...facts);
    const answers: readonly (readonly [Tri, (u: number, v: number) => boolean, string])[] = [
      [nonNegative(x, f), (u) => u >= 0, ">= 0"], [isEqual(x, y, f), (u, v) => u === v, "="], [isLess(x, y, f), (u, v) => u < v, "<"], [isLessEqual(x, y, f), (u, v) => u <= v, "<="],
    ];
    for (const [a] of answers) count[a]++;
    for (const env of points(facts, [x, y])) {
      const u = evaluate(x, env), v = evaluate(y, env);
      for (const [a, holds, name] of answers) if (a !== "unknown") t.is(holds(u, v), a === "yes", `${x.key} ${name} ${y.key}: ${a} under ${facts.map((e) => e.key).join("; ")}, at ${JSON.stringify([...env])}`);
    }
  }), { numRuns: 400 });
  t.log(count);
});

test("what programs ask is known", (t) => {
  const yes = (question: string, ...facts: string[]): void => { t.is(nonNegative(parseExpr(question), Assumptions.none.with(...facts.map(parseExpr))), "yes", `${question} >= 0 under ${facts.join(", ")}`); };
  yes("n - 1 - i", "i", "n - i - 1");
  yes("m*n - 1 - i*n - j", "i", "j", "m - i - 1", "n - j - 1");
  yes("i*n + j", "i", "j", "n - j - 1");
  yes("n - 1 - 2*t", "t", "floordiv(n, 2) - t - 1");
  yes("n - min(i + 2, n)", "n");
  yes("floordiv(n + 3, 4)*4 - n", "n");
  yes("k - 1 - mod(i, k)", "k - 1");
  yes("floordiv(i, 3)", "i");
  t.is(isEqual(parseExpr("2*i"), parseExpr("2*j + 1"), Assumptions.none), "no", "parity");
  t.is(nonNegative(parseExpr("n - i"), Assumptions.none.with(sym("i"))), "unknown");
});
