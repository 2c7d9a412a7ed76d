/** Programs that differentiation tools get wrong, as graphs, by name; and what is refused. */
import test from "ava";
import { differentiate } from "../../ts/compile/pipeline.js";
import { matmulNode } from "../../ts/library/matmul.js";
import { cast, constant, input, op, select, symbolic, type ScalarExpr } from "../../ts/scalar/expr.js";
import type { Condition, Container } from "../../ts/sdfg/nodes.js";
import { freshId } from "../../ts/sdfg/sdfg.js";
import { evaluate, sym, ZERO } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { checkGradient } from "../support/check-gradient.js";
import { interpret } from "../support/interpret.js";
import { randoms } from "../support/random-graph.js";
import { Build, id, memlet, num, plus, times } from "../transform/build.js";

const f = (name: Parameters<typeof op>[0], ...x: ScalarExpr[]): ScalarExpr => op(name, "float64", ...x);
const sin = (x: ScalarExpr): ScalarExpr => f("sin", x), minus = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => f("sub", a, b);
const integers = (b: Build, name: string, ...shape: string[]): void => { b.containers.set(name, { name, dtype: "int64", shape: shape.map(parseExpr), transient: false }); b.parameters.push(name); };
const view = (b: Build, name: string, base: string, offset: string, ...shape: string[]): void => { b.containers.set(name, { name, dtype: "float64", shape: shape.map(parseExpr), transient: false, view: { base, offset: parseExpr(offset) } }); };
const when = (b: Build, condition: Condition, body: () => void, otherwise?: () => void): void => {
  b.push({ kind: "conditional", id: freshId(), branches: [{ condition, body: b.apart(body) }, ...(otherwise ? [{ body: b.apart(otherwise) }] : [])] });
};
const above = (data: string, limit: number): Condition => ({ inputs: [memlet(data)], code: op("gt", "bool", input(0, "float64"), num(limit)) });
const at = (variable: string, value: number): Condition => ({ inputs: [], code: op("eq", "bool", symbolic(sym(variable)), constant(value, "int64")) });

interface Subject { readonly build: Build; readonly facts?: readonly string[]; readonly wrt: readonly string[]; readonly of: readonly string[]; readonly given?: Readonly<Record<string, readonly number[]>>; readonly sizes?: Readonly<Record<string, number>> }

function check(t: { is(a: unknown, b: unknown): void }, s: Subject): ReturnType<typeof checkGradient> {
  const graph = s.build.graph(...(s.facts ?? [])), sizes = { N: 6, T: 3, ...s.sizes }, inputs: Record<string, { v: number[] }> = {};
  s.build.parameters.forEach((p, i) => { const c = graph.container(p), n = c.shape.reduce((k, e) => k * evaluate(e, new Map(Object.entries(sizes))), 1); inputs[p] = { v: [...(s.given?.[p] ?? randoms(5 + i, n))] }; });
  const r = checkGradient(graph, sizes, inputs, { wrt: s.wrt, of: s.of });
  t.is(r.status, "checked");
  return r;
}

test("an array overwritten after its use; a variable reassigned in a loop and read after it", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("s");
  b.loop("i", "0", "N", "up", () => { b.set("s", ["A[i]"], (x) => times(x, x)); b.set("A[i]", ["B[i]", "s"], (y, s) => times(y, sin(s))); });
  b.set("B[0]", ["s", "A[0]"], times);
  check(t, { build: b, wrt: ["A", "B"], of: ["A", "B"] });
});

test("swap of two arrays per time step", (t) => {
  const b = new Build("N", "T").data("A", "N").data("B", "N").temp("C", "N");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "N", "any", () => b.set("C[i]", ["A[i]"], id));
    b.loop("j", "0", "N", "any", () => b.set("A[j]", ["B[j]", "A[j]"], (x, y) => times(x, sin(y))));
    b.loop("k", "0", "N", "any", () => b.set("B[k]", ["C[k]"], id));
  });
  check(t, { build: b, wrt: ["A", "B"], of: ["A", "B"] });
});

test("accumulate, then scale in place", (t) => {
  const b = new Build("N").data("A", "N").data("s");
  b.loop("i", "0", "N", "any", () => b.set("s", ["A[i]"], (x) => times(x, x), "sum"));
  b.set("s", ["s"], (x) => times(x, x));
  b.loop("j", "0", "N", "any", () => b.set("A[j]", ["A[j]", "s"], times));
  check(t, { build: b, wrt: ["A", "s"], of: ["A", "s"] });
});

test("a view written through its base and read through the view", (t) => {
  const b = new Build("N").data("A", "N", "N").data("out", "N");
  view(b, "row", "A", "2*N", "N"); view(b, "flat", "A", "0", "N*N");
  b.loop("i", "0", "N", "up", () => { b.set("A[2, i]", ["row[i]", "A[1, i]"], (x, y) => sin(times(x, y))); b.set("flat[3*N + i]", ["row[N - 1 - i]", "A[3, i]"], times); });
  b.loop("j", "0", "N", "up", () => b.set("out[j]", ["row[j]", "A[3, j]", "flat[j]"], (x, y, z) => plus(times(x, y), z)));
  check(t, { build: b, wrt: ["A"], of: ["out", "A"] });
});

test("an element of a view that is combined into beside accesses of its base, and again in a loop that never runs", (t) => {
  const b = new Build("N").data("A", "N");
  view(b, "tail", "A", "1", "N - 1");
  b.loop("i", "0", "N", "up", () => {
    b.loop("e", "2", "1", "up", () => b.loop("k", "0", "N", "up", () => b.set("A[k]", ["tail[1]"], sin)));
    b.set("A[N - 1 - i]", ["A[i]", "tail[1]"], (x, y) => sin(plus(x, sin(y))));
  });
  check(t, { build: b, facts: ["N - 3"], wrt: ["A"], of: ["A"] });
});

test("a scalar carried by a loop that looks parallel", (t) => {
  const b = new Build("N").data("A", "N").data("s").data("out", "N");
  b.loop("i", "0", "N", "up", () => { b.set("out[i]", ["A[i]", "s"], times); b.set("s", ["A[i]", "s"], (a, s) => plus(sin(a), times(num(0.5), s))); });
  check(t, { build: b, wrt: ["A", "s"], of: ["out", "s"] });
});

test("a conditional overwrite; the arm depends on data that is overwritten", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.loop("i", "0", "N", "up", () => when(b, above("A[i]", 0.1), () => { b.set("A[i]", ["A[i]", "B[i]"], (x, y) => minus(times(x, y), num(1))); }, () => { b.set("A[i]", ["A[N - 1 - i]"], (x) => plus(x, num(1))); b.set("B[i]", ["B[i]", "A[i]"], times); }));
  check(t, { build: b, wrt: ["A", "B"], of: ["A", "B"] });
});

test("`if A[i] > 0.5` in a loop that updates A, over time", (t) => {
  const b = new Build("N", "T").data("A", "N");
  b.loop("t", "0", "T", "up", () => b.loop("i", "1", "N", "up", () => when(b, above("A[i - 1]", 0.2), () => b.set("A[i]", ["A[i]", "A[i - 1]"], (x, y) => times(num(0.9), plus(x, y))), () => b.set("A[i]", ["A[i]"], (x) => times(x, x)))));
  check(t, { build: b, wrt: ["A"], of: ["A"] });
});

test("gather with repeated indices adds up; scatter with repeated indices: the last write wins", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("C", "N");
  integers(b, "idx", "N");
  b.loop("i", "0", "N", "up", () => b.set("B[i]", ["A[idx[i]]"], sin));
  b.loop("j", "0", "N", "up", () => b.set("C[idx[j]]", ["B[j]", "A[j]"], times));
  const r = check(t, { build: b, wrt: ["A", "B", "C"], of: ["B", "C"], given: { idx: [2, 2, 0, 5, 2, 0] } });
  t.is(r.gradients["C"]![2], 0, "overwritten");
  t.not(r.gradients["C"]![1], 0, "kept");
});

test("an index array that the program changes", (t) => {
  const b = new Build("N", "T").data("A", "N").data("s");
  integers(b, "idx", "N");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "N", "up", () => b.set("A[idx[i]]", ["A[idx[N - 1 - i]]", "A[i]"], (x, y) => sin(plus(x, y))));
    b.loop("j", "0", "N", "up", () => b.push({ kind: "tasklet", id: freshId(), inputs: [memlet("idx[j]")], output: memlet("idx[j]"), code: op("mod", "int64", op("add", "int64", input(0, "int64"), constant(2, "int64")), symbolic(sym("N"))) }));
  });
  check(t, { build: b, wrt: ["A"], of: ["A"], given: { idx: [1, 3, 3, 0, 5, 2] } });
});

test("an inner bound k[i], with values that must be kept", (t) => {
  const b = new Build("N").data("A", "N").data("out", "N");
  integers(b, "k", "N");
  b.loop("i", "0", "N", "up", () => b.loop("j", "0", "k[i]", "up", () => { b.set("A[j]", ["A[j]", "out[i]"], (x, y) => sin(plus(times(x, x), y))); b.set("out[i]", ["A[j]"], id, "sum"); }));
  check(t, { build: b, wrt: ["A", "out"], of: ["A", "out"], given: { k: [3, 0, 6, 1, 2, 6] } });
});

test("zero-trip, triangular, strided and descending loops", (t) => {
  const b = new Build("N", "T").data("A", "N").data("s");
  b.loop("z", "3", "2", "up", () => b.set("A[z]", ["A[z]"], (x) => times(x, x)));
  b.loop("i", "0", "N", "up", () => b.loop("j", "i + 1", "N", "up", () => b.set("A[j]", ["A[j]", "A[i]"], (x, y) => sin(times(x, y)))));
  b.loop("k", "0", "floordiv(N + 1, 2)", "up", () => b.set("A[2*k]", ["A[2*k]", "s"], times));
  b.loop("l", "0", "N - 1", "down", () => b.set("A[l]", ["A[l + 1]", "A[l]"], (x, y) => plus(times(x, y), x)));
  for (const n of [1, 2, 5, 8]) check(t, { build: b, facts: ["N - 1"], wrt: ["A", "s"], of: ["A"], sizes: { N: n } });
});

test("a gradient with respect to an array that is also an output; an input that is not used", (t) => {
  const b = new Build("N").data("A", "N").data("unused", "N");
  b.loop("i", "1", "N", "up", () => b.set("A[i]", ["A[i]", "A[i - 1]"], times));
  const r = check(t, { build: b, wrt: ["A", "unused"], of: ["A"] });
  t.deepEqual(r.gradients["unused"], [0, 0, 0, 0, 0, 0]);
});

test("+= on a slice that aliases its own right side", (t) => {
  const b = new Build("N").data("A", "N");
  b.loop("i", "0", "N - 1", "up", () => b.set("A[i + 1]", ["A[i]", "A[i + 1]"], times, "sum"));
  check(t, { build: b, facts: ["N - 1"], wrt: ["A"], of: ["A"] });
});

test("recomputation across a branch", (t) => {
  const b = new Build("N").data("A", "N").data("out", "N").temp("x");
  b.loop("i", "0", "N", "up", () => {
    b.set("x", ["A[i]"], (a) => times(a, num(2)));
    when(b, at("i", 2), () => b.set("x", ["x", "A[i]"], times));
    b.set("out[i]", ["x"], (x) => times(x, sin(x)));
  });
  check(t, { build: b, wrt: ["A"], of: ["out"] });
});

for (const wcr of ["min", "max", "prod"] as const) {
  test(`${wcr} into a container, with ties and zeros`, (t) => {
    const b = new Build("N").data("A", "N").data("m");
    b.loop("i", "0", "N", "any", () => b.set("m", ["A[i]"], id, wcr));
    const grad = (A: number[], m: number): number[] => {
      const d = differentiate(b.graph(), { wrt: ["A", "m"], of: ["m"], seeds: "unit", keep: [] });
      const out = interpret(d.graph, { N: A.length }, { A: { v: A }, m_in: { v: [m] } });
      return [...out.get(d.outputs["grad:A"]!)!.v, ...out.get(d.outputs["grad:m"]!)!.v];
    };
    if (wcr === "prod") {
      t.deepEqual(grad([2, 3, 4], 5), [60, 40, 30, 24]);
      t.deepEqual(grad([2, 0, 4], 5), [0, 40, 0, 0]);
      t.deepEqual(grad([0, 0, 4], 5), [0, 0, 0, 0]);
    } else {
      const s = wcr === "min" ? 1 : -1;
      t.deepEqual(grad([1, 3, 1, 1].map((x) => s * x), 9 * s), [1 / 3, 0, 1 / 3, 1 / 3, 0], "shared evenly");
      t.deepEqual(grad([1, 3, 4].map((x) => s * x), s), [0.5, 0, 0, 0.5], "the value that was there before counts");
      t.deepEqual(grad([2, 3].map((x) => s * x), s), [0, 0, 1]);
    }
  });
}

test("min and max over computed operands, triangular, per row", (t) => {
  const b = new Build("N").data("A", "N").data("m", "N");
  b.loop("i", "0", "N", "up", () => { b.loop("j", "0", "i", "up", () => b.set("m[i]", ["A[j]", "m[i - 1]"], (x, y) => plus(sin(x), y), "max")); b.set("A[i]", ["m[i]"], (x) => times(x, x)); });
  check(t, { build: b, wrt: ["A", "m"], of: ["A", "m"] });
});

test("products of matrices: accumulating, transposed, an operand twice, parts of containers", (t) => {
  for (const accumulate of [true, false]) {
    const b = new Build("N", "T").data("A", "N", "T").data("B", "N", "T").data("C", "N", "N").data("D", "T", "T");
    const whole = (data: string, r: string, c: string) => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: [sym(r), sym(c)] });
    const flip = (o: ReturnType<typeof whole>) => ({ ...o, axes: [1, 0], sizes: [o.sizes[1]!, o.sizes[0]!] });
    b.push(matmulNode(whole("A", "N", "T"), flip(whole("B", "N", "T")), whole("C", "N", "N"), accumulate, 0.5));
    b.push(matmulNode(flip(whole("A", "N", "T")), whole("A", "N", "T"), whole("D", "T", "T"), accumulate));
    b.loop("i", "0", "N", "any", () => b.set("A[i, 0]", ["C[i, i]", "D[0, 0]"], times));
    b.push(matmulNode(flip(whole("B", "N", "T")), whole("A", "N", "T"), whole("D", "T", "T"), accumulate, -2));
    check(t, { build: b, facts: ["T - 1"], wrt: ["A", "B", "C", "D"], of: ["C", "D"] });
  }
});

test("float32 and float64 together", (t) => {
  const b = new Build("N").data("A", "N").data("out", "N"), single = (name: string): void => { b.containers.set(name, { ...b.containers.get(name)!, dtype: "float32" }); };
  single("A");
  b.loop("i", "0", "N", "any", () => b.push({ kind: "tasklet", id: freshId(), inputs: [memlet("A[i]")], output: memlet("out[i]"), code: f("mul", cast(input(0, "float32"), "float64"), f("sin", cast(input(0, "float32"), "float64"))) }));
  const A = randoms(2, 4).map(Math.fround), d = differentiate(b.graph(), { wrt: ["A"], of: ["out"], seeds: "arguments", keep: [] });
  t.is(d.graph.container(d.outputs["grad:A"]!).dtype, "float32");
  const g = interpret(d.graph, { N: 4 }, { A: { v: A }, out_in: { v: [0, 0, 0, 0] }, ct_out: { v: [1, 2, 3, 4] } }).get(d.outputs["grad:A"]!)!.v;
  g.forEach((x, i) => { const want = (i + 1) * (Math.sin(A[i]!) + A[i]! * Math.cos(A[i]!)); t.is(x, Math.fround(x)); t.true(Math.abs(x - want) < 3e-7 * Math.abs(want)); });
});

test("a private buffer of an iteration that the backward sweep needs", (t) => {
  const b = new Build("N").data("A", "N").data("out", "N");
  b.containers.set("buf", { name: "buf", dtype: "float64", shape: [sym("N")], transient: true } as Container);
  b.loop("i", "0", "N", "up", () => {
    b.loop("j", "0", "N", "up", () => b.set("buf[j]", ["A[j]", "A[i]"], times));
    b.loop("k", "1", "N", "up", () => b.set("buf[k]", ["buf[k]", "buf[k - 1]"], (x, y) => sin(times(x, y))));
    b.loop("l", "0", "N", "up", () => b.set("out[i]", ["buf[l]"], (x) => times(x, x), "sum"));
  }, ["buf"]);
  check(t, { build: b, wrt: ["A"], of: ["out"] });
});

test("while loops that no derivative flows through", (t) => {
  const b = new Build("N").data("A", "N");
  integers(b, "n");
  b.push({ kind: "while", id: freshId(), counter: "k", testAfter: false, condition: { inputs: [memlet("n")], code: op("lt", "bool", input(0, "int64"), constant(4, "int64")) }, body: [{ kind: "tasklet", id: freshId(), inputs: [memlet("n")], output: memlet("n"), code: op("add", "int64", input(0, "int64"), constant(1, "int64")) }] });
  b.push({ kind: "tasklet", id: freshId(), inputs: [memlet("A[0]"), memlet("n")], output: memlet("A[0]"), code: select(op("gt", "bool", input(1, "int64"), constant(2, "int64")), sin(input(0, "float64")), num(0)) });
  check(t, { build: b, facts: ["N - 1"], wrt: ["A"], of: ["A"], given: { n: [0] } });
});
