/** What the gradients of stencils, factorisations and scans need: gathers, recurrences apart from the rest, accumulators, shared loads, sunk clears. */
import test from "ava";
import { accumulate } from "../../ts/transform/accumulate.js";
import { scatterToGather } from "../../ts/transform/scatter-to-gather.js";
import { shareLoads } from "../../ts/transform/share.js";
import { sinkConstants } from "../../ts/transform/sink.js";
import { splitRecurrences } from "../../ts/transform/recurrences.js";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { op, type ScalarExpr } from "../../ts/scalar/expr.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";

const same = (g: Graph, after: Graph, sizes: readonly number[], tolerance = 1e-13): boolean => sizes.every((N) => difference(run(g, { N }), run(after, { N })) <= tolerance);
const third = (x: Parameters<typeof times>[0]): Parameters<typeof times>[0] => times(num(1 / 3), x);

test("the adjoint of a stencil becomes one gather over the whole range", (t) => {
  const b = new Build("N").data("G", "N", "N").data("H", "N", "N");
  b.loop("i", "1", "N - 1", "any", () => b.loop("j", "1", "N - 1", "any", () => {
    for (const at of ["i - 1, j", "i + 1, j", "i, j - 1", "i, j + 1", "i, j"]) b.set(`H[${at}]`, ["G[i, j]"], third, "sum");
  }));
  const g = b.graph(), after = scatterToGather(g);
  t.is(graphText(after).split("\n").filter((l) => l.includes("+=")).length, 1);
  t.true(same(g, after, [2, 3, 4, 5, 8]));
});
test("scatters whose value does not vanish outside keep a select", (t) => {
  const b = new Build("N").data("G", "N").data("H", "N");
  b.loop("i", "1", "N - 1", "any", () => { for (const at of ["i - 1", "i + 1"]) b.set(`H[${at}]`, ["G[i]"], (x) => op("sub", "float64", num(1), x), "sum"); });
  const g = b.graph(), after = scatterToGather(g);
  t.regex(graphText(after), /select/);
  t.true(same(g, after, [2, 3, 4, 7]));
});
test("what scatters have in common is evaluated once where it is expensive, but not into an array that the iterations of a map would share", (t) => {
  const cosine = (x: ScalarExpr): ScalarExpr => op("cos", "float64", x);
  const scatters = (b: Build, row: string): void => {
    b.loop("i", "1", "N - 1", "any", () => {
      b.set(`H[${row}i - 1]`, [`G[${row}i]`, `G[${row}i - 1]`], (x, y) => times(cosine(x), y), "sum");
      b.set(`H[${row}i + 1]`, [`G[${row}i]`], (x) => times(num(3), cosine(x)), "sum");
    });
  };
  const b = new Build("N", "T").data("G", "N").data("H", "N");
  b.loop("t", "0", "T", "up", () => { scatters(b, ""); b.set("G[0]", ["G[0]"], third); });
  const g = b.graph(), after = scatterToGather(g), text = graphText(after);
  t.is(text.match(/cos\(/g)?.length, 1);
  t.regex(text, /H\[i2\] \+= .*term.*term/);
  for (const N of [2, 3, 4, 7]) t.true(difference(run(g, { N, T: 3 }), run(after, { N, T: 3 })) <= 1e-13);
  const m = new Build("N").data("G", "N", "N").data("H", "N", "N").data("S", "N");
  m.loop("k", "0", "N", "any", () => { m.set("S[k]", ["S[k]"], third); scatters(m, "k, "); });
  const rows = m.graph(), gathered = scatterToGather(rows);
  t.is(graphText(gathered).match(/cos\(/g)?.length, 2);
  t.true(same(rows, gathered, [2, 3, 5]));
  const triangle = new Build("N").data("G", "N").data("H", "N");
  triangle.loop("t", "0", "N", "up", () => triangle.loop("i", "1", "t", "any", () => { for (const at of ["i - 1", "i + 1"]) triangle.set(`H[${at}]`, ["G[i]"], cosine, "sum"); }));
  t.notRegex(graphText(scatterToGather(triangle.graph())), /term/);
});
test("no gather where the target is read, where only one element is written, or where an index moves twice as fast", (t) => {
  const read = new Build("N").data("G", "N").data("H", "N");
  read.loop("i", "1", "N - 1", "up", () => { read.set("H[i - 1]", ["H[i]"], third, "sum"); read.set("H[i + 1]", ["H[i]"], third, "sum"); });
  const fast = new Build("N").data("G", "N").data("H", "2*N + 2");
  fast.loop("i", "0", "N", "any", () => { fast.set("H[2*i]", ["G[i]"], third, "sum"); fast.set("H[2*i + 1]", ["G[i]"], third, "sum"); });
  const single = new Build("N").data("G", "N").data("H", "N");
  single.loop("i", "0", "N", "any", () => { single.set("H[i]", ["G[i]"], third, "sum"); });
  for (const b of [read, fast, single]) { const g = b.graph(); t.is(scatterToGather(g), g); }
});

/** Gauss-Seidel backwards: one chain along j, everything else is free of it. */
function seidel(): Graph {
  const b = new Build("N").data("G", "N", "N");
  b.loop("i", "1", "N - 1", "down", () => b.loop("j", "1", "N - 1", "down", () => {
    for (const at of ["i + 1, j", "i, j + 1", "i, j - 1", "i - 1, j"]) b.set(`G[${at}]`, ["G[i, j]"], third, "sum");
    b.set("G[i, j]", ["G[i, j]"], third);
  }));
  return b.graph();
}
test("only the recurrence stays sequential", (t) => {
  const g = seidel(), after = splitRecurrences(g), text = graphText(after);
  t.is(text.match(/for down \[j/g)?.length, 1);
  t.regex(text, /map \[j/);
  t.true(same(g, after, [2, 3, 4, 6]));
});
test("a loop that is all recurrence stays whole, and so does one under a map", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.loop("i", "1", "N", "up", () => { b.set("A[i]", ["B[i - 1]"], third); b.set("B[i]", ["A[i]"], third); });
  const whole = b.graph();
  t.is(splitRecurrences(whole), whole);
  const c = new Build("N").data("A", "N", "N").data("B", "N", "N");
  c.loop("k", "0", "N", "any", () => c.loop("i", "1", "N", "up", () => { c.set("A[k, i]", ["A[k, i - 1]"], third); c.set("B[k, i]", ["A[k, i]"], third); }));
  const under = c.graph();
  t.is(splitRecurrences(under), under);
});
test("reads from the iteration before keep their order", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("C", "N");
  b.loop("i", "1", "N", "up", () => { b.set("C[i]", ["B[i - 1]"], third); b.set("B[i]", ["A[i]"], third); b.set("A[i]", ["A[i - 1]", "C[i]"], plus); });
  const g = b.graph();
  t.true(same(g, splitRecurrences(g), [1, 2, 5]));
});
test("a sum into a row's own element gets an accumulator; one that may be another access's element does not", (t) => {
  const make = (row: string): Graph => {
    const b = new Build("N").data("A", "N", "N").data("B", "N");
    b.loop("i", "1", "N", "up", () => b.loop("j", "1", "N", "any", () => { b.set("A[0, j]", ["A[i, j]", "B[i]"], times, "sum"); b.set(row, ["A[i, j]", "B[j]"], times, "sum"); }));
    return b.graph();
  };
  const g = make("A[i, 0]"), after = accumulate(g);
  t.regex(graphText(after), /locals A_sum/);
  t.true(same(g, after, [1, 2, 5]));
  const h = make("A[i, 1]");
  t.is(accumulate(h), h);
});
test("an element read twice is loaded once, unless a write between may touch it", (t) => {
  const make = (between: string): Graph => {
    const b = new Build("N").data("A", "N", "N");
    b.loop("i", "1", "N", "up", () => b.loop("j", "1", "N", "up", () => { b.set(between, ["A[i, j]"], third, "sum"); b.set("A[i - 1, 0]", ["A[i, j]"], third, "sum"); }));
    return b.graph();
  };
  const g = make("A[i - 1, j]"), after = shareLoads(g);
  t.regex(graphText(after), /A_here/);
  t.true(same(g, after, [1, 2, 5]));
  const h = make("A[i, i]");
  t.is(shareLoads(h), h);
});
test("clears sink below what does not touch them", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("C", "N");
  b.loop("i", "0", "N", "any", () => b.set("A[i]", [], () => num(0)));
  b.loop("j", "0", "N", "any", () => b.set("B[j]", ["C[j]"], id));
  b.loop("k", "0", "N", "any", () => b.set("C[k]", ["A[k]"], id));
  const g = b.graph(), after = sinkConstants(g);
  t.regex(graphText(after), /B\[j\][^]*A\[i\] = 0[^]*C\[k\]/);
  t.true(same(g, after, [3], 0));
});

test("no accumulator at an element that is there only where the loop runs", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.loop("i", "0", "N", "up", () => b.loop("j", "i + 2", "N", "up", () => { b.set("A[i + 1]", ["A[j]", "B[i]"], times, "sum"); }));
  const g = b.graph();
  t.true(same(g, accumulate(g), [1, 2, 3, 5]));
  const inside = new Build("N").data("A", "N + 1").data("B", "N");
  inside.loop("i", "0", "N", "up", () => inside.loop("j", "i + 2", "N", "up", () => { inside.set("A[i + 1]", ["A[j]", "B[i]"], times, "sum"); }));
  const h = inside.graph(), after = accumulate(h);
  t.regex(graphText(after), /A_sum/);
  t.true(same(h, after, [1, 2, 3, 5]));
});
