/**
 * Functions that outlive the loop iteration whose variables they use. Blocks are flattened, so all iterations share one variable: a function that is called
 * in the iteration that made it sees the right value, one that is kept for later might not. Such functions are refused.
 */
import type * as t from "@babel/types";
import type { Context } from "./context.js";

/** Reports a function value (about to be stored or returned) that uses variables of a loop iteration. */
export function refuseEscape(c: Context, n: t.Node): void {
  const f = c.unit.functionOf(n);
  if (!f || f.unit !== c.unit) return;
  const scope = c.unit.scope(f.node);
  for (const other of c.unit.scopes.functions.values()) {
    for (const b of other.bindings) {
      if (!b.perIteration || b.fn.within(scope) || ![...b.reads, ...b.writes].some((u) => u.fn.within(scope))) continue;
      c.unit.unsupported(`keeping a function that uses ${b.name}, a variable of a loop's iteration`, n, "declare the variable outside the loop, or pass it as an argument");
      return;
    }
  }
}
