/**
 * Is a value that some node of a program reads (or writes) still in place later on? Answers are "provably yes" (true) or false.
 *
 * An *instance* is a node in one iteration of its loops. The question "may write W, executed within a window, touch the element that
 * instance N(v) accesses?" is decided per way in which W can come after (or before) N: equal in the outer common loops and later in one of them, or equal in
 * all of them and later in program order. Each way is a system of linear constraints over two copies of the loop variables.
 */
import { add, addInt, loadedContainers, mapAtoms, mul, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { infeasible, type Constraint } from "../symbolic/system.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Node, Operand, Saved } from "../sdfg/nodes.js";
import { visitPaths, type Path } from "./paths.js";

/** What is read (or was written): one element, or a box of them when `extra` variables run over sizes. */
export interface Access {
  readonly data: string;
  readonly index: readonly Expr[];
  readonly extra?: readonly { readonly variable: string; readonly size: Expr }[];
}

const PRIME = "'";
const NONE: ReadonlySet<string> = new Set();

/** A loop, or a while loop with the symbol that counts its iterations. */
interface Around { readonly variable: string; readonly begin: Expr; readonly end?: Expr; readonly order: "up" | "down" | "any"; readonly step: number }
function around(path: Path): Around[] {
  return path.slice(0, -1).flatMap(({ node: n }, step): Around[] => (n.kind === "loop" ? [{ variable: n.variable, begin: n.begin, end: n.end, order: n.order, step }] : n.kind === "while" ? [{ variable: n.counter, begin: ZERO, order: "up", step }] : []));
}

export interface WriteAccess extends Required<Access> { readonly path: Path }

/** An operand as an access whose operand dimensions are variables of their own. */
export function operandAccess(o: Operand, tag: string): Required<Access> {
  const index = [...o.base];
  const extra = o.axes.map((axis, d) => {
    const variable = `_${tag}_${d}`;
    index[axis] = add(index[axis]!, sym(variable));
    return { variable, size: o.sizes[d]! };
  });
  return { data: o.data, index, extra };
}

export class Availability {
  readonly #writes = new Map<string, WriteAccess[]>();
  readonly #paths = new Map<number, Path>();
  readonly #mutable = new Set<string>();
  readonly #cache = new Map<string, boolean>();
  readonly #locals = new Map<string, Set<number>>();

  constructor(readonly graph: Graph) {
    visitPaths(graph.body, (node, path) => {
      this.#paths.set(node.id, path);
      const write = (w: WriteAccess): void => {
        const base = this.baseOf(w.data);
        this.#mutable.add(base);
        const l = this.#writes.get(base);
        if (l) l.push(w); else this.#writes.set(base, [w]);
      };
      if (node.kind === "tasklet") write({ path, data: node.output.data, index: node.output.index, extra: [] });
      else if (node.kind === "library") {
        node.outputs.forEach((o, k) => { write({ path, ...operandAccess(o, `w${node.id}_${k}`) }); });
      } else if (node.kind === "loop") for (const l of node.locals ?? []) this.#locals.set(l, (this.#locals.get(l) ?? new Set()).add(node.id));
    });
  }

  baseOf(data: string): string { return this.graph.container(data).view?.base ?? data; }
  path(node: number): Path { const p = this.#paths.get(node); if (!p) throw new Error(`no node ${node}`); return p; }
  writes(base: string): readonly WriteAccess[] { return this.#writes.get(base) ?? []; }
  /** The loops to which a container is private, none inside another. */
  localTo(data: string): ReadonlySet<number> | undefined { return this.#locals.get(this.baseOf(data)); }

  /** Is the element as it was before/after the node still there when the whole body has run? `last`: of these loops in their last iteration alone. */
  available(m: Access, saved: Saved, last: ReadonlySet<string> = NONE): boolean {
    const base = this.baseOf(m.data);
    // A tape (and a recorded integer) is written once per element, however its index is computed.
    const role = this.graph.container(base).role;
    if (role === "tape" || role === "count") return true;
    if (this.localTo(base) !== undefined) return false;
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]@${saved.node}${saved.when}${[...last].join()}`;
    let known = this.#cache.get(key);
    if (known === undefined) {
      const n = this.path(saved.node);
      known = !this.writes(base).some((w) => this.#mayTouch(m, n, w, "after", saved.when === "before", 0, last));
      this.#cache.set(key, known);
    }
    return known;
  }

  /** May any write executed before N's instance, other than those inside `except`, have touched the element? */
  changedSinceStart(m: Access, saved: Saved, except: ReadonlySet<number>): boolean {
    const n = this.path(saved.node);
    return this.writes(this.baseOf(m.data)).some((w) => !except.has(w.path[0]!.node.id) && this.#mayTouch(m, n, w, "before", saved.when === "after", 0));
  }

  /**
   * May a write within the node at step `step` of N's path, in the same iteration of everything outside it, touch the element before
   * (after) N's instance? N's own write counts as after a read of kind "before", and as before one of kind "after".
   */
  changedWithin(m: Access, saved: Saved, step: number, side: "before" | "after"): boolean {
    const n = this.path(saved.node);
    const ownCounts = side === "before" ? saved.when === "after" : saved.when === "before";
    return this.writes(this.baseOf(m.data)).some((w) => {
      for (let s = 0; s <= step; s++) if (w.path[s]?.node !== n[s]!.node) return false;
      return this.#mayTouch(m, n, w, side, ownCounts, step);
    });
  }

  /** May a write within `node`, which stands before the node at step `step` of N's path in the same list and ran in the same iteration of what is around, touch the element? */
  changedBy(m: Access, saved: Saved, step: number, node: Node): boolean {
    const n = this.path(saved.node);
    return this.writes(this.baseOf(m.data)).some((w) => w.path[step]?.node === node && this.#mayTouch(m, n, w, "before", false, step));
  }

  /** As `changedBy`, of a node behind it in that list. */
  changedLater(m: Access, saved: Saved, step: number, node: Node): boolean {
    const n = this.path(saved.node);
    return this.writes(this.baseOf(m.data)).some((w) => w.path[step]?.node === node && this.#mayTouch(m, n, w, "after", false, step));
  }

  /** `fixed`: steps up to this one are the same node in the same iteration of the loops strictly outside it. `last`: nothing comes after the iteration of these loops. */
  #mayTouch(m: Access, n: Path, w: WriteAccess, side: "before" | "after", ownCounts: boolean, fixed: number, last: ReadonlySet<string> = NONE): boolean {
    let shared = 0;
    while (shared < n.length && shared < w.path.length && n[shared]!.key === w.path[shared]!.key && n[shared]!.index === w.path[shared]!.index) shared++;
    // Steps 0..shared-1 are the same nodes. Loops among them (but N itself) are common.
    const common = around(n.slice(0, Math.min(shared + 1, w.path.length)));
    for (const [level, loop] of common.entries()) {
      if (loop.step < fixed || last.has(loop.variable)) continue;
      const v = sym(loop.variable), u = sym(loop.variable + PRIME);
      const later = addInt(sub(u, v), -1), earlier = addInt(sub(v, u), -1);
      const wanted = loop.order === "any" ? [later, earlier] : (loop.order === "up") === (side === "after") ? [later] : [earlier];
      for (const relation of wanted) if (this.#meet(m, n, w, level, relation, common)) return true;
    }
    // Same iteration of all common loops: program order decides.
    const sameNode = shared === n.length || shared === w.path.length;
    const inOrder = sameNode
      ? (shared === n.length && shared === w.path.length ? ownCounts : shared === n.length ? ownCounts : false)
      : n[shared]!.key === w.path[shared]!.key && (side === "after" ? w.path[shared]!.index > n[shared]!.index : w.path[shared]!.index < n[shared]!.index);
    return inOrder && this.#meet(m, n, w, common.length, undefined, common);
  }

  /** Can N's element and W's element be the same, loops before `level` equal, `relation` >= 0 at `level`, the rest free? */
  #meet(m: Access, n: Path, w: WriteAccess, level: number, relation: Expr | undefined, common: readonly Around[]): boolean {
    const equal = new Set(common.slice(0, level).map((l) => l.variable));
    const renamed = new Map<string, Expr>();
    const wLoops = around(w.path);
    for (const l of wLoops) if (!equal.has(l.variable)) renamed.set(l.variable, sym(l.variable + PRIME));
    for (const x of w.extra) renamed.set(x.variable, sym(x.variable + PRIME));
    const prime = (e: Expr): Expr => mapAtoms(e, (a) => (a.kind === "symbol" ? renamed.get(a.name) : undefined));
    const constraints: Constraint[] = [];
    // Loaded from an array that the program changes, the two may differ. Recorded integers ("count") are written once, before they are used.
    const volatile = (e: Expr): boolean => [...loadedContainers(e)].some((d) => this.#mutable.has(this.baseOf(d)) && this.graph.container(d).role !== "count");
    const bounds = (l: Around, f: (e: Expr) => Expr): void => {
      const v = f(sym(l.variable));
      if (!volatile(l.begin)) constraints.push({ kind: "ge", expr: sub(v, f(l.begin)) });
      if (l.end && !volatile(l.end)) constraints.push({ kind: "ge", expr: addInt(sub(f(l.end), v), -1) });
    };
    for (const l of around(n)) bounds(l, (e) => e);
    for (const l of wLoops) if (!equal.has(l.variable)) bounds(l, prime);
    for (const x of m.extra ?? []) constraints.push({ kind: "ge", expr: sym(x.variable) }, { kind: "ge", expr: addInt(sub(x.size, sym(x.variable)), -1) });
    for (const x of w.extra) constraints.push({ kind: "ge", expr: prime(sym(x.variable)) }, { kind: "ge", expr: addInt(sub(prime(x.size), prime(sym(x.variable))), -1) });
    if (relation) constraints.push({ kind: "ge", expr: relation });
    const pair = (a: Expr, b: Expr): void => {
      if (!volatile(a) && !volatile(b)) constraints.push({ kind: "eq", expr: sub(a, prime(b)) });
    };
    if (m.data === w.data) m.index.forEach((e, d) => pair(e, w.index[d]!));
    else pair(this.#flat(m.data, m.index), this.#flat(w.data, w.index));
    return !infeasible(constraints, this.graph.facts);
  }

  #flat(data: string, index: readonly Expr[]): Expr {
    const c = this.graph.container(data);
    let e: Expr = c.view ? c.view.offset : ZERO;
    index.forEach((i, d) => { e = add(e, c.shape.slice(d + 1).reduce((p, s) => mul(p, s), i)); });
    return e;
  }
}
