/** The public class SDFG: load, save, builder, arguments by position and by name, aliasing, errors. */
import test from "ava";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DaceError, grad, jit, ndarray, python, SDFG, valueAndGrad, vjp } from "../../ts/index.js";
import { flat, FIXTURES as SDFG_FIXTURES } from "../sdfg/support.js";

const OPTIONS = { device: "js", cache: false } as const;
const folder = mkdtempSync(join(tmpdir(), "sdfg-api-"));
test.after.always(() => { rmSync(folder, { recursive: true, force: true }); });
const close = (t: { true(x: boolean, m?: string): void }, a: unknown, b: readonly number[], tolerance = 1e-12): void => { const x = flat(a); t.true(x.length === b.length && x.every((v, i) => Math.abs(v - b[i]!) <= tolerance * Math.max(1, Math.abs(b[i]!))), `${x.join()} against ${b.join()}`); };
let files = 0;
/** Saved and loaded again. */
function again(s: SDFG): SDFG { const path = join(folder, `${files++}.sdfg`); s.save(path); return SDFG.load(path); }
const code = (f: () => unknown): string => { try { f(); } catch (e) { if (e instanceof DaceError) return e.code.replace("ERR_DACE_", ""); throw e; } return "none"; };

const axpy = (): SDFG => new SDFG("axpy").addScalar("a").addArray("x", ["N"]).addArray("y", ["N"]).map({ i: "0:N" }, (b) => b.tasklet({ inputs: { p: "x[i]", q: "y[i]", s: "a" }, outputs: { o: "y[i]" }, code: "o = s*p + q*q" }));

test("a map, by position and by name, and its gradient", (t) => {
  for (const s of [axpy(), again(axpy())]) {
    t.deepEqual(s.facts().parameters, ["a", "x", "y"]);
    const x = Float64Array.of(1, 2, 3), y = Float64Array.of(4, 5, 6);
    jit(s, OPTIONS)(2, x, y);
    close(t, y, [18, 29, 42]);
    const z = Float64Array.of(4, 5, 6);
    jit(s, OPTIONS)({ x, y: z, a: 2 });
    close(t, z, [18, 29, 42]);
    const r = vjp(s, OPTIONS)([2, x, Float64Array.of(4, 5, 6)], { y: Float64Array.of(1, 10, 100) });
    close(t, r.grads["a"], [1 + 20 + 300]);
    close(t, r.grads["x"], [2, 20, 200]);
    close(t, r.grads["y"], [8, 100, 1200]);
    const named = vjp(s, OPTIONS)({ a: 2, x, y: Float64Array.of(4, 5, 6) } as never, { y: 1 });
    close(t, named.grads["x"], [2, 2, 2]);
  }
});

test("loops, conditionals, transients and an integer argument", (t) => {
  const build = (): SDFG => new SDFG("steps").addArray("u", ["N"]).addSymbol("T").addTransient("v", ["N"]).addTransient("m", [])
    .loop("t", "0:T", (b) => b
      .map({ i: "0:N" }, (c) => c.tasklet({ inputs: { a: "u[i]" }, outputs: { o: "v[i]" }, code: "o = a*a" }))
      .loop("i", "N-2:0:-1", (c) => c
        .tasklet({ inputs: { l: "v[i-1]", r: "v[i+1]" }, outputs: { o: "m" }, code: "o = 0.5*(l + r)" })
        .if("m > 0.2", (d) => d.tasklet({ inputs: { x: "m" }, outputs: { o: "u[i]" }, code: "o = x" }), (d) => d.tasklet({ inputs: { x: "m", a: "u[i]" }, outputs: { o: "u[i]" }, code: "o = a - x" }))));
  const reference = (u: number[], T: number): number[] => {
    const n = u.length, w = [...u];
    for (let k = 0; k < T; k++) { const v = w.map((x) => x * x); for (let i = n - 2; i > 0; i--) { const m = 0.5 * (v[i - 1]! + v[i + 1]!); w[i] = m > 0.2 ? m : w[i]! - m; } }
    return w;
  };
  const u = [0.9, 0.1, 0.7, 0.3, 0.8], weights = [1, -2, 3, 0.5, 2];
  for (const s of [build(), again(build())]) {
    t.deepEqual(s.facts().parameters, ["u", "T"]);
    const x = Float64Array.from(u);
    jit(s, OPTIONS)(x, 3);
    close(t, x, reference(u, 3));
    const g = flat(vjp(s, OPTIONS)([Float64Array.from(u), 3], { u: Float64Array.from(weights) }).grads["u"]);
    u.forEach((_, i) => {
      const at = (d: number): number => reference(u.map((v, k) => (k === i ? v + d : v)), 3).reduce((p, v, k) => p + v * weights[k]!, 0);
      t.true(Math.abs(g[i]! - (at(1e-6) - at(-1e-6)) / 2e-6) < 1e-7, `u[${i}]`);
    });
  }
});

test("conflict resolution, indirect reads, a return value", (t) => {
  const build = (): SDFG => new SDFG("loss").addArray("x", ["N"]).addArray("idx", ["M"], { dtype: "i64" }).addArray("__return", [1])
    .tasklet({ outputs: { o: "__return" }, code: "o = 0.0" })
    .map({ k: "0:M" }, (b) => b.tasklet({ inputs: { a: "x[0:N]", i: "idx[k]" }, outputs: { o: "__return" }, code: "o = a[i]*a[i]*k", wcr: { o: "sum" } }));
  for (const s of [build(), again(build())]) {
    const x = Float64Array.of(1, 2, 3), idx = BigInt64Array.of(2n, 0n, 2n, 1n);
    t.is(jit(s, OPTIONS)(x, idx) as unknown, 0 * 9 + 1 + 2 * 9 + 3 * 4);
    const r = valueAndGrad(s, OPTIONS)(x, idx);
    t.is(r.value, 31);
    close(t, r.grad, [2, 12, 12]);
    t.is(code(() => jit(s, OPTIONS)(x, BigInt64Array.of(7n))), "BOUNDS");
  }
});

test("several outputs read everything before they write", (t) => {
  const build = (): SDFG => new SDFG("swap").addArray("A", ["N"]).addArray("B", ["N"]).map({ i: "0:N" }, (b) => b.tasklet({ inputs: { a: "A[i]", b: "B[i]" }, outputs: { p: "A[i]", q: "B[i]" }, code: "p = b\nq = a*b" }));
  for (const s of [build(), again(build())]) {
    const A = Float64Array.of(1, 2), B = Float64Array.of(3, 4);
    jit(s, OPTIONS)(A, B);
    close(t, A, [3, 4]);
    close(t, B, [3, 8]);
    const g = vjp(s, OPTIONS)([Float64Array.of(1, 2), Float64Array.of(3, 4)], { A: 1, B: 10 }).grads;
    close(t, g["A"], [30, 40]);
    close(t, g["B"], [11, 21]);
  }
});

test("library nodes, copies, while and break", (t) => {
  const build = (): SDFG => new SDFG("mix").addArray("A", ["N", "K"]).addArray("B", ["K", "M"]).addArray("C", ["N", "M"]).addArray("r", ["N"])
    .library("MatMul", { inputs: { _a: "A", _b: "B" }, outputs: { _c: "C" } })
    .library("Reduce", { inputs: { a: "C" }, outputs: { r: "r" }, attributes: { wcr: "lambda a, b: a + b", identity: 0, axes: [1] } })
    .copy("r[0:1]", "C[0, 0]");
  for (const s of [build(), again(build())]) {
    const A = ndarray(Float64Array.of(1, 2, 3, 4), [2, 2]), B = ndarray(Float64Array.of(1, 0, 2, 5, 6, 7), [2, 3]), C = ndarray(new Float64Array(6), [2, 3]), r = new Float64Array(2);
    jit(s, OPTIONS)(A, B, C, r);
    close(t, r, [11 + 12 + 16, 23 + 24 + 34]);
    close(t, C, [39, 12, 16, 23, 24, 34]);
  }
  const count = (): SDFG => new SDFG("count").addArray("x", ["N"]).addArray("n", [1]).addTransient("i", [], { dtype: "int64" })
    .tasklet({ outputs: { o: "i" }, code: "o = 0" })
    .while("i < N", (b) => b.if("x[i] > 3", (c) => c.break()).tasklet({ inputs: { a: "i" }, outputs: { o: "i" }, code: "o = a + 1" }))
    .tasklet({ inputs: { a: "i" }, outputs: { o: "n" }, code: "o = a" });
  for (const s of [count(), again(count())]) {
    const n = new Float64Array(1);
    jit(s, OPTIONS)(Float64Array.of(1, 2, 3, 4, 5), n);
    t.is(n[0], 3);
    jit(s, OPTIONS)(Float64Array.of(1, 2), n);
    t.is(n[0], 2);
  }
});

test("a map that carries a dependence runs in order, and its gradient agrees", (t) => {
  const s = new SDFG("scan").addArray("A", ["N"]).map({ i: "1:N" }, (b) => b.tasklet({ inputs: { l: "A[i-1]", a: "A[i]" }, outputs: { o: "A[i]" }, code: "o = a + 2*l" }));
  const A = Float64Array.of(1, 1, 1, 1);
  jit(s, OPTIONS)(A);
  close(t, A, [1, 3, 7, 15]);
  close(t, vjp(s, OPTIONS)([Float64Array.of(1, 1, 1, 1)], { A: Float64Array.of(0, 0, 0, 1) }).grads["A"], [8, 4, 2, 1]);
});

test("arguments that share memory", (t) => {
  for (const s of [axpy(), again(axpy())]) {
    const x = Float64Array.of(1, 2, 3);
    jit(s, OPTIONS)(2, x, x);
    close(t, x, [3, 8, 15]);
    const y = Float64Array.of(1, 2, 3), g = vjp(s, OPTIONS)([2, y, y], { y: 1 }).grads;
    close(t, g["x"], [4, 6, 8]);
    close(t, g["y"], [4, 6, 8]);
  }
});

test("arguments that share memory but say their sizes differently, in any order of declaration", (t) => {
  const build = (): SDFG => new SDFG("two").addArray("y", ["M"]).addArray("x", ["N"]).loop("i", "1:N", (b) => b.tasklet({ inputs: { p: "x[i-1]", q: "y[i]" }, outputs: { o: "y[i]" }, code: "o = p*q" }));
  for (const s of [build(), again(build())]) {
    const x = Float64Array.of(2, 3, 4);
    jit(s, OPTIONS)(x, x);
    close(t, x, [2, 6, 24]);
    const z = Float64Array.of(2, 3, 4), g = vjp(s, OPTIONS)([z, z], { y: Float64Array.of(0, 0, 1) }).grads;
    close(t, g["x"], [12, 8, 6]);
    close(t, g["y"], [12, 8, 6]);
    const a = Float64Array.of(1, 1, 1), b = Float64Array.of(5, 6, 7);
    jit(s, OPTIONS)(a, b);
    close(t, a, [1, 5, 6]);
  }
});

test("conditions and loop bounds that index with data are checked", (t) => {
  const s = new SDFG("guarded").addArray("A", ["N"]).addArray("k", ["M"], { dtype: "i64" }).loop("i", "0:M", (b) => b.if("A[k[i]] > 0", (c) => c.tasklet({ inputs: { a: "A[0:N]", j: "k[i]" }, outputs: { o: "A[i]" }, code: "o = 2*a[j]" })));
  const A = Float64Array.of(1, 2, 3);
  jit(s, OPTIONS)(A, BigInt64Array.of(2n, 0n));
  close(t, A, [6, 12, 3]);
  t.is(code(() => jit(s, OPTIONS)(Float64Array.of(1, 2, 3), BigInt64Array.of(2n, 5n))), "BOUNDS");
  const w = new SDFG("walk").addArray("A", ["N"]).addArray("k", ["M"], { dtype: "i64" }).addTransient("j", [], { dtype: "i64" }).tasklet({ outputs: { o: "j" }, code: "o = 0" })
    .while("A[k[j]] > 0", (b) => b.tasklet({ inputs: { p: "j" }, outputs: { o: "j" }, code: "o = p + 1" }));
  t.is(code(() => jit(w, OPTIONS)(Float64Array.of(1, 2, -3), BigInt64Array.of(0n, 1n, 2n))), "none");
  t.is(code(() => jit(w, OPTIONS)(Float64Array.of(1, 2, 3), BigInt64Array.of(0n, 1n, 2n))), "BOUNDS");
  const n = new SDFG("nested").addArray("A", ["N"]).addArray("p", ["M"], { dtype: "i64" }).addArray("q", ["K"], { dtype: "i64" }).loop("i", "0:K", (b) => b.loop("j", "0:p[q[i]]", (c) => c.tasklet({ inputs: { a: "A[j]" }, outputs: { o: "A[j]" }, code: "o = a + 1" })));
  const B = new Float64Array(3);
  jit(n, OPTIONS)(B, BigInt64Array.of(1n, 3n), BigInt64Array.of(1n, 0n));
  close(t, B, [2, 1, 1]);
  t.is(code(() => jit(n, OPTIONS)(B, BigInt64Array.of(1n, 3n), BigInt64Array.of(2n))), "BOUNDS");
  t.is(code(() => jit(n, OPTIONS)(B, BigInt64Array.of(1n, 4n), BigInt64Array.of(1n))), "BOUNDS");
});

test("sizes follow from the arrays and must fit", (t) => {
  const s = new SDFG("pairs").addArray("A", ["2*N"]).addArray("B", ["N"]).map({ i: "0:N" }, (b) => b.tasklet({ inputs: { p: "A[2*i]", q: "A[2*i+1]" }, outputs: { o: "B[i]" }, code: "o = p*q" }));
  const B = new Float64Array(2);
  jit(s, OPTIONS)(Float64Array.of(1, 2, 3, 4), B);
  close(t, B, [2, 12]);
  t.is(code(() => jit(s, OPTIONS)(Float64Array.of(1, 2, 3), new Float64Array(2))), "SHAPE");
  t.is(code(() => jit(s, OPTIONS)(ndarray(new Float64Array(4), [2, 2]), new Float64Array(2))), "SHAPE");
  t.is(code(() => jit(s, OPTIONS)(Float32Array.of(1, 2, 3, 4), new Float64Array(2))), "TYPE");
  t.is(code(() => jit(s, OPTIONS)(1, new Float64Array(2))), "TYPE");
});

test("accesses out of range are errors, not memory errors", (t) => {
  const s = new SDFG("shift").addArray("A", ["N"]).addSymbol("k").map({ i: "0:N" }, (b) => b.tasklet({ inputs: { a: "A[i]" }, outputs: { o: "A[i+k]" }, code: "o = a" }));
  t.is(code(() => jit(s, OPTIONS)(new Float64Array(4), 1)), "BOUNDS");
  t.is(code(() => jit(s, OPTIONS)(new Float64Array(4), -1)), "BOUNDS");
  t.is(code(() => jit(s, OPTIONS)(new Float64Array(4), 0)), "none");
});

test("a program of another frontend, saved as an SDFG", (t) => {
  const p = python("import numpy as np\ndef f(u, w, n):\n    for k in range(n):\n        u[1:-1] = 0.5*(u[:-2] + u[2:])*w[k]\n    if u[1] > 0.1:\n        u[0] = np.sin(u[1])\n    return np.sum(u*u)\n", { function: "f" });
  const u = (): Float64Array => Float64Array.of(0.3, 0.9, 0.2, 0.7, 0.5), w = Float64Array.of(1.1, 0.8, 0.9);
  const want = vjp(p, OPTIONS)([u(), w, 3], { return: 1, u: 0.5 });
  const s = SDFG.of(p, u(), w, 3), reloaded = again(s);
  for (const x of [s, reloaded]) {
    const got = vjp(x, OPTIONS)([u(), w, 3], { return: 1, u: 0.5 });
    close(t, got.outputs["return"], flat(want.outputs["return"]));
    close(t, got.grads["u"], flat(want.grads["u"]));
    close(t, got.grads["w"], flat(want.grads["w"]));
    // Another size, the same graph.
    const longer = Float64Array.of(0.3, 0.9, 0.2, 0.7, 0.5, 0.4, 0.1);
    close(t, vjp(x, OPTIONS)([longer, w, 2], { return: 1 }).grads["u"], flat(vjp(p, OPTIONS)([longer, w, 2], { return: 1 }).grads["u"]));
  }
});

test("the text of a graph, and what cannot be changed", (t) => {
  const s = axpy();
  t.is(s.name, "axpy");
  t.is(s.text, "sdfg axpy(a: a, x: x, y: y, N: int) -> none\n  data a: float64[]\n  data x: float64[N]\n  data y: float64[N]\n  1: map [i in 0:N]\n    2: y[i] = ((a[] * x[i]) + (y[i] * y[i]))\n");
  const loaded = again(s);
  t.is(code(() => loaded.addArray("z", ["N"])), "ARGUMENT");
  t.is(code(() => loaded.map({ i: "0:N" }, () => undefined)), "ARGUMENT");
  // What is added later is part of the program.
  s.map({ i: "0:N" }, (b) => b.tasklet({ inputs: { p: "y[i]" }, outputs: { o: "y[i]" }, code: "o = -p" }));
  const y = Float64Array.of(4);
  jit(s, OPTIONS)(2, Float64Array.of(1), y);
  close(t, y, [-18]);
});

test("mistakes in a builder", (t) => {
  const s = (): SDFG => new SDFG("s").addArray("A", ["N"]);
  const cases: readonly [string, () => unknown][] = [
    ["a bad name", () => new SDFG("1x")], ["a name twice", () => s().addArray("A", [3])], ["an unknown dtype", () => s().addArray("B", [3], { dtype: "f16" })], ["a negative size", () => s().addArray("B", [-3])],
    ["an unknown array", () => s().tasklet({ inputs: { a: "X[0]" }, outputs: { o: "A[0]" }, code: "o = a" })], ["too many indices", () => s().tasklet({ outputs: { o: "A[0, 0]" }, code: "o = 1" })],
    ["no outputs", () => s().tasklet({ outputs: {}, code: "" })], ["code that is not Python", () => s().tasklet({ outputs: { o: "A[0]" }, code: "o = = 1" })], ["a range without an end", () => s().map({ i: "0" }, () => undefined)],
    ["break outside of a loop", () => s().map({ i: "0:N" }, (b) => b.break())], ["a connector named as an array", () => s().tasklet({ inputs: { A: "A[0]" }, outputs: { o: "A[0]" }, code: "o = A" })],
    ["wcr of no output", () => s().tasklet({ outputs: { o: "A[0]" }, code: "o = 1", wcr: { p: "sum" } })],
  ];
  for (const [what, f] of cases) t.is(code(f), "ARGUMENT", what);
});

test("unreadable files and unsupported constructs", (t) => {
  const file = (text: string): string => { const p = join(folder, `${files++}.sdfg`); writeFileSync(p, text); return p; };
  t.is(code(() => SDFG.load(join(folder, "absent.sdfg"))), "SOURCE_UNAVAILABLE");
  for (const text of ["", "{", "[]", "{}", "{\"type\":\"SDFGState\"}", "{\"type\":\"SDFG\"}", "{\"type\":\"SDFG\",\"attributes\":{\"name\":\"x\",\"_arrays\":{}},\"nodes\":[{\"type\":\"SDFGState\",\"label\":\"a\",\"nodes\":[],\"edges\":[{\"src\":\"0\",\"dst\":\"1\"}]}],\"edges\":[]}"]) t.is(code(() => SDFG.load(file(text))), "PARSE", text);
  const original = readFileSync(join(SDFG_FIXTURES, "multi_output_tasklet.sdfg"), "utf8");
  const changed = (from: string | RegExp, to: string): string => { const text = original.replace(from, to); t.not(text, original); return file(text); };
  const refused = (path: string, what: RegExp): void => { const e = t.throws(() => SDFG.load(path), { instanceOf: DaceError })!; t.is(e.code, "ERR_DACE_UNSUPPORTED"); t.regex(e.message, what); };
  refused(changed("\"type\":\"Array\"", "\"type\":\"Stream\""), /Stream/);
  refused(changed("\"dtype\":\"float64\"", "\"dtype\":\"float16\""), /float16/);
  refused(changed("\"dtype\":\"float64\"", "\"dtype\":{\"type\":\"vector\",\"dtype\":\"float64\",\"elements\":\"4\"}"), /vector of float64/);
  refused(changed("\"type\":\"MapEntry\"", "\"type\":\"ConsumeEntry\""), /ConsumeEntry/);
  refused(changed("exp(t)", "zeta(t)"), /function zeta/);
  refused(changed(/("string_data":"t = [^}]*?"language":)"Python"/, "$1\"CPP\""), /code in CPP/);
  refused(changed("\"type\":\"SDFGState\"", "\"type\":\"AnalysisBlock\""), /AnalysisBlock/);
  refused(changed("u = exp(t)", "while t: pass"), /While/);
});

test("loops that are not counted, in a loaded file", (t) => {
  // The loop's bound is a scalar that the body changes: it must be tested anew in each iteration.
  const s = new SDFG("bound").addArray("A", ["N"]).addTransient("n", [], { dtype: "int64" })
    .tasklet({ outputs: { o: "n" }, code: "o = 4" })
    .loop("i", "0:n", (b) => b.tasklet({ inputs: { a: "A[i]" }, outputs: { o: "A[i]" }, code: "o = a + 1" }).tasklet({ inputs: { a: "n" }, outputs: { o: "n" }, code: "o = a - 1" }));
  for (const x of [s, again(s)]) { const A = new Float64Array(6); jit(x, OPTIONS)(A); close(t, A, [1, 1, 0, 0, 0, 0]); }
});

test("gradients of one scalar, by name", (t) => {
  const s = SDFG.load(join(SDFG_FIXTURES, "returns_values.sdfg"));
  const A = Float64Array.of(1, 2, 3, 4, 5, 6), B = Float64Array.of(2, 2, 2, 2, 2, 2);
  const r = jit(s, OPTIONS)(A, B) as readonly unknown[];
  t.is(typeof r[0], "number");
  t.is(flat(r[1]).length, 6);
  const g = grad(s, { ...OPTIONS, of: "return[0]", wrt: "A" })(A, B), h = 1e-6;
  const value = (a: Float64Array): number => (jit(s, OPTIONS)(a, B) as readonly number[])[0]!;
  flat(g).forEach((v, i) => { const up = A.slice(), down = A.slice(); up[i]! += h; down[i]! -= h; t.true(Math.abs(v - (value(up) - value(down)) / (2 * h)) < 1e-6); });
});
