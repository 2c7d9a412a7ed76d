/** From what users write to a Program: functions, Python files, gradients. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { DaceError, type SourceFile } from "../base/errors.js";
import { ArraySource } from "../compile/array-source.js";
import { Program } from "../compile/program.js";
import { lazy } from "../base/lazy.js";
import type { Closures, Lookup } from "../frontend/javascript/closure.js";
import { checkOptions, type Options } from "./options.js";

// eslint-disable-next-line @typescript-eslint/no-require-imports
const javascriptFrontend = lazy(() => require("../frontend/javascript/index.js") as typeof import("../frontend/javascript/index.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const closures = lazy(() => require("../frontend/javascript/closure.js") as typeof import("../frontend/javascript/closure.js"));
// eslint-disable-next-line @typescript-eslint/no-require-imports
const pythonFrontend = lazy(() => require("../frontend/python/index.js") as typeof import("../frontend/python/index.js"));

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
    const p = liveFunction(x as (...args: never[]) => unknown, options.captures);
    if (!options.captures) captured.set(x, p);
    return p;
  }
  throw new DaceError("ARGUMENT", "a program is a function, or what python(), javascript() or a verb returned");
}

/** A file's text under its full path; throws SOURCE_UNAVAILABLE. */
export function readText(file: string | URL, hint: string): SourceFile {
  let path: string;
  try { path = file instanceof URL ? fileURLToPath(file) : resolve(file); } catch (e) { throw new DaceError("ARGUMENT", `${String(file)} is not the URL of a file`, { cause: e }); }
  if (!existsSync(path)) throw new DaceError("SOURCE_UNAVAILABLE", `no file ${typeof file === "string" ? file : path}`, { hint });
  try { return { name: path, text: readFileSync(path, "utf8") }; } catch (e) { throw new DaceError("SOURCE_UNAVAILABLE", `${path} cannot be read: ${e instanceof Error ? e.message : String(e)}`, { cause: e }); }
}

function liveFunction(fn: (...args: never[]) => unknown, captures: Options["captures"]): Program {
  const fresh = (): Closures => new (closures().Closures)({ ...captures });
  // What was found at the first look stays: captures are read once.
  let looked: Closures | undefined, spare: Closures | undefined;
  return new ArraySource(() => javascriptFrontend().captureFunction(fn, { closures: (looked ??= spare ?? fresh()) }), {
    closure: {
      key: () => (spare = fresh()).placeKey(fn),
      same: ({ log, digest }) => {
        const c = spare ?? fresh();
        spare = undefined;
        try { if (c.digest(fn, log as Lookup[]) !== digest) return false; } finally { c.close(); }
        looked = c;
        return true;
      },
      looked: () => { const digest = looked?.digest(fn, looked.log); return digest === undefined ? undefined : { log: looked!.log, digest }; },
    },
  });
}

export type FileOrSource = string | URL | { readonly source: string; readonly name?: string } | { readonly file: string | URL };

function readSource(from: FileOrSource, verb: string): SourceFile {
  const text = typeof from === "object" && from !== null && "source" in from ? from.source : undefined;
  if (!(typeof from === "string" || from instanceof URL || typeof text === "string" || (typeof from === "object" && from !== null && "file" in from && (typeof from.file === "string" || from.file instanceof URL)))) {
    throw new DaceError("ARGUMENT", `${verb}() takes a file or a source text`, { hint: "a path, a URL, a text with a line break, { file } or { source }" });
  }
  const file = from instanceof URL ? from : typeof from === "string" ? (from.includes("\n") ? undefined : from) : "file" in from ? from.file : undefined;
  if (file === undefined) return typeof from === "object" && "source" in from ? { name: from.name ?? "<source>", text: from.source } : { name: "<source>", text: from as string };
  return readText(file, "a string without a line break is a path; pass { source } for text");
}

/** A function of an unmodified NumPy file. `{ function }` names it. */
export function python<A extends unknown[] = unknown[], R = unknown>(from: FileOrSource, options: { readonly function: string }): Program<A, R> {
  if (typeof options?.function !== "string") throw new DaceError("ARGUMENT", "python() needs { function: \"name\" }");
  for (const k of Object.keys(options)) if (k !== "function") throw new DaceError("ARGUMENT", `unknown option ${k} of python()`);
  const source = readSource(from, "python");
  return new ArraySource<A, R>(() => pythonFrontend().parsePython(source, options.function), { source, identity: `python ${options.function}` });
}

/** A plain JavaScript function, or one of a JavaScript source text. */
export function javascript<A extends unknown[] = unknown[], R = unknown>(from: ((...a: A) => R) | FileOrSource, options: Options & { readonly function?: string } = {}): Program<A, R> {
  if (typeof from === "function") { checkOptions(options); return toProgram(from, options) as Program<A, R>; }
  const name = options.function;
  if (typeof name !== "string") throw new DaceError("ARGUMENT", "javascript() of a text needs { function: \"name\" }");
  checkOptions(options, ["function"]);
  const source = readSource(from, "javascript");
  return new ArraySource<A, R>(() => javascriptFrontend().parseJavaScript(source, name), { source, identity: `javascript ${name}` });
}
