/** Bounds of integer expressions over the loops around, in symbols that are known on entry: sizes of buffers, and checks made once per call. */
import { type Atom, type Expr, add, addInt, floordiv, freeSymbols, int, load, loadedContainers, max, min, mod, mul, sym, ZERO } from "../../symbolic/expr.js";
import { lowerBound, nonNegative, upperBound } from "../../symbolic/prove.js";
import type { Lowering } from "./context.js";

/** Made of entry symbols alone: it has one value per call. */
export function knownOnEntry(ctx: Lowering, e: Expr): boolean {
  if (e.constant !== undefined) return true;
  if (loadedContainers(e).size > 0) return false;
  for (const s of freeSymbols(e)) if (!ctx.isEntrySymbol(s)) return false;
  return true;
}

/** An expression of entry symbols that is never below (above) e, wherever all the loops around run; undefined if none is found. A buffer's size is never negative. */
export function entryBound(ctx: Lowering, e: Expr, side: "upper" | "lower"): Expr | undefined {
  if (knownOnEntry(ctx, e)) return e;
  const b = corner(ctx, e, side);
  if (!b || side === "lower") return b;
  return nonNegative(b, ctx.facts) === "yes" ? b : max(ZERO, b);
}

function corner(ctx: Lowering, e: Expr, side: "upper" | "lower"): Expr | undefined {
  if (knownOnEntry(ctx, e)) return e;
  const loops = ctx.scopes, f = side === "upper" ? upperBound : lowerBound;
  const direct = f(e, loops, ctx.facts);
  if (direct && knownOnEntry(ctx, direct)) return direct;
  // Compound parts are replaced by bounds of their own, in the direction that their sign asks for.
  let sum: Expr = ZERO, changed = false;
  for (const t of (direct ?? e).terms) {
    const whole = t.atoms.reduce((p, a) => mul(p, atomExpr(a)), int(t.coefficient));
    if (t.atoms.length !== 1 || t.atoms[0]!.kind === "symbol" || knownOnEntry(ctx, whole)) { sum = add(sum, whole); continue; }
    const b = atomBound(ctx, t.atoms[0]!, (side === "upper") === (t.coefficient > 0) ? "upper" : "lower");
    if (!b) return undefined;
    sum = add(sum, mul(int(t.coefficient), b));
    changed = true;
  }
  if (!changed) return undefined;
  const again = f(sum, loops, ctx.facts);
  return again && knownOnEntry(ctx, again) ? again : undefined;
}

function atomBound(ctx: Lowering, a: Atom, side: "upper" | "lower"): Expr | undefined {
  switch (a.kind) {
    case "min": case "max": {
      const parts = a.args.map((x) => corner(ctx, x, side));
      // One argument bounds a minimum from above and a maximum from below; the other way all are needed.
      const some = parts.filter((x): x is Expr => x !== undefined), loose = (a.kind === "min") === (side === "upper");
      if (some.length === 0 || (!loose && some.length < parts.length)) return undefined;
      return a.kind === "min" ? min(...some) : max(...some);
    }
    case "floordiv": { const k = a.b.constant, x = corner(ctx, a.a, side); return k !== undefined && k > 0 && x ? floordiv(x, a.b) : undefined; }
    case "mod": { const k = a.b.constant; return knownOnEntry(ctx, a.b) && (k === undefined ? nonNegative(addInt(a.b, -1), ctx.facts) === "yes" : k > 0) ? (side === "upper" ? addInt(a.b, -1) : ZERO) : undefined; }
    // A length: never more than its buffer holds.
    case "load": return a.index.length > 0 ? undefined : side === "lower" && ctx.lengths.has(a.data) ? ZERO : ctx.lengths.get(a.data);
    default: return undefined;
  }
}
function atomExpr(a: Atom): Expr {
  switch (a.kind) {
    case "symbol": return sym(a.name);
    case "floordiv": return floordiv(a.a, a.b);
    case "mod": return mod(a.a, a.b);
    case "min": return min(...a.args);
    case "max": return max(...a.args);
    case "load": return load(a.data, a.index);
  }
}
