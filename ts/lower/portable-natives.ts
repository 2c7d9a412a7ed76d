/** What `elementary.ts` needs of bits and big integers, once per language, with the same results. */

/** Bits of 2/π after the binary point that are kept: enough for the largest double. */
const BITS = 1344;

/** 2/π · 2^BITS, from Machin's formula. */
function twoOverPi(): bigint {
  const one = 1n << BigInt(BITS + 64);
  const arctan = (inverse: bigint): bigint => { let sum = 0n, term = one / inverse; for (let k = 1n, sign = 1n; term !== 0n; k += 2n, sign = -sign) { sum += sign * term / k; term /= inverse * inverse; } return sum; };
  const pi = 4n * (4n * arctan(5n) - arctan(239n));
  return ((one << BigInt(BITS + 1)) / pi) ;
}
let table: bigint | undefined;
const bits = (): bigint => (table ??= twoOverPi());

interface Native { readonly name: string; readonly needs: readonly string[]; readonly cpp: (strict: boolean) => string; readonly js: () => string }

/*
 * x = m·2^e with a 53-bit integer m. Bits of 2/π of weight 2^(2-e) and above contribute multiples of 4 to x·2/π, so the 256 bits after them give
 * quadrant and fraction: (m · window) mod 2^256, two bits of quadrant, then the fraction, taken to [-1/2, 1/2).
 */
export const NATIVES: readonly Native[] = [
  // a·b + c, rounded once where the processor does that; strictly, and in JavaScript, twice.
  { name: "muladd", needs: [], js: () => "const muladd = (a, b, c) => a * b + c;",
    cpp: (strict) => (strict ? "static inline double muladd(double a, double b, double c) { return a * b + c; }"
      : "#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDACC__)\nstatic inline double muladd(double a, double b, double c) { return __builtin_fma(a, b, c); }\n#else\nstatic inline double muladd(double a, double b, double c) { return a * b + c; }\n#endif") },
  { name: "exp2i", needs: [], cpp: () => "static inline double exp2i(double k) { return __builtin_bit_cast(double, u64(i64(k) + 1023) << 52); }",
    js: () => "const F64 = new Float64Array(1), U32 = new Uint32Array(F64.buffer);\nconst exp2i = (k) => { U32[0] = 0; U32[1] = (k + 1023) << 20; return F64[0]; };" },
  { name: "exponent", needs: ["exp2i"], cpp: () => "static inline double exponent(double x) { return double(i64(__builtin_bit_cast(u64, x) >> 52 & 2047) - 1023); }",
    js: () => "const exponent = (x) => { F64[0] = x; return (U32[1] >>> 20 & 2047) - 1023; };" },
  { name: "large", needs: ["exponent"],
    cpp: () => {
      const words: string[] = ["0ull"];
      for (let w = BITS / 64 - 1; w >= 0; w--) words.push(`0x${((bits() >> BigInt(64 * w)) & (2n ** 64n - 1n)).toString(16)}ull`);
      return `static const u64 two_over_pi[] = {${words.join(", ")}, 0ull};
static void large(double x, i64* n, double* r) {
  u64 b = __builtin_bit_cast(u64, x), m = (b & 0xfffffffffffffull) | 0x10000000000000ull; i64 e = i64(b >> 52 & 2047) - 1075, p = e - 2 + 64;
  u64 w[4], c = 0;
  for (int k = 0; k < 4; k++) { i64 at = p + 64 * k; u64 hi = two_over_pi[at / 64], lo = two_over_pi[at / 64 + 1]; w[k] = at % 64 ? hi << at % 64 | lo >> (64 - at % 64) : hi; }
  for (int k = 3; k >= 0; k--) { unsigned __int128 t = (unsigned __int128)w[k] * m + c; w[k] = u64(t); c = u64(t >> 64); }
  *n = i64(w[0] >> 62);
  w[0] <<= 2; w[0] |= w[1] >> 62; w[1] = w[1] << 2 | w[2] >> 62; w[2] = w[2] << 2 | w[3] >> 62; w[3] <<= 2;
  bool down = w[0] >> 63;
  if (down) { *n = (*n + 1) & 3; for (int k = 0; k < 4; k++) w[k] = ~w[k]; }
  double f = 0, s = 0x1p-224;
  for (int k = 6; k >= 0; k--) { f += double(w[k / 2] >> (k % 2 ? 0 : 32) & 0xffffffffull) * s; s *= 0x1p32; }
  *r = f * 1.5707963267948966;
  if (down) *r = -*r;
  if (x < 0) { *n = (4 - *n) & 3; *r = -*r; }
}`;
    },
    js: () => `const TWO_OVER_PI = 0x${bits().toString(16)}n, LARGE = [0, 0];
const large = (x) => {
  F64[0] = x; const e = (U32[1] >>> 20 & 2047) - 1075, m = BigInt(U32[1] & 1048575 | 1048576) << 32n | BigInt(U32[0]);
  let w = BigInt.asUintN(256, (TWO_OVER_PI >> BigInt(${BITS} - (e - 2) - 256)) * m), n = Number(w >> 254n);
  w = BigInt.asUintN(256, w << 2n);
  const down = w >> 255n === 1n;
  if (down) { n = (n + 1) & 3; w = BigInt.asUintN(256, ~w); }
  let f = 0, s = 2 ** -224;
  for (let k = 6; k >= 0; k--) { f += Number(w >> BigInt(224 - 32 * k) & 0xffffffffn) * s; s *= 4294967296; }
  let r = f * 1.5707963267948966;
  if (down) r = -r;
  if (x < 0) { n = (4 - n) & 3; r = -r; }
  LARGE[0] = n; LARGE[1] = r;
};` },
  { name: "quadrant", needs: ["large"], cpp: () => "static inline double quadrant(double x) { i64 n; double r; large(x, &n, &r); return double(n); }", js: () => "const quadrant = (x) => { large(x); return LARGE[0]; };" },
  { name: "reduced", needs: ["large"], cpp: () => "static inline double reduced(double x) { i64 n; double r; large(x, &n, &r); return r; }", js: () => "const reduced = (x) => { large(x); return LARGE[1]; };" },
];

/** The natives that a text uses, with what they need, in order. */
export function nativesFor(text: string, language: "cpp" | "js", strict: boolean): string {
  const wanted = new Set<string>();
  for (const n of [...NATIVES].reverse()) if (wanted.has(n.name) || new RegExp(`\\b${n.name}\\(`).test(text)) { wanted.add(n.name); for (const x of n.needs) wanted.add(x); }
  return NATIVES.filter((n) => wanted.has(n.name)).map((n) => `${n[language](strict)}\n`).join("");
}
