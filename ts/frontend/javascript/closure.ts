/**
 * What the names that are free in live functions are bound to: looked up once each, so that captures are read once, at the first call. The look-ups are logged: done again
 * in another process, without parsing anything, they tell whether the functions and all that they capture are the same. This module loads no parser.
 */
import { createHash } from "node:crypto";
import { globalName, nativeName } from "./library-names.js";
import { Inspector, type Place, type Scope } from "./inspect.js";

/** The Program behind a callable made by a verb (ts/api). */
export const PROGRAM = Symbol.for("dace-ad-native.program");

type Fn = (...args: never[]) => unknown;
export interface Missing { readonly kind: "missing"; readonly code: "UNSUPPORTED" | "CAPTURE" | "SOURCE_UNAVAILABLE"; readonly message: string; readonly hint?: string }
export type Found = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "global"; readonly name: string } | Missing;

/** A look-up: a free name of function `of`; a property of object `of`; the class that class `of` extends; the text and place of function `of`; the content of object `of`. Objects are numbered as they turn up. */
export type Lookup = readonly ["name", of: number, name: string] | readonly ["member", of: number, key: string, path: string] | readonly ["text", of: number] | readonly ["content", of: number] | readonly ["extends", of: number];

export const missing = (code: Missing["code"], message: string, hint?: string): Missing => ({ kind: "missing", code, message, ...(hint !== undefined ? { hint } : {}) });

export class Closures {
  readonly log: Lookup[] = [];
  private readonly found = new Map<string, Found>();
  private readonly texts = new Map<number, { readonly text: string; readonly place: Place | undefined }>();
  private readonly contents = new Map<number, unknown>();
  private readonly numbers = new Map<unknown, number>();
  private readonly objects: object[] = [];
  private readonly chains = new Map<Fn, readonly Scope[] | undefined>();
  private inspector = new Inspector();
  constructor(readonly given: Readonly<Record<string, unknown>>) {}

  /** Lets go of the debugger's protocol; what was found stays. */
  close(): void { this.inspector.close(); this.inspector = new Inspector(); this.chains.clear(); }

  private number(x: object): number {
    let n = this.numbers.get(x);
    if (n === undefined) { n = this.objects.length; this.numbers.set(x, n); this.objects.push(x); }
    return n;
  }
  private once(op: Lookup, find: () => Found): Found {
    const key = JSON.stringify(op);
    let f = this.found.get(key);
    if (!f) {
      f = find();
      if (f.kind === "value" && ((typeof f.value === "object" && f.value !== null) || typeof f.value === "function")) this.number(f.value);
      this.found.set(key, f);
      this.log.push(op);
    }
    return f;
  }

  /** A function's text, and where it stands. */
  source(fn: Fn): { readonly text: string; readonly place: Place | undefined } {
    const n = this.number(fn);
    let s = this.texts.get(n);
    if (!s) {
      const text = Function.prototype.toString.call(fn);
      this.texts.set(n, s = { text, place: this.inspector.place(fn, text) });
      this.log.push(["text", n]);
    }
    return s;
  }
  name(fn: Fn, name: string): Found { return this.once(["name", this.number(fn), name], () => this.lookUp(fn, name)); }
  member(object: object, key: string, path: string): Found {
    return this.once(["member", this.number(object), key, path], () => {
      const d = Object.getOwnPropertyDescriptor(object, key);
      if (!d) return key in object ? missing("UNSUPPORTED", `${path} is a method of all objects`) : { kind: "value", value: undefined };
      // Build tools export through getters; other getters may compute anything.
      const module = Object.hasOwn(object, "__esModule") || Object.prototype.toString.call(object) === "[object Module]";
      if (d.get && !module) return missing("UNSUPPORTED", `${path} is a getter`, "use a plain property");
      try { return { kind: "value", value: (object as Record<string, unknown>)[key] }; } catch { return missing("CAPTURE", `${path} has no value yet`, "call the program after the declaration has run"); }
    });
  }
  /** The class that a class extends: V8 keeps no name of it. */
  extended(cls: Fn): Found {
    return this.once(["extends", this.number(cls)], () => { const base = Object.getPrototypeOf(cls) as unknown; return typeof base === "function" && base !== Function.prototype ? { kind: "value", value: base } : missing("UNSUPPORTED", "a class that extends null"); });
  }
  /** The program takes an object with all that it holds: as it is at the first look. */
  content(object: object): unknown {
    const n = this.number(object);
    if (!this.contents.has(n)) { this.contents.set(n, snapshot(object)); this.log.push(["content", n]); }
    return this.contents.get(n);
  }

  private lookUp(fn: Fn, name: string): Found {
    const { given, inspector } = this;
    if (Object.hasOwn(given, name)) return { kind: "value", value: given[name] };
    if (!this.chains.has(fn)) this.chains.set(fn, inspector.scopes(fn));
    const chain = this.chains.get(fn), hint = `pass { captures: { ${name} } }`;
    if (!chain) {
      const g = globalName(name);
      if (g && g.kind !== "refused") return { kind: "global", name };
      if (Object.hasOwn(globalThis, name) && g === undefined) return { kind: "value", value: (globalThis as Record<string, unknown>)[name] };
      return missing("CAPTURE", `the value of ${name} cannot be read from the function${inspector.refused === undefined ? "" : ` (${inspector.refused.split("\n")[0]!})`}`, hint);
    }
    for (const s of chain) {
      if (s.name === "Global" || !Object.hasOwn(s.values, name)) continue;
      let value: unknown;
      try { value = s.values[name]; } catch { return missing("CAPTURE", `${name} has no value yet`, "call the program after the declaration has run"); }
      // A variable before its declaration looks like this too.
      if (value === undefined) return missing("CAPTURE", `${name} has no value (yet)`, "call the program after the declaration has run");
      // Its name is not one that it gave itself inside.
      const declared = !/^(?:async\s+)?function\b/.test(Function.prototype.toString.call(fn));
      if (name === fn.name && value !== fn && !declared) return missing("CAPTURE", `${name} may mean the function itself or another one`, hint);
      return { kind: "value", value };
    }
    if (name === fn.name) return { kind: "value", value: fn };
    const g = globalName(name);
    if (g && !(g.kind === "refused" && g.hint === undefined)) return { kind: "global", name };
    const global: Record<string, unknown> = chain.find((s) => s.name === "Global")?.values ?? { ...globalThis };
    if (name in global) return { kind: "value", value: global[name] };
    return missing("CAPTURE", `${name} is not defined, or its value cannot be read`, hint);
  }

  /** Where the log of a function is kept. */
  placeKey(fn: Fn): string {
    const { text, place } = this.source(fn);
    return createHash("sha256").update(JSON.stringify([text, fn.name, place?.file.name, place?.offset, Object.keys(this.given).sort()])).digest("hex");
  }

  /** Does the look-ups of a log, and gives a digest of all that was found; undefined where they cannot be done, or where something was found that has no text. */
  digest(fn: Fn, log: readonly Lookup[]): string | undefined {
    this.number(fn);
    const hash = createHash("sha256");
    for (const op of log) {
      const object = this.objects[op[1]];
      if (object === undefined) return undefined;
      let text: string | undefined;
      switch (op[0]) {
        case "text": {
          if (typeof object !== "function") return undefined;
          const { text: t, place } = this.source(object as Fn);
          text = JSON.stringify([t, object.name, place?.file.name, place?.offset, place?.file.text]);
          break;
        }
        case "name": if (typeof object !== "function") return undefined; text = this.describe(this.name(object as Fn, op[2])); break;
        case "member": text = this.describe(this.member(object, op[2], op[3])); break;
        case "extends": if (typeof object !== "function") return undefined; text = this.describe(this.extended(object as Fn)); break;
        case "content": text = plainText(this.content(object)); break;
      }
      if (text === undefined) return undefined;
      hash.update(`${op[0]}\0${text}\0`);
    }
    return hash.digest("hex");
  }
  private describe(f: Found): string | undefined {
    if (f.kind !== "value") return JSON.stringify(f);
    const v = f.value;
    if (typeof v === "function") return `function ${this.number(v)} ${JSON.stringify([v.name, nativeName(v), PROGRAM in v])}`;
    if (typeof v !== "object" || v === null) return typeof v === "symbol" ? undefined : plainText(v);
    const proto = Object.getPrototypeOf(v) as { constructor?: { name?: string } } | null;
    return `object ${this.number(v)} ${JSON.stringify([Object.prototype.toString.call(v), proto?.constructor?.name, isPlain(v), v === Math, v === globalThis])}${Array.isArray(v) ? plainText(v) ?? "" : ""}`;
  }
}

/** A plain object or module namespace: its properties are constants of the program. */
export function isPlain(v: unknown): v is Record<string, unknown> {
  if (typeof v !== "object" || v === null || Array.isArray(v) || ArrayBuffer.isView(v)) return false;
  const p = Object.getPrototypeOf(v) as object | null;
  return p === null || p === Object.prototype || (Object.getPrototypeOf(p) === null && Object.hasOwn(p, "hasOwnProperty"));
}

/** Plain containers as they are now; typed arrays and their like by reference. */
function snapshot(v: unknown): unknown {
  if (Array.isArray(v)) return Array.from(v, snapshot);
  if (isPlain(v) && !ArrayBuffer.isView(v["data"])) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, snapshot(x)]));
  return v;
}

/** A captured value as text; undefined where it holds anything but numbers, booleans, strings and plain containers of these. */
export function plainText(v: unknown): string | undefined {
  if (v === null || v === undefined || typeof v === "number" || typeof v === "boolean") return Object.is(v, -0) ? "-0" : String(v);
  if (typeof v === "bigint") return `${v}n`;
  if (typeof v === "string") return JSON.stringify(v);
  if (Array.isArray(v)) { const parts = Array.from(v, plainText); return parts.includes(undefined) ? undefined : `[${parts.join(",")}]`; }
  if (typeof v === "object" && isPlain(v)) {
    const parts = Object.entries(v).map(([k, x]) => { const t = plainText(x); return t === undefined ? undefined : `${JSON.stringify(k)}:${t}`; });
    return parts.includes(undefined) ? undefined : `{${parts.join(",")}}`;
  }
  return undefined;
}
