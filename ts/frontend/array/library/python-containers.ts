/**
 * Methods of Python's lists and dictionaries. These live in the compiler: a list grows where every run grows it equally (the evaluator refuses the rest), and what it holds
 * has a settled value.
 */
import type { SourceLoc } from "../../../base/errors.js";
import { int } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { append, arrayOfGrown, taken } from "../grown.js";
import { define, defineMethod, methodNamed, type Handler } from "../registry.js";
import { settled } from "../store.js";
import { constantOf, describe, integerOf, listValue, NONE, stringValue, tupleValue, isArray, shapeOf, type ClassValue, type GrownValue, type TupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";

function position(ctx: Lowering, v: Value, length: number, loc: SourceLoc, what: string): number {
  const i = integerOf(v)?.constant;
  if (i === undefined) return ctx.unsupported(`${what} at an index that is known only when the program runs`, loc, "use an array");
  return i < 0 ? i + length : i;
}
/** A method of lists; of anything else it is what it was before, or refused. */
function listMethod(name: string, f: (ctx: Lowering, l: TupleValue, args: readonly Value[], loc: SourceLoc) => Value): void {
  const other = methodNamed("python", name);
  const handler: Handler = (ctx, args, keywords, loc) => {
    const [self, ...rest] = args;
    if (self?.kind === "list") { if (name !== "index") ctx.changing(self, loc); return f(ctx, self, rest, loc); }
    if (self?.kind === "grown") return grownMethod(ctx, self, name, rest, loc);
    if (other) return other(ctx, args, keywords, loc);
    return ctx.unsupported(`the method ${name} of ${describe(self!)}`, loc, "allocate an array of the final size and fill it");
  };
  defineMethod("python", name, handler, { impure: true });
}
/** The same for lists that loops make longer. */
function grownMethod(ctx: Lowering, g: GrownValue, name: string, args: readonly Value[], loc: SourceLoc): Value {
  switch (name) {
    case "append": append(ctx, g, one(ctx, name, args, loc), loc); return NONE;
    case "extend": {
      const more = one(ctx, name, args, loc), n = isArray(more) ? shapeOf(more)[0]?.constant : more.kind === "sequence" ? more.length.constant : undefined;
      if (more.kind === "list" || more.kind === "tuple") for (const x of more.items) append(ctx, g, x, loc);
      else if (n !== undefined && more.kind === "sequence") for (let i = 0; i < n; i++) append(ctx, g, more.at(int(i)), loc);
      else return ctx.unsupported(`extending a list by ${describe(more)} in a loop`, loc, "append its elements in a loop");
      return NONE;
    }
    case "pop": {
      const at = args.length === 0 ? -1 : integerOf(args[0]!)?.constant;
      if (at === 0 || at === -1) return taken(ctx, g, at === 0, loc);
      return ctx.unsupported("taking an element out of the middle of a list that grows or shrinks in a loop", loc, "use pop() or pop(0)");
    }
    case "copy": return arrayOfGrown(ctx, g, loc);
    default: return ctx.unsupported(`${name} of a list that grows in a loop`, loc, "only append to it, and make an array of it when it is complete: np.array(l)[::-1] is reversed");
  }
}
const one = (ctx: Lowering, name: string, args: readonly Value[], loc: SourceLoc): Value => (args.length === 1 ? args[0]! : ctx.fail("ARGUMENT", `${name} takes one argument, ${args.length} given`, loc));

listMethod("append", (ctx, l, args, loc) => { l.items.push(settled(ctx, one(ctx, "append", args, loc), loc)); return NONE; });
listMethod("extend", (ctx, l, args, loc) => {
  const more = one(ctx, "extend", args, loc);
  if (more.kind === "list" || more.kind === "tuple") { l.items.push(...more.items.map((v) => settled(ctx, v, loc))); return NONE; }
  const n = more.kind === "sequence" ? more.length.constant : undefined;
  if (more.kind !== "sequence" || n === undefined) return ctx.unsupported(`extend by ${describe(more)}`, loc, "use np.concatenate");
  for (let i = 0; i < n; i++) l.items.push(settled(ctx, more.at(int(i)), loc));
  return NONE;
});
listMethod("insert", (ctx, l, args, loc) => {
  if (args.length !== 2) return ctx.fail("ARGUMENT", `insert takes two arguments, ${args.length} given`, loc);
  l.items.splice(Math.max(0, position(ctx, args[0]!, l.items.length, loc, "insert")), 0, settled(ctx, args[1]!, loc));
  return NONE;
});
listMethod("pop", (ctx, l, args, loc) => {
  const at = args.length === 0 ? l.items.length - 1 : position(ctx, args[0]!, l.items.length, loc, "pop");
  if (at < 0 || at >= l.items.length) return ctx.fail("BOUNDS", l.items.length === 0 ? "pop from an empty list" : "pop index out of range", loc);
  return l.items.splice(at, 1)[0]!;
});
listMethod("reverse", (_ctx, l) => { l.items.reverse(); return NONE; });
listMethod("clear", (_ctx, l) => { l.items.length = 0; return NONE; });
listMethod("index", (ctx, l, args, loc) => {
  const want = constantOf(one(ctx, "index", args, loc)), at = l.items.findIndex((x) => constantOf(x) === want);
  if (want === undefined || l.items.some((x) => constantOf(x) === undefined)) return ctx.unsupported("index of what is known only when the program runs", loc, "search in a loop");
  return at < 0 ? ctx.fail("ARGUMENT", `${String(want)} is not in list`, loc) : ctx.int(at);
});

// ---- dictionaries with string keys
/** dict(a=1), dict(d), dict of pairs. */
define("dict", (ctx, args, keywords, loc) => {
  const entries = new Map<string, Value>(), [from] = args;
  if (from?.kind === "object") for (const [k, v] of from.entries) entries.set(k, v.kind === "array" && v.dims.length === 0 ? settled(ctx, { kind: "scalar", dtype: v.dtype, weak: false, code: ctx.read(v.data, v.base) }, loc) : v);
  else if (from?.kind === "list" || from?.kind === "tuple") for (const x of from.items) {
    const [key, value] = x.kind === "tuple" || x.kind === "list" ? x.items : [];
    if (key?.kind !== "string" || !value) return ctx.unsupported("a dictionary whose keys are not strings that are known when the program is compiled", loc, "use variables, tuples or arrays");
    entries.set(key.value, settled(ctx, value, loc));
  } else if (from) return ctx.unsupported(`a dictionary of ${describe(from)}`, loc, "use variables, tuples or arrays");
  for (const [k, v] of keywords) entries.set(k, settled(ctx, v, loc));
  return { kind: "object", entries };
});
/** The fields of an instance of a data class or a named tuple. */
function fields(ctx: Lowering, v: Value | undefined, what: string, loc: SourceLoc): { readonly cls: ClassValue; readonly entries: Map<string, Value> } {
  const cls = v?.kind === "object" ? v.cls : v?.kind === "tuple" ? v.record?.cls : undefined;
  if (!v || !cls || cls.def.fields.length === 0) return ctx.fail("TYPE", `${what} of ${v ? describe(v) : "nothing"}, which is no data class or named tuple`, loc);
  return { cls, entries: new Map(cls.def.fields.flatMap((n): (readonly [string, Value])[] => { const x = v.kind === "object" ? v.entries.get(n) : v.kind === "tuple" ? v.items[v.record!.names.indexOf(n)] : undefined; return x ? [[n, number(ctx, x)]] : []; })) };
}
/** What a field holds: a number may have moved to a container. */
const number = (ctx: Lowering, v: Value): Value => (v.kind === "array" && v.dims.length === 0 ? { kind: "scalar", dtype: v.dtype, weak: false, code: ctx.read(v.data, v.base) } : v);
function replaced(ctx: Lowering, args: readonly Value[], keywords: ReadonlyMap<string, Value>, loc: SourceLoc): Value {
  const { cls, entries } = fields(ctx, args[0], "replacing fields", loc);
  return ctx.call(cls, [], new Map([...entries, ...keywords]), loc);
}
define("dataclasses.replace", replaced);
defineMethod("python", "_replace", replaced);
const asDictionary = (ctx: Lowering, args: readonly Value[], _keywords: ReadonlyMap<string, Value>, loc: SourceLoc): Value => ({ kind: "object", entries: new Map([...fields(ctx, args[0], "a dictionary", loc).entries].map(([k, v]) => [k, settled(ctx, v, loc)])) });
define("dataclasses.asdict", asDictionary);
defineMethod("python", "_asdict", asDictionary);
define("dataclasses.astuple", (ctx, args, _keywords, loc) => tupleValue([...fields(ctx, args[0], "a tuple", loc).entries.values()]));
for (const name of ["keys", "values", "items", "get"] as const) defineMethod("python", name, (ctx, args, keywords, loc) => {
  const d = args[0]!;
  if (d.kind !== "object") return ctx.unsupported(`the method ${name} of ${describe(d)}`, loc);
  const of = (v: Value): Value => (v.kind === "array" && v.dims.length === 0 ? { kind: "scalar", dtype: v.dtype, weak: false, code: ctx.read(v.data, v.base) } : v);
  switch (name) {
    case "keys": return listValue([...d.entries.keys()].map(stringValue));
    case "values": return listValue([...d.entries.values()].map(of));
    case "items": return listValue([...d.entries].map(([k, v]) => tupleValue([stringValue(k), of(v)])));
    case "get": {
      const b = bind(ctx, "get", "self key default?", args, keywords, loc), key = b.need("key");
      if (key.kind !== "string") return ctx.unsupported("a key that is no string", loc);
      const v = d.entries.get(key.value);
      return v ? of(v) : b.get("default") ?? NONE;
    }
  }
});
