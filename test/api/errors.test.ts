/** Bad input: each a clear DaceError with a code of the README's table, and the process alive afterwards. */
import test from "ava";
import { chmodSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { DaceError, grad, jit, ndarray, python, valueAndGrad, vjp } from "../../ts/index.js";

const js = { device: "js", cache: false } as const;
const py = (source: string, name = "f"): ReturnType<typeof python> => python({ source, name: "model.py" }, { function: name });
function error(f: () => unknown): DaceError {
  try { f(); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error("nothing was thrown");
}
const call = (f: unknown, ...args: unknown[]): unknown => (f as (...a: unknown[]) => unknown)(...args);
const u = (): Float64Array => Float64Array.of(1, 2, 3, 4);

test("unsupported syntax: file, line, caret, hint", (t) => {
  const e = error(() => call(jit(py("def f(u):\n    with open('x') as g:\n        u[0] = 1.0\n"), js), u()));
  t.is(e.code, "ERR_DACE_UNSUPPORTED");
  t.deepEqual(e.loc, { file: "model.py", line: 2, column: 5 });
  t.regex(e.message, /^ERR_DACE_UNSUPPORTED: /);
  t.regex(e.message, /model\.py:2:5/);
  t.regex(e.message, /\n\s+\|\s+\^/);
});

test("all problems of a file at once, the first in loc", (t) => {
  const e = error(() => call(jit(py("import numpy as np\n\ndef f(u):\n    u[0] = np.no_such(u)\n    u[1] = np.neither(u)\n"), js), u()));
  t.is(e.loc?.line, 4);
  t.true(e.notes.some((n) => n.loc?.line === 5));
});

test("text that is no program", (t) => {
  t.is(error(() => call(jit(py("def f(u:\n    return 1\n"), js), u())).code, "ERR_DACE_PARSE");
  t.is(error(() => call(jit(py("def g(u):\n    return 1\n"), js), u())).code, "ERR_DACE_SOURCE_UNAVAILABLE");
  t.is(error(() => python("no_such_file.py", { function: "f" })).code, "ERR_DACE_SOURCE_UNAVAILABLE");
  t.is(error(() => call(python, "def f(u):\n    return 1\n", {})).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(jit, 3)).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(jit(Math.max as never, js), 1)).code.startsWith("ERR_DACE_"), true);
});

test("wrong counts, dtypes and shapes of arguments", (t) => {
  const f = jit(py("def f(u, v):\n    u += v\n"), js);
  t.is(error(() => call(f, u())).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(f, u(), u(), u())).code, "ERR_DACE_ARGUMENT");
  const shape = error(() => call(f, u(), new Float64Array(3)));
  t.is(shape.code, "ERR_DACE_SHAPE");
  t.regex(shape.message, /4/);
  t.regex(shape.message, /3/);
  t.is(error(() => call(f, u(), "four")).code, "ERR_DACE_TYPE");
  t.is(error(() => call(f, u(), () => 1)).code, "ERR_DACE_TYPE");
  // NumPy refuses to add floats into integers in place.
  t.is(error(() => call(f, Int32Array.of(1, 2), Float64Array.of(1, 2))).code, "ERR_DACE_TYPE");
});

test("sizes: NaN, negative, fractional, out of range", (t) => {
  const f = jit(py("import numpy as np\ndef f(u, n):\n    a = np.zeros(n)\n    for i in range(n):\n        a[i] = u[i]\n    return np.sum(a)\n"), js);
  t.is(call(f, u(), 4), 10);
  t.is(error(() => call(f, u(), NaN)).code, "ERR_DACE_TYPE");
  t.is(error(() => call(f, u(), 2.5)).code, "ERR_DACE_TYPE");
  t.is(error(() => call(f, u(), 9)).code, "ERR_DACE_BOUNDS");
  t.true(["ERR_DACE_SHAPE", "ERR_DACE_BOUNDS"].includes(error(() => call(f, u(), -1)).code));
  const c = error(() => call(jit(py("import numpy as np\ndef f(u):\n    a = np.zeros(3)\n    return a[5] + u[0]\n"), js), u()));
  t.is(c.code, "ERR_DACE_BOUNDS");
  t.is(c.loc?.line, 4);
  t.is(error(() => call(jit(py("def f(u, i):\n    return u[i]\n"), js), u(), 4)).code, "ERR_DACE_BOUNDS");
  t.is(call(jit(py("def f(u, i):\n    return u[i]\n"), js), u(), -1), 4);
});

test("indices read from data are checked in the kernel, in both languages", (t) => {
  const p = jit(py("def f(u, k):\n    s = 0.0\n    for i in range(k.shape[0]):\n        s += u[k[i]]\n    return s\n"), js);
  t.is(call(p, u(), Int32Array.of(0, 3)), 5);
  t.is(error(() => call(p, u(), Int32Array.of(0, 4))).code, "ERR_DACE_BOUNDS");
  const q = jit((a: Float64Array, k: Int32Array) => { let s = 0; for (let i = 0; i < k.length; i++) s += a[k[i]!]!; return s; }, js);
  t.is(q(u(), Int32Array.of(1, 1)), 4);
  t.is(error(() => q(u(), Int32Array.of(0, -1))).code, "ERR_DACE_BOUNDS");
});

test("detached arrays, and buffers that are too short", (t) => {
  const f = jit(py("def f(u):\n    u *= 2.0\n"), js), gone = u();
  structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
  t.is(error(() => call(f, gone)).code, "ERR_DACE_TYPE");
  t.is(error(() => ndarray(u(), [3, 3])).code, "ERR_DACE_SHAPE");
  t.is(error(() => call(f, { data: u(), shape: [5] })).code, "ERR_DACE_SHAPE");
});

test("what cannot be differentiated", (t) => {
  const f = py("def f(u, n):\n    for i in range(n):\n        u[0] = u[0] * u[1]\n    return u[0]\n");
  t.is(error(() => call(grad(py("def f(u):\n    return u * 2.0\n"), js), u())).code, "ERR_DACE_NOT_SCALAR");
  t.is(error(() => call(grad(py("def f(u):\n    u *= 2.0\n"), js), u())).code, "ERR_DACE_NOT_SCALAR");
  t.is(error(() => call(grad(f, { ...js, wrt: "n" }), u(), 3)).code, "ERR_DACE_NOT_DIFFERENTIABLE");
  t.is(error(() => call(grad(f, { ...js, wrt: "nothing" }), u(), 3)).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(grad(f, { ...js, wrt: 7 }), u(), 3)).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(grad(f, js), Int32Array.of(1, 2), 3)).code, "ERR_DACE_NOT_DIFFERENTIABLE");
  t.is(error(() => call(vjp(py("def f(u):\n    return u * 2.0\n"), js), [u()])).code, "ERR_DACE_TYPE");
  t.is(error(() => call(vjp(py("def f(u):\n    return u * 2.0\n"), js), [u()], { nothing: 1 })).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(vjp(py("def f(u):\n    return u * 2.0\n"), js), [u()], { return: new Float64Array(3) })).code, "ERR_DACE_SHAPE");
});

test("unknown options and impossible limits", (t) => {
  t.is(error(() => call(grad, (x: number) => x, { devise: "js" })).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(grad, (x: number) => x, { threads: 0 })).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(grad, (x: number) => x, { memoryLimit: "lots" })).code, "ERR_DACE_ARGUMENT");
  for (const solve of [{ budget: 0 }, { budget: "1s" }, { seconds: 3 }, 5]) t.is(error(() => call(grad, (x: number) => x, { solve })).code, "ERR_DACE_ARGUMENT");
  t.is(error(() => call(grad((x: number) => x * x, { device: "cuda" }), 2)).code, "ERR_DACE_DEVICE");
});

test("the program's own errors, with their place", (t) => {
  const e = error(() => call(jit(py("def f(u):\n    if u[0] > 0.5:\n        raise ValueError('too large')\n    return u[0]\n"), js), u()));
  t.is(e.code, "ERR_DACE_RAISED");
  t.regex(e.message, /too large/);
  t.is(e.loc?.line, 3);
  t.is(error(() => jit((x: number) => { if (x < 0) throw new RangeError("negative"); return Math.sqrt(x); }, js)(-1)).code, "ERR_DACE_RAISED");
});

test("a disposed callable", (t) => {
  const f = grad((x: number) => x * x, js);
  t.is(f(3), 6);
  f.dispose();
  t.is(error(() => f(3)).code, "ERR_DACE_DISPOSED");
});

test("no compiler: cpu is TOOLCHAIN, auto runs in JavaScript with a warning", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "none-"));
  try {
    const script = `const d = require(${JSON.stringify(join(__dirname, "..", "..", "ts", "index.js"))});
process.on("warning", (w) => { console.log("warning:", w.name, w.message); });
console.log(d.grad((x) => x * x * x, { cache: { dir: ${JSON.stringify(dir)} } })(2));
try { d.grad((x) => x * x, { device: "cpu", cache: { dir: ${JSON.stringify(dir)} } })(2); } catch (e) { console.log(e.code); }`;
    const r = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: { PATH: dir, DACE_AD_CACHE_DIR: dir } });
    t.is(r.status, 0, r.stderr);
    t.regex(r.stdout, /^12\n/);
    t.regex(r.stdout, /warning: DaceWarning .*compiler/);
    t.regex(r.stdout, /ERR_DACE_TOOLCHAIN/);
  } finally { rmSync(dir, { recursive: true }); }
});

test("without the addon the package loads, and says so once", (t) => {
  const script = `const d = require(${JSON.stringify(join(__dirname, "..", "..", "ts", "index.js"))});
let n = 0; process.on("warning", () => { n++; });
console.log(d.grad((x) => x * x, { cache: false })(3), d.grad((x) => x * x * x, { cache: false })(2));
try { d.jit((x) => x, { device: "cpu", cache: false })(2); } catch (e) { console.log(e.code, /npm rebuild/.test(e.message)); }
setImmediate(() => console.log("warnings", n));`;
  const r = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: { ...process.env, DACE_AD_NO_ADDON: "1" } });
  t.is(r.status, 0, r.stderr);
  t.is(r.stdout, "6 12\nERR_DACE_TOOLCHAIN true\nwarnings 1\n");
});

test("a cache that cannot be written is no error", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "readonly-")), inner = join(dir, "cache");
  mkdirSync(inner);
  chmodSync(inner, 0o500);
  try {
    t.is(grad((x: number) => x * x * 3, { cache: { dir: inner } })(2), 12);
    writeFileSync(join(dir, "file"), "");
    t.is(grad((x: number) => x * x * 5, { cache: { dir: join(dir, "file", "below") } })(2), 20);
    t.is(grad((x: number) => x * x * 7, { cache: "readonly" })(2), 28);
  } finally { chmodSync(inner, 0o700); rmSync(dir, { recursive: true }); }
});

test("functions of the caller's arrays never change them, but for jit", (t) => {
  const p = py("def f(u):\n    u *= 3.0\n    return u[0] * u[1]\n"), a = u();
  t.is((call(valueAndGrad(p, js), a) as { value: number }).value, 18);
  t.deepEqual(a, u());
  call(jit(p, js), a);
  t.deepEqual(a, Float64Array.of(3, 6, 9, 12));
});

type Run = (...args: unknown[]) => unknown;
test("debug: { nan: true } stops at the line that stores what is not a number, forward and backward", (t) => {
  const source = "import numpy as np\ndef f(x, c):\n    y = x * c\n    for k in range(3):\n        y[1:] = y[1:] - y[:-1]\n        y += np.log(y)\n    return np.sum(y)\n";
  for (const device of ["js", "cpu"] as const) {
    const p = python({ source, name: "steps.py" }, { function: "f" });
    for (const [checked, plain] of [[jit(p, { device, debug: { nan: true } }), jit(p, { device })], [grad(p, { device, debug: { nan: true } }), grad(p, { device })]] as [Run, Run][]) {
      const e = t.throws(() => checked(Float64Array.of(1, 5, 2), 1), { instanceOf: DaceError, code: "ERR_DACE_NAN" });
      t.regex(e!.message, /y is not a number\n {2}steps\.py:6:/);
      const all = (f: Run): number[] => [f(Float64Array.of(1, 100, 1e5), 3)].flatMap((x) => (typeof x === "number" ? [x] : Array.from(x as Float64Array)));
      const expected = all(plain);
      all(checked).forEach((x, i) => { t.true(Math.abs(x - expected[i]!) <= 1e-13 * Math.abs(expected[i]!)); });
    }
  }
  t.throws(() => grad((x: number) => x, { debug: { nan: 1 } as never }), { code: "ERR_DACE_ARGUMENT" });
});
