/**
 * May two accesses touch the same element, in iterations of their common loops that stand in a given relation?
 *
 * Each access gets its own copy of every loop variable that the relation does not equate; bounds, guards and the equality of the
 * indices become linear constraints, and "no" is a proof that they have no integer solution. Values loaded from containers that the graph writes
 * are unknowns of their own at every use.
 */
import type { Loop, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { addInt, hasLoads, mapAtoms, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { rangeFacts, type LoopRange } from "../symbolic/prove.js";
import { eq, ge, infeasible, type Constraint } from "../symbolic/system.js";
import { accessesOf, baseOf, flatIndex, type Access } from "./accesses.js";
import { bodiesOf, type Path } from "./paths.js";

/** Values of b's loop variable compared with a's: "<" means that a's is smaller. */
export type Relation = "=" | "<" | ">" | "any";

/** Containers (bases) that some node of the graph writes: loads from them are not constant. */
const mutableCache = new WeakMap<Graph, ReadonlySet<string>>();
export function mutableBases(graph: Graph): ReadonlySet<string> {
  let known = mutableCache.get(graph);
  if (!known) {
    const s = new Set<string>();
    const scan = (n: Node): void => {
      if (n.kind === "tasklet") s.add(baseOf(graph, n.output.data));
      else if (n.kind === "library") for (const o of n.outputs) s.add(baseOf(graph, o.data));
      for (const b of bodiesOf(n)) b.list.forEach(scan);
    };
    graph.body.forEach(scan);
    mutableCache.set(graph, known = s);
  }
  return known;
}

const primed = (variable: string): string => `${variable}'`;
interface Around { readonly variable: string; readonly begin?: Expr; readonly end?: Expr }
/** Both bounds, free of loads and of the given variables. */
const plain = (l: Around, renamed?: ReadonlyMap<string, Expr>): l is LoopRange => {
  const ok = (e: Expr | undefined): boolean => e !== undefined && !e.atoms.some((a) => a.kind === "load" || (a.kind === "symbol" && renamed?.has(a.name)));
  return ok(l.begin) && ok(l.end);
};
function around(path: Path): Around[] {
  const out: Around[] = [];
  for (let i = 0; i < path.length - 1; i++) { const n = path[i]!.node; if (n.kind === "loop") out.push(n); else if (n.kind === "while") out.push({ variable: n.counter, begin: ZERO }); }
  return out;
}

/**
 * False only if no pair of instances that satisfies the relations touches one element. `relations` is keyed by loop variable (or while counter);
 * loops that are not in it are unrelated ("any"). Loops outside both paths are the same iteration for both; `facts` may speak about their variables.
 */
export function mayMeet(graph: Graph, a: Access, b: Access, relations: ReadonlyMap<string, Relation>, facts: Assumptions = graph.facts): boolean {
  if (a.base !== b.base) return false;
  const mutable = mutableBases(graph);
  const renamed = new Map<string, Expr>();
  const bLoops = around(b.path);
  for (const l of bLoops) if (relations.get(l.variable) !== "=") renamed.set(l.variable, sym(primed(l.variable)));
  for (const x of b.extra) renamed.set(x.variable, sym(primed(x.variable)));
  let unknowns = 0;
  /** Loads of changing containers: a new unknown at each use. */
  const opaque = (e: Expr): Expr => (hasLoads(e) ? mapAtoms(e, (t) => (t.kind === "load" && mutable.has(baseOf(graph, t.data)) ? sym(`?${unknowns++}`) : undefined)) : e);
  const forB = (e: Expr): Expr => opaque(renamed.size === 0 || e.constant !== undefined ? e : mapAtoms(e, (t) => (t.kind === "symbol" ? renamed.get(t.name) : undefined)));
  const constraints: Constraint[] = [];
  const bounds = (l: Around, f: (e: Expr) => Expr): void => {
    const v = f(sym(l.variable));
    if (l.begin) constraints.push(ge(sub(v, f(l.begin))));
    if (l.end) constraints.push(ge(addInt(sub(f(l.end), v), -1)));
  };
  if (a.data === b.data) {
    for (let d = 0; d < a.index.length; d++) {
      const e = sub(opaque(a.index[d]!), forB(b.index[d]!)), k = e.constant;
      if (k !== undefined && k !== 0) return false;
      if (k === undefined) constraints.push(eq(e));
    }
  } else constraints.push(eq(sub(opaque(flatIndex(graph, a.data, a.index)), forB(flatIndex(graph, b.data, b.index)))));
  for (const l of around(a.path)) {
    if (plain(l)) constraints.push(...rangeFacts(l).map(ge)); else bounds(l, opaque);
    const v = sym(l.variable), u = sym(primed(l.variable)), r = relations.get(l.variable);
    if (r === "<") constraints.push(ge(addInt(sub(u, v), -1)));
    else if (r === ">") constraints.push(ge(addInt(sub(v, u), -1)));
  }
  for (const l of bLoops) if (relations.get(l.variable) !== "=") {
    if (plain(l, renamed)) constraints.push(...primedRange(l).map(ge)); else bounds(l, forB);
  }
  for (const x of a.extra) bounds({ variable: x.variable, begin: ZERO, end: x.size }, opaque);
  for (const x of b.extra) bounds({ variable: x.variable, begin: ZERO, end: x.size }, forB);
  for (const g of a.guard) constraints.push(ge(opaque(g)));
  for (const g of b.guard) constraints.push(ge(forB(g)));
  return !infeasible(constraints, facts);
}

/** Do the two accesses depend on order at all? Two reads do not, nor do two writes that combine in the same way, but for how their sum is rounded (`strict`). */
export function conflicts(a: Access, b: Access, strict = false): boolean {
  if (a.base !== b.base || (!a.write && !b.write)) return false;
  return strict || !(a.write && b.write && a.wcr !== undefined && a.wcr === b.wcr);
}

/** The loops in a subtree to which containers are private: container → loop id. */
export function localsOf(body: readonly Node[], into: Map<string, number> = new Map()): Map<string, number> {
  for (const n of body) {
    if (n.kind === "loop") for (const x of n.locals ?? []) into.set(x, n.id);
    for (const b of bodiesOf(n)) localsOf(b.list, into);
  }
  return into;
}

export interface Dependence { readonly from: Access; readonly to: Access }

/**
 * Is there a dependence between two different iterations of the loop (flow, anti or output)? Containers that are private to the loop or to a loop inside, and
 * those in `ignore`, do not count. Returns one of them, or undefined if provably none.
 */
export function carriedBy(graph: Graph, loop: Loop, facts: Assumptions = graph.facts, ignore: ReadonlySet<string> = new Set()): Dependence | undefined {
  return carriedAmong(graph, loop, accessesOf(graph, [loop]), facts, ignore);
}

export function carriedAmong(graph: Graph, loop: Loop, accesses: readonly Access[], facts: Assumptions, ignore: ReadonlySet<string> = new Set(), strict = false): Dependence | undefined {
  const locals = localsOf([loop]);
  const inside = accesses.filter((x) => x.node !== loop && !locals.has(x.base) && !ignore.has(x.base));
  for (let i = 0; i < inside.length; i++) for (let j = i; j < inside.length; j++) {
    const a = inside[i]!, b = inside[j]!;
    if (!conflicts(a, b, strict)) continue;
    if (mayMeet(graph, a, b, new Map([[loop.variable, "<"]]), facts) || (i !== j && mayMeet(graph, a, b, new Map([[loop.variable, ">"]]), facts))) return { from: a, to: b };
  }
  return undefined;
}

/** Facts about a loop's variable, inside the loop. */
export function loopFacts(l: LoopRange): readonly Expr[] {
  const facts = rangeFacts(l);
  return facts.some(hasLoads) ? facts.filter((e) => !hasLoads(e)) : facts;
}

const primedRanges = new WeakMap<object, readonly [Expr, Expr]>();
/** The facts of a loop for the other access's copy of its variable, where its bounds are the same for both. */
function primedRange(l: LoopRange): readonly [Expr, Expr] {
  let known = primedRanges.get(l);
  if (!known) primedRanges.set(l, known = [...rangeFacts({ ...l, variable: primed(l.variable) })]);
  return known;
}
