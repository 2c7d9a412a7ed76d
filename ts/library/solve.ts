/**
 * solve: X = A⁻¹·B, or X = A⁻ᴴ·B (attribute `adjoint`), from A's factors. Inputs A, its factors, their rows, B; outputs X and, of the adjoint form, working space of
 * X's shape (the rows are put back in order out of place).
 *
 * Closed form (Giles 2008): W = A⁻ᴴ·X̄, B̄ += W, Ā −= W·Xᴴ: one solve with the factors at hand and one product, against the derivative of an elimination,
 * which would go through n³/3 updates backwards. Both are nodes again, so higher derivatives follow.
 */
import { input, op, type ScalarExpr } from "../scalar/expr.js";
import type { LibraryNode, Loop, Memlet, Node, Operand } from "../sdfg/nodes.js";
import { addInt, load, mul, scale, ZERO, type Expr } from "../symbolic/expr.js";
import { isComplex, type DType } from "../base/dtypes.js";
import { assign, at, byColumns, conjugate, libraryNode, loop, over, requireShapes, type Variables } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp, type Reverse } from "./op.js";

export function solveNode(a: Operand, factors: Operand, rows: Operand, b: Operand, x: Operand, adjoint?: { readonly work: Operand }, loc?: LibraryNode["loc"]): LibraryNode {
  return libraryNode("solve", [a, factors, rows, b], adjoint ? [x, adjoint.work] : [x], adjoint ? { adjoint: true } : {}, loc);
}
const isAdjoint = (node: LibraryNode): boolean => node.attributes["adjoint"] === true;

type Columns = (f: (j: Expr) => readonly Node[]) => readonly Node[];
type Triangle = (i: Expr, k: Expr) => { readonly memlet: Memlet; readonly conjugate: boolean };

/** In place: X −= t(i, k)·X[k] for the rows i in a range, step by step; a step divides its row first if there is a divisor. */
function eliminate(node: LibraryNode, d: DType, variable: Variables, x: Operand, columns: Columns, order: "up" | "down", t: Triangle, divide: boolean): Loop {
  const n = x.sizes[0]!, m = x.sizes[1]!;
  const factor = (i: Expr, k: Expr, e: ScalarExpr): ScalarExpr => (t(i, k).conjugate ? conjugate(e) : e);
  const u = input(0, d), v = input(1, d);
  const pivot = (k: Expr): readonly Node[] => (divide ? columns((j) => [assign(node, at(x, k, j), op("div", d, v, factor(k, k, u)), [t(k, k).memlet, at(x, k, j)])]) : []);
  const update = (i: Expr, k: Expr, j: Expr): Node => assign(node, at(x, i, j), op("neg", d, op("mul", d, factor(i, k, u), v)), [t(i, k).memlet, at(x, k, j)], "sum");
  if (m.constant === 1 && !t(ZERO, ZERO).conjugate && !isAdjoint(node)) {
    // One column: rows of the factors against the part that is known, along memory.
    return loop(variable, ZERO, n, order, (i) => [loop(variable, order === "up" ? ZERO : addInt(i, 1), order === "up" ? i : n, "any", (k) => [update(i, k, ZERO)]), ...pivot(i)]);
  }
  return loop(variable, ZERO, n, order, (k) => [
    ...pivot(k),
    loop(variable, order === "up" ? addInt(k, 1) : ZERO, order === "up" ? n : k, "any", (i) => columns((j) => [update(i, k, j)])),
  ]);
}

/** L·U·X = X in place, X being in the order of the factors' rows. */
export function substitute(node: LibraryNode, d: DType, variable: Variables, factors: Operand, x: Operand): readonly Node[] {
  const t: Triangle = (i, k) => ({ memlet: at(factors, i, k), conjugate: false });
  return byColumns(variable, x.sizes[1]!, (columns) => [eliminate(node, d, variable, x, columns, "up", t, false), eliminate(node, d, variable, x, columns, "down", t, true)]);
}

/** X = P·B, where row i of P·B is row rows[i] of B. */
export function selectedRows(node: LibraryNode, dtypeOf: (data: string) => DType, variable: Variables, rows: Operand, b: Operand, x: Operand): readonly Node[] {
  return over(variable, x.sizes, ([i, j]) => [assign(node, at(x, i!, j!), input(0, dtypeOf(x.data)), [at(b, load(rows.data, at(rows, i!).index), j!)])]);
}
/** X = Pᵀ·Z. */
export function permuted(node: LibraryNode, dtypeOf: (data: string) => DType, variable: Variables, rows: Operand, z: Operand, x: Operand): readonly Node[] {
  return over(variable, x.sizes, ([i, j]) => [assign(node, at(x, load(rows.data, at(rows, i!).index), j!), input(0, dtypeOf(x.data)), [at(z, i!, j!)])]);
}

export const solve: LibraryOp = {
  name: "solve",
  unread: [0],
  validate(node) { requireShapes(node, "nn nn n nm", isAdjoint(node) ? "nm nm" : "nm"); },
  expand(node, dtypeOf, variable) {
    const [, f, rows, b] = node.inputs as [Operand, Operand, Operand, Operand], [x, z] = node.outputs as [Operand, Operand | undefined], d = dtypeOf(x.data), v = input(0, d);
    if (!z) return [...selectedRows(node, dtypeOf, variable, rows, b, x), ...substitute(node, d, variable, f, x)];
    // Aᴴ = Uᴴ·Lᴴ·P.
    const t: Triangle = (i, k) => ({ memlet: at(f, k, i), conjugate: true });
    return [
      ...over(variable, x.sizes, ([i, j]) => [assign(node, at(z, i!, j!), v, [at(b, i!, j!)])]),
      ...byColumns(variable, z.sizes[1]!, (columns) => [eliminate(node, d, variable, z, columns, "up", t, true), eliminate(node, d, variable, z, columns, "down", t, false)]),
      ...permuted(node, dtypeOf, variable, rows, z, x),
    ];
  },
  adjoint(node, c) {
    const [a, , , b] = node.inputs as [Operand, Operand, Operand, Operand], [x] = node.outputs as [Operand];
    const { w, nodes } = backSolve(node, c, c.gradient(x), !isAdjoint(node));
    if (c.active.inputs[3]) nodes.push(...addTo(node, c, b, w));
    if (c.active.inputs[0]) {
      const y = c.saved(x, "after"), complex = isComplex(c.dtypeOf(x.data));
      const [left, right] = isAdjoint(node) ? [y, w] : [w, y];
      nodes.push(matmulNode(left, transposed(right), c.gradient(a), true, -1, { conjugateB: complex }));
    }
    return nodes;
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return scale(mul(mul(n, n), node.outputs[0]!.sizes[1]!), 2); },
};

/** W = A⁻ᴴ·G (A⁻¹·G) with the factors that the node had, in an array of its own. A, the factors and their rows are the node's first three inputs. */
export function backSolve(node: LibraryNode, c: Reverse, g: Operand, adjoint: boolean): { readonly w: Operand; readonly nodes: Node[] } {
  const [a, f, rows] = node.inputs.slice(0, 3).map((o) => c.saved(o, "before")) as [Operand, Operand, Operand], d = c.dtypeOf(g.data);
  const w = c.workspace("solved", d, g.sizes), work = adjoint ? { work: c.workspace("solving", d, g.sizes) } : undefined;
  return { w, nodes: [solveNode(a, f, rows, g, w, work, node.loc)] };
}
/** gradient(to) += w. */
export function addTo(node: LibraryNode, c: Reverse, to: Operand, w: Operand): readonly Node[] {
  const g = c.gradient(to), d = c.dtypeOf(g.data);
  return over(c.variable, w.sizes, (i) => [assign(node, at(g, ...i), input(0, d), [at(w, ...i)], "sum")]);
}
