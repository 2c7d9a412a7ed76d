/** What a right analysis keeps: programs as graphs, the elements that their tapes hold, and their gradients against the interpreter's derivatives. */
import test from "ava";
import type { Branch, Node, Operand } from "../../ts/sdfg/nodes.js";
import { freshId } from "../../ts/sdfg/sdfg.js";
import { evaluate, sym, ZERO } from "../../ts/symbolic/expr.js";
import { constant, input, op, symbolic, type ScalarExpr } from "../../ts/scalar/expr.js";
import { matmulNode } from "../../ts/library/matmul.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { checkGradient } from "../support/check-gradient.js";
import { randoms } from "../support/random-graph.js";
import { Build, id, num, plus, times } from "../transform/build.js";

const f = (name: Parameters<typeof op>[0], ...x: ScalarExpr[]): ScalarExpr => op(name, "float64", ...x);
const minus = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => f("sub", a, b), over = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => f("div", a, b);
/** Too dear to be made again. */
const dear = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => f("sin", f("hypot", x, f("exp", f("atan2", y, f("sin", f("exp", f("atan2", x, f("cos", f("exp", f("tanh", y))))))))));
const third = (...x: ScalarExpr[]): ScalarExpr => times(num(0.33333), plus(...x));

interface Case {
  readonly build: Build; readonly facts?: readonly string[];
  readonly sizes: Readonly<Record<string, number>>; readonly wrt: readonly string[]; readonly of: readonly string[];
  /** Elements on tapes, in all; a function of nothing but the sizes. */
  readonly tape: number;
  /** Containers that may have a tape. */
  readonly on?: readonly string[];
  /** Added to the diagonal of square inputs. */
  readonly diagonal?: number;
}

const N = 7, M = 5, T = 4;
const matrix = (data: string, ...base: string[]): Operand => ({ data, base: [...base.map(parseExpr), ZERO, ZERO], axes: [base.length, base.length + 1], sizes: [sym("M"), sym("M")] });
const when = (a: string, o: "eq" | "ge", c: string, ...arms: (readonly Node[])[]): Node => ({
  kind: "conditional", id: freshId(), branches: arms.map((body, i): Branch => (i > 0 ? { body } : { condition: { inputs: [], code: op(o, "bool", symbolic(parseExpr(a), "int64"), symbolic(parseExpr(c), "int64")) }, body })),
});
const cases: Record<string, () => Case> = {
  jacobi_1d() {
    const b = new Build("N", "T").data("A", "N").data("B", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i", "1", "N - 1", "any", () => b.set("B[i]", ["A[i - 1]", "A[i]", "A[i + 1]"], third));
      b.loop("j", "1", "N - 1", "any", () => b.set("A[j]", ["B[j - 1]", "B[j]", "B[j + 1]"], third));
    });
    return { build: b, sizes: { N, T }, wrt: ["A", "B"], of: ["A"], tape: 0 };
  },
  // What is put together from slices is read in the one array that they come from.
  rolled() {
    const b = new Build("N", "T").data("x", "N").temp("R", "N").temp("L", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i", "0", "N - 1", "any", () => b.set("R[i + 1]", ["x[i]"], id));
      b.set("R[0]", ["x[N - 1]"], id);
      b.set("L[N - 1]", ["x[0]"], id);
      b.loop("j", "0", "N - 1", "any", () => b.set("L[j]", ["x[j + 1]"], id));
      b.loop("k", "0", "N", "any", () => b.set("x[k]", ["x[k]", "R[k]", "L[k]"], (x, r, l) => plus(times(x, r), times(num(0.3), l, r))));
    });
    return { build: b, facts: ["N - 1"], sizes: { N, T }, wrt: ["x"], of: ["x"], tape: N * T, on: ["x"] };
  },
  padded() {
    const b = new Build("N", "M", "T").data("x", "N", "M").temp("P", "N + 2", "M + 2");
    b.loop("t", "0", "T", "up", () => {
      b.loop("c", "0", "N + 2", "any", () => b.loop("d", "0", "M + 2", "any", () => b.set("P[c, d]", [], () => num(0.25))));
      b.loop("i", "0", "N", "any", () => b.loop("j", "0", "M", "any", () => b.set("P[i + 1, j + 1]", ["x[i, j]"], id)));
      b.loop("k", "0", "N", "any", () => b.loop("l", "0", "M", "any", () => b.set("x[k, l]", ["x[k, l]", "P[k, l + 1]", "P[k + 1, l]", "P[k + 2, l + 1]", "P[k + 1, l + 2]"], (x, ...p) => times(x, plus(...p), num(0.4)))));
    });
    return { build: b, sizes: { N, M, T }, wrt: ["x"], of: ["x"], tape: N * M * T, on: ["x"] };
  },
  seidel_2d() {
    const b = new Build("N", "T").data("A", "N", "N");
    b.loop("t", "0", "T", "up", () => b.loop("i", "1", "N - 1", "up", () => b.loop("j", "1", "N - 1", "up", () => b.set("A[i, j]", ["A[i - 1, j - 1]", "A[i - 1, j]", "A[i - 1, j + 1]", "A[i, j - 1]", "A[i, j]", "A[i, j + 1]", "A[i + 1, j - 1]", "A[i + 1, j]", "A[i + 1, j + 1]"], (...x) => over(plus(...x), num(9))))));
    return { build: b, sizes: { N, T }, wrt: ["A"], of: ["A"], tape: 0 };
  },
  fdtd() {
    const b = new Build("N", "T").data("ey", "N").data("hz", "N").data("fict", "T");
    b.loop("t", "0", "T", "up", () => {
      b.set("ey[0]", ["fict[t]"], id);
      b.loop("i", "1", "N", "any", () => b.set("ey[i]", ["ey[i]", "hz[i]", "hz[i - 1]"], (e, h, l) => minus(e, times(num(0.5), minus(h, l)))));
      b.loop("j", "0", "N - 1", "any", () => b.set("hz[j]", ["hz[j]", "ey[j + 1]", "ey[j]"], (h, r, e) => minus(h, times(num(0.7), minus(r, e)))));
    });
    return { build: b, sizes: { N, T }, wrt: ["ey", "hz", "fict"], of: ["hz"], tape: 0 };
  },
  "deriche, with respect to the image"() {
    const b = new Build("N", "M").data("img", "N", "M").data("y", "N", "M").data("a1").data("a2").data("b1").data("b2").temp("xm").temp("ym").temp("ym2");
    b.loop("i", "0", "N", "up", () => {
      for (const s of ["xm", "ym", "ym2"]) b.set(s, [], () => num(0));
      b.loop("j", "0", "M", "up", () => {
        b.set("y[i, j]", ["a1", "img[i, j]", "a2", "xm", "b1", "ym", "b2", "ym2"], (a, x, c, xm, d, y1, e, y2) => plus(times(a, x), times(c, xm), times(d, y1), times(e, y2)));
        b.set("xm", ["img[i, j]"], id); b.set("ym2", ["ym"], id); b.set("ym", ["y[i, j]"], id);
      });
    });
    return { build: b, sizes: { N, M }, wrt: ["img"], of: ["y"], tape: 0 };
  },
  lu() {
    const b = new Build("N").data("A", "N", "N");
    b.loop("k", "0", "N", "up", () => b.loop("i", "k + 1", "N", "up", () => {
      b.set("A[i, k]", ["A[i, k]", "A[k, k]"], over);
      b.loop("j", "k + 1", "N", "up", () => b.set("A[i, j]", ["A[i, j]", "A[i, k]", "A[k, j]"], (x, y, z) => minus(x, times(y, z))));
    }));
    return { build: b, sizes: { N }, wrt: ["A"], of: ["A"], tape: 0, diagonal: 10 };
  },
  "lu, row by row"() {
    const b = new Build("N").data("A", "N", "N");
    b.loop("i", "0", "N", "up", () => {
      b.loop("j", "0", "i", "up", () => {
        b.loop("k", "0", "j", "up", () => b.set("A[i, j]", ["A[i, j]", "A[i, k]", "A[k, j]"], (x, y, z) => minus(x, times(y, z))));
        b.set("A[i, j]", ["A[i, j]", "A[j, j]"], over);
      });
      b.loop("l", "i", "N", "up", () => b.loop("m", "0", "i", "up", () => b.set("A[i, l]", ["A[i, l]", "A[i, m]", "A[m, l]"], (x, y, z) => minus(x, times(y, z)))));
    });
    return { build: b, sizes: { N }, wrt: ["A"], of: ["A"], tape: 0, diagonal: 10 };
  },
  cholesky() {
    const b = new Build("N").data("A", "N", "N");
    b.loop("i", "0", "N", "up", () => {
      b.loop("j", "0", "i", "up", () => {
        b.loop("k", "0", "j", "up", () => b.set("A[i, j]", ["A[i, j]", "A[i, k]", "A[j, k]"], (x, y, z) => minus(x, times(y, z))));
        b.set("A[i, j]", ["A[i, j]", "A[j, j]"], over);
      });
      b.loop("l", "0", "i", "up", () => b.set("A[i, i]", ["A[i, i]", "A[i, l]"], (x, y) => minus(x, times(y, y))));
      b.set("A[i, i]", ["A[i, i]"], (x) => f("sqrt", x));
    });
    return { build: b, sizes: { N }, wrt: ["A"], of: ["A"], tape: 0, diagonal: 10 };
  },
  trisolv() {
    const b = new Build("N").data("L", "N", "N").data("x", "N").data("b", "N");
    b.loop("i", "0", "N", "up", () => {
      b.set("x[i]", ["b[i]"], id);
      b.loop("j", "0", "i", "up", () => b.set("x[i]", ["x[i]", "L[i, j]", "x[j]"], (x, l, y) => minus(x, times(l, y))));
      b.set("x[i]", ["x[i]", "L[i, i]"], over);
    });
    return { build: b, sizes: { N }, wrt: ["L", "b"], of: ["x"], tape: 0, diagonal: 5 };
  },
  "syrk, with beta"() {
    const b = new Build("N", "M").data("C", "N", "N").data("A", "N", "M").data("alpha").data("beta");
    b.loop("i", "0", "N", "up", () => {
      b.loop("j", "0", "i + 1", "up", () => b.set("C[i, j]", ["C[i, j]", "beta"], times));
      b.loop("k", "0", "M", "up", () => b.loop("l", "0", "i + 1", "up", () => b.set("C[i, l]", ["C[i, l]", "alpha", "A[i, k]", "A[l, k]"], (c, a, x, y) => plus(c, times(a, times(x, y))))));
    });
    // ∂beta takes the initial C, which is there; ∂alpha the factors.
    return { build: b, sizes: { N, M }, wrt: ["C", "A", "alpha", "beta"], of: ["C"], tape: 0 };
  },
  trmm() {
    const b = new Build("N", "M").data("A", "N", "N").data("B", "N", "M");
    b.loop("i", "0", "N", "up", () => b.loop("j", "0", "M", "up", () => {
      b.loop("k", "i + 1", "N", "up", () => b.set("B[i, j]", ["B[i, j]", "A[k, i]", "B[k, j]"], (x, a, y) => plus(x, times(a, y))));
      b.set("B[i, j]", ["B[i, j]"], (x) => times(num(1.5), x));
    }));
    return { build: b, sizes: { N, M }, wrt: ["A", "B"], of: ["B"], tape: 0 };
  },
  softmax() {
    const b = new Build("N", "M").data("x", "N", "M").data("y", "N", "M").temp("m", "N").temp("s", "N").temp("e", "N", "M");
    b.loop("i0", "0", "N", "any", () => b.set("m[i0]", [], () => num(-1e300)));
    b.loop("i1", "0", "N", "any", () => b.loop("j1", "0", "M", "any", () => b.set("m[i1]", ["x[i1, j1]"], id, "max")));
    b.loop("i2", "0", "N", "any", () => b.loop("j2", "0", "M", "any", () => b.set("e[i2, j2]", ["x[i2, j2]", "m[i2]"], (x, m) => f("exp", minus(x, m)))));
    b.loop("i3", "0", "N", "any", () => b.set("s[i3]", [], () => num(0)));
    b.loop("i4", "0", "N", "any", () => b.loop("j4", "0", "M", "any", () => b.set("s[i4]", ["e[i4, j4]"], id, "sum")));
    b.loop("i5", "0", "N", "any", () => b.loop("j5", "0", "M", "any", () => b.set("y[i5, j5]", ["e[i5, j5]", "s[i5]"], over)));
    return { build: b, sizes: { N, M }, wrt: ["x"], of: ["y"], tape: 0 };
  },
  "vadv, the backward substitution"() {
    const b = new Build("N", "M").data("c", "N", "M").data("d", "N", "M").data("out", "N", "M").temp("col", "N");
    b.loop("i0", "0", "N", "any", () => b.set("col[i0]", [], () => num(0)));
    b.loop("k", "0", "M", "down", () => b.loop("i", "0", "N", "any", () => {
      b.set("col[i]", ["d[i, k]", "c[i, k]", "col[i]"], (d, c, x) => minus(d, times(c, x)));
      b.set("out[i, k]", ["col[i]"], (x) => times(num(0.1), x));
    }));
    return { build: b, sizes: { N, M }, wrt: ["c", "d"], of: ["out"], tape: N * M, on: ["col"] };
  },
  gramschmidt() {
    const b = new Build("N", "M").data("A", "N", "M").data("Q", "N", "M").data("R", "M", "M").temp("nrm");
    b.loop("k", "0", "M", "up", () => {
      b.set("nrm", [], () => num(0));
      b.loop("i0", "0", "N", "any", () => b.set("nrm", ["A[i0, k]"], (x) => times(x, x), "sum"));
      b.set("R[k, k]", ["nrm"], (x) => f("sqrt", x));
      b.loop("i1", "0", "N", "any", () => b.set("Q[i1, k]", ["A[i1, k]", "R[k, k]"], over));
      b.loop("j", "k + 1", "M", "up", () => {
        b.set("R[k, j]", [], () => num(0));
        b.loop("i2", "0", "N", "any", () => b.set("R[k, j]", ["Q[i2, k]", "A[i2, j]"], times, "sum"));
        b.loop("i3", "0", "N", "any", () => b.set("A[i3, j]", ["A[i3, j]", "Q[i3, k]", "R[k, j]"], (a, q, r) => minus(a, times(q, r))));
      });
    });
    return { build: b, sizes: { N, M }, wrt: ["A"], of: ["Q", "R"], tape: N * M * (M - 1) / 2, on: ["A"] };
  },
  durbin() {
    const b = new Build("N").data("r", "N").data("y", "N").temp("alpha").temp("beta").temp("s").temp("z", "N");
    b.set("y[0]", ["r[0]"], (x) => f("neg", x)); b.set("alpha", ["r[0]"], (x) => f("neg", x)); b.set("beta", [], () => num(1));
    b.loop("k", "1", "N", "up", () => {
      b.set("beta", ["beta", "alpha"], (x, a) => times(x, minus(num(1), times(a, a))));
      b.set("s", ["r[k]"], id);
      b.loop("i", "0", "k", "any", () => b.set("s", ["r[k - 1 - i]", "y[i]"], times, "sum"));
      b.set("alpha", ["s", "beta"], (s, x) => over(f("neg", s), x));
      b.loop("i1", "0", "k", "any", () => b.set("z[i1]", ["y[i1]", "alpha", "y[k - 1 - i1]"], (y, a, x) => plus(y, times(a, x))));
      b.loop("i2", "0", "k", "any", () => b.set("y[i2]", ["z[i2]"], id));
      b.set("y[k]", ["alpha"], id);
    });
    // y: a triangle; alpha is the quotient, so that s is not wanted, and what it was is what the step before left; beta.
    return { build: b, facts: ["N - 1"], sizes: { N }, wrt: ["r"], of: ["y"], tape: N * (N - 1) / 2 + 2 * (N - 1) + 1, on: ["y", "alpha", "beta"] };
  },
  "one tape for what a step finds and what it leaves, in a triangle within a loop"() {
    const b = new Build("N", "M").data("x", "N").data("c").data("out", "M").temp("s").temp("q");
    b.loop("t", "0", "M", "up", () => {
      b.set("s", ["c"], (c) => f("sin", c));
      b.loop("k", "0", "N", "up", () => {
        b.set("q", [], () => num(0));
        b.loop("i", "0", "k + 1", "any", () => b.set("q", ["x[i]", "s"], (x, s) => times(x, x, s), "sum"));
        b.set("s", ["q", "c"], (q, c) => over(plus(q, num(0.3)), plus(num(2), times(c, c))));
        b.loop("j", "0", "k + 1", "any", () => b.set("x[j]", ["s", "x[j]"], (s, x) => plus(times(s, s), times(num(0.5), x))));
      });
      b.set("out[t]", ["s", "x[0]"], (s, x) => times(s, x));
    });
    // x per step, a triangle; s as each step leaves it, before the first one, and at the end; x[0] at the end.
    return { build: b, facts: ["N - 1"], sizes: { N, M }, wrt: ["x", "c"], of: ["x", "out"], tape: M * (N * (N + 1) / 2 + N + 3), on: ["s", "x"] };
  },
  cavity_flow() {
    const b = new Build("N", "T").data("u", "N").data("v", "N").data("p", "N").temp("un", "N").temp("vn", "N").temp("pn", "N").temp("b", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i0", "0", "N", "any", () => { b.set("un[i0]", ["u[i0]"], id); b.set("vn[i0]", ["v[i0]"], id); });
      b.loop("i1", "1", "N - 1", "any", () => b.set("b[i1]", ["un[i1 + 1]", "un[i1 - 1]", "vn[i1]"], (x, y, z) => times(minus(x, y), z)));
      b.loop("q", "0", "3", "up", () => {
        b.loop("i2", "0", "N", "any", () => b.set("pn[i2]", ["p[i2]"], id));
        b.loop("i3", "1", "N - 1", "any", () => b.set("p[i3]", ["pn[i3 + 1]", "pn[i3 - 1]", "b[i3]"], (x, y, z) => minus(times(num(0.5), plus(x, y)), times(num(0.1), z))));
      });
      b.loop("i4", "1", "N - 1", "any", () => {
        b.set("u[i4]", ["un[i4]", "un[i4 - 1]", "p[i4 + 1]"], (x, l, p) => minus(x, plus(times(num(0.1), times(x, minus(x, l))), times(num(0.1), p))));
        b.set("v[i4]", ["vn[i4]", "un[i4]", "vn[i4 - 1]"], (x, w, l) => minus(x, times(num(0.1), times(w, minus(x, l)))));
      });
    });
    return { build: b, sizes: { N, T }, wrt: ["u", "v", "p"], of: ["u", "v"], tape: 2 * T * N, on: ["un", "vn", "u", "v"] };
  },
  "adi: what is the same in every step is kept once, or stands where the last step left it"() {
    const b = new Build("N", "T").data("u", "N").data("a").temp("p", "N").temp("q", "N");
    b.loop("t", "0", "T", "up", () => {
      b.set("p[0]", [], () => num(0)); b.set("q[0]", [], () => num(1));
      b.loop("j", "1", "N", "up", () => {
        b.set("p[j]", ["a", "p[j - 1]"], (a, p) => over(a, plus(num(2), p)));
        b.set("q[j]", ["u[j]", "q[j - 1]", "p[j - 1]"], (u, q, p) => over(plus(u, q), plus(num(2), p)));
      });
      b.loop("k", "1", "N", "down", () => b.set("u[k]", ["p[k]", "q[k]", "u[k - 1]"], (p, q, u) => plus(times(p, u), q)));
      // The second sweep takes another coefficient, in the same array.
      b.set("p[0]", [], () => num(0.5));
      b.loop("j2", "1", "N", "up", () => b.set("p[j2]", ["a", "p[j2 - 1]"], (a, p) => over(a, plus(num(3), p))));
      b.loop("k2", "1", "N", "up", () => b.set("u[k2]", ["p[k2]", "u[k2]"], times));
    });
    return { build: b, sizes: { N, T }, wrt: ["u"], of: ["u"], tape: N, on: ["p"] };
  },
  "a recurrence that starts from what the step before left is not the same in every step"() {
    const b = new Build("N", "T").data("u", "N").data("a").temp("p", "N");
    b.loop("i0", "0", "N", "any", () => b.set("p[i0]", [], () => num(0.3)));
    b.loop("t", "0", "T", "up", () => {
      b.loop("j", "1", "N", "up", () => b.set("p[j]", ["a", "p[j - 1]"], (a, p) => over(a, plus(num(2), p))));
      b.set("p[0]", ["p[1]"], id);
      b.loop("k", "0", "N", "any", () => b.set("u[k]", ["p[k]", "u[k]"], times));
    });
    return { build: b, sizes: { N, T }, wrt: ["u"], of: ["u"], tape: T * N, on: ["p"] };
  },
  "nbody: distances and what is expensive are made again from positions"() {
    const b = new Build("N", "T").data("x", "N").data("m", "N").temp("r", "N", "N").temp("f", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i0", "0", "N", "any", () => b.loop("j0", "0", "N", "any", () => b.set("r[i0, j0]", ["x[i0]", "x[j0]"], (p, q) => { const d = minus(q, p); return times(d, d); })));
      b.loop("i1", "0", "N", "any", () => b.loop("j1", "0", "N", "any", () => b.set("r[i1, j1]", ["r[i1, j1]"], (r) => f("select", op("gt", "bool", r, num(0)), f("exp", f("neg", r)), r))));
      b.loop("i2", "0", "N", "any", () => b.set("f[i2]", [], () => num(0)));
      b.loop("i3", "0", "N", "any", () => b.loop("j3", "0", "N", "any", () => b.set("f[i3]", ["x[i3]", "x[j3]", "r[i3, j3]", "m[j3]"], (p, q, r, m) => times(times(minus(q, p), r), m), "sum")));
      b.loop("i4", "0", "N", "any", () => b.set("x[i4]", ["x[i4]", "f[i4]"], (x, g) => plus(x, times(num(0.1), g))));
    });
    return { build: b, sizes: { N, T }, wrt: ["x", "m"], of: ["x"], tape: T * N, on: ["x"] };
  },
  "go_fast: elementwise chains are computed again"() {
    const b = new Build("N").data("a", "N").data("out", "N").temp("x").temp("y");
    b.loop("i", "0", "N", "up", () => {
      b.set("x", ["a[i]"], (a) => f("tanh", a));
      b.set("y", ["x"], (x) => times(x, x));
      b.set("out[i]", ["y", "a[i]"], (y, a) => times(y, a));
    });
    return { build: b, sizes: { N }, wrt: ["a"], of: ["out"], tape: 0 };
  },
  "a pool: the largest of a window lies in the result that it is moved to"() {
    const b = new Build("N").data("x", "2 * N").data("out", "N").temp("m");
    b.loop("i", "0", "N", "up", () => {
      b.set("m", [], () => num(-1e300));
      b.loop("k", "0", "2", "any", () => b.set("m", ["x[2 * i + k]"], id, "max"));
      b.set("out[i]", ["m"], id);
    });
    return { build: b, sizes: { N }, wrt: ["x"], of: ["out"], tape: 0 };
  },
  "covariance: the quotient lies in the matrix, moved there twice; {result, divisor} needs no more"() {
    const b = new Build("N", "M").data("x", "M", "N").data("n").data("cov", "N", "N").temp("s", "N").temp("q", "N");
    b.loop("i", "0", "N", "up", () => {
      b.loop("z", "0", "N - i", "any", () => b.set("s[z]", [], () => num(0)));
      b.loop("k", "0", "M", "any", () => b.loop("j", "0", "N - i", "any", () => b.set("s[j]", ["x[k, i]", "x[k, i + j]"], times, "sum")));
      b.loop("j1", "0", "N - i", "any", () => b.set("q[j1]", ["s[j1]", "n"], over));
      b.loop("j2", "0", "N - i", "any", () => b.set("cov[i + j2, i]", ["q[j2]"], id));
      b.loop("j3", "0", "N - i", "any", () => b.set("cov[i, i + j3]", ["q[j3]"], id));
    });
    return { build: b, sizes: { N, M }, wrt: ["x", "n"], of: ["cov"], tape: 0 };
  },
  "a copy that is overwritten, that only some iterations make, or that is made too late is none"() {
    const b = new Build("N").data("x", "N", "3").data("y", "N").data("out", "N").data("last").data("some", "N").temp("m");
    b.loop("i", "0", "N", "up", () => {
      b.set("m", [], () => num(0));
      b.loop("k", "0", "3", "any", () => b.set("m", ["x[i, k]"], id, "sum"));
      b.set("last", ["m"], id);
      const arm = b.apart(() => b.set("some[i]", ["m"], id));
      b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("ge", "bool", symbolic(sym("i"), "int64"), constant(2, "int64")) }, body: arm }] });
      b.set("y[i]", ["y[i]", "m"], (y, m) => times(y, times(m, m)));
      b.set("m", ["m"], (m) => times(m, m));
      b.set("out[i]", ["m"], id);
    });
    return { build: b, sizes: { N }, wrt: ["x"], of: ["out", "last", "some", "y"], tape: N, on: ["m"] };
  },
  "an arm that sizes do not take keeps nothing"() {
    const b = new Build("N", "M").data("x", "N").data("s").temp("q");
    const arm = (c: number): readonly Node[] => b.apart(() => {
      b.set("q", [], () => num(c));
      b.loop(`k${c}`, "0", "N", "any", () => b.set("q", [`x[k${c}]`, "s"], (x, s) => times(x, x, s), "sum"));
      b.set("s", ["s", "q"], (s, q) => plus(times(num(0.1), f("sin", q)), times(num(c), f("sin", s))));
    });
    const n = symbolic(sym("N"), "int64"), m = symbolic(sym("M"), "int64"), when = (code: ScalarExpr, body: readonly Node[]): Branch => ({ condition: { inputs: [], code }, body });
    b.loop("i", "0", "N", "up", () => {
      b.push({ kind: "conditional", id: freshId(), branches: [when(op("lt", "bool", n, m), arm(1)), when(op("and", "bool", op("eq", "bool", n, m), op("ge", "bool", m, constant(3, "int64"))), arm(2)), { body: arm(3) }] });
    });
    // q and s, in the last arm alone.
    return { build: b, sizes: { N, M }, wrt: ["x", "s"], of: ["s"], tape: 2 * N, on: ["q", "s"] };
  },
  "what only an arm uses is made again in the arm: outside, its tape holds nothing"() {
    const b = new Build("N").data("A", "N").data("s").data("w", "N", "3").temp("t", "N");
    b.loop("i", "0", "N", "up", () => {
      const arm = b.apart(() => {
        b.loop("c", "0", "N", "up", () => b.set("t[c]", ["s", "A[i]"], (x, a) => f("sin", f("hypot", x, f("exp", f("atan2", a, x))))));
        b.set("s", ["s", "t[i]", "w[i, 0]"], (x, y, w) => plus(times(x, f("cos", times(y, w))), times(num(0.5), y, y)));
      });
      b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("ge", "bool", symbolic(sym("i"), "int64"), constant(2, "int64")) }, body: arm }] });
      b.set("s", ["s", "A[i]"], (x, a) => times(x, f("sin", a)));
    });
    return { build: b, sizes: { N }, wrt: ["A", "w"], of: ["s"], tape: 2 * N, on: ["s"] };
  },
  "a mask is compared again, with the bits that were compared"() {
    const b = new Build("N", "T").data("x", "N").data("y", "N").data("out", "T").temp("edge").temp("mask", "N").temp("s");
    b.set("edge", [], () => num(0.4));
    b.containers.set("mask", { ...b.containers.get("mask")!, dtype: "bool" });
    b.loop("t", "0", "T", "up", () => {
      b.set("edge", ["edge", "y[t]"], (e, y) => plus(times(num(0.3), e), times(y, y)));
      b.loop("i", "0", "N", "any", () => b.set("mask[i]", ["edge", "y[i]"], (e, y) => op("and", "bool", op("le", "bool", y, e), op("lt", "bool", num(0.05), y))));
      b.set("s", [], () => num(0));
      b.loop("j", "0", "N", "any", () => b.set("s", ["x[j]", "mask[j]"], (x) => f("select", input(1, "bool"), times(x, x), num(0)), "sum"));
      b.set("out[t]", ["s"], (x) => f("sin", x));
    });
    // The edges that were compared with and the sums; not N truth values a step.
    return { build: b, sizes: { N, T }, wrt: ["x"], of: ["out"], tape: 2 * T, on: ["edge", "s"] };
  },
  "correlation: what is clamped in place is had again by exact operations, also where it decides"() {
    const b = new Build("N", "M").data("x", "M", "N").temp("v", "N").temp("d", "N");
    b.loop("i0", "0", "N", "any", () => b.set("v[i0]", [], () => num(0)));
    b.loop("k", "0", "M", "any", () => b.loop("i1", "0", "N", "any", () => b.set("v[i1]", ["x[k, i1]"], (x) => times(x, x), "sum")));
    b.loop("i2", "0", "N", "any", () => b.set("d[i2]", ["v[i2]"], (v) => f("sqrt", over(v, symbolic(sym("M"), "float64")))));
    b.loop("i3", "0", "N", "any", () => b.set("d[i3]", ["d[i3]"], (d) => f("select", op("le", "bool", d, num(0.4)), num(1), d)));
    b.loop("k2", "0", "M", "any", () => b.loop("i4", "0", "N", "any", () => b.set("x[k2, i4]", ["x[k2, i4]", "d[i4]"], over)));
    return { build: b, sizes: { N, M }, wrt: ["x"], of: ["x"], tape: 0 };
  },
  "what decides is kept where what made it may round otherwise"() {
    const b = new Build("N").data("x", "N").data("y", "N").temp("d", "N");
    b.loop("i2", "0", "N", "any", () => b.set("d[i2]", ["x[i2]", "y[i2]"], (x, y) => plus(times(x, y), num(0.1))));
    b.loop("i3", "0", "N", "any", () => b.set("d[i3]", ["d[i3]"], (d) => f("select", op("le", "bool", d, num(0.2)), num(1), times(d, d))));
    b.loop("i4", "0", "N", "any", () => b.set("x[i4]", ["x[i4]", "d[i4]"], times));
    return { build: b, sizes: { N }, wrt: ["x", "y"], of: ["x"], tape: N, on: ["d"] };
  },
  "a product of small matrices deep in loops is made again"() {
    const b = new Build("N", "M", "T").data("A", "N", "M", "M").data("B", "T", "M", "M").data("C", "M", "M").data("S", "N", "M", "M").temp("P", "M", "M").temp("Q", "M", "M");
    b.loop("i", "0", "N", "up", () => b.loop("t", "0", "T", "up", () => b.loop("k", "0", "T", "up", () => {
      b.push(matmulNode(matrix("A", "i"), matrix("B", "t"), matrix("P"), false));
      b.push(matmulNode(matrix("P"), matrix("B", "k"), matrix("Q"), false));
      b.loop("r", "0", "M", "any", () => b.loop("c", "0", "M", "any", () => b.set("S[i, r, c]", ["Q[r, c]", "C[r, c]"], times, "sum")));
    })));
    return { build: b, sizes: { N: 3, M: 2, T }, wrt: ["A", "B"], of: ["S"], tape: 0 };
  },
  "a product that may be large is kept"() {
    const b = new Build("M", "T").data("A", "M", "M").data("B", "T", "M", "M").data("S", "M", "M").temp("P", "M", "M").temp("Q", "M", "M");
    b.loop("t", "0", "T", "up", () => {
      b.push(matmulNode(matrix("A"), matrix("B", "t"), matrix("P"), false));
      b.push(matmulNode(matrix("P"), matrix("B", "t"), matrix("Q"), false));
      b.loop("r", "0", "M", "any", () => b.loop("c", "0", "M", "any", () => b.set("S[r, c]", ["Q[r, c]"], id, "sum")));
    });
    return { build: b, sizes: { M: 3, T }, wrt: ["A", "B"], of: ["S"], tape: 9 * T, on: ["P"] };
  },
  "contour_integral: what arms of conditionals moved is had from where it came"() {
    const b = new Build("N", "M", "T").data("A", "T", "N").data("z", "T").data("S", "N").temp("X", "N").temp("Y", "N").temp("p", "N").temp("q", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i0", "0", "N", "up", () => b.set("p[i0]", ["A[t, i0]", "S[i0]"], (a, s) => dear(a, s)));
      b.loop("i1", "0", "N", "any", () => b.set("p[i1]", ["p[i1]"], (p) => times(p, p)));
      b.loop("i2", "0", "N", "any", () => b.set("S[i2]", ["p[i2]", "S[i2]"], (p, s) => plus(times(num(0.1), f("sin", p)), times(s, num(0.5)))));
      b.push(when("N", "eq", "M", b.apart(() => b.loop("i3", "0", "N", "any", () => b.set("X[i3]", ["p[i3]"], id))), b.apart(() => b.loop("i4", "0", "N", "any", () => b.set("X[i4]", ["p[i4]"], (p) => times(num(2), p))))));
      const arms = [b.apart(() => b.loop("i5", "0", "N", "any", () => b.set("Y[i5]", ["X[i5]"], (x) => f("neg", x)))), b.apart(() => b.loop("i6", "0", "N", "any", () => b.set("Y[i6]", ["X[i6]"], id)))] as const;
      b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [{ data: "z", index: [sym("t")] }], code: op("lt", "bool", input(0, "float64"), num(0.2)) }, body: arms[0] }, { body: arms[1] }] });
      b.loop("i7", "0", "N", "any", () => b.set("S[i7]", ["Y[i7]", "z[t]"], times, "sum"));
    });
    // p for its sine, which Y follows from; S.
    return { build: b, sizes: { N, M, T }, wrt: ["A", "z"], of: ["S"], tape: 2 * T * N, on: ["p", "S"] };
  },
  "an arm that writes in part, or reads what was there, is no beginning"() {
    const b = new Build("N", "T").data("A", "T", "N").data("S", "N").temp("Y", "N");
    b.loop("i", "0", "N", "any", () => b.set("Y[i]", [], () => num(0.4)));
    b.loop("t", "0", "T", "up", () => {
      b.push(when("t", "ge", "2", b.apart(() => b.loop("i0", "1", "N", "any", () => b.set("Y[i0]", ["A[t, i0]"], (a) => f("sin", a)))), b.apart(() => b.loop("i1", "0", "N", "any", () => b.set("Y[i1]", ["Y[i1]", "A[t, i1]"], (y, a) => plus(times(num(0.5), y), a))))));
      b.loop("i2", "0", "N", "any", () => b.set("S[i2]", ["Y[i2]", "A[t, i2]"], (y, a) => times(y, y, a), "sum"));
    });
    return { build: b, sizes: { N, T }, wrt: ["A"], of: ["S"], tape: T * N, on: ["Y"] };
  },
  "nbody: what was added in place is added again"() {
    const b = new Build("N", "T").data("x", "N").data("v", "N").data("dt").data("e", "T").temp("a", "N");
    b.loop("t", "0", "T", "up", () => {
      b.loop("i0", "0", "N", "up", () => b.set("x[i0]", ["v[i0]", "dt"], times, "sum"));
      b.loop("i1", "0", "N", "up", () => b.set("a[i1]", ["x[i1]"], (x) => dear(x, x)));
      b.loop("i2", "0", "N", "up", () => b.set("v[i2]", ["a[i2]", "dt"], times, "sum"));
      b.loop("i3", "0", "N", "any", () => b.set("e[t]", ["v[i3]"], (v) => times(v, v), "sum"));
    });
    // Per step: x, the v that moves it and a; the v that the energy takes follows.
    return { build: b, sizes: { N, T }, wrt: ["x", "v", "dt"], of: ["e"], tape: 3 * T * N, on: ["x", "v", "a"] };
  },
  "what is the same in every step is still there after the last one, unless it is left"() {
    const b = new Build("N", "T").data("u", "N").data("a").temp("p", "N");
    b.loop("t", "0", "T", "up", () => {
      b.set("p[0]", [], () => num(0.5));
      b.loop("j", "1", "N", "up", () => b.set("p[j]", ["a", "p[j - 1]"], (a, p) => over(a, plus(num(3), dear(p, p)))));
      b.loop("k", "0", "N", "any", () => b.set("u[k]", ["p[k]", "u[k]"], times));
    });
    return { build: b, sizes: { N, T }, wrt: ["u"], of: ["u"], tape: 0 };
  },
};

for (const [name, make] of Object.entries(cases)) {
  test(name, (t) => {
    const c = make(), graph = c.build.graph(...(c.facts ?? []));
    const inputs: Record<string, { v: number[] }> = {};
    let seed = 1;
    for (const p of c.build.parameters) {
      const shape = graph.container(p).shape.map((e) => evaluate(e, new Map(Object.entries(c.sizes)))), v = randoms(seed++, shape.reduce((a, x) => a * x, 1));
      if (c.diagonal && shape.length === 2 && shape[0] === shape[1]) for (let i = 0; i < shape[0]!; i++) v[i * shape[0]! + i]! += c.diagonal;
      inputs[p] = { v };
    }
    const r = checkGradient(graph, c.sizes, inputs, { wrt: c.wrt, of: c.of, tolerance: 1e-9 });
    t.is(r.status, "checked");
    const tapes = [...r.planned!.containers.values()].filter((x) => x.role === "tape");
    const elements = tapes.reduce((s, x) => s + x.shape.reduce((p, e) => p * evaluate(e, new Map(Object.entries(c.sizes))), 1), 0);
    t.log(tapes.map((x) => `${x.name}[${x.shape.map((e) => e.key).join(", ")}]`).join(" "));
    t.true(elements <= c.tape && (c.tape > 0 || tapes.length === 0), `${elements} elements on ${tapes.map((x) => x.name).join(", ")}; ${c.tape} are enough`);
    t.true(tapes.every((x) => c.on?.some((n) => x.name.startsWith(`tape_${n}`))), tapes.map((x) => x.name).join(", "));
  });
}
