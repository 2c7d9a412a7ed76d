/** Closed forms of sums of polynomials over a range (Faulhaber), for the offsets of packed tapes. */
import { add, floordiv, int, load, max, min, mod, mul, sub, sym, ZERO, visitAtoms, type Expr, type Term } from "./expr.js";

/** Σ_{v=0}^{n-1} v^p as numerator polynomial in n over a denominator. */
function powerSum(p: number, n: Expr): { numerator: Expr; denominator: number } | undefined {
  const n2 = mul(n, n), n3 = mul(n2, n);
  switch (p) {
    case 0: return { numerator: n, denominator: 1 };
    case 1: return { numerator: sub(n2, n), denominator: 2 };
    case 2: return { numerator: add(mul(int(2), n3), mul(int(-3), n2), n), denominator: 6 };
    case 3: return { numerator: add(mul(n2, n2), mul(int(-2), n3), n2), denominator: 4 };
    default: return undefined;
  }
}

/** Σ of e for variable in [begin, end), given begin <= end; undefined unless e is a polynomial of degree <= 3 in the variable. */
export function sumOver(e: Expr, variable: string, begin: Expr, end: Expr): Expr | undefined {
  const byPower = new Map<number, Expr>();
  for (const t of e.terms) {
    const rest: Term["atoms"][number][] = [];
    let power = 0;
    for (const a of t.atoms) {
      if (a.kind === "symbol") { if (a.name === variable) power++; else rest.push(a); continue; }
      let bad = false;
      const children = "index" in a ? a.index : "args" in a ? a.args : [a.a, a.b];
      for (const x of children) visitAtoms(x, (y) => { if (y.kind === "symbol" && y.name === variable) bad = true; });
      if (bad) return undefined;
      rest.push(a);
    }
    let c: Expr = int(t.coefficient);
    for (const a of rest) c = mul(c, ofAtom(a));
    byPower.set(power, add(byPower.get(power) ?? ZERO, c));
  }
  // Everything over the common denominator 12, which the whole sum is divisible by in the end.
  let numerator: Expr = ZERO;
  let denominator = 1;
  const parts: { n: Expr; d: number }[] = [];
  for (const [p, c] of byPower) {
    const hi = powerSum(p, end), lo = powerSum(p, begin);
    if (!hi || !lo) return undefined;
    parts.push({ n: mul(c, sub(hi.numerator, lo.numerator)), d: hi.denominator });
    denominator = denominator * hi.denominator / gcd(denominator, hi.denominator);
  }
  for (const { n, d } of parts) numerator = add(numerator, mul(n, int(denominator / d)));
  return denominator === 1 ? numerator : floordiv(numerator, int(denominator));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
function ofAtom(a: Term["atoms"][number]): Expr {
  switch (a.kind) {
    case "symbol": return sym(a.name);
    case "floordiv": return floordiv(a.a, a.b);
    case "mod": return mod(a.a, a.b);
    case "min": return min(...a.args);
    case "max": return max(...a.args);
    case "load": return load(a.data, a.index);
  }
}
