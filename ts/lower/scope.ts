/** Names in scope while printing: where containers live, accumulators that stand for them, and elements that are already in registers. */
import type { Graph } from "../sdfg/sdfg.js";
import type { Memlet, Wcr } from "../sdfg/nodes.js";
import type { DType } from "../base/dtypes.js";
import type { Expr } from "../symbolic/expr.js";
import { sub } from "../symbolic/expr.js";
import { elementKey } from "../schedule/reductions.js";
import type { Text } from "./language.js";

export interface Place { readonly kind: "buffer" | "variable"; readonly text: Text; /** Growable buffers: the variable that holds the number of rows there is room for, and which of them it is. */ readonly grows?: { readonly have: Text; readonly slot: number }; /** Arrays of the host: which of them. */ readonly host?: number }
export interface Accumulator { readonly name: Text; readonly wcr: Wcr; readonly dtype: DType; readonly data: string; readonly index: readonly Expr[]; /** Zero trips must leave the element alone. */ readonly only?: Text; readonly outer?: Accumulator }

export const memletKey = elementKey;

interface Loaded { readonly text: Text; readonly data: string; readonly base: string; readonly index: readonly Expr[]; /** Proven not to change while in scope. */ readonly pinned: boolean }

export class Scope {
  /** Containers private to a loop around. */
  readonly locals = new Map<string, Place>();
  /** By element. */
  readonly accumulators = new Map<string, Accumulator>();
  #loaded = new Map<string, Loaded>();
  constructor(readonly graph: Graph) {}

  base(data: string): string { return this.graph.container(data).view?.base ?? data; }

  loaded(m: Memlet): Text | undefined { return m.guard?.length ? undefined : this.#loaded.get(memletKey(m))?.text; }
  keep(m: { readonly data: string; readonly index: readonly Expr[] }, text: Text, pinned = false): void {
    this.#loaded.set(memletKey(m), { text, data: m.data, base: this.base(m.data), index: m.index, pinned });
  }
  /** The element has been written: what may be the same one is no longer known. `apart`: are two indices certainly different? */
  written(data: string, index: readonly Expr[] | undefined, apart: (a: Expr, b: Expr) => boolean = () => false): void {
    const base = this.base(data);
    for (const [key, l] of this.#loaded) {
      if (l.pinned || l.base !== base) continue;
      if (index && l.data === data && l.index.some((e, d) => { const k = sub(e, index[d]!).constant; return k === undefined ? apart(e, index[d]!) : k !== 0; })) continue;
      this.#loaded.delete(key);
    }
  }
  /** Runs `f` with what is known now; what it learns is forgotten. */
  nested(f: () => void): void {
    const saved = new Map(this.#loaded);
    f();
    this.#loaded = saved;
  }
}
