/** matmul: C[m,n] (+)= alpha · A[m,k] · B[k,n], each operand a rectangular part of a container; of complex operands either may be conjugated. */
import { InternalError } from "../base/errors.js";
import { input, op } from "../scalar/expr.js";
import { freshId } from "../sdfg/sdfg.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { equals, int, mul, ZERO } from "../symbolic/expr.js";
import { isComplex } from "../base/dtypes.js";
import { assign, at, conjugate, loop, number, over } from "./loops.js";
import { transposed, type LibraryOp } from "./op.js";

const alphaOf = (node: LibraryNode): number => (typeof node.attributes["alpha"] === "number" ? node.attributes["alpha"] : 1);

export interface Conjugates { readonly conjugateA?: boolean; readonly conjugateB?: boolean }

/** C (+)= alpha · A · B as a node. */
export function matmulNode(a: Operand, b: Operand, c: Operand, accumulate: boolean, alpha = 1, { conjugateA = false, conjugateB = false }: Conjugates = {}): LibraryNode {
  return {
    kind: "library", id: freshId(), op: "matmul", inputs: [a, b], outputs: [c], accumulate,
    attributes: { ...(alpha === 1 ? {} : { alpha }), ...(conjugateA ? { conjugateA } : {}), ...(conjugateB ? { conjugateB } : {}) },
  };
}

export const matmul: LibraryOp = {
  name: "matmul",
  validate(node) {
    const [a, b] = node.inputs, [c] = node.outputs;
    if (!a || !b || !c || [a, b, c].some((o) => o.axes.length !== 2)) throw new InternalError("matmul takes two matrices and gives one");
    if (!equals(a.sizes[1]!, b.sizes[0]!) || !equals(a.sizes[0]!, c.sizes[0]!) || !equals(b.sizes[1]!, c.sizes[1]!)) throw new InternalError("matmul of operands that do not fit");
  },
  expand(node, dtypeOf, variable) {
    const [a, b] = node.inputs as [Operand, Operand], [c] = node.outputs as [Operand], dtype = dtypeOf(c.data), alpha = alphaOf(node);
    const nodes: Node[] = node.accumulate ? [] : [...over(variable, c.sizes, ([i, j]) => [assign(node, at(c, i!, j!), number(0, dtype), [])])];
    const x = input(0, dtype), y = input(1, dtype);
    const product = op("mul", dtype, node.attributes["conjugateA"] === true ? conjugate(x) : x, node.attributes["conjugateB"] === true ? conjugate(y) : y);
    nodes.push(loop(variable, ZERO, c.sizes[0]!, "any", (i) => [loop(variable, ZERO, a.sizes[1]!, "any", (k) => [loop(variable, ZERO, c.sizes[1]!, "any", (j) => [
      assign(node, at(c, i, j), alpha === 1 ? product : op("mul", dtype, number(alpha, dtype), product), [at(a, i, k), at(b, k, j)], "sum"),
    ])])]));
    return nodes;
  },
  adjoint(node, { gradient, active, saved, dtypeOf }) {
    const [a, b] = node.inputs as [Operand, Operand], [c] = node.outputs as [Operand], alpha = alphaOf(node), g = gradient(c);
    const complex = isComplex(dtypeOf(c.data)), p = node.attributes["conjugateA"] === true, q = node.attributes["conjugateB"] === true;
    if ([a, b].some((o) => dtypeOf(o.data) !== dtypeOf(c.data))) throw new InternalError("matmul of operands of different dtypes");
    const out: LibraryNode[] = [];
    // Ā += alpha · C̄ · Bᴴ,  B̄ += alpha · Aᴴ · C̄ (Giles 2008). What enters conjugated receives the conjugate: Ā += alpha · conj(C̄) · (…)ᵀ.
    const other = complex && p === q;
    if (active.inputs[0]) out.push(matmulNode(g, transposed(saved(b, "before")), gradient(a), true, alpha, { conjugateA: complex && p, conjugateB: other }));
    if (active.inputs[1]) out.push(matmulNode(transposed(saved(a, "before")), g, gradient(b), true, alpha, { conjugateA: other, conjugateB: complex && q }));
    return out;
  },
  flops(node) { return mul(int(2), mul(node.outputs[0]!.sizes[0]!, mul(node.outputs[0]!.sizes[1]!, node.inputs[0]!.sizes[1]!))); },
};
