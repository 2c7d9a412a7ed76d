/** Linear algebra by cuBLAS and cuSOLVER, on libraries made of the processor that are as unkind as NVIDIA's may be: as the processor's own, with gradients, and what happens where they fail. */
import test, { type ExecutionContext } from "ava";
import { DaceError, grad, jit, ndarray, type NDArray, python, vjp } from "../../ts/index.js";
import { useProcessor } from "../native/processor.js";
import { compareDevices, flat } from "../programs/cuda-shim.js";
import { effort, slowlySerial } from "../support/effort.js";

const control = useProcessor();
type Type = "float64" | "float32" | "complex128" | "complex64";
const TYPES: readonly Type[] = ["float64", "float32", "complex128", "complex64"];
const wave = (n: number, f = 0.37): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(1 + f * i) + 0.1 * Math.cos(i));
const isComplex = (d: Type): boolean => d.startsWith("complex");
const array = (dtype: Type, shape: readonly number[], f: number, diagonal = 0): NDArray => {
  // Of full rank, and without equal eigenvalues.
  const words = isComplex(dtype) ? 2 : 1, size = shape.reduce((a, b) => a * b, 1), v = wave(size * words, f).map((x, i) => x + Math.sin(1e4 * Math.sin(f * (i + 7)))), n = shape.at(-1)!;
  for (let i = 0; i < size; i++) if (Math.floor(i / n) % (shape.at(-2) ?? 1) === i % n) v[i * words]! += diagonal;
  return ndarray(dtype.endsWith("32") || dtype === "complex64" ? Float32Array.from(v) : v, shape, { dtype });
};
const numpy = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np${source}`, name: "p.py" }, { function: "f" });
const tolerance = (d: Type, times = 1): number => times * (d === "float32" || d === "complex64" ? 2e-4 : 1e-11);
/** Runs on both; gives how often a factorisation and a product or triangle went to the library. */
function compare(t: ExecutionContext, source: string, args: readonly unknown[], within: number, options: Parameters<typeof compareDevices>[3] = {}): { readonly factorisations: number; readonly products: number } {
  const before = [control.get("factorisations"), control.get("products")] as const;
  compareDevices(t, numpy(source), args, options, within);
  return { factorisations: control.get("factorisations") - before[0], products: control.get("products") - before[1] };
}

for (const dtype of effort(["float64"], TYPES)) {
  test.serial(`cholesky of ${dtype}, and its gradient: the triangles that it leaves undone are ours`, (t) => {
    const r = compare(t, `
def f(A, B):
    L = np.linalg.cholesky(A + np.conj(A.T))
    M = L * B
    return np.sum(M * np.conj(M)).real
`, [array(dtype, [40, 40], 0.71, 40), array(dtype, [40, 40], 0.3)], tolerance(dtype, 10));
    t.is(r.factorisations, 2);
    // Both triangles of the adjoint.
    t.true(r.products > 0);
  });

  test.serial(`solve, inv and det of ${dtype}, with one column and many`, (t) => {
    const r = compare(t, `
def f(A, B, c, D):
    X = np.linalg.solve(A, B)
    y = np.linalg.solve(A, c)
    I = np.linalg.inv(A)
    d = np.linalg.det(0.1 * A[:33, :33])
    s = np.sum(X * np.conj(X)) + np.sum(y * np.conj(y)) + np.sum(I * D) + d * np.conj(d)
    return s.real
`, [array(dtype, [36, 36], 0.71, 4), array(dtype, [36, 5], 0.3), array(dtype, [36], 0.9), array(dtype, [36, 36], 0.11)], tolerance(dtype, 100));
    t.true(r.factorisations >= 4, String(r.factorisations));
    t.true(r.products > 0);
  });

  test.serial(`eigh of ${dtype}`, (t) => {
    const r = compare(t, `
def f(A, B):
    w, v = np.linalg.eigh(A + np.conj(A.T))
    P = v @ np.diag(np.exp(-0.1 * w)) @ np.conj(v.T)
    return np.sum(w * w * w) + np.sum(P * B).real
`, [array(dtype, [20, 20], 0.71), array(dtype, [20, 20], 0.3)], tolerance(dtype, 100));
    t.is(r.factorisations, 2);
  });
}

slowlySerial("svd and pinv: thin ones, of few rows, and of matrices that lack a rank", (t) => {
  for (const dtype of ["float64", "float32"] as const) for (const [m, n] of [[17, 11], [11, 17], [12, 12]] as const) {
    const r = compare(t, `
def f(A, B):
    u, s, vt = np.linalg.svd(A, full_matrices=False)
    R = (u * np.tanh(s)) @ vt
    return np.sum(s * s * s) + np.sum(R * B) + np.sum(np.linalg.pinv(A) * B.T)
`, [array(dtype, [m, n], 0.71, 2), array(dtype, [m, n], 0.3)], tolerance(dtype, 1000));
    t.true(r.factorisations >= 4, `${m} ${n} ${r.factorisations}`);
  }
  const low = wave(20 * 10).map((_, i) => Math.sin(1 + Math.floor(i / 10)) * Math.cos(i % 10));
  const r = compare(t, "\ndef f(A):\n    u, s, vt = np.linalg.svd(A, full_matrices=False)\n    return np.sum(s) + np.sum((u.T @ u)**2) + np.sum(np.linalg.pinv(A, rcond=1e-10) * A.T)\n", [ndarray(low, [20, 10])], 1e-10, { gradient: false });
  t.is(r.factorisations, 2);
});

slowlySerial("parts of larger arrays, transposed, and stacks of matrices in order", (t) => {
  const r = compare(t, `
def f(A, B, S):
    X = np.linalg.solve(A[2:38, 3:39].T, B.T)
    L = np.linalg.cholesky(S)
    s = np.sum(X * X)
    for k in range(S.shape[0]):
        s += np.sum(np.linalg.solve(S[k], B.T) * B.T) + np.sum(np.linalg.inv(S[k]))
    return s + np.sum(L)
`, [array("float64", [40, 41], 0.71, 3), array("float64", [6, 36], 0.3), (() => { const a = array("float64", [3, 36, 36], 0.5), v = Float64Array.from(a.contiguous() as Float64Array); for (let k = 0; k < 3; k++) for (let i = 0; i < 36; i++) for (let j = 0; j <= i; j++) v[k * 1296 + i * 36 + j] = v[k * 1296 + j * 36 + i] = v[k * 1296 + j * 36 + i]! + (i === j ? 40 : 0); return ndarray(v, [3, 36, 36]); })()], 1e-10);
  t.true(r.factorisations >= 10, String(r.factorisations));
});

test.serial("small matrices, strict precision and plans under a limit stay with our own kernels", (t) => {
  const source = "\ndef f(A, B):\n    X = np.linalg.solve(A, B)\n    return np.sum(X * X)\n", args = (n: number): readonly unknown[] => [array("float64", [n, n], 0.71, 4), array("float64", [n, 3], 0.3)];
  t.deepEqual(compare(t, source, args(31), 1e-11).factorisations, 0);
  t.deepEqual(compare(t, source, args(40), 0, { precision: "strict" }).factorisations, 0);
  t.true(compare(t, source, args(40), 1e-11).factorisations > 0);
  const before = control.get("factorisations"), g = grad(numpy(source), { device: "cuda", memoryLimit: 2 ** 20 }), h = grad(numpy(source), { device: "cpu" });
  const [a, b] = [flat(g(...args(40))), flat(h(...args(40)))];
  t.is(control.get("factorisations"), before);
  t.true(a.length > 0 && a.every((v, i) => Math.abs(v - b[i]!) <= 1e-10 * Math.max(...b.map(Math.abs))));
});

test.serial("what the library does not find is looked for by our own kernels: singular, indefinite, not finite", (t) => {
  const n = 40, singular = array("float64", [n, n], 0.71, 4), v = singular.contiguous() as Float64Array;
  for (let j = 0; j < n; j++) v[7 * n + j] = 0;
  const zero = ndarray(v, [n, n]), raised = (source: string, ...args: unknown[]): string => t.throws(() => jit(numpy(source), { device: "cuda" })(...args), { instanceOf: DaceError })!.message;
  const before = control.get("factorisations");
  t.regex(raised("\ndef f(A):\n    return np.linalg.inv(A)\n", zero), /Singular matrix/);
  t.regex(raised("\ndef f(A, b):\n    return np.linalg.solve(A, b)\n", zero, wave(n)), /Singular matrix/);
  t.regex(raised("\ndef f(A):\n    return np.linalg.cholesky(A)\n", array("float64", [n, n], 0.71)), /not positive definite/);
  const nan = wave(n * n).fill(Number.NaN, 3, 4);
  t.regex(raised("\ndef f(A):\n    return np.linalg.eigh(A)[0]\n", ndarray(nan.map((x, i) => (i === 3 * n ? Number.NaN : x)), [n, n])), /did not converge/);
  t.is(control.get("factorisations"), before + 4);
  t.is(jit(numpy("\ndef f(A):\n    return np.linalg.det(A)\n"), { device: "cuda" })(zero) as number + 0, 0);
});

test.serial("errors of the library, and matrices that do not converge", (t) => {
  const source = "\ndef f(A, B):\n    X = np.linalg.solve(A, B)\n    w = np.linalg.eigh(A)[0]\n    return np.sum(X * X) + np.sum(w)\n", args = [array("float64", [40, 40], 0.71, 4), array("float64", [40, 3], 0.3)];
  const f = jit(numpy(source), { device: "cuda" }), want = jit(numpy(source), { device: "cpu" })(...args) as number, near = (x: unknown): boolean => Math.abs(x as number - want) <= 1e-10 * Math.abs(want);
  const during = <T>(what: string, g: () => T): T => { process.env["PROCESSOR_SOLVER"] = what; try { return g(); } finally { delete process.env["PROCESSOR_SOLVER"]; } };
  t.true(near(during("info 3", () => f(...args))));
  const wrong = t.throws(() => during("info -4", () => f(...args)), { instanceOf: DaceError })!;
  t.regex(wrong.message, /libcusolver.*argument 4 is wrong/);
  const status = t.throws(() => during("status 6", () => f(...args)), { instanceOf: DaceError })!;
  t.regex(status.message, /libcusolver.*status 6/);
  t.true(near(f(...args)));
});

slowlySerial("second derivatives", (t) => {
  const source = "\ndef f(A, b):\n    x = np.linalg.solve(A, b)\n    return np.sum(x * x)\n", g = (device: "cpu" | "cuda"): number[] => {
    const h = vjp(grad(numpy(source), { wrt: ["b"], device }) as never, { device }) as unknown as (args: unknown[], c: unknown) => { grads: unknown };
    return flat(h([array("float64", [34, 34], 0.71, 4), wave(34)], { "return[0]": wave(34, 0.9) }).grads);
  };
  const [a, b] = [g("cpu"), g("cuda")];
  t.true(a.length > 1000 && a.every((v, i) => Math.abs(v - b[i]!) <= 1e-10 * Math.max(...a.map(Math.abs))));
});

test.after("memory was used as it should be", (t) => { t.is(control.get("mistakes"), 0); });
