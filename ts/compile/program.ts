/** A program: something that gives a graph for a signature. Functions, files, graphs, and gradients of programs. */
import { inspect } from "node:util";
import type { SourceFile, SourceLoc } from "../base/errors.js";
import type { Signature } from "../frontend/array/signature.js";
import type { Graph } from "../sdfg/sdfg.js";

export interface ProgramFacts {
  readonly name: string;
  readonly language: "python" | "javascript" | "sdfg";
  /** Parameter names in call order. */
  readonly parameters: readonly string[];
  /** Parameters used as indices, bounds or sizes. */
  readonly integers: ReadonlySet<string>;
  /** Those of them that the program is specialised to the values of (exponents of sizes). */
  readonly fixed?: ReadonlySet<string>;
  /** Those that are floats as well, where they have fractions. */
  readonly flexible?: ReadonlySet<string>;
  /** Fewest arguments a call needs (the others have defaults). */
  readonly required: number;
}

/** Plain data that earlier processes left, by key. */
export interface Memory { get(key: string): unknown; put(key: string, value: unknown): void }

/** Everything a user makes is one of these. Facts and graphs are computed at the first call. */
export abstract class Program<A extends unknown[] = unknown[], R = unknown> {
  /** Never set: carries the types of arguments and result. */
  declare readonly types: { readonly args: A; readonly result: R };
  abstract facts(): ProgramFacts;
  /** The graph for a signature, simplified; throws DaceError at the user's line. */
  abstract graph(signature: Signature): Graph;
  /** Identifies the program's text and captures, for caches, at as little cost as can be; undefined: do not cache on disk. `memory`: what earlier processes noted. */
  abstract cacheKey(memory?: Memory): string | undefined;
  /** The text that line numbers refer to, where it is one text that is at hand without parsing. */
  source(): SourceFile | undefined { return undefined; }
  /** Where the function stands; known once a graph has been made. */
  place(): SourceLoc | undefined { return undefined; }
  /** The captured array that a parameter named `capture:…` stands for. */
  captured(_parameter: string): unknown { return undefined; }
  /** How it is shown: nothing is parsed for that. */
  [inspect.custom](): string { return `[Program${this.label === "" ? "" : `: ${this.label}`}]`; }
  protected get label(): string { return ""; }
  /** Facts that were found by an earlier process, under the same `cacheKey`. */
  recall(_facts: ProgramFacts): void { /* only programs that parse have something to save */ }
}
