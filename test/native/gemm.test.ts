/** Matrix products against plain loops: every transposition, edge, stride, alpha and beta, both types; and the same bits on one thread and two. */
import { existsSync } from "node:fs";
import { spawnSync } from "node:child_process";
import test, { type ExecutionContext } from "ava";
import { addon, child, inFolder, kernel, NO_SYMBOLS, symbols, type Folder } from "./support.js";

const a = addon();
a.blas("builtin");
const BODY = `  const i64* s = symbols; const double alpha = ((double*)args[3])[0], beta = ((double*)args[3])[1];
  if (s[8]) rt->gemm_f32(i32(s[0]), i32(s[1]), s[2], s[3], s[4], float(alpha), (float*)args[0], s[5], (float*)args[1], s[6], float(beta), (float*)args[2], s[7], rt->threads);
  else rt->gemm_f64(i32(s[0]), i32(s[1]), s[2], s[3], s[4], alpha, (double*)args[0], s[5], (double*)args[1], s[6], beta, (double*)args[2], s[7], rt->threads);`;
const gemm = kernel(BODY);

interface Case { ta: boolean; tb: boolean; m: number; n: number; k: number; single: boolean; alpha: number; beta: number; pad: number }

let seed = 12345;
const random = (): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return seed / 2 ** 31 - 1; };

function make(c: Case): { A: Float64Array | Float32Array; B: Float64Array | Float32Array; C: Float64Array | Float32Array; lda: number; ldb: number; ldc: number } {
  const T = c.single ? Float32Array : Float64Array, lda = (c.ta ? c.m : c.k) + c.pad, ldb = (c.tb ? c.k : c.n) + c.pad, ldc = c.n + c.pad;
  const fill = (n: number): Float64Array | Float32Array => new T(Math.max(1, n)).map(random);
  return { A: fill((c.ta ? c.k : c.m) * lda), B: fill((c.tb ? c.n : c.k) * ldb), C: fill(c.m * ldc), lda, ldb, ldc };
}
function run(c: Case, x: ReturnType<typeof make>, C: Float64Array | Float32Array, threads: number): void {
  const s = symbols(+c.ta, +c.tb, c.m, c.n, c.k, x.lda, x.ldb, x.ldc, +c.single);
  const status = a.run(gemm, [x.A, x.B, C, Float64Array.of(c.alpha, c.beta)], s, 0, { threads, parallel: threads > 1 });
  if (status.code !== 0) throw new Error(`status ${status.code}`);
}
function check(t: ExecutionContext, c: Case): void {
  const x = make(c), got = x.C.slice(), two = x.C.slice();
  if (c.beta === 0) { got.fill(NaN); two.fill(NaN); }
  run(c, x, got, 1);
  run(c, x, two, 2);
  // NaN in the padding where beta is 0: compare bytes.
  if (Buffer.compare(Buffer.from(got.buffer), Buffer.from(two.buffer)) !== 0) t.fail(`one thread and two differ: ${JSON.stringify(c)}`);
  let worst = 0;
  for (let i = 0; i < c.m; i++) for (let j = 0; j < x.ldc; j++) {
    const at = i * x.ldc + j, before = c.beta === 0 ? NaN : x.C[at]!;
    if (j >= c.n) { if (!Object.is(got[at], before)) t.fail(`padding was written: ${JSON.stringify(c)}`); continue; }
    let sum = 0, size = 0;
    for (let p = 0; p < c.k; p++) { const v = x.A[c.ta ? p * x.lda + i : i * x.lda + p]! * x.B[c.tb ? j * x.ldb + p : p * x.ldb + j]!; sum += v; size += Math.abs(v); }
    const want = c.alpha * sum + (c.beta === 0 ? 0 : c.beta * before);
    worst = Math.max(worst, Math.abs(got[at]! - want) / (Math.abs(c.alpha) * size + Math.abs(c.beta * (before || 0)) + 1e-300));
  }
  const limit = (c.single ? 2 ** -24 : 2 ** -53) * 2 * (c.k + 3);
  if (!(worst <= limit)) t.fail(`error ${worst} above ${limit}: ${JSON.stringify(c)}`);
}
const scalars = [[1, 0], [1, 1], [-0.5, 2], [2, 0], [0, 0.5], [0, 0]] as const;

test("small and odd sizes, all transpositions", (t) => {
  const sizes = [0, 1, 2, 3, 5, 6, 7, 8, 9, 17, 33];
  let n = 0;
  for (const single of [false, true]) for (const ta of [false, true]) for (const tb of [false, true]) for (const m of sizes) for (const nn of sizes) for (const k of sizes) {
    if ((m * 7 + nn * 3 + k) % 4 !== n % 4) { n++; continue; }
    const [alpha, beta] = scalars[n++ % scalars.length]!;
    check(t, { ta, tb, m, n: nn, k, single, alpha, beta, pad: n % 3 });
  }
  t.pass();
});

test("sizes beyond a block, all transpositions", (t) => {
  const shapes = [[97, 25, 257], [200, 100, 60], [13, 300, 300], [100, 49, 520], [191, 193, 5]] as const;
  let n = 0;
  for (const single of [false, true]) for (const ta of [false, true]) for (const tb of [false, true]) for (const [m, nn, k] of shapes) {
    const [alpha, beta] = scalars[n++ % 4]!;
    check(t, { ta, tb, m, n: nn, k, single, alpha, beta, pad: n % 2 });
  }
  t.pass();
});

test("wide, and vectors", (t) => {
  for (const single of [false, true]) for (const ta of [false, true]) for (const tb of [false, true]) for (const [m, n, k] of [[3, 2400, 9], [1, 1500, 700], [1500, 1, 700], [1, 1, 5000], [2, 2, 3000], [1, 600, 1], [600, 1, 1]] as const) check(t, { ta, tb, m, n, k, single, alpha: 1.5, beta: 0.5, pad: 1 });
  t.pass();
});

test("an element's bits do not depend on where it stands", (t) => {
  // The same row of A and column of B everywhere: every element of C must be the same number.
  for (const single of [false, true]) for (const beta of [0, 0.3]) for (const k of [1, 100, 300]) for (const [m, n] of [[101, 53], [1, 53], [53, 1]] as const) {
    const T = single ? Float32Array : Float64Array, row = new T(k).map(random), A = new T(m * k), B = new T(n * k), C = new T(m * n).fill(0.7);
    for (let i = 0; i < m; i++) A.set(row, i * k);
    for (let j = 0; j < n; j++) B.set(row, j * k);
    run({ ta: false, tb: true, m, n, k, single, alpha: 0.9, beta, pad: 0 }, { A, B, C, lda: k, ldb: k, ldc: n }, C, 2);
    t.is(new Set(C).size, 1, JSON.stringify({ single, beta, k, m, n }));
  }
});

test("NaN and infinity go through", (t) => {
  const A = Float64Array.of(NaN, 1, Infinity, 0), B = Float64Array.of(1, 0, 0, 1), C = new Float64Array(4).fill(NaN);
  run({ ta: false, tb: false, m: 2, n: 2, k: 2, single: false, alpha: 1, beta: 0, pad: 0 }, { A, B, C, lda: 2, ldb: 2, ldc: 2 }, C, 1);
  t.deepEqual([...C], [NaN, NaN, Infinity, NaN]);
});

test("inside an OpenMP team the result is the same", (t) => {
  const body = `  #pragma omp parallel for num_threads(2)\n  for (i64 i = 0; i < 4; i++) rt->gemm_f64(0, 0, 90, 90, 90, 1, (double*)args[0], 90, (double*)args[1], 90, 0, (double*)args[2] + i * 8100, 90, 2);`;
  const k = kernel(body, { flags: ["-std=c++20", "-O1", "-fopenmp"] }), A = new Float64Array(8100).map(random), B = new Float64Array(8100).map(random), many = new Float64Array(32_400), one = new Float64Array(8100);
  t.is(a.run(k, [A, B, many], NO_SYMBOLS, 0, { threads: 2, parallel: true }).code, 0);
  run({ ta: false, tb: false, m: 90, n: 90, k: 90, single: false, alpha: 1, beta: 0, pad: 0 }, { A, B, C: one, lda: 90, ldb: 90, ldc: 90 }, one, 2);
  for (let i = 0; i < 4; i++) t.deepEqual(many.subarray(i * 8100, (i + 1) * 8100), one);
});

/** A library that computes with plain loops, counts its calls, and sets flush-to-zero when it is loaded, as -ffast-math code does. */
function fakeBlas(f: Folder, prefix = "", suffix = "", int = "int"): string {
  const one = (t: string, n: string): string => `void ${prefix}${n}${suffix}(int o, int ta, int tb, ${int} m, ${int} n, ${int} k, ${t} al, const ${t}* a, ${int} lda, const ${t}* b, ${int} ldb, ${t} be, ${t}* c, ${int} ldc) {
    __sync_fetch_and_add(&calls, 1); if (o != 101) __builtin_trap();
    for (long i = 0; i < m; i++) for (long j = 0; j < n; j++) { ${t} s = 0; for (long p = 0; p < k; p++) s += a[ta == 112 ? p * lda + i : i * lda + p] * b[tb == 112 ? j * ldb + p : p * ldb + j]; c[i * ldc + j] = al * s + (be == 0 ? 0 : be * c[i * ldc + j]); } }`;
  const text = `extern "C" { int calls, threads = -1; __attribute__((constructor)) static void fast() { __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); } void ${prefix}openblas_set_num_threads${suffix}(int n) { threads = n; } ${one("double", "cblas_dgemm")} ${one("float", "cblas_sgemm")} int dace_run() { return calls; } }`;
  const portable = process.arch === "x64" ? text : text.replace(/__attribute__\(\(constructor\)\).*?\} /, "");
  const path = f.at(`lib${prefix}blas${suffix} it's.so`);
  const r = spawnSync(a.discoverToolchain().found!.compiler, ["-shared", "-fPIC", "-O1", "-x", "c++", "-", "-o", path], { input: portable, encoding: "utf8" });
  if (r.status !== 0 || !existsSync(path)) throw new Error(r.stderr);
  return path;
}

test.serial("a library is found by path, used where it pays, on one thread per block, and changes no arithmetic", (t) => inFolder((f) => {
  const before = a.mxcsr() & 0xffc0;
  for (const [prefix, suffix, int] of [["", "", "int"], ["scipy_", "64_", "long"]] as const) {
    const path = fakeBlas(f, prefix, suffix, int), found = a.blas(path);
    try {
      t.is(found.library, path);
      t.deepEqual(found.tried, []);
      t.is(a.mxcsr() & 0xffc0, before);
      t.not(1e-310 * Number("0.5"), 0);
      for (const single of [false, true]) for (const ta of [false, true]) for (const tb of [false, true]) check(t, { ta, tb, m: 300, n: 70, k: 40, single, alpha: 1.5, beta: 0.5, pad: 1 });
      t.is(a.blas().library, path, "asking does not change it");
    } finally { t.is(a.blas("builtin").library, "built-in"); }
  }
}));

test.serial("a library that is not there, or is none, is told, and what was in use stays", (t) => inFolder(async (f) => {
  const none = a.blas("/no/such/library.so");
  t.is(none.library, "built-in");
  t.regex(none.tried[0]!, /^\/no\/such\/library\.so: /);
  const { writeFileSync } = await import("node:fs");
  writeFileSync(f.at("text.so"), "not a library");
  t.regex(a.blas(f.at("text.so")).tried[0]!, /text\.so: /);
  check(t, { ta: false, tb: false, m: 70, n: 70, k: 70, single: false, alpha: 1, beta: 0, pad: 0 });
}));

test.serial("DACE_AD_BLAS decides, and the environment is left as it was", (t) => inFolder(async (f) => {
  const path = fakeBlas(f), ask = async (value: string): Promise<{ library: string; tried: string[] }> => {
    const r = await child("const b = addon.blas(); console.log(JSON.stringify(b)); assert.deepEqual(Object.keys(process.env).filter((k) => /^(OPENBLAS|MKL)_/.test(k)), []);", { env: { ...Object.fromEntries(Object.keys(process.env).filter((k) => /^(OPENBLAS|MKL)_/.test(k)).map((k) => [k, undefined])), DACE_AD_BLAS: value } });
    t.is(r.status, 0, r.err);
    return JSON.parse(r.out) as never;
  };
  t.is((await ask(path)).library, path);
  t.is((await ask("builtin")).library, "built-in");
  const none = await ask("/no/such.so");
  t.is(none.library, "built-in");
  t.is(none.tried.length, 1);
}));

