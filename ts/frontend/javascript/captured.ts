/** Live functions: their trees, and what the names free in them mean in a program. */
import type { SourceLoc } from "../../base/errors.js";
import { isPlain, missing, PROGRAM, type Closures, type Found } from "./closure.js";
import { globalName, nativeName } from "./library-names.js";
import { isClass } from "./classes.js";
import { classWrapper } from "./nodes.js";
import { parseClass, parseFunction } from "./parse.js";
import type { ProgramBuilder } from "./program.js";
import { SourceText } from "./source.js";
import { fromLibrary, Unit, type Environment, type Static } from "./unit.js";

export class Captures {
  private readonly units = new Map<unknown, Unit | Static>();
  constructor(readonly builder: ProgramBuilder, readonly closures: Closures) {}

  /** The unit of a function, or why there is none. */
  unit(fn: (...args: never[]) => unknown, name: string): Unit | Static {
    let made = this.units.get(fn);
    if (!made) this.units.set(fn, made = this.make(fn, name));
    return made;
  }
  private make(fn: (...args: never[]) => unknown, name: string): Unit | Static {
    const { text, place } = this.closures.source(fn), shown = fn.name || name || "the function";
    if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
      return shown.startsWith("bound ") ? missing("SOURCE_UNAVAILABLE", `the source of the bound function ${shown.slice(6)} is not available`, "pass the function itself, and its arguments as arguments")
        : missing("SOURCE_UNAVAILABLE", `the source of the built-in function ${shown} is not available`, "write the computation out, or use Math and typed arrays");
    }
    const file = place?.file ?? { name: `<function ${shown}>`, text };
    if (/^class\b/.test(text)) {
      const { node, text: source } = parseClass(text, (shift) => new SourceText(file, shift + (place?.offset ?? 0), place?.remap));
      const unit = new Unit(this.builder, source, classWrapper(node), new CapturedEnvironment(this, fn), shown);
      this.builder.register(unit);
      return unit;
    }
    const { node, text: source } = parseFunction(text, (shift) => new SourceText(file, shift + (place?.offset ?? 0), place?.remap));
    if (!node) return missing("UNSUPPORTED", `${shown} is not an ordinary function`, "use a function, an arrow function or a method");
    if ((node.type === "ObjectMethod" || node.type === "ClassMethod") && node.kind !== "method") return missing("UNSUPPORTED", `a ${node.kind}ter`, "use a function");
    const unit = new Unit(this.builder, source, node, new CapturedEnvironment(this, fn), name || fn.name || "anonymous");
    this.builder.register(unit);
    return unit;
  }

  means(f: Found, path: string): Static { return f.kind === "value" ? this.static(f.value, path) : f.kind === "global" ? fromLibrary(globalName(f.name)!) : f; }
  /** What a captured value means in a program. */
  static(value: unknown, path: string): Static {
    if (typeof value === "function") {
      const library = nativeName(value);
      if (library !== undefined) return { kind: "library", name: library };
      if ((value as { [PROGRAM]?: unknown })[PROGRAM] !== undefined) return missing("UNSUPPORTED", `${path} is a compiled program or derivative; calling it inside a program is not supported`, "call the plain function");
      const u = this.unit(value as (...args: never[]) => unknown, (value as { name: string }).name || path);
      return !(u instanceof Unit) ? u : isClass(u) ? { kind: "class", unit: u } : { kind: "function", unit: u };
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
  constructor(private readonly captures: Captures, private readonly fn: (...args: never[]) => unknown) {}
  lookup(name: string, _at: SourceLoc): Static { return this.captures.means(this.captures.closures.name(this.fn, name), name); }
  extended(name: string): Static { return this.captures.means(this.captures.closures.extended(this.fn), name); }
  initialiser(): undefined { return undefined; }
  member(value: unknown, key: string, path: string): Static {
    const f = this.captures.closures.member(value as object, key, path);
    return f.kind === "value" && f.value === undefined ? { kind: "value", value: undefined, path } : this.captures.means(f, path);
  }
}
