/**
 * How far apart two uses of the same memory are: bytes that are gone through in between. A loop whose variable an access does not depend on comes by the same elements
 * again in its next iteration, so what one iteration touches lies in between; elements that no loop comes back to are as far away as all that the program has.
 */
import { accessesOf, flatIndex, type Access } from "../../analysis/accesses.js";
import { loopsOf } from "../../analysis/paths.js";
import { bytesOf } from "../../base/dtypes.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { addInt, affine, freeSymbols, Expr, hasLoads, ZERO } from "../../symbolic/expr.js";

/** The value of an expression for the sizes and variables at hand. */
export type Numbers = (e: Expr) => number;

const LINE = 64;

/** A part of a container that a body touches: extent by axis, as 1 + Σ |coefficient| (length of the loop − 1). */
interface Box { readonly base: string; readonly data: string; readonly axes: readonly { readonly loops: readonly { readonly range: Range; readonly coefficient: Expr }[]; /** Cannot be told: all of the axis. */ readonly whole: boolean }[] }
interface Range { readonly variable: string; readonly begin: Expr; readonly end: Expr }

export const bindsOne = (l: { readonly begin: Expr; readonly end: Expr }): boolean => l.end.key === addInt(l.begin, 1).key;

/** An expression without its constant term. */
export function linearPart(e: Expr): Expr { return e.terms.length > 0 && e.terms.at(-1)!.atoms.length === 0 ? Expr.ofTerms(e.terms.slice(0, -1)) : e; }

export class Reuse {
  readonly #boxes = new Map<readonly Node[], readonly Box[]>();
  constructor(readonly graph: Graph) {}

  /** Bytes of a container's whole buffer. */
  bytes(name: string, number: Numbers): number { const c = this.graph.container(name); return c.shape.reduce((p, e) => p * Math.max(0, number(e)), bytesOf(c.dtype)); }

  /** Bytes of everything that the program names. */
  all(number: Numbers): number {
    let sum = 0;
    for (const b of this.#boxesOf(this.graph.body).keys) sum += this.bytes(b, number);
    return sum;
  }

  /** Distinct bytes that one run of the body touches. */
  touched(body: readonly Node[], number: Numbers): number {
    const sums = new Map<string, number>();
    for (const b of this.#boxesOf(body).boxes) sums.set(b.base, (sums.get(b.base) ?? 0) + this.#bytesOf(b, number));
    let total = 0;
    for (const [base, n] of sums) total += Math.min(n, this.bytes(base, number));
    return total;
  }

  #bytesOf(b: Box, number: Numbers): number {
    const { shape, dtype } = this.graph.container(b.data);
    let n = 1;
    b.axes.forEach((a, d) => {
      const size = Math.max(1, number(shape[d]!)), extent = a.whole ? size : Math.min(size, a.loops.reduce((s, x) => s + Math.abs(number(x.coefficient)) * Math.max(0, number(x.range.end) - number(x.range.begin) - 1), 1));
      n *= d === b.axes.length - 1 ? Math.max(extent * bytesOf(dtype), Math.min(LINE, size * bytesOf(dtype))) : extent;
    });
    return b.axes.length === 0 ? bytesOf(dtype) : n;
  }

  #boxesOf(body: readonly Node[]): { readonly boxes: readonly Box[]; readonly keys: ReadonlySet<string> } {
    let boxes = this.#boxes.get(body);
    if (!boxes) {
      const out = new Map<string, Box>();
      for (const a of accessesOf(this.graph, body)) { const b = this.#box(a), key = `${a.data}:${a.index.map((e) => linearPart(e).key).join()}`; if (!out.has(key)) out.set(key, b); }
      this.#boxes.set(body, boxes = [...out.values()]);
    }
    return { boxes, keys: new Set(boxes.map((b) => b.base)) };
  }

  #box(a: Access): Box {
    const ranges: Range[] = [...loopsOf(a.path), ...a.extra.map((x) => ({ variable: x.variable, begin: ZERO, end: x.size }))], variables = new Set(ranges.map((l) => l.variable));
    return {
      base: a.base, data: a.data,
      axes: a.index.map((e) => {
        const f = hasLoads(e) ? undefined : affine(e, variables);
        return f ? { whole: false, loops: [...f.coefficients].map(([v, coefficient]) => ({ coefficient, range: ranges.find((x) => x.variable === v)! })) } : { whole: true, loops: [] };
      }),
    };
  }

  /** The innermost loop around, itself aside, whose iterations come by the same elements; undefined: there is none. `around`: outermost first, the last one being the loop that makes the access (undefined: it is no loop). */
  comesBack(a: Access, around: readonly (Loop | undefined)[]): Loop | undefined {
    const variables = freeSymbols(flatIndex(this.graph, a.data, a.index));
    for (let k = around.length - 1; k >= 0; k--) {
      const l = around[k];
      if (!l) continue;
      const binds = bindsOne(l);
      if (variables.has(l.variable)) { if (binds) for (const s of freeSymbols(l.begin)) variables.add(s); continue; }
      if (!binds && k < around.length - 1) return l;
    }
    return undefined;
  }
}
