/** Work in units of about one vectorised flop or one load: what thresholds compare. */
import { visitScalar } from "../scalar/expr.js";
import { costOf } from "../scalar/ops.js";
import { LIBRARY } from "../library/index.js";
import { bodiesOf } from "../analysis/paths.js";
import type { Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { add, int, max, mul, ONE, scale, sub, substitute, ZERO, type Expr } from "../symbolic/expr.js";

export { PARALLEL_UNITS } from "./threshold.js";

export function unitsOf(t: Tasklet): number {
  let n = t.inputs.length + (t.wcr ? 2 : 1);
  visitScalar(t.code, (e) => { if (e.kind === "op") n += costOf(e.op); });
  return n;
}

/** Units of a body. Where an inner amount depends on a loop's variable, the larger of its two ends counts. */
export function unitsIn(body: readonly Node[]): Expr {
  let sum: Expr = ZERO;
  for (const n of body) {
    if (n.kind === "tasklet") sum = add(sum, int(unitsOf(n)));
    else if (n.kind === "library") sum = add(sum, LIBRARY.get(n.op)?.flops(n) ?? ONE);
    else if (n.kind === "loop") sum = add(sum, mul(lengthOf(n), atEnds(unitsIn(n.body), n)));
    else if (n.kind === "while") sum = add(sum, scale(substitute(unitsIn(n.body), new Map([[n.counter, int(SOME)]])), SOME));
    else for (const b of bodiesOf(n)) sum = add(sum, unitsIn(b.list));
  }
  return sum;
}

/** How often a loop of unknown length is taken to run. */
export const SOME = 16;
export function lengthOf(l: Loop): Expr { const e = sub(l.end, l.begin); return e.key.includes("[") ? int(SOME) : e; }

/** An amount inside a loop as one without its variable. */
export function atEnds(e: Expr, l: Pick<Loop, "variable" | "begin" | "end">): Expr {
  if (l.begin.key.includes("[") || l.end.key.includes("[")) return substitute(e, new Map([[l.variable, int(SOME)]]));
  const first = substitute(e, new Map([[l.variable, l.begin]])), last = substitute(e, new Map([[l.variable, l.end]]));
  return first.key === last.key ? first : max(first, last);
}
