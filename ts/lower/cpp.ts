/** Prints C++: header-free, identifiers of our own, numbers from values. */
import { isComplex, isInteger, kindOf, type DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";
import { unsupportedDtype } from "./emit.js";
import type { Language, LoopText, Text } from "./language.js";

const TYPES: Readonly<Partial<Record<DType, string>>> = {
  float64: "double", float32: "float", int8: "signed char", int16: "short", int32: "int", int64: "i64", uint8: "unsigned char", uint16: "unsigned short", uint32: "unsigned", uint64: "u64", bool: "bool",
};
export function cppType(d: DType): string { return TYPES[d] ?? unsupportedDtype(d); }
/** How an element lies in memory: booleans are bytes. */
export function cppStorage(d: DType): string { return d === "bool" ? "unsigned char" : cppType(d); }

const INFIX: Partial<Record<OpName, string>> = {
  add: "+", sub: "-", mul: "*", div: "/", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "&&", or: "||", bitand: "&", bitor: "|", bitxor: "^", shl: "<<", shr: ">>",
};
/** Functions of libm, with their vector variants where glibc has them. */
export const LIBM: readonly OpName[] = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "hypot", "pow", "erf", "erfc", "lgamma", "tgamma"];
const BUILTIN: Partial<Record<OpName, string>> = { sqrt: "sqrt", floor: "floor", ceil: "ceil", trunc: "trunc", round: "nearbyint", copysign: "copysign", rem: "fmod", fma: "fma" };

export class Cpp implements Language {
  readonly name = "cpp";
  /** libm functions that the code calls, for the preamble. */
  readonly called = new Set<string>();
  constructor(readonly precision: "default" | "strict" | "fast") {}

  int(n: number): Text { return String(n); }
  floordiv(a: Text, b: Text): Text { return `floordiv(${a}, ${b})`; }
  mod(a: Text, b: Text): Text { return `floormod(${a}, ${b})`; }
  minInt(args: readonly Text[]): Text { return args.reduce((x, y) => `imin(${x}, ${y})`); }
  maxInt(args: readonly Text[]): Text { return args.reduce((x, y) => `imax(${x}, ${y})`); }

  constant(value: number | bigint | boolean, imag: number | undefined, dtype: DType): Text {
    if (isComplex(dtype)) return unsupportedDtype(dtype);
    if (dtype === "bool") return value ? "true" : "false";
    if (typeof value === "bigint" || isInteger(dtype)) {
      const n = BigInt(value);
      return n === -(2n ** 63n) ? "(-9223372036854775807ll - 1)" : dtype === "uint64" ? `${n}ull` : dtype === "int64" ? `i64(${n})` : `${cppType(dtype)}(${n})`;
    }
    const v = Number(value), f = dtype === "float32" ? "f" : "";
    if (Number.isNaN(v)) return `__builtin_nan${f}("")`;
    if (!Number.isFinite(v)) return `${v < 0 ? "-" : ""}__builtin_inf${f}()`;
    const text = Object.is(v, -0) ? "-0.0" : Number.isInteger(v) && Math.abs(v) < 1e15 ? `${v}.0` : String(v);
    return v < 0 || Object.is(v, -0) ? `(${text}${f})` : `${text}${f}`;
  }
  fromInt(a: Text, dtype: DType): Text { return dtype === "int64" ? a : `${cppType(dtype)}(${a})`; }

  op(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text {
    const [a, b, c] = args as [Text, Text, Text], f = dtype === "float32" ? "f" : "", of = argDtypes[0]!;
    if (isComplex(dtype) || argDtypes.some(isComplex)) return unsupportedDtype(isComplex(dtype) ? dtype : of);
    const integer = isInteger(dtype), narrow = (t: Text): Text => (integer && dtype !== "int64" && dtype !== "uint64" ? `${cppType(dtype)}(${t})` : t);
    switch (name) {
      case "neg": return narrow(integer && kindOf(dtype) === "int" ? `${cppType(dtype)}(-u64(${a}))` : `(-${a})`);
      case "not": return `(!${a})`;
      case "bitnot": return narrow(`(~${a})`);
      case "abs": return integer ? (kindOf(dtype) === "uint" ? a : narrow(`(${a} < 0 ? -${a} : ${a})`)) : `__builtin_fabs${f}(${a})`;
      case "sign": return integer ? narrow(`((${a} > 0) - (${a} < 0))`) : `sign(${a})`;
      case "square": return narrow(`sq(${a})`);
      case "reciprocal": return `(1.0${f} / ${a})`;
      case "min": return integer ? `imin<${cppType(dtype)}>(${a}, ${b})` : `fmin_(${a}, ${b})`;
      case "max": return integer ? `imax<${cppType(dtype)}>(${a}, ${b})` : `fmax_(${a}, ${b})`;
      case "floordiv": return integer ? narrow(`floordiv(i64(${a}), i64(${b}))`) : `__builtin_floor${f}(${a} / ${b})`;
      case "mod": return integer ? narrow(`floormod(i64(${a}), i64(${b}))`) : `pymod(${a}, ${b})`;
      case "rem": if (integer) return narrow(`(${b} == 0 ? 0 : ${a} % ${b})`); break;
      case "isnan": return `(${a} != ${a})`;
      case "isinf": return `(__builtin_fabs(${a}) == __builtin_inf())`;
      case "isfinite": return `(__builtin_fabs(${a}) < __builtin_inf())`;
      case "select": return `(${a} ? ${b} : ${c})`;
      case "jsround": return `__builtin_floor(${a} + 0.5)`;
      case "ushr": return `i64(u32(${a}) >> (${b} & 31))`;
      case "digamma": this.called.add("digamma"); return `digamma(${a})`;
      case "pow": {
        if (integer) return narrow(`ipow(${a}, ${b})`);
        const exponent = Number(b.replace(/^\((.*)\)$/, "$1").replace(/f$/, ""));
        if (exponent === 2) return `sq(${a})`;
        if (exponent === 3) return `cube(${a})`;
        if (exponent === 0.5 && this.precision !== "strict") return `__builtin_sqrt${f}(${a})`;
        break;
      }
      default: break;
    }
    const infix = INFIX[name];
    if (infix) {
      // Signed overflow wraps, as NumPy's integers do.
      if ((name === "add" || name === "sub" || name === "mul") && integer) return dtype === "int64" ? `i64(u64(${a}) ${infix} u64(${b}))` : narrow(`(${a} ${infix} ${b})`);
      if (name === "div" && integer) return narrow(`floordiv(i64(${a}), i64(${b}))`);
      return narrow(`(${a} ${infix} ${b})`);
    }
    const builtin = BUILTIN[name];
    if (builtin) return `__builtin_${builtin}${f}(${args.join(", ")})`;
    if (LIBM.includes(name)) { this.called.add(`${name}${f}`); return `${name}${f}(${args.join(", ")})`; }
    throw new Error(`no C++ for ${name}`);
  }
  cast(a: Text, from: DType, to: DType): Text {
    if (isComplex(from) || isComplex(to)) return unsupportedDtype(to);
    if (to === "bool") return `(${a} != 0)`;
    // An out-of-range conversion is undefined in C++: go through the widest integer, as x86 and NumPy do in practice.
    if (isInteger(to) && kindOf(from) === "float") return to === "int64" ? `toint(${a})` : `${cppType(to)}(toint(${a}))`;
    return `${cppType(to)}(${a})`;
  }
  read(buffer: Text, index: Text, dtype: DType): Text { return dtype === "bool" ? `(${buffer}[${index}] != 0)` : `${buffer}[${index}]`; }
  readIndex(buffer: Text, index: Text): Text { return `i64(${buffer}[${index}])`; }
  store(buffer: Text, index: Text, value: Text): Text { return `${buffer}[${index}] = ${value};`; }
  declare(name: Text, dtype: DType, value: Text | undefined, mutable: boolean): Text {
    return `${mutable ? "" : "const "}${cppType(dtype)} ${name}${value === undefined ? "" : ` = ${value}`};`;
  }
  combine(wcr: "sum" | "prod" | "min" | "max", a: Text, b: Text, dtype: DType): Text {
    switch (wcr) {
      case "sum": return this.op("add", dtype, [a, b], [dtype, dtype]);
      case "prod": return this.op("mul", dtype, [a, b], [dtype, dtype]);
      default: return this.op(wcr, dtype, [a, b], [dtype, dtype]);
    }
  }
  loopOpen(l: LoopText): readonly Text[] {
    const out: Text[] = [];
    const head = l.down ? `for (i64 ${l.variable} = ${l.end} - 1; ${l.variable} >= ${l.begin}; ${l.variable}--) {` : `for (i64 ${l.variable} = ${l.begin}; ${l.variable} < ${l.end}; ${l.variable}++) {`;
    const sums = l.accumulators.filter((a) => a.wcr === "sum" || a.wcr === "prod");
    if (l.parallel) out.push(`#pragma omp parallel for schedule(static) num_threads(nt) if (${l.parallel.work} > 20000)`);
    else if (l.innermost && sums.length > 0 && sums.length === l.accumulators.length && this.precision !== "strict" && !l.down) {
      const by = new Map<string, string[]>();
      for (const a of sums) { const k = a.wcr === "sum" ? "+" : "*"; by.set(k, [...(by.get(k) ?? []), a.name]); }
      out.push(`#pragma omp simd ${[...by].map(([k, names]) => `reduction(${k}:${names.join(",")})`).join(" ")}`);
    } else if (l.independent && l.accumulators.length === 0) out.push("#pragma GCC ivdep");
    return [...out, head];
  }
  whileOpen(counter: Text): readonly Text[] { return [`for (i64 ${counter} = 0;; ${counter}++) {`]; }
  leaveUnless(condition: Text): Text { return `if (!(${condition})) break;`; }
  blockOpen(): Text { return "{"; }
  blockClose(label: Text): readonly Text[] { return ["}", `${label}:;`]; }
  exit(label: Text): Text { return `goto ${label};`; }
  check(index: Text, extent: Text, site: number): Text { return `if (u64(${index}) >= u64(${extent})) return fail(rt, 2, ${site}, ${index}, ${extent});`; }
  raise(code: number, site: number): Text { return `return fail(rt, ${code}, ${site}, 0, 0);`; }
  poll(): readonly Text[] { return ["if (*(volatile const i32*)rt->cancel) return 1;"]; }
}

/** Declarations that every translation unit starts with. The layout of dace_rt is that of native/include/dace_ad/abi.h. */
export function cppPreamble(called: ReadonlySet<string>, precision: "default" | "strict" | "fast"): string {
  const simd = precision === "strict" ? "" : `__attribute__((__simd__("notinbranch"))) `;
  const vector = new Set(["exp", "log", "sin", "cos", "pow", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp2", "expm1", "log2", "log10", "log1p", "cbrt", "hypot", "erf", "erfc"].flatMap((f) => [f, `${f}f`]));
  const declare = (f: string): string => {
    const t = f.endsWith("f") && f !== "erf" ? "float" : "double", two = /^(atan2|hypot|pow)f?$/.test(f);
    return `extern "C" ${vector.has(f) ? simd : ""}${t} ${f}(${two ? `${t}, ${t}` : t}) noexcept;`;
  };
  return `typedef long long i64; typedef unsigned long long u64; typedef int i32; typedef unsigned u32;
typedef void (*gemm64)(i32, i32, i64, i64, i64, double, const double*, i64, const double*, i64, double, double*, i64, i32);
typedef void (*gemm32)(i32, i32, i64, i64, i64, float, const float*, i64, const float*, i64, float, float*, i64, i32);
struct dace_rt { u32 abi_version, struct_bytes; i32 threads, reserved; const i32* cancel; i64* progress; i64* error; gemm64 gemm_f64; gemm32 gemm_f32; };
${[...called].filter((f) => f !== "digamma").sort().map(declare).join("\n")}
static inline i64 floordiv(i64 a, i64 b) { if (b == 0) return 0; i64 q = a / b; return q - ((a % b != 0) && ((a < 0) != (b < 0))); }
static inline i64 floormod(i64 a, i64 b) { if (b == 0) return 0; i64 m = a % b; return m != 0 && ((m < 0) != (b < 0)) ? m + b : m; }
template <class T = i64> static inline T imin(T a, T b) { return a < b ? a : b; }
template <class T = i64> static inline T imax(T a, T b) { return a > b ? a : b; }
template <class T> static inline T fmin_(T a, T b) { return a < b || a != a ? a : b; }
template <class T> static inline T fmax_(T a, T b) { return a > b || a != a ? a : b; }
template <class T> static inline T sq(T a) { return a * a; }
template <class T> static inline T cube(T a) { return a * a * a; }
template <class T> static inline T sign(T a) { return a != a ? a : T(a > 0) - T(a < 0); }
template <class T> static inline T ipow(T a, T b) { T r = 1; for (; b > 0; b--) r *= a; return r; }
static inline i64 toint(double x) { return x != x ? 0 : x >= 9223372036854775808.0 ? 9223372036854775807ll : x < -9223372036854775808.0 ? -9223372036854775807ll - 1 : i64(x); }
static inline double pymod(double a, double b) { double m = __builtin_fmod(a, b); return m != 0 && ((m < 0) != (b < 0)) ? m + b : m; }
${called.has("digamma") ? DIGAMMA : ""}static inline i32 fail(const dace_rt* rt, i64 code, i64 site, i64 value, i64 extent) { rt->error[0] = code; rt->error[1] = site; rt->error[2] = value; rt->error[3] = extent; return i32(code); }
`;
}

/** Recurrence up to x >= 6, then the asymptotic series. */
const DIGAMMA = `extern "C" double log(double) noexcept; extern "C" double tan(double) noexcept;
static double digamma(double x) { double r = 0; if (x <= 0) { r = -3.14159265358979323846 / tan(3.14159265358979323846 * x); x = 1 - x; } while (x < 10) { r -= 1 / x; x += 1; } double f = 1 / (x * x);
  return r + log(x) - 0.5 / x - f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f * (1.0 / 132 - f * (691.0 / 32760)))))); }
`;
