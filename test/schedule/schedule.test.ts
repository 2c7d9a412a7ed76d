/** What scheduling decides, and where it must not: every program gives the same numbers scheduled and as it is. */
import test from "ava";
import fc from "fast-check";
import { loopFacts } from "../../ts/analysis/dependence.js";
import { visitNodes } from "../../ts/analysis/walk.js";
import { blockColumns } from "../../ts/schedule/columns.js";
import { splitInteriors } from "../../ts/schedule/interior.js";
import { expandLibrary } from "../../ts/schedule/library.js";
import { lifetimes } from "../../ts/schedule/lifetimes.js";
import { packArena } from "../../ts/schedule/pack.js";
import { contractRows } from "../../ts/schedule/rows.js";
import { privatiseScalars } from "../../ts/schedule/scalars.js";
import { schedule } from "../../ts/schedule/schedule.js";
import { reductionsOf } from "../../ts/schedule/reductions.js";
import { shareable } from "../../ts/schedule/shareable.js";
import { shortenRecurrences } from "../../ts/schedule/shorten.js";
import { matmulNode } from "../../ts/library/matmul.js";
import { shortenZeros } from "../../ts/schedule/zeros.js";
import { divS } from "../../ts/scalar/build.js";
import { adjoint } from "../../ts/scalar/derivatives.js";
import { constant, input, op, symbolic, visitScalar } from "../../ts/scalar/expr.js";
import type { Loop, Operand } from "../../ts/sdfg/nodes.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { sym, ZERO } from "../../ts/symbolic/expr.js";
import { interpret } from "../support/interpret.js";
import { Build, difference, id, memlet, num, plus, run, times } from "../transform/build.js";

const loops = (g: Graph): Loop[] => { const out: Loop[] = []; visitNodes(g.body, (n) => { if (n.kind === "loop") out.push(n); }); return out; };
const loop = (g: Graph, variable: string): Loop => loops(g).find((l) => l.variable === variable)!;
function agrees(t: import("ava").ExecutionContext, g: Graph, sizes: Readonly<Record<string, number>>, changed: Graph = schedule(g)): void {
  for (const precision of ["default", "strict"] as const) t.true(difference(run(g, sizes), run(schedule(g, { precision }), sizes)) < 1e-12, precision);
  t.true(difference(run(g, sizes), run(changed, sizes)) < 1e-12);
}

test("one region around a time loop, whose maps are shared", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("B", "n", "n");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "n", "any", () => { b.loop("j", "0", "n", "any", () => { b.set("B[i, j]", ["A[i, j]"], (x) => times(num(0.5), x)); }); });
    b.loop("k", "0", "n", "any", () => { b.loop("l", "0", "n", "any", () => { b.set("A[k, l]", ["B[l, k]"], id); }); });
  });
  const g = b.graph(), s = schedule(g);
  t.true(loop(s, "t").schedule?.team);
  t.truthy(loop(s, "t").schedule?.region);
  for (const v of ["i", "k"]) { t.is(loop(s, v).schedule?.parallel, "even"); t.is(loop(s, v).schedule?.region, undefined); }
  t.true(loop(s, "j").schedule?.simd);
  agrees(t, g, { n: 5, T: 3 });
});

test("no region around a loop whose bounds are data, or that may be left", (t) => {
  const b = new Build("n").data("A", "n").data("k");
  b.containers.set("k", { name: "k", dtype: "int64", shape: [], transient: false });
  b.loop("t", "0", "k[]", "up", () => { b.loop("i", "0", "n", "any", () => { b.set("A[i]", ["A[i]"], (x) => times(num(0.5), x)); }); });
  const s = schedule(b.graph());
  t.is(loop(s, "t").schedule?.team, undefined);
  t.truthy(loop(s, "i").schedule?.region, "the map has a region of its own");
  const c = new Build("n").data("A", "n");
  c.loop("t", "0", "n", "up", () => { c.loop("i", "0", "n", "any", () => { c.set("A[i]", ["A[i]"], (x) => times(num(0.5), x)); }); c.push({ kind: "raise", id: 910_001, code: "RAISED", message: "stop" }); });
  t.is(loop(schedule(c.graph()), "t").schedule?.team, undefined);
});

test("sums into one element are done in blocks, but not under strict precision", (t) => {
  const b = new Build("n").data("x", "n").data("s");
  b.set("s", [], () => num(0)).loop("i", "0", "n", "any", () => { b.set("s", ["x[i]"], (x) => times(x, x), "sum"); });
  const g = b.graph();
  t.deepEqual(loop(schedule(g), "i").schedule?.blocks?.into.map((r) => [r.data, r.wcr]), [["s", "sum"]]);
  t.is(loop(schedule(g, { precision: "strict" }), "i").schedule?.parallel, undefined);
  agrees(t, g, { n: 37 });
});

test("iterations that combine into moving elements are shared only if those are apart", (t) => {
  const make = (index: string): Graph => { const b = new Build("n").data("x", "n").data("y", "n + n"); b.loop("i", "0", "n", "any", () => { b.set(`y[${index}]`, ["x[i]"], id, "sum"); }); return b.graph(); };
  for (const [index, fine] of [["i", true], ["i + 1", true], ["2*i", true], ["floordiv(i, 2)", false], ["mod(i, 3)", false]] as const) t.is(shareable(make(index), loop(make(index), "i"), { strict: false }) !== undefined, fine, index);
  // Two statements into neighbours meet.
  const b = new Build("n").data("x", "n").data("y", "n + 1");
  b.loop("i", "0", "n", "any", () => { b.set("y[i]", ["x[i]"], id, "sum").set("y[i + 1]", ["x[i]"], id, "sum"); });
  t.is(shareable(b.graph(), loop(b.graph(), "i"), { strict: false }), undefined);
  t.is(loop(schedule(b.graph()), "i").schedule?.simd, undefined);
  agrees(t, b.graph(), { n: 9 });
});

test("rows combined into one row: blocks of columns are shared", (t) => {
  const b = new Build("m", "n").data("A", "m", "n").data("x", "m").data("y", "n");
  b.loop("i", "0", "m", "any", () => { b.loop("j", "0", "n", "any", () => { b.set("y[j]", ["A[i, j]", "x[i]"], (a, x) => times(a, x), "sum"); }); });
  const g = b.graph(), c = blockColumns(g), [outer] = loops(c);
  t.is(outer!.schedule?.parallel, "even");
  t.is(outer!.variable, "jb0");
  agrees(t, g, { m: 4, n: 1100 }, c);
  // Triangular nests stay: the columns depend on the row.
  const d = new Build("n").data("A", "n", "n").data("y", "n");
  d.loop("i", "0", "n", "any", () => { d.loop("j", "0", "i", "any", () => { d.set("y[j]", ["A[i, j]"], id, "sum"); }); });
  t.is(loops(blockColumns(d.graph())).length, 2);
});

test("interiors: guards and comparisons of the variable disappear inside", (t) => {
  const b = new Build("n").data("a", "n", "n").data("b", "n", "n");
  b.loop("i", "0", "n", "any", () => { b.loop("j", "0", "n", "any", () => {
    const shifted = [["i + -1", "j"], ["i + 1", "j"], ["i", "j + -2"]].map(([i, j]) => ({ ...memlet(`a[${i}, ${j}]`), guard: [...memlet(`z[${i}, ${j}, n + -1 + -1*(${i})]`).index] }));
    b.push({ kind: "tasklet", id: 920_001, inputs: shifted, output: memlet("b[i, j]"), code: plus(...shifted.map((_, k) => ({ kind: "input" as const, dtype: "float64" as const, index: k }))) });
  }); });
  const g = b.graph("n + -1"), s = splitInteriors(g), i = loop(s, "i");
  t.is(i.schedule?.interior?.begin.key, "1");
  const inner = i.schedule!.interior!.body[0] as Loop;
  t.is(inner.schedule?.interior?.begin.key, "2");
  const core = inner.schedule!.interior!.body[0]!;
  t.true(core.kind === "tasklet" && core.inputs.every((m) => !m.guard?.length), "no guard is left");
  for (const n of [1, 2, 3, 4, 9]) agrees(t, g, { n }, s);
});

test("rows of a matrix that only one iteration uses are private to it", (t) => {
  const make = (read: string, transientOuter = false): Graph => {
    const b = new Build("n", "T").data("x", "n", "n").data("y", "n", "n").temp("e", "n", "n");
    const inner = (): void => { b.loop("i", "0", "n", "any", () => {
      b.loop("j", "0", "n", "any", () => { b.set("e[i, j]", ["x[i, j]"], (x) => op("exp", "float64", x)); });
      b.loop("k", "0", "n", "any", () => { b.set("y[i, k]", [read], id); });
    }); };
    if (transientOuter) b.loop("t", "0", "T", "up", inner); else inner();
    return b.graph();
  };
  for (const outer of [false, true]) {
    const g = make("e[i, k]", outer), c = contractRows(g, {});
    t.deepEqual(c.container("e").shape.map((e) => e.key), ["n"]);
    t.deepEqual(loop(c, "i").locals, ["e"]);
    agrees(t, g, { n: 4, T: 2 }, c);
  }
  // A row of another iteration is read: the matrix stays. So it does where a row survives from one time step to the next.
  const reversed = new Build("n").data("x", "n", "n").data("y", "n", "n").temp("e", "n", "n");
  reversed.loop("i", "0", "n", "up", () => { reversed.loop("j", "0", "n", "any", () => { reversed.set("e[i, j]", ["x[i, j]"], id); }); reversed.loop("k", "0", "n", "any", () => { reversed.set("y[i, k]", ["e[0, k]"], id); }); });
  t.is(contractRows(reversed.graph(), {}).container("e").shape.length, 2);
  const kept = new Build("n", "T").data("y", "n").temp("e", "n");
  kept.loop("h", "0", "n", "any", () => { kept.set("e[h]", [], () => num(1)); });
  kept.loop("t", "0", "T", "up", () => { kept.loop("i", "0", "n", "any", () => { kept.set("e[i]", ["e[i]"], (e) => plus(e, e)).set("y[i]", ["e[i]"], id); }); });
  t.is(contractRows(kept.graph(), {}).container("e").shape.length, 1);
  agrees(t, kept.graph(), { n: 3, T: 3 });
  t.is(contractRows(make("e[i, k]"), { "out:e": "e" }).container("e").shape.length, 2, "outputs stay");
});

test("scalars become private only where every iteration writes them first", (t) => {
  const make = (first: boolean): Graph => { const b = new Build("n").data("x", "n").data("y", "n").temp("s"); b.set("s", [], () => num(0)); b.loop("i", "0", "n", "up", () => { if (first) b.set("s", ["x[i]"], id); else b.set("s", ["s", "x[i]"], (s, x) => plus(s, x)); b.set("y[i]", ["s"], id); }); return b.graph(); };
  const lonely = (): Graph => { const b = new Build("n").data("x", "n").data("y", "n").temp("s"); b.loop("i", "0", "n", "up", () => { b.set("s", ["x[i]"], id).set("y[i]", ["s"], id); }); return b.graph(); };
  t.deepEqual(loop(privatiseScalars(lonely(), {}), "i").locals, ["s"]);
  t.is(loop(privatiseScalars(lonely(), { "out:s": "s" }), "i").locals, undefined);
  t.is(loop(privatiseScalars(make(false), {}), "i").locals, undefined);
  for (const g of [make(true), make(false), lonely()]) agrees(t, g, { n: 6 });
});

test("recurrences that are linear in what is carried are shortened; others are not", (t) => {
  const make = (code: (a: ReturnType<typeof num>, b: ReturnType<typeof num>, c: ReturnType<typeof num>, d: ReturnType<typeof num>) => ReturnType<typeof num>, order: "up" | "down" = "up"): Graph => {
    const b = new Build("n").data("x", "n").data("y", "n").data("z", "n");
    b.loop("i", "1", "n + -1", order, () => { b.set("x[i]", ["y[i]", "z[i]", "x[i + 1]", "x[i + -1]"], code); });
    return b.graph("n + -2");
  };
  const smooth = make((y, z, next, last) => op("div", "float64", plus(times(y, y), times(z, z), next, last), num(3)));
  const s = shortenRecurrences(smooth);
  t.deepEqual(loops(s).map((l) => l.order), ["any", "up"]);
  for (const n of [2, 3, 4, 11]) agrees(t, smooth, { n }, s);
  // Down, the carried neighbour is the other one.
  const down = make((y, z, next, last) => op("sub", "float64", plus(times(y, y), times(z, z), times(last, num(0.25))), times(num(0.5), next)), "down");
  t.is(loops(shortenRecurrences(down)).length, 2);
  agrees(t, down, { n: 9 }, shortenRecurrences(down));
  t.is(loops(shortenRecurrences(make((y, z, next, last) => times(plus(times(y, y), times(z, z), next), op("sin", "float64", last))))).length, 1, "not linear");
  t.is(loops(shortenRecurrences(make((y, _z, _next, last) => plus(y, last)))).length, 1, "nothing to gain");
  t.is(loops(schedule(smooth, { precision: "strict" })).length, 1, "not under strict precision");
});

test("large products are calls, small ones loops, strict ones always loops", (t) => {
  const whole = (data: string): Operand => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: [sym("n"), sym("n")] });
  const b = new Build("n").data("A", "n", "n").data("B", "n", "n").data("C", "n", "n");
  b.push(matmulNode(whole("A"), { ...whole("B"), axes: [1, 0] }, whole("C"), true, 0.5));
  const g = b.graph(), e = expandLibrary(g, { strict: false });
  t.is(e.body[0]!.kind, "conditional");
  let calls = 0;
  visitNodes(expandLibrary(g, { strict: true }).body, (n) => { if (n.kind === "library") calls++; });
  t.is(calls, 0);
  for (const n of [3, 40]) t.true(difference(run(expandLibrary(g, { strict: true }), { n }), run(schedule(g), { n })) < 1e-12, `n = ${n}`);
});

test("buffers live from their first to their last use, within an iteration where they are overwritten first", (t) => {
  const b = new Build("n", "T").data("x", "n").temp("a", "n").temp("b", "n").temp("c", "n");
  b.loop("h", "0", "n", "any", () => { b.set("c[h]", ["x[h]"], id); });
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "n", "any", () => { b.set("a[i]", ["x[i]"], id); });
    b.loop("j", "0", "n", "any", () => { b.set("x[j]", ["a[j]", "c[j]"], (p, q) => plus(p, q)); });
    b.loop("k", "0", "n", "any", () => { b.set("b[k]", ["x[k]"], id); });
    b.loop("l", "0", "n", "any", () => { b.set("x[l]", ["b[l]"], id); });
  });
  const m = lifetimes(b.graph()), a = m.get("a")!, c = m.get("b")!, d = m.get("c")!;
  t.true(a.last < c.first, "a is dead before b is born");
  t.true(d.first < a.first && d.last >= c.last, "c lives through the whole loop");
  agrees(t, b.graph(), { n: 5, T: 3 });
});

test("packing never overlaps what lives at the same time", (t) => {
  fc.assert(fc.property(fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 100_000 }), from: fc.nat(20), length: fc.nat(8) }), { maxLength: 14 }), (items) => {
    const list = items.map((x) => ({ bytes: x.bytes, live: [x.from, x.from + x.length] as const })), { offsets, bytes } = packArena(list);
    list.forEach((x, i) => list.forEach((y, j) => {
      if (i >= j || x.bytes === 0 || y.bytes === 0 || x.live[1] < y.live[0] || y.live[1] < x.live[0]) return;
      if (offsets[i]! < offsets[j]! + y.bytes && offsets[j]! < offsets[i]! + x.bytes) throw new Error(`${i} and ${j} overlap`);
    }));
    return list.every((x, i) => offsets[i]! % 64 === 0 && offsets[i]! + x.bytes <= bytes);
  }));
  t.pass();
});

test("strong zeros lose the comparison with NaN where the value is a multiple of the cotangent, and nowhere else", (t) => {
  const g = input(2, "float64"), x = input(0, "float64"), y = input(1, "float64");
  const [quotient] = [...adjoint(divS(x, y), g, new Set([1])).values()];
  const b = new Build("N").data("X", "N").data("Y", "N").data("G", "N").data("A", "N").data("B", "N");
  b.loop("i", "0", "N", "any", () => {
    b.set("A[i]", ["X[i]", "Y[i]", "G[i]"], () => quotient!);
    const other = op("exp", "float64", x);
    b.set("B[i]", ["X[i]", "Y[i]", "G[i]"], () => op("select", "float64", op("and", "bool", op("eq", "bool", g, num(0)), op("ne", "bool", other, other)), num(0), other));
  });
  const before = b.graph(), after = shortenZeros(before);
  const nans = (graph: Graph): number[] => { const n: number[] = []; visitNodes(graph.body, (node) => { if (node.kind === "tasklet") { let c = 0; visitScalar(node.code, (e) => { if (e.kind === "op" && e.op === "ne") c++; }); n.push(c); } }); return n; };
  t.deepEqual(nans(before), [2, 1]);
  t.deepEqual(nans(after), [0, 1]);
  agrees(t, before, { N: 5 }, after);
  // Zero over zero, zero times infinity, and values that are NaN for other reasons.
  const inputs = { X: { v: [1, 0, Infinity, NaN, 1] }, Y: { v: [0, 0, 0, 1, 0] }, G: { v: [0, 0, 0, 1, 2] } };
  const value = (graph: Graph): number[] => interpret(graph, { N: 5 }, { ...inputs, A: { v: [9, 9, 9, 9, 9] }, B: { v: [9, 9, 9, 9, 9] } }).get("A")!.v.map((v) => v + 0);
  t.deepEqual(value(after), value(before));
  t.deepEqual(value(after).slice(0, 3), [0, 0, 0]);
});

test("an accumulator around a loop is not excused by an inner loop that never runs", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.loop("i", "0", "N", "up", () => {
    b.set("A[i]", ["B[i]"], (x) => times(num(2), x));
    b.loop("k", "2", "1", "any", () => { b.set("A[1]", ["B[i]"], id, "max"); });
  });
  const g = b.graph("N - 3");
  for (const strict of [true, false]) t.is(reductionsOf(g, loop(g, "i"), { strict }).size, 0);
  t.is(reductionsOf(g, loop(g, "k"), { strict: true }, g.facts.with(...loopFacts(loop(g, "i")))).size, 1);
  agrees(t, g, { N: 4 });
});
test("what is decided before it runs is no reduction of a block", (t) => {
  const b = new Build("N").data("A", "N").data("s", "1");
  b.loop("i", "1", "N", "any", () => {
    const never = b.apart(() => { b.set("s[0]", ["A[i]"], id, "max"); });
    b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("lt", "bool", symbolic(sym("i"), "int64"), constant(1, "int64")) }, body: never }] });
    b.set("A[0]", ["A[i]"], id, "sum");
  });
  const g = b.graph("N - 3"), s = schedule(g);
  t.deepEqual(loop(s, "i").schedule?.blocks?.into.map((r) => r.data), ["A"]);
  agrees(t, g, { N: 5 });
});

test("a buffer that each arm of a conditional overwrites first lives within the iteration; not if one of them, or none, may leave it", (t) => {
  const graph = (otherwise: "overwrites" | "adds" | "absent"): Graph => {
    const b = new Build("n", "T").data("x", "n").temp("a", "n").temp("b", "n");
    if (otherwise !== "overwrites") b.loop("h", "0", "n", "any", () => b.set("a[h]", ["x[h]"], id));
    b.loop("t", "0", "T", "up", () => {
      const fill = (v: string, wcr?: "sum"): ReturnType<Build["apart"]> => b.apart(() => { b.loop(v, "0", "n", "any", () => { b.set(`a[${v}]`, [`x[${v}]`], (x) => times(num(0.5), x), wcr); }); });
      const condition = { inputs: [], code: op("lt", "bool", symbolic(sym("t"), "int64"), constant(2, "int64")) };
      b.push({ kind: "conditional", id: freshId(), branches: [{ condition, body: fill("i") }, ...(otherwise === "absent" ? [] : [{ body: fill("j", otherwise === "adds" ? "sum" : undefined) }])] });
      b.loop("k", "0", "n", "any", () => { b.set("x[k]", ["a[k]"], id); });
      b.loop("l", "0", "n", "any", () => { b.set("b[l]", ["x[l]"], id); });
      b.loop("m", "0", "n", "any", () => { b.set("x[m]", ["b[m]"], (x) => times(num(0.9), x)); });
    });
    return b.graph();
  };
  for (const otherwise of ["overwrites", "adds", "absent"] as const) {
    const g = graph(otherwise), m = lifetimes(g);
    t.is(m.get("a")!.last < m.get("b")!.first, otherwise === "overwrites", otherwise);
    agrees(t, g, { n: 5, T: 4 });
  }
});
