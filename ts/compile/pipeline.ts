/** The one pipeline: graph → simplified → joint → planned → optimised → scheduled → Plan. */
import { reverse, type ReverseOptions } from "../autodiff/reverse.js";
import { resolveSaved, type Decision } from "../checkpoint/resolve.js";
import { lowerToPlan } from "../lower/lower.js";
import type { Plan } from "../lower/plan.js";
import { schedule } from "../schedule/schedule.js";
import type { Graph } from "../sdfg/sdfg.js";
import { delinearize } from "../transform/delinearize.js";
import { optimizeGraph } from "../transform/optimize.js";

export interface Differentiated {
  readonly graph: Graph;
  /** `grad:NAME`, `out:NAME` → container. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly unaffected: readonly string[];
  readonly decisions: readonly Decision[];
}

export function simplifyGraph(graph: Graph, speculate: boolean): Graph { return delinearize(graph, { speculate }); }

export function differentiate(graph: Graph, options: ReverseOptions): Differentiated {
  const joint = reverse(graph, options);
  const resolved = resolveSaved(joint);
  return { graph: resolved.graph, outputs: joint.outputs, unaffected: joint.unaffected, decisions: resolved.decisions };
}

export interface FinishOptions {
  readonly precision: "default" | "strict" | "fast";
  readonly outputs?: Readonly<Record<string, string>>;
  readonly vectorMath: boolean;
  readonly optimize?: 0 | 1 | 2 | 3;
}

export interface Finished { readonly plan: Plan; readonly scheduled: Graph; readonly timings: Readonly<Record<string, number>> }

export function finish(graph: Graph, options: FinishOptions): Finished {
  const timings: Record<string, number> = {};
  const time = <T>(name: string, f: () => T): T => { const t = performance.now(); const r = f(); timings[name] = performance.now() - t; return r; };
  const optimised = time("optimise", () => optimizeGraph(graph, options.outputs ?? {}));
  const scheduled = time("schedule", () => schedule(optimised));
  const plan = time("lower", () => lowerToPlan(scheduled, { precision: options.precision, threads: true, vectorMath: options.vectorMath, ...(options.outputs ? { outputs: options.outputs } : {}), ...(options.optimize !== undefined ? { optimize: options.optimize } : {}) }));
  return { plan, scheduled, timings };
}

