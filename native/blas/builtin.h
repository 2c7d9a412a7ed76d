// Our own matrix product.
#pragma once
#include <cstdint>

namespace dace {

// Every element of C is computed by one thread, over k in one order that depends on k alone: bits do not depend on `threads`.
template <class T>
void builtinGemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc, int32_t threads);

extern template void builtinGemm<double>(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t, double, double*, int64_t, int32_t);
extern template void builtinGemm<float>(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t, int32_t);

// The instruction set in use: "avx512", "avx2" or "base".
const char* builtinName();

}  // namespace dace
