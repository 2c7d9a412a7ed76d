/** Batches of products by cuBLAS in strides, on a library made of the processor that does the matrices of a batch backwards. */
import test, { type ExecutionContext } from "ava";
import { jit, ndarray, type NDArray, python, vjp } from "../../ts/index.js";
import { useProcessor } from "../native/processor.js";
import { compareDevices } from "../programs/cuda-shim.js";

const control = useProcessor();
type Type = "float64" | "float32" | "complex128" | "complex64";
const array = (dtype: Type, shape: readonly number[], f: number): NDArray => {
  const n = shape.reduce((a, b) => a * b, 1) * (dtype.startsWith("complex") ? 2 : 1), v = Float64Array.from({ length: n }, (_, i) => Math.sin(1 + f * i) + 0.1 * Math.cos(i));
  return ndarray(dtype === "float32" || dtype === "complex64" ? Float32Array.from(v) : v, shape, { dtype });
};
const numpy = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np${source}`, name: "p.py" }, { function: "f" });
function products(t: ExecutionContext, source: string, args: readonly unknown[], within: number, options: Parameters<typeof compareDevices>[3] = {}): number {
  const before = control.get("products");
  compareDevices(t, numpy(source), args, options, within);
  return control.get("products") - before;
}
const host = (source: string, args: readonly unknown[]): string => vjp(numpy(source), { device: "cuda" }).lower(args as never).plan.cuda!.host.sources.join();

for (const dtype of ["float64", "float32", "complex128", "complex64"] as const) test.serial(`${dtype}: transposed and conjugated operands, and their gradients`, (t) => {
  const source = `
def f(A, B, C):
    P = A @ np.conj(np.transpose(B, (0, 2, 1)))
    C[:] = np.conj(np.transpose(P, (0, 2, 1))) @ A + C
    s = np.sum(C * np.conj(C))
    return s.real
`, args = [array(dtype, [3, 17, 20], 0.3), array(dtype, [3, 18, 20], 0.2), array(dtype, [3, 18, 20], 0.7)];
  t.true(products(t, source, args, dtype === "float32" || dtype === "complex64" ? 2e-4 : 1e-12) >= 4);
  t.true((host(source, args).match(/linear->gemm_batch\(/g) ?? []).length >= 4);
});

test.serial("one matrix for all, stacks of stacks, parts of larger arrays; sums over a batch are our own", (t) => {
  const source = `
def f(A, W, S, T):
    R = np.tanh(A[:, 1:19, 2:22] @ W)
    Q = S @ np.transpose(T, (0, 1, 3, 2))
    return np.sum(R * R) + np.sum(Q * Q * Q)
`, args = [array("float64", [4, 20, 24], 0.3), array("float64", [20, 16], 0.2), array("float64", [2, 3, 16, 18], 0.7), array("float64", [2, 3, 17, 18], 0.5)];
  t.true(products(t, source, args, 1e-12) > 0);
  const text = host(source, args);
  // W has stride 0; the two loops over S and T are one.
  t.regex(text, /linear->gemm_batch\([^;]*, 0, &beta,/);
  t.regex(text, /linear->gemm_batch\([^;]*, \(?imax<i64>\(0, s\d+\) \* imax<i64>\(0, s\d+\)\)?\);/);
});

test.serial("loops whose strides do not fit together, and empty batches", (t) => {
  const source = `
def f(A, B, C):
    for i in range(A.shape[0] - 1):
        for j in range(A.shape[1] - 1):
            C[i, j] = A[i, j] @ B[j]
    return np.sum(C * C)
`, args = [array("float64", [3, 4, 16, 16], 0.3), array("float64", [4, 16, 17], 0.2), array("float64", [3, 4, 16, 17], 0.7)];
  products(t, source, args, 1e-12);
  t.notRegex(host(source, args), /linear->gemm_batch/);
  t.is(jit(numpy("\ndef f(A, B):\n    return np.sum(A @ B)\n"), { device: "cuda" })(array("float64", [0, 20, 20], 0.3), array("float64", [0, 20, 20], 0.2)), 0);
});

test.serial("without the library, and where it has no batches, the kernel of our own", (t) => {
  const source = "\ndef f(A, B):\n    C = A @ B\n    return np.sum(C * C)\n", args = [array("float64", [3, 20, 21], 0.3), array("float64", [3, 21, 22], 0.2)], before = control.get("launches");
  t.true(products(t, source, args, 1e-12) > 0);
  t.is(products(t, source, args, 0, { precision: "strict" }), 0);
  t.true(control.get("launches") > before);
});

test.after("memory was used as it should be", (t) => { t.is(control.get("mistakes"), 0); });
