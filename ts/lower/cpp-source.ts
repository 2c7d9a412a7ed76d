/** Translation units of a plan: one, or for long programs several, each with a part of the top-level steps, so that they compile side by side. */
import type { Container, Node } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { Cpp } from "./cpp.js";
import { preambleFor } from "./cpp-preamble.js";
import { cppStorage, cppType } from "./cpp-types.js";
import { Emitter, TYPE_NAMES, type EmitOptions } from "./emit.js";
import type { PlanBuffer } from "./plan.js";
import { TeamEmitter } from "./team.js";

export interface CppProgram {
  readonly graph: Graph;
  readonly emit: EmitOptions;
  readonly threads: boolean;
  readonly vectorMath: boolean;
  readonly buffers: readonly PlanBuffer[];
  readonly args: readonly number[];
  readonly symbols: readonly string[];
  /** Scalars that live from step to step, and their names. */
  readonly variables: readonly (readonly [Container, string])[];
  /** Lines from which a program is divided. */
  readonly longest?: number;
}
export interface CppText {
  readonly sources: readonly string[];
  /** There are parallel regions; gemm is called. */
  readonly regions: boolean;
  readonly gemm: boolean;
  /** Buffers of which every thread has a copy. */
  readonly perThread: ReadonlySet<string>;
}

/** Lines from which a second compiler process pays. */
const LONGEST = 500;

const PARAMETERS = "const dace_rt* rt, void* const* args, const i64* symbols, void* arena";

interface Unit { readonly cpp: Cpp; readonly lines: readonly string[]; readonly regions: boolean; readonly perThread: ReadonlySet<string>; /** Lines of each step. */ readonly lengths: readonly number[] }

export function cppText(p: CppProgram): CppText {
  const whole = print(p, p.graph.body), longest = p.longest ?? LONGEST;
  const groups = whole.lines.length > longest ? divide(p.graph.body, whole.lengths, longest / 2) : [p.graph.body];
  if (groups.length === 1) return { sources: [source(p, whole)], regions: whole.regions, gemm: whole.cpp.gemmUsed, perThread: whole.perThread };
  const units = cut(p, whole, groups) ?? groups.map((g) => print(p, g));
  const growing = p.buffers.flatMap((b, i) => (b.storage === "growable" ? [`${cppStorage(b.dtype)}* v${i}; i64 v${i}n;`] : [])).join(" ");
  const vars = `struct dace_vars { ${growing} ${p.variables.map(([c, name]) => `${cppType(c.dtype)} ${name};`).join(" ")} };\n`;
  const parts = units.map((u, k) => source(p, u, { name: `dace_part_${k}`, vars }));
  const regions = units.some((u) => u.regions), cpp = new Cpp(p.emit.precision, p.vectorMath);
  const calls = units.map((_, k) => `  if (i32 status = dace_part_${k}(rt, args, symbols, arena, &vars)) return status;\n`).join("");
  const main = `${version(p)}  dace_vars vars = {};\n${calls}  return 0;\n`;
  const declared = units.map((_, k) => `extern "C" __attribute__((visibility("hidden"))) i32 dace_part_${k}(${PARAMETERS}, dace_vars* vars);\n`).join("");
  return {
    sources: [`${preambleFor(cpp, `${main}${vars}`)}${vars}${declared}extern "C" i32 dace_run(${PARAMETERS}) {\n${main}}\n`, ...parts],
    regions, gemm: units.some((u) => u.cpp.gemmUsed), perThread: new Set(units.flatMap((u) => [...u.perThread])),
  };
}

/** The units as parts of the whole text, if none of them uses a name that another one declares. */
function cut(p: CppProgram, whole: Unit, groups: readonly (readonly Node[])[]): Unit[] | undefined {
  const common = new Set(p.variables.map(([, name]) => name)), owner = new Map<string, number>(), units: Unit[] = [];
  let line = 0, step = 0;
  for (const [k, g] of groups.entries()) {
    const lengths = whole.lengths.slice(step, step + g.length), lines = whole.lines.slice(line, line + lengths.reduce((a, b) => a + b, 0));
    step += g.length;
    line += lines.length;
    // Symbols and buffers every unit has for itself; all other names of this form were made as they were printed.
    for (const [name] of lines.join("\n").matchAll(/\b[a-zA-Z]\d+\b/g)) {
      if (/^[sv]/.test(name) || common.has(name) || TYPE_NAMES.has(name)) continue;
      const first = owner.get(name);
      if (first === undefined) owner.set(name, k); else if (first !== k) return undefined;
    }
    units.push({ ...whole, lines, lengths });
  }
  return line === whole.lines.length ? units : undefined;
}
/** Kernels that grow buffers need the part of the table that does so. */
const version = (p: CppProgram): string => `  if (rt->abi_version != 2u${p.buffers.some((b) => b.storage === "growable") ? " || rt->struct_bytes < sizeof(dace_rt)" : ""}) return 6;\n`;

function print(p: CppProgram, body: readonly Node[]): Unit {
  const cpp = new Cpp(p.emit.precision, p.vectorMath), team = p.threads ? new TeamEmitter(p.graph, cpp, p.emit) : undefined, c = team ?? new Emitter(p.graph, cpp, p.emit);
  const lengths: number[] = [];
  c.list(body, () => { lengths.push(c.lines.length); });
  return { cpp, lines: c.lines, regions: team?.hasRegions === true, perThread: team?.perThread ?? new Set(), lengths: lengths.map((n, i) => n - (lengths[i - 1] ?? 0)) };
}

/** Steps in groups of about `size` lines. */
function divide(body: readonly Node[], lengths: readonly number[], size: number): (readonly Node[])[] {
  const groups: Node[][] = [];
  let room = 0;
  body.forEach((n, i) => {
    if (groups.length === 0 || (room - lengths[i]! < 0 && groups.at(-1)!.length > 0)) { groups.push([]); room = size; }
    groups.at(-1)!.push(n);
    room -= lengths[i]!;
  });
  return groups;
}

function source(p: CppProgram, unit: Unit, part?: { readonly name: string; readonly vars: string }): string {
  const { cpp, lines } = unit, head: string[] = [], text = lines.join("\n"), words = new Set(text.match(/\b[sv]\d+s?\b/g));
  const used = (name: string): boolean => !part || words.has(name);
  p.symbols.forEach((s, i) => { if (!s.startsWith("@") && used(`s${i}`)) head.push(`  const i64 s${i} = symbols[${i}];`); });
  const qualifier = (b: PlanBuffer): string => (b.storage === "argument" && !b.writes ? "const " : "");
  // Arguments are disjoint (the runtime compares their ranges); buffers of the arena may take one another's place in time, so they are not `restrict`.
  p.args.forEach((b, i) => { const x = p.buffers[b]!; if (used(`v${b}`)) head.push(`  ${qualifier(x)}${cppStorage(x.dtype)}* __restrict__ const v${b} = (${qualifier(x)}${cppStorage(x.dtype)}*)args[${i}];`); });
  p.buffers.forEach((b, i) => { if (b.storage === "arena" && used(`v${i}`)) head.push(`  ${cppStorage(b.dtype)}* const v${i} = (${cppStorage(b.dtype)}*)((char*)arena + symbols[${p.symbols.indexOf(b.offsetSymbol!)}]);`); });
  const growing = p.buffers.flatMap((b, i) => (b.storage === "growable" && used(`v${i}`) ? [`v${i}`, `v${i}n`] : []));
  p.buffers.forEach((b, i) => { if (b.storage === "growable" && used(`v${i}`)) head.push(`  ${cppStorage(b.dtype)}* v${i} = ${part ? `vars->v${i}` : "nullptr"}; i64 v${i}n = ${part ? `vars->v${i}n` : "0"};`); });
  const mine = p.variables.filter(([, name]) => used(name));
  for (const [c, name] of mine) head.push(part ? `  ${cppType(c.dtype)} ${name} = vars->${name};` : `  ${cpp.declare(name, c.dtype, cpp.constant(0, undefined, c.dtype), true)}`);
  const threads = unit.regions || cpp.gemmUsed ? "  const i32 nt = rt->threads;\n" : "";
  const back = part ? [...mine.map(([, name]) => name), ...growing].map((name) => `  vars->${name} = ${name};\n`).join("") : "";
  const body = `${part ? "" : version(p)}${threads}${head.join("\n")}\n${text}\n${back}  return 0;\n`;
  const signature = part ? `extern "C" __attribute__((visibility("hidden"))) i32 ${part.name}(${PARAMETERS}, dace_vars* vars)` : `extern "C" i32 dace_run(${PARAMETERS})`;
  return `${preambleFor(cpp, `${body}${part?.vars ?? ""}`)}${part?.vars ?? ""}${signature} {\n${body}}\n`;
}
