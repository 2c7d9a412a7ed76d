/** Perfect nests around one tasklet, and the iteration in which such a nest comes to a given element. */
import type { Loop, Node, Tasklet } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, loadedContainers, sub, substitute, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";

/** Loops around nothing but one tasklet. */
export interface Nest { readonly loops: readonly Loop[]; readonly leaf: Tasklet }

export function perfectNest(n: Node): Nest | undefined {
  const loops: Loop[] = [];
  let at = n;
  for (; at.kind === "loop"; at = at.body[0]!) {
    if (at.body.length !== 1) return undefined;
    loops.push(at);
  }
  return at.kind === "tasklet" ? { loops, leaf: at } : undefined;
}

/**
 * The values of the nest's loop variables at which `index` is `target`, if each variable stands alone in a dimension of it, shifted, and the iteration is
 * proven to be one of the nest's. There is at most one.
 */
export function instanceAt(loops: readonly Loop[], index: readonly Expr[], target: readonly Expr[], facts: Assumptions): ReadonlyMap<string, Expr> | undefined {
  const i = instanceWhere(loops, index, target, facts);
  return i?.guard.length === 0 ? i.at : undefined;
}
/** The same, where it is one of the nest's under conditions: what must be >= 0. Undefined also where it never is. */
export function instanceWhere(loops: readonly Loop[], index: readonly Expr[], target: readonly Expr[], facts: Assumptions): { readonly at: ReadonlyMap<string, Expr>; readonly guard: readonly Expr[] } | undefined {
  const variables = new Set(loops.map((l) => l.variable)), at = new Map<string, Expr>(), bounds: Expr[] = [];
  for (const [d, e] of index.entries()) {
    const a = affine(e, variables);
    if (!a || a.coefficients.size > 1) return undefined;
    const [term] = a.coefficients;
    if (!term) { if (a.rest.key !== target[d]!.key) bounds.push(sub(target[d]!, a.rest), sub(a.rest, target[d]!)); continue; }
    if (term[1].constant !== 1 || at.has(term[0])) return undefined;
    at.set(term[0], sub(target[d]!, a.rest));
  }
  if (at.size !== loops.length || [...at.values(), ...bounds].some((e) => loadedContainers(e).size > 0)) return undefined;
  for (const l of loops) { const v = at.get(l.variable)!; bounds.push(sub(v, substitute(l.begin, at)), addInt(sub(substitute(l.end, at), v), -1)); }
  const holds = bounds.map((e) => nonNegative(e, facts)), guard = bounds.filter((_, i) => holds[i] !== "yes");
  return holds.includes("no") || guard.some((e) => loadedContainers(e).size > 0) ? undefined : { at, guard };
}
