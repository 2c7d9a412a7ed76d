// args: wcon, us, up, ut, w, gwcon, gus, gup, gut, value, cc, dc, x, out (work, K*C each), cb, db, xb, bb (work). symbols: mode, K, C.
// One pass over the levels each way, in blocks of columns that stay in the cache; pivots are recomputed, nothing else is stored.
#include "common.hpp"
static constexpr double bm = 0.4, bp = 0.6, dtr = 1.5;
ENTRY {
  const int64_t K = symbols[1], C = symbols[2];
  const double *RS wc = D(args, 0), *RS us = D(args, 1), *RS up = D(args, 2), *RS ut = D(args, 3), *RS w = D(args, 4);
  double *RS gw = D(args, 5), *RS gus = D(args, 6), *RS gup = D(args, 7), *RS gut = D(args, 8);
  double *RS cc = D(args, 10), *RS dc = D(args, 11), *RS x = D(args, 12), *RS out = D(args, 13);
  double *RS cb = D(args, 14), *RS db = D(args, 15), *RS xb = D(args, 16);
  const int64_t block = 256;
  double L = 0;
  if (symbols[0]) for (double* g : {gw, gus, gup, gut}) std::memset(g, 0, sizeof(double) * K * C);
  for (int64_t c0 = 0; c0 < C; c0 += block) {
    const int64_t c1 = c0 + block < C ? c0 + block : C;
    for (int64_t k = 0; k < K; k++) {
      const int64_t o = k * C;
      if (k == 0) for (int64_t c = c0; c < c1; c++) {
        const double g = 0.25 * wc[o + C + c], v = 1 / (dtr - g * bp);
        cc[o + c] = g * bp * v;
        dc[o + c] = (dtr * up[o + c] + ut[o + c] - g * bm * (us[o + C + c] - us[o + c])) * v;
      } else if (k < K - 1) for (int64_t c = c0; c < c1; c++) {
        const double ga = -0.25 * wc[o + c], g = 0.25 * wc[o + C + c], v = 1 / (dtr - ga * bp - g * bp - cc[o - C + c] * ga * bp);
        cc[o + c] = g * bp * v;
        dc[o + c] = (dtr * up[o + c] + ut[o + c] - ga * bm * (us[o - C + c] - us[o + c]) - g * bm * (us[o + C + c] - us[o + c]) - dc[o - C + c] * ga * bp) * v;
      } else for (int64_t c = c0; c < c1; c++) {
        const double ga = -0.25 * wc[o + c], v = 1 / (dtr - ga * bp - cc[o - C + c] * ga * bp);
        cc[o + c] = 0;
        dc[o + c] = (dtr * up[o + c] + ut[o + c] - ga * bm * (us[o - C + c] - us[o + c]) - dc[o - C + c] * ga * bp) * v;
      }
    }
    for (int64_t k = K - 1; k >= 0; k--) {
      const int64_t o = k * C;
      double s = 0;
#pragma omp simd reduction(+ : s)
      for (int64_t c = c0; c < c1; c++) {
        const double v = k == K - 1 ? dc[o + c] : dc[o + c] - cc[o + c] * x[o + C + c];
        x[o + c] = v; out[o + c] = dtr * (v - up[o + c]); s += w[o + c] * out[o + c];
      }
      L += s;
    }
    if (!symbols[0]) continue;
    for (int64_t c = c0; c < c1; c++) xb[c] = 0;
    for (int64_t k = 0; k < K; k++) {  // back substitution reversed: levels upwards; xb carries d(loss)/d x[k]
      const int64_t o = k * C;
      for (int64_t c = c0; c < c1; c++) {
        const double g = xb[c] + dtr * w[o + c];
        gup[o + c] -= dtr * w[o + c];
        gut[o + c] = g;                       // d(loss)/d dc[k], consumed below
        if (k < K - 1) { gw[o + c] = -g * x[o + C + c]; xb[c] = -g * cc[o + c]; } else gw[o + c] = 0;  // gw holds d(loss)/d cc[k] for now
      }
    }
    for (int64_t c = c0; c < c1; c++) cb[c] = db[c] = 0;
    for (int64_t k = K - 1; k >= 0; k--) {  // elimination reversed
      const int64_t o = k * C;
      for (int64_t c = c0; c < c1; c++) {
        const bool lo = k > 0, hi = k < K - 1;
        const double ga = lo ? -0.25 * wc[o + c] : 0, g = hi ? 0.25 * wc[o + C + c] : 0, ac = ga * bp;
        const double cp = lo ? cc[o - C + c] : 0, dp = lo ? dc[o - C + c] : 0;
        const double v = 1 / (dtr - ac - g * bp - cp * ac);
        const double gc = gw[o + c] + cb[c], gd = gut[o + c] + db[c];
        const double gn = gd * v;                                   // numerator of dc
        const double gp = -(gd * dc[o + c] + gc * cc[o + c]) * v;   // pivot's denominator
        const double gac = -gp - cp * gp - dp * gn;
        double ga_ = gac * bp, g_ = gc * v * bp - gp * bp;
        cb[c] = -ac * gp; db[c] = -ac * gn;
        gup[o + c] += dtr * gn; gut[o + c] = gn;
        if (lo) { ga_ -= gn * bm * (us[o - C + c] - us[o + c]); gus[o - C + c] -= gn * ga * bm; gus[o + c] += gn * ga * bm; }
        if (hi) { g_ -= gn * bm * (us[o + C + c] - us[o + c]); gus[o + C + c] -= gn * g * bm; gus[o + c] += gn * g * bm; gw[o + C + c] += 0.25 * g_; }
        gw[o + c] = lo ? -0.25 * ga_ : 0;
      }
    }
  }
  *D(args, 9) = L;
  return 0;
}
