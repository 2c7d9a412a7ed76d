/**
 * Arrays that leave the device for a while: `offload` starts a copy to an array of the host, `fetch` one back into an array of the device, and `settle` makes what
 * follows wait for the last of them. Copies run beside the program's work, so what one reads or writes is in use until it has been settled: `settle` stands as
 * reading and writing that array, which keeps it alive, and everything else that touches it on its own side. Not operations on numbers.
 */
import { InternalError } from "../base/errors.js";
import { freshId } from "../sdfg/sdfg.js";
import type { Container, LibraryNode, Operand } from "../sdfg/nodes.js";
import { ZERO } from "../symbolic/expr.js";
import type { LibraryOp } from "./op.js";

type Shaped = Pick<Container, "name" | "shape">;
const whole = ({ name, shape }: Shaped): Operand => ({ data: name, base: shape.map(() => ZERO), axes: shape.map((_, d) => d), sizes: shape });
const node = (op: string, inputs: readonly Operand[], outputs: readonly Operand[]): LibraryNode => ({ kind: "library", id: freshId(), op, inputs, outputs, accumulate: false, attributes: {} });

export function offloadNode(array: Shaped, host: Shaped): LibraryNode { return node("offload", [whole(array)], [whole(host)]); }
export function fetchNode(array: Shaped, host: Shaped): LibraryNode { return node("fetch", [whole(host)], [whole(array)]); }
/** `array`: what the last copy from or to `host` reads or writes. */
export function settleNode(array: Shaped, host: Shaped): LibraryNode { return node("settle", [whole(array), whole(host)], [whole(array), whole(host)]); }

/** The device's array and the host's. */
export function offloadPair(n: LibraryNode): { readonly array: string; readonly host: string } {
  return n.op === "offload" ? { array: n.inputs[0]!.data, host: n.outputs[0]!.data } : n.op === "fetch" ? { array: n.outputs[0]!.data, host: n.inputs[0]!.data } : { array: n.outputs[0]!.data, host: n.outputs[1]!.data };
}
export function movesToHost(n: LibraryNode): boolean { return n.op === "offload" || n.op === "fetch" || n.op === "settle"; }

const operation = (name: string, inputs: number, outputs: number): LibraryOp => ({
  name,
  validate(n): void {
    if (n.inputs.length !== inputs || n.outputs.length !== outputs || n.accumulate || [...n.inputs, ...n.outputs].some((o) => o.axes.some((a, d) => a !== d) || o.base.some((e) => e.constant !== 0))) throw new InternalError(`${name} moves whole arrays`);
  },
  expand: (n) => [n],
  flops: () => ZERO,
});
export const offload = operation("offload", 1, 1), fetch = operation("fetch", 1, 1), settle = operation("settle", 2, 2);
