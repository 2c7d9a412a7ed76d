/** Is a symbolic integer zero, under facts? */
import type { Expr } from "../symbolic/expr.js";
import { neg, addInt } from "../symbolic/expr.js";
import type { Assumptions, Tri } from "../symbolic/assumptions.js";
import { infeasible } from "../symbolic/system.js";

export function isZero(e: Expr, facts: Assumptions): Tri {
  const c = e.constant;
  if (c !== undefined) return c === 0 ? "yes" : "no";
  const positive = infeasible([{ kind: "ge", expr: addInt(e, -1) }], facts);
  const negative = infeasible([{ kind: "ge", expr: addInt(neg(e), -1) }], facts);
  if (positive && negative) return "yes";
  return infeasible([{ kind: "eq", expr: e }], facts) ? "no" : "unknown";
}
