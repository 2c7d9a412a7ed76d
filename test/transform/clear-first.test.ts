/** What every iteration leaves cleared is cleared at its start; everything that looks like it and is not stays. */
import test from "ava";
import { graphText } from "../../ts/sdfg/text.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { clearFirst } from "../../ts/transform/clear-first.js";
import { forwardDefinitions } from "../../ts/transform/forward.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";

const sizes = [0, 1, 2, 5];
const same = (g: Graph, after: Graph): boolean => sizes.every((N) => difference(run(g, { N }), run(after, { N })) === 0);
const twice = (x: Parameters<typeof times>[0]): Parameters<typeof times>[0] => times(num(2), x);
const clear = (b: Build, name: string, variable: string, end = "N"): void => { b.loop(variable, "0", end, "any", () => b.set(`${name}[${variable}]`, [], () => num(0))); };

/** `T = 0; for t: T += 2 B; A += T; T = 0`, as a backward sweep leaves it. */
function cleared(change: { readonly before?: (b: Build) => void; readonly after?: (b: Build) => void; readonly end?: string; readonly first?: boolean } = {}): Graph {
  const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N");
  change.before?.(b);
  if (change.first !== false) clear(b, "T", "c");
  b.loop("t", "0", "3", "down", () => {
    b.loop("i", "0", "N", "any", () => b.set("T[i]", ["B[i]"], twice, "sum"));
    b.loop("j", "0", "N", "any", () => b.set("A[j]", ["T[j]"], id, "sum"));
    clear(b, "T", "k", change.end ?? "N");
  });
  change.after?.(b);
  return b.graph();
}

test("clearing moves to the start of the iteration, and melts into the first sum", (t) => {
  const g = cleared(), after = clearFirst(g);
  t.regex(graphText(after), /for down \[t in 0:3\]\s+\d+: map \[k in 0:N\]\s+\d+: T\[k\] = 0/);
  t.is((/T\[\w\] = 0/g.exec(graphText(after)) ?? []).length, 1);
  t.true(same(g, after));
  const forwarded = forwardDefinitions(after);
  t.notRegex(graphText(forwarded), /T\[/);
  t.true(same(g, forwarded));
});
test("in an arm of a conditional in a loop around, too, if it was cleared before", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N");
  clear(b, "T", "c");
  b.loop("u", "0", "2", "up", () => {
    b.loop("t", "0", "3", "up", () => {
      b.loop("i", "0", "N", "any", () => b.set("T[i]", ["B[i]", "A[i]"], plus, "sum"));
      b.loop("j", "0", "N", "any", () => b.set("A[j]", ["T[j]"], id, "sum"));
      clear(b, "T", "k");
    });
    b.loop("v", "0", "2", "up", () => {
      b.loop("l", "0", "N", "any", () => b.set("T[l]", ["A[l]"], twice, "sum"));
      b.loop("m", "0", "N", "any", () => b.set("B[m]", ["T[m]"], id, "sum"));
      clear(b, "T", "n");
    });
  });
  const g = b.graph(), after = clearFirst(g);
  t.notRegex(graphText(after), /^ {2}\d+: map \[c/m);
  t.true(same(g, after));
});
for (const [what, g] of [
  ["clears only a part", cleared({ end: "N - 1" })],
  ["was not cleared before", cleared({ first: false })],
  ["is read after the loop", cleared({ after: (b) => { b.loop("r", "0", "N", "any", () => b.set("A[r]", ["T[r]"], id, "sum")); } })],
  ["has something in it before the loop", cleared({ after: (b) => { b.loop("w", "0", "N", "any", () => b.set("T[w]", ["B[w]"], id)); b.loop("s", "0", "2", "up", () => { b.loop("r", "0", "N", "any", () => b.set("A[r]", ["T[r]"], id, "sum")); clear(b, "T", "q"); }); } })],
] as const) test(`not what ${what}`, (t) => { t.is(clearFirst(g), g); });
