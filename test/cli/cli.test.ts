/** The command line as a user runs it: output, JSON, files, exit statuses. */
import test from "ava";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PLAN_VERSION } from "../../ts/lower/plan.js";
import { ndarray } from "../../ts/index.js";
import { readNpz, writeNpz } from "../../ts/runtime/npy.js";

const dir = mkdtempSync(join(tmpdir(), "cli-"));
test.after.always(() => { rmSync(dir, { recursive: true }); });
const file = (name: string, text: string): string => { const path = join(dir, name); writeFileSync(path, text); return path; };
const MODEL = file("model.py", "import numpy as np\n\ndef loss(u, dt, steps):\n    for t in range(steps):\n        u[1:-1] = u[1:-1] + dt * (u[2:] - u[:-2])\n    return np.sum(u ** 2)\n\ndef scale(u, k):\n    u *= k\n");
const SCRIPT = file("model.mjs", "export const loss = (u, k) => { let s = 0; for (let i = 0; i < u.length; i++) s += k * u[i] * u[i]; return s; };\n");

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const r = spawnSync(process.execPath, [join(__dirname, "..", "..", "ts", "cli", "main.js"), ...args], { encoding: "utf8", cwd: dir });
  return { status: r.status, out: r.stdout, err: r.stderr };
}

test("grad of a NumPy function with arguments from JSON, as text and as JSON", (t) => {
  const args = file("a.json", JSON.stringify({ u: [1, 2, 4], dt: 0, steps: 2 }));
  const text = run("grad", `${MODEL}:loss`, "--wrt", "u", "--args", args, "--device", "js");
  t.is(text.status, 0, text.err);
  t.regex(text.out, /value = 21/);
  t.regex(text.out, /d\/du = ndarray\(float64, \[3\]\)\n\[2, 4, 8\]/);
  const json = run("grad", `${MODEL}:loss`, "--wrt", "u,dt", "--args", args, "--device", "js", "--json", "--check");
  t.is(json.status, 0, json.err);
  const r = JSON.parse(json.out) as { value: number; grad: { u: number[]; dt: number }; check: { ok: boolean } };
  t.deepEqual([r.value, r.grad.u, r.grad.dt, r.check.ok], [21, [2, 4, 8], 24, true]);
});

test("run prints the result and what changed; .npz in and out", (t) => {
  const args = join(dir, "in.npz"), out = join(dir, "out.npz");
  writeNpz(args, new Map([["u", ndarray([[1, 2], [3, 4]])], ["k", ndarray(Float64Array.of(3), [])]]));
  const r = run("run", `${MODEL}:scale`, "--args", args, "--out", out, "--device", "js");
  t.is(r.status, 0, r.err);
  t.deepEqual(readNpz(out).get("u")!.toArray(), [[3, 6], [9, 12]]);
});

test("random arguments are the same for the same seed", (t) => {
  const a = run("grad", `${SCRIPT}:loss`, "--random", "u=f64[5],k=2", "--seed", "7", "--json", "--device", "js"), b = run("grad", `${SCRIPT}:loss`, "--random", "u=f64[5],k=2", "--seed", "7", "--json", "--device", "js");
  t.is(a.status, 0, a.err);
  t.is(a.out, b.out);
  t.not(run("grad", `${SCRIPT}:loss`, "--random", "u=f64[5],k=2", "--seed", "8", "--json", "--device", "js").out, a.out);
});

test("gradcheck", (t) => {
  const r = run("gradcheck", `${MODEL}:loss`, "--random", "u=f64[9],dt=0.1,steps=4", "--device", "js");
  t.is(r.status, 0, r.err);
  t.regex(r.out, /^ok: /);
});

test("--emit prints a stage", (t) => {
  const emit = (what: string): string => { const r = run("grad", `${MODEL}:loss`, "--wrt", "u", "--random", "u=f64[9],dt=0.1,steps=4", "--emit", what, "--device", "js"); t.is(r.status, 0, r.err); return r.out; };
  t.regex(emit("sdfg"), /^sdfg /);
  t.regex(emit("cpp"), /extern "C" i32 dace_run/);
  t.is((JSON.parse(emit("plan")) as { version: number }).version, PLAN_VERSION);
  t.true(emit("js").length > 100);
});

test("exit statuses: 1 the program's fault, 2 wrong usage, 3 the machine", (t) => {
  const bad = file("bad.py", "def f(u):\n    with u:\n        pass\n    return u[0]\n");
  t.is(run("grad", `${bad}:f`, "--random", "u=f64[3]").status, 1);
  t.regex(run("grad", `${bad}:f`, "--random", "u=f64[3]").err, /bad\.py:2:5/);
  t.is(run("grad", "missing.py:f", "--random", "u=f64[3]").status, 2);
  t.is(run("grad", `${MODEL}:loss`).status, 2);
  t.is(run("grad", `${MODEL}:loss`, "--random", "u=f64[x]").status, 2);
  t.is(run("frobnicate").status, 2);
  t.is(run("grad", `${MODEL}:loss`, "--random", "u=f64[3],dt=1,steps=1", "--device", "cuda").status, 3);
  t.is(run("--help").status, 0);
});

test("doctor and the caches", (t) => {
  const found = JSON.parse(run("doctor", "--json").out) as { name: string }[];
  for (const name of ["node", "addon", "cache", "CUDA"]) t.true(found.some((f) => f.name === name), name);
  const cache = join(dir, "cache");
  const at = (...args: string[]): string => spawnSync(process.execPath, [join(__dirname, "..", "..", "ts", "cli", "main.js"), ...args], { encoding: "utf8", env: { ...process.env, DACE_AD_CACHE_DIR: cache } }).stdout;
  at("grad", `${MODEL}:loss`, "--random", "u=f64[9],dt=0.1,steps=4");
  const { entries } = JSON.parse(at("cache", "ls", "--json")) as { entries: { kind: string }[] };
  t.true(entries.some((e) => e.kind === "plan"));
  t.regex(at("cache", "clear"), /entries removed/);
  t.is((JSON.parse(at("cache", "ls", "--json")) as { entries: unknown[] }).entries.length, 0);
  t.true(readFileSync(MODEL).length > 0);
});
