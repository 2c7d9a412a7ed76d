// Kernels for the least that the target promises (SSE2, NEON): 128-bit vectors.
#include "blas/kernels-body.h"

namespace dace {
extern const Kernels<double> kBaseF64 = kernels<double, 16, 4, 2>();
extern const Kernels<float> kBaseF32 = kernels<float, 16, 4, 2>();
}  // namespace dace
