// Inner kernels of our own matrix product, one set per instruction set.
#pragma once
#include <stdint.h>

namespace dace {

template <class T>
struct Kernels {
  int mr, nr;  // size of a register tile
  // c[mr,nr] = alpha * a * b + beta * c; a: k columns of mr, b: k rows of nr (64-byte aligned). beta 0: c is not read.
  void (*tile)(int64_t k, const T* a, const T* b, T* c, int64_t ldc, T alpha, T beta);
  T (*dot)(int64_t n, const T* x, const T* y);
  // y += s * x
  void (*axpy)(int64_t n, T s, const T* x, T* y);
};

extern const Kernels<double> kBaseF64;
extern const Kernels<float> kBaseF32;
#if defined(__x86_64__)
extern const Kernels<double> kAvx2F64;
extern const Kernels<float> kAvx2F32;
extern const Kernels<double> kAvx512F64;
extern const Kernels<float> kAvx512F32;
#endif

}  // namespace dace
