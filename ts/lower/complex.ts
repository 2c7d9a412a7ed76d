/**
 * Complex operators, written once in the subset that `portable.ts` prints in both languages. All compute in double; complex64 values are rounded
 * by their printer. `z` and `w` are complex, other parameters real; `C` makes a complex number.
 */
export const COMPLEX = `
cfn zadd(z, w) { return C(z.re + w.re, z.im + w.im); }
cfn zsub(z, w) { return C(z.re - w.re, z.im - w.im); }
cfn zmul(z, w) { return C(muladd(z.re, w.re, -(z.im * w.im)), muladd(z.re, w.im, z.im * w.re)); }
cfn zdiv(z, w) {
  if (abs(w.re) >= abs(w.im)) { var r = w.im / w.re; var d = w.re + w.im * r; if (abs(w.re) == 0 && abs(w.im) == 0) { return C(z.re / abs(w.re), z.im / abs(w.re)); } return C((z.re + z.im * r) / d, (z.im - z.re * r) / d); }
  var q = w.re / w.im; var e = w.re * q + w.im; return C((z.re * q + z.im) / e, (z.im * q - z.re) / e);
}
cfn zneg(z) { return C(-z.re, -z.im); }
cfn zconj(z) { return C(z.re, -z.im); }
cfn zsquare(z) { return C(muladd(z.re, z.re, -(z.im * z.im)), muladd(z.re, z.im, z.im * z.re)); }
cfn zreciprocal(z) { return zdiv(C(1.0, 0.0), z); }
fn zabs(z) { return $hypot(z.re, z.im); }
fn zarg(z) { return $atan2(z.im, z.re); }
bfn zeq(z, w) { return z.re == w.re && z.im == w.im; }
bfn zlt(z, w) { return z.re < w.re || (z.re == w.re && z.im < w.im); }
bfn zle(z, w) { return z.re < w.re || (z.re == w.re && z.im <= w.im); }
bfn zisnan(z) { return z.re != z.re || z.im != z.im; }
bfn zisinf(z) { return abs(z.re) == INF || abs(z.im) == INF; }
bfn zisfinite(z) { return abs(z.re) < INF && abs(z.im) < INF; }
cfn zmin(z, w) { return zisnan(z) || (!zisnan(w) && zle(z, w)) ? z : w; }
cfn zmax(z, w) { return zisnan(z) || (!zisnan(w) && zle(w, z)) ? z : w; }
cfn zsign(z) { var m = zabs(z); if (m == 0) { return C(0.0, 0.0); } return C(z.re / m, z.im / m); }
cfn zexp(z) { var e = $exp(z.re); if (z.im == 0) { return C(e, z.im); } return C(e * $cos(z.im), e * $sin(z.im)); }
cfn zlog(z) { return C($log(zabs(z)), zarg(z)); }
cfn zlog2(z) { var w0 = zlog(z); return C(w0.re * 1.4426950408889634, w0.im * 1.4426950408889634); }
cfn zlog10(z) { var w0 = zlog(z); return C(w0.re * 0.4342944819032518, w0.im * 0.4342944819032518); }
cfn zlog1p(z) { if (z.im == 0 && z.re > -1.0) { return C($log1p(z.re), z.im); } return C(0.5 * $log1p(z.re * (2.0 + z.re) + z.im * z.im), $atan2(z.im, 1.0 + z.re)); }
cfn zexpm1(z) { var s = $sin(0.5 * z.im); var e = $expm1(z.re); return C(e * $cos(z.im) - 2.0 * s * s, (e + 1.0) * $sin(z.im)); }
cfn zexp2(z) { return zexp(C(z.re * 0.6931471805599453, z.im * 0.6931471805599453)); }
cfn zsqrt(z) {
  if (z.re == 0 && z.im == 0) { return C(0.0, z.im); }
  var m = sqrt(0.5 * (abs(z.re) + zabs(z)));
  if (z.re >= 0) { return C(m, z.im / (2.0 * m)); }
  return C(abs(z.im) / (2.0 * m), copysign(m, z.im));
}
cfn zsin(z) { return C($sin(z.re) * $cosh(z.im), $cos(z.re) * $sinh(z.im)); }
cfn zcos(z) { return C($cos(z.re) * $cosh(z.im), -($sin(z.re) * $sinh(z.im))); }
cfn zsinh(z) { return C($sinh(z.re) * $cos(z.im), $cosh(z.re) * $sin(z.im)); }
cfn zcosh(z) { return C($cosh(z.re) * $cos(z.im), $sinh(z.re) * $sin(z.im)); }
cfn ztanh(z) {
  if (abs(z.re) > 20.0) { return C(copysign(1.0, z.re), 4.0 * $sin(z.im) * $cos(z.im) * $exp(-2.0 * abs(z.re))); }
  var s = $sinh(z.re); var c = $cos(z.im); var d = s * s + c * c; return C(s * $cosh(z.re) / d, $sin(z.im) * c / d);
}
cfn ztimesi(z) { return C(-z.im, z.re); }
cfn ztan(z) { var w0 = ztanh(C(-z.im, z.re)); return C(w0.im, -w0.re); }
cfn zasinh(z) {
  if (z.re < 0) { return zneg(zasinh(zneg(z))); }
  return zlog(zadd(z, zsqrt(zadd(zsquare(z), C(1.0, 0.0)))));
}
cfn zasin(z) { var w0 = zasinh(C(-z.im, z.re)); return C(w0.im, -w0.re); }
cfn zacos(z) { var w0 = zasin(z); return C(1.5707963267948966 - w0.re, -w0.im); }
cfn zacosh(z) { return zlog(zadd(z, zmul(zsqrt(C(z.re + 1.0, z.im)), zsqrt(C(z.re - 1.0, z.im))))); }
cfn zatanh(z) { var w0 = zlog(zdiv(C(1.0 + z.re, z.im), C(1.0 - z.re, -z.im))); return C(0.5 * w0.re, 0.5 * w0.im); }
cfn zatan(z) { var w0 = zatanh(C(-z.im, z.re)); return C(w0.im, -w0.re); }
cfn zpowi(z, n) {
  var k = abs(n); var w0 = C(1.0, 0.0); var w1 = z;
  while (k > 0) { if (k - 2.0 * floor(k * 0.5) == 1) { w0 = zmul(w0, w1); } k = floor(k * 0.5); if (k > 0) { w1 = zmul(w1, w1); } }
  if (n < 0) { return zreciprocal(w0); }
  return w0;
}
cfn zpow(z, w) {
  if (w.re == 0 && w.im == 0) { return C(1.0, 0.0); }
  if (z.re == 0 && z.im == 0) { if (w.im == 0 && w.re > 0) { return C(0.0, 0.0); } return C(NAN, NAN); }
  if (w.im == 0 && floor(w.re) == w.re && abs(w.re) <= 100.0) { return zpowi(z, w.re); }
  return zexp(zmul(w, zlog(z)));
}
`;
