/** Helpers that several passes share: perfect nests, fresh loop variables, walking with facts. */
import { loopFacts } from "../analysis/dependence.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { conditionFacts } from "../analysis/accesses.js";
import { exprsOf, symbolsOf, visitNodes } from "../analysis/walk.js";
import { input, inputsOf, mapScalar, type ScalarExpr } from "../scalar/expr.js";
import type { Loop, Memlet, Node } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { hasLoads } from "../symbolic/expr.js";

/** The loops of a perfect nest of maps, outermost first; only the innermost may have locals. */
export function mapNest(l: Loop): Loop[] {
  const out = [l];
  for (let x = l; x.body.length === 1 && !x.locals?.length;) {
    const inner: Node = x.body[0]!;
    if (inner.kind !== "loop" || inner.order !== "any") break;
    out.push(inner);
    x = inner;
  }
  return out;
}
/** The nest again with another body in the innermost loop. */
export function rebuild(loops: readonly Loop[], body: readonly Node[]): Loop {
  return loops.reduceRight<readonly Node[]>((inner, l) => [{ ...l, body: inner }], body)[0] as Loop;
}

/** Loop variables that the graph does not use yet. */
export class Names {
  readonly #used: Set<string>;
  constructor(graph: Graph) { this.#used = symbolsOf(graph.body); for (const s of graph.symbols) this.#used.add(s); }
  fresh(prefix: string): string {
    let name = prefix;
    for (let i = 2; this.#used.has(name); i++) name = `${prefix}${i}`;
    this.#used.add(name);
    return name;
  }
}
export function freshContainer(containers: ReadonlyMap<string, unknown>, prefix: string): string {
  let name = prefix;
  for (let i = 2; containers.has(name); i++) name = `${prefix}_${i}`;
  return name;
}

/** Rebuilds every body list, innermost first; `f` gets the list, the facts that hold there and whether it is the program's own body. */
export function mapLists(graph: Graph, f: (list: readonly Node[], facts: Assumptions, top: boolean) => readonly Node[]): Graph {
  const visit = (list: readonly Node[], facts: Assumptions, top: boolean): readonly Node[] => {
    let changed = false;
    const mapped = list.map((n): Node => {
      const bs = bodiesOf(n);
      if (bs.length === 0) return n;
      const inner = bs.map((b, i) => {
        const c = n.kind === "conditional" ? n.branches[i]!.condition : undefined;
        return visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : c ? facts.with(...conditionFacts(c.code)) : facts, false);
      });
      if (inner.every((x, i) => x === bs[i]!.list)) return n;
      changed = true;
      return withBodies(n, inner);
    });
    return f(changed ? mapped : list, facts, top);
  };
  const body = visit(graph.body, graph.facts, true);
  return body === graph.body ? graph : graph.with({ body });
}

export function sameMemlet(a: Memlet, b: Memlet): boolean { return memletKey(a) === memletKey(b); }
export function memletKey(m: Memlet): string { return `${m.data}[${m.index.map((e) => e.key).join(",")}]${m.guard?.length ? `?${m.guard.map((e) => e.key).join(",")}` : ""}`; }
export { hasLoads };

/** Does anything in the subtree use an index or bound loaded from data, or leave it early? */
export function isRegular(body: readonly Node[]): boolean {
  let ok = true;
  visitNodes(body, (n) => { if (n.kind === "exit" || n.kind === "raise" || n.kind === "while" || n.kind === "block" || exprsOf(n).some(hasLoads)) ok = false; });
  return ok;
}
/** New identities for loops of a copied nest. */
export function freshLoops(loops: readonly Loop[]): Loop[] { return loops.map((l) => ({ ...l, id: freshId() })); }

/** The inputs of a tasklet in the making: equal memlets share a place. */
export class Inputs {
  readonly list: Memlet[] = [];
  readonly #at = new Map<string, number>();
  readonly place = (m: Memlet): number => {
    const key = `${memletKey(m)}${m.saved ? `@${m.saved.node}${m.saved.when}` : ""}`;
    let i = this.#at.get(key);
    if (i === undefined) { i = this.list.length; this.list.push(m); this.#at.set(key, i); }
    return i;
  };
}
/** Only the inputs that the code reads, in their order. */
export function usedInputs(inputs: readonly Memlet[], code: ScalarExpr): { readonly inputs: readonly Memlet[]; readonly code: ScalarExpr } {
  const keep = inputsOf(code);
  if (keep.size === inputs.length) return { inputs, code };
  const order = [...keep].sort((x, y) => x - y), place = new Map(order.map((x, i) => [x, i]));
  return { inputs: order.map((i) => inputs[i]!), code: mapScalar(code, (e) => (e.kind === "input" ? input(place.get(e.index)!, e.dtype) : e)) };
}
