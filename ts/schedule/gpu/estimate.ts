/** What a placed program asks of a GPU besides the work that all of it shares: what the choice of a device compares. Pre: a placed graph. */
import { visitNodes } from "../../analysis/walk.js";
import { LIBRARY } from "../../library/index.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Node } from "../../sdfg/nodes.js";
import { add, addInt, floordiv, int, mul, ONE, substitute, ZERO, type Expr } from "../../symbolic/expr.js";
import { atEnds, lengthOf, SOME, unitsIn, weighted } from "../work.js";

export interface GpuEstimate {
  /** Kernels that are started, copies, and waits for a value. */
  readonly launches: Expr;
  /** Units of work that one thread does. */
  readonly serial: Expr;
  /** Units of work that one block does. */
  readonly block: Expr;
  /** Units of the rest. */
  readonly shared: Expr;
}

const NOTHING: GpuEstimate = { launches: ZERO, serial: ZERO, block: ZERO, shared: ZERO };
const map = (a: GpuEstimate, f: (e: Expr) => Expr): GpuEstimate => ({ launches: f(a.launches), serial: f(a.serial), block: f(a.block), shared: f(a.shared) });
const join = (a: GpuEstimate, b: GpuEstimate, f: (x: Expr, y: Expr) => Expr): GpuEstimate => ({ launches: f(a.launches, b.launches), serial: f(a.serial, b.serial), block: f(a.block, b.block), shared: f(a.shared, b.shared) });

export function estimateGpu(graph: Graph): GpuEstimate { return of(graph.body); }

/** Rounds that one of its kernels makes, where it makes several. */
function roundsIn(body: readonly Node[]): Expr | undefined {
  let found: Expr | undefined;
  for (const kernel of body) if (kernel.kind === "loop" && kernel.schedule?.gpu?.kernel === "block") visitNodes([kernel], (n) => { if (n.kind === "loop") found ??= n.schedule?.gpu?.rounds; });
  return found;
}

function of(body: readonly Node[]): GpuEstimate { return body.map(one).reduce((a, b) => join(a, b, add), NOTHING); }
function one(n: Node): GpuEstimate {
  switch (n.kind) {
    case "loop": {
      const kernel = n.schedule?.gpu?.kernel;
      if (!kernel) { const inner = of(n.body), times = lengthOf(n); return map(inner, (e) => mul(times, atEnds(e, n))); }
      return { ...NOTHING, launches: int(kernel === "reduce" ? 2 : 1), [kernel === "single" ? "serial" : kernel === "block" ? "block" : "shared"]: unitsIn([n], weighted) };
    }
    case "while": {
      const strip = roundsIn(n.body), times = strip ? floordiv(addInt(strip, SOME - 1), strip) : int(SOME);
      return map(of(n.body), (e) => mul(substitute(e, new Map([[n.counter, int(SOME)]])), times));
    }
    case "conditional": {
      const arms = n.branches.map((b) => of(b.body)), each = (pick: (e: GpuEstimate) => Expr): Expr => weighted(n.branches, arms.map(pick));
      return { launches: each((e) => e.launches), serial: each((e) => e.serial), block: each((e) => e.block), shared: each((e) => e.shared) };
    }
    case "block": return of(n.body);
    case "library": return { ...NOTHING, launches: ONE, shared: LIBRARY.get(n.op)?.flops(n) ?? ZERO };
    // The host fetches a value.
    case "tasklet": return { ...NOTHING, launches: int(2) };
    default: return NOTHING;
  }
}
