/**
 * The solver for a caller that waits: the ladder runs in a worker thread (the integer solver in one of its own below it), and this thread sleeps until the answer is there.
 * The worker starts with the first problem and does not keep the process alive.
 */
import type { Worker } from "node:worker_threads";
import { InternalError } from "../../base/errors.js";
import type { Problem } from "./problem.js";
import type { Smallest, Solution } from "./solve.js";

/** What a planner asks: the cheapest plan within a limit, or the plan of the smallest limit. */
export type Question = { readonly kind: "solve"; readonly problem: Problem; readonly limit: number; readonly budgetMs: number; /** All of it, however small the problem is. */ readonly patient?: boolean } | { readonly kind: "smallest"; readonly problem: Problem; readonly budgetMs: number };
export type Answer = { readonly solution: Solution; readonly smallest?: undefined } | { readonly smallest: Smallest; readonly solution?: undefined };

const SOURCE = `"use strict";
const { parentPort, workerData } = require("node:worker_threads");
parentPort.on("message", async ({ question, port, flag }) => {
  let reply;
  try { reply = { answer: await require(workerData).answer(question) }; } catch (e) { reply = { failed: String(e && e.message || e) }; }
  port.postMessage(reply);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
});`;

let worker: Worker | undefined;

export function answerNow(question: Question): Answer {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Worker, MessageChannel, receiveMessageOnPort } = require("node:worker_threads") as typeof import("node:worker_threads");
  if (!worker) {
    const w = worker = new Worker(SOURCE, { eval: true, execArgv: [], workerData: require.resolve("./answer.js") });
    w.on("error", () => { if (worker === w) worker = undefined; });
    w.on("exit", () => { if (worker === w) worker = undefined; });
    w.unref();
  }
  const flag = new Int32Array(new SharedArrayBuffer(4)), { port1, port2 } = new MessageChannel();
  worker.postMessage({ question, port: port2, flag }, [port2]);
  // Well beyond the question's own budget: a worker that died does not answer.
  const waited = Atomics.wait(flag, 0, 0, 60_000 + 3 * question.budgetMs);
  const reply = receiveMessageOnPort(port1)?.message as { readonly answer?: Answer; readonly failed?: string } | undefined;
  port1.close();
  if (reply?.answer) return reply.answer;
  const w = worker;
  worker = undefined;
  void w?.terminate();
  throw new InternalError(`the planner's worker ${reply?.failed === undefined ? `gave no answer (${waited})` : `failed: ${reply.failed}`}`);
}
