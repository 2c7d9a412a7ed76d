/** Lists, tuples and ranges as arrays (np.asarray). */
import type { DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { int, type Expr } from "../../../symbolic/expr.js";
import { compressed } from "../compress.js";
import type { Lowering } from "../context.js";
import { arrayOfGrown } from "../grown.js";
import { sameSize } from "../shapes.js";
import { type Arrayish, type ArrayValue, describe, indexOf, isArray, type LazyValue, type ScalarValue, shapeOf, type Value } from "../value.js";
import { codeAt } from "./operands.js";
import { convert, resultType, type Typed } from "./promote.js";

const MOST_ELEMENTS = 4096;

/** The value as an array or scalar, without a copy where it is one already. */
export function asArray(ctx: Lowering, v: Value, loc: SourceLoc): Arrayish | ScalarValue {
  if (v.kind === "scalar" || isArray(v)) return v;
  if (v.kind === "masked") return compressed(ctx, v, loc);
  if (v.kind === "grown") return arrayOfGrown(ctx, v, loc);
  return arrayOf(ctx, v, loc);
}

/** A list, tuple or range (nested to any depth) as a new array. */
export function arrayOf(ctx: Lowering, v: Value, loc: SourceLoc, dtype?: DType): ArrayValue | LazyValue {
  if (v.kind === "sequence") {
    const first = v.at(int(0));
    if (first.kind !== "scalar") return ctx.unsupported(`an array of ${describe(first)}`, loc);
    const type = dtype ?? first.dtype;
    return { kind: "lazy", dtype: type, shape: [v.length], at: ([i]) => { const e = v.at(i!); return convert((e as ScalarValue).code, type); } };
  }
  if (v.kind !== "list" && v.kind !== "tuple") return ctx.fail("TYPE", `${describe(v)} where an array is needed`, loc);
  const leaves: (ScalarValue | Arrayish)[] = [];
  const shape: Expr[] = [];
  const collect = (x: Value, depth: number): void => {
    if (x.kind === "list" || x.kind === "tuple") {
      const n = int(x.items.length);
      if (shape.length === depth) shape.push(n);
      else if (shape[depth]!.key !== n.key) ctx.fail("SHAPE", "nested lists of different lengths", loc, "rows of an array have equal lengths");
      for (const e of x.items) collect(e, depth + 1);
      return;
    }
    if (x.kind === "sequence") { collect(arrayOf(ctx, x, loc), depth); return; }
    if (x.kind !== "scalar" && !isArray(x)) { ctx.fail("TYPE", `${describe(x)} in an array`, loc); return; }
    const inner = x.kind === "scalar" ? [] : shapeOf(x);
    if (depth < shape.length && leaves.length === 0 && inner.length === 0) ctx.fail("SHAPE", "nested lists of different depths", loc);
    inner.forEach((size, d) => {
      const known = shape[depth + d];
      if (!known) shape.push(size);
      else if (known.key !== size.key) sameSize(ctx, known, size, loc, "elements of an array have different shapes");
    });
    if (depth + inner.length !== shape.length) ctx.fail("SHAPE", "elements of an array have different numbers of dimensions", loc);
    leaves.push(x);
  };
  collect(v, 0);
  if (leaves.length > MOST_ELEMENTS) return ctx.unsupported(`an array literal of ${leaves.length} elements`, loc, "pass it as an argument");
  const type = dtype ?? (leaves.length === 0 ? "float64" : ctx.language === "javascript" ? "float64" : resultType(leaves.map((l): Typed => ({ dtype: l.dtype, weak: l.kind === "scalar" && l.weak }))).dtype);
  const out = ctx.allocate(shape, type, "array", loc);
  let next = 0;
  const fill = (x: Value, at: readonly Expr[]): void => {
    if (x.kind === "list" || x.kind === "tuple") { x.items.forEach((e, i) => { fill(e, [...at, int(i)]); }); return; }
    const leaf = leaves[next++]!;
    if (leaf.kind === "scalar") { ctx.tasklet(out.data, indexOf(out, at), convert(leaf.code, type), { loc }); return; }
    ctx.map(shapeOf(leaf), (i) => { ctx.tasklet(out.data, indexOf(out, [...at, ...i]), convert(codeAt(ctx, leaf, i), type), { loc }); }, { loc });
  };
  fill(v, []);
  return out;
}
