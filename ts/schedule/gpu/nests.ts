/**
 * Perfect nests of maps, and which of their loops threads can share. Plain writes of a map are distinct by definition; a loop whose combining writes
 * are not proven apart is left inside each thread, so no two threads ever combine into one element.
 */
import { accessesOf, type Access } from "../../analysis/accesses.js";
import { localsOf, mayMeet } from "../../analysis/dependence.js";
import { visitNodes } from "../../analysis/walk.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { asSymbol, dependsOn } from "../../symbolic/expr.js";
import { elementKey, leaves } from "../reductions.js";
import { isSmall } from "../scalars.js";

/** Maps one inside the other, outermost first. */
export function nestOf(l: Loop): readonly Loop[] {
  const nest = [l];
  for (let x = l; x.body.length === 1 && !x.locals?.length && x.body[0]!.kind === "loop" && x.body[0]!.order === "any";) { x = x.body[0]!; nest.push(x); }
  return nest;
}

/** Can a thread carry out the nodes by itself? Not library calls, and nothing that leaves them or makes room. */
export function threadable(body: readonly Node[]): boolean {
  let ok = !leavesByExit(body, new Set());
  visitNodes(body, (n) => { if (n.kind === "library") ok = false; });
  return ok;
}
function leavesByExit(body: readonly Node[], labels: ReadonlySet<string>): boolean {
  return body.some((n) => {
    switch (n.kind) {
      case "exit": return !labels.has(n.label);
      case "block": return leavesByExit(n.body, new Set([...labels, n.label]));
      case "loop": case "while": return leavesByExit(n.body, labels);
      case "conditional": return n.branches.some((b) => leavesByExit(b.body, labels));
      default: return false;
    }
  });
}

/** Are all containers private to loops inside few enough elements for a thread's own memory? */
export function privatesFit(graph: Graph, body: readonly Node[]): boolean {
  let ok = true;
  visitNodes(body, (n) => { if (n.kind === "loop") for (const x of n.locals ?? []) { const c = graph.container(x); if (!c.view && !isSmall(c)) ok = false; } });
  return ok;
}

/** Which loops of a nest may be divided among threads. `facts`: what holds around the nest. */
export function sharedLoops(graph: Graph, nest: readonly Loop[], facts: Assumptions): ReadonlySet<Loop> {
  const root = nest[0]!;
  if (leaves(root.body, new Set()) || !threadable(root.body) || !privatesFit(graph, [root])) return new Set();
  const apart = apartAlong(graph, root, facts, new Set());
  return new Set(apart ? nest.filter(apart) : []);
}

/**
 * Tells of a loop in the nest at `root` whether its iterations write apart: combining writes are proven so, plain ones are by definition. Elements in `sums` (keys) are
 * left out: what combines into them is added later. Undefined: a map writes a scalar, which is no map's to write.
 */
export function apartAlong(graph: Graph, root: Loop, facts: Assumptions, sums: ReadonlySet<string>): ((l: Loop) => boolean) | undefined {
  const accesses = accessesOf(graph, [root]), locals = localsOf([root]);
  if (accesses.some((a) => a.write && !a.wcr && !locals.has(a.base) && graph.container(a.base).shape.length === 0)) return undefined;
  const summed = (a: Access): boolean => a.wcr !== undefined && sums.has(elementKey(a)), combining = accesses.filter((a) => a.write && a.wcr && !locals.has(a.base) && !summed(a));
  return (l) => combining.every((a) => accesses.every((b) => b.base !== a.base || (b.wcr === a.wcr && summed(b))
    || !(mayMeet(graph, a, b, new Map([[l.variable, "<"]]), facts) || (a !== b && mayMeet(graph, a, b, new Map([[l.variable, ">"]]), facts)))));
}

/** How many accesses of the body go along the variable element by element, less those that jump. `sums`: do combining writes count? */
export function contiguity(graph: Graph, body: readonly Node[], variable: string, sums = true): number {
  let score = 0;
  for (const a of accessesOf(graph, body)) {
    if ((a.wcr && !sums) || a.index.length === 0 || !a.index.some((e) => dependsOn(e, variable))) continue;
    const last = a.index.at(-1)!, rest = a.index.slice(0, -1);
    score += dependsOn(last, variable) && !rest.some((e) => dependsOn(e, variable)) ? (asSymbol(last) === variable ? 2 : 1) * (a.write ? 2 : 1) : -(a.write ? 4 : 2);
  }
  return score;
}

/** The nest with the given loops outermost, in their order; undefined where bounds forbid it. */
export function reordered(nest: readonly Loop[], outside: readonly Loop[]): readonly Loop[] | undefined {
  const inside = nest.filter((l) => !outside.includes(l)), order = [...outside, ...inside];
  const fits = order.every((l, i) => order.slice(i + 1).every((later) => !dependsOn(l.begin, later.variable) && !dependsOn(l.end, later.variable)));
  return fits ? order : undefined;
}
