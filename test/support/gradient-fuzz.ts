/** Random programs, differentiated and judged: the property behind the quick and the slow fuzz tests. FUZZ_SEED and FUZZ_RUNS reproduce and extend a run. */
import fc from "fast-check";
import { DaceError } from "../../ts/base/errors.js";
import { differentiate } from "../../ts/compile/pipeline.js";
import { graphText } from "../../ts/sdfg/text.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { checkGradient } from "./check-gradient.js";
import { buildGraph, choose, graphSpec, randoms, type Built, type GraphSpec } from "./random-graph.js";

export interface FuzzOptions {
  /** Reductions and maps are found before differentiation. */
  readonly maps?: boolean;
  /** The gradient is differentiated again. */
  readonly second?: boolean;
  /** While loops and exits. */
  readonly exits?: boolean;
  readonly runs: number;
  readonly seed?: number;
  readonly backend?: boolean;
}
export interface FuzzReport { readonly counts: Readonly<Record<string, number>>; readonly seed: number }

export function fuzzGradients(options: FuzzOptions): FuzzReport {
  const counts: Record<string, number> = {};
  const count = (k: string): void => { counts[k] = (counts[k] ?? 0) + 1; };
  const runs = Number(process.env["FUZZ_RUNS"] ?? options.runs), seed = Number(process.env["FUZZ_SEED"] ?? options.seed ?? Math.floor(Math.random() * 2 ** 31));
  const subject = (spec: GraphSpec): Subject => {
    const b = buildGraph(spec), base = choose(spec);
    const graph = options.maps ? loopToMap(recogniseReductions(b.graph)) : b.graph;
    return options.second ? again(b, graph, base, spec.seed) : { graph, inputs: b.inputs, ...base, sizes: b.sizes };
  };
  const r = fc.check(fc.property(graphSpec({ library: true, ...(options.exits ? { exits: true } : {}), ...(options.second ? { length: 2 } : {}) }), (spec) => {
    try {
      const s = subject(spec);
      const c = checkGradient(s.graph, s.sizes, s.inputs, { wrt: s.wrt, of: s.of, seed: spec.seed, tolerance: options.second ? 1e-8 : 1e-9, ...(options.backend === undefined ? {} : { backend: options.backend }) });
      count(c.status);
      for (const d of c.decisions) count(d.how);
    } catch (e) {
      // Refusing is not wrong; how often it happens is reported.
      if (!(e instanceof DaceError) || e.code !== "ERR_DACE_UNSUPPORTED") throw e;
      count("refused");
    }
  }), { numRuns: runs, seed, endOnFailure: false });
  if (r.failed) {
    const spec = r.counterexample![0]!, s = subject(spec);
    throw new Error(`FUZZ_SEED=${seed}: after ${r.numRuns} programs and ${r.numShrinks} steps of shrinking\n${JSON.stringify(spec)}\n${graphText(s.graph)}d ${s.of.join(", ")} / d ${s.wrt.join(", ")}, sizes ${JSON.stringify(s.sizes)}\n${(r.errorInstance as Error).stack}`);
  }
  return { counts, seed };
}

interface Subject { readonly graph: Graph; readonly inputs: Readonly<Record<string, { readonly v: readonly number[] }>>; readonly wrt: readonly string[]; readonly of: readonly string[]; readonly sizes: Readonly<Record<string, number>> }

/** The gradient of a program as a program of its own: all gradients, with respect to the same arguments and the first cotangent. */
function again(b: Built, graph: Graph, { wrt, of }: { readonly wrt: string[]; readonly of: string[] }, seed: number): Subject {
  const d = differentiate(graph, { wrt, of, seeds: "arguments", keep: [] });
  const inputs: Record<string, { v: readonly number[] }> = {}, arguments_: string[] = [];
  d.graph.parameters.forEach((p, i) => {
    if (p.kind !== "container") return;
    const cotangent = p.name.startsWith("cotangent:");
    inputs[p.container] = inputs[p.name] = cotangent ? { v: randoms(seed + i, b.inputs[p.name.slice("cotangent:".length)]!.v.length) } : b.inputs[p.name]!;
    if (wrt.includes(p.name) || p.name === `cotangent:${of[0]!}`) arguments_.push(p.container);
  });
  return { graph: d.graph, inputs, wrt: arguments_, of: wrt.map((w) => d.outputs[`grad:${w}`]!), sizes: b.sizes };
}
