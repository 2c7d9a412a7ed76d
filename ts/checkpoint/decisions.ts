/**
 * Decisions that steps of a loop take by floats, recorded: which arm of a conditional, and every truth value and integer that comes from floats, get an element per iteration of all loops
 * around, which the forward sweep writes once and everybody reads, the backward sweep as well. A step that runs again (a schedule of `apply/`) then takes the decisions of the first pass,
 * whatever its floats round to. Only where sizes bound all loops around: elsewhere a record would have no bound.
 * Pre: a forward graph, not yet differentiated. Post: the same values.
 */
import { clamped, loopExtent } from "../analysis/extent.js";
import { bodiesOf, nameOf, withBodies, type Around } from "../analysis/paths.js";
import { Pool, tasklet } from "../autodiff/names.js";
import { isDifferentiable, type DType } from "../base/dtypes.js";
import { constant, input, op } from "../scalar/expr.js";
import type { Conditional, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import { sub, sym, type Expr } from "../symbolic/expr.js";

/** An element per iteration: dimensions, and the index for the iteration at hand. */
interface Place { readonly shape: readonly Expr[]; readonly index: readonly Expr[] }

/** Undefined where there is nothing to record. */
export function recordDecisions(graph: Graph): Graph | undefined {
  const pool = new Pool(graph.containers), { facts } = graph;
  const byFloats = (list: readonly Memlet[]): boolean => list.some((m) => isDifferentiable(graph.container(m.data).dtype));
  let any = false;
  const record = (dtype: DType, { shape, index }: Place): Memlet => { any = true; return { data: pool.add("decided", { dtype, shape, transient: true, role: "count" }), index }; };

  const truth = (n: Tasklet, place: Place): readonly Node[] => {
    const { dtype } = n.code, to = record(dtype, place);
    return [tasklet(to, n.code, n.inputs, undefined, n.loc), { ...n, inputs: [to], code: input(0, dtype) }];
  };
  const arms = (n: Conditional, place: Place): readonly Node[] => {
    const { branches } = n, first = branches[0]!.condition!;
    if (branches.length === 1 || (branches.length === 2 && branches[1]!.condition === undefined)) {
      const to = record("bool", place);
      return [tasklet(to, first.code, first.inputs, undefined, n.loc), { ...n, branches: [{ ...branches[0]!, condition: { inputs: [to], code: input(0, "bool") } }, ...branches.slice(1)] }];
    }
    // What a later condition reads may be there only where the earlier ones failed.
    const to = record("int32", place), number = (k: number): Node => tasklet(to, constant(k, "int32"), [], undefined, n.loc), open = branches.at(-1)!.condition !== undefined;
    const asked: Node = { kind: "conditional", id: freshId(), branches: [...branches.map((b, k) => ({ ...b, body: [number(k)] })), ...(open ? [{ body: [number(branches.length)] }] : [])], ...(n.loc ? { loc: n.loc } : {}) };
    return [asked, { ...n, branches: branches.map((b, k) => (b.condition ? { ...b, condition: { inputs: [to], code: op("eq", "bool", input(0, "int32"), constant(k, "int32")) } } : b)) }];
  };

  const visit = (list: readonly Node[], loops: readonly Around[], place: Place | undefined): readonly Node[] => list.flatMap((n): readonly Node[] => {
    if (n.kind === "tasklet") return loops.length > 0 && place && !isDifferentiable(graph.container(n.output.data).dtype) && byFloats(n.inputs) ? truth(n, place) : [n];
    if (n.kind === "loop" || n.kind === "while") {
      // A map is done at once: none of it runs again.
      if (loops.length === 0 && n.kind === "loop" && n.order === "any") return [n];
      const e = place && n.kind === "loop" ? loopExtent(loops, n, (d) => graph.container(d).shape, facts) : undefined;
      const inside = e && place && { shape: [...place.shape, clamped(e.size, facts)], index: [...place.index, sub(sym(nameOf(n)), e.begin)] };
      return [{ ...n, body: visit(n.body, [...loops, n], inside) }];
    }
    const next = withBodies(n, bodiesOf(n).map((b) => visit(b.list, loops, place)));
    return next.kind === "conditional" && loops.length > 0 && place && next.branches.some((b) => b.condition && byFloats(b.condition.inputs)) ? arms(next, place) : [next];
  });
  const body = visit(graph.body, [], { shape: [], index: [] });
  return any ? graph.with({ containers: pool.containers, body }) : undefined;
}
