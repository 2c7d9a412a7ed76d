/** device "auto": where calls run and why, with a GPU made of the processor that says it has as many multiprocessors as a large one. */
import test from "ava";
import { DeviceArray, grad, jit, ndarray, python, vjp, type NDArray, type Options } from "../../ts/index.js";
import { estimate } from "../../ts/api/placement.js";
import { randoms } from "../support/random-graph.js";
import { useProcessor } from "./processor.js";

const control = useProcessor({ PROCESSOR_MULTIPROCESSORS: "132", PROCESSOR_DEVICES: "2" });
type Callable = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): Promise<unknown>; readonly report: { readonly device: string; readonly deviceReason?: string } | undefined };
const program = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np\n${source}`, name: "p.py" }, { function: "f" });
const products = program("def f(A, B):\n    return np.sum((A @ B) ** 2)\n"), matrix = (n: number, seed: number): NDArray => ndarray(Float64Array.from(randoms(seed, n * n)), [n, n]);
const auto = (o: Options = {}): Callable => grad(products, { threads: 1, ...o }) as unknown as Callable;
const near = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => a.length === b.length && Array.from(a).every((x, i) => Math.abs(x - b[i]!) <= 1e-11 * Math.max(1, Math.abs(b[i]!)));
const data = (x: unknown): Float64Array => (x instanceof DeviceArray ? x.toHost() : x as NDArray).data as Float64Array;

test.serial("by size: little work stays on the processor, much of it goes to the GPU; one callable does both", async (t) => {
  const f = auto(), small = [matrix(8, 1), matrix(8, 2)], large = [matrix(180, 3), matrix(180, 4)], cpu = grad(products, { device: "cpu", wrt: "A" });
  const expected = [small, large].map((x) => data((cpu as unknown as Callable)(...x)).slice());
  for (let k = 0; k < 2; k++) {
    t.true(near(data(f(...small)), expected[0]!));
    t.is(f.report!.device, "cpu");
    t.regex(f.report!.deviceReason!, /too little to do for a GPU: about .* µs on the processor/);
    t.true(near(data(f(...large)), expected[1]!));
    t.is(f.report!.device, "cuda");
    t.regex(f.report!.deviceReason!, /about [\d.]+ (µs|ms) on Processor 0, copies included, [\d.]+ ms on the processor/);
    // The short way, with other arrays of these sizes.
    t.true(near(data(f(matrix(180, 3), matrix(180, 4))), expected[1]!));
    t.is(f.report!.device, "cuda");
    t.true(near(data(await f.async(...large)), expected[1]!));
    t.is(f.report!.device, "cuda");
  }
  // A device that is named is the one.
  const named = auto({ device: "cpu" });
  named(...large);
  t.deepEqual([named.report!.device, named.report!.deviceReason], ["cpu", undefined]);
});

test.serial("arrays that lie on a device stay there, however small", (t) => {
  const f = auto(), a = matrix(8, 1), b = matrix(8, 2), expected = data(f(a, b)).slice();
  for (const device of ["cuda:0", "cuda:1"] as const) {
    const x = ndarray(a.data.slice(), [8, 8], { device }), g = f(x, b);
    t.true(g instanceof DeviceArray);
    t.is((g as DeviceArray).device, device);
    t.true(near(data(g), expected));
    t.is(f.report!.device, "cuda");
    t.is(f.report!.deviceReason, `an argument lies on ${device}`);
    t.true(near(data(f(a, b)), expected));
    t.is(f.report!.device, "cpu");
  }
  const r = vjp(products)([ndarray(a.data.slice(), [8, 8], { device: "cuda" }), b] as never, {}) as unknown as { grads: Record<string, unknown> };
  t.true(near(data(r.grads["A"]), expected));
});

test.serial("much work of one thread, many small steps, more copying than computing: the processor", (t) => {
  for (const [source, args] of [
    // A recurrence that nothing is known of, steps of a few elements, a sum.
    ["def f(x, n):\n    for i in range(1, n):\n        x[i] = np.sin(x[i - 1]) * x[i] + x[i - 1] ** 2\n    return np.sum(x)\n", [new Float64Array(400_000).fill(0.1), 400_000]],
    ["def f(x, n):\n    for t in range(n):\n        x[1:-1] = 0.5 * (x[2:] + x[:-2]) * np.sin(x[1:-1]) / (1.0 + x[0])\n    return np.sum(x)\n", [new Float64Array(200).fill(0.1), 3000]],
    ["def f(x, n):\n    return np.sum(x * x)\n", [new Float64Array(5_000_000).fill(0.1), 1]],
  ] as const) {
    const f = jit(program(source), { threads: 1 }) as unknown as Callable;
    f(...args);
    t.is(f.report!.device, "cpu", `${source}: ${f.report!.deviceReason}`);
    t.regex(f.report!.deviceReason!, /on Processor 0/);
  }
});

test.serial("the estimate grows with all that it is made of", (t) => {
  const cpu = { work: 1e9, threads: 4, moved: 0 }, base = { launches: 10, serial: 0, block: 0, shared: 1e9 }, of = (gpu: Partial<typeof base>, moved = 0): number => estimate(cpu, { work: 1e9, threads: 1, moved, gpu: { ...base, ...gpu } }, { multiprocessors: 100 }).gpu;
  const least = of({});
  for (const more of [of({ launches: 1000 }), of({ serial: 1e6 }), of({ block: 1e7 }), of({ shared: 2e9 }), of({}, 1e8)]) t.true(more > 1.2 * least);
  t.is(estimate(cpu, { ...cpu, gpu: base }, { multiprocessors: 100 }).cpu, estimate({ ...cpu, threads: 64 }, { ...cpu, gpu: base }, { multiprocessors: 1 }).cpu, "memory does not keep up with more threads");
});

test.serial("a GPU that fails is given up, with a warning: the call is made on the processor", (t) => {
  const large = [matrix(180, 3), matrix(180, 4)], f = auto({ cache: false }), expected = data(auto({ device: "cpu" })(...large)).slice(), warnings: string[] = [];
  const emit = process.emitWarning.bind(process);
  process.emitWarning = ((message: string) => { warnings.push(message); }) as typeof process.emitWarning;
  try {
    t.true(near(data(f(...large)), expected));
    t.is(f.report!.device, "cuda");
    const g = auto();
    control.fail(1, 719, true);
    t.true(near(data(g(...large)), expected));
    control.set("failAt", 0);
    t.is(g.report!.device, "cpu");
    t.is(warnings.filter((w) => /the GPU that was chosen could not run/.test(w)).length, 1);
    g(...large);
    t.is(g.report!.device, "cpu");
    t.is(warnings.length, 1);
  } finally { process.emitWarning = emit; }
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
