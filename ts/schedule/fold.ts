/**
 * Removes from a subtree what facts decide: guards that hold, comparisons of symbolic integers, and the arms of selects and conditionals that
 * they choose. Pre: the facts hold wherever the subtree runs. Post: the same values.
 */
import { conditionFacts } from "../analysis/accesses.js";
import { loopFacts } from "../analysis/dependence.js";
import { isComplex, isFloat } from "../base/dtypes.js";
import { literal } from "../scalar/build.js";
import { constant, mapScalar, op, type ScalarExpr } from "../scalar/expr.js";
import type { Branch, Condition, Memlet, Node } from "../sdfg/nodes.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, sub, visitAtoms, ZERO, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { usedInputs } from "../transform/nests.js";

/** The integer that an operand of a comparison is, if it is one. */
export function integerOf(e: ScalarExpr): Expr | undefined {
  if (e.kind === "symbolic") return e.expr;
  if (e.kind === "cast" && e.arg.kind === "symbolic" && (e.dtype === "int64" || e.dtype === "float64")) return e.arg.expr;
  return e.kind === "const" && typeof e.value === "number" && Number.isSafeInteger(e.value) ? addInt(ZERO, e.value) : undefined;
}
const hasLoad = (e: Expr): boolean => { let f = false; visitAtoms(e, (a) => { if (a.kind === "load") f = true; }); return f; };

/** A comparison as `expr >= 0`. */
export function comparisonOf(e: ScalarExpr): Expr | undefined {
  if (e.kind !== "op" || e.args.length !== 2) return undefined;
  const a = integerOf(e.args[0]!), b = integerOf(e.args[1]!);
  if (!a || !b || (a.constant !== undefined && b.constant !== undefined)) return undefined;
  const d = sub(a, b);
  if (hasLoad(d)) return undefined;
  switch (e.op) {
    case "ge": return d;
    case "gt": return addInt(d, -1);
    case "le": return sub(b, a);
    case "lt": return addInt(sub(b, a), -1);
    default: return undefined;
  }
}

function decide(e: ScalarExpr, facts: Assumptions): boolean | undefined {
  const c = comparisonOf(e);
  if (c) { const r = nonNegative(c, facts); return r === "unknown" ? undefined : r === "yes"; }
  if (e.kind === "op" && (e.op === "eq" || e.op === "ne") && e.args.length === 2) {
    const a = integerOf(e.args[0]!), b = integerOf(e.args[1]!);
    if (!a || !b || (a.constant !== undefined && b.constant !== undefined)) return undefined;
    const d = sub(a, b);
    if (hasLoad(d)) return undefined;
    if (d.constant === 0) return e.op === "eq";
    if (nonNegative(addInt(d, -1), facts) === "yes" || nonNegative(addInt(sub(b, a), -1), facts) === "yes") return e.op === "ne";
    if (nonNegative(d, facts) === "yes" && nonNegative(sub(b, a), facts) === "yes") return e.op === "eq";
  }
  return undefined;
}

const TRUE = constant(true, "bool"), FALSE = constant(false, "bool");
const isTrue = (e: ScalarExpr): boolean => e.kind === "const" && e.dtype === "bool" && Boolean(e.value);
const isFalse = (e: ScalarExpr): boolean => e.kind === "const" && e.dtype === "bool" && !e.value;

export function foldScalar(code: ScalarExpr, facts: Assumptions): ScalarExpr {
  return mapScalar(code, (e) => {
    if (e.kind !== "op") return e;
    const [a, b] = e.args;
    switch (e.op) {
      case "and": return isFalse(a!) || isFalse(b!) ? FALSE : isTrue(a!) ? b! : isTrue(b!) ? a! : e;
      case "or": return isTrue(a!) || isTrue(b!) ? TRUE : isFalse(a!) ? b! : isFalse(b!) ? a! : e;
      case "not": return isTrue(a!) ? FALSE : isFalse(a!) ? TRUE : e;
      case "select": return isTrue(a!) ? e.args[1]! : isFalse(a!) ? e.args[2]! : e;
      default: { const d = decide(e, facts); return d === undefined ? e : d ? TRUE : FALSE; }
    }
  });
}

function foldMemlet(m: Memlet, facts: Assumptions): Memlet {
  if (!m.guard?.length) return m;
  const guard = m.guard.filter((g) => hasLoad(g) || nonNegative(g, facts) !== "yes");
  if (guard.length === m.guard.length) return m;
  const { guard: _, ...rest } = m;
  return guard.length > 0 ? { ...rest, guard } : rest;
}
function foldReads(inputs: readonly Memlet[], code: ScalarExpr, facts: Assumptions): ReturnType<typeof usedInputs> {
  const none = inputs.map((m) => (m.guard ?? []).some((g) => !hasLoad(g) && nonNegative(g, facts) === "no"));
  return usedInputs(inputs.map((m) => foldMemlet(m, facts)), foldScalar(none.includes(true) ? withoutReads(code, none) : code, facts));
}
/** The code without the inputs that give 0 because a guard fails: terms of sums that are nothing but such inputs (and finite factors) are left out. */
function withoutReads(code: ScalarExpr, none: readonly boolean[]): ScalarExpr {
  const zeros = new Set<ScalarExpr>(), zero = (like: ScalarExpr): ScalarExpr => { const z = literal(0, like.dtype); zeros.add(z); return z; };
  const finite = (e: ScalarExpr): boolean => zeros.has(e) || (e.kind === "const" && Number.isFinite(Number(e.value)) && Number.isFinite(e.imag ?? 0));
  return mapScalar(code, (e) => {
    if (e.kind === "input") return none[e.index] ? zero(e) : e;
    if (e.kind !== "op" || !isFloat(e.dtype) && !isComplex(e.dtype) || !e.args.some((a) => zeros.has(a))) return e;
    const [a, b] = e.args;
    switch (e.op) {
      case "neg": return zero(e);
      case "mul": return finite(a!) && finite(b!) ? zero(e) : e;
      case "add": if (zeros.has(a!)) return b!.dtype === e.dtype ? b! : e; return a!.dtype === e.dtype ? a! : e;
      case "sub": return zeros.has(b!) && a!.dtype === e.dtype ? a! : zeros.has(a!) && b!.dtype === e.dtype ? op("neg", e.dtype, b!) : e;
      default: return e;
    }
  });
}
function foldCondition(c: Condition, facts: Assumptions): Condition { return foldReads(c.inputs, c.code, facts); }

export function fold(body: readonly Node[], facts: Assumptions): readonly Node[] {
  return body.flatMap((n): readonly Node[] => {
    switch (n.kind) {
      case "tasklet": return [{ ...n, ...foldReads(n.inputs, n.code, facts) }];
      case "loop": return [{ ...n, body: fold(n.body, facts.with(...loopFacts(n))) }];
      case "block": return [{ ...n, body: fold(n.body, facts) }];
      case "conditional": {
        const branches: Branch[] = [];
        for (const b of n.branches) {
          const condition = b.condition && foldCondition(b.condition, facts);
          if (condition && isFalse(condition.code)) continue;
          const certain = !condition || isTrue(condition.code);
          branches.push({ ...(certain ? {} : { condition }), body: fold(b.body, condition ? facts.with(...conditionFacts(condition.code)) : facts) });
          if (certain) break;
        }
        if (branches.length === 0) return [];
        return branches[0]!.condition ? [{ ...n, branches }] : branches[0]!.body;
      }
      default: return [n];
    }
  });
}
