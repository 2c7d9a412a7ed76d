/**
 * Runs of the JavaScript backend off the caller's thread: one worker per thread of the program that asks, started by the first asynchronous run and kept. Runs are served
 * in order. It keeps the process alive only while a run is pending; aborting the run in progress ends the worker, and the next run starts another.
 */
import type { Worker } from "node:worker_threads";
import { InternalError } from "../base/errors.js";
import type { TypedArray } from "./addon-types.js";

/** `args` are private copies: they go to the worker and come back. */
export interface JsJob { readonly text: string; readonly args: readonly TypedArray[]; readonly symbols: readonly number[]; readonly arenaBytes: number }
export interface JsDone { readonly code: number; readonly error: readonly number[]; readonly args: readonly TypedArray[] }
type Answer = JsDone | { readonly failed: string; readonly range: boolean };

const SOURCE = `"use strict";
const { parentPort } = require("node:worker_threads");
const bodies = new Map();
parentPort.on("message", ({ text, args, symbols, arenaBytes }) => {
  try {
    let f = bodies.get(text);
    if (!f) bodies.set(text, f = new Function("rt", "args", "symbols", "arena", '"use strict";\\n' + text));
    const rt = { error: [0, 0, 0, 0] };
    const code = f(rt, args, symbols, new ArrayBuffer(arenaBytes));
    parentPort.postMessage({ code, error: rt.error, args }, [...new Set(args.map((a) => a.buffer))]);
  } catch (e) { parentPort.postMessage({ failed: String(e && e.message || e), range: e instanceof RangeError }); }
});`;

interface Pending { readonly job: JsJob; readonly resolve: (d: JsDone) => void; readonly reject: (e: Error) => void }

let worker: Worker | undefined;
const queue: Pending[] = [];
let running: Pending | undefined;

/** Throws where this process may not start threads (the permission model). */
function started(): Worker {
  if (worker) return worker;
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Worker } = require("node:worker_threads") as typeof import("node:worker_threads");
  const w = worker = new Worker(SOURCE, { eval: true, execArgv: [], env: {} });
  w.on("message", (a: Answer) => {
    if (w !== worker || !running) return;
    const { resolve, reject } = running;
    running = undefined;
    if ("failed" in a) reject(a.range ? new RangeError(a.failed) : new InternalError(`the JavaScript backend failed: ${a.failed}`));
    else resolve(a);
    next();
  });
  const ended = (e: unknown): void => {
    if (w !== worker) return;
    worker = undefined;
    const was = running;
    running = undefined;
    was?.reject(e instanceof Error && /memory/i.test(e.message) ? new RangeError(e.message) : new InternalError(`the worker of the JavaScript backend ended: ${String(e)}`));
    next();
  };
  w.on("error", ended);
  w.on("exit", (code) => { ended(`exit ${code}`); });
  return w;
}

function next(): void {
  if (running) return;
  running = queue.shift();
  if (!running) { worker?.unref(); return; }
  try {
    const w = started(), { job } = running;
    w.ref();
    w.postMessage(job, job.args.map((a) => a.buffer as ArrayBuffer));
  } catch (e) {
    const { reject } = running;
    running = undefined;
    reject(e as Error);
    next();
  }
}

/** May threads be started? */
export function threadsAllowed(): boolean { try { started(); if (!running) worker?.unref(); return true; } catch { return false; } }

export function runInWorker(job: JsJob, signal: AbortSignal | undefined): Promise<JsDone> {
  return new Promise<JsDone>((resolve, reject) => {
    const abort = (): void => {
      const at = queue.indexOf(pending);
      if (at >= 0) queue.splice(at, 1);
      else if (running === pending) {
        const w = worker;
        running = worker = undefined;
        void w?.terminate();
        next();
      } else return;
      reject(signal!.reason as Error);
    };
    const done = (): void => { signal?.removeEventListener("abort", abort); };
    const pending: Pending = { job, resolve: (d) => { done(); resolve(d); }, reject: (e) => { done(); reject(e); } };
    signal?.addEventListener("abort", abort, { once: true });
    queue.push(pending);
    next();
  });
}
