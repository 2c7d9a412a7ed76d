/** Runs a plan's JavaScript text: the backend without a compiler. */
import type { Plan } from "../lower/plan.js";
import type { TypedArray } from "./addon-types.js";

export interface JsKernel {
  /** Returns the status code; `error` then holds code, site, value, extent. */
  run(args: readonly TypedArray[], symbols: readonly number[], arena: ArrayBuffer): number;
  readonly error: number[];
}

type Body = (rt: { error: number[] }, args: readonly TypedArray[], symbols: readonly number[], arena: ArrayBuffer) => number;

const compiled = new Map<string, Body>();

export function jsKernel(plan: Plan): JsKernel {
  let body = compiled.get(plan.js);
  if (!body) {
    // The text is generated from a validated graph: identifiers and numbers of our own only.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    body = new Function("rt", "args", "symbols", "arena", `"use strict";\n${plan.js}`) as Body;
    compiled.set(plan.js, body);
  }
  const rt = { error: [0, 0, 0, 0] }, f = body;
  return { error: rt.error, run: (args, symbols, arena) => f(rt, args, symbols, arena) };
}
