/** Conditions on symbols alone, decided under facts; conditionals and selects without the arms that never run. */
import { mapScalar, type ScalarExpr } from "../scalar/expr.js";
import type { Branch, Node } from "../sdfg/nodes.js";
import type { Assumptions, Tri } from "../symbolic/assumptions.js";
import { addInt, hasLoads, sub } from "../symbolic/expr.js";
import { isEqual, nonNegative } from "../symbolic/prove.js";
import { conditionFacts, integerOf, negatedFacts } from "./accesses.js";
import { loopFacts } from "./dependence.js";
import { bodiesOf, withBodies } from "./paths.js";

const not = (t: Tri): Tri => (t === "yes" ? "no" : t === "no" ? "yes" : "unknown");

/** Does the condition hold? Unknown for anything that depends on data. */
export function decide(c: ScalarExpr, facts: Assumptions): Tri {
  if (c.kind === "const") return c.value ? "yes" : "no";
  if (c.kind !== "op") return "unknown";
  if (c.op === "not") return not(decide(c.args[0]!, facts));
  if (c.op === "and" || c.op === "or") {
    const parts = c.args.map((a) => decide(a, facts)), strong = c.op === "and" ? "no" : "yes", weak = c.op === "and" ? "yes" : "no";
    return parts.includes(strong) ? strong : parts.every((p) => p === weak) ? weak : "unknown";
  }
  const a = c.args[0] && integerOf(c.args[0]), b = c.args[1] && integerOf(c.args[1]);
  if (!a || !b || hasLoads(a) || hasLoads(b)) return "unknown";
  const d = sub(a, b);
  switch (c.op) {
    case "ge": return nonNegative(d, facts);
    case "lt": return not(nonNegative(d, facts));
    case "gt": return nonNegative(addInt(d, -1), facts);
    case "le": return not(nonNegative(addInt(d, -1), facts));
    case "eq": return isEqual(a, b, facts);
    case "ne": return not(isEqual(a, b, facts));
    default: return "unknown";
  }
}

/** The list without branches that the facts rule out, and with selects on symbols decided. */
export function specialise(list: readonly Node[], facts: Assumptions): readonly Node[] {
  let changed = false;
  const out = list.flatMap((n): readonly Node[] => {
    if (n.kind === "conditional") {
      const branches: Branch[] = [];
      let known = facts, settled = false;
      for (const b of n.branches) {
        const t = b.condition ? decide(b.condition.code, known) : "yes";
        if (t === "no") { changed = true; continue; }
        const inside = b.condition ? known.with(...conditionFacts(b.condition.code)) : known;
        const body = specialise(b.body, inside);
        if (body !== b.body) changed = true;
        if (t === "yes") {
          settled = true;
          if (b.condition) changed = true;
          if (branches.length === 0 && b.condition) return body;
          branches.push({ body });
          break;
        }
        branches.push(body === b.body ? b : { ...b, body });
        known = known.with(...negatedFacts(b.condition!.code));
      }
      if (branches.length === 0) { changed = true; return []; }
      if (settled && branches.length === 1) { changed = true; return branches[0]!.body; }
      return [{ ...n, branches }];
    }
    if (n.kind === "tasklet") {
      const code = selects(n.code, facts);
      if (code === n.code) return [n];
      changed = true;
      return [{ ...n, code }];
    }
    const bs = bodiesOf(n);
    if (bs.length === 0) return [n];
    const inside = n.kind === "loop" ? facts.with(...loopFacts(n)) : facts;
    const inner = bs.map((b) => specialise(b.list, inside));
    if (inner.every((x, i) => x === bs[i]!.list)) return [n];
    changed = true;
    return [withBodies(n, inner)];
  });
  return changed ? out : list;
}

function selects(code: ScalarExpr, facts: Assumptions): ScalarExpr {
  return mapScalar(code, (e) => {
    if (e.kind !== "op" || e.op !== "select") return e;
    const t = decide(e.args[0]!, facts);
    return t === "yes" ? e.args[1]! : t === "no" ? e.args[2]! : e;
  });
}
