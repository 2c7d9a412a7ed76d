/**
 * Random programs with loops, under the smallest limit that works and five larger ones: the gradient of keeping everything, bit for bit under strict precision, in the bytes that were planned.
 * One byte less than the smallest is refused.
 */
import test from "ava";
import { DaceError, javascript, ndarray, NDArray, python, valueAndGrad, type DerivativeOptions } from "../../ts/index.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { numbers } from "../programs/check.js";
import { interpret } from "./interpret.js";
import { javascriptSource, pythonSource } from "./print.js";
import { makeProgram } from "./program.js";

const N = 7, SEEDS = Number(process.env["FUZZ_SEEDS"] ?? 60), FIRST = Number(process.env["FUZZ_SEED"] ?? 30_000), LIMITS = 6;
const flat = (x: unknown): number[] => (typeof x === "number" ? [x] : Array.from((x instanceof NDArray ? x.contiguous() : x) as Float64Array));
type Callable = ((...args: unknown[]) => { value: number; grad: unknown[] }) & { readonly report: { readonly checkpoint?: CheckpointReport } | undefined };

for (const precision of ["default", "strict"] as const) test(`random programs under limits, ${precision} precision`, (t) => {
  let judged = 0, online = 0, nested = 0, strict = 0;
  const refusals: string[] = [];
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const next = numbers(seed), p = makeProgram(Array.from({ length: 40 + Math.floor(next() * 160) }, () => Math.floor(next() * 1000)));
    const given = numbers(seed + 1), array = (n: number): Float64Array => Float64Array.from({ length: n }, () => 2 * given() - 1), v = array(N), w = array(N), a = array(N * N), s = 0.3 + given();
    const numpy = seed % 2 === 1, source = numpy ? pythonSource(p) : javascriptSource(p);
    if (!/for|while/.test(source)) continue;
    const plain = interpret(p, { n: N, arrays: new Map([["v", v.slice()], ["w", w.slice()], ["a", a.slice()]]), scalars: new Map([["s", s]]) });
    if (!(plain.largest < 50) || !Number.isFinite(plain.value)) continue;
    const run = (o: DerivativeOptions): { readonly numbers: readonly number[]; readonly checkpoint?: CheckpointReport | undefined } => {
      const f = valueAndGrad(numpy ? python({ source }, { function: "f" }) : javascript({ source }, { function: "f" }), { device: "js", cache: false, precision, wrt: ["v", "w", "a", "s"], ...o }) as unknown as Callable;
      const r = f(N, v.slice(), w.slice(), numpy ? ndarray(a.slice(), [N, N]) : a.slice(), s);
      return { numbers: [r.value, ...r.grad.flatMap(flat)], checkpoint: f.report?.checkpoint };
    };
    const refused = (e: unknown): e is DaceError => e instanceof DaceError && (e.code === "ERR_DACE_UNSUPPORTED" || e.code === "ERR_DACE_NOT_DIFFERENTIABLE");
    let want: readonly number[], smallest: number;
    try { want = run({}).numbers; } catch (e) { if (refused(e)) continue; throw e; }
    if (!want.every(Number.isFinite)) continue;
    try { run({ memoryLimit: 8 }); continue; } catch (e) {
      if (refused(e)) { refusals.push(`seed ${seed}: ${(e as DaceError).summary}`); continue; }
      if (!(e instanceof DaceError) || e.code !== "ERR_DACE_MEMORY_INFEASIBLE") throw e;
      smallest = (e as DaceError & { readonly smallest: number }).smallest;
    }
    const largest = Math.max(1e-300, ...want.map(Math.abs));
    t.is(t.throws(() => run({ memoryLimit: smallest - 1 }), { instanceOf: DaceError }, `seed ${seed}, limit ${smallest - 1}\n${source}`)?.code, "ERR_DACE_MEMORY_INFEASIBLE");
    let top = 6 * smallest;
    for (let k = 0; k < LIMITS; k++) {
      const limit = Math.floor(smallest + (top - smallest) * k / (LIMITS - 1)), got = run({ memoryLimit: limit }), c = got.checkpoint!;
      if (k === 0 && Number.isFinite(c.storeAll)) top = c.storeAll;
      t.true(got.numbers.every((x, i) => Math.abs(x - want[i]!) <= (precision === "strict" ? 0 : 1e-12 * largest)), `seed ${seed}, limit ${limit}\n${source}`);
      t.true(c.planned <= limit && c.measured === c.planned, `seed ${seed}: ${c.planned} planned, ${c.measured!} measured, within ${limit}`);
      judged++;
      const schedules = c.loops.filter((l) => l.schedule === "online").length;
      if (schedules > 0) online++;
      if (schedules > 1) nested++;
      if (c.arithmetic === "strict") strict++;
    }
  }
  t.log(`${judged} runs, ${online} with loops that the run counts, ${nested} with several, ${strict} in strict arithmetic for what they decide, ${refusals.length} programs refused`, ...refusals);
  t.true(judged > SEEDS && online > SEEDS / 3 && refusals.length < SEEDS / 10);
  if (precision === "default") t.true(strict > 0);
});
