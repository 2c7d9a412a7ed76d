/**
 * What floats decide in steps that run again under a limit, in default precision: taken once, by the first pass, where sizes bound how many decisions there are; where only the run knows,
 * decided again in strict arithmetic, to the bit.
 */
import test from "ava";
import { isDifferentiable } from "../../ts/base/dtypes.js";
import { visitNodes } from "../../ts/analysis/walk.js";
import { boundLoops } from "../../ts/checkpoint/apply/bound-loops.js";
import { loopCandidates } from "../../ts/checkpoint/apply/candidates.js";
import { scheduleLoops } from "../../ts/checkpoint/apply/driver.js";
import { recordDecisions } from "../../ts/checkpoint/decisions.js";
import type { CheckpointReport } from "../../ts/compile/memory.js";
import { differentiate } from "../../ts/compile/pipeline.js";
import { DaceError, valueAndGrad, type DerivativeOptions } from "../../ts/index.js";
import { classify } from "../../ts/runtime/arguments.js";
import { specialise } from "../../ts/runtime/specialise.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { randoms } from "../support/random-graph.js";
import { slowly } from "../support/effort.js";
import { DECISIONS, numpyProgram } from "./decisions-programs.js";

const N = 40, u = randoms(51, N), w = randoms(52, N), SCALE = 0.7;

function graphOf(source: string): { readonly graph: Graph; readonly joint: (g: Graph) => ReturnType<typeof differentiate> } {
  const p = numpyProgram(source), facts = p.facts(), given = [u, w].map((x) => classify(Float64Array.from(x), "x")).concat(classify(SCALE, "c"));
  const { signature } = specialise(given, { language: facts.language, names: facts.parameters, integers: facts.integers }), graph = p.graph({ ...signature, speculate: true, checked: false, precision: "default" });
  const wrt = graph.parameters.flatMap((x) => (x.kind === "container" && (x.name === "u" || x.name === "w") ? [x.container] : []));
  return { graph, joint: (g) => differentiate(g, { wrt, of: [(graph.result as { readonly name: string }).name], seeds: "unit", keep: [] }) };
}
/** Nodes that compare floats to go one way or another, or make truth values and integers of them. */
function decisions(graph: Graph): number {
  let n = 0;
  const float = (d: string): boolean => isDifferentiable(graph.container(d).dtype);
  visitNodes(graph.body, (x) => {
    if (x.kind === "conditional") n += x.branches.filter((b) => b.condition?.inputs.some((m) => float(m.data))).length;
    if (x.kind === "tasklet" && !float(x.output.data) && x.inputs.some((m) => float(m.data))) n++;
  });
  return n;
}

const SOME = new Set(["arms", "a loop that is left, and arms beside", "while in while"]);
for (const [name, { source, bounded, loop }] of Object.entries(DECISIONS)) {
  const run = SOME.has(name) ? test : slowly;
  run(`${name}: ${bounded ? "every decision is taken once" : "no record has a bound"}`, (t) => {
    const { graph, joint } = graphOf(source), recorded = recordDecisions(graph);
    if (!bounded) { t.is(recorded, undefined); return; }
    const d = joint(recorded!);
    if (loop === "known") {
      t.is(loopCandidates(joint(graph), false).length, 0);
      const candidates = loopCandidates(d, false), { planned } = scheduleLoops(d, candidates.map((candidate) => ({ candidate, held: true })));
      t.is(candidates.length, 1);
      // Steps that are taped before the turn are the first pass, too.
      t.is(decisions(planned.graph), 2 * decisions(recorded!));
    } else {
      t.is(t.throws(() => boundLoops(joint(graph), false), { instanceOf: DaceError })!.code, "ERR_DACE_UNSUPPORTED");
      t.is(decisions(boundLoops(d, false).planned.graph), decisions(recorded!));
    }
  });

  for (const device of name === "arms by element, and integers" || name === "while in while" ? ["js", "cpu"] as const : ["js"] as const) (device === "js" ? run : slowly)(`${name}: limits in default precision, ${device}`, (t) => {
    const run = (o: DerivativeOptions): { readonly numbers: readonly number[]; readonly checkpoint: CheckpointReport } => {
      const f = valueAndGrad(numpyProgram(source), { device, cache: false, wrt: ["u", "w"], ...o }), r = f(Float64Array.from(u) as never, Float64Array.from(w) as never, SCALE as never) as { value: number; grad: Float64Array[] };
      return { numbers: [r.value, ...r.grad.flatMap((g) => [...g])], checkpoint: (f as unknown as { report: { checkpoint: CheckpointReport } }).report.checkpoint };
    };
    const want = run({}).numbers, largest = Math.max(...want.map(Math.abs)), { smallest } = t.throws(() => run({ memoryLimit: 8 }), { instanceOf: DaceError }) as DaceError & { readonly smallest: number };
    for (const limit of device === "js" ? [smallest, 2 * smallest] : [Math.floor(1.4 * smallest)]) {
      const got = run({ memoryLimit: limit }), c = got.checkpoint;
      t.true(got.numbers.every((x, i) => Math.abs(x - want[i]!) <= 1e-12 * largest), `within ${limit}`);
      t.true(c.planned <= limit && c.measured === c.planned);
      if (limit === smallest) t.true(c.loops.some((l) => l.schedule !== "store-all"));
      if (!bounded) t.is(c.arithmetic, "strict");
    }
    t.is(t.throws(() => run({ memoryLimit: smallest - 1 }), { instanceOf: DaceError })!.code, "ERR_DACE_MEMORY_INFEASIBLE");
  });
}
