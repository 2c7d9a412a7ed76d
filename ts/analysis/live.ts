/**
 * Is a value that an elementwise definition wrote read again after some point? Followed through the rest of the list, the next iteration of the loops
 * around, and what comes after them, until everything is overwritten.
 */
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { Assumptions } from "../symbolic/assumptions.js";
import { addInt, hasLoads, sub, substitute, sym, type Expr } from "../symbolic/expr.js";
import { extraFacts, type Access } from "./accesses.js";
import { definitionOf, instanceOf, nestFacts, type Definition } from "./definition.js";
import { loopFacts, mayMeet, type Relation } from "./dependence.js";
import { effectsOf } from "./order.js";
import { bodiesOf } from "./paths.js";
import { substituteNodes } from "./walk.js";

/** Where a list stands: its owner is `list[index]` of the list around. Innermost last. */
export interface Place { readonly list: readonly Node[]; readonly index: number; readonly owner: Node }

const leavingCache = new WeakMap<Node, boolean>();
/** May the node end early: by leaving a block around it, or with an error? */
export function mayLeave(n: Node): boolean {
  let known = leavingCache.get(n);
  if (known === undefined) leavingCache.set(n, known = n.kind === "exit" || n.kind === "raise" || bodiesOf(n).some((b) => b.list.some(mayLeave)));
  return known;
}

const NONE: ReadonlyMap<string, Relation> = new Map();

interface Written { readonly definition: Definition; readonly access: Access; readonly facts: Assumptions }

/** `escapes`: what the container holds at the end of the program is seen. `facts` hold at the definition. */
export function liveAfter(graph: Graph, definition: Definition, access: Access, list: readonly Node[], from: number, around: readonly Place[], escapes: boolean, facts: Assumptions): boolean {
  const data = definition.task.output.data;
  /** "killed", "live", or "through": the end of the list was reached. */
  const scan = (w: Written, nodes: readonly Node[], start: number): "killed" | "live" | "through" => {
    let box: Assumptions | undefined;
    for (let q = start; q < nodes.length; q++) {
      const k = nodes[q]!, e = effectsOf(graph, k);
      if (e.reads.has(data) && e.of(data).some((a) => (!a.write || a.wcr) && mayMeet(graph, w.access, a, NONE, w.facts) && isExposed(graph, a, w.facts))) return "live";
      if (mayLeave(k)) return "live";
      if (!e.writes.has(data)) continue;
      const d = definitionOf(graph, k);
      if (d && d.task.output.data === data && !d.task.wcr && instanceOf(d, w.definition.task.output.index, box ??= w.facts.with(...nestFacts(w.definition.loops).filter((e) => !hasLoads(e))))) return "killed";
    }
    return "through";
  };
  const w: Written = { definition, access, facts };
  const here = scan(w, list, from);
  if (here !== "through") return here === "live";
  // First what comes later in the same iterations, up to where it is overwritten; that is nearly always an answer, and the next iterations are the dearer question.
  let level = around.length - 1;
  for (; level >= 0; level--) {
    const { list: outer, index, owner } = around[level]!;
    if (owner.kind === "loop" && owner.locals?.includes(data)) { level++; break; }
    const after = scan(w, outer, index + 1);
    if (after === "live") return true;
    if (after === "killed") break;
  }
  if (level < 0) { if (escapes) return true; level = 0; }
  return around.slice(level).some(({ owner }) => {
    // Where nothing reads it and nothing leaves, an iteration cannot find it live.
    if (!effectsOf(graph, owner).reads.has(data) && !mayLeave(owner)) return false;
    if (owner.kind === "while") return scan(nextIteration(w, owner.counter, "<"), [owner], 0) === "live";
    if (owner.kind !== "loop") return false;
    const again = nextIteration(w, owner.variable, owner.order === "up" ? "<" : owner.order === "down" ? ">" : "any");
    // What flows through a whole iteration untouched meets the same nodes in the next.
    return scan({ ...again, facts: again.facts.with(...loopFacts(owner)) }, owner.body, 0) === "live";
  });
}

/** Is the element not written for sure within the node before it is read there? */
function isExposed(graph: Graph, a: Access, facts: Assumptions): boolean {
  let known = facts;
  for (const step of a.path) {
    for (let q = step.index - 1; q >= 0; q--) {
      const d = definitionOf(graph, step.list[q]!);
      if (d && d.task.output.data === a.data && !d.task.wcr && instanceOf(d, a.index, known.with(...extraFacts(a), ...a.path.slice(a.path.indexOf(step)).flatMap((s) => (s.node.kind === "loop" && s.node !== a.node ? loopFacts(s.node) : []))))) return false;
    }
    if (step.node.kind === "loop") known = known.with(...loopFacts(step.node));
  }
  return true;
}

/** The same definition in an earlier iteration (of a map: another one). */
function nextIteration(w: Written, variable: string, relation: "<" | ">" | "any"): Written {
  const name = `${variable}~`, map = new Map([[variable, sym(name)]]), f = (e: Expr): Expr => substitute(e, map);
  const d = w.definition;
  const loops = d.loops.map((l) => ({ ...l, begin: f(l.begin), end: f(l.end) }));
  const task = substituteNodes([d.task], map)[0] as Definition["task"];
  const step = relation === "<" ? [addInt(sub(sym(variable), sym(name)), -1)] : relation === ">" ? [addInt(sub(sym(name), sym(variable)), -1)] : [];
  const moved: Definition = { loops, task, by: d.by, shift: d.shift.map(f) };
  // The path's loops are the definition's own: their bounds move along.
  const path = w.access.path.map((s) => { const at = d.loops.findIndex((l) => l === s.node); return at < 0 ? s : { ...s, node: loops[at]! }; });
  return { definition: moved, access: { ...w.access, path, index: w.access.index.map(f), guard: w.access.guard.map(f) }, facts: Assumptions.none.with(...w.facts.facts.map(f), ...step) };
}
