/** What becomes a kernel, of which kind, and what must not. */
import test from "ava";
import { visitNodes } from "../../../ts/analysis/walk.js";
import { matmulNode } from "../../../ts/library/matmul.js";
import { scheduleGpu } from "../../../ts/schedule/gpu/schedule.js";
import { constant, input, op, symbolic } from "../../../ts/scalar/expr.js";
import type { GpuSchedule, Loop, Operand } from "../../../ts/sdfg/nodes.js";
import { freshId, type Graph } from "../../../ts/sdfg/sdfg.js";
import { load, sym, ZERO } from "../../../ts/symbolic/expr.js";
import { parseExpr } from "../../../ts/symbolic/parse.js";
import { Build, difference, id, memlet, num, plus, run, times } from "../../transform/build.js";

const loops = (g: Graph): Loop[] => { const out: Loop[] = []; visitNodes(g.body, (n) => { if (n.kind === "loop") out.push(n); }); return out; };
/** Kernels in order: kind, and the axis of each loop that has one. */
const kernels = (g: Graph): string[] => loops(g).filter((l) => l.schedule?.gpu?.kernel).map((k) => {
  const axes = loops(g.with({ body: [k] })).flatMap((l) => { const a = l.schedule?.gpu?.axis; return a ? [`${l.variable}:${a.by} ${a.dimension}${a.together ? ` ×${a.together}` : ""}`] : []; });
  return [k.schedule!.gpu!.kernel, ...axes].join(" ");
});
/** As launches only; small loops as one kernel: block.test.ts. */
const place = (g: Graph, precision: "default" | "strict" = "default", blocks = false): Graph => scheduleGpu(g, { precision, blocks }).graph;
function same(t: import("ava").ExecutionContext, g: Graph, sizes: Readonly<Record<string, number>>): void {
  for (const precision of ["default", "strict"] as const) for (const blocks of [false, true]) t.true(difference(run(g, sizes), run(place(g, precision, blocks), sizes)) < 1e-12, `${precision} ${blocks}`);
}

test("a time loop of stencils: grids of two dimensions, contiguous along x, in one section", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("B", "n", "n");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "1", "n + -1", "any", () => { b.loop("j", "1", "n + -1", "any", () => { b.set("B[i, j]", ["A[i, j + -1]", "A[i + 1, j]"], plus); }); });
    b.loop("k", "0", "n", "any", () => { b.loop("l", "0", "n", "any", () => { b.set("A[l, k]", ["B[l, k]"], id); }); });
  });
  const g = b.graph("n + -2"), s = place(g);
  t.deepEqual(kernels(s), ["grid i:global y j:global x", "grid l:global y k:global x"]);
  t.deepEqual(loops(s).filter((l) => l.schedule?.gpu?.section).map((l) => l.variable), ["t"]);
  same(t, g, { n: 7, T: 3 });
});

test("sums: of rows by blocks, of columns by threads unless there are few, of everything in parts; strictly each in its order", (t) => {
  const b = new Build("m", "n").data("A", "m", "n").data("r", "m").data("c", "n").data("s").data("d", "m", "n");
  b.loop("i", "0", "m", "any", () => { b.loop("j", "0", "n", "any", () => { b.set("r[i]", ["A[i, j]"], (x) => times(x, x), "sum"); }); });
  b.loop("k", "0", "m", "any", () => { b.loop("l", "0", "n", "any", () => { b.set("c[l]", ["A[k, l]"], id, "sum"); }); });
  b.loop("p", "0", "m", "any", () => { b.loop("q", "0", "n", "any", () => { b.set("s", ["A[p, q]"], id, "sum").set("d[p, q]", ["A[p, q]"], id); }); });
  const g = b.graph();
  t.deepEqual(kernels(place(g)), ["rows i:block x j:lane x", "grid i:global x", "rows l:block x k:lane x", "grid l:global x", "reduce p:block x q:lane x"]);
  t.deepEqual(kernels(place(g, "strict")), ["grid i:global x", "grid l:global x", "single", "grid p:global y q:global x"]);
  same(t, g, { m: 5, n: 9 });
});

test("sweeps in place and tables become waves: every slope, both directions, empty ranges", (t) => {
  // Offsets read by A[i, j], and the slope that their order asks for.
  const cases: readonly (readonly [reads: readonly (readonly [number, number])[], slope: number])[] = [
    [[[-1, 0], [0, -1]], 1], [[[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]], 2], [[[-1, 2], [0, -1]], 3], [[[-2, 2], [-1, 0], [0, -1]], 2], [[[1, -2]], 3],
  ];
  for (const [reads, slope] of cases) for (const [up, across] of [["up", "up"], ["down", "up"], ["up", "down"], ["down", "down"]] as const) {
    const b = new Build("n", "m", "T").data("A", "n", "m"), at = ([p, q]: readonly [number, number]): string => `A[i + ${up === "down" ? -p : p}, j + ${across === "down" ? -q : q}]`;
    b.loop("t", "0", "T", "up", () => { b.loop("i", "2", "n + -2", up, () => { b.loop("j", "2", "m + -2", across, () => {
      b.set("A[i, j]", reads.map(at), (...x) => times(num(0.7), x.reduce((p, q) => plus(p, times(num(1.25), q)))));
    }); }); });
    const g = b.graph("n + -4", "m + -4"), s = place(g);
    t.deepEqual(kernels(s), ["grid row_0:global x"], JSON.stringify(reads));
    t.is(loops(s).find((l) => l.variable === "wave_0")!.end.key, parseExpr(`${slope}*(n + -5) + m + -4`).key);
    for (const sizes of [{ n: 9, m: 7, T: 2 }, { n: 5, m: 11, T: 1 }, { n: 4, m: 8, T: 1 }, { n: 8, m: 4, T: 1 }]) same(t, g, sizes);
  }
});

test("no waves where distances are not known, or a wave would meet itself", (t) => {
  const b = new Build("n").data("A", "n", "n").data("s").data("c", "n", "n");
  b.loop("i", "1", "n", "up", () => { b.loop("j", "1", "n", "up", () => { b.set("A[i, j]", ["A[i + -1, j]", "A[i, j + -1]", "s"], (x, y, z) => plus(x, plus(y, z))).set("s", ["A[i, j]"], id); }); });
  b.loop("k", "1", "n", "up", () => { b.loop("l", "1", "n", "up", () => { b.set("A[k, l]", ["A[l, k]"], id); }); });
  // What an iteration of the outer loop leaves in a row of one element is read by the next one, wherever it is.
  b.loop("p", "1", "n", "up", () => { b.loop("q", "1", "n", "up", () => { b.set("c[p, 0]", ["c[p + -1, 0]", "A[p, q]"], plus); }); });
  const g = b.graph("n + -2");
  t.deepEqual(kernels(place(g)), ["single"]);
  same(t, g, { n: 6 });
});

test("waves of tables that are combined into rows and columns, and of one row that is passed on", (t) => {
  for (const [across, order] of [["up", "up"], ["down", "down"], ["up", "down"]] as const) {
    const b = new Build("n", "m").data("A", "n", "m").data("r", "n").data("c", "m").data("d", "m"), back = across === "up" ? -1 : 1, up = order === "up" ? -1 : 1;
    b.loop("i", "1", "n + -1", order, () => { b.loop("j", "1", "m + -1", across, () => {
      b.set("A[i, j]", [`A[i + ${up}, j]`, `A[i, j + ${back}]`, "c[j]"], (x, y, z) => plus(times(num(0.5), plus(x, y)), times(num(0.1), z))).set("r[i]", ["A[i, j]"], id, "sum").set("c[j]", ["A[i, j]"], id, "sum");
    }); });
    b.loop("p", "1", "n + -1", order, () => { b.loop("q", "1", "m + -1", across, () => { b.set("d[q]", [`d[q + ${back}]`, "A[p, q]"], (x, y) => plus(times(num(0.5), x), y)); }); });
    const g = b.graph("n + -3", "m + -3"), s = place(g);
    t.deepEqual(kernels(s), ["grid row_0:global x", "grid row_1:global x"]);
    t.is(loops(s).find((l) => l.variable === "wave_1")!.end.key, parseExpr("2*(n + -3) + m + -2").key);
    for (const sizes of [{ n: 7, m: 9 }, { n: 9, m: 5 }, { n: 3, m: 3 }]) same(t, g, sizes);
  }
});

test("what may meet is not shared: neighbours combined into; indices from data have owners", (t) => {
  const b = new Build("n").data("x", "n").data("h", "n").data("y", "n");
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("n")], transient: false });
  b.loop("i", "0", "n", "any", () => { b.push({ kind: "tasklet", id: freshId(), inputs: [memlet("x[i]")], output: { data: "h", index: [load("idx", [sym("i")])] }, wcr: "sum", code: input(0, "float64") }); });
  b.loop("j", "0", "n + -1", "any", () => { b.set("y[j]", ["x[j]"], id, "sum").set("y[j + 1]", ["x[j]"], (x) => times(num(2), x), "sum"); });
  // Each of the two statements about neighbours is apart by itself; strictly, sums into one array keep their order.
  t.deepEqual(kernels(place(b.graph())), ["scatter i:owner x", "grid j:global x", "grid j:global x"]);
  t.deepEqual(kernels(place(b.graph(), "strict")), ["scatter i:owner x", "single"]);
});

test("no owners: what is read in the nest, combined into from two places (strictly) or in a loop, written besides, or one element for all", (t) => {
  const make = (body: (b: Build, at: (data: string, read?: string) => void) => void, precision: "default" | "strict" = "strict"): string[] => {
    const b = new Build("n").data("x", "n").data("h", "n").data("s");
    b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("n")], transient: false });
    const at = (data: string, read = "x[i]"): void => { b.push({ kind: "tasklet", id: freshId(), inputs: [memlet(read)], output: { data, index: [load("idx", [sym("i")])] }, wcr: "sum", code: input(0, "float64") }); };
    b.loop("i", "0", "n", "any", () => { body(b, at); });
    return kernels(place(b.graph(), precision));
  };
  t.deepEqual(make((_, at) => { at("h"); }), ["scatter i:owner x"]);
  t.deepEqual(make((_, at) => { at("h", "h[0]"); }), ["single"]);
  t.deepEqual(make((_, at) => { at("h"); at("h"); }), ["single"]);
  t.deepEqual(make((b, at) => { const arm = b.apart(() => { at("h"); at("h"); }); b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [memlet("x[i]")], code: op("gt", "bool", input(0, "float64"), num(0)) }, body: arm }] }); }, "default"), ["scatter i:owner x"]);
  t.deepEqual(make((b, at) => { at("h"); b.set("s", ["x[i]"], id, "sum"); }), ["scatter i:owner x", "single"]);
  t.deepEqual(make((b, at) => { b.loop("k", "0", "n", "up", () => { at("h"); }); }), ["single"]);
  t.deepEqual(make((b, at) => { const arm = b.apart(() => { at("h"); }); b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [memlet("x[i]")], code: op("gt", "bool", input(0, "float64"), num(0)) }, body: arm }] }); }), ["scatter i:owner x"]);
});

test("loops in sequence without maps are one thread's, in order", (t) => {
  const b = new Build("n").data("a", "n").data("s");
  b.set("s", [], () => num(1));
  b.loop("i", "1", "n", "up", () => { b.set("a[i]", ["a[i + -1]", "a[i]"], plus).set("s", ["a[i]"], id, "sum"); });
  const g = b.graph();
  t.deepEqual(kernels(place(g)), ["single"]);
  same(t, g, { n: 8 });
});

test("a sum along rows beside one along columns: a kernel each, what they share computed twice", (t) => {
  const b = new Build("n").data("A", "n", "n").data("x", "n").data("r", "n").data("c", "n").temp("v");
  b.loop("i", "0", "n", "any", () => { b.loop("j", "0", "n", "any", () => {
    b.set("v", ["A[i, j]"], (a) => times(a, a)).set("r[i]", ["v", "x[j]"], times, "sum").set("c[j]", ["v", "x[i]"], times, "sum");
  }, ["v"]); });
  const g = b.graph();
  t.deepEqual(kernels(place(g)), ["rows i:block x j:lane x", "grid i:global x", "rows j:block x i:lane x", "grid j:global x"]);
  same(t, g, { n: 6 });
});

test("maps in a map become nests; a private value gets an element per iteration, also in a triangle", (t) => {
  const b = new Build("n").data("A", "n", "n").data("y", "n", "n").temp("m");
  b.loop("t", "0", "n", "up", () => { b.loop("i", "t", "n", "any", () => {
    b.set("m", [], () => num(0));
    b.loop("j", "0", "n", "any", () => { b.set("m", ["A[i, j]"], id, "sum"); });
    b.loop("k", "0", "n", "any", () => { b.set("y[i, k]", ["A[i, k]", "m"], times); });
  }, ["m"]); });
  const g = b.graph();
  t.deepEqual(kernels(place(g)), ["grid i:global x", "rows i:block x j:lane x", "grid i:global x", "grid i:global y k:global x"]);
  t.deepEqual(place(g).containers.get("m_0")?.shape.map((e) => e.key), ["n"]);
  same(t, g, { n: 6 });
});

test("four dimensions: the outer two are numbered together", (t) => {
  const b = new Build("n").data("A", "n", "n", "n", "n").data("B", "n", "n", "n", "n");
  b.loop("i", "0", "n", "any", () => { b.loop("j", "0", "n", "any", () => { b.loop("k", "0", "n", "any", () => { b.loop("l", "0", "n", "any", () => { b.set("B[i, j, k, l]", ["A[i, j, k, l]"], id); }); }); }); });
  t.deepEqual(kernels(place(b.graph())), ["grid i:global z ×2 k:global y l:global x"]);
});

test("the host asks for what its control needs, and such loops are no sections", (t) => {
  const b = new Build("n").data("x", "n").data("lim").temp("s");
  const body = b.apart(() => {
    b.loop("i", "0", "n", "any", () => { b.set("x[i]", ["x[i]"], (x) => times(num(0.5), x)); });
    b.set("s", [], () => num(0));
    b.loop("j", "0", "n", "any", () => { b.set("s", ["x[j]"], (x) => times(x, x), "sum"); });
  });
  b.set("s", [], () => num(1e9));
  b.push({ kind: "while", id: freshId(), testAfter: false, counter: "k", condition: { inputs: [memlet("s"), memlet("lim")], code: op("gt", "bool", input(0, "float64"), input(1, "float64")) }, body });
  const g = b.graph(), placed = scheduleGpu(g, { blocks: false });
  t.is(placed.host.size, 1);
  t.deepEqual(kernels(placed.graph), ["single", "single", "grid i:global x", "single", "reduce j:global x"]);
  t.true(loops(placed.graph).every((l) => !l.schedule?.gpu?.section));
  t.true(difference(run(g, { n: 5 }, { lim: [1e-3] }), run(placed.graph, { n: 5 }, { lim: [1e-3] })) < 1e-12);
});

test("conditions of symbols are the host's own; loops that depend on loops around are no sections of their own", (t) => {
  const b = new Build("n", "T").data("x", "n").data("y", "n");
  b.loop("t", "0", "T", "up", () => {
    const arm = b.apart(() => { b.loop("i", "t", "n", "any", () => { b.set("x[i]", ["y[i]"], id); }); });
    b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("lt", "bool", symbolic(sym("t")), constant(2, "int64")) }, body: arm }] });
  });
  const placed = scheduleGpu(b.graph(), { blocks: false });
  t.is(placed.host.size, 0);
  t.deepEqual(loops(placed.graph).map((l) => Boolean(l.schedule?.gpu?.section)), [true, false]);
});

test("products are called, except beside other things in maps, and strictly", (t) => {
  const make = (inMap: boolean): Graph => {
    const b = new Build("n", "T").data("A", "T", "n", "n").data("C", "T", "n", "n").data("x", "T");
    const at = (data: string): Operand => ({ data, base: [sym("t"), ZERO, ZERO], axes: [1, 2], sizes: [parseExpr("n"), parseExpr("n")] });
    b.loop("t", "0", "T", inMap ? "any" : "up", () => { b.push(matmulNode(at("A"), at("A"), at("C"), false)); if (inMap) b.set("x[t]", ["C[t, 0, 0]"], id); });
    return b.graph();
  };
  const calls = (g: Graph): number => { let n = 0; visitNodes(g.body, (x) => { if (x.kind === "library") n++; }); return n; };
  t.is(calls(place(make(false))), 1);
  t.is(calls(place(make(true))), 0);
  t.is(calls(place(make(false), "strict")), 0);
  same(t, make(true), { n: 3, T: 2 });
});

test("extents are of symbols and of loops of the host alone", (t) => {
  const b = new Build("n").data("A", "n", "n");
  b.loop("t", "0", "n", "up", () => { b.loop("i", "t", "n", "any", () => { b.loop("j", "0", "i + 1", "any", () => { b.set("A[i, j]", ["A[i, j]"], (x) => times(num(2), x)); }); }); });
  const k = loops(place(b.graph())).find((l) => l.schedule?.gpu?.kernel)!, gpu: GpuSchedule = k.schedule!.gpu!;
  t.deepEqual(gpu.extents?.map((e) => e?.key), ["n", "n + -1*t"]);
});
