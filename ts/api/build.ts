/** From a program, a verb and a signature to compiled plain data: what a callable keeps per signature, and what the disk cache holds. */
import { createHash } from "node:crypto";
import type { Decision } from "../checkpoint/resolve.js";
import { lazy } from "../base/lazy.js";
import type { Differentiated, FinishOptions, Trace } from "../compile/pipeline.js";
import { buildId } from "../compile/program-cache.js";
import type { Memory, Program, ProgramFacts } from "../compile/program.js";
import type { Signature } from "../frontend/array/signature.js";
import type { Plan } from "../lower/plan.js";
import type { Graph } from "../sdfg/sdfg.js";
import { DaceError, formatLoc } from "../base/errors.js";
import { containerOfParameter, GradientProgram, lengthsOf, positionsOf, scalarOutput, selectOutputs } from "./derive.js";
import type { DerivativeOptions } from "./options.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const pipeline = lazy(() => require("../compile/pipeline.js") as typeof import("../compile/pipeline.js"));

/** `text`: the language that is wanted (both, if not given). */
export interface BuildOptions extends DerivativeOptions { readonly text?: NonNullable<FinishOptions["text"]> }

export type Verb = "jit" | "grad" | "valueAndGrad" | "vjp";

export interface Compiled {
  readonly plan: Plan;
  /** Positions of the parameters that are differentiated with respect to. */
  readonly positions: readonly number[];
  /** The buffer of each one's gradient. */
  readonly gradients: readonly number[];
  /** Differentiated outputs by name; buffer −1: its value is not kept. */
  readonly outputs: readonly { readonly name: string; readonly buffer: number; readonly container: string; /** As in `PlanResult`. */ readonly lengths?: readonly number[] }[];
  /** What became of each forward value that the backward pass needs. */
  readonly saved: readonly Decision[];
  /** Names of the parameters that no output depends on. */
  readonly unaffected: readonly { readonly name: string; /** Where its derivative ends: `file:line:column`. */ readonly at?: string }[];
}

/** The key of a compiled variant on disk; undefined where the program cannot be identified by text. */
export function planKey(program: Program, verb: Verb, options: BuildOptions, signatureKey: string, memory?: Memory): string | undefined {
  const key = program.cacheKey(memory);
  if (key === undefined) return undefined;
  const { wrt, of, precision, debug, text } = options;
  return createHash("sha256").update(JSON.stringify([buildId(), key, verb, wrt ?? null, of ?? null, precision ?? "default", debug?.nan ?? false, onGpu(options) ? `cuda${process.env["DACE_AD_CUDA_BLOCKS"] ?? ""}${isCounted(options) ? " counted" : ""}` : `${text ?? ""}${program instanceof GradientProgram && isCounted(options) ? " counted" : ""}`, signatureKey])).digest("hex");
}
export function factsKey(program: Program, memory?: Memory): string | undefined {
  const key = program.cacheKey(memory);
  return key && createHash("sha256").update(`facts\0${buildId()}\0${key}`).digest("hex");
}

/** A verb's program, differentiated: what any way of keeping memory starts from. */
export interface Derivation {
  readonly options: FinishOptions;
  readonly differentiated: Differentiated;
  /** The same with the decisions of its steps recorded, where there are any. */
  readonly recorded: () => Differentiated | undefined;
  /** The compiled form of a plan of it. */
  readonly compiled: (plan: Plan) => Compiled;
}

/** Programs for a GPU are other programs. */
const onGpu = (options: DerivativeOptions): boolean => options.device?.startsWith("cuda") === true;
/** Is every byte of a run to be known before it? */
const isCounted = (options: DerivativeOptions): boolean => options.memoryLimit !== undefined || options.strategy !== undefined;
function common(options: BuildOptions): FinishOptions { return { precision: options.precision ?? "default", vectorMath: true, ...(onGpu(options) ? { device: "cuda" as const, solvers: !isCounted(options) } : {}), ...(options.text ? { text: options.text } : {}), ...(options.debug?.nan ? { trapNan: true } : {}) }; }

export function compile(program: Program, facts: ProgramFacts, verb: Verb, options: BuildOptions, signature: Signature, trace: Trace): Compiled {
  if (verb === "jit") return { plan: pipeline().finish(trace.stage("simplified", () => program.graph(signature)), common(options), trace), positions: [], gradients: [], outputs: [], saved: [], unaffected: [] };
  const d = derive(program, facts, verb, options, signature, trace);
  return d.compiled(pipeline().finish(d.differentiated.graph, { ...d.options, outputs: d.differentiated.outputs }, trace));
}

/**
 * The derivative of a gradient with loops, where bytes are to be known before it: of the backward sweep's own form two sweeps would read each tape, in opposite directions. Under strict precision it is
 * always this one, so that limits do not change a bit. Undefined where the usual form will do, or must.
 */
function secondOf(program: Program, verb: Verb, options: BuildOptions, joint: Differentiated, { signature, primal, wrt, of, positions, facts }: { readonly signature: Signature; readonly primal: Graph; readonly wrt: readonly string[]; readonly of: readonly string[]; readonly positions: readonly number[]; readonly facts: ProgramFacts }): { readonly graph: Graph; readonly of: (graph: Graph, trace: Trace) => Differentiated } | undefined {
  if (!(program instanceof GradientProgram) || !(isCounted(options) || options.precision === "strict") || !pipeline().tapesWithoutSchedule(joint)) return undefined;
  const found = program.along(signature, primal, verb === "vjp" ? of : of[0]!);
  if (!found) return undefined;
  const { directions, result } = found, inputs = positions.map((i) => containerOfParameter(found.graph, facts, i)), kept = verb === "vjp" ? of : [], value = verb === "valueAndGrad" ? [result] : [];
  return {
    graph: found.graph,
    of: (graph, trace) => {
      const d = pipeline().differentiate(graph, { wrt: [...new Set([...inputs, ...kept.map((c) => directions.get(c)!)])], of: [result], seeds: "unit", keep: value }, trace);
      const named = [
        ...wrt.map((c, i) => [`grad:${c}`, d.outputs[`grad:${inputs[i]!}`]!] as const), ...kept.map((c) => [`out:${c}`, d.outputs[`grad:${directions.get(c)!}`]!] as const),
        ...value.map((c) => [`out:${of[0]!}`, d.outputs[`out:${c}`]!] as const),
      ];
      return { ...d, outputs: Object.fromEntries(named) };
    },
  };
}

export function derive(program: Program, facts: ProgramFacts, verb: Exclude<Verb, "jit">, options: BuildOptions, signature: Signature, trace: Trace): Derivation {
  // Before anything else: `wrt` naming an integer is the user's first mistake to hear of.
  const positions = positionsOf(options.wrt, facts, signature.parameters, verb === "vjp" ? "all" : "first");
  const primal = trace.stage("simplified", () => program.graph(signature));
  const wrt = positions.map((i) => containerOfParameter(primal, facts, i));
  const named = verb === "vjp" ? selectOutputs(primal, facts, options.of) : new Map([["return", scalarOutput(primal, facts, options.of, program.place())]]);
  const of = [...new Set(named.values())];
  if (of.length === 0) throw new DaceError("NOT_DIFFERENTIABLE", `${facts.name} has no float output`, { hint: "return a number or an array, or change a float array in place", ...(program.place() ? { loc: program.place()! } : {}) });
  const lengths = verb === "vjp" ? lengthsOf(primal, new Set(of)) : new Map<string, readonly (string | undefined)[]>();
  const differentiated = (graph: Graph): Differentiated => pipeline().differentiate(graph, { wrt: [...new Set(wrt)], of, seeds: verb === "vjp" ? "arguments" : "unit", keep: verb === "grad" ? [] : [...of, ...[...lengths.values()].flatMap((l) => l.flatMap((c) => c ?? []))] }, trace);
  const d = differentiated(primal), second = secondOf(program, verb, options, d, { signature, primal, wrt, of, positions, facts });
  return {
    options: common(options), differentiated: second ? second.of(second.graph, trace) : d,
    recorded: () => { const graph = pipeline().recordDecisions(second?.graph ?? primal); return graph && (second ? second.of(graph, trace) : differentiated(graph)); },
    compiled: (plan) => ({
      plan, positions,
      gradients: wrt.map((c) => plan.outputs[`grad:${c}`]!),
      outputs: [...named].map(([name, container]) => ({ name, buffer: plan.outputs[`out:${container}`] ?? -1, container, ...(lengths.has(container) ? { lengths: lengths.get(container)!.map((c) => (c === undefined ? -1 : plan.outputs[`out:${c}`]!)) } : {}) })),
      saved: d.decisions,
      unaffected: wrt.flatMap((c, i) => { const u = d.unaffected.get(c); return u ? [{ name: facts.parameters[positions[i]!]!, ...(u.loc ? { at: formatLoc(u.loc) } : {}) }] : []; }),
    }),
  };
}
