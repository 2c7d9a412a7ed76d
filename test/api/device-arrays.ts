/** Arrays that lie on a device, whatever it is made of. */
import { inspect } from "node:util";
import type { ExecutionContext, TestFn } from "ava";
import type { NDArray} from "../../ts/index.js";
import { DaceError, DeviceArray, deviceMemory, grad, jit, ndarray, python, valueAndGrad, vjp, type TypedArray } from "../../ts/index.js";

const wave = (n: number, f = 0.3): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(1 + f * i));
const program = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np\n${source}`, name: "arrays.py" }, { function: "f" });
const near = (t: ExecutionContext, a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>, message?: string): void => { t.is(a.length, b.length, message); t.true(Array.from(a, Number).every((x, i) => Math.abs(x - Number(b[i])) <= 1e-12 * Math.max(1, Math.abs(x))), message); };
const host = (t: ExecutionContext, x: unknown): TypedArray => { t.true(x instanceof DeviceArray, `${inspect(x)} does not lie on the device`); return (x as DeviceArray).toHost().data; };
const code = (t: ExecutionContext, f: () => unknown): string => { const e = t.throws(f, { instanceOf: DaceError }); return e?.code ?? ""; };
const device = "cuda";

export function registerDeviceArrays(test: TestFn): void {
  test.serial("values go there and back in every dtype, and are copies", (t) => {
    for (const data of [wave(12), Float32Array.from(wave(12)), Int8Array.of(1, -2, 3), BigInt64Array.of(1n, -5n), Uint16Array.of(7), new Float64Array(0)]) {
      using a = ndarray(data, [data.length], { device });
      const before = data.slice();
      if (data.length > 0) data[0] = (typeof data[0] === "bigint" ? 99n : 99) as never;
      t.deepEqual(a.toHost().data, before);
      t.is(a.toHost().dtype, a.dtype);
    }
    const z = ndarray(wave(12), [2, 3], { dtype: "complex128", device });
    t.deepEqual([z.shape, z.dtype, z.size, z.bytes, z.device], [[2, 3], "complex128", 6, 96, "cuda:0"]);
    t.deepEqual(z.toHost().get(1, 2), { re: wave(12)[10], im: wave(12)[11] });
    // Strided and nested arrays become row-major.
    t.deepEqual(ndarray(ndarray(Float64Array.of(1, 2, 3, 4), [2, 2], { stride: [1, 2] }), undefined, { device }).toHost().toArray(), [[1, 3], [2, 4]]);
    t.deepEqual(ndarray([[1, 2], [3, 4]], undefined, { device }).toHost().toArray(), [[1, 2], [3, 4]]);
    t.deepEqual(ndarray.zeros([2, 2], { dtype: "f32", device }).toHost().data, new Float32Array(4));
    const other = z.copy();
    z.assign(new Float64Array(12));
    t.deepEqual([...other.toHost().data], [...wave(12)]);
    t.deepEqual([...z.toHost().data], [...new Float64Array(12)]);
    t.deepEqual([...z.assign(other).toHost().data], [...wave(12)]);
    t.is(inspect(z), "ndarray(complex128, [2, 3], cuda:0)");
    for (const x of [z, other]) x.dispose();
    t.is(code(t, () => ndarray(wave(4), [4], { device: "gpu" as never })), "ERR_DACE_ARGUMENT");
    t.is(code(t, () => ndarray.zeros([-1], { device })), "ERR_DACE_SHAPE");
    const b = ndarray(wave(4), [4], { device });
    t.is(code(t, () => b.assign(wave(5))), "ERR_DACE_SHAPE");
    t.is(code(t, () => b.assign(ndarray(Float32Array.from(wave(4)), [4]))), "ERR_DACE_TYPE");
  });

  test.serial("gradients of device arrays lie there; numbers and host arrays stay what they are", (t) => {
    const f = program(`
def f(u, w, a, steps):
    for k in range(steps):
        u[1:-1] = u[1:-1] + a * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u * w)
`), u = wave(40), w = wave(40, 0.7);
    const expected = grad(f, { wrt: ["u", "w", "a"], device: "cpu" })(u, w, 0.1, 5) as unknown[];
    const du = ndarray(u, [40], { device }), dw = ndarray(w, [40], { device });
    const both = grad(f, { wrt: ["u", "w", "a"], device })(du, dw, 0.1, 5) as unknown[];
    near(t, host(t, both[0]), expected[0] as Float64Array);
    near(t, host(t, both[1]), expected[1] as Float64Array);
    t.true(Math.abs((both[2] as number) - (expected[2] as number)) < 1e-12 * Math.abs(expected[2] as number));
    // The program changes u: other verbs than jit leave the caller's as it is.
    t.deepEqual([...du.toHost().data], [...u]);
    const mixed = valueAndGrad(f, { wrt: ["u", "w"], device })(du, w, 0.1, 5) as { value: number; grad: unknown[] };
    near(t, host(t, mixed.grad[0]), expected[0] as Float64Array);
    t.true(mixed.grad[1] instanceof Float64Array);
    near(t, mixed.grad[1] as Float64Array, expected[1] as Float64Array);
    const r = vjp(f, { device })([du, dw, 0.1, 5] as never, { u: ndarray(w, [40], { device }), return: 0.5 } as never) as { outputs: Record<string, unknown>; grads: Record<string, unknown> };
    const e = vjp(f, { device: "cpu" })([u, w, 0.1, 5] as never, { u: w, return: 0.5 } as never) as { outputs: Record<string, unknown>; grads: Record<string, unknown> };
    near(t, host(t, r.outputs["u"]), e.outputs["u"] as Float64Array);
    near(t, host(t, r.grads["u"]), e.grads["u"] as Float64Array);
    t.true(typeof r.outputs["return"] === "number");
    // A cotangent of a device is as good as one of the host, and the other way round.
    near(t, host(t, (vjp(f, { device })([du, dw, 0.1, 5] as never, { u: w, return: 0.5 } as never) as typeof r).grads["w"]), e.grads["w"] as Float64Array);
  });

  test.serial("optimiser steps in place, never leaving the device", (t) => {
    const loss = program("def f(p, x):\n    return np.sum((p * x - 1.0) ** 2)\n"), update = program("def f(p, m, g, rate):\n    m[:] = 0.9 * m + g\n    p[:] = p - rate * m\n");
    const run = (where: "cpu" | "cuda"): Float64Array => {
      const put = (x: Float64Array): never => (where === "cuda" ? ndarray(x, [x.length], { device }) : x) as never;
      const g = grad(loss, { device: where }), step = jit(update, { device: where }), p = put(wave(30)), x = put(wave(30, 0.5)), m = put(new Float64Array(30));
      for (let k = 0; k < 20; k++) { const d = g(p, x) as DeviceArray; t.is(step(p, m, d, 0.01), undefined); if (where === "cuda") d.dispose(); }
      return (where === "cuda" ? (p as DeviceArray).toHost().data : p) as Float64Array;
    };
    near(t, run("cuda"), run("cpu"));
  });

  test.serial("results of jit: new arrays lie there, arguments come back as themselves, sizes that the run finds are the host's", (t) => {
    const f = jit(program("def f(A, B):\n    A[:] = A + 1\n    return A @ B, A, np.sum(A), A[A > 1.0]\n"), { device }), A = ndarray(wave(6), [2, 3], { device }), B = ndarray(wave(6, 0.9), [3, 2]);
    const [product, same, sum, some] = f(A, B) as unknown[];
    const [p, q, s, u] = jit(program("def f(A, B):\n    A[:] = A + 1\n    return A @ B, A, np.sum(A), A[A > 1.0]\n"), { device: "cpu" })(ndarray(wave(6), [2, 3]), B) as [NDArray, NDArray, number, Float64Array];
    t.is(same, A);
    t.deepEqual((product as DeviceArray).shape, [2, 2]);
    near(t, host(t, product), p.data);
    near(t, A.toHost().data, q.data);
    t.true(Math.abs((sum as number) - s) < 1e-12);
    t.deepEqual(some, u);
    // One array under two names: behaves as in the source.
    const twice = jit(program("def f(x, y):\n    x[:] = x + 1\n    y[:] = y * 2\n"), { device }), x = ndarray(wave(5), [5], { device });
    twice(x, x);
    near(t, x.toHost().data, wave(5).map((v) => 2 * (v + 1)));
  });

  test.serial("asynchronous calls, and what is disposed of meanwhile", async (t) => {
    const f = program("def f(x, y):\n    y[:] = y + np.sin(x)\n    return np.sum(y)\n"), x = ndarray(wave(50), [50], { device }), y = ndarray(wave(50, 0.8), [50], { device });
    for (const fresh of [true, false]) {
      const call = jit(f, { device });
      if (!fresh) call(x, y.copy());
      const start = y.toHost().data.slice() as Float64Array;
      await call.async(x, y);
      near(t, y.toHost().data, start.map((v, i) => v + Math.sin(wave(50)[i]!)));
      near(t, host(t, await (grad(f, { device }) as unknown as { async(...a: unknown[]): Promise<unknown> }).async(x, y)), wave(50).map(Math.cos));
    }
  });

  test.serial("mistakes: after dispose, on another device; and what has leaked", (t) => {
    const f = program("def f(x):\n    return np.sum(x * x)\n"), before = deviceMemory().arrays, x = ndarray(wave(50), [50], { device });
    t.is(deviceMemory().arrays, before + 1);
    t.is(deviceMemory().device, "cuda:0");
    const d = grad(f, { device })(x) as unknown as DeviceArray;
    near(t, host(t, d), wave(50).map((v) => 2 * v));
    t.is(deviceMemory().arrays, before + 2);
    const bytes = deviceMemory().arrayBytes;
    x.dispose();
    x.dispose();
    t.is(deviceMemory().arrayBytes, bytes - 400);
    t.true(x.disposed && inspect(x).includes("disposed"));
    for (const g of [() => x.toHost(), () => x.copy(), () => x.assign(wave(50)), () => grad(f, { device })(x), () => d.assign(x)]) t.is(code(t, g), "ERR_DACE_DISPOSED");
    for (const where of ["cpu", "js"] as const) { const e = t.throws(() => grad(f, { device: where })(d), { instanceOf: DaceError }); t.is(e.code, "ERR_DACE_DEVICE"); t.regex(e.message, /cuda:0/); }
    // What a call makes for itself goes back, also where it fails.
    const bad = program("def f(x, i):\n    x[i] = 2.0 * x[i]\n    return np.sum(x[i] * x)\n");
    const held = deviceMemory().arrays;
    t.is(code(t, () => grad(bad, { device })(d, 50)), "ERR_DACE_BOUNDS");
    (grad(bad, { device })(d, 3) as unknown as DeviceArray).dispose();
    t.is(deviceMemory().arrays, held);
    d.dispose();
    t.is(deviceMemory().arrays, before);
  });

  test.serial("memory limits count what the device allocates", (t) => {
    const f = program("def f(u, steps):\n    for k in range(steps):\n        u[1:-1] = u[1:-1] * (u[2:] - u[:-2])\n    return np.sum(u)\n"), u = wave(500), expected = grad(f, { device: "cpu" })(u, 40) as unknown as Float64Array;
    for (const memoryLimit of ["1MiB", 60_000]) for (const x of [u, ndarray(u, [500], { device })]) {
      const g = grad(f, { device, memoryLimit });
      const r = g(x, 40) as unknown;
      near(t, x instanceof DeviceArray ? host(t, r) : r as Float64Array, expected);
      const { checkpoint, peakBytes } = (g as unknown as { report: { checkpoint?: { planned: number; measured?: number }; peakBytes: number } }).report;
      t.is(checkpoint!.planned, peakBytes);
      t.is(checkpoint!.measured, peakBytes);
    }
  });
}
