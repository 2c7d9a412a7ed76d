/** Batches of products: what is taken into a product, what becomes one kernel, what stays loops; and that it means the same. */
import test, { type ExecutionContext } from "ava";
import { visitNodes } from "../../../ts/analysis/walk.js";
import { matmulNode } from "../../../ts/library/matmul.js";
import { widenProducts } from "../../../ts/schedule/gpu/products.js";
import { scheduleGpu } from "../../../ts/schedule/gpu/schedule.js";
import type { Node, Operand } from "../../../ts/sdfg/nodes.js";
import type { Graph } from "../../../ts/sdfg/sdfg.js";
import { graphText } from "../../../ts/sdfg/text.js";
import { parseExpr } from "../../../ts/symbolic/parse.js";
import { Build, difference, id, run } from "../../transform/build.js";

const part = (data: string, base: string, axes: readonly number[], ...sizes: string[]): Operand => ({ data, base: base.split(",").map(parseExpr), axes, sizes: sizes.map(parseExpr) });
const texts = (g: Graph): string[] => graphText(g).split("\n").flatMap((x) => /matmul.*|map \[.*|for \[.*/.exec(x) ?? []);
/** The forms of a placed graph: kernels with their axes, loops of calls, and conditions around them. */
const forms = (g: Graph): string[] => {
  const out: string[] = [];
  const visit = (list: readonly Node[]): void => { for (const n of list) {
    if (n.kind === "conditional") { out.push("choose"); n.branches.forEach((b) => { visit(b.body); }); }
    if (n.kind === "library") out.push("call");
    if (n.kind !== "loop") continue;
    if (!n.schedule?.gpu?.kernel) { out.push(`for ${n.variable}`); visit(n.body); continue; }
    const axes: string[] = [];
    visitNodes([n], (l) => { const a = l.kind === "loop" ? l.schedule?.gpu?.axis : undefined; if (l.kind === "loop" && a && n.schedule?.gpu?.kernel === "product") axes.push(` ${l.variable}:${a.by}${a.together ? ` ×${a.together}` : ""}`); });
    out.push(n.schedule.gpu.kernel + axes.join(""));
  } };
  visit(g.body);
  return out;
};
function same(t: ExecutionContext, g: Graph, sizes: Readonly<Record<string, number>>): void {
  for (const precision of ["default", "strict"] as const) for (const blocks of [false, true]) t.true(difference(run(g, sizes), run(scheduleGpu(g, { precision, blocks }).graph, sizes)) < 1e-12, `${precision} ${blocks}`);
}

test("loops over rows, columns and terms become part of the product", (t) => {
  const b = new Build("n", "m").data("A", "n", "m").data("B", "m", "m").data("C", "n", "m").data("D", "m", "n").data("E", "m", "m");
  b.loop("i", "1", "n", "any", () => { b.push(matmulNode(part("A", "i + -1,0", [0, 1], "1", "m"), part("B", "0,0", [0, 1], "m", "m"), part("C", "i,0", [0, 1], "1", "m"), false)); });
  b.loop("j", "0", "n", "any", () => { b.push(matmulNode(part("B", "0,0", [0, 1], "m", "m"), part("A", "j,0", [1, 0], "m", "1"), part("D", "0,j", [0, 1], "m", "1"), true)); });
  b.loop("k", "0", "n", "any", () => { b.push(matmulNode(part("A", "k,0", [1, 0], "m", "1"), part("C", "k,0", [0, 1], "1", "m"), part("E", "0,0", [0, 1], "m", "m"), true)); });
  const g = b.graph("n + -1", "m + -1");
  t.deepEqual(texts(widenProducts(g)), [
    "matmul(A[0 +: n + -1, 0 +: m], B[0 +: m, 0 +: m]) => C[1 +: n + -1, 0 +: m]", "matmul(B[0 +: m, 0 +: m], A[0 +: n, 0 +: m].T) +=> D[0 +: m, 0 +: n]", "matmul(A[0 +: n, 0 +: m].T, C[0 +: n, 0 +: m]) +=> E[0 +: m, 0 +: m]",
  ]);
  same(t, g, { n: 4, m: 3 });
});

test("not where the loop jumps, goes along a diagonal, or where the other operand follows it", (t) => {
  const b = new Build("n").data("A", "2*n", "n").data("B", "n", "n", "n").data("C", "2*n", "n").data("F", "n", "n", "n");
  b.loop("i", "0", "n", "any", () => { b.push(matmulNode(part("A", "2*i,0", [0, 1], "1", "n"), part("B", "0,0,0", [1, 2], "n", "n"), part("C", "i,0", [0, 1], "1", "n"), false)); });
  b.loop("j", "0", "n", "any", () => { b.push(matmulNode(part("A", "j,0", [0, 1], "1", "n"), part("B", "j,0,0", [1, 2], "n", "n"), part("C", "j,0", [0, 1], "1", "n"), false)); });
  b.loop("k", "0", "n", "any", () => { b.push(matmulNode(part("F", "k,k,0", [1, 2], "1", "n"), part("B", "0,0,0", [1, 2], "n", "n"), part("C", "k,0", [0, 1], "1", "n"), false)); });
  const g = b.graph("n + -1");
  t.is(widenProducts(g), g);
  same(t, g, { n: 3 });
});

test("a batch: calls one by one, one kernel, or loops, by the size of each product; sums over the batch are the kernel's own", (t) => {
  const b = new Build("p", "q", "n").data("A", "p", "q", "n", "n").data("B", "n", "n").data("C", "p", "q", "n", "n").data("D", "n", "n");
  const square = (data: string, i: string, j: string): Operand => part(data, `${i},${j},0,0`, [2, 3], "n", "n");
  b.loop("i", "0", "p", "any", () => { b.loop("j", "0", "q", "any", () => { b.push(matmulNode(square("A", "i", "j"), part("B", "0,0", [0, 1], "n", "n"), square("C", "i", "j"), false)); }); });
  b.loop("k", "0", "p", "any", () => { b.loop("l", "0", "q", "any", () => { b.push(matmulNode(square("A", "k", "l"), square("C", "k", "l"), part("D", "0,0", [0, 1], "n", "n"), true)); }); });
  const g = b.graph("n + -1");
  t.deepEqual(forms(scheduleGpu(g, { blocks: false }).graph).filter((x) => x !== "grid" && x !== "rows"), [
    "choose", "for i", "for j", "call", "product i:block ×2", "choose", "for k", "for l", "call", "product k:all l:all", "choose",
  ]);
  same(t, g, { p: 2, q: 3, n: 3 });
  same(t, g, { p: 2, q: 1, n: 16 });
});

test("sizes that are known choose; products of different sizes in a batch are loops", (t) => {
  const make = (size: string, last = size): Graph => {
    const b = new Build("p").data("A", "p", "100", "100").data("C", "p", "100", "100");
    b.loop("i", "0", "p", "any", () => { b.push(matmulNode(part("A", "i,0,0", [1, 2], size, size), part("A", "i,0,0", [1, 2], size, last), part("C", "i,0,0", [1, 2], size, last), false)); });
    return b.graph("p + -1", "99 + -1*p");
  };
  t.deepEqual(forms(scheduleGpu(make("64")).graph), ["product i:block"]);
  t.true(!forms(scheduleGpu(make("8")).graph).some((x) => /product|call/.test(x)));
  t.true(!forms(scheduleGpu(make("100", "i + 1")).graph).some((x) => /product|call/.test(x)));
  same(t, make("5", "i + 1"), { p: 3 });
});

test("in a small loop products are loops of its block", (t) => {
  const b = new Build("p", "T").data("A", "p", "20", "20").data("C", "p", "20", "20");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "p", "any", () => { b.push(matmulNode(part("A", "i,0,0", [1, 2], "20", "20"), part("A", "i,0,0", [1, 2], "20", "20"), part("C", "i,0,0", [1, 2], "20", "20"), false)); });
    b.loop("j", "0", "p", "any", () => { b.loop("k", "0", "20", "any", () => { b.set("A[j, k, 0]", ["C[j, k, 1]"], id); }); });
  });
  const g = b.graph(), found = forms(scheduleGpu(g).graph);
  t.deepEqual(found.slice(0, 3), ["choose", "for strip_0", "block"]);
  t.true(found.includes("product i:block"));
  same(t, g, { p: 2, T: 2 });
});
