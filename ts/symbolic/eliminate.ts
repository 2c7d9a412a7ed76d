/**
 * Have linear constraints over the integers no solution? Equalities are substituted, then Fourier-Motzkin elimination with integer tightening: rows are
 * divided by the gcd of their coefficients and the constant rounded down. "true" is a proof; "false" says nothing.
 *
 * Every proof of the compiler ends here, thousands of times for a program: rows are found by a number, not by text.
 */

/** `Σ c[v]·x_v + k`: zero or non-negative. */
export interface Vector { c: number[]; k: number }

const MAX_ROWS = 400;

const gcd = (a: number, b: number): number => { a = Math.abs(a); b = Math.abs(b); while (b) { const r = a % b; a = b; b = r; } return a; };

/** A row `>= 0`; of several with the same coefficients the tightest stays. `hash` is linear in the coefficients: that of the negated row is its negative. */
interface Row { readonly c: readonly number[]; k: number; readonly hash: number; next: Row | undefined }

const WEIGHTS: number[] = [];
for (let i = 0, x = 0x9e3779b9; i < 64; i++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; WEIGHTS.push(x | 1); }
function hashOf(c: readonly number[]): number {
  let h = 0;
  for (let i = 0; i < c.length; i++) { const x = c[i]!; if (x !== 0) h = (h + Math.imul(x, WEIGHTS[i & 63]!)) | 0; }
  return h;
}

class Rows {
  readonly list: Row[] = [];
  readonly #byHash = new Map<number, Row>();

  /** True if the row is a contradiction. A row that is trivially true, or whose numbers are too large, is left out. */
  put(c: number[], k: number): boolean {
    let g = 0;
    for (let i = 0; i < c.length; i++) {
      const x = c[i]!;
      if (x === 0) continue;
      if (!Number.isSafeInteger(x)) return false;
      g = gcd(g, x);
      if (g === 1) break;
    }
    if (g === 0) return k < 0;
    if (g > 1) { for (let i = 0; i < c.length; i++) c[i] = c[i]! / g; k = Math.floor(k / g); } else if (!Number.isSafeInteger(k)) return false;
    const hash = hashOf(c), first = this.#byHash.get(hash);
    for (let r = first; r; r = r.next) if (equal(r.c, c)) { if (k < r.k) r.k = k; return false; }
    const row: Row = { c, k, hash, next: first };
    this.#byHash.set(hash, row);
    this.list.push(row);
    return false;
  }
  /** A row that is in another set already. */
  keep(row: Row): void {
    const copy: Row = { c: row.c, k: row.k, hash: row.hash, next: this.#byHash.get(row.hash) };
    this.#byHash.set(row.hash, copy);
    this.list.push(copy);
  }
  /** Is there a pair  e >= l, -e >= -u  with l > u? */
  clash(): boolean {
    for (const r of this.list) {
      for (let o = this.#byHash.get(-r.hash | 0); o; o = o.next) if (r.k + o.k < 0 && opposite(o.c, r.c)) return true;
    }
    return false;
  }
}
function equal(a: readonly number[], b: readonly number[]): boolean { for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false; return true; }
function opposite(a: readonly number[], b: readonly number[]): boolean { for (let i = 0; i < a.length; i++) if (a[i] !== -b[i]!) return false; return true; }

/** Without the rows that some value of an unknown satisfies whatever the others are: those of unknowns that no row bounds from the other side. The counts are kept. */
function bounded(n: number, rows: readonly Row[], positive: number[], negative: number[]): readonly Row[] {
  let list = rows;
  for (;;) {
    const free: number[] = [];
    for (let v = 0; v < n; v++) if ((positive[v] === 0) !== (negative[v] === 0)) free.push(v);
    if (free.length === 0) return list;
    const kept: Row[] = [];
    for (const r of list) {
      let stays = true;
      for (const v of free) if (r.c[v] !== 0) { stays = false; break; }
      if (stays) { kept.push(r); continue; }
      for (let v = 0; v < n; v++) { const x = r.c[v]!; if (x > 0) positive[v]!--; else if (x < 0) negative[v]!--; }
    }
    list = kept;
  }
}

/** True only if no integers x_0 … x_(n-1) make all equalities zero and all inequalities non-negative. Uses up what it is given. */
export function contradictory(n: number, eqs: Vector[], rows: Vector[]): boolean {
  // Equalities with a unit coefficient are substituted; the others are checked by gcd and kept as two inequalities.
  while (eqs.length > 0) {
    let at = -1, v = -1;
    for (const [i, e] of eqs.entries()) {
      let g = 0;
      for (const x of e.c) g = gcd(g, x);
      if (g === 0) { if (e.k !== 0) return true; continue; }
      if (e.k % g !== 0) return true;
      if (g > 1) { e.c = e.c.map((x) => x / g); e.k /= g; }
      if (at >= 0) continue;
      const unit = e.c.findIndex((x) => x === 1 || x === -1);
      if (unit >= 0) { at = i; v = unit; }
    }
    if (at < 0) {
      for (const e of eqs) rows.push({ c: e.c, k: e.k }, { c: e.c.map((x) => -x), k: -e.k });
      break;
    }
    const [e] = eqs.splice(at, 1), s = e!.c[v]!;
    for (const r of [...eqs, ...rows]) {
      const f = r.c[v]! * s;
      if (f === 0) continue;
      // x_v = -(rest)/s with s = ±1
      for (let i = 0; i < n; i++) r.c[i] = r.c[i]! - f * e!.c[i]!;
      r.c[v] = 0;
      r.k -= f * e!.k;
    }
  }

  let current = new Rows();
  for (const r of rows) if (current.put(r.c, r.k)) return true;
  const positive = new Array<number>(n), negative = new Array<number>(n), live = new Array<boolean>(n).fill(true);
  for (;;) {
    positive.fill(0); negative.fill(0);
    for (const { c } of current.list) for (let v = 0; v < n; v++) { const x = c[v]!; if (x > 0) positive[v]!++; else if (x < 0) negative[v]!++; }
    const list = bounded(n, current.list, positive, negative);
    if (list.length === 0) return false;
    let best = -1, cost = Infinity;
    for (let v = 0; v < n; v++) {
      if (!live[v]) continue;
      const p = positive[v]!, q = negative[v]!;
      if (p + q === 0) { live[v] = false; continue; }
      const c = p * q - p - q;
      if (c < cost) { cost = c; best = v; }
    }
    if (best < 0) return false;
    live[best] = false;
    const next = new Rows(), above: Row[] = [], below: Row[] = [];
    for (const r of list) { const x = r.c[best]!; if (x > 0) above.push(r); else if (x < 0) below.push(r); else next.keep(r); }
    if (next.list.length + above.length * below.length > MAX_ROWS) return false;
    for (const p of above) for (const q of below) {
      const a = -q.c[best]!, b = p.c[best]!, g = gcd(a, b), fa = a / g, fb = b / g;
      const c = new Array<number>(n);
      for (let i = 0; i < n; i++) c[i] = fa * p.c[i]! + fb * q.c[i]!;
      if (next.put(c, fa * p.k + fb * q.k)) return true;
    }
    if (next.clash()) return true;
    current = next;
  }
}
