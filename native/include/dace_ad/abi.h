/* The one header shared by generated code and the runtime. Generated code does not include it: the preamble that
 * ts/lower/cpp-preamble.ts prints must declare the same layout, and a test compares the two. */
#ifndef DACE_AD_ABI_H
#define DACE_AD_ABI_H
#include <stdint.h>

#define DACE_ABI_VERSION 2u

/* Status codes returned by dace_run. */
enum { DACE_OK = 0, DACE_CANCELLED = 1, DACE_BOUNDS = 2, DACE_RAISED = 3, DACE_NAN = 4, DACE_OOM = 5, DACE_INTERNAL = 6 };

/* Row-major: C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * C. ld* count elements. threads: at most this many. */
typedef void (*dace_gemm_f64)(int32_t trans_a, int32_t trans_b, int64_t m, int64_t n, int64_t k, double alpha,
                              const double* a, int64_t lda, const double* b, int64_t ldb, double beta, double* c,
                              int64_t ldc, int32_t threads);
typedef void (*dace_gemm_f32)(int32_t trans_a, int32_t trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                              const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c,
                              int64_t ldc, int32_t threads);

/* Linear algebra for host code of a program for a GPU, with device pointers and host scalars. type: 0 f64, 1 f32, 2 c128, 3 c64. -1: there is no library for it, or it did
 * not find what it looked for (a matrix that is singular, not positive definite, that does not converge): use your own kernels, from the input again. Not in a section, but for gemm_batch. */
typedef struct dace_linear {
  void* state;
  /* Row-major C_i = alpha op(A_i) op(B_i) + beta C_i for i < count; strides in elements; ta, tb: 0 as it is, 1 transposed, 2 conjugate transposed. */
  int32_t (*gemm_batch)(void* state, int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, int64_t stride_a,
                        const void* b, int64_t ldb, int64_t stride_b, const void* beta, void* c, int64_t ldc, int64_t stride_c, int64_t count);
  /* The rest is column-major, as BLAS and LAPACK have it. op(T) X = B, or X op(T) = B (right), in place of B, m rows and n columns; op as ta; unit: T's diagonal is one. */
  int32_t (*trsm)(void* state, int32_t type, int32_t right, int32_t upper, int32_t op, int32_t unit, int64_t m, int64_t n, const void* t, int64_t ldt, void* x, int64_t ldx);
  int32_t (*cholesky)(void* state, int32_t type, int32_t upper, int64_t n, void* a, int64_t lda);                /* that triangle of A becomes its factor */
  int32_t (*lu)(void* state, int32_t type, int64_t n, void* a, int64_t lda, int64_t* pivots);                    /* rows exchanged, from 1 */
  int32_t (*eigh)(void* state, int32_t type, int32_t upper, int64_t n, void* a, int64_t lda, void* values);      /* of that triangle; A becomes the vectors; values real, ascending */
  int32_t (*svd)(void* state, int32_t type, int64_t m, int64_t n, void* a, int64_t lda, void* values, void* u, int64_t ldu, void* vt, int64_t ldvt); /* m >= n; U is m x n; A is lost */
} dace_linear;

/* What host code of a program for a GPU calls. Buffers and args are device addresses, symbols are not. All work is asynchronous, in order, on one stream;
 * a nonzero result is the status to return at once. `state` is the first argument of every function. */
typedef struct dace_gpu {
  void* state;
  /* kernel: index in Plan.cuda.kernels; params as for cuLaunchKernel. */
  int32_t (*launch)(void* state, int32_t kernel, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared_bytes, void** params);
  int32_t (*copy)(void* state, void* to, const void* from, int64_t bytes);       /* device to device */
  int32_t (*zero)(void* state, void* to, int64_t bytes);
  int32_t (*read)(void* state, void* host, const void* device, int64_t bytes);   /* waits */
  int32_t (*write)(void* state, void* device, const void* host, int64_t bytes);  /* host may be used again at return */
  /* Row-major C = alpha op(A) op(B) + beta C; ta, tb, type and -1 as for dace_linear. */
  int32_t (*gemm)(void* state, int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda,
                  const void* b, int64_t ldb, const void* beta, void* c, int64_t ldc);
  /* A section of launches that depends on args, symbols and the `extra` words alone. 1: do the work now (it may be being captured), then call section_end;
   * 0: it has been launched from a cached graph, skip it. */
  int32_t (*section_begin)(void* state, int32_t section, const int64_t* extra, int32_t count);
  int32_t (*section_end)(void* state, int32_t section);
  /* Device address of 4 words (code, site, value, extent), zero before the run: a kernel that finds a mistake writes them after a compare-and-swap on the
   * first. The runtime reads them after dace_run; host code may `read` them where it must stop early. */
  int64_t* error;
  int32_t multiprocessors, max_threads, warp, shared_per_block;                  /* of the device, for the launch shapes */
  /* Copies to memory of the host and back, beside the work: each begins when the work handed over before it is done. slot: which array of the host, from 0; it is taken
   * by the first `offload` and given back after dace_run. After `settle`, work handed over from then on begins when the slot's last copy is done. Not in a section. */
  int32_t (*offload)(void* state, int32_t slot, const void* device, int64_t bytes);
  int32_t (*fetch)(void* state, int32_t slot, void* device, int64_t bytes);
  int32_t (*settle)(void* state, int32_t slot);
  /* The same of rows of that array: bytes from `at` on of its `whole`, which is taken by the first `offload_rows`. After `settle_rows`, work handed over from then on begins
   * when the slot's last copy from or to that address of the device is done. */
  int32_t (*offload_rows)(void* state, int32_t slot, const void* device, int64_t bytes, int64_t at, int64_t whole);
  int32_t (*fetch_rows)(void* state, int32_t slot, void* device, int64_t bytes, int64_t at);
  int32_t (*settle_rows)(void* state, int32_t slot, const void* device);
  const dace_linear* linear;                                                     /* never NULL */
  const void* const* host_args;                                                  /* of each argument the caller's array in the host's memory; NULL: it lies on the device */
  /* At an address that kernels can read: nonzero once the run has been cancelled. A kernel that finds it so writes DACE_CANCELLED as it would a mistake. */
  const int32_t* cancel;
} dace_gpu;

typedef struct dace_rt {
  uint32_t abi_version;        /* DACE_ABI_VERSION; dace_run returns DACE_INTERNAL on a mismatch */
  uint32_t struct_bytes;       /* sizeof(dace_rt) */
  int32_t threads;             /* OpenMP threads this run may use, >= 1 */
  int32_t reserved;
  const int32_t* cancel;       /* polled (volatile read) by outer loops; nonzero: return DACE_CANCELLED */
  int64_t* progress;           /* generated outer loops add finished steps (relaxed); may be NULL */
  int64_t* error;              /* error slot of 4 words: code, site (index into Plan.sites), value, extent */
  dace_gemm_f64 gemm_f64;
  dace_gemm_f32 gemm_f32;
  /* Buffers whose size the run finds out. slot: which one, from 0. At least `bytes` bytes hold what the slot held before, at the address returned;
   * NULL: out of memory (the old ones stay). Not to be called inside a parallel region. The runtime frees all of them after dace_run.
   * On a GPU these are device addresses, too. */
  void* (*grow)(void* grown, int32_t slot, int64_t bytes);
  void* grown;                 /* grow's first argument */
  const dace_gpu* gpu;         /* NULL on the CPU */
} dace_rt;

/* args[i]: base address of the i-th buffer of Plan.buffers with storage "argument" (scalars are buffers of one element).
 * symbols[i]: the i-th of Plan.symbols. arena: base of the planned arena (64-byte aligned), offsets come in as symbols. */
typedef int32_t (*dace_run_fn)(const dace_rt* rt, void* const* args, const int64_t* symbols, void* arena);

#endif
