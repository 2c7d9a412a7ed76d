/** Loops that the run ends and exits of all kinds, each as a NumPy user and as a JavaScript user writes it. The plain JavaScript function is the reference. */
import type { OtherProgram } from "../programs/others.js";

const wave = (n: number, k = 1): Float64Array => Float64Array.from({ length: n }, (_, i) => 0.4 + 0.5 * Math.sin(1.7 * k * i + k));
const py = (lines: string): string => `import numpy as np\n${lines}`;

export const EXITS: readonly OtherProgram[] = [
  {
    name: "a scalar loop that breaks",
    python: py("def f(x):\n    s = x\n    while True:\n        s = s * s * 0.5 + x\n        if s > 10.0:\n            break\n        s = s + 0.1 * x\n    return s\n"),
    javascript: (x: number): number => { let s = x; for (;;) { s = s * s * 0.5 + x; if (s > 10) break; s = s + 0.1 * x; } return s; },
    args: () => [1.5],
  },
  {
    name: "Newton's iteration to convergence, per element",
    python: py("def f(a):\n    y = np.zeros(a.shape[0])\n    for i in range(a.shape[0]):\n        x = 1.0\n        while abs(x * x - a[i]) > 1e-13:\n            x = 0.5 * (x + a[i] / x)\n        y[i] = x\n    return np.sum(y * y * y)\n"),
    javascript: (a: Float64Array): number => {
      let s = 0;
      for (let i = 0; i < a.length; i++) { let x = 1; while (Math.abs(x * x - a[i]!) > 1e-13) x = 0.5 * (x + a[i]! / x); s += x * x * x; }
      return s;
    },
    args: () => [Float64Array.of(2.3, 0.7, 5.1, 1.4)],
  },
  {
    name: "x[i] = f(x[i]) until the data say so",
    python: py("def f(x, c):\n    while np.sum(x * x) > 0.8:\n        for i in range(x.shape[0]):\n            x[i] = c * np.sin(x[i])\n    return x[0] * x[1]\n"),
    javascript: (x: Float64Array, c: number): number => {
      for (;;) {
        let s = 0;
        for (let i = 0; i < x.length; i++) s += x[i]! * x[i]!;
        if (!(s > 0.8)) break;
        for (let i = 0; i < x.length; i++) x[i] = c * Math.sin(x[i]!);
      }
      return x[0]! * x[1]!;
    },
    args: () => [Float64Array.of(1.2, 0.9, 1.7, 0.5), 0.83],
  },
  {
    name: "early return from nested loops in a helper",
    python: py("def find(u, w):\n    s = 0.3\n    for i in range(u.shape[0]):\n        for j in range(i + 1):\n            s = s * w[j] + u[i] * u[j]\n            if s > 0.9:\n                return s * u[j]\n            w[j] = w[j] * s\n    return s\n\ndef f(u, w):\n    a = find(u, w)\n    b = find(w, u)\n    return a * b + u[0] * w[1]\n"),
    javascript: (u: Float64Array, w: Float64Array): number => {
      const find = (p: Float64Array, q: Float64Array): number => {
        let s = 0.3;
        for (let i = 0; i < p.length; i++) for (let j = 0; j <= i; j++) {
          s = s * q[j]! + p[i]! * p[j]!;
          if (s > 0.9) return s * p[j]!;
          q[j] = q[j]! * s;
        }
        return s;
      };
      const a = find(u, w), b = find(w, u);
      return a * b + u[0]! * w[1]!;
    },
    args: () => [wave(5), wave(5, 2)],
  },
  {
    name: "a break in a loop over overwritten slices",
    python: py("def f(a, b, steps):\n    for t in range(steps):\n        a[1:] = a[:-1] * b[1:] + 0.3\n        if a[-1] > 0.55:\n            break\n        b[:-1] = b[1:] * a[1:]\n        a[0] *= 1.3\n    return np.sum(a) + b[0]\n"),
    javascript: (a: Float64Array, b: Float64Array, steps: number): number => {
      const n = a.length;
      for (let t = 0; t < steps; t++) {
        const p = a.slice();
        for (let i = 1; i < n; i++) a[i] = p[i - 1]! * b[i]! + 0.3;
        if (a[n - 1]! > 0.55) break;
        const q = b.slice();
        for (let i = 0; i < n - 1; i++) b[i] = q[i + 1]! * a[i + 1]!;
        a[0] = a[0]! * 1.3;
      }
      let s = b[0]!;
      for (let i = 0; i < n; i++) s += a[i]!;
      return s;
    },
    args: () => [wave(5), wave(5, 3), 20],
  },
  {
    name: "continue with the next row, and with the next column",
    python: py("def f(m, v):\n    n = v.shape[0]\n    s = 1.0\n    for i in range(n):\n        stop = False\n        for j in range(n):\n            if m[i * n + j] < 0.1:\n                s = s * 1.1 + v[j]\n                continue\n            s = s * m[i * n + j] + v[i] * v[j]\n            if s > 1.6:\n                stop = True\n                break\n            m[i * n + j] = s * v[j]\n        if stop:\n            continue\n        v[i] = v[i] * s\n    return s\n"),
    javascript: (m: Float64Array, v: Float64Array): number => {
      const n = v.length;
      let s = 1;
      rows: for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          if (m[i * n + j]! < 0.1) { s = s * 1.1 + v[j]!; continue; }
          s = s * m[i * n + j]! + v[i]! * v[j]!;
          if (s > 1.6) continue rows;
          m[i * n + j] = s * v[j]!;
        }
        v[i] = v[i]! * s;
      }
      return s;
    },
    args: () => [wave(16, 2.3), wave(4)],
  },
  {
    name: "a loop that runs once at least",
    python: py("def f(x, y):\n    while True:\n        x = x * y + 0.1\n        y = y * 0.9 + 0.05 * x\n        if not (x > 0.4):\n            break\n    return x * y\n"),
    javascript: (x: number, y: number): number => { do { x = x * y + 0.1; y = y * 0.9 + 0.05 * x; } while (x > 0.4); return x * y; },
    args: () => [1.2, 0.7],
  },
  {
    name: "a loop that does not run, and one that does after it",
    python: py("def f(x, y):\n    while x > 5.0:\n        x = x * x * y\n    while x < 5.0:\n        x = x * x * y\n    return x + y\n"),
    javascript: (x: number, y: number): number => { while (x > 5) x = x * x * y; while (x < 5) x = x * x * y; return x + y; },
    args: () => [1.6, 0.9],
  },
  {
    name: "escape times on a grid",
    python: py("def f(cx, cy, limit):\n    out = np.zeros((cx.shape[0], cy.shape[0]))\n    for i in range(cx.shape[0]):\n        for j in range(cy.shape[0]):\n            x = 0.0\n            y = 0.0\n            for k in range(limit):\n                if x * x + y * y > 4.0:\n                    break\n                t = x * x - y * y + cx[i]\n                y = 2.0 * x * y + cy[j]\n                x = t\n            out[i, j] = x * x + y * y\n    return np.sum(out)\n"),
    javascript: (cx: Float64Array, cy: Float64Array, limit: number): number => {
      let s = 0;
      for (let i = 0; i < cx.length; i++) for (let j = 0; j < cy.length; j++) {
        let x = 0, y = 0;
        for (let k = 0; k < limit; k++) {
          if (x * x + y * y > 4) break;
          const t = x * x - y * y + cx[i]!;
          y = 2 * x * y + cy[j]!;
          x = t;
        }
        s += x * x + y * y;
      }
      return s;
    },
    args: () => [Float64Array.of(-1.9, -0.6, 0.32, 1.4), Float64Array.of(0.41, 1.13, 2.2), 6],
  },
  {
    name: "a while loop in a while loop",
    python: py("def f(x, y):\n    s = x\n    while s < 8.0:\n        t = y * s\n        while t < 2.0 * s:\n            t = t * 1.4 + 0.1 * y * t\n        s = s + 0.5 * t * y\n    return s * t\n"),
    javascript: (x: number, y: number): number => {
      let s = x, t = 0;
      while (s < 8) { t = y * s; while (t < 2 * s) t = t * 1.4 + 0.1 * y * t; s = s + 0.5 * t * y; }
      return s * t;
    },
    args: () => [1.15, 0.77],
  },
  {
    name: "while, for and while inside one another, triangular",
    python: py("def f(v, c):\n    n = v.shape[0]\n    s = c\n    k = 0\n    while s < 6.0:\n        k = k + 1\n        for i in range(min(k, n)):\n            t = v[i] * s\n            while t < 1.5:\n                t = t * 1.3 + v[i] * 0.2\n                v[i] = v[i] * 0.9\n            s = s + 0.1 * t * t\n    return s\n"),
    javascript: (v: Float64Array, c: number): number => {
      const n = v.length;
      let s = c, k = 0;
      while (s < 6) {
        k = k + 1;
        for (let i = 0; i < Math.min(k, n); i++) {
          let t = v[i]! * s;
          while (t < 1.5) { t = t * 1.3 + v[i]! * 0.2; v[i] = v[i]! * 0.9; }
          s = s + 0.1 * t * t;
        }
      }
      return s;
    },
    args: () => [Float64Array.of(0.82, 0.51, 0.97), 1.1],
  },
  {
    name: "a bound that the body changes",
    python: py("def f(a):\n    n = a.shape[0]\n    i = 0\n    s = 1.0\n    while i < n:\n        s = s * a[i] + a[n - 1]\n        if s > 1.0:\n            n = n - 1\n        a[i] = a[i] * s\n        i = i + 1\n    return s + a[0]\n"),
    javascript: (a: Float64Array): number => {
      let n = a.length, s = 1;
      for (let i = 0; i < n; i++) { s = s * a[i]! + a[n - 1]!; if (s > 1) n--; a[i] = a[i]! * s; }
      return s + a[0]!;
    },
    args: () => [wave(9)],
  },
  {
    name: "bounds read from an array that the program changes",
    python: py("def f(a, cnt, r):\n    s = 0.5\n    for t in range(r):\n        for i in range(a.shape[0]):\n            for j in range(cnt[i]):\n                s = np.sin(s * a[i] + a[j])\n            cnt[i] = (cnt[i] + 1) % 4\n    return s\n"),
    javascript: (a: Float64Array, cnt: Int32Array, r: number): number => {
      let s = 0.5;
      for (let t = 0; t < r; t++) for (let i = 0; i < a.length; i++) {
        for (let j = 0; j < cnt[i]!; j++) s = Math.sin(s * a[i]! + a[j]!);
        cnt[i] = (cnt[i]! + 1) % 4;
      }
      return s;
    },
    args: () => [wave(4), Int32Array.of(1, 3, 0, 2), 3],
  },
  {
    name: "indices that a loop of unknown length walks along",
    python: py("def f(a, nxt, x):\n    k = 0\n    steps = 0\n    while steps < 40 and k != 3:\n        x = x * a[k] + 0.2\n        a[k] = a[k] * x\n        k = nxt[k]\n        steps = steps + 1\n    return x * a[3]\n"),
    javascript: (a: Float64Array, nxt: Int32Array, x: number): number => {
      let k = 0, steps = 0;
      while (steps < 40 && k !== 3) { x = x * a[k]! + 0.2; a[k] = a[k]! * x; k = nxt[k]!; steps++; }
      return x * a[3]!;
    },
    args: () => [wave(5), Int32Array.of(2, 3, 4, 0, 1), 0.7],
  },
  {
    name: "two ways out, each with work of its own, in a sweep over rows",
    python: py("def f(m, v):\n    s = 0.2\n    for i in range(m.shape[0]):\n        row = m[i]\n        j = 0\n        while True:\n            s = s + row[j] * v[j]\n            if s > 1.4:\n                s = s * s * 0.3\n                break\n            row[j] = row[j] * s\n            j = j + 1\n            if j == v.shape[0]:\n                s = s * 1.2\n                v[0] = v[0] * s\n                break\n            v[j] = v[j] + 0.1 * s * s\n    return s\n"),
    javascript: (m: Float64Array, v: Float64Array): number => {
      const n = v.length;
      let s = 0.2;
      for (let i = 0; i < m.length / n; i++) {
        let j = 0;
        while (true) {
          s = s + m[i * n + j]! * v[j]!;
          if (s > 1.4) { s = s * s * 0.3; break; }
          m[i * n + j] = m[i * n + j]! * s;
          j = j + 1;
          if (j === n) { s = s * 1.2; v[0] = v[0]! * s; break; }
          v[j] = v[j]! + 0.1 * s * s;
        }
      }
      return s;
    },
    args: () => [wave(12, 2), wave(3)], shapes: { 0: [4, 3] },
  },
  {
    name: "relaxation until the residual is small",
    python: py("def f(a, b):\n    n = b.shape[0]\n    x = np.zeros(n)\n    for it in range(1000):\n        r = b - a @ x\n        if np.sum(r * r) < 1e-24:\n            break\n        x = x + 0.4 * r\n    return np.sum(x * x * x)\n"),
    javascript: (a: Float64Array, b: Float64Array): number => {
      const n = b.length, x = new Float64Array(n), r = new Float64Array(n);
      for (let it = 0; it < 1000; it++) {
        let q = 0;
        for (let i = 0; i < n; i++) { let d = b[i]!; for (let j = 0; j < n; j++) d -= a[i * n + j]! * x[j]!; r[i] = d; q += d * d; }
        if (q < 1e-24) break;
        for (let i = 0; i < n; i++) x[i] = x[i]! + 0.4 * r[i]!;
      }
      let s = 0;
      for (let i = 0; i < n; i++) s += x[i]! * x[i]! * x[i]!;
      return s;
    },
    args: () => [Float64Array.of(1.9, 0.2, 0.1, 0.3, 2.1, 0.2, 0.1, 0.2, 1.7), wave(3)], shapes: { 0: [3, 3] },
  },
  {
    name: "bisection",
    python: py("def f(a, c):\n    lo = 0.0 * c\n    hi = c\n    for k in range(60):\n        mid = 0.5 * (lo + hi)\n        if mid * mid * a[0] + mid * a[1] > 1.0:\n            hi = mid * 1.0001\n        else:\n            lo = mid\n        if hi - lo < 0.02:\n            break\n    return hi * lo\n"),
    javascript: (a: Float64Array, c: number): number => {
      let lo = 0 * c, hi = c;
      for (let k = 0; k < 60; k++) {
        const mid = 0.5 * (lo + hi);
        if (mid * mid * a[0]! + mid * a[1]! > 1) hi = mid * 1.0001; else lo = mid;
        if (hi - lo < 0.02) break;
      }
      return hi * lo;
    },
    args: () => [Float64Array.of(1.1, 0.7), 1.93],
  },
  {
    name: "a loop over elements that stops, downwards too",
    python: py("def f(a, b):\n    s = 1.0\n    for x in a:\n        s = s * x + 0.4\n        if s > 0.95:\n            break\n    for i in range(b.shape[0] - 1, -1, -1):\n        b[i] = b[i] * s\n        if b[i] < 0.2:\n            break\n        s = s * b[i] + b[0]\n    return s + np.sum(b)\n"),
    javascript: (a: Float64Array, b: Float64Array): number => {
      let s = 1;
      for (const x of a) { s = s * x + 0.4; if (s > 0.95) break; }
      for (let i = b.length - 1; i >= 0; i--) { b[i] = b[i]! * s; if (b[i]! < 0.2) break; s = s * b[i]! + b[0]!; }
      for (let i = 0; i < b.length; i++) s += b[i]!;
      return s;
    },
    args: () => [wave(6), wave(6, 2)],
  },
];
