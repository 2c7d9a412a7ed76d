/**
 * The program suite on a GPU, as a table: `npm run test:cuda` runs this, in one process, so that a checker can stand before it. Every program forward and backward, against differences
 * and against the processor; ends with 1 where anything differs. `--only WORD`: programs whose name has it.
 */
import { strict as assert } from "node:assert";
import type { ExecutionContext, TestFn } from "ava";
import { nativeAddon } from "../../ts/runtime/addon.js";
import { registerNamed, registerNpbench, registerOthers, registerPeriodic } from "./cuda-shim.js";

type Body = (t: ExecutionContext) => unknown;
const groups = new Map<string, [name: string, body: Body][]>();
const collect = (group: string): TestFn => { const list: [string, Body][] = []; groups.set(group, list); return ((name: string, body: Body) => { list.push([name, body]); }) as unknown as TestFn; };
registerNamed(collect("named"), () => true);
registerOthers(collect("others"), () => true);
registerNpbench(collect("npbench"));
registerPeriodic(collect("periodic"));

/** What the registered programs ask of ava. */
const context = { is: (a: unknown, b: unknown, m?: string) => { assert.ok(Object.is(a, b), m ?? `${String(a)} instead of ${String(b)}`); }, true: (a: unknown, m?: string) => { assert.ok(a === true, m ?? "not true"); } } as unknown as ExecutionContext;

async function main(): Promise<void> {
  const at = process.argv.indexOf("--only"), word = at < 0 ? "" : process.argv[at + 1] ?? "", gpu = nativeAddon().addon!.gpu(0);
  console.log(`device: ${gpu.name}, ${Math.round(gpu.memoryBytes / 2 ** 30)} GiB, compute capability ${gpu.capability}\n${"group".padEnd(9)}${"program".padEnd(60)}${"result".padEnd(9)}${"ms".padStart(8)}`);
  let failed = 0, passed = 0;
  for (const [group, list] of groups) for (const [name, body] of list) {
    if (!name.includes(word)) continue;
    const start = performance.now();
    let cause = "";
    try { await body(context); passed++; } catch (e) { failed++; cause = e instanceof Error ? e.message : String(e); }
    console.log(`${group.padEnd(9)}${name.slice(0, 58).padEnd(60)}${(cause === "" ? "ok" : "FAILED").padEnd(9)}${(performance.now() - start).toFixed(0).padStart(8)}${cause === "" ? "" : `\n         ${cause.split("\n").slice(0, 4).join("\n         ")}`}`);
  }
  const m = gpu.memory(), leaked = m.inUse > 0;
  console.log(`\ndevice memory: ${m.inUse} bytes in use in ${m.blocks} blocks after all runs, at most ${m.highWater}; sections: ${m.graphsRecorded} recorded, ${m.graphsUpdated} updated, ${m.graphsReplayed} replayed; matrix products: ${m.blas || "none asked for"}`);
  if (leaked) console.log("LEAKED: nothing should be in use");
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || leaked || passed === 0 ? 1 : 0;
}
void main();
