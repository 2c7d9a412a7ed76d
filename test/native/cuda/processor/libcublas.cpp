// A cuBLAS made of the processor, for tests: products in its own terms (column-major), done when somebody waits.
#include <complex>

#include "world.h"


namespace {
struct Handle { void* stream = nullptr; };
using later_t = int (*)(void*, std::function<int()>*);

template <class T>
int gemm(void* handle, int ta, int tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, const void* b, int64_t ldb, const void* beta, void* c, int64_t ldc) {
  // Scalars are read now, matrices when the stream gets there.
  const T x = *static_cast<const T*>(alpha), y = *static_cast<const T*>(beta);
  if (lda < (ta ? k : m) || ldb < (tb ? n : k) || ldc < m || m < 0 || n < 0 || k < 0) return 7;
  static const auto later = [] {
    void* h = ::dlopen(std::getenv("DACE_AD_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD);
    return h ? reinterpret_cast<later_t>(::dlsym(h, "processor_later")) : nullptr;
  }();
  if (!later) return 1;
  std::function<int()> work = [=] {
    const auto *A = static_cast<const T*>(a), *B = static_cast<const T*>(b);
    auto* C = static_cast<T*>(c);
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < m; i++) {
        T s = 0;
        for (int64_t p = 0; p < k; p++) s += (ta ? A[p + i * lda] : A[i + p * lda]) * (tb ? B[j + p * ldb] : B[p + j * ldb]);
        C[i + j * ldc] = x * s + (y == T(0) ? T(0) : y * C[i + j * ldc]);
      }
    return 0;
  };
  return later(static_cast<Handle*>(handle)->stream, &work) == 0 ? 0 : 13;
}
}  // namespace

extern "C" {
int cublasCreate_v2(void** h) { return *h = new Handle, 0; }
int cublasDestroy_v2(void* h) { return delete static_cast<Handle*>(h), 0; }
int cublasSetStream_v2(void* h, void* s) { return static_cast<Handle*>(h)->stream = s, 0; }
int cublasSetWorkspace_v2(void*, void*, size_t) { return 0; }
#define PRODUCT(name, T, I) \
  int name(void* h, int ta, int tb, I m, I n, I k, const void* x, const void* a, I lda, const void* b, I ldb, const void* y, void* c, I ldc) { return gemm<T>(h, ta, tb, m, n, k, x, a, lda, b, ldb, y, c, ldc); }
PRODUCT(cublasDgemm_v2_64, double, int64_t)
PRODUCT(cublasSgemm_v2_64, float, int64_t)
PRODUCT(cublasZgemm_v2, std::complex<double>, int)
PRODUCT(cublasCgemm_v2, std::complex<float>, int)
}
