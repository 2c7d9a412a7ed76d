// args: A, w, gA, value, a (work), part (work, n). symbols: mode, n. The adjoint needs the factors only.
#include "common.hpp"
ENTRY {
  const int64_t n = symbols[1], bytes = sizeof(double) * n * n;
  double *w = D(args, 1), *gA = D(args, 2), *a = D(args, 4), *part = D(args, 5);
  std::memcpy(a, args[0], bytes);
  for (int64_t k = 0; k < n; k++) for (int64_t i = k + 1; i < n; i++) {
    const double* RS top = a + k * n; double* RS row = a + i * n;
    const double l = row[k] / top[k];
    row[k] = l;
    for (int64_t j = k + 1; j < n; j++) row[j] -= l * top[j];
  }
  *D(args, 3) = dot(n * n, w, a);
  if (symbols[0] == 0) return 0;
  std::memcpy(gA, w, bytes);
  for (int64_t k = n - 1; k >= 0; k--) {
    const double* RS top = a + k * n;
    const double inverse = 1 / top[k];
    for (int64_t j = k; j < n; j++) part[j] = 0;
    for (int64_t i = k + 1; i < n; i++) {
      const double l = a[i * n + k];
      double* RS g = gA + i * n;
      double s = 0;
#pragma omp simd reduction(+ : s)
      for (int64_t j = k + 1; j < n; j++) { s += g[j] * top[j]; part[j] -= l * g[j]; }
      const double gl = (g[k] - s) * inverse;
      g[k] = gl;
      part[k] -= gl * l;
    }
    for (int64_t j = k; j < n; j++) gA[k * n + j] += part[j];
  }
  return 0;
}
