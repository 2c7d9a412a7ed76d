/** What elementwise functions work on: scalars and arrays as codes per element, broadcast to a common shape. */
import { InternalError, type SourceLoc } from "../../../base/errors.js";
import { costOf } from "../../../scalar/ops.js";
import { visitScalar, type ScalarExpr } from "../../../scalar/expr.js";
import { ZERO, type Expr } from "../../../symbolic/expr.js";
import { isEqual } from "../../../symbolic/prove.js";
import { int, loadedContainers } from "../../../symbolic/expr.js";
import { compressed } from "../compress.js";
import type { Lowering } from "../context.js";
import { arrayOfGrown } from "../grown.js";
import { sameSize } from "../shapes.js";
import { materialise, toScalarContainer } from "../store.js";
import { type Arrayish, formatShape, indexOf, isArray, type LazyValue, type MaskedValue, type ScalarValue, shapeOf, type Value, describe } from "../value.js";
import { arrayOf } from "./convert.js";

export type Operand = ScalarValue | Arrayish;

/** A number, boolean, array or nested list as an operand; anything else is a TYPE error. */
export function operandOf(ctx: Lowering, v: Value, loc: SourceLoc): Operand {
  switch (v.kind) {
    case "scalar": return v;
    case "array": return v.dims.length === 0 ? scalarOf(ctx, v) : v;
    case "lazy": return v.shape.length === 0 ? scalarOf(ctx, v) : v;
    case "list": case "tuple": case "sequence": return arrayOf(ctx, v, loc);
    case "masked": return compressed(ctx, v, loc);
    case "grown": return arrayOfGrown(ctx, v, loc);
    case "none": return ctx.fail("TYPE", `${ctx.language === "python" ? "None" : "null or undefined"} in arithmetic`, loc);
    default: return ctx.fail("TYPE", `${describe(v)} where a number or an array is needed`, loc);
  }
}

/** The only element of an array of rank 0, or of one element. */
export function scalarOf(ctx: Lowering, v: Arrayish): ScalarValue {
  const code = codeAt(ctx, v, shapeOf(v).map(() => ZERO));
  return { kind: "scalar", dtype: code.dtype, weak: ctx.language === "javascript", code };
}

/** The element of an array at an index of its own rank. */
export function codeAt(ctx: Lowering, v: Arrayish, index: readonly Expr[]): ScalarExpr {
  return v.kind === "lazy" ? v.at(index) : ctx.read(v.data, indexOf(v, index));
}

/** The element of `v`, broadcast to `shape`, at an index into that shape. */
export function elementAt(ctx: Lowering, v: Operand, index: readonly Expr[], shape: readonly Expr[]): ScalarExpr {
  if (v.kind === "scalar") return v.code;
  const own = shapeOf(v), skip = shape.length - own.length;
  // Leading dimensions of size 1 that the target lacks.
  if (skip < 0) return codeAt(ctx, v, own.map((_, d) => (d < -skip ? ZERO : stretched(ctx, own[d]!, shape[d + skip]!) ? ZERO : index[d + skip]!)));
  return codeAt(ctx, v, own.map((size, d) => (stretched(ctx, size, shape[skip + d]!) ? ZERO : index[skip + d]!)));
}
/** Is a dimension of size 1 repeated along `size`? */
function stretched(ctx: Lowering, own: Expr, size: Expr): boolean {
  return own.constant === 1 || (own.key !== size.key && own.constant === undefined && loadedContainers(own).size === 0 && isEqual(own, int(1), ctx.facts) === "yes");
}

/** NumPy's broadcasting; sizes that cannot be shown equal are checked when the program is entered. */
export function broadcastShapes(ctx: Lowering, shapes: readonly (readonly Expr[])[], loc: SourceLoc): Expr[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out: Expr[] = [];
  for (let d = 0; d < rank; d++) {
    let size: Expr = int(1);
    for (const s of shapes) {
      const own = s[d - rank + s.length];
      if (!own || own.constant === 1 || own.key === size.key) continue;
      if (size.constant === 1) { size = own; continue; }
      if (loadedContainers(own).size === 0 && isEqual(own, int(1), ctx.facts) === "yes") continue;
      if (loadedContainers(size).size === 0 && isEqual(size, int(1), ctx.facts) === "yes") { size = own; continue; }
      sameSize(ctx, size, own, loc, `operands could not be broadcast together with shapes ${shapes.filter((x) => x.length > 0).map(formatShape).join(" ")}`);
      // A size that is a number is the better one to know.
      if (own.constant !== undefined) size = own;
    }
    out.push(size);
  }
  return out;
}

const ELEMENTARY_COST = 10;
function isCostly(code: ScalarExpr): boolean {
  let costly = false;
  visitScalar(code, (e) => { if (e.kind === "op" && costOf(e.op) >= ELEMENTARY_COST) costly = true; });
  return costly;
}
function isTrivial(code: ScalarExpr): boolean {
  let trivial = true;
  visitScalar(code, (e) => { if (e.kind === "op") trivial = false; });
  return trivial;
}

/** The operand in a form that is cheap to read at every element of `shape`: what would be computed many times over is computed once, as NumPy does. */
export function settle(ctx: Lowering, v: Operand, shape: readonly Expr[], loc: SourceLoc): Operand {
  if (v.kind === "scalar") {
    if (shape.length === 0 || !isCostly(v.code)) return v;
    const c = toScalarContainer(ctx, v, loc);
    return { ...v, code: ctx.read(c.data, indexOf(c, [])) };
  }
  if (v.kind !== "lazy") return v;
  const own = v.shape, skip = shape.length - own.length;
  const repeats = skip > 0 || own.some((s, d) => s.constant === 1 && shape[skip + d]!.constant !== 1);
  return repeats && !isTrivial(v.at(own.map(() => ZERO))) ? materialise(ctx, v, { loc }) : v;
}

/** Whether evaluating an element more than once costs next to nothing. */
export function isCheap(ctx: Lowering, v: Arrayish): boolean { return v.kind === "array" || isTrivial(v.at(v.shape.map(() => ZERO))); }

/** The operand's elementwise image under `f`, lazily; scalars at once. */
export function build(ctx: Lowering, operands: readonly Operand[], f: (codes: readonly ScalarExpr[]) => ScalarExpr, weak: boolean, loc: SourceLoc): ScalarValue | LazyValue {
  if (operands.every((o) => o.kind === "scalar")) {
    const code = f(operands.map((o) => o.code));
    return { kind: "scalar", dtype: code.dtype, weak, code };
  }
  const shape = broadcastShapes(ctx, operands.map((o) => (isArray(o) ? shapeOf(o) : [])), loc);
  const settled = operands.map((o) => settle(ctx, o, shape, loc));
  const at = (index: readonly Expr[]): ScalarExpr => f(settled.map((o) => elementAt(ctx, o, index, shape)));
  return { kind: "lazy", dtype: at(shape.map(() => ZERO)).dtype, shape, at };
}

/** Applies `f` under the masks of masked operands, which must be one and the same mask. */
export function throughMasks(ctx: Lowering, operands: readonly Value[], loc: SourceLoc, f: (inner: readonly Value[]) => Value): Value {
  const masks = operands.filter((o): o is MaskedValue => o.kind === "masked");
  if (masks.length === 0) return f(operands);
  const mask = masks[0]!.mask;
  if (!masks.every((m) => sameMask(m.mask, mask)) || operands.some((o) => isArray(o) && shapeOf(o).length > 0)) {
    return f(operands.map((o) => (o.kind === "masked" ? compressed(ctx, o, loc) : o)));
  }
  const value = f(operands.map((o) => (o.kind === "masked" ? o.value : o)));
  if (!isArray(value)) throw new InternalError("a masked operation without an array");
  return { kind: "masked", mask, value };
}
function sameMask(a: LazyValue | Arrayish, b: LazyValue | Arrayish): boolean {
  if (a === b) return true;
  const key = (v: Arrayish): string | undefined => (v.kind === "array" ? `${v.data}|${v.base.map((e) => e.key).join()}|${v.dims.map((d) => `${d.size.key}:${d.steps.map((s) => `${s.axis}*${s.step.key}`).join()}`).join(";")}` : undefined);
  return key(a) !== undefined && key(a) === key(b);
}
