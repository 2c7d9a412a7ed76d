/** Runs a function and its array program on the same arguments and compares what they return and what they leave in their arguments. */
import type { ExecutionContext } from "ava";
import type { ArrayProgram } from "../../../ts/frontend/array/ast.js";
import { programText } from "../../../ts/frontend/array/text.js";
import { captureFunction, parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { Broken, OutOfSteps, Raised, interpret } from "./interpret.js";

type Fn = (...args: never[]) => unknown;

export function copy<T>(v: T): T {
  if (ArrayBuffer.isView(v)) return (v as unknown as Float64Array).slice() as unknown as T;
  if (Array.isArray(v)) return v.map(copy) as T;
  if (typeof v === "object" && v !== null) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, copy(x)])) as T;
  return v;
}

interface Outcome { readonly value?: unknown; readonly thrown?: string; readonly args: unknown }
function outcome(f: (...args: unknown[]) => unknown, args: readonly unknown[]): Outcome {
  const mine = copy(args) as unknown[];
  try { return { value: plain(f(...mine)), args: plain(mine) }; } catch (e) {
    if (e instanceof Broken || e instanceof OutOfSteps) throw e;
    const error = e as Error;
    // What the language itself throws has other words here.
    return { thrown: e instanceof Raised ? e.message : error instanceof TypeError ? "TypeError" : error.name === "Error" ? error.message : `${error.name}: ${error.message}`, args: plain(mine) };
  }
}
/** Typed arrays as lists with their kind, so that deepEqual sees elements; null and undefined are one. */
function plain(v: unknown): unknown {
  if (v === undefined || v === null) return null;
  if (ArrayBuffer.isView(v)) return { kind: v.constructor.name, items: [...(v as unknown as Float64Array)] };
  if (Array.isArray(v)) return v.map(plain);
  if (typeof v === "object") return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
  return v;
}

/** Both orders of evaluating operands give what the function itself does. */
export function agree(t: ExecutionContext, f: Fn, program: ArrayProgram, inputs: readonly (readonly unknown[])[], note = ""): void {
  for (const args of inputs) {
    const expected = outcome(f as never, args);
    for (const backwards of [false, true]) {
      let got: Outcome;
      try { got = outcome(interpret(program, { backwards }), args); } catch (e) { t.fail(`${(e as Error).message}${backwards ? " (from right to left)" : ""}\n${note}\n${programText(program)}`); return; }
      // What is interpolated into a message is not known beforehand.
      if (got.thrown?.includes("${") && expected.thrown !== undefined) {
        t.regex(expected.thrown, new RegExp(`^${got.thrown.replace(/[.*+?^()|[\]\\]/g, "\\$&").replace(/\$\{[^}]*\}/g, "[\\s\\S]*")}$`), note);
        got = { ...got, thrown: expected.thrown };
      }
      t.deepEqual(got, expected, `${backwards ? "from right to left" : "from left to right"}\n${note}\n${programText(program)}`);
    }
  }
}

/** The function of a source text, run by Node and as a program. The source is one expression, or declarations with a function f. */
export function agreeText(t: ExecutionContext, source: string, inputs: readonly (readonly unknown[])[], run = source): ArrayProgram {
  const program = parseJavaScript({ name: "m.js", text: source }, "f");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  agree(t, new Function(`${run}\nreturn f;`)() as Fn, program, inputs, source);
  return program;
}
/** A live function, read from itself. */
export function agreeLive(t: ExecutionContext, f: Fn, inputs: readonly (readonly unknown[])[]): ArrayProgram {
  const program = captureFunction(f);
  agree(t, f, program, inputs, f.toString());
  return program;
}
