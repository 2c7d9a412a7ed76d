/**
 * eigh: A = V·diag(w)·Vᴴ of a Hermitian matrix, w ascending, by Jacobi's rotations in cyclic order (Golub and Van Loan, Matrix Computations, section 8.5). Only the
 * lower triangle of A is read, and of a complex matrix only the real parts of its diagonal, as LAPACK and NumPy do. Outputs: w (a column), V, a matrix and four
 * numbers of working space. The signs of the vectors (complex: their phases) are what the rotations leave.
 *
 * Closed form (Giles 2008), in the lower triangle as that of cholesky: S = V·(diag(w̄) + F∘(Vᴴ·V̄))·Vᴴ with Fᵢⱼ = 1/(wⱼ − wᵢ) off the diagonal; then
 * Āᵢⱼ += Sᵢⱼ + conj(Sⱼᵢ) below the diagonal, Āᵢᵢ += Re Sᵢᵢ. Vectors of equal eigenvalues have no derivative: where it is asked for, it is not a number. The
 * eigenvalues' own derivative stays: of equal ones, symmetric functions are differentiated rightly.
 */
import { isComplex, type DType } from "../base/dtypes.js";
import { constant, input, op, select, symbolic, type ScalarExpr } from "../scalar/expr.js";
import type { LibraryNode, Memlet, Node, Operand } from "../sdfg/nodes.js";
import { addInt, int, mul, ONE, scale, ZERO, type Expr } from "../symbolic/expr.js";
import { assign, at, conjugate, fromReal, loop, number, over, realPart, realType, requireShapes, when, type Variables } from "./loops.js";
import { matmulNode } from "./matmul.js";
import { transposed, type LibraryOp } from "./op.js";

/** Rotations converge quadratically: ten sweeps do for any size that occurs. */
const SWEEPS = 60;
const epsilon = (d: DType): number => (realType(d) === "float32" ? 2 ** -24 : 2 ** -53);
const magnitude = (e: ScalarExpr): ScalarExpr => op("abs", realType(e.dtype), e);
/** (i < j) or (i = j) of two loop variables. */
const relation = (name: "gt" | "eq", i: Parameters<typeof symbolic>[0], j: Parameters<typeof symbolic>[0]): ScalarExpr => op(name, "bool", symbolic(i), symbolic(j));

const STATE = { rotated: 0, t: 1, phase: 2, tolerance: 3 } as const;
const ofState = (state: Operand, which: keyof typeof STATE): Memlet => at(state, int(STATE[which]));

/** How small an element counts as nothing: some of the rounding unit of the matrix, in the last number of `state`. */
export function scaleOf(node: LibraryNode, d: DType, variable: Variables, m: Operand, state: Operand): readonly Node[] {
  const x = input(0, d), real = realType(d), tolerance = ofState(state, "tolerance");
  return [
    assign(node, ofState(state, "rotated"), number(1, d), []), assign(node, tolerance, number(0, d), []),
    loop(variable, ZERO, m.sizes[0]!, "up", (i) => [loop(variable, ZERO, m.sizes[0]!, "up", (j) => [assign(node, tolerance, op("mul", d, x, conjugate(x)), [at(m, i, j)], "sum")])]),
    assign(node, tolerance, fromReal(op("mul", real, constant(epsilon(d) / 16, real), op("sqrt", real, realPart(x))), d), [tolerance]),
  ];
}
/** The values that lie at `from`, after `scaleOf`. Where the matrix is not finite, nor are they: the caller refuses them. */
export function finiteValues(node: LibraryNode, d: DType, variable: Variables, w: Operand, from: (i: Expr) => Memlet, state: Operand, dtype: DType = d): readonly Node[] {
  const real = realType(d), x = realPart(input(0, dtype)), y = realPart(input(1, d));
  return [loop(variable, ZERO, w.sizes[0]!, "any", (i) => [assign(node, at(w, i, ZERO), op("add", real, x, op("mul", real, constant(0, real), y)), [from(i), ofState(state, "tolerance")])])];
}

export const eigh: LibraryOp = {
  name: "eigh",
  validate(node) { requireShapes(node, "nn", "nk nn nn s"); },
  expand(node, dtypeOf, variable) {
    const [a] = node.inputs as [Operand], [w, v, m, state] = node.outputs as [Operand, Operand, Operand, Operand], n = a.sizes[0]!, d = dtypeOf(v.data), real = realType(d);
    const x = input(0, d), y = input(1, d), z = input(2, d), u = input(3, d), rotated = ofState(state, "rotated"), t = ofState(state, "t"), phase = ofState(state, "phase"), tolerance = ofState(state, "tolerance");
    const re = (name: "add" | "sub" | "mul" | "div", p: ScalarExpr, q: ScalarExpr): ScalarExpr => op(name, real, p, q), one = constant(1, real), wide = (e: ScalarExpr): ScalarExpr => fromReal(e, d);
    const cosine = (tangent: ScalarExpr): ScalarExpr => re("div", one, op("sqrt", real, re("add", one, re("mul", realPart(tangent), realPart(tangent)))));
    const copy = loop(variable, ZERO, n, "any", (i) => [
      loop(variable, ZERO, i, "any", (j) => [assign(node, at(m, i, j), x, [at(a, i, j)]), assign(node, at(m, j, i), conjugate(x), [at(a, i, j)])]),
      assign(node, at(m, i, i), wide(realPart(x)), [at(a, i, i)]),
    ]);
    const identity = over(variable, v.sizes, ([i, j]) => [assign(node, at(v, i!, j!), select(relation("eq", i!, j!), number(1, d), number(0, d)), [])]);
    /** Columns p and q of a matrix, rotated: first the new column p, then column q from it. Inputs: columns' elements, t, phase. */
    const columns = (of: Operand, k: Parameters<typeof symbolic>[0], p: typeof k, q: typeof k): readonly Node[] => {
      const c = wide(cosine(z)), turned = op("mul", d, y, u), list = [at(of, k, p), at(of, k, q), t, phase];
      return [
        assign(node, at(of, k, p), op("mul", d, c, op("sub", d, x, op("mul", d, z, turned))), list),
        assign(node, at(of, k, q), op("add", d, op("mul", d, z, x), op("div", d, turned, c)), list),
      ];
    };
    const rotate = (p: Parameters<typeof symbolic>[0], q: typeof p): readonly Node[] => {
      const size = magnitude(x), theta = re("div", re("sub", realPart(z), realPart(y)), re("mul", constant(2, real), size));
      const ratio = op("copysign", real, re("div", one, re("add", op("abs", real, theta), op("hypot", real, theta, one))), theta);
      const shift = re("mul", realPart(y), magnitude(z));
      return [
        assign(node, rotated, number(1, d), []),
        assign(node, t, wide(ratio), [at(m, p, q), at(m, p, p), at(m, q, q)]),
        assign(node, phase, op("div", d, conjugate(x), wide(size)), [at(m, p, q)]),
        assign(node, at(m, p, p), wide(re("sub", realPart(x), shift)), [at(m, p, p), t, at(m, p, q)]),
        assign(node, at(m, q, q), wide(re("add", realPart(x), shift)), [at(m, q, q), t, at(m, p, q)]),
        assign(node, at(m, p, q), number(0, d), []), assign(node, at(m, q, p), number(0, d), []),
        // The vectors, and of the matrix the other rows' elements with their mirror images.
        loop(variable, ZERO, n, "up", (k) => columns(v, k, p, q)),
        ...[[ZERO, p], [addInt(p, 1), q], [addInt(q, 1), n]].map(([from, to]) => loop(variable, from!, to!, "up", (k) => [
          ...columns(m, k, p, q),
          assign(node, at(m, p, k), conjugate(x), [at(m, k, p)]), assign(node, at(m, q, k), conjugate(x), [at(m, k, q)]),
        ])),
      ];
    };
    const sweeps = loop(variable, ZERO, int(SWEEPS), "up", () => [when(op("ne", "bool", realPart(x), constant(0, real)), [rotated], [
      assign(node, rotated, number(0, d), []),
      loop(variable, ZERO, n, "up", (p) => [loop(variable, addInt(p, 1), n, "up", (q) => [when(op("gt", "bool", magnitude(x), realPart(y)), [at(m, p, q), tolerance], rotate(p, q))])]),
    ])]);
    // The matrix is done with when its diagonal is in w: its first row holds a column on the way.
    const u0 = input(0, real), held = realPart(x), row = (k: Expr): Memlet => at(m, ZERO, k);
    const sort = loop(variable, ZERO, n, "up", (i) => [loop(variable, addInt(i, 1), n, "up", (j) => [when(op("lt", "bool", u0, input(1, real)), [at(w, j, ZERO), at(w, i, ZERO)], [
      assign(node, t, wide(u0), [at(w, i, ZERO)]), assign(node, at(w, i, ZERO), u0, [at(w, j, ZERO)]), assign(node, at(w, j, ZERO), held, [t]),
      loop(variable, ZERO, n, "up", (k) => [assign(node, row(k), x, [at(v, k, i)])]),
      loop(variable, ZERO, n, "up", (k) => [assign(node, at(v, k, i), x, [at(v, k, j)])]),
      loop(variable, ZERO, n, "up", (k) => [assign(node, at(v, k, j), x, [row(k)])]),
    ])])]);
    return [copy, ...identity, ...scaleOf(node, d, variable, m, state), sweeps, ...finiteValues(node, d, variable, w, (i) => at(m, i, i), state), sort];
  },
  adjoint(node, c) {
    const [a] = node.inputs as [Operand], [w, v] = node.outputs as [Operand, Operand], n = a.sizes[0]!, d = c.dtypeOf(v.data), real = realType(d), complex = isComplex(d);
    const vectors = c.saved(v, "after"), vh = transposed(vectors), g = c.gradient(a), x = input(0, d), y = input(1, d);
    const [inner, half, s] = ["inner", "half", "symmetric"].map((l) => c.workspace(l, d, a.sizes)) as [Operand, Operand, Operand];
    const nodes: Node[] = [];
    if (c.active.outputs[1]) {
      // A saved value is an operand only: the eigenvalues are copied by a product with 1.
      const unit = c.workspace("unit", real, [ONE, ONE]), e = c.workspace("values", real, w.sizes), p = input(1, real), q = input(2, real);
      nodes.push(assign(node, at(unit, ZERO, ZERO), constant(1, real), []), matmulNode(c.saved(w, "after"), unit, e, false), matmulNode(vh, c.gradient(v), inner, false, 1, { conjugateA: complex }));
      const equal = select(op("eq", "bool", x, number(0, d)), number(0, d), number(NaN, d));
      nodes.push(...over(c.variable, a.sizes, ([i, j]) => [assign(node, at(inner, i!, j!), select(relation("eq", i!, j!), number(0, d), select(op("eq", "bool", p, q), equal, op("div", d, x, fromReal(op("sub", real, q, p), d)))), [at(inner, i!, j!), at(e, i!, ZERO), at(e, j!, ZERO)])]));
    } else nodes.push(...over(c.variable, a.sizes, ([i, j]) => [assign(node, at(inner, i!, j!), number(0, d), [])]));
    if (c.active.outputs[0]) nodes.push(loop(c.variable, ZERO, n, "any", (i) => [assign(node, at(inner, i, i), fromReal(input(0, real), d), [at(c.gradient(w), i, ZERO)], "sum")]));
    nodes.push(matmulNode(vectors, inner, half, false), matmulNode(half, vh, s, false, 1, { conjugateB: complex }));
    nodes.push(loop(c.variable, ZERO, n, "any", (i) => [
      loop(c.variable, ZERO, i, "any", (j) => [assign(node, at(g, i, j), op("add", d, x, conjugate(y)), [at(s, i, j), at(s, j, i)], "sum")]),
      assign(node, at(g, i, i), fromReal(realPart(x), d), [at(s, i, i)], "sum"),
    ]));
    return nodes;
  },
  flops(node) { const n = node.inputs[0]!.sizes[0]!; return scale(mul(n, mul(n, n)), 50); },
};
