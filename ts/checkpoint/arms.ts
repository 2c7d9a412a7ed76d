/** Which arms of conditionals sizes and integer arguments decide on entry: 1 where the arm is taken, 0 where it is not. What is kept in an arm that is not taken needs no room. */
import type { Path } from "../analysis/paths.js";
import type { ScalarExpr } from "../scalar/expr.js";
import { addInt, freeSymbols, hasLoads, int, max, min, neg, ONE, sub, ZERO, type Expr } from "../symbolic/expr.js";

const not = (x: Expr): Expr => sub(ONE, x);
/** Is e >= 0? */
const holds = (e: Expr): Expr => min(ONE, max(ZERO, addInt(e, 1)));
const differs = (e: Expr): Expr => min(ONE, max(e, neg(e)));

function integer(e: ScalarExpr): Expr | undefined {
  if (e.kind === "symbolic") return hasLoads(e.expr) ? undefined : e.expr;
  if (e.kind === "const" && (typeof e.value === "bigint" || Number.isSafeInteger(e.value)) && /^u?int/.test(e.dtype)) return int(Number(e.value));
  return undefined;
}

/** 1 where the condition holds, else 0; undefined where it is not one of integers. */
export function indicator(e: ScalarExpr): Expr | undefined {
  if (e.kind !== "op") return undefined;
  const [x, y] = e.args;
  if (e.op === "not") { const a = indicator(x!); return a && not(a); }
  if (e.op === "and" || e.op === "or") {
    const a = indicator(x!), b = indicator(y!);
    return a && b && (e.op === "and" ? min(a, b) : max(a, b));
  }
  const a = x && integer(x), b = y && integer(y);
  if (!a || !b) return undefined;
  switch (e.op) {
    case "eq": return not(differs(sub(a, b)));
    case "ne": return differs(sub(a, b));
    case "ge": return holds(sub(a, b));
    case "gt": return holds(addInt(sub(a, b), -1));
    case "le": return holds(sub(b, a));
    case "lt": return holds(addInt(sub(b, a), -1));
    default: return undefined;
  }
}

/** Of all the arms on the way to a list (`key`: the list's; `owners`: the path to the node that it belongs to); conditions on anything but the program's symbols are left out. */
export function taken(owners: Path, key: string, symbols: readonly string[]): Expr {
  let all: Expr = ONE;
  owners.forEach(({ node }, i) => {
    if (node.kind !== "conditional") return;
    const arm = Number((owners[i + 1]?.key ?? key).split(".")[1]);
    const conditions = node.branches.slice(0, arm + 1).map((b, k) => { const c = b.condition && indicator(b.condition.code); return c && (k < arm ? not(c) : c); });
    for (const [k, c] of conditions.entries()) if (c && [...freeSymbols(c)].every((s) => symbols.includes(s)) && node.branches[k]!.condition!.inputs.length === 0) all = all === ONE ? c : min(all, c);
  });
  return all;
}
