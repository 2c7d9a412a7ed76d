// node scripts/checkpoint-corpus.mjs DIR: solves every case of every corpus file in DIR, at each distinct limit of its frontiers and one unit below the smallest,
// and prints one line of JSON each: {file, name, limit, status, cost, peak, smallest, gap, ms}. What the files expect is not looked at: of frontiers, only the limits.
// A row of branch.json is the dearest path's cost; the one with /expected in its name is the mean over paths. `cost` is the extra cost, for `mixed` rows all forward work.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const require = createRequire(import.meta.url);
const { carryOut, mixedTable, problemOf, revolveActions, smallestLimit, solvePlan, uniformActions } = require("../dist/checkpoint/plan/index.js");

const print = (row) => { process.stdout.write(`${JSON.stringify(row)}\n`); };
const round = (x, digits = 3) => Math.round(x * 10 ** digits) / 10 ** digits;

/** Limits of all frontiers, ascending, and one below the smallest. */
function limitsOf(c) {
  const out = new Set(Object.entries(c).filter(([k]) => k.startsWith("frontier")).flatMap(([, f]) => f.map((b) => b.limit ?? b.memory)));
  const sorted = [...out].sort((a, b) => a - b);
  return sorted.length === 0 ? [] : [sorted[0] - 1, ...sorted];
}

async function solved(file, name, c, problem) {
  let smallest;
  for (const limit of limitsOf(c)) {
    const began = performance.now(), s = await solvePlan(problem, limit);
    const ms = performance.now() - began;
    smallest ??= s.smallest ?? await smallestLimit(problem);
    print({ file, name, limit, status: s.status, cost: s.cost ?? null, peak: s.peak ?? null, smallest: smallest.limit, proven: smallest.proven, gap: s.gap, ms: round(ms) });
  }
}

/** dag, branch and offload: values by forward step, slots by backward step. */
function valuesOf(c, more) {
  const arm = (i) => c.arm?.[i] ? { arm: c.arm[i] } : {};
  return problemOf({
    base: c.base,
    branches: [...new Set((c.arm ?? []).filter(Boolean).map(([b]) => b))].sort((a, b) => a - b).map((b) => 1 + Math.max(...c.arm.filter((a) => a && a[0] === b).map((a) => a[1]))),
    values: c.size.map((size, i) => ({
      name: `v${i}`, size, cost: c.cost[i], parents: c.parents[i], recompute: !(c.norecompute ?? []).includes(i), ...arm(i),
      ...(c.offload_cost_per_unit === undefined ? {} : { offload: { out: c.offload_cost_per_unit * size, in: 0 } }),
    })),
    slots: c.backward.map((b) => ({ name: `backward of v${b.of}`, needs: b.needs, extra: b.extra, ...arm(b.of) })),
    ...more,
  });
}

/** program: arrays and loops in one sequence, mirrored by the backward pass. */
function programOf(c) {
  const n = c.sequence.length;
  return problemOf({
    values: c.sequence.map((s, i) => s.array === undefined
      ? { name: `loop${s.loop}`, size: 0, cost: 0, parents: [], recompute: false, forwardExtra: c.base_per_event[i] }
      : { name: `array${s.array}`, size: c.arrays[s.array].size, cost: c.arrays[s.array].recompute_cost, parents: [], recompute: true, forwardExtra: c.base_per_event[i] }),
    slots: c.sequence.map((_, t) => ({ name: `slot${t}`, needs: c.sequence[n - 1 - t].array === undefined ? [] : [n - 1 - t], extra: c.base_per_event[n + t] })),
    loops: c.sequence.flatMap((s, i) => s.loop === undefined ? [] : [{ name: `loop${s.loop}`, step: i, slot: n - 1 - i, options: c.loops[s.loop].options.map((o) => ({ held: o.held, inside: o.inside, cost: o.extra })) }]),
  });
}

function timed(f) { const began = performance.now(), x = f(); return [x, round(performance.now() - began)]; }

function chain(file, c) {
  for (const { name, steps, snapshots } of c.revolve ?? []) {
    const [t, ms] = timed(() => carryOut({ steps, snapshot: 1, tape: 0, forward: 1, taped: 1 }, revolveActions(steps, snapshots, false)));
    print({ file, name, limit: snapshots, status: "optimal", cost: t.extra, peak: t.peak, smallest: 1, gap: 0, ms, total: t.forwardCost });
  }
  for (const { name, steps, snapshot, tape, fwd_cost: forward, taped_cost: taped, ...rest } of c.mixed ?? []) {
    const shape = { steps, snapshot, tape, forward, taped }, [{ table, group, unit }, build] = timed(() => mixedTable(shape));
    const smallest = table.breakpoints()[0] * unit;
    for (const limit of limitsOf(rest)) {
      const room = Math.floor(limit / unit);
      if (table.cost(room) === Infinity) { print({ file, name, limit, status: "infeasible", cost: null, peak: null, smallest, gap: 0, ms: build }); continue; }
      const [t, ms] = timed(() => carryOut(shape, table.actions(room, false, group, steps)));
      print({ file, name, limit, status: group === 1 ? "optimal" : "feasible", cost: t.forwardCost, peak: t.peak, smallest, gap: 0, ms: round(build + ms), extra: t.extra });
    }
  }
  for (const { name, steps, snapshot, tape, fwd_cost: forward, options } of c.uniform ?? []) {
    for (const { segments } of options) {
      const [t, ms] = timed(() => carryOut({ steps, snapshot, tape, forward, taped: forward }, uniformActions(steps, Math.ceil(steps / segments), false)));
      print({ file, name, limit: t.peak, status: "optimal", cost: t.extra, peak: t.peak, smallest: t.peak, gap: 0, ms, segments, extra_forward_steps: t.advanced });
    }
  }
}

const dir = process.argv[2];
if (!dir) { process.stderr.write("usage: node scripts/checkpoint-corpus.mjs DIR\n"); process.exit(2); }
for (const path of readdirSync(dir).filter((f) => f.endsWith(".json")).sort()) {
  const file = basename(path, ".json"), corpus = JSON.parse(readFileSync(join(dir, path), "utf8"));
  if (corpus.revolve || corpus.mixed || corpus.uniform) chain(file, corpus);
  for (const c of corpus.cases ?? []) {
    if (c.sequence) await solved(file, c.name, c, programOf(c));
    else if (c.arm) {
      await solved(file, c.name, c, valuesOf(c, { mode: "static", objective: "worst" }));
      await solved(file, `${c.name}/expected`, c, valuesOf(c, { mode: "static", objective: "expected" }));
    } else if (c.offload_cost_per_unit !== undefined) await solved(file, c.name, c, valuesOf(c, { mode: "static", hostLimit: c.host_limit }));
    else await solved(file, c.name, c, valuesOf(c, { mode: "slot" }));
  }
}
