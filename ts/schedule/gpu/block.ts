/**
 * Small loops as one kernel: a sequential loop of launches becomes, where sizes are small, a kernel of one block whose threads run the loop together and share what would have been kernels. The
 * host chooses between both forms by the work per launch. Post: the same values, but that sums are taken in another order; the loop is in strips, so that the host looks at the cancel flag between them.
 * Safe because the pieces are what kernels were, in the same order, and `barriers.ts` makes the threads meet between pieces that touch the same memory; bounds and conditions that all threads evaluate are of
 * symbols, or of scalars that a piece has written before they met. Loops of unknown length stay with the host, which can stop them.
 */
import { accessesOf, conditionFacts } from "../../analysis/accesses.js";
import { loopFacts } from "../../analysis/dependence.js";
import { bodiesOf, exitsOf, withBodies } from "../../analysis/paths.js";
import { exprsOf, visitNodes } from "../../analysis/walk.js";
import { LIBRARY } from "../../library/index.js";
import { doneFlag, isSolver } from "../../library/solvers.js";
import { op, symbolic } from "../../scalar/expr.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import type { GpuAxis, GpuSchedule, LibraryNode, Loop, Node } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { add, addInt, dependsOn, floordiv, freeSymbols, hasLoads, int, max, min, mul, ONE, scale, sub, substitute, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { nonNegative } from "../../symbolic/prove.js";
import { unitsIn } from "../work.js";
import { nestOf } from "./nests.js";

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

export interface Context {
  readonly graph: () => Graph;
  readonly host: ReadonlySet<string>;
  /** A new loop variable. */
  readonly variable: (prefix: string) => string;
  /** Nodes as kernels and host control. */
  readonly place: (body: readonly Node[], facts: Assumptions) => readonly Node[];
}

/** Placed nodes with small loops as kernels. `facts`: what holds around them. */
export function smallLoops(body: readonly Node[], facts: Assumptions, c: Context): readonly Node[] {
  return body.flatMap((n): readonly Node[] => {
    if (n.kind === "loop" && n.schedule?.gpu?.kernel) return [n];
    if (n.kind !== "loop") return [withBodies(n, bodiesOf(n).map((b, i) => { const k = n.kind === "conditional" ? n.branches[i]!.condition : undefined; return smallLoops(b.list, k ? facts.with(...conditionFacts(k.code)) : facts, c); }))];
    const small = blockOf(n, facts, c), inner = (): Loop => ({ ...n, body: smallLoops(n.body, facts.with(...loopFacts(n)), c) });
    if (!small) return [inner()];
    if (small.always) return small.body;
    // What is alone in a loop has as much work per launch as the loop.
    return [{ kind: "conditional", id: freshId(), ...(n.loc ? { loc: n.loc } : {}), branches: [{ condition: { inputs: [], code: op("le", "bool", symbolic(small.units), symbolic(small.limit)) }, body: small.body }, { body: [shared(n.body.length === 1 ? n : inner())] }] }];
  });
}

/** What was private to an iteration of the host belongs to both forms, and so to all iterations: of a map, too, one comes after the other. */
function shared(n: Node): Node {
  if (n.kind === "loop" && n.schedule?.gpu?.kernel) return n;
  const bare: Node = n.kind === "loop" ? inOrder(n) : n;
  return withBodies(bare, bodiesOf(bare).map((b) => b.list.map(shared)));
}

function inOrder({ locals: _, ...l }: Loop): Loop { return l.order === "any" ? { ...l, order: "up" } : l; }

interface Small { readonly body: readonly Node[]; readonly units: Expr; readonly limit: Expr; readonly always: boolean }

function blockOf(l: Loop, facts: Assumptions, c: Context): Small | undefined {
  // Who leaves the loop leaves all strips.
  const converted = exitsOf(l).size > 0 ? undefined : new Together(c).loop(l, facts);
  if (!converted) return undefined;
  const each = effortOf(l.body)!, units = mostOf(each.units, l), limit = scale(mostOf(each.launches, l), BLOCK_UNITS), rounds = mostOf(add(each.launches, floordiv(each.serial, int(SERIAL_UNITS))), l);
  if ([units, limit, rounds].some((e) => hasLoads(e) || e.key.length > LONGEST || dependsOn(e, l.variable))) return undefined;
  const accesses = accessesOf(c.graph(), [converted]), inside = new Set<string>(), outside = new Set<string>();
  visitNodes([converted], (n) => { if (n.kind === "loop") inside.add(n.variable); for (const e of exprsOf(n)) freeSymbols(e, outside); });
  if (new Set(accesses.map((a) => a.base)).size + [...outside].filter((s) => !inside.has(s)).length > PARAMETERS || accesses.some((a) => c.graph().container(a.base).growable)) return undefined;
  const fits = nonNegative(sub(limit, units), facts);
  if (fits === "no") return undefined;
  // As many iterations as make a strip; where that depends on sizes, so does their number.
  const length = sub(l.end, l.begin), gpu: GpuSchedule = { kernel: "block" };
  const total = mul(length, rounds).constant;
  if (total !== undefined && total <= STRIP) return { body: [{ ...converted, schedule: { gpu } }], units, limit, always: fits === "yes" };
  const name = c.variable("strip"), strip = sym(name), step = rounds.constant === undefined ? max(ONE, floordiv(int(STRIP), max(ONE, rounds))) : int(Math.max(1, Math.floor(STRIP / Math.max(1, Number(rounds.constant)))));
  const from = mul(strip, step), to = add(from, step);
  const part: Loop = { ...converted, ...(l.order === "down" ? { begin: max(l.begin, sub(l.end, to)), end: sub(l.end, from) } : { begin: add(l.begin, from), end: min(l.end, add(l.begin, to)) }), schedule: { gpu } };
  return { body: [{ kind: "loop", id: freshId(), variable: name, begin: ZERO, end: floordiv(add(length, addInt(step, -1)), step), order: "up", body: [part], ...(l.loc ? { loc: l.loc } : {}) }], units, limit, always: fits === "yes" };
}

// ---- how much there is to do

interface Effort { /** Kernels that the host launches. */ readonly launches: Expr; /** Units that threads share. */ readonly units: Expr; /** Units that one thread does in either form. */ readonly serial: Expr }

/** Undefined: something that no block does. */
function effortOf(body: readonly Node[]): Effort | undefined {
  let sum: Effort = { launches: ZERO, units: ZERO, serial: ZERO };
  for (const n of body) {
    const e = effort(n);
    if (!e) return undefined;
    sum = { launches: add(sum.launches, e.launches), units: add(sum.units, e.units), serial: add(sum.serial, e.serial) };
  }
  return sum;
}
function effort(n: Node): Effort | undefined {
  switch (n.kind) {
    case "loop": {
      const kernel = n.schedule?.gpu?.kernel;
      if (kernel === "single") return { launches: ONE, units: ZERO, serial: unitsIn([n]) };
      if (kernel) return { launches: int(kernel === "reduce" ? 2 : 1), units: unitsIn([n]), serial: ZERO };
      const e = effortOf(n.body), length = max(sub(n.end, n.begin), ZERO), times = (x: Expr): Expr => (x.constant === 0 ? ZERO : mul(length, mostOf(x, n)));
      return e && { launches: times(e.launches), units: times(e.units), serial: times(e.serial) };
    }
    case "conditional": {
      const all = n.branches.map((b) => effortOf(b.body));
      if (!all.every((e) => e !== undefined)) return undefined;
      return { launches: max(ZERO, ...all.map((e) => e.launches)), units: max(ZERO, ...all.map((e) => e.units)), serial: max(ZERO, ...all.map((e) => e.serial)) };
    }
    // What is done in place of a library's call counts by itself.
    case "library": return { launches: ONE, units: isSolver(n) ? ZERO : unitsIn([n]), serial: ZERO };
    // A value that the host reads: it waits.
    case "tasklet": return { launches: int(4), units: ZERO, serial: ZERO };
    case "block": return effortOf(n.body);
    case "exit": return { launches: ZERO, units: ZERO, serial: ZERO };
    default: return undefined;
  }
}
/** An amount in a loop without its variable: the largest of both ends and the middle, which is half of the most at least where it grows and falls along straight lines. */
function mostOf(e: Expr, l: Loop): Expr {
  if (!dependsOn(e, l.variable)) return e;
  return max(...[l.begin, addInt(l.end, -1), add(l.begin, floordiv(sub(l.end, l.begin), int(2)))].map((at) => substitute(e, new Map([[l.variable, at]]))));
}

// ---- the other form

class Together {
  /** Scalars that the host would read, and where they lie. */
  readonly #asked = new Map<string, string>();
  /** Flags of calls of the device's libraries. */
  readonly #calls = new Set<string>();
  constructor(readonly context: Context) {}

  loop(l: Loop, facts: Assumptions): Loop | undefined {
    if (hasLoads(l.begin) || hasLoads(l.end)) return undefined;
    const { schedule: _, ...bare } = inOrder(l), body = this.#list(l.body, facts.with(...loopFacts(l)));
    return body && { ...bare, id: freshId(), body };
  }
  #list(body: readonly Node[], facts: Assumptions): readonly Node[] | undefined {
    const out: Node[] = [];
    for (const n of body) {
      const made = this.#node(n, facts);
      if (!made) return undefined;
      out.push(...made);
    }
    return out;
  }
  #node(n: Node, facts: Assumptions): readonly Node[] | undefined {
    switch (n.kind) {
      case "loop": {
        if (n.schedule?.gpu?.kernel === "product") return this.#list(this.context.place([this.#expanded(n)], facts), facts);
        const made = n.schedule?.gpu?.kernel ? pieceOf(n) : this.loop(n, facts);
        return made && [made];
      }
      case "conditional": {
        if (exprsOf(n).some(hasLoads)) return undefined;
        // A kernel calls no library: what is done in its place.
        const [first, second] = n.branches, flag = first?.condition?.inputs[0]?.data;
        if (flag !== undefined && this.#calls.has(flag)) return this.#list(second!.body, facts);
        // Of batches of products and of stencils the form for small ones.
        const last = n.branches.at(-1)!;
        if (!last.condition && n.branches.some((b) => b !== last && b.body.some((x) => x.kind === "loop" && ["product", "tiles"].includes(x.schedule?.gpu?.kernel ?? "")))) return this.#list(last.body, facts);
        const branches = n.branches.map((b) => {
          const inputs = b.condition?.inputs.map((m) => ({ ...m, data: this.#asked.get(m.data) ?? m.data })), body = this.#list(b.body, b.condition ? facts.with(...conditionFacts(b.condition.code)) : facts);
          return body && { ...b, ...(b.condition ? { condition: { ...b.condition, inputs: inputs! } } : {}), body };
        });
        return branches.every((b) => b !== undefined) ? [{ ...n, id: freshId(), branches }] : undefined;
      }
      case "tasklet": {
        const [from] = n.inputs;
        // A list's element is the host's.
        if (!from || from.index.length > 0 || !this.context.host.has(n.output.data)) return undefined;
        this.#asked.set(n.output.data, from.data);
        return [];
      }
      case "block": { const body = this.#list(n.body, facts); return body && [{ ...n, id: freshId(), body }]; }
      case "exit": return [{ ...n, id: freshId() }];
      case "library":
        if (isSolver(n)) { this.#calls.add(doneFlag(n)); return []; }
        return n.op === "matmul" ? this.#list(this.context.place(this.#loops(n), facts), facts) : undefined;
      default: return undefined;
    }
  }
  #loops(n: LibraryNode): readonly Node[] { return LIBRARY.get(n.op)!.expand(n, (d) => this.context.graph().container(d).dtype, () => this.context.variable("along")); }
  #expanded(n: Loop): Loop {
    const { schedule: _, ...bare } = n;
    return { ...bare, id: freshId(), body: n.body.flatMap((x) => (x.kind === "loop" ? [this.#expanded(x)] : x.kind === "library" ? this.#loops(x) : [x])) };
  }
}

/** A kernel as what one block's threads share. */
function pieceOf(k: Loop): Loop | undefined {
  const gpu = k.schedule!.gpu!;
  let refused = false;
  visitNodes([k], (n) => { if (n.kind === "raise" || n.kind === "while" || n.kind === "library" || (n.kind === "loop" && (hasLoads(n.begin) || hasLoads(n.end)))) refused = true; });
  if (refused) return undefined;
  const axes = new Map<string, GpuAxis>(), nest = gpu.kernel === "single" ? [k] : nestOf(k), along = (l: Loop): GpuAxis | undefined => l.schedule?.gpu?.axis, at = (by: GpuAxis["by"], dimension: GpuAxis["dimension"] = "x", together = 1): GpuAxis => ({ by, dimension, ...(together > 1 ? { together } : {}) });
  let width: Expr | undefined;
  const known = (e: Expr | undefined): Expr | undefined => (e && !hasLoads(e) && !nest.some((l) => dependsOn(e, l.variable)) ? e : undefined);
  switch (gpu.kernel) {
    case "single": axes.set(k.variable, at("lane")); break;
    case "grid": case "tiles": {
      const flat = !nest.some((l) => along(l)?.dimension === "y");
      nest.forEach((l, i) => {
        const a = along(l);
        if (a?.dimension === "z") for (const x of nest.slice(i, i + (a.together ?? 1))) axes.set(x.variable, at("all", "z"));
        else if (a) axes.set(l.variable, flat ? at("lane") : at("part", a.dimension));
      });
      if (!flat) width = known(gpu.extents?.[0]) ?? int(32);
      break;
    }
    case "scatter": axes.set(nest.at(-1)!.variable, at("owner")); break;
    case "rows": {
      const outside = nest.slice(0, nest.findIndex((l) => l.schedule?.gpu?.row) + 1), many = along(nest[0]!)?.together;
      outside.forEach((l, i) => { if (!many) axes.set(l.variable, i === outside.length - 1 ? at("warp") : at("all", "y")); else if (i === 0) axes.set(l.variable, at("warp", "x", many)); });
      for (const l of nest) if (along(l)?.by === "lane") axes.set(l.variable, at("warp lane"));
      break;
    }
    case "reduce": {
      const lane = nest.find((l) => along(l)?.by === "lane");
      for (const l of nest) { const a = along(l); if (a) axes.set(l.variable, !lane ? at("lane") : l === lane ? at("part", "x") : at("part", "y", a.together)); }
      if (lane) width = known(sub(lane.end, lane.begin)) ?? int(32);
      break;
    }
    default: return undefined;
  }
  const convert = (n: Node, root: boolean): Node => {
    if (n.kind !== "loop") return withBodies(n, bodiesOf(n).map((b) => b.list.map((x) => convert(x, false))));
    const { interior } = n.schedule ?? {}, axis = axes.get(n.variable);
    const mine: GpuSchedule = { ...(root ? { piece: gpu.kernel === "tiles" ? "grid" : gpu.kernel as "grid", ...(width ? { width } : {}), ...(gpu.into ? { into: gpu.into.map(({ partials: _, ...r }) => r) } : {}) } : {}), ...(axis ? { axis } : {}), ...(n.schedule?.gpu?.row ? { row: true } : {}) };
    return {
      ...n, body: n.body.map((x) => convert(x, false)),
      schedule: { ...(interior ? { interior: { ...interior, body: interior.body.map((x) => convert(x, false)) } } : {}), ...(Object.keys(mine).length > 0 ? { gpu: mine } : {}) },
    };
  };
  return freshly(convert(k, true) as Loop);
}
/** New identities, inside interiors too. */
function freshly(l: Loop): Loop {
  const visit = (n: Node): Node => {
    const m = withBodies(n, bodiesOf(n).map((b) => b.list.map(visit))), interior = m.kind === "loop" ? m.schedule?.interior : undefined;
    return { ...m, id: freshId(), ...(interior ? { schedule: { ...(m as Loop).schedule, interior: { ...interior, body: interior.body.map(visit) } } } : {}) };
  };
  return visit(l) as Loop;
}
