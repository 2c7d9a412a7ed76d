/** The public class SDFG: a program that comes as a graph, from a DaCe file, from a builder, or from another program. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rewriteNodes } from "../analysis/walk.js";
import { DaceError, InternalError } from "../base/errors.js";
import { simplifyGraph } from "../compile/pipeline.js";
import { Program, type ProgramFacts } from "../compile/program.js";
import type { Signature } from "../frontend/array/signature.js";
import { lowerDace } from "../frontend/dace/index.js";
import { argumentNames, instantiate } from "../frontend/dace/instantiate.js";
import { orderMaps } from "../frontend/dace/finish.js";
import { LIBRARY } from "../library/index.js";
import { classify } from "../runtime/arguments.js";
import { specialise } from "../runtime/specialise.js";
import { exportGraph } from "../sdfg/dace/export.js";
import type { DaceSDFG } from "../sdfg/dace/model.js";
import { parseDaceText, readSDFG } from "../sdfg/dace/read.js";
import type { Graph } from "../sdfg/sdfg.js";
import { graphText } from "../sdfg/text.js";
import { toProgram } from "./program.js";
import { Builder, Declared, type DataOptions, type LibrarySpec, type TaskletSpec } from "./sdfg-builder.js";

/** Where an SDFG comes from. */
interface Source {
  /** The graph in its own symbols, where the named arguments are the same memory as others. */
  graph(aliases: ReadonlyMap<string, string>): Graph;
  /** The text of its file; throws UNSUPPORTED where the graph has none. */
  json(): string;
  /** Text that identifies it. */
  identity(): string;
}

const NONE: ReadonlyMap<string, string> = new Map();

export class SDFG<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  readonly #source: Source;
  readonly #built: { readonly declared: Declared; readonly root: Builder } | undefined;
  readonly #graphs = new Map<string, Graph>();
  #facts: ProgramFacts | undefined;

  /** An empty program, to be filled: `new SDFG("axpy").addArray("x", ["N"])…`. Arguments are in the order in which they are added. */
  constructor(name: string);
  /** @internal */
  constructor(from: Source);
  constructor(from: string | Source) {
    super();
    if (typeof from === "object" && from !== null) { this.#source = from; return; }
    const declared = new Declared(from, () => { this.#graphs.clear(); this.#facts = undefined; }), root = new Builder(declared);
    this.#built = { declared, root };
    this.#source = new Built(declared, root);
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
    const spec = specialise(args.map((a, i) => classify(a, facts.parameters[i] ?? `#${i}`)), { language: facts.language, names: facts.parameters, integers: facts.integers, fixed: facts.fixed });
    return new SDFG(new Specialised(p.graph({ ...spec.signature, speculate: false, checked: false })));
  }

  /** Reads a `.sdfg` file that DaCe (or `save`) wrote. Throws PARSE where it is none, UNSUPPORTED naming what is not supported. */
  static load<A extends unknown[] = unknown[], R = unknown>(file: string | URL): SDFG<A, R> {
    const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
    if (!existsSync(path)) throw new DaceError("SOURCE_UNAVAILABLE", `no file ${path}`);
    const text = readFileSync(path, "utf8");
    const made = new SDFG<A, R>(new DaceFile(readSDFG(parseDaceText(text, path)), text));
    made.#graph(NONE);
    return made;
  }

  get name(): string { return this.#graph(NONE).name; }
  /** The graph as text, in its own symbols. */
  get text(): string { return graphText(this.#graph(NONE)); }
  /** Writes a `.sdfg` file that DaCe and its viewer load. A file that was loaded is written as it was. */
  save(file: string | URL): void {
    const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.#source.json());
  }

  facts(): ProgramFacts {
    if (this.#facts) return this.#facts;
    const graph = this.#graph(NONE), parameters = argumentNames(graph);
    const integers = new Set(graph.parameters.flatMap((p) => (p.kind === "symbol" ? [p.name] : [])));
    return (this.#facts = { name: graph.name, language: "sdfg", parameters, integers, required: parameters.length });
  }
  graph(signature: Signature): Graph {
    const names = this.facts().parameters, aliases = new Map<string, string>();
    for (const group of signature.aliases ?? []) for (const at of group.slice(1)) aliases.set(names[at]!, names[group[0]!]!);
    return simplifyGraph(instantiate(this.#graph(aliases), signature), signature.speculate);
  }
  cacheKey(): string { return createHash("sha256").update("sdfg\0").update(this.#source.identity()).digest("hex"); }

  #graph(aliases: ReadonlyMap<string, string>): Graph {
    const key = [...aliases].map(([a, b]) => `${a}=${b}`).sort().join(";");
    let g = this.#graphs.get(key);
    if (!g) { g = this.#source.graph(aliases); this.#graphs.set(key, g); }
    return g;
  }
}

class Built implements Source {
  constructor(readonly declared: Declared, readonly root: Builder) {}
  graph(aliases: ReadonlyMap<string, string>): Graph { return lowerDace(this.declared.model(this.root.region()), aliases); }
  json(): string { return exportText(this.graph(NONE)); }
  identity(): string { return identityOf(this.graph(NONE)); }
}

/** A frontend's graph. */
class Specialised implements Source {
  constructor(readonly own: Graph) {}
  graph(aliases: ReadonlyMap<string, string>): Graph {
    if (aliases.size === 0) return this.own;
    const to = (name: string): string => {
      const p = this.own.parameters.find((x) => x.kind === "container" && x.container === name), first = p && aliases.get(p.name), other = first === undefined ? undefined : this.own.parameters.find((x) => x.name === first);
      return other?.kind === "container" ? other.container : name;
    };
    const containers = new Map([...this.own.containers].map(([n, c]) => [n, c.view ? { ...c, view: { ...c.view, base: to(c.view.base) } } : c]));
    return orderMaps(this.own.with({ containers, body: rewriteNodes(this.own.body, { name: to }), parameters: this.own.parameters.map((p) => (p.kind === "container" ? { ...p, container: to(p.container) } : p)) }));
  }
  json(): string { return exportText(this.own); }
  identity(): string { return identityOf(this.own); }
}

function identityOf(graph: Graph): string { return `${graphText(graph)}${graph.symbols.join()}\0${graph.assumptions.map((e) => e.key).join()}`; }
function exportText(graph: Graph): string {
  return `${JSON.stringify(exportGraph(graph, { expand: (n, dtypeOf, variable) => { const o = LIBRARY.get(n.op); if (!o) throw new InternalError(`no library operation ${n.op}`); return o.expand(n, dtypeOf, variable); } }))}\n`;
}

class DaceFile implements Source {
  constructor(readonly sdfg: DaceSDFG, readonly text: string) {}
  graph(aliases: ReadonlyMap<string, string>): Graph { return lowerDace(this.sdfg, aliases); }
  json(): string { return this.text; }
  identity(): string { return this.text; }
}
