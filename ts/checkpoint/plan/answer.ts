/** Answers a planner's question. */
import { smallestLimit, solvePlan } from "./solve.js";
import type { Answer, Question } from "./sync.js";

export async function answer(q: Question, signal?: AbortSignal): Promise<Answer> {
  const o = { budgetMs: q.budgetMs, ...(signal ? { signal } : {}) };
  return q.kind === "solve" ? { solution: await solvePlan(q.problem, q.limit, { ...o, patient: q.patient ?? false }) } : { smallest: await smallestLimit(q.problem, o) };
}
