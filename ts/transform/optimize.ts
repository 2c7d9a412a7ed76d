/**
 * The optimiser between planning and scheduling. First everything is taken apart into perfect nests (temporaries forwarded, sums collected where they go,
 * maps distributed, scatters turned into gathers, loops ordered by stride), then what belongs together is joined and what lives within an iteration becomes private.
 */
import type { Graph } from "../sdfg/sdfg.js";
import { accumulate } from "./accumulate.js";
import { contract } from "./contract.js";
import { removeDeadCode } from "./dead-code.js";
import { distribute } from "./distribute.js";
import { forwardDefinitions } from "./forward.js";
import { fuseLoops } from "./fuse.js";
import { interchange } from "./interchange.js";
import { loopToMap } from "./loop-to-map.js";
import { splitRecurrences } from "./recurrences.js";
import { retargetSums } from "./retarget.js";
import { scatterToGather } from "./scatter-to-gather.js";
import { shareLoads } from "./share.js";
import { sinkConstants } from "./sink.js";
import { uniqueLoops } from "./unique-loops.js";
import { forgetUnread } from "./unread.js";

type Outputs = Readonly<Record<string, string>>;
/** The passes in their order, by name. */
export const PASSES: readonly (readonly [string, (g: Graph, outputs: Outputs) => Graph])[] = [
  ["unique loops", (g) => uniqueLoops(g)],
  ["unread", (g) => forgetUnread(g)],
  ["dead code", removeDeadCode],
  ["sink", (g) => sinkConstants(g)],
  ["forward", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["retarget", retargetSums],
  ["maps", loopToMap],
  ["recurrences", (g) => splitRecurrences(g)],
  ["distribute", (g) => distribute(g)],
  ["gather", (g) => scatterToGather(g)],
  ["forward again", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["interchange", (g) => interchange(g)],
  ["fuse", (g) => fuseLoops(g)],
  ["forward within", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["dead code again", removeDeadCode],
  ["contract", contract],
  ["accumulate", (g) => accumulate(g)],
  ["share", (g) => shareLoads(g)],
];

/** `outputs`: containers that are read after the program (besides changed arguments and results). */
export function optimizeGraph(graph: Graph, outputs: Outputs): Graph { return PASSES.reduce((g, [, pass]) => pass(g, outputs), graph); }
