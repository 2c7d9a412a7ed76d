/** Conflict resolution: `lambda old, new: …` → a combining write, or a read-modify-write where the function is none of the four that commute. */
import type { SourceLoc } from "../../base/errors.js";
import { cast, input, mapScalar, op, type ScalarExpr } from "../../scalar/expr.js";
import { node, nodes, parseExpression, textOf } from "../../sdfg/dace/python.js";
import { ScalarReader } from "../../sdfg/dace/scalars.js";
import type { Memlet, Wcr } from "../../sdfg/nodes.js";
import type { Lowering } from "./context.js";
import type { Ref } from "./references.js";

/** Inputs −1 and −2 stand for the old and the new value. */
const OLD = -1, NEW = -2;
const COMBINES: Readonly<Record<string, Wcr>> = { add: "sum", mul: "prod", min: "min", max: "max" };

export type Combination = { readonly kind: "wcr"; readonly wcr: Wcr; readonly negate: boolean } | { readonly kind: "function"; readonly apply: (old: ScalarExpr, value: ScalarExpr) => ScalarExpr };

/** What a lambda does on values of a container's dtype. */
export function combination(l: Lowering, text: string, dtype: Parameters<typeof cast>[1]): Combination {
  const n = parseExpression(text);
  const params = n.nodeType === "Lambda" ? nodes(node(n["args"])["args"]).map((a) => textOf(a["arg"])) : [];
  if (params.length !== 2) l.refuse(`the conflict resolution ${text}`);
  const reader = new ScalarReader({
    where: `the conflict resolution ${text}`,
    name: (name) => (name === params[0] ? { code: input(OLD, dtype) } : name === params[1] ? { code: input(NEW, dtype) } : undefined),
    element: () => undefined,
  });
  const code = cast(reader.value(node(n["body"])).code, dtype);
  const is = (e: ScalarExpr | undefined, which: number): boolean => e?.kind === "input" && e.index === which;
  if (code.kind === "op" && code.dtype === dtype) {
    const [a, b] = code.args, wcr = COMBINES[code.op];
    if (wcr && ((is(a, OLD) && is(b, NEW)) || (is(a, NEW) && is(b, OLD)))) return { kind: "wcr", wcr, negate: false };
    if (code.op === "sub" && is(a, OLD) && is(b, NEW)) return { kind: "wcr", wcr: "sum", negate: true };
  }
  return { kind: "function", apply: (old, value) => mapScalar(code, (e) => (e.kind !== "input" ? e : e.index === OLD ? old : e.index === NEW ? value : e)) };
}

/** `target = lambda(target, value)`, or a plain write. */
export function combine(l: Lowering, target: Memlet, value: ScalarExpr, wcr: string | undefined, options: { readonly loc?: SourceLoc | undefined } = {}): void {
  if (wcr === undefined) { l.store(target, value, options); return; }
  const dtype = l.container(target.data).dtype, c = combination(l, wcr, dtype), v = cast(value, dtype);
  if (c.kind === "wcr") l.store(target, c.negate ? op("neg", dtype, v) : v, { ...options, wcr: c.wcr });
  else l.store(target, c.apply(l.readMemlet(target).code, v), options);
}

/** The conflict resolution of a write, where the nested SDFG around it may ask for one too. */
export function effective(l: Lowering, own: string | undefined, r: Ref, what: string): string | undefined {
  if (own === undefined && r.wcr !== undefined) l.refuse(`${what}: a plain write inside a nested SDFG whose output has conflict resolution`);
  return own;
}
