// Matrix products for generated code: a library where one was found and the size is worth it, our own kernels otherwise.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace dace {

// Row-major, as abi.h declares them. The result depends on the arguments and the library only, never on `threads`.
void gemmF64(int32_t transA, int32_t transB, int64_t m, int64_t n, int64_t k, double alpha, const double* a, int64_t lda, const double* b, int64_t ldb, double beta, double* c, int64_t ldc, int32_t threads);
void gemmF32(int32_t transA, int32_t transB, int64_t m, int64_t n, int64_t k, float alpha, const float* a, int64_t lda, const float* b, int64_t ldb, float beta, float* c, int64_t ldc, int32_t threads);

}  // namespace dace
