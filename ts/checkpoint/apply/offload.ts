/**
 * Values of the forward sweep that wait in the host's memory: copied there as soon as they have been made, given up on the device after their last use of the forward
 * sweep, and fetched into arrays of their own one backward node before they are read again. The bits are the same, so discrete facts may move as well.
 * Pre: a planned graph, values for which `offloadable` holds, each fetched before the slots that read it. Post: the same gradients.
 */
import { accessesOf } from "../../analysis/accesses.js";
import { exprsOf, visitNodes } from "../../analysis/walk.js";
import type { Pool } from "../../autodiff/names.js";
import { fetchNode, offloadNode, settleNode } from "../../library/offload.js";
import type { Node } from "../../sdfg/nodes.js";
import { loadedContainers } from "../../symbolic/expr.js";
import type { Planned } from "./candidates.js";
import type { Values } from "./recompute.js";

/** A value (the index of its step), and the backward slots before which it is fetched. */
export interface Moved { readonly value: number; readonly fetch: readonly number[] }

/** The arrays of each value that are read in the backward sweep, where all of them may leave the device. `pinned`: containers that must stay where the first pass made them. */
export function offloadable({ graph, forward }: Planned, { owner }: Pick<Values, "owner">, pinned: ReadonlySet<string>): readonly (readonly string[])[] {
  const lastWrite = new Map<string, number>(), wanted = new Set<string>(), named = new Set<string>();
  graph.body.forEach((n, i) => { for (const a of accessesOf(graph, [n])) { if (a.write) lastWrite.set(a.base, i); if (i >= forward) wanted.add(a.base); } });
  // What bounds and indices are loaded from has facts to its name.
  visitNodes(graph.body, (n) => { for (const e of exprsOf(n)) for (const d of loadedContainers(e)) named.add(graph.container(d).view?.base ?? d); });
  const out: string[][] = Array.from({ length: forward }, () => []), never = new Set<number>();
  for (const [d, step] of owner) {
    const c = graph.container(d);
    // A scalar is not worth a copy.
    if (!wanted.has(d) || c.shape.length === 0) continue;
    if (c.transient && !c.growable && !c.view && !pinned.has(d) && !named.has(d) && lastWrite.get(d)! <= step) out[step]!.push(d); else never.add(step);
  }
  return out.map((list, step) => (never.has(step) ? [] : list));
}

type Fetched = readonly [nodes: readonly Node[], fresh: ReadonlyMap<string, string>];

/** The nodes to put around those of the body, by position. */
export class Mover {
  readonly #before = new Map<number, Node[]>();
  readonly #after = new Map<number, Node[]>();
  readonly #fetched = new Map<number, Fetched[]>();

  constructor({ graph, forward }: Planned, values: Values, readonly pool: Pool, moved: readonly Moved[]) {
    if (moved.length === 0) return;
    const arrays = offloadable({ graph, forward }, values, new Set()), lastUse = new Map<string, number>();
    graph.body.slice(0, forward).forEach((n, i) => { for (const a of accessesOf(graph, [n])) lastUse.set(a.base, i); });
    const push = (into: Map<number, Node[]>, at: number, n: Node): void => { const l = into.get(at); if (l) l.push(n); else into.set(at, [n]); };
    for (const { value, fetch } of moved) for (const d of arrays[value]!) {
      const array = graph.container(d), { name: _, label: __, ...fields } = array, free = lastUse.get(d)! + 1;
      const host = { ...fields, name: pool.add(`${d}_host`, { ...fields, role: "workspace", host: true }) };
      push(this.#after, value, offloadNode(array, host));
      // The copy has until the next node is done.
      push(this.#after, free, settleNode(array, host));
      for (const t of fetch) {
        const back = { ...fields, name: pool.add(`${d}_back`, { ...fields, role: "workspace" }) }, fresh = new Map([[d, back.name]]);
        // One node ahead of the slot; ahead of the first one where that still comes after the copy there.
        push(this.#before, t > 0 ? forward + t - 1 : free < forward - 1 ? forward - 1 : forward, fetchNode(back, host));
        for (const c of graph.containers.values()) if (c.view?.base === d) fresh.set(c.name, pool.add(`${c.name}_back`, { ...c, view: { ...c.view, base: back.name } }));
        const list = this.#fetched.get(t) ?? [];
        this.#fetched.set(t, list);
        list.push([[settleNode(back, host)], fresh]);
      }
    }
  }
  /** Before the node at a position of the body: copies that start. */
  before(at: number): readonly Node[] { return this.#before.get(at) ?? []; }
  after(at: number): readonly Node[] { return this.#after.get(at) ?? []; }
  /** What a slot waits for, and what its arrays are called from then on. */
  fetched(slot: number): readonly Fetched[] { return this.#fetched.get(slot) ?? []; }
}
