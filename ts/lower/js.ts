/** Prints JavaScript over the same graph: the backend without a compiler, and the oracle for the C++ printer. */
import { isComplex, isInteger, kindOf, type DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";
import { unsupportedDtype } from "./emit.js";
import type { Language, LoopText, Text } from "./language.js";

const INFIX: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*", div: "/", eq: "===", ne: "!==", lt: "<", le: "<=", gt: ">", ge: ">=", and: "&&", or: "||" };
const MATH: Partial<Record<OpName, string>> = {
  abs: "abs", sqrt: "sqrt", cbrt: "cbrt", exp: "exp", expm1: "expm1", log: "log", log2: "log2", log10: "log10", log1p: "log1p", sin: "sin", cos: "cos", tan: "tan", asin: "asin", acos: "acos", atan: "atan",
  atan2: "atan2", sinh: "sinh", cosh: "cosh", tanh: "tanh", asinh: "asinh", acosh: "acosh", atanh: "atanh", hypot: "hypot", floor: "floor", ceil: "ceil", trunc: "trunc", sign: "sign", min: "min", max: "max", pow: "pow",
};

/** Functions that the printed text calls besides Math's. */
export const JS_HELPERS = `const rint = (x) => { const r = Math.round(x); return Math.abs(x - Math.trunc(x)) === 0.5 && r % 2 !== 0 ? r - 1 : r; };
const fdiv = (a, b) => (b === 0 ? 0 : Math.floor(a / b)), fmod = (a, b) => { if (b === 0) return 0; const m = a % b; return m !== 0 && (m < 0) !== (b < 0) ? m + b : m; };
const pymod = (a, b) => { const m = a % b; return m !== 0 && (m < 0) !== (b < 0) ? m + b : m; };
const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));
const toint = (x) => (x !== x ? 0 : Math.trunc(x));
const wrap = (x, bits) => Number(BigInt.asIntN(bits, BigInt(x))), uwrap = (x, bits) => Number(BigInt.asUintN(bits, BigInt(x)));
const erf = (x) => { const a = Math.abs(x); if (a > 6) return Math.sign(x); if (a < 2.5) { let t = x, s = x; for (let n = 1; n < 80; n++) { t *= -x * x / n; s += t / (2 * n + 1); } return s * 2 / Math.sqrt(Math.PI); } return Math.sign(x) * (1 - erfcc(a)); };
const erfcc = (x) => { let f = 0; for (let k = 80; k > 0; k--) f = k / 2 / (x + f); return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f); };
const erfc = (x) => (x > 2.5 ? erfcc(x) : 1 - erf(x));
const lgamma = (x) => { if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lgamma(1 - x); let s = 0; while (x < 12) { s -= Math.log(x); x += 1; } const f = 1 / (x * x); return s + (x - 0.5) * Math.log(x) - x + 0.9189385332046727 + (1 / 12 - f * (1 / 360 - f * (1 / 1260 - f * (1 / 1680 - f / 1188)))) / x; };
const tgamma = (x) => { if (Number.isInteger(x) && x > 0 && x < 171) { let r = 1; for (let k = 2; k < x; k++) r *= k; return r; } return x < 0.5 ? Math.PI / (Math.sin(Math.PI * x) * tgamma(1 - x)) : Math.exp(lgamma(x)); };
const digamma = (x) => { let r = 0; if (x <= 0) { r = -Math.PI / Math.tan(Math.PI * x); x = 1 - x; } while (x < 10) { r -= 1 / x; x += 1; } const f = 1 / (x * x); return r + Math.log(x) - 0.5 / x - f * (1 / 12 - f * (1 / 120 - f * (1 / 252 - f * (1 / 240 - f * (1 / 132 - f * (691 / 32760)))))); };
const fail = (code, site, value, extent) => { rt.error[0] = code; rt.error[1] = site; rt.error[2] = value; rt.error[3] = extent; return code; };`;

export class Js implements Language {
  readonly name = "js";
  int(n: number): Text { return n < 0 ? `(${n})` : String(n); }
  floordiv(a: Text, b: Text): Text { return `fdiv(${a}, ${b})`; }
  mod(a: Text, b: Text): Text { return `fmod(${a}, ${b})`; }
  minInt(args: readonly Text[]): Text { return `Math.min(${args.join(", ")})`; }
  maxInt(args: readonly Text[]): Text { return `Math.max(${args.join(", ")})`; }

  constant(value: number | bigint | boolean, imag: number | undefined, dtype: DType): Text {
    if (isComplex(dtype)) return unsupportedDtype(dtype);
    if (dtype === "bool") return value ? "true" : "false";
    const v = dtype === "float32" ? Math.fround(Number(value)) : Number(value);
    const text = Number.isNaN(v) ? "NaN" : Object.is(v, -0) ? "-0" : String(v);
    return text.startsWith("-") ? `(${text})` : text;
  }
  fromInt(a: Text, dtype: DType): Text { return dtype === "float32" ? `Math.fround(${a})` : a; }

  op(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const [a, b, c] = args as [Text, Text, Text];
    if (isComplex(dtype) || argDtypes.some(isComplex)) return unsupportedDtype(isComplex(dtype) ? dtype : argDtypes[0]!);
    const integer = isInteger(dtype);
    const round = (t: Text): Text => (dtype === "float32" ? `Math.fround(${t})` : integer ? this.#wrap(t, dtype) : t);
    const bits = argDtypes[0] === "bool";
    switch (name) {
      case "neg": return round(`(-${a})`);
      case "not": return `(!${a})`;
      case "square": return round(`(${a} * ${a})`);
      case "reciprocal": return round(`(1 / ${a})`);
      case "floordiv": return round(integer ? `fdiv(${a}, ${b})` : `Math.floor(${a} / ${b})`);
      case "mod": return round(integer ? `fmod(${a}, ${b})` : `pymod(${a}, ${b})`);
      case "rem": return round(`(${a} % ${b})`);
      case "div": if (integer) return round(`fdiv(${a}, ${b})`); break;
      case "round": return round(`rint(${a})`);
      case "jsround": return `Math.floor(${a} + 0.5)`;
      case "exp2": return round(`Math.pow(2, ${a})`);
      case "fma": return round(`(${a} * ${b} + ${c})`);
      case "isnan": return `(${a} !== ${a})`;
      case "isinf": return `(Math.abs(${a}) === Infinity)`;
      case "isfinite": return `(Math.abs(${a}) < Infinity)`;
      case "select": return `(${a} ? ${b} : ${c})`;
      case "pow": { const k = Number(b.replace(/^\((.*)\)$/, "$1")); if (!integer && k === 2) return round(`(${a} * ${a})`); if (!integer && k === 3) return round(`(${a} * ${a} * ${a})`); break; }
      case "bitand": return bits ? `(${a} && ${b})` : this.#bit(`(BigInt(${a}) & BigInt(${b}))`, `(${a} & ${b})`, dtype);
      case "bitor": return bits ? `(${a} || ${b})` : this.#bit(`(BigInt(${a}) | BigInt(${b}))`, `(${a} | ${b})`, dtype);
      case "bitxor": return bits ? `(${a} !== ${b})` : this.#bit(`(BigInt(${a}) ^ BigInt(${b}))`, `(${a} ^ ${b})`, dtype);
      case "bitnot": return bits ? `(!${a})` : this.#bit(`(~BigInt(${a}))`, `(~${a})`, dtype);
      case "shl": return this.#bit(`(BigInt(${a}) << BigInt(${b}))`, `(${a} << ${b})`, dtype);
      case "shr": return this.#bit(`(BigInt(${a}) >> BigInt(${b}))`, `(${a} >> ${b})`, dtype);
      case "ushr": return `(${a} >>> ${b})`;
      case "erf": case "erfc": case "lgamma": case "tgamma": case "digamma": case "copysign": return round(`${name}(${args.join(", ")})`);
      default: break;
    }
    const infix = INFIX[name];
    if (infix) return round(`(${a} ${infix} ${b})`);
    const fn = MATH[name];
    if (!fn) throw new Error(`no JavaScript for ${name}`);
    return round(`Math.${fn}(${args.join(", ")})`);
  }
  /** Bits of 64-bit integers go through BigInt, narrower ones do not need it. */
  #bit(wide: Text, narrow: Text, dtype: DType): Text {
    if (dtype === "int64") return `Number(BigInt.asIntN(64, ${wide}))`;
    if (dtype === "uint64") return `Number(BigInt.asUintN(64, ${wide}))`;
    return this.#wrap(narrow, dtype);
  }
  #wrap(t: Text, dtype: DType): Text {
    switch (dtype) {
      case "int8": return `(${t} << 24 >> 24)`;
      case "int16": return `(${t} << 16 >> 16)`;
      case "int32": return `(${t} | 0)`;
      case "uint8": return `(${t} & 255)`;
      case "uint16": return `(${t} & 65535)`;
      case "uint32": return `(${t} >>> 0)`;
      default: return t;
    }
  }
  cast(a: Text, from: DType, to: DType): Text {
    if (isComplex(from) || isComplex(to)) return unsupportedDtype(to);
    if (to === "bool") return from === "bool" ? a : `(${a} !== 0)`;
    const n = from === "bool" ? `(${a} ? 1 : 0)` : a;
    if (isInteger(to)) return this.#wrap(kindOf(from) === "float" ? `toint(${n})` : n, to);
    return to === "float32" ? `Math.fround(${n})` : n;
  }
  read(buffer: Text, index: Text, dtype: DType): Text {
    const v = `${buffer}[${index}]`;
    return dtype === "bool" ? `(${v} !== 0)` : dtype === "int64" || dtype === "uint64" ? `Number(${v})` : v;
  }
  readIndex(buffer: Text, index: Text, dtype: DType): Text { return dtype === "int64" || dtype === "uint64" ? `Number(${buffer}[${index}])` : `${buffer}[${index}]`; }
  store(buffer: Text, index: Text, value: Text, dtype: DType): Text {
    const v = dtype === "bool" ? `${value} ? 1 : 0` : dtype === "int64" || dtype === "uint64" ? `BigInt(${value})` : value;
    return `${buffer}[${index}] = ${v};`;
  }
  declare(name: Text, _dtype: DType, value: Text | undefined, mutable: boolean): Text { return `${mutable ? "let" : "const"} ${name}${value === undefined ? "" : ` = ${value}`};`; }
  combine(wcr: "sum" | "prod" | "min" | "max", a: Text, b: Text, dtype: DType): Text {
    return this.op(wcr === "sum" ? "add" : wcr === "prod" ? "mul" : wcr, dtype, [a, b], [dtype, dtype]);
  }
  loopOpen(l: LoopText): readonly Text[] {
    // Bounds are evaluated once: nothing inside the loop changes them.
    const { variable: v } = l;
    return [l.down
      ? `for (let ${v} = ${l.end} - 1, ${v}e = ${l.begin}; ${v} >= ${v}e; ${v}--) {`
      : `for (let ${v} = ${l.begin}, ${v}e = ${l.end}; ${v} < ${v}e; ${v}++) {`];
  }
  whileOpen(counter: Text): readonly Text[] { return [`for (let ${counter} = 0; ; ${counter}++) {`]; }
  leaveUnless(condition: Text): Text { return `if (!(${condition})) break;`; }
  blockOpen(label: Text): Text { return `${label}: {`; }
  blockClose(): readonly Text[] { return ["}"]; }
  exit(label: Text): Text { return `break ${label};`; }
  check(index: Text, extent: Text, site: number): Text { return `if (!(${index} >= 0 && ${index} < ${extent})) return fail(2, ${site}, ${index}, ${extent});`; }
  raise(code: number, site: number): Text { return `return fail(${code}, ${site}, 0, 0);`; }
  poll(): readonly Text[] { return []; }
}
