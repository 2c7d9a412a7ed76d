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
  /** Sorted by key; no zero coefficients; the constant term has no atoms. */
  readonly terms: readonly Term[];
  readonly key: string;
  private constructor(terms: readonly Term[]) {
    this.terms = terms;
    this.key = terms.length === 0 ? "0" : terms.map((t) => (t.atoms.length === 0 ? `${t.coefficient}` : t.coefficient === 1 ? t.key : `${t.coefficient}*${t.key}`)).join(" + ");
  }
  /** Only for this module: builds from a coefficient map. */
  static fromMap(map: ReadonlyMap<string, Term>): Expr {
    const terms = [...map.values()].filter((t) => t.coefficient !== 0);
    for (const t of terms) invariant(Number.isSafeInteger(t.coefficient), `integer coefficient out of range: ${t.coefficient}`);
    terms.sort((x, y) => (x.atoms.length !== y.atoms.length ? y.atoms.length - x.atoms.length : x.key < y.key ? -1 : 1));
    return new Expr(terms);
  }
  toString(): string { return this.key; }
  /** The value of a constant expression, or undefined. */
  get constant(): number | undefined {
    if (this.terms.length === 0) return 0;
    return this.terms.length === 1 && this.terms[0]!.atoms.length === 0 ? this.terms[0]!.coefficient : undefined;
  }
}

const term = (atoms: readonly Atom[], coefficient: number): Term => ({ atoms, coefficient, key: atoms.map((a) => a.key).join("*") });
const single = (t: Term): Expr => Expr.fromMap(new Map([[t.key, t]]));

const CONSTANTS = new Map<number, Expr>();
export function int(n: number): Expr {
  let e = CONSTANTS.get(n);
  if (!e) { e = single(term([], n)); if (Math.abs(n) < 64) CONSTANTS.set(n, e); }
  return e;
}
export const ZERO = int(0), ONE = int(1);

export function ofAtom(a: Atom): Expr { return single(term([a], 1)); }
export function sym(name: string): Expr { return ofAtom({ kind: "symbol", name, key: name }); }
export function load(data: string, index: readonly Expr[]): Expr {
  return ofAtom({ kind: "load", data, index, key: `${data}[${index.map((e) => e.key).join(", ")}]` });
}

function accumulate(map: Map<string, Term>, t: Term, factor: number): void {
  const old = map.get(t.key);
  map.set(t.key, { atoms: t.atoms, key: t.key, coefficient: (old?.coefficient ?? 0) + factor * t.coefficient });
}
export function add(...es: readonly Expr[]): Expr {
  const map = new Map<string, Term>();
  for (const e of es) for (const t of e.terms) accumulate(map, t, 1);
  return Expr.fromMap(map);
}
export function scale(e: Expr, k: number): Expr {
  if (k === 1) return e;
  const map = new Map<string, Term>();
  for (const t of e.terms) accumulate(map, t, k);
  return Expr.fromMap(map);
}
export function neg(e: Expr): Expr { return scale(e, -1); }
export function sub(a: Expr, b: Expr): Expr { return b.terms.length === 0 ? a : add(a, neg(b)); }
export function mul(a: Expr, b: Expr): Expr {
  const ca = a.constant, cb = b.constant;
  if (ca !== undefined) return scale(b, ca);
  if (cb !== undefined) return scale(a, cb);
  const map = new Map<string, Term>();
  for (const x of a.terms) for (const y of b.terms) {
    const atoms = [...x.atoms, ...y.atoms].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0));
    accumulate(map, term(atoms, x.coefficient * y.coefficient), 1);
  }
  return Expr.fromMap(map);
}
export function addInt(e: Expr, n: number): Expr { return n === 0 ? e : add(e, int(n)); }

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
    const whole = new Map<string, Term>(), rest = new Map<string, Term>();
    for (const t of a.terms) {
      const q = Math.floor(t.coefficient / cb), r = t.coefficient - q * cb;
      if (q !== 0) accumulate(whole, { ...t, coefficient: q }, 1);
      if (r !== 0) accumulate(rest, { ...t, coefficient: r }, 1);
    }
    const r = Expr.fromMap(rest), w = Expr.fromMap(whole), cr = r.constant;
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
    const map = new Map<string, Term>();
    for (const t of a.terms) accumulate(map, { ...t, coefficient: ((t.coefficient % cb) + cb) % cb }, 1);
    const r = Expr.fromMap(map);
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
  const map = new Map<string, Term>();
  for (const t of a.terms) {
    if (t.coefficient % d.coefficient !== 0) return undefined;
    const atoms = [...t.atoms];
    for (const x of d.atoms) {
      const at = atoms.findIndex((y) => y.key === x.key);
      if (at < 0) return undefined;
      atoms.splice(at, 1);
    }
    accumulate(map, term(atoms, t.coefficient / d.coefficient), 1);
  }
  return Expr.fromMap(map);
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

/** Rebuilds an expression with each atom replaced; `f` returns undefined to rebuild the atom from its (mapped) parts. */
export function mapAtoms(e: Expr, f: (a: Atom) => Expr | undefined): Expr {
  const visit = (a: Atom): Expr => {
    const direct = f(a);
    if (direct) return direct;
    switch (a.kind) {
      case "symbol": return ofAtom(a);
      case "floordiv": return floordiv(mapAtoms(a.a, f), mapAtoms(a.b, f));
      case "mod": return mod(mapAtoms(a.a, f), mapAtoms(a.b, f));
      case "min": return min(...a.args.map((x) => mapAtoms(x, f)));
      case "max": return max(...a.args.map((x) => mapAtoms(x, f)));
      case "load": return load(a.data, a.index.map((x) => mapAtoms(x, f)));
    }
  };
  let sum: Expr = ZERO;
  for (const t of e.terms) {
    let product = int(t.coefficient);
    for (const a of t.atoms) product = mul(product, visit(a));
    sum = add(sum, product);
  }
  return sum;
}
export function substitute(e: Expr, map: ReadonlyMap<string, Expr>): Expr {
  if (map.size === 0 || e.constant !== undefined) return e;
  return mapAtoms(e, (a) => (a.kind === "symbol" ? map.get(a.name) : undefined));
}

export function visitAtoms(e: Expr, f: (a: Atom) => void): void {
  for (const t of e.terms) for (const a of t.atoms) {
    f(a);
    if (a.kind === "floordiv" || a.kind === "mod") { visitAtoms(a.a, f); visitAtoms(a.b, f); }
    else if (a.kind === "min" || a.kind === "max") for (const x of a.args) visitAtoms(x, f);
    else if (a.kind === "load") for (const x of a.index) visitAtoms(x, f);
  }
}
export function freeSymbols(e: Expr, into: Set<string> = new Set()): Set<string> {
  visitAtoms(e, (a) => { if (a.kind === "symbol") into.add(a.name); });
  return into;
}
export function dependsOn(e: Expr, name: string): boolean {
  let found = false;
  visitAtoms(e, (a) => { if (a.kind === "symbol" && a.name === name) found = true; });
  return found;
}
/** Containers whose values the expression loads. */
export function loadedContainers(e: Expr, into: Set<string> = new Set()): Set<string> {
  visitAtoms(e, (a) => { if (a.kind === "load") into.add(a.data); });
  return into;
}

/**
 * Splits e into Σ coefficient_v · v + rest for the given variables. Undefined if e is not affine in them (a product of two of
 * them, or one inside a floor division, modulo, minimum, maximum or load). Coefficients may be symbolic.
 */
export function affine(e: Expr, variables: ReadonlySet<string>): { readonly coefficients: ReadonlyMap<string, Expr>; readonly rest: Expr } | undefined {
  const coefficients = new Map<string, Expr>();
  const rest = new Map<string, Term>();
  for (const t of e.terms) {
    const at = t.atoms.findIndex((a) => a.kind === "symbol" && variables.has(a.name));
    const others = t.atoms.filter((_, i) => i !== at);
    for (const a of others) {
      if (a.kind === "symbol") { if (variables.has(a.name)) return undefined; continue; }
      let bad = false;
      visitAtoms(ofAtom(a), (x) => { if (x.kind === "symbol" && variables.has(x.name)) bad = true; });
      if (bad) return undefined;
    }
    if (at < 0) { accumulate(rest, t, 1); continue; }
    const v = (t.atoms[at] as { name: string }).name;
    coefficients.set(v, add(coefficients.get(v) ?? ZERO, single(term(others, t.coefficient))));
  }
  for (const [v, c] of coefficients) if (c.terms.length === 0) coefficients.delete(v);
  return { coefficients, rest: Expr.fromMap(rest) };
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
