/**
 * The reverse of one tasklet. For `X[o] = f(r…)`: with g the cotangent of X[o], each active r receives g·∂f/∂r and X[o]'s cotangent is
 * cleared; for `X[o] += f(r…)` it stays. Where an input may be the very element that is written, the order is: read g, clear, then accumulate.
 */
import { isComplex, isDifferentiable } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { adjoint, type AdjointOptions } from "../scalar/derivatives.js";
import { decidingInputs } from "../scalar/ops.js";
import { cast, constant, input, inputsOf, mapScalar, op, symbolic, type OpName, type ScalarExpr } from "../scalar/expr.js";
import { sub, type Expr } from "../symbolic/expr.js";
import type { Assumptions, Tri } from "../symbolic/assumptions.js";
import { isZero } from "./same.js";
import { freshId } from "../sdfg/sdfg.js";
import type { Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { tasklet, type Pool } from "./names.js";

/** Functions whose rules need the result, and that cost more than a load. */
const DEAR: ReadonlySet<OpName> = new Set<OpName>(["exp", "exp2", "expm1", "sqrt", "cbrt", "tan", "tanh", "tgamma", "hypot"]);

export interface TaskletContext {
  readonly pool: Pool;
  /** Gradient container of a container (views map to views). */
  gradient(data: string): string;
  isActive(data: string): boolean;
  baseOf(data: string): string;
  /** True: the output's cotangent is not read again before it is initialised anew, so it need not be cleared. */
  readonly clearingUnneeded: boolean;
  /** Is the tasklet's result still in place when the backward pass gets there. */
  resultAvailable(t: Tasklet): boolean;
  /** Is the input's value still in place then. */
  inputAvailable(t: Tasklet, index: number): boolean;
  readonly facts: Assumptions;
}

/** Do two memlets name the same element in the same iteration? */
function sameElement(a: Memlet, b: Memlet, facts: Assumptions): Tri {
  if (a.data !== b.data) return "unknown";
  let all: Tri = "yes";
  for (let d = 0; d < a.index.length; d++) {
    const t = isZero(sub(a.index[d]!, b.index[d]!), facts);
    if (t === "no") return "no";
    if (t === "unknown") all = "unknown";
  }
  return all;
}

/** Keeps the inputs that `code` uses and renumbers them. */
export function prune(code: ScalarExpr, inputs: readonly Memlet[]): { readonly code: ScalarExpr; readonly inputs: readonly Memlet[] } {
  const used = [...inputsOf(code)].sort((a, b) => a - b);
  const place = new Map<number, number>();
  const kept: Memlet[] = [], keys = new Map<string, number>();
  for (const u of used) {
    const m = inputs[u]!;
    const key = memletKey(m);
    let at = keys.get(key);
    if (at === undefined) { at = kept.length; kept.push(m); keys.set(key, at); }
    place.set(u, at);
  }
  return { code: mapScalar(code, (e) => (e.kind === "input" ? { ...e, index: place.get(e.index)! } : e)), inputs: kept };
}

export function memletKey(m: Memlet): string {
  return `${m.data}[${m.index.map((e) => e.key).join(",")}]${m.guard ? `?${m.guard.map((e) => e.key).join(",")}` : ""}${m.saved ? `@${m.saved.node}${m.saved.when}${m.saved.exact ? "!" : ""}` : ""}`;
}

/** Runs `node` only where all guards hold. */
function guarded(guard: readonly Expr[] | undefined, node: Node): Node {
  if (!guard || guard.length === 0) return node;
  const tests = guard.map((g) => op("ge", "bool", symbolic(g), constant(0, "int64")));
  return { kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: tests.reduce((a, b) => op("and", "bool", a, b)) }, body: [node] }] };
}

/** An operation without a derivative is the user's to hear of, at its line. */
function adjointAt(t: Tasklet, cotangent: ScalarExpr, active: ReadonlySet<number>, options: AdjointOptions): Map<number, ScalarExpr> {
  try { return adjoint(t.code, cotangent, active, options); } catch (e) {
    if (e instanceof DaceError && !e.loc && t.loc) throw new DaceError("UNSUPPORTED", e.summary, { loc: t.loc, cause: e });
    throw e;
  }
}

/** Backward nodes of a tasklet, and the private scalars they use. */
export function reverseTasklet(t: Tasklet, c: TaskletContext): { readonly nodes: readonly Node[]; readonly locals: readonly string[] } {
  const out = t.output;
  if (!c.isActive(out.data)) return { nodes: [], locals: [] };
  const dtype = c.pool.containers.get(out.data)!.dtype;
  const gOut: Memlet = { data: c.gradient(out.data), index: out.index };
  const clear = (): Node => tasklet(gOut, constant(0, dtype, isComplex(dtype) ? 0 : undefined), [], undefined, t.loc);

  const active = new Set<number>();
  t.inputs.forEach((m, i) => { if (isDifferentiable(c.pool.containers.get(m.data)!.dtype) && c.isActive(m.data)) active.add(i); });
  const overwrites = t.wcr === undefined;
  if (active.size === 0) return { nodes: overwrites && !c.clearingUnneeded ? [clear()] : [], locals: [] };

  const g = t.inputs.length, r = g + 1;
  // What is stored is the very result only where the store does not convert it.
  const resultUsable = overwrites && t.code.dtype === dtype && c.resultAvailable(t);
  const parts = adjointAt(t, cast(input(g, dtype), t.code.dtype), active, {
    ...(resultUsable ? { resultExpr: input(r, dtype) } : {}),
    // {result} is worth it if the arguments it replaces are gone, or if computing it again costs more than loading it.
    preferResult: resultUsable && ((t.code.kind === "op" && DEAR.has(t.code.op)) || [...inputsOf(t.code)].some((i) => !c.inputAvailable(t, i))),
  });
  // Where neither is there, what needs less to be kept is seen when all that is wanted is known (checkpoint/resolve.ts).
  const other = !resultUsable && overwrites && t.code.dtype === dtype && t.code.kind === "op" && [...inputsOf(t.code)].some((i) => !c.inputAvailable(t, i))
    ? adjointAt(t, cast(input(g, dtype), t.code.dtype), active, { resultExpr: input(r, dtype), preferResult: true }) : undefined;
  const deciding = decidingInputs(t.code);
  const saved: Memlet[] = [
    ...t.inputs.map((m, i): Memlet => ({ ...m, saved: { node: t.id, when: "before", ...(deciding.has(i) ? { exact: true } : {}) } })),
    gOut,
    { ...out, saved: { node: t.id, when: "after" } },
  ];

  // Does an input's cotangent share its element with the output's?
  const relation = new Map<number, Tri>();
  for (const i of parts.keys()) {
    const m = t.inputs[i]!;
    relation.set(i, c.baseOf(m.data) !== c.baseOf(out.data) ? "no" : sameElement(m, out, c.facts));
  }
  const contribution = (i: number, code: ScalarExpr, source: readonly Memlet[], wcr: "sum" | undefined): Node => {
    const m = t.inputs[i]!;
    const target: Memlet = { data: c.gradient(m.data), index: m.index };
    const own = c.pool.containers.get(m.data)!.dtype, p = prune(cast(code, own), source), node = tasklet(target, p.code, p.inputs, wcr, t.loc), alternative = wcr ? other?.get(i) : undefined;
    return guarded(m.guard, alternative && inputsOf(alternative).has(r) ? { ...node, instead: { of: t.id, ...prune(cast(alternative, own), source) } } : node);
  };
  const unknown = [...relation.values()].includes("unknown");
  const selves = [...parts.keys()].filter((i) => relation.get(i) === "yes");
  if (!unknown && (overwrites ? !selves.some((i) => t.inputs[i]!.guard) : selves.length === 0)) {
    const nodes = [...parts].filter(([i]) => relation.get(i) === "no").map(([i, code]) => contribution(i, code, saved, "sum"));
    if (overwrites && selves.length > 0) {
      // The element's own new cotangent replaces the old one, which all the others have read by now.
      const sum = selves.map((i) => cast(parts.get(i)!, dtype)).reduce((a, b) => op("add", dtype, a, b));
      nodes.push(contribution(selves[0]!, sum, saved, undefined));
    } else if (overwrites && !c.clearingUnneeded) nodes.push(clear());
    return { nodes, locals: [] };
  }
  const held = c.pool.add("c", { dtype, shape: [], transient: true, role: "gradient" });
  const source = saved.map((m, i) => (i === g ? { data: held, index: [] } : m));
  return {
    nodes: [tasklet({ data: held, index: [] }, input(0, dtype), [gOut], undefined, t.loc), ...(overwrites ? [clear()] : []), ...[...parts].map(([i, code]) => contribution(i, code, source, "sum"))],
    locals: [held],
  };
}
