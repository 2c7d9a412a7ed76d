/**
 * The named programs and NPBench's under limits between the smallest and storing everything: the gradient of storing everything (under strict precision bit for bit), the planned peak
 * handed out to the byte, no more work for a larger limit.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { ZERO_COTANGENTS } from "../../ts/api/bind.js";
import { DaceError, ndarray, NDArray, python, vjp, type DerivativeOptions } from "../../ts/index.js";
import { FOLDER, inputData, numbers, PROGRAMS } from "./check.js";
import { CASES, SOURCE as NPBENCH, value } from "./npbench.js";

interface Subject { readonly name: string; readonly program: () => ReturnType<typeof python>; readonly args: () => unknown[]; readonly single: boolean }
const SOURCE = readFileSync(join(FOLDER, "programs.py"), "utf8");
const integral = (a: (typeof CASES)[number]["args"][number]): boolean => (typeof a === "object" ? /int/.test(a.dtype) : typeof a === "string" || Number.isInteger(a));
const SUBJECTS: readonly Subject[] = [
  ...PROGRAMS.map((p): Subject => ({
    name: p.name, program: () => python({ source: SOURCE, name: "programs.py" }, { function: p.name }), single: false,
    args: () => { const next = numbers(1234); return p.numpy.map((x) => inputData(x, next)).map((d) => (d.shape ? ndarray(d.values.slice(), d.shape) : d.values[0]!)); },
  })),
  ...CASES.map((c, n) => ({ c, n })).filter(({ c }) => !c.args.every(integral)).map(({ c, n }): Subject => ({
    name: `${c.name} #${n}`, program: () => python({ source: NPBENCH, name: "npbench.py" }, { function: c.name }), args: () => c.args.map(value), single: c.args.some((a) => typeof a === "object" && a.dtype === "float32"),
  })),
];

const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : x instanceof NDArray ? Array.from(x.contiguous(), Number) : ArrayBuffer.isView(x) ? Array.from(x as Float64Array, Number) : Array.isArray(x) ? x.flatMap(flat)
  : x && typeof x === "object" ? Object.values(x).flatMap(flat) : []);
/** A cotangent like the output: random where it is real, itself where it is complex, none where it is of integers. */
function like(x: unknown, next: () => number): unknown {
  if (typeof x === "number") return next();
  if (x instanceof NDArray) return x.dtype.startsWith("complex") ? x : x.dtype === "float32" ? ndarray(Float32Array.from({ length: x.size }, () => next() - 0.3), x.shape) : x.dtype === "float64" ? ndarray(Float64Array.from({ length: x.size }, () => next() - 0.3), x.shape) : undefined;
  return x instanceof Float64Array || x instanceof Float32Array ? x.map(() => next() - 0.3) : typeof x === "object" && x !== null && !ArrayBuffer.isView(x) ? x : undefined;
}

for (const s of SUBJECTS) for (const precision of ["default", "strict"] as const) test(`${s.name}, ${precision}`, (t) => {
  const verb = (o: DerivativeOptions): ReturnType<typeof vjp> => vjp(s.program(), { device: "js", cache: false, precision, ...o });
  const next = numbers(7), cotangents: Record<string, unknown> = {};
  for (const [k, x] of Object.entries(verb({})(s.args() as never, ZERO_COTANGENTS).outputs)) { const c = like(x, next); if (c !== undefined) cotangents[k] = c; }
  const run = (o: DerivativeOptions) => { const v = verb(o), r = v(s.args() as never, cotangents as never); return { grads: Object.values(r.grads).flatMap(flat), checkpoint: (v as unknown as { report: { checkpoint?: { planned: number; measured: number; cost: number; storeAll: number } } }).report.checkpoint }; };
  // Where only the run knows how much there is to store, nothing is promised without a limit.
  const all = run({ strategy: "store-all" }), largest = all.grads.reduce((m, x) => Math.max(m, Math.abs(x)), 0), e = t.throws(() => run({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest?: number };
  if (e.smallest === undefined) { t.fail(e.message); return; }
  const same = (a: number, b: number): boolean => (precision === "strict" ? Object.is(a + 0, b + 0) : Math.abs(a - b) <= (s.single ? 1e-5 : 1e-12) * largest);
  let cost = Infinity;
  const top = all.checkpoint?.storeAll ?? 6 * e.smallest;
  for (let k = 0; k < 6; k++) {
    const limit = Math.floor(e.smallest + (top - e.smallest) * k / 5), r = run({ memoryLimit: limit }), c = r.checkpoint!;
    t.true(r.grads.length === all.grads.length && r.grads.every((x, i) => same(x, all.grads[i]!)), `gradients at ${limit}`);
    t.true(c.planned <= limit);
    t.is(c.measured, c.planned);
    t.true(c.cost <= cost * (1 + 1e-9), `${c.cost} after ${cost}`);
    cost = c.cost;
  }
});
