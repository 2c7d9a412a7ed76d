/**
 * Loops of the forward sweep whose length only the run knows, and what of a step must run again to reverse it.
 * Pre: a planned graph (no `saved` reads), forward nodes first. What such a loop keeps grows: it has a row per iteration, and room is made for it at an iteration's head.
 * Running a step again must take the decisions of the first pass. That the loop goes on, and whether a step is left in the middle (which the last one alone may be, by the
 * exit that the first pass noted), are facts; conditions on floats, which another rounding might turn, are not taken again outside of strict precision. Unknown means refused, at the loop.
 */
import { accessesOf, baseOf, ownAccesses } from "../../analysis/accesses.js";
import { startsFresh } from "../../analysis/fresh.js";
import { bodiesOf, exitsOf, nameOf, visitPaths, withBodies, type Around, type Path } from "../../analysis/paths.js";
import { mapNodes, visitNodes } from "../../analysis/walk.js";
import { DaceError, type SourceLoc } from "../../base/errors.js";
import { constant, op, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Branch, Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { addInt, freeSymbols, sub, sym, type Expr } from "../../symbolic/expr.js";
import { decidesOnFloats, type Planned } from "./candidates.js";

export interface GrowingLoop {
  readonly loop: Around;
  /** The loop of the backward sweep that reverses the steps that were entered. */
  readonly reversal: Loop;
  /** Containers with a row per step, the first dimension, which grows; of those, the ones that the steps themselves read. */
  readonly tapes: readonly string[];
  readonly read: ReadonlySet<string>;
  /** As of a `LoopCandidate`. */
  readonly state: readonly string[];
  readonly scratch: readonly string[];
  readonly kept: readonly string[];
  /** Exits from the step to beyond the loop: node → number, from 1. */
  readonly exits: ReadonlyMap<number, number>;
  /** What runs again of a step that was not left; and of one that perhaps was, with its tapes: the symbol LEFT is the number of the exit that it was left by, or 0. */
  readonly advance: readonly Node[];
  readonly tape: readonly Node[];
}

export const LEFT = "left!";

/** The step of a loop that an iteration is, from 0. `of`: the bounds that count. */
export function stepOf(l: Around, of: { readonly begin: Expr; readonly end: Expr }): Expr {
  return l.kind === "loop" && l.order === "down" ? addInt(sub(of.end, sym(l.variable)), -1) : sub(sym(nameOf(l)), of.begin);
}

/** Does a list never come to its end in an iteration that is not left: does it end the program, or go beyond the loop by one of these exits? */
export function leaves(list: readonly Node[], exits: ReadonlyMap<number, number>): boolean {
  return list.some((n) => n.kind === "raise" || (n.kind === "exit" && exits.has(n.id)) || (n.kind === "block" && exitsOf(n).size > 0 && leaves(n.body, exits) && !exitsInto(n)) || (n.kind === "conditional" && n.branches.at(-1)?.condition === undefined && n.branches.every((b) => leaves(b.body, exits))));
}
function exitsInto(n: Node & { kind: "block" }): boolean { return n.body.some((x) => exitsOf(x).has(n.label)); }

/** Every loop of a graph whose tapes grow. Throws UNSUPPORTED at the first that cannot be run again. */
export function growingLoops(planned: Planned, exact: boolean): GrowingLoop[] {
  const { graph, forward } = planned, owners = new Map<string, Path>();
  visitPaths(graph.body.slice(0, forward), (n, path) => { if (n.kind === "library" && n.op === "grow") owners.set(n.outputs[0]!.data, path); });
  const byLoop = new Map<Around, string[]>();
  for (const c of graph.containers.values()) {
    if (!c.growable) continue;
    const path = owners.get(c.name), home = path?.at(-2)?.node;
    if (home?.kind !== "loop" && home?.kind !== "while") throw refusal(c.loc, "what it keeps grows with iterations that are not those of one loop");
    const outer = path!.slice(0, -2).find((s) => s.node.kind === "loop" || s.node.kind === "while");
    if (outer) throw refusal(home.loc ?? outer.node.loc ?? c.loc, "this loop stands inside another one, and only the run knows its length", "give the inner loop a bound (for k in range(n), with the rest of the work under a condition instead of a break)");
    const list = byLoop.get(home);
    if (list) list.push(c.name); else byLoop.set(home, [c.name]);
  }
  return [...byLoop].map(([loop, tapes]) => growing(planned, loop, tapes, exact));
}

function refusal(loc: SourceLoc | undefined, what: string, hint = "leave memoryLimit and strategy out, or give the loop a bound that sizes give and do not leave it early"): DaceError {
  return new DaceError("UNSUPPORTED", `memoryLimit and strategy cannot be promised for this program: ${what}`, { ...(loc ? { loc } : {}), hint });
}

function growing({ graph, forward }: Planned, loop: Around, tapes: readonly string[], exact: boolean): GrowingLoop {
  const name = nameOf(loop), loc = loop.loc ?? tapes.map((t) => graph.container(t).loc).find((x) => x), bad = (what: string, hint?: string): never => { throw refusal(loc, what, hint); };
  const found: Path[] = [];
  visitPaths(graph.body.slice(forward), (n, path) => { if (n.kind === "loop" && n.variable === name) found.push(path); });
  const back = found[0], reversal = back?.at(-1)!.node;
  if (found.length !== 1 || reversal?.kind !== "loop" || back!.slice(0, -1).some((s) => s.node.kind === "loop" || s.node.kind === "while")) return bad("this loop, whose length only the run knows, is not reversed by one loop");
  const down = loop.kind === "loop" && loop.order === "down", same = loop.kind === "while" || (down ? loop.end.key === reversal.end.key : loop.begin.key === reversal.begin.key);
  if (reversal.order !== (down ? "up" : "down") || !same) return bad("this loop, whose length only the run knows, is not reversed from its last step to its first");

  // Whatever is kept is kept by step, for the reversal of that step.
  const own = new Set(tapes), row = stepOf(loop, loop.kind === "loop" ? loop : { begin: reversal.begin, end: reversal.end }).key, inside = new Set<Node>(), read = new Set<string>();
  visitNodes([loop, reversal], (n) => { inside.add(n); });
  visitNodes(graph.body, (n) => {
    if (n.kind === "library" && n.op === "grow") return;
    for (const a of ownAccesses(graph, n)) if (own.has(a.base) && !(inside.has(n) && a.data === a.base && a.index[0]?.key === row)) bad("what this loop keeps, as often as only the run knows, is read elsewhere than where the step is reversed");
  });

  // Exits beyond the loop, and not from a loop inside: then the step alone does not say which iteration was left.
  const exits = new Map<number, number>();
  visitPaths([loop], (n, path) => {
    if (n.kind !== "exit" || path.some((s) => s.node.kind === "block" && s.node.label === n.label)) return;
    if (path.slice(1, -1).some((s) => s.node.kind === "loop" || s.node.kind === "while")) bad("this loop, whose length only the run knows, is left from inside another loop in it", "leave the inner loop first, and this one by a condition after it");
    exits.set(n.id, exits.size + 1);
  });
  visitNodes(loop.body, (n) => { for (const a of ownAccesses(graph, n)) if (own.has(a.base) && !a.write && !(n.kind === "library" && n.op === "grow")) read.add(a.base); });

  // Recorded once, or the same in every step.
  const fixed = new Set<string>();
  for (const a of accessesOf(graph, loop.body)) {
    const c = graph.container(a.base);
    if (!a.write || own.has(a.base) || (c.role !== "count" && c.role !== "tape")) continue;
    if (c.role === "tape" && a.index.some((e) => freeSymbols(e).has(name))) bad("this loop, whose length only the run knows, keeps values in rows that are not its steps'");
    fixed.add(a.base);
  }
  const plain = mapNodes(loop.body, (n) => ((n.kind === "library" && n.op === "grow") || (n.kind === "tasklet" && fixed.has(baseOf(graph, n.output.data))) ? [] : n));
  const staying = settled(plain, exits, false), whole = settled(plain, exits, true);
  visitNodes(staying, (n) => { if (n.kind === "exit" && exits.has(n.id)) bad("this loop, whose length only the run knows, is left where no condition stands"); });

  const live = needed(graph, whole, own), tape = prune(graph, whole, live, own), advance = prune(graph, staying, live, read);
  if (!exact && (decidesOnFloats(graph, advance) || decidesOnFloats(graph, tape))) {
    bad("this loop, whose length only the run knows, decides by floats inside of its steps, and a step that runs again may round otherwise", "with precision: \"strict\" it does not; or select with np.where (a conditional expression) instead of branching");
  }
  const written = new Set<string>(), used = new Set<string>(), locals = new Set<string>();
  for (const a of [...accessesOf(graph, tape), ...accessesOf(graph, advance)]) {
    if (own.has(a.base)) continue;
    if (fixed.has(a.base) || graph.container(a.base).growable) bad("this loop, whose length only the run knows, reads what is kept for the backward sweep");
    if (a.write) written.add(a.base); else used.add(a.base);
    if (a.wcr) used.add(a.base);
  }
  visitNodes([loop], (n) => { if (n.kind === "loop") for (const l of n.locals ?? []) locals.add(baseOf(graph, l)); });
  const state = [...written].filter((d) => !locals.has(d) && used.has(d) && !(startsFresh(graph, advance, d) && startsFresh(graph, tape, d)));
  const changed = changedBetween(graph, forward, loop, back!);
  return { loop, reversal, tapes, read, exits, advance, tape, state, scratch: [...written].filter((d) => !state.includes(d)), kept: [...used].filter((d) => !written.has(d) && changed.has(d)) };
}

/** Containers that something may write after the loop has begun and before its reversal has ended. */
function changedBetween(graph: Graph, forward: number, loop: Around, back: Path): ReadonlySet<string> {
  const out = new Set<string>(), last = forward + back[0]!.index;
  let begun = false;
  graph.body.forEach((n, i) => {
    visitNodes([n], (x) => { if (x === loop) begun = true; });
    if (begun && i <= last) for (const a of accessesOf(graph, [n])) if (a.write) out.add(a.base);
  });
  return out;
}

/**
 * A step that runs again. It raises nothing, since it did not the first time. Arms that leave were not taken, unless `left`: then by the exit that is LEFT. Where one of the others
 * was taken for sure, the last needs no condition.
 */
function settled(list: readonly Node[], exits: ReadonlyMap<number, number>, left: boolean): readonly Node[] {
  return list.flatMap((n): readonly Node[] => {
    if (n.kind === "raise") return [];
    if (n.kind !== "conditional") return [withBodies(n, bodiesOf(n).map((b) => settled(b.list, exits, left)))];
    const one = n.branches.at(-1)?.condition === undefined, leaving: Branch[] = [], staying: Branch[] = [];
    for (const b of n.branches) {
      const body = settled(b.body, exits, left);
      if (!leaves(b.body, exits)) { staying.push({ ...b, body }); continue; }
      const ways: ScalarExpr[] = [];
      visitNodes(b.body, (x) => { const k = exits.get(x.id); if (k !== undefined) ways.push(op("eq", "bool", symbolic(sym(LEFT)), constant(k, "int64"))); });
      if (left && ways.length > 0) leaving.push({ condition: { inputs: [], code: ways.reduce((a, b) => op("or", "bool", a, b)) }, body });
    }
    const last = staying.at(-1);
    if (one && last?.condition) staying[staying.length - 1] = { body: last.body };
    if (leaving.length === 0 && staying.length <= 1 && !staying[0]?.condition) return staying[0]?.body ?? [];
    return [{ ...n, branches: [...leaving, ...staying] }];
  });
}

/** Containers that what is taped depends on, and what decides whether it is. */
function needed(graph: Graph, body: readonly Node[], tapes: ReadonlySet<string>): ReadonlySet<string> {
  const live = new Set<string>(tapes);
  const reads = (n: Node): void => { for (const a of ownAccesses(graph, n)) if (!a.write) live.add(a.base); };
  const visit = (list: readonly Node[]): boolean => {
    let any = false;
    for (const n of list) {
      const bodies = bodiesOf(n), found = bodies.length > 0 ? bodies.map((b) => visit(b.list)).some((x) => x) : n.kind === "exit" || ownAccesses(graph, n).some((a) => a.write && live.has(a.base));
      if (found) { any = true; reads(n); }
    }
    return any;
  };
  for (let before = -1; before !== live.size;) { before = live.size; visit(body); }
  return live;
}

/** Without what nobody needs. `tapes`: those that are written. */
function prune(graph: Graph, body: readonly Node[], live: ReadonlySet<string>, tapes: ReadonlySet<string>): readonly Node[] {
  return mapNodes(body, (n) => {
    if (n.kind === "tasklet" || n.kind === "library") return ownAccesses(graph, n).some((a) => a.write && live.has(a.base) && (tapes.has(a.base) || graph.container(a.base).growable !== true)) ? n : [];
    if (n.kind === "conditional") return n.branches.every((b) => b.body.length === 0) ? [] : n;
    return n.kind !== "exit" && n.kind !== "raise" && bodiesOf(n).every((b) => b.list.length === 0) ? [] : n;
  });
}
