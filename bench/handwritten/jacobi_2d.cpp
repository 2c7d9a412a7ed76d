// args: A, B, w, gA, gB, value, a (work), b (work). symbols: mode, steps, n.
#include "common.hpp"
static void step(int64_t n, const double* RS a, double* RS b) {
  for (int64_t i = 1; i < n - 1; i++) {
    const double* q = a + i * n; double* o = b + i * n;
    for (int64_t j = 1; j < n - 1; j++) o[j] = 0.2 * (q[j] + q[j - 1] + q[j + 1] + q[j + n] + q[j - n]);
  }
}
// The transposed stencil, gathered: to += S^T from; then from's interior, which the step overwrote, is cleared.
static void adjoint(int64_t n, double* RS from, double* RS to) {
  auto at = [&](int64_t i, int64_t j) { return i >= 1 && i < n - 1 && j >= 1 && j < n - 1 ? from[i * n + j] : 0.0; };
  for (int64_t i = 0; i < n; i++) {
    double* t = to + i * n; const double* q = from + i * n;
    auto edge = [&](int64_t j) { t[j] += 0.2 * (at(i, j) + at(i, j - 1) + at(i, j + 1) + at(i - 1, j) + at(i + 1, j)); };
    if (i < 2 || i >= n - 2 || n < 5) { for (int64_t j = 0; j < n; j++) edge(j); continue; }
    edge(0); edge(1);
    for (int64_t j = 2; j < n - 2; j++) t[j] += 0.2 * (q[j] + q[j - 1] + q[j + 1] + q[j - n] + q[j + n]);
    edge(n - 2); edge(n - 1);
  }
  for (int64_t i = 1; i < n - 1; i++) std::memset(from + i * n + 1, 0, sizeof(double) * (n - 2));
}
ENTRY {
  const int64_t T = symbols[1], n = symbols[2], bytes = sizeof(double) * n * n;
  double *w = D(args, 2), *gA = D(args, 3), *gB = D(args, 4), *a = D(args, 6), *b = D(args, 7);
  std::memcpy(a, args[0], bytes); std::memcpy(b, args[1], bytes);
  for (int64_t t = 0; t < T; t++) { step(n, a, b); step(n, b, a); }
  *D(args, 5) = dot(n * n, w, a);
  if (symbols[0] == 0) return 0;
  std::memcpy(gA, w, bytes); std::memset(gB, 0, bytes);
  for (int64_t t = 0; t < T; t++) { adjoint(n, gA, gB); adjoint(n, gB, gA); }
  return 0;
}
