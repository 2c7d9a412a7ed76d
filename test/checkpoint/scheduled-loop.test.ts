/**
 * A loop schedule as graph data: a driver that executes advance / save / restore / tape / reverse actions read from integer arrays, so that slots and segment
 * lengths are call data. The bodies are those of the walk-through program's own store-all plan. With 2 snapshots and a tape of 2 steps, 10 steps give the
 * store-all gradient bit for bit, in less memory.
 */
import test from "ava";
import { rewriteNodes, visitNodes } from "../../ts/analysis/walk.js";
import { differentiate, finish } from "../../ts/compile/pipeline.js";
import { lowerToPlan } from "../../ts/lower/lower.js";
import type { Plan } from "../../ts/lower/plan.js";
import { schedule } from "../../ts/schedule/schedule.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import { constant, input, op } from "../../ts/scalar/expr.js";
import type { Branch, Container, Loop, Node } from "../../ts/sdfg/nodes.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { load, sub, substitute, sym, ZERO, type Expr } from "../../ts/symbolic/expr.js";
import { runPlan } from "../support/check-gradient.js";
import { golden } from "../support/golden.js";
import { interpret } from "../support/interpret.js";
import { randoms } from "../support/random-graph.js";
import { walkThrough } from "../support/walk-through.js";

type Action = "advance" | "save" | "restore" | "restart" | "tape" | "reverse" | "turn";
const CODES: readonly Action[] = ["advance", "save", "restore", "restart", "tape", "reverse", "turn"];
/** Steps [from, to), or a slot. */
type Step = readonly [Action, number?, number?];

const PLAN: readonly Step[] = [
  ["restart"], ["advance", 0, 4], ["save", 0], ["advance", 4, 8], ["tape", 8, 10], ["turn"], ["reverse", 8, 10],
  ["restore", 0], ["advance", 4, 6], ["save", 1], ["tape", 6, 8], ["reverse", 6, 8], ["restore", 0], ["tape", 4, 6], ["reverse", 4, 6],
  ["restart"], ["advance", 0, 2], ["save", 1], ["tape", 2, 4], ["reverse", 2, 4], ["restart"], ["tape", 0, 2], ["reverse", 0, 2],
];

/** Subtree with new loop variables and identities. */
function copy(body: readonly Node[], suffix: string): readonly Node[] {
  const names = new Map<string, Expr>();
  visitNodes(body, (n) => { if (n.kind === "loop") names.set(n.variable, sym(`${n.variable}_${suffix}`)); });
  const renamed = rewriteNodes(body, { fresh: true, expr: (e) => substitute(e, names) });
  const rename = (list: readonly Node[]): readonly Node[] => list.map((n) => (n.kind === "loop" ? { ...n, variable: `${n.variable}_${suffix}`, body: rename(n.body) } : n));
  return rename(renamed);
}

/** The driver over the pieces of a planned graph whose time loop is `t` and whose state is `u`. */
function scheduled(graph: Graph): Graph {
  const at = graph.body.map((n, i) => (n.kind === "loop" && n.variable === "t" ? i : -1)).filter((i) => i >= 0);
  const [f, r] = at as [number, number], forward = graph.body[f] as Loop, backward = graph.body[r] as Loop;
  const tape = [...graph.containers.values()].find((c) => c.role === "tape")!;
  const isCapture = (n: Node): boolean => { let found = false; visitNodes([n], (x) => { if (x.kind === "tasklet" && x.output.data === tape.name) found = true; }); return found; };
  const from = load("from", [sym("a")]), to = load("to", [sym("a")]), slot = from;
  // The tape holds one segment: rows count from the segment's first step.
  const shift = (body: readonly Node[]): readonly Node[] => rewriteNodes(body, { memlet: (m) => (m.data === tape.name ? { ...m, index: [sub(m.index[0]!, from), ...m.index.slice(1)] } : m) });
  const segment = (l: Loop, body: readonly Node[]): Loop => ({ ...l, id: freshId(), begin: from, end: to, body });
  const move = (v: string, target: (i: Expr) => { data: string; index: Expr[] }, source: (i: Expr) => { data: string; index: Expr[] }): Node => ({
    kind: "loop", id: freshId(), variable: v, begin: ZERO, end: sym("N"), order: "any",
    body: [{ kind: "tasklet", id: freshId(), inputs: [source(sym(v))], output: target(sym(v)), code: input(0, "float64") }],
  });
  const u = (i: Expr) => ({ data: "u", index: [i] }), snap = (i: Expr) => ({ data: "snap", index: [slot, i] }), initial = (i: Expr) => ({ data: "u_in", index: [i] });
  const bodies: Readonly<Record<Action, readonly Node[]>> = {
    advance: copy([segment(forward, forward.body.filter((n) => !isCapture(n)))], "adv"),
    save: [move("s0", snap, u)], restore: [move("s1", u, snap)], restart: [move("s2", u, initial)],
    tape: [segment(forward, shift(forward.body))],
    reverse: [segment(backward, shift(backward.body))],
    turn: graph.body.slice(f + 1, r),
  };
  const branches = CODES.map((c, k): Branch => ({ condition: { inputs: [{ data: "action", index: [sym("a")] }], code: op("eq", "bool", input(0, "int64"), constant(k, "int64")) }, body: bodies[c] }));
  const driver: Loop = { kind: "loop", id: freshId(), variable: "a", begin: ZERO, end: sym("K"), order: "up", body: [{ kind: "conditional", id: freshId(), branches }] };
  const containers = new Map(graph.containers);
  const list = (name: string): Container => ({ name, dtype: "int64", shape: [sym("K")], transient: false });
  for (const name of ["action", "from", "to"]) containers.set(name, list(name));
  containers.set("snap", { name: "snap", dtype: "float64", shape: [sym("S"), sym("N")], transient: true, role: "snapshot" });
  containers.set(tape.name, { ...tape, shape: [sym("L"), ...tape.shape.slice(1)] });
  const copies = graph.body.slice(0, f).filter((n) => n.kind !== "loop");
  return graph.with({
    containers, symbols: [...graph.symbols, "K", "S", "L"], assumptions: [...graph.assumptions, sym("K"), sym("S"), sym("L")],
    parameters: [...graph.parameters, ...["action", "from", "to"].map((name) => ({ kind: "container" as const, name, container: name }))],
    body: [...copies, driver],
  });
}

const N = 200, T = 10, u = randoms(8, N), w = randoms(9, N);
const call = { u_in: u, w, dt: [0.03], loss_in: [0] };
const actions = { action: PLAN.map(([c]) => CODES.indexOf(c)), from: PLAN.map(([, a]) => a ?? 0), to: PLAN.map(([, , b]) => b ?? 0) };
const sizes = { N, T, K: PLAN.length, S: 2, L: 2 };
const all = () => differentiate(walkThrough(), { wrt: ["u"], of: ["loss"], seeds: "unit", keep: ["loss"] });

test("the gradient of a 2-snapshot plan on 10 steps is that of store-all, bit for bit", (t) => {
  const d = all(), planned = scheduled(d.graph);
  golden(t, "walk-through.two-snapshots", graphText(planned));
  const values = (given: Record<string, readonly number[]>) => Object.fromEntries(Object.entries(given).map(([k, x]) => [k, { v: x }]));
  const want = interpret(d.graph, { N, T }, values(call), { seed: 0 }), got = interpret(planned, sizes, values({ ...call, ...actions }), { seed: 0 });
  t.deepEqual(got.get("g_u")!.v, want.get("g_u")!.v);
  t.deepEqual(got.get("loss")!.v, want.get("loss")!.v);

  // As planned, without the optimiser, which may sum in another order where it knows more of the bounds.
  const lower = (g: Graph): Plan => lowerToPlan(schedule(g), { precision: "strict", threads: false, vectorMath: false, outputs: d.outputs });
  const store = lower(d.graph), snapshots = lower(planned);
  const a = runPlan(store, { N, T }, call), b = runPlan(snapshots, sizes, { ...call, ...actions });
  t.deepEqual(b.get("g_u"), a.get("g_u"));
  t.deepEqual(b.get("loss"), a.get("loss"));
  const bytes = (p: typeof store, s: Readonly<Record<string, number>>): number => layoutOf(p, new Map(Object.entries(s))).arenaBytes;
  // Ten steps on the tape against two and two snapshots: six states less, but for rounding to cache lines and pages.
  t.true(bytes(snapshots, sizes) <= bytes(store, { N, T }) - 6 * N * 8 + 4096, `${bytes(snapshots, sizes)} and ${bytes(store, { N, T })}`);
});

test("another schedule runs on the same compiled plan, optimised", (t) => {
  const d = all(), plan = finish(scheduled(d.graph), { precision: "strict", vectorMath: false, outputs: d.outputs });
  const once: readonly Step[] = [["restart"], ["tape", 0, 10], ["turn"], ["reverse", 0, 10]];
  const arrays = { action: once.map(([c]) => CODES.indexOf(c)), from: once.map(([, a]) => a ?? 0), to: once.map(([, , b]) => b ?? 0) };
  const a = runPlan(plan, { ...sizes, K: once.length, L: 10, S: 0 }, { ...call, ...arrays });
  const b = runPlan(plan, sizes, { ...call, ...actions });
  t.deepEqual(a.get("g_u"), b.get("g_u"));
});
