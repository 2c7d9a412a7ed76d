/** Loops of unknown length, and loops as long as data say, as kernels of one block: on the device made of the processor, in both forms, against C++. */
import test, { type ExecutionContext } from "ava";
import { DaceError, jit, ndarray, type NDArray, python, vjp } from "../../ts/index.js";
import { compareDevices } from "../programs/cuda-shim.js";

process.env["DACE_AD_CUDA"] = "shim";

const wave = (n: number, f = 0.37): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(1 + f * i) + 0.1 * Math.cos(i));
const matrix = (m: number, n: number, f = 0.37): NDArray => ndarray(wave(m * n, f), [m, n]);
const numpy = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np${source}`, name: "p.py" }, { function: "f" });
/** Kernels of one block: those whose threads look together at what they have computed. */
const blocks = (source: string, args: readonly unknown[], gradient = true): readonly string[] => {
  const p = numpy(source), { cuda } = (gradient ? vjp(p, { device: "cuda" }).lower(args as never) : jit(p, { device: "cuda" }).lower(...args)).plan;
  return cuda!.device.split(/^(?=extern "C" __global__)/m).filter((k) => k.includes("__launch_bounds__(512)") && !/^\s+if \(threadIdx\.x < n\d+\)/m.test(k));
};
function compare(t: ExecutionContext, source: string, args: readonly unknown[], options: Parameters<typeof compareDevices>[3] = {}): void {
  for (const form of ["", "off"]) {
    process.env["DACE_AD_CUDA_BLOCKS"] = form;
    try { compareDevices(t, numpy(source), args, options, 1e-12); } finally { delete process.env["DACE_AD_CUDA_BLOCKS"]; }
  }
}

const POWER = `
def f(A, x, tol):
    n = 0
    change = 1.0
    while change > tol:
        y = A @ x
        y = y / np.sqrt(np.sum(y * y))
        change = np.sum((y - x) * (y - x))
        x[:] = y
        n += 1
        if n >= 200:
            break
    return np.sum(x * np.cos(x)) + n
`;
test.serial("a while loop that data end, with a break: one kernel, and the same without", (t) => {
  const spd = (n: number): NDArray => { const a = wave(n * n, 0.71); for (let i = 0; i < n; i++) a[i * n + i]! += 5; return ndarray(a, [n, n]); };
  const args = [spd(12), wave(12), 1e-3] as const;
  t.true(blocks(POWER, args).length >= 1);
  t.true(blocks(POWER, args, false).length >= 1);
  compare(t, POWER, args);
  // Ended by the break, and not entered at all.
  compare(t, POWER, [spd(12), wave(12), -1]);
  compare(t, POWER, [spd(12), wave(12), 2]);
  for (const precision of ["default", "strict"] as const) compare(t, POWER, [spd(30), wave(30), 1e-2], { precision });
});

test.serial("more rounds than one kernel makes, counted", (t) => {
  const source = `
def f(x, y, limit):
    s = 0.0
    k = 0
    while s < limit:
        x[:] = x * 0.9999 + y
        s += x[0] * x[0]
        k += 1
        if k > 30000:
            return s
    return s + np.sum(x) + k
`, args = [wave(5).map((v) => Math.abs(v) + 0.1), wave(5, 0.2).map((v) => 1e-4 * Math.abs(v)), 5000] as const;
  t.true(blocks(source, args, false).length >= 1);
  compare(t, source, args, { gradient: false });
});

test.serial("loops in loops, left from inside; one that is not entered", (t) => {
  const source = `
def f(A, x, steps):
    total = 0.0
    for s in range(steps):
        r = 1.0
        k = 0
        while r > 0.05:
            x[1:-1] = 0.5 * x[1:-1] + 0.2 * (x[:-2] + x[2:]) * A[s, 1:-1]
            r = np.sum(x * x)
            total += r
            k += 1
            if k > 7:
                if r > 2.0:
                    total += 1.0
                break
            if r > 1e3:
                continue
            total += 0.1 * np.max(x)
    return total + np.sum(x)
`;
  compare(t, source, [matrix(3, 20), wave(20), 3]);
  compare(t, source, [matrix(3, 20), wave(20).map((v) => 1e-3 * v), 3]);
});

test.serial("loops as long as data say: bounds read from arrays, by all threads and by each of them", (t) => {
  const source = `
def f(A, x, n, ptr, idx):
    for t in range(n.shape[0]):
        for k in range(n[t]):
            x[1:-1] = 0.5 * x[1:-1] + 0.1 * A[t, 1:-1] * x[:-2] * (k + 1)
        y = np.zeros_like(x)
        for r in range(ptr.shape[0] - 1):
            s = 0.0
            for j in range(ptr[r], ptr[r + 1]):
                s += A[t, idx[j]] * x[idx[j]]
            y[r] = s * s
        x[:] = x + 0.1 * y
    return np.sum(x * x)
`, args = [matrix(4, 40), wave(40), BigInt64Array.of(2n, 0n, 3n, 1n), BigInt64Array.from({ length: 41 }, (_, i) => BigInt(Math.floor((i * i) / 30))), BigInt64Array.from({ length: 60 }, (_, i) => BigInt((i * 7) % 40))] as const;
  t.true(blocks(source, args, false).length >= 1);
  compare(t, source, args);
  const bad = [...args] as unknown[];
  bad[4] = args[4].map((v, i) => (i === 37 ? 40n : v));
  const e = t.throws(() => jit(numpy(source), { device: "cuda" })(...bad), { instanceOf: DaceError })!;
  t.is(e.code, "ERR_DACE_BOUNDS");
  t.regex(e.message, /index 40, size 40/);
});

test.serial("factorisations of our own leave no search, exchange or sum to one thread", (t) => {
  for (const source of ["\ndef f(A):\n    return np.linalg.inv(A)\n", "\ndef f(A):\n    return np.linalg.eigh(A)[1]\n", "\ndef f(A):\n    return np.linalg.svd(A, full_matrices=False)[0]\n", "\ndef f(A):\n    return np.linalg.cholesky(A)\n"]) {
    const { cuda } = jit(numpy(source), { device: "cuda" }).lower(matrix(20, 20)).plan, single = cuda!.device.split(/^(?=extern "C" __global__)/m).filter((k) => k.includes("__launch_bounds__(1) "));
    // What is left to one thread: numbers, the rows of a permutation one after the other, and looking for what is wrong.
    const long = single.filter((k) => { const depth = Math.max(0, ...k.split("\n").filter((l) => /^\s*for \(/.test(l)).map((l) => /^\s*/.exec(l)![0].length)); return depth > 2; });
    t.deepEqual(long, [], source);
  }
});
