/**
 * Linear algebra by the GPU's libraries (cuBLAS, cuSOLVER) where the run finds them: an operation becomes what brings its operands into the library's form, the call, and, under the flag that
 * says whether it was done, what brings the results into ours, or else the operation's own loops, from the inputs again.
 * Pre: a valid graph. Post: the same values, but for the signs (phases) of vectors and the order of sums. Safe because inputs are not written, the loops write all of their outputs, and the library is
 * believed only where it says that it found what it looked for: singular matrices and such are left to the loops, as on the processor.
 */
import { mapNodes, symbolsOf, visitNodes } from "../../analysis/walk.js";
import { isComplex, type DType } from "../../base/dtypes.js";
import { exchangedRows, identityRows } from "../../library/lu.js";
import { LIBRARY } from "../../library/index.js";
import { finiteValues, scaleOf } from "../../library/eigh.js";
import { rowsOfIdentity } from "../../library/inv.js";
import { assign, at, conjugate, fromReal, libraryNode, loop, number, over, realPart } from "../../library/loops.js";
import { combined, factorised } from "../../library/pinv.js";
import { permuted, selectedRows } from "../../library/solve.js";
import { doneFlag, isSolver } from "../../library/solvers.js";
import { constant, input, op, select, symbolic, type ScalarExpr } from "../../scalar/expr.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { LibraryNode, Node, Operand } from "../../sdfg/nodes.js";
import { addInt, load, ZERO, type Expr } from "../../symbolic/expr.js";
import { loopToMap } from "../../transform/loop-to-map.js";
import { gemmOperand, hasLoadsInside } from "../library.js";

/** Rows from which a call pays: estimates. Below, a block of our own is as fast as the library's launches. */
const LEAST: Readonly<Record<string, number>> = { potrf: 32, getrf: 32, trsm: 32, syevd: 8, gesvd: 8 };
const DTYPES: readonly DType[] = ["float64", "float32", "complex128", "complex64"];

/** Makes what an operation needs. */
interface Maker {
  readonly dtypeOf: (data: string) => DType;
  readonly variable: () => string;
  readonly matrix: (prefix: string, dtype: DType, sizes: readonly Expr[]) => Operand;
  readonly done: () => Operand;
}
interface Form { readonly before: readonly Node[]; readonly call: LibraryNode; readonly after: readonly Node[]; /** In place of both. */ readonly otherwise: readonly Node[]; /** Behind either. */ readonly then?: readonly Node[] }

/** Row-major, rows any distance apart. */
const isPlain = (graph: Graph, o: Operand): boolean => gemmOperand(graph, o)?.transposed === false;
const isVector = (graph: Graph, o: Operand): boolean => o.axes[0] === graph.container(o.data).shape.length - 1 || graph.container(o.data).shape.slice(o.axes[0]! + 1).every((e) => e.constant === 1);
const isDense = (graph: Graph, list: readonly Operand[]): boolean => list.every((o) => DTYPES.includes(graph.container(o.data).dtype) && !hasLoadsInside([o]));

/** What `trsm` is asked: attributes, or undefined where cuBLAS has no such form (it conjugates only what it transposes). `t` bits: is the triangle wanted transposed, and conjugated? */
function triangleOf(graph: Graph, t: Operand, x: Operand, wanted: { readonly transposed: boolean; readonly conjugated: boolean }): { readonly right: boolean; readonly op: number; readonly flipped: boolean } | undefined {
  const stored = gemmOperand(graph, t), place = gemmOperand(graph, x);
  if (!stored || !place) return undefined;
  // In the library's eyes the stored matrix is transposed; so is X, which turns the equation round.
  const right = !place.transposed, turn = wanted.transposed !== right !== !stored.transposed, conjugated = wanted.conjugated && isComplex(graph.container(t.data).dtype);
  return conjugated && !turn ? undefined : { right, op: turn ? (conjugated ? 2 : 1) : 0, flipped: !stored.transposed };
}
/** Undoes a triangle in place of X; `both`: those of L·U, or, where it is wanted transposed, of its adjoint, `lower` saying which comes first. */
function trsm(node: LibraryNode, graph: Graph, m: Pick<Maker, "done">, t: Operand, x: Operand, how: { readonly both?: boolean; readonly lower: boolean; readonly transposed: boolean; readonly conjugated: boolean }): LibraryNode {
  const form = triangleOf(graph, t, x, how)!;
  return libraryNode("trsm", [t, x], [x, m.done()], { right: form.right, op: form.op, upper: how.lower === form.flipped, both: how.both ?? false, adjoint: how.transposed }, node.loc);
}

type Rule = (node: LibraryNode, graph: Graph) => ((m: Maker, otherwise: readonly Node[]) => Form) | undefined;
const RULES: Readonly<Record<string, Rule>> = {
  cholesky(node, graph) {
    const [a] = node.inputs as [Operand], [l] = node.outputs as [Operand], n = a.sizes[0]!;
    if (!isPlain(graph, l)) return undefined;
    return (m, otherwise) => ({
      before: lowerTriangle(node, m, a, l), call: libraryNode("potrf", [l], [l, m.done()], {}, node.loc), otherwise,
      after: [loop(m.variable, ZERO, n, "any", (i) => [loop(m.variable, addInt(i, 1), n, "any", (j) => [assign(node, at(l, i, j), number(0, m.dtypeOf(l.data)), [])])])],
    });
  },
  lu(node, graph) {
    const [a] = node.inputs as [Operand], [f, pivots, rows] = node.outputs as [Operand, Operand, Operand], n = a.sizes[0]!;
    if (graph.container(pivots.data).dtype !== "int64" || !isVector(graph, pivots)) return undefined;
    return (m, otherwise) => {
      const d = m.dtypeOf(f.data), t = m.matrix("columns", d, [n, n]), x = input(0, d), p = input(0, "int64");
      return {
        before: copied(node, m, t, a, true), call: libraryNode("getrf", [t], [t, pivots, m.done()], {}, node.loc), otherwise,
        after: [
          ...over(m.variable, f.sizes, ([i, j]) => [assign(node, at(f, i!, j!), x, [at(t, j!, i!)])]),
          loop(m.variable, ZERO, n, "any", (k) => [assign(node, at(pivots, k), op("sub", "int64", p, constant(1, "int64")), [at(pivots, k)])]),
          ...identityRows(node, m.dtypeOf, m.variable, rows),
          loop(m.variable, ZERO, n, "up", (k) => [exchangedRows(node, m.dtypeOf, rows, k, load(pivots.data, at(pivots, k).index))]),
        ],
      };
    };
  },
  solve(node, graph) {
    const [, f, rows, b] = node.inputs as [Operand, Operand, Operand, Operand], [x, z] = node.outputs as [Operand, Operand | undefined], how = { both: true, lower: z === undefined, transposed: z !== undefined, conjugated: z !== undefined };
    if (!isDense(graph, [f, x]) || !triangleOf(graph, f, z ?? x, how)) return undefined;
    return (m, otherwise) => z
      ? { before: copied(node, m, z, b), call: trsm(node, graph, m, f, z, how), after: permuted(node, m.dtypeOf, m.variable, rows, z, x), otherwise }
      : { before: selectedRows(node, m.dtypeOf, m.variable, rows, b, x), call: trsm(node, graph, m, f, x, how), after: [], otherwise };
  },
  inv(node, graph) {
    const [, f, rows] = node.inputs as [Operand, Operand, Operand], [x] = node.outputs as [Operand], how = { both: true, lower: true, transposed: false, conjugated: false };
    if (!triangleOf(graph, f, x, how)) return undefined;
    return (m, otherwise) => ({ before: rowsOfIdentity(node, m.dtypeOf(x.data), m.variable, rows, x), call: trsm(node, graph, m, f, x, how), after: [], otherwise });
  },
  triangular(node, graph) {
    const [t, b] = node.inputs as [Operand, Operand], [x] = node.outputs as [Operand], how = { lower: node.attributes["lower"] === true, transposed: false, conjugated: node.attributes["conjugate"] === true };
    if (!triangleOf(graph, t, x, how)) return undefined;
    return (m, otherwise) => ({ before: copied(node, m, x, b), call: trsm(node, graph, m, t, x, how), after: [], otherwise });
  },
  eigh(node, graph) {
    const [a] = node.inputs as [Operand], [w, v, work, state] = node.outputs as [Operand, Operand, Operand, Operand], d = graph.container(v.data).dtype;
    if (!isPlain(graph, work) || !isVector(graph, w)) return undefined;
    return (m, otherwise) => ({
      before: [...lowerTriangle(node, m, a, work), ...scaleOf(node, d, m.variable, work, state)], call: libraryNode("syevd", [work], [work, w, m.done()], {}, node.loc), otherwise,
      after: [
        // The library sees conj(A).
        ...over(m.variable, v.sizes, ([i, j]) => [assign(node, at(v, i!, j!), conjugate(input(0, d)), [at(work, j!, i!)])]),
        ...finiteValues(node, d, m.variable, w, (i) => at(w, i, ZERO), state, m.dtypeOf(w.data)),
      ],
    });
  },
  svd(node, graph) {
    const [a] = node.inputs as [Operand], [u, s, v] = node.outputs as [Operand, Operand, Operand];
    return isVector(graph, s) ? (m, otherwise) => values(node, graph, m, a, u, s, v, otherwise) : undefined;
  },
  pinv(node, graph) {
    const [a] = node.inputs as [Operand], [, u, s, v] = node.outputs as [Operand, Operand, Operand, Operand];
    return isVector(graph, s) ? (m) => ({ ...values(node, graph, m, a, u, s, v, factorised(node, m.dtypeOf, m.variable)), then: combined(node, m.dtypeOf, m.variable) }) : undefined;
  },
};

function copied(node: LibraryNode, m: Maker, to: Operand, from: Operand, turned = false): readonly Node[] {
  return over(m.variable, from.sizes, ([i, j]) => [assign(node, turned ? at(to, j!, i!) : at(to, i!, j!), input(0, m.dtypeOf(to.data)), [at(from, i!, j!)])]);
}
/** The lower triangle with a real diagonal, zeros above it. */
function lowerTriangle(node: LibraryNode, m: Maker, from: Operand, to: Operand): readonly Node[] {
  const d = m.dtypeOf(to.data), x = input(0, d), relation = (name: "lt" | "eq", i: Expr, j: Expr): ScalarExpr => op(name, "bool", symbolic(i), symbolic(j));
  return over(m.variable, to.sizes, ([i, j]) => [assign(node, at(to, i!, j!), select(relation("lt", i!, j!), number(0, d), isComplex(d) ? select(relation("eq", i!, j!), fromReal(realPart(x), d), x) : x), [at(from, i!, j!)])]);
}
function values(node: LibraryNode, graph: Graph, m: Maker, a: Operand, u: Operand, s: Operand, v: Operand, otherwise: readonly Node[]): Form {
  const d = m.dtypeOf(u.data), [rows, columns] = a.sizes as [Expr, Expr], t = m.matrix("columns", d, [columns, rows]), w = m.matrix("vectors", d, [columns, rows]);
  // The library's Vᵀ is, row by row, our V.
  const right = isPlain(graph, v) ? v : m.matrix("vectors", d, [columns, columns]);
  return {
    before: copied(node, m, t, a, true), call: libraryNode("gesvd", [t], [t, s, w, right, m.done()], {}, node.loc), otherwise,
    after: [...over(m.variable, u.sizes, ([i, j]) => [assign(node, at(u, i!, j!), input(0, d), [at(w, j!, i!)])]), ...(right === v ? [] : copied(node, m, v, right))],
  };
}

/** Loops of an expansion as maps, where they are: a processor runs them on one thread. All containers are seen from outside, so no scalar becomes private to a loop. */
export function asMaps(graph: Graph, body: readonly Node[]): readonly Node[] { return loopToMap(graph.with({ body }), Object.fromEntries([...graph.containers.keys()].map((k) => [k, k]))).body; }

/** Can a library do the operation, for some sizes? */
export function isSolvable(graph: Graph, n: LibraryNode): boolean {
  const all = [...n.inputs, ...n.outputs], dtype = graph.container((n.op === "eigh" ? n.outputs[1]! : n.outputs[0]!).data).dtype;
  if (!DTYPES.includes(dtype) || hasLoadsInside(all) || !RULES[n.op]) return false;
  return RULES[n.op]!(n, graph) !== undefined;
}

export function solverCalls(graph: Graph): Graph {
  let g = graph, next = 0;
  const used = symbolsOf(graph.body), names = new Map<string, number>();
  const container = (prefix: string, dtype: DType, shape: readonly Expr[]): Operand => {
    let k = names.get(prefix) ?? 0, name: string;
    do name = `${prefix}_${k++}`; while (g.containers.has(name));
    names.set(prefix, k);
    g = g.with({ containers: new Map([...g.containers, [name, { name, dtype, shape, transient: true, role: "workspace" }]]) });
    return { data: name, base: shape.map(() => ZERO), axes: shape.map((_, d) => d), sizes: shape };
  };
  const maker: Maker = {
    dtypeOf: (d) => g.container(d).dtype, matrix: container, done: () => container("done", "bool", []),
    variable: () => { for (;;) { const v = `c${next++}`; if (!used.has(v)) return v; } },
  };
  const maps = (body: readonly Node[]): readonly Node[] => asMaps(g, body);
  const body = mapNodes(graph.body, (n) => {
    if (n.kind !== "library" || !RULES[n.op]) return n;
    const rule = isSolvable(g, n) ? RULES[n.op]!(n, g) : undefined;
    if (!rule) return n;
    const form = rule(maker, n.op === "pinv" ? [] : LIBRARY.get(n.op)!.expand(n, maker.dtypeOf, maker.variable)), flag = doneFlag(form.call);
    const call: LibraryNode = { ...form.call, attributes: { ...form.call.attributes, least: LEAST[form.call.op]! } };
    const choice: Node = { kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [{ data: flag, index: [] }], code: input(0, "bool") }, body: maps(form.after) }, { body: maps(form.otherwise) }], ...(n.loc ? { loc: n.loc } : {}) };
    return [...maps(form.before), call, choice, ...maps(form.then ?? [])];
  });
  return body === graph.body ? graph : g.with({ body });
}

/** Flags of calls, which are the host's. */
export function flagsOf(graph: Graph): ReadonlySet<string> {
  const out = new Set<string>();
  visitNodes(graph.body, (n) => { if (isSolver(n)) out.add(doneFlag(n)); });
  return out;
}
