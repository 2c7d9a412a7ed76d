/** Decides how a program is carried out on a GPU: library calls, perfect nests, registers, kernels and what the host directs. */
import type { Graph } from "../../sdfg/sdfg.js";
import { expandLibrary } from "../library.js";
import { privatiseScalars } from "../scalars.js";
import { shortenZeros } from "../zeros.js";
import type { ScheduleOptions } from "../schedule.js";
import { placeOnGpu, type Placed } from "./place.js";
import { meetBetween } from "./barriers.js";
import { widenProducts } from "./products.js";
import { markSections } from "./sections.js";
import { wavefronts } from "./wavefront.js";

/** `blocks`: small loops may be one kernel of one block (default true). */
export function scheduleGpu(graph: Graph, options: ScheduleOptions & { readonly blocks?: boolean } = {}): Placed {
  const strict = options.precision === "strict";
  let g = expandLibrary(strict ? graph : widenProducts(graph), { strict, always: true });
  g = privatiseScalars(g, options.outputs ?? {});
  g = shortenZeros(g);
  g = wavefronts(g);
  const placed = placeOnGpu(g, { strict, blocks: options.blocks ?? true });
  return { ...placed, graph: meetBetween(markSections(placed.graph)) };
}
