/**
 * A CUDA device made of one CPU thread, for tests and machines without a GPU: the same host and device code, compiled together by the system's C++ compiler into one shared
 * object with an ordinary `dace_run`. Blocks and threads are loops; the threads of kernels with barriers are contexts that take turns from barrier to barrier, warps of them from exchange to exchange. Orders that a device does
 * not promise are changed on purpose (blocks forwards and backwards in turn, threads all over) and shared memory starts as NaNs, so that a race or a missing barrier shows.
 */
import { ABI, HELPERS } from "./cpp-preamble.js";
import { SHARED } from "./cuda-preamble.js";
import type { PlanCuda } from "./plan.js";

const MATH1 = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "cbrt", "erf", "erfc", "lgamma", "tgamma", "sqrt", "fabs", "floor", "ceil", "trunc", "rint"];
const MATH2 = ["atan2", "hypot", "pow", "fmod", "copysign"];
const declare = (f: string, n: number): string => `extern "C" double ${f}(${Array<string>(n).fill("double").join(", ")}) noexcept; extern "C" float ${f}f(${Array<string>(n).fill("float").join(", ")}) noexcept;\n`;

/** Stands before device code: CUDA's words as C++ has them. */
const BEFORE = `#include <ucontext.h>
#define __global__
#define __device__
#define __launch_bounds__(n)
struct shim_index { unsigned x, y, z; };
static thread_local shim_index threadIdx, blockIdx, blockDim, gridDim;
static constexpr int SHIM_SHARED = 49152;
static thread_local unsigned char shim_shared_memory[SHIM_SHARED + 64] __attribute__((aligned(16)));
static __attribute__((noinline)) void shim_barrier(int site);
static inline void shim_meet(int site) { asm volatile("" ::: "memory"); shim_barrier(site); asm volatile("" ::: "memory"); }
#define __syncthreads() shim_meet(__COUNTER__)
static __attribute__((noinline)) void shim_exchange(void* value, unsigned bytes, unsigned distance);
template <class T> static inline T __shfl_down_sync(unsigned, T value, unsigned distance) { asm volatile("" ::: "memory"); shim_exchange(&value, sizeof(T), distance); asm volatile("" ::: "memory"); return value; }
static __attribute__((noinline)) unsigned shim_ballot(bool mine);
static inline unsigned __ballot_sync(unsigned, bool mine) { asm volatile("" ::: "memory"); const unsigned r = shim_ballot(mine); asm volatile("" ::: "memory"); return r; }
static inline void __syncwarp() { asm volatile("" ::: "memory"); shim_ballot(false); asm volatile("" ::: "memory"); }
static inline unsigned long long atomicCAS(unsigned long long* at, unsigned long long want, unsigned long long value) { unsigned long long old = *at; if (old == want) *at = value; return old; }
static inline double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
static inline long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
static inline float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((unsigned __int128)a * b >> 64); }
${[...MATH1.map((f) => declare(f, 1)), ...MATH2.map((f) => declare(f, 2)), declare("fma", 3)].join("")}`;

/** Stands after it: the device's table and the entry. */
const after = (kernels: readonly { readonly name: string; readonly barriers: boolean }[]): string => `
namespace {
template <class T, T... I> struct shim_list {};
#ifdef __clang__
template <int N> using shim_numbers = __make_integer_seq<shim_list, int, N>;
#else
template <int N> using shim_numbers = shim_list<int, __integer_pack(N)...>;
#endif
template <class... A, int... I> void shim_apply(void (*f)(A...), void** p, shim_list<int, I...>) { f(*(A*)p[I]...); }
template <class... A> void shim_call(void (*f)(A...), void** p) { shim_apply(f, p, shim_numbers<int(sizeof...(A))>()); }
struct shim_kernel { void (*call)(void** p); bool barriers; };
const shim_kernel shim_kernels[] = {${kernels.map((k) => `{[](void** p) { shim_call(${k.name}, p); }, ${k.barriers}}, `).join("")}{nullptr, false}};

constexpr int SHIM_STACK = 65536, SHIM_THREADS = 1024, SHIM_WARP = 32;
/** Contexts are entered once through the system, which costs a call of it, and then by jumps. */
struct shim_fiber { ucontext_t context; void* at[5]; bool started, finished, ready, exchanges; unsigned exchanged; int site; unsigned char lane[2][16]; unsigned char stack[SHIM_STACK]; };
thread_local shim_fiber* shim_fibers;
thread_local void* shim_scheduler[5];
thread_local int shim_current = -1;
thread_local const shim_kernel* shim_running;
thread_local void** shim_parameters;
thread_local unsigned shim_launches;
void shim_fiber_main() { shim_running->call(shim_parameters); shim_fibers[shim_current].finished = true; __builtin_longjmp(shim_scheduler, 1); }
__attribute__((noinline)) void shim_enter(shim_fiber& f) { if (f.started) __builtin_longjmp(f.at, 1); f.started = true; setcontext(&f.context); }
__attribute__((noinline)) void shim_turn(shim_fiber& f) { if (__builtin_setjmp(shim_scheduler) == 0) shim_enter(f); }
__attribute__((noinline)) void shim_leave() { __builtin_longjmp(shim_scheduler, 1); }
void shim_locate(int t) { threadIdx = {unsigned(t) % blockDim.x, unsigned(t) / blockDim.x % blockDim.y, unsigned(t) / blockDim.x / blockDim.y}; }

/** Threads take turns in an order that goes neither up nor down: every step of this many threads, which meets all of them. */
int shim_step(int count) {
  for (int s = count * 5 / 8 + 1;; s++) { int a = s, b = count; while (b) { const int r = a % b; a = b; b = r; } if (a == 1) return s % count == 0 ? 1 : s % count; }
}

/** Who may go on: all at a barrier where all of the block are at the same one, those of a warp in an exchange where all of it are in the same one. False: nobody. */
bool shim_ready(int count) {
  bool all = true, any = false;
  for (int t = 0; t < count; t++) all = all && !shim_fibers[t].finished && shim_fibers[t].started && !shim_fibers[t].exchanges && shim_fibers[t].site == shim_fibers[0].site;
  for (int from = 0; from < count; from += SHIM_WARP) {
    const int to = from + SHIM_WARP < count ? from + SHIM_WARP : count;
    bool warp = true;
    for (int t = from; t < to; t++) warp = warp && !shim_fibers[t].finished && shim_fibers[t].exchanges && shim_fibers[t].exchanged == shim_fibers[from].exchanged;
    for (int t = from; t < to; t++) { shim_fiber& f = shim_fibers[t]; f.ready = !f.finished && (!f.started || (f.exchanges ? warp : all)); any = any || f.ready; }
  }
  return any;
}

/** One block whose threads meet at barriers and in exchanges. False: some had ended, or were elsewhere, where others waited. */
bool shim_block(int count) {
  for (int t = 0; t < count; t++) {
    shim_fiber& f = shim_fibers[t];
    f.started = f.finished = f.exchanges = false;
    f.exchanged = 0;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack; f.context.uc_stack.ss_size = SHIM_STACK; f.context.uc_link = nullptr;
    makecontext(&f.context, shim_fiber_main, 0);
  }
  const int step = shim_step(count);
  for (unsigned round = shim_launches;; round++) {
    int waiting = 0;
    if (!shim_ready(count)) return false;
    for (int k = 0, t = int(round % unsigned(count)); k < count; k++, t = (t + step) % count) {
      if (shim_fibers[t].ready) {
        shim_current = t; shim_locate(t);
        shim_fibers[t].exchanges = false;
        shim_turn(shim_fibers[t]);
      }
      if (!shim_fibers[t].finished) waiting++;
    }
    shim_current = -1;
    if (waiting == 0) return true;
  }
}

struct shim_gpu { dace_gpu table; long long error[4]; };
int shim_launch(void*, int kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned bytes, void** p) {
  const shim_kernel& k = shim_kernels[kernel];
  const int count = int(bx * by * bz);
  if (gx == 0 || gy == 0 || gz == 0 || count == 0 || count > SHIM_THREADS || bytes > SHIM_SHARED || gy > 65535 || gz > 65535) return 6;
  gridDim = {gx, gy, gz}; blockDim = {bx, by, bz};
  shim_running = &k; shim_parameters = p; shim_launches++;
  if (k.barriers && !shim_fibers) shim_fibers = (shim_fiber*)__builtin_malloc(sizeof(shim_fiber) * SHIM_THREADS);
  const unsigned long long blocks = (unsigned long long)gx * gy * gz;
  const bool backwards = shim_launches & 1;
  const int step = shim_step(count);
  for (unsigned long long n = 0; n < blocks; n++) {
    const unsigned long long b = backwards ? blocks - 1 - n : n;
    blockIdx = {unsigned(b % gx), unsigned(b / gx % gy), unsigned(b / gx / gy)};
    __builtin_memset(shim_shared_memory, 0xff, bytes);
    __builtin_memset(shim_shared_memory + bytes, 0x5a, 64);
    if (k.barriers) { if (!shim_block(count)) return 6; }
    else for (int i = 0, t = 0; i < count; i++, t = (t + step) % count) { shim_locate(t); k.call(p); }
    for (int i = 0; i < 64; i++) if (shim_shared_memory[bytes + i] != 0x5a) return 6;
  }
  return 0;
}
int shim_copy(void*, void* to, const void* from, long long bytes) { __builtin_memmove(to, from, bytes); return 0; }
int shim_zero(void*, void* to, long long bytes) { __builtin_memset(to, 0, bytes); return 0; }
int shim_read(void*, void* to, const void* from, long long bytes) { __builtin_memcpy(to, from, bytes); return 0; }
int shim_gemm(void*, int, int, int, long long, long long, long long, const void*, const void*, long long, const void*, long long, const void*, void*, long long) { return -1; }
/** Memory of the host, by slot. Copies are made when they are asked for. */
thread_local struct { void* data; long long bytes; } shim_host[256];
int shim_offload(void*, int slot, const void* from, long long bytes) {
  if (slot < 0 || slot >= 256) return 6;
  auto& h = shim_host[slot];
  if (!h.data && !(h.data = __builtin_malloc(bytes + 1))) return 5;
  h.bytes = bytes;
  __builtin_memcpy(h.data, from, bytes);
  return 0;
}
int shim_fetch(void*, int slot, void* to, long long bytes) {
  if (slot < 0 || slot >= 256 || !shim_host[slot].data || bytes != shim_host[slot].bytes) return 6;
  __builtin_memcpy(to, shim_host[slot].data, bytes);
  return 0;
}
int shim_settle(void*, int) { return 0; }
int shim_offload_rows(void*, int slot, const void* from, long long bytes, long long at, long long whole) {
  if (slot < 0 || slot >= 256 || bytes < 0 || at < 0 || bytes > whole - at) return 6;
  auto& h = shim_host[slot];
  if (!h.data && !(h.data = __builtin_malloc(whole + 1))) return 5;
  h.bytes = whole;
  __builtin_memcpy((char*)h.data + at, from, bytes);
  return 0;
}
int shim_fetch_rows(void*, int slot, void* to, long long bytes, long long at) {
  if (slot < 0 || slot >= 256 || !shim_host[slot].data || at < 0 || bytes < 0 || bytes > shim_host[slot].bytes - at) return 6;
  __builtin_memcpy(to, (char*)shim_host[slot].data + at, bytes);
  return 0;
}
int shim_settle_rows(void*, int, const void*) { return 0; }
void shim_forget() { for (auto& h : shim_host) { __builtin_free(h.data); h = {nullptr, 0}; } }
/** No library: the program's own kernels. */
template <class... A> int shim_none(void*, A...) { return -1; }
const dace_linear shim_linear = {nullptr, shim_none, shim_none, shim_none, shim_none, shim_none, shim_none};
int shim_section_begin(void*, int, const long long*, int) { return 1; }
int shim_section_end(void*, int) { return 0; }
}
/** Each lane leaves its value and takes that of another once all have: in two places in turn, since a lane may be one exchange ahead. */
static __attribute__((noinline)) void shim_exchange(void* value, unsigned bytes, unsigned distance) {
  const int me = shim_current, count = int(blockDim.x * blockDim.y * blockDim.z), from = me + int(distance);
  shim_fiber& f = shim_fibers[me];
  const unsigned place = f.exchanged++ & 1;
  __builtin_memcpy(f.lane[place], value, bytes);
  f.exchanges = true;
  shim_barrier(-1);
  if (me % SHIM_WARP + int(distance) < SHIM_WARP && from < count) __builtin_memcpy(value, shim_fibers[from].lane[place], bytes);
}
/** Which lanes of the warp say yes. */
static __attribute__((noinline)) unsigned shim_ballot(bool mine) {
  const int me = shim_current, count = int(blockDim.x * blockDim.y * blockDim.z), from = me / SHIM_WARP * SHIM_WARP;
  const unsigned place = shim_fibers[me].exchanged++ & 1;
  shim_fibers[me].lane[place][0] = mine;
  shim_fibers[me].exchanges = true;
  shim_barrier(-1);
  unsigned r = 0;
  for (int t = from; t < from + SHIM_WARP && t < count; t++) r |= unsigned(shim_fibers[t].lane[place][0] != 0) << (t - from);
  return r;
}
static __attribute__((noinline)) void shim_barrier(int site) { shim_fibers[shim_current].site = site; if (__builtin_setjmp(shim_fibers[shim_current].at) == 0) shim_leave(); }
extern "C" int shim_host_run(const dace_rt*, void* const*, const long long*, void*);
extern "C" int dace_run(const dace_rt* rt, void* const* args, const long long* symbols, void* arena) {
  if (rt->abi_version != 2u) return 6;
  shim_gpu gpu = {{nullptr, shim_launch, shim_copy, shim_zero, shim_read, shim_read, shim_gemm, shim_section_begin, shim_section_end, nullptr, 2, 1024, 32, SHIM_SHARED, shim_offload, shim_fetch, shim_settle, shim_offload_rows, shim_fetch_rows, shim_settle_rows, &shim_linear, args, rt->cancel}, {0, 0, 0, 0}};
  gpu.table.error = gpu.error;
  dace_rt own = *rt;
  own.gpu = &gpu.table;
  own.struct_bytes = sizeof(dace_rt);
  const int status = shim_host_run(&own, args, symbols, arena);
  shim_forget();
  if (status != 0 || gpu.error[0] == 0) return status;
  for (int i = 0; i < 4; i++) rt->error[i] = gpu.error[i];
  return int(gpu.error[0]);
}
`;

/** Device code as the system's compiler takes it, with the device's table behind it. */
export function shimDevice(cuda: { readonly device: string; readonly kernels: readonly { readonly name: string }[] }): string {
  const texts = new Map(cuda.device.split(/^(?=extern "C" __global__)/m).flatMap((text) => { const name = /^extern "C" __global__ void .*?\b(k\d+)\(/.exec(text)?.[1]; return name ? [[name, text] as const] : []; }));
  const kernels = cuda.kernels.map(({ name }) => ({ name, barriers: /__syncthreads|__ballot_sync/.test(texts.get(name)!) }));
  const table = HELPERS.find(([name]) => name === "dace_gpu")![1];
  return `${BEFORE}${cuda.device.replace(SHARED, "#define shared shim_shared_memory\n")}${ABI}${table}${after(kernels)}`;
}

/** What the system's compiler makes a runnable program of. */
export function shimProgram(cuda: PlanCuda): { readonly sources: readonly string[]; readonly flags: readonly string[]; readonly link: PlanCuda["host"]["link"] } {
  return {
    sources: [shimDevice(cuda), ...cuda.host.sources.map((s) => `#define dace_run shim_host_run\n${s}`)],
    flags: [...cuda.host.flags, "-O1", "-Wno-unused"],
    link: cuda.host.link,
  };
}
