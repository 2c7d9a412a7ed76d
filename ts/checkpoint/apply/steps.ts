/**
 * Loops of the forward sweep that the run counts, and what of a step must run again to reverse it.
 * Pre: a planned graph (no `saved` reads), forward nodes first. What a loop of unknown length keeps grows: it has a row per iteration, and room is made for it at an iteration's head.
 * Running a step again must take the decisions of the first pass. That the loop goes on, and whether a step is left in the middle (which the last one alone may be, by the
 * exit that the first pass noted), are facts; conditions on floats, which another rounding might turn, are not taken again outside of strict precision. Unknown means refused, at the loop.
 */
import { accessesOf, baseOf, ownAccesses } from "../../analysis/accesses.js";
import { startsFresh } from "../../analysis/fresh.js";
import { bodiesOf, exitsOf, nameOf, visitPaths, withBodies, type Around, type Path } from "../../analysis/paths.js";
import { exprsOf, mapNodes, rewriteNodes, visitNodes } from "../../analysis/walk.js";
import { DaceError, type SourceLoc } from "../../base/errors.js";
import { constant, op, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Branch, Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { addInt, dependsOn, load, loadedContainers, mapAtoms, sub, sym, type Expr } from "../../symbolic/expr.js";
import { decidesOnFloats, type Planned } from "./candidates.js";

export interface GrowingLoop {
  readonly loop: Around;
  /** The loop of the backward sweep that reverses the steps that were entered. */
  readonly reversal: Loop;
  /** Containers with a row per step, here the first dimension, whatever else numbered them before; of those, the ones that the steps themselves read. */
  readonly tapes: readonly string[];
  readonly read: ReadonlySet<string>;
  /** How many dimensions of each numbered the steps. */
  readonly dimensions: ReadonlyMap<string, number>;
  /** What only the loops inside of a step use, for one step at a time: written by a step that is taped, read by its reversal. */
  readonly inner: ReadonlySet<string>;
  /** As of a `LoopCandidate`. */
  readonly state: readonly string[];
  readonly scratch: readonly string[];
  readonly kept: readonly string[];
  /** Exits from the step to beyond the loop, by node. */
  readonly exits: Ways;
  /** What runs again of a step that was not left; and of one that perhaps was, with its tapes: the symbol LEFT is the number of the exit that it was left by, or 0; that of `leftAt`, the iteration of a loop inside in which it was. */
  readonly advance: readonly Node[];
  readonly tape: readonly Node[];
}

export const LEFT = "left!";
export const leftAt = (variable: string): string => `${LEFT}${variable}`;

/** Exits, by node: numbers from 1, and the names of the loops inside of the step around them. */
export type Ways = ReadonlyMap<number, { readonly number: number; readonly inside: readonly string[] }>;

/** The step of a loop that an iteration is, from 0. `of`: the bounds that count. */
export function stepOf(l: Around, of: { readonly begin: Expr; readonly end: Expr }): Expr {
  return l.kind === "loop" && l.order === "down" ? addInt(sub(of.end, sym(l.variable)), -1) : sub(sym(nameOf(l)), of.begin);
}

/** Does a list never come to its end in an iteration that is not left: does it end the program, or go beyond the loop by one of these exits? */
export function leaves(list: readonly Node[], exits: Ways): boolean {
  return list.some((n) => n.kind === "raise" || (n.kind === "exit" && exits.has(n.id)) || (n.kind === "block" && exitsOf(n).size > 0 && leaves(n.body, exits) && !exitsInto(n)) || (n.kind === "conditional" && n.branches.at(-1)?.condition === undefined && n.branches.every((b) => leaves(b.body, exits))));
}
function exitsInto(n: Node & { kind: "block" }): boolean { return n.body.some((x) => exitsOf(x).has(n.label)); }

/** A loop that gets a schedule, with the containers that its steps keep; `inner`: what only the loops inside, scheduled already, use, for one step at a time. */
export interface Wanted { readonly path: Path; readonly tapes: readonly string[]; readonly inner: ReadonlySet<string> }

/** Loops around the last node of a path. */
export function around(path: Path): Around[] { return path.slice(0, -1).flatMap(({ node: n }): Around[] => (n.kind === "loop" || n.kind === "while" ? [n] : [])); }

/** The loops of a graph whose tapes grow, innermost first. Throws UNSUPPORTED where it cannot be told whose. */
export function growingLoops({ graph, forward }: Planned): Wanted[] {
  const owners = new Map<string, Path>();
  visitPaths(graph.body.slice(0, forward), (n, path) => { if (n.kind === "library" && n.op === "grow") owners.set(n.outputs[0]!.data, path); });
  const byLoop = new Map<Node, { readonly path: Path; readonly tapes: string[] }>();
  for (const c of graph.containers.values()) {
    if (!c.growable) continue;
    // A list of the program's own, or its gradient: no schedule makes it shorter.
    if (c.role !== "tape" && c.role !== "count") throw refusal(c.loc, `the list ${c.label ?? c.name} grows in a loop whose length only the run knows`);
    const path = owners.get(c.name)?.slice(0, -1), home = path?.at(-1)?.node;
    if (!path || (home?.kind !== "loop" && home?.kind !== "while")) throw refusal(c.loc, "what it keeps grows with iterations that are not those of one loop");
    const known = byLoop.get(home);
    if (known) known.tapes.push(c.name); else byLoop.set(home, { path, tapes: [c.name] });
  }
  return [...byLoop.values()].sort((a, b) => around(b.path).length - around(a.path).length).map((l) => ({ ...l, inner: new Set<string>() }));
}

function refusal(loc: SourceLoc | undefined, what: string, hint = "leave memoryLimit and strategy out, or give the loop a bound that sizes give and do not leave it early"): DaceError {
  return new DaceError("UNSUPPORTED", `memoryLimit and strategy cannot be promised for this program: ${what}`, { ...(loc ? { loc } : {}), hint });
}

/** The step's row of the containers for which there is one: in place of so many leading dimensions. */
export function inRows(body: readonly Node[], where: (data: string) => { readonly data: string; readonly row: Expr; readonly dimensions: number } | undefined): readonly Node[] {
  const fix = (e: Expr): Expr => mapAtoms(e, (a) => { if (a.kind !== "load") return undefined; const index = a.index.map(fix), to = where(a.data); return load(to?.data ?? a.data, to ? [to.row, ...index.slice(to.dimensions)] : index); });
  return rewriteNodes(body, {
    expr: fix,
    memlet: (m) => { const to = where(m.data); return to ? { ...m, data: to.data, index: [to.row, ...m.index.slice(to.dimensions)] } : m; },
    operand: (o) => { const to = where(o.data); return to ? { ...o, data: to.data, base: [to.row, ...o.base.slice(to.dimensions)], axes: o.axes.map((a) => a - to.dimensions + 1) } : o; },
  });
}

/**
 * `again`: loops inside of a step as they run again where it is recorded how far they came, which is in the expressions `counted`. Throws UNSUPPORTED where a step cannot run again.
 */
export function stepsOf({ graph, forward }: Planned, { path: at, tapes, inner }: Wanted, exact: boolean, again: (l: Around) => Loop | undefined): GrowingLoop {
  let loop = at.at(-1)!.node as Around;
  const original = loop, outer = around(at), name = nameOf(loop), loc = loop.loc ?? tapes.map((t) => graph.container(t).loc).find((x) => x), sized = loop.kind === "loop" && exitsOf(loop).size === 0 && loadedContainers(loop.begin).size + loadedContainers(loop.end).size === 0;
  const bad = (what: string, hint?: string): never => { throw refusal(loc, what.replace("this loop, whose length only the run knows,", sized ? "this loop, around one whose length only the run knows," : "$&"), hint); };
  const found: Path[] = [];
  visitPaths(graph.body.slice(forward), (n, path) => { if (n.kind === "loop" && n.variable === name) found.push(path); });
  const back = found[0];
  let reversal = back?.at(-1)!.node;
  if (found.length !== 1 || reversal?.kind !== "loop" || around(back!).map(nameOf).join() !== outer.map(nameOf).join()) return bad("this loop, whose length only the run knows, is not reversed by one loop");
  const down = loop.kind === "loop" && loop.order === "down", same = loop.kind === "while" || (down ? loop.end.key === reversal.end.key : loop.begin.key === reversal.begin.key);
  // Where any order will do for the reversal, this one will.
  if ((reversal.order !== (down ? "up" : "down") && reversal.order !== "any") || (loop.kind === "loop" && loop.order === "any") || !same) return bad("this loop, whose length only the run knows, is not reversed from its last step to its first");

  // Whatever is kept is kept by step, for the reversal of that step: the step is one of the dimensions, and those before it are the same for all of them.
  const own = new Set(tapes), step = stepOf(loop, loop.kind === "loop" ? loop : reversal), inside = new Set<Node>(), read = new Set<string>(), rows = new Map<string, { readonly dimension: number; readonly key: string }>();
  visitNodes([loop, reversal], (n) => { inside.add(n); });
  visitNodes(graph.body, (n) => {
    if (n.kind === "library" && n.op === "grow") return;
    for (const a of ownAccesses(graph, n)) {
      if (!own.has(a.base)) continue;
      const dimension = a.index.findIndex((e) => dependsOn(e, name)), row = dimension < 0 ? undefined : sub(a.index[dimension]!, step), known = rows.get(a.base);
      if (!row || dependsOn(row, name) || !inside.has(n) || a.data !== a.base) return bad("what this loop keeps, as often as only the run knows, is read elsewhere than where the step is reversed");
      const key = [...a.index.slice(0, dimension), row].map((e) => e.key).join();
      if (known && (known.dimension !== dimension || known.key !== key)) return bad("what this loop keeps, as often as only the run knows, is read elsewhere than where the step is reversed");
      rows.set(a.base, { dimension, key });
    }
  });
  const byStep = (body: readonly Node[]): readonly Node[] => inRows(body, (data) => { const r = rows.get(data); return r && { data, row: step, dimensions: r.dimension + 1 }; });
  loop = withBodies(loop, [byStep(loop.body)]) as Around;
  reversal = { ...reversal, order: down ? "up" : "down", body: byStep(reversal.body) };

  const exits = new Map<number, { readonly number: number; readonly inside: readonly string[] }>();
  visitPaths([loop], (n, path) => {
    if (n.kind !== "exit" || path.some((s) => s.node.kind === "block" && s.node.label === n.label)) return;
    exits.set(n.id, { number: exits.size + 1, inside: around(path.slice(1)).map(nameOf) });
  });
  visitNodes(loop.body, (n) => { for (const a of ownAccesses(graph, n)) if (own.has(a.base) && !a.write && !(n.kind === "library" && n.op === "grow")) read.add(a.base); });

  // Recorded once, or the same in every step. What every iteration of all loops around records for itself may be read again.
  const fixed = new Set<string>(), unstable = new Set<string>(), names = [...outer.map(nameOf), name];
  for (const a of accessesOf(graph, loop.body)) {
    const c = graph.container(a.base);
    if (!a.write || own.has(a.base) || inner.has(a.base) || (c.role !== "count" && c.role !== "tape")) continue;
    const varies = a.index.some((e) => dependsOn(e, name));
    if (c.role === "tape" && varies) bad("this loop, whose length only the run knows, keeps values in rows that are not its steps'");
    fixed.add(a.base);
    if (c.role !== "count" || c.growable || !names.every((v) => a.index.some((e) => dependsOn(e, v)))) unstable.add(a.base);
  }
  // How far a loop inside came, and by which exit it was left, was recorded: neither is decided again.
  const counted = (list: readonly Node[]): readonly Node[] => list.map((n) => {
    const l = n.kind === "while" || (n.kind === "loop" && exitsOf(n).size > 0) ? again(n) : undefined, facts = l && [l, ...conditionals(l)].flatMap(exprsOf).flatMap((e) => [...loadedContainers(e)]);
    // Where it is not recorded once and for all (or not any more), the loop runs as it did.
    const next = l && facts!.every((d) => { const c = graph.containers.get(d); return c !== undefined && (c.role !== "count" || (!own.has(d) && !unstable.has(d))); }) ? l : n;
    return withBodies(next, bodiesOf(next).map((b) => counted(b.list)));
  });
  const plain = mapNodes(counted(loop.body), (n) => ((n.kind === "library" && n.op === "grow") || (n.kind === "tasklet" && fixed.has(baseOf(graph, n.output.data))) ? [] : n));
  const staying = settled(plain, exits, false), whole = settled(plain, exits, true);
  visitNodes(staying, (n) => { if (n.kind === "exit" && exits.has(n.id)) bad("this loop, whose length only the run knows, is left where no condition stands"); });

  const tape = prune(graph, whole, needed(graph, whole, [...own, ...inner])), locals = new Set<string>(), state = new Set<string>(), written = new Set<string>(), used = new Set<string>();
  visitNodes([loop], (n) => { if (n.kind === "loop") for (const l of n.locals ?? []) locals.add(baseOf(graph, l)); });
  const look = (body: readonly Node[]): void => {
    for (const a of accessesOf(graph, body)) {
      if (own.has(a.base) || inner.has(a.base)) continue;
      if (unstable.has(a.base) || graph.container(a.base).growable) bad("this loop, whose length only the run knows, reads what is kept for the backward sweep");
      if (fixed.has(a.base)) continue;
      if (a.write) written.add(a.base); else used.add(a.base);
      if (a.wcr) used.add(a.base);
    }
    for (const d of written) if (!locals.has(d) && used.has(d) && !startsFresh(graph, body, d)) state.add(d);
  };
  look(tape);
  let advance: readonly Node[] = [];
  for (let before = -1; before !== state.size;) { before = state.size; advance = prune(graph, staying, needed(graph, staying, state)); look(advance); }
  if (!exact && (decidesOnFloats(graph, advance) || decidesOnFloats(graph, tape))) {
    bad("this loop, whose length only the run knows, decides by floats inside of its steps, and a step that runs again may round otherwise", "with precision: \"strict\" it does not; or select with np.where (a conditional expression) instead of branching");
  }
  const changed = changedBetween(graph, forward, original, back!);
  return {
    loop, reversal, tapes: tapes.filter((t) => rows.has(t)), read, exits, advance, tape, inner, dimensions: new Map([...rows].map(([t, r]) => [t, r.dimension + 1])),
    state: [...state], scratch: [...written].filter((d) => !state.has(d)), kept: [...used].filter((d) => !written.has(d) && changed.has(d)),
  };
}

function conditionals(l: Loop): Node[] { const out: Node[] = []; visitNodes(l.body, (n) => { if (n.kind === "conditional") out.push(n); }); return out; }

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
 * was taken for sure, the last needs no condition. `loops`: those of the step around the list.
 */
export function settled(list: readonly Node[], exits: Ways, left: boolean, loops: readonly string[] = []): readonly Node[] {
  return list.flatMap((n): readonly Node[] => {
    if (n.kind === "raise") return [];
    if (n.kind !== "conditional") return [withBodies(n, bodiesOf(n).map((b) => settled(b.list, exits, left, n.kind === "loop" || n.kind === "while" ? [...loops, nameOf(n)] : loops)))];
    const one = n.branches.at(-1)?.condition === undefined, leaving: Branch[] = [], staying: Branch[] = [];
    for (const b of n.branches) {
      const body = settled(b.body, exits, left, loops);
      if (!leaves(b.body, exits)) { staying.push({ ...b, body }); continue; }
      const ways: ScalarExpr[] = [], all = (list: readonly ScalarExpr[]): ScalarExpr => list.reduce((x, y) => op("and", "bool", x, y));
      visitNodes(b.body, (x) => {
        const way = exits.get(x.id);
        if (way) ways.push(all([op("eq", "bool", symbolic(sym(LEFT)), constant(way.number, "int64")), ...way.inside.filter((v) => loops.includes(v)).map((v) => op("eq", "bool", symbolic(sym(leftAt(v))), symbolic(sym(v))))]));
      });
      if (left && ways.length > 0) leaving.push({ condition: { inputs: [], code: ways.reduce((a, b) => op("or", "bool", a, b)) }, body });
    }
    const last = staying.at(-1);
    if (one && last?.condition) staying[staying.length - 1] = { body: last.body };
    if (leaving.length === 0 && staying.length <= 1 && !staying[0]?.condition) return staying[0]?.body ?? [];
    return [{ ...n, branches: [...leaving, ...staying] }];
  });
}

/** Containers that these depend on, and what decides which way a step goes. */
function needed(graph: Graph, body: readonly Node[], roots: Iterable<string>): ReadonlySet<string> {
  const live = new Set<string>(roots);
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

/** Without what nobody needs. */
function prune(graph: Graph, body: readonly Node[], live: ReadonlySet<string>): readonly Node[] { return without(body, (n) => !ownAccesses(graph, n).some((a) => a.write && live.has(a.base))); }
/** Without tasklets and operations, and the loops and conditionals that held nothing else. */
export function without(body: readonly Node[], gone: (n: Node) => boolean): readonly Node[] {
  return mapNodes(body, (n) => {
    if (n.kind === "tasklet" || n.kind === "library") return gone(n) ? [] : n;
    if (n.kind === "conditional") return n.branches.every((b) => b.body.length === 0) ? [] : n;
    return n.kind !== "exit" && n.kind !== "raise" && bodiesOf(n).every((b) => b.list.length === 0) ? [] : n;
  });
}
