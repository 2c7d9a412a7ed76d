/** A program: something that gives a graph for a signature. Functions, files, graphs, and gradients of programs. */
import type { ArrayProgram } from "../frontend/array/ast.js";
import type { Signature } from "../frontend/array/signature.js";
import type { Graph } from "../sdfg/sdfg.js";

export interface ProgramFacts {
  readonly name: string;
  readonly language: "python" | "javascript" | "sdfg";
  /** Parameter names in call order. */
  readonly parameters: readonly string[];
  /** Parameters used as indices, bounds or sizes. */
  readonly integers: ReadonlySet<string>;
  /** Fewest arguments a call needs (the others have defaults). */
  readonly required: number;
}

/** Everything a user makes is one of these. Facts and graphs are computed at the first call. */
export abstract class Program<A extends unknown[] = unknown[], R = unknown> {
  /** Never set: carries the types of arguments and result. */
  declare readonly types: { readonly args: A; readonly result: R };
  abstract facts(): ProgramFacts;
  /** The graph for a signature, simplified; throws DaceError at the user's line. */
  abstract graph(signature: Signature): Graph;
  /** Identifies the program's text and captures, for caches; undefined: do not cache on disk. */
  abstract cacheKey(): string | undefined;
}

export type { ArrayProgram };
