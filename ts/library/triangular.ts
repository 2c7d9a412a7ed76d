/**
 * triangular: X = T⁻¹·B, or conj(T)⁻¹·B (attribute `conjugate`), for the lower or upper triangle of T (attribute `lower`); the other triangle is not read. Inputs
 * T, B. Transposes are operands' own.
 * Closed form (Giles 2008): W = T⁻ᴴ·X̄, B̄ += W, T̄ −= the triangle of W·Xᴴ.
 */
import { isComplex } from "../base/dtypes.js";
import { input, op } from "../scalar/expr.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { addInt, mul, ZERO, type Expr } from "../symbolic/expr.js";
import { assign, at, byColumns, conjugate, libraryNode, loop, over, requireShapes } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";
import { addTo } from "./solve.js";

export function triangularNode(t: Operand, b: Operand, x: Operand, options: { readonly lower: boolean; readonly conjugate?: boolean }, loc?: LibraryNode["loc"]): LibraryNode {
  return libraryNode("triangular", [t, b], [x], { lower: options.lower, ...(options.conjugate ? { conjugate: true } : {}) }, loc);
}

export const triangular: LibraryOp = {
  name: "triangular",
  validate(node) { requireShapes(node, "nn nm", "nm"); },
  expand(node, dtypeOf, variable) {
    const [t, b] = node.inputs as [Operand, Operand], [x] = node.outputs as [Operand], d = dtypeOf(x.data), [n, m] = x.sizes as [Expr, Expr], lower = node.attributes["lower"] === true;
    const u = input(0, d), v = input(1, d), factor = node.attributes["conjugate"] === true ? conjugate(u) : u;
    const steps = (columns: (f: (j: Expr) => readonly Node[]) => readonly Node[]): Node => loop(variable, ZERO, n, lower ? "up" : "down", (k) => [
      ...columns((j) => [assign(node, at(x, k, j), op("div", d, v, factor), [at(t, k, k), at(x, k, j)])]),
      loop(variable, lower ? addInt(k, 1) : ZERO, lower ? n : k, "any", (i) => columns((j) => [assign(node, at(x, i, j), op("neg", d, op("mul", d, factor, v)), [at(t, i, k), at(x, k, j)], "sum")])),
    ]);
    const copy = over(variable, x.sizes, ([i, j]) => [assign(node, at(x, i!, j!), u, [at(b, i!, j!)])]);
    // Innermost along memory: over the columns of X, or, where X is a transpose, over its rows for one column after the other.
    const along = x.axes[1]! > x.axes[0]!;
    return [...copy, ...(along ? byColumns(variable, m, (columns) => [steps(columns)]) : [loop(variable, ZERO, m, "any", (j) => [steps((f) => f(j))])])];
  },
  adjoint(node, c) {
    const [t, b] = node.inputs as [Operand, Operand], [x] = node.outputs as [Operand], d = c.dtypeOf(x.data), complex = isComplex(d), lower = node.attributes["lower"] === true, conj = node.attributes["conjugate"] === true;
    const w = c.workspace("solved", d, x.sizes);
    const nodes: Node[] = [triangularNode(transposed(c.saved(t, "before")), c.gradient(x), w, { lower: !lower, conjugate: complex && !conj }, node.loc)];
    if (c.active.inputs[1]) nodes.push(...addTo(node, c, b, w));
    if (c.active.inputs[0]) {
      const product = c.workspace("product", d, t.sizes), g = c.gradient(t);
      nodes.push(matmulNode(w, transposed(c.saved(x, "after")), product, false, -1, { conjugateA: complex && conj, conjugateB: complex && !conj }));
      nodes.push(loop(c.variable, ZERO, t.sizes[0]!, "any", (i) => [loop(c.variable, lower ? ZERO : i, lower ? addInt(i, 1) : t.sizes[0]!, "any", (j) => [assign(node, at(g, i, j), input(0, d), [at(product, i, j)], "sum")])]));
    }
    return nodes;
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return mul(mul(n, n), node.outputs[0]!.sizes[1]!); },
};
