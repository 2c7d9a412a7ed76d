/** Buffers that only arms of a conditional use, each starting afresh, are one per arm. */
import test from "ava";
import { input } from "../../ts/scalar/expr.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { resultsInPlace } from "../../ts/transform/results.js";
import { separateArms } from "../../ts/transform/separate-arms.js";
import { Build, difference, id, memlet, num, run, times } from "./build.js";

function arms(second: (b: Build) => void, after?: (b: Build) => void): Graph {
  const b = new Build("N").data("A", "N").data("B", "N").data("on", "3").temp("T", "N");
  const fill = (k: number): void => { b.loop(`i${k}`, "0", "N", "any", () => b.set(`T[i${k}]`, [`B[i${k}]`], (x) => times(num(k), x))); b.loop(`j${k}`, "0", "N", "any", () => b.set(`A[j${k}]`, [`T[j${k}]`, `T[N - 1 - j${k}]`], (x, y) => times(x, y), "sum")); };
  const first = b.apart(() => { fill(2); }), other = b.apart(() => { second(b); });
  b.loop("s", "0", "3", "up", () => { b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [memlet("on[s]")], code: input(0, "float64") }, body: first }, { body: other }] }); });
  after?.(b);
  return b.graph();
}
const fresh = (b: Build): void => { b.loop("i3", "0", "N", "any", () => b.set("T[i3]", ["A[i3]"], id)); b.loop("j3", "0", "N", "any", () => b.set("A[j3]", ["T[N - 1 - j3]"], id)); };
const same = (g: Graph, after: Graph): boolean => [0, 1, 4].every((N) => difference(run(g, { N }, { on: [1, 0, 1] }), run(after, { N }, { on: [1, 0, 1] })) === 0);

test("one buffer per arm", (t) => {
  const g = arms(fresh), after = separateArms(g);
  t.true(after.containers.has("T_2"));
  t.regex(graphText(after), /T\[i2\] = [\s\S]*T_2\[i3\] = A\[i3\]/);
  t.true(same(g, after));
});
test("not where an arm reads what another left, or somebody else does", (t) => {
  const carried = arms((b) => { b.loop("j3", "0", "N", "any", () => b.set("A[j3]", ["T[j3]"], id)); b.loop("i3", "0", "N", "any", () => b.set("T[i3]", ["A[i3]"], id)); });
  const later = arms(fresh, (b) => { b.loop("r", "0", "N", "any", () => b.set("B[r]", ["T[r]"], id)); });
  for (const g of [carried, later]) t.is(separateArms(g), g);
});

test("a transient that becomes a result is the result; not if it changes afterwards, and not an argument", (t) => {
  const build = (more?: (b: Build) => void): Build => {
    const b = new Build("N").data("A", "N").data("C", "N").temp("T", "N").temp("R", "N");
    b.containers.set("R", { ...b.containers.get("R")!, transient: false });
    b.loop("k", "0", "3", "up", () => { b.loop("i", "0", "N", "any", () => b.set("T[i]", ["A[i]"], (x) => times(num(2), x))); });
    b.loop("j", "0", "N", "any", () => b.set("R[j]", ["T[j]"], id));
    more?.(b);
    b.loop("l", "0", "N", "any", () => b.set("C[l]", ["T[l]"], id));
    return b;
  };
  const after = resultsInPlace(build().graph(), { "out:R": "R" });
  t.regex(graphText(after), /R\[i\] = \(2 \* A\[i\]\)[\s\S]*C\[l\] = R\[l\]/);
  t.notRegex(graphText(after), /T\[/);
  t.true([1, 3].every((N) => difference(run(build().graph(), { N }), run(after, { N })) === 0));
  const changed = build((b) => { b.loop("m", "0", "N", "any", () => b.set("T[m]", [], () => num(1))); }).graph();
  t.is(resultsInPlace(changed, { "out:R": "R" }), changed);
});
