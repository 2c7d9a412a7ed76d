/** What a device has left is a limit for gradients that would not fit: on a small device made of the processor. */
import test from "ava";
import { DaceError, DeviceArray, grad, ndarray, python, type Program } from "../../ts/index.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { randoms } from "../support/random-graph.js";
import { useProcessor } from "./processor.js";
import { addon } from "./support.js";

const MEMORY = 4 * 2 ** 20, control = useProcessor({ PROCESSOR_MEMORY: String(MEMORY) }), gpu = addon().gpu(0);
type Callable = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): Promise<unknown>; readonly report: { readonly checkpoint?: CheckpointReport } | undefined };
const LAYERS = 4, SIZE = 160;
const program = (layers: number): Program => python({ source: `
import numpy as np
def f(x, W):
    h0 = x * 1.0
${Array.from({ length: layers }, (_, k) => `    h${k + 1} = np.maximum(h${k} @ W, h${k})\n    g${k + 1} = np.sin(h${k + 1})\n`).join("")}    return np.sum(h${layers} * g${layers} * g2)
`, name: "layers.py" }, { function: "f" });
const values = (seed: number): Float64Array => Float64Array.from(randoms(seed, SIZE * SIZE), (x) => x / 8);
const host = (seed: number): unknown => ndarray(values(seed), [SIZE, SIZE]), bits = (g: unknown): number[] => Array.from(g instanceof DeviceArray ? g.toHost().data : (g as { data: Float64Array }).data, Number);
const make = (layers = LAYERS): Callable => grad(program(layers), { device: "cuda" }) as unknown as Callable;
const want = bits(make()(host(3), host(4)));

test.serial("a program that fits runs as it is", (t) => {
  const f = make();
  t.deepEqual(bits(f(host(3), host(4))), want);
  t.is(f.report!.checkpoint, undefined);
  t.true(gpu.room() <= MEMORY && gpu.room() > MEMORY - 4096);
});

test.serial("where other arrays hold the rest, it moves to the host what does not fit; and back to the whole when they are gone", async (t) => {
  const f = make(), need = 13 * 8 * SIZE * SIZE, others = ndarray.zeros([Math.floor((MEMORY - need) / 8)], { device: "cuda" }), left = gpu.room();
  t.true(Math.abs(left - need) < 4096, `${left} of ${need}`);
  for (const g of [f(host(3), host(4)), f(host(3), host(4)), await f.async(host(3), host(4))]) {
    t.deepEqual(bits(g), want);
    const c = f.report!.checkpoint!;
    t.true(c.planned <= c.limit! && c.limit! < left && c.storeAll > c.limit!);
    t.is(c.measured, c.planned);
    t.true(c.arrays.some((x) => x.decision === "offload"));
    t.is(c.host!.measured, c.host!.planned);
  }
  // What lies on the device already takes no room beside it.
  const x = ndarray(values(3), [SIZE, SIZE], { device: "cuda" }), g = f(x, host(4));
  t.deepEqual(bits(g), want);
  (g as DeviceArray).dispose();
  x.dispose();
  others.dispose();
  t.deepEqual(bits(f(host(3), host(4))), want);
  t.is(f.report!.checkpoint, undefined);
});

test.serial("a run that found its memory taken since the last one looks for another way", (t) => {
  const f = make();
  t.deepEqual(bits(f(host(3), host(4))), want);
  t.deepEqual(bits(f(host(3), host(4))), want);
  const others = ndarray.zeros([Math.floor((MEMORY - 13 * 8 * SIZE * SIZE) / 8)], { device: "cuda" });
  t.deepEqual(bits(f(host(3), host(4))), want);
  t.true(f.report!.checkpoint!.host!.planned > 0);
  others.dispose();
});

test.serial("where nothing is left, OOM says what is needed and what there is", (t) => {
  const others = ndarray.zeros([Math.floor((MEMORY - 5 * 8 * SIZE * SIZE) / 8)], { device: "cuda" }), inUse = gpu.memory().inUse;
  const e = t.throws(() => make()(host(3), host(4)), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_OOM");
  t.regex(e.message, /needs \d+ bytes beside its arguments, and at least \d+ where .* cuda has \d+ left/);
  t.is(gpu.memory().inUse, inUse);
  others.dispose();
  t.deepEqual(bits(make()(host(3), host(4))), want);
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
