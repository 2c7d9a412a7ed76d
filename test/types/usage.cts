// What the compiler infers for users of the CommonJS entry point. Compiled, never run.
import { DaceError, grad, gradcheck, jit, ndarray, python, valueAndGrad, vjp, type DeviceArray, type ErrorCode, type NDArray, type Program, type Value } from "dace-ad-native";

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_yes: Same<A, B>): void { /* for the compiler */ }

const loss = (u: Float64Array, dt: number, steps: number): number => u.length * dt * steps;
const u = new Float64Array(3);

// The first float parameter, an index, a tuple of indices, a name, names.
const first = grad(loss)(u, 0.1, 5);
same<typeof first, Float64Array>(true);
const second = grad(loss, { wrt: 1 })(u, 0.1, 5);
same<typeof second, number>(true);
const both = grad(loss, { wrt: [0, 1] })(u, 0.1, 5);
same<typeof both, [Float64Array, number]>(true);
const named = grad(loss, { wrt: "dt" })(u, 0.1, 5);
same<typeof named, Value>(true);
const flagged = (flag: boolean, n: bigint, x: Float32Array): number => (flag ? Number(n) : x[0]!);
const skipped = grad(flagged)(true, 3n, new Float32Array(2));
same<typeof skipped, Float32Array>(true);

const { value, grad: g } = valueAndGrad(loss)(u, 0.1, 5);
same<typeof value, number>(true);
same<typeof g, Float64Array>(true);

const twice = jit((x: Float64Array, k: number): number => x[0]! * k)(u, 2);
same<typeof twice, number>(true);
const later = jit(loss).async(u, 0.1, 5, { signal: new AbortController().signal, onProgress: (steps: number): void => { void steps; } });
same<typeof later, Promise<number>>(true);

const model = python<[u: NDArray, steps: number], number>({ source: "def f(u, steps):\n    return u[0, 0] * steps\n" }, { function: "f" });
same<typeof model, Program<[u: NDArray, steps: number], number>>(true);
const field = ndarray(u, [1, 3]);
const sensitivity = grad(model)(field, 3);
same<typeof sensitivity, NDArray>(true);
const r = vjp(model)([field, 3], { return: 1 });
same<typeof r.grads, Record<string, Value>>(true);
const onDevice = ndarray(u, [3], { device: "cuda" });
same<typeof onDevice, DeviceArray>(true);
same<ReturnType<typeof onDevice.toHost>, NDArray>(true);
const moved = grad(python<[x: DeviceArray], number>({ source: "def f(x):\n    return x[0]\n" }, { function: "f" }))(onDevice);
same<typeof moved, DeviceArray>(true);
const checked = gradcheck(model, [field, 3], { rtol: 1e-6 });
same<typeof checked.ok, boolean>(true);

// @ts-expect-error a wrong argument
grad(loss)("u", 0.1, 5);
// @ts-expect-error an unknown device
jit(loss, { device: "tpu" });

try { jit(loss)(u, 0, 0); } catch (e) { if (e instanceof DaceError) { const code: `ERR_DACE_${ErrorCode}` = e.code; void code; void e.loc?.line; } }
