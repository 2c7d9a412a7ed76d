/** JavaScript's typed arrays and arrays of numbers: construction, views, copies, in-place methods. */
import type { DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, int, min, sub, type Expr } from "../../../symbolic/expr.js";
import { entryBound } from "../bounds.js";
import type { Lowering } from "../context.js";
import { sliceRange } from "../evaluate/subscript.js";
import { append, lengthOf, taken } from "../grown.js";
import { define, defineAttribute, defineMethod, type Handler } from "../registry.js";
import { requireInt, runCheck } from "../shapes.js";
import { settled, store } from "../store.js";
import { type Arrayish, type ArrayValue, boolValue, constantOf, describe, integerOf, isArray, listValue, NONE, type ScalarValue, shapeOf, stringValue, type TupleValue, type Value } from "../value.js";
import { copied, filled, flattened } from "./arrays.js";
import { rowOf } from "./builtins.js";
import { arrayOf } from "./convert.js";
import { compare, truth } from "./elementwise.js";
import { proven } from "./integers.js";
import { toNumber } from "./javascript-operators.js";
import { spreadOf } from "./javascript-math.js";
import { concatenated } from "./joining.js";
import { codeAt } from "./operands.js";
import { zero } from "./promote.js";
import { integerCode } from "./python-operators.js";
import { reduceTo } from "./reduce.js";
import { flipped, sliced } from "./views.js";

export const TYPED: Readonly<Record<string, DType>> = {
  Float64Array: "float64", Float32Array: "float32", Int8Array: "int8", Int16Array: "int16", Int32Array: "int32", Uint8Array: "uint8", Uint16Array: "uint16", Uint32Array: "uint32", BigInt64Array: "int64", BigUint64Array: "uint64",
};

/** A value that has elements as an array of a dtype, copied. */
function fresh(ctx: Lowering, v: Value, dtype: DType | undefined, loc: SourceLoc): ArrayValue {
  if (isArray(v)) return copied(ctx, v, loc, dtype);
  if (v.kind === "list" || v.kind === "tuple" || v.kind === "sequence") { const a = arrayOf(ctx, v, loc, dtype ?? "float64"); return a.kind === "array" ? a : copied(ctx, a, loc); }
  return ctx.fail("TYPE", `an array of ${describe(v)}`, loc);
}
function sizeFrom(ctx: Lowering, v: Value, loc: SourceLoc): Expr {
  const n = requireInt(ctx, v, loc, "the length of an array");
  if (n.constant !== undefined && n.constant < 0) ctx.fail("SHAPE", `Invalid typed array length: ${n.constant}`, loc);
  return n;
}
for (const [name, dtype] of Object.entries(TYPED)) {
  define(name, (ctx, args, _keywords, loc) => {
    const v = args[0];
    if (args.length > 1) return ctx.unsupported(`new ${name} over part of a buffer`, loc, "use subarray");
    if (!v || v.kind === "none") return ctx.allocate([int(0)], dtype, "empty", loc);
    return v.kind === "scalar" ? filled(ctx, [sizeFrom(ctx, v, loc)], dtype, zero(dtype), "zeros", loc) : fresh(ctx, v, dtype, loc);
  });
  define(`${name}.of`, (ctx, args, _keywords, loc) => joinedItems(ctx, args, dtype, loc));
}
define("Uint8ClampedArray", (ctx, _args, _keywords, loc) => ctx.unsupported("Uint8ClampedArray", loc, "use Uint8Array, and clamp by hand"), { refused: true });
/** Items one after the other, arrays that were spread among them. */
function joinedItems(ctx: Lowering, args: readonly Value[], dtype: DType, loc: SourceLoc): ArrayValue {
  const parts: Arrayish[] = [];
  let run: Value[] = [];
  const flush = (): void => { if (run.length > 0) parts.push(arrayOf(ctx, listValue(run), loc, dtype)); run = []; };
  for (const a of args) { const s = spreadOf(a); if (!s) { run.push(a); continue; } flush(); parts.push(isArray(s) ? s : arrayOf(ctx, s, loc, dtype)); }
  flush();
  if (parts.length === 0) return ctx.allocate([int(0)], dtype, "empty", loc);
  const only = parts[0]!;
  return parts.length === 1 ? (only.kind === "array" && run.length === 0 && !args.some(spreadOf) ? only : copied(ctx, only, loc, dtype)) : concatenated(ctx, parts, 0, dtype, loc);
}
define("Array.of", (ctx, args, _keywords, loc) => (args.some(spreadOf) ? joinedItems(ctx, args, "float64", loc) : listValue([...args])));
define("Array", (ctx, args, _keywords, loc) => {
  if (args.length !== 1 || args[0]!.kind !== "scalar") return listValue([...args]);
  // Holes cannot be told from numbers that are not written yet.
  return filled(ctx, [sizeFrom(ctx, args[0], loc)], "float64", constant(NaN, "float64"), "array", loc);
});
define("Array.isArray", (ctx, args, _keywords, loc) => {
  const v = args[0] ?? NONE;
  if (isArray(v)) return ctx.unsupported("Array.isArray of a value that may be a typed array", loc);
  return boolValue(v.kind === "list");
});

defineAttribute("javascript", "length", (ctx, self, loc) => {
  if (isArray(self)) return shapeOf(self).length > 0 ? ctx.int(shapeOf(self)[0]!) : undefined;
  if (self.kind === "list" || self.kind === "tuple") return ctx.int(self.items.length);
  if (self.kind === "sequence") return ctx.int(self.length);
  if (self.kind === "grown") return ctx.int(lengthOf(ctx, self, loc));
  return self.kind === "string" ? ctx.int(self.value.length) : undefined;
});
defineAttribute("javascript", "BYTES_PER_ELEMENT", (ctx, self) => (isArray(self) ? ctx.int({ float64: 8, int64: 8, uint64: 8, complex64: 8, complex128: 16, float32: 4, int32: 4, uint32: 4, int16: 2, uint16: 2, int8: 1, uint8: 1, bool: 1 }[self.dtype]) : undefined));

/** Adds at the end; gives the new length. */
defineMethod("javascript", "push", (ctx, [self, ...items], _keywords, loc) => {
  if (self?.kind === "list") { ctx.changing(self, loc); self.items.push(...items.map((x) => settled(ctx, x, loc))); return ctx.int(self.items.length); }
  if (self?.kind !== "grown") return ctx.unsupported(`push to ${describe(self ?? NONE)}`, loc, "start with an empty array, or allocate it with its length");
  for (const x of items) { if (spreadOf(x)) ctx.unsupported("pushing what an array of unknown length holds", loc, "push its elements in a loop"); append(ctx, self, x, loc); }
  // Its length, where somebody asks for it.
  return ctx.int(lengthOf(ctx, self, loc));
}, { impure: true });

/** Methods that change how many elements a list has. */
const CHANGES: Readonly<Record<string, { readonly hint: string; readonly f: (ctx: Lowering, l: TupleValue, args: readonly Value[], loc: SourceLoc) => Value }>> = {
  pop: { hint: "keep a count of the elements in use", f: (_ctx, l) => l.items.pop() ?? NONE },
  shift: { hint: "keep an index of the first element in use", f: (_ctx, l) => l.items.shift() ?? NONE },
  unshift: { hint: "allocate an array of the final size", f: (ctx, l, args, loc) => { l.items.unshift(...args.map((x) => settled(ctx, x, loc))); return ctx.int(l.items.length); } },
  splice: { hint: "copy the parts with set and subarray", f: (ctx, l, [start, count, ...more], loc) => {
    const at = (v: Value): number => integerOf(v)?.constant ?? ctx.unsupported("splice at an index that is known only when the program runs", loc, "use a typed array");
    const from = start ? at(start) : 0, begin = from < 0 ? Math.max(0, l.items.length + from) : Math.min(from, l.items.length);
    return listValue(l.items.splice(begin, count ? Math.max(0, at(count)) : start ? l.items.length : 0, ...more.map((x) => settled(ctx, x, loc))));
  } },
};
for (const [name, { hint, f }] of Object.entries(CHANGES)) defineMethod("javascript", name, (ctx, [self, ...args], _keywords, loc) => {
  if (self?.kind === "list") { ctx.changing(self, loc); return f(ctx, self, args, loc); }
  if (self?.kind === "grown" && (name === "pop" || name === "shift")) return taken(ctx, self, name === "shift", loc);
  return ctx.unsupported(`the method ${name} of ${describe(self ?? NONE)}`, loc, hint);
}, { impure: true });

// ---- properties

/** In the order of the language: what looks like an index first. */
function properties(ctx: Lowering, v: Value | undefined, what: string, loc: SourceLoc): (readonly [string, Value])[] {
  if (v?.kind !== "object") return ctx.unsupported(`${what} of ${describe(v ?? NONE)}`, loc, "loop over the indices");
  const value = (x: Value): Value => (x.kind === "array" && x.dims.length === 0 ? toNumber(ctx, { kind: "scalar", dtype: x.dtype, weak: true, code: ctx.read(x.data, x.base) }, loc) : x);
  const all = [...v.entries].map(([k, x]) => [k, value(x)] as const), index = (k: string): number => (/^(0|[1-9]\d*)$/.test(k) && Number(k) < 4294967295 ? Number(k) : Infinity);
  return all.sort((a, b) => (index(a[0]) === index(b[0]) ? 0 : index(a[0]) - index(b[0])));
}
define("Object.keys", (ctx, [o], _keywords, loc) => listValue(properties(ctx, o, "the properties", loc).map(([k]) => stringValue(k))));
define("Object.values", (ctx, [o], _keywords, loc) => listValue(properties(ctx, o, "the properties", loc).map(([, x]) => x)));
define("Object.entries", (ctx, [o], _keywords, loc) => listValue(properties(ctx, o, "the properties", loc).map(([k, x]) => listValue([stringValue(k), x]))));
define("Object.freeze", (_ctx, [o]) => o ?? NONE);
/** What is left of an object without some of its properties. */
define("Object.%without", (ctx, [o, ...names], _keywords, loc) => {
  const gone = new Set(names.map((n) => (n.kind === "string" ? n.value : "")));
  return { kind: "object", entries: new Map(properties(ctx, o, "the rest", loc).filter(([k]) => !gone.has(k)).map(([k, x]) => [k, settled(ctx, x, loc)])) };
});
/** { ...a, b } */
define("Object.%merged", (ctx, parts, _keywords, loc) => {
  const entries = new Map<string, Value>();
  for (const p of parts) if (p.kind !== "none") for (const [k, x] of properties(ctx, p, "spreading", loc)) entries.set(k, settled(ctx, x, loc));
  return { kind: "object", entries };
});

// ---- parts

type Method = (ctx: Lowering, self: Arrayish, args: readonly Value[], loc: SourceLoc) => Value;
/** A method of arrays; lists have their own form, or become arrays of numbers. */
function method(name: string, f: Method, options: { readonly impure?: boolean; readonly list?: (ctx: Lowering, self: TupleValue, args: readonly Value[], loc: SourceLoc) => Value } = {}): void {
  const handler: Handler = (ctx, [self, ...args], _keywords, loc) => {
    const v = self ?? NONE;
    if (isArray(v)) return f(ctx, v, args, loc);
    if (v.kind === "list" || v.kind === "tuple") return options.list ? options.list(ctx, v, args, loc) : ctx.unsupported(`${name} of ${describe(v)}`, loc, "use a typed array");
    return ctx.fail("TYPE", `${describe(v)} has no method ${name}`, loc);
  };
  defineMethod("javascript", name, handler, options.impure ? { impure: true } : {});
}
const given = (v: Value | undefined): Value | undefined => (v === undefined || v.kind === "none" ? undefined : v);
/** The part that slice(begin, end) names: negative positions count from the end, all are clamped. */
function part(ctx: Lowering, size: Expr, begin: Value | undefined, end: Value | undefined, loc: SourceLoc): { start: Expr; length: Expr } {
  const start = given(begin), stop = given(end);
  return sliceRange(ctx, { kind: "slice", ...(start ? { start: whole(ctx, start, loc) } : {}), ...(stop ? { stop: whole(ctx, stop, loc) } : {}) }, size, loc);
}
/** Infinity as a position is the end. */
function whole(ctx: Lowering, v: Value, loc: SourceLoc): Value {
  const n = toNumber(ctx, v, loc), c = constantOf(n);
  return typeof c === "number" && Number.isFinite(c) && !n.int ? ctx.int(Math.trunc(c)) : n;
}
function staticPart(ctx: Lowering, self: TupleValue, args: readonly Value[], loc: SourceLoc): readonly Value[] {
  const at = args.map((v) => (given(v) ? integerOf(v)?.constant ?? ctx.unsupported("slicing a list at a position that is known only when the program runs", loc, "use a typed array") : undefined));
  return self.items.slice(at[0], at[1]);
}
method("slice", (ctx, self, args, loc) => { const r = part(ctx, shapeOf(self)[0]!, args[0], args[1], loc); return copied(ctx, sliced(self, 0, r.start, r.length), loc); }, { list: (ctx, self, args, loc) => listValue([...staticPart(ctx, self, args, loc)]) });
method("subarray", (ctx, self, args, loc) => { const r = part(ctx, shapeOf(self)[0]!, args[0], args[1], loc); return sliced(self, 0, r.start, r.length); });
method("at", (ctx, self, args, loc) => {
  const n = shapeOf(self)[0]!, i = requireInt(ctx, args[0] ?? ctx.int(0), loc, "an index"), c = i.constant;
  if (c === undefined && !proven(ctx, i)) return ctx.unsupported("at with a position of unknown sign", loc, "use a[i]");
  const at = c !== undefined && c < 0 ? addInt(n, c) : i;
  checkInside(ctx, at, n, "at", loc);
  checkInside(ctx, addInt(sub(n, at), -1), n, "at", loc);
  const row = rowOf(ctx, self, at);
  return row.kind === "scalar" ? toNumber(ctx, { ...row, weak: true }, loc) : row;
}, { list: (ctx, self, args, loc) => self.items.at(integerOf(args[0] ?? NONE)?.constant ?? ctx.unsupported("at with a position that is known only when the program runs", loc)) ?? NONE });

/** e >= 0, proven, checked on entry, or checked where it runs. */
function checkInside(ctx: Lowering, e: Expr, size: Expr, what: string, loc: SourceLoc): void {
  if (proven(ctx, e)) return;
  const bound = ctx.signature.checked ? undefined : entryBound(ctx, e, "lower"), message = `${what} beyond an array of length ${size.key}`;
  if (e.constant !== undefined && e.constant < 0) ctx.fail("BOUNDS", message, loc);
  if (!bound || (bound.constant !== undefined && bound.constant < 0)) { runCheck(ctx, op("lt", "bool", integerCode(e), constant(0, "int64")), message, loc); return; }
  ctx.check({ kind: "bounds", expr: bound, message, loc });
  ctx.assume(bound);
}

// ---- in place

const target = (ctx: Lowering, v: Arrayish, name: string, loc: SourceLoc): ArrayValue => (v.kind === "array" ? v : ctx.fail("TYPE", `${name} of a value that is no array`, loc));
method("fill", (ctx, self, args, loc) => {
  const a = target(ctx, self, "fill", loc), r = part(ctx, shapeOf(a)[0]!, args[1], args[2], loc), v = args[0] ?? NONE;
  if (v.kind !== "scalar") return ctx.unsupported(`filling an array with ${describe(v)}`, loc, "use Array.from({ length: n }, () => new Float64Array(m))");
  store(ctx, sliced(a, 0, r.start, r.length) as ArrayValue, stored(ctx, a, v, loc), loc);
  return a;
}, { impure: true, list: (ctx, self, args, loc) => { if (args.length > 1) return ctx.unsupported("filling part of a list", loc, "use a typed array"); self.items.fill(args[0] ?? NONE); return self; } });
/** A number as an array takes it: bigint arrays take bigints. */
function stored(ctx: Lowering, a: ArrayValue, v: ScalarValue, loc: SourceLoc): ScalarValue {
  const big = a.dtype === "int64" || a.dtype === "uint64";
  if (big) return v.dtype === "int64" || v.dtype === "uint64" ? v : ctx.fail("TYPE", "a number in an array of bigints", loc, "use BigInt()");
  return toNumber(ctx, v, loc);
}
method("set", (ctx, self, args, loc) => {
  const a = target(ctx, self, "set", loc), from = args[0] ?? NONE, source = isArray(from) ? from : arrayOf(ctx, from, loc, a.dtype);
  if (shapeOf(source).length !== 1 || shapeOf(a).length !== 1) return ctx.fail("TYPE", "set needs arrays of numbers", loc);
  const offset = args[1] && args[1].kind !== "none" ? requireInt(ctx, args[1], loc, "the offset of set") : int(0), n = shapeOf(a)[0]!, count = shapeOf(source)[0]!;
  checkInside(ctx, offset, n, "set", loc);
  checkInside(ctx, sub(n, add(offset, count)), n, "set", loc);
  store(ctx, sliced(a, 0, offset, count) as ArrayValue, source, loc);
  return NONE;
}, { impure: true });
method("copyWithin", (ctx, self, args, loc) => {
  const a = target(ctx, self, "copyWithin", loc), n = shapeOf(a)[0]!;
  const to = part(ctx, n, args[0] ?? ctx.int(0), undefined, loc), from = part(ctx, n, args[1], args[2], loc);
  const d = sub(to.length, from.length), count = proven(ctx, d) ? from.length : proven(ctx, sub(from.length, to.length)) ? to.length : min(to.length, from.length);
  store(ctx, sliced(a, 0, to.start, count) as ArrayValue, sliced(a, 0, from.start, count), loc);
  return a;
}, { impure: true });
method("reverse", (ctx, self, _args, loc) => {
  const a = target(ctx, self, "reverse", loc);
  store(ctx, a, copied(ctx, flipped(a, 0), loc), loc);
  return a;
}, { impure: true, list: (_ctx, self) => { self.items.reverse(); return self; } });
method("toReversed", (ctx, self, _args, loc) => copied(ctx, flipped(self, 0), loc), { list: (_ctx, self) => listValue([...self.items].reverse()) });

// ---- whole arrays

method("concat", (ctx, self, args, loc) => {
  const items = args.map((v): Arrayish => (isArray(v) ? v : arrayOf(ctx, v.kind === "list" ? v : listValue([v]), loc, "float64")));
  return concatenated(ctx, [self, ...items], 0, "float64", loc);
}, {
  list: (ctx, self, args, loc) => {
    if (args.some(isArray)) return concatenated(ctx, [arrayOf(ctx, self, loc, "float64"), ...args.map((v): Arrayish => (isArray(v) ? v : arrayOf(ctx, v.kind === "list" ? v : listValue([v]), loc, "float64")))], 0, "float64", loc);
    return listValue([...self.items, ...args.flatMap((v) => (v.kind === "list" ? v.items : [v]))]);
  },
});
method("flat", (ctx, self, _args, loc) => (shapeOf(self).length === 2 ? flattened(ctx, copied(ctx, self, loc), loc) : copied(ctx, self, loc)), { list: (ctx, self, _args, loc) => (self.items.some(isArray) ? concatenated(ctx, self.items.map((v): Arrayish => (isArray(v) ? v : arrayOf(ctx, listValue([v]), loc, "float64"))), 0, "float64", loc) : listValue(self.items.flatMap((v) => (v.kind === "list" ? v.items : [v])))) });
method("keys", (ctx, self) => { const n = shapeOf(self)[0]!; return { kind: "sequence", length: n, at: (i) => ctx.int(i), range: { start: int(0), stop: n, step: 1 } }; }, { list: (ctx, self) => listValue(self.items.map((_, i) => ctx.int(i))) });
const item = (ctx: Lowering, self: Arrayish, i: Expr, loc: SourceLoc): Value => { const v = rowOf(ctx, self, i); return v.kind === "scalar" && v.dtype !== "int64" && v.dtype !== "uint64" ? toNumber(ctx, v, loc) : v; };
method("values", (ctx, self, _args, loc) => ({ kind: "sequence", length: shapeOf(self)[0]!, at: (i) => item(ctx, self, i, loc) }), { list: (_ctx, self) => self });
method("entries", (ctx, self, _args, loc) => ({ kind: "sequence", length: shapeOf(self)[0]!, at: (i) => listValue([ctx.int(i), item(ctx, self, i, loc)]) }), { list: (ctx, self) => listValue(self.items.map((v, i) => listValue([ctx.int(i), v]))) });
method("includes", (ctx, self, args, loc) => {
  if (shapeOf(self).length !== 1 || args[0]?.kind !== "scalar") return ctx.unsupported("includes of this array", loc);
  const wanted = toNumber(ctx, args[0], loc).code;
  const same = (x: ScalarExpr): ScalarExpr => op("or", "bool", op("eq", "bool", x, wanted), op("and", "bool", op("isnan", "bool", x), op("isnan", "bool", wanted)));
  const n = reduceTo(ctx, { kind: "lazy", dtype: "float64", shape: shapeOf(self), at: (i) => toNumber(ctx, { kind: "scalar", dtype: self.dtype, weak: true, code: codeAt(ctx, self, i) }, loc).code }, [0], { wcr: "sum", dtype: "int64", label: "count", of: (x) => op("select", "int64", same(x), constant(1, "int64"), constant(0, "int64")) }, loc);
  return { kind: "scalar", dtype: "bool", weak: true, code: op("ne", "bool", codeAt(ctx, n, []), constant(0, "int64")) };
}, { list: (ctx, self, args, loc) => truth(ctx, compare(ctx, "in", args[0] ?? NONE, self, loc), loc) });

const REFUSED: Readonly<Record<string, string>> = {
  join: "build strings after the call", toString: "build strings after the call",
  toFixed: "format after the call", toSpliced: "copy the parts with set and subarray",
};
for (const [name, hint] of Object.entries(REFUSED)) defineMethod("javascript", name, (ctx, args, _keywords, loc) => ctx.unsupported(`the method ${name}`, loc, hint), { refused: true });
