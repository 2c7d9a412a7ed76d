/** The optimiser on joint programs: random graphs are simplified and differentiated, and every pass must leave the gradients as they were. */
import test from "ava";
import { differentiate } from "../../ts/compile/pipeline.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { evaluate } from "../../ts/symbolic/expr.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { PASSES, optimizeGraph } from "../../ts/transform/optimize.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import { simplify } from "../../ts/transform/simplify.js";
import { interpret } from "../support/interpret.js";
import { difference } from "./build.js";
import { fuzzPass } from "./fuzz.js";
import { randomGraph, SIZES } from "./random.js";

/** The outputs, by the reference interpreter, for fixed inputs. */
function outputs(graph: Graph, names: readonly string[], sizes: Readonly<Record<string, number>>): Record<string, number[]> {
  const env = new Map(Object.entries(sizes)), inputs: Record<string, { v: number[] }> = {};
  for (const p of graph.parameters) {
    if (p.kind !== "container") continue;
    const n = graph.container(p.container).shape.reduce((a, e) => a * Math.max(0, evaluate(e, env)), 1);
    inputs[p.container] = { v: Array.from({ length: n }, (_, i) => Math.sin(1 + 3 * i + 7 * p.container.length + p.container.charCodeAt(0))) };
  }
  const out = interpret(graph, sizes, inputs);
  return Object.fromEntries(names.map((n) => [n, out.get(n)!.v]));
}

for (const how of ["simplified", "as written"]) {
  test(`random gradients, ${how}`, (t) => {
    let compared = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const g = randomGraph(seed), d = differentiate(how === "simplified" ? simplify(g, { speculate: false }) : g, { wrt: ["A", "C"], of: ["A", "B", "C", "D", "s"], seeds: "arguments", keep: ["A", "s"] });
      const names = Object.values(d.outputs);
      for (const sizes of SIZES.slice(0, 2)) {
        const expected = outputs(d.graph, names, sizes), scale = Math.max(1, ...Object.values(expected).flatMap((x) => x.map(Math.abs)));
        // What overflows says nothing.
        if (!(scale < 1e6)) continue;
        compared++;
        let current = d.graph;
        for (const [name, pass] of PASSES) {
          const next = pass(current, d.outputs, false);
          const off = next === current ? 0 : difference(expected, outputs(next, names, sizes)) / scale;
          if (!(off < 1e-9)) { t.fail(`seed ${seed}, N = ${sizes["N"]}, pass "${name}": difference ${off}\n${graphText(current)}\n${graphText(next)}`); return; }
          current = next;
        }
      }
    }
    t.true(compared > 200);
  });
}
test("random forward programs", (t) => { fuzzPass(t, (g) => optimizeGraph(g, {}), { count: 600, first: 10_000, before: (g) => loopToMap(recogniseReductions(g)) }); });
test("random programs, simplified and optimised", (t) => { fuzzPass(t, (g) => optimizeGraph(simplify(g, { speculate: true }), {}), { count: 300, first: 20_000 }); });
