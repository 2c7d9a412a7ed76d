/** Fresh container names and small graph fragments that several passes of this folder emit. */
import { literal } from "../scalar/build.js";
import { input } from "../scalar/expr.js";
import { growNode } from "../library/grow.js";
import { sym, ZERO, type Expr } from "../symbolic/expr.js";
import { nameOf } from "../analysis/paths.js";
import { visitNodes } from "../analysis/walk.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Container, Loop, Memlet, Node, Tasklet, Wcr } from "../sdfg/nodes.js";
import type { SourceLoc } from "../base/errors.js";
import type { ScalarExpr } from "../scalar/expr.js";

/** Containers under construction, with names that do not clash. */
export class Pool {
  readonly containers: Map<string, Container>;
  readonly #variables = new Set<string>();
  constructor(containers: ReadonlyMap<string, Container>) { this.containers = new Map(containers); }
  add(prefix: string, fields: Omit<Container, "name">): string {
    let name = prefix;
    for (let i = 2; this.containers.has(name); i++) name = `${prefix}_${i}`;
    this.containers.set(name, { ...fields, name });
    return name;
  }
  reserve(names: Iterable<string>): void { for (const n of names) this.#variables.add(n); }
  /** The names of all loops of a graph, and its symbols. */
  reserveAll(graph: Graph): void {
    visitNodes(graph.body, (n) => { if (n.kind === "loop" || n.kind === "while") this.reserve([nameOf(n)]); });
    this.reserve(graph.symbols);
  }
  /** A loop variable that no other loop of the graph uses. */
  variable(prefix: string): string {
    let name = prefix;
    for (let i = 2; this.#variables.has(name); i++) name = `${prefix}${i}`;
    this.#variables.add(name);
    return name;
  }
}

export function tasklet(output: Memlet, code: ScalarExpr, inputs: readonly Memlet[], wcr?: Wcr, loc?: SourceLoc): Tasklet {
  return { kind: "tasklet", id: freshId(), inputs, output, code, ...(wcr ? { wcr } : {}), ...(loc ? { loc } : {}) };
}

/** A map over a box: `body` gets the index for loop variables of their own, one per dimension. */
export function mapOver(pool: Pool, begins: readonly Expr[], ends: readonly Expr[], body: (index: readonly Expr[]) => Node): Node {
  const variables = begins.map(() => pool.variable("x"));
  return begins.reduceRight<Node>((inner, begin, d): Loop => ({ kind: "loop", id: freshId(), variable: variables[d]!, begin, end: ends[d]!, order: "any", body: [inner] }), body(variables.map((v) => sym(v))));
}

/** `data[:] = value` over the whole container, as far as it is in use. */
export function fill(pool: Pool, data: string, value: number): Node[] {
  const c = pool.containers.get(data)!, all = mapOver(pool, c.shape.map(() => ZERO), c.shape, (index) => tasklet({ data, index }, literal(value, c.dtype), []));
  return c.growable ? [growNode(data, c, c.shape[0]!), all] : [all];
}

/** `to[:] = from[:]`, same shape and dtype. */
export function copyAll(pool: Pool, to: string, from: string): Node {
  const c = pool.containers.get(to)!;
  return mapOver(pool, c.shape.map(() => ZERO), c.shape, (index) => tasklet({ data: to, index }, input(0, c.dtype), [{ data: from, index }]));
}

