/**
 * Under `precision: "fast"` only: in a recurrence such as `A[j] = (B[j] + A[j-1] + C[j]) / 9` the term from the iteration before is added last, so that the
 * rest can be computed for all iterations at once and the chain is one multiplication and one addition long.
 * Pre: a valid graph. Post: the same sums in another order, divisions by constants as multiplications: results differ by rounding. Never applied otherwise.
 */
import { loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { isFloat } from "../base/dtypes.js";
import { addS, literal, mulS } from "../scalar/build.js";
import { input, inputsOf, mapScalar, type ScalarExpr } from "../scalar/expr.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { freshContainer, isRegular } from "./nests.js";

export function reassociateRecurrences(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers);
  const visit = (list: readonly Node[], facts: Assumptions): readonly Node[] => {
    let changed = false;
    const out = list.map((n): Node => {
      const next = n.kind === "loop" && n.order !== "any" && n.body.every((x) => x.kind === "tasklet") ? reorder(graph, n, facts, containers) : n;
      const bs = bodiesOf(next), inner = bs.map((b) => visit(b.list, next.kind === "loop" ? facts.with(...loopFacts(next)) : facts));
      const result = inner.every((x, i) => x === bs[i]!.list) ? next : withBodies(next, inner);
      if (result !== n) changed = true;
      return result;
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts);
  return body === graph.body ? graph : graph.with({ body, containers });
}

function reorder(graph: Graph, l: Loop, facts: Assumptions, containers: Map<string, Container>): Loop {
  if (!isRegular([l])) return l;
  const locals: string[] = [], accesses = effectsOf(graph, l).accesses, earlier: ReadonlyMap<string, Relation> = new Map([[l.variable, l.order === "up" ? "<" : ">"]]);
  const body = l.body.flatMap((n): readonly Node[] => {
    if (n.kind !== "tasklet" || n.wcr || !isFloat(n.code.dtype)) return [n];
    const dtype = n.code.dtype, write = accesses.find((a) => a.node === n && a.write)!;
    const carried = new Set(n.inputs.flatMap((m, i) => (accesses.some((a) => a.node === n && !a.write && a.data === m.data && a.index.every((e, d) => e.key === m.index[d]!.key) && a.base === write.base && mayMeet(graph, write, a, earlier, facts)) ? [i] : [])));
    if (carried.size === 0) return [n];
    const terms = linear(n.code, 1, dtype);
    const late = terms.filter((t) => [...inputsOf(t.value)].some((i) => carried.has(i))), free = terms.filter((t) => !late.includes(t));
    if (late.length === 0 || free.length < 2 || late.some((t) => t.value.kind !== "input")) return [n];
    const name = freshContainer(containers, `${n.output.data}_rest`);
    containers.set(name, { name, dtype, shape: [], transient: true });
    locals.push(name);
    const rest: Memlet = { data: name, index: [] }, k = n.inputs.length;
    const code = late.reduce((sum, t) => addS(sum, mulS(t.value, literal(t.factor, dtype))), input(k, dtype));
    return [pruned({ ...n, id: freshId(), output: rest, code: total(free, dtype) }), pruned({ ...n, inputs: [...n.inputs, rest], code })];
  });
  return locals.length === 0 ? l : { ...l, body, locals: [...(l.locals ?? []), ...locals] };
}

interface Term { readonly factor: number; readonly value: ScalarExpr }

/** The expression as a sum of constants times values. */
function linear(e: ScalarExpr, factor: number, dtype: ScalarExpr["dtype"]): Term[] {
  if (e.kind === "op" && e.dtype === dtype) {
    const [a, b] = e.args as [ScalarExpr, ScalarExpr];
    const value = (x: ScalarExpr | undefined): number | undefined => (x?.kind === "const" && !x.imag && Number.isFinite(Number(x.value)) ? Number(x.value) : undefined);
    const ca = value(a), cb = value(b);
    switch (e.op) {
      case "add": return [...linear(a, factor, dtype), ...linear(b, factor, dtype)];
      case "sub": return [...linear(a, factor, dtype), ...linear(b, -factor, dtype)];
      case "neg": return linear(a, -factor, dtype);
      case "mul": if (ca !== undefined) return linear(b, factor * ca, dtype); if (cb !== undefined) return linear(a, factor * cb, dtype); break;
      case "div": if (cb !== undefined && cb !== 0) return linear(a, factor / cb, dtype); break;
      default: break;
    }
  }
  return [{ factor, value: e }];
}
function total(terms: readonly Term[], dtype: ScalarExpr["dtype"]): ScalarExpr {
  const common = terms.every((t) => t.factor === terms[0]!.factor) ? terms[0]!.factor : undefined;
  const sum = terms.map((t) => (common === undefined ? mulS(t.value, literal(t.factor, dtype)) : t.value)).reduce(addS);
  return common === undefined ? sum : mulS(sum, literal(common, dtype));
}
function pruned(t: Tasklet): Tasklet {
  const used = [...inputsOf(t.code)].sort((a, b) => a - b);
  return { ...t, inputs: used.map((i) => t.inputs[i]!), code: mapScalar(t.code, (e) => (e.kind === "input" ? input(used.indexOf(e.index), e.dtype) : e)) };
}
