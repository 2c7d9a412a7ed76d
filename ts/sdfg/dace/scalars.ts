/**
 * Typed tasklet expressions from Python syntax. DaCe compiles this code as C++, so the types follow C++: literals are double and int, a float next to a
 * double becomes double, an integer next to a float becomes that float, integers divide to integers, % has the sign of the dividend.
 */
import { complexOf, isComplex, isDType, isFloat, isInteger, kindOf, bytesOf, realOf, type DType } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { cast, constant, op, select, symbolic, type OpName, type ScalarExpr } from "../../scalar/expr.js";
import { add, floordiv, int, loadedContainers, max, min, mod, mul, neg, sub, type Expr } from "../../symbolic/expr.js";
import { dotted, indices, node, nodes, textOf, type PyNode } from "./python.js";

export interface Value {
  readonly code: ScalarExpr;
  /** The same as a symbolic integer, where it is one. */
  readonly int?: Expr;
  /** An integer literal: takes the type of what it meets. */
  readonly weak?: boolean;
}

export interface ScalarScope {
  /** For messages. */
  readonly where: string;
  name(name: string): Value | undefined;
  /** `name[index…]`; undefined: no such array. */
  element(name: string, index: readonly PyNode[]): Value | undefined;
  /** Evaluates an arm that is taken only where a condition holds (or, negated, does not). */
  arm?(condition: ScalarExpr, holds: boolean, f: () => Value): Value;
}

export function intValue(e: Expr): Value { return { code: symbolic(e), int: e, ...(e.constant !== undefined ? { weak: true } : {}) }; }

/** C++'s usual arithmetic conversions. */
export function common(a: DType, b: DType): DType {
  if (isComplex(a) || isComplex(b)) { const r = common(realOf(a), realOf(b)); return isFloat(r) ? complexOf(r) : isComplex(a) ? a : b; }
  if (isFloat(a) || isFloat(b)) return a === "float64" || b === "float64" ? "float64" : "float32";
  const x = promoted(a), y = promoted(b);
  if (x === y) return x;
  if (bytesOf(x) !== bytesOf(y)) return bytesOf(x) > bytesOf(y) ? x : y;
  return kindOf(x) === "uint" ? x : y;
}
function promoted(d: DType): DType { return d === "bool" || bytesOf(d) < 4 ? "int32" : d; }
export function commonOf(a: Value, b: Value): DType {
  if (a.weak && b.weak) return "int64";
  if (a.weak) return b.code.dtype === "bool" ? "int64" : isInteger(b.code.dtype) ? promoted(b.code.dtype) : b.code.dtype;
  if (b.weak) return commonOf(b, a);
  return common(a.code.dtype, b.code.dtype);
}
export function asBool(v: Value): ScalarExpr { return v.code.dtype === "bool" ? v.code : op("ne", "bool", v.code, constant(0, v.code.dtype, isComplex(v.code.dtype) ? 0 : undefined)); }

const UNARY: Readonly<Record<string, OpName>> = {
  sqrt: "sqrt", cbrt: "cbrt", exp: "exp", exp2: "exp2", expm1: "expm1", log: "log", log2: "log2", log10: "log10", log1p: "log1p", sin: "sin", cos: "cos", tan: "tan",
  asin: "asin", arcsin: "asin", acos: "acos", arccos: "acos", atan: "atan", arctan: "atan", sinh: "sinh", cosh: "cosh", tanh: "tanh", asinh: "asinh", arcsinh: "asinh",
  acosh: "acosh", arccosh: "acosh", atanh: "atanh", arctanh: "atanh", erf: "erf", erfc: "erfc", lgamma: "lgamma", gamma: "tgamma", tgamma: "tgamma",
  floor: "floor", ceil: "ceil", ceiling: "ceil", trunc: "trunc", rint: "round", nearbyint: "round", square: "square", reciprocal: "reciprocal",
};
const BINARY: Readonly<Record<string, OpName>> = { atan2: "atan2", arctan2: "atan2", hypot: "hypot", copysign: "copysign", fmod: "rem" };
const FOLDED: Readonly<Record<string, OpName>> = { min: "min", Min: "min", fmin: "min", minimum: "min", max: "max", Max: "max", fmax: "max", maximum: "max" };
const PREDICATES: Readonly<Record<string, OpName>> = { isnan: "isnan", isinf: "isinf", isfinite: "isfinite" };
const BITS: Readonly<Record<string, OpName>> = { bitwise_and: "bitand", __bitwise_and: "bitand", bitwise_or: "bitor", __bitwise_or: "bitor", bitwise_xor: "bitxor", __bitwise_xor: "bitxor", left_shift: "shl", __left_shift: "shl", right_shift: "shr", __right_shift: "shr" };
const RELATIONS: Readonly<Record<string, OpName>> = { Eq: "eq", NotEq: "ne", Ne: "ne", Lt: "lt", LtE: "le", Le: "le", Gt: "gt", GtE: "ge", Ge: "ge", Is: "eq", IsNot: "ne" };
const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, M_PI: Math.PI, e: Math.E, inf: Infinity, INFINITY: Infinity, nan: NaN, NAN: NaN };

export class ScalarReader {
  constructor(readonly scope: ScalarScope) {}

  refuse(what: string): never { throw new DaceError("UNSUPPORTED", `${what} in ${this.scope.where}`); }

  value(n: PyNode): Value {
    switch (n.nodeType) {
      case "Constant": return this.#constant(n);
      case "Name": return this.#name(textOf(n["id"]));
      case "UnaryOp": return this.#unary(node(n["op"]).nodeType, this.value(node(n["operand"])));
      case "BinOp": return this.binary(node(n["op"]).nodeType, this.value(node(n["left"])), this.value(node(n["right"])));
      case "BoolOp": return { code: nodes(n["values"]).map((v) => asBool(this.value(v))).reduce((a, b) => op(node(n["op"]).nodeType === "And" ? "and" : "or", "bool", a, b)) };
      case "Compare": {
        const operands = [node(n["left"]), ...nodes(n["comparators"])].map((x) => this.value(x));
        return { code: nodes(n["ops"]).map((o, i) => this.#compare(RELATIONS[o.nodeType] ?? this.refuse(`the comparison ${o.nodeType}`), operands[i]!, operands[i + 1]!)).reduce((a, b) => op("and", "bool", a, b)) };
      }
      case "IfExp": return this.#choice(node(n["test"]), node(n["body"]), node(n["orelse"]));
      case "Subscript": {
        const name = dotted(node(n["value"])), v = name === undefined ? undefined : this.scope.element(name, indices(n));
        return v ?? this.refuse(`the subscript of ${name ?? "an expression"}`);
      }
      case "Attribute": {
        const name = dotted(n);
        if (name === undefined) { if (n["attr"] === "real" || n["attr"] === "imag") return this.#part(n["attr"], this.value(node(n["value"]))); return this.refuse(`the attribute ${textOf(n["attr"])}`); }
        const base = node(n["value"]), own = base.nodeType === "Name" ? this.scope.name(textOf(base["id"])) : undefined;
        if (own && (n["attr"] === "real" || n["attr"] === "imag")) return this.#part(n["attr"], own);
        const c = CONSTANTS[name.split(".").at(-1)!];
        return c !== undefined && /^(math|np|numpy|dace|dace\.math)\./.test(name) ? { code: constant(c, "float64") } : this.refuse(`the name ${name}`);
      }
      case "Call": return this.#call(n);
      default: return this.refuse(`the expression ${n.nodeType}`);
    }
  }

  #constant(n: PyNode): Value {
    const v = n["value"];
    if (typeof v === "boolean" || v === "True" || v === "False") return { code: constant(v === true || v === "True", "bool") };
    if (typeof v === "number") {
      if (n["isFloat"] === true || !Number.isInteger(v)) return { code: constant(v, "float64") };
      if (!Number.isSafeInteger(v)) return { code: constant(BigInt(textOf(n["source"]).replace(/_/g, "")), "int64") };
      return intValue(int(v));
    }
    if (typeof v === "object" && v !== null && "imag" in v) { const z = v as unknown as { readonly real: number; readonly imag: number }; return { code: constant(z.real, "complex128", z.imag) }; }
    return this.refuse("a constant that is not a number");
  }
  #name(name: string): Value {
    const v = this.scope.name(name);
    if (v) return v;
    const c = CONSTANTS[name];
    if (c !== undefined && name !== "e") return { code: constant(c, "float64") };
    return name === "__undefined__" ? this.refuse("an undefined expression ($?)") : this.refuse(`the name ${name}`);
  }
  #unary(name: string, a: Value): Value {
    if (name === "Not") return { code: op("not", "bool", asBool(a)) };
    const d = a.code.dtype === "bool" ? "int32" : a.code.dtype;
    switch (name) {
      case "UAdd": return a;
      case "USub":
        if (a.code.kind === "const" && typeof a.code.value === "number" && a.code.imag === undefined) return { code: constant(-a.code.value, d), ...(a.int ? { int: neg(a.int) } : {}), ...(a.weak ? { weak: true } : {}) };
        return a.int ? this.#integer(neg(a.int), op("neg", d, cast(a.code, d)), a.weak === true) : { code: op("neg", d, cast(a.code, d)) };
      case "Invert": return isInteger(d) ? { code: op("bitnot", d, cast(a.code, d)) } : this.refuse("~ of a float");
      default: return this.refuse(`the operator ${name}`);
    }
  }
  /** An integer result: symbolic unless it depends on loaded values, which keep their reads. */
  #integer(e: Expr, code: ScalarExpr, weak: boolean): Value {
    return { code: loadedContainers(e).size === 0 ? symbolic(e) : code, int: e, ...(weak && e.constant !== undefined ? { weak: true } : {}) };
  }

  binary(name: string, a: Value, b: Value): Value {
    const d = commonOf(a, b), x = cast(a.code, d), y = cast(b.code, d), weak = a.weak === true && b.weak === true;
    const arithmetic = (o: OpName, f: (p: Expr, q: Expr) => Expr): Value => (a.int && b.int ? this.#integer(f(a.int, b.int), op(o, d, x, y), weak) : { code: op(o, d, x, y) });
    switch (name) {
      case "Add": return arithmetic("add", add);
      case "Sub": return arithmetic("sub", sub);
      case "Mult": return arithmetic("mul", mul);
      case "Div": return isInteger(d) ? this.#truncated(d, a, b, x, y) : { code: op("div", d, x, y) };
      case "FloorDiv": return isInteger(d) ? this.#truncated(d, a, b, x, y) : { code: op("floor", d, op("div", d, x, y)) };
      case "Mod":
        if (a.int?.constant !== undefined && b.int?.constant) return intValue(int(a.int.constant % b.int.constant));
        return { code: op(isInteger(d) ? "rem" : "mod", d, x, y) };
      case "Pow": return this.#power(a, b);
      case "BitAnd": case "BitOr": case "BitXor": {
        const o = name === "BitAnd" ? "bitand" : name === "BitOr" ? "bitor" : "bitxor";
        if (a.code.dtype === "bool" && b.code.dtype === "bool") return { code: op(o, "bool", a.code, b.code) };
        return isInteger(d) ? { code: op(o, d, x, y) } : this.refuse("a bit operation on floats");
      }
      case "LShift": case "RShift": return isInteger(d) ? { code: op(name === "LShift" ? "shl" : "shr", d, x, y) } : this.refuse("a shift of a float");
      default: return this.refuse(`the operator ${name}`);
    }
  }
  /** C++ division of integers drops the fraction: (a − a % b) / b is exact. */
  #truncated(d: DType, a: Value, b: Value, x: ScalarExpr, y: ScalarExpr): Value {
    const p = a.int?.constant, q = b.int?.constant;
    if (p !== undefined && q) return intValue(int(Math.trunc(p / q)));
    return { code: op("floordiv", d, op("sub", d, x, op("rem", d, x, y)), y) };
  }
  #power(a: Value, b: Value): Value {
    const k = b.int?.constant ?? (b.code.kind === "const" && !b.code.imag ? Number(b.code.value) : undefined);
    const base = a.weak ? { code: cast(a.code, "int64") } : a, d = base.code.dtype === "bool" ? "int32" : base.code.dtype;
    if (k !== undefined && Number.isInteger(k) && Math.abs(k) <= 64) {
      if (k === 0) return intValue(int(1));
      if (isInteger(d) && k < 0) return { code: op("pow", "float64", cast(base.code, "float64"), constant(k, "float64")) };
      if (a.int && k <= 8) { let e: Expr = int(1); for (let i = 0; i < k; i++) e = mul(e, a.int); return this.#integer(e, op("pow", d, cast(base.code, d), constant(k, d)), a.weak === true); }
      return { code: op("pow", d, cast(base.code, d), constant(k, d, isComplex(d) ? 0 : undefined)) };
    }
    const r = commonOf(a, b), f = isInteger(r) ? "float64" : r;
    return k === 0.5 ? { code: op("sqrt", f, cast(a.code, f)) } : { code: op("pow", f, cast(a.code, f), cast(b.code, f)) };
  }
  #compare(o: OpName, a: Value, b: Value): ScalarExpr {
    if (a.code.dtype === "bool" && b.code.dtype === "bool") return op(o, "bool", cast(a.code, "int32"), cast(b.code, "int32"));
    const d = commonOf(a, b);
    return op(o, "bool", cast(a.code, d), cast(b.code, d));
  }
  #choice(test: PyNode, then: PyNode, otherwise: PyNode): Value {
    const c = asBool(this.value(test)), arm = (n: PyNode, holds: boolean): Value => (this.scope.arm ? this.scope.arm(c, holds, () => this.value(n)) : this.value(n));
    const a = arm(then, true), b = arm(otherwise, false), d = a.code.dtype === "bool" && b.code.dtype === "bool" ? "bool" : commonOf(a, b);
    return { code: select(c, cast(a.code, d), cast(b.code, d)) };
  }
  #part(which: unknown, v: Value): Value {
    const d = realOf(v.code.dtype);
    return { code: isComplex(v.code.dtype) ? op(which === "real" ? "real" : "imag", d, v.code) : which === "real" ? v.code : constant(0, d) };
  }

  #call(n: PyNode): Value {
    const full = dotted(node(n["func"])), raw = nodes(n["args"]);
    if (full === undefined) return this.refuse("a call of an expression");
    const name = full.replace(/^(dace\.math|dace|math|numpy|np|sympy)\./, "").replace(/^dace\./, "");
    if (name === "symbol") return this.value(raw[0]!);
    if (name === "Subscript") {
      const array = raw[0] && dotted(raw[0]), v = array === undefined ? undefined : this.scope.element(array, raw.slice(1).flatMap((i) => (i.nodeType === "Tuple" ? nodes(i["elts"]) : [i])));
      return v ?? this.refuse(`the subscript of ${array ?? "an expression"}`);
    }
    if ((name === "IfExpr" || name === "ITE" || name === "where" || name === "select") && raw.length === 3) return this.#choice(raw[0]!, raw[1]!, raw[2]!);
    if (nodes(n["keywords"]).length > 0) this.refuse(`keyword arguments of ${full}`);
    const args = raw.map((a) => this.value(a)), [a, b] = args;
    const needs = (k: number): void => { if (args.length !== k) this.refuse(`${full} with ${args.length} argument${args.length === 1 ? "" : "s"}`); };
    const dtype = name === "int" ? "int64" : name === "float" ? "float64" : name === "complex" ? "complex128" : name === "bool" || name === "bool_" ? "bool" : isDType(name) ? name : undefined;
    if (dtype) {
      if (isComplex(dtype) && args.length === 2) return { code: op("complex", dtype, cast(a!.code, realOf(dtype)), cast(b!.code, realOf(dtype))) };
      needs(1);
      if (dtype === "bool") return { code: asBool(a!) };
      if (a!.weak && isFloat(dtype)) return { code: constant(a!.int!.constant!, dtype) };
      return { code: cast(a!.code, dtype), ...(a!.int && (dtype === "int64" || dtype === "int32") ? { int: a!.int } : {}) };
    }
    const float = (v: Value): ScalarExpr => cast(v.code, isInteger(v.code.dtype) || v.code.dtype === "bool" ? "float64" : v.code.dtype);
    const unary = UNARY[name];
    if (unary) {
      needs(1);
      if (unary === "square") return this.binary("Mult", a!, a!);
      const x = float(a!);
      return { code: op(unary, x.dtype, x) };
    }
    const folded = FOLDED[name];
    if (folded && args.length > 0) return args.reduce((p, q) => {
      const d = commonOf(p, q), code = op(folded, d, cast(p.code, d), cast(q.code, d));
      return p.int && q.int ? this.#integer((folded === "min" ? min : max)(p.int, q.int), code, p.weak === true && q.weak === true) : { code };
    });
    const binary = BINARY[name];
    if (binary) { needs(2); const d = common(float(a!).dtype, float(b!).dtype); return { code: op(binary, d, cast(a!.code, d), cast(b!.code, d)) }; }
    const predicate = PREDICATES[name];
    if (predicate) { needs(1); return { code: op(predicate, "bool", float(a!)) }; }
    const relation = RELATIONS[name];
    if (relation) { needs(2); return { code: this.#compare(relation, a!, b!) }; }
    const bits = BITS[name];
    if (bits) { needs(2); const d = commonOf(a!, b!); return isInteger(d) ? { code: op(bits, d, cast(a!.code, d), cast(b!.code, d)) } : this.refuse("a bit operation on floats"); }
    switch (name) {
      case "abs": case "Abs": case "fabs": {
        needs(1);
        if (a!.int) return this.#integer(max(a!.int, neg(a!.int)), op("abs", a!.code.dtype, a!.code), a!.weak === true);
        return { code: op("abs", realOf(a!.code.dtype), a!.code) };
      }
      case "sign": case "sgn": needs(1); return { code: op("sign", a!.code.dtype, a!.code) };
      case "round": { needs(1); const x = float(a!); return { code: op("mul", x.dtype, op("sign", x.dtype, x), op("floor", x.dtype, op("add", x.dtype, op("abs", x.dtype, x), constant(0.5, x.dtype)))) }; }
      case "rsqrt": { needs(1); const x = float(a!); return { code: op("reciprocal", x.dtype, op("sqrt", x.dtype, x)) }; }
      case "pow": case "Pow": case "ipow": needs(2); return this.#power(a!, b!);
      case "conj": case "conjugate": needs(1); return isComplex(a!.code.dtype) ? { code: op("conj", a!.code.dtype, a!.code) } : a!;
      case "real": case "imag": needs(1); return this.#part(name, a!);
      case "int_floor": case "__int_floor": case "py_floor": case "floor_divide": {
        needs(2);
        const d = commonOf(a!, b!), code = isInteger(d) ? op("floordiv", d, cast(a!.code, d), cast(b!.code, d)) : op("floor", d, op("div", d, cast(a!.code, d), cast(b!.code, d)));
        return a!.int && b!.int && b!.int.constant !== 0 ? this.#integer(floordiv(a!.int, b!.int), code, false) : { code };
      }
      case "int_ceil": case "__int_ceil": {
        needs(2);
        const d = commonOf(a!, b!), code = op("neg", d, op("floordiv", d, op("neg", d, cast(a!.code, d)), cast(b!.code, d)));
        return a!.int && b!.int && b!.int.constant !== 0 ? this.#integer(neg(floordiv(neg(a!.int), b!.int)), code, false) : { code };
      }
      case "Mod": case "py_mod": case "mod": case "remainder": {
        needs(2);
        const d = commonOf(a!, b!), code = op("mod", d, cast(a!.code, d), cast(b!.code, d));
        return a!.int && b!.int && b!.int.constant !== 0 ? this.#integer(mod(a!.int, b!.int), code, false) : { code };
      }
      case "And": case "Or": case "logical_and": case "logical_or": return { code: args.map(asBool).reduce((p, q) => op(/and/i.test(name) ? "and" : "or", "bool", p, q)) };
      case "Not": case "logical_not": needs(1); return { code: op("not", "bool", asBool(a!)) };
      case "logical_xor": needs(2); return { code: op("bitxor", "bool", asBool(a!), asBool(b!)) };
      case "heaviside": { needs(2); const d = common(float(a!).dtype, float(b!).dtype), x = cast(a!.code, d), zero = constant(0, d); return { code: select(op("lt", "bool", x, zero), zero, select(op("eq", "bool", x, zero), cast(b!.code, d), constant(1, d))) }; }
      default: return this.refuse(`the function ${full}`);
    }
  }
}
