/** Decides how a program is carried out: library calls, registers, what threads share, what is vectorised, where guards are needed. */
import type { Graph } from "../sdfg/sdfg.js";
import { blockColumns } from "./columns.js";
import { fold } from "./fold.js";
import { splitInteriors } from "./interior.js";
import { expandLibrary } from "./library.js";
import { parallelise } from "./parallel.js";
import { contractRows } from "./rows.js";
import { privatiseScalars } from "./scalars.js";
import { shortenRecurrences } from "./shorten.js";
import { markSimd } from "./simd.js";
import { shortenZeros } from "./zeros.js";

export interface ScheduleOptions {
  /** Strict: every float reduction in its own order. */
  readonly precision?: "default" | "strict" | "fast";
  /** Containers that are read after the program, besides results and arguments. */
  readonly outputs?: Readonly<Record<string, string>>;
}

export function schedule(graph: Graph, options: ScheduleOptions = {}): Graph {
  const strict = options.precision === "strict";
  let g = expandLibrary(graph, { strict });
  g = contractRows(g, options.outputs ?? {});
  g = privatiseScalars(g, options.outputs ?? {});
  if (!strict) g = shortenRecurrences(g);
  g = blockColumns(g);
  g = shortenZeros(g);
  // What is decided goes before threads are told what to combine.
  g = g.with({ body: fold(g.body, g.facts) });
  g = parallelise(g, { strict });
  g = markSimd(g);
  return splitInteriors(g);
}
