/** One broken graph per rule of the validator, each named in the error, with the node; and valid graphs that pass. */
import test from "ava";
import { cast, constant, input, op } from "../../ts/scalar/expr.js";
import { InternalError } from "../../ts/base/errors.js";
import { validate, type Rule, type ValidateOptions } from "../../ts/sdfg/validate.js";
import { freshId, Graph, type SDFGFields } from "../../ts/sdfg/sdfg.js";
import type { Container, LibraryNode, Loop, Node, Tasklet } from "../../ts/sdfg/nodes.js";
import { load, sym, ZERO } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";

const container = (name: string, fields: Partial<Container> = {}): [string, Container] => [name, { name, dtype: "float64", shape: [sym("N")], transient: false, ...fields }];
const graph = (body: readonly Node[], fields: Partial<SDFGFields> = {}, more: readonly [string, Container][] = []): Graph => new Graph({
  name: "g", symbols: ["N"], assumptions: [sym("N")], checks: [], result: { kind: "none" }, body,
  containers: new Map([container("A"), container("B"), container("k", { dtype: "int64" }), container("t", { shape: [], transient: true }), container("b", { dtype: "bool" }), container("z", { dtype: "complex128" }), ...more]),
  parameters: [{ kind: "container", name: "A", container: "A" }, { kind: "symbol", name: "N", symbol: "N" }], ...fields,
});
const loop = (body: readonly Node[], fields: Partial<Loop> = {}): Loop => ({ kind: "loop", id: freshId(), variable: "i", begin: ZERO, end: sym("N"), order: "any", body, ...fields });
const task = (fields: Partial<Tasklet> = {}): Tasklet => ({ kind: "tasklet", id: freshId(), inputs: [{ data: "A", index: [sym("i")] }], output: { data: "B", index: [sym("i")] }, code: input(0, "float64"), ...fields });
const twice = task();

test("a valid graph passes", (t) => {
  t.notThrows(() => validate(graph([loop([task(), task({ wcr: "sum" })]), loop([task({ output: { data: "t", index: [] } })], { locals: ["t"] })])));
  t.notThrows(() => validate(graph([loop([task({ inputs: [{ data: "A", index: [load("k", [sym("i")])], guard: [parseExpr("i - 1")] }] })])])));
});

const broken: readonly [Rule, string, Graph, ValidateOptions?][] = [
  ["containers", "an entry of another name", graph([], {}, [["C", container("D")[1]]])],
  ["containers", "a shape that depends on data", graph([], {}, [container("C", { shape: [load("k", [ZERO])] })])],
  ["views", "a view of nothing", graph([], {}, [container("v", { view: { base: "nothing", offset: ZERO } })])],
  ["views", "a view of a view", graph([], {}, [container("v", { view: { base: "A", offset: ZERO } }), container("w", { view: { base: "v", offset: ZERO } })])],
  ["views", "a view of another dtype", graph([], {}, [container("v", { dtype: "int64", view: { base: "A", offset: ZERO } })])],
  ["parameters", "a parameter without a container", graph([], { parameters: [{ kind: "container", name: "X", container: "X" }] })],
  ["parameters", "a transient parameter", graph([], { parameters: [{ kind: "container", name: "t", container: "t" }] })],
  ["parameters", "a parameter without a symbol", graph([], { parameters: [{ kind: "symbol", name: "M", symbol: "M" }] })],
  ["parameters", "two of one name", graph([], { parameters: [{ kind: "container", name: "A", container: "A" }, { kind: "container", name: "A", container: "B" }] })],
  ["node identities", "a node twice", graph([loop([twice]), loop([twice])])],
  ["loop variables", "a nest that uses a variable twice", graph([loop([loop([task()])])])],
  ["loop variables", "a loop over a size", graph([loop([task()], { variable: "N" })])],
  ["symbols in scope", "an index after its loop", graph([loop([task()]), task()])],
  ["symbols in scope", "an unknown bound", graph([loop([task()], { end: sym("M") })])],
  ["symbols in scope", "an unknown symbol in the code", graph([loop([task({ code: { kind: "symbolic", dtype: "float64", expr: sym("q") }, inputs: [] })])])],
  ["known containers", "an unknown input", graph([loop([task({ inputs: [{ data: "X", index: [] }] })])])],
  ["known containers", "an unknown result", graph([], { result: { kind: "container", name: "X" } })],
  ["index ranks", "too many indices", graph([loop([task({ output: { data: "B", index: [sym("i"), sym("i")] } })])])],
  ["index ranks", "a load with too few", graph([loop([task({ output: { data: "B", index: [load("k", [])] } })])])],
  ["loads", "an index that is a float", graph([loop([task({ output: { data: "B", index: [load("A", [sym("i")])] } })])])],
  ["code inputs", "an input that is not there", graph([loop([task({ code: input(1, "float64") })])])],
  ["code inputs", "an input of another dtype", graph([loop([task({ code: cast(input(0, "float32"), "float64") })])])],
  ["code types", "a value of another dtype", graph([loop([task({ code: cast(input(0, "float64"), "float32") })])])],
  ["condition types", "a condition that is a number", graph([{ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: constant(1, "float64") }, body: [] }] }])],
  ["condition types", "else in the middle", graph([{ kind: "conditional", id: freshId(), branches: [{ body: [] }, { body: [] }] }])],
  ["exits", "an exit from nowhere", graph([{ kind: "exit", id: freshId(), label: "out" }])],
  ["exits", "a block in a block of its label", graph([{ kind: "block", id: freshId(), label: "x", body: [{ kind: "block", id: freshId(), label: "x", body: [] }] }])],
  ["locals", "a use after the loop", graph([loop([task({ output: { data: "t", index: [] } })], { locals: ["t"] }), loop([task({ inputs: [{ data: "t", index: [] }] })])])],
  ["locals", "a use before the loop", graph([loop([task({ output: { data: "t", index: [] } })]), loop([task({ inputs: [{ data: "t", index: [] }] })], { locals: ["t"] })])],
  ["locals", "an argument", graph([loop([task()], { locals: ["B"] })])],
  ["locals", "two loops, nested", graph([loop([loop([task({ output: { data: "t", index: [] } })], { variable: "j", locals: ["t"] })], { locals: ["t"] })])],
  ["conflict resolution", "a sum of booleans", graph([loop([task({ output: { data: "b", index: [sym("i")] }, code: constant(true, "bool"), wcr: "sum" })])])],
  ["conflict resolution", "a maximum of complex numbers", graph([loop([task({ output: { data: "z", index: [sym("i")] }, code: constant(1, "complex128", 0), wcr: "max" })])])],
  ["guards", "a guarded write", graph([loop([task({ output: { data: "B", index: [sym("i")], guard: [sym("i")] } })])])],
  ["saved reads", "in a graph that has none", graph([loop([task({ id: 77, inputs: [{ data: "A", index: [sym("i")], saved: { node: 77, when: "before" } }] })])])],
  ["saved reads", "of a node that is not there", graph([loop([task({ inputs: [{ data: "A", index: [sym("i")], saved: { node: -5, when: "before" } }] })])]), { saved: true }],
  ["saved reads", "as a write", graph([loop([task({ id: 78, output: { data: "B", index: [sym("i")], saved: { node: 78, when: "after" } } })])]), { saved: true }],
  ["operands", "an axis twice", graph([library({ axes: [0, 0], sizes: [sym("N"), sym("N")] })])],
  ["library operation", "a rule of the operation", graph([library({})]), { library: () => { throw new Error("needs two operands"); } }],
];
function library(o: object): LibraryNode { return { kind: "library", id: freshId(), op: "matmul", inputs: [{ data: "A", base: [ZERO], axes: [0], sizes: [sym("N")], ...o }], outputs: [], accumulate: false, attributes: {} }; }

for (const [rule, what, g, options] of broken) test(`${rule}: ${what}`, (t) => {
  const e = t.throws(() => validate(g, options), { instanceOf: InternalError })!;
  t.true(e.summary.includes(`: ${rule}: `), e.summary);
  if (g.body.length > 0 && !["node identities"].includes(rule)) t.regex(e.summary, /at node \d+ \(/);
});

test("every kind of expression is looked at", (t) => {
  // A condition's inputs and a while loop's counter.
  const w: Node = { kind: "while", id: freshId(), testAfter: false, counter: "n", condition: { inputs: [{ data: "A", index: [ZERO] }], code: op("lt", "bool", input(0, "float64"), constant(1, "float64")) }, body: [task({ inputs: [{ data: "A", index: [sym("n")] }], output: { data: "A", index: [sym("n")] } })] };
  t.notThrows(() => validate(graph([w])));
  t.throws(() => validate(graph([{ ...w, condition: { ...w.condition, inputs: [{ data: "A", index: [sym("n")] }] } }])), { message: /symbols in scope/ });
});
