/**
 * Elementary functions of our own, in the subset of `portable.ts`: under strict precision both printers use them, so that C++ and JavaScript give the same
 * bits. Argument reduction and Taylor sums; within a few units in the last place. `exp2i(k)` is 2^k, `exponent(x)` that of a normal number; `quadrant` and
 * `reduced` give n mod 4 and x - n·π/2 for large x, in integer arithmetic (`portable-natives.ts`).
 */
export const ELEMENTARY = `
fn exptail(r) { return r + r * r * (0.5 + r * (0.16666666666666666 + r * (0.041666666666666664 + r * (0.008333333333333333 + r * (0.001388888888888889 + r * (0.0001984126984126984 + r * (2.48015873015873e-05 + r * (2.7557319223985893e-06 + r * (2.755731922398589e-07 + r * (2.505210838544172e-08 + r * (2.08767569878681e-09 + r * (1.6059043836821613e-10 + r * (1.1470745597729725e-11))))))))))))); }
fn scaled(x, k) {
  if (k > 1023) { return x * exp2i(1023) * exp2i(k - 1023); }
  if (k < -1021) { return x * exp2i(k + 200) * exp2i(-200); }
  return x * exp2i(k);
}
fn m_exp(x) {
  if (x != x) { return x; }
  if (x > 709.782712893384) { return INF; }
  if (x < -745.2) { return 0.0; }
  var k = floor(x * 1.4426950408889634 + 0.5);
  return scaled(1.0 + exptail((x - k * 0.6931471803691238) - k * 1.9082149292705877e-10), k);
}
fn m_exp2(x) {
  if (x != x) { return x; }
  if (x >= 1024) { return INF; }
  if (x < -1076) { return 0.0; }
  var k = floor(x + 0.5);
  return scaled(1.0 + exptail((x - k) * 0.6931471805599453), k);
}
fn m_expm1(x) {
  if (x != x || x == 0) { return x; }
  if (abs(x) < 0.35) { return exptail(x); }
  return m_exp(x) - 1.0;
}
fn logtail(f) { var s = f / (2.0 + f); var v = s * s; var h = 0.5 * f * f; return h - s * (h + v * (0.6666666666666666 + v * (0.4 + v * (0.2857142857142857 + v * (0.2222222222222222 + v * (0.18181818181818182 + v * (0.15384615384615385 + v * (0.13333333333333333 + v * (0.11764705882352941 + v * (0.10526315789473684 + v * (0.09523809523809523 + v * (0.08695652173913043 + v * (0.08))))))))))))); }
fn m_log(x) {
  if (x != x || x == INF) { return x; }
  if (x < 0) { return NAN; }
  if (x == 0) { return -INF; }
  var e = 0.0;
  if (x < 2.2250738585072014e-308) { x = x * 18014398509481984.0; e = -54.0; }
  var n = exponent(x);
  var m = scaled(x, -n);
  if (m > 1.4142135623730951) { m = m * 0.5; n = n + 1.0; }
  e = e + n;
  return e * 0.6931471803691238 - ((logtail(m - 1.0) - e * 1.9082149292705877e-10) - (m - 1.0));
}
fn m_log2(x) {
  if (!(x > 0) || x == INF) { return m_log(x); }
  var e = 0.0;
  if (x < 2.2250738585072014e-308) { x = x * 18014398509481984.0; e = -54.0; }
  var n = exponent(x);
  var m = scaled(x, -n);
  if (m > 1.4142135623730951) { m = m * 0.5; n = n + 1.0; }
  return e + n + ((m - 1.0) - logtail(m - 1.0)) * 1.4426950408889634;
}
fn m_log10(x) { return m_log(x) * 0.4342944819032518; }
fn m_log1p(x) {
  if (x != x || x == INF || x == 0) { return x; }
  if (x < -1.0) { return NAN; }
  if (x == -1.0) { return -INF; }
  if (abs(x) < 0.25) { return x - logtail(x); }
  var u = 1.0 + x;
  return m_log(u) + (x - (u - 1.0)) / u;
}
fn sinsum(r) { var v = r * r; return r + r * v * (-0.16666666666666666 + v * (0.008333333333333333 + v * (-0.0001984126984126984 + v * (2.7557319223985893e-06 + v * (-2.505210838544172e-08 + v * (1.6059043836821613e-10 + v * (-7.647163731819816e-13 + v * (2.8114572543455206e-15 + v * (-8.22063524662433e-18))))))))); }
fn cossum(r) { var v = r * r; return 1.0 - (0.5 * v - v * v * (0.041666666666666664 + v * (-0.001388888888888889 + v * (2.48015873015873e-05 + v * (-2.755731922398589e-07 + v * (2.08767569878681e-09 + v * (-1.1470745597729725e-11 + v * (4.779477332387385e-14 + v * (-1.5619206968586225e-16 + v * (4.110317623312165e-19)))))))))); }
fn turns(x) { if (abs(x) > 800000.0) { return quadrant(x); } var n = floor(x * 0.6366197723675814 + 0.5); return n - 4.0 * floor(n * 0.25); }
fn angle(x) {
  if (abs(x) > 800000.0) { return reduced(x); }
  var n = floor(x * 0.6366197723675814 + 0.5);
  return ((x - n * 1.5707963267341256) - n * 6.077100506303966e-11) - n * 2.0222662487959506e-21;
}
fn m_sin(x) {
  if (!(abs(x) < INF)) { return NAN; }
  if (x == 0) { return x; }
  var q = turns(x);
  var r = angle(x);
  if (q == 0) { return sinsum(r); }
  if (q == 1) { return cossum(r); }
  if (q == 2) { return -sinsum(r); }
  return -cossum(r);
}
fn m_cos(x) {
  if (!(abs(x) < INF)) { return NAN; }
  var q = turns(x);
  var r = angle(x);
  if (q == 0) { return cossum(r); }
  if (q == 1) { return -sinsum(r); }
  if (q == 2) { return -cossum(r); }
  return sinsum(r);
}
fn m_tan(x) {
  if (!(abs(x) < INF)) { return NAN; }
  if (x == 0) { return x; }
  var q = turns(x);
  var r = angle(x);
  if (q == 0 || q == 2) { return sinsum(r) / cossum(r); }
  return -(cossum(r) / sinsum(r));
}
fn atansum(x) { var v = x * x; return x + x * v * (-0.3333333333333333 + v * (0.2 + v * (-0.14285714285714285 + v * (0.1111111111111111 + v * (-0.09090909090909091 + v * (0.07692307692307693 + v * (-0.06666666666666667 + v * (0.058823529411764705 + v * (-0.05263157894736842 + v * (0.047619047619047616 + v * (-0.043478260869565216 + v * (0.04 + v * (-0.037037037037037035 + v * (0.034482758620689655 + v * (-0.03225806451612903 + v * (0.030303030303030304 + v * (-0.02857142857142857 + v * (0.02702702702702703 + v * (-0.02564102564102564 + v * (0.024390243902439025 + v * (-0.023255813953488372 + v * (0.022222222222222223)))))))))))))))))))))); }
fn m_atan(x) {
  if (x != x) { return x; }
  var a = abs(x);
  var y = 0.0;
  if (a > 2.414213562373095) { y = 1.5707963267948966 - atansum(1.0 / a); }
  else if (a > 0.41421356237309503) { y = 0.7853981633974483 + atansum((a - 1.0) / (a + 1.0)); }
  else { y = atansum(a); }
  return copysign(y, x);
}
fn m_atan2(y, x) {
  if (x != x || y != y) { return NAN; }
  if (y == 0) { if (x < 0 || (x == 0 && copysign(1.0, x) < 0)) { return copysign(3.141592653589793, y); } return y; }
  if (x == 0) { return copysign(1.5707963267948966, y); }
  if (abs(x) == INF && abs(y) == INF) { return copysign(x > 0 ? 0.7853981633974483 : 2.356194490192345, y); }
  if (abs(y) == INF) { return copysign(1.5707963267948966, y); }
  if (x > 0) { return m_atan(y / x); }
  return copysign(3.141592653589793 - m_atan(abs(y / x)), y);
}
fn m_asin(x) { if (x == 0) { return x; } if (!(abs(x) <= 1.0)) { return NAN; } return m_atan(x / sqrt((1.0 - x) * (1.0 + x))); }
fn m_acos(x) { if (!(abs(x) <= 1.0)) { return NAN; } return 2.0 * m_atan(sqrt((1.0 - x) / (1.0 + x))); }
fn m_sinh(x) {
  if (x != x || x == 0) { return x; }
  var a = abs(x);
  if (a > 709.0) { var h = m_exp(0.5 * a); return copysign(0.5 * h * h, x); }
  var t = m_expm1(a);
  return copysign(0.5 * (t + t / (t + 1.0)), x);
}
fn m_cosh(x) {
  var a = abs(x);
  if (a > 709.0) { var h = m_exp(0.5 * a); return 0.5 * h * h; }
  var e = m_exp(a);
  return 0.5 * (e + 1.0 / e);
}
fn m_tanh(x) {
  if (x != x || x == 0) { return x; }
  var a = abs(x);
  if (a > 22.0) { return copysign(1.0, x); }
  var t = m_expm1(2.0 * a);
  return copysign(t / (t + 2.0), x);
}
fn m_asinh(x) {
  if (x != x || x == 0 || abs(x) == INF) { return x; }
  var a = abs(x);
  if (a > 100000000.0) { return copysign(m_log(a) + 0.6931471805599453, x); }
  return copysign(m_log1p(a + a * a / (1.0 + sqrt(1.0 + a * a))), x);
}
fn m_acosh(x) {
  if (x != x || x < 1.0) { return NAN; }
  if (x > 100000000.0) { return m_log(x) + 0.6931471805599453; }
  var t = x - 1.0;
  return m_log1p(t + sqrt(2.0 * t + t * t));
}
fn m_atanh(x) {
  if (x != x || x == 0) { return x; }
  var a = abs(x);
  if (a > 1.0) { return NAN; }
  return copysign(0.5 * m_log1p(2.0 * a / (1.0 - a)), x);
}
fn m_cbrt(x) {
  if (x != x || x == 0 || abs(x) == INF) { return x; }
  var a = abs(x);
  var k = 0.0;
  if (a < 2.2250738585072014e-308) { a = a * 18014398509481984.0; k = -18.0; }
  var e = floor(exponent(a) / 3.0);
  var m = scaled(a, -3.0 * e);
  var y = 1.0 + (m - 1.0) / 6.0;
  var i = 0.0;
  while (i < 4) { var c = y * y * y; y = y * (c + 2.0 * m) / (2.0 * c + m); i = i + 1.0; }
  y = y - (y * y * y - m) / (3.0 * y * y);
  return copysign(scaled(y, e + k), x);
}
fn m_hypot(x, y) {
  var a = abs(x);
  var b = abs(y);
  if (a == INF || b == INF) { return INF; }
  if (b > a) { var t = a; a = b; b = t; }
  if (a != a || b != b) { return NAN; }
  if (a == 0) { return 0.0; }
  var r = b / a;
  return a * sqrt(1.0 + r * r);
}
fn upper(x) { var t = x * 134217729.0; return t - (t - x); }
fn residue(x, y, p) { var a = upper(x); var b = x - a; var c = upper(y); var d = y - c; return ((a * c - p) + a * d + b * c) + b * d; }
fn powpositive(x, y) {
  var e = 0.0;
  if (x < 2.2250738585072014e-308) { x = x * 18014398509481984.0; e = -54.0; }
  var n = exponent(x);
  var m = scaled(x, -n);
  if (m > 1.4142135623730951) { m = m * 0.5; n = n + 1.0; }
  e = e + n;
  var f = m - 1.0;
  var d = 2.0 + f;
  var s = f / d;
  var sd = s * d;
  var sl = (((f - sd) - residue(s, d, sd)) - s * (f - (d - 2.0))) / d;
  var v = s * s;
  var tail = 2.0 * sl + s * (v * (0.6666666666666666 + v * (0.4 + v * (0.2857142857142857 + v * (0.2222222222222222 + v * (0.18181818181818182 + v * (0.15384615384615385 + v * (0.13333333333333333 + v * (0.11764705882352941 + v * (0.10526315789473684 + v * (0.09523809523809523 + v * (0.08695652173913043 + v * (0.08)))))))))))));
  var h = e * 0.6931471803691238;
  var g = 2.0 * s;
  var a = h + g;
  var bb = a - h;
  var lo = ((h - (a - bb)) + (g - bb)) + (tail + e * 1.9082149292705877e-10);
  var hi = a + lo;
  lo = lo - (hi - a);
  var p = y * hi;
  if (!(abs(p) < 800.0)) { return p > 0 ? INF : 0.0; }
  var pl = residue(y, hi, p) + y * lo;
  var r = m_exp(p);
  if (r == INF || r == 0) { return r; }
  return r + r * pl;
}
fn m_pow(x, y) {
  if (y == 0 || x == 1.0) { return 1.0; }
  if (x != x || y != y) { return NAN; }
  var whole = floor(y) == y ? 1.0 : 0.0;
  var odd = whole == 1.0 && abs(y) < 9007199254740992.0 && floor(0.5 * y) * 2.0 != y ? 1.0 : 0.0;
  var a = abs(x);
  var r = 0.0;
  if (abs(y) == INF) { if (a == 1.0) { return 1.0; } return (a > 1.0) == (y > 0) ? INF : 0.0; }
  if (a == 0 || a == INF) { r = (a == 0) == (y > 0) ? 0.0 : INF; return odd == 1.0 && copysign(1.0, x) < 0 ? -r : r; }
  if (x < 0 && whole == 0) { return NAN; }
  r = powpositive(a, y);
  return x < 0 && odd == 1.0 ? -r : r;
}
fn erfsum(x) {
  var t = x;
  var s = x;
  var n = 1.0;
  while (n < 90) { t = t * (2.0 * x * x / (2.0 * n + 1.0)); s = s + t; n = n + 1.0; }
  return 1.1283791670955126 * $exp(-x * x) * s;
}
fn erffraction(x) {
  var f = 0.0;
  var k = 120.0;
  while (k > 0) { f = 0.5 * k / (x + f); k = k - 1.0; }
  return $exp(-x * x) * 0.5641895835477563 / (x + f);
}
fn m_erf(x) {
  if (x != x) { return x; }
  var a = abs(x);
  if (a > 6.0) { return copysign(1.0, x); }
  if (a < 2.0) { return erfsum(x); }
  return copysign(1.0 - erffraction(a), x);
}
fn m_erfc(x) {
  if (x != x) { return x; }
  if (x > 27.3) { return 0.0; }
  if (x > 1.5) { return erffraction(x); }
  return 1.0 - m_erf(x);
}
fn m_lgamma(x) {
  if (x != x) { return x; }
  if (abs(x) == INF) { return INF; }
  if (x <= 0 && floor(x) == x) { return INF; }
  if (x < 0.5) { return $log(3.141592653589793 / abs($sin(3.141592653589793 * (x - 2.0 * floor(0.5 * x))))) - m_lgamma(1.0 - x); }
  var q = 1.0;
  while (x < 14) { q = q * x; x = x + 1.0; }
  var f = 1.0 / (x * x);
  var s = (1.0 / 12.0 - f * (1.0 / 360.0 - f * (1.0 / 1260.0 - f * (1.0 / 1680.0 - f * (1.0 / 1188.0 - f * (691.0 / 360360.0)))))) / x;
  return (x - 0.5) * $log(x) - x + 0.9189385332046727 + s - $log(q);
}
fn m_tgamma(x) {
  if (x != x || x == -INF) { return NAN; }
  if (x > 171.7) { return INF; }
  if (x == 0) { return 1.0 / x; }
  if (floor(x) == x) {
    if (x < 0) { return NAN; }
    var r = 1.0;
    var k = 2.0;
    while (k < x) { r = r * k; k = k + 1.0; }
    return r;
  }
  if (x < 0.5) { return 3.141592653589793 / ($sin(3.141592653589793 * (x - 2.0 * floor(0.5 * x))) * m_tgamma(1.0 - x)); }
  var q = 1.0;
  while (x < 14) { q = q * x; x = x + 1.0; }
  var f = 1.0 / (x * x);
  var s = (1.0 / 12.0 - f * (1.0 / 360.0 - f * (1.0 / 1260.0 - f * (1.0 / 1680.0 - f * (1.0 / 1188.0 - f * (691.0 / 360360.0)))))) / x;
  var h = $pow(x, 0.5 * (x - 0.5));
  return h * $exp(s - x) * h * 2.5066282746310002 / q;
}
fn digamma(x) {
  if (x != x || x == -INF) { return NAN; }
  if (x == INF) { return x; }
  if (x <= 0 && floor(x) == x) { return NAN; }
  var r = 0.0;
  if (x <= 0) { r = -3.141592653589793 / $tan(3.141592653589793 * (x - floor(x))); x = 1.0 - x; }
  while (x < 14) { r = r - 1.0 / x; x = x + 1.0; }
  var f = 1.0 / (x * x);
  return r + $log(x) - 0.5 / x - f * (1.0 / 12.0 - f * (1.0 / 120.0 - f * (1.0 / 252.0 - f * (1.0 / 240.0 - f * (1.0 / 132.0 - f * (691.0 / 32760.0))))));
}
`;
