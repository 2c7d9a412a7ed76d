/** Makes room in a container that grows: its rows [0, size of the operand) exist afterwards, the ones that it had keep what they hold. Not an operation on numbers. */
import { InternalError } from "../base/errors.js";
import { freshId } from "../sdfg/sdfg.js";
import type { Container, LibraryNode, Operand } from "../sdfg/nodes.js";
import { ONE, ZERO, type Expr } from "../symbolic/expr.js";
import type { LibraryOp } from "./op.js";

/** `rows`: how many there must be. It stands as reading and writing all of them, so that nothing is moved across it. */
export function growNode(data: string, container: Pick<Container, "shape">, rows: Expr): LibraryNode {
  const all: Operand = { data, base: container.shape.map(() => ZERO), axes: [0], sizes: [rows] };
  return { kind: "library", id: freshId(), op: "grow", inputs: [all], outputs: [all], accumulate: false, attributes: {} };
}

export const grow: LibraryOp = {
  name: "grow",
  validate(n): void { if (n.inputs.length !== 1 || n.outputs.length !== 1 || n.outputs[0]!.sizes.length !== 1 || n.outputs[0]!.axes[0] !== 0 || n.inputs[0]!.data !== n.outputs[0]!.data) throw new InternalError("grow takes one container and its rows"); },
  expand: (n) => [n],
  flops: () => ONE,
};
