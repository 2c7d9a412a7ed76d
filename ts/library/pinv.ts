/**
 * pinv: X = A⁺ of a real matrix with no fewer rows than columns, from its singular values: those not above a cutoff count as zero. Attribute `rcond`: the cutoff
 * over the largest, or negative: the rounding unit times the larger dimension. Outputs: X, U, s (a column), V, and svd's working space.
 * Closed form (Golub and Pereyra 1973), for matrices whose rank does not change nearby: Ā −= Xᵀ·X̄·Xᵀ, Ā += (I − A·X)·X̄ᵀ·X·Xᵀ + Xᵀ·X·X̄ᵀ·(I − X·A).
 */
import { cast, constant, input, op, select, symbolic } from "../scalar/expr.js";
import type { DType } from "../base/dtypes.js";
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import { max, mul, scale, ZERO, type Expr } from "../symbolic/expr.js";
import { assign, at, loop, over, requireShapes, type Variables } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";
import { factorise } from "./svd.js";

type Dtypes = (data: string) => DType;
/** A's factors. */
export function factorised(node: LibraryNode, dtypeOf: Dtypes, variable: Variables): readonly Node[] {
  const [a] = node.inputs as [Operand], [, u, s, v, state] = node.outputs as [Operand, Operand, Operand, Operand, Operand];
  return factorise(node, dtypeOf(u.data), variable, [a, u, s, v, state]);
}
/** X from them. */
export function combined(node: LibraryNode, dtypeOf: Dtypes, variable: Variables): readonly Node[] {
  const [x, u, s, v] = node.outputs as [Operand, Operand, Operand, Operand], d = dtypeOf(x.data), [m, n] = node.inputs[0]!.sizes as [Expr, Expr];
  const [e, largest, l, r] = [0, 1, 2, 3].map((k) => input(k, d)) as [ReturnType<typeof input>, ReturnType<typeof input>, ReturnType<typeof input>, ReturnType<typeof input>], rcond = Number(node.attributes["rcond"]);
  const relative = rcond < 0 ? op("mul", d, constant(d === "float32" ? 2 ** -23 : 2 ** -52, d), cast(symbolic(max(m, n)), d)) : constant(rcond, d);
  const used = op("gt", "bool", e, op("mul", d, relative, largest)), term = select(used, op("div", d, op("mul", d, l, r), e), constant(0, d));
  return over(variable, x.sizes, ([i, j]) => [
    assign(node, at(x, i!, j!), constant(0, d), []),
    loop(variable, ZERO, n, "up", (k) => [assign(node, at(x, i!, j!), term, [at(s, k, ZERO), at(s, ZERO, ZERO), at(v, i!, k), at(u, j!, k)], "sum")]),
  ]);
}

export const pinv: LibraryOp = {
  name: "pinv",
  validate(node) { requireShapes(node, "mn", "nm mn nk nn s"); },
  expand(node, dtypeOf, variable) { return [...factorised(node, dtypeOf, variable), ...combined(node, dtypeOf, variable)]; },
  adjoint(node, c) {
    const [given] = node.inputs as [Operand], [out] = node.outputs as [Operand], d = c.dtypeOf(out.data), [m, n] = given.sizes as [Expr, Expr];
    const a = c.saved(given, "before"), x = c.saved(out, "after"), xt = transposed(x), g = c.gradient(out), gt = transposed(g), result = c.gradient(given);
    const rows = (l: string): Operand => c.workspace(l, d, [m, m]), columns = (l: string): Operand => c.workspace(l, d, [n, n]), like = (l: string): Operand => c.workspace(l, d, [m, n]);
    const [first, second, third, fourth] = [rows("first"), rows("second"), like("third"), columns("fourth")], [fifth, sixth, seventh] = [columns("fifth"), like("sixth"), rows("seventh")];
    return [
      matmulNode(xt, g, first, false), matmulNode(first, xt, result, true, -1),
      matmulNode(gt, x, second, false), matmulNode(second, xt, third, false), matmulNode(x, third, fourth, false),
      ...over(c.variable, given.sizes, ([i, j]) => [assign(node, at(result, i!, j!), input(0, d), [at(third, i!, j!)], "sum")]), matmulNode(a, fourth, result, true, -1),
      matmulNode(x, gt, fifth, false), matmulNode(xt, fifth, sixth, false), matmulNode(sixth, x, seventh, false),
      ...over(c.variable, given.sizes, ([i, j]) => [assign(node, at(result, i!, j!), input(0, d), [at(sixth, i!, j!)], "sum")]), matmulNode(seventh, a, result, true, -1),
    ];
  },
  flops(node) { const [m, n] = node.inputs[0]!.sizes as [Expr, Expr]; return scale(mul(m, mul(n, n)), 60); },
};
