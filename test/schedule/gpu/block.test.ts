/** Small loops as kernels of one block: what becomes one, where its threads meet, and that it means the same. */
import test, { type ExecutionContext } from "ava";
import { visitNodes } from "../../../ts/analysis/walk.js";
import { matmulNode } from "../../../ts/library/matmul.js";
import { scheduleGpu } from "../../../ts/schedule/gpu/schedule.js";
import { input, op } from "../../../ts/scalar/expr.js";
import type { Loop, Node, Operand } from "../../../ts/sdfg/nodes.js";
import { freshId, type Graph } from "../../../ts/sdfg/sdfg.js";
import { load, sym, ZERO } from "../../../ts/symbolic/expr.js";
import { parseExpr } from "../../../ts/symbolic/parse.js";
import { Build, difference, id, memlet, num, plus, run, times } from "../../transform/build.js";

const loops = (body: readonly Node[]): Loop[] => { const out: Loop[] = []; visitNodes(body, (n) => { if (n.kind === "loop") out.push(n); }); return out; };
const blocks = (g: Graph): Loop[] => loops(g.body).filter((l) => l.schedule?.gpu?.kernel === "block");
/** A kernel's loops in order: `|` where threads meet before a piece, then what it is or `for`, its axes, and `|` where they meet after it or after each of its iterations. */
const shape = (k: Loop): string[] => {
  const out: string[] = [];
  const visit = (n: Node): void => {
    if (n.kind === "block") { n.body.forEach(visit); return; }
    if (n.kind === "conditional") { n.branches.forEach((b, i) => { out.push(i === 0 ? "if" : "else"); b.body.forEach(visit); }); return; }
    if (n.kind !== "loop") return;
    const gpu = n.schedule?.gpu, axes = loops([n]).flatMap((l) => { const a = l.schedule?.gpu?.axis; return a ? [`${l.variable.replace(/_\d+$/, "")}:${a.by}${a.by === "part" ? ` ${a.dimension}` : ""}${a.together ? ` ×${a.together}` : ""}`] : []; });
    out.push(`${gpu?.before ? "| " : ""}${gpu?.piece ? `${gpu.piece} ${axes.join(" ")}` : `for ${n.variable}`}${gpu?.after ? " |" : ""}`);
    if (!gpu?.piece) n.body.forEach(visit);
  };
  visit(k);
  return out;
};
function same(t: ExecutionContext, g: Graph, sizes: Readonly<Record<string, number>>, inputs: Record<string, number[]> = {}): void {
  for (const precision of ["default", "strict"] as const) t.true(difference(run(g, sizes, inputs), run(scheduleGpu(g, { precision }).graph, sizes, inputs)) < 1e-12, `${precision} ${JSON.stringify(sizes)}`);
}

test("a time loop: sums by all threads, rows by a warp each, grids of one dimension and of two; the threads meet between them", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("B", "n", "n").data("r", "n").data("s");
  b.loop("t", "0", "T", "up", () => {
    b.set("s", [], () => num(0));
    b.loop("i", "0", "n", "any", () => { b.loop("j", "0", "n", "any", () => { b.set("B[i, j]", ["A[j, i]", "s"], (x, y) => plus(times(num(0.5), x), y)); }); });
    b.loop("k", "0", "n", "any", () => { b.set("s", ["B[k, k]"], id, "sum"); });
    b.loop("p", "0", "n", "any", () => { b.loop("q", "0", "n", "any", () => { b.set("r[p]", ["B[p, q]"], id, "sum"); }); });
    b.loop("u", "0", "n", "any", () => { b.loop("v", "0", "n", "any", () => { b.set("A[u, v]", ["B[u, v]", "r[u]", "s"], (x, y, z) => plus(x, times(num(1e-3), plus(y, z)))); }); });
  });
  const g = b.graph(), [k, ...others] = blocks(scheduleGpu(g).graph);
  t.is(others.length, 0);
  t.deepEqual(shape(k!), ["for t |", "single one:lane", "| grid i:part y j:part x", "| reduce k:lane", "if", "rows p:warp q:warp lane", "else", "grid p:lane", "| grid u:part y v:part x"]);
  for (const sizes of [{ n: 4, T: 3 }, { n: 40, T: 2 }, { n: 5, T: 0 }, { n: 0, T: 2 }]) same(t, g, sizes);
});

test("by work per launch, at run time: strips of a long loop, upwards and downwards", (t) => {
  for (const order of ["up", "down"] as const) {
    const b = new Build("n", "T").data("x", "n").data("y", "n");
    b.loop("t", "3", "T", order, () => {
      b.loop("i", "0", "n", "any", () => { b.set("y[i]", ["x[n + -1*i + -1]"], (x) => plus(times(num(0.999), x), num(1e-3))); });
      b.loop("j", "0", "n", "any", () => { b.set("x[j]", ["y[j]"], id); });
    });
    const g = b.graph(), [k] = blocks(scheduleGpu(g).graph);
    t.deepEqual(shape(k!), ["for t |", "grid i:lane", "| grid j:lane"]);
    // 16384 iterations of two pieces make a strip.
    for (const T of [3, 4, 20000, 16387]) same(t, g, { n: 2, T });
    // Too much for a block: launches.
    const branches: Node[] = [];
    visitNodes(scheduleGpu(g).graph.body, (n) => { if (n.kind === "conditional") branches.push(n); });
    t.is(branches.length, 1);
    same(t, g, { n: 20000, T: 4 });
  }
});

test("sizes that are known decide before the run", (t) => {
  const make = (n: string): Graph => {
    const b = new Build("T").data("x", n);
    b.loop("t", "0", "T", "up", () => { b.loop("i", "0", n, "any", () => { b.set("x[i]", ["x[i]"], (x) => times(num(0.5), x)); }); });
    return b.graph();
  };
  const kinds = (g: Graph): string[] => loops(scheduleGpu(g).graph.body).flatMap((l) => l.schedule?.gpu?.kernel ?? []);
  t.deepEqual(kinds(make("2000")), ["block"]);
  t.deepEqual(kinds(make("200000")), ["grid"]);
});

test("waves, products and conditions of data are inside; the threads meet before they look", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("C", "n", "n").data("s").data("w", "n");
  const whole = (data: string): Operand => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: [parseExpr("n"), parseExpr("n")] });
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "1", "n", "up", () => { b.loop("j", "1", "n", "up", () => { b.set("A[i, j]", ["A[i + -1, j]", "A[i, j + -1]"], (x, y) => times(num(0.4), plus(x, y))); }); });
    b.push(matmulNode(whole("A"), whole("A"), whole("C"), false));
    b.set("s", ["C[0, 0]"], id);
    const arm = b.apart(() => { b.loop("k", "0", "n", "any", () => { b.set("w[k]", ["s", "C[k, 0]"], plus); }); });
    b.push({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [memlet("s")], code: op("lt", "bool", input(0, "float64"), num(0.5)) }, body: arm }] });
  });
  const g = b.graph("n + -2"), [k, ...others] = blocks(scheduleGpu(g).graph);
  // Where the rest is too much for a block the waves may be small.
  t.deepEqual(others.map(shape), [["for wave_0 |", "grid row:lane"]]);
  t.deepEqual(shape(k!), ["for t |", "for wave_0 |", "grid row:lane", "grid along:part y along:part x", "if", "| rows along:all along:warp along:warp lane", "else", "| grid along:part y along:part x", "| single one:lane", "| single one:lane |", "if", "grid k:lane"]);
  for (const first of [0.1, 3]) same(t, g, { n: 5, T: 3 }, { A: Array.from({ length: 25 }, (_, i) => first * Math.sin(i + 1)) });
});

test("what is private to the iterations of a map that the host runs is no longer, so they come one after the other", (t) => {
  const b = new Build("n", "T").data("A", "n").data("s").temp("p", "n");
  b.loop("t", "0", "T", "any", () => {
    b.loop("i", "0", "n", "any", () => { b.set("p[i]", ["A[i]"], (x) => times(num(2), x)); });
    b.set("s", ["p[0]"], id, "sum").set("s", ["p[1]"], id, "sum");
  }, ["p"]);
  const g = b.graph("n + -2"), placed = scheduleGpu(g).graph, outer = loops(placed.body).filter((l) => l.variable === "t");
  t.deepEqual(outer.map((l) => [l.order, l.locals]), [["up", undefined], ["up", undefined]]);
  same(t, g, { n: 5, T: 4 });
});

test("what stays with the host: shared lengths from data, loops around ones of unknown length, loops that are left, errors of the program's own", (t) => {
  const b = new Build("n", "T").data("x", "n").data("lim").temp("s");
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("n")], transient: false });
  const work = (v: string): void => { b.loop(v, "0", "n", "any", () => { b.set(`x[${v}]`, [`x[${v}]`], (x) => times(num(0.5), x)); }); };
  const known = { inputs: [memlet("lim")], code: op("lt", "bool", input(0, "float64"), num(0)) } as const;
  b.loop("t", "0", "T", "up", () => { work("a"); b.loop("k", "0", "n", "up", () => { b.loop("l", "0", "n", "any", () => { b.set("x[l]", ["x[l]"], (x) => times(num(0.5), x)); }); }); });
  b.loop("u", "0", "T", "up", () => { const body = b.apart(() => { work("c"); }); b.push({ kind: "while", id: freshId(), testAfter: false, counter: "w", condition: known, body }); });
  const left = b.apart(() => { b.loop("v", "0", "T", "up", () => { work("d"); b.push({ kind: "conditional", id: freshId(), branches: [{ condition: known, body: [{ kind: "exit", id: freshId(), label: "out" }] }] }); }); });
  b.push({ kind: "block", id: freshId(), label: "out", body: left });
  b.loop("y", "0", "T", "up", () => { work("e"); b.push({ kind: "conditional", id: freshId(), branches: [{ condition: known, body: [{ kind: "raise", id: freshId(), code: "RAISED", message: "no" }] }] }); });
  const g = b.graph();
  t.deepEqual(blocks(scheduleGpu(g).graph).map((l) => l.variable.replace(/_\d+$/, "")), ["t", "k", "one"]);
  const rows = new Build("n", "T").data("x", "n");
  rows.containers.set("idx", b.containers.get("idx")!);
  rows.loop("t", "0", "T", "up", () => { rows.push({ kind: "loop", id: freshId(), variable: "r", begin: ZERO, end: load("idx", [sym("t")]), order: "any", body: rows.apart(() => { rows.set("x[r]", ["x[r]"], id); }) }); });
  t.deepEqual(blocks(scheduleGpu(rows.graph()).graph), []);
});

/** A loop of unknown length over x with a sum that ends it. */
function unknown(way: (b: Build, round: () => void) => void): Graph {
  const b = new Build("n").data("x", "n").data("lim").data("s").data("rounds");
  b.set("s", [], () => num(1e9));
  way(b, () => {
    b.loop("i", "0", "n", "any", () => { b.set("x[i]", ["x[i]", "s"], (x, s) => times(num(0.5), plus(x, times(num(1e-12), s)))); });
    b.set("s", [], () => num(0));
    b.loop("j", "0", "n", "any", () => { b.set("s", ["x[j]"], (x) => times(x, x), "sum"); });
    b.set("rounds", ["rounds"], (r) => plus(r, num(1)));
  });
  return b.graph();
}
const goesOn = { inputs: [memlet("s"), memlet("lim")], code: op("gt", "bool", input(0, "float64"), input(1, "float64")) } as const;

test("a loop of unknown length makes rounds in a kernel, which says how it ended; the threads meet before they look", (t) => {
  for (const testAfter of [false, true]) {
    const g = unknown((b, round) => { const body = b.apart(round); b.push({ kind: "while", id: freshId(), testAfter, counter: "k", condition: goesOn, body }); }), { graph, host } = scheduleGpu(g), [k, ...others] = blocks(graph);
    t.is(others.length, 0);
    t.is(loops(k!.body).filter((l) => l.variable === "k").length, 1);
    t.true(host.size >= 1);
    t.regex(shape(k!).join("; "), /for k \|/);
    // What decides is computed by one thread, which the others wait for.
    t.regex(shape(k!).join("; "), /single one:lane \|; if/);
    // Not entered, a few rounds, and more than one kernel makes.
    for (const lim of [1e10, 1e-3, 1e-300]) for (const precision of ["default", "strict"] as const) t.true(difference(run(g, { n: 5 }, { lim: [lim], x: [1, 2, 3, 4, 5] }), run(scheduleGpu(g, { precision }).graph, { n: 5 }, { lim: [lim], x: [1, 2, 3, 4, 5] })) < 1e-12);
  }
});

test("rounds that are left from inside, for blocks one and two further out", (t) => {
  const g = unknown((b, round) => {
    const leave = (label: string, limit: number): Node => ({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [memlet("rounds")], code: op("ge", "bool", input(0, "float64"), num(limit)) }, body: [{ kind: "exit", id: freshId(), label }] }] });
    const body = b.apart(() => { round(); b.push(leave("inner", 4)); b.push(leave("outer", 9)); });
    const inner: Node = { kind: "block", id: freshId(), label: "inner", body: [{ kind: "while", id: freshId(), testAfter: false, counter: "k", condition: goesOn, body }] };
    const rest = b.apart(() => { b.set("rounds", ["rounds"], (r) => plus(r, num(100))); });
    b.push({ kind: "block", id: freshId(), label: "outer", body: [inner, ...rest] });
  });
  t.is(blocks(scheduleGpu(g).graph).length, 1);
  for (const from of [0, 4, 8, 20]) for (const lim of [1e-2, 1e3]) { const given = { lim: [lim], x: [1, 2, 3], rounds: [from] }; t.true(difference(run(g, { n: 3 }, given), run(scheduleGpu(g).graph, { n: 3 }, given)) < 1e-12, `${from} ${lim}`); }
});

test("lengths that the host would fetch are looked at by all threads, after they have met, and not written again before all have looked", (t) => {
  const b = new Build("n", "T").data("x", "n");
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("T")], transient: false });
  b.loop("t", "0", "T", "up", () => {
    b.push({ kind: "loop", id: freshId(), variable: "r", begin: ZERO, end: load("idx", [sym("t")]), order: "up", body: b.apart(() => { b.loop("l", "0", "n", "any", () => { b.set("x[l]", ["x[n + -1*l + -1]"], (x) => plus(times(num(0.5), x), num(1))); }); }) });
  });
  const g = b.graph(), [k] = blocks(scheduleGpu(g).graph);
  t.truthy(k);
  t.regex(shape(k!).join("; "), /^for t.*; single one:lane \|; for r/);
});

test("buffers that may lie in the same memory keep threads apart like one", (t) => {
  const b = new Build("n", "T").data("x", "n").data("y", "n").temp("p", "n").temp("q", "n");
  b.loop("t", "0", "T", "up", () => {
    b.loop("a", "0", "n", "any", () => { b.set("p[a]", ["x[a]"], id); });
    b.loop("b", "0", "n", "any", () => { b.set("y[b]", ["p[n + -1*b + -1]"], id); });
    // q begins where p has ended, and nothing else is in common.
    b.loop("c", "0", "n", "any", () => { b.set("q[c]", ["x[c]"], (x) => times(num(2), x)); });
    b.loop("d", "0", "n", "any", () => { b.set("x[d]", ["q[n + -1*d + -1]"], id); });
  });
  t.deepEqual(shape(blocks(scheduleGpu(b.graph()).graph)[0]!), ["for t |", "grid a:lane", "| grid b:lane", "| grid c:lane", "| grid d:lane"]);
});
