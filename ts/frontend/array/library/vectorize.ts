/** np.vectorize: a function of numbers, called for each element of broadcast arrays. */
import type { SourceLoc } from "../../../base/errors.js";
import { cast } from "../../../scalar/expr.js";
import { ZERO, type Expr } from "../../../symbolic/expr.js";
import type { Lowering } from "../context.js";
import { withoutAssigning } from "../evaluate/variables.js";
import { define, defineMethod } from "../registry.js";
import { materialise } from "../store.js";
import { type ArrayValue, describe, indexOf, isArray, type ScalarValue, shapeOf, tupleValue, type Value } from "../value.js";
import { bind, dtypeFrom } from "./arguments.js";
import { elementAt } from "./elementwise.js";
import { broadcastShapes, operandOf, type Operand } from "./operands.js";

define("np.vectorize", (ctx, args, keywords, loc) => {
  const b = bind(ctx, "np.vectorize", "pyfunc otypes?", args, keywords, loc), f = b.need("pyfunc"), types = b.get("otypes");
  if (f.kind !== "function" && f.kind !== "library" && f.kind !== "method") return ctx.fail("TYPE", `np.vectorize of ${describe(f)}`, loc);
  return { kind: "method", self: tupleValue([f, ...(types ? [types] : [])]), name: "%vectorized" };
});

/** The function's results for one element. */
function results(ctx: Lowering, f: Value, given: readonly Operand[], keywords: ReadonlyMap<string, Value>, shape: readonly Expr[], index: readonly Expr[], loc: SourceLoc): readonly ScalarValue[] {
  const element = (o: Operand): ScalarValue => (o.kind === "scalar" ? o : { kind: "scalar", dtype: o.dtype, weak: false, code: elementAt(ctx, o, index, shape) });
  const v = ctx.call(f, given.map(element), keywords, loc), list = v.kind === "tuple" ? v.items : [v];
  return list.map((x) => {
    if (isArray(x) && shapeOf(x).length === 0) { const a = materialise(ctx, x, { loc }); return { kind: "scalar", dtype: a.dtype, weak: false, code: ctx.read(a.data, indexOf(a, [])) }; }
    return x.kind === "scalar" ? x : ctx.unsupported(`np.vectorize of a function that gives ${describe(x)}`, loc, "it must give a number, or a tuple of them");
  });
}
defineMethod("python", "%vectorized", (ctx, [self, ...args], keywords, loc) => {
  const [f, types] = self?.kind === "tuple" ? self.items : [], operands = args.map((a) => operandOf(ctx, a, loc));
  if (!f || operands.length === 0) return ctx.fail("ARGUMENT", "a vectorized function needs arrays", loc);
  // What is not an array stays as it is: `f(a, n)` with an integer n.
  const shape = broadcastShapes(ctx, operands.map((o) => (isArray(o) ? shapeOf(o) : [])), loc), settled = operands.map((o) => (o.kind === "lazy" ? materialise(ctx, o, { loc }) : o));
  if (shape.length === 0) { const r = results(ctx, f, settled, keywords, [], [], loc); return r.length === 1 ? r[0]! : tupleValue([...r]); }
  const each = (g: (index: readonly Expr[]) => void, index: readonly Expr[] = []): void => { if (index.length === shape.length) g(index); else ctx.loop("i", ZERO, shape[index.length]!, "up", (i) => { each(g, [...index, i]); }, loc); };
  // Once for the types, then in the loops that fill the arrays.
  const saved = ctx.snapshot();
  let probe: readonly ScalarValue[] | undefined;
  withoutAssigning(ctx, () => { each((index) => { probe = results(ctx, f, settled, keywords, shape, index, loc); }); }, loc);
  ctx.restore(saved);
  const wanted = types && (types.kind === "list" || types.kind === "tuple" ? types.items : [types]).map((t) => dtypeFrom(ctx, t, loc));
  const out = (probe ?? []).map((v, k): ArrayValue => ctx.allocate(shape, wanted?.[k] ?? v.dtype, "vectorized", loc));
  if (out.length === 0) return ctx.fail("SHAPE", "a vectorized function of arrays without elements", loc);
  each((index) => { results(ctx, f, settled, keywords, shape, index, loc).forEach((v, k) => { ctx.tasklet(out[k]!.data, indexOf(out[k]!, index), cast(v.code, out[k]!.dtype), { loc }); }); });
  return out.length === 1 ? out[0]! : tupleValue(out);
});
