/** Objects that loops and branches choose or replace, what is null or undefined at first, variables that closures keep: against the functions themselves and differences. */
import test from "ava";
import { DaceError, jit } from "../../../ts/index.js";
import { type F, OPTIONS, register } from "./functions.js";

const X = Float64Array.of(0.62, 0.31, 0.85, 0.47, 0.13, 0.94);
interface Best { readonly v: number; readonly i: number }

const PROGRAMS: Readonly<Record<string, F>> = {
  "variables kept by closures": (x) => { const make = (): { add: (d: number) => number; get: () => number } => { let c = 0; return { add: (d) => { c += d; return c; }, get: () => c }; }; const a = make(), b = make(); for (const v of x) { a.add(v); if (v > 0.4) b.add(v * v); } return a.get() * b.get(); },
  "a state replaced in a loop": (x) => { const step = (s: { p: number; v: number }, u: number): { p: number; v: number } => ({ p: s.p + 0.1 * s.v, v: s.v - 0.2 * s.p + u }); let s = { p: x[0]!, v: x[1]! }; for (let i = 0; i < 5; i++) s = step(s, x[2]! * i); return s.p * s.v; },
  "spread in a loop": (x) => { let s = { m: 0, v: 0, n: 0 }; for (const q of x) { s = { ...s, n: s.n + 1 }; const d = q - s.m; s = { ...s, m: s.m + d / s.n }; s = { ...s, v: s.v + d * (q - s.m) }; } return s.v / s.n; },
  "states exchanged": (x) => { let o = { a: x[0]! }, p = { a: x[1]! }; for (let i = 0; i < 3; i++) { [o, p] = [p, o]; o = { a: o.a * 2 }; } return o.a - 3 * p.a; },
  "an object reduced": (x) => { const { m, s } = x.reduce((o, v) => ({ m: o.m + v, s: o.s + v * v }), { m: 0, s: 0 }); return s - (m * m) / x.length; },
  "a pair reduced": (x) => { const [a, b] = x.reduce(([p, q], v) => [p! + v * q!, q! * 0.9 + v], [0, 1]); return a! * b!; },
  "arrays in a state": (x) => { let o = { a: new Float64Array(3), n: 0 }; for (let i = 0; i < x.length; i++) { o.a[i % 3]! += x[i]!; o = { ...o, n: o.n + 1 }; } return o.a[0]! * o.a[1]! + o.n; },
  "the best, null at first": (x) => { let best: number | null = null; for (const v of x) if (best === null || v > best) best = v; return best! * 2; },
  "the best object": (x) => { let best: Best | null = null; for (let i = 0; i < x.length; i++) if (!best || x[i]! > (best as Best).v) best = { v: x[i]!, i }; return best!.v * 2 + best!.i; },
  "objects in loops in loops": (x) => { let s = { a: 0 }, best: Best | null = null, l = [x[0]!, 1]; for (let k = 0; k < 3; k++) for (let i = 0; i < x.length; i++) { s = { a: s.a * 0.9 + x[i]! ** 2 }; l = [l[1]! * 0.5, l[0]! + x[i]!]; if (best === null || s.a > (best as Best).v) best = { v: s.a, i }; } return best!.v + s.a + l[0]! * l[1]!; },
  "never found": (x) => { let p: number | null = null; for (const v of x) if (v > 5) p = v; return p ?? x[0]! * 2; },
  "null is 0 in arithmetic": (x) => { let p: number | null = null; for (const v of x) if (v > 5) p = v; return p! * x[1]! + x[0]!; },
  "what the last iteration left": (x) => { let p: number | undefined, s = 0; for (const v of x) { s += v * (p ?? 1); p = v > 0.5 ? v : undefined; } return s; },
  "an array of the last iteration": (x) => { let prev: Float64Array | null = null, s = 0; for (let i = 0; i < 4; i++) { const cur: Float64Array = x.map((v) => v * i); if (prev) for (let j = 0; j < x.length; j++) s += cur[j]! * (prev as Float64Array)[j]!; prev = cur; } return s; },
  "a search that gives null": (x) => { const find = (t: number): number | null => { for (let i = 0; i < x.length; i++) if (x[i]! > t) return i; return null; }; const k = find(0.7), none = find(9); return (k === null ? 0 : x[k]! * 2) + (none === null ? x[1]! : 5); },
  "functions that give nothing at times": (x) => { const g = (v: number): number | undefined => { if (v > 0.5) return v; return undefined; }; const h = (t: number): number | undefined => { for (const v of x) if (v > t) return v; return undefined; }; let s = h(7) ?? 1; for (const v of x) { const r = g(v); if (r !== undefined) s += r * r; } return s; },
  "null unless a block gets to its end": (x) => { let p: number | null = null; lab: { if (x[0]! > 0.5) break lab; p = x[1]!; } return (p ?? x[2]!) * 3; },
  "a block that always assigns": (x) => { let p: number; lab: { if (x[0]! > 9) { p = x[1]!; break lab; } p = x[2]! * x[1]!; } return p * p; },
  "on one path": (x) => { let p: { a: number } | undefined; if (x[0]! > 10) p = { a: x[0]! }; return p?.a ?? x[1]!; },
};
register(PROGRAMS, X);
test("objects under two names, changed under one of them, are refused", (t) => {
  const programs: F[] = [
    (x) => { const o = { a: x[0]! }; let p = o; for (let i = 0; i < x.length; i++) { if (x[i]! > 0.5) p = { a: x[i]! }; o.a += 1; } return p.a; },
    (x) => { const o = { a: x[0]! }; let p = { a: 0 }, s = 0; for (let i = 0; i < x.length; i++) { o.a += 1; s += p.a; p = o; } return p.a + s; },
    (x) => { const o = { a: x[0]! }; let p = { a: 0 }; if (x[0]! > 0.2) p = o; o.a = 7; return p.a; },
  ];
  for (const f of programs) t.regex(t.throws(() => jit(f, OPTIONS)(X.slice()), { instanceOf: DaceError }).message, /ERR_DACE_UNSUPPORTED.*an object that/s);
});
test("a field of null and a result that is null are errors of the run", (t) => {
  const field = (x: Float64Array): number => { let b: { v: number } | null = null; for (const v of x) if (v > 9) b = { v }; return b!.v; };
  const result = (x: Float64Array): number => { let b: number | null = null; for (const v of x) if (v > 9) b = v; return b!; };
  t.regex(t.throws(() => jit(field, OPTIONS)(X.slice()), { instanceOf: DaceError }).message, /ERR_DACE_RAISED: v of null/);
  t.regex(t.throws(() => jit(result, OPTIONS)(X.slice()), { instanceOf: DaceError }).message, /ERR_DACE_RAISED: the result is null/);
});
