/** Our own elementary functions (strict precision) against Math over many arguments, and where Math is no measure, against known values. */
import test from "ava";
import fc from "fast-check";
import { ELEMENTARY } from "../../ts/lower/elementary.js";
import { portableJs } from "../../ts/lower/portable.js";

const names = [...ELEMENTARY.matchAll(/^fn (m_\w+)\(/gm)].map((m) => m[1]!);
// eslint-disable-next-line @typescript-eslint/no-implied-eval
const own = new Function(`"use strict";\nconst copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));\n${portableJs(names, true)}\nreturn { ${names.join(", ")} };`)() as Record<string, (...x: number[]) => number>;

const error = (a: number, b: number): number => (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b)) ? 0 : Math.abs(a - b) / Math.max(Math.abs(b), 1e-300));

const RANGES: Record<string, [number, number]> = {
  exp: [-740, 709], expm1: [-40, 700], exp2: [-1020, 1023], log: [1e-300, 1e300], log2: [1e-10, 1e10], log10: [1e-10, 1e10], log1p: [-0.999, 1e6], sin: [-1e5, 1e5], cos: [-1e5, 1e5], tan: [-1e4, 1e4],
  asin: [-1, 1], acos: [-1, 1], atan: [-1e3, 1e3], sinh: [-700, 700], cosh: [-700, 700], tanh: [-20, 20], asinh: [-1e6, 1e6], acosh: [1, 1e6], atanh: [-0.99, 0.99], cbrt: [-1e9, 1e9],
};
for (const [name, [low, high]] of Object.entries(RANGES)) {
  test(`${name} is within a few units in the last place`, (t) => {
    const f = own[`m_${name}`]!, reference = name === "exp2" ? (x: number) => Math.pow(2, x) : (Math as unknown as Record<string, (x: number) => number>)[name]!;
    // acos near 1 and sums that cancel are as good as their argument allows.
    const tolerance = name === "acos" ? 1e-14 : /^(tan|log2|log10|cosh|sinh|exp2)$/.test(name) ? 4e-15 : 2e-15;
    fc.assert(fc.property(fc.oneof(fc.double({ min: low, max: high, noNaN: true }), fc.double({ min: Math.max(low, -2), max: Math.min(high, 2), noNaN: true })), (x) => {
      const e = error(f(x), reference(x));
      if (e > tolerance && !(/^(sin|cos|tan)$/.test(name) && Math.abs(f(x) - reference(x)) < 1e-16)) throw new Error(`${name}(${x}) is ${f(x)}, not ${reference(x)}`);
    }), { numRuns: 3000 });
    t.pass();
  });
}
test("powers, also of large exponents", (t) => {
  fc.assert(fc.property(fc.double({ min: 1e-5, max: 1e5, noNaN: true }), fc.double({ min: -60, max: 60, noNaN: true }), (x, y) => error(own["m_pow"]!(x, y), Math.pow(x, y)) < 4e-15), { numRuns: 5000 });
  for (const [x, y] of [[-2, 3], [-2, 2], [-8, 1 / 3], [0, -1], [-0, -3], [-0, 3], [Infinity, -2], [-Infinity, 3], [0.5, Infinity], [2, -Infinity], [NaN, 0], [-1, 1e300], [1.0000001, 1e9], [2, 1023.5], [2, -1074]] as const) t.true(error(own["m_pow"]!(x, y), Math.pow(x, y)) < 1e-14, `${x} ** ${y} is ${own["m_pow"]!(x, y)}, not ${Math.pow(x, y)}`);
});
test("two arguments", (t) => {
  const values = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(fc.property(values, values, (x, y) => error(own["m_atan2"]!(y, x), Math.atan2(y, x)) < 2e-15 && error(own["m_hypot"]!(x, y), Math.hypot(x, y)) < 1e-15), { numRuns: 3000 });
  for (const x of [0, -0, 1, -1, Infinity, -Infinity, NaN]) for (const y of [0, -0, 1, -1, Infinity, -Infinity, NaN]) t.is(own["m_atan2"]!(y, x), Math.atan2(y, x), `atan2(${y}, ${x})`);
});
test("large angles are reduced exactly", (t) => {
  // Values from the literature and from 200-digit arithmetic.
  for (const [x, sine, cosine] of [[1e22, -0.8522008497671888, 0.5232147853951389], [1e300, -0.8178819121159085, -0.5753861119575491], [2 ** 1023, 0.5631277798508840, -0.8263698346141479], [6381956970095103 * 2 ** 797, 1, -4.6871659242546277e-19]] as const) {
    t.true(error(own["m_sin"]!(x), sine) < 4e-15, `sin(${x}) is ${own["m_sin"]!(x)}`);
    t.true(error(own["m_cos"]!(x), cosine) < 4e-15, `cos(${x}) is ${own["m_cos"]!(x)}`);
    t.is(own["m_sin"]!(-x), -own["m_sin"]!(x));
  }
});
