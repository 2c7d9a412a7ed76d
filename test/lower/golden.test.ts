/** The text that both printers make of three small programs. UPDATE_GOLDEN=1 rewrites it; read the diff. */
import test from "ava";
import { lowerToPlan } from "../../ts/lower/lower.js";
import type { Plan } from "../../ts/lower/plan.js";
import { schedule } from "../../ts/schedule/schedule.js";
import { op } from "../../ts/scalar/expr.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { golden } from "../support/golden.js";
import { Build, memlet as memletOf, num, plus, times } from "../transform/build.js";

function plan(graph: Graph, precision: "default" | "strict" = "default"): Plan { return lowerToPlan(schedule(graph, { precision }), { precision, threads: true, vectorMath: true }); }
/** Without the preamble, which is the same everywhere. */
const body = (p: Plan): string => { const s = p.cpp.sources[0]!; return s.slice(s.indexOf("extern \"C\" i32 dace_run(")); };

test("a stencil in a time loop: one region, barriers between its maps", (t) => {
  const b = new Build("n", "T").data("A", "n", "n").data("B", "n", "n");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "1", "n + -1", "any", () => { b.loop("j", "1", "n + -1", "any", () => { b.set("B[i, j]", ["A[i, j + -1]", "A[i, j]", "A[i + 1, j]"], (x, y, z) => times(num(0.25), plus(x, y, z))); }); });
    b.loop("k", "1", "n + -1", "any", () => { b.loop("l", "1", "n + -1", "any", () => { b.set("A[k, l]", ["B[k, l]"], (x) => x); }); });
  });
  const p = plan(b.graph("n + -2"));
  golden(t, "stencil.cpp", body(p));
  golden(t, "stencil.js", p.js);
});

test("softmax of rows: reductions, exponentials, a row per thread", (t) => {
  const b = new Build("m", "n").data("x", "m", "n").data("y", "m", "n").data("total").temp("e", "m", "n").temp("s");
  b.set("total", [], () => num(0));
  b.loop("i", "0", "m", "any", () => {
    b.set("s", [], () => num(0));
    b.loop("j", "0", "n", "any", () => { b.set("e[i, j]", ["x[i, j]"], (x) => op("exp", "float64", x)).set("s", ["e[i, j]"], (e) => e, "sum"); });
    b.loop("k", "0", "n", "any", () => { b.set("y[i, k]", ["e[i, k]", "s"], (e, s) => op("div", "float64", e, s)).set("total", ["y[i, k]"], (y) => y, "sum"); });
  }, ["s"]);
  const p = plan(b.graph());
  golden(t, "softmax.cpp", body(p));
  golden(t, "softmax.js", p.js);
  golden(t, "softmax.strict.cpp", body(plan(b.graph(), "strict")));
});

test("guarded reads and a recurrence: an interior, work ahead, a register", (t) => {
  const b = new Build("n").data("a", "n").data("b", "n").data("c", "n");
  b.loop("i", "0", "n", "any", () => {
    b.push({ kind: "tasklet", id: 900_001, inputs: [{ ...memletOf("a[i + -1]"), guard: [memletOf("z[i + -1]").index[0]!] }, memletOf("a[i]")], output: memletOf("b[i]"), code: plus({ kind: "input", dtype: "float64", index: 0 }, { kind: "input", dtype: "float64", index: 1 }) });
  });
  b.loop("j", "1", "n", "up", () => { b.set("c[j]", ["b[j]", "a[j]", "c[j]", "c[j + -1]"], (p, q, r, s) => op("div", "float64", plus(times(p, p), times(q, q), r, s), num(3))); });
  const p = plan(b.graph("n + -1"));
  golden(t, "recurrence.cpp", body(p));
  golden(t, "recurrence.js", p.js);
});
