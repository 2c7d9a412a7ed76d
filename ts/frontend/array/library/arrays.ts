/** Making arrays: allocation, copies, ranges, grids, identity and triangles. */
import { isComplex, isFloat, isInteger, type DType } from "../../../base/dtypes.js";
import type { SourceLoc } from "../../../base/errors.js";
import { constant, op, select, symbolic, type ScalarExpr } from "../../../scalar/expr.js";
import { add, addInt, equals, int, max, min, mul, neg, ONE, sub, ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { entryInteger } from "../entry.js";
import { isPart, writePart } from "../evaluate/parts.js";
import { define, defineMethod, type Keywords } from "../registry.js";
import { requireInt, shapeFromValue } from "../shapes.js";
import { materialise, store, toScalarContainer } from "../store.js";
import { type Arrayish, type ArrayValue, constantOf, indexOf, isArray, type LazyValue, type ScalarValue, shapeOf, tupleValue, type Value, type ViewDim } from "../value.js";
import { bind, type Bound } from "./arguments.js";
import { asArray, arrayOf } from "./convert.js";
import { castTo } from "./elementwise.js";
import { codeAt, elementAt, operandOf, type Operand } from "./operands.js";
import { convert, one, resultType, zero } from "./promote.js";
import { proven } from "./integers.js";
import { ceilDiv, reshaped, sizeOf } from "./views.js";

/** All elements in one dimension: a view where they lie one after the other. */
export function flattened(ctx: Lowering, v: Arrayish, loc: SourceLoc): ArrayValue { return reshaped(ctx, v, [sizeOf(shapeOf(v))], loc); }

/** Every element of a (fresh) view, from an operand that is broadcast. */
export function fill(ctx: Lowering, target: ArrayValue, value: Operand, loc: SourceLoc): void {
  const shape = shapeOf(target);
  ctx.map(shape, (i) => { ctx.tasklet(target.data, indexOf(target, i), convert(elementAt(ctx, value, i, shape), target.dtype), { loc }); }, { loc });
}
/** A new array with all elements set to one value. */
export function filled(ctx: Lowering, shape: readonly Expr[], dtype: DType, code: ScalarExpr, label: string, loc: SourceLoc): ArrayValue {
  const out = ctx.allocate(shape, dtype, label, loc);
  fill(ctx, out, { kind: "scalar", dtype: code.dtype, weak: false, code }, loc);
  return out;
}
/** A new array with the elements of another. */
export function copied(ctx: Lowering, v: Arrayish | ScalarValue, loc: SourceLoc, dtype?: DType): ArrayValue { return materialise(ctx, v, { copy: true, loc, ...(dtype ? { dtype } : {}) }); }

function valueOf(ctx: Lowering, v: Value, loc: SourceLoc): ScalarValue {
  const o = operandOf(ctx, v, loc);
  return o.kind === "scalar" ? o : ctx.unsupported("an array as the fill value", loc, "use np.broadcast_to(…).copy()");
}

// ---- allocation

for (const [name, make] of [["zeros", zero], ["ones", one]] as const) {
  define(`np.${name}`, (ctx, args, keywords, loc) => {
    const b = bind(ctx, `np.${name}`, "shape dtype? order?", args, keywords, loc);
    b.rowMajor();
    const dtype = b.dtype() ?? "float64";
    return filled(ctx, shapeFromValue(ctx, b.need("shape"), loc), dtype, make(dtype), name, loc);
  });
  define(`np.${name}_like`, (ctx, args, keywords, loc) => like(ctx, bind(ctx, `np.${name}_like`, "a dtype? order? subok? shape?", args, keywords, loc), (shape, dtype) => filled(ctx, shape, dtype, make(dtype), name, loc)));
}
function like(ctx: Lowering, b: Bound, make: (shape: readonly Expr[], dtype: DType) => ArrayValue): ArrayValue {
  b.rowMajor();
  const a = b.array("a"), given = b.get("shape");
  return make(given ? shapeFromValue(ctx, given, b.loc) : isArray(a) ? shapeOf(a) : [], b.dtype() ?? a.dtype);
}
define(["np.empty", "np.ndarray"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.empty", "shape dtype? order?", args, keywords, loc);
  b.rowMajor();
  return ctx.allocate(shapeFromValue(ctx, b.need("shape"), loc), b.dtype() ?? "float64", "empty", loc);
});
define("np.empty_like", (ctx, args, keywords, loc) => like(ctx, bind(ctx, "np.empty_like", "a dtype? order? subok? shape?", args, keywords, loc), (shape, dtype) => ctx.allocate(shape, dtype, "empty", loc)));
define("np.full", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.full", "shape fill_value dtype? order?", args, keywords, loc), v = valueOf(ctx, b.need("fill_value"), loc);
  b.rowMajor();
  return filled(ctx, shapeFromValue(ctx, b.need("shape"), loc), b.dtype() ?? v.dtype, v.code, "full", loc);
});
define("np.full_like", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.full_like", "a fill_value dtype? order? subok? shape?", args, keywords, loc), v = valueOf(ctx, b.need("fill_value"), loc);
  return like(ctx, b, (shape, dtype) => filled(ctx, shape, dtype, v.code, "full", loc));
});

// ---- conversion and copies

define("np.array", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.array", "object dtype? * copy? order? ndmin?", args, keywords, loc);
  b.rowMajor();
  const v = toArray(ctx, b.need("object"), b.dtype(), !b.has("copy") || b.flag("copy", false), loc);
  const rank = b.literal("ndmin") ?? 0, own = shapeOf(v).length;
  return rank > own ? { ...v, dims: [...Array.from({ length: rank - own }, (): ViewDim => ({ size: ONE, steps: [] })), ...v.dims] } : v;
});
function toArray(ctx: Lowering, v: Value, dtype: DType | undefined, copy: boolean, loc: SourceLoc): ArrayValue {
  if (v.kind === "list" || v.kind === "tuple" || v.kind === "sequence") return materialise(ctx, arrayOf(ctx, v, loc, dtype), { loc });
  const a = asArray(ctx, v, loc);
  return materialise(ctx, a, { loc, ...(dtype ? { dtype } : {}), ...(copy ? { copy: true } : {}) });
}
define(["np.asarray", "np.asanyarray"], (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.asarray", "a dtype? order?", args, keywords, loc);
  b.rowMajor();
  return toArray(ctx, b.need("a"), b.dtype(), false, loc);
});
define("np.ascontiguousarray", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.ascontiguousarray", "a dtype?", args, keywords, loc), v = toArray(ctx, b.need("a"), b.dtype(), false, loc);
  const whole = ctx.whole(v.data);
  return v.dims.length === whole.dims.length && v.dims.every((d, k) => equals(d.size, whole.dims[k]!.size) && d.steps.length === 1 && d.steps[0]!.axis === k && d.steps[0]!.step.constant === 1) ? v : copied(ctx, v, loc);
});
define("np.copy", (ctx, args, keywords, loc) => copied(ctx, bind(ctx, "np.copy", "a order? subok?", args, keywords, loc).array("a"), loc));
defineMethod("python", "copy", (ctx, args, keywords, loc) => {
  const self = args[0]!;
  if (self.kind === "list") return { kind: "list", items: [...self.items] };
  if (self.kind === "scalar") return self;
  return copied(ctx, bind(ctx, "copy", "a order?", args, keywords, loc).array("a"), loc);
});
defineMethod("python", "astype", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "astype", "a dtype order? casting? subok? copy?", args, keywords, loc);
  const dtype = b.dtype()!, self = b.need("a");
  if (isArray(self) && self.dtype === dtype && b.has("copy") && !b.flag("copy", true)) return self;
  const from = operandOf(ctx, self, loc);
  if (isComplex(from.dtype) && !isComplex(dtype)) return ctx.unsupported("astype from complex to real", loc, "use .real");
  return castTo(ctx, self, dtype, loc);
});
define("np.copyto", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.copyto", "dst src casting? where?", args, keywords, loc), dst = b.need("dst");
  if (dst.kind !== "array") return ctx.fail("TYPE", "np.copyto needs an array to write to", loc);
  const where = b.get("where"), src = b.operand("src"), shape = shapeOf(dst);
  const mask = where ? operandOf(ctx, where, loc) : undefined;
  store(ctx, dst, mask ? { kind: "lazy", dtype: dst.dtype, shape, at: (i) => select(convert(elementAt(ctx, mask, i, shape), "bool"), convert(elementAt(ctx, src, i, shape), dst.dtype), elementAt(ctx, dst, i, shape)) } : src, loc);
  return { kind: "none" };
}, { impure: true });
defineMethod("python", "fill", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "fill", "a value", args, keywords, loc), a = b.need("a");
  if (isPart(a)) { writePart(ctx, a, [{ kind: "ellipsis", loc }], valueOf(ctx, b.need("value"), loc), loc); return { kind: "none" }; }
  if (a.kind !== "array") return ctx.fail("TYPE", "fill needs an array", loc);
  store(ctx, a, valueOf(ctx, b.need("value"), loc), loc);
  return { kind: "none" };
}, { impure: true });

// ---- ranges

/** A value that is an integer, even if it was written as a float. */
function wholeOf(v: ScalarValue): Expr | undefined {
  if (v.int) return v.int;
  const c = constantOf(v);
  return typeof c === "number" && Number.isSafeInteger(c) ? int(c) : undefined;
}
export function atLeastZero(ctx: Lowering, e: Expr): Expr { return e.constant !== undefined ? int(Math.max(0, e.constant)) : proven(ctx, e) ? e : max(ZERO, e); }

/** The number of integers from start by step to before stop. */
export function rangeLength(ctx: Lowering, start: Expr, stop: Expr, step: number): Expr {
  const span = step > 0 ? sub(stop, start) : sub(start, stop), by = Math.abs(step);
  return atLeastZero(ctx, by === 1 ? span : ceilDiv(span, int(by)));
}

define("np.arange", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.arange", "start? stop? step? dtype?", args, keywords, loc);
  const scalar = (name: string): ScalarValue | undefined => { const v = b.get(name); if (!v) return undefined; const o = operandOf(ctx, v, loc); return o.kind === "scalar" ? o : ctx.fail("TYPE", `${name} of np.arange must be a number`, loc); };
  let start = scalar("start"), stop = scalar("stop");
  const step = scalar("step") ?? ctx.int(1);
  if (!stop) { stop = start; start = ctx.int(0); }
  if (!stop) return ctx.fail("ARGUMENT", "np.arange needs a stop", loc);
  start ??= ctx.int(0);
  const all = [start, stop, step], dtype = b.dtype() ?? resultType(all).dtype;
  const s = wholeOf(start), e = wholeOf(stop), k = wholeOf(step)?.constant;
  if (s && e && k !== undefined) {
    if (k === 0) return ctx.fail("ARGUMENT", "the step of np.arange is 0", loc);
    return { kind: "lazy", dtype, shape: [rangeLength(ctx, s, e, k)], at: ([i]) => convert(symbolic(add(s, mul(int(k), i!))), dtype) };
  }
  const known = all.map((x) => constantOf(x));
  if (known.every((x): x is number => typeof x === "number") && (isFloat(dtype) || isInteger(dtype))) {
    const [p, q, r] = known as [number, number, number], n = Math.max(0, Math.ceil((q - p) / r)), delta = p + r - p;
    return { kind: "lazy", dtype, shape: [int(n)], at: ([i]) => convert(op("add", "float64", constant(p, "float64"), op("mul", "float64", convert(symbolic(i!), "float64"), constant(delta, "float64"))), dtype) };
  }
  if (all.every((x) => isFloat(x.dtype) || isInteger(x.dtype)) && isFloat(dtype)) {
    const [p, q, r] = all.map((x) => convert(x.code, "float64")) as [ScalarExpr, ScalarExpr, ScalarExpr], d = "float64" as const;
    const n = entryInteger(ctx, op("max", d, op("ceil", d, op("div", d, op("sub", d, q, p), r)), constant(0, d))), delta = op("sub", d, op("add", d, p, r), p);
    if (n) { ctx.assume(n); return { kind: "lazy", dtype, shape: [n], at: ([i]) => convert(op("add", d, p, op("mul", d, convert(symbolic(i!), d), delta)), dtype) }; }
  }
  return ctx.unsupported("np.arange whose length depends on floats that are known only when the program runs", loc, "use np.linspace, or np.arange(n) * step");
});

define("np.linspace", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.linspace", "start stop num? endpoint? retstep? dtype? axis?", args, keywords, loc);
  const { value, step } = spaced(ctx, b, loc);
  return b.flag("retstep") ? tupleValue([value, step]) : value;
});
/** start + i·step, the last element being stop itself. */
function spaced(ctx: Lowering, b: Bound, loc: SourceLoc): { readonly value: LazyValue; readonly step: ScalarValue } {
  const ends = ["start", "stop"].map((n) => b.operand(n));
  const [p, q] = ends;
  if (p?.kind !== "scalar" || q?.kind !== "scalar") return ctx.unsupported(`${b.name} between arrays`, loc);
  const num = b.get("num") ? requireInt(ctx, b.get("num")!, loc, "num") : int(50), endpoint = b.flag("endpoint", true);
  const t = resultType([p, q]).dtype, dtype = isFloat(t) || isComplex(t) ? t : "float64";
  const first = fixed(ctx, p, dtype, loc), end = fixed(ctx, q, dtype, loc);
  const gaps = endpoint ? addInt(num, -1) : num;
  const stepCode = op("div", dtype, op("sub", dtype, end, first), convert(symbolic(gaps), dtype));
  const step = first.kind === "const" && end.kind === "const" && gaps.constant !== undefined && dtype === "float64"
    ? constant((Number(end.value) - Number(first.value)) / gaps.constant, dtype) : fixed(ctx, { kind: "scalar", dtype, weak: false, code: stepCode }, dtype, loc);
  const result = b.dtype() ?? dtype;
  const value: LazyValue = {
    kind: "lazy", dtype: result, shape: [num],
    at: ([i]) => {
      // The product is rounded before the sum, as in NumPy: a + of its own could be fused with it, and a grid's points would part in the last bit.
      const at = convert(symbolic(i!), dtype), steps = isFloat(dtype) ? op("fma", dtype, at, step, constant(0, dtype)) : op("mul", dtype, at, step);
      const inner = op("add", dtype, steps, first);
      const code = endpoint ? select(op("eq", "bool", symbolic(i!), symbolic(addInt(num, -1))), end, inner) : inner;
      // A single element is the start, whatever the step.
      return convert(gaps.constant === undefined || gaps.constant <= 0 ? select(op("eq", "bool", symbolic(i!), constant(0, "int64")), first, code) : code, result);
    },
  };
  return { value, step: { kind: "scalar", dtype, weak: false, code: step } };
}
/** A scalar's code, computed once. */
function fixed(ctx: Lowering, v: ScalarValue, dtype: DType, loc: SourceLoc): ScalarExpr {
  const code = convert(v.code, dtype);
  if (code.kind === "const" || code.kind === "symbolic" || (code.kind === "cast" && code.arg.kind === "symbolic")) return code;
  return ctx.read(toScalarContainer(ctx, { kind: "scalar", dtype, weak: false, code }, loc).data, []);
}
define("np.logspace", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.logspace", "start stop num? endpoint? base? dtype?", args, keywords, loc), v = spaced(ctx, b, loc).value;
  const base = b.get("base") ? valueOf(ctx, b.get("base")!, loc).code : constant(10, "float64");
  return { ...v, at: (i: readonly Expr[]) => op("pow", v.dtype, convert(base, v.dtype), v.at(i)) };
});

// ---- matrices

const isAt = (i: Expr, j: Expr, k: Expr): ScalarExpr => op("eq", "bool", symbolic(j), symbolic(add(i, k)));
function eye(ctx: Lowering, n: Expr, m: Expr, k: Expr, dtype: DType, loc: SourceLoc): ArrayValue {
  return copied(ctx, { kind: "lazy", dtype, shape: [n, m], at: ([i, j]) => select(isAt(i!, j!, k), one(dtype), zero(dtype)) }, loc);
}
define("np.eye", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.eye", "N M? k? dtype? order?", args, keywords, loc), n = b.int("N")!;
  return eye(ctx, n, b.int("M") ?? n, b.int("k") ?? ZERO, b.dtype() ?? "float64", loc);
});
define("np.identity", (ctx, args, keywords, loc) => { const b = bind(ctx, "np.identity", "n dtype?", args, keywords, loc), n = b.int("n")!; return eye(ctx, n, n, ZERO, b.dtype() ?? "float64", loc); });
define("np.tri", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.tri", "N M? k? dtype?", args, keywords, loc), n = b.int("N")!, k = b.int("k") ?? ZERO, dtype = b.dtype() ?? "float64";
  return copied(ctx, { kind: "lazy", dtype, shape: [n, b.int("M") ?? n], at: ([i, j]) => select(op("le", "bool", symbolic(j!), symbolic(add(i!, k))), one(dtype), zero(dtype)) }, loc);
});
for (const [name, keeps] of [["triu", "ge"], ["tril", "le"]] as const) define(`np.${name}`, (ctx, args, keywords, loc) => {
  const b = bind(ctx, `np.${name}`, "m k?", args, keywords, loc), a = b.operand("m"), k = b.int("k") ?? ZERO;
  if (!isArray(a) || shapeOf(a).length < 2) return ctx.unsupported(`np.${name} of an array with less than 2 dimensions`, loc);
  const shape = shapeOf(a);
  return { kind: "lazy", dtype: a.dtype, shape, at: (i) => select(op(keeps, "bool", symbolic(i.at(-1)!), symbolic(add(i.at(-2)!, k))), codeAt(ctx, a, i), zero(a.dtype)) };
});

/** The view of a diagonal of two dimensions; it comes last. */
export function diagonalOf(ctx: Lowering, v: Arrayish, k: number, p: number, q: number, loc: SourceLoc): Arrayish {
  const shape = shapeOf(v), m = k < 0 ? addInt(shape[p]!, k) : shape[p]!, n = k > 0 ? addInt(shape[q]!, -k) : shape[q]!;
  const d = sub(m, n), length = atLeastZero(ctx, proven(ctx, d) ? n : proven(ctx, neg(d)) ? m : min(m, n));
  const start = (a: number): Expr => (a === p && k < 0 ? int(-k) : a === q && k > 0 ? int(k) : ZERO);
  if (v.kind === "array") {
    const base = [...v.base];
    for (const a of [p, q]) for (const s of v.dims[a]!.steps) base[s.axis] = add(base[s.axis]!, mul(s.step, start(a)));
    const steps = new Map<number, Expr>();
    for (const a of [p, q]) for (const s of v.dims[a]!.steps) steps.set(s.axis, add(steps.get(s.axis) ?? ZERO, s.step));
    return { ...v, base, dims: [...v.dims.filter((_, a) => a !== p && a !== q), { size: length, steps: [...steps].map(([axis, step]) => ({ axis, step })) }] };
  }
  void loc;
  return {
    kind: "lazy", dtype: v.dtype, shape: [...shape.filter((_, a) => a !== p && a !== q), length],
    at: (index) => { const rest = index.slice(0, -1), i = index.at(-1)!; return v.at(shape.map((_, a) => (a === p || a === q ? add(start(a), i) : rest.shift()!))); },
  };
}
define("np.diag", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.diag", "v k?", args, keywords, loc), a = b.operand("v"), k = b.literal("k") ?? 0;
  if (!isArray(a)) return ctx.fail("SHAPE", "Input must be 1- or 2-d.", loc);
  if (shapeOf(a).length === 2) return diagonalOf(ctx, a, k, 0, 1, loc);
  if (shapeOf(a).length !== 1) return ctx.fail("SHAPE", "Input must be 1- or 2-d.", loc);
  const n = addInt(shapeOf(a)[0]!, Math.abs(k)), out = filled(ctx, [n, n], a.dtype, zero(a.dtype), "diag", loc);
  const view = diagonalOf(ctx, out, k, 0, 1, loc) as ArrayValue;
  fill(ctx, { ...view, dims: [{ ...view.dims[0]!, size: shapeOf(a)[0]! }] }, a, loc);
  return out;
});
const diagonal = (ctx: Lowering, args: readonly Value[], keywords: Keywords, loc: SourceLoc): Arrayish => {
  const b = bind(ctx, "np.diagonal", "a offset? axis1? axis2?", args, keywords, loc), a = b.operand("a");
  if (!isArray(a) || shapeOf(a).length < 2) return ctx.fail("SHAPE", "diag requires an array of at least two dimensions", loc);
  const rank = shapeOf(a).length;
  return diagonalOf(ctx, a, b.literal("offset") ?? 0, b.axis("axis1", rank) ?? 0, b.axis("axis2", rank) ?? 1, loc);
};
define("np.diagonal", diagonal);
defineMethod("python", "diagonal", diagonal);
define("np.fill_diagonal", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.fill_diagonal", "a val", args, keywords, loc), a = b.need("a");
  if (a.kind !== "array" || shapeOf(a).length !== 2) return ctx.unsupported("np.fill_diagonal of this value", loc, "it needs a matrix");
  store(ctx, diagonalOf(ctx, a, 0, 0, 1, loc) as ArrayValue, b.operand("val"), loc);
  return { kind: "none" };
}, { impure: true });

define("np.meshgrid", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.meshgrid", "...xi * indexing? sparse? copy?", args, keywords, loc), xi = b.need("xi");
  const items = (xi.kind === "tuple" ? xi.items : []).map((v) => operandOf(ctx, v, loc));
  const xy = (b.text("indexing") ?? "xy") === "xy" && items.length > 1, sparse = b.flag("sparse");
  const sizes = items.map((a) => (isArray(a) ? shapeOf(a)[0]! : ONE));
  const place = (k: number): number => (xy && k < 2 ? 1 - k : k);
  const shape: Expr[] = [];
  sizes.forEach((s, k) => { shape[place(k)] = s; });
  return {
    kind: "list",
    items: items.map((a, k): LazyValue => ({ kind: "lazy", dtype: a.dtype, shape: shape.map((s, d) => (sparse && d !== place(k) ? ONE : s)), at: (i) => elementAt(ctx, a, [i[place(k)]!], [sizes[k]!]) })),
  };
});
define("np.indices", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.indices", "dimensions dtype?", args, keywords, loc), shape = shapeFromValue(ctx, b.need("dimensions"), loc), dtype = b.dtype() ?? "int64";
  return { kind: "lazy", dtype, shape: [int(shape.length), ...shape], at: ([k, ...i]) => shape.reduceRight<ScalarExpr>((rest, _, d) => select(op("eq", "bool", symbolic(k!), constant(d, "int64")), convert(symbolic(i[d]!), dtype), rest), constant(0, dtype)) };
});
define("np.fromfunction", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.fromfunction", "function shape * dtype?", args, keywords, loc), shape = shapeFromValue(ctx, b.need("shape"), loc), dtype = b.dtype() ?? "float64";
  const v = ctx.call(b.need("function"), shape.map((_, d): Value => ({ kind: "lazy", dtype, shape, at: (i) => convert(symbolic(i[d]!), dtype) })), new Map(), loc);
  return v;
});
