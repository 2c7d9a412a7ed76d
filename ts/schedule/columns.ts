/**
 * Nests that combine rows into one row (`y[j] += A[i, j] * x[i]`, i outside) get their inner loop cut into blocks of columns, which become the outermost loop: the
 * blocks are independent of one another, and a block of the result stays in the cache.
 * Pre: a valid graph. Post: same values, each element combined in the same order. Safe because the loops are maps in a perfect rectangular nest.
 */
import { loopFacts } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { symbolsOf } from "../analysis/walk.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, add, dependsOn, floordiv, int, min, mul, sub, sym, ZERO } from "../symbolic/expr.js";
import { shareable } from "./shareable.js";

const BLOCK = 512;

export function blockColumns(graph: Graph): Graph {
  const used = symbolsOf(graph.body);
  const fresh = (v: string): string => { for (let i = 0; ; i++) { const name = `${v}b${i}`; if (!used.has(name)) { used.add(name); return name; } } };
  // From the outside in: a nest whose outer loop can be shared stays as it is.
  const visit = (body: readonly Node[], facts: Assumptions): readonly Node[] => body.map((n): Node => {
    if (n.kind !== "loop") return withBodies(n, bodiesOf(n).map((b) => visit(b.list, facts)));
    if (n.order === "any" && shareable(graph, n, { strict: false }, facts)) return n;
    return blocked(graph, n, facts, fresh) ?? { ...n, body: visit(n.body, facts.with(...loopFacts(n))) };
  });
  return graph.with({ body: visit(graph.body, graph.facts) });
}

function blocked(graph: Graph, n: Loop, facts: Assumptions, fresh: (v: string) => string): Node | undefined {
  const nest: Loop[] = [n];
  for (let x = n; x.body.length === 1 && !x.locals?.length && x.body[0]!.kind === "loop" && x.body[0]!.order === "any";) { x = x.body[0]!; nest.push(x); }
  const inner = nest.at(-1)!, outer = nest.slice(0, -1);
  if (n.order !== "any" || outer.length === 0 || inner.body.some((x) => x.kind !== "tasklet")) return undefined;
  const variables = outer.map((l) => l.variable);
  if (variables.some((v) => dependsOn(inner.begin, v) || dependsOn(inner.end, v))) return undefined;
  const inside = facts.with(...outer.flatMap(loopFacts));
  if (shareable(graph, inner, { strict: true }, inside)?.reductions.length !== 0) return undefined;
  // The accesses of different columns must be apart over all rows, too.
  const column: Loop = { ...inner, body: [outer.reduceRight<readonly Node[]>((x, l) => [{ ...l, body: x }], inner.body)[0]!] };
  if (shareable(graph, column, { strict: true }, facts)?.reductions.length !== 0) return undefined;
  const block = fresh(inner.variable), from = add(inner.begin, mul(int(BLOCK), sym(block)));
  const core: Loop = { ...inner, begin: from, end: min(inner.end, addInt(from, BLOCK)) };
  const rest = outer.reduceRight<Node>((x, l) => ({ ...l, body: [x] }), core);
  return { kind: "loop", id: freshId(), variable: block, begin: ZERO, end: floordiv(addInt(sub(inner.end, inner.begin), BLOCK - 1), int(BLOCK)), order: "any", body: [rest], schedule: { parallel: "even" } };
}
