/**
 * What steps that run again work on: copies of what they change, so that what the reversal reads live stays, and of what something else changes in between, as it was; and
 * snapshots of the state that steps start from.
 */
import { rewriteNodes } from "../../analysis/walk.js";
import { copyAll, mapOver, tasklet, type Pool } from "../../autodiff/names.js";
import { input } from "../../scalar/expr.js";
import type { Container, Memlet, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { ZERO, type Expr } from "../../symbolic/expr.js";

export class WorkingCopies {
  readonly #snapshots = new Map<string, string>();
  /** What a step that runs again calls the containers of the first pass. */
  readonly #again = new Map<string, string>();
  readonly #kept: readonly string[];

  constructor(readonly graph: Graph, readonly pool: Pool, { state, scratch, kept }: { readonly state: readonly string[]; readonly scratch: readonly string[]; readonly kept: readonly string[] }, slots: Expr) {
    const fields = (d: string): Omit<Container, "name" | "view"> => { const { name: _, view: __, ...rest } = graph.container(d); return { ...rest, transient: true }; };
    for (const d of state) this.#snapshots.set(d, pool.add(`snapshot_${d}`, { ...fields(d), role: "snapshot", shape: [slots, ...graph.container(d).shape] }));
    for (const d of [...state, ...scratch, ...kept]) this.#again.set(d, pool.add(`${d}_again`, { ...fields(d), role: "workspace" }));
    for (const c of graph.containers.values()) if (c.view && this.#again.has(c.view.base)) this.#again.set(c.name, pool.add(`${c.name}_again`, { ...c, view: { ...c.view, base: this.#again.get(c.view.base)! } }));
    this.#kept = kept;
  }

  get snapshots(): readonly string[] { return [...this.#snapshots.values()]; }
  name(data: string): string { return this.#again.get(data) ?? data; }
  again(body: readonly Node[]): readonly Node[] { return rewriteNodes(body, { name: (d) => this.name(d) }); }

  /** Before the loop: what will have changed. */
  keep(): readonly Node[] { return this.#kept.map((d) => copyAll(this.pool, this.#again.get(d)!, d)); }
  /** `again`: the copy's state, not that of the first pass. */
  save(slot: Expr, again: boolean): readonly Node[] { return this.#state((d, s, i) => [{ data: s, index: [slot, ...i] }, { data: again ? this.name(d) : d, index: i }]); }
  restore(slot: Expr): readonly Node[] { return this.#state((d, s, i) => [{ data: this.name(d), index: i }, { data: s, index: [slot, ...i] }]); }
  move(to: Expr, from: Expr): readonly Node[] { return this.#state((_, s, i) => [{ data: s, index: [to, ...i] }, { data: s, index: [from, ...i] }]); }

  #state(move: (data: string, snapshot: string, index: readonly Expr[]) => readonly [Memlet, Memlet]): readonly Node[] {
    return [...this.#snapshots].map(([d, s]) => {
      const { shape, dtype } = this.graph.container(d);
      return mapOver(this.pool, shape.map(() => ZERO), shape, (i) => { const [to, from] = move(d, s, i); return tasklet(to, input(0, dtype), [from]); });
    });
  }
}
