/** How much there is to do in placed nodes: what the choice between launches and a kernel of one block compares. Loops of lengths that only the run knows count as a few iterations. */
import { isSolver } from "../../library/solvers.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { add, addInt, dependsOn, floordiv, hasLoads, int, max, mul, ONE, sub, substitute, ZERO, type Expr } from "../../symbolic/expr.js";
import { SOME, unitsIn } from "../work.js";

export interface Effort { /** Kernels that the host launches. */ readonly launches: Expr; /** Units that threads share. */ readonly units: Expr; /** Units that one thread does in either form. */ readonly serial: Expr }

/** Undefined: something that no block does. */
export function effortOf(body: readonly Node[]): Effort | undefined {
  let sum: Effort = { launches: ZERO, units: ZERO, serial: ZERO };
  for (const n of body) {
    const e = effort(n);
    if (!e) return undefined;
    sum = { launches: add(sum.launches, e.launches), units: add(sum.units, e.units), serial: add(sum.serial, e.serial) };
  }
  return sum;
}
function effort(n: Node): Effort | undefined {
  switch (n.kind) {
    case "loop": {
      const kernel = n.schedule?.gpu?.kernel;
      if (kernel === "single") return { launches: ONE, units: ZERO, serial: unitsIn([n]) };
      if (kernel) return { launches: int(kernel === "reduce" ? 2 : 1), units: unitsIn([n]), serial: ZERO };
      const e = effortOf(n.body), length = hasLoads(n.begin) || hasLoads(n.end) ? int(SOME) : max(sub(n.end, n.begin), ZERO), times = (x: Expr): Expr => (x.constant === 0 ? ZERO : mul(length, mostOf(x, n)));
      return e && { launches: times(e.launches), units: times(e.units), serial: times(e.serial) };
    }
    case "conditional": {
      const all = n.branches.map((b) => effortOf(b.body));
      if (!all.every((e) => e !== undefined)) return undefined;
      return { launches: max(ZERO, ...all.map((e) => e.launches)), units: max(ZERO, ...all.map((e) => e.units)), serial: max(ZERO, ...all.map((e) => e.serial)) };
    }
    // What is done in place of a library's call counts by itself.
    case "library": return { launches: ONE, units: isSolver(n) ? ZERO : unitsIn([n]), serial: ZERO };
    // A value that the host reads: it waits.
    case "tasklet": return { launches: int(4), units: ZERO, serial: ZERO };
    case "block": return effortOf(n.body);
    case "exit": return { launches: ZERO, units: ZERO, serial: ZERO };
    default: return undefined;
  }
}
/** An amount in a loop without its variable: the largest of both ends and the middle, which is half of the most at least where it grows and falls along straight lines. */
export function mostOf(e: Expr, l: Loop): Expr {
  if (!dependsOn(e, l.variable)) return e;
  if (hasLoads(l.begin) || hasLoads(l.end)) return substitute(e, new Map([[l.variable, int(SOME)]]));
  return max(...[l.begin, addInt(l.end, -1), add(l.begin, floordiv(sub(l.end, l.begin), int(2)))].map((at) => substitute(e, new Map([[l.variable, at]]))));
}
