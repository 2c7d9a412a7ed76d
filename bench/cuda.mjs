// Our programs on a GPU, with arrays that stay there, beside the processor: node bench/cuda.mjs [--only NAME,…] [--size large|small] [--rounds N] [--write]
// Results are compared before anything is timed; medians after warm-up; the device's own copy rate stands at the top. --write: bench/RESULTS-cuda.md. Without a GPU: exit status 2.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CASES } from "./cases.mjs";

const HERE = dirname(fileURLToPath(import.meta.url)), require = createRequire(import.meta.url);
const option = (name, otherwise) => { const k = process.argv.indexOf(name); return k < 0 ? otherwise : process.argv[k + 1]; };
const only = option("--only", Object.keys(CASES).join()).split(","), size = option("--size", "large"), rounds = Number(option("--rounds", "9")), write = process.argv.includes("--write");
const stop = (message) => { console.error(`bench: nothing was measured: ${message}`); process.exit(2); };

let dace, addon, gpu;
try { dace = require(".."); addon = require("node-gyp-build")(join(HERE, "..")); } catch (e) { stop(`the package is not built: ${e.message}`); }
try { gpu = addon.gpu(0); } catch (e) { stop(e.message); }
const made = gpu.name.startsWith("Processor ");
if (write && made) stop("a device made of the processor has no times worth writing down");

const milliseconds = (f) => { const t = performance.now(); f(); return performance.now() - t; };
const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
const timed = (f) => { for (let k = 0; k < 3; k++) f(); return median(Array.from({ length: rounds }, () => milliseconds(f))); };
const difference = (a, b) => { let worst = 0, scale = 1e-300; for (let i = 0; i < a.length; i++) { scale = Math.max(scale, Math.abs(b[i])); const d = Math.abs(a[i] - b[i]); worst = Number.isNaN(d) ? Infinity : Math.max(worst, d); } return worst / scale; };

/** Bytes per second read and written by copies on the device; the wait for each is part of it, so they are large. */
function copyRate() {
  const bytes = made ? 2 ** 22 : Math.min(2 ** 31, Math.floor(gpu.memoryBytes / 8)), a = gpu.allocate(bytes), b = gpu.allocate(bytes);
  try { a.clear(); return 2 * bytes / timed(() => { b.copyFrom(a); }) * 1e3; } finally { a.dispose(); b.dispose(); }
}
function bench(name) {
  const p = CASES[name].make(...CASES[name].sizes[size]), { python, valueAndGrad, jit, ndarray } = dace;
  const wrt = p.arrays.map((_, i) => p.lead.length + i), program = () => python(join(HERE, "programs.py"), { function: name });
  const on = (device) => {
    const more = device === "cpu" ? {} : { device }, inputs = () => p.arrays.map((a) => ndarray(a.data.slice(), a.shape, more)), w = ndarray(p.weights.data, p.weights.shape, more), fixed = inputs();
    const grad = valueAndGrad(program(), { wrt, device }), forward = jit(program(), { device }), state = inputs();
    const r = grad(...p.lead, ...fixed, w), host = (x) => (typeof x.toHost === "function" ? x.toHost().data : x.data ?? x);
    const gradients = r.grad.map(host);
    return { gradients, fwd: timed(() => { forward(...p.lead, ...state, w); }), grad: timed(() => { grad(...p.lead, ...fixed, w); }), peak: grad.report.peakBytes };
  };
  const cpu = on("cpu"), cuda = on("cuda"), error = Math.max(...cpu.gradients.map((g, i) => difference(cuda.gradients[i], g)));
  if (!(error < 1e-8)) throw new Error(`wrong: gradients differ by ${error.toExponential(1)}`);
  return [name, CASES[name].sizes[size].join("×"), cuda.fwd.toFixed(2), cpu.fwd.toFixed(2), cuda.grad.toFixed(2), cpu.grad.toFixed(2), (cpu.grad / cuda.grad).toFixed(2), error.toExponential(0)];
}

const lines = [`device: ${gpu.name}, compute capability ${gpu.capability}, ${Math.round(gpu.memoryBytes / 2 ** 30)} GiB; driver ${addon.cuda().version}; ${addon.cuda().compiler}`, `processor: ${cpus()[0]?.model}, ${cpus().length} cores`,
  `copies on the device: ${(copyRate() / 1e9).toFixed(0)} GB/s read and written`, "", "Milliseconds, medians; arrays stay on the device.", "",
  "| program | size | forward GPU | CPU | gradient GPU | CPU | CPU/GPU | error |", "|---|---|---|---|---|---|---|---|"];
for (const l of lines) console.log(l);
let wrong = false;
for (const name of only) {
  let line;
  try { line = `| ${bench(name).join(" | ")} |`; } catch (e) { wrong = true; line = `| ${name} | not run: ${String(e.message).split("\n")[0]} | | | | | | |`; }
  console.log(line);
  lines.push(line);
}
if (write) writeFileSync(join(HERE, "RESULTS-cuda.md"), `# GPU benchmark\n\nWritten by \`node bench/cuda.mjs --write\`.\n\n${lines.join("\n")}\n`);
process.exitCode = wrong ? 1 : 0;
