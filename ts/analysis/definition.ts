/**
 * Elementwise definitions: a perfect nest of loops (or none) around one tasklet that writes each element of a box once. They answer "which instance
 * wrote this element, and is it in the box for sure?".
 */
import type { Loop, Node, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, dependsOn, sub, hasLoads, substitute, type Expr } from "../symbolic/expr.js";
import { isEqual, nonNegative, rangeFacts } from "../symbolic/prove.js";
import { remembered } from "./accesses.js";
import type { Path } from "./paths.js";

export interface Definition {
  /** Outermost first; every variable is determined by the element written. */
  readonly loops: readonly Loop[];
  readonly task: Tasklet;
  /** Per dimension: the loop whose variable (plus shift) is the index, or undefined where the index is `shift` alone. */
  readonly by: readonly (number | undefined)[];
  readonly shift: readonly Expr[];
}

/** The node as a definition of the elements of a container of its own (no view); undefined if it is anything else. */
export const definitionOf = remembered((graph, node): Definition | undefined => {
  const loops: Loop[] = [];
  let n: Node = node;
  for (; n.kind === "loop"; n = n.body[0]!) {
    if (n.body.length !== 1 || n.locals?.length || hasLoads(n.begin) || hasLoads(n.end)) return undefined;
    loops.push(n);
  }
  if (n.kind !== "tasklet" || n.output.guard?.length || graph.container(n.output.data).view) return undefined;
  const variables = new Set(loops.map((l) => l.variable));
  const by: (number | undefined)[] = [], shift: Expr[] = [], used = new Set<number>();
  for (const e of n.output.index) {
    if (hasLoads(e)) return undefined;
    const a = affine(e, variables);
    if (!a || a.coefficients.size > 1) return undefined;
    const [entry] = a.coefficients;
    if (!entry) { by.push(undefined); shift.push(e); continue; }
    const k = loops.findIndex((l) => l.variable === entry[0]);
    if (entry[1].constant !== 1 || used.has(k)) return undefined;
    used.add(k); by.push(k); shift.push(a.rest);
  }
  return used.size === loops.length ? { loops, task: n, by, shift } : undefined;
});

/** What the tasklet at the end of the path would be as a nest of its own, whatever else stands in the loops around; undefined also where it does not stand in loops alone. */
export function definitionApart(graph: Graph, path: Path, task: Tasklet): Definition | undefined {
  const around = path.slice(0, -1).map((s) => s.node);
  if (!around.every((n) => n.kind === "loop")) return undefined;
  return definitionOf(graph, around.reduceRight<Node>((inner, l) => { const { locals: _, ...rest } = l; return { ...rest, body: [inner] }; }, task));
}

/** Values of the loop variables in the instance that writes the element; undefined unless it is provably written. `facts` hold where the element is named. */
export function instanceOf(d: Definition, index: readonly Expr[], facts: Assumptions): ReadonlyMap<string, Expr> | undefined {
  const at = new Map<string, Expr>();
  for (let i = 0; i < index.length; i++) {
    const k = d.by[i];
    if (k === undefined) { if (isEqual(index[i]!, d.shift[i]!, facts) !== "yes") return undefined; } else at.set(d.loops[k]!.variable, sub(index[i]!, d.shift[i]!));
  }
  for (const l of d.loops) {
    const v = at.get(l.variable)!;
    if (nonNegative(sub(v, substitute(l.begin, at)), facts) !== "yes" || nonNegative(addInt(sub(substitute(l.end, at), v), -1), facts) !== "yes") return undefined;
  }
  return at;
}

/** Does it write every element of its container? */
export function coversContainer(graph: Graph, d: Definition): boolean {
  return d.loops.every((l) => l.begin.constant === 0) && graph.container(d.task.output.data).shape.every((size, axis) => {
    const by = d.by[axis];
    return d.shift[axis]!.constant === 0 && (by === undefined ? size.constant === 1 : sub(d.loops[by]!.end, size).constant === 0);
  });
}

/** Bounds of the loops as facts. */
export function nestFacts(loops: readonly Loop[]): Expr[] {
  return loops.flatMap(rangeFacts);
}
/** No loop's bounds depend on another's variable. */
export function isRectangular(loops: readonly Loop[]): boolean {
  return !loops.some((l) => loops.some((o) => dependsOn(l.begin, o.variable) || dependsOn(l.end, o.variable)));
}
