/** Random programs and gradients, placed on a GPU: the graph means the same, and the device made of the processor computes it. FUZZ_SEED reproduces, FUZZ_RUNS extends. */
import test from "ava";
import fc from "fast-check";
import { differentiate } from "../../ts/compile/pipeline.js";
import { DaceError } from "../../ts/base/errors.js";
import { lowerToCuda } from "../../ts/lower/cuda-plan.js";
import { wavefronts } from "../../ts/schedule/gpu/wavefront.js";
import { scheduleGpu } from "../../ts/schedule/gpu/schedule.js";
import { graphText } from "../../ts/sdfg/text.js";
import type { PlanCuda } from "../../ts/lower/plan.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { optimizeGraph } from "../../ts/transform/optimize.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import { buildGraph, choose, graphSpec, randoms } from "../support/random-graph.js";
import { expanded } from "../support/check-gradient.js";
import { interpret } from "../support/interpret.js";
import { runCuda } from "./cuda-program.js";
import { addon, distance } from "./native.js";

/** A block per sum, however short it is. */
const blocksAlways = (c: PlanCuda): PlanCuda => ({ ...c, host: { ...c.host, sources: c.host.sources.map((x) => x.replaceAll(">= i64(32ll)", ">= i64(0ll)")) } });

for (const precision of ["default", "strict"] as const) {
  test(`${precision} precision`, (t) => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31)), runs = Number(process.env["FUZZ_RUNS"] ?? 24), compiled = Number(process.env["FUZZ_RUNS"] ?? 3);
    t.log(`FUZZ_SEED=${seed}`);
    let ran = 0, grids = 0;
    for (const [k, spec] of fc.sample(graphSpec({ library: true, control: true, exits: seed % 2 === 0 }), { numRuns: runs, seed }).entries()) {
      const b = buildGraph(spec), { wrt, of } = choose(spec), primal = k % 4 < 2 ? loopToMap(recogniseReductions(b.graph)) : b.graph;
      const given: Record<string, readonly number[]> = Object.fromEntries(Object.entries(b.inputs).map(([n, x]) => [n, x.v]));
      let graph = primal, outputs: Readonly<Record<string, string>> = {};
      if (k % 2 === 1) {
        try {
          const d = differentiate(primal, { wrt, of, seeds: "arguments", keep: [] });
          graph = d.graph; outputs = d.outputs;
          d.graph.parameters.forEach((p, i) => { if (p.kind === "container") given[p.container] = p.name.startsWith("cotangent:") ? randoms(spec.seed + i, b.inputs[p.name.slice(10)]!.v.length) : b.inputs[p.name]!.v; });
        } catch (e) { if (e instanceof DaceError && e.code === "ERR_DACE_UNSUPPORTED") continue; throw e; }
      }
      const optimised = k % 4 < 2 ? optimizeGraph(graph, outputs, precision === "strict", wavefronts) : graph, placed = scheduleGpu(optimised, { precision, outputs, blocks: k % 3 !== 2 });
      const where = (): string => `FUZZ_SEED=${seed} program ${k}, sizes ${JSON.stringify(b.sizes)}\n${graphText(graph)}\n${graphText(placed.graph)}`;
      const names = graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])), inputs = Object.fromEntries(Object.entries(given).filter(([n]) => names.includes(n)).map(([n, v]) => [n, { v }]));
      const meaning = (g: typeof graph): Map<string, number[]> => { const r = interpret(g, b.sizes, inputs); return new Map([...names, ...Object.values(outputs)].map((n) => [n, r.get(n)!.v])); };
      const reference = meaning(expanded(graph)), tame = [...reference.values()].flat().every((x) => Math.abs(x) < 1e6);
      // What the optimiser makes of it is tested elsewhere (fuzz.test.ts).
      try { if (distance(meaning(expanded(optimised)), reference) >= 1e-9) throw new Error("it means something else"); } catch (e) { t.log(`program ${k}, optimised: ${String(e)}`); continue; }
      t.true(!tame || distance(meaning(expanded(placed.graph)), reference) < 1e-9, `the placed graph means something else: ${where()}`);
      if (ran >= compiled || !addon()) continue;
      ran++;
      const plan = lowerToCuda(placed, { precision, outputs }), r = runCuda(plan, b.sizes, given, k % 4 === 3 ? undefined : blocksAlways);
      if (/blockIdx/.test(plan.cuda!.device)) grids++;
      t.is(r.code, 0, where());
      t.true(!tame || distance(new Map([...r.values].filter(([n]) => reference.has(n))), reference) < 1e-9, `the device differs by ${distance(r.values, reference)}: ${where()}\n${plan.cuda!.host.sources.join("\n")}\n${plan.cuda!.device}`);
    }
    t.true(grids > 0 || !addon());
  });
}
