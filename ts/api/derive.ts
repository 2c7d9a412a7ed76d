/** Choosing what is differentiated with respect to what, and derivatives as programs of their own. */
import { isComplex, isDifferentiable } from "../base/dtypes.js";
import { DaceError, type SourceFile, type SourceLoc } from "../base/errors.js";
import { lazy } from "../base/lazy.js";
import type { Differentiated } from "../compile/pipeline.js";
import { Program, type Memory, type ProgramFacts } from "../compile/program.js";
import type { ParameterType, Signature } from "../frontend/array/signature.js";
import type { Graph } from "../sdfg/sdfg.js";
import { returnedContainers, type ReturnValue } from "../sdfg/nodes.js";
import type { DerivativeOptions, Which } from "./options.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const pipeline = lazy(() => require("../compile/pipeline.js") as typeof import("../compile/pipeline.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const prepare = lazy(() => require("../autodiff/prepare.js") as typeof import("../autodiff/prepare.js"));

/** Parameter positions that `wrt` names. */
export function positionsOf(wrt: Which | undefined, facts: ProgramFacts, types: readonly ParameterType[], fallback: "first" | "all"): number[] {
  const differentiable = (t: ParameterType | undefined): boolean => t !== undefined && (t.kind === "float" || t.kind === "complex" || (t.kind === "array" && isDifferentiable(t.dtype)));
  if (wrt === undefined) {
    const all = types.flatMap((t, i) => (differentiable(t) ? [i] : []));
    if (all.length === 0) throw new DaceError("NOT_DIFFERENTIABLE", `${facts.name} was given no float argument to differentiate with respect to`, { hint: "pass a Float64Array, or name an argument with { wrt }" });
    return fallback === "first" ? [all[0]!] : all;
  }
  const list = typeof wrt === "string" || typeof wrt === "number" ? [wrt] : wrt;
  if (list.length === 0) throw new DaceError("ARGUMENT", "wrt is empty", { hint: `its arguments are ${facts.parameters.join(", ")}` });
  return list.map((w) => {
    const i = typeof w === "number" ? w : facts.parameters.indexOf(w);
    if (!Number.isInteger(i) || i < 0 || i >= facts.parameters.length) throw new DaceError("ARGUMENT", `wrt: ${facts.name} has no argument ${JSON.stringify(w)}`, { hint: `its arguments are ${facts.parameters.join(", ")}` });
    const t = types[i];
    if (!differentiable(t)) throw new DaceError("NOT_DIFFERENTIABLE", `wrt: argument ${facts.parameters[i]} is ${t === undefined ? "not given" : t.kind === "array" ? `an array of ${t.dtype}` : t.kind === "int" ? "used as an integer" : t.kind === "bool" ? "a boolean" : "not numeric"}`, { hint: "derivatives flow through float and complex arguments only" });
    return i;
  });
}

/** Outputs by name: `return`, `return[i]`, `return[i][j]`, and arguments that the program changes. */
export function outputsOf(graph: Graph): Map<string, string> {
  const out = new Map<string, string>();
  const walk = (r: ReturnValue, name: string): void => {
    if (r.kind === "container") out.set(name, r.name);
    else if (r.kind === "tuple") r.items.forEach((x, i) => { walk(x, `${name}[${i}]`); });
  };
  walk(graph.result, "return");
  const written = prepare().writtenBases(graph, graph.body);
  for (const p of graph.parameters) if (p.kind === "container" && !p.name.startsWith("capture:") && written.has(graph.container(p.container).view?.base ?? p.container)) out.set(p.name, p.container);
  return out;
}

/** The run-time lengths of those of the containers that have any. */
export function lengthsOf(graph: Graph, of: ReadonlySet<string>): Map<string, readonly (string | undefined)[]> {
  const found = new Map<string, readonly (string | undefined)[]>();
  const walk = (r: ReturnValue): void => {
    if (r.kind === "container" && r.lengths && of.has(r.name)) found.set(r.name, r.lengths);
    else if (r.kind === "tuple") r.items.forEach(walk);
  };
  walk(graph.result);
  return found;
}

/** The containers of the named outputs; the default is every float output. */
export function selectOutputs(graph: Graph, facts: ProgramFacts, of: DerivativeOptions["of"]): Map<string, string> {
  const all = outputsOf(graph);
  const names = of === undefined ? undefined : typeof of === "string" ? [of] : of;
  if (!names) return new Map([...all].filter(([, c]) => isDifferentiable(graph.container(c).dtype)));
  const chosen = new Map<string, string>();
  for (const n of names) {
    const parameter = graph.parameters.find((p) => p.name === n);
    const c = all.get(n) ?? (parameter?.kind === "container" ? parameter.container : undefined);
    if (c === undefined) throw new DaceError(parameter || isIntegerReturn(graph.result, n) ? "NOT_DIFFERENTIABLE" : "ARGUMENT", `of: ${facts.name} has no float output ${n}`, { hint: all.size > 0 ? `its outputs are ${[...all.keys()].join(", ")}` : "it changes no argument and returns no array or number" });
    if (!isDifferentiable(graph.container(c).dtype)) throw new DaceError("NOT_DIFFERENTIABLE", `of: output ${n} holds ${graph.container(c).dtype}`);
    chosen.set(n, c);
  }
  return chosen;
}
function isIntegerReturn(r: ReturnValue, name: string, own = "return"): boolean { return (r.kind === "integer" && name === own) || (r.kind === "tuple" && r.items.some((x, i) => isIntegerReturn(x, name, `${own}[${i}]`))); }

/** The one scalar that `grad` differentiates. */
export function scalarOutput(graph: Graph, facts: ProgramFacts, of: DerivativeOptions["of"], place?: SourceLoc): string {
  const where = place ? { loc: place } : {};
  let container: string;
  if (of !== undefined) {
    const chosen = [...selectOutputs(graph, facts, of)];
    if (chosen.length !== 1) throw new DaceError("NOT_SCALAR", "grad differentiates one scalar output", { hint: "use vjp for several", ...where });
    container = chosen[0]![1];
  } else if (graph.result.kind === "container") container = graph.result.name;
  else if (graph.result.kind === "integer") throw new DaceError("NOT_DIFFERENTIABLE", `${facts.name} returns an integer`, where);
  else {
    const outputs = [...outputsOf(graph).keys()];
    throw new DaceError("NOT_SCALAR", `${facts.name} returns ${graph.result.kind === "none" ? "nothing" : "several values"}; grad needs one scalar`, { hint: outputs.length > 0 ? `name an output with { of } (${outputs.join(", ")}), or use vjp with cotangents` : "return the number to differentiate", ...where });
  }
  const c = graph.container(container);
  if (c.shape.length > 0) throw new DaceError("NOT_SCALAR", `the output of ${facts.name} is an array of rank ${c.shape.length}; grad needs one scalar`, { hint: "sum it in the program, or use vjp with cotangents", ...(c.loc ? { loc: c.loc } : where) });
  if (isComplex(c.dtype)) throw new DaceError("NOT_SCALAR", `${facts.name} returns a complex number; grad needs a real scalar`, { hint: "return its real part, or its absolute value", ...where });
  if (!isDifferentiable(c.dtype)) throw new DaceError("NOT_DIFFERENTIABLE", `${facts.name} returns ${c.dtype}`, where);
  return container;
}

/** Containers of parameters by position. */
export function containerOfParameter(graph: Graph, facts: ProgramFacts, position: number): string {
  const name = facts.parameters[position]!;
  const p = graph.parameters.find((x) => x.name === name);
  if (!p || p.kind !== "container") throw new DaceError("NOT_DIFFERENTIABLE", `argument ${name} is used as an integer`);
  return p.container;
}

/** `directions`: by the container of a gradient, the direction that its cotangent is. */
export interface Along { readonly graph: Graph; readonly directions: ReadonlyMap<string, string>; readonly result: string }

/** The gradient of a program, as a program: its result is the gradient (or a tuple of them). */
export class GradientProgram extends Program {
  constructor(readonly inner: Program, readonly options: DerivativeOptions) { super(); }
  #facts: ProgramFacts | undefined;
  protected override get label(): string { return this.#facts?.name ?? "a gradient"; }
  facts(): ProgramFacts { return (this.#facts ??= { ...this.inner.facts(), name: `grad(${this.inner.facts().name})` }); }
  override recall(facts: ProgramFacts): void { this.#facts ??= facts; }
  override captured(parameter: string): unknown { return this.inner.captured(parameter); }
  override source(): SourceFile | undefined { return this.inner.source(); }
  override place(): SourceLoc | undefined { return this.inner.place(); }
  cacheKey(memory?: Memory): string | undefined { const k = this.inner.cacheKey(memory); return k && `grad(${k})${JSON.stringify([this.options.wrt, this.options.of])}`; }
  /**
   * The derivative of the inner program along the cotangents of this one's results: its gradient is the derivative of this program, and what its forward sweep keeps, one backward sweep
   * reads. `cotangents`: containers of results whose cotangents are arguments, or the one whose cotangent is 1. Undefined where that cannot be done.
   */
  along(signature: Signature, graph: Graph, cotangents: readonly string[] | string): Along | undefined {
    const inner = this.#inner(signature), facts = this.inner.facts(), results = returnedContainers(graph.result), asked = typeof cotangents === "string" ? [cotangents] : cotangents;
    if (!inner || !asked.every((c) => results.includes(c))) return undefined;
    const wrt = positionsOf(this.options.wrt, facts, signature.parameters, "first").map((i) => containerOfParameter(inner.graph, facts, i));
    if (new Set(wrt).size < wrt.length) return undefined;
    const t = pipeline().tangent(inner.graph, new Map(wrt.map((d, i) => [d, !asked.includes(results[i]!) ? 0 : typeof cotangents === "string" ? 1 : `cotangent:${results[i]!}`])), inner.of);
    return t && { graph: t.graph, directions: new Map(results.map((r, i) => [r, t.directions.get(wrt[i]!)!])), result: t.result };
  }
  /** What is differentiated, with no sweep backward in it: of a gradient, its program's derivative along the argument. */
  #inner(signature: Signature): { readonly graph: Graph; readonly of: string } | undefined {
    const graph = this.inner.graph(signature), of = scalarOutput(graph, this.inner.facts(), this.options.of, this.place());
    if (!(this.inner instanceof GradientProgram)) return { graph, of };
    const found = this.inner.along(signature, graph, of);
    return found && { graph: found.graph, of: found.result };
  }
  graph(signature: Signature): Graph {
    const graph = this.inner.graph(signature), facts = this.inner.facts();
    const positions = positionsOf(this.options.wrt, facts, signature.parameters, "first");
    const d: Differentiated = pipeline().differentiate(graph, { wrt: positions.map((i) => containerOfParameter(graph, facts, i)), of: [scalarOutput(graph, facts, this.options.of, this.place())], seeds: "unit", keep: [] });
    const items = positions.map((i): ReturnValue => ({ kind: "container", name: d.outputs[`grad:${containerOfParameter(graph, facts, i)}`]! }));
    return d.graph.with({ result: Array.isArray(this.options.wrt) ? { kind: "tuple", items } : items[0]! });
  }
}
