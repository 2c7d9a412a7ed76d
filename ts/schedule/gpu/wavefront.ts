/**
 * Two sequential loops, one directly in the other, whose iterations depend on others at fixed distances only (a sweep over a plane in place, a table filled from its neighbours) become a sequential
 * loop over waves and a map over each wave: iteration (p, q), counted as they run, belongs to wave a·p + q, with the smallest a for which everything that an iteration depends on is in an earlier wave.
 * Pre: a valid graph. Post: the same, values in the same order at every element. Safe because two iterations that touch one element, of which one writes it, keep
 * their order: all distances at which that happens are known, and those that are lexicographically positive lead to a later wave.
 */
import { accessesOf, type Access } from "../../analysis/accesses.js";
import { localsOf } from "../../analysis/dependence.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import { exprsOf, rewriteNodes, visitNodes } from "../../analysis/walk.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { add, addInt, affine, dependsOn, floordiv, hasLoads, int, max, min, ONE, scale, sub, substitute, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { leaves } from "../reductions.js";
import { unitsIn } from "../work.js";

/** Waves per step of the outer loop, at most: more of them are too thin. */
const STEEPEST = 8;
/** Units of work that one thread does as well. */
const FEW_UNITS = 1024;

export function wavefronts(graph: Graph): Graph {
  const taken = new Set([...graph.symbols, ...graph.containers.keys()]);
  visitNodes(graph.body, (n) => { if (n.kind === "loop") taken.add(n.variable); else if (n.kind === "while") taken.add(n.counter); });
  const fresh = (prefix: string): string => { let n = 0; while (taken.has(`${prefix}_${n}`)) n++; taken.add(`${prefix}_${n}`); return `${prefix}_${n}`; };
  const visit = (body: readonly Node[]): readonly Node[] => body.map((n): Node => (n.kind === "loop" ? waves(graph, n, fresh) : undefined) ?? withBodies(n, bodiesOf(n).map((b) => visit(b.list))));
  return graph.with({ body: visit(graph.body) });
}

function waves(graph: Graph, outer: Loop, fresh: (prefix: string) => string): Loop | undefined {
  const [inner] = outer.body;
  if (outer.order === "any" || outer.body.length !== 1 || outer.locals?.length || inner?.kind !== "loop" || inner.order === "any") return undefined;
  if ([outer.begin, outer.end, inner.begin, inner.end].some(hasLoads) || dependsOn(inner.begin, outer.variable) || dependsOn(inner.end, outer.variable)) return undefined;
  let plain = !leaves(inner.body, new Set());
  visitNodes(inner.body, (n) => { if (n.kind !== "tasklet" && n.kind !== "conditional") plain = false; if (exprsOf(n).some(hasLoads)) plain = false; });
  const work = unitsIn([outer]).constant;
  if (!plain || (work !== undefined && work <= FEW_UNITS)) return undefined;
  const slope = slopeOf(graph, outer, inner);
  if (slope === undefined) return undefined;
  const rows = sub(outer.end, outer.begin), columns = sub(inner.end, inner.begin), wave = fresh("wave"), p = fresh("row"), w = sym(wave), a = int(slope);
  const q = sub(w, scale(sym(p), slope)), at = (l: Loop, k: Expr): Expr => (l.order === "down" ? sub(addInt(l.end, -1), k) : add(l.begin, k));
  const map = new Map([[outer.variable, at(outer, sym(p))], [inner.variable, at(inner, q)]]);
  const front: Loop = {
    ...inner, id: freshId(), variable: p, order: "any",
    begin: max(ZERO, floordiv(add(sub(w, columns), a), a)), end: min(rows, addInt(floordiv(w, a), 1)),
    body: rewriteNodes(inner.body, { expr: (e) => substitute(e, map) }),
  };
  return { ...outer, id: freshId(), variable: wave, order: "up", begin: ZERO, end: add(scale(sub(rows, ONE), slope), columns), body: [front] };
}

/** The least slope that keeps the order of all dependences; undefined where a distance is not known, or there is none. */
function slopeOf(graph: Graph, outer: Loop, inner: Loop): number | undefined {
  const accesses = accessesOf(graph, [outer]), locals = localsOf([outer]), shared = accesses.filter((x) => !locals.has(x.base));
  let slope = 1;
  for (const a of shared) if (a.write) for (const b of shared) {
    if (a.base !== b.base) continue;
    const d = distance(a, b, outer, inner);
    if (d === "never") continue;
    if (!d) return undefined;
    const [p, q] = d;
    // At any distance along the inner loop, but in one iteration of the outer: in order anyhow. At any along the outer: one apart is the hardest.
    if (q === undefined) { if (p !== 0) return undefined; continue; }
    if (p === undefined) { slope = Math.max(slope, 1 + Math.abs(q)); continue; }
    // From the earlier of the two to the later.
    const later = p < 0 || (p === 0 && q < 0), dp = later ? -p : p, dq = later ? -q : q;
    if (dp > 0) slope = Math.max(slope, Math.ceil((1 - dq) / dp));
  }
  return slope <= STEEPEST ? slope : undefined;
}

/** How far apart, as they run, two iterations are that touch one element; along a loop that neither index depends on they may be anything. */
function distance(a: Access, b: Access, outer: Loop, inner: Loop): readonly [number | undefined, number | undefined] | "never" | undefined {
  if (a.data !== b.data || a.extra.length > 0 || b.extra.length > 0) return undefined;
  const variables = new Set([outer.variable, inner.variable]), known = new Map<Loop, number>();
  let unknown = false, never = false;
  a.index.forEach((e, d) => {
    const x = affine(e, variables), y = affine(b.index[d]!, variables);
    const difference = x && y && sub(x.rest, y.rest).constant;
    if (!x || !y || difference === undefined) { unknown = true; return; }
    const of = (z: typeof x, l: Loop): number | undefined => (z.coefficients.get(l.variable) ?? ZERO).constant;
    const [i, j] = [of(x, outer), of(x, inner)];
    if (i === undefined || j === undefined || of(y, outer) !== i || of(y, inner) !== j || (i !== 0 && j !== 0)) { unknown = true; return; }
    // i · (b's - a's) = difference
    const l = i !== 0 ? outer : j !== 0 ? inner : undefined, step = l && difference / (i || j);
    if (!l) { if (difference !== 0) never = true; return; }
    if (!Number.isInteger(step) || (known.has(l) && known.get(l) !== step)) { never = true; return; }
    known.set(l, step!);
  });
  if (unknown) return undefined;
  if (never) return "never";
  const [p, q] = [known.get(outer), known.get(inner)];
  const turned = (x: number | undefined, l: Loop): number | undefined => (x === undefined || l.order !== "down" ? x : 0 - x);
  return [turned(p, outer), turned(q, inner)];
}
