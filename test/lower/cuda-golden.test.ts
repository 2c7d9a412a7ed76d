/** CUDA text of small programs: a time loop of stencils in a section, sums of rows, a sum in parts, bounds; a small loop as one block, tiles, a batch of products. UPDATE_GOLDEN=1 rewrites it; read the diff. */
import test from "ava";
import { lowerToCuda } from "../../ts/lower/cuda-plan.js";
import { scheduleGpu } from "../../ts/schedule/gpu/schedule.js";
import { input } from "../../ts/scalar/expr.js";
import { matmulNode } from "../../ts/library/matmul.js";
import type { Operand } from "../../ts/sdfg/nodes.js";
import { freshId } from "../../ts/sdfg/sdfg.js";
import { load, sym, ZERO } from "../../ts/symbolic/expr.js";
import { golden } from "../support/golden.js";
import { Build, memlet, num, plus, times } from "../transform/build.js";

test("stencils, sums and gathers", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("B", "n", "n").data("r", "n").data("s").data("y", "n");
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("n")], transient: false });
  b.parameters.push("idx");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "n", "any", () => { b.loop("j", "1", "n + -1", "any", () => {
      b.push({ kind: "tasklet", id: freshId(), inputs: [{ ...memlet("A[i + -1, j]"), guard: [memlet("z[i + -1]").index[0]!] }, memlet("A[i, j + 1]")], output: memlet("B[i, j]"), code: times(num(0.5), plus(input(0, "float64"), input(1, "float64"))) });
    }); });
    b.loop("k", "0", "n", "any", () => { b.loop("l", "1", "n + -1", "any", () => { b.set("A[k, l]", ["B[k, l]"], (x) => x); }); });
  });
  b.set("s", [], () => num(0));
  b.loop("p", "0", "n", "any", () => { b.loop("q", "0", "n", "any", () => { b.set("r[p]", ["A[p, q]"], (x) => times(x, x), "sum"); }); });
  b.loop("u", "0", "n", "any", () => { b.set("s", ["r[u]"], (x) => x, "sum"); });
  b.loop("v", "0", "n", "any", () => { b.push({ kind: "tasklet", id: freshId(), inputs: [{ data: "r", index: [load("idx", [sym("v")])] }], output: memlet("y[v]"), code: input(0, "float64") }); });
  const { cuda } = lowerToCuda(scheduleGpu(b.graph("n + -2")), { precision: "default" });
  const host = cuda!.host.sources[0]!;
  golden(t, "stencil.cuda", `${host.slice(host.indexOf("extern \"C\" i32 dace_run("))}\n${cuda!.device.slice(cuda!.device.indexOf("extern \"C\" __global__"))}`);
});

test("a loop as one block or as launches, in tiles; sums by a warp; a batch of products; a histogram", (t) => {
  const b = new Build("n", "T", "p").data("A", "n", "n").data("B", "n", "n").data("r", "n").data("x", "p", "n", "n").data("y", "p", "n", "n").data("h", "n");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "1", "n + -1", "any", () => { b.loop("j", "1", "n + -1", "any", () => { b.set("B[i, j]", ["A[i + -1, j]", "A[i, j + -1]", "A[i, j + 1]", "A[i + 1, j]"], (...v) => times(num(0.25), plus(...v))); }); });
    b.loop("k", "1", "n", "any", () => { b.loop("l", "0", "n", "any", () => { b.set("r[k]", ["B[k, l]"], (v) => v, "sum"); }); });
    b.set("A[0, 0]", ["r[1]"], (v) => v);
  });
  b.containers.set("idx", { name: "idx", dtype: "int64", shape: [sym("n")], transient: false });
  b.parameters.push("idx");
  b.loop("u", "0", "n", "any", () => { b.push({ kind: "tasklet", id: freshId(), inputs: [memlet("r[u]")], output: { data: "h", index: [load("idx", [sym("u")])] }, wcr: "sum", code: input(0, "float64") }); });
  const square = (data: string): Operand => ({ data, base: [sym("q"), ZERO, ZERO], axes: [1, 2], sizes: [sym("n"), sym("n")] });
  b.loop("q", "0", "p", "any", () => { b.push(matmulNode(square("x"), { ...square("x"), axes: [2, 1] }, square("y"), true)); });
  const { cuda } = lowerToCuda(scheduleGpu(b.graph("n + -2")), { precision: "default" }), host = cuda!.host.sources[0]!;
  golden(t, "blocks.cuda", `${host.slice(host.indexOf("extern \"C\" i32 dace_run("))}\n${cuda!.device.slice(cuda!.device.indexOf("extern \"C\" __global__"))}`);
});
