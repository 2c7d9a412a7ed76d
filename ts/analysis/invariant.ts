/**
 * Is a value the same in every iteration of a loop? It is if the iteration makes it anew from what the loop does not change: every element that goes into it was
 * written earlier in the same iteration (or nowhere in the loop), by tasklets that run in every iteration alike. "Yes" is proven; everything else is "no".
 */
import type { Loop, Memlet, Node, Saved, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, dependsOn, neg, sub, substitute, sym, type Expr } from "../symbolic/expr.js";
import { isEqual, nonNegative } from "../symbolic/prove.js";
import type { Access, Availability } from "./availability.js";
import { definitionOf } from "./definition.js";
import { loopFacts } from "./dependence.js";
import { loopsOf, nameOf, type Around, type Path } from "./paths.js";
import { exprsOf, loadedBy } from "./walk.js";

/** How often a proof may be split at a border ("the first iteration, or a later one"). */
const CASES = 2;

/** What each tasklet under nothing but loops does, as a nest of its own. */
function nestsOf(n: Node): readonly Node[] {
  if (n.kind !== "loop") return n.kind === "tasklet" ? [n] : [];
  const { locals, ...l } = n;
  return n.body.flatMap(nestsOf).filter((x) => !locals?.some((d) => writes(x, d))).map((x) => ({ ...l, body: [x] }));
}
function writes(n: Node, data: string): boolean { return n.kind === "tasklet" ? n.output.data === data : n.kind === "loop" && writes(n.body[0]!, data); }

export class Invariants {
  readonly #closed = new Map<string, boolean>();
  constructor(readonly graph: Graph, readonly available: Availability) {}

  /** The value of the element before (after) the node ran, in the iterations of the loop at step `step` of the node's path, all else around being equal. */
  holds(m: Access, saved: Saved, step: number): boolean {
    const path = this.available.path(saved.node), loop = path[step]!.node as Around, base = this.available.baseOf(m.data);
    if ((loop.kind === "loop" && loop.order === "any") || m.extra?.length || saved.when === "after" || m.index.some((e) => dependsOn(e, nameOf(loop)))) return false;
    if (!this.#changes(base, loop, step) || !this.#isClosed(base, loop, step)) return false;
    return this.#covered(m, path, step, this.#facts(path), CASES);
  }

  #writers(base: string, loop: Around, step: number): readonly Path[] {
    return this.available.writes(base).filter((w) => w.path[step]?.node === loop).map((w) => w.path);
  }
  #changes(base: string, loop: Around, step: number): boolean { return this.#writers(base, loop, step).length > 0; }
  #facts(path: Path): Assumptions { return this.graph.facts.with(...loopsOf(path).flatMap(loopFacts)); }

  /** Does what the loop writes into the container come from nothing that an earlier iteration left? */
  #isClosed(base: string, loop: Around, step: number): boolean {
    const key = `${base}@${loop.id}`, known = this.#closed.get(key);
    if (known !== undefined) return known;
    // Until it is refuted: containers that go into one another are closed together or not at all.
    this.#closed.set(key, true);
    const closed = this.#writers(base, loop, step).every((path) => {
      const t = path.at(-1)!.node;
      return t.kind === "tasklet" && t.output.data === base && this.#isRegular(path, loop, step) && this.#reads(t).every((m) => {
        const b = this.available.baseOf(m.data);
        return !m.guard?.length && (!this.#changes(b, loop, step) || (m.data === b && this.#covered(m, path, step, this.#facts(path), CASES) && this.#isClosed(b, loop, step)));
      });
    });
    // Others may have counted on this one.
    if (!closed) for (const k of [...this.#closed.keys()]) if (k.endsWith(`@${loop.id}`) && this.#closed.get(k)) this.#closed.delete(k);
    this.#closed.set(key, closed);
    return closed;
  }
  #reads(t: Tasklet): readonly Memlet[] { return t.wcr ? [...t.inputs, t.output] : t.inputs; }

  /** Does the node run in every iteration alike: nothing but loops around, whose bounds, like its indices, are the same each time? */
  #isRegular(path: Path, loop: Around, step: number): boolean {
    return path.slice(step + 1).every(({ node: n }, i, rest) => (i === rest.length - 1 ? n.kind === "tasklet" && !n.output.guard?.length : n.kind === "loop")
      && exprsOf(n).every((e) => !dependsOn(e, nameOf(loop))) && loadedBy(n).every((d) => !this.#changes(this.available.baseOf(d), loop, step)));
  }

  /** Was the element written for sure earlier in the same iteration of the loop at `step`? */
  #covered(m: Access, path: Path, step: number, facts: Assumptions, cases: number): boolean {
    const proves = (nest: Node, earlier: (at: ReadonlyMap<string, Expr>) => readonly Expr[]): boolean => {
      const left = this.#missing(nest, m, facts, earlier);
      // All but for one condition: where it fails, another definition may do.
      return left !== undefined && (left.length === 0 || (left.length === 1 && cases > 0 && this.#covered(m, path, step, facts.with(addInt(neg(left[0]!), -1)), cases - 1)));
    };
    for (let s = path.length - 1; s > step; s--) {
      const { list, index } = path[s]!;
      for (let i = index - 1; i >= 0; i--) if (nestsOf(list[i]!).some((n) => proves(n, () => []))) return true;
      const owner = path[s - 1]!.node;
      if (s - 1 > step && owner.kind === "loop" && owner.order !== "any" && !owner.locals?.includes(m.data)) {
        const k = owner, v = sym(k.variable);
        for (const n of nestsOf(k)) if (proves(n, (at) => [addInt(k.order === "up" ? sub(v, at.get(k.variable)!) : sub(at.get(k.variable)!, v), -1)])) return true;
      }
    }
    return false;
  }

  /** What is left to show for the nest to have written the element; undefined if it is no definition of such elements, or cannot be. */
  #missing(nest: Node, m: Access, facts: Assumptions, earlier: (at: ReadonlyMap<string, Expr>) => readonly Expr[]): readonly Expr[] | undefined {
    const d = definitionOf(this.graph, nest);
    if (!d || d.task.output.data !== m.data) return undefined;
    const at = new Map<string, Expr>();
    for (let i = 0; i < m.index.length; i++) {
      const k = d.by[i];
      if (k === undefined) { if (isEqual(m.index[i]!, d.shift[i]!, facts) !== "yes") return undefined; } else at.set(d.loops[k]!.variable, sub(m.index[i]!, d.shift[i]!));
    }
    const wanted = [...d.loops.flatMap((l: Loop) => { const v = at.get(l.variable)!; return [sub(v, substitute(l.begin, at)), addInt(sub(substitute(l.end, at), v), -1)]; }), ...earlier(at)];
    const left = new Map<string, Expr>();
    for (const e of wanted) {
      const known = nonNegative(e, facts);
      if (known === "no") return undefined;
      if (known === "unknown") left.set(e.key, e);
    }
    return [...left.values()];
  }
}
