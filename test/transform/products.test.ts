/** Matrix products go where their copies went, if nobody can tell. */
import test from "ava";
import { matmulNode } from "../../ts/library/matmul.js";
import type { Operand } from "../../ts/sdfg/nodes.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { ZERO } from "../../ts/symbolic/expr.js";
import { retargetProducts } from "../../ts/transform/products.js";
import { expanded } from "../support/check-gradient.js";
import { Build, difference, id, num, run, times } from "./build.js";

const N = parseExpr("N");
const all = (data: string, axes: readonly [number, number] = [0, 1]): Operand => ({ data, base: [ZERO, ZERO], axes, sizes: [N, N] });
const same = (g: Graph, after: Graph): boolean => [1, 2, 4].every((n) => difference(run(expanded(g), { N: n }), run(expanded(after), { N: n })) < 1e-13);
const text = (g: Graph): string => graphText(g);
const nest = (b: Build, i: string, j: string, f: () => void): void => { b.loop(i, "0", "N", "any", () => { b.loop(j, "0", "N", "any", f); }); };
const start = (): Build => new Build("N").data("A", "N", "N").data("B", "N", "N").data("S", "N", "N").data("R", "3", "N", "N").temp("T", "N", "N");

test("a product that is added is added at once, turned if its sum is", (t) => {
  for (const [target, want] of [["S[i, j]", /\+=> S\[0 \+: N, 0 \+: N\]/], ["S[j, i]", /\+=> S\[0 \+: N, 0 \+: N\]\.T/]] as const) {
    const b = start().push(matmulNode(all("A"), all("B"), all("T"), false));
    nest(b, "i", "j", () => b.set(target, ["T[i, j]"], id, "sum"));
    const g = b.graph(), after = retargetProducts(g);
    t.regex(text(after), want);
    t.notRegex(text(after), /T\[/);
    t.true(same(g, after));
    t.is(retargetProducts(g, { sums: false }), g);
  }
});
test("one that is kept is made where it is kept, and read there", (t) => {
  const b = start();
  b.loop("k", "0", "3", "up", () => {
    b.push(matmulNode(all("A"), all("B"), all("T"), false));
    nest(b, "i", "j", () => b.set("R[k, i, j]", ["T[i, j]"], id));
    nest(b, "l", "m", () => b.set("S[l, m]", ["T[l, m]"], (x) => times(num(2), x), "sum"));
    b.push(matmulNode(all("T"), all("S"), all("A"), true, 0.01));
  });
  const g = b.graph(), after = retargetProducts(g);
  t.regex(text(after), /=> R\[k, 0 \+: N, 0 \+: N\]/);
  t.regex(text(after), /S\[l, m\] \+= \(2 \* R\[k, l, m\]\)/);
  t.notRegex(text(after), /T\[/);
  t.true(same(g, after));
});
const refused: Record<string, (b: Build) => void> = {
  "reads the place": (b) => { b.push(matmulNode(all("S"), all("B"), all("T"), false)); nest(b, "i", "j", () => b.set("S[i, j]", ["T[i, j]"], id)); },
  "is copied after somebody looked at the place": (b) => { b.push(matmulNode(all("A"), all("B"), all("T"), false)); nest(b, "p", "q", () => b.set("R[0, p, q]", ["S[p, q]"], id)); nest(b, "i", "j", () => b.set("S[i, j]", ["T[i, j]"], id)); },
  "is read after the place changed": (b) => {
    b.push(matmulNode(all("A"), all("B"), all("T"), false));
    nest(b, "i", "j", () => b.set("S[i, j]", ["T[i, j]"], id));
    nest(b, "p", "q", () => b.set("S[p, q]", [], () => num(1)));
    nest(b, "l", "m", () => b.set("R[0, l, m]", ["T[l, m]"], id));
  },
  "is copied in part": (b) => { b.push(matmulNode(all("A"), all("B"), all("T"), false)); b.loop("i", "0", "N - 1", "any", () => { b.loop("j", "0", "N", "any", () => b.set("S[i, j]", ["T[i, j]"], id)); }); },
  "is added and read again": (b) => { b.push(matmulNode(all("A"), all("B"), all("T"), false)); nest(b, "i", "j", () => b.set("S[i, j]", ["T[i, j]"], id, "sum")); nest(b, "l", "m", () => b.set("R[1, l, m]", ["T[l, m]"], id)); },
};
for (const [what, build] of Object.entries(refused)) test(`not a product that ${what}`, (t) => {
  const b = start();
  build(b);
  const g = b.graph(), after = retargetProducts(g);
  t.regex(text(after), / => (T|R)\[/);
  t.notRegex(text(after), /=> S/);
  t.true(same(g, after));
});
