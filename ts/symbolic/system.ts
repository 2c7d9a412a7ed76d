/**
 * The decision procedure behind every yes/no/unknown: is a conjunction of integer constraints infeasible?
 *
 * Constraints are linear over *monomials*: a product of atoms counts as one unknown. Around that: definitions of floor division, modulo, minimum and
 * maximum are added as facts (the last two by case split), and products of two known non-negative facts where the question has products of
 * symbols (so that i*n + j < m*n follows from 0 <= i < m, 0 <= j < n). The core is Fourier-Motzkin elimination with integer tightening: rows are divided by
 * the gcd of their coefficients and the constant rounded down. "true" is a proof; "false" says nothing.
 */
import { add, addInt, mul, neg, sub, sym, visitAtoms, type Atom, type Expr } from "./expr.js";
import type { Assumptions } from "./assumptions.js";

/** `expr >= 0` or `expr == 0`. */
export interface Constraint { readonly kind: "ge" | "eq"; readonly expr: Expr }
export const ge = (expr: Expr): Constraint => ({ kind: "ge", expr });
export const eq = (expr: Expr): Constraint => ({ kind: "eq", expr });

const MAX_ROWS = 400, MAX_PRODUCTS = 48, MAX_SPLITS = 3, CACHE_SIZE = 50_000;
const cache = new Map<string, boolean>();

/** True only if no integers satisfy all constraints and facts. */
export function infeasible(constraints: readonly Constraint[], facts: Assumptions): boolean {
  const goal: Constraint[] = [];
  for (const c of constraints) {
    const k = c.expr.constant;
    if (k === undefined) goal.push(c);
    else if (c.kind === "eq" ? k !== 0 : k < 0) return true;
  }
  if (goal.length === 0 && facts.facts.length === 0) return false;
  const relevant = relevantFacts(goal, facts.facts);
  const key = `${goal.map((c) => `${c.kind}${c.expr.key}`).sort().join(";")}|${relevant.map((e) => e.key).sort().join(";")}`;
  let known = cache.get(key);
  if (known === undefined) {
    known = decide([...goal, ...relevant.map(ge)], MAX_SPLITS);
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(key, known);
  }
  return known;
}

function symbolsIn(e: Expr, into: Set<string>): void {
  visitAtoms(e, (a) => { if (a.kind === "symbol") into.add(a.name); else if (a.kind === "load") into.add(a.key); });
}

/** Facts connected to the question through shared symbols. */
function relevantFacts(goal: readonly Constraint[], facts: readonly Expr[]): Expr[] {
  const seen = new Set<string>();
  for (const c of goal) symbolsIn(c.expr, seen);
  const parts = facts.map((e) => { const s = new Set<string>(); symbolsIn(e, s); return { e, s, used: false }; });
  const out: Expr[] = [];
  for (let changed = true; changed;) {
    changed = false;
    for (const p of parts) {
      if (p.used || ![...p.s].some((x) => seen.has(x))) continue;
      p.used = true; changed = true;
      out.push(p.e);
      for (const x of p.s) seen.add(x);
    }
  }
  return out;
}

/** Atoms other than symbols, each once, innermost included. */
function compoundAtoms(cs: readonly Constraint[]): Atom[] {
  const found = new Map<string, Atom>();
  for (const c of cs) visitAtoms(c.expr, (a) => { if (a.kind !== "symbol" && !found.has(a.key)) found.set(a.key, a); });
  return [...found.values()];
}

const ofAtom = (a: Atom): Expr => sym(a.key);

/** Atoms become plain symbols named by their key, so that the rest sees polynomials over symbols only. */
function flatten(e: Expr): Expr {
  if (e.terms.every((t) => t.atoms.every((a) => a.kind === "symbol"))) return e;
  let sum: Expr = addInt(sub(e, e), 0);
  for (const t of e.terms) {
    let p: Expr = addInt(sub(e, e), t.coefficient);
    for (const a of t.atoms) p = mul(p, ofAtom(a));
    sum = add(sum, p);
  }
  return sum;
}

function decide(input: readonly Constraint[], splits: number): boolean {
  const cs: Constraint[] = [];
  const extremes: { m: Expr; args: readonly Expr[]; sign: 1 | -1 }[] = [];
  for (const a of compoundAtoms(input)) {
    const m = ofAtom(a);
    if (a.kind === "min" || a.kind === "max") {
      const sign = a.kind === "min" ? 1 : -1, args = a.args.map(flatten);
      for (const x of args) cs.push(ge(sign === 1 ? sub(x, m) : sub(m, x)));
      extremes.push({ m, args, sign });
    } else if (a.kind === "floordiv" || a.kind === "mod") {
      const b = flatten(a.b), n = flatten(a.a), k = b.constant;
      const positive = k === undefined ? linear([...input.map((c) => ({ ...c, expr: flatten(c.expr) })), ge(neg(b))]) : k > 0;
      if (!positive) continue;
      if (a.kind === "mod") cs.push(ge(m), ge(addInt(sub(b, m), -1)));
      else cs.push(ge(sub(n, mul(b, m))), ge(addInt(sub(add(mul(b, m), b), n), -1)));
    }
  }
  for (const c of input) cs.push({ kind: c.kind, expr: flatten(c.expr) });
  return cases(cs, extremes, splits);
}

/** Each minimum equals one of its arguments: every case must be infeasible. */
function cases(cs: readonly Constraint[], extremes: readonly { m: Expr; args: readonly Expr[] }[], splits: number): boolean {
  if (solve(cs)) return true;
  if (extremes.length === 0 || splits === 0) return false;
  const [first, ...rest] = extremes;
  return first!.args.every((x) => cases([...cs, eq(sub(first!.m, x))], rest, splits - 1));
}

function solve(cs: readonly Constraint[]): boolean {
  if (linear(cs)) return true;
  const extra = products(cs);
  return extra.length > 0 && linear([...cs, ...extra]);
}

/** Products of two non-negative expressions that share the products of symbols in the question. */
function products(cs: readonly Constraint[]): Constraint[] {
  const wanted = new Set<string>(), factors = new Set<string>();
  for (const c of cs) for (const t of c.expr.terms) if (t.atoms.length > 1) { wanted.add(t.key); for (const a of t.atoms) factors.add(a.key); }
  if (wanted.size === 0) return [];
  const candidates: Expr[] = [], seen = new Set<string>();
  const candidate = (e: Expr): void => { if (!seen.has(e.key)) { seen.add(e.key); candidates.push(e); } };
  for (const f of factors) if (linear([...cs, ge(addInt(neg(sym(f)), -1))])) candidate(sym(f));
  for (const c of cs) {
    if (c.expr.terms.some((t) => t.atoms.length > 1) || !c.expr.terms.some((t) => t.atoms.length === 1 && factors.has(t.key))) continue;
    candidate(c.expr);
    if (c.kind === "eq") candidate(neg(c.expr));
  }
  const out: Constraint[] = [];
  const scored: { e: Expr; hits: number }[] = [];
  for (let i = 0; i < candidates.length; i++) for (let j = i; j < candidates.length; j++) {
    const p = mul(candidates[i]!, candidates[j]!);
    const hits = p.terms.filter((t) => t.atoms.length > 1 && wanted.has(t.key)).length, misses = p.terms.filter((t) => t.atoms.length > 1).length - hits;
    if (hits > 0) scored.push({ e: p, hits: hits - misses });
  }
  scored.sort((a, b) => b.hits - a.hits);
  for (const s of scored.slice(0, MAX_PRODUCTS)) out.push(ge(s.e));
  return out;
}

interface Row { readonly c: number[]; readonly k: number }

const gcd = (a: number, b: number): number => { a = Math.abs(a); b = Math.abs(b); while (b) [a, b] = [b, a % b]; return a; };

/** Divides by the gcd and rounds the constant down; undefined where the row is trivially true; a row without unknowns and k < 0 is a contradiction. */
function tighten(c: number[], k: number): Row | undefined | "contradiction" | "overflow" {
  let g = 0;
  for (const x of c) { if (!Number.isSafeInteger(x)) return "overflow"; if (x !== 0) { g = gcd(g, x); if (g === 1) break; } }
  if (g === 0) return k < 0 ? "contradiction" : undefined;
  if (g > 1) return { c: c.map((x) => x / g), k: Math.floor(k / g) };
  return Number.isSafeInteger(k) ? { c, k } : "overflow";
}

/** Fourier-Motzkin over monomials. */
function linear(cs: readonly Constraint[]): boolean {
  const index = new Map<string, number>();
  for (const c of cs) for (const t of c.expr.terms) if (t.atoms.length > 0 && !index.has(t.key)) index.set(t.key, index.size);
  const n = index.size;
  const vector = (e: Expr): { c: number[]; k: number } => {
    const c = new Array<number>(n).fill(0);
    let k = 0;
    for (const t of e.terms) if (t.atoms.length === 0) k = t.coefficient; else c[index.get(t.key)!] = t.coefficient;
    return { c, k };
  };
  let equalities = cs.filter((c) => c.kind === "eq").map((c) => vector(c.expr));
  let rows: { c: number[]; k: number }[] = cs.filter((c) => c.kind === "ge").map((c) => vector(c.expr));

  // Equalities with a unit coefficient are substituted; the others are checked by gcd and kept as two inequalities.
  while (equalities.length > 0) {
    for (const e of equalities) {
      const g = e.c.reduce((a, x) => gcd(a, x), 0);
      if (g === 0) { if (e.k !== 0) return true; } else if (e.k % g !== 0) return true;
      else if (g > 1) { e.c = e.c.map((x) => x / g); e.k /= g; }
    }
    const at = equalities.findIndex((e) => e.c.some((x) => Math.abs(x) === 1));
    if (at < 0) {
      for (const e of equalities) rows.push({ c: e.c, k: e.k }, { c: e.c.map((x) => -x), k: -e.k });
      break;
    }
    const [e] = equalities.splice(at, 1), v = e!.c.findIndex((x) => Math.abs(x) === 1), s = e!.c[v]!;
    const replace = (r: { c: number[]; k: number }): { c: number[]; k: number } => {
      const f = r.c[v]!;
      if (f === 0) return r;
      // x_v = -(rest)/s with s = ±1
      return { c: r.c.map((x, i) => (i === v ? 0 : x - f * s * e!.c[i]!)), k: r.k - f * s * e!.k };
    };
    equalities = equalities.map(replace);
    rows = rows.map(replace);
  }

  let current = new Map<string, Row>();
  const put = (map: Map<string, Row>, c: number[], k: number): boolean => {
    const t = tighten(c, k);
    if (t === "contradiction") return true;
    if (t === undefined || t === "overflow") return false;
    const key = t.c.join(","), old = map.get(key);
    if (!old || t.k < old.k) map.set(key, t);
    return false;
  };
  for (const r of rows) if (put(current, r.c, r.k)) return true;
  const live = new Set<number>();
  for (let v = 0; v < n; v++) live.add(v);
  while (live.size > 0) {
    let best = -1, cost = Infinity;
    for (const v of live) {
      let p = 0, q = 0;
      for (const r of current.values()) { const x = r.c[v]!; if (x > 0) p++; else if (x < 0) q++; }
      if (p + q === 0) { live.delete(v); continue; }
      const c = p * q - p - q;
      if (c < cost) { cost = c; best = v; }
    }
    if (best < 0) break;
    live.delete(best);
    const next = new Map<string, Row>(), pos: Row[] = [], negs: Row[] = [];
    for (const [key, r] of current) { const x = r.c[best]!; if (x > 0) pos.push(r); else if (x < 0) negs.push(r); else next.set(key, r); }
    if (next.size + pos.length * negs.length > MAX_ROWS) return false;
    for (const p of pos) for (const q of negs) {
      const a = -q.c[best]!, b = p.c[best]!, g = gcd(a, b), fa = a / g, fb = b / g;
      const c = new Array<number>(n);
      for (let i = 0; i < n; i++) c[i] = fa * p.c[i]! + fb * q.c[i]!;
      if (put(next, c, fa * p.k + fb * q.k)) return true;
    }
    // A pair  x >= l, -x >= -u  with l > u contradicts at once.
    for (const r of next.values()) { const other = next.get(r.c.map((x) => -x).join(",")); if (other && r.k + other.k < 0) return true; }
    current = next;
  }
  return false;
}
