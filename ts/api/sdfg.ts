/** The public class SDFG: a program that comes as a graph, from a DaCe file, from a builder, or from another program. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DaceError } from "../base/errors.js";
import { lazy } from "../base/lazy.js";
import { Program, type ProgramFacts } from "../compile/program.js";
import type { Signature } from "../frontend/array/signature.js";
import { classify } from "../runtime/arguments.js";
import { specialise } from "../runtime/specialise.js";
import type { Graph } from "../sdfg/sdfg.js";
import { readText, toProgram } from "./program.js";
import type { Builder, DataOptions, Declared, LibrarySpec, TaskletSpec } from "./sdfg-builder.js";
import type { Source } from "./sdfg-sources.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const sources = lazy(() => require("./sdfg-sources.js") as typeof import("./sdfg-sources.js"));

const NONE: ReadonlyMap<string, string> = new Map();

export class SDFG<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  readonly #source: Source;
  readonly #built: { readonly declared: Declared; readonly root: Builder; readonly source: Source } | undefined;
  readonly #graphs = new Map<string, Graph>();
  #facts: ProgramFacts | undefined;

  /** An empty program, to be filled: `new SDFG("axpy").addArray("x", ["N"])…`. Arguments are in the order in which they are added. */
  constructor(name: string);
  /** @internal */
  constructor(from: Source);
  constructor(from: string | Source) {
    super();
    if (typeof from === "object" && from !== null) { this.#source = from; return; }
    this.#built = sources().building(from, () => { this.#graphs.clear(); this.#facts = undefined; });
    this.#source = this.#built.source;
  }

  // ---- building ----
  #building(): { readonly declared: Declared; readonly root: Builder } {
    if (!this.#built) throw new DaceError("ARGUMENT", `${this.name} is complete: nothing can be added to it`, { hint: "new SDFG(name) starts an empty one" });
    return this.#built;
  }
  /** An array argument; sizes are numbers or expressions, whose names become symbols. `__return` is what the program returns. */
  addArray(name: string, shape: readonly (number | string)[], options: DataOptions = {}): this { this.#building().declared.add("array", name, shape, options, false); return this; }
  /** A number passed by value. */
  addScalar(name: string, options: DataOptions = {}): this { this.#building().declared.add("scalar", name, [], options, false); return this; }
  /** An array (or, with shape [], a number) of the program's own. */
  addTransient(name: string, shape: readonly (number | string)[], options: DataOptions = {}): this { this.#building().declared.add(shape.length === 0 ? "scalar" : "array", name, shape, options, true); return this; }
  /** An integer argument that is no array's size. */
  addSymbol(name: string): this { this.#building().declared.symbol(name); return this; }
  map(ranges: Readonly<Record<string, string>>, body: (b: Builder) => void): this { this.#building().root.map(ranges, body); return this; }
  loop(variable: string, range: string, body: (b: Builder) => void): this { this.#building().root.loop(variable, range, body); return this; }
  while(condition: string, body: (b: Builder) => void): this { this.#building().root.while(condition, body); return this; }
  if(condition: string, then: (b: Builder) => void, otherwise?: (b: Builder) => void): this { this.#building().root.if(condition, then, otherwise); return this; }
  tasklet(spec: TaskletSpec): this { this.#building().root.tasklet(spec); return this; }
  library(className: string, spec: LibrarySpec): this { this.#building().root.library(className, spec); return this; }
  copy(from: string, to: string): this { this.#building().root.copy(from, to); return this; }

  /** A program for given arguments (as values or, by name, as `{ args }` declares types) as an SDFG: its sizes stay symbols. */
  static of(program: Program | ((...args: never[]) => unknown), ...args: unknown[]): SDFG {
    const p = toProgram(program), facts = p.facts();
    const spec = specialise(args.map((a, i) => classify(a, facts.parameters[i] ?? `#${i}`)), { language: facts.language, names: facts.parameters, integers: facts.integers, fixed: facts.fixed, flexible: facts.flexible });
    return new SDFG(sources().specialised(p.graph({ ...spec.signature, speculate: false, checked: false })));
  }

  /** Reads a `.sdfg` file that DaCe (or `save`) wrote. Throws PARSE where it is none, UNSUPPORTED naming what is not supported. */
  static load<A extends unknown[] = unknown[], R = unknown>(file: string | URL): SDFG<A, R> {
    if (typeof file !== "string" && !(file instanceof URL)) throw new DaceError("ARGUMENT", "SDFG.load() takes a path or a URL");
    const { name: path, text } = readText(file, "SDFG.load() takes the path of a .sdfg file");
    const made = new SDFG<A, R>(sources().daceFile(text, path));
    made.#graph(NONE);
    return made;
  }

  get name(): string { return this.#graph(NONE).name; }
  /** The graph as text, in its own symbols. */
  get text(): string { return sources().graphText(this.#graph(NONE)); }
  /** Writes a `.sdfg` file that DaCe and its viewer load. A file that was loaded is written as it was. */
  save(file: string | URL): void {
    const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.#source.json());
  }

  facts(): ProgramFacts {
    if (this.#facts) return this.#facts;
    const graph = this.#graph(NONE), parameters = sources().argumentNames(graph);
    const integers = new Set(graph.parameters.flatMap((p) => (p.kind === "symbol" ? [p.name] : [])));
    return (this.#facts = { name: graph.name, language: "sdfg", parameters, integers, required: parameters.length });
  }
  graph(signature: Signature): Graph {
    const names = this.facts().parameters, aliases = new Map<string, string>();
    for (const group of signature.aliases ?? []) for (const at of group.slice(1)) aliases.set(names[at]!, names[group[0]!]!);
    return sources().forSignature(this.#graph(aliases), signature);
  }
  cacheKey(): string { return createHash("sha256").update("sdfg\0").update(this.#source.identity()).digest("hex"); }

  #graph(aliases: ReadonlyMap<string, string>): Graph {
    const key = [...aliases].map(([a, b]) => `${a}=${b}`).sort().join(";");
    let g = this.#graphs.get(key);
    if (!g) { g = this.#source.graph(aliases); this.#graphs.set(key, g); }
    return g;
  }
}
