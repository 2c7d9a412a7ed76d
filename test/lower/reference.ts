/** What the functions of the scalar language are, in plain JavaScript and from their definitions: the reference for the printers' tests. */
import type { DType } from "../../ts/base/dtypes.js";
import type { OpName } from "../../ts/scalar/expr.js";

const LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];
function gamma(x: number): number {
  if (x < 0.5) return Number.isInteger(x) ? (x === 0 ? 1 / x : NaN) : Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
  if (x > 171.7) return x === Infinity ? Infinity : Infinity;
  if (Number.isInteger(x) && x < 25) { let r = 1; for (let k = 2; k < x; k++) r *= k; return r; }
  const z = x - 1, t = z + 7.5;
  const sum = LANCZOS.slice(1).reduce((s, c, i) => s + c / (z + i + 1), LANCZOS[0]!);
  return Math.sqrt(2 * Math.PI) * Math.pow(t, (z + 0.5) / 2) * Math.exp(-t) * Math.pow(t, (z + 0.5) / 2) * sum;
}
function logGamma(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (!Number.isFinite(x)) return Infinity;
  if (x <= 0 && Number.isInteger(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  if (x < 15) return Math.log(Math.abs(gamma(x)));
  let s = 0.91893853320467274 + (x - 0.5) * Math.log(x) - x;
  const b = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360];
  b.forEach((c, k) => { s += c / x ** (2 * k + 1); });
  return s;
}
function digamma(x: number): number {
  if (Number.isNaN(x) || x === -Infinity) return NaN;
  if (x === Infinity) return Infinity;
  if (x <= 0) return Number.isInteger(x) ? NaN : digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
  let s = 0;
  while (x < 20) { s -= 1 / x; x++; }
  return s + Math.log(x) - 1 / (2 * x) - 1 / (12 * x ** 2) + 1 / (120 * x ** 4) - 1 / (252 * x ** 6) + 1 / (240 * x ** 8);
}
/** Series about 0, continued fraction far out. */
function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) return 1 - erf(x);
  if (x > 30) return 0;
  let f = 0;
  for (let k = 200; k > 0; k--) f = k / 2 / (x + f);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
}
function erf(x: number): number {
  if (Math.abs(x) >= 2 || Number.isNaN(x)) return Number.isNaN(x) ? NaN : Math.sign(x) * (1 - erfc(Math.abs(x)));
  // Alternating series with compensation: sum from the small terms.
  const terms: number[] = [];
  let t = x;
  for (let n = 0; n < 60; n++) { terms.push(t / (2 * n + 1)); t *= -x * x / (n + 1); }
  return 2 / Math.sqrt(Math.PI) * terms.reverse().reduce((a, b) => a + b, 0);
}
const floorMod = (a: number, b: number): number => { const m = a % b; return m === 0 ? (Object.is(b, -0) || b < 0 ? -0 : 0) : (m < 0) !== (b < 0) ? m + b : m; };
function floorDiv(a: number, b: number): number {
  if (b === 0) return a / b;
  const m = a % b;
  let d = (a - m) / b;
  if (m !== 0 && (b < 0) !== (m < 0)) d -= 1;
  if (d === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
  const f = Math.floor(d);
  return d - f > 0.5 ? f + 1 : f;
}
function power(a: number, b: number): number { return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b); }

export function realReference(name: OpName, x: number, y = 0): number {
  switch (name) {
    case "neg": return -x;
    case "square": return x * x;
    case "reciprocal": return 1 / x;
    case "sign": return Number.isNaN(x) ? NaN : x > 0 ? 1 : x < 0 ? -1 : 0;
    case "exp2": return Math.pow(2, x);
    case "erf": return erf(x);
    case "erfc": return erfc(x);
    case "lgamma": return logGamma(x);
    case "tgamma": return Number.isNaN(x) || x === -Infinity ? NaN : gamma(x);
    case "digamma": return digamma(x);
    case "round": { const f = Math.floor(x), d = x - f; return d < 0.5 ? (f === 0 && (x < 0 || Object.is(x, -0)) ? -0 : f) : d > 0.5 ? f + 1 : Number.isFinite(x) ? (f % 2 === 0 ? f : f + 1) : x; }
    case "jsround": return Math.round(x);
    case "add": return x + y;
    case "sub": return x - y;
    case "mul": return x * y;
    case "div": return x / y;
    case "floordiv": return floorDiv(x, y);
    case "mod": return floorMod(x, y);
    case "rem": return x % y;
    case "pow": return power(x, y);
    case "min": return Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.min(x, y);
    case "max": return Number.isNaN(x) || Number.isNaN(y) ? NaN : Math.max(x, y);
    case "copysign": return y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x);
    case "eq": return Number(x === y);
    case "ne": return Number(x !== y);
    case "lt": return Number(x < y);
    case "le": return Number(x <= y);
    case "gt": return Number(x > y);
    case "ge": return Number(x >= y);
    case "isnan": return Number(Number.isNaN(x));
    case "isinf": return Number(Math.abs(x) === Infinity);
    case "isfinite": return Number(Number.isFinite(x));
    default: {
      const f = (Math as unknown as Record<string, (...a: number[]) => number>)[name];
      if (!f) throw new Error(`no reference for ${name}`);
      return f(x, y);
    }
  }
}

/** Exact integers, wrapped into the dtype. */
export function integerReference(name: OpName, dtype: DType, a: bigint, b: bigint): bigint {
  const bits = BigInt(dtype.replace(/\D/g, "")), wrap = (x: bigint): bigint => (dtype.startsWith("u") ? BigInt.asUintN(Number(bits), x) : BigInt.asIntN(Number(bits), x));
  const floor = (x: bigint, y: bigint): bigint => { const q = x / y; return x % y !== 0n && (x < 0n) !== (y < 0n) ? q - 1n : q; };
  switch (name) {
    case "neg": return wrap(-a);
    case "abs": return wrap(a < 0n ? -a : a);
    case "sign": return a > 0n ? 1n : a < 0n ? -1n : 0n;
    case "square": return wrap(a * a);
    case "bitnot": return wrap(~a);
    case "add": return wrap(a + b);
    case "sub": return wrap(a - b);
    case "mul": return wrap(a * b);
    case "floordiv": return b === 0n ? 0n : wrap(floor(a, b));
    case "mod": return b === 0n ? 0n : wrap(a - floor(a, b) * b);
    case "rem": return b === 0n ? 0n : wrap(a % b);
    case "pow": {
      if (b < 0n) return a === 1n ? 1n : a === -1n ? (b % 2n === 0n ? 1n : -1n) : 0n;
      let r = 1n;
      for (let x = a, e = b; e > 0n; e >>= 1n) { if (e & 1n) r = wrap(r * x); x = wrap(x * x); }
      return wrap(r);
    }
    case "min": return a < b ? a : b;
    case "max": return a > b ? a : b;
    case "bitand": return wrap(a & b);
    case "bitor": return wrap(a | b);
    case "bitxor": return wrap(a ^ b);
    case "shl": return b < 0n || b >= bits ? 0n : wrap(a << b);
    case "shr": return b < 0n || b >= bits ? (a < 0n ? -1n : 0n) : a >> b;
    case "eq": return BigInt(a === b);
    case "ne": return BigInt(a !== b);
    case "lt": return BigInt(a < b);
    case "le": return BigInt(a <= b);
    case "gt": return BigInt(a > b);
    case "ge": return BigInt(a >= b);
    default: throw new Error(`no reference for ${name}`);
  }
}

export type Z = readonly [number, number];
const add = (a: Z, b: Z): Z => [a[0] + b[0], a[1] + b[1]];
const mul = (a: Z, b: Z): Z => [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]];
const neg = (a: Z): Z => [-a[0], -a[1]];
const div = (a: Z, b: Z): Z => { const d = b[0] ** 2 + b[1] ** 2, n = mul(a, [b[0], -b[1]]); return [n[0] / d, n[1] / d]; };
const exp = (z: Z): Z => [Math.exp(z[0]) * Math.cos(z[1]), Math.exp(z[0]) * Math.sin(z[1])];
const log = (z: Z): Z => [Math.log(Math.hypot(...z)), Math.atan2(z[1], z[0])];
const sqrt = (z: Z): Z => { const r = Math.hypot(...z), t = Math.atan2(z[1], z[0]) / 2; return [Math.sqrt(r) * Math.cos(t), Math.sqrt(r) * Math.sin(t)]; };
const scale = (z: Z, k: number): Z => [k * z[0], k * z[1]];
const I: Z = [0, 1], ONE: Z = [1, 0];
const sinh = (z: Z): Z => scale(add(exp(z), neg(exp(neg(z)))), 0.5), cosh = (z: Z): Z => scale(add(exp(z), exp(neg(z))), 0.5);
const asinh = (z: Z): Z => log(add(z, sqrt(add(mul(z, z), ONE))));
const atanh = (z: Z): Z => scale(add(log(add(ONE, z)), neg(log(add(ONE, neg(z))))), 0.5);

/** From the exponential and the logarithm. */
export function complexReference(name: OpName, z: Z, w: Z = [0, 0]): Z {
  switch (name) {
    case "neg": return neg(z);
    case "square": return mul(z, z);
    case "reciprocal": return div(ONE, z);
    case "conj": return [z[0], -z[1]];
    case "sqrt": return sqrt(z);
    case "exp": return exp(z);
    case "log": return log(z);
    case "log2": return scale(log(z), Math.LOG2E);
    case "log10": return scale(log(z), Math.LOG10E);
    case "log1p": return log(add(ONE, z));
    case "expm1": return add(exp(z), [-1, 0]);
    case "exp2": return exp(scale(z, Math.LN2));
    case "sin": return div(add(exp(mul(I, z)), neg(exp(neg(mul(I, z))))), [0, 2]);
    case "cos": return scale(add(exp(mul(I, z)), exp(neg(mul(I, z)))), 0.5);
    case "tan": return div(complexReference("sin", z), complexReference("cos", z));
    case "sinh": return sinh(z);
    case "cosh": return cosh(z);
    case "tanh": return div(sinh(z), cosh(z));
    case "asinh": return asinh(z);
    case "asin": return mul([0, -1], asinh(mul(I, z)));
    case "acos": return add([Math.PI / 2, 0], neg(mul([0, -1], asinh(mul(I, z)))));
    case "acosh": return log(add(z, mul(sqrt(add(z, ONE)), sqrt(add(z, [-1, 0])))));
    case "atanh": return atanh(z);
    case "atan": return mul([0, -1], atanh(mul(I, z)));
    case "sign": return scale(z, 1 / Math.hypot(...z));
    case "add": return add(z, w);
    case "sub": return add(z, neg(w));
    case "mul": return mul(z, w);
    case "div": return div(z, w);
    case "pow": return exp(mul(w, log(z)));
    case "real": return [z[0], 0];
    case "imag": return [z[1], 0];
    case "abs": return [Math.hypot(...z), 0];
    case "arg": return [Math.atan2(z[1], z[0]), 0];
    default: throw new Error(`no reference for ${name}`);
  }
}
