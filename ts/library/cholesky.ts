/**
 * cholesky: A = L·Lᴴ. Only the lower triangle of A is read, and of a complex matrix only the real parts of its diagonal, as LAPACK and NumPy do; L's strict upper
 * triangle is zero. A matrix that is not positive definite gives a diagonal element that is not positive (or no number), for the caller to refuse.
 *
 * Its derivative is that of what NumPy computes: the gradient lies in the lower triangle, where an element below the diagonal stands for its mirror image too; the
 * strict upper triangle gets zero. (Other systems return the symmetric half of it, the derivative of a function of symmetric matrices.)
 * Closed form (Giles 2008; Murray 2016): S = L⁻ᴴ·Φ(Lᴴ·L̄)·L⁻¹ with Φ the lower triangle and half the diagonal; then Āᵢⱼ += Sᵢⱼ + conj(Sⱼᵢ) below the
 * diagonal, Āᵢᵢ += Re Sᵢᵢ. One product and two triangular solves, linear in L̄ and made of nodes: higher derivatives keep matrices only, where the element-by-element
 * reverse overwrites L̄ n times.
 */
import { isComplex } from "../base/dtypes.js";
import { input, op, symbolic, select } from "../scalar/expr.js";
import type { Operand } from "../sdfg/nodes.js";
import { addInt, floordiv, int, mul, ZERO } from "../symbolic/expr.js";
import { assign, at, conjugate, fromReal, loop, number, over, realPart, realType, requireShapes } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";
import { triangularNode } from "./triangular.js";

export const cholesky: LibraryOp = {
  name: "cholesky",
  validate(node) { requireShapes(node, "nn", "nn"); },
  expand(node, dtypeOf, variable) {
    const [a] = node.inputs as [Operand], [l] = node.outputs as [Operand], n = a.sizes[0]!, d = dtypeOf(l.data), x = input(0, d), y = input(1, d);
    const less = op("neg", d, op("mul", d, x, conjugate(y)));
    return [loop(variable, ZERO, n, "up", (j) => [
      assign(node, at(l, j, j), fromReal(realPart(x), d), [at(a, j, j)]),
      loop(variable, ZERO, j, "any", (k) => [assign(node, at(l, j, j), less, [at(l, j, k), at(l, j, k)], "sum")]),
      assign(node, at(l, j, j), fromReal(op("sqrt", realType(d), realPart(x)), d), [at(l, j, j)]),
      loop(variable, ZERO, j, "any", (i) => [assign(node, at(l, i, j), number(0, d), [])]),
      loop(variable, addInt(j, 1), n, "any", (i) => [
        assign(node, at(l, i, j), x, [at(a, i, j)]),
        loop(variable, ZERO, j, "any", (k) => [assign(node, at(l, i, j), less, [at(l, i, k), at(l, j, k)], "sum")]),
        assign(node, at(l, i, j), op("div", d, x, y), [at(l, i, j), at(l, j, j)]),
      ]),
    ])];
  },
  adjoint(node, c) {
    const [a] = node.inputs as [Operand], [l] = node.outputs as [Operand], n = a.sizes[0]!, d = c.dtypeOf(l.data), complex = isComplex(d);
    const lt = transposed(c.saved(l, "after")), [q, half, y, s] = ["product", "half", "left", "symmetric"].map((w) => c.workspace(w, d, a.sizes)) as [Operand, Operand, Operand, Operand];
    const u = input(0, d), v = input(1, d), g = c.gradient(a);
    return [
      matmulNode(lt, c.gradient(l), q, false, 1, { conjugateA: complex }),
      ...over(c.variable, a.sizes, ([i, j]) => [assign(node, at(half, i!, j!), select(op("gt", "bool", symbolic(i!), symbolic(j!)), u, select(op("eq", "bool", symbolic(i!), symbolic(j!)), op("mul", d, number(0.5, d), u), number(0, d))), [at(q, i!, j!)])]),
      triangularNode(lt, half, y, { lower: false, conjugate: complex }, node.loc),
      // S·L = Y, transposed.
      triangularNode(lt, transposed(y), transposed(s), { lower: false }, node.loc),
      loop(c.variable, ZERO, n, "any", (i) => [
        loop(c.variable, ZERO, i, "any", (j) => [assign(node, at(g, i, j), op("add", d, u, conjugate(v)), [at(s, i, j), at(s, j, i)], "sum")]),
        assign(node, at(g, i, i), fromReal(realPart(u), d), [at(s, i, i)], "sum"),
      ]),
    ];
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return floordiv(mul(n, mul(n, n)), int(3)); },
};
