/**
 * Scalars that a program for a GPU computes from a planner's lists before the host reads them (schedule/gpu/place.ts): a condition or a bound of a driver is such a scalar, not the list's element. What they
 * are is found in the scalar's one definition.
 */
import { isList } from "./lists.js";
import { visitNodes } from "../../analysis/walk.js";
import type { Memlet, Tasklet } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { visitScalar } from "../../scalar/expr.js";

export class Asked {
  readonly #definitions = new Map<string, Tasklet | undefined>();
  readonly #lists = new Map<string, boolean>();
  constructor(readonly graph: Graph) {
    visitNodes(graph.body, (n) => {
      if (n.kind !== "tasklet") return;
      const d = n.output.data, before = this.#definitions.get(d), first = !this.#definitions.has(d) && n.output.index.length === 0 && !n.wcr && graph.container(d).transient;
      // A loop in two forms has each of its scalars in both.
      if (!before || !sameTasklet(before, n)) this.#definitions.set(d, first ? n : undefined);
    });
  }

  /** Does it hold a list's element, or a number made of one? */
  ofList(data: string): boolean {
    let known = this.#lists.get(data);
    if (known === undefined) {
      // What is defined by itself is none.
      this.#lists.set(data, false);
      const t = this.#definitions.get(data);
      known = isList(this.graph.container(data));
      if (!known && t) {
        known = t.inputs.some((m) => this.ofList(m.data));
        visitScalar(t.code, (e) => { if (e.kind === "symbolic") for (const a of e.expr.atoms) if (a.kind === "load" && this.ofList(a.data)) known = true; });
      }
      this.#lists.set(data, known);
    }
    return known;
  }
  /** What gives a scalar its value, where that is made of a list. */
  definition(data: string): Tasklet | undefined { return !isList(this.graph.container(data)) && this.ofList(data) ? this.#definitions.get(data) : undefined; }

  /** The element of a list that a condition looks at. */
  element(m: Memlet): Memlet | undefined {
    if (isList(this.graph.container(m.data))) return m;
    for (const x of this.definition(m.data)?.inputs ?? []) { const found = this.element(x); if (found) return found; }
    return undefined;
  }
}

function sameTasklet(a: Tasklet, b: Tasklet): boolean {
  const code = a.code === b.code || (a.code.kind === "symbolic" && b.code.kind === "symbolic" && a.code.expr.key === b.code.expr.key), key = (t: Tasklet): string => t.inputs.map((m) => `${m.data}[${m.index.map((e) => e.key).join()}]`).join();
  return code && key(a) === key(b);
}
