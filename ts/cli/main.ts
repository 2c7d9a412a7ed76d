#!/usr/bin/env node
/** The command line: parses it, runs a command, and turns errors into an exit status: 0 fine, 1 the program's fault, 2 wrong usage, 3 the machine. */
import { Command, CommanderError, Option } from "commander";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DaceError, type ErrorCode } from "../base/errors.js";
import { packageRoot } from "../runtime/addon.js";
import { benchCommand, type BenchOptions } from "./bench/bench.js";
import { cacheClear, cacheList } from "./cache.js";
import { checkCommand, gradCommand, reportCommand, runCommand, type CommandOptions } from "./commands.js";
import { PRESETS } from "./bench/checkout.js";
import { doctor } from "./doctor.js";

const MACHINE: ReadonlySet<string> = new Set<ErrorCode>(["TOOLCHAIN", "DEVICE", "OOM", "CACHE"]);
const USAGE: ReadonlySet<string> = new Set<ErrorCode>(["ARGUMENT", "SOURCE_UNAVAILABLE"]);

export function exitStatus(e: unknown): 1 | 2 | 3 {
  if (!(e instanceof DaceError)) return 1;
  const code = e.code.slice("ERR_DACE_".length);
  return MACHINE.has(code) ? 3 : USAGE.has(code) ? 2 : 1;
}

const integer = (name: string) => (s: string): number => {
  const n = Number(s);
  if (!Number.isInteger(n)) throw new DaceError("ARGUMENT", `${name} is ${s}: an integer is needed`);
  return n;
};
const list = (s: string, before: string[] | undefined): string[] => [...(before ?? []), ...s.split(",").filter((x) => x !== "")];

function program(done: (status: number) => void): Command {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string };
  const cli = new Command("dace-ad-native").description("Gradients of numerical programs as they are written.").version(version).exitOverride().showHelpAfterError("(--help shows what there is)");
  const target = (name: string, description: string): Command => cli.command(name).description(description).argument("<FILE:FUNCTION>", "a function of a .py, .js, .mjs, .cjs or .ts file, or a .sdfg file")
    .option("--args <file>", ".npz or .json: arguments by name (.json also by position); .npy: the first argument")
    .option("--random <list>", "u=f64[64,64],steps=10: arrays of numbers uniform in [0,1), and numbers")
    .option("--seed <n>", "of --random", integer("--seed"), 1)
    .addOption(new Option("--device <device>", "where to run").choices(["auto", "cpu", "js", "cuda"]))
    .option("--threads <n>", "threads of parallel loops", integer("--threads"))
    .addOption(new Option("--precision <precision>", "rounding").choices(["default", "strict", "fast"]))
    .option("--memory-limit <bytes>", "such as 64MiB: what a run may take beside its arguments; the rest is computed again")
    .option("--solve-budget <seconds>", "for finding a plan that keeps the limit", Number)
    .option("--no-cache", "neither read nor write the caches")
    .option("--json", "print results as JSON, and nothing else on standard output");
  const differentiated = (c: Command): Command => c.option("--wrt <names>", "inputs, separated by commas", list).option("--of <names>", "outputs: a changed argument, return, return[1]", list);
  const emitting = (c: Command): Command => c.addOption(new Option("--emit <what>", "print a stage instead of running").choices(["sdfg", "plan", "cpp", "js", "cuda"])).option("--out <file>", "write the results to an .npz file");

  emitting(differentiated(target("grad", "the gradient of a scalar result"))).option("--check", "compare with finite differences too")
    .action(async (t: string, o: CommandOptions) => { done(await gradCommand(t, o)); });
  emitting(target("run", "run the program")).action(async (t: string, o: CommandOptions) => { done(await runCommand(t, o)); });
  differentiated(target("report", "run the gradient and write what was decided about memory as an HTML page")).option("--out <file>", "the page (default report.html)")
    .action(async (t: string, o: CommandOptions) => { done(await reportCommand(t, o)); });
  differentiated(target("gradcheck", "compare the gradient with finite differences")).option("--rtol <x>", "relative tolerance (default 1e-6)", Number)
    .action((t: string, o: CommandOptions) => { done(checkCommand(t, o)); });
  cli.command("bench").description("the programs of a checkout of NPBench: right or not, how fast, how much memory").option("--npbench <dir>", "the checkout")
    .addOption(new Option("--preset <preset>", "sizes").choices([...PRESETS]).default("S")).option("--only <names>", "programs, separated by commas", list)
    .addOption(new Option("--device <device>", "where to run").choices(["auto", "cpu", "js", "cuda"])).option("--threads <n>", "threads of parallel loops", integer("--threads"))
    .addOption(new Option("--precision <precision>", "rounding").choices(["default", "strict", "fast"])).option("--by-input", "tapes of the gradient in each input alone, too").option("--timeout <seconds>", "of one program", Number, 300)
    .option("--cache", "use the caches: builds then take no time").option("--json", "print the results as JSON, and nothing else on standard output")
    .action(async (o: BenchOptions) => { done(await benchCommand(o)); });
  cli.command("doctor").description("what was found on this machine, and how to get what is missing").option("--json", "as JSON").action((o: { json?: boolean }) => { done(doctor(o.json === true)); });
  const cache = cli.command("cache").description("compiled kernels and plans on disk");
  cache.command("ls").description("list them").option("--json", "as JSON").action((o: { json?: boolean }) => { cacheList(o.json === true); done(0); });
  cache.command("clear").description("remove them").action(() => { cacheClear(); done(0); });
  return cli;
}

export async function main(argv: readonly string[]): Promise<number> {
  let status = 0;
  try {
    await program((s) => { status = s; }).parseAsync([...argv], { from: "user" });
    return status;
  } catch (e) {
    if (e instanceof CommanderError) return e.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${e instanceof DaceError ? e.message : e instanceof Error ? e.stack ?? e.message : String(e)}\n`);
    return exitStatus(e);
  }
}

if (require.main === module) void main(process.argv.slice(2)).then((s) => { process.exitCode = s; });
