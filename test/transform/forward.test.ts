import test from "ava";
import { contract } from "../../ts/transform/contract.js";
import { fuseLoops } from "../../ts/transform/fuse.js";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { freshId } from "../../ts/sdfg/sdfg.js";
import { constant, input, op, symbolic } from "../../ts/scalar/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";
import { forwardDefinitions } from "../../ts/transform/forward.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { removeDeadCode } from "../../ts/transform/dead-code.js";
import { matmulNode } from "../../ts/library/matmul.js";
import type { Operand } from "../../ts/sdfg/nodes.js";
import { ZERO } from "../../ts/symbolic/expr.js";
import { expanded } from "../support/check-gradient.js";
import { fuzzPass } from "./fuzz.js";

test("random graphs: dead code", (t) => { fuzzPass(t, removeDeadCode, { count: 20 }); });
test("random graphs: forwarding", (t) => { fuzzPass(t, (g) => forwardDefinitions(g), { count: 20 }); });
test("random graphs: forwarding between maps", (t) => { fuzzPass(t, (g) => forwardDefinitions(g), { count: 20, first: 1000, before: loopToMap }); });

const twice = (x: Parameters<typeof times>[0]): Parameters<typeof times>[0] => times(num(2), x);
const same = (g: Graph, after: Graph, sizes: readonly number[] = [1, 2, 3, 6]): boolean => sizes.every((N) => difference(run(g, { N }), run(after, { N })) < 1e-14);

test("a temporary goes where it is used", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("x", "N");
  b.loop("i", "0", "N - 1", "any", () => b.set("x[i]", ["B[i]"], twice));
  b.loop("j", "0", "N - 1", "any", () => b.set("A[j + 1]", ["x[j]"], twice));
  const g = b.graph(), after = forwardDefinitions(g);
  t.notRegex(graphText(after), /x\[i\] =/);
  t.regex(graphText(after), /A\[j \+ 1\] = \(2 \* \(2 \* B\[j\]\)\)/);
  t.true(same(g, after));
});
test("not where the target is what it was computed from", (t) => {
  const b = new Build("N").data("A", "N").temp("x", "N");
  b.loop("i", "0", "N - 1", "any", () => b.set("x[i]", ["A[i]"], twice));
  b.loop("j", "0", "N - 1", "any", () => b.set("A[j + 1]", ["x[j]"], id));
  const g = b.graph();
  t.is(forwardDefinitions(g), g);
});
test("not past a write to what it reads, not from a box too small, not where it would be computed many times", (t) => {
  const between = new Build("N").data("A", "N").data("B", "N").temp("x", "N");
  between.loop("i", "0", "N", "any", () => between.set("x[i]", ["A[i]"], twice));
  between.loop("k", "0", "N", "any", () => between.set("A[k]", [], () => num(1)));
  between.loop("j", "0", "N", "any", () => between.set("B[j]", ["x[j]"], id));
  const small = new Build("N").data("A", "N").data("B", "N").temp("x", "N");
  small.loop("i", "0", "N", "any", () => small.set("x[i]", ["A[i]"], twice));
  small.loop("k", "0", "N - 1", "any", () => small.set("x[k]", ["A[k]"], (v) => plus(v, num(1))));
  small.loop("j", "0", "N", "any", () => small.set("B[j]", ["x[j]"], twice));
  const many = new Build("N").data("A", "N").data("B", "N", "N").temp("x", "N");
  many.loop("i", "0", "N", "any", () => many.set("x[i]", ["A[i]"], (v) => op("exp", "float64", v)));
  many.loop("j", "0", "N", "any", () => many.loop("k", "0", "N", "any", () => many.set("B[j, k]", ["x[j]"], twice)));
  for (const b of [between, small, many]) { const g = b.graph(); t.is(graphText(forwardDefinitions(g)), graphText(g)); }
});
test("zero and add is a store, of the part that is added to", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("C", "N").data("D", "N");
  b.loop("i", "0", "N", "any", () => b.set("A[i]", [], () => num(0)));
  b.loop("j", "0", "N", "any", () => b.set("A[j]", ["B[j]"], twice, "sum"));
  b.loop("k", "0", "N", "any", () => b.set("C[k]", [], () => num(0)));
  b.loop("l", "1", "N", "any", () => b.set("C[l]", ["D[l]"], twice, "sum"));
  const g = b.graph(), after = forwardDefinitions(g), text = graphText(after);
  t.notRegex(text, /A\[i\] = 0/);
  t.regex(text, /C\[k\] = 0/);
  t.notRegex(text, /\+=/);
  t.true(same(g, after));
});
test("a store that the next iteration reads is alive", (t) => {
  const b = new Build("N").data("A", "N").temp("row", "N").temp("s");
  b.loop("i", "0", "N", "any", () => b.set("row[i]", [], () => num(0)));
  b.set("s", [], () => num(0));
  b.loop("t", "0", "N", "up", () => { b.set("A[t]", ["row[t]", "s"], plus); b.set("s", ["A[t]"], (x) => plus(x, num(1))); b.loop("j", "0", "N", "any", () => b.set("row[j]", ["A[t]"], twice)); });
  const g = b.graph(), after = forwardDefinitions(removeDeadCode(g));
  t.regex(graphText(after), /row\[j\] =/);
  t.true(same(g, after));
});
test("what an early exit leaves behind is alive", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("x");
  b.open();
  b.set("x", ["B[0]"], id);
  b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [{ data: "B", index: [parseExpr("0")] }], code: op("gt", "bool", input(0, "float64"), num(0)) }, body: [{ kind: "exit", id: freshId(), label: "out" }] }] });
  b.set("x", [], () => num(7));
  const body = b.close();
  b.push({ kind: "block", id: freshId(), label: "out", body });
  b.set("A[0]", ["x"], id);
  const g = b.graph(), after = forwardDefinitions(g);
  for (const first of [1, -1]) t.deepEqual(run(after, { N: 1 }, { B: [first] }), run(g, { N: 1 }, { B: [first] }));
});
test("errors of the user's stay, and so do loops that may not end", (t) => {
  const b = new Build("N").data("A", "N").temp("x", "N");
  b.loop("i", "0", "N", "up", () => { b.set("x[i]", ["A[i]"], id); b.open(); b.push({ kind: "raise", id: freshId(), code: "RAISED", message: "no" }); const body = b.close(); b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("gt", "bool", symbolic(parseExpr("i")), constant(2, "int64")) }, body }] }); });
  t.regex(graphText(removeDeadCode(b.graph())), /raise RAISED/);
});
test("what decides is not computed twice", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("C", "N").data("D", "N").temp("x", "N");
  b.loop("i", "0", "N", "any", () => b.set("x[i]", ["A[i]", "B[i]"], (p, q) => plus(times(p, p), q)));
  b.loop("j", "0", "N", "any", () => b.set("C[j]", ["x[j]"], (v) => op("select", "float64", op("gt", "bool", v, num(1)), v, num(0))));
  b.loop("k", "0", "N", "any", () => b.set("D[k]", ["x[k]"], twice));
  t.regex(graphText(forwardDefinitions(b.graph())), /x\[i\] =/);
});

test("loops join only where no iteration looks at another's", (t) => {
  const make = (read: string): Graph => {
    const b = new Build("N").data("A", "N").data("B", "N").data("C", "N");
    b.loop("i", "1", "N - 1", "any", () => b.set("A[i]", ["C[i]"], twice));
    b.loop("j", "1", "N - 1", "any", () => b.set("B[j]", [read], twice));
    return b.graph();
  };
  const g = make("A[j]"), after = fuseLoops(g);
  t.is(graphText(after).match(/map/g)?.length, 1);
  t.true(same(g, after));
  for (const read of ["A[j - 1]", "A[j + 1]", "A[0]"]) { const h = make(read), kept = fuseLoops(h); t.true(same(h, kept)); if (read !== "A[0]") t.is(kept, h); }
  const far = new Build("N").data("A", "N").data("B", "N");
  far.loop("i", "0", "N", "any", () => far.set("A[i]", [], () => num(1)));
  far.loop("j", "0", "N", "any", () => far.set("B[j]", [], () => num(1)));
  const apart = far.graph();
  t.is(fuseLoops(apart), apart);
});
test("a temporary of one iteration is a scalar; one that is read first, or in another iteration, is not", (t) => {
  const make = (...body: readonly (readonly [string, string])[]): Graph => {
    const b = new Build("N").data("A", "N + 1").data("B", "N + 1").temp("x", "N + 1");
    b.loop("k", "0", "N + 1", "any", () => b.set("x[k]", [], () => num(3)));
    b.loop("i", "0", "N", "up", () => { for (const [target, source] of body) b.set(target, [source], twice); });
    return b.graph();
  };
  const locals = (g: Graph): boolean => / locals x/.test(graphText(contract(g)));
  const only = new Build("N").data("A", "N").data("B", "N").temp("x", "N");
  only.loop("i", "0", "N", "any", () => { only.set("x[i]", ["A[i]"], twice); only.set("B[i]", ["x[i]"], twice); });
  t.true(locals(only.graph()));
  t.true(same(only.graph(), contract(only.graph())));
  t.false(locals(make(["x[i]", "A[i]"], ["B[i]", "x[i]"])));
  t.false(locals(make(["B[i]", "x[i]"], ["x[i]", "A[i]"])));
  t.false(locals(make(["x[i]", "A[i]"], ["B[i]", "x[i + 1]"])));
});

test("a product that adds is one that stores only where all of its elements were set to zero", (t) => {
  const whole = (data: string): Operand => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: [parseExpr("N"), parseExpr("N")] });
  const graph = (fill: (b: Build) => void): Graph => {
    const b = new Build("N").data("A", "N", "N").data("B", "N", "N").data("C", "N", "N");
    fill(b);
    return b.push(matmulNode(whole("A"), whole("B"), { ...whole("C"), axes: [1, 0] }, true)).graph("N - 2");
  };
  const zero = (b: Build, rows: string, columns: string): void => { b.loop("i", "0", rows, "any", () => { b.loop("j", "0", columns, "any", () => { b.set("C[i, j]", [], () => num(0)); }); }); };
  const stores = (g: Graph): boolean => /\.T\) => C|\) => C/.test(graphText(g));
  for (const [fill, all] of [[(b: Build) => zero(b, "N", "N"), true], [(b: Build) => { b.set("C[0, 0]", [], () => num(0)); }, false], [(b: Build) => zero(b, "N - 1", "N"), false]] as const) {
    const g = graph(fill), after = forwardDefinitions(g);
    t.is(stores(after), all);
    for (const N of [2, 3]) t.true(difference(run(expanded(g), { N }), run(expanded(after), { N })) < 1e-14);
  }
});
