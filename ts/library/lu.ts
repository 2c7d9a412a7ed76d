/**
 * lu: P·A = L·U of a square matrix with partial pivoting, LAPACK's getrf with its choice of pivots (of complex numbers the largest |re| + |im|).
 * Outputs: L (unit diagonal, not stored) and U in one matrix; `pivots`: the row that row k was exchanged with; `rows`: row i of P·A is row rows[i] of A; a row of
 * working space and one real number. A zero pivot is left as it is (the column below it is zero): what is solved with it is for the caller to refuse.
 *
 * The factors carry no derivative: solve, inv and det take A as well and are differentiated in closed form, which needs the factors and the recorded pivots
 * (discrete facts), but never the derivative of a factorisation.
 */
import { isComplex, type DType } from "../base/dtypes.js";
import { cast, constant, input, op, select, symbolic, type ScalarExpr } from "../scalar/expr.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { addInt, floordiv, int, load, mul, scale, ZERO, type Expr } from "../symbolic/expr.js";
import { assign, at, loop, over, realType, requireShapes, when, type Variables } from "./loops.js";
import type { LibraryOp } from "./op.js";

/** |e|, or |re| + |im|. */
function magnitude(e: ScalarExpr): ScalarExpr {
  if (!isComplex(e.dtype)) return op("abs", e.dtype, e);
  const real: DType = realType(e.dtype);
  return op("add", real, op("abs", real, op("real", real, e)), op("abs", real, op("imag", real, e)));
}

/** rows[i] = i. */
export function identityRows(node: LibraryNode, dtypeOf: (data: string) => DType, variable: Variables, rows: Operand): readonly Node[] {
  return over(variable, rows.sizes, ([i]) => [assign(node, at(rows, i!), cast(symbolic(i!), dtypeOf(rows.data)), [])]);
}
/** rows[k] and rows[p] exchanged, without a third place; `more`: what else is exchanged where they differ. */
export function exchangedRows(node: LibraryNode, dtypeOf: (data: string) => DType, rows: Operand, k: Expr, p: Expr, more: readonly Node[] = []): Node {
  const pick = { k, p }, dt = dtypeOf(rows.data);
  const count = (name: "add" | "sub", first: "k" | "p", left: "k" | "p"): Node => assign(node, at(rows, pick[first]), op(name, dt, input(0, dt), input(1, dt)), [at(rows, pick[left]), at(rows, pick[left === "k" ? "p" : "k"])]);
  return when(op("ne", "bool", symbolic(p), symbolic(k)), [], [count("add", "k", "k"), count("sub", "p", "k"), count("sub", "k", "k"), ...more]);
}

export const lu: LibraryOp = {
  name: "lu",
  validate(node) { requireShapes(node, "nn", "nn n n n s"); },
  expand(node, dtypeOf, variable) {
    const [a] = node.inputs as [Operand], [f, pivots, rows, work, largest] = node.outputs as [Operand, Operand, Operand, Operand, Operand], n = a.sizes[0]!, d = dtypeOf(f.data);
    const x = input(0, d), y = input(1, d), real = realType(d), best = at(largest, ZERO), count = dtypeOf(pivots.data), whole = (e: Expr): ScalarExpr => cast(symbolic(e), count);
    const copy: readonly Node[] = over(variable, a.sizes, ([i, j]) => [assign(node, at(f, i!, j!), x, [at(a, i!, j!)])]);
    const size = magnitude(x), limit = input(1, real), pivot = input(0, count);
    const steps = loop(variable, ZERO, n, "up", (k) => {
      const next = addInt(k, 1), p = load(pivots.data, at(pivots, k).index);
      return [
        // The first of the largest, in two passes that need no order: how large it is, and where. What is no number is never the largest.
        assign(node, best, constant(-1, real), []),
        loop(variable, k, n, "up", (i) => [assign(node, best, select(op("ge", "bool", size, constant(0, real)), size, constant(-1, real)), [at(f, i, k)], "max")]),
        assign(node, at(pivots, k), whole(n), []),
        loop(variable, k, n, "up", (i) => [assign(node, at(pivots, k), select(op("eq", "bool", size, limit), whole(i), whole(n)), [at(f, i, k), best], "min")]),
        assign(node, at(pivots, k), select(op("lt", "bool", pivot, whole(n)), pivot, whole(k)), [at(pivots, k)]),
        exchangedRows(node, dtypeOf, rows, k, p, [
          // Too little to share among threads of a processor.
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
    return [...copy, ...identityRows(node, dtypeOf, variable, rows), steps];
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return floordiv(scale(mul(n, mul(n, n)), 2), int(3)); },
};
