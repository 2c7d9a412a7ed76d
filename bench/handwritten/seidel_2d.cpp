// args: A, w, gA, value, a (work), row (work, n + 1). symbols: mode, steps, n.
#include "common.hpp"
// The eight terms that do not depend on the left neighbour are summed first, vectorised; then the short recurrence runs.
static void sweep(int64_t n, double* RS a, double* RS row) {
  for (int64_t i = 1; i < n - 1; i++) {
    double* q = a + i * n; const double *u = q - n, *d = q + n;
    for (int64_t j = 1; j < n - 1; j++) row[j] = (u[j - 1] + u[j] + u[j + 1] + q[j] + q[j + 1] + d[j - 1] + d[j] + d[j + 1]) * (1 / 9.0);
    double p = q[0];
    for (int64_t j = 1; j < n - 1; j++) { p = row[j] + p * (1 / 9.0); q[j] = p; }
  }
}
ENTRY {
  const int64_t T = symbols[1], n = symbols[2], bytes = sizeof(double) * n * n;
  double *w = D(args, 1), *gA = D(args, 2), *a = D(args, 4), *row = D(args, 5);
  std::memcpy(a, args[0], bytes);
  for (int64_t t = 0; t < T; t++) sweep(n, a, row);
  *D(args, 3) = dot(n * n, w, a);
  if (symbols[0] == 0) return 0;
  std::memcpy(gA, w, bytes);
  for (int64_t t = 0; t < T; t++) for (int64_t i = n - 2; i >= 1; i--) {
    double *RS q = gA + i * n, *u = q - n, *d = q + n;
    row[0] = row[n - 1] = 0;
    double p = 0;
    for (int64_t j = n - 2; j >= 1; j--) { p = (q[j] + p) * (1 / 9.0); row[j] = p; }
    u[0] += row[1]; d[0] += row[1]; q[0] += row[1];
    u[n - 1] += row[n - 2]; d[n - 1] += row[n - 2]; q[n - 1] += row[n - 2];
    for (int64_t j = 1; j < n - 1; j++) { const double s = row[j - 1] + row[j] + row[j + 1]; u[j] += s; d[j] += s; q[j] = row[j] + row[j - 1]; }
  }
  return 0;
}
