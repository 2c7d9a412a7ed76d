/** Decides how a program is carried out on a GPU: library calls, perfect nests, registers, kernels and what the host directs. */
import { bodiesOf } from "../../analysis/paths.js";
import { distribute } from "../../transform/distribute.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { expandLibrary } from "../library.js";
import { privatiseScalars } from "../scalars.js";
import { unitsIn } from "../work.js";
import { shortenZeros } from "../zeros.js";
import type { ScheduleOptions } from "../schedule.js";
import { placeOnGpu, type Placed } from "./place.js";
import { markSections } from "./sections.js";

/** Units of a map inside another from which it is worth threads of its own. */
const INNER_UNITS = 256;

export function scheduleGpu(graph: Graph, options: ScheduleOptions = {}): Placed {
  const strict = options.precision === "strict";
  let g = expandLibrary(graph, { strict, always: true });
  g = distribute(g, holdsMaps);
  g = privatiseScalars(g, options.outputs ?? {});
  g = shortenZeros(g);
  const placed = placeOnGpu(g, { strict });
  return { ...placed, graph: markSections(placed.graph) };
}

/** Does a map hold maps that are long enough to be divided, too? */
function holdsMaps(l: Loop): boolean {
  const long = (n: Node): boolean => {
    if (n.kind !== "loop") return false;
    if (n.order !== "any") return false;
    const work = unitsIn([n]).constant;
    return work === undefined || work >= INNER_UNITS || bodiesOf(n).some((b) => b.list.some(long));
  };
  return l.body.some(long);
}
