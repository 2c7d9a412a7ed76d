/**
 * What a kernel of one block runs in place of launches: pieces that its threads share, and loops, conditions and exits that all of them run alike. Bounds and conditions are of symbols, of scalars that the host had
 * before, or of those that a piece has written before the threads met (`barriers.ts`).
 */
import { conditionFacts } from "../../analysis/accesses.js";
import { loopFacts } from "../../analysis/dependence.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import { exprsOf, visitNodes } from "../../analysis/walk.js";
import { LIBRARY } from "../../library/index.js";
import { doneFlag, isSolver } from "../../library/solvers.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import type { GpuAxis, GpuSchedule, LibraryNode, Loop, Memlet, Node } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { dependsOn, hasLoads, int, load, mapAtoms, sub, type Expr } from "../../symbolic/expr.js";
import { nestOf } from "./nests.js";

export interface Context {
  readonly graph: () => Graph;
  readonly host: ReadonlySet<string>;
  /** A new loop variable. */
  readonly variable: (prefix: string) => string;
  /** A new integer of the device, and one of the host that it can be fetched into. */
  readonly counter: () => { readonly device: string; readonly host: string };
  /** Nodes as kernels and host control. */
  readonly place: (body: readonly Node[], facts: Assumptions) => readonly Node[];
}

export function inOrder({ locals: _, ...l }: Loop): Loop { return l.order === "any" ? { ...l, order: "up" } : l; }

export class Together {
  /** Scalars that the host would read, and where they lie. */
  readonly #asked = new Map<string, Memlet>();
  /** Flags of calls of the device's libraries. */
  readonly #calls = new Set<string>();
  /** `leaves`: what is done in place of exits to blocks that are outside. */
  constructor(readonly context: Context, readonly leaves: ReadonlyMap<string, () => readonly Node[]> = new Map()) {}

  loop(l: Loop, facts: Assumptions): Loop | undefined {
    const begin = this.#bound(l.begin), end = this.#bound(l.end);
    if (!begin || !end) return undefined;
    const { schedule: _, ...bare } = inOrder(l), body = this.list(l.body, facts.with(...loopFacts(l)));
    return body && { ...bare, begin, end, id: freshId(), body };
  }
  /** What the host has fetched before is given to the kernel; what it would fetch in between is read where it lies. */
  #bound(e: Expr): Expr | undefined {
    let known = true;
    const made = mapAtoms(e, (x) => {
      if (x.kind !== "load") return undefined;
      const at = this.#asked.get(x.data);
      if (!at && !this.context.host.has(x.data)) known = false;
      return at && load(at.data, at.index);
    });
    return known ? made : undefined;
  }
  list(body: readonly Node[], facts: Assumptions): readonly Node[] | undefined {
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
        if (n.schedule?.gpu?.kernel === "product") return this.list(this.context.place([this.#expanded(n)], facts), facts);
        const made = n.schedule?.gpu?.kernel ? pieceOf(n) : this.loop(n, facts);
        return made && [made];
      }
      case "conditional": {
        if (exprsOf(n).some(hasLoads)) return undefined;
        // A kernel calls no library: what is done in its place.
        const [first, second] = n.branches, flag = first?.condition?.inputs[0]?.data;
        if (flag !== undefined && this.#calls.has(flag)) return this.list(second!.body, facts);
        // Of batches of products and of stencils the form for small ones.
        const last = n.branches.at(-1)!;
        if (!last.condition && n.branches.some((b) => b !== last && b.body.some((x) => x.kind === "loop" && ["product", "tiles"].includes(x.schedule?.gpu?.kernel ?? "")))) return this.list(last.body, facts);
        const branches = n.branches.map((b) => {
          const inputs = b.condition?.inputs.map((m) => this.#asked.get(m.data) ?? m), body = this.list(b.body, b.condition ? facts.with(...conditionFacts(b.condition.code)) : facts);
          return body && { ...b, ...(b.condition ? { condition: { ...b.condition, inputs: inputs! } } : {}), body };
        });
        return branches.every((b) => b !== undefined) ? [{ ...n, id: freshId(), branches }] : undefined;
      }
      case "tasklet": {
        const [from] = n.inputs;
        // A list's element is the host's.
        if (!from || from.index.length > 0 || !this.context.host.has(n.output.data)) return undefined;
        this.#asked.set(n.output.data, from);
        return [];
      }
      case "block": { const body = this.list(n.body, facts); return body && [{ ...n, id: freshId(), body }]; }
      case "exit": return this.leaves.get(n.label)?.() ?? [{ ...n, id: freshId() }];
      case "library":
        if (isSolver(n)) { this.#calls.add(doneFlag(n)); return []; }
        return n.op === "matmul" ? this.list(this.context.place(this.#loops(n), facts), facts) : undefined;
      default: return undefined;
    }
  }
  #loops(n: LibraryNode): readonly Node[] { return LIBRARY.get(n.op)!.expand(n, (d) => this.context.graph().container(d).dtype, () => this.context.variable("along")); }
  #expanded(n: Loop): Loop {
    const { schedule: _, ...bare } = n;
    return { ...bare, id: freshId(), body: n.body.flatMap((x) => (x.kind === "loop" ? [this.#expanded(x)] : x.kind === "library" ? this.#loops(x) : [x])) };
  }
}

/** Is a loop that threads share as long as data say, or in one? A mistake in its length would part the threads of a block; in a loop that each runs by itself it only ends an iteration of the shared one. */
function hasLoadedAxis(k: Loop): boolean {
  const loaded = (l: Loop): boolean => hasLoads(l.begin) || hasLoads(l.end);
  const shared = (n: Node, inLoaded: boolean, isNest: boolean): boolean => {
    if (n.kind !== "loop") return bodiesOf(n).some((b) => b.list.some((x) => shared(x, inLoaded, false)));
    const mine = inLoaded || loaded(n);
    return (mine && (n.schedule?.gpu?.axis !== undefined || isNest)) || n.body.some((x) => shared(x, mine, isNest && n.body.length === 1 && x.kind === "loop" && x.order === "any" && !n.locals?.length));
  };
  // One thread runs all of such a kernel.
  return k.schedule?.gpu?.kernel === "single" ? false : shared(k, false, false);
}

/** A kernel as what one block's threads share. */
function pieceOf(k: Loop): Loop | undefined {
  const gpu = k.schedule!.gpu!;
  let refused = false;
  visitNodes([k], (n) => { if (n.kind === "raise" || n.kind === "while" || n.kind === "library") refused = true; });
  if (refused || hasLoadedAxis(k)) return undefined;
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
