/**
 * Which loops the threads share, and where parallel regions start: one around a sequential loop with shared loops inside, where all that is in between
 * may run on one thread, else one per shared loop. Pre: a valid graph. Post: schedules only.
 * Safe because only loops that `shareable` allows are shared, and every thread that runs a sequential loop or a condition of a region redundantly reads nothing
 * that the region writes: bounds and conditions are of symbols, and of a planner's lists, alone.
 */
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { visitNodes, exprsOf } from "../analysis/walk.js";
import type { Graph } from "../sdfg/sdfg.js";
import { loopFacts } from "../analysis/dependence.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import type { Conditional, Loop, LoopSchedule, Node } from "../sdfg/nodes.js";
import { dependsOn, hasLoads, loadedContainers, max, type Expr } from "../symbolic/expr.js";
import { leaves } from "./reductions.js";
import { shareable } from "./shareable.js";
import { atEnds, PARALLEL_UNITS, unitsIn } from "./work.js";

export function parallelise(graph: Graph, options: { readonly strict: boolean }): Graph {
  const marked = mark(graph, graph.body, options, graph.facts);
  // Lists of a planner's own are never written, and what is read of them is there; what the user's data say is checked as it is read, which one thread does.
  const listed = (d: string): boolean => { const c = graph.container(d); return !c.transient && c.role === "workspace"; };
  return graph.with({ body: new Regions((e) => hasLoads(e) && ![...loadedContainers(e)].every(listed)).place(marked) });
}

/** Outermost shareable loops get `parallel`. */
function mark(graph: Graph, body: readonly Node[], options: { readonly strict: boolean }, facts: Assumptions): readonly Node[] {
  return body.map((n): Node => {
    if (n.kind === "loop") {
      const work = unitsIn([n]);
      if (work.constant === undefined || work.constant >= PARALLEL_UNITS) {
        const s = shareable(graph, n, options, facts);
        if (s) {
          const blocks: Pick<LoopSchedule, "blocks"> = s.reductions.length > 0 ? { blocks: { work, into: s.reductions } } : {};
          return { ...n, schedule: { ...n.schedule, parallel: n.schedule?.parallel ?? (uneven(n) ? "cyclic" : "even"), ...blocks } };
        }
      }
    }
    const inner = n.kind === "loop" ? facts.with(...loopFacts(n)) : facts;
    return withBodies(n, bodiesOf(n).map((b) => mark(graph, b.list, options, inner)));
  });
}

/** Does the work of an iteration depend on which one it is? */
function uneven(l: Loop): boolean {
  let found = false;
  visitNodes(l.body, (n) => { if (n.kind === "loop" && (dependsOn(n.begin, l.variable) || dependsOn(n.end, l.variable) || hasLoads(n.begin) || hasLoads(n.end))) found = true; });
  return found;
}

/** `unsteady`: does the expression load anything but a planner's list? */
class Regions {
  constructor(readonly unsteady: (e: Expr) => boolean) {}

  place(body: readonly Node[]): readonly Node[] {
    return body.map((n): Node => {
      if (n.kind === "loop") {
        if (n.schedule?.parallel) return { ...n, schedule: { ...n.schedule, region: { work: unitsIn([n]) } } };
        const work = phaseWork(n.body);
        if (work && this.#team(n)) return { ...asTeam(n), schedule: { ...n.schedule, team: true, region: { work: atEnds(work, n) } } };
      }
      return withBodies(n, bodiesOf(n).map((b) => this.place(b.list)));
    });
  }

  /** May every thread run this loop, sharing the parallel loops inside and leaving the rest to one? */
  #team(l: Loop): boolean { return !this.unsteady(l.begin) && !this.unsteady(l.end) && !leaves(l.body, new Set()) && l.body.every((n) => this.#teamNode(n)); }
  #teamNode(n: Node): boolean {
    if (n.kind === "loop" && n.schedule?.parallel) return true;
    if (!phaseWork([n])) return this.#serial(n);
    if (n.kind === "loop") return this.#team(n);
    return n.kind === "conditional" && this.#symbolicOnly(n) && n.branches.every((b) => b.body.every((x) => this.#teamNode(x)));
  }
  /** Conditions that read no container. */
  #symbolicOnly(n: Conditional): boolean { return n.branches.every((b) => !b.condition || b.condition.inputs.length === 0) && exprsOf(n).every((e) => !this.unsteady(e)); }
  /** May one thread run it between barriers? Not where it may end the program or take unknown time. */
  #serial(n: Node): boolean {
    let ok = true;
    visitNodes([n], (x) => { if (x.kind === "while" || (x.kind === "library" && x.op === "grow") || exprsOf(x).some((e) => this.unsteady(e))) ok = false; });
    return ok;
  }
}

const asTeam = (n: Loop): Loop => ({ ...n, schedule: { ...n.schedule, team: true }, body: n.body.map(inTeam) });
function inTeam(n: Node): Node {
  if (!phaseWork([n]) || (n.kind === "loop" && n.schedule?.parallel)) return n;
  return n.kind === "loop" ? asTeam(n) : withBodies(n, bodiesOf(n).map((b) => b.list.map(inTeam)));
}

/** Units of the largest shared loop inside, if there is one. */
function phaseWork(body: readonly Node[]): Expr | undefined {
  let most: Expr | undefined;
  for (const n of body) {
    if (n.kind === "loop" && n.schedule?.parallel) { const w = unitsIn([n]); most = most ? max(most, w) : w; continue; }
    for (const b of bodiesOf(n)) {
      const w = phaseWork(b.list);
      if (w) { const outside = n.kind === "loop" ? atEnds(w, n) : w; most = most ? max(most, outside) : outside; }
    }
  }
  return most;
}
