// Kernels for AVX2 with FMA: 12 of 16 registers accumulate. CMakeLists.txt gives this file its flags.
#if defined(__x86_64__)
#include "blas/kernels-body.h"

namespace dace {
extern const Kernels<double> kAvx2F64 = kernels<double, 32, 6, 2>();
extern const Kernels<float> kAvx2F32 = kernels<float, 32, 6, 2>();
}  // namespace dace
#endif
