import test from "ava";
import { fuseLoops } from "../../ts/transform/fuse.js";
import { interchange } from "../../ts/transform/interchange.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { optimizeGraph } from "../../ts/transform/optimize.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import { retargetSums } from "../../ts/transform/retarget.js";
import { distribute } from "../../ts/transform/distribute.js";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { Build, difference, id, num, run, times } from "./build.js";
import { fuzzPass } from "./fuzz.js";

const maps = (g: Graph): Graph => loopToMap(recogniseReductions(g));
const order = (g: Graph): string => /map \[(.*?)\]/.exec(graphText(g))![1]!.replace(/ in [^,]*(, |$)/g, "$1");

function product(a: string, b: string): Graph {
  const g = new Build("N", "M", "K").data("A", ...(a === "A[i, k]" ? ["N", "K"] : ["K", "N"])).data("B", ...(b === "B[k, j]" ? ["K", "M"] : ["M", "K"])).data("C", "N", "M");
  g.loop("k", "0", "K", "any", () => g.loop("j", "0", "M", "any", () => g.loop("i", "0", "N", "any", () => g.set("C[i, j]", [a, b], times, "sum"))));
  return g.graph();
}
test("matrix products get the order of their layouts", (t) => {
  t.is(order(interchange(product("A[i, k]", "B[k, j]"))), "i, k, j");
  t.is(order(interchange(product("A[i, k]", "B[j, k]"))), "i, j, k");
  t.is(order(interchange(product("A[k, i]", "B[k, j]"))), "i, k, j");
  for (const [a, b] of [["A[i, k]", "B[k, j]"], ["A[k, i]", "B[j, k]"]]) {
    const g = product(a!, b!), sizes = { N: 4, M: 5, K: 3 };
    t.true(difference(run(g, sizes), run(interchange(g), sizes)) < 1e-13);
  }
});
test("strict: what is combined into an element keeps its order", (t) => {
  const nest = (element: string, ...data: string[]): Graph => {
    const g = new Build("N", "M").data("A", "N", "M").data("C", ...data).data("w", "M").data("idx", "N");
    g.loop("k", "0", "M", "any", () => g.loop("i", "0", "N", "any", () => g.set(element, ["A[i, k]"], id, "sum")));
    return g.graph();
  };
  // Every element has an i of its own: the order of k is kept; where the index is data's, or tells neither, nothing says so.
  t.is(order(interchange(nest("C[i]", "N"), true)), "i, k");
  for (const g of [nest("C[idx[i]]", "N"), nest("C[i + k]", "N"), nest("C")]) {
    t.is(order(interchange(g)), "i, k");
    t.is(interchange(g, true), g);
  }
});
test("strict: what is added on the way down is not added on the way up", (t) => {
  const sums = (order: "up" | "down", element: string): Graph => { const g = new Build("N").data("A", "N").data("C", "N"); g.loop("i", "0", "N", order, () => g.set(element, ["A[i]"], id, "sum")); return g.graph(); };
  const isMap = (g: Graph): boolean => /map \[/.test(graphText(g));
  t.true(isMap(loopToMap(sums("down", "C[0]"))));
  for (const [order, element, map] of [["up", "C[0]", true], ["up", "C[i]", true], ["down", "C[i]", true], ["down", "C[0]", false]] as const) t.is(isMap(loopToMap(sums(order, element), {}, true)), map, `${order} ${element}`);
});
test("strict: loops that add to each other's elements stay apart", (t) => {
  const sums = (second: string): Graph => {
    const g = new Build("N").data("A", "N").data("B", "N").data("C", "N + 1");
    g.loop("i", "0", "N", "any", () => g.set("C[i]", ["A[i]"], id, "sum"));
    g.loop("j", "0", "N", "any", () => g.set(second, ["A[j]", "B[j]"], times, "sum"));
    return g.graph();
  };
  const loops = (g: Graph): number => graphText(g).match(/map \[/g)!.length;
  for (const [second, joined] of [["C[j]", 1], ["C[j + 1]", 2], ["C[0]", 2]] as const) {
    t.is(loops(fuseLoops(sums(second))), 1);
    t.is(loops(fuseLoops(sums(second), true)), joined);
    t.is(difference(run(sums(second), { N: 5 }), run(fuseLoops(sums(second), true), { N: 5 })), 0);
  }
});
test("triangles are turned round, with the bounds of the other variable", (t) => {
  for (const [begin, end] of [["0", "i"], ["0", "i + 1"], ["i", "N"], ["i + 2", "N"], ["1", "i - 1"]]) {
    const b = new Build("N").data("A", "N", "N").data("B", "N", "N");
    b.loop("i", "0", "N", "any", () => b.loop("j", begin!, end!, "any", () => b.set("A[j, i]", ["B[j, i]"], (x) => times(x, num(2)))));
    const g = b.graph(), after = interchange(g);
    t.is(order(after), "j, i");
    for (const N of [0, 1, 2, 3, 6]) t.is(difference(run(g, { N }), run(after, { N })), 0, `${begin}:${end} at ${N}`);
  }
});
test("a sequential loop stays where it is", (t) => {
  const b = new Build("N").data("A", "N", "N");
  b.loop("j", "0", "N", "any", () => b.loop("i", "1", "N", "up", () => b.set("A[i, j]", ["A[i - 1, j]"], id)));
  const g = b.graph();
  t.is(interchange(g), g);
});
test("a product collected in a temporary goes straight to its target", (t) => {
  const b = new Build("N").data("A", "N", "N").data("B", "N").data("C", "N").temp("t", "N").temp("s");
  b.loop("i", "0", "N", "any", () => b.set("t[i]", [], () => num(0)));
  b.loop("j", "0", "N", "any", () => b.loop("k", "0", "N", "any", () => b.set("t[j]", ["A[j, k]", "B[k]"], times, "sum")));
  b.loop("l", "0", "N", "any", () => b.set("C[l]", ["t[l]"], id, "sum"));
  b.loop("m", "0", "N", "any", () => { b.set("s", [], () => num(0)); b.loop("q", "0", "N", "any", () => b.set("s", ["A[q, m]", "B[q]"], times, "sum")); b.set("A[0, m]", ["s"], id); }, ["s"]);
  const g = b.graph(), after = retargetSums(g);
  t.regex(graphText(after), /C\[j\] \+= /);
  // The second sum reads the element that it would go to.
  t.regex(graphText(after), /s\[\] \+= /);
  t.true(difference(run(g, { N: 5 }), run(after, { N: 5 })) < 1e-14);
});
test("a temporary that is read elsewhere stays", (t) => {
  const b = new Build("N").data("A", "N", "N").data("C", "N").data("D", "N").temp("t", "N");
  b.loop("i", "0", "N", "any", () => b.set("t[i]", [], () => num(0)));
  b.loop("j", "0", "N", "any", () => b.loop("k", "0", "N", "any", () => b.set("t[j]", ["A[j, k]"], id, "sum")));
  b.loop("l", "0", "N", "any", () => b.set("C[l]", ["t[l]"], id));
  b.loop("m", "0", "N", "any", () => b.set("D[m]", ["t[m]"], id));
  const g = b.graph();
  t.is(retargetSums(g), g);
});
test("a loop that touches other elements of what it sums into collects nothing under strict precision, so its sums keep their order whatever else it holds", (t) => {
  const b = new Build("N").data("A", "N", "N").data("D", "N + 1");
  b.loop("i", "0", "N", "up", () => b.loop("j", "0", "N", "up", () => { b.set("D[i]", ["A[i, j]"], id, "sum"); b.set("A[i, j]", ["D[i + 1]", "A[i, j]"], times); }));
  const g = b.graph(), strict = optimizeGraph(g, {}, true);
  t.regex(graphText(optimizeGraph(g, {})), /D_sum/);
  t.notRegex(graphText(strict), /D_sum/);
  t.true(difference(run(g, { N: 6 }), run(strict, { N: 6 })) < 1e-14);
});
test("random graphs: interchange", (t) => { fuzzPass(t, interchange, { count: 20, before: (g) => distribute(maps(g)) }); });
test("random graphs: the whole optimiser", (t) => { fuzzPass(t, (g) => optimizeGraph(g, {}), { count: 20, first: 4000, before: maps }); });
