/** Prints JavaScript over the same graph: the backend without a compiler, and the oracle for the C++ printer. 64-bit integers are BigInt. */
import { bytesOf, isComplex, isInteger, kindOf, type DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";
import type { Wcr } from "../sdfg/nodes.js";
import { complexFunction } from "./cpp.js";
import { hasElementary } from "./portable.js";
import type { Failure, GemmText, GrowText, Language, LoopText, Text } from "./language.js";

const INFIX: Partial<Record<OpName, string>> = { add: "+", sub: "-", mul: "*", div: "/", eq: "===", ne: "!==", lt: "<", le: "<=", gt: ">", ge: ">=", and: "&&", or: "||", bitand: "&", bitor: "|", bitxor: "^" };
const MATH: ReadonlySet<OpName> = new Set<OpName>(["abs", "sqrt", "cbrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "hypot", "floor", "ceil", "trunc", "min", "max", "pow"]);
const OWN: ReadonlySet<OpName> = new Set<OpName>(["copysign", "sign"]);
/** What Math does not have. */
const MISSING: ReadonlySet<OpName> = new Set<OpName>(["erf", "erfc", "lgamma", "tgamma"]);
const wide = (d: DType): boolean => d === "int64" || d === "uint64";

export class Js implements Language {
  readonly name = "js";
  readonly portable = new Set<string>();
  constructor(readonly precision: "default" | "strict" | "fast" = "default") {}
  int(n: number): Text { return n < 0 ? `(${n})` : String(n); }
  floordiv(a: Text, b: Text): Text { return `fdiv(${a}, ${b})`; }
  mod(a: Text, b: Text): Text { return `fmod(${a}, ${b})`; }
  minInt(args: readonly Text[]): Text { return `Math.min(${args.join(", ")})`; }
  maxInt(args: readonly Text[]): Text { return `Math.max(${args.join(", ")})`; }
  declareInt(name: Text, value: Text): Text { return `const ${name} = ${value};`; }
  toIndex(a: Text, dtype: DType): Text { return wide(dtype) ? `Number(${a})` : dtype === "bool" ? `(${a} ? 1 : 0)` : a; }

  constant(value: number | bigint | boolean, imag: number | undefined, dtype: DType): Text {
    if (isComplex(dtype)) { const part = dtype === "complex64" ? "float32" : "float64"; return `mk(${this.constant(value, undefined, part)}, ${this.constant(imag ?? 0, undefined, part)})`; }
    if (dtype === "bool") return value ? "true" : "false";
    if (wide(dtype)) { const n = typeof value === "number" ? BigInt(Math.trunc(value)) : BigInt(value); return n < 0n ? `(${n}n)` : `${n}n`; }
    const v = dtype === "float32" ? Math.fround(Number(value)) : Number(value);
    const text = Number.isNaN(v) ? "NaN" : Object.is(v, -0) ? "-0" : String(v);
    return text.startsWith("-") ? `(${text})` : text;
  }
  fromInt(a: Text, dtype: DType): Text { return isComplex(dtype) ? `mk(${a}, 0)` : wide(dtype) ? `BigInt(${a})` : dtype === "float32" ? `Math.fround(${a})` : dtype === "bool" ? `(${a} !== 0)` : this.#wrap(a, dtype); }

  op(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const of = argDtypes[name === "select" ? 1 : 0] ?? dtype;
    if (name !== "select" && (isComplex(dtype) || argDtypes.some(isComplex))) return this.#complex(name, dtype, args, argDtypes);
    const [a, b, c] = args as [Text, Text, Text], exact = isInteger(of) || of === "bool";
    switch (name) {
      case "select": return `(${a} ? ${b} : ${c})`;
      case "not": return `(!${a})`;
      case "isnan": return exact ? "false" : `(${a} !== ${a})`;
      case "isinf": return exact ? "false" : `(Math.abs(${a}) === Infinity)`;
      case "isfinite": return exact ? "true" : `(Math.abs(${a}) < Infinity)`;
      default: break;
    }
    if (dtype === "bool") {
      switch (name) {
        case "bitnot": return `(!${a})`;
        case "bitand": case "mul": case "min": return `(${a} && ${b})`;
        case "bitor": case "add": case "max": return `(${a} || ${b})`;
        case "bitxor": return `(${a} !== ${b})`;
        default: return `(${a} ${INFIX[name]} ${b})`;
      }
    }
    if (isInteger(dtype)) return wide(dtype) ? this.#wide(name, dtype, args, argDtypes) : this.#integer(name, dtype, a, b);
    return this.#real(name, dtype, args);
  }

  #real(name: OpName, dtype: DType, args: readonly Text[]): Text {
    const [a, b, c] = args as [Text, Text, Text];
    const round = (t: Text): Text => (dtype === "float32" ? `Math.fround(${t})` : t);
    switch (name) {
      case "neg": return `(-${a})`;
      case "square": return round(`(${a} * ${a})`);
      case "reciprocal": return round(`(1 / ${a})`);
      case "floordiv": return round(`npfloordiv(${a}, ${b})`);
      case "mod": return round(`pymod(${a}, ${b})`);
      case "rem": return round(`(${a} % ${b})`);
      case "round": return `rint(${a})`;
      case "jsround": return `Math.round(${a})`;
      case "fma": return dtype === "float32" ? `Math.fround(Math.fround(${a} * ${b}) + ${c})` : `(${a} * ${b} + ${c})`;
      case "min": return `nmin(${a}, ${b})`;
      case "max": return `nmax(${a}, ${b})`;
      case "digamma": this.portable.add("digamma"); return round(`digamma(${a})`);
      case "pow": {
        const k = Number(b.replace(/^\((.*)\)$/, "$1"));
        if (k === 0) return "1";
        if (k === 1) return a;
        if (k === 2) return round(`(${a} * ${a})`);
        if (this.precision !== "strict") { if (k === 3) return round(`(${a} * ${a} * ${a})`); return round(`powr(${a}, ${b})`); }
        break;
      }
      default: break;
    }
    const infix = INFIX[name];
    if (infix) return round(`(${a} ${infix} ${b})`);
    if ((this.precision === "strict" && hasElementary(name)) || MISSING.has(name)) { this.portable.add(`m_${name}`); return round(`m_${name}(${args.join(", ")})`); }
    if (name === "exp2") return round(`Math.pow(2, ${a})`);
    if (OWN.has(name)) return round(`${name}(${args.join(", ")})`);
    if (!MATH.has(name)) throw new Error(`no JavaScript for ${name} of ${dtype}`);
    return round(`Math.${name}(${args.join(", ")})`);
  }

  /** Integers of up to 32 bits are numbers. */
  #integer(name: OpName, dtype: DType, a: Text, b: Text): Text {
    const w = (t: Text): Text => this.#wrap(t, dtype), bits = 8 * bytesOf(dtype);
    switch (name) {
      case "add": case "sub": return w(`(${a} ${INFIX[name]} ${b})`);
      case "mul": return w(`Math.imul(${a}, ${b})`);
      case "bitand": case "bitor": case "bitxor": return w(`(${a} ${INFIX[name]} ${b})`);
      case "bitnot": return w(`(~${a})`);
      case "neg": return w(`(-${a})`);
      case "abs": return w(`Math.abs(${a})`);
      case "sign": return `Math.sign(${a})`;
      case "square": return w(`Math.imul(${a}, ${a})`);
      case "min": case "max": return `Math.${name}(${a}, ${b})`;
      case "div": case "floordiv": return w(`fdiv(${a}, ${b})`);
      case "mod": return w(`fmod(${a}, ${b})`);
      case "rem": return w(`(${b} === 0 ? 0 : ${a} % ${b})`);
      case "reciprocal": return w(`fdiv(1, ${a})`);
      case "pow": return w(`ipow(${a}, ${b})`);
      case "shl": return w(`shl(${a}, Number(${b}), ${bits})`);
      case "shr": return w(`shr(${a}, Number(${b}), ${bits})`);
      case "ushr": return w(`(${a} >>> ${b})`);
      case "floor": case "ceil": case "trunc": case "round": case "jsround": return a;
      default: throw new Error(`no JavaScript for ${name} of ${dtype}`);
    }
  }
  /** 64-bit integers are BigInt. */
  #wide(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const [a, b] = args.map((t, i) => (wide(argDtypes[i]!) ? t : `BigInt(${t})`)) as [Text, Text];
    const w = (t: Text): Text => `BigInt.as${dtype === "int64" ? "I" : "Ui"}ntN(64, ${t})`;
    switch (name) {
      case "add": case "sub": case "mul": case "bitand": case "bitor": case "bitxor": return w(`${a} ${INFIX[name]} ${b}`);
      case "bitnot": return w(`~${a}`);
      case "neg": return w(`-${a}`);
      case "abs": return w(`(${a} < 0n ? -${a} : ${a})`);
      case "sign": return `(${a} > 0n ? 1n : ${a} < 0n ? -1n : 0n)`;
      case "square": return w(`${a} * ${a}`);
      case "min": return `(${a} < ${b} ? ${a} : ${b})`;
      case "max": return `(${a} > ${b} ? ${a} : ${b})`;
      case "div": case "floordiv": return w(`bfdiv(${a}, ${b})`);
      case "mod": return w(`bfmod(${a}, ${b})`);
      case "rem": return w(`(${b} === 0n ? 0n : ${a} % ${b})`);
      case "reciprocal": return w(`bfdiv(1n, ${a})`);
      case "pow": return w(`bpow(${a}, ${b})`);
      case "shl": return w(`(${b} < 0n || ${b} >= 64n ? 0n : ${a} << ${b})`);
      case "shr": return w(`(${b} < 0n || ${b} >= 64n ? (${a} < 0n ? -1n : 0n) : ${a} >> ${b})`);
      case "ushr": return `BigInt(Number(BigInt.asUintN(32, ${a})) >>> Number(BigInt.asUintN(5, ${b})))`;
      case "floor": case "ceil": case "trunc": case "round": case "jsround": return a;
      default: throw new Error(`no JavaScript for ${name} of ${dtype}`);
    }
  }

  #complex(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const fit = (t: Text): Text => (dtype === "complex64" ? `cround(${t})` : dtype === "float32" ? `Math.fround(${t})` : t);
    const z = (i: number): Text => (isComplex(argDtypes[i]!) ? args[i]! : `mk(${args[i]}, 0)`);
    switch (name) {
      case "complex": return fit(`mk(${args[0]}, ${args[1]})`);
      case "real": return `${args[0]}.re`;
      case "imag": return `${args[0]}.im`;
      default: { const f = complexFunction(name); this.portable.add(f.name); const call = fit(`${f.name}(${args.map((_, i) => z(f.swap ? args.length - 1 - i : i)).join(", ")})`); return f.not ? `(!${call})` : call; }
    }
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
    if (from === to) return a;
    if (isComplex(from)) {
      if (isComplex(to)) return to === "complex64" ? `cround(${a})` : a;
      if (to === "bool") return `nonzero(${a})`;
      return this.cast(`${a}.re`, from === "complex64" ? "float32" : "float64", to);
    }
    if (isComplex(to)) return `mk(${this.cast(a, from, to === "complex64" ? "float32" : "float64")}, 0)`;
    if (to === "bool") return wide(from) ? `(${a} !== 0n)` : `(${a} !== 0)`;
    if (wide(to)) {
      if (wide(from)) return `BigInt.as${to === "int64" ? "I" : "Ui"}ntN(64, ${a})`;
      if (kindOf(from) === "float") return to === "int64" ? `toint(${a})` : `touint(${a})`;
      const n = `BigInt(${a})`;
      return to === "uint64" && kindOf(from) === "int" ? `BigInt.asUintN(64, ${n})` : n;
    }
    if (wide(from)) return isInteger(to) ? this.#wrap(`Number(BigInt.asIntN(32, ${a}))`, to) : to === "float32" ? `Math.fround(Number(${a}))` : `Number(${a})`;
    const n = from === "bool" ? `(${a} ? 1 : 0)` : a;
    // As C++ goes through the widest integer, saturating; within 2^53 the low bits are those of the number.
    if (isInteger(to)) return kindOf(from) === "float" ? this.#wrap(`low32(${n})`, to) : this.#wrap(n, to);
    return to === "float32" ? `Math.fround(${n})` : n;
  }
  read(buffer: Text, index: Text, dtype: DType): Text {
    if (isComplex(dtype)) return `cread(${buffer}, ${index})`;
    const v = `${buffer}[${index}]`;
    return dtype === "bool" ? `(${v} !== 0)` : v;
  }
  readIndex(buffer: Text, index: Text, dtype: DType): Text { return wide(dtype) ? `Number(${buffer}[${index}])` : `${buffer}[${index}]`; }
  store(buffer: Text, index: Text, value: Text, dtype: DType): Text {
    if (isComplex(dtype)) return `cstore(${buffer}, ${index}, ${value});`;
    return `${buffer}[${index}] = ${dtype === "bool" ? `${value} ? 1 : 0` : value};`;
  }
  declare(name: Text, _dtype: DType, value: Text | undefined, mutable: boolean): Text { return `${mutable ? "let" : "const"} ${name}${value === undefined ? "" : ` = ${value}`};`; }
  combine(wcr: Wcr, a: Text, b: Text, dtype: DType): Text { return this.op(wcr === "sum" ? "add" : wcr === "prod" ? "mul" : wcr, dtype, [a, b], [dtype, dtype]); }
  identity(wcr: Wcr, dtype: DType): Text {
    if (wcr === "sum" || wcr === "prod") return this.constant(wcr === "sum" ? 0 : 1, undefined, dtype);
    if (!isInteger(dtype)) return this.constant(wcr === "min" ? Infinity : -Infinity, undefined, dtype);
    const bits = BigInt(8 * bytesOf(dtype)), unsigned = kindOf(dtype) === "uint";
    return this.constant(wcr === "min" ? 2n ** (unsigned ? bits : bits - 1n) - 1n : unsigned ? 0n : -(2n ** (bits - 1n)), undefined, dtype);
  }
  loopOpen(l: LoopText): readonly Text[] {
    // Bounds are evaluated once: nothing inside the loop changes them.
    const { variable: v } = l;
    return [l.down
      ? `for (let ${v} = ${l.end} - 1, ${v}e = ${l.begin}; ${v} >= ${v}e; ${v}--) {`
      : `for (let ${v} = ${l.begin}, ${v}e = ${l.end}; ${v} < ${v}e; ${v}++) {`];
  }
  outsideOpen(v: Text, q: Text, begin: Text, low: Text, high: Text, end: Text): Text {
    return `for (let ${q} = 0; ${q} < 2; ${q}++) for (let ${v} = ${q} ? ${high} : ${begin}, ${v}e = ${q} ? ${end} : ${low}; ${v} < ${v}e; ${v}++) {`;
  }
  whileOpen(counter: Text): readonly Text[] { return [`for (let ${counter} = 0; ; ${counter}++) {`]; }
  leaveUnless(condition: Text): Text { return `if (!(${condition})) break;`; }
  blockOpen(label: Text): Text { return `${label}: {`; }
  blockClose(): readonly Text[] { return ["}"]; }
  exit(label: Text): Text { return `break ${label};`; }
  check(index: Text, extent: Text, site: number, _failure: Failure): Text { return `if (!(${index} >= 0 && ${index} < ${extent})) return fail(2, ${site}, ${index}, ${extent});`; }
  raise(code: number, site: number): Text { return `return fail(${code}, ${site}, 0, 0);`; }
  poll(): readonly Text[] { return []; }
  pollRound(): readonly Text[] { return []; }
  stripOpen(): undefined { return undefined; }
  grow(g: GrowText): Text { return `if (${g.rows} > ${g.have}) { ${g.have} = Math.max(${g.rows}, 2 * ${g.have}, 16); ${g.buffer} = grown(${g.buffer}, ${g.have} * ${g.row}${isComplex(g.dtype) ? " * 2" : ""}); }`; }
  gemm(g: GemmText): readonly Text[] {
    const [ar, ac] = g.transA ? ["1", g.lda] : [g.lda, "1"], [br, bc] = g.transB ? ["1", g.ldb] : [g.ldb, "1"];
    return [`gemm(${g.m}, ${g.n}, ${g.k}, ${this.constant(g.alpha, undefined, g.dtype)}, ${g.a}, ${g.aAt}, ${ar}, ${ac}, ${g.b}, ${g.bAt}, ${br}, ${bc}, ${g.c}, ${g.cAt}, ${g.ldc}, ${g.accumulate});`];
  }
}
