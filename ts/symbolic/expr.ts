/**
 * Integer expressions: canonical polynomials with integer coefficients over atoms. An atom is a symbol, a floor division, a
 * modulo, a minimum, a maximum, or a value loaded from an integer container. Equal polynomials have equal keys, so equality
 * of canonical forms is string equality.
 */
import { invariant } from "../base/errors.js";

export type Atom =
  | { readonly kind: "symbol"; readonly name: string; readonly key: string }
  | { readonly kind: "floordiv" | "mod"; readonly a: Expr; readonly b: Expr; readonly key: string }
  | { readonly kind: "min" | "max"; readonly args: readonly Expr[]; readonly key: string }
  /** The integer at `data[index]` when the enclosing node runs; opaque to analysis. */
  | { readonly kind: "load"; readonly data: string; readonly index: readonly Expr[]; readonly key: string };

/** A product of atoms (with repetition, sorted by key) and its integer coefficient. */
export interface Term { readonly atoms: readonly Atom[]; readonly coefficient: number; readonly key: string }

export class Expr {
  /** Sorted by `before`; no zero coefficients; the constant term has no atoms and is the last. */
  readonly terms: readonly Term[];
  // Made when they are asked for: most expressions are steps on the way to another one.
  #key: string | undefined;
  #id = 0;
  #atoms: readonly Atom[] | undefined;
  #roots: readonly string[] | undefined;
  private constructor(terms: readonly Term[]) { this.terms = terms; }
  /** Only for `ts/symbolic`: the terms are in canonical order. */
  static ofTerms(terms: readonly Term[]): Expr { return new Expr(terms); }
  get key(): string {
    return (this.#key ??= this.terms.length === 0 ? "0" : this.terms.map((t) => (t.atoms.length === 0 ? `${t.coefficient}` : t.coefficient === 1 ? t.key : `${t.coefficient}*${t.key}`)).join(" + "));
  }
  /** A number > 0 that no other expression has, in this process. Equal expressions nearly always have equal ones. */
  get id(): number { return (this.#id ||= idOf(this.key)); }
  /** Every atom once, those inside others included. */
  get atoms(): readonly Atom[] { return (this.#atoms ??= distinctAtoms(this)); }
  /** Keys of its symbols and loads, those inside other atoms included. */
  get roots(): readonly string[] { return (this.#roots ??= this.atoms.flatMap((a) => (a.kind === "symbol" || a.kind === "load" ? [a.key] : []))); }
  toString(): string { return this.key; }
  /** The value of a constant expression, or undefined. */
  get constant(): number | undefined {
    if (this.terms.length === 0) return 0;
    return this.terms.length === 1 && this.terms[0]!.atoms.length === 0 ? this.terms[0]!.coefficient : undefined;
  }
}

const IDS = new Map<string, number>(), MAX_IDS = 200_000;
let lastId = 0;
function idOf(key: string): number {
  let id = IDS.get(key);
  if (id === undefined) {
    // Forgotten keys get new numbers later; a number is never given to another key.
    if (IDS.size >= MAX_IDS) IDS.clear();
    IDS.set(key, id = ++lastId);
  }
  return id;
}

/** The order of terms: by degree, the constant last, then by key. Negative, 0 (the same product) or positive. */
function before(x: Term, y: Term): number {
  return x.atoms.length !== y.atoms.length ? y.atoms.length - x.atoms.length : x.key === y.key ? 0 : x.key < y.key ? -1 : 1;
}
function checked(coefficient: number): number {
  if (!Number.isSafeInteger(coefficient)) invariant(false, `integer coefficient out of range: ${coefficient}`);
  return coefficient;
}
const NO_ATOMS: readonly Atom[] = [];
const term = (atoms: readonly Atom[], coefficient: number): Term => ({ atoms, coefficient: checked(coefficient), key: atoms.length === 1 ? atoms[0]!.key : atoms.map((a) => a.key).join("*") });
const times = (t: Term, coefficient: number): Term => ({ atoms: t.atoms, coefficient: checked(coefficient), key: t.key });
const single = (t: Term): Expr => Expr.ofTerms(t.coefficient === 0 ? [] : [t]);
/** The expression that is one term of another. */
export function ofTerm(t: Term): Expr { return single(t); }

/** Terms in any order, products repeated. */
function collect(terms: Term[]): Expr {
  if (terms.length > 1) terms.sort(before);
  const out: Term[] = [];
  for (let i = 0; i < terms.length;) {
    let t = terms[i++]!;
    for (; i < terms.length && terms[i]!.key === t.key; i++) t = times(t, t.coefficient + terms[i]!.coefficient);
    if (t.coefficient !== 0) out.push(t);
  }
  return Expr.ofTerms(out);
}

const CONSTANTS = new Map<number, Expr>();
export function int(n: number): Expr {
  let e = CONSTANTS.get(n);
  if (!e) { e = single({ atoms: NO_ATOMS, coefficient: checked(n === 0 ? 0 : n), key: "" }); if (Math.abs(n) < 64) CONSTANTS.set(n, e); }
  return e;
}
export const ZERO = int(0), ONE = int(1);

export function ofAtom(a: Atom): Expr { return single({ atoms: [a], coefficient: 1, key: a.key }); }
const SYMBOLS = new Map<string, Expr>(), MAX_SYMBOLS = 20_000;
export function sym(name: string): Expr {
  let e = SYMBOLS.get(name);
  if (!e) {
    if (SYMBOLS.size >= MAX_SYMBOLS) SYMBOLS.clear();
    SYMBOLS.set(name, e = ofAtom({ kind: "symbol", name, key: name }));
  }
  return e;
}
export function load(data: string, index: readonly Expr[]): Expr {
  return ofAtom({ kind: "load", data, index, key: `${data}[${index.map((e) => e.key).join(", ")}]` });
}

/** a + k·b: one pass over both. */
function combine(a: Expr, b: Expr, k: number): Expr {
  const x = a.terms, y = b.terms;
  if (y.length === 0) return a;
  if (x.length === 0) return scale(b, k);
  const out: Term[] = [];
  let i = 0, j = 0;
  while (i < x.length && j < y.length) {
    const t = x[i]!, u = y[j]!, o = before(t, u);
    if (o < 0) { out.push(t); i++; continue; }
    j++;
    if (o > 0) { out.push(k === 1 ? u : times(u, k * u.coefficient)); continue; }
    i++;
    const c = t.coefficient + k * u.coefficient;
    if (c !== 0) out.push(times(t, c));
  }
  for (; i < x.length; i++) out.push(x[i]!);
  for (; j < y.length; j++) out.push(k === 1 ? y[j]! : times(y[j]!, k * y[j]!.coefficient));
  return Expr.ofTerms(out);
}
export function add(...es: readonly Expr[]): Expr {
  let sum: Expr = ZERO;
  for (const e of es) sum = combine(sum, e, 1);
  return sum;
}
export function scale(e: Expr, k: number): Expr {
  return k === 1 || e.terms.length === 0 ? e : k === 0 ? ZERO : Expr.ofTerms(e.terms.map((t) => times(t, k * t.coefficient)));
}
export function neg(e: Expr): Expr { return scale(e, -1); }
export function sub(a: Expr, b: Expr): Expr { return a === b ? ZERO : combine(a, b, -1); }
/** The atoms of two products, sorted. */
function joined(x: readonly Atom[], y: readonly Atom[]): readonly Atom[] {
  if (x.length === 0) return y;
  if (y.length === 0) return x;
  const out: Atom[] = [];
  let i = 0, j = 0;
  while (i < x.length && j < y.length) out.push(y[j]!.key < x[i]!.key ? y[j++]! : x[i++]!);
  while (i < x.length) out.push(x[i++]!);
  while (j < y.length) out.push(y[j++]!);
  return out;
}
export function mul(a: Expr, b: Expr): Expr {
  const ca = a.constant, cb = b.constant;
  if (ca !== undefined) return scale(b, ca);
  if (cb !== undefined) return scale(a, cb);
  const out: Term[] = [];
  for (const x of a.terms) for (const y of b.terms) {
    const c = x.coefficient * y.coefficient;
    out.push(x.atoms.length === 0 ? times(y, c) : y.atoms.length === 0 ? times(x, c) : term(joined(x.atoms, y.atoms), c));
  }
  return collect(out);
}
export function addInt(e: Expr, n: number): Expr { return n === 0 ? e : combine(e, int(n), 1); }

/** Greatest common divisor of all coefficients (0 for the zero expression). */
export function content(e: Expr): number {
  let g = 0;
  for (const t of e.terms) { let a = Math.abs(t.coefficient), b = g; while (b) [a, b] = [b, a % b]; g = a; }
  return g;
}

/** floor(a / b). Terms that b divides exactly are taken out; b must not be the constant 0. */
export function floordiv(a: Expr, b: Expr): Expr {
  const cb = b.constant;
  invariant(cb !== 0, "symbolic division by zero");
  if (cb === 1) return a;
  if (cb !== undefined) {
    if (cb < 0) return floordiv(neg(a), int(-cb));
    const ca = a.constant;
    if (ca !== undefined) return int(Math.floor(ca / cb));
    const whole: Term[] = [], rest: Term[] = [];
    for (const t of a.terms) {
      const q = Math.floor(t.coefficient / cb), r = t.coefficient - q * cb;
      if (q !== 0) whole.push(times(t, q));
      if (r !== 0) rest.push(times(t, r));
    }
    const r = Expr.ofTerms(rest), w = Expr.ofTerms(whole), cr = r.constant;
    if (cr !== undefined) return addInt(w, Math.floor(cr / cb));
    return add(w, ofAtom({ kind: "floordiv", a: r, b, key: `floordiv(${r.key}, ${b.key})` }));
  }
  const exact = divideExact(a, b);
  if (exact) return exact;
  return ofAtom({ kind: "floordiv", a, b, key: `floordiv(${a.key}, ${b.key})` });
}
/** a modulo b with the sign of b (Python's %). */
export function mod(a: Expr, b: Expr): Expr {
  const ca = a.constant, cb = b.constant;
  invariant(cb !== 0, "symbolic modulo by zero");
  if (ca !== undefined && cb !== undefined) return int(((ca % cb) + cb) % cb);
  if (cb !== undefined && cb > 0) {
    const r = Expr.ofTerms(a.terms.map((t) => times(t, ((t.coefficient % cb) + cb) % cb)).filter((t) => t.coefficient !== 0));
    if (r.constant !== undefined) return r;
    return ofAtom({ kind: "mod", a: r, b, key: `mod(${r.key}, ${b.key})` });
  }
  if (divideExact(a, b)) return ZERO;
  return ofAtom({ kind: "mod", a, b, key: `mod(${a.key}, ${b.key})` });
}
/** a / b where b is a single term that divides every term of a; else undefined. */
export function divideExact(a: Expr, b: Expr): Expr | undefined {
  if (a.terms.length === 0) return ZERO;
  if (a.key === b.key) return ONE;
  if (b.terms.length !== 1) return undefined;
  const d = b.terms[0]!;
  const out: Term[] = [];
  for (const t of a.terms) {
    if (t.coefficient % d.coefficient !== 0) return undefined;
    const atoms = [...t.atoms];
    for (const x of d.atoms) {
      const at = atoms.findIndex((y) => y.key === x.key);
      if (at < 0) return undefined;
      atoms.splice(at, 1);
    }
    out.push(term(atoms, t.coefficient / d.coefficient));
  }
  return collect(out);
}

function extremum(kind: "min" | "max", es: readonly Expr[]): Expr {
  const flat: Expr[] = [];
  for (const e of es) {
    const only = e.terms.length === 1 && e.terms[0]!.coefficient === 1 && e.terms[0]!.atoms.length === 1 ? e.terms[0]!.atoms[0]! : undefined;
    if (only && only.kind === kind) flat.push(...only.args); else flat.push(e);
  }
  // Expressions that differ by a constant only are compared; the best of each such class stays.
  const best = new Map<string, { rest: Expr; constant: number }>();
  for (const e of flat) {
    const c = e.terms.find((t) => t.atoms.length === 0)?.coefficient ?? 0;
    const rest = addInt(e, -c), old = best.get(rest.key);
    if (!old || (kind === "min" ? c < old.constant : c > old.constant)) best.set(rest.key, { rest, constant: c });
  }
  const args = [...best.values()].map((x) => addInt(x.rest, x.constant)).sort((x, y) => (x.key < y.key ? -1 : 1));
  if (args.length === 1) return args[0]!;
  return ofAtom({ kind, args, key: `${kind}(${args.map((e) => e.key).join(", ")})` });
}
export function min(...es: readonly Expr[]): Expr { return extremum("min", es); }
export function max(...es: readonly Expr[]): Expr { return extremum("max", es); }

export function equals(a: Expr, b: Expr): boolean { return a.key === b.key; }

/** The symbol that the expression is, or undefined. */
export function asSymbol(e: Expr): string | undefined {
  const t = e.terms[0];
  if (e.terms.length !== 1 || t!.coefficient !== 1 || t!.atoms.length !== 1) return undefined;
  const a = t!.atoms[0]!;
  return a.kind === "symbol" ? a.name : undefined;
}

/** Rebuilds an expression with each atom replaced; `f` returns undefined to rebuild the atom from its (mapped) parts. What does not change is shared. */
export function mapAtoms(e: Expr, f: (a: Atom) => Expr | undefined): Expr {
  /** Undefined: the atom stays. */
  const visit = (a: Atom): Expr | undefined => {
    const direct = f(a);
    if (direct) return direct;
    switch (a.kind) {
      case "symbol": return undefined;
      case "floordiv": case "mod": {
        const x = mapAtoms(a.a, f), y = mapAtoms(a.b, f);
        return x === a.a && y === a.b ? undefined : (a.kind === "mod" ? mod : floordiv)(x, y);
      }
      case "min": case "max": case "load": {
        const parts = a.kind === "load" ? a.index : a.args, mapped = parts.map((x) => mapAtoms(x, f));
        return mapped.every((x, i) => x === parts[i]) ? undefined : a.kind === "load" ? load(a.data, mapped) : extremum(a.kind, mapped);
      }
    }
  };
  let kept: Term[] | undefined;
  let sum: Expr = ZERO;
  e.terms.forEach((t, i) => {
    const mapped = t.atoms.map(visit);
    if (mapped.every((x) => x === undefined)) { kept?.push(t); return; }
    kept ??= e.terms.slice(0, i);
    sum = combine(sum, t.atoms.reduce<Expr>((p, a, k) => mul(p, mapped[k] ?? ofAtom(a)), int(t.coefficient)), 1);
  });
  return kept ? combine(sum, Expr.ofTerms(kept), 1) : e;
}
export function substitute(e: Expr, map: ReadonlyMap<string, Expr>): Expr {
  if (map.size === 0 || !e.atoms.some((a) => a.kind === "symbol" && map.has(a.name))) return e;
  return mapAtoms(e, (a) => (a.kind === "symbol" ? map.get(a.name) : undefined));
}

/** Calls `f` for every atom where it stands, parents first. */
export function visitAtoms(e: Expr, f: (a: Atom) => void): void {
  for (const t of e.terms) for (const a of t.atoms) {
    f(a);
    if (a.kind === "floordiv" || a.kind === "mod") { visitAtoms(a.a, f); visitAtoms(a.b, f); }
    else if (a.kind === "min" || a.kind === "max") for (const x of a.args) visitAtoms(x, f);
    else if (a.kind === "load") for (const x of a.index) visitAtoms(x, f);
  }
}
function distinctAtoms(e: Expr): readonly Atom[] {
  const out: Atom[] = [];
  const known = (a: Atom): boolean => { for (const x of out) if (x.key === a.key) return true; return false; };
  const visit = (x: Expr): void => {
    for (const t of x.terms) for (const a of t.atoms) {
      if (known(a)) continue;
      out.push(a);
      if (a.kind === "floordiv" || a.kind === "mod") { visit(a.a); visit(a.b); }
      else if (a.kind === "min" || a.kind === "max") a.args.forEach(visit);
      else if (a.kind === "load") a.index.forEach(visit);
    }
  };
  visit(e);
  return out.length === 0 ? NO_ATOMS : out;
}
export function freeSymbols(e: Expr, into: Set<string> = new Set()): Set<string> {
  for (const a of e.atoms) if (a.kind === "symbol") into.add(a.name);
  return into;
}
export function dependsOn(e: Expr, name: string): boolean { return e.atoms.some((a) => a.kind === "symbol" && a.name === name); }
/** Does it read a container? */
export function hasLoads(e: Expr): boolean { return e.atoms.some((a) => a.kind === "load"); }
/** Containers whose values the expression loads. */
export function loadedContainers(e: Expr, into: Set<string> = new Set()): Set<string> {
  for (const a of e.atoms) if (a.kind === "load") into.add(a.data);
  return into;
}

/**
 * Splits e into Σ coefficient_v · v + rest for the given variables. Undefined if e is not affine in them (a product of two of
 * them, or one inside a floor division, modulo, minimum, maximum or load). Coefficients may be symbolic.
 */
export function affine(e: Expr, variables: ReadonlySet<string>): { readonly coefficients: ReadonlyMap<string, Expr>; readonly rest: Expr } | undefined {
  const coefficients = new Map<string, Expr>();
  if (!e.atoms.some((a) => a.kind === "symbol" && variables.has(a.name))) return { coefficients, rest: e };
  const rest: Term[] = [];
  for (const t of e.terms) {
    const at = t.atoms.findIndex((a) => a.kind === "symbol" && variables.has(a.name));
    for (const [i, a] of t.atoms.entries()) {
      if (i === at) continue;
      if (a.kind === "symbol" ? variables.has(a.name) : ofAtom(a).atoms.some((x) => x.kind === "symbol" && variables.has(x.name))) return undefined;
    }
    if (at < 0) { rest.push(t); continue; }
    const v = (t.atoms[at] as { name: string }).name;
    coefficients.set(v, add(coefficients.get(v) ?? ZERO, single(term(t.atoms.filter((_, i) => i !== at), t.coefficient))));
  }
  return { coefficients, rest: Expr.ofTerms(rest) };
}

/** The value for given symbols. `loads` answers container loads. Throws on an unknown symbol. */
export function evaluate(e: Expr, env: ReadonlyMap<string, number>, loads?: (data: string, index: readonly number[]) => number): number {
  const atom = (a: Atom): number => {
    switch (a.kind) {
      case "symbol": { const v = env.get(a.name); invariant(v !== undefined, `no value for symbol ${a.name}`); return v; }
      case "floordiv": return Math.floor(evaluate(a.a, env, loads) / evaluate(a.b, env, loads));
      case "mod": { const m = evaluate(a.b, env, loads); return ((evaluate(a.a, env, loads) % m) + m) % m; }
      case "min": return Math.min(...a.args.map((x) => evaluate(x, env, loads)));
      case "max": return Math.max(...a.args.map((x) => evaluate(x, env, loads)));
      case "load": invariant(loads !== undefined, `no value for ${a.key}`); return loads(a.data, a.index.map((x) => evaluate(x, env, loads)));
    }
  };
  let sum = 0;
  for (const t of e.terms) {
    let p = t.coefficient;
    for (const a of t.atoms) p *= atom(a);
    sum += p;
  }
  return sum;
}
