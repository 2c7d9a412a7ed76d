/** Lists that lose elements, objects that are taken apart and put together, typed arrays in order: against the functions themselves and differences. */
import test from "ava";
import { DaceError, jit } from "../../../ts/index.js";
import { type F, OPTIONS, register } from "./functions.js";

const X = Float64Array.of(0.62, 0.31, 0.85, 0.47, 0.13, 0.94);

const PROGRAMS: Readonly<Record<string, F>> = {
   
  median: (x) => { const s = Float64Array.from(x).sort(), n = s.length; return (s[n >> 1]! + s[(n - 1) >> 1]!) / 2; },
  stack: (x) => { const st: number[] = []; for (let i = 0; i < x.length; i++) { st.push(x[i]!); if (st.length > 2) { const b = st.pop()!, a = st.pop()!; st.push(a * b + 1); } } return st[0]! + st[st.length - 1]! * st.length; },
  window: (x) => { const w: number[] = []; let s = 0; for (const v of x) { w.push(v); if (w.length > 3) w.shift(); let m = 0; for (const u of w) m += u; s += (m / w.length) ** 2; } return s; },
  tree: (x) => { const stack = [0]; let s = 0; while (stack.length > 0) { const k = stack.pop()!; s += x[k]! * (k + 1); if (2 * k + 1 < x.length) stack.push(2 * k + 1); if (2 * k + 2 < x.length) stack.push(2 * k + 2); } return s; },
  order: (x) => { const o: Record<string, number> = { b: x[0]!, a: x[1]!, 10: x[2]!, 2: x[3]! }; let s = 0, w = 1; for (const k in o) { s += w * o[k]!; w *= 2; } return s; },
  rest: (x) => { const f = (a: number, ...r: number[]): number => a * r.length + r.reduce((p, q) => p + q, 0); return f(x[0]!) + f(x[1]!, x[2]!, x[3]!); },
  spread: (x) => { const o = { a: x[0]!, b: 2 }, p = { ...o, b: x[1]!, c: 3 }, q = { d: 5, ...p, a: 1.5 }; return p.a * p.b * p.c + q.b * q.d * q.a; },
  entries: (x) => { const p = { k1: x[0]!, k2: x[1]! }; let s = 0; for (const [k, v] of Object.entries(p)) s += k === "k1" ? v * v : 2 * v; return s + Object.values(p).length * Object.keys(p).length; },
  found: (x) => x.indexOf(x[3]!) * x[0]! + x.lastIndexOf(99) * x[1]!,
  spliced: (x) => { const a = [x[0]!, x[1]!, x[2]!, x[3]!], r = a.splice(1, 2, 5 * x[0]!); a.unshift(x[4]!); return a[0]! + a[1]! * a[2]! + r[0]! * r[1]! + a.length; },
  bodies: (x) => {
    const ps: { p: number; v: number }[] = [];
    for (let i = 0; i < 3; i++) ps.push({ p: x[i]!, v: x[i + 1]! });
    for (let t = 0; t < 4; t++) for (const a of ps) for (const b of ps) if (a !== b) a.v += 0.1 * (b.p - a.p);
    return ps[0]!.v * ps[1]!.v + ps[2]!.v;
  },
};
register(PROGRAMS, X);
test("typed arrays in order: -0 before 0, what is no number last", (t) => {
  const f = (x: Float64Array): Float64Array => { const s = new Float64Array(x); s.sort(); return s; };
  t.deepEqual(jit(f, OPTIONS)(Float64Array.of(2, NaN, 0, -0, -3, NaN, 1)), Float64Array.of(-3, -0, 0, 1, 2, NaN, NaN));
});
test("arrays whose kind is not known have no order of their own: plain ones are sorted as text", (t) => {
  const e = t.throws(() => jit((x: Float64Array) => Array.from(x, (v) => v * 100).sort()[0]!, OPTIONS)(X.slice()), { instanceOf: DaceError });
  t.regex(e.message, /sort without a function/);
});
test("properties of what is no object", (t) => {
  for (const f of [(x: Float64Array) => Object.keys(x).length, (x: Float64Array) => ({ ...x })[0]!]) {
    const e = t.throws(() => jit(f, OPTIONS)(X.slice()), { instanceOf: DaceError });
    t.regex(e.message, /(the properties|spreading) of an array/);
    t.is(e.hint, "loop over the indices");
  }
});
