// Matrix products for generated code (plain loops).
#include "blas/gemm.h"
namespace dace {
namespace {
template <class T>
void plain(int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      T s = 0;
      for (int64_t p = 0; p < k; p++) s += (ta ? a[p * lda + i] : a[i * lda + p]) * (tb ? b[j * ldb + p] : b[p * ldb + j]);
      c[i * ldc + j] = alpha * s + (beta == 0 ? T(0) : beta * c[i * ldc + j]);
    }
}
}
void gemmF64(int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc, int32_t) { plain(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc); }
void gemmF32(int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc, int32_t) { plain(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc); }
}
