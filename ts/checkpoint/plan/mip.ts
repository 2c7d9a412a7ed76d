/**
 * Mixed-integer models, and relaxations, and the HiGHS solver that solves them, in a worker thread of its own for each kind: the solver is synchronous. A worker starts with its first model
 * and keeps the process alive only while one is being solved. Aborting ends it; so does a failure inside the solver, and the next model starts another.
 */
import type { Worker } from "node:worker_threads";
import { InternalError } from "../../base/errors.js";

/** Minimise cost·x with rowLower ≤ A x ≤ rowUpper; A by rows. */
export interface Mip {
  readonly cost: Float64Array; readonly lower: Float64Array; readonly upper: Float64Array;
  /** 1 where x must be whole. */
  readonly integer: Int32Array;
  readonly rowLower: Float64Array; readonly rowUpper: Float64Array;
  readonly starts: Int32Array; readonly indices: Int32Array; readonly values: Float64Array;
}

/** Statuses of columns and rows, as the solver numbers them. */
export interface Basis { readonly columns: Int32Array; readonly rows: Int32Array }

export interface MipOptions {
  readonly seconds: number;
  /** Two objective values closer than this are the same. */
  readonly gap: number;
  /** A solution that is at hand; the missing columns are the solver's to find. */
  readonly start?: { readonly indices: Int32Array; readonly values: Float64Array };
  /** Where to begin if no column is whole; rows added since are basic. */
  readonly basis?: Basis | undefined;
  /** Shared memory: from the time it is 1, the solver stops. */
  readonly stop?: Int32Array<SharedArrayBuffer>;
}

/** `x` is absent where none was found; `bound` is proven: no solution is below it. `stopped`: out of time. */
export interface MipResult { readonly status: "optimal" | "infeasible" | "stopped"; readonly x?: Float64Array; readonly objective: number; readonly bound: number; /** Where no column is whole: of rows, and where the next one may begin. */ readonly duals?: Float64Array; readonly basis?: Basis }

// A short list of cuts: at the root the solver spends most of its time on separating more, two to three times as long in all.
const SOURCE = `"use strict";
const { parentPort, workerData } = require("node:worker_threads");
let loading;
parentPort.on("message", async ({ m, o }) => {
  try {
    const highs = await (loading ??= require(workerData)());
    if (!m) return;
    const answer = highs.withModel({
      numCols: m.cost.length, numRows: m.rowLower.length, colCost: m.cost, colLower: m.lower, colUpper: m.upper, rowLower: m.rowLower, rowUpper: m.rowUpper,
      matrix: { format: "csr", numRows: m.rowLower.length, numCols: m.cost.length, starts: m.starts, indices: m.indices, values: m.values }, ...(m.integer.includes(1) ? { integrality: m.integer } : {}),
    }, (model) => {
      model.options.set({ output_flag: false, time_limit: Math.min(o.seconds, 1e6), mip_rel_gap: 0, mip_abs_gap: o.gap, mip_feasibility_tolerance: 1e-7, random_seed: 1, mip_pool_soft_limit: 200, mip_allow_restart: false });
      if (o.basis) {
        const rowStatus = new Int32Array(m.rowLower.length).fill(highs.constants.basisStatus.basic);
        rowStatus.set(o.basis.rows);
        model.setBasis({ colStatus: o.basis.columns, rowStatus });
      }
      if (o.start) model.setSolution({ indices: o.start.indices, values: o.start.values });
      if (o.stop) model.run({ [highs.constants.callbackType.mipInterrupt]: (event) => { if (Atomics.load(o.stop, 0) === 1) event.interrupt(); } });
      else model.run();
      const code = model.getModelStatus(), s = highs.constants.modelStatus;
      const status = code === s.optimal || code === s.empty ? "optimal" : code === s.infeasible || code === s.unboundedOrInfeasible ? "infeasible" : code === s.timeLimit || code === s.interrupted || code === s.solutionLimit || code === s.iterationLimit ? "stopped" : "failed " + code;
      const found = model.info.get("primal_solution_status") === 2;
      const at = found ? model.getSolution() : undefined, linear = at && !m.integer.includes(1), basis = linear && model.getBasis();
      return { status, x: at && Float64Array.from(at.colValue), ...(linear ? { duals: Float64Array.from(at.rowDual), basis: { columns: Int32Array.from(basis.colStatus), rows: Int32Array.from(basis.rowStatus) } } : {}), objective: found ? model.getObjectiveValue() : Infinity, bound: model.info.get("mip_dual_bound") };
    });
    parentPort.postMessage(answer);
  } catch (e) { loading = undefined; if (m) parentPort.postMessage({ status: "failed " + String(e && e.message || e) }); }
});`;

interface Job { readonly m: Mip; readonly o: MipOptions; readonly resolve: (r: MipResult) => void; readonly reject: (e: Error) => void }
type Answer = Omit<MipResult, "status"> & { readonly status: string };

/** A worker and what waits for it. */
class Thread {
  #worker: Worker | undefined;
  #running: Job | undefined;
  readonly #queue: Job[] = [];

  #stop(): void {
    const w = this.#worker;
    this.#worker = undefined;
    void w?.terminate();
  }

  #started(): Worker {
    if (this.#worker) return this.#worker;
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const { Worker } = require("node:worker_threads") as typeof import("node:worker_threads");
    const w = this.#worker = new Worker(SOURCE, { eval: true, execArgv: [], env: {}, workerData: require.resolve("highs") });
    /** What ran is answered, and the next one begins. */
    const settle = (f: (job: Job) => void): void => {
      const job = this.#running;
      this.#running = undefined;
      if (job) f(job);
      this.#next();
    };
    w.on("message", (a: Answer) => {
      const { status } = a;
      if (w !== this.#worker) return;
      if (status === "optimal" || status === "infeasible" || status === "stopped") { settle((job) => { job.resolve(a as MipResult); }); return; }
      this.#stop();
      settle((job) => { job.reject(new InternalError(`the solver failed: ${status}`)); });
    });
    const ended = (e: unknown): void => {
      if (w !== this.#worker) return;
      this.#worker = undefined;
      settle((job) => { job.reject(new InternalError(`the solver's worker ended: ${String(e)}`)); });
    };
    w.on("error", ended);
    w.on("exit", (code) => { ended(`exit ${code}`); });
    return w;
  }

  #next(): void {
    if (this.#running) return;
    const job = this.#running = this.#queue.shift();
    if (!job) { this.#worker?.unref(); return; }
    try {
      const w = this.#started();
      w.ref();
      w.postMessage({ m: job.m, o: job.o });
    } catch (e) {
      this.#running = undefined;
      job.reject(e as Error);
      this.#next();
    }
  }

  warm(): void {
    if (this.#worker) return;
    const w = this.#started();
    w.postMessage({});
    w.unref();
  }

  solve(m: Mip, o: MipOptions, signal: AbortSignal | undefined): Promise<MipResult> {
    return new Promise<MipResult>((resolve, reject) => {
      if (signal?.aborted) { reject(signal.reason as Error); return; }
      const abort = (): void => {
        const at = this.#queue.indexOf(job);
        if (at >= 0) this.#queue.splice(at, 1);
        else if (this.#running === job) { this.#running = undefined; this.#stop(); this.#next(); } else return;
        reject(signal!.reason as Error);
      };
      const done = (): void => { signal?.removeEventListener("abort", abort); };
      const job: Job = { m, o, resolve: (r) => { done(); resolve(r); }, reject: (e) => { done(); reject(e); } };
      signal?.addEventListener("abort", abort, { once: true });
      this.#queue.push(job);
      this.#next();
    });
  }
}

/** Relaxations are solved beside the integer models they help. */
const linear = new Thread(), whole = new Thread();

/** Loads the solver while the caller does something else: for relaxations, and for integer models too. */
export function warmSolver(both: boolean): void {
  linear.warm();
  if (both) whole.warm();
}

/** Rejects with the signal's reason when aborted, and INTERNAL when the solver fails. */
export function solveMip(m: Mip, o: MipOptions, signal?: AbortSignal): Promise<MipResult> {
  return m.cost.length === 0 ? Promise.resolve(nothingToDecide(m)) : (m.integer.includes(1) ? whole : linear).solve(m, o, signal);
}
/** Without columns, which the solver has no answer for: every row is 0. */
function nothingToDecide(m: Mip): MipResult {
  const fits = m.rowLower.every((x) => x <= 0) && m.rowUpper.every((x) => x >= 0), objective = fits ? 0 : Infinity;
  return { status: fits ? "optimal" : "infeasible", ...(fits ? { x: new Float64Array(0), duals: new Float64Array(m.rowLower.length) } : {}), objective, bound: objective };
}
