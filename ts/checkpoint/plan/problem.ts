/**
 * What a memory planner decides about, without any graph: forward values, backward slots, branches and loops with their sizes, and the plan that answers it.
 * Bytes are integers; costs are any non-negative numbers of one unit. Only what is computed a second time, or moved, costs.
 */
import { DaceError } from "../../base/errors.js";

/** An arm of a branch: [branch, arm]. Branches stand one after another (one inside another counts as one with more arms). */
export type Arm = readonly [branch: number, arm: number];

/** What the forward step of the same index computes. It may be dropped as soon as nothing ahead of it reads it. */
export interface Value {
  readonly name: string;
  readonly size: number;
  /** Of computing it again, in a step that has its parents at hand. */
  readonly cost: number;
  /** Values that computing it reads, all of smaller index. */
  readonly parents: readonly number[];
  /** May it be computed again at all? */
  readonly recompute: boolean;
  readonly arm?: Arm;
  /** Bytes that are live besides the values at its forward step. */
  readonly forwardExtra?: number;
  /** Bytes that are live besides the values whenever it is computed again. */
  readonly workspace?: number;
  /** Costs of the copy to the host and of each copy back; absent where it cannot be offloaded. */
  readonly offload?: { readonly out: number; readonly in: number };
}

/** One step of the backward sweep. */
export interface Slot {
  readonly name: string;
  readonly needs: readonly number[];
  /** Bytes that are live besides the values: gradients, workspace. */
  readonly extra: number;
  readonly arm?: Arm;
}

/** A way to run a loop forward and backward: bytes between the passes, bytes at its backward slot, bytes of the host's memory, and extra cost. */
export interface LoopOption { readonly held: number; readonly inside: number; readonly cost: number; readonly host?: number }

/** A loop that is forward step `step` and backward slot `slot`. */
export interface Loop<Option extends LoopOption = LoopOption> { readonly name: string; readonly step: number; readonly slot: number; readonly options: readonly Option[] }

/**
 * `slot`: in each slot any set of values may be computed again, each once and in the order of their indices, and kept as long as is wanted.
 * `static`: a value is stored, or recomputed in every slot that asks for it and freed in it, or offloaded; as DaCe AD decides, but with chains.
 */
export type Mode = "slot" | "static";

/** The cost of a program with branches: its dearest path, or the mean over arms of equal probability. */
export type Objective = "worst" | "expected";

export interface Problem {
  readonly base: number;
  readonly values: readonly Value[];
  readonly slots: readonly Slot[];
  /** Number of arms of each branch. */
  readonly branches: readonly number[];
  readonly loops: readonly Loop[];
  /** Bytes for offloaded values, and tapes of loops. */
  readonly hostLimit: number;
  readonly mode: Mode;
  readonly objective: Objective;
}

/** What is done: which values each slot computes again (ascending), which ones are offloaded and before which slots they are fetched, and the option of each loop. */
export interface Plan {
  readonly recompute: readonly (readonly number[])[];
  readonly offload: readonly { readonly value: number; readonly fetch: readonly number[] }[];
  readonly loops: readonly number[];
}

export function gcd(a: number, b: number): number { while (b > 0) [a, b] = [b, a % b]; return a; }

export function problemOf(p: Pick<Problem, "values" | "slots"> & Partial<Problem>): Problem {
  return { base: 0, branches: [], loops: [], hostLimit: Infinity, mode: "slot", objective: "worst", ...p };
}

/** Nothing is computed again; every loop takes its cheapest option. */
export function storeAll(p: Problem): Plan {
  return { recompute: p.slots.map(() => []), offload: [], loops: p.loops.map((l) => l.options.reduce((best, o, i) => o.cost < l.options[best]!.cost ? i : best, 0)) };
}

/** Can something in arm `a` and something in arm `b` happen in one run? */
export function together(a: Arm | undefined, b: Arm | undefined): boolean { return !a || !b || a[0] !== b[0] || a[1] === b[1]; }

/** Throws INTERNAL for a problem that is none. */
export function checkProblem(p: Problem): void {
  const bad = (what: string): never => { throw new DaceError("INTERNAL", `memory planning: ${what}`); };
  const bytes = (n: number | undefined, what: string): void => { if (n !== undefined && !(Number.isSafeInteger(n) && n >= 0)) bad(`${what} is ${String(n)}, which is no number of bytes`); };
  const cost = (n: number, what: string): void => { if (!(Number.isFinite(n) && n >= 0)) bad(`${what} is ${n}, which is no cost`); };
  const arm = (a: Arm | undefined, what: string): void => { if (a && !(a[0] >= 0 && a[0] < p.branches.length && a[1] >= 0 && a[1] < p.branches[a[0]]!)) bad(`${what} is in an arm that does not exist`); };
  bytes(p.base, "the base");
  p.values.forEach((v, i) => {
    bytes(v.size, v.name); bytes(v.forwardExtra, v.name); bytes(v.workspace, v.name); cost(v.cost, v.name); arm(v.arm, v.name);
    if (v.offload) { cost(v.offload.out, v.name); cost(v.offload.in, v.name); }
    for (const q of v.parents) if (!(Number.isInteger(q) && q >= 0 && q < i)) bad(`${v.name} reads what comes after it`);
  });
  for (const s of p.slots) {
    bytes(s.extra, s.name); arm(s.arm, s.name);
    for (const q of s.needs) if (!(Number.isInteger(q) && q >= 0 && q < p.values.length)) bad(`${s.name} needs a value that does not exist`);
  }
  for (const l of p.loops) {
    if (l.options.length === 0 || !(l.step >= 0 && l.step < p.values.length && l.slot >= 0 && l.slot < p.slots.length)) bad(`${l.name} is no loop`);
    for (const o of l.options) { bytes(o.held, l.name); bytes(o.inside, l.name); bytes(o.host, l.name); cost(o.cost, l.name); }
  }
}
