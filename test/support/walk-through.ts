/** The program of the design's walk-through: `for t in range(T): u[1:-1] = u[1:-1] + dt * u[1:-1] * (u[2:] - u[:-2])`, loss = sum(w * u). */
import { Build, plus, times, num } from "../transform/build.js";
import { op, type ScalarExpr } from "../../ts/scalar/expr.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";

const minus = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("sub", "float64", a, b);

export function walkThrough(): Graph {
  const b = new Build("N", "T").data("u", "N").data("w", "N").data("dt").data("loss").temp("rhs", "N - 2");
  b.loop("t", "0", "T", "up", () => {
    b.loop("i", "0", "N - 2", "any", () => b.set("rhs[i]", ["u[i + 1]", "dt", "u[i + 2]", "u[i]"], (u, dt, right, left) => plus(u, times(times(dt, u), minus(right, left)))));
    b.loop("j", "0", "N - 2", "any", () => b.set("u[j + 1]", ["rhs[j]"], (x) => x));
  });
  b.set("loss", [], () => num(0));
  b.loop("k", "0", "N", "any", () => b.set("loss", ["w[k]", "u[k]"], times, "sum"));
  return b.graph("N - 2");
}

/** The same in plain JavaScript. */
export function walkThroughReference(u0: readonly number[], w: readonly number[], dt: number, steps: number): number {
  let u = [...u0];
  for (let t = 0; t < steps; t++) u = u.map((x, i) => (i === 0 || i === u.length - 1 ? x : x + dt * x * (u[i + 1]! - u[i - 1]!)));
  return u.reduce((s, x, i) => s + w[i]! * x, 0);
}
