/** Runs a pass over random graphs and compares results before and after. */
import type { ExecutionContext } from "ava";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { evaluate } from "../../ts/symbolic/expr.js";
import { difference, run } from "./build.js";
import { randomGraph, SIZES } from "./random.js";

export function fuzzPass(t: ExecutionContext, pass: (g: Graph) => Graph, options: { readonly count: number; readonly first?: number; readonly before?: (g: Graph) => Graph; readonly tolerance?: number }): void {
  let changed = 0;
  for (let seed = options.first ?? 1; seed < (options.first ?? 1) + options.count; seed++) {
    const g = (options.before ?? ((x: Graph) => x))(randomGraph(seed)), after = pass(g);
    if (after === g || graphText(after) === graphText(g)) continue;
    changed++;
    for (const sizes of SIZES) {
      const env = new Map(Object.entries(sizes));
      if (after.checks.some((c) => (c.kind === "shape" ? evaluate(c.expr, env) !== 0 : evaluate(c.expr, env) < 0))) continue;
      const a = run(g, sizes), b = run(after, sizes);
      const scale = Math.max(1, ...Object.values(a).flatMap((x) => x.map(Math.abs)).filter((x) => Number.isFinite(x)));
      // What overflows says nothing.
      if (Object.values(a).some((x) => x.some((v) => !Number.isFinite(v) || Math.abs(v) > 1e6))) continue;
      const d = difference(a, b) / scale;
      if (!(d <= (options.tolerance ?? 1e-11))) { t.fail(`seed ${seed}, N = ${sizes["N"]}: difference ${d}\n${graphText(g)}\n${graphText(after)}`); return; }
    }
  }
  t.true(changed > 0, "the pass never fired");
  t.log(`fired in ${changed} of ${options.count}`);
}
