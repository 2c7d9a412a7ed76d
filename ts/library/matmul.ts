/** matmul: C[m,n] (+)= alpha · A[m,k] · B[k,n], each operand a rectangular part of a container. */
import { InternalError } from "../base/errors.js";
import { constant, input, op } from "../scalar/expr.js";
import { freshId } from "../sdfg/sdfg.js";
import type { LibraryNode, Loop, Memlet, Node, Operand } from "../sdfg/nodes.js";
import { add, equals, int, mul, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { isComplex } from "../base/dtypes.js";
import { transposed, type LibraryOp } from "./op.js";

const alphaOf = (node: LibraryNode): number => (typeof node.attributes["alpha"] === "number" ? node.attributes["alpha"] : 1);

function element(o: Operand, v: readonly Expr[]): Memlet {
  const index = [...o.base];
  o.axes.forEach((axis, d) => { index[axis] = add(index[axis]!, v[d]!); });
  return { data: o.data, index };
}

/** C += alpha · A · B as a node. */
export function matmulNode(a: Operand, b: Operand, c: Operand, accumulate: boolean, alpha = 1): LibraryNode {
  return { kind: "library", id: freshId(), op: "matmul", inputs: [a, b], outputs: [c], accumulate, attributes: alpha === 1 ? {} : { alpha } };
}

export const matmul: LibraryOp = {
  name: "matmul",
  validate(node) {
    const [a, b] = node.inputs, [c] = node.outputs;
    if (!a || !b || !c || [a, b, c].some((o) => o.axes.length !== 2)) throw new InternalError("matmul takes two matrices and gives one");
    if (!equals(a.sizes[1]!, b.sizes[0]!) || !equals(a.sizes[0]!, c.sizes[0]!) || !equals(b.sizes[1]!, c.sizes[1]!)) throw new InternalError("matmul of operands that do not fit");
  },
  expand(node, dtypeOf, variable) {
    const [a, b] = node.inputs, [c] = node.outputs, dtype = dtypeOf(c!.data), alpha = alphaOf(node);
    const loop = (v: string, end: Expr, body: Node): Loop => ({ kind: "loop", id: freshId(), variable: v, begin: ZERO, end, order: "any", body: [body] });
    const nodes: Node[] = [];
    if (!node.accumulate) {
      const i = variable(), j = variable();
      nodes.push(loop(i, c!.sizes[0]!, loop(j, c!.sizes[1]!, { kind: "tasklet", id: freshId(), inputs: [], output: element(c!, [sym(i), sym(j)]), code: constant(0, dtype, isComplex(dtype) ? 0 : undefined) })));
    }
    const i = variable(), j = variable(), k = variable();
    const product = op("mul", dtype, input(0, dtype), input(1, dtype));
    nodes.push(loop(i, c!.sizes[0]!, loop(k, a!.sizes[1]!, loop(j, c!.sizes[1]!, {
      kind: "tasklet", id: freshId(), inputs: [element(a!, [sym(i), sym(k)]), element(b!, [sym(k), sym(j)])], output: element(c!, [sym(i), sym(j)]), wcr: "sum",
      code: alpha === 1 ? product : op("mul", dtype, constant(alpha, dtype), product), ...(node.loc ? { loc: node.loc } : {}),
    }))));
    return nodes;
  },
  adjoint(node, gradient, active, saved) {
    const [a, b] = node.inputs, [c] = node.outputs, alpha = alphaOf(node), g = gradient(c!);
    const out: LibraryNode[] = [];
    // Ā += alpha · C̄ · Bᵀ,  B̄ += alpha · Aᵀ · C̄ (Giles 2008)
    if (active.inputs[0]) out.push(matmulNode(g, transposed(saved(b!, "before")), gradient(a!), true, alpha));
    if (active.inputs[1]) out.push(matmulNode(transposed(saved(a!, "before")), g, gradient(b!), true, alpha));
    return out;
  },
  flops(node) { return mul(int(2), mul(node.outputs[0]!.sizes[0]!, mul(node.outputs[0]!.sizes[1]!, node.inputs[0]!.sizes[1]!))); },
};
