/** Periodic shifts: what is written slice by slice, the twins and the borders that reversing it leaves behind. */
import test from "ava";
import { gradcheck, jit, ndarray, python } from "../../ts/index.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { firstSums } from "../../ts/transform/first-sums.js";
import { gatherBorders } from "../../ts/transform/gather-borders.js";
import { forwardPieces } from "../../ts/transform/pieces.js";
import { mergeTwins } from "../../ts/transform/twins.js";
import { splitInteriors } from "../../ts/schedule/interior.js";
import { PERIODIC, PERIODIC_SOURCE, values } from "../programs/periodic.js";
import { Build, difference, id, num, plus, run, times } from "./build.js";

test("what is cleared and summed into once is stored, whatever stands beside it", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N");
  b.loop("c", "0", "N", "any", () => b.set("T[c]", [], () => num(0)));
  b.loop("i", "0", "N", "any", () => { b.set("T[i]", ["B[i]"], (x) => times(num(2), x), "sum"); b.set("B[i]", [], () => num(1)); });
  b.loop("j", "0", "N", "any", () => b.set("A[j]", ["T[j]"], id));
  const g = b.graph(), after = firstSums(g);
  t.notRegex(graphText(after), /T\[\w\] = 0|T\[\w\] \+=/);
  for (const N of [0, 1, 4]) t.is(difference(run(g, { N }), run(after, { N })), 0);
});
for (const [what, build] of [
  ["more is cleared than is summed into", (b: Build) => { b.loop("c", "0", "N", "any", () => b.set("T[c]", [], () => num(0))); b.loop("i", "1", "N", "any", () => b.set("T[i]", ["B[i]"], id, "sum")); }],
  ["more is summed into than is cleared", (b: Build) => { b.loop("d", "0", "N", "any", () => b.set("T[d]", ["B[d]"], id)); b.loop("c", "1", "N", "any", () => b.set("T[c]", [], () => num(0))); b.loop("i", "0", "N", "any", () => b.set("T[i]", ["B[i]"], id, "sum")); }],
  ["it is summed into twice", (b: Build) => { b.loop("c", "0", "N", "any", () => b.set("T[c]", [], () => num(0))); b.loop("u", "0", "2", "up", () => b.loop("i", "0", "N", "any", () => b.set("T[i]", ["B[i]"], id, "sum"))); }],
] as const) test(`no store where ${what}`, (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N");
  build(b);
  b.loop("j", "0", "N", "any", () => b.set("A[j]", ["T[j]"], id));
  const g = b.graph(), after = firstSums(g);
  t.is(graphText(after), graphText(g));
});

test("twins become one; what is written between them, or elsewhere too, is none", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N").temp("S", "N").temp("R", "N").temp("Q", "N");
  b.loop("i", "0", "N", "any", () => {
    b.set("T[i]", ["B[i]"], (x) => times(num(2), x));
    b.set("S[i]", ["B[i]"], (x) => times(num(2), x));
    b.set("B[i]", ["B[i]"], (x) => plus(x, num(1)));
    b.set("R[i]", ["B[i]"], (x) => times(num(2), x));
    b.set("Q[i]", ["B[i]"], (x) => times(num(2), x));
  });
  b.loop("k", "0", "N", "any", () => b.set("Q[k]", ["A[k]"], id));
  b.loop("j", "0", "N", "any", () => b.set("A[j]", ["T[j]", "S[N-1-j]", "R[j]", "Q[j]"], plus));
  const g = b.graph(), after = mergeTwins(g), text = graphText(after);
  t.notRegex(text, /S\[/);
  t.regex(text, /R\[i\] = /);
  t.regex(text, /Q\[i\] = /);
  for (const N of [0, 1, 5]) t.is(difference(run(g, { N }), run(after, { N })), 0);
});

test("an inside and its borders are gathered in one nest, whose interior has neither conditions nor border terms", (t) => {
  const b = new Build("N", "M").data("A", "N", "M").data("Q", "N", "M");
  b.loop("i", "0", "N-1", "any", () => b.loop("j", "0", "M", "any", () => b.set("A[i+1,j]", ["Q[i,j]"], id, "sum")));
  b.loop("k", "0", "M", "any", () => b.set("A[0,k]", ["Q[N-1,k]"], id, "sum"));
  b.loop("l", "0", "N", "any", () => b.set("A[l,M-1]", ["Q[l,0]"], (x) => times(num(3), x), "sum"));
  const g = b.graph("N - 1", "M - 1"), after = gatherBorders(g);
  t.is((graphText(after).match(/\+= /g) ?? []).length, 1);
  for (const [N, M] of [[1, 1], [2, 1], [1, 3], [5, 4]] as const) t.true(difference(run(g, { N, M }), run(after, { N, M })) < 1e-14);
  const split = splitInteriors(after), rows = split.body[0]!;
  const middle = rows.kind === "loop" ? rows.schedule?.interior?.body[0] : undefined, leaf = middle?.kind === "loop" ? middle.schedule?.interior?.body[0] : undefined;
  t.true(leaf?.kind === "tasklet" && leaf.inputs.length === 1 && !leaf.inputs[0]!.guard);
});
test("nests over other containers, and sums that something looks at in between, stay apart", (t) => {
  const b = new Build("N").data("A", "N").data("Q", "N").data("P", "N");
  b.loop("i", "0", "N-1", "any", () => b.set("A[i+1]", ["Q[i]"], id, "sum"));
  b.set("A[0]", ["P[N-1]"], id, "sum");
  b.set("P[0]", ["A[0]"], id);
  b.set("A[0]", ["Q[N-1]"], id, "sum");
  const g = b.graph("N - 1"), after = gatherBorders(g);
  t.is(graphText(after), graphText(g));
});

for (const name of PERIODIC) test(`gradients of periodic stencils: ${name}`, (t) => {
  const f = python({ source: PERIODIC_SOURCE }, { function: name });
  for (const [n, m] of [[2, 2], [3, 4], [5, 3], [6, 6]] as const) {
    const args = (): readonly unknown[] => [ndarray(values(n * m, 1), [n, m]), ndarray(values(n * m, 2), [n, m]), ndarray(values(n * m, 3), [n, m]), 4];
    const check = gradcheck(f, args() as never, { wrt: ["u", "v", "W"], device: "js" } as never);
    t.true(check.ok, JSON.stringify(check.worst));
  }
});
test("a field of one row or column is its own neighbour", (t) => {
  const f = python({ source: PERIODIC_SOURCE }, { function: "rebound" });
  for (const [n, m] of [[1, 1], [1, 4], [3, 1]] as const) {
    const check = gradcheck(f, [ndarray(values(n * m, 1), [n, m]), ndarray(values(n * m, 2), [n, m]), ndarray(values(n * m, 3), [n, m]), 3] as never, { wrt: ["u", "v"], device: "js" } as never);
    t.true(check.ok, JSON.stringify(check.worst));
  }
});
test("what is put together from slices is read where the slices came from, in a copy where that is overwritten", (t) => {
  const build = (inPlace: boolean): Graph => {
    const b = new Build("N", "S").data("A", "N").data("B", "N").temp("T", "N").temp("R", "N");
    b.loop("t", "0", "S", "up", () => {
      b.loop("i", "0", "N-1", "any", () => b.set("T[i+1]", ["B[i]"], id));
      b.set("T[0]", ["B[N-1]"], id);
      b.loop("k", "0", "N-1", "any", () => b.set("R[k]", ["B[k+1]"], id));
      b.set("R[N-1]", ["B[0]"], id);
      b.loop("j", "0", "N", "any", () => b.set(inPlace ? "B[j]" : "A[j]", ["T[j]", "R[j]", "B[j]"], (x, y, z) => times(num(0.3), plus(x, times(num(2), y), z))));
    });
    return b.graph("N - 1");
  };
  for (const inPlace of [true, false]) {
    const g = build(inPlace), after = forwardPieces(g), text = graphText(after);
    t.notRegex(text, /[TR]\[/);
    t.is(/kept\[/.test(text), inPlace);
    for (const N of [1, 2, 5]) t.is(difference(run(g, { N, S: 3 }), run(after, { N, S: 3 })), 0);
  }
});
test("slices that overlap, miss an element, or are read elsewhere too stay arrays", (t) => {
  for (const [from, to, outside] of [["0", "N-1", false], ["0", "N-2", false], ["0", "N-1", true]] as const) {
    const b = new Build("N").data("A", "N").data("B", "N").temp("T", "N");
    if (outside) b.loop("o", "0", "2", "up", () => { b.loop("i", from, to, "any", () => b.set("T[i+1]", ["B[i]"], id)); b.set("T[0]", ["B[N-1]"], id); });
    else { b.loop("i", from, to, "any", () => b.set("T[i+1]", ["B[i]"], id)); b.set(from === "0" && to === "N-1" ? "T[N-1]" : "T[0]", ["B[N-1]"], id); }
    b.loop("j", "1", "N-1", "any", () => b.set("A[j]", ["T[j]"], id));
    const g = b.graph("N - 3");
    t.is(graphText(forwardPieces(g)), graphText(g));
  }
});
test("values of periodic stencils", (t) => {
  const n = 4, m = 3, steps = 5, roll = (a: Float64Array, d: number, axis: 0 | 1): Float64Array => a.map((_, k) => { const i = Math.floor(k / m), j = k % m; return axis === 0 ? a[(((i - d) % n + n) % n) * m + j]! : a[i * m + ((j - d) % m + m) % m]!; });
  let u = values(n * m, 1), v = values(n * m, 2);
  const W = values(n * m, 3), lap = (f: Float64Array): Float64Array => { const r = [roll(f, 1, 0), roll(f, -1, 0), roll(f, 1, 1), roll(f, -1, 1)]; return f.map((x, k) => r[0]![k]! + r[1]![k]! + r[2]![k]! + r[3]![k]! - 4 * x); };
  const want = (): number => { for (let t = 0; t < steps; t++) { const lu = lap(u), lv = lap(v), r = u.map((x, k) => x * v[k]! * v[k]!), a = u, c = v; u = a.map((x, k) => x + 0.16 * lu[k]! - r[k]! + 0.035 * (1 - x)); v = c.map((x, k) => x + 0.08 * lv[k]! + r[k]! - 0.1 * x); } return u.reduce((s, x, k) => s + W[k]! * v[k]! + x * W[k]! * W[k]!, 0); };
  const got = ["helper", "rebound"].map((name) => jit(python({ source: PERIODIC_SOURCE }, { function: name }), { device: "js" })(ndarray(values(n * m, 1), [n, m]) as never, ndarray(values(n * m, 2), [n, m]) as never, ndarray(W, [n, m]) as never, steps as never) as number);
  const expected = want();
  for (const x of got) t.true(Math.abs(x - expected) < 1e-12 * Math.abs(expected));
});
