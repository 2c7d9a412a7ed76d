// node bench/memory.mjs: gradients under byte limits, each way to keep them side by side in one run: peak (the allocator's) and time.
//   store-all      every value kept
//   recompute-all  every value, and every loop's states, made again where they are wanted
//   static         one decision per array, kept or made again from what is there, as DaCe AD takes them: of all choices that fit the cheapest in our cost model; loops keep everything
//   greedy         the arrays that give most bytes for their work are made again, one after the other until it fits; loops keep everything, or as little as they can
//   ours           memoryLimit
// The choices of the alternatives are carried out by the same code generator (option `strategy`), so only the decisions differ. Gradients are compared with those of storing everything before anything is timed.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { numbers } from "./cases.mjs";

const HERE = dirname(fileURLToPath(import.meta.url)), SOURCE = readFileSync(join(HERE, "memory_programs.py"), "utf8");
const USAGE = "usage: node bench/memory.mjs [--only NAME,…] [--part 0.25,…] [--rounds N] [--json] [--module PATH]\n  --part  limits, as parts of the way from the smallest to storing everything (default 0.1,0.4,0.7)";
const fail = (message) => { console.error(`${message}\n${USAGE}`); process.exit(2); };

/** Arguments: numbers, or [shape, low, high]. */
const PROGRAMS = {
  products: { wrt: ["A", "B", "C"], args: [[[192, 192], -0.2, 0.2], [[192, 192], -0.2, 0.2], [[192, 192], -0.2, 0.2]] },
  layers: { wrt: ["W", "V"], args: [[[64, 128], -1, 1], [[8, 128, 128], -0.1, 0.1], [[8, 128, 128], -0.1, 0.1]] },
  network: { wrt: ["W", "V"], args: [[[64, 128], -1, 1], [[24, 128, 128], -0.1, 0.1], [[24, 128, 128], -0.1, 0.1]] },
  attention: { wrt: ["x", "q", "k", "v"], args: [[[256, 64], -1, 1], [[64, 64], -0.2, 0.2], [[64, 64], -0.2, 0.2], [[64, 64], -0.2, 0.2]] },
  gray_scott: { wrt: ["u", "v"], args: [[[128, 128], 0.4, 1], [[128, 128], 0, 0.5], 300, 0.04, 0.06] },
  burgers: { wrt: ["u"], args: [[[2000], -1, 1], 2000, 0.1] },
};

const o = { only: Object.keys(PROGRAMS), part: [0.1, 0.4, 0.7], rounds: 5, json: false, module: join(HERE, "..") }, argv = process.argv.slice(2);
for (let i = 0; i < argv.length; i++) {
  const value = () => { const v = argv[++i]; if (v === undefined) fail(`${argv[i - 1]} wants a value`); return v; };
  switch (argv[i]) {
    case "--only": o.only = value().split(","); break;
    case "--part": o.part = value().split(",").map(Number); break;
    case "--rounds": o.rounds = Math.max(1, Number(value())); break;
    case "--json": o.json = true; break;
    case "--module": o.module = value(); break;
    case "--help": console.log(USAGE); process.exit(0); break;
    default: fail(`unknown option ${argv[i]}`);
  }
}
for (const k of o.only) if (!PROGRAMS[k]) fail(`no program ${k}`);
if (o.part.some((p) => !(p >= 0 && p <= 1))) fail("--part wants numbers from 0 to 1");
const dace = createRequire(import.meta.url)(o.module);

const median = (x) => x.toSorted((a, b) => a - b)[x.length >> 1];
const flat = (g) => (Array.isArray(g) ? g : [g]).flatMap((x) => Array.from(x.contiguous?.() ?? x));
const kib = (b) => `${(b / 1024).toFixed(0)} KiB`;

/** One way of running a program's gradient. */
function way(name, p, options) {
  const f = dace.grad(dace.python({ source: SOURCE, name: "memory_programs.py" }, { function: name }), { wrt: p.wrt, threads: 1, ...options });
  const args = () => p.args.map((a, k) => (typeof a === "number" ? a : dace.ndarray(numbers(a[0].reduce((x, y) => x * y, 1), k + 1, a[1], a[2]), a[0])));
  const kept = args(), grad = flat(f(...kept)), { checkpoint } = f.report;
  return { run: () => { const t = performance.now(); f(...kept); return performance.now() - t; }, grad, peak: checkpoint.measured ?? checkpoint.planned, checkpoint, dispose: () => f.dispose() };
}

/** Arrays that can be made again, with the time that it costs, from the plan that makes all of them again. */
const arraysOf = (all) => all.checkpoint.arrays.filter((a) => a.decision === "recompute" && a.cost > 0);
const unique = (arrays) => [...new Map(arrays.map((a) => [a.name, a])).values()];

function alternatives(name, p, limit, all, recompute) {
  const arrays = unique(arraysOf(recompute)), loops = all.checkpoint.loops.length > 0, named = (a) => a.name.split(", ");
  const found = { "store-all": all, "recompute-all": recompute };
  if (loops) {
    // Decisions about arrays do not reach into loops.
    found.static = all.peak <= limit ? all : undefined;
    found.greedy = all.peak <= limit ? all : recompute.peak <= limit ? recompute : undefined;
    return found;
  }
  const tried = new Map(), keep = (kept) => {
    const key = kept.map((a) => a.name).join(";");
    if (!tried.has(key)) tried.set(key, kept.length === arrays.length ? all : kept.length === 0 ? recompute : way(name, p, { strategy: { store: kept.flatMap(named) } }));
    return tried.get(key);
  };
  const order = arrays.toSorted((a, b) => b.bytes / b.cost - a.bytes / a.cost);
  for (let n = 0; n <= order.length && !found.greedy; n++) { const w = keep(order.slice(n)); if (w.peak <= limit) found.greedy = w; }
  // All choices, cheapest first, while they are few; then those of one, two or all but one array besides greedy's.
  const few = arrays.length <= 5, masks = few ? Array.from({ length: 2 ** arrays.length }, (_, m) => arrays.filter((_, i) => m & (1 << i))) : [arrays, ...arrays.map((a) => arrays.filter((b) => b !== a)), ...arrays.map((a) => [a]), []];
  const cost = (kept) => arrays.reduce((s, a) => s + (kept.includes(a) ? 0 : a.cost), 0);
  for (const kept of masks.toSorted((a, b) => cost(a) - cost(b))) { const w = keep(kept); if (w.peak <= limit) { found.static = w; break; } }
  if (!few && found.greedy && (!found.static || found.greedy.checkpoint.cost < found.static.checkpoint.cost)) found.static = found.greedy;
  return found;
}

let worse = 0;
for (const name of o.only) {
  const p = PROGRAMS[name], all = way(name, p, { strategy: "store-all" }), recompute = way(name, p, { strategy: "recompute-all" }), largest = all.grad.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  let smallest = recompute.peak;
  try { way(name, p, { memoryLimit: 8 }); } catch (e) { if (e.code !== "ERR_DACE_MEMORY_INFEASIBLE") throw e; smallest = Math.min(smallest, e.smallest); }
  if (!o.json) console.log(`\n${name}: storing everything ${kib(all.peak)}, smallest found ${kib(smallest)}`);
  for (const part of o.part) {
    const limit = Math.floor(smallest + part * (all.peak - smallest)), ways = { ...alternatives(name, p, limit, all, recompute), ours: way(name, p, { memoryLimit: limit }) };
    for (const [k, w] of Object.entries(ways)) if (w && !w.grad.every((x, i) => Math.abs(x - all.grad[i]) <= 1e-11 * largest)) throw new Error(`${name}: the gradient of ${k} differs`);
    const times = Object.fromEntries(Object.keys(ways).map((k) => [k, []]));
    for (let r = 0; r <= o.rounds; r++) for (const [k, w] of Object.entries(ways)) if (w) { const ms = w.run(); if (r > 0) times[k].push(ms); }
    const rows = Object.entries(ways).map(([k, w]) => (w ? { way: k, peak: w.peak, fits: w.peak <= limit, ms: median(times[k]), cost: w.checkpoint.cost } : { way: k, fits: false }));
    const ours = rows.find((r) => r.way === "ours"), better = rows.filter((r) => r !== ours && r.fits && r.cost < ours.cost * (1 - 1e-9));
    worse += better.length + (ours.fits ? 0 : 1);
    if (o.json) console.log(JSON.stringify({ name, limit, storeAll: all.peak, smallest, rows }));
    else {
      console.log(`  limit ${kib(limit)}`);
      for (const r of rows) console.log(`    ${r.way.padEnd(14)} ${r.peak === undefined ? "no choice fits" : `${kib(r.peak).padStart(12)} ${r.ms.toFixed(2).padStart(10)} ms  estimated extra ${(1e3 * r.cost).toFixed(3)} ms${r.fits ? "" : "  (above the limit)"}`}`);
      for (const b of better) console.log(`    ${b.way} is estimated to take less time than ours`);
    }
  }
}
if (worse > 0) { console.error(`\nours was worse ${worse} times`); process.exitCode = 1; } else if (!o.json) console.log("\nours fits every limit, and no other way that fits is estimated to take less time");
