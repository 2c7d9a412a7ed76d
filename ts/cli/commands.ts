/** grad, run and gradcheck. */
import { writeFileSync } from "node:fs";
import { DaceError } from "../base/errors.js";
import { gradcheck } from "../api/gradcheck.js";
import type { DerivativeOptions } from "../api/options.js";
import { jit, valueAndGrad, type Callable } from "../api/verbs.js";
import type { Program, ProgramFacts } from "../compile/program.js";
import { isTypedArray, NDArray } from "../runtime/ndarray.js";
import { bytesText, memoryPage, secondsText } from "../report/memory.js";
import { readArguments } from "./arguments.js";
import { print, save } from "./output.js";
import { programOf } from "./target.js";

export interface CommandOptions {
  readonly args?: string; readonly random?: string; readonly seed?: number; readonly device?: "auto" | "cpu" | "js" | "cuda"; readonly threads?: number; readonly precision?: "default" | "strict" | "fast";
  readonly memoryLimit?: string; readonly solveBudget?: number; readonly cache?: boolean; readonly json?: boolean; readonly wrt?: readonly string[]; readonly of?: readonly string[]; readonly emit?: "sdfg" | "plan" | "cpp" | "js" | "cuda";
  readonly out?: string; readonly check?: boolean; readonly rtol?: number;
}

function verbOptions(o: CommandOptions): DerivativeOptions {
  return {
    ...(o.device ? { device: o.device } : {}), ...(o.threads !== undefined ? { threads: o.threads } : {}), ...(o.precision ? { precision: o.precision } : {}),
    ...(o.memoryLimit !== undefined ? { memoryLimit: o.memoryLimit } : {}), ...(o.solveBudget !== undefined ? { solve: { budget: o.solveBudget } } : {}), ...(o.cache === false ? { cache: false } : {}),
  };
}
function derivativeOptions(o: CommandOptions): DerivativeOptions {
  return { ...verbOptions(o), ...(o.wrt ? { wrt: o.wrt } : {}), ...(o.of ? { of: o.of } : {}) };
}

/** Progress on a terminal, silence in a pipe. */
async function withProgress<R>(callable: Callable<unknown[], R>, args: unknown[]): Promise<R> {
  if (!process.stderr.isTTY) return callable(...args);
  const start = Date.now();
  try {
    return await callable.async(...args, { onProgress: (steps) => { if (Date.now() - start > 500) process.stderr.write(`\r${steps} steps, ${((Date.now() - start) / 1000).toFixed(1)} s`); } });
  } finally { if (Date.now() - start > 500) process.stderr.write("\r\x1b[K"); }
}

function emit(callable: Callable<unknown[], unknown>, args: unknown[], what: NonNullable<CommandOptions["emit"]>): number {
  const { sdfg, plan, source } = callable.lower(...args);
  if (what === "cuda" && !plan.cuda) throw new DaceError("DEVICE", "--emit cuda: the program is not compiled for a GPU", { hint: "add --device cuda" });
  process.stdout.write(what === "cuda" ? source : what === "sdfg" ? sdfg : what === "plan" ? `${JSON.stringify(plan, undefined, 1)}\n` : what === "cpp" ? plan.cpp.sources.join("\n") : plan.js);
  return 0;
}

/** Names of the gradients, in the order of the results. */
function wrtNames(o: CommandOptions, facts: ProgramFacts, args: readonly unknown[]): string[] {
  if (o.wrt) return [...o.wrt];
  const first = args.findIndex((a, i) => !facts.integers.has(facts.parameters[i]!) && (typeof a === "number" || (a instanceof NDArray ? /float|complex/.test(a.dtype) : a instanceof Float64Array || a instanceof Float32Array)));
  return [facts.parameters[Math.max(0, first)]!];
}

export async function gradCommand(target: string, o: CommandOptions): Promise<number> {
  const program = programOf(target), facts = program.facts(), options = derivativeOptions(o);
  const args = readArguments(facts, o);
  const names = wrtNames(o, facts, args);
  const verb = valueAndGrad(program, { ...options, wrt: names }) as Callable<unknown[], { value: unknown; grad: unknown[] }>;
  if (o.emit) return emit(verb, args, o.emit);
  const { value, grad } = await withProgress(verb, args);
  const gradients = Object.fromEntries(names.map((n, i) => [n, grad[i]]));
  if (o.out !== undefined) save(o.out, { value, ...Object.fromEntries(names.map((n, i) => [`grad_${n}`, grad[i]])) });
  const checked = o.check ? check(program, args, { ...o, wrt: names }) : undefined;
  if (o.json) print({ value, grad: gradients, ...(checked ? { check: checked } : {}) }, true);
  else {
    print({ value, ...Object.fromEntries(names.map((n) => [`d/d${n}`, gradients[n]])) }, false);
    if (checked) printCheck(checked);
  }
  return checked && !checked.ok ? 1 : 0;
}

export async function runCommand(target: string, o: CommandOptions): Promise<number> {
  const program = programOf(target), facts = program.facts();
  const args = readArguments(facts, o), before = args.map(snapshot);
  const verb = jit(program, verbOptions(o));
  if (o.emit) return emit(verb, args, o.emit);
  const result = await withProgress(verb, args);
  const changed = Object.fromEntries(args.flatMap((a, i) => (before[i] !== undefined && !before[i].equals(snapshot(a)!) ? [[facts.parameters[i]!, a]] : [])));
  const results = { ...(result === undefined ? {} : { return: result }), ...changed };
  if (o.out !== undefined) save(o.out, results);
  print(o.json ? { return: result, changed } : results, o.json === true);
  return 0;
}
function snapshot(a: unknown): Buffer | undefined {
  const data = a instanceof NDArray ? a.data : isTypedArray(a) ? a : undefined;
  return data && Buffer.from(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

function check(program: Program, args: unknown[], o: CommandOptions): ReturnType<typeof gradcheck> {
  return gradcheck(program, args, { ...derivativeOptions(o), ...(o.rtol !== undefined ? { rtol: o.rtol } : {}), ...(o.seed !== undefined ? { seed: o.seed } : {}) });
}
function printCheck(r: ReturnType<typeof gradcheck>): void {
  const { worst: w } = r;
  process.stdout.write(`${r.ok ? "ok" : "WRONG"}: worst at ${w.input}[${w.index}]: gradient ${w.ad}, finite difference ${w.reference}; dot-product test ${r.dotTest.toExponential(1)}\n`);
}
export function checkCommand(target: string, o: CommandOptions): number {
  const program = programOf(target);
  const r = check(program, readArguments(program.facts(), o), o);
  if (o.json) print({ ...r }, true); else printCheck(r);
  return r.ok ? 0 : 1;
}

/** Runs the gradient and writes what was decided about memory, and the graph, as one HTML page. */
export async function reportCommand(target: string, o: CommandOptions): Promise<number> {
  const program = programOf(target), facts = program.facts(), args = readArguments(facts, o);
  const verb = valueAndGrad(program, { ...derivativeOptions(o), ...(o.memoryLimit === undefined ? { strategy: "store-all" as const } : {}), wrt: wrtNames(o, facts, args) }) as Callable<unknown[], unknown>;
  await withProgress(verb, args);
  const { checkpoint, buffers } = verb.report!;
  if (!checkpoint) throw new DaceError("UNSUPPORTED", "there is no report of this program's memory: what it keeps is known only as it runs", { hint: "give --memory-limit" });
  const out = o.out ?? "report.html", { sdfg } = verb.lower(...args);
  writeFileSync(out, memoryPage({ title: `${facts.name}: memory`, checkpoint, buffers, graph: sdfg }));
  if (o.json) print({ ...checkpoint }, true); else process.stdout.write(`${out}: peak ${bytesText(checkpoint.planned)}, storing everything ${bytesText(checkpoint.storeAll)}${checkpoint.limit === undefined ? "" : `, estimated extra time ${secondsText(checkpoint.cost)} (${(100 * checkpoint.relativeCost).toFixed(1)} %)`}\n`);
  return 0;
}
