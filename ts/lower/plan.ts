/** The lowered program as plain, versioned, serialisable data: what the runtime needs to compile and run it. */
import type { DType } from "../base/dtypes.js";
import type { SourceLoc } from "../base/errors.js";

export const PLAN_VERSION = 5;

/** A symbolic integer in the text form of `ts/symbolic` (`Expr.key`), parsed by `parseExpr`. */
export type ExprText = string;

export interface PlanBuffer {
  readonly name: string;
  readonly dtype: DType;
  /**
   * "argument": address given by the caller; "arena": at `arenaBase + symbols[offsetSymbol]` bytes; "growable": made by the run itself, row by row as it needs them;
   * "host": memory of the host, taken by the run itself, for an array that leaves the device for a while.
   */
  readonly storage: "argument" | "arena" | "growable" | "host";
  /** Growable buffers: of a row. */
  readonly shape: readonly ExprText[];
  /** Arena buffers: the symbol that carries the byte offset (a multiple of 64). */
  readonly offsetSymbol?: string;
  /** Arena buffers: first and last position, in the linearised order of top-level steps, at which the buffer is live. */
  readonly live?: readonly [number, number];
  /** Argument buffers: does the program read what was there on entry; does it write. */
  readonly reads?: boolean;
  readonly writes?: boolean;
  readonly label?: string;
  readonly role?: string;
  /** Arena buffers private to an iteration of a shared loop: one copy, rounded up to 64 bytes, per thread. */
  readonly perThread?: boolean;
  /** Arena buffers that must be zero on entry are zeroed by the generated code itself; nothing else is. */
}

/** A place in the user's source that a run-time error can name. */
export interface PlanSite { readonly code: "BOUNDS" | "RAISED" | "NAN"; readonly message: string; readonly file?: string; readonly line?: number; readonly column?: number }

/** Sites by number; both printers share one table. */
export class Sites {
  readonly list: PlanSite[] = [];
  readonly #known = new Map<string, number>();
  add(code: PlanSite["code"], message: string, loc: SourceLoc | undefined): number {
    const site: PlanSite = { code, message, ...(loc ? { file: loc.file.name, line: loc.line, column: loc.column } : {}) };
    const key = JSON.stringify(site);
    let n = this.#known.get(key);
    if (n === undefined) { n = this.list.length; this.list.push(site); this.#known.set(key, n); }
    return n;
  }
}

export interface PlanCheck {
  readonly kind: "speculation" | "shape" | "bounds";
  readonly expr: ExprText;
  readonly message: string;
  readonly file?: string; readonly line?: number; readonly column?: number;
}

export type PlanParameter =
  | { readonly kind: "container"; readonly name: string; readonly buffer: number }
  | { readonly kind: "symbol"; readonly name: string; readonly symbol: string };

export type PlanResult =
  | { readonly kind: "none" }
  /** `lengths`: buffers by dimension that say how much of it counts; −1: all. */
  | { readonly kind: "buffer"; readonly buffer: number; readonly lengths?: readonly number[] }
  | { readonly kind: "integer"; readonly expr: ExprText }
  | { readonly kind: "tuple"; readonly items: readonly PlanResult[] };

/** A program for a GPU: C++ that directs (`dace_run`, with device addresses for buffers), and kernels that it launches through `rt->gpu`. */
export interface PlanCuda {
  readonly host: { readonly sources: readonly string[]; readonly flags: readonly string[]; readonly link: readonly ("libm" | "libmvec" | "openmp")[] };
  /** One translation unit without headers: `extern "C" __global__` kernels k0, k1, … */
  readonly device: string;
  /** What it asks of a device, from the call's sizes: launches, and units of work of one thread, of one block, and of all (schedule/gpu/estimate.ts). */
  readonly estimate: { readonly launches: ExprText; readonly serial: ExprText; readonly block: ExprText; readonly shared: ExprText };
  /** For NVRTC and nvcc alike. */
  readonly deviceFlags: readonly string[];
  /** By number, as in `launch`; `maxThreads`: the most a block has; `loc`: the user's line. */
  readonly kernels: readonly { readonly name: string; readonly maxThreads: number; readonly loc?: { readonly file: string; readonly line: number; readonly column: number } }[];
}

export interface Plan {
  readonly version: number;
  readonly name: string;
  readonly buffers: readonly PlanBuffer[];
  /** Order of the argument buffers in `args`: indices into `buffers`. */
  readonly arguments: readonly number[];
  /** Order of the int64 symbols: sizes and integer parameters, then arena offsets. */
  readonly symbols: readonly string[];
  readonly parameters: readonly PlanParameter[];
  readonly result: PlanResult;
  /** Extra named outputs (gradients by name, tangents, …): buffer indices. */
  readonly outputs: Readonly<Record<string, number>>;
  readonly checks: readonly PlanCheck[];
  readonly sites: readonly PlanSite[];
  /** True if the generated code contains parallel regions (then it runs on the executor's team). */
  readonly parallel: boolean;
  /** Elements of work, for deciding whether a run is worth threads or another thread's wake-up; evaluated with the call's sizes. */
  readonly work: ExprText;
  /** The same of what a run does, where that is less: of arms the one that sizes choose, or the mean (schedule/work.ts). What the choice of a device compares. */
  readonly effort?: ExprText;
  /** One translation unit per element (none where only JavaScript was asked for); compiled with `flags` and linked with `link` (symbolic names, resolved by the runtime). */
  readonly cpp: { readonly sources: readonly string[]; readonly flags: readonly string[]; readonly link: readonly ("libm" | "libmvec" | "openmp")[] };
  /** Only where the program was compiled for a GPU. */
  readonly cuda?: PlanCuda;
  /** Body of a JavaScript function `(rt, args, symbols, arena) => status`; see ts/lower/js.ts. Empty where only C++ was asked for. */
  readonly js: string;
}
