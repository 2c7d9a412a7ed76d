/** Further constructs around loops of unknown length, by gradcheck: complex numbers, library operations, extrema, views, rebinding, labels, switch, else of loops. */
import test from "ava";
import { gradcheck, javascript, ndarray, python, type NDArray } from "../../ts/index.js";

type Arg = number | Float64Array | NDArray;
const matrix = (shape: readonly number[], ...x: number[]): NDArray => ndarray(Float64Array.from(x), [...shape]);
const vector = (...x: number[]): Float64Array => Float64Array.from(x);

const PYTHON: Readonly<Record<string, readonly [source: string, args: () => Arg[]]>> = {
  "for … else": ["def f(a):\n    s = 1.0\n    for i in range(a.shape[0]):\n        s = s * a[i]\n        if s < 0.05:\n            break\n    else:\n        s = s * s + a[0]\n    return s\n", () => [vector(0.9, 0.8, 1.1)]],
  "while … else": ["def f(x):\n    k = 0\n    while x < 5.0:\n        x = x * x\n        k += 1\n        if k > 6:\n            break\n    else:\n        x = x * 0.3 + x * x\n    return x\n", () => [1.4]],
  "complex iteration": ["import numpy as np\ndef f(c):\n    z = np.zeros(c.shape[0], dtype=np.complex128)\n    k = 0\n    while np.max(np.abs(z)) < 2.0 and k < 12:\n        z = z * z + c\n        k += 1\n    return np.sum(np.abs(z) ** 2)\n", () => [ndarray(vector(0.4, 0.5, 0.2, -0.3, 0.5, 0.1), [3], { dtype: "complex128" })]],
  "power iteration": ["import numpy as np\ndef f(A, x):\n    n = 0\n    while True:\n        y = A @ x\n        nrm = np.sqrt(np.sum(y * y))\n        y = y / nrm\n        d = np.sum((y - x) ** 2)\n        x = y\n        n += 1\n        if d < 1e-16 or n > 200:\n            break\n    return x[0] * nrm + x[1]\n", () => [matrix([3, 3], 2, 0.3, 0.1, 0.4, 1.1, 0.2, 0.3, 0.1, 0.7), vector(0.5, 0.6, 0.7)]],
  "solves": ["import numpy as np\ndef f(A, b):\n    x = b.copy()\n    it = 0\n    while np.sum(x * x) > 0.05:\n        x = np.linalg.solve(A, x) * 0.9\n        it = it + 1\n        if it == 5:\n            break\n    return np.sum(x * b)\n", () => [matrix([3, 3], 2, 0.3, 0.1, 0.4, 1.9, 0.2, 0.3, 0.1, 1.7), vector(0.5, 0.6, 0.7)]],
  "extrema": ["import numpy as np\ndef f(a):\n    s = 0.0\n    while np.max(a) > 0.3:\n        m = np.max(a)\n        s = s + m * m\n        a = a * 0.7 - 0.05 * m\n    return s + np.min(a)\n", () => [vector(0.5, 0.9, 1.3, 0.2)]],
  "a helper that returns from its loop or raises": ["import numpy as np\ndef root(c, x0):\n    x = x0\n    for i in range(100):\n        d = (x * x * x - c) / (3.0 * x * x)\n        x = x - d\n        if abs(d) < 1e-13:\n            return x\n    raise ValueError(\"no convergence\")\ndef f(a):\n    s = 0.0\n    for v in a:\n        if v < 0.0:\n            continue\n        s = s * 0.5 + root(v, 1.0) * root(v + s, 2.0)\n    return s\n", () => [vector(0.55, -0.93, 1.31, 0.22)]],
  "slices of rows, three ways on": ["import numpy as np\ndef f(A):\n    for i in range(A.shape[0]):\n        j = 0\n        while np.sum(A[i, :]) > 1.0:\n            A[i, 1:] = A[i, :-1] * 0.6\n            A[i, 0] *= 0.7\n            if A[i, 0] < 0.1:\n                break\n            A[i, :] = A[i, :] * A[i, 0]\n            j += 1\n        if j == 3:\n            return np.sum(A)\n    return np.sum(A * A)\n", () => [matrix([4, 3], 0.9, 0.8, 0.7, 1.2, 1.1, 0.3, 0.1, 0.2, 0.3, 1.5, 1.4, 1.3)]],
  "views": ["import numpy as np\ndef f(A, u):\n    while True:\n        row = A[1]\n        row *= u[0]\n        A[:, 0] += row[2] * u[1]\n        if A[0, 0] > 3.0:\n            return A[0, 0] * np.sum(row)\n        u[1] = u[1] * 1.1 + row[0] * 0.01\n", () => [matrix([2, 3], 0.9, 0.8, 0.7, 1.2, 1.1, 0.3), vector(0.95, 0.8)]],
  "arrays that change places": ["import numpy as np\ndef f(u, v):\n    while np.sum(u) < 6.0:\n        v = u * u * 0.5 + v\n        u, v = v, u\n    return np.sum(u * v)\n", () => [vector(0.9, 0.8, 0.7), vector(0.2, 0.5, 0.6)]],
};

const JAVASCRIPT: Readonly<Record<string, readonly [f: (...args: never[]) => number, args: () => Arg[]]>> = {
  "a labelled block": [(a: Float64Array): number => { let s = 1; out: { for (let i = 0; i < a.length; i++) { s = s * a[i]! + 0.3; if (s > 1.5) break out; a[i] = s * a[0]!; } s = s * s; } return s + a[1]!; }, () => [vector(0.9, 0.8, 1.4, 1.2)]],
  "switch in a loop": [(a: Float64Array): number => {
    let s = 1, k = 0;
    while (k < 9) {
      switch (k % 3) {
        case 0: s = s * a[0]!; break;
        case 1: if (s > 2) { k = 100; break; } s = s * a[1]! + a[2]!; break;
        default: k += 1; s = s + a[2]! * s; continue;
      }
      k++;
    }
    return s;
  }, () => [vector(0.9, 1.2, 0.4)]],
  "labels of three loops": [(a: Float64Array): number => {
    let s = 0.5;
    outer: for (;;) {
      middle: do {
        s = s * a[0]! + a[1]!;
        for (let i = 0; i < 3; i++) {
          if (s > 3) break outer;
          if (i === 2) continue middle;
          if (s > 2.5 && i === 1) continue outer;
          s = s + a[i]! * 0.2 * s;
        }
      } while (s < 2);
      a[1] = a[1]! * 1.05;
    }
    return s * a[1]!;
  }, () => [vector(0.9, 0.7, 0.4)]],
  "an inner function that returns from its loop": [(a: Float64Array, n: number): number => {
    const g = (x: number): number => { for (let i = 0; ; i++) { if (x > n) return x * a[0]!; x = x * a[1]!; if (i > 20) return x; } };
    let t = 0;
    for (const v of a) { t += g(v) * t + v; if (t > 60) return t; }
    return t;
  }, () => [vector(0.9, 1.7, 1.4), 3.3]],
};

for (const device of ["js", "cpu"] as const) {
  for (const [name, [source, args]] of Object.entries(PYTHON)) test(`${name} (python, ${device})`, (t) => {
    const r = gradcheck(python({ source }, { function: "f" }), args(), { device, cache: false, rtol: 1e-7 });
    t.true(r.ok, JSON.stringify(r));
  });
  for (const [name, [f, args]] of Object.entries(JAVASCRIPT)) test(`${name} (javascript, ${device})`, (t) => {
    const r = gradcheck(javascript(f), args(), { device, cache: false, rtol: 1e-7 });
    t.true(r.ok, JSON.stringify(r));
  });
}
