/**
 * Loops of the forward sweep whose steps can be run again in the backward sweep instead of being taped one and all.
 * Pre: a planned graph (no `saved` reads), forward nodes first. A candidate is a loop in order, in the program's body, whose tapes have a row per step and are read by the
 * loop that reverses it alone. Running a step again needs the *state*, what a step reads of what earlier ones wrote, and what the loop reads from elsewhere as it
 * was (`kept`, where something changes it before the reversal). Unknown means no candidate.
 */
import { accessesOf, baseOf } from "../../analysis/accesses.js";
import { exprsOf, visitNodes } from "../../analysis/walk.js";
import { isDifferentiable } from "../../base/dtypes.js";
import { startsFresh } from "../../analysis/fresh.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { loadedContainers, sub, sym } from "../../symbolic/expr.js";

export interface Planned {
  readonly graph: Graph;
  /** Number of leading nodes of the body that are the forward sweep. */
  readonly forward: number;
}

export interface LoopCandidate {
  /** Positions of the loop and of its reversal in the program's body. */
  readonly at: number;
  readonly back: number;
  readonly loop: Loop;
  readonly reversal: Loop;
  /** Containers with a row per step: their first dimension. */
  readonly tapes: readonly string[];
  /** Containers that carry values from step to step. */
  readonly state: readonly string[];
  /** Everything else that the steps write, tapes and recorded integers apart. */
  readonly scratch: readonly string[];
  /** Integers recorded per step: they are written in the first pass alone. */
  readonly recorded: readonly string[];
  /** Read by the steps, written by none, changed before the reversal. */
  readonly kept: readonly string[];
}

/** `exact`: running a step again gives the same bits, so decisions made on floats may be made again. */
export function loopCandidates({ graph, forward }: Planned, exact: boolean): LoopCandidate[] {
  return graph.body.slice(0, forward).flatMap((n, at): LoopCandidate[] => {
    if (n.kind !== "loop" || n.order === "any") return [];
    const back = graph.body.findIndex((x, i) => i >= forward && x.kind === "loop" && x.variable === n.variable);
    const c = back < 0 ? undefined : candidate(graph, at, n, back, graph.body[back] as Loop, exact);
    return c ? [c] : [];
  });
}

/** Is there a loop in order whose tapes no schedule can do without, or one that keeps what no size bounds? */
export function tapesWithoutSchedule(planned: Planned): boolean {
  const { graph, forward } = planned;
  if ([...graph.containers.values()].some((c) => c.growable)) return true;
  const candidates = new Set(loopCandidates(planned, true).map((c) => c.at));
  return graph.body.slice(0, forward).some((n, at) => n.kind === "loop" && n.order !== "any" && !candidates.has(at) && accessesOf(graph, [n]).some((a) => a.write && graph.container(a.base).role === "tape"));
}

function candidate(graph: Graph, at: number, loop: Loop, back: number, reversal: Loop, exact: boolean): LoopCandidate | undefined {
  const sameBounds = reversal.order === (loop.order === "up" ? "down" : "up") && reversal.begin.key === loop.begin.key && reversal.end.key === loop.end.key;
  if (!sameBounds || loadedContainers(loop.begin).size + loadedContainers(loop.end).size > 0 || leavesOrGrows(loop) || (!exact && decidesOnFloats(graph, loop.body))) return undefined;
  const written = new Set<string>(), read = new Set<string>(), tapes = new Set<string>(), row = sub(sym(loop.variable), loop.begin).key;
  for (const a of accessesOf(graph, [loop])) {
    const { role, growable } = graph.container(a.base);
    if (growable) return undefined;
    if (role === "tape" && a.write) tapes.add(a.base);
    else if (a.write) written.add(a.base);
    else read.add(a.base);
    if (a.wcr) read.add(a.base);
  }
  if (tapes.size === 0) return undefined;
  const changed = new Set<string>();
  for (const [i, n] of graph.body.entries()) for (const a of accessesOf(graph, [n])) {
    if (tapes.has(a.base) && !((i === at || i === back) && a.data === a.base && a.index[0]?.key === row)) return undefined;
    // What the reversal itself changes has changed by the time an earlier step runs again.
    if (a.write && i > at && i <= back) changed.add(a.base);
  }
  const locals = new Set<string>();
  visitNodes([loop], (n) => { if (n.kind === "loop") for (const l of n.locals ?? []) locals.add(baseOf(graph, l)); });
  const recorded = [...written].filter((d) => graph.container(d).role === "count"), plain = [...written].filter((d) => graph.container(d).role !== "count");
  const state = plain.filter((d) => !locals.has(d) && read.has(d) && !startsFresh(graph, loop.body, d));
  return {
    at, back, loop, reversal, tapes: [...tapes], state, scratch: plain.filter((d) => !state.includes(d)), recorded,
    kept: [...read].filter((d) => !written.has(d) && !tapes.has(d) && changed.has(d)),
  };
}

/** Steps that may end the program, or take room of their own. */
function leavesOrGrows(loop: Loop): boolean {
  let found = false;
  visitNodes([loop], (n) => { if (n.kind === "exit" || n.kind === "raise" || n.kind === "block" || (n.kind === "library" && n.op === "grow")) found = true; });
  return found;
}

/** Conditions on floats, and integers and truth values that come from floats: but for what is recorded, which is not decided again. */
export function decidesOnFloats(graph: Graph, body: readonly Node[]): boolean {
  let found = false;
  const differentiable = (d: string): boolean => isDifferentiable(graph.container(d).dtype), recorded = (d: string): boolean => graph.container(d).role === "count";
  visitNodes(body, (n) => {
    if (n.kind === "while") found = true;
    else if (n.kind === "conditional") { if (!n.branches.every((b) => records(b.body))) for (const b of n.branches) if (b.condition?.inputs.some((m) => differentiable(m.data))) found = true; }
    else if (n.kind === "tasklet") { if (!differentiable(n.output.data) && !recorded(n.output.data) && n.inputs.some((m) => differentiable(m.data))) found = true; }
    else if (n.kind === "library" && n.inputs.some((o) => differentiable(o.data)) && !n.outputs.every((o) => differentiable(o.data))) found = true;
    for (const e of exprsOf(n)) for (const d of loadedContainers(e)) if (differentiable(d)) found = true;
  });
  function records(list: readonly Node[]): boolean { return list.every((x) => x.kind === "tasklet" && recorded(x.output.data)); }
  return found;
}
