/** Programs of the other frontends as .sdfg files: they load again with the same values and gradients. What DaCe cannot say is refused. */
import test from "ava";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DaceError, javascript, jit, ndarray, NDArray, python, SDFG, vjp, type Value } from "../../ts/index.js";
import { exportGraph } from "../../ts/sdfg/dace/export.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import { constant, input } from "../../ts/scalar/expr.js";
import type { Node } from "../../ts/sdfg/nodes.js";
import { sym, ZERO } from "../../ts/symbolic/expr.js";
import { FOLDER, inputData, numbers } from "../programs/check.js";
import { PROGRAMS } from "../programs/table.js";
import { flat } from "./support.js";

const OPTIONS = { device: "js", cache: false } as const;
const folder = mkdtempSync(join(tmpdir(), "sdfg-export-"));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });
const SOURCE = readFileSync(join(FOLDER, "programs.py"), "utf8");
const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((x, i) => Math.abs(x - b[i]!) <= 1e-12 * Math.max(1, Math.abs(b[i]!)));
const numbersOf = (x: unknown): number[] => (x === undefined ? [] : Array.isArray(x) ? x.flatMap(numbersOf) : x instanceof NDArray ? numbersOf(x.toArray()) : flat(x));

// Loops with bounds from loops, views, reductions, products, while loops of the frontend's own, swaps and local arrays.
for (const name of ["jacobi_1d", "seidel_2d", "deriche", "gemver", "lu", "cholesky", "durbin", "gramschmidt", "vadv", "conv2d"]) {
  test(name, (t) => {
    const entry = PROGRAMS.find((p) => p.name === name)!, next = numbers(11), data = entry.numpy.map((x) => inputData(x, next));
    const args = (): Value[] => data.map((d) => (d.shape === undefined ? d.values[0]! : d.shape.length === 1 ? d.values.slice() : ndarray(d.values.slice(), d.shape)));
    const program = python(SOURCE, { function: name }), names = program.facts().parameters;
    const made = SDFG.of(program, ...args()), file = join(folder, `${name}.sdfg`);
    made.save(file);
    const loaded = SDFG.load(file), own = loaded.facts().parameters, pick = (all: readonly Value[]): Value[] => own.map((n) => all[names.indexOf(n)]!);
    const a = args(), b = args(), r = jit(program, OPTIONS)(...a), q = jit(loaded, OPTIONS)(...pick(b));
    t.true(same(numbersOf(q), numbersOf(r)), "result");
    a.forEach((x, i) => { if (own.includes(names[i]!)) t.true(same(numbersOf(b[i]), numbersOf(x)), names[i]); });
    const outputs = a.flatMap((x, i) => (typeof x === "object" && !same(numbersOf(x), [...data[i]!.values]) ? [names[i]!] : [])), ct: Record<string, Value> = {};
    outputs.forEach((n, i) => { ct[n] = i + 0.5; });
    if (r !== undefined) for (const [i, x] of (Array.isArray(r) ? r : [r]).entries()) if (x !== undefined) ct[Array.isArray(r) ? `return[${i}]` : "return"] = 1 - i / 3;
    const g = vjp(program, OPTIONS)(args(), ct).grads, h = vjp(loaded, OPTIONS)(pick(args()), ct).grads;
    for (const n of Object.keys(g)) { const x = numbersOf(h[n]), y = numbersOf(g[n]), scale = Math.max(1, ...y.map(Math.abs)); t.true(x.length === y.length && x.every((v, i) => Math.abs(v - y[i]!) <= 1e-11 * scale), `gradient of ${n}`); }
  });
}

test("exits become break", (t) => {
  const p = javascript((x: Float64Array, y: Float64Array): void => {
    for (let i = 0; i < x.length; i++) {
      if (x[i]! < 0) continue;
      if (x[i]! > 9) break;
      let k = 0;
      while (k < 3) { y[i]! += x[i]!; k++; if (y[i]! > 5) break; }
    }
    if (y[0]! > 100) return;
    y[0]! += 1;
  });
  const x = Float64Array.of(1, -2, 3, 4, 10, 5), y = new Float64Array(6), z = new Float64Array(6);
  const file = join(folder, "exits.sdfg");
  SDFG.of(p, x, y).save(file);
  const text = readFileSync(file, "utf8");
  t.true(text.includes("BreakBlock"));
  jit(p, OPTIONS)(x, y);
  const s = SDFG.load(file);
  jit(s, OPTIONS)(x, z);
  t.deepEqual([...z], [...y]);
});

const graph = (body: readonly Node[]): Graph => new Graph({
  name: "g", symbols: ["N"], assumptions: [], checks: [], result: { kind: "none" }, body, parameters: [{ kind: "container", name: "A", container: "A" }],
  containers: new Map([["A", { name: "A", dtype: "float64", shape: [sym("N")], transient: false }]]),
});
const expand = (): never => { throw new Error("nothing to expand"); };
for (const [what, body, message] of [
  ["saved reads", [{ kind: "tasklet", id: 1, inputs: [{ data: "A", index: [ZERO], saved: { node: 1, when: "before" } }], output: { data: "A", index: [ZERO] }, code: input(0, "float64") }], /saved value/],
  ["guarded reads", [{ kind: "tasklet", id: freshId(), inputs: [{ data: "A", index: [ZERO], guard: [sym("N")] }], output: { data: "A", index: [ZERO] }, code: input(0, "float64") }], /guarded read/],
  ["errors of the program", [{ kind: "raise", id: freshId(), code: "RAISED", message: "no" }], /error that the program raises \(no\)/],
  ["exits out of several loops", [{ kind: "block", id: freshId(), label: "out", body: [{ kind: "loop", id: freshId(), variable: "i", begin: ZERO, end: sym("N"), order: "up", body: [{ kind: "loop", id: freshId(), variable: "j", begin: ZERO, end: sym("N"), order: "up", body: [{ kind: "exit", id: freshId(), label: "out" }] }] }] }], /exit out of several loops/],
  ["functions that DaCe does not have", [{ kind: "tasklet", id: freshId(), inputs: [], output: { data: "A", index: [ZERO] }, code: { kind: "op", op: "digamma", dtype: "float64", args: [constant(1, "float64")] } }], /digamma/],
] as readonly [string, readonly Node[], RegExp][]) {
  test(`refused: ${what}`, (t) => { const e = t.throws(() => exportGraph(graph(body), { expand }), { instanceOf: DaceError })!; t.is(e.code, "ERR_DACE_UNSUPPORTED"); t.regex(e.message, message); });
}
