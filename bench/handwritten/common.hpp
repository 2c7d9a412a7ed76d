// What the hand-written adjoints share: the runtime's entry signature and a few loops.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#define RS __restrict__
using std::int32_t;
using std::int64_t;
struct dace_rt;
// Symbol 0 of every program: 0 = forward (value only), 1 = gradient. args: inputs, weights, gradients, value[1], work arrays.
#define ENTRY extern "C" int32_t dace_run(const dace_rt*, void* const* args, const int64_t* symbols, void*)
static inline double* D(void* const* args, int i) { return static_cast<double*>(args[i]); }
// Four accumulators, as a compiler may not reorder a plain sum.
static inline double dot(int64_t n, const double* RS a, const double* RS b) {
  double s = 0;
#pragma omp simd reduction(+ : s)
  for (int64_t i = 0; i < n; i++) s += a[i] * b[i];
  return s;
}
