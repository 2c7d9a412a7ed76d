/** Programs with decisions, under limits, on the device made of the processor: as C++ without a limit. The steps that run again are copies of those that were taken, private containers included. */
import test from "ava";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { valueAndGrad, type DerivativeOptions } from "../../ts/index.js";
import { visitNodes } from "../../ts/analysis/walk.js";
import { uniqueLocals } from "../../ts/transform/unique-locals.js";
import { DECISIONS, numpyProgram } from "../checkpoint/decisions-programs.js";
import { flat } from "../programs/cuda-shim.js";
import { Build, difference, id, num, plus, run } from "../transform/build.js";

process.env["DACE_AD_CUDA"] = "shim";
const N = 40, values = (s: number): Float64Array => Float64Array.from({ length: N }, (_, i) => Math.sin(s + 1.3 * i) * 0.9);
const PROGRAM = numpyProgram(DECISIONS["arms by element, and integers"]!.source);
type Callable = ((...args: unknown[]) => unknown) & { readonly report: { readonly checkpoint?: CheckpointReport } | undefined };

for (const [form, part] of [["", 0.6], ["off", 0.45]] as const) test.serial(`decisions and private integers, ${form === "" ? "as blocks" : "as launches"}, within ${100 * part} % of everything`, (t) => {
  const make = (o: DerivativeOptions): Callable => valueAndGrad(PROGRAM, { wrt: ["u", "w"], ...o } as never) as unknown as Callable, call = (f: Callable): number[] => flat(f(values(51), values(52), 0.7));
  process.env["DACE_AD_CUDA_BLOCKS"] = form;
  try {
    const want = call(make({ device: "cpu" })), f = make({ device: "cuda", memoryLimit: Math.floor(part * 33_360) }), got = call(f), scale = Math.max(...want.map(Math.abs));
    t.is(got.length, want.length);
    t.true(got.every((v, k) => Math.abs(v - want[k]!) <= 1e-12 * scale));
    const c = f.report!.checkpoint!;
    t.not(c.loops[0]!.schedule, "store-all");
    t.is(c.measured, c.planned);
  } finally { delete process.env["DACE_AD_CUDA_BLOCKS"]; }
});

test("what two loops list becomes one of each", (t) => {
  const b = new Build("n").data("A", "n").data("B", "n").temp("j");
  for (const [to, from, v] of [["A", "B", "i"], ["B", "A", "k"]] as const) b.loop(v, "0", "n", "any", () => { b.set("j", [`${from}[${v}]`], (x) => plus(x, num(1))); b.set(`${to}[${v}]`, ["j"], id); }, ["j"]);
  const g = b.graph(), after = uniqueLocals(g), listed: string[] = [];
  visitNodes(after.body, (n) => { if (n.kind === "loop") listed.push(...n.locals ?? []); });
  t.is(new Set(listed).size, 2);
  t.is(listed.length, 2);
  t.is(difference(run(g, { n: 5 }), run(after, { n: 5 })), 0);
  t.is(uniqueLocals(after), after);
});
