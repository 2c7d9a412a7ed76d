/** Estimates of time: what must hold of them whatever the rates are. */
import test from "ava";
import { CPU_RATES, GPU_RATES, JS_RATES } from "../../../ts/base/rates.js";
import { tasklet } from "../../../ts/autodiff/names.js";
import { memoryRate, TimeModel } from "../../../ts/checkpoint/cost/time.js";
import { matmulNode } from "../../../ts/library/matmul.js";
import { input, op, type ScalarExpr } from "../../../ts/scalar/expr.js";
import { schedule } from "../../../ts/schedule/schedule.js";
import type { Container, Loop, Node } from "../../../ts/sdfg/nodes.js";
import { freshId, Graph } from "../../../ts/sdfg/sdfg.js";
import { addInt, int, load, sym, ZERO, type Expr } from "../../../ts/symbolic/expr.js";

const N = sym("N"), T = sym("T"), x = input(0, "float64"), y = input(1, "float64");
let variables = 0;
function loop(order: Loop["order"], begin: Expr, end: Expr, body: (v: Expr) => readonly Node[]): Loop { const variable = `i${variables++}`; return { kind: "loop", id: freshId(), variable, begin, end, order, body: body(sym(variable)) }; }
function graphOf(body: readonly Node[]): Graph {
  const containers = new Map<string, Container>();
  for (const [name, shape] of [["a", [N]], ["b", [N]], ["tape", [T, N]], ["A", [N, N]], ["B", [N, N]], ["C", [N, N]]] as const) containers.set(name, { name, dtype: "float64", shape, transient: false });
  const symbols = ["N", "T"];
  return new Graph({ name: "g", containers, symbols, assumptions: symbols.map(sym), result: { kind: "none" }, checks: [], body, parameters: [...containers.keys()].map((name) => ({ kind: "container", name, container: name })) });
}
const map = (code: ScalarExpr): Loop => loop("any", ZERO, N, (i) => [tasklet({ data: "b", index: [i] }, code, [{ data: "a", index: [i] }])]);
const mul3 = op("mul", "float64", x, op("add", "float64", x, x));
const seconds = (body: readonly Node[], n: number, t = 1, rates = CPU_RATES, threads = 1): number => new TimeModel(schedule(graphOf(body)), rates).seconds({ sizes: new Map([["N", n], ["T", t]]) }, threads);

test("larger sizes take longer, and one part after another takes the sum", (t) => {
  let last = 0;
  for (const n of [10, 100, 1000, 10_000, 100_000, 1e6, 1e7]) { const s = seconds([map(mul3)], n); t.true(s > last, `${n}: ${s}`); last = s; }
  // Parts of one program lie at the same distance.
  const g = schedule(graphOf([map(mul3), map(op("exp", "float64", x))])), m = new TimeModel(g, CPU_RATES), call = { sizes: new Map([["N", 5000], ["T", 1]]) };
  t.true(Math.abs(m.seconds(call) - g.body.reduce((sum, n) => sum + m.of([n], call), 0)) < 1e-15);
});

test("a function takes longer than a product, an order that must be kept longer, where there are vectors", (t) => {
  for (const rates of [CPU_RATES, JS_RATES]) {
    t.true(seconds([map(op("tanh", "float64", x))], 1000, 1, rates) > seconds([map(mul3)], 1000, 1, rates));
  }
  const chain = loop("up", ZERO, addInt(N, -1), (i) => [tasklet({ data: "b", index: [addInt(i, 1)] }, op("mul", "float64", x, y), [{ data: "a", index: [i] }, { data: "b", index: [i] }])]);
  t.true(seconds([chain], 1000) > 2 * seconds([map(op("mul", "float64", x, x))], 1000));
});

test("a division among much else takes less than one by itself: it has a unit of its own", (t) => {
  let much: ScalarExpr = x;
  for (let k = 0; k < 20; k++) much = op("mul", "float64", op("add", "float64", much, x), x);
  const divided = (e: ScalarExpr): number => seconds([map(op("div", "float64", e, x))], 1000) - seconds([map(e)], 1000);
  t.true(divided(much) > 0 && divided(much) < 0.7 * divided(x), `${divided(much)} of ${divided(x)}`);
});

test("what does not fit into a cache takes longer an element, and rows that nobody comes back to are as far away as all of them", (t) => {
  t.true(seconds([map(mul3)], 4e6) / 4e6 > 1.5 * seconds([map(mul3)], 1000) / 1000);
  const again = (data: string, index: (s: Expr, i: Expr) => readonly Expr[]): readonly Node[] => [loop("up", ZERO, T, (s) => [loop("any", ZERO, N, (i) => [tasklet({ data, index: index(s, i) }, x, [{ data: "a", index: [i] }])])])];
  t.true(seconds(again("tape", (s, i) => [s, i]), 10_000, 1000) > 1.5 * seconds(again("b", (_, i) => [i]), 10_000, 1000));
});

test("amounts that depend on a loop's variable are added up", (t) => {
  const triangle = (u: (i: Expr) => Expr): readonly Node[] => [loop("up", ZERO, N, (i) => [loop("any", ZERO, u(i), (j) => [tasklet({ data: "C", index: [i, j] }, mul3, [{ data: "A", index: [i, j] }])])])];
  const half = seconds(triangle((i) => addInt(i, 1)), 600), whole = seconds(triangle(() => N), 600);
  t.true(half > 0.45 * whole && half < 0.6 * whole, `${half} of ${whole}`);
});

test("a matrix product takes its flops, on several threads less; threads that gain nothing are left alone", (t) => {
  const all = (data: string): { data: string; base: Expr[]; axes: number[]; sizes: Expr[] } => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: [N, N] }), product = [matmulNode(all("A"), all("B"), all("C"), false)];
  const one = seconds(product, 512), eight = seconds(product, 1024);
  t.true(eight > 7 * one && eight < 9 * one);
  t.true(seconds(product, 1024, 1, CPU_RATES, 4) < 0.4 * eight);
  t.is(seconds([map(mul3)], 100, 1, CPU_RATES, 4), seconds([map(mul3)], 100));
  t.true(seconds([map(op("exp", "float64", x))], 1e5, 1, CPU_RATES, 4) < 0.6 * seconds([map(op("exp", "float64", x))], 1e5));
});

test("of a conditional the arm that sizes decide counts, of one that only the run decides their mean", (t) => {
  const arms = (condition: Node & { kind: "conditional" }): number => seconds([condition], 10_000), exp = map(op("exp", "float64", x)), plain = map(mul3);
  const of = (b: (Node & { kind: "conditional" })["branches"]): Node & { kind: "conditional" } => ({ kind: "conditional", id: freshId(), branches: b });
  const known = of([{ condition: { inputs: [], code: op("gt", "bool", { kind: "symbolic", dtype: "int64", expr: N }, { kind: "const", dtype: "int64", value: 5 }) }, body: [exp] }, { body: [plain] }]);
  const unknown = of([{ condition: { inputs: [{ data: "a", index: [ZERO] }], code: op("gt", "bool", x, { kind: "const", dtype: "float64", value: 0 }) }, body: [exp] }, { body: [plain] }]);
  const a = seconds([exp], 10_000), b = seconds([plain], 10_000);
  t.is(arms(known), a);
  t.true(Math.abs(arms(unknown) - (a + b) / 2) < 0.01 * a);
});

test("a planner's list of actions: each counts as often as it stands there", (t) => {
  const containers = new Map(graphOf([]).containers), act = "act";
  containers.set("list", { name: "list", dtype: "int64", shape: [sym("L"), int(4)], transient: false, role: "workspace" });
  const arm = (k: number, body: readonly Node[]): (Node & { kind: "conditional" })["branches"][number] => ({ condition: { inputs: [{ data: "list", index: [sym(act), ZERO] }], code: op("eq", "bool", input(0, "int64"), { kind: "const", dtype: "int64", value: k }) }, body });
  const steps = loop("up", ZERO, load("list", [sym(act), int(2)]), () => [map(mul3)]);
  const g = graphOf([{ kind: "loop", id: freshId(), variable: act, begin: ZERO, end: sym("L"), order: "up", body: [{ kind: "conditional", id: freshId(), branches: [arm(0, [steps]), arm(1, [map(op("exp", "float64", x))])] }] }]).with({ containers, symbols: ["N", "T", "L"], parameters: [...containers.keys()].map((name) => ({ kind: "container", name, container: name })) });
  const m = new TimeModel(schedule(g), CPU_RATES), of = (...rows: number[][]): number => m.seconds({ sizes: new Map([["N", 1000], ["T", 1], ["L", rows.length]]), lists: new Map([["list", rows.flat()]]) });
  const step = of([0, 0, 1, 0]), copy = of([1, 0, 0, 0]);
  t.true(step > 0 && copy > step);
  for (const [got, want] of [[of(), 0], [of([0, 0, 5, 0]), 5 * step], [of([0, 0, 2, 0], [1, 2, 0, 0], [0, 2, 2, 0], [1, 4, 0, 1]), 4 * step + 2 * copy]] as const) t.true(Math.abs(got - want) <= 1e-9 * (want + 1e-12), `${got} is ${want}`);
});

test("memory between two measured sizes takes something in between; a kernel on a GPU has to be launched", (t) => {
  const { memory } = CPU_RATES, far = memory.at(-1)!;
  for (let bytes = 1000; bytes < 1e9; bytes *= 1.7) {
    const r = memoryRate(memory, bytes);
    t.true(r.read >= memory[0]!.read && r.read <= far.read);
    t.true(r.read <= memoryRate(memory, bytes * 1.7).read + 1e-18);
  }
  t.is(memoryRate(memory, 1e12), far);
  t.true(GPU_RATES.launch > 0 && seconds([map(mul3)], 1e7, 1, GPU_RATES) < 0.1 * seconds([map(mul3)], 1e7));
});
