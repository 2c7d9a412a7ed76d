/** Work in units of about one vectorised flop or one load: what thresholds compare. */
import { visitScalar } from "../scalar/expr.js";
import { costOf } from "../scalar/ops.js";
import { LIBRARY } from "../library/index.js";
import { bodiesOf } from "../analysis/paths.js";
import { conditionFacts } from "../analysis/accesses.js";
import type { Branch, Condition, Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { add, addInt, floordiv, int, max, min, mul, ONE, scale, sub, substitute, ZERO, type Expr } from "../symbolic/expr.js";

export { PARALLEL_UNITS } from "./threshold.js";

export function unitsOf(t: Tasklet): number {
  let n = t.inputs.length + (t.wcr ? 2 : 1);
  visitScalar(t.code, (e) => { if (e.kind === "op") n += costOf(e.op); });
  return n;
}

/** Units of a body. Where an inner amount depends on a loop's variable, the larger of its two ends counts. `arms`: what the arms of a conditional come to together; all of them, unless it is said. */
export function unitsIn(body: readonly Node[], arms: typeof weighted = (_, amounts) => add(...amounts)): Expr {
  let sum: Expr = ZERO;
  for (const n of body) {
    if (n.kind === "tasklet") sum = add(sum, int(unitsOf(n)));
    else if (n.kind === "library") sum = add(sum, LIBRARY.get(n.op)?.flops(n) ?? ONE);
    else if (n.kind === "loop") sum = add(sum, mul(lengthOf(n), atEnds(unitsIn(n.body, arms), n)));
    else if (n.kind === "while") sum = add(sum, scale(substitute(unitsIn(n.body, arms), new Map([[n.counter, int(SOME)]])), SOME));
    else if (n.kind === "conditional") sum = add(sum, arms(n.branches, n.branches.map((b) => unitsIn(b.body, arms))));
    else for (const b of bodiesOf(n)) sum = add(sum, unitsIn(b.list, arms));
  }
  return sum;
}

/** How often a loop of unknown length is taken to run. */
export const SOME = 16;
export function lengthOf(l: Loop): Expr {
  // A strip of rounds is not full as a rule.
  if (l.schedule?.gpu?.rounds) return min(l.schedule.gpu.rounds, int(SOME));
  const e = sub(l.end, l.begin); return e.key.includes("[") ? int(SOME) : e;
}

/** An amount inside a loop as one without its variable. */
export function atEnds(e: Expr, l: Pick<Loop, "variable" | "begin" | "end" | "schedule">): Expr {
  if (l.schedule?.gpu?.rounds || l.begin.key.includes("[") || l.end.key.includes("[")) return substitute(e, new Map([[l.variable, int(SOME)]]));
  const first = substitute(e, new Map([[l.variable, l.begin]])), last = substitute(e, new Map([[l.variable, l.end]]));
  return first.key === last.key ? first : max(first, last);
}

/** An amount as text that is not too long to be evaluated at each call. */
const LONGEST = 4000;
/**
 * What a run takes of the arms of a conditional, as an estimate of its time has it (checkpoint/cost/time.ts): the arm that sizes choose; where data chooses, the mean, and of a chain without a last arm
 * doing nothing is one more.
 */
export function weighted(branches: readonly Branch[], amounts: readonly Expr[]): Expr {
  const open = branches.at(-1)?.condition !== undefined, mean = (): Expr => floordiv(add(...amounts), int(Math.max(1, branches.length + (open ? 1 : 0)))), decisions = branches.map((b) => (b.condition ? decided(b.condition) : ONE));
  let sum = ZERO, rest = ONE;
  for (const [k, d] of decisions.entries()) {
    if (!d) return mean();
    sum = add(sum, mul(mul(rest, d), amounts[k]!));
    rest = mul(rest, sub(ONE, d));
    if (sum.key.length + rest.key.length > LONGEST) return mean();
  }
  return sum;
}
/** 1 where the condition holds and 0 where it does not, from symbols; undefined where only the run knows. */
function decided({ inputs, code }: Condition): Expr | undefined {
  if (inputs.length > 0 || code.kind !== "op") return undefined;
  if (code.op === "and") { const all = code.args.map((a) => decided({ inputs, code: a })); return all.reduce<Expr | undefined>((a, b) => a && b && mul(a, b), ONE); }
  const facts = conditionFacts(code);
  return facts.length === 0 ? undefined : facts.reduce((a, e) => mul(a, min(ONE, max(ZERO, addInt(e, 1)))), ONE);
}
