/** Compares gradients with derivatives along random directions, taken by the interpreter on dual numbers: the joint graph, the planned graph and the JavaScript backend. */
import { differentiate, finish, Trace } from "../../ts/compile/pipeline.js";
import type { Decision } from "../../ts/checkpoint/resolve.js";
import { LIBRARY } from "../../ts/library/index.js";
import { jsKernel } from "../../ts/runtime/js-backend.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import type { Plan } from "../../ts/lower/plan.js";
import type { Node } from "../../ts/sdfg/nodes.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { mapNodes } from "../../ts/analysis/walk.js";
import type { TypedArray } from "../../ts/runtime/addon-types.js";
import { interpret, type Input } from "./interpret.js";
import { randoms } from "./random-graph.js";

const ARRAYS = { float64: Float64Array, float32: Float32Array, int64: BigInt64Array, int32: Int32Array, bool: Uint8Array } as const;

/** Library nodes as loops. */
export function expanded(graph: Graph): Graph {
  let next = 0;
  return graph.with({ body: mapNodes(graph.body, (n): readonly Node[] | Node => (n.kind === "library" ? LIBRARY.get(n.op)!.expand(n, (d) => graph.container(d).dtype, () => `lib${n.id}_${next++}`) : n)) });
}

/** Runs a plan in JavaScript: contents of every argument buffer afterwards, by container name. */
export function runPlan(plan: Plan, sizes: Readonly<Record<string, number>>, inputs: Readonly<Record<string, readonly number[]>>): Map<string, number[]> {
  const layout = layoutOf(plan, new Map(Object.entries(sizes)));
  const args = plan.arguments.map((b): TypedArray => {
    const buffer = plan.buffers[b]!, n = layout.elements[b]!, make = ARRAYS[buffer.dtype as keyof typeof ARRAYS];
    const a = new make(n) as TypedArray, given = inputs[buffer.name];
    if (given && given.length !== n) throw new Error(`${buffer.name}: ${given.length} values for ${n} elements`);
    for (let i = 0; i < n; i++) { const x = given ? given[i]! : 1e30; a[i] = (a instanceof BigInt64Array ? BigInt(Number.isInteger(x) ? x : 0) : x); }
    return a;
  });
  const arena = new ArrayBuffer(layout.arenaBytes + 64);
  // What the arena holds at first must not matter.
  new Float64Array(arena).fill(1e30);
  const kernel = jsKernel(plan), status = kernel.run(args, layout.symbols, arena);
  if (status !== 0) throw new Error(`status ${status}: ${kernel.error.join(", ")}`);
  return new Map(plan.arguments.map((b, i) => [plan.buffers[b]!.name, Array.from(args[i] as unknown as ArrayLike<number | bigint>, Number)]));
}

export interface CheckOptions {
  readonly wrt: readonly string[];
  readonly of: readonly string[];
  readonly seed?: number;
  /** Relative to the sum of the magnitudes. */
  readonly tolerance?: number;
  /** Stages to judge besides the planned graph. */
  readonly joint?: boolean;
  readonly backend?: boolean;
}
export interface Checked {
  /** "skipped": values too large or not finite to be judged. */
  readonly status: "checked" | "skipped";
  readonly decisions: readonly Decision[];
  readonly planned?: Graph;
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** Throws with a description where any stage's gradient is wrong. */
export function checkGradient(graph: Graph, sizes: Readonly<Record<string, number>>, inputs: Readonly<Record<string, { readonly v: readonly number[] }>>, options: CheckOptions): Checked {
  const { wrt, of, seed = 1, tolerance = 1e-9 } = options;
  // Truth: the derivative of Σ weights · outputs along a direction.
  const directions = [1, 2].map((k) => Object.fromEntries(wrt.map((w, i) => [w, randoms(seed + 101 * k + 7 * i, inputs[w]!.v.length)])));
  const primal = interpret(graph, sizes, inputs, { seed });
  const weights = Object.fromEntries(of.map((o, i) => [o, randoms(seed + 977 + i, inputs[o]?.v.length ?? primal.get(base(graph, o))!.v.length)]));
  for (const [, b] of primal) for (const [i, x] of b.v.entries()) if (b.set[i] && !(Math.abs(x) < 1e4)) return { status: "skipped", decisions: [], gradients: {} };
  const slopes = directions.map((dir) => {
    const given: Record<string, Input> = Object.fromEntries(Object.entries(inputs).map(([n, x]) => [n, dir[n] ? { v: x.v, d: dir[n] } : x]));
    const out = interpret(graph, sizes, given, { seed });
    let sum = 0, scale = 0;
    for (const o of of) out.get(base(graph, o))!.d.forEach((d, i) => { sum += d * weights[o]![i]!; scale += Math.abs(d * weights[o]![i]!); });
    return { sum, scale };
  });
  if (slopes.some((s) => !(s.scale < 1e5))) return { status: "skipped", decisions: [], gradients: {} };

  const trace = new Trace();
  const d = differentiate(graph, { wrt, of, seeds: "arguments", keep: of }, trace);
  const joint = trace.graphs.get("joint")!;
  const given: Record<string, Input> = {};
  for (const p of joint.parameters) {
    if (p.kind !== "container") continue;
    given[p.container] = inputs[p.name] ?? { v: weights[p.name.slice("cotangent:".length)]! };
  }
  const judge = (stage: string, grads: Readonly<Record<string, readonly number[]>>, values: Readonly<Record<string, readonly number[]>>): void => {
    directions.forEach((dir, k) => {
      let sum = 0, scale = slopes[k]!.scale;
      for (const w of wrt) grads[w]!.forEach((g, i) => { sum += g * dir[w]![i]!; scale += Math.abs(g * dir[w]![i]!); });
      const want = slopes[k]!.sum;
      if (!(Math.abs(sum - want) <= tolerance * (scale + 1e-3))) throw new Error(`${stage}: derivative ${sum} along a direction, should be ${want} (d/d ${wrt.join(", ")} of ${of.join(", ")})`);
    });
    for (const o of of) values[o]!.forEach((x, i) => { const want = primal.get(base(graph, o))!.v[i]!; if (!(Math.abs(x - want) <= 1e-10 * (1 + Math.abs(want)))) throw new Error(`${stage}: value ${o}[${i}] is ${x}, should be ${want}`); });
  };
  const fromRun = (stage: string, g: Graph): Record<string, readonly number[]> => {
    let out;
    try { out = interpret(g, sizes, given, { seed: seed + 5 }); } catch (e) { throw new Error(`${stage}: ${(e as Error).message}`, { cause: e }); }
    const read = (n: string): readonly number[] => { const b = out.get(base(g, n))!; if (b.set.some((x) => !x)) throw new Error(`${stage}: ${n} was not written`); return b.v; };
    const grads = Object.fromEntries(wrt.map((w) => [w, read(d.outputs[`grad:${w}`]!)]));
    judge(stage, grads, Object.fromEntries(of.map((o) => [o, read(d.outputs[`out:${o}`]!)])));
    return grads;
  };
  if (options.joint !== false) fromRun("joint", joint);
  const gradients = fromRun("planned", d.graph);
  if (options.backend !== false) {
    const plan = finish(expanded(d.graph), { precision: "default", vectorMath: false, outputs: d.outputs });
    const out = runPlan(plan, sizes, Object.fromEntries(Object.entries(given).map(([n, x]) => [n, x.v])));
    const read = (n: string): readonly number[] => out.get(base(d.graph, n))!;
    judge("backend", Object.fromEntries(wrt.map((w) => [w, read(d.outputs[`grad:${w}`]!)])), Object.fromEntries(of.map((o) => [o, read(d.outputs[`out:${o}`]!)])));
  }
  return { status: "checked", decisions: d.decisions, planned: d.graph, gradients };
}

const base = (graph: Graph, name: string): string => graph.container(name).view?.base ?? name;
