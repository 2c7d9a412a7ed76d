/** `z.real` and `z.imag` of a complex array: views in NumPy, expressions here. A store through one is a store of complex numbers whose other part stays. */
import { isComplex, realOf } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { cast, op } from "../../../scalar/expr.js";
import type { Lowering } from "../context.js";
import { build, operandOf, throughMasks } from "../library/operands.js";
import { type ArrayValue, isArray, type LazyValue, shapeOf, type Value } from "../value.js";
import { broadcastTo, element } from "../store.js";
import { type Item, readIndex, writeIndex } from "./subscript.js";

export type PartValue = LazyValue & { readonly part: NonNullable<LazyValue["part"]> };
export function isPart(v: Value): v is PartValue { return v.kind === "lazy" && v.part !== undefined; }

/** z.real or z.imag as something that can be stored to. */
export function partNamed(v: Value, name: string, ctx: Lowering): PartValue | ArrayValue | undefined {
  if (v.kind !== "array" || (name !== "real" && name !== "imag")) return undefined;
  if (!isComplex(v.dtype)) return name === "real" ? v : undefined;
  const dtype = realOf(v.dtype);
  return { kind: "lazy", dtype, shape: shapeOf(v), at: (i) => op(name, dtype, element(ctx, v, i)), part: { source: v, name } };
}

export function readPart(ctx: Lowering, { part: { source, name } }: PartValue, items: readonly Item[], loc: SourceLoc): Value {
  return throughMasks(ctx, [readIndex(ctx, source, items, loc)], loc, ([v]) => partNamed(v!, name, ctx) ?? build(ctx, [operandOf(ctx, v!, loc)], ([z]) => op(name, realOf(source.dtype), z!), false, loc));
}

export function writePart(ctx: Lowering, { part: { source, name } }: PartValue, items: readonly Item[], value: Value, loc: SourceLoc): void {
  const now = readIndex(ctx, source, items, loc), { dtype } = source, real = realOf(dtype);
  const stored = throughMasks(ctx, [now, value], loc, (inner) => {
    const [old, given] = inner.map((v) => operandOf(ctx, v, loc)) as [ReturnType<typeof operandOf>, ReturnType<typeof operandOf>];
    if (isComplex(given.dtype)) return ctx.fail("TYPE", `storing complex numbers into .${name}`, loc, "store their .real or .imag");
    // What is stored must fit the place, not the other way round.
    if (isArray(given)) broadcastTo(ctx, given, isArray(old) ? shapeOf(old) : [], loc);
    return build(ctx, [old, given], ([z, x]) => {
      const v = cast(x!, real);
      return name === "real" ? op("complex", dtype, v, op("imag", real, z!)) : op("complex", dtype, op("real", real, z!), v);
    }, false, loc);
  });
  writeIndex(ctx, source, items, stored, loc);
}
