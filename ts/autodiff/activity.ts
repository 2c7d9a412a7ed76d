/** Which containers a derivative flows through: varied (depend on an input asked for) and useful (an output depends on them). */
import { isDifferentiable } from "../base/dtypes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Node } from "../sdfg/nodes.js";
import { bodiesOf } from "../analysis/paths.js";
import { LIBRARY } from "../library/index.js";
import type { SourceLoc } from "../base/errors.js";
import { carriedInputs } from "../scalar/derivatives.js";

/** The container that owns the memory. */
export function baseOf(graph: Graph, name: string): string { return graph.container(name).view?.base ?? name; }

interface Flow { readonly out: string; readonly ins: readonly string[]; /** Inputs whose derivative is identically zero. */ readonly cut?: readonly string[]; /** Not of what is returned: that carries the function's place. */ readonly loc?: SourceLoc }

/** `exact`: by what a tasklet's expression passes on, else by what it reads. */
function flows(graph: Graph, body: readonly Node[], into: Flow[], exact = false): Flow[] {
  const floats = (names: readonly string[]): string[] => names.filter((n) => isDifferentiable(graph.container(n).dtype)).map((n) => baseOf(graph, n));
  for (const node of body) {
    if (node.kind === "tasklet") {
      const carried = exact ? carriedInputs(node.code) : undefined;
      const pick = (keep: boolean): string[] => floats(node.inputs.filter((_, i) => !carried || carried.has(i) === keep).map((m) => m.data));
      into.push({ out: baseOf(graph, node.output.data), ins: pick(true), ...(carried ? { cut: pick(false) } : {}), ...(node.loc && graph.container(node.output.data).label !== "result" ? { loc: node.loc } : {}) });
    }
    // What has no derivative rule passes none on.
    else if (node.kind === "library") { if (LIBRARY.get(node.op)?.adjoint) for (const o of node.outputs) into.push({ out: baseOf(graph, o.data), ins: floats(node.inputs.map((m) => m.data)) }); } else for (const b of bodiesOf(node)) flows(graph, b.list, into, exact);
  }
  return into;
}

/**
 * The critical computation subgraph, per container and insensitive to order: a superset of what is active at each point,
 * which costs time in odd programs but is never wrong.
 */
export function activeContainers(graph: Graph, wrt: readonly string[], of: readonly string[]): { readonly active: ReadonlySet<string>; readonly reached: ReadonlySet<string> } {
  const all = flows(graph, graph.body, []);
  const differentiable = (n: string): boolean => isDifferentiable(graph.container(n).dtype);
  const spread = (seeds: readonly string[], from: (f: Flow) => readonly string[], to: (f: Flow) => readonly string[]): Set<string> => {
    const set = new Set(seeds.map((n) => baseOf(graph, n)));
    for (let changed = true; changed;) {
      changed = false;
      for (const f of all) {
        if (!from(f).some((n) => set.has(n))) continue;
        for (const n of to(f)) if (differentiable(n) && !set.has(n)) { set.add(n); changed = true; }
      }
    }
    return set;
  };
  const varied = spread(wrt, (f) => f.ins, (f) => [f.out]);
  const useful = spread(of, (f) => [f.out], (f) => f.ins);
  return { active: new Set([...varied].filter((n) => useful.has(n))), reached: useful };
}

/** Inputs that no output depends on in a differentiable way, and where the derivative ends. For warnings only: `activeContainers` decides. */
export function uninfluential(graph: Graph, wrt: readonly string[], of: readonly string[]): Map<string, { readonly loc?: SourceLoc }> {
  const all = flows(graph, graph.body, [], true), targets = new Set(of.map((n) => baseOf(graph, n)));
  const out = new Map<string, { readonly loc?: SourceLoc }>();
  for (const name of wrt) {
    const reached = new Set([baseOf(graph, name)]);
    for (let size = 0; size !== reached.size;) {
      size = reached.size;
      for (const f of all) if (f.ins.some((n) => reached.has(n))) reached.add(f.out);
    }
    if ([...targets].some((n) => reached.has(n))) continue;
    const loc = all.find((f) => f.loc && f.cut?.some((n) => reached.has(n)))?.loc;
    out.set(name, loc ? { loc } : {});
  }
  return out;
}
