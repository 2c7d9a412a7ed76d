/** What nothing needs goes; what can end a program with an error, and the room of a write that stays, do not. */
import test from "ava";
import { growNode } from "../../ts/library/grow.js";
import { constant, symbolic } from "../../ts/scalar/expr.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { load, sym } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { removeDeadCode } from "../../ts/transform/dead-code.js";
import { Build, id, num } from "./build.js";

/** A record of every iteration that nobody reads: `row[k] = value`, after room was made. */
function recorded(index: "k" | "idx[k]"): Graph {
  const b = new Build("N").data("A", "N");
  b.temp("row", "N").temp("steps").temp("idx", "N");
  b.containers.set("row", { name: "row", dtype: "int64", shape: [parseExpr("N")], transient: true, growable: true });
  for (const [name, shape] of [["steps", []], ["idx", [parseExpr("N")]]] as const) b.containers.set(name, { name, dtype: "int64", shape, transient: name === "steps" });
  b.loop("k", "0", "N", "up", () => {
    b.push(growNode("row", { shape: [parseExpr("N")] }, parseExpr("k + 1")));
    b.push({ kind: "tasklet", id: freshId(), inputs: [], output: { data: "steps", index: [] }, code: symbolic(parseExpr("k + 1"), "int64") });
    b.push({ kind: "tasklet", id: freshId(), inputs: [], output: { data: "row", index: [index === "k" ? sym("k") : load("idx", [sym("k")])] }, code: symbolic(load("steps", []), "int64") });
    b.set("A[k]", [], () => num(1));
  });
  return b.graph();
}

test("a record that nobody reads goes with the room it had", (t) => {
  t.notRegex(graphText(removeDeadCode(recorded("k"))), /grow|row\[k\]|steps\[\] =/);
});
test("a write that stays because its index is checked keeps the room that is made for it", (t) => {
  const text = graphText(removeDeadCode(recorded("idx[k]")));
  t.regex(text, /grow\(row/);
  t.regex(text, /row\[idx\[k\]\] = /);
  t.regex(text, /steps\[\] = /);
});
test("writes to transients that no needed node reads go, and what becomes empty with them", (t) => {
  const b = new Build("N").data("A", "N").temp("x", "N").temp("y", "N");
  b.loop("i", "0", "N", "any", () => b.set("x[i]", ["A[i]"], id));
  b.loop("j", "0", "N", "any", () => b.set("y[j]", ["x[j]"], id));
  b.loop("k", "0", "N", "any", () => b.set("A[k]", [], () => constant(2, "float64")));
  const after = removeDeadCode(b.graph());
  t.is(after.body.length, 1);
  t.is(removeDeadCode(b.graph(), { out: "y" }).body.length, 3);
});
