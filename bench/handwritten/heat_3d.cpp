// args: A, B, w, gA, gB, value, a (work), b (work). symbols: mode, steps, n.
#include "common.hpp"
static void step(int64_t n, const double* RS a, double* RS b) {
  const int64_t s = n * n;
  for (int64_t i = 1; i < n - 1; i++) for (int64_t j = 1; j < n - 1; j++) {
    const double* q = a + i * s + j * n; double* o = b + i * s + j * n;
    for (int64_t k = 1; k < n - 1; k++)
      o[k] = 0.125 * (q[k + s] - 2.0 * q[k] + q[k - s]) + 0.125 * (q[k + n] - 2.0 * q[k] + q[k - n]) + 0.125 * (q[k + 1] - 2.0 * q[k] + q[k - 1]) + q[k];
  }
}
static void adjoint(int64_t n, double* RS from, double* RS to) {
  const int64_t s = n * n;
  auto in = [&](int64_t x) { return x >= 1 && x < n - 1; };
  auto at = [&](int64_t i, int64_t j, int64_t k) { return in(i) && in(j) && in(k) ? from[i * s + j * n + k] : 0.0; };
  for (int64_t i = 0; i < n; i++) for (int64_t j = 0; j < n; j++) {
    double* t = to + i * s + j * n; const double* q = from + i * s + j * n;
    auto edge = [&](int64_t k) { t[k] += 0.25 * at(i, j, k) + 0.125 * (at(i, j, k - 1) + at(i, j, k + 1) + at(i, j - 1, k) + at(i, j + 1, k) + at(i - 1, j, k) + at(i + 1, j, k)); };
    if (i < 2 || i >= n - 2 || j < 2 || j >= n - 2 || n < 5) { for (int64_t k = 0; k < n; k++) edge(k); continue; }
    edge(0); edge(1);
    for (int64_t k = 2; k < n - 2; k++) t[k] += 0.25 * q[k] + 0.125 * (q[k - 1] + q[k + 1] + q[k - n] + q[k + n] + q[k - s] + q[k + s]);
    edge(n - 2); edge(n - 1);
  }
  for (int64_t i = 1; i < n - 1; i++) for (int64_t j = 1; j < n - 1; j++) std::memset(from + i * s + j * n + 1, 0, sizeof(double) * (n - 2));
}
ENTRY {
  const int64_t T = symbols[1], n = symbols[2], total = n * n * n, bytes = sizeof(double) * total;
  double *w = D(args, 2), *gA = D(args, 3), *gB = D(args, 4), *a = D(args, 6), *b = D(args, 7);
  std::memcpy(a, args[0], bytes); std::memcpy(b, args[1], bytes);
  for (int64_t t = 0; t < T; t++) { step(n, a, b); step(n, b, a); }
  *D(args, 5) = dot(total, w, a);
  if (symbols[0] == 0) return 0;
  std::memcpy(gA, w, bytes); std::memset(gB, 0, bytes);
  for (int64_t t = 0; t < T; t++) { adjoint(n, gA, gB); adjoint(n, gB, gA); }
  return 0;
}
