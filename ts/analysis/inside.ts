import { addInt, sub, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import type { Assumptions } from "../symbolic/assumptions.js";

/** Is the element certainly in an array of this shape, wherever the facts hold? Not for indices that are loaded. */
export function insideShape(shape: readonly Expr[], index: readonly Expr[], facts: Assumptions): boolean {
  return index.every((e, d) => !e.key.includes("[") && nonNegative(e, facts) === "yes" && nonNegative(addInt(sub(shape[d]!, e), -1), facts) === "yes");
}
