/**
 * Forward mode: a program that also carries, beside every value that depends on what it is differentiated with respect to, its derivative along a direction. Reversed, it gives second derivatives without tapes that more than
 * one sweep reads: the gradient of the directional derivative is the product of the second derivative with the direction (and its gradient by the direction is the first derivative).
 * Pre: a forward graph. Post: the same values; `result` is the derivative of `of` along the directions. Loops, conditions and exits stay what they are.
 * Where there is no rule (complex numbers, extrema and products over maps into one element, library operations but products of matrices), there is no such program: undefined.
 */
import { isComplex, isDifferentiable } from "../base/dtypes.js";
import { matmulNode } from "../library/matmul.js";
import { adjoint } from "../scalar/derivatives.js";
import { cast, input, op, type ScalarExpr } from "../scalar/expr.js";
import { literal } from "../scalar/build.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { freeSymbols, hasLoads, sub, sym } from "../symbolic/expr.js";
import type { LibraryNode, Node, Operand, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { activeContainers, baseOf } from "./activity.js";
import { fill, Pool, tasklet } from "./names.js";
import { prune } from "./tasklet.js";

export interface Tangent {
  readonly graph: Graph;
  /** Per container: the one of its direction. */
  readonly directions: ReadonlyMap<string, string>;
  readonly result: string;
}

class Missing extends Error {}

/** `along`: per container that it is differentiated with respect to, the name of the argument that is the direction, or the number that all its elements are. */
export function tangent(graph: Graph, along: ReadonlyMap<string, string | number>, of: string): Tangent | undefined {
  const wrt = [...along.keys()], { active } = activeContainers(graph, wrt, [of]), pool = new Pool(graph.containers);
  pool.reserveAll(graph);
  // What is an alias of something else, or nothing that the result depends on, has no direction of its own.
  if (!active.has(baseOf(graph, of)) || wrt.some((d) => graph.container(d).view || !active.has(d))) return undefined;
  const given = new Set(wrt.filter((d) => typeof along.get(d) === "string")), names = new Map<string, string>();
  for (const c of graph.containers.values()) {
    if (c.view || !active.has(c.name)) continue;
    if (c.growable || isComplex(c.dtype)) return undefined;
    names.set(c.name, pool.add(`t_${c.name}`, { dtype: c.dtype, shape: c.shape, transient: !given.has(c.name), role: "value", ...(c.label ? { label: c.label } : {}), ...(c.loc ? { loc: c.loc } : {}) }));
  }
  for (const c of graph.containers.values()) if (c.view && active.has(c.view.base)) names.set(c.name, pool.add(`t_${c.name}`, { ...c, view: { ...c.view, base: names.get(c.view.base)! } }));
  try {
    const body = new Tangents(pool, names).list(graph.body), parameters = new Set(graph.parameters.flatMap((p) => (p.kind === "container" ? [baseOf(graph, p.container)] : [])));
    // Other arguments have a direction as soon as the program changes them.
    const start = [...parameters].filter((d) => active.has(d) && !given.has(d)).flatMap((d) => fill(pool, names.get(d)!, Number(along.get(d) ?? 0)));
    const directions = new Map(wrt.map((d) => [d, names.get(d)!])), result = names.get(of)!;
    return {
      directions, result,
      graph: graph.with({
        containers: pool.containers, body: [...start, ...body], result: { kind: "container", name: result },
        parameters: [...graph.parameters, ...wrt.flatMap((d) => { const name = along.get(d); return typeof name === "string" ? [{ kind: "container" as const, name, container: names.get(d)! }] : []; })],
      }),
    };
  } catch (e) {
    if (e instanceof Missing) return undefined;
    throw e;
  }
}

class Tangents {
  constructor(readonly pool: Pool, readonly names: ReadonlyMap<string, string>) {}

  /** `maps`: variables of the maps around. */
  list(list: readonly Node[], maps: readonly string[] = []): readonly Node[] {
    return list.flatMap((n): readonly Node[] => {
      if (n.kind === "tasklet") return [...this.#tasklet(n, maps), n];
      if (n.kind === "library") return [...this.#library(n), n];
      const inside = n.kind === "loop" && n.order === "any" ? [...maps, n.variable] : maps, next = withBodies(n, bodiesOf(n).map((b) => this.list(b.list, inside)));
      return [next.kind === "loop" && next.locals ? { ...next, locals: [...next.locals, ...next.locals.flatMap((d) => this.names.get(d) ?? [])] } : next];
    });
  }

  /** Before the tasklet: what it reads is still there. */
  #tasklet(t: Tasklet, maps: readonly string[]): readonly Node[] {
    const to = this.names.get(t.output.data);
    if (to === undefined) return [];
    const { index } = t.output, alone = (v: string): boolean => index.some((e) => { const k = sub(e, sym(v)); return freeSymbols(k).size === 0 && !hasLoads(k); });
    // A factor: the element is read and written, which must not depend on the order of a map.
    if (t.wcr !== undefined && t.wcr !== "sum" && (t.wcr !== "prod" || !maps.every(alone))) throw new Missing();
    const { dtype } = this.pool.containers.get(to)!, output = { data: to, index }, inputs = [...t.inputs];
    let code: ScalarExpr | undefined;
    t.inputs.forEach((m, i) => {
      const direction = this.names.get(m.data), own = this.pool.containers.get(m.data)!.dtype;
      if (direction === undefined || !isDifferentiable(own)) return;
      const part = adjoint(t.code, cast(input(inputs.length, own), t.code.dtype), new Set([i])).get(i);
      if (!part) return;
      inputs.push({ ...m, data: direction });
      const x = cast(part, dtype);
      code = code ? op("add", dtype, code, x) : x;
    });
    if (t.wcr === "prod") {
      const own = input(inputs.length, dtype), direction = input(inputs.length + 1, dtype), grown = op("mul", dtype, direction, cast(t.code, dtype));
      inputs.push(t.output, output);
      const p = prune(code ? op("add", dtype, grown, op("mul", dtype, own, code)) : grown, inputs);
      return [tasklet(output, p.code, p.inputs, undefined, t.loc)];
    }
    if (!code) return t.wcr ? [] : [tasklet(output, literal(0, dtype), [], undefined, t.loc)];
    const p = prune(code, inputs);
    return [tasklet(output, p.code, p.inputs, t.wcr, t.loc)];
  }

  #library(n: LibraryNode): readonly Node[] {
    const outputs = n.outputs.filter((o) => this.names.has(o.data));
    if (outputs.length === 0) return [];
    if (n.op !== "matmul") throw new Missing();
    const [a, b] = n.inputs as [Operand, Operand], [c] = n.outputs as [Operand], alpha = n.attributes["alpha"], direction = (o: Operand): Operand | undefined => { const d = this.names.get(o.data); return d === undefined ? undefined : { ...o, data: d }; };
    const factors = [[direction(a), b], [a, direction(b)]].flatMap(([x, y]) => (x && y ? [[x, y] as const] : [])), by = typeof alpha === "number" ? alpha : 1;
    if (factors.length === 0) throw new Missing();
    return factors.map(([x, y], k) => ({ ...matmulNode(x, y, direction(c)!, n.accumulate || k > 0, by), ...(n.loc ? { loc: n.loc } : {}) }));
  }
}
