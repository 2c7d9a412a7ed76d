/** CUDA code on the device made of the processor against C++: what small programs do not reach. */
import test, { type ExecutionContext } from "ava";
import { DaceError, javascript, jit, ndarray, python, vjp, type NDArray } from "../../ts/index.js";
import { compareDevices, flat } from "../programs/cuda-shim.js";
import { slowly } from "../support/effort.js";

process.env["DACE_AD_CUDA"] = "shim";

const wave = (n: number, f = 0.37): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(1 + f * i) + 0.1 * Math.cos(i));
const matrix = (m: number, n: number, f = 0.37): NDArray => ndarray(wave(m * n, f), [m, n]);
/** The sources begin with a line break. */
const numpy = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np${source}`, name: "p.py" }, { function: "f" });
const compare = (t: ExecutionContext, source: string, args: readonly unknown[], options: Parameters<typeof compareDevices>[3] = {}, tolerance = 1e-12): void => { compareDevices(t, numpy(source), args, options, tolerance); };

test("sums, products and extrema in many parts, over one and two dimensions and by rows", (t) => {
  compare(t, `
def f(x, A, v):
    s = np.sum(x * x) + np.max(x) * np.min(A)
    r = A @ v
    c = A.T @ r
    q = np.sum(A * A) + np.sum(np.exp(-A), axis=1)
    p = np.prod(1.0 + 0.001 * x)
    return s + p + np.sum(q) + np.sum(c)
`, [wave(9000), matrix(70, 600), wave(600)]);
});

slowly("few sums of many: blocks numbered over three loops, along and across memory; the grids that many sums get", (t) => {
  const source = `
def f(A, B, C, D):
    for i in range(A.shape[0]):
        for j in range(B.shape[0]):
            for k in range(C.shape[0]):
                for l in range(A.shape[1]):
                    D[i, j, k] += A[i, l] * B[j, l] * C[k, l]
    return np.sum(np.sum(A, axis=0) * np.sum(B, axis=0))
`;
  compare(t, source, [matrix(3, 200), matrix(4, 200, 0.2), matrix(5, 200, 0.7), ndarray(wave(60), [3, 4, 5])]);
  // The squares are summed where the elements are made: blocks over both outer loops.
  compare(t, source.replace("return ", "return np.sum(D * D) + "), [matrix(3, 20), matrix(4, 20, 0.2), matrix(5, 20, 0.7), ndarray(wave(60), [3, 4, 5])]);
});

slowly("matrix products by the kernel of our own, of all shapes and transposed", (t) => {
  compare(t, `
def f(A, B, C):
    C[:] = 0.5 * (A @ B) + C
    D = C @ B.T
    return np.sum(D * A)
`, [matrix(67, 130), matrix(130, 81), matrix(67, 81)]);
});

slowly("products of complex matrices, and their gradients, by the kernel of our own", (t) => {
  for (const dtype of ["complex128", "complex64"] as const) {
    const z = (m: number, n: number, f: number): NDArray => ndarray(dtype === "complex64" ? Float32Array.from(wave(2 * m * n, f)) : wave(2 * m * n, f), [m, n], { dtype });
    const source = `
def f(A, B, C):
    C[:] = A @ B + C
    D = np.conj(C) @ B.T
    s = np.sum(D * A) + np.sum(C)
    return s.real
`, args = [z(67, 70, 0.3), z(70, 81, 0.7), z(67, 81, 0.2)];
    compare(t, source, args, {}, dtype === "complex64" ? 1e-4 : 1e-12);
    const { cuda } = vjp(numpy(source), { device: "cuda" }).lower(args as never).plan;
    t.regex(cuda!.host.sources.join(), dtype === "complex64" ? /gemm\(gpu->state, 3,/ : /gemm\(gpu->state, 2,/);
    t.true(cuda!.kernels.length > 0 && /i32 ca, i32 cb/.test(cuda!.device));
  }
});

slowly("batches of products: a kernel for all, sums of products in it, rows of the batch taken into the product", (t) => {
  const cube = (b: number, m: number, n: number, f: number): NDArray => ndarray(wave(b * m * n, f), [b, m, n]);
  // Attention: transposed operands; with B one matrix, whose gradient sums over the batch; a product per row of a plane.
  const source = `
def f(Q, K, V, B, C):
    P = np.tanh(Q @ np.transpose(K, (0, 2, 1)))
    R = P @ V
    S = R @ B
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[i, j, :] = C[i, j, :] @ B
    return np.sum(S * S) + np.sum(C * C)
`, args = [cube(3, 70, 20, 0.3), cube(3, 65, 20, 0.2), cube(3, 65, 18, 0.7), matrix(18, 18), cube(2, 40, 18, 0.5)];
  compare(t, source, args);
  const { cuda } = vjp(numpy(source), { device: "cuda" }).lower(args as never).plan, kernels = cuda!.device.split(/^(?=extern "C")/m).filter((k) => k.includes("const double* const a = "));
  t.true(kernels.length >= 8);
  // Sums over the batch are inside a tile's sum.
  t.true(kernels.some((k) => /sum\[i\]\[j\] = double\(0\);\n\s+for \(i64 i\d+/.test(k)));
  for (const dtype of ["complex128", "complex64"] as const) {
    const z = (b: number, m: number, n: number, f: number): NDArray => ndarray(dtype === "complex64" ? Float32Array.from(wave(2 * b * m * n, f)) : wave(2 * b * m * n, f), [b, m, n], { dtype });
    compare(t, `
def f(A, B, C):
    C[:] = np.conj(A) @ B + C
    s = np.sum(C * C)
    return s.real
`, [z(2, 17, 20, 0.3), z(2, 20, 19, 0.7), z(2, 17, 19, 0.2)], {}, dtype === "complex64" ? 1e-4 : 1e-12);
  }
  // None at all, and small ones, which are loops.
  compare(t, "\ndef f(A, B):\n    C = A @ B\n    return np.sum(C * C)\n", [cube(0, 20, 20, 0.3), cube(0, 20, 20, 0.2)], { gradient: false });
  compare(t, "\ndef f(A, B):\n    C = A @ B\n    return np.sum(C * C)\n", [cube(300, 3, 4, 0.3), cube(300, 4, 2, 0.2)]);
});

test("stencils in tiles of shared memory: planes, borders, conditions, and gradients that gather", (t) => {
  const source = `
def f(A, B, H, G, steps):
    for t in range(steps):
        B[1:-1, 1:-1] = 0.2 * (A[1:-1, 1:-1] + A[:-2, 1:-1] + A[2:, 1:-1] + A[1:-1, :-2] * A[1:-1, 2:])
        A[1:-1, 1:-1] = 0.2 * (B[1:-1, 1:-1] + B[:-2, :-2] * B[2:, 2:] + np.where(B[:-2, 1:-1] > 0.0, B[1:-1, :-2], B[1:-1, 2:]))
    G[1:-1, 1:-1, 1:-1] = H[1:-1, 1:-1, 1:-1] * H[:-2, 1:-1, 1:-1] + H[2:, 1:-1, 1:-1] * H[1:-1, :-2, 1:-1] + H[1:-1, 2:, 1:-1] * H[1:-1, 1:-1, :-2] + H[1:-1, 1:-1, 2:]
    return np.sum(A * A) + np.sum(G)
`;
  const cube = (a: number, b: number, c: number, f: number): NDArray => ndarray(wave(a * b * c, f), [a, b, c]);
  // Tiles that are whole, and tiles that are not: small loops of them are a block's, so each is a loop of its own here.
  for (const [n, m] of [[90, 130], [60, 70]] as const) for (const precision of ["default", "strict"] as const) compare(t, source, [matrix(n, m), matrix(n, m, 0.2), cube(4, n, 40, 0.3), cube(4, n, 40, 0.7), n === 90 ? 2 : 1], { precision });
  // Planes of a tape that grows: how many rows it has only the run knows.
  compare(t, `
def f(u, w):
    d = 5.0
    while d > 2.0:
        un = u.copy()
        u[1:-1, 1:-1] = un[1:-1, 1:-1] + 0.05 * (un[2:, 1:-1] - un[:-2, 1:-1]) * (un[1:-1, 2:] + un[1:-1, :-2])
        d = d * 0.7
    return np.sum(u * w)
`, [matrix(60, 70), matrix(60, 70, 0.2)]);
  const { cuda } = vjp(numpy(source), { device: "cuda" }).lower([matrix(70, 130), matrix(70, 130), cube(4, 70, 40, 0.3), cube(4, 70, 40, 0.7), 2] as never).plan, kernels = cuda!.device.split(/^(?=extern "C")/m).filter((k) => / b\d+ = \(double\*\)|\* const b\d+ = /.test(k));
  t.true(kernels.length >= 4, String(kernels.length));
});

test("single precision and complex numbers", (t) => {
  compare(t, `
def f(x, y):
    y[:] = x * y + np.sqrt(np.abs(x)) 
    return np.sum(y)
`, [Float32Array.from(wave(5000)), Float32Array.from(wave(5000, 0.2))], {}, 1e-5);
  const z = (n: number, dtype: "complex128" | "complex64", f: number): NDArray => ndarray(dtype === "complex64" ? Float32Array.from(wave(2 * n, f)) : wave(2 * n, f), [n], { dtype });
  for (const dtype of ["complex128", "complex64"] as const) compare(t, `
def f(x, y):
    z = x * np.conj(y) + np.exp(1j * x)
    s = np.sum(z / (y + 3.0))
    return s.real * s.real + s.imag
`, [z(700, dtype, 0.3), z(700, dtype, 0.5)], {}, dtype === "complex64" ? 1e-5 : 1e-12);
});

test("strict precision gives the bits of strict C++", (t) => {
  compare(t, `
def f(x, A, steps):
    for k in range(steps):
        x[1:-1] = np.sin(x[1:-1]) * 0.5 + x[2:] * np.exp(-x[:-2] * x[:-2])
    return np.sum(x) + np.sum(np.tanh(A @ x[:40]))
`, [wave(3000), matrix(30, 40), 3], { precision: "strict" }, 0);
});

test("gathers, scatters and rows of given lengths; indices out of range are errors at the user's line", (t) => {
  const source = `
def f(x, idx, ptr, y):
    for i in range(idx.shape[0]):
        y[idx[i]] += x[i] * x[idx[i]]
    for r in range(ptr.shape[0] - 1):
        s = 0.0
        for k in range(ptr[r], ptr[r + 1]):
            s += x[k] * x[idx[k]]
        y[r] = y[r] * s
    return np.sum(y)
`, idx = BigInt64Array.from({ length: 600 }, (_, i) => BigInt((i * 7) % 500)), ptr = BigInt64Array.from([0n, 3n, 3n, 100n, 599n]);
  compare(t, source, [wave(600), idx, ptr, wave(500)]);
  const bad = idx.slice();
  bad[577] = 500n;
  const e = t.throws(() => jit(numpy(source), { device: "cuda" })(wave(600), bad, ptr, wave(500)), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_BOUNDS");
  t.is(e.loc?.line, 4);
  t.regex(e.message, /index 500, size 500/);
});

test("sums into elements that data choose: warps that own them, in order; several of them, bounds and indices from data", (t) => {
  const source = `
def f(x, w, idx, ptr, h, g):
    for i in range(idx.shape[0]):
        h[idx[i]] += x[i] * x[i]
    for i in range(idx.shape[0]):
        if x[i] > 0.3:
            v = np.sin(x[i])
            g[idx[i]] += v * w[i]
        elif w[i] < 0.0:
            h[idx[idx[i]]] += x[i] * w[i]
    for r in range(ptr.shape[0] - 1):
        for k in range(ptr[r], ptr[r + 1]):
            g[idx[k]] += w[k] * x[r]
    for k in range(ptr[idx[0]], ptr[3]):
        g[idx[k]] = max(g[idx[k]], x[k])
    s = 0.0
    for k in range(ptr[idx[0]], ptr[3]):
        s += w[k] * w[k]
    b = np.histogram(x, 7, weights=w)[0]
    return s + np.sum(h * h) + np.sum(g * g) + np.sum(b * b)
`, idx = BigInt64Array.from({ length: 600 }, (_, i) => BigInt((i * i * 7) % 50)), ptr = BigInt64Array.from([0n, 3n, 3n, 100n, 599n]);
  for (const precision of ["default", "strict"] as const) compare(t, source, [wave(600), wave(600, 0.2), idx, ptr, wave(50), wave(50, 0.7)], { precision });
  const { cuda } = vjp(numpy(source), { device: "cuda", precision: "strict" }).lower([wave(600), wave(600, 0.2), idx, ptr, wave(50), wave(50, 0.7)] as never).plan;
  t.true((cuda!.device.match(/__ballot_sync\(/g) ?? []).length >= 3);
  // All in one element; none at all; and an index that is wrong.
  const small = "\ndef f(x, idx, h):\n    for i in range(idx.shape[0]):\n        h[idx[i]] += x[i] * x[i]\n    return np.sum(h * h)\n";
  for (const n of [0, 1, 100]) compare(t, small, [wave(n), new BigInt64Array(n), wave(3)], { precision: "strict" }, 0);
  const bad = BigInt64Array.from({ length: 100 }, (_, i) => BigInt(i === 77 ? 3 : i % 3)), e = t.throws(() => jit(numpy(small), { device: "cuda" })(wave(100), bad, wave(3)), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_BOUNDS");
  t.regex(e.message, /index 3, size 3/);
});

test("loops of unknown length, early exits and errors of the program's own", (t) => {
  const source = `
def f(x, limit):
    n = 0
    while np.sum(x * x) > limit and n < 50:
        x[:] = 0.9 * x + 0.01 * np.sin(x)
        n += 1
    s = 0.0
    for i in range(x.shape[0]):
        if x[i] > 0.5:
            break
        s += x[i] * x[i]
    if s > 1e6:
        raise ValueError("too large")
    return s + np.sum(x)
`;
  compare(t, source, [wave(700), 40]);
  const e = t.throws(() => jit(numpy(source), { device: "cuda" })(wave(700).map((v) => -1e4 * Math.abs(v) - 1e4), 1e300), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_RAISED");
  t.is(e.loc?.line, 13);
});

slowly("linear algebra by kernels of our own", (t) => {
  const spd = (n: number): NDArray => { const a = wave(n * n, 0.71); for (let i = 0; i < n; i++) { for (let j = 0; j < i; j++) a[i * n + j] = a[j * n + i]!; a[i * n + i]! += 2 * n; } return ndarray(a, [n, n]); };
  compare(t, `
def f(A, b):
    x = np.linalg.solve(A, b)
    L = np.linalg.cholesky(A)
    return np.sum(x * x) + np.sum(L) + np.log(np.linalg.det(0.02 * A)) + np.sum(np.linalg.inv(A) * A)
`, [spd(24), wave(24)], {}, 1e-11);
});

slowly("more than three dimensions, tiny and empty ranges", (t) => {
  const source = `
def f(A, n):
    B = np.zeros_like(A)
    for i in range(1, n):
        B[i - 1:i, :, :, :] += A[i:i + 1, :, :, :] * 0.5
    B[:, 1:-1, :, :] = B[:, 1:-1, :, :] + A[:, :-2, :, :] * A[:, 2:, :, :]
    return np.sum(B[:, :, 0:0, :]) + np.sum(B * A)
`;
  compare(t, source, [ndarray(wave(4 * 5 * 6 * 7), [4, 5, 6, 7]), 4]);
  compare(t, source, [ndarray(wave(3 * 2 * 4 * 2), [3, 2, 4, 2]), 1]);
});

test("JavaScript functions run there, too", (t) => {
  const f = javascript((x: Float64Array, n: number) => { let s = 0; for (let i = 0; i < n; i++) { const v = Math.exp(-x[i]! * x[i]!); for (let j = 0; j < 3; j++) s += v * (j + 1) * x[(i + j) % n]!; } return s; });
  const x = wave(1500), cpu = vjp(f, { device: "cpu" })([x, 1500] as never, { return: 1 } as never), gpu = vjp(f, { device: "cuda" })([x, 1500] as never, { return: 1 } as never);
  const [a, b] = [flat(cpu), flat(gpu)];
  t.true(a.length > 1500 && a.every((v, i) => Math.abs(v - b[i]!) <= 1e-12 * Math.max(1, ...a.map(Math.abs))));
});

slowly("sweeps in place and tables, with conditions, in waves: their gradients, too", (t) => {
  const source = `
def f(A, x, y, steps):
    for t in range(steps):
        for i in range(1, A.shape[0] - 1):
            for j in range(1, A.shape[1] - 1):
                A[i, j] = (A[i - 1, j - 1] + A[i - 1, j] + A[i - 1, j + 1] + A[i, j - 1] + A[i, j] * A[i, j + 1] + A[i + 1, j - 1] + A[i + 1, j] + A[i + 1, j + 1]) / 9.0
    D = np.zeros((x.shape[0], y.shape[0]))
    for i in range(1, x.shape[0]):
        for j in range(1, y.shape[0]):
            if x[i] > y[j]:
                D[i, j] = 0.5 * D[i - 1, j] + x[i] * D[i, j - 1] + 0.1
            else:
                D[i, j] = D[i - 1, j - 1] * y[j] + x[i]
    return np.sum(D * D) + np.sum(A)
`, args = [matrix(40, 31), wave(37), wave(45, 0.2), 3];
  for (const precision of ["default", "strict"] as const) compare(t, source, args, { precision });
  // No loop is left to one thread.
  const { cuda } = vjp(numpy(source), { device: "cuda", precision: "strict" }).lower(args as never).plan, serial = cuda!.device.split(/^(?=extern "C")/m).filter((k) => k.includes("__launch_bounds__(1) ") && k.includes("for ("));
  t.deepEqual(serial.filter((k) => !/^\s+a\d+ = /m.test(k)), []);
});
