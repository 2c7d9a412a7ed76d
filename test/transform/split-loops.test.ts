import test from "ava";
import { splitLoops } from "../../ts/transform/split-loops.js";
import { constant, op, symbolic, type OpName } from "../../ts/scalar/expr.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";
import { fuzzPass } from "./fuzz.js";

function when(b: Build, left: string, how: OpName, right: number | string, body: () => void): void {
  b.open();
  body();
  const list = b.close();
  b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op(how, "bool", symbolic(parseExpr(left)), typeof right === "number" ? constant(right, "int64") : symbolic(parseExpr(right))) }, body: list }] });
}

function levels(order: "up" | "down" = "up"): Graph {
  const b = new Build("K").data("A", "K").data("B", "K");
  b.loop("k", "0", "K", order, () => {
    b.set("B[k]", ["A[k]"], (x) => times(x, num(2)));
    when(b, "k", "gt", 0, () => b.set("B[k]", ["B[k]", "A[k - 1]", "B[k - 1]"], plus));
    when(b, "k", "lt", "K - 1", () => b.set("B[k]", ["B[k]", "A[k + 1]"], plus));
  });
  return b.graph();
}
test("first, middle and last iteration part", (t) => {
  for (const order of ["up", "down"] as const) {
    const g = levels(order), after = splitLoops(g, { speculate: true });
    t.notRegex(graphText(after), / if /);
    t.is(after.checks.length, 1);
    t.is(after.checks[0]!.expr.key, "K + -2");
    for (const K of [2, 3, 6]) t.is(difference(run(g, { K }), run(after, { K })), 0);
  }
});
test("without speculation the loop stays, with known sizes it does not", (t) => {
  const g = levels();
  t.is(splitLoops(g, { speculate: false }), g);
  const known = g.with({ assumptions: [...g.assumptions, parseExpr("K - 3")] });
  t.notRegex(graphText(splitLoops(known, { speculate: false })), / if /);
});
test("a condition on data or on a loaded bound splits nothing", (t) => {
  const b = new Build("N").data("A", "N");
  b.loop("i", "0", "N", "up", () => {
    b.open(); b.set("A[i]", ["A[i]"], id); const list = b.close();
    b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [{ data: "A", index: [parseExpr("i")] }], code: op("gt", "bool", { kind: "input", dtype: "float64", index: 0 }, num(0)) }, body: list }] });
  });
  const g = b.graph();
  t.is(splitLoops(g, { speculate: true }), g);
});
test("random graphs", (t) => { fuzzPass(t, (g) => splitLoops(g, { speculate: true }), { count: 60 }); });
