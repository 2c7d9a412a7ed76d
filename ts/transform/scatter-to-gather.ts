/**
 * Turns scatters of a map, `B[i+c] += e(i)` for several shifts c, into one gather `B[x] += Σ_c e(x-c)` per element, where terms outside the map's range
 * are left out (guarded reads and a select on the bounds).
 * Pre: a valid graph. Post: same values up to the order of summation. Only for perfect rectangular nests, with one loop variable of unit coefficient per
 * moving dimension and every variable used. Safe because the shift is a bijection, additions into one element commute, and the scatters move past only
 * those other nodes of the body that do not conflict with them.
 */
import { accessesOf, baseOf, type Access } from "../analysis/accesses.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { conflicts, mayMeet, loopFacts, type Relation } from "../analysis/dependence.js";
import { addS, allNonNegative, literal } from "../scalar/build.js";
import { input, mapScalar, select, type ScalarExpr } from "../scalar/expr.js";
import type { Container, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { add, addInt, affine, dependsOn, max, min, sub, substitute, sym, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { commonTerms } from "./common-terms.js";
import { hasLoads, Inputs, mapNest, Names, rebuild } from "./nests.js";

/** One scatter: dimension d of the target is the variable of the loop `by[d]` + shift[d], or fixed where by[d] is undefined. */
export interface Scatter { readonly node: Tasklet; readonly at: number; readonly loops: readonly Loop[]; readonly by: readonly (number | undefined)[]; readonly shift: readonly Expr[]; readonly key: string }

export function scatterToGather(graph: Graph): Graph {
  const names = new Names(graph), containers = new Map<string, Container>(graph.containers);
  // From the outside in: a nest is converted in all its dimensions, or else in its inner ones.
  const visit = (list: readonly Node[], facts: Assumptions, inMap: boolean): readonly Node[] => {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      const r = n.kind === "loop" && n.order === "any" ? convert(graph, n, facts, names, inMap ? undefined : containers) : undefined;
      if (r) { changed = true; return r; }
      const bs = bodiesOf(n);
      if (bs.length === 0) return [n];
      const inner = bs.map((b) => visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : facts, inMap || (n.kind === "loop" && n.order === "any")));
      if (inner.every((x, i) => x === bs[i]!.list)) return [n];
      changed = true;
      return [withBodies(n, inner)];
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts, false);
  return body === graph.body ? graph : graph.with({ body, containers });
}

/** `containers`: where arrays for common terms may be declared. */
function convert(graph: Graph, top: Loop, facts: Assumptions, names: Names, containers: Map<string, Container> | undefined): readonly Node[] | undefined {
  const loops = mapNest(top), leaf = loops.at(-1)!;
  const variables = new Set(loops.map((l) => l.variable));
  if (loops.some((l) => [l.begin, l.end].some((e) => hasLoads(e) || [...variables].some((v) => dependsOn(e, v))))) return undefined;
  const locals = new Set(leaf.locals ?? []);
  let body = [...leaf.body];
  const before: Node[] = [], after: Node[] = [];
  const tried = new Set<string>();
  for (;;) {
    const groups = new Map<string, Scatter[]>();
    body.forEach((n, i) => {
      const s = n.kind === "tasklet" ? scatter(graph, n, i, loops, locals) : undefined;
      if (s && !tried.has(s.key)) { const g = groups.get(s.key); if (g) g.push(s); else groups.set(s.key, [s]); }
    });
    const group = [...groups.values()].find((g) => g.length > 1);
    if (!group) break;
    tried.add(group[0]!.key);
    const mine = new Set<Node>(group.map((s) => s.node));
    const side = movable(graph, rebuild(loops, body), body, mine, loops);
    if (!side) continue;
    const common = containers && commonTerms(graph, group.map((s) => s.node), loops, containers);
    const nest = gather(common ? group.map((s, i) => ({ ...s, node: common.scatters[i]! })) : group, facts, names);
    const nests = common ? [common.terms, nest] : [nest];
    if (side === "front") before.push(...nests); else after.unshift(...nests);
    body = body.filter((n) => !mine.has(n));
  }
  if (before.length === 0 && after.length === 0) return undefined;
  return [...before, ...(body.length > 0 ? [rebuild(loops, body)] : []), ...after];
}

export function scatter(graph: Graph, t: Tasklet, at: number, loops: readonly Loop[], locals: ReadonlySet<string>): Scatter | undefined {
  if (t.wcr !== "sum" || t.output.guard?.length || locals.has(t.output.data)) return undefined;
  if (t.inputs.some((m) => locals.has(m.data) || m.saved || baseOf(graph, m.data) === baseOf(graph, t.output.data))) return undefined;
  const variables = new Set(loops.map((l) => l.variable));
  // What is loaded must be the same in all iterations: the row of a tape, say.
  if ([...t.output.index, ...t.inputs.flatMap((m) => m.index)].some((e) => hasLoads(e) && [...variables].some((v) => dependsOn(e, v)))) return undefined;
  const by: (number | undefined)[] = [], shift: Expr[] = [], used = new Set<number>();
  for (const e of t.output.index) {
    const a = affine(e, variables);
    if (!a || a.coefficients.size > 1) return undefined;
    const [entry] = a.coefficients;
    if (!entry) { by.push(undefined); shift.push(e); continue; }
    const k = loops.findIndex((l) => l.variable === entry[0]);
    if (entry[1].constant !== 1 || used.has(k)) return undefined;
    used.add(k); by.push(k); shift.push(a.rest);
  }
  if (used.size !== loops.length) return undefined;
  return { node: t, at, loops, by, shift, key: `${t.output.data}|${by.map((k, d) => (k === undefined ? shift[d]!.key : `#${k}`)).join(",")}` };
}

/** May all instances of the nodes `mine` run before (after) everything else in the nest? */
function movable(graph: Graph, nest: Loop, body: readonly Node[], mine: ReadonlySet<Node>, loops: readonly Loop[]): "front" | "back" | undefined {
  const same = new Map<string, Relation>(loops.map((l) => [l.variable, "="]));
  const position = (a: Access): number => { const step = a.path[loops.length]; return step ? step.index : -1; };
  const all = accessesOf(graph, [nest]).filter((a) => position(a) >= 0);
  let front = true, back = true;
  for (const a of all) {
    if (!mine.has(body[position(a)]!)) continue;
    for (const b of all) {
      if (mine.has(body[position(b)]!) || !conflicts(a, b) || !mayMeet(graph, a, b, same)) continue;
      if (position(b) < position(a)) front = false; else back = false;
      if (!front && !back) return undefined;
    }
  }
  return front ? "front" : "back";
}

/**
 * One nest over all the elements that the scatters reach, in which each adds to an element what comes to it. The moving dimensions are those of the first scatter; another one may stay in
 * place in some of them. The loop variables get names of their own.
 */
export function gather(group: readonly Scatter[], facts: Assumptions, names: Names): Loop {
  const first = group[0]!, dims = first.by.flatMap((k, d) => (k === undefined ? [] : [d]));
  const variable = dims.map((d) => names.fresh(first.loops[first.by[d]!]!.variable));
  const index = first.by.map((k, d) => (k === undefined ? first.shift[d]! : sym(variable[dims.indexOf(d)]!)));
  const nest = dims.map((d, i): Loop => {
    const reach = group.map((s) => reachOf(s, d));
    return { kind: "loop", id: freshId(), variable: variable[i]!, begin: extreme(reach.map((r) => r.begin), -1, facts), end: extreme(reach.map((r) => r.end), 1, facts), order: "any", body: [] };
  });
  const known = facts.with(...nest.flatMap(loopFacts));

  const inputs = new Inputs();
  let code: ScalarExpr | undefined;
  for (const s of group) {
    const map = new Map<string, Expr>(), guard: Expr[] = [];
    dims.forEach((d, i) => {
      const x = sym(variable[i]!), { begin, end } = reachOf(s, d);
      if (s.by[d] !== undefined) map.set(s.loops[s.by[d]]!.variable, sub(x, s.shift[d]!));
      for (const g of [sub(x, begin), addInt(sub(end, x), -1)]) if (nonNegative(g, known) !== "yes") guard.push(g);
    });
    const at = s.node.inputs.map((m): number => {
      const x: Memlet = { ...m, index: m.index.map((e) => substitute(e, map)), ...(guard.length + (m.guard?.length ?? 0) > 0 ? { guard: [...guard, ...(m.guard ?? []).map((e) => substitute(e, map))] } : {}) };
      return inputs.place(x);
    });
    const value = mapScalar(s.node.code, (e) => (e.kind === "input" ? input(at[e.index]!, e.dtype) : e.kind === "symbolic" ? { ...e, expr: substitute(e.expr, map) } : e));
    // Where the guards fail every read gives 0: the select is needed only where that does not make the term 0.
    const part = guard.length === 0 || vanishes(value) ? value : select(allNonNegative(guard), value, literal(0, value.dtype));
    code = code ? addS(code, part) : part;
  }
  const t: Tasklet = { kind: "tasklet", id: freshId(), inputs: inputs.list, output: { data: first.node.output.data, index }, wcr: "sum", code: code!, ...(first.node.loc ? { loc: first.node.loc } : {}) };
  return rebuild(nest, [t]);
}

/** The least (-1) or greatest (1) of the expressions, without those that facts tell to be no more so than another one. */
function extreme(all: readonly Expr[], sign: 1 | -1, facts: Assumptions): Expr {
  const kept: Expr[] = [];
  const beats = (a: Expr, b: Expr): boolean => nonNegative(sign === 1 ? sub(a, b) : sub(b, a), facts) === "yes";
  for (const e of all) {
    if (kept.some((k) => beats(k, e))) continue;
    kept.splice(0, kept.length, ...kept.filter((k) => !beats(e, k)), e);
  }
  return sign === 1 ? max(...kept) : min(...kept);
}

/** The elements along a dimension of its target that a scatter reaches: [begin, end). */
export function reachOf(s: Scatter, d: number): { readonly begin: Expr; readonly end: Expr } {
  const k = s.by[d], shift = s.shift[d]!;
  return k === undefined ? { begin: shift, end: addInt(shift, 1) } : { begin: add(s.loops[k]!.begin, shift), end: add(s.loops[k]!.end, shift) };
}

/** Is the expression 0 wherever all its inputs are 0? */
function vanishes(e: ScalarExpr): boolean {
  switch (e.kind) {
    case "input": return true;
    case "const": return Number(e.value) === 0 && !e.imag;
    case "symbolic": return false;
    case "cast": return vanishes(e.arg);
    case "op":
      switch (e.op) {
        case "add": case "sub": case "neg": case "conj": case "real": case "imag": case "sqrt": case "square": return e.args.every(vanishes);
        case "mul": return e.args.some(vanishes) && e.args.every((a) => vanishes(a) || isFinite(a));
        case "div": return vanishes(e.args[0]!) && e.args[1]!.kind === "const" && Number(e.args[1]!.value) !== 0;
        default: return false;
      }
  }
}
/** Finite whatever its inputs are when they are 0: constants and sums, products of such. */
function isFinite(e: ScalarExpr): boolean {
  if (e.kind === "const") return Number.isFinite(Number(e.value));
  if (e.kind === "symbolic" || e.kind === "input") return true;
  return e.kind === "cast" ? isFinite(e.arg) : (e.op === "add" || e.op === "sub" || e.op === "mul" || e.op === "neg" || e.op === "exp" || e.op === "sin" || e.op === "cos") && e.args.every(isFinite);
}

