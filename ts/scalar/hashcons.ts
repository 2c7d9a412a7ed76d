/** Structural sharing: equal subexpressions become one node, so that printing and differentiation see a DAG. */
import type { ScalarExpr } from "./expr.js";

export function hashCons(root: ScalarExpr): ScalarExpr {
  const ids = new Map<ScalarExpr, number>(), byKey = new Map<string, { id: number; e: ScalarExpr }>();
  const done = new Map<ScalarExpr, ScalarExpr>();
  const visit = (e: ScalarExpr): ScalarExpr => {
    const known = done.get(e);
    if (known) return known;
    let next: ScalarExpr = e, key: string;
    switch (e.kind) {
      case "const": key = `c${e.dtype}:${typeof e.value}:${Object.is(e.value, -0) ? "-0" : String(e.value)}:${e.imag ?? ""}`; break;
      case "input": key = `i${e.dtype}:${e.index}`; break;
      case "symbolic": key = `s${e.dtype}:${e.expr.key}`; break;
      case "cast": { const arg = visit(e.arg); next = arg === e.arg ? e : { ...e, arg }; key = `t${e.dtype}:${ids.get(arg)}`; break; }
      case "op": { const args = e.args.map(visit); next = args.every((a, i) => a === e.args[i]) ? e : { ...e, args }; key = `${e.op}${e.dtype}:${args.map((a) => ids.get(a)).join(",")}`; break; }
    }
    let entry = byKey.get(key);
    if (!entry) { entry = { id: byKey.size, e: next }; byKey.set(key, entry); ids.set(next, entry.id); }
    done.set(e, entry.e);
    return entry.e;
  };
  return visit(root);
}
