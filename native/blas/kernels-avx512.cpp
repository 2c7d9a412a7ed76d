// Kernels for AVX-512: 24 of 32 registers accumulate. CMakeLists.txt gives this file its flags.
#if defined(__x86_64__)
#include "blas/kernels-body.h"

namespace dace {
extern const Kernels<double> kAvx512F64 = kernels<double, 64, 8, 3>();
extern const Kernels<float> kAvx512F32 = kernels<float, 64, 8, 3>();
}  // namespace dace
#endif
