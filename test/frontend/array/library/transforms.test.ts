/** Fourier transforms of lengths that are done in two steps, and of their neighbours that are not, against their sums; gradients against differences. */
import test from "ava";
import { grad, jit, ndarray, python, type NDArray } from "../../../../ts/index.js";
import { numbers } from "../../../programs/check.js";

const SOURCE = `import numpy as np
def both(x, y):
    z = np.fft.fft(x + 1j * y)
    w = np.fft.ifft(x + 1j * y, norm='ortho')
    return z.real, z.imag, w.real, w.imag
def columns(A):
    z = np.fft.fft(A, axis=0)
    return z.real, z.imag
def halves(x):
    z = np.fft.rfft(x)
    return z.real, z.imag, np.fft.irfft(z, x.shape[0])
def single(x):
    return np.fft.fft(x)
def advection(u, k, steps):
    for t in range(steps):
        ux = np.real(np.fft.ifft(1j * k * np.fft.fft(u)))
        u = u - 0.01 * u * ux
    return np.sum(u ** 3) + np.sum(np.abs(np.fft.rfft(u)) ** 2)
`;
const program = (name: string): ReturnType<typeof python> => python({ source: SOURCE }, { function: name }), call = (name: string, ...args: unknown[]): readonly Float64Array[] => (jit(program(name), { device: "js", cache: false }) as unknown as (...x: unknown[]) => readonly Float64Array[])(...args);
/** The sums themselves, scaled. */
function sums(re: ArrayLike<number>, im: ArrayLike<number>, sign: number, scale = 1): readonly [Float64Array, Float64Array] {
  const n = re.length, a = new Float64Array(n), b = new Float64Array(n);
  for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) {
    const t = 2 * Math.PI * ((j * k) % n) / n, c = Math.cos(t), s = sign * Math.sin(t);
    a[k]! += scale * (re[j]! * c - im[j]! * s);
    b[k]! += scale * (re[j]! * s + im[j]! * c);
  }
  return [a, b];
}
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a, (v, i) => Math.abs(v - b[i]!)).reduce((x, y) => Math.max(x, y), 0);
const random = (n: number, seed: number): Float64Array => { const next = numbers(seed); return Float64Array.from({ length: n }, () => next() - 0.4); };

for (const n of [32, 63, 64, 96, 320]) test(`${n} points`, (t) => {
  const x = random(n, n), y = random(n, n + 1), zero = new Float64Array(n), got = call("both", x, y), want = [...sums(x, y, -1), ...sums(x, y, 1, 1 / Math.sqrt(n))];
  want.forEach((w, i) => { t.true(distance(got[i]!, w) < 1e-12 * n, `${distance(got[i]!, w)}`); });
  const [re, im, back] = call("halves", x), [a, b] = sums(x, zero, -1), m = Math.floor(n / 2) + 1;
  t.is(re!.length, m);
  t.true(distance(re!, a.subarray(0, m)) < 1e-12 * n && distance(im!, b.subarray(0, m)) < 1e-12 * n && distance(back!, x) < 1e-13 * n);
});

test("columns, and single precision", (t) => {
  const n = 64, A = random(3 * n, 5), got = call("columns", ndarray(A, [n, 3])) as unknown as readonly NDArray[];
  for (let c = 0; c < 3; c++) sums(A.filter((_, i) => i % 3 === c), new Float64Array(n), -1).forEach((w, i) => { t.true(distance(got[i]!.contiguous().filter((_, k) => k % 3 === c) as Float64Array, w) < 1e-11); });
  const x = random(n, 6), single = call("single", Float32Array.from(x)) as unknown as NDArray, [a, b] = sums(x, new Float64Array(n), -1);
  t.is(single.dtype, "complex64");
  t.true(distance(single.contiguous() as Float32Array, Float64Array.from({ length: 2 * n }, (_, i) => (i % 2 ? b : a)[i >> 1]!)) < 1e-4);
});

for (const n of [48, 64]) test(`gradient through a spectral derivative in a loop, ${n} points`, (t) => {
  const k = Float64Array.from({ length: n }, (_, i) => (i < n / 2 ? i : i - n)), u = Float64Array.from(random(n, 3), (v) => 0.5 + v), options = { device: "js", cache: false } as const, value = jit(program("advection"), options) as unknown as (...x: unknown[]) => number, gradient = (grad(program("advection"), { ...options, wrt: ["u", "k"] }) as unknown as (...x: unknown[]) => readonly Float64Array[])(u, k, 4);
  for (const seed of [11, 12, 13]) {
    // Along a direction in both: differences, extrapolated.
    const directions = [random(n, seed), random(n, seed + 50)], moved = (h: number): number => value(...[u, k].map((x, i) => x.map((v, j) => v + h * directions[i]![j]!)), 4), difference = (h: number): number => (moved(h) - moved(-h)) / (2 * h);
    const want = (4 * difference(5e-4) - difference(1e-3)) / 3, got = directions.reduce((sum, d, i) => sum + d.reduce((a, v, j) => a + v * gradient[i]![j]!, 0), 0);
    t.true(Math.abs(got - want) < 1e-8 * Math.max(1, Math.abs(want)), `${got} ${want}`);
  }
});
