/**
 * Values that one tasklet does not tell: what arms of conditionals, a product of matrices, or several writes one after the other left in a container. They can be had again by running those nodes
 * once more in the backward sweep, in the same iteration of the loops around, into an array for that iteration.
 * Pre: a forward sweep. Nodes are given only if what stood in the container before them does not matter; what they read is marked as values of the forward sweep.
 */
import type { Availability } from "../analysis/availability.js";
import { coversContainer, definitionOf } from "../analysis/definition.js";
import { perfectNest } from "../analysis/instance.js";
import { bodiesOf, exitsOf, ROOT } from "../analysis/paths.js";
import { exactnessOf } from "../analysis/robust.js";
import { loadedBy, rewriteNodes } from "../analysis/walk.js";
import { isComplex, isDifferentiable } from "../base/dtypes.js";
import { LIBRARY } from "../library/index.js";
import { visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { flopsOf } from "../scalar/ops.js";
import type { Branch, Memlet, Node, Operand, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { equals, evaluate, sub, type Expr } from "../symbolic/expr.js";
import { Nominal, type Spot, type Tapes } from "./tapes.js";

/** `nodes`: of their own, with the container under its own name; `flops`: per element of the container. */
export interface Replay { readonly nodes: readonly Node[]; readonly flops: number }

/** Loops and dimensions, however many, are taken to be as long as lets a program run: so many operations in all. What stands in many loops is small. */
const OPERATIONS = 1e10;

/** `covers`: it writes every element, whatever was there. */
interface Part { readonly node: Node; readonly covers: boolean }

export class Replays {
  readonly #memo = new Map<string, Replay | undefined>();
  readonly #viewed: ReadonlySet<string>;
  constructor(readonly forward: Graph, readonly available: Availability, readonly tapes: Tapes) {
    this.#viewed = new Set([...forward.containers.values()].flatMap((c) => (c.view ? [c.view.base] : [])));
  }

  /** The nodes that give the container its value at the spot, which must have a row per iteration of some loop. */
  of(spot: Spot): Replay | undefined {
    if (!this.#memo.has(spot.id)) this.#memo.set(spot.id, this.#find(spot));
    return this.#memo.get(spot.id);
  }

  #find({ data, list, listKey, position, loops, rows }: Spot): Replay | undefined {
    const c = this.forward.container(data);
    if (rows.length === 0 || loops.some((l) => l.kind !== "loop") || !c.transient || c.view || c.growable || c.role || this.#viewed.has(data) || !isDifferentiable(c.dtype)) return undefined;
    const nodes: Node[] = [];
    // What an arm finds stood before its conditional.
    for (let key = listKey, before = list.slice(0, position); ;) {
      const found = this.#parts(before, data);
      if (!found) return undefined;
      nodes.unshift(...found.nodes);
      if (found.covers) break;
      const at = key === ROOT ? undefined : this.available.path(Number.parseInt(key, 10)).at(-1)!;
      if (at?.node.kind !== "conditional") return undefined;
      key = at.key;
      before = at.list.slice(0, at.index);
    }
    return { nodes: rewriteNodes(nodes, { fresh: true }), flops: this.#flops(nodes, data, loops.length) };
  }

  /** What the list leaves in the container: the nodes from the last one that writes all of it on. */
  #parts(list: readonly Node[], data: string): { readonly nodes: readonly Node[]; readonly covers: boolean } | undefined {
    const nodes: Node[] = [];
    for (const n of [...list].reverse()) {
      if (!this.tapes.writesTo(n, data)) continue;
      const part = this.#part(n, data);
      if (!part) return undefined;
      nodes.unshift(part.node);
      if (part.covers) return { nodes, covers: true };
    }
    return { nodes, covers: false };
  }

  #part(n: Node, data: string): Part | undefined {
    if (exitsOf(n).size > 0) return undefined;
    if (n.kind === "conditional") {
      const arms = n.branches.map((b) => this.#parts(b.body, data));
      if (!this.#isStable(n) || arms.some((a) => a === undefined)) return undefined;
      const branches = n.branches.map((b, i): Branch => ({
        ...(b.condition ? { condition: { ...b.condition, inputs: b.condition.inputs.map((m): Memlet => ({ ...m, saved: { node: n.id, when: "before", exact: true } })) } } : {}), body: arms[i]!.nodes,
      }));
      return branches.some((b) => b.condition?.inputs.some((m) => m.data === data)) ? undefined : { node: { ...n, branches }, covers: n.branches.at(-1)!.condition === undefined && arms.every((a) => a!.covers) };
    }
    if (n.kind === "library") {
      const [out] = n.outputs;
      if (n.op !== "matmul" || n.outputs.length !== 1 || n.inputs.some((o) => this.available.baseOf(o.data) === data) || !this.#isStable(n)) return undefined;
      return { node: { ...n, inputs: n.inputs.map((o): Operand => ({ ...o, saved: { node: n.id, when: "before" } })) }, covers: !n.accumulate && this.#isWhole(out!) };
    }
    const nest = perfectNest(n);
    if (!nest || nest.loops.some((l) => l.locals?.length || !this.#isStable(l))) return undefined;
    const { leaf } = nest, reads = leaf.inputs.some((m) => m.data === data), d = definitionOf(this.forward, n);
    if ((leaf.wcr && leaf.wcr !== "sum") || leaf.output.data !== data || leaf.output.guard || leaf.inputs.some((m) => m.guard) || !this.#isStable(leaf)) return undefined;
    const close = exactnessOf(leaf.code), marked: Tasklet = { ...leaf, inputs: leaf.inputs.map((m, k): Memlet => (m.data === data ? m : { ...m, saved: { node: leaf.id, when: "before", ...(close(k) === "close" ? {} : { exact: true }) } })) };
    return { node: nest.loops.reduceRight<Node>((inner, l) => ({ ...l, body: [inner] }), marked), covers: !leaf.wcr && !reads && d !== undefined && coversContainer(this.forward, d) };
  }
  /** Integers that its expressions load are never written. */
  #isStable(n: Node): boolean { return loadedBy(n).every((d) => this.available.writes(this.available.baseOf(d)).length === 0); }
  #isWhole(o: Operand): boolean {
    const { shape } = this.forward.container(o.data);
    return o.base.every((e) => e.constant === 0) && o.axes.length === shape.length && new Set(o.axes).size === shape.length && o.axes.every((axis, d) => equals(o.sizes[d]!, shape[axis]!));
  }

  /** Per element of the container, at sizes that let the program run. */
  #flops(nodes: readonly Node[], data: string, around: number): number {
    let deepest = 0;
    const depth = (list: readonly Node[], d: number): void => { for (const n of list) { deepest = Math.max(deepest, d + (n.kind === "library" ? 3 : 0)); for (const b of bodiesOf(n)) depth(b.list, n.kind === "loop" ? d + 1 : d); } };
    depth(nodes, around);
    const size = Math.max(2, OPERATIONS ** (1 / Math.max(1, deepest))), env = new Nominal(size), value = (e: Expr): number => evaluate(e, env, () => size / 2);
    const own = (list: readonly Node[]): number => list.reduce((s, n) => s + one(n), 0);
    const one = (n: Node): number => {
      const times = isComplex(this.forward.container(data).dtype) ? 4 : 1;
      switch (n.kind) {
        case "tasklet": return times * (flopsIn(n.code) + (n.wcr ? 1 : 0));
        case "library": return times * value(LIBRARY.get(n.op)!.flops(n));
        case "conditional": return Math.max(...n.branches.map((b) => own(b.body)));
        case "loop": {
          env.set(n.variable, (value(n.begin) + value(n.end)) / 2);
          return Math.max(1, value(sub(n.end, n.begin))) * own(n.body);
        }
        default: return 0;
      }
    };
    return own(nodes) / this.forward.container(data).shape.reduce((p, e) => p * Math.max(1, value(e)), 1);
  }
}
function flopsIn(code: ScalarExpr): number { let f = 0; visitScalar(code, (e) => { if (e.kind === "op") f += flopsOf(e); }); return f; }
