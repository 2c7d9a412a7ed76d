/** np.linalg's eigh, svd and what is made of them on the JavaScript backend: the functions of fixtures/decompositions.py, second derivatives, equal eigenvalues, errors. */
import test from "ava";
import { DaceError, grad, gradcheck, jit, ndarray, type NDArray, python } from "../../ts/index.js";
import { register } from "../frontend/array/library/algorithms.js";

register("js", "library", "decompositions", 3);

const OPTIONS = { device: "js", cache: false } as const, program = (body: string): ReturnType<typeof python> => python(`import numpy as np\ndef f(a):\n    return ${body}\n`, { function: "f" });
const tall = (): NDArray => ndarray(Float64Array.of(2, 0.3, -0.2, 0.9, 1.7, 0.4, -0.2, 0.4, 1.1, 0.3, 0.6, -0.5), [4, 3]);

test("second derivatives", (t) => {
  for (const body of [
    "np.sum(np.sin(np.linalg.eigvalsh(a.T @ a)))", "np.sum(np.linalg.eigh(a.T @ a)[1]**4 * np.linalg.eigvalsh(a.T @ a))", "np.sum(np.sin(np.linalg.svdvals(a)))", "np.sum(np.linalg.svd(a, full_matrices=False)[0]**4 * np.linalg.svdvals(a))",
    "np.sum(np.sin(np.linalg.pinv(a)))", "np.sum(np.linalg.pinv(a.T)**3)",
  ]) {
    const r = gradcheck(grad(program(body), OPTIONS), [tall()], OPTIONS);
    t.true(r.ok, `${body}: ${JSON.stringify(r)}`);
  }
});

test("larger matrices are put together again", (t) => {
  const [n, m] = [30, 41], p = python("import numpy as np\ndef f(a, c):\n    w, q = np.linalg.eigh(c)\n    u, s, v = np.linalg.svd(a, full_matrices=False)\n    return (u * s) @ v - a, v @ v.T - np.eye(a.shape[1]), u.T @ u - np.eye(a.shape[1]), (q * w) @ q.T - c, q.T @ q - np.eye(a.shape[1])\n", { function: "f" });
  const a = Float64Array.from({ length: m * n }, (_, i) => (Math.sin(i * i * 12.9898) * 43758.5453) % 1), c = Float64Array.from({ length: n * n }, (_, i) => a[Math.min(Math.floor(i / n), i % n) * n + Math.max(Math.floor(i / n), i % n)]!);
  for (const r of jit(p, OPTIONS)(ndarray(a, [m, n]), ndarray(c, [n, n])) as NDArray[]) for (const x of r.contiguous()) t.true(Math.abs(Number(x)) < 1e-13);
});

test("equal eigenvalues and singular values have derivatives, their vectors have none", (t) => {
  const g = (body: string, ...data: number[]): number[] => Array.from((grad(program(body), OPTIONS)(ndarray(Float64Array.from(data), [2, 2])) as NDArray).contiguous(), Number);
  t.deepEqual(g("np.sum(np.linalg.eigvalsh(a)**3)", 2, 0, 0, 2), [12, 0, 0, 12]);
  t.deepEqual(g("np.sum(np.linalg.svdvals(a)**3)", 2, 0, 0, 2), [12, 0, 0, 12]);
  t.true(g("np.linalg.eigh(a)[1][0, 0] * 2 + np.linalg.eigh(a)[1][1, 0]", 2, 0, 0, 2).some(Number.isNaN));
  t.true(g("np.linalg.svd(a)[0][0, 0] * 2 + np.linalg.svd(a)[0][1, 0]", 2, 0, 0, 2).some(Number.isNaN));
});

test("vectors of zero singular values are orthonormal too", (t) => {
  const p = python("import numpy as np\ndef f(a):\n    u, s, v = np.linalg.svd(a, full_matrices=False)\n    return u.T @ u, v @ v.T, s\n", { function: "f" });
  for (const data of [new Float64Array(12), Float64Array.from({ length: 12 }, (_, i) => Math.floor(i / 3))]) {
    const [u, v, s] = jit(p, OPTIONS)(ndarray(data, [4, 3])) as [NDArray, NDArray, Float64Array];
    for (const x of [u, v]) for (let i = 0; i < 9; i++) t.true(Math.abs(Number(x.get(Math.floor(i / 3), i % 3)) - Number(i % 4 === 0)) < 1e-13);
    t.true(s[1]! < 1e-14);
  }
});

test("what is refused", (t) => {
  const raises = (body: string, a: NDArray, code: DaceError["code"], message: RegExp): void => { const e = t.throws(() => jit(program(body), OPTIONS)(a), { instanceOf: DaceError }); t.is(e.code, code); t.regex(e.message, message); };
  const none = ndarray(Float64Array.of(2, NaN, NaN, 2), [2, 2]), z = ndarray(new Float64Array(8), [2, 2], { dtype: "complex128" });
  raises("np.linalg.svdvals(a)", none, "ERR_DACE_RAISED", /SVD did not converge/);
  raises("np.linalg.pinv(a)", none, "ERR_DACE_RAISED", /SVD did not converge/);
  raises("np.linalg.eigvalsh(a)", none, "ERR_DACE_RAISED", /Eigenvalues did not converge/);
  raises("np.linalg.svdvals(a)", z, "ERR_DACE_UNSUPPORTED", /complex matrix/);
  raises("np.linalg.eigh(a)", tall(), "ERR_DACE_SHAPE", /must be square/);
});
