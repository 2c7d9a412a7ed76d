/** The public class SDFG: a program that comes as a graph, from a DaCe file, from a builder, or from another program. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DaceError } from "../base/errors.js";
import { simplifyGraph } from "../compile/pipeline.js";
import { Program, type ProgramFacts } from "../compile/program.js";
import type { Signature } from "../frontend/array/signature.js";
import { lowerDace } from "../frontend/dace/index.js";
import { argumentNames, instantiate } from "../frontend/dace/instantiate.js";
import type { DaceSDFG } from "../sdfg/dace/model.js";
import { parseDaceText, readSDFG } from "../sdfg/dace/read.js";
import type { Graph } from "../sdfg/sdfg.js";
import { graphText } from "../sdfg/text.js";

/** Where an SDFG comes from. */
interface Source {
  /** The graph in its own symbols, where the named arguments are the same memory as others. */
  graph(aliases: ReadonlyMap<string, string>): Graph;
  /** The text of its file. */
  json(): string;
}

const NONE: ReadonlyMap<string, string> = new Map();

export class SDFG<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  #source: Source;
  readonly #graphs = new Map<string, Graph>();
  #facts: ProgramFacts | undefined;

  protected constructor(source: Source) { super(); this.#source = source; }

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
  cacheKey(): string { return createHash("sha256").update("sdfg\0").update(this.#source.json()).digest("hex"); }

  #graph(aliases: ReadonlyMap<string, string>): Graph {
    const key = [...aliases].map(([a, b]) => `${a}=${b}`).sort().join(";");
    let g = this.#graphs.get(key);
    if (!g) { g = this.#source.graph(aliases); this.#graphs.set(key, g); }
    return g;
  }
}

class DaceFile implements Source {
  constructor(readonly sdfg: DaceSDFG, readonly text: string) {}
  graph(aliases: ReadonlyMap<string, string>): Graph { return lowerDace(this.sdfg, aliases); }
  json(): string { return this.text; }
}
