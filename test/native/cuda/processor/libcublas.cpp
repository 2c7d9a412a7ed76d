// A cuBLAS made of the processor, for tests: in its own terms (column-major), done when somebody waits. What the library would refuse is refused, and what leaves device memory is a failure.
#include "later.h"

namespace {
using namespace processor;
enum : int { kInvalid = 7, kFailed = 13 };

template <class T>
struct Matrices { T* at; int64_t ld, stride; };

template <class T>
int gemm(void* handle, int ta, int tb, int64_t m, int64_t n, int64_t k, const void* alpha, Matrices<const T> a, Matrices<const T> b, const void* beta, Matrices<T> c, int64_t count) {
  // Scalars are read now, matrices when the stream gets there.
  const T x = *static_cast<const T*>(alpha), y = *static_cast<const T*>(beta);
  if (ta < 0 || ta > 2 || tb < 0 || tb > 2 || a.ld < (ta ? k : m) || b.ld < (tb ? n : k) || c.ld < m || m < 0 || n < 0 || k < 0 || count < 0) return kInvalid;
  for (int64_t q = 0; q < count; q++)
    if (!onDevice(a.at + q * a.stride, ta ? k : m, ta ? m : k, a.ld) || !onDevice(b.at + q * b.stride, tb ? n : k, tb ? k : n, b.ld) || !onDevice(c.at + q * c.stride, m, n, c.ld)) return kFailed;
  const auto op = [](int t, const T* p, int64_t ld, int64_t i, int64_t j) { return t == 0 ? p[i + j * ld] : t == 1 ? p[j + i * ld] : conjugate(p[j + i * ld]); };
  // The matrices of a batch are done in no order: backwards.
  return later(static_cast<Handle*>(handle)->stream, [=] {
    for (int64_t q = count - 1; q >= 0; q--)
      for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < m; i++) {
          T s = 0;
          for (int64_t p = 0; p < k; p++) s += op(ta, a.at + q * a.stride, a.ld, i, p) * op(tb, b.at + q * b.stride, b.ld, p, j);
          T& to = c.at[q * c.stride + i + j * c.ld];
          to = x * s + (y == T(0) ? T(0) : y * to);
        }
    return 0;
  }, kBlasWord) == 0 ? 0 : kFailed;
}

template <class T>
int trsm(void* handle, int right, int upper, int op, int unit, int64_t m, int64_t n, const void* alpha, const T* t, int64_t ldt, T* x, int64_t ldx) {
  const T scale = *static_cast<const T*>(alpha);
  const int64_t size = right ? n : m;
  if (op < 0 || op > 2 || m < 0 || n < 0 || ldt < size || ldx < m) return kInvalid;
  if (!onDevice(t, size, size, ldt) || !onDevice(x, m, n, ldx)) return kFailed;
  return later(static_cast<Handle*>(handle)->stream, [=] {
    // E = op(T), of which the other triangle is not looked at.
    const auto e = [&](int64_t i, int64_t j) -> T {
      if (op) std::swap(i, j);
      if (i == j && unit) return T(1);
      const T v = (upper ? i <= j : i >= j) ? t[i + j * ldt] : T(0);
      return op == 2 ? conjugate(v) : v;
    };
    const bool isUpper = (upper != 0) != (op != 0);
    const auto at = [&](int64_t i, int64_t line) -> T& { return right ? x[line + i * ldx] : x[i + line * ldx]; };
    for (int64_t line = 0; line < (right ? m : n); line++) {
      for (int64_t i = 0; i < size; i++) at(i, line) *= scale;
      // Left: rows of E against the unknowns; right: columns.
      const bool down = right ? isUpper : !isUpper;
      for (int64_t s = 0; s < size; s++) {
        const int64_t i = down ? s : size - 1 - s;
        T v = at(i, line);
        for (int64_t r = 0; r < s; r++) { const int64_t j = down ? r : size - 1 - r; v -= (right ? e(j, i) : e(i, j)) * at(j, line); }
        at(i, line) = v / e(i, i);
      }
    }
    return 0;
  }, kBlasWord) == 0 ? 0 : kFailed;
}
}  // namespace

extern "C" {
int cublasCreate_v2(void** h) { return *h = new Handle, 0; }
int cublasDestroy_v2(void* h) { return delete static_cast<Handle*>(h), 0; }
int cublasSetStream_v2(void* h, void* s) { return static_cast<Handle*>(h)->stream = s, 0; }
int cublasSetWorkspace_v2(void*, void*, size_t) { return 0; }
// Some types have 64-bit sizes here, some have not.
#define FUNCTIONS(letter, T, I, suffix) \
  int cublas##letter##gemm_v2##suffix(void* h, int ta, int tb, I m, I n, I k, const void* x, const T* a, I lda, const T* b, I ldb, const void* y, T* c, I ldc) { return gemm<T>(h, ta, tb, m, n, k, x, {a, lda, 0}, {b, ldb, 0}, y, {c, ldc, 0}, 1); } \
  int cublas##letter##gemmStridedBatched##suffix(void* h, int ta, int tb, I m, I n, I k, const void* x, const T* a, I lda, long long sa, const T* b, I ldb, long long sb, const void* y, T* c, I ldc, long long sc, I count) { return gemm<T>(h, ta, tb, m, n, k, x, {a, lda, sa}, {b, ldb, sb}, y, {c, ldc, sc}, count); } \
  int cublas##letter##trsm_v2##suffix(void* h, int right, int upper, int op, int unit, I m, I n, const void* x, const T* t, I ldt, T* b, I ldb) { return trsm<T>(h, right, upper, op, unit, m, n, x, t, ldt, b, ldb); }
FUNCTIONS(D, double, int64_t, _64)
FUNCTIONS(S, float, int64_t, _64)
FUNCTIONS(Z, std::complex<double>, int, )
FUNCTIONS(C, std::complex<float>, int, )
}
