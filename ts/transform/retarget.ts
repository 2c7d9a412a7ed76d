/**
 * Sums that are collected in a transient and then moved are collected where they go: `T = 0; T += …; A += T` becomes `A += …`,
 * `T = 0; T += …; A = T` becomes `A = 0; A += …`. What is left are perfect nests, whose loops can be ordered.
 * Pre: a valid graph. Post: same values up to the order of summation. Safe because T's elements correspond one to one to those of A, nothing else reads T,
 * and no node from the first sum on touches those elements of A otherwise.
 */
import { definitionOf, nestFacts, type Definition } from "../analysis/definition.js";
import { mayMeet, type Relation } from "../analysis/dependence.js";
import { effectsOf } from "../analysis/order.js";
import { rewriteNodes } from "../analysis/walk.js";
import { isConst } from "../scalar/build.js";
import type { Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, sub, substitute, type Expr } from "../symbolic/expr.js";
import { isEqual, nonNegative } from "../symbolic/prove.js";
import { escaping } from "./loop-to-map.js";
import { dropUnused } from "./dead-code.js";
import { hasLoads, isRegular, mapLists } from "./nests.js";

export function retargetSums(graph: Graph, outputs: Readonly<Record<string, string>> = {}): Graph {
  const fixed = escaping(graph, outputs);
  for (const c of graph.containers.values()) if (c.view) { fixed.add(c.view.base); fixed.add(c.name); }
  const counts = new Map<string, number>();
  const tally = (nodes: readonly Node[], by: 1 | -1): void => { for (const n of nodes) for (const a of effectsOf(graph, n).accesses) counts.set(a.base, (counts.get(a.base) ?? 0) + by); };
  tally(graph.body, 1);
  const result = mapLists(graph, (list, facts) => {
    let current = list;
    for (let k = 0; k < current.length; k++) {
      const next = retargetAt(graph, current, k, facts, fixed, counts);
      if (!next) continue;
      // What was moved are accesses of the target now.
      tally(current, -1);
      tally(next, 1);
      current = next;
      k = -1;
    }
    return current;
  });
  return result === graph ? graph : dropUnused(result);
}

/** Per loop variable of the final copy: the dimension of T that gives it, and the shift. */
function inverse(d: Definition, t: Memlet): ((index: readonly Expr[]) => Map<string, Expr>) | undefined {
  const variables = new Set(d.loops.map((l) => l.variable)), from = new Map<string, { dim: number; shift: Expr }>();
  for (const [dim, e] of t.index.entries()) {
    const a = affine(e, variables);
    if (!a || a.coefficients.size > 1) return undefined;
    const [entry] = a.coefficients;
    if (!entry) continue;
    if (entry[1].constant !== 1 || from.has(entry[0])) return undefined;
    from.set(entry[0], { dim, shift: a.rest });
  }
  return from.size === variables.size ? (index) => new Map([...from].map(([v, s]) => [v, sub(index[s.dim]!, s.shift)])) : undefined;
}

function retargetAt(graph: Graph, list: readonly Node[], k: number, facts: Assumptions, fixed: ReadonlySet<string>, counts: ReadonlyMap<string, number>): readonly Node[] | undefined {
  const copy = definitionOf(graph, list[k]!);
  if (!copy || copy.task.code.kind !== "input" || copy.task.inputs.length !== 1 || copy.task.wcr && copy.task.wcr !== "sum") return undefined;
  const t = copy.task.inputs[0]!, target = copy.task.output;
  if (t.guard?.length || t.saved || fixed.has(t.data) || !graph.container(t.data).transient || graph.container(t.data).role === "tape") return undefined;
  if (graph.container(t.data).dtype !== graph.container(target.data).dtype || graph.container(t.data).view || t.index.some(hasLoads)) return undefined;
  const solve = inverse(copy, t);
  if (!solve) return undefined;
  // Backwards: sums into T, then its first value.
  const sums: number[] = [];
  let start = -1, uses = effectsOf(graph, list[k]!).of(t.data).length;
  for (let q = k - 1; q >= 0; q--) {
    const e = effectsOf(graph, list[q]!), mine = e.of(t.data);
    if (mine.length === 0) continue;
    uses += mine.length;
    if (mine.every((a) => a.wcr === "sum" && a.node.kind === "tasklet" && a.guard.length === 0)) { sums.unshift(q); continue; }
    const d = definitionOf(graph, list[q]!);
    if (mine.length === 1 && d && d.task.output.data === t.data && !d.task.wcr && d.task.code.kind === "const") { start = q; break; }
    return undefined;
  }
  if (start < 0 || sums.length === 0 || uses !== counts.get(t.data)) return undefined;
  const first = definitionOf(graph, list[start]!)!;
  if (copy.task.wcr && !isConst(first.task.code, 0)) return undefined;
  if (!isRegular(list.slice(sums[0], k + 1))) return undefined;
  const none = new Map<string, Relation>();
  const moved = (index: readonly Expr[]): readonly Expr[] => { const at = solve(index); return target.index.map((e) => substitute(e, at)); };
  for (const q of sums) {
    for (const a of effectsOf(graph, list[q]!).of(t.data)) {
      // Every element that is added to must be among those that are moved.
      const known = facts.with(...nestFacts(a.path.slice(0, -1).flatMap((s) => (s.node.kind === "loop" ? [s.node] : []))));
      const at = solve(a.index);
      if (t.index.some((e, d) => isEqual(substitute(e, at), a.index[d]!, known) !== "yes")) return undefined;
      for (const l of copy.loops) {
        const v = at.get(l.variable)!;
        if (nonNegative(sub(v, substitute(l.begin, at)), known) !== "yes" || nonNegative(addInt(sub(substitute(l.end, at), v), -1), known) !== "yes") return undefined;
      }
    }
  }
  // Nobody else looks at (or changes) those elements of the target from the first sum to the move.
  const write = effectsOf(graph, list[k]!).accesses.find((a) => a.write)!;
  for (let q = sums[0]!; q < k; q++) if (effectsOf(graph, list[q]!).of(write.base).some((a) => mayMeet(graph, write, a, none, facts))) return undefined;
  const rename = (n: Node): Node => rewriteNodes([n], { memlet: (m, role) => (role === "write" && m.data === t.data ? { ...m, data: target.data, index: moved(m.index) } : m) })[0]!;
  // The first value now goes to the target, over the box that is moved.
  const initial = copy.task.wcr ? [] : [initialise(copy, first.task)];
  return list.flatMap((n, i): readonly Node[] => (i === start || i === k ? [] : i === sums[0] ? [...initial, rename(n)] : sums.includes(i) ? [rename(n)] : [n]));
}

function initialise(copy: Definition, first: Tasklet): Node {
  return copy.loops.reduceRight<Node>((body, l): Loop => ({ ...l, id: freshId(), body: [body] }), { ...copy.task, id: freshId(), inputs: [], code: first.code });
}
