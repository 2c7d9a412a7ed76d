/** Rough amounts of work, for thresholds: element operations of a subtree as a symbolic integer. */
import type { Node } from "../sdfg/nodes.js";
import { add, int, max, mul, ONE, sub, substitute, ZERO, type Expr } from "../symbolic/expr.js";
import { bodiesOf } from "./paths.js";
import { LIBRARY } from "../library/index.js";

/** Tasklet executions in a body; loops whose length depends on a variable inside count its mean. */
export function workOf(body: readonly Node[]): Expr {
  let sum: Expr = ZERO;
  for (const n of body) {
    if (n.kind === "tasklet") sum = add(sum, ONE);
    else if (n.kind === "library") sum = add(sum, LIBRARY.get(n.op)?.flops(n) ?? ONE);
    else if (n.kind === "loop") {
      const inner = workOf(n.body), length = sub(n.end, n.begin);
      // Where the inner work depends on this loop's variable, take its value at the start and at the end as the two extremes.
      const first = substitute(inner, new Map([[n.variable, n.begin]])), last = substitute(inner, new Map([[n.variable, n.end]]));
      sum = add(sum, mul(length, first.key === last.key ? first : max(first, last)));
    } else if (n.kind === "while") sum = add(sum, mul(int(16), workOf(n.body)));
    else for (const b of bodiesOf(n)) sum = add(sum, workOf(b.list));
  }
  return sum;
}
