import test from "ava";
import { delinearize } from "../../ts/transform/delinearize.js";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";

const half = (x: Parameters<typeof times>[0]): Parameters<typeof times>[0] => times(num(0.5), x);
const same = (g: Graph, after: Graph, sizes: Readonly<Record<string, number>>): boolean => difference(run(g, sizes), run(after, sizes)) === 0;

test("rows and columns come back; the shape is exact or an entry check", (t) => {
  const b = new Build("N", "M", "L").data("A", "N*M").data("B", "L");
  b.loop("i", "0", "N", "up", () => b.loop("j", "0", "M", "up", () => b.set("A[i*M + j]", ["B[i*M + j]", "A[i*M + j]"], plus)));
  const g = b.graph("L - N*M"), after = delinearize(g, { speculate: true });
  t.regex(graphText(after), /A_nd\[i, j\] = \(B_nd\[i, j\] \+ A_nd\[i, j\]\)/);
  t.true(after.checks.some((c) => c.expr.key === "-1*mod(L, M)"));
  t.true(same(g, after, { N: 3, M: 4, L: 12 }));
  t.notRegex(graphText(delinearize(g, { speculate: false })), /B_nd/);
});
test("a factorisation's diagonal does not hide the rows", (t) => {
  const b = new Build("N").data("A", "N*N");
  b.loop("k", "0", "N", "up", () => b.loop("i", "k + 1", "N", "up", () => b.set("A[i*N + k]", ["A[i*N + k]", "A[k*N + k]"], times)));
  const g = b.graph(), after = delinearize(g, { speculate: true });
  t.regex(graphText(after), /A_nd\[i, k\] = \(A_nd\[i, k\] \* A_nd\[k, k\]\)/);
  t.true(same(g, after, { N: 4 }));
});
test("a padded width stays a width", (t) => {
  const b = new Build("N", "M").data("A", "(N + 2)*(M + 2)");
  b.loop("i", "1", "N + 1", "up", () => b.loop("j", "1", "M + 1", "up", () => b.set("A[i*(M + 2) + j]", ["A[i*(M + 2) + j - 1]", "A[i*(M + 2) + j + M + 2]"], plus)));
  const g = b.graph(), after = delinearize(g, { speculate: true });
  t.regex(graphText(after), /A_nd\[i, j\] = \(A_nd\[i, j \+ -1\] \+ A_nd\[i \+ 1, j\]\)/);
  t.true(same(g, after, { N: 3, M: 2 }));
});
test("what fills a flat array takes its new shape", (t) => {
  const b = new Build("N", "M").data("A", "N", "M").temp("x", "N*M");
  b.loop("f", "0", "N*M", "up", () => b.set("x[f]", [], () => num(2)));
  b.loop("i", "0", "N", "up", () => b.loop("j", "0", "M", "up", () => b.set("A[i, j]", ["x[i*M + j]"], half)));
  const g = b.graph(), after = delinearize(g, { speculate: true });
  t.regex(graphText(after), /x\[f, f2\] = 2/);
  t.true(same(g, after, { N: 3, M: 4 }));
});
test("an index that may leave its row, or that strides the array, keeps it flat", (t) => {
  const row = new Build("N", "M").data("A", "N*M + N");
  row.loop("i", "0", "N", "up", () => row.loop("j", "0", "M + 1", "up", () => row.set("A[i*M + j]", ["A[i*M + j]"], half)));
  const flat = new Build("N", "M").data("A", "N*M").data("B", "N*M");
  flat.loop("i", "0", "N", "up", () => flat.loop("j", "0", "M", "up", () => flat.set("A[i*M + j]", ["B[i*M + j]"], id)));
  flat.loop("k", "0", "N*M - 1", "up", () => flat.set("A[k]", ["B[k + 1]"], id));
  for (const b of [row, flat]) { const g = b.graph(); t.is(delinearize(g, { speculate: true }), g); }
});
