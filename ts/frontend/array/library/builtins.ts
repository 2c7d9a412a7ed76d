/** Python's built-in functions on numbers, sequences and arrays. */
import { isComplex, isFloat, isInteger } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, constant, op, select as choose, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, equals, floordiv, int, loadedContainers, max, min, mul, neg, sub, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, type Handler } from "../registry.js";
import { requireInt, runCheck } from "../shapes.js";
import { type Arrayish, boolValue, constantOf, describe, floatValue, intValue, isArray, listValue, NONE, type ScalarValue, type SequenceValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind } from "./arguments.js";
import { atLeastZero, rangeLength } from "./arrays.js";
import { masked } from "./attributes.js";
import { both, negated, truth } from "./elementwise.js";
import { holds, proven, truncatedDiv } from "./integers.js";
import { operandOf, scalarOf } from "./operands.js";
import { boolAs, convert, resultType } from "./promote.js";
import { integerCode, pythonBinary } from "./python-operators.js";
import { reduceNamed } from "./reductions.js";
import { absolute, rounded } from "./ufuncs.js";
import { taken } from "./views.js";

const isSequence = (v: Value): v is Extract<Value, { kind: "list" | "tuple" }> => v.kind === "list" || v.kind === "tuple";

// ---- iteration

/** A `for` can run over it: fixed items, or a length and the item at a symbolic position. */
export type Iterable = { readonly items: readonly Value[] } | { readonly sequence: SequenceValue };
export function iterable(ctx: Lowering, v: Value, loc: SourceLoc): Iterable {
  if (isSequence(v)) return { items: v.items };
  if (v.kind === "sequence") return { sequence: v };
  if (isArray(v) && shapeOf(v).length > 0) return { sequence: { kind: "sequence", length: shapeOf(v)[0]!, at: (i) => rowOf(ctx, v, i) } };
  return ctx.fail("TYPE", `${describe(v)} cannot be iterated over`, loc);
}
/** v[i] for an index that exists. */
export function rowOf(ctx: Lowering, v: Arrayish, i: Expr): Value {
  const row = taken(v, 0, i);
  return shapeOf(row).length === 0 ? scalarOf(ctx, row) : row;
}

define("range", (ctx, args, _keywords, loc) => {
  if (args.length < 1 || args.length > 3) return ctx.fail("ARGUMENT", `range takes 1 to 3 arguments, not ${args.length}`, loc);
  const e = args.map((v) => requireInt(ctx, v, loc, "a bound of range"));
  const start = args.length === 1 ? ZERO : e[0]!, stop = args.length === 1 ? e[0]! : e[1]!, step = e[2] ?? int(1), k = step.constant;
  if (k === 0) return ctx.fail("ARGUMENT", "range() arg 3 must not be zero", loc);
  const item = (i: Expr): Value => intValue(add(start, mul(step, i)));
  if (k !== undefined) return { kind: "sequence", length: rangeLength(ctx, start, stop, k), at: item, range: { start, stop, step: k } };
  const up = proven(ctx, addInt(step, -1)), down = proven(ctx, addInt(neg(step), -1));
  if (!up && !down && !holds(ctx, addInt(step, -1), "the step of range is positive", loc)) {
    if (loadedContainers(step).size === 0) return ctx.unsupported("a range whose step has an unknown sign", loc, "write the step as a number");
    runCheck(ctx, op("le", "bool", symbolic(step), constant(0, "int64")), "the step of this range is not positive: which way it goes must not depend on the run", loc);
    ctx.facts = ctx.facts.with(addInt(step, -1));
  }
  const span = down ? sub(start, stop) : sub(stop, start), by = down ? neg(step) : step;
  return { kind: "sequence", length: floordiv(addInt(add(atLeastZero(ctx, span), by), -1), by), at: item };
});
define("enumerate", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "enumerate", "iterable start?", args, keywords, loc), it = iterable(ctx, b.need("iterable"), loc), start = b.int("start") ?? ZERO;
  if ("items" in it) return listValue(it.items.map((v, i) => tupleValue([intValue(addInt(start, i)), v])));
  return { kind: "sequence", length: it.sequence.length, at: (i) => tupleValue([intValue(add(start, i)), it.sequence.at(i)]) };
});
define("zip", (ctx, args, _keywords, loc) => {
  const parts = args.map((v) => iterable(ctx, v, loc));
  if (parts.length === 0) return listValue([]);
  const fixed = parts.flatMap((p) => ("items" in p ? [p.items.length] : p.sequence.length.constant !== undefined ? [p.sequence.length.constant] : []));
  const at = (p: Iterable, i: Expr): Value => ("items" in p ? p.items[i.constant!]! : p.sequence.at(i));
  if (parts.some((p) => "items" in p)) {
    const n = Math.min(...fixed);
    for (const p of parts) if ("sequence" in p && p.sequence.length.constant === undefined && !holds(ctx, addInt(p.sequence.length, -n), "the arguments of zip have as many items as the shortest list", loc)) return ctx.unsupported("zip of a list and something that may be shorter", loc);
    return listValue(Array.from({ length: n }, (_, i) => tupleValue(parts.map((p) => at(p, int(i))))));
  }
  const lengths = parts.map((p) => (p as { sequence: SequenceValue }).sequence.length);
  const length = lengths.every((e) => equals(e, lengths[0]!)) ? lengths[0]! : min(...lengths);
  return { kind: "sequence", length, at: (i) => tupleValue(parts.map((p) => at(p, i))) };
});
define("reversed", (ctx, args, _keywords, loc) => {
  const it = iterable(ctx, args[0] ?? NONE, loc);
  if ("items" in it) return listValue([...it.items].reverse());
  const { length, at, range } = it.sequence, r = range && Math.abs(range.step) === 1 ? { start: addInt(range.stop, -range.step), stop: addInt(range.start, -range.step), step: -range.step } : undefined;
  return { kind: "sequence", length, at: (i) => at(addInt(sub(length, i), -1)), ...(r ? { range: r } : {}) };
});
for (const kind of ["list", "tuple"] as const) define(kind, (ctx, args, _keywords, loc) => {
  if (args.length === 0) return { kind, items: [] };
  const it = iterable(ctx, args[0]!, loc);
  if ("items" in it) return { kind, items: [...it.items] };
  const n = it.sequence.length.constant;
  if (n === undefined || n > 1024) return ctx.unsupported(`a ${kind} whose length is not known when the program is compiled`, loc, "use an array");
  return { kind, items: Array.from({ length: n }, (_, i) => it.sequence.at(int(i))) };
});
define("map", (ctx, args, _keywords, loc) => {
  const [f, ...rest] = args, parts = rest.map((v) => iterable(ctx, v, loc));
  if (!f || parts.length === 0) return ctx.fail("ARGUMENT", "map() must have at least two arguments.", loc);
  if (!parts.every((p): p is { items: readonly Value[] } => "items" in p)) return ctx.unsupported("map over something whose length is not known when the program is compiled", loc, "use array arithmetic, or a comprehension");
  return listValue(Array.from({ length: Math.min(...parts.map((p) => p.items.length)) }, (_, i) => ctx.call(f, parts.map((p) => p.items[i]!), new Map(), loc)));
});
define("len", (ctx, args, _keywords, loc) => {
  const v = args[0] ?? NONE;
  if (isSequence(v)) return ctx.int(v.items.length);
  if (v.kind === "sequence") return intValue(v.length);
  if (v.kind === "string") return ctx.int(v.value.length);
  if (v.kind === "object") return ctx.int(v.entries.size);
  if (v.kind === "masked") return masked(ctx, v, loc);
  if (isArray(v) && shapeOf(v).length > 0) return intValue(shapeOf(v)[0]!);
  return ctx.fail("TYPE", `${describe(v)} has no len()`, loc);
});

// ---- numbers

const number = (ctx: Lowering, v: Value | undefined, name: string, loc: SourceLoc): ScalarValue => {
  const o = operandOf(ctx, v ?? ctx.fail("ARGUMENT", `${name} needs an argument`, loc), loc);
  if (o.kind === "scalar") return o;
  for (const e of shapeOf(o)) if (e.constant !== 1) ctx.fail("TYPE", `${name} of ${describe(o)}`, loc, "only arrays of one element can be converted to a number");
  return scalarOf(ctx, o);
};
define("abs", (ctx, args, _keywords, loc) => {
  const a = operandOf(ctx, args[0] ?? NONE, loc);
  if (a.kind === "scalar" && a.int && isInteger(a.dtype)) {
    const e = proven(ctx, a.int) ? a.int : proven(ctx, neg(a.int)) ? neg(a.int) : max(a.int, neg(a.int));
    return { ...a, code: integerCodeAs(e, a), int: e };
  }
  if (a.kind === "scalar" && a.weak && a.dtype === "bool") return { kind: "scalar", dtype: "int64", weak: true, code: boolAs(a.code, "int64") };
  const c = constantOf(a);
  if (typeof c === "number" && a.kind === "scalar" && a.weak && isFloat(a.dtype)) return floatValue(Math.abs(c));
  const r = absolute(ctx, a, loc);
  return r.kind === "scalar" && a.kind === "scalar" ? { ...r, weak: a.weak } : r;
});
const integerCodeAs = (e: Expr, like: ScalarValue): ScalarExpr => (like.dtype === "int64" ? integerCode(e) : op("abs", like.dtype, like.code));

define("int", (ctx, args, _keywords, loc) => {
  if (args.length === 0) return intValue(ZERO);
  const v = number(ctx, args[0], "int", loc);
  if (v.int && v.dtype !== "bool") return intValue(v.int);
  const c = constantOf(v);
  if (typeof c === "boolean") return intValue(int(c ? 1 : 0));
  if (typeof c === "number" && Number.isSafeInteger(Math.trunc(c))) return intValue(int(Math.trunc(c)));
  if (v.ratio) { const e = truncatedDiv(ctx, v.ratio.a, v.ratio.b); if (e) return intValue(e); }
  if (isComplex(v.dtype)) return ctx.fail("TYPE", "int() of a complex number", loc);
  return { kind: "scalar", dtype: "int64", weak: true, code: v.dtype === "bool" ? boolAs(v.code, "int64") : isFloat(v.dtype) ? cast(v.code, "int64") : convert(v.code, "int64") };
});
define("float", (ctx, args, _keywords, loc) => {
  if (args[0]?.kind === "string") {
    const known = ({ inf: Infinity, "+inf": Infinity, "-inf": -Infinity, infinity: Infinity, nan: NaN } as Record<string, number>)[args[0].value.trim().toLowerCase()];
    return known !== undefined ? floatValue(known) : ctx.unsupported("converting a string", loc);
  }
  if (args.length === 0) return floatValue(0);
  const v = number(ctx, args[0], "float", loc);
  if (isComplex(v.dtype)) return ctx.fail("TYPE", "float() of a complex number", loc);
  return { kind: "scalar", dtype: "float64", weak: true, code: v.dtype === "bool" ? boolAs(v.code, "float64") : convert(v.code, "float64") };
});
define("bool", (ctx, args, _keywords, loc) => (args.length === 0 ? boolValue(false) : { ...truth(ctx, args[0]!, loc), weak: true }));
define("complex", (ctx, args, _keywords, loc) => {
  if (args.length === 0) return { kind: "scalar", dtype: "complex128", weak: true, code: constant(0, "complex128", 0) };
  const re = number(ctx, args[0], "complex", loc);
  if (args.length === 1) return { kind: "scalar", dtype: "complex128", weak: true, code: convert(re.code, "complex128") };
  const im = number(ctx, args[1], "complex", loc);
  if (isComplex(re.dtype) || isComplex(im.dtype)) return ctx.unsupported("complex() of two complex numbers", loc);
  return { kind: "scalar", dtype: "complex128", weak: true, code: op("complex", "complex128", convert(re.code, "float64"), convert(im.code, "float64")) };
});
define("round", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "round", "number ndigits?", args, keywords, loc), v = b.operand("number"), digits = b.literal("ndigits");
  if (v.kind !== "scalar" || !v.weak) { const r = rounded(ctx, v, digits ?? 0, loc); return digits === undefined && r.kind === "scalar" && isFloat(r.dtype) ? { kind: "scalar", dtype: "int64", weak: true, code: cast(r.code, "int64") } : r; }
  if (v.int) return digits === undefined || digits >= 0 ? intValue(v.int) : ctx.unsupported("round of an integer to tens", loc);
  if (digits !== undefined) return ctx.unsupported("round of a Python float to decimals", loc, "use np.round");
  return { kind: "scalar", dtype: "int64", weak: true, code: cast(op("round", "float64", convert(v.code, "float64")), "int64") };
});
define("divmod", (ctx, args, _keywords, loc) => { const [a, b] = [operandOf(ctx, args[0] ?? NONE, loc), operandOf(ctx, args[1] ?? NONE, loc)]; return tupleValue([pythonBinary(ctx, "//", a, b, loc), pythonBinary(ctx, "%", a, b, loc)]); });
define("pow", (ctx, args, _keywords, loc) => (args.length === 2 ? pythonBinary(ctx, "**", operandOf(ctx, args[0]!, loc), operandOf(ctx, args[1]!, loc), loc) : ctx.unsupported("pow with a modulus", loc)));

// ---- reductions

/** Python's own choice: the first argument stays unless a later one is better. */
function better(ctx: Lowering, name: "max" | "min", a: ScalarValue, b: ScalarValue, loc: SourceLoc): ScalarValue {
  const { dtype, weak } = resultType([a, b]);
  if (isComplex(dtype)) return ctx.fail("TYPE", `${name} of complex numbers`, loc);
  if (a.int && b.int && isInteger(dtype)) {
    const first = proven(ctx, sub(a.int, b.int)), second = proven(ctx, sub(b.int, a.int));
    const e = first ? (name === "max" ? a.int : b.int) : second ? (name === "max" ? b.int : a.int) : name === "max" ? max(a.int, b.int) : min(a.int, b.int);
    return { kind: "scalar", dtype, weak, code: dtype === "int64" ? integerCode(e) : op(name, dtype, convert(a.code, dtype), convert(b.code, dtype)), int: e };
  }
  const x = convert(a.code, dtype), y = convert(b.code, dtype);
  if (isInteger(dtype)) return { kind: "scalar", dtype, weak, code: op(name, dtype, x, y) };
  const wins = dtype === "bool" ? op("and", "bool", name === "max" ? y : op("not", "bool", y), name === "max" ? op("not", "bool", x) : x) : op(name === "max" ? "gt" : "lt", "bool", y, x);
  return { kind: "scalar", dtype, weak, code: choose(wins, y, x) };
}
for (const name of ["max", "min"] as const) define(name, (ctx, args, keywords, loc) => {
  for (const k of keywords.keys()) return ctx.unsupported(`the keyword ${k} of ${name}`, loc);
  const one = args.length === 1 ? args[0]! : undefined;
  if (one && (isArray(one) || one.kind === "masked")) {
    if (isArray(one) && shapeOf(one).length !== 1) return ctx.fail("TYPE", `${name} of an array with ${shapeOf(one).length} dimensions`, loc, `use np.${name}`);
    return reduceNamed(ctx, name, [one], new Map(), loc);
  }
  const it = one ? iterable(ctx, one, loc) : undefined;
  if (it && "sequence" in it) return reduceNamed(ctx, name, [one!], new Map(), loc);
  const items = (it ? it.items : args).map((v) => number(ctx, v, name, loc));
  if (items.length === 0) return ctx.fail("ARGUMENT", `${name}() arg is an empty sequence`, loc);
  return items.reduce((a, b) => better(ctx, name, a, b, loc));
});
define("sum", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "sum", "iterable start?", args, keywords, loc), v = b.need("iterable"), start = b.get("start");
  const it = v.kind === "masked" ? undefined : iterable(ctx, v, loc);
  if (it && "items" in it) return it.items.reduce<Value>((acc, x) => pythonBinary(ctx, "+", operandOf(ctx, acc, loc), operandOf(ctx, x, loc), loc), start ?? intValue(ZERO));
  const total = reduceNamed(ctx, "sum", [v], new Map([["axis", intValue(ZERO)]].filter(() => v.kind !== "masked") as [string, Value][]), loc);
  return start ? pythonBinary(ctx, "+", operandOf(ctx, total, loc), operandOf(ctx, start, loc), loc) : total;
});
const every: (all: boolean) => Handler = (all) => (ctx, args, _keywords, loc) => {
  const v = args[0] ?? NONE;
  if (isArray(v) || v.kind === "masked" || v.kind === "sequence") return reduceNamed(ctx, all ? "all" : "any", [v], new Map(), loc);
  if (!isSequence(v)) return ctx.fail("TYPE", `${describe(v)} cannot be iterated over`, loc);
  const tests = v.items.map((x) => truth(ctx, x, loc));
  return all ? tests.reduce(both, boolValue(true)) : negated(tests.map(negated).reduce(both, boolValue(true)));
};
define("all", every(true));
define("any", every(false));

define("isinstance", (ctx, args, _keywords, loc) => {
  const [v, types] = args, list = types && isSequence(types) ? types.items : [types];
  const matches = (t: Value | undefined): boolean => {
    if (t?.kind === "library") switch (t.name) {
      case "int": return v?.kind === "scalar" && v.weak && (isInteger(v.dtype) || v.dtype === "bool");
      case "float": return v?.kind === "scalar" && v.dtype === "float64";
      case "bool": return v?.kind === "scalar" && v.weak && v.dtype === "bool";
      case "complex": return v?.kind === "scalar" && v.dtype === "complex128";
      case "np.ndarray": return v !== undefined && isArray(v);
      case "list": return v?.kind === "list";
      case "tuple": return v?.kind === "tuple";
      case "str": return v?.kind === "string";
      case "np.number": case "np.generic": return v?.kind === "scalar" && !v.weak;
      case "np.floating": return v?.kind === "scalar" && !v.weak && isFloat(v.dtype);
      case "np.integer": return v?.kind === "scalar" && !v.weak && isInteger(v.dtype);
    }
    if (t?.kind === "class") { for (let c = v?.kind === "object" ? v.cls : v?.kind === "tuple" ? v.record?.cls : undefined; c; c = c.base) if (c.def === t.def) return true; return false; }
    if (t?.kind === "dtype") return v?.kind === "scalar" && !v.weak && v.dtype === t.dtype;
    return ctx.unsupported("isinstance with this type", loc, "int, float, bool, complex, np.ndarray, list, tuple, str");
  };
  return boolValue(list.some(matches));
});
for (const name of ["np.number", "np.generic", "np.floating", "np.integer", "str"]) define(name, (ctx, _args, _keywords, loc) => ctx.unsupported(`calling ${name}`, loc), { refused: true });
define("slice", (_ctx, args) => {
  const [a, b, c] = args.length === 1 ? [undefined, args[0], undefined] : args;
  return { kind: "slice", ...(a && a.kind !== "none" ? { start: a } : {}), ...(b && b.kind !== "none" ? { stop: b } : {}), ...(c && c.kind !== "none" ? { step: c } : {}) };
});
define("print", () => NONE);
define("sorted", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "sorted", "iterable * key? reverse?", args, keywords, loc), v = b.need("iterable");
  if (b.get("key") && b.get("key")!.kind !== "none") return ctx.unsupported("sorted with a key", loc, "use np.argsort of the keys");
  if (isSequence(v) && v.items.length === 0) return listValue([]);
  const up = ctx.call({ kind: "library", name: "np.sort" }, [v], new Map(), loc);
  return b.flag("reverse") ? ctx.call({ kind: "library", name: "np.flip" }, [up], new Map(), loc) : up;
});
const REFUSED: Readonly<Record<string, string>> = { filter: "use a comprehension, or a boolean mask", input: "pass it as an argument", open: "read the file before the call", eval: "write the code out", exec: "write the code out", set: "use arrays", iter: "use a for loop", next: "use a for loop" };
for (const [name, hint] of Object.entries(REFUSED)) define(name, (ctx, _args, _keywords, loc) => ctx.unsupported(name, loc, hint), { refused: true });
