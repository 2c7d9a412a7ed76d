/**
 * lu: P·A = L·U of a square matrix with partial pivoting, LAPACK's getrf with its choice of pivots (of complex numbers the largest |re| + |im|).
 * Outputs: L (unit diagonal, not stored) and U in one matrix; `pivots`: the row that row k was exchanged with; `rows`: row i of P·A is row rows[i] of A; a row of
 * working space. A zero pivot is left as it is (the column below it is zero): what is solved with it is for the caller to refuse.
 *
 * The factors carry no derivative: solve, inv and det take A as well and are differentiated in closed form, which needs the factors and the recorded pivots
 * (discrete facts), but never the derivative of a factorisation.
 */
import { isComplex, type DType } from "../base/dtypes.js";
import { cast, constant, input, op, symbolic, type ScalarExpr } from "../scalar/expr.js";
import type { Node, Operand } from "../sdfg/nodes.js";
import { addInt, floordiv, int, load, mul, scale, ZERO } from "../symbolic/expr.js";
import { assign, at, fromReal, loop, over, realPart, realType, requireShapes, when } from "./loops.js";
import type { LibraryOp } from "./op.js";

/** |e|, or |re| + |im|. */
function magnitude(e: ScalarExpr): ScalarExpr {
  if (!isComplex(e.dtype)) return op("abs", e.dtype, e);
  const real: DType = realType(e.dtype);
  return op("add", real, op("abs", real, op("real", real, e)), op("abs", real, op("imag", real, e)));
}

export const lu: LibraryOp = {
  name: "lu",
  validate(node) { requireShapes(node, "nn", "nn n n n"); },
  expand(node, dtypeOf, variable) {
    const [a] = node.inputs as [Operand], [f, pivots, rows, work] = node.outputs as [Operand, Operand, Operand, Operand], n = a.sizes[0]!, d = dtypeOf(f.data);
    const x = input(0, d), y = input(1, d), real = realType(d), whole = (e: ScalarExpr, o: Operand): ScalarExpr => cast(e, dtypeOf(o.data));
    const copy: readonly Node[] = over(variable, a.sizes, ([i, j]) => [assign(node, at(f, i!, j!), x, [at(a, i!, j!)])]);
    const identity = over(variable, [n], ([i]) => [assign(node, at(rows, i!), whole(symbolic(i!), rows), [])]);
    const steps = loop(variable, ZERO, n, "up", (k) => {
      const next = addInt(k, 1), p = load(pivots.data, at(pivots, k).index), best = at(work, ZERO);
      const count = (name: "add" | "sub", first: "k" | "p", left: "k" | "p"): Node => {
        const pick = { k, p }, dt = dtypeOf(rows.data), right = left === "k" ? "p" : "k";
        return assign(node, at(rows, pick[first]), op(name, dt, input(0, dt), input(1, dt)), [at(rows, pick[left]), at(rows, pick[right])]);
      };
      return [
        // The first of the largest.
        assign(node, at(pivots, k), whole(symbolic(k), pivots), []),
        assign(node, best, fromReal(magnitude(x), d), [at(f, k, k)]),
        loop(variable, next, n, "up", (i) => [when(op("gt", "bool", magnitude(x), realPart(y)), [at(f, i, k), best], [
          assign(node, at(pivots, k), whole(symbolic(i), pivots), []),
          assign(node, best, fromReal(magnitude(x), d), [at(f, i, k)]),
        ])]),
        when(op("ne", "bool", symbolic(p), symbolic(k)), [], [
          // Exchanged without a third place.
          count("add", "k", "k"), count("sub", "p", "k"), count("sub", "k", "k"),
          // Too little to share among threads.
          loop(variable, ZERO, n, "up", (j) => [assign(node, at(work, j), x, [at(f, k, j)])]),
          loop(variable, ZERO, n, "up", (j) => [assign(node, at(f, k, j), x, [at(f, p, j)])]),
          loop(variable, ZERO, n, "up", (j) => [assign(node, at(f, p, j), x, [at(work, j)])]),
        ]),
        when(op("ne", "bool", magnitude(x), constant(0, real)), [at(f, k, k)], [loop(variable, next, n, "any", (i) => [
          assign(node, at(f, i, k), op("div", d, x, y), [at(f, i, k), at(f, k, k)]),
          loop(variable, next, n, "any", (j) => [assign(node, at(f, i, j), op("neg", d, op("mul", d, x, y)), [at(f, i, k), at(f, k, j)], "sum")]),
        ])]),
      ];
    });
    return [...copy, ...identity, steps];
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return floordiv(scale(mul(n, mul(n, n)), 2), int(3)); },
};
