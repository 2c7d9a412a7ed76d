/** Functions that printed JavaScript calls; each is printed where its name occurs. */
import type { Js } from "./js.js";
import { portableJs } from "./portable.js";

const HELPERS: readonly (readonly [name: string, text: string])[] = [
  ["gemm", `const gemm = (m, n, k, alpha, A, a, ar, ac, B, b, br, bc, C, c, ldc, add) => {
  const row = C instanceof Float32Array ? new Float32Array(n) : new Float64Array(n);
  for (let i = 0; i < m; i++) {
    row.fill(0);
    for (let p = 0; p < k; p++) { const x = alpha * A[a + i * ar + p * ac]; for (let j = 0, q = b + p * br; j < n; j++, q += bc) row[j] += x * B[q]; }
    for (let j = 0, q = c + i * ldc; j < n; j++, q++) C[q] = add ? C[q] + row[j] : row[j];
  }
};`],
  ["grown", "const grown = (v, n) => { const w = new v.constructor(n); w.set(v); return w; };"],
  ["rint", "const rint = (x) => { const f = Math.floor(x), d = x - f; return d < 0.5 ? (f === 0 && x < 0 ? -0 : f) : d > 0.5 ? (f === -1 ? -0 : f + 1) : f % 2 === 0 ? f : f === -1 ? -0 : f + 1; };"],
  ["fdiv", "const fdiv = (a, b) => (b === 0 ? 0 : Math.floor(a / b));"],
  ["fmod", "const fmod = (a, b) => { if (b === 0) return 0; const m = a % b; return m !== 0 && (m < 0) !== (b < 0) ? m + b : m; };"],
  ["bfdiv", "const bfdiv = (a, b) => { if (b === 0n) return 0n; const q = a / b; return a % b !== 0n && (a < 0n) !== (b < 0n) ? q - 1n : q; };"],
  ["bfmod", "const bfmod = (a, b) => { if (b === 0n) return 0n; const m = a % b; return m !== 0n && (m < 0n) !== (b < 0n) ? m + b : m; };"],
  ["bpow", "const bpow = (a, b) => { if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n; let r = 1n, x = a; for (; b > 0n; b >>= 1n) { if (b & 1n) r = BigInt.asIntN(64, r * x); x = BigInt.asIntN(64, x * x); } return r; };"],
  ["ipow", "const ipow = (a, b) => { if (b < 0) return a === 1 ? 1 : a === -1 ? (b % 2 === 0 ? 1 : -1) : 0; let r = 1, x = a; for (; b > 0; b = Math.floor(b / 2)) { if (b % 2 === 1) r = Math.imul(r, x); x = Math.imul(x, x); } return r; };"],
  ["shl", "const shl = (a, b, n) => (b < 0 || b >= n ? 0 : a << b);"],
  ["shr", "const shr = (a, b, n) => (b < 0 || b >= n ? (a < 0 ? -1 : 0) : a > 2147483647 ? a >>> b : a >> b);"],
  ["pymod", "const pymod = (a, b) => { const m = a % b; if (m === 0) return copysign(0, b); return (m < 0) !== (b < 0) ? m + b : m; };"],
  ["npfloordiv", "const npfloordiv = (a, b) => { const m = a % b; if (b === 0) return a / b; let d = (a - m) / b; if (m !== 0 && (b < 0) !== (m < 0)) d -= 1; if (d === 0) return copysign(0, a / b); const f = Math.floor(d); return d - f > 0.5 ? f + 1 : f; };"],
  // C's pow: 1 to any power and anything to the power 0 are 1, (-1)^±inf too.
  ["powr", "const powr = (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b));"],
  ["sign", "const sign = (x) => (x > 0 ? 1 : x < 0 ? -1 : x !== x ? x : 0);"],
  ["copysign", "const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));"],
  ["nmin", "const nmin = (a, b) => (a < b || a !== a ? a : b);"],
  ["nmax", "const nmax = (a, b) => (a > b || a !== a ? a : b);"],
  ["toint", "const toint = (x) => (x !== x ? 0n : x >= 9223372036854775808 ? 9223372036854775807n : x < -9223372036854775808 ? -9223372036854775808n : BigInt(Math.trunc(x)));"],
  ["low32", "const low32 = (x) => (Math.abs(x) < 9007199254740992 ? Math.trunc(x) : x !== x ? 0 : x >= 9223372036854775808 ? -1 : x < -9223372036854775808 ? 0 : Number(BigInt.asIntN(32, BigInt(Math.trunc(x)))));"],
  ["touint", "const touint = (x) => (x !== x ? 0n : x >= 18446744073709551616 ? 18446744073709551615n : x <= -9223372036854775808 ? 9223372036854775808n : BigInt.asUintN(64, BigInt(Math.trunc(x))));"],
  ["cread", "const cread = (v, i) => ({ re: v[2 * i], im: v[2 * i + 1] });"],
  ["cstore", "const cstore = (v, i, z) => { v[2 * i] = z.re; v[2 * i + 1] = z.im; };"],
  ["cround", "const cround = (z) => ({ re: Math.fround(z.re), im: Math.fround(z.im) });"],
  ["nonzero", "const nonzero = (z) => z.re !== 0 || z.im !== 0;"],
  ["mk", "const mk = (re, im) => ({ re, im });"],
  ["fail", "const fail = (code, site, value, extent) => { rt.error[0] = code; rt.error[1] = site; rt.error[2] = value; rt.error[3] = extent; return code; };"],
];
/** What a helper calls in turn. */
const NEEDS: Readonly<Record<string, readonly string[]>> = { pymod: ["copysign"], npfloordiv: ["copysign"] };

export function jsHelpers(js: Js, code: string): string {
  const portable = portableJs(js.portable, js.precision === "strict");
  const words = new Set(`${code}\n${portable}`.match(/[A-Za-z_]\w*/g));
  for (const w of [...words]) for (const n of NEEDS[w] ?? []) words.add(n);
  return [...HELPERS.filter(([name]) => words.has(name)).map(([, text]) => text), ...(portable ? [portable] : [])].join("\n");
}
