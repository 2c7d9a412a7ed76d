/**
 * Random small graphs for fuzzing passes: loops with offsets, triangular bounds, conditions, temporaries, overwrites. Every temporary is filled first.
 * All sizes are equal, so that an index may stand in either dimension.
 */
import { constant, op, symbolic, type ScalarExpr } from "../../ts/scalar/expr.js";
import { freshId, type Graph } from "../../ts/sdfg/sdfg.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { Build, memlet, num, plus, times } from "./build.js";

/** A deterministic generator of numbers from a seed. */
export function random(seed: number): (n: number) => number {
  let s = (seed * 2654435761) >>> 0 || 1;
  return (n) => { s ^= s << 13; s >>>= 0; s ^= s >>> 17; s ^= s << 5; s >>>= 0; return s % n; };
}

interface Scope { readonly vars: readonly { readonly name: string; readonly slack: number }[] }

export function randomGraph(seed: number): Graph {
  const r = random(seed);
  const b = new Build("N", "M").data("A", "N").data("B", "N").data("C", "N", "M").data("D", "N", "M").data("s").temp("t", "N").temp("u", "N").temp("v", "N", "M").temp("w").temp("x", "N", "M");
  let next = 0;
  const variable = (): string => `i${next++}`;
  const one = ["A", "B", "t", "u"], two = ["C", "D", "v", "x"], zero = ["s", "w"];
  const pick = <T>(xs: readonly T[]): T => xs[r(xs.length)]!;
  const at = (v: { name: string; slack: number }): string => { const d = v.slack === 0 ? 0 : r(2 * v.slack + 1) - v.slack; return `${v.name}${d < 0 ? ` - ${-d}` : d > 0 ? ` + ${d}` : ""}`; };
  const element = (scope: Scope): string => {
    const first = scope.vars.filter((v) => v.name.startsWith("i")), all = scope.vars;
    const k = r(10);
    if (k === 0 || all.length === 0) return pick(zero);
    if (k < 5 || all.length < 2) return `${pick(one)}[${at(pick(first))}]`;
    const [p, q] = r(4) === 0 ? [1, 2] : [2, 1];
    return `${pick(two)}[${at(all[all.length - p!]!)}, ${at(all[all.length - q!]!)}]`;
  };
  const statement = (scope: Scope): void => {
    const inputs = Array.from({ length: r(3) + (r(4) === 0 ? 0 : 1) }, () => element(scope));
    const target = element(scope);
    if (r(5) === 0) inputs.push(target);
    const code = (...xs: ScalarExpr[]): ScalarExpr => xs.reduce((a, c, i) => (i === 0 ? times(num(0.5), c) : r(3) === 0 ? times(num(0.3), op("cos", "float64", plus(a, c))) : r(2) === 0 ? op("sub", "float64", a, times(num(0.25), c)) : plus(a, times(num(0.3), c))), num(r(3) * 0.5));
    b.set(target, inputs, code, r(4) === 0 ? "sum" : undefined);
  };
  const loop = (depth: number, scope: Scope): void => {
    const outer = scope.vars.at(-1);
    const shape = r(6), name = variable();
    const [begin, end, slack]: [string, string, number] = shape < 2 ? ["0", "N", 0] : shape < 4 ? ["2", "N - 2", 2] : shape === 4 && outer ? ["0", `${outer.name} + 1`, 0] : outer ? [outer.name, "N", 0] : ["1", "N - 1", 1];
    b.loop(name, begin, end, r(3) === 0 ? "down" : "up", () => { block(depth + 1, { vars: [...scope.vars, { name, slack }] }); });
  };
  /** A scalar of the iteration's own: set, summed into, used. */
  const collect = (scope: Scope): void => {
    const name = `c${next++}`, j = variable(), inner = { vars: [...scope.vars, { name: j, slack: 0 }] };
    b.temp(name);
    b.set(name, [element(scope)], (x) => times(num(0.5), x));
    b.loop(j, "0", "N", "up", () => { b.set(name, [element(inner), element(inner)], (x, y) => plus(times(num(0.1), x), times(num(0.2), y)), "sum"); if (r(2)) statement(inner); });
    b.set(element(scope), [name, ...(r(2) ? [element(scope)] : [])], (...xs) => plus(...xs.map((x) => times(num(0.4), x))), r(2) ? "sum" : undefined);
  };
  const conditional = (depth: number, scope: Scope): void => {
    const build = (body: () => void): readonly never[] => { b.open(); body(); return b.close() as readonly never[]; };
    const v = scope.vars.at(-1);
    const condition = v && r(2) === 0
      ? { inputs: [], code: op(pick(["gt", "le", "eq"] as const), "bool", symbolic(parseExpr(v.name)), constant(r(4), "int64")) }
      : { inputs: [memlet(pick(["A[0]", "s", "w"]))], code: op("gt", "bool", { kind: "input", dtype: "float64", index: 0 }, num(0.2)) };
    const body = build(() => { block(depth + 1, scope); });
    const other = r(2) === 0 ? build(() => { block(depth + 1, scope); }) : undefined;
    b.push({ kind: "conditional", id: freshId(), branches: [{ condition, body }, ...(other ? [{ body: other }] : [])] });
  };
  const block = (depth: number, scope: Scope): void => {
    const n = 1 + r(depth === 0 ? 5 : 3);
    for (let k = 0; k < n; k++) {
      const what = r(10);
      if (depth < 3 && (scope.vars.length === 0 || what < 4)) loop(depth, scope);
      else if (what === 9 && depth < 3) conditional(depth, scope);
      else if (what === 8 && scope.vars.length > 0 && depth < 3) collect(scope);
      else if (scope.vars.length > 0) statement(scope);
    }
  };
  for (const t of ["t", "u"]) { const i = variable(); b.loop(i, "0", "N", "up", () => b.set(`${t}[${i}]`, r(2) ? [`A[${i}]`] : [], (...xs) => xs[0] ?? num(0))); }
  for (const t of ["v", "x"]) { const i = variable(), j = variable(); b.loop(i, "0", "N", "up", () => b.loop(j, "0", "M", "up", () => b.set(`${t}[${i}, ${j}]`, r(2) ? [`C[${i}, ${j}]`] : [], (...xs) => xs[0] ?? num(0)))); }
  b.set("w", [], () => num(0));
  block(0, { vars: [] });
  // What the temporaries hold in the end is seen half of the time.
  if (r(2)) { const i = variable(); b.loop(i, "0", "N", "up", () => b.set(`B[${i}]`, [`t[${i}]`, `u[${i}]`], plus, "sum")); }
  if (r(2)) { const i = variable(), j = variable(); b.loop(i, "0", "N", "up", () => b.loop(j, "0", "M", "up", () => b.set(`D[${i}, ${j}]`, [`v[${i}, ${j}]`, `x[${i}, ${j}]`], plus, "sum"))); }
  return b.graph();
}

export const SIZES: readonly Readonly<Record<string, number>>[] = [{ N: 6, M: 6 }, { N: 4, M: 4 }, { N: 7, M: 7 }];
