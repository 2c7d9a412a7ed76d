/**
 * Copies of a value that outlive it: an element that is overwritten later on may have been moved elsewhere while it had the value that is wanted, to a place where
 * it still lies when the whole program has run. Answers are proven; "none" is also said where nothing is known.
 */
import type { Memlet, Node, Saved } from "../sdfg/nodes.js";
import { hasLoads, loadedContainers, substitute } from "../symbolic/expr.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { loopFacts } from "./dependence.js";
import { instanceAt, perfectNest, type Nest } from "./instance.js";
import { bodiesOf, exitsOf, loopsOf, type Path } from "./paths.js";
import type { Access, Availability } from "./availability.js";

export class Copies {
  /** Containers that some nest moves elsewhere. */
  readonly #moved = new Set<string>();
  readonly #memo = new Map<string, Memlet | undefined>();

  constructor(readonly available: Availability) {
    const visit = (n: Node): void => {
      const m = this.#move(n);
      if (m) this.#moved.add(m.leaf.inputs[0]!.data); else for (const b of bodiesOf(n)) b.list.forEach(visit);
    };
    available.graph.body.forEach(visit);
  }

  /** Where the element as it was before/after the node lies at the end of the program, beside its own place. */
  find(m: Access, saved: Saved): Memlet | undefined {
    if (!this.#moved.has(m.data) || (m.extra?.length ?? 0) > 0 || m.index.some(hasLoads)) return undefined;
    const key = `${m.data}[${m.index.map((e) => e.key).join(",")}]@${saved.node}${saved.when}`;
    if (!this.#memo.has(key)) this.#memo.set(key, this.#later(m, saved) ?? (saved.when === "before" ? this.#earlier(m, saved) : undefined));
    return this.#memo.get(key);
  }

  /** Behind the node, while the element has its value. */
  #later(m: Access, saved: Saved): Memlet | undefined {
    const { available } = this, path = available.path(saved.node), facts = this.#facts(path);
    for (let s = path.length - 1; s >= 0; s--) {
      const { list, index, node } = path[s]!, own = s === path.length - 1 && saved.when === "before";
      const found = own ? this.#at(node, m, facts) : undefined;
      if (found) return found;
      // What is left early does not come by; the rest of what is around may change the element.
      if (exitsOf(node).size > 0 || available.changedWithin(m, saved, s, "after")) return undefined;
      for (let i = index + 1; i < list.length; i++) {
        const n = list[i]!, there = this.#at(n, m, facts);
        if (there) return there;
        if (exitsOf(n).size > 0 || available.changedLater(m, saved, s, n)) return undefined;
      }
    }
    return undefined;
  }

  /** Before the node, since the element was given its value. */
  #earlier(m: Access, saved: Saved): Memlet | undefined {
    const { available } = this, path = available.path(saved.node), facts = this.#facts(path);
    for (let s = path.length - 1; s >= 0; s--) {
      const { list, index } = path[s]!;
      for (let i = index - 1; i >= 0; i--) {
        const there = this.#at(list[i]!, m, facts);
        if (there) return there;
        if (available.changedBy(m, saved, s, list[i]!)) return undefined;
      }
      if (s > 0 && available.changedWithin(m, saved, s - 1, "before")) return undefined;
    }
    return undefined;
  }

  #facts(path: Path): Assumptions { return this.available.graph.facts.with(...loopsOf(path).flatMap(loopFacts)); }

  /** The place to which the nest moves the element, if it does and the copy stays. */
  #at(n: Node, m: Access, facts: Assumptions): Memlet | undefined {
    const move = this.#move(n);
    if (!move) return undefined;
    const { leaf, loops } = move, from = leaf.inputs[0]!;
    if (from.data !== m.data) return undefined;
    const at = instanceAt(loops, from.index, m.index, facts);
    if (!at || !this.available.available(leaf.output, { node: leaf.id, when: "after" })) return undefined;
    return { data: leaf.output.data, index: leaf.output.index.map((e) => substitute(e, at)) };
  }

  /** A nest that does nothing but move elements of one container to another one. */
  #move(n: Node): Nest | undefined {
    const nest = perfectNest(n);
    if (!nest) return undefined;
    const { code, inputs, output, wcr } = nest.leaf, { graph } = this.available;
    if (code.kind !== "input" || wcr || inputs.length !== 1) return undefined;
    const from = inputs[0]!, same = graph.container(from.data).dtype === code.dtype && graph.container(output.data).dtype === code.dtype;
    if (!same || from.guard || output.guard || this.available.baseOf(from.data) === this.available.baseOf(output.data)) return undefined;
    return [...from.index, ...output.index, ...nest.loops.flatMap((l) => [l.begin, l.end])].some((e) => loadedContainers(e).size > 0) ? undefined : nest;
  }
}
