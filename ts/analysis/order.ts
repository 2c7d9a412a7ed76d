/**
 * Order between instances: may one access run before another and touch the same element? And the accesses of a subtree, remembered per node, with
 * the containers they read and write.
 */
import type { Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { accessesOf, ownAccesses, remembered, type Access } from "./accesses.js";
import { conflicts, mayMeet, type Relation } from "./dependence.js";
import { bodiesOf, exitsOf } from "./paths.js";

/** What a node and the nodes inside it touch. */
export class Effects {
  /** Bases read (combining writes included) and written. */
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  readonly #graph: Graph;
  readonly #node: Node;
  #byBase: Map<string, Access[]> | undefined;
  constructor(graph: Graph, node: Node) {
    this.#graph = graph;
    this.#node = node;
    for (const a of ownAccesses(graph, node)) { if (!a.write || a.wcr) this.reads.add(a.base); if (a.write) this.writes.add(a.base); }
    for (const b of bodiesOf(node)) for (const n of b.list) {
      const e = effectsOf(graph, n);
      for (const x of e.reads) this.reads.add(x);
      for (const x of e.writes) this.writes.add(x);
    }
  }
  /** Paths start at the node itself. */
  get accesses(): readonly Access[] { return accessesOf(this.#graph, [this.#node]); }
  /** Those to one buffer, in the same order. */
  of(base: string): readonly Access[] {
    if (!this.reads.has(base) && !this.writes.has(base)) return [];
    if (!this.#byBase) {
      this.#byBase = new Map();
      for (const a of this.accesses) { const list = this.#byBase.get(a.base); if (list) list.push(a); else this.#byBase.set(a.base, [a]); }
    }
    return this.#byBase.get(base) ?? [];
  }
}
export const effectsOf = remembered((graph, node) => new Effects(graph, node));

/**
 * May an instance of `a` that runs before an instance of `b` touch the same element? Paths start at the same list; loops outside it are in the same
 * iteration for both.
 */
export function mayPrecede(graph: Graph, a: Access, b: Access, facts: Assumptions): boolean {
  if (a.base !== b.base) return false;
  let shared = 0;
  while (shared < a.path.length && shared < b.path.length && a.path[shared]!.node === b.path[shared]!.node) shared++;
  const same = new Map<string, Relation>();
  // Steps before the last of either path are ancestors of the access.
  for (let s = 0; s < shared && s < a.path.length - 1 && s < b.path.length - 1; s++) {
    const n = a.path[s]!.node;
    if (n.kind !== "loop" && n.kind !== "while") continue;
    const variable = n.kind === "loop" ? n.variable : n.counter, order = n.kind === "loop" ? n.order : "up";
    for (const r of order === "any" ? ["<", ">"] as const : order === "up" ? ["<"] as const : [">"] as const) {
      if (mayMeet(graph, a, b, new Map([...same, [variable, r]]), facts)) return true;
    }
    same.set(variable, "=");
  }
  if (!inOrder(a, b, shared)) return false;
  return mayMeet(graph, a, b, same, facts);
}

/** In the same iteration of all common loops: does a come first? */
function inOrder(a: Access, b: Access, shared: number): boolean {
  const endA = shared === a.path.length, endB = shared === b.path.length;
  if (endA && endB) return !a.write && b.write;
  // Bounds and conditions are read before the body; a while loop's condition also after it.
  if (endA) return true;
  if (endB) return b.node.kind === "while";
  return a.path[shared]!.key === b.path[shared]!.key && a.path[shared]!.index < b.path[shared]!.index;
}

const raising = new WeakMap<Node, boolean>();
function raises(n: Node): boolean {
  let known = raising.get(n);
  if (known === undefined) raising.set(n, known = n.kind === "raise" || bodiesOf(n).some((b) => b.list.some(raises)));
  return known;
}
/** May what follows the node in its list not be reached? */
const endsEarly = (n: Node): boolean => exitsOf(n).size > 0 || raises(n);

/** Do all instances of x commute with all instances of y, loops outside both being in the same iteration? What comes behind a node that may end early need not run. `strict`: to the last bit. */
export function commute(graph: Graph, x: Node, y: Node, facts: Assumptions, strict = false): boolean {
  if (endsEarly(x) || endsEarly(y)) return false;
  const a = effectsOf(graph, x), b = effectsOf(graph, y);
  const shared = [...a.writes].some((s) => b.writes.has(s) || b.reads.has(s)) || [...b.writes].some((s) => a.reads.has(s));
  if (!shared) return true;
  const none = new Map<string, Relation>();
  return !a.accesses.some((p) => b.accesses.some((q) => conflicts(p, q, strict) && mayMeet(graph, p, q, none, facts)));
}
