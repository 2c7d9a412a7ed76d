/** Random programs, optimised and scheduled: C++ on one and on two threads, JavaScript and the interpreter agree. FUZZ_SEED reproduces, FUZZ_RUNS extends. */
import test from "ava";
import fc from "fast-check";
import { differentiate } from "../../ts/compile/pipeline.js";
import { DaceError } from "../../ts/base/errors.js";
import { lowerToPlan } from "../../ts/lower/lower.js";
import type { Plan } from "../../ts/lower/plan.js";
import { schedule } from "../../ts/schedule/schedule.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { optimizeGraph } from "../../ts/transform/optimize.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import { buildGraph, choose, graphSpec, randoms } from "../support/random-graph.js";
import { expanded } from "../support/check-gradient.js";
import { interpret } from "../support/interpret.js";
import { addon, Batch, distance, runJs, same } from "./native.js";
import { effort } from "../support/effort.js";

interface Case { readonly graph: Graph; readonly scheduled: Graph; readonly plan: Plan; readonly sizes: Readonly<Record<string, number>>; readonly given: Record<string, readonly number[]> }

/** Programs and gradients of programs, with every loop that may be shared among threads shared whatever its size. */
function cases(count: number, seed: number, precision: "default" | "strict", optimise: boolean): Case[] {
  const out: Case[] = [];
  for (const [k, spec] of fc.sample(graphSpec({ library: true, control: true, exits: seed % 2 === 0 }), { numRuns: count, seed }).entries()) {
    try {
      const b = buildGraph(spec), { wrt, of } = choose(spec), primal = optimise ? loopToMap(recogniseReductions(b.graph)) : b.graph;
      const given: Record<string, readonly number[]> = Object.fromEntries(Object.entries(b.inputs).map(([n, x]) => [n, x.v]));
      let graph = primal, outputs: Readonly<Record<string, string>> = {};
      if (k % 2 === 1) {
        const d = differentiate(primal, { wrt, of, seeds: "arguments", keep: [] });
        graph = d.graph; outputs = d.outputs;
        d.graph.parameters.forEach((p, i) => { if (p.kind === "container") given[p.container] = p.name.startsWith("cotangent:") ? randoms(spec.seed + i, b.inputs[p.name.slice(10)]!.v.length) : b.inputs[p.name]!.v; });
      }
      const scheduled = schedule(optimise ? optimizeGraph(graph, outputs) : graph, { precision, outputs });
      out.push({ graph, scheduled, plan: lowerToPlan(scheduled, { precision, threads: true, vectorMath: false, threshold: 0, outputs, ...(k % 3 === 0 ? { longest: 20 } : {}) }), sizes: b.sizes, given });
    } catch (e) { if (!(e instanceof DaceError) || e.code !== "ERR_DACE_UNSUPPORTED") throw e; }
  }
  return out;
}

for (const precision of ["default", "strict"] as const) for (const optimise of [true, false]) {
  test(`${precision} precision, ${optimise ? "optimised" : "as they are"}`, (t) => {
    if (!addon()) { t.log("skipped: no native addon"); t.pass(); return; }
    const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31)), runs = Number(process.env["FUZZ_RUNS"] ?? (optimise && precision === "default" ? 10 : effort(4, 10)));
    const all = cases(runs, seed, precision, optimise);
    t.log(`FUZZ_SEED=${seed}: ${all.length} programs, ${all.filter((c) => c.plan.parallel).length} with parallel regions`);
    let regions = 0;
    for (let from = 0; from < all.length; from += 24) {
      const part = all.slice(from, from + 24), batch = new Batch(part.map((c) => c.plan));
      part.forEach((c, i) => {
        const where = (): string => `FUZZ_SEED=${seed} program ${from + i}, sizes ${JSON.stringify(c.sizes)}\n${graphText(c.graph)}\n${graphText(c.scheduled)}\n${c.plan.cpp.sources.map((s) => s.slice(s.indexOf("extern \"C\" i32 dace_"))).join("\n")}`;
        const reference = new Map([...interpret(expanded(c.graph), c.sizes, Object.fromEntries(Object.entries(c.given).map(([n, v]) => [n, { v }])))].map(([n, x]) => [n, x.v]));
        const js = runJs(c.plan, c.sizes, c.given), one = batch.run(i, c.sizes, c.given, 1), two = batch.run(i, c.sizes, c.given, 2);
        if (c.plan.parallel) regions++;
        // Wild values say nothing about correctness.
        const tame = [...reference.values()].flat().every((x) => Math.abs(x) < 1e6);
        t.true(!tame || distance(js, reference) < 1e-9, `JavaScript differs from the interpreter: ${where()}`);
        t.true(!tame || distance(one, js) < 1e-9, `C++ differs from JavaScript by ${distance(one, js)}: ${where()}`);
        t.true(same(one, two), `two threads differ from one: ${where()}`);
      });
    }
    if (optimise && precision === "default") t.true(regions > 0, "some programs have parallel regions");
  });
}
