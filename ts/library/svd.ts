/**
 * svd: A = U·diag(s)·Vᵀ of a real matrix with no fewer rows than columns, s descending, by one-sided Jacobi rotations (Golub and Van Loan, Matrix Computations,
 * section 8.6): the columns of A are turned until they are orthogonal; small singular values are as accurate as large ones. Outputs: U, s (a column), V, and as
 * working space four numbers and a column. Where s is zero, the columns of U are completed to orthonormal ones. The signs of the vectors are what the rotations leave.
 *
 * Closed form (Giles 2008; Townsend 2016), with Fᵢⱼ = 1/(sⱼ² − sᵢ²) off the diagonal:
 * Ā += U·(F∘(UᵀŪ − ŪᵀU)·S + S·F∘(VᵀV̄ − V̄ᵀV) + diag(s̄))·Vᵀ + (I − U·Uᵀ)·Ū·S⁻¹·Vᵀ. Vectors of equal singular values have no derivative: where it is asked for, it
 * is not a number. The values' own stays.
 */
import type { DType } from "../base/dtypes.js";
import { cast, constant, input, op, select, symbolic, type ScalarExpr } from "../scalar/expr.js";
import type { LibraryNode, Memlet, Node, Operand } from "../sdfg/nodes.js";
import { addInt, equals, int, mul, ONE, scale, ZERO, type Expr } from "../symbolic/expr.js";
import { assign, at, loop, over, requireShapes, when, type Variables } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";

const SWEEPS = 60;

/** The factors of A in U, s and V. `state`: four numbers and a column. */
export function factorise(node: LibraryNode, d: DType, variable: Variables, [a, u, s, v, state]: readonly [Operand, Operand, Operand, Operand, Operand]): readonly Node[] {
  const [m, n] = a.sizes as [Expr, Expr], [x, y, z] = [0, 1, 2].map((k) => input(k, d)) as [ScalarExpr, ScalarExpr, ScalarExpr], [flag, first, second, third] = [0, 1, 2, 3].map((k) => at(state, int(k))) as [Memlet, Memlet, Memlet, Memlet];
  const fn = (name: Parameters<typeof op>[0], ...args: ScalarExpr[]): ScalarExpr => op(name, d, ...args), number = (k: number): ScalarExpr => constant(k, d), real = (e: Expr): ScalarExpr => cast(symbolic(e), d);
  /** target = Σ over rows of the product of two columns. */
  const dot = (target: Memlet, of: Operand, p: Expr, q: Expr): readonly Node[] => [assign(node, target, number(0), []), loop(variable, ZERO, of.sizes[0]!, "up", (k) => [assign(node, target, fn("mul", x, y), [at(of, k, p), at(of, k, q)], "sum")])];
  const cosine = fn("div", number(1), fn("sqrt", fn("add", number(1), fn("mul", z, z))));
  /** Columns p and q, rotated: first the new column p, then column q from it. */
  const turn = (of: Operand, p: Expr, q: Expr): Node => loop(variable, ZERO, of.sizes[0]!, "up", (k) => {
    const list = [at(of, k, p), at(of, k, q), first];
    return [assign(node, at(of, k, p), fn("mul", cosine, fn("sub", x, fn("mul", z, y))), list), assign(node, at(of, k, q), fn("add", fn("mul", z, x), fn("div", y, cosine)), list)];
  });
  const zeta = fn("div", fn("sub", y, x), fn("mul", number(2), z));
  const rotate = (p: Expr, q: Expr): readonly Node[] => [
    assign(node, flag, number(1), []),
    assign(node, first, fn("copysign", fn("div", number(1), fn("add", fn("abs", zeta), fn("hypot", number(1), zeta))), zeta), [first, second, third]),
    turn(u, p, q), turn(v, p, q),
  ];
  const tolerance = fn("mul", number(d === "float32" ? 2 ** -23 : 2 ** -52), fn("sqrt", real(m)));
  const sweeps = loop(variable, ZERO, int(SWEEPS), "up", () => [when(op("ne", "bool", x, number(0)), [flag], [
    assign(node, flag, number(0), []),
    loop(variable, ZERO, n, "up", (p) => [loop(variable, addInt(p, 1), n, "up", (q) => [
      ...dot(first, u, p, p), ...dot(second, u, q, q), ...dot(third, u, p, q),
      when(op("gt", "bool", fn("abs", z), fn("mul", tolerance, fn("mul", fn("sqrt", x), fn("sqrt", y)))), [first, second, third], rotate(p, q)),
    ])]),
  ])]);
  const norms = loop(variable, ZERO, n, "up", (j) => [...dot(first, u, j, j), assign(node, at(s, j, ZERO), fn("sqrt", x), [first])]);
  // A column on the way lies behind the four numbers.
  const row = (k: Expr): Memlet => at(state, addInt(k, 4));
  const sort = loop(variable, ZERO, n, "up", (i) => [loop(variable, addInt(i, 1), n, "up", (j) => [when(op("gt", "bool", x, y), [at(s, j, ZERO), at(s, i, ZERO)], [
    assign(node, first, x, [at(s, i, ZERO)]), assign(node, at(s, i, ZERO), x, [at(s, j, ZERO)]), assign(node, at(s, j, ZERO), x, [first]),
    ...[u, v].flatMap((of) => [
      loop(variable, ZERO, of.sizes[0]!, "up", (k) => [assign(node, row(k), x, [at(of, k, i)])]),
      loop(variable, ZERO, of.sizes[0]!, "up", (k) => [assign(node, at(of, k, i), x, [at(of, k, j)])]),
      loop(variable, ZERO, of.sizes[0]!, "up", (k) => [assign(node, at(of, k, j), x, [row(k)])]),
    ]),
  ])])]);
  /** Without its parts along the columns before. */
  const project = (j: Expr): Node => loop(variable, ZERO, j, "up", (l) => [...dot(first, u, l, j), loop(variable, ZERO, m, "up", (i) => [assign(node, at(u, i, j), fn("neg", fn("mul", x, y)), [first, at(u, i, l)], "sum")])]);
  const divide = (j: Expr, by: Memlet): Node => loop(variable, ZERO, m, "up", (i) => [assign(node, at(u, i, j), fn("div", x, y), [at(u, i, j), by])]);
  const complete = loop(variable, ZERO, n, "up", (j) => [
    when(op("gt", "bool", x, number(0)), [at(s, j, ZERO)], [divide(j, at(s, j, ZERO))]),
    when(op("eq", "bool", x, number(0)), [at(s, j, ZERO)], [
      assign(node, flag, number(0), []),
      // Some unit vector is at least 1/√m away from what the columns before span.
      loop(variable, ZERO, m, "up", (k) => [when(op("eq", "bool", x, number(0)), [flag], [
        loop(variable, ZERO, m, "up", (i) => [assign(node, at(u, i, j), select(op("eq", "bool", symbolic(i), symbolic(k)), number(1), number(0)), [])]),
        project(j), project(j), ...dot(second, u, j, j),
        when(op("gt", "bool", fn("mul", fn("mul", number(4), real(m)), x), number(1)), [second], [assign(node, flag, number(1), []), assign(node, second, fn("sqrt", x), [second]), divide(j, second)]),
      ])]),
    ]),
  ]);
  return [
    ...over(variable, a.sizes, ([i, j]) => [assign(node, at(u, i!, j!), x, [at(a, i!, j!)])]),
    ...over(variable, v.sizes, ([i, j]) => [assign(node, at(v, i!, j!), select(op("eq", "bool", symbolic(i!), symbolic(j!)), number(1), number(0)), [])]),
    assign(node, flag, number(1), []), sweeps, norms, sort, complete,
  ];
}

export const svd: LibraryOp = {
  name: "svd",
  validate(node) { requireShapes(node, "mn", "mn nk nn s"); },
  expand(node, dtypeOf, variable) {
    const [a] = node.inputs as [Operand], [u, s, v, state] = node.outputs as [Operand, Operand, Operand, Operand];
    return factorise(node, dtypeOf(u.data), variable, [a, u, s, v, state]);
  },
  adjoint(node, c) {
    const [a] = node.inputs as [Operand], [u, s, v] = node.outputs as [Operand, Operand, Operand], d = c.dtypeOf(u.data), [m, n] = a.sizes as [Expr, Expr];
    const left = c.saved(u, "after"), right = c.saved(v, "after"), [x, y, p, q] = [0, 1, 2, 3].map((k) => input(k, d)) as [ScalarExpr, ScalarExpr, ScalarExpr, ScalarExpr];
    const inner = c.workspace("inner", d, v.sizes), half = c.workspace("half", d, a.sizes), unit = c.workspace("unit", d, [ONE, ONE]), e = c.workspace("values", d, s.sizes);
    const zero = constant(0, d), value = (i: Expr): Memlet => at(e, i, ZERO);
    // A saved value is an operand only: the singular values are copied by a product with 1.
    const nodes: Node[] = [assign(node, at(unit, ZERO, ZERO), constant(1, d), []), matmulNode(c.saved(s, "after"), unit, e, false), ...over(c.variable, v.sizes, ([i, j]) => [assign(node, at(inner, i!, j!), zero, [])])];
    /** F∘(K − Kᵀ), times the singular value of the row or column. */
    const turned = (k: Operand, by: ScalarExpr): void => {
      const skew = op("sub", d, x, y), none = select(op("eq", "bool", skew, zero), zero, constant(NaN, d));
      const over2 = op("div", d, op("mul", d, skew, by), op("mul", d, op("sub", d, q, p), op("add", d, q, p)));
      nodes.push(...over(c.variable, v.sizes, ([i, j]) => [assign(node, at(inner, i!, j!), select(op("eq", "bool", symbolic(i!), symbolic(j!)), zero, select(op("eq", "bool", p, q), none, over2)), [at(k, i!, j!), at(k, j!, i!), value(i!), value(j!)], "sum")]));
    };
    const product = c.active.outputs[0] ? c.workspace("product", d, v.sizes) : undefined;
    if (product) { nodes.push(matmulNode(transposed(left), c.gradient(u), product, false)); turned(product, q); }
    if (c.active.outputs[2]) { const k = c.workspace("right", d, v.sizes); nodes.push(matmulNode(transposed(right), c.gradient(v), k, false)); turned(k, p); }
    if (c.active.outputs[1]) nodes.push(loop(c.variable, ZERO, n, "any", (i) => [assign(node, at(inner, i, i), x, [at(c.gradient(s), i, ZERO)], "sum")]));
    nodes.push(matmulNode(left, inner, half, false));
    if (product && !equals(m, n)) {
      // What of Ū is orthogonal to U.
      const rest = c.workspace("rest", d, a.sizes), g = c.gradient(u);
      nodes.push(matmulNode(left, product, rest, false));
      nodes.push(...over(c.variable, a.sizes, ([i, j]) => { const r = op("sub", d, x, y); return [assign(node, at(half, i!, j!), select(op("eq", "bool", r, zero), zero, op("div", d, r, p)), [at(g, i!, j!), at(rest, i!, j!), value(j!)], "sum")]; }));
    }
    nodes.push(matmulNode(half, transposed(right), c.gradient(a), true));
    return nodes;
  },
  flops(node) { const [m, n] = node.inputs[0]!.sizes as [Expr, Expr]; return scale(mul(m, mul(n, n)), 50); },
};
