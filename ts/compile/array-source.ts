/** Programs that come through a frontend as an array program. */
import { createHash } from "node:crypto";
import type { SourceFile, SourceLoc } from "../base/errors.js";
import type { ArrayProgram } from "../frontend/array/ast.js";
import type { Signature } from "../frontend/array/signature.js";
import { lazy } from "../base/lazy.js";
import type { Graph } from "../sdfg/sdfg.js";
import { buildId } from "./program-cache.js";
import { Program, type Memory, type ProgramFacts } from "./program.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const usage = lazy(() => require("../frontend/array/usage.js") as typeof import("../frontend/array/usage.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const lowering = lazy(() => require("../frontend/array/index.js") as typeof import("../frontend/array/index.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const pipeline = lazy(() => require("./pipeline.js") as typeof import("./pipeline.js"));

/** Look-ups in a live function's closure, and a digest of what they found. */
interface Looked { readonly log: unknown; readonly digest: string }
export interface ClosureIdentity {
  /** Of the function's text and place. */
  key(): string;
  /** Does a log find now what it found then? */
  same(then: Looked): boolean;
  /** What parsing the function looked up; undefined where what was found has no text. */
  looked(): Looked | undefined;
}
/** How many states of what one function captures are told apart without parsing. */
const STATES = 8;

export interface ArraySourceOptions {
  /** The text, where it is known before anything is parsed. */
  readonly source?: SourceFile;
  /** Identifies the program without parsing it: language, function name. The text is added. */
  readonly identity?: string;
  /** Identifies a live function and what it captures without parsing it, by look-ups that an earlier process logged. */
  readonly closure?: ClosureIdentity;
}

/** The last few programs of text and their graphs: a program that runs and its gradient start from the same. */
const LAST = 4, programs = new Map<string, ArrayProgram>(), graphs = new Map<string, Graph>();
function recent<T>(last: Map<string, T>, key: string, make: () => T): T {
  const found = last.get(key) ?? make();
  last.delete(key);
  last.set(key, found);
  if (last.size > LAST) last.delete(last.keys().next().value!);
  return found;
}
/** Undefined where values of any kind are part of the signature. */
function keyOf(s: Signature): string | undefined {
  return s.parameters.some((p) => p.kind === "value") ? undefined : JSON.stringify([s.parameters.map((p) => (p.kind === "array" ? { ...p, dims: p.dims.map((e) => e.key) } : p)), s.aliases ?? [], s.speculate, s.checked, s.precision ?? "default", s.exact ?? false]);
}

export class ArraySource<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  #parsed: ArrayProgram | undefined;
  #facts: ProgramFacts | undefined;
  #key: string | undefined | null = null;
  constructor(readonly parse: () => ArrayProgram, readonly options: ArraySourceOptions = {}) { super(); }

  get program(): ArrayProgram {
    const text = this.#text();
    return (this.#parsed ??= text === undefined ? this.parse() : recent(programs, text, this.parse));
  }
  facts(): ProgramFacts {
    if (!this.#facts) {
      const p = this.program, params = p.entry.params.filter((x) => !x.keywordOnly);
      this.#facts = { name: p.entry.name, language: p.language, parameters: params.map((x) => x.name), integers: usage().integerParameters(p), fixed: usage().powerParameters(p), flexible: usage().flexibleParameters(p), required: params.filter((x) => !x.default).length };
    }
    return this.#facts;
  }
  override recall(facts: ProgramFacts): void { this.#facts ??= facts; }
  graph(signature: Signature): Graph {
    const make = (): Graph => pipeline().simplifyGraph(lowering().lowerProgram(this.program, signature), signature.speculate), text = this.#text(), key = text === undefined ? undefined : keyOf(signature);
    if (key === undefined) return make();
    return recent(graphs, `${text}\0${key}`, make);
  }
  /** What identifies a program that is all text. */
  #text(): string | undefined {
    const { source, identity } = this.options;
    return source && identity !== undefined ? `${identity}\0${source.name}\0${source.text}` : undefined;
  }
  override captured(parameter: string): unknown {
    const [name, ...path] = JSON.parse(parameter.slice("capture:".length)) as [string, ...(string | number)[]], g = this.program.globals.get(name);
    return g?.kind === "value" ? path.reduce<unknown>((v, k) => (v as Record<string | number, unknown>)[k], g.value) : undefined;
  }
  override place(): SourceLoc | undefined { return this.#parsed?.entry.loc; }
  protected override get label(): string { const { identity, source } = this.options; return this.#facts?.name ?? (identity === undefined ? "" : `${identity}${source ? ` of ${source.name}` : ""}`); }
  override source(): SourceFile | undefined { return this.options.source ?? this.#parsed?.source; }

  cacheKey(memory?: Memory): string | undefined {
    if (this.#key === null) this.#key = this.#computeKey(memory);
    return this.#key;
  }
  #computeKey(memory: Memory | undefined): string | undefined {
    const hash = createHash("sha256"), { closure } = this.options;
    if (closure) {
      const place = hash.update(`${buildId()}closure\0${closure.key()}`).digest("hex"), known = (memory?.get(place) ?? []) as Looked[];
      let state = known.find((s) => closure.same(s));
      if (!state) {
        // A log is complete for what it found only: with other captures, other look-ups may follow.
        void this.program;
        state = closure.looked();
        if (state) memory?.put(place, [state, ...known].slice(0, STATES));
      }
      return state && createHash("sha256").update(JSON.stringify([state.log, state.digest])).digest("hex");
    }
    const text = this.#text();
    return text === undefined ? undefined : hash.update(text).digest("hex");
  }
}
