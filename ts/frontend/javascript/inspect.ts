/** What the debugger's protocol tells of a live function, synchronously: its scopes with the values in them, and where its source stands. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { SourceFile } from "../../base/errors.js";
import { inlineSourceMap } from "./source-map.js";
import type { Remap } from "./source.js";

type Post = (method: string, params?: object) => Record<string, unknown>;
interface Session { connect(): void; disconnect(): void; on(event: string, f: (m: { params: { scriptId: string; url: string } }) => void): void; post(method: string, params: object | undefined, done: (error: unknown, result: unknown) => void): void }

export interface Scope { readonly name: string; readonly values: Record<string, unknown> }
interface Location { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number }
export interface Place { readonly file: SourceFile; readonly offset: number; readonly remap?: Remap }

/** The objects that pass between the protocol's expressions and us. */
const SLOT = Symbol.for("dace-ad-native.inspect");
interface Slot { fn?: unknown; got?: unknown }

/** One session for the capture of one program. */
export class Inspector {
  private session: Session | undefined;
  /** Why there is none. */
  refused: string | undefined;
  private urls: Map<string, string> | undefined;
  private readonly facts = new Map<unknown, { location: Location | undefined; scopes: Scope[] } | undefined>();
  private readonly scripts = new Map<string, { file: SourceFile; text: string; remap?: Remap }>();

  private post: Post = (method, params) => {
    let result: unknown, error: unknown;
    this.session!.post(method, params, (e, r) => { error = e; result = r; });
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result as Record<string, unknown>;
  };

  private open(): boolean {
    if (this.session) return true;
    if (this.refused !== undefined) return false;
    try {
      // The module is missing in a Node built without it, and refused under the permission model.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { Session } = require("node:inspector") as { Session: new () => Session };
      const s = new Session();
      s.connect();
      this.session = s;
      return true;
    } catch (e) {
      this.refused = e instanceof Error ? e.message : String(e);
      return false;
    }
  }
  close(): void {
    try { this.session?.disconnect(); } catch { /* it is gone already */ }
    this.session = undefined;
  }

  private inspect(fn: unknown): { location: Location | undefined; scopes: Scope[] } | undefined {
    if (this.facts.has(fn)) return this.facts.get(fn);
    const made = this.open() ? this.read(fn) : undefined;
    this.facts.set(fn, made);
    return made;
  }
  private read(fn: unknown): { location: Location | undefined; scopes: Scope[] } | undefined {
    const slot: Slot = { fn };
    const holder = globalThis as unknown as Record<symbol, Slot | undefined>;
    Object.defineProperty(holder, SLOT, { value: slot, configurable: true, enumerable: false, writable: true });
    try {
      const remote = this.post("Runtime.evaluate", { expression: "globalThis[Symbol.for('dace-ad-native.inspect')].fn" })["result"] as { objectId: string };
      const internal = (this.post("Runtime.getProperties", { objectId: remote.objectId, ownProperties: true })["internalProperties"] ?? []) as { name: string; value?: { objectId?: string; value?: Location } }[];
      const location = internal.find((p) => p.name === "[[FunctionLocation]]")?.value?.value;
      const chain = internal.find((p) => p.name === "[[Scopes]]")?.value?.objectId, scopes: Scope[] = [];
      if (chain !== undefined) {
        this.post("Runtime.callFunctionOn", { objectId: chain, functionDeclaration: "function () { globalThis[Symbol.for('dace-ad-native.inspect')].got = Array.from(this); }" });
        for (const s of (slot.got ?? []) as { description?: string; object?: Record<string, unknown> }[]) if (s.object) scopes.push({ name: s.description ?? "", values: s.object });
      }
      this.post("Runtime.releaseObject", { objectId: remote.objectId });
      return { location, scopes };
    } catch (e) {
      this.refused = e instanceof Error ? e.message : String(e);
      return undefined;
    } finally { Reflect.deleteProperty(holder, SLOT); }
  }

  /** The scopes around a function, the innermost first; undefined if they cannot be had. */
  scopes(fn: unknown): readonly Scope[] | undefined { return this.inspect(fn)?.scopes; }

  /** Where the function's text stands in a file. */
  place(fn: unknown, text: string): Place | undefined {
    const at = this.inspect(fn)?.location;
    // Listing all scripts costs more than trying the files that are being run.
    for (const path of new Set([...runningFiles(), ...loadedFiles()])) {
      const file = this.disk(path), offset = file && (at ? offsetAt(file.text, at, text) : onlyPlace(file.text, text));
      if (file && offset !== undefined) return { file, offset, ...this.mapOf(file) };
    }
    if (!at) return undefined;
    const script = this.script(at.scriptId), offset = script && offsetAt(script.text, at, text);
    return script && offset !== undefined ? { file: script.file, offset, ...(script.remap ? { remap: script.remap } : {}) } : undefined;
  }
  private readonly files = new Map<string, SourceFile | undefined>();
  /** A file as one object, so that problems in it come together. */
  private disk(path: string): SourceFile | undefined {
    if (!this.files.has(path)) this.files.set(path, readIfThere(path));
    return this.files.get(path);
  }
  private readonly maps = new Map<SourceFile, { remap?: Remap }>();
  private mapOf(file: SourceFile): { remap?: Remap } {
    let made = this.maps.get(file);
    if (!made) {
      const remap = inlineSourceMap(file.text, file.name);
      this.maps.set(file, made = remap ? { remap } : {});
    }
    return made;
  }

  private script(id: string): { file: SourceFile; text: string; remap?: Remap } | undefined {
    const known = this.scripts.get(id);
    if (known) return known;
    try {
      if (!this.urls) {
        const urls = this.urls = new Map<string, string>();
        this.session!.on("Debugger.scriptParsed", ({ params }) => { urls.set(params.scriptId, params.url); });
        this.post("Debugger.enable");
      }
      const text = this.post("Debugger.getScriptSource", { scriptId: id })["scriptSource"] as string;
      const url = this.urls.get(id) ?? "", name = url.startsWith("file:") ? fileURLToPath(url.replace(/[?#].*$/, "")) : url || "<source>";
      const remap = inlineSourceMap(text, name), disk = remap ? undefined : this.disk(name);
      // Type stripping blanks types out: positions are those of the file, whose own text is the better one to show.
      const file = disk && blanked(text, disk.text) ? disk : { name, text };
      const made = { file, text, ...(remap ? { remap } : {}) };
      this.scripts.set(id, made);
      return made;
    } catch { return undefined; }
  }
}

/** The offset of a function's text around the place that V8 calls its start (its parameter list). */
function offsetAt(whole: string, at: Location, text: string): number | undefined {
  let line = 0, start = 0;
  while (line < at.lineNumber) {
    const next = nextLine(whole, start);
    if (next < 0) return undefined;
    start = next;
    line++;
  }
  const place = start + at.columnNumber, offset = whole.lastIndexOf(text, place);
  return offset >= 0 && offset + text.length >= place ? offset : undefined;
}
/** Lines as V8 counts them. */
function nextLine(s: string, from: number): number {
  for (let i = from; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c === 10 || c === 0x2028 || c === 0x2029) return i + 1;
    if (c === 13) return s.charCodeAt(i + 1) === 10 ? i + 2 : i + 1;
  }
  return -1;
}
function onlyPlace(whole: string, text: string): number | undefined {
  const first = whole.indexOf(text);
  return first >= 0 && whole.indexOf(text, first + 1) < 0 ? first : undefined;
}

function readIfThere(path: string): SourceFile | undefined {
  try { return { name: path, text: readFileSync(path, "utf8") }; } catch { return undefined; }
}

/** The files of the calls in progress, and the main one. */
function runningFiles(): Set<string> {
  const files = new Set<string>();
  const limit = Error.stackTraceLimit, prepare = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  try {
    Error.stackTraceLimit = 50;
    Error.prepareStackTrace = (_, frames) => frames.map((f) => f.getFileName());
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder);
    for (const name of (holder.stack ?? []) as (string | null | undefined)[]) {
      if (!name || name.startsWith("node:")) continue;
      files.add(name.startsWith("file:") ? fileURLToPath(name.replace(/[?#].*$/, "")) : name);
    }
  } catch { /* whoever else prepares stack traces has the last word */ } finally {
    Error.stackTraceLimit = limit;
    if (prepare) Object.defineProperty(Error, "prepareStackTrace", prepare); else Reflect.deleteProperty(Error, "prepareStackTrace");
  }
  if (process.argv[1] !== undefined) files.add(process.argv[1]);
  files.delete(__filename);
  return files;
}

/** CommonJS modules of the program that asks, the last ones first; not so many that reading them costs more than asking. */
function loadedFiles(): string[] {
  const own = __dirname.replace(/frontend[\\/]javascript$/, "");
  const paths = Object.keys(require.cache).filter((p) => !p.startsWith(own) && !/[\\/]node_modules[\\/]/.test(p) && /\.[cm]?[jt]sx?$/.test(p));
  return paths.slice(-32).reverse();
}

/** `text` is `original` with some characters turned into blanks (and perhaps a comment after its end). */
function blanked(text: string, original: string): boolean {
  if (text.length < original.length) return false;
  for (let i = 0; i < original.length; i++) {
    const c = text[i]!;
    if (c !== original[i] && c !== " " && c !== ";") return false;
  }
  return true;
}
