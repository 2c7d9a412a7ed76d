/**
 * Integer and tasklet expressions as the Python text that DaCe reads. What is printed reads back (`scalars.ts`) with the same types: operands are cast where
 * C++ would choose another one.
 */
import { isComplex, isFloat, isInteger, type DType } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import type { OpName, ScalarExpr } from "../../scalar/expr.js";
import type { Atom, Expr } from "../../symbolic/expr.js";

export interface Names {
  symbol(name: string): string;
  /** A value loaded from an integer container. */
  load(data: string, index: readonly Expr[]): string;
}

/** SymPy text for memlets and ranges, or C-like Python for code. */
export function integerText(e: Expr, names: Names, code = false): string {
  if (e.terms.length === 0) return "0";
  return e.terms.map((t, i) => {
    const k = t.coefficient, factors = t.atoms.map((a) => atom(a, names, code));
    const body = factors.length === 0 ? String(Math.abs(k)) : Math.abs(k) === 1 ? factors.join("*") : `${Math.abs(k)}*${factors.join("*")}`;
    return i === 0 ? (k < 0 ? `-${body}` : body) : k < 0 ? ` - ${body}` : ` + ${body}`;
  }).join("");
}
function atom(a: Atom, n: Names, code: boolean): string {
  const text = (e: Expr): string => integerText(e, n, code);
  switch (a.kind) {
    case "symbol": return n.symbol(a.name);
    case "floordiv": return `int_floor(${text(a.a)}, ${text(a.b)})`;
    case "mod": return code ? `py_mod(dace.int64(${text(a.a)}), dace.int64(${text(a.b)}))` : `Mod(${text(a.a)}, ${text(a.b)})`;
    // Two at a time: min and max of C++ take two.
    case "min": return a.args.map(text).reduce((x, y) => `${code ? "min" : "Min"}(${x}, ${y})`);
    case "max": return a.args.map(text).reduce((x, y) => `${code ? "max" : "Max"}(${x}, ${y})`);
    case "load": return n.load(a.data, a.index);
  }
}

const INFIX: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "and", or: "or", bitand: "&", bitor: "|", bitxor: "^", shl: "<<", shr: ">>" };
const CALLS: Partial<Record<OpName, string>> = {
  sqrt: "sqrt", cbrt: "cbrt", exp: "exp", exp2: "exp2", expm1: "expm1", log: "log", log2: "log2", log10: "log10", log1p: "log1p", sin: "sin", cos: "cos", tan: "tan", asin: "asin", acos: "acos", atan: "atan",
  atan2: "atan2", sinh: "sinh", cosh: "cosh", tanh: "tanh", asinh: "asinh", acosh: "acosh", atanh: "atanh", hypot: "hypot", erf: "erf", erfc: "erfc", lgamma: "lgamma", tgamma: "tgamma", floor: "floor",
  ceil: "ceil", trunc: "trunc", round: "rint", copysign: "copysign", abs: "abs", min: "min", max: "max", isnan: "isnan", isinf: "isinf", isfinite: "isfinite", real: "real", imag: "imag", conj: "conj", reciprocal: "reciprocal", sign: "sign",
};
const COMPARES: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le", "gt", "ge"]);
const SAME: ReadonlySet<OpName> = new Set<OpName>(["real", "imag", "isnan", "isinf", "isfinite", "and", "or", "not"]);

/** Python for a tasklet expression; inputs are printed by the callback. */
export function pythonText(e: ScalarExpr, input: (index: number) => string, names: Names): string {
  const print = (x: ScalarExpr): string => {
    switch (x.kind) {
      case "const": return literal(x);
      case "input": return input(x.index);
      case "symbolic": return x.dtype === "int64" ? `(${integerText(x.expr, names, true)})` : `dace.${x.dtype}(${integerText(x.expr, names, true)})`;
      case "cast": return x.dtype === "bool" ? (x.arg.dtype === "bool" ? print(x.arg) : `(${print(x.arg)} != ${isFloat(x.arg.dtype) ? "0.0" : "0"})`) : `dace.${x.dtype}(${print(x.arg)})`;
      case "op": return operation(x);
    }
  };
  const as = (x: ScalarExpr, d: DType): string => (x.dtype === d ? print(x) : `dace.${d}(${print(x)})`);
  const operation = (x: ScalarExpr & { readonly kind: "op" }): string => {
    const d = x.dtype, args = COMPARES.has(x.op) || SAME.has(x.op) || x.op === "select" || x.op === "complex" || (x.op === "abs" && x.args.some((a) => isComplex(a.dtype))) ? x.args.map(print) : x.args.map((a) => as(a, d));
    const [a, b, c] = args as [string, string, string];
    switch (x.op) {
      case "neg": return `(-${a})`;
      case "not": return `(not ${a})`;
      case "bitnot": return d === "bool" ? `(not ${a})` : `(~${a})`;
      case "square": return `(${a} * ${a})`;
      case "fma": return `(${a} * ${b} + ${c})`;
      case "div": return isInteger(d) ? `int_floor(${a}, ${b})` : `(${a} / ${b})`;
      case "floordiv": return isInteger(d) ? `int_floor(${a}, ${b})` : `floor(${a} / ${b})`;
      // A template of one type: literals are cast too.
      case "mod": return `py_mod(${x.args.map((y, i) => (y.kind === "const" || y.kind === "symbolic" ? `dace.${d}(${args[i]!})` : args[i]!)).join(", ")})`;
      case "rem": return isInteger(d) ? `(${a} % ${b})` : `fmod(${a}, ${b})`;
      // DaCe reads ** with a literal or a name, not with a negated expression.
      case "pow": return x.args[1]!.kind === "const" ? `(${a} ** ${b})` : `pow(${a}, ${b})`;
      case "jsround": return `floor(${a} + ${as({ kind: "const", dtype: d, value: 0.5 }, d)})`;
      case "select": return `(${as(x.args[1]!, d)} if ${a} else ${as(x.args[2]!, d)})`;
      case "complex": return d === "complex128" ? `dace.complex128(${a}, ${b})` : `dace.complex64(${a}, ${b})`;
      default: break;
    }
    const infix = INFIX[x.op];
    if (infix) return `(${a} ${infix} ${b})`;
    const call = CALLS[x.op];
    if (!call) throw new DaceError("UNSUPPORTED", `${x.op} in a .sdfg file`, { hint: "DaCe has no such function" });
    return `${call}(${args.join(", ")})`;
  };
  return print(e);
}
function literal(x: ScalarExpr & { readonly kind: "const" }): string {
  if (x.dtype === "bool") return x.value ? "True" : "False";
  const number = (v: number): string => (Number.isNaN(v) ? "math.nan" : v === Infinity ? "math.inf" : v === -Infinity ? "(-math.inf)" : Object.is(v, -0) ? "(-0.0)" : v < 0 ? `(-${float(-v)})` : float(v));
  if (isComplex(x.dtype)) return `dace.${x.dtype}(${number(Number(x.value))}, ${number(x.imag ?? 0)})`;
  if (isFloat(x.dtype)) return x.dtype === "float64" ? number(Number(x.value)) : `dace.${x.dtype}(${number(Number(x.value))})`;
  const text = String(x.value), plain = text.startsWith("-") ? `(${text})` : text;
  return x.dtype === "int64" ? plain : `dace.${x.dtype}(${plain})`;
}
function float(v: number): string { const t = String(v); return /[.e]/.test(t) ? t : `${t}.0`; }
