// npm run bench: our gradients against hand-written C adjoints, side by side in one run.
// Gradients are compared before anything is timed; the runs are interleaved; medians after warm-up; compile time apart. `--help` lists the options.
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES } from "./cases.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const USAGE = `usage: node bench/main.mjs [--only NAME,…] [--threads N,…] [--size large|small] [--rounds N] [--json] [--module PATH]
  --only      programs: ${Object.keys(CASES).join(", ")}
  --threads   thread counts (default: 1 and all)
  --rounds    timed rounds, at least 7 (default 9)
  --module    another build of the package than this checkout's`;

function options(argv) {
  const o = { only: Object.keys(CASES), threads: [...new Set([1, cpus().length])], size: "large", rounds: 9, json: false, module: join(HERE, "..") };
  for (let i = 0; i < argv.length; i++) {
    const value = () => { const v = argv[++i]; if (v === undefined) fail(`${argv[i - 1]} wants a value`); return v; };
    switch (argv[i]) {
      case "--only": o.only = value().split(","); break;
      case "--threads": o.threads = value().split(",").map(Number); break;
      case "--size": o.size = value(); break;
      case "--rounds": o.rounds = Math.max(7, Number(value())); break;
      case "--json": o.json = true; break;
      case "--module": o.module = value(); break;
      case "--help": console.log(USAGE); process.exit(0); break;
      default: fail(`unknown option ${argv[i]}`);
    }
  }
  for (const k of o.only) if (!CASES[k]) fail(`no program ${k}`);
  if (o.threads.some((t) => !Number.isInteger(t) || t < 1)) fail("--threads wants whole numbers");
  if (!["large", "small"].includes(o.size)) fail("--size is large or small");
  return o;
}
function fail(message) { console.error(`${message}\n${USAGE}`); process.exit(2); }

const o = options(process.argv.slice(2)), require = createRequire(import.meta.url);
let dace;
try { dace = require(o.module); } catch (e) { console.error(`the package is not built (npm run build): ${e.message}`); process.exit(2); }
let addon;
try { addon = require("node-gyp-build")(join(HERE, "..")); } catch { /* said below */ }

const FLAGS = ["-std=c++20", "-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math"];
/** The hand-written adjoint, compiled by the same compiler for the same machine, as a function of mode (0 value, 1 gradient). */
function hand(name, p) {
  if (!addon) return { missing: "the native addon is not built" };
  const common = readFileSync(join(HERE, "handwritten", "common.hpp"), "utf8"), source = readFileSync(join(HERE, "handwritten", `${name}.cpp`), "utf8").replace('#include "common.hpp"', common.replace("#pragma once", ""));
  let kernel;
  const dir = mkdtempSync(join(tmpdir(), "dace-bench-"));
  try { kernel = addon.load({ sources: [source], flags: FLAGS, link: ["-lm", "-lmvec"], cacheMode: "off", cacheDir: dir }); } catch (e) { return { missing: `the hand-written version does not compile: ${e.output?.split("\n")[0] ?? e.message}` }; } finally { rmSync(dir, { recursive: true, force: true }); }
  const gradients = p.arrays.map((a) => new Float64Array(a.data.length)), value = new Float64Array(1), work = p.work.map((n) => new Float64Array(n));
  const args = [...p.arrays.map((a) => a.data), p.weights.data, ...gradients, value, ...work], bytes = 8 * [...gradients, value, ...work].reduce((n, a) => n + a.length, 0);
  const symbols = [0, 1].map((mode) => BigInt64Array.from([mode, ...p.symbols], BigInt));
  return { run: (mode) => { const s = addon.run(kernel, args, symbols[mode], 0, { threads: 1, parallel: false }); if (s.code !== 0) throw new Error(`status ${s.code}`); }, gradients, value, bytes };
}

const milliseconds = (f) => { const t = performance.now(); f(); return performance.now() - t; };
const median = (a) => { const s = [...a].sort((x, y) => x - y); return s[s.length >> 1]; };
const difference = (a, b) => { let worst = 0, scale = 1e-300; for (let i = 0; i < a.length; i++) { scale = Math.max(scale, Math.abs(b[i])); const d = Math.abs(a[i] - b[i]); worst = Number.isNaN(d) ? Infinity : Math.max(worst, d); } return worst / scale; };

function bench(name, threads) {
  const p = CASES[name].make(...CASES[name].sizes[o.size]), { python, valueAndGrad, jit, ndarray } = dace;
  const program = () => python(join(HERE, "programs.py"), { function: name });
  const inputs = () => p.arrays.map((a) => ndarray(a.data.slice(), a.shape)), w = ndarray(p.weights.data, p.weights.shape);
  const wrt = p.arrays.map((_, i) => p.lead.length + i), dir = mkdtempSync(join(tmpdir(), "dace-bench-"));
  try {
    const settings = { threads, cache: { dir } };
    const grad = valueAndGrad(program(), { wrt, ...settings }), forward = jit(program(), settings), fixed = inputs();
    // What a first call costs is measured at the small size, where the run itself costs nothing.
    const s = CASES[name].make(...CASES[name].sizes.small), small = () => [...s.lead, ...s.arrays.map((a) => ndarray(a.data.slice(), a.shape)), ndarray(s.weights.data, s.weights.shape)];
    const first = small(), cold = milliseconds(() => { grad(...first); });
    const { compileMs } = grad.report, again = valueAndGrad(program(), { wrt, ...settings }), second = small();
    const warm = milliseconds(() => { again(...second); });
    const result = grad(...p.lead, ...fixed, w);
    const value = forward(...p.lead, ...inputs(), w);
    const h = hand(name, p);
    if (h.missing) return { name, threads, missing: h.missing };
    h.run(1);
    const errors = [difference([result.value], [h.value[0]]), difference([value], [h.value[0]]), ...p.arrays.map((a, i) => { const g = result.grad[i].data; return difference(g, h.gradients[i]); })];
    const error = Math.max(...errors);
    if (!(error < 1e-8)) return { name, threads, missing: `wrong: results differ by ${error.toExponential(1)} from the hand-written version` };

    const times = { fwd: [], handFwd: [], grad: [], handGrad: [] };
    for (let round = -2; round < o.rounds; round++) {
      const fresh = inputs();
      const t = { fwd: milliseconds(() => { forward(...p.lead, ...fresh, w); }), handFwd: milliseconds(() => { h.run(0); }), grad: milliseconds(() => { grad(...p.lead, ...fixed, w); }), handGrad: milliseconds(() => { h.run(1); }) };
      if (round >= 0) for (const k of Object.keys(times)) times[k].push(t[k]);
    }
    const m = Object.fromEntries(Object.entries(times).map(([k, v]) => [k, median(v)])), { report } = grad;
    return { name, threads, size: CASES[name].sizes[o.size], ...m, fwdRatio: m.fwd / m.handFwd, gradRatio: m.grad / m.handGrad, ownRatio: m.grad / m.fwd, cold, compile: compileMs, warm, peak: report.peakBytes, handPeak: h.bytes, peakRatio: report.peakBytes / h.bytes, error };
  } catch (e) {
    return { name, threads, missing: e.message.split("\n").slice(0, 4).join(" ") };
  } finally { rmSync(dir, { recursive: true, force: true }); }
}

const rows = [];
const head = ["program", "threads", "forward", "hand", "ratio", "gradient", "hand", "ratio", "grad/fwd", "cold", "warm", "peak MB", "hand", "ratio", "error"];
const widths = [10, 7, 9, 9, 6, 9, 9, 6, 8, 7, 7, 8, 7, 6, 8];
const print = (cells) => { if (!o.json) console.log(cells.map((c, i) => (i === 0 ? String(c).padEnd(widths[i]) : String(c).padStart(widths[i]))).join(" ")); };
if (!o.json) console.log(`milliseconds, medians of ${o.rounds}; hand: hand-written C adjoint on one thread; cold: first call (small size) with an empty cache, warm: with a full one; peak: memory beside the inputs`);
print(head);
for (const name of o.only) for (const threads of o.threads) {
  const r = bench(name, threads);
  rows.push(r);
  if (r.missing) { if (!o.json) console.log(`${name.padEnd(widths[0])} ${String(threads).padStart(widths[1])}  not run: ${r.missing}`); continue; }
  const f = (x, d = 2) => x.toFixed(d), mb = (x) => f(x / 1e6, 1);
  print([name, threads, f(r.fwd), f(r.handFwd), f(r.fwdRatio), f(r.grad), f(r.handGrad), f(r.gradRatio), f(r.ownRatio), f(r.cold, 0), f(r.warm, 1), mb(r.peak), mb(r.handPeak), f(r.peakRatio), r.error.toExponential(0)]);
}
const done = rows.filter((r) => !r.missing), mean = (k) => Math.exp(done.reduce((s, r) => s + Math.log(r[k]), 0) / done.length);
if (o.json) console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, rows }));
else if (done.length > 0) console.log(`geometric means: forward ${mean("fwdRatio").toFixed(2)}, gradient ${mean("gradRatio").toFixed(2)}, memory ${mean("peakRatio").toFixed(2)}`);
process.exitCode = rows.some((r) => r.missing?.startsWith("wrong")) ? 1 : 0;
