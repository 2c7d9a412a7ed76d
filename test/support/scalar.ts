/**
 * An evaluator of tasklet expressions on dual numbers (value and first derivative along one direction), written from the functions' definitions and textbook
 * derivatives. Nothing is shared with the derivative table or the printers, so that it can judge them.
 */
import { isFloat, isInteger, type DType } from "../../ts/base/dtypes.js";
import type { ScalarExpr } from "../../ts/scalar/expr.js";
import type { Expr } from "../../ts/symbolic/expr.js";

/** `unset`: a copy of memory that nobody has written; any arithmetic on it is an error. */
export interface Dual { readonly v: number; readonly d: number; readonly unset?: true }
const D = (v: number, d = 0): Dual => ({ v, d: d === 0 ? 0 : d });
export const UNSET: Dual = { v: NaN, d: 0, unset: true };

/** A value as a container of that dtype holds it. */
export function stored(x: Dual, dtype: DType): Dual {
  if (x.unset) return x;
  switch (dtype) {
    case "float32": return D(Math.fround(x.v), x.d);
    case "float64": return x;
    case "bool": return D(x.v !== 0 ? 1 : 0);
    case "int8": case "int16": case "int32": case "int64": case "uint8": case "uint16": case "uint32": case "uint64": {
      const n = Number.isFinite(x.v) ? Math.trunc(x.v) : 0;
      const bits = Number(dtype.replace(/\D/g, ""));
      if (bits === 64) return D(n);
      const m = 2 ** bits, r = ((n % m) + m) % m;
      return D(dtype.startsWith("u") || r < m / 2 ? r : r - m);
    }
    default: throw new Error(`the interpreter has no ${dtype}`);
  }
}

export function evalScalar(root: ScalarExpr, read: (index: number) => Dual, integer: (e: Expr) => number): Dual {
  const memo = new Map<ScalarExpr, Dual>();
  const go = (e: ScalarExpr): Dual => {
    const known = memo.get(e);
    if (known) return known;
    let r: Dual;
    switch (e.kind) {
      case "const": r = stored(D(Number(e.value)), e.dtype); break;
      case "input": r = read(e.index); break;
      case "symbolic": r = stored(D(integer(e.expr)), e.dtype); break;
      case "cast": { const a = go(e.arg); r = isFloat(e.dtype) ? stored(a, e.dtype) : a.unset ? a : stored(D(a.v), e.dtype); break; }
      case "op": r = stored(apply(e.op, e.args.map(go), e.args.map((a) => a.dtype), e.dtype), e.dtype); break;
    }
    memo.set(e, r);
    return r;
  };
  return go(root);
}

const bool = (b: boolean): Dual => D(b ? 1 : 0);
/** f(x) with slope s. */
const chain = (x: Dual, v: number, s: number): Dual => D(v, x.d === 0 ? 0 : x.d * s);

function apply(op: string, xs: readonly Dual[], dtypes: readonly DType[], dtype: DType): Dual {
  for (const [i, x] of xs.entries()) if (x.unset && !(op === "select" && i > 0 && i !== (xs[0]!.v ? 1 : 2))) throw new Error(`${op} of a value that was never written`);
  const [a, b, c] = xs as [Dual, Dual, Dual];
  const integral = isInteger(dtype);
  switch (op) {
    case "add": return D(a.v + b.v, a.d + b.d);
    case "sub": return D(a.v - b.v, a.d - b.d);
    case "mul": return integral ? D(exactProduct(a.v, b.v)) : D(a.v * b.v, prod(a.d, b.v) + prod(a.v, b.d));
    case "div": return integral ? D(b.v === 0 ? 0 : Math.floor(a.v / b.v)) : D(a.v / b.v, prod(a.d, 1 / b.v) - prod(b.d, a.v / b.v / b.v));
    case "floordiv": return integral && b.v === 0 ? D(0) : D(Math.floor(a.v / b.v));
    case "mod": {
      if (integral && b.v === 0) return D(0);
      let m = a.v % b.v;
      if (m !== 0 && m < 0 !== b.v < 0) m += b.v;
      return D(m, a.d - prod(b.d, Math.floor(a.v / b.v)));
    }
    case "rem": return integral && b.v === 0 ? D(0) : D(a.v % b.v, a.d - prod(b.d, Math.trunc(a.v / b.v)));
    case "pow": {
      const v = a.v === 1 ? 1 : a.v ** b.v;
      const da = b.v === 0 ? 0 : prod(a.d, b.v * a.v ** (b.v - 1)), db = a.v === 0 ? 0 : prod(b.d, v * Math.log(a.v));
      return D(v, da + db);
    }
    case "neg": return D(-a.v, -a.d);
    case "abs": return D(Math.abs(a.v), prod(a.d, Math.sign(a.v)));
    case "sign": return D(Math.sign(a.v));
    case "fma": return D(a.v * b.v + c.v, prod(a.d, b.v) + prod(a.v, b.d) + c.d);
    case "min": case "max": {
      if (Number.isNaN(a.v) || Number.isNaN(b.v)) return D(NaN);
      // Kinks: half of each slope at a tie.
      if (a.v === b.v) return D(a.v, (a.d + b.d) / 2);
      return (op === "min") === a.v < b.v ? a : b;
    }
    case "square": return D(a.v * a.v, 2 * prod(a.d, a.v));
    case "reciprocal": return chain(a, 1 / a.v, -1 / (a.v * a.v));
    case "sqrt": return chain(a, Math.sqrt(a.v), 0.5 / Math.sqrt(a.v));
    case "cbrt": return chain(a, Math.cbrt(a.v), 1 / (3 * Math.cbrt(a.v) ** 2));
    case "exp": return chain(a, Math.exp(a.v), Math.exp(a.v));
    case "exp2": return chain(a, 2 ** a.v, 2 ** a.v * Math.log(2));
    case "expm1": return chain(a, Math.expm1(a.v), Math.exp(a.v));
    case "log": return chain(a, Math.log(a.v), 1 / a.v);
    case "log2": return chain(a, Math.log2(a.v), 1 / (a.v * Math.log(2)));
    case "log10": return chain(a, Math.log10(a.v), 1 / (a.v * Math.log(10)));
    case "log1p": return chain(a, Math.log1p(a.v), 1 / (1 + a.v));
    case "sin": return chain(a, Math.sin(a.v), Math.cos(a.v));
    case "cos": return chain(a, Math.cos(a.v), -Math.sin(a.v));
    case "tan": return chain(a, Math.tan(a.v), 1 / Math.cos(a.v) ** 2);
    case "asin": return chain(a, Math.asin(a.v), 1 / Math.sqrt((1 - a.v) * (1 + a.v)));
    case "acos": return chain(a, Math.acos(a.v), -1 / Math.sqrt((1 - a.v) * (1 + a.v)));
    case "atan": return chain(a, Math.atan(a.v), 1 / (1 + a.v * a.v));
    case "atan2": { const r = a.v * a.v + b.v * b.v; return D(Math.atan2(a.v, b.v), prod(a.d, b.v / r) - prod(b.d, a.v / r)); }
    case "sinh": return chain(a, Math.sinh(a.v), Math.cosh(a.v));
    case "cosh": return chain(a, Math.cosh(a.v), Math.sinh(a.v));
    case "tanh": return chain(a, Math.tanh(a.v), 1 / Math.cosh(a.v) ** 2);
    case "asinh": return chain(a, Math.asinh(a.v), 1 / Math.hypot(a.v, 1));
    case "acosh": return chain(a, Math.acosh(a.v), 1 / Math.sqrt((a.v - 1) * (a.v + 1)));
    case "atanh": return chain(a, Math.atanh(a.v), 1 / ((1 - a.v) * (1 + a.v)));
    case "hypot": { const h = Math.hypot(a.v, b.v); return D(h, h === 0 ? 0 : prod(a.d, a.v / h) + prod(b.d, b.v / h)); }
    case "floor": return D(Math.floor(a.v));
    case "ceil": return D(Math.ceil(a.v));
    case "trunc": return D(Math.trunc(a.v));
    case "round": { const f = Math.floor(a.v), r = a.v - f; return D(r < 0.5 ? f : r > 0.5 ? f + 1 : f % 2 === 0 ? f : f + 1); }
    case "jsround": return D(Math.round(a.v));
    case "copysign": { const s = (b.v < 0 || Object.is(b.v, -0)) ? -1 : 1; return D(s * Math.abs(a.v), prod(a.d, s * Math.sign(a.v))); }
    case "eq": return bool(a.v === b.v);
    case "ne": return bool(a.v !== b.v);
    case "lt": return bool(a.v < b.v);
    case "le": return bool(a.v <= b.v);
    case "gt": return bool(a.v > b.v);
    case "ge": return bool(a.v >= b.v);
    case "and": return bool(a.v !== 0 && b.v !== 0);
    case "or": return bool(a.v !== 0 || b.v !== 0);
    case "not": return bool(a.v === 0);
    case "isnan": return bool(Number.isNaN(a.v));
    case "isinf": return bool(Math.abs(a.v) === Infinity);
    case "isfinite": return bool(Number.isFinite(a.v));
    case "bitand": case "bitor": case "bitxor": {
      const x = BigInt(a.v), y = BigInt(b.v);
      return D(Number(op === "bitand" ? x & y : op === "bitor" ? x | y : x ^ y));
    }
    case "bitnot": return dtypes[0] === "bool" ? bool(a.v === 0) : D(Number(~BigInt(a.v)));
    case "shl": return D(Number(BigInt(a.v) << BigInt(b.v)));
    case "shr": return D(Number(BigInt(a.v) >> BigInt(b.v)));
    case "ushr": return D(a.v >>> b.v);
    case "select": return a.v !== 0 ? b : c;
    default: throw new Error(`the interpreter has no ${op}`);
  }
}

/** A zero direction stays zero, whatever the slope is. */
const prod = (d: number, s: number): number => (d === 0 || s === 0 ? 0 : d * s);
const exactProduct = (a: number, b: number): number => { const p = BigInt(a) * BigInt(b); return Number(BigInt.asIntN(64, p)); };
