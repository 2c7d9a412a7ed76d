/**
 * What is done to a graph before it is differentiated: flat arrays get their dimensions back, loops split at conditions on their variable, dead code and
 * temporaries go, sums are recognised and independent iterations become maps. Fewer and plainer writes mean fewer values that a derivative has to keep.
 */
import type { Graph } from "../sdfg/sdfg.js";
import { removeDeadCode } from "./dead-code.js";
import { delinearize } from "./delinearize.js";
import { forwardDefinitions } from "./forward.js";
import { loopToMap } from "./loop-to-map.js";
import { recogniseReductions } from "./reductions.js";
import { splitLoops } from "./split-loops.js";

export function simplify(graph: Graph, options: { readonly speculate: boolean }): Graph {
  let g = delinearize(graph, options);
  g = removeDeadCode(g);
  g = splitLoops(g, options);
  g = forwardDefinitions(g, { differentiable: true });
  g = recogniseReductions(g);
  g = loopToMap(g);
  return removeDeadCode(g);
}
