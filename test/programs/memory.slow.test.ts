/** The named programs and NPBench's under limits between the smallest and storing everything: the gradient of storing everything, the planned peak handed out to the byte, no more work for a larger limit. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import { DaceError, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { FOLDER, inputData, numbers, PROGRAMS } from "./check.js";

const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array) : Array.isArray(x) ? x.flatMap(flat) : []);
const SOURCE = readFileSync(join(FOLDER, "programs.py"), "utf8");

for (const p of PROGRAMS) test(p.name, (t) => {
  const args = (): unknown[] => { const next = numbers(1234); return p.numpy.map((x) => inputData(x, next)).map((d) => (d.shape ? ndarray(d.values.slice(), d.shape) : d.values[0]!)); };
  const verb = (o: DerivativeOptions): ReturnType<typeof vjp> => vjp(python({ source: SOURCE, name: "programs.py" }, { function: p.name }), { device: "js", cache: false, ...o });
  const next = numbers(7), cotangents: Record<string, unknown> = {};
  for (const [k, x] of Object.entries(verb({})(args() as never, ZERO_COTANGENTS).outputs)) cotangents[k] = x instanceof NDArray ? ndarray(Float64Array.from({ length: x.size }, () => next() - 0.3), x.shape) : ArrayBuffer.isView(x) ? Float64Array.from(x as Float64Array, () => next() - 0.3) : next();
  const run = (o: DerivativeOptions) => { const v = verb(o), r = v(args() as never, cotangents as never); return { grads: Object.values(r.grads).flatMap(flat), checkpoint: (v as unknown as { report: { checkpoint: { planned: number; measured: number; cost: number; storeAll: number } } }).report.checkpoint }; };
  const all = run({ strategy: "store-all" }), largest = Math.max(...all.grads.map(Math.abs)), e = t.throws(() => run({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
  let cost = Infinity;
  for (let k = 0; k < 6; k++) {
    const limit = Math.floor(e.smallest + (all.checkpoint.storeAll - e.smallest) * k / 5), r = run({ memoryLimit: limit });
    t.true(r.grads.every((x, i) => Math.abs(x - all.grads[i]!) <= 1e-12 * largest), `gradients at ${limit}`);
    t.true(r.checkpoint.planned <= limit);
    t.is(r.checkpoint.measured, r.checkpoint.planned);
    t.true(r.checkpoint.cost <= cost * (1 + 1e-9), `${r.checkpoint.cost} after ${cost}`);
    cost = r.checkpoint.cost;
  }
});
