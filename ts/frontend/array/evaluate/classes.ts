/**
 * Classes and their instances. An instance is an object; one of a class whose instances the program never changes is a tuple of its fields, which may be bound
 * anew in loops and arms like any other tuple.
 */
import type { SourceLoc } from "../../../base/errors.js";
import type * as ast from "../ast.js";
import { type ClassValue, type FunctionValue, type MethodValue, type ObjectValue, type Value, describe } from "../value.js";
import { callValue } from "./calls.js";
import type { Evaluator } from "./evaluator.js";
import { evaluate } from "./expressions.js";
import { fieldValue } from "./mutables.js";
import { lookup, settle } from "./variables.js";

const NO_KEYWORDS: ReadonlyMap<string, Value> = new Map();

export function classValue(ev: Evaluator, def: ast.ClassDef): ClassValue {
  ev.ctx.frames.push({ def: undefined, vars: new Map(), parent: undefined, key: `class ${def.name}` });
  try {
    const base = def.base && evaluate(ev, def.base);
    if (base && base.kind !== "class") return ev.ctx.unsupported(`a class that extends ${describe(base)}`, def.loc);
    const constants = new Map<string, Value>();
    for (const [k, e] of def.constants) constants.set(k, settle(ev, evaluate(ev, e), def.loc, k));
    const cls: ClassValue = { kind: "class", def, constants, ...(base ? { base } : {}) };
    for (const m of def.methods.values()) ev.owners.set(m.def, cls);
    return cls;
  } finally { ev.ctx.frames.pop(); }
}

function methodOf(cls: ClassValue, name: string): ast.Method | undefined { return cls.def.methods.get(name) ?? (cls.base && methodOf(cls.base, name)); }
function constantOf(cls: ClassValue, name: string): Value | undefined { return cls.constants.get(name) ?? (cls.base && constantOf(cls.base, name)); }
function isTuple(cls: ClassValue): boolean { return (cls.def.tuple ?? false) || (cls.base !== undefined && isTuple(cls.base)); }
/** `cls` is `of`, or extends it. */
export function extendsClass(cls: ClassValue, of: ClassValue): boolean { return cls.def === of.def || (cls.base !== undefined && extendsClass(cls.base, of)); }
/** The class of an instance. */
export function classOf(v: Value): ClassValue | undefined { return v.kind === "object" ? v.cls : v.kind === "tuple" ? v.record?.cls : undefined; }

function bound(m: ast.Method, self: Value | undefined, cls: ClassValue): FunctionValue {
  const first = m.kind === "class" ? cls : m.kind === "static" ? undefined : self;
  return { kind: "function", def: m.def, scope: undefined, ...(first ? { self: first } : {}) };
}
/** What the class has by that name, for an instance or (without one) for itself. */
export function memberOf(ev: Evaluator, cls: ClassValue, name: string, self: Value | undefined, loc?: SourceLoc): Value | MethodValue | undefined {
  const m = methodOf(cls, name);
  if (m) return m.kind === "property" && self && loc ? callValue(ev, bound(m, self, cls), [], NO_KEYWORDS, loc) : bound(m, self, cls);
  const c = constantOf(cls, name);
  if (c) return c;
  if (name === "__class__" && self) return cls;
  if (isTuple(cls) && self && /^(_replace|_asdict|count|index)$/.test(name)) return { kind: "method", self, name };
  return undefined;
}
/** An instance's own method of a name with a meaning for the language. */
export function special(_ev: Evaluator, v: Value, name: string): FunctionValue | undefined {
  const cls = classOf(v), m = cls && methodOf(cls, name);
  return m ? bound(m, v, cls) : undefined;
}

const BINARY: Readonly<Record<string, string>> = { "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul" };
const COMPARE: Readonly<Record<string, string>> = { "==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__" };
/** An operation that a class of an operand defines; undefined where none does. */
export function overloaded(ev: Evaluator, op: string, operands: readonly Value[], loc: SourceLoc): Value | undefined {
  // JavaScript has no operators of a class.
  if (ev.ctx.language === "javascript") return undefined;
  const [a, b] = operands, own = classOf(a!), other = b && classOf(b);
  if (!own && !other) return undefined;
  const name = op in BINARY ? `__${BINARY[op]}__` : COMPARE[op] ?? op, f = own && special(ev, a!, name);
  if (f) return callValue(ev, f, operands.slice(1), NO_KEYWORDS, loc);
  const reversed = op in BINARY && other ? special(ev, b, `__r${BINARY[op]}__`) : undefined;
  if (reversed) return callValue(ev, reversed, [a!], NO_KEYWORDS, loc);
  if ((own && isTuple(own)) || (!own && other && isTuple(other)) || op === "is" || op === "isnot" || op === "") return undefined;
  if (/^(in|notin)$/.test(op) && !own) return undefined;
  // What two objects of one data class are equal by.
  if (op === "==" && own?.def === other?.def && a!.kind === "tuple" && own!.def.fields.length > 0) return undefined;
  return ev.ctx.unsupported(`${op in BINARY || op in COMPARE ? op : name} of ${describe(own ? a! : b!)}`, loc, `give the class a method ${name}`);
}

/** Makes an instance. */
export function instantiate(ev: Evaluator, cls: ClassValue, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc): Value {
  const { ctx } = ev, make = methodOf(cls, "__new__");
  if (make) {
    const items = callValue(ev, bound(make, undefined, cls), args, keywords, loc);
    return items.kind === "tuple" ? { ...items, record: { cls, names: make.def.params.map((p) => p.name) } } : ctx.unsupported(`an instance of ${cls.def.name} that is ${describe(items)}`, loc);
  }
  const self: ObjectValue = { kind: "object", entries: new Map(), cls }, init = methodOf(cls, "__init__");
  if (init) callValue(ev, bound(init, self, cls), args, keywords, loc);
  else if (args.length + keywords.size > 0 && ctx.language === "python") ctx.fail("ARGUMENT", `${cls.def.name} takes no arguments`, loc);
  if (!isFixed(cls)) return self;
  const names = [...self.entries.keys()];
  return { kind: "tuple", items: names.map((n) => settle(ev, fieldValue(ctx, self, n)!, loc, n)), record: { cls, names } };
}
function isFixed(cls: ClassValue): boolean { return cls.def.fixed && (!cls.base || isFixed(cls.base)); }

/** The method that `super().name(…)` calls. */
export function superMethod(ev: Evaluator, e: ast.Expr & { kind: "call" }): FunctionValue | undefined {
  const { callee } = e;
  if (callee.kind !== "attribute" || callee.object.kind !== "call" || callee.object.callee.kind !== "library" || callee.object.callee.name !== "super") return undefined;
  const def = ev.frame.def, cls = def && ev.owners.get(def), first = def?.params[0]?.name;
  if (!cls || first === undefined) return ev.ctx.unsupported("super() here", e.loc, "name the class");
  const m = cls.base && methodOf(cls.base, callee.name), self = lookup(ev, first, e.loc);
  // An ordinary object is made of nothing.
  if (!m && callee.name === "__init__") return { kind: "function", def: { name: "__init__", params: [], body: [], locals: new Set(), loc: e.loc }, scope: undefined };
  if (!m) return ev.ctx.fail("TYPE", `${cls.def.name} extends nothing that has ${callee.name}`, e.loc);
  return bound(m, self, cls);
}
