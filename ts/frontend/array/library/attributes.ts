/** Attributes and small methods of arrays and numbers in Python; constants and types of the numpy module. */
import { bytesOf, DTYPES, isComplex, isFloat, isInteger, kindOf, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op } from "../../../scalar/expr.js";
import { int, mul, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { define, defineAttribute, defineConstant, defineMethod } from "../registry.js";
import { requireInt } from "../shapes.js";
import { type Arrayish, describe, floatValue, indexOf, isArray, type MaskedValue, NONE, type ScalarValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind, dtypeFrom } from "./arguments.js";
import { asArray } from "./convert.js";
import { castTo, convertValue } from "./elementwise.js";
import { codeAt, operandOf, scalarOf } from "./operands.js";
import { convert, integerRange } from "./promote.js";
import { reduceTo, unmasked } from "./reduce.js";
import { clipped, closeness, partOf, rounded, strong } from "./ufuncs.js";
import { compareValues, pythonBinary } from "./python-operators.js";
import { reduceNamed } from "./reductions.js";
import { flattened } from "./arrays.js";
import { permuted, sizeOf } from "./views.js";

const isNumber = (v: Value): v is ScalarValue | Arrayish => v.kind === "scalar" || isArray(v);
const shapeOfValue = (v: ScalarValue | Arrayish): readonly Expr[] => (v.kind === "scalar" ? [] : shapeOf(v));

defineAttribute("python", "shape", (ctx, self, loc) => (isNumber(self) ? tupleValue(shapeOfValue(self).map((e) => ctx.int(e))) : self.kind === "masked" ? tupleValue([masked(ctx, self, loc), ...shapeOf(self.value).slice(shapeOf(self.mask).length).map((e) => ctx.int(e))]) : undefined));
defineAttribute("python", "size", (ctx, self, loc) => (isNumber(self) ? ctx.int(sizeOf(shapeOfValue(self))) : self.kind === "masked" ? pythonBinary(ctx, "*", masked(ctx, self, loc), ctx.int(sizeOf(shapeOf(self.value).slice(shapeOf(self.mask).length))), loc) : undefined));
/** How many elements (rows, …) a mask lets through. */
export function masked(ctx: Lowering, v: MaskedValue, loc: SourceLoc): ScalarValue {
  const { where } = unmasked(ctx, v), shape = shapeOf(v.mask);
  const n = reduceTo(ctx, v.mask, shape.map((_, d) => d), { wcr: "sum", dtype: "int64", label: "count", of: (_x, index) => convert(where(index), "int64") }, loc);
  return { kind: "scalar", dtype: "int64", weak: true, code: codeAt(ctx, n, []) };
}
defineAttribute("python", "ndim", (ctx, self) => (isNumber(self) ? ctx.int(shapeOfValue(self).length) : undefined));
defineAttribute("python", "dtype", (_ctx, self) => (isNumber(self) ? { kind: "dtype", dtype: self.dtype } : self.kind === "masked" ? { kind: "dtype", dtype: self.value.dtype } : undefined));
defineAttribute("python", "itemsize", (ctx, self) => (isNumber(self) || self.kind === "dtype" ? ctx.int(bytesOf(self.dtype)) : undefined));
defineAttribute("python", "nbytes", (ctx, self) => (isNumber(self) ? ctx.int(mul(sizeOf(shapeOfValue(self)), int(bytesOf(self.dtype)))) : undefined));
defineAttribute("python", "T", (_ctx, self) => (isArray(self) ? permuted(self, shapeOf(self).map((_, d, all) => all.length - 1 - d)) : self.kind === "scalar" ? self : undefined));
for (const part of ["real", "imag"] as const) defineAttribute("python", part, (ctx, self, loc) => (isNumber(self) ? partOf(ctx, self, part, loc) : undefined));
defineAttribute("python", "flat", (ctx, self, loc) => (isArray(self) ? flattened(ctx, self, loc) : undefined));
defineAttribute("python", "kind", (_ctx, self) => (self.kind === "dtype" ? { kind: "string", value: { float: "f", int: "i", uint: "u", bool: "b", complex: "c" }[kindOf(self.dtype)] } : undefined));
defineAttribute("python", "name", (_ctx, self) => (self.kind === "dtype" ? { kind: "string", value: self.dtype } : undefined));
defineAttribute("python", "type", (_ctx, self) => (self.kind === "dtype" ? self : undefined));

// ---- methods

defineMethod("python", "item", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "item", "a ...index", args, keywords, loc), self = b.array("a"), given = b.need("index");
  const index = given.kind === "tuple" ? (given.items[0]?.kind === "tuple" ? given.items[0].items : given.items) : [];
  if (self.kind === "scalar") return { ...self, weak: true };
  if (index.length === 0) { for (const e of shapeOf(self)) if (e.constant !== 1) ctx.fail("SHAPE", "can only convert an array of size 1 to a Python scalar", loc); return { ...scalarOf(ctx, self), weak: true }; }
  const at = index.map((v) => requireInt(ctx, v, loc, "an index"));
  if (at.length !== shapeOf(self).length || at.some((e) => e.constant === undefined || e.constant < 0)) return ctx.unsupported("item with these indices", loc, "use a[…]");
  return { kind: "scalar", dtype: self.dtype, weak: true, code: self.kind === "array" ? ctx.read(self.data, indexOf(self, at)) : self.at(at) };
});
for (const name of ["conj", "conjugate"] as const) defineMethod("python", name, (ctx, args, _keywords, loc) => {
  const a = operandOf(ctx, args[0]!, loc);
  if (!isComplex(a.dtype)) return a;
  return a.kind === "scalar" ? { ...a, code: op("conj", a.dtype, a.code) } : { kind: "lazy", dtype: a.dtype, shape: shapeOf(a), at: (i) => op("conj", a.dtype, codeAt(ctx, a, i)) };
});
defineMethod("python", "clip", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "clip", "a min? max?", args, keywords, loc);
  return clipped(ctx, b.need("a"), b.get("min"), b.get("max"), loc);
});
defineMethod("python", "round", (ctx, args, keywords, loc) => { const b = bind(ctx, "round", "a decimals?", args, keywords, loc); return strong(rounded(ctx, b.operand("a"), b.literal("decimals") ?? 0, loc)); });
defineMethod("python", "is_integer", (ctx, args, _keywords, loc) => {
  const a = operandOf(ctx, args[0]!, loc);
  if (a.kind !== "scalar") return ctx.unsupported("is_integer of an array", loc);
  return { kind: "scalar", dtype: "bool", weak: true, code: isFloat(a.dtype) ? op("eq", "bool", a.code, op("trunc", a.dtype, a.code)) : constant(true, "bool") };
});
const HINTS: Readonly<Record<string, string>> = {
  append: "allocate an array of the final size and fill it", extend: "allocate an array of the final size and fill it", pop: "use an index", insert: "allocate an array of the final size and fill it",
  tolist: "index the array itself", view: "use reshape or astype", resize: "use np.zeros and copy",
};
for (const [name, hint] of Object.entries(HINTS)) defineMethod("python", name, (ctx, args, _keywords, loc) => ctx.unsupported(`the method ${name} of ${describe(args[0]!)}`, loc, hint), { impure: true, refused: true });

// ---- the numpy module

const NAMED: Readonly<Record<string, DType>> = {
  bool_: "bool", int_: "int64", intp: "int64", intc: "int32", longlong: "int64", long: "int64", short: "int16", byte: "int8", ubyte: "uint8", ushort: "uint16", uintc: "uint32", uintp: "uint64", uint: "uint64", ulonglong: "uint64",
  double: "float64", float_: "float64", single: "float32", cdouble: "complex128", csingle: "complex64", complex_: "complex128",
};
for (const [name, dtype] of [...DTYPES.map((d) => [d, d] as const), ...Object.entries(NAMED)]) {
  defineConstant(`np.${name}`, { kind: "dtype", dtype });
  define(`np.${name}`, (ctx, args, keywords, loc) => {
    const b = bind(ctx, `np.${name}`, "x?", args, keywords, loc);
    return scalarType(ctx, dtype, b.get("x"), loc);
  });
}
/** np.float32(x): a NumPy scalar of a number, an array of an array. */
export function scalarType(ctx: Lowering, dtype: DType, x: Value | undefined, loc: SourceLoc): Value {
  if (!x) return { kind: "scalar", dtype, weak: false, code: convert(constant(0, "int64"), dtype) };
  const v = asArray(ctx, x, loc);
  return v.kind === "scalar" ? { ...convertValue(ctx, v, dtype), weak: false } : castTo(ctx, v, dtype, loc);
}
define("np.dtype", (ctx, args, _keywords, loc) => ({ kind: "dtype", dtype: dtypeFrom(ctx, args[0] ?? NONE, loc) }));
for (const [name, value] of [["pi", Math.PI], ["e", Math.E], ["inf", Infinity], ["Inf", Infinity], ["infty", Infinity], ["nan", NaN], ["NaN", NaN], ["NAN", NaN], ["euler_gamma", 0.5772156649015329], ["NINF", -Infinity], ["PINF", Infinity]] as const) defineConstant(`np.${name}`, floatValue(value));
defineConstant("np.newaxis", NONE);
define("np.finfo", (ctx, args, _keywords, loc) => {
  const d = isNumber(args[0] ?? NONE) ? (args[0] as ScalarValue).dtype : dtypeFrom(ctx, args[0] ?? NONE, loc), single = d === "float32" || d === "complex64";
  if (isInteger(d) || d === "bool") return ctx.fail("TYPE", `np.finfo of ${d}`, loc);
  const f = (v: number): Value => ({ kind: "scalar", dtype: single ? "float32" : "float64", weak: false, code: constant(v, single ? "float32" : "float64") });
  const tiny = f(single ? 2 ** -126 : 2 ** -1022), largest = single ? 3.4028234663852886e38 : Number.MAX_VALUE;
  return { kind: "object", entries: new Map([["eps", f(single ? 2 ** -23 : 2 ** -52)], ["max", f(largest)], ["min", f(-largest)], ["tiny", tiny], ["smallest_normal", tiny]]) };
});
define("np.iinfo", (ctx, args, _keywords, loc) => {
  const d = isNumber(args[0] ?? NONE) ? (args[0] as ScalarValue).dtype : dtypeFrom(ctx, args[0] ?? NONE, loc);
  if (!isInteger(d)) return ctx.fail("TYPE", `np.iinfo of ${d}`, loc);
  const [low, high] = integerRange(d), whole = (v: bigint): Value => (v >= BigInt(Number.MIN_SAFE_INTEGER) && v <= BigInt(Number.MAX_SAFE_INTEGER) ? ctx.int(Number(v)) : { kind: "scalar", dtype: "int64", weak: true, code: constant(v, "int64") });
  return { kind: "object", entries: new Map([["min", whole(low)], ["max", whole(high)], ["bits", ctx.int(8 * bytesOf(d))]]) };
});
define("np.shape", (ctx, args, _keywords, loc) => { const v = asArray(ctx, args[0] ?? NONE, loc); return tupleValue(shapeOfValue(v).map((e) => ctx.int(e))); });
define("np.ndim", (ctx, args, _keywords, loc) => ctx.int(shapeOfValue(asArray(ctx, args[0] ?? NONE, loc)).length));
define("np.size", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.size", "a axis?", args, keywords, loc), shape = shapeOfValue(b.array("a")), axis = b.axis("axis", shape.length);
  return ctx.int(axis === undefined ? sizeOf(shape) : shape[axis]!);
});
define("np.isscalar", (ctx, args) => ctx.bool(args[0]?.kind === "scalar"));
for (const [name, test] of [["iscomplexobj", isComplex], ["isrealobj", (d: DType): boolean => !isComplex(d)]] as const) define(`np.${name}`, (ctx, args, _keywords, loc) => ctx.bool(test(asArray(ctx, args[0] ?? NONE, loc).dtype)));
define("np.allclose", (ctx, args, keywords, loc) => reduceNamed(ctx, "all", [closeness(ctx, args, keywords, loc)], new Map(), loc));
define("np.array_equal", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.array_equal", "a1 a2", args, keywords, loc), x = b.array("a1"), y = b.array("a2"), p = shapeOfValue(x), q = shapeOfValue(y);
  if (p.length !== q.length) return ctx.bool(false);
  for (const [d, e] of p.entries()) if (e.key !== q[d]!.key) return e.constant !== undefined && q[d]!.constant !== undefined ? ctx.bool(false) : ctx.unsupported("np.array_equal of arrays whose sizes may differ", loc);
  return reduceNamed(ctx, "all", [compareValues(ctx, "==", x, y, loc)], new Map(), loc);
});
