import test from "ava";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { recogniseReductions } from "../../ts/transform/reductions.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import type { Node } from "../../ts/sdfg/nodes.js";
import { op } from "../../ts/scalar/expr.js";
import { Build, difference, id, plus, run, times } from "./build.js";

/** Orders of all loops by variable. */
function orders(g: Graph): Record<string, string> {
  const out: Record<string, string> = {};
  const scan = (n: Node): void => { if (n.kind === "loop") { out[n.variable] = n.order; n.body.forEach(scan); } };
  g.body.forEach(scan);
  return out;
}
const mapped = (g: Graph): Record<string, string> => orders(loopToMap(recogniseReductions(g)));

test("independent iterations become a map", (t) => {
  t.deepEqual(mapped(new Build("N").data("A", "N").data("B", "N").loop("i", "0", "N", "up", () => undefined).graph()), { i: "any" });
  t.deepEqual(mapped(new Build("N", "M").data("A", "N", "M").data("B", "N", "M").loop("i", "1", "N - 1", "up", function (this: void) { /* body below */ }).graph()), { i: "any" });
});

test("a stencil out of place is a map, in place it is not", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.loop("i", "1", "N - 1", "up", () => b.set("B[i]", ["A[i - 1]", "A[i + 1]"], plus));
  b.loop("j", "1", "N - 1", "up", () => b.set("A[j]", ["A[j - 1]", "A[j + 1]"], plus));
  b.loop("k", "1", "N", "up", () => b.set("A[k]", ["A[k - 1]"], id));
  t.deepEqual(mapped(b.graph()), { i: "any", j: "up", k: "up" });
});

test("seidel: neither loop is a map", (t) => {
  const b = new Build("N").data("A", "N", "N");
  b.loop("i", "1", "N - 1", "up", () => b.loop("j", "1", "N - 1", "up", () => b.set("A[i, j]", ["A[i - 1, j]", "A[i, j - 1]", "A[i, j + 1]", "A[i + 1, j]"], plus)));
  t.deepEqual(mapped(b.graph()), { i: "up", j: "up" });
});

test("lu: rows and columns of one step are independent, steps are not", (t) => {
  const b = new Build("N").data("A", "N", "N");
  b.loop("k", "0", "N", "up", () => b.loop("i", "k + 1", "N", "up", () => {
    b.set("A[i, k]", ["A[i, k]", "A[k, k]"], (x, y) => op("div", "float64", x, y));
    b.loop("j", "k + 1", "N", "up", () => b.set("A[i, j]", ["A[i, j]", "A[i, k]", "A[k, j]"], (x, y, z) => op("sub", "float64", x, times(y, z))));
  }));
  t.deepEqual(mapped(b.graph()), { k: "up", i: "any", j: "any" });
});

test("a flat array is a map only where its strides prove it", (t) => {
  const b = new Build("N", "M").data("A", "N*M");
  b.loop("i", "0", "N", "up", () => b.loop("j", "0", "M", "up", () => b.set("A[i*M + j]", ["A[i*M + j]"], (x) => times(x, x))));
  b.loop("p", "0", "N", "up", () => b.loop("q", "0", "M + 1", "up", () => b.set("A[p*M + q]", ["A[p*M + q]"], (x) => times(x, x))));
  t.deepEqual(mapped(b.graph()), { i: "any", j: "any", p: "up", q: "any" });
});

test("a sum is a map, a scan is not, a private scalar does not hinder", (t) => {
  const b = new Build("N", "M").data("A", "N", "M").data("C", "N").data("r").temp("s");
  b.loop("i", "0", "N", "up", () => {
    b.set("s", [], () => ({ kind: "const", dtype: "float64", value: 0 }));
    b.loop("j", "0", "M", "up", () => b.set("s", ["s", "A[i, j]"], plus));
    b.set("C[i]", ["s"], id);
  });
  b.loop("k", "0", "N", "up", () => { b.set("r", ["r", "C[k]"], plus); b.set("C[k]", ["r"], id); });
  const g = b.graph(), m = loopToMap(recogniseReductions(g));
  t.deepEqual(orders(m), { i: "any", j: "any", k: "up" });
  t.true(difference(run(g, { N: 4, M: 5 }), run(m, { N: 4, M: 5 })) < 1e-14);
});

test("indirect writes, guards by loaded indices and scalars that live on are not maps", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").data("last");
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [b.graph().container("A").shape[0]!], transient: false });
  b.parameters.push("idx");
  b.loop("i", "0", "N", "up", () => b.set("A[idx[i]]", ["B[i]"], id));
  b.loop("j", "0", "N", "up", () => b.set("last", ["B[j]"], id));
  b.loop("k", "0", "N", "up", () => b.set("A[idx[k]]", ["B[k]"], id, "sum"));
  b.loop("l", "0", "N", "up", () => b.set("B[l]", ["A[idx[l]]"], id));
  t.deepEqual(mapped(b.graph()), { i: "up", j: "up", k: "any", l: "any" });
});

test("a read of its own element by another name is no reduction", (t) => {
  const b = new Build("N").data("A", "N");
  b.loop("i", "0", "N", "up", () => b.set("A[i]", ["A[i]", "A[0]"], plus));
  t.deepEqual(mapped(b.graph()), { i: "up" });
  const c = new Build("N").data("A", "N").data("s");
  c.loop("i", "0", "N", "up", () => c.set("s", ["s", "A[i]"], (s, a) => times(plus(s, a), s)));
  t.deepEqual(mapped(c.graph()), { i: "up" });
});
