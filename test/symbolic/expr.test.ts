/** Canonical integer expressions: the same values as plain arithmetic, equal keys for equal polynomials, text that reads back, sums and bounds. */
import test from "ava";
import fc from "fast-check";
import { add, addInt, affine, content, divideExact, equals, evaluate, floordiv, freeSymbols, hasLoads, int, load, mapAtoms, max, min, mod, mul, neg, scale, sub, substitute, sym, visitAtoms, type Expr } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { sumOver } from "../../ts/symbolic/sum.js";
import { Assumptions } from "../../ts/symbolic/assumptions.js";
import { lowerBound, upperBound, rangeFacts } from "../../ts/symbolic/prove.js";

/** An expression together with its meaning in plain arithmetic; undefined where it divides by zero. */
interface Pair { readonly e: Expr; readonly f: (env: Env) => number | undefined }
type Env = Readonly<Record<string, number>>;
const NAMES = ["x", "y", "n"];
const both = (e: (a: Expr, b: Expr) => Expr, f: (a: number, b: number) => number | undefined) => (a: Pair, b: Pair): Pair => ({ e: e(a.e, b.e), f: (env) => { const x = a.f(env), y = b.f(env); return x === undefined || y === undefined ? undefined : f(x, y); } });
const floor = (a: number, b: number): number | undefined => (b === 0 ? undefined : Math.floor(a / b));
const modulo = (a: number, b: number): number | undefined => (b === 0 ? undefined : a - b * Math.floor(a / b));
const leaf = fc.oneof(fc.constantFrom(...NAMES).map((v): Pair => ({ e: sym(v), f: (env) => env[v]! })), fc.integer({ min: -6, max: 6 }).map((k): Pair => ({ e: int(k), f: () => k })));
const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof({ maxDepth: 4 }, leaf,
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => both(add, (x, y) => x + y)(a, b)),
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => both(sub, (x, y) => x - y)(a, b)),
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => both(mul, (x, y) => x * y)(a, b)),
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => both(min, Math.min)(a, b)),
    fc.tuple(tie("pair"), tie("pair")).map(([a, b]) => both(max, Math.max)(a, b)),
    fc.tuple(tie("pair"), fc.integer({ min: -5, max: 5 }).filter((k) => k !== 0)).map(([a, k]) => both(floordiv, floor)(a, { e: int(k), f: () => k })),
    fc.tuple(tie("pair"), fc.integer({ min: -5, max: 5 }).filter((k) => k !== 0)).map(([a, k]) => both(mod, modulo)(a, { e: int(k), f: () => k })),
    fc.tuple(tie("pair"), fc.constantFrom(...NAMES)).map(([a, v]) => both(floordiv, floor)(a, { e: sym(v), f: (env) => env[v]! })),
    fc.tuple(tie("pair"), fc.constantFrom(...NAMES)).map(([a, v]) => both(mod, modulo)(a, { e: sym(v), f: (env) => env[v]! }))),
}));
const envs = fc.array(fc.record({ x: fc.integer({ min: -7, max: 7 }), y: fc.integer({ min: -7, max: 7 }), n: fc.integer({ min: -7, max: 7 }) }), { minLength: 4, maxLength: 8 });
const value = (e: Expr, env: Env): number => evaluate(e, new Map(Object.entries(env)));

test("canonical forms have the value of the arithmetic that built them", (t) => {
  fc.assert(fc.property(pair, envs, (p, es) => es.every((env) => { const want = p.f(env); return want === undefined || value(p.e, env) === want || Math.abs(want) > 2 ** 50; })), { numRuns: 3000 });
  t.pass();
});

test("text reads back to the same expression", (t) => {
  fc.assert(fc.property(pair, (p) => parseExpr(p.e.key).key === p.e.key), { numRuns: 2000 });
  for (const text of ["a[i, j + 1]", "floordiv(a[2], 3) + min(x, y)", "-1*b + 3", "x_1'"]) t.is(parseExpr(parseExpr(text).key).key, parseExpr(text).key);
  t.is(parseExpr("int_ceil(N, 4)").key, neg(floordiv(neg(sym("N")), int(4))).key);
  t.is(parseExpr("(N - 1)**2 // 2").key, floordiv(mul(addInt(sym("N"), -1), addInt(sym("N"), -1)), int(2)).key);
  for (const bad of ["", "N +", "a[", "2 x", "f(1)", "x ** y", "min()"]) t.throws(() => parseExpr(bad), { message: /not an integer expression/ }, bad);
});

test("equal polynomials have equal keys", (t) => {
  fc.assert(fc.property(pair, pair, pair, (a, b, c) => {
    t.is(mul(a.e, add(b.e, c.e)).key, add(mul(a.e, b.e), mul(a.e, c.e)).key);
    t.is(add(a.e, b.e).key, add(b.e, a.e).key);
    t.is(sub(a.e, a.e).key, "0");
    t.true(equals(scale(a.e, 3), add(a.e, a.e, a.e)));
  }), { numRuns: 500 });
});

test("what does not change is shared, and what an expression remembers is true", (t) => {
  fc.assert(fc.property(pair, pair, (p, q) => {
    t.is(substitute(p.e, new Map([["absent", q.e]])), p.e);
    t.is(mapAtoms(p.e, () => undefined), p.e);
    const seen = new Set<string>();
    visitAtoms(p.e, (a) => { seen.add(a.key); });
    t.deepEqual(p.e.atoms.map((a) => a.key).sort(), [...seen].sort());
    // Symbols replaced by themselves: everything is rebuilt, and comes out the same.
    t.is(mapAtoms(p.e, (a) => (a.kind === "symbol" ? add(sym(a.name), int(0)) : undefined)).key, p.e.key);
    t.is(p.e.id === q.e.id, p.e.key === q.e.key);
    t.true(p.e.terms.every((x, i) => i === 0 || p.e.terms[i - 1]!.atoms.length > x.atoms.length || (p.e.terms[i - 1]!.atoms.length === x.atoms.length && p.e.terms[i - 1]!.key < x.key)));
  }), { numRuns: 500 });
  t.true(hasLoads(min(sym("x"), load("a", [sym("i")]))));
  t.false(hasLoads(min(sym("x"), sym("y"))));
});

test("substitution and evaluation commute", (t) => {
  fc.assert(fc.property(pair, pair, envs, (p, q, es) => es.every((env) => {
    const inner = q.f(env);
    if (inner === undefined) return true;
    const want = p.f({ ...env, x: inner });
    return want === undefined || Math.abs(want) > 2 ** 45 || Math.abs(inner) > 2 ** 20 || value(substitute(p.e, new Map([["x", q.e]])), env) === want;
  })), { numRuns: 2000 });
  t.pass();
});

test("affine parts add up, exact division is exact", (t) => {
  fc.assert(fc.property(pair, envs, (p, es) => {
    const a = affine(p.e, new Set(["x"]));
    if (!a) return;
    t.false(freeSymbols(a.rest).has("x"));
    const k = a.coefficients.get("x") ?? int(0);
    for (const env of es) { const want = p.f(env); if (want !== undefined && Math.abs(want) < 2 ** 45) t.is(value(k, env) * env.x + value(a.rest, env), value(p.e, env)); }
  }), { numRuns: 1000 });
  t.is(divideExact(parseExpr("6*a*b + 4*a"), parseExpr("2*a"))!.key, parseExpr("3*b + 2").key);
  t.is(divideExact(parseExpr("6*a*b + 3*a"), parseExpr("2*a")), undefined);
  t.is(content(parseExpr("6*a + 9")), 3);
  t.is(load("d", [sym("i")]).key, "d[i]");
});

test("closed sums", (t) => {
  fc.assert(fc.property(pair, fc.integer({ min: -3, max: 3 }), fc.integer({ min: 0, max: 5 }), envs, (p, begin, length, es) => {
    const s = sumOver(p.e, "x", int(begin), int(begin + length));
    if (!s) return;
    for (const env of es) {
      let want: number | undefined = 0;
      for (let x = begin; x < begin + length; x++) { const v = p.f({ ...env, x }); want = v === undefined || want === undefined ? undefined : want + v; }
      if (want !== undefined && Math.abs(want) < 2 ** 40) t.is(value(s, env) + 0, want + 0);
    }
  }), { numRuns: 1500 });
  t.is(sumOver(sym("i"), "i", int(0), sym("N"))!.key, "-1*N + floordiv(N*N + N, 2)");
});

test("bounds over loops hold at every iteration", (t) => {
  let found = 0, tried = 0;
  const inner = fc.constantFrom("0", "x", "x + 1", "n - x", "max(x - 1, 0)"), top = fc.constantFrom("n", "x + 2", "min(x + 2, n)", "n - x");
  fc.assert(fc.property(pair, inner, top, (p, b, e) => {
    const loops = [{ variable: "x", begin: int(0), end: sym("n") }, { variable: "y", begin: parseExpr(b), end: parseExpr(e) }], facts = Assumptions.none.with(sym("n"));
    const lo = lowerBound(p.e, loops, facts), hi = upperBound(p.e, loops, facts);
    tried++;
    if (lo) found++;
    for (let n = 0; n < 5; n++) for (let x = 0; x < n; x++) for (let y = value(loops[1]!.begin, { x, n }); y < value(loops[1]!.end, { x, n }); y++) {
      const v = p.f({ x, y, n });
      if (v === undefined) continue;
      for (const bound of [lo, hi]) {
        if (!bound) continue;
        t.false(freeSymbols(bound).has("x") || freeSymbols(bound).has("y"));
        const k = value(bound, { n });
        if (Number.isFinite(k)) t.true(bound === lo ? k <= v : k >= v, `${p.e.key} is ${v} at ${JSON.stringify({ x, y, n })}, bound ${bound.key} = ${k}`);
      }
    }
  }), { numRuns: 800 });
  t.log(`a lower bound for ${found} of ${tried}`);
  t.true(found > tried / 4);
  t.is(rangeFacts({ variable: "i", begin: int(0), end: sym("N") }).length, 2);
});
