/**
 * det: the determinant from A's factors. Inputs A, its factors, their rows, its pivots; output one number.
 * Closed form (Giles 2008): Ā += conj(d)·d̄·A⁻ᴴ. Of a singular matrix the derivative (its adjugate) is not found: it is not a number there, as dividing by a zero
 * pivot leaves it.
 */
import { input, op, select, symbolic } from "../scalar/expr.js";
import type { Operand } from "../sdfg/nodes.js";
import { load, ZERO } from "../symbolic/expr.js";
import { assign, at, conjugate, loop, number, over, requireShapes } from "./loops.js";
import type { LibraryOp } from "./op.js";
import { addTo, backSolve } from "./solve.js";

export const det: LibraryOp = {
  name: "det",
  unread: [0, 2],
  validate(node) { requireShapes(node, "nn nn n n", "-"); },
  expand(node, dtypeOf, variable) {
    const [, f, , pivots] = node.inputs as [Operand, Operand, Operand, Operand], [x] = node.outputs as [Operand], d = dtypeOf(x.data), u = input(0, d), v = input(1, d);
    return [
      assign(node, at(x), number(1, d), []),
      loop(variable, ZERO, f.sizes[0]!, "up", (k) => {
        const product = op("mul", d, u, v);
        return [assign(node, at(x), select(op("ne", "bool", symbolic(load(pivots.data, at(pivots, k).index)), symbolic(k)), op("neg", d, product), product), [at(x), at(f, k, k)])];
      }),
    ];
  },
  adjoint(node, c) {
    const [a] = node.inputs as [Operand], [x] = node.outputs as [Operand], d = c.dtypeOf(x.data);
    const scaled = c.workspace("scaled", d, a.sizes), value = at(c.saved(x, "after")), g = at(c.gradient(x));
    const diagonal = over(c.variable, a.sizes, ([i, j]) => [assign(node, at(scaled, i!, j!), select(op("eq", "bool", symbolic(i!), symbolic(j!)), op("mul", d, conjugate(input(0, d)), input(1, d)), number(0, d)), [value, g])]);
    const { w, nodes } = backSolve(node, c, scaled, true);
    return [...diagonal, ...nodes, ...addTo(node, c, a, w)];
  },
  flops(node) { return node.inputs[0]!.sizes[0]!; },
};
