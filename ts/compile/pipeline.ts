/**
 * The one pipeline: graph → simplified → joint → planned → optimised → scheduled → Plan. Every stage is timed; callers that want to look at a stage
 * give `observe`.
 */
import { reverse, type Joint, type ReverseOptions } from "../autodiff/reverse.js";
import { resolveSaved, type Decision } from "../checkpoint/resolve.js";
import { InternalError } from "../base/errors.js";
import { LIBRARY } from "../library/index.js";
import { lowerToCuda } from "../lower/cuda-plan.js";
import { lowerToPlan } from "../lower/lower.js";
import type { Plan } from "../lower/plan.js";
import { wavefronts } from "../schedule/gpu/wavefront.js";
import { scheduleGpu } from "../schedule/gpu/schedule.js";
import { schedule } from "../schedule/schedule.js";
import type { Graph } from "../sdfg/sdfg.js";
import { validate } from "../sdfg/validate.js";
import { optimizeGraph } from "../transform/optimize.js";
import { simplify } from "../transform/simplify.js";
import { trapNan } from "../transform/trap-nan.js";

export { tangent } from "../autodiff/tangent.js";
export { tapesWithoutSchedule } from "../checkpoint/apply/candidates.js";
export { recordDecisions } from "../checkpoint/decisions.js";

export type Stage = "frontend" | "simplified" | "joint" | "planned" | "optimised" | "scheduled";

export interface Differentiated {
  readonly graph: Graph;
  /** Number of leading nodes of the body that are the forward sweep. */
  readonly forward: number;
  /** `grad:NAME`, `out:NAME` → container. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly unaffected: Joint["unaffected"];
  readonly decisions: readonly Decision[];
}

/** Milliseconds by stage, and the graph after each. */
export class Trace {
  readonly timings: Record<string, number> = {};
  readonly graphs = new Map<Stage, Graph>();
  time<T>(name: string, f: () => T): T {
    const t = performance.now();
    try { return f(); } finally { this.timings[name] = (this.timings[name] ?? 0) + performance.now() - t; }
  }
  stage(name: Stage, f: () => Graph): Graph { return this.keep(name, this.time(name, f)); }
  /** With DACE_AD_VALIDATE=1 (debugging, tests) every stage's graph must be valid. */
  keep(name: Stage, g: Graph): Graph {
    if (process.env["DACE_AD_VALIDATE"] === "1") validate(g, { saved: name === "joint", library: (n) => { (LIBRARY.get(n.op) ?? invalidOperation(n.op)).validate(n); } });
    this.graphs.set(name, g);
    return g;
  }
}
function invalidOperation(op: string): never { throw new InternalError(`no library operation ${op}`); }

export function simplifyGraph(graph: Graph, speculate: boolean): Graph { return simplify(graph, { speculate }); }

export function differentiate(graph: Graph, options: ReverseOptions, trace = new Trace()): Differentiated {
  const joint = trace.time("joint", () => reverse(graph, options));
  trace.keep("joint", joint.graph);
  const resolved = trace.time("planned", () => resolveSaved(joint));
  trace.keep("planned", resolved.graph);
  return { graph: resolved.graph, forward: resolved.forward, outputs: joint.outputs, unaffected: joint.unaffected, decisions: resolved.decisions };
}

export interface FinishOptions {
  readonly precision: "default" | "strict" | "fast";
  readonly outputs?: Readonly<Record<string, string>>;
  readonly vectorMath: boolean;
  readonly optimize?: 0 | 1 | 2 | 3;
  /** Stop at the first value that is not a number. */
  readonly trapNan?: boolean;
  /** The language that is wanted: the other text of the Plan stays empty (default: both). */
  readonly text?: "cpp" | "js";
  /** "cuda": kernels and the host code that launches them, in `Plan.cuda`. */
  readonly device?: "cpu" | "cuda";
  /** The device's libraries may factorise, in work space that no plan knows of (default true). */
  readonly solvers?: boolean;
}

export function finish(graph: Graph, options: FinishOptions, trace = new Trace()): Plan {
  const optimised = trace.stage("optimised", () => optimizeGraph(options.trapNan ? trapNan(graph) : graph, options.outputs ?? {}, options.precision === "strict", options.device === "cuda" ? wavefronts : undefined));
  if (options.device === "cuda") {
    const placed = trace.time("scheduled", () => scheduleGpu(optimised, { precision: options.precision, outputs: options.outputs ?? {}, blocks: process.env["DACE_AD_CUDA_BLOCKS"] !== "off", solvers: options.solvers ?? true }));
    trace.keep("scheduled", placed.graph);
    return trace.time("lower", () => lowerToCuda(placed, { precision: options.precision, ...(options.outputs ? { outputs: options.outputs } : {}), ...(options.optimize !== undefined ? { optimize: options.optimize } : {}) }));
  }
  const scheduled = trace.stage("scheduled", () => schedule(optimised, { precision: options.precision, outputs: options.outputs ?? {} }));
  return trace.time("lower", () => lowerToPlan(scheduled, {
    precision: options.precision, threads: true, vectorMath: options.vectorMath,
    ...(options.outputs ? { outputs: options.outputs } : {}), ...(options.optimize !== undefined ? { optimize: options.optimize } : {}), ...(options.text ? { text: options.text } : {}),
  }));
}
