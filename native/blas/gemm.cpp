// Matrix products for generated code. What runs depends on sizes and on the library, never on the number of threads: the library gets fixed blocks of C,
// one thread each, so one thread and many make the same calls.
#include "blas/gemm.h"

#include <algorithm>
#include <mutex>

#include "blas/builtin.h"
#include "blas/library.h"
#include "blas/team.h"

namespace dace {
namespace {

constexpr double kLibraryWork = 64.0 * 64 * 64;  // multiplications below which a library's start costs more than its kernel saves
constexpr int64_t kBlockRows = 256, kBlockColumns = 1024;
constexpr int64_t kInt32 = 0x7fffffff;
enum { kRowMajor = 101, kPlain = 111, kTransposed = 112 };

template <class T, class Int>
using Cblas = void (*)(int, int, int, Int, Int, Int, T, const T*, Int, const T*, Int, T, T*, Int);

template <class T>
struct Blocks {
  const BlasLibrary& lib;
  void* function;
  bool transA, transB;
  int64_t m, n, k;
  T alpha;
  const T* a;
  int64_t lda;
  const T* b;
  int64_t ldb;
  T beta;
  T* c;
  int64_t ldc, columns;

  static void task(void* self, int64_t t) {
    const auto& s = *static_cast<const Blocks*>(self);
    const int64_t i = t / s.columns * kBlockRows, j = t % s.columns * kBlockColumns, h = std::min(kBlockRows, s.m - i), w = std::min(kBlockColumns, s.n - j);
    const T *a = s.a + (s.transA ? i : i * s.lda), *b = s.b + (s.transB ? j * s.ldb : j);
    T* c = s.c + i * s.ldc + j;
    const int ta = s.transA ? kTransposed : kPlain, tb = s.transB ? kTransposed : kPlain;
    if (s.lib.wide) reinterpret_cast<Cblas<T, int64_t>>(s.function)(kRowMajor, ta, tb, h, w, s.k, s.alpha, a, s.lda, b, s.ldb, s.beta, c, s.ldc);
    else reinterpret_cast<Cblas<T, int>>(s.function)(kRowMajor, ta, tb, int(h), int(w), int(s.k), s.alpha, a, int(s.lda), b, int(s.ldb), s.beta, c, int(s.ldc));
  }
};

template <class T>
void gemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc, int32_t threads) {
  const BlasLibrary* lib = currentBlas();
  const double work = double(m) * double(n) * double(k);
  const bool fits = lib && (lib->wide || std::max({k, lda, ldb, ldc}) <= kInt32);
  if (!fits || work < kLibraryWork || m <= 1 || n <= 1 || k <= 0) return builtinGemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, threads);
  Blocks<T> blocks{*lib, sizeof(T) == 8 ? lib->dgemm : lib->sgemm, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, (n + kBlockColumns - 1) / kBlockColumns};
  const int64_t tasks = (m + kBlockRows - 1) / kBlockRows * blocks.columns;
  if (lib->concurrent) return Team::each(tasks, threads, Blocks<T>::task, &blocks);
  static std::mutex one;
  const std::lock_guard guard(one);
  Team::each(tasks, 1, Blocks<T>::task, &blocks);
}

}  // namespace

void gemmF64(int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc, int32_t threads) {
  gemm<double>(ta != 0, tb != 0, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, threads);
}
void gemmF32(int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc, int32_t threads) {
  gemm<float>(ta != 0, tb != 0, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, threads);
}

}  // namespace dace
