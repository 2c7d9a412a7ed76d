/** A program built by hand, so that the verbs can be tested apart from the frontends. */
import { Program, type ProgramFacts } from "../../ts/compile/program.js";
import type { Signature } from "../../ts/frontend/array/signature.js";
import { constant, input, op } from "../../ts/scalar/expr.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import type { Container, Loop, Node, Tasklet } from "../../ts/sdfg/nodes.js";
import { int, sym, ZERO, type Expr } from "../../ts/symbolic/expr.js";

const loop = (variable: string, end: Expr, order: Loop["order"], body: readonly Node[]): Loop => ({ kind: "loop", id: freshId(), variable, begin: ZERO, end, order, body });
const task = (data: string, index: readonly Expr[], code: Tasklet["code"], inputs: Tasklet["inputs"], wcr?: "sum"): Tasklet => ({ kind: "tasklet", id: freshId(), inputs, output: { data, index }, code, ...(wcr ? { wcr } : {}) });

/** `for t in range(3): u[:] = a * u * u`, then `return sum(u)`; u is changed in place. With `array`, it returns u instead. */
export class Squares extends Program {
  constructor(readonly array = false) { super(); }
  facts(): ProgramFacts { return { name: "squares", language: "python", parameters: ["u", "a", "n"], integers: new Set(["n"]), required: 2 }; }
  graph(signature: Signature): Graph {
    const u = signature.parameters[0]!, a = signature.parameters[1]!, n = signature.parameters[2];
    if (u.kind !== "array" || a.kind !== "float") throw new Error("u is an array and a a number");
    const i = sym("i"), containers = new Map<string, Container>([
      ["u", { name: "u", dtype: u.dtype, shape: u.dims, transient: false, label: "u" }],
      ["a", { name: "a", dtype: "float64", shape: [], transient: false, label: "a" }],
      ["s", { name: "s", dtype: "float64", shape: [], transient: false }],
    ]);
    const f = u.dtype;
    const indices = u.dims.map((_, d) => (d === 0 ? i : sym(`j${d}`)));
    const nest = (inner: Node): Node => u.dims.reduceRight<Node>((body, size, d) => loop(d === 0 ? "i" : `j${d}`, size, "any", [body]), inner);
    const square = nest(task("u", indices, op("mul", f, op("mul", f, input(0, f), input(0, f)), input(1, "float64")), [{ data: "u", index: indices }, { data: "a", index: [] }]));
    const k = u.dims.map((_, d) => sym(`k${d}`));
    const sum = u.dims.reduceRight<Node>((body, size, d) => loop(`k${d}`, size, "any", [body]), task("s", [], input(0, f), [{ data: "u", index: k }], "sum"));
    return new Graph({
      name: "squares", containers, symbols: [...new Set([...u.dims.flatMap((d) => (d.constant === undefined ? [d.key] : [])), ...(n ? ["n"] : [])])], assumptions: u.dims,
      parameters: [{ kind: "container", name: "u", container: "u" }, { kind: "container", name: "a", container: "a" }, ...(n ? [{ kind: "symbol" as const, name: "n", symbol: "n" }] : [])],
      result: { kind: "container", name: this.array ? "u" : "s" }, checks: [],
      body: [loop("t", n ? sym("n") : int(3), "up", [square]), ...(this.array ? [] : [task("s", [], constant(0, "float64"), []), sum])],
    });
  }
  cacheKey(): string { return `squares ${this.array}`; }
}
