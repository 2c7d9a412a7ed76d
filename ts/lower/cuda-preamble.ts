/** What stands before device and host code of a program for a GPU. No headers: NVRTC has none, and nvcc's own are harmless. */
import type { Cpp } from "./cpp.js";
import { HELPERS, TYPES } from "./cpp-preamble.js";
import { portableCpp } from "./portable.js";

const COMPLEX_TYPES = `struct c64;
struct c128 { double re, im; __device__ explicit c128(c64 z); __device__ c128(double a, double b) : re(a), im(b) {} __device__ c128() {} };
struct c64 { float re, im; __device__ c64(float a, float b) : re(a), im(b) {} __device__ explicit c64(c128 z) : re(float(z.re)), im(float(z.im)) {} __device__ c64() {} };
__device__ inline c128::c128(c64 z) : re(z.re), im(z.im) {}
static __device__ inline c128 mk(double a, double b) { return c128(a, b); }
`;
const NOTE = "static __device__ inline void note(i64* error, i64 code, i64 site, i64 value, i64 extent) { if (atomicCAS((u64*)error, 0ull, u64(code)) == 0) { error[1] = site; error[2] = value; error[3] = extent; } }\n";
/** Has there been a mistake, or is the run cancelled? That is noted like a mistake, so that what comes behind does nothing. */
const STOPPED = "static __device__ inline bool stopped(i64* error, const i32* cancel) { if (*(volatile i64*)error != 0) return true; if (*(volatile const i32*)cancel == 0) return false; note(error, 1, 0, 0, 0); return true; }\n";
const ACROSS = "template <class T> static __device__ inline T across(T x, u32 d) { return T(__shfl_down_sync(0xffffffffu, x, d)); }\n";
const ACROSS_COMPLEX = "static __device__ inline c128 across(c128 x, u32 d) { return c128(across(x.re, d), across(x.im, d)); }\nstatic __device__ inline c64 across(c64 x, u32 d) { return c64(across(x.re, d), across(x.im, d)); }\n";
/** A power of two of threads, as many as there are iterations along x if there are enough. */
const WIDE = "static __device__ inline u32 wide(i64 n) { u32 w = 1; while (w < blockDim.x && w < n) w *= 2; return w; }\n";
/** Shared memory of the size that the launch gives. */
export const SHARED = "extern __shared__ __align__(16) unsigned char shared[];\n";
/** Written over by the device's own forms. */
const HOST_ONLY: ReadonlySet<string> = new Set(["note", "fail", "grow", "cancelled", "progress", "share", "nmin_", "nmax_", "dace_gpu", "omp_get_num_threads", "omp_get_thread_num"]);

/** Built-in functions of C++ compilers as CUDA names them. */
function asCuda(text: string): string {
  return text
    .replace(/__builtin_inff\(\)/g, "__int_as_float(0x7f800000)").replace(/__builtin_inf\(\)/g, "__longlong_as_double(0x7ff0000000000000ll)")
    .replace(/__builtin_nanf\(""\)/g, "__int_as_float(0x7fc00000)").replace(/__builtin_nan\(""\)/g, "__longlong_as_double(0x7ff8000000000000ll)")
    .replace(/__builtin_bit_cast\(double, /g, "__longlong_as_double(").replace(/__builtin_bit_cast\(u64, /g, "(u64)__double_as_longlong(")
    .replace(/unsigned __int128 t = \(unsigned __int128\)w\[k\] \* m \+ c; w\[k\] = u64\(t\); c = u64\(t >> 64\);/, "u64 low = w[k] * m, high = __umul64hi(w[k], m); low += c; high += low < c; w[k] = low; c = high;")
    .replace(/__builtin_(?=[a-z])/g, "");
}
const onDevice = (text: string): string => text.replace(/\bstatic (?!__device__)/g, "static __device__ ");

/** Device code with all that it needs before it. */
export function deviceSource(cpp: Cpp, code: string): string {
  const portable = portableCpp(cpp.portable, cpp.precision === "strict", new Set()), words = new Set(`${code}\n${portable}`.match(/[A-Za-z_]\w*/g));
  const helpers = HELPERS.filter(([name]) => words.has(name) && !HOST_ONLY.has(name)).map(([, text]) => `${onDevice(text)}\n`).join("");
  const complex = ["c128", "c64", "mk"].some((n) => words.has(n)), lanes = words.has("across");
  return asCuda(`${TYPES}${words.has("shared") ? SHARED : ""}${complex ? COMPLEX_TYPES : ""}${lanes ? ACROSS : ""}${complex && lanes ? ACROSS_COMPLEX : ""}${words.has("note") || words.has("stopped") ? NOTE : ""}${words.has("stopped") ? STOPPED : ""}${words.has("wide") ? WIDE : ""}${helpers}${portable ? `${onDevice(portable)}\n` : ""}${code}`);
}

/** Launch shapes. Blocks of 256 threads, wide along x and as high as the range asks; a grid of some waves, since loops stride over it. */
const SHAPES: readonly (readonly [name: string, text: string])[] = [
  ["spread", `struct dace_shape { u32 gx, gy, gz, bx, by; };
static dace_shape spread(const dace_gpu* gpu, i64 nx, i64 ny, i64 nz) {
  dace_shape s = {0, 0, 0, 32, 1};
  if (nx <= 0 || ny <= 0 || nz <= 0) return s;
  const i64 most = gpu->max_threads < 256 ? gpu->max_threads : 256, blocks = i64(gpu->multiprocessors) * 32;
  while (s.bx < most && s.bx < nx) s.bx *= 2;
  while (i64(s.bx) * s.by < most && s.by < ny) s.by *= 2;
  i64 gx = (nx + s.bx - 1) / s.bx, gy = (ny + s.by - 1) / s.by, gz = nz;
  if (gz > 65535) gz = 65535;
  if (gy > 65535) gy = 65535;
  if (gx > blocks / (gy * gz) + 1) gx = blocks / (gy * gz) + 1;
  if (gy > 16 * blocks / gz + 1) gy = 16 * blocks / gz + 1;
  if (gz > 16 * blocks) gz = 16 * blocks;
  s.gx = u32(gx); s.gy = u32(gy); s.gz = u32(gz);
  return s;
}`],
  ["blocks", "static inline u32 blocks(i64 n, i64 most) { return u32(n <= 0 ? 0 : n < most ? n : most); }"],
  ["scan", "static inline u32 scan(const dace_gpu* gpu) { u32 n = 1; while (n < 512 && i32(n) < gpu->multiprocessors) n *= 2; return n; }"],
  ["tiles", "static inline u32 tiles(i64 n, i64 most) { n = (n + 63) / 64; return u32(n <= 0 ? 0 : n < most ? n : most); }"],
  ["halted", "static i32 halted(const dace_rt* rt) { i64 found[4]; if (i32 status = rt->gpu->read(rt->gpu->state, found, rt->gpu->error, 32)) return status; if (found[0] != 0) for (int k = 0; k < 4; k++) rt->error[k] = found[k]; return i32(found[0]); }"],
  ["stop", "static i32 stop(const dace_rt* rt, i64 code, i64 site) { i64 before[4]; if (i32 status = rt->gpu->read(rt->gpu->state, before, rt->gpu->error, 32)) return status; if (before[0] == 0) { before[0] = code; before[1] = site; before[2] = before[3] = 0; } for (int k = 0; k < 4; k++) rt->error[k] = before[k]; return i32(before[0]); }"],
];
export function hostHelpers(code: string): string { const words = new Set(code.match(/[A-Za-z_]\w*/g)); return SHAPES.filter(([name]) => words.has(name)).map(([, text]) => `${text}\n`).join(""); }
