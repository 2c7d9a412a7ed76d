/**
 * Shortens recurrences: in a sequential innermost loop over one statement `x[i] = f(i) + c·x[i-1]`, linear in what the iteration before wrote, all f are computed ahead by a map,
 * which vectorises, and only the multiplication and the addition stay in sequence.
 * Pre: a valid graph. Post: same values up to rounding (the sum is associated in another order), so not under strict precision.
 * Safe because f reads nothing that an earlier iteration may have written: every such read is one of the carried ones.
 */
import { accessesOf } from "../analysis/accesses.js";
import { loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { symbolsOf } from "../analysis/walk.js";
import { costOf } from "../scalar/ops.js";
import { input, inputsOf, visitScalar } from "../scalar/expr.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { freeSymbols, max, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { nonNegative, upperBound } from "../symbolic/prove.js";
import { usedInputs } from "../transform/nests.js";
import { linearIn } from "./linear.js";
import { elementKey } from "./reductions.js";

/** Cost of what can be computed ahead from which a loop is split. */
const WORTH = 8;

export function shortenRecurrences(graph: Graph): Graph {
  const containers = new Map(graph.containers), used = symbolsOf(graph.body);
  const visit = (body: readonly Node[], around: readonly Loop[], facts: Assumptions): { readonly list: readonly Node[]; readonly rows: readonly string[] } => {
    const rows: string[] = [];
    const list = body.flatMap((n): readonly Node[] => {
      if (n.kind !== "loop") {
        const inner = bodiesOf(n).map((b) => visit(b.list, around, facts));
        rows.push(...inner.flatMap((x) => x.rows));
        return [inner.every((x, i) => x.list === bodiesOf(n)[i]!.list) ? n : withBodies(n, inner.map((x) => x.list))];
      }
      const only = n.body[0];
      if (n.body.length === 1 && only?.kind === "tasklet") {
        let name = "row";
        for (let k = 2; containers.has(name) || used.has(name); k++) name = `row_${k}`;
        const parts = n.order === "any" || n.locals?.length ? undefined : split(graph, n, only, around, facts, name);
        if (!parts) return [n];
        containers.set(name, parts.row);
        rows.push(name);
        return parts.loops;
      }
      const inner = visit(n.body, [...around, n], facts.with(...loopFacts(n)));
      if (inner.list === n.body) return [n];
      // A row lives in one iteration of the loop around.
      return [{ ...n, body: inner.list, locals: [...(n.locals ?? []), ...inner.rows] }];
    });
    return { list: list.length === body.length && list.every((n, i) => n === body[i]) ? body : list, rows };
  };
  const { list } = visit(graph.body, [], graph.facts);
  return list === graph.body ? graph : graph.with({ containers, body: list });
}

function split(graph: Graph, l: Loop, t: Tasklet, around: readonly Loop[], facts: Assumptions, name: string): { readonly row: Container; readonly loops: readonly Loop[] } | undefined {
  const { dtype } = graph.container(t.output.data);
  if (t.wcr || t.code.dtype !== dtype || (dtype !== "float64" && dtype !== "float32")) return undefined;
  if ([l.begin, l.end, ...[...t.inputs, t.output].flatMap((m) => [...m.index, ...(m.guard ?? [])])].some((e) => e.key.includes("[")) || t.inputs.some((m) => m.guard?.length)) return undefined;
  // The length, as a size that does not depend on the loops around.
  const length = upperBound(sub(l.end, l.begin), around, graph.facts);
  if (!length || length.key.includes("[") || [...freeSymbols(length)].some((v) => !graph.symbols.includes(v))) return undefined;
  const known = facts.with(...loopFacts(l)), accesses = accessesOf(graph, [l]), write = accesses.find((a) => a.write)!;
  const before: Relation = l.order === "up" ? ">" : "<";
  const carried = new Set(t.inputs.flatMap((m, k) => {
    const read = accesses.find((a) => !a.write && elementKey(a) === elementKey(m))!;
    return read.base === write.base && mayMeet(graph, read, write, new Map([[l.variable, before]]), known) ? [k] : [];
  }));
  const parts = carried.size > 0 ? linearIn(t.code, carried) : undefined;
  if (!parts) return undefined;
  let work = inputsOf(parts.rest).size;
  visitScalar(parts.rest, (e) => { if (e.kind === "op") work += costOf(e.op); });
  if (work < WORTH || inputsOf(parts.rest).size === 0) return undefined;
  const size: Expr = nonNegative(length, graph.facts) === "yes" ? length : max(length, ZERO);
  const element: Memlet = { data: name, index: [sub(sym(l.variable), l.begin)] };
  const ahead: Tasklet = { ...t, id: freshId(), output: element, ...usedInputs(t.inputs, parts.rest) };
  const rest: Tasklet = { ...t, ...usedInputs([...t.inputs, element], parts.combine(input(t.inputs.length, dtype))) };
  return {
    row: { name, dtype, shape: [size], transient: true, role: "workspace" },
    loops: [{ ...l, id: freshId(), order: "any", body: [ahead] }, { ...l, body: [rest] }],
  };
}
