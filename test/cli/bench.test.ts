/** `bench` on a small folder laid out as NPBench, written here: what is right, what is wrong, what crashes and what never ends are lines of one table. */
import test from "ava";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkGradient, gradientDifference } from "../../ts/cli/bench/check.js";
import { programsOf } from "../../ts/cli/bench/checkout.js";
import { ownInputs, withNoise } from "../../ts/cli/bench/inputs.js";
import { difference } from "../../ts/cli/bench/measure.js";
import { findPython } from "../../ts/cli/bench/numpy.js";
import { KNOWN, tinySizes } from "../../ts/cli/bench/programs.js";
import { jit, ndarray, python, vjp, type NDArray } from "../../ts/index.js";

const dir = mkdtempSync(join(tmpdir(), "bench-"));
test.after.always(() => { rmSync(dir, { recursive: true }); });
function write(path: string, text: string): void { mkdirSync(dirname(join(dir, path)), { recursive: true }); writeFileSync(join(dir, path), text); }
function program(name: string, source: string, o: { parameters: Record<string, number>; inputs: string[]; init?: string; initInputs?: string[]; initOutputs?: string[] }): void {
  const init = o.init === undefined ? {} : { init: { func_name: "initialize", input_args: o.initInputs, output_args: o.initOutputs } };
  write(`bench_info/${name}.json`, JSON.stringify({ benchmark: { relative_path: `some/${name}`, module_name: name, func_name: "kernel", parameters: { S: o.parameters, paper: o.parameters }, input_args: o.inputs, ...init } }));
  write(`npbench/benchmarks/some/${name}/${name}_numpy.py`, source);
  if (o.init !== undefined) write(`npbench/benchmarks/some/${name}/${name}.py`, o.init);
}
// Inputs that are known without Python (by the name), inputs that are numbers, and inputs that only Python makes.
program("gemm", "def kernel(alpha, beta, C, A, B):\n    C[:] = alpha * A @ B + beta * C\n", { parameters: { NI: 30, NJ: 20, NK: 10 }, inputs: ["alpha", "beta", "C", "A", "B"], init: "import numpy as np\ndef initialize(NI, NJ, NK):\n    r = np.random.default_rng(1)\n    return 1.5, 1.2, r.random((NI, NJ)), r.random((NI, NK)), r.random((NK, NJ))\n", initInputs: ["NI", "NJ", "NK"], initOutputs: ["alpha", "beta", "C", "A", "B"] });
program("spiral", "import numpy as np\ndef kernel(a, b, n):\n    t = np.linspace(a, b, n)\n    return t * np.cos(t), np.sum(np.sin(t) ** 2)\n", { parameters: { a: 0.5, b: 2.5, n: 40 }, inputs: ["a", "b", "n"] });
program("counting", "import numpy as np\ndef kernel(n):\n    return np.cumsum(np.arange(n))\n", { parameters: { n: 12 }, inputs: ["n"] });
program("broken", "def kernel(x, n):\n    with open('f') as f:\n        x = f.read()\n    return x\n", { parameters: { x: 1.5, n: 4 }, inputs: ["x", "n"] });
program("endless", "def kernel(x, n):\n    while x < 5.0:\n        x = x * 1.0\n    return x\n", { parameters: { x: 1.5, n: 4 }, inputs: ["x", "n"] });
program("single", "import numpy as np\ndef kernel(x):\n    y = np.empty(x.shape, dtype=np.float32)\n    y[:] = np.exp(x) * x\n    return y\n", { parameters: { N: 50 }, inputs: ["x"], init: "import numpy as np\ndef initialize(N):\n    return np.linspace(0.0, 1.0, N, dtype=np.float32)\n", initInputs: ["N"], initOutputs: ["x"] });

interface Row { readonly name: string; readonly ok: boolean; readonly error?: number | string; readonly gradcheck?: { ok: boolean; error: number; elements: number; single?: number }; readonly notDifferentiable?: string; readonly forwardMs?: number; readonly gradientMs?: number; readonly buildMs?: { forward: number; gradient?: number }; readonly tapeBytes?: number; readonly tapesByInput?: Readonly<Record<string, number>>; readonly residentBytes?: number; readonly inputs?: string; readonly errors?: Readonly<Record<string, string>> }
function bench(env: Readonly<Record<string, string>>, ...args: string[]): { status: number | null; out: string; err: string } {
  const r = spawnSync(process.execPath, [join(__dirname, "..", "..", "ts", "cli", "main.js"), "bench", "--npbench", dir, "--device", "js", "--timeout", "20", ...args], { encoding: "utf8", env: { ...process.env, ...env } });
  return { status: r.status, out: r.stdout, err: r.stderr };
}

test("without Python: known and plain inputs, values are compared with nothing", (t) => {
  const r = bench({ DACE_AD_PYTHON: "" }, "--json", "--by-input", "--only", "gemm,spiral,counting,broken,single");
  t.is(r.status, 1, r.err);
  const { numpy, programs } = JSON.parse(r.out) as { numpy: string | null; programs: Row[] };
  t.is(numpy, null);
  const [gemm, spiral, counting, broken, single] = programs;
  for (const p of [gemm!, spiral!]) {
    t.true(p.ok, JSON.stringify(p));
    t.is(p.error, "skipped");
    t.true(p.gradcheck!.ok && p.gradcheck!.elements > 1 && p.gradcheck!.error < 1e-7);
    t.true(p.forwardMs! > 0 && p.gradientMs! > 0 && p.buildMs!.forward > 0 && p.buildMs!.gradient! > 0 && p.residentBytes! > 1e6);
  }
  t.is(gemm!.inputs, "own");
  t.is(gemm!.tapeBytes, 0);
  t.deepEqual(gemm!.tapesByInput, { alpha: 0, beta: 0, C: 0, A: 0, B: 0 });
  t.true(counting!.ok);
  t.regex(counting!.notDifferentiable!, /ERR_DACE_NOT_DIFFERENTIABLE/);
  t.false(broken!.ok);
  t.regex(broken!.errors!["forward"]!, /ERR_DACE_UNSUPPORTED[^]*broken_numpy\.py:2:5/);
  t.regex(single!.errors!["inputs"]!, /no Python with NumPy was found/);
});

test("as a table; what takes too long is stopped, the others go on", (t) => {
  const r = bench({ DACE_AD_PYTHON: "" }, "--only", "endless,spiral", "--timeout", "4");
  t.is(r.status, 1, r.err);
  t.regex(r.out, /no Python with NumPy was found/);
  t.regex(r.out, /\nendless [^]*process: stopped after 4 s\nspiral +skipped +\d/);
  t.regex(r.out, /1 of 2 programs are right; no values were compared/);
});

test("with NumPy: NPBench's own inputs, and its values", (t) => {
  const python = findPython();
  if (!python) { t.log("skipped: there is no Python with NumPy on this machine"); t.pass(); return; }
  const r = bench({}, "--json", "--only", "gemm,spiral,counting,single"), { programs } = JSON.parse(r.out) as { programs: Row[] };
  t.is(r.status, 0, r.out);
  for (const p of programs) { t.true(p.ok, JSON.stringify(p)); t.is(p.inputs, "NPBench"); t.true(typeof p.error === "number" && p.error < (p.name === "single" ? 1e-6 : 1e-12), p.name); }
  t.true(programs[3]!.gradcheck!.single! < 1e-5 && programs[3]!.gradcheck!.single! > 0);
});

test("wrong usage", (t) => {
  t.is(bench({}, "--only", "nothing").status, 2);
  t.regex(bench({}, "--only", "nothing").err, /it has broken, counting/);
  t.is(spawnSync(process.execPath, [join(__dirname, "..", "..", "ts", "cli", "main.js"), "bench", "--npbench", tmpdir()], { encoding: "utf8" }).status, 2);
});

test("a wrong gradient is seen", (t) => {
  const p = python("def f(x, k):\n    return x * x * k\n", { function: "f" }), run = vjp(p, { device: "js", cache: false }), forward = jit(p, { device: "js", cache: false }), args = [ndarray([1, 2, 3]), 1.5];
  t.true(checkGradient(run, forward, ["x", "k"], args).error < 1e-9);
  const wrong = Object.assign((a: unknown[], c: never) => { const r = run(a as never, c); return { ...r, grads: { ...r.grads, k: (r.grads["k"] as number) * (1 + 1e-5) } }; }, run);
  t.true(checkGradient(wrong as never, forward, ["x", "k"], args).error > 1e-6);
  t.is(gradientDifference({ x: Float64Array.of(1, 2) }, { x: Float64Array.of(1, 4) }), 0.5);
  t.is(gradientDifference({ x: Float64Array.of(1) }, { x: Float64Array.of(1, 4) }), Infinity);
  t.is(difference(Float64Array.of(NaN, 1), Float64Array.of(NaN, 2)), 0.5);
  t.is(difference(Float64Array.of(1, 1), Float64Array.of(NaN, 2)), Infinity);
});

test("own inputs of every known program have the shapes that its sizes say, small ones differ by name", (t) => {
  for (const [name, known] of Object.entries(KNOWN)) for (const sizes of [known.tiny ?? {}]) {
    const names = [...known.arrays.matchAll(/(\w+)=/g)].map((m) => m[1]!), all = { N: 6, M: 7, NI: 5, NJ: 6, NK: 7, NL: 8, NM: 9, R: 2, K: 3, ...sizes };
    const args = ownInputs({ name, file: "", function: "", parameters: names, presets: {}, initialise: { file: "", function: "", inputs: [], outputs: [] } }, all);
    for (const [i, text] of known.arrays.split(" ").filter((x) => x !== "").entries()) {
      const a = args[i] as NDArray;
      t.is(a.shape.length, /\[([^\]]*)\]/.exec(text)![1]!.split(",").length, `${name} ${text}`);
      t.true(a.size > 0 && a.shape.every((n) => Number.isInteger(n)));
    }
    t.is(withNoise(name, args).length, args.length);
  }
  t.deepEqual(tinySizes("unknown", { N: 4000, M: 5000, k: 2, dt: 0.5 }), { N: 5, M: 6, k: 2, dt: 0.5 });
  t.deepEqual(programsOf(dir, ["spiral"])[0]!.parameters, ["a", "b", "n"]);
});
