/** Runs the CUDA part of a plan, changed or not, on the device made of the processor. */
import { nativeAddon } from "../../ts/runtime/addon.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import { shimProgram } from "../../ts/lower/cuda-shim.js";
import type { Plan, PlanCuda } from "../../ts/lower/plan.js";
import { CACHE, makeArgs, type Contents, type Values } from "./native.js";

export interface Ran { readonly code: number; readonly values: ReadonlyMap<string, Values> }

/** `change`: of the texts, before they are compiled. */
export function runCuda(plan: Plan, sizes: Readonly<Record<string, number>>, given: Contents, change: (c: PlanCuda) => PlanCuda = (c) => c, sources: (s: readonly string[]) => readonly string[] = (s) => s): Ran {
  const addon = nativeAddon().addon!, program = shimProgram(change(plan.cuda!)), kernel = addon.load({ sources: sources(program.sources), flags: program.flags, link: ["-lm"], cacheDir: CACHE });
  const layout = layoutOf(plan, new Map(Object.entries(sizes))), args = makeArgs(plan, layout.elements, given);
  const { code } = addon.run(kernel, args, BigInt64Array.from(layout.symbols, BigInt), layout.arenaBytes, { threads: 1, parallel: false });
  return { code, values: new Map(plan.arguments.map((b, i) => [plan.buffers[b]!.name, Array.from(args[i] as unknown as ArrayLike<number | bigint>)])) };
}
