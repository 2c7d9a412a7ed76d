/**
 * The optimiser between planning and scheduling. First everything is taken apart into perfect nests (temporaries forwarded, sums collected where they go,
 * maps distributed, scatters turned into gathers, loops ordered by stride), then what belongs together is joined and what lives within an iteration becomes private.
 */
import type { Graph } from "../sdfg/sdfg.js";
import { contract } from "./contract.js";
import { removeDeadCode } from "./dead-code.js";
import { distribute } from "./distribute.js";
import { forwardDefinitions } from "./forward.js";
import { fuseLoops } from "./fuse.js";
import { interchange } from "./interchange.js";
import { retargetSums } from "./retarget.js";
import { scatterToGather } from "./scatter-to-gather.js";
import { uniqueLoops } from "./unique-loops.js";

/** `outputs`: containers that are read after the program (besides changed arguments and results). */
export function optimizeGraph(graph: Graph, outputs: Readonly<Record<string, string>>): Graph {
  let g = uniqueLoops(graph);
  g = removeDeadCode(g, outputs);
  g = forwardDefinitions(g, { outputs });
  g = retargetSums(g, outputs);
  g = distribute(g);
  g = scatterToGather(g);
  g = forwardDefinitions(g, { outputs });
  g = interchange(g);
  g = fuseLoops(g);
  g = removeDeadCode(g, outputs);
  return contract(g, outputs);
}
