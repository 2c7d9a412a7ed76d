/**
 * Marks outermost host loops whose bodies are nothing but launches that depend on arguments, symbols and the loop itself: the runtime may record them once and repeat the record.
 * Pre: a placed graph. Post: schedules only. Safe because nothing inside is read by the host, so the same arguments and symbols give the same launches.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { exprsOf } from "../../analysis/walk.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Node } from "../../sdfg/nodes.js";
import { add, freeSymbols, hasLoads, int, max, mul, ONE, sub, ZERO, type Expr } from "../../symbolic/expr.js";
import { atEnds } from "../work.js";

export function markSections(graph: Graph): Graph {
  const symbols = new Set(graph.symbols);
  const visit = (body: readonly Node[]): readonly Node[] => body.map((n): Node => {
    if (n.kind === "loop" && n.schedule?.gpu?.kernel) return n;
    // A loop of strips is few launches.
    if (n.kind === "loop" && !(n.body.length === 1 && isBlock(n.body[0]!))) {
      // A buffer that grows has another address in another run.
      const launches = accessesOf(graph, [n]).some((a) => graph.container(a.base).growable) ? undefined : launchesOf([n]);
      if (launches && [...symbolsUsed([n], new Set())].every((s) => symbols.has(s)) && [...freeSymbols(launches)].every((s) => symbols.has(s))) return { ...n, schedule: { ...n.schedule, gpu: { section: { launches } } } };
    }
    return withBodies(n, bodiesOf(n).map((b) => visit(b.list)));
  });
  return graph.with({ body: visit(graph.body) });
}

const isBlock = (n: Node): boolean => n.kind === "loop" && n.schedule?.gpu?.kernel === "block";

/** How many launches the nodes make at most; undefined: they do more than that. */
function launchesOf(body: readonly Node[]): Expr | undefined {
  let sum: Expr = ZERO;
  for (const n of body) {
    let mine: Expr | undefined;
    switch (n.kind) {
      case "loop":
        if (n.schedule?.gpu?.kernel) mine = int(n.schedule.gpu.kernel === "reduce" ? 2 : 1);
        else if (!hasLoads(n.begin) && !hasLoads(n.end)) { const inner = launchesOf(n.body); mine = inner && mul(max(sub(n.end, n.begin), ZERO), atEnds(inner, n)); }
        break;
      case "library": mine = n.op === "matmul" ? ONE : undefined; break;
      case "conditional":
        if (exprsOf(n).some(hasLoads) || n.branches.some((b) => b.condition && b.condition.inputs.length > 0)) break;
        mine = ZERO;
        for (const b of n.branches) { const inner = launchesOf(b.body); mine = inner && mine ? add(mine, inner) : undefined; }
        break;
      default: break;
    }
    if (!mine) return undefined;
    sum = add(sum, mine);
  }
  return sum;
}

/** Free symbols of a subtree: those that its own loops do not bind. */
function symbolsUsed(body: readonly Node[], bound: ReadonlySet<string>): Set<string> {
  const out = new Set<string>();
  for (const n of body) {
    for (const e of exprsOf(n)) for (const s of freeSymbols(e)) if (!bound.has(s)) out.add(s);
    const inner = n.kind === "loop" ? new Set([...bound, n.variable]) : n.kind === "while" ? new Set([...bound, n.counter]) : bound;
    for (const b of bodiesOf(n)) for (const s of symbolsUsed(b.list, inner)) out.add(s);
    if (n.kind === "loop" && n.schedule?.interior) for (const s of symbolsUsed(n.schedule.interior.body, inner)) out.add(s);
  }
  return out;
}
