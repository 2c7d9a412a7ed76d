/** Elementary functions of our own for strict precision: the same operations in C++ and in JavaScript, so the same bits. */
export const ELEMENTARY = `
fn digamma(x) {
  var r = 0.0;
  if (x <= 0) { r = -3.141592653589793 / $tan(3.141592653589793 * x); x = 1.0 - x; }
  while (x < 10) { r = r - 1.0 / x; x = x + 1.0; }
  var f = 1.0 / (x * x);
  return r + $log(x) - 0.5 / x - f * (1.0 / 12.0 - f * (1.0 / 120.0 - f * (1.0 / 252.0 - f * (1.0 / 240.0 - f * (1.0 / 132.0 - f * (691.0 / 32760.0))))));
}
`;
