/**
 * The decision procedure behind every yes/no/unknown: is a conjunction of integer constraints infeasible?
 *
 * Constraints are linear over *monomials*: a product of atoms counts as one unknown. Around that: definitions of floor division, modulo, minimum and
 * maximum are added as facts (the last two by case split), and products of two known non-negative facts where the question has products of
 * symbols (so that i*n + j < m*n follows from 0 <= i < m, 0 <= j < n). The core is `contradictory` (ts/symbolic/eliminate.ts). "true" is a proof; "false" says nothing.
 */
import { add, addInt, int, mul, neg, sub, sym, ZERO, type Atom, type Expr } from "./expr.js";
import type { Assumptions } from "./assumptions.js";
import { contradictory, type Vector } from "./eliminate.js";

/** `expr >= 0` or `expr == 0`. */
export interface Constraint { readonly kind: "ge" | "eq"; readonly expr: Expr }
export const ge = (expr: Expr): Constraint => ({ kind: "ge", expr });
export const eq = (expr: Expr): Constraint => ({ kind: "eq", expr });

const MAX_PRODUCTS = 48, MAX_SPLITS = 3, CACHE_SIZE = 50_000;
const cache = new Map<string, boolean>();
const ascending = (a: number, b: number): number => a - b;

/** True only if no integers satisfy all constraints and facts. */
export function infeasible(constraints: readonly Constraint[], facts: Assumptions): boolean {
  const goal: Constraint[] = [];
  for (const c of constraints) {
    const k = c.expr.constant;
    if (k === undefined) goal.push(c);
    else if (c.kind === "eq" ? k !== 0 : k < 0) return true;
  }
  if (goal.length === 0 && facts.facts.length === 0) return false;
  // The same facts are asked again and again: which of them matter need not be found every time.
  const question = goal.length === 1 ? numberOf(goal[0]!) : goal.map(numberOf).sort(ascending).join(","), answers = facts.answers;
  let known = answers.get(question);
  if (known === undefined) answers.set(question, known = ofRelevant(goal, question, relevantFacts(goal, facts.facts)));
  return known;
}
const numberOf = (c: Constraint): number => (c.kind === "eq" ? -c.expr.id : c.expr.id);

function ofRelevant(goal: readonly Constraint[], question: number | string, relevant: readonly Expr[]): boolean {
  const key = `${question}|${relevant.map((e) => e.id).sort(ascending).join(",")}`;
  let known = cache.get(key);
  if (known === undefined) {
    known = decide([...goal, ...relevant.map(ge)], MAX_SPLITS);
    if (cache.size >= CACHE_SIZE) cache.clear();
    cache.set(key, known);
  }
  return known;
}

/** Facts connected to the question through shared symbols and loads. */
function relevantFacts(goal: readonly Constraint[], facts: readonly Expr[]): Expr[] {
  const seen = new Set<string>(), out: Expr[] = [];
  const mention = (e: Expr): void => { for (const k of e.roots) seen.add(k); };
  for (const c of goal) mention(c.expr);
  let waiting = facts;
  for (let before = -1; waiting.length > 0 && before !== waiting.length;) {
    before = waiting.length;
    const rest: Expr[] = [];
    for (const e of waiting) {
      let shared = false;
      for (const k of e.roots) if (seen.has(k)) { shared = true; break; }
      if (shared) { out.push(e); mention(e); } else rest.push(e);
    }
    waiting = rest;
  }
  return out;
}

/** Atoms other than symbols, each once, innermost included. */
function compoundAtoms(cs: readonly Constraint[]): Atom[] {
  const found = new Map<string, Atom>();
  for (const c of cs) for (const a of c.expr.atoms) if (a.kind !== "symbol" && !found.has(a.key)) found.set(a.key, a);
  return [...found.values()];
}

const ofAtom = (a: Atom): Expr => sym(a.key);

/** Atoms become plain symbols named by their key, so that the rest sees polynomials over symbols only. */
function flatten(e: Expr): Expr {
  if (e.terms.every((t) => t.atoms.every((a) => a.kind === "symbol"))) return e;
  let sum: Expr = ZERO;
  for (const t of e.terms) {
    let p: Expr = int(t.coefficient);
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

const largest = (e: Expr): number => e.terms.reduce((m, t) => Math.max(m, Math.abs(t.coefficient)), 0);
/** Products of two non-negative expressions that share the products of symbols in the question. */
function products(cs: readonly Constraint[]): Constraint[] {
  const wanted = new Set<string>(), factors = new Set<string>(), pairs: (readonly [string, string])[] = [];
  for (const c of cs) for (const t of c.expr.terms) if (t.atoms.length > 1) {
    if (t.atoms.length === 2 && !wanted.has(t.key)) pairs.push([t.atoms[0]!.key, t.atoms[1]!.key]);
    wanted.add(t.key);
    for (const a of t.atoms) factors.add(a.key);
  }
  if (wanted.size === 0) return [];
  const candidates: Expr[] = [], seen = new Set<string>();
  const candidate = (e: Expr): void => { if (!seen.has(e.key)) { seen.add(e.key); candidates.push(e); } };
  // Nearly always a bound says so itself; else the system is asked.
  const bounded = new Set<string>();
  for (const { kind, expr: { terms } } of cs) {
    const [x, k] = terms;
    if (kind === "ge" && x && terms.length <= 2 && x.coefficient > 0 && x.atoms.length === 1 && (!k || (k.atoms.length === 0 && k.coefficient < x.coefficient))) bounded.add(x.key);
  }
  for (const f of factors) if (bounded.has(f) || linear([...cs, ge(addInt(neg(sym(f)), -1))])) candidate(sym(f));
  for (const c of cs) {
    if (c.expr.terms.some((t) => t.atoms.length > 1) || !c.expr.terms.some((t) => t.atoms.length === 1 && factors.has(t.key))) continue;
    candidate(c.expr);
    if (c.kind === "eq") candidate(neg(c.expr));
  }
  const out: Constraint[] = [];
  const scored: { e: Expr; hits: number }[] = [];
  // Candidates are linear: a product has a wanted monomial only if one has its first atom and the other its second.
  const atoms = candidates.map((e) => new Set(e.terms.flatMap((t) => (t.atoms.length === 1 ? [t.key] : []))));
  const sizes = candidates.map(largest), meets = (x: ReadonlySet<string>, y: ReadonlySet<string>): boolean => pairs.some(([a, b]) => (x.has(a) && y.has(b)) || (x.has(b) && y.has(a)));
  for (let i = 0; i < candidates.length; i++) for (let j = i; j < candidates.length; j++) {
    if (!meets(atoms[i]!, atoms[j]!)) continue;
    // A product whose numbers are no safe integers is no help.
    if (sizes[i]! * sizes[j]! * 4 > Number.MAX_SAFE_INTEGER) continue;
    const p = mul(candidates[i]!, candidates[j]!);
    let hits = 0, misses = 0;
    for (const t of p.terms) if (t.atoms.length > 1) { if (wanted.has(t.key)) hits++; else misses++; }
    if (hits > 0) scored.push({ e: p, hits: hits - misses });
  }
  scored.sort((a, b) => b.hits - a.hits);
  for (const s of scored.slice(0, MAX_PRODUCTS)) out.push(ge(s.e));
  return out;
}

/** The constraints as vectors over their monomials. */
function linear(cs: readonly Constraint[]): boolean {
  const index = new Map<string, number>();
  for (const c of cs) for (const t of c.expr.terms) if (t.atoms.length > 0 && !index.has(t.key)) index.set(t.key, index.size);
  const n = index.size, equalities: Vector[] = [], rows: Vector[] = [];
  for (const { kind, expr } of cs) {
    const c = new Array<number>(n).fill(0);
    let k = 0;
    for (const t of expr.terms) if (t.atoms.length === 0) k = t.coefficient; else c[index.get(t.key)!] = t.coefficient;
    (kind === "eq" ? equalities : rows).push({ c, k });
  }
  return contradictory(n, equalities, rows);
}
