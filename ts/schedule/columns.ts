/**
 * Nests that combine rows into one row (`y[j] += A[i, j] * x[i]`, i outside) get their inner loop cut into blocks of columns, which become the outermost loop: the
 * blocks are independent of one another, and a block of the result stays in the cache.
 * Pre: a valid graph. Post: same values, each element combined in the same order. Safe because the loops are maps in a perfect rectangular nest.
 */
import { accessesOf } from "../analysis/accesses.js";
import { mapNodes, symbolsOf } from "../analysis/walk.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Loop, Node } from "../sdfg/nodes.js";
import { addInt, add, dependsOn, floordiv, int, min, mul, sub, sym, ZERO } from "../symbolic/expr.js";
import { shareable } from "./shareable.js";

const BLOCK = 512;

export function blockColumns(graph: Graph): Graph {
  const used = symbolsOf(graph.body);
  const fresh = (v: string): string => { for (let i = 0; ; i++) { const name = `${v}b${i}`; if (!used.has(name)) { used.add(name); return name; } } };
  const inside = new Set<Node>();
  const body = mapNodes(graph.body, (n) => {
    if (n.kind !== "loop" || n.order !== "any" || inside.has(n)) return n;
    const nest: Loop[] = [n];
    for (let x = n; x.body.length === 1 && !x.locals?.length && x.body[0]!.kind === "loop" && x.body[0]!.order === "any";) { x = x.body[0]!; nest.push(x); }
    const inner = nest.at(-1)!, outer = nest.slice(0, -1);
    if (outer.length === 0 || inner.body.some((x) => x.kind !== "tasklet") || n.schedule) return n;
    const variables = outer.map((l) => l.variable);
    if (variables.some((v) => dependsOn(inner.begin, v) || dependsOn(inner.end, v))) return n;
    // Only where the outermost loop cannot be shared but the innermost can, and nothing is reduced along the innermost one.
    if (!accessesOf(graph, inner.body).some((a) => a.wcr && !variables.some((v) => a.index.some((e) => dependsOn(e, v))) && a.index.some((e) => dependsOn(e, inner.variable)))) return n;
    if (shareable(graph, n, { strict: false }) || shareable(graph, inner, { strict: true })?.reductions.length !== 0) return n;
    const block = fresh(inner.variable), from = add(inner.begin, mul(int(BLOCK), sym(block)));
    const core: Loop = { ...inner, begin: from, end: min(inner.end, addInt(from, BLOCK)) };
    const rest = outer.reduceRight<Node>((x, l) => ({ ...l, body: [x] }), core);
    return { kind: "loop", id: freshId(), variable: block, begin: ZERO, end: floordiv(addInt(sub(inner.end, inner.begin), BLOCK - 1), int(BLOCK)), order: "any", body: [rest], schedule: { parallel: "even" } };
  });
  return body === graph.body ? graph : graph.with({ body });
}
