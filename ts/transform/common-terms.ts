/**
 * What the scatters of one group have in common is evaluated once per iteration into an array, where it is expensive: the gather that they become reads
 * it at every shift instead of evaluating it again: `B[i] += c·e(i); B[i+1] -= c·e(i)` becomes `T[i] = e(i); B[i] += c·T[i]; B[i+1] -= c·T[i]`.
 * Safe where the nest stands in no map (T is one array) and its bounds are sizes; T is written right before the gather, from what that would read.
 */
import { isFloat } from "../base/dtypes.js";
import { constant, input, mapScalar, op, visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { hashCons } from "../scalar/hashcons.js";
import { costOf } from "../scalar/ops.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import { freeSymbols, max, sub, sym, ZERO } from "../symbolic/expr.js";
import { freshContainer, Inputs, rebuild, usedInputs } from "./nests.js";

/** Flops from which storing and loading a term is cheaper than evaluating it twice. */
const EXPENSIVE = 12;
const MOST = 3;

const costs = new WeakMap<ScalarExpr, number>();
function costOfAll(e: ScalarExpr): number {
  let c = costs.get(e);
  if (c === undefined) { c = 0; visitScalar(e, (x) => { if (x.kind === "op") c! += costOf(x.op); }); costs.set(e, c); }
  return c;
}

/** The map that evaluates the common terms and the scatters as they read them; undefined where there is nothing to gain. */
export function commonTerms(graph: Graph, group: readonly Tasklet[], loops: readonly Loop[], containers: Map<string, Container>): { readonly terms: Node; readonly scatters: readonly Tasklet[] } | undefined {
  const sizes = new Set(graph.symbols);
  if (loops.some((l) => [l.begin, l.end].some((e) => [...freeSymbols(e)].some((s) => !sizes.has(s))))) return undefined;
  const inputs = new Inputs();
  const unified = group.map((t) => { const where = t.inputs.map(inputs.place); return mapScalar(t.code, (e) => (e.kind === "input" ? input(where[e.index]!, e.dtype) : e)); });
  const all = hashCons(op("add", unified[0]!.dtype, ...unified, constant(0, "int64")));
  const codes = all.kind === "op" ? all.args.slice(0, -1) : [];
  const uses = new Map<ScalarExpr, number>();
  for (const c of codes) visitScalar(c, (e) => uses.set(e, (uses.get(e) ?? 0) + 1), new Set());
  const shared = (e: ScalarExpr): boolean => e.kind === "op" && isFloat(e.dtype) && uses.get(e)! > 1 && costOfAll(e) >= EXPENSIVE;
  const found = new Set<ScalarExpr>();
  const look = (e: ScalarExpr, seen: Set<ScalarExpr>): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (shared(e)) { found.add(e); return; }
    if (e.kind === "op") for (const a of e.args) look(a, seen); else if (e.kind === "cast") look(e.arg, seen);
  };
  for (const c of codes) look(c, new Set());
  if (found.size === 0 || found.size > MOST) return undefined;

  const index = loops.map((l) => sub(sym(l.variable), l.begin)), shape = loops.map((l) => max(ZERO, sub(l.end, l.begin)));
  const stored = new Map<ScalarExpr, Memlet>();
  const body = [...found].map((e): Tasklet => {
    const name = freshContainer(containers, "term");
    containers.set(name, { name, dtype: e.dtype, shape, transient: true });
    const output = { data: name, index };
    stored.set(e, output);
    return { kind: "tasklet", id: freshId(), ...usedInputs(inputs.list, e), output };
  });
  const scatters = group.map((t, i): Tasklet => {
    const extra = [...inputs.list];
    const read = (e: ScalarExpr): ScalarExpr => {
      const m = stored.get(e);
      if (m) { extra.push(m); return input(extra.length - 1, e.dtype); }
      if (e.kind === "op") return { ...e, args: e.args.map(read) };
      return e.kind === "cast" ? { ...e, arg: read(e.arg) } : e;
    };
    const code = read(codes[i]!);
    return { ...t, ...usedInputs(extra, code) };
  });
  return { terms: rebuild(loops.map((l) => ({ ...l, id: freshId(), locals: [] })), body), scatters };
}
