/** JavaScript to array program: a live function with what it captures, or a function of a source text. */
import { DaceError, type SourceFile } from "../../base/errors.js";
import type { ArrayProgram } from "../array/ast.js";
import { Captures } from "./captured.js";
import { Closures } from "./closure.js";
import { ModuleSource } from "./module.js";
import { ProgramBuilder } from "./program.js";
import { Unit } from "./unit.js";

export interface CaptureOptions {
  /** Values of free names, where they cannot be read from the functions or others are wanted. */
  readonly captures?: Readonly<Record<string, unknown>>;
  /** What is known already of the function and what it captures (then `captures` is not needed). */
  readonly closures?: Closures;
}

/**
 * The array program of a live function. What it and the functions it reaches capture is read now. Throws SOURCE_UNAVAILABLE for functions without source, CAPTURE where
 * captured values cannot be read or would be reassigned, UNSUPPORTED with all problems of what is reached.
 */
export function captureFunction(fn: unknown, options: CaptureOptions = {}): ArrayProgram {
  if (typeof fn !== "function") throw new DaceError("ARGUMENT", "a program is a function");
  const closures = options.closures ?? new Closures(options.captures ?? {}), builder = new ProgramBuilder();
  try {
    const captures = new Captures(builder, closures);
    const unit = captures.unit(fn as (...args: never[]) => unknown, fn.name);
    if (!(unit instanceof Unit)) {
      if (unit.kind === "missing") throw new DaceError(unit.code, unit.message, unit.hint === undefined ? {} : { hint: unit.hint });
      throw new DaceError("ARGUMENT", "a program is a function");
    }
    const program = builder.build(unit, unit.text.file);
    const now = (v: unknown): unknown => (typeof v === "object" && v !== null ? closures.content(v) : v);
    return { ...program, globals: new Map([...program.globals].map(([k, g]) => [k, g.kind === "value" ? { ...g, value: now(g.value) } : g])) };
  } finally { closures.close(); }
}

/**
 * The array program of a function of a JavaScript or TypeScript source. Throws PARSE where the text is neither, SOURCE_UNAVAILABLE if it has no such function (naming
 * those that it has), else as captureFunction.
 */
export function parseJavaScript(file: SourceFile, functionName: string): ArrayProgram {
  const builder = new ProgramBuilder(), module = new ModuleSource(file, builder);
  const unit = module.function(functionName);
  if (!unit) {
    const there = module.functions();
    throw new DaceError("SOURCE_UNAVAILABLE", `no function ${functionName} in ${file.name}`, { hint: there.length > 0 ? `it has ${there.join(", ")}` : "it defines no function at the top level" });
  }
  return builder.build(unit, file);
}
