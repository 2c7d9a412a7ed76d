/**
 * The nodes of an SDFG: a tree of control-flow regions whose leaves are dataflow nodes in execution order. Access nodes are
 * implicit: a memlet names its container, and the order of the nodes is the order of the accesses. A `Loop` is both DaCe's
 * LoopRegion (order "up" or "down") and its map scope (order "any", one dimension each; perfect nests print as one map).
 */
import type { DType } from "../base/dtypes.js";
import type { SourceLoc } from "../base/errors.js";
import type { ScalarExpr } from "../scalar/expr.js";
import type { Expr } from "../symbolic/expr.js";

export interface View { readonly base: string; /** Elements from the base's start. */ readonly offset: Expr }

/** A data container. Row-major and contiguous; a scalar has shape []. */
export interface Container {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Expr[];
  /** Transient: allocated by the program; otherwise an argument given by the caller. */
  readonly transient: boolean;
  /** A reinterpretation of another container's buffer, contiguous from `offset`. Never of another view. */
  readonly view?: View;
  /** The user's name for it, for reports and errors. */
  readonly label?: string;
  readonly loc?: SourceLoc;
  /** What the container holds when it is not the user's: gradients, tapes, … (reports only). */
  readonly role?: "value" | "gradient" | "tape" | "snapshot" | "workspace" | "count";
  /** A transient whose first dimension is known only as the program runs: `grow` nodes make room in it. `shape[0]` loads the number of rows in use. */
  readonly growable?: boolean;
  /** A transient in the host's memory while the program runs on a device: only `offload`, `fetch` and `settle` nodes name it. */
  readonly host?: boolean;
}

/**
 * A value of the forward program wanted later: `data[index]` as it was just before or after forward node `node` ran, in the
 * iteration that the loop variables of the same names have now. Resolved by the memory planner; none is left in a plan.
 */
export interface Saved {
  readonly node: number;
  readonly when: "before" | "after";
  /** A discrete fact depends on the value (arm taken, tie mask): never recompute it, an ulp would flip the fact. */
  readonly exact?: boolean;
}

/** One element of a container, read or written. */
export interface Memlet {
  readonly data: string;
  readonly index: readonly Expr[];
  /** Reads only: every expression must be >= 0, otherwise nothing is loaded and the value is 0. */
  readonly guard?: readonly Expr[];
  readonly saved?: Saved;
}

/** Conflict resolution: how a write combines with what is there. */
export type Wcr = "sum" | "prod" | "min" | "max";

export interface NodeBase { readonly id: number; readonly loc?: SourceLoc }

/** `output (=|wcr)= code(inputs)`. Inputs are read before the output is written. */
export interface Tasklet extends NodeBase {
  readonly kind: "tasklet";
  readonly inputs: readonly Memlet[];
  readonly output: Memlet;
  readonly wcr?: Wcr;
  readonly code: ScalarExpr;
  /** In joint graphs: the same value from the result of the tasklet that is reversed (`of`), where neither that nor all operands are at hand in the end. */
  readonly instead?: { readonly of: number; readonly code: ScalarExpr; readonly inputs: readonly Memlet[] };
}

/** For every integer `variable` in [begin, end): ascending, descending, or in any order and in parallel (a map). */
export interface Loop extends NodeBase {
  readonly kind: "loop";
  /** Unique in the SDFG. A reverse loop reuses the name of the loop it reverses. */
  readonly variable: string;
  readonly begin: Expr;
  readonly end: Expr;
  readonly order: "up" | "down" | "any";
  readonly body: readonly Node[];
  /** Transients that are private to one iteration (scalars or small buffers). */
  readonly locals?: readonly string[];
  /** Set by `schedule` only: how the loop is carried out. */
  readonly schedule?: LoopSchedule;
}
export interface LoopSchedule {
  /** Iterations are shared among the threads of the enclosing parallel region; "cyclic" where their amounts of work differ. */
  readonly parallel?: "even" | "cyclic";
  /** A parallel region starts at this loop. `work`: units (see schedule/work.ts) between two barriers, for the threshold. */
  readonly region?: { readonly work: Expr };
  /** Sequential inside a region: every thread runs it, and they share the parallel loops in its body. */
  readonly team?: boolean;
  /** Innermost and free of dependences between iterations: vectorise. */
  readonly simd?: boolean;
  /** Reductions of a parallel loop into one element each, done in blocks of iterations that depend on sizes alone and combined in index order. */
  readonly blocks?: { readonly work: Expr; readonly into: readonly { readonly data: string; readonly wcr: Wcr; readonly index: readonly Expr[] }[] };
  /** Guards inside hold for variable in [begin, end), where `body` (without them) runs instead of the loop's own body. */
  readonly interior?: { readonly begin: Expr; readonly end: Expr; readonly body: readonly Node[] };
  /** Where and how a GPU carries it out; see schedule/gpu/. Loops without it are run by the host, or inside a kernel by each thread. */
  readonly gpu?: GpuSchedule;
}
/**
 * Which threads take which iterations: v = begin + index, then every (number of indices)-th. "global": of a dimension of the grid, "block": its blocks, "lane": the threads of a block. In a kernel of one block also
 * "part": its threads as a rectangle as wide as the loop along x (`width`), "warp": its warps, "warp lane": the threads of a warp, "all": every thread takes all. "tile": those of the block's tile, "owner": every warp takes all, but combines into its own elements only.
 */
export interface GpuAxis { readonly by: "global" | "block" | "lane" | "part" | "warp" | "warp lane" | "all" | "tile" | "owner"; readonly dimension: "x" | "y" | "z"; /** Loops from this one inward that are numbered together along the dimension (default 1). */ readonly together?: number }
export interface GpuSchedule {
  /** The loop is one kernel: run by one thread; a grid; a grid with tiles in shared memory; a grid whose blocks each combine the iterations of the innermost loop into elements; one that combines all into single elements; one whose warps combine into elements that data choose; a batch of products of matrices; or one block, all of whose threads run the loop and share its `piece`s. */
  readonly kernel?: "single" | "grid" | "tiles" | "rows" | "reduce" | "scatter" | "product" | "block";
  /** Of a kernel of one block: what its threads share, as a kernel of that kind would. Loops that are no pieces are run by all threads alike. */
  readonly piece?: "single" | "grid" | "rows" | "reduce" | "scatter";
  /** Iterations along x of a piece, as far as they can be told outside it. */
  readonly width?: Expr;
  /** The threads of the block meet before a piece; after a piece, or after every iteration of a loop that all run. */
  readonly before?: boolean;
  readonly after?: boolean;
  /** Iterations along x, y and z where they can be told on the host; a grid's size only: the loops stride over it. */
  readonly extents?: readonly (Expr | undefined)[];
  readonly axis?: GpuAxis;
  /** At the loop along y of "tiles": what a block loads, `height` × `width` elements from `index` (at the tile's first iteration); and where iterations read it, in elements from (y · width + x). */
  readonly tiles?: readonly { readonly data: string; readonly index: readonly Expr[]; readonly height: number; readonly width: number; readonly reads: readonly { readonly index: readonly Expr[]; readonly at: number }[] }[];
  /** "rows": the threads of a block share what stands in this loop. */
  readonly row?: boolean;
  /** Reductions of "rows" and "reduce"; `partials`: a container for the parts of each, where blocks make several. */
  readonly into?: readonly { readonly data: string; readonly wcr: Wcr; readonly index: readonly Expr[]; readonly partials?: string }[];
  /** "product": from one product to the next in elements, where that is the same for all of them, so that a library can do them together. */
  readonly strided?: { readonly count: Expr; readonly a: Expr; readonly b: Expr; readonly c: Expr };
  /** A loop in a kernel that makes so many rounds, at most, of a loop of unknown length; the host's own loop makes one for each such kernel. */
  readonly rounds?: Expr;
  /** A host loop of launches that depend on arguments and symbols alone. `launches`: how many, at most. */
  readonly section?: { readonly launches: Expr };
}

/** A condition over container elements. */
export interface Condition { readonly inputs: readonly Memlet[]; readonly code: ScalarExpr }

export interface While extends NodeBase {
  readonly kind: "while";
  readonly condition: Condition;
  /** True: the condition is tested after the body (do…while). */
  readonly testAfter: boolean;
  /** Symbol that counts finished iterations from 0, usable inside the body. */
  readonly counter: string;
  readonly body: readonly Node[];
}

export interface Branch { /** Absent: else. */ readonly condition?: Condition; readonly body: readonly Node[] }
export interface Conditional extends NodeBase { readonly kind: "conditional"; readonly branches: readonly Branch[] }

/** A region that `exit` nodes inside can leave. */
export interface Block extends NodeBase { readonly kind: "block"; readonly label: string; readonly body: readonly Node[] }
/** Leaves the block of that label (break and return; continue is an exit from a block that is a loop's whole body). */
export interface Exit extends NodeBase { readonly kind: "exit"; readonly label: string }

/** Stops the program with an error of the user's own (`raise`, `assert`, `throw`), a bounds error, or a NaN that was asked to be one. */
export interface Raise extends NodeBase { readonly kind: "raise"; readonly code: "RAISED" | "BOUNDS" | "NAN"; readonly message: string }

/** A rectangular part of a container as an operand: operand dimension d runs along container axis axes[d], from base, `sizes[d]` long. */
export interface Operand {
  readonly data: string;
  readonly base: readonly Expr[];
  readonly axes: readonly number[];
  readonly sizes: readonly Expr[];
  readonly saved?: Saved;
}

/** An operation of `ts/library/`, by name. */
export interface LibraryNode extends NodeBase {
  readonly kind: "library";
  readonly op: string;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  /** True: outputs are added to instead of overwritten. */
  readonly accumulate: boolean;
  readonly attributes: Readonly<Record<string, number | string | boolean>>;
}

export type Node = Tasklet | Loop | While | Conditional | Block | Exit | Raise | LibraryNode;

/** What a program returns. */
export type ReturnValue =
  | { readonly kind: "none" }
  /** `lengths`: int64 scalars by dimension, where the run finds how far along it the elements count. */
  | { readonly kind: "container"; readonly name: string; readonly lengths?: readonly (string | undefined)[] }
  | { readonly kind: "integer"; readonly expr: Expr }
  | { readonly kind: "tuple"; readonly items: readonly ReturnValue[] };

/** Every container that the caller reads results from. */
export function returnedContainers(r: ReturnValue): string[] {
  return r.kind === "container" ? [r.name, ...(r.lengths ?? []).flatMap((l) => l ?? [])] : r.kind === "tuple" ? r.items.flatMap(returnedContainers) : [];
}

/** A parameter of the program, in call order. */
export type Parameter =
  | { readonly kind: "container"; readonly name: string; readonly container: string }
  /** An integer (index, size, bound) passed by value. */
  | { readonly kind: "symbol"; readonly name: string; readonly symbol: string };

/** A check made once per call, before the run, with the call's sizes. */
export interface EntryCheck {
  readonly kind: "speculation" | "shape" | "bounds";
  /** Holds if `expr >= 0` (speculation, bounds) or `expr == 0` (shape). A failed speculation selects the general variant. */
  readonly expr: Expr;
  readonly message: string;
  readonly loc?: SourceLoc;
}
