/** Decides how a program is carried out on a GPU: library calls, perfect nests, registers, kernels and what the host directs. */
import type { Graph } from "../../sdfg/sdfg.js";
import { expandLibrary } from "../library.js";
import { privatiseScalars } from "../scalars.js";
import { shortenZeros } from "../zeros.js";
import type { ScheduleOptions } from "../schedule.js";
import { uniqueLocals } from "../../transform/unique-locals.js";
import { placeOnGpu, type Placed } from "./place.js";
import { meetBetween } from "./barriers.js";
import { widenProducts } from "./products.js";
import { asMaps, isSolvable, solverCalls } from "./solvers.js";
import { markSections } from "./sections.js";
import { wavefronts } from "./wavefront.js";

/** `blocks`: small loops may be one kernel of one block (default true). `solvers`: the device's libraries may factorise, in work space of their own (default true). */
export function scheduleGpu(graph: Graph, options: ScheduleOptions & { readonly blocks?: boolean; readonly solvers?: boolean } = {}): Placed {
  const strict = options.precision === "strict", outputs = options.outputs ?? {};
  let g = expandLibrary(strict ? graph : widenProducts(graph), { strict, always: true, loops: (body) => asMaps(graph, body), ...(options.solvers === false ? {} : { keep: (n) => isSolvable(graph, n) }) });
  g = solverCalls(g);
  g = privatiseScalars(g, outputs);
  g = shortenZeros(g);
  g = wavefronts(g);
  g = uniqueLocals(g);
  const placed = placeOnGpu(g, { strict, blocks: options.blocks ?? true });
  return { ...placed, graph: meetBetween(markSections(placed.graph)) };
}
