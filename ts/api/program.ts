/** From what users write to a Program: functions, Python files, gradients. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { DaceError, type SourceFile } from "../base/errors.js";
import { ArraySource } from "../compile/array-source.js";
import { Program } from "../compile/program.js";
import { captureFunction, parseJavaScript } from "../frontend/javascript/index.js";
import { parsePython } from "../frontend/python/index.js";
import { checkOptions, type Options } from "./options.js";

/** The Program behind a callable; null: what the callable gives is none. */
export const PROGRAM = Symbol.for("dace-ad-native.program");

const captured = new WeakMap<object, Program>();

/** A plain function, a Program, or a callable made by a verb. */
export function toProgram(x: unknown, options: Options = {}): Program {
  if (x instanceof Program) return x as Program;
  if (typeof x === "function") {
    const inner = (x as { [PROGRAM]?: Program | null })[PROGRAM];
    if (inner) return inner;
    if (inner === null) throw new DaceError("ARGUMENT", `what ${x.name}() made is not a program: it returns an object`, { hint: "grad(…) and jit(…) are programs; vjp(grad(f)) gives second derivatives" });
    const known = options.captures ? undefined : captured.get(x);
    if (known) return known;
    const p = new ArraySource(() => captureFunction(x, options.captures ? { captures: { ...options.captures } } : {}));
    if (!options.captures) captured.set(x, p);
    return p;
  }
  throw new DaceError("ARGUMENT", "a program is a function, or what python(), javascript() or a verb returned");
}

export type FileOrSource = string | URL | { readonly source: string; readonly name?: string } | { readonly file: string | URL };

function readSource(from: FileOrSource): SourceFile {
  const file = from instanceof URL ? from : typeof from === "string" ? (from.includes("\n") ? undefined : from) : "file" in from ? from.file : undefined;
  if (file === undefined) return typeof from === "object" && "source" in from ? { name: from.name ?? "<source>", text: from.source } : { name: "<source>", text: from as string };
  const path = file instanceof URL ? fileURLToPath(file) : resolve(file);
  if (!existsSync(path)) throw new DaceError("SOURCE_UNAVAILABLE", `no file ${typeof file === "string" ? file : path}`, { hint: "a string without a line break is a path; pass { source } for text" });
  return { name: path, text: readFileSync(path, "utf8") };
}

/** A function of an unmodified NumPy file. `{ function }` names it. */
export function python<A extends unknown[] = unknown[], R = unknown>(from: FileOrSource, options: { readonly function: string }): Program<A, R> {
  if (typeof options?.function !== "string") throw new DaceError("ARGUMENT", "python() needs { function: \"name\" }");
  for (const k of Object.keys(options)) if (k !== "function") throw new DaceError("ARGUMENT", `unknown option ${k} of python()`);
  const source = readSource(from);
  return new ArraySource<A, R>(() => parsePython(source, options.function), { source, identity: `python ${options.function}` });
}

/** A plain JavaScript function, or one of a JavaScript source text. */
export function javascript<A extends unknown[] = unknown[], R = unknown>(from: ((...a: A) => R) | FileOrSource, options: Options & { readonly function?: string } = {}): Program<A, R> {
  if (typeof from === "function") { checkOptions(options); return toProgram(from, options) as Program<A, R>; }
  const name = options.function;
  if (typeof name !== "string") throw new DaceError("ARGUMENT", "javascript() of a text needs { function: \"name\" }");
  const source = readSource(from);
  return new ArraySource<A, R>(() => parseJavaScript(source, name), { source, identity: `javascript ${name}` });
}
