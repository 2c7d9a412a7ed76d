/** Declarations that every translation unit starts with: no headers, so that small kernels compile in a tenth of a second. */
import type { Cpp } from "./cpp.js";
import { VECTOR_MATH } from "./cpp.js";
import { portableCpp } from "./portable.js";

/** The layouts of dace_rt and dace_gpu are those of native/include/dace_ad/abi.h; a test compares the two. */
export const TYPES = `typedef long long i64; typedef unsigned long long u64; typedef int i32; typedef unsigned u32; typedef signed char int8; typedef short int16; typedef unsigned char uint8; typedef unsigned short uint16;
`;
export const ABI = `${TYPES}typedef void (*gemm64)(i32, i32, i64, i64, i64, double, const double*, i64, const double*, i64, double, double*, i64, i32);
typedef void (*gemm32)(i32, i32, i64, i64, i64, float, const float*, i64, const float*, i64, float, float*, i64, i32);
struct dace_gpu;
struct dace_rt { u32 abi_version, struct_bytes; i32 threads, reserved; const i32* cancel; i64* progress; i64* error; gemm64 gemm_f64; gemm32 gemm_f32; void* (*grow)(void*, i32, i64); void* grown; const dace_gpu* gpu; };
#ifdef __clang__
#define IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define IVDEP _Pragma("GCC ivdep")
#endif
`;

/** Helpers, each printed where its name occurs in the code. Flags are read as volatile: atomic built-ins would keep the compiler from holding array elements in registers. */
export const HELPERS: readonly (readonly [name: string, text: string])[] = [
  ["dace_gpu", "struct dace_linear { void* state; i32 (*gemm_batch)(void*, i32, i32, i32, i64, i64, i64, const void*, const void*, i64, i64, const void*, i64, i64, const void*, void*, i64, i64, i64); i32 (*trsm)(void*, i32, i32, i32, i32, i32, i64, i64, const void*, i64, void*, i64); i32 (*cholesky)(void*, i32, i32, i64, void*, i64); i32 (*lu)(void*, i32, i64, void*, i64, i64*); i32 (*eigh)(void*, i32, i32, i64, void*, i64, void*); i32 (*svd)(void*, i32, i64, i64, void*, i64, void*, void*, i64, void*, i64); }; struct dace_gpu { void* state; i32 (*launch)(void*, i32, u32, u32, u32, u32, u32, u32, u32, void**); i32 (*copy)(void*, void*, const void*, i64); i32 (*zero)(void*, void*, i64); i32 (*read)(void*, void*, const void*, i64); i32 (*write)(void*, void*, const void*, i64); i32 (*gemm)(void*, i32, i32, i32, i64, i64, i64, const void*, const void*, i64, const void*, i64, const void*, void*, i64); i32 (*section_begin)(void*, i32, const i64*, i32); i32 (*section_end)(void*, i32); i64* error; i32 multiprocessors, max_threads, warp, shared_per_block; i32 (*offload)(void*, i32, const void*, i64); i32 (*fetch)(void*, i32, void*, i64); i32 (*settle)(void*, i32); i32 (*offload_rows)(void*, i32, const void*, i64, i64, i64); i32 (*fetch_rows)(void*, i32, void*, i64, i64); i32 (*settle_rows)(void*, i32, const void*);  const dace_linear* linear; const void* const* host_args; const i32* cancel; };"],
  ["floordiv", "template <class T> static inline T floordiv(T a, T b) { if (b == 0) return 0; if (T(-1) < 0 && b == T(-1)) return T(u64(0) - u64(a)); T q = T(a / b); return T(q - ((a % b != 0) && ((a < 0) != (b < 0)))); }"],
  ["floormod", "template <class T> static inline T floormod(T a, T b) { if (b == 0 || (T(-1) < 0 && b == T(-1))) return 0; T m = T(a % b); return m != 0 && ((m < 0) != (b < 0)) ? T(m + b) : m; }"],
  ["truncmod", "template <class T> static inline T truncmod(T a, T b) { return b == 0 || (T(-1) < 0 && b == T(-1)) ? T(0) : T(a % b); }"],
  ["imin", "template <class T = i64> static inline T imin(T a, T b) { return a < b ? a : b; }"],
  ["imax", "template <class T = i64> static inline T imax(T a, T b) { return a > b ? a : b; }"],
  ["fmin_", "template <class T> static inline T fmin_(T a, T b) { return a < b || a != a ? a : b; }"],
  ["fmax_", "template <class T> static inline T fmax_(T a, T b) { return a > b || a != a ? a : b; }"],
  ["nmin_", "#pragma omp declare reduction(nmin_ : double, float : omp_out = omp_in < omp_out || omp_in != omp_in ? omp_in : omp_out) initializer(omp_priv = omp_orig)"],
  ["nmax_", "#pragma omp declare reduction(nmax_ : double, float : omp_out = omp_in > omp_out || omp_in != omp_in ? omp_in : omp_out) initializer(omp_priv = omp_orig)"],
  // Half as much again at least, so that rows are copied a few times only; where that much cannot be had, what is needed.
  ["grow", "static void* grow(const dace_rt* rt, i32 slot, i64 rows, i64* have, i64 row) { i64 n = *have + *have / 2, bytes; if (n * row < 4096) n = row > 0 ? 4096 / row : rows; if (n < rows) n = rows; for (;;) { void* p = __builtin_mul_overflow(n, row, &bytes) ? nullptr : rt->grow(rt->grown, slot, bytes); if (p || n == rows) { *have = n; return p; } n = rows; } }"],
  ["sq", "template <class T> static inline T sq(T a) { return a * a; }"],
  ["powi", "template <int K, class T> static inline T powi(T a) { if constexpr (K == 1) return a; else if constexpr (K % 2 == 0) return powi<K / 2, T>(a * a); else return a * powi<K - 1, T>(a); }"],
  ["sign", "template <class T> static inline T sign(T a) { return a != a ? a : T(a > 0) - T(a < 0); }"],
  ["ipow", "template <class T, class U> static inline T ipow(T a, T b) { if (b < 0) return a == 1 ? T(1) : a == T(-1) ? (b & 1 ? T(-1) : T(1)) : T(0); U r = 1, x = U(a); for (; b != 0; b = T(b >> 1)) { if (b & 1) r *= x; x *= x; } return T(r); }"],
  ["shl", "template <class T, class U, int N> static inline T shl(T a, i64 b) { return b < 0 || b >= N ? T(0) : T(U(a) << b); }"],
  ["shr", "template <class T, int N> static inline T shr(T a, i64 b) { return b < 0 || b >= N ? (a < 0 ? T(-1) : T(0)) : T(a >> b); }"],
  ["toint", "static inline i64 toint(double x) { return x != x ? 0 : x >= 9223372036854775808.0 ? 9223372036854775807ll : x < -9223372036854775808.0 ? -9223372036854775807ll - 1 : i64(x); }"],
  ["touint", "static inline u64 touint(double x) { return x != x ? 0 : x >= 18446744073709551616.0 ? ~0ull : x <= -9223372036854775808.0 ? 1ull << 63 : x < 0 ? u64(i64(x)) : u64(x); }"],
  ["pymod", "static inline double pymod(double a, double b) { double m = __builtin_fmod(a, b); if (m == 0) return __builtin_copysign(0.0, b); return (m < 0) != (b < 0) ? m + b : m; }"],
  ["npfloordiv", "static inline double npfloordiv(double a, double b) { double m = __builtin_fmod(a, b); if (b == 0) return a / b; double d = (a - m) / b; if (m != 0 && (b < 0) != (m < 0)) d -= 1; if (d == 0) return __builtin_copysign(0.0, a / b); double f = __builtin_floor(d); return d - f > 0.5 ? f + 1 : f; }"],
  ["jsround", "static inline double jsround(double x) { double f = __builtin_floor(x); return __builtin_copysign(x - f >= 0.5 ? f + 1 : f, x); }"],
  ["cancelled", "static inline bool cancelled(const dace_rt* rt) { return __builtin_expect(*(volatile const i32*)rt->cancel != 0, 0); }"],
  ["progress", "static inline void progress(const dace_rt* rt, i64 n) { if (rt->progress) { volatile i64* const p = rt->progress; *p = *p + n; } }"],
  ["share", "static inline i64 share(i64 n, i64 k, i64 team) { return team == 1 ? n * k : n * k / team; }"],
  ["omp_get_num_threads", "extern \"C\" int omp_get_num_threads();"],
  ["omp_get_thread_num", "extern \"C\" int omp_get_thread_num();"],
  ["note", "static inline void note(const dace_rt* rt, i64 code, i64 site, i64 value, i64 extent) { i64 none = 0; if (__atomic_compare_exchange_n(rt->error, &none, code, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { rt->error[1] = site; rt->error[2] = value; rt->error[3] = extent; } }"],
  ["fail", "static inline i32 fail(const dace_rt* rt, i64 code, i64 site, i64 value, i64 extent) { rt->error[0] = code; rt->error[1] = site; rt->error[2] = value; rt->error[3] = extent; return i32(code); }"],
];
const COMPLEX_TYPES = `struct c128 { double re, im; explicit c128(struct c64 z); c128(double a, double b) : re(a), im(b) {} c128() {} };
struct c64 { float re, im; c64(float a, float b) : re(a), im(b) {} explicit c64(c128 z) : re(float(z.re)), im(float(z.im)) {} c64() {} };
inline c128::c128(c64 z) : re(z.re), im(z.im) {}
static inline c128 mk(double a, double b) { return c128(a, b); }
`;

/** What `code`, printed by `cpp`, needs. */
export function preambleFor(cpp: Cpp, code: string): string {
  const called = new Set(cpp.called), portable = portableCpp(cpp.portable, cpp.precision === "strict", called);
  const words = new Set(`${code}\n${portable}`.match(/[A-Za-z_]\w*/g));
  return preamble(called, cpp.precision !== "strict" && cpp.vectorMath, (name) => words.has(name), portable);
}

/** Everything, and declarations of the libm functions in `called`. */
export function cppPreamble(called: ReadonlySet<string>, precision: Cpp["precision"]): string { return preamble(called, precision !== "strict", () => true, ""); }

function preamble(called: ReadonlySet<string>, vector: boolean, wanted: (name: string) => boolean, portable: string): string {
  const declare = (f: string): string => {
    const single = f.endsWith("f") && f !== "erf", plain = single ? f.slice(0, -1) : f, t = single ? "float" : "double", two = /^(atan2|hypot|pow)$/.test(plain);
    return `extern "C" ${vector && VECTOR_MATH.has(plain) ? `__attribute__((__simd__("notinbranch"))) ` : ""}${t} ${f}(${two ? `${t}, ${t}` : t}) noexcept;\n`;
  };
  const helpers = HELPERS.filter(([name]) => wanted(name)).map(([, text]) => `${text}\n`);
  return `${ABI}${[...called].sort().map(declare).join("")}${["c128", "c64", "mk"].some(wanted) ? COMPLEX_TYPES : ""}${helpers.join("")}${portable ? `${portable}\n` : ""}`;
}
