// The kernels' text, compiled once per instruction set. Everything here has internal linkage and nothing of the standard library is included: an inline
// function compiled for AVX-512 must never be the copy that the linker keeps for everyone.
#pragma once
#include "blas/kernels.h"

namespace {

template <class T, int Bytes>
struct Vec {
  typedef T Packed __attribute__((vector_size(Bytes), may_alias));
  typedef T Anywhere __attribute__((vector_size(Bytes), may_alias, aligned(alignof(T))));
};

template <class T, int Bytes, int MR, int NV>
void tile(int64_t k, const T* __restrict__ a, const T* __restrict__ b, T* __restrict__ c, int64_t ldc, T alpha, T beta) {
  using V = typename Vec<T, Bytes>::Packed;
  using U = typename Vec<T, Bytes>::Anywhere;
  constexpr int L = Bytes / int(sizeof(T));
  V acc[MR][NV] = {};
#pragma GCC unroll 32
  for (int i = 0; i < MR; i++) __builtin_prefetch(c + i * ldc, 1);
  for (int64_t p = 0; p < k; p++) {
    V row[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) row[j] = *reinterpret_cast<const V*>(b + j * L);
#pragma GCC unroll 32
    for (int i = 0; i < MR; i++) {
      const V x = a[i] - V{};  // all lanes a[i]
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) acc[i][j] += x * row[j];
    }
    a += MR;
    b += NV * L;
  }
#pragma GCC unroll 32
  for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      U* to = reinterpret_cast<U*>(c + i * ldc + j * L);
      const V scaled = alpha * acc[i][j];
      *to = beta == 0 ? scaled : V(*to * beta + scaled);
    }
}

template <class T, int Bytes>
T dot(int64_t n, const T* x, const T* y) {
  using V = typename Vec<T, Bytes>::Packed;
  using U = typename Vec<T, Bytes>::Anywhere;
  constexpr int L = Bytes / int(sizeof(T)), K = 4;
  V acc[K] = {};
  int64_t i = 0;
  for (; i + K * L <= n; i += K * L)
#pragma GCC unroll 4
    for (int j = 0; j < K; j++) acc[j] += *reinterpret_cast<const U*>(x + i + j * L) * *reinterpret_cast<const U*>(y + i + j * L);
  const V all = (acc[0] + acc[1]) + (acc[2] + acc[3]);
  T s = 0;
  for (int j = 0; j < L; j++) s += all[j];
  for (; i < n; i++) s += x[i] * y[i];
  return s;
}

template <class T, int Bytes>
void axpy(int64_t n, T s, const T* __restrict__ x, T* __restrict__ y) {
  using U = typename Vec<T, Bytes>::Anywhere;
  constexpr int L = Bytes / int(sizeof(T));
  int64_t i = 0;
  for (; i + L <= n; i += L) *reinterpret_cast<U*>(y + i) += s * *reinterpret_cast<const U*>(x + i);
  // The tail rounds as the vectors do: whoever splits the rows differently must get the same bits.
  for (; i < n; i++) {
#ifdef __FP_FAST_FMA
    y[i] = sizeof(T) == 8 ? T(__builtin_fma(double(s), double(x[i]), double(y[i]))) : T(__builtin_fmaf(float(s), float(x[i]), float(y[i])));
#else
    y[i] += s * x[i];
#endif
  }
}

template <class T, int Bytes, int MR, int NV>
constexpr dace::Kernels<T> kernels() {
  return {MR, NV * Bytes / int(sizeof(T)), tile<T, Bytes, MR, NV>, dot<T, Bytes>, axpy<T, Bytes>};
}

}  // namespace
