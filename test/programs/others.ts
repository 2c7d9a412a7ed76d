/** "Programs others get wrong": each as a NumPy user and as a JavaScript user writes it. The plain JavaScript function is the reference. */

export interface OtherProgram {
  readonly name: string;
  readonly python: string;
  readonly javascript: (...args: never[]) => unknown;
  /** Arrays of floats, Int32Array for indices, numbers. Shared objects are passed as the same array. */
  readonly args: () => unknown[];
  /** Matrix shapes of the Python arguments, by position. */
  readonly shapes?: Readonly<Record<number, readonly number[]>>;
}

const wave = (n: number, k = 1): Float64Array => Float64Array.from({ length: n }, (_, i) => 0.4 + 0.5 * Math.sin(1.7 * k * i + k));

export const OTHERS: readonly OtherProgram[] = [
  {
    name: "overlapping in-place stencil",
    python: "def f(u, steps):\n    for t in range(steps):\n        u[1:-1] = 0.3 * u[:-2] * u[1:-1] + 0.6 * u[2:]\n",
    javascript: (u: Float64Array, steps: number): void => {
      for (let t = 0; t < steps; t++) {
        const next = u.slice();
        for (let i = 1; i < u.length - 1; i++) next[i] = 0.3 * u[i - 1]! * u[i]! + 0.6 * u[i + 1]!;
        u.set(next);
      }
    },
    args: () => [wave(8), 4],
  },
  {
    name: "Gauss-Seidel order",
    python: "def f(u, steps):\n    n = u.shape[0]\n    for t in range(steps):\n        for i in range(1, n - 1):\n            u[i] = 0.4 * u[i - 1] * u[i] + 0.5 * u[i + 1] ** 2\n",
    javascript: (u: Float64Array, steps: number): void => { for (let t = 0; t < steps; t++) for (let i = 1; i < u.length - 1; i++) u[i] = 0.4 * u[i - 1]! * u[i]! + 0.5 * u[i + 1]! ** 2; },
    args: () => [wave(8), 4],
  },
  {
    name: "a temporary of the iteration in a loop that does something else the first time",
    python: "import numpy as np\ndef f(a, b):\n    d = 0.2 * a[:, 1]\n    for t in range(1, 4):\n        if t > 1:\n            a[:] = 0.8 * np.tanh(np.outer(d, b)) + 0.1 * np.tanh(b @ b)\n        else:\n            a[2, :] *= 0.3 * np.tanh(b @ b)\n            b[1:] += a[2, :-1]\n    return np.sum(a * a) + 0.3 * np.sum(b)\n",
    javascript: (a: Float64Array, b: Float64Array): number => {
      const n = b.length, rows = 4, d = Float64Array.from({ length: rows }, (_, i) => 0.2 * a[i * n + 1]!);
      for (let t = 1; t < 4; t++) {
        let dot = 0;
        for (let j = 0; j < n; j++) dot += b[j]! * b[j]!;
        if (t > 1) for (let i = 0; i < rows; i++) for (let j = 0; j < n; j++) a[i * n + j] = 0.8 * Math.tanh(d[i]! * b[j]!) + 0.1 * Math.tanh(dot);
        else {
          for (let j = 0; j < n; j++) a[2 * n + j]! *= 0.3 * Math.tanh(dot);
          for (let j = 1; j < n; j++) b[j]! += a[2 * n + j - 1]!;
        }
      }
      let s = 0;
      for (const x of a) s += x * x;
      for (const x of b) s += 0.3 * x;
      return s;
    },
    args: () => [wave(20), wave(5, 2)],
    shapes: { 0: [4, 5] },
  },
  {
    name: "array overwritten after its use",
    python: "import numpy as np\ndef f(a, b):\n    c = np.sin(a) * b\n    a[:] = b * b\n    b[:] = 0.0\n    return np.sum(c * a)\n",
    javascript: (a: Float64Array, b: Float64Array): number => {
      const c = a.map((x, i) => Math.sin(x) * b[i]!);
      for (let i = 0; i < a.length; i++) a[i] = b[i]! * b[i]!;
      b.fill(0);
      let s = 0;
      for (let i = 0; i < a.length; i++) s += c[i]! * a[i]!;
      return s;
    },
    args: () => [wave(5), wave(5, 2)],
  },
  {
    name: "a variable reassigned in a loop and read after it",
    python: "def f(a):\n    x = 1.0\n    y = 0.5\n    for i in range(a.shape[0]):\n        y = x * a[i]\n        x = y * y + a[i]\n    return x * y + i\n",
    javascript: (a: Float64Array): number => { let x = 1, y = 0.5, i = 0; for (i = 0; i < a.length; i++) { y = x * a[i]!; x = y * y + a[i]!; } return x * y + (i - 1); },
    args: () => [wave(4)],
  },
  {
    name: "swap of two arrays per time step",
    python: "def f(u, v, steps):\n    for t in range(steps):\n        v[1:-1] = u[1:-1] * u[:-2] + 0.2 * u[2:]\n        u, v = v, u\n    return u[2] * u[3] + v[1]\n",
    javascript: (u: Float64Array, v: Float64Array, steps: number): number => {
      for (let t = 0; t < steps; t++) {
        for (let i = 1; i < u.length - 1; i++) v[i] = u[i]! * u[i - 1]! + 0.2 * u[i + 1]!;
        [u, v] = [v, u];
      }
      return u[2]! * u[3]! + v[1]!;
    },
    args: () => [wave(6), wave(6, 3), 5],
  },
  {
    name: "accumulate then scale in place",
    python: "def f(a, b, k):\n    for i in range(a.shape[0]):\n        a[i] += b[i] * b[i]\n        a[i] *= k\n        b[i] *= a[i]\n",
    javascript: (a: Float64Array, b: Float64Array, k: number): void => { for (let i = 0; i < a.length; i++) { a[i] += b[i]! * b[i]!; a[i] *= k; b[i] *= a[i]!; } },
    args: () => [wave(5), wave(5, 2), 1.3],
  },
  {
    name: "the same array passed as two arguments",
    python: "def f(a, b):\n    for i in range(1, a.shape[0]):\n        a[i] = a[i] * b[i - 1] + b[i]\n    return a[4] * b[2]\n",
    javascript: (a: Float64Array, b: Float64Array): number => { for (let i = 1; i < a.length; i++) a[i] = a[i]! * b[i - 1]! + b[i]!; return a[4]! * b[2]!; },
    args: () => { const a = wave(5); return [a, a]; },
  },
  {
    name: "a view written through its base and read through the view",
    python: "import numpy as np\ndef f(a):\n    v = a[1:4]\n    a[2] = a[0] * a[1]\n    v[2] = v[1] * a[4]\n    a *= 2.0\n    return np.sum(v * v)\n",
    javascript: (a: Float64Array): number => {
      const v = a.subarray(1, 4);
      a[2] = a[0]! * a[1]!;
      v[2] = v[1]! * a[4]!;
      for (let i = 0; i < a.length; i++) a[i] *= 2;
      let s = 0;
      for (let i = 0; i < v.length; i++) s += v[i]! * v[i]!;
      return s;
    },
    args: () => [wave(5)],
  },
  {
    name: "a loop-carried scalar in a parallel-looking loop",
    python: "def f(a, b):\n    s = 0.1\n    for i in range(a.shape[0]):\n        s = 0.5 * s * s + a[i]\n        b[i] = s * a[i]\n",
    javascript: (a: Float64Array, b: Float64Array): void => { let s = 0.1; for (let i = 0; i < a.length; i++) { s = 0.5 * s * s + a[i]!; b[i] = s * a[i]!; } },
    args: () => [wave(6), wave(6, 2)],
  },
  {
    name: "conditional overwrite",
    python: "def f(a, b):\n    for i in range(a.shape[0]):\n        if a[i] > 0.4:\n            b[i] = a[i] * a[i]\n        else:\n            b[i] *= a[i]\n",
    javascript: (a: Float64Array, b: Float64Array): void => { for (let i = 0; i < a.length; i++) { if (a[i]! > 0.4) b[i] = a[i]! * a[i]!; else b[i] *= a[i]!; } },
    args: () => [wave(7), wave(7, 2)],
  },
  {
    name: "overwrite inside an inlined helper",
    python: "def step(x, y, k):\n    x[1:] = x[1:] * y[:-1] + k\n    y[0] = x[1] * x[2]\n\ndef f(a, b, k):\n    step(a, b, k)\n    step(b, a, 2.0 * k)\n    step(a, b, k * k)\n",
    javascript: (a: Float64Array, b: Float64Array, k: number): void => {
      const step = (x: Float64Array, y: Float64Array, c: number): void => { const old = y.slice(); for (let i = 1; i < x.length; i++) x[i] = x[i]! * old[i - 1]! + c; y[0] = x[1]! * x[2]!; };
      step(a, b, k); step(b, a, 2 * k); step(a, b, k * k);
    },
    args: () => [wave(4), wave(4, 2), 0.3],
  },
  {
    name: "gather with repeated indices",
    python: "def f(a, idx):\n    s = 0.0\n    for i in range(idx.shape[0]):\n        s += a[idx[i]] ** 2 * (i + 1)\n    return s\n",
    javascript: (a: Float64Array, idx: Int32Array): number => { let s = 0; for (let i = 0; i < idx.length; i++) s += a[idx[i]!]! ** 2 * (i + 1); return s; },
    args: () => [wave(5), Int32Array.of(0, 3, 3, 1, 3, 4)],
  },
  {
    name: "scatter with repeated indices",
    python: "def f(a, out, idx):\n    for i in range(idx.shape[0]):\n        out[idx[i]] = a[i] * out[idx[i]]\n",
    javascript: (a: Float64Array, out: Float64Array, idx: Int32Array): void => { for (let i = 0; i < idx.length; i++) out[idx[i]!] = a[i]! * out[idx[i]!]!; },
    args: () => [wave(6), wave(5, 2), Int32Array.of(0, 3, 3, 1, 3, 4)],
  },
  {
    name: "scatter: the last write wins",
    python: "def f(a, out, idx):\n    for i in range(idx.shape[0]):\n        out[idx[i]] = a[i] * a[i]\n",
    javascript: (a: Float64Array, out: Float64Array, idx: Int32Array): void => { for (let i = 0; i < idx.length; i++) out[idx[i]!] = a[i]! * a[i]!; },
    args: () => [wave(6), wave(5, 2), Int32Array.of(0, 3, 3, 1, 3, 4)],
  },
  {
    name: "zero-trip loops",
    python: "def f(a, n):\n    x = a[0] * a[0]\n    for i in range(n):\n        x = x * a[i]\n        a[i] = x\n    for i in range(3, 1):\n        a[i] = 0.0\n    return x * a[1]\n",
    javascript: (a: Float64Array, n: number): number => { let x = a[0]! * a[0]!; for (let i = 0; i < n; i++) { x = x * a[i]!; a[i] = x; } for (let i = 3; i < 1; i++) a[i] = 0; return x * a[1]!; },
    args: () => [wave(4), 0],
  },
  {
    name: "triangular bounds",
    python: "def f(a, b):\n    n = b.shape[0]\n    for i in range(n):\n        for j in range(i):\n            b[i] -= a[i, j] * b[j]\n        b[i] = b[i] / a[i, i]\n        for j in range(i + 1, n):\n            a[j, i] = a[j, i] * b[i]\n",
    javascript: (a: Float64Array, b: Float64Array): void => {
      const n = b.length;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < i; j++) b[i] -= a[i * n + j]! * b[j]!;
        b[i] = b[i]! / a[i * n + i]!;
        for (let j = i + 1; j < n; j++) a[j * n + i] = a[j * n + i]! * b[i]!;
      }
    },
    args: () => [wave(25).map((x) => x + 1), wave(5, 2)], shapes: { 0: [5, 5] },
  },
  {
    name: "negative steps",
    python: "def f(a):\n    n = a.shape[0]\n    for i in range(n - 2, -1, -1):\n        a[i] = a[i] * a[i + 1] + 0.1\n    for i in range(n - 1, 0, -2):\n        a[i - 1] += a[i] * a[i]\n",
    javascript: (a: Float64Array): void => { const n = a.length; for (let i = n - 2; i > -1; i--) a[i] = a[i]! * a[i + 1]! + 0.1; for (let i = n - 1; i > 0; i -= 2) a[i - 1] += a[i]! * a[i]!; },
    args: () => [wave(7)],
  },
  {
    name: "strided loops whose last iterate is not the end",
    python: "def f(a):\n    for i in range(0, 8, 3):\n        a[i] = a[i] * a[i + 1]\n    for i in range(0, 8, 2):\n        a[i + 1] = a[i] * a[i + 1] ** 2\n",
    javascript: (a: Float64Array): void => { for (let i = 0; i < 8; i += 3) a[i] = a[i]! * a[i + 1]!; for (let i = 0; i < 8; i += 2) a[i + 1] = a[i]! * a[i + 1]! ** 2; },
    args: () => [wave(9)],
  },
  {
    name: "a gradient with respect to an array that is also an output",
    python: "def f(a, b):\n    a[:] = a * a * b\n    a[0] = b[1]\n",
    javascript: (a: Float64Array, b: Float64Array): void => { for (let i = 0; i < a.length; i++) a[i] = a[i]! * a[i]! * b[i]!; a[0] = b[1]!; },
    args: () => [wave(5), wave(5, 2)],
  },
  {
    name: "an input that is not used",
    python: "def f(a, unused):\n    return a[0] * a[1]\n",
    javascript: (a: Float64Array, unused: Float64Array): number => { void unused; return a[0]! * a[1]!; },
    args: () => [wave(3), wave(4)],
  },
  {
    name: "recomputation across a branch",
    python: "import numpy as np\ndef f(a, k):\n    x = np.exp(a[0])\n    if k > 0.5:\n        a[0] = a[1] * x\n    else:\n        a[0] = a[2]\n    y = x * x * a[0]\n    a[1] = y * a[2]\n    return y * a[1]\n",
    javascript: (a: Float64Array, k: number): number => { const x = Math.exp(a[0]!); if (k > 0.5) a[0] = a[1]! * x; else a[0] = a[2]!; const y = x * x * a[0]!; a[1] = y * a[2]!; return y * a[1]!; },
    args: () => [wave(3), 0.9],
  },
  {
    name: "an in-place += on a slice that aliases its own right side",
    python: "def f(a):\n    a[1:] += a[:-1] * a[1:]\n    a[:-1] -= 0.5 * a[1:] ** 2\n    a[1:-1] *= a[2:]\n",
    javascript: (a: Float64Array): void => {
      let o = a.slice();
      for (let i = 1; i < a.length; i++) a[i] += o[i - 1]! * o[i]!;
      o = a.slice();
      for (let i = 0; i < a.length - 1; i++) a[i] -= 0.5 * o[i + 1]! ** 2;
      o = a.slice();
      for (let i = 1; i < a.length - 1; i++) a[i] *= o[i + 1]!;
    },
    args: () => [wave(6)],
  },
  {
    name: "a branch on data that the loop updates",
    python: "def f(a):\n    for i in range(1, a.shape[0]):\n        if a[i - 1] > 0.5:\n            a[i] = a[i] * a[i - 1]\n        else:\n            a[i] = a[i] + a[i - 1] ** 2\n",
    javascript: (a: Float64Array): void => { for (let i = 1; i < a.length; i++) { if (a[i - 1]! > 0.5) a[i] = a[i]! * a[i - 1]!; else a[i] = a[i]! + a[i - 1]! ** 2; } },
    args: () => [wave(9).map((x) => x + 0.04)],
  },
  {
    name: "an inner bound read from an array",
    python: "def f(a, k):\n    s = 0.0\n    for i in range(k.shape[0]):\n        x = a[i]\n        for j in range(k[i]):\n            x = x * a[j] + 0.1\n        s += x\n    return s\n",
    javascript: (a: Float64Array, k: Int32Array): number => { let s = 0; for (let i = 0; i < k.length; i++) { let x = a[i]!; for (let j = 0; j < k[i]!; j++) x = x * a[j]! + 0.1; s += x; } return s; },
    args: () => [wave(6), Int32Array.of(2, 0, 5, 3)],
  },
];
