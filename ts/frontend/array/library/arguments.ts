/** Arguments of library functions by name, and the kinds of values that they are read as. */
import { parseDType, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { addInt, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import type { Keywords } from "../registry.js";
import { axisOf, requireInt } from "../shapes.js";
import { type Arrayish, constantOf, describe, type ScalarValue, type Value } from "../value.js";
import { asArray } from "./convert.js";
import { operandOf, type Operand } from "./operands.js";

/** Arguments by parameter name. */
export class Bound {
  constructor(readonly ctx: Lowering, readonly name: string, readonly values: ReadonlyMap<string, Value>, readonly loc: SourceLoc) {}
  /** The argument, or undefined if it is missing or None. */
  get(name: string): Value | undefined { const v = this.values.get(name); return v?.kind === "none" ? undefined : v; }
  has(name: string): boolean { return this.values.has(name); }
  need(name: string): Value {
    return this.values.get(name) ?? this.ctx.fail("ARGUMENT", `${this.name} needs the argument ${name}`, this.loc);
  }
  operand(name: string): Operand { return operandOf(this.ctx, this.need(name), this.loc); }
  /** As `operand`, but a 0-d array or list stays an array. */
  array(name: string): Arrayish | ScalarValue { return asArray(this.ctx, this.need(name), this.loc); }
  int(name: string): Expr | undefined { const v = this.get(name); return v && requireInt(this.ctx, v, this.loc, `${name} of ${this.name}`); }
  /** An integer that is known when the program is compiled. */
  literal(name: string): number | undefined {
    const e = this.int(name);
    if (!e) return undefined;
    return e.constant ?? this.ctx.unsupported(`${name} of ${this.name} that is not known when the program is compiled`, this.loc, "write it as a number");
  }
  axis(name: string, rank: number): number | undefined { const v = this.get(name); return v && axisOf(this.ctx, v, rank, this.loc); }
  /** Axes from an integer or a tuple; all of them if absent. */
  axes(name: string, rank: number): number[] {
    const v = this.get(name);
    if (!v) return Array.from({ length: rank }, (_, i) => i);
    const list = v.kind === "tuple" || v.kind === "list" ? v.items.map((x) => axisOf(this.ctx, x, rank, this.loc)) : [axisOf(this.ctx, v, rank, this.loc)];
    if (new Set(list).size !== list.length) this.ctx.fail("SHAPE", "duplicate value in axis", this.loc);
    return list;
  }
  flag(name: string, otherwise = false): boolean {
    const v = this.get(name);
    if (!v) return otherwise;
    const c = constantOf(v);
    if (typeof c === "boolean" || typeof c === "number") return Boolean(c);
    return this.ctx.unsupported(`${name} of ${this.name} that is not True or False`, this.loc);
  }
  dtype(name = "dtype"): DType | undefined { const v = this.get(name); return v && dtypeFrom(this.ctx, v, this.loc); }
  text(name: string): string | undefined {
    const v = this.get(name);
    if (!v) return undefined;
    return v.kind === "string" ? v.value : this.ctx.fail("TYPE", `${name} of ${this.name} must be a string`, this.loc);
  }
  /** Only row-major arrays exist here. */
  rowMajor(): void {
    const o = this.text("order");
    if (o !== undefined && !["C", "K", "A"].includes(o)) this.ctx.unsupported(`order="${o}"`, this.loc, "arrays are row-major here: use the transpose");
  }
}

/**
 * Binds arguments to a signature such as "a axis? dtype? *" : names in order, `?` optional, after `*` by keyword only, and a last `...name` takes the
 * remaining positional arguments as a tuple.
 */
export function bind(ctx: Lowering, name: string, signature: string, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Bound {
  const values = new Map<string, Value>();
  const params = signature.split(" ").filter((p) => p !== "");
  const names = params.filter((p) => p !== "*").map((p) => p.replace(/\?$|^\.\.\./g, ""));
  const star = params.indexOf("*"), positional = star < 0 ? params : params.slice(0, star);
  let next = 0;
  for (const p of positional) {
    if (p.startsWith("...")) { values.set(p.slice(3), { kind: "tuple", items: args.slice(next) }); next = args.length; break; }
    if (next < args.length) values.set(p.replace("?", ""), args[next++]!);
  }
  if (next < args.length) ctx.fail("ARGUMENT", `${name} takes at most ${positional.length} arguments here, ${args.length} given`, loc);
  for (const [k, v] of keywords) {
    if (!names.includes(k)) ctx.unsupported(`the keyword ${k} of ${name}`, loc, names.length > 1 ? `supported: ${names.join(", ")}` : undefined);
    if (values.has(k)) ctx.fail("ARGUMENT", `${name} got several values for ${k}`, loc);
    values.set(k, v);
  }
  for (const p of params) if (p !== "*" && !p.endsWith("?") && !p.startsWith("...") && !values.has(p)) ctx.fail("ARGUMENT", `${name} needs the argument ${p}`, loc);
  return new Bound(ctx, name, values, loc);
}

const BUILTIN_TYPES: Readonly<Record<string, DType>> = { float: "float64", int: "int64", bool: "bool", complex: "complex128" };

/** A dtype: np.float32, float, "f4", "float32", x.dtype. */
export function dtypeFrom(ctx: Lowering, v: Value, loc: SourceLoc): DType {
  if (v.kind === "dtype") return v.dtype;
  if (v.kind === "library") {
    const d = BUILTIN_TYPES[v.name] ?? parseDType(v.name.replace(/^np\./, ""));
    if (d) return d;
  }
  if (v.kind === "string") {
    const d = parseDType(v.value) ?? DTYPE_CODES[v.value.replace(/^[<=|]/, "")];
    if (d) return d;
  }
  const what = v.kind === "string" ? `the dtype "${v.value}"` : v.kind === "library" ? `the dtype ${v.name}` : `${describe(v)} as a dtype`;
  return ctx.unsupported(what, loc, "float64, float32, int8 to int64, uint8 to uint64, bool, complex64, complex128");
}
const DTYPE_CODES: Readonly<Record<string, DType>> = {
  f8: "float64", f4: "float32", d: "float64", f: "float32", i1: "int8", i2: "int16", i4: "int32", i8: "int64", u1: "uint8", u2: "uint16", u4: "uint32", u8: "uint64", "?": "bool", b1: "bool", c8: "complex64", c16: "complex128",
  single: "float32", i: "int32", l: "int64", q: "int64", D: "complex128", F: "complex64",
};

/** The last index of a size. */
export function last(e: Expr): Expr { return addInt(e, -1); }
