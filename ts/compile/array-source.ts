/** Programs that come through a frontend as an array program. */
import { createHash } from "node:crypto";
import type { SourceFile } from "../base/errors.js";
import type { ArrayProgram, FunctionDef } from "../frontend/array/ast.js";
import type { Signature } from "../frontend/array/signature.js";
import { integerParameters, powerParameters } from "../frontend/array/usage.js";
import { lowerProgram } from "../frontend/array/index.js";
import type { Graph } from "../sdfg/sdfg.js";
import { simplifyGraph } from "./pipeline.js";
import { Program, type ProgramFacts } from "./program.js";

export interface ArraySourceOptions {
  /** The text, where it is known before anything is parsed. */
  readonly source?: SourceFile;
  /** Identifies the program without parsing it: language, function name. The text is added. */
  readonly identity?: string;
}

export class ArraySource<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  #parsed: ArrayProgram | undefined;
  #facts: ProgramFacts | undefined;
  #key: string | undefined | null = null;
  constructor(readonly parse: () => ArrayProgram, readonly options: ArraySourceOptions = {}) { super(); }

  get program(): ArrayProgram { return (this.#parsed ??= this.parse()); }
  facts(): ProgramFacts {
    if (!this.#facts) {
      const p = this.program, params = p.entry.params.filter((x) => !x.keywordOnly);
      this.#facts = { name: p.entry.name, language: p.language, parameters: params.map((x) => x.name), integers: integerParameters(p), fixed: powerParameters(p), required: params.filter((x) => !x.default).length };
    }
    return this.#facts;
  }
  override recall(facts: ProgramFacts): void { this.#facts ??= facts; }
  graph(signature: Signature): Graph { return simplifyGraph(lowerProgram(this.program, signature), signature.speculate); }
  override captured(parameter: string): unknown {
    const [name, ...path] = JSON.parse(parameter.slice("capture:".length)) as [string, ...(string | number)[]], g = this.program.globals.get(name);
    return g?.kind === "value" ? path.reduce<unknown>((v, k) => (v as Record<string | number, unknown>)[k], g.value) : undefined;
  }
  override source(): SourceFile | undefined { return this.options.source ?? this.#parsed?.source; }

  cacheKey(): string | undefined {
    if (this.#key === null) this.#key = this.#computeKey();
    return this.#key;
  }
  #computeKey(): string | undefined {
    const hash = createHash("sha256");
    const { source, identity } = this.options;
    if (source && identity !== undefined) return hash.update(`${identity}\0${source.name}\0${source.text}`).digest("hex");
    const p = this.program;
    hash.update(`${p.language}\0${p.entry.name}\0${textOf(p.entry)}\0`);
    for (const [name, g] of [...p.globals].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (g.kind === "function") { hash.update(`${name}:${textOf(g.def)}\0`); continue; }
      if (g.kind === "expression") { hash.update(`${name}:${g.value.loc.file.text}\0`); continue; }
      const value = plainText(g.value);
      // Captured typed arrays are by reference: their contents are not part of the program's text.
      if (value === undefined) return undefined;
      hash.update(`${name}=${value}\0`);
    }
    return hash.digest("hex");
  }
}

/** The whole file that a function stands in, and where: line numbers in errors are part of what is cached. */
function textOf(def: FunctionDef): string { return `${def.loc.file.name}:${def.loc.line}:${def.loc.column}\0${def.loc.file.text}`; }

/** A captured value as text; undefined where it holds anything but numbers, booleans, strings and plain containers of these. */
function plainText(v: unknown): string | undefined {
  if (v === null || v === undefined || typeof v === "number" || typeof v === "boolean") return Object.is(v, -0) ? "-0" : String(v);
  if (typeof v === "bigint") return `${v}n`;
  if (typeof v === "string") return JSON.stringify(v);
  if (Array.isArray(v)) { const parts = v.map(plainText); return parts.includes(undefined) ? undefined : `[${parts.join(",")}]`; }
  if (typeof v === "object" && Object.getPrototypeOf(v) === Object.prototype) {
    const parts = Object.entries(v).map(([k, x]) => { const t = plainText(x); return t === undefined ? undefined : `${JSON.stringify(k)}:${t}`; });
    return parts.includes(undefined) ? undefined : `{${parts.join(",")}}`;
  }
  return undefined;
}
