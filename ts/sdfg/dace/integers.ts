/**
 * Symbolic integers from Python and SymPy syntax. SymPy writes exact rational arithmetic (`N/2 + 1/2`), so a value is a polynomial over a common
 * denominator until it is needed as an integer.
 */
import { DaceError } from "../../base/errors.js";
import { add, floordiv, int, load, max, min, mod, mul, neg, ONE, scale, sub, type Expr } from "../../symbolic/expr.js";
import { dotted, indices, node, nodes, parseExpression, textOf, type PyNode } from "./python.js";

export interface IntegerScope {
  /** The value of a symbol or integer scalar; undefined: not an integer (a float, or not expressible). */
  name(name: string): Expr | undefined;
  /** The container of an integer array and the index in it, for indirect access. */
  element(name: string, index: readonly Expr[]): { readonly data: string; readonly index: readonly Expr[] } | undefined;
}

/** `bottom` is positive where it is a constant. */
interface Rational { readonly top: Expr; readonly bottom: Expr }
const whole = (top: Expr): Rational => ({ top, bottom: ONE });
const isWhole = (r: Rational): boolean => r.bottom.constant === 1;
const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
function plus(a: Rational, b: Rational): Rational {
  if (a.bottom.key === b.bottom.key) return { top: add(a.top, b.top), bottom: a.bottom };
  const p = a.bottom.constant, q = b.bottom.constant;
  if (p === undefined || q === undefined) return { top: add(mul(a.top, b.bottom), mul(b.top, a.bottom)), bottom: mul(a.bottom, b.bottom) };
  const m = (p * q) / gcd(p, q);
  return { top: add(scale(a.top, m / p), scale(b.top, m / q)), bottom: int(m) };
}
const negate = (a: Rational): Rational => ({ top: neg(a.top), bottom: a.bottom });

/** Whole part, rounded down: exact where the value is an integer. */
function down(r: Rational): Expr { return isWhole(r) ? r.top : floordiv(r.top, r.bottom); }

/** The expression as a symbolic integer, or undefined where it is not one. */
export function integerOf(n: PyNode, scope: IntegerScope): Expr | undefined { const r = rational(n, scope); return r && down(r); }

/** As `integerOf`, from text; throws UNSUPPORTED naming the expression. */
export function integerText(text: string, scope: IntegerScope, what: string): Expr {
  const n = /^-?\d+$/.test(text) ? undefined : parseExpression(text);
  const e = n ? integerOf(n, scope) : int(Number(text));
  if (!e) throw new DaceError("UNSUPPORTED", `${what}: ${text.replace(/\$/g, "")} is not an integer expression that can be analysed`);
  return e;
}

function rational(n: PyNode, s: IntegerScope): Rational | undefined {
  switch (n.nodeType) {
    case "Constant": return typeof n["value"] === "number" && Number.isSafeInteger(n["value"]) ? whole(int(n["value"])) : undefined;
    case "Name": { const e = s.name(textOf(n["id"])); return e && whole(e); }
    case "UnaryOp": {
      const a = rational(node(n["operand"]), s), op = node(n["op"]).nodeType;
      return a && (op === "USub" ? negate(a) : op === "UAdd" ? a : undefined);
    }
    case "BinOp": return binary(node(n["op"]).nodeType, rational(node(n["left"]), s), rational(node(n["right"]), s));
    case "Subscript": {
      const name = dotted(node(n["value"])), at = indices(n).map((i) => integerOf(i, s));
      return name === undefined ? undefined : element(name, at, s);
    }
    case "Call": return call(n, s);
    default: return undefined;
  }
}
function element(name: string, at: readonly (Expr | undefined)[], s: IntegerScope): Rational | undefined {
  if (at.includes(undefined)) return undefined;
  const m = s.element(name, at as Expr[]);
  return m && whole(load(m.data, m.index));
}
function binary(op: string, a: Rational | undefined, b: Rational | undefined): Rational | undefined {
  if (!a || !b) return undefined;
  switch (op) {
    case "Add": return plus(a, b);
    case "Sub": return plus(a, negate(b));
    case "Mult": return { top: mul(a.top, b.top), bottom: mul(a.bottom, b.bottom) };
    case "Div": {
      if (b.top.constant === 0) return undefined;
      const top = mul(a.top, b.bottom), bottom = mul(a.bottom, b.top), k = bottom.constant;
      return k !== undefined && k < 0 ? { top: neg(top), bottom: neg(bottom) } : { top, bottom };
    }
    case "FloorDiv": return quotient(a, b);
    case "Mod": return isWhole(a) && isWhole(b) && b.top.constant !== 0 ? whole(mod(a.top, b.top)) : undefined;
    case "Pow": {
      const k = isWhole(b) ? b.top.constant : undefined;
      if (k === undefined || Math.abs(k) > 16) return undefined;
      // 8**-1
      if (k < 0) return binary("Div", whole(int(1)), binary("Pow", a, whole(int(-k))));
      let top: Expr = ONE, bottom: Expr = ONE;
      for (let i = 0; i < k; i++) { top = mul(top, a.top); bottom = mul(bottom, a.bottom); }
      return { top, bottom };
    }
    default: return undefined;
  }
}
function quotient(a: Rational, b: Rational): Rational | undefined {
  const bottom = mul(b.top, a.bottom);
  return bottom.constant === 0 ? undefined : whole(floordiv(mul(a.top, b.bottom), bottom));
}

function call(n: PyNode, s: IntegerScope): Rational | undefined {
  const name = dotted(node(n["func"]))?.replace(/^(dace|math|numpy|np|sympy|dace\.math)\./, ""), raw = nodes(n["args"]);
  if (name === undefined) return undefined;
  if (name === "Subscript") { const array = raw[0] && dotted(raw[0]); return array === undefined ? undefined : element(array, raw.slice(1).flatMap((i) => (i.nodeType === "Tuple" ? nodes(i["elts"]) : [i])).map((i) => integerOf(i, s)), s); }
  const args = raw.map((a) => rational(a, s));
  if (args.includes(undefined)) return undefined;
  const [a, b] = args as Rational[];
  switch (name) {
    case "symbol": case "int": case "int32": case "int64": case "long_long": return a && whole(down(a));
    case "int_floor": case "__int_floor": case "py_floor": case "floor_div": return a && b && quotient(a, b);
    case "int_ceil": case "__int_ceil": { const q = a && b && quotient(negate(a), b); return q && negate(q); }
    case "int8": case "int16": case "uint8": case "uint16": case "uint32": case "uint64": return a && isWhole(a) && a.top.constant !== undefined ? a : undefined;
    case "floor": return a && whole(down(a));
    case "ceiling": case "ceil": return a && whole(neg(down(negate(a))));
    case "Mod": case "py_mod": return a && b && binary("Mod", a, b);
    case "Min": case "min": return args.length > 0 ? whole(min(...(args as Rational[]).map(down))) : undefined;
    case "Max": case "max": return args.length > 0 ? whole(max(...(args as Rational[]).map(down))) : undefined;
    case "Abs": case "abs": return a && isWhole(a) ? whole(max(a.top, neg(a.top))) : undefined;
    case "Pow": return a && b && binary("Pow", a, b);
    default: return undefined;
  }
}
/** Elements in begin, begin+step, … end (inclusive). */
export function count(begin: Expr, end: Expr, step: Expr): Expr {
  const span = sub(end, begin);
  return add(step.constant === 1 ? span : floordiv(span, step), int(1));
}
