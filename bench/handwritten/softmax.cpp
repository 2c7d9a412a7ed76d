// args: x, w, gx, value, y (work). symbols: mode, rows, cols. exp is glibc's vector function.
#include "common.hpp"
extern "C" __attribute__((__simd__("notinbranch"))) double exp(double) noexcept;
ENTRY {
  const int64_t R = symbols[1], N = symbols[2];
  double L = 0;
  for (int64_t r = 0; r < R; r++) {
    const double *RS x = D(args, 0) + r * N, *RS w = D(args, 1) + r * N;
    double* RS y = D(args, 4) + r * N;
    double m = x[0];
#pragma omp simd reduction(max : m)
    for (int64_t j = 1; j < N; j++) m = x[j] > m ? x[j] : m;
    double s = 0, u = 0;
#pragma omp simd reduction(+ : s, u)
    for (int64_t j = 0; j < N; j++) { const double e = exp(x[j] - m); y[j] = e; s += e; u += e * w[j]; }
    s = 1 / s; u *= s; L += u;
    if (symbols[0] == 0) { for (int64_t j = 0; j < N; j++) y[j] *= s; continue; }
    double* RS g = D(args, 2) + r * N;
    for (int64_t j = 0; j < N; j++) { const double q = y[j] * s; y[j] = q; g[j] = q * (w[j] - u); }
  }
  *D(args, 3) = L;
  return 0;
}
