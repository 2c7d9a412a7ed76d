/** np.linalg's solve, inv, det and cholesky: NumPy's own numbers (fixtures/linalg.json), first and second derivatives against differences, errors. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { DType } from "../../ts/base/dtypes.js";
import { DaceError, grad, gradcheck, jit, ndarray, NDArray, python, vjp } from "../../ts/index.js";
import { packageRoot } from "../../ts/runtime/addon.js";
import { allocate } from "../../ts/runtime/ndarray.js";

interface Stored { readonly shape: readonly number[]; readonly dtype: DType; readonly data: readonly number[] }
interface Case { readonly name: string; readonly args: readonly Stored[]; readonly result: Stored }
const CASES = JSON.parse(readFileSync(join(packageRoot(), "test", "library", "fixtures", "linalg.json"), "utf8")) as readonly Case[];

const array = (x: Stored): NDArray => {
  const a = allocate(x.dtype, x.shape.reduce((n, k) => n * k, 1)) as unknown as Record<number, number | bigint>;
  x.data.forEach((v, i) => { a[i] = x.dtype === "int64" ? BigInt(v) : v; });
  return ndarray(a as unknown as Float64Array, x.shape, { dtype: x.dtype });
};
const numbers = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : x && typeof x === "object" && "re" in x ? [Number(x.re), Number((x as unknown as { im: number }).im)] : []);
const program = (name: string, n: number): ReturnType<typeof python> => python(`import numpy as np\ndef f(${["a", "b"].slice(0, n).join(", ")}):\n    return np.linalg.${name}(${["a", "b"].slice(0, n).join(", ")})\n`, { function: "f" });
const title = (c: Case): string => `${c.name}(${c.args.map((a) => `${a.dtype}[${a.shape.join()}]`).join(", ")})`;

export function register(device: "js" | "cpu"): void {
  const OPTIONS = { device, cache: false } as const;
  test("as NumPy", (t) => {
    for (const c of CASES) {
      const r = jit(program(c.name, c.args.length), OPTIONS)(...c.args.map(array)), got = numbers(r);
      const largest = c.result.data.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3), tolerance = /32|64$/.test(c.result.dtype) && /float32|complex64/.test(c.result.dtype) ? 2e-5 : 1e-13;
      t.is(got.length, c.result.data.length, title(c));
      if (r instanceof NDArray) { t.is(r.dtype, c.result.dtype, title(c)); t.deepEqual([...r.shape], [...c.result.shape], title(c)); }
      c.result.data.forEach((v, i) => { t.true(Math.abs(got[i]! - v) <= tolerance * largest * 10, `${title(c)}: element ${i} is ${got[i]} instead of ${v}`); });
    }
  });

  for (const family of ["solve", "inv", "det", "cholesky"]) test(`derivative: ${family}`, (t) => {
    for (const c of CASES) {
      if (c.name !== family || !/float64|complex128/.test(c.args[0]!.dtype) || c.args[0]!.shape.includes(0) || (family === "det" && c.result.data[0] === 0)) continue;
      const r = gradcheck(program(c.name, c.args.length), c.args.map(array), OPTIONS);
      t.true(r.ok, `${title(c)}: ${JSON.stringify(r)}`);
    }
  });

  test("single precision has the gradients of double precision", (t) => {
    for (const c of CASES) {
      if (c.args[0]!.dtype !== "float32" || c.args[0]!.shape.length > 2) continue;
      const run = (dtype: DType): number[] => {
        const args = c.args.map((a) => array({ ...a, dtype })), f = vjp(program(c.name, args.length), OPTIONS), zero = jit(program(c.name, args.length), OPTIONS)(...args);
        const w = numbers(zero).map((_, i) => Math.fround(Math.sin(i + 1)));
        const cotangent = typeof zero === "number" ? w[0]! : ndarray(dtype === "float32" ? Float32Array.from(w) : Float64Array.from(w), c.result.shape, { dtype });
        return Object.values(f(args, { return: cotangent }).grads).flatMap(numbers);
      };
      const a = run("float32"), b = run("float64"), largest = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      a.forEach((v, i) => { t.true(Math.abs(v - b[i]!) <= 2e-4 * largest, `${title(c)}: ${v} and ${b[i]}`); });
    }
  });

  test("second derivatives", (t) => {
    const a = ndarray(Float64Array.of(1.5, 0.3, -0.2, 0.4, 1.1, 0.25, -0.3, 0.2, 0.9), [3, 3]), b = ndarray(Float64Array.of(0.4, -0.6, 0.9, 0.3, -0.2, 0.7), [3, 2]), v = Float64Array.of(0.5, -0.3, 0.8);
    for (const [body, ...args] of [
      ["np.sum(np.linalg.solve(a, b)**3)", a, b], ["np.sum(np.sin(np.linalg.solve(a, b)))", a, v], ["np.sum(np.linalg.inv(a)**2)", a], ["np.linalg.det(a)**2", a], ["np.sum(np.sin(np.linalg.cholesky(a @ a.T + np.eye(3))))", a], ["np.sum(np.linalg.cholesky(a)**2 * a)", a],
    ] as const) {
      const names = ["a", "b"].slice(0, args.length), p = python(`import numpy as np\ndef f(${names.join(", ")}):\n    return ${body}\n`, { function: "f" });
      const r = gradcheck(grad(p, { ...OPTIONS, wrt: names }), [...args], OPTIONS);
      t.true(r.ok, `${body}: ${JSON.stringify(r)}`);
    }
  });

  test("the derivative of cholesky lies in the lower triangle, where NumPy looks", (t) => {
    const p = python("import numpy as np\ndef f(a):\n    return np.sum(np.linalg.cholesky(a))\n", { function: "f" });
    const g = numbers(grad(p, OPTIONS)(ndarray(Float64Array.of(4, 100, 2, 9), [2, 2])));
    // L = [[√a, 0], [c/√a, √(b − c²/a)]] with a = 4, c = 2, b = 9.
    const s = Math.sqrt(9 - 4 / 4);
    t.is(g[1], 0);
    t.true(Math.abs(g[0]! - (1 / 4 - 2 / 16 + (4 / 16) / (2 * s))) < 1e-14);
    t.true(Math.abs(g[2]! - (1 / 2 - (2 * 2 / 4) / (2 * s))) < 1e-14);
    t.true(Math.abs(g[3]! - 1 / (2 * s)) < 1e-14);
  });

  test("factors made in a loop whose matrix is overwritten", (t) => {
    const p = python("import numpy as np\ndef f(a, x, n):\n    for i in range(n):\n        a[:] = a + 0.1 * np.outer(x, x)\n        x = np.linalg.solve(a, x) * np.linalg.det(a)\n        a[0, :] *= 1.1\n    return x\n", { function: "f" });
    const r = gradcheck(p, [ndarray(Float64Array.of(2, 0.3, -0.2, 0.1, 1.7, 0.4, 0.2, -0.5, 1.4), [3, 3]), Float64Array.of(0.5, -0.3, 0.8), 3], OPTIONS);
    t.true(r.ok, JSON.stringify(r));
  });

  test("products of complex matrices, and of real ones with complex ones", (t) => {
    const z = (n: number, m: number, s: number): NDArray => ndarray(Float64Array.from({ length: 2 * n * m }, (_, i) => Math.sin(s + i * i)), [n, m], { dtype: "complex128" });
    for (const [body, ...args] of [["a @ b", z(3, 4, 1), z(4, 2, 2)], ["np.conj(a).T @ b.T", z(3, 4, 3), z(2, 3, 4)], ["a @ b.real", z(2, 3, 5), z(3, 2, 6)], ["(a @ b) @ (a @ b).conj().T", z(2, 3, 7), z(3, 2, 8)]] as const) {
      const r = gradcheck(python(`import numpy as np\ndef f(a, b):\n    return ${body}\n`, { function: "f" }), [...args], OPTIONS);
      t.true(r.ok, `${body}: ${JSON.stringify(r)}`);
    }
  });

  test("more columns than are worked on at once", (t) => {
    const n = 37, m = 70, noise = (k: number): number => Math.sin(k * 12.9898 + 1) * 43758.5453 % 1, a = Float64Array.from({ length: n * n }, (_, i) => noise(i) + (i % (n + 1) === 0 ? 6 : 0)), b = Float64Array.from({ length: n * m }, (_, i) => noise(i + 5000));
    const p = python("import numpy as np\ndef f(a, b):\n    x = np.linalg.solve(a, b)\n    return a @ x - b, np.linalg.inv(a) @ a - np.eye(a.shape[0]), np.sum(x * x)\n", { function: "f" });
    const [r, s, total] = jit(p, OPTIONS)(ndarray(a, [n, n]), ndarray(b, [n, m])) as [NDArray, NDArray, number];
    for (const x of [...numbers(r), ...numbers(s)]) t.true(Math.abs(x) < 1e-12);
    // d Σx²/da = −2·A⁻ᵀ·X·Xᵀ, along a.
    const g = numbers(grad(python("import numpy as np\ndef f(a, b):\n    return np.sum(np.linalg.solve(a, b)**2)\n", { function: "f" }), OPTIONS)(ndarray(a, [n, n]), ndarray(b, [n, m])));
    t.true(Math.abs(g.reduce((sum, x, i) => sum + x * a[i]!, 0) + 2 * total) < 1e-10 * total);
  });

  test("what cannot be solved or factored", (t) => {
    const raises = (name: string, message: RegExp, ...args: NDArray[]): void => {
      const e = t.throws(() => jit(program(name, args.length), OPTIONS)(...args), { instanceOf: DaceError });
      t.is(e.code, "ERR_DACE_RAISED");
      t.regex(e.message, message);
    };
    const singular = (): NDArray => ndarray(Float64Array.of(1, 2, 2, 4), [2, 2]);
    raises("solve", /Singular matrix/, singular(), ndarray(Float64Array.of(1, 2), [2, 1]));
    raises("inv", /Singular matrix/, singular());
    raises("cholesky", /not positive definite/, ndarray(Float64Array.of(1, 0, 2, 1), [2, 2]));
    raises("cholesky", /not positive definite/, ndarray(Float64Array.of(NaN, 0, 0, 1), [2, 2]));
    t.is(t.throws(() => jit(program("inv", 1), OPTIONS)(ndarray(new Float64Array(6), [2, 3])), { instanceOf: DaceError }).code, "ERR_DACE_SHAPE");
    t.is(t.throws(() => jit(program("solve", 2), OPTIONS)(ndarray(new Float64Array(4), [2, 2]), new Float64Array(3)), { instanceOf: DaceError }).code, "ERR_DACE_SHAPE");
    t.true(Number.isNaN((grad(program("det", 1), OPTIONS)(singular()) as NDArray).get(0, 0)), "the derivative of the determinant of a singular matrix is not found, and says so");
  });
}
