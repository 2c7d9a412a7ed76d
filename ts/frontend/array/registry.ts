/**
 * The table of library functions, methods and attributes. A handler gets evaluated arguments and gives a value; it works through
 * `Lowering` and the helpers of elementwise.ts, reduce.ts, arrays.ts, matmul.ts and arguments.ts. Names are those of `ast.Expr` kind
 * "library": "np.sum", "math.sqrt", "Math.exp", "range", "Float64Array".
 */
import type { SourceLoc } from "../../base/errors.js";
import type { Lowering } from "./context.js";
import type { Value } from "./value.js";

export type Keywords = ReadonlyMap<string, Value>;
export type Handler = (ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc) => Value;
/** Gives the attribute's value, or undefined if this kind of value has no such attribute. */
export type AttributeHandler = (ctx: Lowering, self: Value, loc: SourceLoc) => Value | undefined;
export type Language = "python" | "javascript";

const FUNCTIONS = new Map<string, Handler>();
/** Library names that are values rather than functions: "np.pi", "Infinity", "np.float64". */
const CONSTANTS = new Map<string, Value>();
const METHODS = new Map<string, Handler>();
const ATTRIBUTES = new Map<string, AttributeHandler>();
/** Functions that may write to an argument or have another side effect: earlier operands are pinned before they run. */
const IMPURE = new Set<string>();
/** Names that have a handler only to say what to write instead. */
const REFUSED = new Set<string>();

export function define(name: string | readonly string[], handler: Handler, options: { readonly impure?: boolean; readonly refused?: boolean } = {}): void {
  for (const n of typeof name === "string" ? [name] : name) { FUNCTIONS.set(n, handler); if (options.impure) IMPURE.add(n); if (options.refused) REFUSED.add(n); }
}
export function defineConstant(name: string, value: Value): void { CONSTANTS.set(name, value); }
/** A method: the receiver is args[0]. One handler per language and name; it looks at the receiver's kind itself. */
export function defineMethod(language: Language, name: string | readonly string[], handler: Handler, options: { readonly impure?: boolean; readonly refused?: boolean } = {}): void {
  for (const n of typeof name === "string" ? [name] : name) { METHODS.set(`${language}.${n}`, handler); if (options.impure) IMPURE.add(`.${n}`); if (options.refused) REFUSED.add(`${language}.${n}`); else REFUSED.delete(`${language}.${n}`); }
}
export function defineAttribute(language: Language, name: string, handler: AttributeHandler): void { ATTRIBUTES.set(`${language}.${name}`, handler); }

export function functionNamed(name: string): Handler | undefined { return FUNCTIONS.get(name); }
export function constantNamed(name: string): Value | undefined { return CONSTANTS.get(name); }
export function methodNamed(language: Language, name: string): Handler | undefined { return METHODS.get(`${language}.${name}`); }
export function attributeNamed(language: Language, name: string): AttributeHandler | undefined { return ATTRIBUTES.get(`${language}.${name}`); }
/** Whether a library function (by name) or any method of a name (".fill") may write. */
export function isImpure(name: string): boolean { return IMPURE.has(name); }
/** Names that a program can write (not those that only the library uses). */
export function knownNames(): string[] { return [...FUNCTIONS.keys(), ...CONSTANTS.keys()].filter((n) => !n.startsWith("%") && !n.endsWith("[]") && !REFUSED.has(n)); }
/** Names of a language's methods and attributes, sorted. */
export function knownMethods(language: Language): string[] { return ofLanguage(METHODS, language); }
export function knownAttributes(language: Language): string[] { return ofLanguage(ATTRIBUTES, language); }
function ofLanguage(table: ReadonlyMap<string, unknown>, language: Language): string[] { return [...table.keys()].filter((k) => k.startsWith(`${language}.`) && !REFUSED.has(k)).map((k) => k.slice(language.length + 1)).filter((k) => !k.startsWith("%")).sort(); }
