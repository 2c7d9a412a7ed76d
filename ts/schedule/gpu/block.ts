/**
 * Small loops as one kernel: a sequential loop of launches, or one of unknown length, becomes, where sizes are small, a kernel of one block whose threads run the loop together and share what would have been kernels.
 * The host chooses between both forms by the work per launch. Post: the same values, but that sums are taken in another order; the loop is in strips, so that the host looks at the cancel flag between them.
 * Safe because the pieces are what kernels were, in the same order, and `barriers.ts` makes the threads meet between pieces that touch the same memory.
 */
import { accessesOf, conditionFacts } from "../../analysis/accesses.js";
import { loopFacts } from "../../analysis/dependence.js";
import { bodiesOf, exitsOf, withBodies } from "../../analysis/paths.js";
import { exprsOf, visitNodes } from "../../analysis/walk.js";
import { op, symbolic } from "../../scalar/expr.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { GpuSchedule, Loop, Node, While } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { add, addInt, dependsOn, floordiv, freeSymbols, hasLoads, int, max, min, mul, ONE, scale, sub, substitute, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { nonNegative } from "../../symbolic/prove.js";
import { SOME } from "../work.js";
import { effortOf, mostOf } from "./effort.js";
import { inRounds } from "./rounds.js";
import { inOrder, Together, type Context } from "./together.js";

/** Units of work, per launch that is saved, up to which one block is taken to be as fast as a grid: a launch costs two microseconds or more, in which a block does about as much. An estimate. */
const BLOCK_UNITS = 32768;
/** Pieces that one kernel runs through at most, in about a tenth of a second. */
const STRIP = 32768;
/** Units that one thread does in about the time of a launch. */
const SERIAL_UNITS = 1024;
/** Arrays and symbols that a kernel takes. */
const PARAMETERS = 200;
/** Characters of a condition that is worth its text. */
const LONGEST = 1000;

/** Placed nodes with small loops as kernels. `facts`: what holds around them. */
export function smallLoops(body: readonly Node[], facts: Assumptions, c: Context): readonly Node[] {
  return body.flatMap((n): readonly Node[] => {
    if (n.kind === "loop" && n.schedule?.gpu?.kernel) return [n];
    if (n.kind === "while") {
      const small = roundsOf(n, facts, c);
      return small ? either(small, { ...n, body: smallLoops(n.body, facts, c) }) : [{ ...n, body: smallLoops(n.body, facts, c) }];
    }
    if (n.kind !== "loop") return [withBodies(n, bodiesOf(n).map((b, i) => { const k = n.kind === "conditional" ? n.branches[i]!.condition : undefined; return smallLoops(b.list, k ? facts.with(...conditionFacts(k.code)) : facts, c); }))];
    const small = blockOf(n, facts, c), inner = (): Loop => ({ ...n, body: smallLoops(n.body, facts.with(...loopFacts(n)), c) });
    if (!small) return [inner()];
    // What is alone in a loop has as much work per launch as the loop.
    return either(small, n.body.length === 1 ? n : inner());
  });
}

/** The small form where there is little enough to do, else the other one. */
function either(small: Small, otherwise: Node): readonly Node[] {
  if (small.always) return small.body;
  return [{ kind: "conditional", id: freshId(), ...(otherwise.loc ? { loc: otherwise.loc } : {}), branches: [{ condition: { inputs: [], code: op("le", "bool", symbolic(small.units), symbolic(small.limit)) }, body: small.body }, { body: [shared(otherwise)] }] }];
}

/** What was private to an iteration of the host belongs to both forms, and so to all iterations: of a map, too, one comes after the other. */
function shared(n: Node): Node {
  if (n.kind === "loop" && n.schedule?.gpu?.kernel) return n;
  const bare: Node = n.kind === "loop" ? inOrder(n) : n;
  return withBodies(bare, bodiesOf(bare).map((b) => b.list.map(shared)));
}

interface Small { readonly body: readonly Node[]; readonly units: Expr; readonly limit: Expr; readonly always: boolean }

function blockOf(l: Loop, facts: Assumptions, c: Context): Small | undefined {
  // Who leaves the loop leaves all strips.
  const converted = exitsOf(l).size > 0 ? undefined : new Together(c).loop(l, facts);
  if (!converted) return undefined;
  const each = effortOf(l.body)!, units = mostOf(each.units, l), limit = scale(mostOf(each.launches, l), BLOCK_UNITS), rounds = mostOf(add(each.launches, floordiv(each.serial, int(SERIAL_UNITS))), l);
  if ([units, limit, rounds].some((e) => hasLoads(e) || e.key.length > LONGEST || dependsOn(e, l.variable))) return undefined;
  if (!isKernel(converted, c)) return undefined;
  const fits = nonNegative(sub(limit, units), facts);
  if (fits === "no") return undefined;
  // As many iterations as make a strip; where that depends on sizes, so does their number.
  const length = sub(l.end, l.begin), gpu: GpuSchedule = { kernel: "block" };
  const total = mul(length, rounds).constant;
  if (total !== undefined && total <= STRIP) return { body: [{ ...converted, schedule: { gpu } }], units, limit, always: fits === "yes" };
  const name = c.variable("strip"), strip = sym(name), step = stripOf(rounds);
  const from = mul(strip, step), to = add(from, step);
  const part: Loop = { ...converted, ...(l.order === "down" ? { begin: max(l.begin, sub(l.end, to)), end: sub(l.end, from) } : { begin: add(l.begin, from), end: min(l.end, add(l.begin, to)) }), schedule: { gpu } };
  return { body: [{ kind: "loop", id: freshId(), variable: name, begin: ZERO, end: floordiv(add(length, addInt(step, -1)), step), order: "up", body: [part], ...(l.loc ? { loc: l.loc } : {}) }], units, limit, always: fits === "yes" };
}

/** Iterations of a strip; `rounds`: pieces of each. */
function stripOf(rounds: Expr): Expr { return rounds.constant === undefined ? max(ONE, floordiv(int(STRIP), max(ONE, rounds))) : int(Math.max(1, Math.floor(STRIP / Math.max(1, Number(rounds.constant))))); }

/** Is there no more in it than a kernel takes? */
function isKernel(l: Loop, c: Context): boolean {
  const accesses = accessesOf(c.graph(), [l]), inside = new Set<string>(), outside = new Set<string>();
  visitNodes([l], (n) => { if (n.kind === "loop") inside.add(n.variable); for (const e of exprsOf(n)) freeSymbols(e, outside); });
  return new Set(accesses.map((a) => a.base)).size + [...outside].filter((s) => !inside.has(s)).length <= PARAMETERS;
}

function roundsOf(n: While, facts: Assumptions, c: Context): Small | undefined {
  const each = effortOf(n.body), typical = (e: Expr): Expr => substitute(e, new Map([[n.counter, int(SOME)]]));
  if (!each) return undefined;
  const units = typical(each.units), limit = scale(typical(each.launches), BLOCK_UNITS), rounds = typical(add(each.launches, floordiv(each.serial, int(SERIAL_UNITS)))), fits = nonNegative(sub(limit, units), facts);
  if (fits === "no" || [units, limit, rounds].some((e) => hasLoads(e) || e.key.length > LONGEST)) return undefined;
  const made = inRounds(n, stripOf(rounds), facts, c, (l) => ({ ...l, schedule: { gpu: { kernel: "block" } } }));
  return made && isKernel(made.kernel, c) ? { body: made.body, units, limit, always: fits === "yes" } : undefined;
}
