// The main job on real input: an unmodified NumPy simulation of waves over the Maunga Whau terrain (flooded), its sensitivity to the whole initial sea
// surface, a check against finite differences, and a picture. The same model as a JavaScript function must give the same numbers.
"use strict";
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { jit, ndarray, python, valueAndGrad } = require("..");
const { png } = require("./png.cjs");
const { harbourEnergy } = require("./shallow_water.js");
const volcano = require("vega-datasets/data/volcano.json");

const ny = volcano.height, nx = volcano.width, steps = 240, dt = 0.1, dx = 10;
const harbour = { y0: 38, y1: 50, x0: 62, x1: 80 };
// The highest rim lies 25 m under water.
const depth = Float64Array.from(volcano.values, (height) => 220 - height);
// A hump of 2 m, 60 m wide, in the west.
const eta = Float64Array.from({ length: ny * nx }, (_, k) => 2 * Math.exp(-(((k % nx) - 14) ** 2 + (Math.floor(k / nx) - 24) ** 2) / (2 * 6 ** 2)));
const u = new Float64Array(ny * (nx + 1)), v = new Float64Array((ny + 1) * nx);

const field = (data, rows, columns) => ndarray(data, [rows, columns]);
const rest = [steps, dt, dx, harbour.y0, harbour.y1, harbour.x0, harbour.x1];
const numpyArgs = (surface) => [field(surface, ny, nx), field(u.slice(), ny, nx + 1), field(v.slice(), ny + 1, nx), field(depth, ny, nx), ...rest];
const jsArgs = [eta, u, v, depth, ny, nx, ...rest];

const program = python(join(__dirname, "shallow_water.py"), { function: "harbour_energy" });
const sensitivity = valueAndGrad(program, { wrt: "eta" });

const ms = (f) => { const t = performance.now(); const r = f(); return [r, performance.now() - t]; };
const fixed = (x) => `${x.toFixed(1)} ms`;
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

console.log(`shallow_water.py: harbour_energy over ${ny} x ${nx} cells, ${steps} steps, arrays overwritten in place`);
const [first, coldMs] = ms(() => sensitivity(...numpyArgs(eta)));
const median = (f) => Array.from({ length: 9 }, () => ms(f)[1]).sort((a, b) => a - b)[4];
const { value, grad } = sensitivity(...numpyArgs(eta)), gradMs = median(() => sensitivity(...numpyArgs(eta)));
const forward = jit(program);
const forwardValue = forward(...numpyArgs(eta.slice())), forwardMs = median(() => forward(...numpyArgs(eta.slice())));
if (Math.abs(forwardValue - value) > 1e-12 * Math.abs(value) || first.value !== value) throw new Error("the value depends on how it was computed");
console.log(`energy in the harbour at the end: ${value.toPrecision(12)} m^5/s^2`);
const peak = grad.data.reduce((best, x, k) => (Math.abs(x) > Math.abs(grad.data[best]) ? k : best), 0);
console.log(`largest sensitivity: ${grad.data[peak].toPrecision(6)} m^4/s^2 at row ${Math.floor(peak / nx)}, column ${peak % nx}`);

// Central differences with two step widths, extrapolated, at cells spread over the basin and at the most sensitive one.
const energyAt = (k, h) => { const moved = eta.slice(); moved[k] += h; return forward(...numpyArgs(moved)); };
const difference = (k, h) => (energyAt(k, h) - energyAt(k, -h)) / (2 * h);
const cells = [peak, ...Array.from({ length: 24 }, (_, i) => Math.floor(((i + 0.5) * ny * nx) / 24))];
const scale = Math.abs(grad.data[peak]);
const error = Math.max(...cells.map((k) => {
  const d1 = difference(k, 0.02), d2 = difference(k, 0.01), reference = (4 * d2 - d1) / 3;
  return Math.abs(grad.data[k] - reference) / Math.max(Math.abs(reference), 1e-3 * scale);
}));
console.log(`finite-difference check: max relative error ${error.toExponential(1)} (${cells.length} cells)`);

const twin = valueAndGrad(harbourEnergy, { wrt: 0 });
const js = twin(...jsArgs);
const differs = js.grad.reduce((worst, x, k) => Math.max(worst, Math.abs(x - grad.data[k])), 0) / scale;
console.log(`shallow_water.js gives the same: value differs by ${(Math.abs(js.value - value) / Math.abs(value)).toExponential(1)}, gradient by ${differs.toExponential(1)} (relative)`);

const report = sensitivity.report;
console.log(`times: forward ${fixed(forwardMs)}, value and gradient ${fixed(gradMs)} (${(gradMs / forwardMs).toFixed(1)} x), first call ${fixed(coldMs)} with compilation (${report.device}${report.cached ? ", kernel from the cache" : ""})`);
const tapes = report.buffers.filter((b) => b.role === "tape");
console.log(`memory: ${mib(report.peakBytes)} beside the arguments, of which tapes ${mib(tapes.reduce((n, b) => n + b.bytes, 0))} (${tapes.length})`);
const lowered = sensitivity.lower(...numpyArgs(eta));
const lines = (text) => text.split("\n").length;
console.log(`stages: ${Object.entries(lowered.stages).map(([stage, text]) => `${stage} ${lines(text)}`).join(", ")}, source ${lines(lowered.source)} lines`);

// The map: sensitivity in blue (negative) to red (positive) over the terrain in grey, the harbour framed.
const zoom = 10, deepest = Math.max(...depth), sharp = (x) => Math.sign(x) * Math.sqrt(Math.abs(x));
const colour = (px, py) => {
  const x = Math.floor(px / zoom), y = Math.floor(py / zoom), { y0, y1, x0, x1 } = harbour;
  const onFrame = (x >= x0 && x < x1 && y >= y0 && y < y1) && (px < x0 * zoom + 2 || px >= x1 * zoom - 2 || py < y0 * zoom + 2 || py >= y1 * zoom - 2);
  if (onFrame) return [0, 0, 0];
  const contour = (c) => Math.floor(c / 15);
  const k = y * nx + x, shade = 255 - 60 * (depth[k] / deepest), s = sharp(grad.data[k] / scale);
  const line = (x + 1 < nx && contour(depth[k]) !== contour(depth[k + 1]) && px % zoom === zoom - 1) || (y + 1 < ny && contour(depth[k]) !== contour(depth[k + nx]) && py % zoom === zoom - 1) ? 40 : 0;
  const fade = 1 - Math.abs(s);
  return (s > 0 ? [255, shade * fade, shade * fade] : [shade * fade, shade * fade, 255]).map((c) => Math.max(0, Math.round(c - line)));
};
mkdirSync(join(__dirname, "out"), { recursive: true });
writeFileSync(join(__dirname, "out", "sensitivity.png"), png(nx * zoom, ny * zoom, colour));
console.log(`picture: ${join("examples", "out", "sensitivity.png")} (red: water added there raises the energy in the framed harbour)`);
if (!(error < 1e-5) || !(differs < 1e-9)) { console.error("the gradient does not agree with its references"); process.exitCode = 1; }
