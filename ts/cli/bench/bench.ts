/** `bench --npbench DIR`: every program of a checkout of NPBench as it is, one process each; what fails, crashes or takes too long is a line of the table. */
import { fork } from "node:child_process";
import { join } from "node:path";
import { DaceError } from "../../base/errors.js";
import type { DerivativeOptions } from "../../api/options.js";
import { jsonOf } from "../output.js";
import { PRESETS, programsOf, type Preset } from "./checkout.js";
import type { Found, Job } from "./measure.js";
import { findPython } from "./numpy.js";
import { tinySizes } from "./programs.js";

export interface BenchOptions {
  readonly npbench?: string; readonly preset?: Preset; readonly only?: readonly string[]; readonly json?: boolean; readonly device?: DerivativeOptions["device"]; readonly threads?: number;
  readonly precision?: DerivativeOptions["precision"]; readonly timeout?: number; readonly cache?: boolean; readonly byInput?: boolean;
}
export interface Row extends Found { readonly name: string; readonly ok: boolean; readonly seconds: number }

export async function benchCommand(o: BenchOptions): Promise<number> {
  if (o.npbench === undefined) throw new DaceError("ARGUMENT", "bench needs --npbench DIR", { hint: "git clone https://github.com/spcl/npbench, and give its folder" });
  const root = o.npbench, preset = o.preset ?? "S", python = findPython();
  if (!PRESETS.includes(preset)) throw new DaceError("ARGUMENT", `no preset ${String(preset)}`, { hint: PRESETS.join(", ") });
  const programs = programsOf(root, o.only), options: DerivativeOptions = {
    ...(o.device ? { device: o.device } : {}), ...(o.threads !== undefined ? { threads: o.threads } : {}), ...(o.precision ? { precision: o.precision } : {}), ...(o.cache === true ? {} : { cache: false }),
  };
  const say = (text: string): void => { if (o.json !== true) process.stdout.write(`${text}\n`); };
  say(python ? `NumPy ${python.numpy} (${python.command})` : "no Python with NumPy was found (DACE_AD_PYTHON names one): inputs are random, values are compared with nothing");
  say("values, gradient: largest difference to NumPy's values, to differences (of single precision: to double); ! is too much, ~ within NumPy's own spread (inputs moved by a last bit, an older processor), f in floats\n");
  say(HEAD);
  const rows: Row[] = [];
  for (const program of programs) {
    const sizes = program.presets[preset];
    const row = sizes
      ? await measured({ root, program, sizes, tiny: tinySizes(program.name, program.presets.S ?? sizes), python: python?.command, options, budget: 500, byInput: o.byInput === true }, o.timeout ?? 300)
      : { name: program.name, ok: false, seconds: 0, errors: { inputs: `there is no preset ${preset}` } };
    rows.push(row);
    say(line(row));
    for (const [stage, text] of Object.entries(row.errors ?? {})) say(`    ${stage}: ${text.split("\n").join("\n      ")}`);
    if (row.spread !== undefined) say(`    values: ${row.error === "skipped" ? "" : row.error?.toExponential(1)} from NumPy's; NumPy itself: ${row.spread.toExponential(1)}`);
    if (row.tapesByInput) say(`    tapes of the gradient in each input alone: ${Object.entries(row.tapesByInput).map(([k, n]) => `${k} ${bytes(n)}`).join(", ")}`);
    if (row.gradcheck && !row.gradcheck.ok) say(`    gradient: off by ${row.gradcheck.error.toExponential(1)}${row.gradcheck.single === undefined ? "" : ` (single precision ${row.gradcheck.single.toExponential(1)} from double)`}, at ${row.gradcheck.worst}`);
  }
  const good = rows.filter((r) => r.ok).length;
  if (o.json) process.stdout.write(`${JSON.stringify(jsonOf({ preset, numpy: python?.numpy ?? null, programs: rows }))}\n`);
  else say(`${good} of ${rows.length} programs are right${python ? "" : "; no values were compared"}`);
  return good === rows.length ? 0 : 1;
}

/** Runs a program in a process of its own and puts together what that sent before it ended, however it ended. */
function measured(job: Job, timeout: number): Promise<Row> {
  return new Promise((resolve) => {
    const start = performance.now(), child = fork(join(__dirname, "measure.js"), [], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: ["--no-warnings"] });
    let found: Found = {}, stderr = "", late = false, done = false;
    const timer = setTimeout(() => { late = true; child.kill("SIGKILL"); }, 1000 * timeout);
    child.stderr!.on("data", (b: Buffer) => { stderr = (stderr + b.toString()).slice(-4000); });
    child.on("message", (m: Found | "done") => {
      if (m !== "done") { found = joined(found, m); return; }
      // All has been said: how the process ends is of no interest.
      done = true;
      clearTimeout(timer);
      setTimeout(() => child.kill("SIGKILL"), 5000).unref();
    });
    child.on("error", (e) => { stderr += e.message; });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const end = done ? undefined : late ? `stopped after ${timeout} s` : code === 0 ? undefined : `the process ended with ${signal ?? code}${stderr === "" ? "" : `: ${stderr.trim().split("\n").at(-1)!}`}`;
      if (end !== undefined) found = { ...found, errors: { ...found.errors, process: end } };
      resolve({ name: job.program.name, ok: fine(found), seconds: (performance.now() - start) / 1000, ...found });
    });
    child.send(job);
  });
}
function joined(a: Found, b: Found): Found {
  const both = <K extends "buildMs" | "compileMs" | "arenaBytes">(k: K): Partial<Found> => (a[k] && b[k] ? { [k]: { ...b[k], forward: a[k].forward } } : {});
  return { ...a, ...b, ...both("buildMs"), ...both("compileMs"), ...both("arenaBytes") };
}
function fine(f: Found): boolean {
  if (f.errors && Object.keys(f.errors).length > 0) return false;
  const values = f.error === "skipped" || f.agrees === true, gradient = f.gradcheck ? f.gradcheck.ok : f.notDifferentiable !== undefined;
  return values && gradient && f.forwardMs !== undefined;
}

const COLUMNS: readonly (readonly [string, number])[] = [["program", 24], ["values", 9], ["gradient", 9], ["NumPy", 10], ["forward", 10], ["gradient", 10], ["build", 12], ["C++", 14], ["tapes", 9], ["arena", 9], ["process", 9]];
const cells = (values: readonly string[]): string => values.map((v, i) => (i === 0 ? v.padEnd(COLUMNS[i]![1]) : v.padStart(COLUMNS[i]![1]))).join("").trimEnd();
const HEAD = cells(COLUMNS.map(([name]) => name));

const time = (ms: number | undefined): string => (ms === undefined ? "–" : ms < 1 ? `${(1000 * ms).toFixed(0)} µs` : ms < 1000 ? `${ms.toFixed(ms < 10 ? 2 : 1)} ms` : `${(ms / 1000).toFixed(2)} s`);
const bytes = (n: number | undefined): string => (n === undefined ? "–" : n < 1024 ? `${n} B` : n < 2 ** 20 ? `${(n / 1024).toFixed(0)} KB` : n < 2 ** 30 ? `${(n / 2 ** 20).toFixed(0)} MB` : `${(n / 2 ** 30).toFixed(1)} GB`);
const pair = (x: { readonly forward: number; readonly gradient?: number } | undefined): string => (x ? `${(x.forward / 1000).toFixed(2)}+${x.gradient === undefined ? "–" : (x.gradient / 1000).toFixed(2)} s` : "–");

/** One line of the table. */
function line(r: Row): string {
  const values = r.error === undefined ? "error" : r.error === "skipped" ? "skipped" : r.agrees ? `${r.error.toExponential(0)}${r.spread === undefined ? "" : " ~"}` : `${r.error.toExponential(0)} !`;
  const gradient = r.gradcheck ? (r.gradcheck.ok ? `${(r.gradcheck.single ?? r.gradcheck.error).toExponential(0)}${r.gradcheck.floats ? " f" : ""}` : `${r.gradcheck.error.toExponential(0)} !`) : r.notDifferentiable !== undefined ? "integers" : "error";
  return cells([r.name, values, gradient, time(r.numpyMs), time(r.forwardMs), time(r.gradientMs), pair(r.buildMs), pair(r.compileMs), bytes(r.tapeBytes), bytes(r.arenaBytes?.gradient ?? r.arenaBytes?.forward), bytes(r.residentBytes)]);
}
