/** What is arranged so that its bits are NumPy's: complex products, and the points of a grid. */
import test from "ava";
import { jit, python, NDArray } from "../../ts/index.js";
import { addon } from "./native.js";

const devices = (): ("js" | "cpu")[] => (addon() ? ["js", "cpu"] : ["js"]);

test("complex products round one product of a difference, or neither: never the compiler's choice", (t) => {
  // Integers of 40 bits: BigInt knows the products exactly, Number() rounds them once.
  let seed = 12345;
  const next = (): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 1; return seed; }, integer = (): number => (next() * 512 + (next() % 512)) * (next() % 2 === 0 ? 1 : -1);
  const n = 500, a = Float64Array.from({ length: 2 * n }, integer), b = Float64Array.from({ length: 2 * n }, integer);
  const z = new NDArray(a, [n], { dtype: "complex128" }), w = new NDArray(b, [n], { dtype: "complex128" });
  const fused = (x: number, y: number, c: number): number => Number(BigInt(x) * BigInt(y) + BigInt(c));
  for (const device of devices()) for (const [source, same] of [["return z * w", false], ["return z * z", true], ["return z ** 2", true], ["return np.square(z)", true]] as const) {
    const got = jit(python({ source: `import numpy as np\ndef f(z, w):\n    ${source}\n` }, { function: "f" }), { device, cache: false })(z, w) as NDArray, y = got.contiguous() as Float64Array;
    const want = (fma: (x: number, y: number, c: number) => number): Float64Array => Float64Array.from({ length: 2 * n }, (_, i) => {
      const k = i - i % 2, ar = a[k]!, ai = a[k + 1]!, br = same ? ar : b[k]!, bi = same ? ai : b[k + 1]!;
      return i % 2 === 0 ? fma(ar, br, -(ai * bi)) : fma(ar, bi, ai * br);
    });
    const plain = want((x, q, c) => x * q + c), once = want(fused), is = (v: Float64Array): boolean => v.every((x, i) => x === y[i]);
    t.notDeepEqual(plain, once);
    t.true(is(plain) || (device === "cpu" && is(once)), `${source} on ${device}`);
  }
});

test("linspace rounds the product before the sum", (t) => {
  for (const device of devices()) for (const [a, b, n] of [[-1.75, 0.25, 125], [0.1, 0.7, 97], [-1, 1, 1000]] as const) {
    const got = jit(python({ source: "import numpy as np\ndef f(a, b, n):\n    return np.linspace(a, b, n)\n" }, { function: "f" }), { device, cache: false })(a, b, n) as Float64Array, step = (b - a) / (n - 1);
    t.deepEqual([...got], Array.from({ length: n }, (_, i) => (i === n - 1 ? b : i * step + a)), device);
  }
});
