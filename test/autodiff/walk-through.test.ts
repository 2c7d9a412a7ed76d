/** The walk-through program of the design: an overlapping in-place stencil over time, differentiated once and twice. Its texts at every stage are golden. */
import test from "ava";
import { differentiate, finish, Trace } from "../../ts/compile/pipeline.js";
import { graphText } from "../../ts/sdfg/text.js";
import { golden } from "../support/golden.js";
import { interpret } from "../support/interpret.js";
import { expanded, runPlan } from "../support/check-gradient.js";
import { randoms } from "../support/random-graph.js";
import { slope } from "../support/differences.js";
import { walkThrough, walkThroughReference } from "../support/walk-through.js";

const N = 12, T = 10, sizes = { N, T };
const u = randoms(3, N), w = randoms(4, N), dt = 0.05, v = randoms(5, N), q = randoms(6, N);
const along = (x: readonly number[], d: readonly number[], h: number): number[] => x.map((a, i) => a + h * d[i]!);
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * b[i]!, 0);
const near = (a: number, b: number, tolerance: number): boolean => Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));

function first(trace = new Trace()) { return differentiate(walkThrough(), { wrt: ["u"], of: ["loss"], seeds: "unit", keep: ["loss"] }, trace); }

test("texts of all stages", (t) => {
  const trace = new Trace(), d = first(trace);
  golden(t, "walk-through.simplified", graphText(walkThrough()));
  golden(t, "walk-through.joint", graphText(trace.graphs.get("joint")!));
  golden(t, "walk-through.planned", graphText(d.graph));
  const again = new Trace();
  differentiate(d.graph, { wrt: ["u_in"], of: ["g_u"], seeds: "arguments", keep: [] }, again);
  golden(t, "walk-through.second.joint", graphText(again.graphs.get("joint")!));
  golden(t, "walk-through.second.planned", graphText(again.graphs.get("planned")!));
});

test("first derivative against extrapolated differences of the plain program", (t) => {
  const d = first();
  const given = { u_in: { v: u }, w: { v: w }, dt: { v: [dt] }, loss_in: { v: [0] } };
  const out = interpret(d.graph, sizes, given), g = out.get(d.outputs["grad:u"]!)!.v;
  t.true(near(out.get("loss")!.v[0]!, walkThroughReference(u, w, dt, T), 1e-14));
  for (const dir of [v, q]) {
    const want = slope((h) => walkThroughReference(along(u, dir, h), w, dt, T));
    t.true(near(dot(g, dir), want.value, 1e-10), `${dot(g, dir)} and ${want.value}`);
  }
  const plan = finish(expanded(d.graph), { precision: "strict", vectorMath: false, outputs: d.outputs });
  const ran = runPlan(plan, sizes, { u_in: u, w, dt: [dt], loss_in: [0] });
  ran.get(d.outputs["grad:u"]!)!.forEach((x, i) => { t.true(near(x, g[i]!, 1e-13)); });
});

test("second derivative: symmetric, and equal to differences of the first", (t) => {
  const d = first(), e = differentiate(d.graph, { wrt: ["u_in"], of: ["g_u"], seeds: "arguments", keep: [] });
  const seed = e.graph.parameters.find((p) => p.name === "cotangent:g_u") as { container: string };
  const given = (x: readonly number[], dir?: readonly number[]) => ({ u_in: { v: x }, w: { v: w }, dt: { v: [dt] }, loss_in: { v: [0] }, ...(dir ? { [seed.container]: { v: dir } } : {}) });
  const product = (dir: readonly number[]): number[] => interpret(e.graph, sizes, given(u, dir)).get(e.outputs["grad:u_in"]!)!.v;
  const gradient = (x: readonly number[]): number[] => interpret(d.graph, sizes, given(x)).get("g_u")!.v;
  const hv = product(v), hq = product(q);
  t.true(near(dot(q, hv), dot(v, hq), 1e-13), "q·Hv = v·Hq");
  const want = slope((h) => dot(v, gradient(along(u, q, h))));
  t.true(near(dot(q, hv), want.value, 1e-9), `${dot(q, hv)} and ${want.value}`);
  const plan = finish(expanded(e.graph), { precision: "strict", vectorMath: false, outputs: e.outputs });
  const ran = runPlan(plan, sizes, { u_in: u, w, dt: [dt], loss_in: [0], [seed.container]: v });
  ran.get(e.outputs["grad:u_in"]!)!.forEach((x, i) => { t.true(near(x, hv[i]!, 1e-12)); });
});

test("the tape is T·N values, and there is one", (t) => {
  const d = first(), tapes = [...d.graph.containers.values()].filter((c) => c.role === "tape");
  t.deepEqual(tapes.map((c) => c.shape.map((s) => s.key)), [["T", "N"]]);
});
