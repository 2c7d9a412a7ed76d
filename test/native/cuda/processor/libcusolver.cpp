// A cuSOLVER made of the processor, for tests: the 64-bit interface for dense matrices, column-major, done when somebody waits. As unkind as the library may be: work space of the size that was
// asked for is written all over, and so is the triangle that a factor does not fill, what a factorisation loses, and everything where it fails. PROCESSOR_SOLVER: "info N", what every call
// finds in place of its result; "status N", what every call returns.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "later.h"

namespace {
using namespace processor;
enum : int { kOk = 0, kInvalid = 3, kFailed = 6 };
template <class T> struct Parts { using Real = T; };
template <class T> struct Parts<std::complex<T>> { using Real = T; };
template <class T> using Real = typename Parts<T>::Real;
template <class T> T nothing() { return T(std::numeric_limits<Real<T>>::quiet_NaN()); }
template <class T> T hermitian(T x) { return T(std::real(x)); }

struct Space { void* device; size_t bytes; void* host; size_t hostBytes; int* info; };
struct Sizes { size_t device, host; };
// Some want memory of the host as well.
template <class T> Sizes potrfSizes(int64_t n) { return {size_t(n * 8) * sizeof(T) + 24, 0}; }
template <class T> Sizes getrfSizes(int64_t n) { return {size_t(n * 32) * sizeof(T), 40}; }
template <class T> Sizes syevdSizes(int64_t n) { return {size_t(n * n + 3 * n) * sizeof(T) + 8, 0}; }
template <class T> Sizes gesvdSizes(int64_t m, int64_t n) { return {size_t(m + 5 * n) * sizeof(T), 72}; }

int given(const char* word, int otherwise) {
  const char* v = std::getenv("PROCESSOR_SOLVER");
  return v && std::strncmp(v, word, std::strlen(word)) == 0 ? std::atoi(v + std::strlen(word)) : otherwise;
}

// Runs `f`, which gives devInfo, in the stream's order; `spoil` for what failed.
int factor(void* handle, const Space& s, Sizes want, std::function<int()> f, std::function<void()> spoil) {
  if (const int status = given("status ", 0)) return status;
  if (s.bytes < want.device || s.hostBytes < want.host || (want.host && !s.host) || !s.info) return kInvalid;
  if (!onDevice(s.device, want.device) || !onDevice(s.info, sizeof(int))) return kFailed;
  const int found = given("info ", 0);
  return later(static_cast<Handle*>(handle)->stream, [=] {
    std::memset(s.device, 0x7f, want.device);
    if (want.host) std::memset(s.host, 0x7f, want.host);
    const int info = found != 0 ? found : f();
    if (info != 0) spoil();
    *s.info = info;
    return 0;
  }, kSolverWord) == 0 ? kOk : kFailed;
}
template <class T>
std::function<void()> spoiled(T* a, int64_t rows, int64_t columns, int64_t lda) {
  return [=] { for (int64_t j = 0; j < columns; j++) for (int64_t i = 0; i < rows; i++) a[i + j * lda] = nothing<T>(); };
}

template <class T>
int potrf(void* h, int upper, int64_t n, T* a, int64_t lda, const Space& s) {
  if (n < 0 || lda < n) return kInvalid;
  if (!onDevice(a, n, n, lda)) return kFailed;
  return factor(h, s, potrfSizes<T>(n), [=] {
    // Of the lower triangle L, or of the upper one Lᴴ.
    const auto get = [&](int64_t i, int64_t j) { return upper ? conjugate(a[j + i * lda]) : a[i + j * lda]; };
    const auto put = [&](int64_t i, int64_t j, T v) { (upper ? a[j + i * lda] : a[i + j * lda]) = upper ? conjugate(v) : v; };
    for (int64_t j = 0; j < n; j++) {
      T d = hermitian(get(j, j));
      for (int64_t k = 0; k < j; k++) d -= T(std::norm(get(j, k)));
      if (!(std::real(d) > 0)) return int(j + 1);
      const T root = std::sqrt(std::real(d));
      put(j, j, root);
      for (int64_t i = j + 1; i < n; i++) {
        T v = get(i, j);
        for (int64_t k = 0; k < j; k++) v -= get(i, k) * conjugate(get(j, k));
        put(i, j, v / root);
      }
    }
    for (int64_t j = 0; j < n; j++) for (int64_t i = 0; i < j; i++) (upper ? a[j + i * lda] : a[i + j * lda]) = nothing<T>();
    return 0;
  }, spoiled(a, n, n, lda));
}

template <class T>
int getrf(void* h, int64_t m, int64_t n, T* a, int64_t lda, int64_t* pivots, const Space& s) {
  if (n < 0 || m != n || lda < n) return kInvalid;
  if (!onDevice(a, n, n, lda) || (pivots && !onDevice(pivots, n, int64_t(1), n))) return kFailed;
  return factor(h, s, getrfSizes<T>(n), [=] {
    int info = 0;
    const auto size = [](T x) { return std::abs(std::real(x)) + std::abs(std::imag(x)); };
    for (int64_t k = 0; k < n; k++) {
      int64_t p = k;
      if (pivots) for (int64_t i = k + 1; i < n; i++) if (size(a[i + k * lda]) > size(a[p + k * lda])) p = i;
      if (pivots) pivots[k] = p + 1;
      if (p != k) for (int64_t j = 0; j < n; j++) std::swap(a[k + j * lda], a[p + j * lda]);
      if (a[k + k * lda] == T(0)) { if (!info) info = int(k + 1); continue; }
      for (int64_t i = k + 1; i < n; i++) {
        const T l = a[i + k * lda] /= a[k + k * lda];
        for (int64_t j = k + 1; j < n; j++) a[i + j * lda] -= l * a[k + j * lda];
      }
    }
    return info;
  }, spoiled(a, n, n, lda));
}

// Columns of x (m rows) are turned until they are orthogonal, those of v (n rows) with them.
template <class T>
void orthogonalise(std::vector<T>& x, int64_t m, std::vector<T>& v, int64_t n) {
  using R = Real<T>;
  const auto turn = [](std::vector<T>& of, int64_t rows, int64_t p, int64_t q, R c, R s, T phase) {
    for (int64_t i = 0; i < rows; i++) {
      const T a = of[i + p * rows], b = of[i + q * rows] * phase;
      of[i + p * rows] = c * a - s * b, of[i + q * rows] = s * a + c * b;
    }
  };
  bool again = true;
  for (int sweep = 0; again && sweep < 60; sweep++) {
    again = false;
    for (int64_t p = 0; p < n; p++)
      for (int64_t q = p + 1; q < n; q++) {
        R aa = 0, bb = 0;
        T ab = 0;
        for (int64_t i = 0; i < m; i++) aa += std::norm(x[i + p * m]), bb += std::norm(x[i + q * m]), ab += conjugate(x[i + p * m]) * x[i + q * m];
        if (!(std::abs(ab) > 4 * std::numeric_limits<R>::epsilon() * std::sqrt(aa) * std::sqrt(bb))) continue;
        again = true;
        const R zeta = (bb - aa) / (2 * std::abs(ab)), t = std::copysign(R(1), zeta) / (std::abs(zeta) + std::hypot(R(1), zeta)), c = 1 / std::sqrt(1 + t * t);
        const T phase = conjugate(ab) / T(std::abs(ab));
        turn(x, m, p, q, c, c * t, phase), turn(v, n, p, q, c, c * t, phase);
      }
  }
}
std::vector<int64_t> order(int64_t n, const std::function<bool(int64_t, int64_t)>& before) {
  std::vector<int64_t> o(size_t(n), 0);
  for (int64_t i = 0; i < n; i++) o[size_t(i)] = i;
  std::stable_sort(o.begin(), o.end(), before);
  return o;
}

template <class T>
int syevd(void* h, int vectors, int upper, int64_t n, T* a, int64_t lda, Real<T>* w, const Space& s) {
  using R = Real<T>;
  if (vectors != 1 || n < 0 || lda < n) return kInvalid;
  if (!onDevice(a, n, n, lda) || !onDevice(w, n, int64_t(1), n)) return kFailed;
  return factor(h, s, syevdSizes<T>(n), [=] {
    // A + μ has eigenvalues from μ/2 up: its singular vectors are its eigenvectors.
    std::vector<T> x(size_t(n * n)), v(size_t(n * n), T(0));
    R mu = 0;
    for (int64_t j = 0; j < n; j++) {
      for (int64_t i = 0; i < n; i++) {
        const bool mine = upper ? i <= j : i >= j;
        x[size_t(i + j * n)] = i == j ? hermitian(a[i + i * lda]) : mine ? a[i + j * lda] : conjugate(a[j + i * lda]);
        mu += std::norm(x[size_t(i + j * n)]);
      }
      v[size_t(j + j * n)] = 1;
    }
    mu = 2 * std::sqrt(mu);
    if (!std::isfinite(mu)) return 1;
    for (int64_t j = 0; j < n; j++) x[size_t(j + j * n)] += T(mu);
    orthogonalise(x, n, v, n);
    std::vector<R> values(size_t(n), 0);
    for (int64_t j = 0; j < n; j++) {
      R q = 0;
      for (int64_t i = 0; i < n; i++) q += std::norm(x[size_t(i + j * n)]);
      values[size_t(j)] = std::sqrt(q) - mu;
    }
    const auto o = order(n, [&](int64_t p, int64_t q) { return values[size_t(p)] < values[size_t(q)]; });
    for (int64_t j = 0; j < n; j++) {
      w[j] = values[size_t(o[size_t(j)])];
      for (int64_t i = 0; i < n; i++) a[i + j * lda] = v[size_t(i + o[size_t(j)] * n)];
    }
    return 0;
  }, [=] { spoiled(a, n, n, lda)(); spoiled(w, n, int64_t(1), n)(); });
}

template <class T>
int gesvd(void* h, signed char jobU, signed char jobV, int64_t m, int64_t n, T* a, int64_t lda, Real<T>* w, T* u, int64_t ldu, T* vt, int64_t ldvt, const Space& s) {
  using R = Real<T>;
  if (jobU != 'S' || jobV != 'S' || n < 0 || m < n || lda < m || ldu < m || ldvt < n) return kInvalid;
  if (!onDevice(a, m, n, lda) || !onDevice(w, n, int64_t(1), n) || !onDevice(u, m, n, ldu) || !onDevice(vt, n, n, ldvt)) return kFailed;
  return factor(h, s, gesvdSizes<T>(m, n), [=] {
    std::vector<T> x(size_t(m * n)), v(size_t(n * n), T(0));
    for (int64_t j = 0; j < n; j++) {
      for (int64_t i = 0; i < m; i++) if (T& e = x[size_t(i + j * m)] = a[i + j * lda]; !std::isfinite(std::norm(e))) return 1;
      v[size_t(j + j * n)] = 1;
    }
    orthogonalise(x, m, v, n);
    std::vector<R> values(size_t(n), 0);
    R most = 0;
    for (int64_t j = 0; j < n; j++) {
      R q = 0;
      for (int64_t i = 0; i < m; i++) q += std::norm(x[size_t(i + j * m)]);
      most = std::max(most, values[size_t(j)] = std::sqrt(q));
    }
    const auto o = order(n, [&](int64_t p, int64_t q) { return values[size_t(p)] > values[size_t(q)]; });
    for (int64_t j = 0; j < n; j++) {
      const int64_t from = o[size_t(j)];
      const bool zero = values[size_t(from)] <= most * R(n) * std::numeric_limits<R>::epsilon();
      w[j] = zero ? R(0) : values[size_t(from)];
      for (int64_t i = 0; i < n; i++) vt[j + i * ldvt] = conjugate(v[size_t(i + from * n)]);
      for (int64_t i = 0; i < m; i++) u[i + j * ldu] = zero ? T(0) : x[size_t(i + from * m)] / T(values[size_t(from)]);
      // Some unit vector is far from what the columns before span.
      for (int64_t k = 0; zero && k < m; k++) {
        std::vector<T> e(size_t(m), T(0));
        e[size_t(k)] = 1;
        for (int again = 0; again < 2; again++)
          for (int64_t l = 0; l < j; l++) {
            T d = 0;
            for (int64_t i = 0; i < m; i++) d += conjugate(u[i + l * ldu]) * e[size_t(i)];
            for (int64_t i = 0; i < m; i++) e[size_t(i)] -= d * u[i + l * ldu];
          }
        R q = 0;
        for (const T& z : e) q += std::norm(z);
        if (q * R(4 * m) <= 1) continue;
        for (int64_t i = 0; i < m; i++) u[i + j * ldu] = e[size_t(i)] / T(std::sqrt(q));
        break;
      }
    }
    spoiled(a, m, n, lda)();
    return 0;
  }, [=] { spoiled(a, m, n, lda)(); spoiled(u, m, n, ldu)(); spoiled(vt, n, n, ldvt)(); spoiled(w, n, int64_t(1), n)(); });
}

// The library's numbers for data types: real and complex, single and double. `real`: of the values that go with it.
template <class F>
int byType(int data, int real, F f) {
  switch (data) {
    case 0: return real == 0 ? f(float()) : kInvalid;
    case 1: return real == 1 ? f(double()) : kInvalid;
    case 4: return real == 0 ? f(std::complex<float>()) : kInvalid;
    case 5: return real == 1 ? f(std::complex<double>()) : kInvalid;
    default: return kInvalid;
  }
}
int realOf(int data) { return data == 4 ? 0 : data == 5 ? 1 : data; }
int tell(Sizes s, size_t* device, size_t* host) { return *device = s.device, *host = s.host, kOk; }
int params = 0;
}  // namespace

extern "C" {
int cusolverDnCreate(void** h) { return *h = new Handle, kOk; }
int cusolverDnDestroy(void* h) { return delete static_cast<Handle*>(h), kOk; }
int cusolverDnSetStream(void* h, void* s) { return static_cast<Handle*>(h)->stream = s, kOk; }
int cusolverDnCreateParams(void** p) { return *p = &params, kOk; }
int cusolverDnDestroyParams(void* p) { return p == &params ? kOk : kInvalid; }

#define WITH(p, data, real, call) ((p) == &params ? byType(data, real, [&](auto zero) { using T = decltype(zero); return call; }) : kInvalid)
int cusolverDnXpotrf_bufferSize(void*, void* p, int, int64_t n, int data, const void*, int64_t, int compute, size_t* d, size_t* h) { return compute == data ? WITH(p, data, realOf(data), tell(potrfSizes<T>(n), d, h)) : kInvalid; }
int cusolverDnXpotrf(void* handle, void* p, int upper, int64_t n, int data, void* a, int64_t lda, int, void* dw, size_t db, void* hw, size_t hb, int* info) {
  return WITH(p, data, realOf(data), potrf(handle, upper, n, static_cast<T*>(a), lda, {dw, db, hw, hb, info}));
}
int cusolverDnXgetrf_bufferSize(void*, void* p, int64_t, int64_t n, int data, const void*, int64_t, int compute, size_t* d, size_t* h) { return compute == data ? WITH(p, data, realOf(data), tell(getrfSizes<T>(n), d, h)) : kInvalid; }
int cusolverDnXgetrf(void* handle, void* p, int64_t m, int64_t n, int data, void* a, int64_t lda, int64_t* pivots, int, void* dw, size_t db, void* hw, size_t hb, int* info) {
  return WITH(p, data, realOf(data), getrf(handle, m, n, static_cast<T*>(a), lda, pivots, {dw, db, hw, hb, info}));
}
int cusolverDnXsyevd_bufferSize(void*, void* p, int, int, int64_t n, int data, const void*, int64_t, int real, const void*, int compute, size_t* d, size_t* h) { return compute == data ? WITH(p, data, real, tell(syevdSizes<T>(n), d, h)) : kInvalid; }
int cusolverDnXsyevd(void* handle, void* p, int vectors, int upper, int64_t n, int data, void* a, int64_t lda, int real, void* w, int, void* dw, size_t db, void* hw, size_t hb, int* info) {
  return WITH(p, data, real, syevd(handle, vectors, upper, n, static_cast<T*>(a), lda, static_cast<Real<T>*>(w), {dw, db, hw, hb, info}));
}
int cusolverDnXgesvd_bufferSize(void*, void* p, signed char, signed char, int64_t m, int64_t n, int data, const void*, int64_t, int real, const void*, int dataU, const void*, int64_t, int dataV, const void*, int64_t, int compute, size_t* d, size_t* h) {
  return dataU == data && dataV == data && compute == data ? WITH(p, data, real, tell(gesvdSizes<T>(m, n), d, h)) : kInvalid;
}
int cusolverDnXgesvd(void* handle, void* p, signed char jobU, signed char jobV, int64_t m, int64_t n, int data, void* a, int64_t lda, int real, void* w, int dataU, void* u, int64_t ldu, int dataV, void* vt, int64_t ldvt, int, void* dw, size_t db, void* hw, size_t hb, int* info) {
  return dataU == data && dataV == data ? WITH(p, data, real, gesvd(handle, jobU, jobV, m, n, static_cast<T*>(a), lda, static_cast<Real<T>*>(w), static_cast<T*>(u), ldu, static_cast<T*>(vt), ldvt, {dw, db, hw, hb, info})) : kInvalid;
}
}
