/** What a checkout of NPBench says of its programs: `bench_info/*.json` names each one's module, function, arguments, initialiser and sizes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DaceError } from "../../base/errors.js";

export type Sizes = Readonly<Record<string, number>>;
export const PRESETS = ["S", "M", "L", "paper"] as const;
export type Preset = (typeof PRESETS)[number];

export interface BenchProgram {
  readonly name: string;
  /** The NumPy program, as NPBench has it. */
  readonly file: string;
  readonly function: string;
  readonly parameters: readonly string[];
  readonly presets: Readonly<Partial<Record<Preset, Sizes>>>;
  /** The function of NPBench that makes the arguments which are no sizes. */
  readonly initialise?: { readonly file: string; readonly function: string; readonly inputs: readonly string[]; readonly outputs: readonly string[] };
}

const wrong = (message: string, hint?: string): DaceError => new DaceError("ARGUMENT", message, hint ? { hint } : {});
const strings = (x: unknown): string[] => (Array.isArray(x) ? x.map(String) : []);

export function programsOf(root: string, only: readonly string[] | undefined): BenchProgram[] {
  const folder = join(root, "bench_info");
  if (!existsSync(folder)) throw wrong(`${root} is no checkout of NPBench: it has no bench_info`, "git clone https://github.com/spcl/npbench, and give its folder");
  const names = readdirSync(folder).filter((f) => f.endsWith(".json")).map((f) => f.slice(0, -5)).sort();
  for (const n of only ?? []) if (!names.includes(n)) throw wrong(`${root} has no program ${n}`, `it has ${names.join(", ")}`);
  return (only ?? names).map((n) => readProgram(root, n, join(folder, `${n}.json`)));
}

function readProgram(root: string, name: string, path: string): BenchProgram {
  let info: Record<string, unknown>;
  try { info = (JSON.parse(readFileSync(path, "utf8")) as { benchmark: Record<string, unknown> }).benchmark; } catch (e) { throw new DaceError("ARGUMENT", `${path} is not JSON: ${(e as Error).message}`, { cause: e }); }
  if (typeof info !== "object" || info === null || typeof info["relative_path"] !== "string" || typeof info["module_name"] !== "string" || typeof info["func_name"] !== "string") throw wrong(`${path} does not say where its program is`);
  const base = join(root, "npbench", "benchmarks", ...info["relative_path"].split("/")), module = info["module_name"], init = info["init"] as Record<string, unknown> | undefined;
  return {
    name, file: join(base, `${module}_numpy.py`), function: info["func_name"], parameters: strings(info["input_args"]), presets: (info["parameters"] ?? {}),
    ...(typeof init?.["func_name"] === "string" ? { initialise: { file: join(base, `${module}.py`), function: init["func_name"], inputs: strings(init["input_args"]), outputs: strings(init["output_args"]) } } : {}),
  };
}
