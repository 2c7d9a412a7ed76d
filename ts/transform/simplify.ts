/**
 * What is done to a graph before it is differentiated: flat arrays get their dimensions back, loops split at conditions on their variable, dead code and
 * temporaries go, sums are recognised and independent iterations become maps. Fewer and plainer writes mean fewer values that a derivative has to keep.
 */
import { specialise } from "../analysis/decide.js";
import type { Graph } from "../sdfg/sdfg.js";
import { neg } from "../symbolic/expr.js";
import { removeDeadCode } from "./dead-code.js";
import { delinearize } from "./delinearize.js";
import { forwardDefinitions } from "./forward.js";
import { loopToMap } from "./loop-to-map.js";
import { recogniseReductions } from "./reductions.js";
import { splitLoops } from "./split-loops.js";
import { uniqueLocals } from "./unique-locals.js";

export function simplify(graph: Graph, options: { readonly speculate: boolean }): Graph {
  let g = delinearize(graph, options);
  // A variant runs only where its entry checks hold: what they rule out is not there (errors that they have caught before, arms of speculation).
  const facts = g.facts.with(...g.checks.flatMap((c) => (c.kind === "shape" ? [c.expr, neg(c.expr)] : [c.expr])));
  g = g.with({ body: specialise(g.body, facts) });
  g = removeDeadCode(g);
  g = uniqueLocals(splitLoops(g, options));
  g = forwardDefinitions(g, { differentiable: true });
  g = recogniseReductions(g);
  g = loopToMap(g);
  return removeDeadCode(g);
}
