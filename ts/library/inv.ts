/**
 * inv: X = A⁻¹ from A's factors. Inputs A, its factors, their rows.
 * Closed form (Giles 2008): Ā −= Xᴴ·X̄·Xᴴ: two products with the result, nothing of the elimination.
 */
import { isComplex, type DType } from "../base/dtypes.js";
import { op, select, symbolic } from "../scalar/expr.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { load, mul, scale } from "../symbolic/expr.js";
import { assign, at, number, over, requireShapes, type Variables } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";
import { substitute } from "./solve.js";

/** X = P, where the factors are those of P·A. */
export function rowsOfIdentity(node: LibraryNode, d: DType, variable: Variables, rows: Operand, x: Operand): readonly Node[] {
  return over(variable, x.sizes, ([i, j]) => [assign(node, at(x, i!, j!), select(op("eq", "bool", symbolic(load(rows.data, at(rows, i!).index)), symbolic(j!)), number(1, d), number(0, d)), [])]);
}

export const inv: LibraryOp = {
  name: "inv",
  unread: [0],
  validate(node) { requireShapes(node, "nn nn n", "nn"); },
  expand(node, dtypeOf, variable) {
    const [, f, rows] = node.inputs as [Operand, Operand, Operand], [x] = node.outputs as [Operand], d = dtypeOf(x.data);
    return [...rowsOfIdentity(node, d, variable, rows, x), ...substitute(node, d, variable, f, x)];
  },
  adjoint(node, c) {
    const [a] = node.inputs as [Operand], [x] = node.outputs as [Operand], d = c.dtypeOf(x.data), complex = isComplex(d);
    const xt = transposed(c.saved(x, "after")), t = c.workspace("inverse", d, x.sizes);
    return [
      matmulNode(xt, c.gradient(x), t, false, 1, { conjugateA: complex }),
      matmulNode(t, xt, c.gradient(a), true, -1, { conjugateB: complex }),
    ];
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return scale(mul(n, mul(n, n)), 2); },
};
