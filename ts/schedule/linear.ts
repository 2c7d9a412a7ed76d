/** Splits an expression that is linear in some of its inputs into the part without them and the rest. */
import { addS, mulS, negS, subS, divS } from "../scalar/build.js";
import { inputsOf, type ScalarExpr } from "../scalar/expr.js";

export interface Linear {
  /** The part without the chosen inputs. */
  readonly rest: ScalarExpr;
  /** `value + (the part with them)`, as fewest operations after the chosen inputs are known. */
  readonly combine: (value: ScalarExpr) => ScalarExpr;
}

/** Undefined unless the expression is a sum of a part without the inputs and of products of single inputs with factors that do not depend on them. */
export function linearIn(code: ScalarExpr, chosen: ReadonlySet<number>): Linear | undefined {
  const depends = (e: ScalarExpr): boolean => [...inputsOf(e)].some((k) => chosen.has(k));
  /** e = rest + Σ factor·input */
  const split = (e: ScalarExpr): { readonly rest: ScalarExpr | undefined; readonly terms: readonly { readonly input: ScalarExpr; readonly factor: ScalarExpr | undefined }[] } | undefined => {
    if (!depends(e)) return { rest: e, terms: [] };
    if (e.kind === "input") return { rest: undefined, terms: [{ input: e, factor: undefined }] };
    if (e.kind !== "op") return undefined;
    const scaled = (of: ScalarExpr, f: (x: ScalarExpr) => ScalarExpr, factor: (x: ScalarExpr | undefined) => ScalarExpr | undefined): ReturnType<typeof split> => {
      const s = split(of);
      return s && { rest: s.rest && f(s.rest), terms: s.terms.map((t) => ({ input: t.input, factor: factor(t.factor) })) };
    };
    const one = (x: ScalarExpr | undefined, like: ScalarExpr): ScalarExpr => x ?? { kind: "const", dtype: like.dtype, value: 1 };
    const [a, b] = e.args;
    switch (e.op) {
      case "add": case "sub": {
        const x = split(a!), y = split(b!);
        if (!x || !y) return undefined;
        const flip = e.op === "sub";
        const rest = x.rest && y.rest ? (flip ? subS(x.rest, y.rest) : addS(x.rest, y.rest)) : x.rest ?? (y.rest && flip ? negS(y.rest) : y.rest);
        return { rest, terms: [...x.terms, ...y.terms.map((t) => (flip ? { input: t.input, factor: negS(one(t.factor, t.input)) } : t))] };
      }
      case "neg": return scaled(a!, negS, (f) => negS(one(f, e)));
      case "mul": {
        const [inside, factor] = depends(a!) ? [a!, b!] : [b!, a!];
        return depends(factor) ? undefined : scaled(inside, (x) => mulS(x, factor), (f) => (f ? mulS(f, factor) : factor));
      }
      case "div": return depends(b!) ? undefined : scaled(a!, (x) => divS(x, b!), (f) => divS(one(f, e), b!));
      default: return undefined;
    }
  };
  const s = split(code);
  if (!s || !s.rest || s.terms.length === 0) return undefined;
  return { rest: s.rest, combine: (value) => s.terms.reduce((sum, t) => addS(sum, t.factor ? mulS(t.factor, t.input) : t.input), value) };
}
