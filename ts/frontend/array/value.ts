/** Abstract values of the lowering: what a source expression denotes while a program is specialised. */
import type { DType } from "../../base/dtypes.js";
import type { SourceLoc } from "../../base/errors.js";
import { constant, symbolic, cast, type ScalarExpr } from "../../scalar/expr.js";
import { type Expr, add, mul, int } from "../../symbolic/expr.js";
import type * as ast from "./ast.js";

/** Integer facts `e >= 0` that follow when a boolean is true, and when it is false. */
export interface Facts { readonly whenTrue: readonly Expr[]; readonly whenFalse: readonly Expr[] }

/**
 * A number or boolean. `code` refers to elements through the lowering's own read numbers (`Lowering.read`), so codes combine freely; nothing is
 * read before a node is emitted. `weak`: a Python scalar (weak in NumPy's promotion); every JavaScript number is weak float64.
 */
export interface ScalarValue {
  readonly kind: "scalar";
  readonly dtype: DType;
  readonly weak: boolean;
  readonly code: ScalarExpr;
  /** The same value as a symbolic integer, where it is proven integral. */
  readonly int?: Expr;
  /** The value is a / b for these integers (so that Math.floor or `|0` of it is a floor division). */
  readonly ratio?: { readonly a: Expr; readonly b: Expr };
  /** For booleans: what follows from it. */
  readonly facts?: Facts;
}

/** One dimension of a view: its size, and how much each container index grows per step along it (none: a broadcast dimension). */
export interface ViewDim { readonly size: Expr; readonly steps: readonly { readonly axis: number; readonly step: Expr }[] }

/** A view of a container: element i is at container index base[a] + Σ_d step(d, a) · i_d. */
export interface ArrayValue {
  readonly kind: "array";
  readonly data: string;
  readonly dtype: DType;
  readonly base: readonly Expr[];
  readonly dims: readonly ViewDim[];
}

/** An elementwise expression of arrays that no container holds: element i is the scalar `at(i)`. Free of side effects. */
export interface LazyValue {
  readonly kind: "lazy";
  readonly dtype: DType;
  readonly shape: readonly Expr[];
  readonly at: (index: readonly Expr[]) => ScalarExpr;
  /** It is the real or imaginary parts of an array: in NumPy a view. */
  readonly part?: { readonly source: ArrayValue; readonly name: "real" | "imag" };
}

/** `values[mask]` before anything consumes it: `value` restricted to where `mask` holds; its length is not known. */
export interface MaskedValue { readonly kind: "masked"; readonly mask: LazyValue | ArrayValue; readonly value: LazyValue | ArrayValue }

/** `snapshot`: a list as a variable of a loop holds it, which is not the list itself. */
export interface TupleValue { readonly kind: "tuple" | "list"; readonly items: Value[]; readonly snapshot?: boolean; /** It is an instance of a class whose instances never change: the fields' names, in order. */ readonly record?: Fields }
export interface Fields { readonly cls: ClassValue; readonly names: readonly string[] }
/** A tuple or list like another one, of other elements. */
export function withItems(v: TupleValue, items: Value[]): TupleValue { return { kind: v.kind, items, ...(v.record ? { record: v.record } : {}) }; }
/** A class; `base`: the one that it extends; `constants`: its own attributes. */
export interface ClassValue { readonly kind: "class"; readonly def: ast.ClassDef; readonly base?: ClassValue; readonly constants: ReadonlyMap<string, Value> }
/** A closure. `defaults`: what its parameters' defaults were where it was made, as Python has it. */
export interface FunctionValue { readonly kind: "function"; readonly def: ast.FunctionDef; readonly scope: unknown; readonly defaults?: ReadonlyMap<string, Value>; /** Its first argument: the instance whose method it is, or the class. */ readonly self?: Value }
export interface LibraryValue { readonly kind: "library"; readonly name: string }
/** A library method or bound attribute, waiting for its call. */
export interface MethodValue { readonly kind: "method"; readonly self: Value; readonly name: string }
export interface DTypeValue { readonly kind: "dtype"; readonly dtype: DType }
export interface SliceValue { readonly kind: "slice"; readonly start?: Value; readonly stop?: Value; readonly step?: Value }
export interface StringValue { readonly kind: "string"; readonly value: string }
/** Python's None; JavaScript's undefined, or null. */
export interface NoneValue { readonly kind: "none"; readonly isNull?: boolean }
export interface ObjectValue { readonly kind: "object"; readonly entries: Map<string, Value>; readonly cls?: ClassValue; /** It is the module's: what a call did to it would last. */ shared?: boolean; /** As a variable that a loop or a branch assigns holds it: it is not the object itself. */ readonly snapshot?: boolean; /** Such a variable took its fields. */ sealed?: boolean; /** A loop around changed it, which was there before the loop. */ touched?: boolean }
/** A value where `present` holds, else null or undefined (optional.ts). */
export interface OptionalValue { readonly kind: "optional"; readonly present: ScalarValue; readonly value: Value; readonly none: NoneValue }
/** Something a `for` can run over: `at(i)` for 0 <= i < length. `range`: at(i) is the integer start + step·i. */
export interface SequenceValue {
  readonly kind: "sequence";
  readonly length: Expr;
  readonly at: (index: Expr) => Value;
  readonly range?: { readonly start: Expr; readonly stop: Expr; readonly step: number };
}
/** A list that a loop makes longer (see grown.ts). `key`: where it starts to grow; `loop`: the loop in which; `items`: how many elements it had before. Its identity is the source's. */
export interface GrownValue {
  readonly kind: "grown";
  readonly key: string;
  readonly loop: string;
  readonly label: string;
  readonly items: number;
  /** It stands for a NumPy array, which is made longer (evaluate/appended.ts): its elements are copies for the source, too. */
  readonly array?: boolean;
  /** `length`: how many elements, unless the run counts them in `counter`; `most`: at most how many; `data`: a row per element; `sealed`: another list holds it; `asked`: where it was read before it had elements; `skipped`: a store that was put off until more is known; `atTop`: it was made where every run comes by once. */
  readonly state: { length: Expr; most: Expr; counter?: string; data?: ArrayValue; sealed: boolean; asked?: SourceLoc | undefined; skipped?: SourceLoc; readonly atTop?: boolean };
}
/** Stands for a value whose computation was reported as an error (statements that use it are skipped silently), or, with a reason, for one that must not be used. */
export interface PoisonValue { readonly kind: "poison"; readonly reason?: string }

export type Value =
  | ScalarValue | ArrayValue | LazyValue | MaskedValue | TupleValue | FunctionValue | LibraryValue | MethodValue | DTypeValue
  | SliceValue | StringValue | NoneValue | ClassValue | ObjectValue | OptionalValue | SequenceValue | GrownValue | PoisonValue;

/** What has a shape and elements. */
export type Arrayish = ArrayValue | LazyValue;

export const NONE: NoneValue = { kind: "none" };
export const NULL: NoneValue = { kind: "none", isNull: true };
/** Both null, or both undefined. */
export function sameNone(a: NoneValue, b: NoneValue): boolean { return (a.isNull ?? false) === (b.isNull ?? false); }

export function isArray(v: Value): v is Arrayish { return v.kind === "array" || v.kind === "lazy"; }
export function shapeOf(v: Arrayish): readonly Expr[] { return v.kind === "array" ? v.dims.map((d) => d.size) : v.shape; }

/** The container index of a view's element. */
export function indexOf(v: ArrayValue, index: readonly Expr[]): Expr[] {
  const out = [...v.base];
  v.dims.forEach((d, k) => { for (const s of d.steps) out[s.axis] = add(out[s.axis]!, mul(s.step, index[k]!)); });
  return out;
}

/** A symbolic integer as a value: a weak int64 in Python, a double that is known to be integral in JavaScript. */
export function intValue(e: Expr, language: ast.ArrayProgram["language"] = "python"): ScalarValue {
  const c = e.constant;
  if (language === "python") return { kind: "scalar", dtype: "int64", weak: true, code: c !== undefined ? constant(c, "int64") : symbolic(e, "int64"), int: e };
  return { kind: "scalar", dtype: "float64", weak: true, code: c !== undefined ? constant(c, "float64") : cast(symbolic(e, "int64"), "float64"), int: e };
}
/** A weak float constant. In JavaScript an integral one carries its integer. */
export function floatValue(value: number, language: ast.ArrayProgram["language"] = "python"): ScalarValue {
  if (language === "javascript" && Number.isSafeInteger(value) && !Object.is(value, -0)) return intValue(int(value), language);
  return { kind: "scalar", dtype: "float64", weak: true, code: constant(value, "float64") };
}
export function boolValue(value: boolean): ScalarValue { return { kind: "scalar", dtype: "bool", weak: true, code: constant(value, "bool") }; }
export function stringValue(value: string): StringValue { return { kind: "string", value }; }
export function tupleValue(items: Value[]): TupleValue { return { kind: "tuple", items }; }
export function listValue(items: Value[]): TupleValue { return { kind: "list", items }; }
/** A scalar of a given dtype, weak unless told; `int` where integral. */
export function scalarValue(code: ScalarExpr, weak = false, int?: Expr): ScalarValue {
  return int ? { kind: "scalar", dtype: code.dtype, weak, code, int } : { kind: "scalar", dtype: code.dtype, weak, code };
}

/** The compile-time number of a scalar, or undefined. */
export function constantOf(v: Value): number | boolean | bigint | undefined {
  if (v.kind !== "scalar") return undefined;
  if (v.int?.constant !== undefined && v.dtype !== "bool") return v.int.constant;
  return v.code.kind === "const" && v.code.imag === undefined ? v.code.value : undefined;
}
/** The symbolic integer of a value, or undefined. Booleans count as 0 and 1 when constant. */
export function integerOf(v: Value): Expr | undefined {
  if (v.kind !== "scalar") return undefined;
  if (v.int) return v.int;
  const c = constantOf(v);
  return typeof c === "boolean" ? int(c ? 1 : 0) : undefined;
}

/** A name for a value in messages. */
export function describe(v: Value): string {
  switch (v.kind) {
    case "scalar": return v.dtype === "bool" ? "a boolean" : "a number";
    case "array": case "lazy": return `an array of shape ${formatShape(shapeOf(v))}`;
    case "masked": return "an array of data-dependent length";
    case "tuple": return v.record ? `an instance of ${v.record.cls.def.name}` : "a tuple";
    case "list": case "grown": return "a list";
    case "function": return `the function ${v.def.name}`;
    case "library": return v.name;
    case "method": return `the method ${v.name}`;
    case "dtype": return `the dtype ${v.dtype}`;
    case "slice": return "a slice";
    case "string": return "a string";
    case "none": return "None";
    case "object": return v.cls ? `an instance of ${v.cls.def.name}` : "an object";
    case "class": return `the class ${v.def.name}`;
    case "optional": return `${describe(v.value)} or nothing`;
    case "sequence": return "a sequence";
    case "poison": return "an invalid value";
  }
}
export function formatShape(shape: readonly Expr[]): string {
  return shape.length === 1 ? `(${shape[0]!.key},)` : `(${shape.map((e) => e.key).join(", ")})`;
}
