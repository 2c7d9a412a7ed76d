/** Live functions: their source, and what the names free in them mean, from the scopes they close over. */
import { DaceError, type SourceLoc } from "../../base/errors.js";
import { globalName, nativeName } from "./library-names.js";
import type { Inspector, Scope } from "./inspect.js";
import { parseFunction } from "./parse.js";
import type { ProgramBuilder } from "./program.js";
import { SourceText } from "./source.js";
import { fromLibrary, isPlain, Unit, type Environment, type Static } from "./unit.js";

/** The Program behind a callable made by a verb (ts/api). */
const PROGRAM = Symbol.for("dace-ad-native.program");

const missing = (code: "UNSUPPORTED" | "CAPTURE" | "SOURCE_UNAVAILABLE", message: string, hint?: string): Static => ({ kind: "missing", code, message, ...(hint !== undefined ? { hint } : {}) });

export class Captures {
  private readonly units = new Map<unknown, Unit | Static>();
  constructor(readonly builder: ProgramBuilder, readonly inspector: Inspector, readonly given: Readonly<Record<string, unknown>>) {}

  /** The unit of a function, or why there is none. */
  unit(fn: (...args: never[]) => unknown, name: string): Unit | Static {
    let made = this.units.get(fn);
    if (!made) this.units.set(fn, made = this.make(fn, name));
    return made;
  }
  private make(fn: (...args: never[]) => unknown, name: string): Unit | Static {
    const text = Function.prototype.toString.call(fn), shown = fn.name || name || "the function";
    if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
      return shown.startsWith("bound ") ? missing("SOURCE_UNAVAILABLE", `the source of the bound function ${shown.slice(6)} is not available`, "pass the function itself, and its arguments as arguments")
        : missing("SOURCE_UNAVAILABLE", `the source of the built-in function ${shown} is not available`, "write the computation out, or use Math and typed arrays");
    }
    if (/^class\b/.test(text)) return missing("UNSUPPORTED", `${shown} is a class`, "use functions and plain objects");
    const place = this.inspector.place(fn, text);
    const file = place?.file ?? { name: `<function ${shown}>`, text };
    const { node, text: source } = parseFunction(text, (shift) => new SourceText(file, shift + (place?.offset ?? 0), place?.remap));
    if (!node) return missing("UNSUPPORTED", `${shown} is not an ordinary function`, "use a function, an arrow function or a method");
    if ((node.type === "ObjectMethod" || node.type === "ClassMethod") && node.kind !== "method") return missing("UNSUPPORTED", `a ${node.kind}ter`, "use a function");
    const unit = new Unit(this.builder, source, node, new CapturedEnvironment(this, fn), name || fn.name || "anonymous");
    this.builder.register(unit);
    return unit;
  }

  /** What a captured value means in a program. */
  static(value: unknown, path: string): Static {
    if (typeof value === "function") {
      const library = nativeName(value);
      if (library !== undefined) return { kind: "library", name: library };
      if ((value as { [PROGRAM]?: unknown })[PROGRAM] !== undefined) return missing("UNSUPPORTED", `${path} is a compiled program or derivative; calling it inside a program is not supported`, "call the plain function");
      const u = this.unit(value as (...args: never[]) => unknown, (value as { name: string }).name || path);
      return u instanceof Unit ? { kind: "function", unit: u } : u;
    }
    if (typeof value === "symbol") return missing("UNSUPPORTED", `${path} is a symbol`);
    if (typeof value === "number" && !Number.isFinite(value)) return { kind: "constant", value };
    if (typeof value !== "object" || value === null) return { kind: "value", value, path };
    if (value === Math) return { kind: "library", name: "Math" };
    if (value === globalThis) return { kind: "library", name: "globalThis" };
    if (ArrayBuffer.isView(value)) return value instanceof DataView ? missing("UNSUPPORTED", `${path} is a DataView`, "use a typed array") : { kind: "value", value, path };
    if (Array.isArray(value) || isPlain(value) || isArrayLike(value)) return { kind: "value", value, path };
    const kind = Object.prototype.toString.call(value).slice(8, -1), name = kind === "Object" ? (value.constructor as { name?: string } | undefined)?.name ?? kind : kind;
    return missing("UNSUPPORTED", `${path} is a ${name}`, "use typed arrays, numbers and plain objects");
  }
}

/** ndarray and its like. */
function isArrayLike(v: object): boolean {
  const x = v as { data?: unknown; shape?: unknown; dims?: unknown };
  return ArrayBuffer.isView(x.data) && (Array.isArray(x.shape) || Array.isArray(x.dims) || ArrayBuffer.isView(x.shape));
}

class CapturedEnvironment implements Environment {
  private chain: readonly Scope[] | undefined | null = null;
  constructor(private readonly captures: Captures, private readonly fn: (...args: never[]) => unknown) {}
  /** Its name is not one that it gave itself inside. */
  private declared(): boolean { return !/^(?:async\s+)?function\b/.test(Function.prototype.toString.call(this.fn)); }

  lookup(name: string, _at: SourceLoc): Static {
    const { given, inspector } = this.captures;
    if (Object.hasOwn(given, name)) return this.captures.static(given[name], name);
    if (this.chain === null) this.chain = inspector.scopes(this.fn);
    const hint = `pass { captures: { ${name} } }`;
    if (!this.chain) {
      const g = globalName(name);
      if (g && g.kind !== "refused") return fromLibrary(g);
      if (Object.hasOwn(globalThis, name) && g === undefined) return this.captures.static((globalThis as Record<string, unknown>)[name], name);
      return missing("CAPTURE", `the value of ${name} cannot be read from the function${inspector.refused === undefined ? "" : ` (${inspector.refused.split("\n")[0]!})`}`, hint);
    }
    for (const s of this.chain) {
      if (s.name === "Global" || !Object.hasOwn(s.values, name)) continue;
      let value: unknown;
      try { value = s.values[name]; } catch { return missing("CAPTURE", `${name} has no value yet`, "call the program after the declaration has run"); }
      // A variable before its declaration looks like this too.
      if (value === undefined) return missing("CAPTURE", `${name} has no value (yet)`, "call the program after the declaration has run");
      if (name === this.fn.name && value !== this.fn && !this.declared()) return missing("CAPTURE", `${name} may mean the function itself or another one`, hint);
      return this.captures.static(value, name);
    }
    if (name === this.fn.name) return this.captures.static(this.fn, name);
    const g = globalName(name);
    if (g && !(g.kind === "refused" && g.hint === undefined)) return fromLibrary(g);
    const global: Record<string, unknown> = this.chain.find((s) => s.name === "Global")?.values ?? { ...globalThis };
    if (name in global) return this.captures.static(global[name], name);
    return missing("CAPTURE", `${name} is not defined, or its value cannot be read`, hint);
  }

  initialiser(): undefined { return undefined; }

  member(value: unknown, key: string, path: string): Static {
    const object = value as Record<string, unknown>, d = Object.getOwnPropertyDescriptor(object, key);
    if (!d) return key in object ? missing("UNSUPPORTED", `${path} is a method of all objects`) : { kind: "value", value: undefined, path };
    // Build tools export through getters; other getters may compute anything.
    const module = Object.hasOwn(object, "__esModule") || Object.prototype.toString.call(object) === "[object Module]";
    if (d.get && !module) return missing("UNSUPPORTED", `${path} is a getter`, "use a plain property");
    try { return this.captures.static(object[key], path); } catch (e) {
      if (e instanceof DaceError) throw e;
      return missing("CAPTURE", `${path} has no value yet`, "call the program after the declaration has run");
    }
  }
}
