/** The derivative table: every rule against extrapolated differences of the printed function itself, kinks and singular points by the documented convention. */
import test from "ava";
import { isComplex, type DType } from "../../ts/base/dtypes.js";
import { lowerToPlan } from "../../ts/lower/lower.js";
import { jsKernel } from "../../ts/runtime/js-backend.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import { adjoint } from "../../ts/scalar/derivatives.js";
import { cast, constant, input, op, select, type OpName, type ScalarExpr } from "../../ts/scalar/expr.js";
import { decidingInputs } from "../../ts/scalar/ops.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import type { Container } from "../../ts/sdfg/nodes.js";
import { randoms } from "../support/random-graph.js";
import { slope } from "../support/differences.js";

/** Numbers, or [re, im]. */
type Value = number | readonly [number, number];
const re = (v: Value): number => (typeof v === "number" ? v : v[0]), im = (v: Value): number => (typeof v === "number" ? 0 : v[1]);

/** Compiles an expression; gives the function of its inputs. */
function compile(code: ScalarExpr, dtypes: readonly DType[]): (...x: Value[]) => Value {
  const containers = new Map<string, Container>();
  dtypes.forEach((dtype, i) => containers.set(`x${i}`, { name: `x${i}`, dtype, shape: [], transient: false }));
  containers.set("y", { name: "y", dtype: code.dtype, shape: [], transient: false });
  const graph = new Graph({
    name: "f", containers, symbols: [], assumptions: [], checks: [], result: { kind: "none" },
    parameters: [...containers.keys()].map((name) => ({ kind: "container", name, container: name })),
    body: [{ kind: "tasklet", id: freshId(), inputs: dtypes.map((_, i) => ({ data: `x${i}`, index: [] })), output: { data: "y", index: [] }, code }],
  });
  const plan = lowerToPlan(graph, { precision: "default", threads: false, vectorMath: false }), kernel = jsKernel(plan), layout = layoutOf(plan, new Map());
  return (...x) => {
    const arrays = plan.arguments.map((b) => {
      const { name, dtype } = plan.buffers[b]!, v = name === "y" ? 0 : x[Number(name.slice(1))]!;
      if (isComplex(dtype)) return Float64Array.of(re(v), im(v));
      return dtype === "float32" ? Float32Array.of(re(v)) : dtype === "bool" ? Uint8Array.of(re(v)) : dtype === "int64" ? BigInt64Array.of(BigInt(re(v))) : Float64Array.of(re(v));
    });
    if (kernel.run(arrays, layout.symbols, new ArrayBuffer(64)) !== 0) throw new Error("failed");
    const y = arrays[plan.arguments.findIndex((b) => plan.buffers[b]!.name === "y")]!;
    return isComplex(code.dtype) ? [Number(y[0]), Number(y[1])] : Number(y[0]);
  };
}

/** Gradients of the inputs for a cotangent, as functions (g, ...x). */
function gradients(code: ScalarExpr, dtypes: readonly DType[], active = dtypes.map((_, i) => i)): Map<number, (g: Value, ...x: Value[]) => Value> {
  const parts = adjoint(code, input(dtypes.length, code.dtype), new Set(active));
  return new Map([...parts].map(([i, e]) => { const f = compile(e, [...dtypes, code.dtype]); return [i, (g, ...x) => f(...x, g)]; }));
}

const f64 = "float64" as const;
const x = input(0, f64), y = input(1, f64);
const f = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, f64, ...args);
const num = (v: number): ScalarExpr => constant(v, f64);

/** Where to try each function: [lowest, highest] per argument. */
const REAL: readonly (readonly [name: OpName, ...ranges: (readonly [number, number])[]])[] = [
  ["add", [-3, 3], [-3, 3]], ["sub", [-3, 3], [-3, 3]], ["mul", [-3, 3], [-3, 3]], ["div", [-3, 3], [0.5, 3]], ["div", [-3, 3], [-3, -0.5]], ["neg", [-3, 3]],
  ["fma", [-2, 2], [-2, 2], [-2, 2]], ["square", [-3, 3]], ["reciprocal", [0.4, 3]], ["abs", [0.3, 3]], ["abs", [-3, -0.3]],
  ["min", [-1, 0], [0.2, 1]], ["min", [0.2, 1], [-1, 0]], ["max", [-1, 0], [0.2, 1]], ["max", [0.2, 1], [-1, 0]],
  ["pow", [0.3, 3], [-2, 3]], ["sqrt", [0.2, 4]], ["cbrt", [0.2, 4]], ["cbrt", [-4, -0.2]], ["exp", [-3, 2]], ["exp2", [-3, 3]], ["expm1", [-2, 2]],
  ["log", [0.2, 5]], ["log2", [0.2, 5]], ["log10", [0.2, 5]], ["log1p", [-0.5, 3]], ["sin", [-4, 4]], ["cos", [-4, 4]], ["tan", [-1.2, 1.2]],
  ["asin", [-0.8, 0.8]], ["acos", [-0.8, 0.8]], ["atan", [-3, 3]], ["atan2", [-2, 2], [0.5, 2]], ["atan2", [0.5, 2], [-2, 2]],
  ["sinh", [-2, 2]], ["cosh", [-2, 2]], ["tanh", [-2, 2]], ["asinh", [-3, 3]], ["acosh", [1.5, 4]], ["atanh", [-0.7, 0.7]], ["hypot", [-2, 2], [0.5, 2]],
  ["erf", [-2, 2]], ["erfc", [-2, 2]], ["lgamma", [0.5, 5]], ["tgamma", [0.5, 4]], ["mod", [0.1, 0.9], [1.5, 3]], ["mod", [-0.9, -0.1], [1.5, 3]], ["rem", [-0.9, -0.1], [1.5, 3]], ["rem", [3.2, 3.4], [1.4, 1.55]],
  ["copysign", [0.5, 2], [0.5, 2]], ["copysign", [-2, -0.5], [0.5, 2]],
  ["floor", [0.2, 0.8]], ["ceil", [0.2, 0.8]], ["trunc", [0.2, 0.8]], ["round", [0.6, 0.9]], ["jsround", [0.6, 0.9]], ["sign", [0.3, 2]], ["floordiv", [0.3, 0.6], [1.5, 2]],
];
const at = (r: readonly [number, number], u: number): number => r[0] + (r[1] - r[0]) * (u + 1) / 2;

for (const [name, ...ranges] of REAL) {
  test(`${name} at ${ranges.map((r) => r.join("..")).join(", ")}`, (t) => {
    const dtypes = ranges.map((): DType => f64), code = f(name, ...ranges.map((_, i) => input(i, f64)));
    const value = compile(code, dtypes), parts = gradients(code, dtypes);
    for (let k = 0; k < 12; k++) {
      const u = randoms(31 * k + name.length, ranges.length), point = ranges.map((r, i) => at(r, u[i]!)), g = 0.7 - k / 5;
      ranges.forEach((r, i) => {
        const room = Math.min(0.04, (r[1] - r[0]) / 8);
        const want = slope((h) => re(value(...point.map((p, j) => (j === i ? p + h : p)))), room);
        const got = re(parts.get(i)?.(g, ...point) ?? 0);
        t.true(Math.abs(got - g * want.value) <= 1e-9 * (1 + Math.abs(want.value)) + 10 * want.error, `d${name}/dx${i} at ${point.join(", ")}: ${got / g}, differences ${want.value}`);
      });
    }
  });
}

for (const k of [0, 1, 2, 3, 5, -1, -2, 0.5, 1.5, -0.5]) {
  test(`x ** ${k}`, (t) => {
    const code = f("pow", x, num(k)), value = compile(code, [f64]), [part] = gradients(code, [f64]).values();
    for (const p of [0.3, 1, 2.5, ...(Number.isInteger(k) ? [-0.7, -2] : [])]) {
      const want = slope((h) => re(value(p + h)), 0.05).value;
      t.true(Math.abs(re(part?.(1.3, p) ?? 0) - 1.3 * want) < 1e-8 * (1 + Math.abs(want)), `at ${p}`);
    }
    if (k >= 1) t.is(re(part!(1, 0)), k === 1 ? 1 : 0);
  });
}

test("kinks", (t) => {
  const slopes = (code: ScalarExpr, ...p: number[]): number[] => { const parts = gradients(code, p.map(() => f64)); return p.map((_, i) => re(parts.get(i)?.(1, ...p) ?? 0)); };
  t.deepEqual(slopes(f("abs", x), 0), [0]);
  t.deepEqual(slopes(f("max", x, y), 2, 2), [0.5, 0.5]);
  t.deepEqual(slopes(f("min", x, y), 2, 2), [0.5, 0.5]);
  t.deepEqual(slopes(f("max", x, num(0)), 0), [0.5]);
  t.deepEqual(slopes(f("max", f("min", x, num(1)), num(0)), 1), [0.5], "clip at its bound");
  t.deepEqual(slopes(f("hypot", x, y), 0, 0), [0, 0]);
  t.deepEqual(slopes(f("pow", x, y), 0, 2), [0, 0]);
  t.deepEqual(slopes(f("pow", x, y), 0, 1), [1, 0]);
  t.deepEqual(slopes(f("floor", x), 1), [0]);
  t.is(slopes(f("sqrt", x), 0)[0], Infinity);
});

test("strong zeros: 0·∞ is 0", (t) => {
  const zero = (code: ScalarExpr, ...p: number[]): void => { for (const [i, part] of gradients(code, p.map(() => f64))) t.is(re(part(0, ...p)) + 0, 0, `${code.kind === "op" ? code.op : ""} argument ${i} at ${p.join(", ")}`); };
  zero(f("sqrt", x), 0); zero(f("sqrt", x), -1); zero(f("log", x), 0); zero(f("log", x), -2); zero(f("div", x, y), 1, 0); zero(f("div", x, y), 0, 0); zero(f("reciprocal", x), 0);
  zero(f("pow", x, num(0.5)), 0); zero(f("pow", x, num(-1)), 0); zero(f("pow", x, y), 0, 0.5); zero(f("pow", x, y), -1, 0.5); zero(f("atan2", x, y), 0, 0); zero(f("acosh", x), 1); zero(f("asin", x), 1); zero(f("atanh", x), 1); zero(f("cbrt", x), 0); zero(f("mod", x, y), 1, 0); zero(f("log1p", x), -1);
});

test("the arm that a select does not take contributes exactly 0, whatever is in it", (t) => {
  const positive = op("gt", "bool", x, num(0));
  for (const arm of [f("sqrt", x), f("log", x), f("reciprocal", x), f("mul", x, f("reciprocal", x)), f("exp", f("reciprocal", f("mul", x, x))), f("div", f("sin", x), x), f("pow", x, num(-1.5)), f("mul", f("exp", f("mul", num(-1e6), x)), x)]) {
    for (const p of [0, -1, -1e3]) for (const code of [select(positive, arm, num(0)), select(op("not", "bool", positive), num(0), arm)]) {
      const [part] = gradients(code, [f64]).values();
      t.is(re(part!(1, p)) + 0, 0, `${JSON.stringify(arm)} at ${p}`);
    }
  }
  // Both arms reach x; selects within selects; one condition used twice.
  const square = f("mul", x, x), both = select(positive, f("log", x), square), nested = select(positive, select(op("lt", "bool", x, num(1)), f("sqrt", x), f("log", x)), square);
  const twice = f("add", f("mul", select(positive, f("sqrt", x), num(2)), select(positive, x, square)), select(positive, num(0), x));
  for (const code of [both, nested, twice]) {
    const value = compile(code, [f64]), [part] = gradients(code, [f64]).values();
    for (const p of [-2, -0.5, 0.4, 2]) { const want = slope((h) => re(value(p + h)), 0.05).value; t.true(Math.abs(re(part!(1, p)) - want) < 1e-9 * (1 + Math.abs(want)), `at ${p}`); }
  }
});

test("a gradient that is zero still has a derivative", (t) => {
  // L = c·log(x) at c = 0: dL/dx = c/x is 0, and its derivative in c is 1/x.
  const code = f("mul", y, f("log", x)), first = adjoint(code, num(1), new Set([0, 1])).get(0)!;
  const second = adjoint(first, num(1), new Set([1])).get(1)!;
  t.is(re(compile(second, [f64, f64])(4, 0)), 0.25);
});

test("casts: through floats the cotangent is converted, through integers nothing passes", (t) => {
  const narrow = cast(f("mul", cast(cast(x, "float32"), f64), num(2)), f64);
  t.is(re(gradients(narrow, [f64]).get(0)!(1, 3)), 2);
  t.is(gradients(cast(cast(x, "int64"), f64), [f64]).size, 0);
  t.throws(() => gradients(f("digamma", x), [f64]), { message: /derivative of digamma/ });
});

test("complex: w̄·conj(f′), real inputs take the real part", (t) => {
  const c = "complex128" as const, z = input(0, c), w = input(1, c), k = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, c, ...args), r = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, f64, ...args);
  const cases: readonly (readonly [string, ScalarExpr, readonly DType[]])[] = [
    ["z·w", k("mul", z, w), [c, c]], ["z/w", k("div", z, w), [c, c]], ["z−w", k("sub", z, w), [c, c]], ["i·z", k("mul", constant(0, c, 1), z), [c]], ["(2+3i)/z", k("div", constant(2, c, 3), z), [c]],
    ...(["exp", "log", "sqrt", "sin", "cos", "tanh", "reciprocal", "square"] as const).map((n) => [n, k(n, z), [c]] as const),
    ["z**3", k("pow", z, constant(3, c, 0)), [c]], ["z**w", k("pow", z, w), [c, c]], ["conj", k("conj", z), [c]], ["|z|", r("abs", z), [c]], ["arg", r("arg", z), [c]],
    ["Re(z)·Im(z)", r("mul", r("real", z), r("imag", z)), [c]], ["complex(x, y)", k("square", k("complex", x, y)), [f64, f64]], ["x·z", k("mul", cast(x, c), input(1, c)), [f64, c]],
  ];
  let tried = 0;
  for (const [name, code, dtypes] of cases) {
    const value = compile(code, dtypes), parts = gradients(code, dtypes);
    for (let n = 0; n < 4; n++) {
      const u = randoms(17 * n + name.length, 12), point = dtypes.map((d, i): Value => (isComplex(d) ? [1.5 + u[2 * i]! / 2, u[2 * i + 1]!] : 1 + u[2 * i]! / 2)), g: Value = isComplex(code.dtype) ? [u[8]!, u[9]!] : u[8]!;
      dtypes.forEach((d, i) => {
        for (const dir of isComplex(d) ? [[1, 0], [0, 1]] as const : [[1, 0]] as const) {
          // Re(ḡ·f(z + h·dir)) changes by Re(z̄·dir).
          const want = slope((h) => { const p = point.map((v, j): Value => (j !== i ? v : isComplex(d) ? [re(v) + h * dir[0], im(v) + h * dir[1]] : re(v) + h * dir[0])), out = value(...p); return re(g) * re(out) + im(g) * im(out); }, 0.05);
          const bar = parts.get(i)!(g, ...point), got = re(bar) * dir[0] + im(bar) * dir[1];
          tried++;
          t.true(Math.abs(got - want.value) <= 1e-8 * (1 + Math.abs(want.value)), `${name}, argument ${i}, direction ${dir.join()}: ${got}, differences ${want.value}`);
        }
      });
    }
  }
  t.true(tried > 100);
  t.deepEqual(gradients(r("abs", z), [c]).get(0)!(1, [0, 0]), [0, 0], "|0| has slope 0");
});

test("inputs that decide discrete facts", (t) => {
  const ids = (e: ScalarExpr): number[] => [...decidingInputs(e)].sort();
  t.deepEqual(ids(select(op("gt", "bool", f("mul", x, num(2)), num(0)), y, num(0))), [0]);
  t.deepEqual(ids(f("max", x, f("sin", y))), [0, 1]);
  t.deepEqual(ids(f("mul", x, f("exp", y))), []);
  t.deepEqual(ids(f("mul", x, cast(cast(y, "int64"), f64))), [1]);
  // The strong zero of the table is no decision.
  t.deepEqual(ids(adjoint(f("log", x), y, new Set([0])).get(0)!), []);
});
