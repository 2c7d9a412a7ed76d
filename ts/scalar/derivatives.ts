/**
 * The derivative table, and reverse accumulation through one tasklet's expression.
 *
 * Conventions (GRADIENTS in the docs): elementwise min and max give half to each argument at a tie; abs has slope 0 at 0; the arm that a select does not take
 * receives exactly 0. Partials that are infinite or undefined somewhere (sqrt, division, log, pow, atan2, hypot) use the strong zero: a cotangent
 * of 0 gives 0, since 0·∞ would arise before a later select cuts it off. Complex: the cotangent of z = x + iy is dL/dx + i dL/dy, so a holomorphic f passes w̄·conj(f′).
 */
import { isComplex, isDifferentiable, isFloat, realOf, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { addS, convertS, divS, isConst, literal, mulS, negS, selectS, subS } from "./build.js";
import { constant, op, visitScalar, type OpName, type ScalarExpr } from "./expr.js";

/** Arguments x, result y, cotangent g (of y's dtype) → contribution to each argument; undefined: no derivative flows there. */
type Rule = (x: readonly ScalarExpr[], y: ScalarExpr, g: ScalarExpr) => readonly (ScalarExpr | undefined)[];

const num = (v: number, like: ScalarExpr): ScalarExpr => literal(v, like.dtype);
const fn = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, args[0]!.dtype, ...args);
const cmp = (name: OpName, a: ScalarExpr, b: ScalarExpr): ScalarExpr => op(name, "bool", a, b);
const sq = (a: ScalarExpr): ScalarExpr => mulS(a, a);
/** conj of a partial where the function is complex. */
const conj = (e: ScalarExpr): ScalarExpr => (!isComplex(e.dtype) ? e : e.kind === "const" ? constant(e.value, e.dtype, -(e.imag ?? 0)) : op("conj", e.dtype, e));
/** g·conj(d) */
const times = (g: ScalarExpr, d: ScalarExpr): ScalarExpr => mulS(g, conj(d));
/** g/conj(d) */
const over = (g: ScalarExpr, d: ScalarExpr): ScalarExpr => (d.kind === "const" && isFloat(d.dtype) && Number.isFinite(1 / Number(d.value)) ? mulS(g, num(1 / Number(d.value), d)) : divS(g, conj(d)));
/**
 * e, but 0 where g is 0 and e is NaN for that (0·∞, 0·NaN). Elsewhere e itself is kept even where g is 0: its own derivative with respect to g is
 * needed when gradients are differentiated again.
 */
const strong = (g: ScalarExpr, e: ScalarExpr): ScalarExpr => (g.kind === "const" ? e : selectS(op("and", "bool", cmp("eq", g, num(0, g)), cmp("ne", e, e)), num(0, e), e));
const overStrong = (g: ScalarExpr, d: ScalarExpr): ScalarExpr => (d.kind === "const" || d.kind === "symbolic" ? over(g, d) : strong(g, over(g, d)));

const unary = (f: (x: ScalarExpr, y: ScalarExpr, g: ScalarExpr) => ScalarExpr): Rule => ([x], y, g) => [f(x!, y, g)];
const none: Rule = (x) => x.map(() => undefined);

function power([x, p]: readonly ScalarExpr[], y: ScalarExpr, g: ScalarExpr): readonly ScalarExpr[] {
  const base = x!, e = p!;
  if (e.kind === "const" && (e.imag ?? 0) === 0) {
    const k = Number(e.value);
    const zero = num(0, base);
    if (k === 0) return [zero, zero];
    if (k === 1) return [g, zero];
    if (k === 2) return [times(g, mulS(num(2, base), base)), zero];
    const d = mulS(num(k, base), k === 3 ? sq(base) : k === 0.5 ? op("reciprocal", y.dtype, fn("sqrt", base)) : op("pow", y.dtype, base, num(k - 1, e)));
    // x**(k-1) is finite everywhere for k >= 1.
    return [k >= 1 ? times(g, d) : strong(g, times(g, d)), zero];
  }
  const zero = num(0, base);
  const dx = selectS(cmp("eq", e, zero), zero, times(g, mulS(e, op("pow", y.dtype, base, subS(e, num(1, e))))));
  // d/dp x**p = x**p log x, whose limit at x = 0 is 0 for p > 0.
  const dp = selectS(cmp("eq", base, zero), zero, times(g, mulS(y, fn("log", base))));
  return [strong(g, dx), strong(g, dp)];
}

function extremum(better: OpName): Rule {
  return ([a, b], _y, g) => {
    const half = mulS(num(0.5, g), g), zero = num(0, g);
    const tie = cmp("eq", a!, b!);
    return [selectS(cmp(better, a!, b!), g, selectS(tie, half, zero)), selectS(cmp(better, b!, a!), g, selectS(tie, half, zero))];
  };
}

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

/** One row per differentiable function. Where two need-sets exist ({result} or {arguments}) the row uses y when it was given as a value, else x (`via`). */
const TABLE: Partial<Record<OpName, Rule>> = {
  add: (_x, _y, g) => [g, g],
  sub: (_x, _y, g) => [g, negS(g)],
  mul: ([a, b], _y, g) => [times(g, b!), times(g, a!)],
  // {result, divisor}: ∂b = −g·y/b; {numerator, divisor} differs only in that y is written out as a/b.
  div: ([, b], y, g) => { const q = overStrong(g, b!); return [q, strong(g, negS(times(q, y)))]; },
  neg: (_x, _y, g) => [negS(g)],
  fma: ([a, b], _y, g) => [times(g, b!), times(g, a!), g],
  square: unary((x, _y, g) => times(g, mulS(num(2, x), x))),
  reciprocal: unary((_x, y, g) => strong(g, negS(times(times(g, y), y)))),
  abs: unary((x, y, g) => (isComplex(x.dtype)
    ? selectS(cmp("eq", y, num(0, y)), num(0, x), mulS(convertS(g, x.dtype), divS(x, convertS(y, x.dtype))))
    : mulS(g, fn("sign", x)))),
  min: extremum("lt"), max: extremum("gt"),
  pow: power,
  sqrt: unary((_x, y, g) => overStrong(mulS(num(0.5, g), g), y)),
  cbrt: unary((_x, y, g) => strong(g, divS(g, mulS(num(3, y), sq(y))))),
  exp: unary((_x, y, g) => times(g, y)),
  exp2: unary((_x, y, g) => mulS(mulS(g, num(Math.LN2, g)), y)),
  expm1: unary((_x, y, g) => times(g, addS(y, num(1, y)))),
  log: unary((x, _y, g) => overStrong(g, x)),
  log2: unary((x, _y, g) => overStrong(mulS(g, num(Math.LOG2E, g)), x)),
  log10: unary((x, _y, g) => overStrong(mulS(g, num(Math.LOG10E, g)), x)),
  log1p: unary((x, _y, g) => overStrong(g, addS(num(1, x), x))),
  sin: unary((x, _y, g) => times(g, fn("cos", x))),
  cos: unary((x, _y, g) => negS(times(g, fn("sin", x)))),
  tan: unary((_x, y, g) => times(g, addS(num(1, y), sq(y)))),
  asin: unary((x, _y, g) => overStrong(g, fn("sqrt", subS(num(1, x), sq(x))))),
  acos: unary((x, _y, g) => negS(overStrong(g, fn("sqrt", subS(num(1, x), sq(x)))))),
  atan: unary((x, _y, g) => over(g, addS(num(1, x), sq(x)))),
  atan2: ([a, b], _y, g) => { const d = addS(sq(a!), sq(b!)); const q = strong(g, divS(g, d)); return [mulS(q, b!), negS(mulS(q, a!))]; },
  sinh: unary((x, _y, g) => times(g, fn("cosh", x))),
  cosh: unary((x, _y, g) => times(g, fn("sinh", x))),
  tanh: unary((_x, y, g) => times(g, subS(num(1, y), sq(y)))),
  asinh: unary((x, _y, g) => over(g, fn("sqrt", addS(sq(x), num(1, x))))),
  acosh: unary((x, _y, g) => overStrong(g, fn("sqrt", subS(sq(x), num(1, x))))),
  atanh: unary((x, _y, g) => overStrong(g, subS(num(1, x), sq(x)))),
  hypot: ([a, b], y, g) => { const q = selectS(cmp("eq", y, num(0, y)), num(0, y), divS(g, y)); return [mulS(q, a!), mulS(q, b!)]; },
  erf: unary((x, _y, g) => mulS(mulS(g, num(TWO_OVER_ROOT_PI, x)), fn("exp", negS(sq(x))))),
  erfc: unary((x, _y, g) => negS(mulS(mulS(g, num(TWO_OVER_ROOT_PI, x)), fn("exp", negS(sq(x)))))),
  lgamma: unary((x, _y, g) => mulS(g, fn("digamma", x))),
  tgamma: unary((x, y, g) => mulS(mulS(g, y), fn("digamma", x))),
  // x - floor(x/y)*y
  mod: ([a, b], _y, g) => [g, strong(g, negS(mulS(g, fn("floor", divS(a!, b!)))))],
  rem: ([a, b], _y, g) => [g, strong(g, negS(mulS(g, fn("trunc", divS(a!, b!)))))],
  copysign: ([a, b], _y, g) => [mulS(g, mulS(fn("sign", a!), op("copysign", g.dtype, num(1, g), b!))), undefined],
  // select: see `adjoint`
  complex: (_x, _y, g) => [op("real", realOf(g.dtype), g), op("imag", realOf(g.dtype), g)],
  real: ([z], _y, g) => [op("complex", z!.dtype, g, num(0, g))],
  imag: ([z], _y, g) => [op("complex", z!.dtype, num(0, g), g)],
  conj: unary((_x, _y, g) => op("conj", g.dtype, g)),
  arg: ([z], _y, g) => {
    const r = realOf(z!.dtype), re = op("real", r, z!), im = op("imag", r, z!);
    const q = strong(g, divS(g, addS(sq(re), sq(im))));
    return [op("complex", z!.dtype, negS(mulS(q, im)), mulS(q, re))];
  },
  // Piecewise constant.
  floor: none, ceil: none, trunc: none, round: none, jsround: none, sign: none, floordiv: none,
};

/** The inputs that a derivative of `code` flows to: not those behind a conversion to integers, a rounding, a comparison. */
export function carriedInputs(code: ScalarExpr): Set<number> {
  const found = new Set<number>(), seen = new Set<ScalarExpr>();
  const visit = (e: ScalarExpr): void => {
    if (seen.has(e) || !isDifferentiable(e.dtype)) return;
    seen.add(e);
    if (e.kind === "input") found.add(e.index);
    else if (e.kind === "cast") visit(e.arg);
    else if (e.kind === "op" && TABLE[e.op] !== none) for (const a of e.op === "select" ? e.args.slice(1) : e.args) visit(a);
  };
  visit(code);
  return found;
}

export interface AdjointOptions {
  /** The tasklet's result as an input, for rules that need it. */
  readonly resultExpr?: ScalarExpr;
  /** Use `resultExpr` wherever a rule can (the arguments are gone); otherwise results are written out from the arguments. */
  readonly preferResult?: boolean;
}

/** Where a cotangent counts: under a select's condition, within an outer one. */
interface Mask { readonly outer: Mask | undefined; readonly condition: ScalarExpr; readonly holds: boolean }
interface Masked { readonly g: ScalarExpr; readonly mask: Mask | undefined }

/** The cotangent where all conditions around hold, exactly 0 elsewhere, whatever the partials are there. */
function unmask({ g, mask }: Masked): ScalarExpr {
  let e = g;
  for (let m = mask; m; m = m.outer) e = m.holds ? selectS(m.condition, e, num(0, e)) : selectS(m.condition, num(0, e), e);
  return e;
}
function sameMask(a: Mask | undefined, b: Mask | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.condition === b.condition && a.holds === b.holds && sameMask(a.outer, b.outer));
}
function merge(a: Masked, b: Masked): Masked {
  if (sameMask(a.mask, b.mask)) return { g: addS(a.g, b.g), mask: a.mask };
  // The two arms of one condition.
  if (a.mask && b.mask && a.mask.condition === b.mask.condition && sameMask(a.mask.outer, b.mask.outer)) {
    return { g: a.mask.holds ? selectS(a.mask.condition, a.g, b.g) : selectS(a.mask.condition, b.g, a.g), mask: a.mask.outer };
  }
  return { g: addS(unmask(a), unmask(b)), mask: undefined };
}

/**
 * Σ over paths of partials: for each active input of `code`, the expression of what its cotangent receives when the result's is `cotangent`. What a select
 * lets through is masked at the inputs, so that an infinite or undefined partial anywhere in the unused arm contributes exactly 0.
 */
export function adjoint(code: ScalarExpr, cotangent: ScalarExpr, active: ReadonlySet<number>, options: AdjointOptions = {}): Map<number, ScalarExpr> {
  const carries = new Set<ScalarExpr>();
  const order: ScalarExpr[] = [];
  visitScalar(code, (e) => {
    order.push(e);
    if (!isDifferentiable(e.dtype)) return;
    if (e.kind === "input" ? active.has(e.index) : e.kind === "op" ? e.args.some((a) => carries.has(a)) : e.kind === "cast" && carries.has(e.arg)) carries.add(e);
  });
  const sums = new Map<ScalarExpr, Masked>();
  const receive = (e: ScalarExpr, g: ScalarExpr | undefined, mask: Mask | undefined): void => {
    if (!g || !carries.has(e) || isConst(g, 0)) return;
    const part = { g: fit(g, e.dtype), mask }, old = sums.get(e);
    sums.set(e, old ? merge(old, part) : part);
  };
  receive(code, cotangent, undefined);
  const result = new Map<number, ScalarExpr>();
  for (let i = order.length - 1; i >= 0; i--) {
    const e = order[i]!, sum = sums.get(e);
    if (!sum) continue;
    const { g, mask } = sum;
    if (e.kind === "input") { const old = result.get(e.index), x = unmask(sum); result.set(e.index, old ? addS(old, x) : x); continue; }
    if (e.kind === "cast") { receive(e.arg, g, mask); continue; }
    if (e.kind !== "op") continue;
    if (e.op === "select") {
      const condition = e.args[0]!;
      receive(e.args[1]!, g, { outer: mask, condition, holds: true });
      receive(e.args[2]!, g, { outer: mask, condition, holds: false });
      continue;
    }
    const rule = TABLE[e.op];
    if (!rule) throw new DaceError("UNSUPPORTED", `the derivative of ${e.op}`);
    const y = e === code && options.preferResult && options.resultExpr ? options.resultExpr : e;
    rule(e.args, y, g).forEach((part, k) => { receive(e.args[k]!, part, mask); });
  }
  return result;
}

/** A cotangent in an argument's dtype: a real argument of a complex function takes the real part. */
function fit(g: ScalarExpr, dtype: DType): ScalarExpr {
  if (g.dtype === dtype) return g;
  if (isComplex(g.dtype) && !isComplex(dtype)) return convertS(op("real", realOf(g.dtype), g), dtype);
  return convertS(g, dtype);
}
