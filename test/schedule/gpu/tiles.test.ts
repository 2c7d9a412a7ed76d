/** Stencils: what gets tiles in shared memory, of which elements, and what does not. */
import test from "ava";
import { visitNodes } from "../../../ts/analysis/walk.js";
import { scheduleGpu } from "../../../ts/schedule/gpu/schedule.js";
import type { GpuSchedule, Loop } from "../../../ts/sdfg/nodes.js";
import type { Graph } from "../../../ts/sdfg/sdfg.js";
import { Build, difference, plus, run, times } from "../../transform/build.js";

const loops = (g: Graph): Loop[] => { const out: Loop[] = []; visitNodes(g.body, (n) => { if (n.kind === "loop") out.push(n); }); return out; };
const kinds = (g: Graph): string[] => loops(scheduleGpu(g, { blocks: false }).graph).flatMap((l) => l.schedule?.gpu?.kernel ?? []);
const tiles = (g: Graph): NonNullable<GpuSchedule["tiles"]> => loops(scheduleGpu(g, { blocks: false }).graph).flatMap((l) => l.schedule?.gpu?.tiles ?? []);
const stencil = (reads: readonly string[], target = "B[i, j]"): Graph => {
  const b = new Build("n", "m").data("A", "n", "m").data("B", "n", "m").data("C", "3", "n", "m");
  b.loop("i", "2", "n + -2", "any", () => { b.loop("j", "2", "m + -2", "any", () => { b.set(target, reads, (...x) => x.reduce((p, q) => plus(times(p, q), p))); }); });
  return b.graph("n + -4", "m + -4");
};

test("a plane that is read three times and in more than one row; each with the rows and columns around", (t) => {
  const g = stencil(["A[i + -1, j]", "A[i, j + 2]", "A[i + 1, j + -1]", "C[1, i, j]", "C[1, i + 2, j]", "C[1, i, j + 1]", "C[0, i, j]", "C[2, i + 1, j]"]), [a, c, ...others] = tiles(g);
  t.is(others.length, 0);
  t.deepEqual([a!.data, a!.index.map((e) => e.key), a!.height, a!.width, a!.reads.map((r) => r.at)], ["A", ["i + -1", "j + -1"], 10, 35, [1, 38, 70]]);
  t.deepEqual([c!.data, c!.index.map((e) => e.key), c!.height, c!.width, c!.reads.map((r) => r.at)], ["C", ["1", "i", "j"], 10, 33, [0, 66, 1]]);
  // Where tiles are not filled it is a plain grid; sizes decide.
  t.deepEqual(kinds(g), ["tiles", "grid"]);
  t.true(difference(run(g, { n: 7, m: 8 }), run(scheduleGpu(g).graph, { n: 7, m: 8 })) < 1e-12);
});

test("no tiles: few reads, one row, what the kernel writes, indices that jump or are turned, rows that depend on one another's", (t) => {
  t.deepEqual(kinds(stencil(["A[i + -1, j]", "A[i + 1, j]"])), ["grid"]);
  t.deepEqual(kinds(stencil(["A[i, j + -1]", "A[i, j]", "A[i, j + 1]", "A[i, j]"])), ["grid"]);
  t.deepEqual(kinds(stencil(["C[0, i, j]", "C[1, i, j]", "C[2, i, j]"])), ["grid"]);
  t.deepEqual(kinds(stencil(["A[i, 2*j]", "A[i + 1, 2*j]", "A[i + -1, 2*j]"])), ["grid"]);
  t.deepEqual(kinds(stencil(["A[i + j, j]", "A[i + j + 1, j]", "A[i + j + -1, j]"])), ["grid"]);
  t.deepEqual(kinds(stencil(["A[i + -40, j]", "A[i, j + 1]", "A[i + 1, j]"])), ["grid"]);
  const b = new Build("n").data("A", "n", "n").data("B", "n", "n");
  b.loop("i", "1", "n + -1", "any", () => { b.loop("j", "1", "i", "any", () => { b.set("B[i, j]", ["A[i + -1, j]", "A[i, j + -1]", "A[i + 1, j]"], plus); }); });
  t.deepEqual(kinds(b.graph("n + -2")), ["grid"]);
});

test("planes of a tape that grows: where every iteration reads them, since their row is there then", (t) => {
  const reads = ["T[2, i + -1, j]", "T[2, i, j + 1]", "T[2, i + 1, j]"];
  const made = (inside: boolean, growable: boolean): Graph => {
    const b = new Build("n", "m", "k").temp("T", "n", "n", "m").data("B", "n", "m"), set = (): void => { b.set("B[i, j]", reads, plus, inside ? "sum" : undefined); };
    b.containers.set("T", { ...b.containers.get("T")!, growable });
    b.loop("i", "2", "n + -2", "any", () => { b.loop("j", "2", "m + -2", "any", () => { if (inside) b.loop("q", "0", "k", "up", set); else set(); }); });
    return b.graph("n + -4", "m + -4");
  };
  for (const [inside, growable, count] of [[false, false, 1], [true, false, 1], [false, true, 1], [true, true, 0]] as const) t.is(tiles(made(inside, growable)).length, count, `${inside} ${growable}`);
});
