/** The reverse of a minimum or maximum over a nest of loops: the cotangent is shared evenly among the tied elements (as JAX does). */
import { cast, constant, input, op, select } from "../scalar/expr.js";
import { freshId } from "../sdfg/sdfg.js";
import type { Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { tasklet } from "./names.js";
import { plainLoad } from "./prepare.js";
import type { TaskletContext } from "./tasklet.js";
import { isDifferentiable } from "../base/dtypes.js";

/**
 * m: the extremum; ties = Σ (e == m), counting the value that was there before; each tied element receives g / ties. The values compared are the
 * stored ones, never recomputed (`exact`).
 */
export function reverseExtremum(nest: Loop, t: Tasklet, c: TaskletContext): { readonly nodes: readonly Node[]; readonly locals: readonly string[] } {
  if (!c.isActive(t.output.data)) return { nodes: [], locals: [] };
  const dtype = c.pool.containers.get(t.output.data)!.dtype;
  const g: Memlet = { data: c.gradient(t.output.data), index: t.output.index };
  const best: Memlet = { ...t.output, saved: { node: nest.id, when: "after", exact: true } };
  const before: Memlet = { ...t.output, saved: { node: nest.id, when: "before", exact: true } };
  const operand: Memlet = { ...t.inputs[plainLoad(t.code, dtype)!]!, saved: { node: t.id, when: "before", exact: true } };
  const operandDtype = c.pool.containers.get(operand.data)!.dtype;
  const ties: Memlet = { data: c.pool.add("ties", { dtype, shape: [], transient: true, role: "gradient" }), index: [] };
  const share: Memlet = { data: c.pool.add("share", { dtype, shape: [], transient: true, role: "gradient" }), index: [] };
  const one = constant(1, dtype), zero = constant(0, dtype);
  const tied = (v: number, m: number, of = dtype) => op("eq", "bool", cast(input(v, of), dtype), input(m, dtype));
  const loops = (body: Node, suffix: (l: Loop) => Loop): Node => {
    const chain: Loop[] = [];
    for (let n: Node = nest; n.kind === "loop"; n = n.body[0]!) chain.push(n);
    return chain.reduceRight<Node>((inner, l) => ({ ...suffix(l), id: freshId(), body: [inner] }), body);
  };
  const nodes: Node[] = [
    tasklet(ties, select(tied(0, 1), one, zero), [before, best], undefined, t.loc),
    loops(tasklet(ties, select(tied(0, 1, operandDtype), one, zero), [operand, best], "sum", t.loc), (l) => ({ ...l, order: "any" })),
    tasklet(share, op("div", dtype, input(0, dtype), input(1, dtype)), [g, ties], undefined, t.loc),
  ];
  if (isDifferentiable(operandDtype) && c.isActive(operand.data)) {
    const target: Memlet = { data: c.gradient(operand.data), index: operand.index };
    nodes.push(loops(tasklet(target, cast(select(tied(0, 1, operandDtype), input(2, dtype), zero), operandDtype), [operand, best, share], "sum", t.loc), (l) => ({ ...l, order: "any" })));
  }
  nodes.push(tasklet(g, select(tied(0, 1), input(2, dtype), zero), [before, best, share], undefined, t.loc));
  return { nodes, locals: [ties.data, share.data] };
}
