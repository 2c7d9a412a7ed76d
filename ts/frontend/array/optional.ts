/** Variables that are None, null or undefined on some paths and something else on others: whether there is a value, beside the value. */
import { cast, constant, op } from "../../scalar/expr.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { SourceLoc } from "../../base/errors.js";
import { int } from "../../symbolic/expr.js";
import { knownOnEntry } from "./bounds.js";
import type { Lowering } from "./context.js";
import { type NoneValue, type OptionalValue, type ScalarValue, type Value, boolValue, describe, shapeOf } from "./value.js";

/** Something of the same kind, as what stands where there is none: nobody reads it. Undefined where that cannot be had. */
export function placeholder(ctx: Lowering, v: Value): Value | undefined {
  switch (v.kind) {
    case "scalar": return { kind: "scalar", dtype: v.dtype, weak: v.weak, code: v.dtype === "bool" ? constant(false, "bool") : v.dtype === "float64" ? constant(0, "float64") : cast(constant(0, "float64"), v.dtype), ...(v.int ? { int: int(0) } : {}) };
    case "array": case "lazy": return shapeOf(v).every((e) => knownOnEntry(ctx, e)) ? { kind: "lazy", dtype: v.dtype, shape: shapeOf(v), at: () => cast(constant(0, "float64"), v.dtype) } : undefined;
    case "list": case "tuple": { const items = v.items.map((x) => placeholder(ctx, x)); return items.includes(undefined) ? undefined : { ...v, items: items as Value[] }; }
    case "object": {
      const entries = [...v.entries].map(([k, x]) => [k, placeholder(ctx, x)] as const);
      return entries.some(([, x]) => x === undefined) ? undefined : { kind: "object", entries: new Map(entries as [string, Value][]), ...(v.cls ? { cls: v.cls } : {}) };
    }
    case "none": case "string": case "function": case "library": case "class": return v;
    default: return undefined;
  }
}

export function optional(present: ScalarValue, value: Value, none: NoneValue): Value {
  return present.code.kind === "const" ? (present.code.value ? value : none) : { kind: "optional", present, value, none };
}

/** What a language calls it. */
export function nameOf(ctx: Lowering, none: NoneValue): string { return ctx.language === "python" ? "None" : none.isNull ? "null" : "undefined"; }
/** Stops the program with an error of the language where there is no value. */
export function demanded(ctx: Lowering, v: Value, what: string, loc: SourceLoc): Value {
  if (v.kind !== "optional") return v;
  const { present, none } = v;
  ctx.conditional(op("not", "bool", present.code), () => { ctx.emit({ kind: "raise", id: freshId(), code: "RAISED", message: `${what} ${nameOf(ctx, none)}`, loc }); }, undefined, loc);
  return v.value;
}
/** In arithmetic: null is 0, undefined is no number, None is an error. */
export function asNumber(ctx: Lowering, v: OptionalValue, loc: SourceLoc): Value {
  if (ctx.language === "python") return demanded(ctx, v, "TypeError: arithmetic on", loc);
  if (v.value.kind !== "scalar" || v.value.dtype !== "float64") return ctx.unsupported(`arithmetic on a value that is ${describe(v.value)} or ${nameOf(ctx, v.none)}`, loc, "test it first");
  const without = constant(v.none.isNull ? 0 : NaN, "float64");
  return { kind: "scalar", dtype: "float64", weak: true, code: op("select", "float64", v.present.code, v.value.code, without) };
}
/** Is it (strictly) equal to this null or undefined? */
export function isNone(v: OptionalValue, other: NoneValue, strict: boolean): ScalarValue {
  if (strict && (v.none.isNull ?? false) !== (other.isNull ?? false)) return boolValue(false);
  return { kind: "scalar", dtype: "bool", weak: true, code: op("not", "bool", v.present.code) };
}
