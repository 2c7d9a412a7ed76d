/** Functions of one array, compiled: values against the functions themselves, gradients against differences. */
import test from "ava";
import { gradcheck, jit } from "../../../ts/index.js";

export const OPTIONS = { device: "js", cache: false } as const;
export type F = (x: Float64Array) => number;

/** A test per function, at `at`. */
export function register(programs: Readonly<Record<string, F>>, at: Float64Array): void {
  for (const [name, f] of Object.entries(programs)) {
    test(name, (t) => {
      const got = jit(f, OPTIONS)(at.slice()) as number, want = f(at.slice());
      t.true(Math.abs(got - want) <= 1e-13 * Math.max(1, Math.abs(want)), `${got} instead of ${want}`);
      const g = gradcheck(f, [at.slice()], OPTIONS);
      t.true(g.ok, JSON.stringify(g));
    });
  }
}
