/** Prints C++: header-free, identifiers of our own, numbers from values. */
import { isComplex, isInteger, kindOf, bytesOf, type DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";
import type { Wcr } from "../sdfg/nodes.js";
import { cppStorage, cppType } from "./cpp-types.js";
import { hasElementary } from "./portable.js";
import type { Failure, GemmText, GrowText, Language, LoopText, Text } from "./language.js";

const INFIX: Partial<Record<OpName, string>> = {
  add: "+", sub: "-", mul: "*", div: "/", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "&&", or: "||", bitand: "&", bitor: "|", bitxor: "^",
};
const BUILTIN: Partial<Record<OpName, string>> = { sqrt: "sqrt", floor: "floor", ceil: "ceil", trunc: "trunc", round: "rint", copysign: "copysign", rem: "fmod", fma: "fma" };
/** Functions of libm that have a vector variant in glibc. */
export const VECTOR_MATH: ReadonlySet<string> = new Set(["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "hypot", "pow", "erf", "erfc"]);
const LIBM: ReadonlySet<string> = new Set([...VECTOR_MATH, "lgamma", "tgamma"]);
const UNSIGNED: Partial<Record<DType, string>> = { int64: "u64", uint64: "u64" };

export class Cpp implements Language {
  readonly name = "cpp";
  /** libm functions that the code calls, for the preamble. */
  readonly called = new Set<string>();
  /** Functions of `portable.ts`. */
  readonly portable = new Set<string>();
  gemmUsed = false;
  constructor(readonly precision: "default" | "strict" | "fast", readonly vectorMath = true) {}

  int(n: number): Text { return String(n); }
  floordiv(a: Text, b: Text): Text { return `floordiv<i64>(${a}, ${b})`; }
  mod(a: Text, b: Text): Text { return `floormod<i64>(${a}, ${b})`; }
  minInt(args: readonly Text[]): Text { return args.reduce((x, y) => `imin<i64>(${x}, ${y})`); }
  maxInt(args: readonly Text[]): Text { return args.reduce((x, y) => `imax<i64>(${x}, ${y})`); }
  declareInt(name: Text, value: Text): Text { return `const i64 ${name} = ${value};`; }
  toIndex(a: Text): Text { return `i64(${a})`; }

  constant(value: number | bigint | boolean, imag: number | undefined, dtype: DType): Text {
    if (isComplex(dtype)) { const part = this.constant(value, undefined, "float64"), other = this.constant(imag ?? 0, undefined, "float64"); return dtype === "complex64" ? `c64{float(${part}), float(${other})}` : `mk(${part}, ${other})`; }
    if (dtype === "bool") return value ? "true" : "false";
    if (typeof value === "bigint" || isInteger(dtype)) {
      const n = typeof value === "number" ? BigInt(Math.trunc(value)) : BigInt(value);
      return n === -(2n ** 63n) ? "(-9223372036854775807ll - 1)" : dtype === "uint64" ? `${n}ull` : dtype === "int64" ? `i64(${n}ll)` : `${cppType(dtype)}(${n})`;
    }
    const v = Number(value), f = dtype === "float32" ? "f" : "";
    if (Number.isNaN(v)) return `__builtin_nan${f}("")`;
    if (!Number.isFinite(v)) return v < 0 ? `(-__builtin_inf${f}())` : `__builtin_inf${f}()`;
    const text = Object.is(v, -0) ? "-0.0" : Number.isInteger(v) && Math.abs(v) < 1e15 ? `${v}.0` : String(v);
    // The compiler must round a literal as JavaScript does.
    if (f && !Object.is(Math.fround(v), v)) return `float(${v < 0 ? `(${text})` : text})`;
    return v < 0 || Object.is(v, -0) ? `(${text}${f})` : `${text}${f}`;
  }
  fromInt(a: Text, dtype: DType): Text { return dtype === "int64" ? (/^\w+$/.test(a) && !/^\d/.test(a) ? a : `i64(${a})`) : isComplex(dtype) ? this.cast(`double(${a})`, "float64", dtype) : `${cppType(dtype)}(${a})`; }

  op(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const of = argDtypes[name === "select" ? 1 : 0] ?? dtype;
    if (name !== "select" && (isComplex(dtype) || argDtypes.some(isComplex))) return this.#complex(name, dtype, args, argDtypes);
    const [a, b, c] = args as [Text, Text, Text];
    switch (name) {
      case "select": return `(${a} ? ${b} : ${c})`;
      case "not": return `(!${a})`;
      case "isnan": return isInteger(of) || of === "bool" ? "false" : `(${a} != ${a})`;
      case "isinf": return isInteger(of) || of === "bool" ? "false" : `(__builtin_fabs(${a}) == __builtin_inf())`;
      case "isfinite": return isInteger(of) || of === "bool" ? "true" : `(__builtin_fabs(${a}) < __builtin_inf())`;
      default: break;
    }
    if (dtype === "bool") {
      if (name === "bitnot") return `(!${a})`;
      if (name === "bitand" || name === "bitor" || name === "bitxor") return `bool(${a} ${INFIX[name]} ${b})`;
      if (name === "add" || name === "max") return `(${a} || ${b})`;
      if (name === "mul" || name === "min") return `(${a} && ${b})`;
      return `(${a} ${INFIX[name]} ${b})`;
    }
    if (isInteger(dtype)) return this.#integer(name, dtype, a, b);
    return this.#real(name, dtype, args);
  }

  #real(name: OpName, dtype: DType, args: readonly Text[]): Text {
    const [a, b] = args as [Text, Text], single = dtype === "float32", f = single ? "f" : "", type = cppType(dtype);
    switch (name) {
      case "neg": return `(-${a})`;
      case "abs": return `__builtin_fabs${f}(${a})`;
      case "sign": return `sign<${type}>(${a})`;
      case "square": return `sq<${type}>(${a})`;
      case "reciprocal": return `(1.0${f} / ${a})`;
      case "min": return `fmin_<${type}>(${a}, ${b})`;
      case "max": return `fmax_<${type}>(${a}, ${b})`;
      case "floordiv": return single ? `float(npfloordiv(${a}, ${b}))` : `npfloordiv(${a}, ${b})`;
      case "mod": return single ? `float(pymod(${a}, ${b}))` : `pymod(${a}, ${b})`;
      case "jsround": return single ? `float(jsround(${a}))` : `jsround(${a})`;
      case "digamma": this.portable.add("digamma"); return single ? `float(digamma(${a}))` : `digamma(${a})`;
      case "fma": if (this.precision === "strict") return `(${a} * ${b} + ${args[2]})`; break;
      case "pow": {
        const k = Number(b.replace(/^\((.*)\)$/, "$1").replace(/f$/, ""));
        if (k === 0) return single ? "1.0f" : "1.0";
        if (k === 1) return a;
        if (k === 2) return `sq<${type}>(${a})`;
        if (this.precision !== "strict") {
          if (k === 0.5) return `__builtin_sqrt${f}(${a})`;
          if (k === -1) return `(1.0${f} / ${a})`;
          if (k === -2) return `(1.0${f} / sq<${type}>(${a}))`;
          if (Number.isInteger(k) && k >= 3 && k <= 16) return `powi<${k}, ${type}>(${a})`;
        }
        break;
      }
      default: break;
    }
    const infix = INFIX[name];
    if (infix) return `(${a} ${infix} ${b})`;
    const builtin = BUILTIN[name];
    if (builtin) return `__builtin_${builtin}${f}(${args.join(", ")})`;
    if (this.precision === "strict" && hasElementary(name)) {
      this.portable.add(`m_${name}`);
      return single ? `float(m_${name}(${args.map((x) => `double(${x})`).join(", ")}))` : `m_${name}(${args.join(", ")})`;
    }
    if (LIBM.has(name)) { this.called.add(`${name}${f}`); return `${name}${f}(${args.join(", ")})`; }
    throw new Error(`no C++ for ${name} of ${dtype}`);
  }

  /** Arithmetic wraps, as NumPy's does; what is undefined in C++ goes through the unsigned type. */
  #integer(name: OpName, dtype: DType, a: Text, b: Text): Text {
    const type = cppType(dtype), u = UNSIGNED[dtype] ?? "u32", unsigned = kindOf(dtype) === "uint";
    switch (name) {
      case "add": case "sub": case "mul": return `${type}(${u}(${a}) ${INFIX[name]} ${u}(${b}))`;
      case "bitand": case "bitor": case "bitxor": return `${type}(${a} ${INFIX[name]} ${b})`;
      case "bitnot": return `${type}(~${a})`;
      case "neg": return `${type}(${u}(0) - ${u}(${a}))`;
      case "abs": return unsigned ? a : `${type}(${a} < 0 ? ${u}(0) - ${u}(${a}) : ${u}(${a}))`;
      case "sign": return `${type}((${a} > 0) - (${a} < 0))`;
      case "square": return `${type}(${u}(${a}) * ${u}(${a}))`;
      case "min": return `imin<${type}>(${a}, ${b})`;
      case "max": return `imax<${type}>(${a}, ${b})`;
      case "div": case "floordiv": return `floordiv<${type}>(${a}, ${b})`;
      case "mod": return `floormod<${type}>(${a}, ${b})`;
      case "rem": return `truncmod<${type}>(${a}, ${b})`;
      case "pow": return `ipow<${type}, ${u}>(${a}, ${b})`;
      case "reciprocal": return `floordiv<${type}>(1, ${a})`;
      case "shl": return `shl<${type}, ${u}, ${8 * bytesOf(dtype)}>(${a}, i64(${b}))`;
      case "shr": return `shr<${type}, ${8 * bytesOf(dtype)}>(${a}, i64(${b}))`;
      case "ushr": return `${type}(u32(${a}) >> (u32(${b}) & 31u))`;
      case "floor": case "ceil": case "trunc": case "round": case "jsround": return a;
      default: throw new Error(`no C++ for ${name} of ${dtype}`);
    }
  }

  #complex(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const wide = (i: number): Text => (argDtypes[i] === "complex128" ? args[i]! : argDtypes[i] === "complex64" ? `c128(${args[i]})` : `mk(double(${args[i]}), 0.0)`);
    const fit = (t: Text): Text => (dtype === "complex64" ? `c64(${t})` : dtype === "float32" ? `float(${t})` : t);
    switch (name) {
      case "complex": return dtype === "complex64" ? `c64{float(${args[0]}), float(${args[1]})}` : `mk(${args[0]}, ${args[1]})`;
      case "real": return fit(`(${args[0]}).re`);
      case "imag": return fit(`(${args[0]}).im`);
      default: { const f = complexFunction(name); this.portable.add(f.name); const call = fit(`${f.name}(${args.map((_, i) => wide(f.swap ? args.length - 1 - i : i)).join(", ")})`); return f.not ? `(!${call})` : call; }
    }
  }

  cast(a: Text, from: DType, to: DType): Text {
    if (from === to) return a;
    if (isComplex(from)) {
      if (to === "complex64") return `c64(${a})`;
      if (to === "complex128") return `c128(${a})`;
      if (to === "bool") { this.portable.add("zeq"); return `(!zeq(c128(${a}), mk(0.0, 0.0)))`; }
      return this.cast(`(${a}).re`, from === "complex64" ? "float32" : "float64", to);
    }
    if (isComplex(to)) return to === "complex64" ? `c64{float(${a}), 0.0f}` : `mk(double(${a}), 0.0)`;
    if (to === "bool") return `(${a} != 0)`;
    // An out-of-range conversion is undefined in C++: go through the widest integer, saturating.
    if (isInteger(to) && kindOf(from) === "float") return to === "int64" ? `toint(${a})` : to === "uint64" ? `touint(${a})` : `${cppType(to)}(toint(${a}))`;
    return `${cppType(to)}(${a})`;
  }
  read(buffer: Text, index: Text, dtype: DType): Text { return dtype === "bool" ? `(${buffer}[${index}] != 0)` : `${buffer}[${index}]`; }
  readIndex(buffer: Text, index: Text): Text { return `i64(${buffer}[${index}])`; }
  store(buffer: Text, index: Text, value: Text): Text { return `${buffer}[${index}] = ${value};`; }
  declare(name: Text, dtype: DType, value: Text | undefined, mutable: boolean): Text {
    return `${mutable ? "" : "const "}${cppType(dtype)} ${name}${value === undefined ? "" : ` = ${value}`};`;
  }
  combine(wcr: Wcr, a: Text, b: Text, dtype: DType): Text { return this.op(wcr === "sum" ? "add" : wcr === "prod" ? "mul" : wcr, dtype, [a, b], [dtype, dtype]); }
  identity(wcr: Wcr, dtype: DType): Text {
    if (wcr === "sum" || wcr === "prod") return this.constant(wcr === "sum" ? 0 : 1, undefined, dtype);
    if (!isInteger(dtype)) return this.constant(wcr === "min" ? Infinity : -Infinity, undefined, dtype);
    const bits = BigInt(8 * bytesOf(dtype)), unsigned = kindOf(dtype) === "uint";
    return this.constant(wcr === "min" ? 2n ** (unsigned ? bits : bits - 1n) - 1n : unsigned ? 0n : -(2n ** (bits - 1n)), undefined, dtype);
  }

  loopOpen(l: LoopText): readonly Text[] {
    const { variable: v } = l, head = l.down ? `for (i64 ${v} = ${l.end} - 1; ${v} >= ${l.begin}; ${v}--) {` : `for (i64 ${v} = ${l.begin}; ${v} < ${l.end}; ${v}++) {`;
    if (!l.simd) return [head];
    const by = new Map<string, string[]>();
    for (const a of l.simd) {
      if (a.dtype !== "float64" && a.dtype !== "float32") return ["IVDEP", head];
      const k = a.wcr === "sum" ? "+" : a.wcr === "prod" ? "*" : `n${a.wcr}_`;
      by.set(k, [...(by.get(k) ?? []), a.name]);
    }
    return [by.size === 0 ? "IVDEP" : `#pragma omp simd ${[...by].map(([k, names]) => `reduction(${k}:${names.join(", ")})`).join(" ")}`, head];
  }
  outsideOpen(v: Text, q: Text, begin: Text, low: Text, high: Text, end: Text): Text {
    return `for (i64 ${q} = 0; ${q} < 2; ${q}++) for (i64 ${v} = ${q} ? ${high} : ${begin}, ${v}e = ${q} ? ${end} : ${low}; ${v} < ${v}e; ${v}++) {`;
  }
  whileOpen(counter: Text): readonly Text[] { return [`for (i64 ${counter} = 0;; ${counter}++) {`]; }
  leaveUnless(condition: Text): Text { return `if (!(${condition})) break;`; }
  blockOpen(): Text { return "{"; }
  blockClose(label: Text): readonly Text[] { return ["}", `${label}:;`]; }
  exit(label: Text): Text { return `goto ${label};`; }
  check(index: Text, extent: Text, site: number, failure: Failure): Text {
    const test = `if (u64(${index}) >= u64(${extent}))`;
    return failure === "return" ? `${test} return fail(rt, 2, ${site}, ${index}, ${extent});` : `${test} { note(rt, 2, ${site}, ${index}, ${extent}); continue; }`;
  }
  raise(code: number, site: number): Text { return `return fail(rt, ${code}, ${site}, 0, 0);`; }
  poll(steps: number): readonly Text[] { return [`if (cancelled(rt)) return 1;${steps > 0 ? ` progress(rt, ${steps});` : ""}`]; }
  pollRound(_counter: Text, _short: boolean): readonly Text[] { return this.poll(0); }
  stripOpen(l: LoopText, q: Text, steps: number): { readonly lines: readonly Text[]; readonly inner: LoopText } | undefined {
    return l.down
      ? { lines: [`for (i64 ${q} = ${l.end}; ${q} > ${l.begin}; ${q} -= ${steps}) {`, `  const i64 ${q}b = imax<i64>(${l.begin}, ${q} - ${steps});`], inner: { ...l, begin: `${q}b`, end: q } }
      : { lines: [`for (i64 ${q} = ${l.begin}; ${q} < ${l.end}; ${q} += ${steps}) {`, `  const i64 ${q}e = imin<i64>(${l.end}, ${q} + ${steps});`], inner: { ...l, begin: q, end: `${q}e` } };
  }
  grow(g: GrowText): Text { return `if (${g.rows} > ${g.have}) { ${g.buffer} = (${cppStorage(g.dtype)}*)grow(rt, ${g.slot}, ${g.rows}, &${g.have}, i64(sizeof(${cppStorage(g.dtype)})) * ${g.row}); if (!${g.buffer}) return 5; }`; }
  gemm(g: GemmText, inParallel: boolean): readonly Text[] {
    this.gemmUsed = true;
    const f = g.dtype === "float32" ? "rt->gemm_f32" : "rt->gemm_f64";
    return [`${f}(${Number(g.transA)}, ${Number(g.transB)}, ${g.m}, ${g.n}, ${g.k}, ${this.constant(g.alpha, undefined, g.dtype)}, ${g.a} + ${g.aAt}, ${g.lda}, ${g.b} + ${g.bAt}, ${g.ldb}, ${g.accumulate ? 1 : 0}, ${g.c} + ${g.cAt}, ${g.ldc}, ${inParallel ? 1 : "nt"});`];
  }
}

/** The function of `complex.ts` that stands for an operator. */
export function complexFunction(name: OpName): { readonly name: string; readonly swap?: boolean; readonly not?: boolean } {
  switch (name) {
    case "eq": return { name: "zeq" };
    case "ne": return { name: "zeq", not: true };
    case "lt": case "le": return { name: `z${name}` };
    case "gt": return { name: "zlt", swap: true };
    case "ge": return { name: "zle", swap: true };
    default: return { name: `z${name}` };
  }
}
