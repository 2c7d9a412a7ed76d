/**
 * Arrays that leave the device for a while, or rows of them: `offload` starts a copy to an array of the host, `fetch` one back into an array of the device, and `settle` makes what
 * follows wait for the last of them (of rows: the last one from or to the first of these). Copies run beside the program's work, so what one reads or writes is in use until it has been settled: `settle` stands as
 * reading and writing that array, which keeps it alive, and everything else that touches it on its own side. Not operations on numbers.
 */
import { InternalError } from "../base/errors.js";
import { freshId } from "../sdfg/sdfg.js";
import type { Container, LibraryNode, Operand } from "../sdfg/nodes.js";
import { ZERO, type Expr } from "../symbolic/expr.js";
import type { LibraryOp } from "./op.js";

type Shaped = Pick<Container, "name" | "shape">;
/** The first row on the device and that of the host's array, and how many. */
export interface Rows { readonly array: Expr; readonly host: Expr; readonly count: Expr }

function part({ name, shape }: Shaped, first?: Expr, count?: Expr): Operand {
  return { data: name, base: shape.map((_, d) => (d === 0 && first ? first : ZERO)), axes: shape.map((_, d) => d), sizes: shape.map((e, d) => (d === 0 && count ? count : e)) };
}
const node = (op: string, inputs: readonly Operand[], outputs: readonly Operand[]): LibraryNode => ({ kind: "library", id: freshId(), op, inputs, outputs, accumulate: false, attributes: {} });

export function offloadNode(array: Shaped, host: Shaped, rows?: Rows): LibraryNode { return node("offload", [part(array, rows?.array, rows?.count)], [part(host, rows?.host, rows?.count)]); }
export function fetchNode(array: Shaped, host: Shaped, rows?: Rows): LibraryNode { return node("fetch", [part(host, rows?.host, rows?.count)], [part(array, rows?.array, rows?.count)]); }
/** `array`: what the last copy from or to `host` reads or writes. */
export function settleNode(array: Shaped, host: Shaped, rows?: Rows): LibraryNode {
  const a = part(array, rows?.array, rows?.count), h = part(host, rows?.host, rows?.count);
  return node("settle", [a, h], [a, h]);
}

/** The device's part and the host's. */
export function offloadPair(n: LibraryNode): { readonly array: Operand; readonly host: Operand } {
  return n.op === "offload" ? { array: n.inputs[0]!, host: n.outputs[0]! } : n.op === "fetch" ? { array: n.outputs[0]!, host: n.inputs[0]! } : { array: n.inputs[0]!, host: n.inputs[1]! };
}
export function movesToHost(n: LibraryNode): boolean { return n.op === "offload" || n.op === "fetch" || n.op === "settle"; }

/** Is it a stretch of memory: rows of an array of this shape, all of each? */
export function isRows(o: Operand, shape: readonly Expr[]): boolean {
  return o.axes.length === shape.length && o.axes.every((a, d) => a === d) && o.base.every((e, d) => d === 0 || e.constant === 0) && o.sizes.every((e, d) => d === 0 || e.key === shape[d]!.key);
}

const operation = (name: string, inputs: number, outputs: number): LibraryOp => ({
  name,
  validate(n): void {
    if (n.inputs.length !== inputs || n.outputs.length !== outputs || n.accumulate || [...n.inputs, ...n.outputs].some((o) => !isRows(o, o.sizes))) throw new InternalError(`${name} moves arrays, or rows of them`);
  },
  expand: (n) => [n],
  flops: () => ZERO,
});
export const offload = operation("offload", 1, 1), fetch = operation("fetch", 1, 1), settle = operation("settle", 2, 2);
