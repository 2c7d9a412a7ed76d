/**
 * The optimiser between planning and scheduling. First everything is taken apart into perfect nests (temporaries forwarded, sums collected where they go,
 * maps distributed, scatters turned into gathers, loops ordered by stride), then what belongs together is joined and what lives within an iteration becomes private.
 */
import type { Graph } from "../sdfg/sdfg.js";
import { accumulate } from "./accumulate.js";
import { clearFirst } from "./clear-first.js";
import { contract } from "./contract.js";
import { removeDeadCode } from "./dead-code.js";
import { distribute } from "./distribute.js";
import { firstSums } from "./first-sums.js";
import { forwardDefinitions } from "./forward.js";
import { fuseLoops } from "./fuse.js";
import { gatherBorders } from "./gather-borders.js";
import { interchange } from "./interchange.js";
import { loopToMap } from "./loop-to-map.js";
import { forwardPieces } from "./pieces.js";
import { retargetProducts } from "./products.js";
import { splitRecurrences } from "./recurrences.js";
import { resultsInPlace } from "./results.js";
import { retargetSums } from "./retarget.js";
import { scatterToGather } from "./scatter-to-gather.js";
import { separateArms } from "./separate-arms.js";
import { shareLoads } from "./share.js";
import { sinkConstants } from "./sink.js";
import { mergeTwins } from "./twins.js";
import { uniqueLoops } from "./unique-loops.js";
import { forgetUnread } from "./unread.js";

type Outputs = Readonly<Record<string, string>>;
/** The passes in their order, by name. `strict`: sums are collected where they are, so that a piece of the program that is there twice gives the same bits. */
export const PASSES: readonly (readonly [string, (g: Graph, outputs: Outputs, strict: boolean) => Graph])[] = [
  ["unique loops", (g) => uniqueLoops(g)],
  ["unread", (g) => forgetUnread(g)],
  ["dead code", removeDeadCode],
  ["clear first", clearFirst],
  ["separate arms", separateArms],
  ["sink", (g) => sinkConstants(g)],
  ["pieces", forwardPieces],
  ["forward", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["first sums", (g) => firstSums(g)],
  ["twins", mergeTwins],
  ["retarget", (g, outputs, strict) => (strict ? g : retargetSums(g, outputs))],
  ["products", (g, outputs, strict) => retargetProducts(g, { outputs, sums: !strict })],
  ["maps", loopToMap],
  ["recurrences", (g) => splitRecurrences(g)],
  ["distribute", (g) => distribute(g)],
  ["borders", (g) => gatherBorders(g)],
  ["gather", (g) => scatterToGather(g)],
  ["forward again", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["interchange", (g, _, strict) => interchange(g, strict)],
  ["fuse", (g, _, strict) => fuseLoops(g, strict)],
  ["forward within", (g, outputs) => forwardDefinitions(g, { outputs })],
  ["dead code again", removeDeadCode],
  ["contract", contract],
  ["accumulate", (g, _, strict) => (strict ? g : accumulate(g))],
  ["share", (g) => shareLoads(g)],
  ["results", resultsInPlace],
];

/** `outputs`: containers that are read after the program (besides changed arguments and results). `sweeps`: what the target makes of nests in sequence while they are whole, before recurrences are set apart from them. */
export function optimizeGraph(graph: Graph, outputs: Outputs, strict = false, sweeps?: (g: Graph) => Graph): Graph {
  return PASSES.reduce((g, [name, pass]) => pass(name === "recurrences" && sweeps ? sweeps(g) : g, outputs, strict), graph);
}
